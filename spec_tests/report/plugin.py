"""What the report adds to pytest.

--report DIR        (or --spec-report) write a report of this run to DIR: claims.json, and index.html to read
"""

from importlib import import_module

import pytest

from spec_tests.report import interrupts
from spec_tests.run import options


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the option, and what keeps a Ctrl-C from being swallowed."""
    pluginmanager.register(interrupts)
    options.add(parser, pluginmanager, "report")


def pytest_configure(config: pytest.Config) -> None:
    """Record the run if a report is requested."""
    if config.option.spec_report is not None and not hasattr(config, "workerinput"):
        record = import_module("spec_tests.report.record")  # here, because most runs do without it
        config.pluginmanager.register(record.Report(config.option.spec_report))
