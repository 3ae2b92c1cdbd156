"""No refusal is met by refusing everything, nor by taking everything: each test asks for both, and for little else.

The tests of level `refusals` are run in this process, as pytest would parametrize them, on namespaces that are wrong
in every call, and on ones that offer nothing but what a test names.
"""

import functools
import inspect
import re
from importlib import import_module
from itertools import chain
from math import ceil
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

import reference
from spec_tests.subjects.reference import Namespace
from spec_tests.tooling.parametrizations import parametrizations
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.properties import operations_of
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.subject import REFUSALS

pytestmark = pytest.mark.tooling

HERE = Path(__file__).parents[1]
SUBJECTS = ("subject", "subject_on_cpu", "implementation")


class Everywhere(Namespace):
    """An implementation all of whose functions do the same: `answer` is told the function's name and its arguments."""

    def __init__(self, answer):
        super().__init__("one and the same everywhere")
        self.answer = answer

    def __getattr__(self, operation):
        """Return what answers in place of the function of this name."""
        if operation.startswith("_"):
            raise AttributeError(operation)
        return functools.partial(self.answer, operation)


def refuses_everything(*_, **__):
    raise ValueError("no")


def takes_everything(operation, *args, **options):
    """Return zeros shaped as the references' results, or where they refuse as the first array given."""
    try:
        return zeros_like(getattr(reference, operation)(*args, **options))
    except REFUSALS:
        arrays = [value for value in chain(args, options.values()) if isinstance(value, np.ndarray)]
        return np.zeros_like(arrays[0] if arrays else np.zeros(()))


def zeros_like(result):
    if isinstance(result, tuple):
        return tuple(map(zeros_like, result))
    return np.zeros_like(result) if isinstance(result, np.ndarray) else result


def test_an_implementation_that_refuses_everything_passes_no_test_of_level_refusals():
    passed = [case for case, check in cases().items() if passes(check, Everywhere(refuses_everything))]

    assert passed == []


def test_an_implementation_that_takes_everything_passes_no_test_of_level_refusals():
    passed = [case for case, check in cases().items() if passes(check, Everywhere(takes_everything))]

    assert passed == []


def test_the_tests_of_level_refusals_are_found():
    assert len({name for name, *_ in cases()}) > 50
    assert {operation for _, operation, _ in cases()} >= {"conv3d", "linear", "cross_entropy", "adam", "cifar10_cnn"}


@pytest.mark.slow
def test_a_test_of_level_refusals_asks_for_one_function_of_the_operation_it_names():
    """So whoever offers no gradient is asked for none, and whoever offers one operation for no other."""
    asked = {case: {name for name, _ in calls_of(check)} for case, check in cases().items()}

    wrong = {case: called for case, called in asked.items() if called not in ({case[1]}, {f"{case[1]}_backward"})}
    assert wrong == {}


@pytest.mark.slow
def test_a_call_is_taken_in_every_test_before_the_first_that_is_refused():
    fixed = {case: check for case, check in cases().items() if case not in drawn_cases()}

    assert [case for case, check in fixed.items() if [taken for _, taken in calls_of(check)][:2] != [True, False]] == []


def test_of_the_drawn_calls_an_eighth_or_more_are_taken_and_as_many_refused():
    for case in drawn_cases():
        taken = [taken for _, taken in calls_of(cases()[case])]

        assert len(taken) / 8 <= sum(taken) <= 7 * len(taken) / 8, case


def test_a_refusal_without_a_neighbour_is_an_error():
    with pytest.raises(TypeError, match="near"):
        assert_refused(Namespace("the references"), "relu", "dtype", input=np.array([True]))
    with pytest.raises(ValueError, match="near mends nothing: expected the arguments with which relu takes the call"):
        assert_refused(Namespace("the references"), "relu", "dtype", near={}, input=np.array([True]))


def test_a_neighbour_that_the_references_refuse_is_an_error():
    subject = Everywhere(takes_everything)

    with pytest.raises(TypeError, match="input has dtype complex128"):
        assert_refused(subject, "relu", "dtype", near={"input": np.array([1j])}, input=np.array([True]))


def test_a_neighbour_must_be_taken_with_the_references_shape():
    subject = Everywhere(lambda *_, **__: np.zeros(3))

    with pytest.raises(AssertionError, match=re.escape("the reference returns shape (1,), the subject (3,)")):
        assert_refused(subject, "relu", "dtype", near={"input": np.zeros(1)}, input=np.array([True]))


def test_only_some_exceptions_refuse():
    def breaks_down(_, input):
        return 1 // 0 if input.dtype == bool else input

    with pytest.raises(ZeroDivisionError):
        assert_refused(Everywhere(breaks_down), "relu", "dtype", near={"input": np.zeros(1)}, input=np.array([True]))


# --- helpers ---


def passes(check, subject):
    """Tell whether a test passes on this subject; it fails by an assertion, or by what the subject raises."""
    try:
        check(subject)
    except (AssertionError, pytest.fail.Exception, *REFUSALS):
        return False
    return True


def calls_of(check):
    """Return the calls of a test in order: the name of the function, and whether the references take it."""
    calls = []

    def answer(operation, *args, **options):
        try:
            result = getattr(reference, operation)(*args, **options)
        except REFUSALS:
            calls.append((operation, False))
            raise
        calls.append((operation, True))
        return result

    check(Everywhere(answer))
    return calls


@functools.cache
def cases():
    """Return every case of every test of level refusals, as a function of the subject, by test, operation and rest."""
    found = {}
    for file in sorted(HERE.glob("test_*.py")):
        if "@refusals(" not in file.read_text(encoding="utf-8"):
            continue
        for name, test in vars(import_module(f"spec_tests.{file.stem}")).items():
            if name.startswith("test_") and requires_refusals(test):
                for arguments in parametrizations(test):
                    operation = arguments.get("operation", operations_of(test)[0])
                    found[f"{file.stem}::{name}", operation, str(arguments)] = functools.partial(run, test, arguments)
    return found


def drawn_cases():
    """Return which of the cases are properties."""
    return [case for case, check in cases().items() if hasattr(check.args[0], "property")]


def requires_refusals(test):
    return "refusals" in [mark.args[0] for mark in getattr(test, "pytestmark", []) if mark.name == "requirement"]


def run(test, arguments, subject):
    """Run one case of a test on this subject, a property on as many examples as in a usual run."""
    ledger.stop()  # what such implementations do is not part of the run's record
    fixtures = {name: subject for name in inspect.signature(test).parameters if name in SUBJECTS}
    prop = getattr(test, "property", None)
    if prop is None:
        test(**fixtures, **arguments)
        return
    operation, dtype = arguments.get("operation", operations_of(test)[0]), arguments.get("dtype", "float32")

    def one_example(**drawn):
        prop.call(operation, dtype, fixtures, drawn)

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in prop.draws]
    one_example.__signature__ = inspect.Signature(parameters)
    examples = ceil(settings().max_examples / len(operations_of(test)))
    only_draw = settings(
        max_examples=examples,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    only_draw(hypothesis.given(**prop.strategies(operation, dtype))(one_example))()
