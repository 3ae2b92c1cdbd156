"""1.3 Resize: every new pixel is a weighted sum of old ones.

PIL's bytes are equal to those of the references, whatever the picture. What tensors do differently is a bound of
`spec_tests.vocabulary.image_bounds`, or an example.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import reference
from reference.resize import INTERPOLATIONS, resized_output_size
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.image_bounds import (
    bytes_resized_as_bytes,
    bytes_resized_as_floats,
    resized,
    resized_and_stored_twice,
)
from spec_tests.vocabulary.image_paths import (
    PIL_V1,
    PIL_V2,
    REFERENCES,
    TENSOR_V1,
    TENSOR_V2,
    THROUGH_PIL,
    THROUGH_TENSORS,
    array,
    assert_bytes_within,
    each_path,
    each_tensor_path,
    fractions,
    image,
    photograph,
    pictures,
    sizes,
    stored,
    through_pil,
    through_torchvision,
)
from spec_tests.vocabulary.problems import SEEDS, real_numbers
from spec_tests.vocabulary.subject import REFUSALS

FILTERS = st.sampled_from(["bilinear", "bicubic"])
BOOLEANS = st.booleans()
PIL_PATHS, TENSOR_PATHS = st.sampled_from(THROUGH_PIL), st.sampled_from(THROUGH_TENSORS)
TENSOR_SIZES = sizes(narrowest=2)  # a width of 1 is the deviation "antialias-one-column"


def row(*values, dtype="uint8"):
    """Return a picture of one row."""
    return np.array([[values]], dtype)


# By hand


@each_path
def test_a_bilinear_pixel_takes_more_of_the_nearer_of_its_two_neighbours(path):
    places = [(i + 1 / 2) * 2 / 4 for i in range(4)]  # of 4 pixels among 2, whose centres are ½ and 1½
    assert places == [0.25, 0.75, 1.25, 1.75]

    output = path.resize(row(0, 4), (1, 4))

    assert_equal(output, row(0, 0.75 * 0 + 0.25 * 4, 0.25 * 0 + 0.75 * 4, 4))


@each_path
def test_a_picture_that_shrinks_is_weighed_with_a_wider_triangle(path):
    distances = [abs(y + 1 / 2 - (0 + 1 / 2) * 4 / 2) / (4 / 2) for y in range(4)]  # of 4 pixels from the first of 2
    assert [1 - d for d in distances] == [3 / 4, 3 / 4, 1 / 4, -1 / 4]  # the last is out of reach, the rest is 7/4

    output = path.resize(row(7, 14, 21, 28), (1, 2))

    assert_equal(output, row((3 * 7 + 3 * 14 + 21) // 7, (14 + 3 * 21 + 3 * 28) // 7))


@each_tensor_path
def test_without_antialias_a_picture_that_shrinks_is_only_looked_at_in_places(path):
    output = path.resize(row(7, 14, 21, 28, dtype="float32"), (1, 2), antialias=False)

    assert_equal(output, row((7 + 14) / 2, (21 + 28) / 2, dtype="float32"))


@each_path
def test_a_bicubic_pixel_takes_more_than_all_of_its_nearest_neighbours_and_less_than_nothing_of_the_next(path):
    place = (3 + 1 / 2) * 4 / 8  # of pixel 3 of 8, among 4 whose centres are ½, 1½, 2½, 3½
    far, near = [lambda d: -(d**3 - 5 * d**2 + 8 * d - 4) / 2, lambda d: (3 * d**3 - 5 * d**2 + 2) / 2]
    shares = [far(place - 0.5), near(place - 1.5), near(2.5 - place), far(3.5 - place)]
    assert [128 * share for share in shares] == [-9, 111, 29, -3]

    assert path.resize(row(0, 128, 0, 0), (1, 8), interpolation="bicubic")[0, 0, 3] == 111
    assert path.resize(row(0, 128, 128, 0), (1, 8), interpolation="bicubic")[0, 0, 3] == 111 + 29


@each_tensor_path
def test_without_antialias_the_cubic_is_another_one(path):
    place = (3 + 1 / 2) * 4 / 8
    far, near = [lambda d: -(d**3 - 5 * d**2 + 8 * d - 4) * 3 / 4, lambda d: (5 * d**3 - 9 * d**2 + 4) / 4]
    shares = [far(place - 0.5), near(place - 1.5), near(2.5 - place), far(3.5 - place)]
    assert [256 * share for share in shares] == [-27, 225, 67, -9]
    impulses = 256 * np.identity(4, "float32")[:, np.newaxis]  # four pictures of one row

    output = path.resize(impulses, (1, 8), interpolation="bicubic", antialias=False)

    assert_equal(output[:, 0, 3], np.array([-27, 225, 67, -9], "float32"))


@each_path
def test_nearest_exact_copies_the_pixel_whose_cell_holds_the_place(path):
    places = [(i + 1 / 2) * 5 / 3 for i in range(3)]
    assert [int(place) for place in places] == [0, 2, 4]

    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest-exact"), row(5, 7, 9))


@each_tensor_path
def test_nearest_copies_the_pixel_where_the_cell_of_the_new_one_begins(path):
    assert [i * 5 // 3 for i in range(3)] == [0, 1, 3]

    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest"), row(5, 6, 8))


@through_pil
def test_pil_knows_only_nearest_exact_and_calls_it_nearest(path):
    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest"), row(5, 7, 9))


# The size


@pytest.mark.claim("1.3.h")
@each_path
def test_a_pair_is_the_height_and_the_width(path):
    assert path.resize(np.zeros((3, 260, 300), np.uint8), (256, 200)).shape == (3, 256, 200)


@pytest.mark.claim("1.3.h")
@each_path
def test_one_number_is_the_length_of_the_shorter_edge_and_the_longer_one_keeps_the_ratio_rounded_down(path):
    assert 256 * 300 // 260 == 295

    assert path.resize(np.zeros((3, 260, 300), np.uint8), 256).shape == (3, 256, 295)
    assert path.resize(np.zeros((3, 300, 260), np.uint8), 256).shape == (3, 295, 256)


@pytest.mark.claim("1.3.h")
@through_torchvision
@pytest.mark.parametrize("size", [(5, 4), 5, [5]])
def test_the_transform_resizes_as_the_function_does(path, size):
    picture = photograph()[:, ::60, ::60]

    assert_equal(path.through(path.module.Resize(size))(picture), path.resize(picture, size))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS | TENSOR_PATHS,
    shape=st.tuples(st.just(1), *[st.integers(4, 12)] * 2),
    size=st.integers(2, 12),
    more=st.integers(1, 12),
)
def test_the_longer_edge_is_at_most_max_size(path, shape, size, more):
    picture = np.zeros(shape, np.uint8)

    output = path.resize(picture, size, max_size=size + more)

    assert output.shape[1:] == resized_output_size(shape[1:], size, size + more)
    assert max(output.shape) == min(size * max(shape) // min(shape[1:]), size + more)


def test_a_pil_image_names_its_width_first():
    assert image(np.zeros((3, 260, 300), np.uint8)).size == (300, 260)


# Laws of the references


@given(level=st.integers(0, 255), old=sizes(), new=sizes(), interpolation=FILTERS)
def test_a_picture_of_one_level_stays_so(level, old, new, interpolation):
    assert_equal(
        reference.resize(np.full((1, *old), level, np.uint8), new, interpolation), np.full((1, *new), level, np.uint8)
    )


@given(picture=pictures(), interpolation=st.sampled_from(INTERPOLATIONS))
def test_resized_to_its_own_size_a_picture_is_what_it_was(picture, interpolation):
    assert_equal(reference.resize(picture, picture.shape[1:], interpolation), picture)


@given(picture=pictures(), size=sizes(), interpolation=FILTERS)
def test_every_channel_is_resized_by_itself(picture, size, interpolation):
    alone = [reference.resize(channel, size, interpolation) for channel in picture]

    assert_equal(reference.resize(picture, size, interpolation), np.stack(alone))


@given(picture=pictures(), size=sizes(), interpolation=FILTERS)
def test_bytes_are_resized_in_one_direction_and_then_as_bytes_in_the_other(picture, size, interpolation):
    (h, w), (new_h, new_w) = picture.shape[1:], size
    halfway = (new_h, w) if h - new_h > max(0, 2 * (w - new_w)) else (h, new_w)

    in_two_steps = reference.resize(reference.resize(picture, halfway, interpolation), size, interpolation)

    assert_equal(reference.resize(picture, size, interpolation), in_two_steps)


# PIL images: equal bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS,
    picture=pictures(),
    size=sizes(),
    interpolation=st.sampled_from(["bilinear", "bicubic", "nearest-exact"]),
)
def test_pil_resizes_to_the_bytes_of_the_references(path, picture, size, interpolation):
    output = path.resize(picture, size, interpolation=interpolation)

    assert_equal(output, reference.resize(picture, size, interpolation))


@pytest.mark.compares_with_reference
@through_pil
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest-exact"])
@pytest.mark.parametrize("size", [(256, 256), 224, (50, 700)])
def test_pil_resizes_a_photograph_to_the_bytes_of_the_references(path, size, interpolation):
    expected = reference.resize(photograph(), size, interpolation)

    assert_equal(path.resize(photograph(), size, interpolation=interpolation), expected)


@through_pil
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_pil_has_antialias_in_any_case_and_warns_whoever_wants_none(path, interpolation):
    picture = photograph()[:, ::40, ::40]

    with pytest.warns(UserWarning, match="Anti-alias option is always applied for PIL Image input"):
        output = path.resize(picture, 7, interpolation=interpolation, antialias=False)

    assert_equal(output, path.resize(picture, 7, interpolation=interpolation))


# PIL images of other modes

WIDE = {"I": np.int32, "I;16": np.uint16}


@through_pil
def test_pil_weighs_a_color_with_its_alpha_where_a_tensor_lets_it_through(path):
    red, unseen_blue = (255, 0, 0, 255), (0, 0, 255, 0)
    picture = np.array([[red, unseen_blue]], np.uint8).transpose(2, 0, 1)

    assert path.resize(picture, (1, 1)).ravel().tolist() == [255, 0, 0, 128]
    assert TENSOR_V2.resize(picture, (1, 1)).ravel().tolist() == [128, 0, 128, 128]


@pytest.mark.compares_with_reference
@through_pil
def test_pil_resizes_all_four_channels_alike_where_nothing_is_transparent(path):
    colors = photograph()[:, ::20, ::20]
    picture = np.concatenate([colors, np.full_like(colors[:1], 255)])

    assert_equal(path.resize(picture, 20), reference.resize(picture, 20))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, picture=pictures(channels=(4,)), size=sizes(), interpolation=FILTERS)
def test_pil_multiplies_colors_by_their_alpha_resizes_and_divides(path, picture, size, interpolation):
    multiplied = reference.resize(array(image(picture).convert("RGBa")), size, interpolation)
    divided = Image.frombytes("RGBa", size[::-1], np.ascontiguousarray(stored(multiplied)).tobytes()).convert("RGBA")

    output = path.resize(picture, size, interpolation=interpolation)

    assert_equal(output, picture if size == picture.shape[1:] else array(divided))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS,
    mode=st.sampled_from(["1", "P"]),
    picture=pictures(channels=(1,)),
    size=sizes(),
    interpolation=FILTERS,
)
def test_pil_copies_the_nearest_pixel_of_a_mode_that_cannot_be_mixed(path, mode, picture, size, interpolation):
    before = image(picture > 127) if mode == "1" else image(picture).convert("P")
    indices = array(before).astype(np.uint8)

    after = path.module.functional.resize(before, list(size), path.module.InterpolationMode(interpolation))

    assert after.mode == mode
    assert_equal(array(after).astype(np.uint8), reference.resize(indices, size, "nearest-exact"))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, seed=SEEDS, old=sizes(), new=sizes(), interpolation=FILTERS)
def test_pil_resizes_mode_f_in_double_precision_and_stores_it_twice(path, seed, old, new, interpolation):
    picture = real_numbers(np.random.default_rng(seed), (1, *old)).astype("float32")

    output = path.resize(picture, new, interpolation=interpolation)

    assert_within(output, resized_and_stored_twice(picture, new, interpolation), "float32")


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, mode=st.sampled_from(["I", "I;16"]), seed=SEEDS, old=sizes(), new=sizes())
def test_pil_rounds_wide_whole_numbers_by_half_a_unit_in_each_direction(path, mode, seed, old, new):
    picture = np.random.default_rng(seed).integers(0, 2**16, (1, *old), WIDE[mode])
    exact = resized(picture, new, "bilinear", True, "float64")

    output = path.resize(picture, new)

    assert (image(picture).mode, output.dtype) == (mode, WIDE[mode])
    assert (abs(output - exact.exact) <= 1 / 2 + 1 / 2 + exact.bound).all()


# Tensors of floating point numbers


@st.composite
def resizings(draw, narrowest=1):
    """Draw a floating point picture and its new size: small, or a long row, whose places are rounded more."""
    if draw(st.sampled_from([True, True, False])):
        return draw(pictures((fractions, real_numbers))), draw(sizes(narrowest))
    rng, lengths = np.random.default_rng(draw(SEEDS)), st.integers(2, 99)
    return fractions(rng, (1, 1, draw(lengths))), (1, draw(lengths))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@exact_formats
@given(path=TENSOR_PATHS, resizing=resizings(narrowest=2), interpolation=FILTERS, antialias=BOOLEANS)
def test_a_floating_point_tensor_is_resized_within_the_bound(path, dtype, resizing, interpolation, antialias):
    picture, size = resizing[0].astype(dtype), resizing[1]

    output = path.resize(picture, size, interpolation=interpolation, antialias=antialias)

    assert_within(output, resized(picture, size, interpolation, antialias, dtype), dtype)


@float32_only
@given(resizing=resizings(), interpolation=FILTERS, antialias=BOOLEANS)
def test_the_references_keep_the_bound_too(dtype, resizing, interpolation, antialias):
    picture, size = resizing[0].astype(dtype), resizing[1]

    output = reference.resize(picture, size, interpolation, antialias=antialias)

    assert_within(output, resized(picture, size, interpolation, antialias, dtype), dtype)


def copied(old, new, interpolation):
    """Return which of the old pixels each new one copies, and where it lies between that one and the one before."""
    numbers = np.arange(old, dtype="float32").reshape(1, 1, old)
    i = np.arange(new)
    between = i * old % new == 0 if interpolation == "nearest" else (2 * i + 1) * old % (2 * new) == 0
    return reference.resize(numbers, (1, new), interpolation)[0, 0].astype(int), between


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=TENSOR_PATHS,
    interpolation=st.sampled_from(["nearest", "nearest-exact"]),
    old=sizes(largest=40),
    new=sizes(largest=40),
)
def test_a_tensor_copies_the_nearest_pixels_and_between_two_of_them_either(path, interpolation, old, new):
    numbers = np.arange(old[0] * old[1], dtype="float32").reshape(1, *old)

    output = path.resize(numbers, new, interpolation=interpolation)[0].astype(int)

    rows, columns = output[:, 0] // old[1], output[0] % old[1]
    assert_equal(output, rows[:, np.newaxis] * old[1] + columns)
    for found, *axis in zip((rows, columns), old, new, strict=True):
        expected, between = copied(*axis, interpolation)
        assert ((found == expected) | between & (found == expected - 1)).all()


# Tensors of bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(picture=pictures(), size=TENSOR_SIZES, interpolation=FILTERS, antialias=BOOLEANS)
def test_v1_rounds_the_exact_bytes_once(picture, size, interpolation, antialias):
    output = TENSOR_V1.resize(picture, size, interpolation=interpolation, antialias=antialias)

    near = bytes_resized_as_floats(picture, size, interpolation, antialias)
    assert_bytes_within(output, near.exact, near.bound)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(picture=pictures(), size=TENSOR_SIZES, interpolation=FILTERS, antialias=BOOLEANS)
def test_v2_rounds_and_cuts_off_after_the_columns_and_after_the_rows(picture, size, interpolation, antialias):
    output = TENSOR_V2.resize(picture, size, interpolation=interpolation, antialias=antialias)

    near = bytes_resized_as_bytes(picture, size, interpolation, antialias)
    assert_bytes_within(output, near.exact, near.bound)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(picture=pictures(), size=TENSOR_SIZES)
def test_bilinear_bytes_are_one_unit_from_pils_in_v1_and_two_in_v2(picture, size):
    expected = reference.resize(picture, size)  # no more than 1 from the exact numbers, being rounded twice

    assert_bytes_within(TENSOR_V1.resize(picture, size), expected, 1)  # both whole, and together 1½ from each other
    assert_bytes_within(TENSOR_V2.resize(picture, size), expected, 2)


@pytest.mark.torch_api
def test_two_units_it_is_where_all_roundings_go_apart():
    shares = np.array([Fraction(5, 14), Fraction(9, 14)])  # of the pixels 1 and 2 of 6 in the pixel 2 of 7
    picture = np.zeros((1, 6, 6), np.uint8)
    picture[0, 1:3, 1:3] = [[0, 7], [7, 14]]
    columns = picture[0, 1:3, 1:3].astype(object) @ shares
    assert columns.tolist() == [4.5, 11.5]

    assert np.array([4, 11]) @ shares == 8.5
    assert REFERENCES.resize(picture, (7, 7))[0, 2, 2] == PIL_V1.resize(picture, (7, 7))[0, 2, 2] == 8
    assert np.array([5, 12]) @ shares == 9.5
    assert TENSOR_V2.resize(picture, (7, 7))[0, 2, 2] in (10, 9)  # 9 on a processor for which v2 goes by way of floats


@pytest.mark.torch_api
def test_bicubic_bytes_lie_far_apart_where_one_overshoots_and_the_other_has_cut_that_off():
    picture = np.array([[[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]]], np.uint8) * 255
    exact = reference.resize(picture.astype("float64"), (8, 7), "bicubic")[0, 4, 3]

    by_tensor, by_pil = (p.resize(picture, (8, 7), interpolation="bicubic")[0, 4, 3] for p in (TENSOR_V1, PIL_V2))

    assert by_tensor == np.rint(exact) == 3
    assert by_pil == 34


# Refusals

REFUSED = {
    "a size of 0": ("size must be one or two numbers of at least 1, got 0", 0, {}),
    "a negative size": ("size must be one or two numbers of at least 1, got -1", -1, {}),
    "a height of 0": (r"size must be one or two numbers of at least 1, got \(0, 2\)", (0, 2), {}),
    "a size that is no whole number": ("size must be a whole number, got 2.5", 2.5, {}),
    "no more than the shorter edge": ("max_size must be more than size 2, got 2", 2, {"max_size": 2}),
    "a pair with a max_size": ("max_size needs a size for the shorter edge alone", (2, 2), {"max_size": 5}),
    "an unknown interpolation": ("interpolation must be one of .*, got 'area'", 2, {"interpolation": "area"}),
}


@each_path
@pytest.mark.parametrize("case", REFUSED)
def test_resize_refuses(path, case):
    message, size, options = REFUSED[case]

    with pytest.raises(REFUSALS, match=message if path is REFERENCES else None):
        path.resize(np.zeros((1, 4, 5), np.uint8), size, **options)


@each_path
def test_resize_refuses_a_max_size_that_leaves_nothing_of_the_shorter_edge(path):
    assert 3 * 2 // (2 * 100) == 0

    with pytest.raises(REFUSALS, match="nothing of the shorter edge" if path is REFERENCES else None):
        path.resize(np.zeros((1, 1, 100), np.uint8), 2, max_size=3)


@pytest.mark.torch_api
@pytest.mark.parametrize("path", [PIL_V2, TENSOR_V2], ids=["PIL", "tensor"])
def test_only_v2_takes_three_numbers_for_a_size_and_forgets_the_third(path):
    picture = np.zeros((1, 4, 5), np.uint8)

    assert path.resize(picture, (2, 3, 7)).shape == (1, 2, 3)
    for other in (REFERENCES, PIL_V1, TENSOR_V1):
        with pytest.raises(ValueError, match=r"one or two numbers|a 1 or 2 element tuple"):
            other.resize(picture, (2, 3, 7))


@pytest.mark.parametrize(
    ("message", "picture", "options"),
    [
        ("img has dtype int32", np.zeros((1, 2, 2), np.int32), {}),
        (r"img has shape \(2,\)", np.zeros(2), {}),
        ("img must be a NumPy array, got list", [[0]], {}),
        ("antialias must be True for a picture of bytes", np.zeros((1, 2, 2), np.uint8), {"antialias": False}),
        ("antialias must be True or False, got None", np.zeros((1, 2, 2)), {"antialias": None}),
    ],
    ids=["whole numbers", "a row", "a list", "bytes without antialias", "no antialias at all"],
)
def test_the_reference_refuses(message, picture, options):
    with pytest.raises((ValueError, TypeError), match=message):
        reference.resize(picture, (1, 1), **options)
