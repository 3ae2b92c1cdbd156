"""The matrix, measured: small subjects that are right, wrong, that die, hang, or are not there."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from spec_tests.matrix import __main__ as command
from spec_tests.matrix import journal, measuring, reading
from spec_tests.matrix.asked import Asked, asked
from spec_tests.matrix.journal import FAILED, KEPT, NOT_COUNTED, NOT_REACHED, Ended, Writer
from spec_tests.matrix.lanes import Lane
from spec_tests.matrix.measuring import Measuring, measure

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

RIGHT = """
import os, time
import numpy as np
import reference

def relu(input):
    return reference.relu(input)

def relu_backward(grad_output, input):
    return reference.relu_backward(grad_output, input)
"""
WRONG = RIGHT.replace("reference.relu(input)", "-reference.relu(-input)")
DYING = RIGHT.replace(
    "    return reference.relu(", "    np.isnan(input).any() and os._exit(7)\n    return reference.relu("
)
HANGING = DYING.replace("os._exit(7)", "time.sleep(600)")
SUBJECTS = {"right": RIGHT, "wrong": WRONG, "dying": DYING, "hanging": HANGING}
LANE = Lane("small", "", "", 2, ("float32",), files=("test_2_3_activation.py",), only=("relu",), test_seconds=4)
TOML = """
[small]
examples = 2
dtypes = ["float32"]
files = ["test_2_3_activation.py"]
only = ["relu:values"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the subjects."""
    folder = tmp_path_factory.mktemp("subjects")
    for name, source in SUBJECTS.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    (folder / "lanes.toml").write_text(TOML, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def columns(folder):
    """The column of each subject."""
    return {name: measure(f"{folder / name}.py", LANE, Measuring()) for name in SUBJECTS}


def states(column):
    """Return the states of relu's cells by level."""
    return {cell["level"]: cell["state"] for cell in column["cells"] if cell["operation"] == "relu"}


def test_a_right_subject_keeps_every_level(columns):
    right = columns["right"]

    assert right["status"] == "measured"
    assert not right["findings"]
    assert states(right)["values"] == states(right)["gradients"] == states(right)["conventions"] == KEPT


def test_a_wrong_subject_fails_with_a_message_and_its_smallest_case(columns):
    failed = [one for one in columns["wrong"]["findings"] if ["values", "relu"] in one["requires"]]

    assert states(columns["wrong"])["values"] == FAILED
    assert any("expected" in one["case"] for one in failed)
    assert all(one["message"] and "Failing test case" not in one["message"] for one in failed)


def test_a_subject_that_dies_loses_only_the_tests_in_which_it_dies(columns):
    dying, right = columns["dying"], columns["right"]
    died = {one["test"] for one in dying["findings"]}

    assert dying["status"] == "measured"
    assert 0 < len(died) < len(right["outcomes"]) / 4
    assert all(one["how"] == "died" and "exit code 7" in one["message"] for one in dying["findings"])
    assert {test: how for test, how in dying["outcomes"].items() if test not in died} == {
        test: how for test, how in right["outcomes"].items() if test not in died
    }


def test_a_subject_that_hangs_loses_the_same_tests(columns):
    hanging, dying = columns["hanging"], columns["dying"]

    assert {one["test"] for one in hanging["findings"]} == {one["test"] for one in dying["findings"]}
    assert all(one["how"] == "hung" and "4 seconds" in one["message"] for one in hanging["findings"])


def test_what_the_lane_leaves_out_is_not_counted(columns):
    reasons = {(one["outcome"], one["reason"]) for one in columns["right"]["reasons"]}

    assert (NOT_COUNTED, "the lane leaves out float64") in reasons


def test_columns_name_their_versions_machine_and_date(columns):
    for column in columns.values():
        assert column["versions"]["numpy"]
        assert "CPU" in column["machine"]
        assert column["started"].endswith("+00:00")


def test_columns_have_the_form_of_the_schema(columns):
    reading.check(reading.packed({"columns": list(columns.values()), "missing": []}))


def test_a_matrix_is_read_as_it_was_written(columns, tmp_path):
    matrix = {"columns": list(columns.values()), "missing": [{"subject": "x", "said": "pip install x"}]}

    reading.write(tmp_path / "matrix.json", matrix)

    assert reading.read(tmp_path / "matrix.json") == matrix


@pytest.mark.parametrize("subject", ["no_such_thing", "no_such_file.py", "onnxruntime_of_nobody:object"])
def test_a_subject_that_is_not_there_is_missing_with_a_line_that_says_why(subject):
    with pytest.raises(measuring.Missing) as raised:
        measure(subject, LANE, Measuring())

    assert len(str(raised.value).splitlines()) == 1
    assert subject.partition(".")[0].partition(":")[0] in str(raised.value)


def test_an_interpreter_that_cannot_start_is_missing_too(folder, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('not here')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(measuring.Missing, match=r"could not be asked: .*not here"):
        measure(f"{folder / 'right'}.py", LANE, Measuring())


def test_tests_that_the_time_does_not_suffice_for_are_not_reached(monkeypatch):
    def one_process(run):
        Writer(run.journal).write(
            tests=[["test_a", [["values", "relu"]], "", ""], ["test_b", [["values", "relu"]], "", ""]]
        )
        Writer(run.journal).end("test_a", Ended(KEPT))
        return "late"

    monkeypatch.setattr(measuring._Run, "_one_process", one_process)
    column = measure("any", LANE, Measuring())

    assert (column["status"], column["said"]) == ("unfinished", f"its {LANE.seconds:g} seconds were over")
    assert column["outcomes"] == {"test_a": KEPT, "test_b": NOT_REACHED}
    assert states(column) == {"values": NOT_REACHED}


def test_a_run_that_stops_with_tests_left_is_unfinished_and_says_why(monkeypatch):
    def one_process(run):
        Writer(run.journal).write(tests=[["test_a", [["values", "relu"]], "", ""]])
        Writer(run.journal).write(finished={})
        run.output.write_text("...F  [ 50%]\nERROR: a file is wrong\n", encoding="utf-8")
        return "ended with exit code 4"

    monkeypatch.setattr(measuring._Run, "_one_process", one_process)
    column = measure("any", LANE, Measuring())

    assert (column["status"], column["said"]) == ("unfinished", "it stopped with tests left: ERROR: a file is wrong")


@pytest.mark.parametrize("how", ["late", "hung"])
def test_a_subject_that_does_not_begin_in_time_is_missing(monkeypatch, how):
    monkeypatch.setattr(measuring._Run, "_one_process", lambda _: how)

    with pytest.raises(measuring.Missing, match="did not begin within"):
        measure("any", LANE, Measuring())


def test_a_subject_that_dies_again_and_again_is_unfinished(monkeypatch):
    tests = [f"test_{number}" for number in range(measuring.DEATHS + 1)]

    def one_process(run):
        Writer(run.journal).write(tests=[[test, [["values", "relu"]], "", ""] for test in tests])
        Writer(run.journal).write(begin=tests[len(journal.read(run.journal).ended)])
        return "ended with exit code 3"

    monkeypatch.setattr(measuring._Run, "_one_process", one_process)
    column = measure("any", LANE, Measuring())

    assert column["status"] == "unfinished"
    assert Counter(column["outcomes"].values()) == {FAILED: measuring.DEATHS, NOT_REACHED: 1}


def test_a_lane_may_ask_few_tests_of_each_cell(folder):
    column = measure(f"{folder / 'right'}.py", Lane(**{**vars(LANE), "tests_per_cell": 2}), Measuring())

    counted = Counter(column["outcomes"].values())
    assert 0 < counted[KEPT] <= 2 * 5
    assert any("the lane asks 2 tests" in one["reason"] for one in column["reasons"])


def run(*arguments):
    """Run the command; return its exit status."""
    try:
        command.main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code
    return 0


def test_the_command_writes_a_column_for_each_subject_and_names_what_is_missing(folder, tmp_path, capsys):
    options = ["--lanes", folder / "lanes.toml", "--lane", "small", "--out", tmp_path]

    status = run("--subject", folder / "right.py", "--subjects", "no_such", *options, "--note", "by a test")

    matrix = reading.read(tmp_path / "matrix.json")
    assert status == 1  # one of those asked for by name is missing
    assert [column["note"] for column in matrix["columns"]] == ["by a test"]
    assert [entry["subject"] for entry in matrix["missing"]] == ["no_such"]
    assert "no_such is missing: no subject 'no_such'" in capsys.readouterr().out
    assert (tmp_path / "index.html").is_file()
    _asks_again_only_for_what_is_missing(folder, tmp_path, options)


def _asks_again_only_for_what_is_missing(folder, tmp_path, options):
    """The second run finds the right subject done, and measures the wrong one, which then fails the command."""
    with pytest.MonkeyPatch.context() as patch:
        asked_for = []
        real = measuring.measure
        patch.setattr(measuring, "measure", lambda name, *rest: asked_for.append(name) or real(name, *rest))

        status = run("--subject", folder / "right.py", "--subject", folder / "wrong.py", "--only-missing", *options)

    assert status == 1
    assert asked_for == [str(folder / "wrong.py")]
    assert len(reading.read(tmp_path / "matrix.json")["columns"]) == 2


def test_the_settings_reach_the_process_as_they_are(tmp_path):
    settings = asked("torch", "cpu", Lane("x", only=("conv2d",), examples=7), ["done"])

    settings.write(tmp_path / "settings.json")

    assert Asked(**json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))) == settings
    assert (settings.only, settings.examples, settings.done) == (["conv2d"], 7, ["done"])


def test_a_process_ends_when_the_one_that_started_it_is_gone():
    waits = "from spec_tests.matrix import child; import time; child.end_with_the_parent(); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE)

    process.stdin.close()

    assert process.wait(timeout=120) == 1


def test_python_is_the_interpreter_that_is_asked_for(folder):
    with pytest.raises(FileNotFoundError):
        measure(f"{folder / 'right'}.py", LANE, Measuring(python=f"{sys.executable}-of-nobody"))
