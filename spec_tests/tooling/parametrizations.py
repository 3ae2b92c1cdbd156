"""The cases of a test, as pytest would pass them, for tests that are run without pytest."""

import inspect
from collections.abc import Callable
from itertools import chain, product
from typing import Any

import pytest

from spec_tests.vocabulary.properties import operations_of


def parametrizations(test: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the arguments of every case of a test, as pytest would pass them."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    alternatives = [_cases(mark) for mark in marks]
    named = {name for mark in marks for name in _names_of(mark)}
    if "operation" in set(inspect.signature(test).parameters) - named:
        alternatives.append([[("operation", operation)] for operation in operations_of(test)])
    return [dict(chain.from_iterable(case)) for case in product(*alternatives)]


def _cases(mark: pytest.Mark) -> list[list[tuple[str, Any]]]:
    """Return the cases of one parametrize mark, each a list of names with their values."""
    names, values = _names_of(mark), mark.args[1]
    values = [getattr(value, "values", value if len(names) > 1 else [value]) for value in values]
    return [list(zip(names, value, strict=True)) for value in values]


def _names_of(mark: pytest.Mark) -> list[str]:
    """Return the arguments that a parametrize mark provides."""
    names = mark.args[0]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
