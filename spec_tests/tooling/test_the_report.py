"""The report of `--report DIR`: what is recorded of a run, and what can be done with the reports of several runs.

Most of these tests run pytest inside this process, on a specification of a few lines with claims of its own.
"""

import copy
import json
import re
import shutil
import subprocess
import sys
import tempfile
from functools import reduce
from importlib import import_module, metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from spec_tests import subjects
from spec_tests.report import __main__ as command
from spec_tests.report import (
    benchmark_part,
    comparing,
    failures,
    files,
    json_files,
    merging,
    page,
    reading,
    record,
    surroundings,
    writing,
)
from spec_tests.report.figures import all_figures
from spec_tests.run import given_files, plugin, selection
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.tooling.small_specification import NUMBER, PROJECT, small_specification
from spec_tests.vocabulary import claims, ledger
from spec_tests.vocabulary.results import LEFT_OUT

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')
pytest.importorskip("jsonschema", reason='the report needs jsonschema: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

WORKED = PROJECT / "spec_tests/test_2_1_2_worked_convolution.py"
PLUGINS = ("-p", "spec_tests.run.plugin", "-p", "spec_tests.report.plugin")
BACKWARDS = "test_an_impulse_returns_the_flipped_kernel"


def report_of(folder, *options):
    """Run part of the specification with a report, but without the figures, which are always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "_entries", {})
        patch.setattr(ledger, "_current", None)
        patch.setattr(all_figures, "draw", list)
        patch.chdir(PROJECT)
        code, output = pytest_in_this_process("--report", str(folder), *map(str, options))
    return SimpleNamespace(code=code, output=output, folder=folder, file=folder / writing.DATA)


@pytest.fixture(scope="module")
def of_torch(tmp_path_factory):
    """The report of a run that proves the claims of section 2.1.2, run once for this file."""
    return report_of(tmp_path_factory.mktemp("of torch"), WORKED)


@pytest.fixture(scope="module")
def of_references(tmp_path_factory):
    """The same for the references."""
    return report_of(tmp_path_factory.mktemp("of references"), WORKED, "--subject", "reference")


@pytest.fixture(scope="module")
def of_flipped(tmp_path_factory):
    """The report of a failing run, in which the kernel is flipped."""
    test = f"{PROJECT / 'spec_tests/test_2_1_convolution.py'}::{BACKWARDS}"
    return report_of(tmp_path_factory.mktemp("of flipped"), test, "--subject", "wrong:flips_the_kernel")


@pytest.fixture
def data(of_torch):
    """The data of the run that proves section 2.1.2, which a test may change."""
    return reading.read(of_torch.file)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a function that runs lines of section 2.2 with the claims of `test_the_run.py`, and reports on them."""
    folder = small_specification(tmp_path, monkeypatch)
    monkeypatch.setattr(all_figures, "draw", list)

    def run(text, *options):
        (folder / f"test_2_2_line{next(NUMBER)}.py").write_text(f"import pytest\n{text}", encoding="utf-8")
        arguments = [
            *PLUGINS,
            f"--rootdir={tmp_path}",
            f"--report={tmp_path / 'report'}",
            *options,
        ]
        code, output = pytest_in_this_process(*arguments, str(folder))
        file = tmp_path / "report" / writing.DATA
        return SimpleNamespace(code=code, output=output, file=file, data=reading.read(file) if file.exists() else None)

    return run


def result(data, claim, run=0):
    """Return a run's result of a claim."""
    (found,) = [entry["results"][run] for entry in data["claims"] if entry["id"] == claim]
    return found


# What is recorded


def test_a_run_leaves_a_page_and_valid_data_and_says_where_they_are(of_torch):
    data, shown = reading.read(of_torch.file), (of_torch.folder / writing.PAGE).read_text(encoding="utf-8")

    assert of_torch.code == pytest.ExitCode.OK
    assert f"the report of this run: {of_torch.folder / writing.PAGE}, and as data {of_torch.file}" in of_torch.output
    assert sorted(path.name for path in of_torch.folder.iterdir()) == [writing.DATA, writing.PAGE]
    assert data["runs"][0]["name"] in shown


def test_the_data_hold_every_claim_of_the_register_in_order(data):
    registered = [(claim.id, claim.verdict, claim.en, claim.zh) for claim in claims.register().values()]

    assert [(claim["id"], claim["verdict"], claim["en"], claim["zh"]) for claim in data["claims"]] == registered


@pytest.mark.parametrize(
    ("claim", "found"),
    [("2.1.2.a", "confirmed"), ("2.1.2.h", "corrected"), ("2.2.a", "not run"), ("2.2.w", "uncheckable")],
)
def test_a_claim_has_the_result_that_its_verdict_and_its_tests_give_it(data, claim, found):
    assert result(data, claim)["result"] == found


def test_an_erratum_is_recorded_with_both_of_its_proofs(data):
    proofs = {test.rpartition("[")[2].partition("-")[0] for test in result(data, "2.1.2.h")["tests"]}

    assert proofs == {"by the references", "by the subject"}


def test_the_run_itself_is_recorded(data):
    (run,) = data["runs"]

    assert (run["subject"], run["device"], run["full"]) == ("torch", "cpu", False)
    assert run["scope"] == {"whole": False, "arguments": [WORKED.relative_to(PROJECT).as_posix()]}
    assert f"torch {run['versions']['torch']} " in run["name"]
    assert run["dtypes"] == ["float32", "float64", "float16", "bfloat16"]
    assert run["versions"].keys() == {"python", "numpy", "torch", "torchvision", "hypothesis", "pytest"}
    assert run["outcomes"] == {"passed": run["sections"]["2.1.2"]["tests"], "failed": 0, "error": 0, "skipped": 0}
    assert run["examples"] == run["sections"]["2.1.2"]["examples"] >= run["outcomes"]["passed"]


def test_a_run_records_only_the_formats_its_subject_computes_in(of_references):
    (run,) = reading.read(of_references.file)["runs"]

    assert run["dtypes"] == ["float32", "float64"]


def test_a_test_is_recorded_with_its_place_and_its_source_decorators_included(data):
    (test,) = [test for test in data["tests"] if test["claims"] == ["2.1.2.a", "2.1.2.d"]]
    lines = (PROJECT / test["file"]).read_text(encoding="utf-8").splitlines()

    assert test["source"].splitlines()[:2] == lines[test["line"] - 1 : test["line"] + 1]
    assert test["source"].startswith('@pytest.mark.claim("2.1.2.a", "2.1.2.d")\n@values("conv2d")\n@as_printed_')
    assert test["results"] == [{"outcome": "passed", "cases": 4, "examples": 4, "failures": []}]


def test_a_failure_is_recorded_with_the_drawing_of_the_smallest_case(of_flipped):
    data = reading.read(of_flipped.file)
    (test,) = data["tests"]
    (failure,) = test["results"][0]["failures"]

    assert of_flipped.code == pytest.ExitCode.TESTS_FAILED
    assert result(data, "2.1.2.j")["result"] == test["results"][0]["outcome"] == "failed"
    assert failure["case"] == "conv2d-float32"
    assert re.search(r"E +AssertionError: .* differs?\b.*\n(.*\n)+-+ the smallest case -+\nconv2d\(\)", failure["text"])


def test_a_property_is_recorded_with_the_source_as_written(of_flipped):
    (test,) = reading.read(of_flipped.file)["tests"]

    assert test["source"].startswith('@pytest.mark.claim("2.1.2.j")\n@values(*CONVOLUTIONS)\n@for_all(')
    assert f"def {BACKWARDS}(subject, problem):\n" in test["source"]


@pytest.mark.parametrize("name", ["of_torch", "of_flipped"])
def test_the_data_name_no_folder_of_this_machine(request, name):
    text = request.getfixturevalue(name).file.read_text(encoding="utf-8")

    for folder in (PROJECT, Path(tempfile.gettempdir()), Path.home(), Path(sys.prefix)):
        assert str(folder) not in text


@pytest.mark.parametrize(
    ("printed", "recorded"),
    [
        ("{project}/spec_tests/vocabulary/exact.py:3: in f", "spec_tests/vocabulary/exact.py:3: in f"),
        ("in {project}.", "in {project}."),
        ("of {project}: none", "of .: none"),
        ("{project}-2/a.py", "{project}-2/a.py"),
        ("<{purelib}/torch/nn.py>", "<<site-packages>/torch/nn.py>"),
        ("file://{tmp}/a/b", "file://<tmp>/a/b"),
        ("../..{tmp}/a", "<tmp>/a"),
        ("src{tmp}/a", "src{tmp}/a"),
        ("x[..., 0], ../a, (..)", "x[..., 0], ../a, (..)"),
    ],
)
def test_a_folder_of_this_machine_is_replaced_wherever_it_is_named(printed, recorded, monkeypatch):
    monkeypatch.setattr(failures.tempfile, "gettempdir", lambda: "/scratch")
    monkeypatch.setattr(failures.sysconfig, "get_path", lambda name: f"/opt/python/{name}")
    monkeypatch.setattr(selection, "ROOT", Path("/home/project/spec_tests"))
    config = SimpleNamespace(
        rootpath=Path("/home/project"), invocation_params=SimpleNamespace(dir=Path("/home/project"))
    )
    names = {"project": "/home/project", "tmp": "/scratch", "purelib": "/opt/python/purelib"}

    assert failures.scrubbed(printed.format(**names), config) == recorded.format(**names)


def test_the_references_are_printed_by_a_name_that_is_the_same_in_every_run():
    assert repr(subjects.load("reference")) == subjects.load("reference").name


TRUE = '@pytest.mark.claim("2.2.t")\n'
FALSE = '@pytest.mark.claim("2.2.f")\n'
FIXTURE = "@pytest.fixture\ndef late():"


@pytest.mark.parametrize(
    ("text", "found", "outcome"),
    [
        ("def test_it(): pass", "confirmed", "passed"),
        ("def test_it(): assert 0", "failed", "failed"),
        ("def test_it(): pytest.skip('no')", "not run", "skipped"),
        ("@pytest.mark.skip\ndef test_it(): pass", "not run", "skipped"),
        ("@pytest.mark.slow\ndef test_it(): pass", "not run", "not run"),
        ("def test_it(no_such_fixture): pass", "failed", "error"),
        ("@pytest.mark.parametrize('n', [0, 1])\ndef test_it(n): assert n", "failed", "failed"),
        (f"def test_it(late): pass\n{FIXTURE} 1 / 0; yield", "failed", "error"),
        (f"def test_it(late): pass\n{FIXTURE} yield; 1 / 0", "failed", "error"),
    ],
)
def test_one_failure_anywhere_in_a_test_outweighs_all_else(small, text, found, outcome):
    data = small(f"{TRUE}{text}").data
    (test,) = data["tests"]

    assert (result(data, "2.2.t")["result"], test["results"][0]["outcome"]) == (found, outcome)
    assert bool(test["results"][0]["failures"]) is (found == "failed")


def test_cases_of_one_function_are_recorded_together_and_only_failures_one_by_one(small):
    (test,) = small(f"{FALSE}@pytest.mark.parametrize('n', [3, 4])\ndef test_it(n): assert n == 3").data["tests"]

    assert test["test"] == f"{test['file']}::test_it"
    assert [(r["cases"], [f["case"] for f in r["failures"]]) for r in test["results"]] == [(2, ["4"])]


def test_a_function_without_claims_is_recorded_only_if_it_failed(small):
    data = small("def test_good(): pass\ndef test_bad(): assert 0").data

    assert [(test["test"].rpartition("::")[2], test["claims"]) for test in data["tests"]] == [("test_bad", [])]
    assert data["runs"][0]["outcomes"] == {"passed": 1, "failed": 1, "error": 0, "skipped": 0}


def test_the_nearest_comparison_is_recorded_with_its_error_and_bound(small):
    data = small(
        f"""
import numpy as np
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_within
{TRUE}
@pytest.mark.parametrize("off", [0.5, 2.0, 1.0])
def test_it(off): assert_within(np.full(2, off), Approximation(np.zeros(2), np.array([4.0, 8.0])), "float64")
"""
    ).data

    assert result(data, "2.2.t")["worst"] == {"float64": {"share": 0.5, "error": 2.0, "bound": 4.0}}
    assert result(data, "2.2.t")["comparisons"] == data["runs"][0]["comparisons"] == 3


def test_examples_are_counted_and_options_recorded_without_file_names(small, tmp_path):
    text = f"from hypothesis import given, settings, strategies as st\n{TRUE}@settings(max_examples=7, database=None)\n"
    torch.save(dict.fromkeys(given_files.NEEDED, 0), tmp_path / "weights.pth")
    options = ("--slow", "-k", "it", "--resnet50-weights", str(tmp_path / "weights.pth"))
    (run,) = small(f"{text}@given(st.integers())\ndef test_it(n): pass", *options).data["runs"]

    assert run["examples"] == run["sections"]["2.2"]["examples"] == 7
    assert run["options"] == ["--slow", "--resnet50-weights", "-k it"]


def test_a_claim_counts_the_examples_of_its_tests_and_a_section_those_of_its_own(small):
    data = small(f"{TRUE}def test_a(): pass\n{TRUE}def test_b(): pass\ndef test_c(): pass").data

    assert (result(data, "2.2.t")["examples"], data["runs"][0]["sections"]["2.2"]["examples"]) == (2, 3)


def test_a_section_counts_the_tests_that_ran_and_how_many_of_them_failed(small):
    body = "def test_a(): assert 0\ndef test_b(): assert 0\ndef test_c(): pass\ndef test_d(): pytest.skip('no')"

    sections = small(body).data["runs"][0]["sections"]

    assert sections == {"2.2": {"tests": 3, "failed": 2, "examples": 3}}


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        ([], True),
        (["--subject", "reference"], True),
        (["--slow"], True),
        (["--maxfail=2"], True),
        (["-x"], False),
        (["-k", "test_a"], False),
        (["--dtype", "float64"], False),
    ],
)
def test_a_run_is_whole_if_everything_was_requested_and_nothing_was_cut_short(small, options, whole):
    data = small("def test_a(): assert 0\ndef test_b(): pass\ndef test_c(): assert 0", *options).data

    assert data["runs"][0]["scope"]["whole"] is whole


