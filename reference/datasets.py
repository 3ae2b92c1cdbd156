"""Stand-ins for CIFAR-10, CIFAR-100 and Country211 if they cannot be downloaded, and readers for both.

    python -m reference.datasets cifar10 ROOT           writes ROOT/cifar-10-batches-py

    cifar-10-batches-py/{batches.meta, data_batch_1 … data_batch_5, test_batch}
    cifar-100-python/{meta, train, test}
    country211/{train, valid, test}/{AD … ZW}/*.jpg

Names, layout and formats are those of the originals. The images are drawn by `reference.synthetic_images`, equally many
of each class. Every folder also holds `checksums.md5`, the md5 sums of its files, which `md5sum -c` can check.

The readers return torchvision's data sets. The files of CIFAR are compared with their published md5 sums before they
are read. If they have others and the folder holds `checksums.md5`, its sums replace the published ones: a stand-in with
one wrong byte is refused just as the real data set would be. Since anyone can write such a file, no pickle is ever run:
`archives.read_pickle` knows arrays of bytes and nothing else.
"""

import hashlib
import inspect
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from reference import checks, class_names
from reference.archives import checksums, md5_of, new_folder, read_pickle, write_pickle
from reference.checks import Array
from reference.command import Parser, Refusal, number_from, run
from reference.synthetic_images import SIDE, balanced_labels, synthetic_images

PROGRAM = "python -m reference.datasets"

FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "country211": "country211"}
ARCHIVES = {"cifar10": "cifar-10-python.tar.gz", "cifar100": "cifar-100-python.tar.gz", "country211": "country211.tgz"}

LABELS = {"cifar10": ("labels", 10), "cifar100": ("fine_labels", 100)}
"""What the labels are called in a file of each data set, and how many classes there are."""

TRAINING_FILES = 5
"""The number of files that the training split of CIFAR-10 is spread over."""

MOST_IMAGES = (2**31 - 1) // (3 * SIDE * SIDE)
"""The pickles store the size of an array in a signed 32-bit number of bytes."""

COUNTRY211_IMAGES = {"train": 150, "valid": 50, "test": 100}
"""The number of images of each country in the real data set."""

Root: TypeAlias = str | os.PathLike[str]
Transform: TypeAlias = Callable[[Any], Any] | None


# Writing


def write_cifar10(
    root: Root, train_images: int = 4000, test_images: int = 1000, seed: int = 0, archive: bool = False
) -> Path:
    """Write a stand-in for CIFAR-10 below `root`, and with `archive` pack it like the original, too; return its folder.

    Raises FileExistsError if the folder or the archive exists.
    """
    train = _images("train_images", train_images, least=TRAINING_FILES)
    test = _images("test_images", test_images)
    train_rng, test_rng = _generators(seed, splits=2)
    with _stand_in("cifar10", root, archive) as folder:
        parts = np.array_split(balanced_labels(train, 10, train_rng), TRAINING_FILES)
        for number, labels in enumerate(parts, 1):
            title = f"training batch {number} of {TRAINING_FILES}"
            write_pickle(folder / f"data_batch_{number}", _cifar10_batch(title, labels, train_rng))
        labels = balanced_labels(test, 10, test_rng)
        write_pickle(folder / "test_batch", _cifar10_batch("testing batch 1 of 1", labels, test_rng))
        meta = {"num_cases_per_batch": len(parts[0]), "label_names": class_names.CIFAR10, "num_vis": 3 * SIDE * SIDE}
        write_pickle(folder / "batches.meta", meta)
    return _folder("cifar10", root)


def write_cifar100(
    root: Root, train_images: int = 5000, test_images: int = 1000, seed: int = 0, archive: bool = False
) -> Path:
    """Write a stand-in for CIFAR-100 below `root`, as `write_cifar10` does."""
    images = {"train": _images("train_images", train_images), "test": _images("test_images", test_images)}
    generators = _generators(seed, splits=2)
    with _stand_in("cifar100", root, archive) as folder:
        for (split, count), rng in zip(images.items(), generators, strict=True):
            labels = balanced_labels(count, 100, rng)
            write_pickle(folder / split, _cifar100_batch(f"{split}ing batch 1 of 1", labels, rng))
        names = {"fine_label_names": class_names.CIFAR100, "coarse_label_names": list(class_names.CIFAR100_COARSE)}
        write_pickle(folder / "meta", names)
    return _folder("cifar100", root)


