"""A run in two processes prints the summary of a run in one, leaves its report, and ends as it does."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import SimpleNamespace

import pytest

from spec_tests.run import processes, scheduling

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed"),
]

PROJECT = Path(__file__).parents[2]
FILES = ("spec_tests/test_2_1_padding.py", "spec_tests/test_2_6_1_l1_loss.py", "spec_tests/test_2_1_1_output_size.py")
RIGHT = (*FILES, "--subject", "reference")
WRONG = ("spec_tests/test_2_1_padding.py", "--subject", "wrong:pads_the_first_axis_first")
UNDRAWN = "from spec_tests.report.figures import all_figures\nall_figures.draw = list\n"
"""A plugin: pages without figures, which take longer than all that is tested here."""

WHOLE_MESSAGES = ("CI", "BUILD_NUMBER")
"""With these variables pytest's own list of failures has messages of many lines; it has the order of their end."""
TWO = ("-n", "2")
A_WHILE = 60
"""Seconds after which a worker of these tests ends anyway."""


def run(*arguments, **files):
    """Run pytest in an empty folder with these files and return its exit code, what it prints, and its report."""
    with TemporaryDirectory() as folder:
        for name, text in {**files, "undrawn": UNDRAWN}.items():
            Path(folder, f"{name}.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "undrawn"]
        given = [argument.replace("FOLDER", folder) for argument in arguments]
        own = {name: value for name, value in os.environ.items() if name not in WHOLE_MESSAGES}
        done = subprocess.run(
            [*command, *given],
            cwd=PROJECT,
            env={**own, "PYTHONPATH": os.pathsep.join([str(PROJECT), folder]), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        report = Path(folder, "report", "claims.json")
        data = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
        printed = done.stdout.replace(folder, "FOLDER")
    return SimpleNamespace(code=done.returncode, output=printed + done.stderr, summary=_summary(printed), data=data)


def _summary(printed):
    """Return the lines from the summary on, without pytest's own: those on failures have the order of their end."""
    lines = printed.partition("specification ===")[2].splitlines()
    return [line for line in lines if not re.search(r"^FAILED| in \d+\.\d+s", line)]


@cache
def reporting(*arguments):
    """Run with a report; of the report, leave out when the run took place, and what somebody has changed meanwhile."""
    found = run(*arguments, "--report", "FOLDER/report")
    for of_a_run in found.data["runs"]:
        for name in ("started", "seconds", "commit", "modified"):
            del of_a_run[name]
    return found


@pytest.mark.parametrize("options", [RIGHT, WRONG], ids=["right", "wrong"])
def test_two_processes_print_the_summary_of_one(options):
    assert reporting(*options, *TWO).summary == reporting(*options).summary != []


@pytest.mark.parametrize("options", [RIGHT, WRONG], ids=["right", "wrong"])
def test_two_processes_leave_the_report_of_one(options):
    assert reporting(*options, *TWO).data == reporting(*options).data


@pytest.mark.parametrize(("options", "code"), [(RIGHT, 0), (WRONG, 1)], ids=["right", "wrong"])
def test_two_processes_end_with_the_exit_code_of_one(options, code):
    assert reporting(*options, *TWO).code == reporting(*options).code == code


def test_the_report_of_two_processes_holds_the_programs_of_failures():
    tests = reporting(*WRONG, *TWO).data["tests"]

    texts = [failure["text"] for test in tests for failure in test["results"][0]["failures"]]
    assert any("the program begins here" in text for text in texts)
    assert not any(text.startswith("[gw") for text in texts)


DIES = """
import os
import numpy as np

DTYPES = ("float32", "float64")

def relu(input):
    if input.dtype == np.float64 and input.size != 1:
        os._exit(3)
    return np.maximum(input, 0)
"""
OF_RELU = ("spec_tests/test_2_3_activation.py", "-k", "relu_equals or falls", "--subject", "FOLDER/dies.py")


def test_a_process_that_dies_takes_along_the_test_that_it_runs_and_no_other():
    found = run(*OF_RELU, "--only", "relu:values", *TWO, "--report", "FOLDER/report", dies=DIES)

    dead = "spec_tests/test_2_3_activation.py::test_relu_equals_the_reference_without_rounding[relu-float64]"
    assert found.code == pytest.ExitCode.TESTS_FAILED
    assert f"dies.py broke the specification in 1 of 3 tests: {dead}, shown above." in found.output
    (failed,) = [test for test in found.data["tests"] if test["results"][0]["outcome"] == "failed"]
    assert f"crashed while running '{dead}'" in failed["results"][0]["failures"][0]["text"]
    assert found.data["runs"][0]["outcomes"]["passed"] == 2


HALF_A_CHARACTER = r"""
DTYPES = ("float32", "float64")

def relu(input):
    print("half a character: \ud800")
    raise ValueError("no relu of \ud8ff here")
"""


@pytest.mark.parametrize("processes", [(), TWO], ids=["one", "two"])
def test_half_a_character_in_somebodys_message_ends_no_run(processes):
    subject = ("--subject", "FOLDER/odd.py", "--only", "relu:values")

    found = run(OF_RELU[0], *subject, *processes, "--report", "FOLDER/report", odd=HALF_A_CHARACTER)

    assert found.code == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in found.output
    assert r"no relu of \ud8ff here" in found.output
    outcomes = found.data["runs"][0]["outcomes"]
    assert outcomes["failed"] > 5 and not outcomes["passed"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names of files")
@pytest.mark.parametrize("place", ["named", "imported from", "the present one", "for what is temporary", "an option"])
def test_a_folder_whose_name_no_process_can_be_told_is_refused_in_one_line(tmp_path, place):
    folder = tmp_path / os.fsdecode(b"\xac\xff")
    folder.mkdir()
    named = [str(PROJECT / "spec_tests" / "test_2_4_linear.py")] + [str(folder)] * (place == "named")
    path = os.pathsep.join([str(PROJECT)] + [str(folder)] * (place == "imported from"))
    more = {"for what is temporary": {"TMPDIR": str(folder)}, "an option": {"PYTEST_ADDOPTS": f"--basetemp={folder}/a"}}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *named, *TWO],
        cwd=folder if place == "the present one" else PROJECT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1", **more.get(place, {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    (line,) = (line for line in done.stderr.splitlines() if line)
    assert re.match(
        r"ERROR: -n: .*\\udcac\\udcff.* cannot be sent to other processes, because utf-8, the encoding", line
    )
    assert line.endswith(": rename it, or run in one process")
    assert (done.returncode, "INTERNALERROR" in done.stdout) == (pytest.ExitCode.USAGE_ERROR, False)


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (("--subject", "nonsense"), 4, "ERROR: --subject nonsense: no subject 'nonsense'"),
        (("--subject", "FOLDER/dies.py", "--exercise"), 4, "ERROR: --exercise .* cannot run with -n "),
        (("--subject", "reference", "-k", "no_test_is_called_so"), 5, "No test of the specification was run"),
        ((*WRONG[1:], "-x"), 1, "broke the specification in "),
    ],
    ids=["no subject", "exercise", "no test", "the first failure"],
)
def test_two_processes_end_as_one_does_and_say_why(options, code, line):
    found = run(WRONG[0], *options, *TWO, "--tb=no", dies=DIES)

    assert found.code == code
    assert re.search(f"^.*{line}", found.output, re.MULTILINE)
    assert "INTERNALERROR" not in found.output


@pytest.mark.parametrize("line", ['@pytest.fixture(scope="module")', "@functools.cache", "@cache"])
def test_a_file_that_makes_something_once_goes_to_one_process(tmp_path, line):
    (tmp_path / "test_a.py").write_text(f"{line}\n")
    (tmp_path / "test_b.py").write_text("@pytest.fixture\n")

    of_a, of_b = (
        [f"{file}::test_1[x]", f"{file}::test_1[y]", f"{file}::test_2"] for file in ("test_a.py", "test_b.py")
    )

    assert scheduling.units([*of_a, *of_b], tmp_path) == ["test_a.py"] * 3 + ["test_b.py 2"] * 2 + ["test_b.py 3"]


@pytest.mark.parametrize(
    ("most", "failed", "code"),
    [(None, 3, pytest.ExitCode.INTERRUPTED), (2, 1, pytest.ExitCode.INTERRUPTED), (2, 2, pytest.ExitCode.TESTS_FAILED)],
    ids=["by Ctrl-C", "early", "by --maxfail"],
)
def test_a_run_that_is_interrupted_ends_as_such_unless_enough_tests_have_failed(most, failed, code):
    config = SimpleNamespace(option=SimpleNamespace(maxfail=most))
    session = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.INTERRUPTED)
    receiving = processes.Receiving(config)
    receiving.failed = failed

    receiving.pytest_sessionfinish(session)

    assert session.exitstatus == code


