"""A row's result compared with the reference in float64: the error shown beside its time, and the bound on it.

Errors are normwise, ‖computed − exact‖ / ‖exact‖, the largest of all outputs. They are bounded as in
`spec_tests/vocabulary/network.py`, which gives the argument: summed over the layers on the way, √K·u for sums of K
products accumulated in a format of unit roundoff u, plus twice the roundoff of the format to which factors are rounded
(TF32) or in which results are stored (bfloat16).

A gradient has one more source of error: it goes to the maximum of a window or, if the two largest cells are closer than
rounding can distinguish, to either of them. In float32 the images contain no such window. In a coarser format, n such
windows out of N move gradients of about √(n/N) of the norm from one cell to another, which changes the whole by √(2n/N)
of its norm.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import reference
from benchmarks.configuration import SIDE_BY_SIDE, Configuration
from benchmarks.steps import LEARNING_RATE, Step, drawn, first_parameters, leads_of_windows, step, wide_parameters
from reference.checks import Array
from reference.cnn import cifar10_cnn_layers
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.network import LAYERS, roundings

FORMAT = {"ieee": "float32", "tf32": "tf32", "bf16": "bfloat16"}


def error(configuration: Configuration, computed: Step) -> float:
    """Return the largest error of a step on at most the first 64 images; raise AssertionError beyond the bound.

    For a batch of more than 64 images, the gradients are those of a separate step on the first 64.
    """
    images = min(configuration.batch, SIDE_BY_SIDE)
    if configuration.phase != "forward" and images < configuration.batch:
        computed = step(replace(configuration, batch=images))
    return assert_near(computed, exact(configuration.phase, images), configuration, images)


@cache
def exact(phase: str, images: int) -> dict[str, Array]:
    """Return what the reference computes in float64 for this many images: the scores, or every gradient by name."""
    batch, labels = drawn(images)
    wide = batch.astype("float64")
    if phase == "forward":
        return {"scores": reference.cifar10_cnn(wide, wide_parameters())}
    gradients: Any = reference.cifar10_cnn_loss(wide, labels, wide_parameters())[-1]
    return dict(gradients)


def assert_near(computed: Step, exact: dict[str, Array], configuration: Configuration, images: int) -> float:
    """Return the largest error of a step's outputs; AssertionError names the first one beyond its bound."""
    found, id = computed.outcome(), configuration.id
    if configuration.phase == "forward":
        assert len(found["scores"]) == configuration.batch, f"{id} has no scores for part of the batch"
    errors = {name: normwise(found[name][: len(value)], value) for name, value in exact.items()}
    for name, seen in errors.items():
        bound = _bound(name, configuration.precision, images)
        assert seen <= bound, f"{id}: {name} is {seen:.3g} of its norm off, the bound is {bound:.3g}"
    if configuration.precision == "bf16":
        finest = _bound("linear.weight", "ieee", images)
        assert max(errors.values()) > finest, f"{id} is as accurate as float32, so it cannot be bfloat16"
    after = computed.updated() if computed.updated else {}
    for name, value in after.items():  # the product is exact, the difference is rounded
        expected = first_parameters()[name] - np.float32(LEARNING_RATE) * found[name]
        assert (value == expected).all(), f"{id}: {name} was not updated correctly"
    return max(errors.values())


def normwise(computed: Array, exact: Array) -> float:
    """Return ‖computed − exact‖ / ‖exact‖."""
    return float(np.linalg.norm(computed - exact) / np.linalg.norm(exact))


def _bound(name: str, precision: str, images: int) -> float:
    form = FORMATS[FORMAT[precision]]
    rounded_layers = 2 * len(LAYERS) * max(form.roundoff, form.factors)
    if name == "scores":
        return roundings(images)["linear"] * form.accumulation + rounded_layers
    there_and_back = roundings(images)[name] * form.accumulation + 2 * rounded_layers
    if precision == "ieee":  # the images were chosen so that no window is undecided
        return there_and_back
    return there_and_back + (2 * _share_undecided(rounded_layers, images)) ** 0.5


@cache
def _share_undecided(near: float, images: int) -> float:
    """Return the share of pooling windows whose two largest cells are closer than the format can distinguish."""
    layers = cifar10_cnn_layers(drawn(images)[0].astype("float64"), wide_parameters())
    return float(sum((leads_of_windows(layers[f"conv{stage}"]) <= near).mean() for stage in "123"))
