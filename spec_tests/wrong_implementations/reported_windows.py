"""Convolutions and poolings with defects that libraries had, each modelled on a public report."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import as_in_memory, pair
from spec_tests.wrong_implementations.layouts import as_if_contiguous, is_channels_last, owner_of
from spec_tests.wrong_implementations.register import wrong

# Convolutions


@wrong(
    "conv1d",
    "test_conv_with_everyday_options_equals_the_definition",
    "test_a_kernel_of_a_single_power_of_two_copies_its_cells_to_the_last_digit",
    report="pytorch/pytorch#82921",
)
def moves_a_row_by_one_whatever_the_stride(stride: Any, **rest: Any) -> Any:
    """Returns as many outputs as it should, of windows that lie side by side."""
    count = reference.conv1d(stride=stride, **rest).shape[-1]
    return reference.conv1d(stride=1, **rest)[..., :count].copy()


@wrong(
    "conv2d",
    "test_a_kernel_of_a_single_power_of_two_copies_its_cells_to_the_last_digit",
    "test_a_bias_is_added_to_every_place_of_its_channel",
    report="pytorch/pytorch#83180",
)
def takes_the_first_stride_for_both_axes(stride: Any, **rest: Any) -> Any:
    """Moves by rows as far as by columns, and leaves zeros where that leads beyond the input."""
    rows, columns = pair(stride)
    if rows == columns:
        return reference.conv2d(stride=stride, **rest)
    output = np.zeros_like(reference.conv2d(stride=stride, **rest))
    moved = reference.conv2d(stride=rows, **rest)[..., : output.shape[-1]]
    output[..., : moved.shape[-1]] = moved
    return output


@wrong(
    "conv2d",
    "test_wide_inputs_give_exact_results_on_whole_numbers",
    "test_what_flows_through_a_large_convolution_flows_back_the_same_way",
    report="pytorch/pytorch#19912",
)
def loses_groups_of_few_channels_with_16_outputs(weight: Array, groups: int, **rest: Any) -> Any:
    """Returns zeros for groups of less than 16 channels if there are 16 outputs, or a multiple of that."""
    output = reference.conv2d(weight=weight, groups=groups, **rest)
    lost = groups > 1 and weight.shape[1] < 16 and len(weight) % 16 == 0
    return np.zeros_like(output) if lost else output


@wrong(
    "conv2d",
    "test_conv_with_everyday_options_equals_the_definition",
    "test_a_kernel_of_a_single_power_of_two_copies_its_cells_to_the_last_digit",
    report="pytorch/pytorch#188335",
)
def takes_the_first_image_for_all_in_a_depthwise_kernel(input: Array, weight: Array, groups: int, **rest: Any) -> Any:
    """Is right for a single image."""
    depthwise = groups > 1 and weight.shape[1] == 1 and input.ndim == 4
    read = np.broadcast_to(input[:1], input.shape).copy() if depthwise else input
    return reference.conv2d(input=read, weight=weight, groups=groups, **rest)


@wrong(
    "conv1d",
    "test_conv_with_everyday_options_equals_the_definition",
    "test_a_dilated_kernel_is_one_with_zeros_between_its_taps",
    report="modular/modular#6129",
)
def mixes_groups_up_where_kernels_are_long(weight: Array, groups: int, **rest: Any) -> Any:
    """Gives every group the kernels of the next, from 5 cells on."""
    read = np.roll(weight, len(weight) // groups, 0) if groups > 1 and weight.shape[-1] >= 5 else weight
    return reference.conv1d(weight=read, groups=groups, **rest)


@wrong(
    "conv2d",
    "test_a_wide_layer_adds_up_what_narrow_ones_give",
    "test_wide_inputs_give_exact_results_on_whole_numbers",
    report="pytorch/pytorch#129207",
)
def writes_channels_beyond_512_over_the_first(**arguments: Any) -> Any:
    """Counts output channels in too few digits: the first are overwritten, and the last stay 0."""
    output = reference.conv2d(**arguments)
    over = output.shape[-3] - 512
    if over > 0:
        output[..., :over, :, :] = output[..., 512:, :, :].copy()
        output[..., 512:, :, :] = 0
    return output


@wrong(
    "conv3d",
    "test_conv_with_everyday_options_equals_the_definition",
    "test_a_wide_layer_adds_up_what_narrow_ones_give",
    report="pytorch/pytorch#197114",
)
def reads_the_channels_of_a_clip_in_another_order(input: Array, **rest: Any) -> Any:
    """Confuses the channels of contiguous clips; in channels last they are right."""
    read = input if is_channels_last(input) else np.roll(input, 1, -4)
    return reference.conv3d(input=read, **rest)


@wrong(
    "conv2d",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    "test_arrays_that_are_not_contiguous_give_the_same_result",
    level="contracts",
    report="pytorch/pytorch#192212",
)
def reads_the_memory_of_a_sliced_kernel(weight: Array, **rest: Any) -> Any:
    """Takes a kernel that is a slice of another for contiguous."""
    return reference.conv2d(weight=as_if_contiguous(weight), **rest)


@wrong(
    "conv2d",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    level="contracts",
    report="pytorch/pytorch#15297",
)
def reads_the_memory_behind_an_expanded_kernel(weight: Array, **rest: Any) -> Any:
    """Takes the same kernel for every channel, without a copy for each, for as many kernels in memory."""
    expanded = any(step == 0 and size > 1 for step, size in zip(weight.strides, weight.shape, strict=True))
    return reference.conv2d(weight=as_if_contiguous(weight) if expanded else weight, **rest)


@wrong(
    "conv2d_backward",
    "test_what_flows_through_a_large_convolution_flows_back_the_same_way",
    "test_the_gradients_of_conv_with_everyday_options_equal_the_definition",
    report="nntrainer/nntrainer#705",
)
def writes_the_gradient_of_the_weight_in_another_order(**arguments: Any) -> Any:
    """Exchanges the axes of the outputs and the channels in what it writes, which is right for one of each."""
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(**arguments)
    return grad_input, grad_weight.swapaxes(0, 1).reshape(grad_weight.shape), grad_bias


@wrong(
    "conv2d_backward",
    "test_gradients_do_not_depend_on_how_arguments_lie_in_memory",
    level="contracts",
    report="deeplearning4j/deeplearning4j#8280",
)
def adds_the_gradient_of_the_bias_up_over_other_axes(grad_output: Array, **rest: Any) -> Any:
    """Adds up over the axes of a contiguous gradient, whatever its layout."""
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(grad_output=grad_output, **rest)
    if grad_bias is not None and is_channels_last(grad_output) and grad_output.ndim == 4:
        grad_bias = as_in_memory(grad_output).sum((0, 2, 3), dtype=grad_bias.dtype)
    return grad_input, grad_weight, grad_bias


# Max poolings


@wrong(
    "max_pool2d",
    "test_the_indices_of_max_pool_equal_the_references",
    level="conventions",
    report="pytorch/pytorch#38986",
)
def gives_the_indices_of_one_image_a_batch_axis(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Forgets to take the axis away again that it has put before an image without a batch."""
    output, indices = reference.max_pool2d(input=input, return_indices=True, **rest)
    return (output, indices[np.newaxis] if input.ndim == 3 else indices) if return_indices else output


