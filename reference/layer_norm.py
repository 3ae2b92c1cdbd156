"""Layer normalization: every sample by itself, over its last axes. The document does not teach it.

    output[…, i] = weight[i] · (input[…, i] − mean[…]) / √(var[…] + ε) + bias[i]

i runs over all places of `normalized_shape`, the shape of the input's last axes; mean and var are those of one sample
over these places, where var is the mean squared distance from the mean. So it needs no batch and keeps no statistics:
unlike `reference.normalization`, it does the same in training and in evaluation.

Axes: … samples, i places. x̂ is the output before weight and bias, N the number of places.
"""

from collections.abc import Sequence

import numpy as np

from reference.checks import Array, array, integer, real, same_dtype, shape, shown


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize each sample: input (…, *normalized_shape) -> the same shape; weight, bias (*normalized_shape) or None.

    Raises TypeError if `normalized_shape` is no sequence of whole numbers or dtypes differ, ValueError if it is empty,
    the input's shape does not end in it, or weight or bias do not have that shape.

    >>> layer_norm(np.array([[1.0, 3.0], [5.0, 5.0]]), (2,), eps=1.0)
    array([[-0.70710678,  0.70710678],
           [ 0.        ,  0.        ]])
    """
    over = _axes(input, normalized_shape, weight, bias, eps)
    normal, _ = _normalized(input, over, float(eps))
    scaled = normal if weight is None else normal * weight
    return scaled if bias is None else scaled + bias


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def layer_norm_backward(
    grad_output: Array,
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    """Return grad_input (…, *normalized_shape), grad_weight and grad_bias, None for a parameter that is missing.

    Mean and variance move with the input, which removes from the gradient what would shift or scale a whole sample:
    grad_input = (g − mean of g − x̂ · mean of g·x̂) / √(var + ε), with g = weight · grad_output.

    >>> layer_norm_backward(np.array([[3.0, 1.0]]), np.array([[-1.0, 1.0]]), (2,), eps=0.0)[0]
    array([[0., 0.]])
    """
    over = _axes(input, normalized_shape, weight, bias, eps)
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, input.shape)
    normal, deviation = _normalized(input, over, float(eps))
    g = grad_output if weight is None else grad_output * weight
    shift, stretch = (value.mean(axis=over, keepdims=True) for value in (g, g * normal))
    samples = tuple(range(input.ndim - len(over)))
    return (
        (g - shift - normal * stretch) / deviation,
        None if weight is None else (grad_output * normal).sum(axis=samples),
        None if bias is None else grad_output.sum(axis=samples),
    )


def _normalized(input: Array, over: tuple[int, ...], eps: float) -> tuple[Array, Array]:
    """Return x̂ and √(var + ε), the latter with size 1 along the normalized axes."""
    centred = input - input.mean(axis=over, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=over, keepdims=True) + eps)
    return centred / deviation, deviation


def _axes(
    input: Array, normalized_shape: Sequence[int], weight: Array | None, bias: Array | None, eps: float
) -> tuple[int, ...]:
    """Check the arguments, and return the axes to normalize over, counted from the back."""
    array("input", input)
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(f"normalized_shape must be a tuple or list of whole numbers, got {shown(normalized_shape)}")
    sizes = tuple(integer("normalized_shape", size) for size in normalized_shape)
    if not sizes:
        raise ValueError("normalized_shape must have at least one number, got none")
    if input.shape[-len(sizes) :] != sizes:
        raise ValueError(f"input has shape {input.shape}, expected it to end in normalized_shape {sizes}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            array(name, value)
            shape(name, value, sizes)
    same_dtype(input=input, weight=weight, bias=bias)
    real("eps", eps)
    return tuple(range(-len(sizes), 0))
