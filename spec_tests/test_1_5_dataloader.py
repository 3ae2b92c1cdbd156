"""1.5 DataLoader: it collates the items of a data set into batches, in order or shuffled.

The laws are tested on the reference and on torch's loader. Each draws its own permutations, so the two share only the
laws and every order that is not drawn.
"""

import inspect
import math
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import dataloader, datasets, training
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.problems import SEEDS
from spec_tests.vocabulary.torch_when_needed import WhenNeeded, torch, torch_data, torchvision

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # from Python 3.12 on
    pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes"),  # on a machine with one core
]

MANY = 20
"""With at least this many items, two drawn orders agree in at most one of 20! pairs, which is over 10^18."""

data_sets = WhenNeeded("spec_tests.vocabulary.torch_data_sets")


def by_the_reference(length, epochs=1, seed=0, **options):
    """Return the indices in each batch of each epoch, as the reference makes them."""
    generator = np.random.default_rng(seed)
    return [dataloader.batches(length, generator=generator, **options) for _ in range(epochs)]


def by_torch(length, epochs=1, seed=0, **options):
    """Return the indices in each batch of each epoch, as torch reads them: here every item is its own index."""
    generator = torch.Generator().manual_seed(seed)
    loader = torch_data.DataLoader(range(length), collate_fn=identity, generator=generator, **options)
    return [list(loader) for _ in range(epochs)]


def torchs_loader(*args, **options):
    return torch_data.DataLoader(*args, **options)


def identity(items):
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

# How many batches there are and how large they are


@pytest.mark.claim("1.5.c")
@every_loader
@pytest.mark.parametrize(("images", "full", "last"), [(10_000, 156, 16), (50_000, 781, 16)])
def test_every_batch_of_cifar_10_holds_64_images_except_the_last_with_16(epochs_of, images, full, last):
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
def test_all_batches_but_the_last_are_full_and_none_is_empty(epochs_of, length, batch_size):
    (epoch,) = epochs_of(length, batch_size=batch_size)

    sizes = [len(batch) for batch in epoch]

    assert len(sizes) == math.ceil(length / batch_size)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert sizes == [] or 1 <= sizes[-1] <= batch_size


@every_loader
@given(length=lengths, batch_size=batch_sizes)
def test_drop_last_drops_only_an_incomplete_last_batch(epochs_of, length, batch_size):
    (epoch,) = epochs_of(length, batch_size=batch_size)

    (whole,) = epochs_of(length, batch_size=batch_size, drop_last=True)

    assert whole == [batch for batch in epoch if len(batch) == batch_size]


@every_loader
def test_the_batch_size_defaults_to_1(epochs_of):
    assert epochs_of(3) == [[[0], [1], [2]]]
    assert dataloader.number_of_batches(3) == 3


@every_loader
def test_a_batch_size_of_none_yields_single_items(epochs_of):
    assert epochs_of(3, batch_size=None) == [[0, 1, 2]]


@pytest.mark.torch_api
@given(length=lengths, batch_size=batch_sizes, drop_last=st.booleans())
def test_the_length_of_a_loader_is_its_number_of_batches(length, batch_size, drop_last):
    loader = torch_data.DataLoader(range(length), batch_size, drop_last=drop_last)

    assert len(loader) == dataloader.number_of_batches(length, batch_size, drop_last) == len(list(loader))


# In which order


@pytest.mark.claim("1.5.e")
@every_loader
@given(length=lengths, batch_size=batch_sizes)
def test_without_shuffle_every_epoch_follows_the_stored_order(epochs_of, length, batch_size):
    for epoch in epochs_of(length, batch_size=batch_size, epochs=2):
        assert flat(epoch) == list(range(length))


@pytest.mark.claim("1.5.e")
@pytest.mark.torch_api
def test_shuffle_defaults_to_none_which_means_false():
    orders = [by_torch(MANY, batch_size=None, **options) for options in ({}, {"shuffle": None}, {"shuffle": False})]

    assert inspect.signature(torch_data.DataLoader).parameters["shuffle"].default is None
    assert orders == [[list(range(MANY))]] * 3


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS)
def test_a_shuffled_epoch_contains_every_index_exactly_once(epochs_of, length, batch_size, seed):
    for epoch in epochs_of(length, batch_size=batch_size, shuffle=True, seed=seed, epochs=2):
        assert sorted(flat(epoch)) == list(range(length))


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS)
def test_a_shuffled_epoch_with_drop_last_contains_every_index_at_most_once(epochs_of, length, batch_size, seed):
    (epoch,) = epochs_of(length, batch_size=batch_size, shuffle=True, drop_last=True, seed=seed)

    indices = flat(epoch)

    assert len(set(indices)) == len(indices) == length // batch_size * batch_size
    assert set(indices) <= set(range(length))


