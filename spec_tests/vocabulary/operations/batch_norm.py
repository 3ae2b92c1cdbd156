"""Batch normalization."""

from itertools import product
from math import prod, sqrt
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
    Formulas,
    GradientCheck,
    Operation,
    Rung,
    nothing_to_do,
    on_a_grid,
    typical,
)
from spec_tests.vocabulary.problems import SEEDS, Array, Numbers, Problem, choice, real_numbers, whole_numbers

# What is drawn


@st.composite
def batch_norm_problems(
    draw: st.DrawFn,
    numbers: Numbers = real_numbers,
    training: tuple[bool, ...] = (False, True),
    epsilons: tuple[float, ...] = (1e-5, 0.25, 2.0),
) -> Problem:
    """Draw a batch norm with up to three axes behind the channels, with weight and bias or without either.

    Half of them are usual ones: of pictures, with weight, bias and running statistics.
    """
    usual = draw(everyday.IS_USUAL)
    in_training, rank = draw(choice(*product(training, (2,) if usual else (2, 0, 1, 3))))
    images, *further = draw(choice(*product(range(1, 5), *[range(1, 4)] * rank)))
    channels = draw(choice(*everyday.now_and_then(range(1, 4), *everyday.WIDE)))
    if in_training and images * prod(further) == 1:  # there is no variance of one value
        images = 2
    shape, rng = (images, channels, *further), np.random.default_rng(draw(SEEDS))
    if usual:
        tracked, with_weight, with_bias, momentum, eps = True, True, True, 0.1, epsilons[0]
    else:
        tracked, with_weight, with_bias = draw(choice(*product((True, False), repeat=3)))
        momentum, eps = draw(choice(*product((0.1, 0.5, 1.0), epsilons)))
    arrays: dict[str, Any] = {"input": numbers(rng, shape), "running_mean": None, "running_var": None}
    if tracked or not in_training:
        arrays |= {"running_mean": numbers(rng, (channels,)), "running_var": abs(numbers(rng, (channels,))) + 0.25}
    arrays["weight"] = numbers(rng, (channels,)) if with_weight else None
    arrays["bias"] = numbers(rng, (channels,)) if with_bias else None
    options = {"training": in_training, "momentum": momentum, "eps": eps}
    return Problem("batch_norm", arrays, options, numbers(rng, shape))


@st.composite
def dyadic_batch_norm_problems(draw: st.DrawFn) -> Problem:
    """Draw a batch norm in evaluation that rounds nothing: whole numbers, each √(variance + ε) a power of two."""
    problem = draw(batch_norm_problems(whole_numbers, training=(False,), epsilons=(0.25,)))
    roots = 2.0 ** np.random.default_rng(draw(SEEDS)).integers(0, 3, problem.running_var.shape)
    return problem.changed(running_var=roots**2 - 0.25)


# The formulas, in the plainest stable form, on `Rounded` numbers


def batch_norm(problem: Problem, fmt: Format) -> Rounded:
    """w · (x − m) / √(v + ε) + b; or, as is quicker for many x, x·h + (b − m·h) with h = w / √(v + ε)."""
    x, (centred, mean, root) = Rounded.exactly(problem.input, fmt), _normalization(problem, fmt)
    weight, bias = (_of_channels(problem, problem.arrays[name]) for name in ("weight", "bias"))
    slope = Rounded.exactly(1, fmt) / root
    normal = centred / root
    if weight is not None:
        slope, normal = slope * weight, normal * weight
    if bias is not None:
        normal = normal + bias
    return normal.widen_to(straight_line(x, centred, mean, slope, 0 if bias is None else bias))


def straight_line(x: Rounded, centred: Rounded, mean: Rounded, slope: Rounded, bias: Array | int) -> Rounded:
    """x·h + (b − m·h), where m and h are off by something, but by the same in both products.

    So an error of h multiplies x − m and not x: the line errs as (x − m)·h + b does, and by what rounding adds to the
    two products and the two sums, each as large as if nothing cancelled. (Taking the products for independent would
    allow an error of the order of m²/v, by which a variance computed as mean of x² − m² is off.)
    """
    h, m = (Rounded.exactly(abs(part.value) + part.error, part.fmt) for part in (slope, mean))
    rounding = (abs(x) * h + (m * h + abs(np.asarray(bias)))).error
    line = centred * slope + bias
    return Rounded(line.value, line.error + rounding, line.fmt)


def _gradients(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded, Rounded]:
    """h · g, in training h · (g − mean of g − x̂ · mean of g·x̂); Σ g·x̂; Σ g."""
    g, (centred, _, root) = Rounded.exactly(problem.grad_output, fmt), _normalization(problem, fmt)
    over, channels = _all_but_channels(problem), problem.input.shape[1:2]
    normal = centred / root
    grad_weight, grad_bias = (g * normal).sum(over), g.sum(over)
    inner = g
    if problem.training:
        values = problem.input.size // problem.input.shape[1]
        inner = g - grad_bias / values - normal * (grad_weight / values)
    weight = _of_channels(problem, problem.weight)
    slope = Rounded.exactly(1 if weight is None else weight, fmt) / root
    return inner * slope, grad_weight.reshape(channels), grad_bias.reshape(channels)


