"""1.3 ColorJitter, and the four adjustments that it draws: brightness, contrast, saturation and hue.

PIL's bytes are equal to those of the references, whatever the picture. What tensors do differently is a bound of
`spec_tests.vocabulary.image_bounds`, or an example.
"""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference.color import ADJUSTMENTS
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.image_bounds import recolored, units_from_pil
from spec_tests.vocabulary.image_paths import (
    REFERENCES,
    THROUGH_PIL,
    THROUGH_TENSORS,
    array,
    assert_bytes_within,
    each_path,
    each_tensor_path,
    farthest,
    fractions,
    image_of,
    photograph,
    pictures,
    repeated,
    seeded,
    through_pil,
    through_tensors,
    through_torchvision,
)
from spec_tests.vocabulary.subject import REFUSALS

PIL_PATHS, TENSOR_PATHS = st.sampled_from(THROUGH_PIL), st.sampled_from(THROUGH_TENSORS)

FACTORS = st.sampled_from([0.0, 0.5, 1.0, 2.0]) | st.floats(0, 3)
TURNS = st.sampled_from([0.0, 0.5, -0.5]) | st.floats(-0.5, 0.5)
MIXTURES = ("adjust_brightness", "adjust_contrast", "adjust_saturation")
mixtures = st.tuples(st.sampled_from(MIXTURES), FACTORS)
adjustments = mixtures | st.tuples(st.just("adjust_hue"), TURNS)
each_mixture = pytest.mark.parametrize("operation", MIXTURES)
each_adjustment = pytest.mark.parametrize(
    ("operation", "factor"), [*((operation, 1.7) for operation in MIXTURES), ("adjust_hue", 0.3)]
)


def color(*channels, dtype="uint8"):
    """Return a picture of one pixel."""
    return np.array(channels, dtype).reshape(-1, 1, 1)


def adjusted(path, adjustment, picture):
    """Return the picture adjusted on this path."""
    operation, factor = adjustment
    return getattr(path, operation)(picture, factor)


# By hand


@each_path
def test_brightness_multiplies_and_cuts_off(path):
    assert path.adjust_brightness(color(101), 0.5).item() == int(0.5 * 101) == 50
    assert path.adjust_brightness(color(101), 3.0).item() == 255 < 3 * 101
    assert path.adjust_brightness(color(101), 0).item() == 0


@each_path
def test_contrast_moves_every_pixel_towards_the_mean_or_away_from_it(path):
    picture, mean = np.array([[[50, 150]]], np.uint8), (50 + 150) / 2

    half, none, twice = (path.adjust_contrast(picture, factor).ravel().tolist() for factor in (0.5, 0, 2))

    assert half == [mean + (50 - mean) / 2, mean + (150 - mean) / 2]
    assert none == [mean, mean]
    assert twice == [mean + 2 * (50 - mean), mean + 2 * (150 - mean)] == [0, 200]


