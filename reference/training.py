"""Training by hand (sections 2.6.5 and 2.7): forward, loss, backward, update, over and over.

    loss, gradients ← network and cross entropy, forward and backward, on one batch
    parameters, states ← one step of an optimizer

The order of the images in an epoch is drawn from the seed and the number of the epoch alone. So a training run can be
stopped after any step and resumed, and every implementation that follows this order sees the same batches.
"""

import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from reference import dataloader
from reference.checks import Array, array, integer, same_dtype
from reference.cnn import Parameters, check_parameters, cifar10_cnn, cifar10_cnn_loss
from reference.optim import State, Step, step


@dataclass(frozen=True)
class Training:
    """A network in training: its parameters, the optimizer's state of each, and the number of steps taken so far."""

    parameters: Parameters
    states: Mapping[str, State] = field(default_factory=dict)
    steps: int = 0


def training_step(
    training: Training, images: Array, labels: Array, optimizer: Step, relu: bool = False, **options: Any
) -> tuple[Array, Training]:
    """Take one step on one batch, images (n, 3, 32, 32), labels (n,), int64: return the loss before, the network after.

    >>> from reference import initial_parameters, sgd
    >>> training = Training(initial_parameters(np.random.default_rng(0), "float64"))
    >>> images, labels = np.ones((4, 3, 32, 32)), np.array([7, 7, 7, 7])
    >>> before, training = training_step(training, images, labels, sgd, lr=0.0625)
    >>> after, training = training_step(training, images, labels, sgd, lr=0.0625)
    >>> training.steps, bool(after < before)
    (2, True)
    """
    loss, _, gradients = cifar10_cnn_loss(images, labels, training.parameters, relu, input_requires_grad=False)
    parameters, states = step(optimizer, training.parameters, gradients, training.states, **options)
    return loss, Training(parameters, states, training.steps + 1)


def to_input(images: Array, dtype: str = "float32") -> Array:
    """Turn stored images (n, h, w, c), 0 to 255, into input (n, c, h, w), 0 to 1.

    >>> to_input(np.full((1, 1, 1, 3), 255, np.uint8)).ravel()
    array([1., 1., 1.], dtype=float32)
    """
    array("images", images, frozenset({"uint8"}))
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype) / 255


def batches(images: int, batch_size: int, epoch: int, seed: int) -> Iterator[Array]:
    """Return the indices of the images of each batch of an epoch, every image at most once, in random order.

    All batches are full: what is left over, less than a batch, is not used in this epoch. Raises ValueError for
    a batch size of less than 1 or of more than all images.

    >>> [sorted(batch.tolist()) for batch in batches(4, 4, epoch=0, seed=0)]
    [[0, 1, 2, 3]]
    """
    if not 1 <= integer("batch_size", batch_size) <= images:
        raise ValueError(f"batch_size must be from 1 to the {images} images, got {batch_size}")
    stream = np.random.SeedSequence(seed, spawn_key=(epoch,))  # not the seed's own stream, which draws the parameters
    generator = np.random.default_rng(stream)
    return map(np.array, dataloader.batches(images, batch_size, shuffle=True, drop_last=True, generator=generator))


def right_answers(scores: Array, labels: Array) -> int:
    """Count the samples whose highest score is that of their class: scores (n, c), labels (n,).

    >>> right_answers(np.array([[0.5, 2.0], [3.0, 1.0]]), np.array([1, 1]))
    1
    """
    return int((scores.argmax(axis=1) == labels).sum())


class NumpyTrainer:
    """The command's training in NumPy: holds the network in training and steps it."""

    def __init__(self, training: Training, optimizer: Step, options: Mapping[str, Any], relu: bool) -> None:
        self.training, self.optimizer, self.options, self.relu = training, optimizer, options, relu

    def step(self, images: Array, labels: Array) -> float:
        """Take one step on a batch, and return the loss before it."""
        loss, self.training = training_step(self.training, images, labels, self.optimizer, self.relu, **self.options)
        return float(loss)

    def scores(self, images: Array) -> Array:
        """Return the scores of a batch."""
        return cifar10_cnn(images, self.training.parameters, self.relu)

    def snapshot(self) -> Training:
        """Return the network as it is now."""
        return self.training


@dataclass(frozen=True)
class Checkpoint:
    """A network in training, and the settings that its next step depends on."""

    training: Training
    settings: Mapping[str, str]

    @staticmethod
    def unfinished(path: Path) -> Path:
        """Return the path to which a checkpoint is written before it is moved into place."""
        return path.with_name(path.name + ".unfinished")

    def save(self, path: Path) -> None:
        """Write it as a NumPy archive; an existing file is replaced only once the new one is complete."""
        flat: dict[str, Any] = {"steps": np.array(self.training.steps)}
        flat |= {f"settings/{name}": np.array(value) for name, value in self.settings.items()}
        flat |= {f"parameters/{name}": value for name, value in self.training.parameters.items()}
        for name, state in self.training.states.items():
            flat |= {f"states/{name}/{key}": np.asarray(value) for key, value in state.items()}
        unfinished = self.unfinished(path)
        try:
            with unfinished.open("wb") as file:
                np.savez(file, **flat)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read one; raises ValueError for a file that no training can have written, and OSError as `open` does."""
        try:
            with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as archive:
                flat = {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, zipfile.BadZipFile):
            raise ValueError("is not a checkpoint") from None
        parameters, settings = _below("parameters", flat), _below("settings", flat)
        try:
            check_parameters(parameters)
            same_dtype(**parameters)
            steps, states = _steps(flat), _states(flat, parameters)
        except (ValueError, TypeError) as error:
            raise ValueError(f"is not a checkpoint of this network: {error}") from None
        if not all(np.isfinite(value).all() for value in parameters.values()):
            raise ValueError("has parameters that are not finite")
        return cls(Training(parameters, states, steps), {name: str(value) for name, value in settings.items()})


def _steps(flat: Mapping[str, Array]) -> int:
    steps = flat.get("steps", np.array(-1))
    if steps.shape != () or steps.dtype.kind != "i" or steps < 0:
        raise ValueError("it lacks the number of steps")
    return int(steps)


def _states(flat: Mapping[str, Array], parameters: Parameters) -> dict[str, dict[str, Any]]:
    states: dict[str, dict[str, Any]] = {name: {} for name in parameters}
    for name, value in _below("states", flat).items():
        parameter, _, key = name.rpartition("/")
        if parameter not in parameters:
            raise ValueError(f"it has a state for {parameter!r}, which is not a parameter")
        states[parameter][key] = value
        if key == "step":
            states[parameter][key] = int(value)
    return states


def _below(folder: str, flat: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{folder}/"
    return {name.removeprefix(start): value for name, value in flat.items() if name.startswith(start)}
