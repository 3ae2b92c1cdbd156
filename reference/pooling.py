"""Max pooling (section 2.2).

    output[n, c, i, j] = max input[n, c, i·s − p + y·d, j·s − p + x·d]
                        y, x

Axes: n image, c channel, i j output row and column, y x row and column in the window; s stride (the window's
size unless given), p padding, d dilation. Only real cells take part: padding never wins.

Which cell wins decides where the gradient goes, so the rule is spelled out. Go through the window in row
order; a cell takes the lead if it is the first real one, or greater than the leader, or NaN. So of equal
cells the first wins, and of several NaN the last. A window without any real cell (dilation can step over
a narrow input) has the maximum of nothing, −∞, and the index −1.
"""

from math import prod
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, Size, array, flag, same_dtype, shape
from reference.geometry import PoolGeometry
from reference.padding import pad
from reference.windows import windows

NOWHERE = -1  # the index where no cell is a real one


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

    As `max_pool2d`, but for floating point only.

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

    `ceil_mode` also counts a last window that hangs over the end. With `return_indices` the winners' places
    come too, int64, counted through the rows of their own channel. Floating point or integer. Raises
    TypeError or ValueError for options that do not fit, such as padding of more than half a window.

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
    """Take the maximum of every window of a volume: input (n, c, d, h, w) or (c, d, h, w); as `max_pool2d`.

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
) -> Array:
    """Return grad_input of `max_pool1d`: each window's gradient, whole, at its winner.

    >>> max_pool1d_backward(np.array([[5.0]]), np.array([[2.0, 2.0]]), 2)
    array([[5., 0.]])
    """
    return _backward(1, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode))


def max_pool2d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array:
    """Return grad_input of `max_pool2d`: each window's gradient, whole, at its winner; a cell may win several.

    `grad_output` is shaped like the output; `return_indices` changes nothing here.

    >>> max_pool2d_backward(np.array([[[5.0]]]), np.array([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    array([[[0., 0.],
            [5., 0.]]])
    """
    return _backward(2, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode))


def max_pool3d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array:
    """Return grad_input of `max_pool3d`: each window's gradient, whole, at its winner.

    >>> max_pool3d_backward(np.array([[[[5.0]]]]), np.array([[[[1.0, 2.0]]]]), (1, 1, 2))
    array([[[[0., 5.]]]])
    """
    return _backward(3, grad_output, input, (kernel_size, stride, padding, dilation, ceil_mode))


def _forward(rank: int, input: Array, options: tuple[Any, ...], return_indices: bool) -> Array | tuple[Array, Array]:
    geometry = _check(rank, input, options)
    maxima = _maxima(input, geometry)
    return (maxima, _places(input, geometry)) if flag("return_indices", return_indices) else maxima


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _backward(rank: int, grad_output: Array, input: Array, options: tuple[Any, ...]) -> Array:
    geometry = _check(rank, input, options)
    for name, value in (("grad_output", grad_output), ("input", input)):
        array(name, value, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-rank], *geometry.output_size))
    channels, cells = prod(input.shape[:-rank]), prod(input.shape[-rank:])
    places = _places(input, geometry).reshape(channels, prod(geometry.output_size))
    won = places != NOWHERE
    winners = places + cells * np.arange(channels)[:, np.newaxis]  # numbered on through all channels
    grad_input = np.zeros(channels * cells, input.dtype)
    np.add.at(grad_input, winners[won], grad_output.reshape(won.shape)[won])
    return grad_input.reshape(input.shape)


def _maxima(input: Array, geometry: PoolGeometry) -> Array:
    """Apply the rule above to all windows at once, tap by tap: return the leaders."""
    taps, leaders = _start(input, geometry)
    for cells in taps:
        leads = (cells > leaders) | (cells != cells)
        leaders = np.where(leads, cells, leaders)  # np.maximum might take the other one of 0.0 and −0.0
    return leaders


def _places(input: Array, geometry: PoolGeometry) -> Array:
    """Apply the rule above to all windows at once, tap by tap: return the leaders' places."""
    taps, leaders = _start(input, geometry)
    numbers = _taps(pad(_numbers(input, len(geometry.kernel_size)), _margins(geometry)), geometry)
    leading = np.zeros(leaders.shape, np.int64)
    for cells, number in zip(taps, numbers, strict=True):
        leads = (cells > leaders) | (cells != cells) | (leading == 0)
        leading = np.maximum(leading, leads * number)  # the later of two cells of a window has the larger number
        leaders = np.maximum(leaders, cells)
    return leading - 1


def _start(input: Array, geometry: PoolGeometry) -> tuple[list[Array], Array]:
    """Return the cells under each tap and, for every window, the lowest number, which the padding holds too."""
    lowest = -np.inf if input.dtype.name in FLOATS else int(np.iinfo(input.dtype).min)
    size = (*input.shape[: -len(geometry.kernel_size)], *geometry.output_size)
    return _taps(pad(input, _margins(geometry), value=lowest), geometry), np.full(size, lowest, input.dtype)


def _taps(padded: Array, geometry: PoolGeometry) -> list[Array]:
    """View the cells under each tap of the windows that count, in row order: (…, *size) -> (…, *output) each."""
    view = windows(padded, geometry.kernel_size, geometry.stride, geometry.dilation)
    places: tuple[Any, ...] = (..., *map(slice, geometry.output_size))
    return [view[(..., *tap)][places] for tap in np.ndindex(geometry.kernel_size)]


def _numbers(input: Array, rank: int) -> Array:
    """Number the cells of one channel, row by row, from 1: a place is one less, and 0, that of the padding, none."""
    return 1 + np.arange(prod(input.shape[-rank:])).reshape(input.shape[-rank:])


def _margins(geometry: PoolGeometry) -> list[int]:
    """Return the padding as `pad` wants it: from the last axis backwards."""
    return [cells for pair in reversed(geometry.padding) for cells in pair]


def _check(rank: int, input: Array, options: tuple[Any, ...]) -> PoolGeometry:
    array("input", input, FLOATS | INTEGERS)
    if input.ndim not in (rank + 1, rank + 2):
        raise ValueError(f"input has {input.ndim} axes, expected {rank + 2}, or {rank + 1} without the batch")
    if 0 in input.shape[-rank - 1 :]:
        raise ValueError(f"input has shape {input.shape}: only the batch may be empty")
    return PoolGeometry.of(input.shape[-rank:], *options)
