"""The comparisons: exactly equal, or within a bound. They raise AssertionError and record what they saw.

A failure names the first wrong element, both values, and in a bounded comparison the error and the bound. A
comparison that could not fail, of no elements at all, is refused.
"""

from typing import Any

import numpy as np

from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.formats import FORMATS


def assert_equal(actual: Any, expected: Any, dtype: str | None = None) -> None:
    """Require the same shape, the same dtype and the same values; NaN equals NaN, and −0.0 equals 0.0."""
    expected = np.asarray(expected)
    _same_kind(actual, expected.shape, expected.dtype)
    wrong = ~((actual == expected) | ((actual != actual) & (expected != expected)))
    if wrong.any():
        at = _first(wrong)
        raise AssertionError(f"{_where(at, wrong)}: is {_at(actual, at)}, expected exactly {_at(expected, at)}")
    ledger.record(dtype or str(expected.dtype), share=0.0)


def assert_within(actual: Any, approximation: Approximation, dtype: str) -> None:
    """Require every element within its bound of the exact value; the bound must be finite, the format's dtype kept."""
    exact, bound = np.asarray(approximation.exact), np.asarray(approximation.bound)
    if not (np.isfinite(exact).all() and np.isfinite(bound).all()):
        raise ValueError("the exact result and its bound must be finite: infinities and NaN are compared exactly")
    _same_kind(actual, exact.shape, np.dtype(FORMATS[dtype].arrays))
    error = abs(np.asarray(actual, np.float64) - exact)
    wrong = ~(error <= bound)
    if wrong.any():
        at = _first(wrong)
        raise AssertionError(
            f"{_where(at, wrong)}: is {_at(actual, at)}, exact is {_at(exact, at)}; "
            f"the error {_at(error, at):.3g} is beyond the bound {_at(bound, at):.3g}"
        )
    ledger.record(dtype, *nearest(error, bound))


def nearest(error: Any, bound: Any) -> ledger.Nearest:
    """Return the element whose error is the greatest share of its bound, none of the errors beyond its bound.

    >>> nearest(np.array([0.25, 0.5]), np.array([0.5, 2.0]))
    Nearest(share=0.5, error=0.25, bound=0.5)
    """
    error, bound = np.broadcast_arrays(error, bound)
    shares = error / np.where(bound == 0, 1, bound)
    at = np.unravel_index(shares.argmax(), shares.shape)
    return ledger.Nearest(float(shares[at]), float(error[at]), float(bound[at]))


def _same_kind(actual: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(actual, np.ndarray | np.generic):
        raise AssertionError(f"is {type(actual).__name__}, expected an array")
    if actual.shape != shape:
        raise AssertionError(f"has shape {actual.shape}, expected {shape}")
    if actual.dtype != dtype:
        raise AssertionError(f"has dtype {actual.dtype}, expected {dtype}")
    if actual.size == 0:
        raise AssertionError(f"nothing to compare: shape {shape} has no elements")


def _first(wrong: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _at(values: Any, index: tuple[int, ...]) -> Any:
    return np.asarray(values)[index].item()


def _where(index: tuple[int, ...], wrong: Any) -> str:
    place = f"element [{', '.join(map(str, index))}]" if index else "the number"
    return f"{place}, the first of {wrong.sum()} wrong ones among {wrong.size}"
