"""Problems in which one number is infinite or NaN, and how to look at what becomes of it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.subject import NotOffered

LEFT_OPEN = {
    "batch_norm": ("weight", "running_mean", "running_var"),
    "layer_norm": ("weight",),
    "cross_entropy": ("weight",),
}
"""Of operations, the arguments of which an infinity is multiplied or divided in an order that no definition says."""


def specials(result: Array) -> Array:
    """Return what is infinite or NaN of a result, and 0 where it is finite."""
    return np.where(np.isfinite(result), result.dtype.type(0), result)


def spoilt_in(array: Array, number: float, rng: np.random.Generator) -> Array:
    """Return an array in which one cell is this number."""
    changed = array.copy()
    changed.reshape(-1)[rng.integers(array.size)] = number
    return changed


def spoilt(problem: Problem, seed: int) -> Iterator[tuple[str, Problem, Callable[[Array], Array]]]:
    """Return the problem several times, a cell of the named argument infinite or NaN, and what to see of the result.

    Of what is left open that is only whether it is finite. What a class's infinite weight means, and in torch its
    infinite score where smoothing leaves it no share, is left out.
    """
    rng = np.random.default_rng(seed)
    for name, array in {**problem.arrays, "grad_output": problem.grad_output}.items():
        for number in (np.nan, np.inf, -np.inf) if _has_fractions(array) else ():
            is_open = np.isinf(number) and name in _left_open(problem)
            if not is_open or problem.operation != "cross_entropy":
                changed = problem.changed(**{name: spoilt_in(array, number, rng)})
                yield name, changed, np.isfinite if is_open else specials


def _left_open(problem: Problem) -> tuple[str, ...]:
    names = LEFT_OPEN.get(problem.operation, ())
    return (*names, "input") if problem.options.get("label_smoothing") == 1 else names


def _has_fractions(array: Any) -> bool:
    return array is not None and array.dtype.kind == "f" and array.size > 0


def with_every_window(problem: Problem) -> Problem:
    """Return a convolution with stride 1, and with as many cells of grad_output as it has windows then."""
    problem = problem.changed(stride=1)
    with np.errstate(invalid="ignore"):
        windows = problem.forward(reference).shape
    return problem.changed(grad_output=np.resize(problem.grad_output, windows))


def not_transformed(subject: Any, problem: Problem) -> None:
    """Leave out a subject that computes this through a transform: that spreads an infinity over many sums."""
    if problem.operation in subject.transforms:
        raise NotOffered(
            f"{problem.operation} by {subject.transforms[problem.operation]} spreads an infinity over many sums"
        )