@wrong(
    "max_pool2d",
    "test_the_indices_of_max_pool_equal_the_references",
    "test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel",
    level="conventions",
    report="pytorch/pytorch#7336",
)
def returns_indices_in_floating_point(return_indices: bool, **rest: Any) -> Any:
    """Returns them in the format of the output."""
    output, indices = reference.max_pool2d(return_indices=True, **rest)
    return (output, indices.astype(output.dtype)) if return_indices else output


@wrong(
    "max_pool3d",
    "test_of_the_two_zeros_the_index_is_that_of_the_first",
    "test_of_equal_cells_the_index_is_that_of_the_first_in_row_order",
    level="conventions",
    report="pytorch/pytorch#1197",
)
def leaves_junk_in_the_upper_half_of_an_index(return_indices: bool, **rest: Any) -> Any:
    """Writes 32 digits of 64; in the others stands what stood there."""
    output, indices = reference.max_pool3d(return_indices=True, **rest)
    return (output, indices + 2**32) if return_indices else output


@wrong(
    "max_pool2d",
    "test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more",
    "test_where_nan_beats_infinity_the_index_is_that_of_the_last_nan",
    level="conventions",
    report="tensorflow/tensorflow#2501",
)
def has_the_lowest_number_for_nan(input: Array, **rest: Any) -> Any:
    """Begins with the lowest number, which no NaN exceeds."""
    if input.dtype.kind == "f":
        input = np.where(np.isnan(input), np.finfo(input.dtype).min, input)
    return reference.max_pool2d(input=input, **rest)


