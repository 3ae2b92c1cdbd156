"""The run itself: what stops it, what it counts, when it fails, and what a learner is shown of a failure.

Most of these tests run pytest inside this process, on a specification of a few lines with claims of its own.
"""

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.command import interrupted_by_signals
from spec_tests.report import interrupts
from spec_tests.run import drawing, given_files, ordering, plugin, selection, summary
from spec_tests.subjects.reference import Namespace
from spec_tests.subjects.torch import amx
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.tooling.small_specification import NUMBER, PROJECT, REGISTER, small_specification
from spec_tests.vocabulary import claims, ledger
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.problems import Problem, real_numbers, special_numbers
from spec_tests.vocabulary.results import LEFT_OUT, RESULTS

pytestmark = [pytest.mark.tooling, pytest.mark.slow]


@pytest.fixture
def specification(tmp_path, monkeypatch):
    """Return a function that runs a specification of one file, text of 2.2, with the register above."""
    folder = small_specification(tmp_path, monkeypatch)
    monkeypatch.setattr(amx, "leave_out", lambda: ())  # the same lines on every processor

    def run(text, *options):
        (folder / f"test_2_2_lines{next(NUMBER)}.py").write_text(f"import pytest\n{text}", encoding="utf-8")
        return pytest_in_this_process("-p", "spec_tests.run.plugin", "--rootdir", str(tmp_path), *options, str(folder))

    return run


# The garbage collector

NOTED = """
import gc, json, pathlib

class Node:
    __slots__ = "itself"
    alive = 0

    def __init__(self):
        self.itself = self
        Node.alive += 1

    def __del__(self):
        Node.alive -= 1

def test_it():
    most = 0
    for _ in range(100_000):
        Node()
        most = max(most, Node.alive)
    noted = {"thresholds": gc.get_threshold(), "frozen": gc.get_freeze_count(), "most": most}
    pathlib.Path("noted.json").write_text(json.dumps(noted))
"""


@pytest.fixture
def thresholds():
    """Python's own, while a test runs."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield gc.get_threshold()
    gc.set_threshold(*before)


@pytest.mark.parametrize("code", ["", "    raise ValueError\n"], ids=["passes", "fails"])
def test_a_long_run_collects_garbage_seldom_and_leaves_the_collector_as_it_was(
    specification, tmp_path, monkeypatch, thresholds, code
):
    monkeypatch.setattr(plugin, "A_LONG_RUN", 0)

    specification(NOTED + code)

    noted = json.loads((tmp_path / "noted.json").read_text(encoding="utf-8"))
    assert tuple(noted["thresholds"]) == plugin.GARBAGE > thresholds
    assert noted["frozen"] > 0
    assert noted["most"] <= plugin.GARBAGE[0] + 1000  # what cannot be reached is let go of, a little later
    assert (gc.get_threshold(), gc.get_freeze_count()) == (thresholds, 0)


def test_a_short_run_leaves_the_garbage_collector_alone(specification, tmp_path, thresholds):
    specification(NOTED)

    noted = json.loads((tmp_path / "noted.json").read_text(encoding="utf-8"))
    assert tuple(noted["thresholds"]) == thresholds


# SIGTERM

ENDED = """
import os, signal, time

def test_first(): pass

def test_second():
    worker = "PYTEST_XDIST_WORKER" in os.environ
    time.sleep(2 * worker)  # what it has sent of the first is on its way
    os.kill(os.getppid() if worker else os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("processes", [[], ["-n", "2", "--dist", "loadfile"]], ids=["one process", "two workers"])
def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path, processes):
    (tmp_path / "test_ended.py").write_text(ENDED, encoding="utf-8")
    plugins = ["-p", "spec_tests.run.plugin", "-p", "spec_tests.report.plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, f"--rootdir={tmp_path}", "test_ended.py", *processes]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = {**ours, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}

    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
    )

    assert run.returncode == pytest.ExitCode.INTERRUPTED, run.stdout + run.stderr
    assert "1 passed in" in run.stdout
    assert "KeyboardInterrupt" in run.stdout


