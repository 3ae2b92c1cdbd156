"""Which operation adds up what, at length: one row for each output and each gradient that is a long sum.

A row makes a case: calls with K terms in each sum, how the sums are read from what the calls return, and their exact
values. A new operation adds its rows here. What has no row has no long sum: a mean's gradients are products, and what
the sums inside batch_norm's output leave there is no more than its own rounding.

The exact values are matrix products of whole numbers (`exact_sums`), with convolutions spelled out as matrices here:
nothing is taken from the references.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import floor, prod, sqrt
from typing import Any
from zlib import crc32

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spec_tests.vocabulary.exact_sums import (
    DIGITS,
    Exact,
    Whole,
    as_floats,
    exact_matmul,
    exact_sum,
    exponentials,
    full_mantissas,
    products,
    sums,
)
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.statistics import LongSums

LENGTHS = (64, 576, 1152, 4608, 16384)

SIDE = 64
"""Rows and columns of the matrix products: 4,096 sums, 64 of them with nothing in common."""


@dataclass(frozen=True)
class Case:
    """Calls, and the sums in what they return."""

    calls: Iterable[Problem]
    result: str
    """"output", or the argument whose gradient the sums are."""
    read: Callable[[Any], Any]
    """The sums in what a call returns."""
    sums: LongSums

    def computed(self, subject: Any) -> Array:
        """Make the calls, and return all sums."""
        found = [np.asarray(self.read(self._returned(problem, subject))) for problem in self.calls]
        return found[0] if len(found) == 1 else np.stack(found)

    def _returned(self, problem: Problem, subject: Any) -> Any:
        if self.result == "output":
            return problem.forward(subject)
        gradients = problem.backward(subject)
        return gradients[GRADIENTS[problem.operation].index(self.result)] if isinstance(gradients, tuple) else gradients


Draw = Callable[[tuple[int, ...]], Whole]


@dataclass(frozen=True)
class Row:
    """A long sum of an operation."""

    operation: str
    result: str
    make: Callable[[int, Draw, str], Case]
    of: str = "products"
    """What is added up: "products" of two factors, which can be shortened; or "terms", in which there are none."""
    one_sign: bool = False
    """Whether all terms have one sign, so that only the worst case can be asked."""
    slow_from: int = 4608
    """The lengths from here on run only with --slow."""
    lengths: tuple[int, ...] = LENGTHS

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.operation}-{self.result}"

    def case(self, terms: int, dtype: str) -> Case:
        """Return the case of this length, the same each time."""
        rng = np.random.default_rng([terms, crc32(self.name.encode())])
        return self.make(terms, lambda shape: full_mantissas(rng, shape, dtype), dtype)


def _whole(returned: Any) -> Any:
    return returned


def _many(terms: int) -> int:
    """Return the number of sums where none shares anything with another."""
    return 4096 if terms <= 576 else 1024


def _problem(operation: str, dtype: str, options: dict[str, Any], grad_output: Any, **arrays: Any) -> Problem:
    """Return a call, its whole numbers turned into numbers of the format, and zeros for a `grad_output` not needed."""
    floats = {name: _floats(value, dtype) for name, value in arrays.items()}
    return Problem(operation, floats, options, _floats(grad_output, dtype))


def _floats(value: Any, dtype: str) -> Any:
    return as_floats(value, dtype) if isinstance(value, np.ndarray) and value.dtype == np.int64 else value


def _one(problem: Problem, result: str, found: LongSums, read: Callable[[Any], Any] = _whole) -> Case:
    return Case((problem,), result, read, found)


# Linear


def _linear_output(terms: int, draw: Draw, dtype: str) -> Case:
    x, w = draw((SIDE, terms)), draw((SIDE, terms))
    problem = _problem("linear", dtype, {}, np.zeros(()), input=x, weight=w)
    return _one(problem, "output", LongSums(products(x, w.T, dtype), terms, SIDE))


def _linear_input(terms: int, draw: Draw, dtype: str) -> Case:
    g, w = draw((SIDE, terms)), draw((terms, SIDE))
    problem = _problem("linear", dtype, {}, g, input=draw((SIDE, SIDE)), weight=w)
    return _one(problem, "input", LongSums(products(g, w, dtype), terms, SIDE))


def _linear_weight(terms: int, draw: Draw, dtype: str) -> Case:
    g, x = draw((terms, SIDE)), draw((terms, SIDE))
    problem = _problem("linear", dtype, {}, g, input=x, weight=draw((SIDE, SIDE)))
    return _one(problem, "weight", LongSums(products(g.T, x, dtype), terms, SIDE))


def _linear_bias(terms: int, draw: Draw, dtype: str) -> Case:
    many = _many(terms)
    g = draw((terms, many))
    problem = _problem("linear", dtype, {}, g, input=draw((terms, 1)), weight=draw((many, 1)), bias=draw((many,)))
    return _one(problem, "bias", LongSums(sums(g.T, dtype), terms, many))


# Convolution, with stride 1: kernels of 3 along each axis where the length allows it, else of 2

OUTPUT_SIZE = {1: (64,), 2: (8, 8), 3: (4, 4, 4)}


def _kernel(rank: int, terms: int) -> tuple[int, ...]:
    return (3 if terms % 3**rank == 0 else 2,) * rank


def _windows(cells: Whole, kernel: tuple[int, ...]) -> Whole:
    """Return the cells of every window: (n, c, *size) -> (n, c, *places, *kernel)."""
    return np.asarray(sliding_window_view(cells, kernel, tuple(range(2, cells.ndim))))


def _conv_output(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    kernel, places = _kernel(rank, terms), OUTPUT_SIZE[rank]
    channels = terms // prod(kernel)
    x = draw((1, channels, *[p + k - 1 for p, k in zip(places, kernel, strict=True)]))
    w = draw((SIDE, channels, *kernel))
    problem = _problem(f"conv{rank}d", dtype, {}, np.zeros(()), input=x, weight=w)
    columns = np.moveaxis(_windows(x, kernel)[0].reshape(channels, prod(places), prod(kernel)), 1, 2)
    exact = products(w.reshape(SIDE, terms), columns.reshape(terms, -1), dtype).reshape(1, SIDE, *places)
    return _one(problem, "output", LongSums(exact, terms, SIDE))


def _conv_input(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    """Only the cells that every tap of the kernel meets: the border's sums are shorter."""
    kernel, inner = _kernel(rank, terms), OUTPUT_SIZE[rank]
    outs = terms // prod(kernel)
    places = tuple(i + k - 1 for i, k in zip(inner, kernel, strict=True))
    size = tuple(p + k - 1 for p, k in zip(places, kernel, strict=True))
    g, w = draw((1, outs, *places)), draw((outs, SIDE, *kernel))
    problem = _problem(f"conv{rank}d", dtype, {}, g, input=draw((1, SIDE, *size)), weight=w)
    met = np.moveaxis(_windows(g, kernel)[0].reshape(outs, prod(inner), prod(kernel)), 1, 2).reshape(terms, -1)
    turned = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1).reshape(SIDE, terms)
    exact = products(turned, met, dtype).reshape(1, SIDE, *inner)
    whole = tuple(slice(k - 1, p) for k, p in zip(kernel, places, strict=True))
    return _one(problem, "input", LongSums(exact, terms, SIDE), lambda grad: grad[(..., *whole)])


