"""How close does hand-written NumPy come to torch on a whole network? ResNet-50, one picture, one thread, float32.

The reference's row carries how many times torch's time it takes, both measured alternately.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.benchmark import timer
from torchvision.models import resnet50

import reference
from benchmarks.measuring import described, timed
from benchmarks.side_by_side import ratio
from spec_tests.formats import FORMATS

SIZE = 224
Run = Callable[[], Any]


@pytest.fixture(scope="module")
def model() -> Any:
    """The network of torchvision, with drawn weights."""
    torch.default_generator.manual_seed(0)
    return resnet50(weights=None).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def runs(model: Any) -> dict[str, Run]:
    """The forward pass of one drawn picture, by torch and by the reference."""
    picture = np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE), np.float32)
    tensor, parameters = torch.from_numpy(picture), {name: value.numpy() for name, value in model.state_dict().items()}
    wide = {name: value.astype("float64") for name, value in parameters.items()}
    return {
        "torch": lambda: model(tensor).numpy(),
        "reference": lambda: reference.resnet50(picture, parameters),
        "exact": lambda: reference.resnet50(picture.astype("float64"), wide),
    }


@pytest.mark.benchmark(timer=timer, max_time=1.0, min_rounds=5, group="resnet50 forward, batch 1 at 224x224")
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("who", ["torch", "reference"])
def test_resnet50_forward(benchmark: Any, model: Any, runs: dict[str, Run], who: str) -> None:
    benchmark.extra_info.update(described("resnet50", batch=1, threads=1))

    scores = timed(benchmark, runs[who])

    exact = runs["exact"]()
    error = float(np.linalg.norm(scores - exact) / np.linalg.norm(exact))
    sums = [value[0].numel() for value in model.state_dict().values() if value.ndim == 4]
    assert error <= sum(map(sqrt, sums)) * FORMATS["float32"].roundoff  # as in spec_tests/network.py
    benchmark.extra_info.update(error=error)
    if who == "reference" and benchmark.enabled:
        benchmark.extra_info.update(ratio=ratio(runs["reference"], runs["torch"]).as_data("torch"))