@pytest.mark.claim("1.5.d")
@every_loader
@given(length=st.integers(MANY, 50), batch_size=batch_sizes, seed=SEEDS)
def test_shuffle_draws_a_new_order_for_every_epoch(epochs_of, length, batch_size, seed):
    first, second, third = epochs_of(length, batch_size=batch_size, shuffle=True, seed=seed, epochs=3)

    assert flat(first) != list(range(length))
    assert first != second != third != first


@pytest.mark.claim("1.5.d")
@every_loader
def test_every_order_of_three_items_is_drawn_in_200_epochs(epochs_of):
    orders = epochs_of(3, batch_size=None, shuffle=True, epochs=200)

    assert len(set(map(tuple, orders))) == 6  # if all are equally likely, one is missing at 1 in 10^15 seeds


@every_loader
@given(length=st.integers(MANY, 50), batch_size=batch_sizes, seed=SEEDS)
def test_the_same_seed_gives_the_same_epochs_and_another_seed_different_ones(epochs_of, length, batch_size, seed):
    options = {"batch_size": batch_size, "shuffle": True, "epochs": 3}

    epochs = epochs_of(length, seed=seed, **options)

    assert epochs == epochs_of(length, seed=seed, **options)
    assert epochs != epochs_of(length, seed=seed + 1, **options)


@every_loader
@given(length=st.integers(1, 50), batch_size=batch_sizes, drop_last=st.booleans(), seed=SEEDS)
def test_the_batch_size_splits_the_drawn_order_without_changing_it(epochs_of, length, batch_size, drop_last, seed):
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
def test_a_sampler_sets_the_order_and_may_repeat_or_omit_items(epochs_of, sampled, batch_size):
    length, sampler = sampled

    (epoch,) = epochs_of(length, batch_size=batch_size, sampler=sampler)

    assert flat(epoch) == sampler
    assert len(epoch) == math.ceil(len(sampler) / batch_size)


@every_loader
@given(sampled=samplers)
def test_a_batch_sampler_sets_the_batches_themselves(epochs_of, sampled):
    length, indices = sampled
    uneven = [indices[:1], indices[1:]]

    assert epochs_of(length, batch_sampler=uneven) == [uneven]


options = st.fixed_dictionaries(
    {"batch_size": batch_sizes | st.none()}, optional={"shuffle": st.just(False)}
) | st.fixed_dictionaries({"batch_size": batch_sizes, "drop_last": st.booleans()})


@pytest.mark.torch_api
@given(sampled=samplers, with_sampler=st.booleans(), options=options)
def test_torch_and_the_reference_make_the_same_batches_when_nothing_is_drawn(sampled, with_sampler, options):
    length, sampler = sampled
    options = {**options, "sampler": sampler if with_sampler else None}

    assert by_torch(length, **options, epochs=2) == by_the_reference(length, **options, epochs=2)


@given(images=st.integers(1, 50), batch_size=batch_sizes, seed=SEEDS, epoch=st.integers(0, 5))
def test_the_training_command_reads_shuffled_full_batches(images, batch_size, seed, epoch):
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    batch_size = min(batch_size, images)

    of_the_loader = dataloader.batches(images, batch_size, shuffle=True, drop_last=True, generator=generator)

    of_the_command = training.batches(images, batch_size, epoch, seed)
    assert [batch.tolist() for batch in of_the_command] == of_the_loader


# What items are collated into


class Point(NamedTuple):
    """Two coordinates."""

    x: Any
    y: Any


@dataclass(frozen=True)
class Leaf:
    """A part of an item: a Python value (no dtype), a NumPy scalar (no shape) or an array."""

    kind: str
    shape: tuple[int, ...] | None = None


PYTHON_TYPES = {
    "Python bool": lambda rng: bool(rng.integers(2)),
    "Python int": lambda rng: int(rng.integers(-(2**63), 2**63 - 1, endpoint=True)),
    "Python float": lambda rng: float(rng.choice([rng.standard_normal(), -0.0, np.inf, np.nan])),
    "Python str": lambda rng: "abc"[: rng.integers(4)],
    "Python bytes": lambda rng: b"abc"[: rng.integers(4)],
}

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]

