"""A plugin of pytest for runs on mutants: no test takes forever or all memory.

What counts is the time that the process computes, where the system has such a limit: a busy machine is no reason. No
failure is drawn, for nobody looks at it.
"""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from spec_tests.run import drawing

SECONDS = 60
"""That a test may compute: more than five times as long as any takes on the references."""

BYTES = 4 * 2**30
"""That a process may grow by during a test, where the system tells how large it is."""

OWN_SIZE = Path("/proc/self/status")
"""Where Linux tells it."""


def pytest_collection_finish() -> None:
    """Draw no failure."""
    drawing.case_of = lambda *_: drawing.Case()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart() -> None:
    """Let the system end this process when the test that begins has computed for too long, and refuse it more memory.

    What it then asks for in vain is a MemoryError, which fails the test.
    """
    if find_spec("resource") is None:  # Windows has none
        return
    resource: Any = import_module("resource")
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set(resource, resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + SECONDS)
    size = re.search(r"^VmData:\s*(\d+) kB$", OWN_SIZE.read_text("ascii") if OWN_SIZE.exists() else "", re.MULTILINE)
    if size is not None:
        _set(resource, resource.RLIMIT_DATA, int(size[1]) * 1024 + BYTES)


def _set(resource: Any, which: int, limit: int) -> None:
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (limit if hard < 0 else min(limit, hard), hard))
