"""Max poolings, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import around, pair, to_ties
from spec_tests.wrong_implementations.register import wrong

FIRST_OF_TIES = "test_of_equal_cells_the_first_in_row_order_takes_the_whole_gradient"
NOTHING_LOST = "test_in_every_channel_grad_input_adds_up_to_grad_output"


@wrong("max_pool2d", "test_where_every_cell_is_negative_so_is_every_output")
def pads_pooling_with_zero(input: Array, padding: Any, **rest: Any) -> Any:
    """Lets the padding win over negative cells."""
    return reference.max_pool2d(input=np.pad(input, around(input, padding)), padding=0, **rest)


@wrong("max_pool2d", "test_max_pool2d_and_3d_take_integers_and_keep_them_to_the_last_digit", level="conventions")
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
    "test_ceil_mode_adds_a_window_for_cells_left_over_if_it_starts_inside_the_input",
    report="apache/tvm#15281",
)
def keeps_a_window_that_starts_behind_the_input(input: Array, stride: Any, ceil_mode: bool, **rest: Any) -> Any:
    """Rounds up in ceil mode, and does not drop a window that lies in the padding only."""
    steps = pair(rest["kernel_size"] if stride is None else stride)
    overhang = [(0, 0)] * (input.ndim - 2) + [(0, s - 1 if ceil_mode else 0) for s in steps]
    lowest = -np.inf if input.dtype.kind == "f" else np.iinfo(input.dtype).min
    return reference.max_pool2d(np.pad(input, overhang, constant_values=lowest), stride=steps, **rest)


@wrong(
    "max_pool2d",
    "test_a_spike_comes_out_of_exactly_the_windows_that_hold_it",
    level="conventions",
    report="pytorch/pytorch#7645",
)
def swallows_nan(input: Array, **rest: Any) -> Any:
    """Lets NaN lose against every number."""
    return reference.max_pool2d(input=np.where(np.isnan(input), input.dtype.type(-np.inf), input), **rest)


@wrong("max_pool2d", "test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel", level="conventions")
def points_at_the_last_of_equal_maxima(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Lets a later cell take the lead if it is as great."""
    later = np.arange(input.size).reshape(input.shape) / 2**20  # too little to change the order
    _, places = reference.max_pool2d(input=input.astype(np.float64) + later, return_indices=True, **rest)
    output = reference.max_pool2d(input=input, **rest)
    return (output, places) if return_indices else output


@wrong("max_pool2d", "test_where_nan_beats_infinity_the_index_is_that_of_the_last_nan", level="conventions")
def points_at_the_first_nan(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Stops at the first NaN, as `argmax` does."""
    output, places = reference.max_pool2d(input=input, return_indices=True, **rest)
    _, first = reference.max_pool2d(input=np.isnan(input).astype(np.float64), return_indices=True, **rest)
    return (output, np.where(np.isnan(output), first, places)) if return_indices else output


@wrong("max_pool2d", "test_a_window_of_minus_infinities_points_at_its_first_real_cell", level="conventions")
def points_nowhere_in_a_window_of_minus_infinities(return_indices: bool, **rest: Any) -> Any:
    """Takes a cell for padding because it holds −∞."""
    output, places = reference.max_pool2d(return_indices=True, **rest)
    return (output, np.where(output == -np.inf, -1, places)) if return_indices else output


@wrong("max_pool2d", "test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel", level="conventions")
def numbers_the_cells_of_the_padding_too(input: Array, padding: Any, return_indices: bool, **rest: Any) -> Any:
    """Returns places in the padded map."""
    output, places = reference.max_pool2d(input=input, padding=padding, return_indices=True, **rest)
    (p, q), w = pair(padding), input.shape[-1]
    return (output, (places // w + p) * (w + 2 * q) + places % w + q) if return_indices else output


@wrong("max_pool2d_backward", FIRST_OF_TIES, NOTHING_LOST, report="tensorflow/tensorflow#4886")
def gives_the_whole_gradient_to_all_of_equal_maxima(grad_output: Array, input: Array, **options: Any) -> Any:
    """Sends the gradient to every cell that is as great as the maximum."""
    return to_ties(grad_output, input, options, lambda wins: wins)


@wrong("max_pool2d_backward", FIRST_OF_TIES, level="conventions")
def shares_the_gradient_among_equal_maxima(grad_output: Array, input: Array, **options: Any) -> Any:
    """Divides the gradient by the number of cells that are as great as the maximum."""
    return to_ties(grad_output, input, options, lambda wins: wins / np.maximum(wins.sum((-2, -1), keepdims=True), 1))


@wrong("max_pool2d_backward", NOTHING_LOST, report="FluxML/Flux.jl#1197")
def keeps_one_gradient_of_a_cell_that_wins_twice(grad_output: Array, input: Array, **options: Any) -> Any:
    """Assigns where it has to add: windows overlap."""
    _, places = reference.max_pool2d(input, **{**options, "return_indices": True})
    grad_input = np.zeros((*input.shape[:-2], input.shape[-2] * input.shape[-1]), input.dtype)
    winners, gradients = (values.reshape(*values.shape[:-2], -1) for values in (places, grad_output))
    np.put_along_axis(grad_input, winners, gradients, axis=-1)
    return grad_input.reshape(input.shape)
