"""The bound of a normalization holds for every stable way of computing it, wherever the mean is, and for no other."""

from itertools import product

import numpy as np
import pytest

from spec_tests.vocabulary.exact import forward
from spec_tests.vocabulary.problems import Problem

pytestmark = pytest.mark.tooling

F = np.float32
EPS = F(1e-5)


def one_by_one(numbers):
    """Add up in order."""
    return np.cumsum(numbers, dtype=F)[-1]


def in_halves(numbers):
    """Add up the sums of the halves."""
    middle = len(numbers) // 2
    return numbers[0] if len(numbers) == 1 else F(in_halves(numbers[:middle]) + in_halves(numbers[middle:]))


def two_passes(add):
    """Take the mean, then the mean of the squared distances from it."""

    def statistics(x):
        mean = F(add(x) / F(len(x)))
        return mean, F(add((x - mean) ** 2) / F(len(x)))

    return statistics


def welford(x):
    """Let mean and sum of squares follow the numbers."""
    mean, squares = F(0), F(0)
    for count, number in enumerate(x, 1):
        before = number - mean
        mean = F(mean + before / F(count))
        squares = F(squares + before * (number - mean))
    return mean, F(squares / F(len(x)))


def one_pass(x):
    """Take the mean of the squares less the square of the mean."""
    mean = F(x.mean())
    return mean, F(max((x * x).mean() - mean * mean, F(0)))


def by_division(x, mean, var):
    """Divide the distances."""
    return (x - mean) / np.sqrt(var + EPS)


def by_the_reciprocal(x, mean, var):
    """Multiply the distances."""
    return (x - mean) * (F(1) / np.sqrt(var + EPS))


def by_a_straight_line(x, mean, var):
    """Multiply the numbers, and take the mean's share off."""
    slope = F(1) / np.sqrt(var + EPS)
    return x * slope + F(-(mean * slope))


def by_a_fused_straight_line(x, mean, var):
    """Do the same with one rounding for product and sum."""
    slope = F(1) / np.sqrt(var + EPS)
    shift = F(-(mean * slope))
    return (x.astype("float64") * float(slope) + float(shift)).astype(F)


STABLE = {
    "in order": two_passes(one_by_one),
    "in halves": two_passes(in_halves),
    "backwards": two_passes(lambda x: one_by_one(x[::-1])),
    "welford": welford,
}
FORMS = (by_division, by_the_reciprocal, by_a_straight_line, by_a_fused_straight_line)
MEANS = (0.0, 100.0, 4096.0, 1e5)


def error_as_a_share_of_the_bound(x, statistics, form):
    """Return how much of the bound this way of computing uses up."""
    arrays = {"input": x[:, np.newaxis], **dict.fromkeys(("running_mean", "running_var", "weight", "bias"))}
    problem = Problem(
        "batch_norm", arrays, {"training": True, "momentum": 0.1, "eps": float(EPS)}, np.ones((len(x), 1))
    )
    near = forward(problem, "float32")
    return float((abs(form(x, *statistics(x)).astype("float64") - near.exact[:, 0]) / near.bound[:, 0]).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("statistics", STABLE.values(), ids=STABLE)
def test_no_stable_normalization_is_rejected_whatever_its_mean(statistics, form):
    for seed, mean, count in product(range(4), MEANS, (2, 4, 7, 16)):
        rng = np.random.default_rng(seed)
        for apart in (rng.integers(0, 6, count), rng.standard_normal(count)):
            x = (mean + apart).astype(F)
            if len(set(x.tolist())) > 1:
                assert error_as_a_share_of_the_bound(x, statistics, form) <= 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mean", [4096.0, 1e5, 1e6])
def test_the_mean_of_squares_less_the_squared_mean_is_rejected_far_from_0(mean, form):
    x = (mean + np.array([0.0, 1, 2, 5])).astype(F)

    assert error_as_a_share_of_the_bound(x, one_pass, form) > 5
