"""Sums of products of whole numbers: equal in every correct implementation.

One that adds products directly gets them exactly. One that transforms first (FFT, Winograd) rounds on its way; on whole
numbers it has to come within a quarter of one, so that rounding to the nearest gives the exact sum.
"""

from typing import Any

import numpy as np

from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within


def assert_equal_sums(actual: Any, expected: Any, problem: Any, subject: Any, quantum: float = 1.0) -> None:
    """Require equal sums, whole multiples of the quantum: exactly, or after rounding where the subject transforms."""
    assert_equal(settled(actual, problem, subject, quantum), settled(expected, problem, subject, quantum))


def settled(result: Any, problem: Any, subject: Any, quantum: float = 1.0) -> Any:
    """Return a result as it is, or where the subject transforms, the multiples of the quantum that it is near to."""
    if problem.operation not in subject.transforms or not np.size(result):
        return result
    nearest = np.rint(np.asarray(result, np.float64) / quantum) * quantum
    near = Approximation(nearest, np.full(nearest.shape, quantum / 4))
    assert_within(result, near, str(np.asarray(result).dtype))
    return nearest.astype(result.dtype)
