"""tinygrad, its gradients by `Tensor.gradient`, on the device that needs nothing but Python.

With the variant `cpu`, `tinygrad:cpu`, it compiles for the processor, for which it needs clang.
"""

import os
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from spec_tests.adapters import (
    Library,
    asked,
    conv_windows,
    in_a_batch,
    layers_of,
    normalized_axes,
    on_arrays,
    pads_of_each_axis,
    per_axis,
    pool_windows,
)
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

INSTALL = "tinygrad==0.14.0"
tinygrad = Library("tinygrad", INSTALL)
DEVICES = {"": "PYTHON", "cpu": "CPU"}


def load(device: str, variant: str) -> Declaration:
    """Return what tinygrad has of the layers."""
    if device != "cpu" or variant not in DEVICES:
        raise NotAvailable("tinygrad is asked on device 'cpu'; its variants are tinygrad and tinygrad:cpu")
    os.environ["DEV"] = DEVICES[variant]  # read when it is imported
    tinygrad.loaded()
    functions = on_arrays(LAYERS, given=tensor, taken=lambda tensor: tensor.numpy(), vjp=gradients)
    return declare(
        functions, name=f"tinygrad {metadata.version('tinygrad')}", source=Path(__file__), ONLY=asked(functions)
    )


def tensor(array: np.ndarray) -> Any:
    """Return a tensor of an array in memory of its own; a number alone would be a constant, which needs clang."""
    return tinygrad.Tensor(np.array(array).reshape(-1)).reshape(array.shape)


def gradients(function: Callable[..., Any], arrays: Sequence[Any], grad_output: Any) -> Sequence[Any]:
    """Return the gradient of each tensor, for this grad_output of the function of all."""
    leaves = [array.requires_grad_() if hasattr(array, "requires_grad_") else array for array in arrays]
    found: Sequence[Any] = function(*leaves).gradient(*leaves, gradient=grad_output)
    return found


def convolution(rank: int) -> Callable[..., Any]:
    """Return the convolution of so many spatial axes: `conv2d` takes any."""

    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        batch, undone = in_a_batch(input, rank)
        windows = conv_windows(batch.shape[2:], weight.shape[2:], stride, padding, dilation)
        pads = [cells for pair in reversed(windows.pads) for cells in pair]
        return undone(batch.conv2d(weight, bias, groups, windows.stride, windows.dilation, pads))

    return conv


def max_pool(rank: int) -> Callable[..., Any]:
    """Return the max pooling of so many spatial axes: `max_pool2d` takes any."""

    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        batch, undone = in_a_batch(input, rank)
        windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        output = batch.max_pool2d(
            windows.kernel_size,
            windows.stride,
            windows.dilation,
            per_axis(padding, rank),
            ceil_mode,
            return_indices,
        )
        if not return_indices:
            return undone(output)
        return undone(output[0]), undone(output[1].cast(tinygrad.dtypes.int64))

    return pool


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Average pooling."""
    batch, undone = in_a_batch(input, 2)
    windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    pads = per_axis(padding, 2)
    return undone(batch.avg_pool2d(windows.kernel_size, windows.stride, 1, pads, ceil_mode, count_include_pad))


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Padding; its words for the modes are torch's."""
    if value is not None and mode != "constant":
        raise ValueError(f"padding mode {mode} takes no value")
    return input.pad(pads_of_each_axis(pad, input.ndim), mode=mode, value=0.0 if value is None else value)


def relu(input: Any) -> Any:
    """The larger of input and 0."""
    return input.relu()


def sigmoid(input: Any) -> Any:
    """The logistic function."""
    return input.sigmoid()


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return input.tanh()


def softmax(input: Any, dim: int) -> Any:
    """Softmax along an axis."""
    return input.softmax(dim)


def log_softmax(input: Any, dim: int) -> Any:
    """The logarithm of softmax along an axis."""
    return input.log_softmax(dim)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Input times the transposed weight; by a vector, `Tensor.linear` would multiply and add up nothing."""
    if weight.ndim > 1:
        return input.linear(weight.T, bias)
    output = input.dot(weight)
    return output if bias is None else output + bias


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Some axes as one."""
    return input.flatten(start_dim, end_dim)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Layer normalization over the last axes."""
    output = input.layernorm(normalized_axes(input, normalized_shape), eps)
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def cross_entropy(input: Any, target: Any, reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
    """`Tensor.cross_entropy`, which takes classes or probabilities."""
    if input.ndim == 1:
        raise NotOffered("Tensor.cross_entropy needs the axis of the batch")
    return input.cross_entropy(target, reduction, label_smoothing)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """`Tensor.nll_loss`."""
    if input.ndim == 1:
        raise NotOffered("Tensor.nll_loss needs the axis of the batch")
    return input.nll_loss(target, weight, ignore_index, reduction)


LAYERS = layers_of(
    convolution,
    max_pool,
    *(avg_pool2d, pad, relu, sigmoid, tanh, softmax, log_softmax, linear, flatten),
    *(layer_norm, cross_entropy, nll_loss),
)
