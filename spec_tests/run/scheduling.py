"""In a run in several processes (pytest-xdist), which tests go together to one of them, and which go first.

Tests of one function that follow one another stay together: they share what they draw, and so every test tries the
examples that it tries in one process. So do the tests of a file that makes something once for all of them. What takes
long goes first, so that no process works on alone at the end. This is how `-n` shares out the tests; another `--dist`
shares them out as pytest-xdist does.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spec_tests.run.processes import groups

MADE_ONCE = re.compile(r'scope="(?:module|session)"|^def children_started\\b', re.MULTILINE)
"""What a file says that makes something once for all its tests."""

FIRST = ("tooling/", "test_code_blocks.py")
"""Where in the specification the tests are that take long."""


@pytest.hookimpl(trylast=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share out the tests in units, unless another way is asked for."""
    if config.getvalue("dist") != "load":
        return None
    loadscope = import_module("xdist.scheduler").LoadScopeScheduling  # here, because most runs do without the package

    class InUnits(loadscope):  # type: ignore[misc]  # of a package that may be missing
        """pytest-xdist's scheduler of scopes, with other scopes."""

        in_order = False

        def schedule(self) -> None:
            """Make the units when all tests are known."""
            if self.collection is None:
                tests = list(next(iter(self.registered_collections.values())))
                self.units = dict(zip(tests, units(tests, config.rootpath), strict=True))
            super().schedule()

        def _split_scope(self, nodeid: str) -> str:
            return self.units[nodeid]

        def _assign_work_unit(self, node: Any) -> None:
            """Before the first one is assigned, put them in order."""
            if not self.in_order:
                self.in_order = True
                for unit in sorted(self.workqueue, key=_rank):
                    self.workqueue.move_to_end(unit)
            super()._assign_work_unit(node)

        def _reschedule(self, node: Any) -> None:
            """Forget what is done, which would be counted again and again."""
            work = self.assigned_work[node]
            for unit in [unit for unit, tests in work.items() if all(tests.values())]:
                del work[unit]
            super()._reschedule(node)

    return InUnits(config, log)


def units(tests: list[str], project: Path) -> list[str]:
    """Return for each test the name of its unit, which begins with the file."""
    together = {file: _is_a_unit(project / file) for file in {test.partition("::")[0] for test in tests}}
    numbered = zip(tests, groups(tests), strict=True)
    return [file if together[file := test.partition("::")[0]] else f"{file} {group}" for test, group in numbered]


def _rank(unit: str) -> int:
    """Return a small number for what goes first."""
    return next((rank for rank, place in enumerate(FIRST) if place in unit), len(FIRST))


def _is_a_unit(file: Path) -> bool:
    return file.is_file() and MADE_ONCE.search(file.read_text(encoding="utf-8")) is not None
