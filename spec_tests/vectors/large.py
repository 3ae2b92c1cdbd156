"""Questions of the sizes at which kernels change their path: arrays made by the generator, and of long results a part.

What adds up products is asked of whole numbers, whose sums are exact in float64 in whatever order; formulas are asked
of numbers with 16 bits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import reference
from spec_tests.vectors.arrays import generated
from spec_tests.vectors.exact import Around, Expected
from spec_tests.vectors.question import Generated, Question, both, features
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array, Problem

GIVEN = 1024
"""Results of more elements are given at `PLACES` alone."""
PLACES = 256

Shape = tuple[int, ...]
Arrays = Mapping[str, Generated | Array | None]


def array_of(value: Generated | Array | None) -> Any:
    """Return an array, made if need be, in float64 or whole numbers of its own."""
    if not isinstance(value, Generated):
        return value
    made = generated(value.shape, value.dtype, value.seed, value.low, value.count, value.exponent)
    return made if value.dtype == "int64" else made.astype(np.float64)


def thinned(question: Question) -> Question:
    """Return a question whose long results are given in part: the ends, and places in between."""
    assert isinstance(question.expected, Mapping)
    expected, places, shapes = dict(question.expected), {}, {}
    for name, result in question.expected.items():
        array = result.near if isinstance(result, Around) else result
        if array is None or array.size <= GIVEN:
            continue
        some = places_of(array.size)
        places[name], shapes[name] = some, array.shape
        expected[name] = _at(result, some)
    return replace(question, expected=expected, places=places, shapes=shapes)


def places_of(size: int) -> list[int]:
    """Return the places that are given of so many."""
    ends = {*range(16), *range(size - 32, size)}
    return sorted(ends | {i * size // PLACES + i % 7 for i in range(PLACES - 8)})


def _at(result: Expected, places: list[int]) -> Expected:
    if isinstance(result, Around):
        return Around(result.near.ravel()[places], result.within.ravel()[places])
    assert result is not None
    return result.ravel()[places]


def large(
    operation: str, arrays: Arrays, options: Mapping[str, Any], grad: Generated | Array, *flags: str
) -> Iterator[Question]:
    """Ask for output and gradients of a formula."""
    made = {name: array_of(value) for name, value in arrays.items()}
    dtype = next(value.dtype for value in arrays.values() if isinstance(value, Generated))
    problem = Problem(operation, made, dict(options), array_of(grad))
    for question in both(problem, dtype, False, "large", *flags):
        given = {name: arrays.get(name, grad) if value is not None else None for name, value in question.arrays.items()}
        yield thinned(question.changed(arrays={name: _held(value, dtype) for name, value in given.items()}))


def large_sums(
    operation: str, arrays: Arrays, options: Mapping[str, Any], grad: Generated | Array, *flags: str
) -> Iterator[Question]:
    """Ask for output and gradients of what adds up products or copies cells, of whole numbers."""
    made = {name: array_of(value) for name, value in arrays.items()}
    dtype = next(value.dtype for value in arrays.values() if isinstance(value, Generated))
    problem = Problem(operation, made, dict(options), array_of(grad))
    _check_exact(problem, dtype)
    flags = (*features(problem), "whole-numbers", "large", *flags)
    output = np.asarray(problem.forward(reference)).astype(dtype)
    yield thinned(Question(operation, "values", dtype, arrays, options, {"output": output}, flags))
    found = problem.backward(reference)
    grads = {
        f"grad_{name}": None if value is None else value.astype(dtype)
        for name, value in zip(GRADIENTS[operation], found if isinstance(found, tuple) else (found,), strict=True)
    }
    both_arrays = {"grad_output": grad, **arrays}
    yield thinned(Question(f"{operation}_backward", "gradients", dtype, both_arrays, options, grads, flags))


def _check_exact(problem: Problem, dtype: str) -> None:
    """Require magnitudes whose sums the format holds in any order."""
    absolute = problem.changed(
        **{name: None if value is None else abs(value) for name, value in problem.arrays.items()},
        grad_output=abs(problem.grad_output),
    )
    limit = 2.0 ** {"float32": 24, "float64": 53}[dtype]
    found = absolute.backward(reference)
    for result in (absolute.forward(reference), *(found if isinstance(found, tuple) else (found,))):
        if result is not None and abs(np.asarray(result)).max() >= limit:
            raise ValueError(f"a sum of {problem.operation} is too large to be exact in {dtype}")


def _held(value: Generated | Array | None, dtype: str) -> Generated | Array | None:
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def whole(shape: Shape, seed: int, most: int = 4, dtype: str = "float32") -> Generated:
    """Return whole numbers from −most to most."""
    return Generated(shape, dtype, seed, -most, 2 * most + 1)


def real(shape: Shape, seed: int, dtype: str = "float32", most: int = 2) -> Generated:
    """Return numbers of 16 bits between −most and most."""
    return Generated(shape, dtype, seed, -32768, 65536, {1: -15, 2: -14, 4: -13, 16: -11}[most])
