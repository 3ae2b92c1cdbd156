"""What is known of each run: a row of the journal, added as soon as it is known; and the figures, as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spec_tests.report.files import put
from spec_tests.strength.repeats.settings import choices

PASSED, FAILED = "passed", "failed"


@dataclass(frozen=True)
class Row:
    """What is known of a run."""

    number: int
    seed: int
    examples: int
    """The seed of Hypothesis."""
    setting: dict[str, str]
    """The choices that are not the usual ones."""
    versions: dict[str, str]
    commit: str
    outcome: str
    passed: int
    failed: int
    seconds: float
    failures: list[str]
    """The tests that failed, or what else went wrong."""


COLUMNS = [field.name for field in fields(Row)]


def read(journal: Path, seed: int) -> list[Row]:
    """Return the rows of a seed."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
    rows = [_row(line.split("\t")) for line in lines[1:]]
    return [row for row in rows if row.seed == seed]


def add(journal: Path, row: Row) -> None:
    """Add a row to the journal."""
    before = journal.read_text(encoding="utf-8") if journal.is_file() else "\t".join(COLUMNS) + "\n"
    values = asdict(row).values()
    cells = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    put({journal.name: before + "\t".join(cells) + "\n"}, journal.parent)


def figures(rows: Sequence[Row], command: str) -> dict[str, Any]:
    """Return what is stored: how many runs there are, in which settings, what failed, and what repeats it.

    Of a run that was repeated counts the last time; what failed before is listed as mended once it passes.
    """
    last = {row.number: row for row in rows}
    failed = [row for row in last.values() if row.outcome != PASSED]
    mended = [row for row in rows if row.outcome != PASSED and last[row.number].outcome == PASSED]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "runs": len(last),
        "passed": len(last) - len(failed),
        "tests": sum(row.passed + row.failed for row in last.values()),
        "settings": {name: _runs_by_choice(name, list(last.values())) for name in choices()},
        "versions": _each([row.versions for row in last.values()]),
        "commits": _each([row.commit for row in last.values()]),
        "failures": [_failure(row, command) for row in failed],
        "mended": [_failure(row, command) for row in mended],
    }


def _runs_by_choice(name: str, rows: Sequence[Row]) -> dict[str, int]:
    chosen = [row.setting.get(name, choices()[name][0]) for row in rows]
    return {choice: chosen.count(choice) for choice in dict.fromkeys([*choices()[name], *chosen])}


def _failure(row: Row, command: str) -> dict[str, Any]:
    found: Mapping[str, Any] = asdict(row)
    told = {name: found[name] for name in ("number", "seed", "setting", "versions", "commit", "failures")}
    return {**told, "repeat": f"{command} --seed {row.seed} --again {row.number}"}


def _each(values: Sequence[Any]) -> list[Any]:
    return [value for place, value in enumerate(values) if value not in values[:place]]


def _row(cells: Sequence[str]) -> Row:
    texts = zip(fields(Row), cells, strict=True)
    values: list[Any] = [text if field.type is str else json.loads(text) for field, text in texts]
    return Row(*values)
