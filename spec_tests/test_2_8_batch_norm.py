"""2.8 Batch normalization: each channel less its mean, divided by its deviation, then scaled and shifted.

In training mean and variance are those of the batch, in evaluation running ones. Where whole numbers, and variances
whose roots are powers of two, leave nothing to round, results are exact; elsewhere they are within the bounds of
`operations.batch_norm`.
"""

from functools import partial

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.bounds import Approximation, formula
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    backward,
    forward,
)
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.layouts import LAYOUTS
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.batch_norm import batch_norm_statistics, dyadic_batch_norm_problems
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import nn, torch

half_formats = pytest.mark.parametrize("dtype", ["float16", "bfloat16"])

TRAINING = problems(training=(True,))
WHOLE_TRAINING = problems(numbers=whole_numbers, training=(True,), epsilons=(0.25, 2.0))
EVALUATION = dyadic_batch_norm_problems()
"""Whole numbers, and variances whose roots are powers of two: nothing rounds."""

# By hand

EXAMPLE = np.array([[[1.0, 1.0, 1.0, 5.0]], [[1.0, 5.0, 5.0, 5.0]]])
"""Two images of one channel of four cells: mean (4·1 + 4·5) / 8 = 3, variance (4·2² + 4·2²) / 8 = 4."""


@values("batch_norm")
def test_a_batch_less_its_mean_is_divided_by_the_root_of_variance_and_eps(implementation):
    output = implementation.batch_norm(EXAMPLE, None, None, training=True, eps=12.0)

    low, high = (1 - 3) / (4 + 12) ** 0.5, (5 - 3) / (4 + 12) ** 0.5
    assert output.tolist() == [[[low, low, low, high]], [[low, high, high, high]]]
    assert (low, high) == (-0.5, 0.5)


@values("batch_norm")
def test_weight_and_bias_come_last(implementation):
    output = implementation.batch_norm(EXAMPLE, None, None, np.array([6.0]), np.array([2.0]), training=True, eps=12.0)

    low, high = -0.5 * 6 + 2, 0.5 * 6 + 2
    assert output.tolist() == [[[low, low, low, high]], [[low, high, high, high]]]
    assert (low, high) == (-1, 5)


@values("batch_norm")
def test_in_evaluation_mean_and_variance_are_the_running_ones(implementation):
    output = implementation.batch_norm(EXAMPLE, np.array([1.0]), np.array([52.0]), eps=12.0)

    low, high = (1 - 1) / (52 + 12) ** 0.5, (5 - 1) / (52 + 12) ** 0.5
    assert output.tolist() == [[[low, low, low, high]], [[low, high, high, high]]]
    assert (low, high) == (0, 0.5)


@values("batch_norm_statistics", "batch_norm")
@pytest.mark.parametrize("variance", ["biased", "unbiased"])
def test_the_biased_variance_divides_and_the_unbiased_one_is_kept(implementation, variance):
    batch, running_mean, running_var = np.array([[1.0], [5.0]]), np.array([1.0]), np.array([2.0])
    biased, unbiased = ((1 - 3) ** 2 + (5 - 3) ** 2) / 2, ((1 - 3) ** 2 + (5 - 3) ** 2) / (2 - 1)

    if variance == "biased":
        output = implementation.batch_norm(batch, running_mean, running_var, training=True, eps=12.0).ravel()
        assert output.tolist() == [(1 - 3) / (biased + 12) ** 0.5, (5 - 3) / (biased + 12) ** 0.5] == [-0.5, 0.5]
    else:
        mean, var = implementation.batch_norm_statistics(batch, running_mean, running_var, momentum=0.25)
        assert mean.tolist() == [0.75 * 1 + 0.25 * 3] == [1.5]
        assert var.tolist() == [0.75 * 2 + 0.25 * unbiased] == [3.5]


@gradients("batch_norm")
def test_the_gradient_of_a_batch_loses_what_would_shift_or_stretch_the_channel(implementation):
    grad_output = np.array([[[8.0, 0, 0, 0]], [[0, 0, 0, 0]]])

    grad_input, _, _ = implementation.batch_norm_backward(grad_output, EXAMPLE, None, None, training=True, eps=12.0)

    shift, stretch, root = 8 / 8, 8 * -0.5 / 8, 4
    first, low, high = 8 - shift + 0.5 * stretch, 0 - shift + 0.5 * stretch, 0 - shift - 0.5 * stretch
    assert (grad_input * root).tolist() == [[[first, low, low, high]], [[low, high, high, high]]]
    assert (first, low, high) == (6.75, -1.25, -0.75)