leaves = st.builds(Leaf, st.sampled_from(sorted(PYTHON_TYPES))) | st.builds(
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
    """Return an item of this structure with drawn values."""
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
    if structure.kind in PYTHON_TYPES:
        return PYTHON_TYPES[structure.kind](rng)
    quarters = rng.integers(0, 8, structure.shape or ()) / 4
    array = quarters.astype(structure.kind)
    return array[()] if structure.shape is None else array


def assert_same_batch(actual, expected):
    """Require torch's batch to be that of the reference: the same containers, with tensors equal to the arrays."""
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
    for actual_part, expected_part in zip(actual, expected, strict=True):
        assert_same_batch(actual_part, expected_part)


@pytest.mark.torch_api
@given(structure=structures, size=st.integers(1, 4), seed=SEEDS)
def test_torch_collates_items_into_the_batch_of_the_reference(structure, size, seed):
    rng = np.random.default_rng(seed)
    items = [item(structure, rng) for _ in range(size)]

    assert_same_batch(torch_data.default_collate(items), dataloader.default_collate(items))


@pytest.mark.torch_api
@given(structure=structures, length=st.integers(1, 6), batch_size=st.integers(1, 4), seed=SEEDS)
def test_torchs_loader_yields_the_batches_of_the_reference(structure, length, batch_size, seed):
    rng = np.random.default_rng(seed)
    items = [item(structure, rng) for _ in range(length)]

    ours = dataloader.data_loader(items, batch_size)

    for actual, expected in zip(torch_data.DataLoader(items, batch_size), ours, strict=True):
        assert_same_batch(actual, expected)


@pytest.mark.parametrize(
    "loader",
    [
        pytest.param(dataloader.data_loader, id="by the reference"),
        pytest.param(torchs_loader, id="by torch", marks=pytest.mark.torch_api),
    ],
)
def test_a_custom_collate_fn_replaces_the_default_one(loader):
    assert list(loader(range(5), batch_size=2, collate_fn=sum)) == [0 + 1, 2 + 3, 4]


def test_without_a_batch_size_the_reference_yields_the_items_themselves():
    items = [(np.zeros(2), 7), (np.ones(2), 8)]

    one_by_one = list(dataloader.data_loader(items, batch_size=None))

    assert all(yielded is item for yielded, item in zip(one_by_one, items, strict=True))


@pytest.mark.torch_api
def test_without_a_batch_size_torch_still_converts_arrays_and_tuples_but_not_numbers():
    (item,) = torch_data.DataLoader([(np.ones(2), 7)], batch_size=None)

    assert type(item) is list
    assert_equal(item[0].numpy(), np.ones(2))
    assert item[1] == 7


every_collate = pytest.mark.parametrize(
    "collate",
    [
        pytest.param(dataloader.default_collate, id="by the reference"),
        pytest.param(
            lambda items: torch_data.default_collate(items).numpy(), id="by torch", marks=pytest.mark.torch_api
        ),
    ],
)


@every_collate
@pytest.mark.parametrize(
    ("number", "batch_dtype"),
    [
        (True, "bool"),
        (7, "int64"),
        (0.5, "float64"),
        *((np.array(1, kind), kind) for kind in DTYPES),
        *((np.array(1, kind)[()], kind) for kind in DTYPES),
    ],
)
def test_numbers_are_collated_in_their_own_dtype_and_python_floats_in_float64(collate, number, batch_dtype):
    assert_equal(collate([number, number]), np.array([number, number], batch_dtype))


@every_collate
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_integers_are_collated_exactly(collate, number):
    assert collate([number]).tolist() == [number]


@pytest.mark.torch_api
def test_a_python_float_becomes_float64_although_torch_computes_in_float32():
    assert torch.tensor(0.5).dtype == torch.get_default_dtype() == torch.float32
    assert torch_data.default_collate([0.5]).dtype == torch.float64


@every_collate
def test_arrays_are_stacked_along_a_new_first_axis(collate):
    first, second = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)

    assert_equal(collate([first, second]), np.array([first, second]))


def test_a_batch_of_the_reference_is_not_a_view_of_its_items():
    image, names = np.zeros((3, 2, 2)), ["horse"]

    batch, strings = dataloader.default_collate([image]), dataloader.default_collate(names)

    assert not np.shares_memory(batch, image)
    assert strings is not names


# Refusals by both

DECIDES_ALONE = "batch_sampler excludes batch_size, shuffle, sampler and drop_last"
REFUSED = {
    "a size of 0": ("batch_size must be at least 1, got 0", {"batch_size": 0}),
    "a negative size": ("batch_size must be at least 1, got -1", {"batch_size": -1}),
    "a fractional size": ("batch_size must be a whole number, got 1.5", {"batch_size": 1.5}),
    "a size that is a bool": ("batch_size must be a whole number, got True", {"batch_size": True}),
    "drop_last that is a number": ("drop_last must be True or False, got 1", {"drop_last": 1}),
    "drop_last without a batch size": ("drop_last needs a batch_size", {"batch_size": None, "drop_last": True}),
    "sampler and shuffle": ("sampler excludes shuffle", {"sampler": [0], "shuffle": True}),
    "batch_sampler and batch_size": (DECIDES_ALONE, {"batch_sampler": [[0]], "batch_size": 2}),
    "batch_sampler and batch_size None": (DECIDES_ALONE, {"batch_sampler": [[0]], "batch_size": None}),
    "batch_sampler and sampler": (DECIDES_ALONE, {"batch_sampler": [[0]], "sampler": [0]}),
    "batch_sampler and shuffle": (DECIDES_ALONE, {"batch_sampler": [[0]], "shuffle": True}),
    "batch_sampler and drop_last": (DECIDES_ALONE, {"batch_sampler": [[0]], "drop_last": True}),
    "an index past the end": ("sampler has index 5, expected 0 to 4", {"sampler": [0, 5]}),
    "a fractional index": ("sampler must be a whole number, got 0.5", {"sampler": [0.5]}),
    "a batch with an index past the end": (
        "batch_sampler has index 5, expected 0 to 4",
        {"batch_sampler": [[0], [5]]},
    ),
}


