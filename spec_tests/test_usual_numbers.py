"""The numbers that real networks have.

They have digits and ranges that the next lower format cannot hold, sums that leave the format that their mean fits
into, and lie far from 0 and little apart.
"""

import numpy as np
import pytest

from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.exact import (
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    forward,
)
from spec_tests.vocabulary.formats import FORMATS, HALVES, exact_formats, float64_only, rounded
from spec_tests.vocabulary.levels import gradients, values
from spec_tests.vocabulary.operations import MAX_POOLS
from spec_tests.vocabulary.problems import Problem, small_whole_numbers
from spec_tests.vocabulary.properties import for_all, problems

# Numbers that the next lower format cannot hold

HOMOGENEOUS = (*MAX_POOLS, "relu", "pad", "flatten", "avg_pool2d", "adaptive_avg_pool2d")
BEYOND = {
    "float64": {"digits": 1 + 2.0**-40, "more digits": 2.0**60 + 2.0**25, "huge": 2.0**900, "tiny": 2.0**-1060},
    "float32": {"digits": 1 + 2.0**-12, "more digits": 2.0**20 + 2.0**5, "huge": 2.0**100, "tiny": 2.0**-140},
}
"""Of each format, factors of whole numbers that the formats below it round, or turn into infinity or 0."""

beyond = pytest.mark.parametrize(
    ("dtype", "what"), [(dtype, what) for dtype, factors in BEYOND.items() for what in factors]
)


@values(*HOMOGENEOUS)
@beyond
@for_all(problem=problems())
def test_numbers_that_the_next_lower_format_cannot_hold_keep_every_digit(subject, dtype, what, problem):
    factor = problem.input.dtype.type(BEYOND[dtype][what])
    scaled = {"value": problem.value * float(factor)} if problem.options.get("value") is not None else {}

    output = problem.forward(subject, input=problem.input * factor, **scaled)

    assert_equal(output, problem.forward(subject) * factor)


@gradients(*HOMOGENEOUS)
@beyond
@for_all(problem=problems())
def test_gradients_that_the_next_lower_format_cannot_hold_keep_every_digit(subject, dtype, what, problem):
    problem = problem.changed(grad_output=np.rint(problem.grad_output))
    factor = problem.input.dtype.type(BEYOND[dtype][what])

    grad_input = problem.backward(subject, grad_output=problem.grad_output * factor)

    assert_equal(grad_input, problem.backward(subject) * factor)


@values(*MAX_POOLS)
@exact_formats
@for_all(problem=problems())
def test_of_numbers_that_are_equal_in_the_next_lower_format_the_larger_wins(subject, dtype, problem):
    step = problem.input.dtype.type(BEYOND[dtype]["digits"] - 1)

    output = problem.forward(subject, input=1 + problem.input * step)

    assert_equal(output, 1 + problem.forward(subject) * step)


@values(*MAX_POOLS)
@exact_formats
@for_all(problem=problems())
def test_of_numbers_that_are_equal_in_the_next_lower_format_the_larger_is_indexed(subject, dtype, problem):
    step = problem.input.dtype.type(BEYOND[dtype]["digits"] - 1)

    _, indices = problem.forward(subject, input=1 + problem.input * step, return_indices=True)

    assert_equal(indices, problem.forward(subject, return_indices=True)[1])


FAR_APART = np.array([2.0**-1060, 1 + 2.0**-40, 2.0**60 + 2.0**9, 1e300])
IN_ORDER = np.concatenate([-FAR_APART[::-1], [0], FAR_APART])
"""In the places of -4 to 4: float32 knows only three of them."""


@values(*MAX_POOLS, "relu", "pad", "flatten")
@float64_only
@for_all(problem=problems())
def test_numbers_from_2_to_the_minus_1060_to_1e300_pass_side_by_side(subject, problem):
    problem = problem.changed(value=0.0) if problem.options.get("value") is not None else problem

    output = problem.forward(subject, input=IN_ORDER[problem.input.astype(int) + 4])

    assert_equal(output, IN_ORDER[problem.forward(subject).astype(int) + 4])


# Half formats at size

half_formats = pytest.mark.parametrize("dtype", HALVES)
MEANS = {
    "avg_pool2d": ((1, 9, 16, 16), {"kernel_size": 16}),
    "adaptive_avg_pool2d": ((1, 9, 100, 100), {"output_size": 1}),
}
LOSSES = ("l1_loss", "mse_loss", "nll_loss", "cross_entropy")


