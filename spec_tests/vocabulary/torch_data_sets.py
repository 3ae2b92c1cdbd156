"""Data sets that derive from torch's classes, as a learner writes them, for the tests of the DataLoader."""

from collections.abc import Iterator
from typing import Any

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
