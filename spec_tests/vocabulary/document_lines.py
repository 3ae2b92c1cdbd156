"""From every line of the document to its claims, or to why it makes none (`document_lines.tsv`)."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

LAST = 1157
"""The number of the document's last line."""

NOTHING = {
    "heading": ("a heading, a rule or empty lines", "标题、分隔线或空行"),
    "words": ("an introduction, an opinion, a habit or a metaphor", "引言、看法、习惯或比喻"),
    "given": ("numbers and names given for an example", "为例子给定的数或名称"),
}
"""What lines hold that make no claim, in English and Chinese."""


class Lines(NamedTuple):
    """Lines of the document that belong together."""

    first: int
    last: int
    claims: tuple[str, ...]
    """The claims that they make."""
    nothing: str
    """Why there is nothing to check, where they make none: one of `NOTHING`."""


@cache
def document_lines() -> tuple[Lines, ...]:
    """Return the lines of the document, from the first to the last."""
    file = Path(__file__).parents[1] / "document_lines.tsv"
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    return tuple(
        Lines(int(row["first"]), int(row["last"]), tuple(row["claims"].split()), row["nothing"]) for row in rows
    )
