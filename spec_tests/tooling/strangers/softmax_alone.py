"""A student's softmax, which has no argument dtype."""

import numpy as np


def softmax(x, axis):
    axis = checked(x, axis)
    if x.shape and x.shape[axis] == 0:
        return x.copy()
    with np.errstate(all="ignore"):
        powers = np.exp(x - x.max(axis, keepdims=True)) if x.ndim else np.exp(x - x)
        return powers / powers.sum(axis, keepdims=True) if x.ndim else np.asarray(powers / powers)


def softmax_backward(grad_output, x, axis):
    axis = checked(x, axis)
    if not isinstance(grad_output, np.ndarray) or grad_output.dtype != x.dtype:
        raise TypeError("grad_output needs the dtype of x")
    if grad_output.shape != x.shape:
        raise ValueError(f"grad_output has shape {grad_output.shape}, x {x.shape}")
    with np.errstate(all="ignore"):
        p = softmax(x, axis)
        if not x.ndim:
            return p * (grad_output - grad_output * p)
        return p * (grad_output - (grad_output * p).sum(axis, keepdims=True))


def checked(x, axis):
    if not isinstance(x, np.ndarray) or x.dtype.name not in ("float32", "float64"):
        raise TypeError("x must be an array of floating point numbers")
    if isinstance(axis, bool | np.bool_) or not isinstance(axis, int | np.integer):
        raise TypeError(f"axis is {axis!r}")
    if not -max(x.ndim, 1) <= axis < max(x.ndim, 1):
        raise ValueError(f"axis is {axis}, x has {x.ndim}")
    return axis