@pytest.mark.claim("2.8.p")
@values("batch_norm")
def test_a_lopsided_channel_stays_lopsided(implementation):
    batch = np.array([[0.0], [0.0], [0.0], [8.0]])  # mean 2, variance (3·4 + 36) / 4 = 12

    output = implementation.batch_norm(batch, None, None, training=True, eps=4.0)

    assert output.ravel().tolist() == [(0 - 2) / 4, (0 - 2) / 4, (0 - 2) / 4, (8 - 2) / 4]


@pytest.mark.claim("2.8.p", "2.8.at")
@values("batch_norm")
@pytest.mark.parametrize(("variance", "left"), [(1.0, 1.0), (1e-2, 0.999), (1e-6, 0.091)])
def test_of_a_variance_that_is_not_far_above_eps_less_than_1_is_left(implementation, variance, left):
    batch = np.array([[-1.0], [1.0]]) * variance**0.5

    output = implementation.batch_norm(batch, None, None, training=True)

    assert round(float((output**2).mean()), 3) == left


@pytest.mark.claim("2.8.at")
@values("batch_norm")
def test_a_thousandfold_input_shows_in_evaluation_and_not_in_training(implementation):
    batch = np.array([[1.0], [2.0], [6.0]])
    statistics = np.zeros(1), np.ones(1)  # as they are before any training

    trained = [implementation.batch_norm(k * batch, None, None, training=True) for k in (1, 1000)]
    evaluated = [implementation.batch_norm(k * batch, *statistics, training=False) for k in (1, 1000)]

    assert trained[1].round(5).tolist() == trained[0].round(5).tolist()
    assert evaluated[1].round(9).tolist() == (1000 * evaluated[0]).round(9).tolist()


# Laws of training


@pytest.mark.claim("2.8.p")
@values("batch_norm")
@for_all(problem=TRAINING)
def test_in_training_every_channel_leaves_with_mean_0(subject, dtype, problem):
    problem = problem.changed(weight=None, bias=None)

    mean = problem.forward(subject).mean(axis=over(problem), dtype=np.float64)

    bound = forward(problem, dtype).bound.mean(axis=over(problem))
    assert_within(mean, Approximation(np.zeros_like(bound), bound), "float64")


@pytest.mark.claim("2.8.p")
@values("batch_norm")
@for_all(problem=TRAINING)
def test_in_training_every_channel_leaves_with_variance_1_less_the_share_of_eps(subject, dtype, problem):
    problem = problem.changed(weight=None, bias=None)
    variance = problem.input.var(axis=over(problem), dtype=np.float64)

    squares = problem.forward(subject).astype(np.float64) ** 2

    exact = forward(problem, dtype)
    bound = (exact.bound * (2 * abs(exact.exact) + exact.bound)).mean(axis=over(problem))  # of the squares
    share_of_eps = problem.eps / (variance + problem.eps)
    assert_within(squares.mean(axis=over(problem)), Approximation(1 - share_of_eps, bound), "float64")


@values("batch_norm")
@for_all(problem=WHOLE_TRAINING, shift=st.integers(-64, 64))
def test_in_training_a_shift_of_a_channel_is_taken_off_again(subject, dtype, problem, shift):
    shifted = problem.changed(input=problem.input + problem.input.dtype.type(shift))

    bound = forward(problem, dtype).bound + forward(shifted, dtype).bound
    assert_within(shifted.forward(subject), Approximation(problem.forward(subject).astype(np.float64), bound), dtype)


@values("batch_norm")
@for_all(problem=problems(), scale=st.sampled_from([2.0, 0.25, -1.0, -8.0]))
def test_the_unit_of_the_input_does_not_matter_if_that_of_eps_goes_with_it(subject, problem, scale):
    problem = problem.changed(bias=None)
    tracked = problem.running_mean is not None
    scaled = problem.changed(
        input=problem.input * problem.input.dtype.type(scale),
        running_mean=problem.running_mean * problem.input.dtype.type(scale) if tracked else None,
        running_var=problem.running_var * problem.input.dtype.type(scale**2) if tracked else None,
        eps=problem.eps * scale**2,
    )

    assert_equal(scaled.forward(subject), problem.forward(subject) * np.sign(problem.input.dtype.type(scale)))


