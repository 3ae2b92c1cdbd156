"""Activations: relu, sigmoid, tanh, softmax and log_softmax."""

from functools import partial
from math import sqrt
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
    Copies,
    Formulas,
    GradientCheck,
    Operation,
    Rung,
    large_numbers,
    nothing_to_do,
    off_the_kink,
    on_a_grid,
    typical,
)
from spec_tests.vocabulary.problems import (
    SEEDS,
    Array,
    Numbers,
    Problem,
    choice,
    per_axis,
    real_numbers,
    special_numbers,
    whole_numbers,
)

# What is drawn


@st.composite
def elementwise_problems(draw: st.DrawFn, operation: str, numbers: Numbers = whole_numbers) -> Problem:
    """Draw an activation of arrays with zero to four axes."""
    shape = per_axis(draw, draw(choice(*range(5))), 1, 4)
    rng = np.random.default_rng(draw(SEEDS))
    return Problem(operation, {"input": numbers(rng, shape)}, {}, real_numbers(rng, shape))


_ENTRIES = st.sampled_from([None] * 4 * len(everyday.WIDE) + [*everyday.WIDE])
"""How many entries the axis of a softmax has, unless it is as long as another."""


@st.composite
def softmax_problems(draw: st.DrawFn, operation: str, numbers: Numbers = real_numbers) -> Problem:
    """Draw a softmax along any axis, counted from the front or the back; half of them along axis 1 or the last."""
    usual = draw(everyday.one_of_these_or_none((2, 1), (2, -1), (4, 1), (3, -1), odds=everyday.OFTEN))
    shape = per_axis(draw, draw(choice(*range(1, 5))) if usual is None else usual[0], 1, 4)
    dim = draw(st.integers(-len(shape), len(shape) - 1)) if usual is None else usual[1]
    entries = draw(_ENTRIES)
    shape = tuple(entries or size if axis == dim % len(shape) else size for axis, size in enumerate(shape))
    rng = np.random.default_rng(draw(SEEDS))
    return Problem(operation, {"input": numbers(rng, shape)}, {"dim": dim}, real_numbers(rng, shape))


# The formulas, in the plainest stable form, on `Rounded` numbers


def sigmoid(input: Array, fmt: Format) -> Rounded:
    """1 / (1 + e^−x), by way of e^−|x|, which cannot overflow."""
    power = Rounded.exactly(-abs(input), fmt).exp()
    top = Rounded(np.where(input < 0, power.value, 1), np.where(input < 0, power.error, 0), fmt)
    return top / (power + 1)


def tanh(input: Array, fmt: Format) -> Rounded:
    """The hyperbolic tangent, as elementary as exp."""
    return Rounded.exactly(input, fmt).tanh()


def log_softmax(input: Array, dim: int, fmt: Format) -> Rounded:
    """x − max − log Σ e^(x − max)."""
    shifted = Rounded.exactly(input, fmt) - input.max(dim, keepdims=True)
    return shifted - shifted.exp().sum(dim).log()


def softmax(input: Array, dim: int, fmt: Format) -> Rounded:
    """e^(x − max) / Σ e^(x − max)."""
    powers = (Rounded.exactly(input, fmt) - input.max(dim, keepdims=True)).exp()
    return powers / powers.sum(dim)


def _sigmoid_gradients(problem: Problem, fmt: Format) -> tuple[Rounded]:
    """g · s · (1 − s)."""
    s = sigmoid(problem.input, fmt)
    return (s * (-s + 1) * problem.grad_output,)


def _tanh_gradients(problem: Problem, fmt: Format) -> tuple[Rounded]:
    """g · (1 − t²)."""
    t = tanh(problem.input, fmt)
    return ((-(t * t) + 1) * problem.grad_output,)


