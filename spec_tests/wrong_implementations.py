"""Wrong implementations, each wrong in one way that is easily written by hand. The specification must catch them all.

Each names the operation that it replaces and the tests that catch it; `test_wrong_implementations.py` holds it to
that. To look at a failure: `pytest spec_tests --subject wrong:flips_the_kernel`.

The functions receive all arguments of their operation by name, defaults filled in, and spell out those that matter.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import reference
from reference.geometry import PoolGeometry
from reference.windows import windows
from spec_tests.formats import rounded
from spec_tests.problems import Array, adaptive_window

Function: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Wrong:
    """A wrong implementation, what it replaces, and what catches it."""

    operation: str
    function: Function
    caught_by: tuple[str, ...]
    dtype: str
    """The number format in which it is caught, where the tests have several."""
    error: type[Exception]
    """What the tests then raise: AssertionError, unless the implementation breaks down."""


WRONG: dict[str, Wrong] = {}
"""All of them, by name."""


def wrong(
    operation: str, *caught_by: str, dtype: str = "float32", error: type[Exception] = AssertionError
) -> Callable[[Function], Function]:
    """Register a function as a wrong implementation of this operation, caught by these tests."""
    signature = inspect.signature(getattr(reference, operation))

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def called_as_the_operation(*args: Any, **options: Any) -> Any:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            return function(**bound.arguments)

        if function.__name__ in WRONG:
            raise ValueError(f"there are two wrong implementations called {function.__name__}")
        WRONG[function.__name__] = Wrong(operation, called_as_the_operation, caught_by, dtype, error)
        return function

    return register


# Convolution

EQUALITY = "test_conv_equals_the_reference_on_whole_numbers"
ROUNDING = "test_conv_rounds_within_its_bound_which_is_sharp_where_terms_are_few"


@wrong("conv2d", "test_a_single_1_in_the_input_brings_out_the_kernel_backwards", EQUALITY)
def flips_the_kernel(weight: Array, **rest: Any) -> Any:
    """Convolves as mathematicians do, the kernel turned around."""
    return reference.conv2d(weight=np.flip(weight, (2, 3)), **rest)


@wrong("conv2d", "test_a_stride_keeps_every_so_manieth_output", EQUALITY)
def swaps_the_strides(stride: Any, **rest: Any) -> Any:
    """Takes the stride of the rows for that of the columns."""
    return reference.conv2d(stride=_pair(stride)[::-1], **rest)


@wrong("conv2d", "test_a_dilated_kernel_is_one_with_zeros_between_its_taps", EQUALITY)
def ignores_the_dilation(dilation: Any, **rest: Any) -> Any:
    """Lays the taps of every kernel side by side."""
    return reference.conv2d(**rest)


@wrong("conv2d", "test_the_channels_of_a_group_are_convolved_by_themselves_and_their_results_added", EQUALITY)
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
    return reference.conv2d(input=np.pad(input, _around(input, padding), "edge"), **rest)


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


@wrong("conv2d", "test_a_nan_reaches_exactly_the_outputs_whose_window_holds_it")
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


@wrong("conv2d", "test_conv_keeps_whole_numbers_to_the_last_digit")
def computes_integers_in_float32(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Takes the way through floating point, which has too few digits for large whole numbers."""
    if input.dtype.kind == "f":
        return reference.conv2d(input, weight, bias, **rest)
    return computes_float64_in_float32(input, weight, bias, **rest)


@wrong(
    "conv2d", "test_an_empty_batch_gives_an_empty_output_and_no_gradient_for_the_weights", error=ValueError
)  # need at least one array to stack
def stacks_the_images_one_by_one(input: Array, **rest: Any) -> Any:
    """Has nothing to stack when the batch is empty."""
    if input.ndim == 3:
        return reference.conv2d(input=input, **rest)
    return np.stack([reference.conv2d(input=image, **rest) for image in input])


# Gradients of convolution

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
    steps = [_pair(options[option]) for option in ("stride", "padding", "dilation")]
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


# Padding modes


@wrong("pad", "test_every_mode_is_the_mode_of_numpys_own_pad")
def repeats_the_border_cell_in_a_reflection(input: Array, pad: Any, mode: str, **rest: Any) -> Any:
    """Mirrors the border cells too, as NumPy's "symmetric" does."""
    if mode != "reflect":
        return reference.pad(input, pad, mode, **rest)
    return np.pad(input, _borders(input, pad), "symmetric")


@wrong("pad", "test_the_numbers_of_pad_go_from_the_last_axis_backwards")
def pads_the_first_axis_first(pad: Any, **rest: Any) -> Any:
    """Takes the pairs of `pad` from the first of the padded axes on, where torch counts from the last."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return reference.pad(pad=[cells for pair in pairs[::-1] for cells in pair], **rest)


@wrong("pad_backward", "test_what_flows_forward_through_a_padding_flows_back_onto_the_cells_it_was_copied_from")
def forgets_the_copies_in_the_border(grad_output: Array, input: Array, pad: Any, **rest: Any) -> Any:
    """Cuts the border off, where the gradient of a copy belongs to the cell that was copied."""
    return _cropped(grad_output, _borders(input, pad))


# Max pooling

FIRST_OF_TIES = "test_of_equal_cells_the_first_in_row_order_takes_the_whole_gradient"
NOTHING_LOST = "test_in_every_channel_the_gradient_of_the_input_adds_up_to_that_of_the_output"


@wrong("max_pool2d", "test_where_every_cell_is_negative_so_is_every_output")
def pads_pooling_with_zero(input: Array, padding: Any, **rest: Any) -> Any:
    """Lets the padding win over negative cells."""
    return reference.max_pool2d(input=np.pad(input, _around(input, padding)), padding=0, **rest)


@wrong("max_pool2d", "test_max_pool2d_and_3d_take_integers_and_keep_them_to_the_last_digit")
def pools_integers_in_float32(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Takes the way through floating point, which cannot tell large whole numbers apart."""
    narrow = input if input.dtype.kind == "f" else input.astype(np.float32)
    output, places = reference.max_pool2d(input=narrow, return_indices=True, **rest)
    with np.errstate(invalid="ignore"):
        output = output.astype(input.dtype)
    return (output, places) if return_indices else output


