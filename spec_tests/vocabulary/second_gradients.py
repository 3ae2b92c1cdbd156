"""Checks of the gradient of a gradient, that ask no second implementation.

B(g, x) are the gradients of the arguments x, given grad_output g. Weigh each with a drawn vector v and add them up,

    F(g, x) = Σ ⟨v, B(g, x)⟩                                a number; the sum is over the arguments that have a gradient

then double backward returns the gradients of F: of g and of every argument. As in `gradient_checks`, a step in one of
them changes F by what its gradient says and a remainder that is known without computing it another way:

    it is 0                          where f is linear in each of its arguments, or in pieces: so are g and x in F
    it falls to a quarter with h/2   where f is smooth: the remainder has slope 2

F is linear in g whatever f is, so that its gradient there is J·v, the change of f along v.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Rounded
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.gradient_checks import HALVED_STEP, SLOPE_BETWEEN
from spec_tests.vocabulary.operations import CONVOLUTIONS, OPERATIONS
from spec_tests.vocabulary.operations.operation import EXACT_STEP, Formulas
from spec_tests.vocabulary.problems import Array, Problem, whole_numbers
from spec_tests.vocabulary.subject import optional
from spec_tests.vocabulary.sums import settled

PRODUCTS = (*CONVOLUTIONS, "linear")
"""The operations that are linear in the input and in the weight, and add a bias."""


def of_the_references(operation: str, vectors: Mapping[str, Array], arguments: Mapping[str, Any]) -> dict[str, Array]:
    """Return the second gradients of a sum of products, f(x, w) + b, which its own gradient function gives.

    The change of f along v is f(v of x, w) + f(x, v of w) + v of b, and the gradients of ⟨v of x, grad_input(g, w)⟩ and
    ⟨v of w, grad_weight(g, x)⟩ are grad_weight(g, v of x) and grad_input(g, v of w); those of the bias do not change.
    """
    if operation not in PRODUCTS:
        raise NotImplementedError("the references offer second gradients of convolutions and linear layers alone")
    arrays = {name: arguments[name] for name in ("input", "weight", "bias")}
    v = {name: vectors.get(name, np.zeros_like(value)) for name, value in arrays.items() if value is not None}
    options = {name: value for name, value in arguments.items() if name not in (*arrays, "grad_output")}
    forward, backward = (getattr(reference, name) for name in (operation, f"{operation}_backward"))
    along = forward(v["input"], arrays["weight"], v.get("bias"), **options)
    along = along + forward(arrays["input"], v["weight"], None, **options)
    grad_input, grad_weight, _ = backward(arguments["grad_output"], v["input"], v["weight"], None, **options)
    second = {"grad_output": along, "input": grad_input, "weight": grad_weight}
    return second if "bias" not in v else {**second, "bias": np.zeros_like(v["bias"])}


# What is asked of a subject


def second_gradients(problem: Problem, vectors: Mapping[str, Array], subject: Any) -> dict[str, Array]:
    """Return what a subject's double backward gives, each shaped as what it is the gradient of; or skip the test."""
    double_backward = optional(subject, "double_backward")
    if double_backward is None:
        pytest.skip(f"{subject.name} offers no second gradients (it has no double_backward)")
    try:
        found = double_backward(
            problem.operation, vectors, grad_output=problem.grad_output, **problem.arrays, **problem.options
        )
    except NotImplementedError as reason:
        pytest.skip(f"{subject.name} offers no second gradients of {problem.operation}: {reason}")
    assert found.keys() == {"grad_output", *vectors}
    for name, grad in found.items():
        assert np.shape(grad) == np.shape(_array(problem, name)), f"the second gradient of {name} is shaped otherwise"
    return dict(found)


def vectors_for(problem: Problem, seed: int) -> dict[str, Array]:
    """Draw whole numbers up to 4 to weigh the gradient of every argument that has one."""
    names, rng = OPERATIONS[problem.operation].arguments_with_gradients(problem), np.random.default_rng(seed)
    return {name: _like(problem, name, rng) for name in names}


# What is required


def assert_second_gradients_leave_nothing(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that a step changes the weighed gradients by exactly what their gradient says."""
    vectors = vectors_for(problem, seed)
    step = EXACT_STEP * _like(problem, argument, np.random.default_rng(seed + 1))

    here, there = (_weighed(_gradients(p, subject), vectors) for p in (problem, _moved(problem, argument, step)))
    second = settled(second_gradients(problem, vectors, subject)[argument], problem, subject)

    assert_equal(there - here, _dot(second, step))


def assert_second_gradients_leave_a_slope_of_two(problem: Problem, argument: str, seed: int, subject: Any) -> None:
    """Require that what the gradient leaves of a step's change falls with slope 2, and not 1, when it is halved.

    The steps d and −d go together, as in `gradient_checks`. The rounding of the second gradient, times a step of
    `HALVED_STEP`, is allowed as much as the first gradients have without that factor.
    """
    vectors = vectors_for(problem, seed)
    step = HALVED_STEP * _like(problem, argument, np.random.default_rng(seed + 1))
    said = _dot(second_gradients(problem, vectors, subject)[argument], step)
    here = _weighed_with_rounding(problem, vectors, subject)

    left = []
    for part in (1.0, -1.0, 0.5, -0.5):
        there = _weighed_with_rounding(_moved(problem, argument, part * step), vectors, subject)
        left.append(abs(there - here - part * said))

    excess = left[2] + left[3] - (left[0] + left[1]) * 2.0**-SLOPE_BETWEEN
    most = Approximation(np.zeros(()), 2 * excess.error)
    assert_within(np.maximum(excess.value, 0), most, "float64")


def _gradients(problem: Problem, subject: Any) -> dict[str, Array]:
    """Return the subject's gradients by argument, where there are any."""
    grads = problem.backward(subject)
    grads = grads if isinstance(grads, tuple) else (grads,)
    named = dict(zip(OPERATIONS[problem.operation].gradients, grads, strict=True))
    return {name: settled(grad, problem, subject, EXACT_STEP) for name, grad in named.items() if grad is not None}


def _weighed(grads: Mapping[str, Array], vectors: Mapping[str, Array]) -> Any:
    return sum((_dot(grads[name], vector) for name, vector in vectors.items()), np.float64(0))


def _weighed_with_rounding(problem: Problem, vectors: Mapping[str, Array], subject: Any) -> Rounded:
    """Return F by the subject's gradients, with the bound on their rounding."""
    rounding = OPERATIONS[problem.operation].rounding
    assert isinstance(rounding, Formulas)
    bounds = dict(zip(OPERATIONS[problem.operation].gradients, rounding.gradients(problem, REFERENCE), strict=False))
    total, grads = Rounded.exactly(0.0, REFERENCE), _gradients(problem, subject)
    for name, vector in vectors.items():
        bound = bounds[name]
        assert bound is not None
        total = total + (Rounded(np.asarray(grads[name]), bound.error, REFERENCE) * vector).sum()
    return total


def _dot(one: Array, other: Array) -> Any:
    return np.float64(np.vdot(np.asarray(one, np.float64), np.asarray(other, np.float64)))


def _moved(problem: Problem, argument: str, step: Array) -> Problem:
    return problem.changed(**{argument: _array(problem, argument) + step})


def _array(problem: Problem, name: str) -> Array:
    return np.asarray(problem.grad_output if name == "grad_output" else problem.arrays[name])


def _like(problem: Problem, name: str, rng: np.random.Generator) -> Array:
    array = _array(problem, name)
    return whole_numbers(rng, array.shape).astype(array.dtype)
