"""How close does hand-written NumPy come to torch? The CNN's three convolutions, batch 64, one thread, float32.

Each group of the table holds torch's row and the reference's; the number in parentheses is the ratio. Both rows
are measured in one run; compare ratios, not times: they carry over from one machine to another, times do not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import reference
from spec_tests import exact
from spec_tests.compare import assert_within
from spec_tests.problems import Problem, real_numbers

CONVOLUTIONS = {"3 to 32 at 32x32": (3, 32, 32), "32 to 32 at 16x16": (32, 32, 16), "32 to 64 at 8x8": (32, 64, 8)}


@pytest.fixture(scope="module", params=CONVOLUTIONS)
def problem(request: pytest.FixtureRequest) -> Problem:
    """One of the network's convolutions: 5×5, padding 2, with a bias."""
    channels, outs, size = CONVOLUTIONS[request.param]
    rng = np.random.default_rng(0)
    arrays = {
        "input": real_numbers(rng, (64, channels, size, size)),
        "weight": real_numbers(rng, (outs, channels, 5, 5)),
        "bias": real_numbers(rng, (outs,)),
    }
    return Problem("conv2d", arrays, {"padding": 2, "groups": 1}, real_numbers(rng, (64, outs, size, size))).at(
        "float32"
    )


def torch_forward(problem: Problem) -> Callable[[], Any]:
    """Return torch's forward pass, its tensors made beforehand."""
    input, weight, bias = (torch.from_numpy(array) for array in problem.arrays.values())
    return lambda: functional.conv2d(input, weight, bias, padding=2)


def torch_backward(problem: Problem) -> Callable[[], Any]:
    """Return torch's backward pass alone, through a graph made beforehand."""
    leaves = [torch.from_numpy(array).requires_grad_() for array in problem.arrays.values()]
    input, weight, bias = leaves
    output, cotangent = functional.conv2d(input, weight, bias, padding=2), torch.from_numpy(problem.grad_output)
    return lambda: torch.autograd.grad(output, leaves, cotangent, retain_graph=True)


def reference_forward(problem: Problem) -> Callable[[], Any]:
    """Return the reference's forward pass."""
    return lambda: problem.forward(reference)


def reference_backward(problem: Problem) -> Callable[[], Any]:
    """Return the reference's backward pass."""
    return lambda: problem.backward(reference)


FORWARD = {"torch": torch_forward, "reference": reference_forward}
BACKWARD = {"torch": torch_backward, "reference": reference_backward}


@pytest.mark.parametrize("who", FORWARD)
def test_conv2d_forward(benchmark: Any, problem: Problem, who: str, request: pytest.FixtureRequest) -> None:
    benchmark.group = f"conv2d forward, {request.node.callspec.params['problem']}"

    output = benchmark(FORWARD[who](problem))

    assert_within(np.asarray(output), exact.forward(problem, "float32"), "float32")


@pytest.mark.parametrize("who", BACKWARD)
def test_conv2d_backward(benchmark: Any, problem: Problem, who: str, request: pytest.FixtureRequest) -> None:
    benchmark.group = f"conv2d backward, {request.node.callspec.params['problem']}"

    gradients = benchmark(BACKWARD[who](problem))

    for gradient, expected in zip(gradients, exact.backward(problem, "float32"), strict=True):
        assert expected is not None
        assert_within(np.asarray(gradient), expected, "float32")
