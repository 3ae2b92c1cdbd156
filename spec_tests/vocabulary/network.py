"""The CIFAR-10 network as the tests draw it, and how far a correct one may be from the exact result.

Whole numbers are compared exactly. For real ones the elementwise bound of `bounds`, carried through four layers, holds
but is too loose to be useful: it assumes that every rounding and every error on the way points in the worst direction,
and is a million times as wide as the errors that occur. The bound here is normwise instead:

    ‖computed − exact‖ <= ‖exact‖ · u · Σ √K          over the layers on the way, with K terms in each of their sums

K roundings of either sign add up like a random walk, to √K·u of a result and rarely more (Higham and Mary, A New
Approach to Probabilistic Rounding Error Analysis, 2019), and a layer of random weights propagates an error as it does
the signal, so that the relative error stays the same. This is a statistical statement, which holds for random
parameters and not for every network. It is meant to catch implementations that compute more coarsely than they claim:
TF32 has an error of 8192·u, the half formats of more, and Σ√K is about 100 forward and 200 backward.

A gradient goes to the largest cell of a window. Where two are so close that rounding decides between them, it may go to
either, and no bound holds: `no_near_ties` checks that there is no such window.
"""

from dataclasses import dataclass, replace
from itertools import accumulate
from math import sqrt
from typing import Any, Self

import numpy as np

import reference
from reference.cnn import PARAMETERS
from spec_tests.vocabulary.bounds import REFERENCE, Approximation
from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.formats import FORMATS, rounded
from spec_tests.vocabulary.problems import Array, Numbers, real_numbers, whole_numbers

LAYERS = ("conv1", "conv2", "conv3", "linear")
POSITIONS = {"conv1": 32 * 32, "conv2": 16 * 16, "conv3": 8 * 8, "linear": 1}
"""How many positions of one image use a layer's parameters."""


@dataclass(frozen=True)
class Network:
    """Images, parameters, whether there are activations, and the gradient with respect to the scores."""

    input: Array
    parameters: dict[str, Array]
    relu: bool
    grad_output: Array

    def forward(self, layers: Any) -> Any:
        """Return the scores as this namespace of functions computes them."""
        return layers.cifar10_cnn(self.input, self.parameters, self.relu)

    def backward(self, layers: Any) -> dict[str, Any]:
        """Return all gradients as this namespace of functions computes them, that of the input as "input"."""
        grad_input, gradients = layers.cifar10_cnn_backward(self.grad_output, self.input, self.parameters, self.relu)
        return {"input": grad_input, **gradients}

    def at(self, dtype: str) -> Self:
        """Return the same problem, rounded to a number format."""
        parameters = {name: rounded(value, dtype) for name, value in self.parameters.items()}
        return type(self)(rounded(self.input, dtype), parameters, self.relu, rounded(self.grad_output, dtype))


def whole_network(seed: int, images: int, relu: bool, density: float = 1.0) -> Network:
    """Return a network of whole numbers, with this density of nonzero weights: in float64 every sum is exact."""
    rng = np.random.default_rng(seed)
    parameters: dict[str, Array] = {
        name: np.where(rng.random(size) < density, rng.integers(-1, 2, size), 0.0) for name, size in PARAMETERS.items()
    }
    return _network(rng, images, relu, parameters, whole_numbers)


def real_network(seed: int, images: int, relu: bool) -> Network:
    """Return real images and an untrained network, whose scores are near zero."""
    rng = np.random.default_rng(seed)
    return _network(rng, images, relu, reference.initial_parameters(rng, "float64"), real_numbers)


def _network(
    rng: np.random.Generator, images: int, relu: bool, parameters: dict[str, Array], numbers: Numbers
) -> Network:
    return Network(numbers(rng, (images, 3, 32, 32)), parameters, relu, numbers(rng, (images, 10)))


def roundings(images: int) -> dict[str, float]:
    """Return Σ√K on the way to the scores ("linear"), to the input's gradient and to that of every parameter."""
    weights, own = {layer: PARAMETERS[f"{layer}.weight"] for layer in LAYERS}, _own_roundings()
    before = dict(zip(LAYERS, accumulate(own, initial=0.0), strict=False))
    forward = sum(own)
    back = [sqrt(weights[layer][0] * np.prod(weights[layer][2:])) for layer in reversed(LAYERS)]
    after = dict(zip(reversed(LAYERS), accumulate(back, initial=0.0), strict=False))
    counts = {"linear": forward, "input": forward + sum(back)}
    for layer in LAYERS:
        counts[f"{layer}.weight"] = before[layer] + after[layer] + sqrt(images * POSITIONS[layer])
        counts[f"{layer}.bias"] = counts[f"{layer}.weight"]
    return counts


def _own_roundings() -> list[float]:
    return [sqrt(np.prod(PARAMETERS[f"{layer}.weight"][1:]) + 1) for layer in LAYERS]


def assert_near(computed: Any, exact: Array, count: float, dtype: str) -> None:
    """Require the bound above, widened by that of the reference's float64."""
    assert computed.dtype == FORMATS[dtype].arrays
    bound = count * (FORMATS[dtype].roundoff + REFERENCE.roundoff) * np.linalg.norm(exact)
    error = np.linalg.norm(np.asarray(computed, np.float64) - exact)
    assert_within(FORMATS[dtype].arrays(error), Approximation(np.zeros(()), np.asarray(bound)), dtype)


def with_step(network: Network, argument: str, step: Array) -> Network:
    """Return the network with a step added to its input or to the parameter of this name."""
    if argument == "input":
        return replace(network, input=network.input + step)
    moved = {**network.parameters, argument: network.parameters[argument] + step}
    return replace(network, parameters=moved)


def same_linear_region(one: Network, other: Network) -> bool:
    """Tell whether both have the same maxima and the same signs, so that the network is linear between them."""
    both = [reference.cifar10_cnn_layers(n.input, n.parameters, n.relu) for n in (one, other)]
    for stage in "123":
        winners, positive = zip(*(_winners_and_signs(outputs[f"conv{stage}"]) for outputs in both), strict=True)
        if not np.array_equal(*winners) or (one.relu and not np.array_equal(*positive)):
            return False
    return True


def _winners_and_signs(x: Array) -> tuple[Array, Array]:
    _, winners = reference.max_pool2d(x, 2, return_indices=True)
    return winners, x > 0


def no_near_ties(network: Network, dtype: str) -> bool:
    """Tell whether rounding can change neither which cell of a window is the largest nor the sign of any number."""
    outputs = reference.cifar10_cnn_layers(network.input, network.parameters, network.relu)
    counts = accumulate(_own_roundings())
    for stage, count in zip("123", counts, strict=False):
        x = outputs[f"conv{stage}"]
        if _margin(x, network.relu) <= 2 * count * FORMATS[dtype].roundoff * abs(x).max():
            return False
    return True


def _margin(x: Array, relu: bool) -> float:
    """Return the smallest lead of a largest cell over the second largest of its window, or with `relu` over zero."""
    n, c, h, w = x.shape
    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(-1, 4)
    second, first = np.partition(windows, (2, 3), axis=1)[:, 2:].T
    lead = np.where(first > 0, np.minimum(first - second, first), -first) if relu else first - second
    return float(lead.min())
