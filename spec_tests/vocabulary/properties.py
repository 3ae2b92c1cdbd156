"""Properties: a test that must hold for everything that is drawn.

    @values("conv1d", "conv2d", "conv3d")                               the level, and the operations it speaks of
    @for_all(problem=problems(paddings=("valid",)), seed=SEEDS)
    def test_a_true_sentence(subject, problem, seed): ...

The test runs once for each operation and number format: float32 unless a decorator of `formats` says otherwise. The
problem is one of that operation, drawn as its row in `operations` says, and rounded to that format, in which the
subject computes, too. The operations share the examples of a run among them.
"""

import functools
import hashlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import hypothesis
from hypothesis import strategies as st

from spec_tests.vocabulary import buckets, ledger, seeding
from spec_tests.vocabulary.formats import HALVES
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.problems import Problem, small_whole_numbers, whole_numbers
from spec_tests.vocabulary.subject import NotOffered, SubjectEnded

Draw = st.SearchStrategy[Any] | Callable[[str, str], st.SearchStrategy[Any]]
"""What to draw, or a function that says it for an operation and a format."""

SUBJECTS = ("subject", "subject_on_cpu", "implementation")
"""The fixtures that are an implementation."""

LEAST_EXAMPLES = 6
"""However many operations share a property's examples, each has so many."""


def problems(**options: Any) -> Callable[[str, str], st.SearchStrategy[Problem]]:
    """Draw problems of the test's operation; the options narrow them down (see the operation's row).

    In a half format whole numbers are from -1 to 1, so that their sums are numbers of the format.
    """

    def of(operation: str, dtype: str) -> st.SearchStrategy[Problem]:
        draw = OPERATIONS[operation].problems
        default = inspect.signature(draw).parameters["numbers"].default if _takes_numbers(draw) else None
        smaller = {"numbers": small_whole_numbers} if dtype in HALVES and default is whole_numbers else {}
        return draw(**{**smaller, **options})

    of.smaller_in_halves = "numbers" not in options  # type: ignore[attr-defined]  # see `Property.check`
    return of


def any_problem(operation: str, _: str) -> st.SearchStrategy[Problem]:
    """Draw any problem of the test's operation, whether its results are exact or not."""
    return OPERATIONS[operation].any_problem


def _takes_numbers(draw: Callable[..., Any]) -> bool:
    return "numbers" in inspect.signature(draw).parameters


