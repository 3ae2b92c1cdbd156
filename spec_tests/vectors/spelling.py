"""The call that a question asks for, in words of any language: spelled out as the lines to a program are."""

from typing import Any

from spec_tests.contract import spelled_out
from spec_tests.vectors.arrays import Array
from spec_tests.vectors.question import Generated, Question

INSIDE = "."
"""Stands in the names of arrays that torch takes inside of another argument: "state.exp_avg"."""


def arrays_of(question: Question) -> dict[str, Array | Generated | None]:
    """Return the arrays of a call by name; None stands for one that is not given."""
    return {**spelled_out.arrays_of(_call(question)), **question.arrays}


def as_torch(question: Question) -> dict[str, Any]:
    """Return the options of a call as torch takes them, with nothing left to a default."""
    return spelled_out.options_as_they_are(_call(question))


def spelled(question: Question) -> dict[str, Any]:
    """Return the options of a call spelled out: what cannot be stays as it is, and has to be refused."""
    return spelled_out.options_of(question.function, _call(question))


def _call(question: Question) -> dict[str, Any]:
    arrays = {name: array for name, array in question.arrays.items() if INSIDE not in name}
    return spelled_out.with_defaults(question.function, {**arrays, **question.options})
