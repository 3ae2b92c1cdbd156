"""2.8 Average pooling: of each window the mean is kept, in windows of a given size or as many as are asked for.

Where every window has 1, 2, 4 or 8 cells, the means of whole numbers are exact; elsewhere they are within the bound of
a sum that is divided.
"""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from reference import definition
from reference.geometry import PoolGeometry
from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.bounds import Approximation, sum_bound
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.everyday_cases import everyday_pooling, everyday_poolings
from spec_tests.vocabulary.exact import assert_gradients_round_within_their_bounds, assert_rounds_within_its_bound
from spec_tests.vocabulary.formats import all_formats, exact_formats, float64_only
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.average_pooling import ADAPTIVE_SIZES, adaptive_window
from spec_tests.vocabulary.problems import SEEDS, real_numbers, special_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import nn, torch

AVERAGE_POOLS = ("avg_pool2d", "adaptive_avg_pool2d")


def real_problems(operation, _):
    """Draw real numbers, in windows of any number of cells."""
    windows = {"kernel": 3} if operation == "avg_pool2d" else {"sizes": ADAPTIVE_SIZES}
    return OPERATIONS[operation].problems(numbers=real_numbers, **windows)


# By hand

EXAMPLE = np.array([[[1.0, 3, 2, 6], [5, 7, 4, 0], [9, 6, 3, 8], [2, 7, 1, 4]]])
"""One channel of 4×4."""


@values("avg_pool2d")
@as_printed_and_in_a_batch
def test_the_mean_of_every_window_of_2_by_2(implementation, form):
    output = form(implementation).avg_pool2d(EXAMPLE, 2)

    by_hand = [[(1 + 3 + 5 + 7) / 4, (2 + 6 + 4 + 0) / 4], [(9 + 6 + 2 + 7) / 4, (3 + 8 + 1 + 4) / 4]]
    assert output.tolist() == [by_hand] == [[[4, 3], [6, 4]]]


@values("avg_pool2d")
@as_printed_and_in_a_batch
def test_zeros_of_the_padding_count_unless_they_are_left_out(implementation, form):
    with_padding, without = (
        form(implementation).avg_pool2d(EXAMPLE, 2, padding=1, count_include_pad=counted)[0, 0].tolist()
        for counted in (True, False)
    )

    assert (with_padding[0], with_padding[1]) == ((0 + 0 + 0 + 1) / 4, (0 + 0 + 3 + 2) / 4)
    assert (without[0], without[1]) == (1, (3 + 2) / 2)


@values("avg_pool2d")
@as_printed_and_in_a_batch
def test_the_overhang_of_ceil_mode_counts_in_neither_case(implementation, form):
    line = np.array([[[4.0, 8, 6]]])

    for counted in (True, False):
        output = form(implementation).avg_pool2d(line, (1, 2), ceil_mode=True, count_include_pad=counted)
        assert output.tolist() == [[[(4 + 8) / 2, 6 / 1]]]


@values("avg_pool2d")
@as_printed_and_in_a_batch
def test_a_divisor_of_ones_own_divides_every_sum(implementation, form):
    output = form(implementation).avg_pool2d(np.array([[[4.0, 8, 6]]]), (1, 2), ceil_mode=True, divisor_override=8)

    assert output.tolist() == [[[(4 + 8) / 8, 6 / 8]]]


@values("adaptive_avg_pool2d")
@as_printed_and_in_a_batch
def test_two_adaptive_windows_over_three_cells_share_the_middle_one(implementation, form):
    output = form(implementation).adaptive_avg_pool2d(np.array([[[1.0, 2, 4]]]), (1, 2))

    assert output.tolist() == [[[(1 + 2) / 2, (2 + 4) / 2]]]  # from ⌊i·3/2⌋ to before ⌈(i + 1)·3/2⌉


@values("adaptive_avg_pool2d")
@as_printed_and_in_a_batch
def test_more_adaptive_windows_than_cells_show_cells_more_than_once(implementation, form):
    output = form(implementation).adaptive_avg_pool2d(np.array([[[2.0, 4]]]), (1, 3))

    assert output.tolist() == [[[2, (2 + 4) / 2, 4]]]