def write_country211(
    root: Root,
    train_images: int = 2,
    valid_images: int = 1,
    test_images: int = 1,
    seed: int = 0,
    archive: bool = False,
) -> Path:
    """Write a stand-in for Country211 below `root`, as `write_cifar10` does, with this many images *per country*.

    They are JPEG files of 32 to 64 pixels a side, each a different size. Needs Pillow.
    """
    images = {
        "train": _images("train_images", train_images),
        "valid": _images("valid_images", valid_images),
        "test": _images("test_images", test_images),
    }
    generators = _generators(seed, splits=3)
    with _stand_in("country211", root, archive) as folder:
        for (split, count), rng in zip(images.items(), generators, strict=True):
            for number, code in enumerate(class_names.COUNTRY211):
                _write_country(folder / split / code, np.full(count, number), rng)
    return _folder("country211", root)


def _images(name: str, value: int, least: int = 1) -> int:
    count = checks.integer(name, value)
    if not least <= count <= MOST_IMAGES:
        raise ValueError(f"{name} must be from {least} to {MOST_IMAGES}, got {count}")
    return count


def _generators(seed: int, splits: int) -> list[np.random.Generator]:
    """Return one generator per split, so that the images of one do not depend on the size of another."""
    if checks.integer("seed", seed) < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    return [np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(splits)]


def _stand_in(name: str, root: Root, archive: bool) -> AbstractContextManager[Path]:
    return new_folder(Path(root).expanduser(), FOLDERS[name], ARCHIVES[name] if archive else None)


def _cifar10_batch(title: str, labels: Array, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "batch_label": title,
        "labels": labels.tolist(),
        "data": synthetic_images(labels, 10, rng).reshape(len(labels), -1),
        "filenames": _file_names(class_names.CIFAR10, labels),
    }


def _cifar100_batch(title: str, labels: Array, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "filenames": _file_names(class_names.CIFAR100, labels),
        "batch_label": title,
        "fine_labels": labels.tolist(),
        "coarse_labels": [class_names.COARSE_OF_FINE[label] for label in labels],
        "data": synthetic_images(labels, 100, rng).reshape(len(labels), -1),
    }


def _file_names(classes: list[str], labels: Array) -> list[str]:
    """Return names like those of the photographs in the original."""
    return [f"{classes[label]}_s_{number:06d}.png" for number, label in enumerate(labels)]


def _write_country(folder: Path, labels: Array, rng: np.random.Generator) -> None:
    """Write an image for each label, under a name like those of the original: number, latitude and longitude."""
    pil = import_module("PIL.Image")  # here, because the other data sets do without Pillow
    folder.mkdir(parents=True)
    for number, image in enumerate(synthetic_images(labels, len(class_names.COUNTRY211), rng)):
        latitude, longitude = rng.uniform(-1, 1, 2) * (90, 180)
        size = rng.integers(SIDE, 2 * SIDE, 2, endpoint=True).tolist()
        resized = pil.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).resize(size)
        resized.save(folder / f"{number}_{latitude:.6f}_{longitude:.6f}.jpg", quality=95)


# Reading


def cifar10(root: Root, train: bool = True, transform: Transform = None, target_transform: Transform = None) -> Any:
    """Return `torchvision.datasets.CIFAR10` of the real data set or the stand-in, whichever is below `root`.

    Raises FileNotFoundError if there is neither, and like torchvision RuntimeError if a file is corrupted.
    """
    return _cifar("cifar10", "CIFAR10", root, train, transform, target_transform)


def cifar100(root: Root, train: bool = True, transform: Transform = None, target_transform: Transform = None) -> Any:
    """Return `torchvision.datasets.CIFAR100` of what is below `root`, as `cifar10` does."""
    return _cifar("cifar100", "CIFAR100", root, train, transform, target_transform)


