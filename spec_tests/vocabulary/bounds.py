"""Rounding bounds: how far a correct implementation may be from the exact result.

Every tolerance in this specification comes from here; no test sets its own.

Sums of products (convolution, linear). Summing K products in any order, each operation rounded once with unit roundoff
u, gives the exact sum of slightly perturbed products, each multiplied by a factor within 1 ± γ_K,

    γ_K(u) = K·u / (1 − K·u)                  (Higham, Accuracy and Stability of Numerical Algorithms, 3.1)

so the error is at most γ_K · Σ|products|, and Σ|products| is the same operation on absolute values. Storing the
result rounds once more, and each operation may underflow:

    |computed − exact| <= u_out·|exact| + (1 + u_out)·γ_K(u_acc)·Σ|products| + K·(smallest subnormal)

Formulas (sigmoid, softmax, the losses). `Rounded` numbers carry a value and a bound on its error, and every
operation on them adds the rounding error of a machine: running error analysis (Higham, 3.3). The bound of a formula is
the formula evaluated on them. Each elementary function is allowed an error of `ELEMENTARY_ULPS` units.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.formats import FORMATS, Format

Floats = npt.NDArray[np.float64]

ELEMENTARY_ULPS = 4
"""The error allowed to exp, log and tanh, in units of 2·u: vector math libraries document at most 4 ulp."""

NO_BOUND = 1e60
"""An error so large that it says nothing; finite, so that nothing multiplied by it becomes NaN."""

REFERENCE = FORMATS["float64"]
"""The exact result is itself computed in float64, and its own error is part of the bound."""


@dataclass(frozen=True)
class Approximation:
    """The exact result and the largest error that a correct implementation may have."""

    exact: Floats
    bound: Floats


def gamma(count: float, roundoff: float) -> float:
    """Return γ_K(u), the largest relative error that K successive roundings can add up to."""
    if count * roundoff >= 1:
        raise ValueError(f"{count} roundings of {roundoff} have no bound")
    return count * roundoff / (1 - count * roundoff)


def sum_bound(exact: Floats, magnitudes: Floats, terms: int, dtype: str, stored: int = 0) -> Floats:
    """Return the bound above for sums of `terms` products, given Σ|products|.

    `stored` is how many times a partial sum may be rounded to the storage format on its way into the result.
    """
    own = error_of_sums(exact, magnitudes, terms, FORMATS[dtype], stored)
    return own + error_of_sums(exact, magnitudes, terms, REFERENCE, 0)


def error_of_sums(exact: Floats, magnitudes: Floats, terms: int, fmt: Format, stored: int = 0) -> Floats:
    """Return the bound above for a format, around sums that are known exactly."""
    u = fmt.roundoff
    shortened = (1 + fmt.factors) ** 2 - 1
    relative = (1 + shortened) * (1 + gamma(terms, fmt.accumulation)) * (1 + gamma(stored, u)) - 1
    bound: Floats = u * abs(exact) + (1 + u) * relative * magnitudes + (terms + stored) * fmt.smallest
    return bound


@dataclass(frozen=True)
class Rounded:
    """Numbers as an implementation may compute them: the exact value and a bound on the error so far."""

    value: Floats
    error: Floats
    fmt: Format

    @classmethod
    def exactly(cls, value: npt.ArrayLike, fmt: Format) -> Self:
        """Return numbers without error, such as the arguments: in double precision, or objects of more digits."""
        array: Any = np.asarray(value)
        if array.dtype != object:
            array = array.astype(np.float64)
            return cls(array, np.zeros_like(array), fmt)
        return cls(array, np.asarray(array * 0, object), fmt)

    def _rounding(self, value: Floats, inherited: Floats, units: float = 1) -> Self:
        """Return this value with the inherited error plus the rounding of one more operation."""
        own = units * self.fmt.roundoff * (abs(value) + inherited) + units * self.fmt.smallest
        return type(self)(value, inherited + own, self.fmt)

    def _other(self, other: "Rounded | npt.ArrayLike") -> "Rounded":
        return other if isinstance(other, Rounded) else Rounded.exactly(other, self.fmt)

    def __neg__(self) -> Self:
        return type(self)(-self.value, self.error, self.fmt)

    def __abs__(self) -> Self:
        return type(self)(abs(self.value), self.error, self.fmt)

    def __add__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        total = self._rounding(self.value + b.value, self.error + b.error)
        if np.asarray(total.value).dtype == object:  # numbers of more digits, which are finite
            return total
        infinite = np.isinf(self.value) | np.isinf(b.value)  # such a sum is infinite whatever the other one is
        return replace(total, error=np.where(infinite & np.isinf(total.value), 0.0, total.error))

    def __sub__(self, other: "Rounded | npt.ArrayLike") -> Self:
        return self + -self._other(other)

    def __mul__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        inherited = abs(self.value) * b.error + abs(b.value) * self.error + self.error * b.error
        return self._rounding(self.value * b.value, inherited)

    def __truediv__(self, other: "Rounded | npt.ArrayLike") -> Self:
        b = self._other(other)
        quotient = self.value / b.value
        least = abs(b.value) - b.error  # a divisor that may be 0 or have either sign leaves no bound
        inherited = (self.error + abs(quotient) * b.error) / np.where(least > 0, least, 1)
        inherited = np.where(least > 0, inherited, NO_BOUND)
        return self._rounding(quotient, inherited)

    def sqrt(self) -> Self:
        """Return the square roots of numbers that are not negative even with their error; IEEE rounds them correctly.

        An error e has the largest effect downwards, √x − √(x − e) = e / (√x + √(x − e)), and never more than √e.
        """
        value, lowest = np.sqrt(self.value), np.sqrt(np.maximum(self.value - self.error, 0))
        sloped = self.error / np.where(value > 0, value + lowest, 1)
        return self._rounding(value, np.where(lowest > 0, sloped, np.sqrt(self.error)))

    def maximum(self, other: "Rounded") -> Self:
        """Return the larger of two numbers: its error is at most the larger one, and nothing is rounded."""
        value, error = np.maximum(self.value, other.value), np.maximum(self.error, other.error)
        return type(self)(value, error, self.fmt)

    def stored_as(self, fmt: Format) -> Self:
        """Return the numbers converted to another format: rounded if it is a coarser one."""
        converted = type(self)(self.value, self.error, fmt)
        return converted if fmt.roundoff <= self.fmt.roundoff else converted._rounding(self.value, self.error)

    def widen_to(self, other: "Rounded") -> Self:
        """Also allow another way of computing the same numbers: take the larger error of the two."""
        return type(self)(self.value, np.maximum(self.error, other.error), self.fmt)

    def exp(self) -> Self:
        """Return e to the power of these numbers."""
        value = np.exp(self.value)
        return self._rounding(value, value * np.expm1(self.error), 2 * ELEMENTARY_ULPS)

    def log(self) -> Self:
        """Return the natural logarithms."""
        return self._rounding(np.log(self.value), -np.log1p(-self.error / self.value), 2 * ELEMENTARY_ULPS)

    def tanh(self) -> Self:
        """Return the hyperbolic tangents, of slope at most 1."""
        return self._rounding(np.tanh(self.value), self.error, 2 * ELEMENTARY_ULPS)

    def sign(self) -> Self:
        """Return −1, 0 or 1 without error: rounding cannot change the sign of a difference of two exact numbers."""
        return type(self)(np.sign(self.value), np.zeros_like(self.value), self.fmt)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Self:
        """Sum over some axes, kept with size 1, or over everything; in any order."""
        kept = axis is not None
        value, error = self.value.sum(axis, keepdims=kept), self.error.sum(axis, keepdims=kept)
        magnitude = abs(self.value).sum(axis, keepdims=kept) + error
        terms = self.value.size // max(value.size, 1)
        return self._rounding(value, error + gamma(terms, self.fmt.accumulation) * magnitude)

    def sum_to(self, shape: tuple[int, ...]) -> Self:
        """Sum over the broadcast axes, down to this shape."""
        extra = self.value.ndim - len(shape)
        stretched = [extra + i for i, size in enumerate(shape) if size == 1]
        return self.sum((*range(extra), *stretched)).reshape(shape)

    def reshape(self, shape: tuple[int, ...]) -> Self:
        """Return the same numbers in another shape."""
        return type(self)(self.value.reshape(shape), self.error.reshape(shape), self.fmt)

    def moveaxis(self, source: int, target: int) -> Self:
        """Return the same numbers with an axis moved."""
        return type(self)(np.moveaxis(self.value, source, target), np.moveaxis(self.error, source, target), self.fmt)

    def where(self, condition: npt.NDArray[np.bool_]) -> Self:
        """Keep these numbers where the condition holds, with exact zeros elsewhere."""
        return type(self)(np.where(condition, self.value, 0), np.where(condition, self.error, 0), self.fmt)


def formula(evaluate: Callable[[Format], Rounded], exact: Floats, dtype: str, stored: bool = True) -> Approximation:
    """Bound a formula: its error in this format plus that of evaluating the exact result in float64.

    With `stored`, every step may be rounded to the format. Without it, the steps are computed in the format in which
    sums are accumulated (float32 for the half formats), and only the result is rounded to the format.
    """
    return Approximation(
        np.asarray(exact), error_of_formula(evaluate, exact, FORMATS[dtype], stored) + evaluate(REFERENCE).error
    )


def error_of_formula(evaluate: Callable[[Format], Rounded], exact: Floats, fmt: Format, stored: bool = True) -> Floats:
    """Return the same for a format, around a result that is known exactly."""
    if stored:
        return evaluate(fmt).error
    inside = evaluate(replace(fmt, roundoff=fmt.accumulation, smallest=FORMATS["float32"].smallest)).error
    return inside + fmt.roundoff * (abs(exact) + inside) + fmt.smallest
