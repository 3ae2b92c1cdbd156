"""Tables: built from columns, in both languages, and written as lines for the terminal or as Markdown."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from benchmarks.words import Words, word
from spec_tests.report.benchmark_part import Table

Entry = TypeVar("Entry")
Columns = Mapping[str, Callable[[Any], str | Words]]
"""The header of each column, and what it says of an entry."""


def table(caption: str | Words, columns: Columns, entries: Iterable[Entry]) -> Table:
    """Return a table with a row for each entry; a column that says nothing of any entry is left out.

    >>> table("Times", {"row": str, "median": lambda n: f"{n} s", "cold": lambda n: ""}, [1, 2]).rows
    (('1', '1 s'), ('2', '2 s'))
    """
    entries = list(entries)
    cells = {header: [_both(cell(entry)) for entry in entries] for header, cell in columns.items()}
    cells = {header: column for header, column in cells.items() if any(english for english, _ in column)}
    header_en, header_zh = zip(*map(word, cells), strict=True) if cells else ((), ())
    rows_en, rows_zh = (
        tuple(zip(*[[cell[language] for cell in column] for column in cells.values()], strict=True))
        for language in (0, 1)
    )
    return Table(*_both(caption), header_en, header_zh, rows_en, rows_zh if rows_zh != rows_en else ())


def _both(text: str | Words) -> Words:
    return word(text) if isinstance(text, str) else text


def as_lines(table: Table) -> list[str]:
    """Return a table in English as lines."""
    return [f"{table.caption_en}:", *aligned([table.header_en, *table.rows])]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, with their first column aligned left and the others aligned right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def markdown(table: Table, language: str) -> str:
    """Return a heading and the table below it in "en" or "zh": the first column to the left, numbers to the right."""
    caption, header = (table.caption_zh, table.header_zh) if language == "zh" else (table.caption_en, table.header_en)
    rule = [":--", *["--:"] * (len(header) - 1)]
    cells = [list(map(plain, header)), rule, *(list(map(plain, row)) for row in table.rows_in(language))]
    return f"## {plain(caption)}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in cells)


def plain(text: str) -> str:
    r"""Keep Markdown from seeing marks in a text.

    >>> plain("a|b *c* channels_last")
    'a\\|b \\*c\\* channels_last'
    """
    return re.sub(r"([\\`*<>|\[\]])", r"\\\1", " ".join(text.split()))
