"""Data sets that derive from torch's classes, as a learner writes them, for the tests of the DataLoader."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info


class Squares(Dataset[Any]):
    """Numbers and their squares, as a learner would write it: a length, and an item for each index."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return index, index**2


class Broken(Squares):
    """Five numbers, the third of which raises instead."""

    def __init__(self, error: Exception) -> None:
        super().__init__(5)
        self.error = error

    def __getitem__(self, index: int) -> Any:
        if index == 2:
            raise self.error
        return index


class Noise(Squares):
    """Random items, as a random transform makes them."""

    def __getitem__(self, index: int) -> Any:
        return torch.rand(1).item()


class Stream(IterableDataset[int]):
    """The numbers from 0 on, in order: up to 4, unless another length is given."""

    def __init__(self, length: int = 5) -> None:
        self.length = length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.length))


class Counted(Stream):
    """A stream that says how long it is."""

    def __len__(self) -> int:
        return self.length


class OfItsWorker(Stream):
    """A stream of which each worker reads every other number."""

    def __iter__(self) -> Iterator[int]:
        worker: Any = get_worker_info()
        return iter(range(worker.id, self.length, worker.num_workers))


class OfWorkers(Squares):
    """Items that tell which worker reads them, and what its generators of random numbers draw."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.own = np.random.default_rng(0)

    def __getitem__(self, index: int) -> Any:
        info = get_worker_info()
        return {
            "index": index,
            "process": os.getpid(),
            "worker": None if info is None else (info.id, info.num_workers),
            "seed": None if info is None else info.seed,
            "dataset": info is None or info.dataset is self,
            "initial_seed": torch.initial_seed(),
            "torch": torch.rand(1).item(),
            "python": random.random(),
            "numpy": float(np.random.rand()),  # noqa: NPY002  # NumPy's global generator is meant
            "own": float(self.own.random()),
            "threads": torch.get_num_threads(),
            "told": getattr(self, "told", None),
        }


def tell_the_data_set(worker: int) -> None:
    """Note in a worker's copy of the data set what it was started with, and draw a number."""
    info: Any = get_worker_info()
    info.dataset.told = (worker, info.id, torch.initial_seed() == info.seed, torch.rand(1).item())


def refuse_worker_1(worker: int) -> None:
    """Raise in the second worker."""
    if worker == 1:
        raise OSError("worker 1 is not wanted")


class Noting(Squares):
    """Items that are noted in a file when they are read."""

    def __init__(self, length: int, file: str) -> None:
        super().__init__(length)
        self.file = file

    def __getitem__(self, index: int) -> Any:
        with open(self.file, "a", encoding="utf-8") as file:
            file.write(f"{index}\n")
        return index


class Slow(Squares):
    """Items of which the first takes as many seconds to read as there are items."""

    def __getitem__(self, index: int) -> Any:
        if index == 0:
            time.sleep(self.length)
        return index


class Late(Squares):
    """Items of which the first is there when the last has been read, by another worker."""

    def __init__(self, length: int, file: str) -> None:
        super().__init__(length)
        self.read = Path(file)

    def __getitem__(self, index: int) -> Any:
        if index == self.length - 1:
            self.read.touch()
        if index == 0:
            deadline = time.monotonic() + 60
            while not self.read.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)  # what that worker read before is on its way
        return index


class Several(Squares):
    """Items that can also be read several at a time."""

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [-index for index in indices]


class Understated(Stream):
    """A stream that says that it is one item shorter than it is."""

    def __len__(self) -> int:
        return self.length - 1


def share_the_stream(_: int) -> None:
    """Leave to a worker's copy of a stream every other number of it, by exchanging how it is iterated over."""
    info: Any = get_worker_info()
    info.dataset.__class__ = OfItsWorker
