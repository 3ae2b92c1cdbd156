"""A plugin of pytest for runs on mutants: no test takes forever, and no failure is drawn, for nobody looks at it.

The limit counts the time that the process computes, where the system has such a limit: a busy machine is no reason.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from spec_tests.run import drawing

SECONDS = 100
"""That a test may compute: more than ten times as long as any takes on the references."""


def pytest_collection_finish() -> None:
    """Draw no failure."""
    drawing.case_of = lambda *_: drawing.Case()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart() -> None:
    """Let the system end this process when the test that begins has computed for too long."""
    if find_spec("resource") is not None:  # Windows has none
        resource: Any = import_module("resource")
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        limit = int(used.ru_utime + used.ru_stime) + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit if hard < 0 else min(limit, hard), hard))
