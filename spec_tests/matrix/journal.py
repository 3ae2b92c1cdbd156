"""What a process of the matrix writes down while it runs, a line for each event, so that nothing is lost if it dies.

    {"subject": {...}}          what was loaded: its name, formats, versions, machine, known deviations
    {"unavailable": "..."}      or why it could not be
    {"tests": [[id, [[level, operation], ...], outcome, reason], ...]}
                                what is required of it; with an outcome where a test was left out from the start
    {"demonstration": id, "shown": true, "outcome": "passed"}
                                whether a known deviation was found again on its smallest example
    {"begin": id}               a test begins
    {"end": id, ...}            it has ended: the fields of `Ended`
    {"finished": {...}}         all have ended: the versions of what has been imported by now

Another process that goes on where this one ended appends to the same file.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KEPT, DEVIATION, FAILED = "kept", "deviation", "failed"
NOT_REACHED, NOT_OFFERED, NOT_COUNTED = "not reached", "not offered", "not counted"
OUTCOMES = (KEPT, DEVIATION, FAILED, NOT_REACHED, NOT_OFFERED, NOT_COUNTED)
"""How a test ends for the matrix."""


@dataclass
class Ended:
    """How a test ended."""

    outcome: str
    seconds: float = 0.0
    reason: str = ""
    """Why it was not counted, or what is not offered."""
    deviations: list[str] = field(default_factory=list)
    """The ids of the known deviations that it met."""
    how: str = ""
    """Of a failure: "failed", or "died" or "hung" where the test took the process along."""
    message: str = ""
    case: str = ""
    """The drawing of the smallest case."""


@dataclass
class Journal:
    """What the journal of a subject says."""

    subject: dict[str, Any] = field(default_factory=dict)
    unavailable: str = ""
    requirements: dict[str, list[list[str]]] = field(default_factory=dict)
    """By test, the levels and operations of which it requires something."""
    ended: dict[str, Ended] = field(default_factory=dict)
    shown: dict[str, bool] = field(default_factory=dict)
    """By the id of a known deviation, whether its smallest example showed it."""
    running: str = ""
    """The test that has begun and not ended."""
    finished: bool = False
    unreadable: list[str] = field(default_factory=list)
    """The files of tests that could not be read."""

    @property
    def unreached(self) -> list[str]:
        """The tests that have not ended."""
        return [test for test in self.requirements if test not in self.ended]


class Writer:
    """The journal of a process, to which it appends."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, **event: Any) -> None:
        """Write an event at once."""
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(event)}\n")

    def end(self, test: str, ended: Ended) -> None:
        """Write how a test ended."""
        self.write(end=test, **asdict(ended))


def read(file: Path) -> Journal:
    """Return what a journal says so far; a last line that is not finished is left out."""
    journal = Journal()
    for event in _events(file):
        _take(journal, event)
    return journal


def _events(file: Path) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if not line.endswith("\n"):
                return
            try:
                event = json.loads(line)
            except ValueError:
                continue  # the process died while it wrote the line, and the next one went on in it
            if isinstance(event, dict):
                yield event


def _take(journal: Journal, event: dict[str, Any]) -> None:
    match event:
        case {"subject": dict(facts)}:
            journal.subject |= facts
        case {"unavailable": str(why)}:
            journal.unavailable = why
        case {"unreadable": str(file)}:
            journal.unreadable.append(file)
        case {"tests": list(tests)}:
            _take_tests(journal, tests)
        case {"demonstration": str(id), "shown": bool(shown), "outcome": str(outcome)}:
            if shown or outcome != "skipped":
                journal.shown[id] = shown and journal.shown.get(id, True)
        case {"begin": str(test)}:
            journal.running = test
        case {"end": str(test), **fields}:
            journal.ended[test], journal.running = Ended(**fields), ""
        case {"finished": dict(facts)}:
            journal.subject |= facts
            journal.finished = True


def _take_tests(journal: Journal, tests: Iterable[Any]) -> None:
    for test, requirements, outcome, reason in tests:
        journal.requirements[test] = requirements
        if outcome:
            journal.ended[test] = Ended(outcome, reason=reason)
