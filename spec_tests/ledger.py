"""What the run did, as data: every comparison, example and outcome, by test. The summary is printed from it."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Entry:
    """One test of the run."""

    test: str
    section: str
    claims: tuple[str, ...] = ()
    examples: int = 0
    comparisons: int = 0
    worst: dict[str, float] = field(default_factory=dict)
    """By dtype, the greatest error seen, as a share of its bound; 0 where only exact equality was asked."""
    outcome: str = "not run"
    last_example: dict[str, Any] = field(default_factory=dict)


_entries: dict[str, Entry] = {}
_current: Entry | None = None


def start(entry: Entry) -> None:
    """Make this test the one that records go to."""
    global _current
    _entries[entry.test] = entry
    _current = entry


def stop() -> None:
    """End the current test."""
    global _current
    _current = None


def record(dtype: str, share: float) -> None:
    """Record one comparison of the current test that held."""
    if _current is not None:
        _current.comparisons += 1
        _current.worst[dtype] = max(_current.worst.get(dtype, 0.0), share)


def example(arguments: dict[str, Any]) -> None:
    """Count one execution of the current test's body, and remember what it was given."""
    if _current is not None:
        _current.examples += 1
        _current.last_example = arguments


def entries() -> list[Entry]:
    """Return what has been recorded, test by test."""
    return list(_entries.values())


def as_data() -> list[dict[str, Any]]:
    """Return the records as plain data, without the drawn arrays."""
    return [{k: v for k, v in asdict(entry).items() if k != "last_example"} for entry in entries()]