def country211(
    root: Root, split: str = "train", transform: Transform = None, target_transform: Transform = None
) -> Any:
    """Return `torchvision.datasets.Country211` of the real data set or the stand-in, whichever is below `root`.

    Raises RuntimeError if images are missing, changed or too many. Torchvision does not: it takes what there is, and
    if the folder of a country is missing, the countries after it get other labels.
    """
    folder = _existing_folder("country211", root)
    torchvision = import_module("torchvision.datasets")
    data = torchvision.Country211(folder.parent, split, transform=transform, target_transform=target_transform)
    if not _holds_all_images(folder, split, [Path(path) for path, _ in data.samples]):
        raise RuntimeError(f"Dataset corrupted: images below {folder / split} are missing, changed or too many")
    return data


def expected_files(root: Root, dataset: Any) -> dict[str, Any]:
    """Return the attributes with which torchvision's CIFAR10 or CIFAR100 accepts the files below `root`.

    They list names and md5 sums: the published ones if all files have them, whatever else is in the folder (the real
    data set may have been unpacked over a stand-in); otherwise those of `checksums.md5`, where it lists a file.
    """
    folder = Path(root).expanduser() / dataset.base_folder
    sums = checksums(folder) if first_unpublished_file(root, dataset) else {}
    return {
        "train_list": [[name, sums.get(name, published)] for name, published in dataset.train_list],
        "test_list": [[name, sums.get(name, published)] for name, published in dataset.test_list],
        "meta": dataset.meta | {"md5": sums.get(dataset.meta["filename"], dataset.meta["md5"])},
    }


def first_unpublished_file(root: Root, dataset: Any) -> str | None:
    """Return the name of the first file below `root` that is missing or is not the published one, or None."""
    folder = Path(root).expanduser() / dataset.base_folder
    published = [*dataset.train_list, *dataset.test_list, [dataset.meta["filename"], dataset.meta["md5"]]]
    return next((name for name, md5 in published if not _is_whole(folder / name, md5)), None)


def first_bad_file(root: Root, dataset: Any) -> str | None:
    """Return the name of the first file of CIFAR10 or CIFAR100 below `root` that is missing or has another md5 sum."""
    files = expected_files(root, dataset)
    folder = Path(root).expanduser() / dataset.base_folder
    meta = [[files["meta"]["filename"], files["meta"]["md5"]]]
    bad = (name for name, md5 in files["train_list"] + files["test_list"] + meta if not _is_whole(folder / name, md5))
    return next(bad, None)


def _is_whole(path: Path, md5: str) -> bool:
    return path.is_file() and md5_of(path) == md5


def _cifar(
    name: str, of_torchvision: str, root: Root, train: bool, transform: Transform, target_transform: Transform
) -> Any:
    root = _existing_folder(name, root).parent
    dataset = getattr(import_module("torchvision.datasets"), of_torchvision)
    expected = expected_files(root, dataset)
    data = dataset.__new__(dataset)
    import_module("torchvision.datasets.vision").VisionDataset.__init__(
        data, root, transform=transform, target_transform=target_transform
    )
    folder = root / dataset.base_folder
    for file, md5 in expected["train_list"] + expected["test_list"]:
        if not _is_whole(folder / file, md5):
            raise RuntimeError(
                f"Dataset not found or corrupted: {folder / file} has not the checksum of {_origin(folder)}"
            )
    key, classes = LABELS[name]
    parts = [_part(folder / file, md5, key, classes) for file, md5 in expected["train_list" if train else "test_list"]]
    data.train = train
    data.data = np.vstack([part[0] for part in parts]).reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    data.targets = [label for part in parts for label in part[1]]
    _add_classes(data, folder / expected["meta"]["filename"], expected["meta"])
    return data


def _origin(folder: Path) -> str:
    return "the real data set, nor that of its checksums.md5" if checksums(folder) else "the real data set"


