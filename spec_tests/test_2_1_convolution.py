"""2.1 Convolution: the layer slides learned kernels over its input and adds up products.

The laws come first: they need no other implementation, and on whole numbers every one is exact.
"""

import inspect
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import reference
from reference import definition, places
from reference.columns import kernels, row_parts
from reference.geometry import ConvGeometry
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.everyday_cases import everyday_convolution, everyday_convolutions
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
)
from spec_tests.vocabulary.fixed_cases import LARGE_CONVOLUTIONS
from spec_tests.vocabulary.formats import FORMATS, all_formats, exact_formats, float64_only
from spec_tests.vocabulary.levels import about, conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import CONVOLUTIONS
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused, assert_same_verdict
from spec_tests.vocabulary.sums import assert_equal_sums, settled
from spec_tests.vocabulary.torch_when_needed import nn, torch

large_convolutions = pytest.mark.parametrize("case", LARGE_CONVOLUTIONS.values(), ids=LARGE_CONVOLUTIONS)
"""Fixed cases, of sizes at which implementations transform."""

PLAIN = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}

# Laws


@values(*CONVOLUTIONS)
@for_all(problem=problems(), seed=SEEDS)
def test_conv_is_linear_in_its_input(subject, problem, seed):
    problem = problem.changed(bias=None)
    other = whole_numbers(np.random.default_rng(seed), problem.input.shape).astype(problem.input.dtype)

    together = problem.forward(subject, input=problem.input + other)
    one_by_one = problem.forward(subject) + problem.forward(subject, input=other)

    assert_equal_sums(together, one_by_one, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems(), seed=SEEDS)
