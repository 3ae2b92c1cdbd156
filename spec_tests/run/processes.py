"""A run in several processes (pytest-xdist): every process sends its record to the one that prints the summary."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from spec_tests.run.ending import RUN
from spec_tests.run.summary import Run
from spec_tests.vocabulary import ledger

RECORD = "record of the specification"
"""Under which a process sends its record."""
COUNTED = ("left_out", "unread")
"""What a `Run` counts."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the record, if this is one of several processes and has run tests of the specification."""
    output, run = getattr(session.config, "workeroutput", None), session.config.stash.get(RUN, None)
    if output is not None and run is not None:
        output[RECORD] = {"run": _plain(run), "entries": [_sent(entry) for entry in ledger.entries()]}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the record of a process that has ended."""
    record = getattr(node, "workeroutput", {}).get(RECORD)
    if record is None:
        return
    node.config.stash[RUN] = Run(**{**record["run"], **{name: Counter(record["run"][name]) for name in COUNTED}})
    for sent in record["entries"]:
        ledger.merge(_received(sent))


def _plain(run: Run) -> dict[str, Any]:
    return {**vars(run), "transforms": dict(run.transforms), **{name: dict(getattr(run, name)) for name in COUNTED}}


def _sent(entry: ledger.Entry) -> dict[str, Any]:
    """Return an entry in types that can be sent: without its last example and calls, which are arrays."""
    worst = {dtype: [float(number) for number in nearest] for dtype, nearest in entry.worst.items()}
    drawn = {"drawn": True} if entry.last_example else {}
    return {**asdict(replace(entry, last_example={}, calls=[], worst={})), "worst": worst, "last_example": drawn}


def _received(sent: Mapping[str, Any]) -> ledger.Entry:
    worst = {dtype: ledger.Nearest(*numbers) for dtype, numbers in sent["worst"].items()}
    return ledger.Entry(
        **{
            **sent,
            "claims": tuple(sent["claims"]),
            "requirements": tuple(map(tuple, sent["requirements"])),
            "worst": worst,
        }
    )