def _content(path: Path, md5: str) -> dict[Any, Any]:
    """Return the content of a file, read once, so that what is checked is what is used."""
    content = path.read_bytes()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise RuntimeError(f"Dataset not found or corrupted: {path} has changed")
    try:
        return read_pickle(content)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _part(path: Path, md5: str, key: str, classes: int) -> tuple[Array, list[int]]:
    """Return the images (n, 3072) and the labels of a file."""
    entries = _content(path, md5)
    images, labels = entries.get("data"), entries.get(key)
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != 3 * SIDE * SIDE:
        raise ValueError(f"{path} is not a file of CIFAR: its data are not rows of {3 * SIDE * SIDE} bytes")
    if not isinstance(labels, list) or len(labels) != len(images):
        raise ValueError(f"{path} is not a file of CIFAR: it has not one label for each of its {len(images)} images")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise ValueError(f"{path} is not a file of CIFAR: its labels are not numbers from 0 to {classes - 1}")
    return images, labels


def _add_classes(data: Any, path: Path, meta: dict[str, str]) -> None:
    """Give a data set its classes, as torchvision reads them."""
    if not _is_whole(path, meta["md5"]):
        raise RuntimeError(f"Dataset metadata file not found or corrupted: {path}")
    names = _content(path, meta["md5"]).get(meta["key"])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} is not a file of CIFAR: it has no list {meta['key']!r} of names")
    data.classes = names
    data.class_to_idx = {name: number for number, name in enumerate(names)}


def _holds_all_images(folder: Path, split: str, found: list[Path]) -> bool:
    if sums := checksums(folder):
        expected = {name: md5 for name, md5 in sums.items() if name.startswith(f"{split}/")}
        return expected == {path.relative_to(folder).as_posix(): md5_of(path) for path in found}
    # For the real data set, only the checksum of the archive and the number of images are published.
    images = dict.fromkeys(class_names.COUNTRY211, COUNTRY211_IMAGES[split])
    return Counter(path.parent.name for path in found) == images


def _folder(name: str, root: Root) -> Path:
    return Path(root).expanduser() / FOLDERS[name]


def _existing_folder(name: str, root: Root) -> Path:
    folder = _folder(name, root)
    if folder.parent.exists() and not folder.parent.is_dir():
        raise NotADirectoryError(f"{folder.parent} is a file, expected the folder that holds {FOLDERS[name]}")
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} does not exist: unpack {ARCHIVES[name]} in {folder.parent}, "
            f"or draw a stand-in with: {PROGRAM} {name} {folder.parent}"
        )
    return folder


# The command

WRITERS: dict[str, Callable[..., Path]] = {
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "country211": write_country211,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Write a stand-in and report what was written."""
    run(PROGRAM, lambda: _write(**vars(_parser().parse_args(argv))))


def _write(dataset: str, **options: Any) -> None:
    try:
        folder = WRITERS[dataset](**options)
    except (OSError, ValueError, ImportError) as error:
        raise Refusal(error) from None
    except MemoryError:
        raise Refusal("not enough memory for so many images") from None
    print(f"wrote {len(checksums(folder))} files and their checksums to {folder}")


def _parser() -> Parser:
    parser = Parser(PROGRAM, description="Write a stand-in for a data set that cannot be downloaded.")
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="{" + ",".join(WRITERS) + "}")
    for name, writer in WRITERS.items():
        add = datasets.add_parser(
            name, description=f"Write a stand-in for this data set: {FOLDERS[name]}."
        ).add_argument
        add("root", type=Path, metavar="ROOT", help=f"the folder to write {FOLDERS[name]} to")
        each = " per country" if writer is write_country211 else ""
        for option, default in _numbers(writer).items():
            meaning, least = (
                ("seed of the random images", 0) if option == "seed" else (option.replace("_", " ") + each, 1)
            )
            flag, kind = "--" + option.replace("_", "-"), number_from(int, least)
            add(flag, type=kind, metavar="N", default=default, help=f"{meaning} (default {default})")
        add("--archive", action="store_true", help=f"also pack it as {ARCHIVES[name]}")
    return parser


def _numbers(writer: Callable[..., Path]) -> dict[str, int]:
    """Return the names and defaults of the writer's arguments that are whole numbers."""
    parameters = inspect.signature(writer).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if type(parameter.default) is int}


if __name__ == "__main__":
    main()
