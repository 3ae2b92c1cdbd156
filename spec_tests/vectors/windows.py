"""Questions about what slides a window: convolutions and poolings."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import reference
from spec_tests.vectors.question import Question, alone, both, kind_of, numbers
from spec_tests.vectors.randomness import Random, Shape
from spec_tests.vocabulary.operations.average_pooling import DYADIC_SIZES
from spec_tests.vocabulary.problems import Problem, one_or_all

USUAL: dict[int, tuple[tuple[int, int, int], ...]] = {
    1: ((3, 1, 1), (1, 1, 0), (5, 1, 2), (3, 2, 1), (7, 2, 3), (1, 2, 0), (2, 2, 0), (3, 1, 0))
}
USUAL[2] = USUAL[1]
USUAL[3] = ((3, 1, 1), (1, 1, 0), (3, 2, 1), (1, 2, 0), (2, 2, 0))
"""Kernel, stride and padding of usual convolutions, by rank."""
CHANNELS = ((1, 1, 1), (1, 2, 1), (1, 1, 2), (1, 2, 3), (1, 3, 2), (2, 1, 1), (3, 1, 1), (4, 1, 2), (2, 2, 1))
"""Groups, and the input and output channels of each."""
WIDE = ((1, 9, 2), (1, 2, 9), (9, 1, 1), (1, 17, 1))


def convolution(r: Random, rank: int) -> Iterator[Question]:
    """Draw a convolution: half of them usual ones, half with all options independent, axis by axis."""
    groups, ins, outs = r.choice(*CHANNELS) if not r.chance(12) else r.choice(*WIDE)
    padding: Any
    if r.chance(2):
        kernel, step, pad = r.choice(*USUAL[rank])
        kernels, dilation, stride, padding = (kernel,) * rank, (1,) * rank, (step,) * rank, (pad,) * rank
        more = 2 if kernel > 3 or rank == 3 else 4
    else:
        kernels, dilation = r.sizes(rank, 1, 3 if rank < 3 else 2), r.sizes(rank, 1, 3)
        padding = r.choice("numbers", "numbers", "numbers", "same", "valid")
        stride = (1,) * rank if padding == "same" else r.sizes(rank, 1, 3)
        padding, more = r.sizes(rank, 0, 2) if padding == "numbers" else padding, 3
    pads = padding if isinstance(padding, tuple) else (0,) * rank
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernels, strict=True)]
    least = [1 if padding == "same" else max(1, span - 2 * p) for span, p in zip(spans, pads, strict=True)]
    size = tuple(n + r.integer(0, more) for n in least)
    one = r.chance(2)
    options = {
        "stride": one_or_all(one, stride),
        "padding": one_or_all(one, padding) if isinstance(padding, tuple) else padding,
        "dilation": one_or_all(one, dilation),
        "groups": groups,
    }
    batch = r.choice((1,), (2,), (1,), (3,) if prod(size) < 20 else (1,), ())
    whole, dtype = kind_of(r)
    places: Any = reference.conv_output_size(size, kernels, stride, padding, dilation)
    arrays = {
        "input": numbers(r, (*batch, groups * ins, *size), whole, dtype),
        "weight": numbers(r, (groups * outs, ins, *kernels), whole, dtype),
        "bias": numbers(r, (groups * outs,), whole, dtype) if r.chance(2) else None,
    }
    grad_output = numbers(r, (*batch, groups * outs, *places), whole, dtype)
    asked = list(both(Problem(f"conv{rank}d", arrays, options, grad_output), dtype, whole))
    yield from asked
    if r.chance(12) and len(asked) > 1:
        yield alone(asked[1], r.choice("input", "weight"))


POOLS = ((2, None, 0), (2, 2, 0), (3, 2, 1), (3, 1, 1), (3, None, 0), (2, 1, 0), (3, 2, 0))
"""Kernel, stride and padding of usual poolings."""


def max_pooling(r: Random, rank: int) -> Iterator[Question]:
    """Draw a max pooling, half of them usual ones; every window holds at least one real cell."""
    kernel: Shape
    stride: Shape | None
    if r.chance(2):
        of_all, step, pad = r.choice(*POOLS)
        kernel, dilation, pads = (of_all,) * rank, (1,) * rank, (pad,) * rank
        stride = None if step is None else (step,) * rank
    else:
        kernel, dilation = r.sizes(rank, 1, 3), r.sizes(rank, 1, 3)
        pads = tuple(min(r.integer(0, 1), k // 2) for k in kernel)
        stride = None if r.chance(4) else r.sizes(rank, 1, 4)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    least = [max(1, d, span - 2 * p) for d, span, p in zip(dilation, spans, pads, strict=True)]
    size = tuple(n + r.integer(0, 4 if rank < 3 else 2) for n in least)
    one = r.chance(2)
    options: dict[str, Any] = {
        "kernel_size": one_or_all(one, kernel),
        "stride": stride if stride is None else one_or_all(one, stride),
        "padding": one_or_all(one, pads),
        "dilation": one_or_all(one, dilation),
        "ceil_mode": r.chance(2),
    }
    places: Any = reference.max_pool_output_size(size, **options)
    options["return_indices"] = r.chance(3)
    leading = (*r.choice((1,), (2,), ()), r.choice(1, 1, 2, 3))
    whole, dtype = kind_of(r)
    shape = (*leading, *size)
    filled = r.distinct(shape) if whole and r.chance(3) else numbers(r, shape, whole, dtype)
    grad_output = r.whole((*leading, *places))
    problem = Problem(f"max_pool{rank}d", {"input": filled}, options, grad_output)
    if len(set(filled.ravel().tolist())) < filled.size:
        yield from both(problem, dtype, True, "ties")
    else:
        yield from both(problem, dtype, True)


def average_pooling(r: Random) -> Iterator[Question]:
    """Draw an average pooling; with whole numbers every divisor is a power of two."""
    whole, dtype = kind_of(r)
    usual = r.chance(2)
    kernel: Shape
    pads: Shape
    stride: Shape | None
    if usual:
        of_all, step, pad = r.choice(*[pool for pool in POOLS if not whole or pool[0] == 2])
        kernel, pads, stride = (of_all,) * 2, (pad,) * 2, None if step is None else (step,) * 2
    else:
        kernel = r.sizes(2, 1, 2 if whole else 3)
        pads = tuple(min(r.integer(0, 1), k // 2) for k in kernel)
        stride = None if r.chance(4) else r.sizes(2, 1, 3)
    size = tuple(max(1, k - 2 * p) + r.integer(0, 4) for k, p in zip(kernel, pads, strict=True))
    one = r.chance(2)
    options: dict[str, Any] = {
        "kernel_size": one_or_all(one, kernel),
        "stride": stride if stride is None else one_or_all(one, stride),
        "padding": one_or_all(one, pads),
        "ceil_mode": r.chance(2),
    }
    places: Any = reference.max_pool_output_size(size, **options)
    options |= {
        "count_include_pad": r.chance(2),
        "divisor_override": None if usual else r.choice(None, None, 4, -2),
    }
    leading = (*r.choice((1,), (2,), ()), r.choice(1, 2, 3))
    arrays = {"input": numbers(r, (*leading, *size), whole, dtype)}
    problem = Problem("avg_pool2d", arrays, options, numbers(r, (*leading, *places), whole, dtype))
    yield from both(problem, dtype, whole)


SIZES = [*product(range(1, 9), range(1, 6)), (9, 7), (14, 7)]
"""Sizes, and how many windows share them out."""


def adaptive_pooling(r: Random) -> Iterator[Question]:
    """Draw an average pooling to a given size; with whole numbers every window holds a power of two of cells."""
    whole, dtype = kind_of(r)
    (h, i), (w, j) = (r.choice(*(DYADIC_SIZES[:-1] if whole else SIZES)) for _ in range(2))
    output_size: Any = i if i == j and r.chance(2) else (i if i != h else r.choice(None, i), j)
    leading = (*r.choice((1,), (2,), ()), r.choice(1, 2, 3))
    arrays = {"input": numbers(r, (*leading, h, w), whole, dtype)}
    grad_output = numbers(r, (*leading, i, j), whole, dtype)
    yield from both(Problem("adaptive_avg_pool2d", arrays, {"output_size": output_size}, grad_output), dtype, whole)
