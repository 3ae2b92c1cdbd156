"""Texts and tables in English and in Chinese, from `words.toml`; tables are written for the terminal or as Markdown."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from spec_tests.report.benchmark_part import Table

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

Words = tuple[str, str]
"""The same text in English and in Chinese."""

NOTHING: Words = ("", "")
Columns = Mapping[str, Callable[[Any], str | Words]]
"""The header of each column, and what it says of an entry."""


def word(english: str | Words) -> Words:
    """Return a header, a cell or a name in both languages; one that has no translation is the same in both.

    >>> word("median"), word("1.3 ms")
    (('median', '中位数'), ('1.3 ms', '1.3 ms'))
    """
    return (english, TEXTS["words"].get(english, english)) if isinstance(english, str) else english


def say(path: str, **values: Any) -> Words:
    """Return the text at a path such as "say.no_gpu" in both languages, with these values, plain ones or `Words`.

    >>> say("work.layer", layer="conv1", phase=word("forward"))
    ('conv1 forward', 'conv1 前向')
    """
    text: Any = TEXTS
    for name in path.split("."):
        text = text[name]
    pairs = {name: value if isinstance(value, tuple) else (value, value) for name, value in values.items()}
    english, chinese = ({name: pair[language] for name, pair in pairs.items()} for language in (0, 1))
    return text["en"].format(**english), text["zh"].format(**chinese)


def both(words: Iterable[Words], between: Words = ("; ", "；")) -> Words:
    """Return several texts as one."""
    english, chinese = zip(*words, strict=True)
    return between[0].join(english), between[1].join(chinese)


def table(caption: str | Words, columns: Columns, entries: Iterable[Any]) -> Table:
    """Return a table with a row for each entry; a column that says nothing of any entry is left out.

    >>> table("Times", {"row": str, "median": lambda n: f"{n} s", "cold": lambda n: ""}, [1, 2]).rows
    (('1', '1 s'), ('2', '2 s'))
    """
    entries = list(entries)
    cells = {word(header): [word(cell(entry)) for entry in entries] for header, cell in columns.items()}
    cells = {header: column for header, column in cells.items() if any(english for english, _ in column)}
    header_en, header_zh = zip(*cells, strict=True) if cells else ((), ())
    rows = list(zip(*cells.values(), strict=True))
    rows_en, rows_zh = (tuple(tuple(cell[language] for cell in row) for row in rows) for language in (0, 1))
    return Table(*word(caption), header_en, header_zh, rows_en, rows_zh if rows_zh != rows_en else ())


def as_lines(table: Table) -> list[str]:
    """Return a table in English as lines, with the first column aligned left and the others aligned right."""
    rows = [table.header_en, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return [f"{table.caption_en}:", *("  ".join(row).rstrip() for row in cells)]


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
