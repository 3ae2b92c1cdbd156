"""What coarser formats make of a result.

Worked out as the result itself is: the exact value on the arguments that this way multiplies (shortened to TF32, say),
and the bound around it. Those that tell digits come first, the plainest before others.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import reference
from spec_tests.verdict.asking import BadCase, Question, Unknown
from spec_tests.verdict.prediction import Array, Prediction, same
from spec_tests.verdict.shorter import DIGITS, shorter_factors
from spec_tests.vocabulary.formats import FORMATS, rounded
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Sums

TINY = {"float32": 2.0**-126, "tf32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126, "float64": 2.0**-1022}
"""The smallest normal number of each format."""


COPIES_OR_CURVES = ("relu", "sigmoid", "tanh", "pad", "max_pool1d", "max_pool2d", "max_pool3d", "resize", "crop")
"""Operations of an element by itself, or that choose one: they have no sums of products."""


def coarser(question: Question, part: str, got: Array) -> Iterator[Prediction]:
    """Yield what coarser formats predict, those that tell digits first."""
    digits = DIGITS[question.dtype]
    exact, bound = question.expected(part)
    stored = _stored(question, got)
    if stored:
        value, allowed = _as_stored(exact, bound, stored)
        yield Prediction("coarser", f"stored in {stored}", f"a result that was stored in {stored}", value, allowed)
    for name, says, change, arrays in shorter_factors(digits):
        if question.operation in COPIES_OR_CURVES and (len(arrays) > 1 or "weight" in arrays):
            continue  # nothing is multiplied or added up: what becomes shorter is the input or grad_output
        yield from _with(question, part, name, says, change, arrays, stored)
    for dtype in _coarser_formats(digits):
        yield from _throughout(question, part, dtype)


def _coarser_formats(digits: int) -> Iterator[str]:
    yield from (name for name in ("float32", "float16", "bfloat16") if DIGITS[name] < digits)


def _with(
    question: Question,
    part: str,
    name: str,
    says: str,
    change: Callable[[Array], Array],
    arrays: tuple[str, ...],
    stored: str,
) -> Iterator[Prediction]:
    changed: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        for argument, value in question.arguments.items():
            if argument in arrays and isinstance(value, np.ndarray) and value.dtype.kind == "f":
                changed[argument] = change(value)
    if len(arrays) > 1 and "bias" in arrays and "bias" not in changed:
        return  # the same as without it
    if not changed or all(same(question.arguments[argument], value).all() for argument, value in changed.items()):
        return
    try:
        value, allowed = question.changed(**changed).expected(part)
    except (BadCase, Unknown):
        return
    yield Prediction("coarser", name, says, value, allowed)
    if stored and not (stored == "float16" and "TF32" in name):  # whoever stores float16 multiplies float16
        as_stored = _as_stored(value, allowed, stored)
        yield Prediction("coarser", f"{name}, stored in {stored}", f"{says}, stored in {stored}", *as_stored)


def _stored(question: Question, got: Array) -> str:
    """Return the coarser format in which all numbers of a result would fit, if the format asked about has more."""
    if got.dtype.kind != "f" or not got.size:
        return ""
    for dtype in ("bfloat16", "float16", "float32"):
        if DIGITS[dtype] < DIGITS[question.dtype] and same(got, np.asarray(rounded(got, dtype), np.float64)).all():
            return dtype
    return ""


def _as_stored(value: Array, allowed: Array, dtype: str) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        nearest_value = np.asarray(rounded(value, dtype), np.float64)
        fmt = FORMATS[dtype]
        # what is off by as much as is allowed may be rounded to the other side
        again = allowed + 2 * fmt.roundoff * (abs(value) + allowed) + 2 * fmt.smallest
    return nearest_value, np.where(np.isfinite(nearest_value), again, 0)


def flushed(question: Question, part: str) -> Iterator[Prediction]:
    """Yield the result whose subnormal numbers became 0."""
    exact, bound = question.expected(part)
    tiny = TINY[question.dtype]
    small = (abs(exact) < tiny) & (exact != 0)
    if small.any():
        says = f"numbers below {tiny:.3g} that were flushed to 0"
        value = np.where(small, 0.0, exact)
        yield Prediction("coarser", "flushed subnormals", says, value, np.where(small, 0.0, bound))


def _throughout(question: Question, part: str, dtype: str) -> Iterator[Prediction]:
    """Yield the result if everything was in a coarser format: as it is bounded there, and with every step rounded."""
    arrays = {
        name: np.asarray(rounded(value, dtype))
        for name, value in question.arguments.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    converted = question.changed(**arrays)
    try:
        exact, bound = converted.expected(part, dtype)
    except (BadCase, Unknown):
        return
    yield Prediction("coarser", dtype, f"a computation in {dtype}, its arguments included", exact, bound, False)
    row = OPERATIONS.get(question.operation)
    if row is not None and isinstance(row.rounding, Sums):
        yield from accumulated(question, part, dtype)
    if dtype == "float16":
        yield from _every_step_in_float16(converted, part, bound)


def accumulated(question: Question, part: str, dtype: str) -> Iterator[Prediction]:
    """Yield sums that were rounded to a coarser format at every step: K roundings of that format, where K are many."""
    wide = "float64" if question.dtype == "float64" else "float32"
    exact, bound = question.expected(part, wide)
    ratio = FORMATS[dtype].roundoff / FORMATS[wide].roundoff
    allowed = bound * ratio + FORMATS[dtype].smallest
    yield Prediction(
        "coarser", f"sums in {dtype}", f"sums that were accumulated in {dtype}", exact, allowed, False, dtype
    )


def _every_step_in_float16(question: Question, part: str, bound: Array) -> Iterator[Prediction]:
    """Yield what the references compute in NumPy's own float16, overflow and all."""
    arrays = {
        name: value.astype(np.float16)
        for name, value in question.arguments.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    try:
        with np.errstate(all="ignore"):
            arguments = {**question.call(part).arguments, **arrays}
            if not question.call(part).function.endswith("_backward"):
                arguments.pop("grad_output", None)
            value = np.asarray(question.answers(part, reference, arguments), np.float64)
    except (ValueError, TypeError, AttributeError):
        return
    allowed = np.broadcast_to(bound, value.shape)
    says = "a computation with every step in float16"
    yield Prediction("coarser", "every step in float16", says, value, np.where(np.isfinite(value), allowed, 0))


def overflowing(question: Question, part: str, exact: Array) -> Iterator[Prediction]:
    """Yield a mean in float16 whose sum leaves the format: infinity, or NaN if the weights' sum does so as well."""
    if part != "output" or question.dtype != "float16" or question.arguments.get("reduction", "mean") != "mean":
        return
    if not question.operation.endswith("_loss") and question.operation != "cross_entropy":
        return
    total = float(np.asarray(question.changed(reduction="sum").expected(part, "float32")[0]))
    if abs(total) <= FORMATS["float16"].largest:
        return
    says = "a sum that leaves float16 before it is divided"
    for value in (np.copysign(np.inf, total), np.nan):
        yield Prediction("coarser", "a sum in float16", says, np.full(exact.shape, value), np.zeros(exact.shape))
