"""2.3 Activation: ReLU, sigmoid, tanh and the two softmaxes, which make a network more than one affine map.

ReLU only chooses between numbers, so everything about it is exact. The others round, within the bounds of their
formulas; where a law of theirs joins several results, its bound is the formula of the law itself.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.bounds import Approximation, formula
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import assert_gradients_round_within_their_bounds, assert_rounds_within_its_bound
from spec_tests.vocabulary.formats import FORMATS, all_formats, exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import OPERATIONS, activation
from spec_tests.vocabulary.problems import (
    SEEDS,
    Problem,
    real_numbers,
    special_numbers,
    whole_numbers,
)
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import functional, nn, torch

CURVES, SOFTMAXES = ("sigmoid", "tanh"), ("softmax", "log_softmax")
ELEMENTWISE = ("relu", *CURVES)
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")


def finite_numbers(operation, _):
    """Draw real numbers, or whole ones with zeros among them."""
    draw = OPERATIONS[operation].problems
    return draw(numbers=real_numbers) | draw(numbers=whole_numbers)


def many(values, dtype="float64"):
    """Return the values over and over: more than a vector unit holds, and a remainder."""
    return np.tile(np.array(values, dtype), 7)


# Worked by hand

PRINTED_INPUT = [0.3132, -0.0041, -0.9163, 1.1990, -0.4604, -1.4164, -0.2908, -1.6122, 0.8373, 0.5947]
PRINTED_OUTPUT = [0.3132, 0.0000, 0.0000, 1.1990, 0.0000, 0.0000, 0.0000, 0.0000, 0.8373, 0.5947]


@pytest.mark.claim("2.3.d", "2.3.g", "2.3.j")
@values("relu")
def test_the_second_printed_tensor_is_the_relu_of_the_first(implementation):
    printed = np.array(PRINTED_INPUT, np.float32)

    assert_equal(implementation.relu(printed), np.array(PRINTED_OUTPUT, np.float32))


@pytest.mark.claim("2.3.b")
@values("linear", "relu")
def test_with_a_relu_between_them_two_linear_layers_compute_what_no_affine_map_can(implementation):
    points = np.array([[-1.0], [0.0], [1.0]])
    there_and_back, both = np.array([[1.0], [-1.0]]), np.array([[1.0, 1.0]])

    halves = implementation.relu(implementation.linear(points, there_and_back))  # max(0, x) and max(0, −x)
    absolute = implementation.linear(halves, both)  # |x|, their sum

    assert_equal(absolute, np.array([[1.0], [0.0], [1.0]]))
    assert (absolute[0] + absolute[2]) / 2 != absolute[1]  # an affine map keeps midpoints


@values(*ELEMENTWISE)
def test_the_activations_of_0(implementation, operation):
    by_hand = {"relu": max(0.0, 0), "sigmoid": 1 / (1 + 1), "tanh": (1.0 - 1) / (1 + 1)}

    assert_equal(getattr(implementation, operation)(np.array([0.0])), np.array([by_hand[operation]]))


@gradients(*CURVES)
def test_what_the_slopes_of_sigmoid_and_tanh_at_0_let_through(implementation, operation):
    slope = {"sigmoid": 1 / 2 * (1 - 1 / 2), "tanh": 1.0 - 0 * 0}

    passed = getattr(implementation, f"{operation}_backward")(np.array([3.0]), np.array([0.0]))

    assert_equal(passed, np.array([3 * slope[operation]]))


EQUAL_SCORES = np.array([7.0, 7.0])
"""Each has the probability e^7 / (e^7 + e^7) = 1/2."""


@values("softmax")
def test_the_softmax_of_two_equal_scores_is_one_half_each(implementation):
    assert_equal(implementation.softmax(EQUAL_SCORES, dim=0), np.array([1 / 2, 1 / 2]))


@gradients(*SOFTMAXES)
def test_the_gradients_of_the_softmaxes_of_two_equal_scores(implementation, operation):
    g = np.array([4.0, 2.0])
    by_hand = {
        "softmax": [1 / 2 * (4 - 3), 1 / 2 * (2 - 3)],  # p·(g − Σ p·g): the sum is 3
        "log_softmax": [4 - 1 / 2 * 6, 2 - 1 / 2 * 6],  # g − p·Σ g: the sum is 6
    }

    grad_input = getattr(implementation, f"{operation}_backward")(g, EQUAL_SCORES, dim=0)

    assert_equal(grad_input, np.array(by_hand[operation]))


# Laws of ReLU, all exact


@pytest.mark.claim("2.3.d", "2.3.e")
@values("relu")
@for_all(problem=finite_numbers)
def test_relu_is_the_maximum_of_0_and_x(subject, problem):
    assert_equal(problem.forward(subject), np.asarray(np.maximum(problem.input, 0)))


@values("relu")
@for_all(problem=problems(numbers=real_numbers))
def test_a_second_relu_changes_nothing(subject, problem):
    once = problem.forward(subject)

    assert_equal(problem.forward(subject, input=once), once)


def powers_of_two(_, dtype):
    """Draw exponents by which numbers can be scaled without rounding: float16 has few small ones."""
    return st.integers(0, 8) if dtype == "float16" else st.integers(-20, 20)


@values("relu")
@for_all(problem=problems(numbers=real_numbers), exponent=powers_of_two)
def test_relu_scales_with_its_input(subject, problem, exponent):
    scale = problem.input.dtype.type(2.0**exponent)

    assert_equal(problem.forward(subject, input=scale * problem.input), scale * problem.forward(subject))


@values("relu")
@for_all(problem=problems(numbers=real_numbers))
def test_a_number_is_its_positive_part_less_its_negative_part(subject, problem):
    assert_equal(problem.forward(subject) - problem.forward(subject, input=-problem.input), problem.input)


@values("relu")
@for_all(problem=problems(numbers=real_numbers))
def test_relu_never_falls(subject, problem):
    rising = np.sort(problem.input, axis=None)

    output = subject.relu(rising)

    assert_equal(output, np.sort(output))


@gradients("relu")
@for_all(problem=problems())
def test_the_slope_of_relu_is_its_rise_over_a_step_that_does_not_cross_0(subject, problem):
    problem = problem.changed(input=problem.input + 0.5)

    rise = problem.forward(subject, input=problem.input + 0.5) - problem.forward(subject, input=problem.input - 0.5)

    assert_equal(problem.backward(subject), problem.grad_output * rise)


@pytest.mark.claim("2.3.b")
@values("linear")
@for_all(problem=problems(), seed=SEEDS)
def test_linear_layers_without_an_activation_between_them_are_one_affine_map(subject, problem, seed):
    rng, weight = np.random.default_rng(seed), np.atleast_2d(problem.weight)
    shapes = [(len(weight),), (3, len(weight)), (3,)]
    bias, next_weight, next_bias = (whole_numbers(rng, shape).astype(weight.dtype) for shape in shapes)

    stacked = subject.linear(subject.linear(problem.input, weight, bias), next_weight, next_bias)

    assert_equal(stacked, subject.linear(problem.input, next_weight @ weight, next_weight @ bias + next_bias))


# Laws of the curves and the softmaxes


@values("sigmoid")
@for_all(problem=problems(numbers=real_numbers))
def test_sigmoid_of_x_and_of_minus_x_add_up_to_1(subject, dtype, problem):
    x = problem.input

    total = subject.sigmoid(x) + subject.sigmoid(-x)

    law = formula(lambda fmt: activation.sigmoid(x, fmt) + activation.sigmoid(-x, fmt), np.ones(x.shape), dtype)
    assert_within(total, law, dtype)


@values("tanh")
@for_all(problem=problems(numbers=real_numbers))
def test_tanh_of_minus_x_is_minus_tanh_of_x(subject, dtype, problem):
    x = problem.input

    total = subject.tanh(x) + subject.tanh(-x)

    law = formula(lambda fmt: activation.tanh(x, fmt) + activation.tanh(-x, fmt), np.zeros(x.shape), dtype)
    assert_within(total, law, dtype)


@values("tanh", "sigmoid")
@pytest.mark.parametrize("operation", ["tanh"])
@for_all(problem=problems(numbers=real_numbers))
def test_tanh_is_a_sigmoid_stretched_to_reach_from_minus_1_to_1(subject, dtype, problem):
    x = problem.input

    apart = 2 * subject.sigmoid(2 * x) - 1 - subject.tanh(x)

    law = formula(
        lambda fmt: activation.sigmoid(2 * x, fmt) * 2 - 1 - activation.tanh(x, fmt), np.zeros(x.shape), dtype
    )
    assert_within(apart, law, dtype)


@values("softmax")
@for_all(problem=problems())
def test_a_softmax_adds_up_to_1_along_its_axis(subject, dtype, problem):
    total = problem.forward(subject).sum(problem.dim, keepdims=True)

    law = formula(
        lambda fmt: activation.softmax(problem.input, problem.dim, fmt).sum(problem.dim), np.ones(total.shape), dtype
    )
    assert_within(total, law, dtype)


@values(*SOFTMAXES)
@pytest.mark.parametrize("operation", ["softmax"])
@for_all(problem=problems())
def test_a_softmax_is_the_exponential_of_the_log_softmax(subject, dtype, problem):
    x, dim = problem.input, problem.dim

    apart = np.exp(subject.log_softmax(x, dim)) - subject.softmax(x, dim)

    law = formula(
        lambda fmt: activation.log_softmax(x, dim, fmt).exp() - activation.softmax(x, dim, fmt),
        np.zeros(x.shape),
        dtype,
    )
    assert_within(apart, law, dtype)


@values("log_softmax")
@for_all(problem=problems())
def test_a_second_log_softmax_changes_nothing_but_by_rounding(subject, dtype, problem):
    once = problem.forward(subject)
    again = problem.changed(input=once)

    off = exact.forward(problem, dtype).bound.max(problem.dim, keepdims=True)  # so much may log Σ e^once be off 0
    law = Approximation(once.astype(np.float64), off + exact.forward(again, dtype).bound)
    assert_within(again.forward(subject), law, dtype)


def whole_shifts(_, dtype):
    """Draw shifts of small whole numbers to whole numbers that the format still holds."""
    most = int(1 / FORMATS[dtype].roundoff) // 16
    return st.integers(-most, most)


@values(*SOFTMAXES)
@for_all(problem=problems(numbers=whole_numbers), shift=whole_shifts)
def test_a_softmax_does_not_notice_a_shift_of_all_scores(subject, problem, shift):
    shifted = problem.input + problem.input.dtype.type(shift)  # the differences between scores stay as they are

    assert_equal(problem.forward(subject, input=shifted), problem.forward(subject))


@values("log_softmax")
@for_all(problem=problems())
def test_log_softmax_of_scores_8192_apart_is_their_distance_to_the_largest(subject, problem):
    scores = far_apart(problem)

    distance = scores - scores.max(problem.dim, keepdims=True)  # e^-8192 is 0 in every format

    assert_equal(problem.forward(subject, input=scores), distance)


@values("softmax")
@for_all(problem=problems())
def test_softmax_of_scores_8192_apart_is_1_for_the_largest_and_0_for_the_others(subject, problem):
    scores = far_apart(problem)

    largest = (scores == scores.max(problem.dim, keepdims=True)).astype(scores.dtype)

    assert_equal(problem.forward(subject, input=scores), largest)


def far_apart(problem):
    """Return scores in the same order along the axis, 0, 8192, 16384 and so on, which every format holds."""
    ranks = problem.input.argsort(problem.dim).argsort(problem.dim)
    return (2.0**13 * ranks).astype(problem.input.dtype)


@values(*SOFTMAXES)
@for_all(problem=problems())
def test_an_axis_counts_from_the_front_or_from_the_back(subject, problem):
    assert_equal(problem.forward(subject, dim=other_name(problem)), problem.forward(subject))


@gradients(*SOFTMAXES)
@for_all(problem=problems())
def test_for_the_gradient_an_axis_counts_from_either_end_too(subject, problem):
    assert_equal(problem.backward(subject, dim=other_name(problem)), problem.backward(subject))


def other_name(problem):
    """Return the number of the same axis, counted from the other end."""
    return problem.dim - problem.input.ndim if problem.dim >= 0 else problem.dim + problem.input.ndim


@gradients(*SOFTMAXES)
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradient_of_a_softmax_adds_up_to_0_along_its_axis(subject, dtype, problem):
    gradients_of = OPERATIONS[problem.operation].rounding.gradients

    total = problem.backward(subject).sum(problem.dim, keepdims=True)

    law = formula(lambda fmt: gradients_of(problem, fmt)[0].sum(problem.dim), np.zeros(total.shape), dtype)
    assert_within(total, law, dtype)


# Equality with the reference, and rounding bounds


@pytest.mark.compares_with_reference
@values("relu")
@all_formats
@for_all(problem=finite_numbers)
def test_relu_equals_the_reference_without_rounding(subject, dtype, problem):
    assert_equal(problem.forward(subject), problem.forward(reference), dtype)


@pytest.mark.compares_with_reference
@gradients("relu")
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradient_of_relu_equals_the_reference_without_rounding(subject, dtype, problem):
    assert_equal(problem.backward(subject), problem.backward(reference), dtype)


@pytest.mark.compares_with_reference
@conventions("relu")
@all_formats
@for_all(problem=problems(numbers=special_numbers))
def test_relu_and_its_gradient_equal_the_reference_at_0_nan_and_infinity(subject, dtype, problem):
    assert_equal(problem.forward(subject), problem.forward(reference), dtype)
    assert_equal(problem.backward(subject), problem.backward(reference), dtype)


@pytest.mark.compares_with_reference
@values(*CURVES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_sigmoid_and_tanh_round_within_their_bounds(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@values(*SOFTMAXES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_softmax_and_log_softmax_round_within_their_bounds(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*CURVES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradients_of_sigmoid_and_tanh_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*SOFTMAXES)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradients_of_softmax_and_log_softmax_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


def far_from_0(operation):
    """Return a problem at numbers whose powers overflow, where the results do not underflow to a subnormal."""
    places = {"sigmoid": [-1000, 100, 1000], "tanh": [-1000, -100, 100, 1000]}
    input = many(places[operation])
    return Problem(operation, {"input": input}, {}, whole_numbers(np.random.default_rng(0), input.shape))


@pytest.mark.compares_with_reference
@values(*CURVES)
@all_formats
def test_far_from_0_sigmoid_and_tanh_stay_within_their_bounds(subject, operation, dtype):
    assert_rounds_within_its_bound(far_from_0(operation), subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*CURVES)
@all_formats
def test_far_from_0_the_gradients_of_sigmoid_and_tanh_stay_within_their_bounds(subject, operation, dtype):
    assert_gradients_round_within_their_bounds(far_from_0(operation), subject, dtype)


# Conventions: the kink, NaN, infinities, underflow, no axes, nothing


@conventions("relu")
@exact_formats
def test_at_the_kink_no_gradient_passes_relu_and_at_nan_it_does(subject, dtype):
    input, grad_output = many([0.0, -0.0, np.nan, np.inf, -np.inf], dtype), many([3, 5, 7, 11, 13], dtype)

    assert_equal(subject.relu_backward(grad_output, input), many([0, 0, 7, 11, 0], dtype))


@conventions(*ELEMENTWISE)
@exact_formats
def test_the_activations_of_nan_are_nan_and_those_of_the_infinities_their_limits(subject, operation, dtype):
    limits = {"relu": [0, np.inf], "sigmoid": [0, 1], "tanh": [-1, 1]}

    output = getattr(subject, operation)(many([np.nan, -np.inf, np.inf], dtype))

    assert_equal(output, many([np.nan, *limits[operation]], dtype))


@conventions(*CURVES)
@exact_formats
def test_sigmoid_and_tanh_are_flat_at_the_infinities_and_have_a_nan_gradient_at_nan(subject, dtype, operation):
    input, grad_output = many([np.nan, -np.inf, np.inf], dtype), many([3, 5, 7], dtype)

    grad_input = getattr(subject, f"{operation}_backward")(grad_output, input)

    assert_equal(grad_input, many([np.nan, 0, 0], dtype))


@pytest.mark.torch_api
@pytest.mark.claim("2.3.e")
@conventions("relu")
@exact_formats
def test_relu_keeps_the_sign_of_zero_in_torch_and_in_the_references(implementation, dtype):
    zeros = many([-0.0, 0.0], dtype)

    assert_equal(np.signbit(implementation.relu(zeros)), np.signbit(zeros))
    assert not np.signbit(np.maximum(zeros, 0)).any()  # the formula in NumPy loses it


@pytest.mark.compares_with_reference
@conventions("sigmoid")
@exact_formats
def test_sigmoid_may_underflow_to_0_already_below_the_least_normal_number(subject, dtype):
    input = many([-100])  # e^-100 is a subnormal float32
    problem = Problem("sigmoid", {"input": input}, {}, whole_numbers(np.random.default_rng(0), input.shape)).at(dtype)
    least = float(np.finfo(dtype).tiny)

    output, (gradient,) = exact.forward(problem, dtype), exact.backward(problem, dtype)

    assert_within(problem.forward(subject), Approximation(output.exact, output.bound + least), dtype)
    passed = abs(problem.grad_output) * least
    assert_within(problem.backward(subject), Approximation(gradient.exact, gradient.bound + passed), dtype)


@conventions(*SOFTMAXES)
@for_all(problem=problems(numbers=special_numbers))
def test_a_softmax_is_nan_if_a_score_is_nan_or_infinity_or_all_are_minus_infinity(subject, problem):
    spoiling, least = np.isnan(problem.input) | (problem.input == np.inf), problem.input == -np.inf
    without_softmax = spoiling.any(problem.dim, keepdims=True) | least.all(problem.dim, keepdims=True)

    output = problem.forward(subject)

    assert_equal(np.isnan(output), np.broadcast_to(without_softmax, output.shape))


WITHOUT_CHANCE = [5, -np.inf, 5]
"""Scores with the probabilities 1/2, 0, 1/2."""


@conventions(*SOFTMAXES)
@exact_formats
def test_a_score_of_minus_infinity_has_probability_0(subject, operation, dtype):
    probability = getattr(subject, operation)(np.array(WITHOUT_CHANCE, dtype), dim=0)[1:2]

    assert_equal(probability, np.array([-np.inf if operation == "log_softmax" else 0], dtype))


@conventions(*SOFTMAXES)
@exact_formats
def test_a_score_of_minus_infinity_gets_no_gradient_from_its_probability(subject, operation, dtype):
    scores, grad_output = np.array(WITHOUT_CHANCE, dtype), np.array([4, 8, -2], dtype)
    by_hand = {
        "softmax": [(4 - 1) / 2, 0, (-2 - 1) / 2],  # p·(g − Σ p·g): the sum is 1
        "log_softmax": [4 - 5, 8 - 0, -2 - 5],  # g − p·Σ g: the sum is 10
    }

    grad_input = getattr(subject, f"{operation}_backward")(grad_output, scores, dim=0)

    assert_equal(grad_input, np.array(by_hand[operation], dtype))


@conventions(*SOFTMAXES)
@exact_formats
@pytest.mark.parametrize("dim", [0, -1])
def test_a_single_score_without_axes_has_probability_1(subject, operation, dtype, dim):
    output = getattr(subject, operation)(np.array(3.7, dtype), dim=dim)

    assert_equal(output, np.array(0 if operation == "log_softmax" else 1, dtype))


@conventions(*SOFTMAXES)
@exact_formats
@pytest.mark.parametrize("dim", [0, -1])
def test_a_single_score_without_axes_has_a_gradient_of_0(subject, operation, dtype, dim):
    score, grad_output = np.array(3.7, dtype), np.array(0.3, dtype)

    grad_input = getattr(subject, f"{operation}_backward")(grad_output, score, dim=dim)

    assert_equal(grad_input, np.array(0, dtype))


@conventions("relu")
@pytest.mark.parametrize("integer", INTEGERS)
def test_relu_takes_integers_and_returns_them(subject_on_cpu, integer):
    numbers = np.array([-100, -1, 0, 1, 100]).astype(integer)  # uint8 makes 156 and 255 of the first two

    assert_equal(subject_on_cpu.relu(numbers), np.maximum(numbers, numbers.dtype.type(0)))


@conventions(*ELEMENTWISE)
@exact_formats
def test_the_activation_of_nothing_is_nothing(subject, dtype, operation):
    nothing = np.zeros((2, 0, 3), dtype)

    output = getattr(subject, operation)(nothing)

    assert (output.shape, output.dtype) == (nothing.shape, nothing.dtype)


@conventions(*ELEMENTWISE)
@exact_formats
def test_the_gradient_of_the_activation_of_nothing_is_nothing(subject, dtype, operation):
    nothing = np.zeros((2, 0, 3), dtype)

    grad_input = getattr(subject, f"{operation}_backward")(nothing, nothing)

    assert (grad_input.shape, grad_input.dtype) == (nothing.shape, nothing.dtype)


@conventions(*SOFTMAXES)
@exact_formats
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_softmax_of_nothing_is_nothing_along_any_axis(subject, dtype, operation, dim):
    nothing = np.zeros((2, 0, 3), dtype)

    output = getattr(subject, operation)(nothing, dim=dim)

    assert (output.shape, output.dtype) == (nothing.shape, nothing.dtype)


@conventions(*SOFTMAXES)
@exact_formats
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_gradient_of_the_softmax_of_nothing_is_nothing_along_any_axis(subject, dtype, operation, dim):
    nothing = np.zeros((2, 0, 3), dtype)

    grad_input = getattr(subject, f"{operation}_backward")(nothing, nothing, dim=dim)

    assert (grad_input.shape, grad_input.dtype) == (nothing.shape, nothing.dtype)


# The dtype that a softmax is to compute in

THE_OTHER = {"float32": "float64", "float64": "float32"}


@values(*SOFTMAXES)
@exact_formats
@for_all(problem=problems())
def test_with_a_dtype_a_softmax_is_that_of_the_scores_converted_to_it(subject, dtype, problem):
    to = THE_OTHER[dtype]

    output = problem.forward(subject, dtype=np.dtype(to))

    assert_equal(output, problem.forward(subject, input=problem.input.astype(to)))


@values(*SOFTMAXES)
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("to", THE_OTHER)
def test_with_a_dtype_a_softmax_takes_whole_numbers_too(implementation, operation, kind, to):
    scores = np.array([[0, 3, 3], [100, 0, 1]])

    output = getattr(implementation, operation)(scores.astype(kind), 1, dtype=np.dtype(to))

    assert_equal(output, getattr(implementation, operation)(scores.astype(to), 1))


@gradients(*SOFTMAXES)
@exact_formats
@for_all(problem=problems())
def test_with_a_dtype_the_gradient_of_a_softmax_is_converted_back(subject, dtype, problem):
    to = THE_OTHER[dtype]
    converted = {"input": problem.input.astype(to), "grad_output": problem.grad_output.astype(to)}

    grad = problem.backward(subject, grad_output=converted["grad_output"], dtype=np.dtype(to))

    assert_equal(grad, problem.backward(subject, **converted).astype(dtype))


@pytest.mark.compares_with_reference
@values(*SOFTMAXES)
@pytest.mark.parametrize("dtype", ["float16"])
@for_all(problem=problems())
def test_half_precision_scores_with_dtype_float32_round_as_float32_does(subject, problem):
    output = problem.forward(subject, dtype=np.dtype("float32"))

    assert_within(output, exact.forward(problem, "float32"), "float32")


@pytest.mark.compares_with_reference
@gradients(*SOFTMAXES)
@pytest.mark.parametrize("dtype", ["bfloat16"])
@for_all(problem=problems())
def test_their_gradient_is_that_of_float32_rounded_once_to_the_half_format(subject, dtype, problem):
    (wide,) = exact.backward(problem, "float32")
    fmt = FORMATS[dtype]

    grad = problem.backward(subject, dtype=np.dtype("float32"))

    rounding = fmt.roundoff * (abs(wide.exact) + wide.bound) + fmt.smallest
    assert_within(grad, Approximation(wide.exact, wide.bound + rounding), dtype)


# Refusals: beside each refused call the nearest one that must be taken


@refusals(*SOFTMAXES)
@pytest.mark.parametrize("kind", [*INTEGERS, "bool"])
def test_a_softmax_refuses_scores_that_are_not_floating_point(subject_on_cpu, operation, kind):
    message = f"input has dtype {kind}, expected one of float32, float64"
    call, near = {"input": np.array([0, 1]).astype(kind), "dim": 0}, {"input": np.array([0.0, 1.0])}

    assert_refused(subject_on_cpu, operation, message, near=near, **call)


@refusals("relu")
@pytest.mark.parametrize("kind", ["bool", "complex128"])
def test_relu_refuses_what_has_no_order(subject_on_cpu, kind):
    near, message = {"input": np.array([0.0, 1.0])}, f"input has dtype {kind}, expected one of"

    assert_refused(subject_on_cpu, "relu", message, near=near, input=np.array([0, 1]).astype(kind))


@refusals(*SOFTMAXES)
@pytest.mark.parametrize(("axes", "dim"), [(0, 1), (0, -2), (1, 1), (1, -2), (3, 3), (3, -4), (3, 5), (3, -9)])
def test_a_softmax_refuses_an_axis_that_does_not_exist(subject_on_cpu, operation, axes, dim):
    message = f"dim must be from {-max(axes, 1)} to {max(axes, 1) - 1}, got {dim}"
    near = {"dim": max(axes, 1) - 1 if dim > 0 else -max(axes, 1)}

    assert_refused(subject_on_cpu, operation, message, near=near, input=np.zeros((2,) * axes), dim=dim)


@refusals(*SOFTMAXES)
@pytest.mark.parametrize("dim", [1.0, "0", True])
def test_a_softmax_refuses_an_axis_that_is_not_a_whole_number(subject_on_cpu, operation, dim):
    message = f"dim must be a whole number, got {dim!r}"

    assert_refused(subject_on_cpu, operation, message, near={"dim": int(dim)}, input=np.zeros((2, 2)), dim=dim)


@refusals(*ELEMENTWISE)
def test_the_gradient_of_an_activation_refuses_a_grad_output_of_another_shape(subject_on_cpu, operation):
    message = r"grad_output has shape \(1,\), expected \(2,\)"
    call, near = {"grad_output": np.zeros(1), "input": np.zeros(2)}, {"grad_output": np.zeros(2)}

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near=near, **call)


@refusals(*SOFTMAXES)
def test_the_gradient_of_a_softmax_refuses_a_grad_output_of_another_shape(subject_on_cpu, operation):
    message = r"grad_output has shape \(2,\), expected \(2, 2\)"
    call, near = {"grad_output": np.zeros(2), "input": np.zeros((2, 2))}, {"grad_output": np.zeros((2, 2))}

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near=near, **call, dim=0)


@refusals(*SOFTMAXES)
@pytest.mark.parametrize("kind", ["int64", "uint8", "complex64"])
def test_a_softmax_refuses_to_compute_in_a_dtype_without_fractions_or_order(subject_on_cpu, operation, kind):
    message = f"dtype must be float32 or float64, got dtype\\('{kind}'\\)"
    call, near = {"input": np.zeros(2), "dim": 0, "dtype": np.dtype(kind)}, {"dtype": np.dtype("float32")}

    assert_refused(subject_on_cpu, operation, message, near=near, **call)


@pytest.mark.parametrize("other", ["float16", "longdouble", ">f4", "nonsense", 1.5])
@pytest.mark.parametrize("operation", SOFTMAXES)
def test_the_reference_of_a_softmax_refuses_to_compute_in_another_dtype(operation, other):
    for name, arrays in ((operation, [np.zeros(2)]), (f"{operation}_backward", [np.zeros(2)] * 2)):
        with pytest.raises(TypeError, match=f"dtype must be float32 or float64, got {other!r}"):
            getattr(reference, name)(*arrays, dim=0, dtype=other)


@pytest.mark.parametrize("operation", SOFTMAXES)
def test_the_reference_of_a_softmax_takes_a_dtype_by_name_or_as_a_type_of_numpy(operation):
    for dtype in ("float32", np.float32, np.dtype("float32")):
        assert getattr(reference, operation)(np.zeros(2), 0, dtype=dtype).dtype == np.float32


@pytest.mark.parametrize("operation", SOFTMAXES)
def test_the_gradient_of_a_softmax_with_a_dtype_takes_a_grad_output_of_that_dtype(operation):
    backward = getattr(reference, f"{operation}_backward")

    assert backward(np.zeros(2, np.float32), np.zeros(2), 0, dtype="float32").dtype == np.float64
    with pytest.raises(TypeError, match="one dtype expected, got grad_output float64, input float32"):
        backward(np.zeros(2), np.zeros(2), 0, dtype="float32")
    with pytest.raises(TypeError, match="input has dtype int64, expected one of float32, float64"):
        backward(np.zeros(2), np.array([0, 1]), 0, dtype="float64")


# The layers: torch.nn.ReLU, Sigmoid, Tanh, Softmax, LogSoftmax

ACTIVATIONS = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh"}
SOFTMAX_LAYERS = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
"""The names of the layers by that of their function."""


@pytest.mark.torch_api
@pytest.mark.claim("2.3.a")
@pytest.mark.parametrize("layer", ACTIVATIONS.values())
def test_an_activation_is_a_layer_without_parameters_or_buffers(layer):
    built = getattr(nn, layer)()

    assert isinstance(built, nn.Module)
    assert not built.state_dict()


@pytest.mark.torch_api
@pytest.mark.parametrize("layer", SOFTMAX_LAYERS.values())
def test_a_softmax_is_a_layer_without_parameters_or_buffers_or_an_axis_by_default(layer):
    built = getattr(nn, layer)()

    assert not built.state_dict()
    assert built.dim is None


@pytest.mark.torch_api
@pytest.mark.claim("2.3.a")
@pytest.mark.parametrize("operation", ["relu"])
@for_all(problem=problems(numbers=real_numbers))
def test_the_relu_layer_equals_the_reference(problem):
    assert_equal(nn.ReLU()(torch.from_numpy(problem.input)).numpy(), problem.forward(reference))


@pytest.mark.torch_api
@pytest.mark.claim("2.3.a")
@pytest.mark.parametrize("operation", CURVES)
@for_all(problem=problems(numbers=real_numbers))
def test_the_sigmoid_and_tanh_layers_round_within_the_bounds_of_their_functions(dtype, problem):
    output = getattr(nn, ACTIVATIONS[problem.operation])()(torch.from_numpy(problem.input)).numpy()

    assert_within(output, exact.forward(problem, dtype), dtype)


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", SOFTMAXES)
@for_all(problem=problems(numbers=real_numbers))
def test_the_softmax_layers_round_within_the_bounds_of_their_functions(dtype, problem):
    layer = getattr(nn, SOFTMAX_LAYERS[problem.operation])(problem.dim)

    output = layer(torch.from_numpy(problem.input)).numpy()

    assert_within(output, exact.forward(problem, dtype), dtype)


@pytest.mark.torch_api
@pytest.mark.claim("2.3.j")
def test_ten_random_numbers_are_ten_numbers_after_the_relu_layer():
    torch.manual_seed(0)

    assert nn.ReLU()(torch.randn(10)).shape == torch.Size([10])


@pytest.mark.torch_api
def test_the_relu_layer_leaves_its_input_as_it_was():
    input = torch.tensor([-1.0, 2.0])

    output = nn.ReLU()(input)

    assert input.tolist() == [-1, 2]
    assert output.data_ptr() != input.data_ptr()


@pytest.mark.torch_api
def test_the_relu_layer_overwrites_its_input_with_inplace():
    input = torch.tensor([-1.0, 2.0])

    output = nn.ReLU(inplace=True)(input)

    assert output is input
    assert input.tolist() == [0, 2]


@pytest.mark.torch_api
@pytest.mark.parametrize("inplace", [False, True])
def test_in_place_or_not_the_gradient_of_the_relu_layer_is_the_same(inplace):
    input, grad_output = many([-1, 0, np.nan, 2]), many([3, 5, 7, 11])
    leaf = torch.from_numpy(input).requires_grad_()

    nn.ReLU(inplace)(leaf.clone()).backward(torch.from_numpy(grad_output))

    assert_equal(leaf.grad.numpy(), reference.relu_backward(grad_output, input))


@pytest.mark.torch_api
def test_a_relu_layer_in_place_refuses_a_leaf_that_requires_grad():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        nn.ReLU(inplace=True)(torch.zeros(2, requires_grad=True))


@pytest.mark.torch_api
@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize(("axes", "guessed"), [(0, 0), (1, 0), (2, 1), (3, 0), (4, 1), (5, 1)])
def test_a_softmax_layer_without_an_axis_warns_and_guesses_one_from_the_rank(name, axes, guessed):
    input = torch.from_numpy(np.arange(2.0**axes).reshape((2,) * axes))
    layer = getattr(nn, SOFTMAX_LAYERS[name])

    with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name} has been deprecated"):
        output = layer()(input)

    assert torch.equal(output, layer(guessed)(input))


@pytest.mark.torch_api
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("integer", [*INTEGERS, "bool"])
def test_torch_promotes_integers_in_sigmoid_and_tanh_where_the_references_refuse(name, integer):
    numbers = np.array([0, 1]).astype(integer)

    output = getattr(functional, name)(torch.from_numpy(numbers)).numpy()

    problem = Problem(name, {"input": numbers.astype(np.float32)}, {}, np.zeros(2))
    assert_within(output, exact.forward(problem, "float32"), "float32")
    with pytest.raises(TypeError, match=f"input has dtype {integer}, expected one of float32, float64"):
        getattr(reference, name)(numbers)
