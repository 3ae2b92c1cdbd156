"""1.4 Parts and sums of data sets: Subset, random_split, ConcatDataset and TensorDataset.

The document does not name them; who splits off data for validation meets the first two. The laws are tested on the
reference and on torch, which draw different permutations.
"""

from collections import Counter
from functools import partial
from itertools import accumulate, permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference import dataloader, sampling
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.image_paths import frequency_tolerance
from spec_tests.vocabulary.problems import SEEDS
from spec_tests.vocabulary.torch_when_needed import WhenNeeded, torch, torch_data

MANY = 20
"""With at least this many items, two drawn orders agree in at most one of 20! pairs, which is over 10^18."""

data_sets = WhenNeeded("spec_tests.vocabulary.torch_data_sets")


class Reference:
    """The classes of the reference."""

    Subset, ConcatDataset = sampling.Subset, sampling.ConcatDataset

    @staticmethod
    def TensorDataset(*arrays):  # noqa: N802  # as torch calls it
        return sampling.TensorDataset(*arrays)

    @staticmethod
    def random_split(dataset, lengths, seed=0):
        return sampling.random_split(dataset, lengths, np.random.default_rng(seed))


class Torch:
    """The classes of torch, called with arrays."""

    @staticmethod
    def Subset(dataset, indices):  # noqa: N802
        return torch_data.Subset(dataset, indices)

    @staticmethod
    def ConcatDataset(datasets):  # noqa: N802
        return torch_data.ConcatDataset(datasets)

    @staticmethod
    def TensorDataset(*arrays):  # noqa: N802
        return torch_data.TensorDataset(*map(torch.from_numpy, arrays))

    @staticmethod
    def random_split(dataset, lengths, seed=0):
        return torch_data.random_split(dataset, lengths, torch.Generator().manual_seed(seed))


each_library = pytest.mark.parametrize(
    "library",
    [
        pytest.param(Reference, id="by the reference"),
        pytest.param(Torch, id="by torch", marks=pytest.mark.torch_api),
    ],
)

# Subset

chosen = st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), max_size=12)))


@each_library
def test_a_subset_has_the_items_of_its_indices_in_their_order(library):
    part = library.Subset("abcde", [3, 0, 3])

    assert len(part) == 3
    assert [part[0], part[1], part[2], part[-1]] == ["d", "a", "d", "d"]


@each_library
@given(chosen=chosen)
def test_item_i_of_a_subset_is_item_indices_i_of_the_data_set(library, chosen):
    length, indices = chosen

    part = library.Subset(range(100, 100 + length), indices)

    assert [part[i] for i in range(len(part))] == [100 + index for index in indices]


@each_library
@given(chosen=chosen, data=st.data())
def test_a_subset_of_a_subset_chooses_among_what_is_chosen(library, chosen, data):
    length, indices = chosen
    again = data.draw(st.lists(st.integers(0, len(indices) - 1), max_size=5)) if indices else []

    part = library.Subset(library.Subset(range(length), indices), again)

    assert [part[i] for i in range(len(part))] == [indices[i] for i in again]


@each_library
@pytest.mark.parametrize("index", [3, -4])
def test_a_subset_has_no_items_beyond_its_ends(library, index):
    part = library.Subset("abcde", [3, 0, 3])

    with pytest.raises(IndexError):
        part[index]


@each_library
def test_a_subset_is_loaded_in_batches_of_its_own_items(library):
    part = library.Subset(range(10, 20), [9, 1, 5])
    load = dataloader.data_loader if library is Reference else torch_data.DataLoader

    assert [batch.tolist() for batch in load(part, 2)] == [[19, 11], [15]]


@pytest.mark.torch_api
def test_a_subset_reads_several_items_at_once_where_the_data_set_can():
    part = torch_data.Subset(data_sets.Several(9), [4, 2, 7])

    assert [batch.tolist() for batch in torch_data.DataLoader(part, batch_size=2)] == [[-4, -2], [-7]]
    assert torch_data.Subset(data_sets.Squares(9), [4]).__getitems__([0]) == [(4, 16)]


# random_split


@each_library
@given(parts=st.lists(st.integers(0, 8), min_size=1, max_size=5).filter(sum), seed=SEEDS)
@example(parts=[0, 1], seed=0)  # as lengths and as shares the same; torch reads shares, and warns of the empty part
@pytest.mark.filterwarnings("ignore:Length of split at index")
def test_a_random_split_puts_every_item_into_exactly_one_part(library, parts, seed):
    items = range(100, 100 + sum(parts))

    split = library.random_split(items, parts if parts != [1] else [1.0], seed)

    assert [len(part) for part in split] == parts
    assert sorted(item for part in split for item in part) == list(items)


@each_library
def test_every_way_to_split_three_items_comes_up_equally_often(library):
    draws = 600
    ways = Counter(
        tuple(index for part in library.random_split(range(3), [1, 2], seed) for index in part.indices)
        for seed in range(draws)
    )

    assert set(ways) == set(permutations(range(3)))
    assert max(abs(count / draws - 1 / 6) for count in ways.values()) < frequency_tolerance(draws, 6)


