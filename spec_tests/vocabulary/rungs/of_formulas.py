"""The cases of activations, linear layers, losses and normalizations."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.rungs.making import case, odd_halves, without_zeros

Ladder = dict[str, list[Problem]]


def _relu() -> Ladder:
    return {"plain": [case("relu", numbers=odd_halves, input=shape) for shape in ((1,), (2,), (2, 3), (2, 2, 2, 2))]}


def _curve(name: str) -> Ladder:
    return {
        "plain": [case(name, numbers=odd_halves, input=shape) for shape in ((1,), (2, 3), (2, 2, 2, 2))],
        "large numbers": [case(name, input=np.array(numbers)) for numbers in ([1000.0], [-1000.0], [[800.0, -2.0]])],
    }


def _along_an_axis(name: str) -> Ladder:
    def along(dim: int, input: Any) -> Problem:
        return case(name, {"dim": dim}, odd_halves, input=input)

    large = ([[1000.0, 999.0]], [[-1000.0, -1001.0]], [[1000.0, 0.0]])
    return {
        "plain": [along(0, (2,)), along(1, (1, 2)), along(1, (2, 3)), along(2, (2, 3, 4))],
        "large numbers": [along(1, np.array(row)) for row in large],
        "not the last axis": [along(0, (2, 1)), along(0, (2, 3)), along(1, (2, 3, 4))],
        "an axis counted from the back": [along(-1, (1, 2)), along(-1, (2, 3, 4)), along(-2, (2, 3, 4))],
    }


def _linear() -> Ladder:
    def linear(leading: tuple[int, ...], ins: int, outs: int, bias: bool = False) -> Problem:
        out = (outs,) if outs else ()
        return case(
            "linear",
            numbers=without_zeros,
            input=(*leading, ins),
            weight=(*out, ins),
            bias=out if bias else None,
        )

    return {
        "plain": [linear((1,), 1, 1), linear((1,), 2, 1), linear((1,), 1, 2), linear((1,), 2, 2), linear((2,), 3, 4)],
        "bias": [linear((1,), 1, 1, bias=True), linear((1,), 1, 2, bias=True), linear((2,), 3, 4, bias=True)],
        "more leading axes": [linear((1, 2), 1, 1), linear((2, 3), 3, 4, bias=True)],
        "a single output": [linear((1,), 2, 0), linear((2,), 3, 0)],
        "without a batch": [linear((), 1, 1), linear((), 3, 4, bias=True)],
    }


def _flatten() -> Ladder:
    def flatten(shape: tuple[int, ...], start: int, end: int) -> Problem:
        return case("flatten", {"start_dim": start, "end_dim": end}, without_zeros, input=shape)

    return {
        "plain": [flatten((2, 2), 0, -1), flatten((2, 3, 4), 0, -1)],
        "some of the axes": [flatten((2, 2, 2), 1, -1), flatten((2, 3, 4), 0, 1), flatten((2, 3, 2, 2), 1, 2)],
        "axes counted from the back": [flatten((2, 2, 2), -2, -1), flatten((2, 3, 2, 2), -3, -2)],
    }


def _regression(name: str) -> Ladder:
    def loss(input: tuple[int, ...], reduction: str = "mean", target: Any = None, weight: bool = False) -> Problem:
        rng = np.random.default_rng(len(input))
        weights = np.asarray(rng.integers(1, 5, input), np.float64) if weight else None
        arrays: dict[str, Any] = {
            "input": odd_halves(rng, input),
            "target": without_zeros(rng, target or input),
            "weight": weights,
        }
        return case(name, {"reduction": reduction}, **arrays)

    return {
        "plain": [loss((1,)), loss((2,)), loss((2, 3))],
        "sum": [loss((2,), "sum"), loss((2, 3), "sum")],
        "none": [loss((2,), "none"), loss((2, 3), "none")],
        "weight": [loss((2,), weight=True), loss((2,), "none", weight=True), loss((2, 3), "sum", weight=True)],
        "broadcasting": [loss((2, 1), "mean", (1, 2)), loss((2, 3), "none", (1, 3)), loss((1, 3), "sum", (2, 3))],
    }


def _classes(name: str) -> Ladder:
    def loss(
        shape: tuple[int, ...],
        target: Any,
        reduction: str = "mean",
        weight: Any = None,
        ignored: int = -100,
        smoothing: float = 0.0,
    ) -> Problem:
        options: dict[str, Any] = {"ignore_index": ignored, "reduction": reduction}
        if name == "cross_entropy":
            options["label_smoothing"] = smoothing
        weight = None if weight is None else np.array(weight)
        return case(name, options, odd_halves, input=shape, target=np.array(target), weight=weight)

    def large(*scores: float) -> Problem:
        return loss((1, 2), [0]).changed(input=np.array([scores]))

    two, three = [1.0, 3.0], [1.0, 2.0, 4.0]
    ladder: Ladder = {
        "plain": [loss((1, 2), [0]), loss((1, 2), [1]), loss((2, 3), [2, 0]), loss((4, 3), [2, 0, 1, 0])],
        "large numbers": [large(1000.0, 999.0), large(-1000.0, -999.0), large(0.0, 1000.0)],
        "sum": [loss((2, 2), [0, 1], "sum"), loss((4, 3), [2, 0, 1, 0], "sum")],
        "none": [loss((2, 2), [0, 1], "none"), loss((4, 3), [2, 0, 1, 0], "none")],
        "weight": [
            loss((2, 2), [0, 1], "mean", two),
            loss((2, 2), [0, 1], "none", two),
            loss((2, 2), [0, 1], "sum", two),
            loss((4, 3), [2, 0, 1, 0], "mean", three),
        ],
        "ignore_index": [
            loss((2, 2), [0, -100], "mean"),
            loss((2, 2), [0, -100], "sum"),
            loss((2, 2), [0, -100], "none"),
            loss((4, 3), [2, 0, 1, 0], "mean", three, 0),
        ],
        "further axes": [
            loss((1, 2, 2), [[0, 1]]),
            loss((1, 2, 2), [[0, 1]], "none"),
            loss((2, 3, 2), [[0, 1], [2, 0]]),
            loss((1, 3, 2, 2), [[[0, 1], [2, 0]]], "mean", three, 1),
        ],
    }
    if name == "cross_entropy":
        ladder |= {
            "label_smoothing": [
                loss((1, 2), [0], smoothing=0.25),
                loss((4, 3), [2, 0, 1, 0], smoothing=0.5),
                loss((4, 3), [2, 0, 1, 0], "mean", three, 0, smoothing=0.25),
            ],
            "class probabilities": [
                loss((1, 2), [[0.25, 0.75]]),
                loss((2, 3), [[0.25, 0.5, 0.25], [0.5, 0.5, 0.0]], "sum"),
                loss((2, 3), [[0.25, 0.5, 0.25], [0.5, 0.5, 0.0]], "mean", three, smoothing=0.25),
            ],
        }
    else:
        del ladder["large numbers"]
    return ladder | {"without a batch": [loss((2,), 0), loss((3,), 2, "sum", three)]}


def _batch_norm() -> Ladder:
    def norm(shape: tuple[int, ...], training: bool = False, affine: bool = False, tracked: bool = True) -> Problem:
        rng, channels = np.random.default_rng(len(shape)), shape[1:2]
        arrays: dict[str, Any] = {
            "input": odd_halves(rng, shape) * rng.integers(1, 4, shape),
            "running_mean": without_zeros(rng, channels) if tracked else None,
            "running_var": np.asarray(rng.integers(2, 9, channels), np.float64) if tracked else None,
            "weight": without_zeros(rng, channels) if affine else None,
            "bias": without_zeros(rng, channels) if affine else None,
        }
        return case("batch_norm", {"training": training, "momentum": 0.1, "eps": 1e-5}, without_zeros, **arrays)

    return {
        "plain": [norm((1, 1)), norm((1, 2)), norm((3, 2))],
        "weight and bias": [norm((1, 1), affine=True), norm((3, 2), affine=True)],
        "training": [norm((2, 1), True, tracked=False), norm((3, 2), True), norm((4, 3), True, affine=True)],
        "more axes": [norm((1, 1, 2, 2)), norm((1, 2, 2, 2), True), norm((2, 3, 2, 4), True, affine=True)],
    }


def _layer_norm() -> Ladder:
    def norm(shape: tuple[int, ...], over: int = 1, weight: bool = False, bias: bool = False) -> Problem:
        rng, sizes = np.random.default_rng(len(shape)), shape[len(shape) - over :]
        arrays: dict[str, Any] = {
            "input": odd_halves(rng, shape) * rng.integers(1, 4, shape),
            "weight": without_zeros(rng, sizes) if weight else None,
            "bias": without_zeros(rng, sizes) if bias else None,
        }
        return case("layer_norm", {"normalized_shape": sizes, "eps": 1e-5}, without_zeros, **arrays)

    return {
        "plain": [norm((1, 2)), norm((2, 3)), norm((2, 3, 4))],
        "weight": [norm((1, 2), weight=True), norm((2, 3, 4), weight=True)],
        "bias": [norm((1, 2), bias=True), norm((2, 3, 4), weight=True, bias=True)],
        "several axes": [norm((1, 2, 2), 2), norm((2, 3, 4), 2, weight=True, bias=True)],
        "a single sample": [norm((2,)), norm((3, 4), 2, weight=True, bias=True)],
    }


LADDERS: dict[str, Callable[[], Ladder]] = {
    "relu": _relu,
    **{name: partial(_curve, name) for name in ("sigmoid", "tanh")},
    **{name: partial(_along_an_axis, name) for name in ("softmax", "log_softmax")},
    "linear": _linear,
    "flatten": _flatten,
    **{name: partial(_regression, name) for name in ("l1_loss", "mse_loss")},
    **{name: partial(_classes, name) for name in ("nll_loss", "cross_entropy")},
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
}
"""By operation, the cases of each rung."""
