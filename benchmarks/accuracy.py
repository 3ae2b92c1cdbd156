"""What a row computed against the reference in float64: the error that stands beside its time, and its bound.

An error is normwise, ‖computed − exact‖ / ‖exact‖, the worst of all outputs. It is bounded as in
`spec_tests/network.py`, where the argument is made: over the layers on the way, √K·u for sums of K products that
are added up in a format of unit roundoff u, and twice the roundoff of the format that factors are cut to (TF32) or
results are stored in (bfloat16).

A gradient has one more source of error. It goes to the greatest cell of a window, and where the two greatest cells
are closer than rounding can tell, to either. If n of N windows are, they move gradients of about √(n/N) of the
norm from one cell to another, which changes the whole by √(2n/N) of its norm.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

import reference
from benchmarks.configuration import SIDE_BY_SIDE, Configuration
from benchmarks.steps import LEARNING_RATE, Step, drawn, first_parameters, step
from reference.checks import Array
from reference.cnn import cifar10_cnn_layers
from spec_tests.formats import FORMATS
from spec_tests.network import LAYERS, roundings

FORMAT = {"ieee": "float32", "tf32": "tf32", "bf16": "bfloat16"}


def error(configuration: Configuration) -> float:
    """Return a configuration's worst error, on the first 64 images at most; AssertionError beyond the bound."""
    images = min(configuration.batch, SIDE_BY_SIDE)
    return assert_near(_checked_step(configuration), exact(configuration.phase, images), configuration, images)


def exact(phase: str, images: int) -> dict[str, Array]:
    """Return what the reference computes in float64 on so many images: the scores, or each parameter's gradient."""
    return _scores(images) if phase == "forward" else _gradients(images)


def _checked_step(configuration: Configuration) -> Step:
    """Return a step of this configuration: of its whole batch forward, of the first 64 images backward."""
    few = configuration.phase != "forward"
    return step(replace(configuration, batch=min(configuration.batch, SIDE_BY_SIDE)) if few else configuration)


def assert_near(computed: Step, exact: dict[str, Array], configuration: Configuration, images: int) -> float:
    """Return the worst error of what a step computes; AssertionError names the first output beyond its bound."""
    found = computed.outcome()
    errors = {name: _normwise(found[name][: len(value)], value) for name, value in exact.items()}
    for name, seen in errors.items():
        bound = _bound(name, configuration, images)
        assert seen <= bound, f"{configuration.id}: {name} is {seen:.3g} of its norm off, the bound is {bound:.3g}"
    if computed.updated is not None:
        _assert_updated(computed.updated(), found, configuration)
    return max(errors.values())


def _assert_updated(after: dict[str, Array], gradients: dict[str, Array], configuration: Configuration) -> None:
    """Require every parameter to have moved against its gradient: the product is exact, the difference is rounded."""
    for name, before in first_parameters().items():
        expected = before - np.float32(LEARNING_RATE) * gradients[name]
        assert (after[name] == expected).all(), f"{configuration.id}: {name} is not what the step makes of it"


def _normwise(computed: Array, exact: Array) -> float:
    return float(np.linalg.norm(computed - exact) / np.linalg.norm(exact))


def _bound(name: str, configuration: Configuration, images: int) -> float:
    form = FORMATS[FORMAT[configuration.precision]]
    if configuration.phase == "forward":
        return roundings(images)["linear"] * form.accumulation + 2 * len(LAYERS) * _coarse(configuration)
    there_and_back = roundings(images)[name] * form.accumulation + 4 * len(LAYERS) * _coarse(configuration)
    return there_and_back + (2 * _share_undecided(configuration.precision, images)) ** 0.5


def _coarse(configuration: Configuration) -> float:
    form = FORMATS[FORMAT[configuration.precision]]
    return max(form.roundoff, form.factors)


@cache
def _share_undecided(precision: str, images: int) -> float:
    """Return the share of pooling windows whose two greatest cells are closer than the format can tell."""
    form = FORMATS[FORMAT[precision]]
    near = roundings(images)["linear"] * form.accumulation + 2 * len(LAYERS) * max(form.roundoff, form.factors)
    shares = [_undecided(x, near) for name, x in _layers(images).items() if name.startswith("conv")]
    return float(sum(shares))


def _undecided(x: Array, near: float) -> float:
    n, c, h, w = x.shape
    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(-1, 4)
    second, first = np.partition(windows, (2, 3), axis=1)[:, 2:].T
    return float((first - second <= near * np.sqrt((x * x).mean())).mean())


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
