"""2.6 Losses: how far a prediction is from the truth, in one number.

What the losses of numbers, `l1_loss` and `mse_loss`, have in common stands here; their worked examples and what each
has for itself stand in the files of 2.6.1 and 2.6.2.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
)
from spec_tests.vocabulary.formats import all_formats, exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.problems import real_numbers
from spec_tests.vocabulary.properties import any_problem, for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import nn, torch

LOSSES = ("l1_loss", "mse_loss")
REDUCTIONS = ("none", "mean", "sum")

# Laws


@pytest.mark.claim("2.6.a")
@values(*LOSSES)
@for_all(problem=problems())
def test_a_loss_is_zero_where_prediction_and_truth_are_equal_and_positive_elsewhere(subject, problem):
    losses = problem.forward(subject, reduction="none")

    assert_equal(losses == 0, problem.input == problem.target)
    assert (losses >= 0).all()


@pytest.mark.claim("2.6.a")
@gradients(*LOSSES)
@for_all(problem=problems(broadcast=False))
def test_a_step_against_the_gradient_lowers_the_loss(subject, problem):
    step = 2**-10  # so small that no error changes its sign
    problem = problem.changed(reduction="sum", grad_output=np.ones((), problem.input.dtype))
    grad_input, *_ = problem.backward(subject)

    closer = problem.forward(subject, input=problem.input - np.asarray(step * grad_input, problem.input.dtype))

    assert closer < problem.forward(subject) or not grad_input.any()


@values(*LOSSES, "nll_loss")
@for_all(problem=any_problem)
def test_the_sum_is_the_sum_of_the_single_losses(subject, problem):
    problem = problem.changed(weight=None)

    single, total = (problem.forward(subject, reduction=reduction) for reduction in ("none", "sum"))

    assert_equal(np.asarray(total), single.sum(dtype=problem.input.dtype))


@values(*LOSSES)
@for_all(problem=problems())
def test_exchanging_prediction_and_truth_changes_nothing(subject, problem):
    problem = problem.changed(weight=None)

    exchanged = problem.forward(subject, input=problem.target, target=problem.input)

    assert_equal(np.asarray(exchanged), np.asarray(problem.forward(subject)))


@gradients(*LOSSES)
@for_all(problem=problems())
def test_exchanging_prediction_and_truth_exchanges_their_gradients(subject, problem):
    problem = problem.changed(weight=None)
    grad_input, grad_target, _ = problem.backward(subject)

    exchanged = problem.backward(subject, input=problem.target, target=problem.input)

    assert_equal(exchanged[0], grad_target)
    assert_equal(exchanged[1], grad_input)


# Equality, bounds, gradients


@pytest.mark.compares_with_reference
@values(*LOSSES)
@exact_formats
@for_all(problem=problems())
def test_a_loss_equals_the_reference_on_whole_numbers(subject, problem):
    exact = problem.changed(reduction="sum" if problem.reduction == "mean" else problem.reduction)  # a mean may round

    assert_equal(exact.forward(subject), exact.forward(reference))


@pytest.mark.compares_with_reference
@values(*LOSSES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_a_loss_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*LOSSES)
@exact_formats
@for_all(problem=problems(reductions=st.sampled_from(["sum", "none"])))
def test_the_gradients_of_a_loss_equal_the_references_on_whole_numbers(subject, problem):
    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@gradients(*LOSSES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradients_of_a_loss_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@conventions(*LOSSES)
@exact_formats
def test_an_empty_input_sums_to_0_and_averages_to_nan(subject, operation, dtype):
    loss, nothing = getattr(subject, operation), np.zeros((0, 3), dtype)

    assert_equal(np.asarray(loss(nothing, nothing, reduction="sum")), np.array(0, dtype))
    assert_equal(np.asarray(loss(nothing, nothing)), np.array(np.nan, dtype))


@pytest.mark.parametrize("operation", LOSSES)
def test_the_references_give_no_gradients_of_integers_alone(operation):
    input, target = np.array([1, 2]), np.array([3, 3])
    backward = getattr(reference, f"{operation}_backward")

    with pytest.raises(TypeError, match="input and target are both integer arrays"):
        backward(np.ones((), int), input, target, reduction="sum")


@conventions(*LOSSES)
@exact_formats
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_what_is_broadcast_to_no_element_has_gradients_of_0(subject, operation, reduction, dtype):
    input, nothing = np.ones((1, 3), dtype), np.zeros((0, 3), dtype)
    grad_output = nothing if reduction == "none" else np.ones((), dtype)

    grad_input, *_ = getattr(subject, f"{operation}_backward")(grad_output, input, nothing, reduction=reduction)

    assert_equal(grad_input, np.zeros_like(input))


# Refusals: beside each refused call the nearest one that must be taken

TAKEN = {"input": np.zeros((2, 3)), "target": np.ones((2, 3))}
REFUSED = {
    "shapes that do not broadcast": ("does not broadcast", {"target": np.zeros((2, 4))}, {"target": np.zeros((2, 3))}),
    "an unknown reduction": (
        "reduction must be one of none, mean, sum, got 'average'",
        {"reduction": "average"},
        {"reduction": "mean"},
    ),
    "a weight of another shape": (
        r"weight has shape \(3,\), expected \(2, 3\)",
        {"weight": np.ones(3)},
        {"weight": np.ones((2, 3))},
    ),
    "truth values": (
        "input has dtype bool",
        {"input": np.zeros((2, 3), bool), "target": np.zeros((2, 3), bool)},
        TAKEN,
    ),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals(*LOSSES)
@pytest.mark.parametrize("case", REFUSED)
def test_a_loss_refuses(subject_on_cpu, operation, case):
    message, arguments, near = REFUSED[case]

    assert_refused(subject_on_cpu, operation, message, near=near, **{**TAKEN, **arguments})


@pytest.mark.parametrize("operation", LOSSES)
def test_the_options_of_a_loss_have_to_be_named(operation):
    with pytest.raises(TypeError, match="positional"):
        getattr(reference, operation)(np.zeros(2), np.zeros(2), "sum")


# The layers: torch.nn.L1Loss and torch.nn.MSELoss

LAYERS = {"l1_loss": "L1Loss", "mse_loss": "MSELoss"}


@pytest.mark.torch_api
@pytest.mark.claim("2.6.1.c", "2.6.2.c")
@pytest.mark.parametrize("loss", LAYERS)
def test_the_layer_takes_the_mean_by_default_and_has_no_parameters(loss):
    layer = getattr(nn, LAYERS[loss])()

    assert layer.reduction == "mean"
    assert not list(layer.parameters())


@pytest.mark.torch_api
@pytest.mark.parametrize("loss", LAYERS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_layer_computes_the_function(loss, reduction):
    prediction, truth = np.array([[1.0, 2, 4]]), np.array([[3.0, 2, 0]])

    layer = getattr(nn, LAYERS[loss])(reduction=reduction)

    output = layer(torch.from_numpy(prediction), torch.from_numpy(truth))

    assert_equal(output.numpy(), getattr(reference, loss)(prediction, truth, reduction=reduction))


@pytest.mark.torch_api
@pytest.mark.parametrize("loss", LAYERS)
def test_torch_warns_where_prediction_and_truth_have_to_be_broadcast(loss):
    with pytest.warns(UserWarning, match="Using a target size"):
        getattr(nn, LAYERS[loss])()(torch.zeros(3, 1), torch.zeros(3))
