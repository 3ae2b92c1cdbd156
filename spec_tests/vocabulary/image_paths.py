"""The code paths of an image through torchvision, arrays in and arrays out, and the images that the tests send through.

A path is a namespace of functions, named and called like those of `reference`: an image (c, h, w) goes in, is wrapped
as a PIL image or as a tensor, and passes through torchvision.transforms (v1) or torchvision.transforms.v2. The
references are one more path. torchvision, torch and PIL are imported when a path is first used: that takes seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module, util
from itertools import product
from math import log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.compare import nearest
from spec_tests.vocabulary.problems import SEEDS
from spec_tests.vocabulary.torch_when_needed import Image, torch

Array = npt.NDArray[Any]

MODULES = {"v1": "torchvision.transforms", "v2": "torchvision.transforms.v2"}


@dataclass(frozen=True)
class Path:
    """A way through torchvision: the image's container, "PIL" or "tensor", and the namespace, "v1" or "v2"."""

    container: str
    version: str

    def __repr__(self) -> str:
        return f"__import__({__name__!r}, fromlist=['']).{type(self).__name__}({self.container!r}, {self.version!r})"

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
        return self.through(lambda wrapped: function(wrapped, *args, **options))(img)

    def through(self, transform: Callable[[Any], Any]) -> Callable[[Array], Array]:
        """Return one of torchvision's transforms as a function of arrays."""
        return lambda img: array(transform(self.wrap(img)))

    def wrap(self, img: Array) -> Any:
        """Return an image (c, h, w) in this path's container, as torchvision takes it."""
        return pil_image(img) if self.container == "PIL" else tensor(img)


@dataclass(frozen=True)
class References(Path):
    """The path through the references, which take plain arrays."""

    def _call(self, operation: str, img: Array, *args: Any, **options: Any) -> Array:
        output: Array = getattr(reference, operation)(img, *args, **options)
        return output


PIL_V1, PIL_V2, TENSOR_V1, TENSOR_V2 = (
    Path(container, version) for container in ("PIL", "tensor") for version in MODULES
)


def _over(*paths: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "path",
        [
            pytest.param(path, id="references")
            if isinstance(path, References)
            else pytest.param(path, id=f"{path.container} {path.version}", marks=pytest.mark.torch_api)
            for path in paths
        ],
    )


REFERENCES = References("array", "v1")
THROUGH_PIL = (PIL_V1, PIL_V2)
THROUGH_TENSORS = (TENSOR_V1, TENSOR_V2)
DECORATORS = {
    "each_path": (REFERENCES, *THROUGH_PIL, *THROUGH_TENSORS),
    "each_tensor_path": (REFERENCES, *THROUGH_TENSORS),
    "through_torchvision": (*THROUGH_PIL, *THROUGH_TENSORS),
    "through_pil": THROUGH_PIL,
    "through_tensors": THROUGH_TENSORS,
}


def __getattr__(name: str) -> pytest.MarkDecorator:
    """Return a decorator when a file of tests imports it: a run around that one may not know the marks in it."""
    if name not in DECORATORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _over(*DECORATORS[name])


"""Properties draw their path from one of the tuples instead: four runs would add little to one."""


def channels_last(img: Array) -> Array:
    """Return an image (c, h, w) in the layout of files and PIL images: (h, w, c), or (h, w) with one channel."""
    return img[0] if len(img) == 1 else np.moveaxis(img, 0, -1)


def pil_image(img: Array) -> Any:
    """Return an image (c, h, w) as a PIL image; its mode follows from the dtype and the number of channels."""
    return Image.fromarray(np.ascontiguousarray(channels_last(img)))


def tensor(img: Array) -> Any:
    """Return an image as a tensor that owns its memory."""
    return torch.from_numpy(np.array(img, order="C"))


def array(container: Any) -> Array:
    """Return a PIL image or a tensor as an array (c, h, w)."""
    if isinstance(container, Image.Image):
        return np.atleast_3d(np.asarray(container)).transpose(2, 0, 1)
    pixels: Array = container.numpy()
    return pixels


