"""The matrix as a plain table for the terminal: operations in rows, subjects in columns, a sign for each level."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from spec_tests.contract.expectations import DEFECT, DIFFERENCE, OURS
from spec_tests.matrix.columns import place_of, shown_as, total, unexplained
from spec_tests.matrix.journal import FAILED, KEPT, NOT_COUNTED, NOT_OFFERED, NOT_REACHED
from spec_tests.matrix.merging import telling
from spec_tests.matrix.reading import Data
from spec_tests.vocabulary.levels import LEVELS

SIGNS = {
    KEPT: ("+", "kept"),
    DEFECT: ("!", "known defect"),
    DIFFERENCE: ("~", "known difference"),
    OURS: ("=", "known shortcoming of ours"),
    FAILED: ("X", "failed unexplained"),
    NOT_REACHED: ("?", "not reached"),
    NOT_OFFERED: ("-", "not offered"),
    NOT_COUNTED: ("o", "not counted"),
}
"""The sign of what a cell is shown as, and its meaning."""
NO_TEST = " "
PAGE, GAP, WIDEST = 120, 2, 20
"""Widths, in characters: of a line, between columns, and of a line of a name."""


def lines(matrix: Data) -> Iterator[str]:
    """Yield what the signs mean, the lines of the table, and what each column is."""
    columns = matrix["columns"]
    if columns:
        yield f"The signs of a cell are of {', '.join(LEVELS)}; nothing where no test asks."
        signs = [f"{sign} {meaning}" for sign, meaning in SIGNS.values()]
        yield from ("  " + "   ".join(signs[begin : begin + 4]) for begin in range(0, len(signs), 4))
        yield "index.html, the page beside this table, says of each cell what was found, which side is wrong, and why."
        yield ""
        yield from _table(columns)
        for column, told in zip(columns, telling(columns), strict=True):
            yield ""
            yield from _described(column, f"{column['subject']} ({told})" if told else column["subject"])
    for entry in matrix["missing"]:
        yield ""
        yield f"{entry['subject']} is missing: {entry['said']}"


def _names(columns: Sequence[Data]) -> list[list[str]]:
    """Return the name of each column in lines: the subject, its variant, and what tells it from others of that name."""
    named = []
    for column, told in zip(columns, telling(columns), strict=True):
        subject, colon, variant = column["subject"].partition(":")
        named.append([part for part in (f"{subject}{colon}", variant, told) if part])
    return named


def _table(columns: Sequence[Data]) -> Iterator[str]:
    cells = [{(cell["operation"], cell["level"]): cell for cell in column["cells"]} for column in columns]
    operations = sorted({operation for of in cells for operation, _ in of}, key=lambda name: place_of(name, LEVELS[0]))
    titles = [[_cut(part) for part in name] for name in _names(columns)]
    widths = [GAP + max(len(LEVELS), *map(len, title)) for title in titles]
    first = GAP + max(map(len, ["operation", *operations]))
    for number, part in enumerate(_parts(widths, PAGE - first)):
        if number:
            yield ""
        heads = zip_longest(*(titles[place] for place in part), fillvalue="")
        for left, head in zip_longest(["operation"], heads, fillvalue=""):
            yield _row(left or "", first, head or (), [widths[place] for place in part])
        for operation in operations:
            signs = [_signs(columns[place], cells[place], operation) for place in part]
            yield _row(operation, first, signs, [widths[place] for place in part])


def _cut(name: str) -> str:
    """Return the end of a name that is too wide for a column."""
    return name if len(name) <= WIDEST else f"…{name[1 - WIDEST :]}"


def _parts(widths: Sequence[int], page: int) -> Iterator[range]:
    """Yield the columns that stand beside each other on a page."""
    begin = 0
    for end in range(1, len(widths) + 1):
        if end == len(widths) or sum(widths[begin : end + 1]) - GAP > page:
            yield range(begin, end)
            begin = end


def _row(left: str, first: int, texts: Sequence[str], widths: Sequence[int]) -> str:
    return f"{left:{first}}{''.join(f'{text:{width}}' for text, width in zip(texts, widths, strict=False))}".rstrip()


def _signs(column: Data, cells: Mapping[tuple[str, str], Data], operation: str) -> str:
    found = (cells.get((operation, level)) for level in LEVELS)
    return "".join(
        NO_TEST if cell is None else SIGNS[shown_as(column, cell["state"], cell["deviations"])][0] for cell in found
    )


def _described(column: Data, name: str) -> Iterator[str]:
    """Yield what a column is, what came of it, and what of that is known."""
    counts = total(column)
    tests = ", ".join(f"{counts[state]:,} {meaning}" for state, (_, meaning) in SIGNS.items() if counts[state])
    yield f"{name}: {column['name']}, {column['lane']['name']} lane, {column['seconds']:.0f} s"
    yield f"  {tests or 'no tests'}"
    if column["said"]:
        yield f"  {column['status']}: {column['said']}"
    if met := [f"{one['id']} ({one['tests']})" for one in column["deviations"] if one["tests"]]:
        yield f"  known: {', '.join(met)}"
    if left := [f"{operation} {level} ({count})" for (operation, level), count in unexplained(column).items()]:
        yield f"  not explained: {', '.join(left)}"
