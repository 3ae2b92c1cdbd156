"""Merge several reports into one, with a column for each run: `python -m spec_tests.report merge DIR FILE FILE...`.

All of them have the form of `claims.schema.json`. A merged report can be merged again.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

from spec_tests.report.reading import Data
from spec_tests.report.renaming import with_present_names

IDS = {"claims": "id", "tests": "test"}


def merge(reports: Iterable[Data]) -> Data:
    """Return one report of all the runs, in order; raise ValueError if the reports contradict each other.

    Renamed tests get their present names. A claim, a test or a deviation that only some reports contain is kept; if its
    wording differs, the first one is kept. The reports must agree on the section and on the register's verdict of every
    claim.
    """
    return reduce(_merge_two, map(with_present_names, reports))


def _merge_two(one: Data, other: Data) -> Data:
    _refuse_other_registers(one["claims"], other["claims"])
    _refuse_the_same_run(one["runs"], other["runs"])
    return {
        "format": one["format"],
        "runs": _with_own_names([*one["runs"], *other["runs"]]),
        "claims": [_claim(*both) for both in _side_by_side(one, other, "claims")],
        "tests": [_test(*both) for both in _side_by_side(one, other, "tests")],
        "deviations": _united(one["deviations"], other["deviations"]),
    }


def _refuse_other_registers(ours: list[Data], theirs: list[Data]) -> None:
    known = {claim["id"]: claim for claim in ours}
    for claim in theirs:
        for name, meaning in (("verdict", "the register's verdict"), ("section", "the section")):
            if (expected := known.get(claim["id"], claim)[name]) != claim[name]:
                raise ValueError(
                    f"claim {claim['id']}: {meaning} is {expected} in one report and {claim[name]} in another"
                )


def _refuse_the_same_run(ours: list[Data], theirs: list[Data]) -> None:
    known = {_identity(run) for run in ours}
    for run in theirs:
        if _identity(run) in known:
            raise ValueError(f"the run {run['name']!r} started at {run['started']} occurs twice")


def _identity(run: Data) -> tuple[Any, ...]:
    """Return what two different runs cannot share; on different machines they may start in the same second."""
    return own_name(run), run["started"], run["machine"], *sorted(run["versions"].items())


def minor(run: Data, package: str) -> str:
    """Return the first two numbers of a package's version, or "none".

    >>> minor({"versions": {"python": "3.12.4"}}, "python"), minor({"versions": {}}, "torch")
    ('3.12', 'none')
    """
    return ".".join(run["versions"].get(package, "none").split(".")[:2])


DETAILS: tuple[Callable[[Data], str], ...] = (
    lambda run: f"Python {minor(run, 'python')}",
    lambda run: f"torch {run['versions'].get('torch', 'none')}",
    lambda run: f"torchvision {run['versions'].get('torchvision', 'none')}",
    lambda run: f"NumPy {run['versions'].get('numpy', 'none')}",
    lambda run: " ".join(run["dtypes"]),
    lambda run: " ".join(run["options"]) or "no options",
    lambda run: "whole" if run["scope"]["whole"] else "a part",
    lambda run: run["machine"],
    lambda run: f"commit {(run['commit'] or 'unknown')[:7]}",
)
"""What distinguishes runs with the same name, the most telling first."""


def own_name(run: Data) -> str:
    """Return a run's name without any details and number that merging added."""
    name = re.sub(r" \(\d+\)$", "", run["name"])
    for detail in reversed(DETAILS):
        name = name.removesuffix(f", {detail(run)}")
    return name


def _with_own_names(runs: list[Data]) -> list[Data]:
    """Return the runs under distinct names: runs with the same name get the details that differ, or else a number.

    The second run of a name gets the number 2, and so on.
    """
    alike = defaultdict[str, list[Data]](list)
    for run in runs:
        alike[own_name(run)].append(run)
    details = {name: _telling_apart(group) for name, group in alike.items()}
    named: dict[str, Data] = {}
    for run in runs:
        plain = ", ".join([own_name(run), *(detail(run) for detail in details[own_name(run)])])
        name, number = plain, 1
        while name in named:
            number += 1
            name = f"{plain} ({number})"
        named[name] = {**run, "name": name}
    return list(named.values())


def _telling_apart(runs: list[Data]) -> list[Callable[[Data], str]]:
    """Return the details that distinguish runs, each of which separates some that the previous ones do not."""
    chosen: list[Callable[[Data], str]] = []
    for detail in DETAILS:
        if len({_described(run, [*chosen, detail]) for run in runs}) > len({_described(run, chosen) for run in runs}):
            chosen.append(detail)
    return chosen


def _described(run: Data, details: Iterable[Callable[[Data], str]]) -> tuple[str, ...]:
    return tuple(detail(run) for detail in details)


def _side_by_side(one: Data, other: Data, part: str) -> Iterator[tuple[Data, Data]]:
    """Yield every claim or test as each of two reports records it: in the first one's order, then the second's own.

    Where a report lacks it, its runs are recorded as not having run it.
    """
    ours, theirs = ({entry[IDS[part]]: entry for entry in report[part]} for report in (one, other))
    for id in dict.fromkeys([*ours, *theirs]):
        known = ours.get(id) or theirs[id]
        yield ours.get(id) or _unknown(known, len(one["runs"])), theirs.get(id) or _unknown(known, len(other["runs"]))


def _unknown(entry: Data, runs: int) -> Data:
    """Return a claim or a test with the results of runs whose report lacks it."""
    of_a_test = {"outcome": "not run", "cases": 0, "examples": 0, "failures": []}
    result = "uncheckable" if entry.get("verdict") == "uncheckable" else "cited" if entry.get("cites") else "not run"
    of_a_claim = {"result": result, "tests": [], "examples": 0, "comparisons": 0, "worst": {}}
    return {**entry, "results": [of_a_claim if "verdict" in entry else of_a_test] * runs}


def _claim(ours: Data, theirs: Data) -> Data:
    return {**ours, "results": ours["results"] + theirs["results"]}


def _test(ours: Data, theirs: Data) -> Data:
    """Return a test of both reports, with the claims that it carried in either."""
    return {**_claim(ours, theirs), "claims": list(dict.fromkeys(ours["claims"] + theirs["claims"]))}


def _united(ours: list[Data], theirs: list[Data]) -> list[Data]:
    known = {entry["id"] for entry in ours}
    return [*ours, *(entry for entry in theirs if entry["id"] not in known)]
