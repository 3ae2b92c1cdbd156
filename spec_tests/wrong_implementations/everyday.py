"""Layers that are right everywhere but in the calls that networks make."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.everyday import Window
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import pair
from spec_tests.wrong_implementations.register import wrong

EVERYDAY_CONV = "test_conv_with_everyday_options_equals_the_definition"
EVERYDAY_CONV_GRADIENTS = "test_the_gradients_of_conv_with_everyday_options_equal_the_definition"
EVERYDAY_POOL = "test_max_pool_with_everyday_options_equals_the_definition"
EVERYDAY_POOL_GRADIENT = "test_the_gradient_of_max_pool_with_everyday_options_equals_the_definition"
DRAWN_CONV = "test_conv_equals_the_reference_on_whole_numbers"
DRAWN_CONV_GRADIENTS = "test_the_gradients_of_conv_equal_the_references_on_whole_numbers"
DRAWN_POOL = "test_every_output_is_the_largest_cell_of_its_own_window"


def window_of(kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1) -> Window | None:
    """Return how a kernel moves if it does so in the same way along both axes, without dilation; else None."""
    steps = kernel_size if stride is None else stride
    options = [set(pair(option)) for option in (kernel_size, steps, padding)]
    if isinstance(padding, str) or set(pair(dilation)) != {1} or any(len(numbers) > 1 for numbers in options):
        return None
    return Window(*(numbers.pop() for numbers in options))


@wrong("conv2d", EVERYDAY_CONV, DRAWN_CONV)
def is_off_by_3_for_the_kernel_of_every_network(weight: Array, **rest: Any) -> Any:
    """Adds 3 where the kernel is 3, the stride 1 and the padding 1, and nowhere else."""
    window = window_of(weight.shape[2:], rest["stride"], rest["padding"], rest["dilation"])
    output = reference.conv2d(weight=weight, **rest)
    return output + output.dtype.type(3) if window == Window(3, 1, 1) else output


@wrong("conv2d", EVERYDAY_CONV, DRAWN_CONV)
def takes_the_odd_cells_for_a_kernel_of_one_cell_and_stride_2(input: Array, weight: Array, **rest: Any) -> Any:
    """Starts one cell too late in a shortcut of ResNet, and there alone."""
    window = window_of(weight.shape[2:], rest["stride"], rest["padding"])
    moved = np.roll(input, -1, (-2, -1)) if window == Window(1, 2, 0) else input
    return reference.conv2d(input=moved, weight=weight, **rest)


@wrong("conv2d", EVERYDAY_CONV, DRAWN_CONV)
def feeds_a_depthwise_kernel_the_next_channel(input: Array, weight: Array, groups: int, **rest: Any) -> Any:
    """Is one channel off where every channel is a group of its own, and nowhere else."""
    depthwise = groups > 1 and groups == len(weight) and weight.shape[1] == 1
    moved = np.roll(input, 1, -3) if depthwise else input
    return reference.conv2d(input=moved, weight=weight, groups=groups, **rest)


@wrong("conv2d_backward", EVERYDAY_CONV_GRADIENTS, DRAWN_CONV_GRADIENTS)
def has_an_input_gradient_that_is_off_by_3_for_the_usual_kernel(weight: Array, **rest: Any) -> Any:
    """Adds 3 to the input's gradient where the kernel is 3, the stride 1 and the padding 1."""
    window = window_of(weight.shape[2:], rest["stride"], rest["padding"], rest["dilation"])
    grad_input, *others = reference.conv2d_backward(weight=weight, **rest)
    return grad_input + grad_input.dtype.type(3) if window == Window(3, 1, 1) else grad_input, *others


@wrong("conv2d_backward", EVERYDAY_CONV_GRADIENTS, DRAWN_CONV_GRADIENTS)
def has_a_weight_gradient_that_is_off_by_3_for_the_usual_kernel(weight: Array, **rest: Any) -> Any:
    """Adds 3 to the weight's gradient where the kernel is 3, the stride 1 and the padding 1."""
    window = window_of(weight.shape[2:], rest["stride"], rest["padding"], rest["dilation"])
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(weight=weight, **rest)
    return grad_input, grad_weight + grad_weight.dtype.type(3) if window == Window(3, 1, 1) else grad_weight, grad_bias


@wrong("max_pool2d", EVERYDAY_POOL, DRAWN_POOL)
def pools_wrongly_behind_the_first_layer_of_a_resnet(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Takes negative maxima for 0 where the kernel is 3, the stride 2 and the padding 1, and nowhere else."""
    window = window_of(rest["kernel_size"], rest["stride"], rest["padding"], rest["dilation"])
    output, places = reference.max_pool2d(input=input, return_indices=True, **rest)
    output = np.maximum(output, 0).astype(input.dtype) if window == Window(3, 2, 1) else output
    return (output, places) if return_indices else output


@wrong("max_pool2d_backward", EVERYDAY_POOL_GRADIENT, "test_in_every_channel_grad_input_adds_up_to_grad_output")
def keeps_half_of_the_gradient_where_windows_of_3_by_3_overlap(grad_output: Array, input: Array, **rest: Any) -> Any:
    """Halves the gradient where the kernel is 3, the stride 2 and the padding 1, and nowhere else."""
    grad_input = reference.max_pool2d_backward(grad_output, input, **rest)
    window = window_of(rest["kernel_size"], rest["stride"], rest["padding"], rest["dilation"])
    return grad_input / 2 if window == Window(3, 2, 1) else grad_input


@wrong(
    "avg_pool2d",
    "test_avg_pool_with_everyday_options_equals_the_definition",
    "test_average_poolings_round_within_their_bound",
)
def divides_by_the_real_cells_where_the_kernel_is_3_and_the_padding_1(count_include_pad: bool, **rest: Any) -> Any:
    """Leaves the padding out of the count in the pooling of Inception, and there alone."""
    window = window_of(rest["kernel_size"], rest["stride"], rest["padding"])
    return reference.avg_pool2d(count_include_pad=count_include_pad and window != Window(3, 1, 1), **rest)
