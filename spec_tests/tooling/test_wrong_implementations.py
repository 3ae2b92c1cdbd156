"""The specification is itself tested: every wrong implementation fails the tests that are said to catch it."""

import functools
import inspect
import re
from collections import defaultdict
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisException

from spec_tests import subjects
from spec_tests.contract.guard import Guarded
from spec_tests.subjects.reference import Namespace
from spec_tests.tooling.parametrizations import parametrizations
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.subject import NotOffered
from spec_tests.wrong_implementations import WRONG

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

SPECIFICATION = (
    "test_1_3_*.py",
    "test_[2-9]_*.py",
    "test_every_*.py",
    "test_usual_*.py",
    "test_layouts.py",
    "test_long_sums.py",
)
HERE = Path(__file__).parents[1]
FIXTURES = ("subject", "subject_on_cpu", "implementation")
ENDINGS = re.compile("_(double_backward|backward|gradients_of|statistics)$")
SEEDS = (0, 1, 2)
"""A defect that few cases show may escape a run: within three runs it must be found."""

NEEDS_THE_REFERENCES = {
    "rounds_the_weights_to_half": "laws hold up to rounding, and this is rounding",
    "computes_float64_in_float32": "laws hold up to rounding, and this is rounding",
    "keeps_transformed_tiles_in_half": "laws hold up to rounding, and this is rounding",
    "transforms_float64_in_float32": "laws hold up to rounding, and this is rounding",
    "keeps_spectra_in_half": "laws hold up to rounding, and this is rounding",
    "returns_a_gradient_for_a_bias_that_is_not_there": "a convention of the interface",
    "gives_the_indices_of_one_image_a_batch_axis": "a convention of the interface",
    "corrects_eps_too": "laws hold for any eps",
    "steps_in_float32": "laws hold up to rounding, and this is rounding",
}
"""What no law catches, and why."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_implementation_fails_in_a_case_that_the_references_pass(name):
    wrong, subject = WRONG[name], subjects.load(f"wrong:{name}")

    assert wrong.caught_by
    for test in wrong.caught_by:
        with pytest.raises(wrong.error):
            run(test, wrong, subject)


NEEDS_OTHERS = {
    "leaves_the_activations_out": "the network is compared with its layers put together",
    "flattens_with_the_channels_last": "the network is compared with its layers put together",
}
"""What is not caught in a subject that offers nothing else, and why."""


class Alone(Namespace):
    """The references of one operation, its gradient and statistics, one of them exchanged for a wrong one."""

    def __init__(self, wrong):
        super().__init__("one operation", wrong.transforms, **{wrong.operation: wrong.function})
        self.operation = ENDINGS.sub("", wrong.operation)

    def offers(self, function):
        return ENDINGS.sub("", function) == self.operation


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_implementation_alone_fails_at_the_level_that_is_expected(name):
    wrong = WRONG[name]
    tests = [test for test in wrong.caught_by if wrong.level in levels_of(test)]

    assert tests
    assert any(fails(test, wrong) for test in tests) != (name in NEEDS_OTHERS)


def fails(name, wrong):
    """Tell whether a subject that offers this operation alone fails a test of this name, as it should."""
    subject, entry = Guarded(Alone(wrong), foreign=True), ledger.Entry(name, "", tooling=True)
    with ledger.set_aside():
        ledger.start(entry)  # what it writes into is seen in the record of its calls
        try:
            for seed, test in product(SEEDS, specification()[name]):
                run_one(test, wrong, subject, seed, partial(suppress, NotOffered))
        except wrong.error:
            return True
    return False


def levels_of(name):
    """Return the levels of the tests of this name."""
    marks = [mark for test in specification()[name] for mark in getattr(test, "pytestmark", [])]
    return {mark.args[0] for mark in marks if mark.name == "requirement"}


def test_a_law_catches_every_wrong_implementation_but_those_that_need_the_references():
    caught_by_no_law = {name for name, wrong in WRONG.items() if all(map(asks_the_references, wrong.caught_by))}

    assert caught_by_no_law == set(NEEDS_THE_REFERENCES)


def test_the_tests_that_catch_a_wrong_implementation_exist():
    unknown = {name: set(wrong.caught_by) - specification().keys() for name, wrong in WRONG.items()}

    assert {name: tests for name, tests in unknown.items() if tests} == {}


class ReferencesFail(Exception):
    """The test fails on the references too, so it shows nothing about a wrong implementation."""


def run(name, wrong, subject):
    """Run the tests of this name on this subject, as far as they can touch what is wrong."""
    with ledger.set_aside():  # what wrong implementations do is not part of the run's record
        ledger.start(ledger.Entry(name, ""))  # but tests ask their own record what was written into
        for seed, test in product(SEEDS, specification()[name]):
            run_one(test, wrong, subject, seed)


def run_one(test, wrong, subject, seed, around=nullcontext):
    """Run a test with everything it is parametrized with, of formats and operations only with those that are wrong.

    `around` is a context for each of these runs.
    """
    prop = getattr(test, "property", None)
    fixtures = [name for name in FIXTURES if name in inspect.signature(test).parameters]
    for arguments in those_of_the_format(parametrizations(test), wrong.dtype):
        if not may_touch(arguments.get("operation"), wrong):
            continue
        if prop is None:
            body = first_on_the_references(test)
            if hasattr(test, "hypothesis"):
                inner = first_on_the_references(test.hypothesis.inner_test)
                body = drawn_from(seed, settings().max_examples, test.hypothesis._given_kwargs, inner)
            with around():
                body(**dict.fromkeys(fixtures, subject), **arguments)
        else:
            with around():
                check(prop, seed, arguments, dict.fromkeys(fixtures, subject), wrong.dtype)


def those_of_the_format(cases, dtype):
    """Return the cases in this number format, or all of a test that is not tried in it."""
    return [case for case in cases if case.get("dtype", dtype) == dtype] or cases


def may_touch(operation, wrong):
    """Tell whether a test of this operation can call what is wrong: its function, its gradient or its statistics."""
    return operation is None or ENDINGS.sub("", wrong.operation) == operation


def check(prop, seed, arguments, fixtures, dtype):
    """Run a property on this seed's examples."""
    operation, dtype = arguments.get("operation", ""), arguments.get("dtype", dtype)
    others = {name: value for name, value in arguments.items() if name not in ("operation", "dtype")}

    def one_example(**drawn):
        with on_the_references():
            prop.call(operation, dtype, {**others, **fixtures_of_references(fixtures)}, drawn)
        prop.call(operation, dtype, {**others, **fixtures}, drawn)

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in prop.draws]
    one_example.__signature__ = inspect.Signature(parameters)
    drawn_from(seed, settings().max_examples, prop.strategies(operation, dtype), one_example)()


