"""1.3 ColorJitter, and the four adjustments that it draws: brightness, contrast, saturation and hue.

On every image, PIL's bytes equal those of the references. Where tensors differ, a bound of
`spec_tests.vocabulary.image_bounds` or an example says by how much.
"""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from reference.color import ADJUSTMENTS
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.image_bounds import bytes_of_a_tensor, recolored, units_from_pil
from spec_tests.vocabulary.image_paths import (
    REFERENCES,
    TENSOR_V1,
    THROUGH_PIL,
    THROUGH_TENSORS,
    array,
    assert_bytes_within,
    each_path,
    each_tensor_path,
    frequency_tolerance,
    images,
    photograph,
    pil_image_of_mode,
    repeat,
    reseed,
    through_pil,
    through_tensors,
    through_torchvision,
    unit_interval,
)
from spec_tests.vocabulary.levels import conventions, refusals, values
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.subject import REFUSALS

PIL_PATHS, TENSOR_PATHS = st.sampled_from(THROUGH_PIL), st.sampled_from(THROUGH_TENSORS)

FACTORS = st.sampled_from([0.0, 0.5, 1.0, 2.0]) | st.floats(0, 3)
SHIFTS = st.sampled_from([0.0, 0.5, -0.5]) | st.floats(-0.5, 0.5)
BLENDS = ("adjust_brightness", "adjust_contrast", "adjust_saturation")
blends = st.tuples(st.sampled_from(BLENDS), FACTORS)
adjustments = blends | st.tuples(st.just("adjust_hue"), SHIFTS)
each_blend = pytest.mark.parametrize("operation", BLENDS)
each_adjustment = pytest.mark.parametrize(
    ("operation", "factor"), [*((operation, 1.7) for operation in BLENDS), ("adjust_hue", 0.3)]
)


def color(*channels, dtype="uint8"):
    """Return a one-pixel image."""
    return np.array(channels, dtype).reshape(-1, 1, 1)


def row(*numbers):
    """Return a one-row picture of bytes."""
    return np.array([[numbers]], np.uint8)


def adjusted(path, adjustment, img):
    """Return the image as adjusted by this path."""
    operation, factor = adjustment
    return getattr(path, operation)(img, factor)


# By hand


@each_path
def test_brightness_multiplies_and_clips(path):
    assert path.adjust_brightness(color(101), 0.5).item() == int(0.5 * 101) == 50
    assert path.adjust_brightness(color(101), 3.0).item() == 255 < 3 * 101
    assert path.adjust_brightness(color(101), 0).item() == 0


@each_path
def test_contrast_moves_every_pixel_towards_the_mean_or_away_from_it(path):
    img, mean = np.array([[[50, 150]]], np.uint8), (50 + 150) / 2

    half, none, twice = (path.adjust_contrast(img, factor).ravel().tolist() for factor in (0.5, 0, 2))

    assert half == [mean + (50 - mean) / 2, mean + (150 - mean) / 2]
    assert none == [mean, mean]
    assert twice == [mean + 2 * (50 - mean), mean + 2 * (150 - mean)] == [0, 200]


