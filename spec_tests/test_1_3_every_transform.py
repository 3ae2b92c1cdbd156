"""1.3 What every transform promises, whatever it does to a picture: values in their bound, bytes as PIL's, no traces.

The subject is called as the references are, pictures (…, c, h, w). torch answers with torchvision: bytes go through PIL
images, floating point numbers through tensors. The worked numbers stand in the files of the single transforms.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import exact_formats, float64_only
from spec_tests.vocabulary.layouts import CONTIGUOUS, LAYOUTS
from spec_tests.vocabulary.levels import contracts, conventions, values
from spec_tests.vocabulary.operations import TRANSFORMS
from spec_tests.vocabulary.operations.transforms import at
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.subject import written_into

MOVES = ("center_crop", "crop", "hflip", "vflip")
ROUNDING_IN_BOTH_FORMATS = [
    name for name, row in TRANSFORMS.items() if "floats" in row.draws and "float64" in row.formats
]
COLORS = [name for name in TRANSFORMS if name.startswith("adjust_")]
WITH_BYTES = [name for name, row in TRANSFORMS.items() if "bytes" in row.draws]
SOME_LAYOUTS = ["channels last", "every second entry", "transposed"]
PICTURES = [name for name in TRANSFORMS if name != "to_tensor"]
"""What takes pictures (…, c, h, w)."""


def floats(operation, _):
    """Draw a call with a picture in floating point."""
    return TRANSFORMS[operation].draws["floats"]


def pictures_of_bytes(operation, _):
    """Draw a call with a picture in bytes."""
    return TRANSFORMS[operation].draws["bytes"]


def exact_calls(operation, _):
    """Draw a call whose result does not depend on the order of sums: pixels are moved, bytes, or each is by itself."""
    draws = TRANSFORMS[operation].draws
    return draws["floats" if operation in MOVES or operation == "normalize" else "bytes"]


def called(subject, operation, call):
    """Return what the subject makes of a call."""
    return getattr(subject, operation)(**call)


def with_picture(operation, call, picture):
    """Return a call with another picture."""
    return {**call, TRANSFORMS[operation].image: picture}


# Values


@pytest.mark.compares_with_reference
@values(*ROUNDING_IN_BOTH_FORMATS)
@exact_formats
@for_all(call=floats)
def test_a_transform_of_floating_point_numbers_is_within_its_bound(subject, operation, dtype, call):
    call = at(call, dtype)

    assert_within(called(subject, operation, call), TRANSFORMS[operation].expected(call, dtype), dtype)


@pytest.mark.compares_with_reference
@values("adjust_hue", "color_jitter")
@for_all(call=floats)
def test_a_shifted_hue_and_a_jitter_by_one_factor_are_within_their_bound(subject, operation, dtype, call):
    call = at(call, dtype)

    assert_within(called(subject, operation, call), TRANSFORMS[operation].expected(call, dtype), dtype)


@pytest.mark.compares_with_reference
@values("adjust_hue", "color_jitter")
@float64_only
@for_all(call=floats)
def test_a_shifted_hue_in_float64_is_at_least_as_near_as_float32_allows(subject, operation, dtype, call):
    narrow = at(call, "float32")  # in which torch computes it

    assert_within(
        called(subject, operation, at(narrow, dtype)), TRANSFORMS[operation].expected(narrow, "float32"), dtype
    )


# Conventions


@pytest.mark.compares_with_reference
@conventions("resize", *COLORS, "color_jitter")
@for_all(call=pictures_of_bytes)
def test_bytes_become_the_bytes_that_pil_makes_of_them(subject, operation, call):
    assert_equal(called(subject, operation, call), getattr(reference, operation)(**call))


@conventions(*PICTURES)
@for_all(call=exact_calls)
def test_each_picture_of_a_batch_is_transformed_as_it_is_alone(subject, operation, dtype, call):
    call = at(call, dtype)
    one = call[TRANSFORMS[operation].image]
    other = (one / 2).astype(one.dtype)

    alone, both = (
        called(subject, operation, with_picture(operation, call, np.stack(pictures)))
        for pictures in ([one], [one, other])
    )

    each = [called(subject, operation, with_picture(operation, call, picture)) for picture in (one, other)]
    assert_equal(alone, np.stack(each[:1]))
    assert_equal(both, np.stack(each))


# Contracts


@contracts(*TRANSFORMS)
@for_all(call=exact_calls)
def test_no_transform_changes_its_picture(subject, operation, dtype, call):
    call = at(call, dtype)
    picture = call[TRANSFORMS[operation].image]
    before = picture.copy()

    called(subject, operation, call)

    assert not written_into(subject)
    assert_equal(picture, before)


@contracts("normalize", *WITH_BYTES)
@for_all(call=lambda operation, _: TRANSFORMS[operation].draws["floats" if operation == "normalize" else "bytes"])
def test_a_transform_returns_a_picture_of_its_own(subject, operation, dtype, call):
    call = at(call, dtype)

    output = called(subject, operation, call)

    assert not np.shares_memory(output, call[TRANSFORMS[operation].image])


@contracts(*PICTURES)
@exact_formats
def test_a_transform_keeps_the_format_of_floating_point_numbers(subject, operation, dtype):
    row = TRANSFORMS[operation]
    picture = (row.typical[row.image] / 256).astype(dtype)

    assert called(subject, operation, with_picture(operation, row.typical, picture)).dtype == dtype


@contracts(*TRANSFORMS)
@for_all(call=exact_calls, layout=st.sampled_from(SOME_LAYOUTS), writeable=st.booleans())
def test_a_transform_does_not_depend_on_how_its_picture_lies_in_memory(
    subject, operation, dtype, call, layout, writeable
):
    call = at(call, dtype)
    picture = call[TRANSFORMS[operation].image]
    laid = (LAYOUTS[layout] if LAYOUTS[layout].fits(picture.shape) else CONTIGUOUS).lay(picture)
    laid.flags.writeable = writeable

    output = called(subject, operation, with_picture(operation, call, laid))

    assert_equal(output, called(subject, operation, call))


@contracts(*TRANSFORMS)
@pytest.mark.parametrize("layout", SOME_LAYOUTS)
def test_a_usual_picture_gives_the_same_however_it_lies_in_memory(implementation, operation, layout):
    call = TRANSFORMS[operation].typical
    picture = call[TRANSFORMS[operation].image]

    output = called(implementation, operation, with_picture(operation, call, LAYOUTS[layout].lay(picture)))

    assert_equal(output, called(implementation, operation, call))
