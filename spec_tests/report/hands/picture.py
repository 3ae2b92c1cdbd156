"""The small picture of the figures on transforms: a view that this project computes, so that it has no owner.

It has what shows the difference between the ways of resizing: smooth colours, sharp edges, and a fence so fine that it
turns into false stripes where an image shrinks without `antialias`.
"""

import base64

import numpy as np

from reference.checks import Array

HEIGHT, WIDTH = 36, 48


def picture() -> Array:
    """Return the view as bytes (3, height, width): a sky with a sun, two hills, a lake, and a fence.

    >>> picture().shape
    (3, 36, 48)
    """
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    image = _color(70, 130, 210) + (_color(245, 205, 160) - _color(70, 130, 210)) * (y / 22)
    image = _painted(image, (x - 35) ** 2 + (y - 8) ** 2 < 18, _color(255, 240, 150))
    image = _painted(image, y > 20 - 8 * np.exp(-(((x - 13) / 9) ** 2)), _color(95, 105, 140))
    image = _painted(image, y > 20 - 5 * np.exp(-(((x - 40) / 11) ** 2)), _color(60, 110, 80))
    image = _painted(image, y > 20, _color(40, 95, 150) + 25 * np.sin(y * 2.2 + x / 7))
    image = _painted(image, y > 26, _color(150, 165, 80) + 12 * np.sin(3 * x) * np.cos(2 * y))
    return _painted(image, (y > 23) & (y < 34) & (x % 3 < 1), _color(250, 245, 235)).round().astype(np.uint8)


def in_base64() -> str:
    """Return the bytes, row by row, each pixel's red, green and blue together."""
    return base64.b64encode(picture().transpose(1, 2, 0).tobytes()).decode()


def _color(red: float, green: float, blue: float) -> Array:
    return np.array([red, green, blue]).reshape(3, 1, 1)


def _painted(image: Array, where: Array, color: Array) -> Array:
    return np.where(where, color, image).clip(0, 255)
