"""Convolutions: conv1d, conv2d and conv3d."""

from functools import cache, partial
from itertools import product
from math import prod
from operator import add
from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.everyday import Window
from spec_tests.vocabulary.operations.operation import (
    NOTHING,
    GradientCheck,
    Operation,
    Rung,
    Sums,
    nothing_to_do,
    one_for_each_axis,
    typical,
    unbatched,
)
from spec_tests.vocabulary.problems import SEEDS, Numbers, Problem, choice, leading, one_or_all, per_axis, whole_numbers

DRAWN_KERNEL, DRAWN_CHANNELS = 3, 2
"""The most of both, the channels being those of a group, where all options are drawn independently."""


@st.composite
def conv_problems(
    draw: st.DrawFn,
    rank: int,
    numbers: Numbers = whole_numbers,
    channels: int = max(everyday.WIDE),
    kernel: int = 7,
    paddings: tuple[str, ...] = ("numbers", "same", "valid"),
    batched: bool = False,
) -> Problem:
    """Draw a convolution of this rank: half of them usual ones, half with all options independent, axis by axis."""
    usual: Window | None = draw(_usual(kernel, paddings))
    if usual is not None:
        groups, ins, outs = draw(_usual_channels(channels))
        kernel_size, dilation, stride = (usual.kernel,) * rank, (1,) * rank, (usual.stride,) * rank
        padding = "numbers" if "numbers" in paddings else paddings[0]
        pads, more = (usual.padding * (padding == "numbers"),) * rank, 3 if usual.cells(rank) > 9 else 5
    else:
        most = min(channels, DRAWN_CHANNELS)
        groups, ins, outs = draw(choice(*range(1, 4))), draw(st.integers(1, most)), draw(st.integers(1, most))
        kernel_size, dilation = per_axis(draw, rank, 1, min(kernel, DRAWN_KERNEL)), per_axis(draw, rank, 1, 3)
        padding = draw(choice(*paddings))
        pads = per_axis(draw, rank, 0, 2) if padding == "numbers" else (0,) * rank
        stride, more = (1,) * rank if padding == "same" else per_axis(draw, rank, 1, 4), 3
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    smallest = [1 if padding == "same" else max(1, span - 2 * p) for span, p in zip(spans, pads, strict=True)]
    size = tuple(map(add, smallest, per_axis(draw, rank, 0, more)))
    one = draw(choice(False, True))
    options = {
        "stride": one_or_all(one, stride),
        "padding": one_or_all(one, pads) if padding == "numbers" else padding,
        "dilation": one_or_all(one, dilation),
        "groups": groups,
    }
    with_bias, batch = draw(choice(False, True)), leading(draw, batched)
    rng = np.random.default_rng(draw(SEEDS))
    output_size: Any = reference.conv_output_size(size, kernel_size, stride, options["padding"], dilation)
    arrays = {
        "input": numbers(rng, (*batch, groups * ins, *size)),
        "weight": numbers(rng, (groups * outs, ins, *kernel_size)),
        "bias": numbers(rng, (groups * outs,)) if with_bias else None,
    }
    return Problem(f"conv{rank}d", arrays, options, numbers(rng, (*batch, groups * outs, *output_size)))


@cache
def _usual(kernel: int, paddings: tuple[str, ...]) -> st.SearchStrategy[Window | None]:
    """Draw one of the usual kernels, up to this size and with such a padding, or None."""
    if "numbers" in paddings:
        fitting = list(everyday.CONVOLUTIONS)
    elif paddings[0] == "valid":
        fitting = [window for window in everyday.CONVOLUTIONS if window.padding == 0]
    else:
        fitting = [w for w in everyday.CONVOLUTIONS if w.stride == 1 and 2 * w.padding == w.kernel - 1]
    return everyday.one_of_these_or_none(
        *[window for window in fitting if window.kernel <= kernel], odds=everyday.OFTEN
    )


@cache
def _usual_channels(most: int) -> st.SearchStrategy[tuple[int, int, int]]:
    """Draw groups and a group's channels: mostly one group, one time in three depthwise; now and then more channels."""
    few = [(1, *both) for both in product(range(1, min(most, 3) + 1), repeat=2)]
    wide = [(1, 5, 2), (1, 2, 6), (1, 8, 3), (1, 3, 9)] if most >= max(everyday.WIDE) else []
    depthwise = [(2, 1, 1), (3, 1, 1), (4, 1, 1), (9, 1, 1)] + [(2, 1, 2)] * (most > 1)
    return st.sampled_from([*few, *wide, *depthwise])


def _terms(problem: Problem) -> tuple[int, ...]:
    """Return the products in an element of the output, a bias being one more, and of each gradient."""
    taps = prod(problem.weight.shape[2:])
    places = problem.grad_output.size // problem.weight.shape[0]  # and images
    return taps * problem.weight.shape[1] + 1, taps * (problem.weight.shape[0] // problem.groups), places, places


def _partial_sums(problem: Problem) -> tuple[int, int, int]:
    """Return how often a share of a gradient is rounded if taps (or images) are added up one by one.

    A cell lies under a tap of no more windows than there are.
    """
    taps = min(prod(problem.weight.shape[2:]), prod(problem.grad_output.shape[-problem.rank :]))
    images = len(problem.input) if problem.input.ndim == problem.weight.ndim else 1
    return taps + 1, images + 1, images + 1


def _uses(option: str, beyond: int) -> Rung:
    def used_by(problem: Problem) -> bool:
        value = problem.options.get(option, beyond)
        return not isinstance(value, str) and bool(np.max(value) > beyond)

    return Rung(option, used_by)


def _row(rank: int) -> Operation:
    name = f"conv{rank}d"
    problems = partial(conv_problems, rank)
    size, kernel = (3, 5, 4)[-rank:] if rank > 1 else (5,), (3,) * rank
    return Operation(
        name=name,
        section="2.1",
        gradients=("input", "weight", "bias"),
        problems=problems,
        any_problem=problems(),
        rounding=Sums(_terms, _partial_sums),
        checks={NOTHING: GradientCheck(problems(), ("input", "weight", "bias"))},
        typical=typical(
            name, (2, 6, *size), {"padding": 1, "groups": 2}, input=(2, 4, *size), weight=(6, 2, *kernel), bias=(6,)
        ),
        nothing_to_do=nothing_to_do(name, {}, input=np.ones((1, *[2] * rank)), weight=np.ones((1, 1, *[1] * rank))),
        large=large_cases.CONVOLUTIONS[rank],
        rungs=(
            Rung("bias", lambda problem: problem.bias is not None),
            _uses("stride", 1),
            _uses("padding", 0),
            _uses("dilation", 1),
            _uses("groups", 1),
            one_for_each_axis("stride", "padding", "dilation"),
            Rung("padding in words", lambda problem: isinstance(problem.options.get("padding"), str)),
            unbatched(rank + 1),
        ),
    )


ROWS = tuple(map(_row, (1, 2, 3)))