def test_a_run_in_which_a_file_could_not_be_read_is_not_whole(small, tmp_path):
    (tmp_path / "spec_tests/test_2_2_broken.py").write_text("an error of syntax")

    data = small(PASSES, "--continue-on-collection-errors").data

    assert data["runs"][0]["scope"] == {"whole": False, "arguments": ["spec_tests"]}


@pytest.mark.parametrize(
    ("argument", "recorded"),
    [
        (".", "spec_tests"),
        ("..", "."),
        ("test_a.py::test_it[a/b-1]", "spec_tests/test_a.py::test_it[a/b-1]"),
        ("/elsewhere/test_b.py::test_it", "test_b.py::test_it"),
    ],
)
def test_the_requested_tests_are_recorded_without_folders_of_this_machine(monkeypatch, argument, recorded):
    monkeypatch.setattr(selection, "ROOT", Path("/home/project/spec_tests"))

    assert record.asked_place(argument, selection.ROOT) == recorded


def test_tests_left_out_are_counted_by_reason(small):
    (run,) = small(f"{TRUE}@pytest.mark.slow\ndef test_long(): pass\ndef test_short(): pass").data["runs"]

    assert run["left_out"] == [{"reason": LEFT_OUT["slow"].en, "tests": 1}]


@pytest.mark.parametrize(
    ("bodies", "seen"),
    [
        (["pass", "pytest.skip('no')"], ["half-conv-gradients"]),
        (["pass", "assert 0"], []),
        (["assert 0"], []),
        (["pytest.skip('no')"], []),
    ],
)
def test_a_known_deviation_was_seen_if_all_tests_that_demonstrate_it_passed(small, monkeypatch, bodies, seen):
    monkeypatch.setattr(plugin, "_deviation_never_seen_here", {}.get)
    tests = (f"@pytest.mark.deviation('half-conv-gradients')\ndef test_{i}(): {b}" for i, b in enumerate(bodies))

    data = small("\n".join(tests)).data

    assert data["runs"][0]["deviations"] == seen
    assert data["deviations"] == claims.deviations()


