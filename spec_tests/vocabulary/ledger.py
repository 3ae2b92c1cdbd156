"""What the run did: every comparison, example and outcome, by test. The summary and the report are made from it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Nearest(NamedTuple):
    """Of comparisons that held, the element that came nearest to its bound."""

    share: float
    """The error as a share of the bound."""
    error: float = 0.0
    bound: float = 0.0


EXACT = Nearest(0.0)
"""What a comparison leaves in which only exact equality was asked."""


OUTCOMES = ("not run", "skipped", "passed", "error", "failed")
"""How a test ended: of its setup, its body and its teardown what is last here counts."""


@dataclass
class Entry:
    """One test of the run."""

    test: str
    section: str
    claims: tuple[str, ...] = ()
    examples: int = 0
    comparisons: int = 0
    worst: dict[str, Nearest] = field(default_factory=dict)
    """By dtype, how near the comparisons came to their bounds; `EXACT` where only exact equality was asked."""
    outcome: str = OUTCOMES[0]
    tooling: bool = False
    """Whether it tests this project's own tools, and says nothing of the subject."""
    last_example: dict[str, Any] = field(default_factory=dict)

    def end(self, outcome: str) -> None:
        """Note how a phase of the test ended."""
        self.outcome = max(self.outcome, outcome, key=OUTCOMES.index)


_entries: dict[str, Entry] = {}
_current: Entry | None = None


def expect(entry: Entry) -> None:
    """Take a test down that is to run."""
    _entries[entry.test] = entry


def start(entry: Entry) -> None:
    """Make this test the one that records go to."""
    global _current
    expect(entry)
    _current = entry


def stop() -> None:
    """End the current test."""
    global _current
    _current = None


def record(dtype: str, share: float, error: float = 0.0, bound: float = 0.0) -> None:
    """Record one comparison of the current test that held, by its element nearest to the bound."""
    if _current is not None:
        _current.comparisons += 1
        _current.worst[dtype] = max(_current.worst.get(dtype, EXACT), Nearest(share, error, bound))


def example(arguments: dict[str, Any]) -> None:
    """Count one execution of the current test's body, and remember what it was given."""
    if _current is not None:
        _current.examples += 1
        _current.last_example = arguments


def entries() -> list[Entry]:
    """Return what has been recorded, test by test."""
    return list(_entries.values())
