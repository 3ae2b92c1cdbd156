"""1.3 Options of the transforms: RandomCrop's padding and fill, Resize's max_size and filters, Normalize in place.

A crop as large as its padded image has one place only, and shows what the image was surrounded with.
"""

import inspect
import re
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import random_transforms
from reference.random_transforms import PADDING_MODES
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.image_paths import (
    PIL_V1,
    REFERENCES,
    TENSOR_V1,
    TENSOR_V2,
    THROUGH_PIL,
    THROUGH_TENSORS,
    any_bytes,
    array,
    channels_last,
    each_path,
    frequency_tolerance,
    images,
    pil_image_of_mode,
    reseed,
    sizes,
    tensor,
    through_pil,
    through_tensors,
    through_torchvision,
)
from spec_tests.vocabulary.levels import conventions, values
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.subject import REFUSALS
from spec_tests.vocabulary.torch_when_needed import torch

TORCHVISIONS = st.sampled_from([*THROUGH_PIL, *THROUGH_TENSORS])


def random_crops(path, img, size, times=1, seed=0, **options):
    """Return this many crops of an image, drawn by torchvision's RandomCrop or by the reference."""
    if path is REFERENCES:
        generator = np.random.default_rng(seed)
        crop = partial(random_transforms.random_crop, size=size, **options, generator=generator)
    else:
        reseed(seed)
        crop = path.through(path.module.RandomCrop(size, **options))
    return [crop(img) for _ in range(times)]


def padded(path, img, padding, **options):
    """Return an image as RandomCrop surrounds it."""
    left, above, right, below = padding
    size = (img.shape[-2] + above + below, img.shape[-1] + left + right)
    (crop,) = random_crops(path, img, size, padding=padding, **options)
    return crop


# RandomCrop: what surrounds the image

ROW = np.array([[[1, 2, 3]]], np.uint8)


@pytest.mark.claim("1.3.j")
@each_path
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0, 0, 1, 2, 3, 0, 0]),
        ({"fill": 9}, [9, 9, 1, 2, 3, 9, 9]),
        ({"padding_mode": "edge"}, [1, 1, 1, 2, 3, 3, 3]),
        ({"padding_mode": "reflect"}, [3, 2, 1, 2, 3, 2, 1]),
        ({"padding_mode": "symmetric"}, [2, 1, 1, 2, 3, 3, 2]),
        ({"padding_mode": "edge", "fill": 9}, [1, 1, 1, 2, 3, 3, 3]),
    ],
)
def test_a_row_of_three_pixels_is_surrounded_by_two_on_either_side(path, options, expected):
    assert padded(path, ROW, (2, 0, 2, 0), **options).tolist() == [[expected]]


@pytest.mark.claim("1.3.j")
@each_path
def test_four_paddings_are_those_on_the_left_above_on_the_right_and_below(path):
    output = padded(path, np.array([[[5]]], np.uint8), (1, 0, 3, 2))

    assert output.tolist() == [[[0, 5, 0, 0, 0], [0] * 5, [0] * 5]]


@each_path
@pytest.mark.parametrize("together", [tuple, list])
def test_two_paddings_are_those_of_the_columns_and_of_the_rows(path, together):
    img = np.array([[[5]]], np.uint8)

    (output,) = random_crops(path, img, (3, 5), padding=together((2, 1)))

    assert output.tolist() == [[[0] * 5, [0, 0, 5, 0, 0], [0] * 5]]


@each_path
def test_one_padding_is_that_of_all_four_sides(path):
    img = np.array([[[5]]], np.uint8)

    for padding in (1, (1, 1), (1, 1, 1, 1)):
        (output,) = random_crops(path, img, 3, padding=padding)
        assert output.tolist() == [[[0, 0, 0], [0, 5, 0], [0, 0, 0]]]


