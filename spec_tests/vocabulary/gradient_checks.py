"""Checks of a gradient that ask no second implementation: what a step changes is what the gradient says.

Step from x to x + h·d in one argument of f, in a drawn direction d, and weigh the output with a drawn cotangent v:

    ⟨v, f(x + h·d)⟩ − ⟨v, f(x)⟩ = h·⟨g, d⟩ + remainder              g: the gradient of this argument, given v

The remainder is known without another gradient:

    it is 0                          where f is linear, or in pieces and the step stays within one     EXACT
    it is h²·⟨v, w·d²⟩               for squared errors                                                QUADRATIC
    it is at most ½·h²·K             where ⟨v, f⟩ bends by at most K, which is 0 for a linear f        MEANS, CURVES, …
    it falls to a quarter with h/2   where f is smooth: the remainder has slope 2                      CURVES, …

Besides, a gradient that is wrong by a part ε leaves ε·h·⟨g, d⟩. That is not 0; it is beyond ½·h²·K as soon as ε is
beyond h; and it falls only to a half with h/2, so that from there on the slope is 1.

Every table names operations, the problems to draw for each, away from kinks and ties, and the arguments to step in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import formulas
from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Floats, Rounded
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.problems import (
    Array,
    Problem,
    adaptive_pool_problems,
    avg_pool_problems,
    batch_norm_problems,
    class_problems,
    conv_problems,
    distinct_numbers,
    dyadic_batch_norm_problems,
    elementwise_problems,
    flatten_problems,
    linear_problems,
    pad_problems,
    pool_problems,
    real_numbers,
    regression_problems,
    softmax_problems,
    whole_numbers,
)
from spec_tests.vocabulary.subject import GRADIENTS
from spec_tests.vocabulary.sums import settled

Problems = st.SearchStrategy[Problem]


@dataclass(frozen=True)
class GradientCase:
    """The problems to draw for an operation, and the arguments whose gradients they check."""

    problems: Problems
    arguments: tuple[str, ...]


Table = dict[str, GradientCase]

EXACT_STEP = 2.0**-4
"""A direction is of whole numbers up to 4, so no number moves by more than 1/4, nor two towards one another by more
than 1/2: odd numbers keep their sign, and different whole numbers their order."""

SHORT_STEP = 2.0**-26
"""No number moves by more than 2^-24: wrong parts of a gradient show from about there on, as does rounding."""

HALVED_STEP = 2.0**-16
"""No number moves by more than 2^-14, and what falls with its fourth power, 2^-56, is lost in rounding."""

SLOPE = 1.5
"""Nearer to 2, the slope of a remainder, than to 1, that of an error."""


# What is drawn


def _off_the_kink(problem: Problem) -> Problem:
    """Return the problem with odd numbers for the input, and even ones for a truth beside it: at least 1 off a kink."""
    truth = {"target": 2 * problem.target} if "target" in problem.arrays else {}
    return problem.changed(input=2 * problem.input + 1, grad_output=np.rint(problem.grad_output), **truth)


def _on_a_grid(problem: Problem) -> Problem:
    """Return the problem with its numbers rounded down to multiples of 2^-20: a step is then added without rounding."""
    arrays = {
        name: np.floor(value * 2.0**20) / 2.0**20
        for name, value in problem.arrays.items()
        if value is not None and value.dtype.kind == "f"
    }
    return problem.changed(**arrays)


def _real(problems: Callable[..., Problems], operation: str, **options: Any) -> Problems:
    return problems(operation, numbers=real_numbers, **options).map(_on_a_grid)


SUMS, MEAN = st.sampled_from(["sum", "none"]), st.just("mean")
WEIGHTED = "input", "weight", "bias"

CONVOLUTIONS = {f"conv{rank}d": GradientCase(conv_problems(ranks=(rank,)), WEIGHTED) for rank in (1, 2, 3)}
LAYERS = {
    "linear": GradientCase(linear_problems(), WEIGHTED),
    "pad": GradientCase(pad_problems(), ("input",)),
    "flatten": GradientCase(flatten_problems(), ("input",)),
}
MAXIMA = {
    "relu": GradientCase(elementwise_problems("relu").map(_off_the_kink), ("input",)),
    **{
        f"max_pool{rank}d": GradientCase(pool_problems(distinct_numbers, ranks=(rank,)), ("input",))
        for rank in (1, 2, 3)
    },
}
LOSSES = {
    "l1_loss": GradientCase(
        regression_problems("l1_loss", reductions=SUMS).map(_off_the_kink), ("input", "target", "weight")
    ),
    "mse_loss": GradientCase(regression_problems("mse_loss", reductions=SUMS), ("weight",)),
    "nll_loss": GradientCase(class_problems("nll_loss", whole_numbers, SUMS, targets=("indices",)), ("input",)),
}
AVERAGES = {
    "avg_pool2d": GradientCase(avg_pool_problems(), ("input",)),
    "adaptive_avg_pool2d": GradientCase(adaptive_pool_problems(), ("input",)),
}
NORMALIZATION = {"batch_norm": GradientCase(dyadic_batch_norm_problems(), WEIGHTED)}  # in evaluation
EXACT = CONVOLUTIONS | LAYERS | MAXIMA | LOSSES | AVERAGES | NORMALIZATION

QUADRATIC = {"mse_loss": GradientCase(regression_problems("mse_loss", reductions=SUMS), ("input", "target"))}

CURVES = {
    "sigmoid": GradientCase(_real(elementwise_problems, "sigmoid"), ("input",)),
    "tanh": GradientCase(_real(elementwise_problems, "tanh"), ("input",)),
    "softmax": GradientCase(_real(softmax_problems, "softmax"), ("input",)),
    "log_softmax": GradientCase(_real(softmax_problems, "log_softmax"), ("input",)),
    "batch_norm": GradientCase(batch_norm_problems(training=(True,), epsilons=(1.0,)).map(_on_a_grid), WEIGHTED),
}
CROSS_ENTROPY = {"cross_entropy": GradientCase(_real(class_problems, "cross_entropy"), ("input",))}
LINEAR_MEANS = {
    "l1_loss": GradientCase(regression_problems("l1_loss", reductions=MEAN).map(_off_the_kink), ("input", "target")),
    "nll_loss": GradientCase(_real(class_problems, "nll_loss", reductions=MEAN, targets=("indices",)), ("input",)),
    "cross_entropy": GradientCase(
        _real(class_problems, "cross_entropy", targets=("probabilities",)), ("target", "weight")
    ),
}
WEIGHTED_MEANS = {
    loss: GradientCase(_real(regression_problems, loss, reductions=MEAN), ("weight",))
    for loss in ("l1_loss", "mse_loss")
}
SQUARED_MEANS = {"mse_loss": GradientCase(_real(regression_problems, "mse_loss", reductions=MEAN), ("input", "target"))}
MEANS = LINEAR_MEANS | SQUARED_MEANS
SMOOTH_LOSSES = CROSS_ENTROPY | SQUARED_MEANS


def problems_of(table: Table) -> Problems:
    """Draw a problem of any operation in this table."""
    return st.one_of([checked.problems for checked in table.values()])


def arguments_of(table: Table, problem: Problem) -> list[str]:
    """Return the arguments of a problem to step in: those that this table names and the problem has."""
    return [name for name in table[problem.operation].arguments if problem.arrays[name] is not None]


# What is required


def assert_no_remainder(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that a step changes a sum of whole products by exactly what the gradient says."""
    v, x, d = problem.grad_output, problem.arrays[argument], _direction(problem, argument, seed)
    moved = problem.changed(**{argument: x + EXACT_STEP * d})

    after = settled(moved.forward(subject), problem, subject, EXACT_STEP)
    rise = np.vdot(v, after - settled(problem.forward(subject), problem, subject))
    said = np.vdot(settled(gradient(problem, argument, subject), problem, subject), EXACT_STEP * d)

    assert_equal(rise, said)


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

    bend = _bend(problem, argument) * abs(step).max() ** 2 / 2
    _assert_at_most_rounding(abs(left.value) - bend, left.error)


