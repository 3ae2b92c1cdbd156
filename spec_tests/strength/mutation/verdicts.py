"""What is asked about a mutant, and what can be said of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A mutant: the reference's name, the function that is changed, and the changed source."""

    file: str
    function: str
    source: str


@dataclass(frozen=True)
class Killed:
    """By this test."""

    test: str
    how: str


@dataclass(frozen=True)
class Survived:
    """All tests."""


@dataclass(frozen=True)
class Undecided:
    """It takes a process of its own, for this reason."""

    reason: str


Verdict = Killed | Survived | Undecided
