"""Training by hand (sections 2.6.5 and 2.7): forward, loss, backward, update, again and again.

    loss, gradients ← network and cross entropy, forward and backward, on one batch
    parameters, states ← one step of an optimizer

The order of the pictures is drawn anew for every epoch, from the seed and the number of the epoch alone. So a
training run can be stopped after any step and taken up again, and every implementation that follows this
order sees the same batches.
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
    """A network in training: its parameters, what the optimizer remembers of each, and the steps taken so far."""

    parameters: Parameters
    states: Mapping[str, State] = field(default_factory=dict)
    steps: int = 0


def training_step(
    training: Training, images: Array, labels: Array, optimizer: Step, relu: bool = False, **options: Any
) -> tuple[Array, Training]:
    """Take one step on one batch, images (n, 3, 32, 32), labels (n,), int64: the loss before it, the network after.

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


def to_input(pictures: Array, dtype: str = "float32") -> Array:
    """Turn stored pictures (n, h, w, c), 0 to 255, into input (n, c, h, w), 0 to 1.

    >>> to_input(np.full((1, 1, 1, 3), 255, np.uint8)).ravel()
    array([1., 1., 1.], dtype=float32)
    """
    array("pictures", pictures, frozenset({"uint8"}))
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), dtype) / 255


def batches(pictures: int, batch_size: int, epoch: int, seed: int) -> Iterator[Array]:
    """Return the numbers of the pictures of each batch of an epoch, every picture at most once, in drawn order.

    All batches are whole: what is left over, less than a batch, takes no part in this epoch. Raises ValueError for
    a batch that is larger than all pictures together, or smaller than one.

    >>> [sorted(batch.tolist()) for batch in batches(4, 4, epoch=0, seed=0)]
    [[0, 1, 2, 3]]
    """
    if not 1 <= integer("batch_size", batch_size) <= pictures:
        raise ValueError(f"batch_size must be from 1 to the {pictures} pictures, got {batch_size}")
    stream = np.random.SeedSequence(seed, spawn_key=(epoch,))  # apart from the seed's own, which draws parameters
    generator = np.random.default_rng(stream)
    return map(np.array, dataloader.batches(pictures, batch_size, shuffle=True, drop_last=True, generator=generator))


def right_answers(scores: Array, labels: Array) -> int:
    """Count the samples whose highest score is that of their class: scores (n, c), labels (n,).

    >>> right_answers(np.array([[0.5, 2.0], [3.0, 1.0]]), np.array([1, 1]))
    1
    """
    return int((scores.argmax(axis=1) == labels).sum())


class NumpyTrainer:
    """The command's training in NumPy: it holds the network in training, and steps it."""

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
        """Return where a checkpoint is written before it takes its place."""
        return path.with_name(path.name + ".unfinished")

    def save(self, path: Path) -> None:
        """Write it as a NumPy archive; a file of this name is replaced only once the new one is whole."""
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
        """Read one; raises ValueError for a file that is none or that no training can have written, else OSError."""
        try:
            with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as archive:
                flat = {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, zipfile.BadZipFile):
            raise ValueError("is no checkpoint") from None
        parameters, settings = _below("parameters", flat), _below("settings", flat)
        try:
            check_parameters(parameters)
            same_dtype(**parameters)
            steps, states = _steps(flat), _states(flat, parameters)
        except (ValueError, TypeError) as error:
            raise ValueError(f"is no checkpoint of this network: {error}") from None
        if not all(np.isfinite(value).all() for value in parameters.values()):
            raise ValueError("holds parameters that are not finite")
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
            raise ValueError(f"it has a state of {parameter!r}, which is no parameter")
        states[parameter][key] = value
        if key == "step":
            states[parameter][key] = int(value)
    return states


def _below(folder: str, flat: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{folder}/"
    return {name.removeprefix(start): value for name, value in flat.items() if name.startswith(start)}
