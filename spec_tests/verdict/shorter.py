"""How the arguments of a call become shorter: rounded to fewer digits, cut off, kept as two pieces, in 8 bits."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from spec_tests.verdict.prediction import Array
from spec_tests.vocabulary.exact_sums import shortened
from spec_tests.vocabulary.formats import rounded

DIGITS = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}
"""Binary digits of the factors of each format, the leading 1 among them."""

FACTORS = ("input", "weight", "grad_output", "target", "param", "grad", "img", "tensor")
"""The arguments that are multiplied; a bias is added, and mostly not shortened with them."""


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
    finite = np.isfinite(x)
    step = np.asarray(np.abs(x[finite]).max(initial=0.0), np.float64) / 127
    return np.asarray(np.where(finite, np.rint(np.where(finite, x, 0) / step) * step, x) if step else x, x.dtype)


def in_8_bits_by_rows(x: Array) -> Array:
    """Return the same with a largest magnitude for each row, or output channel."""
    return np.asarray([in_8_bits(row) for row in x], x.dtype) if x.ndim > 1 else in_8_bits(x)


def _finite(change: Callable[[Array], Array], x: Array) -> Array:
    known = np.isfinite(x)
    return np.where(known, change(np.where(known, x, 0)), x)


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


def shorter_factors(digits: int) -> Iterator[tuple[str, str, Callable[[Array], Array], tuple[str, ...]]]:
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