@values("batch_norm")
@for_all(problem=TRAINING, seed=SEEDS)
def test_in_training_the_values_of_a_channel_may_change_places_wherever_they_stand(subject, dtype, problem, seed):
    mixed = problem.changed(input=shuffled(problem.input, seed))

    output = shuffled(problem.forward(subject), seed)

    assert_same_but_for_rounding(mixed.forward(subject), output, mixed, dtype)


@values("batch_norm")
@for_all(problem=problems())
def test_every_channel_is_normalized_by_itself(subject, dtype, problem):
    channels = [the_channel(problem, c) for c in range(problem.input.shape[1])]

    alone = np.concatenate([channel.forward(subject) for channel in channels], axis=1)

    assert_same_but_for_rounding(problem.forward(subject), alone, problem, dtype)


@values("batch_norm")
@for_all(problem=problems())
def test_how_the_cells_of_an_image_are_arranged_does_not_matter(subject, dtype, problem):
    flat = problem.changed(input=problem.input.reshape(*problem.input.shape[:2], -1))

    output = flat.forward(subject).reshape(problem.input.shape)

    assert_same_but_for_rounding(problem.forward(subject), output, problem, dtype)


@values("batch_norm")
@for_all(problem=TRAINING)
def test_in_training_the_weight_scales_and_the_bias_shifts_what_has_been_normalized(subject, dtype, problem):
    plain = problem.changed(weight=None, bias=None)
    scale, shift = spread(problem, "weight", 1.0), spread(problem, "bias", 0.0)

    by_hand = plain.forward(subject) * scale.astype(np.float64) + shift

    bound = forward(problem, dtype).bound + forward(plain, dtype).bound * abs(scale)
    assert_within(problem.forward(subject), Approximation(by_hand, bound), dtype)


@values("batch_norm")
@for_all(problem=problems(training=(True,)), seed=SEEDS)
def test_in_training_running_statistics_have_no_say(subject, dtype, problem, seed):
    statistics = np.random.default_rng(seed).uniform(1, 9, (2, 2, problem.input.shape[1])).astype(dtype)

    one, other = (problem.forward(subject, running_mean=mean, running_var=var) for mean, var in statistics)
    none = problem.forward(subject, running_mean=None, running_var=None)

    assert_equal(one, other)
    for output in (one, none):  # whether they are there, and how they lie, may change the order of a sum
        assert_within(output, forward(problem, dtype), dtype)


# Laws of evaluation


@values("batch_norm")
@for_all(problem=EVALUATION)
def test_in_evaluation_all_values_of_a_channel_go_through_one_straight_line(subject, dtype, problem):
    weight, bias = spread(problem, "weight", 1.0), spread(problem, "bias", 0.0)
    mean, root = spread(problem, "running_mean", 0.0), np.sqrt(spread(problem, "running_var", 0.0) + problem.eps)

    assert_equal(problem.forward(subject), ((problem.input - mean) / root * weight + bias).astype(dtype))


@pytest.mark.claim("2.8.p")
@values("batch_norm")
@for_all(problem=EVALUATION)
def test_in_evaluation_what_is_shifted_comes_out_shifted_so_no_mean_is_guaranteed(subject, dtype, problem):
    slope = spread(problem, "weight", 1.0) / np.sqrt(spread(problem, "running_var", 0.0) + problem.eps)

    shifted = problem.forward(subject, input=problem.input + 4)

    assert_equal(shifted, problem.forward(subject) + 4 * slope.astype(dtype))


# Running statistics


@values("batch_norm")
@for_all(problem=TRAINING)
def test_with_momentum_0_the_running_statistics_stay_what_they_were(subject, problem):
    problem = tracked(problem)

    mean, var = statistics(problem, subject, momentum=0.0)

    assert_equal(mean, problem.running_mean)
    assert_equal(var, problem.running_var)


@values("batch_norm")
@for_all(problem=TRAINING)
def test_momentum_is_the_share_of_the_batch_and_the_rest_that_of_the_past(subject, dtype, problem):
    problem = tracked(problem)
    share, wide = problem.momentum, problem.input.astype(np.float64)
    new = wide.mean(axis=over(problem)), wide.var(axis=over(problem), ddof=1)

    found = statistics(problem, subject)

    past = problem.running_mean.astype(np.float64), problem.running_var.astype(np.float64)
    moved = [(1 - share) * before + share * batch for before, batch in zip(past, new, strict=True)]
    assert_statistics(found, moved, problem, dtype)


