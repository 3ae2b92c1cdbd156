"""The collected tests that the report is about, and what it says of their source.

In a run in several processes (pytest-xdist) one of them tells the tests to the one that writes the report.
"""

import inspect
import linecache
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from spec_tests.report import surroundings
from spec_tests.run import processes, selection
from spec_tests.vocabulary import ledger

BAD = ("failed", "error")
RAN = ("passed", *BAD)
"""The outcomes of a test that was run."""


@dataclass
class Case:
    """One collected test: a function, or a function with one set of its parameters."""

    id: str
    """The node id, relative to the project's folder."""
    name: str
    """The part of the id that names the parameters, or an empty string."""
    section: str
    claims: tuple[str, ...]
    deviations: tuple[str, ...]
    place: tuple[str, int] | None
    """The file and the line of the function; None of an example in a docstring."""
    failure: str = ""
    entry: ledger.Entry = field(default_factory=lambda: ledger.Entry("", ""))
    """What the ledger says of it; an empty one where it was left out."""

    @property
    def test(self) -> str:
        """The id of the function."""
        return self.id.removesuffix(f"[{self.name}]") if self.name else self.id

    @property
    def outcome(self) -> str:
        """How it ended."""
        return self.entry.outcome

    @property
    def ran(self) -> bool:
        """Whether it was run, and not left out or skipped."""
        return self.outcome in RAN


class Tests:
    """The tests that are collected. One of several processes tells them the one that writes the report."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin with none."""
        self.config, self.cases = config, dict[str, Case]()
        """By node id."""

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note every test of the specification, including those that will be left out."""
        if selection.is_specification(item):
            self.cases[item.nodeid] = case_of(item)

    def told(self) -> dict[str, Any]:
        """Return them, and in what they run, as JSON can hold it."""
        cases = [[test, {name: getattr(case, name) for name in SENT}] for test, case in self.cases.items()]
        return {"cases": cases, "surroundings": surroundings_of(self.config)}


SENT = ("id", "name", "section", "claims", "deviations", "place")
"""What one of several processes tells of a test that it has collected."""

TESTS = "tests of the report"
"""The name under which it does."""


def received(config: pytest.Config) -> tuple[dict[str, Case], dict[str, Any]]:
    """Return the tests that one of several processes has collected, and in what they ran."""
    told = config.stash.get(processes.TOLD, {}).get(TESTS, {"cases": [], "surroundings": {}})
    cases = {test: Case(**{name: _received(value) for name, value in case.items()}) for test, case in told["cases"]}
    return cases, told["surroundings"]


def _received(value: Any) -> Any:
    """Return a value as it was before JSON, which has no tuples."""
    return tuple(value) if isinstance(value, list) else value


def surroundings_of(config: pytest.Config) -> dict[str, Any]:
    """Return where tests run, asked in the process that runs them."""
    return {"versions": surroundings.versions(), "machine": surroundings.machine(config.option.spec_device)}


def case_of(item: pytest.Item) -> Case:
    """Return a collected test before it runs."""
    file = item.path.relative_to(selection.ROOT.parent).as_posix()
    return Case(
        id="::".join([file, *item.nodeid.split("::")[1:]]),
        name=getattr(getattr(item, "callspec", None), "id", ""),
        section=selection.section_of(item),
        claims=selection.claims_of(item),
        deviations=tuple(mark.args[0] for mark in item.iter_markers("deviation")),
        place=place_of(getattr(item, "function", None)),
    )


def place_of(function: Callable[..., Any] | None) -> tuple[str, int] | None:
    """Return the file of a test function and its first line, decorators included; None of a docstring's example."""
    written = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    code = getattr(inspect.unwrap(written), "__code__", None) if written is not None else None
    return (code.co_filename, code.co_firstlineno) if code is not None else None


def source_of(place: tuple[str, int] | None) -> tuple[int, str]:
    """Return the first line and the source of a test function, decorators included; for a doctest, an empty source."""
    if place is None:
        return 1, ""
    file, first = place
    return first, textwrap.dedent("".join(inspect.getblock(linecache.getlines(file)[first - 1 :])))
