"""1.2 and 1.3 Transforms: ToTensor, Normalize, crops and flips, and Compose.

Every path through torchvision rounds where the references round, so all of them equal the references exactly. Random
transforms are tested for what they do with what they have drawn, and for how they draw it: the seeds of such tests are
fixed, and a correct implementation would fail one at no more than `FALSE_ALARM_RATE` of all seeds.
"""

from functools import partial
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.bounds import Approximation, gamma
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import FORMATS, exact_formats
from spec_tests.vocabulary.image_paths import (
    PIL_V1,
    PIL_V2,
    REFERENCES,
    TENSOR_V1,
    TENSOR_V2,
    THROUGH_PIL,
    THROUGH_TENSORS,
    array,
    channels_last,
    each_path,
    each_tensor_path,
    every_mode,
    frequency_tolerance,
    images,
    needs_pillow,
    photograph,
    pil_image,
    pil_image_of_mode,
    repeat,
    tensor,
    through_pil,
    through_torchvision,
)
from spec_tests.vocabulary.levels import conventions, refusals, values
from spec_tests.vocabulary.operations import TRANSFORMS
from spec_tests.vocabulary.problems import real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.subject import REFUSALS

PATHS, TENSOR_PATHS = st.sampled_from([*THROUGH_PIL, *THROUGH_TENSORS]), st.sampled_from(THROUGH_TENSORS)

TWO_ROUNDINGS = gamma(2, FORMATS["float32"].roundoff)
"""A byte divided by 255 is rounded once; multiplied by 1/255, twice."""

THREE_WHOLE_NUMBERS = st.lists(st.integers(-3, 3), min_size=3, max_size=3)

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""The statistics of ImageNet, as the document gives them."""


@needs_pillow
@every_mode
def test_the_test_image_of_each_mode_has_that_mode(mode):
    assert pil_image_of_mode(mode).mode == mode


@pytest.mark.torch_api
@pytest.mark.claim("1.2.a")
@pytest.mark.parametrize("path", [PIL_V1, PIL_V2], ids=["v1", "v2"])
def test_the_transforms_of_the_document_are_classes_in_torchvision_transforms(path):
    names = ["ToTensor", "Normalize", "Resize", "CenterCrop", "RandomCrop", "ColorJitter", "Compose"]

    assert path.module.__name__.startswith("torchvision.transforms")
    for name in [*names, "RandomHorizontalFlip", "RandomVerticalFlip"]:
        assert isinstance(getattr(path.module, name), type)


# ToTensor


def from_array(img):
    """Return ToTensor's result for an array."""
    return array(PIL_V1.module.ToTensor()(channels_last(img)))


def from_pil_image(img):
    """Return ToTensor's result for a PIL image."""
    return array(PIL_V1.module.ToTensor()(pil_image(img)))


def by_reference(img):
    """Return the reference's result."""
    return reference.to_tensor(channels_last(img))


each_input = pytest.mark.parametrize(
    "to_tensor",
    [
        pytest.param(by_reference, id="references"),
        pytest.param(from_array, id="NumPy array", marks=pytest.mark.torch_api),
        pytest.param(from_pil_image, id="PIL image", marks=pytest.mark.torch_api),
    ],
)


@pytest.mark.claim("1.3.a", "1.3.b")
@each_input
def test_to_tensor_moves_the_channels_first_and_divides_bytes_by_255(to_tensor):
    orange, pale = (255, 102, 0), (204, 153, 51)
    img = np.array([[orange, pale]], np.uint8).transpose(2, 0, 1)
    assert channels_last(img).shape == (1, 2, 3)

    red, green, blue = [[255 / 255, 204 / 255]], [[102 / 255, 153 / 255]], [[0 / 255, 51 / 255]]
    assert_equal(to_tensor(img), np.array([red, green, blue], "float32"))


@values("to_tensor")
def test_a_pixel_of_three_channels_becomes_one_number_in_each_of_three_planes(implementation):
    pic = np.array([[[255, 102, 0], [204, 153, 51]]], np.uint8)
    assert pic.shape == (1, 2, 3)

    output = implementation.to_tensor(pic)

    planes = np.array([[[255, 204]], [[102, 153]], [[0, 51]]])
    assert planes.shape == (3, 1, 2)
    assert_within(output, Approximation(planes / 255, TWO_ROUNDINGS * planes / 255), "float32")


