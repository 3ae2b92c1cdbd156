"""Convolution with matrix products (section 2.1).

    output[n, o, i, j] = bias[o] + Σ input[n, c, i·s − p + y·d, j·s − p + x·d] · weight[o, c, y, x]
                                 c, y, x

Axes: n image, g group, c input channel of a group, o output channel of a group, i j output row and column,
y x kernel row and column; s stride, p padding, d dilation. `reference.definition` is the same sum in loops.

Lay the cells of every window out as one column of a matrix (c·y·x, i·j), and the sum is a matrix product;
its gradients are the products with either factor's transpose:

    output      = weight @ columns
    grad_weight = grad_output @ columnsᵀ
    grad_input  = fold(weightᵀ @ grad_output)        fold adds each column back onto the cells it came from

That is the formulation used here for every rank, stride, dilation and grouping, one image at a time so that the
columns stay in the processor's cache, and one axis after the other so that whole rows are copied. For the
document's three convolutions, batch 64, one thread, it takes 1.8, 1.7 and 1.8 times torch's time forward and 1.0,
2.2 and 2.4 times backward, measured side by side in `benchmarks` (torch 2.15, AVX2). What limits it: the
matrix products alone take 1.1 to 1.3 times torch's time (0.6 backward through the first convolution), because torch's
own convolution is faster than the BLAS; and the columns, which hold every cell once for each tap, 25 times for a 5×5
kernel, have to be written and read, or folded back.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, Size, affordable, array, positive_sizes, same_dtype, shape
from reference.geometry import ConvGeometry
from reference.padding import pad, pad_backward
from reference.windows import windows


def conv1d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Slide a kernel along one axis: input (n, g·c, w) or (g·c, w), weight (g·o, c, x) -> (n, g·o, j).

    Arguments and errors as in `conv2d`. Source: the formula above.

    >>> conv1d(np.array([[1.0, 2.0, 4.0]]), np.array([[[-1.0, 1.0]]]))
    array([[1., 2.]])
    """
    return _forward(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Slide kernels over images: input (n, g·c, h, w) or (g·c, h, w), weight (g·o, c, y, x) -> (n, g·o, i, j).

    `bias` (g·o,) is added to every place. `stride`, `padding` and `dilation` are in cells, one number or one
    for each axis; padding cells are 0; "valid" means none of them, "same" as many as keep the size. Floating
    point or integer, one dtype throughout, which is also the result's. Source: the formula above (section 2.1.2).

    Raises TypeError for anything but arrays of one dtype and whole numbers, ValueError for shapes and options
    that do not fit together.

    >>> conv2d(np.array([[[1, 2], [3, 4]]]), np.array([[[[1, 0], [0, 1]]]]))
    array([[[5]]])
    """
    return _forward(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Slide kernels through volumes: input (n, g·c, d, h, w) or (g·c, d, h, w), weight (g·o, c, z, y, x).

    Arguments and errors as in `conv2d`. Source: the formula above.

    >>> conv3d(np.ones((1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2)))
    array([[[[8.]]]])
    """
    return _forward(3, input, weight, bias, stride, padding, dilation, groups)


def conv1d_backward(
    grad_output: Array,
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array | None]:
    """Return grad_input, grad_weight and grad_bias (None without a bias) of `conv1d`.

    >>> conv1d_backward(np.array([[1.0]]), np.array([[3.0, 4.0]]), np.array([[[5.0, 6.0]]]))
    (array([[5., 6.]]), array([[[3., 4.]]]), None)
    """
    return _backward(1, grad_output, input, weight, bias, stride, padding, dilation, groups)


def conv2d_backward(
    grad_output: Array,
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array | None]:
    """Return grad_input, grad_weight and grad_bias (None without a bias) of `conv2d`, shaped like their arguments.

    `grad_output` is shaped like the output. Floating point only; errors as in `conv2d`.

    >>> conv2d_backward(np.array([[[2.0]]]), np.array([[[3.0]]]), np.array([[[[5.0]]]]), np.array([7.0]))
    (array([[[10.]]]), array([[[[6.]]]]), array([2.]))
    """
    return _backward(2, grad_output, input, weight, bias, stride, padding, dilation, groups)


def conv3d_backward(
    grad_output: Array,
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array | None]:
    """Return grad_input, grad_weight and grad_bias (None without a bias) of `conv3d`.

    >>> conv3d_backward(np.array([[[[2.0]]]]), np.array([[[[3.0]]]]), np.array([[[[[5.0]]]]]))
    (array([[[[10.]]]]), array([[[[[6.]]]]]), None)
    """
    return _backward(3, grad_output, input, weight, bias, stride, padding, dilation, groups)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def conv2d_weight(
    input: Array,
    weight_size: Sequence[int],
    grad_output: Array,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Return grad_weight of `conv2d` alone: enough for a first layer, whose input needs no gradient.

    Named and called as in `torch.nn.grad`. (grad_bias is the sum of grad_output over images and places.)

    >>> conv2d_weight(np.array([[[3.0]]]), (1, 1, 1, 1), np.array([[[2.0]]]))
    array([[[[6.]]]])
    """
    array("input", input)
    size = affordable("weight", positive_sizes("weight_size", weight_size))
    weight = np.zeros(size, input.dtype)  # only its shape matters
    images = _batched(2, input, weight)
    geometry = ConvGeometry.of(images, weight, None, stride, padding, dilation, groups)
    return _grad_weight(_checked_grads(2, grad_output, input, weight, geometry), images, weight, geometry)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _forward(rank: int, input: Array, weight: Array, bias: Array | None, *options: Any) -> Array:
    images = _batched(rank, input, weight)
    geometry = ConvGeometry.of(images, weight, bias, *options)
    kernels = _matrix(weight, geometry)
    products = np.empty((len(images), *kernels.shape[:2], prod(geometry.output_size)), input.dtype)
    for columns, product in zip(_columns(images, geometry), products, strict=True):
        np.matmul(kernels, columns, out=product)
    output = products.reshape(len(images), len(weight), *geometry.output_size)
    if bias is not None:
        output += bias.reshape(-1, *[1] * rank)
    return output if images is input else output[0]


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _backward(
    rank: int, grad_output: Array, input: Array, weight: Array, bias: Array | None, *options: Any
) -> tuple[Array, Array, Array | None]:
    images = _batched(rank, input, weight)
    geometry = ConvGeometry.of(images, weight, bias, *options)
    grads = _checked_grads(rank, grad_output, input, weight, geometry)
    grad_bias = None if bias is None else grads.sum(axis=(0, -1)).reshape(bias.shape)
    grad_input = _grad_input(grads, images, weight, geometry).reshape(input.shape)
    return grad_input, _grad_weight(grads, images, weight, geometry), grad_bias


def _grad_input(grads: Array, images: Array, weight: Array, geometry: ConvGeometry) -> Array:
    kernels = _matrix(weight, geometry)
    return _fold((kernels.mT @ grad for grad in grads), images, geometry)


def _grad_weight(grads: Array, images: Array, weight: Array, geometry: ConvGeometry) -> Array:
    grad_kernels = np.zeros_like(_matrix(weight, geometry))
    for columns, grad in zip(_columns(images, geometry), grads, strict=True):
        grad_kernels += grad @ columns.mT
    return grad_kernels.reshape(weight.shape)


def _checked_grads(rank: int, grad_output: Array, input: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """Return the gradients of the output as one matrix per group, (n, g, o, i·j)."""
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[: -rank - 1], len(weight), *geometry.output_size))
    images = len(input) if input.ndim == weight.ndim else 1
    return grad_output.reshape(images, geometry.groups, len(weight) // geometry.groups, prod(geometry.output_size))


def _matrix(weight: Array, geometry: ConvGeometry) -> Array:
    """Return the weight as one matrix per group, (g, o, c·y·x)."""
    return weight.reshape(geometry.groups, len(weight) // geometry.groups, -1)


def _columns(images: Array, geometry: ConvGeometry) -> Iterator[Array]:
    """Copy the cells of every window into a column, image by image: (n, g·c, *size) -> n times (g, c·y·x, i·j).

    One axis after the other, (h, w) -> (x, h, j) -> (y, x, i, j): so the last copy, the largest, moves whole rows
    rather than single windows. It is made of one image at a time, which stays in the processor's cache.
    """
    first, *others = _axes(geometry)
    cells = pad(images, _margins(geometry))
    for axis in reversed(others):
        cells = _taps(cells, axis, geometry).copy()
    for image in _taps(cells, first, geometry):
        yield image.reshape(geometry.groups, -1, prod(geometry.output_size))


def _fold(columns: Iterable[Array], images: Array, geometry: ConvGeometry) -> Array:
    """Add every column back onto the cells that `_columns` copied it from, retracing its steps."""
    unfolded = (images.shape[1], *geometry.kernel_size, *geometry.output_size)
    cells: Iterable[Array] = (image.reshape(unfolded) for image in columns)
    size = [len(images), *unfolded]
    for axis in _axes(geometry):
        del size[2]
        size[axis] = images.shape[axis] + sum(geometry.padding[axis])
        folded = np.zeros(size, images.dtype)
        for image, taps in zip(cells, _taps(folded, axis, geometry), strict=True):
            for tap in range(geometry.kernel_size[axis]):  # under one tap, windows do not overlap
                taps[:, tap] += image[:, tap]
        cells = folded
    return pad_backward(folded, images, _margins(geometry))


def _taps(cells: Array, axis: int, geometry: ConvGeometry) -> Array:
    """View, of one axis, the cells under each tap: (n, g·c, …, h, …) -> (n, g·c, y, …, i, …)."""
    kernel_size, stride, dilation = geometry.kernel_size[axis], geometry.stride[axis], geometry.dilation[axis]
    view = windows(np.moveaxis(cells, axis, -1), (kernel_size,), (stride,), (dilation,), writeable=True)
    return np.moveaxis(view, (-2, -1), (axis, 2))


def _axes(geometry: ConvGeometry) -> range:
    """Return the spatial axes, counted from the end."""
    return range(-len(geometry.kernel_size), 0)


def _batched(rank: int, input: Array, weight: Array) -> Array:
    """Return the input with a batch axis, added if it has none."""
    for name, value in (("input", input), ("weight", weight)):
        array(name, value, FLOATS | INTEGERS)
    if weight.ndim != rank + 2:
        raise ValueError(
            f"weight has {weight.ndim} axes, expected {rank + 2}: output and input channels and {rank} more"
        )
    if input.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"input has {input.ndim} axes, expected {rank + 2}, or {rank + 1} without the batch")
    return input if input.ndim == rank + 2 else input[np.newaxis]


def _margins(geometry: ConvGeometry) -> list[int]:
    """Return the padding as `pad` takes it, from the last axis backwards."""
    return [cells for pair in reversed(geometry.padding) for cells in pair]
