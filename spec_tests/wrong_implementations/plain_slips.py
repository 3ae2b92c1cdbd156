"""Slips in what the document itself says of an operation: a sign, a maximum for a mean, an argument that is ignored."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

MEAN_OF_ERRORS = "test_without_a_reduction_named_it_is_the_mean_of_errors_of_any_size_and_sign"
MEAN_OF_SQUARES = "test_without_a_reduction_named_it_is_the_mean_of_the_squares_of_any_errors"
MEAN_OF_SAMPLES = "test_without_a_reduction_named_the_loss_of_a_batch_is_the_mean_over_its_samples"
LARGEST = "test_every_output_is_the_largest_cell_of_its_own_window"
BY_CHANNEL = "test_every_channel_of_every_image_is_pooled_by_itself_and_none_is_lost"


# Convolution, padding and pooling


@wrong("conv2d", "test_a_3_by_3_kernel_with_padding_1_keeps_32_by_32")
def ignores_the_padding(padding: Any, **rest: Any) -> Any:
    """Convolves the input as it is."""
    return reference.conv2d(padding=0 if padding != "same" else padding, **rest)


@wrong("conv2d", "test_where_the_stride_does_not_divide_the_size_is_rounded_down")
def ignores_the_stride(stride: Any, **rest: Any) -> Any:
    """Moves by one, always."""
    return reference.conv2d(**rest)


@wrong("conv2d", "test_both_channels_together_give_18")
def averages_over_the_channels(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Takes the mean of the channels where their sum is meant."""
    kernels = weight / weight.dtype.type(weight.shape[1])
    return reference.conv2d(input=input, weight=kernels.astype(weight.dtype), bias=bias, **rest)