@values("to_tensor")
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_every_height_and_width_up_to_17_keep_all_their_pixels(implementation, channels):
    rng = np.random.default_rng(channels)

    for size in [(3, width) for width in range(1, 18)] + [(height, 2) for height in range(1, 18)]:
        pic = 255 * rng.integers(0, 2, (*size, channels), np.uint8)

        assert_equal(implementation.to_tensor(pic), np.moveaxis(pic // 255, -1, 0).astype("float32"))


@values("to_tensor")
@for_all(call=TRANSFORMS["to_tensor"].draws["bytes"])
def test_every_pixel_keeps_its_place_behind_the_axis_of_channels(subject, call):
    pic = call["pic"]
    channels = pic.shape[2] if pic.ndim == 3 else 1

    output = subject.to_tensor(pic)

    assert output.shape == (channels, *pic.shape[:2])
    for channel in range(channels):
        exact = (pic[:, :, channel] if pic.ndim == 3 else pic) / 255
        assert_within(output[channel], Approximation(exact, TWO_ROUNDINGS * exact), "float32")


@conventions("to_tensor")
@pytest.mark.parametrize("type_name", ["bool", "int8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_numbers_that_are_not_bytes_are_moved_and_not_divided(implementation, type_name):
    pic = np.arange(12).reshape(2, 2, 3).astype(type_name)

    output = implementation.to_tensor(pic)

    assert_equal(output, np.stack([pic[:, :, channel] for channel in range(3)]))


@conventions("to_tensor")
def test_a_grey_image_gets_an_axis_of_one_channel(implementation):
    assert implementation.to_tensor(np.zeros((2, 3), np.uint8)).shape == (1, 2, 3)


@refusals("to_tensor")
@pytest.mark.parametrize("shape", [(3,), (1, 2, 2, 3)])
def test_an_image_has_two_or_three_axes(subject, shape):
    whole = np.zeros((2, 2, 3), np.uint8)

    assert_refused(subject, "to_tensor", "pic has shape", near={"pic": whole}, pic=np.zeros(shape, np.uint8))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@pytest.mark.claim("1.3.a")
@given(img=images(channels=(1, 2, 3, 4)))
def test_pil_images_and_arrays_give_the_tensor_of_the_reference(img):
    assert_equal(from_pil_image(img), by_reference(img))
    assert_equal(from_array(img), by_reference(img))


@pytest.mark.claim("1.3.b")
@pytest.mark.parametrize("to_tensor", [by_reference, pytest.param(from_array, marks=pytest.mark.torch_api)])
@pytest.mark.parametrize("type_name", ["bool", "int8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_to_tensor_divides_only_arrays_of_bytes(to_tensor, type_name):
    img = np.arange(12).reshape(3, 2, 2).astype(type_name)

    assert_equal(to_tensor(img), img)


@pytest.mark.torch_api
@pytest.mark.claim("1.3.b")
@pytest.mark.parametrize(("mode", "type_name"), [("I", "int32"), ("I;16", "int16"), ("F", "float32")])
def test_to_tensor_does_not_divide_pil_images_of_wider_numbers(mode, type_name):
    assert_equal(
        array(PIL_V1.module.ToTensor()(pil_image_of_mode(mode))), array(pil_image_of_mode(mode)).astype(type_name)
    )


@pytest.mark.torch_api
def test_to_tensor_reads_16_bit_pixels_as_signed_so_white_becomes_minus_1():
    bits = np.array([[[0, 2**15 - 1, 2**15, 2**16 - 1]]], np.uint16)

    assert from_pil_image(bits).tolist() == [[[0, 2**15 - 1, -(2**15), -1]]]


@pytest.mark.torch_api
def test_to_tensor_maps_black_and_white_to_0_and_1():
    assert_equal(
        array(PIL_V1.module.ToTensor()(pil_image_of_mode("1"))), array(pil_image_of_mode("1")).astype("float32")
    )


@pytest.mark.torch_api
def test_to_tensor_divides_palette_indices_and_ignores_the_palette():
    numbers = array(pil_image_of_mode("P"))

    output = array(PIL_V1.module.ToTensor()(pil_image_of_mode("P")))

    assert_equal(output, numbers.astype("float32") / np.float32(255))
    assert output.max() <= 15 / 255


@pytest.mark.torch_api
@pytest.mark.claim("1.3.a")
@every_mode
def test_to_tensor_in_v2_does_the_same_and_warns_that_it_is_deprecated(mode):
    with pytest.warns(UserWarning, match=r"The transform `ToTensor\(\)` is deprecated"):
        to_tensor = PIL_V2.module.ToTensor()

    assert_equal(array(to_tensor(pil_image_of_mode(mode))), array(PIL_V1.module.ToTensor()(pil_image_of_mode(mode))))


ALL_BYTES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


def scaled_to_float32():
    """Return v2's replacement for ToTensor."""
    v2 = PIL_V2.module
    return v2.Compose([v2.ToImage(), v2.ToDtype(import_module("torch").float32, scale=True)])


@pytest.mark.torch_api
@pytest.mark.claim("1.3.a")
def test_the_replacement_in_v2_multiplies_by_1_over_255_which_rounds_twice():
    exact = ALL_BYTES / 255

    output = array(scaled_to_float32()(pil_image(ALL_BYTES)))

    roundings = gamma(2, FORMATS["float32"].roundoff) + FORMATS["float64"].roundoff
    assert_within(output, Approximation(exact, roundings * exact), "float32")


@pytest.mark.torch_api
def test_the_replacement_in_v2_scales_wider_integers_too():
    assert_equal(array(scaled_to_float32()(np.array([[2**31 - 1]], np.int32))), np.ones((1, 1, 1), "float32"))


@pytest.mark.torch_api
@pytest.mark.parametrize("path", THROUGH_PIL, ids=lambda path: f"{path.container} {path.version}")
def test_to_pil_image_undoes_to_tensor_for_every_byte(path):
    tensor = PIL_V1.module.ToTensor()(pil_image(ALL_BYTES))

    assert_equal(array(path.module.ToPILImage()(tensor)), ALL_BYTES)


@pytest.mark.parametrize("to_tensor", [by_reference, pytest.param(from_array, marks=pytest.mark.torch_api)])
@pytest.mark.parametrize(
    ("message", "shape"), [(r"pic has shape \(3,\)", (1, 3)), (r"pic has shape \(1, 2, 2, 3\)", (3, 1, 2, 2))]
)
def test_to_tensor_refuses_an_array_that_is_not_2d_or_3d(to_tensor, message, shape):
    with pytest.raises(ValueError, match=message if to_tensor is by_reference else "should be 2/3 dimensional"):
        to_tensor(np.zeros(shape, np.uint8))


@pytest.mark.torch_api
def test_to_tensor_shares_the_memory_of_a_grey_array_that_it_does_not_divide():
    grey = np.zeros((2, 2))

    pixels = PIL_V1.module.ToTensor()(grey)
    grey[0, 0] = 5

    assert pixels[0, 0, 0] == 5


@pytest.mark.torch_api
def test_to_tensor_refuses_a_tensor_and_in_v2_returns_it_unchanged():
    pixels = tensor(np.zeros((1, 2, 2)))

    with pytest.raises(TypeError, match="pic should be PIL Image or ndarray"):
        PIL_V1.module.ToTensor()(pixels)
    with pytest.warns(UserWarning, match="deprecated"):
        assert PIL_V2.module.ToTensor()(pixels) is pixels


# Normalize


@pytest.mark.claim("1.3.c", "1.3.e")
@each_tensor_path
@exact_formats
def test_normalize_subtracts_the_mean_of_each_channel_and_divides_by_its_std(path, dtype):
    img = np.array([[[1, 2]], [[3, 4]], [[5, 6]]], dtype)

    output = path.normalize(img, [1, 1, 7], [1, 2, 0.5])

    first, second, third = [[1 - 1, 2 - 1]], [[(3 - 1) / 2, (4 - 1) / 2]], [[(5 - 7) / 0.5, (6 - 7) / 0.5]]
    assert_equal(output, np.array([first, second, third], dtype))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@exact_formats
@given(
    path=TENSOR_PATHS,
    img=images((whole_numbers, real_numbers)),
    means=st.lists(st.floats(-4, 4), min_size=3, max_size=3),
    deviations=st.lists(st.floats(0.01, 4), min_size=3, max_size=3),
)
def test_normalize_equals_the_reference_bit_for_bit(path, dtype, img, means, deviations):
    img, count = img.astype(dtype), len(img)

    output = path.normalize(img, means[:count], deviations[:count])

    assert_equal(output, reference.normalize(img, means[:count], deviations[:count]))


@each_tensor_path
def test_a_single_mean_and_std_apply_to_all_channels_of_all_images_in_a_batch(path):
    batch = np.arange(24, dtype="float32").reshape(2, 3, 2, 2)

    assert_equal(path.normalize(batch, [4], [2]), (batch - 4) / 2)


@pytest.mark.claim("1.3.d")
@each_tensor_path
def test_normalize_maps_the_range_0_to_1_where_mean_and_std_say(path):
    black, white = np.zeros((3, 1, 1), "float32"), np.ones((3, 1, 1), "float32")

    assert path.normalize(black, [0.5], [0.5]).ravel().tolist() == [(0 - 0.5) / 0.5] * 3 == [-1] * 3
    assert path.normalize(white, [0.5], [0.5]).ravel().tolist() == [(1 - 0.5) / 0.5] * 3 == [1] * 3
    assert round(path.normalize(black, MEAN, STD).min().item(), 3) == round((0 - 0.485) / 0.229, 3) == -2.118
    assert round(path.normalize(white, MEAN, STD).max().item(), 3) == round((1 - 0.406) / 0.225, 3) == 2.640


@pytest.mark.claim("1.3.d")
@each_tensor_path
def test_normalize_does_not_bring_the_range_of_bytes_to_minus_1_to_1(path):
    ends = np.array([[[0, 255]]], "float32")

    assert path.normalize(ends, [0.5], [0.5]).ravel().tolist() == [(0 - 0.5) / 0.5, (255 - 0.5) / 0.5] == [-1, 509]


@pytest.mark.claim("1.3.f")
@each_tensor_path
def test_only_the_statistics_of_the_data_give_mean_0_and_std_1_and_still_no_range(path):
    data = np.array([[[4, 12, 12, 12, 12, 12, 12, 20]]], "float64")
    assert (data.mean(), data.std()) == (12, 4)

    own, others = path.normalize(data, [12], [4]), path.normalize(data, [10], [0.5])

    assert (own.mean(), own.std()) == (0, 1)
    assert (own.min(), own.max()) == ((4 - 12) / 4, (20 - 12) / 4) == (-2, 2)
    assert (others.mean(), others.std()) == ((12 - 10) / 0.5, 4 / 0.5)


@pytest.mark.claim("1.3.g")
@each_tensor_path
@pytest.mark.parametrize("channel", range(3))
def test_normalize_does_not_equalize_the_histogram_of_a_photograph(path, channel):
    before = reference.to_tensor(channels_last(photograph()))

    after = path.normalize(before, MEAN, STD)

    (levels, index, counts), (new_levels, new_index, new_counts) = (
        np.unique(pixels[channel].astype("float64"), return_inverse=True, return_counts=True)
        for pixels in (before, after)
    )
    assert_equal(new_index, index)
    assert_equal(new_counts, counts)
    roundings = 4 * gamma(2, FORMATS["float32"].roundoff) * abs(new_levels).max() / np.ptp(new_levels)
    same_gaps = Approximation((levels - levels[0]) / np.ptp(levels), np.full(levels.shape, roundings))
    assert_within((new_levels - new_levels[0]) / np.ptp(new_levels), same_gaps, "float64")


@values("normalize")
@exact_formats
def test_each_channel_is_normalized_by_its_own_mean_and_std(implementation, dtype):
    tensor = np.array([[[1, 3]], [[2, 6]], [[0, 8]]], dtype)

    output = implementation.normalize(tensor, mean=[1, 4, 8], std=[2, 0.5, 4])

    first, second, third = [[(1 - 1) / 2, (3 - 1) / 2]], [[(2 - 4) / 0.5, (6 - 4) / 0.5]], [[(0 - 8) / 4, (8 - 8) / 4]]
    assert_equal(output, np.array([first, second, third], dtype))


@values("normalize")
@exact_formats
def test_a_negative_std_turns_the_sign_of_what_is_normalized(implementation, dtype):
    output = implementation.normalize(np.array([[[1, 3]]], dtype), mean=[2], std=[-0.5])

    assert_equal(output, np.array([[[2, -2]]], dtype))


@values("normalize")
@exact_formats
def test_the_range_0_to_1_becomes_minus_1_to_1_with_a_mean_and_std_of_one_half(implementation, dtype):
    tensor = np.array([[[0, 0.25, 1]]] * 3, dtype)

    output = implementation.normalize(tensor, mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])

    assert_equal(output, np.array([[[(0 - 0.5) / 0.5, (0.25 - 0.5) / 0.5, (1 - 0.5) / 0.5]]] * 3, dtype))


@values("normalize")
def test_the_statistics_of_imagenet_take_0_to_1_to_about_minus_2_118_to_2_640(implementation):
    tensor = np.array([[[0, 1]]] * 3, "float64")

    output = implementation.normalize(tensor, mean=MEAN, std=STD)

    assert round(float(output.min()), 3) == round((0 - 0.485) / 0.229, 3) == -2.118
    assert round(float(output.max()), 3) == round((1 - 0.406) / 0.225, 3) == 2.640


@values("normalize")
@exact_formats
@for_all(img=images((whole_numbers,), channels=(3,)), means=THREE_WHOLE_NUMBERS, powers=THREE_WHOLE_NUMBERS)
def test_times_the_std_and_plus_the_mean_is_the_picture_again(subject, dtype, img, means, powers):
    img, deviations = img.astype(dtype), [2.0**power for power in powers]  # so that nothing rounds

    output = subject.normalize(img, means, deviations)

    undone = [plane * std + mean for plane, mean, std in zip(output, means, deviations, strict=True)]
    assert_equal(np.stack(undone), img)


@conventions("normalize")
@exact_formats
def test_one_mean_and_one_std_are_those_of_all_channels(implementation, dtype):
    tensor = np.arange(12, dtype=dtype).reshape(3, 2, 2)

    assert_equal(implementation.normalize(tensor, [4], [2]), (tensor - 4) / 2)


@conventions("normalize")
@exact_formats
def test_normalize_keeps_nan_and_infinities_where_they_are(implementation, dtype):
    tensor = np.array([[[np.nan, np.inf, -np.inf, 1]]], dtype)

    assert_equal(implementation.normalize(tensor, [3], [2]), np.array([[[np.nan, np.inf, -np.inf, -1]]], dtype))


REFUSED_BY_NORMALIZE = {
    "bytes": ("tensor has dtype uint8", np.zeros((1, 2, 2), np.uint8), [0.5], [0.5]),
    "no channel axis": (r"tensor has shape \(2, 2\)", np.zeros((2, 2)), [0.5], [0.5]),
    "a std of 0": (r"std must not be 0 in float64, got \[0\.0\]", np.zeros((1, 2, 2)), [0.5], [0.0]),
    "one std of 0 among others": ("std must not be 0", np.zeros((2, 2, 2)), [0.5, 0.5], [0.5, 0.0]),
    "the wrong number of means": ("mean has 2 numbers, tensor has 3 channels", np.zeros((3, 2, 2)), [0, 0], [1]),
    "the wrong number of stds": ("std has 2 numbers, tensor has 3 channels", np.zeros((3, 2, 2)), [0], [1, 1]),
}


@pytest.mark.claim("1.3.c")
@each_tensor_path
@pytest.mark.parametrize("case", REFUSED_BY_NORMALIZE)
def test_normalize_refuses_invalid_arguments(path, case):
    message, img, mean, std = REFUSED_BY_NORMALIZE[case]

    with pytest.raises(REFUSALS, match=message if path is REFERENCES else None):
        path.normalize(img, mean, std)


@refusals("normalize")
@pytest.mark.parametrize("case", REFUSED_BY_NORMALIZE)
def test_normalize_needs_channels_of_floating_point_and_a_mean_and_std_for_each(subject, case):
    message, tensor, mean, std = REFUSED_BY_NORMALIZE[case]
    one = [1.0] * (len(tensor) if tensor.ndim == 3 else 1)
    near = {"tensor": np.zeros(tensor.shape if tensor.ndim == 3 else (1, *tensor.shape)), "mean": one, "std": one}

    assert_refused(subject, "normalize", message, near=near, tensor=tensor, mean=mean, std=std)


@pytest.mark.claim("1.3.c")
@through_pil
@every_mode
def test_normalize_refuses_a_pil_image(path, mode):
    with pytest.raises(TypeError):
        path.module.Normalize(mean=[0.5], std=[0.5])(pil_image_of_mode(mode))


@pytest.mark.torch_api
def test_only_v2_accepts_a_std_that_underflows_to_0_in_the_dtype_of_the_tensor():
    img = np.ones((1, 1, 1), "float32")

    assert np.float32(1e-50) == 0
    for path in (REFERENCES, TENSOR_V1):
        with pytest.raises(ValueError, match="std"):
            path.normalize(img, [0.5], [1e-50])
    assert TENSOR_V2.normalize(img, [0.5], [1e-50]).item() == np.inf


@pytest.mark.torch_api
def test_only_v2_accepts_three_means_for_a_grey_image_and_gives_it_three_channels():
    img = np.ones((1, 1, 1), "float32")

    for path in (REFERENCES, TENSOR_V1):
        with pytest.raises((ValueError, RuntimeError), match=r"mean has 3 numbers|doesn't match the broadcast shape"):
            path.normalize(img, [0, 1, 2], [1, 1, 1])
    assert TENSOR_V2.normalize(img, [0, 1, 2], [1, 1, 1]).ravel().tolist() == [1, 0, -1]


# Crops and flips


@st.composite
def crops(draw):
    """Draw an image and a crop that overlaps or touches it (a crop farther off is a known deviation of tensors)."""
    img = draw(images(channels=(1, 3, 4)))
    size = height, width = draw(st.tuples(*[st.integers(1, 12)] * 2))
    h, w = img.shape[1:]
    return img, draw(st.integers(-height, h + 2)), draw(st.integers(-width, w + 2)), *size


@pytest.mark.claim("1.3.i")
@each_path
@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (5, 3, [2, 3, 4]),
        (5, 4, [1, 2, 3, 4]),  # ½ pixel at either end, rounded to 0 in front
        (5, 2, [3, 4]),  # 1½, rounded to 2
        (7, 2, [3, 4]),  # 2½, rounded to 2
        (2, 4, [0, 1, 2, 0]),
        (2, 5, [0, 1, 2, 0, 0]),  # one zero in front, two behind
    ],
)
def test_center_crop_rounds_half_pixel_offsets_to_even_and_pads_with_zeros(path, old, new, kept):
    row = np.arange(1, old + 1, dtype=np.uint8).reshape(1, 1, old)

    assert_equal(path.center_crop(row, (1, new)), np.array([[kept]], np.uint8))
    assert_equal(path.center_crop(row.reshape(1, old, 1), (new, 1)), np.array(kept, np.uint8).reshape(1, new, 1))


@values("center_crop")
@exact_formats
def test_the_middle_of_a_picture_is_as_far_from_either_edge(implementation, dtype):
    img = np.arange(30, dtype=dtype).reshape(1, 5, 6)

    middle = implementation.center_crop(img, (3, 2))

    above, before = (5 - 3) / 2, (6 - 2) / 2
    assert (above, before) == (1, 2)
    assert_equal(middle, img[:, 1:4, 2:4])
    assert_equal(implementation.center_crop(img, (5, 6)), img)


@values("center_crop")
def test_one_number_is_the_height_and_the_width_of_the_middle(implementation):
    img = np.arange(42, dtype=np.uint8).reshape(1, 6, 7)

    assert_equal(implementation.center_crop(img, 3), implementation.center_crop(img, (3, 3)))
    assert implementation.center_crop(img, 3).shape == (1, 3, 3)


@conventions("center_crop")
@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (6, 3, [3, 4, 5]),  # 1½ pixels at either end, rounded to 2 in front
        (6, 5, [1, 2, 3, 4, 5]),  # ½, rounded to 0
        (6, 1, [3]),  # 2½, rounded to 2
        (3, 5, [0, 1, 2, 3, 0]),
        (3, 4, [1, 2, 3, 0]),  # the zero behind
    ],
)
def test_half_a_pixel_is_rounded_to_even_and_a_small_picture_is_surrounded(implementation, old, new, kept):
    row = np.arange(1, old + 1, dtype=np.uint8).reshape(1, 1, old)

    assert_equal(implementation.center_crop(row, (1, new)), np.array([[kept]], np.uint8))
    assert_equal(
        implementation.center_crop(row.reshape(1, old, 1), (new, 1)), np.array(kept, np.uint8).reshape(1, -1, 1)
    )


@refusals("center_crop")
def test_the_middle_has_a_height_and_a_width_and_no_third_number(subject):
    img = np.zeros((1, 4, 4), np.uint8)

    assert_refused(
        subject,
        "center_crop",
        "must be one or two numbers",
        near={"output_size": (1, 2)},
        img=img,
        output_size=(1, 2, 3),
    )


@values("crop")
@exact_formats
def test_a_crop_begins_at_its_top_and_left(implementation, dtype):
    img = np.arange(20, dtype=dtype).reshape(1, 4, 5)

    assert_equal(implementation.crop(img, 1, 2, 2, 3), np.array([[[7, 8, 9], [12, 13, 14]]], dtype))
    assert_equal(implementation.crop(img, top=0, left=4, height=1, width=1), np.array([[[4]]], dtype))


@values("crop")
@for_all(call=crops())
def test_a_crop_is_a_part_of_the_picture_in_a_black_frame(subject, call):
    img, top, left, height, width = call
    frame = 24  # no crop reaches farther
    framed = np.pad(img, [(0, 0), (frame, frame), (frame, frame)])

    output = subject.crop(img, top, left, height, width)

    assert_equal(output, framed[:, frame + top : frame + top + height, frame + left : frame + left + width])


@conventions("crop")
def test_a_crop_of_bytes_that_misses_the_picture_is_black(implementation):
    img = np.full((1, 1, 3), 9, np.uint8)

    for top, left in ((-3, -2), (-3, 0), (0, -2), (2, 5)):
        assert_equal(implementation.crop(img, top, left, 2, 1), np.zeros((1, 2, 1), np.uint8))


@refusals("crop")
@pytest.mark.parametrize("argument", ["top", "left", "height", "width"])
def test_a_crop_lies_at_whole_pixels(subject, argument):
    call = {"img": np.zeros((1, 4, 4)), "top": 1, "left": 1, "height": 2, "width": 2}

    assert_refused(subject, "crop", f"{argument} must be a whole number", near={argument: 1}, **{**call, argument: 0.5})


@refusals("hflip", "vflip")
def test_a_picture_has_a_height_and_a_width(subject, operation):
    assert_refused(subject, operation, r"img has shape \(4,\)", near={"img": np.zeros((1, 2, 2))}, img=np.zeros(4))


@each_path
def test_a_crop_is_black_where_it_extends_beyond_the_image(path):
    img = np.array([[[1, 2], [3, 4]]], np.uint8)

    assert path.crop(img, 1, -1, 2, 2).tolist() == [[[0, 3], [0, 0]]]
    assert path.crop(img, -1, 1, 2, 2).tolist() == [[[0, 0], [2, 0]]]
    assert path.crop(img, 2, 2, 1, 1).tolist() == path.crop(img, -1, -1, 1, 1).tolist() == [[[0]]]


@pytest.mark.parametrize("path", [REFERENCES, *(pytest.param(p, marks=pytest.mark.torch_api) for p in THROUGH_PIL)])
def test_a_crop_that_misses_the_image_is_black(path):
    assert_equal(path.crop(np.full((1, 1, 3), 9, np.uint8), -3, -2, 2, 1), np.zeros((1, 2, 1), np.uint8))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PATHS, call=crops())
