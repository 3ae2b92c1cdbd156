"""Stand-in data: a small CIFAR-10 in the on-disk layout of the real one, for torchvision's own code to read.

    <root>/cifar-10-batches-py/batches.meta                 the names of the ten classes
    <root>/cifar-10-batches-py/data_batch_1 … data_batch_5  the training split
    <root>/cifar-10-batches-py/test_batch                   the test split

Each file is a pickle as in the original: images as rows of 3·32·32 bytes, channel by channel. Only the md5 sums that
the class expects are exchanged, so the real loading code runs, and a download is neither needed nor attempted.
"""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

TEST_IMAGES = 80
"""One full batch of 64 and a smaller last one of 16, as the real 10,000 also end in one of 16."""

IMAGES_A_TRAINING_FILE = 8
TRAINING_FILES = 5
TRAINING_IMAGES = TRAINING_FILES * IMAGES_A_TRAINING_FILE
"""Another number than in the test split, so that the two can be told apart by counting."""

SEED = 10


def write_cifar10(root: Path) -> None:
    """Write the stand-in data set below `root`, the folder that torchvision calls so."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    for number in range(1, TRAINING_FILES + 1):
        _pickle(folder / f"data_batch_{number}", _split(rng, IMAGES_A_TRAINING_FILE))
    _pickle(folder / "test_batch", _split(rng, TEST_IMAGES))
    _pickle(folder / "batches.meta", {"label_names": CLASSES, "num_cases_per_batch": TEST_IMAGES, "num_vis": 3072})


def expected_files(root: Path, cifar10: Any) -> dict[str, Any]:
    """Return what the attributes of torchvision's class must be for it to accept the files below `root`."""

    def md5(name: str) -> str:
        content = (root / cifar10.base_folder / name).read_bytes()
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    return {
        "train_list": [[name, md5(name)] for name, _ in cifar10.train_list],
        "test_list": [[name, md5(name)] for name, _ in cifar10.test_list],
        "meta": cifar10.meta | {"md5": md5(cifar10.meta["filename"])},
    }


def _split(rng: np.random.Generator, images: int) -> dict[str, Any]:
    data = rng.integers(256, size=(images, 3 * 32 * 32), dtype=np.uint8)
    return {"data": data, "labels": rng.integers(len(CLASSES), size=images).tolist()}


def _pickle(path: Path, content: dict[str, Any]) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))  # the original was written by Python 2