@each_path
def test_saturation_moves_every_color_towards_its_grey_or_away_from_it(path):
    grey = int(0.299 * 255)  # of red

    assert path.adjust_saturation(color(255, 0, 0), 0).ravel().tolist() == [grey] * 3 == [76] * 3
    assert path.adjust_saturation(color(255, 0, 0), 0.5).ravel().tolist() == [(255 + 76) // 2, 76 // 2, 76 // 2]
    assert path.adjust_saturation(color(200, 0, 0), 2).ravel().tolist() == [255, 0, 0]


@each_tensor_path
def test_hue_goes_around_from_red_by_yellow_and_green_to_cyan(path):
    red = color(1, 0, 0, dtype="float32")
    sixths = 6 * (1 / 4)  # 1 is yellow, 2 is green: half of the red is left

    assert path.adjust_hue(red, 0.25).ravel().tolist() == [2 - sixths, 1, 0] == [0.5, 1, 0]
    assert path.adjust_hue(red, -0.25).ravel().tolist() == [0.5, 0, 1]
    assert path.adjust_hue(red, 0.5).ravel().tolist() == [0, 1, 1]


@each_path
def test_brighter_and_then_of_less_contrast_is_another_picture_than_the_other_way_round(path):
    picture = np.array([[[45, 155]]], np.uint8)

    first_brighter = path.adjust_contrast(path.adjust_brightness(picture, 3.0), 0.5)
    first_less = path.adjust_brightness(path.adjust_contrast(picture, 0.5), 3.0)

    assert first_brighter.ravel().tolist() == [(135 + 195) / 2, (255 + 195) / 2]  # of 135 and 255, the mean is 195
    assert first_less.ravel().tolist() == [3 * 72, 255]  # 45 and 155 become 72½ and 127½, with the mean 100


# Laws of the references


@given(picture=pictures(), operation=st.sampled_from(MIXTURES))
def test_a_factor_of_1_leaves_bytes_as_they_are(picture, operation):
    assert_equal(getattr(reference, operation)(picture, 1), picture)


@float32_only
@given(picture=pictures((fractions,), channels=(3,)))
def test_a_turn_by_0_leaves_floating_point_numbers_but_for_rounding(dtype, picture):
    picture = picture.astype(dtype)
    bound = recolored("adjust_hue", picture, 0.0, dtype).bound

    assert_within(reference.adjust_hue(picture, 0), Approximation(picture.astype("float64"), bound), dtype)


@given(picture=pictures(channels=(3,)))
def test_a_turn_by_0_changes_bytes_for_their_hue_and_saturation_become_bytes(picture):
    unit_of_hue, unit_of_saturation = 6 / 255 * np.ptp(picture, axis=0, keepdims=True), 1

    assert_bytes_within(reference.adjust_hue(picture, 0), picture, unit_of_hue + unit_of_saturation + 1 / 2)


@given(picture=pictures(channels=(1,)), factor=FACTORS, turn=TURNS)
def test_bytes_in_grey_have_no_saturation_and_no_hue_to_change(picture, factor, turn):
    for grey in (picture, np.repeat(picture, 3, axis=0)):
        assert_equal(reference.adjust_saturation(grey, factor), grey)
        assert_equal(reference.adjust_hue(grey, turn), grey)


@given(picture=pictures(channels=(3,)), order=st.permutations(ADJUSTMENTS), factors=st.tuples(*[FACTORS] * 3, TURNS))
def test_color_jitter_adjusts_one_after_the_other(picture, order, factors):
    by_name = dict(zip(ADJUSTMENTS, factors, strict=True))
    expected = reference.compose(
        [lambda img, name=name: getattr(reference, f"adjust_{name}")(img, by_name[name]) for name in order]
    )

    output = reference.color_jitter(picture, order, **{f"{name}_factor": factor for name, factor in by_name.items()})

    assert_equal(output, expected(picture))


@given(picture=pictures(), order=st.permutations(ADJUSTMENTS), name=st.sampled_from(ADJUSTMENTS), factor=TURNS)
def test_color_jitter_leaves_out_what_has_no_factor(picture, order, name, factor):
    factor = factor if name == "hue" else abs(factor)

    output = reference.color_jitter(picture, order, **{f"{name}_factor": factor})

    assert_equal(output, getattr(reference, f"adjust_{name}")(picture, factor))
    assert_equal(reference.color_jitter(picture, order), picture)


# PIL images: equal bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, picture=pictures(), adjustment=adjustments)
def test_pil_adjusts_to_the_bytes_of_the_references(path, picture, adjustment):
    assert_equal(adjusted(path, adjustment, picture), adjusted(REFERENCES, adjustment, picture))


@pytest.mark.compares_with_reference
@through_pil
@each_adjustment
def test_pil_adjusts_a_photograph_to_the_bytes_of_the_references(path, operation, factor):
    photo = photograph()[:, ::2, ::2]

    assert_equal(getattr(path, operation)(photo, factor), getattr(reference, operation)(photo, factor))


def all_colors(part, parts):
    """Return the n-th of so many equal parts of all 2²⁴ colours, a picture 4096 pixels wide."""
    numbers = np.arange(2**24 // parts * part, 2**24 // parts * (part + 1)).reshape(-1, 4096)
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255]).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@pytest.mark.parametrize("factor", [0.1, -0.37])
@pytest.mark.parametrize("part", range(16))
def test_pil_turns_each_of_the_16777216_colors_to_that_of_the_reference(part, factor):
    colors = all_colors(part, 16)

    assert_equal(THROUGH_PIL[0].adjust_hue(colors, factor), reference.adjust_hue(colors, factor))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, picture=pictures(channels=(2, 4)), mixture=mixtures)
