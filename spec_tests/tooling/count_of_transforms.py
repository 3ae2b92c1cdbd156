"""A plugin, `-p spec_tests.tooling.count_of_transforms`: it says at the end how often the subject has transformed."""

from typing import Any

import pytest


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print a line for each function that has."""
    run: Any = config.pluginmanager.get_plugin("spec_tests.run.plugin")  # imported by now, and not by us
    for function, calls in config.stash[run.SUBJECT].transformed.items():
        terminalreporter.write_line(f"{function} transformed {calls} times")