@each_library
@given(seed=SEEDS)
def test_the_same_generator_splits_the_same_way_and_another_one_does_not(library, seed):
    first, second, other = (
        [list(part.indices) for part in library.random_split(range(MANY), [MANY - 5, 5], number)]
        for number in (seed, seed, seed + 1)
    )

    assert first == second != other


@each_library
@pytest.mark.parametrize(
    ("length", "fractions", "lengths"),
    [
        (10, [0.8, 0.2], [8, 2]),
        (10, [0.3, 0.7], [3, 7]),
        (11, [0.5, 0.5], [6, 5]),  # ⌊5.5⌋ each, and the one that is left to the first
        (11, [0.5, 0.25, 0.25], [6, 3, 2]),  # ⌊5.5⌋, ⌊2.75⌋ twice, and two that are left
        (3, [0.9, 0.1], [3, 0]),
        (100, [0.71, 0.29], [72, 28]),  # 0.29 is stored as a little less, and 100 · 0.29 is 28.999999999999996
    ],
)
def test_a_fraction_of_the_items_is_rounded_down_and_the_rest_goes_to_the_first(library, length, fractions, lengths):
    if 0 in lengths and library is Torch:
        with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
            split = library.random_split(range(length), fractions)
    else:
        split = library.random_split(range(length), fractions)

    assert [len(part) for part in split] == lengths


@pytest.mark.torch_api
@given(length=st.integers(1, 300), percents=st.lists(st.integers(1, 40), min_size=2, max_size=6))
@pytest.mark.filterwarnings("ignore:Length of split at index")
def test_torch_and_the_reference_split_fractions_into_the_same_lengths(length, percents):
    fractions = [percent / sum(percents) for percent in percents]
    fractions[-1] = 1 - sum(fractions[:-1])
    if sum(fractions) > 1:  # deviation "fractions-that-add-up-to-more"
        return

    split = torch_data.random_split(range(length), fractions)

    assert [len(part) for part in split] == sampling.split_lengths(length, fractions)


@given(length=st.integers(0, 1000), weights=st.lists(st.integers(1, 99), min_size=1, max_size=9))
def test_a_part_is_less_than_an_item_away_from_its_fraction(length, weights):
    fractions = [weight / sum(weights) for weight in weights]

    lengths = sampling.split_lengths(length, fractions)

    assert sum(lengths) == length
    for part, weight in zip(lengths, weights, strict=True):
        assert abs(part * sum(weights) - length * weight) <= sum(weights)  # 1, and rounding of a whole product


@each_library
@pytest.mark.parametrize("lengths", [[4, 5], [0.5, 0.4], [], [5, 6]])
def test_the_parts_must_make_up_the_whole(library, lengths):
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        library.random_split(range(10), lengths)


@pytest.mark.torch_api
def test_only_torch_takes_a_part_of_less_than_no_items_for_an_empty_one():
    assert [len(part) for part in Torch.random_split(range(10), [11, -1])] == [10, 0]
    with pytest.raises(ValueError, match="none below 0"):
        Reference.random_split(range(10), [11, -1])


@pytest.mark.torch_api
def test_without_a_generator_a_split_follows_torch_manual_seed():
    def split():
        return [part.indices for part in torch_data.random_split(range(MANY), [10, 10])]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        first, other = split(), split()
        torch.manual_seed(3)
        again = split()

    assert first == again != other


# ConcatDataset

blocks = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@each_library
def test_joined_data_sets_give_one_after_the_other(library):
    joined = library.ConcatDataset(["ab", "cde"])

    assert len(joined) == 5
    assert [joined[i] for i in range(5)] == ["a", "b", "c", "d", "e"]
    assert [joined[i] for i in range(-5, 0)] == ["a", "b", "c", "d", "e"]


@each_library
@given(lengths=blocks)
def test_every_index_of_joined_data_sets_is_one_of_one_of_them(library, lengths):
    ends = list(accumulate(lengths))
    parts = [range(end - length, end) for end, length in zip(ends, lengths, strict=True)]

    joined = library.ConcatDataset(parts)

    assert len(joined) == ends[-1]
    assert [joined[i] for i in range(ends[-1])] == list(range(ends[-1]))
    assert [joined[-1 - i] for i in range(ends[-1])] == list(range(ends[-1]))[::-1]


class FromTheFront(list):
    """Items that are counted from the front only."""

    def __getitem__(self, index):
        """Return an item."""
        if index < 0:
            raise IndexError(index)
        return super().__getitem__(index)


@each_library
def test_joined_data_sets_are_asked_for_indices_from_the_front(library):
    joined = library.ConcatDataset([FromTheFront("ab"), FromTheFront("cde")])

    assert [joined[i] for i in range(-5, 5)] == [*"abcdeabcde"]