@values(*MEANS)
@half_formats
def test_a_mean_whose_sum_leaves_the_half_format_is_right_all_the_same(subject, operation, dtype):
    shape, options = MEANS[operation]
    means = 1000 + 8 * np.arange(shape[1], dtype="float32")  # numbers of either format
    input = np.broadcast_to(means.reshape(1, -1, 1, 1), shape)

    output = Problem(operation, {"input": input}, options, np.ones(1)).forward(subject.at(dtype))

    assert_equal(output.reshape(-1), means)


@values(*LOSSES)
@half_formats
def test_a_mean_loss_whose_sum_leaves_the_half_format_is_right_all_the_same(subject, operation, dtype):
    problem = mean_loss(operation, 30_000).at(dtype)

    with allowing(subject, "float16-mean-loss-overflow", "float16-class-weight-sum"):
        assert_within(problem.forward(subject.at(dtype)), forward(problem, dtype), dtype)  # with no room for deviations


@values("l1_loss", "mse_loss")
@half_formats
def test_a_weighted_mean_loss_whose_sum_leaves_the_half_format_is_right(subject, operation, dtype):
    problem = mean_loss(operation, 1000).changed(weight=np.ones(1000))

    with allowing(subject, "float16-mean-loss-overflow"):
        assert_rounds_within_its_bound(problem, subject, dtype)


def mean_loss(operation, samples):
    """Return the mean over so many samples of a loss of 100, 3 or log 10."""
    if operation in ("l1_loss", "mse_loss"):
        far = 100.0 if operation == "l1_loss" else 16.0
        arrays = {"input": np.full(samples, far), "target": np.zeros(samples), "weight": None}
        return Problem(operation, arrays, {"reduction": "mean"}, np.array(1.0))
    arrays = {"input": np.full((samples, 10), -3.0), "target": np.arange(samples) % 10, "weight": None}
    return Problem(operation, arrays, {"ignore_index": -100, "reduction": "mean"}, np.array(1.0))


LONG = {
    "linear": ((2, 4096), (7, 4096), {}),
    "conv1d": ((2, 1365, 3), (7, 1365, 3), {}),
    "conv2d": ((2, 512, 3, 3), (7, 512, 3, 3), {}),
    "conv3d": ((2, 128, 3, 3, 4), (7, 128, 3, 3, 4), {}),
}


@pytest.mark.parametrize("share", [0.0, 0.5], ids=["of either sign", "of one sign"])
@values(*LONG)
@half_formats
def test_a_sum_of_thousands_of_products_is_rounded_to_a_half_format_once(subject, operation, dtype, share):
    shape, weight_shape, options = LONG[operation]
    rng = np.random.default_rng(0)
    input, weight = (small_whole_numbers(rng, s).astype("float32") for s in (shape, weight_shape))
    input, weight = (abs(a) if share else a for a in (input, weight))
    exact = np.tensordot(input.reshape(len(input), -1).astype("float64"), weight.reshape(len(weight), -1).T, 1)

    output = Problem(operation, {"input": input, "weight": weight}, options, np.ones(1)).forward(subject.at(dtype))

    assert_equal(output.reshape(exact.shape), rounded(exact, dtype))


@values("batch_norm", "layer_norm")
@pytest.mark.parametrize("dtype", ["float16"])
def test_numbers_around_1001_are_normalized_though_their_sum_leaves_float16(subject, operation, dtype):
    numbers = (1000 + np.arange(1024.0) % 2 * 2).astype("float32")  # mean 1001, variance 1, sum 1,025,024; √(1 + 3) = 2
    layers = subject.at(dtype)

    with allowing(subject, "half-batch-norm"):
        if operation == "batch_norm":
            output = layers.batch_norm(numbers.reshape(-1, 1), None, None, training=True, eps=3.0)
        else:
            output = layers.layer_norm(numbers, (1024,), eps=3.0)
        assert_equal(output.reshape(-1), (numbers - 1001) / 2)


@values("batch_norm", "layer_norm")
@pytest.mark.parametrize("dtype", ["float16"])
def test_a_variance_whose_sum_leaves_the_half_format_is_right_all_the_same(subject, operation, dtype):
    numbers = np.tile(np.float32([256, -256]), 512)  # mean 0, variance 65,536: one square alone is too large
    layers = subject.at(dtype)

    with allowing(subject, "half-batch-norm"):
        if operation == "batch_norm":
            output = layers.batch_norm(numbers.reshape(-1, 1), None, None, training=True)
        else:
            output = layers.layer_norm(numbers, (1024,))
        assert_equal(output.reshape(-1), numbers / 256)


