"""The files of others that options name, looked at before the run and not only by the tests that read them."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from reference import datasets

SAVED = (b"PK\x03\x04", b"\x80\x02")
"""The first bytes of what `torch.save` writes, now and until torch 1.6."""

NEEDED = frozenset({"conv1.weight", "layer3.5.conv3.weight", "fc.weight"})
"""Some of ResNet-50's parameters; smaller networks lack the second."""


def check(option: Any) -> None:
    """Raise UsageError if a file or folder that an option names is missing, or is something else."""
    for name, folder, dataset in (
        ("cifar10", "cifar-10-batches-py", "CIFAR10"),
        ("cifar100", "cifar-100-python", "CIFAR100"),
    ):
        if root := getattr(option, f"spec_{name}"):
            named = f"--{name} {root}"
            with _readable(named):
                _check_cifar(named, root, folder, dataset)
    weights: Path | None = option.spec_resnet50_weights
    if weights is not None:
        named = f"--resnet50-weights {weights}"
        with _readable(named):
            _check_weights(named, weights)


@contextmanager
def _readable(named: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise pytest.UsageError(f"{named}: cannot be read: {error.strerror or error}") from None


def _check_cifar(named: str, root: Path, folder: str, dataset: str) -> None:
    if not (root / folder).is_dir():
        raise pytest.UsageError(f"{named}: there is no folder {folder} in it")
    try:
        known = getattr(import_module("torchvision.datasets"), dataset)
    except ModuleNotFoundError:
        return  # the tests that need the data are left out
    if bad := datasets.first_unpublished_file(root, known):
        raise pytest.UsageError(f"{named}: {folder}/{bad} is missing, or is not that of the real data set")


def _check_weights(named: str, file: Path) -> None:
    if not file.is_file():
        raise pytest.UsageError(f"{named}: there is no such file")
    with file.open("rb") as opened:
        begin = opened.read(4)
    if not begin.startswith(SAVED):
        raise pytest.UsageError(f"{named}: is no file of weights: torch.save did not write it")
    if begin.startswith(SAVED[0]) and not _is_whole_archive(file):
        raise pytest.UsageError(f"{named}: is damaged, or only a part of the file of weights")
    try:
        state = import_module("torch").load(file, map_location="cpu", weights_only=True)
    except ModuleNotFoundError:
        return  # the tests that need the weights are left out
    except Exception:  # nearly anything is raised for what is damaged, with paragraphs of advice
        raise pytest.UsageError(f"{named}: is damaged, or holds something else than weights") from None
    if missing := sorted(NEEDED - set(state if isinstance(state, Mapping) else ())):
        raise pytest.UsageError(f"{named}: holds no weights of ResNet-50: it lacks {missing[0]}")


def _is_whole_archive(file: Path) -> bool:
    """Return whether every part of an archive has its checksum, which torch does not compare."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged archive makes its reader raise nearly anything
        return False
