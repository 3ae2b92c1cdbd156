"""Random transforms (section 1.3): what RandomCrop and ColorJitter draw, and how a crop surrounds its image first.

    crop      of the places at which it fits, each is equally likely
    jitter    a factor f from max(0, 1 − b) to 1 + b, or a hue shift from −h to h, each uniform and by itself;
              and one of the 24 orders of the four adjustments, each equally likely

What is drawn is handed to `reference.crop` and `reference.color_jitter`, which draw nothing. The generator is one of
NumPy's. Torch draws other numbers with the same distribution.

An image (…, h, w) is surrounded in one of four ways, here three columns by two on either side:

    constant   0 0 │ 1 2 3 │ 0 0     `fill` in place of 0
    edge       1 1 │ 1 2 3 │ 3 3     the pixel at the edge
    reflect    3 2 │ 1 2 3 │ 2 1     mirrored at the pixel of the edge, which is not repeated
    symmetric  2 1 │ 1 2 3 │ 3 2     mirrored at the edge, whose pixel is repeated
"""

from collections.abc import Sequence

import numpy as np

from reference.checks import Array, affordable, array, flag, integer, one_of, per_axis, real, shown
from reference.color import ADJUSTMENTS
from reference.transforms import PIXELS, crop

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")

Range = tuple[float, float]


def pad_image(
    img: Array, padding: int | Sequence[int], fill: float | Sequence[float] = 0, padding_mode: str = "constant"
) -> Array:
    """Surround an image (…, h, w): one number, (left and right, above and below), or (left, above, right, below).

    `fill`, one number or one for each channel, must be exact in the image's dtype; the other modes make no use of it.
    An image cannot be mirrored farther than it reaches.

    >>> pad_image(np.array([[1, 2, 3]]), (2, 0), padding_mode="reflect")
    array([[3, 2, 1, 2, 3, 2, 1]])
    >>> pad_image(np.array([[5]]), (1, 0, 2, 1), fill=9)
    array([[9, 5, 9, 9],
           [9, 9, 9, 9]])
    """
    array("img", img, PIXELS)
    if img.ndim < 2 or 0 in img.shape[-2:]:
        raise ValueError(f"img has shape {img.shape}, expected (…, height, width), neither of them 0")
    one_of("padding_mode", padding_mode, PADDING_MODES)
    left, above, right, below = _four_sides(padding)
    h, w = img.shape[-2:]
    affordable("the padded image", (*img.shape[:-2], above + h + below, left + w + right))
    rows, columns = _copied(h, above, below, padding_mode), _copied(w, left, right, padding_mode)
    padded = img[..., rows[:, np.newaxis], columns]
    if padding_mode == "constant":
        outside = np.ones(padded.shape[-2:], bool)
        outside[above : above + h, left : left + w] = False
        padded = np.where(outside, _filling(fill, img), padded)
    return padded


def padded_for_crop(
    img: Array,
    size: int | Sequence[int],
    padding: int | Sequence[int] | None = None,
    pad_if_needed: bool = False,
    fill: float | Sequence[float] = 0,
    padding_mode: str = "constant",
) -> Array:
    """Surround an image as RandomCrop does before it draws a place for a crop of this size.

    With `pad_if_needed`, an image that lacks d rows gets d above and d below, so that every crop contains all its rows
    and they may be anywhere in it; columns likewise.

    >>> padded_for_crop(np.array([[7]]), (1, 3), pad_if_needed=True)
    array([[0, 0, 7, 0, 0]])
    """
    height, width = per_axis("size", size, 2, least=1)
    left, above, right, below = (0, 0, 0, 0) if padding is None else _four_sides(padding)
    if flag("pad_if_needed", pad_if_needed):
        rows, columns = (
            max(wanted - there, 0)
            for wanted, there in ((height, above + img.shape[-2] + below), (width, left + img.shape[-1] + right))
        )
        left, above, right, below = left + columns, above + rows, right + columns, below + rows
    return pad_image(img, (left, above, right, below), fill, padding_mode)


def random_crop(
    img: Array,
    size: int | Sequence[int],
    padding: int | Sequence[int] | None = None,
    pad_if_needed: bool = False,
    fill: float | Sequence[float] = 0,
    padding_mode: str = "constant",
    *,
    generator: np.random.Generator,
) -> Array:
    """Surround an image, and cut out a part of this size at a place drawn from all at which it fits.

    >>> random_crop(np.array([[7, 7, 7]]), (1, 2), generator=np.random.default_rng(0))
    array([[7, 7]])
    """
    height, width = per_axis("size", size, 2, least=1)
    img = padded_for_crop(img, (height, width), padding, pad_if_needed, fill, padding_mode)
    h, w = img.shape[-2:]
    if height > h or width > w:
        raise ValueError(f"size {(height, width)} is larger than the image {(h, w)}, and pad_if_needed is False")
    _drawing("generator", generator)
    top, left = (int(generator.integers(0, surplus, endpoint=True)) for surplus in (h - height, w - width))
    return crop(img, top, left, height, width)


