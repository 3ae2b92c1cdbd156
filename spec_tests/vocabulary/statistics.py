"""The statistical criterion: the errors of thousands of long sums are those of independent roundings, and no larger.

Above some hundreds of terms the bound for each element, K·u·Σ|terms|, is so far above what right implementations do
that factors shortened to half of their digits fit below it. The errors of many sums taken together do not.

**What is compared.** T sums of K terms, each a product of two factors or a number by itself. Every error is measured
in units of its own sum's terms, e = (computed − exact) / (u · N) with N = √Σ term² and u the format's roundoff. Held
to a limit are √(mean of e²), |mean of e|, |mean of e · sign(exact)|, which is the mean error away from zero or towards
it, and the largest |e|.

**What is assumed.** (1) The terms' signs are random: independent of one another, of the magnitudes and of the order.
(2) An operation's rounding error is uniform on ± half the distance of the numbers around its result, so at most u
times the result, and independent of all others. Products are rounded as well, or not (fused multiply-add). What
is neglected is of the order K·u, at most 2^-10 of the limits. (3) No two sums have a term in common: the error of
adding p is what p leaves on the grid of the partial sum, the same for every sum that meets p.

**The expectation.** Whatever the order of a summation, it is a binary tree. The error is Σ s·δ over its inner nodes,
their partial sums s and relative errors δ, plus Σ p·δ over the products p. With random signs E s² = Σ p² over the
leaves below. So E e² is u²/3 times, summed over the leaves, p² by the leaf's depth, over N². The sum of the depths is
greatest, K(K + 1)/2 − 1, in sequential summation: there, with terms of one size and 1 for the products,

    E e² = ((K + 1)/2 − 1/K + 1) / 3,   about (K + 3) / 6

**The limits.** No depth exceeds K − 1, so with V = Σ s² + Σ p² over the nodes and the products, E V <= K·N² in any
order, with terms of any sizes; K·N² instead of the expectation K·N²/2 is the only thing given away here. Random signs
are sub-Gaussian with their own variance, and V is a quadratic form in them, so for θ > 0

    E exp(θ·V) <= E exp(θ · K·N² · χ²)                          χ² with one degree of freedom, E χ² = 1

(linearise the square by a Gaussian; −log(1 − 2θμ) is convex in the eigenvalues μ, whose sum is E V). Given the
data, e is a sum of independent uniform numbers, which is sub-Gaussian with its variance v = V / (3N²) or less. Then,
with n sums that share no signs, and except with probability exp(−t) each,

    mean of v <= K/3 · c       with c − 1 − log c = 2t / n                        (Chernoff)
    each v    <= K/3 · x       with x − 1 − log x = 2(t + log T)                  (Chernoff, T times)
    mean of e² <= K/3 · (c + 2·√(c·x·t / T) + 2·x·t / T)                         (Laurent and Massart)
    |mean of ±e| <= √(2 · K/3 · c · t / T)                                       (Hoeffding; two sides, twice)
    |e| <= √(2 · K/3 · x · (t + log T))                                          (the same; two sides, T times)

These are nine events; with exp(−t) = 10^-6 / 9 a right sum is rejected by one comparison with a probability of at most
10^-6. The data is seeded: what passes once, passes always.

**Sums that share factors.** The elements of a matrix product share rows and columns, though no product. Given one
factor, the sums that have nothing in common in the other are independent; so many are n. The mean over all T is a
mean of means over n such sums, and exp is convex, so the first line holds with n whatever else they share. Given all
the data, the roundings are independent by assumption.

**Finished sums that are scaled** (divided by a number, multiplied by a reciprocal) get a further relative error of at
most r roundings, which may be the same for all of them: each limit is raised by r times what |exact| / N is there.

**Terms of one sign** have partial sums that grow with K, and their rounding is biased: to nearest, an addend far
smaller than the sum is lost always in the same direction (Higham and Mary 2019, "A new approach to probabilistic
rounding error analysis"). Neither assumption holds, and only the worst case does: |error| <= γ·Σ|terms|.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.bounds import gamma
from spec_tests.vocabulary.exact_sums import Exact
from spec_tests.vocabulary.formats import FORMATS

FALSE_ALARM_RATE = 1e-6
"""How often, at most, one comparison rejects a right implementation."""

EVENTS = 9
"""How many bounds the rate is shared among: three, and three with two sides."""

SMALLEST_SAMPLE = 1000
"""Fewer sums than these say too little."""


@dataclass(frozen=True)
class Statistics:
    """What is compared of many errors, in units of u·N; or its limits."""

    root_mean_square: float
    mean: float
    mean_away_from_zero: float
    largest: float

    def shares(self, limits: "Statistics") -> dict[str, float]:
        """Return each as a share of its limit."""
        found, allowed = vars(self), vars(limits)
        return {name: abs(found[name]) / allowed[name] for name in found}


@dataclass(frozen=True)
class LongSums:
    """The exact values of many long sums, and what is known about how they are computed."""

    exact: Exact
    terms: int
    """K, the most that any of them adds up."""
    independent: int
    """n: given one factor, how many share nothing in the other; all of them if nothing is shared."""
    scaled: float = 0
    """r: how often the finished sum is rounded again, or its terms by the same factor."""


def measured(computed: npt.NDArray[Any], sums: LongSums, dtype: str) -> Statistics:
    """Return the statistics of the errors."""
    errors = sums.exact.errors(computed) / (FORMATS[dtype].roundoff * sums.exact.norms)
    return Statistics(
        float(np.sqrt((errors**2).mean())),
        float(errors.mean()),
        float((errors * np.sign(sums.exact.values)).mean()),
        float(abs(errors).max()),
    )


def limits(sums: LongSums) -> Statistics:
    """Return the limits derived above."""
    size = sums.exact.norms.size
    plain = limits_of_sums(sums.terms, size, sums.independent)
    scale = sums.scaled * abs(sums.exact.values) / sums.exact.norms
    return Statistics(
        plain.root_mean_square + float(np.sqrt((scale**2).mean())),
        plain.mean + float(scale.mean()),
        plain.mean_away_from_zero + float(scale.mean()),
        plain.largest + float(scale.max()),
    )


def limits_of_sums(terms: int, size: int, independent: int) -> Statistics:
    """Return the limits for sums that are not scaled.

    >>> round(limits_of_sums(576, 4096, 64).root_mean_square, 1)
    28.3
    """
    if size < SMALLEST_SAMPLE:
        raise ValueError(f"{size} sums are too few, at least {SMALLEST_SAMPLE} are needed")
    t = log(EVENTS / FALSE_ALARM_RATE)
    one, c, x = terms / 3, _chernoff(2 * t / independent), _chernoff(2 * (t + log(size)))
    mean = sqrt(2 * one * c * t / size)
    return Statistics(
        sqrt(one * (c + 2 * sqrt(c * x * t / size) + 2 * x * t / size)), mean, mean, sqrt(2 * one * x * (t + log(size)))
    )


def assert_rounds_independently(computed: Any, sums: LongSums, dtype: str) -> None:
    """Require errors like those of independent roundings."""
    _same_kind(computed, sums.exact, dtype)
    found, allowed = measured(computed, sums, dtype), limits(sums)
    shares = found.shares(allowed)
    name = max(shares, key=shares.__getitem__)
    error, bound = abs(vars(found)[name]), vars(allowed)[name]
    if not shares[name] <= 1:
        raise AssertionError(
            f"of the errors of {computed.size} sums of {sums.terms} terms, in units of u times the terms' norm, "
            f"the {name.replace('_', ' ')} is {error:.3g}, allowed {bound:.3g}"
        )
    ledger.record(dtype, shares[name], error, bound)


def assert_within_the_worst_case(computed: Any, sums: LongSums, dtype: str) -> None:
    """Require every sum within the error that the roundings can add up to at worst: all that one sign allows."""
    _same_kind(computed, sums.exact, dtype)
    bound = gamma(sums.terms + sums.scaled, FORMATS[dtype].roundoff) * sums.exact.magnitudes
    errors = abs(sums.exact.errors(computed))
    share = float((errors / bound).max())
    at = int((errors / bound).argmax())
    if not share <= 1:
        raise AssertionError(
            f"one of {computed.size} sums of {sums.terms} terms of one sign has the error "
            f"{errors.flat[at]:.3g}, its bound {bound.flat[at]:.3g}"
        )
    ledger.record(dtype, share, float(errors.flat[at]), float(bound.flat[at]))


def _same_kind(computed: Any, exact: Exact, dtype: str) -> None:
    wanted = (exact.norms.shape, np.dtype(FORMATS[dtype].arrays))
    if (computed.shape, computed.dtype) != wanted:
        raise AssertionError(f"got {computed.shape} of {computed.dtype}, expected {wanted[0]} of {wanted[1]}")


def _chernoff(exponent: float) -> float:
    """Return the x > 1 with x − 1 − log x = exponent."""
    x = 1 + exponent
    for _ in range(200):  # converges: the slope of 1 + exponent + log x is below 1
        x = 1 + exponent + log(x)
    return x
