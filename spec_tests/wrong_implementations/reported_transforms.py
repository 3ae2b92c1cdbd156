"""Transforms of pictures that are wrong as those of real libraries were, by their public reports."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

BOUND = "test_a_transform_of_floating_point_numbers_is_within_its_bound"
PILS_BYTES = "test_bytes_become_the_bytes_that_pil_makes_of_them"
EDGES = "test_the_edges_follow_from_whole_numbers_alone"
HALF_A_PIXEL = "test_half_a_pixel_is_rounded_to_even_and_a_small_picture_is_surrounded"
MEAN_GREY = "test_the_contrast_is_the_distance_from_the_mean_grey_of_the_picture"
BESIDE = "test_twice_as_many_pixels_lie_a_quarter_pixel_beside_the_old_ones"
IN_ORDER = "test_color_jitter_applies_the_adjustments_in_the_given_order"


@wrong("to_tensor", "test_whole_numbers_other_than_bytes_keep_both_ends_of_their_range", level="conventions")
def reads_16_bits_as_signed(pic: Array) -> Any:
    """Takes white for −1, as torchvision's ToTensor does with PIL images: pytorch/vision#8188."""
    return reference.to_tensor(pic.astype(np.int16) if pic.dtype == np.uint16 else pic)


@wrong("to_tensor", "test_numbers_that_are_not_bytes_are_moved_and_not_divided", level="conventions")
def divides_16_bits_by_255(pic: Array) -> Any:
    """Divides whatever it reads by 255, and has numbers up to 257: Nerogar/mgds#55."""
    output = reference.to_tensor(pic)
    return output.astype(np.float32) / 255 if pic.dtype in (np.uint16, np.int16) else output


@wrong("normalize", "test_normalize_needs_channels_of_floating_point_and_a_mean_and_std_for_each", level="refusals")
def normalizes_bytes_in_bytes(tensor: Array, mean: Any, std: Any) -> Any:
    """Computes with mean and std in the picture's own whole numbers: pytorch/vision#1915."""
    if tensor.dtype.kind == "f":
        return reference.normalize(tensor, mean, std)
    means, deviations = (np.array(numbers).astype(tensor.dtype) for numbers in (mean, std))
    return (tensor - means[:, np.newaxis, np.newaxis]) // np.maximum(deviations, 1)[:, np.newaxis, np.newaxis]


@wrong("normalize", "test_each_channel_is_normalized_by_its_own_mean_and_std", BOUND)
def brings_the_picture_to_this_mean_and_std(tensor: Array, mean: Any, std: Any) -> Any:
    """Takes the numbers for what the result shall have, as the reporter of pytorch/vision#642 did."""
    reference.normalize(tensor, mean, std)
    means, deviations = (np.array(numbers, tensor.dtype)[:, np.newaxis, np.newaxis] for numbers in (mean, std))
    spread = tensor.std(axis=(-2, -1), keepdims=True)
    standard = (tensor - tensor.mean(axis=(-2, -1), keepdims=True)) / np.where(spread == 0, 1, spread)
    return standard * deviations + means


@wrong("resize", "test_a_picture_that_has_its_shorter_edge_is_made_smaller_to_fit_max_size", EDGES, level="conventions")
def forgets_max_size_where_the_shorter_edge_fits(img: Array, size: Any, max_size: Any, **rest: Any) -> Any:
    """Returns a picture as it is if its shorter edge has the size asked for: pytorch/vision#5405."""
    output = reference.resize(img, size, max_size=max_size, **rest)
    fits = max_size is not None and size == min(img.shape[-2:])
    return img.copy() if fits else output


@wrong("resize", "test_the_longer_edge_is_rounded_down_even_from_nearly_a_pixel_more")
def rounds_the_longer_edge_to_the_nearest(img: Array, size: Any, max_size: Any, **rest: Any) -> Any:
    """Keeps the ratio as nearly as it can."""
    output = reference.resize(img, size, max_size=max_size, **rest)
    if not isinstance(size, int) or max_size is not None:
        return output
    short, long = sorted(img.shape[-2:])
    longer = (2 * size * long + short) // (2 * short)
    return reference.resize(img, (size, longer) if img.shape[-2] <= img.shape[-1] else (longer, size), **rest)


