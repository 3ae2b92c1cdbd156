"""The cells under the taps of a convolution, as matrices (for `reference.convolution`, which has the legend of axes).

Lay the cells of every window out as one column of a matrix, (c·y·x, i·j), and the convolution is its product with the
weight. These columns hold a cell once for each tap, 25 times for a 5×5 kernel. But rows of an image lie one below the
other, so unrolling the axis x alone, (c·x, h·j), is enough: under each tap y lie the rows from y on, which is a view,

    rows  0 1 2 3 4 5 6 7      of columns five times smaller, and the output is the sum of one product for each y.
    y = 0 ├─────────┤
    y = 1   ├─────────┤

How fast that is depends on the shape of the products. Multiplied by 32×160 weights, 128 places at a time ran at 93
GFLOP/s, 256 at 66, and 32×800 weights at 66, too, where 2048×2048 ones ran at 103 (OpenBLAS 0.3.31 with AVX-512 on one
core of an AMD EPYC; with AVX2 all of the former at 64 to 68): matrices are first copied into another order, unless
their product is small. So the taps y are kept apart, and the places multiplied in tiles, where that makes products
small; else, a column holds whole windows.
"""

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np

from reference.checks import Array
from reference.geometry import ConvGeometry
from reference.padding import pad, pad_backward
from reference.windows import windows

SMALL = 10**6
"""Multiplications in a product of two matrices up to which OpenBLAS with AVX-512 does not copy them first."""
TILES = range(49, 129)
"""Places to multiply at a time: fewer cost more in calls than they save."""
SHORTEST = 64
"""Cells in a column from which on it need not hold whole windows: products of shorter ones are slow."""
CACHE = 2**18
"""Numbers to unroll at a time, so that they stay in the processor's cache: 1 MiB in float32."""


def kernels(weight: Array, geometry: ConvGeometry) -> Array:
    """Return the weight as matrices, (taps kept apart, g, o, cells of a column): (y, g, o, c·x) or (1, g, o, c·y·x)."""
    outs, rows = len(weight) // geometry.groups, geometry.kernel_size[0]
    cells = prod(weight.shape[1:]) // rows
    apart = rows > 1 and geometry.stride[0] == 1 and cells >= SHORTEST and outs * cells * TILES.start <= SMALL
    taps = weight.reshape(geometry.groups, outs, weight.shape[1], rows if apart else 1, -1)
    return np.moveaxis(taps, 3, 0).reshape(len(taps[0, 0, 0]), geometry.groups, outs, -1)


def weight_of(kernels: Array, weight: Array) -> Array:
    """Return matrices like those of `kernels` in the shape of the weight."""
    taps, groups, outs, _ = kernels.shape
    return np.moveaxis(kernels.reshape(taps, groups, outs, weight.shape[1], -1), 0, 3).reshape(weight.shape)


def columns(images: Array, geometry: ConvGeometry, taps: int) -> Iterator[tuple[slice, list[Array]]]:
    """Yield which images, and for each tap that is kept apart their columns (n, g, cells, places), a few at a time.

    One axis is unrolled after the other, (h, w) -> (x, h, j) -> (y, x, i, j): so the last copy, the largest, moves
    whole rows rather than single windows. It is left out if the taps of its axis are kept apart.
    """
    first, *others = _axes(geometry)
    cells = pad(images, _margins(geometry)) if any(_margins(geometry)) else np.ascontiguousarray(images)
    for axis in reversed(others):
        cells = np.ascontiguousarray(_taps(cells, axis, geometry))
    under = _taps(cells, first, geometry)
    count = max(1, CACHE * taps // max(1, under[:1].size))
    for start in range(0, len(images), count):
        several = slice(start, start + count)
        parts = np.moveaxis(under[several], 2, 0) if taps > 1 else under[np.newaxis, several]
        yield several, [part.reshape(len(part), geometry.groups, -1, prod(geometry.output_size)) for part in parts]


def fold(unrolled: Iterable[Array], images: Array, geometry: ConvGeometry) -> Array:
    """Add columns of whole windows, (g, c·y·x, i·j) of every image, back onto the cells that they hold."""
    shape = (images.shape[1], *geometry.kernel_size, *geometry.output_size)
    cells: Iterable[Array] = (image.reshape(shape) for image in unrolled)
    size = [len(images), *shape]
    for axis in _axes(geometry):
        del size[2]
        size[axis] = images.shape[axis] + sum(geometry.padding[axis])
        folded = np.zeros(size, images.dtype)
        for image, taps in zip(cells, _taps(folded, axis, geometry), strict=True):
            for tap in range(geometry.kernel_size[axis]):  # under one tap, windows do not overlap
                taps[:, tap] += image[:, tap]
        cells = folded
    return pad_backward(folded, images, _margins(geometry))


def tile_size(places: int, weights: int) -> int:
    """Return how many places to multiply by this many weights at a time; all of them if no tile is small.

    >>> tile_size(places=256, weights=32 * 160), tile_size(places=256, weights=256 * 2304)
    (128, 256)
    """
    small = [size for size in TILES if places % size == 0 and weights * size <= SMALL]
    return max(small, default=places)


def tiles(matrix: Array, size: int) -> Array:
    """View a matrix as tiles of so many columns each: (…, cells, places) -> (…, tiles, cells, size)."""
    return matrix.reshape(*matrix.shape[:-1], -1, size).swapaxes(-3, -2)


def _taps(cells: Array, axis: int, geometry: ConvGeometry) -> Array:
    """View, of one axis, the cells under each tap: (n, g·c, …, h, …) -> (n, g·c, y, …, i, …)."""
    kernel_size, stride, dilation = geometry.kernel_size[axis], geometry.stride[axis], geometry.dilation[axis]
    view = windows(np.moveaxis(cells, axis, -1), (kernel_size,), (stride,), (dilation,), writeable=True)
    return np.moveaxis(view, (-2, -1), (axis, 2))


def _axes(geometry: ConvGeometry) -> range:
    """Return the spatial axes, counted from the end."""
    return range(-len(geometry.kernel_size), 0)


def _margins(geometry: ConvGeometry) -> list[int]:
    """Return the padding as `pad` takes it, from the last axis backwards."""
    return [cells for pair in reversed(geometry.padding) for cells in pair]
