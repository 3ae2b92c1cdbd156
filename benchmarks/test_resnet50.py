"""How close does hand-written NumPy come to torch on a whole network? ResNet-50, one image, one thread, float32.

The reference's row includes its time as a multiple of torch's, both measured alternately. Operations, bytes and the
floor are those of the convolutions and the linear layer.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet50

import reference
from benchmarks.accuracy import normwise
from benchmarks.ceilings import Ceilings
from benchmarks.counts import Work, convolution_work
from benchmarks.measuring import ROW, counted, described, timed
from benchmarks.side_by_side import ratio
from spec_tests.vocabulary.formats import FORMATS

SIZE = 224
Run = Callable[[], Any]


@pytest.fixture(scope="module")
def model() -> Any:
    """torchvision's network with random weights."""
    torch.default_generator.manual_seed(0)
    return resnet50(weights=None).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def runs(model: Any) -> dict[str, Run]:
    """The forward pass on one random image, in torch and in the reference."""
    image = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE), np.float32)
    tensor, parameters = torch.from_numpy(image), {name: value.numpy() for name, value in model.state_dict().items()}
    wide = {name: value.astype("float64") for name, value in parameters.items()}
    return {
        "torch": lambda: model(tensor).numpy(),
        "reference": lambda: reference.resnet50(image, parameters),
        "exact": lambda: reference.resnet50(image.astype("float64"), wide),
    }


@pytest.fixture(scope="module")
def work(model: Any) -> list[Work]:
    """The work of the convolutions and the linear layer for one image."""
    found: list[Work] = []

    def note(layer: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        flat = (1, 1) if layer.weight.ndim == 2 else ()  # a linear layer is a 1×1 convolution
        input, weight, written = ((*tensor.shape, *flat) for tensor in (inputs[0], layer.weight, output))
        stride, padding = getattr(layer, "stride", (1, 1)), getattr(layer, "padding", (0, 0))
        found.append(convolution_work("", input, weight, written, stride, padding))

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
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("who", ["torch", "reference"])
def test_resnet50_forward(
    benchmark: Any, model: Any, runs: dict[str, Run], who: str, work: list[Work], ceiling: Ceilings
) -> None:
    benchmark.group = f"resnet50 forward, batch 1 at {SIZE}x{SIZE}"
    benchmark.extra_info.update(described("resnet50", batch=1, threads=1))
    benchmark.extra_info.update(counted(work, ceiling("cpu", 1, "ieee")))

    scores = timed(benchmark, runs[who])

    exact = runs["exact"]()
    error = normwise(scores, exact)
    sums = [value[0].numel() for value in model.state_dict().values() if value.ndim == 4]
    assert error <= sum(map(sqrt, sums)) * FORMATS["float32"].roundoff  # as in spec_tests/vocabulary/network.py
    benchmark.extra_info.update(error=error)
    if who == "reference" and benchmark.enabled:
        benchmark.extra_info.update(ratio=ratio(runs["reference"], runs["torch"]).as_data("torch"))