@pytest.mark.parametrize(("message", "options"), REFUSED.values(), ids=REFUSED)
def test_the_reference_refuses_these_batches_and_says_why(message, options):
    with pytest.raises((ValueError, TypeError), match=message):
        by_the_reference(5, **options)


@pytest.mark.torch_api
@pytest.mark.parametrize("options", [options for _, options in REFUSED.values()], ids=REFUSED)
def test_torch_refuses_these_batches_too(options):
    with pytest.raises((ValueError, TypeError, IndexError)):
        by_torch(5, **options)


@every_loader
def test_an_empty_data_set_has_no_batches_and_cannot_be_shuffled(epochs_of):
    assert epochs_of(0) == [[]]
    with pytest.raises(ValueError, match=r"shuffle needs a length of at least 1, got 0|num_samples=0"):
        epochs_of(0, shuffle=True)


NOT_COLLATED = {
    "nothing": ("there are no items", []),
    "an iterator": ("batch must be a list or another sequence of items, got count", count()),
    "a set of items": ("batch must be a list or another sequence of items, got set", {7}),
    "None": ("items have type NoneType, expected numbers, strings", [None]),
    "a set": ("items have type set, expected", [{1}]),
    "a complex number": ("items have type complex, expected", [1j]),
    "a number and a string": ("items differ in type: int and str", [1, "1"]),
    "two shapes": (r"items differ in shape: \(2,\) and \(3,\)", [np.zeros(2), np.zeros(3)]),
    "two ranks": (r"items differ in shape: \(3,\) and \(1, 3\)", [np.zeros(3), np.zeros((1, 3))]),
    "tuples of two lengths": ("items differ in length: 1 and 2", [(0,), (0, 1)]),
    "lists of two lengths": ("items differ in length: 2 and 1", [[0, 1], [0]]),
    "a missing key": (r"items differ in keys: \{'a'\} and set\(\)", [{"a": 1}, {}]),
    "an integer beyond int64": ("item has dtype uint64, expected one of", [2**63]),
    "a huge integer": ("item has dtype object, expected one of", [10**20]),
    "an array of strings": ("item has dtype <U1, expected one of", [np.array(["a"])]),
    "an array of objects": ("item has dtype object, expected one of", [np.array([None])]),
    "the other byte order": ("item has byte order", [np.zeros(2, np.dtype("f4").newbyteorder())]),
    "two shapes, nested": ("items differ in shape", [{"a": (np.zeros(2), 0)}, {"a": (np.zeros(1), 0)}]),
}


@pytest.mark.parametrize(("message", "items"), NOT_COLLATED.values(), ids=NOT_COLLATED)
def test_the_reference_refuses_to_collate_these_items_and_says_why(message, items):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.default_collate(items)


@pytest.mark.torch_api
@pytest.mark.parametrize("items", [items for _, items in NOT_COLLATED.values()], ids=NOT_COLLATED)
def test_torch_refuses_to_collate_these_items_too(items):
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError, KeyError)):
        torch_data.default_collate(items)


@pytest.mark.torch_api
def test_a_pil_image_must_become_a_tensor_before_it_can_be_collated(cifar10):
    with pytest.raises(
        TypeError, match=r"batch must contain tensors, numpy arrays, .* found <class 'PIL.Image.Image'>"
    ):
        next(iter(torch_data.DataLoader(cifar10())))


# Refusals by the reference alone, where torch says nothing


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("shuffle must be True or False, got 'no'", {"shuffle": "no"}),
        ("shuffle must be True or False, got None", {"shuffle": None}),
        (r"shuffle needs a generator like numpy.random.default_rng\(seed\), got None", {"shuffle": True}),
        ("sampler has index -1, expected 0 to 4", {"sampler": [-1]}),
        ("sampler has index 5, expected 0 to 4", {"sampler": [5]}),
        ("sampler has index 6, expected 0 to 4", {"sampler": [6]}),
    ],
)
def test_the_reference_refuses_these_options(message, options):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.batches(5, **options)


