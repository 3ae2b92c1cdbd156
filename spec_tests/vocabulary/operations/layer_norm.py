"""Layer normalization, which the document does not teach."""

from itertools import product
from math import prod, sqrt
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.operations.batch_norm import straight_line
from spec_tests.vocabulary.operations.operation import (
    BEND,
    SLOPE,
    Formulas,
    GradientCheck,
    Operation,
    Rung,
    on_a_grid,
    typical,
)
from spec_tests.vocabulary.problems import SEEDS, Array, Numbers, Problem, choice, per_axis, real_numbers

# What is drawn


@st.composite
def layer_norm_problems(
    draw: st.DrawFn, numbers: Numbers = real_numbers, epsilons: tuple[float, ...] = (1e-5, 0.25, 2.0)
) -> Problem:
    """Draw a layer norm over one to three last axes, behind none to two others; half of them usual ones."""
    sizes: tuple[int, ...]
    if draw(everyday.IS_USUAL):  # the last axis, with weight and bias
        sizes, before = (draw(choice(*everyday.now_and_then(range(1, 5), *everyday.WIDE))),), draw(choice(1, 2))
        with_weight, with_bias, eps = True, True, epsilons[0]
    else:
        over, before = draw(choice(*product((1, 2, 3), (1, 0, 2))))
        sizes = per_axis(draw, over, 1, 4)
        with_weight, with_bias, eps = draw(choice(*product((True, False), (True, False), epsilons)))
    leading = per_axis(draw, before, 1, 3)
    rng = np.random.default_rng(draw(SEEDS))
    arrays: dict[str, Any] = {
        "input": numbers(rng, (*leading, *sizes)),
        "weight": numbers(rng, sizes) if with_weight else None,
        "bias": numbers(rng, sizes) if with_bias else None,
    }
    options = {"normalized_shape": sizes, "eps": eps}
    return Problem("layer_norm", arrays, options, numbers(rng, (*leading, *sizes)))


# The formulas, in the plainest stable form, on `Rounded` numbers


def layer_norm(problem: Problem, fmt: Format) -> Rounded:
    """w · (x − m) / √(v + ε) + b; or w · (x·h − m·h) + b with h = 1 / √(v + ε)."""
    x, (centred, mean, root) = Rounded.exactly(problem.input, fmt), _normalization(problem, fmt)
    inverse = Rounded.exactly(1, fmt) / root
    normal = (centred / root).widen_to(straight_line(x, centred, mean, inverse, 0))
    if problem.weight is not None:
        normal = normal * problem.weight
    return normal if problem.bias is None else normal + problem.bias


def _gradients(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded, Rounded]:
    """(g − mean of g − x̂ · mean of g·x̂) / √(v + ε) with g = w · grad_output; Σ grad_output·x̂; Σ grad_output."""
    grad_output, (centred, _, root) = Rounded.exactly(problem.grad_output, fmt), _normalization(problem, fmt)
    over, places, normal = _places(problem), prod(problem.normalized_shape), centred / root
    g = grad_output if problem.weight is None else grad_output * problem.weight
    inner = g - g.sum(over) / places - normal * ((g * normal).sum(over) / places)
    samples: Array = np.arange(problem.input.ndim - len(over))
    grad_weight, grad_bias = (value.sum(tuple(samples)) for value in (grad_output * normal, grad_output))
    sizes = tuple(problem.normalized_shape)
    return inner / root, grad_weight.reshape(sizes), grad_bias.reshape(sizes)


def _normalization(problem: Problem, fmt: Format) -> tuple[Rounded, Rounded, Rounded]:
    """The distance from the mean, the mean and √(v + ε), with size 1 along the normalized axes."""
    x, places = Rounded.exactly(problem.input, fmt), prod(problem.normalized_shape)
    mean = x.sum(_places(problem)) / places
    centred = x - mean
    variance = (centred * centred).sum(_places(problem)) / places
    return centred, mean, (variance + Rounded.exactly(problem.eps, fmt) * 1).sqrt()


def _places(problem: Problem) -> tuple[int, ...]:
    return tuple(range(problem.input.ndim - len(problem.normalized_shape), problem.input.ndim))


# The row


def _bend(problem: Problem, argument: str) -> float:
    """Return K: |w| · (4 + 2√N) / (v + ε) for each number, as for a batch norm in training; else it is linear."""
    if argument != "input":
        return 0.0
    largest = 1.0 if problem.weight is None else float(abs(problem.weight).max())
    least = float(problem.input.var(axis=_places(problem)).min()) + problem.eps
    most = largest * (4 + 2 * sqrt(prod(problem.normalized_shape))) / least
    return most * float(abs(problem.grad_output).sum())


_WEIGHTED = ("input", "weight", "bias")
_STEPS = GradientCheck(layer_norm_problems(epsilons=(1.0,)).map(on_a_grid), _WEIGHTED)

ROWS = (
    Operation(
        name="layer_norm",
        section="",
        gradients=_WEIGHTED,
        problems=layer_norm_problems,
        any_problem=layer_norm_problems(),
        rounding=Formulas(layer_norm, _gradients, stored=False),
        checks={BEND: _STEPS, SLOPE: _STEPS},
        bend=_bend,
        typical=typical(
            "layer_norm",
            (2, 3, 4),
            {"normalized_shape": (3, 4), "eps": 1e-5},
            input=(2, 3, 4),
            weight=(3, 4),
            bias=(3, 4),
        ),
        large=large_cases.LAYER_NORM,
        rungs=(
            Rung("weight", lambda problem: problem.weight is not None),
            Rung("bias", lambda problem: problem.bias is not None),
            Rung("several axes", lambda problem: len(problem.normalized_shape) > 1),
            Rung("a single sample", lambda problem: problem.input.ndim == len(problem.normalized_shape)),
        ),
    ),
)
