"""pytest within a test: a run of its own in the same process, for tests of what a run does."""

import contextlib
import io
import os
from collections.abc import Sequence
from unittest import mock

import hypothesis
import pytest

OFF = ("cacheprovider", "faulthandler", "unraisableexception", "threadexception")
"""Plugins that belong to the run outside, or are slow."""
WORKER = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
"""By these variables a process of pytest-xdist is known."""


def pytest_in_this_process(*arguments: str, plugins: Sequence[object] = ()) -> tuple[int, str]:
    """Run pytest on these arguments and return its exit code and all that it wrote."""
    written = io.StringIO()
    options = ["--import-mode=importlib", "--capture=no", "--color=no", *(f"-pno:{plugin}" for plugin in OFF)]
    profile = hypothesis.settings.get_current_profile_name()
    with (
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(written),
        mock.patch.dict(os.environ),
        mock.patch.object(hypothesis.core, "global_force_seed", None),  # which --hypothesis-seed sets for good
    ):
        for name in WORKER:  # it is none of the outer run's processes
            os.environ.pop(name, None)
        try:
            code = pytest.main([*options, *arguments], plugins=[*plugins])
        finally:
            hypothesis.settings.load_profile(profile)
    return int(code), written.getvalue()