def test_crop_equals_the_reference(path, call):
    assert_equal(path.crop(*call), reference.crop(*call))


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@pytest.mark.claim("1.3.i")
@given(
    path=PATHS,
    img=images(channels=(1, 3, 4)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)) | st.integers(1, 12) | st.tuples(st.integers(1, 12)),
)
def test_center_crop_as_function_and_as_transform_equals_the_reference(path, img, size):
    expected = reference.center_crop(img, size)

    assert_equal(path.center_crop(img, size), expected)
    assert_equal(path.through(path.module.CenterCrop(size))(img), expected)


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@given(path=PATHS, img=images(channels=(1, 3, 4)))
def test_flips_equal_the_references(path, img):
    assert_equal(path.hflip(img), reference.hflip(img))
    assert_equal(path.vflip(img), reference.vflip(img))


@values("hflip")
@exact_formats
def test_left_and_right_are_swapped(implementation, dtype):
    img = np.array([[[1, 2, 3], [4, 5, 6]]], dtype)

    assert_equal(implementation.hflip(img), np.array([[[3, 2, 1], [6, 5, 4]]], dtype))


@values("vflip")
@exact_formats
def test_top_and_bottom_are_swapped(implementation, dtype):
    img = np.array([[[1, 2, 3], [4, 5, 6]]], dtype)

    assert_equal(implementation.vflip(img), np.array([[[4, 5, 6], [1, 2, 3]]], dtype))


