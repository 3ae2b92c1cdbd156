"""How far the tensors of torchvision may be from the references, whose bytes are those of PIL.

Floating point. The formulas of `reference.resize` and `reference.color` on `Rounded` numbers (`bounds`), in the order
that rounds most of those in use. A place among the old pixels is computed in the format itself: its error grows with
the size of the picture, and moves the weights by the slope of the filter. A float64 hue has float32 errors, for
torchvision computes it so.

Bytes, resized. By way of float32 (v1) the exact result is cut off to 0 … 255 and rounded, once: half a unit. By way of
bytes (v2 on most processors) each direction is cut off and rounded, columns first, with weights of 16 bits: what the
columns lose, weighed by the rows, and half a unit more. PIL goes the second way, with finer weights, and with the rows
first where that is cheaper.

Bytes, recolored. PIL rounds a grey to the nearest byte, and their mean again; torchvision cuts a grey off, and leaves
the mean. Its greys are the same or one less, its mean at most ½ more or 1½ less, of which 1 − factor is mixed in. The
mixture is cut off to a byte: one unit more.

PIL's hue is a byte of 255 units a turn, cut off (up to one unit back), its factor too (one unit nearer to 0), and their
sum begins anew after 256 (one unit, back where the factor is positive). So the units add up to 3 for a positive factor
and to 2 for a negative one. One is 6/255 of the distance between the strongest and the weakest channel. The saturation
is a byte, cut off (1), PIL rounds the channel (½), torchvision multiplies by 255.999 and cuts off (1).
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

import reference
from reference.resize import weights
from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Rounded, formula, gamma
from spec_tests.vocabulary.formats import FORMATS, Format

Array = npt.NDArray[Any]


def resized(img: Array, size: tuple[int, int], interpolation: str, antialias: bool, dtype: str) -> Approximation:
    """Bound a floating point picture that was resized in this format."""
    exact = reference.resize(img.astype(np.float64), size, interpolation, antialias=antialias)
    return formula(partial(_resize, img, size, interpolation, antialias), exact, dtype)


def resized_and_stored_twice(img: Array, size: tuple[int, int], interpolation: str) -> Approximation:
    """Bound PIL's mode F: computed in double precision, but rounded to float32 after each direction."""
    double = resized(img, size, interpolation, True, "float64")
    rows, columns = (abs(matrix) for matrix in _matrices(img, size, interpolation, True))
    magnitudes = rows @ (abs(img.astype(np.float64)) @ columns.T)
    return Approximation(double.exact, gamma(2, FORMATS["float32"].roundoff) * magnitudes + double.bound)


