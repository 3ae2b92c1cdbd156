"""The linear layer and flatten."""

from math import prod

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.operations.operation import (
    NOTHING,
    Copies,
    GradientCheck,
    Operation,
    Rung,
    Sums,
    nothing_to_do,
    typical,
)
from spec_tests.vocabulary.problems import SEEDS, Numbers, Problem, choice, per_axis, whole_numbers


@st.composite
def linear_problems(draw: st.DrawFn, numbers: Numbers = whole_numbers, features: int = max(everyday.WIDE)) -> Problem:
    """Draw a linear layer behind any number of leading axes, with a bias or without, or of a single feature.

    Half of them are usual ones: of an input (N, features), with a bias.
    """
    widths = choice(*[n for n in everyday.now_and_then(range(1, 5), *everyday.WIDE) if n <= features])
    if draw(everyday.IS_USUAL):
        leading, has_output_axis, with_bias = per_axis(draw, 1, 1, 4), True, True
    else:
        leading = per_axis(draw, draw(choice(*range(4))), 1, 3)
        has_output_axis = draw(choice(True, True, True, False))
        with_bias = has_output_axis and draw(choice(False, True))
    ins, outs = draw(widths), draw(widths)
    rng = np.random.default_rng(draw(SEEDS))
    out = (outs,) if has_output_axis else ()
    arrays = {
        "input": numbers(rng, (*leading, ins)),
        "weight": numbers(rng, (*out, ins)),
        "bias": numbers(rng, out) if with_bias else None,
    }
    return Problem("linear", arrays, {}, numbers(rng, (*leading, *out)))


@st.composite
def flatten_problems(draw: st.DrawFn) -> Problem:
    """Draw a flattening of neighbouring axes; half of them keep the first of four, and no other."""
    if draw(everyday.IS_USUAL):
        shape, start, end = per_axis(draw, 4, 1, 3), 1, 3
        options = {"start_dim": 1, "end_dim": -1}
    else:
        shape = per_axis(draw, draw(choice(*range(1, 6))), 1, 3)
        start = draw(st.integers(0, len(shape) - 1))
        end = draw(st.integers(start, len(shape) - 1))
        counted = draw(choice(False, True))  # from the back
        options = {"start_dim": start - counted * len(shape), "end_dim": end - counted * len(shape)}
    flat = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    rng = np.random.default_rng(draw(SEEDS))
    return Problem("flatten", {"input": whole_numbers(rng, shape)}, options, whole_numbers(rng, flat))


def _terms(problem: Problem) -> tuple[int, ...]:
    """Return the products in an element of the output, a bias being one more, and of each gradient."""
    outs = len(problem.weight) if problem.weight.ndim == 2 else 1
    rows = problem.grad_output.size // outs
    return problem.weight.shape[-1] + 1, outs, rows, rows


ROWS = (
    Operation(
        name="linear",
        section="2.4",
        gradients=("input", "weight", "bias"),
        problems=linear_problems,
        any_problem=linear_problems(),
        rounding=Sums(_terms),
        checks={NOTHING: GradientCheck(linear_problems(), ("input", "weight", "bias"))},
        typical=typical("linear", (2, 3, 5), {}, input=(2, 3, 4), weight=(5, 4), bias=(5,)),
        nothing_to_do=nothing_to_do("linear", {}, input=np.ones((2, 1)), weight=np.ones((1, 1))),
        large=large_cases.LINEAR,
        rungs=(
            Rung("bias", lambda problem: problem.bias is not None),
            Rung("more leading axes", lambda problem: problem.input.ndim > 2),
            Rung("a single output", lambda problem: problem.weight.ndim == 1),
            Rung("without a batch", lambda problem: problem.input.ndim == 1),
        ),
    ),
    Operation(
        name="flatten",
        section="2.4",
        gradients=("input",),
        problems=flatten_problems,
        any_problem=flatten_problems(),
        rounding=Copies(),
        checks={NOTHING: GradientCheck(flatten_problems(), ("input",))},
        typical=typical("flatten", (2, 12), {"start_dim": 1}, input=(2, 3, 4)),
        may_return_a_view="torch.flatten returns the input itself or a view of it where it can",
        large=large_cases.FLATTEN,
        rungs=(
            Rung("some of the axes", lambda problem: problem.grad_output.ndim > 1),
            Rung("axes counted from the back", lambda problem: problem.start_dim < 0),
        ),
    ),
)
