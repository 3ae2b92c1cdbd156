"""Activations, norms and linear layers with defects that libraries had, each modelled on a public report."""

from math import prod
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.layouts import as_if_contiguous, owner_of
from spec_tests.wrong_implementations.register import wrong
from spec_tests.wrong_implementations.some_gradients import some

# Activations


@wrong(
    "softmax",
    "test_wide_inputs_round_within_their_bound",
    "test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more",
    report="manassharma07/crysx_nn#7",
)
def shifts_all_rows_by_one_maximum(input: Array, dim: int, dtype: Any) -> Any:
    """Subtracts the largest of all scores from each row: rows far below it become 0 / 0."""
    scores = input if dtype is None else input.astype(dtype)
    with np.errstate(all="ignore"):
        powers = np.exp(scores - scores.max(initial=-np.inf))
        return powers / powers.sum(dim, keepdims=True)


@wrong(
    "softmax",
    "test_a_softmax_adds_up_to_1_along_its_axis",
    "test_a_softmax_is_the_exponential_of_the_log_softmax",
    report="openvinotoolkit/openvino#26519",
)
def normalizes_all_axes_from_there_on(input: Array, dim: int, dtype: Any) -> Any:
    """Flattens the axes behind `dim` into it."""
    axes = tuple(range(dim % input.ndim, input.ndim)) if input.ndim else ()
    flat = input.reshape(*input.shape[: input.ndim - len(axes)], -1) if axes else input
    return reference.softmax(flat, -1 if axes else dim, dtype=dtype).reshape(input.shape)


@wrong(
    "log_softmax",
    "test_a_softmax_does_not_notice_a_shift_of_all_scores",
    "test_log_softmax_of_scores_8192_apart_is_their_distance_to_the_largest",
    report="pytorch/pytorch#795",
)
def takes_the_powers_of_large_scores_in_a_log_softmax(input: Array, dim: int, dtype: Any) -> Any:
    """Subtracts no maximum."""
    scores = input if dtype is None else input.astype(dtype)
    with np.errstate(all="ignore"):
        return scores - np.log(np.exp(scores).sum(dim, keepdims=True))


@wrong(
    "log_softmax_backward",
    "test_the_error_of_long_gradient_sums_is_that_of_independent_roundings",
    "test_the_gradients_of_wide_inputs_round_within_their_bounds",
    report="FluxML/NNlib.jl#68",
)
def divides_by_probabilities_of_0(grad_output: Array, input: Array, dim: int, dtype: Any) -> Any:
    """Goes back through a softmax, whose probabilities may be 0."""
    with np.errstate(all="ignore"):
        divided = grad_output / reference.softmax(input, dim, dtype=dtype)
        return reference.softmax_backward(divided, input, dim, dtype=dtype)


@wrong(
    "sigmoid",
    "test_far_from_0_sigmoid_and_tanh_stay_within_their_bounds",
    "test_the_activations_of_nan_are_nan_and_those_of_the_infinities_their_limits",
    report="clab/dynet#1525",
)
def returns_a_half_for_large_numbers(input: Array) -> Any:
    """Compares the wrong way round where the power overflows."""
    return np.where(input > 88, input.dtype.type(0.5), reference.sigmoid(input))


@wrong(
    "sigmoid_backward",
    "test_far_from_0_the_gradients_of_sigmoid_and_tanh_stay_within_their_bounds",
    "test_sigmoid_and_tanh_are_flat_at_the_infinities_and_have_a_nan_gradient_at_nan",
    report="huggingface/candle#1722",
)
def divides_an_infinite_power_by_its_square(grad_output: Array, input: Array) -> Any:
    """Computes e^-x / (1 + e^-x)², which is NaN for numbers far below 0."""
    with np.errstate(all="ignore"):
        power = np.exp(-input)
        return grad_output * power / (1 + power) ** 2


# Norms


@wrong(
    "layer_norm",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    "test_a_drawn_problem_has_one_result_however_its_arguments_lie",
    level="contracts",
    report="pytorch/pytorch#131750",
)
def normalizes_from_the_start_of_memory(input: Array, **rest: Any) -> Any:
    """Normalizes the first samples where a slice of later ones is given."""
    offset = input.flags.c_contiguous and owner_of(input).size > input.size
    return reference.layer_norm(input=as_if_contiguous(input, from_the_start=True) if offset else input, **rest)


