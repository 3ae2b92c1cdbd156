"""The exact result of a problem and the bound around it: the references in float64, and `bounds` for their distance."""

from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary import bounds, transforms
from spec_tests.vocabulary.bounds import Approximation, Rounded
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Copies, Formulas, Rounding, Sums
from spec_tests.vocabulary.problems import Problem

OUTPUT = "output"
"""The part of a result that is no gradient, which is called by its argument."""


def forward(problem: Problem, dtype: str, deviations: Collection[str] = ()) -> Approximation:
    """Return the output of a problem at this format, with room for these known deviations."""
    wide = problem.at("float64")
    exact = np.asarray(wide.forward(reference))
    match _rounding(problem, deviations):
        case Copies():
            return Approximation(exact, np.zeros(exact.shape))
        case Sums(terms):
            magnitudes: Any = abs(_absolute(wide).forward(reference))  # a divisor may be negative
            return Approximation(exact, bounds.sum_bound(exact, magnitudes, terms(problem)[0], dtype))
        case Formulas(output, stored=stored):
            in_steps = stored or dtype not in ("float16", "bfloat16")
            return bounds.formula(partial(output, wide), exact, dtype, in_steps)


def backward(problem: Problem, dtype: str, deviations: Collection[str] = ()) -> tuple[Approximation | None, ...]:
    """Return the gradients of a problem at this format, None where there is none, with room for these deviations.

    "half-conv-gradients" allows those of a convolution to round partial sums to the format.
    """
    wide = problem.at("float64")
    exact = _tuple(wide.backward(reference))
    match _rounding(problem, deviations):
        case Copies():
            return tuple(None if g is None else Approximation(g, _bound_of_copies(wide, g, dtype)) for g in exact)
        case Sums(terms, partial_sums):
            magnitudes: Any = [None if m is None else abs(m) for m in _tuple(_absolute(wide).backward(reference))]
            rounds = "half-conv-gradients" in deviations and dtype in ("float16", "bfloat16")
            stored = partial_sums(problem) if partial_sums and rounds else (0,) * len(exact)
            return tuple(
                None if grad is None else Approximation(grad, bounds.sum_bound(grad, magnitude, count, dtype, times))
                for grad, magnitude, count, times in zip(exact, magnitudes, terms(problem)[1:], stored, strict=True)
            )
        case Formulas(gradients=gradients):
            evaluated = cache(partial(gradients, wide))
            return tuple(
                None if grad is None else bounds.formula(partial(_one_of, evaluated, i), grad, dtype)
                for i, grad in enumerate(exact)
            )


def assert_rounds_within_its_bound(problem: Problem, subject: Any, dtype: str) -> None:
    """Require the subject's output within the bound of the exact one."""
    problem = problem.at(dtype)
    exact, found = forward(problem, dtype, subject.deviations), problem.forward(subject.at(dtype))
    assert_part_within(found, exact, OUTPUT, problem, subject, dtype)


def assert_gradients_round_within_their_bounds(problem: Problem, subject: Any, dtype: str) -> None:
    """Require each of the subject's gradients within the bound of the exact one."""
    problem = problem.at(dtype)
    expected = backward(problem, dtype, subject.deviations)
    found, names = _tuple(problem.backward(subject.at(dtype))), OPERATIONS[problem.operation].gradients
    for argument, grad, exact in zip(names, found, expected, strict=True):
        if exact is None:
            assert grad is None, "there is a gradient where there can be none"
        else:
            assert_part_within(grad, exact, argument, problem, subject, dtype)


def assert_part_within(found: Any, exact: Approximation, part: str, problem: Problem, subject: Any, dtype: str) -> None:
    """Require one part of a result, the output or the gradient for an argument, within its bound."""
    assert_within(found, transforms.bound(exact, part, problem, subject, dtype), dtype)


def absolute_sums(problem: Problem) -> dict[str, Any]:
    """Return, of each part of a result, the sums of the absolute values of its terms; of a formula, of the result."""
    wide = problem.at("float64")
    if isinstance(OPERATIONS[problem.operation].rounding, Sums):
        wide = _absolute(wide)
    grads = zip(OPERATIONS[problem.operation].gradients, _tuple(wide.backward(reference)), strict=True)
    return {part: abs(value) for part, value in [(OUTPUT, wide.forward(reference)), *grads] if value is not None}


def assert_gradients_equal(actual: Any, expected: Any) -> None:
    """Require the same gradients, exactly, and None in the same places."""
    for one, other in zip(_tuple(actual), _tuple(expected), strict=True):
        if other is None:
            assert one is None, "there is a gradient where there can be none"
        else:
            assert_equal(one, other)


def _bound_of_copies(problem: Problem, grad: Any, dtype: str) -> Any:
    """Return the bound of a gradient that adds up what the copies of a cell receive: 0 where there is only one.

    A cell may be the maximum of several windows, or lie in a border several times.
    """
    copies = np.asarray(problem.changed(grad_output=np.ones_like(problem.grad_output)).backward(reference))
    if not copies.size or copies.max() <= 1:
        return np.zeros(np.shape(grad))
    magnitudes: Any = problem.changed(grad_output=abs(problem.grad_output)).backward(reference)
    return np.where(copies > 1, bounds.sum_bound(grad, magnitudes, int(copies.max()), dtype), 0)


def _one_of(evaluated: Callable[[Format], tuple[Rounded | None, ...]], place: int, fmt: Format) -> Rounded:
    """Return one gradient of a formula, which is evaluated once for each format."""
    gradient = evaluated(fmt)[place]
    assert gradient is not None
    return gradient


def _rounding(problem: Problem, deviations: Collection[str]) -> Rounding:
    """Return how the results of an operation round, by formulas with room for a known deviation if there are any."""
    rounding = OPERATIONS[problem.operation].rounding
    if not isinstance(rounding, Formulas):
        return rounding
    return next((room for name, room in rounding.allowing.items() if name in deviations), rounding)


def _tuple(grads: Any) -> tuple[Any, ...]:
    return grads if isinstance(grads, tuple) else (grads,)


def _absolute(problem: Problem) -> Problem:
    arrays = {name: None if value is None else abs(value) for name, value in problem.arrays.items()}
    return problem.changed(**arrays, grad_output=abs(problem.grad_output))
