"""The indices of the maxima, where they are at hand, save the references' gradients of max pooling a search."""

import numpy as np
import pytest

import reference
from spec_tests.tooling.reference_calls import calls

pytestmark = pytest.mark.tooling

POOLINGS = [call for call in calls() if call.function in {f"max_pool{rank}d_backward" for rank in (1, 2, 3)}]
IDS = [f"{call.function}-{number}" for number, call in enumerate(POOLINGS)]
TIES = np.array([[[2.0, 2.0, np.nan, np.nan], [2.0, 1.0, -np.inf, np.inf]]])


@pytest.mark.parametrize("call", POOLINGS, ids=IDS)
def test_a_pooling_gradient_with_the_indices_is_the_one_without_them(call):
    given = call.arguments()
    assert call.arguments()["indices"] is not None

    np.testing.assert_array_equal(call(given), call({**given, "indices": None}))


def test_with_indices_the_gradient_goes_where_they_say():
    indices = np.array([[[4, 3]]])  # where the largest number is not

    grad_input = reference.max_pool2d_backward(np.array([[[5.0, 7.0]]]), TIES, 2, indices=indices)

    np.testing.assert_array_equal(grad_input, [[[0, 0, 0, 7], [5, 0, 0, 0]]])


def test_a_window_without_a_real_cell_has_an_index_that_gets_no_gradient():
    output, indices = reference.max_pool1d(np.array([[1.0]]), 2, 1, 1, 2, return_indices=True)

    grad_input = reference.max_pool1d_backward(np.ones_like(output), np.array([[1.0]]), 2, 1, 1, 2, indices=indices)

    assert indices.tolist() == [[-1]]
    assert grad_input.tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([[[0, 0]]], "indices must be a NumPy array, got list"),
        (np.zeros((1, 1, 2), np.int32), "indices has dtype int32, expected one of int64"),
        (np.zeros((1, 2), np.int64), r"indices has shape \(1, 2\), expected \(1, 1, 2\)"),
        (np.array([[[0, 8]]]), "indices must be from -1 to 7, got 0 to 8"),
        (np.array([[[0, 100]]]), "indices must be from -1 to 7, got 0 to 100"),
        (np.array([[[-2, 0]]]), "indices must be from -1 to 7, got -2 to 0"),
    ],
    ids=["list", "dtype", "shape", "too large", "far too large", "too small"],
)
def test_indices_that_no_pooling_returned_are_refused(indices, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        reference.max_pool2d_backward(np.ones((1, 1, 2)), TIES, 2, indices=indices)


def test_the_network_finds_the_maxima_once_or_twice_with_the_same_gradients():
    rng = np.random.default_rng(0)
    images, grad_output = rng.standard_normal((2, 3, 32, 32)), rng.standard_normal((2, 10))
    parameters = reference.initial_parameters(rng, "float64")

    _, once = reference.cifar10_cnn_backward(grad_output, images, parameters)
    outputs = reference.cifar10_cnn_layers(images, parameters)
    _, twice = reference.cifar10_cnn_layers_backward(grad_output, outputs, parameters)

    assert all(np.array_equal(once[name], twice[name]) for name in parameters)
