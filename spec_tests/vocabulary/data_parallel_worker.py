"""One of several processes that train together, for `test_2_7_training.py`: torchrun starts it.

It takes five steps and writes what it found into FOLDER: `… -m spec_tests.vocabulary.data_parallel_worker FOLDER`. With
`--die` the second process ends after two steps without a word, as one does whose machine fails.
"""

import os
import sys
from pathlib import Path

import numpy as np

import reference
from reference.checks import Array
from reference.synthetic_images import balanced_labels, synthetic_images
from reference.train import OPTIMIZERS
from reference.train_in_torch import Process, TorchTrainer
from reference.training import Training, to_input

STEPS = 5
BATCH = 8


def start(dtype: str = "float64") -> Training:
    """Return a network before its first step."""
    return Training(reference.initial_parameters(np.random.default_rng(0), dtype))


def batch(seed: int, images: int = BATCH, dtype: str = "float64") -> tuple[Array, Array]:
    """Return stand-in pictures as input, and their labels."""
    rng = np.random.default_rng(seed)
    labels = balanced_labels(images, 10, rng)
    return to_input(synthetic_images(labels, 10, rng).transpose(0, 2, 3, 1), dtype), labels


def main(folder: Path, dies: bool) -> None:
    """Take the steps."""
    process = Process.this()
    share = process.share(np.arange(BATCH))
    trainer = TorchTrainer(start(), "sgd", OPTIMIZERS["sgd"], process=process)
    found: dict[str, Array] = {"share": share}
    for step in range(STEPS):
        if dies and process.rank == 1 and step == 2:
            os._exit(3)
        images, labels = batch(step)
        trainer.step(images[share], labels[share])
        if step == 0:
            found |= {f"gradient {name}": p.grad.numpy().copy() for name, p in trainer.network.named_parameters()}
    found |= {f"parameter {name}": value for name, value in trainer.snapshot().parameters.items()}
    with (folder / f"{process.rank}.npz").open("wb") as file:
        np.savez(file, **found)  # type: ignore[arg-type]  # the names are no parameters of its own


if __name__ == "__main__":
    main(Path(sys.argv[1]), dies="--die" in sys.argv)
