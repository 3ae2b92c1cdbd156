"""What is known of each run: a row of the journal, added as soon as it is known; and the figures, as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import Field, asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_origin

from spec_tests.report.files import add_line, lines_of
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


HEADER = "\t".join(field.name for field in fields(Row))


def read(journal: Path, seed: int) -> list[Row]:
    """Return the rows of a seed."""
    lines = lines_of(journal, f"{HEADER}\n")[1:]
    rows = [_row(journal, number, line.split("\t")) for number, line in enumerate(lines, 2)]
    return [row for row in rows if row.seed == seed]


def add(journal: Path, row: Row) -> None:
    """Add a row to the journal."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    if not lines_of(journal, f"{HEADER}\n"):
        add_line(journal, HEADER)
    values = asdict(row).values()
    cells = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    add_line(journal, "\t".join(cells))


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


def _row(journal: Path, number: int, cells: Sequence[str]) -> Row:
    try:
        texts = zip(fields(Row), cells, strict=True)
        values: list[Any] = [text if field.type is str else json.loads(text) for field, text in texts]
        if wrong := [field.name for field, value in zip(fields(Row), values, strict=True) if not _is_a(field, value)]:
            raise ValueError(f"{wrong[0]} is none")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{journal}, line {number}: {error}") from None
    return Row(*values)


def _is_a(field: Field[Any], value: object) -> bool:
    kind: Any = get_origin(field.type) or field.type
    return type(value) is kind and (not isinstance(value, float) or math.isfinite(value))
