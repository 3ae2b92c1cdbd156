"""What the tests draw: a problem is the arguments of one call, and a `grad_output` to send back through it.

Hypothesis draws the geometry and a seed; the arrays are filled from the seed. So a failing case shrinks to the
smallest geometry in a second, and prints as code that builds it again.

A problem's arrays are float64. `problem.at(dtype)` is the same problem rounded to a number format.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from spec_tests.vocabulary.formats import rounded

Array = npt.NDArray[Any]
Numbers = Callable[[np.random.Generator, tuple[int, ...]], Array]


def whole_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with -4 … 4: their products add up without rounding, so every correct implementation agrees exactly."""
    return rng.integers(-4, 5, shape).astype(np.float64)


def small_whole_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with -1, 0 and 1: even long sums of their products are numbers of a half format."""
    return rng.integers(-1, 2, shape).astype(np.float64)


def real_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with numbers of all digits and several orders of magnitude, so that sums round and cancel."""
    return np.asarray(rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape))


def distinct_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with different whole numbers in random order: nothing ties."""
    return np.asarray(rng.permutation(prod(shape)).reshape(shape).astype(np.float64) - prod(shape) // 2)


EXACT_IN_EVERY_FORMAT = np.outer(np.arange(128, 256), 2.0 ** np.arange(-24, 9)).ravel()
"""8 digits and few powers of two: bfloat16 has the digits, float16 the powers."""


def distinct_in_every_format(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with different numbers, which stay so in every format: nothing ties."""
    either_sign = np.concatenate([-EXACT_IN_EVERY_FORMAT, EXACT_IN_EVERY_FORMAT])
    return np.asarray(rng.choice(either_sign, shape, replace=False))


def special_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with 0, 1, NaN and the infinities: ties, and everything that comparisons get wrong."""
    return rng.choice([0.0, 1.0, np.nan, np.inf, -np.inf], shape, p=[0.2, 0.2, 0.15, 0.15, 0.3])


@dataclass(frozen=True)
class Problem:
    """One call: the name of the operation, its arrays, its options, and a `grad_output` shaped like its output."""

    operation: str
    arrays: dict[str, Any]
    options: dict[str, Any]
    grad_output: Array

    def __getattr__(self, name: str) -> Any:
        for named in (self.__dict__.get("arrays", {}), self.__dict__.get("options", {})):
            if name in named:
                return named[name]
        raise AttributeError(name)

    def at(self, dtype: str) -> Self:
        """Return the problem with its floating point arrays rounded to a number format."""
        arrays = {name: _at(value, dtype) for name, value in self.arrays.items()}
        return replace(self, arrays=arrays, grad_output=_at(self.grad_output, dtype))

    @property
    def rank(self) -> int:
        """The number of spatial axes, which the operation is named after: 2 of conv2d."""
        return int(self.operation.removesuffix("d")[-1])

    def per_axis(self, option: str) -> tuple[int, ...]:
        """Return an option of a convolution or pooling with one number for every spatial axis."""
        value = self.options[option]
        if option == "stride" and value is None:
            value = self.options["kernel_size"]
        return value if isinstance(value, tuple) else (value,) * self.rank

    def forward(self, layers: Any, **changed: Any) -> Any:
        """Call the operation on this namespace of functions, with some arguments changed if need be."""
        return getattr(layers, self.operation)(**{**self.arrays, **self.options, **changed})

    def backward(self, layers: Any, **changed: Any) -> Any:
        """Call the operation's gradient on this namespace of functions."""
        arguments = {"grad_output": self.grad_output, **self.arrays, **self.options, **changed}
        return getattr(layers, f"{self.operation}_backward")(**arguments)

    def changed(self, **arguments: Any) -> Self:
        """Return the problem with some arrays or options exchanged."""
        arrays = {name: arguments.get(name, value) for name, value in self.arrays.items()}
        options = {name: arguments.get(name, value) for name, value in self.options.items()}
        return replace(self, arrays=arrays, options=options, grad_output=arguments.get("grad_output", self.grad_output))


def _at(value: Array | None, dtype: str) -> Any:
    return rounded(value, dtype) if value is not None and value.dtype.kind == "f" else value


SEEDS = st.integers(0, 2**32 - 1)


@lru_cache(maxsize=None, typed=True)
def choice(*values: Any) -> st.SearchStrategy[Any]:
    """Return the choice among these values; made once, for making a strategy takes longer than drawing from it."""
    return st.sampled_from(values)


@cache
def _tuples(rank: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sampled_from(list(product(range(least, most + 1), repeat=rank)))


def per_axis(draw: st.DrawFn, rank: int, least: int, most: int) -> tuple[int, ...]:
    """Draw one number for every axis: a single choice, which is quicker than one for each."""
    return draw(_tuples(rank, least, most))


def one_or_all(one: bool, numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """Return equal numbers as a single one, if so chosen: both forms mean the same."""
    return numbers[0] if one and len(set(numbers)) == 1 else numbers


def leading(draw: st.DrawFn, batched: bool = False) -> tuple[int, ...]:
    """Draw the batch axis: one, two or three images, or unless `batched` no such axis."""
    return draw(choice((1,), (2,), (3,)) if batched else choice((1,), (2,), (), (3,)))