def test_pil_mixes_the_colors_of_a_transparent_picture_and_keeps_its_alpha(path, picture, mixture):
    *_, alpha = picture

    output = adjusted(path, mixture, picture)

    assert_equal(output[:-1], adjusted(REFERENCES, mixture, picture[:-1]))
    assert_equal(output[-1], alpha)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PIL_PATHS, picture=pictures(channels=(2, 4)), turn=TURNS)
def test_pil_turns_the_hue_of_a_transparent_picture_and_makes_it_opaque(path, picture, turn):
    output = path.adjust_hue(picture, turn)

    assert_equal(output[:-1], reference.adjust_hue(picture[:-1], turn))
    assert_equal(output[-1], np.full_like(picture[-1], 255))


@through_pil
@each_mixture
@pytest.mark.parametrize("mode", ["1", "P", "I", "I;16", "F"])
def test_pil_mixes_no_picture_of_another_mode(path, operation, mode):
    with pytest.raises(ValueError, match="image has wrong mode"):
        getattr(path.module.functional, operation)(image_of(mode), 0.5)


@through_pil
@pytest.mark.parametrize("mode", ["1", "L", "I", "F"])
def test_pil_turns_no_hue_where_there_is_only_grey(path, mode):
    grey = image_of(mode)

    assert_equal(array(path.module.functional.adjust_hue(grey, 0.3)), array(grey))


# Tensors of floating point numbers


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@exact_formats
@given(path=TENSOR_PATHS, picture=pictures((fractions,)), mixture=mixtures)
def test_floating_point_numbers_are_mixed_within_the_bound(path, dtype, picture, mixture):
    picture = picture.astype(dtype)

    assert_within(adjusted(path, mixture, picture), recolored(mixture[0], picture, mixture[1], dtype), dtype)


def quarters(rng, shape):
    """Fill with 0, ¼, ½, ¾ and 1: channels tie, and hues fall on the borders between two sixths."""
    return rng.integers(0, 5, shape) / 4


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=TENSOR_PATHS, picture=pictures((fractions, quarters), channels=(3,)), turn=TURNS)
def test_the_hue_of_floating_point_numbers_is_turned_within_the_bound(path, picture, turn):
    picture = picture.astype("float32")

    assert_within(path.adjust_hue(picture, turn), recolored("adjust_hue", picture, turn, "float32"), "float32")


@pytest.mark.torch_api
@given(path=TENSOR_PATHS, picture=pictures((fractions,), channels=(3,)), turn=TURNS)
def test_the_hue_of_float64_is_turned_in_float32(path, picture, turn):
    output = path.adjust_hue(picture, turn)

    assert_equal(output, path.adjust_hue(picture.astype("float32"), turn).astype("float64"))


@float32_only
@given(picture=pictures((fractions, quarters), channels=(3,)), adjustment=adjustments)
def test_the_references_keep_these_bounds_too(dtype, picture, adjustment):
    picture = picture.astype(dtype)

    assert_within(
        adjusted(REFERENCES, adjustment, picture), recolored(adjustment[0], picture, adjustment[1], dtype), dtype
    )


# Tensors of bytes


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=TENSOR_PATHS, picture=pictures(), adjustment=adjustments)
def test_bytes_of_a_tensor_have_the_brightness_of_pils_and_its_colors_up_to_some_units(path, picture, adjustment):
    operation, factor = adjustment

    output = getattr(path, operation)(picture, factor)

    expected, units = getattr(reference, operation)(picture, factor), units_from_pil(operation, picture, factor)
    assert_bytes_within(output, expected, units)


@pytest.mark.compares_with_reference
@through_tensors
@each_adjustment
def test_so_has_a_photograph(path, operation, factor):
    photo = photograph()[:, ::2, ::2]

    output = getattr(path, operation)(photo, factor)

    assert_bytes_within(output, getattr(reference, operation)(photo, factor), units_from_pil(operation, photo, factor))


