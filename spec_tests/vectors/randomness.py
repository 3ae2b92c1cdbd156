"""Choices that come out the same in every version of Python and NumPy: SplitMix64, in whole numbers.

Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
"""

import zlib
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.formats import FORMATS

T = TypeVar("T")
Floats = npt.NDArray[np.float64]
Shape = tuple[int, ...]

MASK = 2**64 - 1
DIGITS = {"float32": 24, "float64": 53, "float16": 11, "bfloat16": 8}
"""The binary digits of a format."""


class Random:
    """A source of choices, given by its name."""

    def __init__(self, name: str) -> None:
        self.state = zlib.crc32(name.encode()) * 0x9E3779B97F4A7C15 & MASK

    def bits(self) -> int:
        """Return 64 bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return z ^ z >> 31

    def below(self, count: int) -> int:
        """Return a whole number from 0 to below this one."""
        return self.bits() * count >> 64

    def integer(self, least: int, most: int) -> int:
        """Return a whole number between these two, both included."""
        return least + self.below(most - least + 1)

    def choice(self, *values: T) -> T:
        """Return one of these values."""
        return values[self.below(len(values))]

    def chance(self, of: int) -> bool:
        """Return true once in so many times."""
        return self.below(of) == 0

    def sizes(self, rank: int, least: int, most: int) -> Shape:
        """Return a whole number for each axis."""
        return tuple(self.integer(least, most) for _ in range(rank))

    def shuffled(self, values: Sequence[Any]) -> list[Any]:
        """Return the values in another order."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]

    def filled(self, shape: Shape, number: Callable[[], float]) -> Floats:
        """Return an array of numbers, each drawn by itself."""
        return np.array([number() for _ in range(prod(shape))], np.float64).reshape(shape)

    def whole(self, shape: Shape, most: int = 4) -> Floats:
        """Return whole numbers from −most to most."""
        return self.filled(shape, lambda: self.integer(-most, most))

    def distinct(self, shape: Shape) -> Floats:
        """Return different whole numbers in random order."""
        count = prod(shape)
        return np.array(self.shuffled(range(-(count // 2), count - count // 2)), np.float64).reshape(shape)

    def real(self, shape: Shape, dtype: str, spread: int = 3) -> Floats:
        """Return numbers with all digits of a format, their magnitudes within 2^±spread."""
        digits = DIGITS[dtype]

        def number() -> float:
            mantissa = 2 ** (digits - 1) + self.below(2 ** (digits - 1))
            return float(self.choice(-1, 1) * mantissa) * 2.0 ** (self.integer(-spread, spread) + 1 - digits)

        return self.filled(shape, number)

    def special(self, shape: Shape) -> Floats:
        """Return 0, 1, NaN and the infinities."""
        numbers = [0.0] * 4 + [1.0] * 4 + [np.nan] * 3 + [np.inf] * 3 + [-np.inf] * 6
        return self.filled(shape, lambda: self.choice(*numbers))


def largest(dtype: str) -> float:
    """Return the largest number of a format."""
    return FORMATS[dtype].largest
