"""A subject's column of the matrix: how many of its tests ended how, by operation and level, and what is to be said."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from spec_tests.contract.expectations import DEFECT, DIFFERENCE, OURS, VERDICTS
from spec_tests.matrix.journal import (
    DEVIATION,
    FAILED,
    KEPT,
    NOT_COUNTED,
    NOT_OFFERED,
    NOT_REACHED,
    OUTCOMES,
    Ended,
    Journal,
)
from spec_tests.matrix.reading import Data, state_of
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS

ORDER = list(dict.fromkeys([*OPERATIONS, *OPTIMIZERS, *TRANSFORMS]))
"""The operations in the document's order; what is none of them comes last."""


STATES = (KEPT, DEFECT, DIFFERENCE, OURS, FAILED, NOT_REACHED, NOT_OFFERED, NOT_COUNTED)
"""What a cell is shown as: outcomes, a known deviation by the side that is wrong."""


@dataclass
class _Cell:
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    deviations: set[str] = field(default_factory=set)


def place_of(operation: str, level: str) -> tuple[int, str, int]:
    """Return where a cell stands: in the document's order, and by level."""
    known = ORDER.index(operation) if operation in ORDER else len(ORDER)
    return known, operation, LEVELS.index(level) if level in LEVELS else len(LEVELS)


def column(facts: Data, found: Journal) -> Data:
    """Return a column: these facts, and what the journal says of each test."""
    ended = {test: found.ended.get(test, Ended(NOT_REACHED)) for test in sorted(found.requirements)}
    known = {entry["id"]: entry for entry in found.subject.get("deviations", [])}
    met = Counter(id for one in ended.values() for id in one.deviations)
    shown = found.shown
    return {
        **facts,
        "dtypes": found.subject.get("dtypes", []),
        "notes": found.subject.get("notes", []),
        "cells": _cells(ended, found.requirements),
        "reasons": _reasons(ended.values()),
        "deviations": [
            {**texts_of(known.get(id, {"id": id})), "tests": met[id], **({"shown": shown[id]} if id in shown else {})}
            for id in dict.fromkeys([*met, *shown])
        ],
        "findings": [
            _finding(test, found.requirements[test], one)
            for test, one in ended.items()
            if one.outcome in (FAILED, DEVIATION)
        ],
        "outcomes": {test: one.outcome for test, one in ended.items()},
    }


def _cells(ended: Mapping[str, Ended], requirements: Mapping[str, list[list[str]]]) -> list[Data]:
    cells: dict[tuple[str, str], _Cell] = {}
    for test, one in ended.items():
        for level, operation in requirements[test]:
            cell = cells.setdefault((operation, level), _Cell())
            cell.counts[one.outcome] += 1
            cell.seconds += one.seconds
            cell.deviations.update(one.deviations)
    return [
        {
            "operation": operation,
            "level": level,
            "state": state_of(cell.counts),
            "tests": {outcome: cell.counts[outcome] for outcome in OUTCOMES if cell.counts[outcome]},
            "seconds": round(cell.seconds, 2),
            "deviations": sorted(cell.deviations),
        }
        for (operation, level), cell in sorted(cells.items(), key=lambda cell: place_of(*cell[0]))
    ]


def _reasons(ended: Iterable[Ended]) -> list[Data]:
    """Return why tests were not counted or what was not offered, and how many tests that concerns."""
    counts = Counter((one.outcome, one.reason) for one in ended if one.outcome in (NOT_OFFERED, NOT_COUNTED))
    return [
        {"outcome": outcome, "reason": reason or "no reason was given", "tests": count}
        for (outcome, reason), count in sorted(counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))
    ]


TEXTS = ("id", "where", "expected", "found", "verdict", "why", "seen", "versions", "package", "issue")


def texts_of(entry: Data) -> Data:
    """Return of a known deviation what explains it, in both languages."""
    names = [*TEXTS, *(f"{name}_zh" for name in TEXTS)]
    return {name: entry[name] for name in names if entry.get(name)}


def _finding(test: str, requirements: list[list[str]], one: Ended) -> Data:
    return {
        "test": test,
        "requires": [list(required) for required in requirements],
        "outcome": one.outcome,
        "how": one.how or one.outcome,
        "deviations": one.deviations,
        "message": one.message,
        "case": one.case,
    }


def shown_as(column: Data, outcome: str, deviations: Iterable[str]) -> str:
    """Return what a cell or a test of a column is shown as, one of `STATES`: of several verdicts the first counts."""
    if outcome != DEVIATION:
        return outcome
    verdicts = {one["id"]: one.get("verdict", DEFECT) for one in column["deviations"]}
    found = {verdicts.get(id, DEFECT) for id in deviations}
    return next((verdict for verdict in VERDICTS if verdict in found), DEFECT)


def total(column: Data) -> Counter[str]:
    """Return how many tests of a column are shown as what."""
    counts = Counter(column["outcomes"].values())
    del counts[DEVIATION]
    met = (one for one in column["findings"] if one["outcome"] == DEVIATION)
    return counts + Counter(shown_as(column, DEVIATION, one["deviations"]) for one in met)


def unexpected(column: Data) -> Iterator[str]:
    """Yield a line for all that was not expected: it ended early, a test failed, a known deviation did not show."""
    subject = column["subject"]
    if column["status"] != "measured":
        yield f"{subject}: {column['status']}: {column['said']}"
    for finding in column["findings"]:
        if finding["outcome"] == FAILED:
            yield f"{subject}: {finding['test']}: {finding['message'].partition(chr(10))[0]}"
    for deviation in column["deviations"]:
        if deviation.get("shown") is False:
            yield f"{subject}: the smallest example of {deviation['id']} does not show it: has it been mended?"


def unexplained(column: Data) -> dict[tuple[str, str], int]:
    """Return by operation and level how many tests failed that no expectation file explains."""
    return {
        (cell["operation"], cell["level"]): cell["tests"][FAILED] for cell in column["cells"] if FAILED in cell["tests"]
    }
