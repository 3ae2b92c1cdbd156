"""What the tests of earlier reports are called now: `renamed_tests.tsv`."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from spec_tests.vocabulary.ledger import OUTCOMES

TABLE = Path(__file__).with_name("renamed_tests.tsv")


@cache
def renames() -> dict[str, tuple[str, ...]]:
    """Return the present names by the earlier one, of tests and of files."""
    names = defaultdict[str, tuple[str, ...]](tuple)
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            old, new = line.split("\t")
            names[old] += (new,)
    return dict(names)


def present_names(test: str) -> tuple[str, ...]:
    """Return what a test function is called now: its own name if that is still the one, several if it was split.

    >>> present_names("spec_tests/test_the_run.py::test_law")
    ('spec_tests/tooling/test_the_run.py::test_law',)
    """
    file, _, name = test.partition("::")
    return renames().get(test) or tuple(f"{new}::{name}" for new in renames().get(file, (file,)))


def with_present_names(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report in which every test has its present name.

    Tests that became one are counted together. A test that was split keeps its name: its result is that of no part.
    """
    claims = [{**claim, "results": [_result(result) for result in claim["results"]]} for claim in report["claims"]]
    tests: dict[str, dict[str, Any]] = {}
    for test in report["tests"]:
        name = _single(test["test"])
        tests[name] = _united(tests[name], test) if name in tests else {**test, "test": name}
    return {**report, "claims": claims, "tests": list(tests.values())}


def _single(test: str) -> str:
    names = present_names(test)
    return names[0] if len(names) == 1 else test


def _result(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a run found of a claim, with the present names of the cases that it ran."""
    cases = (case.partition("[") for case in result["tests"])
    return {**result, "tests": list(dict.fromkeys(f"{_single(test)}{''.join(rest)}" for test, *rest in cases))}


def _united(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two tests that are one now, in the words of the first."""
    pairs = zip(one["results"], other["results"], strict=True)
    claims = list(dict.fromkeys([*one["claims"], *other["claims"]]))
    return {**one, "claims": claims, "results": [_together(pair) for pair in pairs]}


def _together(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    one, other = results
    return {
        "outcome": max(one["outcome"], other["outcome"], key=OUTCOMES.index),
        "cases": one["cases"] + other["cases"],
        "examples": one["examples"] + other["examples"],
        "failures": one["failures"] + other["failures"],
    }
