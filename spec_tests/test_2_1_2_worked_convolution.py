"""2.1.2 The worked convolution: nine windows by hand, and two channels added up."""

import numpy as np
import pytest

from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.claims import erratum
from spec_tests.vocabulary.levels import gradients, refusals, values
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.sums import assert_equal_sums, settled
from spec_tests.worked_examples import CHANNELS, KERNEL, KERNEL_SLICES, MAP


def convolved(layers, image=MAP, kernel=KERNEL):
    """Return the convolution of one channel with one kernel, stride 1, no padding."""
    return settled(layers.conv2d(image[np.newaxis], kernel[np.newaxis, np.newaxis]), "conv2d", layers)[0]


@pytest.mark.claim("2.1.2.a", "2.1.2.d")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_first_window_gives_minus_6(implementation, form):
    by_hand = (
        (1 * 1 + 2 * 0 + 3 * -1)
        + (4 * 1 + 5 * 0 + 6 * -1)
        + (7 * 1 + 8 * 0 + 9 * -1)
    )  # fmt: skip

    assert by_hand == 1 + 0 - 3 + 4 + 0 - 6 + 7 + 0 - 9 == -6
    assert convolved(form(implementation))[0, 0] == by_hand


@pytest.mark.claim("2.1.2.b")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_second_window_gives_12(implementation, form):
    by_hand = (
        (2 * 1 + 3 * 0 + 0 * -1)
        + (5 * 1 + 6 * 0 + 1 * -1)
        + (8 * 1 + 9 * 0 + 2 * -1)
    )  # fmt: skip

    assert by_hand == 2 + 0 + 0 + 5 + 0 - 1 + 8 + 0 - 2 == 12
    assert convolved(form(implementation))[0, 1] == by_hand


@pytest.mark.claim("2.1.2.c")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_third_window_gives_16(implementation, form):
    by_hand = (
        (3 * 1 + 0 * 0 + 1 * -1)
        + (6 * 1 + 1 * 0 + 0 * -1)
        + (9 * 1 + 2 * 0 + 1 * -1)
    )  # fmt: skip

    assert by_hand == 3 + 0 - 1 + 6 + 0 + 0 + 9 + 0 - 1 == 16
    assert convolved(form(implementation))[0, 2] == by_hand


@pytest.mark.claim("2.1.2.e")
@values("conv2d")
@pytest.mark.parametrize(("row", "column"), list(np.ndindex(3, 3)))
@as_printed_and_in_a_batch
def test_output_row_i_column_j_is_the_window_i_rows_down_and_j_columns_to_the_right(implementation, form, row, column):
    window = MAP[row : row + 3, column : column + 3]

    assert convolved(form(implementation))[row, column] == (window * KERNEL).sum()


@pytest.mark.claim("2.1.2.f")
@values("conv2d")
@as_printed_and_in_a_batch
def test_a_3_by_3_kernel_fits_into_5_by_5_in_3_by_3_places(implementation, form):
    assert convolved(form(implementation)).shape == (3, 3)


@pytest.mark.claim("2.1.2.g")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_first_output_row_is_minus_6_12_16(implementation, form):
    assert convolved(form(implementation))[0].tolist() == [-6, 12, 16]


@pytest.mark.claim("2.1.2.h")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_second_output_row_is_minus_6_8_12_not_the_printed_minus_12_18_20(implementation, form):
    printed, corrected = erratum("2.1.2.h")
    by_hand = [
        (4 - 6) + (7 - 9) + (0 - 2),
        (5 - 1) + (8 - 2) + (1 - 3),
        (6 - 0) + (9 - 1) + (2 - 4),
    ]

    assert convolved(form(implementation))[1].tolist() == by_hand == corrected
    assert corrected != printed


@pytest.mark.claim("2.1.2.i")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_third_output_row_is_minus_2_6_2_not_the_printed_minus_21_15_14(implementation, form):
    printed, corrected = erratum("2.1.2.i")
    by_hand = [
        (7 - 9) + (0 - 2) + (3 - 1),
        (8 - 2) + (1 - 3) + (2 - 0),
        (9 - 1) + (2 - 4) + (1 - 5),
    ]

    assert convolved(form(implementation))[2].tolist() == by_hand == corrected
    assert corrected != printed


@pytest.mark.claim("2.1.2.j")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_kernel_is_not_flipped_as_the_mathematical_convolution_would_flip_it(implementation, form):
    flipped = np.flip(KERNEL)

    assert convolved(form(implementation))[0].tolist() == [-6, 12, 16]
    assert convolved(form(implementation), kernel=flipped)[0].tolist() == [6, -12, -16]


@pytest.mark.claim("2.1.2.l")
@values("conv2d")
@as_printed_and_in_a_batch
def test_the_kernels_of_the_two_channel_example_are_2_by_2_not_3_by_3(implementation, form):
    printed, corrected = erratum("2.1.2.l")

    assert printed != corrected == list(KERNEL_SLICES.shape[1:])
    assert form(implementation).conv2d(CHANNELS, KERNEL_SLICES[np.newaxis]).shape == (1, 1, 1)


@refusals("conv2d")
@pytest.mark.parametrize("images", [CHANNELS, CHANNELS[np.newaxis]], ids=["as printed", "in a batch of one"])
def test_3_by_3_kernels_do_not_fit_the_two_channel_example(subject_on_cpu, images):
    call, near = {"input": images, "weight": np.zeros((1, 2, 3, 3))}, {"weight": KERNEL_SLICES[np.newaxis]}

    assert_refused(subject_on_cpu, "conv2d", r"spans \(3, 3\) cells, the padded input", near=near, **call)


@pytest.mark.claim("2.1.2.m")
@values("conv2d")
@as_printed_and_in_a_batch
def test_channel_1_contributes_5(implementation, form):
    by_hand = 1 * 1 + 2 * 0 + 3 * 0 + 4 * 1

    assert convolved(form(implementation), CHANNELS[0], KERNEL_SLICES[0]).tolist() == [[by_hand]] == [[5]]


@pytest.mark.claim("2.1.2.n")
@values("conv2d")
@as_printed_and_in_a_batch
def test_channel_2_contributes_13(implementation, form):
    by_hand = 5 * 0 + 6 * 1 + 7 * 1 + 8 * 0

    assert convolved(form(implementation), CHANNELS[1], KERNEL_SLICES[1]).tolist() == [[by_hand]] == [[13]]


@pytest.mark.claim("2.1.2.o", "2.1.2.k")
@values("conv2d")
@as_printed_and_in_a_batch
def test_both_channels_together_give_18(implementation, form):
    together = settled(form(implementation).conv2d(CHANNELS, KERNEL_SLICES[np.newaxis]), "conv2d", implementation)

    assert together.tolist() == [[[5 + 13]]] == [[[18]]]


@gradients("conv2d")
@as_printed_and_in_a_batch
def test_the_gradient_of_the_worked_convolution_by_hand(implementation, form):
    grad_output = np.array([[[1.0, 0, 0], [0, 0, 0], [0, 0, 2]]])  # the first window once, the last one twice

    grad_input, grad_weight, _ = form(implementation).conv2d_backward(
        grad_output, MAP[np.newaxis], KERNEL[np.newaxis, np.newaxis]
    )

    expected = np.zeros((5, 5))
    expected[:3, :3] += 1 * KERNEL
    expected[2:, 2:] += 2 * KERNEL
    assert_equal_sums(grad_input[0], expected, "conv2d", implementation)
    assert_equal_sums(grad_weight[0, 0], 1 * MAP[:3, :3] + 2 * MAP[2:, 2:], "conv2d", implementation)
