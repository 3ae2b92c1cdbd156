"""Single layers of the document's network, in torch and in the reference, on random images."""

from collections.abc import Callable, Mapping
from functools import partial
from math import prod, sqrt
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import reference
from benchmarks.accuracy import normwise
from benchmarks.configuration import SIDE_BY_SIDE
from benchmarks.counts import SIZES, Size
from reference.checks import Array
from reference.cnn import PARAMETERS
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Problem, real_numbers

Run = Callable[[], Any]


def problem(layer: str, images: int = SIDE_BY_SIDE) -> Problem:
    """Return the layer as a problem in float32 with random arrays.

    >>> problem("p3").arrays["input"].shape
    (64, 64, 8, 8)
    """
    input, output = ((images, *size) for size in SIZES[layer])
    if layer.startswith("p"):
        return drawn("max_pool2d", {"input": input}, {"kernel_size": 2}, output)
    shapes = {"input": input, "weight": PARAMETERS[f"{layer}.weight"], "bias": PARAMETERS[f"{layer}.bias"]}
    if layer == "linear":
        return drawn("linear", shapes, {}, output)
    return drawn("conv2d", shapes, {"padding": 2, "groups": 1}, output)


def drawn(operation: str, shapes: Mapping[str, Size], options: dict[str, Any], output: Size) -> Problem:
    """Return a problem in float32 with random arrays of these shapes."""
    rng = np.random.default_rng(0)
    arrays = {name: real_numbers(rng, shape) for name, shape in shapes.items()}
    return Problem(operation, arrays, options, real_numbers(rng, output)).at("float32")


def by_torch(layer: Problem, phase: str, device: str = "cpu") -> Run:
    """Return torch's call, with its tensors on the device and, for the backward pass, its graph built beforehand."""
    leaves = {name: torch.from_numpy(array).to(device) for name, array in layer.arrays.items()}
    grad_output = torch.from_numpy(layer.grad_output).to(device)
    forward = partial(getattr(functional, layer.operation), **leaves, **layer.options)
    if phase == "forward":
        return forward
    wanted = [leaf.requires_grad_() for leaf in leaves.values()]
    if phase == "backward":
        kept = forward()
        return lambda: torch.autograd.grad(kept, wanted, grad_output, retain_graph=True)

    def both() -> tuple[torch.Tensor, ...]:
        output = forward()
        return output, *torch.autograd.grad(output, wanted, grad_output)

    return both


def by_reference(layer: Problem, phase: str) -> Run:
    """Return the reference's call."""
    forward, backward = partial(layer.forward, reference), partial(layer.backward, reference)
    return {"forward": forward, "backward": backward}.get(phase, lambda: (forward(), *_each(backward())))


def error(found: Any, layer: Problem, phase: str) -> float:
    """Return the largest normwise error of a result's arrays; raise AssertionError if it exceeds u·√K."""
    by_hand = _each(by_reference(layer.at("float64"), phase)())
    arrays = [each.detach().cpu().numpy() if isinstance(each, torch.Tensor) else each for each in _each(found)]
    worst = max(normwise(one, other) for one, other in zip(arrays, by_hand, strict=True))
    bound = sqrt(_terms(layer)) * FORMATS["float32"].roundoff
    assert worst <= bound, f"{layer.operation} {phase} is {worst:.3g} of its norm off, the bound is {bound:.3g}"
    return worst


def _each(answer: Any) -> tuple[Array, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _terms(layer: Problem) -> int:
    """Return the largest number of terms in a sum of this layer, in its output or a gradient; 0 for a maximum."""
    if "weight" not in GRADIENTS[layer.operation]:
        return 0
    outs, *kernel = layer.arrays["weight"].shape
    places = prod(layer.grad_output.shape) // outs
    return max(prod(kernel) + 1, outs * prod(kernel[1:]), places)
