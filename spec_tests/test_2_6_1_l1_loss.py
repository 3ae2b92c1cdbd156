"""2.6.1 L1Loss: the mean absolute error, (1/n) Σ |y − ŷ|, n being the number of elements.

What it has in common with `mse_loss` stands in `test_2_6_losses.py`.
"""

import numpy as np
import pytest

from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import conventions, refusals, values
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.worked_examples import PREDICTION, TARGET

# The document's example, by hand


@pytest.mark.claim("2.6.1.d")
@values("l1_loss")
def test_the_mean_of_five_errors_of_one_half_is_one_half(implementation):
    by_hand = (abs(1 - 1.5) + abs(2 - 2.5) + abs(3 - 3.5) + abs(4 - 4.5) + abs(5 - 5.5)) / 5

    assert implementation.l1_loss(PREDICTION.astype("float32"), TARGET, reduction="mean") == by_hand == 0.5


@pytest.mark.claim("2.6.1.e")
@values("l1_loss")
def test_their_sum_is_two_and_a_half(implementation):
    by_hand = 0.5 + 0.5 + 0.5 + 0.5 + 0.5

    assert implementation.l1_loss(PREDICTION.astype("float32"), TARGET, reduction="sum") == by_hand == 2.5


@pytest.mark.claim("2.6.1.a", "2.6.1.c")
@values("l1_loss")
def test_without_a_reduction_named_it_is_the_mean_of_errors_of_any_size_and_sign(implementation):
    by_hand = (abs(1 - 1.5) + abs(2 - 0) + abs(3 - 3) + abs(4 - 9)) / 4

    loss = implementation.l1_loss(np.array([1.0, 2, 3, 4]), np.array([1.5, 0, 3, 9]))

    assert loss == by_hand == 1.875


@pytest.mark.claim("2.6.1.f")
@conventions("l1_loss")
def test_an_integer_prediction_beside_a_floating_point_truth_is_promoted(implementation):
    loss = implementation.l1_loss(PREDICTION, TARGET)

    assert loss == 0.5
    assert loss.dtype == np.float32


@pytest.mark.claim("2.6.1.f")
@conventions("l1_loss")
def test_two_integer_arrays_have_a_sum(implementation):
    total = implementation.l1_loss(PREDICTION, PREDICTION[::-1].copy(), reduction="sum")

    assert_equal(np.asarray(total), np.array(4 + 2 + 0 + 2 + 4))


@pytest.mark.claim("2.6.1.f")
@refusals("l1_loss")
def test_two_integer_arrays_have_a_sum_but_no_mean(subject_on_cpu):
    call, near = {"input": PREDICTION, "target": PREDICTION, "reduction": "mean"}, {"reduction": "sum"}

    assert_refused(subject_on_cpu, "l1_loss", "expected at least one of floating point", near=near, **call)


@pytest.mark.claim("2.6.1.b")
@values("l1_loss")
def test_the_mean_divides_by_the_number_of_elements_not_of_samples(implementation):
    two_samples_of_three = np.array([[1.0, 2, 3], [4, 5, 9]])

    loss = implementation.l1_loss(two_samples_of_three, np.zeros((2, 3)))

    assert loss == (1 + 2 + 3 + 4 + 5 + 9) / 6 == 4
    assert loss != (1 + 2 + 3 + 4 + 5 + 9) / 2


# Conventions


@conventions("l1_loss")
@exact_formats
def test_at_the_kink_and_at_nan_the_slope_is_0(subject, dtype):
    prediction = np.array([1, 2, np.nan, 1], dtype)
    truth = np.array([1, 0, 0, np.nan], dtype)

    grad_input, grad_target, _ = subject.l1_loss_backward(np.array(3, dtype), prediction, truth, reduction="sum")

    assert_equal(grad_input, np.array([0, 3, 0, 0], dtype))
    assert_equal(grad_target, np.array([0, -3, 0, 0], dtype))


@conventions("l1_loss")
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_nan_anywhere_makes_the_loss_nan(subject, reduction):
    prediction = np.array([1.0, np.nan, 3.0])

    assert np.isnan(subject.l1_loss(prediction, np.zeros(3), reduction=reduction))