@each_path
def test_saturation_moves_every_color_towards_its_grey_value_or_away_from_it(path):
    grey = int(0.299 * 255)  # of red

    assert path.adjust_saturation(color(255, 0, 0), 0).ravel().tolist() == [grey] * 3 == [76] * 3
    assert path.adjust_saturation(color(255, 0, 0), 0.5).ravel().tolist() == [(255 + 76) // 2, 76 // 2, 76 // 2]
    assert path.adjust_saturation(color(200, 0, 0), 2).ravel().tolist() == [255, 0, 0]


@each_tensor_path
def test_shifting_the_hue_of_red_passes_yellow_and_green_on_the_way_to_cyan(path):
    red = color(1, 0, 0, dtype="float32")
    sixths = 6 * (1 / 4)  # 1 is yellow, 2 is green: half of the red is left

    assert path.adjust_hue(red, 0.25).ravel().tolist() == [2 - sixths, 1, 0] == [0.5, 1, 0]
    assert path.adjust_hue(red, -0.25).ravel().tolist() == [0.5, 0, 1]
    assert path.adjust_hue(red, 0.5).ravel().tolist() == [0, 1, 1]


@values("adjust_brightness")
@exact_formats
def test_half_the_brightness_is_half_of_every_number_and_too_much_is_clipped(implementation, dtype):
    img = np.array([[[0, 0.25, 1]]], dtype)

    half, twice, black = (implementation.adjust_brightness(img, factor) for factor in (0.5, 2.0, 0.0))

    assert_equal(half, np.array([[[0, 0.5 * 0.25, 0.5]]], dtype))
    assert_equal(twice, np.array([[[0, 2 * 0.25, 1]]], dtype))
    assert_equal(black, np.zeros((1, 1, 3), dtype))


@values("adjust_contrast")
@exact_formats
def test_the_contrast_is_the_distance_from_the_mean_grey_of_the_picture(implementation, dtype):
    img, mean = np.array([[[0.25, 0.75]]], dtype), (0.25 + 0.75) / 2

    half, twice, none = (implementation.adjust_contrast(img, factor) for factor in (0.5, 2.0, 0.0))

    assert_equal(half, np.array([[[mean - 0.25 / 2, mean + 0.25 / 2]]], dtype))
    assert_equal(twice, np.array([[[mean - 2 * 0.25, mean + 2 * 0.25]]], dtype))
    assert_equal(none, np.array([[[mean, mean]]], dtype))


@values("adjust_saturation")
@exact_formats
def test_without_saturation_every_channel_is_the_grey_of_the_three(implementation, dtype):
    for channel, weight in enumerate([0.2989, 0.587, 0.114]):
        img = color(*(float(channel == other) for other in range(3)), dtype=dtype)

        grey = implementation.adjust_saturation(img, 0.0)

        assert_within(grey, Approximation(color(*[weight] * 3, dtype="float64"), grey_bound(img, dtype)), dtype)


def grey_bound(img, dtype):
    """Return how far each channel of a picture without saturation may be off."""
    return recolored("adjust_saturation", img, 0.0, dtype).bound


@values("adjust_hue")
@float32_only
def test_a_third_of_a_turn_takes_red_to_green_and_a_sixth_to_yellow(implementation, dtype):
    red = color(1, 0, 0, dtype=dtype)

    for shift, expected in ((1 / 3, (0, 1, 0)), (-1 / 3, (0, 0, 1)), (1 / 6, (1, 1, 0)), (0.5, (0, 1, 1))):
        bound = recolored("adjust_hue", red, shift, dtype).bound
        exact = Approximation(color(*expected, dtype="float64"), bound)
        assert_within(implementation.adjust_hue(red, shift), exact, dtype)


@values("adjust_hue")
@float32_only
def test_a_quarter_of_a_turn_leaves_half_of_the_red_beside_the_green(implementation, dtype):
    red, sixths = color(1, 0, 0, dtype=dtype), 6 * (1 / 4)  # 1 is yellow, 2 is green

    assert_equal(implementation.adjust_hue(red, 0.25), color(2 - sixths, 1, 0, dtype=dtype))
    assert_equal(implementation.adjust_hue(red, -0.25), color(2 - sixths, 0, 1, dtype=dtype))


@values("color_jitter")
@exact_formats
def test_a_jitter_adjusts_in_its_order(implementation, dtype):
    img = np.array([[[0.25, 0.75]]], dtype)
    jitter = {"brightness_factor": 2.0, "contrast_factor": 0.5}

    bright_first = implementation.color_jitter(img, ["brightness", "contrast"], **jitter)
    bright_last = implementation.color_jitter(img, ["contrast", "brightness"], **jitter)

    brighter, mean = [0.5, 1.0], 0.75  # 1.5 is clipped
    assert_equal(bright_first, np.array([[[(number + mean) / 2 for number in brighter]]], dtype))
    plainer = [(number + 0.5) / 2 for number in (0.25, 0.75)]  # 0.5 is their mean
    assert_equal(bright_last, np.array([[[2 * plainer[0], 1.0]]], dtype))


@values("color_jitter")
@exact_formats
def test_a_jitter_without_factors_changes_nothing(implementation, dtype):
    img = np.array([[[0.25, 0.5, 1]]] * 3, dtype)

    assert_equal(implementation.color_jitter(img), img)


@conventions("adjust_brightness")
def test_brighter_bytes_are_truncated_and_clipped(implementation):
    img = row(101, 200)

    assert_equal(implementation.adjust_brightness(img, 0.5), row(int(50.5), 100))
    assert_equal(implementation.adjust_brightness(img, 1.5), row(int(151.5), 255))


@conventions("adjust_contrast")
def test_the_mean_grey_of_bytes_is_rounded(implementation):
    assert (50 + 151) / 2 == 100.5

    assert_equal(implementation.adjust_contrast(row(50, 151), 0.0), row(101, 101))
    assert_equal(implementation.adjust_contrast(row(50, 151), 0.5), row((50 + 101) // 2, (151 + 101) // 2))


@conventions("adjust_saturation")
def test_the_grey_of_bytes_is_rounded(implementation):
    for channel, grey in enumerate([0.299 * 255, 0.587 * 255, 0.114 * 255]):
        img = color(*(255 * (channel == other) for other in range(3)))

        assert_equal(implementation.adjust_saturation(img, 0.0), color(*[round(grey)] * 3))


@conventions("adjust_hue")
def test_the_hue_of_bytes_is_a_byte_itself(implementation):
    units = int(255 * (4 + 1 - (255 - 161) / 255) / 6) + int(255 * 0.486) - 256
    assert units == 63
    violet = color(161, 0, 255)

    assert_equal(implementation.adjust_hue(violet, 0.486), color(2 * 255 - 6 * units, 255, 0))


@conventions("adjust_hue")
def test_the_hue_of_bytes_is_turned_back_as_well(implementation):
    units = int(255 * -1 / 3) + 256  # from red, 0, back past violet
    assert (units, 6 * units - 4 * 255) == (171, 6)  # a little more than 4 sixths, blue: so much red

    assert_equal(implementation.adjust_hue(color(255, 0, 0), -1 / 3), color(6, 0, 255))


@each_path
def test_brightness_and_contrast_do_not_commute(path):
    img = np.array([[[45, 155]]], np.uint8)

    first_brighter = path.adjust_contrast(path.adjust_brightness(img, 3.0), 0.5)
    first_less = path.adjust_brightness(path.adjust_contrast(img, 0.5), 3.0)

    assert first_brighter.ravel().tolist() == [(135 + 195) / 2, (255 + 195) / 2]  # 135 and 255 have the mean 195
    assert first_less.ravel().tolist() == [3 * 72, 255]  # around the mean 100, 45 and 155 become 72½ and 127½


# Laws


@conventions(*BLENDS)
@for_all(img=images())
def test_a_factor_of_1_leaves_bytes_unchanged(implementation, operation, img):
    assert_equal(getattr(implementation, operation)(img, 1.0), img)


@values("adjust_contrast")
@exact_formats
@for_all(img=images((unit_interval,)))
def test_without_contrast_all_numbers_of_a_picture_are_one(subject, dtype, img):
    output = subject.adjust_contrast(img.astype(dtype), 0.0)

    assert_equal(output, np.full_like(img, output.flat[0], dtype))


@values(*BLENDS)
@exact_formats
@for_all(img=images((unit_interval,)), factor=FACTORS)
def test_mixed_numbers_stay_between_0_and_1(subject, operation, dtype, img, factor):
    output = getattr(subject, operation)(img.astype(dtype), factor)

    assert ((output >= 0) & (output <= 1)).all()


@float32_only
@given(img=images((unit_interval,), channels=(3,)))
def test_a_hue_shift_of_0_changes_floats_only_by_rounding(dtype, img):
    img = img.astype(dtype)
    bound = recolored("adjust_hue", img, 0.0, dtype).bound

    assert_within(reference.adjust_hue(img, 0), Approximation(img.astype("float64"), bound), dtype)


def test_the_reference_keeps_the_hue_next_to_red():
    next_to_red = np.array([[[1.0]], [[6 * 2**-52]], [[0.0]]])  # 2⁻⁵² of a turn away from it

    assert_equal(reference.adjust_hue(next_to_red, 0), next_to_red)


@given(img=images(channels=(3,)))
def test_a_hue_shift_of_0_changes_bytes_because_hue_and_saturation_become_bytes(img):
    hue_unit, saturation_unit = 6 / 255 * np.ptp(img, axis=0, keepdims=True), 1

    assert_bytes_within(reference.adjust_hue(img, 0), img, hue_unit + saturation_unit + 1 / 2)


@conventions("adjust_saturation", "adjust_hue")
@for_all(img=images(channels=(1,)), factor=SHIFTS)
def test_saturation_and_hue_leave_grey_bytes_unchanged(implementation, operation, img, factor):
    factor = factor if operation == "adjust_hue" else 4 * abs(factor)

    for grey in (img, np.repeat(img, 3, axis=0)):
        assert_equal(getattr(implementation, operation)(grey, factor), grey)


@conventions("color_jitter")
@for_all(img=images(channels=(3,)), order=st.permutations(ADJUSTMENTS), factors=st.tuples(*[FACTORS] * 3, SHIFTS))
def test_color_jitter_applies_the_adjustments_in_the_given_order(implementation, img, order, factors):
    by_name = dict(zip(ADJUSTMENTS, factors, strict=True))
    expected = reference.compose(
        [lambda img, name=name: getattr(reference, f"adjust_{name}")(img, by_name[name]) for name in order]
    )

    output = implementation.color_jitter(img, order, **{f"{name}_factor": factor for name, factor in by_name.items()})

    assert_equal(output, expected(img))


@given(img=images(), order=st.permutations(ADJUSTMENTS), name=st.sampled_from(ADJUSTMENTS), factor=SHIFTS)
def test_color_jitter_skips_an_adjustment_without_a_factor(img, order, name, factor):
    factor = factor if name == "hue" else abs(factor)

    output = reference.color_jitter(img, order, **{f"{name}_factor": factor})

    assert_equal(output, getattr(reference, f"adjust_{name}")(img, factor))
    assert_equal(reference.color_jitter(img, order), img)


# PIL images: the same bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, img=images(), adjustment=adjustments)
def test_pil_and_the_references_adjust_to_the_same_bytes(path, img, adjustment):
    assert_equal(adjusted(path, adjustment, img), adjusted(REFERENCES, adjustment, img))


@pytest.mark.compares_with_reference
@through_pil
@each_adjustment
def test_pil_and_the_references_adjust_a_photograph_to_the_same_bytes(path, operation, factor):
    photo = photograph()[:, ::2, ::2]

    assert_equal(getattr(path, operation)(photo, factor), getattr(reference, operation)(photo, factor))


def all_colors(part, parts):
    """Split all 2²⁴ colors into equal parts and return one of them, an image 4096 pixels wide."""
    numbers = np.arange(2**24 // parts * part, 2**24 // parts * (part + 1)).reshape(-1, 4096)
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255]).astype(np.uint8)


@pytest.mark.compares_with_reference
@through_pil
@pytest.mark.parametrize("operation", ["adjust_brightness", "adjust_contrast", "adjust_saturation"])
def test_pil_and_the_references_adjust_alike_by_a_factor_beyond_float32(path, operation):
    """In float32 it is infinite, and infinity times 0, how far black is from black, is NaN: its byte is 0."""
    img = np.array([[[0, 0, 10]], [[0, 255, 200]], [[0, 9, 255]]], np.uint8)

    assert_equal(getattr(path, operation)(img, 1e39), getattr(reference, operation)(img, 1e39))


@pytest.mark.slow
@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@pytest.mark.parametrize("factor", [0.1, -0.37])
@pytest.mark.parametrize("part", range(16))
def test_pil_and_the_reference_agree_on_the_shifted_hue_of_all_16777216_colors(part, factor):
    colors = all_colors(part, 16)

    assert_equal(THROUGH_PIL[0].adjust_hue(colors, factor), reference.adjust_hue(colors, factor))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, img=images(channels=(2, 4)), blend=blends)
def test_pil_blends_the_colors_of_a_transparent_image_and_keeps_its_alpha(path, img, blend):
    *_, alpha = img

    output = adjusted(path, blend, img)

    assert_equal(output[:-1], adjusted(REFERENCES, blend, img[:-1]))
    assert_equal(output[-1], alpha)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, img=images(channels=(2, 4)), shift=SHIFTS)
