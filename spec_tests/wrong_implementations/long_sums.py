"""Long sums that have lost digits or terms: too little for a bound that grows with the number of terms."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.exact_sums import shortened
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import over
from spec_tests.wrong_implementations.register import wrong

TF32, FLOAT16, BFLOAT16, FLOAT32 = 11, 11, 8, 24
"""Binary digits."""

SUMS = "test_the_error_of_long_sums_is_that_of_independent_roundings"
GRADIENTS = "test_the_error_of_long_gradient_sums_is_that_of_independent_roundings"
ONE_SIGN = "test_long_sums_of_one_sign_stay_within_the_worst_case"
COPIES = "test_a_kernel_of_a_single_power_of_two_copies_its_cells_to_the_last_digit"
SENDS_BACK = "test_a_kernel_of_a_single_power_of_two_sends_gradients_back_to_the_last_digit"
IMPULSE = "test_an_impulse_returns_the_kernel_to_the_last_digit"
ONE_OUTPUT = "test_a_gradient_of_one_output_is_its_kernel_and_its_window_to_the_last_digit"

LONG = 4096
"""From so many terms on, some of these are wrong: no shorter sum shows it."""


def _long(terms: int) -> bool:
    return terms >= LONG


@wrong("linear", SUMS, report="PaddlePaddle/Paddle#75041")
def multiplies_long_rows_in_tf32(input: Array, weight: Array, bias: Array | None) -> Any:
    """Shortens the factors to TF32 where there are many."""
    if _long(input.shape[-1]):
        input, weight = shortened(input, TF32), shortened(weight, TF32)
    return reference.linear(input, weight, bias)


@wrong("linear", SUMS, dtype="float64")
def multiplies_float64_in_float32(input: Array, weight: Array, bias: Array | None) -> Any:
    """Shortens long rows of float64 to float32."""
    if _long(input.shape[-1]):
        input, weight = shortened(input, FLOAT32), shortened(weight, FLOAT32)
    return reference.linear(input, weight, bias)


@wrong("linear", SUMS)
def drops_the_last_of_many_terms(input: Array, weight: Array, bias: Array | None) -> Any:
    """Leaves the last term of a single long sum out."""
    output = reference.linear(input, weight, bias)
    if _long(input.shape[-1]) and output.ndim == 2:
        output[-1, -1] -= input[-1, -1] * weight[-1, -1]
    return output


@wrong("linear", SUMS)
def adds_the_first_of_many_terms_twice(input: Array, weight: Array, bias: Array | None) -> Any:
    """Counts the first term of a single long sum twice."""
    output = reference.linear(input, weight, bias)
    if _long(input.shape[-1]) and output.ndim == 2:
        output[0, 0] += input[0, 0] * weight[0, 0]
    return output


@wrong("linear", SUMS)
def adds_long_rows_up_towards_zero(input: Array, weight: Array, bias: Array | None) -> Any:
    """Cuts off what does not fit each time that a term of a long sum is added."""
    if not _long(input.shape[-1]) or input.ndim != 2 or input.dtype != np.float32:
        return reference.linear(input, weight, bias)
    total = np.zeros((len(input), len(weight)), np.float32)
    for x, w in zip(input.T, weight.T, strict=True):
        wide = total + np.multiply.outer(x, w).astype(np.float64)
        nearest = wide.astype(np.float32)
        total = np.where(abs(nearest) > abs(wide), np.nextafter(nearest, np.float32(0)), nearest)
    return total


@wrong("linear_backward", GRADIENTS)
def multiplies_long_gradients_in_float16(grad_output: Array, input: Array, weight: Array, bias: Array | None) -> Any:
    """Shortens the factors of a long weight gradient to half of their digits."""
    grad_input, grad_weight, grad_bias = reference.linear_backward(grad_output, input, weight, bias)
    if _long(len(grad_output)):
        short = shortened(grad_output, FLOAT16), shortened(input, FLOAT16)
        grad_weight = reference.linear_backward(*short, weight, bias)[1]
    return grad_input, grad_weight, grad_bias


@wrong("conv2d", COPIES, IMPULSE, SUMS, report="jax-ml/jax#9973")
def convolves_in_bfloat16(input: Array, weight: Array, **rest: Any) -> Any:
    """Shortens both factors to bfloat16, and adds up as it should."""
    return reference.conv2d(shortened(input, BFLOAT16), shortened(weight, BFLOAT16), **rest)


@wrong("conv2d", COPIES, IMPULSE, dtype="float64")
def convolves_float64_in_float32_factors(input: Array, weight: Array, **rest: Any) -> Any:
    """Shortens both factors to float32, and adds up in float64."""
    return reference.conv2d(shortened(input, FLOAT32), shortened(weight, FLOAT32), **rest)


@wrong("conv2d_backward", SENDS_BACK, ONE_OUTPUT, GRADIENTS)
def convolves_gradients_in_tf32(grad_output: Array, input: Array, weight: Array, **rest: Any) -> Any:
    """Shortens the factors of the gradients of input and weight to TF32."""
    short = {"input": shortened(input, TF32), "weight": shortened(weight, TF32), **rest}
    grad_input, grad_weight, _ = reference.conv2d_backward(shortened(grad_output, TF32), **short)
    return grad_input, grad_weight, reference.conv2d_backward(grad_output, input, weight, **rest)[2]


@wrong("batch_norm_backward", GRADIENTS)
def adds_the_bias_gradient_up_in_float16(grad_output: Array, input: Array, **rest: Any) -> Any:
    """Rounds each image's share of grad_bias to half."""
    grad_input, grad_weight, grad_bias = reference.batch_norm_backward(grad_output, input, **rest)
    if grad_bias is not None and _long(input.size // input.shape[1] * 8):
        shares = grad_output.sum(axis=over(input)[1:])
        grad_bias = shortened(shares, FLOAT16).sum(axis=0)
    return grad_input, grad_weight, grad_bias


@wrong("avg_pool2d", SUMS)
def averages_without_a_corner(input: Array, kernel_size: Any, **rest: Any) -> Any:
    """Leaves the last cell of large windows out."""
    output = reference.avg_pool2d(input, kernel_size, **rest)
    if isinstance(kernel_size, tuple) and np.prod(kernel_size) >= 64 and output.shape[-2:] == (1, 1):
        output -= input[..., -1:, -1:] / output.dtype.type(np.prod(kernel_size))
    return output


@wrong("softmax", ONE_SIGN)
def leaves_the_last_of_many_scores_out(input: Array, **rest: Any) -> Any:
    """Adds up the exponentials of all scores of a long axis but the last."""
    p = reference.softmax(input=input, **rest)
    return p if input.ndim != 2 or input.shape[1] < 64 else p / (1 - p[:, -1:])


@wrong("mse_loss", ONE_SIGN, dtype="float64")
def counts_one_error_of_many_twice(input: Array, target: Array, **rest: Any) -> Any:
    """Adds the first of many squared errors once more."""
    loss = reference.mse_loss(input, target, **rest)
    if input.ndim != 1 or not _long(input.size):
        return loss
    return loss + reference.mse_loss(input[:1], target[:1]) / input.size
