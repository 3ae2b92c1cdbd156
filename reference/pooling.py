"""Max pooling (section 2.2).

    output[n, c, i, j] = max input[n, c, i·s − p + y·d, j·s − p + x·d]
                        y, x

Axes: n image, c channel, i j output row and column, y x row and column in the window; s stride (the window's
size unless given), p padding, d dilation. Only real cells take part: padding never wins. `reference.definition` takes
the maximum window by window, in loops.

Which cell wins decides where the gradient goes. Row by row, a cell takes the lead in its window if it is the first
real one, or greater than the leader, or NaN: so of equal cells the first wins, and of several NaN the last.

The winner of a window is the winner among the winners of its rows. So one axis is pooled after the other, each by the
same rule, and a cell is compared k + k times for windows of k×k, not k·k times. In windows of 3×3 with stride 1:

    2  7  1  3                        7  7
    9  6  3  8     -- along rows -->  9  8     -- along columns -->     9  8
    8  3  6  2                        8  6

Along an axis, all windows advance together, tap by tap. With each leader goes the number of its cell, and from the
winners' numbers come the output, the indices and the gradient.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, Size, array, flag, lowest, same_dtype, shape
from reference.geometry import PoolGeometry

NOWHERE = -1  # the index of a window without a real cell


def max_pool1d(
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Array]:
    """Take the maximum of every window along one axis: input (n, c, w) or (c, w) -> (n, c, j).

    Like `max_pool2d`, but for floating point only.

    >>> max_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
    array([[3., 2.]])
    """
    array("input", input)
    return _forward(1, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool2d(
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Array]:
    """Take the maximum of every window: input (n, c, h, w) or (c, h, w) -> (n, c, i, j), of the same dtype.

    With `ceil_mode` a last window may reach beyond the end. With `return_indices` the indices of the maxima are
    returned, too: int64, counting the cells of the channel row by row. Floating point or integer. Raises TypeError or
    ValueError for options that do not fit, such as padding of more than half a window.

    >>> max_pool2d(np.array([[[1, 2], [4, 3]]]), 2, return_indices=True)
    (array([[[4]]]), array([[[2]]]))
    """
    return _forward(2, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool3d(
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Array]:
    """Take the maximum of every window of a volume: input (n, c, d, h, w) or (c, d, h, w); see `max_pool2d`.

    >>> max_pool3d(np.arange(8).reshape(1, 2, 2, 2), 2)
    array([[[[7]]]])
    """
    return _forward(3, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices)


def max_pool1d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    indices: Array | None = None,
) -> Array:
    """Return grad_input of `max_pool1d`: each window's gradient goes entirely to its maximum.

    >>> max_pool1d_backward(np.array([[5.0]]), np.array([[2.0, 2.0]]), 2)
    array([[5., 0.]])
    """
    return _backward(1, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode), indices)


def max_pool2d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    indices: Array | None = None,
) -> Array:
    """Return grad_input of `max_pool2d`: each window's gradient goes entirely to its maximum.

    One cell may be the maximum of several windows. `grad_output` is shaped like the output; `return_indices` has no
    effect here. `indices`, those that `max_pool2d` returned for this input, save finding the maxima once more.

    >>> max_pool2d_backward(np.array([[[5.0]]]), np.array([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    array([[[0., 0.],
            [5., 0.]]])
    """
    return _backward(2, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode), indices)


def max_pool3d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    indices: Array | None = None,
) -> Array:
    """Return grad_input of `max_pool3d`: each window's gradient goes entirely to its maximum.

    >>> max_pool3d_backward(np.array([[[[5.0]]]]), np.array([[[[1.0, 2.0]]]]), (1, 1, 2))
    array([[[[0., 5.]]]])
    """
    return _backward(3, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode), indices)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _forward(rank: int, input: Array, options: tuple[Any, ...], return_indices: bool) -> Array | tuple[Array, Array]:
    geometry = _check(rank, input, options)
    indices = _indices(input, geometry)
    won, cells = _winners(indices, geometry)
    output = np.full(indices.shape, lowest(input.dtype), input.dtype)
    output[won] = input.reshape(-1)[cells]
    return (output, indices) if flag("return_indices", return_indices) else output


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _backward(rank: int, grad_output: Array, input: Array, options: tuple[Any, ...], indices: Array | None) -> Array:
    geometry = _check(rank, input, options)
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-rank], *geometry.output_size))
    known = _indices(input, geometry) if indices is None else _checked(indices, grad_output, geometry)
    won, cells = _winners(known, geometry)
    grad_input = np.zeros(input.size, input.dtype)
    np.add.at(grad_input, cells, grad_output[won])  # adds up where a cell wins several windows
    return grad_input.reshape(input.shape)


def _checked(indices: Array, grad_output: Array, geometry: PoolGeometry) -> Array:
    """Require indices as `_indices` returns them."""
    array("indices", indices, frozenset({"int64"}))
    shape("indices", indices, grad_output.shape)
    cells = prod(geometry.input_size)
    if indices.size and not NOWHERE <= indices.min() <= indices.max() < cells:
        raise ValueError(f"indices must be from {NOWHERE} to {cells - 1}, got {indices.min()} to {indices.max()}")
    return indices


def _winners(indices: Array, geometry: PoolGeometry) -> tuple[Array, Array]:
    """Return which windows have a winner, and where these winners are among the cells of all channels."""
    rank = len(geometry.input_size)
    channels = np.arange(prod(indices.shape[:-rank])).reshape(*indices.shape[:-rank], *[1] * rank)
    won = indices != NOWHERE
    return won, (channels * prod(geometry.input_size) + indices)[won]


def _indices(input: Array, geometry: PoolGeometry) -> Array:
    """Return the index of every window's winner, which counts the cells of its channel row by row, or NOWHERE."""
    cells = prod(geometry.input_size)
    numbers = np.arange(1, cells + 1, dtype=np.min_scalar_type(cells)).reshape(geometry.input_size)
    leaders = input
    for axis in reversed(range(-len(geometry.input_size), 0)):
        leaders, numbers = _pooled(axis, leaders, numbers, geometry)
    return numbers.astype(np.int64) - 1


def _pooled(axis: int, input: Array, numbers: Array, geometry: PoolGeometry) -> tuple[Array, Array]:
    """Return the leader of every window along one axis, and the number of its cell: 0 while there is no real one."""
    size = list(input.shape)
    size[axis] = geometry.output_size[axis]
    leaders, leading = np.full(size, lowest(input.dtype), input.dtype), np.zeros(size, numbers.dtype)
    axes_after: list[Any] = [slice(None)] * (-axis - 1)
    for places, cells in _taps(axis, geometry):
        at, under = (..., places, *axes_after), (..., cells, *axes_after)
        value, leader, number = input[under].copy(), leaders[at], leading[at]  # copied, as it is read three times
        leads = (value > leader) | (value != value) | (number == 0)
        np.maximum(number, leads * numbers[under], out=number)  # a later cell of a window has the larger number
        np.maximum(leader, value, out=leader)
    return leaders, leading


def _taps(axis: int, geometry: PoolGeometry) -> Iterator[tuple[slice, slice]]:
    """Yield, for every tap along an axis, the places where it lies on a real cell, and these cells."""
    size, places, stride = geometry.input_size[axis], geometry.output_size[axis], geometry.stride[axis]
    dilation, padding, reach = geometry.dilation[axis], geometry.padding[axis][0], (places - 1) * stride
    on_a_cell = range(max(0, -((reach - padding) // dilation)), (size - 1 + padding) // dilation + 1)
    for tap in on_a_cell[: geometry.kernel_size[axis] - on_a_cell.start]:
        start = tap * dilation - padding  # its cell at place 0; may be padding
        first, end = max(0, -(start // stride)), min(places, (size - 1 - start) // stride + 1)
        if first < end:
            yield slice(first, end), slice(start + first * stride, start + end * stride, stride)


def _check(rank: int, input: Array, options: tuple[Any, ...]) -> PoolGeometry:
    array("input", input, FLOATS | INTEGERS)
    if input.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"input has {input.ndim} axes, expected {rank + 2}, or {rank + 1} without the batch")
    if 0 in input.shape[-rank - 1 :]:
        raise ValueError(f"input has shape {input.shape}: only the batch may be empty")
    return PoolGeometry.of(input.shape[-rank:], *options)
