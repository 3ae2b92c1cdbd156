"""What errors are likely: those of the ways in which sums are added up, good and bad, in a format or a coarser one.

A bound holds for the worst case, and a sum of K roundings stays far below it, mostly near √K of them: a bug may be
well within a bound. So a result is held against ways that are carried out, the worst orders among them, in which all
that is positive comes first. And errors that rounding makes are everywhere: one element alone that is off is no matter
of a coarser format, or of a transform.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from spec_tests.verdict import ways
from spec_tests.verdict.asking import Question
from spec_tests.verdict.prediction import Array, rms
from spec_tests.verdict.saying import ENOUGH, pattern
from spec_tests.vocabulary.formats import rounded

FEWEST_TERMS = 16
"""Terms of a sum from which on its bound is much more than what is likely."""
BEYOND_ALL = 3
"""How many times the largest error of all ways, the worst orders among them, rounding does not reach."""
SIZE = 3
"""How many times the errors of a format's sums those of a result in this format may be."""
EVERYWHERE, OF_FEW = 16, 64
"""How many times the ninth decile of errors, or of fewer than `MANY` the median, the largest one may be, if rounding
made them all: of Winograd's algorithm in tiles of 4×4 that is up to 8, and up to 30."""
MANY = 64
LARGER = 1.5
"""How many times the errors of usual sums those of a coarser format or of a transform are, at the least."""
LONGEST = 8192
"""Terms of a sum up to which every step is carried out in a coarser format."""

Ways = Callable[[Array, Array, str], Iterator[Array]]


@dataclass(frozen=True)
class Doubt:
    """Errors within their bounds that rounding seldom makes."""

    elements: Array
    says: str
    is_clear: bool
    """Whether no order of the sum, not even the worst one, makes such errors."""


def doubt(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Doubt | None:
    """Return where rounding seldom makes such errors, if it does; nothing is said of what are no sums of products."""
    if got.size == 0 or not (np.isfinite(got).all() and np.isfinite(exact).all() and np.isfinite(bound).all()):
        return None
    found = ways.terms_of(question, part, exact)
    if found is None or (terms := int((found[1] != 0).sum(axis=1).max(initial=0))) < FEWEST_TERMS:
        return None
    allowed = np.where(bound > 0, bound, np.inf)
    share = abs(np.asarray(got, np.float64) - exact) / allowed
    usual, worst = (
        max(float(one.max()) for one in _shares(question, found, exact, allowed, ways_of))
        for ways_of in (ways.usual, ways.worst)
    )
    unusual = share > ways.UNUSUAL * usual
    if not unusual.any():
        return None
    seldom = unusual & (share > worst)
    if seldom.any() and (said := pattern(got, exact)):
        return Doubt(seldom, said, True)
    beyond = seldom & (share > max(BEYOND_ALL * worst, terms**-0.5))
    return Doubt(beyond, "", True) if beyond.any() else Doubt(unusual, "", False)


def _shares(question: Question, found: ways.Found, exact: Array, allowed: Array, ways_of: Ways) -> Iterator[Array]:
    """Yield the errors of some ways as shares of what is allowed."""
    places, left, right = found
    at = tuple(np.asarray(places).T)
    for value in ways_of(left, right, question.dtype):
        yield abs(np.asarray(rounded(value, question.dtype), np.float64) - exact[at]) / allowed[at]


def are_larger(question: Question, part: str, got: Array, exact: Array, bound: Array, outliers: Array) -> bool:
    """Tell whether all but the outliers are less precise than sums rounded as usual, where that can be told.

    Then the outliers may be of the same kind; otherwise they are alone.
    """
    rest = ~outliers & (bound > 0) & np.isfinite(bound) & np.isfinite(exact)
    found = ways.terms_of(question, part, exact) if np.isfinite(exact).all() else None
    if found is None or not rest.any() or rest.sum() < ENOUGH:
        return True
    allowed = np.where(bound > 0, bound, np.inf)
    own = rms((abs(np.asarray(got, np.float64) - exact) / allowed)[rest])
    return own >= LARGER * max(rms(one) for one in _shares(question, found, exact, allowed, ways.usual))


def is_everywhere(got: Array, exact: Array, allowed: Array) -> bool:
    """Tell whether errors are spread over a result, as those of an arithmetic are, measured by what it allows."""
    errors = abs(np.asarray(got, np.float64) - exact)
    known = np.isfinite(errors) & np.isfinite(allowed) & (allowed > 0)
    shares = errors[known] / np.broadcast_to(allowed, errors.shape)[known]
    if shares.size < 2:
        return True
    if shares.size >= MANY:
        return float(shares.max()) <= EVERYWHERE * float(np.quantile(shares, 0.9))
    # of very few elements, one may be right by chance
    middle = float(np.quantile(shares, 0.5 if shares.size >= ENOUGH else 0.75))
    return float(shares.max()) <= OF_FEW * middle


def of_sums_in(dtype: str, question: Question, part: str, got: Array, exact: Array) -> bool | None:
    """Tell whether errors are of the size of sums accumulated in a format, or None where that is not carried out."""
    if not np.isfinite(got).all():
        return None
    found = ways.terms_of(question, part, exact)
    if found is None or not 2 <= found[1].shape[1] <= LONGEST:
        return None
    places, left, right = found
    at = tuple(np.asarray(places).T)
    with np.errstate(all="ignore"):
        sums = [*_in(dtype, left, right)]
        if len(left) < ENOUGH:
            sums += _in_bad_orders(dtype, left, right)
        sizes = [rms(value - exact[at]) for value in sums]
    largest = max((size for size in sizes if np.isfinite(size)), default=np.inf)
    return rms(np.asarray(got, np.float64) - exact) <= SIZE * largest


def _in(dtype: str, left: Array, right: Array) -> Iterator[Array]:
    """Yield sums one after the other, of which every step is rounded to a format."""
    terms = np.asarray(rounded(left.astype(np.float64) * right, dtype), np.float64)
    total = np.zeros(len(terms))
    for column in terms.T:
        total = np.asarray(rounded(total + column, dtype), np.float64)
    yield total


def _in_bad_orders(dtype: str, left: Array, right: Array) -> Iterator[Array]:
    """Yield the same in the worst orders, by which few elements are measured: one sum may be right by chance."""
    order = np.argsort(left.astype(np.float64) * right, axis=1)
    for one in (order, order[:, ::-1]):
        yield from _in(dtype, np.take_along_axis(left, one, 1), np.take_along_axis(right, one, 1))
