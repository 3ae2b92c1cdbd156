"""Transforms of pictures that move pixels or rescale them, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from reference.resize import resized_output_size
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

BOUND = "test_a_transform_of_floating_point_numbers_is_within_its_bound"
PLANES = "test_a_pixel_of_three_channels_becomes_one_number_in_each_of_three_planes"
LEAVES = "test_no_transform_changes_its_picture"
OWN = "test_a_transform_returns_a_picture_of_its_own"
LAID = "test_a_transform_does_not_depend_on_how_its_picture_lies_in_memory"
BATCH = "test_each_picture_of_a_batch_is_transformed_as_it_is_alone"
ONE_MEAN = "test_each_channel_is_normalized_by_its_own_mean_and_std"
PILS_BYTES = "test_bytes_become_the_bytes_that_pil_makes_of_them"


@wrong("to_tensor", PLANES)
def divides_by_256(pic: Array) -> Any:
    """Takes the number of bytes for the largest of them."""
    output = reference.to_tensor(pic)
    return output * np.float32(255 / 256) if pic.dtype == np.uint8 else output


@wrong("to_tensor", PLANES, "test_every_pixel_keeps_its_place_behind_the_axis_of_channels")
def turns_the_picture_on_its_side(pic: Array) -> Any:
    """Turns all the axes around: (c, w, h)."""
    return reference.to_tensor(pic).swapaxes(1, 2).copy()


@wrong("to_tensor", PLANES)
def reshapes_where_it_should_transpose(pic: Array) -> Any:
    """Reads the pixels in their old order into the new shape."""
    output = reference.to_tensor(pic)
    return np.moveaxis(output, 0, -1).reshape(output.shape)


@wrong("to_tensor", "test_numbers_that_are_not_bytes_are_moved_and_not_divided", level="conventions")
def divides_whatever_comes(pic: Array) -> Any:
    """Divides by 255 what is no byte."""
    return reference.to_tensor(pic).astype(np.float32) / (1 if pic.dtype == np.uint8 else 255)


@wrong("to_tensor", "test_a_grey_image_gets_an_axis_of_one_channel", level="conventions")
def leaves_a_grey_image_without_channels(pic: Array) -> Any:
    """Returns (h, w) as it comes."""
    output = reference.to_tensor(pic)
    return output[0] if pic.ndim == 2 else output


@wrong("normalize", ONE_MEAN, "test_times_the_std_and_plus_the_mean_is_the_picture_again", BOUND)
def divides_before_it_subtracts(tensor: Array, mean: Any, std: Any) -> Any:
    """Computes x / std − mean."""
    zeros = [0.0] * len(mean)
    return reference.normalize(reference.normalize(tensor, zeros, std), mean, [1.0])


@wrong("normalize", ONE_MEAN, BOUND)
def normalizes_every_channel_by_the_first(tensor: Array, mean: Any, std: Any) -> Any:
    """Uses the first mean and std throughout."""
    reference.normalize(tensor, mean, std)
    return reference.normalize(tensor, mean[:1], std[:1])


@wrong("normalize", ONE_MEAN, "test_the_range_0_to_1_becomes_minus_1_to_1_with_a_mean_and_std_of_one_half", BOUND)
def divides_by_the_variance(tensor: Array, mean: Any, std: Any) -> Any:
    """Takes std for a root."""
    reference.normalize(tensor, mean, std)
    return reference.normalize(tensor, mean, [deviation**2 for deviation in std])


@wrong("normalize", ONE_MEAN)
def measures_the_statistics_itself(tensor: Array, mean: Any, std: Any) -> Any:
    """Standardizes by the picture's own mean and deviation."""
    reference.normalize(tensor, mean, std)
    axes = (-2, -1)
    deviations = tensor.std(axis=axes, keepdims=True)
    return (tensor - tensor.mean(axis=axes, keepdims=True)) / np.where(deviations == 0, 1, deviations)


@wrong("normalize", LEAVES, level="contracts")
def normalizes_in_place(tensor: Array, mean: Any, std: Any) -> Any:
    """Writes over the picture."""
    output = reference.normalize(tensor, mean, std)
    if tensor.flags.writeable:
        np.copyto(tensor, output)
    return output


@wrong("normalize", "test_normalize_needs_channels_of_floating_point_and_a_mean_and_std_for_each", level="refusals")
def accepts_a_std_of_0(tensor: Array, mean: Any, std: Any) -> Any:
    """Divides by 0 and returns infinities."""
    with np.errstate(all="ignore"):
        return reference.normalize(
            tensor, mean, [deviation or 1e-300 if tensor.dtype == float else 1 for deviation in std]
        )


@wrong("resize", "test_twice_as_many_pixels_lie_a_quarter_pixel_beside_the_old_ones", BOUND)
def aligns_the_corners(img: Array, size: Any, interpolation: str, **rest: Any) -> Any:
    """Puts the first and the last pixel where they were, and the others in between."""
    if interpolation != "bilinear" or img.dtype.kind != "f":
        return reference.resize(img, size, interpolation, **rest)
    output = img
    for axis, new in zip((-2, -1), resized_output_size(img.shape[-2:], size, rest["max_size"]), strict=True):
        old = img.shape[axis]
        shares = [np.interp(np.linspace(0, old - 1, new), np.arange(old), one) for one in np.identity(old)]
        output = np.moveaxis(np.moveaxis(output, axis, -1) @ np.array(shares), -1, axis)
    return output.astype(img.dtype)


