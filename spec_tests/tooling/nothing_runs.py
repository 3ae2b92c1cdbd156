"""A plugin, `-p spec_tests.tooling.nothing_runs`: every test that is collected counts as passed, and none is run.

For what depends on which tests there are, and not on what they find: a run around this one runs them.
"""

from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Write down that they have passed."""
    run: Any = session.config.pluginmanager.get_plugin("spec_tests.run.plugin")  # imported by now, and not by us
    for item in session.items:
        item.stash[run.ENTRY].end("passed")
    return True