@values("hflip", "vflip")
@for_all(img=images())
def test_a_flip_turns_the_order_of_the_columns_or_rows_around(subject, operation, img):
    output = getattr(subject, operation)(img)

    before, after = (list(np.moveaxis(pixels, -1 if operation == "hflip" else -2, 0)) for pixels in (img, output))
    assert_equal(np.stack(after), np.stack(before[::-1]))


@each_path
def test_hflip_swaps_left_and_right_and_vflip_top_and_bottom(path):
    img = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)

    assert path.hflip(img).tolist() == [[[3, 2, 1], [6, 5, 4]]]
    assert path.vflip(img).tolist() == [[[4, 5, 6], [1, 2, 3]]]


GEOMETRY = {
    "crop": (-1, 2, 4, 9),
    "center_crop": ((3, 4),),
    "center_crop, larger": ((8, 9),),
    "hflip": (),
    "vflip": (),
}


@pytest.mark.compares_with_reference
@through_pil
@every_mode
@pytest.mark.parametrize("case", GEOMETRY)
def test_pil_images_of_every_mode_are_cropped_and_flipped_like_the_references(path, mode, case):
    operation, before = case.split(",")[0], pil_image_of_mode(mode)

    after = getattr(path.module.functional, operation)(before, *GEOMETRY[case])

    assert after.mode == mode
    assert_equal(array(after), getattr(reference, operation)(array(before), *GEOMETRY[case]))