def test_a_ctrl_c_in_an_executed_text_ends_a_run_with_the_usual_status(tmp_path):
    (tmp_path / "test_ended.py").write_text("def test(): exec('raise KeyboardInterrupt')", encoding="utf-8")
    plugins = ["-p", "spec_tests.run.plugin", "-p", "spec_tests.report.plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, f"--rootdir={tmp_path}", "test_ended.py"]

    run = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True)

    assert run.returncode == pytest.ExitCode.INTERRUPTED  # and not ended by SIGINT, without a status


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
@pytest.mark.parametrize(("status", "of_the_run"), [(0, 1), (5, 5)])
def test_a_subject_that_ends_python_ends_no_run_as_if_all_had_gone_well(tmp_path, status, of_the_run):
    subject = tmp_path / "subject.py"
    subject.write_text(f"import os\ndef linear(input, weight, bias=None): os._exit({status})\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "spec_tests/test_2_4_linear.py", "-q", "-x", "--subject", str(subject)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}

    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=PROJECT, capture_output=True, text=True, env=environment
    )

    assert ended.returncode == of_the_run
    said = rf"os\._exit\({status}\) ended Python in the midst of spec_tests/.+: this run has no result"
    assert re.fullmatch(said, ended.stdout.splitlines()[-1])


def test_a_fork_of_a_run_is_ended_by_sigterm_as_any_process():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with interrupted_by_signals():
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                with suppress(BaseException):
                    os.write(writing, b"!")
                    time.sleep(60)
                os._exit(1)
            os.close(writing)
            with open(reading, "rb") as ready:
                assert ready.read(1) == b"!"  # while it begins, a child of Python's forgets signals
            os.kill(child, signal.SIGTERM)
            assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
def test_a_fork_of_a_run_ends_with_its_own_status():
    before, undo = os._exit, []
    interrupts._say_who_ends_python(SimpleNamespace(add_cleanup=undo.append))
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    undo[0]()
    assert os._exit is before


# What stops a run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--subject", "tensorflaw"],
            "--subject tensorflaw: no subject 'tensorflaw'; there are .*reference, .*torch",
        ),
        (["--subject", "torch:v2"], "torch comes in no variant .v2.; there are channels_last, "),
        (["--subject", "torch:"], "'torch:' has nothing after the colon; expected 'torch', or a name after it"),
        (["--subject", "reference", "--device", "cuda"], "the references run on device 'cpu'"),
        (["--subject", "wrong:flips"], "no wrong implementation 'flips' of .*; one is wrong:flips_the_kernel"),
        (["--device", "warp"], "--subject torch --device warp: torch has no device 'warp' here"),
        (["--resnet50-weights", "none.pth"], "--resnet50-weights none.pth: there is no such file"),
        (
            ["--resnet50-weights", str(PROJECT / "README.md")],
            "--resnet50-weights .*README.md: is no file of weights: torch.save did not",
        ),
        (["--subject", "wrong"], "--subject wrong: which of the "),
        (["--cifar100", "nowhere"], "--cifar100 nowhere: there is no folder cifar-100-python in it"),
        (["--dtype", "float8"], "--dtype float8: torch .* computes in bfloat16, float16, float32, float64"),
    ],
)
def test_an_option_naming_something_unknown_stops_the_run_and_lists_what_exists(specification, options, message):
    code, output = specification("def test_nothing(subject): pass", *options)

    assert code == pytest.ExitCode.USAGE_ERROR
    assert re.search(f"ERROR: .*{message}", output), output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here, which is what this test wants absent")
def test_a_gpu_that_is_not_there_stops_the_run(specification):
    code, output = specification("def test_nothing(subject): pass", "--device", "cuda")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "torch has no device 'cuda' here" in output


@pytest.mark.parametrize(
    ("claimed", "message"),
    [
        ('"2.2.t", "9.9.z"', "names claims that are not in the register: 9.9.z"),
        ('"a", "b", "c", "d"', "names claims that are not in the register: a, b, c, d"),
    ],
)
def test_an_unknown_claim_stops_the_run(specification, claimed, message):
    code, output = specification(f"@pytest.mark.claim({claimed})\ndef test_something(): pass")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert message in output


def test_four_claims_on_one_test_stop_the_run(specification, monkeypatch):
    monkeypatch.setitem(REGISTER, "2.3.v", REGISTER["2.2.t"])

    code, output = specification('@pytest.mark.claim("2.2.t", "2.2.f", "2.3.u", "2.3.v")\ndef test_everything(): pass')

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "test_everything carries 4 claims; a test may carry at most 3" in output


# When a run fails

BOTH = """
@pytest.mark.claim("2.2.t")
def test_the_true_claim(): pass
@pytest.mark.claim("2.2.f")
def test_the_false_claim(): pass
"""
ONE = '@pytest.mark.claim("2.2.t")\ndef test_the_true_claim(): pass\n'


