"""1.5 DataLoader: it puts the items of a data set together to batches, in their order or shuffled.

The laws are tried on the reference and on torch's loader. Each draws permutations of its own: what they share are
the laws, and every order that is not drawn.
"""

import inspect
import math
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset
from torch.utils.data import default_collate as torch_default_collate
from torchvision import transforms
from torchvision.datasets import CIFAR10

from reference import dataloader, datasets, training
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.problems import SEEDS

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # from Python 3.12 on
    pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes"),  # where there is one core
]

MANY = 20
"""From so many items on, two drawn orders are the same once in 20!, which is over 10^18, pairs."""


def by_the_reference(length, epochs=1, seed=0, **options):
    """Return, for each epoch, the indices of each batch that the reference makes."""
    generator = np.random.default_rng(seed)
    return [dataloader.batches(length, generator=generator, **options) for _ in range(epochs)]


def by_torch(length, epochs=1, seed=0, **options):
    """Return, for each epoch, the indices of each batch that torch reads: here an item is its own index."""
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(range(length), collate_fn=as_they_are, generator=generator, **options)
    return [list(loader) for _ in range(epochs)]


def as_they_are(items):
    return items


def flat(epoch):
    return [index for batch in epoch for index in batch]


every_loader = pytest.mark.parametrize(
    "epochs_of",
    [
        pytest.param(by_the_reference, id="by the reference"),
        pytest.param(by_torch, id="by torch", marks=pytest.mark.torch_api),
    ],
)

lengths, batch_sizes = st.integers(0, 50), st.integers(1, 20)

# How many batches there are, and how large they are


@pytest.mark.claim("1.5.c")
@every_loader
@pytest.mark.parametrize(("images", "full", "last"), [(10_000, 156, 16), (50_000, 781, 16)])
def test_the_batches_of_cifar_10_hold_64_images_but_for_a_last_one_of_16(epochs_of, images, full, last):
    assert full * 64 + last == images

    (epoch,) = epochs_of(images, batch_size=64)

    assert [len(batch) for batch in epoch] == [64] * full + [last]


@pytest.mark.claim("1.5.c")
@every_loader
@pytest.mark.parametrize(("images", "full"), [(10_000, 156), (50_000, 781)])
def test_with_drop_last_every_batch_of_cifar_10_holds_64_images(epochs_of, images, full):
    (epoch,) = epochs_of(images, batch_size=64, drop_last=True)

    assert [len(batch) for batch in epoch] == [64] * full


@every_loader
@given(length=lengths, batch_size=batch_sizes)
def test_all_batches_but_the_last_have_the_batch_size_and_no_batch_is_empty(epochs_of, length, batch_size):
    (epoch,) = epochs_of(length, batch_size=batch_size)

    sizes = [len(batch) for batch in epoch]

    assert len(sizes) == math.ceil(length / batch_size)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert sizes == [] or 1 <= sizes[-1] <= batch_size


@every_loader
@given(length=lengths, batch_size=batch_sizes)
def test_drop_last_leaves_out_the_batch_that_is_not_whole_and_nothing_else(epochs_of, length, batch_size):
    (epoch,) = epochs_of(length, batch_size=batch_size)

    (whole,) = epochs_of(length, batch_size=batch_size, drop_last=True)

    assert whole == [batch for batch in epoch if len(batch) == batch_size]


@every_loader
def test_a_batch_holds_one_item_where_no_size_is_given(epochs_of):
    assert epochs_of(3) == [[[0], [1], [2]]]


@every_loader
def test_a_batch_size_of_none_gives_the_items_one_by_one(epochs_of):
    assert epochs_of(3, batch_size=None) == [[0, 1, 2]]


@pytest.mark.torch_api
@given(length=lengths, batch_size=batch_sizes, drop_last=st.booleans())
def test_the_length_of_a_loader_is_its_number_of_batches(length, batch_size, drop_last):
    loader = DataLoader(range(length), batch_size, drop_last=drop_last)

    assert len(loader) == dataloader.number_of_batches(length, batch_size, drop_last) == len(list(loader))


# In which order


@pytest.mark.claim("1.5.e")
@every_loader
@given(length=lengths, batch_size=batch_sizes)
def test_without_shuffle_every_epoch_has_the_stored_order(epochs_of, length, batch_size):
    for epoch in epochs_of(length, batch_size=batch_size, epochs=2):
        assert flat(epoch) == list(range(length))