class Property:
    """The body of a test, and what to draw for it."""

    def __init__(self, body: Callable[..., Any], draws: Mapping[str, Draw]) -> None:
        self.body, self.draws = body, dict(draws)
        self.not_offered: NotOffered | None = None
        """Why an example was rejected: the subject does not offer what it asks for."""
        self.taken = taken = inspect.signature(body).parameters
        unknown = [name for name in draws if name not in taken]
        if unknown:
            raise TypeError(f"{body.__name__} does not take {', '.join(unknown)}, which is drawn for it")
        self.needs_an_operation = any(map(_depends, draws.values())) or "operation" in taken
        self.fixtures = [name for name in taken if name not in draws and name not in ("operation", "dtype")]

    def signature(self) -> inspect.Signature:
        """Return what pytest has to provide: fixtures, the number format, and an operation if draws depend on it."""
        names = [*self.fixtures, "dtype", *["operation"] * self.needs_an_operation]
        return inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])

    def strategies(self, operation: str, dtype: str) -> dict[str, st.SearchStrategy[Any]]:
        """Return what is drawn for this operation in this format."""
        return {
            name: draw if isinstance(draw, st.SearchStrategy) else draw(operation, dtype)
            for name, draw in self.draws.items()
        }

    def call(self, operation: str, dtype: str, fixtures: Mapping[str, Any], drawn: Mapping[str, Any]) -> None:
        """Run the body once, its problems and its subject in this format, and note the example."""
        at = {name: value.at(dtype) if isinstance(value, Problem) else value for name, value in drawn.items()}
        subjects = {name: value.at(dtype) if name in SUBJECTS else value for name, value in fixtures.items()}
        more = {"operation": operation, "dtype": dtype}
        arguments = {**subjects, **at, **{name: value for name, value in more.items() if name in self.taken}}
        ledger.example(arguments)
        self.body(**arguments)

    def check(
        self, examples: int, operation: str, dtype: str, fixtures: Mapping[str, Any], counted: bool = False
    ) -> None:
        """Run the body on so many examples; the first drawn one that fails is shrunk. Drawn problems may be `counted`.

        In a repeatable run all formats share what was drawn for the first of them, which is quicker. If an example
        fails in another one, or if half of them cannot be used there, Hypothesis draws and shrinks there, too.
        """
        smaller = dtype in HALVES and any(getattr(draw, "smaller_in_halves", False) for draw in self.draws.values())
        numbers = "smaller numbers" if smaller else "any numbers"
        drawn = _drawn_for(self, operation, numbers) if hypothesis.settings().derandomize else []
        self.not_offered = None
        held, failure = self._run_again(drawn, operation, dtype, fixtures)
        if 2 * held <= len(drawn):  # also where nothing has been drawn
            digest = f"{operation} {numbers}"
            drawn[:] = self._draw(examples, operation, dtype, fixtures, digest, counted)
            held = len(drawn)
        if failure is not None:
            raise failure
        if not held and self.not_offered is not None:
            raise self.not_offered

    def _run_again(
        self, drawn: list[dict[str, Any]], operation: str, dtype: str, fixtures: Mapping[str, Any]
    ) -> tuple[int, Exception | None]:
        """Run the body on examples drawn before; return for how many it held, or 0 and what the first failure is."""
        held = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hypothesis.errors.HypothesisDeprecationWarning)  # of `assume` by itself
            for example in drawn:
                try:
                    self.call(operation, dtype, fixtures, example)
                    held += 1
                except hypothesis.errors.UnsatisfiedAssumption:
                    continue
                except NotOffered as reason:
                    self._reject(reason)
                except Exception as failure:  # whatever it is, it is raised in the end
                    return 0, failure
        return held, None

    def _reject(self, reason: NotOffered) -> None:
        """Let an example count neither for nor against the subject."""
        self.not_offered = reason
        ledger.rejected()

    def _draw(
        self,
        examples: int,
        operation: str,
        dtype: str,
        fixtures: Mapping[str, Any],
        digest: str,
        counted: bool,
    ) -> list[dict[str, Any]]:
        """Run the body on so many drawn examples, and return those for which it held."""
        held: list[dict[str, Any]] = []
        ended: list[SubjectEnded] = []  # such a case is not made smaller: every try would cost as much again

        @functools.wraps(self.body)
        def one_example(**example: Any) -> None:
            if ended:
                return
            for value in example.values() if counted else ():
                if isinstance(value, Problem):
                    ledger.drawn(value.operation, buckets.of_problem(value))
            try:
                self.call(operation, dtype, fixtures, example)
                held.append(example)
            except NotOffered as reason:
                self._reject(reason)
            except SubjectEnded as failure:
                ended.append(failure)

        parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in self.draws]
        one_example.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what given() asks for
        named = hashlib.sha256(f"{self.body.__qualname__} {digest}".encode()).digest()
        one_example._hypothesis_internal_add_digest = named  # type: ignore[attr-defined]  # each draws its own examples
        test = hypothesis.given(**self.strategies(operation, dtype))(one_example)
        if (seed := seeding.current()) is not None:
            test = hypothesis.seed(seed)(test)  # before the settings: it takes the database from those that are there
        hypothesis.settings(max_examples=examples)(test)()
        if ended:
            raise ended[0]
        return held


_latest: tuple["Property", dict[tuple[str, str], list[dict[str, Any]]]] | None = None
"""The property that drew last, and what it drew."""


def _drawn_for(prop: "Property", *key: str) -> list[dict[str, Any]]:
    """Return the list of what a property has drawn for this key; what another one drew is forgotten."""
    global _latest
    if _latest is None or _latest[0] is not prop:
        _latest = (prop, {})
    return _latest[1].setdefault((key[0], key[1]), [])


def forget_draws() -> None:
    """Let the next test draw for itself."""
    global _latest
    _latest = None


def for_all(**draws: Draw) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test on many drawn arguments, as `hypothesis.given` does, for each operation and format by itself."""

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        prop = Property(body, draws)

        @functools.wraps(body)
        def test(**provided: Any) -> None:
            operation, dtype = provided.pop("operation", ""), provided.pop("dtype")
            shared = ceil(hypothesis.settings().max_examples / max(1, len(operations_of(test))))
            counted = "refusals" not in _levels_of(test)  # what must be refused is no example of anything
            prop.check(max(LEAST_EXAMPLES, shared), operation, dtype, provided, counted)

        test.__signature__ = prop.signature()  # type: ignore[attr-defined]  # what pytest asks for
        test.property = prop  # type: ignore[attr-defined]  # for the plugin, and for tests of the tests
        return test

    return decorate


def operations_of(test: Callable[..., Any]) -> tuple[str, ...]:
    """Return the operations for which a test is run: those that it is parametrized with, or that its level names."""
    marks = getattr(test, "pytestmark", [])
    for mark in marks:
        if mark.name == "parametrize" and mark.args[0] == "operation":
            return tuple(getattr(case, "values", (case,))[0] for case in mark.args[1])
    return tuple(dict.fromkeys(name for mark in marks if mark.name == "requirement" for name in mark.args[1:]))


def _levels_of(test: Callable[..., Any]) -> list[str]:
    return [mark.args[0] for mark in getattr(test, "pytestmark", []) if mark.name == "requirement"]


def _depends(draw: Draw) -> bool:
    return not isinstance(draw, st.SearchStrategy)
