"""`matrix.json`: its form, which `matrix.schema.json` describes, and what else must hold.

In memory a column's `outcomes` are by test, as {"spec_tests/test_x.py::test_y[a]": "kept"}; in the file they are a
string of letters, in the order of the tests that all columns share.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from reference.whole_files import write_text
from spec_tests.matrix.journal import (
    DEVIATION,
    FAILED,
    KEPT,
    NOT_COUNTED,
    NOT_OFFERED,
    NOT_REACHED,
    OUTCOMES,
)
from spec_tests.report.json_files import Unreadable, check_form, check_unique, check_value, load, naming, shortened

Data = dict[str, Any]
"""What `matrix.schema.json` describes, or a part of it."""

SCHEMA: Data = json.loads(Path(__file__).with_name("matrix.schema.json").read_text(encoding="utf-8"))
FORMAT: int = SCHEMA["properties"]["format"]["const"]

LETTERS = dict(zip(OUTCOMES, "kdfron", strict=True))
"""How the file names outcomes; a space where a column does not have the test."""
PRECEDENCE = (FAILED, DEVIATION, NOT_REACHED, KEPT, NOT_OFFERED, NOT_COUNTED)
"""What a cell is: the first of these outcomes that a test of it has."""


def read(file: Path) -> Data:
    """Return the matrix in a file, its outcomes by test; raise Unreadable, which names the file and the place."""
    with naming(file, "a matrix"):
        data: Data = load(file)
        check(data)
    return unpacked(data)


def write(file: Path, matrix: Data) -> None:
    """Write a matrix, or leave the file as it is."""
    data = packed(matrix)
    check(data)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1)
    replace(file, f"{text}\n")


def replace(file: Path, text: str) -> None:
    """Write a file as a whole: another process never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)


def state_of(tests: Data) -> str:
    """Return what a cell is in which so many tests ended so.

    >>> state_of({"kept": 3, "failed": 1}), state_of({"not offered": 2, "not counted": 1})
    ('failed', 'not offered')
    """
    return next(outcome for outcome in PRECEDENCE if tests.get(outcome))


def check(data: Any) -> None:
    """Raise Unreadable, which names the place, where data are not those of a matrix."""
    check_value(data)
    format = data.get("format") if isinstance(data, dict) else None
    if isinstance(format, int) and format > FORMAT:
        raise Unreadable(f"$.format: {format} is of a later version of this project, which reads {FORMAT}")
    check_form(data, SCHEMA)
    check_unique((entry["test"] for entry in data["tests"]), "$.tests")
    check_unique((entry["subject"] for entry in data["missing"]), "$.missing")
    tests = list(_names(data["tests"]))
    for place, column in enumerate(data["columns"]):
        _check_column(column, len(tests), f"$.columns[{place}]")


def _check_column(column: Data, tests: int, place: str) -> None:
    if len(column["outcomes"]) != tests:
        raise Unreadable(
            f"{place}.outcomes: has {len(column['outcomes'])} letters, expected one for each of {tests} tests"
        )
    try:
        if datetime.fromisoformat(column["started"]).tzinfo is None:
            raise ValueError("it has no time zone")
    except ValueError as error:
        said = shortened(f"{column['started']!r} is not a valid ISO timestamp: {error}")
        raise Unreadable(f"{place}.started: {said}") from None
    check_unique((f"{cell['operation']}, {cell['level']}" for cell in column["cells"]), f"{place}.cells")
    check_unique((finding["test"] for finding in column["findings"]), f"{place}.findings")
    for number, cell in enumerate(column["cells"]):
        if cell["state"] != (expected := state_of(cell["tests"])):
            raise Unreadable(f"{place}.cells[{number}].state: {cell['state']!r}, expected {expected!r} by its tests")


def packed(matrix: Data) -> Data:
    """Return a matrix in the form of the file."""
    tests: dict[str, dict[str, None]] = {}
    for column in matrix["columns"]:
        for test in column["outcomes"]:
            function, bracket, case = test.partition("[")
            tests.setdefault(function, {})[f"{bracket}{case}"] = None
    shared = [
        {"test": function, "cases": [case.removeprefix("[").removesuffix("]") for case in sorted(cases)]}
        for function, cases in sorted(tests.items())
    ]
    return {
        "format": FORMAT,
        "tests": shared,
        "columns": [{**column, "outcomes": _letters(column["outcomes"], shared)} for column in matrix["columns"]],
        "missing": matrix["missing"],
    }


def _letters(outcomes: Data, tests: Iterable[Data]) -> str:
    return "".join(LETTERS[outcomes[test]] if test in outcomes else " " for test in _names(tests))


def unpacked(data: Data) -> Data:
    """Return what a file holds with the outcomes by test."""
    names = {letter: outcome for outcome, letter in LETTERS.items()}
    tests = list(_names(data["tests"]))
    columns = [
        {
            **column,
            "outcomes": {
                test: names[letter] for test, letter in zip(tests, column["outcomes"], strict=True) if letter != " "
            },
        }
        for column in data["columns"]
    ]
    return {"columns": columns, "missing": data["missing"]}


def _names(tests: Iterable[Data]) -> Iterator[str]:
    """Return the id of every test, in the order of the file."""
    for entry in tests:
        yield from (f"{entry['test']}[{case}]" if case else entry["test"] for case in entry["cases"])