@wrong(
    "layer_norm",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    "test_arrays_that_are_not_contiguous_give_the_same_result",
    level="contracts",
    report="pytorch/pytorch#176238",
)
def reads_the_memory_of_a_strided_bias(bias: Array | None, **rest: Any) -> Any:
    """Takes the bias for contiguous."""
    return reference.layer_norm(bias=None if bias is None else as_if_contiguous(bias), **rest)


@wrong(
    "layer_norm_backward",
    "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow",
    "test_the_gradient_of_every_sample_adds_up_to_0",
    report="flagos-ai/FlagGems#5392",
)
def takes_all_axes_but_the_first_for_a_sample(
    grad_output: Array, input: Array, normalized_shape: Any, weight: Array | None, bias: Array | None, eps: float
) -> Any:
    """Is right for inputs of two axes; of more, a sample on the way back is all that lies behind the first."""
    _, *others = reference.layer_norm_backward(grad_output, input, normalized_shape, weight, bias, eps)
    wide = (prod(input.shape[1:]),) if input.ndim > len(normalized_shape) else (input.size,)
    scale = None if weight is None else np.resize(weight, wide)
    flat, flat_grad = (array.reshape(-1, *wide) for array in (input, grad_output))
    grad_input, *_ = reference.layer_norm_backward(flat_grad, flat, wide, scale, None, eps)
    return grad_input.reshape(input.shape), *others


@wrong(
    "layer_norm_gradients_of",
    "test_gradients_of_wide_inputs_alone_are_those_of_all_at_once_but_for_rounding",
    "test_gradients_alone_or_in_pairs_are_those_of_all_at_once_but_for_rounding",
    report="pytorch/pytorch#183825",
)
def keeps_no_statistics_where_the_input_wants_no_gradient(wanted: tuple[str, ...], **rest: Any) -> Any:
    """Leaves the gradients of weight and bias to chance if that of the input is not asked for: here they are 0."""
    grads = some("layer_norm", wanted, rest).values()
    return tuple(grads) if "input" in wanted else tuple(map(np.zeros_like, grads))


@wrong(
    "layer_norm",
    "test_a_variance_whose_sum_leaves_the_half_format_is_right_all_the_same",
    dtype="float16",
    report="microsoft/onnxruntime#29034",
)
def adds_the_squares_of_a_sample_up_in_half(input: Array, weight: Array | None, bias: Array | None, **rest: Any) -> Any:
    """Keeps the sum of squares in the format of its terms, where it is soon infinite: the sample becomes 0."""
    axes = tuple(range(-len(rest["normalized_shape"]), 0))
    away = input - input.mean(axes, keepdims=True)
    with np.errstate(over="ignore"):
        overflows = np.isinf((away**2).sum(axes, keepdims=True).astype(np.float16))
    normal = np.where(overflows, 0, reference.layer_norm(input, rest["normalized_shape"], eps=rest["eps"]))
    scaled = normal if weight is None else normal * weight
    return (scaled if bias is None else scaled + bias).astype(input.dtype)


# Linear layers


@wrong(
    "linear",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    "test_arrays_that_are_not_contiguous_give_the_same_result",
    level="contracts",
    report="pytorch/pytorch#51713",
)
def reads_the_memory_of_a_strided_weight(weight: Array, **rest: Any) -> Any:
    """Takes the weight for contiguous."""
    return reference.linear(weight=as_if_contiguous(weight), **rest)


@wrong(
    "linear",
    "test_an_output_does_not_depend_on_how_arguments_lie_in_memory",
    "test_arrays_that_are_not_contiguous_give_the_same_result",
    level="contracts",
    report="NVIDIA/TransformerEngine#1017",
)
def reads_the_memory_of_a_strided_input(input: Array, **rest: Any) -> Any:
    """Takes the input for contiguous."""
    return reference.linear(input=as_if_contiguous(input), **rest)


@wrong(
    "linear",
    "test_every_output_is_the_weighted_sum_of_the_inputs_plus_the_bias",
    "test_a_bias_is_added_once_to_its_output",
    report="pytorch/pytorch#189495",
)
def takes_the_third_of_a_batch_for_the_first(input: Array, bias: Array | None, **rest: Any) -> Any:
    """Counts a batch in too few digits, if there are three axes and a bias."""
    wraps = input.ndim == 3 and bias is not None and len(input) > 2
    return reference.linear(input=input[np.arange(len(input)) % 2] if wraps else input, bias=bias, **rest)
