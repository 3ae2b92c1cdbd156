"""What ends a run, in bad moments: SIGTERM does as Ctrl-C, and a Ctrl-C that Python swallows is sent again.

SIGTERM, by which systems of continuous integration and `kill` end a run, would end it without a word. Swallowed is what
comes while a callback of the garbage collector or a `__del__` runs.

An exception cannot leave such a function: Python hands it to `sys.unraisablehook`, prints it at best, and goes on.
Hypothesis has such a callback, so that a run of properties is in one often. Here the Ctrl-C is sent again a moment
later, until it meets code that it can end.

An implementation that calls `os._exit(0)` would end the run at once, with the status of one in which all went well.
"""

import _thread
import os
import sys
from contextlib import ExitStack, nullcontext
from threading import Timer
from typing import Any, NoReturn

import pytest

from reference.command import MOMENT, end_with_the_usual_status, interrupted_by_signals
from spec_tests.run import processes
from spec_tests.run.complaints import told
from spec_tests.run.language import language_of


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at swallowed exceptions from now on, before pytest's own hook does, and at signals unless others do."""
    if not processes.is_worker(session.config):  # which the other process ends, and whose end it notices
        ending = ExitStack()
        ending.enter_context(interrupted_by_signals())
        session.config.add_cleanup(ending.close)
        _say_who_ends_python(session.config)
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


def _say_who_ends_python(config: pytest.Config) -> None:
    before, ours = os._exit, os.getpid()

    def ending(status: int) -> NoReturn:
        if os.getpid() != ours:  # a fork of this process
            before(status)
        known = config.pluginmanager.get_plugin
        capturing: Any = known("capturemanager")
        terminal: Any = known("terminalreporter")
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0] or "no test"
        line = f"os._exit({status}) ended Python in the midst of {test}: this run has no result"
        with capturing.global_and_fixture_disabled() if capturing else nullcontext():
            if terminal:
                terminal.ensure_newline()
                terminal.write_line(told(line, language_of(config.option.spec_language)))
                terminal.flush()
        before(status or 1)

    def restore() -> None:
        if os._exit is ending:
            os._exit = before

    os._exit = ending
    config.add_cleanup(restore)