@pytest.mark.claim("1.5.e")
@pytest.mark.torch_api
def test_shuffle_defaults_to_none_and_none_is_the_same_as_false():
    orders = [by_torch(MANY, batch_size=None, **options) for options in ({}, {"shuffle": None}, {"shuffle": False})]

    assert inspect.signature(DataLoader).parameters["shuffle"].default is None
    assert orders == [[list(range(MANY))]] * 3


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS)
def test_shuffled_or_not_every_index_comes_exactly_once_an_epoch(epochs_of, length, batch_size, seed):
    for epoch in epochs_of(length, batch_size=batch_size, shuffle=True, seed=seed, epochs=2):
        assert sorted(flat(epoch)) == list(range(length))


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS)
def test_where_the_last_batch_is_dropped_an_index_comes_at_most_once(epochs_of, length, batch_size, seed):
    (epoch,) = epochs_of(length, batch_size=batch_size, shuffle=True, drop_last=True, seed=seed)

    indices = flat(epoch)

    assert len(set(indices)) == len(indices) == length // batch_size * batch_size
    assert set(indices) <= set(range(length))


@pytest.mark.claim("1.5.d")
@every_loader
@given(length=st.integers(MANY, 50), batch_size=batch_sizes, seed=SEEDS)
def test_shuffle_draws_another_order_for_every_epoch(epochs_of, length, batch_size, seed):
    first, second, third = epochs_of(length, batch_size=batch_size, shuffle=True, seed=seed, epochs=3)

    assert flat(first) != list(range(length))
    assert first != second != third != first


@pytest.mark.claim("1.5.d")
@every_loader
def test_every_order_of_three_items_is_drawn_in_200_epochs(epochs_of):
    orders = epochs_of(3, batch_size=None, shuffle=True, epochs=200)

    assert len(set(map(tuple, orders))) == 6  # if all are equally likely, one is missing once in 10^15 seeds


@every_loader
@given(length=st.integers(MANY, 50), batch_size=batch_sizes, seed=SEEDS)
def test_equal_generators_give_equal_epochs_and_others_give_others(epochs_of, length, batch_size, seed):
    options = {"batch_size": batch_size, "shuffle": True, "epochs": 3}

    epochs = epochs_of(length, seed=seed, **options)

    assert epochs == epochs_of(length, seed=seed, **options)
    assert epochs != epochs_of(length, seed=seed + 1, **options)


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, drop_last=st.booleans(), seed=SEEDS)
def test_the_batch_size_cuts_the_drawn_order_but_does_not_change_it(epochs_of, length, batch_size, drop_last, seed):
    orders = epochs_of(length, batch_size=None, shuffle=True, seed=seed, epochs=2)

    epochs = epochs_of(length, batch_size=batch_size, shuffle=True, drop_last=drop_last, seed=seed, epochs=2)

    for order, epoch in zip(orders, epochs, strict=True):
        indices = flat(epoch)
        assert indices == order[: len(indices)]


samplers = st.integers(1, 50).flatmap(
    lambda length: st.tuples(st.just(length), st.lists(st.integers(0, length - 1), max_size=50))
)


@every_loader
@given(sampled=samplers, batch_size=batch_sizes)
def test_a_sampler_gives_the_order_and_may_repeat_and_leave_out_items(epochs_of, sampled, batch_size):
    length, sampler = sampled

    (epoch,) = epochs_of(length, batch_size=batch_size, sampler=sampler)

    assert flat(epoch) == sampler
    assert len(epoch) == math.ceil(len(sampler) / batch_size)


@every_loader
@given(sampled=samplers)
def test_a_batch_sampler_gives_the_batches_themselves(epochs_of, sampled):
    length, indices = sampled
    uneven = [indices[:1], indices[1:]]

    assert epochs_of(length, batch_sampler=uneven) == [uneven]


options = st.fixed_dictionaries(
    {"batch_size": batch_sizes | st.none()}, optional={"shuffle": st.just(False)}
) | st.fixed_dictionaries({"batch_size": batch_sizes, "drop_last": st.booleans()})


