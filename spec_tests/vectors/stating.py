"""Questions whose results are stated, or those of the references where nothing rounds: what conventions are made of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

import reference
from spec_tests.vectors.question import Question
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array, Problem

Maker = Callable[[str], Iterable[Question]]
"""What makes questions about the operation of this name."""


def asked(
    function: str,
    arrays: Mapping[str, Any],
    options: Mapping[str, Any],
    expected: Mapping[str, Any],
    *flags: str,
    dtype: str = "float32",
    **more: Any,
) -> Question:
    """Return a question from lists of numbers: floating point ones are of the case's format."""
    given = {name: _array(value, dtype) for name, value in arrays.items()}
    results = {name: _array(value, dtype) for name, value in expected.items()}
    return Question(function, "conventions", dtype, given, options, results, flags, **more)


def _array(value: Any, dtype: str) -> Any:
    if value is None or isinstance(value, np.ndarray):
        return value
    array = np.array(value)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array.astype(dtype)


def floats(*numbers: float) -> Array:
    """Return numbers of float32."""
    return np.array(numbers, np.float32)


def by_the_references(
    problem: Problem, dtype: str, *flags: str, backward: bool = True, **more: Any
) -> Iterator[Question]:
    """Ask for what the references make of a problem of NaN, of nothing, or of integers, where nothing rounds."""
    problem = problem.at(dtype) if dtype != "int64" else problem
    with np.errstate(all="ignore"):
        found = np.asarray(problem.forward(reference))
        yield Question(
            problem.operation, "conventions", dtype, problem.arrays, problem.options, {"output": found}, flags, **more
        )
        if not backward:
            return
        grads = problem.backward(reference)
    names = [f"grad_{name}" for name in GRADIENTS[problem.operation]]
    expected = dict(zip(names, grads if isinstance(grads, tuple) else (grads,), strict=True))
    arrays = {"grad_output": problem.grad_output, **problem.arrays}
    yield Question(f"{problem.operation}_backward", "conventions", dtype, arrays, problem.options, expected, flags)
