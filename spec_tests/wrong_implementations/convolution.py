"""Convolutions and their gradients, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import around, pair
from spec_tests.wrong_implementations.register import wrong

EQUALITY = "test_conv_equals_the_reference_on_whole_numbers"
ROUNDING = "test_conv_rounds_within_its_bound_which_is_sharp_where_terms_are_few"


@wrong("conv2d", "test_an_impulse_returns_the_flipped_kernel", EQUALITY)
def flips_the_kernel(weight: Array, **rest: Any) -> Any:
    """Convolves as mathematicians do, the kernel turned around."""
    return reference.conv2d(weight=np.flip(weight, (2, 3)), **rest)


@wrong("conv2d", "test_a_stride_of_s_keeps_every_sth_output", EQUALITY)
def swaps_the_strides(stride: Any, **rest: Any) -> Any:
    """Takes the stride of the rows for that of the columns."""
    return reference.conv2d(stride=pair(stride)[::-1], **rest)


@wrong(
    "conv2d", "test_a_dilated_kernel_is_one_with_zeros_between_its_taps", EQUALITY, report="intel/webml-polyfill#568"
)
def ignores_the_dilation(dilation: Any, **rest: Any) -> Any:
    """Lays the taps of every kernel side by side."""
    return reference.conv2d(**rest)


@wrong("conv2d", "test_each_group_convolves_its_own_channels_and_adds_the_results", EQUALITY)
def feeds_every_group_the_first_channels(input: Array, weight: Array, groups: int, **rest: Any) -> Any:
    """Ignores that each group has input channels of its own."""
    first = [*range(weight.shape[1])] * groups
    return reference.conv2d(input=np.take(input, first, axis=-3), weight=weight, groups=groups, **rest)


@wrong("conv2d", "test_a_bias_is_added_to_every_place_of_its_channel", EQUALITY)
def drops_the_bias(bias: Array | None, **rest: Any) -> Any:
    """Forgets the bias."""
    return reference.conv2d(**rest)


@wrong("conv2d", "test_padding_is_a_border_of_zeros_around_the_input", EQUALITY)
def pads_with_the_nearest_cell(input: Array, padding: Any, **rest: Any) -> Any:
    """Repeats the border cells where zeros belong."""
    if isinstance(padding, str):
        return reference.conv2d(input=input, padding=padding, **rest)
    return reference.conv2d(input=np.pad(input, around(input, padding), "edge"), **rest)


@wrong("conv2d", "test_padding_same_keeps_the_size_and_puts_the_odd_cell_after")
def puts_the_odd_cell_of_same_padding_before(input: Array, weight: Array, padding: Any, **rest: Any) -> Any:
    """Pads one cell more before than after."""
    if padding != "same":
        return reference.conv2d(input=input, weight=weight, padding=padding, **rest)
    turned = reference.conv2d(np.flip(input, (-2, -1)), np.flip(weight, (-2, -1)), padding=padding, **rest)
    return np.flip(turned, (-2, -1))


@wrong("conv2d", "test_every_image_of_a_batch_is_convolved_by_itself", EQUALITY)
def subtracts_the_first_image_from_the_batch(input: Array, **rest: Any) -> Any:
    """Lets the images of a batch see one another."""
    return reference.conv2d(input=input - input[:1] if input.ndim == 4 and len(input) > 1 else input, **rest)


@wrong("conv2d", "test_a_nan_reaches_exactly_the_outputs_whose_window_holds_it", level="conventions")
def takes_nan_for_zero(input: Array, **rest: Any) -> Any:
    """Hides a NaN of the input."""
    return reference.conv2d(input=np.nan_to_num(input), **rest)


@wrong("conv2d", ROUNDING)
def rounds_the_weights_to_half(weight: Array, **rest: Any) -> Any:
    """Keeps the weights in float16, which small whole numbers do not show."""
    return reference.conv2d(weight=rounded(weight, "float16").astype(weight.dtype), **rest)


@wrong("conv2d", ROUNDING, dtype="float64")
def computes_float64_in_float32(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Returns the right dtype with half of its digits."""
    narrow = {"input": input, "weight": weight, "bias": bias}
    arrays: Any = {name: None if value is None else value.astype(np.float32) for name, value in narrow.items()}
    return reference.conv2d(**arrays, **rest).astype(input.dtype)


