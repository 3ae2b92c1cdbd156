"""The long sums of the losses and of softmax."""

from decimal import Decimal
from functools import partial

import numpy as np

from spec_tests.vocabulary.exact_sums import DIGITS, as_floats, exact_matmul, exact_sum, exponentials, sums
from spec_tests.vocabulary.long_sums.case import (
    LENGTHS,
    Case,
    Draw,
    Row,
    many_for,
    one_call,
    positive,
    problem_of,
    whole,
)
from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.statistics import LongSums

# The losses' means; a call returns one sum


def _nll_loss_output(terms: int, draw: Draw, dtype: str) -> Case:
    x = draw((1024, terms))
    target = np.zeros(terms, np.int64)
    calls = (Problem("nll_loss", {"input": as_floats(row[:, np.newaxis], dtype), "target": target}, {}, x) for row in x)
    found = LongSums(sums(x, dtype).times(-1, terms), terms, len(x), scaled=2)  # by 1/K
    return Case(calls, "output", whole, found)


LOG_2 = Decimal("0.693147180559945309417232121458176568075500134360255254120680")


def _cross_entropy_output(terms: int, draw: Draw, dtype: str) -> Case:
    """Of two equal scores both have −log p = log 2; shares of either sign, all of them of the first class.

    The logarithm may be off by 4 units in the last place, of 2u; then the sum is divided.
    """
    t = draw((1024, terms))
    none = as_floats(np.zeros((2, terms), np.int64).T, dtype)
    targets = (np.stack([as_floats(row, dtype), none[:, 0]], 1) for row in t)
    calls = (Problem("cross_entropy", {"input": none, "target": target}, {}, none) for target in targets)
    exact = sums(t, dtype).times(*LOG_2.as_integer_ratio()).times(1, terms)
    return Case(calls, "output", whole, LongSums(exact, terms, len(t), scaled=10))


def _cross_entropy_input(terms: int, draw: Draw, dtype: str) -> Case:
    """A score far above the rest has p = 1. Where its share is 0, the gradient p·Σ shares − share is Σ shares."""
    t = draw((1024, terms))
    t[:, 0] = 0
    one = as_floats(np.array(2 ** (DIGITS[dtype] - 1)), dtype)
    problem = problem_of("cross_entropy", dtype, {"reduction": "sum"}, one, input=_one_hot(t.shape, dtype), target=t)
    return one_call(problem, "input", LongSums(sums(t, dtype), terms, len(t)), lambda grad: grad[:, 0])


def _one_hot(shape: tuple[int, ...], dtype: str) -> Array:
    """Return scores of which the first has the probability 1, the others 0."""
    scores = as_floats(np.zeros(shape, np.int64), dtype)
    scores[:, 1:] = -(2.0**14)
    return scores


def _regression_loss_output(operation: str, terms: int, draw: Draw, dtype: str) -> Case:
    """The rounding of a difference counts twice in its square, which is rounded itself; the sum is divided."""
    x, y = draw((16, terms)), draw((16, terms))
    calls = [problem_of(operation, dtype, {}, np.zeros(()), input=a, target=b) for a, b in zip(x, y, strict=True)]
    d = abs(x - y)
    scale = terms * 2 ** (DIGITS[dtype] - 1)
    if operation == "l1_loss":
        exact = positive(exact_sum(d), scale)
    else:
        squares = exact_matmul(d[:, np.newaxis], d[..., np.newaxis]).reshape(len(d))
        exact = positive(squares, scale * 2 ** (DIGITS[dtype] - 1))
    return Case(calls, "output", whole, LongSums(exact, terms, len(x), scaled=6))


def _mse_loss_target(terms: int, draw: Draw, dtype: str) -> Case:
    """A target of one row is stretched over K rows: its gradient is Σ −2·(x − y)·g / n, here with y = 0 and g = 1."""
    many = many_for(terms)
    x = draw((terms, many))
    arrays = {"input": x, "target": as_floats(np.zeros((1, many), np.int64), dtype)}
    one = as_floats(np.array(2 ** (DIGITS[dtype] - 1)), dtype)
    exact = sums(x.T, dtype).times(-2, terms * many).reshape(1, many)
    problem = problem_of("mse_loss", dtype, {}, one, **arrays)
    return one_call(
        problem, "target", LongSums(exact, terms, many, scaled=2)
    )  # 2·g/n; a term's own rounding: a product


# Softmax: the normaliser adds up exponentials, its gradient g·p with the probabilities p


def _softmax_output(terms: int, _: Draw, dtype: str) -> Case:
    """The largest score is 0, so its probability is 1 / Σ exp(score).

    Each exponential may be off by 4 units in the last place, of 2u; the quotient is rounded twice.
    """
    rows, steps = 8, np.random.default_rng(terms).integers(0, 2**18, (8, terms))
    steps[:, 0] = 0
    scores = np.ldexp(-steps.astype(np.float64), -16).astype(as_floats(steps[:0], dtype).dtype)
    totals, one = exponentials(steps, 16)
    exact = positive(np.full(rows, one, object), totals)
    problem = Problem("softmax", {"input": scores}, {"dim": 1}, scores)
    return one_call(problem, "output", LongSums(exact, terms, rows, scaled=10), lambda p: p[:, 0])


def _softmax_input(terms: int, draw: Draw, dtype: str) -> Case:
    """Of equal scores each has p = 1/K. Where g is 0, the gradient p·(g − Σ g·p) is −Σ g / K²."""
    g = draw((1024, terms))
    g[:, 0] = 0
    problem = problem_of("softmax", dtype, {"dim": 1}, g, input=np.zeros(g.shape, np.int64))
    found = LongSums(sums(g, dtype).times(-1, terms**2), terms, len(g), scaled=5)  # twice by p, off by 2u, and 1
    return one_call(problem, "input", found, lambda grad: grad[:, 0])


def _log_softmax_input(terms: int, draw: Draw, dtype: str) -> Case:
    """A score far above the rest has p = 1. Where g is 0, its gradient g − p·Σ g is −Σ g."""
    g = draw((1024, terms))
    g[:, 0] = 0
    problem = problem_of("log_softmax", dtype, {"dim": 1}, g, input=_one_hot(g.shape, dtype))
    return one_call(problem, "input", LongSums(sums(g, dtype).times(-1), terms, len(g)), lambda grad: grad[:, 0])


ROWS = (
    Row("nll_loss", "output", _nll_loss_output, of="terms", slow_from=1152),
    Row("cross_entropy", "output", _cross_entropy_output, of="terms", slow_from=1152, lengths=LENGTHS[:4]),
    Row("cross_entropy", "input", _cross_entropy_input, of="terms", slow_from=1152, lengths=LENGTHS[:4]),
    Row("l1_loss", "output", partial(_regression_loss_output, "l1_loss"), of="terms", one_sign=True, slow_from=10**9),
    Row("mse_loss", "output", partial(_regression_loss_output, "mse_loss"), one_sign=True, slow_from=10**9),
    Row("mse_loss", "target", _mse_loss_target, of="terms", slow_from=1152),
    Row("softmax", "output", _softmax_output, of="terms", one_sign=True),
    Row("softmax", "input", _softmax_input, of="terms", slow_from=1152),
    Row("log_softmax", "input", _log_softmax_input, of="terms", slow_from=1152),
)
"""The losses' means of 16,384 terms are nll_loss's, the sums over so many classes log_softmax's."""
