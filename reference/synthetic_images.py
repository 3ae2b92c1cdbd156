"""Images of shapes, to learn from when the real data set is missing (sections 2.2, 2.5 and 2.7).

A class is one of ten shapes, or with more than ten classes, a shape and a hue. Everything else is random for every
image: the position and size of the shape, its colour, the background colour, which of the two is darker, and noise. So
a single pixel says little about the class: a linear model of the pixels recognises far fewer than half of the images, a
small convolutional network nearly all of them.

Axes: n image, c colour channel (red, green, blue), h row, w column.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from reference.checks import Array

SIDE = 32
"""The height and width of an image, in pixels."""

RADIUS = (7.0, 12.0)
"""Half the side of the box around a shape, in pixels; the thinnest stroke is then two pixels wide."""

DARK = (30.0, 90.0)
BRIGHT = (150.0, 240.0)
"""The strongest channel of the darker and of the brighter colour; the gap between them is five times the noise."""

NOISE = 12.0
"""The standard deviation of the noise on every value, on a scale of 0 to 255."""

IMAGES_AT_A_TIME = 1000
"""How many images are drawn together: few enough for little memory."""


def _box(u: Array, v: Array) -> Array:
    return np.maximum(abs(u), abs(v))


def _stripe(u: Array) -> Array:
    """Return which of five stripes, 0 to 4, a coordinate from -1 to 1 lies in."""
    return np.floor(2.5 * (u + 1))


SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disk": lambda u, v: u**2 + v**2 <= 1,
    "ring": lambda u, v: abs(u**2 + v**2 - 0.7) <= 0.3,
    "square": lambda u, v: _box(u, v) <= 0.9,
    "frame": lambda u, v: abs(_box(u, v) - 0.75) <= 0.2,
    "triangle": lambda u, v: (2 * abs(u) <= v + 1) & (v <= 1),
    "cross": lambda u, v: (abs(abs(u) - abs(v)) <= 0.3) & (_box(u, v) <= 1),
    "plus": lambda u, v: (np.minimum(abs(u), abs(v)) <= 0.25) & (_box(u, v) <= 1),
    "horizontal stripes": lambda u, v: (_stripe(v) % 2 == 0) & (_box(u, v) <= 1),
    "vertical stripes": lambda u, v: (_stripe(u) % 2 == 0) & (_box(u, v) <= 1),
    "checkers": lambda u, v: ((_stripe(u) + _stripe(v)) % 2 == 0) & (_box(u, v) <= 1),
}
"""Whether a pixel belongs to a shape: u runs from -1 at its left end to 1 at its right end, v from top to bottom."""


def balanced_labels(count: int, classes: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return `count` labels (n) in random order, equally many of every class, or one more of the first classes.

    >>> np.bincount(balanced_labels(32, classes=10, rng=np.random.default_rng(0)))
    array([4, 4, 3, 3, 3, 3, 3, 3, 3, 3])
    """
    return rng.permutation(np.arange(count, dtype=np.int64) % classes)


def synthetic_images(
    labels: Sequence[int] | npt.NDArray[np.integer], classes: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Draw an image of each label's class: labels (n), each from 0 to classes - 1 -> images (n, c, h, w).

    Class k has the shape of number k mod 10. Its hue is drawn around k/classes of a turn of the colour wheel: from half
    the wheel up to ten classes, a mere tendency, and with more from so little that classes of one shape share no hue.

    >>> synthetic_images([0, 9], classes=10, rng=np.random.default_rng(0)).shape
    (2, 3, 32, 32)
    """
    numbers = np.asarray(labels, np.int64)
    if numbers.ndim != 1:
        raise ValueError(f"labels has shape {numbers.shape}, expected one axis")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
        raise ValueError(f"labels must be from 0 to {classes - 1}, got {numbers.min()} to {numbers.max()}")
    blocks = [numbers[start : start + IMAGES_AT_A_TIME] for start in range(0, len(numbers), IMAGES_AT_A_TIME)]
    drawn = [_block(block, classes, rng) for block in blocks]
    return np.concatenate([np.empty((0, 3, SIDE, SIDE), np.uint8), *drawn])


def _block(labels: Array, classes: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    shape, background = _colors(labels, classes, rng)
    belongs = _masks(labels % len(SHAPES), rng)
    values = np.where(belongs[:, None], shape[:, :, None, None], background[:, :, None, None])
    values += NOISE * rng.standard_normal(values.shape, dtype=np.float32)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _masks(shapes: Array, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which pixels belong to the shape (n, h, w): at a random position, entirely within the image."""
    radius = rng.uniform(*RADIUS, len(shapes))
    middle = (SIDE - 1) / 2
    column, row = middle + rng.uniform(-1, 1, (2, len(shapes))) * (middle - radius)
    pixels = np.arange(SIDE)
    u = ((pixels - column[:, None]) / radius[:, None]).astype(np.float32)[:, None, :]
    v = ((pixels - row[:, None]) / radius[:, None]).astype(np.float32)[:, :, None]
    belongs = np.empty((len(shapes), SIDE, SIDE), bool)
    for number, contains in enumerate(SHAPES.values()):
        drawn = shapes == number
        belongs[drawn] = contains(u[drawn], v[drawn])
    return belongs


def _colors(labels: Array, classes: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the colours of the shapes and of their backgrounds, each (n, c), from 0 to 255."""
    count = len(labels)
    classes_of_a_shape = -(-classes // len(SHAPES))
    hue = labels / classes + rng.uniform(-0.25, 0.25, count) / classes_of_a_shape
    swap = rng.random(count) < 0.5
    dark, bright = rng.uniform(*DARK, count), rng.uniform(*BRIGHT, count)
    shape = _rgb(hue, rng.uniform(0.3, 0.7, count), np.where(swap, dark, bright))
    background = _rgb(rng.random(count), rng.uniform(0, 0.4, count), np.where(swap, bright, dark))
    return shape, background


def _rgb(hue: Array, saturation: Array, value: Array) -> npt.NDArray[np.float32]:
    """Return colours (n, c) from hues in turns, saturations from 0 to 1, and the value of the strongest channel."""
    sixth = (np.array([5, 3, 1]) + 6 * hue[:, None]) % 6
    lack = np.clip(np.minimum(sixth, 4 - sixth), 0, 1)
    return (value[:, None] * (1 - saturation[:, None] * lack)).astype(np.float32)
