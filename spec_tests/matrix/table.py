"""The matrix as a plain table for the terminal: operations in rows, subjects in columns, a sign for each level."""

from collections import Counter
from collections.abc import Iterator, Sequence

from spec_tests.matrix.columns import place_of, total
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT, NOT_COUNTED, NOT_OFFERED, NOT_REACHED
from spec_tests.matrix.reading import Data
from spec_tests.vocabulary.levels import LEVELS

SIGNS = {KEPT: "+", DEVIATION: "~", FAILED: "X", NOT_REACHED: "?", NOT_OFFERED: "-", NOT_COUNTED: "o"}
NO_TEST = " "
WIDTH, PAGE = 7, 120
"""Widths, in characters, of a column and of a line."""
COUNTED = (KEPT, DEVIATION, FAILED)


def lines(matrix: Data) -> Iterator[str]:
    """Yield the lines of the table, what its signs mean, and what each column is."""
    columns = matrix["columns"]
    if columns:
        yield from _table(columns)
        yield ""
        yield f"the signs of a cell are of {', '.join(LEVELS)}:"
        yield "  " + ", ".join(f"{sign} {state}" for state, sign in SIGNS.items()) + "; nothing where no test asks"
        yield ""
        for number, column in enumerate(columns, 1):
            yield f"{number:3}  {_described(column)}"
            if column["said"]:
                yield f"     {column['status']}: {column['said']}"
            if column["deviations"]:
                met = ", ".join(f"{one['id']} ({one['tests']})" for one in column["deviations"] if one["tests"])
                yield from ([f"     known deviations met: {met}"] if met else [])
    for entry in matrix["missing"]:
        yield f"  -  {entry['subject']} is missing: {entry['said']}"


def _table(columns: Sequence[Data]) -> Iterator[str]:
    cells = [{(cell["operation"], cell["level"]): cell for cell in column["cells"]} for column in columns]
    operations = sorted({operation for of in cells for operation, _ in of}, key=lambda name: place_of(name, LEVELS[0]))
    title = max(len("operation"), *map(len, operations)) + 2 if operations else len("operation") + 2
    for begin in range(0, len(columns), (PAGE - title) // WIDTH):
        part = range(begin, min(begin + (PAGE - title) // WIDTH, len(columns)))
        if begin:
            yield ""
        yield f"{'operation':{title}}" + "".join(f"{number + 1:<{WIDTH}}" for number in part).rstrip()
        for operation in operations:
            signs = ("".join(_sign(cells[number].get((operation, level))) for level in LEVELS) for number in part)
            yield f"{operation:{title}}{''.join(f'{one:{WIDTH}}' for one in signs)}".rstrip()


def _sign(cell: Data | None) -> str:
    return SIGNS[cell["state"]] if cell is not None else NO_TEST


def _described(column: Data) -> str:
    """Return in one line what a column is, and what came of it."""
    counts: Counter[str] = total(column)
    named = f"{column['subject']}: " if column["subject"] != column["name"] else ""
    tests = ", ".join(f"{counts[state]:,} {state}" for state in SIGNS if counts[state]) or "no tests"
    return f"{named}{column['name']}, {column['lane']['name']} lane, {column['seconds']:.0f} s: {tests}"