def _conv_weight(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    kernel, places, channels = (3,) * rank, OUTPUT_SIZE[rank], {1: 32, 2: 8, 3: 2}[rank]
    images = terms // prod(places)
    size = tuple(p + 2 for p in places)
    g, x = draw((images, SIDE, *places)), draw((images, channels, *size))
    problem = _problem(f"conv{rank}d", dtype, {}, g, input=x, weight=draw((SIDE, channels, *kernel)))
    left = g.swapaxes(0, 1).reshape(SIDE, terms)
    seen = _windows(x, kernel).reshape(images, channels, prod(places), prod(kernel))
    right = seen.transpose(0, 2, 1, 3).reshape(terms, channels * prod(kernel))
    exact = products(left, right, dtype).reshape(SIDE, channels, *kernel)
    return _one(problem, "weight", LongSums(exact, terms, SIDE))


def _conv_bias(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    many, places = _many(terms), OUTPUT_SIZE[rank]
    images, kernel = terms // prod(places), (1,) * rank
    g = draw((images, many, *places))
    arrays = {"input": draw((images, 1, *places)), "weight": draw((many, 1, *kernel)), "bias": draw((many,))}
    problem = _problem(f"conv{rank}d", dtype, {}, g, **arrays)
    return _one(problem, "bias", LongSums(_channel_sums(g, dtype), terms, many))


def _channel_sums(g: Whole, dtype: str) -> Exact:
    return sums(g.swapaxes(0, 1).reshape(g.shape[1], -1), dtype)


# Batch norm: in evaluation with mean 0, variance 1 and ε 0, x̂ is the input itself


def _channels(terms: int) -> tuple[int, ...]:
    return terms // 64, _many(terms), 8, 8


def _batch_norm(terms: int, draw: Draw, dtype: str) -> tuple[Whole, Whole, Problem]:
    g, x = draw(_channels(terms)), draw(_channels(terms))
    many, still = x.shape[1], as_floats(np.zeros(x.shape[1], np.int64), dtype)
    statistics = {"running_mean": still, "running_var": still + 1}
    parameters = {"weight": draw((many,)), "bias": draw((many,))}
    options = {"training": False, "eps": 0.0}
    return g, x, _problem("batch_norm", dtype, options, g, input=x, **statistics, **parameters)


def _batch_norm_weight(terms: int, draw: Draw, dtype: str) -> Case:
    g, x, problem = _batch_norm(terms, draw, dtype)
    left, right = (a.swapaxes(0, 1).reshape(a.shape[1], 1, terms) for a in (g, x))
    exact = products(left, right.swapaxes(1, 2), dtype).reshape(len(left))
    return _one(problem, "weight", LongSums(exact, terms, len(left), scaled=2))  # by 1/√variance, then rounded


def _batch_norm_bias(terms: int, draw: Draw, dtype: str) -> Case:
    g, _, problem = _batch_norm(terms, draw, dtype)
    return _one(problem, "bias", LongSums(_channel_sums(g, dtype), terms, g.shape[1]))


def _statistics_problem(x: Whole, dtype: str) -> Problem:
    still = as_floats(np.zeros(x.shape[1], np.int64), dtype)
    arrays = {"input": x, "running_mean": still, "running_var": still}
    return _problem("batch_norm_statistics", dtype, {"momentum": 1.0}, np.zeros(()), **arrays)


def _batch_norm_mean(terms: int, draw: Draw, dtype: str) -> Case:
    x = draw(_channels(terms))
    exact = _channel_sums(x, dtype).times(1, terms)
    found = LongSums(exact, terms, x.shape[1], scaled=2)  # by 1/K
    return _one(_statistics_problem(x, dtype), "output", found, lambda statistics: statistics[0])


def _batch_norm_variance(terms: int, draw: Draw, dtype: str) -> Case:
    """Σ (x − m)² / (K − 1) = (K·Σ x² − (Σ x)²) / (K·(K − 1)), unbiased as the running variance is.

    The rounding of a difference counts twice in its square, which is rounded itself; then the sum is divided and
    multiplied. That of the mean is of second order.
    """
    x = draw((terms // 64, SIDE, 8, 8))
    rows = x.swapaxes(0, 1).reshape(SIDE, terms)
    squares = exact_matmul(rows[:, np.newaxis], rows[..., np.newaxis]).reshape(SIDE)
    numerators = terms * squares - exact_sum(rows) ** 2
    exact = _positive(numerators, terms * (terms - 1) * 4 ** (DIGITS[dtype] - 1))
    found = LongSums(exact, terms, SIDE, scaled=12)
    return _one(_statistics_problem(x, dtype), "output", found, lambda statistics: statistics[1])


def _positive(numerators: Any, denominators: Any) -> Exact:
    """Return sums of terms of one sign: Σ |term| is the sum itself."""
    exact = Exact(np.asarray(numerators, object), np.asarray(denominators, object), np.empty(0), np.empty(0))
    return Exact(exact.numerators, exact.denominators, exact.values, abs(exact.values))


# Average pooling


def _rectangle(terms: int) -> tuple[int, int]:
    """Return the sides of a window of so many cells."""
    rows = next(rows for rows in range(floor(sqrt(terms)), 0, -1) if terms % rows == 0)
    return rows, terms // rows


def _avg_pool2d_output(operation: str, terms: int, draw: Draw, dtype: str) -> Case:
    many, kernel = _many(terms), _rectangle(terms)
    x = draw((1, many, *kernel))
    options: dict[str, Any] = {"kernel_size": kernel} if operation == "avg_pool2d" else {"output_size": 1}
    exact = sums(x.reshape(many, terms), dtype).times(1, terms).reshape(1, many, 1, 1)
    found = LongSums(exact, terms, many, scaled=2)  # by 1/K
    return _one(_problem(operation, dtype, options, np.zeros(()), input=x), "output", found)


def _avg_pool2d_input(terms: int, draw: Draw, dtype: str) -> Case:
    """With stride 1 a cell is in up to K windows: one of each channel, or there would be sums that share terms."""
    kernel, many = _rectangle(terms), 1024
    g, size = draw((1, many, *kernel)), tuple(2 * k - 1 for k in kernel)
    input = as_floats(np.zeros((1, many, *size), np.int64), dtype)
    problem = _problem("avg_pool2d", dtype, {"kernel_size": kernel, "stride": 1}, g, input=input)
    exact = sums(g.reshape(many, terms), dtype).times(1, terms).reshape(1, many)
    found = LongSums(exact, terms, many, scaled=1)  # 1/K; each term's own rounding is that of a product
    return _one(problem, "input", found, lambda grad: grad[..., kernel[0] - 1, kernel[1] - 1])


# The losses' means; a call returns one sum


def _nll_loss_output(terms: int, draw: Draw, dtype: str) -> Case:
    x = draw((1024, terms))
    target = np.zeros(terms, np.int64)
    calls = (Problem("nll_loss", {"input": as_floats(row[:, np.newaxis], dtype), "target": target}, {}, x) for row in x)
    found = LongSums(sums(x, dtype).times(-1, terms), terms, len(x), scaled=2)  # by 1/K
    return Case(calls, "output", _whole, found)


def _regression_loss_output(operation: str, terms: int, draw: Draw, dtype: str) -> Case:
    """The rounding of a difference counts twice in its square, which is rounded itself; the sum is divided."""
    x, y = draw((16, terms)), draw((16, terms))
    calls = [_problem(operation, dtype, {}, np.zeros(()), input=a, target=b) for a, b in zip(x, y, strict=True)]
    d = abs(x - y)
    scale = terms * 2 ** (DIGITS[dtype] - 1)
    if operation == "l1_loss":
        exact = _positive(exact_sum(d), scale)
    else:
        squares = exact_matmul(d[:, np.newaxis], d[..., np.newaxis]).reshape(len(d))
        exact = _positive(squares, scale * 2 ** (DIGITS[dtype] - 1))
    return Case(calls, "output", _whole, LongSums(exact, terms, len(x), scaled=6))


def _mse_loss_target(terms: int, draw: Draw, dtype: str) -> Case:
    """A target of one row is stretched over K rows: its gradient is Σ −2·(x − y)·g / n, here with y = 0 and g = 1."""
    many = _many(terms)
    x = draw((terms, many))
    arrays = {"input": x, "target": as_floats(np.zeros((1, many), np.int64), dtype)}
    one = as_floats(np.array(2 ** (DIGITS[dtype] - 1)), dtype)
    exact = sums(x.T, dtype).times(-2, terms * many).reshape(1, many)
    problem = _problem("mse_loss", dtype, {}, one, **arrays)
    return _one(problem, "target", LongSums(exact, terms, many, scaled=2))  # 2·g/n; a term's own rounding: a product


# Softmax: the normaliser adds up exponentials, its gradient g·p with the probabilities p


def _softmax_output(terms: int, _: Draw, dtype: str) -> Case:
    """The largest score is 0, so its probability is 1 / Σ exp(score).

    Each exponential may be off by 4 units in the last place, of 2u; the quotient is rounded twice.
    """
    rows, steps = 8, np.random.default_rng(terms).integers(0, 2**18, (8, terms))
    steps[:, 0] = 0
    scores = np.ldexp(-steps.astype(np.float64), -16).astype(as_floats(steps[:0], dtype).dtype)
    totals, one = exponentials(steps, 16)
    exact = _positive(np.full(rows, one, object), totals)
    problem = Problem("softmax", {"input": scores}, {"dim": 1}, scores)
    return _one(problem, "output", LongSums(exact, terms, rows, scaled=10), lambda p: p[:, 0])


def _softmax_input(terms: int, draw: Draw, dtype: str) -> Case:
    """Of equal scores each has p = 1/K. Where g is 0, the gradient p·(g − Σ g·p) is −Σ g / K²."""
    g = draw((1024, terms))
    g[:, 0] = 0
    problem = _problem("softmax", dtype, {"dim": 1}, g, input=np.zeros(g.shape, np.int64))
    found = LongSums(sums(g, dtype).times(-1, terms**2), terms, len(g), scaled=5)  # twice by p, off by 2u, and 1
    return _one(problem, "input", found, lambda grad: grad[:, 0])


def _log_softmax_input(terms: int, draw: Draw, dtype: str) -> Case:
    """A score far above the rest has p = 1. Where g is 0, its gradient g − p·Σ g is −Σ g."""
    g = draw((1024, terms))
    g[:, 0] = 0
    scores = as_floats(np.zeros(g.shape, np.int64), dtype)
    scores[:, 1:] = -(2.0**14)
    problem = _problem("log_softmax", dtype, {"dim": 1}, g, input=scores)
    return _one(problem, "input", LongSums(sums(g, dtype).times(-1), terms, len(g)), lambda grad: grad[:, 0])


def _convolutions() -> Iterator[Row]:
    for rank in (1, 2, 3):
        name, slow = f"conv{rank}d", 4608 if rank == 2 else 1152
        yield Row(name, "output", partial(_conv_output, rank), slow_from=slow)
        yield Row(name, "input", partial(_conv_input, rank), slow_from=slow)
        yield Row(name, "weight", partial(_conv_weight, rank), slow_from=slow)
        lengths = LENGTHS if rank == 2 else LENGTHS[:3]  # the same sum, whatever the rank
        yield Row(name, "bias", partial(_conv_bias, rank), of="terms", slow_from=slow // 2, lengths=lengths)


ROWS = (
    Row("linear", "output", _linear_output, slow_from=10**9),
    Row("linear", "input", _linear_input, slow_from=10**9),
    Row("linear", "weight", _linear_weight, slow_from=10**9),
    Row("linear", "bias", _linear_bias, of="terms"),
    *_convolutions(),
    Row("batch_norm", "bias", _batch_norm_bias, of="terms", slow_from=1152),
    Row("batch_norm", "weight", _batch_norm_weight, slow_from=1152),
    Row("batch_norm_statistics", "mean", _batch_norm_mean, of="terms", slow_from=1152),
    Row("batch_norm_statistics", "variance", _batch_norm_variance, one_sign=True),
    Row("avg_pool2d", "output", partial(_avg_pool2d_output, "avg_pool2d"), of="terms", slow_from=1152),
    Row("avg_pool2d", "input", _avg_pool2d_input, of="terms", slow_from=576, lengths=LENGTHS[:3]),  # K² steps a sum
    Row(
        "adaptive_avg_pool2d",
        "output",
        partial(_avg_pool2d_output, "adaptive_avg_pool2d"),
        of="terms",
        slow_from=1152,
    ),
    Row("nll_loss", "output", _nll_loss_output, of="terms", slow_from=1152),
    Row("l1_loss", "output", partial(_regression_loss_output, "l1_loss"), of="terms", one_sign=True, slow_from=10**9),
    Row("mse_loss", "output", partial(_regression_loss_output, "mse_loss"), one_sign=True, slow_from=10**9),
    Row("mse_loss", "target", _mse_loss_target, of="terms", slow_from=1152),
    Row("softmax", "output", _softmax_output, of="terms", one_sign=True),
    Row("softmax", "input", _softmax_input, of="terms", slow_from=1152),
    Row("log_softmax", "input", _log_softmax_input, of="terms", slow_from=1152),
)
"""All rows. Of average pools only those along two axes are offered."""
