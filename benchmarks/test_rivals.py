"""How do the references compare with what else a user might choose in NumPy? The same work, float32, one thread.

    ONNX evaluator      `onnx.reference.ReferenceEvaluator`, forward only
    numpy-ml            the layers of the package of that name, channels last
    autograd            `autograd.scipy.signal.convolve`, which flips the kernel, and its gradients
    SciPy               `scipy.signal.correlate2d` for every pair of channels; `scipy.special.log_softmax`
    NumPy one-liner     the sum over `sliding_window_view` by einsum, and pooling by a reshape
    definition          the loops of `reference.definition`

A rival takes a problem and returns the call to time: its arrays are converted to the rival's own layout beforehand, and
its result is given torch's shape by views. Layers that a package lacks are not added here. If a package is missing, the
row is skipped.

Each rival is measured alternately with the reference on the same work. Its ratio is its time divided by the
reference's, so above 1 the reference is faster. Slow rivals get a smaller batch, and the loops of the definition a
small layer; the work's name says which, and every size has a row of the reference. A rival's results are checked
against the reference in float64, within the bounds that apply to torch; results in float64 are first rounded to
float32.
"""

import collections
from collections.abc import Callable, Hashable, Mapping
from functools import cache, partial
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import reference
from benchmarks.accuracy import normwise
from benchmarks.layers import Run, drawn, problem
from benchmarks.measuring import ROW, beside, timed
from reference import definition
from reference.checks import Array
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.problems import Problem, real_numbers

Rival = Callable[[Problem], Run]

EXTRA = "torch-by-hand[rivals]"


def package(module: str) -> Any:
    """Import a module of a rival; if it is missing, skip the test and say what to install."""
    reason = f'{module.partition(".")[0]} is not installed: python -m pip install "{EXTRA}"'
    return pytest.importorskip(module, reason=reason, exc_type=ModuleNotFoundError)


def definition_forward(problem: Problem) -> Run:
    return lambda: definition.convolution(**problem.arrays, **problem.options)


def definition_backward(problem: Problem) -> Run:
    return lambda: definition.convolution_backward(problem.grad_output, **problem.arrays, **problem.options)


def onnx_convolution(problem: Problem) -> Run:
    return _onnx("Conv", problem, pads=[problem.padding] * 4)


def onnx_max_pool(problem: Problem) -> Run:
    size = [problem.kernel_size] * 2
    return _onnx("MaxPool", problem, kernel_shape=size, strides=size)


def onnx_cross_entropy(problem: Problem) -> Run:
    return _onnx("SoftmaxCrossEntropyLoss", problem, reduction=problem.reduction)


def _onnx(operator: str, problem: Problem, **attributes: Any) -> Run:
    arrays = {name: array for name, array in problem.arrays.items() if array is not None}
    node = package("onnx.helper").make_node(operator, list(arrays), ["output"], **attributes)
    evaluator = package("onnx.reference").ReferenceEvaluator(node)
    return lambda: evaluator.run(None, arrays)[0]


def numpy_ml_convolution(problem: Problem) -> Run:
    layer, images = _numpy_ml_layer(problem), _channels_last(problem.input)
    return lambda: _channels_first(layer.forward(images, retain_derived=False))


def numpy_ml_convolution_backward(problem: Problem) -> Run:
    layer, grads = _numpy_ml_layer(problem), _channels_last(problem.grad_output)
    layer.forward(_channels_last(problem.input))

    def gradients() -> tuple[Array, ...]:
        for gradient in layer.gradients.values():
            gradient[...] = 0  # it accumulates them
        grad_input = layer.backward(grads)
        grad_weight, grad_bias = layer.gradients["W"], layer.gradients["b"]
        return _channels_first(grad_input), grad_weight.transpose(3, 2, 0, 1), grad_bias.ravel()

    return gradients


