"""Problems that are the same in every run, for the layouts: several channels, images and cells along every axis.

4, 5, 16 and 17 channels, one image and two, the usual kernels and strides. Where results are sums or copies, all
numbers are whole and nothing rounds: windows of average poolings hold 1, 2, 4, 8, 9 or 32 cells of multiples of 9.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.layouts import Plan, plans
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas
from spec_tests.vocabulary.problems import Array, Problem, real_numbers, special_numbers, whole_numbers

Shape = tuple[int, ...]
SIZES = {1: (7,), 2: (6, 5), 3: (4, 3, 5)}
"""Sizes of inputs with one, two and three axes."""


@cache
def layout_cases(operation: str) -> tuple[Problem, ...]:
    """Return the problems of an operation."""
    return tuple(_CASES[operation]())


IN_TURN = 12
"""The default run takes each twelfth problem that a plan fits, and at least one; slow tests take all."""


@cache
def in_turn(operation: str, share: int = IN_TURN) -> list[tuple[Problem, list[Plan]]]:
    """Return an operation's problems, each with the plans whose turn it is: every plan comes with some problem."""
    ways: dict[str, list[tuple[Problem, Plan]]] = {}
    for problem in layout_cases(operation):
        for plan in plans(problem):
            ways.setdefault(str(plan), []).append((problem, plan))
    taken = [one[turn % share :: share] or [one[turn % len(one)]] for turn, one in enumerate(ways.values())]
    return [
        (problem, [plan for way in taken for other, plan in way if other is problem])
        for problem in layout_cases(operation)
    ]


def posed(operation: str, options: dict[str, Any], **arrays: Any) -> Problem:
    """Return a problem with these arrays, shapes being filled in, and a cotangent shaped as its output."""
    row = OPERATIONS[operation]
    numbers = real_numbers if isinstance(row.rounding, Formulas) else whole_numbers
    if row.name in ("avg_pool2d", "adaptive_avg_pool2d"):
        numbers = _multiples_of_9
    rng = np.random.default_rng(0)
    filled = {name: numbers(rng, value) if isinstance(value, tuple) else value for name, value in arrays.items()}
    output = Problem(operation, filled, options, np.zeros(())).forward(reference)
    return Problem(operation, filled, options, np.asarray(numbers(rng, output.shape)))


def _multiples_of_9(rng: np.random.Generator, shape: Shape) -> Array:
    return 9 * whole_numbers(rng, shape)


def of_channels(rng: np.random.Generator, channels: int) -> Array:
    """Return positive numbers, one for each channel or class."""
    return np.asarray(rng.integers(1, 9, channels) / 4)


