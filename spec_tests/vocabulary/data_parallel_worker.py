"""One of several processes that train in parallel for `test_2_7_training.py`, started by torchrun.

`… -m spec_tests.vocabulary.data_parallel_worker FOLDER` takes five steps and writes its results to FOLDER, and at its
end the names of the threads that are left. With `--die` the second process exits abruptly after two steps, as if its
machine had failed.
"""

import atexit
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

THREADS = Path("/proc/self/task")
"""Where Linux lists the threads of a process."""

STEPS = 5
BATCH = 8


def start(dtype: str = "float64") -> Training:
    """Return an untrained network."""
    return Training(reference.initial_parameters(np.random.default_rng(0), dtype))


def batch(seed: int, images: int = BATCH, dtype: str = "float64") -> tuple[Array, Array]:
    """Return stand-in images as network input, and their labels."""
    rng = np.random.default_rng(seed)
    labels = balanced_labels(images, 10, rng)
    return to_input(synthetic_images(labels, 10, rng).transpose(0, 2, 3, 1), dtype), labels


def main(folder: Path, dies: bool) -> None:
    """Take the steps and write the results."""
    process = Process.this()
    if THREADS.is_dir():  # after all that is registered later, in particular by the trainer
        atexit.register(_write_the_names_of_the_threads, folder / f"{process.rank}.threads")
    share = process.share(np.arange(BATCH))
    trainer = TorchTrainer(start(), "sgd", OPTIMIZERS["sgd"], process=process)
    results: dict[str, Array] = {"share": share}
    for step in range(STEPS):
        if dies and process.rank == 1 and step == 2:
            os._exit(3)
        images, labels = batch(step)
        trainer.step(images[share], labels[share])
        if step == 0:
            results |= {f"gradient {name}": p.grad.numpy().copy() for name, p in trainer.network.named_parameters()}
    results |= {f"parameter {name}": value for name, value in trainer.snapshot().parameters.items()}
    with (folder / f"{process.rank}.npz").open("wb") as file:
        np.savez(file, **results)  # type: ignore[arg-type]  # the names are not its own parameters


def _write_the_names_of_the_threads(path: Path) -> None:
    path.write_text("".join(sorted((thread / "comm").read_text() for thread in THREADS.iterdir())), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), dies="--die" in sys.argv)
