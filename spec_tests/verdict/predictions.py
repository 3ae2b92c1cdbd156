"""What a result would be if it had been computed in another way: a value for each element, and how far it may be off.

A prediction explains a result if every element lies within what it allows, and NaN and infinities stand where it has
them. Those of a coarser format are worked out as the result itself is: the exact value on the arguments that this way
multiplies (shortened to TF32, say), and the bound around it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

import reference
from spec_tests.verdict.asking import STATE, BadCase, Question, Unknown
from spec_tests.vocabulary.exact_sums import shortened
from spec_tests.vocabulary.formats import FORMATS, HALVES, rounded
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas, Sums

Array = npt.NDArray[Any]

DIGITS = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}
"""Binary digits of the factors of each format, the leading 1 among them."""

FACTORS = ("input", "weight", "grad_output", "target", "param", "grad", "img", "tensor")
"""The arguments that are multiplied; a bias is added, and mostly not shortened with them."""

TINY = {"float32": 2.0**-126, "tf32": 2.0**-126, "float16": 2.0**-14, "bfloat16": 2.0**-126, "float64": 2.0**-1022}
"""The smallest normal number of each format."""


@dataclass(frozen=True)
class Prediction:
    """A result as another way of computing would give it."""

    kind: str
    """"coarser", "convention" or "rounding": what it makes of a result that it explains."""
    name: str
    says: str
    """In plain words, behind "fits"."""
    value: Array
    allowed: Array
    sharp: bool = True
    """Whether it tells the digits of a result, and not only how far off it may be."""

    def explains(self, got: Array) -> bool:
        """Tell whether every element is where it is predicted to be."""
        return got.shape == self.value.shape and bool((same(got, self.value) | (off(got, self) <= self.allowed)).all())


def same(got: Array, value: Array) -> Array:
    """Return where two arrays are equal; NaN equals NaN."""
    return np.asarray((got == value) | ((got != got) & (value != value)))


def off(got: Array, prediction: Prediction) -> Array:
    """Return how far each element is from a prediction."""
    with np.errstate(all="ignore"):
        return np.asarray(abs(np.asarray(got, np.float64) - prediction.value))


def rms(errors: Array) -> float:
    """Return the root of the mean square of what is finite, infinite if nothing is."""
    finite = errors[np.isfinite(errors)]
    if not finite.size:
        return np.inf
    largest = float(abs(finite).max())
    return largest * float(np.sqrt(((finite / largest) ** 2).mean())) if largest else 0.0


# How arguments become shorter


def nearest(digits: int) -> Callable[[Array], Array]:
    """Return the rounding to so many digits."""
    return partial(_finite, lambda x: shortened(x, digits))


def cut(digits: int) -> Callable[[Array], Array]:
    """Return the cutting off to so many digits."""

    def towards_zero(x: Array) -> Array:
        _, exponent = np.frexp(x)
        return np.asarray(np.ldexp(np.trunc(np.ldexp(x, digits - exponent)), exponent - digits), x.dtype)

    return partial(_finite, towards_zero)


def away(digits: int) -> Callable[[Array], Array]:
    """Return the rounding to so many digits that takes ties away from 0, as a GPU's conversion to TF32 does."""

    def to_nearest(x: Array) -> Array:
        mantissa, exponent = np.frexp(x)
        rounded_up = np.floor(np.ldexp(abs(mantissa), digits) + 0.5)
        return np.asarray(np.copysign(np.ldexp(rounded_up, exponent - digits), x), x.dtype)

    return partial(_finite, to_nearest)


def held_in(dtype: str) -> Callable[[Array], Array]:
    """Return the rounding to a format, its range included."""
    return lambda x: np.asarray(rounded(x, dtype), x.dtype)


def two_pieces(x: Array) -> Array:
    """Return the sum of two bfloat16 numbers that is nearest, or nearly."""
    high = _finite(lambda v: shortened(v, 8), x)
    return np.asarray(high + _finite(lambda v: shortened(v, 8), np.asarray(x - high)), x.dtype)


def in_8_bits(x: Array) -> Array:
    """Return the multiples of 1/127 of the largest magnitude that are nearest."""
    step = np.asarray(np.abs(x).max(initial=0.0), np.float64) / 127
    return np.asarray(np.rint(x / step) * step if step else x, x.dtype)


def in_8_bits_by_rows(x: Array) -> Array:
    """Return the same with a largest magnitude for each row, or output channel."""
    return np.asarray([in_8_bits(row) for row in x], x.dtype) if x.ndim > 1 else in_8_bits(x)


def _finite(change: Callable[[Array], Array], x: Array) -> Array:
    known = np.isfinite(x)
    return np.where(known, change(np.where(known, x, 0)), x)


# Coarser formats


def coarser(question: Question, part: str, got: Array) -> Iterator[Prediction]:
    """Yield what coarser formats predict, those that tell digits first."""
    digits = DIGITS[question.dtype]
    exact, bound = question.expected(part)
    stored = _stored(question, got)
    if stored:
        value, allowed = _as_stored(exact, bound, stored)
        yield Prediction("coarser", f"stored in {stored}", f"a result that was stored in {stored}", value, allowed)
    for name, says, change, arrays in _shorter_factors(digits):
        yield from _with(question, part, name, says, change, arrays, stored)
    yield from _flushed(question, exact, bound)
    for dtype in _coarser_formats(digits):
        yield from _throughout(question, part, dtype)


def _coarser_formats(digits: int) -> Iterator[str]:
    yield from (name for name in ("float32", "float16", "bfloat16") if DIGITS[name] < digits)


