"""The real CIFAR-10, if available: `pytest spec_tests --cifar10 PATH`, where PATH contains cifar-10-batches-py.

What other tests say about the data set, and what its stand-in imitates, is checked against the original here.
"""

import numpy as np
import pytest
from torch.utils.data import DataLoader
from torchvision.datasets import CIFAR10

from reference import class_names, datasets
from reference.archives import CHECKSUMS, read_pickle

pytestmark = [
    pytest.mark.tooling,
    # The first releases of NumPy 2.4 warn about a dtype in the real files.
    pytest.mark.filterwarnings("ignore:.*align should be passed:numpy.exceptions.VisibleDeprecationWarning"),
]

SPLITS = {"train": 50_000, "test": 10_000}


@pytest.fixture(scope="module", params=SPLITS)
def split(request, real_cifar10):
    """The training split, then the test split; torchvision verifies the published checksums when reading them."""
    return CIFAR10(real_cifar10, train=request.param == "train")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A stand-in to compare with."""
    return datasets.write_cifar10(tmp_path_factory.mktemp("stand-in"), train_images=10, test_images=10)


@pytest.mark.claim("1.4.d")
def test_there_are_50_000_training_images_and_10_000_test_images(split):
    assert len(split) == len(split.targets) == SPLITS["train" if split.train else "test"]


@pytest.mark.claim("1.4.c")
def test_every_image_has_32_by_32_pixels_of_three_bytes(split):
    assert (split.data.shape, split.data.dtype) == ((len(split), 32, 32, 3), np.uint8)


def test_every_class_has_a_tenth_of_the_images(split):
    assert np.bincount(split.targets).tolist() == [len(split) // 10] * 10


@pytest.mark.claim("1.4.e")
def test_the_ten_classes_have_the_same_names_as_in_the_stand_in(split):
    assert split.classes == class_names.CIFAR10


def test_the_test_split_comes_in_156_batches_of_64_and_a_last_one_of_16(real_cifar10):
    batches = DataLoader(CIFAR10(real_cifar10, train=False).targets, batch_size=64)

    assert [len(batch) for batch in batches] == [64] * 156 + [16]


def test_our_reader_returns_the_same_data_as_torchvision(real_cifar10, split):
    ours = datasets.cifar10(real_cifar10, train=split.train)

    assert np.array_equal(ours.data, split.data)
    assert ours.targets == split.targets


@pytest.mark.parametrize("file", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"])
def test_a_file_of_the_stand_in_has_the_keys_and_types_of_the_real_one(real_cifar10, stand_in, file):
    folders = (real_cifar10 / stand_in.name, stand_in)

    real, synthetic = (read_pickle((folder / file).read_bytes(), "bytes") for folder in folders)

    assert {key: type(value) for key, value in real.items()} == {key: type(value) for key, value in synthetic.items()}


def test_the_stand_in_has_every_file_of_the_real_folder_except_its_readme(real_cifar10, stand_in):
    real, synthetic = ({path.name for path in folder.iterdir()} for folder in (real_cifar10 / stand_in.name, stand_in))

    assert synthetic - {CHECKSUMS} == real - {"readme.html"}
