"""Activation functions (section 2.3) and the two softmaxes of section 2.6.

    relu(x)        = max(0, x)
    sigmoid(x)     = 1 / (1 + e^−x)
    tanh(x)        = (e^x − e^−x) / (e^x + e^−x)
    softmax(x)     = e^x / Σ e^x          along one axis
    log_softmax(x) = x − log Σ e^x        along one axis

All but the softmaxes act elementwise; the output has the input's shape. No exponential here
has a positive argument, so none overflows.
"""

from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, array, axis, float_dtype, same_dtype, shape


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def relu(input: Array) -> Array:
    """Set negative elements to 0 and keep the others (−0.0 and NaN are not negative). Integers are accepted, too.

    >>> relu(np.array([-2.0, 0.5]))
    array([0. , 0.5])
    """
    array("input", input, FLOATS | INTEGERS)
    output = np.zeros_like(input)
    np.maximum(input, output, out=output)
    np.copyto(output, input, where=input == 0)  # the maximum of −0.0 and 0 may be either
    return output


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def relu_backward(grad_output: Array, input: Array) -> Array:
    """Return grad_input: the gradient passes where the input is positive, but not at the kink, 0.

    It passes at NaN, which is not at or below 0.

    >>> relu_backward(np.array([3.0, 3.0, 3.0]), np.array([-1.0, 0.0, 1.0]))
    array([0., 0., 3.])
    """
    _check_gradient(grad_output, input)
    return np.where(input <= 0, input.dtype.type(0), grad_output)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def sigmoid(input: Array) -> Array:
    """Squash every element into (0, 1).

    >>> sigmoid(np.array([0.0, -1000.0, 1000.0]))
    array([0.5, 0. , 1. ])
    """
    array("input", input)
    small = np.exp(-abs(input))
    return np.where(input < 0, small, 1) / (1 + small)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def sigmoid_backward(grad_output: Array, input: Array) -> Array:
    """Return grad_input = grad_output · s · (1 − s), where s is the sigmoid.

    >>> sigmoid_backward(np.array([4.0]), np.array([0.0]))
    array([1.])
    """
    _check_gradient(grad_output, input)
    output = sigmoid(input)
    return grad_output * output * (1 - output)


def tanh(input: Array) -> Array:
    """Squash every element into (−1, 1).

    >>> tanh(np.array([0.0, 1000.0]))
    array([0., 1.])
    """
    return np.tanh(array("input", input))


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def tanh_backward(grad_output: Array, input: Array) -> Array:
    """Return grad_input = grad_output · (1 − t²), where t is the hyperbolic tangent.

    >>> tanh_backward(np.array([4.0]), np.array([0.0]))
    array([4.])
    """
    _check_gradient(grad_output, input)
    return grad_output * (1 - tanh(input) ** 2)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def softmax(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """Turn scores into a distribution along axis `dim`: positive numbers whose sum is 1.

    With a `dtype`, float32 or float64, the input is converted to it first, and may also be of integers; the output is
    of that dtype. Unlike in torch, `dim` has no default: torch deprecates guessing it.

    >>> softmax(np.array([1000.0, 1000.0]), dim=0)
    array([0.5, 0.5])
    >>> softmax(np.array([0, 0]), dim=0, dtype="float32")
    array([0.5, 0.5], dtype=float32)
    """
    powers = np.exp(_shifted(_converted(input, dtype), dim))
    return powers / _sum(powers, dim)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def softmax_backward(grad_output: Array, input: Array, dim: int, *, dtype: Any = None) -> Array:
    """Return grad_input = p · (grad_output − Σ p · grad_output), where p is the softmax.

    With a `dtype`, grad_output has it as the output does, and the gradient is converted back to that of the input.

    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.0, 0.0]), dim=0)
    array([ 0.25, -0.25])
    """
    scores = _converted(input, dtype)
    _check_gradient(grad_output, scores)
    output = softmax(scores, dim)
    return _converted_back(output * (grad_output - _sum(output * grad_output, dim)), input)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def log_softmax(input: Array, dim: int, *, dtype: Any = None) -> Array:
    """Return the logarithm of the softmax along axis `dim`, exact even where the softmax rounds to 0.

    A `dtype` means what it does in `softmax`.

    >>> log_softmax(np.array([0.0, 1000.0]), dim=0)
    array([-1000.,     0.])
    """
    shifted = _shifted(_converted(input, dtype), dim)
    return shifted - np.log(_sum(np.exp(shifted), dim))


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def log_softmax_backward(grad_output: Array, input: Array, dim: int, *, dtype: Any = None) -> Array:
    """Return grad_input = grad_output − p · Σ grad_output, where p is the softmax.

    A `dtype` means what it does in `softmax_backward`.

    >>> log_softmax_backward(np.array([1.0, 0.0]), np.array([0.0, 0.0]), dim=0)
    array([ 0.5, -0.5])
    """
    scores = _converted(input, dtype)
    _check_gradient(grad_output, scores)
    return _converted_back(grad_output - softmax(scores, dim) * _sum(grad_output, dim), input)


def _converted(input: Array, dtype: Any) -> Array:
    """Return the input, in this dtype unless it is None."""
    array("input", input, FLOATS if dtype is None else FLOATS | INTEGERS)
    return input if dtype is None else input.astype(float_dtype("dtype", dtype))


def _converted_back(grad: Array, input: Array) -> Array:
    array("input", input)  # integers have no gradient
    return grad.astype(input.dtype, copy=False)


def _shifted(input: Array, dim: int) -> Array:
    """Subtract the maximum, which leaves the softmax as it is: all exponents are then at most 0."""
    return input - input.max(_axis(input, dim), keepdims=True, initial=-np.inf)


def _sum(values: Array, dim: int) -> Any:
    return values.sum(_axis(values, dim), keepdims=True)


def _axis(input: Array, dim: int) -> tuple[int, ...]:
    """Return the axis as NumPy takes it; an array without axes is summed over none."""
    number = axis("dim", dim, input.ndim)
    return (number,) if input.ndim else ()


def _check_gradient(grad_output: Array, input: Array) -> None:
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, input.shape)
