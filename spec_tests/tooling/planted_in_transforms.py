"""What random transforms draw, and their options: torchvision's and the references', each wrong in one way.

The transforms themselves have wrong implementations of their own, which are subjects. These here are planted while the
tests of section 1.3 run. Many are wrong as a library has been; the public report is named.
"""

import random
from typing import Any

import numpy as np

from reference import random_transforms
from spec_tests.tooling.planted_in_loading import Planted, planted
from spec_tests.vocabulary.torch_when_needed import torch, torchvision

V1, FUNCTIONS, OURS = "torchvision.transforms", "torchvision.transforms.functional", "reference.random_transforms"
CROP, JITTER, TENSORS = f"{V1}:RandomCrop", f"{V1}:ColorJitter", "torchvision.transforms._functional_tensor"

# Crops


def without_the_last_place(_: Any) -> Any:
    """Draw from one place too few along each axis."""

    def get_params(img: Any, size: Any) -> Any:
        h, w = torchvision.transforms.functional.get_dimensions(img)[1:]
        top, left = (int(torch.randint(0, max(surplus, 1), ())) for surplus in (h - size[0], w - size[1]))
        return (top, left, *size)

    return staticmethod(get_params)


def before_it_crops(pad: Any) -> Any:
    """Let another function pad where it is needed."""

    def changed(forward: Any) -> Any:
        def called(self: Any, img: Any) -> Any:
            h, w = torchvision.transforms.functional.get_dimensions(img)[1:]
            missing = [max(wanted - there, 0) for wanted, there in zip(self.size, (h, w), strict=True)]
            if self.padding is None and self.pad_if_needed and any(missing):
                padding = pad(*missing)
                img = torchvision.transforms.functional.pad(img, padding, self.fill, self.padding_mode)
            return forward(self, img)

        return called

    return changed


def with_padding(change: Any) -> Any:
    """Change the padding that is handed on."""
    return lambda pad: lambda img, padding, *rest, **options: pad(img, change(padding), *rest, **options)


def transposed(padding: Any) -> Any:
    """Take the rows' padding for the columns'."""
    if isinstance(padding, int) or len(padding) == 1:
        return padding
    return [padding[1], padding[0], *([padding[3], padding[2]] if len(padding) == 4 else [])]


