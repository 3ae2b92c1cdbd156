"""Refusals: what torch rejects, the references reject too, with a message that says why.

Beside each refused call stands its neighbour, which is the same call with the fault mended and nothing else: what
refuses the one must take the other. So an implementation that refuses everything meets no refusal, and neither does
one that takes everything.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

import reference
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.subject import REFUSALS, Subject


def assert_refused(subject: Subject, operation: str, message: str, *, near: Mapping[str, Any], **call: Any) -> None:
    """Require the subject to take the neighbour of this call and then to refuse the call itself.

    `near` holds the arguments that mend the call. Both subject and reference must take the mended call, with results
    of the same shapes; the reference must refuse the call as it stands with a message that matches.
    """
    if not near:
        raise ValueError(f"near mends nothing: expected the arguments with which {operation} takes the call, got none")
    assert_taken(subject, operation, **{**call, **near})
    with pytest.raises((ValueError, TypeError), match=message) as refusal:
        getattr(reference, operation)(**call)
    try:
        result = getattr(subject, operation)(**call)
    except REFUSALS:
        return
    raise AssertionError(f"the reference refuses ({refusal.value}), the subject returns shape {_shapes(result)}")


def assert_taken(subject: Subject, operation: str, **call: Any) -> None:
    """Require subject and reference to take this call, and to return the same shapes."""
    ours = _shapes(getattr(reference, operation)(**call))
    try:
        theirs = _shapes(getattr(subject, operation)(**call))
    except REFUSALS as error:
        raise AssertionError(f"the reference takes this {operation}, the subject refuses: {error}") from error
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
