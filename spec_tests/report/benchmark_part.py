"""The benchmarks of one machine as the report's page shows them: sentences, figures and tables, in both languages.

The page takes them from files of data, `part.json`, whose form `benchmarks.schema.json` describes. `python -m
benchmarks.report RESULT.json DIR` leaves such a file in DIR; any other program may write one.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from spec_tests.report.json_files import Unreadable, check_form, check_unique, check_value, load, naming
from spec_tests.report.page_figure import PageFigure

FILE = "part.json"
SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("benchmarks.schema.json").read_text(encoding="utf-8"))
FORMAT: int = SCHEMA["properties"]["format"]["const"]

Rows = tuple[tuple[str, ...], ...]
Part = TypeVar("Part")


@dataclass(frozen=True)
class Table:
    """A table of plain text. The first cell of a row names it; columns of numbers are aligned right.

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
    rows: Rows
    rows_zh: Rows = ()
    """Only if a cell contains words; otherwise the rows are the same in both languages."""

    def __post_init__(self) -> None:
        """Check the width of every row."""
        for name, rows in (("header_zh", (self.header_zh,)), ("rows", self.rows), ("rows_zh", self.rows_zh)):
            for row in rows:
                if len(row) != len(self.header_en):
                    raise ValueError(f"{name} has a row of {len(row)} cells, header_en has {len(self.header_en)}")

    def rows_in(self, language: str) -> Rows:
        """Return the rows in "en" or "zh"."""
        return self.rows_zh if language == "zh" and self.rows_zh else self.rows

    def are_numbers(self, column: int) -> bool:
        """Tell whether every cell of a column starts like a number, or stands for a missing one."""
        return all(re.match(r"[-−+<>≈~]?\s*\d|[-–—]?$", row[column]) for row in self.rows)


@dataclass(frozen=True)
class BenchmarkPart:
    """The benchmarks of one machine. All strings are plain text, which the page escapes."""

    title_en: str
    """The machine's name."""
    title_zh: str
    summary_en: tuple[str, ...]
    """Plain sentences, each a paragraph: what was measured, and what the measurements show."""
    summary_zh: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    figures: tuple[PageFigure, ...] = ()
    """Figures of the section "benchmarks"; shown between the sentences and the tables if no part is later."""

    def measured(self) -> str:
        """Return when this was measured, as a sentence says in ISO 8601; nothing if none does."""
        found = re.search(r"\b\d{4}-\d\d-\d\dT[\d:]+", " ".join(self.summary_en))
        return found.group() if found else ""


def as_text(part: BenchmarkPart) -> str:
    """Return the content of a `part.json`."""
    return json.dumps({"format": FORMAT, **asdict(part)}, ensure_ascii=False, indent=1) + "\n"


def read_all(folder: Path) -> list[BenchmarkPart]:
    """Return what every `part.json` in a subfolder says, in the order of the subfolders' names."""
    return [read(file) for file in sorted(folder.glob(f"*/{FILE}"))]


def read(file: Path) -> BenchmarkPart:
    """Return what a `part.json` says; raise Unreadable, which names the file and the place, if something is wrong."""
    with naming(file, "a page of benchmarks"):
        return from_data(load(file))


def from_data(data: Any) -> BenchmarkPart:
    """Return what the data of a `part.json` say; raise Unreadable, which names the place, if something is wrong.

    >>> from_data({"format": 1})
    Traceback (most recent call last):
    spec_tests.report.json_files.Unreadable: $: 'title_en' is a required property
    """
    check_value(data)
    check_form(data, SCHEMA)
    check_unique((figure["id"] for figure in data["figures"]), "$.figures")
    tables, figures = _each(Table, data["tables"], "$.tables"), _each(PageFigure, data["figures"], "$.figures")
    texts = {name: _frozen(value) for name, value in data.items() if name not in ("format", "tables", "figures")}
    return BenchmarkPart(**texts, tables=tuple(tables), figures=tuple(figures))


def _each(kind: type[Part], entries: Sequence[Mapping[str, Any]], place: str) -> Iterator[Part]:
    for index, entry in enumerate(entries):
        try:
            yield kind(**{name: _frozen(value) for name, value in entry.items()})
        except ValueError as error:
            raise Unreadable(f"{place}[{index}]: {error}") from None


def _frozen(value: Any) -> Any:
    """Return a value of JSON with tuples for its lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
