"""Convolution and pooling straight from their formulas: read this file first.

A kernel slides over the input (section 2.1). At each place it covers a window of cells; those beyond the border belong
to the padding. Along one axis of 5 cells, with a kernel of 3, stride 2 and padding 1:

    input             a   b   c   d   e
    place 0       ·   a   b                     one cell of padding, two real ones
    place 1               b   c   d
    place 2                       d   e   ·

(With dilation 2 a window would hold every second cell.) What the layers make of the real cells of a window:

    convolution        multiply each by the weight that lies on it, and add up the products
    max pooling        keep the largest
    average pooling    divide their sum by their number

So every layer comes down to one list of which input cells each output cell is made of: `products`, `winners`, `means`.
Gradients take the same list backwards. Whatever an output cell receives goes to the cells that it was made of: times
the other factor of each product, whole to the winner, or in equal shares.

Any number of spatial axes, but always with a batch: input (n, c, *size). n is the image, c the channel, o the output
channel of a convolution, `place` where the window lies and `tap` the cell of the kernel, along every spatial axis.

These loops are for reading and for proving: `reference.convolution`, `reference.pooling` and
`reference.average_pooling` compute the same, only faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from reference.checks import Array, lowest, shape
from reference.geometry import ConvGeometry, PoolGeometry

Index = tuple[int, ...]
Window = tuple[range, ...]
"""The cells of a window along every axis, counted from the first of the input; what lies outside is padding."""
Windows = dict[Index, Window]
"""The window at every place, row by row."""

# Windows


def sliding_windows(geometry: ConvGeometry | PoolGeometry) -> Windows:
    """Return the windows of a kernel that slides: its tap t lies on cell place·stride − padding + t·dilation.

    >>> sliding_windows(PoolGeometry.of((5,), kernel_size=3, stride=2, padding=1))
    {(0,): (range(-1, 2),), (1,): (range(1, 4),), (2,): (range(3, 6),)}
    """
    g = geometry
    return _windows(
        [
            range(start, min(start + taps * dilation, cells + after), dilation)  # ceil_mode reaches farther: cut off
            for start in range(-before, places * stride - before, stride)
        ]
        for cells, places, taps, stride, (before, after), dilation in zip(
            g.input_size, g.output_size, g.kernel_size, g.stride, g.padding, g.dilation, strict=True
        )
    )


def adaptive_windows(size: Sequence[int], output_size: Sequence[int]) -> Windows:
    """Return n windows along every axis of h cells: window i reaches from cell ⌊i·h/n⌋ to before ⌈(i + 1)·h/n⌉.

    >>> adaptive_windows((5,), (2,))
    {(0,): (range(0, 3),), (1,): (range(2, 5),)}
    """
    return _windows(
        [range(i * h // n, -(-(i + 1) * h // n)) for i in range(n)] for h, n in zip(size, output_size, strict=True)
    )


def real_cells(window: Window, size: Sequence[int]) -> Iterator[tuple[Index, Index]]:
    """Yield (tap, cell) for every cell of a window that is one of the input's, not padding, row by row."""
    for tap, cell in zip(np.ndindex(*map(len, window)), product(*window), strict=True):
        if all(0 <= at < cells for at, cells in zip(cell, size, strict=True)):
            yield tap, cell


def _windows(along_axes: Iterable[list[range]]) -> Windows:
    along_axes = list(along_axes)
    return dict(zip(np.ndindex(*map(len, along_axes)), product(*along_axes), strict=True))


def _zeros(input: Array, windows: Windows) -> Array:
    """Return an output cell for every channel and place."""
    return np.zeros((*input.shape[:2], *np.add(list(windows)[-1], 1)), input.dtype)


# Convolution (section 2.1.2)


def products(input: Array, weight: Array, geometry: ConvGeometry) -> Iterator[tuple[Index, Index, Index]]:
    """Yield (output cell, input cell, weight cell) for every product of a convolution.

        output[n, o, place] = bias[o] + Σ input[n, c, place·stride − padding + tap·dilation] · weight[o, c, tap]
                                      c, tap

    With groups, an output channel sees only the input channels of its own group. The kernel is not flipped:
    mathematics calls this operation cross-correlation.
    """
    outputs, channels = weight.shape[:2]
    for n, o in np.ndindex(len(input), outputs):
        group = o // (outputs // geometry.groups)
        for place, window in sliding_windows(geometry).items():
            for c in range(channels):
                for tap, cell in real_cells(window, geometry.input_size):
                    yield (n, o, *place), (n, group * channels + c, *cell), (o, c, *tap)


def convolution(input: Array, weight: Array, bias: Array | None = None, **options: Any) -> Array:
    """Convolve: input (n, g·c, *size), weight (g·o, c, *kernel), bias (g·o,) -> (n, g·o, *output), for g groups.

    Options (stride, padding, dilation, groups) and their errors are those of `reference.conv2d`. Padding is skipped,
    not multiplied by, so a weight that is not finite does not turn it into NaN.

    >>> image = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    >>> edge = np.array([[[[1, 0, -1], [1, 0, -1], [1, 0, -1]]]])
    >>> convolution(image, edge)
    array([[[[-6]]]])
    """
    geometry = ConvGeometry.of(input, weight, bias, **options)
    output = np.zeros((len(input), len(weight), *geometry.output_size), input.dtype)
    if bias is not None:
        output += bias.reshape(-1, *[1] * len(geometry.output_size))
    for out, cell, tap in products(input, weight, geometry):
        output[out] += input[cell] * weight[tap]
    return output


