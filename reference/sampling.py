"""Parts and sums of data sets, and what draws from them (sections 1.4 and 1.5).

    Subset            item i is item indices[i] of a data set
    ConcatDataset     the items of one data set after those of another
    TensorDataset     item i is (a[i], b[i], …) of arrays of the same length
    random_split      every item to exactly one part, at random
    weighted_sample   index i with probability wᵢ / Σ w, again and again; or, without replacement, each index once at
                      most, the weights of those that are left being those of the rest

A data set is anything with a length and an item for every index below it. Names, order and defaults of the arguments
are those of `torch.utils.data`. Random numbers come from a NumPy generator; torch draws others with the same
distribution. An index may be negative, as in a list; one that does not exist raises IndexError.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import floor, isclose
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, affordable, array, flag, integer, real, shown


@dataclass(frozen=True)
class Subset:
    """Some items of a data set, in an order of their own; an index may stand in it more than once.

    >>> [*Subset("abcd", [3, 0, 3])]
    ['d', 'a', 'd']
    """

    dataset: Any
    indices: Sequence[int]

    def __len__(self) -> int:
        """Count the indices."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        """Return the item of the data set that is meant."""
        return self.dataset[self.indices[_within(len(self), index)]]


class ConcatDataset:
    """The items of several data sets, one after another.

    >>> joined = ConcatDataset(["ab", "cde"])
    >>> len(joined), joined[1], joined[2], joined[-1]
    (5, 'b', 'c', 'e')
    """

    def __init__(self, datasets: Sequence[Any]) -> None:
        """Measure them once: they are not expected to grow."""
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("datasets must be at least one data set, got none")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        """Add up the lengths."""
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        """Find the first data set that ends behind the index: an empty one is passed over."""
        index = _within(len(self), index)
        which = bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


class TensorDataset:
    """The rows of several arrays, side by side: (images, labels) gives the items (image, label).

    >>> TensorDataset(np.array([[1, 2], [3, 4]]), np.array([7, 8]))[1]
    (array([3, 4]), np.int64(8))
    """

    def __init__(self, *tensors: Array) -> None:
        """Take arrays of any shapes, whose first axes have the same length."""
        self.tensors = tuple(array("tensors", tensor, FLOATS | INTEGERS | {"bool", "float16"}) for tensor in tensors)
        if not tensors or any(tensor.ndim == 0 for tensor in tensors):
            raise ValueError("tensors must be at least one array, each with an axis of items")
        if len({len(tensor) for tensor in tensors}) > 1:
            raise ValueError(f"tensors have {', '.join(str(len(t)) for t in tensors)} items, expected as many in each")

    def __len__(self) -> int:
        """Count the items."""
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return a row of each array."""
        return tuple(tensor[_within(len(self), index)] for tensor in self.tensors)


def split_lengths(length: int, lengths: Sequence[float]) -> list[int]:
    """Return how many items each part gets: `lengths` themselves, or of fractions of 1 ⌊fraction · length⌋ each.

    What is left of the rounding, one item at most for a part, goes to the first parts. The product is that of floating
    point: 0.3 of 10 are 3 items, though the number nearest to 0.3 is below it.

    >>> split_lengths(10, [3, 7]), split_lengths(11, [0.5, 0.25, 0.25])
    ([3, 7], [6, 3, 2])
    """
    length, numbers = integer("length", length), [real("lengths", number) for number in lengths]
    if not numbers or min(numbers) < 0:
        raise ValueError(f"lengths must be at least one number, none below 0, got {shown(lengths)}")
    if isclose(sum(numbers), 1):
        whole = [floor(length * number) for number in numbers]
        parts = [part + (place < length - sum(whole)) for place, part in enumerate(whole)]
    else:
        parts = [integer("lengths", number) for number in lengths]
    if sum(parts) != length:
        raise ValueError(f"lengths must add up to 1 or to the number of items {length}, got {shown(lengths)}")
    return parts


def random_split(dataset: Any, lengths: Sequence[float], generator: np.random.Generator) -> list[Subset]:
    """Share the items of a data set out among parts, at random: each to one of them, every way equally likely.

    >>> first, second = random_split("abcde", [2, 3], np.random.default_rng(0))
    >>> len(first), sorted([*first, *second])
    (2, ['a', 'b', 'c', 'd', 'e'])
    """
    _drawing(generator)
    parts = split_lengths(len(dataset), lengths)
    order = generator.permutation(len(dataset)).tolist()
    return [Subset(dataset, order[end - part : end]) for end, part in zip(accumulate(parts), parts, strict=True)]


def weighted_sample(
    weights: Sequence[float], num_samples: int, replacement: bool = True, *, generator: np.random.Generator
) -> list[int]:
    """Draw indices by their weights, which need not add up to 1; what weighs nothing is never drawn.

    Without replacement, ask for no more indices than weigh something.

    >>> weighted_sample([0, 2, 0], 3, generator=np.random.default_rng(0))
    [1, 1, 1]
    >>> sorted(weighted_sample([1, 0, 5], 2, replacement=False, generator=np.random.default_rng(0)))
    [0, 2]
    """
    left = [real("weights", weight) for weight in weights]
    (count,) = affordable("the sample", [integer("num_samples", num_samples)])
    if count < 1:
        raise ValueError(f"num_samples must be at least 1, got {count}")
    if not (left and all(0 <= weight < float("inf") for weight in left) and sum(left) > 0):
        raise ValueError(f"weights must be finite, none below 0 and not all of them 0, got {shown(weights)}")
    most = sum(weight > 0 for weight in left)
    if not flag("replacement", replacement) and count > most:
        raise ValueError(f"num_samples must be at most the {most} that weigh something, got {count}")
    _drawing(generator)
    drawn = []
    for _ in range(count):
        drawn.append(_one(left, generator))
        if not replacement:
            left[drawn[-1]] = 0.0
    return drawn


def of_worker(batches: Sequence[Any], worker: int, workers: int) -> Sequence[Any]:
    """Return which batches of an epoch this one of several workers reads; they are given out in their old order.

    >>> of_worker(["first", "second", "third"], worker=0, workers=2)
    ['first', 'third']
    """
    worker, workers = integer("worker", worker), integer("workers", workers)
    if not 0 <= worker < workers:
        raise ValueError(f"worker must be from 0 to {workers - 1}, got {worker}")
    return batches[worker::workers]


def _one(weights: Sequence[float], generator: np.random.Generator) -> int:
    """Draw one index: the weights lie end to end, and a point on them is drawn."""
    ends = list(accumulate(weights))
    return bisect_right(ends, generator.random() * ends[-1])


def _within(length: int, index: object) -> int:
    """Return an index counted from the front."""
    number = integer("index", index)
    if not -length <= number < length:
        raise IndexError(f"index must be from {-length} to {length - 1}, got {number}")
    return number % length


def _drawing(generator: object) -> None:
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator must be like numpy.random.default_rng(seed), got {shown(generator)}")
