"""Layers and optimizers that do not heed how their arrays lie in memory, each in one way."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import as_in_memory
from spec_tests.wrong_implementations.register import wrong

OUTPUT = "test_an_output_does_not_depend_on_how_arguments_lie_in_memory"
GRADIENTS = "test_gradients_do_not_depend_on_how_arguments_lie_in_memory"
INDICES = "test_indices_of_maxima_do_not_depend_on_how_the_input_lies_in_memory"
STEP = "test_a_step_does_not_depend_on_how_its_arrays_lie_in_memory"
DRAWN = "test_a_drawn_problem_has_one_result_however_its_arguments_lie"


def owner_of(array: Array) -> Array:
    """Return the array whose memory this one is a view of."""
    owner: Any = array
    while owner.base is not None:
        owner = owner.base if isinstance(owner.base, np.ndarray) else owner.base.base
    return np.asarray(owner)


def as_if_contiguous(array: Array, from_the_start: bool = False) -> Array:
    """Return what lies in memory from where the array begins, whatever its strides; what is missing is repeated."""
    owner = owner_of(array)
    first, start = (a.__array_interface__["data"][0] for a in (owner, array))
    row = owner.ravel(order="K")[0 if from_the_start else (start - first) // array.itemsize :]
    return np.resize(row, prod(array.shape)).reshape(array.shape)


def is_channels_last(array: Array) -> bool:
    """Tell whether the channels are neighbours in memory."""
    return array.ndim > 2 and array.shape[1] > 1 and array.strides[1] == array.itemsize


@wrong("batch_norm_backward", GRADIENTS, level="contracts", report="pytorch/pytorch#175189")
def reads_the_cotangent_in_the_order_of_the_input(grad_output: Array, input: Array, **rest: Any) -> Any:
    """Takes for granted that the cotangent of an input in channels last lies in channels last, too."""
    unlike = is_channels_last(input) and not is_channels_last(grad_output)
    return reference.batch_norm_backward(as_in_memory(grad_output) if unlike else grad_output, input, **rest)


@wrong("batch_norm_backward", GRADIENTS, DRAWN, level="contracts")
def reads_the_memory_behind_an_expanded_weight(weight: Array | None, **rest: Any) -> Any:
    """Takes the weight for contiguous."""
    return reference.batch_norm_backward(weight=None if weight is None else as_if_contiguous(weight), **rest)


@wrong("max_pool2d", OUTPUT, DRAWN, level="contracts")
def pools_what_lies_in_memory(input: Array, **rest: Any) -> Any:
    """Takes the input for contiguous."""
    return reference.max_pool2d(as_if_contiguous(input), **rest)


@wrong("max_pool3d", INDICES, level="contracts")
def restarts_the_indices_of_minus_infinity_in_channels_last(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Begins each maximum at −∞ and index 0, which nothing that is −∞ exceeds; contiguous inputs it treats well."""
    output, indices = reference.max_pool3d(input, return_indices=True, **rest)
    if is_channels_last(input):
        indices = np.where(output == -np.inf, 0, indices)
    return (output, indices) if return_indices else output


@wrong("conv2d", OUTPUT, DRAWN, level="contracts")
def convolves_a_turned_picture_as_if_it_were_not(input: Array, **rest: Any) -> Any:
    """Reads an input of one image in the order of memory, as if its batch axis said that it was contiguous."""
    one = input.ndim == 4 and len(input) == 1
    return reference.conv2d(as_in_memory(input) if one else input, **rest)


@wrong("conv2d_backward", GRADIENTS, DRAWN, level="contracts")
def takes_every_cotangent_for_contiguous(grad_output: Array, **rest: Any) -> Any:
    """Reads the memory of the cotangent, also of an expanded one."""
    return reference.conv2d_backward(grad_output=as_if_contiguous(grad_output), **rest)


@wrong("relu", OUTPUT, DRAWN, level="contracts")
def begins_at_the_start_of_memory(input: Array) -> Any:
    """Loses the offset in memory."""
    offset = input.flags.c_contiguous and owner_of(input).size > input.size
    return reference.relu(as_if_contiguous(input, from_the_start=True) if offset else input)


@wrong("cross_entropy", OUTPUT, level="contracts")
def reads_class_indices_as_if_contiguous(target: Array, **rest: Any) -> Any:
    """Takes the target for contiguous."""
    read = as_if_contiguous(target) if target.dtype.kind == "i" else target
    return reference.cross_entropy(target=np.where(read < 0, target, read), **rest)


@wrong("linear", OUTPUT, level="contracts")
def refuses_a_transposed_weight(weight: Array, **rest: Any) -> Any:
    """Wants contiguous weights."""
    if not weight.flags.c_contiguous:
        raise RuntimeError("weight must be contiguous")
    return reference.linear(weight=weight, **rest)


@wrong("adam", STEP, level="contracts")
def steps_along_the_memory_of_the_gradient(grad: Array, **rest: Any) -> Any:
    """Pairs a parameter with a gradient in the order of memory."""
    return reference.adam(grad=as_in_memory(grad), **rest)


@wrong("sgd", STEP, level="contracts")
def steps_with_the_memory_of_the_state(state: Mapping[str, Any], **rest: Any) -> Any:
    """Takes the momentum for contiguous."""
    read = {name: as_if_contiguous(value) if isinstance(value, np.ndarray) else value for name, value in state.items()}
    return reference.sgd(state=read, **rest)
