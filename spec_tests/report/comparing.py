"""What changed from one report to another, claim by claim: `python -m spec_tests.report compare OLD NEW`.

    lost        a claim that was proven and now failed, did not run, or is gone
    won         a claim that is proven now and was not before
    result      any other change in a claim's result
    margin      errors that come ten times closer to their bound than before
    examples    a claim proven with fewer than half as many examples
    test        a test of a claim that is gone and was not merely renamed
    deviation   a known deviation that is newly seen, or no longer seen
    version     a package installed in another version
    unasked     a claim that one of two runs did not ask for, being another part or another subject; only counted

Runs of the same subject on the same device are compared; if there are several, those with the same name, Python and
torch. Two reports of a single run each are compared in any case: torch and your own layers, for instance.

    status 0    no claim was lost; a run in OLD without a counterpart in NEW is named but does not matter here
    status 1    a claim was lost; what NEW did not ask for, because it covers another part, is not lost
    status 2    a file is malformed, or no run in OLD has a counterpart in NEW
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from spec_tests.report.merging import DETAILS, minor, own_name
from spec_tests.report.reading import Data
from spec_tests.report.renaming import present_names, with_present_names
from spec_tests.vocabulary.results import proven

WORSE = 10
"""An error's share of its bound is reported if it grew by this factor.

Examples are drawn at random, so the largest share varies from run to run: with four seeds it at most doubled. Shares of
0 are not compared: whether any example of a run had to be rounded is a matter of chance.
"""

KINDS = {(True, False): "lost", (False, True): "won", (True, True): "result", (False, False): "result"}
"""The kind of a change, by whether the claim was proven before and whether it is now."""

ORDER = ("lost", "won", "result", "margin", "examples", "test", "deviation", "version", "unasked")
ABSENT: Data = {"result": "not in the register", "examples": 0, "worst": {}}


class Change(NamedTuple):
    """One line of the comparison."""

    kind: str
    text: str


class Comparison(NamedTuple):
    """An old run, a new one, and the differences."""

    old: Data
    new: Data
    changes: list[Change]


def compare(old: Data, new: Data) -> tuple[list[Comparison], list[str]]:
    """Return the comparisons of the runs that match, and one line for each of the others.

    The only runs of two reports match whatever they are of. Raises ValueError if no run of one report matches any run
    of the other.
    """
    old, new = with_present_names(old), with_present_names(new)
    pairs = matched(old["runs"], new["runs"])
    if not pairs and len(old["runs"]) == len(new["runs"]) == 1:
        pairs = [(0, 0)]
    if not pairs:
        raise ValueError("no run of one report has the same subject and device as a run of the other")
    comparisons = [
        Comparison(old["runs"][was], new["runs"][now], list(changes(old, was, new, now))) for was, now in pairs
    ]
    gone = _alone(old["runs"], {was for was, _ in pairs}, "is in OLD and has no counterpart in NEW")
    added = _alone(new["runs"], {now for _, now in pairs}, "is in NEW and has no counterpart in OLD")
    return comparisons, gone + added


def matched(old: list[Data], new: list[Data]) -> list[tuple[int, int]]:
    """Return the indices of runs that match: of the same subject and device, the most similar ones first.

    Runs that agree in everything that the first of `LIKENESSES` looks at are paired in order. After that, two runs are
    paired if they are the only ones left that agree to a degree, and finally if they are the only ones of their subject
    and device.
    """
    left_old, left_new = dict(enumerate(old)), dict(enumerate(new))
    pairs = []
    for likeness in LIKENESSES:
        for was, now in _alike(left_old, left_new, likeness, several=likeness is LIKENESSES[0]):
            pairs.append((was, now))
            del left_old[was], left_new[now]
    only = _alike(dict(enumerate(old)), dict(enumerate(new)), _asked)
    return sorted({*pairs, *((was, now) for was, now in only if was in left_old and now in left_new)})


def _asked(run: Data) -> tuple[str, ...]:
    return run["subject"], run["device"]


def _of_versions(run: Data) -> tuple[str, ...]:
    return *_asked(run), minor(run, "python"), minor(run, "torch")


def _of_name(run: Data) -> tuple[str, ...]:
    return *_of_versions(run), own_name(run)


LIKENESSES: tuple[Callable[[Data], tuple[str, ...]], ...] = (
    lambda run: (*_of_name(run), *(detail(run) for detail in DETAILS[4:8])),
    _of_name,
    _of_versions,
    lambda run: (*_asked(run), minor(run, "python")),
    lambda run: (*_asked(run), minor(run, "torch")),
)
"""What two runs may have in common, the strongest likeness first."""


def _alike(
    old: dict[int, Data], new: dict[int, Data], likeness: Callable[[Data], tuple[str, ...]], several: bool = False
) -> list[tuple[int, int]]:
    """Return the indices of runs that are alike: all of them in order, or only where exactly one is like one."""
    before, after = _grouped(old, likeness), _grouped(new, likeness)
    return [
        pair
        for key in before
        if several or len(before[key]) == len(after[key]) == 1
        for pair in zip(before[key], after[key], strict=False)  # of several the last ones may have no partner
    ]


def _grouped(runs: dict[int, Data], likeness: Callable[[Data], tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    grouped = defaultdict[tuple[str, ...], list[int]](list)
    for place, run in runs.items():
        grouped[likeness(run)].append(place)
    return grouped


def _settled(result: str) -> bool:
    """Tell whether a claim with this result is decided: by its tests, or by the source that it cites."""
    return proven(result) or result == "cited"


def _alone(runs: list[Data], matched: set[int], why: str) -> list[str]:
    return [f"{named(run)} {why}" for place, run in enumerate(runs) if place not in matched]


def named(run: Data) -> str:
    """Return a run's name, its date and its commit."""
    commit = f"commit {run['commit'][:7]}{' with changes' if run['modified'] else ''}" if run["commit"] else "no commit"
    return f"{run['name']} ({run['started'][:16].replace('T', ' ')}, {commit})"


