"""Numbers of 70 digits, which are the same on every machine.

`Real` numbers wrap `decimal`, whose arithmetic, square roots, exponentials and logarithms are correctly rounded by its
specification, whatever processor and C library. In NumPy's arrays of objects they pass through the formulas of
`vocabulary.operations`, whose `np.exp` then calls `Real.exp`. What rounds is off by no more than the last of 70 digits,
far beyond what a bound notices. Sums of products are added up in `SUMS`, whose digits hold them without any rounding.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import ceil, frexp, ldexp
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Objects = npt.NDArray[Any]
"""Arrays of `Real` numbers, or of `Decimal` ones."""

CONTEXT = Context(prec=70, rounding=ROUND_HALF_EVEN, Emin=-999999, Emax=999999)
SUMS = Context(prec=150, rounding=ROUND_HALF_EVEN, Emin=-999999, Emax=999999)
ONE = Decimal(1)
SMALL, TERMS = Decimal("1e-8"), 9
"""Of numbers up to this, so many terms of a series leave an error of 10^-64 of the whole."""
BOUND_BITS = 12
"""Bounds are rounded up to so many binary digits, which leaves their files short."""


def decimal_of(value: "Real | Decimal | float") -> Decimal:
    """Return a number without rounding."""
    if isinstance(value, Real):
        return value.decimal
    if type(value) is float or type(value) is int:
        return Decimal(value)
    return Decimal(value.item() if isinstance(value, np.generic) else value)


class Real:
    """A number of 70 digits; it mixes with Python's and NumPy's numbers, which it takes as exact."""

    __slots__ = ("decimal",)
    shape: ClassVar[tuple[int, ...]] = ()
    size, ndim = 1, 0

    def __init__(self, value: "Real | Decimal | float") -> None:
        self.decimal = decimal_of(value)

    def __repr__(self) -> str:
        return f"Real({float(self.decimal)!r})"

    def __float__(self) -> float:
        """Return the nearest number of double precision."""
        return float(self.decimal)

    def __bool__(self) -> bool:
        return bool(self.decimal)

    def __hash__(self) -> int:
        return hash(("Real", self.decimal))  # not that of an equal float, which a cache would take for the same

    def reshape(self, shape: tuple[int, ...]) -> Any:
        """Return an array of this one number: what NumPy's scalars do, too."""
        return np.array(self, object).reshape(shape)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: ARG002 (there is no axis)
        """Return the sum over no axis, as NumPy's scalars do."""
        return np.asarray(self, object) if keepdims else self

    def __add__(self, other: Any) -> Any:
        return _calculated(CONTEXT.add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _calculated(CONTEXT.subtract, self, other)

    def __rsub__(self, other: Any) -> Any:
        return _calculated(CONTEXT.subtract, other, self)

    def __mul__(self, other: Any) -> Any:
        return _calculated(CONTEXT.multiply, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return _calculated(CONTEXT.divide, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _calculated(CONTEXT.divide, other, self)

    def __pow__(self, other: int) -> "Real":
        return _of(CONTEXT.power(self.decimal, other))

    def __neg__(self) -> "Real":
        return _of(self.decimal.copy_negate())

    def __abs__(self) -> "Real":
        return _of(self.decimal.copy_abs())

    def __eq__(self, other: object) -> bool:
        return self.decimal == decimal_of(other)  # type: ignore[arg-type]

    def __lt__(self, other: Any) -> bool:
        return self.decimal < decimal_of(other)

    def __le__(self, other: Any) -> bool:
        return self.decimal <= decimal_of(other)

    def __gt__(self, other: Any) -> bool:
        return self.decimal > decimal_of(other)

    def __ge__(self, other: Any) -> bool:
        return self.decimal >= decimal_of(other)

    def sqrt(self) -> "Real":
        """Return the square root."""
        return _of(CONTEXT.sqrt(self.decimal))

    def exp(self) -> "Real":
        """Return e to the power of this number."""
        return _of(CONTEXT.exp(self.decimal))

    def expm1(self) -> "Real":
        """Return e to the power of this number, less 1: of a small number x + x²/2! + x³/3! + ...: nothing cancels."""
        if abs(self.decimal) >= SMALL:
            return _of(CONTEXT.subtract(CONTEXT.exp(self.decimal), ONE))
        total = term = self.decimal
        for n in range(2, TERMS):
            term = CONTEXT.divide(CONTEXT.multiply(term, self.decimal), Decimal(n))
            total = CONTEXT.add(total, term)
        return _of(total)

    def log(self) -> "Real":
        """Return the natural logarithm."""
        return _of(CONTEXT.ln(self.decimal))

    def log1p(self) -> "Real":
        """Return the natural logarithm of 1 and this number: of a small one x − x²/2 + x³/3 − ..."""
        if abs(self.decimal) >= SMALL:
            return _of(CONTEXT.ln(CONTEXT.add(ONE, self.decimal)))
        total = power = self.decimal
        for n in range(2, TERMS):
            power = CONTEXT.multiply(power, self.decimal.copy_negate())
            total = CONTEXT.add(total, CONTEXT.divide(power, Decimal(n)))
        return _of(total)

    def tanh(self) -> "Real":
        """Return (1 − e^−2|x|) / (1 + e^−2|x|), with the sign of x."""
        power = CONTEXT.exp(CONTEXT.multiply(-2, self.decimal.copy_abs()))
        quotient = CONTEXT.divide(CONTEXT.subtract(ONE, power), CONTEXT.add(ONE, power))
        return _of(quotient.copy_sign(self.decimal))


def _of(value: Decimal) -> Real:
    number = Real.__new__(Real)
    number.decimal = value
    return number


def _calculated(operation: Callable[[Decimal, Decimal], Decimal], one: Any, other: Any) -> Any:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return NotImplemented
    return _of(operation(decimal_of(one), decimal_of(other)))


_reals = np.frompyfunc(Real, 1, 1)
_decimals = np.frompyfunc(decimal_of, 1, 1)
_floats = np.frompyfunc(float, 1, 1)


def reals(array: Any) -> Objects:
    """Return an array of numbers as `Real` ones, without rounding."""
    return np.asarray(_reals(np.asarray(array).astype(object)), object)


def decimals(array: Any) -> Objects:
    """Return an array of numbers as `Decimal` ones, without rounding: quicker for sums of products."""
    return np.asarray(_decimals(np.asarray(array).astype(object)), object)


def rounded_to_float64(array: Any) -> npt.NDArray[np.float64]:
    """Return the nearest numbers of double precision, of two equally near ones the even one.

    >>> rounded_to_float64(reals([1, 3]) / 3)
    array([0.33333333, 1.        ])
    """
    return np.asarray(_floats(np.asarray(array, object)), np.float64)


def rounded_up(array: Any) -> npt.NDArray[np.float64]:
    """Return numbers of few binary digits that are not below these, which are not negative.

    >>> rounded_up(reals([0, 1, 5]) / 5)
    array([0.        , 0.20001221, 1.        ])
    """

    def up(value: float | Real) -> float:
        nearest = float(value)
        if nearest == 0:
            return 0.0 if value == 0 else 5e-324
        mantissa, exponent = frexp(nearest)
        scaled = mantissa * 2**BOUND_BITS
        whole = ceil(scaled)
        above = ldexp(whole, exponent - BOUND_BITS)
        return above if Real(above) >= value else ldexp(whole + 1, exponent - BOUND_BITS)

    return np.asarray(np.frompyfunc(up, 1, 1)(np.asarray(array, object)), np.float64)
