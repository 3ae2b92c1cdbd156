"""Checks of a gradient that ask no second implementation: what a step changes is what the gradient says.

Step from x to x + h·d in one argument of f, in a drawn direction d, and weigh the output with a drawn v:

    ⟨v, f(x + h·d)⟩ − ⟨v, f(x)⟩ = h·⟨g, d⟩ + remainder              g: the gradient of this argument, given v

The remainder is known without another gradient:

    it is 0                          where f is linear, or in pieces and the step stays within one     NOTHING
    it is h²·⟨v, w·d²⟩               for squared errors                                                SQUARE
    it is at most ½·h²·K             where ⟨v, f⟩ bends by at most K, which is 0 for a linear f        BEND
    it falls to a quarter with h/2   where f is smooth: the remainder has slope 2                      SLOPE

Besides, a gradient that is wrong by a part ε leaves ε·h·⟨g, d⟩. That is not 0; it is beyond ½·h²·K as soon as ε is
beyond h; and it falls only to a half with h/2, so that from there on the slope is 1.

Every table names operations, the problems to draw for each, away from kinks and ties, and the arguments to step in.
"""

from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Floats, Rounded
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import EXACT_STEP, Formulas
from spec_tests.vocabulary.problems import Array, Problem, whole_numbers
from spec_tests.vocabulary.sums import settled

SHORT_STEP = 2.0**-26
"""No number moves by more than 2^-24: wrong parts of a gradient show from about there on, as does rounding."""

HALVED_STEP = 2.0**-16
"""No number moves by more than 2^-14, and what falls with its fourth power, 2^-56, is lost in rounding."""

SLOPE_BETWEEN = 1.5
"""Nearer to 2, the slope of a remainder, than to 1, that of an error."""


# Which operations are checked, and where


def operations_that_leave(remainder: str) -> tuple[str, ...]:
    """Return the operations with a check of which a step leaves this remainder."""
    return tuple(name for name, row in OPERATIONS.items() if remainder in row.checks)


def problems_to_step_in(operation: str, remainder: str) -> st.SearchStrategy[Problem]:
    """Draw a problem of an operation, with an argument in which a step leaves this remainder."""
    return OPERATIONS[operation].checks[remainder].problems.filter(partial(arguments_to_step_in, remainder=remainder))


def arguments_to_step_in(problem: Problem, remainder: str) -> list[str]:
    """Return the arguments of a problem in which a step leaves this remainder."""
    row = OPERATIONS[problem.operation]
    return [name for name in row.checks[remainder].arguments if name in row.arguments_with_gradients(problem)]


# What is required


def assert_no_remainder(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that a step changes a sum of whole products by exactly what the gradient says."""
    v, x, d = problem.grad_output, problem.arrays[argument], _direction(problem, argument, seed)
    moved = problem.changed(**{argument: x + EXACT_STEP * d})

    here, there = (settled(p.forward(subject), p, subject, EXACT_STEP) for p in (problem, moved))
    grad = settled(gradient(problem, argument, subject), problem, subject)

    assert_equal(np.vdot(v, there - here), np.vdot(grad, EXACT_STEP * d))


def assert_remainder_is_the_square_of_the_step(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that a step changes squared errors by what the gradient says and h²·⟨v, w·d²⟩, exactly."""
    v, d = problem.grad_output, EXACT_STEP * _direction(problem, argument, seed)
    moved = problem.changed(**{argument: problem.arrays[argument] + d})

    rise = np.vdot(v, moved.forward(subject) - problem.forward(subject))
    said = np.vdot(gradient(problem, argument, subject), d)

    squares = np.broadcast_to(d**2, np.broadcast_shapes(problem.input.shape, problem.target.shape))
    assert_equal(rise - said, (v * squares * (1 if problem.weight is None else problem.weight)).sum(dtype=v.dtype))


def assert_remainder_within_the_bend(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that what the gradient leaves of a short step's change is no more than bending and rounding allow."""
    step = SHORT_STEP * _direction(problem, argument, seed)

    (left,) = _remainders(problem, argument, [step], subject)

    most = OPERATIONS[problem.operation].bend
    assert most is not None, f"the row of {problem.operation} says nothing of its bend"
    bend = most(problem, argument) * abs(step).max() ** 2 / 2
    _assert_at_most_rounding(abs(left.value) - bend, left.error)


def assert_remainder_falls_with_slope_two(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that the remainder falls with slope 2, and not 1, when the step is halved.

    The steps d and −d go together: their remainders p + q and p − q, of second and third order, may each be 0 by
    chance, but |p + q| + |p − q| = 2·max(|p|, |q|) falls at least as fast as h². What then is left is rounding.
    """
    step = HALVED_STEP * _direction(problem, argument, seed)

    left = [abs(rest) for rest in _remainders(problem, argument, [step, -step, step / 2, -step / 2], subject)]

    excess = left[2] + left[3] - (left[0] + left[1]) * 2.0**-SLOPE_BETWEEN
    _assert_at_most_rounding(excess.value, excess.error)


def gradient(problem: Problem, argument: str, subject: Any) -> Array:
    """Return the subject's gradient of this argument, which has to be there and shaped as the argument."""
    grads = problem.backward(subject)
    grads = grads if isinstance(grads, tuple) else (grads,)
    grad = dict(zip(OPERATIONS[problem.operation].gradients, grads, strict=True))[argument]
    assert grad is not None, f"{argument} has no gradient"
    assert grad.shape == problem.arrays[argument].shape
    return np.asarray(grad)


def _assert_at_most_rounding(excess: Any, rounding: Any) -> None:
    """Require what exceeds a law's own bound to be 0, or no more than rounding can make of it."""
    assert_within(np.maximum(excess, 0), Approximation(np.zeros(()), rounding), "float64")


def _direction(problem: Problem, argument: str, seed: int) -> Array:
    """Draw whole numbers up to 4, shaped and typed as the argument."""
    x = problem.arrays[argument]
    return whole_numbers(np.random.default_rng(seed), x.shape).astype(x.dtype)


def _remainders(problem: Problem, argument: str, steps: list[Array], subject: Any) -> list[Rounded]:
    """Return what the gradient does not say of each step's change, with what rounding may have added to it."""
    here, x = _output(problem, subject), problem.arrays[argument]
    there = [_output(problem.changed(**{argument: x + step}), subject) for step in steps]
    grad = Rounded(gradient(problem, argument, subject), _rounding_of_gradient(problem, argument), REFERENCE)
    rises = [((output - here) * problem.grad_output).sum() for output in there]
    return [rise - (grad * step).sum() for rise, step in zip(rises, steps, strict=True)]


def _output(problem: Problem, subject: Any) -> Rounded:
    """Return the subject's output in float64, with the bound on its rounding."""
    return Rounded(np.asarray(problem.forward(subject)), _rounding_of_output(problem), REFERENCE)


def _rounding_of_output(problem: Problem) -> Floats:
    return _formulas(problem).output(problem, REFERENCE).error


def _rounding_of_gradient(problem: Problem, argument: str) -> Floats:
    row = OPERATIONS[problem.operation]
    grad = _formulas(problem).gradients(problem, REFERENCE)[row.gradients.index(argument)]
    assert grad is not None
    return grad.error


def _formulas(problem: Problem) -> Formulas:
    rounding = OPERATIONS[problem.operation].rounding
    assert isinstance(rounding, Formulas)
    return rounding
