"""Activations, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

LIMITS = "test_the_activations_of_nan_are_nan_and_those_of_the_infinities_their_limits"
KINK = "test_at_the_kink_no_gradient_passes_relu_and_at_nan_it_does"


@wrong("relu", LIMITS, level="conventions", report="apache/mxnet#11115")
def turns_nan_into_zero(input: Array) -> Any:
    """Keeps what is positive, where it has to drop what is negative."""
    return np.where(input > 0, input, input.dtype.type(0))


@wrong("relu", "test_relu_keeps_the_sign_of_zero_in_torch_and_in_the_references", level="conventions")
def loses_the_sign_of_zero(input: Array) -> Any:
    """Returns 0.0 for −0.0."""
    return reference.relu(input) + input.dtype.type(0)


@wrong("relu_backward", KINK, level="conventions")
def passes_the_gradient_at_the_kink(grad_output: Array, input: Array) -> Any:
    """Takes the slope at 0 to be 1."""
    return np.where(input < 0, input.dtype.type(0), grad_output)


@wrong("relu_backward", KINK, level="conventions")
def stops_the_gradient_at_nan(grad_output: Array, input: Array) -> Any:
    """Lets the gradient pass only where the input is positive."""
    return np.where(input > 0, grad_output, input.dtype.type(0))


@wrong("sigmoid", LIMITS, level="conventions", report="clab/dynet#1525")
def divides_infinity_by_infinity(input: Array) -> Any:
    """Computes e^x / (1 + e^x), which is NaN where e^x overflows."""
    with np.errstate(all="ignore"):
        return np.exp(input) / (1 + np.exp(input))


@wrong("tanh", LIMITS, "test_sigmoid_and_tanh_round_within_their_bounds")
def writes_the_formula_of_tanh_as_it_stands(input: Array) -> Any:
    """Divides differences of powers: they cancel near 0 and overflow far from it."""
    with np.errstate(all="ignore"):
        return (np.exp(input) - np.exp(-input)) / (np.exp(input) + np.exp(-input))


@wrong("softmax", "test_a_softmax_does_not_notice_a_shift_of_all_scores", report="deeplearning4j/deeplearning4j#6039")
def takes_the_powers_of_large_scores(input: Array, dim: int, dtype: Any) -> Any:
    """Does not subtract the maximum, and overflows."""
    scores = input.astype(dtype or input.dtype)
    with np.errstate(all="ignore"):
        return np.exp(scores) / np.exp(scores).sum(dim, keepdims=True)


@wrong("softmax", "test_a_softmax_adds_up_to_1_along_its_axis")
def normalizes_along_the_last_axis(input: Array, dim: int, dtype: Any) -> Any:
    """Ignores which axis was asked for."""
    return reference.softmax(input, -1, dtype=dtype)


@wrong("softmax_backward", "test_the_gradient_of_a_softmax_adds_up_to_0_along_its_axis")
def forgets_that_the_classes_compete(grad_output: Array, input: Array, dim: int, dtype: Any) -> Any:
    """Takes p·(1 − p), the diagonal, for the whole of the gradient."""
    p = reference.softmax(input, dim, dtype=dtype)
    return grad_output * p * (1 - p)


@wrong(
    "log_softmax",
    "test_log_softmax_of_scores_8192_apart_is_their_distance_to_the_largest",
)
def takes_the_logarithm_of_the_softmax(input: Array, dim: int, dtype: Any) -> Any:
    """Is −∞ wherever the softmax rounds to 0."""
    with np.errstate(divide="ignore"):
        return np.log(reference.softmax(input, dim, dtype=dtype))


CONVERTED = "test_with_a_dtype_a_softmax_is_that_of_the_scores_converted_to_it"
CONVERTED_BACK = "test_with_a_dtype_the_gradient_of_a_softmax_is_converted_back"


@wrong("softmax", CONVERTED)
def ignores_the_dtype(input: Array, dim: int, dtype: Any) -> Any:
    """Computes in the dtype that comes in, and returns it."""
    return reference.softmax(input, dim)


@wrong("log_softmax", CONVERTED)
def converts_the_result_instead(input: Array, dim: int, dtype: Any) -> Any:
    """Computes in the dtype that comes in, and converts only what it returns."""
    output = reference.log_softmax(input, dim)
    return output if dtype is None else output.astype(dtype)


@wrong("softmax_backward", CONVERTED_BACK)
def leaves_the_gradient_in_the_dtype_of_the_output(input: Array, dim: int, dtype: Any, **rest: Any) -> Any:
    """Forgets that the input was converted."""
    scores = input if dtype is None else input.astype(dtype)
    return reference.softmax_backward(input=scores, dim=dim, **rest)
