"""Resizing images (sections 1.2 and 1.3).

    output[i, j] = Σ rows[i, y] · columns[j, x] · input[y, x]
                  y,x

Each row of a weight matrix holds what one new pixel takes from the old ones. The new pixel i lies at
c = (i + ½) · old/new among the old ones, whose centres are y + ½, and weights them by a filter of their distance,
stretched by old/new if the image shrinks and `antialias` is on. The filters: "bilinear", a triangle of
half-width 1; "bicubic", Keys' cubic of half-width 2 (Cubic Convolution Interpolation, 1981).

Near an edge some of the pixels under the filter do not exist. With `antialias` their weight goes to the others;
without, the pixel at the edge stands in for them.

Byte images are computed as Pillow does, in whole numbers: weights have 22 fractional bits, and the result is rounded
to bytes after each of the two directions. Their order matters to the result, and is stated at `_in_bytes`.

Axes: … any leading axes, h row, w column.
"""

from collections.abc import Sequence
from math import floor

import numpy as np

from reference.checks import FLOATS, Array, affordable, array, flag, integer, one_of, shown

INTERPOLATIONS = ("nearest", "nearest-exact", "bilinear", "bicubic")
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}
FRACTION_BITS = 22


def resize(
    img: Array,
    size: int | Sequence[int],
    interpolation: str = "bilinear",
    max_size: int | None = None,
    antialias: bool = True,
) -> Array:
    """Resize an image: img (…, h, w), bytes or floating point, size (height, width) or that of the shorter edge.

    The longer edge keeps the ratio, rounded down; if it would become longer than `max_size`, the image is made
    smaller to fit. "nearest" takes the pixel at ⌊i · old/new⌋, "nearest-exact" the pixel that contains c.
    `antialias` matters to "bilinear" and "bicubic" when the image shrinks; for byte images it is always on,
    as in Pillow. Raises TypeError and ValueError for other dtypes, sizes and interpolations.

    >>> resize(np.array([[0.0, 4.0]]), (1, 4))
    array([[0., 1., 3., 4.]])
    >>> resize(np.zeros((3, 20, 30)), 10).shape
    (3, 10, 15)
    """
    array("img", img, FLOATS | {"uint8"})
    if img.ndim < 2 or 0 in img.shape[-2:]:
        raise ValueError(f"img has shape {img.shape}, expected (…, height, width), neither of them 0")
    one_of("interpolation", interpolation, INTERPOLATIONS)
    h, w = resized_output_size(img.shape[-2:], size, max_size)
    affordable("the resized image", (*img.shape[:-2], max(h, img.shape[-2]), max(w, img.shape[-1])))
    for old, new in ((img.shape[-2], h), (img.shape[-1], w)):
        affordable("the matrix of weights", (new, old))
    if interpolation.startswith("nearest"):
        copied = (
            _nearest if interpolation == "nearest" else _nearest_in_bytes if img.dtype == np.uint8 else _nearest_exact
        )
        return img[..., copied(img.shape[-2], h)[:, np.newaxis], copied(img.shape[-1], w)]
    if not flag("antialias", antialias) and img.dtype == np.uint8:
        raise ValueError("antialias must be True for an image of bytes")
    rows = weights(img.shape[-2], h, interpolation, antialias)
    columns = weights(img.shape[-1], w, interpolation, antialias)
    if img.dtype == np.uint8:
        return _in_bytes(img.copy(), rows, columns)
    with np.errstate(all="ignore"):  # NaN and infinity are results here, not accidents
        return rows.astype(img.dtype) @ (img @ columns.T.astype(img.dtype))