@pytest.mark.parametrize("name", ["where", "expected", "found", "consequence", "seen"])
@pytest.mark.parametrize("deviation", claims.deviations(), ids=lambda deviation: deviation["id"])
def test_a_known_deviation_is_described_in_english_and_in_chinese(deviation, name):
    assert deviation[name].strip()
    assert deviation[f"{name}_zh"].strip()


# When a report is written

PASSES = f"{TRUE}def test_it(): pass"


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (PASSES, ["--collect-only"], pytest.ExitCode.OK),
        ("an error of syntax", [], pytest.ExitCode.INTERRUPTED),
    ],
)
def test_a_run_that_only_lists_tests_or_cannot_read_them_leaves_no_report(small, text, options, code):
    run = small(text, *options)

    assert (run.code, run.data) == (code, None)
    assert "report of this run" not in run.output


def test_an_interrupted_run_leaves_the_report_of_the_tests_that_ran(small):
    run = small(f"{PASSES}\ndef test_break(): raise KeyboardInterrupt")

    assert run.code == pytest.ExitCode.INTERRUPTED
    assert (run.data["runs"][0]["outcomes"]["passed"], run.data["runs"][0]["scope"]["whole"]) == (1, False)
    assert "the report of this run: " in run.output


def test_a_second_ctrl_c_while_the_report_is_written_leaves_the_one_before(small, monkeypatch):
    first = small(PASSES)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "rendered", interrupted)
    second = small(f"{PASSES}\ndef test_break(): raise KeyboardInterrupt")

    assert second.code == pytest.ExitCode.INTERRUPTED
    assert "interrupted: the report of the tests that ran is being written; Ctrl-C again leaves it out" in second.output
    assert f"no report of this run: the one in {second.file.parent} is that of an earlier one" in second.output
    assert second.data == first.data


