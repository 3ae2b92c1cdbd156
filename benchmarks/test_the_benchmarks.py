"""The benchmarks' own tools: counts, floors, rows and options, clocks, and what a row is checked for; no times."""

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import accuracy, ceilings, environment, layers, measuring, steps
from benchmarks.configuration import LARGEST_ON_CPU, NAMES, PHASES, SIDE_BY_SIDE, Configuration, chosen_rows, parsed
from benchmarks.counts import CONVOLUTIONS, LAYERS, Ceiling, Work, floor, layer_work, works
from benchmarks.environment import Moment, Watch
from reference.cnn import PARAMETERS, cifar10_cnn_layers
from reference.train_in_torch import torch_network

CEILING = Ceiling("cpu", 1, "ieee", matmul=80.0, convolution=100.0, bandwidth=10.0)


def operations_seen_by_torch(call: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


@pytest.mark.parametrize("batch", [1, 3])
def test_the_operations_of_a_forward_pass_are_those_that_torch_counts(batch: int) -> None:
    network, images = torch_network(), torch.zeros(batch, 3, 32, 32)

    assert sum(work.flop for work in works("forward", batch)) == operations_seen_by_torch(lambda: network(images))


@pytest.mark.parametrize("batch", [1, 3])
def test_the_operations_of_a_backward_pass_are_those_that_torch_counts(batch: int) -> None:
    scores = torch_network()(torch.zeros(batch, 3, 32, 32)).sum()

    assert sum(work.flop for work in works("backward", batch)) == operations_seen_by_torch(scores.backward)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "linear"])
def test_a_layer_by_itself_counts_the_gradient_of_its_input_too(layer: str) -> None:
    backward = layers.by_torch(layers.problem(layer), "backward")

    assert layer_work(layer, "backward", SIDE_BY_SIDE).flop == operations_seen_by_torch(backward)


def test_the_network_computes_what_its_counts_say() -> None:
    outputs = cifar10_cnn_layers(np.zeros((1, 3, 32, 32)), {name: np.zeros(size) for name, size in PARAMETERS.items()})

    assert {name: outputs[name].shape[1:] for name in CONVOLUTIONS} == {
        name: (outs, size, size) for name, (_, outs, size) in CONVOLUTIONS.items()
    }


def test_the_bytes_of_the_first_convolution_by_hand() -> None:
    forward = works("forward", 2)[0]

    images, output, parameters = 2 * 3 * 32 * 32, 2 * 32 * 32 * 32, 32 * 3 * 5 * 5 + 32
    assert forward == Work("conv1", flop=2 * 2 * 32 * 3 * 5 * 5 * 32 * 32, bytes=4 * (images + output + parameters))


def test_the_bytes_of_a_pooling_gradient_by_hand() -> None:
    (backward,) = [work for work in works("backward", 2) if work.layer == "p3"]

    cells, winners = 2 * 64 * 8 * 8, 2 * 64 * 4 * 4
    assert backward == Work("p3", flop=0, bytes=4 * (cells + winners) + winners)


def test_in_training_the_gradient_of_the_images_is_not_asked_for() -> None:
    in_training = works("backward", 1)[-1]
    alone = layer_work("conv1", "backward", 1)

    images, weight = 3 * 32 * 32, 32 * 3 * 5 * 5
    assert (alone.flop, alone.bytes) == (2 * in_training.flop, in_training.bytes + 4 * (images + weight))


def test_half_precision_halves_the_bytes_of_images_and_not_of_parameters() -> None:
    full, half = (sum(work.bytes for work in works("forward", 5, precision)) for precision in ("ieee", "bf16"))

    parameters = 4 * 89_578
    assert full - parameters == 2 * (half - parameters)


def test_a_training_step_is_both_passes_and_the_update() -> None:
    step, both = works("training step", 2), works("forward", 2) + works("backward", 2)

    assert step == [*both, Work("update", flop=0, bytes=3 * 4 * 89_578)]


def test_a_floor_adds_up_what_binds_each_layer() -> None:
    work = [Work("conv1", flop=400, bytes=10), Work("p1", flop=0, bytes=20), Work("linear", flop=100, bytes=30)]

    seconds = 400 / 100 + 20 / 10 + 30 / 10  # the rate is the convolution's, the higher one
    assert floor(work, CEILING).seconds == seconds
    assert floor(work, CEILING).binds == "memory"
    assert floor(work[:2], CEILING).binds == "compute"


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
    assert LARGEST_ON_CPU == 512


def test_on_one_core_no_row_claims_more() -> None:
    assert {row.threads for row in chosen_rows({"device": ["cpu"]}, cores=1)} == {1}


def test_options_ask_for_all_combinations_that_can_be_computed() -> None:
    rows = chosen_rows({"mode": ["eager", "graph"], "device": ["cpu", "cuda"], "batch": [4]}, cores=2)

    forward = [(row.device, row.threads, row.mode) for row in rows if row.phase == "forward"]
    assert forward == [("cpu", 2, "eager"), ("cuda", 0, "eager"), ("cuda", 0, "graph")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": ["graph"], "device": ["cpu"]}, "mode graph is a CUDA graph: device must be cuda"),
        ({"precision": ["tf32"]}, "precision tf32 is that of NVIDIA's GPUs"),
        ({"data": ["copied"], "device": ["cpu"]}, "data is copied to a GPU"),
        ({"data": ["copied"], "device": ["cuda"], "phase": ["backward"]}, "data must be resident"),
        ({"data": ["copied"], "device": ["cuda"], "mode": ["graph"], "phase": ["forward"]}, "mode graph replays"),
    ],
)
def test_what_nothing_can_compute_is_refused(options: dict[str, Any], message: str) -> None:
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
def test_values_that_make_no_sense_are_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(name, text, cores=2)