@each_path
def test_a_fill_of_three_numbers_is_a_color(path):
    img = np.zeros((3, 1, 1), np.uint8)
    fill = (10, 20, 30)

    if path == TENSOR_V1:
        with pytest.raises(TypeError, match="inappropriate fill"):
            padded(path, img, (1, 0, 0, 0), fill=fill)
    else:
        assert padded(path, img, (1, 0, 0, 0), fill=fill).tolist() == [[[number, 0]] for number in fill]


paddings = st.tuples(*[st.integers(0, 3)] * 4)


@given(img=images(), padding=paddings, mode=st.sampled_from(PADDING_MODES), fill=st.integers(0, 255))
def test_the_reference_surrounds_an_image_as_numpy_does(img, padding, mode, fill):
    left, above, right, below = farthest = within(img, padding, mode)
    options = {"constant_values": fill} if mode == "constant" else {}

    expected = np.pad(img, [(0, 0), (above, below), (left, right)], mode, **options)

    assert_equal(random_transforms.pad_image(img, farthest, fill, mode), expected)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=TORCHVISIONS, img=images(), padding=paddings, mode=st.sampled_from(PADDING_MODES), fill=st.integers(0, 255))
def test_torchvision_surrounds_a_crop_as_the_reference_does(path, img, padding, mode, fill):
    padding = within(img, padding, mode)

    output = padded(path, img, padding, fill=fill, padding_mode=mode)

    assert_equal(output, random_transforms.pad_image(img, padding, fill, mode))


def within(img, padding, mode):
    """Return paddings no wider than an image can be mirrored."""
    less = {"reflect": 1, "symmetric": 0}.get(mode)
    farthest = [99, 99] if less is None else [size - less for size in img.shape[-2:]]
    return tuple(min(wide, farthest[1 - number % 2]) for number, wide in enumerate(padding))


# RandomCrop: where it crops

NUMBERED = np.arange(1, 31, dtype=np.uint8).reshape(1, 6, 5)
"""An image whose pixel values tell their position."""


@pytest.mark.claim("1.3.j")
@each_path
@pytest.mark.parametrize(("height", "width"), [(3, 4), (4, 3)])
def test_a_crop_of_a_padded_image_is_drawn_from_all_places_that_fit_it(path, height, width):
    around, draws = np.pad(NUMBERED, [(0, 0), (1, 1), (1, 1)]), 1000
    rows, columns = 8 - height + 1, 7 - width + 1
    place = {
        around[:, top : top + height, left : left + width].tobytes(): (top, left)
        for top in range(rows)
        for left in range(columns)
    }

    drawn = [place[crop.tobytes()] for crop in random_crops(path, NUMBERED, (height, width), draws, padding=1)]

    assert set(drawn) == set(place.values())  # of 25 places one is missing at 25·(24/25)¹⁰⁰⁰ < 10⁻¹⁶ of all seeds
    for axis, fitting in enumerate((rows, columns)):
        counts = np.bincount([offsets[axis] for offsets in drawn], minlength=fitting)
        assert abs(counts / draws - 1 / fitting).max() < frequency_tolerance(draws, rows + columns)


@pytest.mark.claim("1.3.j")
@each_path
@pytest.mark.parametrize("size", [(4, 3), (2, 5), (4, 5)])
def test_pad_if_needed_leaves_the_image_whole_and_puts_it_anywhere(path, size):
    img, draws = np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3), 500
    rows, columns = (wanted - there for wanted, there in zip(size, (2, 3), strict=True))
    place = {
        np.pad(img, [(0, 0), (above, rows - above), (before, columns - before)]).tobytes(): (above, before)
        for above in range(rows + 1)
        for before in range(columns + 1)
    }

    drawn = [place[crop.tobytes()] for crop in random_crops(path, img, size, draws, pad_if_needed=True)]

    assert set(drawn) == set(place.values())  # of 9 places one is missing at 9·(8/9)⁵⁰⁰ < 10⁻²⁴ of all seeds
    frequencies = [drawn.count(offsets) / draws for offsets in place.values()]
    assert max(abs(f - 1 / len(place)) for f in frequencies) < frequency_tolerance(draws, len(place))


