"""Train the document's network: `python -m reference.train --data DIR`, in NumPy or in torch.

For a given `--seed`, both start from the same parameters and see the same batches, and each reads the other's
checkpoints. `torchrun --nproc-per-node=2 -m reference.train --implementation torch …` trains in two processes.
"""

import argparse
import math
import signal
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

import numpy as np

import reference
from reference import datasets
from reference.checks import Array
from reference.command import Interrupted, Parser, Refusal, needed, number_from, run
from reference.train_in_torch import Process, TorchTrainer, rank_of_this_process
from reference.train_log import log_in
from reference.training import Checkpoint, NumpyTrainer, Training, batches, right_answers, to_input
from reference.whole_files import check_apart, stream_at

OPTIMIZERS: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.01, "momentum": 0.9},  # as in the document
    "adam": {"lr": 0.001},
    "adamw": {"lr": 0.001},
    "rmsprop": {"lr": 0.001},
    "adagrad": {"lr": 0.01},
}
"""The options that the command uses."""

SCORED_AT_A_TIME = 250
PROGRAM = "python -m reference.train"


class Trainer(Protocol):
    """One implementation of training."""

    def step(self, images: Array, labels: Array) -> float:
        """Take one step on a batch, and return the loss before it."""

    def scores(self, images: Array) -> Array:
        """Return the scores of a batch."""

    def snapshot(self) -> Training:
        """Return the network as it is now, as arrays."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command: exit status 2 for wrong options, 1 for any other error, each with a message of one line."""
    run(PROGRAM, lambda: train(_arguments(argv), Process.this()), rank_of_this_process())


