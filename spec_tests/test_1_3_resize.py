"""1.3 Resize: every new pixel is a weighted sum of old ones.

On every image, PIL's bytes equal those of the references. Where tensors differ, a bound of
`spec_tests.vocabulary.image_bounds` or an example says by how much.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.resize import INTERPOLATIONS, resized_output_size
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.image_bounds import (
    bytes_resized_as_bytes,
    bytes_resized_as_floats,
    resized,
    resized_in_mode_f,
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
    channels_last,
    each_path,
    each_tensor_path,
    images,
    needs_pillow,
    photograph,
    pil_image,
    sizes,
    through_pil,
    through_torchvision,
    unit_interval,
)
from spec_tests.vocabulary.levels import conventions, refusals, values
from spec_tests.vocabulary.problems import SEEDS, real_numbers
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.subject import REFUSALS
from spec_tests.vocabulary.torch_when_needed import Image

FILTERS = st.sampled_from(["bilinear", "bicubic"])
BOOLEANS = st.booleans()
PIL_PATHS, TENSOR_PATHS = st.sampled_from(THROUGH_PIL), st.sampled_from(THROUGH_TENSORS)
TENSOR_SIZES = sizes(narrowest=2)  # at width 1: deviation "antialias-one-column"


def row(*values, dtype="uint8"):
    """Return a one-row image."""
    return np.array([[values]], dtype)


# By hand


@each_path
def test_a_bilinear_pixel_weights_the_nearer_of_its_two_neighbours_more(path):
    centres = [(i + 1 / 2) * 2 / 4 for i in range(4)]  # of the 4 new pixels; those of the 2 old ones are ½ and 1½
    assert centres == [0.25, 0.75, 1.25, 1.75]

    output = path.resize(row(0, 4), (1, 4))

    assert_equal(output, row(0, 0.75 * 0 + 0.25 * 4, 0.25 * 0 + 0.75 * 4, 4))


@each_path
def test_shrinking_widens_the_triangle_filter(path):
    distances = [
        abs(y + 1 / 2 - (0 + 1 / 2) * 4 / 2) / (4 / 2) for y in range(4)
    ]  # of the 4 old pixels from the first new one
    assert [1 - d for d in distances] == [
        3 / 4,
        3 / 4,
        1 / 4,
        -1 / 4,
    ]  # the last is out of reach, the others sum to 7/4

    output = path.resize(row(7, 14, 21, 28), (1, 2))

    assert_equal(output, row((3 * 7 + 3 * 14 + 21) // 7, (14 + 3 * 21 + 3 * 28) // 7))


@each_tensor_path
def test_shrinking_without_antialias_only_samples_the_image(path):
    output = path.resize(row(7, 14, 21, 28, dtype="float32"), (1, 2), antialias=False)

    assert_equal(output, row((7 + 14) / 2, (21 + 28) / 2, dtype="float32"))


@each_path
def test_a_bicubic_pixel_weights_its_outer_neighbours_negatively(path):
    centre = (3 + 1 / 2) * 4 / 8  # of new pixel 3 of 8; those of the 4 old ones are ½, 1½, 2½, 3½
    far, near = [lambda d: -(d**3 - 5 * d**2 + 8 * d - 4) / 2, lambda d: (3 * d**3 - 5 * d**2 + 2) / 2]
    weights = [far(centre - 0.5), near(centre - 1.5), near(2.5 - centre), far(3.5 - centre)]
    assert [128 * weight for weight in weights] == [-9, 111, 29, -3]

    assert path.resize(row(0, 128, 0, 0), (1, 8), interpolation="bicubic")[0, 0, 3] == 111
    assert path.resize(row(0, 128, 128, 0), (1, 8), interpolation="bicubic")[0, 0, 3] == 111 + 29


@each_tensor_path
def test_without_antialias_the_cubic_filter_is_a_different_one(path):
    centre = (3 + 1 / 2) * 4 / 8
    far, near = [lambda d: -(d**3 - 5 * d**2 + 8 * d - 4) * 3 / 4, lambda d: (5 * d**3 - 9 * d**2 + 4) / 4]
    weights = [far(centre - 0.5), near(centre - 1.5), near(2.5 - centre), far(3.5 - centre)]
    assert [256 * weight for weight in weights] == [-27, 225, 67, -9]
    impulses = 256 * np.identity(4, "float32")[:, np.newaxis]  # four one-row images

    output = path.resize(impulses, (1, 8), interpolation="bicubic", antialias=False)

    assert_equal(output[:, 0, 3], np.array([-27, 225, 67, -9], "float32"))


@values("resize")
@exact_formats
def test_twice_as_many_pixels_lie_a_quarter_pixel_beside_the_old_ones(implementation, dtype):
    centres = [(i + 1 / 2) * 2 / 4 for i in range(4)]  # of the 4 new pixels; those of the 2 old ones are ½ and 1½
    assert centres == [1 / 4, 3 / 4, 5 / 4, 7 / 4]

    output = implementation.resize(row(8, 16, dtype=dtype), (1, 4))

    assert_equal(output, row(8, 3 / 4 * 8 + 1 / 4 * 16, 1 / 4 * 8 + 3 / 4 * 16, 16, dtype=dtype))


@values("resize")
@exact_formats
def test_rows_are_resized_as_columns_are(implementation, dtype):
    column = row(8, 16, dtype=dtype).reshape(1, 2, 1).repeat(2, axis=2)

    output = implementation.resize(column, (4, 2))

    assert_equal(output, np.array([[[8, 8], [10, 10], [14, 14], [16, 16]]], dtype))


@values("resize")
@exact_formats
def test_half_as_many_pixels_are_blends_of_more_than_two_old_ones(implementation, dtype):
    reach = 4 / 2  # of the triangle, in old pixels
    distances = [abs(y + 1 / 2 - (0 + 1 / 2) * 4 / 2) / reach for y in range(4)]  # from the first new pixel
    weights = [max(1 - d, 0) for d in distances]
    assert weights == [3 / 4, 3 / 4, 1 / 4, 0]

    img = row(14, 28, 0, 0, dtype=dtype)
    output = implementation.resize(img, (1, 2))

    exact = np.array([[[(3 * 14 + 3 * 28) / 7, 1 * 28 / 7]]])  # the weights add up to 7/4
    assert_within(output, Approximation(exact, resized(img, (1, 2), "bilinear", True, dtype).bound), dtype)


@values("resize")
@exact_formats
def test_without_antialias_half_as_many_pixels_are_blends_of_two_old_ones(implementation, dtype):
    output = implementation.resize(row(8, 16, 32, 64, dtype=dtype).repeat(2, axis=1), (2, 2), antialias=False)

    assert_equal(output, np.array([[[(8 + 16) / 2, (32 + 64) / 2]] * 2], dtype))


@values("resize")
@exact_formats
def test_the_cubic_filter_takes_a_little_off_for_the_pixels_farther_away(implementation, dtype):
    centre = (3 + 1 / 2) * 4 / 8  # of new pixel 3 of 8; those of the 4 old ones are ½, 1½, 2½, 3½
    far, near = [lambda d: -(d**3 - 5 * d**2 + 8 * d - 4) / 2, lambda d: (3 * d**3 - 5 * d**2 + 2) / 2]
    weights = [far(centre - 0.5), near(centre - 1.5), near(2.5 - centre), far(3.5 - centre)]
    assert [128 * weight for weight in weights] == [-9, 111, 29, -3]
    impulses = 128 * np.identity(4, dtype)[:, np.newaxis]  # four one-row images

    output = implementation.resize(impulses, (1, 8), interpolation="bicubic")

    assert_equal(output[:, 0, 3], np.array([-9, 111, 29, -3], dtype))


@values("resize")
def test_the_nearest_pixel_is_the_one_under_the_left_edge(implementation):
    assert [i * 5 // 3 for i in range(3)] == [0, 1, 3]

    output = implementation.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest")

    assert_equal(output, row(5, 6, 8))


@values("resize")
def test_the_exactly_nearest_pixel_is_the_one_under_the_centre(implementation):
    assert [int((i + 1 / 2) * 5 / 3) for i in range(3)] == [0, 2, 4]

    output = implementation.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest-exact")

    assert_equal(output, row(5, 7, 9))


@values("resize")
@for_all(interpolation=st.sampled_from(["nearest", "nearest-exact"]), old=sizes(largest=20), new=sizes(largest=20))
def test_nearest_copies_a_pixel_of_its_row_and_column(subject, dtype, interpolation, old, new):
    numbers = np.arange(old[0] * old[1], dtype=dtype).reshape(1, *old)

    output = subject.resize(numbers, new, interpolation=interpolation)[0].astype(int)

    for found, before, after in zip((output[:, 0] // old[1], output[0] % old[1]), old, new, strict=True):
        twice = 2 * np.arange(after) + (interpolation == "nearest-exact")
        expected, tied = twice * before // (2 * after), twice * before % (2 * after) == 0
        assert ((found == expected) | tied & (found == expected - 1)).all()  # deviation "nearest-one-pixel-short"
    assert_equal(output, output[:, :1] // old[1] * old[1] + output[:1] % old[1])


@values("resize")
def test_two_numbers_are_the_height_and_the_width(implementation):
    assert implementation.resize(np.zeros((3, 4, 6), np.uint8), (2, 5)).shape == (3, 2, 5)


@values("resize")
def test_one_number_is_the_shorter_edge_and_the_longer_one_keeps_the_ratio(implementation):
    assert 256 * 300 // 260 == 295

    assert implementation.resize(np.zeros((1, 260, 300), np.uint8), 256).shape == (1, 256, 295)
    assert implementation.resize(np.zeros((1, 300, 260), np.uint8), 256).shape == (1, 295, 256)


@values("resize")
def test_max_size_makes_a_long_picture_smaller_until_it_fits(implementation):
    assert (4 * 9 // 3, 10 * 4 // 12) == (12, 3)

    assert implementation.resize(np.zeros((1, 3, 9), np.uint8), 4, max_size=20).shape == (1, 4, 12)
    assert implementation.resize(np.zeros((1, 3, 9), np.uint8), 4, max_size=10).shape == (1, 3, 10)


@each_path
def test_nearest_exact_copies_the_pixel_under_the_centre_of_the_new_one(path):
    centres = [(i + 1 / 2) * 5 / 3 for i in range(3)]
    assert [int(centre) for centre in centres] == [0, 2, 4]

    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest-exact"), row(5, 7, 9))


@each_tensor_path
def test_nearest_copies_the_pixel_under_the_left_edge_of_the_new_one(path):
    assert [i * 5 // 3 for i in range(3)] == [0, 1, 3]

    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest"), row(5, 6, 8))


@through_pil
def test_pil_has_only_nearest_exact_and_calls_it_nearest(path):
    assert_equal(path.resize(row(5, 6, 7, 8, 9), (1, 3), interpolation="nearest"), row(5, 7, 9))


# The size


@pytest.mark.claim("1.3.h")
@each_path
def test_a_size_pair_is_height_and_width(path):
    assert path.resize(np.zeros((3, 260, 300), np.uint8), (256, 200)).shape == (3, 256, 200)


@pytest.mark.claim("1.3.h")
@each_path
def test_one_number_sizes_the_shorter_edge_and_the_longer_is_scaled_and_rounded_down(path):
    assert 256 * 300 // 260 == 295

    assert path.resize(np.zeros((3, 260, 300), np.uint8), 256).shape == (3, 256, 295)
    assert path.resize(np.zeros((3, 300, 260), np.uint8), 256).shape == (3, 295, 256)


@pytest.mark.claim("1.3.h")
@through_torchvision
@pytest.mark.parametrize("size", [(5, 4), 5, [5]])
def test_the_transform_resizes_as_the_function_does(path, size):
    img = photograph()[:, ::60, ::60]

    assert_equal(path.through(path.module.Resize(size))(img), path.resize(img, size))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS | TENSOR_PATHS,
    shape=st.tuples(st.just(1), *[st.integers(4, 12)] * 2),
    size=st.integers(2, 12),
    extra=st.integers(1, 12),
)
def test_the_longer_edge_is_at_most_max_size(path, shape, size, extra):
    img = np.zeros(shape, np.uint8)

    output = path.resize(img, size, max_size=size + extra)

    assert output.shape[1:] == resized_output_size(shape[1:], size, size + extra)
    assert max(output.shape) == min(size * max(shape) // min(shape[1:]), size + extra)


@needs_pillow
def test_the_size_of_a_pil_image_starts_with_the_width():
    assert pil_image(np.zeros((3, 260, 300), np.uint8)).size == (300, 260)


# Laws


@given(level=st.integers(0, 255), old=sizes(), new=sizes(), interpolation=FILTERS)
def test_a_constant_image_stays_constant(level, old, new, interpolation):
    assert_equal(
        reference.resize(np.full((1, *old), level, np.uint8), new, interpolation), np.full((1, *new), level, np.uint8)
    )


@conventions("resize")
@for_all(img=images(), interpolation=st.sampled_from(INTERPOLATIONS))
def test_resizing_to_the_same_size_changes_nothing(implementation, img, interpolation):
    assert_equal(implementation.resize(img, img.shape[1:], interpolation), img)


@given(img=images(), size=sizes(), interpolation=FILTERS)
def test_every_channel_is_resized_independently(img, size, interpolation):
    alone = [reference.resize(channel, size, interpolation) for channel in img]

    assert_equal(reference.resize(img, size, interpolation), np.stack(alone))


@conventions("resize")
@for_all(img=images(), size=sizes(), interpolation=FILTERS)
def test_bytes_are_rounded_to_bytes_between_the_two_directions(implementation, img, size, interpolation):
    (h, w), (new_h, new_w) = img.shape[1:], size
    halfway = (new_h, w) if h - new_h > max(0, 2 * (w - new_w)) else (h, new_w)

    in_two_steps = implementation.resize(implementation.resize(img, halfway, interpolation), size, interpolation)

    assert_equal(implementation.resize(img, size, interpolation), in_two_steps)


# PIL images: the same bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS,
    img=images(),
    size=sizes(),
    interpolation=st.sampled_from(["bilinear", "bicubic", "nearest-exact"]),
)
def test_pil_and_the_reference_resize_to_the_same_bytes(path, img, size, interpolation):
    output = path.resize(img, size, interpolation=interpolation)

    assert_equal(output, reference.resize(img, size, interpolation))


@pytest.mark.compares_with_reference
@through_pil
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest-exact"])
@pytest.mark.parametrize("size", [(256, 256), 224, (50, 700)])
def test_pil_and_the_reference_resize_a_photograph_to_the_same_bytes(path, size, interpolation):
    expected = reference.resize(photograph(), size, interpolation)

    assert_equal(path.resize(photograph(), size, interpolation=interpolation), expected)


@through_pil
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_pil_always_antialiases_and_warns_that_antialias_false_is_ignored(path, interpolation):
    img = photograph()[:, ::40, ::40]

    with pytest.warns(UserWarning, match="Anti-alias option is always applied for PIL Image input"):
        output = path.resize(img, 7, interpolation=interpolation, antialias=False)

    assert_equal(output, path.resize(img, 7, interpolation=interpolation))


# PIL images of other modes

WIDE = {"I": np.int32, "I;16": np.uint16}


@through_pil
def test_pil_weights_colors_by_their_alpha_and_a_tensor_does_not(path):
    red, unseen_blue = (255, 0, 0, 255), (0, 0, 255, 0)
    img = np.array([[red, unseen_blue]], np.uint8).transpose(2, 0, 1)

    assert path.resize(img, (1, 1)).ravel().tolist() == [255, 0, 0, 128]
    assert TENSOR_V2.resize(img, (1, 1)).ravel().tolist() == [128, 0, 128, 128]


@pytest.mark.compares_with_reference
@through_pil
def test_pil_resizes_the_four_channels_of_an_opaque_image_alike(path):
    colors = photograph()[:, ::20, ::20]
    img = np.concatenate([colors, np.full_like(colors[:1], 255)])

    assert_equal(path.resize(img, 20), reference.resize(img, 20))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, img=images(channels=(4,)), size=sizes(), interpolation=FILTERS)
def test_pil_multiplies_colors_by_alpha_then_resizes_then_divides_by_alpha(path, img, size, interpolation):
    multiplied = reference.resize(array(pil_image(img).convert("RGBa")), size, interpolation)
    divided = Image.frombytes("RGBa", size[::-1], np.ascontiguousarray(channels_last(multiplied)).tobytes()).convert(
        "RGBA"
    )

    output = path.resize(img, size, interpolation=interpolation)

    assert_equal(output, img if size == img.shape[1:] else array(divided))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=PIL_PATHS,
    mode=st.sampled_from(["1", "P"]),
    img=images(channels=(1,)),
    size=sizes(),
    interpolation=FILTERS,
)
def test_pil_copies_the_nearest_pixel_in_modes_that_cannot_be_blended(path, mode, img, size, interpolation):
    before = pil_image(img > 127) if mode == "1" else pil_image(img).convert("P")
    indices = array(before).astype(np.uint8)

    after = path.module.functional.resize(before, list(size), path.module.InterpolationMode(interpolation))

    assert after.mode == mode
    assert_equal(array(after).astype(np.uint8), reference.resize(indices, size, "nearest-exact"))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, seed=SEEDS, old=sizes(), new=sizes(), interpolation=FILTERS)
def test_pil_resizes_mode_f_in_double_precision_and_rounds_it_twice_to_float32(path, seed, old, new, interpolation):
    img = real_numbers(np.random.default_rng(seed), (1, *old)).astype("float32")

    output = path.resize(img, new, interpolation=interpolation)

    assert_within(output, resized_in_mode_f(img, new, interpolation), "float32")


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, mode=st.sampled_from(["I", "I;16"]), seed=SEEDS, old=sizes(), new=sizes())
def test_pil_rounds_wide_integers_by_half_a_unit_in_each_direction(path, mode, seed, old, new):
    img = np.random.default_rng(seed).integers(0, 2**16, (1, *old), WIDE[mode])
    exact = resized(img, new, "bilinear", True, "float64")

    output = path.resize(img, new)

    assert (pil_image(img).mode, output.dtype) == (mode, WIDE[mode])
    assert (abs(output - exact.exact) <= 1 / 2 + 1 / 2 + exact.bound).all()


# Floating point tensors


@st.composite
def resizings(draw, narrowest=1):
    """Draw a floating point image and its new size: a small one, or a long row, whose positions are rounded more."""
    if draw(st.sampled_from([True, True, False])):
        return draw(images((unit_interval, real_numbers))), draw(sizes(narrowest))
    rng, lengths = np.random.default_rng(draw(SEEDS)), st.integers(2, 99)
    return unit_interval(rng, (1, 1, draw(lengths))), (1, draw(lengths))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@exact_formats
@given(path=TENSOR_PATHS, resizing=resizings(narrowest=2), interpolation=FILTERS, antialias=BOOLEANS)
def test_a_floating_point_tensor_is_resized_within_the_bound(path, dtype, resizing, interpolation, antialias):
    img, size = resizing[0].astype(dtype), resizing[1]

    output = path.resize(img, size, interpolation=interpolation, antialias=antialias)

    assert_within(output, resized(img, size, interpolation, antialias, dtype), dtype)


@float32_only
@given(resizing=resizings(), interpolation=FILTERS, antialias=BOOLEANS)
def test_the_reference_stays_within_the_bound_too(dtype, resizing, interpolation, antialias):
    img, size = resizing[0].astype(dtype), resizing[1]

    output = reference.resize(img, size, interpolation, antialias=antialias)

    assert_within(output, resized(img, size, interpolation, antialias, dtype), dtype)


def copied_pixels(old, new, interpolation):
    """Return the index of the old pixel that each new one copies, and where it ties with the one before."""
    numbers = np.arange(old, dtype="float32").reshape(1, 1, old)
    i = np.arange(new)
    tied = i * old % new == 0 if interpolation == "nearest" else (2 * i + 1) * old % (2 * new) == 0
    return reference.resize(numbers, (1, new), interpolation)[0, 0].astype(int), tied


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(
    path=TENSOR_PATHS,
    interpolation=st.sampled_from(["nearest", "nearest-exact"]),
    old=sizes(largest=40),
    new=sizes(largest=40),
)
def test_a_tensor_copies_the_nearest_pixel_and_either_of_two_that_tie(path, interpolation, old, new):
    numbers = np.arange(old[0] * old[1], dtype="float32").reshape(1, *old)

    output = path.resize(numbers, new, interpolation=interpolation)[0].astype(int)

    rows, columns = output[:, 0] // old[1], output[0] % old[1]
    assert_equal(output, rows[:, np.newaxis] * old[1] + columns)
    for found, *axis in zip((rows, columns), old, new, strict=True):
        expected, tied = copied_pixels(*axis, interpolation)
        assert ((found == expected) | tied & (found == expected - 1)).all()


# Byte tensors


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(img=images(), size=TENSOR_SIZES, interpolation=FILTERS, antialias=BOOLEANS)
def test_v1_rounds_the_exact_bytes_once(img, size, interpolation, antialias):
    output = TENSOR_V1.resize(img, size, interpolation=interpolation, antialias=antialias)

    approximation = bytes_resized_as_floats(img, size, interpolation, antialias)
    assert_bytes_within(output, approximation.exact, approximation.bound)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(img=images(), size=TENSOR_SIZES, interpolation=FILTERS, antialias=BOOLEANS)
def test_v2_rounds_and_clips_after_the_columns_and_again_after_the_rows(img, size, interpolation, antialias):
    output = TENSOR_V2.resize(img, size, interpolation=interpolation, antialias=antialias)

    approximation = bytes_resized_as_bytes(img, size, interpolation, antialias)
    assert_bytes_within(output, approximation.exact, approximation.bound)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(img=images(), size=TENSOR_SIZES)
def test_bilinear_bytes_differ_from_pil_by_at_most_one_unit_in_v1_and_two_in_v2(img, size):
    expected = reference.resize(img, size)  # within 1 of the exact numbers, being rounded twice

    assert_bytes_within(TENSOR_V1.resize(img, size), expected, 1)  # whole numbers, at most 1½ apart
    assert_bytes_within(TENSOR_V2.resize(img, size), expected, 2)


@pytest.mark.torch_api
def test_bytes_differ_by_two_units_where_all_roundings_diverge():
    weights = np.array([Fraction(5, 14), Fraction(9, 14)])  # of old pixels 1 and 2 of 6 in new pixel 2 of 7
    img = np.zeros((1, 6, 6), np.uint8)
    img[0, 1:3, 1:3] = [[0, 7], [7, 14]]
    columns = img[0, 1:3, 1:3].astype(object) @ weights
    assert columns.tolist() == [4.5, 11.5]

    assert np.array([4, 11]) @ weights == 8.5
    assert REFERENCES.resize(img, (7, 7))[0, 2, 2] == PIL_V1.resize(img, (7, 7))[0, 2, 2] == 8
    assert np.array([5, 12]) @ weights == 9.5
    assert TENSOR_V2.resize(img, (7, 7))[0, 2, 2] in (10, 9)  # 9 on processors where v2 goes through floats


@pytest.mark.torch_api
def test_bicubic_bytes_of_pil_and_tensors_differ_widely_where_pil_clips_an_overshoot():
    img = np.array([[[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]]], np.uint8) * 255
    exact = reference.resize(img.astype("float64"), (8, 7), "bicubic")[0, 4, 3]

    by_tensor, by_pil = (p.resize(img, (8, 7), interpolation="bicubic")[0, 4, 3] for p in (TENSOR_V1, PIL_V2))

    assert by_tensor == np.rint(exact) == 3
    assert by_pil == 34


# Refusals

REFUSED = {
    "a size of 0": ("size must be one or two numbers of at least 1, got 0", 0, {}),
    "a negative size": ("size must be one or two numbers of at least 1, got -1", -1, {}),
    "a height of 0": (r"size must be one or two numbers of at least 1, got \(0, 2\)", (0, 2), {}),
    "a fractional size": ("size must be a whole number, got 2.5", 2.5, {}),
    "a max_size no larger than the shorter edge": ("max_size must be more than size 2, got 2", 2, {"max_size": 2}),
    "a max_size below the shorter edge": ("max_size must be more than size 2, got 1", 2, {"max_size": 1}),
    "a pair with a max_size": ("max_size needs a size for the shorter edge alone", (2, 2), {"max_size": 5}),
    "an unknown interpolation": ("interpolation must be one of .*, got 'area'", 2, {"interpolation": "area"}),
}


@each_path
@pytest.mark.parametrize("case", REFUSED)
def test_resize_refuses_invalid_arguments(path, case):
    message, size, options = REFUSED[case]

    with pytest.raises(REFUSALS, match=message if path is REFERENCES else None):
        path.resize(np.zeros((1, 4, 5), np.uint8), size, **options)


MENDED = {"max_size": 5, "interpolation": "bicubic"}


@refusals("resize")
@pytest.mark.parametrize("case", REFUSED)
def test_a_size_is_one_or_two_whole_numbers_and_an_interpolation_is_known(subject, case):
    message, size, options = REFUSED[case]
    near = {"size": 2, **{name: MENDED[name] for name in options}}

    assert_refused(subject, "resize", message, near=near, img=np.zeros((1, 4, 5), np.uint8), size=size, **options)


@each_path
def test_resize_refuses_a_max_size_that_shrinks_the_shorter_edge_to_0(path):
    assert 3 * 2 // (2 * 100) == 0

    with pytest.raises(REFUSALS, match="nothing of the shorter edge" if path is REFERENCES else None):
        path.resize(np.zeros((1, 1, 100), np.uint8), 2, max_size=3)


@pytest.mark.torch_api
@pytest.mark.parametrize("path", [PIL_V2, TENSOR_V2], ids=["PIL", "tensor"])
def test_only_v2_accepts_three_numbers_as_a_size_and_ignores_the_third(path):
    img = np.zeros((1, 4, 5), np.uint8)

    assert path.resize(img, (2, 3, 7)).shape == (1, 2, 3)
    for other in (REFERENCES, PIL_V1, TENSOR_V1):
        with pytest.raises(ValueError, match=r"one or two numbers|a 1 or 2 element tuple"):
            other.resize(img, (2, 3, 7))


@pytest.mark.parametrize(
    ("message", "img", "options"),
    [
        ("img has dtype int32", np.zeros((1, 2, 2), np.int32), {}),
        (r"img has shape \(2,\)", np.zeros(2), {}),
        ("img must be a NumPy array, got list", [[0]], {}),
        ("antialias must be True for", np.zeros((1, 2, 2), np.uint8), {"antialias": False}),
        ("antialias must be True or False, got None", np.zeros((1, 2, 2)), {"antialias": None}),
    ],
    ids=["integers", "a row", "a list", "bytes without antialias", "antialias=None"],
)
def test_the_reference_refuses_invalid_arguments(message, img, options):
    with pytest.raises((ValueError, TypeError), match=message):
        reference.resize(img, (1, 1), **options)
