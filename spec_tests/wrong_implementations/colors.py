"""Transforms of colours, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from reference.color import ADJUSTMENTS
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

BOUND = "test_a_transform_of_floating_point_numbers_is_within_its_bound"
HUE_BOUND = "test_a_shifted_hue_and_a_jitter_by_one_factor_are_within_their_bound"
PILS_BYTES = "test_bytes_become_the_bytes_that_pil_makes_of_them"
BATCH = "test_each_picture_of_a_batch_is_transformed_as_it_is_alone"
ORDER = "test_color_jitter_applies_the_adjustments_in_the_given_order"
HALF_BRIGHT = "test_half_the_brightness_is_half_of_every_number_and_too_much_is_clipped"
MEAN_GREY = "test_the_contrast_is_the_distance_from_the_mean_grey_of_the_picture"


@wrong("adjust_brightness", HALF_BRIGHT, BOUND)
def does_not_clip(img: Array, brightness_factor: float) -> Any:
    """Lets numbers grow beyond 1."""
    output = reference.adjust_brightness(img, brightness_factor)
    return img * img.dtype.type(brightness_factor) if img.dtype.kind == "f" else output


@wrong("adjust_brightness", HALF_BRIGHT, BOUND)
def adds_the_factor(img: Array, brightness_factor: float) -> Any:
    """Adds factor − 1 to every number."""
    output = reference.adjust_brightness(img, brightness_factor)
    return np.clip(img + img.dtype.type(brightness_factor - 1), 0, 1) if img.dtype.kind == "f" else output


@wrong("adjust_brightness", "test_brighter_bytes_are_truncated_and_clipped", PILS_BYTES, level="conventions")
def rounds_bytes_to_the_nearest(img: Array, brightness_factor: float) -> Any:
    """Rounds where PIL truncates."""
    if img.dtype != np.uint8:
        return reference.adjust_brightness(img, brightness_factor)
    return np.floor(img * brightness_factor + 0.5).clip(0, 255).astype(np.uint8)


@wrong("adjust_brightness", "test_brighter_bytes_are_truncated_and_clipped", PILS_BYTES, level="conventions")
def lets_bytes_wrap_around(img: Array, brightness_factor: float) -> Any:
    """Starts again at 0 beyond 255."""
    if img.dtype != np.uint8:
        return reference.adjust_brightness(img, brightness_factor)
    return np.trunc(np.float32(brightness_factor) * img).astype(np.int64).astype(np.uint8)


@wrong("adjust_contrast", MEAN_GREY, BOUND)
def moves_away_from_middle_grey(img: Array, contrast_factor: float) -> Any:
    """Takes ½ for the mean of every picture."""
    output = reference.adjust_contrast(img, contrast_factor)
    if img.dtype.kind != "f":
        return output
    half = img.dtype.type(0.25)  # the mean of no picture in particular
    return np.clip(half + img.dtype.type(contrast_factor) * (img - half), 0, 1)


@wrong("adjust_contrast", "test_without_contrast_all_numbers_of_a_picture_are_one", BOUND, PILS_BYTES)
def has_a_mean_of_every_channel(img: Array, contrast_factor: float) -> Any:
    """Moves each channel away from its own mean, and so changes the tint."""
    channels = [
        reference.adjust_contrast(channel, contrast_factor) for channel in np.split(img, img.shape[-3], axis=-3)
    ]
    return np.concatenate(channels, axis=-3)


@wrong("adjust_contrast", BATCH, level="conventions")
def has_one_mean_for_the_batch(img: Array, contrast_factor: float) -> Any:
    """Takes the mean grey over all the pictures."""
    if img.ndim == 3:
        return reference.adjust_contrast(img, contrast_factor)
    side_by_side = np.concatenate(list(img), axis=-1)
    return np.stack(np.split(reference.adjust_contrast(side_by_side, contrast_factor), len(img), axis=-1))


@wrong("adjust_saturation", "test_without_saturation_every_channel_is_the_grey_of_the_three", BOUND)
def averages_the_channels(img: Array, saturation_factor: float) -> Any:
    """Takes the mean of red, green and blue for the grey."""
    output = reference.adjust_saturation(img, saturation_factor)
    if img.dtype.kind != "f":
        return output
    factor = img.dtype.type(saturation_factor)
    return np.clip(factor * img + (1 - factor) * img.mean(axis=-3, keepdims=True), 0, 1)


@wrong("adjust_saturation", "test_without_saturation_every_channel_is_the_grey_of_the_three", BOUND)
def reads_blue_green_red(img: Array, saturation_factor: float) -> Any:
    """Takes the first channel for the blue one, as OpenCV stores them."""
    return reference.adjust_saturation(img[..., ::-1, :, :], saturation_factor)[..., ::-1, :, :].copy()


@wrong("adjust_saturation", "test_saturation_and_hue_leave_grey_bytes_unchanged", level="conventions")
def weights_add_up_to_less_than_one(img: Array, saturation_factor: float) -> Any:
    """Computes the grey of bytes with 0.2989, 0.587 and 0.114, and truncates it."""
    if img.dtype != np.uint8 or img.shape[-3] == 1:
        return reference.adjust_saturation(img, saturation_factor)
    shares = np.array([0.2989, 0.587, 0.114])[:, np.newaxis, np.newaxis]
    grey = np.trunc((shares * img).sum(axis=-3, keepdims=True))
    return np.trunc(grey + saturation_factor * (img - grey)).clip(0, 255).astype(np.uint8)


@wrong("adjust_hue", "test_a_quarter_of_a_turn_leaves_half_of_the_red_beside_the_green", HUE_BOUND)
def turns_the_hue_backwards(img: Array, hue_factor: float) -> Any:
    """Takes red towards blue for a positive factor."""
    return reference.adjust_hue(img, -hue_factor)


@wrong("adjust_hue", "test_a_quarter_of_a_turn_leaves_half_of_the_red_beside_the_green", HUE_BOUND)
def turns_by_half_as_much(img: Array, hue_factor: float) -> Any:
    """Takes the factor for a share of half a turn."""
    reference.adjust_hue(img, hue_factor)
    return reference.adjust_hue(img, hue_factor / 2)


@wrong("adjust_hue", "test_the_hue_of_bytes_is_a_byte_itself", PILS_BYTES, level="conventions")
def keeps_the_hue_of_bytes_exact(img: Array, hue_factor: float) -> Any:
    """Computes bytes in floating point, and rounds the result."""
    output = reference.adjust_hue(img, hue_factor)
    if img.dtype != np.uint8 or img.shape[-3] == 1:
        return output
    return np.rint(255 * reference.adjust_hue(img / 255, hue_factor)).astype(np.uint8)


@wrong("adjust_hue", "test_a_hue_is_shifted_by_half_a_turn_at_most", level="refusals")
def goes_round_more_than_once(img: Array, hue_factor: float) -> Any:
    """Accepts any number, and takes it round the circle."""
    return reference.adjust_hue(img, (np.nan_to_num(hue_factor) + 0.5) % 1 - 0.5)


@wrong("color_jitter", ORDER, "test_a_jitter_adjusts_in_its_order")
def always_keeps_to_one_order(img: Array, order: Any, **factors: Any) -> Any:
    """Starts with the brightness and ends with the hue, whatever was drawn."""
    reference.color_jitter(img, order, **factors)
    return reference.color_jitter(img, [name for name in ADJUSTMENTS if name in order], **factors)


@wrong("color_jitter", "test_a_jitter_adjusts_in_its_order")
def adjusts_the_original_each_time(img: Array, order: Any, **factors: Any) -> Any:
    """Keeps what the last adjustment alone makes of the picture."""
    reference.color_jitter(img, order, **factors)
    asked = [name for name in order if factors[f"{name}_factor"] is not None]
    return reference.color_jitter(img, asked[-1:], **factors)


@wrong("color_jitter", "test_a_jitter_without_factors_changes_nothing")
def takes_no_factor_for_zero(img: Array, order: Any, **factors: Any) -> Any:
    """Makes a picture black that has no factor of brightness."""
    return reference.color_jitter(img, order, **{**factors, "brightness_factor": factors["brightness_factor"] or 0.0})
