"""1.4 Datasets: torchvision's classes for CIFAR-10, CIFAR-100 and Country211, on small stand-ins for them.

The classes are torchvision's own. Only the checksums that they compare are replaced by those of the stand-ins, and any
access to the network fails.
"""

import inspect
import io
import pickle
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image, UnidentifiedImageError
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import CIFAR10, CIFAR100, Country211
from torchvision.datasets.utils import extract_archive
from torchvision.transforms import ToTensor

from reference import archives, class_names, datasets

pytestmark = pytest.mark.torch_api

COUNTRIES = ["AD", "AE", "AF", "AG"]
"""The first four of 211: more would take longer and show nothing new."""

CIFAR = {CIFAR10: "cifar-10-batches-py", CIFAR100: "cifar-100-python"}
FOLDERS = {**CIFAR, Country211: "country211"}
ARCHIVES = {CIFAR10: "cifar-10-python.tar.gz", CIFAR100: "cifar-100-python.tar.gz", Country211: "country211.tgz"}

CORRUPTED = r"^Dataset not found or corrupted\. You can use download=True to download it$"
NO_META = r"^Dataset metadata file not found or corrupted\. You can use download=True to download it$"
NOT_FOUND = r"^Dataset not found\. You can use download=True to download it$"

every_class = pytest.mark.parametrize("dataset", list(FOLDERS))
every_cifar = pytest.mark.parametrize("dataset", list(CIFAR))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A folder with the three stand-ins, packed and unpacked; all their splits differ in size."""
    root = tmp_path_factory.mktemp("stand-ins")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_names, "COUNTRY211", COUNTRIES)
        datasets.write_cifar10(root, train_images=20, test_images=10, archive=True)
        datasets.write_cifar100(root, train_images=100, test_images=50, archive=True)
        datasets.write_country211(root, train_images=3, valid_images=1, test_images=2, archive=True)
    return root


@pytest.fixture
def archives_only(originals, tmp_path):
    """A folder with copies of the archives, none of them unpacked."""
    for archive in ARCHIVES.values():
        shutil.copyfile(originals / archive, tmp_path / archive)
    return tmp_path


@pytest.fixture
def root(originals, archives_only):
    """A copy of everything, for tests to damage."""
    for folder in FOLDERS.values():
        shutil.copytree(originals / folder, archives_only / folder, copy_function=shutil.copyfile)
    return archives_only


@pytest.fixture(autouse=True)
def checksums_of_the_stand_ins(originals, monkeypatch):
    for dataset in CIFAR:
        for name, value in datasets.expected_files(originals, dataset).items():
            monkeypatch.setattr(dataset, name, value)
        monkeypatch.setattr(dataset, "tgz_md5", archives.md5_of(originals / ARCHIVES[dataset]))
    monkeypatch.setattr(Country211, "_MD5", archives.md5_of(originals / ARCHIVES[Country211]))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    for owner, name in ((socket, "getaddrinfo"), (socket.socket, "connect")):
        monkeypatch.setattr(owner, name, Mock(side_effect=OSError("no network")))


# What the classes are


@pytest.mark.claim("1.4.a")
def test_dataset_is_a_class_of_torch_utils_data_and_torchvision_has_only_datasets():
    assert inspect.isclass(torch.utils.data.Dataset)
    assert inspect.ismodule(torchvision.datasets)
    assert not hasattr(torchvision, "Dataset")
    assert not hasattr(torchvision.datasets, "Dataset")


@pytest.mark.claim("1.4.a", "1.4.b")
@every_class
def test_the_documents_loading_functions_are_subclasses_of_dataset(dataset):
    assert dataset.__module__.startswith("torchvision.datasets.")
    assert inspect.isclass(dataset)
    assert issubclass(dataset, Dataset)


@pytest.mark.claim("1.4.b")
@every_class
def test_a_call_creates_an_object_whose_items_are_read_one_by_one(originals, dataset):
    data = dataset(originals)

    assert isinstance(data, dataset)
    assert [data[index][1] for index in range(len(data))] == data.targets


# CIFAR-10 and CIFAR-100


@pytest.mark.claim("1.4.c")
@pytest.mark.parametrize("train", [True, False])
def test_every_image_of_cifar_10_is_32_by_32_rgb(originals, train):
    images = [image for image, _ in CIFAR10(originals, train=train)]

    assert {(type(image), image.size, image.mode) for image in images} == {(Image.Image, (32, 32), "RGB")}


@pytest.mark.claim("1.4.c")
def test_to_tensor_gives_cifar_10_images_of_shape_3_32_32(originals):
    image, _ = CIFAR10(originals, transform=ToTensor())[0]

    assert (image.shape, image.dtype) == ((3, 32, 32), torch.float32)


@pytest.mark.claim("1.4.j")
@pytest.mark.parametrize("train", [True, False])
def test_every_image_of_cifar_100_is_32_by_32_rgb(originals, train):
    images = [image for image, _ in CIFAR100(originals, train=train)]

    assert {(type(image), image.size, image.mode) for image in images} == {(Image.Image, (32, 32), "RGB")}


@pytest.mark.claim("1.4.c")
@pytest.mark.parametrize("pixels", [32 * 31, 28 * 28])
def test_bytes_that_do_not_make_up_whole_32_by_32_images_are_refused(root, monkeypatch, pixels):
    path = root / "cifar-10-batches-py" / "test_batch"
    archives.write_pickle(path, {"data": np.zeros((10, 3 * pixels), np.uint8), "labels": [0] * 10})
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", archives.md5_of(path)]])

    with pytest.raises(ValueError, match=r"cannot reshape array of size \d+ into shape"):
        CIFAR10(root, train=False)


def test_the_training_split_of_cifar_10_is_five_files_and_the_test_split_one(originals):
    folder = originals / "cifar-10-batches-py"
    labels = [unpickled(folder / f"data_batch_{number}")["labels"] for number in range(1, 6)]

    assert CIFAR10(originals).targets == sum(labels[1:], labels[0])
    assert CIFAR10(originals, train=False).targets == unpickled(folder / "test_batch")["labels"]


def test_each_split_of_cifar_100_is_one_file(originals):
    folder = originals / "cifar-100-python"

    assert CIFAR100(originals).targets == unpickled(folder / "train")["fine_labels"]
    assert CIFAR100(originals, train=False).targets == unpickled(folder / "test")["fine_labels"]


@every_cifar
def test_class_names_come_from_the_file_and_a_label_is_the_index_of_its_name(root, monkeypatch, dataset):
    path = root / CIFAR[dataset] / dataset.meta["filename"]
    names = unpickled(path)[dataset.meta["key"]]
    archives.write_pickle(path, {dataset.meta["key"]: ["moved", *names[1:]]})
    monkeypatch.setitem(dataset.meta, "md5", archives.md5_of(path))

    data = dataset(root)

    assert data.classes == ["moved", *names[1:]]
    assert data.class_to_idx == {name: label for label, name in enumerate(data.classes)}


def test_cifar_100_returns_the_fine_labels_not_the_coarse_ones(originals):
    meta = unpickled(originals / "cifar-100-python" / "meta")

    data = CIFAR100(originals)

    assert (len(meta["fine_label_names"]), len(meta["coarse_label_names"])) == (100, 20)
    assert data.classes == meta["fine_label_names"]
    assert set(data.targets) == set(range(100))


@every_cifar
@pytest.mark.parametrize("train", [True, False])
def test_a_label_is_a_python_int(originals, dataset, train):
    assert {type(label) for _, label in dataset(originals, train=train)} == {int}


# Country211


@pytest.mark.claim("1.4.g")
def test_torchvision_describes_country211_as_the_document_does():
    description = " ".join(Country211.__doc__.split())

    assert "filtering the images from the YFCC100m dataset that have GPS coordinate" in description
    assert "corresponding to a ISO-3166 country code" in description
    assert "150 train images, 50 validation images, and 100 test images for each country" in description


@pytest.mark.claim("1.4.h")
def test_country211_has_no_train_argument_in_either_case(originals):
    with pytest.raises(TypeError, match="unexpected keyword argument 'Train'"):
        Country211(root=originals, Train=True, download=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'train'"):
        Country211(root=originals, train=True, download=True)


@every_cifar
def test_the_argument_of_cifar_is_lower_case_train(originals, dataset):
    with pytest.raises(TypeError, match="unexpected keyword argument 'Train'"):
        dataset(root=originals, Train=True, download=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'split'"):
        dataset(root=originals, split="train", download=True)


@pytest.mark.claim("1.4.h", "1.4.i")
@pytest.mark.parametrize(("split", "of_each_country"), [("train", 3), ("valid", 1), ("test", 2)])
def test_country211_has_the_splits_train_valid_and_test(originals, split, of_each_country):
    data = Country211(root=originals, split=split, download=True)

    assert data.targets == sorted([0, 1, 2, 3] * of_each_country)


@pytest.mark.claim("1.4.i")
def test_country211_loads_the_training_split_by_default(originals):
    parameters = inspect.signature(Country211).parameters

    assert list(parameters) == ["root", "split", "transform", "target_transform", "download", "loader"]
    assert parameters["split"].default == "train"
    assert len(Country211(originals)) == len(Country211(originals, "train")) == 12


@pytest.mark.claim("1.4.i")
@pytest.mark.parametrize("split", ["Train", "val", "training", True])
def test_country211_has_no_other_splits(originals, split):
    with pytest.raises(ValueError, match=r"Unknown value .* for argument split|Expected type str for argument split"):
        Country211(originals, split)


@pytest.mark.claim("1.4.i")
def test_an_item_of_country211_is_an_image_of_varying_size_and_an_int(originals):
    items = list(Country211(originals))

    assert {(type(image), image.mode, type(label)) for image, label in items} == {(Image.Image, "RGB", int)}
    assert len({image.size for image, _ in items}) > 1


def test_images_of_different_sizes_do_not_fit_into_one_batch(originals):
    data = Country211(originals, transform=ToTensor())

    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        next(iter(DataLoader(data, batch_size=len(data))))


def test_the_classes_of_country211_are_the_sorted_names_of_its_folders(originals):
    data = Country211(originals)

    assert data.classes == sorted(path.name for path in (originals / "country211" / "train").iterdir()) == COUNTRIES
    assert data.class_to_idx == {"AD": 0, "AE": 1, "AF": 2, "AG": 3}


# Downloads


@every_class
def test_download_true_downloads_nothing_if_the_data_set_is_there(originals, root, dataset):
    (root / ARCHIVES[dataset]).unlink()

    assert dataset(root, download=True).targets == dataset(originals).targets


@every_class
def test_download_true_unpacks_an_existing_archive(originals, archives_only, dataset):
    assert dataset(archives_only, download=True).targets == dataset(originals).targets


@pytest.mark.parametrize(("dataset", "message"), [(CIFAR10, CORRUPTED), (CIFAR100, CORRUPTED), (Country211, NOT_FOUND)])
def test_an_archive_is_not_unpacked_without_download_true(archives_only, dataset, message):
    with pytest.raises(RuntimeError, match=message):
        dataset(archives_only)


@every_class
def test_download_true_without_an_archive_accesses_the_network(tmp_path, dataset):
    with pytest.raises(urllib.error.URLError, match="no network"):
        dataset(tmp_path, download=True)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


every_damage = pytest.mark.parametrize("damage", [truncate, change_a_byte, empty])


@every_class
@every_damage
def test_a_damaged_archive_is_downloaded_again_rather_than_unpacked(archives_only, dataset, damage):
    damage(archives_only / ARCHIVES[dataset])

    with pytest.raises(urllib.error.URLError, match="no network"):
        dataset(archives_only, download=True)
    assert not (archives_only / FOLDERS[dataset]).exists()


class Response(io.BytesIO):
    """A server's response: half an archive."""

    url = length = None