@pytest.mark.parametrize("size", [0, -1])
def test_the_reference_counts_no_batches_of_less_than_one_item(size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {size}"):
        dataloader.number_of_batches(5, size)


@pytest.mark.parametrize(("length", "message"), [(-1, "must be at least 0, got -1"), (2.0, "must be a whole number")])
def test_the_reference_refuses_this_length(length, message):
    for function in (dataloader.batches, dataloader.number_of_batches):
        with pytest.raises((ValueError, TypeError), match=f"length {message}"):
            function(length)


@pytest.mark.torch_api
def test_torch_shuffles_for_any_truthy_shuffle():
    (order,) = by_torch(MANY, batch_size=None, shuffle="no")

    assert order != list(range(MANY))


@pytest.mark.torch_api
def test_torch_hands_sampler_indices_to_the_data_set_so_minus_1_is_the_last_item():
    assert [batch.tolist() for batch in torch_data.DataLoader(range(5), sampler=[-1, 0])] == [[4], [0]]


COLLATED_BY_TORCH = {
    "an int and a float": ("items differ in type: int and float", [0, 0.5]),
    "a float and an int": ("items differ in type: float and int", [0.5, 0]),
    "a tuple and a list": ("items differ in type: tuple and list", [(0,), [0]]),
    "two dtypes": ("items differ in dtype: float32 and float64", [np.zeros(2, np.float32), np.zeros(2)]),
    "an extra key": (r"items differ in keys: \{1\} and \{1, 2\}", [{1: 0}, {1: 0, 2: 0}]),
}


@pytest.mark.parametrize(("message", "items"), COLLATED_BY_TORCH.values(), ids=COLLATED_BY_TORCH)
def test_the_reference_collates_only_items_of_the_same_kind(message, items):
    with pytest.raises((ValueError, TypeError), match=message):
        dataloader.default_collate(items)


@pytest.mark.torch_api
def test_the_first_item_sets_the_dtype_and_floats_after_an_int_lose_digits():
    long = 2.0**24 + 1  # needs one bit more than float32 has

    assert_equal(torch_data.default_collate([long, 0]).numpy(), np.array([long, 0], np.float64))
    assert_equal(torch_data.default_collate([0, long]).numpy(), np.array([0, long - 1], np.float32))


@pytest.mark.torch_api
def test_keys_that_the_first_item_lacks_are_dropped():
    assert list(torch_data.default_collate([{"image": 0}, {"image": 1, "label": 7}])) == ["image"]


# torch's class


@pytest.mark.claim("1.5.a")
@pytest.mark.torch_api
def test_dataloader_is_a_class_of_torch_utils_data():
    assert inspect.isclass(torch.utils.data.DataLoader)
    assert torch_data.DataLoader.__module__.startswith("torch.utils.data.")


@pytest.mark.claim("1.5.b")
@pytest.mark.torch_api
def test_a_loader_turns_a_data_set_into_an_iterable_of_batches():
    first, last = torch_data.DataLoader(data_sets.Squares(5), batch_size=3)

    assert [part.tolist() for part in first] == [[0, 1, 2], [0, 1, 4]]
    assert [part.tolist() for part in last] == [[3, 4], [9, 16]]


@pytest.mark.claim("1.5.b")
@pytest.mark.torch_api
def test_each_iteration_over_a_loader_starts_from_the_beginning():
    loader = torch_data.DataLoader(data_sets.Squares(5))

    started = iter(loader)
    next(started)

    assert len(list(loader)) == len(loader) == 5
    assert len(list(started)) == 4


class WithoutLength:
    def __getitem__(self, index):
        return index


class WithoutGetitem:
    def __len__(self):
        return 5


@pytest.mark.torch_api
def test_a_data_set_needs_items_and_a_length():
    with pytest.raises(TypeError, match="'WithoutLength' has no len"):
        iter(torch_data.DataLoader(WithoutLength())).__next__()
    with pytest.raises(TypeError, match="'WithoutGetitem' object is not subscriptable"):
        iter(torch_data.DataLoader(WithoutGetitem())).__next__()


@pytest.mark.torch_api
def test_a_data_set_derived_from_dataset_must_define_its_items():
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        torch_data.Dataset()[0]


@pytest.mark.torch_api
@pytest.mark.parametrize("option", ["batch_size", "drop_last", "sampler", "batch_sampler", "dataset"])
def test_the_options_of_a_loader_cannot_be_changed_later(option):
    loader = torch_data.DataLoader(range(5))

    with pytest.raises(ValueError, match=f"{option} attribute should not be set after DataLoader is initialized"):
        setattr(loader, option, getattr(loader, option))


@pytest.mark.torch_api
@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, OSError])
def test_an_exception_in_the_data_set_reaches_the_caller_unchanged(error):
    broken = error("item 2 is broken")

    with pytest.raises(error) as caught:
        list(torch_data.DataLoader(data_sets.Broken(broken)))

    assert caught.value is broken