def test_the_workers_of_a_parallel_run_leave_no_report(small, tmp_path):
    (tmp_path / "spec_tests/conftest.py").write_text(
        "def pytest_configure(config): config.workerinput = config.workeroutput = {'random_order_seed': '0'}"
    )  # which pytest-random-order asks for, where it is installed

    run = small(PASSES)

    assert (run.code, run.data) == (pytest.ExitCode.OK, None)


def test_a_run_of_other_tests_leaves_no_report_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_other.py").write_text("def test_it(): pass")

    _, output = pytest_in_this_process(
        "-p", "spec_tests.run.plugin", "-p", "spec_tests.report.plugin", f"--rootdir={tmp_path}", "--report=report", "."
    )

    assert f"no report in {tmp_path / 'report'}: this process collected no test of the specification" in output


@pytest.mark.parametrize("options", [["-k", "nothing"], ["-x"], ["--subject", "reference"], ["--dtype", "float64"]])
def test_every_other_run_leaves_a_report(small, options):
    assert small(PASSES, *options).data["runs"][0]["full"] is (options == ["-x"])


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_file_where_the_folder_should_be_is_a_usage_error(small, tmp_path, below):
    (tmp_path / "file").touch()

    run = small(PASSES, f"--report={tmp_path / 'file' / below}")

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --report {tmp_path / 'file' / below} cannot be written to: " in run.output


def test_a_missing_package_is_a_usage_error_that_says_what_to_install(small, monkeypatch):
    monkeypatch.setattr(writing, "NEEDED", ("json", "no_such_package"))

    run = small(PASSES)

    assert run.code == pytest.ExitCode.USAGE_ERROR
    assert 'the report needs no_such_package, not installed here: pip install "torch-by-hand[report]"' in run.output


def test_packages_that_may_be_missing_are_not_loaded_before_they_are_needed():
    optional = {"jinja2", "jsonschema", "latex2mathml", "matplotlib"}
    program = "import sys, spec_tests.report.__main__, spec_tests.report.record; print(*sys.modules)"

    child = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert optional.isdisjoint(child.stdout.split())


def test_a_report_that_cannot_be_written_fails_the_run_and_says_why(small, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "replace", full)

    run = small(PASSES)

    assert (run.code, list(run.file.parent.iterdir())) == (pytest.ExitCode.INTERNAL_ERROR, [])
    assert f"ERROR: no report in {run.file.parent}: no space left" in run.output


@pytest.mark.parametrize("part", ["page", "figures"])
def test_if_the_page_cannot_be_rendered_the_old_report_is_left_untouched(tmp_path, monkeypatch, data, part):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(all_figures, "draw", list)
    writing.write(tmp_path, data)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(*{"page": (page, "render"), "figures": (all_figures, "draw")}[part], fail)

    with pytest.raises(ZeroDivisionError):
        writing.write(tmp_path, data | {"tests": []})

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# Where it ran


def git(folder, *arguments):
    """Run git as an invented user."""
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", "-C", folder, *arguments], check=True)


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit of a file of the specification."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    (tmp_path / "spec_tests").mkdir()
    (tmp_path / "spec_tests/a.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=A")
    return tmp_path


@pytest.mark.parametrize(("file", "modified"), [("spec_tests/a.py", True), ("spec_tests/b.py", True), ("b.py", False)])
def test_a_commit_counts_as_modified_if_a_file_that_matters_was_changed(repository, file, modified):
    commit, before = surroundings.commit(repository)

    (repository / file).write_text("1")

    assert re.fullmatch("[0-9a-f]{40}", commit)
    assert (before, surroundings.commit(repository)) == (False, (commit, modified))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs no scripts of the shell")
def test_what_git_says_in_a_language_that_is_no_utf_8_ends_no_report(tmp_path, monkeypatch):
    git = tmp_path / "git"
    git.write_bytes(b"#!/bin/sh\necho '\xd6\xc2\xc3\xfc' >&2; exit 128\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert surroundings.commit(tmp_path) == (None, None)


@pytest.mark.parametrize("without", ["repository", "git", "commit of its own"])
def test_where_git_cannot_tell_there_is_no_commit(repository, monkeypatch, without):
    if without == "git":
        monkeypatch.setenv("PATH", "")
    if without == "repository":
        shutil.rmtree(repository / ".git")

    folder = repository / "spec_tests" if without == "commit of its own" else repository

    assert surroundings.commit(folder) == (None, None)


@pytest.mark.parametrize(("imported", "version"), [({"__version__": "9+cu132"}, "9+cu132"), ({}, None)])
def test_an_imported_package_reports_its_own_version(monkeypatch, imported, version):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(**imported))

    assert surroundings.versions()["torch"] == (version or metadata.version("torch"))


# The form of the data