@pytest.mark.compares_with_reference
@pytest.mark.parametrize("path", [pytest.param(p, marks=pytest.mark.torch_api) for p in THROUGH_TENSORS])
@pytest.mark.parametrize("type_name", ["bool", "int8", "int16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("case", GEOMETRY)
def test_tensors_of_every_dtype_are_cropped_and_flipped_like_the_references(path, type_name, case):
    operation, img = case.split(",")[0], np.arange(140).reshape(2, 2, 5, 7).astype(type_name)

    assert_equal(getattr(path, operation)(img, *GEOMETRY[case]), getattr(reference, operation)(img, *GEOMETRY[case]))


@given(img=images())
def test_a_flip_is_its_own_inverse_and_vflip_is_the_hflip_of_the_transposed_image(img):
    transposed = img.swapaxes(1, 2)

    assert_equal(reference.hflip(reference.hflip(img)), img)
    assert_equal(reference.vflip(img), reference.hflip(transposed).swapaxes(1, 2))


@given(call=crops(), inner=st.tuples(*[st.integers(0, 3)] * 2))
def test_a_crop_of_a_crop_is_a_crop(call, inner):
    img, top, left, height, width = call
    below, right = min(inner[0], height - 1), min(inner[1], width - 1)

    twice = reference.crop(reference.crop(*call), below, right, height - below, width - right)

    assert_equal(twice, reference.crop(img, top + below, left + right, height - below, width - right))


@each_path
def test_center_crop_refuses_three_numbers(path):
    with pytest.raises(ValueError, match="must be one or two numbers" if path is REFERENCES else "too many values"):
        path.center_crop(np.zeros((1, 2, 2), np.uint8), (1, 2, 3))


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("height must be at least 1, got 0", lambda: reference.crop(np.zeros((2, 2)), 0, 0, 0, 1)),
        ("width must be at least 1, got -1", lambda: reference.crop(np.zeros((2, 2)), 0, 0, 1, -1)),
        (r"top must be a whole number, got 0\.5", lambda: reference.crop(np.zeros((2, 2)), 0.5, 0, 1, 1)),
        ("output_size must be at least 1, got 0", lambda: reference.center_crop(np.zeros((2, 2)), 0)),
        (r"img has shape \(2,\), expected", lambda: reference.hflip(np.zeros(2))),
        ("img must be a NumPy array, got list", lambda: reference.vflip([[0]])),
        ("img has dtype complex128", lambda: reference.vflip(np.zeros((2, 2), complex))),
        ("pic must be a NumPy array, got list", lambda: reference.to_tensor([[0]])),
        ("tensor must be a NumPy array, got list", lambda: reference.normalize([[[0]]], [0], [1])),
        ("mean must be a number, got '0'", lambda: reference.normalize(np.zeros((1, 1, 1)), ["0"], [1])),
    ],
)
def test_the_reference_refuses_invalid_arguments(message, call):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# Random crops and flips