def train(arguments: argparse.Namespace, process: Process) -> None:
    """Train as the arguments say, and after each epoch print the accuracy on the held-out images."""
    data, held_out = (_images_and_labels(arguments.data, train) for train in (True, False))
    steps_an_epoch = _steps_an_epoch(arguments, process, len(data[0]))
    settings = _settings(arguments, data[1])
    start = _start(arguments, settings)
    place = _place(arguments.checkpoint if process.speaks else None, arguments.data)
    if start.steps >= arguments.epochs * steps_an_epoch:
        raise Refusal(f"--resume {arguments.resume}: already trained for --epochs {arguments.epochs}")
    trainer, done = make_trainer(arguments, process, start), start.steps
    with log_in(arguments.logdir if process.speaks else None, done) as log, _interrupts(process) as interrupts:
        for epoch in range(done // steps_an_epoch, arguments.epochs):
            left = list(batches(len(data[0]), arguments.batch_size, epoch, arguments.seed))[done % steps_an_epoch :]
            losses = []
            for batch in _with_a_bar(left, f"epoch {epoch + 1}", process):
                losses.append(_step(trainer, data, process.share(batch), arguments))
                done += 1
                log("loss", losses[-1], done)
                if interrupts or log.error:
                    break
            else:
                if process.speaks:
                    accuracy = _accuracy(trainer, *held_out, arguments.dtype)
                    log("accuracy", accuracy, done)
                    mean = sum(losses) / len(losses)
                    print(f"epoch {epoch + 1}/{arguments.epochs}  loss {mean:.4f}  accuracy {accuracy:.1%}", flush=True)
            if place:
                _save(place, trainer.snapshot(), settings)
            saved = f"continue with --resume {place}" if place else "nothing is saved without --checkpoint"
            if interrupts:
                raise Interrupted(f"interrupted after step {done}; {saved}", signal=interrupts[0])
            if log.error:
                raise Refusal(f"{log.error} after step {done}; {saved}")


def _step(trainer: Trainer, data: tuple[Array, Array], mine: Array, arguments: argparse.Namespace) -> float:
    """Take one step on these images, and return the loss before it."""
    try:
        loss = trainer.step(to_input(data[0][mine], arguments.dtype), data[1][mine])
    except RuntimeError as error:  # torch refuses a factor that its format cannot hold
        if "overflow" not in str(error):
            raise
        raise Refusal(f"--lr {_options(arguments)['lr']} is too large for {arguments.dtype}: {error}") from None
    if not math.isfinite(loss):
        raise Refusal(f"the loss has become {loss}: --lr {_options(arguments)['lr']} is too large")
    return loss


def make_trainer(arguments: argparse.Namespace, process: Process, start: Training) -> Trainer:
    """Return the implementation that the arguments name, starting from this state."""
    if arguments.implementation == "numpy":
        if arguments.device != "cpu" or process.processes > 1:
            raise Refusal("--implementation numpy runs on the CPU, in one process")
        step = getattr(reference, arguments.optimizer)
        return NumpyTrainer(start, step, _options(arguments), arguments.activations)
    return TorchTrainer(
        start, arguments.optimizer, _options(arguments), arguments.activations, arguments.device, process
    )


def _images_and_labels(folder: Path, train: bool) -> tuple[Array, Array]:
    """Return all images (n, h, w, c), 0 to 255, and labels (n,) of a split, read by torchvision's own class."""
    needed("torch", "--data")  # first, as torchvision stumbles over one that is too old
    torchvision = needed("torchvision", "--data")
    try:
        split = datasets.cifar10(folder, train=train)
    except (RuntimeError, OSError, ValueError) as error:
        bad = datasets.first_bad_file(folder, torchvision.datasets.CIFAR10) if isinstance(error, RuntimeError) else None
        raise Refusal(f"--data {folder}: {f'{bad} is missing or corrupted' if bad else error}") from None
    if not len(split.data):
        raise Refusal(f"--data {folder}: it has no {'training' if train else 'test'} images")
    return split.data, np.array(split.targets, np.int64)


def _steps_an_epoch(arguments: argparse.Namespace, process: Process, images: int) -> int:
    if arguments.batch_size > images:
        raise Refusal(f"--batch-size {arguments.batch_size} is more than the {images} images in {arguments.data}")
    if arguments.batch_size % process.processes:
        raise Refusal(
            f"--batch-size {arguments.batch_size} cannot be divided evenly among {process.processes} processes"
        )
    return images // int(arguments.batch_size)


def _place(path: Path | None, data: Path) -> Path | None:
    """Return where to save, no file of the data, after trying it before the first step rather than after an epoch."""
    if path is None:
        return None
    path = path.absolute()
    try:
        if (path.exists() and not path.is_file()) or stream_at(path) is not None:
            raise OSError(0, "is not a file")
        if not path.parent.is_dir():
            raise OSError(0, f"folder {path.parent} does not exist")
        check_apart([path], data.glob("*/*"))
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise Refusal(f"--checkpoint {path}: {error.strerror}") from None
    return path


def _start(arguments: argparse.Namespace, settings: Mapping[str, str]) -> Training:
    """Return the initial parameters of this seed, or what the checkpoint holds."""
    path: Path | None = arguments.resume
    if path is None:
        return Training(reference.initial_parameters(np.random.default_rng(arguments.seed), arguments.dtype))
    try:
        checkpoint = Checkpoint.load(path)
        for name, value in settings.items():
            if (saved := checkpoint.settings.get(name, "unknown")) != value:
                raise ValueError(f"was trained with {name} {saved}, this run has {value}")
        for name, parameter in checkpoint.training.parameters.items():  # a step refuses a state of the wrong form
            state = checkpoint.training.states[name]
            getattr(reference, arguments.optimizer)(parameter, np.zeros(parameter.shape, arguments.dtype), state)
    except OSError as error:
        raise Refusal(f"--resume {path}: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise Refusal(f"--resume {path}: {error}") from None
    return checkpoint.training


def _settings(arguments: argparse.Namespace, labels: Array) -> dict[str, str]:
    """Return what must not change for a resumed run to continue as if never stopped; --lr and --epochs may change."""
    names = ("optimizer", "batch_size", "seed", "dtype", "activations")
    # "pictures" is what checkpoints have that were saved before: another word would keep them from being resumed.
    data = {"data": f"of {len(labels)} pictures, {zlib.crc32(labels.tobytes()):08x}"}
    return {name.replace("_", "-"): str(getattr(arguments, name)) for name in names} | data


def _save(place: Path, training: Training, settings: Mapping[str, str]) -> None:
    try:
        Checkpoint(training, settings).save(place)
    except OSError as error:
        raise Refusal(f"--checkpoint {place}: {error.strerror}") from None
    except ValueError as error:
        raise Refusal(f"--checkpoint {place} is left as it was: the network {error}; --lr is too large") from None


SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
"""What asks a run to end: Ctrl-C, `kill`, and on Windows Ctrl-Break."""


@contextmanager
def _interrupts(process: Process) -> Iterator[list[int]]:
    """Note the first signal, to end after the current step; a second one ends at once. Torchrun stops its processes."""
    asked: list[int] = []
    if process.processes > 1:
        yield asked
        return

    def note(number: int, _: object) -> None:
        asked.append(number)
        restore()

    def restore() -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)

    before = {kind: signal.signal(kind, note) for kind in SIGNALS}
    try:
        yield asked
    finally:
        restore()


def _options(arguments: argparse.Namespace) -> dict[str, float]:
    return OPTIMIZERS[arguments.optimizer] | ({} if arguments.lr is None else {"lr": arguments.lr})


def _accuracy(trainer: Trainer, images: Array, labels: Array, dtype: str) -> float:
    """Return the share of the held-out images that are recognised."""
    parts = [slice(start, start + SCORED_AT_A_TIME) for start in range(0, len(labels), SCORED_AT_A_TIME)]
    right = sum(right_answers(trainer.scores(to_input(images[part], dtype)), labels[part]) for part in parts)
    return right / len(labels)


def _with_a_bar(batches: Sequence[Array], name: str, process: Process) -> Iterable[Array]:
    """Show a progress bar on a terminal, if tqdm is installed."""
    if not (process.speaks and sys.stderr.isatty() and find_spec("tqdm")):
        return batches
    bar: Iterable[Array] = import_module("tqdm").tqdm(batches, desc=name, unit="step", leave=False)
    return bar


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(PROGRAM, description="Train the document's CIFAR-10 network, in NumPy or in torch.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that holds cifar-10-batches-py")
    add("--implementation", choices=["numpy", "torch"], default="numpy", help="what to train with (default numpy)")
    add("--optimizer", choices=OPTIMIZERS, default="sgd", help="the optimizer (default sgd, with momentum 0.9)")
    add("--lr", type=number_from(float, 0), help="the learning rate (default 0.01 for sgd and adagrad, else 0.001)")
    add("--epochs", type=number_from(int, 1), default=6, help="passes over the training images (default 6)")
    add("--batch-size", type=number_from(int, 1), default=64, help="images per step (default 64)")
    add("--seed", type=number_from(int, 0), default=0, help="for the initial parameters and the batches (default 0)")
    add("--dtype", choices=["float32", "float64"], default="float32", help="the number format (default float32)")
    add("--activations", action="store_true", help="add a ReLU after each convolution")
    add("--device", default="cpu", help="the device for torch, for example cuda (default cpu)")
    add("--logdir", type=Path, metavar="DIR", help="log loss and accuracy there, for TensorBoard")
    add("--checkpoint", type=Path, metavar="FILE", help="save a checkpoint there after every epoch")
    add("--resume", type=Path, metavar="FILE", help="continue from this checkpoint; --lr and --epochs may differ")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
