"""Normalizations whose variance comes from one pass, as the mean of x² less the square of the mean.

Both are about m² where the mean m is far from 0, and what rounding leaves of their difference may be anything from

    v − δ  to  v + δ,        δ = γ_(N + 3)(u) · 2 · mean of x²

So every row (every channel, in a batch norm) is (x − m) times a factor of its own, from 1/√(v + δ + ε) to
1/√(v − δ + ε); where v − δ + ε may be negative, the row may be NaN. The factor is read off the result, one number for
a row, and all elements of the row must agree on it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spec_tests.verdict.asking import Question
from spec_tests.verdict.prediction import Array, Prediction
from spec_tests.vocabulary.bounds import NO_BOUND, gamma
from spec_tests.vocabulary.formats import FORMATS, HALVES

SAYS = "a variance from one pass, as mean of x² less (mean of x)²"
SMALLEST_ROW = 3
"""Elements of a row from which on they can disagree on its factor."""
FAR = 16
"""How many variances the square of a mean is, for its difference from the mean square to matter."""
MARGIN = 4
"""How many bounds an element may be off the row's factor times its distance from the mean."""


def predicted(question: Question, part: str, got: Array, bound: Array) -> Iterator[Prediction]:
    """Yield what a variance from one pass makes of a layer norm, or of a batch norm in training."""
    arguments = question.arguments
    in_training = question.operation == "batch_norm" and arguments.get("training")
    if part != "output" or not (in_training or question.operation == "layer_norm"):
        return
    if not _is_far_from_0(question.operation, arguments):
        return
    formats = [question.dtype, *(["float32"] if question.dtype in HALVES else [])]
    for u in sorted({FORMATS[name].roundoff for name in formats}):
        value, allowed = _fitted(question.operation, arguments, got, bound, u)
        yield Prediction("coarser", "one-pass variance", SAYS, value, allowed)


def _fitted(operation: str, a: Mapping[str, Any], got: Array, bound: Array, u: float) -> tuple[Array, Array]:
    x, axes = np.asarray(a["input"], np.float64), _axes(operation, a)
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    count = x.size // mean.size
    delta = _gamma(count + 3, u) * 2 * (x**2).mean(axis=axes, keepdims=True)
    eps, (weight, bias) = a.get("eps", 1e-5), _affine(operation, a, x.ndim)
    centred = (x - mean) * weight
    with np.errstate(all="ignore"):
        shifted = np.asarray(got, np.float64) - bias
        known = np.isfinite(shifted)
        factor = np.where(known, shifted * centred, 0).sum(axis=axes, keepdims=True)
        factor = factor / np.where(known, centred**2, 0).sum(axis=axes, keepdims=True)
        lowest, highest = 1 / np.sqrt(var + delta + eps), 1 / np.sqrt(np.maximum(var - delta, -eps) + eps)
        factor = np.clip(np.nan_to_num(factor, nan=0.0, posinf=np.inf, neginf=-np.inf), lowest, highest)
        value = centred * factor + bias
        # a mean that is off by roundings shifts a whole row
        off_mean = _gamma(count + 1, u) * abs(x).mean(axis=axes, keepdims=True) * abs(weight) * factor
        allowed = MARGIN * np.where(np.isfinite(bound), bound, 0) * factor * np.sqrt(var + eps) + off_mean
    may_be_nan = np.broadcast_to(var - delta + eps < 0, x.shape)
    value = np.where(may_be_nan & ~np.isfinite(got), got, value)
    if count < SMALLEST_ROW:
        allowed = np.zeros(x.shape)
    return value, np.broadcast_to(np.nan_to_num(allowed), x.shape)


def _gamma(count: int, u: float) -> float:
    """Return γ_K(u), very large where so many roundings have no bound."""
    return gamma(count, u) if count * u < 1 else NO_BOUND


def _is_far_from_0(operation: str, a: Mapping[str, Any]) -> bool:
    """Tell whether the square of a mean is so much larger than the variance that their difference loses digits."""
    x, axes = np.asarray(a["input"], np.float64), _axes(operation, a)
    with np.errstate(invalid="ignore"):
        return bool((x.mean(axis=axes) ** 2 > FAR * x.var(axis=axes)).any())


def _axes(operation: str, a: Mapping[str, Any]) -> tuple[int, ...]:
    if operation == "layer_norm":
        return tuple(range(-len(np.atleast_1d(a["normalized_shape"])), 0))
    return (0, *range(2, a["input"].ndim))


def _affine(operation: str, a: Mapping[str, Any], ndim: int) -> tuple[Any, Any]:
    found: list[Any] = []
    for name, default in (("weight", 1.0), ("bias", 0.0)):
        value = a.get(name)
        if value is not None and operation == "batch_norm":
            value = value.reshape(-1, *[1] * (ndim - 2))
        found.append(default if value is None else np.asarray(value, np.float64))
    return found[0], found[1]