@pytest.mark.torch_api
@given(sampled=samplers, with_sampler=st.booleans(), options=options)
def test_every_order_that_is_not_drawn_is_that_of_the_reference(sampled, with_sampler, options):
    length, sampler = sampled
    options = {**options, "sampler": sampler if with_sampler else None}

    assert by_torch(length, **options, epochs=2) == by_the_reference(length, **options, epochs=2)


@given(pictures=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS, epoch=st.integers(0, 5))
def test_the_training_command_reads_shuffled_whole_batches(pictures, batch_size, seed, epoch):
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    batch_size = min(batch_size, pictures)

    of_the_loader = dataloader.batches(pictures, batch_size, shuffle=True, drop_last=True, generator=generator)

    of_the_command = training.batches(pictures, batch_size, epoch, seed)
    assert [batch.tolist() for batch in of_the_command] == of_the_loader


# What a batch is put together to


class Point(NamedTuple):
    """Two coordinates."""

    x: Any
    y: Any


@dataclass(frozen=True)
class Leaf:
    """What an item is made of: Python's own (of no dtype), a NumPy number (of no shape), or an array."""

    kind: str
    shape: tuple[int, ...] | None = None


PYTHONS_OWN = {
    "Python bool": lambda rng: bool(rng.integers(2)),
    "Python int": lambda rng: int(rng.integers(-(2**63), 2**63 - 1, endpoint=True)),
    "Python float": lambda rng: float(rng.choice([rng.standard_normal(), -0.0, np.inf, np.nan])),
    "Python str": lambda rng: "abc"[: rng.integers(4)],
    "Python bytes": lambda rng: b"abc"[: rng.integers(4)],
}

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]

leaves = st.builds(Leaf, st.sampled_from(sorted(PYTHONS_OWN))) | st.builds(
    Leaf,
    st.sampled_from(DTYPES),
    st.none() | st.lists(st.integers(1, 3), max_size=3).map(tuple),
)
structures = st.recursive(
    leaves,
    lambda parts: (
        st.lists(parts, min_size=1, max_size=3)
        | st.lists(parts, min_size=1, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["image", "label", 3, None]), parts, min_size=1)
        | st.builds(Point, parts, parts)
    ),
    max_leaves=5,
)


def item(structure, rng):
    """Return an item of this structure, its numbers drawn."""
    match structure:
        case Leaf():
            return leaf(structure, rng)
        case dict():
            return {key: item(part, rng) for key, part in structure.items()}
        case Point():
            return Point(*(item(part, rng) for part in structure))
        case _:
            return type(structure)(item(part, rng) for part in structure)


def leaf(structure, rng):
    if structure.kind in PYTHONS_OWN:
        return PYTHONS_OWN[structure.kind](rng)
    quarters = rng.integers(0, 8, structure.shape or ()) / 4
    array = quarters.astype(structure.kind)
    return array[()] if structure.shape is None else array


def assert_same_batch(actual, expected):
    """Require torch's batch to be the reference's: the same containers, and tensors equal to the arrays."""
    if isinstance(expected, np.ndarray):
        assert isinstance(actual, torch.Tensor)
        assert_equal(actual.numpy(), expected)
        return
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        actual, expected = actual.values(), expected.values()
    if isinstance(expected, str | bytes):
        assert actual == expected
        return
    for one, other in zip(actual, expected, strict=True):
        assert_same_batch(one, other)


@pytest.mark.torch_api
@given(structure=structures, size=st.integers(1, 4), seed=SEEDS)
def test_items_are_put_together_to_the_batch_of_the_reference(structure, size, seed):
    rng = np.random.default_rng(seed)
    items = [item(structure, rng) for _ in range(size)]

    assert_same_batch(torch_default_collate(items), dataloader.default_collate(items))


@pytest.mark.torch_api
@given(structure=structures, length=st.integers(1, 6), batch_size=st.integers(1, 4), seed=SEEDS)
def test_a_loader_gives_the_batches_of_the_reference(structure, length, batch_size, seed):
    rng = np.random.default_rng(seed)
    items = [item(structure, rng) for _ in range(length)]

    ours = dataloader.data_loader(items, batch_size)

    for actual, expected in zip(DataLoader(items, batch_size), ours, strict=True):
        assert_same_batch(actual, expected)


