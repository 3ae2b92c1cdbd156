"""The sizes that real networks have: wide inputs, many samples, numbers that the next lower format cannot hold.

What is drawn elsewhere is small. Kernels change their path where channels, classes or entries pass 8, 16, 32, 64, 128,
512 or 1,024, where there are many samples, and where a sum leaves the format that its mean fits into. The wide cases
are a fixed short list in each operation's row (`large`).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.exact import (
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    backward,
    forward,
)
from spec_tests.vocabulary.formats import FORMATS, exact_formats, float32_only
from spec_tests.vocabulary.levels import conventions, gradients, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, GRADIENTS, MAX_POOLS, OPERATIONS
from spec_tests.vocabulary.operations.operation import Copies
from spec_tests.vocabulary.problems import real_numbers
from spec_tests.vocabulary.sums import assert_equal_sums

# Wide inputs


EXACT = [name for name, row in OPERATIONS.items() if any(case.exact for case in row.large.values())]
COMPUTING = [name for name, row in OPERATIONS.items() if not isinstance(row.rounding, Copies)]


def exact(case):
    """Tell whether nothing rounds in whole numbers."""
    return case.exact


def dense(case):
    """Tell whether every output of a convolution or linear layer reads every channel."""
    return case.whole.options.get("groups", 1) == 1


def cases_of(*operations, wanted=bool):
    """Run a test once for each large case of these operations that is wanted: all of them, unless told."""
    pairs = [(name, key) for name in operations for key, case in OPERATIONS[name].large.items() if wanted(case)]
    return pytest.mark.parametrize(("operation", "case"), pairs, ids=["-".join(pair) for pair in pairs])


other_formats = pytest.mark.parametrize("dtype", [name for name in FORMATS if name != "float32"])

CLASS_LOSSES = ("nll_loss", "cross_entropy")
HALF_VALUES = {
    "batch_norm": ("half-batch-norm",),
    **dict.fromkeys(CLASS_LOSSES, ("float16-mean-loss-overflow", "float16-class-weight-sum")),
    **dict.fromkeys(("l1_loss", "mse_loss"), ("float16-mean-loss-overflow",)),
}
HALF_GRADIENTS = {
    **HALF_VALUES,
    **dict.fromkeys(CONVOLUTIONS, ("bfloat16-conv3d-weight-gradient", "bfloat16-strided-conv-gradient")),
    **dict.fromkeys(("avg_pool2d", "adaptive_avg_pool2d"), ("half-average-gradients",)),
    "layer_norm": ("half-layer-norm-gradients",),
}
"""The known deviations of operations in the half formats."""


def allowed(known, operation, dtype):
    """Return the deviations that may show in this format."""
    return known.get(operation, ()) if dtype in ("float16", "bfloat16") else ()


@pytest.mark.compares_with_reference
@values(*EXACT)
@exact_formats
@cases_of(*EXACT, wanted=exact)
def test_wide_inputs_give_exact_results_on_whole_numbers(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    output = problem.forward(subject.at(dtype))

    assert_equal_sums(output, np.asarray(problem.at("float64").forward(reference)).astype(dtype), problem, subject)


@pytest.mark.compares_with_reference
@gradients(*EXACT)
@exact_formats
@cases_of(*EXACT, wanted=exact)
def test_the_gradients_of_wide_inputs_are_exact_on_whole_numbers(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    found, expected = problem.backward(subject.at(dtype)), problem.at("float64").backward(reference)

    for grad, right in zip(as_tuple(found), as_tuple(expected), strict=True):
        assert (grad is None) == (right is None)
        if right is not None:
            assert_equal_sums(grad, right.astype(dtype), problem, subject)


@pytest.mark.compares_with_reference
@values(*COMPUTING)
@float32_only
@cases_of(*COMPUTING)
def test_wide_inputs_round_within_their_bound(subject, operation, case, dtype):
    assert_rounds_within_its_bound(OPERATIONS[operation].large[case].problem(real_numbers), subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*COMPUTING)
@float32_only
@cases_of(*COMPUTING)
def test_the_gradients_of_wide_inputs_round_within_their_bounds(subject, operation, case, dtype):
    assert_gradients_round_within_their_bounds(OPERATIONS[operation].large[case].problem(real_numbers), subject, dtype)


@pytest.mark.slow
@pytest.mark.compares_with_reference
@values(*COMPUTING)
@other_formats
@cases_of(*COMPUTING)
def test_wide_inputs_round_within_their_bound_in_other_formats_too(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers)

    with allowing(subject, *allowed(HALF_VALUES, operation, dtype)):
        if operation in CLASS_LOSSES:  # so many roundings have no bound: allow none
            problem = problem.at(dtype)
            assert_within(problem.forward(subject.at(dtype)), forward(problem, dtype), dtype)
        else:
            assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.slow
@pytest.mark.compares_with_reference
@gradients(*COMPUTING)
@other_formats
@cases_of(*COMPUTING)
def test_the_gradients_of_wide_inputs_round_within_their_bounds_elsewhere(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers)

    with allowing(subject, *allowed(HALF_GRADIENTS, operation, dtype)):
        assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Laws: what is wide behaves as its narrow parts do

BY_CHANNEL = (*MAX_POOLS, "avg_pool2d", "adaptive_avg_pool2d", "batch_norm")
BY_NUMBER = ("relu", "sigmoid", "tanh")
ADDING = (*CONVOLUTIONS, "linear")
REDUCING = ("l1_loss", "mse_loss", "nll_loss")
NORMALIZING = ("softmax", "log_softmax", "cross_entropy")
WIDTHS = (7, 9, 17, 33, 65, 129, 513, 1025, 2049)
FEW = 4
"""So many channels, features or samples every kernel takes the short way through."""


@values(*BY_CHANNEL)
@float32_only
@cases_of(*BY_CHANNEL)
def test_every_channel_of_a_wide_input_comes_out_as_it_does_alone(subject, operation, case, dtype):
    case = OPERATIONS[operation].large[case]
    problem = case.whole.at(dtype)
    bound = np.zeros_like(problem.grad_output) if case.exact else 2 * forward(problem, dtype).bound

    output = problem.forward(subject)

    for c in few_of(problem.input.shape[1]):
        alone = of_channel(problem, c).forward(subject)
        assert_within(output[:, c : c + 1], Approximation(alone, bound[:, c : c + 1]), dtype)


@gradients(*BY_CHANNEL)
@float32_only
@cases_of(*BY_CHANNEL, wanted=exact)
def test_the_gradient_of_every_channel_of_a_wide_input_is_its_own(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    grads = as_tuple(problem.backward(subject))

    for c in few_of(problem.input.shape[1]):
        grad_input, *of_channels = as_tuple(of_channel(problem, c).backward(subject))
        assert_equal(grads[0][:, c : c + 1], grad_input)
        for grad, alone in zip(grads[1:], of_channels, strict=True):
            assert_equal(grad[c : c + 1], alone)


@values(*BY_NUMBER)
@float32_only
@cases_of(*BY_NUMBER)
def test_every_number_of_a_long_row_comes_out_as_it_does_alone(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers).at(dtype)
    numbers, bound = problem.input.reshape(-1), 2 * forward(problem, dtype).bound.reshape(-1)

    output = problem.forward(subject).reshape(-1)

    for i in few_of(numbers.size):
        alone = problem.forward(subject, input=numbers[i : i + 1])
        assert_within(output[i : i + 1], Approximation(alone, bound[i : i + 1]), dtype)


@values(*ADDING)
@float32_only
@cases_of(*ADDING, wanted=dense)
def test_a_wide_layer_adds_up_what_narrow_ones_give(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)
    axis = 1 if operation != "linear" else problem.input.ndim - 1

    narrow = [
        problem.forward(subject, input=np.take(problem.input, few, axis), weight=problem.weight[:, few], bias=None)
        for few in pieces(problem.input.shape[axis])
    ]

    bias = problem.bias if operation == "linear" else problem.bias.reshape(-1, *[1] * problem.rank)
    assert_equal_sums(problem.forward(subject), sum(narrow) + bias, problem, subject)


@gradients(*ADDING)
@float32_only
@cases_of(*ADDING, wanted=dense)
def test_the_gradients_of_a_wide_layer_add_up_those_of_narrow_ones(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)
    axis = 1 if operation != "linear" else problem.grad_output.ndim - 1

    narrow = [
        problem.changed(
            grad_output=np.take(problem.grad_output, few, axis), weight=problem.weight[few], bias=problem.bias[few]
        ).backward(subject)
        for few in pieces(len(problem.weight))
    ]
    grad_input, grad_weight, grad_bias = problem.backward(subject)

    assert_equal_sums(grad_input, sum(grads[0] for grads in narrow), problem, subject)
    assert_equal_sums(grad_weight, np.concatenate([grads[1] for grads in narrow]), problem, subject)
    assert_equal_sums(grad_bias, np.concatenate([grads[2] for grads in narrow]), problem, subject)


@gradients(*ADDING)
@float32_only
@cases_of(*ADDING)
def test_the_gradients_of_weights_add_up_those_of_few_samples(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype)

    by_samples = [
        problem.backward(subject, input=problem.input[few], grad_output=problem.grad_output[few])
        for few in pieces(len(problem.input))
    ]
    _, *found = problem.backward(subject)

    for grad, name in zip(found, (1, 2), strict=True):
        assert_equal_sums(grad, sum(grads[name] for grads in by_samples), problem, subject)


@values(*REDUCING)
@float32_only
@cases_of(*REDUCING, wanted=exact)
def test_the_loss_of_many_samples_adds_up_those_of_few(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].whole.at(dtype).changed(reduction="sum")
    weights = {} if problem.weight is None or operation == "nll_loss" else {"weight": problem.weight}
    by_sample = {"input": problem.input, "target": problem.target, **weights}

    few_losses = [
        problem.forward(subject, **{name: array[few] for name, array in by_sample.items()})
        for few in pieces(len(problem.input))
    ]

    assert_equal(np.asarray(problem.forward(subject)), np.asarray(sum(few_losses)))


@values(*NORMALIZING)
@float32_only
@pytest.mark.parametrize("width", WIDTHS)
def test_among_many_scores_those_of_minus_infinity_do_not_count(subject, operation, width, dtype):
    scores, places = np.array([[0.5, -1.0, 2.0]], dtype), [0, width // 2, width - 1]
    wide = np.full((1, width), -np.inf, dtype)
    wide[:, places] = scores
    classes = operation == "cross_entropy"
    problem = OPERATIONS[operation].typical.changed(input=scores, target=np.array([2]), weight=None).at(dtype)
    changed = {"input": wide, "target": np.array([width - 1])} if classes else {"input": wide}

    output = problem.forward(subject, **changed)

    bound = 2 * forward(problem, dtype).bound
    assert_within(output if classes else output[:, places], Approximation(problem.forward(subject), bound), dtype)
    if not classes:
        others = np.delete(output, places, axis=1)
        assert_equal(others, np.full_like(others, 0 if operation == "softmax" else -np.inf))


@values(*NORMALIZING)
@exact_formats
@pytest.mark.parametrize("width", WIDTHS)
def test_many_equal_scores_share_the_probability(subject, operation, width, dtype):
    scores, target = np.full((2, width), 3.0), np.array([width - 1, 4])
    problem = OPERATIONS[operation].typical.changed(input=scores, target=target, weight=None).at(dtype)

    output = problem.forward(subject.at(dtype))

    share = {"softmax": 1 / width, "log_softmax": -np.log(width), "cross_entropy": np.log(width)}[operation]
    bound = forward(problem, dtype).bound
    assert_within(output, Approximation(np.full_like(bound, share), bound), dtype)


@gradients(*NORMALIZING)
@float32_only
@cases_of(*NORMALIZING)
def test_the_gradient_of_many_scores_adds_up_to_0(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers).at(dtype)
    axis = problem.options.get("dim", 1)
    bound = backward(problem, dtype)[0].bound.sum(axis)

    grad_input, *_ = as_tuple(problem.backward(subject))

    assert_within(grad_input.sum(axis, dtype="float64"), Approximation(np.zeros_like(bound), bound), "float64")


@values("layer_norm")
@exact_formats
@cases_of("layer_norm")
def test_a_long_sample_leaves_with_mean_0_and_variance_1_less_the_share_of_eps(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers).changed(weight=None, bias=None).at(dtype)
    over = tuple(range(-len(problem.normalized_shape), 0))
    near, variance = forward(problem, dtype), problem.input.astype("float64").var(over)

    output = problem.forward(subject.at(dtype)).astype("float64")

    of_squares = (near.bound * (2 * abs(near.exact) + near.bound)).mean(over)
    assert_within(output.mean(over), Approximation(np.zeros_like(variance), near.bound.mean(over)), "float64")
    assert_within((output**2).mean(over), Approximation(variance / (variance + problem.eps), of_squares), "float64")


def as_tuple(grads):
    """Return gradients as a tuple, of one as well."""
    return grads if isinstance(grads, tuple) else (grads,)


def few_of(count):
    """Return a few places among so many: on both sides of the powers of two, and the last."""
    return sorted({i for i in (0, 2, 4, 7, 8, 15, 16, 63, 64, 512, count - 1) if i < count})


def pieces(count):
    """Return the places in turn, a few at a time."""
    return [np.arange(count)[start : start + FEW] for start in range(0, count, FEW)]


def of_channel(problem, c):
    """Return the problem with this channel alone."""
    of_channels = {n: v[c : c + 1] for n, v in problem.arrays.items() if n != "input" and v is not None}
    channel = slice(c, c + 1)
    return problem.changed(input=problem.input[:, channel], grad_output=problem.grad_output[:, channel], **of_channels)


# NaN and infinity, far from the first channel


@dataclass(frozen=True)
class Reach:
    """A cell of the input of a wide case, the outputs that depend on it, and the same of a cell of `grad_output`."""

    case: str
    cell: tuple[int, ...]
    outputs: Any
    back: tuple[int, ...] = ()
    gradients: dict[str, Any] = field(default_factory=dict)


ALL = slice(None)
REACHED = {
    "conv1d": Reach(
        "17 to 33 channels", (1, 9, 4), (1, ALL, slice(3, 6)), (0, 20, 4), {"input": (0, ALL, slice(3, 6))}
    ),
    "conv2d": Reach(
        "17 to 15 channels",
        (1, 9, 3, 4),
        (1, ALL, slice(2, 4), slice(3, 5)),
        (1, 11, 1, 1),
        {"input": (1, ALL, slice(0, 3), slice(0, 3)), "weight": 11, "bias": 11},
    ),
    "conv3d": Reach("65 to 16 channels, kernel 1, stride 2", (1, 40, 2, 0, 0), (1, ALL, 1, 0, 0)),
    "linear": Reach(
        "129 to 63 features", (20, 100), (20, ALL), (30, 40), {"input": (30, ALL), "weight": 40, "bias": 40}
    ),
    "max_pool1d": Reach("17 channels", (1, 5, 8), (1, 5, 4)),
    "max_pool2d": Reach("17 channels", (0, 11, 4, 5), (0, 11, 2, 2)),
    "max_pool3d": Reach("17 channels", (0, 13, 1, 3, 0), (0, 13, 0, 1, 0)),
    "avg_pool2d": Reach(
        "9 channels", (1, 7, 3, 3), (1, 7, 1, 1), (0, 5, 1, 0), {"input": (0, 5, slice(2, 4), slice(0, 2))}
    ),
    "adaptive_avg_pool2d": Reach("513 channels", (0, 400, 3, 2), (0, 400), (0, 512, 0, 0), {"input": (0, 512)}),
    "relu": Reach("2 by 65 by 9 numbers", (1, 40, 8), (1, 40, 8)),
    "sigmoid": Reach("2 by 65 by 9 numbers", (1, 40, 8), (1, 40, 8), (0, 64, 0), {"input": (0, 64, 0)}),
    "tanh": Reach("2 by 65 by 9 numbers", (1, 64, 0), (1, 64, 0), (0, 64, 0), {"input": (0, 64, 0)}),
    "softmax": Reach("65 entries", (1, 40), (1, ALL), (0, 64), {"input": (0, ALL)}),
    "log_softmax": Reach("17 entries, further axes", (1, 12, 2), (1, ALL, 2), (0, 16, 1), {"input": (0, ALL, 1)}),
    "pad": Reach("17 channels", (1, 9, 2, 3), (1, 9, 3, 4), (0, 16, 1, 1), {"input": (0, 16, 0, 0)}),
    "flatten": Reach("129 images of 17 channels", (128, 9, 1), (128, 28), (100, 50), {"input": (100, 16, 2)}),
    "batch_norm": Reach(
        "17 channels, training", (2, 11, 1, 0), (ALL, 11), (1, 13, 0, 1), {"input": (ALL, 13), "weight": 13, "bias": 13}
    ),
    "layer_norm": Reach("1025 numbers", (1, 1000), (1, ALL), (0, 40), {"input": (0, ALL), "weight": 40, "bias": 40}),
    "l1_loss": Reach("33 by 31 numbers, none", (30, 20), (30, 20), (32, 0), {"input": (32, 0), "target": (32, 0)}),
    "mse_loss": Reach("33 by 31 numbers, none", (30, 20), (30, 20), (32, 0), {"input": (32, 0), "target": (32, 0)}),
    "cross_entropy": Reach("1025 classes, none", (2, 900), 2, (2,), {"input": 2}),
}


@conventions(*REACHED)
@exact_formats
def test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more(subject, operation, dtype):
    reach = REACHED[operation]
    problem = OPERATIONS[operation].large[reach.case].whole.at(dtype)
    spoilt = with_number(problem.input, reach.cell, np.nan)

    output = problem.forward(subject.at(dtype), input=spoilt)

    assert_nan_exactly_at(output, reach.outputs, operation in subject.transforms)


@gradients(*[name for name, reach in REACHED.items() if reach.gradients])
@exact_formats
def test_a_nan_in_grad_output_reaches_what_depends_on_it_and_no_more(subject, operation, dtype):
    reach = REACHED[operation]
    problem = OPERATIONS[operation].large[reach.case].whole.at(dtype)
    spoilt = with_number(problem.grad_output, reach.back, np.nan)

    grads = as_tuple(problem.backward(subject.at(dtype), grad_output=spoilt))

    for name, grad in zip(GRADIENTS[operation], grads, strict=True):
        if name in reach.gradients:
            assert_nan_exactly_at(grad, reach.gradients[name], operation in subject.transforms)


@conventions("nll_loss")
@exact_formats
def test_a_nan_among_many_classes_reaches_the_loss_if_it_is_the_targets(subject, dtype):
    problem = OPERATIONS["nll_loss"].large["1025 classes, none"].whole.at(dtype)
    target = int(problem.target[3])

    for place, at in ((target, 3), (target - 1, slice(0, 0))):
        spoilt = with_number(problem.input, (3, place), np.nan)
        assert_nan_exactly_at(problem.forward(subject.at(dtype), input=spoilt), at)


@conventions(*ADDING)
@exact_formats
def test_a_weight_of_0_does_not_stop_an_infinity_in_a_late_channel(subject, operation, dtype):
    reach = REACHED[operation]
    problem = OPERATIONS[operation].large[reach.case].whole.at(dtype)
    weight = problem.weight.copy()
    weight[:, reach.cell[1]] = np.resize([0, 1, -2], len(weight)).reshape(-1, *[1] * (weight.ndim - 2))

    output = problem.forward(subject.at(dtype), input=with_number(problem.input, reach.cell, np.inf), weight=weight)

    reached = output[reach.outputs].reshape(len(weight), -1)
    if operation in subject.transforms:
        assert not np.isfinite(reached).any()  # but which of the three it is, a transform may lose
    else:
        expected = np.resize([np.nan, np.inf, -np.inf], len(weight)).astype(dtype)
        assert_equal(reached, np.repeat(expected[:, np.newaxis], reached.shape[1], axis=1))
        assert np.isfinite(output).sum() == output.size - reached.size


@conventions("conv2d")
@exact_formats
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_tap_that_is_infinite_reaches_its_own_channel_of_the_output(subject, dtype, number):
    """Whether it also meets the zeros of the padding is left open: kernels differ, even in torch alone."""
    problem = OPERATIONS["conv2d"].large["17 to 15 channels"].whole.at(dtype)
    ones, weight = np.ones_like(problem.input), np.zeros_like(problem.weight)
    weight[11, 9, 0, 0] = number

    output = problem.forward(subject.at(dtype), input=ones, weight=weight, bias=None)

    if "conv2d" in subject.transforms:
        assert not np.isfinite(output[:, 11, 1:, 1:]).any()
    else:
        assert_equal(output[:, 11, 1:, 1:], np.full_like(output[:, 11, 1:, 1:], number))
        assert np.isfinite(np.delete(output, 11, axis=1)).all()


def with_number(array, cell, number):
    """Return the array with this number in a cell."""
    changed = array.copy()
    changed[cell] = number
    return changed


def assert_nan_exactly_at(output, at, may_spread=False):
    """Require NaN there, and nowhere else unless it may spread (through a transform)."""
    expected = np.zeros(output.shape, bool)
    expected[at] = True
    if may_spread:
        assert np.isnan(output[expected]).all()
    else:
        assert_equal(np.isnan(output), expected)
