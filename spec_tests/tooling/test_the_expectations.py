"""Expectation files: what a subject is known for is told apart from what is new, and a fix shows.

Most of these tests run pytest inside this process, on a specification of a few lines and on a relu that makes 0 of NaN.
"""

import json
import re
import shutil
from importlib import metadata
from itertools import count
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from spec_tests import subjects
from spec_tests.contract import processor
from spec_tests.contract.demonstrating import GONE, SHOWN, demonstrate, right_by_the_references
from spec_tests.contract.expectations import Deviation, Example, read
from spec_tests.report.figures import all_figures
from spec_tests.subjects.reference import Namespace
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.tooling.small_specification import PROJECT, small_specification
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.claims import deviations
from spec_tests.vocabulary.subject import NotAvailable, SubjectEnded, SubjectFailed

pytestmark = pytest.mark.tooling

WRONG = "wrong:turns_nan_into_zero"
NUMPY = metadata.version("numpy")
SHIPPED = sorted(subjects.EXPECTED.glob("*.toml"))

ENTRY = """
[[deviation]]
id = "nan-dropped"
versions = ["VERSION"]
seen = "everywhere"
seen_zh = "任何平台"
operations = ["relu"]
kind = "silent"
where = "relu of NaN"
where_zh = "NaN 的 relu"
expected = "NaN"
expected_zh = "NaN"
found = "0"
found_zh = "0"
why = "max(NaN, 0) is NaN by IEEE 754"
why_zh = "按 IEEE 754，max(NaN, 0) 为 NaN"
tests = TESTS
example = {call = "relu", arguments = {input = [nan]}, right = [nan], found = [0.0]}
"""
HEAD = """
import numpy as np
import pytest
from spec_tests.vocabulary.levels import conventions, values
"""
NAN = """
@conventions("relu")
def test_nan(subject):
    assert np.isnan(subject.relu(np.array([np.nan], "float32"))).all(), "0 and NaN differ"
"""
ONE = """
@values("relu")
def test_one(subject):
    assert subject.relu(np.ones(1, "float32")) == 1
"""
NUMBER = count()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a specification of one file on the wrong relu, with this expectation file."""
    folder = small_specification(tmp_path, monkeypatch)
    monkeypatch.setattr(subjects, "EXPECTED", tmp_path)
    shutil.copy(PROJECT / "spec_tests" / "test_expectations.py", folder)

    def run(text, entries, *options, tests=("test_nan",), version=NUMPY, place="", package="numpy"):
        file = folder / f"test_2_3_relu{next(NUMBER)}.py"
        file.write_text(HEAD + text, encoding="utf-8")
        named = json.dumps([test if "::" in test else f"{file.name}::{test}" for test in tests])
        text = f'package = "{package}"\n{entries}'.replace("TESTS", named).replace("VERSION", version)
        (tmp_path / f"{WRONG.replace(':', '_')}.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(ledger, "_entries", {})
        asked = [f"{file}::{place}"] if place else [str(folder)]
        plugin = ("-p", "spec_tests.run.plugin", "--rootdir", str(tmp_path), "--subject", WRONG)
        return pytest_in_this_process(*plugin, *options, *asked)

    return run


# What a run does with a failure


@pytest.mark.slow
def test_a_listed_test_that_fails_is_the_known_deviation_and_not_counted_as_passed(run):
    code, output = run(NAN + ONE, ENTRY)

    assert code == pytest.ExitCode.OK
    assert "known deviation nan-dropped: met by 2 tests\n" in output  # the other one is the smallest example
    assert re.search(r"relu +1 / 1 +– +– ", output)  # the level of conventions counts nothing
    assert output.rstrip().endswith("but for 1 known deviation, met by 2 tests: 2 tests passed.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "options"),
    [
        pytest.param(ENTRY, {"tests": ["test_one"]}, id="another test is listed"),
        pytest.param(ENTRY + 'failure = "overflows"', {}, id="it fails in another way"),
    ],
)
def test_a_failure_that_is_not_listed_stays_a_failure(run, entry, options):
    code, output = run(NAN + ONE, entry, **options)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "known deviation nan-dropped: met by 1 test\n" in output  # its smallest example
    assert re.search(r"::test_nan - AssertionError: 0 and NaN differ", output)


@pytest.mark.slow
def test_a_listed_failure_in_another_version_fails_and_says_where_it_is_known(run):
    code, output = run(NAN + ONE, ENTRY, version="0.1")

    assert code == pytest.ExitCode.TESTS_FAILED
    assert f"known in numpy 0.1 as nan-dropped; this is numpy {NUMPY}" in output
    assert "met by" not in output  # nor is the smallest example asked for


@pytest.mark.slow
def test_a_broken_test_is_no_known_deviation(run):
    code, output = run("@conventions('relu')\ndef test_nan(subject): {}[0]", ENTRY)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "::test_nan - KeyError: 0" in output


@pytest.mark.slow
def test_a_listed_crash_is_not_asked_for_in_the_process_of_the_run(run):
    crash = ENTRY.replace('"silent"', '"crash"').replace(", found = [0.0]", "")
    _, output = run(NAN + ONE, crash, "-rx", "-k", "test_nan or test_one")

    assert "known deviation nan-dropped: it ends the process, so only --time-limit asks for it" in output
    assert "but for 1 known deviation, met by 1 test: 1 test passed" in output


@pytest.mark.slow
def test_a_deviation_of_the_register_is_known_to_the_tests_that_a_file_lists(run):
    entry = '[[registered]]\nid = "half-conv-gradients"\ntests = TESTS\n'

    codes, outputs = zip(*(run(text + ONE, entry, package="torch") for text in (NAN, MENDED)), strict=True)

    assert codes == (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    assert "known deviation half-conv-gradients: met by 1 test\n" in outputs[0]
    assert "known deviation half-conv-gradients is gone" in outputs[1]


# What a run does when nothing fails

MENDED = NAN.replace("np.nan]", "1.0]").replace("np.isnan", "np.isfinite")
GONE_LINE = "known deviation nan-dropped is gone: the test listed for it passes; remove its entry from wrong_turns_nan"


@pytest.mark.slow
def test_a_deviation_that_no_listed_test_shows_fails_the_run_and_names_its_entry(run):
    code, output = run(MENDED + ONE, ENTRY)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert GONE_LINE in output
    assert output.rstrip().endswith("; 1 known deviation was not met, see above.")


@pytest.mark.slow
def test_on_a_processor_that_cannot_show_it_a_deviation_is_not_called_gone(run, monkeypatch):
    monkeypatch.setattr(processor, "_instructions", lambda: frozenset({"sse2", "avx2"}))
    monkeypatch.setattr(processor.platform, "machine", lambda: "x86_64")
    lacking, here = (f'machines = ["aarch64", "x86_64 avx2 {wide}"]\n' for wide in ("avx512f", "sse2"))

    entries = [ENTRY.replace("tests =", f"{machines}tests =") for machines in (lacking, here)]
    codes, outputs = zip(*(run(MENDED + ONE, entry) for entry in entries), strict=True)

    assert codes == (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    assert [GONE_LINE in output for output in outputs] == [False, True]


@pytest.mark.slow
def test_it_is_enough_that_one_of_the_listed_tests_shows_it(run):
    code, output = run(NAN + ONE, ENTRY, tests=["test_nan", "test_one"])

    assert code == pytest.ExitCode.OK
    assert "is gone" not in output


@pytest.mark.slow
def test_a_run_within_this_process_leaves_hypothesis_as_it_was(run):
    before = hypothesis.settings.get_current_profile_name(), hypothesis.core.global_force_seed

    run(ONE, "", "--hypothesis-profile", "few", "--hypothesis-seed", "7")

    assert (hypothesis.settings.get_current_profile_name(), hypothesis.core.global_force_seed) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [("-k", "test_one"), ("--only", "relu:values"), ("--hypothesis-seed", "0"), ("--maxfail", "1"), ()],
    ids=["words", "a level", "random examples", "ended early", "one named"],
)
def test_a_run_of_some_listed_tests_cannot_know_that_a_deviation_is_gone(run, options):
    early = "@values('relu')\ndef test_early(subject): assert subject.relu(np.ones(1)) == 2\n"
    text = early + MENDED + ONE if "--maxfail" in options else MENDED + ONE
    listed = ["test_nan", "test_one"]

    _, output = run(text, ENTRY, *options, tests=listed, place="" if options else "test_one")

    assert "is gone" not in output
    assert "passed" in output or "--maxfail" in options


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "options", "stops"),
    [
        ("test_none", {}, True),
        ("test_nan[relu]", {}, True),
        ("test_2_4_none.py::test_none", {}, True),
        ("test_none", {"place": "test_one"}, False),
        ("test_expectations.py::test_the_right_*", {}, False),
    ],
)
def test_a_listed_name_of_no_test_stops_a_run_that_has_read_its_file(run, test, options, stops):
    code, output = run(NAN + ONE, ENTRY, tests=["test_nan", test] if not options else [test], **options)

    assert (code == pytest.ExitCode.USAGE_ERROR) == stops
    message = (
        r"ERROR: wrong_turns_nan_into_zero\.toml: deviation 'nan-dropped': tests names '.*'; there is no such test"
    )
    assert (re.search(message, output) is not None) == stops


@pytest.mark.slow
def test_what_the_file_does_not_offer_is_not_counted_and_the_reason_is_given(run):
    entry = '[[not_offered]]\nwhat = "relu"\nreason = "it was never written"\nreason_zh = "从未实现"\n'

    code, output = run(NAN + ONE, entry)

    assert "2 tests not counted: relu is not offered: it was never written\n" in output
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED


# Its smallest example


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[nan], found", "[0.0], found", "known deviation nan-dropped is gone: remove its entry from .*zero.toml"),
        ("found = [0.0]", "found = [1.0]", r"known deviation nan-dropped has changed: relu gives \[0\.0\]"),
        ("right = [nan]", "right = [2.0]", "test_the_right_value_of_a_known_deviation_is_what_the_references_give"),
    ],
    ids=["right", "another wrong number", "the file is wrong"],
)
def test_a_smallest_example_that_does_not_show_the_deviation_fails(run, old, new, message):
    code, output = run(NAN + ONE, ENTRY.replace(old, new), "-k", "known_deviation")

    assert code == pytest.ExitCode.TESTS_FAILED
    assert re.search(message, output), output


@pytest.mark.slow
def test_a_smallest_example_is_asked_for_with_the_operations_it_is_of(run):
    asked = [run(NAN + ONE, ENTRY, "--only", operation)[1] for operation in ("relu", "tanh")]

    assert ["met by" in output for output in asked] == [True, False]


def example(kind="silent", **parts):
    """Return a deviation of which only the example matters."""
    fields = {**dict.fromkeys(Deviation.__dataclass_fields__, ""), "kind": kind}
    return Deviation(**{**fields, "example": Example(**parts)})


def answering(answer):
    """Return a subject whose relu does this."""
    return Namespace("a subject", relu=answer)


def giving(*numbers):
    """Return a function that gives these numbers, or raises an error."""

    def function(input):  # noqa: ARG001  # whatever it is
        if isinstance(numbers[0], Exception):
            raise numbers[0]
        return np.array(numbers, "float32")

    return function


TRUE_AS_AN_AXIS = {"call": "softmax", "arguments": {"input": [[0, 0]], "dim": True}}
RELU = {"call": "relu", "arguments": {"input": [-1, 2]}, "right": [0, 2]}


@pytest.mark.parametrize(
    ("kind", "parts", "answer", "found"),
    [
        ("silent", {"found": [1, 2]}, giving(1, 2), SHOWN),
        ("silent", {}, giving(7, 2), SHOWN),
        ("silent", {"found": [1, 2]}, giving(7, 2), "relu gives [7.0, 2.0]"),
        ("silent", {"found": [1, 2]}, giving(0, 2), GONE),
        ("loud", {"raises": "ValueError: no"}, giving(ValueError("no")), SHOWN),
        ("loud", {"raises": "ValueError: no"}, giving(ValueError("yes")), "ValueError: yes"),
        ("loud", {"raises": "no"}, giving(0, 2), GONE),
        ("loud", {"raises": "no"}, giving(-1, 2), "relu gives [-1.0, 2.0]"),
        ("silent", {}, giving(ValueError("no")), "ValueError: no"),
        ("crash", {}, giving(SubjectEnded("relu ended")), SHOWN),
        ("crash", {}, giving(0, 2), GONE),
        ("silent", {}, giving(SubjectEnded("relu ended")), "relu ended"),
        ("silent", {"right": {"refused": "no"}}, giving(0, 2), SHOWN),
        ("silent", {"right": {"refused": "no"}, "found": [1, 2]}, giving(0, 2), "relu gives [0.0, 2.0]"),
        ("silent", {"right": {"refused": "no"}}, giving(ValueError("no")), GONE),
        ("silent", {"right": {"refused": "no"}}, giving(SubjectFailed("no")), "SubjectFailed: no"),
        ("loud", {"right": {"refused": "no"}, "raises": "Failed"}, giving(SubjectFailed("no")), SHOWN),
        ("loud", {"right": {"refused": "no"}, "raises": "Failed"}, giving(ValueError("no")), GONE),
        ("loud", {"right": {"refused": "no"}, "raises": "Failed"}, giving(0, 2), "relu gives [0.0, 2.0]"),
    ],
)
def test_an_example_shows_a_deviation_only_by_what_the_file_says_of_it(kind, parts, answer, found):
    subject = answering(answer)

    assert demonstrate(example(kind, **{**RELU, **parts}), subject, lambda: subject) == found


@pytest.mark.parametrize(
    ("kind", "program", "parts", "found"),
    [
        ("silent", "print(2)", {"found": "2"}, SHOWN),
        ("silent", "print(1)", {"found": "2"}, GONE),
        ("silent", "print(3)", {"found": "2"}, "the program prints '3'"),
        ("loud", "raise ValueError('no')", {"raises": "^ValueError: no$"}, SHOWN),
        ("loud", "raise ValueError('yes')", {"raises": "^ValueError: no$"}, "the program prints 'ValueError: yes'"),
        ("crash", "import os; os._exit(3)", {}, SHOWN),
        ("crash", "raise ValueError('no')", {}, "the program prints 'ValueError: no'"),
    ],
)
def test_a_program_shows_a_deviation_only_by_what_the_file_says_of_it(kind, program, parts, found):
    assert demonstrate(example(kind, program=program, right="1", **parts), None, lambda: None) == found


@pytest.mark.parametrize(
    ("parts", "right"),
    [
        ({"call": "l1_loss", "arguments": {"input": [[3]], "target": [[1]], "reduction": "sum"}, "right": 2.0}, True),
        ({"call": "l1_loss", "arguments": {"input": [[3]], "target": [[1]], "reduction": "sum"}, "right": 3.0}, False),
        ({"call": "softmax", "arguments": {"input": [[0, 1, 0]], "dim": 1}, "right": [[0.25, 0.5, 0.25]]}, False),
        ({"call": "sigmoid", "arguments": {"input": [1]}, "right": [0.7310585786300049]}, True),
        ({"call": "sigmoid", "arguments": {"input": [1]}, "right": [0.731059]}, False),
        ({"call": "nll_loss", "arguments": {"input": [[-1.0, -2.0]], "target": [1]}, "right": 2.0}, True),
        ({"call": "relu", "arguments": {"input": {"shape": [1, 2], "full": 3}}, "right": [[3, 3]]}, True),
        ({"call": "relu", "arguments": {"input": {"shape": [2, 1], "count_from": -1}}, "right": [[0], [0]]}, True),
        ({"call": "max_pool1d", "arguments": {"input": [[1, 2]], "kernel_size": [2]}, "right": [[2]]}, True),
        (
            {
                "call": "linear_backward",
                "arguments": {"grad_output": [[3]], "input": [[5]], "weight": [[7]]},
                "right": [[15]],
                "result": 1,
            },
            True,
        ),
        ({**TRUE_AS_AN_AXIS, "right": {"refused": "must be a whole number, got True"}}, True),
        ({**TRUE_AS_AN_AXIS, "right": {"refused": "out of range"}}, False),
        ({**TRUE_AS_AN_AXIS, "right": [0.5, 0.5]}, False),
        ({"call": "relu", "arguments": {"input": [1]}, "right": {"refused": ""}}, False),
    ],
)
def test_what_a_file_calls_right_must_be_what_the_references_give(parts, right):
    assert right_by_the_references(Example(**parts)) == right


# The file


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('seen = "everywhere"', 'seen = "everywhere"\nsene = "x"', "has an unknown key 'sene'; did you mean 'seen'?"),
        ('id = "nan-dropped"', 'id = "a"\nid = "b"', "it cannot be read: Cannot overwrite"),
        ('why = "max', 'wh = "max', "has an unknown key 'wh'; did you mean 'why'?"),
        ('why_zh = "按 IEEE 754，max(NaN, 0) 为 NaN"\n', "", "deviation 'nan-dropped' has no why_zh"),
        ('kind = "silent"', 'kind = "quiet"', "kind is 'quiet'; it must be one of silent, loud, crash"),
        ("tests = TESTS", "tests = TESTS\nours = 1", "ours is 1; true or false was expected"),
        ("right = [nan]", 'right = {refused = "("}', "refused is '(', which is no regular expression"),
        ('["relu"]', '["relo"]', "there is no operation 'relo'; did you mean 'relu'?"),
        ('["relu"]', '"relu"', "operations is 'relu'; a list of strings was expected"),
        ("TESTS", '["test_nan"]', "tests names 'test_nan'; a file and a test were expected"),
        ('call = "relu"', 'call = "relo"', "there is no function 'relo'; did you mean 'relu'?"),
        ("input = [nan]", "inputs = [nan]", "relu has no argument 'inputs'; did you mean 'input'?"),
        ("found = [0.0]", 'raises = "x"', "example has an unknown key 'raises'"),
        ("found = [0.0]", 'dtype = "half"', "dtype is 'half'; it must be one of float32"),
        ("tests = TESTS", 'tests = TESTS\nfailure = "("', "failure is '(', which is no regular expression"),
        ("tests = TESTS", 'tests = TESTS\nissue = "#7"', "issue is '#7'; an address was expected"),
        ("tests = TESTS", "tests = TESTS\ndifference = 1", "difference is 1; true or false was expected"),
        ('package = "numpy"', "", "the file has no package"),
        (ENTRY, ENTRY + ENTRY, "deviation 'nan-dropped' is there twice"),
        (
            ENTRY,
            '[[not_offered]]\nwhat = "rleu"\nreason = "a"\nreason_zh = "b"',
            "names 'rleu', which the specification",
        ),
        (ENTRY, '[[not_offered]]\nwhat = "relu"\nreason = "a"', "not_offered 'relu' has no reason_zh"),
        (ENTRY, "[[registered]]\nid = 'half-conv'\ntests = []", "registered 'half-conv': deviations.toml has no such"),
        (ENTRY, "[[registered]]\nid = 'half-conv-gradients'", "registered 'half-conv-gradients' has no tests"),
        (ENTRY, '[not_offered]\nwhat = "relu"', "not_offered is {'what': 'relu'}; tables were expected"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_one_line(tmp_path, old, new, message):
    text = f'package = "numpy"\n{ENTRY}'
    assert old in text
    (file := tmp_path / "a.toml").write_text(text.replace(old, new).replace("TESTS", '["test_a.py::test_b"]'), "utf-8")

    with pytest.raises(NotAvailable) as refused:
        read(file, "a")

    assert message in str(refused.value)
    assert str(refused.value).startswith("a.toml: ") and "\n" not in str(refused.value)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_file_belongs_to_a_subject_and_can_be_read(file):
    name, _, variant = file.stem.partition("_")
    names = [f"{name}:{variant}" if variant else name, file.stem]

    subject = next(name for name in names if name.partition(":")[0] in subjects.names())

    known = subjects.expected(subject)
    assert known is not None and known.file == file
    assert all(re.search("[\u4e00-\u9fff]", d.why_zh + d.where_zh) for d in known.deviations if d.example)


def test_one_id_is_that_of_one_deviation_whichever_files_have_it():
    known = {deviation["id"]: "the register" for deviation in deviations()}

    for file in SHIPPED:
        for entry in read(file, "").as_register():
            assert known.setdefault(entry["id"], entry) == entry, f"{entry['id']} in {file.name}"


# The seam and the report


def test_a_subject_with_an_expectation_file_is_asked_as_a_part_and_gives_its_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(subjects, "EXPECTED", tmp_path)
    entry = '[[not_offered]]\nwhat = "relu"\nreason = "it was never written"\nreason_zh = "从未实现"\n'
    (tmp_path / "reference.toml").write_text(f'package = "numpy"\n{entry}', "utf-8")

    subject = subjects.load("reference")

    assert subject.foreign and not subject.offers("relu") and subject.offers("tanh")
    with pytest.raises(Exception, match="relu is not offered: it was never written"):
        subject.relu(np.ones(1))


@pytest.mark.slow
def test_the_report_of_a_run_has_the_subjects_deviations_and_whether_they_were_seen(run, tmp_path, monkeypatch):
    monkeypatch.setattr(all_figures, "draw", list)
    run(NAN + ONE, ENTRY, "-p", "spec_tests.report.plugin", "--report", str(tmp_path / "report"))

    data = json.loads((tmp_path / "report" / "claims.json").read_text("utf-8"))
    page = Path(tmp_path / "report" / "index.html").read_text("utf-8")
    (entry,) = [entry for entry in data["deviations"] if entry["id"] == "nan-dropped"]
    assert (entry["subject"], entry["package"], entry["why"]) == (WRONG, "numpy", "max(NaN, 0) is NaN by IEEE 754")
    assert data["runs"][0]["deviations"] == ["nan-dropped"]
    assert "max(NaN, 0) is NaN by IEEE 754" in page and "seen with numpy" in page
