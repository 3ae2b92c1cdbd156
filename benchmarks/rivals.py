"""What a user looking for a layer in NumPy would find other than the references, each behind the same call.

    ONNX evaluator      `onnx.reference.ReferenceEvaluator`, forward only
    numpy-ml            the layers of the package of that name, channels last
    autograd            `autograd.scipy.signal.convolve`, which flips the kernel, and its gradients
    SciPy               `scipy.signal.correlate2d` for every pair of channels; `scipy.special.log_softmax`
    NumPy one-liner     the sum over `sliding_window_view` by einsum, and pooling by a reshape
    definition          the loops of `reference.definition`

A rival takes a problem and returns the call to time: its arrays are converted to the rival's own layout beforehand, and
its result is given torch's shape by views. Layers that a package lacks are not added here. If a package is missing, the
test is skipped.
"""

import collections
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import reference
from reference import definition
from reference.checks import Array
from spec_tests.vocabulary.problems import Problem

Call = Callable[[], Any]
Rival = Callable[[Problem], Call]

EXTRA = "torch-by-hand[rivals]"


def package(module: str) -> Any:
    """Import a module of a rival; if it is missing, skip the test and say what to install."""
    reason = f'{module.partition(".")[0]} is not installed: python -m pip install "{EXTRA}"'
    return pytest.importorskip(module, reason=reason, exc_type=ModuleNotFoundError)


def forward(problem: Problem) -> Call:
    """Return the reference's forward pass."""
    return lambda: problem.forward(reference)


def backward(problem: Problem) -> Call:
    """Return the reference's gradients."""
    return lambda: problem.backward(reference)


def definition_forward(problem: Problem) -> Call:
    """Return the forward pass in the definition's loops."""
    return lambda: definition.convolution(**problem.arrays, **problem.options)


def definition_backward(problem: Problem) -> Call:
    """Return the gradients in the definition's loops."""
    return lambda: definition.convolution_backward(problem.grad_output, **problem.arrays, **problem.options)


def onnx_convolution(problem: Problem) -> Call:
    """Return ONNX's Conv."""
    return _onnx("Conv", problem, pads=[problem.padding] * 4)


def onnx_max_pool(problem: Problem) -> Call:
    """Return ONNX's MaxPool."""
    size = [problem.kernel_size] * 2
    return _onnx("MaxPool", problem, kernel_shape=size, strides=size)


def onnx_cross_entropy(problem: Problem) -> Call:
    """Return ONNX's SoftmaxCrossEntropyLoss."""
    return _onnx("SoftmaxCrossEntropyLoss", problem, reduction=problem.reduction)


def _onnx(operator: str, problem: Problem, **attributes: Any) -> Call:
    arrays = {name: array for name, array in problem.arrays.items() if array is not None}
    node = package("onnx.helper").make_node(operator, list(arrays), ["output"], **attributes)
    evaluator = package("onnx.reference").ReferenceEvaluator(node)
    return lambda: evaluator.run(None, arrays)[0]


def numpy_ml_convolution(problem: Problem) -> Call:
    """Return numpy-ml's convolution."""
    layer, images = _numpy_ml_layer(problem), _channels_last(problem.input)
    return lambda: _channels_first(layer.forward(images, retain_derived=False))


def numpy_ml_convolution_backward(problem: Problem) -> Call:
    """Return the gradients of numpy-ml's convolution, which accumulates them: they are set to 0 first."""
    layer, grads = _numpy_ml_layer(problem), _channels_last(problem.grad_output)
    layer.forward(_channels_last(problem.input))

    def gradients() -> tuple[Array, ...]:
        for gradient in layer.gradients.values():
            gradient[...] = 0
        grad_input = layer.backward(grads)
        grad_weight, grad_bias = layer.gradients["W"], layer.gradients["b"]
        return _channels_first(grad_input), grad_weight.transpose(3, 2, 0, 1), grad_bias.ravel()

    return gradients


def numpy_ml_max_pool(problem: Problem) -> Call:
    """Return numpy-ml's pooling."""
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


def autograd_convolution(problem: Problem) -> Call:
    """Return autograd's convolution, in plain NumPy."""
    convolve = _autograd(problem)
    return lambda: convolve(*problem.arrays.values())


def autograd_convolution_backward(problem: Problem) -> Call:
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


def scipy_convolution(problem: Problem) -> Call:
    """Return the sum of SciPy's correlations over the input channels; it supports only two axes."""
    correlate2d = package("scipy.signal").correlate2d

    def correlated(image: Array, kernels: Array) -> Any:
        return sum(correlate2d(plane, kernel, "same") for plane, kernel in zip(image, kernels, strict=True))

    def convolution() -> Array:
        maps = [[correlated(image, kernels) for kernels in problem.weight] for image in problem.input]
        return np.array(maps) + problem.bias[:, None, None]

    return convolution


def scipy_cross_entropy(problem: Problem) -> Call:
    """Return the negative mean of SciPy's log_softmax at the right classes."""
    log_softmax, rows = package("scipy.special").log_softmax, np.arange(len(problem.target))
    return lambda: -log_softmax(problem.input, axis=1)[rows, problem.target].mean()


def one_line_convolution(problem: Problem) -> Call:
    """Return a convolution as a sum over all windows."""
    size = problem.weight.shape[2:]

    def convolution() -> Array:
        windows = sliding_window_view(np.pad(problem.input, _margins(problem)), size, axis=(2, 3))
        products = np.einsum("ncijyx,ocyx->noij", windows, problem.weight, optimize=True)
        return np.asarray(products + problem.bias[:, None, None])

    return convolution


def one_line_max_pool(problem: Problem) -> Call:
    """Return max pooling over windows that tile the input."""
    (n, c, h, w), size = problem.input.shape, problem.kernel_size
    return lambda: problem.input.reshape(n, c, h // size, size, w // size, size).max(axis=(3, 5))


def _margins(problem: Problem) -> list[tuple[int, int]]:
    return [(0, 0), (0, 0), (problem.padding,) * 2, (problem.padding,) * 2]