def mirrored_otherwise(pad: Any) -> Any:
    """Take `reflect` for `symmetric`."""

    def called(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
        return pad(img, padding, fill, "symmetric" if padding_mode == "reflect" else padding_mode)

    return called


def without_fill(pad: Any) -> Any:
    """Fill with 0."""

    def called(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
        return pad(img, padding, 0 if fill else fill, padding_mode)

    return called


ANY_PLACE = "test_a_crop_of_a_padded_image_is_drawn_from_all_places_that_fit_it"
WHOLE = "test_pad_if_needed_leaves_the_image_whole_and_puts_it_anywhere"
A_ROW = "test_a_row_of_three_pixels_is_surrounded_by_two_on_either_side"
FOUR = "test_four_paddings_are_those_on_the_left_above_on_the_right_and_below"
TWO = "test_two_paddings_are_those_of_the_columns_and_of_the_rows"
CROPS = (
    # albumentations-team/albumentations#1075, pytorch/tutorials#876, chainer/chainercv#534
    planted(ANY_PLACE, "never_crops_at_the_last_place", CROP, "get_params", without_the_last_place),
    planted(
        *(ANY_PLACE, "ours_never_crops_at_the_last_place", OURS, "crop"),
        lambda crop: (
            lambda img, top, left, h, w: crop(
                *(img, min(top, max(img.shape[-2] - h - 1, 0)), min(left, max(img.shape[-1] - w - 1, 0)), h, w)
            )
        ),
    ),
    # kornia/kornia#2087: both the order of two or four paddings, and a height that is padded or a width
    planted(TWO, "pads_rows_for_columns", FUNCTIONS, "pad", with_padding(transposed)),
    planted(FOUR, "pads_on_the_wrong_sides", FUNCTIONS, "pad", with_padding(lambda p: p[::-1] if len(p) == 4 else p)),
    planted(
        *(WHOLE, "pads_the_width_and_then_forgets_the_height", CROP, "forward"),
        before_it_crops(lambda rows, columns: [columns, rows if not columns else -(-rows // 2)]),
    ),
    # what pytorch/vision#6967 and a review of NVIDIA/DALI#6353 took for the rule
    planted(
        *(WHOLE, "pads_below_and_on_the_right_if_needed", CROP, "forward"),
        before_it_crops(lambda rows, columns: [0, 0, columns, rows]),
    ),
    planted(
        *(WHOLE, "ours_pads_below_and_on_the_right_if_needed", OURS, "padded_for_crop"),
        lambda _: below_and_on_the_right,
    ),
    planted(
        *(A_ROW, "always_pads_with_black", FUNCTIONS, "pad"),
        without_fill,
    ),
    planted(A_ROW, "repeats_the_edge_when_it_reflects", FUNCTIONS, "pad", mirrored_otherwise),
    planted(
        *(A_ROW, "ours_repeats_the_edge_when_it_reflects", OURS, "_copied"),
        lambda f: lambda n, before, after, mode: f(n, before, after, "symmetric" if mode == "reflect" else mode),
    ),
    # pytorch/vision#489: a list was not taken for the padding; here it is read as one number
    planted(
        *(TWO, "reads_the_first_of_a_list", FUNCTIONS, "pad"),
        with_padding(lambda padding: padding[0] if isinstance(padding, list) else padding),
    ),
)


def below_and_on_the_right(
    img: Any, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0, mode: str = "constant"
) -> Any:
    """Pad an image to the size of the crop, on two sides only."""
    if padding is not None:
        img = random_transforms.pad_image(img, padding, fill, mode)
    missing = [max(wanted - there, 0) for wanted, there in zip(size, img.shape[-2:], strict=True)]
    return random_transforms.pad_image(img, (0, 0, *missing[::-1]), fill, mode) if pad_if_needed else img


# Jitters


def drawn(change: Any) -> Any:
    """Change what ColorJitter has drawn, given the ranges that it drew from."""

    def changed(get_params: Any) -> Any:
        def called(*ranges: Any) -> Any:
            return change(ranges, get_params(*ranges))

        return staticmethod(called)

    return changed


def by_one_number(ranges: Any, params: Any) -> Any:
    """Put all factors as far into their ranges as the first."""
    order, *factors = params
    if None in factors:
        return params
    share = (factors[0] - ranges[0][0]) / (ranges[0][1] - ranges[0][0])
    return (order, *(low + share * (high - low) for low, high in ranges))


def strongest_first(ranges: Any, params: Any) -> Any:
    """Give what comes early a factor of the upper half."""
    order, *factors = params
    if None in factors:
        return params
    early = set(torch.as_tensor(order)[:2].tolist())
    halves = [((low + high) / 2, (high - low) / 2) for low, high in ranges]
    within = [(f - low) % half for f, (low, _), (_, half) in zip(factors, ranges, halves, strict=True)]
    return (
        order,
        *(
            (middle if n in early else middle - half) + w
            for n, ((middle, half), w) in enumerate(zip(halves, within, strict=True))
        ),
    )


def by_pythons_generator(ranges: Any, params: Any) -> Any:
    """Draw the brightness from Python's generator."""
    order, brightness, *others = params
    return (order, brightness and random.uniform(*ranges[0]), *others)


def alternately(_: Any, params: Any) -> Any:
    """Turn the order around every other time, whatever was drawn."""
    alternately.count = getattr(alternately, "count", 0) + 1  # type: ignore[attr-defined]
    _, *factors = params
    early = sorted(range(4), key=lambda n: (n == 3) == bool(alternately.count % 2))  # type: ignore[attr-defined]
    return (torch.tensor(early), *factors)


BY_ITSELF = "test_every_factor_is_drawn_by_itself"
NO_PLACE = "test_no_factor_depends_on_the_place_of_its_adjustment_or_of_another"
ALONE = "test_an_adjustment_alone_draws_no_factor_for_the_others"
JITTERS = (
    planted(BY_ITSELF, "draws_one_number_for_all_factors", JITTER, "get_params", drawn(by_one_number)),
    planted(NO_PLACE, "draws_large_factors_for_the_first", JITTER, "get_params", drawn(strongest_first)),
    planted(
        "test_random_transforms_follow_torchs_seed_and_neither_pythons_nor_numpys",
        *("draws_from_pythons_generator", JITTER, "get_params", drawn(by_pythons_generator)),
    ),
    planted("test_no_draw_depends_on_the_one_before_it", "alternates", JITTER, "get_params", drawn(alternately)),
    planted(
        *(ALONE, "draws_factors_that_nobody_asked_for", JITTER, "get_params"),
        drawn(lambda _, params: (params[0], *(1.0 if factor is None else factor for factor in params[1:]))),
    ),
    planted(
        *(BY_ITSELF, "ours_draws_one_number_for_all_factors", OURS, "jitter_parameters"),
        lambda draw: lambda *, generator, **amounts: draw(**amounts, generator=Stubborn(generator)),
    ),
)


class Stubborn(np.random.Generator):
    """A generator that shares of ranges are drawn from only once."""

    def __init__(self, generator: np.random.Generator) -> None:
        """Draw the share."""
        super().__init__(generator.bit_generator)
        self.share = generator.random()

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:  # noqa: ARG002  # as NumPy calls it
        """Return it."""
        return low + self.share * (high - low)


# Bytes of tensors, and options


def to_the_nearest(blend: Any) -> Any:
    """Round bytes."""

    def called(one: Any, other: Any, ratio: float) -> Any:
        if one.is_floating_point():
            return blend(one, other, ratio)
        return (ratio * one.float() + (1 - ratio) * other).round().clamp(0, 255).to(one.dtype)

    return called


def grey_to_the_nearest(grey: Any) -> Any:
    """Round the grey of bytes."""

    def called(img: Any, channels: int = 1) -> Any:
        return grey(img.double(), channels).round().to(img.dtype) if img.dtype == torch.uint8 else grey(img, channels)

    return called


def by_255(convert: Any) -> Any:
    """Multiply by 255 before truncating, so that only white stays white."""

    def called(img: Any, dtype: Any) -> Any:
        return (img * 255).to(dtype) if dtype == torch.uint8 and img.is_floating_point() else convert(img, dtype)

    return called


def always_antialiased(forward: Any) -> Any:
    """Do not look at the option."""

    def called(self: Any, img: Any) -> Any:
        self.antialias = True
        return forward(self, img)

    return called


CUT_OFF, TENSORS_OWN = (
    "test_adjusted_bytes_of_a_tensor_are_exact_numbers_cut_off",
    "test_a_tensor_cuts_off_what_pil_rounds",
)
AS_THE_FUNCTION = "test_the_transform_resizes_by_its_options_as_the_function_does"
IN_PLACE = "test_normalize_leaves_its_tensor_alone_unless_it_works_in_place"
OPTIONS = (
    planted(TENSORS_OWN, "rounds_bytes_of_tensors", TENSORS, "_blend", to_the_nearest),
    planted(CUT_OFF, "rounds_the_grey_of_tensors", TENSORS, "rgb_to_grayscale", grey_to_the_nearest),
    planted(CUT_OFF, "multiplies_hues_by_255", TENSORS, "convert_image_dtype", by_255),
    planted(
        *(AS_THE_FUNCTION, "resize_forgets_its_options", f"{V1}:Resize", "forward"),
        lambda _: lambda self, img: torchvision.transforms.functional.resize(img, self.size),
    ),
    planted(
        *(
            "test_the_transform_samples_a_tensor_without_antialias",
            "resize_always_antialiases",
            f"{V1}:Resize",
            "forward",
        ),
        always_antialiased,
    ),
    planted(
        *(IN_PLACE, "normalize_never_works_in_place", FUNCTIONS, "normalize"),
        lambda f: lambda tensor, mean, std, *_, **__: f(tensor, mean, std),
    ),
    planted(
        *(IN_PLACE, "normalize_always_works_in_place", FUNCTIONS, "normalize"),  # pytorch/vision#520
        lambda f: lambda tensor, mean, std, *_, **__: f(tensor, mean, std, True),
    ),
)

IN_TRANSFORMS: tuple[Planted, ...] = (*CROPS, *JITTERS, *OPTIONS)
"""All of them."""