@pytest.mark.parametrize(
    "loader",
    [
        pytest.param(dataloader.data_loader, id="by the reference"),
        pytest.param(DataLoader, id="by torch", marks=pytest.mark.torch_api),
    ],
)
def test_another_collate_fn_puts_the_items_together_in_its_own_way(loader):
    assert list(loader(range(5), batch_size=2, collate_fn=sum)) == [0 + 1, 2 + 3, 4]


def test_without_a_batch_size_the_reference_gives_the_items_as_they_are():
    items = [(np.zeros(2), 7), (np.ones(2), 8)]

    one_by_one = list(dataloader.data_loader(items, batch_size=None))

    assert all(given is item for given, item in zip(one_by_one, items, strict=True))


@pytest.mark.torch_api
def test_without_a_batch_size_arrays_become_tensors_and_tuples_lists():
    (item,) = DataLoader([(np.ones(2), 7)], batch_size=None)

    assert type(item) is list
    assert_equal(item[0].numpy(), np.ones(2))
    assert item[1] == 7


every_collate = pytest.mark.parametrize(
    "collate",
    [
        pytest.param(dataloader.default_collate, id="by the reference"),
        pytest.param(lambda items: torch_default_collate(items).numpy(), id="by torch", marks=pytest.mark.torch_api),
    ],
)


@every_collate
@pytest.mark.parametrize(
    ("number", "dtype_of_the_batch"),
    [
        (True, "bool"),
        (7, "int64"),
        (0.5, "float64"),
        *((np.array(1, kind), kind) for kind in DTYPES),
        *((np.array(1, kind)[()], kind) for kind in DTYPES),
    ],
)
def test_numbers_become_an_array_of_their_dtype_and_pythons_floats_of_float64(collate, number, dtype_of_the_batch):
    assert_equal(collate([number, number]), np.array([number, number], dtype_of_the_batch))


@every_collate
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_keep_their_last_digit(collate, number):
    assert collate([number]).tolist() == [number]


@pytest.mark.torch_api
def test_a_python_float_becomes_float64_although_torch_computes_in_float32():
    assert torch.tensor(0.5).dtype == torch.get_default_dtype() == torch.float32
    assert torch_default_collate([0.5]).dtype == torch.float64


@every_collate
def test_arrays_are_stacked_along_a_new_first_axis(collate):
    first, second = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)

    assert_equal(collate([first, second]), np.array([first, second]))


def test_the_batch_of_the_reference_is_no_view_of_its_items():
    image, names = np.zeros((3, 2, 2)), ["horse"]

    batch, strings = dataloader.default_collate([image]), dataloader.default_collate(names)

    assert not np.shares_memory(batch, image)
    assert strings is not names


# Refusals: of both

DECIDES_ALONE = "batch_sampler excludes batch_size, shuffle, sampler and drop_last"
REFUSED = {
    "no item a batch": ("batch_size must be at least 1, got 0", {"batch_size": 0}),
    "a negative size": ("batch_size must be at least 1, got -1", {"batch_size": -1}),
    "half a size": ("batch_size must be a whole number, got 1.5", {"batch_size": 1.5}),
    "a size that is a truth value": ("batch_size must be a whole number, got True", {"batch_size": True}),
    "drop_last that is a number": ("drop_last must be True or False, got 1", {"drop_last": 1}),
    "drop_last without batches": ("drop_last needs a batch_size", {"batch_size": None, "drop_last": True}),
    "a sampler and shuffle": ("sampler excludes shuffle", {"sampler": [0], "shuffle": True}),
    "batches and their size": (DECIDES_ALONE, {"batch_sampler": [[0]], "batch_size": 2}),
    "batches without batches": (DECIDES_ALONE, {"batch_sampler": [[0]], "batch_size": None}),
    "batches and a sampler": (DECIDES_ALONE, {"batch_sampler": [[0]], "sampler": [0]}),
    "batches and shuffle": (DECIDES_ALONE, {"batch_sampler": [[0]], "shuffle": True}),
    "batches and drop_last": (DECIDES_ALONE, {"batch_sampler": [[0]], "drop_last": True}),
    "an item after the last": ("sampler has index 5, expected 0 to 4", {"sampler": [0, 5]}),
    "half an item": ("sampler must be a whole number, got 0.5", {"sampler": [0.5]}),
    "a batch with an item after the last": (
        "batch_sampler has index 5, expected 0 to 4",
        {"batch_sampler": [[0], [5]]},
    ),
}


