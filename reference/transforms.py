"""Transforms that move pixels or rescale their values (sections 1.2 and 1.3).

    to_tensor    output[c, i, j] = input[i, j, c] / 255              for bytes; other values are unchanged
    normalize    output[c, i, j] = (input[c, i, j] − mean[c]) / std[c]
    crop         output[c, i, j] = input[c, top + i, left + j]       0 if there is no such pixel
    hflip        output[c, i, j] = input[c, i, w − 1 − j]

Axes: c channel, h i row, w j column, … any leading axes. A stored image, such as `np.asarray` makes of a PIL image, is
(h, w) or (h, w, c); everything after `to_tensor` takes (…, c, h, w), like torchvision's tensors. Resizing is in
`reference.resize`, colours are in `reference.color`. Random transforms draw their parameters and then do what these do.
"""

from collections.abc import Callable, Iterable, Sequence, Sized
from itertools import islice
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, affordable, array, integer, real, shown

PIXELS = FLOATS | INTEGERS | {"bool", "uint16"}


def to_tensor(pic: Array) -> Array:
    """Turn a stored image (h, w) or (h, w, c) into (c, h, w): bytes 0 … 255 to float32 0 … 1, others unchanged.

    >>> to_tensor(np.array([[[0, 51, 255]]], np.uint8)).ravel()
    array([0. , 0.2, 1. ], dtype=float32)
    >>> to_tensor(np.array([[7, 8]], np.int32))
    array([[[7, 8]]], dtype=int32)
    """
    array("pic", pic, PIXELS)
    if pic.ndim not in (2, 3):
        raise ValueError(f"pic has shape {pic.shape}, expected (height, width) or (height, width, channels)")
    channels_first = np.array(np.atleast_3d(pic).transpose(2, 0, 1), order="C")
    return channels_first.astype(np.float32) / 255 if pic.dtype == np.uint8 else channels_first


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def normalize(tensor: Array, mean: Sequence[float], std: Sequence[float]) -> Array:
    """Subtract from each channel its mean and divide by its std: (…, c, h, w), floating point, of the same dtype.

    A single number is used for all channels. Whether the result has mean 0 and deviation 1, or any range, depends on
    the numbers. Raises ValueError for the wrong count of numbers, and for an std of 0 in this dtype.

    >>> normalize(np.array([[[0.0, 0.5, 1.0]]]), mean=[0.5], std=[0.5])
    array([[[-1.,  0.,  1.]]])
    """
    array("tensor", tensor)
    if tensor.ndim < 3:
        raise ValueError(f"tensor has shape {tensor.shape}, expected (…, channels, height, width)")
    means, deviations = (_per_channel(name, v, tensor) for name, v in (("mean", mean), ("std", std)))
    if (deviations == 0).any():
        raise ValueError(f"std must not be 0 in {tensor.dtype}, got {shown(std)}")
    return (tensor - means) / deviations


def crop(img: Array, top: int, left: int, height: int, width: int) -> Array:
    """Cut a rectangle (height, width) out of (…, h, w), its first pixel at [top, left]; beyond the image it is 0.

    >>> crop(np.array([[1, 2], [3, 4]]), top=1, left=-1, height=1, width=2)
    array([[0, 3]])
    """
    h, w = _size(img)
    top, left, height, width = (
        integer("top", top),
        integer("left", left),
        _count("height", height),
        _count("width", width),
    )
    cut = np.zeros(affordable("the cut image", (*img.shape[:-2], height, width)), img.dtype)
    rows, columns = (
        slice(max(first, 0), max(min(first + count, size), 0))
        for first, count, size in ((top, height, h), (left, width, w))
    )
    inside = img[..., rows, columns]
    down, right = max(-top, 0), max(-left, 0)
    cut[..., down : down + inside.shape[-2], right : right + inside.shape[-1]] = inside
    return cut


def center_crop(img: Array, output_size: int | Sequence[int]) -> Array:
    """Cut out the middle: img (…, h, w), output_size one number for both sides or (height, width).

    Both sides lose the same; of an odd total, half is rounded to an even number (of 3 surplus rows, 2 are above). An
    image that is smaller is first surrounded by zeros, the odd one below and to the right.

    >>> center_crop(np.arange(5).reshape(1, 5), (1, 2))
    array([[2, 3]])
    """
    h, w = _size(img)
    sequence = isinstance(output_size, Sequence) and not isinstance(output_size, str)
    sizes: Sequence[int] = output_size if sequence else (output_size, output_size)  # type: ignore[assignment]
    if len(sizes) not in (1, 2):
        raise ValueError(f"output_size must be one or two numbers, got {shown(output_size)}")
    height, width = (_count("output_size", size) for size in (sizes[0], sizes[-1]))
    return crop(img, _first(h, height), _first(w, width), height, width)


def hflip(img: Array) -> Array:
    """Mirror an image (…, h, w) from left to right.

    >>> hflip(np.array([[1, 2, 3]]))
    array([[3, 2, 1]])
    """
    _size(img)
    return img[..., ::-1].copy()


def vflip(img: Array) -> Array:
    """Mirror an image (…, h, w) from top to bottom.

    >>> vflip(np.array([[1], [2]]))
    array([[2],
           [1]])
    """
    _size(img)
    return img[..., ::-1, :].copy()


def compose(transforms: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return the transform that applies these in order.

    >>> compose([hflip, vflip])(np.array([[1, 2], [3, 4]]))
    array([[4, 3],
           [2, 1]])
    """

    def composed(img: Any) -> Any:
        for transform in transforms:
            img = transform(img)
        return img

    return composed


def _first(size: int, wanted: int) -> int:
    """Return where the middle part begins: half of the surplus, rounded."""
    return round((size - wanted) / 2) if size >= wanted else -((wanted - size) // 2)


def _size(img: Array) -> tuple[int, int]:
    array("img", img, PIXELS)
    if img.ndim < 2:
        raise ValueError(f"img has shape {img.shape}, expected (…, height, width)")
    return img.shape[-2], img.shape[-1]


def _count(name: str, value: object) -> int:
    count = integer(name, value)
    if count < 1:
        raise ValueError(f"{name} must be at least 1, got {count}")
    return count


def _per_channel(name: str, values: Sequence[float], tensor: Array) -> Array:
    if isinstance(values, str) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0:
        raise TypeError(f"{name} must be a sequence of numbers, got {shown(values)}")
    channels = tensor.shape[-3]
    numbers = [real(name, value) for value in islice(values, channels + 1)]  # there may be no end to them
    if len(numbers) not in (1, channels):
        count = len(values) if isinstance(values, Sized) else f"over {channels}"
        raise ValueError(f"{name} has {count} numbers, tensor has {channels} channels")
    return np.array(numbers, tensor.dtype)[:, np.newaxis, np.newaxis]
