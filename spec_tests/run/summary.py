"""The summary of a run, made from the ledger and from what the run was asked for, and from nothing else.

A run of the whole specification prints all of the table, and each claim that it could not check. A run of a part prints
the rows and columns that it filled.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from packaging.specifiers import SpecifierSet

from spec_tests.vocabulary import claims
from spec_tests.vocabulary.claims import SECTIONS, Claim
from spec_tests.vocabulary.ledger import Entry
from spec_tests.vocabulary.results import RESULTS, counted, results_of

LEFT_TO_OTHERS = ("not run", "cited", "uncheckable")
"""The results of claims that a run did not check."""

COLUMNS = ("claims", *RESULTS, "examples")
TITLE, PAGE = 30, 120
"""Characters of a row's title, and of a line."""


@dataclass(frozen=True)
class Run:
    """What was asked of the specification, and of whom."""

    subject: str
    whole: bool = False
    """Whether every test of the specification was asked for."""
    full: bool = False
    """Whether that was on the default subject, so that every claim must be checked."""
    left_out: Counter[str] = field(default_factory=Counter)
    """By the reason, how many tests were left out from the start."""


def missing(entries: Iterable[Entry]) -> list[Claim]:
    """Return the claims that a full run must check, and this one did not."""
    results = results_of(entries)
    return [claim for claim in claims.register().values() if claim.runs_by_default and results[claim.id] == "not run"]


def lines(entries: Sequence[Entry], run: Run) -> list[str]:
    """Return the printed summary, its lines at most `PAGE` characters long (but for longer words)."""
    left_out = [f"{tests(count)} left out: {reason}" for reason, count in sorted(run.left_out.items())]
    notes = [*left_out, *_notes(results_of(entries), run)]
    blocks = [[f"subject: {run.subject}"], _table(entries, run.whole), _worst(entries), notes]
    text = [line for block in blocks if block for line in ("", *block)]
    return [part for line in text[1:] for part in _wrapped(line)]


def plural(count: int, noun: str) -> str:
    """Return a number of things.

    >>> plural(1, "claim"), plural(4518, "test")
    ('1 claim', '4,518 tests')
    """
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def tests(count: int) -> str:
    """Return a number of tests."""
    return plural(count, "test")


def _notes(results: dict[str, str], run: Run) -> list[str]:
    """Return what there is to say of single claims: why they were not checked, and which of them failed."""
    of = {result: [claims.register()[id] for id in results if results[id] == result] for result in RESULTS}
    excused = [claim for claim in [*of["not run"], *of["uncheckable"]] if not claim.runs_by_default]
    checked = [claim for result, found in of.items() if result not in LEFT_TO_OTHERS for claim in found]
    text = [f"claim {c.id} {_was(results[c.id])}: {c.reason_en}" for c in excused if run.whole]
    text += [f"claim {c.id} was cited, not executed: {c.cites}" for c in of["cited"] if run.whole]
    text += [
        f"claim {c.id} was judged for torch {c.torch}, and this is {metadata.version('torch')}"
        for c in checked
        if c.torch and not _is_for_this_torch(c)
    ]
    text += [f"claim {c.id} failed: {c.en}" for c in of["failed"]]
    text += [f"claim {c.id} was not run, as it must be in a full run: {c.en}" for c in of["not run"] if _must(c, run)]
    return text


def _was(result: str) -> str:
    return "is uncheckable" if result == "uncheckable" else "was not run"


def _must(claim: Claim, run: Run) -> bool:
    return run.full and claim.runs_by_default


def _is_for_this_torch(claim: Claim) -> bool:
    """Tell whether the verdict on a claim was reached with the version of torch that is installed."""
    return SpecifierSet(claim.torch).contains(metadata.version("torch"), prereleases=True)


def _table(entries: Sequence[Entry], whole: bool) -> list[str]:
    """Return the table of the sections: all of it, or the rows and columns that a part of the specification filled."""
    rows, ours = _rows(entries), _of_claims(results_of(entries), ours=True)
    total = {column: sum(row.get(column, 0) for row in rows.values()) for column in COLUMNS}
    filled = [column for column in COLUMNS if total[column] or ours.get(column)]
    columns = [
        column for column in COLUMNS if whole or (column in filled and column not in ("claims", *LEFT_TO_OTHERS))
    ]
    rows = {title: row for title, row in rows.items() if whole or any(row.get(column) for column in columns)}
    if whole or len(rows) > 1:
        rows["together"] = total
    if any(ours.get(column) for column in columns):
        rows["ours, not the document's"] = ours
    cells = [[title, *(_cell(row, column, whole) for column in columns)] for title, row in rows.items()]
    return [_line(columns, row) for row in [["section", *columns], *cells]] if columns else []


def _rows(entries: Sequence[Entry]) -> dict[str, dict[str, int]]:
    """Return for each section its claims by result, and its examples."""
    results = results_of(entries)
    examples = Counter[str]()
    for entry in entries:
        examples[entry.section if entry.section in SECTIONS else ""] += entry.examples
    rows = {}
    for id, title in SECTIONS.items():
        rows[f"{id} {title}"] = {**_of_claims(results, section=id), "examples": examples[id]}
    return {**rows, "all other files": {"examples": examples[""]}}


def _of_claims(results: dict[str, str], **wanted: Any) -> dict[str, int]:
    """Return how many claims there are, and how many have each result: ours, or the document's in a section."""
    wanted = {"ours": False, **wanted}
    chosen = [c for c in claims.register().values() if all(getattr(c, name) == w for name, w in wanted.items())]
    return {"claims": len(chosen), **counted(results[claim.id] for claim in chosen)}


def _cell(row: dict[str, int], column: str, with_zeros: bool) -> str:
    return str(row[column]) if column in row and (row[column] or with_zeros) else ""


def _line(columns: Sequence[str], cells: Sequence[str]) -> str:
    widths = [len(column) + 2 for column in columns]
    return cells[0].ljust(TITLE) + "".join(cell.rjust(width) for cell, width in zip(cells[1:], widths, strict=True))


def _worst(entries: Iterable[Entry]) -> list[str]:
    """Name, for every format, the test that came nearest to its bound."""
    found = [(dtype, seen.share, entry.test) for entry in entries for dtype, seen in entry.worst.items()]
    found = [row for row in found if row[1] > 0]
    nearest = [max(row for row in found if row[0] == dtype) for dtype in sorted({row[0] for row in found})]
    heading = ["largest error, as a share of its bound:"] if nearest else []
    return heading + [f"  {dtype:9} {share:.3f}  {test.rpartition('::')[2]}" for dtype, share, test in nearest]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, PAGE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False) or [line]