@wrong("max_pool2d", LARGEST)
def takes_the_smallest_cell(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Mistakes the order."""
    output, places = reference.max_pool2d(input=-input, return_indices=True, **rest)
    return (-output, places) if return_indices else -output


@wrong("max_pool2d", "test_the_value_of_largest_magnitude_is_not_the_one_that_pooling_keeps", LARGEST)
def takes_the_largest_magnitude(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Keeps the cell that is farthest from 0."""
    _, places = reference.max_pool2d(input=abs(input), return_indices=True, **rest)
    cells = np.take_along_axis(input.reshape(*input.shape[:-2], -1), places.reshape(*places.shape[:-2], -1), axis=-1)
    output = cells.reshape(places.shape)
    return (output, places) if return_indices else output


@wrong("max_pool2d", BY_CHANNEL)
def pools_over_the_channels_too(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Keeps one channel, the largest everywhere."""
    return reference.max_pool2d(input=input.max(axis=-3, keepdims=True), return_indices=return_indices, **rest)


@wrong("max_pool2d", "test_with_padding_1_as_in_the_code_the_example_stays_5_by_5")
def pools_without_padding(padding: Any, **rest: Any) -> Any:
    """Ignores the padding."""
    return reference.max_pool2d(padding=0, **rest)


@wrong("adaptive_avg_pool2d", "test_averaged_to_1_by_1_each_of_2048_channels_leaves_its_mean")
def averages_over_the_channels_as_well(input: Array, output_size: Any) -> Any:
    """Leaves one number, where there is one for each channel."""
    return reference.adaptive_avg_pool2d(input=input.mean(axis=-3, keepdims=True), output_size=output_size)


# Activations and linear layers


@wrong("relu", "test_relu_is_the_maximum_of_0_and_x", "test_the_second_printed_tensor_is_the_relu_of_the_first")
def leaks(input: Array) -> Any:
    """Lets an eighth of what is negative through."""
    return np.where(input < 0, input / input.dtype.type(8), input).astype(input.dtype)


@wrong("relu", "test_the_second_printed_tensor_is_the_relu_of_the_first")
def leaves_negative_numbers_out(input: Array) -> Any:
    """Returns the positive numbers alone."""
    return input[input > 0]


@wrong("relu", "test_relu_is_not_linear")
def does_nothing(input: Array) -> Any:
    """Returns what came in."""
    return input.copy()


@wrong("softmax", "test_a_softmax_is_a_distribution_over_the_classes_and_single_sigmoids_are_not")
def forgets_to_normalize(input: Array, dim: int, dtype: Any) -> Any:
    """Returns the powers."""
    return np.exp(input - input.max(axis=dim, keepdims=True)).astype(dtype or input.dtype)


@wrong("softmax", "test_the_class_with_the_largest_score_is_also_the_most_probable_one")
def turns_the_scores_round(input: Array, **rest: Any) -> Any:
    """Takes a small score for a good one."""
    return reference.softmax(-input, **rest)


@wrong("linear", "test_an_input_of_zeros_gives_the_bias")
def leaves_the_bias_out(input: Array, weight: Array, bias: Array | None) -> Any:
    """Multiplies, and adds nothing."""
    return reference.linear(input, weight)


@wrong("linear", "test_only_the_last_axis_changes_and_to_any_size")
def lays_the_leading_axes_together(input: Array, weight: Array, bias: Array | None) -> Any:
    """Returns a matrix, whatever came in."""
    output = reference.linear(input, weight, bias)
    return output.reshape(-1, output.shape[-1])


@wrong("flatten", "test_the_1024_features_are_ordered_by_channel_then_row_then_column")
def flattens_column_by_column(input: Array, start_dim: int, end_dim: int) -> Any:
    """Lets the first of the axes run fastest."""
    end = end_dim % input.ndim if input.ndim else 0
    turned = (*range(start_dim), *range(end, start_dim - 1, -1), *range(end + 1, input.ndim))
    return reference.flatten(input.transpose(turned), start_dim, end_dim)


# Losses


@wrong("l1_loss", MEAN_OF_ERRORS)
def takes_the_largest_error(reduction: str, **rest: Any) -> Any:
    """Takes the maximum for the mean."""
    losses = reference.l1_loss(reduction=reduction.replace("mean", "none"), **rest)
    return losses.max(initial=0) if reduction == "mean" else losses


@wrong("l1_loss", "test_their_sum_is_two_and_a_half", "test_the_mean_of_five_errors_of_one_half_is_one_half")
def halves_the_errors(**arguments: Any) -> Any:
    """Returns half the error, as some losses do with the square."""
    return reference.l1_loss(**arguments) / 2


@wrong(
    "l1_loss",
    "test_without_a_reduction_named_it_is_the_mean_of_errors_of_any_size_and_sign",
    report="pytorch/pytorch#12901",
)
def adds_the_errors_up(reduction: str, **rest: Any) -> Any:
    """Takes the sum for the mean."""
    return reference.l1_loss(reduction=reduction.replace("mean", "sum"), **rest)


@wrong("mse_loss", MEAN_OF_SQUARES)
def takes_the_largest_square(reduction: str, **rest: Any) -> Any:
    """Takes the maximum for the mean."""
    losses = reference.mse_loss(reduction=reduction.replace("mean", "none"), **rest)
    return losses.max(initial=0) if reduction == "mean" else losses


@wrong("mse_loss", MEAN_OF_SQUARES, "test_their_sum_is_one_and_a_quarter")
def takes_the_root(**arguments: Any) -> Any:
    """Returns the root of the squares."""
    return np.sqrt(reference.mse_loss(**arguments))


@wrong(
    "mse_loss",
    "test_the_mean_of_five_squared_errors_of_one_half_is_one_quarter",
    MEAN_OF_SQUARES,
    report="pytorch/pytorch#10148",
)
def adds_the_squares_up(reduction: str, **rest: Any) -> Any:
    """Takes the sum for the mean."""
    return reference.mse_loss(reduction=reduction.replace("mean", "sum"), **rest)


@wrong("nll_loss", MEAN_OF_SAMPLES)
def takes_the_worst_sample(reduction: str, **rest: Any) -> Any:
    """Takes the maximum for the mean."""
    losses = reference.nll_loss(reduction=reduction.replace("mean", "none"), **rest)
    return losses.max(initial=0) if reduction == "mean" else losses


@wrong("nll_loss", "test_the_model_gives_the_true_classes_these_probabilities")
def reads_the_class_before(input: Array, target: Array, **rest: Any) -> Any:
    """Takes a class's number for its place from 1 on."""
    return reference.nll_loss(input=np.roll(input, 1, axis=min(1, input.ndim - 1)), target=target, **rest)


@wrong("nll_loss", "test_nll_takes_no_logarithm_and_does_not_check_that_it_got_one")
def forgets_the_minus(**arguments: Any) -> Any:
    """Rewards what should cost."""
    return -reference.nll_loss(**arguments)


@wrong("cross_entropy", MEAN_OF_SAMPLES)
def takes_the_worst_sample_of_a_batch(reduction: str, **rest: Any) -> Any:
    """Takes the maximum for the mean."""
    losses = reference.cross_entropy(reduction=reduction.replace("mean", "none"), **rest)
    return losses.max(initial=0) if reduction == "mean" else losses


@wrong("cross_entropy", "test_class_weights_multiply_losses_and_enter_the_divisor_of_the_mean")
def ignores_the_weights_of_the_classes(weight: Array | None, **rest: Any) -> Any:
    """Treats all classes alike."""
    return reference.cross_entropy(weight=None, **rest)


@wrong("cross_entropy", "test_a_sample_costs_minus_its_score_plus_the_log_of_the_sum_of_all_exponentials")
def counts_in_bits(**arguments: Any) -> Any:
    """Takes the logarithm to the base 2."""
    loss = reference.cross_entropy(**arguments)
    return (loss / np.log(2)).astype(loss.dtype)


@wrong("cross_entropy", "test_bare_probabilities_in_cross_entropy_give_another_number")
def takes_its_input_for_logarithms_already(**arguments: Any) -> Any:
    """Leaves the normalization out."""
    options = {name: value for name, value in arguments.items() if name != "label_smoothing"}
    if arguments["target"].dtype.kind == "f" or arguments["label_smoothing"]:
        return reference.cross_entropy(**arguments)
    return reference.nll_loss(**options)


# The network


@wrong(
    "cifar10_cnn_backward",
    "test_the_layers_have_2432_25632_51264_and_10250_parameters_89578_in_total",
    error=KeyError,
)
def gives_the_last_bias_no_gradient(**arguments: Any) -> Any:
    """Leaves it out."""
    grad_input, gradients = reference.cifar10_cnn_backward(**arguments)
    return grad_input, {name: value for name, value in gradients.items() if name != "linear.bias"}
