"""What is asked about a mutant, and what can be said of it."""

from dataclasses import dataclass


def named(test: str) -> str:
    """Return the name of a test's function, without its file and parameters.

    >>> named("spec_tests/test_2_4_linear.py::test_flatten[float32]")
    'test_flatten'
    """
    return test.rpartition("::")[2].partition("[")[0]


@dataclass(frozen=True)
class Question:
    """A mutant: the reference's name, the function that is changed, and the changed source."""

    file: str
    function: str
    source: str
    likely: tuple[str, ...] = ()
    """The names of tests, without parameters, that have killed others of the reference before, most often the first."""


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
