"""What asks a run to end, in bad moments: SIGTERM does as Ctrl-C, and a Ctrl-C that Python swallows is sent again.

SIGTERM, by which systems of continuous integration and `kill` end a run, would end it without a word. Swallowed is what
comes while a callback of the garbage collector or a `__del__` runs.

An exception cannot leave such a function: Python hands it to `sys.unraisablehook`, prints it at best, and goes on.
Hypothesis has such a callback, so that a run of properties is in one often. Here the Ctrl-C is sent again a moment
later, until it meets code that it can end.
"""

import _thread
import os
import signal
import sys
from threading import Timer, current_thread, main_thread
from typing import Any

import pytest

from reference.command import end_with_the_usual_status
from spec_tests.run import processes

MOMENT = 0.05
"""Seconds until a swallowed Ctrl-C is sent again."""


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at swallowed exceptions from now on, before pytest's own hook does, and at SIGTERM unless others do."""
    if not processes.is_worker(session.config):  # which the other process ends
        _end_by_sigterm(session.config)
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
    session.config.add_cleanup(end_with_the_usual_status)


def _end_by_sigterm(config: pytest.Config) -> None:
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    ours = os.getpid()

    def handler(number: int, _: object) -> None:
        if os.getpid() == ours:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_DFL)  # a fork of this process: as if it were none
        os.kill(os.getpid(), number)

    def restore() -> None:
        if signal.getsignal(signal.SIGTERM) is handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, handler)
    config.add_cleanup(restore)
