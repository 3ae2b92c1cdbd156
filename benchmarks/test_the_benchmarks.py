"""The benchmarks' own tools: counts, floors, rows and options, clocks, and the checks of a row; no times."""

import ast
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from math import comb
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import torch.utils.benchmark
from torch.utils.flop_counter import FlopCounterMode

import reference.cnn
from benchmarks import (
    accuracy,
    ceilings,
    environment,
    layers,
    measuring,
    plugin,
    pretended,
    processes,
    steps,
)
from benchmarks.configuration import NAMES, PHASES, SIDE_BY_SIDE, Configuration, chosen_rows, cores, parsed
from benchmarks.counts import LAYERS, SIZES, Ceiling, Work, floor, layer_work, works
from benchmarks.environment import Moment, Watch
from benchmarks.pretended import Recording
from benchmarks.spread import WARM_UPS, Spread, from_data, of_processes, of_rounds
from reference.cnn import PARAMETERS, cifar10_cnn_layers
from reference.train_in_torch import torch_network
from spec_tests.tooling.nested_run import pytest_in_this_process

PROJECT = Path(__file__).parent.parent
LONGEST_END = 20.0
"""Seconds; on a quiet machine it is one."""
CEILING = Ceiling("cpu", 1, "ieee", matmul=80.0, convolution=100.0, bandwidth=10.0)


def operations_seen_by_torch(call: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


@pytest.mark.parametrize("batch", [1, 3])
def test_the_operations_of_a_forward_pass_are_those_torch_counts(batch: int) -> None:
    network, images = torch_network(), torch.zeros(batch, 3, 32, 32)

    assert sum(work.flop for work in works("forward", batch)) == operations_seen_by_torch(lambda: network(images))


@pytest.mark.parametrize("batch", [1, 3])
def test_the_operations_of_a_backward_pass_are_those_torch_counts(batch: int) -> None:
    scores = torch_network()(torch.zeros(batch, 3, 32, 32)).sum()

    assert sum(work.flop for work in works("backward", batch)) == operations_seen_by_torch(scores.backward)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "linear"])
def test_a_layer_by_itself_counts_the_gradient_of_its_input_too(layer: str) -> None:
    backward = layers.by_torch(layers.problem(layer), "backward")

    (work,) = layer_work(layer, "backward", SIDE_BY_SIDE)
    assert work.flop == operations_seen_by_torch(backward)


def test_the_counted_sizes_are_those_of_the_networks_outputs() -> None:
    outputs = cifar10_cnn_layers(np.zeros((1, 3, 32, 32)), {name: np.zeros(size) for name, size in PARAMETERS.items()})

    assert {name: outputs[name].shape[1:] for name in LAYERS} == {name: size for name, (_, size) in SIZES.items()}
    assert [size for size, _ in SIZES.values()][1:-1] == [size for _, size in SIZES.values()][:-2]


def test_the_bytes_of_the_first_convolution_by_hand() -> None:
    forward = works("forward", 2)[0]

    images, output, parameters = 2 * 3 * 32 * 32, 2 * 32 * 32 * 32, 32 * 3 * 5 * 5 + 32
    assert (forward.layer, forward.flop) == ("conv1", 2 * 2 * 32 * 3 * 5 * 5 * 32 * 32)
    assert forward.bytes == 4 * (images + output + parameters)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("phase", ["forward", "backward"])
def test_the_operations_on_padding_are_those_that_meet_its_zeros(layer: str, phase: str) -> None:
    (work,) = layer_work(layer, phase, batch=3)
    if not layer.startswith("conv"):
        assert work.padding_flop == 0
        return

    inside = np.pad(np.ones(SIZES[layer][0][1:]), 2)
    share = np.lib.stride_tricks.sliding_window_view(inside, (5, 5)).mean()  # of all taps at all places
    assert work.useful_flop == round(work.flop * share)


def test_the_bytes_of_a_pooling_gradient_by_hand() -> None:
    (backward,) = [work for work in works("backward", 2) if work.layer == "p3"]

    cells, winners = 2 * 64 * 8 * 8, 2 * 64 * 4 * 4
    assert backward == Work("p3", flop=0, bytes=4 * (cells + winners) + winners)


def test_training_does_not_compute_the_gradient_of_the_images() -> None:
    in_training = works("backward", 1)[-1]
    (alone,) = layer_work("conv1", "backward", 1)

    images, weight = 3 * 32 * 32, 32 * 3 * 5 * 5
    assert (alone.flop, alone.bytes) == (2 * in_training.flop, in_training.bytes + 4 * (images + weight))