def drawn_from(seed, examples, strategies, body):
    """Return a property that draws its cases from this seed, and stops at the first that fails."""
    phases, checks = [Phase.explicit, Phase.generate], list(HealthCheck)
    draw_only = settings(
        max_examples=examples, phases=phases, derandomize=False, database=None, suppress_health_check=checks
    )
    return hypothesis.seed(seed)(draw_only(hypothesis.given(**strategies)(body)))


def fixtures_of_references(fixtures):
    """Return the references in place of the subject."""
    return {name: subjects.load("reference") for name in fixtures}


@contextmanager
def on_the_references():
    """Turn what fails on the references into an error of its own."""
    try:
        yield
    except HypothesisException:  # the case does not count
        raise
    except Exception as error:
        raise ReferencesFail from error


def first_on_the_references(body):
    """Return a test that runs each case on the references, which must pass it, and then on the subject."""

    @functools.wraps(body)
    def run_twice(**arguments):
        references = fixtures_of_references([name for name in FIXTURES if name in arguments])
        with on_the_references():
            body(**arguments | references)
        body(**arguments)

    return run_twice


def asks_the_references(name):
    """Tell whether the tests of this name compare the subject with the references."""
    return all(
        "compares_with_reference" in [mark.name for mark in getattr(test, "pytestmark", [])]
        for test in specification()[name]
    )


@functools.cache
def specification():
    """Return the tests of the specification by name: in different files there may be several of one name."""
    found = defaultdict(list)
    files = [file for pattern in SPECIFICATION for file in sorted(HERE.glob(pattern))]
    for file in files:
        for name, test in vars(import_module(f"spec_tests.{file.stem}")).items():
            if name.startswith("test_"):
                found[name].append(test)
    return dict(found)
