"""Large cases of convolutions and linear layers, which add up products."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.large_cases.case import Cases, LargeCase, Shape
from spec_tests.vocabulary.problems import Numbers, Problem


def _conv(
    size: Shape,
    channels: int,
    outs: int,
    kernel: int = 3,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    images: int = 1,
) -> LargeCase:
    """A convolution with its options equal along all axes, and a bias."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        kernel_size = (kernel,) * len(size)
        output_size: Any = reference.conv_output_size(size, kernel_size, stride, padding)
        arrays = {
            "input": numbers(rng, (images, channels, *size)),
            "weight": numbers(rng, (outs, channels // groups, *kernel_size)),
            "bias": numbers(rng, (outs,)),
        }
        options = {"stride": stride, "padding": padding, "dilation": 1, "groups": groups}
        return Problem(f"conv{len(size)}d", arrays, options, numbers(rng, (images, outs, *output_size)))

    return LargeCase(fill, exact=True)


CONVOLUTIONS: Mapping[int, Cases] = {
    1: {
        "9 to 7 channels": _conv((12,), 9, 7, padding=1),
        "17 to 33 channels": _conv((9,), 17, 33, padding=1, images=2),
        "513 to 16 channels, kernel 1": _conv((7,), 513, 16, kernel=1, stride=2),
        "128 channels, depthwise": _conv((9,), 128, 128, kernel=5, padding=2, groups=128),
        "a row of 1025": _conv((1025,), 2, 3, kernel=7, stride=2, padding=3),
    },
    2: {
        "7 to 9 channels": _conv((5, 4), 7, 9, padding=1),
        "17 to 15 channels": _conv((4, 5), 17, 15, padding=1, images=2),
        "31 to 33 channels, stride 2": _conv((5, 6), 31, 33, stride=2, padding=1),
        "3 to 64 channels, kernel 1, stride 2": _conv((5, 6), 3, 64, kernel=1, stride=2, images=2),
        "65 to 129 channels, kernel 1": _conv((3, 3), 65, 129, kernel=1),
        "513 to 1025 channels, kernel 1": _conv((1, 2), 513, 1025, kernel=1),
        "512 to 24 channels": _conv((3, 2), 512, 24, padding=1),
        "127 to 16 channels, kernel 5": _conv((5, 4), 127, 16, kernel=5, padding=2),
        "3 to 63 channels, kernel 7, stride 2": _conv((9, 8), 3, 63, kernel=7, stride=2, padding=3),
        "24 channels, depthwise": _conv((5, 4), 24, 24, padding=1, groups=24, images=2),
        "512 channels, depthwise": _conv((4, 3), 512, 512, padding=1, groups=512),
        "24 channels, depthwise, stride 2": _conv((7, 6), 24, 24, stride=2, padding=1, groups=24),
        "4 groups of 16 outputs": _conv((5, 4), 20, 64, padding=1, groups=4, images=2),
        "129 images": _conv((4, 3), 3, 8, padding=1, images=129),
    },
    3: {
        "9 to 17 channels": _conv((3, 4, 3), 9, 17, padding=1),
        "65 to 16 channels, kernel 1, stride 2": _conv((3, 3, 2), 65, 16, kernel=1, stride=2, images=2),
        "129 to 31 channels": _conv((2, 3, 2), 129, 31, padding=1),
        "24 channels, depthwise": _conv((3, 2, 3), 24, 24, padding=1, groups=24),
        "rows of 13": _conv((2, 3, 13), 3, 5, padding=1, images=2),
    },
}


def _linear(samples: Shape, ins: int, outs: int) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays = {
            "input": numbers(rng, (*samples, ins)),
            "weight": numbers(rng, (outs, ins)),
            "bias": numbers(rng, (outs,)),
        }
        return Problem("linear", arrays, {}, numbers(rng, (*samples, outs)))

    return LargeCase(fill, exact=True)


LINEAR: Cases = {
    "7 to 9 features": _linear((3,), 7, 9),
    "17 to 15 features": _linear((2, 5), 17, 15),
    "33 to 31 features": _linear((17,), 33, 31),
    "65 to 127 features": _linear((4,), 65, 127),
    "129 to 63 features": _linear((33,), 129, 63),
    "512 to 16 features": _linear((16,), 512, 16),
    "513 to 1025 features": _linear((2,), 513, 1025),
    "1024 to 17 features": _linear((3,), 1024, 17),
    "1025 to 10 features, 1 sample": _linear((1,), 1025, 10),
    "4096 to 3 features": _linear((2,), 4096, 3),
    "129 samples": _linear((129,), 24, 10),
    "769 samples": _linear((769,), 17, 5),
}
