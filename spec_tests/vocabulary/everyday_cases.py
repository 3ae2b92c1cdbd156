"""Fixed cases of the calls that networks make: one for each usual kernel, stride and padding, of every rank.

They are what a learner tries first, and their names say what is at stake. The axes have different sizes, so that a
stride of 2 fits one of them and leaves a cell over along another.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.everyday import CONVOLUTIONS, POOLINGS, Window
from spec_tests.vocabulary.problems import Problem, whole_numbers

DEPTHWISE = (Window(3, 1, 1), Window(3, 2, 1), Window(5, 1, 2), Window(7, 1, 3))
"""The depthwise convolutions of networks: of MobileNet, EfficientNet and ConvNeXt."""

SIZES = {1: (9,), 2: (6, 5), 3: (4, 5, 3)}
"""The size of the input, by rank."""

_CONVOLUTIONS = {str(window): (window, False) for window in CONVOLUTIONS} | {
    f"depthwise, {window}": (window, True) for window in DEPTHWISE
}
_POOLINGS = {str(window): window for window in POOLINGS}

everyday_convolutions = pytest.mark.parametrize("options", list(_CONVOLUTIONS))
everyday_poolings = pytest.mark.parametrize("options", list(_POOLINGS))


@cache
def everyday_convolution(operation: str, options: str) -> Problem:
    """Return the convolution with these options: of two images and whole numbers, with a bias."""
    rank, (window, depthwise), rng = int(operation[-2]), _CONVOLUTIONS[options], np.random.default_rng(0)
    ins, outs, groups = (3, 3, 3) if depthwise else (2, 3, 1)
    arrays = {
        "input": whole_numbers(rng, (2, ins, *SIZES[rank])),
        "weight": whole_numbers(rng, (outs, ins // groups, *[window.kernel] * rank)),
        "bias": whole_numbers(rng, (outs,)),
    }
    given = {"stride": window.stride, "padding": window.padding, "dilation": 1, "groups": groups}
    output_size: Any = reference.conv_output_size(SIZES[rank], (window.kernel,) * rank, window.stride, window.padding)
    return Problem(operation, arrays, given, whole_numbers(rng, (2, outs, *output_size)))


@cache
def everyday_pooling(operation: str, options: str) -> Problem:
    """Return the max or average pooling with these options: of two images, most numbers negative."""
    rank, window, rng = int(operation[-2]), _POOLINGS[options], np.random.default_rng(0)
    given: dict[str, Any] = {"kernel_size": window.kernel, "stride": window.stride, "padding": window.padding}
    arrays = {"input": whole_numbers(rng, (2, 3, *SIZES[rank])) - 3}
    output_size: Any = reference.max_pool_output_size(SIZES[rank], **given)
    return Problem(operation, arrays, given, whole_numbers(rng, (2, 3, *output_size)))