def objects(schema):
    """Yield every description of an object in a schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)


@pytest.mark.parametrize("schema", [reading.SCHEMA, benchmark_part.SCHEMA], ids=["claims", "benchmarks"])
def test_each_schema_is_valid_describes_every_property_and_allows_no_other(schema):
    import_module("jsonschema").Draft202012Validator.check_schema(schema)
    for form in objects(schema):
        assert form["additionalProperties"] is False
        assert all("description" in part or "$ref" in part for part in form["properties"].values())


def put(data, place, value):
    """Replace a value in data, or delete it."""
    *way, last = place
    for step in way:
        data = data[step]
    if value is None:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["runs"], None, r"\$: 'runs' is a required property"),
        (["format"], 0, r"\$.format: 2 was expected"),
        (["format"], 3, r"\$.format: 3 is of a later version of this project, which reads 1 to 2"),
        (["runs"], [], r"\$.runs: "),
        (["runs", 0, "seconds"], "long", r"\$.runs\[0\].seconds: 'long' is not of type 'number'"),
        (["runs", 0, "mood"], "good", r"\$.runs\[0\]: Additional properties are not allowed \('mood' was unexpected\)"),
        (["claims", 3, "results", 0, "result"], "fine", r"\$.claims\[3\].results\[0\].result: 'fine' is not one of"),
        (["claims", 3, "results"], [], r"\$.claims\[3\].results: has 0 entries, expected one for each of 1 runs"),
        (["tests", 0, "results"], [], r"\$.tests\[0\].results: has 0 entries, expected one for each of 1 runs"),
        (["claims", 3, "id"], "1.a", r"\$.claims: '1.a' occurs more than once"),
        (["claims", 0, "section"], "9.9", r"\$.claims\[0\].section: '9.9' is not one of 1, 1\.1, "),
        (["tests", 0, "claims"], ["9.9.z"], r"\$.tests\[0\].claims: '9.9.z' is not a known claim"),
        (["runs", 0, "scope"], None, r"\$.runs\[0\]: 'scope' is a required property"),
        (
            ["runs", 0, "started"],
            "2026-13-01T00:00:00+00:00",
            r"\$.runs\[0\].started: '2026-13-.*' is not a valid ISO timestamp",
        ),
        (["claims", 0, "printed"], [1.0, float("nan")], r"\$.claims\[0\].printed\[1\]: nan is not a JSON number"),
        (["runs", 0, "seconds"], float("inf"), r"\$.runs\[0\].seconds: inf is not a JSON number"),
        (["claims", 0, "en"], "half \ud83d", r"\$.claims\[0\].en: 'half \\ud83d' contains half a character"),
        (["claims", 0, "corrected"], {"\udc00": 1}, r"\$.claims\[0\].corrected: .* contains half a character"),
        (
            ["claims", 0, "printed"],
            reduce(lambda inner, _: [inner], range(60), 0),
            r"\$.* nested more than 50 levels",
        ),
    ],
)
def test_malformed_data_are_refused_with_the_file_and_the_place(tmp_path, data, place, value, message):
    put(data, place, value)
    file = tmp_path / "claims.json"
    file.write_text(json.dumps(data), encoding="utf-8")

    with pytest.raises(json_files.Unreadable, match=rf"claims\.json does not contain a report's data: {message}"):
        reading.read(file)


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        ("true", "corrected"),
        ("true", "refined"),
        ("true", "uncheckable"),
        ("false", "confirmed"),
        ("imprecise", "confirmed"),
        ("uncheckable", "confirmed"),
        ("uncheckable", "not run"),
    ],
)
def test_a_result_that_the_verdict_rules_out_is_refused(data, verdict, found):
    put(data, ["claims", 3, "verdict"], verdict)
    put(data, ["claims", 3, "results", 0, "result"], found)

    with pytest.raises(json_files.Unreadable, match=rf"\$.claims\[3\].results\[0\].result: '{found}' for a claim .*"):
        reading.check(data)


def test_a_file_nested_too_deeply_for_python_is_refused_by_name(tmp_path):
    file = tmp_path / "claims.json"
    file.write_text("[" * 100_000 + "]" * 100_000)

    with pytest.raises(
        json_files.Unreadable, match=r"claims\.json does not contain a report's data: it is nested too deeply"
    ):
        reading.read(file)


def test_an_error_message_quotes_only_the_ends_of_a_long_value(data):
    with pytest.raises(json_files.Unreadable) as error:
        reading.check(data | {"runs": {"0": "a long one" * 1000}})

    assert len(str(error.value)) < 2 * json_files.LONGEST


# Merging


def test_a_merged_report_has_a_column_for_each_run(of_torch, of_references, tmp_path, monkeypatch):
    monkeypatch.setattr(all_figures, "draw", list)

    command.main(["merge", str(tmp_path), str(of_torch.file), str(of_references.file)])
    merged, one, other = (reading.read(file) for file in (tmp_path / writing.DATA, of_torch.file, of_references.file))

    assert merged["runs"] == one["runs"] + other["runs"]
    assert result(merged, "2.1.2.h", run=0) == result(one, "2.1.2.h")
    assert result(merged, "2.1.2.h", run=1) == result(other, "2.1.2.h")
    assert all(run["name"] in (tmp_path / writing.PAGE).read_text(encoding="utf-8") for run in merged["runs"])


def later(data, second=1, **more):
    """Return a report of another run of the same subject."""
    return data | {"runs": [run | {"started": f"2030-01-01T00:00:0{second}+00:00"} | more for run in data["runs"]]}


def test_runs_with_the_same_name_are_numbered_even_across_merged_reports(data):
    again = merging.merge([merging.merge([data, later(data, 1)]), merging.merge([later(data, 2), later(data, 3)])])

    name = data["runs"][0]["name"]
    assert [run["name"] for run in again["runs"]] == [name, f"{name} (2)", f"{name} (3)", f"{name} (4)"]
    reading.check(again)


def of(data, second, **more):
    """Return a report of another run with these versions or other facts."""
    versions = data["runs"][0]["versions"] | {name: more.pop(name) for name in ("python", "numpy") if name in more}
    return later(data, second, versions=versions, **more)


def test_runs_of_one_name_are_told_apart_by_what_differs_and_else_by_a_number(data):
    reports = [of(data, i, python=python) for i, python in enumerate(["3.11.2", "3.12.1", "3.12.1", "3.13.0"])]

    name, merged = data["runs"][0]["name"], merging.merge(reports)
    versions = ["3.11", "3.12", "3.12 (2)", "3.13"]
    assert [run["name"] for run in merged["runs"]] == [f"{name}, Python {version}" for version in versions]
    assert {merging.own_name(run) for run in merged["runs"]} == {name}


@pytest.mark.parametrize(
    ("facts", "details"),
    [
        ({"numpy": "2.0.0"}, ["NumPy {versions[numpy]}", "NumPy 2.0.0"]),
        ({"dtypes": ["float64"]}, ["float32 float64 float16 bfloat16", "float64"]),
        ({"options": ["--slow"]}, ["no options", "--slow"]),
        ({"scope": {"whole": True, "arguments": []}}, ["a part", "whole"]),
        ({"machine": "A, 8 CPUs"}, ["{machine}", "A, 8 CPUs"]),
        ({"commit": None}, ["commit 0123456", "commit unknown"]),
        ({"python": "3.99.1", "machine": "A, 8 CPUs"}, ["Python {python}", "Python 3.99"]),
    ],
)
def test_the_name_contains_whatever_differs_and_no_more_than_needed(data, facts, details):
    data["runs"][0]["commit"] = "0123456789" * 4
    run = data["runs"][0]
    first = details[0].format(**run, python=merging.minor(run, "python"))

    names = [run["name"] for run in merging.merge([data, of(data, 1, **facts)])["runs"]]

    assert names == [f"{run['name']}, {detail}" for detail in (first, details[1])]


def test_a_third_run_renames_the_first_two_as_if_all_had_been_merged_at_once(data):
    one, other, third = data, of(data, 1, machine="A"), of(data, 2, python="3.99.0")

    at_once = merging.merge([one, other, third])

    assert merging.merge([merging.merge([one, other]), third]) == at_once
    assert len({run["name"] for run in at_once["runs"]}) == 3


def test_the_order_of_merging_does_not_matter(data):
    one, other, third = data, later(data, 1), later(data, 2)

    assert merging.merge([merging.merge([one, other]), third]) == merging.merge([one, merging.merge([other, third])])


def test_the_same_run_twice_is_refused_even_inside_a_merged_report(data):
    merged = merging.merge([later(data), data])

    with pytest.raises(ValueError, match=r"the run 'torch .*' started at .* occurs twice"):
        merging.merge([merged, data])


def test_runs_started_in_the_same_second_with_other_versions_are_distinct(data):
    versions = data["runs"][0]["versions"] | {"python": "3.99"}

    assert len(merging.merge([data, data | {"runs": [data["runs"][0] | {"versions": versions}]}])["runs"]) == 2


def test_what_only_one_report_contains_is_kept_as_not_run_by_the_other(data):
    shorter = copy.deepcopy(later(data))
    for part, names in (("claims", ["2.1.2.a", "2.2.w"]), ("tests", [data["tests"][0]["test"]])):
        shorter[part] = [entry for entry in data[part] if entry.get("id", entry.get("test")) not in names]
    shorter["deviations"] = data["deviations"][1:]

    for reports, run in (([data, shorter], 1), ([shorter, data], 0)):
        merged = merging.merge(reports)
        assert [result(merged, claim, run)["result"] for claim in ("2.1.2.a", "2.2.w")] == ["not run", "uncheckable"]
        assert [len(merged[part]) for part in ("claims", "tests", "deviations")] == [
            len(data[part]) for part in ("claims", "tests", "deviations")
        ]
        reading.check(merged)


def test_what_a_merged_report_lacks_is_kept_as_not_run_by_any_of_its_runs(data):
    shorter = merging.merge([later(data, 1), later(data, 2)])
    shorter["claims"], shorter["tests"] = shorter["claims"][1:], shorter["tests"][1:]

    merged = merging.merge([shorter, data])

    reading.check(merged)
    assert [len(entry["results"]) for part in ("claims", "tests") for entry in (merged[part][-1],)] == [3, 3]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("verdict", "false", "claim 1.a: the register's verdict is true in one report and false in another"),
        ("section", "2", "claim 1.a: the section is 1 in one report and 2 in another"),
    ],
)
def test_reports_whose_registers_disagree_are_refused(data, name, value, message):
    other = copy.deepcopy(later(data))
    other["claims"][0][name] = value

    with pytest.raises(ValueError, match=message):
        merging.merge([data, other])


def test_a_claim_worded_differently_is_accepted_and_keeps_the_first_wording(data):
    other = copy.deepcopy(later(data))
    other["claims"][0]["en"] = "Other words."

    assert merging.merge([data, other])["claims"][0]["en"] == data["claims"][0]["en"] != "Other words."


# Comparing

WORST = {"float32": {"share": 0.02, "error": 0.2, "bound": 10.0}, "float64": {"share": 0.0, "error": 0.0, "bound": 0.0}}


@pytest.fixture
def compared(data, tmp_path, capsys):
    """Return a function that compares the data with a changed copy and returns the exit status and the output."""
    for claim in data["claims"]:
        if claim["id"] == "2.1.2.a":
            claim["results"][0] |= {"examples": 300, "worst": WORST}

    def compare(change, backwards=False):
        changed = copy.deepcopy(data)
        change(changed)
        files = [tmp_path / "old.json", tmp_path / "new.json"]
        for file, content in zip(files, (data, changed), strict=True):
            file.write_text(json.dumps(content), encoding="utf-8")
        status = status_of("compare", *reversed(files) if backwards else files)
        return status, capsys.readouterr().out

    return compare


def status_of(*arguments):
    """Return the exit status of a command."""
    try:
        command.main(list(map(str, arguments)))
    except SystemExit as end:
        return end.code
    return 0


def claim_with(claim="2.1.2.a", verdict=None, **changes):
    """Return a function that changes the first run's result of a claim and, if given, the register's verdict."""

    def change(data):
        (entry,) = [entry for entry in data["claims"] if entry["id"] == claim]
        entry["verdict"] = verdict or entry["verdict"]
        result(data, claim).update(changes)

    return change


def run_with(**changes):
    """Return a function that changes the first run."""
    return lambda data: data["runs"][0].update(changes)


def without_the_claim(data):
    """Remove a claim from the register and from the tests."""
    data["claims"] = [claim for claim in data["claims"] if claim["id"] != "2.1.2.a"]
    for test in data["tests"]:
        test["claims"] = [id for id in test["claims"] if id != "2.1.2.a"]


def without_torch(data):
    """Remove torch from the versions."""
    del data["runs"][0]["versions"]["torch"]


def nearer(share):
    """Return the same shares with another one for float32."""
    return WORST | {"float32": WORST["float32"] | {"share": share}}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (claim_with(result="failed"), r"lost +2\.1\.2\.a \(.*\) was confirmed, is now failed"),
        (claim_with(result="not run"), r"lost +2\.1\.2\.a \(.*\) was confirmed, is now not run"),
        (claim_with("2.1.2.h", result="failed"), r"lost +2\.1\.2\.h \(.*\) was corrected, is now failed"),
        (without_the_claim, r"lost +2\.1\.2\.a \(.*\) was confirmed, is now not in the register"),
    ],
)
def test_a_claim_no_longer_proven_is_lost_and_in_the_other_direction_won(compared, change, line):
    status, printed = compared(change)
    status_backwards, printed_backwards = compared(change, backwards=True)

    assert (status, status_backwards) == (1, 0)
    assert re.search(rf"^  {line}$", printed, re.MULTILINE), printed
    assert "  together: 1 lost\n" in printed
    assert re.search(r"^  won +2\.1\.2\.[ah] ", printed_backwards, re.MULTILINE)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            claim_with(verdict="imprecise", result="refined"),
            r"result +2\.1\.2\.a \(.*\) was confirmed, is now refined",
        ),
        (
            claim_with("2.2.w", verdict="true", result="not run"),
            r"result +2\.2\.w \(.*\) was uncheckable, is now not run",
        ),
        (
            claim_with(worst=nearer(0.2)),
            r"margin +2\.1\.2\.a .*: float32 errors were 0\.02 of their bound, are now 0\.2",
        ),
        (claim_with(examples=149), r"examples +2\.1\.2\.a \(.*\): 300 before, now 149"),
        (run_with(deviations=["half-batch-norm"]), r"deviation half-batch-norm is newly seen"),
        (without_torch, r"version +torch was .+, is now none"),
    ],
)
def test_any_other_change_is_printed_and_loses_nothing(compared, change, line):
    status, printed = compared(change)

    assert status == 0
    assert re.search(rf"^  {line}$", printed, re.MULTILINE), printed


def test_a_deviation_that_is_no_longer_seen_is_reported(compared):
    _, printed = compared(run_with(deviations=["half-batch-norm"]), backwards=True)

    assert "  deviation half-batch-norm is no longer seen\n  together: 1 deviation\n" in printed


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        claim_with(worst=nearer(0.19)),
        claim_with(worst=nearer(0.0)),
        claim_with(worst=WORST | {"float64": WORST["float32"]}),
        claim_with(worst={}),
        claim_with(examples=150),
        run_with(started="2030-01-01T00:00:00+00:00", seconds=9),
    ],
)
def test_small_differences_are_not_changes(compared, change):
    status, printed = compared(change)

    assert (status, printed.splitlines()[1:]) == (0, ["  together: no change"])


def runs(*kinds):
    """Return runs of torch, each written as "torch 2.15, 3.11 cuda": its version, Python's, and anything special."""
    return [
        {
            "name": kind,
            "subject": "torch",
            "device": "cuda" if "cuda" in kind else "cpu",
            "versions": {"torch": kind.split(",")[0].split()[1], "python": kind.split()[2]},
            "dtypes": [],
            "options": ["--slow"] if "slow" in kind else [],
            "scope": {"whole": True},
            "machine": "A",
            "commit": None,
        }
        for kind in kinds
    ]


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (["torch 1, 3"], ["torch 2, 4"], [(0, 0)]),
        (["torch 1, 3", "torch 1, 3 cuda"], ["torch 2, 3 cuda", "torch 2, 3"], [(0, 1), (1, 0)]),
        (["torch 1, 3", "torch 2, 3"], ["torch 2, 3", "torch 3, 3"], [(0, 1), (1, 0)]),
        (["torch 1, 3", "torch 2, 3"], ["torch 3, 3"], []),
        (["torch 1, 3", "torch 2, 3"], ["torch 2, 3"], [(1, 0)]),
        (["torch 1, 3"], ["torch 1, 3 cuda"], []),
        (["torch 1, 3.1", "torch 1, 3.2", "torch 1, 3.3"], ["torch 1, 3.1", "torch 1, 3.3"], [(0, 0), (2, 1)]),
        (["torch 1, 3.1", "torch 1, 3.2"], ["torch 2, 3.2", "torch 2, 3.1"], [(0, 1), (1, 0)]),
        (["torch 1, 3.1", "torch 2, 3.1"], ["torch 2, 3.2", "torch 1, 3.2"], [(0, 1), (1, 0)]),
        (["torch 1, 3.1", "torch 2, 3.2"], ["torch 2, 3.2", "torch 3, 3.3"], [(1, 0)]),
        (["torch 1, 3.1", "torch 1, 3.1 slow"], ["torch 1, 3.1 slow"], [(1, 0)]),
        (["torch 1, 3.1", "torch 1, 3.1"], ["torch 1, 3.1", "torch 1, 3.1"], [(0, 0), (1, 1)]),
        (["torch 1, 3.1", "torch 1, 3.1"], ["torch 1, 3.1"], [(0, 0)]),
    ],
)
def test_among_runs_of_one_subject_and_device_the_most_similar_are_matched(old, new, pairs):
    assert comparing.matched(runs(*old), runs(*new)) == pairs


