"""What changed from one matrix to another, test by test: `python -m spec_tests.matrix compare OLD NEW`.

    broke       a test that was kept, and now fails or meets a known deviation; or that met one, and now fails
    mended      a test that failed or met a known deviation, and is kept now
    explained   a test that failed, and now is a known deviation
    lost        a test that said something, and now is not offered, not counted or not reached
    won         the other way round
    version     a package installed in another version
    lane        a setting of the lane that is another one: what is drawn may have changed, and not the subject

Columns of the same subject on the same device are compared, the most similar first; two matrices of one column each
are compared in any case.

    status 0    nothing broke
    status 1    something broke
    status 2    a file is malformed, or no column in OLD has a counterpart in NEW
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from spec_tests.matrix.columns import place_of
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT
from spec_tests.matrix.reading import Data
from spec_tests.report.renaming import present_names

BROKE, MENDED, EXPLAINED, LOST, WON, VERSION, LANE = "broke", "mended", "explained", "lost", "won", "version", "lane"
ORDER = (BROKE, MENDED, EXPLAINED, LOST, WON, LANE, VERSION)
WORSE = {KEPT: 0, DEVIATION: 1, FAILED: 2}
"""How bad an outcome is; the others say nothing of the subject."""

LISTED = 5
"""Tests of a cell that are named."""
SETTINGS = ("examples", "dtypes", "only", "slow", "tests_per_cell")
"""Of a lane, what changes the tests or what they draw."""


class Change(NamedTuple):
    """One line of the comparison, or several."""

    kind: str
    text: str
    times: int = 1
    """How many tests it is about, or 1."""


class Comparison(NamedTuple):
    """An old column, a new one, and the differences."""

    old: Data
    new: Data
    changes: list[Change]


def compare(old: Data, new: Data) -> tuple[list[Comparison], list[str]]:
    """Return the comparisons of the columns that match, and one line for each of the others.

    Raises ValueError if no column of one matrix matches one of the other.
    """
    pairs = matched(old["columns"], new["columns"])
    if not pairs and len(old["columns"]) == len(new["columns"]) == 1:
        pairs = [(0, 0)]
    if not pairs:
        raise ValueError("no column of one matrix has the same subject and device as a column of the other")
    comparisons = []
    for was, now in pairs:
        before, after = old["columns"][was], new["columns"][now]
        comparisons.append(Comparison(before, after, list(changes(before, after))))
    gone = _alone(old["columns"], {was for was, _ in pairs}, "is in OLD and has no counterpart in NEW")
    added = _alone(new["columns"], {now for _, now in pairs}, "is in NEW and has no counterpart in OLD")
    said = {entry["subject"]: entry["said"] for entry in new["missing"]}
    return comparisons, [*(_with_reason(line, said) for line in gone), *added]


def matched(old: list[Data], new: list[Data]) -> list[tuple[int, int]]:
    """Return the places of columns that match: of the same subject and device, on the same machine if there is one."""
    left = set(range(len(new)))
    pairs: list[tuple[int, int]] = []
    for alike in (_on_the_machine, _asked):
        for was, column in enumerate(old):
            if was in {one for one, _ in pairs}:
                continue
            now = next((place for place in sorted(left) if alike(new[place]) == alike(column)), None)
            if now is not None:
                left.remove(now)
                pairs.append((was, now))
    return sorted(pairs)


def _asked(column: Data) -> tuple[str, ...]:
    return column["subject"], column["device"]


def _on_the_machine(column: Data) -> tuple[str, ...]:
    return *_asked(column), column["machine"], column["lane"]["name"]


def _alone(columns: list[Data], matched: set[int], why: str) -> list[str]:
    return [f"{named(column)} {why}" for place, column in enumerate(columns) if place not in matched]


def _with_reason(line: str, said: Mapping[str, str]) -> str:
    return next((f"{line}: {why}" for subject, why in said.items() if line.startswith(f"{subject} (")), line)


def named(column: Data) -> str:
    """Return a column's subject, what it calls itself, and its date."""
    return f"{column['subject']} ({column['name']}, {column['started'][:16].replace('T', ' ')})"