def test_the_report_is_written_while_the_workers_end_and_the_run_waits_for_them():
    events, written, workers = [], Event(), SimpleNamespace(group=["one worker"])

    def teardown_nodes():
        workers.group.clear()  # it is told
        written.wait(A_WHILE)
        events.append("the workers have ended")

    workers.teardown_nodes = teardown_nodes
    known = SimpleNamespace(get_plugin={"dsession": SimpleNamespace(nodemanager=workers)}.get)
    finishing = processes.Leaving().pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace(pluginmanager=known)))

    next(finishing)
    events.append("the report is written")
    written.set()
    with pytest.raises(StopIteration):
        next(finishing)

    assert events == ["the report is written", "the workers have ended"]


def test_each_process_takes_its_share_of_the_cores(monkeypatch):
    monkeypatch.delenv(processes.THREADS, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    ends = []

    processes.pytest_xdist_setupnodes(SimpleNamespace(add_cleanup=ends.append), specs=["popen"] * 3)
    inside = os.environ[processes.THREADS]
    for end in ends:
        end()

    assert (inside, processes.THREADS in os.environ) == ("2", False)


def test_the_number_of_threads_that_the_environment_names_remains(monkeypatch):
    monkeypatch.setenv(processes.THREADS, "5")

    processes.pytest_xdist_setupnodes(None, specs=["popen"])

    assert os.environ[processes.THREADS] == "5"
