"""The bounds of `optimizer_bounds` are themselves tested: they carry errors, and are no wider than they say."""

import numpy as np
import pytest
from hypothesis import given

from spec_tests.vocabulary import ledger, optimizer_bounds
from spec_tests.vocabulary.bounds import Rounded, formula
from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.operations import OPTIMIZERS
from spec_tests.vocabulary.problems import SEEDS, real_numbers

pytestmark = pytest.mark.tooling

FLOAT32, FLOAT64 = FORMATS["float32"], FORMATS["float64"]


@pytest.fixture(autouse=True, scope="module")
def off_the_record():
    """Keep the comparisons of this file out of the summary, which names the largest error that was seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", lambda *_, **__: None)
        yield


def positive(seed, *shape):
    """Return positive float32 numbers of several orders of magnitude."""
    return abs(real_numbers(np.random.default_rng(seed), shape)).astype("float32")


# What a trace needs of rounded numbers


@given(seed=SEEDS)
def test_the_root_of_a_rounded_number_carries_its_error(seed):
    x, y = positive(seed, 2, 5)

    root = formula(lambda kind: (Rounded.exactly(x, kind) * y).sqrt(), np.sqrt(x.astype("float64") * y), "float32")

    assert_within(np.sqrt(x * y), root, "float32")


@given(seed=SEEDS)
def test_the_second_number_beside_a_root_is_out_of_its_bound(seed):
    x = positive(seed, 5)

    error = Rounded.exactly(x, FLOAT32).sqrt().error

    for direction in np.float32([np.inf, -np.inf]):
        beside = np.nextafter(np.nextafter(np.sqrt(x), direction), direction)
        assert (abs(beside - np.sqrt(x.astype("float64"))) > error).all()


def test_an_error_larger_than_its_number_moves_the_root_by_no_more_than_its_own_root():
    lost = Rounded(np.array([1.0, 0.0]), np.array([4.0, 4.0]), FLOAT32)

    assert (lost.sqrt().error >= 2).all()  # √5 - √1 and √4 - √0 are no more
    assert (lost.sqrt().error <= 2 + 3 * FLOAT32.roundoff + FLOAT32.smallest).all()


def test_of_two_rounded_numbers_or_two_ways_to_one_the_larger_error_holds():
    one, other = Rounded(np.array(1.0), np.array(0.5), FLOAT32), Rounded(np.array(2.0), np.array(0.25), FLOAT32)

    assert (one.maximum(other).value, one.maximum(other).error) == (2, 0.5)
    assert (other.widen_to(one).value, other.widen_to(one).error) == (2, 0.5)


def test_a_number_is_rounded_on_its_way_to_a_coarser_format_only():
    third = Rounded.exactly(1 / 3, FLOAT64)
    narrow = third.stored_as(FLOAT32)

    assert third.stored_as(FLOAT64).error == 0
    assert narrow.error == FLOAT32.roundoff * (1 / 3) + FLOAT32.smallest
    assert narrow.stored_as(FLOAT64).error == narrow.error


# The bounds of steps


def test_a_centered_variance_that_is_lost_in_its_error_has_no_bound():
    param, grad = Rounded.exactly(1.0, FLOAT32), np.array(1.0)

    with pytest.raises(ValueError, match="a centered variance is lost in its error"):
        optimizer_bounds.rmsprop(param, grad, {}, alpha=2.0**-24, centered=True)


ROUNDINGS = {
    "sgd": 2 + 1,  # lr·g, and the difference
    "adam": 4 + (3 / 2 + 1 + 3 + 1) + 6 + 1,  # mean; the root of the square, corrected, and ε; the way; the difference
    "adamw": 4 + (3 / 2 + 1 + 3 + 1) + 6 + 1,
    "rmsprop": (3 / 2 + 1 + 1) + 3 + 1,
    "adagrad": (2 / 2 + 1 + 1) + 3 + 1,
}
"""The roundings on the longest path of a first step from 0, those of a square counting half in its root."""


@pytest.mark.parametrize("operation", OPTIMIZERS)
def test_a_first_step_from_0_may_be_off_by_so_many_roundings_of_its_length(operation):
    grad, options = positive(0, 1000), {} if operation == "sgd" else {"eps": 0.0}

    after, _ = optimizer_bounds.bound_steps(operation, 0 * grad, [grad], {}, options, "float32")

    units = after.bound / abs(after.exact) / FLOAT32.roundoff
    assert (units >= ROUNDINGS[operation]).all()
    assert (units <= ROUNDINGS[operation] * (1 + 2.0**-16)).all()  # errors of errors, and the exact result's own


@pytest.mark.parametrize("operation", OPTIMIZERS)
def test_where_the_parameter_is_large_the_bound_is_the_rounding_of_the_parameter(operation):
    param, grad = 2.0**10 * positive(0, 1000), positive(1, 1000)
    no_decay = {"weight_decay": 0, "lr": 2.0**-20}

    after, _ = optimizer_bounds.bound_steps(operation, param, [grad], {}, no_decay, "float32")

    assert (after.bound >= FLOAT32.roundoff * param).all()
    assert (after.bound <= FLOAT32.roundoff * param * (1 + 2.0**-8)).all()
