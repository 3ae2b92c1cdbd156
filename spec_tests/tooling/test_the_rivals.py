"""What others test their layers with, held against the same defects: how cases become calls, and what they catch."""

import json

import numpy as np
import pytest

import reference
from spec_tests import subjects
from spec_tests.strength import rivals
from spec_tests.strength.__main__ import main
from spec_tests.strength.rivals import Rival, Sample, differs, node_cases
from spec_tests.strength.rivals.node_calls import OPERATORS, Node, NotMapped, calls

pytestmark = pytest.mark.tooling

ONES = np.ones((1, 1, 5, 5), np.float32)


def node(operator, *inputs, outputs=(ONES,), **attributes):
    """Return a case of a single node."""
    return Node(f"test_{operator}", operator, attributes, inputs, outputs, 1e-3, 1e-7)


# How a case becomes a call


def test_a_convolution_is_asked_with_the_options_of_the_case():
    weight = np.ones((2, 1, 3, 3), np.float32)

    [(function, arguments, _)] = calls(node("Conv", ONES, weight, strides=[2, 1], pads=[1, 0, 1, 0]))

    assert function == "conv2d"
    assert (arguments["stride"], arguments["padding"], arguments["bias"]) == ((2, 1), (1, 0), None)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (node("MaxPool", ONES, kernel_shape=[2, 2], pads=[0, 0, 1, 1]), "one side more than the other"),
        (node("MaxPool", ONES, kernel_shape=[2, 2], auto_pad="SAME_UPPER"), "one side more than the other"),
        (node("MaxPool", ONES, kernel_shape=[3, 3], pads=[2, 2, 2, 2]), "half a window at most"),
        (node("AveragePool", ONES[0], kernel_shape=[2]), "two axes alone"),
        (node("Flatten", ONES, axis=2), "two groups of axes"),
        (node("Gemm", ONES[0, 0], ONES[0, 0], alpha=0.5), "scales"),
        (node("Resize", ONES, None, None, [7, 7], mode="nearest", nearest_mode="ceil"), "another rule"),
        (
            node("Resize", ONES[..., :2, :2], None, None, [1, 1, 1, 1], mode="nearest", outputs=(ONES[..., :1, :1],)),
            "other one",
        ),
    ],
)
def test_a_case_that_asks_for_what_our_operation_lacks_is_left_out_with_the_reason(case, reason):
    with pytest.raises(NotMapped, match=reason):
        list(calls(case))


def test_same_padding_that_is_alike_on_both_sides_is_a_number():
    [(_, arguments, _)] = calls(node("MaxPool", ONES, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"))

    assert arguments["padding"] == (1, 1)


def test_paddings_are_listed_from_the_last_axis_backwards():
    [(_, arguments, _)] = calls(node("Pad", ONES, np.array([0, 0, 1, 3, 0, 0, 2, 4]), np.float32(1.5)))

    assert (arguments["pad"], arguments["value"]) == ([3, 4, 1, 2], 1.5)


# What counts as caught


@pytest.mark.parametrize(
    ("found", "caught"),
    [
        (np.float32([1, 2]), False),
        (np.float32([1, 2.0001]), False),
        (np.float32([1, 2.1]), True),
        (np.float64([1, 2]), True),
        (np.float32([[1, 2]]), True),
        (None, True),
    ],
)
def test_a_result_is_compared_by_shape_number_format_and_value(found, caught):
    sample = Sample("", {}, (np.float32([1, 2]),), rtol=1e-3, atol=1e-7)

    assert differs("relu", lambda: (found,), sample) == caught


def test_what_raises_is_caught():
    assert differs("relu", lambda array: array[9], Sample("", {"array": ONES}, (ONES,), 0, 0))


def test_an_argument_that_is_written_into_does_not_spoil_the_next_sample():
    sample = Sample("", {"array": ONES}, (ONES,), 0, 0)

    assert differs("relu", lambda array: np.negative(array, out=array), sample)
    assert (ONES == 1).all()


def test_only_defects_of_functions_that_have_samples_are_counted():
    samples = {"relu": [Sample("the only one", {"input": -ONES}, (0 * ONES,), 0, 0)]}

    outcomes = rivals.caught(["does_nothing", "flips_the_kernel"], lambda function: samples.get(function, []))

    assert {name: outcome.caught_by for name, outcome in outcomes.items()} == {"does_nothing": "the only one"}


def test_a_rival_whose_package_is_missing_is_left_out_and_named(monkeypatch, capsys):
    monkeypatch.setattr(rivals, "RIVALS", {"Somebody": Rival("absent", "no_such_module", "absent")})

    assert main(["--rivals"]) == 1
    assert capsys.readouterr().err == "Somebody: left out, no_such_module is not installed: pip install absent\n"


# ONNX's cases


@pytest.fixture
def onnx():
    """The package, or the test is skipped."""
    pytest.importorskip("onnx", reason='ONNX\'s cases need onnx: pip install "torch-by-hand[rivals]"')


@pytest.mark.slow
@pytest.mark.usefixtures("onnx")
@pytest.mark.parametrize("who", ["torch", "reference"])
def test_every_case_that_becomes_a_call_is_passed_by_torch_and_the_references(who):
    right = subjects.load(who) if who == "torch" else reference
    failed = [
        (function, sample.name)
        for function in {call[0] for node in node_cases.nodes() for call in node_cases.calls_of(node)}
        for sample in node_cases.samples(function)
        if differs(function, getattr(right, function), sample)
    ]

    assert failed == []


@pytest.mark.slow
@pytest.mark.usefixtures("onnx")
def test_every_operator_but_adam_has_a_case_that_becomes_a_call():
    mapped = {node.operator for node in node_cases.nodes() if node_cases.calls_of(node)}

    assert {*OPERATORS} - mapped == {"Adam"}


@pytest.mark.slow
@pytest.mark.usefixtures("onnx")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # said once a process, about speed
def test_a_node_case_catches_a_convolution_that_forgets_its_stride(tmp_path):
    names = "ignores_the_stride", "returns_a_view_of_the_input"
    (tmp_path / "names.txt").write_text("\n".join(names), encoding="utf-8")
    out = tmp_path / "rivals.json"

    assert main(["--rivals", "--names", str(tmp_path / "names.txt"), "--out", str(out)]) == 0

    found = json.loads(out.read_text(encoding="utf-8"))["rivals"]["ONNX's node cases"]
    assert found["defects"] == {
        "ignores_the_stride": "test_conv_with_strides_padding",
        "returns_a_view_of_the_input": "",
    }
    assert found["named"] == {"caught": 1, "planted": 2}
    assert found["cases"]["of our operators"] > found["cases"]["mapped"] > 150
