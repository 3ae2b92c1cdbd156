"""MLX on the CPU, its gradients by `mx.vjp`: what mlx.core and mlx.nn have of the layers, channels last.

It computes in a process of its own, for it may end the process.
"""

from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from spec_tests.adapters import (
    Library,
    asked,
    channels_first,
    channels_last,
    check_has_an_axis,
    conv_windows,
    in_a_batch,
    layers_of,
    normalized_axes,
    on_arrays,
    pads_of_each_axis,
    per_axis,
)
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

INSTALL = "mlx[cpu]==0.32.4"
mx, nn = Library("mlx.core", INSTALL), Library("mlx.nn", INSTALL)
TIME_LIMIT = 60.0
"""Each call may take so many seconds, in a process of its own."""


def load(device: str, variant: str) -> Declaration:
    """Return what MLX has of the layers, on the CPU; of float64 it has no convolution, and few digits."""
    if device != "cpu" or variant:
        raise NotAvailable("mlx is asked on device 'cpu' and comes in no variants")
    mx.set_default_device(mx.cpu)
    functions = on_arrays(LAYERS, given=array, taken=np.array, vjp=gradients)
    return declare(
        functions,
        name=f"mlx {metadata.version('mlx')}",
        source=Path(__file__),
        ONLY=asked(functions),
        DTYPES=["float32"],
    )


def array(values: np.ndarray) -> Any:
    """Return an array of the same dtype in memory of its own."""
    dtype = mx.bool_ if values.dtype == bool else getattr(mx, values.dtype.name)
    return mx.array(np.array(values, order="C"), dtype=dtype)


def gradients(function: Callable[..., Any], arrays: Sequence[Any], grad_output: Any) -> Sequence[Any]:
    """Return the gradient of each array, for this grad_output of the function of all."""
    found: Sequence[Any] = mx.vjp(function, list(arrays), [grad_output])[1]
    return found


def _with_channels_last(array: Any) -> Any:
    return array.transpose(*channels_last(array.ndim))


def _with_channels_first(array: Any) -> Any:
    return array.transpose(*channels_first(array.ndim))


def convolution(rank: int) -> Callable[..., Any]:
    """Return the convolution of so many spatial axes."""

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
        output = mx.conv_general(
            _with_channels_last(batch),
            _with_channels_last(weight),
            stride=windows.stride,
            padding=tuple(map(list, zip(*windows.pads, strict=True))),
            kernel_dilation=windows.dilation,
            groups=groups,
        )
        return undone(_with_channels_first(output if bias is None else output + bias))

    return conv


def max_pool(rank: int) -> Callable[..., Any]:
    """Return the max pooling of so many spatial axes: a module of mlx.nn."""

    def pool(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
        batch, undone = in_a_batch(input, rank)
        taps, pads = per_axis(kernel_size, rank), per_axis(padding, rank)
        steps = taps if stride is None else per_axis(stride, rank)
        layer = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[rank - 1](*_numbers(taps, steps, pads))
        return undone(_with_channels_first(layer(_with_channels_last(batch))))

    return pool


def avg_pool2d(input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """Average pooling, which counts the padding: a module of mlx.nn."""
    batch, undone = in_a_batch(input, 2)
    taps, pads = per_axis(kernel_size, 2), per_axis(padding, 2)
    steps = taps if stride is None else per_axis(stride, 2)
    return undone(_with_channels_first(nn.AvgPool2d(taps, steps, pads)(_with_channels_last(batch))))


def _numbers(*options: tuple[int, ...]) -> list[Any]:
    """Return the options as the module takes them: of one axis it takes plain numbers."""
    return [option[0] if len(option) == 1 else option for option in options]


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Padding with a constant, with the edge, or reflected."""
    if min(pad, default=0) < 0:
        raise NotOffered("mx.pad takes no negative numbers")
    modes = {"constant": "constant", "replicate": "edge", "reflect": "reflect"}
    if mode not in modes:
        raise NotOffered(f"mx.pad has no mode {mode}")
    return mx.pad(input, list(pads_of_each_axis(pad, input.ndim)), modes[mode], 0 if value is None else value)


def relu(input: Any) -> Any:
    """The larger of input and 0."""
    return nn.relu(input)


def sigmoid(input: Any) -> Any:
    """The logistic function."""
    return nn.sigmoid(input)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return nn.tanh(input)


def softmax(input: Any, dim: int) -> Any:
    """Softmax along an axis."""
    check_has_an_axis(input)
    return mx.softmax(input, axis=dim)


def log_softmax(input: Any, dim: int) -> Any:
    """The logarithm of softmax along an axis."""
    check_has_an_axis(input)
    return nn.log_softmax(input, axis=dim)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Input times the transposed weight, as `nn.Linear` computes it."""
    return input @ weight.T if bias is None else mx.addmm(bias, input, weight.T)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Some axes as one."""
    return mx.flatten(input, start_dim, end_dim)


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Layer normalization over the last axis."""
    if len(normalized_axes(input, normalized_shape)) != 1:
        raise NotOffered("mx.fast.layer_norm normalizes the last axis")
    return mx.fast.layer_norm(input, weight, bias, eps)


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Batch normalization: a module of mlx.nn, channels last."""
    if not 2 <= input.ndim <= 4:
        raise NotOffered("nn.BatchNorm takes 2, 3 or 4 axes")
    layer = nn.BatchNorm(input.shape[1], eps, momentum, affine=weight is not None)
    layer.train(training)
    if weight is not None:
        layer.weight, layer.bias = weight, mx.zeros_like(weight) if bias is None else bias
    if running_mean is not None:
        layer.running_mean, layer.running_var = running_mean, running_var
    output = layer(_with_channels_last(input) if input.ndim > 2 else input)
    output = _with_channels_first(output) if input.ndim > 2 else output
    if weight is None and bias is not None:
        output = output + bias.reshape(-1, *[1] * (input.ndim - 2))
    return output


def cross_entropy(input: Any, target: Any, reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
    """`nn.losses.cross_entropy`, which takes classes or probabilities."""
    axis = 1 if input.ndim > 1 else 0
    _check_reduction(reduction)
    _check_classes(target)
    return nn.losses.cross_entropy(input, target, axis=axis, label_smoothing=label_smoothing, reduction=reduction)


def nll_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """`nn.losses.nll_loss`."""
    _check_reduction(reduction)
    _check_classes(target)
    return nn.losses.nll_loss(input, target, axis=1 if input.ndim > 1 else 0, reduction=reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """`nn.losses.l1_loss`."""
    _check_reduction(reduction)
    _check_shapes(input, target)
    return nn.losses.l1_loss(input, target, reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """`nn.losses.mse_loss`."""
    _check_reduction(reduction)
    _check_shapes(input, target)
    return nn.losses.mse_loss(input, target, reduction)


def _check_reduction(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction must be none, mean or sum, got {reduction!r}")


def _check_classes(target: Any) -> None:
    if not mx.issubdtype(target.dtype, mx.floating) and (target < 0).any().item():
        raise NotOffered("the losses of MLX ignore no target")


def _check_shapes(input: Any, target: Any) -> None:
    if input.shape != target.shape:
        raise NotOffered("the losses of MLX do not broadcast")


LAYERS = layers_of(
    convolution,
    max_pool,
    *(avg_pool2d, pad, relu, sigmoid, tanh, softmax, log_softmax, linear, flatten),
    *(layer_norm, batch_norm, cross_entropy, nll_loss, l1_loss, mse_loss),
)