@pytest.mark.torch_api
def test_a_stop_iteration_in_the_data_set_silently_ends_the_epoch():
    epoch = list(torch_data.DataLoader(data_sets.Broken(StopIteration())))

    assert [batch.tolist() for batch in epoch] == [[0], [1]]  # items 2, 3 and 4 are lost


# torch's random numbers


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_without_a_generator_the_order_follows_torch_manual_seed(seed):
    loader = torch_data.DataLoader(range(MANY), batch_size=None, shuffle=True)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = list(loader), list(loader)
        torch.manual_seed(seed)
        again = list(loader)

    assert first == again != second


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_iterating_consumes_a_random_number_even_without_shuffle(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before = torch.rand(4)
        torch.manual_seed(seed)
        list(torch_data.DataLoader(range(3)))
        after = torch.rand(4)

    assert not torch.equal(before, after)


@pytest.mark.torch_api
@given(seed=SEEDS)
def test_abandoning_an_epoch_changes_the_order_of_the_next(seed):
    complete, abandoned = (
        torch_data.DataLoader(range(MANY), batch_size=None, shuffle=True, generator=torch.Generator().manual_seed(seed))
        for _ in range(2)
    )

    list(complete)
    next(iter(abandoned))

    assert list(complete) != list(abandoned)


# Iterable data sets


def streamed_by_the_reference(length, **options):
    """Return the batches of a stream of numbers."""
    return list(dataloader.data_loader(iter(range(length)), collate_fn=identity, **options))


def streamed_by_torch(length, **options):
    """Return the batches of a stream of numbers."""
    return list(torch_data.DataLoader(data_sets.Stream(length), collate_fn=identity, **options))


every_stream = pytest.mark.parametrize(
    "streamed",
    [
        pytest.param(streamed_by_the_reference, id="by the reference"),
        pytest.param(streamed_by_torch, id="by torch", marks=pytest.mark.torch_api),
    ],
)


@every_stream
def test_an_iterable_data_set_is_batched_in_its_own_order(streamed):
    assert streamed(5, batch_size=2) == [[0, 1], [2, 3], [4]]
    assert streamed(4, batch_size=2) == [[0, 1], [2, 3]]
    assert streamed(0, batch_size=2) == []


@every_stream
def test_drop_last_drops_the_incomplete_last_batch_of_an_iterable_data_set(streamed):
    assert streamed(5, batch_size=2, drop_last=True) == [[0, 1], [2, 3]]
    assert streamed(4, batch_size=2, drop_last=True) == [[0, 1], [2, 3]]
    assert streamed(1, batch_size=2, drop_last=True) == []


@every_stream
@given(length=lengths, batch_size=batch_sizes, drop_last=st.booleans())
def test_an_iterable_data_set_gives_the_batches_of_an_indexed_one(streamed, length, batch_size, drop_last):
    options = {"batch_size": batch_size, "drop_last": drop_last}

    assert streamed(length, **options) == by_the_reference(length, **options)[0]


@every_stream
def test_without_a_batch_size_an_iterable_data_set_gives_its_items(streamed):
    assert streamed(3, batch_size=None) == [0, 1, 2]


class Endless:
    """All numbers from 0 on, and how many of them have been read."""

    def __iter__(self):
        for self.read in count(1):
            yield self.read - 1


def endless_stream():
    """Return the same for torch, which goes by the class."""
    return type("EndlessStream", (Endless, torch_data.IterableDataset), {})()


@pytest.mark.parametrize(
    ("loader", "make"),
    [
        pytest.param(dataloader.data_loader, Endless, id="by the reference"),
        pytest.param(torchs_loader, endless_stream, id="by torch", marks=pytest.mark.torch_api),
    ],
)
def test_an_iterable_data_set_is_read_a_batch_at_a_time_and_may_be_endless(loader, make):
    source = make()
    batches = iter(loader(source, batch_size=2, collate_fn=identity))

    assert [next(batches), next(batches)] == [[0, 1], [2, 3]]
    assert source.read == 4


REFUSED_TO_STREAMS = {
    "shuffle": {"shuffle": True},
    "sampler": {"sampler": [0]},
    "batch_sampler": {"batch_sampler": [[0]]},
}


@pytest.mark.torch_api
@pytest.mark.parametrize(("option", "options"), REFUSED_TO_STREAMS.items())
def test_an_iterable_data_set_can_be_neither_shuffled_nor_sampled(option, options):
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {option} option"):
        torch_data.DataLoader(data_sets.Stream(), **options)


@pytest.mark.parametrize(("option", "options"), REFUSED_TO_STREAMS.items())
def test_the_reference_refuses_to_shuffle_or_to_sample_an_iterable_data_set(option, options):
    with pytest.raises(ValueError, match=f"^{option} needs a data set with items by index"):
        streamed_by_the_reference(5, **options)


@every_stream
@pytest.mark.parametrize("options", [{"batch_size": 0}, {"batch_size": 1.5}, {"batch_size": None, "drop_last": True}])
def test_an_iterable_data_set_needs_a_positive_batch_size_all_the_same(streamed, options):
    assert streamed(3, batch_size=3, drop_last=True) == [[0, 1, 2]]
    with pytest.raises((ValueError, TypeError)):
        streamed(3, **options)


def test_the_reference_refuses_a_data_set_that_has_neither_items_nor_an_order():
    with pytest.raises(TypeError, match="dataset has type WithoutGetitem, expected items by index, or to iterate over"):
        next(dataloader.data_loader(WithoutGetitem()))


@pytest.mark.torch_api
def test_a_loader_of_an_iterable_data_set_has_no_length_if_the_data_set_has_none():
    with pytest.raises(TypeError, match="'Stream' has no len"):
        len(torch_data.DataLoader(data_sets.Stream()))


@pytest.mark.torch_api
@given(length=lengths, batch_size=batch_sizes, drop_last=st.booleans())
def test_the_length_of_a_loader_of_an_iterable_data_set_follows_from_the_sets(length, batch_size, drop_last):
    loader = torch_data.DataLoader(data_sets.Counted(length), batch_size, drop_last=drop_last)

    assert len(loader) == dataloader.number_of_batches(length, batch_size, drop_last) == len(list(loader))


@pytest.mark.tooling
def test_a_loader_that_forgets_drop_last_for_iterable_data_sets_is_caught():
    def forgetful(length, batch_size, **_):
        return streamed_by_the_reference(length, batch_size=batch_size)

    with pytest.raises(AssertionError):
        test_drop_last_drops_the_incomplete_last_batch_of_an_iterable_data_set(forgetful)
    with pytest.raises(AssertionError):
        test_an_iterable_data_set_gives_the_batches_of_an_indexed_one.hypothesis.inner_test(forgetful, 5, 2, True)


# Workers


@contextmanager
def raised_in_a_worker(error, message):
    with pytest.raises(error, match=message) as caught:
        yield
    traceback.clear_frames(caught.tb)  # they keep the workers alive until garbage collection


@pytest.mark.torch_api
def test_two_workers_give_the_same_shuffled_batches_as_none():
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
def test_any_number_of_workers_gives_the_same_batches_as_none(workers, options):
    assert by_torch(MANY, num_workers=workers, epochs=2, **options) == by_torch(MANY, epochs=2, **options)


@pytest.mark.torch_api
@pytest.mark.slow
def test_persistent_workers_read_different_orders_from_the_second_epoch_on():
    options = {"batch_size": 3, "shuffle": True, "num_workers": 2, "epochs": 2}

    first, second = by_torch(MANY, **options)
    first_of_persistent, second_of_persistent = by_torch(MANY, persistent_workers=True, **options)

    assert first == first_of_persistent
    assert second != second_of_persistent


@pytest.mark.torch_api
@pytest.mark.slow
@pytest.mark.parametrize("error", [ValueError, KeyError, IndexError, OSError])
def test_an_exception_in_a_worker_reaches_the_caller_with_its_type_and_message(error):
    loader = torch_data.DataLoader(data_sets.Broken(error("item 2 is broken")), num_workers=2)

    with raised_in_a_worker(error, rf"(?s)Caught {error.__name__} in DataLoader worker .*item 2 is broken"):
        list(loader)


@pytest.mark.torch_api
@pytest.mark.slow
def test_a_stop_iteration_in_a_worker_reaches_the_caller_and_ends_the_epoch():
    epoch = iter(torch_data.DataLoader(data_sets.Broken(StopIteration("item 2 is broken")), num_workers=2))

    assert [next(epoch).tolist(), next(epoch).tolist()] == [[0], [1]]
    with raised_in_a_worker(StopIteration, "Caught StopIteration in DataLoader worker process 0"):
        next(epoch)


class TwoArguments(Exception):
    """An exception that cannot be constructed from a single message."""

    def __init__(self, item, reason):
        super().__init__(f"{item} is {reason}")
        self.item, self.reason = item, reason

    def __reduce__(self):
        return TwoArguments, (self.item, self.reason)


@pytest.mark.torch_api
@pytest.mark.slow
def test_an_exception_that_takes_more_than_a_message_arrives_as_a_runtime_error():
    loader = torch_data.DataLoader(data_sets.Broken(TwoArguments("item 2", "broken")), num_workers=2)

    with raised_in_a_worker(RuntimeError, r"(?s)Caught TwoArguments in DataLoader worker .*item 2 is broken"):
        list(loader)


@pytest.mark.torch_api
@pytest.mark.slow
def test_every_worker_reads_the_whole_iterable_data_set():
    numbers = torch.cat(list(torch_data.DataLoader(data_sets.Stream(), batch_size=2, num_workers=2))).tolist()

    assert Counter(numbers) == dict.fromkeys(range(5), 2)


@pytest.mark.torch_api
@pytest.mark.slow
@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [1, 1, 2, 2, 2, 2]), (True, [2, 2, 2, 2])])
def test_every_worker_of_an_iterable_data_set_drops_an_incomplete_batch_of_its_own(drop_last, sizes):
    loader = torch_data.DataLoader(data_sets.OfItsWorker(10), batch_size=2, drop_last=drop_last, num_workers=2)

    batches = [batch.tolist() for batch in loader]

    assert sorted(map(len, batches)) == sizes
    assert len(set(flat(batches))) == sum(sizes)  # of 10 numbers, which 2 divides: a loss of 2 with drop_last
    assert all(len({number % 2 for number in batch}) == 1 for batch in batches)


