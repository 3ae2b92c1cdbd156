"""A campaign counts every task once, outlives what dies on the way, and leaves what it found."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from spec_tests.campaign import child, exploring, findings, reporting
from spec_tests.campaign.journal import HEAD as HEADER
from spec_tests.campaign.journal import LINES, OFTEN, Journal
from spec_tests.campaign.task import Outcome, Task
from spec_tests.report import files, reading

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("distributed") is None, reason="dask.distributed is not installed"),
]

PROJECT = Path(__file__).parents[2]
HEAD = {"options": ["--subject=torch"], "versions": {"torch": "2"}}
DIES = """
import os
import reference

def flatten(input, start_dim=0, end_dim=-1):
    if input.size > 4:
        os._exit(3)
    return reference.flatten(input, start_dim, end_dim)
"""

NOW_AND_THEN = """
def linear(input, weight, bias=None):
    output = input @ weight.T + (0 if bias is None else bias)
    return output + (weight.flat[:2].tolist() == [4, 4])
"""


def outcome(test="a.py::test_a", number=0, ended="passed", **options):
    return Outcome(test, number, 7, ended, **{"examples": 10, **options})


# One process


def test_a_journal_goes_on_where_it_was_and_counts_a_task_once(tmp_path):
    journal = Journal(tmp_path, HEAD)
    assert journal.add(outcome()) and not journal.add(outcome()) and journal.add(outcome(number=1))
    (tmp_path / LINES).write_bytes((tmp_path / LINES).read_bytes() + b'{"test": "a.py::te')

    again = Journal(tmp_path, HEAD)

    assert again.ended == {Task("a.py::test_a", number): outcome(number=number) for number in (0, 1)}
    assert again.examples == 20
    assert again.add(outcome(number=2)) and Journal(tmp_path, HEAD).examples == 30


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (LINES, b'{"test": "a"}\n', r"journal\.jsonl does not contain the outcome of a task in line 1: it has"),
        (LINES, b'{"test"\n', r"journal\.jsonl is not JSON"),
        (LINES, b"\xff\n", r"journal\.jsonl is not JSON"),
        (LINES, b"null\n", r"journal\.jsonl does not contain the outcome of a task in line 1: it has None"),
        (HEADER, b'{"options": ', r"campaign\.json is not JSON"),
        (HEADER, b"[]", r"campaign\.json does not contain what a campaign was asked for: it has \[\]"),
    ],
)
def test_a_folder_that_says_something_else_than_a_campaign_is_refused(tmp_path, file, text, message):
    Journal(tmp_path, HEAD)
    (tmp_path / file).write_bytes(text)

    with pytest.raises(ValueError, match=message):
        Journal(tmp_path, HEAD)


def test_a_report_that_cannot_be_written_is_no_success(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting.alone, "run", lambda *_: print("ERROR: no report in x: No space left on device"))

    with pytest.raises(ValueError, match=r"^no report in x: No space left on device$"):
        reporting.write([], [], tmp_path)


def test_a_folder_of_another_campaign_is_refused(tmp_path):
    Journal(tmp_path, HEAD)

    with pytest.raises(ValueError, match=r"holds a campaign with versions .*'2'.*, and not .*'3'"):
        Journal(tmp_path, {**HEAD, "versions": {"torch": "3"}})


def test_every_test_has_its_turn_but_one_that_fails_often_or_says_nothing(tmp_path):
    journal = Journal(tmp_path, HEAD)
    journal.add(outcome("b", ended="skipped", examples=0))
    for number in range(OFTEN):
        journal.add(outcome("c", number, "failed"))
    journal.add(outcome("a"))

    waiting = exploring.tasks(["a", "b", "c", "d"], journal)

    assert [next(waiting) for _ in range(4)] == [("d", 0), ("a", 1), ("d", 1), ("a", 2)]
    assert list(exploring.tasks(["b", "c"], journal)) == []


def test_a_campaign_mixes_its_tests_in_the_same_way_whenever_it_goes_on():
    tests = [f"test_{number}" for number in range(100)]

    first = exploring.mixed(tests, 0)

    assert sorted(first) == sorted(tests)
    assert first == exploring.mixed(reversed(tests), 0)
    assert len({*map(tuple, (tests, first, exploring.mixed(tests, 1)))}) == 3


def test_failures_that_differ_in_their_numbers_and_cases_are_one_finding():
    alike = [outcome(f"test_a[{case}]", 0, "failed", message=f"got {case}.5e-3, expected 1") for case in (1, 2, 3)]
    other = outcome("test_a[1]", 1, "failed", message="got nothing")

    found = findings.findings([*alike, outcome(), other])

    assert [(finding.times, finding.first.message) for finding in found] == [
        (3, "got 1.5e-3, expected 1"),
        (1, "got nothing"),
    ]
    assert found[0].tests == ["test_a[1]", "test_a[2]", "test_a[3]"]


def test_the_examples_of_a_task_have_a_seed_of_their_own():
    seeds = {Task(test, number).seed(campaign) for test in "ab" for number in (0, 1) for campaign in (0, 1)}

    assert len(seeds) == 8
    assert Task("a", 0).seed(1) == Task("a", 0).seed(1)


def test_versions_are_the_same_whatever_a_process_has_imported():
    program = "from spec_tests.report import surroundings; print(surroundings.installed())"
    said = {
        subprocess.run(
            [sys.executable, "-c", f"{first}{program}"],
            cwd=PROJECT,
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for first in ("", "import torch, torchvision; ")
    }

    assert len(said) == 1


# Several processes


def command(folder, *options):
    """Return the command, and the environment in which it runs."""
    given = ["--out", str(folder), "--each", "20", *options]
    return [sys.executable, "-m", "spec_tests.campaign", *given], {**os.environ, "OMP_NUM_THREADS": "1"}


def campaign(folder, *options):
    """Run one to its end."""
    words, environment = command(folder, *options)
    return subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, encoding="utf-8", check=False)


def commands(folder):
    """Return of each finding the two commands that repeat it, each with the first line of what it says."""
    for file in sorted((folder / findings.FOLDER).iterdir()):
        head = [line[2:] for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        message = head[1].partition(": ")[2]
        again = [line.partition(": ")[2] for line in head if line.startswith("Again")]
        yield [(message, shlex.split(line)) for line in again]


def pytest_with(*options):
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, encoding="utf-8", check=False)


def lines(folder):
    """Return the outcomes in a journal."""
    file = folder / LINES
    whole = file.read_bytes().rpartition(b"\n")[0] if file.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def tasks_of(folder):
    return [(line["test"], line["round"]) for line in lines(folder)]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A campaign on a layer that is wrong now and then, its folder, and where its subject is."""
    file, folder = tmp_path_factory.mktemp("now and then") / "layers.py", tmp_path_factory.mktemp("campaign")
    file.write_text(NOW_AND_THEN, encoding="utf-8")
    options = ("--subject", str(file), "--only", "linear:values", "--dtype", "float32", "--each", "500")
    return campaign(folder, *options, "--examples", "3000", "--workers", "2"), folder