@every_class
def test_a_truncated_download_is_refused_and_not_unpacked(archives_only, monkeypatch, dataset):
    archive = archives_only / ARCHIVES[dataset]
    truncate(archive)
    answers = [Response(), Response(archive.read_bytes())]  # the first only resolves the address
    monkeypatch.setattr(urllib.request, "urlopen", Mock(side_effect=answers))

    with pytest.raises(RuntimeError, match=r"^File not found or corrupted\.$"):
        dataset(archives_only, download=True)
    assert not (archives_only / FOLDERS[dataset]).exists()


# Half-unpacked archives


@pytest.fixture
def half_unpacked(archives_only):
    """A folder in which someone has unpacked the first half of each archive."""
    for archive in ARCHIVES.values():
        whole = (archives_only / archive).read_bytes()
        truncate(archives_only / archive)
        with pytest.raises(EOFError):
            extract_archive(archives_only / archive, archives_only)
        (archives_only / archive).write_bytes(whole)
    return archives_only


@every_cifar
@pytest.mark.parametrize("train", [True, False])
def test_a_half_unpacked_cifar_is_refused_whichever_split_is_read(half_unpacked, dataset, train):
    assert (half_unpacked / CIFAR[dataset]).is_dir()
    with pytest.raises(RuntimeError, match=CORRUPTED):
        dataset(half_unpacked, train=train)


