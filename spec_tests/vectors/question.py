"""A question: one call, what must come back, and what the case is about; later a case of a file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from spec_tests.vectors import exact
from spec_tests.vectors.exact import Expected
from spec_tests.vectors.randomness import Random
from spec_tests.vocabulary.formats import HALVES
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Copies, Sums
from spec_tests.vocabulary.problems import Array, Problem

BACKWARD = "_backward"


@dataclass(frozen=True)
class Generated:
    """An array that the rule of the README makes."""

    shape: tuple[int, ...]
    dtype: str
    seed: int
    low: int = -4
    count: int = 9
    exponent: int = 0


@dataclass(frozen=True)
class Refused:
    """A call that must be refused, and why; `near` is the id of one that must be taken."""

    why: str
    near: "Question | None" = None


@dataclass(frozen=True, eq=False)
class Question:
    """One case before it has a name."""

    function: str
    level: str
    dtype: str
    arrays: Mapping[str, Array | Generated | None]
    options: Mapping[str, Any]
    """As torch takes them."""
    expected: Mapping[str, Expected] | Refused
    flags: tuple[str, ...] = ()
    comment: str = ""
    wanted: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    """The public reports that it is modelled on."""
    signed: bool = False
    """Whether the sign of a zero counts."""
    places: Mapping[str, list[int]] = field(default_factory=dict)
    """Of long results, the elements that are given."""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Their shapes."""

    def changed(self, **changes: Any) -> Self:
        """Return the question with some of this exchanged."""
        return replace(self, **changes)


def slug(name: str) -> str:
    """Return a name as flags are written.

    >>> slug("one for each axis"), slug("ceil_mode")
    ('one-for-each-axis', 'ceil-mode')
    """
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def features(problem: Problem) -> tuple[str, ...]:
    """Return what a problem uses of its operation, as flags."""
    return tuple(slug(rung.name) for rung in OPERATIONS[problem.operation].rungs if rung.used_by(problem))


KINDS = ("whole float32",) * 6 + ("real float32",) * 5 + ("real float64",) * 2 + ("whole float64", *HALVES)
"""What numbers a problem is drawn with, by how often."""


def kind_of(r: Random, *kinds: str) -> tuple[bool, str]:
    """Draw whether the numbers are whole, and their format."""
    kind = r.choice(*(kinds or KINDS))
    number, _, dtype = kind.rpartition(" ")
    return number == "whole", dtype


def numbers(r: Random, shape: tuple[int, ...], whole: bool, dtype: str) -> Array:
    """Draw whole numbers, or ones with all digits of the format."""
    return r.whole(shape) if whole else r.real(shape, dtype)


def both(problem: Problem, dtype: str, exactly: bool, *flags: str, level: str = "") -> Iterator[Question]:
    """Ask for the output of a problem and for its gradients, which half formats of sums leave out."""
    flags = (*features(problem), "whole-numbers" if exactly else "rounding", *flags)
    problem = problem.at(dtype)
    arrays = dict(problem.arrays)
    yield Question(
        problem.operation,
        level or "values",
        dtype,
        arrays,
        problem.options,
        exact.output(problem, dtype, exactly),
        flags,
    )
    if dtype in HALVES and not isinstance(OPERATIONS[problem.operation].rounding, Copies):
        return  # how often a partial sum is rounded on the way back is each implementation's choice
    options = {name: value for name, value in problem.options.items() if name != "return_indices"}
    yield Question(
        f"{problem.operation}{BACKWARD}",
        level or "gradients",
        dtype,
        {"grad_output": problem.grad_output, **arrays},
        options,
        exact.gradients(problem, dtype, exactly),
        flags,
    )


def alone(question: Question, *wanted: str) -> Question:
    """Ask for some gradients of a question alone."""
    assert not isinstance(question.expected, Refused)
    expected = {f"grad_{name}": question.expected[f"grad_{name}"] for name in wanted}
    return question.changed(expected=expected, wanted=wanted, flags=(*question.flags, "some-gradients"))


def adds_products(operation: str) -> bool:
    """Tell whether an operation adds up products, so that whole numbers come out exactly."""
    return isinstance(OPERATIONS[operation].rounding, Sums)


def as_array(value: Any, dtype: str = "float32") -> Array:
    """Return a number or list as an array."""
    return np.array(value, dtype)
