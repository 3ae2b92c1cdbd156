"""How close does hand-written NumPy come to torch on a whole network? ResNet-50, one image, one thread, float32.

The reference's row includes its time as a multiple of torch's, both measured alternately; on a GPU, torch alone
computes. Operations, bytes and the floor are those of the convolutions and the linear layer.
"""

import copy
from math import prod, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet50

import reference
from benchmarks.accuracy import normwise
from benchmarks.ceilings import Limits
from benchmarks.configuration import WHERE
from benchmarks.counts import PARAMETER_BYTES, Work, flop_of
from benchmarks.measuring import ROW, beside, timed
from reference.checks import Array
from spec_tests.vocabulary.formats import FORMATS

SIZE = 224


@pytest.fixture(scope="module")
def model() -> Any:
    """torchvision's network with random weights."""
    torch.default_generator.manual_seed(0)
    return resnet50(weights=None).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def image() -> Array:
    """A random image."""
    return np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE), np.float32)


@pytest.fixture(scope="module")
def parameters(model: Any) -> dict[str, Array]:
    """The network's parameters."""
    return {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def exact(image: Array, parameters: dict[str, Array]) -> Array:
    """The scores in float64."""
    return reference.resnet50(image.astype("float64"), {name: x.astype("float64") for name, x in parameters.items()})


@pytest.fixture(scope="module")
def work(model: Any) -> list[Work]:
    """The work of the convolutions and the linear layer for one image."""
    found: list[Work] = []

    def note(layer: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        input, weight, written = sizes = [tuple(tensor.shape) for tensor in (inputs[0], layer.weight, output)]
        stride, padding = getattr(layer, "stride", (1, 1)), getattr(layer, "padding", (0, 0))
        flop, on_padding = flop_of(input, weight, written, stride, padding)
        found.append(Work("", flop, sum(map(prod, sizes)) * PARAMETER_BYTES, on_padding))

    layers = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    model(torch.zeros(1, 3, SIZE, SIZE))
    for hook in hooks:
        hook.remove()
    return found


def test_the_counted_operations_are_those_torch_counts(model: Any, work: list[Work]) -> None:
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, SIZE, SIZE))

    assert sum(part.flop for part in work) == counter.get_total_flops()


@ROW
@pytest.mark.row(phase="forward", batch=1)
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("who", "device"), WHERE)
def test_resnet50_forward(
    benchmark: Any,
    model: Any,
    image: Array,
    parameters: dict[str, Array],
    exact: Array,
    who: str,
    where: str,
    work: list[Work],
    limits: Limits,
) -> None:
    tensor, there, threads = torch.from_numpy(image).to(where), copy.deepcopy(model).to(where), int(where == "cpu")
    run = (lambda: there(tensor)) if who == "torch" else (lambda: reference.resnet50(image, parameters))
    benchmark.group = f"resnet50 forward, batch 1 at {SIZE}x{SIZE}"
    benchmark.extra_info.update(question="resnet50", batch=1, threads=threads, device=where)
    limits.bound(benchmark.extra_info, work, where, threads, "ieee")

    timed(benchmark, run, lambda: error(run(), exact, parameters), where)

    if who == "reference":
        beside(benchmark, run, lambda: there(tensor), "torch")


def error(scores: Any, exact: Array, parameters: dict[str, Array]) -> float:
    """Return the normwise error; AssertionError beyond the bound, as in `spec_tests/vocabulary/network.py`."""
    found = normwise(scores.cpu().numpy() if isinstance(scores, torch.Tensor) else scores, exact)
    sums = [value[0].size for value in parameters.values() if value.ndim == 4]
    assert found <= sum(map(sqrt, sums)) * FORMATS["float32"].roundoff
    return found
