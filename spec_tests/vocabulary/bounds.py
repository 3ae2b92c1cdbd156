"""Rounding bounds: how far a correct implementation may be from the exact result.

Every tolerance of this specification comes from here. No test names one.

Sums of products (convolution, linear). Adding K products in any order, each operation rounded once with unit
roundoff u, gives the exact sum of slightly changed products, each changed by a factor within 1 ± γ_K,

    γ_K(u) = K·u / (1 − K·u)                  (Higham, Accuracy and Stability of Numerical Algorithms, 3.1)

so the error is at most γ_K · Σ|products|, and Σ|products| is the same operation on absolute values. Storing the
result rounds once more, and each operation may fall below the normal range:

    |computed − exact| <= u_out·|exact| + (1 + u_out)·γ_K(u_acc)·Σ|products| + K·(smallest subnormal)

Formulas (sigmoid, softmax, the losses). `Rounded` numbers carry a value and a bound on its error, and every
operation on them adds the rounding that a machine would: running error analysis (Higham, 3.3). The bound of a
formula is the formula, evaluated with them. Each elementary function is allowed `ELEMENTARY_ULPS` units.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.formats import FORMATS, Format

Floats = npt.NDArray[np.float64]

ELEMENTARY_ULPS = 4
"""What exp, log and tanh may be off by, in units of u·2: vector math libraries document up to 4 ulp at most."""

REFERENCE = FORMATS["float64"]
"""The exact result is itself computed, in float64; its own error is part of the bound."""


@dataclass(frozen=True)
class Approximation:
    """The exact result, and how far from it a correct implementation may be."""

    exact: Floats
    bound: Floats


def gamma(count: float, roundoff: float) -> float:
    """Return γ_K(u), the most that K roundings in a row can add up to, relatively."""
    if count * roundoff >= 1:
        raise ValueError(f"{count} roundings of {roundoff} have no bound")
    return count * roundoff / (1 - count * roundoff)


def sum_bound(exact: Floats, magnitudes: Floats, terms: int, dtype: str, stored: int = 0) -> Floats:
    """Return the bound above for sums of `terms` products, given Σ|products|.

    `stored` is how often a partial sum may be rounded to the storage format on its way into the result.
    """
    own = _sum_bound(exact, magnitudes, terms, FORMATS[dtype], stored)
    return own + _sum_bound(exact, magnitudes, terms, REFERENCE, 0)


def _sum_bound(exact: Floats, magnitudes: Floats, terms: int, kind: Format, stored: int) -> Floats:
    u = kind.roundoff
    shortened = (1 + kind.factors) ** 2 - 1
    relative = (1 + shortened) * (1 + gamma(terms, kind.accumulation)) * (1 + gamma(stored, u)) - 1
    bound: Floats = u * abs(exact) + (1 + u) * relative * magnitudes + (terms + stored) * kind.smallest
    return bound


@dataclass(frozen=True)
class Rounded:
    """Numbers as an implementation may compute them: the exact value, and a bound on the error so far."""

    value: Floats
    error: Floats
    kind: Format

    @classmethod
    def exactly(cls, value: npt.ArrayLike, kind: Format) -> Self:
        """Return numbers that carry no error: the arguments."""
        array = np.asarray(value, np.float64)
        return cls(array, np.zeros_like(array), kind)

    def _rounding(self, value: Floats, inherited: Floats, units: float = 1) -> Self:
        """Return this value with the error that came in and that of one more operation."""
        own = units * self.kind.roundoff * (abs(value) + inherited) + units * self.kind.smallest
        return type(self)(value, inherited + own, self.kind)

    def _other(self, other: "Rounded | npt.ArrayLike") -> "Rounded":
        return other if isinstance(other, Rounded) else Rounded.exactly(other, self.kind)

    def __neg__(self) -> Self:
        return type(self)(-self.value, self.error, self.kind)

    def __abs__(self) -> Self:
        return type(self)(abs(self.value), self.error, self.kind)

    def __add__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        return self._rounding(self.value + b.value, self.error + b.error)

    def __sub__(self, other: "Rounded | npt.ArrayLike") -> Self:
        return self + -self._other(other)

    def __mul__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        inherited = abs(self.value) * b.error + abs(b.value) * self.error + self.error * b.error
        return self._rounding(self.value * b.value, inherited)

    def __truediv__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        quotient = self.value / b.value
        inherited = (self.error + abs(quotient) * b.error) / (abs(b.value) - b.error)
        return self._rounding(quotient, inherited)

    def sqrt(self) -> Self:
        """Return the square roots of numbers that are not negative, however rounded; IEEE rounds them correctly.

        An error e does most on the way down, √x − √(x − e) = e / (√x + √(x − e)), and never more than √e.
        """
        value, lowest = np.sqrt(self.value), np.sqrt(np.maximum(self.value - self.error, 0))
        sloped = self.error / np.where(value > 0, value + lowest, 1)
        return self._rounding(value, np.where(lowest > 0, sloped, np.sqrt(self.error)))

    def maximum(self, other: "Rounded") -> Self:
        """Return the larger of two numbers: it moves no further than they do, and is not rounded."""
        value, error = np.maximum(self.value, other.value), np.maximum(self.error, other.error)
        return type(self)(value, error, self.kind)

    def stored_as(self, kind: Format) -> Self:
        """Return the numbers handed on to another format: rounded to it, if it is a coarser one."""
        moved = type(self)(self.value, self.error, kind)
        return moved if kind.roundoff <= self.kind.roundoff else moved._rounding(self.value, self.error)

    def widen_to(self, other: "Rounded") -> Self:
        """Allow another way to compute the same numbers, too: the larger error of both."""
        return type(self)(self.value, np.maximum(self.error, other.error), self.kind)

    def exp(self) -> Self:
        """Return e to these powers."""
        value = np.exp(self.value)
        return self._rounding(value, value * np.expm1(self.error), 2 * ELEMENTARY_ULPS)

    def log(self) -> Self:
        """Return the natural logarithms."""
        return self._rounding(np.log(self.value), -np.log1p(-self.error / self.value), 2 * ELEMENTARY_ULPS)

    def tanh(self) -> Self:
        """Return the hyperbolic tangents, of slope at most 1."""
        return self._rounding(np.tanh(self.value), self.error, 2 * ELEMENTARY_ULPS)

    def sign(self) -> Self:
        """Return −1, 0 or 1; a difference of two numbers has the right sign, however rounded."""
        return type(self)(np.sign(self.value), np.zeros_like(self.value), self.kind)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Self:
        """Add up along some axes, kept with size 1, or everything; in any order."""
        kept = axis is not None
        value, error = self.value.sum(axis, keepdims=kept), self.error.sum(axis, keepdims=kept)
        magnitude = abs(self.value).sum(axis, keepdims=kept) + error
        terms = self.value.size // max(value.size, 1)
        return self._rounding(value, error + gamma(terms, self.kind.accumulation) * magnitude)

    def sum_to(self, shape: tuple[int, ...]) -> Self:
        """Add up what broadcasting spread out, down to this shape."""
        more = self.value.ndim - len(shape)
        stretched = [more + i for i, size in enumerate(shape) if size == 1]
        return self.sum((*range(more), *stretched)).reshape(shape)

    def reshape(self, shape: tuple[int, ...]) -> Self:
        """Return the same numbers in another shape."""
        return type(self)(self.value.reshape(shape), self.error.reshape(shape), self.kind)

    def moveaxis(self, source: int, target: int) -> Self:
        """Return the same numbers with an axis moved."""
        return type(self)(np.moveaxis(self.value, source, target), np.moveaxis(self.error, source, target), self.kind)

    def where(self, condition: npt.NDArray[np.bool_]) -> Self:
        """Keep these numbers where the condition holds; elsewhere 0, without error."""
        return type(self)(np.where(condition, self.value, 0), np.where(condition, self.error, 0), self.kind)


def formula(evaluate: Callable[[Format], Rounded], exact: Floats, dtype: str, stored: bool = True) -> Approximation:
    """Bound a formula: its error in this format and that of the exact result's own evaluation in float64.

    With `stored`, every step may be rounded to the format; without, the steps are computed as sums are
    accumulated, in float32 for the half formats, and only the result is rounded to the format.
    """
    kind = FORMATS[dtype]
    if stored:
        error = evaluate(kind).error
    else:
        inside = evaluate(replace(kind, roundoff=kind.accumulation, smallest=FORMATS["float32"].smallest)).error
        error = inside + kind.roundoff * (abs(exact) + inside) + kind.smallest
    return Approximation(np.asarray(exact), error + evaluate(REFERENCE).error)
