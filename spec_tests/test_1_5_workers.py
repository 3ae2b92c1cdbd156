"""1.5 Workers of a DataLoader: processes that read batches ahead, each with its own copy of the data set and its seeds.

torch promises: worker i is seeded with a number that is drawn for the epoch, plus i; that seeds the global generators
of Python's `random` and of NumPy too. Generators that a data set has made itself are copied with it and not seeded, and
without workers nothing is. What two epochs of two workers show is read once, for many tests; most others are slow.
"""

import inspect
import os
import random
import time
import traceback
from contextlib import contextmanager

import numpy as np
import pytest

from reference import sampling
from spec_tests.vocabulary.torch_when_needed import WhenNeeded, torch, torch_data

pytestmark = [
    pytest.mark.torch_api,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # from Python 3.12 on
    pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes"),  # on a machine with one core
]

data_sets = WhenNeeded("spec_tests.vocabulary.torch_data_sets")

ITEMS, SIZE = 12, 2


def read(epochs=1, seed=0, workers=2, data=None, **options):
    """Return the batches of each epoch, as lists of items; by default of items that tell who has read them."""
    data = data_sets.OfWorkers(ITEMS) if data is None else data
    generator = torch.Generator().manual_seed(seed)
    loader = torch_data.DataLoader(data, SIZE, collate_fn=list, generator=generator, num_workers=workers, **options)
    return [list(loader) for _ in range(epochs)]


@contextmanager
def raised_in_a_worker(error, message):
    with pytest.raises(error, match=message) as caught:
        yield
    traceback.clear_frames(caught.tb)  # they keep the workers alive until garbage collection


@pytest.fixture(scope="module")
def epochs():
    """Two epochs of two workers, each of which was told something when it was started."""
    return read(epochs=2, worker_init_fn=data_sets.tell_the_data_set)


def items_of(epochs):
    """Return all items of these epochs."""
    return [item for epoch in epochs for batch in epoch for item in batch]


def by_worker(epoch):
    """Return the items that each worker has read."""
    return [[item for item in items_of([epoch]) if item["worker"][0] == worker] for worker in (0, 1)]


# Who reads what


def test_workers_read_whole_batches_in_turn(epochs):
    indices = [[item["index"] for item in batch] for batch in epochs[0]]
    assert indices == [[2 * i, 2 * i + 1] for i in range(6)]

    for worker, items in enumerate(by_worker(epochs[0])):
        assert [item["index"] for item in items] == [
            i for batch in sampling.of_worker(indices, worker, 2) for i in batch
        ]


def test_every_worker_is_a_process_of_its_own_in_every_epoch(epochs):
    processes = [{item["process"] for item in items} for epoch in epochs for items in by_worker(epoch)]

    assert [len(ids) for ids in processes] == [1] * 4
    assert len({os.getpid()}.union(*processes)) == 1 + 4


def test_a_worker_knows_its_number_and_how_many_there_are_and_the_caller_none(epochs):
    assert {item["worker"] for item in items_of(epochs)} == {(0, 2), (1, 2)}
    assert torch_data.get_worker_info() is None
    assert {item["worker"] for item in items_of(read(workers=0))} == {None}


def test_a_worker_reads_a_copy_of_the_data_set_that_it_can_get_hold_of(epochs):
    assert all(item["dataset"] for item in items_of(epochs))


def test_a_worker_computes_with_one_thread(epochs):
    assert {item["threads"] for item in items_of(epochs)} == {1}


# Seeds


def test_the_seed_of_a_worker_is_that_of_the_epoch_plus_its_number(epochs):
    bases = []
    for epoch in epochs:
        (first,), (second,) = ({item["seed"] for item in items} for items in by_worker(epoch))
        assert second == first + 1
        bases.append(first)

    assert abs(bases[0] - bases[1]) > 1  # drawn anew: so near only at 2 of 2^63 seeds
    assert all(item["initial_seed"] == item["seed"] for item in items_of(epochs))


@pytest.mark.parametrize("library", ["torch", "python", "numpy"])
def test_no_two_workers_and_no_two_epochs_draw_the_same_numbers(epochs, library):
    drawn = [item[library] for item in items_of(epochs)]

    assert len(set(drawn)) == len(drawn) == 2 * ITEMS  # even float32 has 2^24 numbers to draw, and the seed is fixed


