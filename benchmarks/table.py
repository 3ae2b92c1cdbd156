"""The tables of a result as text for the terminal, the same ones as in `benchmarks.report`."""

from collections.abc import Sequence
from itertools import chain

from benchmarks import summary
from benchmarks.results import Result
from spec_tests.report.benchmark_part import Table


def lines(result: Result) -> list[str]:
    """Return the tables and then the sentences of a result."""
    tables = [[*_lines(table), ""] for table in summary.tables(result)]
    return [*chain(*tables), *(sentence for sentence, _ in summary.sentences(result))]


def _lines(table: Table) -> list[str]:
    return [f"{table.caption_en}:", *aligned([table.header_en, *table.rows])]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, with their first column aligned left and the others aligned right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths) for row in rows]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row with its first column aligned left and the others aligned right."""
    first, *others = cells
    padded = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *padded]).rstrip()
