"""Long sums without any rounding: the exact results that float64 itself is judged by.

The numbers are whole numbers with all digits of a format (24 in float32, 53 in float64), times a power of two. A
product of two such arrays is split into pieces of w bits, a = Σ aᵢ·2^(w·i), so that K products of two pieces add up to
at most

    K · 2^w · 2^w <= 2^53,          w = ⌊(53 − ⌈log2 K⌉) / 2⌋

Then every partial sum, in whatever order, is a whole number that float64 holds: a float64 matrix product of pieces is
exact, and fast. The pieces' products are put together in Python's whole numbers, which have no end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from math import ceil, log2
from typing import Any

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.formats import FORMATS

Whole = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
"""Python's whole numbers."""

DIGITS = {"float32": 24, "float64": 53}


@dataclass(frozen=True)
class Exact:
    """Sums of terms: each one's exact value as a fraction, and how large its terms are."""

    numerators: Objects
    denominators: Objects
    """One for all sums, or one for each."""
    norms: npt.NDArray[np.float64]
    """√Σ term², to float64's precision."""
    magnitudes: npt.NDArray[np.float64]
    """Σ |term|, likewise."""

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The sums, rounded to float64."""
        return self._each(lambda n, d: n / d)

    def errors(self, computed: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return computed − exact, worked out as fractions and rounded once."""
        if not np.isfinite(computed).all():
            raise AssertionError("not every sum is finite")
        ratios = [value.as_integer_ratio() for value in computed.ravel().tolist()]
        c, d = (np.array(part, object).reshape(computed.shape) for part in zip(*ratios, strict=True))
        return np.asarray((c * self.denominators - self.numerators * d) / (d * self.denominators), np.float64)

    def times(self, numerator: int, denominator: int = 1) -> "Exact":
        """Return all sums multiplied by a fraction."""
        factor = abs(numerator / denominator)
        return Exact(
            self.numerators * numerator, self.denominators * denominator, self.norms * factor, self.magnitudes * factor
        )

    def reshape(self, *shape: int) -> "Exact":
        """Return the same sums, with one denominator, in another shape."""
        numerators, norms, magnitudes = self.numerators, self.norms, self.magnitudes
        return Exact(numerators.reshape(shape), self.denominators, norms.reshape(shape), magnitudes.reshape(shape))

    def _each(self, function: Any) -> npt.NDArray[np.float64]:
        return np.asarray(np.frompyfunc(function, 2, 1)(self.numerators, self.denominators), np.float64)


def full_mantissas(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Whole:
    """Draw whole numbers of either sign that have all the digits of the format, so that a shorter one shows."""
    top = 2 ** (DIGITS[dtype] - 1)
    drawn = rng.integers(-top, top, shape)
    return np.where(drawn < 0, drawn + 1 - top, drawn + top)


def as_floats(whole: Whole, dtype: str) -> npt.NDArray[Any]:
    """Return full mantissas as numbers of the format, from 1 to 2 in magnitude."""
    return np.ldexp(whole.astype(FORMATS[dtype].arrays), 1 - DIGITS[dtype])


def products(a: Whole, b: Whole, dtype: str) -> Exact:
    """Return the matrix product of full mantissas, those of `as_floats`: (…, m, k) · (…, k, n)."""
    scale = 2 ** (2 * DIGITS[dtype] - 2)
    x, y = abs(a.astype(np.float64)), abs(b.astype(np.float64))
    return Exact(_whole(exact_matmul(a, b)), _whole(scale), np.sqrt(x**2 @ y**2) / scale, x @ y / scale)


def sums(a: Whole, dtype: str) -> Exact:
    """Return the sums of full mantissas along the last axis."""
    scale, x = 2 ** (DIGITS[dtype] - 1), abs(a.astype(np.float64))
    return Exact(exact_sum(a), _whole(scale), np.sqrt((x**2).sum(-1)) / scale, x.sum(-1) / scale)


def exact_matmul(a: Whole, b: Whole) -> Objects:
    """Return a matrix product of whole numbers below 2^62 in magnitude."""
    width = (53 - ceil(log2(a.shape[-1]))) // 2
    lefts, rights = [*_pieces(a, width)], [*_pieces(b, width)]
    digits: list[Any] = [0] * (len(lefts) + len(rights) - 1)  # each at most a few times 2^53
    for i, left in enumerate(lefts):
        for j, right in enumerate(rights):
            digits[i + j] = digits[i + j] + (left @ right).astype(np.int64)
    total: Any = 0
    for digit in reversed(digits):
        total = total * (1 << width) + digit.astype(object)
    return np.asarray(total, object)


def exact_sum(a: Whole) -> Objects:
    """Return the sums along the last axis of up to 2^30 whole numbers."""
    high, low = a >> 32, a & (2**32 - 1)
    return np.asarray(high.sum(-1).astype(object) * 2**32 + low.sum(-1).astype(object), object)


def _pieces(whole: Whole, width: int) -> Iterator[npt.NDArray[np.float64]]:
    """Split numbers into pieces, the lowest first; all but the highest, which has the sign, are not negative."""
    count = max(1, ceil(int(abs(whole).max()).bit_length() / width))
    for i in range(count):
        piece = whole >> width * i
        yield (piece if i == count - 1 else piece & (2**width - 1)).astype(np.float64)


def _whole(value: Any) -> Objects:
    return np.asarray(value, object)


def exponentials(steps: Whole, places: int) -> tuple[Objects, int]:
    """Return Σ exp(−step / 2^places) along the last axis as whole numbers, and the 1 that they are relative to.

    Steps below 2^24: exp(−step / 2^places) is a product of three, one for each byte, from tables of 80 digits. What
    the whole numbers cut off is less than 2^-190.
    """
    with localcontext(prec=80):
        tables = [
            np.array([int((-Decimal(i << 8 * byte) / 2**places).exp() * 2**200) for i in range(256)], object)
            for byte in range(3)
        ]
    low, middle, high = (table[steps >> 8 * byte & 255] for byte, table in enumerate(tables))
    return np.asarray((low * middle * high // 2**400).sum(-1), object), 2**200


def shortened(values: npt.NDArray[Any], digits: int) -> npt.NDArray[Any]:
    """Return numbers rounded to so many binary digits, in their own format.

    >>> shortened(np.array([1 + 2**-8, 1 + 2**-7]), 8)
    array([1.       , 1.0078125])
    """
    _, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.rint(np.ldexp(values, digits - exponent)), exponent - digits), values.dtype)
