"""How far torchvision's tensor results may be from the references, whose bytes are those of PIL.

Floating point. The formulas of `reference.resize` and `reference.color` are evaluated on `Rounded` numbers (`bounds`),
in whichever order in use rounds most. A position among the old pixels is computed in the format itself: its error grows
with the size of the image and changes the weights by the slope of the filter. A float64 hue has float32 errors, because
torchvision computes it in float32.

Resized bytes. Resizing through float32 (v1) clips the exact result to 0 … 255 and rounds once: half a unit. Resizing
bytes directly (v2 on most processors) clips and rounds after each direction, columns first, with 16-bit weights: the
error of the columns, weighted by the rows, plus half a unit. PIL works the second way, with finer weights, and starts
with the rows where that is cheaper.

Recolored bytes. PIL rounds each grey value to the nearest byte and rounds their mean as well; torchvision truncates
the grey values and does not round the mean. So its grey values are equal or one less, and its mean is at most ½ more
or 1½ less; 1 − factor of either is blended in. The blend is truncated to a byte: one more unit.

PIL's hue is a byte, 255 units a turn. It is truncated (up to one unit down), its factor too (one unit towards 0), and
their sum wraps around at 256 (one unit, down where the factor is positive). So the units add up to 3 for a positive
factor and to 2 for a negative one. One unit is 6/255 of the distance between the strongest and the weakest channel. The
saturation is a truncated byte (1), PIL rounds the channel (½), and torchvision multiplies by 255.999 and truncates (1).
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
    """Bound a floating point image that was resized in this format."""
    exact = reference.resize(img.astype(np.float64), size, interpolation, antialias=antialias)
    return formula(partial(_resize, img, size, interpolation, antialias), exact, dtype)


def resized_in_mode_f(img: Array, size: tuple[int, int], interpolation: str) -> Approximation:
    """Bound PIL's mode F, which computes in double precision but rounds to float32 after each direction."""
    double = resized(img, size, interpolation, True, "float64")
    rows, columns = (abs(matrix) for matrix in _matrices(img, size, interpolation, True))
    magnitudes = rows @ (abs(img.astype(np.float64)) @ columns.T)
    return Approximation(double.exact, gamma(2, FORMATS["float32"].roundoff) * magnitudes + double.bound)


