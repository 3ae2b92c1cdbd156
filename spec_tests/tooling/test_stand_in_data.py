"""The stand-ins for CIFAR-10, CIFAR-100 and Country211: torchvision's own classes read them like the real data sets."""

import hashlib
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import tracemalloc
import urllib.error
import urllib.request
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torchvision.datasets.utils import extract_archive

from reference import archives, class_names, datasets
from reference.synthetic_images import IMAGES_AT_A_TIME, balanced_labels, synthetic_images

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

CIFAR10_FILES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch", "batches.meta"]
CIFAR100_FILES = ["train", "test", "meta"]
SPLITS = ["train", "valid", "test"]

NOT_FOUND = "^Dataset not found or corrupted"
NO_META = "^Dataset metadata file not found or corrupted"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the three stand-ins, which tests must not change; the splits of each differ in size."""
    root = tmp_path_factory.mktemp("stand-ins")
    datasets.write_cifar10(root, train_images=60, test_images=40, seed=1)
    datasets.write_cifar100(root, train_images=200, test_images=100, seed=1)
    datasets.write_country211(root, train_images=3, valid_images=1, test_images=2, seed=1)
    return root


@pytest.fixture
def cifar10_folder(root, tmp_path):
    """A copy of the stand-in for CIFAR-10 that tests may damage."""
    return shutil.copytree(root / "cifar-10-batches-py", tmp_path / "cifar-10-batches-py")


@pytest.fixture
def country211_folder(root, tmp_path):
    """A copy of one split of the stand-in for Country211 that tests may damage."""
    folder = tmp_path / "country211"
    shutil.copytree(root / "country211" / "valid", folder / "valid")
    shutil.copy(root / "country211" / archives.CHECKSUMS, folder)
    return folder


@pytest.fixture
def country211_archive(tmp_path, monkeypatch):
    """A packed Country211 of two countries, because 211 would take long."""
    monkeypatch.setattr(class_names, "COUNTRY211", ["AD", "AE"])
    folder = datasets.write_country211(tmp_path / "packed", archive=True)
    return folder.with_name("country211.tgz")


@pytest.fixture
def cifar10_archive(tmp_path):
    """A packed stand-in for CIFAR-10, next to the folder that it was packed from."""
    folder = datasets.write_cifar10(tmp_path / "packed", train_images=10, test_images=10, archive=True)
    return folder.with_name("cifar-10-python.tar.gz")


# What is written


@pytest.mark.parametrize(
    ("folder", "files"), [("cifar-10-batches-py", CIFAR10_FILES), ("cifar-100-python", CIFAR100_FILES)]
)
def test_a_stand_in_for_cifar_has_the_original_file_names_and_a_checksum_file(root, folder, files):
    assert {path.name for path in (root / folder).iterdir()} == {*files, archives.CHECKSUMS}


def test_a_stand_in_for_country211_has_a_folder_per_split_and_country(root):
    folders = {path.relative_to(root / "country211").as_posix() for path in (root / "country211").glob("*/*/")}

    assert folders == {f"{split}/{code}" for split in SPLITS for code in class_names.COUNTRY211}
    assert len(folders) == 3 * 211


@pytest.mark.parametrize("folder", datasets.FOLDERS.values())
def test_the_checksum_file_covers_all_other_files(root, folder):
    files = [path for path in (root / folder).rglob("*") if path.is_file() and path.name != archives.CHECKSUMS]
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root / folder)}" for path in files]

    lines = (root / folder / archives.CHECKSUMS).read_text(encoding="utf-8").splitlines()

    assert lines[0].startswith("# ")
    assert sorted(lines[1:]) == sorted(sums)


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("cifar-10-batches-py/data_batch_1", {"batch_label", "labels", "data", "filenames"}),
        ("cifar-10-batches-py/test_batch", {"batch_label", "labels", "data", "filenames"}),
        ("cifar-10-batches-py/batches.meta", {"num_cases_per_batch", "label_names", "num_vis"}),
        ("cifar-100-python/train", {"filenames", "batch_label", "fine_labels", "coarse_labels", "data"}),
        ("cifar-100-python/meta", {"fine_label_names", "coarse_label_names"}),
    ],
)
@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_a_file_of_cifar_has_the_keys_of_the_original_as_strings_or_bytes(root, file, keys, encoding):
    content = pickle.loads((root / file).read_bytes(), encoding=encoding)

    assert content.keys() == (keys if encoding == "latin1" else {key.encode() for key in keys})


def test_the_images_in_a_file_are_rows_of_bytes(root):
    data = unpickle(root / "cifar-10-batches-py" / "data_batch_5")["data"]

    assert (data.shape, data.dtype) == ((12, 3 * 32 * 32), np.uint8)


@pytest.mark.parametrize("file", ["train", "test"])
def test_the_images_of_cifar_100_are_rows_of_bytes_too(root, file):
    data = unpickle(root / "cifar-100-python" / file)["data"]

    assert (data.shape[1:], data.dtype) == ((3 * 32 * 32,), np.uint8)


def test_the_file_of_names_tells_the_bytes_of_an_image_and_the_images_of_a_file(tmp_path):
    folder = datasets.write_cifar10(tmp_path, train_images=11, test_images=1)

    meta, first = unpickle(folder / "batches.meta"), unpickle(folder / "data_batch_1")

    assert (meta["num_vis"], meta["num_cases_per_batch"]) == (3072, len(first["labels"])) == (3072, 3)
    assert meta["label_names"] == class_names.CIFAR10


def test_an_image_of_country211_is_named_after_a_place_on_earth(root):
    names = [path.stem.split("_") for path in (root / "country211" / "train").glob("*/*.jpg")]
    latitudes, longitudes = (np.array([float(name[axis]) for name in names]) for axis in (1, 2))

    assert {int(name[0]) for name in names} == {0, 1, 2}
    assert -90 <= latitudes.min() < -80 < 80 < latitudes.max() <= 90
    assert -180 <= longitudes.min() < -160 < 160 < longitudes.max() <= 180
    assert abs(np.corrcoef(latitudes, longitudes)[0, 1]) < 0.5


def test_every_fine_class_of_cifar_100_has_its_coarse_class(root):
    names = unpickle(root / "cifar-100-python" / "meta")
    batch = unpickle(root / "cifar-100-python" / "train")

    coarse = {
        names["fine_label_names"][fine]: names["coarse_label_names"][coarse]
        for fine, coarse in zip(batch["fine_labels"], batch["coarse_labels"], strict=True)
    }
    assert coarse == {fine: group for group, members in class_names.CIFAR100_COARSE.items() for fine in members}
    assert (coarse["apple"], coarse["worm"]) == ("fruit_and_vegetables", "non-insect_invertebrates")


# What torchvision reads


@pytest.mark.parametrize(
    ("reader", "train", "count"),
    [
        (datasets.cifar10, True, 60),
        (datasets.cifar10, False, 40),
        (datasets.cifar100, True, 200),
        (datasets.cifar100, False, 100),
    ],
)
def test_torchvision_reads_every_written_image_of_cifar_as_32_by_32_rgb(root, reader, train, count):
    data = reader(root, train=train)

    assert (len(data), data.data.shape, len(data.targets)) == (count, (count, 32, 32, 3), count)


@pytest.mark.parametrize(("reader", "count"), [(datasets.cifar10, 60), (datasets.cifar100, 200)])
def test_without_a_split_named_the_training_images_are_read(root, reader, count):
    assert len(reader(root)) == count


@pytest.mark.parametrize(("split", "count"), [("train", 3 * 211), ("valid", 211), ("test", 2 * 211)])
def test_torchvision_reads_every_written_image_of_each_country(root, split, count):
    data = datasets.country211(root, split)

    assert len(data) == count
    assert data.targets == sorted([*range(211)] * (count // 211))


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "Country211"])
def test_the_data_set_is_an_instance_of_torchvisions_own_class(root, name):
    assert type(getattr(datasets, name.lower())(root)) is getattr(torchvision.datasets, name)


@pytest.mark.parametrize("reader", [datasets.cifar10, datasets.cifar100])
def test_a_data_set_survives_pickling(root, reader):
    data = reader(root)

    sent = pickle.loads(pickle.dumps(data))

    assert np.array_equal(sent.data, data.data)
    assert sent.targets == data.targets


@pytest.mark.parametrize("reader", [datasets.cifar10, datasets.cifar100])
def test_an_item_of_cifar_is_a_32_by_32_image_and_an_int(root, reader):
    image, label = reader(root)[0]

    assert (image.size, image.mode, type(label)) == ((32, 32), "RGB", int)


def test_an_item_of_country211_is_an_image_of_varying_size_and_an_int(root):
    items = list(datasets.country211(root, "valid"))

    assert {(image.mode, type(label)) for image, label in items} == {("RGB", int)}
    assert len({image.size for image, _ in items}) > 1
    assert all(32 <= side <= 64 for image, _ in items for side in image.size)
    assert {max(image.size) > 60 for image, _ in items} == {min(image.size) < 36 for image, _ in items} == {True, False}


@pytest.mark.parametrize(
    ("reader", "classes", "first", "last"),
    [
        (datasets.cifar10, 10, "airplane", "truck"),
        (datasets.cifar100, 100, "apple", "worm"),
        (datasets.country211, 211, "AD", "ZW"),
    ],
)
def test_the_classes_have_the_original_names_in_the_original_order(root, reader, classes, first, last):
    data = reader(root)

    assert (len(data.classes), data.classes[0], data.classes[-1]) == (classes, first, last)
    assert data.class_to_idx == {name: number for number, name in enumerate(data.classes)}
    assert data.classes == sorted(data.classes)


@pytest.mark.parametrize("reader", [datasets.cifar10, datasets.cifar100])
@pytest.mark.parametrize("train", [True, False])
def test_every_class_has_the_same_number_of_images_in_random_order(root, reader, train):
    data = reader(root, train=train)

    assert len(set(np.bincount(data.targets, minlength=len(data.classes)))) == 1
    assert data.targets != sorted(data.targets)


def test_the_first_item_is_the_first_image_of_the_first_file_channel_by_channel(root):
    batch = unpickle(root / "cifar-10-batches-py" / "data_batch_1")

    image, label = datasets.cifar10(root)[0]

    assert np.array_equal(np.asarray(image).transpose(2, 0, 1).ravel(), batch["data"][0])
    assert label == batch["labels"][0]


def test_the_last_item_is_the_last_image_of_the_fifth_file(root):
    batch = unpickle(root / "cifar-10-batches-py" / "data_batch_5")

    image, label = datasets.cifar10(root)[59]

    assert np.array_equal(np.asarray(image).transpose(2, 0, 1).ravel(), batch["data"][-1])
    assert label == batch["labels"][-1]


@pytest.mark.parametrize("reader", [datasets.cifar10, datasets.cifar100])
def test_no_image_occurs_twice_in_a_data_set(root, reader):
    images = [*reader(root, train=True).data, *reader(root, train=False).data]

    assert len({image.tobytes() for image in images}) == len(images)


@pytest.mark.parametrize("reader", [datasets.cifar10, datasets.cifar100, datasets.country211])
def test_both_transforms_are_applied_to_an_item(root, reader):
    plain = reader(root)[1]

    item = reader(root, transform=lambda image: image.size, target_transform=lambda label: -label)[1]

    assert item == (plain[0].size, -plain[1])


# Seeds


def test_the_same_seed_gives_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    files = []
    for day in (0, 1):
        monkeypatch.setattr(time, "time", lambda day=day: day * 86400.0)
        folder = datasets.write_cifar10(tmp_path / str(day), train_images=10, test_images=10, archive=True)
        files.append(contents(folder.parent))

    assert files[0] == files[1]
    assert Path("cifar-10-python.tar.gz") in files[0]


def test_the_same_seed_gives_the_same_jpeg_files_every_time(country211_archive, tmp_path):
    again = datasets.write_country211(tmp_path / "again", seed=0)  # which is what the first had by default

    assert archives.checksums(again) == archives.checksums(country211_archive.with_name("country211"))
    assert list(again.parent.iterdir()) == [again]  # no archive unless it is asked for


def test_a_file_holds_no_more_images_than_its_pickle_can_count():
    assert datasets._images("train_images", datasets.MOST_IMAGES) == datasets.MOST_IMAGES == 699_050
    with pytest.raises(ValueError, match="train_images must be from 1 to 699050, got 699051"):
        datasets._images("train_images", datasets.MOST_IMAGES + 1)


@pytest.mark.parametrize("writer", [datasets.write_cifar10, datasets.write_cifar100])
def test_without_a_seed_named_it_is_0(tmp_path, writer):
    sums = [
        archives.checksums(writer(tmp_path / str(len(seed)), train_images=10, test_images=10, **seed))
        for seed in ({}, {"seed": 0})
    ]

    assert sums[0] == sums[1]
    assert [len(list(folder.iterdir())) for folder in tmp_path.iterdir()] == [1, 1]  # no archive unless it is asked for


@pytest.mark.parametrize("writer", [datasets.write_cifar10, datasets.write_cifar100])
def test_another_seed_gives_different_images_in_every_file(tmp_path, writer):
    sums = [
        archives.checksums(writer(tmp_path / str(seed), train_images=10, test_images=10, seed=seed)) for seed in (0, 1)
    ]

    assert {name for name in sums[0] if sums[0][name] == sums[1][name]} <= {"batches.meta", "meta"}


def test_the_test_split_does_not_depend_on_the_number_of_training_images(tmp_path):
    files = [
        datasets.write_cifar10(tmp_path / str(images), train_images=images, test_images=10) / "test_batch"
        for images in (10, 20)
    ]

    assert files[0].read_bytes() == files[1].read_bytes()


# Damaged data are refused with torchvision's own error


@pytest.mark.parametrize(
    ("file", "message"), [*((file, NOT_FOUND) for file in CIFAR10_FILES[:-1]), ("batches.meta", NO_META)]
)
def test_a_file_of_cifar_with_one_changed_byte_is_refused(cifar10_folder, file, message):
    change_a_byte(cifar10_folder / file)

    with pytest.raises(RuntimeError, match=message):
        datasets.cifar10(cifar10_folder.parent)


@pytest.mark.parametrize(
    ("file", "message"), [("data_batch_2", NOT_FOUND), ("test_batch", NOT_FOUND), ("batches.meta", NO_META)]
)
@pytest.mark.parametrize("train", [True, False])
def test_a_truncated_file_of_cifar_is_refused_whichever_split_is_read(cifar10_folder, file, message, train):
    truncate(cifar10_folder / file)

    with pytest.raises(RuntimeError, match=message):
        datasets.cifar10(cifar10_folder.parent, train=train)


@pytest.mark.parametrize(("file", "message"), [("data_batch_5", NOT_FOUND), ("batches.meta", NO_META)])
def test_a_missing_file_of_cifar_is_refused(cifar10_folder, file, message):
    (cifar10_folder / file).unlink()

    with pytest.raises(RuntimeError, match=message):
        datasets.cifar10(cifar10_folder.parent)


def test_a_changed_byte_in_cifar_100_is_refused(root, tmp_path):
    folder = shutil.copytree(root / "cifar-100-python", tmp_path / "cifar-100-python")
    change_a_byte(folder / "train")

    with pytest.raises(RuntimeError, match=NOT_FOUND):
        datasets.cifar100(tmp_path)


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_torchvision_by_itself_does_not_accept_a_stand_in_as_the_real_data_set(root, name):
    with pytest.raises(RuntimeError, match=NOT_FOUND):
        getattr(torchvision.datasets, name)(root)


def test_a_stand_in_without_its_checksums_is_compared_with_the_published_ones(cifar10_folder):
    (cifar10_folder / archives.CHECKSUMS).unlink()

    with pytest.raises(RuntimeError, match=NOT_FOUND):
        datasets.cifar10(cifar10_folder.parent)


@pytest.mark.parametrize(
    ("file", "message"), [*((file, NOT_FOUND) for file in CIFAR10_FILES[:-1]), ("batches.meta", NO_META)]
)
def test_a_file_without_a_checksum_of_its_own_is_compared_with_the_published_one(cifar10_folder, file, message):
    checksums = cifar10_folder / archives.CHECKSUMS
    checksums.write_text(re.sub(f".*  {file}\n", "", checksums.read_text(encoding="utf-8")), encoding="utf-8")

    with pytest.raises(RuntimeError, match=message):
        datasets.cifar10(cifar10_folder.parent)


@pytest.mark.parametrize("damage", ["removed", "truncated", "with a changed byte"])
def test_a_damaged_image_of_country211_is_refused(country211_folder, damage):
    file = next((country211_folder / "valid" / "CN").iterdir())
    shutil.copy(file, file.with_name("another.jpg"))  # because torchvision refuses a country without images
    {"removed": Path.unlink, "truncated": truncate, "with a changed byte": change_a_byte}[damage](file)

    with pytest.raises(
        RuntimeError, match=r"^Dataset corrupted: images below .*valid are missing, changed or too many"
    ):
        datasets.country211(country211_folder.parent, "valid")


def test_an_extra_image_in_country211_is_refused(country211_folder):
    file = next((country211_folder / "valid" / "CN").iterdir())
    shutil.copy(file, file.with_name("another.jpg"))

    with pytest.raises(
        RuntimeError, match=r"^Dataset corrupted: images below .*valid are missing, changed or too many"
    ):
        datasets.country211(country211_folder.parent, "valid")


def test_a_country_without_images_is_refused_by_torchvision(country211_folder):
    next((country211_folder / "valid" / "CN").iterdir()).unlink()

    with pytest.raises(FileNotFoundError, match="Found no valid file for the classes CN"):
        datasets.country211(country211_folder.parent, "valid")


def test_a_split_of_country211_that_was_not_unpacked_is_refused_by_torchvision(country211_folder):
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: .*train"):
        datasets.country211(country211_folder.parent, "train")


def test_a_missing_country_shifts_the_labels_of_those_after_it_in_plain_torchvision(country211_folder):
    shutil.rmtree(country211_folder / "valid" / "AD")

    data = torchvision.datasets.Country211(country211_folder.parent, "valid")

    assert (data.class_to_idx["AE"], class_names.COUNTRY211.index("AE")) == (0, 1)


def test_a_country211_with_a_missing_country_is_refused(country211_folder):
    shutil.rmtree(country211_folder / "valid" / "AD")

    with pytest.raises(RuntimeError, match=r"^Dataset corrupted"):
        datasets.country211(country211_folder.parent, "valid")


def test_a_country211_without_checksums_must_have_the_real_number_of_images(country211_folder):
    (country211_folder / archives.CHECKSUMS).unlink()

    with pytest.raises(RuntimeError, match=r"^Dataset corrupted"):
        datasets.country211(country211_folder.parent, "valid")


def test_a_country211_without_checksums_but_with_the_real_number_of_images_is_read(country211_folder, monkeypatch):
    (country211_folder / archives.CHECKSUMS).unlink()
    monkeypatch.setitem(datasets.COUNTRY211_IMAGES, "valid", 1)

    assert len(datasets.country211(country211_folder.parent, "valid")) == 211


@pytest.mark.parametrize(
    ("reader", "folder", "archive"),
    [
        (datasets.cifar10, "cifar-10-batches-py", "cifar-10-python.tar.gz"),
        (datasets.cifar100, "cifar-100-python", "cifar-100-python.tar.gz"),
        (datasets.country211, "country211", "country211.tgz"),
    ],
)
def test_without_a_data_set_one_line_says_what_is_missing_and_how_to_get_a_stand_in(tmp_path, reader, folder, archive):
    with pytest.raises(FileNotFoundError) as refusal:
        reader(tmp_path)

    assert str(refusal.value) == (
        f"{tmp_path / folder} does not exist: unpack {archive} in {tmp_path}, "
        f"or draw a stand-in with: python -m reference.datasets {reader.__name__} {tmp_path}"
    )


def test_a_file_in_the_place_of_the_folder_that_holds_data_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError, match="file is a file, expected the folder that holds cifar"):
        datasets.cifar10(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="does not exist: unpack"):
        datasets.cifar10(tmp_path / "nowhere")


def test_a_refusal_tells_with_whose_checksums_the_files_were_compared(cifar10_folder):
    truncate(cifar10_folder / "test_batch")

    with pytest.raises(RuntimeError, match=r"test_batch has not the checksum of .*, nor that of its checksums\.md5$"):
        datasets.cifar10(cifar10_folder.parent)
    (cifar10_folder / archives.CHECKSUMS).unlink()
    with pytest.raises(RuntimeError, match=r"data_batch_1 has not the checksum of the real data set$"):
        datasets.cifar10(cifar10_folder.parent)


@pytest.mark.parametrize("file", CIFAR10_FILES)
def test_the_first_bad_file_is_found_wherever_it_is(cifar10_folder, file):
    assert datasets.first_bad_file(cifar10_folder.parent, torchvision.datasets.CIFAR10) is None
    truncate(cifar10_folder / file)

    assert datasets.first_bad_file(cifar10_folder.parent, torchvision.datasets.CIFAR10) == file


@pytest.mark.parametrize("other", ["0" * 32, "f" * 32])
def test_a_file_that_changes_between_the_check_and_the_reading_is_refused(cifar10_folder, other):
    file = cifar10_folder / "test_batch"

    assert datasets._content(file, archives.md5_of(file))
    with pytest.raises(RuntimeError, match=r"test_batch has changed$"):
        datasets._content(file, other)


@pytest.mark.parametrize("more", [0, 1])
def test_a_list_of_checksums_that_is_too_long_is_not_read(tmp_path, more):
    line = "0123456789abcdef" * 2 + "  data_batch_1\n"
    (tmp_path / archives.CHECKSUMS).write_text("#" * (32 * 2**20 - len(line) - 1 + more) + "\n" + line)

    assert archives.checksums(tmp_path) == ({} if more else {"data_batch_1": line[:32]})


def test_a_list_of_checksums_that_would_not_be_read_is_not_written(tmp_path, monkeypatch):
    size = (datasets.write_cifar10(tmp_path / "a", train_images=5, test_images=5) / archives.CHECKSUMS).stat().st_size

    monkeypatch.setattr(archives, "LARGEST_LIST", size)
    datasets.write_cifar10(tmp_path / "b", train_images=5, test_images=5)
    monkeypatch.setattr(archives, "LARGEST_LIST", size - 1)
    with pytest.raises(ValueError, match="7 files are too many: their checksums would take more than"):
        datasets.write_cifar10(tmp_path / "c", train_images=5, test_images=5)

    assert list((tmp_path / "c").iterdir()) == []


def test_a_list_of_checksums_of_empty_lines_gets_little_memory(tmp_path):
    (tmp_path / archives.CHECKSUMS).write_bytes(b"\n" * 2**19)

    tracemalloc.start()
    try:
        assert archives.checksums(tmp_path) == {"": ""}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2**20  # all lines at once take 2 ** 25


class Heard(pickle.Unpickler):
    """Notes what a pickle would call or fill, and with what, and calls nothing."""

    def find_class(self, _, name):
        heard = self.heard = getattr(self, "heard", [])

        class Made:
            def __new__(cls, *arguments):
                heard.append((name, *arguments))
                return object.__new__(cls)

            def __setstate__(self, state):
                heard.append((f"state of {name}", *state))

        return Made


def test_the_bytes_of_an_array_are_pickled_as_numpy_pickles_them(tmp_path):
    archives.write_pickle(tmp_path / "file", {"data": np.array([[1, 2, 3]], np.uint8)})
    _, (code, *_), state = np.dtype("u1").__reduce__()

    with open(tmp_path / "file", "rb") as file:
        heard = Heard(file, encoding="latin1")
        heard.load()

    found = {name: tuple(rest) for name, *rest in heard.heard}
    assert found["dtype"][0] == code == "u1"
    assert found["state of dtype"] == state
    assert found["state of _reconstruct"][:2] == (1, (1, 3))


def test_a_folder_is_made_below_others_that_are_not_there_yet(tmp_path):
    with archives.new_folder(tmp_path / "a" / "b", "data", None):
        pass

    assert os.listdir(tmp_path / "a" / "b" / "data") == [archives.CHECKSUMS]


# Packed archives


def test_an_archive_names_no_owner_and_no_time(cifar10_archive):
    with tarfile.open(cifar10_archive) as packed:
        entries = packed.getmembers()

    assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, 0, "", "")}
    assert cifar10_archive.read_bytes()[:8] == b"\x1f\x8b\x08\0\0\0\0\0"  # the format: no name, no time


@pytest.mark.parametrize("packed", ["cifar10_archive", "country211_archive"])
def test_an_archive_unpacks_to_the_folder_that_was_packed(request, packed, tmp_path):
    archive = request.getfixturevalue(packed)

    extract_archive(archive, tmp_path / "unpacked")

    (folder,) = (tmp_path / "unpacked").iterdir()
    assert contents(folder) == contents(archive.with_name(folder.name))


def test_torchvision_unpacks_an_existing_archive_instead_of_downloading_one(cifar10_archive):
    sums = datasets.expected_files(cifar10_archive.parent, torchvision.datasets.CIFAR10)
    known = type("CIFAR10", (torchvision.datasets.CIFAR10,), {"tgz_md5": archives.md5_of(cifar10_archive), **sums})
    shutil.rmtree(cifar10_archive.with_name("cifar-10-batches-py"))

    assert len(known(cifar10_archive.parent, download=True)) == 10


def test_torchvision_downloads_a_truncated_archive_again_instead_of_unpacking_it(cifar10_archive, monkeypatch):
    shutil.rmtree(cifar10_archive.with_name("cifar-10-batches-py"))
    truncate(cifar10_archive)
    monkeypatch.setattr(urllib.request, "urlopen", Mock(side_effect=urllib.error.URLError("no network")))

    with pytest.raises(urllib.error.URLError, match="no network"):
        torchvision.datasets.CIFAR10(cifar10_archive.parent, download=True)
    assert [path.name for path in cifar10_archive.parent.iterdir()] == [cifar10_archive.name]


def test_a_data_set_left_half_unpacked_by_a_truncated_archive_is_refused(cifar10_archive, tmp_path):
    truncate(cifar10_archive)

    with pytest.raises(EOFError, match="Compressed file ended before the end-of-stream marker was reached"):
        extract_archive(cifar10_archive, tmp_path)
    with pytest.raises(RuntimeError, match=NOT_FOUND):
        datasets.cifar10(tmp_path)


# Writing


@pytest.mark.parametrize(("name", "writer"), datasets.WRITERS.items())
def test_an_existing_folder_is_refused_and_left_untouched(tmp_path, name, writer):
    folder = tmp_path / datasets.FOLDERS[name]
    folder.mkdir()

    with pytest.raises(FileExistsError, match=f"^{re.escape(str(folder))} already exists"):
        writer(tmp_path)
    assert list(tmp_path.rglob("*")) == [folder]


def test_an_existing_archive_is_refused_and_left_untouched(tmp_path):
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_text("the real one")

    with pytest.raises(FileExistsError, match=r"cifar-10-python\.tar\.gz already exists"):
        datasets.write_cifar10(tmp_path, archive=True)
    assert list(tmp_path.iterdir()) == [archive]
    assert archive.read_text() == "the real one"


@pytest.mark.parametrize("writer", datasets.WRITERS.values())
def test_interrupted_writing_leaves_nothing_behind(tmp_path, monkeypatch, writer):
    monkeypatch.setattr(datasets, "synthetic_images", Mock(side_effect=KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        writer(tmp_path)
    assert not list(tmp_path.iterdir())


SLOWLY = """
import sys, time
from reference import datasets

