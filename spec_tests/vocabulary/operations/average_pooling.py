"""Average poolings: avg_pool2d and adaptive_avg_pool2d."""

from itertools import product
from math import prod
from operator import add
from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary import everyday, large_cases
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
from spec_tests.vocabulary.problems import (
    SEEDS,
    Numbers,
    Problem,
    choice,
    leading,
    one_or_all,
    per_axis,
    real_numbers,
    whole_numbers,
)

_CHANNELS = st.sampled_from(everyday.now_and_then(range(1, 3), *everyday.WIDE))
_USUAL_SWITCHES = st.sampled_from([(one, ceil, True) for ceil in (False, False, True) for one in (True, False)])
"""Whether equal numbers are given as one, ceil_mode, and count_include_pad."""


@st.composite
def avg_pool_problems(
    draw: st.DrawFn, numbers: Numbers = whole_numbers, kernel: int = 2, batched: bool = False
) -> Problem:
    """Draw an average pooling, half of them usual ones.

    With kernels of up to 2×2 every divisor is a power of two, and nothing rounds.
    """
    usual = draw(everyday.one_of_these_or_none(*everyday.pooling_calls(kernel)))
    kernel_size: Any
    stride: Any
    pads: Any
    if usual is not None:
        kernel_size, stride, pads = (None if number is None else (number,) * 2 for number in usual)
    else:
        kernel_size = per_axis(draw, 2, 1, kernel)
        pads = tuple(min(p, k // 2) for p, k in zip(per_axis(draw, 2, 0, 1), kernel_size, strict=True))
        stride = draw(choice(None, *product(range(1, 4), repeat=2)))
    smallest = [max(1, k - 2 * p) for k, p in zip(kernel_size, pads, strict=True)]
    size = tuple(map(add, smallest, per_axis(draw, 2, 0, 4)))
    one, ceil_mode, counted = draw(choice(*product((False, True), repeat=3)) if usual is None else _USUAL_SWITCHES)
    options: dict[str, Any] = {
        "kernel_size": one_or_all(one, kernel_size),
        "stride": stride if stride is None else one_or_all(one, stride),
        "padding": one_or_all(one, pads),
        "ceil_mode": ceil_mode,
    }
    output_size: Any = reference.max_pool_output_size(size, **options)
    divisor = draw(choice(None, None, 4, -2)) if usual is None else None
    options |= {"count_include_pad": counted, "divisor_override": divisor}
    channels, batch = draw(_CHANNELS), leading(draw, batched)
    rng = np.random.default_rng(draw(SEEDS))
    arrays = {"input": numbers(rng, (*batch, channels, *size))}
    return Problem("avg_pool2d", arrays, options, numbers(rng, (*batch, channels, *output_size)))


def adaptive_window(i: int, size: int, windows: int) -> range:
    """Return the cells of window i, of so many windows that share out a size."""
    return range(i * size // windows, -(-(i + 1) * size // windows))


ADAPTIVE_SIZES = [*product(range(1, 9), range(1, 9)), (14, 7)]
"""Sizes, and how many windows share them out."""

USUAL_WINDOWS = (1, 7)
"""How many windows networks ask for, along every axis."""

DYADIC_SIZES = [
    (size, windows)
    for size, windows in ADAPTIVE_SIZES
    if all(len(adaptive_window(i, size, windows)) in (1, 2, 4, 8) for i in range(windows))
]
"""Those where every window holds a power of two of cells, so that no mean rounds."""


@st.composite
def adaptive_pool_problems(
    draw: st.DrawFn,
    numbers: Numbers = whole_numbers,
    sizes: list[tuple[int, int]] = DYADIC_SIZES,
    batched: bool = False,
) -> Problem:
    """Draw an average pooling to a given size, of more cells or of fewer; half of them to 1 or 7 windows an axis."""
    of_windows = [[pair for pair in sizes if pair[1] == n] for n in USUAL_WINDOWS]
    usual = draw(everyday.one_of_these_or_none(*filter(None, map(tuple, of_windows))))
    (h, i), (w, j) = (
        (draw(choice(*usual)), draw(choice(*usual))) if usual else (draw(choice(*sizes)), draw(choice(*sizes)))
    )
    one = draw(choice(False, True))
    output_size = i if one and i == j else (i if i != h else None, j)
    channels, batch = draw(_CHANNELS), leading(draw, batched)
    rng = np.random.default_rng(draw(SEEDS))
    arrays = {"input": numbers(rng, (*batch, channels, h, w))}
    return Problem("adaptive_avg_pool2d", arrays, {"output_size": output_size}, numbers(rng, (*batch, channels, i, j)))


def _terms(problem: Problem) -> tuple[int, int]:
    """Return the cells of a window and the windows of a cell, at most; dividing rounds once more."""
    kernel = np.broadcast_to(problem.kernel_size, 2).tolist()
    stride = kernel if problem.stride is None else np.broadcast_to(problem.stride, 2).tolist()
    return prod(kernel) + 1, prod(-(-k // s) for k, s in zip(kernel, stride, strict=True)) + 1


def _adaptive_terms(problem: Problem) -> tuple[int, int]:
    """Return the same; an end of a window may lie within a cell, and the other one too. Each axis may divide."""
    sizes = list(zip(problem.input.shape[-2:], problem.grad_output.shape[-2:], strict=True))
    cells = prod(h // n + 2 * (h % n > 0) for h, n in sizes)
    return cells + 1, prod(n // h + 2 * (n % h > 0) for h, n in sizes) + 1


ROWS = (
    Operation(
        name="avg_pool2d",
        section="2.8",
        gradients=("input",),
        problems=avg_pool_problems,
        any_problem=avg_pool_problems() | avg_pool_problems(real_numbers, kernel=3),
        rounding=Sums(_terms),
        checks={NOTHING: GradientCheck(avg_pool_problems(), ("input",))},
        typical=typical("avg_pool2d", (2, 3, 2, 2), {"kernel_size": 2}, input=(2, 3, 5, 4)),
        nothing_to_do=nothing_to_do("avg_pool2d", {"kernel_size": 1}, input=np.ones((1, 2, 2))),
        large=large_cases.AVG_POOL,
        rungs=(
            Rung("stride", lambda problem: problem.options.get("stride") is not None),
            Rung("padding", lambda problem: bool(np.max(problem.options.get("padding", 0)) > 0)),
            Rung("count_include_pad", lambda problem: not problem.options.get("count_include_pad", True)),
            Rung("divisor_override", lambda problem: problem.options.get("divisor_override") is not None),
            Rung("ceil_mode", lambda problem: bool(problem.options.get("ceil_mode"))),
            one_for_each_axis("kernel_size", "stride", "padding"),
            unbatched(3),
        ),
    ),
    Operation(
        name="adaptive_avg_pool2d",
        section="2.8",
        gradients=("input",),
        problems=adaptive_pool_problems,
        any_problem=adaptive_pool_problems(),
        rounding=Sums(_adaptive_terms),
        checks={NOTHING: GradientCheck(adaptive_pool_problems(), ("input",))},
        typical=typical("adaptive_avg_pool2d", (2, 3, 4, 2), {"output_size": (4, 2)}, input=(2, 3, 8, 4)),
        nothing_to_do=nothing_to_do("adaptive_avg_pool2d", {"output_size": 2}, input=np.ones((1, 2, 2))),
        large=large_cases.ADAPTIVE_AVG_POOL,
        rungs=(
            Rung(
                "windows that overlap",
                lambda problem: any(
                    h % n for h, n in zip(problem.input.shape[-2:], problem.grad_output.shape[-2:], strict=True)
                ),
            ),
            one_for_each_axis("output_size"),
            unbatched(3),
        ),
    ),
)