@each_path
def test_a_hue_loses_nearly_three_units_in_pil_where_a_tensor_loses_none(path):
    violet, turn = color(161, 0, 255), 0.486
    hue = (4 + 1 - (255 - 161) / 255) / 6  # the strongest is blue, 4; green is weakest, 1; red is in between
    units, exactly = int(255 * hue) + int(255 * turn) - 256, 255 * hue + 255 * turn - 255
    assert (units, round(exactly, 2)) == (63, 65.76)
    assert (2 * 255 - 6 * units, round(2 * 255 - 6 * exactly, 1)) == (132, 115.4)  # the red between yellow and green

    output = path.adjust_hue(violet, turn).ravel().tolist()

    assert output == ([115, 255, 0] if path in THROUGH_TENSORS else [132, 255, 0])


@each_path
def test_white_becomes_darker_with_less_saturation_in_a_tensor_whose_shares_of_grey_add_up_to_9999_in_10000(path):
    white = color(255, 255, 255)
    assert round(0.2989 + 0.587 + 0.114, 10) == 0.9999

    darker = int(0.9999 * 255) if path in THROUGH_TENSORS else 255

    assert path.adjust_saturation(white, 0).ravel().tolist() == path.adjust_contrast(white, 0).ravel().tolist()
    assert path.adjust_saturation(white, 0).ravel().tolist() == [darker] * 3


# ColorJitter


def draw(path, jitter, picture):
    """Return what ColorJitter draws: the order, and a factor or None for each adjustment."""
    if path.version == "v1":
        order, *factors = jitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    else:
        order, *factors = jitter.make_params([path.picture(picture)]).values()
    return [ADJUSTMENTS[number] for number in order], dict(zip(ADJUSTMENTS, factors, strict=True))


PIXEL = color(10, 20, 30)


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize("amount", [0.3, 1, 1.5])
def test_a_number_b_stands_for_factors_from_1_minus_b_but_not_below_0_to_1_plus_b(path, amount):
    jitter = path.module.ColorJitter(amount, amount, amount)

    assert jitter.brightness == jitter.contrast == jitter.saturation == (max(0, 1 - amount), 1 + amount)


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_a_number_h_stands_for_turns_from_minus_h_to_h_and_a_pair_for_itself(path):
    assert path.module.ColorJitter(hue=0.2).hue == (-0.2, 0.2)
    assert path.module.ColorJitter(hue=(-0.1, 0.5)).hue == (-0.1, 0.5)
    assert path.module.ColorJitter(contrast=(0.5, 3)).contrast == (0.5, 3)


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_factors_are_drawn_from_all_of_their_range_alike(path):
    jitter, draws = path.module.ColorJitter(0.5, 2, (1, 3), 0.25), 500
    ranges = {"brightness": (0.5, 1.5), "contrast": (0, 3), "saturation": (1, 3), "hue": (-0.25, 0.25)}
    seeded(0)

    drawn = [draw(path, jitter, PIXEL)[1] for _ in range(draws)]

    for name, (least, most) in ranges.items():
        places = np.sort([(factors[name] - least) / (most - least) for factors in drawn])
        assert 0 <= places[0] <= places[-1] <= 1
        below = np.arange(draws) / draws
        assert max(abs(places - below).max(), abs(places - below - 1 / draws).max()) < farthest(draws, len(ranges))


@pytest.mark.claim("1.3.m")
@through_torchvision
def test_the_four_are_adjusted_in_each_of_24_orders(path):
    jitter, draws = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), 1000
    seeded(0)

    orders = [tuple(draw(path, jitter, PIXEL)[0]) for _ in range(draws)]

    assert set(orders) == set(permutations(ADJUSTMENTS))  # one is missing at 24 · (23/24)¹⁰⁰⁰ of all seeds: 10⁻¹⁷
    for name in ADJUSTMENTS:
        shares = [sum(order[place] == name for order in orders) / draws for place in range(4)]
        assert max(abs(share - 1 / 4) for share in shares) < farthest(draws, 4 * 4)