drawn = datasets.synthetic_images
def slowly(*arguments):
    print("drawing", flush=True)
    time.sleep(60)
    return drawn(*arguments)

datasets.synthetic_images = slowly
datasets.main(["cifar10", sys.argv[1]])
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it")
def test_sigterm_leaves_nothing_of_an_unfinished_data_set_behind(tmp_path):
    command = [sys.executable, "-c", SLOWLY, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout.readline() == "drawing\n"
        assert len(list(tmp_path.iterdir())) == 1
        writing.terminate()
        assert writing.wait(timeout=60) == 128 + signal.SIGTERM

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("hours", "remains"), [(0.5, True), (1.5, False)])
def test_what_one_who_was_killed_has_left_is_removed_once_nobody_writes_there(tmp_path, hours, remains):
    left = tmp_path / ".unfinished-abc"
    (left / "cifar10").mkdir(parents=True)
    (left / "cifar10" / "data_batch_1").touch()
    for path in (left / "cifar10" / "data_batch_1", left / "cifar10", left):
        os.utime(path, (0, time.time() - 3600 * hours))

    datasets.write_cifar10(tmp_path, train_images=5, test_images=1)

    assert left.exists() == remains


def test_running_out_of_disk_space_for_the_archive_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tarfile, "open", Mock(side_effect=OSError("No space left on device")))

    with pytest.raises(OSError, match="No space left"):
        datasets.write_cifar10(tmp_path, train_images=10, test_images=10, archive=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("archive", [None, "packed.tgz"])
def test_a_folder_that_appears_while_another_is_written_is_left_alone(tmp_path, archive):
    def write():
        with archives.new_folder(tmp_path, "data", archive) as folder:
            (folder / "new").touch()
            (tmp_path / "data").mkdir()
            (tmp_path / "data" / "of somebody else").touch()

    with pytest.raises(OSError, match=r"not empty|exists"):
        write()
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "of somebody else"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"train_images": 4}, ValueError, "train_images must be from 5 to 699050, got 4"),
        ({"train_images": 699051}, ValueError, "train_images must be from 5 to 699050, got 699051"),
        ({"test_images": 0}, ValueError, "test_images must be from 1 to 699050, got 0"),
        ({"test_images": 1.0}, TypeError, "test_images must be a whole number, got 1.0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": None}, TypeError, "seed must be a whole number, got None"),
    ],
)
def test_invalid_arguments_are_refused_before_anything_is_written(tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.write_cifar10(tmp_path / "root", **arguments)
    assert not list(tmp_path.iterdir())


# The command


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    datasets.main(["cifar10", str(tmp_path), "--train-images", "10", "--test-images", "20", "--seed", "3", "--archive"])

    assert capsys.readouterr().out == f"wrote 7 files and their checksums to {tmp_path / 'cifar-10-batches-py'}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"cifar-10-batches-py", "cifar-10-python.tar.gz"}


@pytest.mark.parametrize(
    ("name", "reader", "counts"),
    [("cifar10", datasets.cifar10, (4000, 1000)), ("cifar100", datasets.cifar100, (5000, 1000))],
)
def test_unless_told_otherwise_the_command_writes_so_many_images_and_no_archive(tmp_path, name, reader, counts):
    datasets.main([name, str(tmp_path)])

    assert tuple(len(reader(tmp_path, train=train)) for train in (True, False)) == counts
    assert len(list(tmp_path.iterdir())) == 1


def test_unless_told_otherwise_a_country_has_four_images_in_all(tmp_path, monkeypatch):
    monkeypatch.setattr(class_names, "COUNTRY211", ["AD", "AE"])

    datasets.main(["country211", str(tmp_path)])

    assert [len(datasets.country211(tmp_path, split)) for split in SPLITS] == [4, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["country211"]


def test_one_image_is_enough_where_there_is_one_file_a_split(tmp_path):
    datasets.main(["cifar100", str(tmp_path), "--train-images", "1", "--test-images", "1"])

    assert len(datasets.cifar100(tmp_path)) == 1


@pytest.mark.parametrize(("name", "each"), [("cifar10", False), ("cifar100", False), ("country211", True)])
def test_the_help_says_that_the_images_of_country211_are_counted_by_country(name, each, capsys):
    with pytest.raises(SystemExit):
        datasets.main([name, "--help"])

    assert ("test images per country" in capsys.readouterr().out) == each


def test_too_many_images_for_the_memory_are_told_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(datasets.WRITERS, "cifar10", Mock(side_effect=MemoryError))
    monkeypatch.setattr(datasets, "_numbers", lambda _: {})

    with pytest.raises(SystemExit):
        datasets.main(["cifar10", str(tmp_path)])

    assert capsys.readouterr().err == "python -m reference.datasets: error: not enough memory for so many images\n"


def test_the_command_writes_the_same_files_as_the_function(tmp_path):
    datasets.main(["cifar100", str(tmp_path / "1"), "--train-images", "10", "--test-images", "20", "--seed", "3"])
    datasets.write_cifar100(tmp_path / "2", train_images=10, test_images=20, seed=3)

    assert contents(tmp_path / "1") == contents(tmp_path / "2")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ([], 2, ": error: the following arguments are required: {cifar10,cifar100,country211}"),
        (["mnist", "ROOT"], 2, r": error: argument .*: invalid choice: 'mnist' \(choose from .*cifar10.*\)"),
        (["cifar10"], 2, ": error: the following arguments are required: ROOT"),
        (["cifar10", "ROOT", "--images", "9"], 2, ": error: unrecognized arguments: --images 9"),
        (
            ["cifar10", "ROOT", "--test-images", "many"],
            2,
            ": error: .*--test-images: invalid int value: 'many'",
        ),
        (["cifar10", "ROOT", "--test-images", "0"], 2, ": error: .*--test-images: must be a finite .*, got 0"),
        (["cifar10", "ROOT", "--seed", "-1"], 2, ": error: .*--seed: must be a finite number of at least 0, got -1"),
        (["cifar10", "ROOT", "--train-images", "4"], 1, ": error: train_images must be from 5 to 699050, got 4"),
        (["country211", "TAKEN"], 1, ": error: .*TAKEN.country211 already exists and is not overwritten"),
        (["cifar100", "FILE"], 1, ": error: .*File exists: .*FILE.*"),
    ],
)
def test_the_command_reports_an_error_in_one_line(tmp_path, monkeypatch, capsys, arguments, status, line):
    monkeypatch.chdir(tmp_path)
    Path("TAKEN", "country211").mkdir(parents=True)
    Path("FILE").touch()

    with pytest.raises(SystemExit) as end:
        datasets.main(arguments)

    assert end.value.code == status
    assert re.fullmatch(f"python -m reference.datasets{line}\n", capsys.readouterr().err)


