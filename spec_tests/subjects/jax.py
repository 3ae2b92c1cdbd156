"""JAX on the CPU, its gradients by `jax.vjp`: what jax.lax, jax.nn and jax.numpy have of the layers.

Max pooling and average pooling are `lax.reduce_window`, as Flax has them; the losses and batch normalization are in
other packages, and not asked here. It computes in a process of its own, for XLA may end the process.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spec_tests.adapters import (
    Library,
    asked,
    check_has_an_axis,
    conv_windows,
    flat_axes,
    in_a_batch,
    layers_of,
    normalized_axes,
    on_arrays,
    pads_of_each_axis,
    pool_windows,
)
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable

INSTALL = "jax[cpu]==0.10.2"
jax, jnp, lax, nn = (Library(module, INSTALL) for module in ("jax", "jax.numpy", "jax.lax", "jax.nn"))
TIME_LIMIT = 60.0
"""Each call may take so many seconds, in a process of its own."""
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def load(device: str, variant: str) -> Declaration:
    """Return what JAX has of the layers, on the CPU."""
    if device != "cpu" or variant:
        raise NotAvailable("jax is asked on device 'cpu' and comes in no variants")
    jax.config.update("jax_enable_x64", True)  # float64 as well, and indices of 64 bits
    jax.config.update("jax_platforms", "cpu")
    functions = on_arrays(LAYERS, given=jnp.array, taken=np.asarray, vjp=gradients)
    return declare(functions, name=f"jax {jax.__version__}", source=Path(__file__), ONLY=asked(functions))


def gradients(function: Callable[..., Any], arrays: Sequence[Any], grad_output: Any) -> Sequence[Any]:
    """Return the gradient of each array, for this grad_output of the function of all."""
    found: Sequence[Any] = jax.vjp(function, *arrays)[1](grad_output)
    return found


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
        output = lax.conv_general_dilated(
            batch,
            weight,
            windows.stride,
            windows.pads,
            rhs_dilation=windows.dilation,
            feature_group_count=groups,
        )
        return undone(output if bias is None else output + bias.reshape(-1, *[1] * rank))

    return conv


def max_pool(rank: int) -> Callable[..., Any]:
    """Return the max pooling of so many spatial axes; it has no indices."""

    def pool(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        batch, undone = in_a_batch(input, rank)
        windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        least = -np.inf if np.issubdtype(batch.dtype, np.floating) else np.iinfo(batch.dtype).min
        return undone(_reduced(batch, batch.dtype.type(least), lax.max, windows))

    return pool


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Average pooling: the sum of each window, divided by its number of cells."""
    batch, undone = in_a_batch(input, 2)
    windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    sums = _reduced(batch, batch.dtype.type(0), lax.add, windows)
    divisor = windows.cells(count_include_pad) if divisor_override is None else divisor_override
    return undone(sums / jnp.asarray(divisor, batch.dtype))


def _reduced(batch: Any, start: Any, function: Any, windows: Any) -> Any:
    return lax.reduce_window(
        batch,
        start,
        function,
        (1, 1, *windows.kernel_size),
        (1, 1, *windows.stride),
        ((0, 0), (0, 0), *windows.pads),
        window_dilation=(1, 1, *windows.dilation),
    )


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Padding; `lax.pad` also cuts off."""
    pairs = pads_of_each_axis(pad, input.ndim)
    if mode == "constant":
        filled = input.dtype.type(0 if value is None else value)
        return lax.pad(input, filled, [(before, behind, 0) for before, behind in pairs])
    if value is not None:
        raise ValueError(f"padding mode {mode} takes no value")
    return jnp.pad(input, pairs, MODES[mode])


def relu(input: Any) -> Any:
    """The larger of input and 0."""
    return nn.relu(input)


def sigmoid(input: Any) -> Any:
    """The logistic function."""
    return nn.sigmoid(input)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return jnp.tanh(input)


def softmax(input: Any, dim: int) -> Any:
    """Softmax along an axis."""
    check_has_an_axis(input)
    return nn.softmax(input, axis=dim)


def log_softmax(input: Any, dim: int) -> Any:
    """The logarithm of softmax along an axis."""
    check_has_an_axis(input)
    return nn.log_softmax(input, axis=dim)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Input times the transposed weight."""
    output = jnp.matmul(input, weight.T)
    return output if bias is None else output + bias


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Some axes as one."""
    return input.reshape(flat_axes(input.shape, start_dim, end_dim))


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Layer normalization by `jax.nn.standardize`, over the last axes."""
    output = nn.standardize(input, axis=normalized_axes(input, normalized_shape), epsilon=eps)
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


LAYERS = layers_of(
    convolution, max_pool, avg_pool2d, pad, relu, sigmoid, tanh, softmax, log_softmax, linear, flatten, layer_norm
)
