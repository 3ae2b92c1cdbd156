"""How do the references compare with what else a user might choose in NumPy? The same work, float32, one thread.

Each rival is measured alternately with the reference on the same work. Its ratio is its time divided by the
reference's, so above 1 the reference is faster. Slow rivals get a smaller batch, and the loops of the definition a
small layer; the work's name says which, and every size has a row of the reference. A rival's results are checked
against the reference in float64, within the bounds that apply to torch; results in float64 are first rounded to
float32.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import reference
from benchmarks import rivals
from benchmarks.accuracy import normwise
from benchmarks.measuring import ROW, beside, described, timed
from benchmarks.rivals import Rival
from reference.checks import Array
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.problems import Problem, real_numbers


@dataclass(frozen=True)
class Work:
    """A problem in one direction, and the implementations that can solve it."""

    problem: Problem
    exact: Callable[[Problem], tuple[Approximation, ...]]
    rivals: Mapping[str, Rival]
    """The first one is the reference."""


def forward_of(problem: Problem) -> tuple[Approximation, ...]:
    """Return the exact output and its bound; pooling selects numbers and rounds nothing."""
    if problem.operation == "max_pool2d":
        output = problem.at("float64").forward(reference)
        return (Approximation(output, np.zeros_like(output)),)
    return (exact.forward(problem, "float32"),)


def backward_of(problem: Problem) -> tuple[Approximation, ...]:
    """Return the exact gradients and their bounds."""
    return tuple(gradient for gradient in exact.backward(problem, "float32") if gradient is not None)


def convolution(images: int, channels: int = 32, outs: int = 32, size: int = 16) -> Problem:
    """Return a 5×5 convolution with padding 2 and a bias; by default, the network's second one."""
    rng = np.random.default_rng(0)
    arrays = {
        "input": real_numbers(rng, (images, channels, size, size)),
        "weight": real_numbers(rng, (outs, channels, 5, 5)),
        "bias": real_numbers(rng, (outs,)),
    }
    return Problem("conv2d", arrays, {"padding": 2, "groups": 1}, real_numbers(rng, (images, outs, size, size)))


def max_pool(images: int) -> Problem:
    """Return the network's second pooling."""
    rng = np.random.default_rng(0)
    arrays = {"input": real_numbers(rng, (images, 32, 16, 16))}
    return Problem("max_pool2d", arrays, {"kernel_size": 2}, real_numbers(rng, (images, 32, 8, 8)))


def cross_entropy(samples: int) -> Problem:
    """Return the network's loss."""
    rng = np.random.default_rng(0)
    arrays = {"input": real_numbers(rng, (samples, 10)), "target": rng.integers(0, 10, samples), "weight": None}
    options = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}
    return Problem("cross_entropy", arrays, options, np.ones(()))


SECOND, SMALL = "32 to 32 at 16x16", "3 to 4 at 8x8"
WORKS = {
    f"conv2d forward, {SECOND}, batch 64": Work(
        convolution(64),
        forward_of,
        {
            "reference": rivals.forward,
            "NumPy one-liner": rivals.one_line_convolution,
            "numpy-ml": rivals.numpy_ml_convolution,
            "ONNX evaluator": rivals.onnx_convolution,
        },
    ),
    f"conv2d forward, {SECOND}, batch 4": Work(
        convolution(4),
        forward_of,
        {
            "reference": rivals.forward,
            "autograd": rivals.autograd_convolution,
            "SciPy": rivals.scipy_convolution,
        },
    ),
    f"conv2d forward, {SMALL}, batch 1": Work(
        convolution(1, 3, 4, 8),
        forward_of,
        {"reference": rivals.forward, "definition": rivals.definition_forward},
    ),
    f"conv2d backward, {SECOND}, batch 4": Work(
        convolution(4),
        backward_of,
        {
            "reference": rivals.backward,
            "numpy-ml": rivals.numpy_ml_convolution_backward,
            "autograd": rivals.autograd_convolution_backward,
        },
    ),
    f"conv2d backward, {SMALL}, batch 1": Work(
        convolution(1, 3, 4, 8),
        backward_of,
        {"reference": rivals.backward, "definition": rivals.definition_backward},
    ),
    "max_pool2d forward, 32 channels at 16x16, batch 16": Work(
        max_pool(16),
        forward_of,
        {
            "reference": rivals.forward,
            "NumPy one-liner": rivals.one_line_max_pool,
            "ONNX evaluator": rivals.onnx_max_pool,
            "numpy-ml": rivals.numpy_ml_max_pool,
        },
    ),
    "cross_entropy forward, 10 classes, batch 64": Work(
        cross_entropy(64),
        forward_of,
        {
            "reference": rivals.forward,
            "SciPy": rivals.scipy_cross_entropy,
            "ONNX evaluator": rivals.onnx_cross_entropy,
        },
    ),
}

ROWS = [
    pytest.param(work, who, marks=pytest.mark.row(phase=work.split()[1].strip(","), batch=int(work.split()[-1])))
    for work in WORKS
    for who in WORKS[work].rivals
]


@cache
def problem_of(work: str) -> Problem:
    """Return the problem of this work in float32."""
    return WORKS[work].problem.at("float32")


@cache
def exact_of(work: str) -> tuple[Approximation, ...]:
    """Return the exact results of this work and their bounds."""
    return WORKS[work].exact(problem_of(work))


@ROW
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("work", "who"), ROWS)
def test_rivals(benchmark: Any, work: str, who: str) -> None:
    problem, contenders = problem_of(work), WORKS[work].rivals
    call = contenders[who](problem)
    benchmark.group = work
    benchmark.extra_info.update(described("rivals", len(problem.input), threads=1))

    timed(benchmark, call, lambda: error(call(), exact_of(work)))

    if who != "reference":
        beside(benchmark, call, contenders["reference"](problem), "reference")


def test_a_missing_package_skips_the_row_and_says_what_to_install() -> None:
    with pytest.raises(pytest.skip.Exception, match=r'no_such is not installed: .* install "torch-by-hand\[rivals\]"'):
        rivals.package("no_such.layers")


def error(results: Any, right: tuple[Approximation, ...]) -> float:
    """Require all results to be within their bounds, and return the largest normwise error."""
    results = results if isinstance(results, tuple) else (results,)
    return max(error_of(np.asarray(one, np.float32), exact) for one, exact in zip(results, right, strict=True))


def error_of(result: Array, right: Approximation) -> float:
    """Require a result to be within its bound, and return its normwise error."""
    assert_within(result, right, "float32")
    return normwise(result, right.exact)