@wrong("conv2d", "test_conv_keeps_whole_numbers_to_the_last_digit", level="conventions")
def computes_integers_in_float32(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Takes the way through floating point, which has too few digits for large whole numbers."""
    if input.dtype.kind == "f":
        return reference.conv2d(input, weight, bias, **rest)
    return computes_float64_in_float32(input, weight, bias, **rest)


@wrong(
    "conv2d", "test_the_convolution_of_an_empty_batch_is_empty", error=ValueError, level="conventions"
)  # nothing to stack
def stacks_the_images_one_by_one(input: Array, **rest: Any) -> Any:
    """Has nothing to stack when the batch is empty."""
    if input.ndim == 3:
        return reference.conv2d(input=input, **rest)
    return np.stack([reference.conv2d(input=image, **rest) for image in input])


SAME_PATHS = "test_what_flows_forward_through_a_conv_flows_back_along_the_same_paths"
EQUAL_GRADIENTS = "test_the_gradients_of_conv_equal_the_references_on_whole_numbers"


@wrong("conv2d_backward", SAME_PATHS, EQUAL_GRADIENTS)
def sends_the_gradient_through_the_kernel_as_it_is(weight: Array, **rest: Any) -> Any:
    """Correlates on the way back too, where the kernel has to be turned around."""
    grad_input, *_ = reference.conv2d_backward(weight=np.flip(weight, (2, 3)), **rest)
    return grad_input, *reference.conv2d_backward(weight=weight, **rest)[1:]


@wrong("conv2d_backward", SAME_PATHS, EQUAL_GRADIENTS)
def puts_the_cells_that_no_window_reached_first(input: Array, weight: Array, **options: Any) -> Any:
    """Crops, or fills up with zeros, at the wrong end where the stride does not divide the way."""
    grad_input, *others = reference.conv2d_backward(input=input, weight=weight, **options)
    steps = [pair(options[option]) for option in ("stride", "padding", "dilation")]
    axes = zip(input.shape[-2:], weight.shape[2:], *steps, strict=True)
    return np.roll(grad_input, [(h + 2 * p - d * (k - 1) - 1) % s for h, k, s, p, d in axes], (-2, -1)), *others


@wrong("conv2d_backward", SAME_PATHS, EQUAL_GRADIENTS)
def averages_the_gradient_of_the_weight_over_the_batch(input: Array, **rest: Any) -> Any:
    """Divides by the number of images, which is the loss's affair."""
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(input=input, **rest)
    return grad_input, grad_weight / (len(input) if input.ndim == 4 else 1), grad_bias


@wrong("conv2d_backward", "test_the_gradient_of_the_bias_is_the_sum_over_places_and_images")
def takes_the_gradient_of_the_bias_from_the_first_image(grad_output: Array, bias: Array | None, **rest: Any) -> Any:
    """Forgets to add up the other images."""
    grad_input, grad_weight, _ = reference.conv2d_backward(grad_output=grad_output, **rest)
    first = grad_output[0] if grad_output.ndim == 4 else grad_output
    return grad_input, grad_weight, None if bias is None else first.sum((-2, -1))


@wrong("conv2d_backward", EQUAL_GRADIENTS)
def returns_a_gradient_for_a_bias_that_is_not_there(weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Always returns three gradients."""
    return reference.conv2d_backward(weight=weight, bias=weight[:, 0, 0, 0], **rest)


@wrong("conv2d_backward", SAME_PATHS, EQUAL_GRADIENTS)
def starts_the_gradient_from_ones(grad_output: Array, **rest: Any) -> Any:
    """Ignores the cotangent: right for the sum of the output, and for nothing else."""
    return reference.conv2d_backward(grad_output=np.ones_like(grad_output), **rest)