def _log_softmax_gradients(problem: Problem, fmt: Format) -> tuple[Rounded]:
    """g − p · Σ g, with p = e^(log softmax)."""
    p = log_softmax(problem.input, problem.dim, fmt).exp()
    g = Rounded.exactly(problem.grad_output, fmt)
    return (g - p * g.sum(problem.dim),)


def _softmax_gradients(problem: Problem, fmt: Format) -> tuple[Rounded]:
    """p · (g − Σ p·g)."""
    p = softmax(problem.input, problem.dim, fmt)
    return (p * (-(p * problem.grad_output).sum(problem.dim) + problem.grad_output),)


# The rows


def _bend(most: float, problem: Problem, argument: str) -> float:
    """Return K, given the greatest second derivative of one number of the output."""
    return most * float(abs(problem.grad_output).sum())


def _curve(
    name: str,
    problems: Any,
    formulas: Formulas,
    most: float,
    options: dict[str, Any],
    large: large_cases.Cases,
    *rungs: Rung,
) -> Operation:
    drawn, check = (
        problems(numbers=real_numbers),
        GradientCheck(problems(numbers=real_numbers).map(on_a_grid), ("input",)),
    )
    return Operation(
        name=name,
        section="2.3",
        gradients=("input",),
        problems=problems,
        any_problem=drawn,
        rounding=formulas,
        checks={BEND: check, SLOPE: check},
        bend=partial(_bend, most),
        typical=typical(name, (2, 3, 4), options, input=(2, 3, 4)),
        large=large,
        rungs=rungs,
    )


def _along(function: Any) -> Any:
    return lambda problem, fmt: function(problem.input, problem.dim, fmt)


_relu, _sigmoid, _tanh = (partial(elementwise_problems, name) for name in ("relu", "sigmoid", "tanh"))
_softmax, _log_softmax = (partial(softmax_problems, name) for name in ("softmax", "log_softmax"))
_along_an_axis = (
    large_numbers,
    Rung("not the last axis", lambda problem: problem.dim % problem.input.ndim < problem.input.ndim - 1),
    Rung("an axis counted from the back", lambda problem: problem.dim < 0),
)

ROWS = (
    Operation(
        name="relu",
        section="2.3",
        gradients=("input",),
        problems=_relu,
        any_problem=_relu(real_numbers) | _relu(special_numbers),
        rounding=Copies(),
        checks={NOTHING: GradientCheck(_relu().map(off_the_kink), ("input",))},
        typical=typical("relu", (2, 3, 4), {}, input=(2, 3, 4)),
        nothing_to_do=nothing_to_do("relu", {}, input=np.ones((1, 2, 2))),
        large=large_cases.RELU,
    ),
    _curve(
        "sigmoid",
        _sigmoid,
        Formulas(lambda problem, fmt: sigmoid(problem.input, fmt), _sigmoid_gradients, stored=False),
        1 / (6 * sqrt(3)),  # of s·(1 − s)·(1 − 2s), at s = ½ ± 1/(2√3)
        {},
        large_cases.SIGMOID,
        large_numbers,
    ),
    _curve(
        "tanh",
        _tanh,
        Formulas(lambda problem, fmt: tanh(problem.input, fmt), _tanh_gradients, stored=False),
        4 / (3 * sqrt(3)),  # of 2t·(1 − t²), at t = ±1/√3
        {},
        large_cases.TANH,
        large_numbers,
    ),
    _curve(
        "softmax",
        _softmax,
        Formulas(_along(softmax), _softmax_gradients),
        1.0,  # p·((d − mean of d)² − variance of d), where p·(d − mean)² <= 4·p·(1 − p)² < 1
        {"dim": 1},
        large_cases.SOFTMAX,
        *_along_an_axis,
    ),
    _curve(
        "log_softmax",
        _log_softmax,
        Formulas(_along(log_softmax), _log_softmax_gradients),
        1.0,  # the variance of d, whose numbers are from −1 to 1
        {"dim": 1},
        large_cases.LOG_SOFTMAX,
        *_along_an_axis,
    ),
)