def test_a_run_renamed_by_merging_is_still_recognised(data):
    several = [of(data, second, python=f"3.9{second}.0") for second in range(4)]
    fewer = several[:1] + several[2:]

    pairs = comparing.matched(merging.merge(several)["runs"], merging.merge(fewer)["runs"])

    assert pairs == [(0, 0), (2, 1), (3, 2)]


def test_a_run_without_a_counterpart_is_named_and_its_claims_are_not_lost(data):
    newer = later(data, name="torch 99", device="cuda", commit=None)

    comparisons, alone = comparing.compare(merging.merge([data, newer]), data)
    _, alone_backwards = comparing.compare(data, merging.merge([data, newer]))

    named = "torch 99 (2030-01-01 00:00, no commit)"
    assert alone == [f"{named} is in OLD and has no counterpart in NEW"]
    assert alone_backwards == [f"{named} is in NEW and has no counterpart in OLD"]
    assert not comparing.lost(comparisons)


def test_a_claim_is_lost_if_any_run_lost_it_and_that_run_is_named(data):
    old = merging.merge([of(data, 1, python="3.97.0"), of(copy.deepcopy(data), 2, python="3.98.0")])
    new = copy.deepcopy(old)
    result(new, "2.1.2.a", run=1)["result"] = "failed"

    comparisons, _ = comparing.compare(old, new)

    assert comparing.lost(comparisons)
    assert [[change.kind for change in comparison.changes] for comparison in comparisons] == [[], ["lost"]]