def test_the_numbers_of_a_worker_are_those_of_a_fresh_generator_with_its_seed(epochs):
    for items in by_worker(epochs[0]):
        of_python, of_torch = random.Random(items[0]["seed"]), torch.Generator().manual_seed(items[0]["seed"])
        ((*_, told),) = {item["told"] for item in items}  # what `worker_init_fn` has drawn first

        assert [item["python"] for item in items] == [of_python.random() for _ in items]
        drawn = [torch.rand(1, generator=of_torch).item() for _ in range(1 + len(items))]
        assert [told, *(item["torch"] for item in items)] == drawn


def test_generators_made_by_a_data_set_draw_the_same_in_all_workers(epochs):
    own = np.random.default_rng(0).random(ITEMS // 2).tolist()

    for epoch in epochs:
        assert [[item["own"] for item in items] for items in by_worker(epoch)] == [own, own]


def test_without_workers_only_torchs_numbers_follow_torchs_seed():
    with torch.random.fork_rng(devices=[]):
        runs = []
        for _ in range(2):
            torch.manual_seed(1)
            runs.append(items_of(read(workers=0)))

    first, second = ({name: [item[name] for item in run] for name in ("torch", "python", "numpy")} for run in runs)
    assert first["torch"] == second["torch"]
    assert first["python"] != second["python"]
    assert first["numpy"] != second["numpy"]


@pytest.mark.slow
def test_with_workers_all_three_follow_the_generator_of_the_loader():
    first, second, other = (items_of(read(seed=seed)) for seed in (5, 5, 6))

    for name in ("seed", "torch", "python", "numpy"):
        assert [item[name] for item in first] == [item[name] for item in second] != [item[name] for item in other]


@pytest.mark.slow
def test_without_a_generator_the_seeds_of_workers_follow_torch_manual_seed():
    def seeds():
        loader = torch_data.DataLoader(data_sets.OfWorkers(2), collate_fn=list, num_workers=1)
        return [[item["seed"] for batch in loader for item in batch] for _ in range(2)]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        first = seeds()
        torch.manual_seed(3)
        again = seeds()

    assert first == again
    assert first[0] != first[1]


@pytest.mark.slow
def test_a_worker_leaves_the_generators_of_the_caller_alone():
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    read(workers=1, worker_init_fn=data_sets.tell_the_data_set)

    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


# worker_init_fn


def test_worker_init_fn_is_called_once_in_each_worker_after_seeding(epochs):
    for epoch in epochs:
        for worker, items in enumerate(by_worker(epoch)):
            told = {item["told"] for item in items}
            assert len(told) == 1
            assert told != {None}
            ((argument, number, seeded, drawn),) = told
            assert (argument, number, seeded) == (worker, worker, True)
            assert drawn not in [item["torch"] for item in items]  # it has drawn the worker's first number


def test_worker_init_fn_changes_the_copy_and_not_the_data_set_of_the_caller():
    data = data_sets.OfWorkers(2)

    ((batch,),) = read(workers=1, data=data, worker_init_fn=data_sets.tell_the_data_set)

    assert all(item["told"] for item in batch)
    assert not hasattr(data, "told")


def test_without_workers_worker_init_fn_is_not_called():
    items = items_of(read(workers=0, worker_init_fn=data_sets.tell_the_data_set))

    assert {item["told"] for item in items} == {None}


@pytest.mark.slow
def test_an_exception_in_worker_init_fn_reaches_the_caller():
    with raised_in_a_worker(OSError, r"(?s)Caught OSError in DataLoader worker process 1.*worker 1 is not wanted"):
        read(worker_init_fn=data_sets.refuse_worker_1)


@pytest.mark.slow
def test_worker_init_fn_may_share_a_stream_out_among_the_workers():
    ((*batches,),) = read(data=data_sets.Stream(10), worker_init_fn=data_sets.share_the_stream)

    assert sorted(item for batch in batches for item in batch) == list(range(10))
    assert batches == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]


# Persistent workers


@pytest.mark.slow
def test_persistent_workers_keep_their_processes_and_seeds_in_every_epoch():
    first, second = read(epochs=2, persistent_workers=True, worker_init_fn=data_sets.tell_the_data_set)

    for name in ("process", "seed", "told"):
        assert [[item[name] for item in items] for items in by_worker(first)] == [
            [item[name] for item in items] for items in by_worker(second)
        ]
    assert {item["torch"] for item in items_of([first])}.isdisjoint(item["torch"] for item in items_of([second]))


