"""Did anything get slower? `python -m benchmarks.compare OLD.json NEW.json`, both from `--benchmark-json`.

Rows that measured the same thing are matched. Each gets the ratio of its median times, new to old, and an interval:
from the lowest new time by the highest old one to the highest by the lowest, with each time's interval among processes
if there were several, or else among its rounds. A row is slower if all of the interval is above 1, that is, if the two
times' intervals do not meet. What differs between the machines is named first, since it explains most differences.

    status 0    nothing got slower
    status 1    a row got slower; also if a file cannot be read, or no row of OLD is in NEW
    status 2    invalid options
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.results import Result, Row, with_unit
from benchmarks.table import Columns, as_lines, table
from reference.command import Parser, Refusal, run
from spec_tests.report.json_files import Unreadable

PROGRAM = "python -m benchmarks.compare"
MACHINE = ("cpu", "cores", "device", "blas", "kernels", "restricted", "quota", "turbo", "versions", "flags")


Change = tuple[Row, Row]
"""A row in both results, old and new."""


def ratio(change: Change) -> tuple[float, float, float]:
    """Return the new time divided by the old one, and the ends of its interval."""
    old, new = (row.interval for row in change)
    return new.median / old.median, new.low / old.high, new.high / old.low


def verdict(change: Change) -> str:
    """Return how a row changed, or "" if both intervals overlap."""
    _, low, high = ratio(change)
    return "SLOWER" if low > 1 else "faster" if high < 1 else ""


def _remarks(change: Change) -> str:
    disturbed = any(row.disturbed for row in change)
    return " ".join(filter(None, [verdict(change), "disturbed" if disturbed else ""]))


COLUMNS: Columns = {
    "row": lambda change: change[1].name,
    "old": lambda change: with_unit(change[0].median, "s"),
    "new": lambda change: with_unit(change[1].median, "s"),
    "new / old": lambda change: f"{ratio(change)[0]:.3f}",
    "interval": lambda change: "{1:.3f} – {2:.3f}".format(*ratio(change)),
    "": _remarks,
}


def key(row: Row) -> tuple[Any, ...]:
    """Return what a row measured."""
    settings = {"device": row.device, "threads": row.threads, "batch": row.batch, **row.params}
    return row.question, *sorted(settings.items())


def changes(old: Result, new: Result) -> list[Change]:
    """Return the rows that are in both results, in the order of the new one."""
    before = {key(row): row for row in results.rows_of(old)}
    return [(before[key(row)], row) for row in results.rows_of(new) if key(row) in before]


def lines(old: Result, new: Result) -> Iterator[str]:
    """Yield what differs between the machines, and a table of the rows."""
    for name in MACHINE:
        was, now = old["environment"].get(name), new["environment"].get(name)
        if was != now:
            yield f"{name} differs: {_differing(was, now)} in OLD, {_differing(now, was)} in NEW"
    found = changes(old, new)
    yield from as_lines(table("Times", COLUMNS, found))
    for name, result in (("OLD", old), ("NEW", new)):
        if alone := len(results.rows_of(result)) - len(found):
            yield f"{alone} rows are in {name} alone"
    yield f"{sum(verdict(change) == 'SLOWER' for change in found)} of {len(found)} rows got slower"


def _differing(one: Any, other: Any) -> Any:
    """Return the part of a value that the other one does not have."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return one
    return {name: value for name, value in one.items() if other.get(name) != value}


def command(arguments: Sequence[str] | None = None) -> None:
    """Compare two results, print the table, and end with status 1 if a row got slower."""
    parser = Parser(prog=PROGRAM, description="Compare two runs of the benchmarks row by row.")
    for name in ("old", "new"):
        parser.add_argument(name, type=Path, metavar=f"{name.upper()}.json", help="from pytest's --benchmark-json")
    options = parser.parse_args(arguments)
    try:
        old, new = results.read(options.old), results.read(options.new)
    except Unreadable as error:
        raise Refusal(str(error)) from None
    if not (found := changes(old, new)):
        raise Refusal(f"no row of {options.old} is in {options.new}")
    print("\n".join(lines(old, new)))
    if any(verdict(change) == "SLOWER" for change in found):
        sys.exit(1)


if __name__ == "__main__":
    run(PROGRAM, command)
