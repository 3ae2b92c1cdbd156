"""Number formats: how finely each rounds, and how to round an array to one.

u, the unit roundoff, is half the distance from 1 to the next number: a correctly rounded result lies within
u of the exact one, relatively. Below the normal range the error is at most half the smallest subnormal.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Format:
    """A floating point format, as an implementation computes in it."""

    roundoff: float
    """u of the stored results."""
    accumulation: float
    """u of the sums inside an operation: half formats are added up in float32."""
    factors: float
    """u of what is multiplied, beyond the stored rounding: TF32 shortens float32 factors; else 0."""
    smallest: float
    """The smallest subnormal."""
    largest: float
    """The largest finite number."""
    arrays: type[np.floating]
    """What NumPy holds such numbers in: bfloat16 it has not, so both half formats are kept in float32."""


FORMATS = {
    "float32": Format(2**-24, 2**-24, 0, 2**-149, (2 - 2**-23) * 2.0**127, np.float32),
    "float64": Format(2**-53, 2**-53, 0, 2**-1074, (2 - 2**-52) * 2.0**1023, np.float64),
    "float16": Format(2**-11, 2**-24, 0, 2**-24, (2 - 2**-10) * 2.0**15, np.float32),
    "bfloat16": Format(2**-8, 2**-24, 0, 2**-133, (2 - 2**-7) * 2.0**127, np.float32),
    "tf32": Format(2**-24, 2**-24, 2**-11, 2**-149, (2 - 2**-23) * 2.0**127, np.float32),
}

HALVES = ("float16", "bfloat16")
"""The formats of half the width, whose sums are accumulated in float32."""


def rounded(values: npt.ArrayLike, dtype: str) -> npt.NDArray[np.floating]:
    """Return the values rounded to the format (to nearest, ties to even), in the arrays that hold it.

    >>> rounded(1 / 3, "bfloat16"), rounded(1 / 3, "float16")
    (array(0.33398438, dtype=float32), array(0.33325195, dtype=float32))
    """
    kind = FORMATS[dtype]
    with np.errstate(over="ignore", invalid="ignore"):  # beyond the largest number is infinity
        wide = np.asarray(values, np.float64)
        if dtype in HALVES:
            _, exponent = np.frexp(wide)
            step = np.maximum(np.ldexp(1.0, exponent) * kind.roundoff, kind.smallest)  # between neighbours, there
            wide = np.rint(wide / step) * step
            wide = np.where(abs(wide) > kind.largest, np.copysign(np.inf, wide), wide)
        return np.asarray(wide.astype(kind.arrays))


LAWS = ("float32", "float64", "float16", "bfloat16")
"""The formats of laws, best first: a law is tried in the first that the subject computes in."""

float32_only = pytest.mark.parametrize("dtype", ["float32"])
"""For tests that are no properties, and need no other format."""

float64_only = pytest.mark.parametrize("dtype", ["float64"])
"""The format for what needs digits: steps of gradient checks, numbers beyond float32."""

exact_formats = pytest.mark.parametrize("dtype", ["float32", "float64"])
"""The formats in which whole numbers are compared exactly."""

all_formats = pytest.mark.parametrize("dtype", list(FORMATS))
"""Every format that a subject may compute in; those it does not compute in are left out."""
