"""Wrong implementations, each wrong in one way that is easily written by hand. The specification must catch them all.

An entry says which operation it replaces and which tests catch it (`test_wrong_implementations.py` holds them to
that). To look at a failure: `pytest spec_tests --subject wrong:flips_the_kernel`.

A function here receives every argument of its operation by name, defaults filled in, and names those that it
gets wrong.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import reference
from reference.geometry import PoolGeometry
from reference.windows import windows
from spec_tests.formats import rounded
from spec_tests.problems import Array

Function: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Wrong:
    """A wrong implementation, what it replaces, and what catches it."""

    operation: str
    function: Function
    caught_by: tuple[str, ...]
    dtype: str
    """The number format in which it is caught, where the test has several."""
    crash: type[Exception]
    """What the tests then raise."""


WRONG: dict[str, Wrong] = {}
"""All of them, by name."""


def wrong(
    operation: str, *caught_by: str, dtype: str = "float32", crash: type[Exception] = AssertionError
) -> Callable[[Function], Function]:
    """Register a function as a wrong implementation of this operation, caught by these tests."""
    signature = inspect.signature(getattr(reference, operation))

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def called_as_the_operation(*args: Any, **options: Any) -> Any:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            return function(**bound.arguments)

        if function.__name__ in WRONG:
            raise ValueError(f"there are two wrong implementations called {function.__name__}")
        WRONG[function.__name__] = Wrong(operation, called_as_the_operation, caught_by, dtype, crash)
        return function

    return register


# Convolution

EQUAL = "test_conv_equals_the_reference_on_whole_numbers"
CONV_ADJOINT = "test_what_flows_forward_through_a_conv_flows_back_along_the_same_paths"
CONV_GRADIENTS = "test_the_gradients_of_conv_equal_the_references_on_whole_numbers"


@wrong("conv2d", "test_a_single_1_in_the_input_brings_out_the_kernel_backwards", EQUAL)
def flips_the_kernel(weight: Array, **rest: Any) -> Array:
    """Convolves as mathematicians do, the kernel turned around."""
    return reference.conv2d(weight=np.flip(weight, (2, 3)), **rest)


@wrong("conv2d", "test_a_stride_keeps_every_so_manieth_output", EQUAL)
def swaps_the_strides(stride: Any, **rest: Any) -> Array:
    """Takes the stride of the rows for that of the columns."""
    return reference.conv2d(stride=_pair(stride)[::-1], **rest)


@wrong("conv2d", "test_a_dilated_kernel_is_one_with_zeros_between_its_taps", EQUAL)
def ignores_the_dilation(dilation: Any, **rest: Any) -> Array:
    """Lays the taps of every kernel side by side."""
    return reference.conv2d(dilation=1, **rest)


@wrong("conv2d", "test_the_channels_of_a_group_are_convolved_by_themselves_and_their_results_added", EQUAL)
def feeds_every_group_the_first_channels(input: Array, weight: Array, groups: int, **rest: Any) -> Array:
    """Ignores that each group has input channels of its own."""
    first = [*range(weight.shape[1])] * groups
    return reference.conv2d(input=np.take(input, first, axis=-3), weight=weight, groups=groups, **rest)


@wrong("conv2d", "test_the_channels_of_a_group_are_convolved_by_themselves_and_their_results_added", EQUAL)
def deals_the_channels_out_to_the_groups_in_turn(input: Array, weight: Array, groups: int, **rest: Any) -> Array:
    """Takes every so-manieth channel for a group, not neighbouring ones."""
    in_turn = np.arange(weight.shape[1] * groups).reshape(-1, groups).T.ravel()
    return reference.conv2d(input=np.take(input, in_turn, axis=-3), weight=weight, groups=groups, **rest)


@wrong("conv2d", "test_a_bias_is_added_to_every_place_of_its_channel", EQUAL)
def drops_the_bias(bias: Array | None, **rest: Any) -> Array:
    """Forgets the bias."""
    return reference.conv2d(**rest)


@wrong("conv2d", "test_a_bias_is_added_to_every_place_of_its_channel", EQUAL)
def adds_the_bias_at_one_place(bias: Array | None, **rest: Any) -> Array:
    """Adds the bias in the first window only."""
    output = reference.conv2d(**rest)
    output[..., 0, 0] += 0 if bias is None else bias
    return output


@wrong("conv2d", "test_padding_is_a_border_of_zeros_around_the_input", EQUAL)
def pads_with_the_nearest_cell(input: Array, padding: Any, **rest: Any) -> Array:
    """Repeats the border cells where zeros belong."""
    if isinstance(padding, str):
        return reference.conv2d(input=input, padding=padding, **rest)
    border = [(p, p) for p in (*[0] * (input.ndim - 2), *_pair(padding))]
    return reference.conv2d(input=np.pad(input, border, "edge"), **rest)


@wrong("conv2d", "test_padding_same_keeps_the_size_and_puts_the_odd_cell_after", EQUAL)
def puts_the_odd_cell_of_same_padding_before(input: Array, weight: Array, padding: Any, **rest: Any) -> Array:
    """Pads one cell more before than after."""
    if padding != "same":
        return reference.conv2d(input=input, weight=weight, padding=padding, **rest)
    turned = {"input": np.flip(input, (-2, -1)), "weight": np.flip(weight, (-2, -1))}
    return np.flip(reference.conv2d(**turned, padding=padding, **rest), (-2, -1))


@wrong("conv2d", "test_every_image_of_a_batch_is_convolved_by_itself", EQUAL)
def centres_the_batch(input: Array, **rest: Any) -> Array:
    """Subtracts from every image what the first one shows."""
    return reference.conv2d(input=input - input[:1] * (len(input) > 1) if input.ndim == 4 else input, **rest)


@wrong("conv2d", "test_a_nan_reaches_exactly_the_outputs_whose_window_holds_it", dtype="float64")
def takes_nan_for_zero(input: Array, **rest: Any) -> Array:
    """Hides a NaN of the input."""
    return reference.conv2d(input=np.nan_to_num(input), **rest)


@wrong("conv2d", "test_conv_rounds_within_its_bound")
def rounds_the_weights_to_half(weight: Array, **rest: Any) -> Array:
    """Keeps the weights in float16: small whole numbers cannot tell."""
    return reference.conv2d(weight=rounded(weight, "float16").astype(weight.dtype), **rest)


@wrong("conv2d", "test_conv_rounds_within_its_bound", dtype="float64")
def adds_float64_up_in_float32(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Array:
    """Computes in float32 whatever comes, and returns the right dtype."""
    narrow = {"input": input, "weight": weight, "bias": bias}
    narrow = {name: None if value is None else value.astype(np.float32) for name, value in narrow.items()}
    return reference.conv2d(**narrow, **rest).astype(input.dtype)


@wrong("conv2d", "test_conv_takes_integers_and_returns_them")
def convolves_integers_in_float32(input: Array, weight: Array, bias: Array | None, **rest: Any) -> Array:
    """Takes the way through floating point, which has not enough digits for large whole numbers."""
    narrow = {"input": input, "weight": weight, "bias": bias}
    if input.dtype.kind != "f":
        narrow = {name: None if value is None else value.astype(np.float32) for name, value in narrow.items()}
    return reference.conv2d(**narrow, **rest).astype(input.dtype)


@wrong(
    "conv2d",
    "test_an_empty_batch_gives_an_empty_output_and_no_gradient_for_the_weights",
    crash=ValueError,
)
def stacks_the_images_one_by_one(input: Array, **rest: Any) -> Array:
    """Has nothing to stack when the batch is empty."""
    images = input if input.ndim == 4 else input[np.newaxis]
    output = np.stack([reference.conv2d(input=image, **rest) for image in images])
    return output if images is input else output[0]


# Gradients of convolution


@wrong("conv2d_backward", CONV_ADJOINT, CONV_GRADIENTS)
def sends_the_gradient_through_the_flipped_kernel(weight: Array, **rest: Any) -> Any:
    """Correlates once more, where going backward the kernel has to be turned around."""
    grad_input, *_ = reference.conv2d_backward(weight=np.flip(weight, (2, 3)), **rest)
    return grad_input, *reference.conv2d_backward(weight=weight, **rest)[1:]


@wrong("conv2d_backward", CONV_ADJOINT, CONV_GRADIENTS)
def puts_the_cells_that_no_window_reached_first(
    input: Array, weight: Array, stride: Any, padding: Any, dilation: Any, **rest: Any
) -> Any:
    """Fills up with zeros at the wrong end where the stride does not divide the way."""
    options = {"input": input, "weight": weight, "stride": stride, "padding": padding, "dilation": dilation}
    grad_input, *others = reference.conv2d_backward(**options, **rest)
    axes = zip(input.shape[-2:], weight.shape[2:], _pair(stride), _pair(padding), _pair(dilation), strict=True)
    unreached = [(h + 2 * p - d * (k - 1) - 1) % s for h, k, s, p, d in axes]
    return np.roll(grad_input, unreached, (-2, -1)), *others


@wrong("conv2d_backward", CONV_ADJOINT, CONV_GRADIENTS)
def averages_the_weights_gradient_over_the_batch(input: Array, **rest: Any) -> Any:
    """Divides by the number of images, which is the loss's affair."""
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(input=input, **rest)
    return grad_input, grad_weight / (len(input) if input.ndim == 4 else 1), grad_bias