@pytest.mark.claim("2.8.ab", "2.8.ad", "2.8.ae")
@values("adaptive_avg_pool2d")
@pytest.mark.parametrize("size", [(7, 7), (8, 8), (1, 1), (3, 4)])
def test_averaged_to_1_by_1_each_of_2048_channels_leaves_its_mean(implementation, size):
    channels = np.arange(2048.0).reshape(1, 2048, 1, 1)
    ramp = np.arange(prod(size)).reshape(size) - (prod(size) - 1) / 2  # adds up to 0

    output = implementation.adaptive_avg_pool2d(channels * 4 + ramp * 2, 1)

    assert_equal(output, channels * 4)


# Laws


@pytest.mark.claim("2.8.ad")
@values(*AVERAGE_POOLS)
@for_all(problem=problems())
def test_every_output_is_the_sum_of_its_window_over_its_count(subject, problem):
    by_hand = np.empty_like(problem.grad_output)
    for i, j in np.ndindex(by_hand.shape[-2:]):
        rows, columns, divisor = window(problem, i, j)
        by_hand[..., i, j] = problem.input[..., rows, :][..., columns].sum(axis=(-2, -1)) / divisor

    assert_equal(problem.forward(subject), by_hand)


@pytest.mark.claim("2.8.ad")
@values(*AVERAGE_POOLS)
@for_all(problem=problems())
def test_every_channel_of_every_image_is_averaged_by_itself(subject, problem):
    channels = problem.input.reshape(-1, 1, *problem.input.shape[-2:])

    alone = np.concatenate([problem.forward(subject, input=channel) for channel in channels])

    assert_equal(problem.forward(subject).reshape(alone.shape), alone)


@values("avg_pool2d")
@for_all(problem=problems())
def test_counted_padding_is_a_border_of_zeros(subject, problem):
    problem = problem.changed(ceil_mode=False, count_include_pad=True)
    border = [(p, p) for p in pair(problem.padding)]
    padded = np.pad(problem.input, [(0, 0)] * (problem.input.ndim - 2) + border)

    assert_equal(problem.forward(subject), problem.forward(subject, input=padded, padding=0))


@values("avg_pool2d")
@for_all(problem=problems())
def test_an_average_pooling_is_a_convolution_with_equal_weights(subject, problem):
    problem = problem.changed(ceil_mode=False, count_include_pad=True, divisor_override=None)
    channels, kernel = problem.input.reshape(-1, 1, *problem.input.shape[-2:]), pair(problem.kernel_size)
    weight = np.full((1, 1, *kernel), 1 / prod(kernel), channels.dtype)
    stride = kernel if problem.stride is None else problem.stride

    convolved = reference.conv2d(channels, weight, stride=stride, padding=problem.padding)

    assert_equal(problem.forward(subject).reshape(convolved.shape), convolved)