@pytest.mark.torch_api
@pytest.mark.slow
@pytest.mark.parametrize("drop_last", [False, True])
def test_one_worker_gives_the_batches_of_an_iterable_data_set_that_none_gives(drop_last):
    options = {"batch_size": 2, "drop_last": drop_last}

    assert streamed_by_torch(5, num_workers=1, **options) == streamed_by_torch(5, **options)


@pytest.mark.torch_api
@pytest.mark.slow
def test_random_items_depend_on_the_seed_and_on_the_number_of_workers():
    def drawn(workers):
        torch.manual_seed(5)
        return [batch.item() for batch in torch_data.DataLoader(data_sets.Noise(4), num_workers=workers)]

    with torch.random.fork_rng(devices=[]):
        none, one, two, two_again = drawn(0), drawn(1), drawn(2), drawn(2)

    assert two == two_again
    assert none != one != two != none


# The script of the document


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A folder with a stand-in for CIFAR-10: 40 training images and 80 test images."""
    root = tmp_path_factory.mktemp("stand-in")
    datasets.write_cifar10(root, train_images=40, test_images=80)
    return root


@pytest.fixture
def cifar10(stand_in, monkeypatch):
    """torchvision's own class, with the stand-in's checksums and root."""
    for name, value in datasets.expected_files(stand_in, torchvision.datasets.CIFAR10).items():
        monkeypatch.setattr(torchvision.datasets.CIFAR10, name, value)
    return partial(torchvision.datasets.CIFAR10, stand_in)


@pytest.mark.claim("1.5.g")
@pytest.mark.torch_api
def test_cifar10_accepts_the_arguments_of_the_script_and_target_transform():
    parameters = inspect.signature(torchvision.datasets.CIFAR10).parameters

    assert set(parameters) == {"root", "train", "download", "transform", "target_transform"}
    defaults = {"train": True, "download": False, "transform": None, "target_transform": None}
    assert {name: parameters[name].default for name in defaults} == defaults


@pytest.mark.claim("1.5.f")
@pytest.mark.torch_api
@pytest.mark.parametrize(("options", "images"), [({"train": False}, 80), ({"train": True}, 40), ({}, 40)])
def test_train_false_selects_the_test_split_and_train_true_is_the_default(cifar10, options, images):
    assert len(cifar10(**options)) == images


@pytest.mark.claim("1.5.i")
@pytest.mark.torch_api
def test_a_batch_unpacks_into_images_from_0_to_1_and_labels(cifar10):
    data = cifar10(train=False, transform=torchvision.transforms.ToTensor())

    (images, labels), (last_images, last_labels) = torch_data.DataLoader(data, batch_size=64)

    assert (images.shape, last_images.shape) == ((64, 3, 32, 32), (16, 3, 32, 32))
    assert_equal(torch.cat([images, last_images]).numpy(), training.to_input(data.data))
    assert_equal(torch.cat([labels, last_labels]).numpy(), np.array(data.targets, np.int64))
    assert 0 <= images.min() < images.max() <= 1


@pytest.mark.claim("1.5.i")
@pytest.mark.torch_api
def test_shuffled_images_keep_their_labels(cifar10):
    data = cifar10(train=False, transform=torchvision.transforms.ToTensor())
    label_of = {image.numpy().tobytes(): label for image, label in data}

    for images, labels in torch_data.DataLoader(data, batch_size=64, shuffle=True):
        assert [label_of[image.numpy().tobytes()] for image in images] == labels.tolist()
