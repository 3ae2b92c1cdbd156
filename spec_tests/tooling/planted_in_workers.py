"""What a loader collates, and its workers, of torch and of the references, each wrong in one way.

Many are wrong as torch, or a library beside it, has been; the public report is named.
"""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from spec_tests.tooling.planted_in_loading import OURS, Change, planted


def of_items(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Change the items before they are collated."""
    return lambda collate: lambda batch, **options: collate(change(batch), **options)


# Collating


def cut_off(batch: list[Any]) -> list[Any]:
    """Cut lists off at the end of the shortest, in dictionaries too: pytorch/pytorch#23141."""
    first = batch[0]
    if isinstance(first, dict):
        columns = {key: cut_off([item[key] for item in batch]) for key in first}
        return [{key: columns[key][row] for key in first} for row in range(len(batch))]
    return [item[: min(map(len, batch))] for item in batch] if isinstance(first, list) else batch


def as_plain_tuples(batch: list[Any]) -> list[Any]:
    """Forget the names of named tuples: pytorch/pytorch#3281."""
    first = batch[0]
    if isinstance(first, dict):
        columns = {key: as_plain_tuples([item[key] for item in batch]) for key in first}
        return [{key: columns[key][row] for key in first} for row in range(len(batch))]
    return [tuple(item) for item in batch] if hasattr(first, "_fields") else batch


LOADER = "torch.utils.data:DataLoader"
CUT_OFF = "test_lists_of_different_lengths_are_refused_and_not_cut_off"
PART_BY_PART = "test_nested_items_are_collated_part_by_part"
COLLATING = (
    planted(CUT_OFF, "cuts_lists_off", "torch.utils.data", "default_collate", of_items(cut_off)),
    planted(CUT_OFF, "ours_cuts_lists_off", "reference.dataloader", "default_collate", of_items(cut_off)),
    planted(PART_BY_PART, "forgets_names_of_parts", "torch.utils.data", "default_collate", of_items(as_plain_tuples)),
    planted(
        "test_the_length_of_a_loader_of_an_iterable_data_set_follows_from_the_sets",
        *("counts_full_batches_of_a_stream_alone", LOADER, "__len__"),  # pytorch/pytorch#38925, on the way
        lambda f: lambda self: len(self.dataset) // self.batch_size if f(self) and self.batch_size else f(self),
    ),
    planted(
        "test_drop_last_drops_the_incomplete_last_batch_of_an_iterable_data_set",
        *("keeps_the_last_batch_of_a_stream", "torch.utils.data._utils.fetch:_IterableDatasetFetcher", "__init__"),
        lambda f: lambda self, *args: f(self, *args[:-1], False),  # huggingface/accelerate#209
    ),
)

# Workers


def told(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Change the options that a loader is made with."""
    return lambda init: lambda self, *args, **options: init(self, *args, **{**options, **change(options)})


def only_with_workers(name: str, value: Any) -> Change:
    """Set an option to a value where there are workers."""
    return told(lambda options: {name: value} if options.get("num_workers") else {})


def with_one_seed_for_all(loop: Any) -> Any:
    """Seed every worker as the first."""

    def called(*args: Any) -> None:
        base_seed, worker = args[8], args[10]
        loop(*args[:8], base_seed - worker, *args[9:])

    return called


def with_the_same_seed_in_every_epoch(init: Any) -> Any:
    """Begin every epoch with the same seed."""

    def called(self: Any, loader: Any) -> None:
        init(self, loader)
        self._base_seed = 2**40

    return called


WORKER, ITERATOR = "torch.utils.data._utils.worker", "torch.utils.data.dataloader:_BaseDataLoaderIter"
NO_TWO = "test_no_two_workers_and_no_two_epochs_draw_the_same_numbers"
PLUS_ITS_NUMBER = "test_the_seed_of_a_worker_is_that_of_the_epoch_plus_its_number"
INIT_FN = "test_worker_init_fn_is_called_once_in_each_worker_after_seeding"
WORKERS = (
    planted(NO_TWO, "numpy_is_not_seeded", WORKER, "HAS_NUMPY", lambda _: False),  # pytorch/pytorch#5059
    planted(
        "test_the_numbers_of_a_worker_are_those_of_a_fresh_generator_with_its_seed",
        *("python_is_not_seeded", WORKER, "random"),  # pytorch/pytorch#7882
        lambda _: SimpleNamespace(seed=lambda _: None, Random=random.Random),
    ),
    planted(PLUS_ITS_NUMBER, "all_workers_have_one_seed", WORKER, "_worker_loop", with_one_seed_for_all),
    planted(PLUS_ITS_NUMBER, "all_epochs_have_one_seed", ITERATOR, "__init__", with_the_same_seed_in_every_epoch),
    planted(INIT_FN, "worker_init_fn_is_not_called", LOADER, "__init__", told(lambda _: {"worker_init_fn": None})),
    planted(
        "test_each_worker_reads_prefetch_factor_batches_ahead_and_no_more",
        *("reads_one_batch_more_ahead", LOADER, "__init__"),
        told(lambda o: {"prefetch_factor": (o.get("prefetch_factor") or 2) + 1} if o.get("num_workers") else {}),
    ),
    planted(
        "test_persistent_workers_keep_their_processes_and_seeds_in_every_epoch",
        *("persistent_workers_do_not_persist", LOADER, "__init__", only_with_workers("persistent_workers", False)),
    ),
    planted(
        "test_batches_come_in_order_even_if_the_first_is_read_last",
        *("batches_come_as_they_are_read", LOADER, "__init__", only_with_workers("in_order", False)),
    ),
    planted(
        "test_out_of_order_a_batch_comes_when_it_is_read",
        *("batches_always_come_in_order", LOADER, "__init__", only_with_workers("in_order", True)),
    ),
    planted(
        "test_a_batch_that_takes_longer_than_timeout_is_an_error",
        *("waits_for_ever", LOADER, "__init__", only_with_workers("timeout", 0)),
    ),
    planted(
        "test_workers_read_whole_batches_in_turn",
        *("ours_gives_workers_blocks", OURS, "of_worker"),
        lambda _: (
            lambda batches, worker, workers: batches[worker * len(batches) // workers :][: len(batches) // workers]
        ),
    ),
    planted(
        "test_a_worker_knows_its_number_and_how_many_there_are_and_the_caller_none",
        *("nobody_knows_the_worker", "spec_tests.vocabulary.torch_data_sets", "get_worker_info"),
        lambda f: lambda: (info := f()) and SimpleNamespace(id=0, num_workers=1, seed=info.seed, dataset=info.dataset),
    ),
)

IN_WORKERS = (*COLLATING, *WORKERS)
"""All of them."""