@every_cifar
def test_download_true_repairs_a_half_unpacked_cifar_from_its_archive(originals, half_unpacked, dataset):
    assert dataset(half_unpacked, download=True).targets == dataset(originals).targets


@pytest.mark.parametrize("download", [False, True])
def test_a_half_unpacked_country211_is_read_without_the_missing_countries(half_unpacked, download):
    data = Country211(half_unpacked, "train", download=download)

    assert data.classes == COUNTRIES[: len(data.classes)] != COUNTRIES


@pytest.mark.parametrize("download", [False, True])
def test_a_missing_split_of_country211_is_an_error_and_is_not_unpacked(half_unpacked, download):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*valid"):
        Country211(half_unpacked, "valid", download=download)


# Damaged files of CIFAR

FILES = [
    *((CIFAR10, f"data_batch_{number}", CORRUPTED) for number in range(1, 6)),
    (CIFAR10, "test_batch", CORRUPTED),
    (CIFAR10, "batches.meta", NO_META),
    (CIFAR100, "train", CORRUPTED),
    (CIFAR100, "test", CORRUPTED),
    (CIFAR100, "meta", NO_META),
]
every_file = pytest.mark.parametrize(("dataset", "file", "message"), FILES)


@every_file
@pytest.mark.parametrize("damage", [truncate, change_a_byte, empty, Path.unlink])
def test_a_damaged_or_missing_file_of_cifar_is_refused_whichever_split_is_read(root, dataset, file, message, damage):
    damage(root / CIFAR[dataset] / file)

    for train in (True, False):
        with pytest.raises(RuntimeError, match=message):
            dataset(root, train=train)