def test_pil_shifts_the_hue_of_a_transparent_image_and_makes_it_opaque(path, img, shift):
    output = path.adjust_hue(img, shift)

    assert_equal(output[:-1], reference.adjust_hue(img[:-1], shift))
    assert_equal(output[-1], np.full_like(img[-1], 255))


@through_pil
@each_blend
@pytest.mark.parametrize("mode", ["1", "P", "I", "I;16", "F"])
def test_pil_refuses_to_blend_an_image_of_another_mode(path, operation, mode):
    with pytest.raises(ValueError, match="image has wrong mode"):
        getattr(path.module.functional, operation)(pil_image_of_mode(mode), 0.5)


@through_pil
@pytest.mark.parametrize("mode", ["1", "L", "I", "F"])
def test_pil_leaves_the_hue_of_a_single_channel_image_unchanged(path, mode):
    grey = pil_image_of_mode(mode)

    assert_equal(array(path.module.functional.adjust_hue(grey, 0.3)), array(grey))


# Floating point tensors


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@exact_formats
@given(path=TENSOR_PATHS, img=images((unit_interval,)), blend=blends)
def test_floats_are_blended_within_the_bound(path, dtype, img, blend):
    img = img.astype(dtype)

    assert_within(adjusted(path, blend, img), recolored(blend[0], img, blend[1], dtype), dtype)