def test_half_precision_halves_the_bytes_of_images_but_not_of_parameters() -> None:
    full, half = (sum(work.bytes for work in works("forward", 5, precision)) for precision in ("ieee", "bf16"))

    parameters = 4 * 89_578
    assert full - parameters == 2 * (half - parameters)


def test_a_training_step_is_both_passes_plus_the_update() -> None:
    step, both = works("training step", 2), works("forward", 2) + works("backward", 2)

    assert step == [*both, Work("update", flop=0, bytes=3 * 4 * 89_578)]


def test_a_floor_sums_the_limiting_time_of_each_layer() -> None:
    work = [Work("conv1", flop=400, bytes=10), Work("p1", flop=0, bytes=20), Work("linear", flop=100, bytes=30)]

    seconds = 400 / 100 + 20 / 10 + 30 / 10  # the rate is the convolution's, the higher one
    assert floor(work, CEILING).seconds == seconds
    assert floor(work, CEILING).binds == "memory"
    assert floor(work[:2], CEILING).binds == "compute"


def test_a_floor_leaves_out_products_with_padding() -> None:
    work = Work("conv1", flop=400, bytes=10, padding_flop=100)

    assert floor([work], CEILING).seconds == (400 - 100) / 100


def test_each_step_of_the_ladder_changes_one_thing() -> None:
    rungs = list(dict.fromkeys(replace(row, batch=1) for row in chosen_rows({"phase": ["forward"]}, cores=2)))

    def changes(one: Configuration, other: Configuration) -> int:
        names = [name for name in NAMES if name != "threads" or one.device == other.device]  # a GPU has none
        return sum(getattr(one, name) != getattr(other, name) for name in names)

    for place, rung in enumerate(rungs[1:], start=1):
        assert min(changes(rung, other) for other in rungs[:place]) == 1
    assert all(row.nonsense == "" for row in rungs)


def test_the_default_rows_have_every_phase_and_small_batches_on_the_cpu() -> None:
    rows = chosen_rows({}, cores=2)

    assert {row.phase for row in rows} == set(PHASES)
    assert {row.batch for row in rows if row.device == "cpu"} == {2**power for power in range(10)}
    assert max(row.batch for row in rows if row.device == "cuda") == 8192


def test_on_one_core_every_row_has_one_thread() -> None:
    assert {row.threads for row in chosen_rows({"device": ["cpu"]}, cores=1)} == {1}


def test_options_select_every_combination_that_can_be_computed() -> None:
    rows = chosen_rows({"mode": ["eager", "graph"], "device": ["cpu", "cuda"], "batch": [4]}, cores=2)

    forward = [(row.device, row.threads, row.mode) for row in rows if row.phase == "forward"]
    assert forward == [("cpu", 2, "eager"), ("cuda", 0, "eager"), ("cuda", 0, "graph")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": ["graph"], "device": ["cpu"]}, "mode graph is a CUDA graph: device must be cuda"),
        ({"precision": ["tf32"]}, "precision tf32 exists only on NVIDIA's GPUs"),
        ({"data": ["copied"], "device": ["cpu"]}, "data is copied to a GPU"),
        ({"data": ["copied"], "device": ["cuda"], "phase": ["backward"]}, "data must be resident"),
        ({"data": ["copied"], "device": ["cuda"], "mode": ["graph"], "phase": ["forward"]}, "mode graph replays"),
        ({"mode": ["eager", "graph"], "device": ["cpu"]}, "mode graph is a CUDA graph"),
        ({"threads": [1], "device": ["cuda"]}, "no selected row can have threads 1"),
        ({"who": ["reference"], "layout": ["channels_last"]}, "who reference is NumPy"),
    ],
)
def test_a_configuration_that_nothing_can_compute_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen_rows(options, cores=2)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("batch", "0", "batch is '0', expected a whole number of at least 1"),
        ("batch", "1,x", "batch is 'x', expected a whole number"),
        ("threads", "3", "threads is 3, but there are 2 processors"),
        ("mode", "fast", "mode is 'fast', expected one of eager, compile, graph"),
        ("phase", ",", "phase is empty"),
    ],
)
def test_invalid_option_values_are_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(name, text, cores=2)


def test_the_parameters_of_rows_are_strings_and_whole_numbers() -> None:
    assert {type(getattr(row, name)) for row in chosen_rows({}, cores=2) for name in NAMES} == {str, int}