def batch_norm_statistics(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded]:
    """(1 − α)·m + α · mean of the batch; the same of the variance, times N / (N − 1)."""
    _, mean, _ = _normalization(problem.changed(training=True), fmt)
    values, channels = problem.input.size // problem.input.shape[1], problem.input.shape[1:2]
    var = _variance(problem, mean, fmt) * values / (values - 1)
    share, keep = (Rounded.exactly(part, fmt) * 1 for part in (problem.momentum, 1 - problem.momentum))
    return (
        keep * problem.running_mean + share * mean.reshape(channels),
        keep * problem.running_var + share * var.reshape(channels),
    )


def _normalization(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded, Rounded]:
    """The distance from the mean, the mean and √(v + ε), the last two with an axis for every one of the input's."""
    x = Rounded.exactly(problem.input, fmt)
    if problem.training:
        mean = x.sum(_all_but_channels(problem)) / (problem.input.size // problem.input.shape[1])
        var = _variance(problem, mean, fmt)
    else:
        running: Any = [_of_channels(problem, problem.arrays[name]) for name in ("running_mean", "running_var")]
        mean, var = (Rounded.exactly(value, fmt) for value in running)
    eps = Rounded.exactly(problem.eps, fmt) * 1  # rounded to the format, it may be
    return x - mean, mean, (var + eps).sqrt()


def _variance(problem: Problem, mean: Rounded, fmt: Format) -> Rounded:
    centred = Rounded.exactly(problem.input, fmt) - mean
    return (centred * centred).sum(_all_but_channels(problem)) / (problem.input.size // problem.input.shape[1])


def _all_but_channels(problem: Problem) -> tuple[int, ...]:
    return (0, *range(2, problem.input.ndim))


def _of_channels(problem: Problem, value: Array | None) -> Array | None:
    """One number for each channel, to be broadcast over the input."""
    return None if value is None else value.reshape(-1, *[1] * (problem.input.ndim - 2))


# The row


def _bend(problem: Problem, argument: str) -> float:
    """Return K: in training |w| · (4 + 2√N) / (v + ε) for each number, N being a channel's values; else it is linear.

    c is the input less its mean and e the direction less its own, |e| <= 2, s = √(mean of c² + ε) and s′ = mean of c·e
    / s. The second derivative of c/s is −2·e·s′/s² + c·(3·s′² − mean of e²)/s³, where s′² <= mean of e² <= 1 (Cauchy
    and Schwarz) and |c| <= √N·s. (Of a short step, s is the same along the way, but for rounding.)
    """
    if argument != "input":
        return 0.0
    values = problem.input.size // problem.input.shape[1]
    over = (0, *range(2, problem.input.ndim))
    largest = 1.0 if problem.weight is None else float(abs(problem.weight).max())
    most = largest * (4 + 2 * sqrt(values)) / float((problem.input.var(axis=over) + problem.eps).min())
    return most * float(abs(problem.grad_output).sum())


_WEIGHTED = ("input", "weight", "bias")
_IN_TRAINING = GradientCheck(batch_norm_problems(training=(True,), epsilons=(1.0,)).map(on_a_grid), _WEIGHTED)

ROWS = (
    Operation(
        name="batch_norm",
        section="2.8",
        gradients=_WEIGHTED,
        problems=batch_norm_problems,
        any_problem=dyadic_batch_norm_problems() | batch_norm_problems(),
        rounding=Formulas(batch_norm, _gradients, stored=False),
        checks={
            NOTHING: GradientCheck(dyadic_batch_norm_problems(), _WEIGHTED),  # in evaluation
            BEND: _IN_TRAINING,
            SLOPE: _IN_TRAINING,
        },
        bend=_bend,
        typical=typical(
            "batch_norm",
            (2, 3, 5, 4),
            {"training": True, "momentum": 0.1, "eps": 1e-5},
            input=(2, 3, 5, 4),
            running_mean=(3,),
            running_var=np.array([1.0, 2.0, 4.0]),
            weight=np.array([1.0, 2.0, -4.0]),
            bias=(3,),
        ),
        nothing_to_do=nothing_to_do(
            "batch_norm",
            {"eps": 0.25},
            input=np.ones((1, 2)),
            running_mean=np.zeros(2),
            running_var=np.full(2, 0.75),  # √1
        ),
        large=large_cases.BATCH_NORM,
        rungs=(
            Rung("weight and bias", lambda problem: problem.weight is not None or problem.bias is not None),
            Rung("training", lambda problem: bool(problem.options.get("training"))),
            Rung("more axes", lambda problem: problem.input.ndim > 2),
        ),
    ),
)