def quarters(rng, shape):
    """Fill with 0, ¼, ½, ¾ and 1, so that channels tie and hues lie on the border between two sixths."""
    return rng.integers(0, 5, shape) / 4


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=TENSOR_PATHS, img=images((unit_interval, quarters), channels=(3,)), shift=SHIFTS)
def test_the_hue_of_floats_is_shifted_within_the_bound(path, img, shift):
    img = img.astype("float32")

    assert_within(path.adjust_hue(img, shift), recolored("adjust_hue", img, shift, "float32"), "float32")


@pytest.mark.torch_api
@given(path=TENSOR_PATHS, img=images((unit_interval,), channels=(3,)), shift=SHIFTS)
def test_the_hue_of_float64_is_computed_in_float32(path, img, shift):
    output = path.adjust_hue(img, shift)

    assert_equal(output, path.adjust_hue(img.astype("float32"), shift).astype("float64"))


@float32_only
@given(img=images((unit_interval, quarters), channels=(3,)), adjustment=adjustments)
def test_the_references_stay_within_these_bounds_too(dtype, img, adjustment):
    img = img.astype(dtype)

    assert_within(adjusted(REFERENCES, adjustment, img), recolored(adjustment[0], img, adjustment[1], dtype), dtype)


# Byte tensors


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=TENSOR_PATHS, img=images(), adjustment=adjustments)
@example(TENSOR_V1, np.array([[[95]], [[194]], [[207]]], np.uint8), ("adjust_saturation", 2.0**-24))
def test_adjusted_bytes_of_a_tensor_stay_within_the_derived_distance_from_pil(path, img, adjustment):
    operation, factor = adjustment

    output = getattr(path, operation)(img, factor)

    expected, units = getattr(reference, operation)(img, factor), units_from_pil(operation, img, factor)
    assert_bytes_within(output, expected, units)


