"""What is right for small inputs and wrong for those that networks have, each in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import over
from spec_tests.wrong_implementations.register import wrong

EXACT = "test_wide_inputs_give_exact_results_on_whole_numbers"
BOUND = "test_wide_inputs_round_within_their_bound"
EXACT_GRADIENTS = "test_the_gradients_of_wide_inputs_are_exact_on_whole_numbers"
BOUNDED_GRADIENTS = "test_the_gradients_of_wide_inputs_round_within_their_bounds"
EVERY_CHANNEL = "test_every_channel_of_a_wide_input_comes_out_as_it_does_alone"
EVERY_NUMBER = "test_every_number_of_a_long_row_comes_out_as_it_does_alone"
ADDS_UP = "test_a_wide_layer_adds_up_what_narrow_ones_give"
GRADIENTS_ADD_UP = "test_the_gradients_of_a_wide_layer_add_up_those_of_narrow_ones"
SAMPLES_ADD_UP = "test_the_gradients_of_weights_add_up_those_of_few_samples"
SCORES_ADD_UP = "test_the_gradient_of_many_scores_adds_up_to_0"
LOSSES_ADD_UP = "test_the_loss_of_many_samples_adds_up_those_of_few"
EQUAL_SCORES = "test_many_equal_scores_share_the_probability"
IMPOSSIBLE_SCORES = "test_among_many_scores_those_of_minus_infinity_do_not_count"
LONG_SAMPLES = "test_a_long_sample_leaves_with_mean_0_and_variance_1_less_the_share_of_eps"
LATE_NAN = "test_a_nan_beyond_the_first_channels_reaches_what_depends_on_it_and_no_more"
KEEPS_DIGITS = "test_numbers_that_the_next_lower_format_cannot_hold_keep_every_digit"
LARGER_WINS = "test_of_numbers_that_are_equal_in_the_next_lower_format_the_larger_wins"
FAR_VARIANCE = "test_a_variance_far_from_0_is_that_of_the_distances_from_the_mean"
FAR_OUTPUT = "test_far_from_0_an_output_is_off_by_what_rounding_the_mean_explains"
FAR_DIGITS = "test_distances_from_a_mean_far_from_0_that_is_exact_keep_their_digits"
LEAVES_THE_FORMAT = "test_a_mean_whose_sum_leaves_the_half_format_is_right_all_the_same"


@wrong("batch_norm", EVERY_CHANNEL, EXACT, BOUND)
def adds_1_from_5_channels_on(input: Array, **rest: Any) -> Any:
    """Is right for the channels of a small example."""
    output = reference.batch_norm(input=input, **rest)
    return output + output.dtype.type(input.shape[1] >= 5)


@wrong("batch_norm", FAR_OUTPUT, FAR_DIGITS, report="tenstorrent/tt-metal#45968")
def takes_the_mean_square_less_the_squared_mean(
    input: Array, running_mean: Array | None, running_var: Array | None, training: bool, **rest: Any
) -> Any:
    """Reads the batch once, for the mean of x and of x²: what is left of the difference is rounding."""
    if training:
        running_mean = input.mean(axis=over(input))
        running_var = np.maximum((input**2).mean(axis=over(input)) - running_mean**2, 0)
    return reference.batch_norm(input, running_mean, running_var, training=False, **rest)


@wrong("batch_norm_statistics", FAR_VARIANCE)
def keeps_the_mean_square_less_the_squared_mean(
    input: Array, running_mean: Array, running_var: Array, momentum: float
) -> Any:
    """Does the same in the running variance."""
    mean, _ = reference.batch_norm_statistics(input, running_mean, running_var, momentum)
    values = input.size // input.shape[1]
    var = (input**2).mean(axis=over(input)) - input.mean(axis=over(input)) ** 2
    return mean, (1 - momentum) * running_var + momentum * var * (values / (values - 1))


@wrong("layer_norm", FAR_OUTPUT, FAR_DIGITS, report="microsoft/onnxruntime#28463")
def takes_the_mean_square_of_a_sample_less_its_squared_mean(input: Array, weight: Any, bias: Any, **rest: Any) -> Any:
    """Reads each sample once."""
    axes = tuple(range(-len(rest["normalized_shape"]), 0))
    mean, squares = (values.mean(axis=axes, keepdims=True) for values in (input, input**2))
    normal = (input - mean) / np.sqrt(np.maximum(squares - mean**2, 0) + rest["eps"])
    scaled = normal if weight is None else normal * weight
    return scaled if bias is None else scaled + bias


@wrong("layer_norm", LONG_SAMPLES, BOUND)
def reads_the_first_512_numbers_of_a_sample(input: Array, weight: Any, bias: Any, **rest: Any) -> Any:
    """Takes mean and variance of what one block of threads reads."""
    axes = tuple(range(-len(rest["normalized_shape"]), 0))
    rows = input.reshape(*input.shape[: input.ndim - len(axes)], -1)[..., :512]
    mean, var = (np.expand_dims(f(rows, axis=-1), axes) for f in (np.mean, np.var))
    normal = (input - mean) / np.sqrt(var + rest["eps"])
    scaled = normal if weight is None else normal * weight
    return scaled if bias is None else scaled + bias


@wrong("softmax", EQUAL_SCORES, IMPOSSIBLE_SCORES, BOUND)
def adds_up_the_first_16_entries_of_a_softmax(input: Array, dim: int, **rest: Any) -> Any:
    """Leaves what is beyond one vector register out of the sum."""
    p = reference.softmax(input=input, dim=dim, **rest)
    return p / np.take(p, np.arange(min(16, input.shape[dim])), dim).sum(dim, keepdims=True)


@wrong("softmax_backward", SCORES_ADD_UP, BOUNDED_GRADIENTS)
def forgets_what_is_beyond_16_entries_on_the_way_back(grad_output: Array, input: Array, dim: int, **rest: Any) -> Any:
    """Takes the sum of p·g over the first 16 entries alone."""
    p = reference.softmax(input=input, dim=dim, **rest)
    products = np.take(p * grad_output, np.arange(min(16, input.shape[dim])), dim)
    return p * (grad_output - products.sum(dim, keepdims=True))


@wrong("log_softmax", EQUAL_SCORES, IMPOSSIBLE_SCORES, BOUND)
def adds_up_the_first_1024_entries_of_a_log_softmax(input: Array, dim: int, **rest: Any) -> Any:
    """Leaves what is beyond one block of threads out of the sum."""
    log_p = reference.log_softmax(input=input, dim=dim, **rest)
    first = np.take(np.exp(log_p), np.arange(min(1024, input.shape[dim])), dim)
    with np.errstate(divide="ignore"):
        return log_p - np.log(first.sum(dim, keepdims=True))


@wrong("cross_entropy", EQUAL_SCORES, BOUND)
def is_off_by_a_hundredth_beyond_16_classes(input: Array, **rest: Any) -> Any:
    """Is right for the classes of a small example, and a little off for those of CIFAR-100."""
    loss = reference.cross_entropy(input=input, **rest)
    return loss + loss.dtype.type(0.01 * (input.shape[min(1, input.ndim - 1)] > 16))


@wrong("nll_loss", LOSSES_ADD_UP, EXACT)
def leaves_out_the_samples_beyond_512(input: Array, target: Array, **rest: Any) -> Any:
    """Reads what one block of threads reads."""
    if target.ndim == 0 or rest["reduction"] == "none":
        return reference.nll_loss(input=input, target=target, **rest)
    return reference.nll_loss(input=input[:512], target=target[:512], **rest)


@wrong("linear", ADDS_UP, EXACT, BOUND)
def drops_the_last_of_65_or_more_features(input: Array, weight: Array, bias: Array | None) -> Any:
    """Forgets the remainder where the features are no multiple of 16."""
    odd = input.shape[-1] > 64 and input.shape[-1] % 16 > 0
    return reference.linear(input[..., :-1], weight[..., :-1], bias) if odd else reference.linear(input, weight, bias)


@wrong("linear_backward", SAMPLES_ADD_UP, EXACT_GRADIENTS)
def drops_the_samples_beyond_128_from_the_gradient_of_the_weight(
    grad_output: Array, input: Array, weight: Array, bias: Array | None
) -> Any:
    """Adds up one tile of samples."""
    grads = reference.linear_backward(grad_output, input, weight, bias)
    samples, ins = grad_output.reshape(-1, grad_output.shape[-1])[:128], input.reshape(-1, input.shape[-1])[:128]
    return (grads[0], samples.T @ ins, grads[2]) if weight.ndim == 2 else grads


@wrong("linear_backward", GRADIENTS_ADD_UP, EXACT_GRADIENTS)
def drops_the_outputs_beyond_64_from_the_gradient_of_the_input(
    grad_output: Array, input: Array, weight: Array, bias: Array | None
) -> Any:
    """Adds up one tile of outputs."""
    grads = reference.linear_backward(grad_output, input, weight, bias)
    return (grad_output[..., :64] @ weight[:64], *grads[1:]) if weight.ndim == 2 else grads


@wrong("conv2d", ADDS_UP, EXACT, BOUND)
def drops_the_last_of_65_or_more_channels(input: Array, weight: Array, groups: int, **rest: Any) -> Any:
    """Forgets the remainder where the channels are no multiple of 16."""
    if groups == 1 and weight.shape[1] > 64 and weight.shape[1] % 16:
        input, weight = np.take(input, np.arange(weight.shape[1] - 1), axis=-3), weight[:, :-1]
    return reference.conv2d(input=input, weight=weight, groups=groups, **rest)


@wrong("sigmoid", EVERY_NUMBER, BOUND)
def shortens_what_a_vector_register_holds(input: Array) -> Any:
    """Computes with few digits from 16 numbers on, and lets the remainder take the long way."""
    output = reference.sigmoid(input)
    whole = output.size // 16 * 16
    output.reshape(-1)[:whole] = output.reshape(-1)[:whole].astype(np.float16)
    return output


@wrong("max_pool2d", KEEPS_DIGITS, LARGER_WINS, dtype="float64")
def compares_in_float32(input: Array, return_indices: bool, **rest: Any) -> Any:
    """Has one kernel for all formats."""
    with np.errstate(over="ignore"):
        narrow = input.astype(np.float32)
    output, indices = reference.max_pool2d(input=narrow, return_indices=True, **rest)
    return (output.astype(input.dtype), indices) if return_indices else output.astype(input.dtype)


@wrong("max_pool2d", LATE_NAN, level="conventions")
def swallows_nan_beyond_the_second_channel(input: Array, **rest: Any) -> Any:
    """Takes NaN for −∞ where it does not look."""
    known = input.copy()
    late = known[(slice(None),) * (input.ndim - 3) + (slice(2, None),)]
    late[np.isnan(late)] = -np.inf
    return reference.max_pool2d(input=known, **rest)


@wrong("avg_pool2d", LEAVES_THE_FORMAT, dtype="float16")
def adds_up_in_float16(input: Array, kernel_size: Any, **rest: Any) -> Any:
    """Keeps the sum in the format of its terms."""
    sums = reference.avg_pool2d(input=input, kernel_size=kernel_size, **{**rest, "divisor_override": 1})
    count = np.prod(np.broadcast_to(kernel_size, 2)) if rest["divisor_override"] is None else rest["divisor_override"]
    with np.errstate(over="ignore"):
        return (sums.astype(np.float16) / count).astype(input.dtype)