def changes(old: Data, was: int, new: Data, now: int) -> Iterator[Change]:
    """Yield the differences between run `was` of the old report and run `now` of the new one."""
    before, after = old["runs"][was], new["runs"][now]
    yield from _versions(before["versions"], after["versions"])
    yield from _deviations(before["deviations"], after["deviations"])
    texts = {claim["id"]: claim["en"] for claim in [*new["claims"], *old["claims"]]}
    results_before, results_after, alike = _results(old, was), _results(new, now), _asked_alike(before, after)
    for id, text in texts.items():
        yield from _claim(f"{id} ({text})", results_before.get(id, ABSENT), results_after.get(id, ABSENT), alike)
    if after["scope"]["whole"] and before["subject"] == after["subject"]:
        yield from _tests(old["tests"], was, {test["test"] for test in new["tests"]})


def _asked_alike(before: Data, after: Data) -> bool:
    """Tell whether both runs asked for the same, so that a claim that only one of them ran is a change."""
    if _asked(before) != _asked(after):
        return False
    whole = before["scope"]["whole"] and after["scope"]["whole"]
    return whole or (before["scope"], before["options"]) == (after["scope"], after["options"])


def _results(report: Data, run: int) -> dict[str, Data]:
    return {claim["id"]: claim["results"][run] for claim in report["claims"]}


def _versions(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, "none"), after.get(name, "none")
        if was != now:
            yield Change("version", f"{name} was {was}, is now {now}")


def _deviations(before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    yield from (Change("deviation", f"{id} is newly seen") for id in after if id not in before)
    yield from (Change("deviation", f"{id} is no longer seen") for id in before if id not in after)


def _claim(name: str, before: Data, after: Data, alike: bool) -> Iterator[Change]:
    was, now = before["result"], after["result"]
    if was != now and not alike and "not run" in (was, now):
        yield Change("unasked", f"{name} was {was}, is now {now}")
    elif was != now:
        yield Change(KINDS[_settled(was), _settled(now)], f"{name} was {was}, is now {now}")
    if alike and proven(was) and proven(now) and 2 * after["examples"] < before["examples"]:
        yield Change("examples", f"{name}: {before['examples']} before, now {after['examples']}")
    for dtype in before["worst"].keys() & after["worst"].keys():
        share, share_now = before["worst"][dtype]["share"], after["worst"][dtype]["share"]
        if 0 < WORSE * share <= share_now:
            yield Change("margin", f"{name}: {dtype} errors were {share:.2g} of their bound, are now {share_now:.2g}")


def _tests(before: Iterable[Data], run: int, known: set[str]) -> Iterator[Change]:
    for test in before:
        ran = test["claims"] and test["results"][run]["cases"]
        if ran and known.isdisjoint(present_names(test["test"])):
            yield Change("test", f"{test['test']}, a test of {', '.join(test['claims'])}, is gone")


def lost(comparisons: Iterable[Comparison]) -> bool:
    """Tell whether a claim was lost."""
    return any(change.kind == "lost" for comparison in comparisons for change in comparison.changes)


def lines(comparisons: Iterable[Comparison], alone: Iterable[str]) -> Iterator[str]:
    """Yield the lines to print: a paragraph for each pair of runs, then the runs that could not be compared."""
    for comparison in comparisons:
        yield f"{named(comparison.old)} -> {named(comparison.new)}"
        if comparison.old["subject"] != comparison.new["subject"]:
            yield "  NEW is of another subject; what only one of them was asked is not compared"
        elif comparison.old["scope"]["whole"] and not comparison.new["scope"]["whole"]:
            part = _part(comparison.new)
            yield f"  NEW covers only part of the specification ({part}); what it did not run is not compared"
        listed = [change for change in comparison.changes if change.kind != "unasked"]
        yield from (f"  {change.kind:9} {change.text}" for change in sorted(listed, key=_rank))
        counts = Counter(change.kind for change in comparison.changes)
        yield "  together: " + (", ".join(f"{counts[kind]} {kind}" for kind in ORDER if counts[kind]) or "no change")
    yield from (f"not compared: {line}" for line in alone)


def _part(run: Data) -> str:
    return " ".join(["pytest", *run["scope"]["arguments"], *run["options"]])


def _rank(change: Change) -> int:
    return ORDER.index(change.kind)