def bytes_resized_as_floats(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> Approximation:
    """Bound bytes that were resized through float32."""
    float32 = resized(img, size, interpolation, antialias, "float32")
    return Approximation(float32.exact.clip(0, 255), 0.5 + float32.bound)


def bytes_resized_as_bytes(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> Approximation:
    """Bound bytes that were resized as bytes, columns first."""
    rows, columns = _matrices(img, size, interpolation, antialias)
    first = img @ columns.T
    error = abs(first - first.clip(0, 255)) + _rounding_to_bytes(columns)
    return Approximation((rows @ first).clip(0, 255), abs(rows) @ error + _rounding_to_bytes(rows))


def units_from_pil(operation: str, img: Array, factor: float) -> Any:
    """Return how many units the bytes of an adjusted tensor may be off PIL's: one number, or one for each pixel.

    Both round in float32 before they cut off: what should be a whole number may fall short of it.
    """
    of_the_grey = abs(1 - factor)
    averaged = img[0].size if operation == "adjust_contrast" else 0
    rounding = 2 * gamma(4 + averaged, FORMATS["float32"].roundoff) * 255 * (abs(factor) + of_the_grey)
    if len(img) == 1:  # already grey: neither saturation nor hue to change
        return 1 + of_the_grey / 2 + rounding if operation == "adjust_contrast" else 0
    hue_units = 3 if factor >= 0 else 2
    return {
        "adjust_brightness": 0,
        "adjust_contrast": 1 + of_the_grey * 1.5 + rounding,
        "adjust_saturation": 1 + of_the_grey + rounding,
        "adjust_hue": hue_units * 6 / 255 * np.ptp(img, axis=0, keepdims=True) + 1 + 0.5 + 1,
    }[operation]


def bytes_of_a_tensor(operation: str, img: Array, factor: float) -> tuple[Array, Array]:
    """Return the least and the greatest bytes that a tensor of bytes may be adjusted to.

    Grey values and results are truncated. The two differ only where rounding in float32 decides which whole number a
    result falls short of.
    """
    fmt = FORMATS["float32"]
    if operation == "adjust_hue":
        hue = recolored("adjust_hue", img / 255, factor, "float32")
        return _truncated(255.999 * hue.exact, 256 * (hue.bound + gamma(3, fmt.roundoff)))
    grey, averaged = _grey(img.astype(np.float64), fmt), operation == "adjust_contrast"
    plain = np.array([grey.value, grey.value])  # of one channel: itself; black has no share in the brightness
    if len(img) == 3:
        plain = np.floor(np.array([grey.value - grey.error, grey.value + grey.error]))
    if averaged:
        plain = plain.mean(axis=(-3, -2, -1), keepdims=True)
    if operation == "adjust_brightness":
        plain = np.zeros_like(plain)
    mixtures = factor * img + (1 - factor) * plain
    terms = factor * img + abs(1 - factor) * plain.max()
    roundings = gamma(4 + (img[0].size if averaged else 0), fmt.roundoff)
    return _truncated(mixtures.mean(axis=0), np.ptp(mixtures, axis=0) / 2 + roundings * terms)


def _truncated(numbers: Array, error: Array) -> tuple[Array, Array]:
    """Return what numbers within this error are truncated to, at least and at most."""
    least, greatest = (np.floor(np.clip(numbers + sign * error, 0, 255)).astype(np.uint8) for sign in (-1, 1))
    return least, greatest


def recolored(operation: str, img: Array, factor: float, dtype: str) -> Approximation:
    """Bound a floating point image that was adjusted in this format."""
    exact = getattr(reference, operation)(img.astype(np.float64), factor)
    return formula(partial(_ADJUSTMENTS[operation], img, factor), exact, dtype)


def _matrices(img: Array, size: tuple[int, int], interpolation: str, antialias: bool) -> list[Array]:
    return [weights(old, new, interpolation, antialias) for old, new in zip(img.shape[-2:], size, strict=True)]


def _rounding_to_bytes(matrix: Array) -> float:
    """Return the rounding error of one direction: 0 where the size stays, else half a unit plus that of the weights.

    A 16-bit weight, one bit being the sign, is off by half a unit of 2⁻¹⁴ of the largest; it multiplies a byte, < 256.
    """
    if matrix.shape[0] == matrix.shape[1]:
        return 0.0
    return float(0.5 + np.count_nonzero(matrix, axis=1).max() * abs(matrix).max() * 2.0**-15 * 256)


def _resize(img: Array, size: tuple[int, int], interpolation: str, antialias: bool, fmt: Format) -> Rounded:
    (*leading, h, w), (new_h, new_w) = img.shape, size
    rows, columns = (_weights(*sides, interpolation, antialias, fmt) for sides in ((h, new_h), (w, new_w)))
    pixels = Rounded.exactly(img.reshape(*leading, h, 1, w), fmt)
    narrow = (pixels * columns).sum(-1).reshape((*leading, 1, h, new_w))
    return (narrow * rows.reshape((new_h, h, 1))).sum(-2).reshape((*leading, new_h, new_w))


@lru_cache(maxsize=1024)
def _weights(old: int, new: int, interpolation: str, antialias: bool, fmt: Format) -> Rounded:
    scale = Rounded.exactly(old, fmt) / new
    pixels = np.arange(-2, old + 2)  # without antialias the kernel reaches two pixels over the edge
    distance = abs(scale * (np.arange(new)[:, np.newaxis] + 0.5) - 0.5 - pixels)
    if antialias and old > new:
        distance = distance * (Rounded.exactly(1, fmt) / scale)
    weight = _filter(distance, interpolation, antialias)
    if antialias:
        within = weight.where((pixels >= 0) & (pixels < old))
        return _fold_edges(within / within.sum(-1), old)
    return _fold_edges(weight, old)


def _fold_edges(weight: Rounded, old: int) -> Rounded:
    """Return the weights (new, old); those beyond an edge are added to that of the edge pixel."""
    nearest = np.arange(-2, old + 2).clip(0, old - 1)
    onto = (nearest[:, np.newaxis] == np.arange(old)).astype(np.float64)
    return type(weight)(weight.value @ onto, weight.error @ onto, weight.fmt)


def _filter(distance: Rounded, interpolation: str, antialias: bool) -> Rounded:
    """Return the filter's weight; near a kink (weight 0), within the error of the distance, count both sides."""
    d, error = distance, distance.error
    if interpolation == "bilinear":
        return (-d + 1).where(d.value - error < 1)
    a = -0.5 if antialias else -0.75
    near, far = (d * (a + 2) - (a + 3)) * d * d + 1, (((d - 5) * d + 8) * d - 4) * a
    return near.where(d.value - error < 1) + far.where((d.value + error >= 1) & (d.value - error < 2))


def _constant(number: float, fmt: Format) -> Rounded:
    """Return a Python number as it is rounded when it meets an array of this format."""
    return Rounded.exactly(number, REFERENCE).stored_as(fmt)


def _blend(pixels: Rounded, other: Rounded, factor: float) -> Rounded:
    rest = (-Rounded.exactly(factor, REFERENCE) + 1).stored_as(pixels.fmt)
    return pixels * _constant(factor, pixels.fmt) + other * rest


def _brightness(img: Array, factor: float, fmt: Format) -> Rounded:
    return Rounded.exactly(img, fmt) * _constant(factor, fmt)


def _contrast(img: Array, factor: float, fmt: Format) -> Rounded:
    grey = _grey(img, fmt)
    mean = grey.sum((-3, -2, -1)) / grey.value[0].size
    return _blend(Rounded.exactly(img, fmt), mean, factor)


def _saturation(img: Array, factor: float, fmt: Format) -> Rounded:
    return _blend(Rounded.exactly(img, fmt), _grey(img, fmt), factor)


def _grey(img: Array, fmt: Format) -> Rounded:
    if len(img) == 1:
        return Rounded.exactly(img, fmt)
    grey_weights = [_constant(weight, fmt) for weight in (0.2989, 0.587, 0.114)]
    red, green, blue = (
        Rounded.exactly(channel[np.newaxis], fmt) * w for channel, w in zip(img, grey_weights, strict=True)
    )
    return red + green + blue


def _hue(img: Array, factor: float, fmt: Format) -> Rounded:
    """Shift the hues. All three channels get the largest bound: rounding may carry a hue into the next sixth."""
    strongest, value = img.argmax(axis=0), Rounded.exactly(img.max(axis=0), fmt)
    spread = value - Rounded.exactly(img.min(axis=0), fmt)
    grey = spread.value == 0
    divisor = spread.where(~grey) + grey
    red, green, blue = ((value - Rounded.exactly(channel, fmt)) / divisor for channel in img)
    sixths = _choice(strongest, [blue - green, red - blue + 2, green - red + 4])
    hue = _choice(grey, [sixths * (Rounded.exactly(1, REFERENCE) / 6).stored_as(fmt) + 1, Rounded.exactly(0, fmt)])
    six = _fractional_part(_fractional_part(hue) + _constant(factor, fmt)) * 6
    fraction = six - np.floor(six.value)
    saturation = spread / (value + (value.value == 0))
    low, falling = value * (-saturation + 1), value * (-(saturation * fraction) + 1)
    rising = value * (-(saturation * (-fraction + 1)) + 1)
    rising = rising.widen_to(value * (saturation * fraction + (-saturation + 1)))
    channels = [
        [value, falling, low, low, rising, value],
        [rising, value, value, falling, low, low],
        [low, low, rising, value, value, falling],
    ]
    sixth = np.floor(six.value).astype(int) % 6
    selected = [_choice(sixth, channel) for channel in channels]
    largest = np.max([channel.error for channel in selected], axis=0)
    return Rounded(np.stack([channel.value for channel in selected]), np.broadcast_to(largest, img.shape), fmt)


def _fractional_part(hue: Rounded) -> Rounded:
    """Return the fractional part: exact, except that a sum below 0 is moved up by one."""
    return hue - np.floor(hue.value)


def _choice(index: Array, options: list[Rounded]) -> Rounded:
    zeros = np.zeros(np.shape(index))
    value = np.choose(index, [option.value + zeros for option in options])
    return Rounded(value, np.choose(index, [option.error + zeros for option in options]), options[0].fmt)


_ADJUSTMENTS: dict[str, Callable[..., Rounded]] = {
    "adjust_brightness": _brightness,
    "adjust_contrast": _contrast,
    "adjust_saturation": _saturation,
    "adjust_hue": _hue,
}
