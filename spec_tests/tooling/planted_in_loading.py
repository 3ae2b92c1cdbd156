"""Data sets and samplers, of torch and of the references, each wrong in one way.

No subject offers them, so what is wrong is put in the place of the right thing while the tests of section 1 run. Many
are wrong as torch, or a library beside it, has been; the public report is named.
"""

import functools
from bisect import bisect_left
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from spec_tests.tooling.planted_in_torch import attribute
from spec_tests.tooling.planted_programs import Program
from spec_tests.vocabulary.torch_when_needed import torch


class Planted(NamedTuple):
    """A change, and a test that it fails."""

    program: Program
    caught_by: str


Change = Callable[[Any], Any]


def planted(caught_by: str, name: str, owner: str, changed_attribute: str, change: Change) -> Planted:
    """Return a change of an attribute of a module or class, made from what it is; a function keeps its signature."""

    def changed(found: Any) -> Any:
        wrong = change(found)
        return functools.update_wrapper(wrong, found) if isinstance(wrong, FunctionType) else wrong

    return Planted(attribute(name, "", owner, changed_attribute, changed), caught_by)


# Data sets


def counts_from_the_end_of_the_first(getitem: Any) -> Any:
    """Hand a negative index to the first data set."""
    return lambda self, index: self.datasets[0][index] if index < 0 else getitem(self, index)


def with_the_rest_in_the_last(split: Any) -> Any:
    """Give what is left of the rounding to the last part."""

    def called(dataset: Any, lengths: Any, generator: Any = None) -> Any:
        if sum(lengths) == len(dataset) or abs(sum(lengths) - 1) > 1e-9:
            return split(dataset, lengths, generator)
        parts = [int(len(dataset) * fraction) for fraction in lengths]
        return split(dataset, [*parts[:-1], len(dataset) - sum(parts[:-1])], generator)

    return called


def in_stored_order(split: Any) -> Any:
    """Cut the data set into pieces and shuffle nothing."""

    def called(dataset: Any, lengths: Any, generator: Any = None) -> Any:
        parts = split(dataset, lengths, generator)
        ends = np.cumsum([len(part) for part in parts]).tolist()
        return [type(part)(dataset, list(range(end - len(part), end))) for part, end in zip(parts, ends, strict=True)]

    return called


CONCAT, SUBSET, ROWS, SPLIT = (
    f"torch.utils.data{name}" for name in (":ConcatDataset", ":Subset", ":TensorDataset", "")
)
OURS = "reference.sampling"
ONE_AFTER_THE_OTHER = "test_joined_data_sets_give_one_after_the_other"
EVERY_INDEX = "test_every_index_of_joined_data_sets_is_one_of_one_of_them"
FRACTIONS = "test_a_fraction_of_the_items_is_rounded_down_and_the_rest_goes_to_the_first"
WAYS = "test_every_way_to_split_three_items_comes_up_equally_often"
SAME_SPLIT = "test_the_same_generator_splits_the_same_way_and_another_one_does_not"
OF_ITS_INDICES = "test_item_i_of_a_subset_is_item_indices_i_of_the_data_set"
A_ROW_OF_EACH = "test_an_item_of_several_arrays_is_a_row_of_each"
DATA_SETS = (
    # pytorch/pytorch#15756
    planted(
        ONE_AFTER_THE_OTHER, "joined_last_is_that_of_the_first", CONCAT, "__getitem__", counts_from_the_end_of_the_first
    ),
    planted(EVERY_INDEX, "ours_looks_to_the_left", OURS, "bisect_right", lambda _: bisect_left),
    planted(ONE_AFTER_THE_OTHER, "ours_knows_no_negative_index", OURS, "_within", lambda f: lambda n, i: f(n, abs(i))),
    planted(
        OF_ITS_INDICES, "subset_has_the_first_items", SUBSET, "__getitem__", lambda _: lambda self, i: self.dataset[i]
    ),
    planted(
        "test_a_subset_reads_several_items_at_once_where_the_data_set_can",
        *("subset_forgets_its_indices_for_several", SUBSET, "__getitems__"),
        lambda _: lambda self, indices: self.dataset.__getitems__(indices),
    ),
    planted(
        "test_a_subset_is_loaded_in_batches_of_its_own_items",
        *("subset_is_as_long_as_its_data_set", SUBSET, "__len__"),
        lambda _: lambda self: len(self.dataset),  # what pytorch/pytorch#67740 saw of random_split
    ),
    planted(
        OF_ITS_INDICES, "ours_has_the_first_items", f"{OURS}:Subset", "__getitem__", lambda _: lambda s, i: s.dataset[i]
    ),
    planted(FRACTIONS, "splits_with_the_rest_in_the_last", SPLIT, "random_split", with_the_rest_in_the_last),
    planted(FRACTIONS, "ours_splits_with_the_rest_in_the_last", OURS, "random_split", with_the_rest_in_the_last),
    planted(WAYS, "splits_in_stored_order", SPLIT, "random_split", in_stored_order),
    planted(WAYS, "ours_splits_in_stored_order", OURS, "random_split", in_stored_order),
    planted(
        *(SAME_SPLIT, "splits_by_another_generator", SPLIT, "random_split"),
        lambda split: lambda dataset, lengths, _=None: split(dataset, lengths),
    ),
    planted(
        A_ROW_OF_EACH, "rows_are_of_the_first_array", ROWS, "__getitem__", lambda f: lambda self, i: f(self, i)[:1]
    ),
    planted(
        "test_arrays_of_different_lengths_make_no_items",
        *("rows_are_of_any_lengths", ROWS, "__init__"),
        lambda _: lambda self, *tensors: setattr(self, "tensors", tensors),
    ),
    planted(
        "test_a_data_set_that_reads_several_items_at_once_is_asked_to",
        *("reads_one_item_after_another", "torch.utils.data._utils.fetch:_MapDatasetFetcher", "fetch"),
        lambda f: lambda self, i: self.collate_fn([self.dataset[n] for n in i]) if self.auto_collation else f(self, i),
    ),
)