def test_the_parameters_of_rows_are_text_and_whole_numbers() -> None:
    assert {type(getattr(row, name)) for row in chosen_rows({}, cores=2) for name in NAMES} == {str, int}


def later(seconds: float) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call that only hands its work over to a thread, and one that waits for it."""
    threads: list[threading.Thread] = []

    def run() -> None:
        threads.append(threading.Thread(target=time.sleep, args=(seconds,)))
        threads[-1].start()

    def wait() -> None:
        for thread in threads:
            thread.join()

    return run, wait


def test_a_clock_that_does_not_wait_for_the_work_is_noticed() -> None:
    run, wait = later(0.2)

    with pytest.raises(measuring.UnsynchronizedClock, match="it has to wait for the device"):
        measuring.refuse_unsynchronized(run, time.perf_counter, wait)


def test_a_clock_that_waits_passes() -> None:
    run, wait = later(0.2)

    def waiting_clock() -> float:
        wait()
        return time.perf_counter()

    measuring.refuse_unsynchronized(run, waiting_clock, wait)


def test_what_others_use_is_their_share_of_all_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    moments = iter([Moment(wall=10.0, busy=100.0, own=50.0), Moment(wall=14.0, busy=107.0, own=53.0)])

    assert Watch(lambda: next(moments)).others() == 4 / 8  # 7 busy, 3 of them our own, of 2 times 4 seconds


def test_the_environment_can_be_written_as_json() -> None:
    found = json.loads(json.dumps(environment.environment()))

    assert found["versions"]["torch"] == torch.__version__.partition("+")[0] or torch.__version__
    assert {"flags", "cpu", "cores", "device", "driver", "commit", "date"} <= found.keys()


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()

    with ceilings.threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_a_ceiling_stops_growing_when_it_takes_long() -> None:
    seconds = {1: 0.01, 2: 0.05, 4: 0.5, 8: 4.0}

    rates = list(ceilings._as_long_as_short(lambda size: (float(size), seconds[size]), seconds))

    assert rates == [1 / 0.01, 2 / 0.05, 4 / 0.5]


@pytest.mark.parametrize("who", ["torch", "reference"])
@pytest.mark.parametrize("phase", PHASES)
def test_an_answer_that_is_a_thousandth_off_is_noticed(phase: str, who: str) -> None:
    configuration = Configuration(phase=phase, who=who, batch=2)
    right = steps.step(configuration)
    wrong = replace(right, outcome=lambda: {name: value * 1.001 for name, value in right.outcome().items()})
    exact = accuracy.exact(phase, images=2)

    accuracy.assert_near(right, exact, configuration, images=2)
    with pytest.raises(AssertionError, match="of its norm off, the bound is"):
        accuracy.assert_near(wrong, exact, configuration, images=2)


def test_a_step_that_does_not_update_is_noticed() -> None:
    configuration = Configuration(phase="training step", batch=2)
    idle = replace(steps.step(configuration), updated=steps.first_parameters)

    with pytest.raises(AssertionError, match="is not what the step makes of it"):
        accuracy.assert_near(idle, accuracy.exact("training step", images=2), configuration, images=2)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_that_is_a_thousandth_off_is_noticed(layer: str) -> None:
    problem = layers.problem(layer)

    with pytest.raises(AssertionError, match="of its norm off, the bound is"):
        layers.error(layers.by_torch(problem, "forward")() * 1.001, problem, "forward")


def run_pytest(*arguments: str) -> tuple[int, str]:
    """Run pytest in this process; return its exit code and what it wrote."""
    written = io.StringIO()
    off = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")
    options = ["--capture=no", "--color=no", *(f"-pno:{plugin}" for plugin in off)]
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        code = pytest.main([*options, *arguments])
    return int(code), written.getvalue()


def test_a_row_that_is_measured_is_printed_and_stored(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "ceiling", lambda *_: CEILING)
    options = ("--phases=forward", "--devices=cpu", "--threads=1", "--batches=2", "--benchmark-max-time=0.001")
    code, written = run_pytest(
        "benchmarks/test_network.py", "--benchmark-only", f"--benchmark-json={tmp_path / 'result.json'}", *options
    )

    result = json.loads((tmp_path / "result.json").read_text())
    (row,) = result["benchmarks"]
    assert (code, result["ceilings"][0]["bandwidth"]) == (0, 10.0)
    assert row["params"]["batch"] == 2
    assert row["stats"]["p5"] <= row["stats"]["median"] <= row["stats"]["p95"]
    assert "data" not in row["stats"]
    assert "node" not in result["machine_info"]
    assert row["extra_info"]["floor"]["seconds"] == floor(works("forward", 2), CEILING).seconds
    assert "The network, forward:" in written


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_run_in_which_every_row_is_skipped_says_so_and_fails() -> None:
    code, written = run_pytest("benchmarks/test_network.py", "--benchmark-only", "--devices=cuda", "--batches=1")

    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "NOTHING WAS MEASURED: every row was skipped." in written
    assert "rows skipped: there is no CUDA device here" in written


def test_nonsense_is_a_usage_error_that_names_the_options() -> None:
    code, written = run_pytest("benchmarks/test_network.py", "--modes=graph", "--devices=cpu")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "mode graph is a CUDA graph: device must be cuda (--phases, --devices" in written
