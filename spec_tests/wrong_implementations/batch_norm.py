"""Batch normalization, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import over, statistics
from spec_tests.wrong_implementations.register import wrong

BY_HAND = "test_a_batch_less_its_mean_is_divided_by_the_root_of_variance_and_eps"
BATCH_NORM = "test_batch_norm_rounds_within_its_bound"
VARIANCE_OF_THE_OUTPUT = "test_in_training_every_channel_leaves_with_variance_1_less_the_share_of_eps"
MEAN_OF_THE_OUTPUT = "test_in_training_every_channel_leaves_with_mean_0"
CHANGED_PLACES = "test_in_training_the_values_of_a_channel_may_change_places_wherever_they_stand"
KEPT = "test_the_biased_variance_divides_and_the_unbiased_one_is_kept"
SHARE_OF_THE_BATCH = "test_momentum_is_the_share_of_the_batch_and_the_rest_that_of_the_past"
SUM_OF_THE_GRADIENT = "test_in_training_the_gradient_of_every_channel_adds_up_to_0"
STEPS_IN_TRAINING = "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow"
STEPS_IN_EVALUATION = "test_gradients_say_exactly_what_a_step_changes_where_nothing_bends"


@wrong("batch_norm", BY_HAND, VARIANCE_OF_THE_OUTPUT, KEPT, BATCH_NORM)
def normalizes_with_the_unbiased_variance(input: Array, training: bool, **rest: Any) -> Any:
    """Divides by N − 1 what it divides the batch by, as `Tensor.var()` does."""
    batch = statistics(input, unbiased=True) if training else {}
    return reference.batch_norm(input=input, training=False, **{**rest, **batch})


@wrong("batch_norm", BY_HAND, VARIANCE_OF_THE_OUTPUT, BATCH_NORM)
def adds_eps_outside_the_root(input: Array, training: bool, eps: float, **rest: Any) -> Any:
    """Divides by √v + ε, as Adam does."""
    arguments = {**rest, **(statistics(input) if training else {})}
    root = np.sqrt(arguments.pop("running_var")) + input.dtype.type(eps)
    return reference.batch_norm(input=input, running_var=root**2, training=False, eps=0.0, **arguments)


@wrong("batch_norm", BY_HAND, "test_in_training_running_statistics_have_no_say", MEAN_OF_THE_OUTPUT)
def uses_running_statistics_in_training(
    input: Array, running_mean: Array | None, running_var: Array | None, training: bool, **rest: Any
) -> Any:
    """Does not know training from evaluation."""
    mean = np.zeros(input.shape[1], input.dtype) if running_mean is None else running_mean
    var = np.ones(input.shape[1], input.dtype) if running_var is None else running_var
    return reference.batch_norm(input, mean, var, training=False, **rest)


@wrong(
    "batch_norm",
    "test_in_evaluation_mean_and_variance_are_the_running_ones",
    "test_in_evaluation_all_values_of_a_channel_go_through_one_straight_line",
)
def uses_the_batch_in_evaluation(input: Array, training: bool, **rest: Any) -> Any:
    """Forgets `eval()`."""
    return reference.batch_norm(input=input, training=input.size > input.shape[1], **rest)


@wrong("batch_norm", BY_HAND, CHANGED_PLACES, BATCH_NORM)
def normalizes_every_cell_over_the_images(input: Array, training: bool, **rest: Any) -> Any:
    """Takes the mean over the batch only, and not over the places, as for features without any."""
    if not training or len(input) < 2:
        return reference.batch_norm(input=input, training=training, **rest)
    cells = input.reshape(*input.shape[:2], -1)
    columns = [reference.batch_norm(cells[..., i], training=True, **rest) for i in range(cells.shape[2])]
    return np.stack(columns, axis=2).reshape(input.shape)


@wrong("batch_norm", BY_HAND, CHANGED_PLACES, BATCH_NORM)
def normalizes_every_image_by_itself(input: Array, training: bool, **rest: Any) -> Any:
    """Takes the mean over the places only: this is instance normalization."""
    if not training or input[0].size == input.shape[1]:
        return reference.batch_norm(input=input, training=training, **rest)
    return np.concatenate([reference.batch_norm(input=image[np.newaxis], training=True, **rest) for image in input])


@wrong("batch_norm", "test_weight_and_bias_come_last", "test_batch_norm_equals_the_reference_where_nothing_rounds")
def shifts_before_it_scales(weight: Array | None, bias: Array | None, **rest: Any) -> Any:
    """Computes (x̂ + b)·w."""
    shift = bias if bias is None or weight is None else bias * weight
    return reference.batch_norm(weight=weight, bias=shift, **rest)


@wrong("batch_norm_statistics", KEPT, SHARE_OF_THE_BATCH, report="tenstorrent/tt-metal#55438")
def keeps_the_biased_variance(input: Array, running_mean: Array, running_var: Array, momentum: float) -> Any:
    """Keeps the variance that it has at hand."""
    values = input.size // input.shape[1]
    mean, var = reference.batch_norm_statistics(input, running_mean, running_var, momentum)
    past = (1 - momentum) * running_var
    return mean, (past + (var - past) * ((values - 1) / values)).astype(var.dtype)


@wrong(
    "batch_norm_statistics",
    KEPT,
    "test_with_momentum_0_the_running_statistics_stay_what_they_were",
    report="lukemelas/EfficientNet-PyTorch#3",
)
def takes_momentum_for_the_share_of_the_past(momentum: float, **rest: Any) -> Any:
    """Turns momentum around, as it is called in optimizers and in other libraries."""
    return reference.batch_norm_statistics(momentum=1 - momentum, **rest)


@wrong("batch_norm_backward", SUM_OF_THE_GRADIENT, STEPS_IN_TRAINING)
def takes_the_batch_for_constants(input: Array, training: bool, **rest: Any) -> Any:
    """Forgets that mean and variance move with the input."""
    batch = statistics(input) if training else {}
    return reference.batch_norm_backward(input=input, training=False, **{**rest, **batch})


@wrong(
    "batch_norm_backward",
    "test_the_gradient_of_a_batch_loses_what_would_shift_or_stretch_the_channel",
    STEPS_IN_TRAINING,
)
def forgets_that_the_variance_moves(grad_output: Array, input: Array, training: bool, **rest: Any) -> Any:
    """Takes the mean off the gradient, and nothing else."""
    grads = takes_the_batch_for_constants(grad_output=grad_output, input=input, training=training, **rest)
    return grads[0] - grads[0].mean(axis=over(input), keepdims=True) * training, *grads[1:]


@wrong("batch_norm_backward", STEPS_IN_EVALUATION, "test_the_gradient_of_the_weight_is_what_a_step_of_1_in_it_adds")
def multiplies_the_gradient_of_the_weight_by_the_raw_input(
    grad_output: Array, input: Array, weight: Array | None, **rest: Any
) -> Any:
    """Adds up g·x, where what the weight multiplies is x̂."""
    grads = reference.batch_norm_backward(grad_output=grad_output, input=input, weight=weight, **rest)
    return grads[0], None if weight is None else (grad_output * input).sum(axis=over(input)), grads[2]


@wrong("batch_norm", "test_one_running_statistic_without_the_other_is_refused", level="refusals")
def takes_the_running_mean_alone(
    input: Array, running_mean: Array | None, running_var: Array | None, **rest: Any
) -> Any:
    """Replaces what is missing of the running statistics by 0 or 1."""
    if (running_mean is None) != (running_var is None):
        running_mean = np.zeros_like(running_var) if running_mean is None else running_mean
        running_var = np.ones_like(running_mean) if running_var is None else running_var
    return reference.batch_norm(input, running_mean, running_var, **rest)


@wrong("batch_norm", "test_one_array_for_two_arguments_gives_the_output_of_a_copy_for_each", level="contracts")
def keeps_the_next_mean_where_the_running_one_lies(running_mean: Array | None, training: bool, **rest: Any) -> Any:
    """Writes into the running mean before it shifts by the bias, and puts everything back."""
    if running_mean is None or not training:
        return reference.batch_norm(running_mean=running_mean, training=training, **rest)
    before = running_mean.copy()
    running_mean += 1
    output = reference.batch_norm(running_mean=running_mean, training=training, **rest)
    running_mean[...] = before
    return output
