"""The summary of a run, printed from the ledger and from nothing else."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from importlib import metadata

from packaging.specifiers import SpecifierSet

from spec_tests.vocabulary.claims import SECTIONS, Claim, register
from spec_tests.vocabulary.ledger import Entry

COLUMNS = ("claims", "executed", "confirmed", "errata", "not checkable", "examples")
TITLE, COLUMN, PAGE = 32, 14, 120


def executed(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the outcome of every claim that a test executed; one failure outweighs any number of passes."""
    outcomes: dict[str, str] = {}
    for entry in entries:
        for id in entry.claims:
            if entry.outcome == "failed" or (entry.outcome == "passed" and id not in outcomes):
                outcomes[id] = entry.outcome
    return outcomes


def not_executed(entries: Iterable[Entry]) -> list[Claim]:
    """Return the claims that a full run must execute and this one did not."""
    done = executed(entries)
    return [claim for claim in register().values() if claim.runs_by_default and claim.id not in done]


def not_checked(entries: Iterable[Entry]) -> list[Claim]:
    """Return the claims that a run need not execute, uncheckable or in want of something, and this one did not."""
    done = executed(entries)
    return [claim for claim in register().values() if not claim.runs_by_default and claim.id not in done]


def lines(entries: list[Entry], subject: str, full: bool, deselected: Counter[str]) -> list[str]:
    """Return the printed summary, its lines at most `PAGE` characters long (but for longer words)."""
    text = [f"subject: {subject}", "", *_table(entries), "", *_worst(entries)]
    text += [f"{count} tests left out: {reason}" for reason, count in sorted(deselected.items())]
    text += [f"claim {c.id} is not checked: {c.reason_en}" for c in not_checked(entries)]
    elsewhere = [claim for claim in register().values() if claim.torch and not _established_here(claim)]
    text += [
        f"claim {c.id} was established for torch {c.torch}; this is {metadata.version('torch')}" for c in elsewhere
    ]
    failed = [id for id, outcome in executed(entries).items() if outcome == "failed"]
    text += [f"claim {id} FAILED: {register()[id].en}" for id in failed]
    if full:
        text += [f"claim {claim.id} was NOT EXECUTED: {claim.en}" for claim in not_executed(entries)]
    return [part for line in text for part in _wrapped(line)]


def _established_here(claim: Claim) -> bool:
    """Tell whether the verdict of a claim was established with the version of torch that is installed."""
    return SpecifierSet(claim.torch).contains(metadata.version("torch"), prereleases=True)


def _table(entries: list[Entry]) -> list[str]:
    done = executed(entries)
    rows = {f"{id} {title}": _row(id, done, entries) for id, title in SECTIONS.items()}
    others = sum(entry.examples for entry in entries if entry.section not in SECTIONS)
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    return [
        _line("section", COLUMNS),
        *(_line(title, row) for title, row in rows.items()),
        _line("all other files", ["", "", "", "", "", others]),
        _line("together", [*total[:-1], total[-1] + others]),
    ]


def _row(section: str, done: dict[str, str], entries: list[Entry]) -> list[int]:
    claims = [claim for claim in register().values() if claim.section == section]
    passed = [claim for claim in claims if done.get(claim.id) == "passed"]
    return [
        len(claims),
        sum(claim.id in done for claim in claims),
        sum(not claim.is_erratum for claim in passed),
        sum(claim.is_erratum for claim in passed),
        sum(claim.section == section for claim in not_checked(entries)),
        sum(entry.examples for entry in entries if entry.section == section),
    ]


def _line(title: str, cells: Iterable[object]) -> str:
    return title.ljust(TITLE) + "".join(str(cell).rjust(COLUMN) for cell in cells)


def _worst(entries: list[Entry]) -> list[str]:
    """Name, for every format, the test that came nearest to its bound."""
    found = [(dtype, seen.share, entry.test) for entry in entries for dtype, seen in entry.worst.items()]
    found = [row for row in found if row[1] > 0]
    nearest = [max(row for row in found if row[0] == dtype) for dtype in sorted({row[0] for row in found})]
    heading = ["largest error, as a share of its bound:"] if nearest else []
    return heading + [f"  {dtype:9} {share:.3f}  {test.rpartition('::')[2]}" for dtype, share, test in nearest]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, PAGE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False) or [line]
