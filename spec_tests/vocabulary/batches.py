"""Examples of one image, as they are printed and in a batch: an implementation may take batches only.

    @as_printed_and_in_a_batch
    def test_a_true_sentence(implementation, form):
        output = form(implementation).conv2d(image, kernel)

The test runs twice, and the second time the subject gets a batch of this one image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from spec_tests.vocabulary.operations import OPERATIONS

LOSSES = ("nll_loss", "cross_entropy")


@dataclass(frozen=True)
class InABatch:
    """Layers that are given each input in a batch of its own, and whose output is taken out of it."""

    layers: Any

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.layers, name)
        if name in LOSSES:
            return partial(_of_scores_and_target, function)
        if name in OPERATIONS:
            return partial(_forward, function)
        if name.removesuffix("_backward") in OPERATIONS:
            return partial(_backward, function)
        return function


def as_printed(layers: Any) -> Any:
    """Return the layers themselves."""
    return layers


as_printed_and_in_a_batch = pytest.mark.parametrize(
    "form", [as_printed, InABatch], ids=["as printed", "in a batch of one"]
)


def _forward(function: Callable[..., Any], input: Any, *args: Any, **options: Any) -> Any:
    return function(input[np.newaxis], *args, **options)[0]


def _backward(function: Callable[..., Any], grad_output: Any, input: Any, *args: Any, **options: Any) -> Any:
    grads = function(grad_output[np.newaxis], input[np.newaxis], *args, **options)
    return (grads[0][0], *grads[1:]) if isinstance(grads, tuple) else grads[0]


def _of_scores_and_target(
    function: Callable[..., Any], input: Any, target: Any, *args: Any, **options: Any
) -> Any:  # the mean over one sample is its loss
    return function(input[np.newaxis], target[np.newaxis], *args, **options)
