"""What the page shows of each claim, its tests run by run, worst error and formulas, and of the tests that failed."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from markupsafe import Markup

from spec_tests.report.page_filters import FOLDER, grouped, run_label
from spec_tests.vocabulary.results import proven

PROOFS = ("by the references", "by the subject")


@cache
def formulas() -> list[dict[str, Any]]:
    """Return the formulas of `formulas.toml`, each with its MathML: one box for each part between wide spaces."""
    entries = tomllib.loads((FOLDER / "formulas.toml").read_text(encoding="utf-8"))["formula"]
    return [{**entry, "math": Markup("".join(map(_mathml, entry["latex"].split(r"\qquad"))))} for entry in entries]


def _mathml(latex: str) -> str:
    convert = import_module("latex2mathml.converter").convert
    parts = "<wbr>".join(convert(piece, display="block") for piece in pieces(latex.strip()))
    return f'<span class="in-lines">{parts}</span>'


OPENING, CLOSING = ("{", "(", "[", r"\left", r"\begin"), ("}", ")", "]", r"\right", r"\end")
OPERATORS = ("=", "+", r"\cdot", r"\leftarrow", r"\circ")
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)


def pieces(latex: str) -> list[str]:
    r"""Return the parts of a formula between which a line may end: each but the first begins with an operator.

    An operator in brackets or braces is no such place, nor is one that a formula begins with.

    >>> pieces(r"y = \frac{a + b}{c} + (d + e)")
    ['y', '{}= \\frac{a + b}{c}', '{}+ (d + e)']
    """
    found, depth = [""], 0
    for token in TOKEN.findall(latex):
        depth += (token in OPENING) - (token in CLOSING)
        if token in OPERATORS and depth == 0 and found[-1].strip():
            found.append("{}")  # so that the operator stands between two terms, and has its spaces
        found[-1] += token
    return [piece.strip() for piece in found]


def tests_by_claim(data: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the tests of each claim."""
    tests: dict[str, list[Mapping[str, Any]]] = {claim["id"]: [] for claim in data["claims"]}
    for test in data["tests"]:
        for id in test["claims"]:
            tests[id].append(test)
    return tests


def claim_of(claim: Mapping[str, Any], tests: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a claim with its tests and a summary of its results."""
    results = claim["results"]
    tests = [_with_own_cases(test, results) for test in tests]
    found = [result["result"] for result in results]
    ran = [result for result in results if result["tests"]]
    return {
        **claim,
        "tests": tests,
        "ran": sum(any(own["cases"] for own in test["own"]) for test in tests),
        "found": grouped(found),
        "unproven": [run_label(run) for run, result in enumerate(found) if not proven(result)],
        "examples": sorted({result["examples"] for result in ran}),
        "worst": _worst(results),
        "proofs": _proofs(results, tests),
        "formulas": [formula for formula in formulas() if formula.get("claim") == claim["id"]],
        "right": [formula for formula in formulas() if formula.get("right") == claim["id"]],
    }


def _with_own_cases(test: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [_own(test, result, run) for run, result in enumerate(results)]
    return {**test, "own": own, "counts": grouped({**cases, "outcome": ""} for cases in own)}


def _own(test: Mapping[str, Any], result: Mapping[str, Any], run: int) -> dict[str, Any]:
    """Return the outcome of a claim's own cases of a test in a run; other cases may carry other claims."""
    cases = [id for id in result["tests"] if id.partition("[")[0] == test["test"]]
    whole = test["results"][run]
    not_run = "skipped" if whole["outcome"] == "skipped" else "not run"
    return {
        "outcome": whole["outcome"] if _failing(test, run) & set(cases) else "passed" if cases else not_run,
        "cases": len(cases),
        "of": whole["cases"],
        "examples": whole["examples"],
    }


def _failing(test: Mapping[str, Any], run: int) -> set[str]:
    """Return the ids of a test's cases that failed in a run."""
    cases = [failure["case"] for failure in test["results"][run]["failures"]]
    return {f"{test['test']}[{case}]" if case else test["test"] for case in cases}


def _worst(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each number format the worst error of every run, and the worst of all with its run."""
    found = []
    for dtype in sorted({dtype for result in results for dtype in result["worst"]}):
        runs = [result["worst"].get(dtype) for result in results]
        run = max(range(len(runs)), key=lambda run: runs[run]["share"] if runs[run] else -1)
        found.append({"dtype": dtype, "runs": runs, "nearest": runs[run], "label": run_label(run)})
    return found


def _proofs(
    results: Sequence[Mapping[str, Any]], tests: Iterable[Mapping[str, Any]]
) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the outcomes of both ways to prove a number, run by run; nothing if neither was run."""
    failing = [set().union(*(_failing(test, run) for test in tests)) for run in range(len(results))]
    proofs = {
        way: [_outcome(way, result["tests"], failed) for result, failed in zip(results, failing, strict=True)]
        for way in PROOFS
    }
    known = any(outcome != "not run" for outcomes in proofs.values() for outcome in outcomes)
    return {way: grouped(outcomes) for way, outcomes in proofs.items()} if known else {}


def _outcome(way: str, ran: Iterable[str], failed: set[str]) -> str:
    cases = {test for test in ran if f"[{way}" in test}
    return "failed" if cases & failed else "passed" if cases else "not run"


def failures(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tests that failed in any run, those with claims first, then claims that failed without such a test."""
    by_id = {claim["id"]: claim for claim in data["claims"]}
    found = [
        {"test": test, "claims": [by_id[id] for id in test["claims"] if _fails(by_id[id], test)]}
        for test in data["tests"]
        if any(result["outcome"] in ("failed", "error") for result in test["results"])
    ]
    shown = {claim["id"] for failure in found for claim in failure["claims"]}
    lonely = [
        {"test": None, "claims": [claim]}
        for claim in data["claims"]
        if claim["id"] not in shown and any(result["result"] == "failed" for result in claim["results"])
    ]
    return sorted(found, key=lambda failure: not failure["claims"]) + lonely


def _fails(claim: Mapping[str, Any], test: Mapping[str, Any]) -> bool:
    """Tell whether a case of this test made the claim fail in any run."""
    return any(
        result["result"] == "failed" and not _failing(test, run).isdisjoint(result["tests"])
        for run, result in enumerate(claim["results"])
    )
