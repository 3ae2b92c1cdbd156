"""Conventions of layers without windows and of losses: kinks, NaN, infinities, signs of zero, nothing that counts."""

from collections.abc import Iterator
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np

from spec_tests.vectors.question import Question, both
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.stating import Maker, asked, by_the_references, floats
from spec_tests.vocabulary.problems import Problem


def linear(operation: str) -> Iterator[Question]:
    """An empty batch; NaN in one row; integers of many digits."""
    r = Random(operation)
    arrays = {"input": r.whole((0, 3)), "weight": r.whole((2, 3)), "bias": r.whole((2,))}
    yield from by_the_references(Problem(operation, arrays, {}, r.whole((0, 2))), "float32", "empty")


def linear_of_nan(operation: str) -> Iterator[Question]:
    """A NaN reaches its own row alone."""
    r = Random(f"{operation} of nan")
    arrays: dict[str, Any] = {"input": r.whole((3, 3)), "weight": np.abs(r.whole((2, 3))) + 1, "bias": None}
    arrays["input"][1, 2] = nan
    return by_the_references(Problem(operation, arrays, {}, r.whole((3, 2))), "float32", "nan", backward=False)


def linear_of_integers(operation: str) -> Iterator[Question]:
    """Integers keep every digit."""
    r = Random(f"{operation} of integers")
    whole = {"input": r.whole((2, 3)), "weight": r.whole((4, 3)), "bias": r.whole((4,))}
    arrays = {name: value.astype(np.int64) for name, value in whole.items()}
    arrays["bias"] += 2**53
    return by_the_references(Problem(operation, arrays, {}, r.whole((2, 4))), "int64", "integers", backward=False)


def copies(operation: str, empty: bool) -> Iterator[Question]:
    """What copies cells copies NaN and the infinities, and of an empty batch nothing."""
    r = Random(f"{operation} {empty}")
    shape = (0, 2, 3) if empty else (2, 2, 3)
    options: dict[str, Any] = {"pad": (1, 2), "mode": "replicate", "value": None}
    out: tuple[int, ...] = (*shape[:2], 6)
    if operation == "flatten":
        options, out = {"start_dim": 1, "end_dim": 2}, (shape[0], 6)
    flags = ("empty",) if empty else ("nan", "infinities")
    return by_the_references(Problem(operation, {"input": r.special(shape)}, options, r.whole(out)), "float32", *flags)


def relu(operation: str) -> Iterator[Question]:
    """Zeros keep their sign, NaN stays NaN."""
    numbers = floats(-0.0, 0.0, nan, inf, -inf, -1, 2, 1e-45, -1e-45)
    kept = floats(-0.0, 0.0, nan, inf, 0, 0, 2, 1e-45, 0)
    yield asked(operation, {"input": numbers}, {}, {"output": kept}, "signed-zeros", "nan", "infinities", signed=True)
    grad = floats(1, 2, 3, 4, 5, 6, 7, 8, 9)
    passed = floats(0, 0, 3, 4, 0, 0, 7, 8, 0)
    yield asked("relu_backward", {"grad_output": grad, "input": numbers}, {}, {"grad_input": passed}, "kink", "nan")


def relu_of_integers(operation: str) -> Iterator[Question]:
    """Integers are taken, too."""
    numbers = np.array([-3, 0, 2**53 + 1, -(2**53) - 1])
    yield asked(
        operation, {"input": numbers}, {}, {"output": np.array([0, 0, 2**53 + 1, 0])}, "integers", dtype="int64"
    )


def limits(operation: str) -> Iterator[Question]:
    """The activations of NaN are NaN, those of the infinities their limits; numbers whose powers of e overflow."""
    numbers = floats(nan, inf, -inf, 1e4, -1e4)
    low = 0.0 if operation == "sigmoid" else -1.0
    found = floats(nan, 1, low, 1, low)
    yield asked(operation, {"input": numbers}, {}, {"output": found}, "nan", "infinities", "large-numbers")
    grads = floats(nan, 0, 0, 0, 0)
    arrays = {"grad_output": floats(1, 2, 3, 4, 5), "input": numbers}
    yield asked(f"{operation}_backward", arrays, {}, {"grad_input": grads}, "nan", "infinities", "large-numbers")


def impossible_scores(operation: str, scores: list[float], probabilities: list[float]) -> Iterator[Question]:
    """Scores of minus infinity have probability 0, the others share it; with NaN or infinity all are NaN."""
    with np.errstate(all="ignore"):
        found = (
            np.log(np.array(probabilities, np.float32))
            if operation == "log_softmax"
            else np.array(probabilities, np.float32)
        )
    flag = "nan" if any(p != p for p in probabilities) else "infinities"
    yield asked(operation, {"input": [scores]}, {"dim": 1}, {"output": found[np.newaxis]}, flag)


def far_apart(operation: str) -> Iterator[Question]:
    """Scores thousands apart: the logarithm is their distance, the probability 0 or 1."""
    scores = np.array([[0, 1, -1], [1, 1, 0]]) * 8192.0
    problem = Problem(operation, {"input": scores}, {"dim": 1}, np.array([[1.0, 2, -1], [3, 0, 1]]))
    return both(problem, "float32", False, "large-numbers")


def with_a_dtype(operation: str) -> Iterator[Question]:
    """With a dtype the scores are converted first, and the gradient back."""
    r = Random(f"{operation} with a dtype")
    scores = r.real((2, 3), "float32")
    wide = Problem(operation, {"input": scores}, {"dim": 1}, r.real((2, 3), "float32"))
    forward, backward = both(wide, "float64", False)
    options = {"dim": 1, "dtype": "float64"}
    held = {"input": scores.astype(np.float32)}
    yield forward.changed(level="conventions", arrays=held, options=options)
    narrow = next(iter(list(both(wide, "float32", False))[1:]))
    yield narrow.changed(
        level="conventions", options=options,
        arrays={"grad_output": backward.arrays["grad_output"], **held},
    )  # fmt: skip


