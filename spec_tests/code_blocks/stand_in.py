"""Stand-in data for the document's code blocks: a CIFAR-10 of 120 images that torchvision's own code reads.

`reference.datasets` writes it. A block calls torchvision itself, so the class that it calls is given the md5 sums of
these files; nothing else is replaced, and no download is needed or attempted.
"""

from pathlib import Path

from reference import class_names, datasets

CLASSES = class_names.CIFAR10

TEST_IMAGES = 80
"""One full batch of 64 and a last one of 16: the last batch of the real 10,000 has 16 as well."""

IMAGES_PER_TRAINING_FILE = 8
TRAINING_FILES = datasets.TRAINING_FILES
TRAINING_IMAGES = TRAINING_FILES * IMAGES_PER_TRAINING_FILE
"""Differs from the test split, so that the two can be told apart by counting."""

SEED = 10

expected_files = datasets.expected_files


def write_cifar10(root: Path) -> None:
    """Write the stand-in data set below `root`, as torchvision calls the folder."""
    datasets.write_cifar10(root, TRAINING_IMAGES, TEST_IMAGES, SEED)
