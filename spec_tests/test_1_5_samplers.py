"""1.5 What a DataLoader draws from: random and weighted samplers, batches of a sampler's indices, exclusive options.

Where the reference has the function, the laws are tested on it and on torch. The seeds of tests of frequencies are
fixed, and a correct implementation would fail one at no more than `FALSE_ALARM_RATE` of all seeds.
"""

import sys
from collections import Counter, OrderedDict
from itertools import cycle, islice, permutations
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import dataloader, sampling
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.image_paths import frequency_tolerance
from spec_tests.vocabulary.problems import SEEDS
from spec_tests.vocabulary.torch_when_needed import WhenNeeded, torch, torch_data

MANY = 20
"""With at least this many items, two drawn orders agree in at most one of 20! pairs, which is over 10^18."""

data_sets = WhenNeeded("spec_tests.vocabulary.torch_data_sets")

# WeightedRandomSampler


def by_the_reference(weights, num_samples, replacement=True, seed=0, times=1):
    """Return samples drawn one after another from one generator."""
    generator = np.random.default_rng(seed)
    return [sampling.weighted_sample(weights, num_samples, replacement, generator=generator) for _ in range(times)]


def by_torch(weights, num_samples, replacement=True, seed=0, times=1):
    """Return samples drawn one after another from one generator."""
    generator = torch.Generator().manual_seed(seed)
    sampler = torch_data.WeightedRandomSampler(weights, num_samples, replacement, generator)
    assert len(sampler) == num_samples
    return [list(sampler) for _ in range(times)]


each_sample = pytest.mark.parametrize(
    "samples",
    [
        pytest.param(by_the_reference, id="by the reference"),
        pytest.param(by_torch, id="by torch", marks=pytest.mark.torch_api),
    ],
)

weights = st.lists(st.sampled_from([0, 0, 0.25, 1, 7]), min_size=1, max_size=8).filter(any)


@each_sample
@pytest.mark.parametrize("scale", [1, 100, 0.001])
def test_each_index_is_drawn_in_proportion_to_its_weight(samples, scale):
    weights, draws = [1, 2, 0, 3, 4], 4000

    ((*drawn,),) = samples([scale * weight for weight in weights], draws)

    frequencies = np.bincount(drawn, minlength=5) / draws
    assert abs(frequencies - np.array(weights) / 10).max() < frequency_tolerance(draws, 5)


