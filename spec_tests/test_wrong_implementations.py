"""The specification is itself tested: every wrong implementation fails the tests that are said to catch it."""

import functools
import inspect
from importlib import import_module
from itertools import chain, product
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings

from spec_tests import ledger, subjects
from spec_tests.wrong_implementations import WRONG

pytestmark = pytest.mark.project

HERE = Path(__file__).parent
FIXTURES = ("subject", "subject_on_cpu", "proof")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_implementation_is_caught_by_each_test_that_is_said_to_catch_it(name):
    wrong, subject = WRONG[name], subjects.load(f"wrong:{name}")

    for test in wrong.caught_by:
        with pytest.raises(wrong.crash):
            run(test, subject, wrong.dtype)


@pytest.mark.parametrize("test, dtype", sorted({(test, wrong.dtype) for wrong in WRONG.values() for test in wrong.caught_by}))
def test_the_references_pass_the_tests_that_catch_wrong_implementations(test, dtype):
    run(test, subjects.load("reference"), dtype)


def run(name, subject, dtype):
    """Run a test of the specification on this subject, with everything it is parametrized with."""
    ledger.stop()  # what wrong implementations do is not part of the run's record
    test = specification()[name]
    body = unshrunk(test) if hasattr(test, "hypothesis") else test
    names = inspect.signature(test).parameters
    fixtures = {fixture: subject for fixture in FIXTURES if fixture in names}
    for arguments in parametrizations(test):
        if arguments.get("dtype", dtype) == dtype:
            body(**fixtures, **arguments)


def unshrunk(test):
    """Return a property as a function that draws the same cases every time, and stops at the first that fails."""
    draw_only = settings(
        phases=[Phase.explicit, Phase.generate], derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    return draw_only(hypothesis.given(**test.hypothesis._given_kwargs)(test.hypothesis.inner_test))


def parametrizations(test):
    """Return the arguments of every case of a test, as `pytest.mark.parametrize` would pass them."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return [dict(chain.from_iterable(case)) for case in product(*map(cases, marks))]


def cases(mark):
    """Return the cases of one parametrize mark, each a list of names with their values."""
    names = [name.strip() for name in mark.args[0].split(",")]
    values = [getattr(value, "values", value if len(names) > 1 else (value,)) for value in mark.args[1]]
    return [list(zip(names, value, strict=True)) for value in values]


@functools.cache
def specification():
    """Return every test of the specification by name."""
    modules = [import_module(f"spec_tests.{file.stem}") for file in sorted(HERE.glob("test_2_*.py"))]
    return {name: test for module in modules for name, test in vars(module).items() if name.startswith("test_")}