def later(seconds: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call that only submits its work to a thread, and one that waits for it."""
    threads: list[threading.Thread] = []

    def run() -> None:
        threads.append(threading.Thread(target=time.sleep, args=(seconds,)))
        threads[-1].start()

    def wait() -> None:
        for thread in threads:
            thread.join()

    return run, wait


class FakeBenchmark:
    """The parts of pytest-benchmark's fixture that `timed` uses."""

    def __init__(self, clock: Callable[[], float], enabled: bool = True) -> None:
        self._timer, self.enabled, self.extra_info = clock, enabled, dict[str, Any]()
        self.params, self.times = {"who": "reference"}, list[float]()
        self.only_times = False

    def __call__(self, run: Callable[[], Any]) -> Any:
        """Make the call once, untimed."""
        return run()

    def _make_stats(self, iterations: int) -> Any:
        """Return where the times go."""
        return SimpleNamespace(update=self.times.append, iterations=iterations)


def counting() -> Callable[[], int]:
    """Return a call that returns how often it has been made."""
    return partial(next, count(1))


def test_with_only_times_nothing_else_is_measured() -> None:
    benchmark, call = FakeBenchmark(time.perf_counter), counting()
    benchmark.only_times = True

    measuring.timed(benchmark, call, lambda: 0.0)

    assert call() == 1 + WARM_UPS + 1 + len(benchmark.times)  # this one, and one for the clock
    assert benchmark.extra_info.keys() == {"interval", "others", "disturbed"}


@pytest.mark.parametrize(("mode", "expected"), [("eager", True), ("compile", False)])
def test_compiled_rows_are_not_repeated_in_other_processes(mode: str, expected: bool) -> None:
    row = {"extra_info": {"question": "network", "batch": 64}, "params": {"mode": mode}}

    assert processes.headline(row) == expected


def test_a_row_is_warmed_up_and_watched() -> None:
    benchmark, call = FakeBenchmark(time.perf_counter), counting()

    measuring.timed(benchmark, call, lambda: 0.0)

    more = call() - (WARM_UPS + 1 + len(benchmark.times) + 1 + 1)  # one for the clock, one for the counters
    assert more >= measuring.FEWEST  # cold
    assert {"others", "disturbed", "interval", "peak_bytes", "error"} <= benchmark.extra_info.keys()


def test_what_a_row_computes_is_checked_before_and_after_it_is_timed() -> None:
    def worse() -> float:
        errors.append(0.5 * len(errors))
        return errors[-1]

    errors, benchmark = list[float](), FakeBenchmark(time.perf_counter)

    measuring.timed(benchmark, lambda: None, worse)

    assert (errors, benchmark.extra_info["error"]) == ([0.0, 0.5], 0.5)


def test_rounds_stop_once_the_interval_of_their_median_is_narrow() -> None:
    clock = iter(range(10**6))

    assert len(measuring.rounds(lambda: None, lambda: next(clock), budget=1e9)) == measuring.FEWEST


def test_rounds_that_vary_go_on_until_the_budget_is_spent() -> None:
    clock, turn = [0.0], count()

    def vary() -> None:
        clock[0] += (1.0, 2.0)[next(turn) % 2]

    assert sum(measuring.rounds(vary, lambda: clock[0], budget=60.0)) == pytest.approx(60, abs=2)


@pytest.mark.parametrize("number", [7, 8, 20, 40, 100, 1000])
def test_the_interval_of_a_median_holds_it_at_least_95_times_in_100(number: int) -> None:
    found = of_rounds(list(range(1, number + 1)))

    below = range(int(found.low), int(found.high))  # so many of the times may be below the median
    assert sum(comb(number, times) for times in below) / 2**number >= 0.945


def test_the_peak_of_a_call_is_what_it_allocates_at_once() -> None:
    peak = measuring.peak(lambda: [np.ones(2**20, np.uint8) for _ in range(3)])

    assert peak == pytest.approx(3 * 2**20, rel=0.01)


def test_counted_bytes_are_those_of_inputs_and_outputs() -> None:
    weight = torch.zeros(4, 5)
    found = measuring.counted(lambda: torch.mm(weight[:2], weight.T), {"who": "torch"})

    result = 4 * 2 * 4
    assert found == {
        "counted_flop": 2 * 2 * 5 * 4,
        "counted_bytes": 4 * (2 * 5 + 5 * 4) + result,
        "peak_bytes": result,
    }


def test_the_peak_of_torchs_operators_leaves_out_what_is_gone_again() -> None:
    x = torch.zeros(1000)

    def doubled_four_times() -> torch.Tensor:
        y = x
        for _ in range(4):
            y = (y * 2).view(10, 100)  # a view needs no memory
        return y.mul_(2)  # nor does what is changed in place

    assert measuring.counted(doubled_four_times, {"who": "torch"})["peak_bytes"] == 2 * x.nbytes


def measured_row(name: str, median: float, **extra: Any) -> dict[str, Any]:
    """Return a row as pytest-benchmark stores it."""
    return {"name": name, "params": {}, "stats": {"median": median, "p5": median, "p95": median}, "extra_info": extra}


def test_a_row_above_its_ceiling_has_it_measured_again_and_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, work = ceilings.Limits(enabled=True), [Work("conv1", flop=800, bytes=1)]
    rates = iter((100.0, 200.0))
    monkeypatch.setattr(ceilings, "ceiling", lambda *_: replace(CEILING, convolution=next(rates)))
    rows = [measured_row(name, median) for name, median in (("a", 5.0), ("b", 3.0))]
    for row in rows:
        limits.bound(row["extra_info"], work, "cpu", 1, "ieee")

    assert limits.settle(rows) == ["b"]
    assert [row["extra_info"]["floor"]["seconds"] for row in rows] == [4.0, 4.0]


def test_a_disturbed_row_above_its_ceiling_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "ceiling", lambda *_: CEILING)
    limits, row = ceilings.Limits(enabled=True), measured_row("a", 1.0, disturbed=True)
    limits.bound(row["extra_info"], [Work("conv1", flop=800, bytes=1)], "cpu", 1, "ieee")

    assert limits.settle([row]) == []


