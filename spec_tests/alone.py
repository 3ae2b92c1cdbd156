"""A run of the specification by itself: with its own configuration, and without the plugins that are installed here.

Nothing is read of the folder that it is started in: no conftest.py, no pytest.ini, pyproject.toml or setup.cfg, not the
environment's PYTEST_ADDOPTS and PYTEST_PLUGINS. It leaves no folder behind.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent

OURS = ("spec_tests.run.plugin", "spec_tests.report.plugin")
PLUGINS = {
    "_hypothesis_pytestplugin": "_hypothesis_pytestplugin",
    "xdist.plugin": "xdist",
}
"""What else is loaded, where the module beside it is installed; any other plugin with `-p`."""


def run(arguments: Sequence[str], plugins: Sequence[object] = ()) -> int:
    """Run pytest on the installed specification, and return its exit code."""
    fixed = [f"--rootdir={ROOT.parent}", f"--confcutdir={ROOT}", "-c", str(ROOT / "alone.ini")]
    loaded = [f"-p{plugin}" for plugin in (*OURS, *(name for name, needed in PLUGINS.items() if find_spec(needed)))]
    before = ["", *arguments]
    given = [one if last == "--subject" else _place(one) for last, one in zip(before, arguments, strict=False)]
    places = [] if any(place != argument for place, argument in zip(given, arguments, strict=True)) else [str(ROOT)]
    with environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS=None, PYTEST_PLUGINS=None):
        return int(pytest.main([*fixed, *loaded, *given, *places], plugins=list(plugins)))


def _place(argument: str) -> str:
    """Return the path of a test that is named as runs print it, and any other argument unchanged.

    >>> _place("-k"), _place("spec_tests/test_2_3_activation.py::test_a").startswith(str(ROOT.parent))
    ('-k', True)
    """
    file, separator, names = argument.partition("::")
    written = file.replace("\\", "/")
    inside = written == ROOT.name or written.startswith(f"{ROOT.name}/")
    return f"{ROOT.parent / written}{separator}{names}" if inside else argument


@contextmanager
def environment(**variables: str | None) -> Iterator[None]:
    """Set these variables of the environment, or remove those that are None, and restore all that change meanwhile."""
    watched = [*variables, "PYTEST_VERSION", "PYTEST_CURRENT_TEST"]
    before = {name: os.environ.get(name) for name in watched}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
