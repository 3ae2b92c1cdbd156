"""The paths of a picture through torchvision, arrays in and arrays out, and the pictures that are sent along them.

A path is a namespace of functions, as `reference` is one, named and called in the same way: a picture (c, h, w) goes
in, as a PIL image or as a tensor, and through torchvision.transforms (v1) or torchvision.transforms.v2. The references
are one more path. torchvision is imported when a path is first taken, for that takes seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from itertools import product
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st
from PIL import Image

import reference
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.compare import nearest
from spec_tests.vocabulary.problems import SEEDS

Array = npt.NDArray[Any]

MODULES = {"v1": "torchvision.transforms", "v2": "torchvision.transforms.v2"}


@dataclass(frozen=True)
class Path:
    """A way through torchvision: what carries the picture, "PIL" or "tensor", and the namespace, "v1" or "v2"."""

    carrier: str
    version: str

    def __repr__(self) -> str:
        return f"__import__({__name__!r}, fromlist=['']).{type(self).__name__}({self.carrier!r}, {self.version!r})"

    @property
    def module(self) -> Any:
        """The namespace of the transforms."""
        return import_module(MODULES[self.version])

    def __getattr__(self, operation: str) -> Callable[..., Array]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        return partial(self._call, operation)

    def _call(self, operation: str, img: Array, *args: Any, **options: Any) -> Array:
        if "interpolation" in options:
            options["interpolation"] = self.module.InterpolationMode(options["interpolation"])
        function = getattr(self.module.functional, operation)
        return self.through(lambda picture: function(picture, *args, **options))(img)

    def through(self, transform: Callable[[Any], Any]) -> Callable[[Array], Array]:
        """Return one of torchvision's transforms as a function of arrays."""
        return lambda img: array(transform(self.picture(img)))

    def picture(self, img: Array) -> Any:
        """Return what torchvision is given of this picture (c, h, w)."""
        return image(img) if self.carrier == "PIL" else tensor(img)


@dataclass(frozen=True)
class References(Path):
    """The path through the references, which take arrays as they are."""

    def _call(self, operation: str, img: Array, *args: Any, **options: Any) -> Array:
        output: Array = getattr(reference, operation)(img, *args, **options)
        return output


PIL_V1, PIL_V2, TENSOR_V1, TENSOR_V2 = (Path(carrier, version) for carrier in ("PIL", "tensor") for version in MODULES)


def _over(*paths: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "path",
        [
            pytest.param(path, id="references")
            if isinstance(path, References)
            else pytest.param(path, id=f"{path.carrier} {path.version}", marks=pytest.mark.torch_api)
            for path in paths
        ],
    )


REFERENCES = References("array", "v1")
THROUGH_PIL = (PIL_V1, PIL_V2)
THROUGH_TENSORS = (TENSOR_V1, TENSOR_V2)
each_path = _over(REFERENCES, *THROUGH_PIL, *THROUGH_TENSORS)
each_tensor_path = _over(REFERENCES, *THROUGH_TENSORS)
through_torchvision = _over(*THROUGH_PIL, *THROUGH_TENSORS)
through_pil = _over(*THROUGH_PIL)
through_tensors = _over(*THROUGH_TENSORS)
"""A property draws its path instead, from a tuple of them: four runs of it would say little more than one."""


def stored(img: Array) -> Array:
    """Return a picture (c, h, w) as files and PIL images store it: (h, w, c), or (h, w) with one channel."""
    return img[0] if len(img) == 1 else np.moveaxis(img, 0, -1)


def image(img: Array) -> Image.Image:
    """Return a picture (c, h, w) as a PIL image; its mode follows from the dtype and the number of channels."""
    return Image.fromarray(np.ascontiguousarray(stored(img)))


def tensor(img: Array) -> Any:
    """Return a picture as a tensor with memory of its own."""
    return import_module("torch").from_numpy(np.array(img, order="C"))


def array(picture: Any) -> Array:
    """Return a PIL image or a tensor as an array (c, h, w)."""
    if isinstance(picture, Image.Image):
        return np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)
    pixels: Array = picture.numpy()
    return pixels


