"""What the report adds to pytest.

--report DIR        leave the report of this run there: claims.json, and index.html to read
"""

from importlib import import_module
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("specification")
    group.addoption("--report", type=Path, metavar="DIR", help="leave the report of this run there, a page and data")


def pytest_configure(config: pytest.Config) -> None:
    """Keep a record of the run if a report is asked for."""
    if config.option.report is not None and not hasattr(config, "workerinput"):
        record = import_module("spec_tests.report.record")  # here, because most runs do without
        config.pluginmanager.register(record.Report(config.option.report))
