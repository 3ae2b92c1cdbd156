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

That is the formulation used here for every rank, stride, dilation and grouping, a few images at a time so
that the columns stay in the processor's cache. For the document's three convolutions, batch 64, one thread, it
takes 1.8, 2.1 and 2.2 times torch's time forward and 1.0, 2.8 and 3.0 times backward, measured side by side by
`benchmarks/test_reference_against_torch.py` (torch 2.15, AVX2). What stops it: the columns hold every cell
once for each tap, 25 times for a 5×5 kernel, and copying them, or folding them back, takes about as long as
the product. Unrolling the kernel's rows alone copies 5 times instead and is a fifth faster on the second and
third convolution, and slower on the first; it needs a loop over taps inside the product, so it is not used.
"""

from math import prod
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, Size, array, same_dtype, shape
from reference.geometry import ConvGeometry
from reference.padding import pad, pad_backward
from reference.windows import windows

IMAGES_AT_A_TIME = 8


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
    for each axis; padding cells are 0, "valid" is none of them and "same" as many as keep the size. Floating
    point or integer, one dtype throughout, and the result has it. Source: the formula above (section 2.1.2).

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
    """Return grad_input, grad_weight and grad_bias (None without a bias) of `conv2d`, shaped as their arguments.

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
def _forward(rank: int, input: Array, weight: Array, bias: Array | None, *options: Any) -> Array:
    images = _batched(rank, input, weight)
    geometry = ConvGeometry.of(images, weight, bias, *options)
    padded = pad(images, _margins(geometry))
    kernels = _matrix(weight, geometry)
    products = np.empty((len(images), *kernels.shape[:2], prod(geometry.output_size)), input.dtype)
    for some in _blocks(images):
        np.matmul(kernels, _columns(padded[some], geometry), out=products[some])
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
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[: -rank - 1], len(weight), *geometry.output_size))

    padded = pad(images, _margins(geometry))
    kernels = _matrix(weight, geometry)
    grads = grad_output.reshape(len(images), *kernels.shape[:2], prod(geometry.output_size))
    grad_padded, grad_kernels = np.zeros_like(padded), np.zeros_like(kernels)
    for some in _blocks(images):
        grad_kernels += (grads[some] @ _columns(padded[some], geometry).mT).sum(axis=0)
        _fold(kernels.mT @ grads[some], grad_padded[some], geometry)

    grad_input = pad_backward(grad_padded, images, _margins(geometry)).reshape(input.shape)
    grad_bias = None if bias is None else grads.sum(axis=(0, -1)).reshape(bias.shape)
    return grad_input, grad_kernels.reshape(weight.shape), grad_bias


def _matrix(weight: Array, geometry: ConvGeometry) -> Array:
    """Return the weight as one matrix a group, (g, o, c·y·x)."""
    return weight.reshape(geometry.groups, len(weight) // geometry.groups, -1)


def _columns(padded: Array, geometry: ConvGeometry) -> Array:
    """Copy the cells of every window into a column: (n, g·c, *size) -> (n, g, c·y·x, i·j)."""
    rank = len(geometry.kernel_size)
    view = windows(padded, geometry.kernel_size, geometry.stride, geometry.dilation)  # (n, g·c, i, j, y, x)
    cells = np.moveaxis(view, range(-rank, 0), range(2, 2 + rank))
    return cells.reshape(len(padded), geometry.groups, -1, prod(geometry.output_size))


def _fold(columns: Array, grad_padded: Array, geometry: ConvGeometry) -> None:
    """Add every column back onto the cells that `_columns` copied it from."""
    view = windows(grad_padded, geometry.kernel_size, geometry.stride, geometry.dilation, writeable=True)
    cells = columns.reshape(*grad_padded.shape[:2], *geometry.kernel_size, *geometry.output_size)
    for tap in np.ndindex(geometry.kernel_size):
        view[(..., *tap)] += cells[(slice(None), slice(None), *tap)]


def _batched(rank: int, input: Array, weight: Array) -> Array:
    """Return the input with a batch axis, which it may have left out."""
    for name, value in (("input", input), ("weight", weight)):
        array(name, value, FLOATS | INTEGERS)
    if weight.ndim != rank + 2:
        raise ValueError(
            f"weight has {weight.ndim} axes, expected {rank + 2}: output and input channels and {rank} more"
        )
    if input.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"input has {input.ndim} axes, expected {rank + 2}, or {rank + 1} without the batch")
    return input if input.ndim == rank + 2 else input[np.newaxis]


def _blocks(images: Array) -> list[slice]:
    return [slice(start, start + IMAGES_AT_A_TIME) for start in range(0, len(images), IMAGES_AT_A_TIME)]


def _margins(geometry: ConvGeometry) -> list[int]:
    """Return the padding as `pad` wants it: from the last axis backwards."""
    return [cells for pair in reversed(geometry.padding) for cells in pair]
