"""The long sums of the norms and of average pools; of these, only those along two axes are offered."""

from functools import partial
from math import floor, sqrt
from typing import Any

import numpy as np

from spec_tests.vocabulary.exact_sums import DIGITS, Whole, as_floats, exact_matmul, exact_sum, products, sums
from spec_tests.vocabulary.long_sums.case import (
    LENGTHS,
    SIDE,
    Case,
    Draw,
    Row,
    channel_sums,
    many_for,
    one_call,
    positive,
    problem_of,
)
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.statistics import LongSums

# Batch norm: in evaluation with mean 0, variance 1 and ε 0, x̂ is the input itself


def _channels(terms: int) -> tuple[int, ...]:
    return terms // 64, many_for(terms), 8, 8


def _batch_norm(terms: int, draw: Draw, dtype: str) -> tuple[Whole, Whole, Problem]:
    g, x = draw(_channels(terms)), draw(_channels(terms))
    many, still = x.shape[1], as_floats(np.zeros(x.shape[1], np.int64), dtype)
    statistics = {"running_mean": still, "running_var": still + 1}
    parameters = {"weight": draw((many,)), "bias": draw((many,))}
    options = {"training": False, "eps": 1e-30}  # adds nothing to 1; torch 2.11 refuses 0
    return g, x, problem_of("batch_norm", dtype, options, g, input=x, **statistics, **parameters)


def _batch_norm_weight(terms: int, draw: Draw, dtype: str) -> Case:
    g, x, problem = _batch_norm(terms, draw, dtype)
    left, right = (a.swapaxes(0, 1).reshape(a.shape[1], 1, terms) for a in (g, x))
    exact = products(left, right.swapaxes(1, 2), dtype).reshape(len(left))
    return one_call(problem, "weight", LongSums(exact, terms, len(left), scaled=2))  # by 1/√variance, then rounded


def _batch_norm_bias(terms: int, draw: Draw, dtype: str) -> Case:
    g, _, problem = _batch_norm(terms, draw, dtype)
    return one_call(problem, "bias", LongSums(channel_sums(g, dtype), terms, g.shape[1]))


def _statistics_problem(x: Whole, dtype: str) -> Problem:
    still = as_floats(np.zeros(x.shape[1], np.int64), dtype)
    arrays = {"input": x, "running_mean": still, "running_var": still}
    return problem_of("batch_norm_statistics", dtype, {"momentum": 1.0}, np.zeros(()), **arrays)


def _batch_norm_mean(terms: int, draw: Draw, dtype: str) -> Case:
    x = draw(_channels(terms))
    exact = channel_sums(x, dtype).times(1, terms)
    found = LongSums(exact, terms, x.shape[1], scaled=2)  # by 1/K
    return one_call(_statistics_problem(x, dtype), "output", found, lambda statistics: statistics[0])


def _batch_norm_variance(terms: int, draw: Draw, dtype: str) -> Case:
    """Σ (x − m)² / (K − 1) = (K·Σ x² − (Σ x)²) / (K·(K − 1)), unbiased as the running variance is.

    The rounding of a difference counts twice in its square, which is rounded itself; then the sum is divided and
    multiplied. That of the mean is of second order.
    """
    x = draw((terms // 64, SIDE, 8, 8))
    rows = x.swapaxes(0, 1).reshape(SIDE, terms)
    squares = exact_matmul(rows[:, np.newaxis], rows[..., np.newaxis]).reshape(SIDE)
    numerators = terms * squares - exact_sum(rows) ** 2
    exact = positive(numerators, terms * (terms - 1) * 4 ** (DIGITS[dtype] - 1))
    found = LongSums(exact, terms, SIDE, scaled=12)
    return one_call(_statistics_problem(x, dtype), "output", found, lambda statistics: statistics[1])


# Layer norm: of as many 1 as −1, with ε 0, x̂ is the input itself


def _layer_norm(result: str, terms: int, draw: Draw, dtype: str) -> Case:
    many = many_for(terms)
    g, half = draw((terms, many)), np.sign(draw((terms, many // 2)))
    signs = np.concatenate([half, -half], axis=1)
    arrays = {"input": signs * 2 ** (DIGITS[dtype] - 1), "weight": draw((many,)), "bias": draw((many,))}
    problem = problem_of("layer_norm", dtype, {"normalized_shape": (many,), "eps": 0.0}, g, **arrays)
    exact = sums((g * signs if result == "weight" else g).T, dtype)
    return one_call(problem, result, LongSums(exact, terms, many, scaled=2 if result == "weight" else 0))


# Average pooling


def _rectangle(terms: int) -> tuple[int, int]:
    """Return the sides of a window of so many cells."""
    rows = next(rows for rows in range(floor(sqrt(terms)), 0, -1) if terms % rows == 0)
    return rows, terms // rows


def _avg_pool2d_output(operation: str, terms: int, draw: Draw, dtype: str) -> Case:
    many, kernel = many_for(terms), _rectangle(terms)
    x = draw((1, many, *kernel))
    options: dict[str, Any] = {"kernel_size": kernel} if operation == "avg_pool2d" else {"output_size": 1}
    exact = sums(x.reshape(many, terms), dtype).times(1, terms).reshape(1, many, 1, 1)
    found = LongSums(exact, terms, many, scaled=2)  # by 1/K
    return one_call(problem_of(operation, dtype, options, np.zeros(()), input=x), "output", found)


def _avg_pool2d_input(terms: int, draw: Draw, dtype: str) -> Case:
    """With stride 1 a cell is in up to K windows: one of each channel, or there would be sums that share terms."""
    kernel, many = _rectangle(terms), 1024
    g, size = draw((1, many, *kernel)), tuple(2 * k - 1 for k in kernel)
    input = as_floats(np.zeros((1, many, *size), np.int64), dtype)
    problem = problem_of("avg_pool2d", dtype, {"kernel_size": kernel, "stride": 1}, g, input=input)
    exact = sums(g.reshape(many, terms), dtype).times(1, terms).reshape(1, many)
    found = LongSums(exact, terms, many, scaled=1)  # 1/K; each term's own rounding is that of a product
    return one_call(problem, "input", found, lambda grad: grad[..., kernel[0] - 1, kernel[1] - 1])


ROWS = (
    Row("batch_norm", "bias", _batch_norm_bias, of="terms", slow_from=1152),
    Row("batch_norm", "weight", _batch_norm_weight, slow_from=1152),
    Row("batch_norm_statistics", "mean", _batch_norm_mean, of="terms", slow_from=1152),
    Row("batch_norm_statistics", "variance", _batch_norm_variance, one_sign=True),
    Row("layer_norm", "weight", partial(_layer_norm, "weight"), of="terms", slow_from=1152),
    Row("layer_norm", "bias", partial(_layer_norm, "bias"), of="terms", slow_from=1152),
    Row("avg_pool2d", "output", partial(_avg_pool2d_output, "avg_pool2d"), of="terms", slow_from=1152),
    Row("avg_pool2d", "input", _avg_pool2d_input, of="terms", slow_from=576, lengths=LENGTHS[:3]),  # K² steps a sum
    Row(
        "adaptive_avg_pool2d", "output", partial(_avg_pool2d_output, "adaptive_avg_pool2d"), of="terms", slow_from=1152
    ),
)