@values("adaptive_avg_pool2d")
@for_all(problem=problems(sizes=[(2, 1), (4, 2), (8, 2), (8, 4), (5, 5), (6, 3)]))
def test_where_the_sizes_divide_adaptive_pooling_is_pooling_side_by_side(subject, problem):
    kernel = [h // n for h, n in zip(problem.input.shape[-2:], problem.grad_output.shape[-2:], strict=True)]

    assert_equal(problem.forward(subject), subject.avg_pool2d(problem.input, tuple(kernel)))


@gradients(*AVERAGE_POOLS)
@for_all(problem=problems())
def test_what_flows_forward_through_a_mean_flows_back_through_it(subject, problem):
    output, grad_input = problem.forward(subject), problem.backward(subject)

    assert np.vdot(output, problem.grad_output) == np.vdot(problem.input, grad_input)


@gradients("adaptive_avg_pool2d")
@for_all(problem=problems())
def test_adaptive_windows_share_out_the_whole_gradient(subject, problem):
    total = problem.backward(subject).sum(axis=(-2, -1))

    assert_equal(total, problem.grad_output.sum(axis=(-2, -1)))


# What networks use: the definition, but for the rounding of a sum that is divided


@values("avg_pool2d")
@exact_formats
@everyday_poolings
def test_avg_pool_with_everyday_options_equals_the_definition(subject, operation, options, dtype):
    problem = everyday_pooling(operation, options)

    exact, magnitudes = (
        definition.average_pooling(input, windows_of(problem)) for input in (problem.input, abs(problem.input))
    )

    output = problem.at(dtype).forward(subject.at(dtype))
    assert_within(output, Approximation(exact, sum_bound(exact, magnitudes, terms_of(problem)[0], dtype)), dtype)


@gradients("avg_pool2d")
@exact_formats
@everyday_poolings
def test_the_gradient_of_avg_pool_with_everyday_options_equals_the_definition(subject, operation, options, dtype):
    problem = everyday_pooling(operation, options)

    exact, magnitudes = (
        definition.average_pooling_backward(cotangent, problem.input, windows_of(problem))
        for cotangent in (problem.grad_output, abs(problem.grad_output))
    )

    grad_input = problem.at(dtype).backward(subject.at(dtype))
    assert_within(grad_input, Approximation(exact, sum_bound(exact, magnitudes, terms_of(problem)[1], dtype)), dtype)


# The definition, and the references


@pytest.mark.parametrize("operation", AVERAGE_POOLS)
@for_all(plain=problems(batched=True), special=problems(batched=True, numbers=special_numbers))
def test_the_fast_average_pooling_of_the_references_is_the_definition(plain, special):
    for problem in (plain, special):
        output = definition.average_pooling(problem.input, *means_of(problem))

        assert_equal(problem.forward(reference), output)


def test_the_definition_counts_the_padding_unless_told_otherwise():
    windows = definition.sliding_windows(PoolGeometry.of((2,), 2, padding=1))
    (_, cells, divisor), _ = definition.means(np.array([[[6.0, 2.0]]]), windows)

    assert (cells, divisor) == ([(0, 0, 0)], 2)
    assert_equal(definition.average_pooling(np.array([[[6.0, 2.0]]]), windows), np.array([[[3.0, 1.0]]]))


@pytest.mark.parametrize("operation", AVERAGE_POOLS)
@for_all(plain=problems(batched=True), special=problems(batched=True, numbers=special_numbers))
def test_the_fast_gradient_of_average_pooling_is_that_of_the_definition(plain, special):
    for problem in (plain, special):
        grad_input = definition.average_pooling_backward(problem.grad_output, problem.input, *means_of(problem))

        assert_equal(problem.backward(reference), grad_input)


@pytest.mark.compares_with_reference
@values(*AVERAGE_POOLS)
@all_formats
@for_all(problem=problems())
def test_average_poolings_equal_the_references_where_no_mean_rounds(subject, dtype, problem):
    assert_equal(problem.forward(subject), problem.forward(reference), dtype)


@pytest.mark.compares_with_reference
@values(*AVERAGE_POOLS)
@all_formats
@for_all(problem=real_problems)
def test_average_poolings_round_within_their_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients(*AVERAGE_POOLS)
@exact_formats
@for_all(problem=problems())
def test_the_gradients_of_average_poolings_equal_the_references_if_no_share_rounds(subject, problem):
    assert_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@gradients(*AVERAGE_POOLS)
@exact_formats
@for_all(problem=real_problems)
def test_the_gradients_of_average_poolings_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@conventions(*AVERAGE_POOLS)
@for_all(problem=problems(), value=st.sampled_from([np.nan, np.inf, -np.inf]), seed=SEEDS)
def test_nan_or_infinity_reaches_exactly_the_windows_that_hold_it(subject, problem, value, seed):
    problem = problem.changed(divisor_override=None)
    cell = np.random.default_rng(seed).integers(problem.input.size)
    spiked, marked = problem.input.copy(), np.zeros_like(problem.input)
    spiked.reshape(-1)[cell], marked.reshape(-1)[cell] = value, 1

    expected = np.where(problem.forward(subject, input=marked) > 0, value, problem.forward(subject))

    assert_equal(problem.forward(subject, input=spiked), expected.astype(problem.input.dtype))


@conventions(*AVERAGE_POOLS)
@exact_formats
def test_the_average_pooling_of_an_empty_batch_is_empty(subject, operation, dtype):
    assert getattr(subject, operation)(np.zeros((0, 2, 4, 4), dtype), 2).shape == (0, 2, 2, 2)


@conventions(*AVERAGE_POOLS)
@exact_formats
def test_the_gradient_of_the_average_pooling_of_an_empty_batch_is_empty(subject, operation, dtype):
    empty, grad_output = np.zeros((0, 2, 4, 4), dtype), np.zeros((0, 2, 2, 2), dtype)

    assert getattr(subject, f"{operation}_backward")(grad_output, empty, 2).shape == empty.shape


# Refusals: beside each refused call the nearest one that must be taken

IMAGE, SQUARE = np.zeros((1, 2, 5, 5)), np.zeros((1, 2, 4, 4))
REFUSED = {
    "a window of no cells": ("kernel_size must be at least 1, got 0", {"kernel_size": 0}, {"kernel_size": 1}),
    "a window larger than the input": (
        r"spans \(6, 6\) cells, the padded input",
        {"kernel_size": 6},
        {"kernel_size": 5},
    ),
    "a window that is no whole number": (
        "kernel_size must be a whole number, got 2.0",
        {"kernel_size": 2.0},
        {"kernel_size": 2},
    ),
    "three sides": ("kernel_size must have 1 or 2 numbers", {"kernel_size": (2, 2, 2)}, {"kernel_size": (2, 2)}),
    "stride 0": ("stride must be at least 1, got 0", {"stride": 0}, {"stride": 1}),
    "negative padding": ("padding must be at least 0, got -1", {"padding": -1}, {"padding": 0}),
    "padding of a whole window": ("padding must be at most half of kernel_size", {"padding": 2}, {"padding": 1}),
    "ceil_mode that is no truth value": (
        "ceil_mode must be True or False, got 1",
        {"ceil_mode": 1},
        {"ceil_mode": True},
    ),
    "count_include_pad that is none": (
        "count_include_pad must be True or False, got 1",
        {"count_include_pad": 1},
        {"count_include_pad": True},
    ),
    "divisor 0": ("divisor_override must not be 0", {"divisor_override": 0}, {"divisor_override": 1}),
    "a divisor that is no whole number": (
        "divisor_override must be a whole number",
        {"divisor_override": 1.5},
        {"divisor_override": 1},
    ),
    "an axis too few": (r"input has shape \(5, 5\)", {"input": IMAGE[0, 0]}, {"input": IMAGE[0]}),
    "no channels": (r"input has shape \(1, 0, 5, 5\)", {"input": IMAGE[:, :0]}, {"input": IMAGE[:, :1]}),
    "integers": ("input has dtype int32", {"input": IMAGE.astype("int32")}, {"input": IMAGE}),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals("avg_pool2d")
@pytest.mark.parametrize("case", REFUSED)
def test_avg_pool2d_refuses(subject_on_cpu, case):
    message, changed, near = REFUSED[case]

    assert_refused(subject_on_cpu, "avg_pool2d", message, near=near, **{"input": IMAGE, "kernel_size": 2, **changed})


@pytest.mark.parametrize("output_size", [0, (0, 2), (2, 0)])
def test_the_reference_divides_an_image_into_at_least_one_window(output_size):
    with pytest.raises(ValueError, match="output_size must be at least 1"):
        reference.adaptive_avg_pool2d(IMAGE, output_size)


ADAPTIVE_REFUSED = {
    "a negative size": ("output_size must be at least 1, got -1", {"output_size": -1}, {"output_size": 1}),
    "a negative width": (
        r"output_size must be at least 1, got \(2, -1\)",
        {"output_size": (2, -1)},
        {"output_size": (2, 1)},
    ),
    "three sizes": ("output_size must be one or two numbers", {"output_size": (2, 2, 2)}, {"output_size": (2, 2)}),
    "no size": ("output_size must be one or two numbers", {"output_size": ()}, {"output_size": (2, 2)}),
    "one size in a tuple": ("output_size must be one or two numbers", {"output_size": (2,)}, {"output_size": 2}),
    "None for both sizes": (
        "output_size must be a whole number, got None",
        {"output_size": None},
        {"output_size": (None, 2)},
    ),
    "a size that is no whole number": (
        "output_size must be a whole number, got 2.0",
        {"output_size": (2.0, 2)},
        {"output_size": (2, 2)},
    ),
    "a truth value": ("output_size must be a whole number, got True", {"output_size": True}, {"output_size": 1}),
    "an axis too few": (r"input has shape \(5, 5\)", {"input": IMAGE[0, 0]}, {"input": IMAGE[0]}),
    "no cells": (r"input has shape \(1, 2, 0, 5\)", {"input": IMAGE[:, :, :0]}, {"input": IMAGE[:, :, :1]}),
    "integers": ("input has dtype int64", {"input": IMAGE.astype("int64")}, {"input": IMAGE}),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals("adaptive_avg_pool2d")
@pytest.mark.parametrize("case", ADAPTIVE_REFUSED)
def test_adaptive_avg_pool2d_refuses(subject_on_cpu, case):
    message, changed, near = ADAPTIVE_REFUSED[case]
    call = {"input": IMAGE, "output_size": 2, **changed}

    assert_refused(subject_on_cpu, "adaptive_avg_pool2d", message, near=near, **call)


@refusals(*AVERAGE_POOLS)
def test_the_gradient_of_an_average_refuses_a_grad_output_of_another_shape(subject_on_cpu, operation):
    message = r"grad_output has shape \(1, 2, 3, 3\), expected \(1, 2, 2, 2\)"
    size = "output_size" if operation == "adaptive_avg_pool2d" else "kernel_size"
    refused, near = ({"grad_output": np.zeros((1, 2, *sides))} for sides in ((3, 3), (2, 2)))

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near=near, **refused, input=SQUARE, **{size: 2})


# The layers: torch.nn.AvgPool2d and AdaptiveAvgPool2d


@pytest.mark.torch_api
def test_without_options_the_layer_steps_by_its_window_and_counts_the_padding():
    layer = nn.AvgPool2d((2, 3))

    assert layer.stride == layer.kernel_size == (2, 3)
    assert (layer.padding, layer.ceil_mode, layer.count_include_pad) == (0, False, True)
    assert layer.divisor_override is None


@pytest.mark.torch_api
def test_the_layers_have_nothing_to_learn_and_nothing_to_save():
    for layer in (nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)):
        assert not list(layer.parameters()) and not layer.state_dict()


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@pytest.mark.parametrize("operation", AVERAGE_POOLS)
@float64_only
@for_all(problem=problems())
def test_the_layers_average_with_their_options_and_pass_their_gradients_back(problem):
    make = nn.AvgPool2d if problem.operation == "avg_pool2d" else nn.AdaptiveAvgPool2d
    layer, input = make(**problem.options), torch.tensor(problem.input, requires_grad=True)

    output = layer(input)
    output.backward(torch.from_numpy(problem.grad_output))

    assert_equal(output.detach().numpy(), problem.forward(reference))
    assert_equal(input.grad.numpy(), problem.backward(reference))


# What the tests share


def pair(value):
    """Return an option with one number for each axis."""
    return value if isinstance(value, tuple) else (value, value)


def windows_of(problem):
    """Return the windows of a problem with the usual options, as the definition takes them."""
    return definition.sliding_windows(PoolGeometry.of(problem.input.shape[2:], **problem.options))


def terms_of(problem):
    """Return how often at most an element of the output and of the gradient is rounded."""
    return OPERATIONS[problem.operation].rounding.terms(problem)


def means_of(problem):
    """Return the windows of a problem and how their cells are counted, as the definition takes them."""
    size = problem.input.shape[2:]
    if problem.operation == "adaptive_avg_pool2d":
        return (definition.adaptive_windows(size, problem.grad_output.shape[2:]),)
    counting = ("count_include_pad", "divisor_override")
    options = {name: value for name, value in problem.options.items() if name not in counting}
    windows = definition.sliding_windows(PoolGeometry.of(size, **options))
    return windows, *(problem.options[name] for name in counting)


def window(problem, i, j):
    """Return the rows and the columns of a window, and what its sum is divided by: the definition, cell by cell."""
    size = problem.input.shape[-2:]
    if problem.operation == "adaptive_avg_pool2d":
        windows = zip((i, j), size, problem.grad_output.shape[-2:], strict=True)
        rows, columns = (list(adaptive_window(*place)) for place in windows)
        return rows, columns, len(rows) * len(columns)
    kernel = pair(problem.kernel_size)
    stride = kernel if problem.stride is None else pair(problem.stride)
    places = [
        range(at * s - p, at * s - p + k)
        for at, s, p, k in zip((i, j), stride, pair(problem.padding), kernel, strict=True)
    ]
    real = [[cell for cell in place if 0 <= cell < h] for place, h in zip(places, size, strict=True)]
    padded = [
        [cell for cell in place if -p <= cell < h + p]
        for place, h, p in zip(places, size, pair(problem.padding), strict=True)
    ]
    counted = list(product(*(padded if problem.count_include_pad else real)))
    return *real, problem.divisor_override or len(counted)
