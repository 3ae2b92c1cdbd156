"""The comparison of sums of whole numbers, with implementations that transform and with those that do not.

A convolution that adds up its products directly, in any order, is exact on whole numbers: each partial sum is a whole
number that the format holds. One that transforms first (an FFT, Winograd's algorithm) computes with fractions and
leaves a little of them behind, but far less than 1/4. So its results have to lie within 1/4 of a whole number, and
the whole numbers have to be the right ones. That is as sharp as equality against everything but lost precision, and
asks nothing about the transform. Lost precision is what the bounds of `transforms` are for.

Where a law steps by a fraction, its results are multiples of a quantum, and 1/4 of that is what may be left behind.
"""

from typing import Any

import numpy as np

from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.compare import assert_equal, nearest

LEFT_BEHIND = 1 / 4
"""How far a transform may miss a multiple of the quantum. Nearer to it than to any other is 1/2; the sum or difference
of two results, each this far off, is still the nearest to the right one."""


def assert_equal_sums(actual: Any, expected: Any, problem: Any, subject: Any, quantum: float = 1.0) -> None:
    """Require equal sums of whole products: exactly, or where the subject transforms, once they are settled.

    `problem` is the one that they solve, or the name of its operation; `quantum` is what all of them are multiples of,
    a power of two.
    """
    assert_equal(settled(actual, problem, subject, quantum), settled(expected, problem, subject, quantum))


def settled(result: Any, problem: Any, subject: Any, quantum: float = 1.0) -> Any:
    """Return a subject's sums of whole products as they are or, where it transforms, each as the multiple it is near.

    Raises AssertionError if one lies further than `LEFT_BEHIND` of the quantum from all multiples. NaN and infinity
    are no multiples and stay: whether they belong there is for the comparison to say.
    """
    operation = problem if isinstance(problem, str) else problem.operation
    if operation not in subject.transforms or not _has_fractions(result):
        return result
    with np.errstate(invalid="ignore"):  # infinity less infinity
        multiples = np.asarray(np.rint(result / quantum) * quantum, result.dtype)
        missed = np.where(np.isfinite(result), abs(np.asarray(result - multiples, np.float64)), 0)
    limit = LEFT_BEHIND * quantum
    if (missed > limit).any():
        at = np.unravel_index(missed.argmax(), missed.shape)
        raise AssertionError(
            f"{(missed > limit).sum()} of {missed.size} elements are not within {limit} of a multiple of {quantum}; "
            f"furthest at {[int(i) for i in at]}: got {np.asarray(result)[at].item()}"
        )
    if missed.size:
        ledger.record(str(result.dtype), *nearest(missed, np.full_like(missed, limit)))
    return multiples


def _has_fractions(result: Any) -> bool:
    return isinstance(result, np.ndarray | np.generic) and result.dtype.kind == "f"