def test_the_command_needs_neither_torch_nor_pillow(tmp_path):
    command = "import sys; from reference import datasets; datasets.main(sys.argv[1:]); print(*sys.modules)"

    child = subprocess.run(
        [sys.executable, "-c", command, "cifar10", str(tmp_path), "--train-images", "5"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert child.stdout.startswith("wrote 7 files")
    assert not {"torch", "torchvision", "PIL"} & set(child.stdout.split())


# The images


@given(count=st.integers(0, 300), classes=st.integers(1, 100), seed=st.integers(0, 99))
def test_in_balanced_labels_the_counts_of_any_two_classes_differ_by_at_most_one(count, classes, seed):
    labels = balanced_labels(count, classes, np.random.default_rng(seed))

    assert labels.shape == (count,)
    assert set(np.bincount(labels, minlength=classes)) <= {count // classes, -(-count // classes)}


def test_no_labels_give_no_images():
    none = synthetic_images([], 10, np.random.default_rng(0))

    assert (none.shape, none.dtype) == ((0, 3, 32, 32), np.uint8)


def test_drawing_more_images_does_not_change_the_first_ones():
    labels = np.zeros(IMAGES_AT_A_TIME + 1, int)

    fewer, more = (synthetic_images(part, 10, np.random.default_rng(0)) for part in (labels[:-1], labels))

    assert np.array_equal(more[:-1], fewer)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0]], r"labels has shape \(1, 1\), expected one axis"),
        ([3, 10], "labels must be from 0 to 9, got 3 to 10"),
        ([-1, 3], "labels must be from 0 to 9, got -1 to 3"),
    ],
)
def test_invalid_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        synthetic_images(labels, 10, np.random.default_rng(0))


