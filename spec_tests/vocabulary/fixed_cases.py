"""Problems that are the same in every run, of sizes at which implementations take other paths than for small ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Numbers, Problem


@dataclass(frozen=True)
class ConvCase:
    """A convolution with kernels 3 wide along every axis, stride 1 and dilation 1: what Winograd's algorithm is for."""

    size: tuple[int, ...]
    channels: int
    outs: int
    padding: int | tuple[int, ...] = 1
    groups: int = 1
    batch: tuple[int, ...] = (1,)

    @property
    def operation(self) -> str:
        """The convolution of as many axes as the input has."""
        return f"conv{len(self.size)}d"

    def problem(self, numbers: Numbers) -> Problem:
        """Return the problem, its arrays filled with such numbers."""
        rng, kernel_size = np.random.default_rng(0), (3,) * len(self.size)
        output_size: Any = reference.conv_output_size(self.size, kernel_size, padding=self.padding)
        arrays = {
            "input": numbers(rng, (*self.batch, self.channels, *self.size)),
            "weight": numbers(rng, (self.outs, self.channels // self.groups, *kernel_size)),
            "bias": numbers(rng, (self.outs,)),
        }
        options = {"stride": 1, "padding": self.padding, "dilation": 1, "groups": self.groups}
        grad_output = numbers(rng, (*self.batch, self.outs, *output_size))
        return Problem(self.operation, arrays, options, grad_output)


LARGE_CONVOLUTIONS = {
    "5 by 5 outputs": ConvCase((7, 7), 1, 1, padding=0),
    "a batch": ConvCase((9, 10), 3, 8, batch=(2,)),
    "no batch": ConvCase((8, 9), 3, 4, batch=()),
    "one row": ConvCase((1, 14), 5, 3),
    "more padding than input": ConvCase((3, 5), 4, 4, padding=(4, 0)),
    "groups": ConvCase((7, 11), 8, 12, padding=2, groups=4, batch=(2,)),
    "depthwise": ConvCase((10, 9), 32, 32, groups=32),
    "16 channels": ConvCase((13, 6), 16, 16),
    "64 channels": ConvCase((9, 7), 64, 32),
    "from 128 channels": ConvCase((13, 12), 128, 8),
    "to 128 channels": ConvCase((6, 6), 8, 128, padding=0),
    "128 channels": ConvCase((5, 6), 128, 128),
    "one axis": ConvCase((35,), 64, 32, batch=(2,)),
    "three axes": ConvCase((6, 5, 7), 8, 8),
}
"""Sizes that 4×4 outputs do not divide, and channels from 1 to 128."""
