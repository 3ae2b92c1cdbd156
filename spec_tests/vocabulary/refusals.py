"""Refusals: what torch rejects, the references reject too, with a message that says why."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import reference
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.subject import REFUSALS, Subject


def assert_refused(subject: Subject, operation: str, message: str, *args: Any, **options: Any) -> None:
    """Require the subject to refuse this call, and the reference to refuse it with a message that matches."""
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(reference, operation)(*args, **options)
    with pytest.raises(REFUSALS):
        getattr(subject, operation)(*args, **options)


def assert_taken(subject: Subject, operation: str, *args: Any, **options: Any) -> None:
    """Require the subject to accept this call, close to a refused one, and return the reference's shapes."""
    ours, theirs = (_shapes(getattr(layers, operation)(*args, **options)) for layers in (reference, subject))
    assert theirs == ours, f"the reference returns shape {ours}, the subject {theirs}"


def assert_same_verdict(problem: Problem, subject: Subject) -> None:
    """Require subject and reference to both accept a problem, with outputs of the same shape, or both refuse it."""
    ours, theirs = (_verdict(partial(problem.forward, layers)) for layers in (reference, subject))
    assert theirs == ours, f"the reference {ours}, the subject {theirs}"


def _shapes(result: Any) -> Any:
    return [_shapes(one) for one in result] if isinstance(result, tuple) else getattr(result, "shape", None)


def _verdict(call: Callable[[], Any]) -> str:
    try:
        return f"returns shape {call().shape}"
    except REFUSALS:
        return "refuses"
