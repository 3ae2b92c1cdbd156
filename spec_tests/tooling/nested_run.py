"""pytest within a test: a run of its own in the same process, for tests of what a run does."""

import contextlib
import io

import pytest

OFF = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")
"""Plugins that belong to the run outside, or are slow."""


def pytest_in_this_process(*arguments: str) -> tuple[int, str]:
    """Run pytest on these arguments and return its exit code and all that it wrote."""
    written = io.StringIO()
    options = ["--import-mode=importlib", "--capture=no", "--color=no", *(f"-pno:{plugin}" for plugin in OFF)]
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        code = pytest.main([*options, *arguments])
    return int(code), written.getvalue()