def bytes_resized_as_floats(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> Approximation:
    """Bound bytes that were resized by way of float32."""
    float32 = resized(img, size, interpolation, antialias, "float32")
    return Approximation(float32.exact.clip(0, 255), 0.5 + float32.bound)


def bytes_resized_as_bytes(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> Approximation:
    """Bound bytes that were resized by way of bytes, the columns first."""
    rows, columns = _matrices(img, size, interpolation, antialias)
    first = img @ columns.T
    lost = abs(first - first.clip(0, 255)) + _rounding_to_bytes(columns)
    return Approximation((rows @ first).clip(0, 255), abs(rows) @ lost + _rounding_to_bytes(rows))


def units_from_pil(operation: str, img: Array, factor: float) -> Any:
    """Return how far bytes of an adjusted tensor may be from PIL's, in units: one number, or one for every pixel."""
    plain = abs(1 - factor)
    if len(img) == 1:  # is its own grey, and has neither saturation nor hue
        return 1 + plain / 2 if operation == "adjust_contrast" else 0
    units_of_hue = 3 if factor >= 0 else 2
    return {
        "adjust_brightness": 0,
        "adjust_contrast": 1 + plain * 1.5,
        "adjust_saturation": 1 + plain,
        "adjust_hue": units_of_hue * 6 / 255 * np.ptp(img, axis=0, keepdims=True) + 1 + 0.5 + 1,
    }[operation]


def recolored(operation: str, img: Array, factor: float, dtype: str) -> Approximation:
    """Bound a floating point picture that was adjusted in this format."""
    exact = getattr(reference, operation)(img.astype(np.float64), factor)
    return formula(partial(_ADJUSTED[operation], img, factor), exact, dtype)


def _matrices(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> list[Array]:
    return [weights(old, new, interpolation, antialias) for old, new in zip(img.shape[-2:], size, strict=True)]


def _rounding_to_bytes(matrix: Array) -> float:
    """Return what one direction rounds: nothing where the size stays, else half a unit, and with it the weights.

    A weight of 16 bits, one of them the sign, is off by half a unit of 2⁻¹⁴ of the largest, and meets a byte below 256.
    """
    if matrix.shape[0] == matrix.shape[1]:
        return 0.0
    return float(0.5 + np.count_nonzero(matrix, axis=1).max() * abs(matrix).max() * 2.0**-15 * 256)


def _resize(img: Array, size: tuple[int, int], interpolation: str, antialias: bool, kind: Format) -> Rounded:
    (*leading, h, w), (new_h, new_w) = img.shape, size
    rows, columns = (_weights(*sides, interpolation, antialias, kind) for sides in ((h, new_h), (w, new_w)))
    pixels = Rounded.exactly(img.reshape(*leading, h, 1, w), kind)
    narrow = (pixels * columns).sum(-1).reshape((*leading, 1, h, new_w))
    return (narrow * rows.reshape((new_h, h, 1))).sum(-2).reshape((*leading, new_h, new_w))


@lru_cache(maxsize=1024)
def _weights(old: int, new: int, interpolation: str, antialias: bool, kind: Format) -> Rounded:
    scale = Rounded.exactly(old, kind) / new
    pixels = np.arange(-2, old + 2)  # the kernel reaches over the edge by two pixels where they are not left out
    distance = abs(scale * (np.arange(new)[:, np.newaxis] + 0.5) - 0.5 - pixels)
    if antialias and old > new:
        distance = distance * (Rounded.exactly(1, kind) / scale)
    taken = _filter(distance, interpolation, antialias)
    if antialias:
        within = taken.where((pixels >= 0) & (pixels < old))
        return _on_pixels(within / within.sum(-1), old)
    return _on_pixels(taken, old)


def _on_pixels(taken: Rounded, old: int) -> Rounded:
    """Return the weights (new, old), those over an edge added to that of the pixel there."""
    places = np.arange(-2, old + 2).clip(0, old - 1)
    onto = (places[:, np.newaxis] == np.arange(old)).astype(np.float64)
    return type(taken)(taken.value @ onto, taken.error @ onto, taken.kind)


def _filter(distance: Rounded, interpolation: str, antialias: bool) -> Rounded:
    """Weigh; where an error may carry the distance over a kink (the filters are 0 there), both sides count."""
    d, off = distance, distance.error
    if interpolation == "bilinear":
        return (-d + 1).where(d.value - off < 1)
    a = -0.5 if antialias else -0.75
    near, far = (d * (a + 2) - (a + 3)) * d * d + 1, (((d - 5) * d + 8) * d - 4) * a
    return near.where(d.value - off < 1) + far.where((d.value + off >= 1) & (d.value - off < 2))


def _held(number: float, kind: Format) -> Rounded:
    """Return a Python number as arrays of this format meet it."""
    return Rounded.exactly(number, REFERENCE).stored_as(kind)


def _mixed(pixels: Rounded, plain: Rounded, factor: float) -> Rounded:
    rest = (-Rounded.exactly(factor, REFERENCE) + 1).stored_as(pixels.kind)
    return pixels * _held(factor, pixels.kind) + plain * rest


def _brightness(img: Array, factor: float, kind: Format) -> Rounded:
    return Rounded.exactly(img, kind) * _held(factor, kind)


def _contrast(img: Array, factor: float, kind: Format) -> Rounded:
    grey = _grey(img, kind)
    mean = grey.sum((-3, -2, -1)) / grey.value[0].size
    return _mixed(Rounded.exactly(img, kind), mean, factor)


def _saturation(img: Array, factor: float, kind: Format) -> Rounded:
    return _mixed(Rounded.exactly(img, kind), _grey(img, kind), factor)


def _grey(img: Array, kind: Format) -> Rounded:
    if len(img) == 1:
        return Rounded.exactly(img, kind)
    shares = [_held(share, kind) for share in (0.2989, 0.587, 0.114)]
    red, green, blue = (Rounded.exactly(channel[np.newaxis], kind) * s for channel, s in zip(img, shares, strict=True))
    return red + green + blue


def _hue(img: Array, factor: float, kind: Format) -> Rounded:
    """Turn the hues. The bound of the moving channel serves all three, for a rounding may carry a hue over a border."""
    strongest, value = img.argmax(axis=0), Rounded.exactly(img.max(axis=0), kind)
    spread = value - Rounded.exactly(img.min(axis=0), kind)
    grey = spread.value == 0
    divisor = spread.where(~grey) + grey
    red, green, blue = ((value - Rounded.exactly(channel, kind)) / divisor for channel in img)
    sixths = _chosen(strongest, [blue - green, red - blue + 2, green - red + 4])
    hue = _chosen(grey, [sixths * (Rounded.exactly(1, REFERENCE) / 6).stored_as(kind) + 1, Rounded.exactly(0, kind)])
    six = _within_a_turn(_within_a_turn(hue) + _held(factor, kind)) * 6
    way = six - np.floor(six.value)
    saturation = spread / (value + (value.value == 0))
    low, falling = value * (-saturation + 1), value * (-(saturation * way) + 1)
    rising = value * (-(saturation * (-way + 1)) + 1)
    rising = rising.widen_to(value * (saturation * way + (-saturation + 1)))
    channels = [
        [value, falling, low, low, rising, value],
        [rising, value, value, falling, low, low],
        [low, low, rising, value, value, falling],
    ]
    sixth = np.floor(six.value).astype(int) % 6
    chosen = [_chosen(sixth, channel) for channel in channels]
    largest = np.max([channel.error for channel in chosen], axis=0)
    return Rounded(np.stack([channel.value for channel in chosen]), np.broadcast_to(largest, img.shape), kind)


def _within_a_turn(hue: Rounded) -> Rounded:
    """Return the part behind the point: exact, but for a sum below 0, which is moved up by one."""
    return hue - np.floor(hue.value)


def _chosen(which: Array, among: list[Rounded]) -> Rounded:
    one = np.zeros(np.shape(which))
    value = np.choose(which, [choice.value + one for choice in among])
    return Rounded(value, np.choose(which, [choice.error + one for choice in among]), among[0].kind)


_ADJUSTED: dict[str, Callable[..., Rounded]] = {
    "adjust_brightness": _brightness,
    "adjust_contrast": _contrast,
    "adjust_saturation": _saturation,
    "adjust_hue": _hue,
}
