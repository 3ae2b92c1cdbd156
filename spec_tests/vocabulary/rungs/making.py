"""What cases are made with."""

import inspect
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array, Numbers, Problem, whole_numbers

NO_OPTIONS = ("bias", "weight", "return_indices", "dtype")
"""What has a default and is an array, or changes what comes back."""


def case(
    operation: str, options: dict[str, Any] | None = None, numbers: Numbers = whole_numbers, **arrays: Any
) -> Problem:
    """Return a call with these arrays, or numbers of these shapes; its `grad_output` has the shape of its output.

    >>> case("relu", input=(2,)).grad_output.shape
    (2,)
    """
    rng = np.random.default_rng(len(arrays["input"]) if isinstance(arrays["input"], tuple) else 0)
    filled = {name: numbers(rng, value) if isinstance(value, tuple) else value for name, value in arrays.items()}
    given = {**_defaults(operation), **(options or {})}
    given = {name: value for name, value in given.items() if name not in filled}
    output = getattr(reference, operation)(**filled, **given)
    return Problem(operation, filled, given, without_zeros(rng, np.shape(output)))


def _defaults(operation: str) -> dict[str, Any]:
    """Return the options of an operation with their defaults, but for what a problem does not hold."""
    parameters = inspect.signature(getattr(reference, operation)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty and p.name not in NO_OPTIONS}


def without_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with whole numbers up to 4 of either sign: wherever a number counts, it is seen."""
    return np.asarray(rng.integers(1, 5, shape) * rng.choice([-1.0, 1.0], shape))


def odd_halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with -3.5 … 3.5: never a whole number, so that nothing equals one, and never 0."""
    return np.asarray(rng.integers(-4, 4, shape) + 0.5)


def different(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with different numbers of either sign, but with those below 0 at first: nothing ties."""
    cells = int(np.prod(shape))
    return np.asarray(rng.permutation(cells).reshape(shape) - (cells + 1.0 if cells < 10 else cells // 2 + 0.5))