def test_a_full_run_that_executes_every_checkable_claim_passes(specification):
    code, output = specification(BOTH)

    assert code == pytest.ExitCode.OK
    assert "was not run" not in output
    assert "claim 2.3.u is uncheckable: Who could tell?" in output


@pytest.mark.parametrize(
    "other",
    ["", '@pytest.mark.skip\n@pytest.mark.claim("2.2.f")\ndef test_the_false_claim(): pass\n'],
    ids=["missing", "skipped"],
)
def test_a_full_run_fails_if_a_claim_was_not_executed(specification, other):
    code, output = specification(ONE + other)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "claim 2.2.f was not run, although a full run must check it: A false claim." in output


@pytest.mark.parametrize(
    "selection", [["-k", "claim"], ["-m", "not compares_with_reference"], ["--subject", "reference"]]
)
def test_a_partial_run_passes_without_executing_every_claim(specification, selection):
    code, output = specification(ONE, *selection)

    assert code == pytest.ExitCode.OK
    assert "was not run" not in output


def test_one_failed_test_outweighs_the_passed_ones_of_its_claim(specification):
    code, output = specification(f'{BOTH}\n@pytest.mark.claim("2.2.f")\ndef test_the_false_claim_again(): assert 0')

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "claim 2.2.f failed: A false claim." in output


PLACE = selection.ROOT
FULL = {"subject": "torch", "spec_device": "cpu", "spec_dtype": ""}


@pytest.mark.parametrize(
    ("arguments", "options", "full"),
    [
        ([PLACE], {}, True),
        ([PLACE.parent], {}, True),
        ([PLACE / "test_the_run.py"], {}, False),
        ([PLACE, PLACE.parent / "another_folder"], {}, True),
        ([PLACE.parent / "another_folder"], {}, False),
        ([PLACE.name], {"pyargs": True}, True),
        ([PLACE.name], {"pyargs": False}, False),
        ([PLACE], {"keyword": "conv"}, False),
        ([PLACE], {"only": ["relu"]}, False),
        ([PLACE], {"markexpr": "not compares_with_reference"}, False),
        ([PLACE], {"deselect": ["a test"]}, False),
        ([PLACE], {"lf": True}, False),
        ([PLACE], {"collectonly": True}, False),
        ([PLACE], {"numprocesses": 2}, True),
        ([PLACE], {"subject": "reference"}, False),
        ([PLACE], {"spec_device": "cuda"}, False),
        ([PLACE], {"spec_dtype": "float32"}, False),
    ],
)
def test_a_run_is_full_if_everything_was_asked_for_of_the_default_subject(arguments, options, full):
    config = SimpleNamespace(
        args=list(map(str, arguments)),
        invocation_params=SimpleNamespace(dir=PLACE),
        option=SimpleNamespace(**FULL | options),
    )

    assert selection.is_full_run(config) is full


# Random numbers of torch's

DRAWING = """
import torch
def test_seeds(): torch.manual_seed(0)
def test_draws(): print("drawn", torch.rand(()).item())
def test_draws_too(): print("drawn too", torch.rand(()).item())
"""


def test_what_a_test_draws_from_torch_is_the_same_whatever_ran_before_it(specification):
    state = torch.get_rng_state()

    _, whole = specification(DRAWING)
    _, alone = specification(DRAWING, "-k", "draws_too")
    _, seeded = specification(DRAWING, "-k", "draws_too", "--hypothesis-seed", "1")

    (one,), (other,) = (re.findall(rf"drawn{name} ([\d.e-]+)\n", whole) for name in ("", " too"))
    assert one != other
    assert f"drawn too {other}\n" in alone
    assert f"drawn too {other}\n" not in seeded
    assert torch.equal(torch.get_rng_state(), state)


# What is left out, and what is counted


def test_a_subject_is_asked_only_what_it_can_answer(specification):
    text = """
@pytest.mark.torch_api
def test_names_torch(): pass
@pytest.mark.compares_with_reference
def test_compares(): pass
@pytest.mark.tooling
def test_itself(): pass
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_law(subject, dtype): pass
"""
    code, output = specification(text, "--subject", "reference")

    assert code == pytest.ExitCode.OK
    assert "1 passed, 4 deselected" in output
    for reason in ("torch_api", "compares_with_reference", "tooling", "format"):
        assert f"1 test left out: {LEFT_OUT[reason].en.format(dtype='float16')}\n" in output


