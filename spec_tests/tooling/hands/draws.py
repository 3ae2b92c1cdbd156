"""The register of drawn calls, and how their answers are held against the references.

Each draw returns the arguments of one call and a check: a function that takes the answer and raises AssertionError if
it is not the references'. The bounds are the specification's for float64, which is what JavaScript computes in.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within

Check: TypeAlias = Callable[[Any], None]
Draw: TypeAlias = Callable[[np.random.Generator], tuple[list[Any], Check]]

DRAWS: dict[str, Draw] = {}
"""By the name of the JavaScript function; the other modules of this folder fill it."""


def draws(name: str, *bound: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function that draws calls of this JavaScript function; it also gets the other arguments."""

    def enter(draw: Callable[..., Any]) -> Callable[..., Any]:
        DRAWS[name] = lambda rng: draw(rng, *bound)
        return draw

    return enter


def equals(expected: Any) -> Check:
    """Return a check that the answer is exactly this."""
    return lambda answer: assert_equal(np.array(answer, np.float64), np.asarray(expected, np.float64))


def rounds_to(approximation: Approximation) -> Check:
    """Return a check that the answer lies within its bound."""
    return lambda answer: assert_within(np.array(answer, np.float64), approximation, "float64")


def same(expected: Any) -> Check:
    """Return a check that the answer is exactly this, whatever it is made of."""

    def check(answer: Any) -> None:
        assert answer == expected, f"got {answer}, expected {expected}"

    return check