@each_sample
def test_draws_with_replacement_do_not_depend_on_each_other(samples):
    draws = 4000

    ((*drawn,),) = samples([1, 3], draws)

    pairs = Counter(zip(drawn[:-1:2], drawn[1::2], strict=True))
    for (first, second), count in pairs.items():
        assert abs(count / (draws / 2) - (1, 3)[first] * (1, 3)[second] / 16) < frequency_tolerance(draws // 2, 4)


@each_sample
def test_without_replacement_the_weights_of_the_others_are_those_of_the_rest(samples):
    weights, draws = {0: 1, 1: 2, 2: 5}, 1500

    drawn = Counter(map(tuple, samples([*weights.values()], 2, replacement=False, times=draws)))

    for first, second in permutations(weights, 2):
        expected = weights[first] / 8 * weights[second] / (8 - weights[first])
        assert abs(drawn[first, second] / draws - expected) < frequency_tolerance(draws, 6)


@each_sample
@given(weights=weights, count=st.integers(1, 9), seed=SEEDS)
def test_what_weighs_nothing_is_never_drawn(samples, weights, count, seed):
    (drawn,) = samples(weights, count, seed=seed)

    assert len(drawn) == count
    assert all(weights[index] > 0 for index in drawn)


@each_sample
@given(weights=weights, seed=SEEDS, data=st.data())
def test_without_replacement_no_index_is_drawn_twice(samples, weights, seed, data):
    some = [index for index, weight in enumerate(weights) if weight]
    count = data.draw(st.integers(1, len(some)))

    (drawn,) = samples(weights, count, replacement=False, seed=seed)

    assert len(set(drawn)) == len(drawn) == count
    assert set(drawn) <= set(some)


@each_sample
def test_a_sampler_draws_anew_each_time_and_the_same_from_the_same_seed(samples):
    first, second = samples([1] * MANY, MANY, seed=3, times=2)

    assert [first, second] == samples([1] * MANY, MANY, seed=3, times=2)
    assert first != second
    assert first != samples([1] * MANY, MANY, seed=4)[0]


@each_sample
def test_with_replacement_more_may_be_drawn_than_there_are(samples):
    (drawn,) = samples([1, 1], 100)

    assert len(drawn) == 100
    assert set(drawn) == {0, 1}


REFUSED = {
    "nothing to draw": ("num_samples must be at least 1, got 0", ([1, 1], 0)),
    "less than nothing to draw": ("num_samples must be at least 1, got -1", ([1, 1], -1)),
    "half a draw": ("num_samples must be a whole number, got 0.5", ([1, 1], 0.5)),
    "a negative weight": ("weights must be finite, none below 0", ([2, -1], 1)),
    "a weight of little less than 0": ("weights must be finite, none below 0", ([1, -0.5], 1)),
    "an infinite weight": ("weights must be finite", ([1, float("inf")], 1)),
    "a weight that is no number": ("weights must be finite", ([1, float("nan")], 1)),
    "weights of nothing": ("weights must be finite, none below 0 and not all of them 0", ([0, 0], 1)),
    "more than there are": ("num_samples must be at most the 2", ([1, 1], 3, False)),
    "replacement that is a number": ("replacement must be True or False, got 1", ([1, 1], 1, 1)),
}


@each_sample
@pytest.mark.parametrize("case", REFUSED)
def test_a_weighted_sampler_refuses_what_cannot_be_drawn(samples, case):
    message, arguments = REFUSED[case]

    with pytest.raises((ValueError, TypeError, RuntimeError), match=message if samples is by_the_reference else None):
        samples(*arguments)


def test_the_reference_draws_no_more_than_weigh_something():
    with pytest.raises(ValueError, match="num_samples must be at most the 1 that weigh something, got 2"):
        by_the_reference([0, 3], 2, replacement=False)


@pytest.mark.torch_api
def test_a_loader_reads_the_items_that_its_weighted_sampler_draws():
    sampler = torch_data.WeightedRandomSampler([0, 1, 0, 1], 9, generator=torch.Generator().manual_seed(0))

    batches = [batch.tolist() for batch in torch_data.DataLoader(range(10, 14), batch_size=4, sampler=sampler)]

    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert {item for batch in batches for item in batch} == {11, 13}


# RandomSampler


@pytest.mark.torch_api
@given(length=st.integers(1, 9), count=st.integers(1, 30), seed=SEEDS)
def test_without_replacement_all_come_up_once_before_any_comes_again(length, count, seed):
    sampler = torch_data.RandomSampler(range(length), num_samples=count, generator=torch.Generator().manual_seed(seed))

    drawn = list(sampler)

    assert len(drawn) == len(sampler) == count
    for start in range(0, count, length):
        some = drawn[start : start + length]
        assert len(set(some)) == len(some)
        assert set(some) <= set(range(length))


@pytest.mark.torch_api
@pytest.mark.parametrize("count", [40, 4001])
def test_with_replacement_each_index_is_drawn_as_often_whatever_came_before(count):
    generator = torch.Generator().manual_seed(0)
    sampler = torch_data.RandomSampler(range(4), replacement=True, num_samples=count, generator=generator)

    drawn = [index for _ in range(4000 // count + 1) for index in sampler][:4000]

    assert abs(np.bincount(drawn, minlength=4) / 4000 - 1 / 4).max() < frequency_tolerance(4000, 8)
    again = np.mean(np.array(drawn[::2]) == np.array(drawn[1::2]))
    assert abs(again - 1 / 4) < frequency_tolerance(2000, 8)


@pytest.mark.torch_api
def test_a_random_sampler_draws_from_its_generator_alone():
    def drawn(seed, of_others):
        torch.manual_seed(of_others)
        sampler = torch_data.RandomSampler(range(MANY), generator=torch.Generator().manual_seed(seed))
        return [list(sampler), list(sampler)]

    with torch.random.fork_rng(devices=[]):
        assert drawn(1, 5) == drawn(1, 6) != drawn(2, 5)
        first, second = drawn(1, 5)
    assert first != second


@pytest.mark.torch_api
def test_a_subset_sampler_draws_each_of_its_indices_once_in_any_order():
    generator, draws = torch.Generator().manual_seed(0), 600
    sampler = torch_data.SubsetRandomSampler([7, 3, 9], generator=generator)

    orders = Counter(tuple(sampler) for _ in range(draws))

    assert set(orders) == set(permutations([7, 3, 9]))
    assert max(abs(count / draws - 1 / 6) for count in orders.values()) < frequency_tolerance(draws, 6)


@pytest.mark.torch_api
@given(length=st.integers(0, 20), size=st.integers(1, 6), drop_last=st.booleans())
def test_a_batch_sampler_makes_the_batches_of_the_reference(length, size, drop_last):
    sampler = torch_data.BatchSampler(torch_data.SequentialSampler(range(length)), size, drop_last)

    expected = dataloader.batches(length, size, drop_last=drop_last)

    assert list(sampler) == expected
    assert len(sampler) == len(expected)


# Options that exclude each other


@pytest.mark.torch_api
@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("sampler option is mutually exclusive with shuffle", {"sampler": [0], "shuffle": True}),
        ("batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "batch_size": 2}),
        ("batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "shuffle": True}),
        ("batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "sampler": [0]}),
        ("batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "drop_last": True}),
        ("batch_size=None option disables auto-batching and is mutually", {"batch_size": None, "drop_last": True}),
    ],
)
def test_a_loader_says_which_options_exclude_each_other(message, options):
    with pytest.raises(ValueError, match=message):
        torch_data.DataLoader(range(5), **options)


@pytest.mark.torch_api
def test_a_loader_of_batches_that_are_given_has_no_size_of_batches():
    loader = torch_data.DataLoader(range(5), batch_sampler=[[0, 4], [1]])

    assert (loader.batch_size, loader.drop_last, len(loader)) == (None, False, 2)
    assert [batch.tolist() for batch in loader] == [[0, 4], [1]]


@pytest.mark.torch_api
def test_a_sampler_without_batches_gives_the_items_themselves():
    loader = torch_data.DataLoader(range(10, 15), batch_size=None, sampler=[3, 3, 0])

    assert list(loader) == [13, 13, 10]
    assert len(loader) == 3


@pytest.mark.torch_api
def test_a_sampler_of_batches_reads_several_items_of_one_index():
    pixels = np.arange(12.0).reshape(6, 2)
    sampler = torch_data.BatchSampler(torch_data.SequentialSampler(pixels), 4, drop_last=False)

    batches = list(torch_data.DataLoader(pixels, batch_size=None, sampler=sampler))

    assert_equal(batches[0].numpy(), pixels[:4])
    assert_equal(batches[1].numpy(), pixels[4:])


@pytest.mark.torch_api
def test_a_data_set_that_reads_several_items_at_once_is_asked_to():
    assert [batch.tolist() for batch in torch_data.DataLoader(data_sets.Several(5), 2)] == [[0, -1], [-2, -3], [-4]]


# Samplers without an end


class Asked:
    """What gives these again and again, and counts how often it is asked; whoever wants too many is told so."""

    def __init__(self, *given):
        """Begin with nothing asked."""
        self.given, self.times = given, 0

    def __iter__(self):
        """Never end."""
        for one in cycle(self.given):
            self.times += 1
            assert self.times < 1000, "asked without end"
            yield one


def first_of_the_reference(count, dataset, **options):
    """Return the first batches as lists, and refuse to be counted."""
    loader = dataloader.data_loader(dataset, **options)
    with pytest.raises(TypeError, match="has no len"):
        len(loader)
    return [batch.tolist() for batch in islice(loader, count)]


def first_of_torch(count, dataset, **options):
    """Return the first batches as lists, and refuse to be counted."""
    loader = torch_data.DataLoader(dataset, **options)
    with pytest.raises(TypeError, match="has no len"):
        len(loader)
    return [batch.tolist() if torch.is_tensor(batch) else batch for batch in islice(loader, count)]


each_loader = pytest.mark.parametrize(
    "first",
    [
        pytest.param(first_of_the_reference, id="by the reference"),
        pytest.param(first_of_torch, id="by torch", marks=pytest.mark.torch_api),
    ],
)
ITEMS = [np.int64(10), np.int64(11), np.int64(12)]


@each_loader
@pytest.mark.parametrize("drop_last", [False, True])
def test_an_endless_sampler_is_asked_for_no_more_than_the_batches_that_are_read(first, drop_last):
    sampler = Asked(2, 0, 1)

    batches = first(2, ITEMS, batch_size=2, sampler=sampler, drop_last=drop_last)

    assert batches == [[12, 10], [11, 12]]
    assert sampler.times == 4


@each_loader
def test_an_endless_sampler_gives_single_items_one_at_a_time(first):
    sampler = Asked(2, 0)

    assert first(3, ITEMS, batch_size=None, sampler=sampler) == [12, 10, 12]
    assert sampler.times == 3


@each_loader
def test_an_endless_sampler_of_batches_is_asked_for_one_at_a_time(first):
    sampler = Asked([2, 0], [1])

    assert first(3, ITEMS, batch_sampler=sampler) == [[12, 10], [11], [12, 10]]
    assert sampler.times == 3


class Squares:
    """A data set that claims to have more items than any memory holds, and makes each when it is asked for."""

    def __len__(self):
        """Claim the most that Python allows."""
        return sys.maxsize

    def __getitem__(self, index):
        """Return a square."""
        return np.int64(index * index)


@pytest.mark.parametrize(
    "load",
    [
        pytest.param(lambda *_: dataloader.data_loader(*_), id="by the reference"),
        pytest.param(lambda *_: torch_data.DataLoader(*_), id="by torch", marks=pytest.mark.torch_api),
    ],
)
def test_a_data_set_of_any_length_is_read_a_batch_at_a_time(load):
    batches = islice(load(Squares(), 2), 2)

    assert [batch.tolist() for batch in batches] == [[0, 1], [4, 9]]


def test_the_reference_lists_or_shuffles_no_order_that_no_memory_holds():
    drawn = np.random.default_rng(0)

    with pytest.raises(ValueError, match=r"the order would have shape \(\d+,\), expected fewer than 2\^31"):
        dataloader.batches(sys.maxsize)
    with pytest.raises(ValueError, match=r"the order would have shape \(\d+,\), expected fewer than 2\^31"):
        next(dataloader.data_loader(Squares(), shuffle=True, generator=drawn))


# Nested items


class Pair(NamedTuple):
    """Two parts."""

    left: Any
    right: Any


each_collate = pytest.mark.parametrize(
    "collate",
    [
        pytest.param(dataloader.default_collate, id="by the reference"),
        pytest.param(lambda items: torch_data.default_collate(items), id="by torch", marks=pytest.mark.torch_api),
    ],
)


def plain(batch):
    """Return a batch with lists in place of arrays and tensors."""
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(plain, batch))
    if isinstance(batch, list | tuple):
        return type(batch)(map(plain, batch))
    return batch if isinstance(batch, str | bytes) else batch.tolist()


@each_collate
def test_nested_items_are_collated_part_by_part(collate):
    items = [
        {"image": np.array([1, 2]), "box": ((1, 2), [3.5]), "name": "horse", "pair": Pair(True, {"a": b"x"})},
        {"image": np.array([3, 4]), "box": ((5, 6), [7.5]), "name": "ship", "pair": Pair(False, {"a": b"y"})},
    ]

    assert plain(collate(items)) == {
        "image": [[1, 2], [3, 4]],
        "box": [[[1, 5], [2, 6]], [[3.5, 7.5]]],  # a tuple of numbers becomes a list of batches
        "name": ["horse", "ship"],
        "pair": Pair([True, False], {"a": [b"x", b"y"]}),
    }
    assert type(collate(items)["pair"]) is Pair


@each_collate
def test_the_parts_of_a_batch_are_in_the_order_of_the_first_item(collate):
    batch = collate([{"image": 1, "label": 2}, {"label": 3, "image": 4}])

    assert [(key, value.tolist()) for key, value in batch.items()] == [("image", [1, 4]), ("label", [2, 3])]


@each_collate
def test_lists_of_different_lengths_are_refused_and_not_cut_off(collate):
    with pytest.raises((ValueError, RuntimeError), match=r"items differ in length|should be of equal size"):
        collate([{"words": ["a", "b"]}, {"words": ["c"]}])


@pytest.mark.torch_api
def test_a_mapping_of_another_type_stays_one():
    batch = torch_data.default_collate([OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)])

    assert type(batch) is OrderedDict
    assert [(key, value.tolist()) for key, value in batch.items()] == [("b", [1, 3]), ("a", [2, 4])]


@pytest.mark.torch_api
def test_tensors_are_stacked_and_scalars_among_them_become_a_vector():
    assert torch_data.default_collate([torch.ones(2, 3)] * 4).shape == (4, 2, 3)
    assert torch_data.default_collate([torch.tensor(1), torch.tensor(2)]).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        torch_data.default_collate([torch.ones(2), torch.ones(3)])