@pytest.mark.compares_with_reference
@through_tensors
@each_adjustment
def test_an_adjusted_photograph_stays_within_the_derived_distance_from_pil(path, operation, factor):
    photo = photograph()[:, ::2, ::2]

    output = getattr(path, operation)(photo, factor)

    assert_bytes_within(output, getattr(reference, operation)(photo, factor), units_from_pil(operation, photo, factor))


@pytest.mark.torch_api
@given(path=TENSOR_PATHS, img=images(), adjustment=blends | st.tuples(st.just("adjust_hue"), SHIFTS))
def test_adjusted_bytes_of_a_tensor_are_exact_numbers_cut_off(path, img, adjustment):
    operation, factor = adjustment
    if operation in ("adjust_saturation", "adjust_hue") and len(img) == 1:
        least = greatest = img
    else:
        least, greatest = bytes_of_a_tensor(operation, img, factor)

    output = adjusted(path, adjustment, img)

    assert output.dtype == np.uint8
    assert ((least <= output) & (output <= greatest)).all()


@through_tensors
def test_a_tensor_cuts_off_what_pil_rounds(path):
    img, red = np.array([[[50, 151]]], np.uint8), color(255, 0, 0)
    mean, grey = (50 + 151) / 2, int(0.2989 * 255)
    assert (mean, grey) == (100.5, 76)

    assert path.adjust_contrast(img, 0.0).ravel().tolist() == [int(mean)] * 2 == [100] * 2  # PIL's mean is 101
    assert path.adjust_contrast(img, 0.5).ravel().tolist() == [int((50 + mean) / 2), int((151 + mean) / 2)]
    assert path.adjust_saturation(red, 0.5).ravel().tolist() == [int((255 + grey) / 2), grey // 2, grey // 2]
    assert path.adjust_brightness(img, 0.99).ravel().tolist() == [int(0.99 * 50), int(0.99 * 151)] == [49, 149]


@each_path
def test_pil_loses_nearly_three_hue_units_where_a_tensor_loses_none(path):
    violet, shift = color(161, 0, 255), 0.486
    hue = (4 + 1 - (255 - 161) / 255) / 6  # blue is strongest: 4; green is weakest: 1; red lies in between
    units, exactly = int(255 * hue) + int(255 * shift) - 256, 255 * hue + 255 * shift - 255
    assert (units, round(exactly, 2)) == (63, 65.76)
    assert (2 * 255 - 6 * units, round(2 * 255 - 6 * exactly, 1)) == (132, 115.4)  # the red between yellow and green

    output = path.adjust_hue(violet, shift).ravel().tolist()

    assert output == ([115, 255, 0] if path in THROUGH_TENSORS else [132, 255, 0])


@each_path
def test_desaturating_a_white_tensor_darkens_it_as_the_grey_weights_sum_to_0_9999(path):
    white = color(255, 255, 255)
    assert round(0.2989 + 0.587 + 0.114, 10) == 0.9999

    darker = int(0.9999 * 255) if path in THROUGH_TENSORS else 255

    assert path.adjust_saturation(white, 0).ravel().tolist() == path.adjust_contrast(white, 0).ravel().tolist()
    assert path.adjust_saturation(white, 0).ravel().tolist() == [darker] * 3


# ColorJitter


def draw(path, jitter, img):
    """Return what ColorJitter draws: the order, and a factor or None for each adjustment."""
    if path.version == "v1":
        order, *factors = jitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    else:
        order, *factors = jitter.make_params([path.wrap(img)]).values()
    return [ADJUSTMENTS[number] for number in order], dict(zip(ADJUSTMENTS, factors, strict=True))


PIXEL = color(10, 20, 30)


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize("amount", [0.3, 1, 1.5])
def test_a_number_b_means_factors_from_1_minus_b_or_0_to_1_plus_b(path, amount):
    jitter = path.module.ColorJitter(amount, amount, amount)

    assert jitter.brightness == jitter.contrast == jitter.saturation == (max(0, 1 - amount), 1 + amount)


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_a_number_h_means_hue_shifts_from_minus_h_to_h_and_a_pair_is_the_range(path):
    assert path.module.ColorJitter(hue=0.2).hue == (-0.2, 0.2)
    assert path.module.ColorJitter(hue=(-0.1, 0.5)).hue == (-0.1, 0.5)
    assert path.module.ColorJitter(contrast=(0.5, 3)).contrast == (0.5, 3)


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_factors_are_drawn_uniformly_from_their_range(path):
    jitter, draws = path.module.ColorJitter(0.5, 2, (1, 3), 0.25), 500
    ranges = {"brightness": (0.5, 1.5), "contrast": (0, 3), "saturation": (1, 3), "hue": (-0.25, 0.25)}
    reseed(0)

    drawn = [draw(path, jitter, PIXEL)[1] for _ in range(draws)]

    for name, (low, high) in ranges.items():
        positions = np.sort([(factors[name] - low) / (high - low) for factors in drawn])
        assert 0 <= positions[0] <= positions[-1] <= 1
        below = np.arange(draws) / draws
        assert max(abs(positions - below).max(), abs(positions - below - 1 / draws).max()) < frequency_tolerance(
            draws, len(ranges)
        )


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_the_four_adjustments_come_in_all_24_orders_and_each_position_is_as_likely(path):
    jitter, draws = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), 1000
    reseed(0)

    orders = [tuple(draw(path, jitter, PIXEL)[0]) for _ in range(draws)]

    assert set(orders) == set(permutations(ADJUSTMENTS))  # one is missing at < 24·(23/24)¹⁰⁰⁰ ≈ 10⁻¹⁷ of all seeds
    for name in ADJUSTMENTS:
        frequencies = [sum(order[i] == name for order in orders) / draws for i in range(4)]
        assert max(abs(frequency - 1 / 4) for frequency in frequencies) < frequency_tolerance(draws, 4 * 4)