@wrong("max_pool2d", "test_the_stride_is_the_kernel_size_unless_given")
def steps_by_one_unless_told(stride: Any, **rest: Any) -> Any:
    """Takes 1 for the default of the stride, as convolution does."""
    return reference.max_pool2d(stride=1 if stride is None else stride, **rest)


@wrong(
    "max_pool2d",
    "test_ceil_mode_adds_a_window_where_cells_are_left_over_if_it_starts_before_the_end_of_the_input",
)
def keeps_a_window_that_starts_behind_the_input(input: Array, stride: Any, ceil_mode: bool, **rest: Any) -> Any:
    """Rounds up in ceil mode, and does not drop a window that lies in the padding only."""
    steps = _pair(rest["kernel_size"] if stride is None else stride)
    overhang = [(0, 0)] * (input.ndim - 2) + [(0, s - 1 if ceil_mode else 0) for s in steps]
    lowest = -np.inf if input.dtype.kind == "f" else np.iinfo(input.dtype).min
    return reference.max_pool2d(np.pad(input, overhang, constant_values=lowest), stride=steps, **rest)


@wrong("max_pool2d", "test_a_spike_comes_out_of_exactly_the_windows_that_hold_it")
def swallows_nan(input: Array, **rest: Any) -> Any:
    """Lets NaN lose against every number."""
    return reference.max_pool2d(input=np.where(np.isnan(input), input.dtype.type(-np.inf), input), **rest)