def changes(before: Data, after: Data) -> Iterator[Change]:
    """Yield the differences between two columns."""
    yield from _between(VERSION, before["versions"], after["versions"])
    settings = ({name: str(column["lane"].get(name)) for name in SETTINGS} for column in (before, after))
    yield from _between(LANE, *settings)
    cells, messages = _cells_of(before), {one["test"]: one["message"] for one in after["findings"]}
    cells |= _cells_of(after)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    was_of = dict(_present(before["outcomes"]))
    for test, now in after["outcomes"].items():
        was = was_of.get(test)
        if was is not None and (kind := _kind(was, now)):
            what = f"was {was}, is now {now}"
            found[kind, f"{cells.get(test, '')}{what}"].append(_told(test, messages.get(test, "")))
    for (kind, what), tests in sorted(found.items()):
        listed = "".join(f"\n    {test}" for test in tests[:LISTED])
        more = f"\n    and {len(tests) - LISTED:,} more" if len(tests) > LISTED else ""
        named = "" if kind in (LOST, WON) else listed + more
        yield Change(kind, f"{_counted(len(tests))} {what}{named}", len(tests))


def _counted(tests: int) -> str:
    return f"{tests:,} test{'s' if tests != 1 else ''}:"


def _told(test: str, message: str) -> str:
    first = message.splitlines()[0] if message else ""
    return f"{test}{': ' if first else ''}{first}"


def _kind(was: str, now: str) -> str:
    """Return what kind of a change this is, or an empty string.

    >>> _kind("kept", "deviation"), _kind("failed", "kept"), _kind("failed", "deviation"), _kind("kept", "not reached")
    ('broke', 'mended', 'explained', 'lost')
    """
    if was in WORSE and now in WORSE:
        if was == now:
            return ""
        return BROKE if WORSE[was] < WORSE[now] else MENDED if now == KEPT else EXPLAINED
    return LOST if was in WORSE else WON if now in WORSE else ""


def _between(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, "none"), after.get(name, "none")
        if was != now:
            yield Change(kind, f"{name} was {was}, is now {now}")


def _present(outcomes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the outcomes under the present names of the tests; of a test that was split, under that of each part."""
    for test, outcome in outcomes.items():
        function, bracket, case = test.partition("[")
        yield from ((f"{name}{bracket}{case}", outcome) for name in present_names(function))


def _cells_of(column: Data) -> dict[str, str]:
    """Return what a test that has failed requires, to be put before it."""
    return {
        one["test"]: ", ".join(f"{operation} {level}" for level, operation in sorted(one["requires"], key=_place))
        + ": "
        for one in column["findings"]
    }


def _place(required: list[str]) -> tuple[int, str, int]:
    return place_of(required[1], required[0])


def broke(comparisons: Iterable[Comparison]) -> bool:
    """Tell whether something broke."""
    return any(change.kind == BROKE for comparison in comparisons for change in comparison.changes)


def lines(comparisons: Iterable[Comparison], alone: Iterable[str]) -> Iterator[str]:
    """Yield the lines to print: a paragraph for each pair of columns, then the columns that could not be compared."""
    for comparison in comparisons:
        yield f"{named(comparison.old)} -> {named(comparison.new)}"
        if comparison.old["subject"] != comparison.new["subject"]:
            yield "  NEW is of another subject"
        for column, place in ((comparison.old, "OLD"), (comparison.new, "NEW")):
            if column["status"] == "unfinished":
                yield f"  {place} is unfinished: {column['said']}"
        ordered = sorted(comparison.changes, key=lambda change: ORDER.index(change.kind))
        yield from (f"  {change.kind:9} {change.text}" for change in ordered)
        counts = Counter[str]()
        for change in comparison.changes:
            counts[change.kind] += change.times
        yield "  together: " + (", ".join(f"{counts[kind]:,} {kind}" for kind in ORDER if counts[kind]) or "no change")
    yield from (f"not compared: {line}" for line in alone)