@values("softmax")
@half_formats
def test_10000_equal_scores_have_a_ten_thousandth_each_in_a_half_format(subject, dtype):
    output = subject.at(dtype).softmax(np.zeros(10_000, "float32"), 0)

    assert_equal(output, np.full(10_000, rounded(1e-4, dtype)))


# Far from 0, and little apart

FAR = (4096.0, 1e5, 1e6)
APART = np.array([0.0, 1.0, 2.0, 5.0])
"""Mean 2, and squares of the distances from it that add up to 14: the variance is 3.5, the unbiased one 14 / 3."""

far = pytest.mark.parametrize("mean", FAR)
CHANNELS = 17


@far
@values("batch_norm_statistics", "batch_norm")
@exact_formats
def test_a_variance_far_from_0_is_that_of_the_distances_from_the_mean(subject, dtype, mean):
    batch = np.tile(mean + APART, (CHANNELS, 1)).T.astype(dtype)  # of all sums none rounds

    new_mean, new_var = subject.at(dtype).batch_norm_statistics(batch, *np.ones((2, CHANNELS), dtype), momentum=1.0)

    roundings = 4 * FORMATS[dtype].roundoff  # two divisions, a product with momentum, and the reciprocal of either
    assert_equal(new_mean, np.full(CHANNELS, mean + 2, dtype))
    expected = np.full(CHANNELS, 14 / 3)
    assert_within(new_var, Approximation(expected, expected * roundings), dtype)


@far
@values("batch_norm", "layer_norm")
@exact_formats
def test_far_from_0_an_output_is_off_by_what_rounding_the_mean_explains(subject, operation, dtype, mean):
    assert_rounds_within_its_bound(far_from_0(operation, mean, copies=1), subject, dtype)


@far
@gradients("batch_norm", "layer_norm")
@exact_formats
def test_far_from_0_gradients_are_off_by_what_rounding_the_mean_explains(subject, operation, dtype, mean):
    assert_gradients_round_within_their_bounds(far_from_0(operation, mean, copies=1), subject, dtype)


@far
@values("batch_norm", "layer_norm")
@exact_formats
@pytest.mark.parametrize("copies", [1, 4])
def test_distances_from_a_mean_far_from_0_that_is_exact_keep_their_digits(subject, operation, dtype, mean, copies):
    problem, near_0 = (far_from_0(operation, where, copies).at(dtype) for where in (mean, 0.0))

    output = problem.forward(subject.at(dtype))

    known = {"batch_norm": "batch-norm-large-mean", "layer_norm": "layer-norm-large-mean"}[operation]
    with allowing(subject, known):  # the means and variances of both are exact
        assert_within(output, forward(near_0, dtype), dtype)


@far
@values("batch_norm")
@exact_formats
def test_what_equals_a_running_mean_far_from_0_becomes_the_bias(subject, dtype, mean):
    means, bias = np.full(CHANNELS, mean, dtype), np.arange(CHANNELS, dtype=dtype)

    output = subject.at(dtype).batch_norm(means[np.newaxis], means, np.full_like(means, 2), bias=bias)

    with allowing(subject, "batch-norm-large-mean"):
        assert_equal(output[0], bias)


def far_from_0(operation, mean, copies):
    """Return 17 channels, or samples, of the same 4 numbers around mean + 2, so often."""
    rows = np.tile(mean + APART, (CHANNELS, copies))
    cotangent = np.random.default_rng(0).integers(-4, 5, rows.shape).astype("float64")
    if operation == "layer_norm":
        arrays = {"input": rows, "weight": np.ones(rows.shape[1]), "bias": np.zeros(rows.shape[1])}
        return Problem("layer_norm", arrays, {"normalized_shape": rows.shape[1:], "eps": 1e-5}, cotangent)
    columns, weight = np.ascontiguousarray(rows.T), np.arange(1.0, 1 + CHANNELS)
    arrays = {"input": columns, "running_mean": None, "running_var": None, "weight": weight, "bias": weight}
    return Problem("batch_norm", arrays, {"training": True, "momentum": 0.1, "eps": 1e-5}, cotangent.T)
