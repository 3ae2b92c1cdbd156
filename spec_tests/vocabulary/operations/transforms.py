"""The transforms: what is done to a picture before a network sees it, or to show it many slightly different ones.

Each is `reference.<name>(image, **options)`, pictures (…, c, h, w) in bytes or in floating point; `to_tensor` alone
takes a stored image. Random transforms draw their options and then do what these do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from reference.color import ADJUSTMENTS
from reference.resize import resized_output_size
from spec_tests.vocabulary import image_bounds
from spec_tests.vocabulary.bounds import Approximation, Rounded, formula
from spec_tests.vocabulary.formats import FORMATS, Format
from spec_tests.vocabulary.image_paths import any_bytes, images, sizes, unit_interval
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.problems import SEEDS, Array, real_numbers

Call = Mapping[str, Any]
"""The arguments of a transform by name."""
Calls = st.SearchStrategy[dict[str, Any]]

NO_GRADIENT = {"gradients": "a transform is done before the network, and has none"}


@dataclass(frozen=True)
class Feature:
    """A step in learning the transform: what a call may ask for, and whether one does."""

    name: str
    used_by: Callable[[Call], bool]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One row of the table."""

    name: str
    section: str = "1.3"
    """The document's section."""
    image: str = "img"
    """The argument that is the picture."""
    draws: Mapping[str, Calls]
    """The calls to draw, by what the picture is of: "bytes", "floats"."""
    bounded: Callable[[Call, str], Approximation]
    """Return the exact result of a call in floating point, one picture (c, h, w), and how far it may be off."""
    formats: tuple[str, ...] = ("float32", "float64")
    """The formats in which floating point results are held to this bound."""
    typical: Call
    """A usual call."""
    rungs: tuple[Feature, ...] = ()
    """From the easiest feature to the hardest; a call that uses none is on the lowest rung, "plain"."""
    without: Mapping[str, str] = field(default_factory=lambda: NO_GRADIENT)
    """Levels at which nothing is required of it, and why."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels at which something is required of it."""
        return tuple(level for level in LEVELS if level not in self.without)

    def rung_of(self, call: Call) -> str:
        """Return the hardest feature that a call uses."""
        used = [rung.name for rung in self.rungs if rung.used_by(call)]
        return used[-1] if used else "plain"

    def expected(self, call: Call, dtype: str) -> Approximation:
        """Return the exact result of a call and its bound, which is 0 where bytes come out, or other whole numbers."""
        rounds = call[self.image].dtype.kind == "f" or self.name == "to_tensor"
        return self.bounded(call, dtype) if rounds else _copied(self.name, call, dtype)


def at(call: Call, dtype: str) -> dict[str, Any]:
    """Return a call with its floating point picture in this format."""
    return {
        name: value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for name, value in call.items()
    }


# How results round


def _copied(name: str, call: Call, _: str) -> Approximation:
    exact = np.asarray(getattr(reference, name)(**call))
    return Approximation(exact, np.zeros(exact.shape))


def _divided(call: Call, _: str) -> Approximation:
    """Bytes by 255: the quotient may be rounded, or 1/255 and the product of it."""
    pic = call["pic"]
    if pic.dtype != np.uint8:
        return _copied("to_tensor", call, _)
    pixels = np.atleast_3d(pic).transpose(2, 0, 1)
    return formula(lambda fmt: Rounded.exactly(pixels, fmt) * (Rounded.exactly(1, fmt) / 255), pixels / 255, "float32")


def _normalized(call: Call, dtype: str) -> Approximation:
    tensor: Array = call["tensor"]

    def per_channel(numbers: Any, fmt: Format) -> Rounded:
        as_given = np.array(numbers, np.float64).reshape(-1, 1, 1)
        return Rounded.exactly(as_given, FORMATS["float64"]).stored_as(fmt)

    def normalized(fmt: Format) -> Rounded:
        pixels = Rounded.exactly(tensor, fmt)
        return (pixels - per_channel(call["mean"], fmt)) / per_channel(call["std"], fmt)

    exact = reference.normalize(tensor.astype(np.float64), call["mean"], call["std"])
    return formula(normalized, exact, dtype)