def resized_output_size(
    size: tuple[int, ...], wanted: int | Sequence[int], max_size: int | None = None
) -> tuple[int, int]:
    """Return the height and width that an image of this size is resized to.

    >>> resized_output_size((480, 640), 256), resized_output_size((480, 640), 256, max_size=300)
    ((256, 341), (225, 300))
    """
    given = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else (wanted,)
    numbers = tuple(integer("size", s) for s in given)
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise ValueError(f"size must be one or two numbers of at least 1, got {shown(wanted)}")
    if len(numbers) == 2:
        if max_size is not None:
            raise ValueError(f"max_size needs a size for the shorter edge alone, got {shown(wanted)}")
        return numbers[0], numbers[1]
    short, long = sorted(size)
    new_short, new_long = numbers[0], numbers[0] * long // short
    if max_size is not None:
        max_size = integer("max_size", max_size)
        if max_size <= numbers[0]:
            raise ValueError(f"max_size must be more than size {numbers[0]}, got {max_size}")
        if new_long > max_size:
            new_short, new_long = max_size * new_short // new_long, max_size
        if new_short < 1:
            raise ValueError(f"max_size {max_size} leaves nothing of the shorter edge of an image {size}")
    return (new_short, new_long) if size[0] <= size[1] else (new_long, new_short)


def weights(old: int, new: int, interpolation: str, antialias: bool = True) -> Array:
    """Return the matrix (new, old) of what each new pixel takes from the old ones; each row sums to 1.

    >>> weights(4, 2, "bilinear")
    array([[0.42857143, 0.42857143, 0.14285714, 0.        ],
           [0.        , 0.14285714, 0.42857143, 0.42857143]])
    """
    stretch = max(old / new, 1.0) if antialias else 1.0
    reach = SUPPORT[interpolation] * stretch
    matrix = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * old / new
        first, last = floor(centre - reach + 0.5), floor(centre + reach + 0.5)
        pixels = np.arange(first, last)
        if antialias:
            pixels = pixels[(pixels >= 0) & (pixels < old)]
        taken = _filter((pixels + 0.5 - centre) / stretch, interpolation, antialias)
        np.add.at(matrix[i], pixels.clip(0, old - 1), taken)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _filter(distance: Array, interpolation: str, antialias: bool) -> Array:
    d = abs(distance)
    if interpolation == "bilinear":
        return np.maximum(1 - d, 0)
    a = -0.5 if antialias else -0.75  # the choice of Keys and Pillow, and that of torch without antialias
    near, far = ((a + 2) * d - (a + 3)) * d * d + 1, (((d - 5) * d + 8) * d - 4) * a
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def _nearest(old: int, new: int) -> Array:
    """Return the number of the old pixel that each new one copies: the one at its upper or left end."""
    return np.arange(new) * old // new


def _nearest_exact(old: int, new: int) -> Array:
    """Return the number of the old pixel that each new one copies: the one at its centre."""
    return (2 * np.arange(new) + 1) * old // (2 * new)


def _nearest_in_bytes(old: int, new: int) -> Array:
    """Return the same with Pillow's centres, sums of steps whose rounding decides when one lies between two pixels."""
    step = old / new
    return np.cumsum([step / 2, *[step] * (new - 1)]).astype(int)


def _in_bytes(img: Array, rows: Array, columns: Array) -> Array:
    """Resize as Pillow does: columns first, unless the image loses so many rows that rows first is cheaper."""
    (h, old_h), (w, old_w) = rows.shape, columns.shape
    rows_first = old_h - h > max(0, 2 * (old_w - w))
    for matrix, axis in [(rows, -2), (columns, -1)] if rows_first else [(columns, -1), (rows, -2)]:
        if matrix.shape[0] != matrix.shape[1]:
            img = _one_direction(img, matrix, axis)
    return img


def _one_direction(img: Array, matrix: Array, axis: int) -> Array:
    """Take weighted sums in whole numbers, round to the nearest byte and clip to 0 … 255."""
    whole = np.trunc(matrix * 2**FRACTION_BITS + np.copysign(0.5, matrix))  # half a unit rounds away from zero
    summed = np.moveaxis(np.moveaxis(img, axis, -1).astype(np.float64) @ whole.T, -1, axis)  # exact: below 2^53
    return np.clip(np.floor(summed / 2**FRACTION_BITS + 0.5), 0, 255).astype(np.uint8)