def jitter_parameters(
    brightness: float | Range = 0,
    contrast: float | Range = 0,
    saturation: float | Range = 0,
    hue: float | Range = 0,
    *,
    generator: np.random.Generator,
) -> tuple[list[str], dict[str, float]]:
    """Draw the order and the factors that `reference.color_jitter` takes: what has no range is left out.

    A number is the distance from the factor that changes nothing; a pair is the range itself.

    >>> order, factors = jitter_parameters(brightness=0.5, generator=np.random.default_rng(0))
    >>> sorted(order), [*factors], 0.5 <= factors["brightness_factor"] <= 1.5
    (['brightness', 'contrast', 'hue', 'saturation'], ['brightness_factor'], True)
    """
    _drawing("generator", generator)
    amounts = zip(ADJUSTMENTS, (brightness, contrast, saturation, hue), strict=True)
    ranges = {name: _factors(name, amount) for name, amount in amounts}
    order = [ADJUSTMENTS[number] for number in generator.permutation(len(ADJUSTMENTS))]
    unchanged = {name: (0.0, 0.0) if name == "hue" else (1.0, 1.0) for name in ADJUSTMENTS}
    return order, {
        f"{name}_factor": float(generator.uniform(*limits))
        for name, limits in ranges.items()
        if limits != unchanged[name]
    }


def _copied(size: int, before: int, after: int, padding_mode: str) -> Array:
    """Return the number of the row (or column) that each of the padded image copies."""
    farthest = {"reflect": size - 1, "symmetric": size}.get(padding_mode)
    if farthest is not None and max(before, after) > farthest:
        raise ValueError(f"padding must be at most {farthest} to mirror {size} pixels, got {max(before, after)}")
    places = np.arange(-before, size + after)
    if padding_mode == "reflect":
        return size - 1 - abs(size - 1 - abs(places))
    if padding_mode == "symmetric":
        mirrored = np.where(places < 0, -1 - places, places)
        return np.minimum(mirrored, 2 * size - 1 - mirrored)
    return places.clip(0, size - 1)


def _four_sides(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return what is added on the left, above, on the right and below."""
    given = padding if isinstance(padding, tuple | list) else (padding,)
    numbers = tuple(integer("padding", number) for number in given)
    if len(numbers) not in (1, 2, 4):
        raise ValueError(f"padding must be one, two or four numbers, got {shown(padding)}")
    if min(numbers) < 0:
        raise ValueError(f"padding must be at least 0, got {shown(padding)}")
    left, above, right, below = numbers * (4 // len(numbers))
    return left, above, right, below


def _filling(fill: float | Sequence[float], img: Array) -> Array:
    """Return the number with which each channel is surrounded, in the image's dtype."""
    given = fill if isinstance(fill, tuple | list) else (fill,)
    numbers = [real("fill", number) for number in given]
    if len(numbers) != 1 and (img.ndim < 3 or len(numbers) != img.shape[-3]):
        raise ValueError(f"fill has {len(numbers)} numbers, img has shape {img.shape}: expected one, or one a channel")
    with np.errstate(all="ignore"):  # what does not fit is refused
        filling = np.array(numbers).astype(img.dtype)
    if img.dtype.kind != "f" and filling.tolist() != numbers:
        raise ValueError(f"fill must be exact in {img.dtype}, got {shown(fill)}")
    return filling[:, np.newaxis, np.newaxis] if len(numbers) != 1 else filling[0]


def _factors(name: str, amount: float | Range) -> Range:
    """Return the range of the factors that are drawn for an amount."""
    middle, lowest, highest = (0.0, -0.5, 0.5) if name == "hue" else (1.0, 0.0, float("inf"))
    if isinstance(amount, tuple | list):
        if len(amount) != 2:
            raise ValueError(f"{name} must be a number or two, got {shown(amount)}")
        low, high = (real(name, limit) for limit in amount)
    else:
        number = real(name, amount)
        if not number >= 0:
            raise ValueError(f"{name} must be at least 0, got {shown(amount)}")
        low, high = middle - number, middle + number
        low = low if name == "hue" else max(low, lowest)
    if not lowest <= low <= high <= highest:
        raise ValueError(f"{name} must be a range within {lowest} to {highest}, got {shown(amount)}")
    return low, high


def _drawing(name: str, generator: object) -> None:
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name} must be like numpy.random.default_rng(seed), got {shown(generator)}")