def test_each_comparison_gives_the_dates_and_commits_of_its_runs(compared):
    _, printed = compared(run_with(started="2030-01-01T23:45:06+00:00", commit="abcdef0123" * 4, modified=True))

    assert re.match(
        r"torch \S+ on cpu \(2\d{3}-\d\d-\d\d \d\d:\d\d, (commit \w{7}( with changes)?|no commit)\) -> "
        r"torch \S+ on cpu \(2030-01-01 23:45, commit abcdef0 with changes\)\n",
        printed,
    )


PART = {"whole": False, "arguments": ["spec_tests/test_2_2_max_pooling.py"]}
WHOLE = {"whole": True, "arguments": ["spec_tests"]}


OTHER_PART = {"whole": False, "arguments": ["spec_tests/test_2_3_activation.py"]}


@pytest.mark.parametrize(
    ("before", "now", "lost", "said"),
    [
        (WHOLE, PART, False, True),
        (PART, PART, True, False),
        (WHOLE, WHOLE, True, False),
        (OTHER_PART, PART, False, False),
    ],
)
def test_what_another_part_did_not_ask_is_not_lost(data, before, now, lost, said):
    old, new = data, copy.deepcopy(data)
    run_with(scope=before, options=["-x"])(old)
    run_with(scope=now, options=["-x"])(new)
    claim_with(result="not run")(new)

    comparisons, alone = comparing.compare(old, new)

    assert comparing.lost(comparisons) is lost
    lines = list(comparing.lines(comparisons, alone))
    assert lines[-1].endswith("1 lost" if lost else "1 unasked")
    line = "  NEW covers only part of the specification (pytest spec_tests/test_2_2_max_pooling.py -x); "
    assert lines[1].startswith(line) is said


