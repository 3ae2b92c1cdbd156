"""In a run in several processes (pytest-xdist), which tests go together to one of them, and which go first.

Tests of one function that follow one another stay together: they share what they draw, and so every test tries the
examples that it tries in one process. So do the tests of a file that makes something once for all of them. What takes
long goes first, so that no process works on alone at the end. This is how `-n` shares out the tests; another `--dist`
shares them out as pytest-xdist does.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spec_tests.run.ordering import RUNGS
from spec_tests.run.processes import groups

MADE_ONCE = re.compile(r'scope="(?:module|session)"|^def children_started\b|^@(?:functools\.)?cache\b', re.MULTILINE)
"""What a file says that makes something once for all its tests."""

FIRST = (
    f"/{RUNGS}",
    "/tooling/test_wrong_implementations.py",
    "/tooling/test_planted_defects.py",
    "/tooling/test_the_strangers.py",
    "/tooling/",
    "/test_code_blocks.py",
    "benchmarks/",
)
"""Where the tests are that show at once what is plainly wrong, and then those that take long, the longest first."""

FEWEST = 2
"""How many tests a process has to know: the one that it runs, and the next one, which decides what is torn down."""


@pytest.hookimpl(trylast=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out the tests in units, unless another way is asked for."""
    if config.getvalue("dist") != "load":
        return None
    scheduling = import_module("xdist.scheduler").LoadScheduling  # here, because most runs do without the package

    class InUnits(scheduling):  # type: ignore[misc, valid-type]  # of a package that may be missing
        """pytest-xdist's own scheduler, which is given a unit at a time."""

        collection: Any
        units: list[str]

        def schedule(self) -> None:
            """Begin when all tests are known, and give work to a process that has come instead of one that died."""
            if self.collection is None:
                if not self._check_nodes_have_same_collection():
                    return
                self.collection = next(iter(self.node2collection.values()))
                self.units = units(self.collection, config.rootpath)
                self.pending[:] = in_order(self.units)
            for _ in range(FEWEST if self.collection else 0):
                for node in self.nodes:
                    self.check_schedule(node)

        def check_schedule(self, node: Any, duration: float = 0) -> None:  # noqa: ARG002  # however long a test took
            """Give a process the next unit if it has hardly any test left."""
            if node.shutting_down:
                return
            if not self.pending:
                node.shutdown()
            elif len(self.node2pending[node]) < FEWEST:
                unit = self.units[self.pending[0]]
                others = (place for place, test in enumerate(self.pending) if self.units[test] != unit)
                self._send_tests(node, next(others, len(self.pending)))

    return InUnits(config, log)


def units(tests: Sequence[str], project: Path) -> list[str]:
    """Return for each test the name of its unit, which begins with the file."""
    files = [test.partition("::")[0] for test in tests]
    together = {file: _is_a_unit(project / file) for file in set(files)}
    return [file if together[file] else f"{file} {group}" for file, group in zip(files, groups(tests), strict=True)]


def in_order(units: Sequence[str]) -> list[int]:
    """Return the places of tests in the order in which they are given away, those of a unit one after the other.

    >>> in_order(["a/test_a.py", "a/tooling/test_b.py 1", "a/test_c.py 2", "a/test_a.py"])
    [1, 0, 3, 2]
    """
    began: dict[str, int] = {}
    for place, unit in enumerate(units):
        began.setdefault(unit, place)
    return sorted(range(len(units)), key=lambda place: (_rank(units[place]), began[units[place]], place))


def _rank(unit: str) -> int:
    """Return a small number for what goes first."""
    return next((rank for rank, place in enumerate(FIRST) if place in unit), len(FIRST))


def _is_a_unit(file: Path) -> bool:
    return file.is_file() and MADE_ONCE.search(file.read_text(encoding="utf-8")) is not None