@wrong(
    "max_pool1d",
    "test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more",
    "test_where_nan_beats_infinity_the_index_is_that_of_the_last_nan",
    level="conventions",
    report="Theano/Theano#3060",
)
def sees_nan_in_the_first_cell_of_a_window_alone(
    input: Array, kernel_size: Any, stride: Any, padding: Any, return_indices: bool, **rest: Any
) -> Any:
    """Begins with the first cell, and then takes what is greater."""
    known = np.where(np.isnan(input), input.dtype.type(-np.inf), input)
    output, indices = reference.max_pool1d(known, kernel_size, stride, padding, return_indices=True, **rest)
    (step,), (border,) = np.ravel(kernel_size if stride is None else stride), np.ravel(padding)
    first = np.arange(output.shape[-1]) * step - border
    starts = input[..., np.clip(first, 0, input.shape[-1] - 1)]
    output = np.where((first >= 0) & np.isnan(starts), starts, output)
    return (output, indices) if return_indices else output


@wrong(
    "max_pool3d",
    "test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more",
    "test_where_nan_beats_infinity_the_index_is_that_of_the_last_nan",
    level="conventions",
    report="pytorch/pytorch#39846",
)
def swallows_nan_along_three_axes(input: Array, **rest: Any) -> Any:
    """Lets NaN lose against every number."""
    return reference.max_pool3d(input=np.where(np.isnan(input), input.dtype.type(-np.inf), input), **rest)


# Average poolings


@wrong(
    "avg_pool2d",
    "test_every_output_is_the_sum_of_its_window_over_its_count",
    "test_average_poolings_equal_the_references_where_no_mean_rounds",
    report="pytorch/executorch#18616",
)
def ignores_the_divisor_unless_the_padding_counts(
    count_include_pad: bool, divisor_override: int | None, **rest: Any
) -> Any:
    """Divides by the real cells, whatever divisor is asked for."""
    divisor = divisor_override if count_include_pad else None
    return reference.avg_pool2d(count_include_pad=count_include_pad, divisor_override=divisor, **rest)


@wrong(
    "avg_pool2d",
    "test_counted_padding_is_a_border_of_zeros",
    "test_an_average_pooling_is_a_convolution_with_equal_weights",
    report="microsoft/onnxruntime#27375",
)
def ends_rows_where_the_padding_of_columns_does(
    input: Array, kernel_size: Any, stride: Any, padding: Any, **rest: Any
) -> Any:
    """Counts the rows of a window up to the other axis' padding."""
    output = reference.avg_pool2d(input, kernel_size, stride, padding, **rest)
    if not rest["count_include_pad"] or rest["divisor_override"] is not None:
        return output
    height, steps, borders = pair(kernel_size)[0], pair(kernel_size if stride is None else stride), pair(padding)
    first = np.arange(output.shape[-2]) * steps[0] - borders[0]
    right, counted = (np.minimum(first + height, input.shape[-2] + border) - first for border in borders)
    return (output * (right / np.maximum(counted, 1))[:, np.newaxis]).astype(output.dtype)


@wrong(
    "avg_pool2d",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    level="contracts",
    report="pytorch/pytorch#174345",
)
def averages_from_the_start_of_memory(input: Array, **rest: Any) -> Any:
    """Loses the offset of a picture in its memory."""
    offset = input.flags.c_contiguous and owner_of(input).size > input.size
    return reference.avg_pool2d(input=as_if_contiguous(input, from_the_start=True) if offset else input, **rest)


@wrong(
    "avg_pool2d_backward",
    "test_gradients_do_not_depend_on_how_arguments_lie_in_memory",
    level="contracts",
    report="pytorch/pytorch#188344",
)
def forgets_the_padding_in_channels_last_on_the_way_back(input: Array, padding: Any, **rest: Any) -> Any:
    """Writes the gradient as far behind where it belongs as the padding is wide."""
    grad_input = reference.avg_pool2d_backward(input=input, padding=padding, **rest)
    return np.roll(grad_input, pair(padding), (-2, -1)) if is_channels_last(input) else grad_input