@each_path
def test_pad_if_needed_adds_nothing_to_an_image_that_is_large_enough(path):
    without, with_it = (
        random_crops(path, NUMBERED, (3, 4), 20, pad_if_needed=needed, fill=99) for needed in (False, True)
    )

    assert_equal(np.stack(without), np.stack(with_it))


@each_path
def test_pad_if_needed_adds_only_what_the_padding_leaves_missing(path):
    img = np.array([[[7]]], np.uint8)

    drawn = random_crops(path, img, (1, 4), 100, padding=(1, 0), pad_if_needed=True)

    assert {int(np.flatnonzero(crop)[0]) for crop in drawn} == {1, 2}  # 0 7 0 with one more on either side


@each_path
@pytest.mark.parametrize(
    ("padding", "size", "expected"),
    [
        ((1, 0, 0, 2), (3, 2), [[0, 7], [0, 0], [0, 0]]),
        ((0, 2, 1, 0), (3, 2), [[0, 0], [0, 0], [7, 0]]),
    ],
    ids=["left and below", "above and right"],
)
def test_pad_if_needed_adds_nothing_to_what_the_padding_has_made_large_enough(path, padding, size, expected):
    img = np.array([[[7]]], np.uint8)

    for crop in random_crops(path, img, size, 10, padding=padding, pad_if_needed=True):
        assert crop.tolist() == [expected]


@through_torchvision
def test_only_v1_mirrors_the_padded_image_once_more_if_needed(path):
    row = np.array([[[1, 2, 3]]], np.uint8)
    options = {"padding": (2, 0), "pad_if_needed": True, "padding_mode": "reflect"}
    twice = [1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]  # 3 2 1 2 3 2 1 mirrored at its own edges

    if path == TENSOR_V2:  # two and two more on either side, of a row of three
        with pytest.raises(RuntimeError, match="Padding size should be less than the corresponding input dimension"):
            random_crops(path, row, (1, 9), **options)
    else:  # NumPy, which pads PIL images, mirrors as often as is needed
        for crop in random_crops(path, row, (1, 9), 10, **options):
            assert crop.ravel().tolist() in [twice[start : start + 9] for start in range(3)]


@each_path
def test_one_number_is_the_height_and_width_of_a_random_crop(path):
    (by_one,), (by_two,) = (random_crops(path, NUMBERED, size, seed=1) for size in (3, (3, 3)))

    assert_equal(by_one, by_two)


@through_pil
@pytest.mark.parametrize(("mode", "fill"), [("L", 200), ("RGBA", (1, 2, 3, 4)), ("I", 10**6), ("F", 0.5), ("1", 1)])
def test_pil_fills_images_of_other_modes_with_numbers_of_their_own(path, mode, fill):
    img = pil_image_of_mode(mode)

    after = path.module.RandomCrop((5, 8), padding=(1, 0, 0, 0), fill=fill)(img)

    assert after.mode == mode
    assert array(after)[:, 0, 0].tolist() == list(fill if isinstance(fill, tuple) else (fill,))
    assert_equal(array(after)[:, :, 1:], array(img))


# RandomCrop: refusals

REFUSED = {
    "an unknown mode": (r"padding_mode must be one of .*, got 'wrap'", {"padding": 1, "padding_mode": "wrap"}),
    "three paddings": ("padding must be one, two or four numbers", {"padding": (1, 2, 3)}),
}


