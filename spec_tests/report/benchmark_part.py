"""What one machine's benchmarks say, as the report's page shows it: sentences, tables and pictures.

`python -m benchmarks.report RESULT.json DIR` leaves it in DIR as `part.json`; the page reads that file, and knows
nothing else of the benchmarks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

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


FILE = "part.json"
"""What the file is called, in a folder of its own for each result."""


def as_data(part: BenchmarkPart) -> dict[str, Any]:
    """Return a part as plain data: what JSON holds.

    >>> from_data(as_data(BenchmarkPart("A", "甲", (), ()))) == BenchmarkPart("A", "甲", (), ())
    True
    """
    return asdict(part)


def from_data(data: Any) -> BenchmarkPart:
    """Return the part that such data stand for.

    Raises ValueError, which names the place, where they stand for none.

    >>> from_data({"title_en": "A"})
    Traceback (most recent call last):
        ...
    ValueError: $: title_zh is missing
    """
    values = _fields(BenchmarkPart, data, "$")
    tables = [_made(Table, table, f"$.tables[{i}]") for i, table in enumerate(_list(values["tables"], "$.tables"))]
    pictures = [
        _made(Picture, picture, f"$.pictures[{i}]") for i, picture in enumerate(_list(values["pictures"], "$.pictures"))
    ]
    sentences = {name: tuple(map(str, _list(values[name], f"$.{name}"))) for name in ("summary_en", "summary_zh")}
    return BenchmarkPart(**{**values, **sentences, "tables": tuple(tables), "pictures": tuple(pictures)})


def _made(kind: type[Any], data: Any, place: str) -> Any:
    values = _fields(kind, data, place)
    try:
        return kind(**{name: _tuples(value) for name, value in values.items()})
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _fields(kind: type[Any], data: Any, place: str) -> dict[str, Any]:
    """Return the values of a form's fields, all of which must be there, and no other."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{place} is {type(data).__name__}, expected an object")
    names = [field.name for field in fields(kind)]
    for name in names:
        if name not in data:
            raise ValueError(f"{place}: {name} is missing")
    for name in data:
        if name not in names:
            raise ValueError(f"{place}: {name} is none of {', '.join(names)}")
    return dict(data)


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{place} is {type(value).__name__}, expected a list")
    return list(value)


def _tuples(value: Any) -> Any:
    """Return lists as the tuples that they were before they were JSON."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
