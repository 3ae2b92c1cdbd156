"""Single layers of the document's network, in torch and in the reference, on a batch of 64 random images."""

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import reference
from benchmarks.accuracy import normwise
from benchmarks.configuration import BOTH, SIDE_BY_SIDE
from benchmarks.counts import CONVOLUTIONS, LAYERS
from reference.checks import Array
from reference.cnn import PARAMETERS
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Problem, real_numbers

Run = Callable[[], Any]


def problem(layer: str) -> Problem:
    """Return the layer as a problem in float32 with random arrays.

    >>> problem("p3").arrays["input"].shape
    (64, 64, 8, 8)
    """
    rng = np.random.default_rng(LAYERS.index(layer))
    if layer == "linear":
        arrays = _drawn(rng, layer, (SIDE_BY_SIDE, PARAMETERS["linear.weight"][1]))
        return _problem(rng, "linear", arrays, {}, (SIDE_BY_SIDE, PARAMETERS["linear.weight"][0]))
    ins, outs, size = CONVOLUTIONS[f"conv{layer[-1]}"]
    if layer.startswith("p"):
        pooled = {"input": real_numbers(rng, (SIDE_BY_SIDE, outs, size, size))}
        half = (SIDE_BY_SIDE, outs, size // 2, size // 2)
        return _problem(rng, "max_pool2d", pooled, {"kernel_size": 2, "stride": 2}, half)
    arrays = _drawn(rng, layer, (SIDE_BY_SIDE, ins, size, size))
    return _problem(rng, "conv2d", arrays, {"padding": 2}, (SIDE_BY_SIDE, outs, size, size))


def _drawn(rng: np.random.Generator, layer: str, input: tuple[int, ...]) -> dict[str, Array]:
    shapes = {"input": input, "weight": PARAMETERS[f"{layer}.weight"], "bias": PARAMETERS[f"{layer}.bias"]}
    return {name: real_numbers(rng, size) for name, size in shapes.items()}


def _problem(
    rng: np.random.Generator, operation: str, arrays: dict[str, Array], options: dict[str, Any], output: tuple[int, ...]
) -> Problem:
    return Problem(operation, arrays, options, real_numbers(rng, output)).at("float32")


def by_torch(layer: Problem, phase: str, device: str = "cpu") -> Run:
    """Return torch's call, with its tensors on the device and, for the backward pass, its graph built beforehand."""
    leaves = {name: torch.from_numpy(array).to(device) for name, array in layer.arrays.items()}
    operation = getattr(functional, layer.operation)
    if phase == "forward":
        return lambda: operation(**leaves, **layer.options)
    wanted, grad_output = (
        [leaf.requires_grad_() for leaf in leaves.values()],
        torch.from_numpy(layer.grad_output).to(device),
    )
    if phase == BOTH:

        def both() -> tuple[torch.Tensor, ...]:
            output = operation(**leaves, **layer.options)
            return output, *torch.autograd.grad(output, wanted, grad_output)

        return both
    output = operation(**leaves, **layer.options)
    return lambda: torch.autograd.grad(output, wanted, grad_output, retain_graph=True)


def by_reference(layer: Problem, phase: str) -> Run:
    """Return the reference's call."""
    calls: dict[str, Run] = {"forward": lambda: layer.forward(reference), "backward": lambda: layer.backward(reference)}
    return calls.get(phase, lambda: (calls["forward"](), *_each(calls["backward"]())))


def error(found: Any, layer: Problem, phase: str) -> float:
    """Return the largest normwise error of a result's arrays; raise AssertionError if it exceeds u·√K."""
    by_hand = by_reference(layer.at("float64"), phase)()
    errors = [normwise(one, other) for one, other in zip(_arrays(found), _arrays(by_hand), strict=True)]
    bound = sqrt(_terms(layer)) * FORMATS["float32"].roundoff
    worst = max(errors)
    assert worst <= bound, f"{layer.operation} {phase} is {worst:.3g} of its norm off, the bound is {bound:.3g}"
    return worst


def _arrays(answer: Any) -> list[Array]:
    return [
        array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
        for array in _each(answer)
    ]


def _each(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _terms(layer: Problem) -> int:
    """Return the largest number of terms in a sum of this layer, in its output or a gradient; 0 for a maximum."""
    if "weight" not in GRADIENTS[layer.operation]:
        return 0
    outs, *kernel = layer.arrays["weight"].shape
    places = prod(layer.grad_output.shape) // outs
    return max(prod(kernel) + 1, outs * prod(kernel[1:]), places)
