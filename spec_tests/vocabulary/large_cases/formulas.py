"""Large cases of normalizations and losses."""

from typing import Any

import numpy as np

from spec_tests.vocabulary.large_cases.case import Cases, LargeCase, Shape
from spec_tests.vocabulary.problems import Array, Numbers, Problem

# Normalization


def _batch_norm(shape: Shape, training: bool = True) -> LargeCase:
    """A batch norm with weight and bias; in evaluation √(variance + ε) is 1, 2 or 4: whole numbers are exact."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        of_channels = shape[1:2]
        arrays: dict[str, Any] = {"input": numbers(rng, shape), "running_mean": numbers(rng, of_channels)}
        arrays["running_var"] = 4.0 ** rng.integers(0, 3, of_channels) - 0.25
        arrays |= {name: numbers(rng, of_channels) for name in ("weight", "bias")}
        options = {"training": training, "momentum": 0.1, "eps": 0.25}
        return Problem("batch_norm", arrays, options, numbers(rng, shape))

    return LargeCase(fill, exact=not training)


BATCH_NORM: Cases = {
    f"{name}, {'training' if training else 'evaluation'}": _batch_norm(shape, training)
    for name, shape in {
        "7 channels": (5, 7),
        "17 channels": (3, 17, 2, 2),
        "65 channels": (2, 65, 3),
        "129 channels": (3, 129, 1, 2),
        "513 channels": (4, 513),
        "129 images": (129, 5, 1, 1),
        "769 images": (769, 9),
        "cells of 33 by 31": (1, 3, 33, 31),
    }.items()
    for training in (True, False)
}


def _layer_norm(leading: Shape, sizes: Shape) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays = {"input": numbers(rng, (*leading, *sizes)), "weight": numbers(rng, sizes), "bias": numbers(rng, sizes)}
        options = {"normalized_shape": sizes, "eps": 1e-5}
        return Problem("layer_norm", arrays, options, numbers(rng, (*leading, *sizes)))

    return LargeCase(fill)


LAYER_NORM: Cases = {
    "7 numbers": _layer_norm((3,), (7,)),
    "17 numbers": _layer_norm((2, 3), (17,)),
    "33 by 31 numbers": _layer_norm((2,), (33, 31)),
    "65 numbers": _layer_norm((3,), (65,)),
    "513 numbers": _layer_norm((2,), (513,)),
    "1025 numbers": _layer_norm((2,), (1025,)),
    "129 samples": _layer_norm((129,), (24,)),
    "769 samples": _layer_norm((769,), (9,)),
}


# Losses


def _regression(operation: str, shape: Shape, reduction: str, weighted: bool = False, exact: bool = True) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays: dict[str, Any] = {name: numbers(rng, shape) for name in ("input", "target")}
        arrays["weight"] = abs(numbers(rng, shape)) + 1 if weighted else None
        return Problem(operation, arrays, {"reduction": reduction}, numbers(rng, shape if reduction == "none" else ()))

    return LargeCase(fill, exact)


def _regressions(operation: str) -> Cases:
    return {
        "7 numbers, none": _regression(operation, (7,), "none", weighted=True),
        "17 numbers, sum": _regression(operation, (17,), "sum", weighted=True),
        "33 by 31 numbers, none": _regression(operation, (33, 31), "none"),
        "1025 numbers, sum": _regression(operation, (1025,), "sum"),
        "513 numbers, mean": _regression(operation, (513,), "mean", exact=False),
        "1024 numbers, mean": _regression(operation, (16, 64), "mean"),
        "129 samples, mean": _regression(operation, (129, 9), "mean", weighted=True, exact=False),
        "769 samples, sum": _regression(operation, (769, 3), "sum"),
    }


L1_LOSS, MSE_LOSS = _regressions("l1_loss"), _regressions("mse_loss")


def _classes(
    operation: str,
    shape: Shape,
    reduction: str = "mean",
    weighted: bool = False,
    smoothing: float = 0.0,
    probabilities: bool = False,
) -> LargeCase:
    """Scores of this shape, its second axis being the classes; every class is someone's target, if there are enough."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        samples, classes = (shape[0], *shape[2:]), shape[1]
        target: Array = classes - 1 - np.resize(rng.permutation(classes), samples)
        target.reshape(-1)[:2] = classes - 1, -100  # the second is ignored
        if probabilities:
            target = np.moveaxis(rng.dirichlet(np.ones(classes), samples), -1, 1)
        weight = abs(numbers(rng, (classes,))) + 0.5 if weighted else None
        options: dict[str, Any] = {"ignore_index": -100, "reduction": reduction}
        if operation == "cross_entropy":
            options["label_smoothing"] = smoothing
        cotangent = numbers(rng, samples if reduction == "none" else ())
        return Problem(
            operation, {"input": numbers(rng, shape), "target": target, "weight": weight}, options, cotangent
        )

    return LargeCase(fill, exact=operation == "nll_loss" and reduction != "mean")


NLL_LOSS: Cases = {
    "7 classes, none": _classes("nll_loss", (9, 7), "none", weighted=True),
    "17 classes, sum": _classes("nll_loss", (33, 17), "sum", weighted=True),
    "65 classes, further axes": _classes("nll_loss", (2, 65, 3), "sum"),
    "129 samples": _classes("nll_loss", (129, 10), weighted=True),
    "769 samples, sum": _classes("nll_loss", (769, 9), "sum", weighted=True),
    "769 samples, mean": _classes("nll_loss", (769, 33)),
    "1025 classes, none": _classes("nll_loss", (17, 1025), "none"),
}
CROSS_ENTROPY: Cases = {
    "7 classes": _classes("cross_entropy", (9, 7), "none"),
    "17 classes": _classes("cross_entropy", (33, 17), "none", weighted=True),
    "31 classes, probabilities": _classes("cross_entropy", (5, 31), "none", weighted=True, probabilities=True),
    "65 classes, further axes": _classes("cross_entropy", (2, 65, 3), "sum"),
    "129 classes, smoothing": _classes("cross_entropy", (3, 129), "none", smoothing=0.25),
    "129 samples": _classes("cross_entropy", (129, 10), weighted=True),
    "769 samples, mean": _classes("cross_entropy", (769, 9)),
    "1000 classes": _classes("cross_entropy", (2, 1000)),
    "1025 classes, none": _classes("cross_entropy", (3, 1025), "none"),
}
