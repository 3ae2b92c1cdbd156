"""The real CIFAR-10, for those who have it: `pytest spec_tests --cifar10 PATH`, where PATH/cifar-10-batches-py is.

What is said of the data set elsewhere, and what its stand-in imitates, is held against the original here.
"""

import pickle

import numpy as np
import pytest
from torch.utils.data import DataLoader
from torchvision.datasets import CIFAR10

from reference import class_names, datasets
from reference.archives import CHECKSUMS

pytestmark = [
    pytest.mark.tooling,
    # The first releases of NumPy 2.4 warn of how the real files name a dtype.
    pytest.mark.filterwarnings("ignore:.*align should be passed:numpy.exceptions.VisibleDeprecationWarning"),
]

SPLITS = {"train": 50_000, "test": 10_000}


@pytest.fixture(scope="module", params=SPLITS)
def split(request, real_cifar10):
    """The training split, and then the test split: torchvision compares the published checksums as it reads them."""
    return CIFAR10(real_cifar10, train=request.param == "train")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A stand-in, to compare with."""
    return datasets.write_cifar10(tmp_path_factory.mktemp("stand-in"), train_images=10, test_images=10)


@pytest.mark.claim("1.4.d")
def test_there_are_50_000_pictures_to_train_on_and_10_000_to_test_on(split):
    assert len(split) == len(split.targets) == SPLITS["train" if split.train else "test"]


@pytest.mark.claim("1.4.c")
def test_every_picture_has_32_by_32_pixels_of_three_bytes(split):
    assert (split.data.shape, split.data.dtype) == ((len(split), 32, 32, 3), np.uint8)


def test_a_tenth_of_the_pictures_is_of_each_class(split):
    assert np.bincount(split.targets).tolist() == [len(split) // 10] * 10


@pytest.mark.claim("1.4.e")
def test_the_ten_classes_have_the_names_that_the_stand_in_gives_them(split):
    assert split.classes == class_names.CIFAR10


def test_the_test_split_comes_in_156_batches_of_64_and_a_last_one_of_16(real_cifar10):
    batches = DataLoader(CIFAR10(real_cifar10, train=False).targets, batch_size=64)

    assert [len(batch) for batch in batches] == [64] * 156 + [16]


def test_our_reader_gives_what_torchvision_gives(real_cifar10, split):
    ours = datasets.cifar10(real_cifar10, train=split.train)

    assert np.array_equal(ours.data, split.data)
    assert ours.targets == split.targets


@pytest.mark.parametrize("file", ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"])
def test_a_file_of_the_stand_in_has_the_keys_and_types_of_the_real_one(real_cifar10, stand_in, file):
    folders = (real_cifar10 / stand_in.name, stand_in)

    real, drawn = (pickle.loads((folder / file).read_bytes(), encoding="bytes") for folder in folders)

    assert {key: type(value) for key, value in real.items()} == {key: type(value) for key, value in drawn.items()}


def test_the_stand_in_lacks_no_file_of_the_real_folder_but_the_page_about_it(real_cifar10, stand_in):
    real, drawn = ({path.name for path in folder.iterdir()} for folder in (real_cifar10 / stand_in.name, stand_in))

    assert drawn - {CHECKSUMS} == real - {"readme.html"}
