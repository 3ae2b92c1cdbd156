"""2.1 Padding: what a convolution layer sees beyond the border of its input, in its four modes."""

import numpy as np
import pytest

import reference
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.exact import assert_gradients_equal
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused

ROW = np.array([[1.0, 2.0, 3.0]])
NUMPYS_NAMES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

# By hand


@values("pad")
@pytest.mark.parametrize(
    ("mode", "padded"),
    [
        ("constant", [0, 0, 1, 2, 3, 0, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("replicate", [1, 1, 1, 2, 3, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1, 2]),
    ],
)
def test_a_row_of_three_padded_by_two_on_either_side(implementation, mode, padded):
    assert implementation.pad(ROW, (2, 2), mode).tolist() == [padded]


@values("pad")
def test_the_numbers_of_pad_go_from_the_last_axis_backwards(implementation):
    columns_1_before_rows_2_after = (1, 0, 0, 2)

    assert implementation.pad(np.ones((1, 3, 4)), columns_1_before_rows_2_after).shape == (1, 3 + 2, 4 + 1)


@values("pad")
def test_negative_numbers_crop_where_the_padding_is_constant(implementation):
    assert implementation.pad(ROW, (-1, 2), "constant", 9.0).tolist() == [[2, 3, 9, 9]]


# Laws


@values("pad")
@for_all(problem=problems())
def test_every_mode_is_the_mode_of_numpys_own_pad(subject, problem):
    pairs = list(zip(problem.pad[::2], problem.pad[1::2], strict=True))[::-1]
    before = [(0, 0)] * (problem.input.ndim - len(pairs))
    value = {"constant_values": problem.value} if problem.mode == "constant" else {}

    assert_equal(problem.forward(subject), np.pad(problem.input, before + pairs, NUMPYS_NAMES[problem.mode], **value))


@gradients("pad")
@for_all(problem=problems())
def test_what_flows_forward_through_a_padding_flows_back_to_the_cells_it_copied(subject, problem):
    problem = problem.changed(value=0.0 if problem.mode == "constant" else None)

    output, grad_input = problem.forward(subject), problem.backward(subject)

    assert_equal(np.vdot(problem.input, grad_input), np.vdot(output, problem.grad_output))


@pytest.mark.compares_with_reference
@values("pad")
@exact_formats
@for_all(problem=problems())
def test_padding_equals_the_reference(subject, problem):
    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@gradients("pad")
@exact_formats
@for_all(problem=problems())
def test_the_gradient_of_padding_equals_the_references(subject, problem):
    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


# Conventions


@conventions("pad")
@pytest.mark.parametrize("mode", NUMPYS_NAMES)
def test_padding_copies_nan_and_infinities_as_it_does_numbers(subject, mode):
    row = np.array([[np.nan, -np.inf, 0.0]])

    assert_equal(subject.pad(row, (2, 2), mode), np.pad(row, [(0, 0), (2, 2)], NUMPYS_NAMES[mode]))


# Refusals: beside each refused call the nearest one that must be taken

REFUSED = {
    "reflect as far as the input is long": (
        "more than mode 'reflect' can copy from 3",
        ((3, 0), "reflect"),
        ((2, 0), "reflect"),
    ),
    "circular farther than the input is long": (
        "more than mode 'circular' can copy from 3",
        ((4, 0), "circular"),
        ((3, 0), "circular"),
    ),
    "an unknown mode": (
        "mode must be one of constant, reflect, replicate, circular",
        ((1, 1), "mirror"),
        ((1, 1), "reflect"),
    ),
    "one number": ("pad must hold 2 numbers for each of at most 2 axes, got 1", ((1,),), ((1, 1),)),
    "numbers for three axes": ("at most 2 axes, got 6", ((1,) * 6,), ((1,) * 4,)),
    "a number that is not whole": ("pad must be a whole number, got 1.5", ((1.5, 1),), ((1, 1),)),
    "more cut off than there is": ("crops more than mode 'constant' allows", ((-2, -2),), ((-2, -1),)),
    "one side cut off by more than there is": ("crops more than mode 'constant' allows", ((-4, 5),), ((-3, 3),)),
    "the other side cut off by more": ("crops more than mode 'constant' allows", ((5, -4),), ((3, -3),)),
    "a value for a mode that copies": (
        "value is for mode 'constant' only",
        ((1, 1), "reflect", 1.0),
        ((1, 1), "constant", 1.0),
    ),
    "a value for circular padding": (
        "value is for mode 'constant' only",
        ((1, 1), "circular", 1.0),
        ((1, 1), "constant", 1.0),
    ),
    "a value that is no number": (
        "value must be a number, got '3'",
        ((1, 1), "constant", "3"),
        ((1, 1), "constant", 3),
    ),
    "a value beyond the format": (
        "beyond what dtype float32 can hold",
        ((1, 1), "constant", 1e300),
        ((1, 1), "constant", 1e30),
    ),
    "no axis left for the channels": (
        "pads 1 to 3 axes after 1 or 2 others, got 2 after 0",
        ((1,) * 4, "reflect"),
        ((1,) * 2, "reflect"),
    ),
    "no axis left for the channels, circular": (
        "pads 1 to 3 axes after 1 or 2 others, got 2 after 0",
        ((1,) * 4, "circular"),
        ((1,) * 2, "circular"),
    ),
    "no axis to copy along": (
        "pads 1 to 3 axes after 1 or 2 others, got 0 after 2",
        ((), "reflect"),
        ((), "constant"),
    ),
}
"""The message, the arguments that are refused for a row of three, and the nearest ones that are taken."""
ARGUMENTS = ("pad", "mode", "value")


@refusals("pad")
@pytest.mark.parametrize("case", REFUSED)
def test_pad_refuses(subject_on_cpu, case):
    message, refused, taken = REFUSED[case]
    call, near = (dict(zip(ARGUMENTS, given, strict=False)) for given in (refused, taken))

    assert_refused(subject_on_cpu, "pad", message, near=near, input=ROW.astype("float32"), **call)


@refusals("pad")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("mode", "farthest"), [("reflect", cells - 1) for cells in (1, 2, 3)] + [("circular", 1)])
def test_a_row_of_any_length_is_copied_no_farther_than_it_reaches(subject_on_cpu, mode, farthest, side):
    cells = farthest + (mode == "reflect")
    pads = [(number, 0) if side == 0 else (0, number) for number in (farthest + 1, farthest)]
    call = {"input": np.ones((2, cells), "float32"), "pad": pads[0], "mode": mode}

    assert_refused(subject_on_cpu, "pad", f"can copy from {cells} cells", near={"pad": pads[1]}, **call)


@refusals("pad")
@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_no_more_axes_are_padded_than_there_are(subject_on_cpu, axes):
    call, near = {"input": np.ones((2,) * axes), "pad": (1,) * (2 * axes + 2)}, {"pad": (1,) * (2 * axes)}

    assert_refused(subject_on_cpu, "pad", f"of at most {axes} axes, got {2 * axes + 2}", near=near, **call)


@refusals("pad")
@pytest.mark.parametrize("mode", [mode for mode in NUMPYS_NAMES if mode != "constant"])
def test_cells_are_copied_along_three_axes_at_most(subject_on_cpu, mode):
    call, near = (
        {"input": np.ones((1,) * 6), "pad": (0,) * 8, "mode": mode},
        {"input": np.ones((1,) * 5), "pad": (0,) * 6},
    )

    assert_refused(subject_on_cpu, "pad", "pads 1 to 3 axes after 1 or 2 others, got 4 after 2", near=near, **call)


@conventions("pad")
@pytest.mark.parametrize("mode", ["constant", "circular"])
def test_an_empty_channel_remains_empty_where_the_padding_is_constant_or_circular(subject, mode):
    assert subject.pad(np.zeros((2, 0, 3)), (1, 1), mode).shape == (2, 0, 5)
    assert subject.pad_backward(np.zeros((2, 0, 5)), np.zeros((2, 0, 3)), (1, 1), mode).shape == (2, 0, 3)


@conventions("pad")
def test_a_row_without_cells_remains_empty_where_circular_padding_adds_none(subject):
    assert subject.pad(np.zeros((2, 0)), (0, 0), "circular").shape == (2, 0)


@refusals("pad")
@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_an_empty_channel_is_refused_where_cells_are_reflected_or_replicated(subject_on_cpu, mode):
    message = "takes no empty axis but the batch"
    call = {"input": np.zeros((2, 0, 3)), "pad": (1, 1), "mode": mode}

    assert_refused(subject_on_cpu, "pad", message, near={"input": np.zeros((0, 2, 3))}, **call)