def test_what_needs_trained_weights_runs_once_their_file_is_given(specification, tmp_path):
    text, file = "def test_weights(resnet50_weights): print('from', resnet50_weights.name)", tmp_path / "weights.pth"
    torch.save(dict.fromkeys(given_files.NEEDED, 0), file)

    _, without = specification(f"{ONE}{text}")
    _, output = specification(text, "--resnet50-weights", str(file))

    assert f"1 test left out: {LEFT_OUT['weights'].en}\n" in without
    assert "from weights.pth" in output


def test_a_run_restricted_to_some_number_formats_leaves_out_the_others(specification):
    text = '@pytest.mark.parametrize("dtype", ["float32", "float64"])\ndef test_law(subject, dtype): pass'
    _, output = specification(text, "--dtype", "float64")

    assert "1 passed, 1 deselected" in output


def test_worked_numbers_are_proven_by_the_references_and_by_the_subject(specification):
    _, output = specification("def test_number(implementation): print('by', implementation.name.split()[0])", "-v")

    assert sorted(re.findall(r"by (\w+)\n", output)) == ["reference", "torch"]


def test_rungs_come_first_then_the_worked_numbers_of_the_subject_then_the_rest():
    rung, other = (SimpleNamespace(path=Path(name)) for name in ("test_rungs.py", "test_1_3_color.py"))
    worked, by_references = (
        SimpleNamespace(path=other.path, callspec=SimpleNamespace(params={"implementation": by}))
        for by in (ordering.SUBJECT, ordering.REFERENCES)
    )

    assert ordering.in_order([by_references, other, worked, rung]) == [rung, worked, by_references, other]


def test_a_run_begins_with_the_rungs_and_not_with_the_first_file(tmp_path, monkeypatch):
    folder, number = small_specification(tmp_path, monkeypatch), next(NUMBER)
    early, late = f"test_1_early{number}", f"test_2_late{number}"
    for name in (early, late):
        (folder / f"{name}.py").write_text("def test_it(): pass\n", encoding="utf-8")
    monkeypatch.setattr(ordering, "RUNGS", f"{late}.py")

    _, output = pytest_in_this_process("-p", "spec_tests.run.plugin", "--rootdir", str(tmp_path), "-v", str(folder))

    assert re.findall(r"(test_\w+)\.py::test_it ", output) == [late, early]


def test_the_summary_counts_claims_and_the_examples_that_a_property_was_given(specification):
    text = f"""{BOTH}
from hypothesis import given, settings, strategies as st
@settings(max_examples=7, database=None)
@given(number=st.integers())
def test_a_property(number): pass
"""
    _, output = specification(text)

    table = rows(output)
    assert table["section"] == " ".join(["claims", *RESULTS, "examples"]).split()
    assert table["2.2 Max pooling"] == ["2", "1", "0", "1", "0", "0", "0", "0", str(1 + 1 + 7)]
    assert table["together"] == ["3", "1", "0", "1", "0", "0", "0", "1", str(1 + 1 + 7)]


def rows(output):
    """Return the rows of the summary's table."""
    return {line[:30].strip(): line[30:].split() for line in output.splitlines()}


WANTING = claims.Claim("2.2.d", "2.2", "number", "true", en="A count.", zh="", reason_en="Bring data.", needs="data")
COUNTED = '@pytest.mark.claim("2.2.d")\ndef test_the_count(): pass\n'


@pytest.mark.parametrize(("other", "not_run"), [("", "1"), (COUNTED, "0")])
def test_a_claim_that_needs_something_is_not_run_unless_a_test_of_it_was(specification, monkeypatch, other, not_run):
    monkeypatch.setitem(REGISTER, "2.2.d", WANTING)

    _, output = specification(BOTH + other)

    assert rows(output)["2.2 Max pooling"][6] == not_run
    assert ("claim 2.2.d was not run: Bring data." in output) is (not_run == "1")


def test_a_run_of_one_test_prints_only_the_rows_and_columns_that_it_filled(specification):
    _, output = specification(f"{ONE}def test_another(): pass", "-k", "true_claim")

    printed = output.partition("= specification =")[2].splitlines()[1:]
    assert [line.split() for line in printed if line][1:-2] == [
        ["section", "confirmed", "examples"],
        ["2.2", "Max", "pooling", "1", "1"],
    ]