def test_conv_is_linear_in_its_weight(subject, problem, seed):
    problem = problem.changed(bias=None)
    other = whole_numbers(np.random.default_rng(seed), problem.weight.shape).astype(problem.weight.dtype)

    together = problem.forward(subject, weight=problem.weight + other)
    one_by_one = problem.forward(subject) + problem.forward(subject, weight=other)

    assert_equal_sums(together, one_by_one, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_a_bias_is_added_to_every_place_of_its_channel(subject, problem):
    bias = np.arange(1, len(problem.weight) + 1).astype(problem.weight.dtype)
    added = bias.reshape(-1, *[1] * problem.rank)

    with_bias, without = problem.forward(subject, bias=bias), problem.forward(subject, bias=None)

    assert_equal_sums(with_bias, without + added, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_every_image_of_a_batch_is_convolved_by_itself(subject, problem):
    images = problem.input.reshape(-1, *problem.input.shape[-problem.rank - 1 :])

    alone = np.stack([problem.forward(subject, input=image) for image in images])

    assert_equal_sums(problem.forward(subject, input=images), alone, problem, subject)


@pytest.mark.claim("2.1.2.k")
@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_each_group_convolves_its_own_channels_and_adds_the_results(subject, problem):
    problem = problem.changed(bias=None)
    groups, channels = problem.groups, problem.weight.shape[1]
    outs = len(problem.weight) // groups
    axis = problem.input.ndim - problem.rank - 1
    of_input = np.split(problem.input, groups * channels, axis)

    by_group = [
        sum(
            problem.forward(subject, input=of_input[g * channels + c], weight=kernels[:, c : c + 1], groups=1)
            for c in range(channels)
        )
        for g, kernels in enumerate(problem.weight.reshape(groups, outs, *problem.weight.shape[1:]))
    ]

    assert_equal_sums(problem.forward(subject), np.concatenate(by_group, axis), problem, subject)


@pytest.mark.claim("2.1.2.j")
@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_an_impulse_returns_the_flipped_kernel(subject, problem):
    kernel = problem.weight[:1, :1]
    impulse = np.zeros((1, 1, *[2 * k - 1 for k in kernel.shape[2:]]), kernel.dtype)
    impulse[(0, 0, *[k - 1 for k in kernel.shape[2:]])] = 1

    response = getattr(subject, problem.operation)(impulse, kernel)

    assert_equal_sums(response, np.flip(kernel, range(2, kernel.ndim)), problem, subject)


def picks_a_cell(problem, seed):
    """Return the problem with a power of two at one tap of every kernel, and for each output which cells it copies."""
    rng, outs, channels = np.random.default_rng(seed), len(problem.weight), problem.weight.shape[1]
    tap = tuple(int(rng.integers(k)) for k in problem.weight.shape[2:])
    weight, power = np.zeros_like(problem.weight), problem.weight.dtype.type(2.0 ** rng.integers(-3, 4))
    cells = []
    for out in range(outs):
        weight[(out, out % channels, *tap)] = power
        channel = out // (outs // problem.groups) * channels + out % channels
        starts = [t * d for t, d in zip(tap, problem.per_axis("dilation"), strict=True)]
        steps = zip(starts, problem.per_axis("stride"), problem.grad_output.shape[-problem.rank :], strict=True)
        cells.append((..., channel, *[slice(start, start + stride * n, stride) for start, stride, n in steps]))
    return problem.changed(weight=weight, bias=None), power, cells


@values(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems(numbers=real_numbers, paddings=("valid",)), seed=SEEDS)
def test_a_kernel_of_a_single_power_of_two_copies_its_cells_to_the_last_digit(subject, problem, seed):
    problem, power, cells = picks_a_cell(problem, seed)

    if problem.operation in subject.transforms:
        assert_rounds_within_its_bound(problem, subject, str(problem.input.dtype))
    else:
        copied = np.stack([problem.input[cell] for cell in cells], -problem.rank - 1)
        assert_equal(problem.forward(subject), copied * power)


@gradients(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems(numbers=real_numbers, paddings=("valid",)), seed=SEEDS)
def test_a_kernel_of_a_single_power_of_two_sends_gradients_back_to_the_last_digit(subject, problem, seed):
    problem, power, cells = picks_a_cell(problem, seed)
    axis = -problem.rank - 1
    one_channel = np.zeros_like(problem.grad_output)
    np.moveaxis(one_channel, axis, 0)[-1] = np.moveaxis(problem.grad_output, axis, 0)[-1]
    problem = problem.changed(grad_output=one_channel)

    if problem.operation in subject.transforms:
        assert_gradients_round_within_their_bounds(problem, subject, str(problem.input.dtype))
    else:
        sent = np.zeros_like(problem.input)
        sent[cells[-1]] = np.moveaxis(one_channel, axis, 0)[-1] * power
        assert_equal(problem.backward(subject)[0], sent)


@values(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems(numbers=real_numbers))
def test_an_impulse_returns_the_kernel_to_the_last_digit(subject, problem):
    kernel = problem.weight[:1, :1]
    impulse = np.zeros((1, 1, *[2 * k - 1 for k in kernel.shape[2:]]), kernel.dtype)
    impulse[(0, 0, *[k - 1 for k in kernel.shape[2:]])] = 1
    alone = Problem(problem.operation, {"input": impulse, "weight": kernel, "bias": None}, PLAIN, kernel)

    if problem.operation in subject.transforms:
        assert_rounds_within_its_bound(alone, subject, str(kernel.dtype))
    else:
        assert_equal(alone.forward(subject), np.flip(kernel, range(2, kernel.ndim)))


@gradients(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems(numbers=real_numbers, paddings=("valid",)), seed=SEEDS)
def test_a_gradient_of_one_output_is_its_kernel_and_its_window_to_the_last_digit(subject, problem, seed):
    problem = problem.changed(bias=None, grad_output=np.zeros_like(problem.grad_output))
    image, out, *place = np.unravel_index(
        np.random.default_rng(seed).integers(problem.grad_output.size),
        (1, *problem.grad_output.shape) if problem.input.ndim == problem.rank + 1 else problem.grad_output.shape,
    )
    problem.grad_output.reshape(-1, *problem.grad_output.shape[-problem.rank - 1 :])[(image, out, *place)] = 1

    if problem.operation in subject.transforms:
        assert_gradients_round_within_their_bounds(problem, subject, str(problem.input.dtype))
        return
    channels, grad_input = problem.weight.shape[1], np.zeros_like(problem.input)
    first = out // (len(problem.weight) // problem.groups) * channels
    axes = zip(place, problem.per_axis("stride"), problem.weight.shape[2:], problem.per_axis("dilation"), strict=True)
    window = tuple(slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in axes)
    seen = (image, slice(first, first + channels), *window)
    grad_input.reshape(-1, *problem.input.shape[-problem.rank - 1 :])[seen] = problem.weight[out]
    grad_weight = np.zeros_like(problem.weight)
    grad_weight[out] = problem.input.reshape(-1, *problem.input.shape[-problem.rank - 1 :])[seen]

    assert_gradients_equal(problem.backward(subject), (grad_input, grad_weight, None))


@pytest.mark.claim("2.1.a")
@values(*CONVOLUTIONS)
@for_all(problem=problems(paddings=("valid",)), seed=SEEDS)
def test_an_input_shifted_by_the_stride_gives_an_output_shifted_by_one(subject, problem, seed):
    stride = problem.per_axis("stride")
    size = (*problem.input.shape[: -len(stride)], *[8 + s for s in stride])
    scene = whole_numbers(np.random.default_rng(seed), size).astype(problem.input.dtype)

    before = problem.forward(subject, input=scene)
    after = problem.forward(subject, input=scene[(..., *[slice(s, None) for s in stride])])

    next_places = (..., *[slice(1, 1 + places) for places in after.shape[-len(stride) :]])
    assert_equal_sums(after, before[next_places], problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_a_stride_of_s_keeps_every_sth_output(subject, problem):
    every = [slice(None, None, s) for s in problem.per_axis("stride")]

    kept = problem.forward(subject, stride=1)[(..., *every)]

    assert_equal_sums(problem.forward(subject), kept, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems())
def test_a_dilated_kernel_is_one_with_zeros_between_its_taps(subject, problem):
    spacing = problem.per_axis("dilation")
    spans = [d * (k - 1) + 1 for d, k in zip(spacing, problem.weight.shape[2:], strict=True)]
    stretched = np.zeros((*problem.weight.shape[:2], *spans), problem.weight.dtype)
    stretched[(..., *[slice(None, None, d) for d in spacing])] = problem.weight

    undilated = problem.forward(subject, weight=stretched, dilation=1)

    assert_equal_sums(problem.forward(subject), undilated, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems(paddings=("numbers",)))
def test_padding_is_a_border_of_zeros_around_the_input(subject, problem):
    border = [(p, p) for p in problem.per_axis("padding")]
    padded = np.pad(problem.input, [(0, 0)] * (problem.input.ndim - len(border)) + border)

    unpadded = problem.forward(subject, input=padded, padding=0)

    assert_equal_sums(problem.forward(subject), unpadded, problem, subject)


@values(*CONVOLUTIONS)
@for_all(problem=problems(paddings=("same",)))
def test_padding_same_keeps_the_size_and_puts_the_odd_cell_after(subject, problem):
    rank, spacing = problem.rank, problem.per_axis("dilation")
    totals = [d * (k - 1) for d, k in zip(spacing, problem.weight.shape[2:], strict=True)]
    border = [(total // 2, total - total // 2) for total in totals]
    padded = np.pad(problem.input, [(0, 0)] * (problem.input.ndim - rank) + border)

    output = problem.forward(subject)

    assert output.shape[-rank:] == problem.input.shape[-rank:]
    assert_equal_sums(output, problem.forward(subject, input=padded, padding="valid"), problem, subject)


@values("conv2d", "conv3d")
@pytest.mark.parametrize("operation", [pytest.param(f"conv{n}d", marks=about(f"conv{n + 1}d")) for n in (1, 2)])
@for_all(problem=problems(paddings=("numbers",)))
def test_a_convolution_is_one_of_a_rank_more_across_a_single_cell(subject, problem):
    rank = problem.rank
    options = {option: (1, *problem.per_axis(option)) for option in ("stride", "dilation")}
    options["padding"] = (0, *problem.per_axis("padding"))
    input, weight = np.expand_dims(problem.input, -rank - 1), np.expand_dims(problem.weight, 2)

    higher = getattr(subject, f"conv{rank + 1}d")(input, weight, problem.bias, **options, groups=problem.groups)

    assert_equal_sums(np.squeeze(higher, -rank - 1), problem.forward(subject), problem, subject)


@gradients(*CONVOLUTIONS)
@for_all(problem=problems())
def test_what_flows_forward_through_a_conv_flows_back_along_the_same_paths(subject, problem):
    problem = problem.changed(bias=None)

    output = settled(problem.forward(subject), problem, subject)
    grad_input, grad_weight, _ = (g if g is None else settled(g, problem, subject) for g in problem.backward(subject))

    sent = np.vdot(output, problem.grad_output)
    assert np.vdot(problem.input, grad_input) == np.vdot(problem.weight, grad_weight) == sent


@values(*CONVOLUTIONS)
@exact_formats
@large_convolutions
def test_a_row_more_of_padding_shifts_a_large_convolution_and_no_more(subject, dtype, case):
    problem = case.problem(whole_numbers).at(dtype)
    border = [(p + 1, p) for p in problem.per_axis("padding")]
    padded = np.pad(problem.input, [(0, 0)] * (problem.input.ndim - len(border)) + border)

    further_on = problem.forward(subject, input=padded, padding=0)[(..., *[slice(1, None)] * len(border))]

    assert_equal_sums(further_on, problem.forward(subject), problem, subject)


@gradients(*CONVOLUTIONS)
@exact_formats
@large_convolutions
def test_what_flows_through_a_large_convolution_flows_back_the_same_way(subject, dtype, case):
    problem = case.problem(whole_numbers).changed(bias=None).at(dtype)

    output, (grad_input, grad_weight, _) = problem.forward(subject), problem.backward(subject)

    output, grad_input, grad_weight = (
        settled(array, problem, subject).astype("float64") for array in (output, grad_input, grad_weight)
    )
    sent = np.vdot(output, problem.grad_output)
    assert sent == np.vdot(problem.input, grad_input) == np.vdot(problem.weight, grad_weight)


# What networks use: exactly the definition


@values(*CONVOLUTIONS)
@exact_formats
@everyday_convolutions
def test_conv_with_everyday_options_equals_the_definition(subject, operation, options, dtype):
    problem = everyday_convolution(operation, options).at(dtype)

    output, _ = by_definition(operation, options)

    assert_equal_sums(problem.forward(subject), output.astype(dtype), problem, subject)


@gradients(*CONVOLUTIONS)
@exact_formats
@everyday_convolutions
def test_the_gradients_of_conv_with_everyday_options_equal_the_definition(subject, operation, options, dtype):
    problem = everyday_convolution(operation, options).at(dtype)

    _, expected = by_definition(operation, options)

    for grad, by_hand in zip(problem.backward(subject), expected, strict=True):
        assert_equal_sums(grad, by_hand.astype(dtype), problem, subject)


@cache
def by_definition(operation, options):
    """Return the output and the gradients of an everyday convolution; of whole numbers, so for every format."""
    problem = everyday_convolution(operation, options)
    arguments = {**problem.arrays, **problem.options}
    return definition.convolution(**arguments), definition.convolution_backward(problem.grad_output, **arguments)


# The definition, and the references


@for_all(problem=problems(batched=True))
@pytest.mark.parametrize("operation", CONVOLUTIONS)
def test_the_fast_convolution_of_the_references_is_the_definition(problem):
    assert_equal(problem.forward(reference), definition.convolution(**problem.arrays, **problem.options))


@for_all(problem=problems(batched=True))
@pytest.mark.parametrize("operation", CONVOLUTIONS)
def test_the_fast_gradients_of_the_references_are_those_of_the_definition(problem):
    by_definition = definition.convolution_backward(problem.grad_output, **problem.arrays, **problem.options)

    assert_gradients_equal(problem.backward(reference), by_definition)


@for_all(problem=problems(batched=True))
@pytest.mark.parametrize("operation", CONVOLUTIONS)
def test_the_convolution_place_by_place_is_the_definition(problem):
    problem = problem.changed(dilation=(*problem.per_axis("dilation")[:-1], 1))
    geometry = ConvGeometry.of(**problem.arrays, **problem.options)

    with patch.multiple(places, MANY=1, CACHE=1):  # one image after the other
        output = places.convolve_places(problem.input, problem.weight, geometry, problem.bias)

    assert_equal(output, definition.convolution(**problem.arrays, **problem.options))


OBLONG_KERNELS = {
    "three by five": ((2, 16, 6, 9), (8, 16, 3, 5)),
    "five by three": ((2, 16, 9, 6), (8, 16, 5, 3)),
    "two by three by four": ((2, 8, 3, 5, 6), (4, 8, 2, 3, 4)),
}
"""The shapes of inputs, and of weights that are not as high as wide and whose taps y the references keep apart."""


@pytest.mark.parametrize("case", OBLONG_KERNELS.values(), ids=OBLONG_KERNELS)
def test_the_references_convolve_with_oblong_kernels_as_the_definition_does(case):
    images, weight, _ = filled((*case, {}))

    output = getattr(reference, CONVOLUTIONS[images.ndim - 3])(images, weight)

    assert_equal(output, definition.convolution(images, weight))


def test_the_references_keep_the_taps_of_several_groups_apart_as_the_definition_says():
    images, weight, options = filled(((2, 44, 6, 7), (16, 22, 3, 3), {"groups": 2}))
    geometry = ConvGeometry.of(images, weight, None, **options)

    assert (row_parts(weight, geometry), len(kernels(weight, geometry))) == (0, 3)
    assert_equal(reference.conv2d(images, weight, **options), definition.convolution(images, weight, **options))


def test_the_gradient_keeps_the_taps_of_several_groups_apart_at_any_number_of_places():
    images, weight, options = filled(((2, 44, 5, 7), (16, 22, 3, 3), {"groups": 2}))
    grad_output, _, _ = filled(((2, 16, 3, 5), (1,), {}))
    assert len(kernels(weight, ConvGeometry.of(images, weight, None, **options))) == 3

    grad_input, grad_weight, _ = reference.conv2d_backward(grad_output, images, weight, **options)

    of_input, of_weight, _ = definition.convolution_backward(grad_output, images, weight, **options)
    assert_equal(grad_input, of_input)
    assert_equal(grad_weight, of_weight)


WIDE_ROWS = {
    "rows": ((1, 44, 4, 66), (64, 44, 3, 3), {}),
    "rows of two groups": ((1, 44, 4, 202), (64, 22, 3, 3), {"groups": 2}),
    "planes": ((1, 22, 3, 12, 12), (32, 22, 2, 3, 3), {}),
}
"""The shapes of input and weight, and the options, of convolutions whose rows the references multiply in two parts."""


@pytest.mark.parametrize("case", WIDE_ROWS.values(), ids=WIDE_ROWS)
def test_the_references_make_of_wide_rows_what_they_make_of_each_column_alone(case):
    images, weight, options = filled(case)
    convolve, width = getattr(reference, CONVOLUTIONS[images.ndim - 3]), weight.shape[-1]

    output = convolve(images, weight, **options)

    assert row_parts(weight, ConvGeometry.of(images, weight, None, **options)) == 2
    columns = range(images.shape[-1] - width + 1)
    alone = [convolve(images[..., column : column + width], weight, **options) for column in columns]
    assert_equal(output, np.concatenate(alone, axis=-1))


def test_the_geometry_needs_as_many_axes_of_the_input_as_of_the_weight():
    for images in (np.ones((1, 1, 3)), np.ones((1, 1, 3, 3, 3))):
        with pytest.raises(ValueError, match=f"input has {images.ndim} axes and weight 4, expected the same number"):
            ConvGeometry.of(images, np.ones((1, 1, 2, 2)), None)
    assert ConvGeometry.of(np.ones((1, 1, 3, 4)), np.ones((1, 1, 2, 2)), None).output_size == (2, 3)


MANY_IMAGES = {
    "one axis": ((48, 64, 5), (64, 64, 3), {"padding": 1}),
    "two axes": ((64, 32, 6, 5), (32, 32, 5, 5), {"padding": 2}),
    "strides and groups": ((64, 64, 7, 6), (64, 32, 3, 3), {"padding": 1, "stride": (3, 2), "groups": 2}),
    "three axes and dilation": ((80, 16, 3, 4, 3), (16, 16, 3, 3, 3), {"padding": (2, 3, 1), "dilation": (2, 2, 1)}),
}
"""The shapes of input and weight, and the options, of convolutions that the references do place by place."""

many_images = pytest.mark.parametrize("case", MANY_IMAGES.values(), ids=MANY_IMAGES)


@many_images
def test_the_references_convolve_many_images_at_once_as_one_by_one(case):
    images, weight, options = filled(case)

    together, one_by_one = convolved(images, weight, options)

    assert places.by_place(images, weight, ConvGeometry.of(images, weight, None, **options))
    assert_equal(together, one_by_one)


def test_the_references_convolve_many_images_with_dilation_as_one_by_one():
    images, weight, options = filled(((64, 32, 6, 9), (32, 32, 3, 3), {"padding": 2, "dilation": (1, 2)}))

    together, one_by_one = convolved(images, weight, options)

    assert_equal(together, one_by_one)


@many_images
def test_an_infinite_weight_makes_nan_of_the_padding_of_many_images_as_of_one(case):
    images, weight, options = filled(case)
    weight[(0, 0, *[0] * (weight.ndim - 2))] = np.inf

    together, one_by_one = convolved(images, weight, options)

    assert np.isnan(together[(slice(None), 0, *[0] * (weight.ndim - 2))]).all()
    assert_equal(together, one_by_one)


def filled(case):
    """Return images and a weight of whole numbers, and the options."""
    of_images, of_weight, options = case
    rng = np.random.default_rng(0)
    return whole_numbers(rng, of_images), whole_numbers(rng, of_weight), options


def convolved(images, weight, options):
    """Return what the reference makes of all images at once, and of each by itself."""
    convolve = getattr(reference, CONVOLUTIONS[images.ndim - 3])
    return convolve(images, weight, **options), np.stack([convolve(image, weight, **options) for image in images])


@pytest.mark.compares_with_reference
@values(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems())
def test_conv_equals_the_reference_on_whole_numbers(subject, problem):
    assert_equal_sums(problem.forward(subject), problem.forward(reference), problem, subject)


@pytest.mark.compares_with_reference
@values(*CONVOLUTIONS)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_conv_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@values("conv1d", "conv2d")
@all_formats
@for_all(problem=problems(numbers=real_numbers, channels=1, kernel=2))
def test_conv_rounds_within_its_bound_which_is_sharp_where_terms_are_few(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@values(*CONVOLUTIONS)
@exact_formats
@large_convolutions
def test_large_convolutions_equal_the_references_on_whole_numbers(subject, dtype, case):
    problem = case.problem(whole_numbers).at(dtype)

    assert_equal_sums(problem.forward(subject), problem.forward(reference), problem, subject)


@pytest.mark.compares_with_reference
@values(*CONVOLUTIONS)
@all_formats
@large_convolutions
def test_large_convolutions_round_within_their_bound(subject, dtype, case):
    assert_rounds_within_its_bound(case.problem(real_numbers), subject, dtype)


# Gradients


@pytest.mark.compares_with_reference
@gradients(*CONVOLUTIONS)
@exact_formats
@for_all(problem=problems())
def test_the_gradients_of_conv_equal_the_references_on_whole_numbers(subject, problem):
    settled_ones = tuple(g if g is None else settled(g, problem, subject) for g in problem.backward(subject))

    assert_gradients_equal(settled_ones, problem.backward(reference))


@pytest.mark.compares_with_reference
@gradients(*CONVOLUTIONS)
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradients_of_conv_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


@gradients(*CONVOLUTIONS)
@for_all(problem=problems())
def test_the_gradient_of_the_bias_is_the_sum_over_places_and_images(subject, problem):
    problem = problem.changed(bias=problem.weight.reshape(len(problem.weight), -1)[:, 0])
    channel = problem.input.ndim - problem.rank - 1

    *_, grad_bias = problem.backward(subject)

    summed = problem.grad_output.sum(tuple(a for a in range(problem.input.ndim) if a != channel))
    assert_equal_sums(grad_bias, summed, problem, subject)


@pytest.mark.compares_with_reference
@gradients(*CONVOLUTIONS)
@exact_formats
@large_convolutions
def test_the_gradients_of_large_convolutions_equal_the_references(subject, dtype, case):
    problem = case.problem(whole_numbers).at(dtype)

    for grad, expected in zip(problem.backward(subject), problem.backward(reference), strict=True):
        assert_equal_sums(grad, expected, problem, subject)


@pytest.mark.compares_with_reference
@gradients(*CONVOLUTIONS)
@all_formats
@large_convolutions
def test_the_gradients_of_large_convolutions_round_within_their_bounds(subject, dtype, case):
    assert_gradients_round_within_their_bounds(case.problem(real_numbers), subject, dtype)


# The gradient of the weight alone


@pytest.mark.parametrize("operation", ["conv2d"])
@for_all(problem=problems())
def test_the_gradient_of_the_weight_alone_is_the_one_that_comes_with_the_others(problem):
    alone = reference.conv2d_weight(problem.input, problem.weight.shape, problem.grad_output, **problem.options)

    _, together, _ = problem.backward(reference)
    assert_equal(alone, together)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@pytest.mark.parametrize("operation", ["conv2d"])
@float64_only
@for_all(problem=problems(paddings=("numbers",), batched=True))
def test_the_gradient_of_the_weight_alone_equals_that_of_torch_nn_grad(problem):
    input, grad_output = torch.from_numpy(problem.input), torch.from_numpy(problem.grad_output)

    theirs = torch.nn.grad.conv2d_weight(input, problem.weight.shape, grad_output, **problem.options)

    ours = reference.conv2d_weight(problem.input, problem.weight.shape, problem.grad_output, **problem.options)
    assert_equal(ours, theirs.numpy())


@pytest.mark.torch_api
def test_the_gradient_of_the_weight_alone_is_called_as_that_of_torch_nn_grad():
    ours, theirs = (inspect.signature(layers.conv2d_weight).parameters for layers in (reference, torch.nn.grad))

    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


# Conventions


@conventions(*CONVOLUTIONS)
@for_all(problem=problems(paddings=("valid",)), seed=SEEDS)
def test_a_nan_reaches_exactly_the_outputs_whose_window_holds_it(subject, problem, seed):
    input = problem.input.copy()
    cell = np.random.default_rng(seed).integers(input.size)
    input.reshape(-1)[cell] = np.nan
    marked = np.isnan(input).astype(input.dtype)

    output = problem.forward(subject, input=input)

    touched = problem.forward(reference, input=marked, weight=np.ones_like(problem.weight), bias=None) > 0
    if problem.operation not in subject.transforms:
        assert_equal(np.isnan(output), touched)
    else:
        assert np.isnan(output[touched]).all()
        untouched = ~np.isnan(input).any(tuple(range(-problem.rank - 1, 0)))
        assert not np.isnan(output[untouched]).any()  # it may spread, but to no other image


@conventions(*CONVOLUTIONS)
@pytest.mark.parametrize("integer", ["uint8", "int8", "int16", "int32", "int64"])
def test_conv_takes_integers_and_returns_them(subject_on_cpu, operation, integer):
    rank = int(operation[-2])
    input = np.arange(2 * 4**rank).reshape(1, 2, *[4] * rank).astype(integer)
    weight = np.arange(1, 1 + 2 * 2**rank).reshape(1, 2, *[2] * rank).astype(integer)

    output = getattr(subject_on_cpu, operation)(input, weight, stride=3)

    window = input[(0, slice(None), *[slice(0, 2)] * rank)]
    assert_equal(output.reshape(-1)[:1], (window * weight[0]).sum(dtype=integer).reshape(1))


@conventions(*CONVOLUTIONS)
@pytest.mark.parametrize("integer", ["int32", "int64"])
def test_conv_keeps_whole_numbers_to_the_last_digit(subject_on_cpu, operation, integer):
    rank = int(operation[-2])
    cell = np.full((1, 1, *[1] * rank), 2**24 + 1, integer)  # one digit more than float32 has

    assert_equal(getattr(subject_on_cpu, operation)(cell, np.ones_like(cell)), cell)


@conventions(*CONVOLUTIONS)
@exact_formats
def test_the_convolution_of_an_empty_batch_is_empty(subject, operation, dtype):
    rank = int(operation[-2])
    empty, weight = np.zeros((0, 4, *[5] * rank), dtype), np.ones((6, 2, *[3] * rank), dtype)

    output = getattr(subject, operation)(empty, weight, np.ones(6, dtype), groups=2)

    assert output.shape == (0, 6, *[3] * rank)


@conventions(*CONVOLUTIONS)
@exact_formats
def test_from_an_empty_batch_no_gradient_reaches_the_weights_of_a_convolution(subject, operation, dtype):
    rank, backward = int(operation[-2]), getattr(subject, f"{operation}_backward")
    empty, weight = np.zeros((0, 4, *[5] * rank), dtype), np.ones((6, 2, *[3] * rank), dtype)
    grad_output = np.zeros((0, 6, *[3] * rank), dtype)

    grad_input, grad_weight, grad_bias = backward(grad_output, empty, weight, np.ones(6, dtype), groups=2)

    assert grad_input.shape == empty.shape
    assert_equal(grad_weight, np.zeros_like(weight))
    assert_equal(grad_bias, np.zeros(6, dtype))


# Refusals: beside each refused call the nearest one that must be taken

IMAGE, KERNELS = np.zeros((1, 4, 5, 5)), np.zeros((6, 2, 3, 3))
REFUSED = {
    "input of the wrong rank": ("input has 2 axes, expected 4, or 3", {"input": IMAGE[0, 0]}, {"input": IMAGE}),
    "weight of the wrong rank": ("weight has 3 axes, expected 4", {"weight": KERNELS[0]}, {"weight": KERNELS}),
    "channels that do not fit the groups": (
        "2 input channels per group, input has 4 channels in 1 groups",
        {"groups": 1},
        {"groups": 2},
    ),
    "groups that do not divide the output": (
        "6 output channels, which 4 groups do not divide",
        {"weight": np.zeros((6, 1, 3, 3)), "groups": 4},
        {"weight": np.zeros((8, 1, 3, 3))},
    ),
    "no groups": ("groups must be at least 1, got 0", {"groups": 0}, {"groups": 2}),
    "a bias of the wrong length": (
        r"bias has shape \(5,\), expected \(6,\)",
        {"bias": np.zeros(5)},
        {"bias": np.zeros(6)},
    ),
    "a bias with two axes": (r"bias has shape \(6, 1\)", {"bias": np.zeros((6, 1))}, {"bias": np.zeros(6)}),
    "a kernel larger than the padded input": (
        r"spans \(7, 5\) cells, the padded input",
        {"dilation": (3, 2)},
        {"dilation": (2, 2)},
    ),
    "stride 0": ("stride must be at least 1, got 0", {"stride": 0}, {"stride": 1}),
    "three strides": (
        r"stride must have 1 or 2 numbers, got \(1, 1, 1\)",
        {"stride": (1, 1, 1)},
        {"stride": (1, 1)},
    ),
    "a stride that is no whole number": ("stride must be a whole number, got 1.0", {"stride": 1.0}, {"stride": 1}),
    "a stride that is a truth value": ("stride must be a whole number, got True", {"stride": True}, {"stride": 1}),
    "negative padding": ("padding must be at least 0, got -1", {"padding": -1}, {"padding": 0}),
    "an unknown padding": (
        "padding must be 'same', 'valid' or whole numbers, got 'full'",
        {"padding": "full"},
        {"padding": "same"},
    ),
    "padding same with a stride": (
        r"padding 'same' needs stride 1, got \(2, 2\)",
        {"padding": "same", "stride": 2},
        {"stride": 1},
    ),
    "dilation 0": ("dilation must be at least 1, got 0", {"dilation": 0}, {"dilation": 1}),
    "two dtypes": (
        "one dtype expected, got input float64, weight float32",
        {"weight": KERNELS.astype("float32")},
        {"weight": KERNELS},
    ),
    "a bias of another dtype": ("bias float32", {"bias": np.zeros(6, "float32")}, {"bias": np.zeros(6)}),
    "truth values": (
        "input has dtype bool",
        {"input": IMAGE > 0, "weight": KERNELS > 0},
        {"input": IMAGE, "weight": KERNELS},
    ),
    "a list for an array": ("input must be a NumPy array, got list", {"input": IMAGE.tolist()}, {"input": IMAGE}),
    "a kernel without taps": (
        "weight must not be empty",
        {"weight": np.zeros((6, 2, 0, 3))},
        {"weight": np.zeros((6, 2, 1, 3))},
    ),
    "an empty image": (
        "only the batch may be empty",
        {"input": np.zeros((1, 4, 0, 5)), "padding": 2},
        {"input": np.zeros((1, 4, 1, 5))},
    ),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals("conv2d")
@pytest.mark.parametrize("case", REFUSED)
def test_conv2d_refuses(subject_on_cpu, case):
    message, arguments, near = REFUSED[case]
    call = {"input": IMAGE, "weight": KERNELS, "groups": 2, **arguments}

    assert_refused(subject_on_cpu, "conv2d", message, near=near, **call)


@pytest.mark.parametrize("case", REFUSED)
def test_the_gradient_of_conv2d_is_refused_where_conv2d_is(case):
    message, arguments, _ = REFUSED[case]
    call = {"grad_output": np.zeros((1, 6, 3, 3)), "input": IMAGE, "weight": KERNELS, "groups": 2, **arguments}

    with pytest.raises((ValueError, TypeError), match=message):
        reference.conv2d_backward(**call)


@refusals(*CONVOLUTIONS)
def test_the_gradient_of_a_conv_refuses_a_grad_output_not_shaped_as_the_output(subject_on_cpu, operation):
    rank = int(operation[-2])
    near, refused, input = (np.zeros((1, 1, *[size] * rank)) for size in (3, 4, 5))
    call = {"grad_output": refused, "input": input, "weight": np.zeros((1, 1, *[3] * rank))}
    message = r"grad_output has shape .*, expected"

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near={"grad_output": near}, **call)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input": IMAGE > 0}, "input has dtype bool"),
        ({"input": IMAGE.tolist()}, "input must be a NumPy array, got list"),
        ({"input": IMAGE[0, 0]}, "input has 2 axes, expected 4, or 3"),
        ({"weight_size": (6, 2, 3)}, "weight has 3 axes, expected 4"),
        ({"weight_size": 6}, "weight has 1 axes, expected 4"),
        ({"weight_size": (6, 2, 0, 3)}, r"weight_size must be at least 1, got \(6, 2, 0, 3\)"),
        ({"weight_size": (6, 2, 3, 3.0)}, "weight_size must be a whole number, got 3.0"),
        ({"weight_size": (6, 4, 3, 3)}, "weight has 4 input channels per group, input has 4 channels in 2 groups"),
        ({"grad_output": np.zeros((1, 6, 5, 5))}, r"grad_output has shape \(1, 6, 5, 5\), expected \(1, 6, 3, 3\)"),
        ({"grad_output": np.zeros((1, 6, 3, 3), "float32")}, "one dtype expected, got grad_output float32"),
        ({"stride": 0}, "stride must be at least 1, got 0"),
    ],
)
def test_the_gradient_of_the_weight_alone_refuses(changed, message):
    call = {"input": IMAGE, "weight_size": KERNELS.shape, "grad_output": np.zeros((1, 6, 3, 3)), "groups": 2}

    with pytest.raises((ValueError, TypeError), match=message):
        reference.conv2d_weight(**{**call, **changed})


def two_of(*numbers):
    """Draw one of these numbers for each of two axes."""
    return st.tuples(*[st.sampled_from(numbers)] * 2)


POSSIBLE = {
    "stride": two_of(1, 2, 3),
    "padding": two_of(0, 1, 2) | two_of(0, 1, 2) | st.sampled_from(["same", "valid"]),
    "dilation": two_of(1, 1, 2),
    "groups": st.sampled_from([1, 2, 3]),
}
IMPOSSIBLE = {
    "stride": two_of(0, 1),
    "padding": two_of(-1, 0) | st.just("full"),
    "dilation": two_of(0, 1),
    "groups": st.just(0),
}
ODD = st.sampled_from([{}, {}, {}, {}, *({name: impossible} for name, impossible in IMPOSSIBLE.items())])
OPTIONS = ODD.flatmap(lambda odd: st.fixed_dictionaries({**POSSIBLE, **odd}))
"""In every second of them one option may be out of range by itself."""


SHAPES = st.tuples(*[st.integers(2, 7)] * 2, *[st.integers(1, 3)] * 2, *[st.integers(1, 2)] * 2)


@pytest.mark.compares_with_reference
@refusals("conv2d")
@for_all(options=OPTIONS, shapes=SHAPES, extra=st.sampled_from([0] * 7 + [1]))
def test_whatever_the_options_conv2d_takes_what_the_reference_takes(subject_on_cpu, dtype, options, shapes, extra):
    height, width, *kernel, ins, outs = shapes
    groups = max(options["groups"], 1)
    input = np.ones((1, groups * ins + extra, height, width), dtype)
    weight = np.ones((groups * outs + extra, ins, *kernel), dtype)
    arrays = {"input": input, "weight": weight, "bias": None}

    assert_same_verdict(Problem("conv2d", arrays, options, grad_output=np.zeros(())), subject_on_cpu)


# The layer: torch.nn.Conv1d, Conv2d, Conv3d

PADDING_MODES = st.sampled_from(["zeros", "reflect", "replicate", "circular"])
CONVS = {1: "Conv1d", 2: "Conv2d", 3: "Conv3d"}
"""The layers by rank."""


@pytest.mark.torch_api
@pytest.mark.claim("2.1.d")
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_conv_has_stride_1_no_padding_no_dilation_one_group_and_a_bias_by_default(rank):
    layer = getattr(nn, CONVS[rank])(3, 6, kernel_size=3)

    assert (layer.stride, layer.padding, layer.dilation) == ((1,) * rank, (0,) * rank, (1,) * rank)
    assert (layer.groups, layer.padding_mode) == (1, "zeros")
    assert layer.bias is not None


@pytest.mark.torch_api
@pytest.mark.claim("2.1.b", "2.1.e", "2.1.f")
def test_the_example_layer_has_six_kernels_of_3_by_3_by_3_and_six_biases():
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=3, stride=1, padding=1)

    shapes = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}

    assert isinstance(layer, nn.Module)
    assert all(parameter.requires_grad for parameter in layer.parameters())
    assert shapes == {"weight": (6, 3, 3, 3), "bias": (6,)}
    assert sum(parameter.numel() for parameter in layer.parameters()) == 168


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@for_all(problem=problems(), seed=SEEDS)
def test_the_parameters_of_a_conv_layer_have_the_shapes_of_the_functions_arguments(problem, seed):
    layer = conv_layer(problem, seed)

    assert tuple(layer.weight.shape) == problem.weight.shape
    assert (layer.bias is None) == (problem.bias is None)


@pytest.mark.torch_api
@pytest.mark.claim("2.1.g")
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@for_all(problem=problems(), seed=SEEDS)
def test_a_new_conv_layer_is_random_within_one_over_root_fan_in_and_follows_the_seed(problem, seed):
    layer, again, other = conv_layer(problem, seed), conv_layer(problem, seed), conv_layer(problem, seed + 1)
    limit = 1 / np.sqrt(np.prod(problem.weight.shape[1:]))

    for name, parameter in layer.named_parameters():
        largest = float(parameter.detach().abs().max())
        assert largest <= np.float32(limit) * (1 + 2 * FORMATS["float32"].roundoff)
        assert torch.equal(parameter, again.get_parameter(name))
        assert not torch.equal(parameter, other.get_parameter(name))


@pytest.mark.torch_api
def test_a_new_conv_layer_fills_its_range_evenly():
    torch.manual_seed(0)
    weight = nn.Conv2d(3, 4000, 3).weight.detach().numpy().ravel() * np.sqrt(27)  # 108,000 numbers, from -1 to 1

    shares = np.histogram(weight, bins=20, range=(-1, 1))[0] / weight.size

    assert abs(shares - 1 / 20).max() < 5 * np.sqrt(1 / 20 / weight.size)  # 5 standard deviations, seed fixed


@pytest.mark.torch_api
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # about speed, once a process
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@for_all(problem=problems(paddings=("numbers", "same")), seed=SEEDS, padding_mode=PADDING_MODES)
def test_a_conv_layer_pads_in_its_mode_and_convolves_with_its_parameters(padding_mode, problem, seed):
    layer = conv_layer(problem, seed, padding_mode=padding_mode)
    layer.load_state_dict({name: torch.from_numpy(getattr(problem, name)) for name in layer.state_dict()})
    mode = "constant" if padding_mode == "zeros" else padding_mode
    assume(mode_can_pad(mode, problem))

    output = layer(torch.from_numpy(problem.input)).detach().numpy()

    padded = reference.pad(problem.input, border(problem), mode)
    assert_equal(output, problem.forward(reference, input=padded, padding=0))


@pytest.mark.torch_api
def test_a_conv_layer_refuses_a_padding_mode_that_does_not_exist():
    with pytest.raises(ValueError, match="padding_mode must be one of"):
        nn.Conv2d(3, 6, 3, padding_mode="mirror")


def conv_layer(problem, seed, **options):
    """Return torch's layer for a problem's geometry, initialised from this seed."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also looks for GPUs, which takes long
    outs, ins, *kernel_size = problem.weight.shape
    return getattr(nn, CONVS[len(kernel_size)])(
        ins * problem.groups, outs, tuple(kernel_size), bias=problem.bias is not None, **problem.options, **options
    )


def border(problem):
    """Return the padding of a problem as `pad` takes it, from the last axis backwards."""
    if problem.padding == "same":
        taps = zip(problem.per_axis("dilation"), problem.weight.shape[2:], strict=True)
        pairs = [(d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for d, k in taps]
    else:
        pairs = [(p, p) for p in problem.per_axis("padding")]
    return [cells for pair in reversed(pairs) for cells in pair]


def mode_can_pad(mode, problem):
    """Tell whether the input has the cells to copy: reflect needs one more than it pads, circular as many."""
    size = problem.input.shape[-1 : -problem.weight.ndim + 1 : -1]
    needed = [max(pair) for pair in zip(*[iter(border(problem))] * 2, strict=True)]
    spare = {"reflect": 1, "circular": 0}.get(mode)
    return spare is None or all(h >= n + spare for h, n in zip(size, needed, strict=True))