def assert_remainder_falls_with_slope_two(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that the remainder falls with slope 2, and not 1, when the step is halved.

    The steps d and −d go together: their remainders p + q and p − q, of second and third order, may each be 0 by
    chance, but |p + q| + |p − q| = 2·max(|p|, |q|) falls at least as fast as h². What then is left is rounding.
    """
    step = HALVED_STEP * _direction(problem, argument, seed)

    left = [abs(rest) for rest in _remainders(problem, argument, [step, -step, step / 2, -step / 2], subject)]

    excess = left[2] + left[3] - (left[0] + left[1]) * 2.0**-SLOPE
    _assert_at_most_rounding(excess.value, excess.error)


def gradient(problem: Problem, argument: str, subject: Any) -> Array:
    """Return the subject's gradient of this argument, which has to be there and shaped as the argument."""
    grads = problem.backward(subject)
    grads = grads if isinstance(grads, tuple) else (grads,)
    grad = dict(zip(GRADIENTS[problem.operation], grads, strict=True))[argument]
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
    if problem.operation in ("l1_loss", "mse_loss"):
        return formulas.regression_loss(problem, REFERENCE).error
    if problem.operation in ("nll_loss", "cross_entropy"):
        return formulas.class_loss(problem, REFERENCE).error
    if problem.operation == "batch_norm":
        return formulas.batch_norm(problem, REFERENCE).error
    formula: Callable[..., Rounded] = getattr(formulas, problem.operation)
    return formula(problem.input, **problem.options, kind=REFERENCE).error


def _rounding_of_gradient(problem: Problem, argument: str) -> Floats:
    grads: tuple[Rounded | None, ...]
    if problem.operation in ("l1_loss", "mse_loss"):
        grads = formulas.regression_loss_backward(problem, REFERENCE)
    elif problem.operation in ("nll_loss", "cross_entropy"):
        grads = formulas.class_loss_backward(problem, REFERENCE)
    elif problem.operation == "batch_norm":
        grads = formulas.batch_norm_backward(problem, REFERENCE)
    else:
        formula: Callable[..., Rounded] = getattr(formulas, f"{problem.operation}_backward")
        grads = (formula(problem.grad_output, problem.input, **problem.options, kind=REFERENCE),)
    grad = dict(zip(GRADIENTS[problem.operation], grads, strict=False))[argument]
    assert grad is not None
    return grad.error


def _bend(problem: Problem, argument: str) -> float:
    """Return K: along any direction of numbers up to 1, ⟨v, f⟩ has a second derivative of at most K."""
    if problem.operation == "cross_entropy":
        most = _greatest_share(problem) if argument == "input" else 0.0
    elif problem.operation == "batch_norm":
        most = _bend_of_batch_norm(problem) if argument == "input" else 0.0
    else:
        most = BENDS[problem.operation] * _uses_of_a_weight(problem)
    return float(abs(problem.grad_output).sum()) * most


BENDS = {
    "sigmoid": 1 / (6 * sqrt(3)),  # of s·(1 − s)·(1 − 2s), at s = ½ ± 1/(2√3)
    "tanh": 4 / (3 * sqrt(3)),  # of 2t·(1 − t²), at t = ±1/√3
    "log_softmax": 1.0,  # the variance of d, whose numbers are from −1 to 1
    "softmax": 1.0,  # p·((d − mean of d)² − variance of d), where p·(d − mean)² <= 4·p·(1 − p)² < 1
    "l1_loss": 0.0,
    "nll_loss": 0.0,
    "mse_loss": 2.0,  # of a square
}
"""The greatest second derivative of one number of the output."""


def _bend_of_batch_norm(problem: Problem) -> float:
    """Return K for one number of a batch norm in training: w · (4 + 2√N) / (v + ε), N being a channel's values.

    c is the input less its mean and e the direction less its own, |e| <= 2, s = √(mean of c² + ε) and s′ = mean of c·e
    / s. The second derivative of c/s is −2·e·s′/s² + c·(3·s′² − mean of e²)/s³, where s′² <= mean of e² <= 1 (Cauchy
    and Schwarz) and |c| <= √N·s. (Of a short step, s is the same along the way, but for rounding.)
    """
    values = problem.input.size // problem.input.shape[1]
    over = (0, *range(2, problem.input.ndim))
    largest = 1.0 if problem.weight is None else float(abs(problem.weight).max())
    return largest * (4 + 2 * sqrt(values)) / float((problem.input.var(axis=over) + problem.eps).min())


def _uses_of_a_weight(problem: Problem) -> int:
    """Return how many errors a weight weighs: a weighted mean divides by it only once, however the input broadcasts."""
    if problem.arrays.get("weight") is None or problem.operation not in ("l1_loss", "mse_loss"):
        return 1
    return np.broadcast(problem.input, problem.target).size // problem.input.size


def _greatest_share(problem: Problem) -> float:
    """Return K for one number of cross_entropy: the variance of d, times the weights of the samples added up in it."""
    weight = np.ones(1) if problem.weight is None else problem.weight
    most, least = float(weight.max()), float(weight.min())
    if problem.reduction == "mean":  # of class indices, it divides by their weights
        return most if problem.target.dtype.kind == "f" else most / least
    classes = problem.input.shape[min(1, problem.input.ndim - 1)]
    return most * (problem.input.size // classes if problem.reduction == "sum" else 1)