@each_library
@pytest.mark.parametrize(
    ("index", "error_of_torch"), [(5, IndexError), (6, IndexError), (-6, ValueError), (-9, ValueError)]
)
def test_joined_data_sets_have_no_items_beyond_their_ends(library, index, error_of_torch):
    with pytest.raises(IndexError if library is Reference else error_of_torch):
        library.ConcatDataset(["ab", "cde"])[index]


@each_library
def test_there_must_be_a_data_set_to_join(library):
    with pytest.raises((ValueError, AssertionError), match=r"must be at least one data set|should not be an empty"):
        library.ConcatDataset([])


@pytest.mark.torch_api
def test_data_sets_are_joined_by_plus_too():
    joined = data_sets.Squares(2) + data_sets.Squares(3)

    assert isinstance(joined, torch_data.ConcatDataset)
    assert [joined[i] for i in range(5)] == [(0, 0), (1, 1), (0, 0), (1, 1), (2, 4)]


@pytest.mark.torch_api
def test_a_stream_cannot_be_joined_to_data_sets_by_index_but_is_chained_by_plus():
    with pytest.raises(AssertionError, match="ConcatDataset does not support IterableDataset"):
        torch_data.ConcatDataset([data_sets.Stream(2)])

    assert list(data_sets.Stream(2) + data_sets.Stream(3)) == [0, 1, 0, 1, 2]


# TensorDataset


@each_library
def test_an_item_of_one_array_is_a_row_of_it(library):
    data = library.TensorDataset(np.array([[7, 8], [9, 10]]))

    assert len(data) == 2
    assert [[part.tolist() for part in data[index]] for index in range(2)] == [[[7, 8]], [[9, 10]]]


@each_library
def test_an_item_of_several_arrays_is_a_row_of_each(library):
    images, labels, weights = np.arange(12.0).reshape(3, 2, 2), np.array([7, 8, 9]), np.array([0.5, 1, 2], "float32")

    data = library.TensorDataset(images, labels, weights)

    assert len(data) == 3
    for index in (0, 1, 2, -1):
        item = data[index]
        assert type(item) is tuple
        assert len(item) == 3
        for part, whole in zip(item, (images, labels, weights), strict=True):
            assert_equal(np.asarray(part), np.asarray(whole[index]))


@each_library
@pytest.mark.parametrize("index", [3, -4])
def test_arrays_have_no_rows_beyond_their_ends(library, index):
    with pytest.raises(IndexError):
        library.TensorDataset(np.zeros((3, 2)), np.zeros(3))[index]


@each_library
@pytest.mark.parametrize("lengths", [(3, 2), (3, 3, 4), (2, 3, 3)])
def test_arrays_of_different_lengths_make_no_items(library, lengths):
    with pytest.raises((ValueError, AssertionError), match=r"expected as many in each|Size mismatch between tensors"):
        library.TensorDataset(*(np.zeros((length, 2)) for length in lengths))


@each_library
def test_batches_of_several_arrays_are_their_rows_in_order(library):
    images, labels = np.arange(20.0).reshape(5, 2, 2), np.arange(5)
    load = dataloader.data_loader if library is Reference else torch_data.DataLoader

    batches = list(load(library.TensorDataset(images, labels), 2))

    for number, (some_images, some_labels) in enumerate(batches):
        rows = slice(2 * number, 2 * number + 2)
        assert_equal(np.asarray(some_images), images[rows])
        assert_equal(np.asarray(some_labels), labels[rows])
    assert len(batches) == 3


@pytest.mark.torch_api
def test_an_item_of_a_tensor_data_set_is_a_view_and_its_batch_a_copy():
    images = torch.zeros(3, 2)
    data = torch_data.TensorDataset(images)
    (batch,) = next(iter(torch_data.DataLoader(data, batch_size=3)))

    data[1][0].fill_(5)

    assert images.tolist() == [[0, 0], [5, 5], [0, 0]]
    assert batch.tolist() == [[0, 0]] * 3


# The reference's refusals


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("index must be from -3 to 2, got 3", lambda: sampling.Subset("abc", [0, 1, 2])[3]),
        ("index must be a whole number, got 0.5", lambda: sampling.ConcatDataset(["abc"])[0.5]),
        ("tensors must be at least one array", sampling.TensorDataset),
        ("tensors must be at least one array", lambda: sampling.TensorDataset(np.array(1.0))),
        ("tensors have 3, 2 items", lambda: sampling.TensorDataset(np.zeros(3), np.zeros(2))),
        ("tensors must be a NumPy array, got list", lambda: sampling.TensorDataset([1])),
        ("lengths must add up to 1 or to the number of items 10", lambda: sampling.split_lengths(10, [4, 5])),
        ("lengths must be a whole number, got 0.5", lambda: sampling.split_lengths(10, [0.5, 0.4])),
        ("lengths must be at least one number, none below 0", lambda: sampling.split_lengths(10, [11, -1])),
        ("lengths must be at least one number", lambda: sampling.split_lengths(10, [])),
        (r"generator must be like numpy.random.default_rng", partial(sampling.random_split, "ab", [2], None)),
    ],
)
def test_the_reference_refuses_these_parts_and_says_why(message, call):
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        call()
