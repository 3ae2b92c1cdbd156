"""The benchmark of training in several processes: what it refuses, what it writes, and a run of two processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import data_parallel
from benchmarks.data_parallel import COMPARED, PROGRAM, main, row_of
from benchmarks.pretended import pretended
from reference.command import Refusal
from reference.train_in_torch import Process

PROJECT = Path(__file__).parent.parent
CHILD_SECONDS = 240
TWO_PROCESSES = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


def refused(capsys: Any, *options: str) -> tuple[int, str]:
    """Return the exit status of the command and its error message."""
    with pytest.raises(SystemExit) as stop:
        main(options)
    return int(str(stop.value.code)), capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--batch", "0"], "argument --batch: must be a finite number of at least 1, got 0"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["--device", "tpu"], "argument --device: invalid choice: 'tpu'"),
    ],
)
def test_invalid_options_are_refused_in_one_line(capsys: Any, options: list[str], complaint: str) -> None:
    status, error = refused(capsys, *options)

    assert status == 2
    assert error.startswith(f"{PROGRAM}: error: {complaint}")
    assert error.count("\n") == 1


def test_a_batch_that_cannot_be_divided_evenly_is_refused(capsys: Any, monkeypatch: Any) -> None:
    for name, value in TWO_PROCESSES.items():
        monkeypatch.setenv(name, value)

    status, error = refused(capsys, "--strong", "--batch", "5")

    assert (status, error) == (2, f"{PROGRAM}: error: --strong cannot divide --batch 5 evenly among 2 processes\n")


def test_the_output_path_is_tried_before_anything_is_measured(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(data_parallel, "compared_gradients", lambda *_: pytest.fail("it has begun"))
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "result.json"

    status, error = refused(capsys, "--json", str(place))

    assert (status, error.count("\n")) == (1, 1)
    assert error.startswith(f"{PROGRAM}: error: --json {place}: ")


def test_a_result_that_cannot_be_written_leaves_the_old_one(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    place = tmp_path / "result.json"
    place.write_text("the old one")
    monkeypatch.setattr(data_parallel, "environment", lambda: {"cpu": "AMD EPYC"})
    monkeypatch.setattr(os, "replace", failing_replace)

    status, error = refused(capsys, "--batch", "1", "--steps", "1", "--json", str(place))

    assert (status, error) == (1, f"{PROGRAM}: error: --json {place}: No space left on device\n")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("result.json", "the old one")]


def test_an_interrupted_run_says_so_and_stores_nothing(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    def interrupting(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data_parallel, "step_seconds", interrupting)

    status, error = refused(capsys, "--json", str(tmp_path / "result.json"))

    assert (status, error) == (130, f"{PROGRAM}: error: interrupted: nothing is stored\n")
    assert not list(tmp_path.iterdir())


def failing_replace(*_: Any) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


def test_one_process_is_measured_alone_and_has_no_efficiency(capsys: Any, tmp_path: Path) -> None:
    main(["--batch", "2", "--steps", "3", "--json", str(tmp_path / "result.json")])

    (row,) = json.loads((tmp_path / "result.json").read_text())["rows"]
    assert (row["scaling"], row["processes"], row["batch_of_a_process"], row["efficiency"]) == (
        "one process",
        1,
        2,
        None,
    )
    assert "One process has no efficiency" in capsys.readouterr().out


def test_one_process_trains_on_a_pretended_gpu(tmp_path: Path) -> None:
    with pretended():
        main(["--batch", "2", "--steps", "2", "--device", "cuda", "--json", str(tmp_path / "result.json")])

    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["device"], result["backend"], len(result["rows"])) == ("cuda", None, 1)


def test_a_row_gives_the_median_and_percentiles_of_its_step_times() -> None:
    row = row_of("one process", np.arange(21.0), processes=1, batch=30)

    assert (row["p5"], row["median"], row["p95"]) == (1.0, 10.0, 19.0)
    assert (row["samples_per_second"], row["efficiency"]) == (3.0, None)


def test_gradients_that_are_not_averaged_are_noticed(monkeypatch: Any) -> None:
    monkeypatch.setattr(Process, "share", lambda _, batch: batch[: COMPARED // 2])

    with pytest.raises(Refusal, match=r"the averaged gradient differs from that of one process by .* times its bound"):
        data_parallel.compared_gradients("cpu", Process(0, 1, 0))


@pytest.mark.usefixtures("starts_processes")
def test_two_processes_average_their_gradients_and_are_measured(tmp_path: Path) -> None:
    child = in_two_processes("--steps", "3", "--batch", "8", "--strong", "--json", tmp_path / "result.json")

    assert child.returncode == 0, child.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert [(row["scaling"], row["processes"], row["batch_of_a_process"]) for row in result["rows"]] == [
        ("one process", 1, 8),
        ("weak", 2, 8),
        ("strong", 2, 4),
    ]
    assert all(row["efficiency"] > 0 for row in result["rows"][1:])
    assert 0 < result["gradients"]["share_of_bound"] <= 1
    assert (result["gradients"]["images"], result["steps"], result["backend"]) == (2 * COMPARED, 3, "gloo")
    assert child.stdout.count("weak") == 1, "only the first process prints"


@pytest.mark.usefixtures("starts_processes")
def test_two_processes_print_one_refusal(tmp_path: Path) -> None:
    child = in_two_processes("--batch", "5", "--strong", "--json", tmp_path / "result.json")

    assert child.returncode != 0
    assert child.stderr.count(f"{PROGRAM}: error: --strong cannot divide --batch 5") == 1
    assert not list(tmp_path.iterdir())


def in_two_processes(*options: Any) -> subprocess.CompletedProcess[str]:
    """Run the benchmark as torchrun does."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "benchmarks.data_parallel")
    return subprocess.run(
        [sys.executable, *torchrun, *map(str, options)],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
        check=False,
    )
