"""2.6.2 MSELoss: the mean squared error, (1/n) Σ (y − ŷ)², n being the number of elements.

What it has in common with `l1_loss` stands in `test_2_6_losses.py`.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import conventions, refusals, values
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import functional, torch, torch_is_older_than
from spec_tests.worked_examples import PREDICTION, TARGET

# The document's example, by hand


@pytest.mark.claim("2.6.2.d")
@values("mse_loss")
def test_the_mean_of_five_squared_errors_of_one_half_is_one_quarter(implementation):
    by_hand = (0.5**2 + 0.5**2 + 0.5**2 + 0.5**2 + 0.5**2) / 5

    assert implementation.mse_loss(PREDICTION.astype("float32"), TARGET, reduction="mean") == by_hand == 0.25


@pytest.mark.claim("2.6.2.e")
@values("mse_loss")
def test_their_sum_is_one_and_a_quarter(implementation):
    by_hand = 0.25 + 0.25 + 0.25 + 0.25 + 0.25

    assert implementation.mse_loss(PREDICTION.astype("float32"), TARGET, reduction="sum") == by_hand == 1.25


@pytest.mark.claim("2.6.2.a", "2.6.2.c")
@values("mse_loss")
def test_without_a_reduction_named_it_is_the_mean_of_the_squares_of_any_errors(implementation):
    by_hand = ((1 - 1.5) ** 2 + (2 - 0) ** 2 + (3 - 3) ** 2 + (4 - 9) ** 2) / 4

    loss = implementation.mse_loss(np.array([1.0, 2, 3, 4]), np.array([1.5, 0, 3, 9]))

    assert loss == by_hand == 7.3125


@pytest.mark.claim("2.6.2.f")
@conventions("mse_loss")
def test_an_integer_prediction_beside_a_floating_point_truth_is_promoted(implementation):
    loss = implementation.mse_loss(PREDICTION, TARGET)

    assert (loss, loss.dtype) == (0.25, np.float32)


@pytest.mark.claim("2.6.2.f")
def test_beside_an_integer_prediction_the_truth_alone_has_a_gradient():
    grad_input, grad_target, _ = reference.mse_loss_backward(np.array(5.0, "float32"), PREDICTION, TARGET)

    assert grad_input is None
    assert_equal(grad_target, np.full(5, 5 * 2 * 0.5 / 5, "float32"))


@pytest.mark.torch_api
@pytest.mark.skipif(torch_is_older_than("2.15"), reason="torch 2.11 refuses this, 2.15 does it")
def test_beside_an_integer_prediction_torch_sends_a_gradient_to_the_truth():
    truth = torch.from_numpy(TARGET).requires_grad_()

    functional.mse_loss(torch.from_numpy(PREDICTION), truth).backward()

    assert_equal(truth.grad.numpy(), np.full(5, 2 * 0.5 / 5, "float32"))


@pytest.mark.claim("2.6.2.f")
@refusals("mse_loss")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_two_integer_arrays_are_refused(subject_on_cpu, reduction):
    message = "expected at least one of floating point"
    call, near = {"input": PREDICTION, "target": PREDICTION}, {"target": PREDICTION.astype("float32")}

    assert_refused(subject_on_cpu, "mse_loss", message, near=near, **call, reduction=reduction)


@pytest.mark.claim("2.6.2.b")
@values("mse_loss")
def test_the_mean_divides_by_the_number_of_elements_not_of_samples(implementation):
    two_samples_of_three = np.array([[1.0, 2, 3], [4, 5, 1]])

    loss = implementation.mse_loss(two_samples_of_three, np.zeros((2, 3)))

    assert loss == (1 + 4 + 9 + 16 + 25 + 1) / 6
    assert loss != (1 + 4 + 9 + 16 + 25 + 1) / 2


# Laws


@values("mse_loss")
@for_all(problem=problems())
def test_twice_the_distance_is_four_times_the_loss(subject, problem):
    twice = problem.forward(subject, input=2 * problem.input, target=2 * problem.target)

    assert_equal(np.asarray(twice), np.asarray(4 * problem.forward(subject)))


@values("mse_loss")
@for_all(problem=problems(broadcast=False, reductions=st.just("none")))
def test_the_square_is_the_absolute_error_times_itself(subject, problem):
    problem = problem.changed(weight=None)

    absolute = subject.l1_loss(problem.input, problem.target, reduction="none")

    assert_equal(problem.forward(subject), absolute * absolute)


@values("mse_loss")
@for_all(problem=problems(reductions=st.just("mean")))
def test_a_weight_that_is_the_same_everywhere_changes_nothing(subject, problem):
    problem = problem.changed(weight=np.full_like(problem.input, 4), target=np.zeros_like(problem.input))

    assert_equal(np.asarray(problem.forward(subject)), np.asarray(problem.forward(subject, weight=None)))


# Conventions


@conventions("mse_loss")
@exact_formats
def test_an_infinite_error_gives_inf_and_inf_minus_inf_gives_nan(subject, dtype):
    prediction, truth = np.array([np.inf, np.inf], dtype), np.array([0, np.inf], dtype)

    losses = subject.mse_loss(prediction, truth, reduction="none")

    assert_equal(losses, np.array([np.inf, np.nan], dtype))