@pytest.mark.parametrize(("message", "options"), REFUSED.values(), ids=REFUSED)
def test_the_reference_says_why_it_does_not_make_these_batches(message, options):
    with pytest.raises((ValueError, TypeError), match=message):
        by_the_reference(5, **options)


@pytest.mark.torch_api
@pytest.mark.parametrize("options", [options for _, options in REFUSED.values()], ids=REFUSED)
def test_torch_does_not_make_these_batches_either(options):
    with pytest.raises((ValueError, TypeError, IndexError)):
        by_torch(5, **options)


@every_loader
def test_a_data_set_without_items_has_no_batches_and_cannot_be_shuffled(epochs_of):
    assert epochs_of(0) == [[]]
    with pytest.raises(ValueError, match=r"shuffle needs a length of at least 1, got 0|num_samples=0"):
        epochs_of(0, shuffle=True)


NOT_TOGETHER = {
    "nothing": ("there are no items", []),
    "None": ("items have type NoneType, expected numbers, strings", [None]),
    "a set": ("items have type set, expected", [{1}]),
    "a complex number": ("items have type complex, expected", [1j]),
    "a number and a string": ("items differ in type: int and str", [1, "1"]),
    "two shapes": (r"items differ in shape: \(2,\) and \(3,\)", [np.zeros(2), np.zeros(3)]),
    "two numbers of axes": (r"items differ in shape: \(3,\) and \(1, 3\)", [np.zeros(3), np.zeros((1, 3))]),
    "tuples of two lengths": ("items differ in length: 1 and 2", [(0,), (0, 1)]),
    "lists of two lengths": ("items differ in length: 2 and 1", [[0, 1], [0]]),
    "a key that is missing": (r"items differ in keys: \{'a'\} and set\(\)", [{"a": 1}, {}]),
    "a whole number beyond int64": ("item has dtype uint64, expected one of", [2**63]),
    "a large whole number": ("item has dtype object, expected one of", [10**20]),
    "an array of strings": ("item has dtype <U1, expected one of", [np.array(["a"])]),
    "an array of objects": ("item has dtype object, expected one of", [np.array([None])]),
    "the other byte order": ("item has byte order", [np.zeros(2, np.dtype("f4").newbyteorder())]),
    "two shapes, deep inside": ("items differ in shape", [{"a": (np.zeros(2), 0)}, {"a": (np.zeros(1), 0)}]),
}


@pytest.mark.parametrize(("message", "items"), NOT_TOGETHER.values(), ids=NOT_TOGETHER)
def test_the_reference_says_why_it_does_not_put_these_items_together(message, items):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.default_collate(items)


@pytest.mark.torch_api
@pytest.mark.parametrize("items", [items for _, items in NOT_TOGETHER.values()], ids=NOT_TOGETHER)
def test_torch_does_not_put_these_items_together_either(items):
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError, KeyError)):
        torch_default_collate(items)


@pytest.mark.torch_api
def test_a_picture_is_put_in_no_batch_before_it_is_a_tensor(cifar10):
    with pytest.raises(
        TypeError, match=r"batch must contain tensors, numpy arrays, .* found <class 'PIL.Image.Image'>"
    ):
        next(iter(DataLoader(cifar10())))


# Refusals: of the reference, where torch is silent


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("shuffle must be True or False, got 'no'", {"shuffle": "no"}),
        ("shuffle must be True or False, got None", {"shuffle": None}),
        (r"shuffle needs a generator like numpy.random.default_rng\(seed\), got None", {"shuffle": True}),
        ("sampler has index -1, expected 0 to 4", {"sampler": [-1]}),
    ],
)
def test_the_reference_takes_no_such_options(message, options):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.batches(5, **options)


@pytest.mark.parametrize(("length", "message"), [(-1, "must be at least 0, got -1"), (2.0, "must be a whole number")])
def test_the_reference_takes_no_such_length(length, message):
    for function in (dataloader.batches, dataloader.number_of_batches):
        with pytest.raises((ValueError, TypeError), match=f"length {message}"):
            function(length)


