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
from benchmarks.steps import LEARNING_RATE, Step, drawn, first_parameters, leads_of_windows, step
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


def exact(phase: str, images: int) -> dict[str, Array]:
    """Return what the reference computes in float64 for this many images: the scores, or every gradient by name."""
    return _scores(images) if phase == "forward" else _gradients(images)


def assert_near(computed: Step, exact: dict[str, Array], configuration: Configuration, images: int) -> float:
    """Return the largest error of a step's outputs; AssertionError names the first one beyond its bound."""
    found = computed.outcome()
    if configuration.phase == "forward":
        assert len(found["scores"]) == configuration.batch, f"{configuration.id} has no scores for part of the batch"
    errors = {name: normwise(found[name][: len(value)], value) for name, value in exact.items()}
    for name, seen in errors.items():
        bound = _bound(name, configuration, images)
        assert seen <= bound, f"{configuration.id}: {name} is {seen:.3g} of its norm off, the bound is {bound:.3g}"
    if configuration.precision == "bf16":
        finest = _bound("linear.weight", replace(configuration, precision="ieee"), images)
        assert max(errors.values()) > finest, f"{configuration.id} is as accurate as float32, so it cannot be bfloat16"
    if computed.updated is not None:
        _assert_updated(computed.updated(), found, configuration)
    return max(errors.values())


def _assert_updated(after: dict[str, Array], gradients: dict[str, Array], configuration: Configuration) -> None:
    """Require each parameter to have moved against its gradient; the product is exact, the difference is rounded."""
    for name, before in first_parameters().items():
        expected = before - np.float32(LEARNING_RATE) * gradients[name]
        assert (after[name] == expected).all(), f"{configuration.id}: {name} was not updated correctly"


def normwise(computed: Array, exact: Array) -> float:
    """Return ‖computed − exact‖ / ‖exact‖."""
    return float(np.linalg.norm(computed - exact) / np.linalg.norm(exact))


def _bound(name: str, configuration: Configuration, images: int) -> float:
    form = FORMATS[FORMAT[configuration.precision]]
    if configuration.phase == "forward":
        return roundings(images)["linear"] * form.accumulation + 2 * len(LAYERS) * _coarse(configuration.precision)
    there_and_back = roundings(images)[name] * form.accumulation + 4 * len(LAYERS) * _coarse(configuration.precision)
    return there_and_back + (2 * _share_undecided(configuration.precision, images)) ** 0.5


def _coarse(precision: str) -> float:
    form = FORMATS[FORMAT[precision]]
    return max(form.roundoff, form.factors)


@cache
def _share_undecided(precision: str, images: int) -> float:
    """Return the share of pooling windows whose two largest cells are closer than the format can distinguish."""
    if precision == "ieee":
        return 0.0  # the images were chosen accordingly
    near = 2 * len(LAYERS) * _coarse(precision)
    shares = [leads_of_windows(x) <= near for name, x in _layers(images).items() if name.startswith("conv")]
    return float(sum(share.mean() for share in shares))


@cache
def _layers(images: int) -> dict[str, Array]:
    batch, _ = drawn(images)
    return cifar10_cnn_layers(batch.astype("float64"), _wide_parameters())


def _scores(images: int) -> dict[str, Array]:
    return {"scores": _layers(images)["linear"]}


@cache
def _gradients(images: int) -> dict[str, Array]:
    batch, labels = drawn(images)
    gradients: Any = reference.cifar10_cnn_loss(batch.astype("float64"), labels, _wide_parameters())[-1]
    return dict(gradients)


def _wide_parameters() -> dict[str, Array]:
    return {name: value.astype("float64") for name, value in first_parameters().items()}
