"""A Ctrl-C that Python swallows: one that comes while a callback of the garbage collector or a `__del__` runs.

An exception cannot leave such a function: Python hands it to `sys.unraisablehook`, prints it at best, and goes on.
Hypothesis has such a callback, so that a run of properties is in one often. Here the Ctrl-C is sent again a moment
later, until it meets code that it can end.
"""

import _thread
import sys
from threading import Timer
from typing import Any

import pytest

MOMENT = 0.05
"""Seconds until a swallowed Ctrl-C is sent again."""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at swallowed exceptions from now on, before pytest's own hook does."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            return before(unraisable)
        again = Timer(MOMENT, _thread.interrupt_main)
        again.daemon = True
        return again.start()

    def restore() -> None:
        if sys.unraisablehook is hook:
            sys.unraisablehook = before

    sys.unraisablehook = hook
    session.config.add_cleanup(restore)
