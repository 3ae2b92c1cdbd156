"""Max poolings: max_pool1d, max_pool2d and max_pool3d."""

from functools import partial
from itertools import product
from operator import add
from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.operations.operation import (
    NOTHING,
    Copies,
    GradientCheck,
    Operation,
    Rung,
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
    distinct_numbers,
    leading,
    one_or_all,
    per_axis,
    special_numbers,
    whole_numbers,
)


@st.composite
def pool_problems(
    draw: st.DrawFn,
    rank: int,
    numbers: Numbers = whole_numbers,
    grad_outputs: Numbers = whole_numbers,
    batched: bool = False,
) -> Problem:
    """Draw a max pooling of this rank, half of them usual ones; every window holds at least one real cell."""
    usual = draw(everyday.one_of_these_or_none(*everyday.pooling_calls(), odds=everyday.OFTEN))
    kernel_size: Any
    stride: Any
    pads: Any
    if usual is not None:
        kernel_size, stride, pads = (None if number is None else (number,) * rank for number in usual)
        dilation = (1,) * rank
    else:
        kernel_size, dilation = per_axis(draw, rank, 1, 3), per_axis(draw, rank, 1, 3)
        pads = tuple(min(p, k // 2) for p, k in zip(per_axis(draw, rank, 0, 1), kernel_size, strict=True))
        stride = draw(choice(None, *product(range(1, 5), repeat=rank)))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    smallest = [max(1, d, span - 2 * p) for d, span, p in zip(dilation, spans, pads, strict=True)]
    size = tuple(map(add, smallest, per_axis(draw, rank, 0, 4)))
    one = draw(choice(False, True))
    options: dict[str, Any] = {
        "kernel_size": one_or_all(one, kernel_size),
        "stride": stride if stride is None else one_or_all(one, stride),
        "padding": one_or_all(one, pads),
        "dilation": one_or_all(one, dilation),
        "ceil_mode": draw(choice(False, True) if usual is None else choice(False, False, False, True)),
    }
    wide = everyday.WIDE if rank < 3 or usual is not None else ()  # of three axes, they make large arrays
    channels, batch = draw(choice(*everyday.now_and_then(range(1, 3), *wide))), leading(draw, batched)
    rng = np.random.default_rng(draw(SEEDS))
    output_size: Any = reference.max_pool_output_size(size, **options)
    arrays = {"input": numbers(rng, (*batch, channels, *size))}
    return Problem(f"max_pool{rank}d", arrays, options, grad_outputs(rng, (*batch, channels, *output_size)))


def _row(rank: int) -> Operation:
    name = f"max_pool{rank}d"
    problems = partial(pool_problems, rank)
    size = (4, 5, 4)[-rank:] if rank > 1 else (5,)
    return Operation(
        name=name,
        section="2.2",
        gradients=("input",),
        problems=problems,
        any_problem=problems() | problems(special_numbers),
        rounding=Copies(),
        checks={NOTHING: GradientCheck(problems(distinct_numbers), ("input",))},
        typical=typical(name, (2, 3, *[2] * rank), {"kernel_size": 2}, input=(2, 3, *size)),
        nothing_to_do=nothing_to_do(name, {"kernel_size": 1}, input=np.ones((1, *[2] * rank))),
        large=large_cases.MAX_POOLS[rank],
        rungs=(
            Rung("stride", lambda problem: problem.options.get("stride") is not None),
            Rung("padding", lambda problem: bool(np.max(problem.options.get("padding", 0)) > 0)),
            Rung("dilation", lambda problem: bool(np.max(problem.options.get("dilation", 1)) > 1)),
            Rung("ceil_mode", lambda problem: bool(problem.options.get("ceil_mode"))),
            one_for_each_axis("kernel_size", "stride", "padding", "dilation"),
            unbatched(rank + 1),
        ),
    )


ROWS = tuple(map(_row, (1, 2, 3)))