NUMBERED = np.arange(1, 31, dtype=np.uint8).reshape(1, 6, 5)
"""An image whose pixel values tell their position."""


@pytest.mark.claim("1.3.j")
@through_torchvision
def test_random_crop_draws_its_position_uniformly_from_all_that_fit(path):
    crop, draws = path.through(path.module.RandomCrop((3, 4))), 1000

    drawn = repeat(crop, NUMBERED, draws)

    offsets = [divmod(int(cropped[0, 0, 0]) - 1, 5) for cropped in drawn]
    assert_equal(drawn, np.stack([reference.crop(NUMBERED, *offset, 3, 4) for offset in offsets]))
    fitting = {(top, left) for top in range(6 - 3 + 1) for left in range(5 - 4 + 1)}
    assert set(offsets) == fitting
    frequencies = [offsets.count(offset) / draws for offset in fitting]
    assert max(abs(f - 1 / len(fitting)) for f in frequencies) < frequency_tolerance(draws, len(fitting))


@pytest.mark.claim("1.3.j")
@through_torchvision
def test_random_crop_to_the_size_of_the_image_changes_nothing(path):
    assert_equal(path.through(path.module.RandomCrop((6, 5)))(NUMBERED), NUMBERED)


@pytest.mark.claim("1.3.j")
@through_torchvision
@pytest.mark.parametrize("size", [(7, 5), (6, 6), 6])
def test_random_crop_refuses_a_smaller_image_unless_it_may_pad(path, size):
    with pytest.raises(ValueError, match=r"Required crop size .* is larger than input image size"):
        path.module.RandomCrop(size)(path.wrap(NUMBERED))

    height, width = size if isinstance(size, tuple) else (size, size)
    for options in ({"pad_if_needed": True}, {"padding": 1}):
        output = path.through(path.module.RandomCrop(size, **options))(NUMBERED)
        assert output.shape == (1, height, width)
        assert np.isin(output, [0, *NUMBERED.ravel()]).all()


