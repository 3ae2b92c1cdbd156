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
from spec_tests.vocabulary.subject import NotAvailable

WANTED = pytest.StashKey[Mapping[str, frozenset[str]]]()
"""The levels by operation that `--only` asks for; empty where everything is."""

KNOWN = "known_deviation"
"""The argument of tests that are run for each known deviation of the subject (`run/expecting.py`)."""

Requirement = tuple[str, str]
"""A level and an operation."""


def requirements(item: pytest.Item) -> list[Requirement]:
    """Return what a test requires: of the operation that this case of it is about, or of all that it names."""
    marks = [mark.args for mark in item.iter_markers("requirement")]
    about = _is_about(item, {name for _, *named in marks for name in named})
    return [(level, name) for level, *named in marks for name in named if about in (None, name)]


def _is_about(item: pytest.Item, named: set[str]) -> str | None:
    """Return the operation that a case is about, by its mark or by its parameters: one's name, or a problem of one."""
    marked = item.get_closest_marker("about")
    if marked is not None:
        return str(marked.args[0])
    params = getattr(getattr(item, "callspec", None), "params", {})
    candidates = (getattr(value, "operation", value) for value in (params.get("operation"), *params.values()))
    return next((name for name in candidates if isinstance(name, str) and name in named), None)


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


def wanted(only: list[str], subject: Guarded, *, at_least_one: bool = False) -> Mapping[str, frozenset[str]]:
    """Return what `--only` asks for.

    Raises NotAvailable for an operation that is unknown, or not offered; if `at_least_one` is enough, when none is.
    """
    asked = selected(only, "--only")
    missing = [operation for operation in asked if subject.foreign and not _offers_something(subject, operation)]
    if missing and (not at_least_one or len(missing) == len(asked)):
        raise NotAvailable(f"--only {missing[0]}: {subject.name} does not offer it")
    return asked