@each_path
@pytest.mark.parametrize("case", REFUSED)
def test_a_random_crop_refuses_what_it_cannot_pad_with(path, case):
    message, options = REFUSED[case]

    with pytest.raises(REFUSALS, match=message if path is REFERENCES else None):
        random_crops(path, NUMBERED, (3, 4), **options)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("padding must be at least 0, got -1", {"padding": -1}),
        ("padding must be a whole number, got 0.5", {"padding": 0.5}),
        ("padding must be at most 4 to mirror 5 pixels, got 5", {"padding": (5, 0), "padding_mode": "reflect"}),
        ("padding must be at most 5 to mirror 5 pixels, got 6", {"padding": (6, 0), "padding_mode": "symmetric"}),
        *((f"fill must be exact in uint8, got {fill}", {"padding": 1, "fill": fill}) for fill in (256, -1, 0.5, -0.5)),
        (r"fill has 3 numbers, img has shape \(1, 6, 5\)", {"padding": 1, "fill": (1, 2, 3)}),
        ("pad_if_needed must be True or False, got 1", {"pad_if_needed": 1}),
        (r"size \(7, 5\) is larger than the image \(6, 5\)", {"size": (7, 5)}),
        ("size must be at least 1, got 0", {"size": 0}),
        ("size must have 1 or 2 numbers", {"size": (1, 2, 3)}),
    ],
)
def test_the_reference_refuses_this_random_crop_and_says_why(message, options):
    with pytest.raises((ValueError, TypeError), match=message):
        random_crops(REFERENCES, NUMBERED, **{"size": 3, **options})


@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (3, 0)])
def test_the_reference_surrounds_nothing_but_rows_and_columns(shape):
    with pytest.raises(ValueError, match=rf"^img has shape {re.escape(str(shape))}"):
        random_transforms.pad_image(np.zeros(shape, np.uint8), 1)


def test_the_reference_surrounds_a_picture_with_black_unless_told_otherwise():
    assert_equal(random_transforms.pad_image(NUMBERED, 1), np.pad(NUMBERED, [(0, 0), (1, 1), (1, 1)]))


@pytest.mark.parametrize("shape", [(2, 6, 5), (4, 2, 6, 5)])
def test_the_reference_fills_every_channel_with_a_number_of_its_own(shape):
    filled = random_transforms.padded_for_crop(np.zeros(shape, np.uint8), 3, padding=(1, 0), fill=(7, 8))

    assert_equal(filled[..., 0], np.broadcast_to(np.array([[7], [8]], np.uint8), (*shape[:-2], 6)))


def test_the_reference_fills_pictures_of_floating_point_with_the_nearest_number():
    filled = random_transforms.padded_for_crop(np.zeros((1, 1, 1), np.float32), 3, padding=1, fill=0.1)

    assert filled[0, 0, 0] == np.float32(0.1)


@pytest.mark.parametrize("shape", [(3, 2, 2), (2, 2), (2, 3, 2, 2)])
@pytest.mark.parametrize("fill", [(1, 2), (1, 2, 3, 4), ()])
def test_the_reference_fills_with_one_number_or_one_for_each_channel(fill, shape):
    message = f"fill has {len(fill)} numbers, img has shape {shape}: expected one, or one a channel"

    with pytest.raises(ValueError, match=re.escape(message)):
        random_transforms.padded_for_crop(np.zeros(shape, np.uint8), 3, padding=1, fill=fill)


def test_the_reference_surrounds_no_image_unless_it_is_asked_to():
    assert_equal(random_transforms.padded_for_crop(NUMBERED, 100), NUMBERED)


def test_the_reference_surrounds_no_image_for_a_crop_without_pixels():
    with pytest.raises(ValueError, match="size must be at least 1"):
        random_transforms.padded_for_crop(NUMBERED, (3, 0))


def test_the_reference_surrounds_an_image_without_channels_by_no_numbers():
    img = np.zeros((0, 3, 4), np.uint8)

    assert random_transforms.padded_for_crop(img, 2, padding=1, fill=()).shape == (0, 3 + 2, 4 + 2)


@through_tensors
@pytest.mark.parametrize("padding", [5, 6])
def test_a_tensor_is_mirrored_no_farther_than_it_reaches_and_a_pil_image_is(path, padding):
    options = {"padding": (padding, 0), "padding_mode": "reflect"}

    with pytest.raises(RuntimeError, match="Padding size should be less than the corresponding input dimension"):
        random_crops(path, NUMBERED, 3, **options)

    (crop,) = random_crops(PIL_V1, NUMBERED, (6, 5 + 2 * padding), **options)
    assert_equal(crop, np.pad(NUMBERED, [(0, 0), (0, 0), (padding, padding)], "reflect"))


