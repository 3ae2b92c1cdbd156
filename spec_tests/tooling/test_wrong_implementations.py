"""The specification is itself tested: every wrong implementation fails the tests that are said to catch it."""

import functools
import inspect
import re
from collections import defaultdict
from importlib import import_module
from itertools import chain, product
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import HypothesisException

from spec_tests import subjects
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.subject import GRADIENTS, OPTIMIZERS
from spec_tests.wrong_implementations import WRONG

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

HERE = Path(__file__).parents[1]
FIXTURES = ("subject", "subject_on_cpu", "implementation")
SEEDS = (0, 1, 2)
"""A defect that few cases show may escape a run: within three runs it must be found."""

NEEDS_THE_REFERENCES = {
    "rounds_the_weights_to_half": "laws hold up to rounding, and this is rounding",
    "computes_float64_in_float32": "laws hold up to rounding, and this is rounding",
    "keeps_transformed_tiles_in_half": "laws hold up to rounding, and this is rounding",
    "transforms_float64_in_float32": "laws hold up to rounding, and this is rounding",
    "keeps_spectra_in_half": "laws hold up to rounding, and this is rounding",
    "returns_a_gradient_for_a_bias_that_is_not_there": "a convention of the interface",
    "steps_in_float32": "laws hold up to rounding, and this is rounding",
}
"""What no law catches, and why."""


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_implementation_fails_in_a_case_that_the_references_pass(name):
    wrong, subject = WRONG[name], subjects.load(f"wrong:{name}")

    assert wrong.caught_by
    for test in wrong.caught_by:
        with pytest.raises(wrong.error):
            run(test, subject, wrong.dtype)


def test_a_law_catches_every_wrong_implementation_but_those_that_need_the_references():
    caught_by_no_law = {name for name, wrong in WRONG.items() if all(map(asks_the_references, wrong.caught_by))}

    assert caught_by_no_law == set(NEEDS_THE_REFERENCES)


def test_every_operation_has_a_wrong_implementation():
    of_rank_2 = {re.sub("[13]d", "2d", operation) for operation in GRADIENTS}  # one rank stands for all three

    assert {wrong.operation.removesuffix("_backward") for wrong in WRONG.values()} == {
        *of_rank_2,
        *OPTIMIZERS,
        "batch_norm_statistics",
        "cifar10_cnn",
    }


class ReferencesFail(Exception):
    """The test fails on the references too, so it shows nothing about a wrong implementation."""


def run(name, subject, dtype):
    """Run the tests of this name on this subject."""
    ledger.stop()  # what wrong implementations do is not part of the run's record
    for seed, test in product(SEEDS, specification()[name]):
        run_one(test, subject, dtype, seed)


def run_one(test, subject, dtype, seed):
    """Run a test with everything it is parametrized with, of the number formats with this one."""
    body = unshrunk(test, seed) if hasattr(test, "hypothesis") else first_on_the_references(test)
    fixtures = {fixture: subject for fixture in FIXTURES if fixture in inspect.signature(test).parameters}
    for arguments in parametrizations(test):
        if arguments.get("dtype", dtype) == dtype:
            body(**fixtures, **arguments)


def unshrunk(test, seed):
    """Return a property that draws its cases from this seed, and stops at the first that fails."""
    phases, checks = [Phase.explicit, Phase.generate], list(HealthCheck)
    draw_only = settings(phases=phases, derandomize=False, database=None, suppress_health_check=checks)
    body = first_on_the_references(test.hypothesis.inner_test)
    return hypothesis.seed(seed)(draw_only(hypothesis.given(**test.hypothesis._given_kwargs)(body)))


def first_on_the_references(body):
    """Return a test that runs each case on the references, which must pass it, and then on the subject."""

    @functools.wraps(body)
    def run_twice(**arguments):
        references = {name: subjects.load("reference") for name in FIXTURES if name in arguments}
        try:
            body(**arguments | references)
        except HypothesisException:  # the case does not count
            raise
        except Exception as error:
            raise ReferencesFail from error
        body(**arguments)

    return run_twice


def asks_the_references(name):
    """Tell whether the tests of this name compare the subject with the references."""
    return all(
        "compares_with_reference" in [mark.name for mark in getattr(test, "pytestmark", [])]
        for test in specification()[name]
    )


def parametrizations(test):
    """Return the arguments of every case of a test, as `pytest.mark.parametrize` would pass them."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return [dict(chain.from_iterable(case)) for case in product(*map(cases, marks))]


def cases(mark):
    """Return the cases of one parametrize mark, each a list of names with their values."""
    names, values, *_ = mark.args
    names = names.split(",") if isinstance(names, str) else names
    values = [getattr(value, "values", value if len(names) > 1 else [value]) for value in values]
    return [list(zip(names, value, strict=True)) for value in values]


@functools.cache
def specification():
    """Return the tests of the specification by name: in different files there may be several of one name."""
    found = defaultdict(list)
    for file in sorted([*HERE.glob("test_2_*.py"), HERE / "test_every_layer.py"]):
        for name, test in vars(import_module(f"spec_tests.{file.stem}")).items():
            if name.startswith("test_"):
                found[name].append(test)
    return dict(found)