@pytest.mark.torch_api
def test_torch_shuffles_whenever_shuffle_is_not_false_or_empty():
    (order,) = by_torch(MANY, batch_size=None, shuffle="no")

    assert order != list(range(MANY))


@pytest.mark.torch_api
def test_an_index_of_a_sampler_means_what_it_means_to_the_data_set():
    assert [batch.tolist() for batch in DataLoader(range(5), sampler=[-1, 0])] == [[4], [0]]


SILENT = {
    "an int and a float": ("items differ in type: int and float", [0, 0.5]),
    "a float and an int": ("items differ in type: float and int", [0.5, 0]),
    "a tuple and a list": ("items differ in type: tuple and list", [(0,), [0]]),
    "two dtypes": ("items differ in dtype: float32 and float64", [np.zeros(2, np.float32), np.zeros(2)]),
    "a key too many": (r"items differ in keys: \{1\} and \{1, 2\}", [{1: 0}, {1: 0, 2: 0}]),
}


@pytest.mark.parametrize(("message", "items"), SILENT.values(), ids=SILENT)
def test_the_reference_puts_only_items_of_one_kind_together(message, items):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.default_collate(items)


@pytest.mark.torch_api
def test_of_ints_and_floats_the_first_decides_the_dtype_and_floats_may_lose_digits():
    digits = 2.0**24 + 1  # one more than float32 has

    assert_equal(torch_default_collate([digits, 0]).numpy(), np.array([digits, 0], np.float64))
    assert_equal(torch_default_collate([0, digits]).numpy(), np.array([0, digits - 1], np.float32))


@pytest.mark.torch_api
def test_keys_that_the_first_item_does_not_have_are_left_out():
    assert list(torch_default_collate([{"image": 0}, {"image": 1, "label": 7}])) == ["image"]


# The class of torch


@pytest.mark.claim("1.5.a")
@pytest.mark.torch_api
def test_dataloader_is_a_class_of_torch_utils_data():
    assert inspect.isclass(torch.utils.data.DataLoader)
    assert DataLoader.__module__.startswith("torch.utils.data.")