# Losses

LOSS = {"ignore_index": -100, "reduction": "mean"}


def nothing_counts(operation: str, reduction: str) -> Iterator[Question]:
    """With all targets ignored the mean is NaN, the sum 0, and every gradient 0."""
    options = {**LOSS, "reduction": reduction, **({"label_smoothing": 0.0} if operation == "cross_entropy" else {})}
    arrays = {"input": [[1.0, 2.0], [0.5, -1.0]], "target": [-100, -100], "weight": None}
    loss = {"mean": nan, "sum": 0.0, "none": [0.0, 0.0]}[reduction]
    yield asked(operation, arrays, options, {"output": loss}, "ignore-index", *["nan"] * (reduction == "mean"))
    grad = [1.0, 1.0] if reduction == "none" else 1.0
    expected: dict[str, Any] = {"grad_input": [[0.0, 0.0], [0.0, 0.0]]}
    if operation == "cross_entropy":
        expected |= {"grad_target": None, "grad_weight": None}
    yield asked(f"{operation}_backward", {"grad_output": grad, **arrays}, options, expected, "ignore-index")


def infinite_scores(operation: str) -> Iterator[Question]:
    """An impossible class costs infinitely much if it is the target, and else nothing."""
    options = {**LOSS, "reduction": "none", "label_smoothing": 0.0}
    arrays = {"input": [[0.0, -inf, -inf], [0.0, -inf, -inf]], "target": [0, 1], "weight": None}
    yield asked(operation, arrays, options, {"output": [0.0, inf]}, "infinities")
    probabilities = np.array([[1.0, 0.0, 0.0]], np.float32)
    arrays = {"input": [[0.0, -inf, -1000.0]], "target": probabilities, "weight": None}
    yield asked(
        operation,
        arrays,
        options,
        {"output": [0.0]},
        "infinities",
        "class-probabilities",
        comment="a share of 0 costs nothing: 0 · log 0 = 0",
    )


def kink(operation: str) -> Iterator[Question]:
    """Where input and target are equal, and at NaN, the slope of an absolute value is 0."""
    arrays = {
        "grad_output": [1.0, 2.0, 3.0, 4.0],
        "input": [1.0, 2.0, nan, -1.0],
        "target": [1.0, 5.0, 0.0, -3.0],
        "weight": None,
    }
    grads = {"grad_input": [0.0, -2.0, 0.0, 4.0], "grad_target": [0.0, 2.0, 0.0, -4.0], "grad_weight": None}
    yield asked("l1_loss_backward", arrays, {"reduction": "none"}, grads, "kink", "nan")
    yield asked(
        operation, {name: arrays[name] for name in ("input", "target", "weight")}, {"reduction": "none"},
        {"output": [0.0, 3.0, nan, 2.0]}, "nan",
    )  # fmt: skip


def squares_of_nan(operation: str) -> Iterator[Question]:
    """NaN and the infinities pass through a square."""
    arrays = {"input": [1.0, nan, inf, 2.0], "target": [1.0, 0.0, 1.0, -inf], "weight": None}
    yield asked(operation, arrays, {"reduction": "none"}, {"output": [0.0, nan, inf, inf]}, "nan", "infinities")


def no_sample(operation: str) -> Iterator[Question]:
    """An empty batch of samples normalizes to nothing."""
    r = Random(operation)
    arrays = {"input": r.whole((0, 3)), "weight": r.whole((3,)), "bias": r.whole((3,))}
    problem = Problem(operation, arrays, {"normalized_shape": (3,), "eps": 1e-5}, r.whole((0, 3)))
    return by_the_references(problem, "float32", "empty", backward=False)


_CERTAIN = [
    ([-inf, -inf, 3.0], [0.0, 0.0, 1.0]),
    ([-inf] * 3, [nan] * 3),
    ([inf, 0.0, 0.0], [nan] * 3),
    ([nan, 0.0, 1.0], [nan] * 3),
]
_SHARED = [([-inf, 0.0, 0.0], [0.0, 0.5, 0.5]), ([0.0, 0.0, -inf, 0.0, 0.0], [0.25, 0.25, 0.0, 0.25, 0.25])]
"""Scores and probabilities; the logarithms of those that are shared have to be rounded."""
_SOFTMAX: list[Maker] = [far_apart, with_a_dtype]
_CLASSES: list[Maker] = [partial(nothing_counts, reduction=one) for one in ("mean", "sum", "none")]


def _impossible(cases: list[tuple[list[float], list[float]]]) -> list[Maker]:
    return [partial(impossible_scores, scores=scores, probabilities=shares) for scores, shares in cases]


MAKERS: dict[str, list[Maker]] = {
    "linear": [linear, linear_of_nan, linear_of_integers],
    "flatten": [partial(copies, empty=empty) for empty in (True, False)],
    "pad": [partial(copies, empty=empty) for empty in (True, False)],
    "relu": [relu, relu_of_integers],
    "sigmoid": [limits],
    "tanh": [limits],
    "softmax": [*_impossible(_CERTAIN + _SHARED), *_SOFTMAX],
    "log_softmax": [*_impossible(_CERTAIN), *_SOFTMAX],
    "nll_loss": _CLASSES,
    "cross_entropy": [*_CLASSES, infinite_scores],
    "l1_loss": [kink],
    "mse_loss": [squares_of_nan],
    "layer_norm": [no_sample],
}
