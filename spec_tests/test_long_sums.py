"""Long sums: the errors of thousands of sums of up to 16,384 terms, against those of independent roundings.

Where the per-element bounds no longer tell factors of half the digits from whole ones, `vocabulary/statistics.py` does.
Which operation adds up what is in `vocabulary/long_sums.py`.
"""

import pytest

from spec_tests.vocabulary.levels import gradients, values
from spec_tests.vocabulary.long_sums import ROWS
from spec_tests.vocabulary.statistics import assert_rounds_independently, assert_within_the_worst_case


def cases(rows):
    """Run a test for these rows, every length and format."""
    arguments = [
        pytest.param(
            row.operation.removesuffix("_statistics"),
            row,
            terms,
            dtype,
            id=f"{row.name}-{terms}-{dtype}",
            marks=[pytest.mark.slow] if terms >= row.slow_from else [],
        )
        for row in rows
        for terms in row.lengths
        for dtype in ("float32", "float64")
    ]
    return pytest.mark.parametrize(("operation", "row", "terms", "dtype"), arguments)


OF_OUTPUTS = ("output", "mean", "variance")
OUTPUTS = [row for row in ROWS if row.result in OF_OUTPUTS and not row.one_sign]
GRADIENTS = [row for row in ROWS if row.result not in OF_OUTPUTS]
OF_ONE_SIGN = [row for row in ROWS if row.one_sign]


def operations(rows):
    return dict.fromkeys(row.operation.removesuffix("_statistics") for row in rows)


@values(*operations(OUTPUTS))
@cases(OUTPUTS)
def test_the_error_of_long_sums_is_that_of_independent_roundings(subject, operation, row, terms, dtype):
    sums, computed = added_up(subject, operation, row, terms, dtype)

    assert_rounds_independently(computed, sums, dtype)


@gradients(*operations(GRADIENTS))
@cases(GRADIENTS)
def test_the_error_of_long_gradient_sums_is_that_of_independent_roundings(subject, operation, row, terms, dtype):
    sums, computed = added_up(subject, operation, row, terms, dtype)

    assert_rounds_independently(computed, sums, dtype)


@values(*operations(OF_ONE_SIGN))
@cases(OF_ONE_SIGN)
def test_long_sums_of_one_sign_stay_within_the_worst_case(subject, operation, row, terms, dtype):
    sums, computed = added_up(subject, operation, row, terms, dtype)

    assert_within_the_worst_case(computed, sums, dtype)


def added_up(subject, operation, row, terms, dtype):
    """Return what is known about the sums, and what the subject makes of them."""
    if operation in subject.transforms and row.result != "bias":
        pytest.skip(f"{subject.name} transforms before it adds up: its sums have a bound of their own")
    case = row.case(terms, dtype)
    return case.sums, case.computed(subject.at(dtype))