# The references


@pytest.mark.compares_with_reference
@values("batch_norm")
@exact_formats
@for_all(problem=EVALUATION)
def test_batch_norm_equals_the_reference_where_nothing_rounds(subject, problem):
    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@values("batch_norm")
@exact_formats
@for_all(problem=problems())
def test_batch_norm_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@half_formats
@values("batch_norm")
@for_all(problem=problems(training=(False,)))
def test_in_evaluation_batch_norm_rounds_within_its_bound_in_half_formats_too(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


# Gradients


@gradients("batch_norm")
@for_all(problem=TRAINING)
def test_in_training_the_gradient_of_every_channel_adds_up_to_0(subject, dtype, problem):
    grad_input, _, _ = problem.backward(subject)

    bound = backward(problem, dtype)[0].bound.sum(axis=over(problem))
    total = grad_input.sum(axis=over(problem), dtype=np.float64)
    assert_within(total, Approximation(np.zeros_like(bound), bound), "float64")


@gradients("batch_norm")
@for_all(problem=WHOLE_TRAINING)
def test_the_gradient_of_the_bias_is_the_sum_of_grad_output_over_its_channel(subject, problem):
    problem = problem.changed(bias=np.zeros(problem.input.shape[1], problem.input.dtype))

    *_, grad_bias = problem.backward(subject)

    assert_equal(grad_bias, problem.grad_output.sum(axis=over(problem)))


@gradients("batch_norm")
@for_all(problem=problems())
def test_the_gradient_of_the_weight_is_what_a_step_of_1_in_it_adds(subject, dtype, problem):
    problem = problem.changed(weight=np.zeros(problem.input.shape[1], problem.input.dtype), bias=None)
    unit = problem.changed(weight=np.ones_like(problem.weight))

    _, grad_weight, _ = problem.backward(subject)

    risen = (unit.forward(subject).astype(np.float64) * problem.grad_output).sum(axis=over(problem))
    rounding = (forward(unit, dtype).bound * abs(problem.grad_output)).sum(axis=over(problem))
    assert_within(grad_weight, Approximation(risen, backward(problem, dtype)[1].bound + rounding), dtype)


@pytest.mark.compares_with_reference
@gradients("batch_norm")
@exact_formats
@for_all(problem=EVALUATION)
def test_the_gradients_of_batch_norm_equal_the_references_where_nothing_rounds(subject, problem):
    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@gradients("batch_norm")
@exact_formats
@for_all(problem=problems())
def test_the_gradients_of_batch_norm_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


@pytest.mark.compares_with_reference
@half_formats
@gradients("batch_norm")
@for_all(problem=problems(training=(False,)))
def test_in_evaluation_the_gradients_round_within_their_bounds_in_half_formats_too(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@conventions("batch_norm")
@exact_formats
def test_in_evaluation_batch_norm_of_an_empty_batch_is_empty(subject, dtype):
    empty, ones = np.zeros((0, 3, 2, 2), dtype), np.ones(3, dtype)

    assert subject.batch_norm(empty, ones, ones, ones, ones).shape == empty.shape


@conventions("batch_norm")
@exact_formats
def test_in_evaluation_an_empty_batch_gives_batch_norm_gradients_of_0(subject, dtype):
    empty, ones = np.zeros((0, 3, 2, 2), dtype), np.ones(3, dtype)

    grad_input, *others = subject.batch_norm_backward(np.zeros_like(empty), empty, ones, ones, ones, ones)

    assert grad_input.shape == empty.shape
    assert_equal(np.stack(others), np.zeros((2, 3), dtype))


@conventions("batch_norm")
@exact_formats
@pytest.mark.parametrize("value", [0.0, 3.0, -7.0])
def test_a_channel_that_is_constant_over_the_batch_becomes_its_bias(subject, dtype, value):
    input, weight, bias = np.full((2, 1, 3), value, dtype), np.array([5], dtype), np.array([-2], dtype)

    output = subject.batch_norm(input, None, None, weight, bias, training=True, eps=0.25)

    assert_equal(output, np.full((2, 1, 3), -2, dtype))


@conventions("batch_norm")
def test_in_training_a_nan_reaches_all_of_its_channel_and_no_other(subject):
    input = real_numbers(np.random.default_rng(0), (2, 3, 4))
    input[0, 1, 2] = np.nan

    output = subject.batch_norm(input, None, None, training=True)

    assert np.isnan(output).any(axis=(0, 2)).tolist() == np.isnan(output).all(axis=(0, 2)).tolist()
    assert np.isnan(output).any(axis=(0, 2)).tolist() == [False, True, False]


@conventions("batch_norm")
def test_in_evaluation_a_nan_stays_where_it_is(subject):
    input = real_numbers(np.random.default_rng(0), (2, 3, 4))
    input[0, 1, 2] = np.nan

    output = subject.batch_norm(input, np.zeros(3), np.ones(3))

    assert_equal(np.isnan(output), np.isnan(input))


@conventions("batch_norm")
def test_without_images_there_is_nothing_to_evaluate(subject):
    empty = np.zeros((0, 3, 2, 2))

    assert subject.batch_norm(empty, np.zeros(3), np.ones(3)).shape == (0, 3, 2, 2)


# Refusals: beside each refused call the nearest one that must be taken

one_value = pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 1, 1), (1, 3, 1, 1, 1)])