def test_what_is_wrong_is_found_and_left_as_a_program_and_in_the_report(found):
    run, folder = found

    assert run.returncode == 1, run.stderr
    kinds = re.search(r"(\d+) kinds of failures", run.stdout)
    files = sorted((folder / findings.FOLDER).glob("*.py"))
    assert kinds and 0 < len(files) <= int(kinds[1])
    for file in files:
        program = subprocess.run([sys.executable, file], capture_output=True, encoding="utf-8", check=False)
        assert program.returncode == 1 and "outside" in program.stderr
    data = reading.read(folder / "report" / "claims.json")
    assert data["runs"][0]["examples"] == sum(line["examples"] for line in lines(folder)) >= 3000
    assert data["runs"][0]["outcomes"]["failed"] == len(
        {line["test"] for line in lines(folder) if line["outcome"] == "failed"}
    )


@pytest.mark.parametrize("which", [0, 1], ids=["what failed first", "the same draws"])
def test_a_command_that_a_finding_names_repeats_it(found, which):
    message, command = next(commands(found[1]))[which]

    run = pytest_with(*command[1:])

    assert run.returncode == 1 and message in run.stdout, run.stdout + run.stderr


def test_what_failed_in_a_campaign_is_tried_before_anything_else(found):
    (_, command), _ = next(commands(found[1]))
    *alone, campaign = command[1:]
    few = ["--hypothesis-profile=1", "--hypothesis-seed=1"]

    assert pytest_with(*alone, *few).returncode == 0
    assert pytest_with(*alone, *few, campaign).returncode == 1


