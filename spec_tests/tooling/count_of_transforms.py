"""A plugin, `-p spec_tests.tooling.count_of_transforms`: it says at the end how often the subject has transformed.

It runs what is required of operations that may transform. All others are the references' own, in whose run nothing
would be new.
"""

from typing import Any

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of other operations."""
    run: Any = config.pluginmanager.get_plugin("spec_tests.run.plugin")  # imported by now, and not by us
    transforms = config.stash[run.SUBJECT].transforms
    others = [item for item in items if not any(name in transforms for _, name in run.asking.requirements(item))]
    config.hook.pytest_deselected(items=others)
    left_out = set(others)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print a line for each function that has."""
    run: Any = config.pluginmanager.get_plugin("spec_tests.run.plugin")  # imported by now, and not by us
    for function, calls in config.stash[run.SUBJECT].transformed.items():
        terminalreporter.write_line(f"{function} transformed {calls} times")