def _resized(call: Call, dtype: str) -> Approximation:
    img, interpolation = call["img"], call.get("interpolation", "bilinear")
    size = resized_output_size(img.shape[-2:], call["size"], call.get("max_size"))
    if interpolation.startswith("nearest"):
        return _copied("resize", call, dtype)
    return image_bounds.resized(img, size, interpolation, call.get("antialias", True), dtype)


def _recolored(name: str, call: Call, dtype: str) -> Approximation:
    img, factor = call["img"], call[f"{name.removeprefix('adjust_')}_factor"]
    if img.ndim != 3:
        raise NotImplementedError("the colours of several pictures have no bound here")
    if name == "adjust_hue" and len(img) == 1:
        return Approximation(img.astype(np.float64), np.zeros(img.shape))
    return image_bounds.recolored(name, img, factor, dtype)


def _jittered(call: Call, dtype: str) -> Approximation:
    """One adjustment alone; several have no bound here."""
    factors = {name: call[name] for name in call if name.endswith("_factor") and call[name] is not None}
    if len(factors) > 1:
        raise NotImplementedError("several adjustments in a row have no bound here")
    for name, factor in factors.items():
        if name.removesuffix("_factor") in call.get("order", ADJUSTMENTS):
            operation = f"adjust_{name.removesuffix('_factor')}"
            return _recolored(operation, {"img": call["img"], name: factor}, dtype)
    return Approximation(call["img"].astype(np.float64), np.zeros(call["img"].shape))


# What is drawn

FACTORS = st.sampled_from([0.0, 0.5, 1.0, 2.0]) | st.floats(0, 3)
SHIFTS = st.sampled_from([0.0, 0.5, -0.5, 0.25]) | st.floats(-0.5, 0.5)
NUMBERS = {"bytes": images(), "floats": images((unit_interval, real_numbers))}
LIGHT = {"bytes": images(), "floats": images((unit_interval,))}
"""Colours: in floating point they are from 0 to 1."""


def _pictures(numbers: Mapping[str, st.SearchStrategy[Array]] = NUMBERS, **options: st.SearchStrategy[Any]) -> Any:
    return {kind: st.fixed_dictionaries({"img": drawn, **options}) for kind, drawn in numbers.items()}


@st.composite
def _stored_images(draw: st.DrawFn) -> dict[str, Any]:
    height, width, channels = (draw(st.integers(1, most)) for most in (9, 9, 4))
    shape = draw(st.sampled_from([(height, width), (height, width, channels)]))
    return {"pic": any_bytes(np.random.default_rng(draw(SEEDS)), shape)}


@st.composite
def _normalizations(draw: st.DrawFn) -> dict[str, Any]:
    tensor = draw(NUMBERS["floats"])
    count = draw(st.sampled_from([len(tensor), 1]))
    each = partial(st.lists, min_size=count, max_size=count)
    return {"tensor": tensor, "mean": draw(each(st.floats(-4, 4))), "std": draw(each(st.floats(0.01, 4)))}


