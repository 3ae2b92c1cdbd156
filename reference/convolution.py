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

`reference.columns` lays out the columns: those of one row of the output at a time, or of whole windows, or smaller ones
for each tap y of the kernel; `fold` is the way to grad_input for a stride of more than 1. With stride 1, grad_input is
itself a convolution, of grad_output with the kernels flipped and the channels in and out exchanged. Many small images
are multiplied place by place, by `reference.places`, which leaves out what lies in the padding.

Measured side by side with torch 2.15 on one core of an AMD EPYC, batch 64 (OpenBLAS 0.3.31 as in NumPy 2.4), as
multiples of torch's time for the document's three convolutions, the second and third of them place by place:

                        AVX-512                             AVX2
    forward             1.2 to 1.3, 1.3 to 1.4, 1.3 to 1.5  1.5 to 1.6, 1.5 to 1.6, 1.3 to 1.4
    backward            1.0, 1.4 to 1.5, 1.6                0.9 to 1.0, 1.5, 1.5 to 1.6
    products alone      1.1, 0.9 to 1.0, 1.1                1.2, 1.2, 1.1

The last line is the limit of the forward pass; the rest is unrolling, putting results where they belong, and the bias.
`benchmarks/README.md` lists what else was tried.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, Size, affordable, array, positive_sizes, same_dtype, shape
from reference.columns import (
    columns,
    fold,
    kernels,
    row_kernels,
    row_parts,
    row_places,
    rows,
    tile_size,
    tiled_columns,
    tiles,
    weight_of,
)
from reference.geometry import ConvGeometry
from reference.places import by_place, convolve_places

FEW, MANY = 16, 2048
"""Channels out and places from which on products are faster, and enough so, if the weight lies column by column."""


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
    output = _convolve(images, weight, geometry, bias)
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


def _convolve(images: Array, weight: Array, geometry: ConvGeometry, bias: Array | None = None) -> Array:
    """Multiply kernels and columns, and add up the products of the taps that are kept apart."""
    if by_place(images, weight, geometry):
        return convolve_places(images, weight, geometry, bias)
    groups, outs, places = geometry.groups, len(weight) // geometry.groups, prod(geometry.output_size)
    output = np.empty((len(images), groups, outs, places), images.dtype)
    columns_of: Iterable[tuple[slice, list[Array]]]
    if parts := row_parts(weight, geometry):
        taps, columns_of = row_kernels(weight, geometry), rows(images, geometry, parts)
        places_of = partial(row_places, geometry=geometry, parts=parts)
    else:
        taps = kernels(weight, geometry)[:, :, np.newaxis]
        size = tile_size(places, taps[0, 0].size)
        columns_of = tiled_columns(images, geometry, len(taps), size)
        places_of = partial(tiles, size=size)
    if outs >= FEW and len(images) * places >= MANY:
        taps = np.ascontiguousarray(taps.mT).mT
    for several, under_taps in columns_of:
        total = output[several]
        for number, (kernel, cells) in enumerate(zip(taps, under_taps, strict=True)):
            product = np.empty_like(total) if number else total
            np.matmul(kernel, cells, out=places_of(product))
            if number:
                total += product
        if bias is not None:
            total += bias.reshape(groups, outs, 1)
    return output.reshape(len(images), len(weight), *geometry.output_size)


def _grad_input(grads: Array, images: Array, weight: Array, geometry: ConvGeometry) -> Array:
    few_channels = 4 * images.size < grads.size  # the product's rows, one for each channel, would be too few
    few_places = weight.size > 16 * grads.size  # to turn round the weight would take longest
    if {*geometry.stride} == {1} and np.isfinite(weight).all() and not few_channels and not few_places:
        return _convolve(grads.reshape(len(grads), -1, *geometry.output_size), *_transposed(weight, geometry))
    transposed = weight.reshape(geometry.groups, len(weight) // geometry.groups, -1).mT
    return fold((transposed @ grad for grad in grads), images, geometry)


def _transposed(weight: Array, geometry: ConvGeometry) -> tuple[Array, ConvGeometry]:
    """Return the weight and the geometry with which a convolution of stride 1 makes grad_input of grad_output.

    The kernels are flipped, channels in and out exchanged, and every place that a cell lies under becomes a tap. Its
    padding adds zeros where there is no place, which do no harm as long as the weight is finite.
    """
    outs, channels, *kernel_size = weight.shape
    flipped = np.flip(weight, tuple(range(2, weight.ndim))).reshape(geometry.groups, -1, channels, *kernel_size)
    spans = [d * (k - 1) for k, d in zip(kernel_size, geometry.dilation, strict=True)]
    margins = [(span - b, span - a) for span, (b, a) in zip(spans, geometry.padding, strict=True)]
    turned = replace(geometry, input_size=geometry.output_size, output_size=geometry.input_size, padding=tuple(margins))
    return flipped.swapaxes(1, 2).reshape(-1, outs // geometry.groups, *kernel_size), turned


def _grad_weight(grads: Array, images: Array, weight: Array, geometry: ConvGeometry) -> Array:
    taps = kernels(weight, geometry)
    grad_taps = np.zeros_like(taps)
    size = tile_size(grads.shape[-1], taps[0, 0].size)
    for several, under_taps in columns(images, geometry, len(taps)):
        if len(taps) == 1:
            for grad, cells in zip(grads[several], *under_taps, strict=True):
                grad_taps[0] += grad @ cells.mT
            continue
        turned = tiles(grads[several], size).mT.copy()  # small products of two matrices as they lie are the fastest
        for grad_kernel, cells in zip(grad_taps, under_taps, strict=True):
            grad_kernel += (tiles(cells, size) @ turned).sum(axis=(0, 2)).mT
    return weight_of(grad_taps, weight)


def _checked_grads(rank: int, grad_output: Array, input: Array, weight: Array, geometry: ConvGeometry) -> Array:
    """Return the gradients of the output as one matrix per group, (n, g, o, i·j)."""
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[: -rank - 1], len(weight), *geometry.output_size))
    images = len(input) if input.ndim == weight.ndim else 1
    return grad_output.reshape(images, geometry.groups, len(weight) // geometry.groups, prod(geometry.output_size))


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
