"""2.6.2 MSELoss: the mean squared error, (1/n) Σ (y − ŷ)², n being the number of elements.

Refusals and the layer stand beside those of L1Loss in `test_2_6_1_l1_loss.py`.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from torch.nn import functional

import reference
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
)
from spec_tests.vocabulary.formats import all_formats, exact_formats, float32_only
from spec_tests.vocabulary.problems import real_numbers, regression_problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.worked_examples import PREDICTION, TARGET

# The document's example, by hand


@pytest.mark.claim("2.6.2.a", "2.6.2.d")
def test_the_mean_of_five_squared_errors_of_one_half_is_one_quarter(implementation):
    by_hand = (0.5**2 + 0.5**2 + 0.5**2 + 0.5**2 + 0.5**2) / 5

    assert implementation.mse_loss(PREDICTION.astype("float32"), TARGET, reduction="mean") == by_hand == 0.25


@pytest.mark.claim("2.6.2.e")
def test_their_sum_is_one_and_a_quarter(implementation):
    by_hand = 0.25 + 0.25 + 0.25 + 0.25 + 0.25

    assert implementation.mse_loss(PREDICTION.astype("float32"), TARGET, reduction="sum") == by_hand == 1.25


@pytest.mark.claim("2.6.2.c")
def test_without_a_reduction_named_it_is_the_mean(implementation):
    assert implementation.mse_loss(PREDICTION.astype("float32"), TARGET) == 0.25


@pytest.mark.claim("2.6.2.f")
def test_an_integer_prediction_beside_a_floating_point_truth_is_promoted(implementation):
    loss = implementation.mse_loss(PREDICTION, TARGET)

    assert (loss, loss.dtype) == (0.25, np.float32)


@pytest.mark.claim("2.6.2.f")
def test_beside_an_integer_prediction_the_truth_alone_has_a_gradient():
    grad_input, grad_target, _ = reference.mse_loss_backward(np.array(5.0, "float32"), PREDICTION, TARGET)

    assert grad_input is None
    assert_equal(grad_target, np.full(5, 5 * 2 * 0.5 / 5, "float32"))


@pytest.mark.torch_api
@pytest.mark.skipif(Version(torch.__version__) < Version("2.15"), reason="torch 2.11 refuses this, 2.15 does it")
def test_beside_an_integer_prediction_torch_sends_a_gradient_to_the_truth():
    truth = torch.from_numpy(TARGET).requires_grad_()

    functional.mse_loss(torch.from_numpy(PREDICTION), truth).backward()

    assert_equal(truth.grad.numpy(), np.full(5, 2 * 0.5 / 5, "float32"))


@pytest.mark.claim("2.6.2.f")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_two_integer_arrays_are_refused(subject_on_cpu, reduction):
    message = "expected a floating point one"

    assert_refused(subject_on_cpu, "mse_loss", message, PREDICTION, PREDICTION, reduction=reduction)


@pytest.mark.claim("2.6.2.b")
def test_the_mean_divides_by_the_number_of_elements_not_of_samples(implementation):
    two_samples_of_three = np.array([[1.0, 2, 3], [4, 5, 1]])

    loss = implementation.mse_loss(two_samples_of_three, np.zeros((2, 3)))

    assert loss == (1 + 4 + 9 + 16 + 25 + 1) / 6
    assert loss != (1 + 4 + 9 + 16 + 25 + 1) / 2


# Laws


@float32_only
@given(problem=regression_problems("mse_loss"))
def test_twice_the_distance_is_four_times_the_loss(subject, dtype, problem):
    problem = problem.at(dtype)

    twice = problem.forward(subject, input=2 * problem.input, target=2 * problem.target)

    assert_equal(np.asarray(twice), np.asarray(4 * problem.forward(subject)))


@float32_only
@given(problem=regression_problems("mse_loss", broadcast=False, reductions=st.just("none")))
def test_the_square_is_the_absolute_error_times_itself(subject, dtype, problem):
    problem = problem.changed(weight=None).at(dtype)

    absolute = subject.l1_loss(problem.input, problem.target, reduction="none")

    assert_equal(problem.forward(subject), absolute * absolute)


@float32_only
@given(problem=regression_problems("mse_loss", reductions=st.just("mean")))
def test_a_weight_that_is_the_same_everywhere_changes_nothing(subject, dtype, problem):
    problem = problem.changed(weight=np.full(problem.input.shape, 4.0), target=np.zeros_like(problem.input)).at(dtype)

    assert_equal(np.asarray(problem.forward(subject)), np.asarray(problem.forward(subject, weight=None)))


# Equality, bounds, gradients


@pytest.mark.compares_with_reference
@exact_formats
@given(problem=regression_problems("mse_loss"))
def test_mse_loss_equals_the_reference_on_whole_numbers(subject, dtype, problem):
    problem = problem.at(dtype)

    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@all_formats
@given(problem=regression_problems("mse_loss", real_numbers))
def test_mse_loss_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@exact_formats
@given(problem=regression_problems("mse_loss", reductions=st.sampled_from(["sum", "none"])))
def test_the_gradients_of_mse_loss_equal_the_references_on_whole_numbers(subject, dtype, problem):
    problem = problem.at(dtype)

    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@all_formats
@given(problem=regression_problems("mse_loss", real_numbers))
def test_the_gradients_of_mse_loss_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@exact_formats
def test_an_infinite_error_is_an_infinite_loss_and_equal_infinities_have_none_to_speak_of(subject, dtype):
    prediction, truth = np.array([np.inf, np.inf], dtype), np.array([0, np.inf], dtype)

    losses = subject.mse_loss(prediction, truth, reduction="none")

    assert_equal(losses, np.array([np.inf, np.nan], dtype))


@exact_formats
def test_of_no_elements_the_sum_is_0_and_the_mean_is_nan(subject, dtype):
    nothing = np.zeros((0, 3), dtype)

    assert_equal(np.asarray(subject.mse_loss(nothing, nothing, reduction="sum")), np.array(0, dtype))
    assert_equal(np.asarray(subject.mse_loss(nothing, nothing)), np.array(np.nan, dtype))
