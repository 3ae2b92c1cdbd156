"""The comparisons: exact equality, or an error within its bound. They raise AssertionError or record what they saw.

A failure says how many elements differ, where the first of them is, what was got there and what was expected; in a
bounded comparison the error and the bound as well. A comparison of empty arrays could never fail, so it is refused.
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
        differ = _where(wrong, "differ", "differs")
        raise AssertionError(f"{differ}: got {_at(actual, at)}, expected {_at(expected, at)}")
    ledger.record(dtype or str(expected.dtype), share=0.0)


def assert_within(actual: Any, approximation: Approximation, dtype: str) -> None:
    """Require the format's dtype, and every element within its (finite) bound of the exact value."""
    exact, bound = np.asarray(approximation.exact), np.asarray(approximation.bound)
    if not (np.isfinite(exact).all() and np.isfinite(bound).all()):
        raise ValueError("the exact result and its bound must be finite: infinities and NaN are compared exactly")
    _same_kind(actual, exact.shape, np.dtype(FORMATS[dtype].arrays))
    error = abs(np.asarray(actual, np.float64) - exact)
    wrong = ~(error <= bound)
    if wrong.any():
        at = _first(wrong)
        outside = _where(wrong, "lie outside their bound", "lies outside its bound")
        raise AssertionError(
            f"{outside}: got {_at(actual, at)}, exact {_at(exact, at)}, "
            f"error {_at(error, at):.3g}, bound {_at(np.broadcast_to(bound, np.shape(exact)), at):.3g}"
        )
    ledger.record(dtype, *nearest(error, bound))


def assert_within_where_finite(actual: Any, approximation: Approximation, dtype: str) -> None:
    """Require every element within its bound of which the exact value is finite, and the bound is known.

    Where one infinity or NaN is among the arguments, the bound of an element that it does not reach may be none.
    """
    exact, bound = np.broadcast_arrays(approximation.exact, approximation.bound)
    known = np.isfinite(exact) & np.isfinite(bound)
    if known.any():
        assert_within(np.asarray(actual)[known], Approximation(exact[known], bound[known]), dtype)


def nearest(error: Any, bound: Any) -> ledger.Nearest:
    """Return the element whose error is the largest share of its bound; no error may exceed its bound.

    >>> nearest(np.array([0.25, 0.5]), np.array([0.5, 2.0]))
    Nearest(share=0.5, error=0.25, bound=0.5)
    """
    error, bound = np.broadcast_arrays(error, bound)
    shares = error / np.where(bound == 0, 1, bound)
    at = np.unravel_index(shares.argmax(), shares.shape)
    return ledger.Nearest(float(shares[at]), float(error[at]), float(bound[at]))


def _same_kind(actual: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(actual, np.ndarray | np.generic):
        raise AssertionError(f"got {type(actual).__name__}, expected an array")
    if actual.shape != shape:
        raise AssertionError(f"got shape {actual.shape}, expected {shape}")
    if actual.dtype != dtype:
        raise AssertionError(f"got dtype {actual.dtype}, expected {dtype}")
    if actual.size == 0:
        raise AssertionError(f"nothing to compare: shape {shape} has no elements")


def _first(wrong: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _at(values: Any, index: tuple[int, ...]) -> Any:
    return np.asarray(values)[index].item()


def _where(wrong: Any, do: str, does: str) -> str:
    """Say how many elements are wrong, and where the first of them is."""
    if wrong.size == 1:
        return f"the only element {does}"
    return f"{wrong.sum()} of {wrong.size} elements {do}; first at [{', '.join(map(str, _first(wrong)))}]"
