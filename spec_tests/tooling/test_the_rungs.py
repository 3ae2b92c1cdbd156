"""The rungs: each has cases of its own, words in both languages, and stops the implementations that it should."""

import csv
from pathlib import Path

import pytest

import reference
from spec_tests import subjects
from spec_tests.contract.functions import BACKWARD
from spec_tests.vocabulary import rungs
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.rungs.checking import assert_each, assert_gradients_right, assert_right
from spec_tests.vocabulary.rungs.of_transforms import Picture
from spec_tests.vocabulary.rungs.sentences import LANGUAGES, REST, sentences
from spec_tests.wrong_implementations import WRONG

pytestmark = pytest.mark.tooling

WITH_A_LADDER = {**OPERATIONS, **OPTIMIZERS, **TRANSFORMS}
ALL = [(operation, rung) for operation in WITH_A_LADDER for rung in rungs.rungs(operation)]
TABLE = Path(__file__).with_name("rungs_of_wrong.tsv")


def operation_of(wrong):
    return wrong.operation.removesuffix(BACKWARD)


def stops_at():
    """Return the rung, or the level behind the rungs, at which each wrong implementation is expected to stop."""
    _, *rows = csv.reader(TABLE.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return {(function, name): rung for function, name, rung in rows}


@pytest.mark.parametrize(("operation", "rung"), ALL)
def test_every_case_of_a_rung_uses_its_feature_and_none_above_it(operation, rung):
    cases = rungs.cases(operation, rung)

    assert cases
    assert {rungs.rung_of_case(case) for case in cases} == {rung}


@pytest.mark.parametrize(("operation", "rung"), ALL)
def test_the_cases_of_a_rung_begin_with_the_fewest_options_and_the_smallest_arrays(operation, rung):
    first, *others = [(options_of(case), size_of(case)) for case in rungs.cases(operation, rung)]

    assert all(first <= other for other in others)


def options_of(case):
    """Return how many features a case uses."""
    if isinstance(case, Problem):
        return sum(rung.used_by(case) for rung in OPERATIONS[case.operation].rungs)
    if isinstance(case, Picture):
        return sum(rung.used_by(case.arguments) for rung in TRANSFORMS[case.operation].rungs)
    return len([value for value in case.options.values() if value])


def size_of(case):
    """Return how many numbers a case has."""
    if isinstance(case, Problem):
        return case.grad_output.size + sum(array.size for array in case.arrays.values() if array is not None)
    if isinstance(case, Picture):
        return case.size
    return case.param.size * len(case.grads)


def test_the_first_case_with_dilation_has_one_image_one_channel_and_no_other_option():
    case = rungs.cases("conv2d", "dilation")[0]

    assert case.input.shape[:2] == (1, 1)
    assert case.weight.shape[:2] == (1, 1)
    assert {**case.options, "dilation": 1} == {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("operation", "rung"), ALL)
def test_every_rung_has_its_sentences_and_a_hint_in_both_languages(operation, rung, language):
    for level in ("values", "gradients")[: 1 + (operation in OPERATIONS)]:
        said = sentences(operation, level, rung, language)
        assert operation in said.right
        assert operation in said.wrong
        assert said.right != said.wrong
        assert said.hint
        assert any(ord(c) > 0x2E80 for c in said.hint) == (language == "zh")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", LEVELS)
def test_what_lies_behind_the_rungs_has_its_sentences_too(level, language):
    said = sentences("cifar10_cnn", level, REST, language)

    assert "cifar10_cnn" in said.right
    assert said.hint


def test_the_references_are_right_on_every_rung():
    for operation, rung in ALL:
        assert_each(rungs.cases(operation, rung), assert_right, subjects.load("reference"))


def test_every_wrong_implementation_of_what_has_rungs_is_in_the_table():
    expected = {(wrong.operation, name) for name, wrong in WRONG.items() if operation_of(wrong) in WITH_A_LADDER}

    assert stops_at().keys() == expected


@pytest.mark.slow
@pytest.mark.parametrize(("function", "name"), stops_at())
def test_a_wrong_implementation_stops_at_the_rung_that_a_reader_expects(function, name):
    expected, subject = stops_at()[function, name], subjects.load(f"wrong:{name}")
    operation = function.removesuffix(BACKWARD)
    check = assert_gradients_right if function != operation else assert_right

    stopped = next((rung for rung in rungs.rungs(operation) if fails(operation, rung, check, subject)), "")

    assert stopped == ("" if expected.startswith("(") else expected)


def fails(operation, rung, check, subject):
    """Tell whether a subject is wrong on a rung, by its answer or by an error."""
    try:
        assert_each(rungs.cases(operation, rung), check, subject)
    except Exception:
        return True
    return False


def test_every_function_with_rungs_is_one_of_the_references():
    assert all(hasattr(reference, operation) for operation in WITH_A_LADDER)