class Squares(Dataset):
    """Numbers and their squares, as a learner would write it: a length, and an item for each index."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return index, index**2


@pytest.mark.claim("1.5.b")
@pytest.mark.torch_api
def test_a_loader_makes_a_data_set_an_iterable_of_batches():
    first, last = DataLoader(Squares(5), batch_size=3)

    assert [part.tolist() for part in first] == [[0, 1, 2], [0, 1, 4]]
    assert [part.tolist() for part in last] == [[3, 4], [9, 16]]


@pytest.mark.claim("1.5.b")
@pytest.mark.torch_api
def test_a_loader_begins_anew_whenever_it_is_iterated():
    loader = DataLoader(Squares(5))

    begun = iter(loader)
    next(begun)

    assert len(list(loader)) == len(loader) == 5
    assert len(list(begun)) == 4


class WithoutLength:
    def __getitem__(self, index):
        return index


class WithoutItems:
    def __len__(self):
        return 5


@pytest.mark.torch_api
def test_a_data_set_needs_items_and_a_length():
    with pytest.raises(TypeError, match="'WithoutLength' has no len"):
        iter(DataLoader(WithoutLength())).__next__()
    with pytest.raises(TypeError, match="'WithoutItems' object is not subscriptable"):
        iter(DataLoader(WithoutItems())).__next__()


@pytest.mark.torch_api
def test_a_data_set_derived_from_dataset_must_define_its_items():
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        Dataset()[0]


@pytest.mark.torch_api
@pytest.mark.parametrize("option", ["batch_size", "drop_last", "sampler", "batch_sampler", "dataset"])
def test_a_loader_cannot_be_changed_afterwards(option):
    loader = DataLoader(range(5))

    with pytest.raises(ValueError, match=f"{option} attribute should not be set after DataLoader is initialized"):
        setattr(loader, option, getattr(loader, option))


@pytest.mark.torch_api
@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, OSError])
def test_an_exception_of_the_data_set_reaches_the_caller_as_it_is(error):
    broken = error("item 2 is broken")

    with pytest.raises(error) as caught:
        list(DataLoader(Broken(broken)))

    assert caught.value is broken


@pytest.mark.torch_api
def test_a_stop_iteration_of_the_data_set_ends_the_epoch_in_silence():
    epoch = list(DataLoader(Broken(StopIteration())))

    assert [batch.tolist() for batch in epoch] == [[0], [1]]  # items 2, 3 and 4 are lost


class Broken(Squares):
    """Five numbers, of which the third raises instead."""

    def __init__(self, error):
        super().__init__(5)
        self.error = error

    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return index


# Torch's random numbers


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_without_a_generator_the_order_follows_torch_manual_seed(seed):
    loader = DataLoader(range(MANY), batch_size=None, shuffle=True)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = list(loader), list(loader)
        torch.manual_seed(seed)
        again = list(loader)

    assert first == again != second


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_reading_draws_a_random_number_even_if_nothing_is_shuffled(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before = torch.rand(4)
        torch.manual_seed(seed)
        list(DataLoader(range(3)))
        after = torch.rand(4)

    assert not torch.equal(before, after)


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_an_epoch_that_is_broken_off_changes_the_order_of_the_next(seed):
    whole, broken_off = (
        DataLoader(range(MANY), batch_size=None, shuffle=True, generator=torch.Generator().manual_seed(seed))
        for _ in range(2)
    )

    list(whole)
    next(iter(broken_off))

    assert list(whole) != list(broken_off)


# Data sets without indices


class Stream(IterableDataset):
    """Five numbers, one after the other."""

    def __iter__(self):
        return iter(range(5))


@pytest.mark.torch_api
def test_an_iterable_data_set_is_cut_into_batches_as_it_comes():
    assert [batch.tolist() for batch in DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]


@pytest.mark.torch_api
@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_an_iterable_data_set_has_no_indices_to_shuffle_or_sample(options):
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {next(iter(options))} option"):
        DataLoader(Stream(), **options)


@pytest.mark.torch_api
def test_a_loader_of_an_iterable_data_set_has_no_length_if_the_data_set_has_none():
    with pytest.raises(TypeError, match="'Stream' has no len"):
        len(DataLoader(Stream()))


# Workers


@contextmanager
def raised_in_a_worker(error, message):
    with pytest.raises(error, match=message) as caught:
        yield
    traceback.clear_frames(caught.tb)  # they hold the workers, which otherwise wait for the garbage collector


@pytest.mark.torch_api
def test_two_workers_give_the_shuffled_batches_of_none():
    options = {"batch_size": 3, "shuffle": True, "seed": 5, "epochs": 2}

    assert by_torch(MANY, num_workers=2, **options) == by_torch(MANY, num_workers=0, **options)


@pytest.mark.torch_api
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": None},
        {"batch_size": None, "shuffle": True},
        {"batch_size": 100, "shuffle": True},
        {"sampler": [7, 7, 0]},
        {"batch_sampler": [[7], [1, 2, 3]]},
    ],
)
def test_any_number_of_workers_gives_the_batches_of_none(workers, options):
    assert by_torch(MANY, num_workers=workers, epochs=2, **options) == by_torch(MANY, epochs=2, **options)


@pytest.mark.torch_api
@pytest.mark.slow
def test_workers_that_persist_read_other_orders_from_the_second_epoch_on():
    options = {"batch_size": 3, "shuffle": True, "num_workers": 2, "epochs": 2}

    first, second = by_torch(MANY, **options)
    first_of_persistent, second_of_persistent = by_torch(MANY, persistent_workers=True, **options)

    assert first == first_of_persistent
    assert second != second_of_persistent


@pytest.mark.torch_api
@pytest.mark.slow
@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, OSError])
def test_an_exception_in_a_worker_reaches_the_caller_with_its_type_and_message(error):
    loader = DataLoader(Broken(error("item 2 is broken")), num_workers=2)

    with raised_in_a_worker(error, rf"(?s)Caught {error.__name__} in DataLoader worker .*item 2 is broken"):
        list(loader)


@pytest.mark.torch_api
@pytest.mark.slow
def test_a_stop_iteration_in_a_worker_ends_the_epoch_in_silence():
    epoch = iter(DataLoader(Broken(StopIteration("item 2 is broken")), num_workers=2))

    assert [next(epoch).tolist(), next(epoch).tolist()] == [[0], [1]]
    with raised_in_a_worker(StopIteration, "Caught StopIteration in DataLoader worker process 0"):
        next(epoch)


class TwoArguments(Exception):
    """An exception that cannot be made of one message."""

    def __init__(self, item, reason):
        super().__init__(f"{item} is {reason}")
        self.item, self.reason = item, reason

    def __reduce__(self):
        return TwoArguments, (self.item, self.reason)


@pytest.mark.torch_api
@pytest.mark.slow
def test_an_exception_with_more_than_a_message_leaves_a_worker_as_a_runtime_error():
    loader = DataLoader(Broken(TwoArguments("item 2", "broken")), num_workers=2)

    with raised_in_a_worker(RuntimeError, r"(?s)Caught TwoArguments in DataLoader worker .*item 2 is broken"):
        list(loader)


@pytest.mark.torch_api
@pytest.mark.slow
def test_every_worker_reads_the_whole_of_an_iterable_data_set():
    numbers = torch.cat(list(DataLoader(Stream(), batch_size=2, num_workers=2))).tolist()

    assert Counter(numbers) == dict.fromkeys(range(5), 2)


class Noise(Squares):
    """Items that are drawn, as by a random transform."""

    def __getitem__(self, index):
        return torch.rand(1).item()


@pytest.mark.torch_api
@pytest.mark.slow
def test_what_a_data_set_draws_depends_on_the_number_of_workers_and_on_the_seed():
    def drawn(workers):
        torch.manual_seed(5)
        return [batch.item() for batch in DataLoader(Noise(4), num_workers=workers)]

    with torch.random.fork_rng(devices=[]):
        none, one, two, two_again = drawn(0), drawn(1), drawn(2), drawn(2)

    assert two == two_again
    assert none != one != two != none


# The script of the document


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A folder with a stand-in for CIFAR-10: 40 pictures to train on, 80 to test on."""
    root = tmp_path_factory.mktemp("stand-in")
    datasets.write_cifar10(root, train_images=40, test_images=80)
    return root