def test_a_worker_that_is_killed_costs_nothing_but_its_time(tmp_path):
    psutil = pytest.importorskip("psutil")
    words, environment = command(tmp_path, "--subject", "reference", "--only", "relu", "--examples", "400")
    with subprocess.Popen([*words, "--workers", "2"], cwd=PROJECT, env=environment, stderr=subprocess.PIPE) as run:
        for _ in range(2):
            known = len(lines(tmp_path))
            while len(lines(tmp_path)) < known + 2:
                time.sleep(0.1)
            processes = psutil.Process(run.pid).children(recursive=True)
            child = next(process for process in processes if "campaign.child" in process.cmdline()[-1])
            child.parent().kill()
        _, errors = run.communicate(timeout=300)

    assert run.returncode == 0, errors
    assert len(set(tasks_of(tmp_path))) == len(tasks_of(tmp_path))
    assert {line["outcome"] for line in lines(tmp_path)} <= {"passed", "skipped"}
    assert sum(line["examples"] for line in lines(tmp_path)) >= 400


def test_a_campaign_that_is_killed_goes_on_with_the_same_command(tmp_path):
    options = ("--subject", "reference", "--only", "relu", "--examples", "200", "--workers", "1")
    words, environment = command(tmp_path, *options)
    with subprocess.Popen(words, cwd=PROJECT, env=environment, stderr=subprocess.PIPE) as run:
        while len(lines(tmp_path)) < 3:
            time.sleep(0.1)
        run.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    before = tasks_of(tmp_path)

    again = campaign(tmp_path, *options)

    assert again.returncode == 0, again.stderr
    assert tasks_of(tmp_path)[: len(before)] == before
    assert len(set(tasks_of(tmp_path))) == len(tasks_of(tmp_path)) > len(before)


STARTS, MIDWAY, WRITES = "while the workers start", "midway", "while the report is written"


def reached(moment, folder):
    """Tell whether a campaign has come so far."""
    if moment == MIDWAY:
        return len(lines(folder)) > 2
    return (folder / {STARTS: HEADER, WRITES: findings.FOLDER}[moment]).exists()