@st.composite
def _crops(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Draw an image and a crop that overlaps or touches it."""
    img = draw(NUMBERS[kind])
    height, width = draw(st.tuples(*[st.integers(1, 12)] * 2))
    h, w = img.shape[1:]
    top, left = draw(st.integers(-height, h + 2)), draw(st.integers(-width, w + 2))
    return {"img": img, "top": top, "left": left, "height": height, "width": width}


@st.composite
def _resizings(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Draw an image and its new size; floating point at least two pixels wide (deviation "antialias-one-column")."""
    img, size = draw(NUMBERS[kind]), draw(sizes(narrowest=2 if kind == "floats" else 1))
    call = {"img": img, "size": size, "interpolation": draw(st.sampled_from(["bilinear", "bicubic"]))}
    return {**call, "antialias": draw(st.booleans())} if kind == "floats" else call


@st.composite
def _jitters(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Draw an order and some factors, of which all but one are missing if the picture is in floating point."""
    img, order = draw(images(channels=(3,)) if kind == "bytes" else LIGHT["floats"]), draw(st.permutations(ADJUSTMENTS))
    given = ADJUSTMENTS if kind == "bytes" else [draw(st.sampled_from(ADJUSTMENTS))]
    factors = {f"{name}_factor": draw(SHIFTS if name == "hue" else FACTORS) for name in given}
    return {"img": img, "order": list(order), **factors}


# The rows

A_PICTURE = any_bytes(np.random.default_rng(0), (3, 4, 5))
A_SIZE = st.tuples(*[st.integers(1, 12)] * 2) | st.integers(1, 12)


def _moving(name: str, draws: Mapping[str, Calls], **options: Any) -> Transform:
    """Return the row of a transform that moves pixels, and changes none."""
    return Transform(name=name, draws=draws, bounded=partial(_copied, name), typical={"img": A_PICTURE, **options})


def _adjusting(name: str, factors: st.SearchStrategy[float], factor: float, **more: Any) -> Transform:
    argument = f"{name}_factor"
    return Transform(
        name=f"adjust_{name}",
        draws=_pictures(LIGHT, **{argument: factors}),
        bounded=partial(_recolored, f"adjust_{name}"),
        typical={"img": A_PICTURE, argument: factor},
        **more,
    )


TRANSFORMS = {
    row.name: row
    for row in (
        Transform(
            name="to_tensor",
            image="pic",
            draws={"bytes": _stored_images()},
            bounded=_divided,
            formats=("float32",),
            typical={"pic": A_PICTURE.transpose(1, 2, 0).copy()},
            rungs=(
                Feature("without channels", lambda call: call["pic"].ndim == 2),
                Feature("other numbers than bytes", lambda call: call["pic"].dtype != np.uint8),
            ),
        ),
        Transform(
            name="normalize",
            image="tensor",
            draws={"floats": _normalizations()},
            bounded=_normalized,
            typical={"tensor": A_PICTURE / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            rungs=(
                Feature("one number for all channels", lambda call: len(call["mean"]) < call["tensor"].shape[-3]),
                Feature("several pictures", lambda call: call["tensor"].ndim > 3),
            ),
        ),
        Transform(
            name="resize",
            draws={kind: _resizings(kind) for kind in NUMBERS},
            bounded=_resized,
            typical={"img": A_PICTURE, "size": (6, 3)},
            rungs=(
                Feature("nearest", lambda call: call.get("interpolation", "").startswith("nearest")),
                Feature("bilinear", lambda call: call.get("interpolation", "bilinear") == "bilinear"),
                Feature("one number as the size", lambda call: not isinstance(call["size"], tuple)),
                Feature("without antialias", lambda call: not call.get("antialias", True)),
                Feature("bicubic", lambda call: call.get("interpolation") == "bicubic"),
                Feature("bytes", lambda call: call["img"].dtype == np.uint8),
            ),
        ),
        _moving("center_crop", _pictures(output_size=A_SIZE), output_size=(2, 3)),
        _moving("crop", {kind: _crops(kind) for kind in NUMBERS}, top=1, left=2, height=2, width=3),
        _moving("hflip", _pictures()),
        _moving("vflip", _pictures()),
        _adjusting("brightness", FACTORS, 1.5),
        _adjusting("contrast", FACTORS, 1.5),
        _adjusting("saturation", FACTORS, 1.5),
        _adjusting("hue", SHIFTS, 0.1, formats=("float32",)),
        Transform(
            name="color_jitter",
            draws={kind: _jitters(kind) for kind in LIGHT},
            bounded=_jittered,
            formats=("float32",),
            typical={"img": A_PICTURE, "brightness_factor": 1.5, "hue_factor": 0.1},
            rungs=(Feature("another order", lambda call: list(call.get("order", ADJUSTMENTS)) != list(ADJUSTMENTS)),),
        ),
    )
}
"""Every transform, by name. The hue is held to float32, in which torchvision computes that of float64 too."""
