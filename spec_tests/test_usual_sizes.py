"""The sizes that real networks have: wide inputs, many samples, numbers that the next lower format cannot hold.

What is drawn elsewhere is small. Kernels change their path where channels, classes or entries pass 8, 16, 32, 64, 128,
512 or 1,024, where there are many samples, and where a sum leaves the format that its mean fits into. The wide cases
are a fixed short list in each operation's row (`large`).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.exact import (
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    forward,
)
from spec_tests.vocabulary.formats import FORMATS, exact_formats, float32_only, float64_only, rounded
from spec_tests.vocabulary.levels import conventions, gradients, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, GRADIENTS, MAX_POOLS, OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas
from spec_tests.vocabulary.problems import real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.sums import assert_equal_sums

# Wide inputs


def named_cases(wanted):
    """Run a test once for each large case of the table that is wanted: an operation, and the name of its case."""
    pairs = [(row.name, name) for row in OPERATIONS.values() for name, case in row.large.items() if wanted(row, case)]
    return pytest.mark.parametrize(("operation", "case"), pairs, ids=["-".join(pair) for pair in pairs])


exact_cases = named_cases(lambda row, case: case.exact)
"""The cases in which whole numbers do not round."""

rounding_cases = named_cases(lambda row, case: type(row.rounding).__name__ != "Copies")
"""The cases of operations that compute."""

EXACT = [name for name, row in OPERATIONS.items() if any(case.exact for case in row.large.values())]
COMPUTING = [name for name, row in OPERATIONS.items() if type(row.rounding).__name__ != "Copies"]

other_formats = pytest.mark.parametrize("dtype", [name for name in FORMATS if name != "float32"])

HALF_VALUES = {
    "batch_norm": ("half-batch-norm",),
    **dict.fromkeys(("nll_loss", "cross_entropy"), ("float16-mean-loss-overflow", "float16-class-weight-sum")),
    **dict.fromkeys(("l1_loss", "mse_loss"), ("float16-mean-loss-overflow",)),
}
HALF_GRADIENTS = {
    **HALF_VALUES,
    **dict.fromkeys(CONVOLUTIONS, ("bfloat16-conv3d-weight-gradient", "bfloat16-strided-conv-gradient")),
    **dict.fromkeys(("avg_pool2d", "adaptive_avg_pool2d"), ("half-average-gradients",)),
    "layer_norm": ("half-layer-norm-gradients",),
}
"""The known deviations of operations in the half formats."""


def allowed(known, operation, dtype):
    """Return the deviations that may show in this format."""
    return known.get(operation, ()) if dtype in ("float16", "bfloat16") else ()


@pytest.mark.compares_with_reference
@values(*EXACT)
@exact_formats
@exact_cases
def test_wide_inputs_give_exact_results_on_whole_numbers(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    output = problem.forward(subject.at(dtype))

    assert_equal_sums(output, np.asarray(problem.at("float64").forward(reference)).astype(dtype), problem, subject)


@pytest.mark.compares_with_reference
@gradients(*EXACT)
@exact_formats
@exact_cases
def test_the_gradients_of_wide_inputs_are_exact_on_whole_numbers(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    found, expected = problem.backward(subject.at(dtype)), problem.at("float64").backward(reference)

    for grad, exact in zip(as_tuple(found), as_tuple(expected), strict=True):
        assert (grad is None) == (exact is None)
        if exact is not None:
            assert_equal_sums(grad, exact.astype(dtype), problem, subject)


@pytest.mark.compares_with_reference
@values(*COMPUTING)
@float32_only
@rounding_cases
def test_wide_inputs_round_within_their_bound(subject, operation, case, dtype):
    assert_rounds_within_its_bound(OPERATIONS[operation].large[case].problem(real_numbers), subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*COMPUTING)
@float32_only
@rounding_cases
def test_the_gradients_of_wide_inputs_round_within_their_bounds(subject, operation, case, dtype):
    assert_gradients_round_within_their_bounds(OPERATIONS[operation].large[case].problem(real_numbers), subject, dtype)


@pytest.mark.slow
@pytest.mark.compares_with_reference
@values(*COMPUTING)
@other_formats
@rounding_cases
def test_wide_inputs_round_within_their_bound_in_other_formats_too(subject, operation, case, dtype):
    with allowing(subject, *allowed(HALF_VALUES, operation, dtype)):
        assert_rounds_within_its_bound(OPERATIONS[operation].large[case].problem(real_numbers), subject, dtype)


@pytest.mark.slow
@pytest.mark.compares_with_reference
@gradients(*COMPUTING)
@other_formats
@rounding_cases
def test_the_gradients_of_wide_inputs_round_within_their_bounds_elsewhere(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers)

    with allowing(subject, *allowed(HALF_GRADIENTS, operation, dtype)):
        assert_gradients_round_within_their_bounds(problem, subject, dtype)


def as_tuple(grads):
    """Return gradients as a tuple, of one as well."""
    return grads if isinstance(grads, tuple) else (grads,)
