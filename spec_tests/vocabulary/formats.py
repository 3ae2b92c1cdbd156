"""Number formats: how finely each one rounds, and how to round an array to it.

The unit roundoff u is half the distance from 1 to the next number: the relative error of a correctly rounded result is
at most u. Below the normal range, its absolute error is at most half the smallest subnormal.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Format:
    """A floating point format and how an implementation computes in it."""

    roundoff: float
    """u of the stored results."""
    accumulation: float
    """u of the sums inside an operation: half formats are accumulated in float32."""
    factors: float
    """u of an additional rounding of the factors before they are multiplied: TF32 shortens float32; otherwise 0."""
    smallest: float
    """The smallest subnormal."""
    largest: float
    """The largest finite number."""
    arrays: type[np.floating]
    """The NumPy type that holds such numbers. NumPy has no bfloat16, so both half formats are held in float32."""


FORMATS = {
    "float32": Format(2**-24, 2**-24, 0, 2**-149, (2 - 2**-23) * 2.0**127, np.float32),
    "float64": Format(2**-53, 2**-53, 0, 2**-1074, (2 - 2**-52) * 2.0**1023, np.float64),
    "float16": Format(2**-11, 2**-24, 0, 2**-24, (2 - 2**-10) * 2.0**15, np.float32),
    "bfloat16": Format(2**-8, 2**-24, 0, 2**-133, (2 - 2**-7) * 2.0**127, np.float32),
    "tf32": Format(2**-24, 2**-24, 2**-11, 2**-149, (2 - 2**-23) * 2.0**127, np.float32),
}

HALVES = ("float16", "bfloat16")
"""The 16-bit formats, whose sums are accumulated in float32."""


def rounded(values: npt.ArrayLike, dtype: str) -> npt.NDArray[np.floating]:
    """Return the values rounded to the format (to nearest, ties to even), in the array type that holds it.

    >>> rounded(1 / 3, "bfloat16"), rounded(1 / 3, "float16")
    (array(0.33398438, dtype=float32), array(0.33325195, dtype=float32))
    """
    fmt = FORMATS[dtype]
    with np.errstate(over="ignore", invalid="ignore"):  # overflow to infinity is intended
        wide = np.asarray(values, np.float64)
        if dtype in HALVES:
            _, exponent = np.frexp(wide)
            step = np.maximum(np.ldexp(1.0, exponent) * fmt.roundoff, fmt.smallest)  # the spacing of numbers there
            wide = np.rint(wide / step) * step
            wide = np.where(abs(wide) > fmt.largest, np.copysign(np.inf, wide), wide)
        return np.asarray(wide.astype(fmt.arrays))


LAWS = ("float32", "float64", "float16", "bfloat16")
"""The formats in which laws are tested, in order of preference: the first one that the subject computes in."""

float32_only = pytest.mark.parametrize("dtype", ["float32"])
"""For tests that are not properties and need only this format."""

float64_only = pytest.mark.parametrize("dtype", ["float64"])
"""For tests that need more digits or range than float32: steps of gradient checks, huge numbers."""

exact_formats = pytest.mark.parametrize("dtype", ["float32", "float64"])
"""The formats in which whole numbers are compared exactly."""

all_formats = pytest.mark.parametrize("dtype", list(FORMATS))
"""Every format that a subject may compute in; those that it does not are skipped."""