@one_value
@refusals("batch_norm")
def test_a_single_value_for_each_channel_is_refused_in_training(subject_on_cpu, shape):
    message = "expected more than 1 value for each channel in training"
    call = {"input": np.zeros(shape), "running_mean": None, "running_var": None, "training": True}

    assert_refused(subject_on_cpu, "batch_norm", message, near={"input": np.zeros((2, *shape[1:]))}, **call)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2, 2), (2, 3, 0)])
def test_the_reference_refuses_to_train_on_no_values(shape):
    with pytest.raises(ValueError, match="expected more than 1 value for each channel in training"):
        reference.batch_norm(np.zeros(shape), None, None, training=True)


@one_value
@conventions("batch_norm")
def test_a_single_value_for_each_channel_is_taken_in_evaluation(subject, shape):
    assert subject.batch_norm(np.zeros(shape), np.zeros(3), np.ones(3)).shape == shape


@conventions("batch_norm")
@pytest.mark.parametrize("shape", [(1, 3, 2), (1, 3, 1, 2), (2, 3), (2, 3, 1, 1)])
def test_a_single_image_or_cell_is_enough_for_training_if_there_are_two_values(subject, shape):
    assert subject.batch_norm(np.zeros(shape), None, None, training=True).shape == shape


BATCH = np.zeros((2, 3, 4))
REFUSED = {
    "no running statistics": (
        "are needed unless training",
        {"running_mean": None, "running_var": None},
        {"training": True},
    ),
    "no running mean": ("must both be given, or neither", {"running_mean": None}, {"running_mean": np.zeros(3)}),
    "no running variance": ("must both be given, or neither", {"running_var": None}, {"running_var": np.ones(3)}),
    "no channels": (
        r"input has shape \(3,\), expected \(n, c, …\)",
        {"input": np.zeros(3)},
        {"input": np.zeros((1, 3))},
    ),
    "a mean too many": (
        r"running_mean has shape \(4,\), expected \(3,\)",
        {"running_mean": np.zeros(4)},
        {"running_mean": np.zeros(3)},
    ),
    "a variance too few": (
        r"running_var has shape \(2,\), expected \(3,\)",
        {"running_var": np.ones(2)},
        {"running_var": np.ones(3)},
    ),
    "weights for one channel": (
        r"weight has shape \(1,\), expected \(3,\)",
        {"weight": np.ones(1)},
        {"weight": np.ones(3)},
    ),
    "a bias too many": (r"bias has shape \(4,\), expected \(3,\)", {"bias": np.ones(4)}, {"bias": np.ones(3)}),
    "a negative eps": ("eps must be at least 0, got -1.0", {"eps": -1.0}, {"eps": 1.0}),
    "another dtype": (
        "one dtype expected, got input float64",
        {"weight": np.ones(3, "float32")},
        {"weight": np.ones(3)},
    ),
    "whole numbers": ("input has dtype int64", {"input": np.zeros((2, 3, 4), int)}, {"input": BATCH}),
    "momentum that is no number": ("momentum must be a number, got 'half'", {"momentum": "half"}, {"momentum": 0.5}),
    "training that is neither true nor false": (
        "training must be True or False, got 1",
        {"training": 1},
        {"training": True},
    ),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals("batch_norm")
@pytest.mark.parametrize("case", REFUSED)
def test_batch_norm_refuses(subject_on_cpu, case):
    message, changed, near = REFUSED[case]
    call = {"input": BATCH, "running_mean": np.zeros(3), "running_var": np.ones(3), **changed}

    assert_refused(subject_on_cpu, "batch_norm", message, near=near, **call)


in_training_or_not = pytest.mark.parametrize("training", [False, True])
without_one_of_them = pytest.mark.parametrize("missing", ["running_mean", "running_var"])


@refusals("batch_norm")
@in_training_or_not
@without_one_of_them
def test_one_running_statistic_without_the_other_is_refused(subject_on_cpu, training, missing):
    typical = OPERATIONS["batch_norm"].typical.changed(training=training)
    call, near = {**typical.arrays, **typical.options, missing: None}, {missing: typical.arrays[missing]}

    assert_refused(subject_on_cpu, "batch_norm", "must both be given, or neither", near=near, **call)


@refusals("batch_norm")
@in_training_or_not
@without_one_of_them
def test_the_gradient_of_batch_norm_refuses_one_running_statistic_without_the_other(subject_on_cpu, training, missing):
    typical = OPERATIONS["batch_norm"].typical.changed(training=training)
    call, near = {**typical.arrays, **typical.options, missing: None}, {missing: typical.arrays[missing]}
    message, grad_output = "must both be given, or neither", typical.grad_output

    assert_refused(subject_on_cpu, "batch_norm_backward", message, near=near, grad_output=grad_output, **call)


@pytest.mark.parametrize("missing", ["running_mean", "running_var", "both"])
def test_the_reference_moves_no_running_statistics_that_are_missing(missing):
    given = {"running_mean": np.zeros(3), "running_var": np.ones(3)}
    without = {name: None if missing in (name, "both") else value for name, value in given.items()}

    with pytest.raises(TypeError, match=r"^running_(mean|var) must be a NumPy array, got NoneType"):
        reference.batch_norm_statistics(BATCH, **without)


@refusals("batch_norm")
def test_the_gradient_of_batch_norm_refuses_a_grad_output_of_another_shape(subject_on_cpu):
    message = r"grad_output has shape \(2, 3\), expected \(2, 3, 4\)"
    call = {"input": BATCH, "running_mean": np.zeros(3), "running_var": np.ones(3), "grad_output": np.zeros((2, 3))}

    assert_refused(subject_on_cpu, "batch_norm_backward", message, near={"grad_output": BATCH}, **call)


# The layer: torch.nn.BatchNorm2d


@pytest.mark.torch_api
def test_by_default_the_layer_learns_scale_and_shift_and_tracks_with_momentum_0_1():
    layer = nn.BatchNorm2d(3)

    assert (layer.eps, layer.momentum, layer.affine, layer.track_running_stats) == (1e-5, 0.1, True, True)
    assert layer.training


@pytest.mark.torch_api
def test_a_new_layer_starts_with_scale_1_shift_0_mean_0_and_variance_1():
    layer = nn.BatchNorm2d(3)

    learned = {name: value.tolist() for name, value in layer.named_parameters()}
    kept = {name: value.tolist() for name, value in layer.named_buffers()}

    assert learned == {"weight": [1, 1, 1], "bias": [0, 0, 0]}
    assert kept == {"running_mean": [0, 0, 0], "running_var": [1, 1, 1], "num_batches_tracked": 0}
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


@pytest.mark.torch_api
def test_without_affine_there_is_nothing_to_learn():
    assert not list(nn.BatchNorm2d(3, affine=False).parameters())


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
@for_all(seed=SEEDS, training=st.booleans())
def test_the_layer_computes_what_the_reference_does_with_its_parameters_and_buffers(dtype, seed, training):
    layer, images = trained_layer(seed, dtype).train(training), two_images(seed, dtype)
    before = layer_problem(layer, images)

    output = layer(torch.from_numpy(images)).detach().numpy()

    assert_within(output, forward(before, dtype), dtype)


@pytest.mark.torch_api
@pytest.mark.claim("2.8.p")
def test_train_normalizes_with_the_batch_and_eval_with_what_was_tracked():
    layer, images = nn.BatchNorm2d(1, eps=12.0).double(), torch.from_numpy(EXAMPLE).reshape(2, 1, 2, 2)
    layer.running_mean.fill_(1.0)
    layer.running_var.fill_(52.0)

    evaluated, trained = layer.eval()(images), layer.train()(images)

    assert evaluated.flatten().tolist() == [0, 0, 0, 0.5, 0, 0.5, 0.5, 0.5]  # (x − 1) / √(52 + 12)
    assert trained.flatten().tolist() == [-0.5, -0.5, -0.5, 0.5, -0.5, 0.5, 0.5, 0.5]  # (x − 3) / √(4 + 12)


@pytest.mark.torch_api
def test_eval_changes_no_buffer():
    layer = trained_layer(0, "float32").eval()
    before = {name: value.clone() for name, value in layer.named_buffers()}

    layer(torch.from_numpy(two_images(1, "float32")))

    assert all(torch.equal(value, before[name]) for name, value in layer.named_buffers())


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
@pytest.mark.parametrize("momentum", [0.1, 0.75])
def test_every_training_step_moves_the_buffers_as_the_reference_does(dtype, momentum):
    layer = nn.BatchNorm2d(3, momentum=momentum).to(getattr(torch, dtype))

    for step in range(5):
        images = two_images(step, dtype)
        before = layer_problem(layer, images)
        layer(torch.from_numpy(images))
        exact = statistics(before.at("float64"), reference)
        assert_statistics((layer.running_mean.numpy(), layer.running_var.numpy()), exact, before, dtype)
        assert layer.num_batches_tracked == step + 1


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
def test_with_momentum_none_the_buffers_are_the_plain_means_over_all_batches_so_far(dtype):
    layer = nn.BatchNorm2d(3, momentum=None).to(getattr(torch, dtype))

    for step in range(5):
        images = two_images(step, dtype)
        before = layer_problem(layer, images).changed(momentum=1 / (step + 1))
        layer(torch.from_numpy(images))
        exact = statistics(before.at("float64"), reference)
        assert_statistics((layer.running_mean.numpy(), layer.running_var.numpy()), exact, before, dtype)


@pytest.mark.torch_api
def test_with_momentum_none_three_batches_count_alike():
    layer = nn.BatchNorm2d(1, momentum=None)

    for low, high in ((0.0, 2.0), (3.0, 5.0), (6.0, 14.0)):  # means 1, 4, 10, unbiased variances 2, 2, 32
        layer(torch.tensor([low, high]).reshape(2, 1, 1, 1))

    assert layer.running_mean.tolist() == [(1 + 4 + 10) / 3] == [5]
    assert layer.running_var.round().tolist() == [(2 + 2 + 32) / 3] == [12]


@pytest.mark.torch_api
def test_a_layer_that_tracks_nothing_normalizes_with_the_batch_in_eval_too():
    layer, images = nn.BatchNorm2d(3, track_running_stats=False), torch.from_numpy(two_images(0, "float32"))

    assert not list(layer.buffers())
    assert torch.equal(layer.train()(images), layer.eval()(images))


@pytest.mark.torch_api
def test_in_training_the_layer_refuses_one_value_a_channel_but_not_one_image():
    layer = nn.BatchNorm2d(3)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(torch.zeros(1, 3, 1, 1))
    assert layer(torch.zeros(1, 3, 1, 2)).shape == (1, 3, 1, 2)
    assert layer.eval()(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 1, 1)


@pytest.mark.torch_api
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 4, 4)])
def test_the_layer_takes_images_only(shape):
    with pytest.raises(ValueError, match="expected 4D input"):
        nn.BatchNorm2d(3)(torch.zeros(shape))