def test_small_layers_are_bounded_by_the_bandwidth_of_a_cache() -> None:
    ceiling = replace(CEILING, copies=((64, 80.0), (640, 20.0), (6400, 10.0)))

    assert [floor([Work("p1", 0, size)], ceiling).seconds for size in (32, 640, 64000)] == [32 / 80, 640 / 20, 6400.0]


def test_in_a_smoke_test_a_row_is_called_once() -> None:
    call = counting()
    measuring.timed(FakeBenchmark(time.perf_counter, enabled=False), call, lambda: 0.0)

    assert call() == 2


def test_a_row_timed_by_a_clock_that_does_not_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run, wait = later(0.2)
    monkeypatch.setattr(torch.accelerator, "synchronize", wait)

    with pytest.raises(measuring.UnsynchronizedClock, match="it has to wait for the device"):
        measuring.timed(FakeBenchmark(time.perf_counter), run, lambda: 0.0, device="a device that works on alone")


def test_every_row_is_timed_one_call_at_a_time_by_a_clock_that_waits() -> None:
    mark = measuring.ROW.mark

    assert mark.kwargs["timer"] is torch.utils.benchmark.timer
    timed = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        rows = [test for test in tests if "benchmark" in [argument.arg for argument in test.args.args]]
        assert all("ROW" in map(ast.unparse, row.decorator_list) for row in rows), file.name
        timed |= {file.name for _ in rows}
    assert timed >= {"test_layers.py", "test_network.py", "test_rivals.py", "test_resnet50.py"}


def test_a_clock_that_does_not_wait_for_the_work_is_noticed() -> None:
    run, wait = later(0.2)

    with pytest.raises(measuring.UnsynchronizedClock, match="it has to wait for the device"):
        measuring.refuse_unsynchronized(run, time.perf_counter, wait)


def test_a_clock_that_waits_is_accepted() -> None:
    run, wait = later(0.2)

    def waiting_clock() -> float:
        wait()
        return time.perf_counter()

    measuring.refuse_unsynchronized(run, waiting_clock, wait)


def watched(busy: float, own: float) -> Watch:
    """Return a watch over four seconds: processor seconds that the machine was busy, and those of this process."""
    moments = iter([Moment(wall=10.0, busy=100.0, own=50.0), Moment(wall=14.0, busy=100.0 + busy, own=50.0 + own)])
    return Watch(lambda: next(moments))


def test_what_other_processes_use_is_a_share_of_all_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)

    assert watched(busy=7.0, own=3.0).found()["others"] == 4 / 8  # 4 seconds of others, of 2 times 4


@pytest.mark.parametrize(("busy", "disturbed"), [(3.0, False), (3.25, False), (3.5, True), (7.0, True), (1.0, None)])
def test_a_row_is_disturbed_by_more_than_a_tenth_of_one_processor(busy: float, disturbed: bool | None) -> None:
    assert watched(busy=busy, own=3.0).found()["disturbed"] is disturbed  # a tenth of 4 seconds is 0.4


def test_a_system_without_counters_reports_nothing_about_other_processes() -> None:
    assert watched(busy=0.0, own=3.0).found()["others"] is None


def test_the_environment_can_be_written_as_json() -> None:
    found = json.loads(json.dumps(environment.environment()))

    assert torch.__version__.startswith(found["versions"]["torch"])
    assert {"flags", "cpu", "cores", "device", "driver", "commit", "date"} <= found.keys()