@cache
def photograph() -> Array:
    """Return the photograph that ships with Matplotlib, 3 × 600 × 512 bytes, read-only."""
    cbook = pytest.importorskip(
        "matplotlib.cbook", reason="the photograph ships with Matplotlib, which is not installed"
    )
    file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(file) as opened:
        photo = array(opened)
    photo.flags.writeable = False
    return photo


needs_pillow = pytest.mark.skipif(util.find_spec("PIL") is None, reason="PIL's images need pillow: not installed")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F")
every_mode = pytest.mark.parametrize("mode", MODES)


def pil_image_of_mode(mode: str) -> Any:
    """Return a PIL image of this mode, 5 × 7 pixels, all different as far as the mode allows."""
    numbers = np.arange(35).reshape(1, 5, 7)
    wide = {
        "1": numbers % 3 == 0,
        "I": (numbers * 10**6).astype(np.int32),
        "I;16": (numbers * 900).astype(np.uint16),
        "F": (numbers / 8).astype(np.float32),
    }
    if mode in wide:
        return pil_image(wide[mode])
    if mode == "P":
        return pil_image(photograph()[:, ::120, ::80]).quantize(16)
    return pil_image(np.concatenate([(7 * numbers + channel).astype(np.uint8) for channel in range(len(mode))]))


Numbers = Callable[[np.random.Generator, tuple[int, ...]], Array]


def any_bytes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with any bytes."""
    return rng.integers(0, 256, shape, dtype=np.uint8)


def black_and_white(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with 0 and 255, which overshoots the range wherever that is possible."""
    return rng.choice(np.array([0, 255], np.uint8), shape)


def unit_interval(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with real numbers from 0 to 1."""
    return rng.random(shape)


LONGEST_SIDE = 9
BYTES = (any_bytes, any_bytes, black_and_white)


@cache
def _shapes(*ranges: tuple[int, ...]) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw one number from each range, as a single choice because that is faster."""
    return st.sampled_from(list(product(*ranges)))


@st.composite
def images(draw: st.DrawFn, numbers: tuple[Numbers, ...] = BYTES, channels: tuple[int, ...] = (3, 1)) -> Array:
    """Draw an image (c, h, w) with at least one pixel along each axis."""
    sides = tuple(range(1, LONGEST_SIDE + 1))
    shape, fill = draw(_shapes(channels, sides, sides)), draw(st.sampled_from(numbers))
    return fill(np.random.default_rng(draw(SEEDS)), shape)


def sizes(narrowest: int = 1, largest: int = LONGEST_SIDE) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw a height and a width."""
    return _shapes(tuple(range(1, largest + 1)), tuple(range(narrowest, largest + 1)))


FALSE_ALARM_RATE = 1e-9
"""The share of all seeds at which a correct implementation fails a test of its random draws. The seeds are fixed."""


def reseed(seed: int) -> None:
    """Reseed torch."""
    torch.manual_seed(seed)


def repeat(transform: Callable[[Array], Array], img: Array, times: int, seed: int = 0) -> Array:
    """Apply a random transform to an image this many times and stack the results."""
    reseed(seed)
    return np.stack([transform(img) for _ in range(times)])


def frequency_tolerance(draws: int, outcomes: int = 1) -> float:
    """Return the tolerance on observed frequencies at the chosen false-alarm rate.

    For the frequency of one outcome it follows from Hoeffding's inequality, for a whole empirical distribution from
    that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant: both fail at 2·exp(−2·draws·distance²) of seeds.
    """
    return sqrt(log(2 * outcomes / FALSE_ALARM_RATE) / (2 * draws))


def assert_bytes_within(actual: Array, expected: npt.ArrayLike, bound: npt.ArrayLike) -> None:
    """Require bytes, each within the bound of what is expected, in units; the bound may differ between pixels."""
    center, bound = np.asarray(expected, np.float64), np.broadcast_to(bound, np.shape(expected))
    assert (actual.shape, actual.dtype) == (center.shape, np.dtype(np.uint8))
    off = abs(actual - center)
    assert (off <= bound).all(), f"{off.max():.4g} units off, {(off - bound).max():.3g} more than the bound allows"
    ledger.record("uint8", *nearest(off, bound))
