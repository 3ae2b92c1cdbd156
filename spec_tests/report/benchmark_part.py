"""What one machine's benchmarks say, as the report's page shows it: sentences, tables and pictures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spec_tests.report.figures.figure import Picture


@dataclass(frozen=True)
class Table:
    """A table of plain text. The first cell of a row names it; columns of numbers are set to the right.

    Raises ValueError where a row has more or fewer cells than the header.

    >>> table = Table("Times", "时间", ("layer", "median"), ("层", "中位数"), (("conv1", "1.3 ms"),))
    >>> table.rows_in("zh")
    (('conv1', '1.3 ms'),)
    >>> table.are_numbers(0), table.are_numbers(1)
    (False, True)
    """

    caption_en: str
    caption_zh: str
    header_en: tuple[str, ...]
    header_zh: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    rows_zh: tuple[tuple[str, ...], ...] = ()
    """Only where a cell holds words; the rows as in English otherwise."""

    def __post_init__(self) -> None:
        for name in ("header_zh", "rows", "rows_zh"):
            found = getattr(self, name)
            for row in [found] if name == "header_zh" else found:
                _has_width(name, row, len(self.header_en))

    def rows_in(self, language: str) -> tuple[tuple[str, ...], ...]:
        """Return the rows in "en" or "zh"."""
        return self.rows_zh if language == "zh" and self.rows_zh else self.rows

    def are_numbers(self, column: int) -> bool:
        """Tell whether every cell of a column begins as a number does, or stands for one that is missing."""
        return all(re.match(r"[-−+<>≈~]?\s*\d|[-–—]?$", row[column]) for row in self.rows)


@dataclass(frozen=True)
class BenchmarkPart:
    """The benchmarks of one machine. All strings are plain text, which the page escapes."""

    title_en: str
    """The machine's name."""
    title_zh: str
    summary_en: tuple[str, ...]
    """Plain sentences, each a paragraph: what was measured, and what came out."""
    summary_zh: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    """Their section is "benchmarks"; they stand below the sentences and above the tables."""


def _has_width(name: str, row: Sequence[str], width: int) -> None:
    if len(row) != width:
        raise ValueError(f"{name} of a table has a row of {len(row)} cells, header_en has {width}: {row!r}")