def numpy_ml_max_pool(problem: Problem) -> Run:
    size = problem.kernel_size
    layer, images = _numpy_ml().Pool2D((size, size), stride=size), _channels_last(problem.input)
    return lambda: _channels_first(layer.forward(images, retain_derived=False))


def _numpy_ml_layer(problem: Problem) -> Any:
    """Return numpy-ml's layer with the parameters of the problem instead of random ones."""
    layer = _numpy_ml().Conv2D(len(problem.weight), problem.weight.shape[2:], pad=problem.padding)
    layer.forward(_channels_last(problem.input[:1]), retain_derived=False)  # draws them
    layer.parameters["W"] = np.ascontiguousarray(problem.weight.transpose(2, 3, 1, 0))
    layer.parameters["b"] = problem.bias.reshape(1, 1, 1, -1)
    layer.gradients = {name: np.zeros_like(value) for name, value in layer.parameters.items()}
    return layer


@cache
def _numpy_ml() -> Any:
    """Import numpy-ml, which looks for a name that Python has moved since 3.9."""
    with mock.patch.object(collections, "Hashable", Hashable, create=True):
        return package("numpy_ml.neural_nets.layers")


def _channels_last(array: Array) -> Array:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def _channels_first(array: Array) -> Array:
    return array.transpose(0, 3, 1, 2)


def autograd_convolution(problem: Problem) -> Run:
    return partial(_autograd(problem), *problem.arrays.values())


def autograd_convolution_backward(problem: Problem) -> Run:
    """Return autograd's gradients, through a graph built beforehand."""
    convolve = _autograd(problem)
    gradients, _ = package("autograd").make_vjp(lambda arrays: convolve(*arrays))(tuple(problem.arrays.values()))
    return lambda: gradients(problem.grad_output)