@pytest.mark.claim("1.3.v")
@through_torchvision
@pytest.mark.parametrize("shape", [(3, 199, 300), (3, 300, 199)])
def test_random_crop_refuses_a_side_under_200_pixels_and_center_crop_pads_it(path, shape):
    img = np.ones(shape, np.uint8)

    with pytest.raises(ValueError, match="is larger than input image size"):
        path.module.RandomCrop(200)(path.wrap(img))

    cropped = path.through(path.module.CenterCrop(200))(img)
    assert cropped.shape == (3, 200, 200)
    assert (cropped == 0).sum() == 3 * 200 * 1


FLIPS = {
    "RandomHorizontalFlip": (reference.hflip, pytest.mark.claim("1.3.k")),
    "RandomVerticalFlip": (reference.vflip, pytest.mark.claim("1.3.l")),
}
each_flip = pytest.mark.parametrize("name", [pytest.param(name, marks=claim) for name, (_, claim) in FLIPS.items()])


@through_torchvision
@each_flip
@pytest.mark.parametrize("p", [None, 0.25])
def test_a_random_flip_flips_with_probability_p_which_defaults_to_one_half(path, name, p):
    flip, draws = path.through(getattr(path.module, name)(**{} if p is None else {"p": p})), 500

    drawn = repeat(flip, NUMBERED, draws)

    flipped, unchanged = ((drawn == img).all(axis=(1, 2, 3)) for img in (FLIPS[name][0](NUMBERED), NUMBERED))
    assert_equal(flipped, ~unchanged)
    assert abs(flipped.mean() - (0.5 if p is None else p)) < frequency_tolerance(draws)


@pytest.mark.claim("1.3.z")
@through_torchvision
@each_flip
def test_a_random_flip_with_p_1_always_flips_and_with_p_0_never(path, name):
    always, never = (path.through(getattr(path.module, name)(p=p)) for p in (1, 0))

    assert_equal(repeat(always, NUMBERED, 100), np.stack([FLIPS[name][0](NUMBERED)] * 100))
    assert_equal(repeat(never, NUMBERED, 100), np.stack([NUMBERED] * 100))


@through_torchvision
@pytest.mark.parametrize(("name", "argument"), [("RandomCrop", 3), *((name, 0.5) for name in FLIPS)])
def test_the_same_seed_draws_the_same_crops_and_flips(path, name, argument):
    transform = path.through(getattr(path.module, name)(argument))

    once, again, other = (repeat(transform, NUMBERED, 20, seed) for seed in (1, 1, 2))

    assert_equal(once, again)
    assert (once != other).any()


@pytest.mark.torch_api
@pytest.mark.parametrize("name", FLIPS)
@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_only_v2_refuses_a_probability_outside_0_to_1(name, p):
    getattr(PIL_V1.module, name)(p)
    with pytest.raises(ValueError, match="interval"):
        getattr(PIL_V2.module, name)(p)


# Compose

each_compose = pytest.mark.parametrize(
    "compose",
    [
        pytest.param(reference.compose, id="reference"),
        pytest.param(lambda transforms: PIL_V1.module.Compose(transforms), id="v1", marks=pytest.mark.torch_api),
        pytest.param(lambda transforms: PIL_V2.module.Compose(transforms), id="v2", marks=pytest.mark.torch_api),
    ],
)


@pytest.mark.claim("1.3.n")
@each_compose
def test_compose_applies_the_transforms_in_order(compose):
    one_more, twice = [lambda x: x + 1, lambda x: 2 * x]

    assert compose([one_more, twice])(3) == 2 * (3 + 1)
    assert compose([twice, one_more])(3) == 2 * 3 + 1


@each_compose
def test_composed_transforms_can_be_composed_again(compose):
    digits = [partial("{1}{0}".format, digit) for digit in "1234"]

    assert compose([compose(digits[:2]), compose(digits[2:])])("") == compose(digits)("") == "1234"


@pytest.mark.torch_api
def test_an_empty_compose_changes_nothing_and_v2_refuses_it():
    assert reference.compose([])(3) == PIL_V1.module.Compose([])(3) == 3
    with pytest.raises(ValueError, match="at least one transform"):
        PIL_V2.module.Compose([])


# The pipeline of the document and its demo


