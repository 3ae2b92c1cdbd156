"""The room that bounds make for a known deviation: it holds what the deviation does, and no one else gets it."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.exact import assert_gradients_round_within_their_bounds, assert_rounds_within_its_bound
from spec_tests.vocabulary.formats import HALVES, rounded
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers

pytestmark = [pytest.mark.tooling, pytest.mark.slow]


@pytest.fixture(autouse=True, scope="module")
def off_the_record():
    """Keep the comparisons of this file out of the summary, which names the largest error that was seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", lambda *_, **__: None)
        yield


def stored_sum(numbers, dtype):
    """Return the sum of numbers, one after another, each partial sum rounded to the format."""
    total = np.float32(0)
    for number in numbers:
        total = rounded(np.float64(total) + number, dtype)
    return total


def adds_up_in(dtype, *deviations):
    """Return a subject that stores the sums of nll_loss in the format, and the deviations that it is known to show."""

    def nll_loss(input, target, weight, **_):
        weights = weight[target]
        losses = [rounded(loss, dtype) for loss in -input[np.arange(len(target)), target] * weights]
        return rounded(stored_sum(losses, dtype) / stored_sum(weights, dtype), dtype)

    def nll_loss_backward(grad_output, input, target, weight, **_):
        share = rounded(grad_output / stored_sum(weight[target], dtype), dtype)
        grad = np.zeros_like(input)
        grad[np.arange(len(target)), target] = rounded(-weight[target] * share, dtype)
        return grad

    subject = SimpleNamespace(
        nll_loss=nll_loss, nll_loss_backward=nll_loss_backward, deviations=frozenset(deviations), transforms={}
    )
    subject.at = lambda _: subject
    return subject


def mean_of(scores, target, weight):
    """Return the problem of a weighted mean."""
    arrays = {"input": scores, "target": target, "weight": weight}
    return Problem("nll_loss", arrays, {"reduction": "mean", "ignore_index": -100}, np.array(1.0))


@pytest.mark.parametrize("dtype", HALVES)
@given(samples=st.integers(1, 40), seed=SEEDS)
def test_sums_stored_at_every_step_are_within_the_bound_with_room(dtype, samples, seed):
    rng = np.random.default_rng(seed)
    problem = mean_of(real_numbers(rng, (samples, 3)), rng.integers(0, 3, samples), abs(real_numbers(rng, (3,))) + 0.5)
    subject = adds_up_in(dtype, "float16-class-weight-sum")

    assert_rounds_within_its_bound(problem, subject, dtype)
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("deviations", [(), ("half-conv-gradients",)])
def test_they_are_outside_the_bound_of_a_subject_that_is_not_known_for_it(dtype, deviations):
    u = 2.0**-11 if dtype == "float16" else 2.0**-8
    problem = mean_of(np.ones((16, 2)), np.array([0, *[1] * 15]), np.array([1, u]))

    with pytest.raises(AssertionError, match="elements"):
        assert_gradients_round_within_their_bounds(problem, adds_up_in(dtype, *deviations), dtype)


def test_the_room_is_no_wider_in_float32():
    problem = mean_of(np.ones((16, 2)), np.array([0, *[1] * 15]), np.array([1, 2.0**-8]))
    subject = adds_up_in("bfloat16", "float16-class-weight-sum")

    with pytest.raises(AssertionError, match="elements"):
        assert_gradients_round_within_their_bounds(problem, subject, "float32")
