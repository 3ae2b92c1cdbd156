"""Asking for some of the gradients, and not for all at once."""

from typing import Any

import numpy as np
import pytest

from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.subject import optional


def some_gradients(problem: Problem, wanted: tuple[str, ...], subject: Any) -> dict[str, Array]:
    """Return these gradients by argument, each shaped as it; skip the test if the subject gives all or nothing."""
    gradients_of = optional(subject, "gradients_of")
    if gradients_of is None:
        pytest.skip(f"{subject.name} gives all gradients or none (it has no gradients_of)")
    found = gradients_of(
        problem.operation, wanted, grad_output=problem.grad_output, **problem.arrays, **problem.options
    )
    grads = dict(zip(wanted, found, strict=True))
    for name, grad in grads.items():
        assert np.shape(grad) == problem.arrays[name].shape, f"the gradient of {name} is shaped otherwise"
    return grads
