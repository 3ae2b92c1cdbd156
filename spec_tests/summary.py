"""The summary of a run, printed from the ledger and from nothing else."""

from collections import Counter
from collections.abc import Iterable

from spec_tests.claims import SECTIONS, Claim, register
from spec_tests.ledger import Entry

COLUMNS = ("claims", "executed", "confirmed", "errata", "not checkable", "examples")


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


def lines(entries: list[Entry], subject: str, full: bool, deselected: Counter[str]) -> list[str]:
    """Return the printed summary."""
    done = executed(entries)
    table = [_row(section, done, entries) for section in SECTIONS]
    total = [sum(row[i] for row in table) for i in range(len(COLUMNS))]
    others = sum(entry.examples for entry in entries if entry.section not in SECTIONS)
    text = [f"subject: {subject}", "", "section".ljust(30) + "".join(name.rjust(15) for name in COLUMNS)]
    text += [_line(f"{id} {title}", row) for (id, title), row in zip(SECTIONS.items(), table, strict=True)]
    text += [_line("all other files", [0, 0, 0, 0, 0, others]), _line("together", [*total[:-1], total[-1] + others]), ""]
    text += [f"largest error as a share of its bound, {dtype}: {share:.3f} in {test}" for dtype, share, test in _worst(entries)]
    text += [f"{count} tests left out: {reason}" for reason, count in sorted(deselected.items())]
    text += [f"claim {id} FAILED: {register()[id].en}" for id, outcome in done.items() if outcome == "failed"]
    if full:
        text += [f"claim {claim.id} was NOT EXECUTED: {claim.en}" for claim in not_executed(entries)]
    text += [f"claim {c.id} not checkable: {c.reason_en}" for c in register().values() if not c.runs_by_default]
    return text


def _row(section: str, done: dict[str, str], entries: list[Entry]) -> list[int]:
    claims = [claim for claim in register().values() if claim.section == section]
    passed = [claim for claim in claims if done.get(claim.id) == "passed"]
    return [
        len(claims),
        sum(claim.id in done for claim in claims),
        sum(not claim.is_erratum for claim in passed),
        sum(claim.is_erratum for claim in passed),
        sum(not claim.runs_by_default for claim in claims),
        sum(entry.examples for entry in entries if entry.section == section),
    ]


def _line(title: str, numbers: list[int]) -> str:
    return title.ljust(30) + "".join(str(number).rjust(15) for number in numbers)


def _worst(entries: list[Entry]) -> list[tuple[str, float, str]]:
    found = [(dtype, share, entry.test) for entry in entries for dtype, share in entry.worst.items() if share > 0]
    return [max((row for row in found if row[0] == dtype), key=lambda row: row[1]) for dtype in sorted({row[0] for row in found})]