@pytest.mark.torch_api
def test_the_layer_refuses_another_number_of_channels():
    with pytest.raises(RuntimeError, match="running_mean should contain 4 elements not 3"):
        nn.BatchNorm2d(3)(torch.zeros(2, 4, 5, 5))


# What the tests share


def over(problem):
    """Return the axes that a channel's values lie along."""
    return (0, *range(2, problem.input.ndim))


def spread(problem, name, default):
    """Return a number for each channel, to be broadcast over the input, or the default."""
    value = problem.arrays[name]
    value = np.full(problem.input.shape[1], default, problem.input.dtype) if value is None else value
    return value.reshape(-1, *[1] * (problem.input.ndim - 2))


def shuffled(values, seed):
    """Return the values of every channel in another order, the same for the same seed."""
    rows = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    mixed = np.random.default_rng(seed).permuted(rows, axis=1)
    return np.ascontiguousarray(np.moveaxis(mixed.reshape(values.shape[1], values.shape[0], *values.shape[2:]), 0, 1))


def the_channel(problem, c):
    """Return the problem of one channel only."""
    others = {name: None if value is None else value[[c]] for name, value in problem.arrays.items() if name != "input"}
    return problem.changed(input=problem.input[:, [c]], **others)


WIDE = [name for name in OPERATIONS["batch_norm"].large if name.endswith("training")]