@pytest.mark.slow
def test_generators_of_the_data_set_go_on_in_persistent_workers():
    first, second = read(epochs=2, persistent_workers=True)

    drawn = [[item["own"] for item in items] for epoch in (first, second) for items in by_worker(epoch)]
    own = np.random.default_rng(0).random(ITEMS).tolist()
    assert drawn == [own[: ITEMS // 2]] * 2 + [own[ITEMS // 2 :]] * 2


# Reading ahead, and in order


@pytest.mark.slow
@pytest.mark.parametrize(("options", "ahead"), [({}, 2), ({"prefetch_factor": 1}, 1), ({"prefetch_factor": 4}, 4)])
def test_each_worker_reads_prefetch_factor_batches_ahead_and_no_more(options, ahead, tmp_path):
    noted = tmp_path / "noted"
    loader = torch_data.DataLoader(data_sets.Noting(30, str(noted)), num_workers=2, **options)
    batches = iter(loader)

    next(batches)
    expected, deadline = 2 * ahead + 1, time.monotonic() + 60
    while len(noted.read_text("utf-8").split()) < expected and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # time for one more

    read_so_far = [int(line) for line in noted.read_text("utf-8").split()]
    del batches
    assert sorted(read_so_far) == list(range(expected))


@pytest.mark.slow
def test_batches_come_in_order_even_if_the_first_is_read_last(tmp_path):
    loader = torch_data.DataLoader(data_sets.Late(4, str(tmp_path / "others")), num_workers=2)

    assert [batch.item() for batch in loader] == [0, 1, 2, 3]


@pytest.mark.slow
def test_out_of_order_a_batch_comes_when_it_is_read(tmp_path):
    loader = torch_data.DataLoader(data_sets.Late(4, str(tmp_path / "others")), num_workers=2, in_order=False)

    batches = [batch.item() for batch in loader]

    assert sorted(batches) == [0, 1, 2, 3]
    assert batches[0] == 1


@pytest.mark.slow
def test_a_batch_that_takes_longer_than_timeout_is_an_error():
    loader = torch_data.DataLoader(data_sets.Slow(3), num_workers=1, timeout=1)

    with raised_in_a_worker(RuntimeError, "DataLoader timed out after 1 seconds"):
        list(loader)


# Options, without a worker


def test_the_defaults_are_no_workers_and_nothing_that_needs_them():
    parameters = inspect.signature(torch_data.DataLoader).parameters
    expected = {
        "num_workers": 0,
        "pin_memory": False,
        "timeout": 0,
        "worker_init_fn": None,
        "prefetch_factor": None,
        "persistent_workers": False,
        "in_order": True,
    }

    assert {name: parameters[name].default for name in expected} == expected
    loader = torch_data.DataLoader(range(2), num_workers=1)
    assert loader.prefetch_factor == 2


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("num_workers option should be non-negative", {"num_workers": -1}),
        ("timeout option should be non-negative", {"timeout": -1}),
        ("prefetch_factor option could only be specified in multiprocessing", {"prefetch_factor": 2}),
        ("prefetch_factor option should be non-negative", {"prefetch_factor": -1, "num_workers": 1}),
        ("persistent_workers option needs num_workers > 0", {"persistent_workers": True}),
        ("multiprocessing_context can only be used with", {"multiprocessing_context": "spawn"}),
        ("multiprocessing_context option should specify a valid", {"multiprocessing_context": "x", "num_workers": 1}),
    ],
)
def test_options_of_workers_need_workers_and_numbers_that_make_sense(message, options):
    with pytest.raises(ValueError, match=message):
        torch_data.DataLoader(range(2), **options)


@pytest.mark.parametrize("worker", [-1, 2, 3])
def test_the_reference_gives_batches_to_none_but_its_workers(worker):
    with pytest.raises(ValueError, match=f"worker must be from 0 to 1, got {worker}"):
        sampling.of_worker(["first", "second"], worker, workers=2)


def test_a_timeout_without_workers_is_refused_when_the_loader_is_read():
    with pytest.raises(AssertionError, match="timeout == 0"):
        iter(torch_data.DataLoader(range(2), timeout=1))


@pytest.mark.skipif("torch.accelerator.is_available()", reason="there is an accelerator to pin memory for")
def test_without_an_accelerator_pin_memory_warns_and_changes_no_batch():
    loader = torch_data.DataLoader([(1, "a"), (2, "b")], batch_size=2, pin_memory=True)

    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        ((numbers, names),) = loader

    assert (numbers.tolist(), list(names)) == ([1, 2], ["a", "b"])
    assert not numbers.is_pinned()


def test_a_stream_that_is_longer_than_it_says_gives_all_items_and_a_warning():
    loader = torch_data.DataLoader(data_sets.Understated(5))
    assert len(loader) == 4

    with pytest.warns(UserWarning, match=r"was reported to be 4.*but 5 samples have been fetched"):
        assert [batch.item() for batch in loader] == [0, 1, 2, 3, 4]