def alive_in(group):
    """Return the processes of a group that have not ended."""
    psutil = pytest.importorskip("psutil")
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.skipif(os.name != "posix", reason="POSIX systems alone have groups of processes")
@pytest.mark.parametrize(
    ("moment", "number", "to"),
    [
        *((moment, signal.SIGINT, os.killpg) for moment in (STARTS, MIDWAY, WRITES)),  # a Ctrl-C
        *((moment, signal.SIGTERM, os.kill) for moment in (STARTS, MIDWAY, WRITES)),
        (MIDWAY, signal.SIGINT, os.kill),
        (MIDWAY, signal.SIGTERM, os.killpg),
    ],
    ids=lambda value: {os.kill: "to the process", os.killpg: "to all processes"}.get(
        value, getattr(value, "name", value)
    ),
)
def test_a_campaign_that_is_interrupted_says_so_and_leaves_no_process(tmp_path, moment, number, to):
    examples = "40000" if moment == MIDWAY else "40"
    options = ("--subject", "reference", "--only", "relu", "--workers", "2", "--examples", examples)
    words, environment = command(tmp_path, *options)
    with subprocess.Popen(
        words,
        cwd=PROJECT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # also in the background of a shell
    ) as run:
        while not reached(moment, tmp_path):
            assert run.poll() is None
            time.sleep(0.02)
        to(run.pid, number)
        _, errors = run.communicate(timeout=120)

    (line,) = [line for line in errors.splitlines() if " examples (" not in line]
    assert run.returncode == 128 + number
    known = len(lines(tmp_path))
    said = f"the {known:,} tasks that have ended are in {tmp_path / LINES}" if known else "no task has ended"
    assert line.endswith(f": error: interrupted: {said}; the same command goes on")
    end = time.monotonic() + 10  # those that were told may take a moment
    while alive_in(run.pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert alive_in(run.pid) == []


def test_a_campaign_that_was_interrupted_goes_on_with_the_same_command(tmp_path):
    options = ("--subject", "reference", "--only", "relu", "--workers", "1", "--examples", "100")
    words, environment = command(tmp_path, *options)
    with subprocess.Popen(words, cwd=PROJECT, env=environment, stderr=subprocess.PIPE) as run:
        while not reached(MIDWAY, tmp_path):
            assert run.poll() is None
            time.sleep(0.02)
        run.send_signal(signal.SIGTERM)
    before = tasks_of(tmp_path)

    again = campaign(tmp_path, *options)

    assert again.returncode == 0, again.stderr
    assert tasks_of(tmp_path)[: len(before)] == before
    assert len(set(tasks_of(tmp_path))) == len(tasks_of(tmp_path)) > len(before)


def test_a_child_whose_worker_has_ended_ends_in_the_middle_of_a_task(tmp_path):
    (tmp_path / "slow.py").write_text("import time\n\ndef relu(input):\n    time.sleep(600)\n", encoding="utf-8")
    test = "spec_tests/test_2_3_activation.py::test_relu_keeps_what_is_positive_and_replaces_the_rest_by_0"
    with subprocess.Popen([sys.executable, *child.COMMAND], cwd=PROJECT, stdin=subprocess.PIPE, text=True) as process:
        options = [f"--subject={tmp_path / 'slow.py'}"]
        process.stdin.write(json.dumps([Task(test, 0), 0, 10, options]) + "\n")
        process.stdin.close()

        assert process.wait(timeout=60) == 1


def test_two_campaigns_in_one_folder_are_refused(tmp_path):
    pytest.importorskip("fcntl")

    with files.alone_with(tmp_path):
        run = campaign(tmp_path, "--subject", "reference", "--only", "relu")

    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        f"python -m spec_tests.campaign: error: {tmp_path}: another process is at work on it"
    ]


def test_a_subject_that_ends_its_process_is_a_finding_and_ends_the_campaign(tmp_path):
    (tmp_path / "dies.py").write_text(DIES, encoding="utf-8")

    run = campaign(
        tmp_path / "out", "--subject", str(tmp_path / "dies.py"), "--only", "flatten:values", "--workers", "1"
    )

    assert run.returncode == 1, run.stderr
    assert "the process of the test ended with status" in run.stdout
    assert {line["outcome"] for line in lines(tmp_path / "out")} <= {"died", "passed"}


def test_a_campaign_in_which_the_subject_answered_nothing_does_not_pass(tmp_path):
    text = "import numpy as np\n\ndef relu(input):\n    raise NotImplementedError\n"
    (tmp_path / "empty.py").write_text(text, encoding="utf-8")
    options = ("--subject", str(tmp_path / "empty.py"), "--only", "relu:values", "--workers", "1")

    run = campaign(tmp_path / "out", *options)

    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("the subject answers none of what these options ask")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--subject", "nonsense"), "--subject nonsense: no subject 'nonsense'"),
        (("--only", "conv9d"), "conv9d"),
        (("--examples", "0"), "argument --examples: must be a finite number of at least 1, got 0"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path, options, message):
    run = campaign(tmp_path, *options)

    assert run.returncode == 2
    assert message in run.stderr and len(run.stderr.splitlines()) == 1