def convolution_backward(
    grad_output: Array, input: Array, weight: Array, bias: Array | None = None, **options: Any
) -> tuple[Array, Array, Array | None]:
    """Return grad_input, grad_weight and grad_bias (None without a bias), each shaped like its argument.

    >>> grad_input, grad_weight, _ = convolution_backward(
    ...     np.array([[[2.0]]]), input=np.array([[[3.0, 4.0]]]), weight=np.array([[[5.0, 6.0]]])
    ... )
    >>> grad_input, grad_weight
    (array([[[10., 12.]]]), array([[[6., 8.]]]))
    """
    geometry = ConvGeometry.of(input, weight, bias, **options)
    shape("grad_output", grad_output, (len(input), len(weight), *geometry.output_size))
    grad_input, grad_weight = np.zeros_like(input), np.zeros_like(weight)
    for out, cell, tap in products(input, weight, geometry):
        grad_input[cell] += grad_output[out] * weight[tap]
        grad_weight[tap] += grad_output[out] * input[cell]
    grad_bias = None if bias is None else grad_output.sum(axis=(0, *range(2, grad_output.ndim)))
    return grad_input, grad_weight, grad_bias


# Max pooling (section 2.2)


def winners(input: Array, windows: Windows) -> Iterator[tuple[Index, Index]]:
    """Yield (output cell, the input cell that wins its window) for every window with a real cell.

    Row by row, a cell takes the lead if it is the first, or greater than the leader, or NaN. So of equal cells the
    first wins, and of several NaN the last.
    """
    for channel in np.ndindex(input.shape[:2]):
        for place, window in windows.items():
            leader = None
            for _, cell in real_cells(window, input.shape[2:]):
                value = input[(*channel, *cell)]
                if leader is None or value > input[leader] or np.isnan(value):
                    leader = (*channel, *cell)
            if leader is not None:
                yield (*channel, *place), leader


def max_pooling(input: Array, windows: Windows) -> tuple[Array, Array]:
    """Return the maximum of every window, and its index: input (n, c, *size) -> twice (n, c, *output).

    An index counts the cells of a channel, row by row. A window without a real cell (its dilation may step over a
    narrow input) has the lowest number of the dtype, which is −∞ for floating point, and index −1.

    >>> max_pooling(np.array([[[3, 1, 4, 1, 5]]]), sliding_windows(PoolGeometry.of((5,), kernel_size=2, stride=1)))
    (array([[[3, 4, 4, 5]]]), array([[[0, 2, 2, 4]]]))
    """
    output = _zeros(input, windows) + lowest(input.dtype)
    indices = np.full(output.shape, -1)
    for out, cell in winners(input, windows):
        output[out] = input[cell]
        indices[out] = np.ravel_multi_index(cell[2:], input.shape[2:])
    return output, indices


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def max_pooling_backward(grad_output: Array, input: Array, windows: Windows) -> Array:
    """Return grad_input: a cell receives the gradients of all the windows that it wins.

    >>> windows = sliding_windows(PoolGeometry.of((5,), kernel_size=2, stride=1))
    >>> max_pooling_backward(np.array([[[1.0, 2, 3, 4]]]), np.array([[[3.0, 1, 4, 1, 5]]]), windows)
    array([[[1., 0., 5., 0., 4.]]])
    """
    shape("grad_output", grad_output, _zeros(input, windows).shape)
    grad_input = np.zeros_like(input)
    for out, cell in winners(input, windows):
        grad_input[cell] += grad_output[out]
    return grad_input


# Average pooling (section 2.8)


def means(
    input: Array, windows: Windows, count_include_pad: bool = True, divisor_override: int | None = None
) -> Iterator[tuple[Index, list[Index], int]]:
    """Yield (output cell, the real cells of its window, divisor): the mean is the sum of the cells over the divisor.

    The divisor is the number of cells, with those of the padding or without, unless `divisor_override` replaces it.
    """
    for channel in np.ndindex(input.shape[:2]):
        for place, window in windows.items():
            cells = [(*channel, *cell) for _, cell in real_cells(window, input.shape[2:])]
            counted = prod(map(len, window)) if count_include_pad else len(cells)
            yield (*channel, *place), cells, counted if divisor_override is None else divisor_override


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def average_pooling(
    input: Array, windows: Windows, count_include_pad: bool = True, divisor_override: int | None = None
) -> Array:
    """Return the mean of every window: input (n, c, *size) -> (n, c, *output).

    >>> average_pooling(np.array([[[1.0, 2, 6, 7, 8]]]), adaptive_windows((5,), (2,)))
    array([[[3., 7.]]])
    """
    output = _zeros(input, windows)
    for out, cells, divisor in means(input, windows, count_include_pad, divisor_override):
        for cell in cells:
            output[out] += input[cell]
        output[out] /= divisor
    return output


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def average_pooling_backward(
    grad_output: Array,
    input: Array,
    windows: Windows,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Return grad_input: each real cell of a window receives the window's gradient over its divisor.

    >>> average_pooling_backward(np.array([[[3.0, 6.0]]]), np.zeros((1, 1, 5)), adaptive_windows((5,), (2,)))
    array([[[1., 1., 3., 2., 2.]]])
    """
    shape("grad_output", grad_output, _zeros(input, windows).shape)
    grad_input = np.zeros_like(input)
    for out, cells, divisor in means(input, windows, count_include_pad, divisor_override):
        for cell in cells:
            grad_input[cell] += grad_output[out] / divisor
    return grad_input
