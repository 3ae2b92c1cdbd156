"""Two results of the benchmarks compared: rows that got slower, and what differs between the machines."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, results
from reference.command import Refusal

pytest.importorskip("jsonschema", reason='a result is checked with jsonschema: pip install "torch-by-hand[report]"')

JSON = dict[str, Any]


def row(median: float, low: float, high: float, layer: str = "conv1", **extra: Any) -> JSON:
    """Return a row of a layer in torch with an interval."""
    info = {
        "question": "layer",
        "batch": 64,
        "threads": 1,
        "device": "cpu",
        "interval": {"median": median, "low": low, "high": high},
    }
    params = {"layer": layer, "phase": "forward", "who": "torch"}
    stats = {"median": median, "p5": low / 2, "p95": high * 2, "rounds": 9}
    return {"name": f"test_layer[{layer}]", "params": params, "stats": stats, "extra_info": {**info, **extra}}


def result(folder: Path, name: str, *rows: JSON, **environment: Any) -> str:
    """Write a result and return its path."""
    known = {"versions": {}, "flags": {}, "cpu": "AMD EPYC", "cores": 2, "date": "2026-11-23"}
    content = {"benchmarks": list(rows), "environment": {**known, **environment}, "ceilings": []}
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ((2.0, 1.3, 2.2), "SLOWER"),
        ((2.0, 1.15, 2.2), ""),
        ((0.5, 0.4, 0.8), "faster"),
        ((0.5, 0.4, 0.95), ""),
    ],
)
def test_a_row_got_slower_if_its_interval_is_beyond_the_old_one(
    tmp_path: Path, new: tuple[float, float, float], verdict: str
) -> None:
    old_file, new_file = result(tmp_path, "old", row(1.0, 0.9, 1.2)), result(tmp_path, "new", row(*new))

    (change,) = compare.changes(results.read(Path(old_file)), results.read(Path(new_file)))

    assert compare.verdict(change) == verdict
    assert compare.ratio(change) == (new[0] / 1.0, new[1] / 1.2, new[2] / 0.9)


def test_a_slow_down_ends_the_command_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fast, slow = row(1.0, 0.9, 1.1), row(2.0, 1.9, 2.1)
    old, new = result(tmp_path, "old", fast, row(1.0, 0.9, 1.1, "p1")), result(tmp_path, "new", slow)

    with pytest.raises(SystemExit) as ended:
        compare.command([old, new])
    compare.command([new, new])

    written = capsys.readouterr().out
    assert ended.value.code == 1
    assert "2.000  1.727 – 2.333  SLOWER" in written
    assert "1 rows are in OLD alone\n1 of 1 rows got slower\n" in written


def test_what_differs_between_the_machines_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = result(tmp_path, "old", row(1.0, 0.9, 1.1), versions={"torch": "2.14", "numpy": "2.4"})
    new = result(tmp_path, "new", row(1.0, 0.9, 1.1), versions={"torch": "2.15", "numpy": "2.4"}, quota=1.5)

    compare.command([old, new])

    written = capsys.readouterr().out
    assert "versions differs: {'torch': '2.14'} in OLD, {'torch': '2.15'} in NEW" in written
    assert "quota differs: None in OLD, 1.5 in NEW" in written


def test_a_row_with_processes_is_compared_by_their_interval(tmp_path: Path) -> None:
    among = {"median": 3.0, "low": 2.0, "high": 4.0, "processes": 5}
    old = results.read(Path(result(tmp_path, "old", row(1.0, 0.9, 1.1))))
    new = results.read(Path(result(tmp_path, "new", row(1.0, 0.9, 1.1, interval=among))))

    (change,) = compare.changes(old, new)

    assert compare.ratio(change) == (3.0, 2.0 / 1.1, 4.0 / 0.9)


def test_results_without_a_common_row_are_refused(tmp_path: Path) -> None:
    old, new = result(tmp_path, "old", row(1.0, 0.9, 1.1)), result(tmp_path, "new", row(1.0, 0.9, 1.1, "p1"))

    with pytest.raises(Refusal, match=r"no row of .*old is in .*new"):
        compare.command([old, new])


def test_a_file_that_is_no_result_is_refused_by_compare(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="missing cannot be read: No such file"):
        compare.command([str(tmp_path / "missing"), str(tmp_path / "missing")])


@pytest.mark.parametrize("question", [[], {}, [[]]])
def test_a_question_that_is_no_text_is_one_of_others(tmp_path: Path, question: object) -> None:
    old = result(tmp_path, "old", row(1.0, 0.9, 1.1), row(1.0, 0.9, 1.1, question=question))

    (found,) = results.rows_of(results.read(Path(old)))

    assert found.question == "layer"
