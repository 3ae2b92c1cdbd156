"""The real CIFAR-100, for those who have it: `pytest spec_tests --cifar100 PATH`, where PATH/cifar-100-python is."""

import numpy as np
import pytest
from torchvision.datasets import CIFAR100

pytestmark = [
    pytest.mark.tooling,
    # The first releases of NumPy 2.4 warn of how the real files name a dtype.
    pytest.mark.filterwarnings("ignore:.*align should be passed:numpy.exceptions.VisibleDeprecationWarning"),
]

SPLITS = {"train": 50_000, "test": 10_000}


@pytest.fixture(scope="module", params=SPLITS)
def split(request, real_cifar100):
    """The training split, and then the test split: torchvision compares the published checksums as it reads them."""
    return CIFAR100(real_cifar100, train=request.param == "train")


@pytest.mark.claim("1.4.f")
def test_there_are_50_000_images_to_train_on_and_10_000_to_test_on(split):
    assert len(split) == len(split.targets) == SPLITS["train" if split.train else "test"]


@pytest.mark.claim("1.4.f")
def test_there_are_100_classes_with_a_100th_of_the_images_each(split):
    assert len(set(split.classes)) == len(split.classes) == 100
    assert np.bincount(split.targets).tolist() == [len(split) // 100] * 100


@pytest.mark.claim("1.4.j")
def test_every_image_has_32_by_32_pixels_of_three_bytes(split):
    assert (split.data.shape, split.data.dtype) == ((len(split), 32, 32, 3), np.uint8)
