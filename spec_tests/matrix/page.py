"""The page of a matrix: one self-contained HTML file in English and in Chinese, in the report's style.

All text from outside is escaped.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from spec_tests.contract.expectations import DEFECT
from spec_tests.matrix.columns import STATES, place_of, shown_as, total, unexplained
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT
from spec_tests.matrix.merging import telling
from spec_tests.matrix.reading import Data
from spec_tests.report import templates
from spec_tests.report.page_filters import sentence
from spec_tests.vocabulary.levels import LEVELS, LEVELS_ZH

FOLDER = Path(__file__).with_name("page")
SHOWN = 3
"""Failed tests of an operation and level that the page does not fold."""
NAMED = 12
"""Cases of a test that the page names."""
COUNTED = (KEPT, DEVIATION, FAILED)


def render(matrix: Data) -> str:
    """Return the page of a matrix, as `reading.read` returns it."""
    script = templates.script_of(FOLDER / "matrix.js")
    environment = templates.environment(FOLDER)
    environment.filters["breakable"] = breakable
    columns = [
        {**column, **_shown(column, number), "telling": told}
        for number, (column, told) in enumerate(zip(matrix["columns"], telling(matrix["columns"]), strict=True), 1)
    ]
    operations = {cell["operation"] for column in columns for cell in column["cells"]}
    return environment.get_template("matrix.html.jinja").render(
        columns=columns,
        operations=sorted(operations, key=lambda name: place_of(name, LEVELS[0])),
        missing=matrix["missing"],
        levels=LEVELS,
        shown=SHOWN,
        words=words(),
        script=Markup(script),
        script_hash=templates.hash_of(script),
        style=templates.style_of(FOLDER / "matrix.css"),
    )


@cache
def words() -> dict[str, Any]:
    """Return the words for states and levels in both languages."""
    return {**tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8")), "levels": LEVELS_ZH}


def breakable(name: str) -> Markup:
    """Return a subject's name that may be broken after its separators.

    >>> breakable("torch:<b>_last")
    Markup('torch:<wbr>&lt;b&gt;_<wbr>last')
    """
    return Markup(re.sub("[:_]", r"\g<0><wbr>", str(Markup.escape(name))))


def _shown(column: Data, number: int) -> dict[str, Any]:
    """Return what the page shows of a column, in place of its own entries and besides them."""
    column = {**column, "deviations": [{**one, "verdict": one.get("verdict", DEFECT)} for one in column["deviations"]]}
    cells = {(cell["operation"], cell["level"]): cell for cell in column["cells"]}
    found = _found(column, cells)
    with_findings = {one["operation"] for one in found}
    rows: dict[str, dict[str, Any]] = {}
    for operation in dict.fromkeys(operation for operation, _ in cells):
        marks = [_mark(column, cells.get((operation, level))) for level in LEVELS]
        seconds = sum(cells[operation, level]["seconds"] for level in LEVELS if (operation, level) in cells)
        rows[operation] = {
            "marks": marks,
            "said_en": _said([mark for mark in marks if mark], "en"),
            "said_zh": _said([mark for mark in marks if mark], "zh"),
            "seconds": f"{seconds:.1f}",
            "found": operation in with_findings,
        }
    counts = total(column)
    left: dict[str, list[tuple[str, int]]] = {}
    for (operation, level), count in unexplained(column).items():
        left.setdefault(operation, []).append((level, count))
    return {
        "number": number,
        "rows": rows,
        "found": found,
        "total": {state: counts[state] for state in STATES},
        "left": left,
        "file": _expectation_file(column["subject"]),
        "deviations": column["deviations"],
    }


def _expectation_file(subject: str) -> str:
    """Return where the known deviations of a subject are described."""
    return f"spec_tests/subjects/expected/{subject.replace(':', '_')}.toml"


def _mark(column: Data, cell: Data | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    tests = cell["tests"]
    counted = sum(tests.get(outcome, 0) for outcome in COUNTED)
    numbers = f"{tests.get(KEPT, 0)} / {counted}" if counted else ""
    title = ", ".join(f"{count} {outcome}" for outcome, count in tests.items())
    state = shown_as(column, cell["state"], cell["deviations"])
    return {"state": state, "level": cell["level"], "title": title, "numbers": numbers}


def _said(marks: Iterable[Mapping[str, Any]], language: str) -> str:
    """Return in words what a cell's marks are: once if all are the same."""
    marks = list(marks)
    states = words()["states"]
    if len({mark["state"] for mark in marks}) == 1:
        state = states[marks[0]["state"]][language]
        return f"all levels: {state}" if language == "en" else f"各层级：{state}"
    parts = [
        f"{mark['level'] if language == 'en' else words()['levels'][mark['level']]} {states[mark['state']][language]}"
        for mark in marks
    ]
    return ("; " if language == "en" else "；").join(parts)


def _found(column: Data, cells: Mapping[tuple[str, str], Data]) -> list[dict[str, Any]]:
    """Return by operation and level what failed and which known deviations were met."""
    by_cell: dict[tuple[str, str], list[Data]] = {}
    for finding in column["findings"]:
        for level, operation in finding["requires"]:
            by_cell.setdefault((operation, level), []).append(finding)
    operations: dict[str, list[dict[str, Any]]] = {}
    for operation, level in sorted(by_cell, key=lambda cell: place_of(*cell)):
        failed = [one for one in by_cell[operation, level] if one["outcome"] == FAILED]
        cell = cells.get((operation, level), {"tests": {}})
        met = {id for one in by_cell[operation, level] for id in one["deviations"]}
        operations.setdefault(operation, []).append(
            {
                "level": level,
                "tests": _tests(cell["tests"], by_cell[operation, level], column),
                "known": [one for one in column["deviations"] if one["id"] in met],
                "failed": _by_function(failed),
            }
        )
    return [{"operation": operation, "parts": parts} for operation, parts in operations.items()]


def _tests(tests: Mapping[str, int], findings: Iterable[Data], column: Data) -> dict[str, int]:
    """Return how many tests of a cell are shown as what."""
    met = [shown_as(column, DEVIATION, one["deviations"]) for one in findings if one["outcome"] == DEVIATION]
    return {state: count for state in STATES if (count := tests.get(state, 0) + met.count(state))}


def _by_function(findings: Iterable[Data]) -> list[dict[str, Any]]:
    """Return the failed tests, the cases of a function together: the first of them that is drawn tells for all."""
    functions: dict[str, list[Data]] = {}
    for finding in findings:
        functions.setdefault(finding["test"].partition("[")[0], []).append(finding)
    shown = []
    for function, cases in functions.items():
        first = next((one for one in cases if one["case"]), cases[0])
        shown.append(
            {
                "sentence": sentence(function),
                "cases": len(cases),
                "how": next((one["how"] for one in cases if one["how"] != FAILED), FAILED),
                "message": first["message"],
                "case": first["case"],
                "ids": [one["test"] for one in cases[:NAMED]],
                "more": max(0, len(cases) - NAMED),
            }
        )
    return shown
