"""Batch normalization (section 2.8).

    output[n, c, …] = weight[c] · (input[n, c, …] − mean[c]) / √(var[c] + ε) + bias[c]

In training, mean and var are those of the batch, over all its images and places; var is the mean squared distance
from the mean ("biased": divided by the number N of values). Otherwise they are running statistics, which every
training step moves towards the batch's by the fraction `momentum`; the running variance follows the unbiased one,
divided by N − 1.

Axes: n image, c channel, … any further ones. x̂ is the output before weight and bias, h = weight / √(var + ε).
"""

from math import prod

import numpy as np

from reference.checks import Array, array, flag, real, same_dtype, shape, shown


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize each channel: input (n, c, …) -> the same shape and dtype; all others (c,), or None.

    Unlike torch's function this one modifies nothing: `batch_norm_statistics` returns the next running statistics.
    Raises ValueError in training if a channel has a single value, and otherwise if there are no running statistics.

    >>> batch_norm(np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    >>> batch_norm(np.array([[1.0], [3.0]]), np.array([1.0]), np.array([4.0]), eps=0.0)
    array([[0.],
           [1.]])
    """
    mean, var = _statistics(input, running_mean, running_var, weight, bias, training, momentum, eps)
    eps = float(eps)  # a NumPy scalar would decide the dtype
    deviation = np.sqrt(_spread(var, input) + eps)
    output = input - _spread(mean, input)
    output *= (1 if weight is None else _spread(weight, input)) / deviation
    if bias is not None:
        output += _spread(bias, input)
    return output


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def batch_norm_statistics(
    input: Array, running_mean: Array, running_var: Array, momentum: float = 0.1
) -> tuple[Array, Array]:
    """Return running mean and variance (c,) after a training step on this input (n, c, …).

    >>> batch_norm_statistics(np.array([[1.0], [3.0]]), np.array([0.0]), np.array([1.0]), momentum=0.5)
    (array([1.]), array([1.5]))
    """
    for name, value in (("running_mean", running_mean), ("running_var", running_var)):
        array(name, value)
    mean, var = _statistics(input, running_mean, running_var, None, None, True, momentum, 0.0)
    values = input.size // input.shape[1]
    share = float(momentum)
    return (
        (1 - share) * running_mean + share * mean,
        (1 - share) * running_var + share * var * (values / (values - 1)),
    )


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def batch_norm_backward(
    grad_output: Array,
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """Return grad_input (n, c, …), grad_weight and grad_bias (c,), None for a parameter that is missing.

    Running statistics are constants: grad_input = h · grad_output. Those of the batch move with the input, which
    removes from the gradient what would shift or scale a whole channel: h · (g − mean of g − x̂ · mean of g·x̂).

    >>> batch_norm_backward(np.array([[1.0], [5.0]]), np.array([[1.0], [3.0]]), None, None, training=True, eps=0.0)[0]
    array([[0.],
           [0.]])
    """
    mean, var = _statistics(input, running_mean, running_var, weight, bias, training, momentum, eps)
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, input.shape)
    over, eps = (0, *range(2, input.ndim)), float(eps)
    deviation = np.sqrt(_spread(var, input) + eps)
    normal = (input - _spread(mean, input)) / deviation
    grad_weight, grad_bias = (grad_output * normal).sum(axis=over), grad_output.sum(axis=over)
    grad_normal = grad_output
    if training:
        values = input.size // input.shape[1]
        grad_normal = grad_output - (_spread(grad_bias, input) + normal * _spread(grad_weight, input)) / values
    slope = 1 if weight is None else _spread(weight, input)
    return (
        grad_normal * slope / deviation,
        None if weight is None else grad_weight,
        None if bias is None else grad_bias,
    )


def _statistics(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Array, Array]:
    """Check the arguments, and return the mean and the variance (c,) to normalize with."""
    array("input", input)
    if input.ndim < 2:
        raise ValueError(f"input has shape {input.shape}, expected (n, c, …)")
    of_a_channel = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in of_a_channel.items():
        if value is not None:
            array(name, value)
            shape(name, value, input.shape[1:2])
    same_dtype(input=input, **of_a_channel)
    real("momentum", momentum)
    if not real("eps", eps) >= 0:
        raise ValueError(f"eps must be at least 0, got {shown(eps)}")
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must both be given, or neither of them")
    if not flag("training", training):
        if running_mean is None or running_var is None:
            raise ValueError("running_mean and running_var are needed unless training")
        return running_mean, running_var
    if len(input) * prod(input.shape[2:]) <= 1:
        raise ValueError(f"input has shape {input.shape}, expected more than 1 value for each channel in training")
    over = (0, *range(2, input.ndim))
    mean = input.mean(axis=over)
    return mean, ((input - _spread(mean, input)) ** 2).mean(axis=over)


def _spread(value: Array, input: Array) -> Array:
    """Return a view (1, c, 1, …) of one number for each channel."""
    return value.reshape(-1, *[1] * (input.ndim - 2))
