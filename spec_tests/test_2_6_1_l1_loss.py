"""2.6.1 L1Loss: the mean absolute error, (1/n) Σ |y − ŷ|, n being the number of elements."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

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


@pytest.mark.claim("2.6.1.a", "2.6.1.d")
def test_the_mean_of_five_errors_of_one_half_is_one_half(implementation):
    by_hand = (abs(1 - 1.5) + abs(2 - 2.5) + abs(3 - 3.5) + abs(4 - 4.5) + abs(5 - 5.5)) / 5

    assert implementation.l1_loss(PREDICTION.astype("float32"), TARGET, reduction="mean") == by_hand == 0.5


@pytest.mark.claim("2.6.1.e")
def test_their_sum_is_two_and_a_half(implementation):
    by_hand = 0.5 + 0.5 + 0.5 + 0.5 + 0.5

    assert implementation.l1_loss(PREDICTION.astype("float32"), TARGET, reduction="sum") == by_hand == 2.5


@pytest.mark.claim("2.6.1.c")
def test_without_a_reduction_named_it_is_the_mean(implementation):
    assert implementation.l1_loss(PREDICTION.astype("float32"), TARGET) == 0.5


@pytest.mark.claim("2.6.1.f")
def test_an_integer_prediction_beside_a_floating_point_truth_is_promoted(implementation):
    loss = implementation.l1_loss(PREDICTION, TARGET)

    assert loss == 0.5
    assert loss.dtype == np.float32


@pytest.mark.claim("2.6.1.f")
def test_two_integer_arrays_have_a_sum_but_no_mean(implementation, subject):
    assert_equal(np.asarray(implementation.l1_loss(PREDICTION, PREDICTION[::-1].copy(), reduction="sum")), np.array(12))
    assert_refused(subject, "l1_loss", "expected a floating point one", PREDICTION, PREDICTION, reduction="mean")


@pytest.mark.claim("2.6.1.b")
def test_the_mean_divides_by_the_number_of_elements_not_of_samples(implementation):
    two_samples_of_three = np.array([[1.0, 2, 3], [4, 5, 9]])

    loss = implementation.l1_loss(two_samples_of_three, np.zeros((2, 3)))

    assert loss == (1 + 2 + 3 + 4 + 5 + 9) / 6 == 4
    assert loss != (1 + 2 + 3 + 4 + 5 + 9) / 2


# Laws


@float32_only
@given(problem=regression_problems("l1_loss"))
def test_exchanging_prediction_and_truth_changes_nothing(subject, dtype, problem):
    problem = problem.changed(weight=None).at(dtype)

    exchanged = problem.forward(subject, input=problem.target, target=problem.input)

    assert_equal(np.asarray(exchanged), np.asarray(problem.forward(subject)))


@float32_only
@given(problem=regression_problems("l1_loss"))
def test_the_gradient_for_the_truth_is_that_for_the_prediction_turned_round(subject, dtype, problem):
    problem = problem.changed(weight=None).at(dtype)
    grad_input, grad_target, _ = problem.backward(subject)

    exchanged = problem.backward(subject, input=problem.target, target=problem.input)

    assert_equal(exchanged[0], grad_target)
    assert_equal(exchanged[1], grad_input)


# Equality, bounds, gradients


@pytest.mark.compares_with_reference
@exact_formats
@given(problem=regression_problems("l1_loss"))
def test_l1_loss_equals_the_reference_on_whole_numbers(subject, dtype, problem):
    problem = problem.at(dtype)

    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@all_formats
@given(problem=regression_problems("l1_loss", real_numbers))
def test_l1_loss_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@exact_formats
@given(problem=regression_problems("l1_loss", reductions=st.sampled_from(["sum", "none"])))
def test_the_gradients_of_l1_loss_equal_the_references_on_whole_numbers(subject, dtype, problem):
    problem = problem.at(dtype)

    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@all_formats
@given(problem=regression_problems("l1_loss", real_numbers))
def test_the_gradients_of_l1_loss_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@exact_formats
def test_at_the_kink_and_at_nan_the_slope_is_0(subject, dtype):
    prediction = np.array([1, 2, np.nan, 1], dtype)
    truth = np.array([1, 0, 0, np.nan], dtype)

    grad_input, grad_target, _ = subject.l1_loss_backward(np.array(3, dtype), prediction, truth, reduction="sum")

    assert_equal(grad_input, np.array([0, 3, 0, 0], dtype))
    assert_equal(grad_target, np.array([0, -3, 0, 0], dtype))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_nan_anywhere_makes_the_loss_nan(subject, reduction):
    prediction = np.array([1.0, np.nan, 3.0])

    assert np.isnan(subject.l1_loss(prediction, np.zeros(3), reduction=reduction))


@exact_formats
def test_of_no_elements_the_sum_is_0_and_the_mean_is_nan(subject, dtype):
    nothing = np.zeros((0, 3), dtype)

    assert_equal(np.asarray(subject.l1_loss(nothing, nothing, reduction="sum")), np.array(0, dtype))
    assert_equal(np.asarray(subject.l1_loss(nothing, nothing)), np.array(np.nan, dtype))


# Refusals

REFUSED = {
    "shapes that do not broadcast": ("does not broadcast", {"target": np.zeros((2, 4))}),
    "an unknown reduction": ("reduction must be one of none, mean, sum, got 'average'", {"reduction": "average"}),
    "a weight of another shape": (r"weight has shape \(3,\), expected \(2, 3\)", {"weight": np.ones(3)}),
    "truth values": ("input has dtype bool", {"input": np.zeros((2, 3), bool), "target": np.zeros((2, 3), bool)}),
}


@pytest.mark.parametrize("loss", ["l1_loss", "mse_loss"])
@pytest.mark.parametrize("case", REFUSED)
def test_l1_and_mse_loss_refuse(subject_on_cpu, loss, case):
    message, arguments = REFUSED[case]

    assert_refused(subject_on_cpu, loss, message, **{"input": np.zeros((2, 3)), "target": np.ones((2, 3)), **arguments})


@pytest.mark.parametrize("loss", ["l1_loss", "mse_loss"])
def test_the_options_of_a_loss_have_to_be_named(loss):
    with pytest.raises(TypeError, match="positional"):
        getattr(reference, loss)(np.zeros(2), np.zeros(2), "sum")


# The layers: torch.nn.L1Loss and torch.nn.MSELoss

LAYERS = {"l1_loss": nn.L1Loss, "mse_loss": nn.MSELoss}


@pytest.mark.torch_api
@pytest.mark.claim("2.6.1.c", "2.6.2.c")
@pytest.mark.parametrize("loss", LAYERS)
def test_the_layer_takes_the_mean_by_default_and_has_no_parameters(loss):
    layer = LAYERS[loss]()

    assert layer.reduction == "mean"
    assert not list(layer.parameters())


@pytest.mark.torch_api
@pytest.mark.parametrize("loss", LAYERS)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_the_layer_computes_the_function(loss, reduction):
    prediction, truth = np.array([[1.0, 2, 4]]), np.array([[3.0, 2, 0]])

    output = LAYERS[loss](reduction=reduction)(torch.from_numpy(prediction), torch.from_numpy(truth))

    assert_equal(output.numpy(), getattr(reference, loss)(prediction, truth, reduction=reduction))


@pytest.mark.torch_api
@pytest.mark.parametrize("loss", LAYERS)
def test_torch_warns_where_prediction_and_truth_have_to_be_broadcast(loss):
    with pytest.warns(UserWarning, match="Using a target size"):
        LAYERS[loss]()(torch.zeros(3, 1), torch.zeros(3))
