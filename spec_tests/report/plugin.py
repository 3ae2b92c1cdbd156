"""What the report adds to pytest.

--report DIR        (or --spec-report) write a report of this run to DIR: claims.json, and index.html to read
"""

from importlib import import_module

import pytest

from spec_tests.report import interrupts
from spec_tests.run import options, processes


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the option, and what keeps a Ctrl-C from being swallowed."""
    pluginmanager.register(interrupts)
    options.add(parser, pluginmanager, "report")


def pytest_configure(config: pytest.Config) -> None:
    """Record the run if a report is requested."""
    if config.option.spec_report is None:
        return
    cases = import_module("spec_tests.report.cases")  # here, because most runs do without it
    tests = cases.Tests(config)
    config.pluginmanager.register(tests)
    if processes.is_worker(config):
        config.stash.setdefault(processes.TOLD_FIRST, {})[cases.TESTS] = tests.told
    else:
        record = import_module("spec_tests.report.record")
        config.pluginmanager.register(record.Report(config.option.spec_report, config, tests))
