"""What has become known since a matrix was measured: failures that an expectation file explains by now.

A subject's expectation file may be written after its column was measured, which takes long. A test that failed is a
known deviation if the file lists it, in the version that was measured, and its message is what the file expects. What
is said of a known deviation is taken from the file as it is now; one that no file has any more explains nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spec_tests.contract.expectations import Expectations
from spec_tests.matrix.columns import texts_of, unexplained
from spec_tests.matrix.journal import DEVIATION, FAILED, OUTCOMES
from spec_tests.matrix.reading import Data, state_of
from spec_tests.vocabulary.claims import deviations

KNOWN = re.compile(r"known deviation [\w-]+: ")
"""What a run puts before the message of a failure that it knows."""


def explained(matrix: Data, expected: Callable[[str], Expectations | None]) -> tuple[Data, int]:
    """Return the matrix with the failures that are known by now as known deviations, and how many these are."""
    columns = [_column(column, expected(column["subject"])) for column in matrix["columns"]]
    return {**matrix, "columns": columns}, sum(
        was["outcome"] == FAILED and now["outcome"] == DEVIATION
        for before, after in zip(matrix["columns"], columns, strict=True)
        for was, now in zip(before["findings"], after["findings"], strict=True)
    )


def left(matrix: Data) -> Iterator[str]:
    """Yield a line for each cell with failures that are not explained."""
    for column in matrix["columns"]:
        for (operation, level), count in unexplained(column).items():
            yield f"{column['subject']}: {operation} {level}: {count} test{'s' if count != 1 else ''}"


def _column(column: Data, expected: Expectations | None) -> Data:
    known = _texts(column["subject"], expected)
    findings = [_finding(finding, column, expected, known) for finding in column["findings"]]
    outcomes = {**column["outcomes"], **{finding["test"]: finding["outcome"] for finding in findings}}
    changed = [(was, now) for was, now in zip(column["findings"], findings, strict=True) if was != now]
    met = [id for finding in findings for id in finding["deviations"]]
    before = {one["id"]: one for one in column["deviations"]}
    return {
        **column,
        "findings": findings,
        "outcomes": outcomes,
        "cells": [_cell(cell, findings, changed) for cell in column["cells"]],
        "deviations": [
            {**before.get(id, {}), **known.get(id, {}), "id": id, "tests": met.count(id)}
            for id in dict.fromkeys([*before, *met])
            if id in met or id in known
        ],
    }


def _texts(subject: str, expected: Expectations | None) -> dict[str, Data]:
    """Return by id what is said today of the known deviations of a subject."""
    register = [one for one in deviations() if one["subject"] == subject.partition(":")[0]]
    own = expected.as_register() if expected is not None else []
    return {one["id"]: texts_of(one) for one in [*register, *own]}


def _finding(finding: Data, column: Data, expected: Expectations | None, known: Mapping[str, Any]) -> Data:
    """Return a failure as a deviation if it is known, and one that is not known any more as a failure."""
    if finding["outcome"] == DEVIATION and any(id in known for id in finding["deviations"]):
        return finding
    message = KNOWN.sub("", finding["message"], count=1)
    id = _reason({**finding, "message": message}, column, expected) if expected is not None else None
    if id is not None:
        return {**finding, "outcome": DEVIATION, "how": DEVIATION, "deviations": [id]}
    how = finding["how"] if finding["outcome"] == FAILED else FAILED
    return {**finding, "message": message, "outcome": FAILED, "how": how, "deviations": []}


def _reason(finding: Data, column: Data, expected: Expectations) -> str | None:
    """Return the id of the deviation that a failure is listed for."""
    file, _, rest = finding["test"].partition("::")
    name = f"{file.rpartition('/')[2]}::{rest}"
    version = column["versions"].get(expected.package, "")
    for deviation in expected.deviations:
        listed = any(pattern.fullmatch(name) for pattern in deviation.patterns)
        if listed and deviation.is_for(version) and re.search(deviation.failure, finding["message"]):
            return deviation.id
    return None


def _cell(cell: Data, findings: list[Data], changed: list[tuple[Data, Data]]) -> Data:
    """Return a cell in which its findings count as what they are now."""
    place = [cell["level"], cell["operation"]]
    tests = {outcome: cell["tests"].get(outcome, 0) for outcome in OUTCOMES}
    for was, now in changed:
        if place in was["requires"]:
            tests[was["outcome"]] -= 1
            tests[now["outcome"]] += 1
    tests = {outcome: count for outcome, count in tests.items() if count}
    known = {id for finding in findings if place in finding["requires"] for id in finding["deviations"]}
    return {**cell, "tests": tests, "state": state_of(tests), "deviations": sorted(known)}