@wrong("resize", "test_half_as_many_pixels_are_blends_of_more_than_two_old_ones", BOUND)
def never_antialiases(img: Array, size: Any, interpolation: str, max_size: Any, antialias: bool) -> Any:
    """Samples a picture that it makes smaller."""
    return reference.resize(img, size, interpolation, max_size, antialias and img.dtype.kind != "f")


@wrong("resize", "test_without_antialias_half_as_many_pixels_are_blends_of_two_old_ones", BOUND)
def always_antialiases(img: Array, size: Any, interpolation: str, max_size: Any, antialias: bool) -> Any:
    """Does not look at the option."""
    return reference.resize(img, size, interpolation, max_size)


@wrong("resize", "test_two_numbers_are_the_height_and_the_width")
def takes_the_width_first(size: Any, **rest: Any) -> Any:
    """Reads a pair as PIL does."""
    return reference.resize(size=size[::-1] if isinstance(size, tuple) else size, **rest)


@wrong("resize", "test_one_number_is_the_shorter_edge_and_the_longer_one_keeps_the_ratio")
def makes_a_square_of_one_number(img: Array, size: Any, max_size: Any, **rest: Any) -> Any:
    """Takes one number for both sides."""
    reference.resize(img, size, max_size=max_size, **rest)
    return reference.resize(img, (size, size) if isinstance(size, int) else size, **rest)


@wrong("resize", "test_bytes_are_rounded_to_bytes_between_the_two_directions", PILS_BYTES, level="conventions")
def rounds_bytes_once(img: Array, **rest: Any) -> Any:
    """Computes bytes in floating point, and rounds the result."""
    if img.dtype != np.uint8:
        return reference.resize(img, **rest)
    return np.rint(reference.resize(img.astype(np.float64), **rest)).clip(0, 255).astype(np.uint8)


@wrong("resize", "test_the_cubic_filter_takes_a_little_off_for_the_pixels_farther_away", BOUND)
def takes_every_filter_for_the_triangle(interpolation: str, **rest: Any) -> Any:
    """Is bilinear where bicubic was asked for."""
    return reference.resize(interpolation="bilinear" if interpolation == "bicubic" else interpolation, **rest)


@wrong("center_crop", "test_the_middle_of_a_picture_is_as_far_from_either_edge")
def cuts_out_the_upper_left(img: Array, output_size: Any) -> Any:
    """Begins at the first pixel."""
    h, w = reference.center_crop(img, output_size).shape[-2:]
    return reference.crop(img, 0, 0, h, w)


@wrong("center_crop", "test_half_a_pixel_is_rounded_to_even_and_a_small_picture_is_surrounded", level="conventions")
def rounds_half_a_pixel_down(img: Array, output_size: Any) -> Any:
    """Begins at half of the surplus, rounded down."""
    h, w = reference.center_crop(img, output_size).shape[-2:]
    return reference.crop(img, (img.shape[-2] - h) // 2, (img.shape[-1] - w) // 2, h, w)


@wrong("crop", "test_a_crop_begins_at_its_top_and_left", "test_a_crop_is_a_part_of_the_picture_in_a_black_frame")
def takes_the_left_for_the_top(img: Array, top: int, left: int, height: int, width: int) -> Any:
    """Exchanges the place of the two arguments."""
    return reference.crop(img, left, top, height, width)


@wrong("crop", "test_a_crop_is_a_part_of_the_picture_in_a_black_frame")
def repeats_the_edge(img: Array, top: int, left: int, height: int, width: int) -> Any:
    """Continues the picture beyond its edge, where it should be black."""
    reference.crop(img, top, left, height, width)
    rows, columns = (
        np.arange(first, first + count).clip(0, size - 1)
        for first, count, size in ((top, height, img.shape[-2]), (left, width, img.shape[-1]))
    )
    return img[..., rows[:, np.newaxis], columns]


@wrong("crop", "test_a_crop_is_a_part_of_the_picture_in_a_black_frame")
def slices_from_the_end(img: Array, top: int, left: int, height: int, width: int) -> Any:
    """Lets a negative number count from the end, as Python does."""
    return reference.crop(img, top % img.shape[-2] if top < 0 else top, left, height, width)


@wrong("hflip", "test_left_and_right_are_swapped", "test_a_flip_turns_the_order_of_the_columns_or_rows_around")
def flips_the_other_way(img: Array) -> Any:
    """Swaps top and bottom."""
    return reference.vflip(img)


@wrong("hflip", OWN, level="contracts")
def returns_a_view_of_the_picture(img: Array) -> Any:
    """Turns the strides around, and no pixel."""
    reference.hflip(img)
    return img[..., ::-1]


@wrong("vflip", "test_top_and_bottom_are_swapped", "test_a_flip_turns_the_order_of_the_columns_or_rows_around")
def turns_the_picture_by_half(img: Array) -> Any:
    """Flips along both axes."""
    return reference.hflip(reference.vflip(img))


@wrong("vflip", BATCH, "test_a_flip_turns_the_order_of_the_columns_or_rows_around")
def flips_the_first_axis(img: Array) -> Any:
    """Turns the channels around, or the pictures of a batch."""
    reference.vflip(img)
    return img[::-1].copy()