_SHORTER: tuple[tuple[str, int, Callable[[Array], Array]], ...] = (
    ("TF32", 11, nearest(11)),
    ("TF32", 11, away(11)),
    ("TF32, cut off", 11, cut(11)),
    ("float16", 11, held_in("float16")),
    ("bfloat16", 8, nearest(8)),
    ("bfloat16, cut off", 8, cut(8)),
)
"""Formats with fewer digits: a name, how many, and what is done to an array. TF32 has the digits of float16."""

_WHICH = (
    ("factors", "sums of factors shortened to", FACTORS),
    ("arrays", "a computation whose arguments, bias included, were shortened to", (*FACTORS, "bias")),
    ("weight", "a weight shortened to", ("weight",)),
    ("input", "an input shortened to", ("input",)),
    ("grad_output", "a grad_output shortened to", ("grad_output",)),
)
"""Which arrays: what to call them, what to say, and their names."""


def _shorter_factors(digits: int) -> Iterator[tuple[str, str, Callable[[Array], Array], tuple[str, ...]]]:
    """Yield the ways in which factors become shorter: a name, what to say, what is done, and to which arguments."""
    if digits > 24:
        yield "float32 factors", "sums of factors that were shortened to float32", nearest(24), FACTORS
    if digits > 16:
        says = "sums of factors of two bfloat16 numbers each (float32 emulated with 16 digits)"
        yield "two bfloat16 pieces", says, two_pieces, FACTORS
    for name, least, change in _SHORTER:
        if digits > least:
            yield from ((f"{which} in {name}", f"{says} {name}", change, arrays) for which, says, arrays in _WHICH)
    if digits > 4:
        yield "float8 weight", "a weight of 4 digits (float8 e4m3)", nearest(4), ("weight",)
    yield "int8 weight", "a weight in whole 127ths of its largest magnitude (int8)", in_8_bits, ("weight",)
    yield "int8 weight, by channels", "a weight in int8, scaled by output channels", in_8_bits_by_rows, ("weight",)
    yield "int8", "input and weight in whole 127ths of their largest magnitudes (int8)", in_8_bits, ("input", "weight")


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
        again = allowed + fmt.roundoff * (abs(value) + allowed) + fmt.smallest
        overflows = np.isfinite(value) & ~np.isfinite(nearest_value)
    return np.where(overflows, nearest_value, value), again


def _flushed(question: Question, exact: Array, bound: Array) -> Iterator[Prediction]:
    """Yield the result whose subnormal numbers became 0."""
    tiny = TINY[question.dtype]
    small = (abs(exact) < tiny) & (exact != 0)
    if small.any():
        says = f"numbers below {tiny:.3g} that were flushed to 0"
        value = np.where(small, 0.0, exact)
        yield Prediction("coarser", "flushed subnormals", says, value, np.where(small, 0.0, bound))


def _throughout(question: Question, part: str, dtype: str) -> Iterator[Prediction]:
    """Yield the result if everything was in a coarser format: as it is bounded there, and with every step rounded."""
    arrays = {
        name: np.asarray(rounded(value, dtype), value.dtype)
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
    if row is not None and isinstance(row.rounding, Sums) and dtype in HALVES:
        yield from _accumulated(question, part, dtype)
    if dtype == "float16":
        yield from _every_step_in_float16(converted, part, bound)


def _accumulated(question: Question, part: str, dtype: str) -> Iterator[Prediction]:
    """Yield sums that were rounded to a half format at every step: K roundings of that format, where K are many."""
    exact, bound = question.expected(part, "float32")
    ratio = FORMATS[dtype].roundoff / FORMATS["float32"].roundoff
    allowed = bound * ratio + FORMATS[dtype].smallest
    yield Prediction("coarser", f"sums in {dtype}", f"sums that were accumulated in {dtype}", exact, allowed, False)


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


# More room for right ways


def transforming(question: Question, part: str) -> Iterator[Prediction]:
    """Yield the convolution by way of a transform, which may be off by more than direct sums."""
    if not question.operation.startswith("conv") or part == "grad_bias":
        return
    for name, says in (("winograd_4_3", "Winograd's algorithm F(4×4, 3×3)"), ("fft", "a fast Fourier transform")):
        if name != "fft" and question.operation != "conv2d":
            continue
        subject = SimpleNamespace(transforms={question.operation: name}, deviations=())
        try:
            exact, bound = question.expected(part, None, subject)
        except (BadCase, Unknown):
            continue
        yield Prediction("rounding", name, f"a convolution by way of {says}", exact, bound, False)


def known_deviations(question: Question, part: str) -> Iterator[Prediction]:
    """Yield the results with the room that known deviations of rounding need, each by its id."""
    row = OPERATIONS.get(question.operation)
    if row is None:
        return
    ids: list[str] = []
    if isinstance(row.rounding, Formulas):
        ids += row.rounding.allowing
    elif isinstance(row.rounding, Sums) and row.rounding.partial_sums is not None and part.startswith("grad_"):
        ids.append("half-conv-gradients")
    for name in ids:
        subject = SimpleNamespace(transforms={}, deviations=(name,))
        try:
            exact, bound = question.expected(part, None, subject)
        except (BadCase, Unknown):
            continue
        says = f"the known deviation {name!r} of torch: sums that are rounded to {question.dtype} on the way"
        yield Prediction("coarser", name, says, exact, bound, False)


def with_state(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with an optimizer's state entry by entry."""
    state = arguments.get("state", {})
    return {**arguments, **{f"{STATE}{name}": value for name, value in state.items()}}
