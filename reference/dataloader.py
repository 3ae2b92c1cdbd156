"""Loading data in batches (section 1.5): which items form a batch, in which order, and as which arrays.

    order    of an epoch: 0 … n − 1 as they are stored, or shuffled, or as a sampler gives them
    batches  ⌈n / b⌉, of b indices each, the last of what is left; with `drop_last` ⌊n / b⌋, all of them full
    batch    of the items (x₀, y₀), (x₁, y₁), …: [x, y], where x holds x₀, x₁, … along a new first axis

n length, b `batch_size`. Of a stream, which can only be iterated over, the order is its own and the length unknown.
The arguments have the names, order and defaults of `torch.utils.data.DataLoader`. One call is one epoch; shuffling
draws a permutation from a NumPy generator, so the next epoch gets another one. Torch draws different ones with the same
distribution: every order is equally likely, and equal generator states give equal orders.

Where torch is lenient this is strict: a sampler's indices must be those of items, `shuffle` must be True or False, and
the items of a batch must agree in type, shape, dtype and keys. Arguments of the wrong type raise TypeError, wrong
values ValueError.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, affordable, array, flag, integer, shown

NUMBERS = (bool, int, float)
DTYPES = FLOATS | INTEGERS | {"bool", "float16"}


def batches(
    length: int,
    batch_size: int | None = 1,
    shuffle: bool = False,
    sampler: Iterable[int] | None = None,
    batch_sampler: Iterable[Iterable[int]] | None = None,
    drop_last: bool = False,
    generator: np.random.Generator | None = None,
) -> list[list[int]] | list[int]:
    """Return the indices of each batch of one epoch, or if `batch_size` is None, all indices in their order.

    A `sampler` replaces shuffling, a `batch_sampler` all other options; `shuffle` needs a generator and a length of at
    least 1. One that is endless has no such list: `data_loader` asks it a batch at a time.

    >>> batches(5, batch_size=2)
    [[0, 1], [2, 3], [4]]
    >>> batches(5, batch_size=2, sampler=[4, 0, 4], drop_last=True)
    [[4, 0]]
    >>> sorted(batches(5, batch_size=None, shuffle=True, generator=np.random.default_rng(0)))
    [0, 1, 2, 3, 4]
    """
    (length,) = affordable("the order", [_at_least(0, "length", length)])
    return list(_batches(length, batch_size, shuffle, sampler, batch_sampler, drop_last, generator))


def number_of_batches(length: int, batch_size: int = 1, drop_last: bool = False) -> int:
    """Count the batches of one epoch.

    >>> number_of_batches(10_000, batch_size=64), number_of_batches(10_000, batch_size=64, drop_last=True)
    (157, 156)
    """
    length, batch_size = _at_least(0, "length", length), _at_least(1, "batch_size", batch_size)
    return length // batch_size if flag("drop_last", drop_last) else -(-length // batch_size)


def default_collate(batch: Sequence[Any]) -> Any:
    """Collate items: stack numbers and arrays along a new first axis, and containers part by part.

    Python's numbers become bool, int64 and (although torch's layers compute in float32) float64, NumPy's numbers and
    arrays keep their dtype, strings and bytes stay as they are. Dictionaries and named tuples give one of their own
    type, lists and tuples give a list.

    >>> default_collate([{"label": 7, "name": "horse"}, {"label": 8, "name": "ship"}])
    {'label': array([7, 8]), 'name': ['horse', 'ship']}
    """
    if not isinstance(batch, Sequence):
        raise TypeError(f"batch must be a list or another sequence of items, got {type(batch).__name__}")
    if not batch:
        raise ValueError("there are no items to collate")
    kind: type = _common("type", [type(item) for item in batch], TypeError)
    if kind in (str, bytes):
        return batch[:]
    if kind in NUMBERS or issubclass(kind, np.ndarray | np.generic):
        return _stacked([np.asarray(item) if kind in NUMBERS else item for item in batch])
    if kind is dict:
        _common("keys", [set(item) for item in batch])
        return {key: default_collate([item[key] for item in batch]) for key in batch[0]}
    if kind in (tuple, list) or hasattr(kind, "_fields"):
        _common("length", [len(item) for item in batch])
        parts = [default_collate(values) for values in zip(*batch, strict=True)]
        return kind(*parts) if hasattr(kind, "_fields") else parts
    raise TypeError(f"items have type {kind.__name__}, expected numbers, strings, NumPy arrays or containers of them")


def data_loader(
    dataset: Any, batch_size: int | None = 1, *, collate_fn: Callable[..., Any] = default_collate, **options: Any
) -> Iterator[Any]:
    """Yield the batches of one epoch, or if `batch_size` is None, single items as they are.

    A data set is anything with a length and an item for every index below it; other options are those of `batches`.
    Or it is a stream, which has no items by index and can only be iterated over: that is its order, so `shuffle` and
    samplers are refused. Streams and samplers are read a batch at a time, and may be endless.

    >>> dataset = [(np.full((3, 32, 32), 0.5), 7), (np.zeros((3, 32, 32)), 2), (np.ones((3, 32, 32)), 4)]
    >>> [(images.shape, labels.tolist()) for images, labels in data_loader(dataset, batch_size=2)]
    [((2, 3, 32, 32), [7, 2]), ((1, 3, 32, 32), [4])]
    >>> [batch.tolist() for batch in data_loader(iter([7, 2, 4]), batch_size=2, drop_last=True)]
    [[7, 2]]
    """
    if not hasattr(dataset, "__getitem__"):
        yield from map(collate_fn if batch_size is not None else _as_it_is, _streamed(dataset, batch_size, **options))
        return
    for indices in _batches(len(dataset), batch_size, **options):
        yield dataset[indices] if isinstance(indices, int) else collate_fn([dataset[index] for index in indices])


def _batches(
    length: int,
    batch_size: int | None,
    shuffle: bool = False,
    sampler: Iterable[int] | None = None,
    batch_sampler: Iterable[Iterable[int]] | None = None,
    drop_last: bool = False,
    generator: np.random.Generator | None = None,
) -> Iterator[Any]:
    """Yield what `batches` lists, and ask a sampler for no index before its batch is wanted."""
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        for batch in _iterable("batch_sampler", batch_sampler):
            yield list(_indices("batch_sampler", batch, length))
        return
    yield from _grouped(_order(length, shuffle, sampler, generator), batch_size, drop_last)


def _grouped(items: Iterable[Any], batch_size: int | None, drop_last: bool) -> Iterator[Any]:
    """Yield lists of items in their order, or the items themselves; the last list may have fewer, or is dropped."""
    whole = flag("drop_last", drop_last)
    if batch_size is None:
        if whole:
            raise ValueError("drop_last needs a batch_size, got None")
        yield from items
        return
    batch_size, source = _at_least(1, "batch_size", batch_size), iter(items)
    while batch := list(islice(source, batch_size)):
        if len(batch) == batch_size or not whole:
            yield batch


def _streamed(
    items: Iterable[Any],
    batch_size: int | None,
    shuffle: bool = False,
    sampler: object = None,
    batch_sampler: object = None,
    drop_last: bool = False,
    generator: object = None,  # noqa: ARG001  # nothing is drawn
) -> Iterator[Any]:
    """Yield what `_grouped` does of a stream."""
    if not isinstance(items, Iterable):
        raise TypeError(f"dataset has type {type(items).__name__}, expected items by index, or to iterate over")
    for name, unwanted in (
        ("shuffle", flag("shuffle", shuffle)),
        ("sampler", sampler is not None),
        ("batch_sampler", batch_sampler is not None),
    ):
        if unwanted:
            raise ValueError(f"{name} needs a data set with items by index, got one to iterate over")
    yield from _grouped(items, batch_size, drop_last)


def _as_it_is(item: Any) -> Any:
    return item


def _order(length: int, shuffle: bool, sampler: Iterable[int] | None, generator: object) -> Iterable[int]:
    if sampler is not None:
        if flag("shuffle", shuffle):
            raise ValueError("sampler excludes shuffle: it gives the order")
        return _indices("sampler", sampler, length)
    if not flag("shuffle", shuffle):
        return range(length)
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"shuffle needs a generator like numpy.random.default_rng(seed), got {shown(generator)}")
    if length < 1:
        raise ValueError(f"shuffle needs a length of at least 1, got {length}")
    (length,) = affordable("the order", [length])
    return generator.permutation(length).tolist()


def _indices(name: str, indices: Iterable[int], length: int) -> Iterator[int]:
    """Yield indices once they are wanted and have been checked."""
    for index in _iterable(name, indices):
        number = integer(name, index)
        if not 0 <= number < length:
            raise ValueError(f"{name} has index {number}, expected 0 to {length - 1}")
        yield number


def _iterable(name: str, value: Iterable[Any]) -> Iterable[Any]:
    if not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise TypeError(f"{name} must be something to iterate over, got {shown(value)}")
    return value


def _stacked(items: list[Any]) -> Array:
    arrays = [array("item", item, DTYPES) for item in items]
    _common("dtype", [item.dtype.name for item in arrays], TypeError)
    _common("shape", [item.shape for item in arrays])
    return np.stack(arrays)


def _at_least(least: int, name: str, value: int) -> int:
    number = integer(name, value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def _common(what: str, values: list[Any], error: type[Exception] = ValueError) -> Any:
    if others := [value for value in values if value != values[0]]:
        first, other = (getattr(value, "__name__", value) for value in (values[0], others[0]))
        raise error(f"items differ in {what}: {first} and {other}")
    return values[0]
