"""The cases of transforms: small pictures (c, h, w)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.vocabulary.operations import TRANSFORMS
from spec_tests.vocabulary.problems import Array


@dataclass(frozen=True)
class Picture:
    """One call of a transform."""

    operation: str
    arguments: dict[str, Any]

    @property
    def size(self) -> int:
        """How many numbers its picture has."""
        return int(self.arguments[TRANSFORMS[self.operation].image].size)


Ladder = dict[str, list[Picture]]


def _bytes(*shape: int) -> Array:
    """Return different bytes, none of them 0."""
    return (np.arange(np.prod(shape)) * 37 % 251 + 1).reshape(shape).astype(np.uint8)


def _floats(*shape: int) -> Array:
    """Return numbers from 0 to 1, in multiples of 1/256."""
    return np.asarray(_bytes(*shape) / 256)


def _of(name: str, **rungs: list[dict[str, Any]]) -> Ladder:
    return {rung.replace("_", " "): [Picture(name, call) for call in calls] for rung, calls in rungs.items()}


def _to_tensor() -> Ladder:
    return _of(
        "to_tensor",
        plain=[{"pic": _bytes(1, 1, 1)}, {"pic": _bytes(1, 2, 1)}, {"pic": _bytes(2, 3, 3)}],
        without_channels=[{"pic": _bytes(1, 2)}, {"pic": _bytes(2, 3)}],
        other_numbers_than_bytes=[{"pic": _floats(1, 2, 1)}, {"pic": _floats(2, 3, 3)}],
    )


def _normalize() -> Ladder:
    mean, std = [0.5, 0.25, 0.125], [0.25, 0.5, 2.0]
    return _of(
        "normalize",
        plain=[
            {"tensor": _floats(1, 1, 1), "mean": [0.5], "std": [0.25]},
            {"tensor": _floats(3, 2, 2), "mean": mean, "std": std},
        ],
        one_number_for_all_channels=[{"tensor": _floats(2, 1, 2), "mean": [0.5], "std": [0.25]}],
        several_pictures=[{"tensor": _floats(2, 3, 1, 2), "mean": mean, "std": std}],
    )


def _resize() -> Ladder:
    smaller, larger = {"size": (2, 2)}, {"size": (4, 4)}
    return _of(
        "resize",
        nearest=[
            {"img": _floats(1, 2, 2), **larger, "interpolation": "nearest"},
            {"img": _floats(2, 5, 4), "size": (2, 3), "interpolation": "nearest"},
        ],
        bilinear=[
            {"img": _floats(1, 2, 2), **larger},
            {"img": _floats(1, 4, 4), **smaller},
            {"img": _floats(3, 5, 4), "size": (2, 3)},
        ],
        one_number_as_the_size=[{"img": _floats(1, 4, 6), "size": 2}, {"img": _floats(3, 6, 4), "size": 3}],
        without_antialias=[{"img": _floats(1, 4, 4), **smaller, "antialias": False}],
        bicubic=[
            {"img": _floats(1, 4, 4), **larger, "size": (6, 6), "interpolation": "bicubic"},
            {"img": _floats(1, 5, 5), "size": (3, 2), "interpolation": "bicubic"},
        ],
        bytes=[{"img": _bytes(1, 2, 2), **larger}, {"img": _bytes(3, 5, 4), "size": (2, 3)}],
    )


def _moving(name: str, small: dict[str, Any], large: dict[str, Any]) -> Callable[[], Ladder]:
    return lambda: _of(name, plain=[{"img": _floats(1, 2, 2), **small}, {"img": _bytes(3, 4, 5), **large}])


def _adjusting(name: str, *factors: float) -> Callable[[], Ladder]:
    argument = f"{name}_factor"
    return lambda: _of(
        f"adjust_{name}",
        plain=[{"img": image, argument: factor} for image in (_floats(3, 1, 2), _bytes(3, 2, 2)) for factor in factors],
    )


def _color_jitter() -> Ladder:
    order = ["hue", "saturation", "contrast", "brightness"]
    return _of(
        "color_jitter",
        plain=[{"img": _floats(3, 1, 2), "brightness_factor": 1.5}, {"img": _floats(3, 2, 2), "contrast_factor": 0.5}],
        another_order=[{"img": _bytes(3, 2, 2), "order": order, "brightness_factor": 1.5, "contrast_factor": 0.5}],
    )


LADDERS: dict[str, Callable[[], Ladder]] = {
    "to_tensor": _to_tensor,
    "normalize": _normalize,
    "resize": _resize,
    "center_crop": _moving("center_crop", {"output_size": (1, 1)}, {"output_size": (2, 7)}),
    "crop": _moving(
        "crop",
        {"top": 1, "left": 0, "height": 1, "width": 2},
        {"top": -1, "left": 2, "height": 3, "width": 5},
    ),
    "hflip": _moving("hflip", {}, {}),
    "vflip": _moving("vflip", {}, {}),
    "adjust_brightness": _adjusting("brightness", 0.5, 1.5),
    "adjust_contrast": _adjusting("contrast", 0.5, 1.5),
    "adjust_saturation": _adjusting("saturation", 0.5, 1.5),
    "adjust_hue": _adjusting("hue", 0.25, -0.125),
    "color_jitter": _color_jitter,
}
"""By transform, the cases of each rung."""
