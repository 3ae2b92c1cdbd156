"""How close does hand-written NumPy come to torch on a whole network? ResNet-50, one picture, one thread, float32.

Both rows stand in one group of the table, the number in parentheses is the ratio; compare ratios, not times.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models import resnet50

import reference
from spec_tests.formats import FORMATS

SIZE = 224


@pytest.fixture(scope="module")
def model() -> Any:
    """The network of torchvision, with drawn weights."""
    torch.default_generator.manual_seed(0)
    return resnet50(weights=None).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def picture() -> Any:
    """One drawn picture."""
    return np.random.default_rng(0).standard_normal((1, 3, SIZE, SIZE)).astype("float32")


def by_torch(model: Any, picture: Any) -> Callable[[], Any]:
    """Return torch's forward pass."""
    tensor = torch.from_numpy(picture)
    return lambda: model(tensor).numpy()


def by_hand(model: Any, picture: Any) -> Callable[[], Any]:
    """Return the reference's forward pass."""
    parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    return lambda: reference.resnet50(picture, parameters)


FORWARD = {"torch": by_torch, "reference": by_hand}


@pytest.mark.parametrize("who", FORWARD)
@pytest.mark.benchmark(group="resnet50 forward, batch 1 at 224x224")
def test_resnet50_forward(benchmark: Any, model: Any, picture: Any, who: str) -> None:
    scores = benchmark(FORWARD[who](model, picture))

    wide = {name: value.double().numpy() for name, value in model.state_dict().items()}
    exact = reference.resnet50(picture.astype("float64"), wide)
    convolutions = [value[0].size for name, value in wide.items() if value.ndim == 4]
    walk = sum(np.sqrt(convolutions)) * FORMATS["float32"].roundoff  # see spec_tests/network.py
    assert np.linalg.norm(scores - exact) <= walk * np.linalg.norm(exact)
