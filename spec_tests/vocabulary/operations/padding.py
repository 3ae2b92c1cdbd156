"""Padding: pad, in its four modes."""

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
    typical,
)
from spec_tests.vocabulary.problems import SEEDS, Numbers, Problem, choice, per_axis, whole_numbers


@st.composite
def pad_problems(
    draw: st.DrawFn, numbers: Numbers = whole_numbers, modes: tuple[str, ...] = reference.padding.MODES
) -> Problem:
    """Draw a padding in one of these modes, of one to three axes; half of them pad pictures equally on every side."""
    mode, usual = draw(choice(*modes)), draw(everyday.one_of_these_or_none(1, 2, 3, odds=everyday.OFTEN))
    rank = draw(choice(*range(1, 4))) if usual is None else 2
    smallest = 1 + (usual or 0) * (mode in ("reflect", "circular"))
    size, leading = per_axis(draw, rank, smallest, smallest + 3), per_axis(draw, draw(choice(*range(1, 3))), 1, 2)
    if usual is None:
        before, after = (
            tuple(draw(st.integers(0, {"reflect": h - 1, "circular": h}.get(mode, 3))) for h in size) for _ in "ba"
        )
    else:
        before = after = (usual,) * rank
    pad = [cells for pair in reversed(list(zip(before, after, strict=True))) for cells in pair]
    rng = np.random.default_rng(draw(SEEDS))
    padded = [h + b + a for h, b, a in zip(size, before, after, strict=True)]
    options = {
        "pad": tuple(pad),
        "mode": mode,
        "value": float(draw(st.integers(-4, 4))) if mode == "constant" else None,
    }
    return Problem("pad", {"input": numbers(rng, (*leading, *size))}, options, numbers(rng, (*leading, *padded)))


ROWS = (
    Operation(
        name="pad",
        section="2.1",
        gradients=("input",),
        problems=pad_problems,
        any_problem=pad_problems(),
        rounding=Copies(),
        checks={NOTHING: GradientCheck(pad_problems(), ("input",))},
        typical=typical("pad", (2, 3, 7, 7), {"pad": (1, 2, 2, 1), "mode": "reflect"}, input=(2, 3, 4, 4)),
        nothing_to_do=nothing_to_do("pad", {"pad": (0, 0)}, input=np.ones((1, 2))),
        large=large_cases.PAD,
        rungs=(
            Rung("a value", lambda problem: bool(problem.options.get("value"))),
            Rung("reflect", lambda problem: problem.mode == "reflect"),
            Rung("replicate", lambda problem: problem.mode == "replicate"),
            Rung("circular", lambda problem: problem.mode == "circular"),
        ),
    ),
)
