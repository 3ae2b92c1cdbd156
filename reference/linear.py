"""The fully connected layer (section 2.4) and the flattening before it (section 2.5).

    output = input · weightᵀ + bias

Axes: … any leading axes, i input feature, o output feature.
"""

from math import prod

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, array, axis, same_dtype, shape


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """Mix features: input (…, i), weight (o, i), bias (o,) or None -> (…, o).

    A weight (i,) gives one feature and drops its axis, (…), and then takes no bias. Floating point or integer,
    one dtype throughout. Raises TypeError for other dtypes, ValueError for shapes that do not fit together.

    >>> linear(np.array([1, 2]), np.array([[3, 4], [5, 6], [7, 8]]), np.array([10, 20, 30]))
    array([21, 37, 53])
    """
    _check(input, weight, bias)
    output = input @ weight.T
    return output if bias is None else output + bias


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def linear_backward(
    grad_output: Array, input: Array, weight: Array, bias: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """Return grad_input (…, i), grad_weight (o, i) and grad_bias (o,), or None without a bias.

    >>> linear_backward(np.array([1.0, 10.0]), np.array([2.0]), np.array([[3.0], [5.0]]))
    (array([53.]), array([[ 2.],
           [20.]]), None)
    """
    _check(input, weight, bias)
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-1], *weight.shape[:-1]))
    rows = np.atleast_2d(weight)
    grads = grad_output.reshape(prod(input.shape[:-1]), len(rows))
    grad_input = (grads @ rows).reshape(input.shape)
    grad_weight = (grads.T @ input.reshape(len(grads), input.shape[-1])).reshape(weight.shape)
    return grad_input, grad_weight, None if bias is None else grads.sum(axis=0)


def flatten(input: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Merge the axes from `start_dim` to `end_dim` into one, in a new array of the same elements and dtype.

    (`torch.flatten` returns a view where it can; `nn.Flatten` starts at axis 1, after the batch.)

    >>> flatten(np.zeros((2, 3, 4, 4)), 1).shape
    (2, 48)
    """
    start, end = _flat_axes(input, start_dim, end_dim)
    return input.reshape(*input.shape[:start], prod(input.shape[start : end + 1]), *input.shape[end + 1 :]).copy()


def flatten_backward(grad_output: Array, input: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Return grad_input: the gradient in the input's shape.

    >>> flatten_backward(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros((2, 2)))
    array([[1., 2.],
           [3., 4.]])
    """
    start, end = _flat_axes(input, start_dim, end_dim)
    array("grad_output", grad_output, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, flatten(input, start, end).shape)
    return grad_output.reshape(input.shape).copy()


def _flat_axes(input: Array, start_dim: int, end_dim: int) -> tuple[int, int]:
    array("input", input, FLOATS | INTEGERS | {"bool"})
    start, end = axis("start_dim", start_dim, input.ndim), axis("end_dim", end_dim, input.ndim)
    if start > end:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim}")
    return start, end


def _check(input: Array, weight: Array, bias: Array | None) -> None:
    for name, value in (("input", input), ("weight", weight), ("bias", bias)):
        if name != "bias" or value is not None:
            array(name, value, FLOATS | INTEGERS)
    same_dtype(input=input, weight=weight, bias=bias)
    if weight.ndim not in (1, 2):
        raise ValueError(f"weight has {weight.ndim} axes, expected 2, output and input features, or 1, input features")
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(f"input has shape {input.shape}, expected (…, {weight.shape[-1]}) for weight {weight.shape}")
    if bias is not None and weight.ndim == 1:
        raise ValueError(f"bias has shape {bias.shape}, but a weight of one axis takes no bias")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias has shape {bias.shape}, expected {weight.shape[:1]}")
