"""What is known of an operation, in one row: everything that the specification asks about it is answered here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.large_cases import LargeCase
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.problems import Array, Problem, whole_numbers

Problems = st.SearchStrategy[Problem]


# How results round


@dataclass(frozen=True)
class Copies:
    """Results are cells of the arguments, or zeros: nothing rounds, in any format."""


@dataclass(frozen=True)
class Sums:
    """Results are sums of products, in any order: exact on whole numbers, within `bounds.sum_bound` on real ones."""

    terms: Callable[[Problem], tuple[int, ...]]
    """How many products an element of the output, and of each gradient, adds up at most."""
    partial_sums: Callable[[Problem], tuple[int, ...]] | None = None
    """How often a share of each gradient is rounded, if partial sums are stored (a known deviation of half formats)."""


@dataclass(frozen=True)
class Formulas:
    """Results follow a formula: its bound is the formula, evaluated with `Rounded` numbers."""

    output: Callable[[Problem, Format], Rounded]
    gradients: Callable[[Problem, Format], tuple[Rounded | None, ...]]
    """One for each name of `Operation.gradients`."""
    stored: bool = True
    """Whether every step may be rounded to the format; else half formats compute in float32 and round the result."""
    allowing: "Mapping[str, Formulas]" = field(default_factory=dict)
    """By the id of a known deviation, the formulas that make room for it."""


Rounding = Copies | Sums | Formulas


# What a step in an argument leaves of the change that the gradient foretells (`gradient_checks`)

NOTHING = "nothing"
SQUARE = "the square of the step"
BEND = "no more than the bend allows"
SLOPE = "a remainder that falls with slope 2"


@dataclass(frozen=True)
class GradientCheck:
    """Problems to step in, away from kinks and ties, and the arguments to step in."""

    problems: Problems
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Rung:
    """A step in learning the operation: a feature, and whether a problem uses it."""

    name: str
    used_by: Callable[[Problem], bool]
    drawn: bool = True
    """Whether `Operation.problems` draws it; cases of its own have it in any event (`vocabulary.rungs`)."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the table: an operation of the subject, `reference.<name>` and `reference.<name>_backward`."""

    name: str
    section: str
    """The document's section, or "" for what it does not teach."""
    gradients: tuple[str, ...]
    """The arguments that the gradient function returns gradients for, in order."""
    differentiable: Callable[[Problem], tuple[str, ...]] | None = None
    """Those that have a gradient in a problem; unless given, all that are arrays of floating point numbers."""
    problems: Callable[..., Problems]
    """Return the problems to draw; its options narrow them down."""
    any_problem: Problems
    """Everything that is drawn where it does not matter whether results are exact."""
    rounding: Rounding
    checks: Mapping[str, GradientCheck]
    """By what a step leaves; together they name every gradient."""
    bend: Callable[[Problem, str], float] | None = None
    """Return K: along any direction of numbers up to 1 in an argument, ⟨grad_output, f⟩ has a second derivative of at
    most K. Only for what `checks` lists under BEND."""
    typical: Problem
    """A usual call, with more than one cell along every axis."""
    nothing_to_do: Problem | None = None
    """A call whose output equals its input, where there is one."""
    may_return_a_view: str = ""
    """Why the output may share memory with the input, where torch documents that it may."""
    rungs: tuple[Rung, ...] = ()
    """From the easiest feature to the hardest; a problem that uses none is on the lowest rung, "plain"."""
    large: Mapping[str, LargeCase]
    """Cases of the sizes at which kernels change their path, by name."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Levels at which nothing is required of it, and why."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels at which something is required of it."""
        return tuple(level for level in LEVELS if level not in self.without)

    def arguments_with_gradients(self, problem: Problem) -> tuple[str, ...]:
        """Return the arguments of a problem that have a gradient."""
        if self.differentiable is not None:
            return self.differentiable(problem)
        floating = {name for name, value in problem.arrays.items() if value is not None and value.dtype.kind == "f"}
        return tuple(name for name in self.gradients if name in floating)

    def rung_of(self, problem: Problem) -> str:
        """Return the hardest feature that a problem uses."""
        used = [rung.name for rung in self.rungs if rung.used_by(problem)]
        return used[-1] if used else "plain"


def typical(operation: str, grad_output: tuple[int, ...], options: dict[str, Any], **arrays: Any) -> Problem:
    """Return a call with these arrays, or whole numbers of these shapes, and a `grad_output` of this one.

    >>> typical("relu", (2, 2), {}, input=(2, 2)).input.shape
    (2, 2)
    """
    rng = np.random.default_rng(0)
    filled = {name: whole_numbers(rng, value) if isinstance(value, tuple) else value for name, value in arrays.items()}
    return Problem(operation, filled, options, whole_numbers(rng, grad_output))


def nothing_to_do(operation: str, options: dict[str, Any], **arrays: Array) -> Problem:
    """Return a call that leaves its input as it is."""
    return Problem(operation, dict(arrays), options, np.ones_like(arrays["input"]))


def unbatched(ndim: int) -> Rung:
    """Return the rung of an input without the batch axis: it has so many axes."""
    return Rung("without a batch", lambda problem: problem.input.ndim == ndim)


def one_for_each_axis(*options: str) -> Rung:
    """Return the rung of options that come as a number for each axis."""
    return Rung("one for each axis", lambda problem: any(isinstance(problem.options.get(o), tuple) for o in options))


LARGE = 100.0
"""A number from which on a power of e overflows sooner or later."""

large_numbers = Rung("large numbers", lambda problem: bool(np.max(abs(problem.input)) > LARGE), drawn=False)
"""The rung of numbers whose powers of e overflow."""


EXACT_STEP = 2.0**-4
"""A direction is of whole numbers up to 4, so no number moves by more than 1/4, nor two towards one another by more
than 1/2: odd numbers keep their sign, and different whole numbers their order."""


def off_the_kink(problem: Problem) -> Problem:
    """Return the problem with odd numbers for the input, and even ones for a truth beside it: at least 1 off a kink."""
    truth = {"target": 2 * problem.target} if "target" in problem.arrays else {}
    return problem.changed(input=2 * problem.input + 1, grad_output=np.rint(problem.grad_output), **truth)


def on_a_grid(problem: Problem) -> Problem:
    """Return the problem with its numbers rounded down to multiples of 2^-20: a step is then added without rounding."""
    arrays = {
        name: np.floor(value * 2.0**20) / 2.0**20
        for name, value in problem.arrays.items()
        if value is not None and value.dtype.kind == "f"
    }
    return problem.changed(**arrays)
