"""The cells under the taps of a convolution, as matrices (for `reference.convolution`, which has the legend of axes).

Lay the cells of every window out as one column of a matrix, (c·y·x, i·j), and the convolution is its product with the
weight. These columns hold a cell once for each tap, 25 times for a 5×5 kernel. But unrolling the axis x alone, to a
matrix (c·x, j) for each row h of cells, is enough: lay these one below the other, and the columns of a row i of the
output, (y·c·x, j), are the rows from i on, which is a view,

    h        0 1 2 3 4 5 6 7      of columns five times smaller. There is one product for each row of the output, which
    i = 0    ├─────────┤          needs no more than its cells and writes them where they belong: `rows`.
    i = 1      ├─────────┤

How fast products are depends on the shape and the order of the matrices. In OpenBLAS 0.3.31 with AVX-512 on one core of
an AMD EPYC, those of up to 10⁶ multiplications ran at 95 to 112 GFLOP/s if the weight lies column by column, at 54 to
98 if it lies row by row; larger ones, which are first copied into another order, at 66 to 101. With AVX2, narrow ones
are the slowest. So rows are multiplied where their products are small but wide, in parts if need be. Else, a column
holds whole windows, in tiles of places that make products small; or, where that still pays, the taps y are kept apart:
each multiplies a shifted view of the columns (c·x, h·j), and the products are added up.
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
NARROW = 16
"""Places of a row to multiply at a time, and twice as many of a part: fewer gain less than other BLAS kernels lose."""
TILES = range(49, 129)
"""The same for places that need not be of one row."""
SHORTEST = 64
"""Cells in a column from which on it need not hold whole windows: products of shorter ones are slow."""
CACHE = 2**18
"""Numbers to unroll at a time, so that they stay in the processor's cache: 1 MiB in float32."""


def row_parts(weight: Array, geometry: ConvGeometry) -> int:
    """Return in how many parts to multiply each row of the output; 0 if none makes a small but wide product.

    In three dimensions, a row is a plane; in one, there are none. With dilation, the rows under a kernel are no block.
    """
    length, *others = *geometry.output_size[1:], 1
    if len(geometry.kernel_size) == 1 or prod(geometry.kernel_size) == 1 or geometry.dilation[0] > 1:
        return 0
    most = SMALL * geometry.groups // weight.size
    widths = {parts: length // parts * prod(others) for parts in range(1, length + 1) if length % parts == 0}
    fitting = (parts for parts, width in widths.items() if NARROW << (parts > 1) <= width <= most)
    return next(fitting, 0)


def row_kernels(weight: Array, geometry: ConvGeometry) -> Array:
    """Return the weight as matrices for the columns of `rows`, (1, g, 1, 1, o, y·c·x)."""
    taps = weight.reshape(geometry.groups, -1, *weight.shape[1:]).swapaxes(2, 3)
    return taps.reshape(1, geometry.groups, 1, 1, taps.shape[1], -1)


def row_places(output: Array, geometry: ConvGeometry, parts: int) -> Array:
    """View an output, (n, g, o, i·j), as its rows in parts: (n, g, parts, i, o, j)."""
    height, *others = geometry.output_size
    return output.reshape(*output.shape[:3], height, parts, prod(others) // parts).transpose(0, 1, 4, 3, 2, 5)


def rows(images: Array, geometry: ConvGeometry, parts: int) -> Iterator[tuple[slice, list[Array]]]:
    """Yield which images, and the columns of each part of each row, (n, g, parts, i, y·c·x, j), a few images at a time.

    They are views of an array that holds the next ones later.
    """
    cells = pad(images, _margins(geometry)) if any(_margins(geometry)) else images
    kernel, stride, dilation = geometry.kernel_size, geometry.stride, geometry.dilation
    under = windows(cells, kernel[1:], stride[1:], dilation[1:])  # (n, g·c, h, j, x)
    channels, length, others = images.shape[1] // geometry.groups, under.shape[3], under.shape[4:]
    under = under.reshape(len(images), geometry.groups, channels, under.shape[2], parts, length // parts, *others)
    taps = range(under.ndim - len(kernel) + 1, under.ndim)
    under = under.transpose(0, 1, 4, 3, 2, *taps, *range(5, taps.start))  # (n, g, parts, h, c, x, j)
    count = max(1, CACHE // max(1, under[:1].size))
    unrolled = np.empty((min(count, len(images)), *under.shape[1:]), images.dtype)
    lines = unrolled.reshape(*unrolled.shape[:4], channels * prod(kernel[1:]), prod(geometry.output_size[1:]) // parts)
    blocks = windows(np.moveaxis(lines, 3, -1), kernel[:1], stride[:1], dilation[:1])
    blocks = np.moveaxis(blocks, (-2, -1), (3, 4))  # (n, g, parts, i, y, c·x, j)
    for start in range(0, len(images), count):
        several = slice(start, start + count)
        few = len(images[several])
        np.copyto(unrolled[:few], under[several])
        yield several, [blocks[:few].reshape(*blocks[:few].shape[:4], -1, blocks.shape[-1])]


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


def tiled_columns(images: Array, geometry: ConvGeometry, taps: int, size: int) -> Iterator[tuple[slice, list[Array]]]:
    """Yield the same in tiles of so many places, (n, g, tiles, cells, size)."""
    for several, under_taps in columns(images, geometry, taps):
        yield several, [tiles(cells, size) for cells in under_taps]


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
    return matrix.reshape(*matrix.shape[:-1], matrix.shape[-1] // size, size).swapaxes(-3, -2)


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
