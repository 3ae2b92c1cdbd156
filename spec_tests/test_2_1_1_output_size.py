"""2.1.1 The output size: how often a kernel fits into its padded input.

    places = ⌊(h + 2p − d·(k − 1) − 1) / s⌋ + 1

The formula as printed, (h − k + 2p) / s + 1, lacks the floor and the dilation d.
"""

from math import floor

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from reference.geometry import ConvGeometry, PoolGeometry
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.levels import values
from spec_tests.vocabulary.operations import CONVOLUTIONS, MAX_POOLS
from spec_tests.vocabulary.properties import for_all, problems


def output_size(layers, size, kernel, **options):
    """Return the height that a real convolution of one channel gives."""
    return layers.conv2d(np.zeros((1, 1, size, size)), np.zeros((1, 1, kernel, kernel)), **options).shape[-2]


@pytest.mark.claim("2.1.1.a", "2.1.1.c")
@values("conv2d")
def test_a_3_by_3_kernel_with_padding_1_keeps_32_by_32(implementation):
    by_hand = (32 - 3 + 2 * 1) // 1 + 1  # 31 + 1

    output = implementation.conv2d(np.zeros((1, 3, 32, 32)), np.zeros((6, 3, 3, 3)), stride=1, padding=1)

    assert by_hand == 32
    assert output.shape == (1, 6, 32, 32)


@pytest.mark.claim("2.1.1.b")
@values("conv2d")
def test_where_the_stride_does_not_divide_the_size_is_rounded_down(implementation):
    as_printed = (32 - 3 + 2 * 0) / 2 + 1

    assert as_printed == 15.5
    assert output_size(implementation, 32, 3, stride=2, padding=0) == floor(as_printed) == 15


@pytest.mark.claim("2.1.1.b")
@values("conv2d")
def test_a_dilated_kernel_takes_more_room_than_the_printed_formula_says(implementation):
    as_printed = (32 - 3 + 2 * 0) // 1 + 1

    assert as_printed == 30
    assert output_size(implementation, 32, 3, dilation=2) == 32 - (2 * (3 - 1) + 1) + 1 == 28


@values(*CONVOLUTIONS)
@for_all(problem=problems(batched=True, paddings=("numbers",)))
def test_the_size_of_a_convolution_is_the_formula_along_every_axis(subject, problem):
    size, kernel = np.array(problem.input.shape[2:]), np.array(problem.weight.shape[2:])
    stride, dilation = np.array(problem.per_axis("stride")), np.array(problem.per_axis("dilation"))
    padding = np.array(problem.per_axis("padding"))

    places = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1

    assert_equal(np.array(problem.forward(subject).shape[2:]), places)


@values(*CONVOLUTIONS)
@for_all(problem=problems(batched=True))
def test_the_output_size_function_of_convolution_predicts_the_shape(subject, problem):
    kernel, size = problem.weight.shape[2:], problem.input.shape[2:]

    predicted = reference.conv_output_size(size, kernel, problem.stride, problem.padding, problem.dilation)

    assert problem.forward(subject).shape[2:] == predicted


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_the_output_size_function_of_pooling_predicts_the_shape(subject, problem):
    rank = problem.rank

    predicted = reference.max_pool_output_size(problem.input.shape[-rank:], **problem.options)

    assert problem.forward(subject).shape[-rank:] == predicted


@for_all(size=st.integers(1, 12), kernel=st.integers(1, 4), stride=st.integers(1, 4), dilation=st.integers(1, 3))
def test_the_number_of_places_is_a_count_of_the_starts_that_fit(size, kernel, stride, dilation):
    fits = [start for start in range(0, size, stride) if start + dilation * (kernel - 1) < size]

    if fits:
        assert reference.conv_output_size(size, kernel, stride, dilation=dilation) == len(fits)
    else:
        with pytest.raises(ValueError, match="the padded input has only"):
            reference.conv_output_size(size, kernel, stride, dilation=dilation)


def test_a_number_gives_a_number_and_a_tuple_gives_a_tuple():
    assert reference.conv_output_size(5, 3) == 3
    assert reference.conv_output_size((5, 4), (3, 2)) == (3, 3)
    assert reference.max_pool_output_size(5, 2) == 2
    assert reference.max_pool_output_size((5, 4), 2) == (2, 2)


@values("conv2d")
def test_the_convolution_of_the_example_takes_images_of_the_size_of_cifar_10(implementation):
    images = np.zeros((64, 3, 32, 32), "float32")

    assert implementation.conv2d(images, np.zeros((6, 3, 3, 3), "float32"), padding=1).shape == (64, 6, 32, 32)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("input_size must be at least 1, got 0", {"input_size": 0}),
        ("input_size must be a whole number, got 5.0", {"input_size": 5.0}),
        ("kernel_size must have 1 or 2 numbers", {"input_size": (5, 5), "kernel_size": (1, 1, 1)}),
        ("stride must be at least 1, got 0", {"stride": 0}),
        ("padding must be 'same', 'valid' or whole numbers, got 'full'", {"padding": "full"}),
        ("padding 'same' needs stride 1", {"padding": "same", "stride": 2}),
        ("dilation must be at least 1, got -1", {"dilation": -1}),
    ],
)
def test_the_output_size_of_a_convolution_that_cannot_be_is_refused(message, arguments):
    with pytest.raises((ValueError, TypeError), match=message):
        reference.conv_output_size(**{"input_size": 5, "kernel_size": 3, **arguments})


def test_the_output_size_of_a_pooling_with_padding_over_half_a_window_is_refused():
    with pytest.raises(ValueError, match=r"padding must be at most half of kernel_size \(3,\), got \(2,\)"):
        reference.max_pool_output_size(5, 3, padding=2)


def test_a_geometry_is_the_plain_one_unless_something_else_is_asked_for():
    images, kernels = np.zeros((1, 1, 5)), np.zeros((1, 1, 2))

    assert PoolGeometry.of((5,), 2) == PoolGeometry.of((5,), 2, stride=2, padding=0, dilation=1, ceil_mode=False)
    assert ConvGeometry.of(images, kernels, None) == ConvGeometry.of(images, kernels, None, 1, 0, 1, 1)