@cache
def photograph() -> Array:
    """Return a photograph that comes with matplotlib, 3 × 600 × 512 bytes; nobody may write to it."""
    cbook = pytest.importorskip("matplotlib.cbook", reason="there is no Matplotlib, with which the photograph comes")
    file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(file) as opened:
        photo = array(opened)
    photo.flags.writeable = False
    return photo


MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F")
every_mode = pytest.mark.parametrize("mode", MODES)


def image_of(mode: str) -> Image.Image:
    """Return a PIL image of this mode, 5 × 7 pixels, no two of them alike if they can be told apart."""
    numbers = np.arange(35).reshape(1, 5, 7)
    wide = {
        "1": numbers % 3 == 0,
        "I": (numbers * 10**6).astype(np.int32),
        "I;16": (numbers * 900).astype(np.uint16),
        "F": (numbers / 8).astype(np.float32),
    }
    if mode in wide:
        return image(wide[mode])
    if mode == "P":
        return image(photograph()[:, ::120, ::80]).quantize(16)
    return image(np.concatenate([(7 * numbers + channel).astype(np.uint8) for channel in range(len(mode))]))


Numbers = Callable[[np.random.Generator, tuple[int, ...]], Array]


def any_bytes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with bytes."""
    return rng.integers(0, 256, shape, dtype=np.uint8)


def black_and_white(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with 0 and 255: whatever overshoots the range does so here."""
    return rng.choice(np.array([0, 255], np.uint8), shape)


def fractions(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with numbers of all digits from 0 to 1."""
    return rng.random(shape)


LARGEST = 9
BYTES = (any_bytes, any_bytes, black_and_white)


@cache
def _shapes(*ranges: tuple[int, ...]) -> st.SearchStrategy[tuple[int, ...]]:
    """Return the choice of one number out of each: a single choice, which is quicker."""
    return st.sampled_from(list(product(*ranges)))


@st.composite
def pictures(draw: st.DrawFn, numbers: tuple[Numbers, ...] = BYTES, channels: tuple[int, ...] = (3, 1)) -> Array:
    """Draw a picture (c, h, w), of one pixel or more along each axis."""
    sides = tuple(range(1, LARGEST + 1))
    shape, fill = draw(_shapes(channels, sides, sides)), draw(st.sampled_from(numbers))
    return fill(np.random.default_rng(draw(SEEDS)), shape)


def sizes(narrowest: int = 1, largest: int = LARGEST) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw a height and a width."""
    return _shapes(tuple(range(1, largest + 1)), tuple(range(narrowest, largest + 1)))


FALSE_ALARM = 1e-9
"""At how many of all seeds a correct implementation would fail a test of how it draws. The seeds are fixed."""


def seeded(seed: int) -> None:
    """Begin torch's random numbers anew."""
    import_module("torch").manual_seed(seed)


def repeated(transform: Callable[[Array], Array], img: Array, times: int, seed: int = 0) -> Array:
    """Return what a random transform makes of a picture, so many times."""
    seeded(seed)
    return np.stack([transform(img) for _ in range(times)])


def farthest(draws: int, outcomes: int = 1) -> float:
    """Return how far, but for a false alarm, shares among independent draws may be from their probabilities.

    For the share of an outcome that is Hoeffding's inequality, for all shares below a number at once that of Dvoretzky,
    Kiefer and Wolfowitz, with Massart's constant: either fails at 2·exp(−2·draws·distance²) of all seeds.
    """
    return sqrt(log(2 * outcomes / FALSE_ALARM) / (2 * draws))


def assert_bytes_within(actual: Array, expected: npt.ArrayLike, bound: npt.ArrayLike) -> None:
    """Require bytes, each within so many units of what is expected; the bound may be one for every pixel."""
    center, bound = np.asarray(expected, np.float64), np.broadcast_to(bound, np.shape(expected))
    assert (actual.shape, actual.dtype) == (center.shape, np.dtype(np.uint8))
    off = abs(actual - center)
    assert (off <= bound).all(), f"{off.max():.4g} units off, {(off - bound).max():.3g} more than the bound allows"
    ledger.record("uint8", *nearest(off, bound))