@pytest.mark.compares_with_reference
@values("batch_norm_statistics", "batch_norm")
@exact_formats
@pytest.mark.parametrize("layout", ["channels last", "every second entry", "transposed"])
@pytest.mark.parametrize("case", WIDE)
def test_running_statistics_of_wide_inputs_are_within_their_bounds_in_any_layout(subject, dtype, case, layout):
    problem = tracked(OPERATIONS["batch_norm"].large[case].problem(real_numbers)).at(dtype)
    laid = {
        name: LAYOUTS[layout].lay(problem.arrays[name]) if LAYOUTS[layout].fits(problem.arrays[name].shape) else value
        for name, value in problem.arrays.items()
        if name in ("input", "running_mean", "running_var")
    }

    found = statistics(problem.changed(**laid), subject.at(dtype))

    assert_statistics(found, statistics(problem.at("float64"), reference), problem, dtype)


@pytest.mark.compares_with_reference
@conventions("batch_norm_statistics", "batch_norm")
@exact_formats
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["input", "running_mean", "running_var"])
def test_an_infinity_or_nan_reaches_the_running_statistics_of_its_channel_alone(subject, dtype, name, number):
    problem = tracked(OPERATIONS["batch_norm"].typical).at(dtype)
    spoilt = problem.arrays[name].copy()
    spoilt[(0, 1, 2, 3) if name == "input" else 1] = number
    others = [0, 2]

    found = statistics(problem.changed(**{name: spoilt}), subject.at(dtype))

    with np.errstate(invalid="ignore"):
        right = statistics(problem.changed(**{name: spoilt}), reference)
    for one, exact, clean in zip(found, right, statistics(problem, subject.at(dtype)), strict=True):
        assert_equal(one[others], clean[others])
        if not np.isfinite(exact[1]):
            assert_equal(one[1], exact[1])