ONE_HALF = 0.5
"""Guessing is right 1 time in 10, the convolutional network of section 2.5 more than 9 times in 10."""


def test_a_linear_model_of_the_pixels_does_not_solve_the_task():
    rng = np.random.default_rng(0)
    labels = balanced_labels(3000, 10, rng)
    pixels = synthetic_images(labels, 10, rng).reshape(3000, -1).astype(np.float32) / 255 - 0.5

    scores = ridge_scores(pixels[:2000], labels[:2000], pixels[2000:], strengths=(10, 100, 1000))

    assert max(np.mean(score.argmax(1) == labels[2000:]) for score in scores) < ONE_HALF


def ridge_scores(known, labels, new, strengths):
    """Return the scores (n, class) of new pixels by ridge regression on the known ones, for each strength.

    The strength is the factor of the sum of squared weights in the objective.
    """
    one_hot, identity = np.eye(10, dtype=known.dtype)[labels], np.eye(len(known), dtype=known.dtype)
    products = known @ known.T
    return [new @ (known.T @ np.linalg.solve(products + strength * identity, one_hot)) for strength in strengths]


# Files


def unpickle(path):
    """Return the dictionary in a file of CIFAR."""
    return pickle.loads(path.read_bytes(), encoding="latin1")


def contents(folder):
    """Return the bytes of every file below the folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change_a_byte(path):
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    """Cut the second half off a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