@wrong("max_pool2d", "test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel")
def points_at_the_last_of_equal_maxima(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Lets a later cell take the lead if it is as great."""
    later = np.arange(input.size).reshape(input.shape) / 2**20  # too little to change the order
    _, places = reference.max_pool2d(input=input.astype(np.float64) + later, return_indices=True, **rest)
    output = reference.max_pool2d(input=input, **rest)
    return (output, places) if return_indices else output


@wrong("max_pool2d", "test_nan_wins_over_infinity_and_of_several_the_last_one_takes_index_and_gradient")
def points_at_the_first_nan(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Stops at the first NaN, as `argmax` does."""
    output, places = reference.max_pool2d(input=input, return_indices=True, **rest)
    _, first = reference.max_pool2d(input=np.isnan(input).astype(np.float64), return_indices=True, **rest)
    return (output, np.where(np.isnan(output), first, places)) if return_indices else output


@wrong("max_pool2d", "test_a_window_of_minus_infinities_points_at_its_first_real_cell")
def points_nowhere_in_a_window_of_minus_infinities(return_indices: bool, **rest: Any) -> Any:
    """Takes a cell for padding because it holds −∞."""
    output, places = reference.max_pool2d(return_indices=True, **rest)
    return (output, np.where(output == -np.inf, -1, places)) if return_indices else output


@wrong("max_pool2d", "test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel")
def numbers_the_cells_of_the_padding_too(input: Array, padding: Any, return_indices: bool, **rest: Any) -> Any:
    """Returns places in the padded map."""
    output, places = reference.max_pool2d(input=input, padding=padding, return_indices=True, **rest)
    (p, q), w = _pair(padding), input.shape[-1]
    return (output, (places // w + p) * (w + 2 * q) + places % w + q) if return_indices else output


@wrong("max_pool2d_backward", FIRST_OF_TIES, NOTHING_LOST)
def gives_the_whole_gradient_to_all_of_equal_maxima(grad_output: Array, input: Array, **options: Any) -> Any:
    """Sends the gradient to every cell that is as great as the maximum."""
    return _to_ties(grad_output, input, options, lambda wins: wins)


@wrong("max_pool2d_backward", FIRST_OF_TIES)
def shares_the_gradient_among_equal_maxima(grad_output: Array, input: Array, **options: Any) -> Any:
    """Divides the gradient by the number of cells that are as great as the maximum."""
    return _to_ties(grad_output, input, options, lambda wins: wins / np.maximum(wins.sum((-2, -1), keepdims=True), 1))


@wrong("max_pool2d_backward", NOTHING_LOST)
def keeps_one_gradient_of_a_cell_that_wins_twice(grad_output: Array, input: Array, **options: Any) -> Any:
    """Assigns where it has to add: windows overlap."""
    _, places = reference.max_pool2d(input, **{**options, "return_indices": True})
    grad_input = np.zeros((*input.shape[:-2], input.shape[-2] * input.shape[-1]), input.dtype)
    winners, gradients = (values.reshape(*values.shape[:-2], -1) for values in (places, grad_output))
    np.put_along_axis(grad_input, winners, gradients, axis=-1)
    return grad_input.reshape(input.shape)


# Activations

LIMITS = "test_the_activations_of_nan_are_nan_and_those_of_the_infinities_their_limits"
KINK = "test_at_the_kink_no_gradient_passes_relu_and_at_nan_it_does"


@wrong("relu", LIMITS)
def turns_nan_into_zero(input: Array) -> Any:
    """Keeps what is positive, where it has to drop what is negative."""
    return np.where(input > 0, input, input.dtype.type(0))


@wrong("relu", "test_relu_keeps_the_sign_of_zero_in_torch_and_in_the_references")
def loses_the_sign_of_zero(input: Array) -> Any:
    """Returns 0.0 for −0.0."""
    return reference.relu(input) + input.dtype.type(0)


@wrong("relu_backward", KINK)
def passes_the_gradient_at_the_kink(grad_output: Array, input: Array) -> Any:
    """Takes the slope at 0 to be 1."""
    return np.where(input < 0, input.dtype.type(0), grad_output)


@wrong("relu_backward", KINK)
def stops_the_gradient_at_nan(grad_output: Array, input: Array) -> Any:
    """Lets the gradient pass only where the input is positive."""
    return np.where(input > 0, grad_output, input.dtype.type(0))


@wrong("sigmoid", LIMITS)
def divides_infinity_by_infinity(input: Array) -> Any:
    """Computes e^x / (1 + e^x), which is NaN where e^x overflows."""
    with np.errstate(all="ignore"):
        return np.exp(input) / (1 + np.exp(input))


@wrong("tanh", LIMITS, "test_sigmoid_and_tanh_round_within_their_bounds")
def writes_the_formula_of_tanh_as_it_stands(input: Array) -> Any:
    """Divides differences of powers: they cancel near 0 and overflow far from it."""
    with np.errstate(all="ignore"):
        return (np.exp(input) - np.exp(-input)) / (np.exp(input) + np.exp(-input))


@wrong("softmax", "test_a_softmax_does_not_notice_a_shift_of_all_scores")
def takes_the_powers_of_large_scores(input: Array, dim: int) -> Any:
    """Does not subtract the maximum, and overflows."""
    with np.errstate(all="ignore"):
        return np.exp(input) / np.exp(input).sum(dim, keepdims=True)


@wrong("softmax", "test_a_softmax_adds_up_to_1_along_its_axis")
def normalizes_along_the_last_axis(input: Array, dim: int) -> Any:
    """Ignores which axis was asked for."""
    return reference.softmax(input, -1)


@wrong("softmax_backward", "test_the_gradient_of_a_softmax_adds_up_to_0_along_its_axis")
def forgets_that_the_classes_compete(grad_output: Array, input: Array, dim: int) -> Any:
    """Takes p·(1 − p), the diagonal, for the whole of the gradient."""
    p = reference.softmax(input, dim)
    return grad_output * p * (1 - p)


@wrong(
    "log_softmax",
    "test_where_scores_are_10000_apart_log_softmax_is_the_distance_to_the_largest_and_that_takes_all",
)
def takes_the_logarithm_of_the_softmax(input: Array, dim: int) -> Any:
    """Is −∞ wherever the softmax rounds to 0."""
    with np.errstate(divide="ignore"):
        return np.log(reference.softmax(input, dim))


# Linear and flatten


@wrong("linear", "test_every_output_has_a_row_of_the_weight_to_itself")
def does_not_transpose_a_square_weight(input: Array, weight: Array, bias: Array | None) -> Any:
    """Multiplies by the weight as it is wherever the sizes happen to fit."""
    square = weight.ndim == 2 and weight.shape[0] == weight.shape[1]
    return reference.linear(input, weight.T if square else weight, bias)


@wrong("flatten", "test_flatten_lays_the_elements_out_in_row_order_however_they_lie_in_memory")
def flattens_in_the_order_of_memory(input: Array, **options: Any) -> Any:
    """Reads the elements as they lie, which for a transposed array is not their order."""
    return reference.flatten(_as_in_memory(input), **options)


# L1 and mean squared error


@wrong("mse_loss", "test_a_weight_that_is_the_same_everywhere_changes_nothing")
def divides_by_the_number_of_samples(input: Array, reduction: str, **rest: Any) -> Any:
    """Adds the squared errors of a sample up, and averages only over the samples."""
    loss = reference.mse_loss(input=input, reduction=reduction.replace("mean", "sum"), **rest)
    return loss / input.dtype.type(len(np.atleast_1d(input))) if reduction == "mean" else loss


@wrong("mse_loss", "test_a_weight_that_is_the_same_everywhere_changes_nothing")
def divides_the_weighted_sum_by_the_number_of_elements(reduction: str, **rest: Any) -> Any:
    """Averages weighted errors as if all weights were 1."""
    loss = reference.mse_loss(reduction=reduction.replace("mean", "none"), **rest)
    return loss.mean() if reduction == "mean" else loss


@wrong(
    "mse_loss_backward",
    "test_the_gradients_of_mse_loss_round_within_their_bounds",
    "test_what_the_gradient_of_the_weights_of_a_mean_leaves_falls_with_slope_2_too",
)
def forgets_that_the_weight_divides_too(grad_output: Array, weight: Array | None, reduction: str, **rest: Any) -> Any:
    """Takes the divisor of the weighted mean for a constant."""
    options = {"weight": weight, **rest}
    grads = reference.mse_loss_backward(grad_output, reduction=reduction, **options)
    if weight is None or reduction != "mean":
        return grads
    return *grads[:2], reference.mse_loss_backward(grad_output / weight.sum(), reduction="sum", **options)[2]


@wrong("l1_loss_backward", "test_at_the_kink_and_at_nan_the_slope_is_0")
def takes_the_slope_at_the_kink_to_be_1(input: Array, **rest: Any) -> Any:
    """Knows only −1 and 1."""
    return reference.l1_loss_backward(input=np.nextafter(input, input.dtype.type(np.inf)), **rest)


@wrong("l1_loss_backward", "test_the_gradient_for_the_truth_is_that_for_the_prediction_turned_round")
def gives_the_truth_the_gradient_of_the_prediction(**arguments: Any) -> Any:
    """Forgets the minus."""
    grad_input, grad_target, grad_weight = reference.l1_loss_backward(**arguments)
    return grad_input, None if grad_target is None else -grad_target, grad_weight


# Losses for classes

ALL_IGNORED = "test_with_all_targets_ignored_the_mean_is_nan_the_sum_0_and_the_gradient_0"
SMOOTHED = "test_label_smoothing_shares_a_part_of_the_target_out_among_all_classes_weights_and_all"
CLASS_GRADIENTS = "test_the_gradients_of_cross_entropy_and_nll_loss_round_within_their_bounds"


@wrong("nll_loss", "test_weights_that_are_all_the_same_change_nothing_in_the_mean")
def averages_over_the_samples_and_not_their_weights(reduction: str, **rest: Any) -> Any:
    """Divides the weighted sum by the number of samples that count."""
    if reduction != "mean":
        return reference.nll_loss(reduction=reduction, **rest)
    counted = (rest["target"] != rest["ignore_index"]).sum()
    with np.errstate(all="ignore"):
        return reference.nll_loss(reduction="sum", **rest) / rest["input"].dtype.type(counted)


@wrong(
    "nll_loss",
    "test_an_ignored_sample_counts_for_nothing_neither_in_the_sum_nor_in_what_the_mean_divides_by",
)
def divides_by_the_ignored_samples_too(reduction: str, **rest: Any) -> Any:
    """Leaves ignored samples out of the sum, and counts them in the mean."""
    if reduction != "mean" or rest["weight"] is not None:
        return reference.nll_loss(reduction=reduction, **rest)
    with np.errstate(all="ignore"):
        return reference.nll_loss(reduction="sum", **rest) / rest["input"].dtype.type(rest["target"].size)


@wrong("nll_loss", ALL_IGNORED)
def says_that_the_mean_of_nothing_is_zero(**arguments: Any) -> Any:
    """Guards the division."""
    return np.nan_to_num(reference.nll_loss(**arguments))


@wrong("nll_loss_backward", ALL_IGNORED, CLASS_GRADIENTS)
def gives_ignored_samples_a_gradient(target: Array, ignore_index: int, **rest: Any) -> Any:
    """Takes an ignored sample for one of the first class on the way back."""
    known = np.where(target == ignore_index, 0, target)
    return reference.nll_loss_backward(target=known, **rest)


@wrong("cross_entropy", "test_scores_whose_powers_overflow_have_a_loss_all_the_same")
def takes_the_powers_of_large_scores_in_a_loss(input: Array, **rest: Any) -> Any:
    """Does not subtract the maximum, and overflows."""
    with np.errstate(all="ignore"):
        powers = np.exp(input).sum(min(1, input.ndim - 1), keepdims=True)
        return reference.cross_entropy(input=input - np.log(powers), **rest)


@wrong("cross_entropy", SMOOTHED)
def smooths_without_the_weights_of_the_classes(weight: Array | None, label_smoothing: float, **rest: Any) -> Any:
    """Adds the same part of every class's loss, whatever its weight."""
    sharp = reference.cross_entropy(weight=weight, **rest)
    return (1 - label_smoothing) * sharp + label_smoothing * reference.cross_entropy(label_smoothing=1.0, **rest)


@wrong("cross_entropy", SMOOTHED)
def smooths_over_the_other_classes_only(input: Array, label_smoothing: float, **rest: Any) -> Any:
    """Leaves the true class out where the smoothed part is shared out."""
    classes = input.shape[min(1, input.ndim - 1)]
    share = label_smoothing * classes / max(classes - 1, 1)
    return reference.cross_entropy(input=input, label_smoothing=min(share, 1.0), **rest)


@wrong(
    "cross_entropy_backward",
    CLASS_GRADIENTS,
    "test_the_gradient_of_cross_entropy_leaves_no_more_of_a_step_than_its_greatest_bend_does",
)
def forgets_the_smoothing_on_the_way_back(label_smoothing: float, **rest: Any) -> Any:
    """Returns the gradient of the loss without smoothing."""
    return reference.cross_entropy_backward(**rest)


@wrong(
    "cross_entropy_backward",
    CLASS_GRADIENTS,
    "test_the_gradients_of_a_mean_leave_no_more_of_a_step_than_squares_and_rounding_do",
)
def returns_no_gradient_for_class_probabilities(**arguments: Any) -> Any:
    """Takes every target for a constant."""
    return reference.cross_entropy_backward(**arguments)[0], None, None


# Optimizers

FIRST_BUFFER = "test_the_first_buffer_of_momentum_is_the_gradient_itself"
SMALLER_FIRST = "test_adamw_is_adam_from_a_parameter_that_was_made_smaller"
CONSTANT = "test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long"
EPS = "test_eps_is_added_to_the_root_not_under_it"
STEP = "test_a_step_from_any_state_is_within_its_bound"


@wrong("sgd", FIRST_BUFFER)
def dampens_the_first_gradient_too(grad: Array, state: Any, dampening: float, **rest: Any) -> Any:
    """Starts the momentum from zero."""
    start = {"momentum_buffer": np.zeros_like(grad)} if rest["momentum"] > 0 else {}
    return reference.sgd(grad=grad, state={**start, **state}, dampening=dampening, **rest)


@wrong("sgd", "test_nesterovs_step_is_along_the_gradient_and_the_momentum_after_it", STEP)
def does_not_look_ahead(nesterov: bool, **rest: Any) -> Any:
    """Takes Nesterov's momentum for the ordinary one."""
    return reference.sgd(**rest)


@wrong("sgd", "test_nesterovs_step_is_along_the_gradient_and_the_momentum_after_it", STEP)
def looks_back(param: Array, grad: Array, state: Any, lr: float, nesterov: bool, **rest: Any) -> Any:
    """Adds the momentum of before the step to the gradient."""
    after, new = reference.sgd(param, grad, state, lr, nesterov=nesterov, **rest)
    if not nesterov or not state:
        return after, new
    slope = (-grad if rest["maximize"] else grad) + rest["weight_decay"] * param
    return param - lr * (slope + rest["momentum"] * state["momentum_buffer"]), new


@wrong("sgd", FIRST_BUFFER, "test_the_learning_rate_scales_the_whole_direction_not_what_went_into_it")
def keeps_the_steps_instead_of_the_directions(param: Array, state: Any, lr: float, nesterov: bool, **rest: Any) -> Any:
    """Multiplies each gradient by the rate of its own step, which differs once the rate changes."""
    if rest["momentum"] == 0:
        return reference.sgd(param=param, state=state, lr=lr, **rest)
    slope = (-rest["grad"] if rest["maximize"] else rest["grad"]) + rest["weight_decay"] * param
    buffer = rest["momentum"] * state.get("momentum_buffer", 0) + lr * slope
    return param - (lr * slope + rest["momentum"] * buffer if nesterov else buffer), {"momentum_buffer": buffer}


@wrong("sgd", "test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient_turned_around_or_not", STEP)
def turns_the_decay_around_too(param: Array, grad: Array, weight_decay: float, **rest: Any) -> Any:
    """Adds the decay before it turns the gradient around, and so makes parameters larger."""
    return reference.sgd(param=param, grad=grad + weight_decay * param, **rest)


@wrong("sgd", "test_a_step_leaves_its_arguments_alone_and_keeps_their_dtype")
def steps_in_place(param: Array, **rest: Any) -> Any:
    """Writes the next parameter over the last."""
    after, state = reference.sgd(param=param, **rest)
    np.copyto(np.asarray(param), after)
    return after.copy(), state


@wrong("sgd", "test_no_result_of_a_step_shares_memory_with_another_or_with_an_argument")
def keeps_the_gradient_itself(grad: Array, state: Any, **rest: Any) -> Any:
    """Saves the copy of the first gradient, which the next backward pass then writes into."""
    after, new = reference.sgd(grad=grad, state=state, **rest)
    return after, {"momentum_buffer": grad} if new and not state else new


@wrong("adam", CONSTANT, "test_two_steps_of_adam")
def forgets_that_the_mean_began_at_zero(state: Any, betas: tuple[float, float], lr: float, **rest: Any) -> Any:
    """Leaves the correction of the first average out."""
    shorter = 1 - betas[0] ** (state.get("step", 0) + 1)
    return reference.adam(state=state, betas=betas, lr=lr * shorter, **rest)


@wrong("adam", CONSTANT, STEP)
def forgets_that_the_mean_square_began_at_zero(param: Array, **rest: Any) -> Any:
    """Leaves the correction of the second average out, and begins with giant steps."""
    after, state = reference.adam(param=param, **rest)
    missing = np.sqrt(1 - rest["betas"][1] ** state["step"])
    return param + (after - param) / param.dtype.type(missing), state


@wrong("adam", CONSTANT, STEP)
def counts_steps_from_zero(state: Any, **rest: Any) -> Any:
    """Corrects the averages as if they were one step younger, but for the first."""
    after, new = reference.adam(state=state, **rest)
    if state.get("step", 0) == 0:
        return after, new
    younger, _ = reference.adam(state={**state, "step": state["step"] - 1}, **rest)
    return younger, new


@wrong("adam", EPS)
def adds_eps_under_the_root(eps: float, **rest: Any) -> Any:
    """Computes √(v̂ + ε)."""
    param, lr = rest["param"], rest["lr"]
    _, state = reference.adam(eps=eps, **rest)
    first, second = (1 - beta ** state["step"] for beta in rest["betas"])
    square = state.get("max_exp_avg_sq", state["exp_avg_sq"]) if rest["amsgrad"] else state["exp_avg_sq"]
    with np.errstate(all="ignore"):
        return param - lr / first * state["exp_avg"] / np.sqrt(square / param.dtype.type(second) + eps), state


@wrong("adam", "test_amsgrad_measures_the_gradient_in_the_largest_mean_square_so_far", STEP)
def keeps_the_largest_mean_square_for_nothing(amsgrad: bool, state: Any, **rest: Any) -> Any:
    """Finds the maximum, and steps like Adam all the same."""
    _, new = reference.adam(amsgrad=amsgrad, state=state, **rest)
    return reference.adam(state=state, **rest)[0], new


@wrong("adam", "test_amsgrad_remembers_the_largest_mean_square", STEP)
def remembers_the_last_mean_square(amsgrad: bool, state: Any, **rest: Any) -> Any:
    """Keeps a maximum with amsgrad, of the last two mean squares only."""
    last = {"max_exp_avg_sq": state["exp_avg_sq"]} if amsgrad and state else {}
    return reference.adam(amsgrad=amsgrad, state={**state, **last}, **rest)


@wrong("adam", STEP, dtype="float64")
def steps_in_float32(param: Array, grad: Array, state: Any, **rest: Any) -> Any:
    """Returns the right dtype with half of its digits."""
    narrow = {name: value if name == "step" else value.astype(np.float32) for name, value in state.items()}
    after, new = reference.adam(param.astype(np.float32), grad.astype(np.float32), narrow, **rest)
    return after.astype(param.dtype), {k: v if k == "step" else v.astype(param.dtype) for k, v in new.items()}


@wrong("adamw", SMALLER_FIRST, "test_steps_that_measure_the_gradient_do_not_notice_its_unit", STEP)
def couples_the_decay_to_the_gradient(**arguments: Any) -> Any:
    """Is Adam, whose decay is measured with the gradient."""
    return reference.adam(**arguments)


@wrong("adamw", SMALLER_FIRST, STEP)
def decays_whatever_the_rate(weight_decay: float, lr: float, **rest: Any) -> Any:
    """Takes λ for the share by which the parameter becomes smaller, where it is lr·λ."""
    param = rest.pop("param")
    return reference.adamw(param * param.dtype.type(1 - weight_decay), lr=lr, weight_decay=0, **rest)


@wrong("adamw", SMALLER_FIRST, STEP)
def decays_after_the_step(weight_decay: float, lr: float, **rest: Any) -> Any:
    """Makes the parameter smaller where it has stepped to."""
    after, state = reference.adamw(lr=lr, weight_decay=0, **rest)
    return after * after.dtype.type(1 - lr * weight_decay), state


@wrong("rmsprop", "test_centering_never_makes_a_step_of_rmsprop_shorter", STEP)
def does_not_center(centered: bool, **rest: Any) -> Any:
    """Keeps the mean gradient, and measures in the root mean square all the same."""
    after, state = reference.rmsprop(**rest)
    return after, state | reference.rmsprop(centered=centered, **rest)[1]


@wrong("rmsprop", EPS, STEP)
def adds_eps_under_the_root_mean_square(param: Array, grad: Array, lr: float, eps: float, **rest: Any) -> Any:
    """Computes √(s + ε), where nothing else is asked for."""
    after, state = reference.rmsprop(param, grad, lr=lr, eps=eps, **rest)
    if any(rest[option] for option in ("weight_decay", "momentum", "centered", "maximize")):
        return after, state
    with np.errstate(all="ignore"):
        return param - lr * grad / np.sqrt(state["square_avg"] + eps), state


@wrong("rmsprop", "test_the_momentum_of_rmsprop_adds_up_gradients_that_have_been_measured", STEP)
def measures_the_momentum(momentum: float, state: Any, grad: Array, **rest: Any) -> Any:
    """Adds gradients up as they are, and measures their sum."""
    buffer = momentum * state.get("momentum_buffer", 0) + grad
    plain = {name: value for name, value in state.items() if name != "momentum_buffer"}
    root = reference.rmsprop(state=plain, grad=grad, **rest)[1]
    after, _ = reference.rmsprop(state=plain, grad=buffer, **rest)
    return after, {**root, "momentum_buffer": buffer} if momentum > 0 else root


@wrong("adagrad", "test_the_nth_step_of_adagrad_along_the_same_gradient_is_lr_over_root_n_long", STEP)
def forgets_earlier_squares(state: Any, **rest: Any) -> Any:
    """Measures every gradient in itself."""
    forgotten = {name: value if name == "step" else 0 * value for name, value in state.items()}
    return reference.adagrad(state=forgotten, **rest)


@wrong("adagrad", "test_lr_decay_divides_the_rate_by_1_and_the_decay_for_every_step_before", STEP)
def decays_the_rate_of_the_first_step_already(lr: float, lr_decay: float, state: Any, **rest: Any) -> Any:
    """Counts the step itself among those before it."""
    rate = lr / (1 + (state.get("step", 0) + 1) * lr_decay)
    return reference.adagrad(lr=rate, state=state, **rest)


@wrong("adagrad", "test_adagrad_adds_up_all_squares_on_top_of_its_initial_value", STEP)
def begins_the_sum_at_zero(initial_accumulator_value: float, **rest: Any) -> Any:
    """Ignores the initial value."""
    return reference.adagrad(**rest)


# Batch normalization

BY_HAND = "test_a_batch_less_its_mean_is_divided_by_the_root_of_variance_and_eps"
BATCH_NORM = "test_batch_norm_rounds_within_its_bound"
VARIANCE_OF_THE_OUTPUT = "test_in_training_every_channel_leaves_with_a_variance_of_1_less_the_share_of_eps"
MEAN_OF_THE_OUTPUT = "test_in_training_every_channel_leaves_with_mean_0"
CHANGED_PLACES = "test_in_training_the_values_of_a_channel_may_change_places_wherever_they_stand"
KEPT = "test_the_biased_variance_divides_and_the_unbiased_one_is_kept"
SHARE_OF_THE_BATCH = "test_momentum_is_the_share_of_the_batch_and_the_rest_that_of_the_past"
SUM_OF_THE_GRADIENT = "test_in_training_the_gradient_of_every_channel_adds_up_to_0"
STEPS_IN_TRAINING = "test_the_gradients_of_a_curve_leave_no_more_of_a_step_than_its_greatest_bend_does"
STEPS_IN_EVALUATION = "test_in_evaluation_the_gradients_of_batch_norm_say_exactly_what_a_step_changes"


@wrong("batch_norm", BY_HAND, VARIANCE_OF_THE_OUTPUT, KEPT, BATCH_NORM)
def normalizes_with_the_unbiased_variance(input: Array, training: bool, **rest: Any) -> Any:
    """Divides by N − 1 what it divides the batch by, as `Tensor.var()` does."""
    statistics = _statistics(input, unbiased=True) if training else {}
    return reference.batch_norm(input=input, training=False, **{**rest, **statistics})


@wrong("batch_norm", BY_HAND, VARIANCE_OF_THE_OUTPUT, BATCH_NORM)
def adds_eps_outside_the_root(input: Array, training: bool, eps: float, **rest: Any) -> Any:
    """Divides by √v + ε, as Adam does."""
    arguments = {**rest, **(_statistics(input) if training else {})}
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
    "test_in_evaluation_every_value_goes_through_the_same_straight_line_of_its_channel",
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


@wrong("batch_norm_statistics", KEPT, SHARE_OF_THE_BATCH)
def keeps_the_biased_variance(input: Array, running_mean: Array, running_var: Array, momentum: float) -> Any:
    """Keeps the variance that it has at hand."""
    values = input.size // input.shape[1]
    mean, var = reference.batch_norm_statistics(input, running_mean, running_var, momentum)
    past = (1 - momentum) * running_var
    return mean, (past + (var - past) * ((values - 1) / values)).astype(var.dtype)


@wrong("batch_norm_statistics", KEPT, "test_with_momentum_0_the_running_statistics_stay_what_they_were")
def takes_momentum_for_the_share_of_the_past(momentum: float, **rest: Any) -> Any:
    """Turns momentum around, as it is called in optimizers and in other libraries."""
    return reference.batch_norm_statistics(momentum=1 - momentum, **rest)


@wrong("batch_norm_backward", SUM_OF_THE_GRADIENT, STEPS_IN_TRAINING)
def takes_the_batch_for_constants(input: Array, training: bool, **rest: Any) -> Any:
    """Forgets that mean and variance move with the input."""
    statistics = _statistics(input) if training else {}
    return reference.batch_norm_backward(input=input, training=False, **{**rest, **statistics})


@wrong(
    "batch_norm_backward",
    "test_the_gradient_of_a_batch_loses_what_would_shift_or_stretch_the_channel",
    STEPS_IN_TRAINING,
)
def forgets_that_the_variance_moves(grad_output: Array, input: Array, training: bool, **rest: Any) -> Any:
    """Takes the mean off the gradient, and nothing else."""
    grads = takes_the_batch_for_constants(grad_output=grad_output, input=input, training=training, **rest)
    return grads[0] - grads[0].mean(axis=_over(input), keepdims=True) * training, *grads[1:]


@wrong("batch_norm_backward", STEPS_IN_EVALUATION, "test_the_gradient_of_the_weight_is_what_a_step_of_1_in_it_adds")
def multiplies_the_gradient_of_the_weight_by_the_raw_input(
    grad_output: Array, input: Array, weight: Array | None, **rest: Any
) -> Any:
    """Adds up g·x, where what the weight multiplies is x̂."""
    grads = reference.batch_norm_backward(grad_output=grad_output, input=input, weight=weight, **rest)
    return grads[0], None if weight is None else (grad_output * input).sum(axis=_over(input)), grads[2]


# Average pooling

MEAN_OF_A_WINDOW = "test_every_output_is_the_sum_of_its_window_over_its_count"
AVERAGE = "test_average_poolings_round_within_their_bound"
FLOWS_THROUGH_A_MEAN = "test_what_flows_forward_through_a_mean_flows_back_through_it"


@wrong("avg_pool2d", "test_zeros_of_the_padding_count_unless_they_are_left_out", MEAN_OF_A_WINDOW, AVERAGE)
def always_counts_the_padding(count_include_pad: bool, **rest: Any) -> Any:
    """Ignores that the padding may be left out."""
    return reference.avg_pool2d(count_include_pad=True, **rest)


@wrong("avg_pool2d", "test_the_overhang_of_ceil_mode_counts_in_neither_case", MEAN_OF_A_WINDOW, AVERAGE)
def counts_the_overhang(kernel_size: Any, count_include_pad: bool, divisor_override: int | None, **rest: Any) -> Any:
    """Divides by the size of the window, however much of it hangs over the end."""
    divisor = int(np.prod(_pair(kernel_size))) if divisor_override is None and count_include_pad else divisor_override
    return reference.avg_pool2d(
        kernel_size=kernel_size, count_include_pad=count_include_pad, divisor_override=divisor, **rest
    )


@wrong("avg_pool2d", "test_a_divisor_of_ones_own_divides_every_sum", MEAN_OF_A_WINDOW, AVERAGE)
def ignores_the_divisor(divisor_override: int | None, **rest: Any) -> Any:
    """Takes the mean, whatever it was told to divide by."""
    return reference.avg_pool2d(**rest)


@wrong("avg_pool2d_backward", FLOWS_THROUGH_A_MEAN)
def gives_every_cell_the_whole_gradient(divisor_override: int | None, **rest: Any) -> Any:
    """Forgets to share out."""
    return reference.avg_pool2d_backward(divisor_override=1, **rest)


@wrong("adaptive_avg_pool2d", "test_two_adaptive_windows_over_three_cells_share_the_middle_one", MEAN_OF_A_WINDOW)
def cuts_the_input_into_windows_that_do_not_overlap(input: Array, output_size: Any) -> Any:
    """Begins every window where the one before ends, at ⌊i·h/n⌋."""
    sizes = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    wanted = [h if n is None else n for h, n in zip(input.shape[-2:], sizes, strict=True)]
    if any(n > h for h, n in zip(input.shape[-2:], wanted, strict=True)):
        return reference.adaptive_avg_pool2d(input, output_size)
    for axis, n in zip((-2, -1), wanted, strict=True):
        edges = [i * input.shape[axis] // n for i in range(n)]
        counts = np.diff([*edges, input.shape[axis]]).reshape(-1, *[1] * (-axis - 1))
        input = np.add.reduceat(input, edges, axis) / counts.astype(input.dtype)
    return input


@wrong("adaptive_avg_pool2d_backward", FLOWS_THROUGH_A_MEAN, "test_adaptive_windows_share_out_the_whole_gradient")
def keeps_one_gradient_of_a_cell_that_two_windows_share(grad_output: Array, input: Array, output_size: Any) -> Any:
    """Assigns where it has to add: windows overlap."""
    grad_input, sizes = np.zeros_like(input), grad_output.shape[-2:]
    for place in np.ndindex(sizes):
        cells = [adaptive_window(i, h, n) for i, h, n in zip(place, input.shape[-2:], sizes, strict=True)]
        rows, columns = (slice(cell.start, cell.stop) for cell in cells)
        share = grad_output[(..., *place)] / input.dtype.type(len(cells[0]) * len(cells[1]))
        grad_input[..., rows, columns] = share[..., np.newaxis, np.newaxis]
    return grad_input


# Contracts

UNCHANGED = "test_no_layer_changes_its_arguments"
READ_ONLY = "test_a_layer_leaves_arrays_alone_that_it_must_not_write"
SCATTERED = "test_arrays_that_are_not_contiguous_give_the_same_result"


@wrong("relu", UNCHANGED)
def works_in_place(input: Array) -> Any:
    """Writes the zeros into its input."""
    np.copyto(input, 0, where=input < 0)
    return input.copy()


@wrong("relu_backward", UNCHANGED)
def masks_the_cotangent_in_place(grad_output: Array, input: Array) -> Any:
    """Writes the zeros into the gradient that came in."""
    np.copyto(grad_output, 0, where=input <= 0)
    return grad_output.copy()


@wrong("max_pool2d", "test_a_layer_that_has_nothing_to_do_returns_a_new_array_all_the_same")
def returns_a_view_of_the_input(input: Array, kernel_size: Any, stride: Any, **rest: Any) -> Any:
    """Saves the copy where every window is a single cell."""
    if _pair(kernel_size) != (1, 1) or rest["ceil_mode"] or rest["return_indices"]:
        return reference.max_pool2d(input, kernel_size, stride, **rest)
    s, t = _pair(kernel_size if stride is None else stride)
    return input[..., ::s, ::t]


@wrong("conv2d", "test_the_dtype_that_goes_in_comes_out_of_outputs_and_gradients", EQUALITY)
def returns_float64(**arguments: Any) -> Any:
    """Fills `np.zeros(shape)`, which is float64 whatever came in."""
    return reference.conv2d(**arguments).astype(np.float64)


@wrong("conv2d", SCATTERED)
def reads_the_input_in_the_order_of_memory(input: Array, **rest: Any) -> Any:
    """Takes every array to be contiguous."""
    return reference.conv2d(input=_as_in_memory(input), **rest)


@wrong("conv2d_backward", SCATTERED)
def reads_the_cotangent_in_the_order_of_memory(grad_output: Array, **rest: Any) -> Any:
    """Takes the gradient that comes in to be contiguous."""
    return reference.conv2d_backward(grad_output=_as_in_memory(grad_output), **rest)


@wrong("linear", READ_ONLY, error=ValueError)  # output array is read-only
def borrows_the_memory_of_its_input(input: Array, **rest: Any) -> Any:
    """Writes to its input, and puts everything back."""
    input *= 1
    return reference.linear(input=input, **rest)


# The network

CHAIN = "test_the_network_is_its_layers_one_after_the_other"
EULER = "test_what_flows_forward_through_each_layer_flows_back_through_it"
BATCH = "test_the_gradient_of_a_batch_is_the_sum_of_those_of_its_images"


@wrong("cifar10_cnn", CHAIN)
def leaves_the_activations_out(relu: bool, **rest: Any) -> Any:
    """Computes what the document's code does, where its comments are asked for."""
    return reference.cifar10_cnn(**rest)


@wrong("cifar10_cnn", CHAIN)
def flattens_with_the_channels_last(input: Array, parameters: dict[str, Array], relu: bool) -> Any:
    """Lays the 64 maps out pixel by pixel."""
    maps = reference.cifar10_cnn_layers(input, parameters, relu)["p3"]
    features = np.moveaxis(maps, 1, -1).reshape(len(maps), -1)
    return reference.linear(features, parameters["linear.weight"], parameters["linear.bias"])


@wrong("cifar10_cnn", "test_what_the_last_bias_adds_to_a_score_is_there_in_full_so_nothing_normalises_it", CHAIN)
def returns_probabilities(**arguments: Any) -> Any:
    """Ends in a softmax."""
    return reference.softmax(reference.cifar10_cnn(**arguments), 1)


@wrong("cifar10_cnn", "test_each_image_is_scored_by_itself")
def normalises_over_the_batch(**arguments: Any) -> Any:
    """Takes the batch's mean off every score."""
    scores = reference.cifar10_cnn(**arguments)
    return scores - scores.mean(axis=0)


@wrong("cifar10_cnn_backward", BATCH, EULER)
def averages_the_gradients_of_the_batch(grad_output: Array, **rest: Any) -> Any:
    """Divides by the number of images, which the loss has done already."""
    return reference.cifar10_cnn_backward(grad_output=grad_output / len(grad_output), **rest)


@wrong("cifar10_cnn_backward", EULER)
def forgets_the_activations_on_the_way_back(relu: bool, **rest: Any) -> Any:
    """Sends gradients through numbers that were cut off."""
    return reference.cifar10_cnn_backward(**rest)


@wrong("cifar10_cnn_backward", EULER)
def exchanges_the_gradients_of_two_biases(**arguments: Any) -> Any:
    """Returns that of the first convolution's bias for the second, and the other way round."""
    grad_input, gradients = reference.cifar10_cnn_backward(**arguments)
    exchanged = {"conv1.bias": gradients["conv2.bias"], "conv2.bias": gradients["conv1.bias"]}
    return grad_input, {**gradients, **exchanged}


# What several of them need


def _pair(value: Any) -> tuple[int, int]:
    """Return an option of a convolution or pooling of images for both axes; "same" and "valid" add nothing known."""
    if isinstance(value, str):
        return 0, 0
    return (value, value) if isinstance(value, int) else tuple(value) * (2 // len(value))


def _around(input: Array, padding: Any) -> list[tuple[int, int]]:
    """Return the padding of images as `numpy.pad` takes it."""
    return [(0, 0)] * (input.ndim - 2) + [(p, p) for p in _pair(padding)]


def _borders(input: Array, pad: Any) -> list[tuple[int, int]]:
    """Return `pad`, which counts from the last axis, as `numpy.pad` takes it."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    return [(0, 0)] * (input.ndim - len(pairs)) + pairs


def _over(input: Array) -> tuple[int, ...]:
    """Return the axes along which the values of a channel lie."""
    return (0, *range(2, input.ndim))


def _statistics(input: Array, unbiased: bool = False) -> dict[str, Array]:
    """Return the batch's mean and variance in place of the running ones."""
    return {"running_mean": input.mean(axis=_over(input)), "running_var": input.var(axis=_over(input), ddof=unbiased)}


def _cropped(padded: Array, border: list[tuple[int, int]]) -> Array:
    return padded[tuple(slice(p, h - q) for h, (p, q) in zip(padded.shape, border, strict=True))].copy()


def _as_in_memory(array: Array) -> Array:
    """Return the elements in the order in which they lie in memory."""
    return array.ravel(order="K").reshape(array.shape)


def _to_ties(grad_output: Array, input: Array, options: dict[str, Any], share: Function) -> Array:
    """Send the gradient of every window to all cells that are as great as its maximum, in these shares."""
    del options["return_indices"]
    geometry = PoolGeometry.of(input.shape[-2:], **options)
    border = [*[(0, 0)] * (input.ndim - 2), *geometry.padding]
    rows, columns = geometry.output_size

    def view(padded: Array) -> Array:
        return windows(padded, geometry.kernel_size, geometry.stride, geometry.dilation, writeable=True)[
            ..., :rows, :columns, :, :
        ]

    cells = view(np.pad(input, border, constant_values=-np.inf))
    shares = share(cells == cells.max((-2, -1), keepdims=True))
    grad_padded = np.pad(np.zeros_like(input), border)
    for tap in np.ndindex(geometry.kernel_size):
        view(grad_padded)[(..., *tap)] += (shares[(..., *tap)] * grad_output).astype(input.dtype)
    return _cropped(grad_padded, border)
