"""Convolution and max pooling."""

from collections.abc import Callable
from typing import Any

import numpy as np

import reference
from reference.checks import Array
from reference.definition import products, real_cells, sliding_windows, winners
from reference.geometry import ConvGeometry, PoolGeometry
from spec_tests.tooling.hands.draws import draws, equals, rounds_to, same
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.problems import Problem, real_numbers, special_numbers, whole_numbers

# Convolution


def convolution(rng: np.random.Generator, fits: bool = True) -> tuple[Array, Array, dict[str, int]]:
    """Draw a map, a kernel and options; of a rectangle, for rows and columns must not be confused."""
    options = {
        "stride": int(rng.integers(1, 5)),
        "padding": int(rng.integers(0, 4)),
        "dilation": int(rng.integers(1, 4)),
    }
    kernel = rng.integers(1, 5, 2)
    least = np.maximum(1, options["dilation"] * (kernel - 1) + 1 - 2 * options["padding"]) if fits else 1
    numbers = real_numbers if rng.random() < 0.75 else whole_numbers
    return numbers(rng, tuple(least + rng.integers(0, 5, 2))), numbers(rng, tuple(kernel)), options


@draws("convolvedSize")
def _convolved_size(rng: np.random.Generator) -> Any:
    input, weight, options = convolution(rng, fits=False)
    size, kernel = input.shape[0], weight.shape[0]
    return [size, kernel, options], same(size_or_none(reference.conv_output_size, size, kernel, **options))


@draws("productsOf")
def _products_of(rng: np.random.Generator) -> Any:
    input, weight, options = convolution(rng)
    batch, weights = input[np.newaxis, np.newaxis], weight[np.newaxis, np.newaxis]
    geometry = ConvGeometry.of(batch, weights, None, **options)
    row, column = (int(rng.integers(size)) for size in geometry.output_size)
    expected = [
        {"at": [*cell[2:]], "tap": [*tap[2:]], "value": batch[cell], "weight": weights[tap]}
        for out, cell, tap in products(batch, weights, geometry)
        if out == (0, 0, row, column)
    ]

    def check(answer: Any) -> None:
        assert len(answer) == weight.size
        inside = [{name: one[name] for name in ("at", "tap", "value", "weight")} for one in answer if one["inside"]]
        assert inside == expected
        assert all(one["value"] == 0 for one in answer if not one["inside"])

    return [input.tolist(), weight.tolist(), options, row, column], check


@draws("convolved")
def _convolved(rng: np.random.Generator) -> Any:
    input, weight, options = convolution(rng)
    arrays = {"input": input[np.newaxis, np.newaxis], "weight": weight[np.newaxis, np.newaxis], "bias": None}
    size: Any = reference.conv_output_size(input.shape, weight.shape, **options)
    problem = Problem("conv2d", arrays, {**options, "groups": 1}, np.zeros((1, 1, *size)))
    approximation = exact.forward(problem, "float64")
    return [input.tolist(), weight.tolist(), options], lambda answer: rounds_to(approximation)([[answer]])


# Max pooling


def pooling(rng: np.random.Generator) -> tuple[Array, dict[str, Any], dict[str, Any]]:
    """Draw a map, its options in JavaScript and those in the references; small numbers tie, and some are special."""
    kernel = int(rng.integers(1, 6))
    stride, padding = int(rng.integers(1, 5)), int(rng.integers(0, kernel // 2 + 1))
    shape = tuple(max(1, kernel - 2 * padding) + rng.integers(0, 5, 2))
    input = special_numbers(rng, shape) if rng.random() < 0.25 else whole_numbers(rng, shape)
    ceil = bool(rng.random() < 0.5)
    ours = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": ceil}
    return input, ours, {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil}


@draws("pooledSize")
def _pooled_size(rng: np.random.Generator) -> Any:
    _, ours, options = pooling(rng)
    size = int(rng.integers(1, 10))
    return [size, ours], same(size_or_none(reference.max_pool_output_size, size, **options))


@draws("pooledCells")
def _pooled_cells(rng: np.random.Generator) -> Any:
    input, ours, options = pooling(rng)
    windows = sliding_windows(PoolGeometry.of(input.shape, **options))
    row, column = [*windows][int(rng.integers(len(windows)))]
    cells = [cell for _, cell in real_cells(windows[row, column], input.shape)]

    def check(answer: Any) -> None:
        assert [tuple(one["at"]) for one in answer] == cells
        equals([input[cell] for cell in cells])([one["value"] for one in answer])

    return [input.tolist(), ours, row, column], check


@draws("winners")
def _winning_cells(rng: np.random.Generator) -> Any:
    input, ours, options = pooling(rng)
    windows = sliding_windows(PoolGeometry.of(input.shape, **options))
    cells = [[*cell[2:]] for _, cell in winners(input[np.newaxis, np.newaxis], windows)]
    return [input.tolist(), ours], lambda answer: same(cells)([one["at"] for row in answer for one in row])


@draws("maxPooled")
def _max_pooled(rng: np.random.Generator) -> Any:
    input, ours, options = pooling(rng)
    return [input.tolist(), ours], equals(reference.max_pool2d(input[np.newaxis], **options)[0])


@draws("maxPooledGradient")
def _max_pooled_gradient(rng: np.random.Generator) -> Any:
    input, ours, options = pooling(rng)
    grad_output = whole_numbers(rng, reference.max_pool_output_size(input.shape, **options))  # type: ignore[arg-type]
    expected = reference.max_pool2d_backward(grad_output[np.newaxis], input[np.newaxis], **options)[0]
    return [grad_output.tolist(), input.tolist(), ours], equals(expected)


def size_or_none(count: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """Return how many windows there are; 0 if the references refuse."""
    try:
        return int(count(*arguments, **options))
    except ValueError:
        return 0