@wrong("resize", EDGES, level="conventions")
def scales_the_old_edges_down_to_max_size(img: Array, size: Any, max_size: Any, **rest: Any) -> Any:
    """Takes the ratio of the picture as it was, not of the edges that it would have without `max_size`."""
    output = reference.resize(img, size, max_size=max_size, **rest)
    if max_size is None or max(output.shape[-2:]) < max_size:
        return output
    short, long = sorted(img.shape[-2:])
    edges = max(max_size * short // long, 1), max_size
    return reference.resize(img, edges if img.shape[-2] <= img.shape[-1] else edges[::-1], **rest)


@wrong("resize", BESIDE, BOUND)
def puts_pixels_at_their_upper_left_corners(img: Array, size: Any, interpolation: str, **rest: Any) -> Any:
    """Looks for pixel i at i · old/new, half a pixel too far up and left: tensorflow/tensorflow#6720."""
    output = reference.resize(img, size, interpolation, **rest)
    if interpolation != "bilinear" or img.dtype.kind != "f":
        return output
    shifted = img
    for axis, new in zip((-2, -1), output.shape[-2:], strict=True):
        old = img.shape[axis]
        places = (np.arange(new) * old / new).clip(0, old - 1)
        shares = np.array([np.interp(places, np.arange(old), one) for one in np.identity(old)])
        shifted = np.moveaxis(np.moveaxis(shifted, axis, -1) @ shares, -1, axis)
    return shifted.astype(img.dtype)


@wrong("resize", "test_half_as_many_pixels_are_blends_of_more_than_two_old_ones", BOUND)
def antialiases_bytes_alone(img: Array, size: Any, interpolation: str, max_size: Any, antialias: bool) -> Any:
    """Samples tensors where PIL filters, whatever it is told: pytorch/vision#2950."""
    return reference.resize(img, size, interpolation, max_size, antialias and img.dtype == np.uint8)


@wrong("resize", "test_the_cubic_filter_takes_a_little_off_for_the_pixels_farther_away", BOUND)
def antialiases_with_the_other_cubic(img: Array, size: Any, interpolation: str, **rest: Any) -> Any:
    """Makes a picture larger by the cubic of a = −0.75 where PIL's has −0.5."""
    output = reference.resize(img, size, interpolation, **rest)
    larger = min(new - old for new, old in zip(output.shape[-2:], img.shape[-2:], strict=True)) >= 0
    if interpolation != "bicubic" or img.dtype.kind != "f" or not larger:
        return output
    return reference.resize(img, output.shape[-2:], interpolation, antialias=False)


@wrong("center_crop", HALF_A_PIXEL, level="conventions")
def begins_half_a_pixel_too_early(img: Array, output_size: Any) -> Any:
    """Rounds half of an odd surplus down, as transformers did: huggingface/transformers#22505, #26238."""
    h, w = reference.center_crop(img, output_size).shape[-2:]
    top, left = (
        surplus // 2 if surplus >= 0 else -(-surplus // 2) for surplus in (img.shape[-2] - h, img.shape[-1] - w)
    )
    return reference.crop(img, top, left, h, w)


@wrong("center_crop", HALF_A_PIXEL, level="conventions")
def is_a_pixel_short_where_it_pads_an_odd_number(img: Array, output_size: Any) -> Any:
    """Pads by half on either side, rounded down, and returns (7, 7) for (8, 8): huggingface/transformers#30922."""
    output = reference.center_crop(img, output_size)
    rows, columns = (
        new - (old < new and (new - old) % 2) for old, new in zip(img.shape[-2:], output.shape[-2:], strict=True)
    )
    return output[..., :rows, :columns].copy()


@wrong("adjust_contrast", MEAN_GREY, BOUND)
def rounds_the_mean_of_floats_too(img: Array, contrast_factor: float) -> Any:
    """Makes ½ and everything above it 1, as for bytes: albumentations-team/albumentations#1206."""
    output = reference.adjust_contrast(img, contrast_factor)
    if img.dtype.kind != "f":
        return output
    uniform = reference.adjust_contrast(img, 0.0)
    rounded = np.floor(uniform + img.dtype.type(0.5))
    return np.clip(output + img.dtype.type(1 - contrast_factor) * (rounded - uniform), 0, 1)


@wrong("adjust_contrast", MEAN_GREY, BOUND)
def brightens_where_it_should_contrast(img: Array, contrast_factor: float) -> Any:
    """Multiplies every number by the factor, as kornia did: kornia/kornia#488."""
    reference.adjust_contrast(img, contrast_factor)
    return reference.adjust_brightness(img, contrast_factor)


@wrong("adjust_saturation", "test_mixed_numbers_stay_between_0_and_1", BOUND)
def lets_colors_leave_their_range(img: Array, saturation_factor: float) -> Any:
    """Mixes and does not clip: xingyizhou/CenterNet#702."""
    output = reference.adjust_saturation(img, saturation_factor)
    if img.dtype.kind != "f" or img.shape[-3] == 1:
        return output
    grey = reference.adjust_saturation(img, 0.0)
    factor = img.dtype.type(saturation_factor)
    return factor * img + (1 - factor) * grey


@wrong("adjust_hue", "test_the_hue_of_bytes_is_turned_back_as_well", PILS_BYTES, level="conventions")
def cannot_turn_the_hue_of_bytes_back(img: Array, hue_factor: float) -> Any:
    """Holds the shift in a byte, which is never negative: lightly-ai/lightly#1885, of torchvision 0.18 and NumPy 2."""
    output = reference.adjust_hue(img, hue_factor)
    return output if img.dtype != np.uint8 or hue_factor >= 0 else reference.adjust_hue(img, 0.0)


@wrong("color_jitter", IN_ORDER, PILS_BYTES, level="conventions")
def computes_the_saturation_and_forgets_it(img: Array, saturation_factor: Any, **rest: Any) -> Any:
    """Does not keep what one of its adjustments returns: Physical-Intelligence/augmax#2."""
    reference.color_jitter(img, saturation_factor=saturation_factor, **rest)
    return reference.color_jitter(img, saturation_factor=None, **rest)


@wrong("color_jitter", IN_ORDER, level="conventions")
def gives_the_factors_away_in_the_order_of_the_adjustments(img: Array, order: Any, **factors: Any) -> Any:
    """Hands the first factor to what comes first, so that a factor depends on the order that was drawn."""
    output = reference.color_jitter(img, order, **factors)
    names = [f"{name}_factor" for name in order if name != "hue"]
    if len(names) < 3 or None in factors.values():
        return output
    colors = sorted(names)
    return reference.color_jitter(
        img, order, **{**factors, **{n: factors[c] for n, c in zip(names, colors, strict=True)}}
    )