def test_the_summary_names_the_largest_error_of_every_format():
    near = ledger.Nearest
    entries = [
        ledger.Entry("a.py::test_near", "2.1", worst={"float32": near(0.25), "float64": near(0.0)}, outcome="passed"),
        ledger.Entry("a.py::test_nearer[float32]", "2.1", worst={"float32": near(0.5)}, outcome="passed"),
    ]

    text = summary.lines(entries, summary.Run("a subject"))

    assert "  float32   0.500  test_nearer[float32]" in text
    assert not any("float64" in line for line in text)


def test_no_line_of_the_summary_is_longer_than_the_page():
    entries = [ledger.Entry("a.py::test", "2.1", claims=tuple(claims.register()), outcome="failed")]

    text = summary.lines(entries, summary.Run("a subject", whole=True, full=True, left_out=Counter({"a reason": 2})))

    assert max(map(len, text)) <= summary.PAGE


# The last line

GOOD, BAD, ERROR = ("def test_good(): pass\n", "def test_bad(): assert 0\n", "def test_no(no_fixture): pass\n")
SKIPPED, SLOW = ("@pytest.mark.skip\ndef test_skipped(): pass\n", "@pytest.mark.slow\ndef test_slow(): pass\n")
TOOLS = "@pytest.mark.tooling\ndef test_tools(): {}\n"
BOTH_KEPT = "torch {version} on cpu kept the specification: 2 tests passed"


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (BOTH, [], f"{BOTH_KEPT}."),
        (BOTH + SKIPPED + SLOW, [], f"{BOTH_KEPT}; 1 skipped and 1 left out for the reasons above."),
        (BOTH + TOOLS.format("assert 0"), [], f"{BOTH_KEPT}; 1 test of the project's own tools failed, the first .*."),
        (GOOD, ["-k", "good"], "torch .* kept the specification as far as it was run: 1 test passed."),
        (GOOD, ["--subject=reference"], r"reference \(.*\) kept .* as far as it applies to it: 1 test passed."),
        (
            BAD,
            [],
            "torch .* broke the specification in the only test that ran: .*::test_bad, shown above; 2 claims .*.",
        ),
        (BAD, ["--tb=no", "-k", "bad"], "torch .* broke the specification in the only test that ran: .*::test_bad."),
        (f"{GOOD}{BAD}def test_c(): assert 0", ["-k", "test"], ".* in 2 of 3 tests; the first is .*::test_bad, .*."),
        (BAD + GOOD, ["-x", "-k", "o or a"], ".*::test_bad, shown above; 1 test was not reached."),
        (GOOD + ERROR, ["-k", "test"], "It is undecided whether torch .*: 1 test ended in an error, the first .*_no."),
        (GOOD, [], "It is undecided whether torch .* keeps the specification: 2 claims were not run."),
        ("an error of syntax", [], r"It is undecided whether torch .*: \S+/test_2_2_lines\d+.py could not be read."),
        (GOOD, ["-k", "nothing"], "No test of the specification was run."),
        (SLOW, ["-k", "slow"], "No test of the specification was run; 1 left out for the reasons above."),
        (TOOLS.format("pass"), ["-k", "tools"], "No test .* was run; 1 test of the project's own tools passed."),
    ],
)
def test_the_last_line_says_whether_the_subject_kept_the_specification(specification, text, options, sentence):
    _, output = specification(text, *options)

    assert re.fullmatch(sentence.replace("{version}", re.escape(torch.__version__)), output.splitlines()[-1]), output


def test_the_last_line_points_to_the_smallest_case_of_the_first_failure(failure):
    line = failure.splitlines()[-1]

    assert re.fullmatch(r"the references, but .* broke .*: spec_tests/\S+, whose smallest case is drawn above\.", line)


def test_the_last_line_counts_failures_outside_the_specification(specification, tmp_path):
    (tmp_path / "test_elsewhere.py").write_text("def test_it(): assert 0")

    _, output = specification(BOTH, str(tmp_path))

    assert output.splitlines()[-1].endswith("2 tests passed; 1 test outside the specification failed.")


MEETING = """
from spec_tests.vocabulary.deviations import allowing
def test_it(subject):
    with allowing(subject, {id!r}):
        assert {holds}, "one and another\\ndiffer"
"""


def test_a_known_deviation_that_a_test_meets_is_named_and_counted_and_fails_nothing(specification):
    code, output = specification(BOTH + MEETING.format(id="half-conv-gradients", holds=False))

    assert code == pytest.ExitCode.OK
    assert "known deviation half-conv-gradients: met by 1 test\n" in output
    assert re.search(r"kept the specification but for 1 known deviation, met by 1 test: 2 tests passed\.$", output)


