"""Convolution place by place, many images at once (for `reference.convolution`, which has the legend of axes).

The cells under one place (i, j) of the output are a row for each image, (n, x·y·c), and their product with the weight,
(x·y·c, o), is this place of every output. Unrolling the axis y alone, to (n, w·y·c) for a row i of the output, is
enough: the cells under each place of that row are a view of it,

    w        0 1 2 3 4 5 6 7
    j = 0    ├───┤                x = 2, 3, 4
    j = 1    ├─────┤              x = 1, 2, 3, 4
    j = 2    ├───────┤            x = 0, 1, 2, 3, 4
    j = 3      ├───────┤          x = 0, 1, 2, 3, 4

and just as well a view of what lies inside the image. So the zeros of the padding are neither made nor multiplied,
along any axis: on 8×8 images with a 5×5 kernel and padding 2, these are 28 % of all products.

What this costs is a call of BLAS for each place, and to put the images of the result apart. So it pays where there are
many images, and short rows of few channels out. The document's three convolutions, batch 64, on one core of an AMD EPYC
with OpenBLAS 0.3.31, in ms:

                                    AVX-512            AVX2
    place by place                  10.9, 9.1, 4.1     11.8, 11.1, 4.2
    products alone                   3.8, 6.8, 3.4      4.7,  9.0, 3.5
    as in `reference.columns`        4.3, 9.9, 5.4      5.7, 13.8, 6.2
"""

from collections import defaultdict
from itertools import product
from math import prod

import numpy as np

from reference.checks import Array
from reference.columns import CACHE, SMALL
from reference.geometry import ConvGeometry, Pair

Inside = tuple[Pair, slice]
"""The taps of one place that lie inside the image, along an axis, as (first, last + 1), and the cells under them."""

MANY = 32
"""Images in a product, at least: OpenBLAS is slower with fewer, with AVX2 more so than with AVX-512."""
ENOUGH = SMALL // 2
"""Multiplications at a place, for all images, from which on this way is taken: at 150,000 it was no faster at times."""
WEIGHTS = 2**16
"""Weights of a group up to which this way was the fastest: with more, products are large one image at a time, too."""
SHORT = 4
"""Results in a row of the output for each cell in a row of a window, up to which this way was the fastest."""


def by_place(images: Array, weight: Array, geometry: ConvGeometry) -> bool:
    """Tell whether to convolve place by place: where that is faster, and the products left out would all be 0.

    With dilation, the cells under a row of taps are no block. What an infinite weight makes of a zero is NaN.
    """
    groups, (outs, channels, *kernel_size) = geometry.groups, weight.shape
    weights = weight.size // groups
    return (
        len(images) >= MANY
        and weights <= WEIGHTS
        and len(images) * weights >= ENOUGH
        and geometry.output_size[-1] * outs // groups <= SHORT * channels * kernel_size[-1]
        and prod(kernel_size) > 1
        and geometry.dilation[-1] == 1
        and bool(np.isfinite(weight).all())
    )


def convolve_places(images: Array, weight: Array, geometry: ConvGeometry, bias: Array | None = None) -> Array:
    """Convolve images (n, g·c, h, w) with a weight (g·o, c, y, x) to (n, g·o, i, j), in any number of dimensions."""
    groups, (outs, channels, *kernel_size) = geometry.groups, weight.shape
    output = np.empty((len(images), groups, outs // groups, *geometry.output_size), images.dtype)
    cells = images.reshape(len(images), groups, channels, *geometry.input_size)
    taps = weight.reshape(groups, -1, channels, *kernel_size)
    taps = np.ascontiguousarray(np.moveaxis(taps, (-1, 2, 1), (1, -2, -1)))  # (g, x, y, c, o)
    count = CACHE // (images.shape[1] * images.shape[-1] * prod(kernel_size[:-1]))
    count = max(MANY, count - count % MANY)
    for start in range(0, len(images), count):
        several = slice(start, start + count)
        _fill(output[several], cells[several], taps, geometry)
        if bias is not None:
            output[several] += bias.reshape(groups, -1, *[1] * len(kernel_size))
    return output.reshape(len(images), outs, *geometry.output_size)


def _fill(output: Array, images: Array, taps: Array, geometry: ConvGeometry) -> None:
    """Make an output (n, g, o, i, j) of images (n, g, c, h, w) and taps (g, x, y, c, o)."""
    *insides, inside_row = (_inside(axis, geometry) for axis in range(len(geometry.kernel_size)))
    cells = np.ascontiguousarray(np.moveaxis(images, (1, 0, -1, 2), (0, 1, 2, -1)))  # (g, n, w, h, c)
    places = np.moveaxis(output, (-1, 1), (0, 1))  # (j, g, n, o, i)
    results = np.empty(places.shape[:4], output.dtype)
    sizes = [size for size in range(MANY, len(images)) if len(images) % size == 0]
    rows = defaultdict(list)
    for row, inside in zip(np.ndindex(*geometry.output_size[:-1]), product(*insides), strict=True):
        rows[tuple(pair for pair, _ in inside)].append((row, [under for _, under in inside]))
    for pairs, alike in rows.items():
        kernel = taps[:, :, *(slice(*pair) for pair in pairs)]
        unrolled = np.empty((*cells.shape[:3], *kernel.shape[2:-1]), cells.dtype)  # (g, n, w, y, c)
        factors = [
            _matrices(unrolled[:, :, under], kernel[:, slice(*pair)], result, sizes)
            for (pair, under), result in zip(inside_row, results, strict=True)
        ]
        for row, under in alike:
            unrolled[...] = cells[:, :, :, *under]
            for matrix, weights, result in factors:
                np.matmul(matrix, weights, out=result)
            places[:, :, :, :, *row] = results


def _matrices(cells: Array, taps: Array, result: Array, sizes: list[int]) -> tuple[Array, Array, Array]:
    """View cells (g, n, x, y, c), taps (g, x, y, c, o) and a result (g, n, o) as matrices that make small products.

    Where none of these sizes, in images, makes one, there is a single product of all images.
    """
    groups, images, outs = result.shape
    terms = taps[0, ..., 0].size
    small = [size for size in (*sizes, images) if size * terms * outs <= SMALL]
    size = max(small, default=images)
    tiles = images // size
    return (
        cells.reshape(groups, tiles, size, terms),
        taps.reshape(groups, 1, terms, outs),
        result.reshape(groups, tiles, size, outs),
    )


def _inside(axis: int, geometry: ConvGeometry) -> list[Inside]:
    """Return what lies inside the image of each place along an axis."""
    stride, dilation, size = geometry.stride[axis], geometry.dilation[axis], geometry.input_size[axis]
    inside = []
    for place in range(geometry.output_size[axis]):
        start = place * stride - geometry.padding[axis][0]
        first = max(0, -(start // dilation))
        stop = max(first, min(geometry.kernel_size[axis], -((start - size) // dilation)))
        inside.append(((first, stop), slice(start + first * dilation, start + stop * dilation, dilation)))
    return inside