# Resize: the size


@values("resize")
def test_the_longer_edge_is_rounded_down_even_from_nearly_a_pixel_more(implementation):
    assert (4 * 7 / 5, 4 * 9 / 5, 3 * 7 / 4) == (5.6, 7.2, 5.25)

    for shape, size, expected in (((5, 7), 4, (4, 5)), ((7, 5), 4, (5, 4)), ((5, 9), 4, (4, 7)), ((4, 7), 3, (3, 5))):
        assert implementation.resize(np.zeros((1, *shape), np.uint8), size).shape == (1, *expected)


@conventions("resize")
def test_a_picture_that_has_its_shorter_edge_is_made_smaller_to_fit_max_size(implementation):
    assert (8 * 4 // 10, 8 * 4 / 10) == (3, 3.2)
    img = np.zeros((1, 4, 10), np.uint8)

    assert implementation.resize(img, 4, max_size=8).shape == (1, 3, 8)
    assert implementation.resize(img, 4, max_size=10).shape == (1, 4, 10)


@conventions("resize")
@for_all(old=sizes(largest=20), size=st.integers(2, 20), extra=st.integers(1, 30))
def test_the_edges_follow_from_whole_numbers_alone(implementation, old, size, extra):
    img, (short, long), most = np.zeros((1, *old), np.uint8), sorted(old), size + extra

    longer = size * long // short
    expected = (size, longer) if longer <= most else (most * size // longer, most)

    if expected[0]:  # else nothing is left of the shorter edge
        output = implementation.resize(img, size, interpolation="nearest", max_size=most)
        assert output.shape == (1, *(expected if old[0] <= old[1] else expected[::-1]))


@through_torchvision
def test_only_v2_takes_a_max_size_alone_for_the_longer_edge(path):
    if path.version == "v1":
        with pytest.raises(TypeError, match="Size should be int or sequence"):
            path.module.Resize(None, max_size=7)
        return
    resize = path.through(path.module.Resize(None, max_size=7))

    assert resize(np.zeros((1, 20, 11), np.uint8)).shape == (1, 7, 7 * 11 // 20)
    assert resize(np.zeros((1, 2, 3), np.uint8)).shape == (1, 7 * 2 // 3, 7)


# Resize: what its constructor is told, it does

PICTURE = any_bytes(np.random.default_rng(0), (3, 12, 18))
OPTIONS_OF_RESIZE = [
    *({"interpolation": name} for name in ("nearest", "nearest-exact", "bilinear", "bicubic")),
    {"max_size": 14},
    {"interpolation": "bicubic", "max_size": 14},
]


@pytest.mark.claim("1.3.h")
@through_torchvision
@pytest.mark.parametrize("options", OPTIONS_OF_RESIZE, ids=lambda options: " ".join(map(str, options.values())))
def test_the_transform_resizes_by_its_options_as_the_function_does(path, options):
    img = PICTURE
    given_to_it = {name: mode(path, value) if name == "interpolation" else value for name, value in options.items()}

    output = path.through(path.module.Resize(10, **given_to_it))(img)

    assert_equal(output, path.resize(img, 10, **options))
    assert options == {"interpolation": "bilinear"} or not np.array_equal(output, path.resize(img, 10))


def mode(path, name):
    """Return torchvision's name of an interpolation."""
    return path.module.InterpolationMode(name)


@through_tensors
@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
def test_the_transform_samples_a_tensor_without_antialias(path, name):
    img = PICTURE.astype("float32")

    output = path.through(path.module.Resize(4, mode(path, name), antialias=False))(img)

    assert_equal(output, path.resize(img, 4, interpolation=name, antialias=False))
    assert not np.array_equal(output, path.resize(img, 4, interpolation=name))


@pytest.mark.claim("1.3.h")
@through_torchvision
def test_resize_is_bilinear_and_antialiased_unless_it_is_told_otherwise(path):
    parameters = inspect.signature(path.module.Resize).parameters
    img = PICTURE.astype("float32" if path in THROUGH_TENSORS else "uint8")

    assert mode(path, parameters["interpolation"].default) == mode(path, "bilinear")  # an enum, or its value
    assert (parameters["antialias"].default, parameters["max_size"].default) == (True, None)
    explicit = {} if path in THROUGH_PIL else {"antialias": True}
    assert_equal(path.through(path.module.Resize(4))(img), path.resize(img, 4, interpolation="bilinear", **explicit))


@through_torchvision
def test_an_interpolation_may_be_the_number_that_pil_has_for_it(path):
    resampling, img = import_module("PIL.Image").Resampling, PICTURE

    for number, name in ((resampling.BILINEAR, "bilinear"), (resampling.BICUBIC, "bicubic")):
        assert_equal(path.through(path.module.Resize(4, int(number)))(img), path.resize(img, 4, interpolation=name))


@through_pil
def test_pils_box_filter_averages_the_pixels_that_become_one(path):
    img = np.array([[[1, 2, 10, 30], [3, 4, 20, 40]]], np.uint8)

    output = path.resize(img, (1, 2), interpolation="box")

    columns = np.array([[(1 + 2) / 2, (10 + 30) / 2], [(3 + 4) / 2, (20 + 40) / 2]])
    assert columns.tolist() == [[1.5, 20], [3.5, 30]]
    assert output.tolist() == [[[(2 + 4) // 2, (20 + 30) // 2]]]  # 1.5 and 3.5 are rounded up in between


@through_tensors
@pytest.mark.parametrize("name", ["box", "hamming"])
def test_a_tensor_has_no_filter_that_only_pil_has(path, name):
    img = PICTURE

    assert PIL_V1.resize(img, 4, interpolation=name).shape[1:] == (4, 6)
    with pytest.raises((ValueError, NotImplementedError)):
        path.resize(img, 4, interpolation=name)


# Normalize: in place


@pytest.mark.claim("1.3.c")
@through_tensors
def test_normalize_leaves_its_tensor_alone_unless_it_works_in_place(path):
    pixels = np.array([[[0, 1]], [[2, 3]]], "float32")
    result = np.array([[[(0 - 1) / 2, (1 - 1) / 2]], [[(2 - 3) / 4, (3 - 3) / 4]]], "float32")
    kept, overwritten = tensor(pixels), tensor(pixels)

    output = path.module.Normalize([1, 3], [2, 4])(kept)
    in_place = path.module.Normalize([1, 3], [2, 4], inplace=True)(overwritten)

    assert_equal(array(output), result)
    assert_equal(array(kept), pixels)
    assert_equal(array(in_place), result)
    assert_equal(array(overwritten), result)
    assert in_place.data_ptr() == overwritten.data_ptr() != output.data_ptr()


@through_tensors
def test_normalize_in_place_reaches_all_views_of_the_batch(path):
    batch = torch.arange(12.0).reshape(2, 1, 2, 3)
    second = batch[1]

    path.module.Normalize([6.0], [2.0], inplace=True)(second)

    assert batch[0].flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert batch[1].flatten().tolist() == [(number - 6) / 2 for number in range(6, 12)]


# ToTensor: the ends of its numbers


@conventions("to_tensor")
@pytest.mark.parametrize("type_name", ["int8", "int16", "uint16", "int32", "int64"])
def test_whole_numbers_other_than_bytes_keep_both_ends_of_their_range(implementation, type_name):
    ends = np.iinfo(type_name)
    pic = np.array([[ends.min, ends.max]], type_name)

    assert_equal(implementation.to_tensor(pic), pic[np.newaxis])


@pytest.mark.torch_api
@pytest.mark.claim("1.3.b")
@given(img=images(channels=(3,)))
def test_every_way_to_a_tensor_of_bytes_keeps_the_bytes(img):
    stored = np.ascontiguousarray(channels_last(img))

    for path in THROUGH_PIL:
        assert_equal(array(path.module.functional.pil_to_tensor(path.wrap(img))), img)
    assert_equal(array(TENSOR_V2.module.functional.to_image(stored)), img)