def test_a_single_run_is_compared_with_one_of_another_subject(of_torch, of_references, of_flipped):
    torch, references, flipped = (reading.read(run.file) for run in (of_torch, of_references, of_flipped))

    alike, broken = (comparing.compare(torch, other) for other in (references, flipped))

    assert not comparing.lost(alike[0])
    assert list(comparing.lines(*alike))[1].startswith("  NEW is of another subject; ")
    assert [change.kind for change in broken[0][0].changes if "is now failed" in change.text] == ["lost"]
    assert any(change.kind == "unasked" for change in broken[0][0].changes)


def test_a_claim_that_another_subject_fails_is_lost(data):
    other = copy.deepcopy(data)
    run_with(subject="mine.py", name="mine.py")(other)
    claim_with(result="failed")(other)

    comparisons, _ = comparing.compare(data, other)

    assert comparing.lost(comparisons)


# The commands


def test_the_page_of_a_report_can_be_rendered_again(of_torch, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(all_figures, "draw", list)

    command.main(["page", str(of_torch.file), str(tmp_path / "new")])

    assert capsys.readouterr().out.startswith(f"wrote {tmp_path / 'new' / writing.PAGE} and ")
    for name in (writing.DATA, writing.PAGE):
        assert (tmp_path / "new" / name).read_bytes() == (of_torch.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required"),
        (["prove"], "invalid choice: 'prove'"),
        (["compare", "{file}"], "the following arguments are required: NEW"),
        (["merge", "{folder}"], "the following arguments are required: FILE"),
        (["compare", "{file}", "none.json"], "none.json cannot be read: No such file or directory"),
        (["merge", "{folder}", "{file}", "{file}"], "occurs twice"),
        (["page", "{file}", "{file}"], "File exists"),
        (["page", "{python}", "{folder}"], "test_the_report.py is not JSON"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why_in_one_line(
    of_torch, tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr(all_figures, "draw", list)
    names = {"file": of_torch.file, "folder": tmp_path / "new", "python": __file__}

    status = status_of(*(argument.format(**names) for argument in arguments))

    assert status == 2
    assert re.fullmatch(rf"{command.PROGRAM}: error: .*{message}.*\n", capsys.readouterr().err)
    assert not (tmp_path / "new").exists()


def test_the_help_says_what_each_command_does_and_how_compare_ends(capsys):
    assert status_of("--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in (command.merge, command.compare, command.page):
        assert f"{name.__name__} {name.__doc__}" in shown

    assert status_of("compare", "--help") == 0
    assert re.findall(r"^ +status (\d)", capsys.readouterr().out, re.MULTILINE) == ["0", "1", "2"]


def test_several_runs_without_a_common_subject_cannot_be_compared(of_references, data, tmp_path, capsys):
    two = merging.merge([of(data, 1, python="3.97.0"), of(copy.deepcopy(data), 2, python="3.98.0")])
    (file := tmp_path / "two.json").write_text(json.dumps(two), encoding="utf-8")

    assert status_of("compare", file, of_references.file) == 2
    assert (
        "error: no run of one report has the same subject and device as a run of the other" in capsys.readouterr().err
    )


def test_the_commands_run_as_the_documentation_says(of_torch):
    program = [sys.executable, "-m", "spec_tests.report", "compare", of_torch.file, of_torch.file]

    child = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True)

    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.endswith("  together: no change\n")
