"""2.6 Losses: how far a prediction is from the truth, in one number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.formats import float32_only
from spec_tests.vocabulary.problems import class_problems, regression_problems, whole_numbers


@pytest.mark.claim("2.6.a")
@float32_only
@given(problem=st.one_of(regression_problems("l1_loss"), regression_problems("mse_loss")))
def test_a_loss_is_zero_where_prediction_and_truth_are_equal_and_positive_elsewhere(subject, dtype, problem):
    problem = problem.changed(reduction="none").at(dtype)

    losses = problem.forward(subject)

    assert_equal(losses == 0, problem.input == problem.target)
    assert (losses >= 0).all()


@pytest.mark.claim("2.6.a")
@float32_only
@given(problem=st.one_of(*(regression_problems(loss, broadcast=False) for loss in ("l1_loss", "mse_loss"))))
def test_a_step_against_the_gradient_lowers_the_loss(subject, dtype, problem):
    step = 2**-10  # so small that no error changes its sign
    problem = problem.changed(reduction="sum", grad_output=np.array(1.0)).at(dtype)
    grad_input, *_ = problem.backward(subject)

    closer = problem.forward(subject, input=problem.input - np.asarray(step * grad_input, dtype))

    assert closer < problem.forward(subject) or not grad_input.any()


@float32_only
@given(
    problem=st.one_of(
        regression_problems("l1_loss", broadcast=False),
        regression_problems("mse_loss", broadcast=False),
        class_problems("nll_loss", whole_numbers, targets=("indices",)),
    )
)
def test_the_sum_is_the_sum_of_the_single_losses(subject, dtype, problem):
    problem = problem.changed(weight=None).at(dtype)

    single, total = (problem.forward(subject, reduction=reduction) for reduction in ("none", "sum"))

    assert_equal(np.asarray(total), single.sum(dtype=dtype))
