"""The record of a run, test by test: comparisons, examples, outcomes. The summary and the report are made from it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Nearest(NamedTuple):
    """The element that came nearest to its bound, among comparisons that held."""

    share: float
    """The error as a share of the bound."""
    error: float = 0.0
    bound: float = 0.0


EXACT = Nearest(0.0)
"""What a comparison for exact equality records."""


OUTCOMES = ("not run", "skipped", "passed", "error", "failed")
"""How a test can end; of the outcomes of its setup, body and teardown, the last in this order counts."""


@dataclass(frozen=True)
class Call:
    """One call of the subject."""

    function: str
    """The name of the specification's function, such as conv2d or conv2d_backward."""
    arguments: Mapping[str, Any]
    """By the specification's names, as they were before the call."""
    dtype: str
    """The number format that the subject computed in."""
    result: Any = None
    error: str = ""
    """The exception that it raised, if it did."""
    written: tuple[str, ...] = ()
    """The arguments that it wrote into."""
    shared: tuple[str, ...] = ()
    """The arguments whose memory its result shares, where a new array was asked for."""
    printed: str = ""
    """The beginning of what it printed, if it is a function of others."""


@dataclass
class Entry:
    """One test of the run."""

    test: str
    section: str
    claims: tuple[str, ...] = ()
    examples: int = 0
    comparisons: int = 0
    worst: dict[str, Nearest] = field(default_factory=dict)
    """By dtype, the element nearest to its bound; `EXACT` where all comparisons were for exact equality."""
    outcome: str = OUTCOMES[0]
    tooling: bool = False
    """Whether it tests this project's own tools rather than the subject."""
    last_example: dict[str, Any] = field(default_factory=dict)
    deviation: str = ""
    """The known deviation that it met, if that is why it ended as skipped."""
    requirements: tuple[tuple[str, str], ...] = ()
    """What it requires: levels and operations."""
    not_offered: str = ""
    """What it asked for that the subject does not offer, if it was not counted for that reason."""
    answered: int = 0
    """How many calls the subject has answered."""
    calls: list[Call] = field(default_factory=list)
    """What the subject was asked in the last example, and what it answered."""

    def end(self, outcome: str) -> None:
        """Note how a phase of the test ended."""
        self.outcome = max(self.outcome, outcome, key=OUTCOMES.index)


_entries: dict[str, Entry] = {}
_current: Entry | None = None


@dataclass
class Drawn:
    """The problems of an operation that were drawn."""

    problems: int = 0
    buckets: Counter[str] = field(default_factory=Counter)
    """How many of them were in each bucket."""


_drawn: defaultdict[str, Drawn] = defaultdict(Drawn)


def expect(entry: Entry) -> None:
    """Register a test that is going to run."""
    _entries[entry.test] = entry


@contextmanager
def set_aside() -> Iterator[None]:
    """Keep an empty record for the time being, of a run within a run, and take up the present one again afterwards."""
    global _entries, _current, _drawn
    before = _entries, _current, _drawn
    _entries, _current, _drawn = {}, None, defaultdict(Drawn)
    try:
        yield
    finally:
        _entries, _current, _drawn = before


def start(entry: Entry) -> None:
    """Make this the current test, which records belong to."""
    global _current
    expect(entry)
    _current = entry


def stop() -> None:
    """End the current test."""
    global _current
    _current = None


def record(dtype: str, share: float, error: float = 0.0, bound: float = 0.0) -> None:
    """Record a comparison of the current test that held: the element nearest to its bound."""
    if _current is not None:
        _current.comparisons += 1
        _current.worst[dtype] = max(_current.worst.get(dtype, EXACT), Nearest(share, error, bound))


def example(arguments: dict[str, Any]) -> None:
    """Count one execution of the current test's body and remember its arguments."""
    if _current is not None:
        _current.examples += 1
        _current.last_example = arguments
        _current.calls.clear()


def rejected() -> None:
    """Take back the last example: it asked for what the subject does not offer."""
    if _current is not None:
        _current.examples -= 1


def not_offered(reason: str) -> None:
    """Note that the current test does not count, for it asked for what the subject does not offer."""
    if _current is not None:
        _current.not_offered = reason


def answered() -> int:
    """Return how many calls of the current test the subject has answered."""
    return _current.answered if _current is not None else 0


def called(call: Call) -> None:
    """Record a call of the subject, which it answered unless the call holds an error or nothing came back."""
    if _current is not None:
        _current.calls.append(call)
        _current.answered += not call.error and call.result is not None


def written() -> list[str]:
    """Name what the subject wrote into in the current example, as "input of relu"; it has been restored since."""
    calls = _current.calls if _current is not None else []
    return [f"{name} of {call.function}" for call in calls for name in call.written]


def met(deviation: str) -> None:
    """Note that the current test met a known deviation and ends for that reason."""
    if _current is not None:
        _current.deviation = deviation


def drawn(operation: str, buckets: Iterable[str]) -> None:
    """Count a drawn problem of this operation, which is in these buckets, unless the test is of our own tools."""
    if _current is not None and not _current.tooling:
        of_operation = _drawn[operation]
        of_operation.problems += 1
        of_operation.buckets.update(buckets)


def all_drawn() -> Mapping[str, Drawn]:
    """Return what was drawn, by operation."""
    return _drawn


def take_drawn() -> Mapping[str, Drawn]:
    """Return what was drawn, and count from nothing again: another process adds up."""
    taken = dict(_drawn)
    _drawn.clear()
    return taken


def add_drawn(operation: str, problems: int, buckets: Mapping[str, int]) -> None:
    """Count what another process has drawn."""
    _drawn[operation].problems += problems
    _drawn[operation].buckets.update(buckets)


def entry(test: str) -> Entry | None:
    """Return the record of a test, if there is one."""
    return _entries.get(test)


def entries() -> list[Entry]:
    """Return the record of every test."""
    return list(_entries.values())
