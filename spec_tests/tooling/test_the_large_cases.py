"""The large cases are what they say: calls that references take, exact where promised, on both sides of each size."""

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.problems import real_numbers

pytestmark = pytest.mark.tooling

CASES = [(row.name, name) for row in OPERATIONS.values() for name in row.large]
WHERE_KERNELS_CHANGE = (8, 16, 32, 64, 128, 512, 1024)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_large_case_is_a_call_of_its_operation_that_the_reference_takes(operation):
    for name, case in OPERATIONS[operation].large.items():
        for problem in (case.whole, case.problem(real_numbers)):
            output, grads = problem.forward(reference), problem.backward(reference)

            assert problem.operation == operation
            assert np.shape(output) == problem.grad_output.shape, name
            assert len(grads if isinstance(grads, tuple) else (grads,)) == len(OPERATIONS[operation].gradients)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_large_case_that_is_called_exact_gives_the_same_in_float32_and_float64(operation):
    for name, case in OPERATIONS[operation].large.items():
        if case.exact:
            narrow, wide = case.whole.at("float32"), case.whole.at("float64")
            pairs = zip(results(narrow), results(wide), strict=True)

            assert all(np.array_equal(one, other) for one, other in pairs), f"{operation}, {name}, rounds"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_cases_wider_than_16_64_and_128_and_odd_ones(operation):
    sizes = {size for case in OPERATIONS[operation].large.values() for size in sizes_of(case.whole)}

    assert all(any(size > width for size in sizes) for width in (16, 64, 128)), sorted(sizes)
    assert any(size > 16 and size % 16 for size in sizes)


@pytest.mark.parametrize("width", WHERE_KERNELS_CHANGE)
def test_the_large_cases_stand_on_both_sides_of_every_size_at_which_kernels_change(width):
    sizes = {size for operation, name in CASES for size in sizes_of(OPERATIONS[operation].large[name].whole)}

    assert any(size in sizes for size in range(width + 1, width + 9))
    assert any(size in sizes for size in range(width - 8, width + 1))


def sizes_of(problem):
    """Return the sizes of a problem's axes."""
    return [size for array in (problem.input, problem.grad_output) for size in array.shape]


def results(problem):
    """Return the output and the gradients there are."""
    grads = problem.backward(reference)
    grads = grads if isinstance(grads, tuple) else (grads,)
    return [problem.forward(reference), *(grad for grad in grads if grad is not None)]