def pipeline():
    """Return the composed transform as the document writes it."""
    transforms = PIL_V1.module
    return transforms.Compose(
        [
            transforms.Resize((256, 256)),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )


@pytest.mark.compares_with_reference
@pytest.mark.torch_api
@pytest.mark.claim("1.3.p", "1.3.n")
@pytest.mark.parametrize("part", [np.s_[:, :, :], np.s_[:, 100:301, 50:450], np.s_[:, ::40, ::3]])
def test_the_pipeline_gives_the_result_of_the_references_on_a_photograph(part):
    by_hand = reference.compose(
        [
            partial(reference.resize, size=(256, 256)),
            partial(reference.center_crop, output_size=224),
            by_reference,
            partial(reference.normalize, mean=MEAN, std=STD),
        ]
    )

    output = array(pipeline()(pil_image(photograph()[part])))

    assert (output.shape, output.dtype) == ((3, 224, 224), np.float32)
    assert_equal(output, by_hand(photograph()[part]))


@pytest.mark.torch_api
@pytest.mark.claim("1.3.p")
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("P", 1), ("LA", 2), ("RGBA", 4)])
def test_an_image_without_three_channels_fails_in_the_last_step_of_the_pipeline(mode, channels):
    *before, normalization = pipeline().transforms

    pixels = PIL_V1.module.Compose(before)(pil_image_of_mode(mode))

    assert pixels.shape == (channels, 224, 224)
    with pytest.raises(RuntimeError, match=r"broadcast shape|must match the size"):
        normalization(pixels)


def demo():
    """Return the transforms of the demo."""
    transforms = PIL_V1.module
    return [
        transforms.ToTensor(),
        transforms.Resize((256, 256)),
        transforms.CenterCrop(200),
        transforms.RandomCrop(200),
        transforms.RandomHorizontalFlip(p=1),
        transforms.RandomVerticalFlip(p=1),
        transforms.ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5),
        transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])]),
    ]


@pytest.mark.torch_api
@pytest.mark.claim("1.3.t")
@pytest.mark.parametrize(
    ("mode", "passing", "message"),
    [
        ("L", 7, "doesn't match the broadcast shape"),
        ("LA", 7, "must match the size of tensor b"),
        ("P", 6, "image has wrong mode"),
        ("1", 6, "image has wrong mode"),
    ],
)
def test_an_image_without_three_channels_stops_the_demo_at_one_of_its_last_two_steps(mode, passing, message):
    img = pil_image(photograph()).convert(mode)

    for transform in demo()[:passing]:
        transform(img)

    with pytest.raises((RuntimeError, ValueError), match=message):
        demo()[passing](img)


@pytest.mark.torch_api
@pytest.mark.claim("1.3.t")
def test_converting_rgba_to_rgb_drops_alpha_keeps_the_colors_and_passes_the_demo():
    alpha = np.arange(600 * 512).reshape(1, 600, 512).astype(np.uint8)
    img = pil_image(np.concatenate([photograph(), alpha]))
    assert img.mode == "RGBA"

    converted = img.convert("RGB")

    assert_equal(array(converted), photograph())
    for transform in demo():
        transform(converted)


@pytest.mark.claim("1.3.q")
@each_path
def test_resizing_to_a_square_distorts_the_content_and_to_one_number_does_not(path):
    img = np.zeros((1, 128, 256), np.uint8)
    img[:, :64, :64] = 255

    distorted, kept = path.resize(img, (256, 256)), path.resize(img, 256)

    assert [(distorted[0] > 127).any(axis).sum() for axis in (1, 0)] == [128, 64]
    assert [(kept[0] > 127).any(axis).sum() for axis in (1, 0)] == [128, 128]


@pytest.mark.torch_api
@pytest.mark.claim("1.3.q")
@pytest.mark.parametrize(("weights", "shorter_edge"), [("IMAGENET1K_V1", 256), ("IMAGENET1K_V2", 232)])
def test_torchvisions_own_resnet_50_preprocessing_resizes_the_shorter_edge(weights, shorter_edge):
    preset = getattr(import_module("torchvision.models").ResNet50_Weights, weights).transforms()

    assert (preset.resize_size, preset.crop_size) == ([shorter_edge], [224])
    assert (preset.mean, preset.std) == (MEAN, STD)


# The contract of the references

CALLS = {
    "crop": (reference.crop, (0, 0, 5, 7)),
    "center_crop": (reference.center_crop, ((5, 7),)),
    "hflip": (reference.hflip, ()),
    "vflip": (reference.vflip, ()),
    "resize": (reference.resize, ((4, 9),)),
    "resize to the same size": (reference.resize, ((5, 7),)),
    "resize, nearest": (reference.resize, ((5, 7), "nearest")),
    "adjust_brightness": (reference.adjust_brightness, (1,)),
    "adjust_contrast": (reference.adjust_contrast, (1,)),
    "adjust_saturation": (reference.adjust_saturation, (1,)),
    "adjust_hue": (reference.adjust_hue, (0,)),
    "color_jitter": (reference.color_jitter, ()),
    "normalize": (reference.normalize, ([0.0], [1.0])),
    "to_tensor": (reference.to_tensor, ()),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("case", "type_name"),
    [
        (case, type_name)
        for case in CALLS
        for type_name in ("uint8", "float32", "float64")
        if type_name != "uint8" or case not in ("normalize", "to_tensor")
    ],
)
def test_a_reference_leaves_its_input_unchanged_and_returns_a_new_array_of_its_dtype(case, type_name, channels):
    function, arguments = CALLS[case]
    img = (photograph()[:channels, ::120, ::80] / (1 if type_name == "uint8" else 255)).astype(type_name)
    before, strided = img.copy(), np.repeat(img, 2, axis=2)[..., ::2]
    img.flags.writeable = False

    output = function(img, *arguments)

    assert output.dtype == img.dtype
    assert not np.shares_memory(output, img)
    assert_equal(img, before)
    assert_equal(function(strided, *arguments), output)
