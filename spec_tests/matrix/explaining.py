"""What has become known since a matrix was measured: failures that an expectation file explains by now.

A subject's expectation file may be written after its column was measured, which takes long. A test that failed is a
known deviation if the file lists it, in the version that was measured, and its message is what the file expects.
"""

import re
from collections.abc import Callable
from typing import Any

from spec_tests.contract.expectations import Deviation, Expectations
from spec_tests.matrix.columns import texts_of
from spec_tests.matrix.journal import DEVIATION, FAILED, OUTCOMES
from spec_tests.matrix.reading import Data, state_of
from spec_tests.vocabulary.claims import deviations


def explained(matrix: Data, expected: Callable[[str], Expectations | None]) -> tuple[Data, int]:
    """Return the matrix with the failures that are known by now as known deviations, and how many these are."""
    found = [_column(column, expected(column["subject"])) for column in matrix["columns"]]
    return {**matrix, "columns": [column for column, _ in found]}, sum(count for _, count in found)


def _column(column: Data, known: Expectations | None) -> tuple[Data, int]:
    reasons = (
        {}
        if known is None
        else {
            finding["test"]: deviation
            for finding in column["findings"]
            if finding["outcome"] == FAILED and (deviation := _reason(finding, column, known)) is not None
        }
    )
    if known is None or not reasons:
        return column, 0
    findings = [_finding(finding, reasons.get(finding["test"])) for finding in column["findings"]]
    texts = {entry["id"]: entry for entry in [*deviations(), *known.as_register()]}
    met = {one["id"]: one for one in column["deviations"]}
    for deviation in reasons.values():
        before = met.get(deviation.id, {**texts_of(texts[deviation.id]), "tests": 0})
        met[deviation.id] = {**before, "tests": before["tests"] + 1}
    changed = {
        **column,
        "findings": findings,
        "deviations": list(met.values()),
        "outcomes": {test: DEVIATION if test in reasons else how for test, how in column["outcomes"].items()},
        "cells": [_cell(cell, column["findings"], reasons) for cell in column["cells"]],
    }
    return changed, len(reasons)


def _reason(finding: Data, column: Data, known: Expectations) -> Deviation | None:
    """Return the deviation that a failure is listed for."""
    file, _, rest = finding["test"].partition("::")
    name = f"{file.rpartition('/')[2]}::{rest}"
    version = column["versions"].get(known.package, "")
    for deviation in known.deviations:
        listed = any(pattern.fullmatch(name) for pattern in deviation.patterns)
        if listed and deviation.is_for(version) and re.search(deviation.failure, finding["message"]):
            return deviation
    return None


def _finding(finding: Data, reason: Deviation | None) -> Data:
    if reason is None:
        return finding
    return {**finding, "outcome": DEVIATION, "how": DEVIATION, "deviations": [reason.id]}


def _cell(cell: Data, findings: list[Data], reasons: dict[str, Any]) -> Data:
    """Return a cell in which what is known by now counts as that."""
    place = [cell["level"], cell["operation"]]
    known = [reasons[one["test"]].id for one in findings if one["test"] in reasons and place in one["requires"]]
    if not known:
        return cell
    tests = {outcome: cell["tests"].get(outcome, 0) for outcome in OUTCOMES}
    tests[FAILED] -= len(known)
    tests[DEVIATION] += len(known)
    tests = {outcome: count for outcome, count in tests.items() if count}
    return {**cell, "tests": tests, "state": state_of(tests), "deviations": sorted({*cell["deviations"], *known})}