@wrong("conv2d_backward", CONV_ADJOINT, CONV_GRADIENTS)
def gives_every_group_the_weights_gradient_of_the_next(groups: int, **rest: Any) -> Any:
    """Mixes the groups up on the way back only."""
    grad_input, grad_weight, grad_bias = reference.conv2d_backward(groups=groups, **rest)
    return grad_input, np.roll(grad_weight, len(grad_weight) // groups, 0), grad_bias


@wrong("conv2d_backward", "test_the_gradient_of_the_bias_is_the_sum_over_places_and_images", CONV_GRADIENTS)
def takes_the_bias_gradient_of_the_first_image(grad_output: Array, bias: Array | None, **rest: Any) -> Any:
    """Forgets to add up the other images."""
    grad_input, grad_weight, _ = reference.conv2d_backward(grad_output=grad_output, **rest)
    first = grad_output[0] if grad_output.ndim == 4 else grad_output
    return grad_input, grad_weight, None if bias is None else first.sum((-2, -1))


@wrong("conv2d_backward", CONV_GRADIENTS)
def returns_a_gradient_for_a_bias_that_is_not_there(weight: Array, bias: Array | None, **rest: Any) -> Any:
    """Always returns three gradients."""
    return reference.conv2d_backward(weight=weight, bias=weight[:, 0, 0, 0], **rest)


@wrong("conv2d_backward", CONV_ADJOINT, CONV_GRADIENTS)
def starts_the_gradient_from_ones(grad_output: Array, **rest: Any) -> Any:
    """Ignores the cotangent: right for the sum of the output, and for nothing else."""
    return reference.conv2d_backward(grad_output=np.ones_like(grad_output), **rest)


def _pair(value: Any) -> tuple[int, int]:
    """Return an option of a convolution or pooling of images for both axes, "same" and "valid" as 0."""
    if isinstance(value, str):
        return 0, 0
    return (value, value) if isinstance(value, int) else tuple(value) * (2 // len(value))