def _autograd(problem: Problem) -> Callable[..., Any]:
    numpy, convolve = package("autograd.numpy"), package("autograd.scipy.signal").convolve

    def convolution(input: Any, weight: Any, bias: Any) -> Any:
        padded = numpy.pad(input, _margins(problem), mode="constant")
        flipped = weight[:, :, ::-1, ::-1]
        products = convolve(padded, flipped, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
        return products + bias[:, None, None]

    return convolution


def scipy_convolution(problem: Problem) -> Run:
    """Return the sum of SciPy's correlations over the input channels; it supports only two axes."""
    correlate2d = package("scipy.signal").correlate2d

    def correlated(image: Array, kernels: Array) -> Any:
        return sum(correlate2d(plane, kernel, "same") for plane, kernel in zip(image, kernels, strict=True))

    def convolution() -> Array:
        maps = [[correlated(image, kernels) for kernels in problem.weight] for image in problem.input]
        return np.array(maps) + problem.bias[:, None, None]

    return convolution


def scipy_cross_entropy(problem: Problem) -> Run:
    log_softmax, rows = package("scipy.special").log_softmax, np.arange(len(problem.target))
    return lambda: -log_softmax(problem.input, axis=1)[rows, problem.target].mean()


def one_line_convolution(problem: Problem) -> Run:
    size = problem.weight.shape[2:]

    def convolution() -> Array:
        windows = sliding_window_view(np.pad(problem.input, _margins(problem)), size, axis=(2, 3))
        products = np.einsum("ncijyx,ocyx->noij", windows, problem.weight, optimize=True)
        return np.asarray(products + problem.bias[:, None, None])

    return convolution


def one_line_max_pool(problem: Problem) -> Run:
    (n, c, h, w), size = problem.input.shape, problem.kernel_size
    return lambda: problem.input.reshape(n, c, h // size, size, w // size, size).max(axis=(3, 5))


def _margins(problem: Problem) -> list[tuple[int, int]]:
    return [(0, 0), (0, 0), (problem.padding,) * 2, (problem.padding,) * 2]


def small_convolution() -> Problem:
    shapes = {"input": (1, 3, 8, 8), "weight": (4, 3, 5, 5), "bias": (4,)}
    return drawn("conv2d", shapes, {"padding": 2, "groups": 1}, (1, 4, 8, 8))


def cross_entropy() -> Problem:
    rng = np.random.default_rng(0)
    arrays = {"input": real_numbers(rng, (64, 10)), "target": rng.integers(0, 10, 64), "weight": None}
    options = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}
    return Problem("cross_entropy", arrays, options, np.ones(())).at("float32")


SECOND, SMALL = "32 to 32 at 16x16", "3 to 4 at 8x8"
WORKS: Mapping[str, tuple[Callable[[], Problem], Mapping[str, Rival]]] = {
    f"conv2d forward, {SECOND}, batch 64": (
        partial(problem, "conv2"),
        {
            "NumPy one-liner": one_line_convolution,
            "numpy-ml": numpy_ml_convolution,
            "ONNX evaluator": onnx_convolution,
        },
    ),
    f"conv2d forward, {SECOND}, batch 4": (
        partial(problem, "conv2", images=4),
        {"autograd": autograd_convolution, "SciPy": scipy_convolution},
    ),
    f"conv2d forward, {SMALL}, batch 1": (small_convolution, {"definition": definition_forward}),
    f"conv2d backward, {SECOND}, batch 4": (
        partial(problem, "conv2", images=4),
        {"numpy-ml": numpy_ml_convolution_backward, "autograd": autograd_convolution_backward},
    ),
    f"conv2d backward, {SMALL}, batch 1": (small_convolution, {"definition": definition_backward}),
    "max_pool2d forward, 32 channels at 16x16, batch 16": (
        partial(problem, "p2", images=16),
        {"NumPy one-liner": one_line_max_pool, "ONNX evaluator": onnx_max_pool, "numpy-ml": numpy_ml_max_pool},
    ),
    "cross_entropy forward, 10 classes, batch 64": (
        cross_entropy,
        {"SciPy": scipy_cross_entropy, "ONNX evaluator": onnx_cross_entropy},
    ),
}
"""The network's second convolution and pooling, its loss, and a small convolution: each in one direction."""


def phase_of(work: str) -> str:
    return work.split()[1].removesuffix(",")


ROWS = [
    pytest.param(work, who, marks=pytest.mark.row(phase=phase_of(work), batch=int(work.split()[-1])))
    for work, (_, rivals) in WORKS.items()
    for who in ("reference", *rivals)
]


@ROW
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("work", "who"), ROWS)
def test_rivals(benchmark: Any, work: str, who: str) -> None:
    (problem, right), (_, rivals) = prepared(work), WORKS[work]
    in_reference = partial(getattr(problem, phase_of(work)), reference)
    run = rivals[who](problem) if who in rivals else in_reference
    benchmark.group = work
    benchmark.extra_info.update(question="rivals", batch=len(problem.input), threads=1, device="cpu")

    timed(benchmark, run, lambda: error(run(), right))

    if who in rivals:
        beside(benchmark, run, in_reference, "reference")


@cache
def prepared(work: str) -> tuple[Problem, tuple[Approximation | None, ...]]:
    """Return the problem of this work, and its exact results with their bounds."""
    problem = WORKS[work][0]()
    right = exact.backward if phase_of(work) == "backward" else lambda *of: (exact.forward(*of),)
    return problem, right(problem, "float32")


def error(results: Any, right: tuple[Approximation | None, ...]) -> float:
    """Require all results to be within their bounds, and return the largest normwise error."""
    results = results if isinstance(results, tuple) else (results,)
    return max(error_of(np.asarray(one, np.float32), exact) for one, exact in zip(results, right, strict=True) if exact)


def error_of(result: Array, right: Approximation) -> float:
    """Require a result to be within its bound, and return its normwise error."""
    assert_within(result, right, "float32")
    return normwise(result, right.exact)


def test_a_missing_package_skips_the_row_and_says_what_to_install() -> None:
    with pytest.raises(pytest.skip.Exception, match=r'no_such is not installed: .* install "torch-by-hand\[rivals\]"'):
        package("no_such.layers")
