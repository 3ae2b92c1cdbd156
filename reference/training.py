"""Training by hand (sections 2.6.5 and 2.7): forward, loss, backward, update, over and over.

    loss, gradients ← network and cross entropy, forward and backward, on one batch
    parameters, states ← one step of an optimizer

The order of the images in an epoch is drawn from the seed and the number of the epoch alone. So a training run can be
stopped after any step and resumed, and every implementation that follows this order sees the same batches.
"""

import io
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from reference import dataloader
from reference.checks import Array, array, integer, same_dtype, shown
from reference.cnn import Parameters, check_parameters, cifar10_cnn, cifar10_cnn_loss
from reference.optim import State, Step, step
from reference.whole_files import unfinished_file

SQUARES = frozenset({"exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum"})
"""States that are sums or averages of squares."""

FOLDERS = ("parameters", "states", "settings")
"""What the names of a checkpoint's arrays begin with."""

MOST_STEPS = 2**53
"""No training takes so many; up to here float64 counts every one."""
LONGEST_SETTING = 200


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
    images, batch_size = integer("images", images), integer("batch_size", batch_size)
    if not 1 <= batch_size <= images:
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

    def save(self, path: Path) -> None:
        """Write it as a NumPy archive; an existing file is replaced only once the new one is complete.

        Raises ValueError for one that `load` would refuse, before anything is written, and OSError as `open` does.
        """
        _check(self.training)
        flat: dict[str, Any] = {"steps": np.array(self.training.steps)}
        flat |= {f"settings/{name}": np.array(value) for name, value in self.settings.items()}
        flat |= {f"parameters/{name}": value for name, value in self.training.parameters.items()}
        for name, state in self.training.states.items():
            flat |= {f"states/{name}/{key}": np.asarray(value) for key, value in state.items()}
        _checkpoint_in(flat)
        with unfinished_file(path) as file:
            np.savez(file, **flat)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read one; raises ValueError for a file that no training can have written, and OSError as `open` does."""
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ValueError("is not a file")
        with path.open("rb") as file:
            try:
                flat = _arrays(file)
            except Exception:  # a damaged archive makes its readers raise nearly anything
                raise ValueError("is not a checkpoint") from None
        training, settings = _checkpoint_in(flat)
        _check(training)
        return cls(training, settings)


def _checkpoint_in(flat: Mapping[str, Array]) -> tuple[Training, dict[str, str]]:
    """Return the training and the settings that arrays by name hold, or raise ValueError."""
    parameters = _below("parameters", flat)
    unknown = [name for name in flat if name != "steps" and name.partition("/")[0] not in FOLDERS]
    try:
        if unknown:
            raise ValueError(f"it has an array {shown(unknown[0])}, expected {', '.join(FOLDERS)} and steps")
        check_parameters(parameters)
        same_dtype(**parameters)
        return Training(parameters, _states(flat, parameters), _steps(flat)), _settings(flat)
    except (ValueError, TypeError) as error:
        raise ValueError(f"is not a checkpoint of this network: {error}") from None


def _settings(flat: Mapping[str, Array]) -> dict[str, str]:
    texts = {name: value for name, value in _below("settings", flat).items() if value.dtype.kind == "U"}
    settings = {name: str(value) for name, value in texts.items() if value.shape == ()}
    if len(settings) < len(_below("settings", flat)) or not all(map(_is_short, settings.values())):
        raise ValueError("it has a setting that is not a short text")
    return settings


def _is_short(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST_SETTING


def _check(training: Training) -> None:
    """Raise ValueError for a training that cannot go on."""
    if not all(np.isfinite(value).all() for value in training.parameters.values()):
        raise ValueError("has parameters that are not finite")
    for name, state in training.states.items():
        for key, value in state.items():
            if np.isnan(value).any():
                raise ValueError(f"has NaN in the state {key!r} of {name}")
            if key in SQUARES and (np.asarray(value) < 0).any():
                raise ValueError(f"has negative squares in the state {key!r} of {name}")


def _arrays(file: IO[bytes]) -> dict[str, Array]:
    """Return the arrays of an archive as `np.savez` writes it, by name; raise anything for another file.

    Nothing is unpacked, and the arrays together are no larger than the file.
    """
    with zipfile.ZipFile(file) as archive, warnings.catch_warnings(action="error"):
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > os.fstat(file.fileno()).st_size:
            raise zipfile.BadZipFile("its parts lie on one another")
        flat = {part.filename.removesuffix(".npy"): _array_in(archive.read(part)) for part in parts if _is_plain(part)}
    if len(flat) < len(parts):
        raise zipfile.BadZipFile("it has parts of one name, or packed ones")
    return flat


def _is_plain(part: zipfile.ZipInfo) -> bool:
    return part.compress_type == zipfile.ZIP_STORED and part.file_size == part.compress_size


def _array_in(content: bytes) -> Array:
    stream = io.BytesIO(content)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = read_header[np.lib.format.read_magic(stream)](stream)
    if dtype.hasobject or prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError("its size is not that of its shape")
    return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C").copy()


def _steps(flat: Mapping[str, Array]) -> int:
    steps = flat.get("steps", np.array(-1))
    if not _is_number_of_steps(steps):
        raise ValueError("it lacks the number of steps")
    return int(steps)


def _is_number_of_steps(value: Array) -> bool:
    return value.shape == () and value.dtype.kind == "i" and bool(0 <= value < MOST_STEPS)


def _states(flat: Mapping[str, Array], parameters: Parameters) -> dict[str, dict[str, Any]]:
    states: dict[str, dict[str, Any]] = {name: {} for name in parameters}
    for name, value in _below("states", flat).items():
        parameter, _, key = name.rpartition("/")
        if parameter not in parameters:
            raise ValueError(f"it has a state for {parameter!r}, which is not a parameter")
        if key == "step":
            if not _is_number_of_steps(value):
                raise ValueError(f"the step of {parameter} is not a number of steps")
            states[parameter][key] = int(value)
        else:
            array(key, value)
            states[parameter][key] = value
    return states


def _below(folder: str, flat: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{folder}/"
    return {name.removeprefix(start): value for name, value in flat.items() if name.startswith(start)}