@pytest.mark.compares_with_reference
@pytest.mark.claim("1.3.m")
@through_pil
@pytest.mark.parametrize("seed", range(10))
def test_pil_and_the_reference_jitter_by_the_drawn_factors_to_the_same_bytes(path, seed):
    jitter, photo = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), photograph()[:, ::40, ::40]

    reseed(seed)
    output = path.through(jitter)(photo)

    reseed(seed)
    order, factors = draw(path, jitter, photo)
    assert_equal(output, reference.color_jitter(photo, order, **{f"{name}_factor": f for name, f in factors.items()}))


@pytest.mark.claim("1.3.m")
@through_tensors
@pytest.mark.parametrize("seed", range(10))
def test_a_tensor_is_jittered_by_the_drawn_factors(path, seed):
    jitter, photo = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), photograph()[:, ::40, ::40]

    reseed(seed)
    output = path.through(jitter)(photo)

    reseed(seed)
    order, factors = draw(path, jitter, photo)
    for name in order:
        photo = getattr(path, f"adjust_{name}")(photo, factors[name])
    assert_equal(output, photo)


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize(
    "arguments", [{}, {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}, {"hue": (0, 0)}]
)
def test_color_jitter_without_amounts_changes_nothing(path, arguments):
    photo = photograph()[:, ::40, ::40]

    assert_equal(path.through(path.module.ColorJitter(**arguments))(photo), photo)


