"""A plugin, `-p spec_tests.tooling.count_of_transforms`: it says at the end how often the subject has transformed."""

from typing import Any

import pytest

from spec_tests.run.plugin import SUBJECT


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print a line for each function that has."""
    for function, calls in vars(config.stash[SUBJECT])["transformed"].items():
        terminalreporter.write_line(f"{function} transformed {calls} times")
