"""What the tests of a run found, as a report has it: by section, by claim, by test, and what was drawn."""

from collections import defaultdict
from collections.abc import Iterable

from spec_tests.report.book.laws import is_law
from spec_tests.report.cases import BAD, Case, source_of
from spec_tests.report.reading import Data
from spec_tests.vocabulary import buckets, claims, ledger
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.results import result_of


def drawn() -> Data:
    """Return by operation how many problems were drawn, and how many are in each bucket, empty ones included."""
    found = ledger.all_drawn()
    return {
        operation: {
            "problems": found[operation].problems,
            "buckets": [
                {"kind": bucket.kind, "name": bucket.name, "problems": found[operation].buckets[bucket.name]}
                for bucket in buckets.of(operation)
            ],
        }
        for operation in OPERATIONS
        if operation in found
    }


def sections(cases: Iterable[Case]) -> Data:
    """Return by section how many tests ran, how many of them failed or ended in an error, and their examples."""
    grouped = defaultdict[str, list[Case]](list)
    for case in cases:
        if case.ran:
            grouped[case.section].append(case)
    return {
        section: {
            "tests": len(group),
            "failed": sum(case.outcome in BAD for case in group),
            "examples": sum(case.entry.examples for case in group),
        }
        for section, group in sorted(grouped.items())
    }


def claims_of(cases: Iterable[Case]) -> list[Data]:
    """Return every claim of the register, with the result of this run."""
    executing = defaultdict[str, list[Case]](list)
    for case in cases:
        for id in case.claims if case.ran else ():
            executing[id].append(case)
    return [
        {**vars(claim), "results": [describe_result(claim, executing[id])]} for id, claim in claims.register().items()
    ]


def describe_result(claim: claims.Claim, cases: list[Case]) -> Data:
    """Return what the tests that executed a claim found."""
    return {
        "result": result_of(claim, {case.outcome for case in cases}),
        "tests": [case.id for case in cases],
        "examples": sum(case.entry.examples for case in cases),
        "comparisons": sum(case.entry.comparisons for case in cases),
        "worst": worst(case.entry for case in cases),
    }


def worst(entries: Iterable[ledger.Entry]) -> Data:
    """Return the comparison that came closest to its bound, by number format."""
    found: dict[str, ledger.Nearest] = {}
    for entry in entries:
        for dtype, seen in entry.worst.items():
            found[dtype] = max(found.get(dtype, ledger.EXACT), seen)
    return {dtype: seen._asdict() for dtype, seen in sorted(found.items())}


def tests_of(cases: Iterable[Case]) -> list[Data]:
    """Return every test function that has claims, is in the book or failed, with its source and its result."""
    functions = defaultdict[str, list[Case]](list)
    for case in cases:
        functions[case.test].append(case)
    return [
        describe_test(test, group)
        for test, group in functions.items()
        if is_law(test) or any(case.claims or case.outcome in BAD for case in group)
    ]


def describe_test(test: str, cases: list[Case]) -> Data:
    """Return a test function with all its cases."""
    line, source = source_of(cases[0].place)
    outcomes = {case.outcome for case in cases}
    return {
        "test": test,
        "section": cases[0].section,
        "claims": list(dict.fromkeys(id for case in cases for id in case.claims)),
        "file": test.partition("::")[0],
        "line": line,
        "source": source,
        "results": [
            {
                "outcome": max(outcomes, key=ledger.OUTCOMES.index),
                "cases": sum(case.ran for case in cases),
                "examples": sum(case.entry.examples for case in cases),
                "failures": [{"case": case.name, "text": case.failure} for case in cases if case.outcome in BAD],
            }
        ],
    }