def test_the_number_of_threads_is_restored() -> None:
    before = torch.get_num_threads()

    with ceilings.threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_measuring_a_ceiling_stops_at_the_first_size_that_takes_long() -> None:
    seconds = {1: 0.01, 2: 0.05, 4: 0.5, 8: 1e-3}

    assert ceilings._fastest(lambda size: (float(size), seconds[size]), seconds) == 1 / 0.01
    assert ceilings._fastest(lambda size: (float(size), seconds[size]), (2, 8)) == 8 / 1e-3


def test_ceilings_count_the_operations_they_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Callable[[], Any]] = []

    def one_second(call: Callable[[], Any]) -> float:
        calls.append(call)
        return 1.0

    monkeypatch.setattr(ceilings, "_least", one_second)

    products, _ = ceilings._matmul({"device": "cpu"}, 64)
    convolved, _ = ceilings._convolution({"dtype": torch.bfloat16}, (4, 6, 9, 3), 2)
    copied = ceilings._copy("cpu", 1000)

    assert (products, convolved) == tuple(operations_seen_by_torch(call) for call in calls[:2])
    assert calls[1]().dtype == torch.bfloat16
    assert copied == (1000 * 4 * 2, 1000 * 4 * 2)  # read and written


@pytest.mark.parametrize("who", ["torch", "reference"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_result_off_by_a_thousandth_is_noticed(phase: str, who: str) -> None:
    configuration = Configuration(phase=phase, who=who)
    right = steps.step(configuration)
    wrong = replace(right, outcome=lambda: {name: value * 1.001 for name, value in right.outcome().items()})

    assert accuracy.error(configuration, right) > 0
    with pytest.raises(AssertionError, match="of its norm off, the bound is"):
        accuracy.error(configuration, wrong)


def test_scores_for_part_of_the_batch_are_noticed() -> None:
    configuration = Configuration(batch=65)
    right = steps.step(configuration)
    part = replace(right, outcome=lambda: {"scores": right.outcome()["scores"][:64]})

    with pytest.raises(AssertionError, match="has no scores for part of the batch"):
        accuracy.error(configuration, part)


@pytest.mark.parametrize("phase", PHASES)
def test_float32_passed_off_as_bfloat16_is_noticed(phase: str) -> None:
    ieee = steps.step(Configuration(phase=phase, batch=2))

    with pytest.raises(AssertionError, match="so it cannot be bfloat16"):
        accuracy.error(Configuration(phase=phase, batch=2, precision="bf16"), ieee)


@pytest.mark.parametrize("phase", PHASES)
def test_bfloat16_is_coarser_than_float32_and_within_its_bound(phase: str) -> None:
    configuration = Configuration(phase=phase, batch=2, precision="bf16")

    assert accuracy.error(configuration, steps.step(configuration)) > 2**-9


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("batch", [3, 65])
@pytest.mark.parametrize("phase", PHASES)
def test_the_timed_call_does_the_work_that_is_counted(phase: str, batch: int, layout: str) -> None:
    run = steps.step(Configuration(phase=phase, batch=batch, layout=layout)).run

    assert operations_seen_by_torch(run) == sum(work.flop for work in works(phase, batch))


def test_a_forward_pass_builds_no_graph() -> None:
    assert not steps.step(Configuration(batch=2)).run().requires_grad


def test_images_have_the_memory_layout_of_the_row() -> None:
    for layout, form in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
        batch = steps._Batch(Configuration(layout=layout, batch=2))

        assert batch.images.is_contiguous(memory_format=form)
        assert batch.network.conv2.weight.is_contiguous(memory_format=form)


def test_a_compiled_row_runs_a_compiled_network() -> None:
    eager, compiled = (steps._Batch(Configuration(mode=mode, batch=2)) for mode in ("eager", "compile"))

    assert compiled.computes is not compiled.network
    assert eager.computes is eager.network


def test_a_reference_backward_does_not_repeat_the_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    run = steps.step(Configuration(phase="backward", who="reference", batch=2)).run

    monkeypatch.setattr(reference.cnn, "conv2d", None)
    run()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_float32_errors_are_too_small_to_change_a_windows_maximum(layout: torch.memory_format) -> None:
    images, _ = steps.drawn(SIDE_BY_SIDE)
    wide = {name: value.astype("float64") for name, value in steps.first_parameters().items()}
    exact = cifar10_cnn_layers(images.astype("float64"), wide)
    x, network = torch.from_numpy(images).contiguous(memory_format=layout), steps._Batch(Configuration()).network

    for name, layer in network.to(memory_format=layout).named_children():
        x = layer(x)
        if name.startswith("conv"):
            off = abs(x.detach().numpy() - exact[name]).max() / np.sqrt(np.mean(exact[name] ** 2))
            assert 2 * off < steps.NEAR, name  # the two greatest cells may both be off


class FakeGraph:
    """A CUDA graph that replays nothing."""

    def replay(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("phase", PHASES)
def test_a_graph_keeps_its_captured_tensors_alive(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(wait_stream=lambda _: None)
    for name, fake in (("Stream", lambda: stream), ("current_stream", lambda: stream), ("CUDAGraph", FakeGraph)):
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda *_, **__: contextlib.nullcontext())
    batch = steps._Batch(Configuration(phase=phase, batch=2, mode="graph"))
    images, run = weakref.ref(batch.images), getattr(batch, phase.replace(" ", "_"))().run

    del batch
    gc.collect()

    assert images() is not None
    run()


def test_the_first_images_leave_no_window_undecided() -> None:
    images, _ = steps.drawn(200)

    assert len(images) == 200
    assert (steps.lead(images[:SIDE_BY_SIDE]) > steps.NEAR / 2).all()  # the scale is that of all images together
    assert (images[:8] == steps.drawn(8)[0]).all()


def test_a_step_that_does_not_update_is_noticed() -> None:
    configuration = Configuration(phase="training step", batch=2)
    idle = replace(steps.step(configuration), updated=steps.first_parameters)

    with pytest.raises(AssertionError, match="was not updated correctly"):
        accuracy.assert_near(idle, accuracy.exact("training step", images=2), configuration, images=2)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_off_by_a_thousandth_is_noticed(layer: str) -> None:
    problem = layers.problem(layer)

    with pytest.raises(AssertionError, match="of its norm off, the bound is"):
        layers.error(layers.by_torch(problem, "forward")() * 1.001, problem, "forward")


def test_a_measured_row_is_printed_and_stored(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    out_of_reach = replace(CEILING, matmul=1e18, convolution=1e18, bandwidth=1e18)  # else a quiet row fails the run
    monkeypatch.setattr(ceilings, "ceiling", lambda *_: out_of_reach)
    options = ("--phases=forward", "--devices=cpu", "--threads=1", "--batches=2")
    code, written = pytest_in_this_process(
        "benchmarks/test_network.py", "--benchmark-only", f"--benchmark-json={tmp_path / 'result.json'}", *options
    )

    result = json.loads((tmp_path / "result.json").read_text())
    (row,) = result["benchmarks"]
    assert (code, result["ceilings"][0]["bandwidth"]) == (0, 1e18)
    assert row["params"]["batch"] == 2
    assert row["stats"]["p5"] <= row["stats"]["median"] <= row["stats"]["p95"]
    assert "data" not in row["stats"]
    assert "node" not in result["machine_info"]
    assert row["extra_info"]["floor"]["seconds"] == floor(works("forward", 2), out_of_reach).seconds
    assert row["extra_info"]["error"] > 0
    assert "The network, forward:" in written


def test_percentiles_are_taken_over_the_individual_times() -> None:
    stats = {"median": 11.0, "data": [float(time) for time in range(1, 22)]}

    assert plugin._row({"stats": stats})["stats"] == {"median": 11.0, "p5": 2.0, "p95": 20.0}


def test_a_reference_row_gives_its_time_as_a_multiple_of_torchs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice_for_numpy(one: Callable[[], Any], other: Callable[[], Any], to: str, _: Any) -> Spread:
        assert isinstance(other(), torch.Tensor)
        return Spread(2.0 if isinstance(one(), dict) else 0.5, 2.0, 2.0, to=to)

    monkeypatch.setattr(measuring, "ratio", twice_for_numpy)
    options = ("--phases=forward", "--who=reference", "--threads=1", "--batches=1", "--without-ceilings")
    stored = f"--benchmark-json={tmp_path / 'result.json'}"
    pytest_in_this_process("benchmarks/test_network.py", "--benchmark-only", stored, *options)

    (row,) = json.loads((tmp_path / "result.json").read_text())["benchmarks"]
    assert from_data(Spread, row["extra_info"]["ratio"]) == Spread(2.0, 2.0, 2.0, to="torch")


@pytest.mark.parametrize("threads", ["1", "all"])
def test_a_row_runs_with_its_number_of_threads(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("benchmarks.test_network.timed", lambda *_: seen.append(torch.get_num_threads()))
    options = ("--phases=forward", "--who=torch", f"--threads={threads}", "--batches=1", "--benchmark-disable")

    pytest_in_this_process("benchmarks/test_network.py", *options)

    assert seen == parsed("threads", threads, cores())


def test_results_can_be_saved_in_pytest_benchmarks_storage(tmp_path: Any) -> None:
    options = ("--phases=forward", "--who=torch", "--threads=1", "--batches=1", "--without-ceilings")
    storage = f"--benchmark-storage={tmp_path}"

    code, _ = pytest_in_this_process(
        "benchmarks/test_network.py", "--benchmark-only", "--benchmark-save=one", storage, *options
    )

    assert code == 0
    assert len(list(tmp_path.rglob("*one.json"))) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_run_that_asks_for_a_missing_gpu_ends_at_once() -> None:
    code, written = pytest_in_this_process("benchmarks", "--benchmark-only", "--devices=cuda")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --devices cuda: torch finds no CUDA device here" in written


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_run_in_which_every_row_is_skipped_says_so_and_fails() -> None:
    code, written = pytest_in_this_process("benchmarks/test_layers.py", "--benchmark-only", "-kcuda")

    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "NOTHING WAS MEASURED: every row was skipped." in written
    assert "rows skipped: there is no CUDA device here" in written


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (("--who=torch", "--phases=forward", "--batches=8", "--threads=1"), ["test_network.py"]),
        (("--who=SciPy",), []),
        (("--batches=1", "--phases=forward", "--who=reference", "--threads=1"), ["network", "resnet50", "rivals"]),
        (("--batches=64", "--phases=backward", "--who=torch", "--threads=1"), ["layers", "network"]),
    ],
)
def test_only_rows_that_are_what_the_options_say_are_run(options: tuple[str, ...], rows: list[str]) -> None:
    code, written = pytest_in_this_process("benchmarks", "--collect-only", "--benchmark-only", "-q", *options)

    found = {line.partition("::")[0].rpartition("/")[2] for line in written.splitlines() if "::" in line}
    assert found == {name if name.endswith(".py") else f"test_{name}.py" for name in rows}
    assert code == (0 if rows else pytest.ExitCode.USAGE_ERROR)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--processes=4",), "--processes is 4, expected at least 5"),
        (("--pretend-cuda", "--benchmark-json=never.json"), "--pretend-cuda measures nothing that could be stored"),
        (("--benchmark-json=no/such/folder.json",), "--benchmark-json no/such/folder.json cannot be written: No such"),
        (("--benchmark-json=benchmarks",), "--benchmark-json benchmarks cannot be written: Is a directory"),
        (("--benchmark-json=conftest.py",), "--benchmark-json conftest.py cannot be written: it is a program"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(options: tuple[str, ...], message: str) -> None:
    code, written = pytest_in_this_process("benchmarks/test_network.py", *options)

    assert code == pytest.ExitCode.USAGE_ERROR
    assert message in written


def test_the_code_for_a_gpu_runs_on_a_pretended_one() -> None:
    files = ("benchmarks/test_network.py", "benchmarks/test_layers.py")
    options = (
        "--pretend-cuda",
        "--devices=cuda",
        "--batches=2,64",
        "--benchmark-disable",
        "-kgraph or copied or layer",
    )
    code, written = pytest_in_this_process(*files, *options)

    assert code == 0, written
    assert "skipped" not in written
    assert torch.compile.__module__ == "torch"  # and nothing is pretended any more


def test_a_graph_on_a_pretended_gpu_computes_from_its_own_memory() -> None:
    x, parameter = torch.ones(2), torch.ones(2)
    with Recording() as recording:
        y = (x * 2).sum()
        parameter.add_(y)

    x.fill_(3.0)
    recording.replay()

    assert (float(y), parameter.tolist()) == (12.0, [1 + 4 + 12] * 2)


def test_a_pretended_function_of_cuda_takes_only_what_the_real_one_takes() -> None:
    with pretended.pretended(), pytest.raises(TypeError, match="unexpected keyword argument 'timing'"):
        torch.cuda.graph(torch.cuda.CUDAGraph(), timing=True)  # type: ignore[call-arg]  # which is the point


def test_headline_rows_are_repeated_and_their_median_has_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    def spread(median: float) -> dict[str, float]:
        return {"median": median, "low": median, "high": median}

    def row(name: str, time: float, ratio: float | None) -> dict[str, Any]:
        info = {"question": "layer", "batch": 64, "interval": spread(time), "ratio": ratio and spread(ratio)}
        return {"fullname": name, "extra_info": info}

    asked: list[Any] = []

    def measured(tests: Any, *_: Any) -> dict[str, Any]:
        asked.append(tests)
        return {"a": row("a", 1.0 + len(asked), 2.0 + len(asked))}

    monkeypatch.setattr(processes, "_measured", measured)
    headline, other = row("a", 1.0, 2.0), row("b", 1.0, None)
    processes.repeat([headline, other], 5, [], Path())

    time, ratio = (from_data(Spread, headline["extra_info"][name]) for name in ("interval", "ratio"))
    assert asked == [["a"]] * 4
    assert (time.processes, time.median, ratio.median) == (5, 3.0, 4.0)
    assert 1.0 <= time.low < 3.0 < time.high <= 5.0
    assert other["extra_info"]["interval"] == spread(1.0)


def test_a_process_that_fails_fails_the_run_but_what_was_measured_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise processes.ChildFailed("a process of --processes failed: no memory")

    monkeypatch.setattr(processes, "_measured", failing)
    options = ("--phases=forward", "--who=reference", "--threads=1", "--batches=1", "--without-ceilings")
    stored = ("--processes=5", f"--benchmark-json={tmp_path / 'result.json'}")
    code, written = pytest_in_this_process("benchmarks/test_network.py", "--benchmark-only", *stored, *options)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "a process of --processes failed: no memory" in written
    assert len(json.loads((tmp_path / "result.json").read_text())["benchmarks"]) == 1


def test_an_interrupt_while_processes_repeat_rows_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupting(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "_measured", interrupting)
    options = ("--phases=forward", "--who=reference", "--threads=1", "--batches=1", "--without-ceilings")
    stored = ("--processes=5", f"--benchmark-json={tmp_path / 'result.json'}")
    code, written = pytest_in_this_process("benchmarks/test_network.py", "--benchmark-only", *stored, *options)

    assert code == pytest.ExitCode.INTERRUPTED
    assert "INTERRUPTED: nothing is stored." in written
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_without_rows_says_nothing_of_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupting(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.test_the_side_by_side.ratio", interrupting)
    code, written = pytest_in_this_process("benchmarks/test_the_side_by_side.py")

    assert code == pytest.ExitCode.INTERRUPTED
    assert "stored" not in written


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize(("kind", "wait"), [(signal.SIGINT, 0.0), (signal.SIGTERM, 1.0)])  # before and in a round
def test_an_interrupted_run_ends_at_once_and_leaves_the_result_before(
    tmp_path: Path, kind: signal.Signals, wait: float
) -> None:
    (tmp_path / "result.json").write_text("before")
    rows = ("benchmarks/test_network.py", "--benchmark-only", "--who=torch", "--threads=1", "--batches=64,128,256")
    options = ("-v", "--without-ceilings", f"--benchmark-json={tmp_path / 'result.json'}")
    command = [sys.executable, "-um", "pytest", *rows, *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL) if os.name == "posix" else None,
    ) as child:
        assert child.stdout
        measured = next(line for line in child.stdout if "PASSED" in line)
        time.sleep(wait)
        child.send_signal(kind)
        start = time.monotonic()
        rest = child.stdout.read()

    assert "forward" in measured
    assert (child.returncode, time.monotonic() - start < LONGEST_END) == (pytest.ExitCode.INTERRUPTED, True)
    assert "INTERRUPTED: nothing is stored.\n" in rest
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("result.json", "before")]


def test_a_bootstrap_interval_holds_the_median_of_most_samples() -> None:
    draws = np.random.default_rng(1).normal(size=(200, 9))
    samples = [[Spread(median, median, median) for median in sample] for sample in draws]
    held = [found.low <= 0 <= found.high for found in map(of_processes, samples)]

    assert np.mean(held) > 0.85


def test_a_quota_is_the_least_of_all_groups_above(tmp_path: Path) -> None:
    def put(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert environment.quota(tmp_path) is None
    put("proc/self/cgroup", "0::/pod/box\n")
    put("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n")
    assert environment.quota(tmp_path) is None
    put("sys/fs/cgroup/pod/cpu.max", "150000 100000\n")
    assert environment.quota(tmp_path) == 1.5
    put("proc/self/cgroup", "4:cpu,cpuacct:/box\n")
    put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "200000\n")
    put("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n")
    assert environment.quota(tmp_path) == 2.0


@pytest.mark.parametrize(("file", "text", "on"), [("boost", "1", True), ("boost", "0", False), ("none", "1", None)])
def test_turbo_is_read_where_the_system_tells(tmp_path: Path, file: str, text: str, on: bool | None) -> None:
    (tmp_path / "cpufreq").mkdir()
    (tmp_path / "cpufreq" / file).write_text(text)

    assert environment.turbo(tmp_path) is on


def test_a_variable_that_restricts_the_blas_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")

    found = environment.environment()

    assert found["restricted"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert found["kernels"] and all(" " in kernel for kernel in found["kernels"])


def test_invalid_options_are_a_usage_error_that_names_them() -> None:
    code, written = pytest_in_this_process("benchmarks/test_network.py", "--modes=graph", "--devices=cpu")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "mode graph is a CUDA graph: device must be cuda (--phases, --devices" in written
