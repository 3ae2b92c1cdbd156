"""The CIFAR-10 network, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

CHAIN = "test_the_network_is_the_composition_of_its_layers"
EULER = "test_the_gradients_of_every_layer_satisfy_eulers_identity"
BATCH = "test_the_gradient_of_a_batch_is_the_sum_of_the_gradients_of_its_images"


@wrong("cifar10_cnn", CHAIN)
def leaves_the_activations_out(relu: bool, **rest: Any) -> Any:
    """Computes what the document's code does, where its comments are asked for."""
    return reference.cifar10_cnn(**rest)


@wrong("cifar10_cnn", CHAIN)
def flattens_with_the_channels_last(input: Array, parameters: dict[str, Array], relu: bool) -> Any:
    """Lays the 64 maps out pixel by pixel."""
    maps = reference.cifar10_cnn_layers(input, parameters, relu)["p3"]
    features = np.moveaxis(maps, 1, -1).reshape(len(maps), -1)
    return reference.linear(features, parameters["linear.weight"], parameters["linear.bias"])


@wrong("cifar10_cnn", "test_the_scores_shift_by_exactly_the_change_of_the_last_bias", CHAIN)
def returns_probabilities(**arguments: Any) -> Any:
    """Ends in a softmax."""
    return reference.softmax(reference.cifar10_cnn(**arguments), 1)


@wrong("cifar10_cnn", "test_each_image_is_scored_independently")
def normalises_over_the_batch(**arguments: Any) -> Any:
    """Takes the batch's mean off every score."""
    scores = reference.cifar10_cnn(**arguments)
    return scores - scores.mean(axis=0)


@wrong("cifar10_cnn_backward", BATCH, EULER)
def averages_the_gradients_of_the_batch(grad_output: Array, **rest: Any) -> Any:
    """Divides by the number of images, which the loss has done already."""
    return reference.cifar10_cnn_backward(grad_output=grad_output / len(grad_output), **rest)


@wrong("cifar10_cnn_backward", EULER)
def forgets_the_activations_on_the_way_back(relu: bool, **rest: Any) -> Any:
    """Sends gradients through numbers that were cut off."""
    return reference.cifar10_cnn_backward(**rest)


@wrong("cifar10_cnn_backward", EULER)
def exchanges_the_gradients_of_two_biases(**arguments: Any) -> Any:
    """Returns that of the first convolution's bias for the second, and the other way round."""
    grad_input, gradients = reference.cifar10_cnn_backward(**arguments)
    exchanged = {"conv1.bias": gradients["conv2.bias"], "conv2.bias": gradients["conv1.bias"]}
    return grad_input, {**gradients, **exchanged}
