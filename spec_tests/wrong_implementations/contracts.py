"""Layers that break a contract: they write into an argument, share memory with one, or change the dtype."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.convolution import EQUALITY
from spec_tests.wrong_implementations.helpers import as_in_memory, pair
from spec_tests.wrong_implementations.register import wrong

UNCHANGED = "test_no_layer_changes_its_arguments"
UNCHANGED_BY_GRADIENTS = "test_no_gradient_changes_its_arguments"
READ_ONLY = "test_a_layer_leaves_arrays_alone_that_it_must_not_write"
SCATTERED = "test_arrays_that_are_not_contiguous_give_the_same_result"
SCATTERED_GRADIENTS = "test_arrays_that_are_not_contiguous_give_the_same_gradients"


@wrong("relu", UNCHANGED, level="contracts")
def works_in_place(input: Array) -> Any:
    """Writes the zeros into its input."""
    np.copyto(input, 0, where=input < 0)
    return input.copy()


@wrong("relu_backward", UNCHANGED_BY_GRADIENTS, level="contracts")
def masks_the_cotangent_in_place(grad_output: Array, input: Array) -> Any:
    """Writes the zeros into the gradient that came in."""
    np.copyto(grad_output, 0, where=input <= 0)
    return grad_output.copy()


@wrong("max_pool2d", "test_a_layer_that_has_nothing_to_do_returns_a_new_array_all_the_same", level="contracts")
def returns_a_view_of_the_input(input: Array, kernel_size: Any, stride: Any, **rest: Any) -> Any:
    """Saves the copy where every window is a single cell."""
    if pair(kernel_size) != (1, 1) or rest["ceil_mode"] or rest["return_indices"]:
        return reference.max_pool2d(input, kernel_size, stride, **rest)
    s, t = pair(kernel_size if stride is None else stride)
    return input[..., ::s, ::t]


@wrong("conv2d", "test_the_dtype_that_goes_in_comes_out", EQUALITY)
def returns_float64(**arguments: Any) -> Any:
    """Fills `np.zeros(shape)`, which is float64 whatever came in."""
    return reference.conv2d(**arguments).astype(np.float64)


@wrong("conv2d", SCATTERED, level="contracts")
def reads_the_input_in_the_order_of_memory(input: Array, **rest: Any) -> Any:
    """Takes every array to be contiguous."""
    return reference.conv2d(input=as_in_memory(input), **rest)


@wrong("conv2d_backward", SCATTERED_GRADIENTS, level="contracts")
def reads_the_cotangent_in_the_order_of_memory(grad_output: Array, **rest: Any) -> Any:
    """Takes the gradient that comes in to be contiguous."""
    return reference.conv2d_backward(grad_output=as_in_memory(grad_output), **rest)


@wrong("linear", READ_ONLY, error=ValueError, level="contracts")  # output array is read-only
def borrows_the_memory_of_its_input(input: Array, **rest: Any) -> Any:
    """Writes to its input, and puts everything back."""
    input *= 1
    return reference.linear(input=input, **rest)
