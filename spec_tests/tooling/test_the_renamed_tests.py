"""The table of renamed tests, and the stored report of an earlier version, whose names it leads to the present ones."""

import ast
import copy
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from spec_tests.report import comparing, merging, reading, renaming, writing
from spec_tests.vocabulary.claims import register
from spec_tests.vocabulary.results import proven

pytest.importorskip("jsonschema", reason='the report needs jsonschema: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
STORED = Path(__file__).parent / "stored" / "claims-of-832af97.json.gz"
"""The data of a full run on torch 2.15.0, of form 1, as `--report` left them at commit 832af97."""


@cache
def functions_in(file):
    """Return the names of the test functions in a file, from the project's folder on; none if there is no such file."""
    path = PROJECT / file
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    return {part.name for part in body if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")}


def exists(test):
    """Tell whether the specification has a test function, or a file of tests."""
    file, _, name = test.partition("::")
    return name in functions_in(file) if name else bool(functions_in(file))


@pytest.fixture
def stored():
    """Return the stored report, to be changed at will."""
    return copy.deepcopy(read_stored())


@cache
def read_stored():
    """Return the stored report."""
    return reading.read(STORED)


# The table


def test_every_line_of_the_table_names_a_test_and_its_present_name_once():
    lines = [line for line in renaming.TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    assert [line for line, count in Counter(lines).items() if count > 1 or len(line.split("\t")) != 2] == []


def test_every_present_name_in_the_table_is_that_of_a_test():
    present = [new for names in renaming.renames().values() for new in names]

    assert [new for new in present if not exists(new)] == []


def test_no_earlier_name_in_the_table_is_that_of_another_test_now():
    taken = [old for old, names in renaming.renames().items() if exists(old) and old not in names]

    assert taken == []


# The stored report


def test_every_test_of_the_stored_report_is_there_or_has_a_present_name():
    names = {test["test"]: renaming.present_names(test["test"]) for test in read_stored()["tests"]}

    assert {
        old: [new for new in names[old] if not exists(new)] for old in names if not all(map(exists, names[old]))
    } == {}


def test_every_claim_that_the_stored_report_proves_has_a_test_still():
    found = {claim["id"]: claim["results"][0] for claim in read_stored()["claims"]}
    files = {
        id: {
            name.partition("::")[0]
            for test in result["tests"]
            for name in renaming.present_names(test.partition("[")[0])
        }
        for id, result in found.items()
        if proven(result["result"])
    }
    assert len(files) == 253
    files = {id: found for id, found in files.items() if not register()[id].cites}  # decided by their source now

    lost = [id for id in files if not any(f'"{id}"' in (PROJECT / file).read_text("utf-8") for file in files[id])]

    assert (lost, [id for id in files if not register()[id].runs_by_default]) == ([], [])


def test_a_stored_report_is_read_in_todays_form(stored):
    assert (stored["format"], stored["runs"][0]["commit"][:7]) == (2, "832af97")
    reading.check(stored)


def later(report):
    """Return a report of the same tests under their present names, of a later run."""
    new = renaming.with_present_names(copy.deepcopy(report))
    new["runs"][0]["started"] = "2030-01-01T00:00:00+00:00"
    return new


def test_a_report_of_the_earlier_names_compares_with_one_of_the_present_ones(stored):
    (comparison,), alone = comparing.compare(stored, later(stored))

    assert (comparison.changes, alone) == ([], [])


def test_a_report_of_the_earlier_names_merges_with_one_of_the_present_ones(stored):
    new = later(stored)

    merged = merging.merge([stored, new])

    assert [test["test"] for test in merged["tests"]] == [test["test"] for test in new["tests"]]
    assert all(one == other for test in merged["tests"] for one, other in [test["results"]])
    reading.check(merged)


OLD, NEW, OTHER = (f"spec_tests/test_2_2_max_pooling.py::test_{name}" for name in ("old", "new", "other"))


@pytest.fixture
def two_tests(stored, monkeypatch):
    """Return a function that gives the stored report with two tests only, old and other, and a table of renames."""

    def report(renames):
        monkeypatch.setattr(renaming, "renames", lambda: renames)
        for test, name in zip(tests := stored["tests"][:2], (OLD, OTHER), strict=True):
            failures = [{"case": "a", "text": name}]
            test.update(test=name, results=[{"outcome": "failed", "cases": 2, "examples": 5, "failures": failures}])
        tests[0]["claims"], tests[1]["claims"] = ["2.2.a"], ["2.2.a", "2.2.b"]
        tests[1]["results"][0]["outcome"] = "error"
        claims = [claim | {"results": [claim["results"][0] | {"tests": []}]} for claim in stored["claims"]]
        claims[0]["results"][0]["tests"] = [f"{OLD}[a]", f"{OTHER}[a]", f"{OTHER}[[b]]"]
        return stored | {"tests": tests, "claims": claims}

    return report


def names_and_cases(report):
    """Return the tests of a report, and the cases that its first claim names."""
    return [test["test"] for test in report["tests"]], report["claims"][0]["results"][0]["tests"]


def test_a_renamed_test_gets_its_present_name_also_in_the_cases_of_a_claim(two_tests):
    report = renaming.with_present_names(two_tests({OLD: (NEW,)}))

    assert names_and_cases(report) == ([NEW, OTHER], [f"{NEW}[a]", f"{OTHER}[a]", f"{OTHER}[[b]]"])


def test_tests_that_became_one_are_counted_together(two_tests):
    report = renaming.with_present_names(two_tests({OLD: (NEW,), OTHER: (NEW,)}))
    (test,) = report["tests"]

    assert names_and_cases(report) == ([NEW], [f"{NEW}[a]", f"{NEW}[[b]]"])
    assert test["claims"] == ["2.2.a", "2.2.b"]
    failures = [{"case": "a", "text": name} for name in (OLD, OTHER)]
    assert test["results"] == [{"outcome": "failed", "cases": 4, "examples": 10, "failures": failures}]


def test_a_split_test_keeps_its_name_and_is_not_gone_while_a_part_of_it_remains(two_tests):
    old = two_tests({OLD: (NEW, OTHER)})
    new = old | {"tests": old["tests"][1:]}

    assert names_and_cases(renaming.with_present_names(old)) == names_and_cases(old)
    assert comparing.compare(old, new)[0][0].changes == []


def test_a_test_of_a_claim_that_is_gone_is_named_unless_only_a_part_was_run(two_tests):
    old = two_tests({})
    new = old | {"tests": old["tests"][1:]}
    part = new | {"runs": [new["runs"][0] | {"scope": {"whole": False, "arguments": []}}]}

    assert comparing.compare(old, new)[0][0].changes == [("test", f"{OLD}, a test of 2.2.a, is gone")]
    assert comparing.compare(old, part)[0][0].changes == []


def tested(data):
    """Return the claims for which a run had a test."""
    return {claim["id"] for claim in data["claims"] if any(result["tests"] for result in claim["results"])}


@pytest.mark.slow
def test_a_new_run_of_all_claims_loses_none_of_the_stored_ones(tmp_path):
    passing = ["-p", "spec_tests.tooling.nothing_runs"]  # whether they pass, the run around this one finds out
    command = [sys.executable, "-m", "pytest", "spec_tests", *passing, "-m", "claim", "--report", str(tmp_path), "-q"]
    child = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert child.returncode == pytest.ExitCode.OK, child.stdout

    stored, new = read_stored(), reading.read(tmp_path / writing.DATA)
    comparisons, alone = comparing.compare(stored, new)

    assert not comparing.lost(comparisons), "\n".join(comparing.lines(comparisons, alone))
    assert tested(stored) - tested(new) == set()  # a run of a part, as this one is, counts as losing no test
