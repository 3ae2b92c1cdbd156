"""What has changed from one report to another, claim by claim: `python -m spec_tests.report compare OLD NEW`.

    lost        a claim that was proven, and now failed, did not run, or is gone
    won         a claim that is proven now, and was not
    verdict     any other change of what a run found of a claim
    margin      errors that come ten times as near to their bound as before
    examples    a claim that is proven with fewer than half the examples
    deviation   a known deviation that is seen now, or no longer
    version     what is installed in another version

Runs are compared that were asked for the same subject on the same device.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Data = dict[str, Any]

PROVEN = ("confirmed", "corrected", "refined")
WORSE = 10
"""A share of the bound that grew so many times is reported.

Examples are drawn at random, so the greatest share differs from run to run: in runs of four seeds it doubled at most.
Shares of 0 are not compared: whether any of a run's examples had to be rounded is chance.
"""

KINDS = {(True, False): "lost", (False, True): "won", (True, True): "verdict", (False, False): "verdict"}
"""By whether a claim was proven, and whether it is."""

ORDER = ("lost", "won", "verdict", "margin", "examples", "deviation", "version")
ABSENT: Data = {"verdict": "not in the register", "examples": 0, "worst": {}}


class Change(NamedTuple):
    """One line of the comparison."""

    kind: str
    text: str


class Comparison(NamedTuple):
    """Two runs, an old and a new one, and what is different."""

    old: str
    new: str
    changes: list[Change]


def compare(old: Data, new: Data) -> tuple[list[Comparison], list[str]]:
    """Return the comparisons of the runs that belong together, and what is to be said of those that do not.

    Raises ValueError where no run of the one belongs to any of the other.
    """
    pairs = matched(old["runs"], new["runs"])
    if not pairs:
        raise ValueError("no run of the one was asked for the same subject and device as a run of the other")
    comparisons = [
        Comparison(old["runs"][was]["name"], new["runs"][now]["name"], list(changes(old, was, new, now)))
        for was, now in pairs
    ]
    alone = [
        _alone(old["runs"], {was for was, _ in pairs}, "old"),
        _alone(new["runs"], {now for _, now in pairs}, "new"),
    ]
    return comparisons, [line for lines in alone for line in lines]


def matched(old: list[Data], new: list[Data]) -> list[tuple[int, int]]:
    """Return the places of the runs that belong together: of one subject and device, and if there are more, one name.

    What is then left of a subject and device belongs together if it is one run in each report.
    """
    by_name = {(_asked(run), run["name"]): place for place, run in enumerate(new)}
    pairs = [(place, by_name[key]) for place, run in enumerate(old) if (key := (_asked(run), run["name"])) in by_name]
    left_old = _by_request(old, {was for was, _ in pairs})
    left_new = _by_request(new, {now for _, now in pairs})
    single = [(left_old[key][0], left_new[key][0]) for key in left_old if len(left_old[key]) == len(left_new[key]) == 1]
    return sorted(pairs + single)


def _asked(run: Data) -> tuple[str, str]:
    return run["subject"], run["device"]


def _by_request(runs: list[Data], taken: set[int]) -> dict[tuple[str, str], list[int]]:
    grouped = defaultdict[tuple[str, str], list[int]](list)
    for place, run in enumerate(runs):
        if place not in taken:
            grouped[_asked(run)].append(place)
    return grouped


def _alone(runs: list[Data], matched: set[int], which: str) -> list[str]:
    names = [run["name"] for place, run in enumerate(runs) if place not in matched]
    return [f"{name}: a run of the {which} report without its like in the other" for name in names]


def changes(old: Data, was: int, new: Data, now: int) -> Iterator[Change]:
    """Give the differences between a run of the old report and one of the new one, by their places."""
    before, after = old["runs"][was], new["runs"][now]
    yield from _versions(before["versions"], after["versions"])
    yield from _deviations(before["deviations"], after["deviations"])
    texts = {claim["id"]: claim["en"] for claim in [*new["claims"], *old["claims"]]}
    results = [_results(old, was), _results(new, now)]
    for id, text in texts.items():
        yield from _claim(f"{id} ({text})", *(result.get(id, ABSENT) for result in results))


def _results(report: Data, run: int) -> dict[str, Data]:
    return {claim["id"]: claim["results"][run] for claim in report["claims"]}


def _versions(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, "none"), after.get(name, "none")
        if was != now:
            yield Change("version", f"{name} was {was}, is now {now}")


def _deviations(before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    yield from (Change("deviation", f"{id} is seen now") for id in after if id not in before)
    yield from (Change("deviation", f"{id} is no longer seen") for id in before if id not in after)


def _claim(name: str, before: Data, after: Data) -> Iterator[Change]:
    was, now = before["verdict"], after["verdict"]
    if was != now:
        yield Change(KINDS[was in PROVEN, now in PROVEN], f"{name} was {was}, is now {now}")
    if was in PROVEN and now in PROVEN and 2 * after["examples"] < before["examples"]:
        yield Change("examples", f"{name}: {before['examples']} before, now {after['examples']}")
    for dtype in before["worst"].keys() & after["worst"].keys():
        share, share_now = before["worst"][dtype]["share"], after["worst"][dtype]["share"]
        if 0 < WORSE * share <= share_now:
            yield Change("margin", f"{name}: {dtype} errors were {share:.2g} of their bound, are now {share_now:.2g}")


def lost(comparisons: Iterable[Comparison]) -> bool:
    """Tell whether a claim was lost."""
    return any(change.kind == "lost" for comparison in comparisons for change in comparison.changes)


def lines(comparisons: Iterable[Comparison], alone: Iterable[str]) -> Iterator[str]:
    """Give the printed comparison: a paragraph for each pair of runs, and what could not be compared."""
    for comparison in comparisons:
        yield f"{comparison.old} -> {comparison.new}"
        yield from (f"  {change.kind:9} {change.text}" for change in sorted(comparison.changes, key=_rank))
        counts = Counter(change.kind for change in comparison.changes)
        yield "  together: " + (", ".join(f"{counts[kind]} {kind}" for kind in ORDER if counts[kind]) or "no change")
    yield from (f"not compared: {line}" for line in alone)


def _rank(change: Change) -> int:
    return ORDER.index(change.kind)