@pytest.fixture
def cifar10(stand_in, monkeypatch):
    """Torchvision's own class, with the stand-in's checksums and root."""
    for name, value in datasets.expected_files(stand_in, CIFAR10).items():
        monkeypatch.setattr(CIFAR10, name, value)
    return partial(CIFAR10, stand_in)


@pytest.mark.claim("1.5.g")
@pytest.mark.torch_api
def test_cifar10_takes_the_arguments_of_the_script_and_target_transform():
    parameters = inspect.signature(CIFAR10).parameters

    assert set(parameters) == {"root", "train", "download", "transform", "target_transform"}
    defaults = {"train": True, "download": False, "transform": None, "target_transform": None}
    assert {name: parameters[name].default for name in defaults} == defaults


@pytest.mark.claim("1.5.f")
@pytest.mark.torch_api
@pytest.mark.parametrize(("options", "pictures"), [({"train": False}, 80), ({"train": True}, 40), ({}, 40)])
def test_train_false_is_the_test_split_and_train_true_the_default(cifar10, options, pictures):
    assert len(cifar10(**options)) == pictures


@pytest.mark.claim("1.5.i")
@pytest.mark.torch_api
def test_a_batch_unpacks_into_images_from_0_to_1_and_labels(cifar10):
    data = cifar10(train=False, transform=transforms.ToTensor())

    (images, labels), (last_images, last_labels) = DataLoader(data, batch_size=64)

    assert (images.shape, last_images.shape) == ((64, 3, 32, 32), (16, 3, 32, 32))
    assert_equal(torch.cat([images, last_images]).numpy(), training.to_input(data.data))
    assert_equal(torch.cat([labels, last_labels]).numpy(), np.array(data.targets, np.int64))
    assert 0 <= images.min() < images.max() <= 1


@pytest.mark.claim("1.5.i")
@pytest.mark.torch_api
def test_shuffled_images_keep_their_labels(cifar10):
    data = cifar10(train=False, transform=transforms.ToTensor())
    label_of = {image.numpy().tobytes(): label for image, label in data}

    for images, labels in DataLoader(data, batch_size=64, shuffle=True):
        assert [label_of[image.numpy().tobytes()] for image in images] == labels.tolist()
