"""Normalize and Resize."""

from typing import Any

import numpy as np

import reference
from reference.resize import resized_output_size
from spec_tests.tooling.hands.draws import draws, equals, rounds_to, same
from spec_tests.vocabulary import image_bounds
from spec_tests.vocabulary.problems import real_numbers


@draws("normalized")
def _normalized(rng: np.random.Generator) -> Any:
    image = rng.random((int(rng.integers(1, 4)), *rng.integers(1, 5, 2)))
    means, deviations = rng.random(len(image)).tolist(), rng.uniform(0.05, 2, len(image)).tolist()
    return [image.tolist(), means, deviations], equals(reference.normalize(image, means, deviations))


@draws("resizeWeights")
def _resize_weights(rng: np.random.Generator) -> Any:
    old, new, interpolation, antialias = *_sizes(rng), _interpolation(rng), bool(rng.random() < 0.5)
    bounded = image_bounds.resized(np.eye(old), (new, old), interpolation, antialias, "float64")
    return [old, new, interpolation, antialias], rounds_to(bounded)


@draws("resized")
def _resized(rng: np.random.Generator) -> Any:
    (h, new_h), (w, new_w), antialias = _sizes(rng), _sizes(rng), bool(rng.random() < 0.5)
    image, interpolation = real_numbers(rng, (h, w)), _interpolation(rng, "nearest")
    arguments = [image.tolist(), new_h, new_w, interpolation, antialias]
    if interpolation == "nearest":
        return arguments, equals(reference.resize(image, (new_h, new_w), "nearest"))
    return arguments, rounds_to(image_bounds.resized(image, (new_h, new_w), interpolation, antialias, "float64"))


@draws("resizedSize")
def _resized_size(rng: np.random.Generator) -> Any:
    h, w, shorter = (int(number) for number in rng.integers(1, 100, 3))
    return [h, w, shorter], same([*resized_output_size((h, w), shorter)])


def _sizes(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(1, 9)), int(rng.integers(1, 9))


def _interpolation(rng: np.random.Generator, *more: str) -> str:
    return str(rng.choice(["bilinear", "bicubic", *more]))