@pytest.mark.compares_with_reference
@pytest.mark.claim("1.3.m")
@through_pil
@pytest.mark.parametrize("seed", range(10))
def test_pil_jitters_by_what_it_has_drawn_to_the_bytes_of_the_reference(path, seed):
    jitter, photo = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), photograph()[:, ::40, ::40]

    seeded(seed)
    output = path.through(jitter)(photo)

    seeded(seed)
    order, factors = draw(path, jitter, photo)
    assert_equal(output, reference.color_jitter(photo, order, **{f"{name}_factor": f for name, f in factors.items()}))


@pytest.mark.claim("1.3.m")
@through_tensors
@pytest.mark.parametrize("seed", range(10))
def test_a_tensor_is_jittered_by_what_was_drawn(path, seed):
    jitter, photo = path.module.ColorJitter(0.5, 0.5, 0.5, 0.5), photograph()[:, ::40, ::40]

    seeded(seed)
    output = path.through(jitter)(photo)

    seeded(seed)
    order, factors = draw(path, jitter, photo)
    for name in order:
        photo = getattr(path, f"adjust_{name}")(photo, factors[name])
    assert_equal(output, photo)


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize(
    "arguments", [{}, {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}, {"hue": (0, 0)}]
)
def test_color_jitter_changes_nothing_unless_told_to(path, arguments):
    photo = photograph()[:, ::40, ::40]

    assert_equal(path.through(path.module.ColorJitter(**arguments))(photo), photo)


@through_torchvision
def test_the_same_seed_draws_the_same_colors(path):
    jitter, photo = path.through(path.module.ColorJitter(0.5, 0.5, 0.5, 0.5)), photograph()[:, ::40, ::40]

    once, again, otherwise = (repeated(jitter, photo, 3, seed) for seed in (1, 1, 2))

    assert_equal(once, again)
    assert (once != otherwise).any()


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
def test_color_jitter_refuses(path, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        path.module.ColorJitter(**arguments)


# Refusals


@each_path
@pytest.mark.parametrize("turn", [0.51, -0.51, float("nan")])
def test_a_hue_over_half_a_turn_is_refused(path, turn):
    with pytest.raises(ValueError, match="hue_factor must be from -0.5 to 0.5" if path is REFERENCES else "not in"):
        path.adjust_hue(PIXEL, turn)


@each_tensor_path
@each_mixture
def test_a_negative_factor_is_refused_for_a_tensor(path, operation):
    name = operation.removeprefix("adjust_") + "_factor"

    with pytest.raises(ValueError, match=f"{name} must be at least 0, got -1" if path is REFERENCES else name):
        getattr(path, operation)(PIXEL, -1)


@through_pil
def test_a_negative_factor_is_taken_for_a_pil_image_and_goes_on_beyond_the_plain_picture(path):
    picture, red = np.array([[[50, 150]]], np.uint8), color(255, 0, 0)

    assert path.adjust_brightness(picture, -1).ravel().tolist() == [0, 0]
    assert path.adjust_contrast(picture, -1).ravel().tolist() == [2 * 100 - 50, 2 * 100 - 150]
    assert path.adjust_saturation(red, -1).ravel().tolist() == [0, 2 * 76, 2 * 76]


@each_tensor_path
@each_adjustment
@pytest.mark.parametrize("channels", [2, 4])
def test_a_picture_of_other_than_one_or_three_channels_is_refused_for_a_tensor(path, operation, factor, channels):
    with pytest.raises(REFUSALS, match="img has shape" if path is REFERENCES else "permitted channel values"):
        getattr(path, operation)(np.zeros((channels, 2, 2), np.uint8), factor)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("order must name brightness, contrast, saturation, hue, got 'gamma'", {"order": ["gamma"]}),
        ("brightness_factor must be at least 0, got -1", {"brightness_factor": -1}),
        ("hue_factor must be from -0.5 to 0.5, got 1", {"hue_factor": 1}),
        ("contrast_factor must be a number, got '1'", {"contrast_factor": "1"}),
        ("contrast_factor must be at least 0, got nan", {"contrast_factor": float("nan")}),
        ("img has dtype int64", {"img": np.zeros((3, 2, 2), int)}),
        (r"img has shape \(2, 2\)", {"img": np.zeros((2, 2))}),
    ],
)
def test_the_reference_of_color_jitter_refuses(message, arguments):
    with pytest.raises((ValueError, TypeError), match=message):
        reference.color_jitter(**{"img": PIXEL, **arguments})