# Samplers


def with_weights(change: Callable[[Any], Any]) -> Change:
    """Change the weights of a sampler."""

    def changed(init: Any) -> Any:
        def called(self: Any, weights: Any, *args: Any, **options: Any) -> None:
            init(self, weights, *args, **options)
            self.weights = change(self.weights)

        return called

    return changed


def always_with_replacement(sample: Any) -> Any:
    """Do not look at the option."""
    return lambda weights, count, *_, **options: sample(weights, count, **options)


def by_its_own_generator(iterate: Any) -> Any:
    """Draw from torch's global generator."""

    def called(self: Any) -> Any:
        given, self.generator = self.generator, None
        yield from list(iterate(self))
        self.generator = given

    return called


def never_again_until_all_came(iterate: Any) -> Any:
    """Draw with replacement as if without."""

    def called(self: Any) -> Any:
        length = len(self.data_source)
        if not self.replacement or self.num_samples % length:
            yield from iterate(self)
            return
        for _ in range(self.num_samples // length):
            yield from torch.randperm(length, generator=self.generator).tolist()

    return called


SAMPLER, RANDOM, BATCHES = (
    f"torch.utils.data:{name}" for name in ("WeightedRandomSampler", "RandomSampler", "BatchSampler")
)
BY_WEIGHT = "test_each_index_is_drawn_in_proportion_to_its_weight"
NOTHING = "test_what_weighs_nothing_is_never_drawn"
NOT_TWICE = "test_without_replacement_no_index_is_drawn_twice"
OWN_GENERATOR = "test_a_random_sampler_draws_from_its_generator_alone"
SAMPLERS = (
    # pytorch/pytorch#13867 and #48841
    planted(NOTHING, "draws_what_weighs_nothing", SAMPLER, "__init__", with_weights(lambda w: w + 0.02 * w.sum())),
    planted(BY_WEIGHT, "draws_by_squared_weights", SAMPLER, "__init__", with_weights(lambda w: w**2)),
    planted(BY_WEIGHT, "draws_by_no_weights", SAMPLER, "__init__", with_weights(lambda w: (w > 0).double())),
    planted(
        *(NOT_TWICE, "always_replaces", "torch", "multinomial"),
        lambda f: lambda weights, count, *_, generator=None: f(weights, count, True, generator=generator),
    ),
    planted(NOT_TWICE, "ours_always_replaces", OURS, "weighted_sample", always_with_replacement),
    planted(
        "test_without_replacement_the_weights_of_the_others_are_those_of_the_rest",
        *("ours_draws_a_permutation_without_replacement", OURS, "weighted_sample"),
        lambda f: (
            lambda weights, count, replacement=True, *, generator: f(
                [float(weight > 0) for weight in weights] if replacement is False else weights,
                *(count, replacement),
                generator=generator,
            )
        ),
    ),
    planted(
        *(BY_WEIGHT, "ours_draws_by_no_weights", OURS, "_one"),
        lambda _: lambda weights, generator: int(generator.choice(np.flatnonzero(weights))),
    ),
    # pytorch/pytorch#52568 and #49812
    planted(OWN_GENERATOR, "sampler_forgets_its_generator", RANDOM, "__iter__", by_its_own_generator),
    planted(
        "test_with_replacement_each_index_is_drawn_as_often_whatever_came_before",
        *("replaces_only_when_all_came", RANDOM, "__iter__", never_again_until_all_came),
    ),
    planted(
        "test_without_replacement_all_come_up_once_before_any_comes_again",
        *("draws_no_more_than_there_are", RANDOM, "__iter__"),
        lambda f: lambda self: iter([*f(self)][: len(self.data_source)]),
    ),
    planted(
        "test_a_subset_sampler_draws_each_of_its_indices_once_in_any_order",
        *("draws_places_for_indices", "torch.utils.data:SubsetRandomSampler", "__iter__"),
        lambda _: lambda self: iter(torch.randperm(len(self.indices), generator=self.generator).tolist()),
    ),
    planted(
        "test_a_batch_sampler_makes_the_batches_of_the_reference",
        *("counts_full_batches_alone", BATCHES, "__len__"),
        lambda _: lambda self: len(self.sampler) // self.batch_size,
    ),
)

IN_LOADING = (*DATA_SETS, *SAMPLERS)
"""All of them."""
