"""Transforms of colours (section 1.3): each mixes an image with a plainer one, or rotates its hues.

    brightness    f · image + (1 − f) · black
    contrast      f · image + (1 − f) · its mean grey
    saturation    f · image + (1 − f) · its greyscale image
    hue           red, green, blue → hue, saturation, value;  hue + f of a full turn;  and back

f is the factor: 1 leaves an image unchanged (0 for the hue), less makes it plainer, more makes it stronger; values
beyond the range are clipped. Images are (…, 3, h, w), or (…, 1, h, w) in greyscale, floating point 0 … 1 or bytes
0 … 255.

Bytes are computed as Pillow does. A mixture is computed in float32 and then truncated to a byte; grey is
(19595·red + 38470·green + 7471·blue) / 2¹⁶, rounded; hue and saturation are bytes, too, with 255 to a full turn.
Floating point is computed as torchvision does for tensors: grey is 0.2989·red + 0.587·green + 0.114·blue.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.checks import FLOATS, Array, array, one_of, real, shown

ADJUSTMENTS = ("brightness", "contrast", "saturation", "hue")


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adjust_brightness(img: Array, brightness_factor: float) -> Array:
    """Mix an image with black: 0 gives black, 1 the image, 2 twice the brightness.

    >>> adjust_brightness(np.full((1, 1, 1), 101, np.uint8), 0.5).item()
    50
    """
    factor = _checked(img, "brightness_factor", brightness_factor)
    return _mixed(img, np.zeros_like(img), factor)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adjust_contrast(img: Array, contrast_factor: float) -> Array:
    """Mix an image with its mean grey: 0 gives uniform grey, 1 the image.

    >>> adjust_contrast(np.array([[[0.25, 0.75]]]), 2.0)
    array([[[0., 1.]]])
    """
    factor = _checked(img, "contrast_factor", contrast_factor)
    mean = _grey(img).mean(axis=(-3, -2, -1), keepdims=True, dtype=img.dtype if img.dtype != np.uint8 else np.float64)
    if img.dtype == np.uint8:
        mean = np.floor(mean + 0.5)
    return _mixed(img, np.broadcast_to(mean.astype(img.dtype), img.shape), factor)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adjust_saturation(img: Array, saturation_factor: float) -> Array:
    """Mix an image with its greyscale version: 0 gives that, 1 the image; greyscale images are unchanged.

    >>> adjust_saturation(np.array([[[1.0]], [[0.0]], [[0.0]]]), 0.0).ravel()
    array([0.2989, 0.2989, 0.2989])
    """
    factor = _checked(img, "saturation_factor", saturation_factor)
    return _mixed(img, np.broadcast_to(_grey(img), img.shape), factor)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adjust_hue(img: Array, hue_factor: float) -> Array:
    """Rotate all hues by `hue_factor` of a full turn, from -0.5 to 0.5; greyscale images are unchanged.

    >>> adjust_hue(np.array([[[1.0]], [[0.0]], [[0.0]]]), 0.5).ravel()  # red becomes cyan
    array([0., 1., 1.])
    """
    array("img", img, FLOATS | {"uint8"})
    _check_channels(img)
    hue_factor = real("hue_factor", hue_factor)
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor must be from -0.5 to 0.5, got {hue_factor}")
    if img.shape[-3] == 1:
        return img.copy()
    if img.dtype != np.uint8:
        hue, saturation, value = _hsv(img, img.dtype)
        return _rgb((hue + img.dtype.type(hue_factor)) % 1, saturation, value)
    hue, saturation, value = _hsv(img.astype(np.float64), np.dtype(np.float32))
    turned = (np.trunc(255 * hue) + int(255 * hue_factor)) % 256
    return np.floor(_rgb(turned / 255, np.trunc(255 * saturation) / 255, value) + 0.5).astype(np.uint8)


def color_jitter(
    img: Array,
    order: Sequence[str] = ADJUSTMENTS,
    brightness_factor: float | None = None,
    contrast_factor: float | None = None,
    saturation_factor: float | None = None,
    hue_factor: float | None = None,
) -> Array:
    """Adjust everything that has a factor, in this order: ColorJitter after it has drawn order and factors.

    >>> color_jitter(np.full((1, 1, 1), 0.5), ["hue", "brightness"], brightness_factor=0.5).item()
    0.25
    """
    steps = {
        "brightness": (adjust_brightness, brightness_factor),
        "contrast": (adjust_contrast, contrast_factor),
        "saturation": (adjust_saturation, saturation_factor),
        "hue": (adjust_hue, hue_factor),
    }
    array("img", img, FLOATS | {"uint8"})
    _check_channels(img)
    if not isinstance(order, tuple | list):
        raise TypeError(f"order must be a tuple or list of names, got {shown(order)}")
    order = [one_of("order", name, [*steps]) for name in order]
    img = img.copy()
    for name in order:
        adjust, factor = steps[name]
        if factor is not None:
            img = adjust(img, factor)
    return img


def _mixed(img: Array, plain: Array, factor: float) -> Array:
    """Return factor · img + (1 − factor) · plain, clipped to the range."""
    if img.dtype != np.uint8:
        return np.clip(factor * img + (1 - factor) * plain, 0, 1)
    start, end = plain.astype(np.int32), img.astype(np.int32)
    mixture = start.astype(np.float32) + np.float32(factor) * (end - start).astype(np.float32)
    return np.nan_to_num(np.clip(mixture, 0, 255), nan=0).astype(np.uint8)  # ∞ · 0 + …, if the factor is huge


def _grey(img: Array) -> Array:
    """Return the greyscale image (…, 1, h, w)."""
    if img.shape[-3] == 1:
        return img
    if img.dtype != np.uint8:
        shares = np.array([0.2989, 0.587, 0.114], img.dtype)
        return (shares[:, np.newaxis, np.newaxis] * img).sum(axis=-3, keepdims=True)
    shares = np.array([19595, 38470, 7471])[:, np.newaxis, np.newaxis]
    return ((shares * img).sum(axis=-3, keepdims=True) + 2**15 >> 16).astype(np.uint8)


def _hsv(img: Array, stored: np.dtype[Any]) -> tuple[Array, Array, Array]:
    """Return hue (in turns), saturation (0 to 1) and value, each (…, h, w); every quotient is rounded to `stored`."""
    value = img.max(axis=-3)
    spread = value - img.min(axis=-3)
    red, green, blue = np.moveaxis(
        _rounded((value[..., np.newaxis, :, :] - img) / spread[..., np.newaxis, :, :], stored), -3, 0
    )
    strongest = img.argmax(axis=-3)  # of equal channels the first
    sixths = np.choose(strongest, [blue - green, 2 + red - blue, 4 + green - red])
    hue = _rounded((_rounded(sixths, stored) / 6 + 1) % 1, stored)
    grey = spread == 0
    return np.where(grey, 0, hue), np.where(grey, 0, _rounded(spread / value, stored)), value


def _rgb(hue: Array, saturation: Array, value: Array) -> Array:
    """Return the image (…, 3, h, w): in each sixth of the colour circle, one channel rises or falls."""
    sixth = np.floor(6 * hue)
    part_way = 6 * hue - sixth
    low, falling, rising = (value * (1 - saturation * part) for part in (1, part_way, 1 - part_way))
    channels = [
        [value, falling, low, low, rising, value],
        [rising, value, value, falling, low, low],
        [low, low, rising, value, value, falling],
    ]
    place = np.where(np.isfinite(sixth), sixth, 0).astype(int) % 6  # NaN is no hue: any channel will do
    return np.stack([np.choose(place, channel) for channel in channels], axis=-3)


def _rounded(numbers: Array, stored: np.dtype[Any]) -> Array:
    return numbers.astype(stored).astype(numbers.dtype)


def _checked(img: Array, name: str, factor: float) -> float:
    array("img", img, FLOATS | {"uint8"})
    _check_channels(img)
    number = real(name, factor)
    if not number >= 0:
        raise ValueError(f"{name} must be at least 0, got {shown(factor)}")
    return number


def _check_channels(img: Array) -> None:
    if img.ndim < 3 or img.shape[-3] not in (1, 3) or 0 in img.shape[-2:]:
        raise ValueError(f"img has shape {img.shape}, expected (…, 3, height, width), or 1 channel for greyscale")