def _convolutions(rank: int) -> Iterator[Problem]:
    size = SIZES[rank]
    column = (9, *[1] * (rank - 1))
    for images, ins, outs, kernel, options in (
        (2, 5, 4, 3, {"padding": 1}),
        (1, 4, 5, 3, {"padding": 1}),
        (1, 16, 17, 1, {"stride": 2}),
        (2, 17, 16, 3, {"stride": 2, "padding": 1}),
        (2, 4, 16, 1, {}),
        (1, 17, 4, 1, {}),
        (2, 16, 16, 3, {"padding": 1, "groups": 16}),
        (1, 6, 4, 2, {"stride": 2, "groups": 2}),
        (2, 5, 4, 3, {"padding": 2, "dilation": 2}),
    ):
        weight = (outs, ins // options.get("groups", 1), *[kernel] * rank)
        yield posed(f"conv{rank}d", options, input=(images, ins, *size), weight=weight, bias=(outs,))
    if rank > 1:
        shape, padding = (3, *[1] * (rank - 1)), (1, *[0] * (rank - 1))
        for images, ins, outs in ((2, 5, 4), (1, 16, 16)):
            weight = (outs, ins, *shape)
            yield posed(f"conv{rank}d", {"padding": padding}, input=(images, ins, *column), weight=weight, bias=(outs,))
    yield posed(f"conv{rank}d", {"padding": 1}, input=(4, *size), weight=(5, 4, *[3] * rank), bias=None)


def _max_pools(rank: int) -> Iterator[Problem]:
    size = SIZES[rank]
    options = (
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": 1},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
    )
    shapes = ((2, 5, *size), (1, 16, *size), (2, 17, *size), (1, 4, *size), (2, 4, *size))
    for given, shape in zip(options, shapes, strict=True):
        for numbers in (whole_numbers, special_numbers):
            input = numbers(np.random.default_rng(1), shape)
            yield posed(f"max_pool{rank}d", given, input=input)
    low = np.full((2, 4, *size), -np.inf)
    yield posed(f"max_pool{rank}d", {"kernel_size": 1}, input=low)
    yield posed(f"max_pool{rank}d", {"kernel_size": 2}, input=low)
    if rank > 1:
        column = (9, *[1] * (rank - 1))
        kernel = {"kernel_size": (3, *[1] * (rank - 1)), "stride": (2, *[1] * (rank - 1))}
        yield posed(f"max_pool{rank}d", kernel, input=(1, 5, *column))
    yield posed(f"max_pool{rank}d", {"kernel_size": 2}, input=(4, *size))


def _average_pools() -> Iterator[Problem]:
    for given, shape in (
        ({"kernel_size": 2}, (2, 5, 6, 5)),
        ({"kernel_size": 3, "stride": 2, "padding": 1}, (1, 16, 6, 5)),
        ({"kernel_size": 3, "stride": 1, "padding": 1}, (2, 17, 5, 6)),
        ({"kernel_size": 2, "stride": 2, "ceil_mode": True}, (1, 4, 5, 7)),
        ({"kernel_size": (2, 1)}, (2, 6, 8, 1)),
        ({"kernel_size": 2}, (4, 6, 5)),
    ):
        yield posed("avg_pool2d", given, input=shape)


def _adaptive_pools() -> Iterator[Problem]:
    for output_size, shape in (
        ((4, 2), (2, 5, 8, 4)),
        (1, (1, 16, 4, 8)),
        (1, (2, 17, 4, 4)),
        (4, (1, 4, 8, 8)),
        ((2, 1), (2, 6, 4, 1)),
        (2, (5, 4, 4)),
    ):
        yield posed("adaptive_avg_pool2d", {"output_size": output_size}, input=shape)


def _pads() -> Iterator[Problem]:
    for mode, (rank, size) in product(reference.padding.MODES, SIZES.items()):
        for leading in ((2, 5), (1, 16)):
            options = {"pad": (1, 2) * rank, "mode": mode, "value": 3.0 if mode == "constant" else None}
            yield posed("pad", options, input=(*leading, *size))


FIVE_SHAPES = ((2, 5, 3, 4), (1, 16, 4, 5), (2, 17, 3), (1, 4, 2, 3, 5), (6, 17), (2, 5, 9, 1), (33,))


def _activations(operation: str) -> Iterator[Problem]:
    for shape in FIVE_SHAPES:
        yield posed(operation, {}, input=shape)


def _softmaxes(operation: str) -> Iterator[Problem]:
    for shape in ((2, 5, 3, 4), (1, 16, 4, 5), (2, 4, 17), (6, 17), (33,)):
        for dim in range(len(shape)):
            yield posed(operation, {"dim": dim}, input=shape)


def _linears() -> Iterator[Problem]:
    for leading, features, outs in (((6,), 5, 4), ((3,), 16, 17), ((2, 3), 17, 16), ((), 4, 5), ((1,), 16, 4)):
        yield posed("linear", {}, input=(*leading, features), weight=(outs, features), bias=(outs,))
        yield posed("linear", {}, input=(*leading, features), weight=(outs, features), bias=None)


def _flattens() -> Iterator[Problem]:
    for shape in ((2, 5, 3, 4), (1, 16, 4, 5), (2, 17, 3)):
        for start in (0, 1, 2):
            yield posed("flatten", {"start_dim": start}, input=shape)
    yield posed("flatten", {"start_dim": 1, "end_dim": 2}, input=(2, 5, 3, 4))


def _regression_losses(operation: str) -> Iterator[Problem]:
    rng = np.random.default_rng(2)
    for reduction, shape in product(("none", "mean", "sum"), ((2, 5, 3, 4), (1, 16, 4, 5), (6, 17))):
        weight = of_channels(rng, int(np.prod(shape))).reshape(shape)
        for given in (weight, None):
            yield posed(operation, {"reduction": reduction}, input=shape, target=shape, weight=given)


def _class_losses(operation: str) -> Iterator[Problem]:
    rng = np.random.default_rng(3)
    for reduction, shape in product(("none", "mean", "sum"), ((6, 5), (2, 17, 3, 4), (1, 16, 4, 5), (2, 4, 7))):
        samples, classes = (shape[0], *shape[2:]), shape[1]
        indices = rng.integers(0, classes, samples)
        options: dict[str, Any] = {"reduction": reduction, "ignore_index": 1}
        weight = of_channels(rng, classes)
        yield posed(operation, options, input=shape, target=indices, weight=weight)
        yield posed(operation, options, input=shape, target=indices, weight=None)
        if operation == "cross_entropy":
            smoothed = {**options, "label_smoothing": 0.25}
            yield posed(operation, smoothed, input=shape, target=indices, weight=weight)
            shares = np.moveaxis(rng.dirichlet(np.ones(classes), samples), -1, 1)
            plain = {**smoothed, "label_smoothing": 0.0, "ignore_index": -100}
            yield posed(operation, plain, input=shape, target=shares, weight=weight)


def _batch_norms() -> Iterator[Problem]:
    rng = np.random.default_rng(4)
    shapes = ((2, 5, 3, 4), (1, 16, 4, 5), (2, 17, 3), (1, 4, 2, 3, 5), (6, 17), (2, 6, 9, 1), (1, 5, 4, 3))
    for training, shape in product((True, False), shapes):
        channels = shape[1]
        options = {"training": training, "momentum": 0.25, "eps": 0.25}
        running = {"running_mean": (channels,), "running_var": of_channels(rng, channels)}
        yield posed("batch_norm", options, input=shape, **running, weight=(channels,), bias=(channels,))
        yield posed("batch_norm", options, input=shape, **running, weight=None, bias=None)


def _layer_norms() -> Iterator[Problem]:
    for shape, axes in (((2, 5, 6), 1), ((2, 5, 6), 2), ((3, 17), 1), ((2, 3, 16), 1), ((1, 4, 5, 3), 3)):
        normalized = shape[-axes:]
        options = {"normalized_shape": normalized, "eps": 0.25}
        yield posed("layer_norm", options, input=shape, weight=normalized, bias=normalized)
        yield posed("layer_norm", options, input=shape, weight=None, bias=None)


_CASES: dict[str, Callable[[], Iterator[Problem]]] = {
    **{f"conv{rank}d": partial(_convolutions, rank) for rank in SIZES},
    **{f"max_pool{rank}d": partial(_max_pools, rank) for rank in SIZES},
    **{name: partial(_activations, name) for name in ("relu", "sigmoid", "tanh")},
    **{name: partial(_softmaxes, name) for name in ("softmax", "log_softmax")},
    **{name: partial(_regression_losses, name) for name in ("l1_loss", "mse_loss")},
    **{name: partial(_class_losses, name) for name in ("nll_loss", "cross_entropy")},
    "pad": _pads,
    "linear": _linears,
    "flatten": _flattens,
    "avg_pool2d": _average_pools,
    "adaptive_avg_pool2d": _adaptive_pools,
    "batch_norm": _batch_norms,
    "layer_norm": _layer_norms,
}
