"""What a long sum is: the calls, the sums in what they return, and a row of the table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from spec_tests.vocabulary.exact_sums import Exact, Whole, as_floats, full_mantissas, sums
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.statistics import LongSums

LENGTHS = (64, 576, 1152, 4608, 16384)

SIDE = 64
"""Rows and columns of the matrix products: 4,096 sums, 64 of them with nothing in common."""


@dataclass(frozen=True)
class Case:
    """Calls, and the sums in what they return."""

    calls: Iterable[Problem]
    """One after the other if they are many: then they can be made once."""
    result: str
    """"output", or the argument whose gradient the sums are."""
    read: Callable[[Any], Any]
    """The sums in what a call returns."""
    sums: LongSums

    def computed(self, subject: Any) -> Array:
        """Make the calls, and return all sums."""
        found = [np.asarray(self.read(self._returned(problem, subject))) for problem in self.calls]
        return found[0] if len(found) == 1 else np.stack(found)

    def _returned(self, problem: Problem, subject: Any) -> Any:
        if self.result == "output":
            return problem.forward(subject)
        gradients = problem.backward(subject)
        return gradients[GRADIENTS[problem.operation].index(self.result)] if isinstance(gradients, tuple) else gradients


Draw = Callable[[tuple[int, ...]], Whole]


@dataclass(frozen=True)
class Row:
    """A long sum of an operation."""

    operation: str
    result: str
    make: Callable[[int, Draw, str], Case]
    of: str = "products"
    """What is added up: "products" of two factors, which can be shortened; or "terms", in which there are none."""
    one_sign: bool = False
    """Whether all terms have one sign, so that only the worst case can be asked."""
    slow_from: int = 4608
    """The lengths from here on run only with --slow."""
    lengths: tuple[int, ...] = LENGTHS

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.operation}-{self.result}"

    def case(self, terms: int, dtype: str) -> Case:
        """Return the case of this length, the same each time."""
        rng = np.random.default_rng([terms, crc32(self.name.encode())])
        return self.make(terms, lambda shape: full_mantissas(rng, shape, dtype), dtype)


def whole(returned: Any) -> Any:
    """Return what a call returned: all of it are sums."""
    return returned


def many_for(terms: int) -> int:
    """Return the number of sums where none shares anything with another."""
    return 4096 if terms <= 576 else 1024


def problem_of(operation: str, dtype: str, options: dict[str, Any], grad_output: Any, **arrays: Any) -> Problem:
    """Return a call, its whole numbers turned into numbers of the format, and zeros for a `grad_output` not needed."""
    floats = {name: _floats(value, dtype) for name, value in arrays.items()}
    return Problem(operation, floats, options, _floats(grad_output, dtype))


def _floats(value: Any, dtype: str) -> Any:
    return as_floats(value, dtype) if isinstance(value, np.ndarray) and value.dtype == np.int64 else value


def one_call(problem: Problem, result: str, found: LongSums, read: Callable[[Any], Any] = whole) -> Case:
    """Return the case of a single call that returns all sums."""
    return Case((problem,), result, read, found)


def channel_sums(g: Whole, dtype: str) -> Exact:
    """Return the sum of each channel's numbers, over images and places."""
    return sums(g.swapaxes(0, 1).reshape(g.shape[1], -1), dtype)


def positive(numerators: Any, denominators: Any) -> Exact:
    """Return sums of terms of one sign: Σ |term| is the sum itself."""
    exact = Exact(np.asarray(numerators, object), np.asarray(denominators, object), np.empty(0), np.empty(0))
    return Exact(exact.numerators, exact.denominators, exact.values, abs(exact.values))
