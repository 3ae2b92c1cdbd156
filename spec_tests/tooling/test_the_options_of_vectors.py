"""What a reader of the vectors sees of a call, without the words of torch: every option, and what is wrong with it."""

import json
from itertools import dropwhile

import numpy as np
import pytest

from spec_tests import subjects
from spec_tests.vectors import refusals
from spec_tests.vectors.asking import answer, verdict
from spec_tests.vectors.question import Question, Refused
from spec_tests.vectors.reading import Cases
from spec_tests.vectors.spelling import arrays_of, as_torch, spelled
from spec_tests.vectors.writing import File, named
from spec_tests.vocabulary.subject import REFUSALS

pytestmark = pytest.mark.tooling

REFERENCES = subjects.load("reference")


# What a reader has


def only_numbers(text):
    """Return a number of JSON: to many languages 1.0 is 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def read(file):
    """Return the cases of a file as a program of another language reads them."""
    return Cases.of(json.loads(file.text(), parse_float=only_numbers))


def refused_cases(operation):
    """Return the calls that an operation refuses, and those beside them that it takes."""
    file = File(operation)
    for name, question, near in named(("refusals", n, list(make())) for n, make in enumerate(refusals.of(operation))):
        file.add(name, question, near)
    return read(file)


def unpaired(value):
    """Return padding as torch has it, if it is spelled out as pairs."""
    if isinstance(value, list) and all(isinstance(pair, list) for pair in value):
        assert all(before == after for before, after in value)
        return [before for before, _ in value]
    return value


def flat(value):
    """Return the padding of `pad` as torch has it, the last axis first and none for naught, if it is spelled out."""
    if all(isinstance(pair, list) for pair in value):
        return [number for pair in list(dropwhile([0, 0].__eq__, value))[::-1] for number in pair]
    return value


def by_its_options(case):
    """Return a case whose words of torch are made from its options alone."""
    options = dict(case["options"])
    if case["function"].startswith("pad"):
        options["pad"] = flat(options.pop("padding"))
    elif "padding" in options:
        options["padding"] = unpaired(options["padding"])
    return {**case, "as_torch": options}


def complaint(case, arrays):
    """Return the words that the references refuse a case with, up to what came instead."""
    with pytest.raises(REFUSALS) as refused:
        answer(REFERENCES, case, arrays)
    return str(refused.value).partition(", got ")[0]


@pytest.mark.parametrize("operation", refusals.FAULTS)
def test_a_reader_of_the_options_can_refuse_and_take_what_must_be(operation):
    cases = refused_cases(operation)
    wrong = {case["id"]: verdict(REFERENCES, by_its_options(case), cases.arrays) for case in cases.cases}

    assert set(wrong.values()) == {""}, wrong


@pytest.mark.parametrize("operation", refusals.FAULTS)
def test_a_reader_of_the_options_sees_the_same_wrong_thing_as_one_of_as_torch(operation):
    cases = refused_cases(operation)

    for case in cases.cases:
        if "refused" in case["expected"]:
            seen = complaint(by_its_options(case), cases.arrays)
            assert seen == complaint(case, cases.arrays), case["id"]


@pytest.mark.parametrize("operation", refusals.FAULTS)
def test_a_refused_case_differs_from_the_one_beside_it_as_it_is_written(operation):
    cases = refused_cases(operation)
    by_id = {case["id"]: case for case in cases.cases}

    for case in cases.cases:
        if "refused" in case["expected"]:
            parts = [{key: one[key] for key in ("arguments", "options")} for one in (case, by_id[case["near"]])]
            assert json.dumps(parts[0]) != json.dumps(parts[1]), case["id"]


def test_a_fault_of_an_option_that_the_function_lacks_is_no_refusal():
    taken = next(iter(refusals.of("relu")[0]()))

    with pytest.raises(ValueError, match="relu has no slope: it cannot be changed for 'too steep'"):
        list(refusals._refused(taken, "too steep", {"slope": 9}))


# How options are spelled out


def asked(function, arrays, **options):
    """Return a question whose call need not make sense."""
    return Question(function, "refusals", "float32", arrays, options, Refused("why"))


def test_an_argument_that_is_left_out_is_named_all_the_same():
    question = asked("conv2d", {"input": np.zeros((1, 1, 3, 3)), "weight": np.zeros((1, 1, 2, 2))})

    assert arrays_of(question)["bias"] is None
    assert as_torch(question) == {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    assert spelled(question) == {"stride": [1, 1], "padding": [[0, 0], [0, 0]], "dilation": [1, 1], "groups": 1}


WINDOW = {"input": np.zeros((1, 1, 5, 5)), "weight": np.zeros((1, 1, 3, 2))}


@pytest.mark.parametrize(
    ("function", "arrays", "given", "expected"),
    [
        ("conv2d", WINDOW, {"stride": 1.0}, {"stride": 1.0, "padding": [[0, 0], [0, 0]]}),
        ("conv2d", WINDOW, {"stride": (1, 1.0)}, {"stride": (1, 1.0)}),
        ("conv2d", WINDOW, {"stride": True}, {"stride": True}),
        ("conv2d", WINDOW, {"stride": (1, 1, 1)}, {"stride": (1, 1, 1), "dilation": [1, 1]}),
        ("conv2d", WINDOW, {"padding": "same", "stride": 2}, {"padding": "same", "stride": [2, 2]}),
        ("conv2d", WINDOW, {"padding": "same"}, {"padding": [[1, 1], [0, 1]]}),
        ("conv2d", WINDOW, {"padding": "valid"}, {"padding": [[0, 0], [0, 0]]}),
        ("conv2d", WINDOW, {"padding": "full"}, {"padding": "full"}),
        ("max_pool2d", WINDOW, {"kernel_size": 2.0}, {"kernel_size": 2.0, "stride": None}),
        ("max_pool2d", WINDOW, {"kernel_size": (2, 3)}, {"kernel_size": [2, 3], "stride": [2, 3]}),
        ("softmax", {"input": np.zeros((2, 3))}, {"dim": -2}, {"dim": 0}),
        ("softmax", {"input": np.zeros((2, 3))}, {"dim": -3}, {"dim": -3}),
        ("softmax", {"input": np.zeros((2, 3))}, {"dim": 1.0}, {"dim": 1.0}),
        ("flatten", {"input": np.zeros((2, 3))}, {"start_dim": -3}, {"start_dim": -3, "end_dim": 1}),
        ("flatten", {"input": np.zeros(())}, {}, {"start_dim": 0, "end_dim": 0}),
        ("pad", {"input": np.zeros((2, 3))}, {"pad": (1, 2, 3)}, {"padding": (1, 2, 3), "value": 0.0}),
        ("pad", {"input": np.zeros((2, 3))}, {"pad": (1, 2)}, {"padding": [[0, 0], [1, 2]], "mode": "constant"}),
        ("adaptive_avg_pool2d", WINDOW, {"output_size": (2, 2, 2)}, {"output_size": (2, 2, 2)}),
        ("adaptive_avg_pool2d", WINDOW, {"output_size": (2, None)}, {"output_size": [2, 5]}),
    ],
)
def test_what_cannot_be_spelled_out_stays_as_it_is_and_all_else_does_not(function, arrays, given, expected):
    found = spelled(asked(function, arrays, **given))

    assert repr({name: found[name] for name in expected}) == repr(expected)
