"""Whether a subject is right on a case of a rung: its answer lies within the bound of the exact one."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary import exact, ledger, transforms
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.operations import OPERATIONS, TRANSFORMS
from spec_tests.vocabulary.operations.transforms import at
from spec_tests.vocabulary.optimizer_bounds import bound_steps, run_steps
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.rungs.of_optimizers import Steps
from spec_tests.vocabulary.rungs.of_transforms import Picture
from spec_tests.vocabulary.subject import NotOffered


def usual_format(subject: Any) -> str:
    """Return the format in which cases are tried: the one that NumPy computes in by itself, if the subject does."""
    return next(name for name in ("float64", "float32", *sorted(subject.dtypes)) if name in subject.dtypes)


def ask(case: Problem | Steps | Picture, subject: Any, gradient: bool = False) -> Any:
    """Return what a subject answers to a case."""
    dtype = usual_format(subject)
    layers = subject.at(dtype)
    if isinstance(case, Problem):
        return case.at(dtype).backward(layers) if gradient else case.at(dtype).forward(layers)
    if isinstance(case, Picture):
        return getattr(layers, case.operation)(**at(case.arguments, dtype))
    return getattr(layers, case.operation)(case.param.astype(dtype), case.grads[0].astype(dtype), {}, **case.options)


def assert_right(case: Problem | Steps | Picture, subject: Any, dtype: str) -> None:
    """Require the result of a case within its bound."""
    if isinstance(case, Problem):
        exact.assert_rounds_within_its_bound(case, subject, dtype)
        return
    if isinstance(case, Picture):
        _assert_picture_right(case, subject, dtype)
        return
    options = case.options
    param, grads = case.param.astype(dtype), [grad.astype(dtype) for grad in case.grads]
    bounded, _ = bound_steps(case.operation, param, grads, {}, options, dtype)
    after, _ = run_steps(getattr(subject.at(dtype), case.operation), param, grads, {}, **options)
    assert_within(after, bounded, dtype)


def _assert_picture_right(case: Picture, subject: Any, dtype: str) -> None:
    """Require the picture that a transform returns within its bound; bytes and whole numbers exactly."""
    row = TRANSFORMS[case.operation]
    dtype = dtype if dtype in row.formats else "float32"
    call = at(case.arguments, dtype)
    expected, found = row.expected(call, dtype), getattr(subject.at(dtype), case.operation)(**call)
    if np.asarray(expected.bound).any():
        assert_within(found, expected, dtype)
    else:
        assert_equal(found, getattr(reference, case.operation)(**call))


def assert_gradients_right(case: Problem, subject: Any, dtype: str) -> None:
    """Require every gradient of a case within its bound, and None for an argument that has none."""
    problem = case.at(dtype)
    names = OPERATIONS[problem.operation].gradients
    found = problem.backward(subject.at(dtype))
    found = found if isinstance(found, tuple) else (found,)
    assert len(found) == len(names), f"got {len(found)} gradients, expected {len(names)}: of {', '.join(names)}"
    expected = exact.backward(problem, dtype, subject.deviations)
    for name, grad, approximation in zip(names, found, expected, strict=True):
        if approximation is None:
            assert grad is None, f"got a gradient of {name}, expected None: it has none here"
        else:
            assert_within(grad, transforms.bound(approximation, name, problem, subject, dtype), dtype)


def assert_each(cases: Iterable[Any], check: Callable[[Any, Any, str], None], subject: Any) -> None:
    """Check one case after the other; those that the subject does not offer do not count, unless it offers none."""
    answered, reason = 0, None
    for case in cases:
        ledger.example({})
        try:
            check(case, subject, usual_format(subject))
            answered += 1
        except NotOffered as not_offered:
            ledger.rejected()
            reason = reason or not_offered
    if reason is not None and not answered:
        raise reason
