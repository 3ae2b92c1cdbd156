"""What the report adds to pytest.

--report DIR        write a report of this run to DIR: claims.json, and index.html to read
"""

from importlib import import_module
from pathlib import Path

import pytest

from spec_tests.report import interrupts


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the option, and what keeps a Ctrl-C from being swallowed."""
    pluginmanager.register(interrupts)
    group = parser.getgroup("specification")
    group.addoption("--report", type=Path, metavar="DIR", help="write a report of this run there, a page and its data")


def pytest_configure(config: pytest.Config) -> None:
    """Record the run if a report is requested."""
    if config.option.report is not None and not hasattr(config, "workerinput"):
        record = import_module("spec_tests.report.record")  # here, because most runs do without it
        config.pluginmanager.register(record.Report(config.option.report))
