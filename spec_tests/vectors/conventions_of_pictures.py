"""Conventions of transforms: several pictures, grey ones, numbers that are no bytes, missing factors."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from spec_tests.vectors import pictures
from spec_tests.vectors.question import Question
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.stating import Maker


def batch_of_pictures(operation: str) -> Iterator[Question]:
    """Each picture of a batch is transformed as it is alone."""
    r = Random(f"{operation} of several")
    img = pictures.some_bytes(r, (2, 3, 4, 5))
    calls: dict[str, dict[str, Any]] = {
        "adjust_brightness": {"brightness_factor": 1.5},
        "adjust_contrast": {"contrast_factor": 0.5},
        "adjust_saturation": {"saturation_factor": 0.25},
        "adjust_hue": {"hue_factor": 0.125},
        "resize": {"size": (3, 7), "interpolation": "bilinear"},
        "center_crop": {"output_size": (3, 2)},
        "crop": {"top": 1, "left": 2, "height": 2, "width": 3},
    }
    more = calls.get(operation, {})
    yield pictures.question(operation, {"img": img, **more}, "uint8", "conventions", "several-pictures")


def grey_pictures(operation: str) -> Iterator[Question]:
    """Saturation and hue leave grey bytes as they are."""
    r = Random(f"{operation} of grey")
    img = np.repeat(pictures.some_bytes(r, (1, 4, 5)), 3, axis=0)
    factor = {"adjust_hue": {"hue_factor": 0.25}, "adjust_saturation": {"saturation_factor": 1.5}}[operation]
    yield Question(operation, "conventions", "uint8", {"img": img}, factor, {"output": img}, ("bytes",))


def moved_numbers(operation: str) -> Iterator[Question]:
    """Numbers that are no bytes are moved, and not divided."""
    numbers = Random(operation).real((3, 2, 3), "float32").astype(np.float32)
    moved = numbers.transpose(2, 0, 1).copy()
    yield Question(
        operation, "conventions", "float32", {"pic": numbers}, {}, {"output": moved}, ("other-numbers-than-bytes",)
    )


def no_factor(operation: str) -> Iterator[Question]:
    """A jitter without factors changes nothing; a factor of 0 is one."""
    r = Random(operation)
    img = pictures.some_bytes(r, (3, 3, 4))
    yield Question(operation, "conventions", "uint8", {"img": img}, {}, {"output": img}, ("bytes", "a-factor-of-0"))


def factor_of_zero(operation: str) -> Iterator[Question]:
    """A brightness of 0 is black."""
    img = pictures.some_bytes(Random(f"{operation} of zero"), (3, 3, 4))
    options = {"brightness_factor": 0.0}
    yield Question(
        operation,
        "conventions",
        "uint8",
        {"img": img},
        options,
        {"output": np.zeros_like(img)},
        ("bytes", "a-factor-of-0"),
    )


MAKERS: dict[str, list[Maker]] = {
    **{
        name: [batch_of_pictures]
        for name in ("resize", "crop", "center_crop", "hflip", "vflip", "adjust_brightness", "adjust_contrast")
    },
    **{name: [batch_of_pictures, grey_pictures] for name in ("adjust_saturation", "adjust_hue")},
    "to_tensor": [moved_numbers],
    "color_jitter": [no_factor, factor_of_zero],
}
