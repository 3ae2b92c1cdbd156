"""Layer normalization, wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

BOUND = "test_layer_norm_rounds_within_its_bound"
BY_HAND = "test_a_sample_less_its_mean_is_divided_by_the_root_of_variance_and_eps"
VARIANCE = "test_every_sample_leaves_with_variance_1_less_the_share_of_eps"
STEPS = "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow"


@wrong("layer_norm", BY_HAND, VARIANCE, BOUND, report="codertimo/BERT-pytorch#30")
def divides_a_sample_by_its_unbiased_deviation(input: Array, normalized_shape: Any, **rest: Any) -> Any:
    """Divides the squares by N − 1, as `Tensor.var()` does."""
    count = int(np.prod(normalized_shape))
    scale = np.sqrt((count - 1) / count) if count > 1 else 1.0
    plain = reference.layer_norm(input, normalized_shape, eps=rest["eps"])
    weight = 1 if rest["weight"] is None else rest["weight"]
    bias = 0 if rest["bias"] is None else rest["bias"]
    return np.asarray(plain * scale * weight + bias, input.dtype)


@wrong("layer_norm", "test_every_sample_is_normalized_by_itself", BOUND)
def normalizes_over_the_whole_array(input: Array, normalized_shape: Any, **rest: Any) -> Any:
    """Takes one mean and one variance of all samples together."""
    normal = reference.layer_norm(input.reshape(-1), (input.size,), eps=rest["eps"]).reshape(input.shape)
    weight = 1 if rest["weight"] is None else rest["weight"]
    bias = 0 if rest["bias"] is None else rest["bias"]
    return np.asarray(normal * weight + bias, input.dtype)


@wrong("layer_norm", "test_the_weight_scales_and_the_bias_shifts_what_has_been_normalized", BOUND)
def adds_the_bias_before_it_scales(weight: Array | None, bias: Array | None, **rest: Any) -> Any:
    """Scales the bias, too."""
    shifted = reference.layer_norm(weight=None, bias=bias, **rest)
    return shifted if weight is None else shifted * weight


@wrong("layer_norm_backward", "test_the_gradient_of_a_sample_loses_what_would_shift_or_stretch_it", STEPS)
def forgets_that_the_variance_of_a_sample_moves(grad_output: Array, input: Array, **rest: Any) -> Any:
    """Takes off the gradient what would shift the sample, and not what would stretch it."""
    grads = reference.layer_norm_backward(grad_output, input, **rest)
    over = tuple(range(-len(rest["normalized_shape"]), 0))
    deviation = np.sqrt(input.var(axis=over, keepdims=True) + rest["eps"])
    g = grad_output if rest["weight"] is None else grad_output * rest["weight"]
    return np.asarray((g - g.mean(axis=over, keepdims=True)) / deviation, input.dtype), *grads[1:]


@wrong("layer_norm_backward", "test_the_gradient_of_the_bias_is_the_sum_of_grad_output_over_the_samples")
def takes_the_gradient_of_the_bias_from_the_first_sample(grad_output: Array, bias: Array | None, **rest: Any) -> Any:
    """Leaves the other samples out."""
    *grads, grad_bias = reference.layer_norm_backward(grad_output, bias=bias, **rest)
    samples = grad_output.reshape(-1, *rest["normalized_shape"])
    return *grads, None if grad_bias is None else samples[0].copy()
