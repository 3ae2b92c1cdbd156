"""What of the specification is collected: its test files and their `test_*` functions, whatever patterns a project has.

A project that runs the specification beside its own tests may have other patterns in `python_files` and
`python_functions`, and may collect docstrings: neither concerns an installed copy of the specification.
"""

from pathlib import Path

import pytest

from spec_tests.run.selection import IS_A_CHECKOUT, ROOT


class Specification(pytest.Module):
    """A file of the specification."""

    def funcnamefilter(self, name: str) -> bool:
        """Tell whether a function of this name is a test."""
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:  # noqa: ARG002  # whatever a class is called, it is none
        """Tell whether a class of this name has tests in it."""
        return False


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Ignore whatever is no test file of an installed copy: a checkout also has its docstrings tested."""
    if IS_A_CHECKOUT or ROOT not in collection_path.parents or collection_path.is_dir():
        return None
    return True if not _is_test_file(collection_path) else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect a test file that the patterns of the project leave out; pytest itself collects the others."""
    if ROOT not in file_path.parents or not _is_test_file(file_path):
        return None
    named = any(file_path.match(pattern) for pattern in parent.config.getini("python_files"))
    return None if named or parent.session.isinitpath(file_path) else _module(file_path, parent)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the functions of a test file by the specification's names."""
    return _module(module_path, parent) if ROOT in module_path.parents and _is_test_file(module_path) else None


def _is_test_file(path: Path) -> bool:
    return path.match("test_*.py")


def _module(path: Path, parent: pytest.Collector) -> pytest.Module:
    module: pytest.Module = Specification.from_parent(parent, path=path)
    return module