def tracked(problem):
    """Return the problem with running statistics, if it has none."""
    channels = np.arange(problem.input.shape[1], dtype=problem.input.dtype)
    given_ones = problem.running_mean is not None
    return problem if given_ones else problem.changed(running_mean=channels, running_var=channels + 1)


def statistics(problem, layers, **changed):
    """Return the next running statistics by this namespace of functions."""
    options = {"momentum": problem.momentum, **changed}
    return layers.batch_norm_statistics(problem.input, problem.running_mean, problem.running_var, **options)


def assert_statistics(found, exact, problem, dtype):
    """Require running mean and variance within the bounds of these."""
    for i in range(2):
        bounded = formula(partial(one_statistic, i, problem.at("float64")), exact[i], dtype)
        assert_within(found[i], bounded, dtype)


def one_statistic(i, problem, fmt):
    """Return one of the next running statistics with its error."""
    return batch_norm_statistics(problem, fmt)[i]


def assert_same_but_for_rounding(one, other, problem, dtype):
    """Require two outputs of a problem, or of equal problems, to differ by no more than both may be off by."""
    bound = 2 * forward(problem, dtype).bound
    assert_within(one, Approximation(np.asarray(other, np.float64), bound), dtype)


def two_images(seed, dtype):
    """Return two images of three channels."""
    return real_numbers(np.random.default_rng(seed), (2, 3, 4, 5)).astype(dtype)


def trained_layer(seed, dtype):
    """Return a layer whose parameters and buffers are no longer those of a new one."""
    rng, layer = np.random.default_rng(seed), nn.BatchNorm2d(3).to(getattr(torch, dtype))
    values = {"weight": rng.normal(size=3), "bias": rng.normal(size=3), "running_mean": rng.normal(size=3)}
    values["running_var"] = rng.uniform(0.5, 2, 3)
    layer.load_state_dict({name: torch.tensor(value) for name, value in values.items()}, strict=False)
    return layer


def layer_problem(layer, images):
    """Return the problem that a layer poses with these images, its arrays copied."""
    arrays = {name: value.detach().numpy().copy() for name, value in layer.state_dict().items() if value.ndim}
    options = {"training": layer.training, "momentum": layer.momentum, "eps": layer.eps}
    return Problem("batch_norm", {"input": images, **arrays}, options, grad_output=np.zeros_like(images))
