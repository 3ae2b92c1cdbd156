"""The checks of arguments that all layers share.

Each returns its argument in the form that the arithmetic uses, or raises TypeError (wrong type) or ValueError
(wrong value) with a message that names the argument, what was given and what was expected.

An option may be a NumPy number, whose own arithmetic would then take part: a byte wraps round at 256, and a number of
float64 turns an array of float32 into one of its own format. So options become numbers of Python here.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from numbers import Integral, Real
from operator import index
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Size: TypeAlias = int | Sequence[int]

FLOATS = frozenset({"float32", "float64"})
INTEGERS = frozenset({"uint8", "int8", "int16", "int32", "int64"})
REDUCTIONS = ("none", "mean", "sum")

MOST_ELEMENTS = 2**31
"""An array of as many elements or more is not made: a slip in an option asks for it sooner than a reader does."""

LONGEST = 100
"""Characters of a value in a message."""


def array(name: str, value: object, dtypes: frozenset[str] = FLOATS) -> Array:
    """Require a NumPy array of one of these dtypes (a NumPy scalar counts as an array without axes)."""
    if type(value) is not np.ndarray and not isinstance(value, np.generic):  # a subclass may mean other arithmetic
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype.name not in dtypes:
        raise TypeError(f"{name} has dtype {value.dtype}, expected one of {', '.join(sorted(dtypes))}")
    if not value.dtype.isnative:
        raise TypeError(f"{name} has byte order {value.dtype.str}, expected the machine's own")
    if value.size >= MOST_ELEMENTS:  # a broadcast view has no cells of its own, but what is computed from it has
        raise ValueError(f"{name} has shape {value.shape}, expected fewer than 2^31 elements")
    return np.asarray(value)


def float_dtype(name: str, value: Any) -> np.dtype[Any]:
    """Require a floating point dtype that the references compute in, or its name."""
    try:
        dtype = None if isinstance(value, str | bytes) and value not in FLOATS else np.dtype(value)
    except Exception:  # NumPy quotes what is no dtype, and an object of others may raise anything
        dtype = None
    if dtype is None or dtype.name not in FLOATS or not dtype.isnative:
        raise TypeError(f"{name} must be float32 or float64, got {shown(value)}")
    return dtype


def mapping(name: str, value: object, needed: Iterable[str] = ()) -> Mapping[str, Any]:
    """Require a mapping from names that has at least these."""
    try:
        found = dict(value) if isinstance(value, Mapping) else None
    except Exception:  # an object of others may raise anything
        found = None
    if found is None:
        raise TypeError(f"{name} must be a mapping from names to arrays, got {type(value).__name__}")
    missing = [key for key in needed if key not in found]
    if missing:
        raise ValueError(f"{name} lack {', '.join(missing)}")
    return found


def lowest(dtype: np.dtype) -> float:
    """Return the lowest number of a dtype, which is −∞ for floating point."""
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def same_dtype(**arrays: Array | None) -> None:
    """Require one dtype throughout: nothing is promoted silently."""
    dtypes = {name: value.dtype.name for name, value in arrays.items() if value is not None}
    if len(set(dtypes.values())) > 1:
        raise TypeError("one dtype expected, got " + ", ".join(f"{name} {dtype}" for name, dtype in dtypes.items()))


def shape(name: str, value: Array, expected: tuple[int, ...]) -> None:
    """Require exactly this shape."""
    if value.shape != expected:
        raise ValueError(f"{name} has shape {value.shape}, expected {expected}")


def integer(name: str, value: object) -> int:
    """Require a whole number of at most 64 bits; True and 1.0 do not count as one."""
    if isinstance(value, bool | np.bool_ | np.ndarray):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    try:
        number = int(index(value))  # type: ignore[arg-type]  # it raises TypeError if it is none
    except Exception:  # an object of others may raise anything
        raise TypeError(f"{name} must be a whole number, got {shown(value)}") from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} must be a 64-bit integer, got {shown(number)}")
    return number


def real(name: str, value: object) -> float:
    """Require a real number that a float of Python can hold."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a number of at most float64's range, got {shown(value)}") from None
    except Exception:  # an object of others may raise anything
        raise TypeError(f"{name} must be a number, got {shown(value)}") from None


def number(name: str, value: object) -> int | float:
    """Require a real number, and keep a whole number whole: a float would round it."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return integer(name, value) if whole else real(name, value)


def flag(name: str, value: object) -> bool:
    """Require True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def per_axis(name: str, value: Size, rank: int, least: int) -> tuple[int, ...]:
    """Require one whole number for every axis, or one for all of them, none below `least`."""
    if isinstance(value, str):
        raise TypeError(f"{name} must be a whole number or {rank} of them, got {shown(value)}")
    numbers = tuple(integer(name, v) for v in value) if isinstance(value, tuple | list) else (integer(name, value),)
    if len(numbers) not in (1, rank):
        raise ValueError(f"{name} must have 1 or {rank} numbers, got {numbers}")
    if min(numbers) < least:
        raise ValueError(f"{name} must be at least {least}, got {numbers if len(numbers) > 1 else numbers[0]}")
    return numbers if len(numbers) == rank else numbers * rank


def positive_sizes(name: str, value: Size) -> tuple[int, ...]:
    """Require one size or a tuple of them, each at least 1."""
    rank = len(value) if isinstance(value, tuple | list) else 1
    if rank == 0:
        raise ValueError(f"{name} must have at least one number, got {value}")
    return per_axis(name, value, rank, least=1)


def axis(name: str, value: object, ndim: int) -> int:
    """Require an axis of an array of `ndim` axes and count it from the front; one without axes has axis 0."""
    number = integer(name, value)
    axes = max(ndim, 1)
    if not -axes <= number < axes:
        raise ValueError(f"{name} must be from {-axes} to {axes - 1}, got {number}")
    return number % axes


def reduction_name(reduction: object) -> str:
    """Require one of the three reductions."""
    if not isinstance(reduction, str) or str(reduction) not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, got {shown(reduction)}")
    return str(reduction)


def one_of(name: str, value: object, names: Sequence[str]) -> str:
    """Require one of these names."""
    if not isinstance(value, str) or str(value) not in names:
        raise ValueError(f"{name} must be one of {', '.join(names)}, got {shown(value)}")
    return str(value)


def affordable(name: str, size: Sequence[int]) -> tuple[int, ...]:
    """Require a shape that an array in memory can have, before one is made."""
    if prod(max(cells, 1) for cells in size) >= MOST_ELEMENTS:
        raise ValueError(f"{name} would have shape {tuple(size)}, expected fewer than 2^31 elements")
    return tuple(size)


def shown(value: object) -> str:
    """Return a value as a message quotes it: in one line, shortened if it is long, without what a terminal obeys."""
    try:
        text = repr(value)
    except Exception:  # Python writes no whole number of thousands of digits, and an object of others may write none
        text = f"a {type(value).__name__} that is too long to write"
    text = " ".join(text[: 10 * LONGEST].split())  # an array takes several lines
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