@pytest.mark.parametrize(
    ("id", "holds", "code", "last"),
    [
        ("half-conv-gradients", True, pytest.ExitCode.OK, "kept the specification: 3 tests passed."),
        ("unknown", False, pytest.ExitCode.TESTS_FAILED, "broke the specification in 1 of 3 tests: .*, shown above."),
    ],
)
def test_a_deviation_that_is_absent_or_not_known_makes_no_difference(specification, id, holds, code, last):
    returned, output = specification(BOTH + MEETING.format(id=id, holds=holds))

    assert returned == code
    assert "known deviation" not in output
    assert re.search(rf"{last}$", output)


def test_a_run_that_only_lists_tests_has_no_last_line_of_its_own(specification):
    _, output = specification(BOTH, "--collect-only")

    assert "specification" not in output.splitlines()[-1]


# What a learner is shown of a failure


@pytest.fixture(scope="module")
def failure():
    """Return what a run prints when the kernel is flipped, run once for this file."""
    test = PROJECT / "spec_tests/test_2_1_convolution.py::test_an_impulse_returns_the_flipped_kernel"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "_entries", {})
        patch.setattr(ledger, "_current", None)
        patch.chdir(PROJECT)
        code, output = pytest_in_this_process(f"{test}[conv2d-float32]", "--subject", "wrong:flips_the_kernel")
    assert code == pytest.ExitCode.TESTS_FAILED
    return output


def test_a_failure_is_shown_as_the_smallest_case_drawn_as_grids(failure):
    drawn = failure.partition("the smallest case")[2]

    assert re.search(r"\nconv2d\(.*\)\n", drawn)
    assert re.search(r"weight, shape \(1, 1, \d, \d\)\n  \[0, 0\]\n( +-?\d)+\n", drawn)


def test_the_program_shown_with_a_failure_fails_in_the_same_way(failure):
    text = failure.partition("\nimport numpy as np\n")[2].partition("\n)\n")[0]
    program = f"import numpy as np\n{text}\n)\n"

    child = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True)

    assert (
        re.search(r"^E +(AssertionError: .* elements? differs?.*)$", failure, re.MULTILINE)[1]
        == child.stderr.splitlines()[-1]
    )


DRAWN = st.one_of(
    OPERATIONS["conv2d"].problems(real_numbers),
    OPERATIONS["max_pool2d"].problems(special_numbers),
    OPERATIONS["cross_entropy"].problems(),
)


@given(problem=DRAWN)
def test_a_problem_written_as_code_is_the_same_problem(problem):
    again = eval(drawing.literal(problem), {"np": np, "nan": np.nan, "inf": np.inf, "Problem": type(problem)})

    assert (again.operation, again.options) == (problem.operation, problem.options)
    for name, value in {**problem.arrays, "grad_output": problem.grad_output}.items():
        written = again.grad_output if name == "grad_output" else again.arrays[name]
        np.testing.assert_array_equal(written, value, strict=True)


def negated_relu(input):
    """Be wrong, and in its gradient refuse."""
    return -np.maximum(input, 0)


def no_gradient(grad_output, input):
    """Refuse."""
    raise NotImplementedError("no gradient yet")


def drawn(**replaced):
    """Return the drawing of a relu of three numbers by the references with some functions replaced."""
    problem = Problem("relu", {"input": np.array([-1.0, 0.5, 12.0])}, {}, np.array([1.0, 2.0, 3.0]))
    arguments = {"subject": Namespace("a subject", **replaced), "dtype": "float32", "problem": problem}
    item = SimpleNamespace(module=sys.modules[__name__], originalname="test_relu")
    return drawing.case_of(item, arguments, SimpleNamespace(subject="reference", spec_device="cpu")).text()


def test_where_the_subject_disagrees_both_answers_are_drawn():
    text = drawn(relu=negated_relu, relu_backward=no_gradient)

    assert "output from the subject, shape (3,)\n    -0  -0.5   -12\n" in text
    assert "output from the references, shape (3,)\n    0  0.5   12\n" in text
    assert "grad_input from the subject = NotImplementedError: no gradient yet\n" in text
    assert "grad_input from the references, shape (3,)\n  0  2  3\n" in text


def test_where_the_answers_agree_the_drawing_says_so():
    assert "With these arguments the subject and the references agree" in drawn()


def test_an_array_of_hundreds_of_numbers_is_not_drawn():
    assert drawing.grid("input", np.zeros((20, 21))) == "input, shape (20, 21), too large to draw"
