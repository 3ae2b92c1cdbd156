"""Verdicts where a bound alone says too little: no finite bound, one element among many, small systematic errors."""

import numpy as np
import pytest

import reference
import spec_tests
from spec_tests.verdict import bound, judge

pytestmark = pytest.mark.tooling

RIGHT = ("exact", "rounding")
MASKED = np.array([[-np.inf, 0, 1], [2, 0, -np.inf]], np.float32)


# Elements without a finite bound


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
def test_a_masked_score_leaves_all_others_a_bound(operation):
    arguments = {"input": MASKED, "dim": 1, "grad_output": np.ones((2, 3), np.float32)}

    assert all(np.isfinite(one.bound).all() for one in bound(operation, arguments).values())


def test_a_masked_class_leaves_the_loss_a_bound():
    arguments = {"input": MASKED, "target": np.array([1, 0])}

    assert np.isfinite(bound("cross_entropy", arguments)["output"].bound)
    assert judge("cross_entropy", arguments, reference.cross_entropy(**arguments)).decision in RIGHT
    assert judge("cross_entropy", arguments, np.float32(50)).decision == "wrong"


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("number", [7.0, np.nan, np.inf])
def test_a_wrong_number_in_a_masked_row_is_wrong(operation, number):
    output = getattr(reference, operation)(MASKED, 1)
    assert judge(operation, {"input": MASKED, "dim": 1}, output).decision in RIGHT

    output[0, 1] = number

    assert judge(operation, {"input": MASKED, "dim": 1}, output).decision not in (*RIGHT, "cannot say")
    with pytest.raises(AssertionError):
        spec_tests.assert_within_bound(operation, {"input": MASKED, "dim": 1}, output)


def test_a_number_where_the_exact_value_is_infinite_is_wrong():
    output = reference.log_softmax(MASKED, 1)
    output[0, 0] = -1e30

    assert judge("log_softmax", {"input": MASKED, "dim": 1}, output).decision == "wrong"


def test_an_element_that_cannot_be_judged_leaves_the_decision_open():
    x = np.array([[6_400_000, 6_400_001, 6_400_003], [1, 2, 4]], np.float32)
    arguments, output = {"input": x, "normalized_shape": (3,)}, np.zeros((2, 3), np.float32)
    output[1] = reference.layer_norm(**arguments)[1]

    verdict = judge("layer_norm", arguments, output)

    assert verdict.decision == "cannot say" and verdict.exit_code == 3
    assert "3 of 6 elements have no finite bound" in verdict.text and "doubtful element" in verdict.text
    with pytest.raises(AssertionError, match=r"^cannot say"):
        spec_tests.assert_within_bound("layer_norm", arguments, output)