@through_torchvision
def test_the_same_seed_draws_the_same_colors(path):
    jitter, photo = path.through(path.module.ColorJitter(0.5, 0.5, 0.5, 0.5)), photograph()[:, ::40, ::40]

    once, again, other = (repeat(jitter, photo, 3, seed) for seed in (1, 1, 2))

    assert_equal(once, again)
    assert (once != other).any()


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"brightness": -0.1}, "must be non negative"),
        ({"contrast": (-0.1, 1)}, "should be between"),
        ({"saturation": (2, 1)}, "should be between"),
        ({"hue": 0.6}, "should be between"),
        ({"hue": -0.1}, "must be non negative"),
        ({"hue": (-0.6, 0)}, "should be between"),
        ({"brightness": (1, 2, 3)}, "should be a single number or"),
        ({"brightness": "0.5"}, "should be a single number or"),
    ],
)
def test_color_jitter_refuses_invalid_arguments(path, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        path.module.ColorJitter(**arguments)


# Refusals

A_PICTURE = np.full((3, 2, 2), 0.5)


@refusals("adjust_hue")
@pytest.mark.parametrize("shift", [0.51, -0.51, float("nan")])
def test_a_hue_is_shifted_by_half_a_turn_at_most(subject, shift):
    near = {"hue_factor": 0.5}

    assert_refused(subject, "adjust_hue", "must be from -0.5 to 0.5", near=near, img=A_PICTURE, hue_factor=shift)


@refusals(*BLENDS)
def test_a_factor_is_at_least_0(subject, operation):
    name = operation.removeprefix("adjust_") + "_factor"

    assert_refused(
        subject, operation, f"{name} must be at least 0, got -1", near={name: 1}, img=A_PICTURE, **{name: -1}
    )


@refusals(*BLENDS, "adjust_hue", "color_jitter")
@pytest.mark.parametrize("channels", [2, 4])
def test_a_picture_has_one_channel_or_three_colors(subject, operation, channels):
    name = "brightness" if operation == "color_jitter" else operation.removeprefix("adjust_")
    call = {"img": np.zeros((channels, 2, 2)), f"{name}_factor": 0.25}

    assert_refused(subject, operation, "img has shape", near={"img": A_PICTURE}, **call)


@refusals("color_jitter")
def test_a_jitter_orders_the_four_adjustments_and_no_other(subject):
    call = {"img": A_PICTURE, "order": ["brightness", "gamma"]}

    assert_refused(subject, "color_jitter", "order must be one of", near={"order": ["brightness", "hue"]}, **call)


@each_path
@pytest.mark.parametrize("shift", [0.51, -0.51, float("nan")])
def test_a_hue_shift_of_more_than_half_a_turn_is_refused(path, shift):
    with pytest.raises(ValueError, match="hue_factor must be from -0.5 to 0.5" if path is REFERENCES else "not in"):
        path.adjust_hue(PIXEL, shift)


@each_tensor_path
@each_blend
def test_a_negative_factor_is_refused_for_a_tensor(path, operation):
    name = operation.removeprefix("adjust_") + "_factor"

    with pytest.raises(ValueError, match=f"{name} must be at least 0, got -1" if path is REFERENCES else name):
        getattr(path, operation)(PIXEL, -1)


@through_pil
def test_pil_accepts_a_negative_factor_and_extrapolates_past_the_blended_image(path):
    img, red = np.array([[[50, 150]]], np.uint8), color(255, 0, 0)

    assert path.adjust_brightness(img, -1).ravel().tolist() == [0, 0]
    assert path.adjust_contrast(img, -1).ravel().tolist() == [2 * 100 - 50, 2 * 100 - 150]
    assert path.adjust_saturation(red, -1).ravel().tolist() == [0, 2 * 76, 2 * 76]


@each_tensor_path
@each_adjustment
@pytest.mark.parametrize("channels", [2, 4])
def test_a_tensor_with_neither_one_nor_three_channels_is_refused(path, operation, factor, channels):
    with pytest.raises(REFUSALS, match="img has shape" if path is REFERENCES else "permitted channel values"):
        getattr(path, operation)(np.zeros((channels, 2, 2), np.uint8), factor)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("order must be one of brightness, contrast, saturation, hue, got 'gamma'", {"order": ["gamma"]}),
        ("brightness_factor must be at least 0, got -1", {"brightness_factor": -1}),
        ("hue_factor must be from -0.5 to 0.5, got 1", {"hue_factor": 1}),
        ("contrast_factor must be a number, got '1'", {"contrast_factor": "1"}),
        ("contrast_factor must be at least 0, got nan", {"contrast_factor": float("nan")}),
        ("img has dtype int64", {"img": np.zeros((3, 2, 2), int)}),
        (r"img has shape \(2, 2\)", {"img": np.zeros((2, 2))}),
    ],
)
def test_the_reference_of_color_jitter_refuses_invalid_arguments(message, arguments):
    with pytest.raises((ValueError, TypeError), match=message):
        reference.color_jitter(**{"img": PIXEL, **arguments})
