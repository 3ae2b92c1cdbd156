"""The losses of numbers: l1_loss and mse_loss."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.operations.operation import (
    BEND,
    NOTHING,
    SLOPE,
    SQUARE,
    Formulas,
    GradientCheck,
    Operation,
    Rung,
    off_the_kink,
    on_a_grid,
    typical,
)
from spec_tests.vocabulary.problems import SEEDS, Numbers, Problem, choice, per_axis, real_numbers, whole_numbers

# What is drawn


REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
SUMS, MEAN = st.sampled_from(["sum", "none"]), st.just("mean")


@st.composite
def regression_problems(
    draw: st.DrawFn,
    operation: str,
    numbers: Numbers = whole_numbers,
    reductions: st.SearchStrategy[str] = REDUCTIONS,
    broadcast: bool = True,
) -> Problem:
    """Draw an l1_loss or mse_loss, the shapes equal or broadcasting, with or without a positive weight.

    Half of them are usual ones: the mean over two equal shapes, unweighted.
    """
    usual = draw(everyday.IS_USUAL)
    shape = per_axis(draw, draw(choice(2, 1, 3) if usual else choice(*range(4))), 1, 3)
    stretched = draw(choice(None, "input", "target")) if broadcast and shape and not usual else None
    shapes = {
        name: tuple(draw(choice(n, 1)) for n in shape) if name == stretched else shape for name in ("input", "target")
    }
    weighted = False if usual else draw(choice(False, True))
    reduction, rng = (
        draw(MEAN if usual and reductions is REDUCTIONS else reductions),
        np.random.default_rng(draw(SEEDS)),
    )
    arrays: dict[str, Any] = {name: numbers(rng, shapes[name]) for name in shapes}
    arrays["weight"] = np.abs(numbers(rng, shapes["input"])) + 1 if weighted else None
    cotangent = numbers(rng, shape if reduction == "none" else ())
    return Problem(operation, arrays, {"reduction": reduction}, cotangent)


# The formulas, in the plainest stable form, on `Rounded` numbers


def regression_loss(problem: Problem, fmt: Format) -> Rounded:
    """|x − y| or (x − y)², weighed and reduced."""
    errors = _errors(problem, fmt)
    weighted = errors if problem.weight is None else errors * problem.weight
    if problem.reduction == "none":
        return weighted
    return weighted.sum() if problem.reduction == "sum" else weighted.sum() / _divisor(problem, fmt)


def _regression_gradients(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded, Rounded | None]:
    """The slope of the error, weighed and shared out; the weight's gradient is the error less the mean error."""
    g = Rounded.exactly(problem.grad_output, fmt)
    if problem.reduction == "mean":
        g = g / _divisor(problem, fmt)
    slope = _difference(problem, fmt)
    slope = slope.sign() if problem.operation == "l1_loss" else slope * 2
    grad = g * slope if problem.weight is None else g * slope * problem.weight
    grads = grad.sum_to(problem.input.shape), (-grad).sum_to(problem.target.shape)
    if problem.weight is None:
        return *grads, None
    grad_weight = (g * _errors(problem, fmt)).sum_to(problem.weight.shape)
    if problem.reduction == "mean":
        grad_weight = grad_weight - g * regression_loss(problem, fmt)
    return *grads, grad_weight


def _difference(problem: Problem, fmt: Format) -> Rounded:
    return Rounded.exactly(problem.input, fmt) - problem.target


def _errors(problem: Problem, fmt: Format) -> Rounded:
    difference = _difference(problem, fmt)
    return abs(difference) if problem.operation == "l1_loss" else difference * difference


def _divisor(problem: Problem, fmt: Format) -> Rounded:
    if problem.weight is not None:
        return Rounded.exactly(problem.weight, fmt).sum()
    return Rounded.exactly(_difference(problem, fmt).value.size, fmt)


# The rows


def _bend(problem: Problem, argument: str) -> float:
    """Return K: a square bends by 2, an absolute value nowhere but at its kink; the weights weigh it."""
    most = {"l1_loss": 0.0, "mse_loss": 2.0}[problem.operation]
    return most * _uses_of_a_weight(problem) * float(abs(problem.grad_output).sum())


def _uses_of_a_weight(problem: Problem) -> int:
    """Return how many errors a weight weighs: a weighted mean divides by it only once, however the input broadcasts."""
    if problem.weight is None:
        return 1
    return np.broadcast(problem.input, problem.target).size // problem.input.size


def _row(name: str, checks: Mapping[str, GradientCheck]) -> Operation:
    problems = partial(regression_problems, name)
    return Operation(
        name=name,
        section={"l1_loss": "2.6.1", "mse_loss": "2.6.2"}[name],
        gradients=("input", "target", "weight"),
        problems=problems,
        any_problem=problems(),
        rounding=Formulas(regression_loss, _regression_gradients),
        checks=checks,
        bend=_bend,
        typical=typical(name, (2, 3), {"reduction": "none"}, input=(2, 3), target=(2, 3), weight=(2, 3)),
        large=large_cases.L1_LOSS if name == "l1_loss" else large_cases.MSE_LOSS,
        rungs=(
            Rung("sum", lambda problem: problem.reduction == "sum"),
            Rung("none", lambda problem: problem.reduction == "none"),
            Rung("weight", lambda problem: problem.weight is not None),
            Rung("broadcasting", lambda problem: problem.input.shape != problem.target.shape),
        ),
    )


_l1, _mse = (partial(regression_problems, name) for name in ("l1_loss", "mse_loss"))
_BOTH = ("input", "target")

ROWS = (
    _row(
        "l1_loss",
        {
            NOTHING: GradientCheck(_l1(reductions=SUMS).map(off_the_kink), (*_BOTH, "weight")),
            BEND: GradientCheck(_l1(reductions=MEAN).map(off_the_kink), _BOTH),
            SLOPE: GradientCheck(_l1(real_numbers, MEAN).map(on_a_grid), ("weight",)),
        },
    ),
    _row(
        "mse_loss",
        {
            NOTHING: GradientCheck(_mse(reductions=SUMS), ("weight",)),
            SQUARE: GradientCheck(_mse(reductions=SUMS), _BOTH),
            BEND: GradientCheck(_mse(real_numbers, MEAN).map(on_a_grid), _BOTH),
            SLOPE: GradientCheck(_mse(real_numbers, MEAN).map(on_a_grid), (*_BOTH, "weight")),
        },
    ),
)
