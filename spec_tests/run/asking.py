"""What a test asks of a subject, and whether this run wants to ask it: `--only`, and what the subject offers.

--only conv2d                       only what is required of these operations
--only conv2d:values,gradients      only at these levels; may be repeated
"""

from collections.abc import Mapping

import pytest

from spec_tests.contract.declaration import selected
from spec_tests.contract.expectations import Deviation
from spec_tests.contract.functions import BACKWARD, operation_of
from spec_tests.contract.guard import Guarded
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.properties import operations_of
from spec_tests.vocabulary.subject import NotAvailable

WANTED = pytest.StashKey[Mapping[str, frozenset[str]]]()
"""The levels by operation that `--only` asks for; empty where everything is."""

KNOWN = "known_deviation"
"""The argument of tests that are run for each known deviation of the subject (`run/expecting.py`)."""

Requirement = tuple[str, str]
"""A level and an operation."""


def requirements(item: pytest.Item) -> list[Requirement]:
    """Return what a test requires, of the operation that it is run for if it is run for each of several."""
    function = getattr(item, "function", None)
    if function is None:
        return []
    marks = [mark.args for mark in item.iter_markers("requirement")]
    params = getattr(getattr(item, "callspec", None), "params", {})
    operation = params.get("operation") or getattr(params.get("problem"), "operation", None)
    if isinstance(operation, str) and any(operation in named for _, *named in marks):
        return [(level, operation) for level, *named in marks if operation in named]
    every = operations_of(function) if isinstance(operation, str) else ()
    return [(level, name) for level, *named in marks for name in named if not every or name in named]


def reason_not_to_ask(item: pytest.Item, subject: Guarded, wanted: Mapping[str, frozenset[str]]) -> str:
    """Return the key in `results.LEFT_OUT` of why a test is not asked, or an empty string."""
    required = requirements(item)
    params = getattr(getattr(item, "callspec", None), "params", {})
    if isinstance(deviation := params.get(KNOWN), Deviation):
        return "only" if wanted and not set(wanted).intersection(map(operation_of, deviation.operations)) else ""
    if wanted and not (required and all(level in wanted.get(operation, ()) for level, operation in required)):
        return "only"
    if not subject.foreign:
        return ""
    if not required or params.get("implementation") == "by the references":
        return "asks_nothing"
    if subject.only and not all(level in subject.only.get(operation, ()) for level, operation in required):
        return "not_wanted"
    if not all(_offers_something(subject, operation) for _, operation in required):
        return "not_offered"
    gradients = [operation for level, operation in required if level == "gradients" and operation in OPERATIONS]
    return "" if all(subject.offers(f"{operation}{BACKWARD}") for operation in gradients) else "no_gradient"


def _offers_something(subject: Guarded, operation: str) -> bool:
    return subject.offers(operation) or subject.offers(f"{operation}{BACKWARD}")


def wanted(only: list[str], subject: Guarded) -> Mapping[str, frozenset[str]]:
    """Return what `--only` asks for; raise NotAvailable for an operation that is unknown or not offered."""
    asked = selected(only, "--only")
    for operation in asked:
        if subject.foreign and not _offers_something(subject, operation):
            raise NotAvailable(f"--only {operation}: {subject.name} does not offer it")
    return asked
