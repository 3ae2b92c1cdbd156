"""Several reports in one: `python -m spec_tests.report merge DIR FILE FILE...`, a column for each run.

The data of both are those of `claims.schema.json`. A merged report can be merged again.
"""

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any

Data = dict[str, Any]

IDS = {"claims": "id", "tests": "test"}


def merge(reports: Iterable[Data]) -> Data:
    """Return one report of all the runs, in their order; raise ValueError where the reports do not fit together.

    A claim, a test or a deviation that only some of them know is kept, and where they word it differently, the first
    one's words are. Of a claim they must agree on the section and on the register's verdict.
    """
    return reduce(_merge_two, reports)


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
        for name, meaning in (("register", "the register's verdict"), ("section", "the section")):
            if (expected := known.get(claim["id"], claim)[name]) != claim[name]:
                raise ValueError(
                    f"claim {claim['id']}: {meaning} is {expected} in one report, {claim[name]} in another"
                )


def _refuse_the_same_run(ours: list[Data], theirs: list[Data]) -> None:
    known = {_identity(run) for run in ours}
    for run in theirs:
        if _identity(run) in known:
            raise ValueError(f"the run {run['name']!r} that started {run['started']} is there twice")


def _identity(run: Data) -> tuple[Any, ...]:
    """Return what two runs cannot share: on several machines some may well start in the same second."""
    return own_name(run), run["started"], run["machine"], *sorted(run["versions"].items())


def own_name(run: Data) -> str:
    """Return a run's name without the number that merging may have added.

    >>> own_name({"name": "reference (NumPy 2.4) (3)"})
    'reference (NumPy 2.4)'
    """
    return re.sub(r" \(\d+\)$", "", run["name"])


def _with_own_names(runs: list[Data]) -> list[Data]:
    """Return the runs under different names: the second of a name gets the number 2, and so on."""
    named: dict[str, Data] = {}
    for run in runs:
        name, number = run["name"], 1
        while name in named:
            number += 1
            name = f"{own_name(run)} ({number})"
        named[name] = {**run, "name": name}
    return list(named.values())


def _side_by_side(one: Data, other: Data, part: str) -> Iterator[tuple[Data, Data]]:
    """Give what each of two reports says of every claim or test, in the one's order, and what only the other has last.

    A report that does not know it says that it was not run.
    """
    ours, theirs = ({entry[IDS[part]]: entry for entry in report[part]} for report in (one, other))
    for id in dict.fromkeys([*ours, *theirs]):
        known = ours.get(id) or theirs[id]
        yield ours.get(id) or _unknown(known, len(one["runs"])), theirs.get(id) or _unknown(known, len(other["runs"]))


def _unknown(entry: Data, runs: int) -> Data:
    """Return a claim or a test with the results of runs that do not know it."""
    of_a_test = {"outcome": "not run", "cases": 0, "examples": 0, "failures": []}
    verdict = "uncheckable" if entry.get("register") == "uncheckable" else "not run"
    of_a_claim = {"verdict": verdict, "tests": [], "examples": 0, "comparisons": 0, "worst": {}}
    return {**entry, "results": [of_a_claim if "register" in entry else of_a_test] * runs}


def _claim(ours: Data, theirs: Data) -> Data:
    return {**ours, "results": ours["results"] + theirs["results"]}


def _test(ours: Data, theirs: Data) -> Data:
    """Return a test of both reports: what it executed in either of them."""
    return {**_claim(ours, theirs), "claims": list(dict.fromkeys(ours["claims"] + theirs["claims"]))}


def _united(ours: list[Data], theirs: list[Data]) -> list[Data]:
    known = {entry["id"] for entry in ours}
    return [*ours, *(entry for entry in theirs if entry["id"] not in known)]