@pytest.mark.parametrize(("dataset", "file"), [(CIFAR10, "data_batch_2"), (CIFAR100, "test")])
@every_damage
def test_download_true_repairs_a_damaged_file_of_cifar_from_its_archive(originals, root, dataset, file, damage):
    damage(root / CIFAR[dataset] / file)

    assert np.array_equal(dataset(root, download=True).data, dataset(originals).data)


@pytest.mark.parametrize(("dataset", "file"), [(CIFAR10, "batches.meta"), (CIFAR100, "meta")])
@every_damage
def test_download_true_does_not_repair_the_metadata_file_though_the_error_says_so(root, dataset, file, damage):
    damage(root / CIFAR[dataset] / file)

    with pytest.raises(RuntimeError, match=NO_META):
        dataset(root, download=True)


@every_cifar
def test_a_truncated_pickle_is_refused_even_if_its_checksum_matches(root, monkeypatch, dataset):
    ((file, _),) = dataset.test_list
    truncate(root / CIFAR[dataset] / file)
    monkeypatch.setattr(dataset, "test_list", [[file, archives.md5_of(root / CIFAR[dataset] / file)]])

    with pytest.raises(pickle.UnpicklingError, match="truncated"):
        dataset(root, train=False)


# Damaged files of Country211, which has no checksums


def test_a_missing_country_folder_shifts_the_labels_of_the_countries_after_it(root):
    labels = Country211(root, "train").class_to_idx
    shutil.rmtree(root / "country211" / "train" / "AE")

    data = Country211(root, "train")

    assert data.class_to_idx == {"AD": labels["AD"], "AF": labels["AF"] - 1, "AG": labels["AG"] - 1}
    assert (
        Country211(root, "test").class_to_idx == labels
    )  # the same label now means different countries in the two splits


def test_a_country_without_images_is_refused(root):
    for file in (root / "country211" / "train" / "AE").iterdir():
        file.unlink()

    with pytest.raises(FileNotFoundError, match=r"Found no valid file for the classes AE\."):
        Country211(root)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_without_countries_is_refused(root, split):
    shutil.rmtree(root / "country211" / split)
    (root / "country211" / split).mkdir()

    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        Country211(root, split)


def test_a_missing_image_goes_unnoticed(root):
    image_path(root).unlink()

    assert Country211(root).targets == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_foreign_image_counts_as_one_of_the_country_and_a_text_file_does_not(root):
    folder = image_path(root).parent
    Image.new("L", (8, 8)).save(folder / "foreign.png")
    (folder / "text.txt").touch()

    data = Country211(root)

    assert data.targets == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert "foreign.png" in [path.rpartition("/")[2] for path, _ in data.samples]


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [(truncate, OSError, "image file is truncated"), (empty, UnidentifiedImageError, "cannot identify image file")],
)
def test_a_truncated_image_raises_only_when_it_is_read(root, damage, error, message):
    damage(image_path(root))
    data = Country211(root)
    damaged = index_of(image_path(root), data)

    assert all(data[other] for other in {*range(len(data))} - {damaged})
    with pytest.raises(error, match=message):
        data[damaged]


def test_a_changed_byte_may_change_the_image_without_an_error(root):
    file = image_path(root)
    before = np.asarray(Image.open(file))
    content = bytearray(file.read_bytes())
    content[content.index(b"\xff\xdb") + 5] *= 8  # the quantization step of its brightness
    file.write_bytes(content)

    data = Country211(root)

    after = np.asarray(data[index_of(file, data)][0])

    assert after.shape == before.shape
    assert not np.array_equal(after, before)


# Files


def unpickled(path):
    """Return the dictionary in a file of CIFAR."""
    return pickle.loads(path.read_bytes(), encoding="latin1")


def image_path(root):
    """Return the path to a training image of the second country."""
    return sorted((root / "country211" / "train" / "AE").iterdir())[1]


def index_of(file, data):
    """Return the index of the item that is read from this file."""
    return [path for path, _ in data.samples].index(str(file))
