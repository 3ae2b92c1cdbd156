"""What is said of errors: how many, how large, and whether they follow a pattern."""

import numpy as np

from spec_tests.verdict.prediction import Array, rms

ENOUGH = 8
"""How many elements a pattern needs."""
SPREAD = 0.25
"""The share of elements outside their bounds from which on errors are spread as those of rounding."""
MOST_ROWS = 4096
"""How long an axis may be for a pattern to be looked for in each row."""
FACTOR = 1e-4
"""How near to 1 a factor may be that is told from 1."""
ALMOST = 1e-7
"""The same within a bound."""
FEWEST_DIGITS = 6
"""Binary digits from which on errors may be those of an approximation."""


def how_wrong(got: Array, exact: Array, wrong: Array) -> str:
    """Say how many elements are wrong, and what they have in common."""
    count = int(wrong.sum())
    many = f"{count} of {wrong.size} elements {'lies outside its bound' if count == 1 else 'lie outside their bounds'}"
    if wrong.size == 1:
        many = "the only element lies outside its bound"
    return many + where(wrong) + (ratio(got, exact) or _digits(got, exact, wrong))


def where(wrong: Array) -> str:
    """Say in which part of a result the wrong elements are, if there are several, and it is a part.

    >>> where(np.array([[False, True, True], [False, True, False]]))
    ', all of them in [:, 1:3]'
    """
    if wrong.sum() < 2:
        return ""
    spans = []
    for places, size in zip(np.nonzero(wrong), wrong.shape, strict=True):
        first, last = int(places.min()), int(places.max())
        spans.append(":" if last - first + 1 == size else str(first) if first == last else f"{first}:{last + 1}")
    return "" if set(spans) == {":"} else f", all of them in [{', '.join(spans)}]"


def _digits(got: Array, exact: Array, wrong: Array) -> str:
    """Say to how many digits a result is right, if its errors are spread as those of rounding: over all, both ways."""
    g, e = np.asarray(got, np.float64), np.asarray(exact, np.float64)
    if wrong.size < ENOUGH or wrong.mean() < SPREAD or not (np.isfinite(g).all() and np.isfinite(e).all()):
        return ""
    errors = g - e
    digits = int(-np.log2(rms(errors) / rms(e))) if e.any() and rms(errors) < rms(e) else 0
    if abs(float(errors.mean())) > rms(errors) / 2 or digits < FEWEST_DIGITS:
        return ""
    return f"; the errors are spread over all elements and both ways, as if there were {digits} binary digits"


def ratio(got: Array, exact: Array, least: float = FACTOR) -> str:
    """Say that all elements are the same multiple of the exact ones, or off by the same, if they are."""
    g, e = np.asarray(got, np.float64), np.asarray(exact, np.float64)
    if g.size < 4 or not (np.isfinite(g).all() and np.isfinite(e).all()) or not e.any():
        return ""
    factor = float((g * e).sum() / (e * e).sum())
    shift = float((g - e).mean())
    digits = 6 if abs(factor - 1) > FACTOR else 9
    spread = rms(g - e)
    if abs(factor - 1) > least and rms(g - factor * e) * 100 < spread:
        return f"; all of them are {factor:.{digits}g} times the exact ones"
    if rms(g - e - shift) * 100 < spread:
        return f"; all of them are off by {shift:.6g}"
    return ""


def pattern(got: Array, exact: Array) -> str:
    """Say that a result, or one row or column of it, is a multiple of the exact one or off by the same, if it is."""
    if len(np.unique(exact)) >= ENOUGH and (said := ratio(got, exact, ALMOST)):
        return said
    errors = abs(np.asarray(got, np.float64) - exact)
    for axis in range(got.ndim):
        if not 1 < got.shape[axis] <= MOST_ROWS:
            continue
        rows = np.moveaxis(errors, axis, 0).reshape(got.shape[axis], -1)
        at = int((rows**2).sum(axis=1).argmax())
        one = tuple(at if i == axis else slice(None) for i in range(got.ndim))
        if len(np.unique(exact[one])) >= ENOUGH and (said := ratio(got[one], exact[one], ALMOST)):
            where = ", ".join(str(at) if i == axis else ":" for i in range(got.ndim))
            return said.replace("all of them", f"those in [{where}]")
    return ""


def the_largest(error: float, share: float, bound: Array) -> str:
    """Say how large the largest error is, and what share of its bound.

    >>> the_largest(0.5, 0.25, np.array([2.0])), the_largest(0.5, np.inf, np.array([0.0]))
    ('the largest error is 0.5, 25 % of its bound', 'the largest error is 0.5, where all has to be exact')
    """
    exactly = np.isinf(share) and not bound.any()
    return f"the largest error is {error:.3g}, {'where all has to be exact' if exactly else of_its_bound(share)}"


def of_its_bound(share: float) -> str:
    """Say what share of its bound an error is.

    >>> of_its_bound(0.25), of_its_bound(250.0)
    ('25 % of its bound', '250 times its bound')
    """
    if not np.isfinite(share):
        return "far outside its bound"
    return f"{100 * share:.3g} % of its bound" if share < 10 else f"{share:.3g} times its bound"
