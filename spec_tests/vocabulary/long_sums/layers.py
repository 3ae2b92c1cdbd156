"""The long sums of linear layers and convolutions."""

from collections.abc import Iterator
from functools import partial
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from spec_tests.vocabulary.exact_sums import Whole, products, sums
from spec_tests.vocabulary.long_sums.case import (
    LENGTHS,
    SIDE,
    Case,
    Draw,
    Row,
    channel_sums,
    many_for,
    one_call,
    problem_of,
)
from spec_tests.vocabulary.statistics import LongSums

# Linear


def _linear_output(terms: int, draw: Draw, dtype: str) -> Case:
    x, w = draw((SIDE, terms)), draw((SIDE, terms))
    problem = problem_of("linear", dtype, {}, np.zeros(()), input=x, weight=w)
    return one_call(problem, "output", LongSums(products(x, w.T, dtype), terms, SIDE))


def _linear_input(terms: int, draw: Draw, dtype: str) -> Case:
    g, w = draw((SIDE, terms)), draw((terms, SIDE))
    problem = problem_of("linear", dtype, {}, g, input=draw((SIDE, SIDE)), weight=w)
    return one_call(problem, "input", LongSums(products(g, w, dtype), terms, SIDE))


def _linear_weight(terms: int, draw: Draw, dtype: str) -> Case:
    g, x = draw((terms, SIDE)), draw((terms, SIDE))
    problem = problem_of("linear", dtype, {}, g, input=x, weight=draw((SIDE, SIDE)))
    return one_call(problem, "weight", LongSums(products(g.T, x, dtype), terms, SIDE))


def _linear_bias(terms: int, draw: Draw, dtype: str) -> Case:
    many = many_for(terms)
    g = draw((terms, many))
    problem = problem_of("linear", dtype, {}, g, input=draw((terms, 1)), weight=draw((many, 1)), bias=draw((many,)))
    return one_call(problem, "bias", LongSums(sums(g.T, dtype), terms, many))


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
    problem = problem_of(f"conv{rank}d", dtype, {}, np.zeros(()), input=x, weight=w)
    columns = np.moveaxis(_windows(x, kernel)[0].reshape(channels, prod(places), prod(kernel)), 1, 2)
    exact = products(w.reshape(SIDE, terms), columns.reshape(terms, -1), dtype).reshape(1, SIDE, *places)
    return one_call(problem, "output", LongSums(exact, terms, SIDE))


def _conv_input(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    """Only the cells that every tap of the kernel meets: the border's sums are shorter."""
    kernel, inner = _kernel(rank, terms), OUTPUT_SIZE[rank]
    outs = terms // prod(kernel)
    places = tuple(i + k - 1 for i, k in zip(inner, kernel, strict=True))
    size = tuple(p + k - 1 for p, k in zip(places, kernel, strict=True))
    g, w = draw((1, outs, *places)), draw((outs, SIDE, *kernel))
    problem = problem_of(f"conv{rank}d", dtype, {}, g, input=draw((1, SIDE, *size)), weight=w)
    met = np.moveaxis(_windows(g, kernel)[0].reshape(outs, prod(inner), prod(kernel)), 1, 2).reshape(terms, -1)
    turned = np.flip(w, tuple(range(2, w.ndim))).swapaxes(0, 1).reshape(SIDE, terms)
    exact = products(turned, met, dtype).reshape(1, SIDE, *inner)
    whole = tuple(slice(k - 1, p) for k, p in zip(kernel, places, strict=True))
    return one_call(problem, "input", LongSums(exact, terms, SIDE), lambda grad: grad[(..., *whole)])


def _conv_weight(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    kernel, places, channels = (3,) * rank, OUTPUT_SIZE[rank], {1: 32, 2: 8, 3: 2}[rank]
    images = terms // prod(places)
    size = tuple(p + 2 for p in places)
    g, x = draw((images, SIDE, *places)), draw((images, channels, *size))
    problem = problem_of(f"conv{rank}d", dtype, {}, g, input=x, weight=draw((SIDE, channels, *kernel)))
    left = g.swapaxes(0, 1).reshape(SIDE, terms)
    seen = _windows(x, kernel).reshape(images, channels, prod(places), prod(kernel))
    right = seen.transpose(0, 2, 1, 3).reshape(terms, channels * prod(kernel))
    exact = products(left, right, dtype).reshape(SIDE, channels, *kernel)
    return one_call(problem, "weight", LongSums(exact, terms, SIDE))


def _conv_bias(rank: int, terms: int, draw: Draw, dtype: str) -> Case:
    many, places = many_for(terms), OUTPUT_SIZE[rank]
    images, kernel = terms // prod(places), (1,) * rank
    g = draw((images, many, *places))
    arrays = {"input": draw((images, 1, *places)), "weight": draw((many, 1, *kernel)), "bias": draw((many,))}
    problem = problem_of(f"conv{rank}d", dtype, {}, g, **arrays)
    return one_call(problem, "bias", LongSums(channel_sums(g, dtype), terms, many))


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
)
