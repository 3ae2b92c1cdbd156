"""Losses with defects that libraries had, each modelled on a public report."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong


@wrong(
    "mse_loss",
    "test_a_loss_of_arguments_times_a_power_of_two_is_multiplied_by_it",
    "test_the_square_is_the_absolute_error_times_itself",
    report="pytorch/pytorch#10009",
)
def reduces_errors_that_it_should_leave(reduction: str, **rest: Any) -> Any:
    """Takes the mean, though every error is asked for."""
    return reference.mse_loss(reduction="mean" if reduction == "none" else reduction, **rest)


@wrong(
    "mse_loss_backward",
    "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow",
    "test_gradients_of_squared_errors_leave_exactly_the_square_of_a_step",
    report="flagos-ai/FlagGems#5212",
)
def reads_beyond_the_gradient_of_a_single_loss(input: Array, target: Array, reduction: str, **rest: Any) -> Any:
    """Reads a gradient for every error where there is one for all: the first is right, the others meet zeros."""
    grads = reference.mse_loss_backward(input=input, target=target, reduction=reduction, **rest)
    if reduction != "none":
        for grad in grads[:2]:
            np.asarray(grad).reshape(-1)[1:] = 0
    return grads


@wrong(
    "cross_entropy",
    "test_an_ignored_sample_does_not_count_whatever_is_weighted_or_smoothed",
    "test_cross_entropy_and_nll_loss_round_within_their_bounds",
    report="pytorch/pytorch#73205",
)
def smooths_samples_that_are_ignored(
    input: Array, target: Array, weight: Array | None, label_smoothing: float, ignore_index: int, **rest: Any
) -> Any:
    """Leaves the class of an ignored sample out, but not its share in all classes."""
    options = {**rest, "weight": weight, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    right = reference.cross_entropy(input, target, **options)
    ignored = target == ignore_index
    if target.dtype.kind == "f" or not label_smoothing or not ignored.any():
        return right
    alike = np.full_like(input, 1 / input.shape[min(1, input.ndim - 1)])
    losses = reference.cross_entropy(input, alike, weight=weight, reduction="none") * ignored
    if rest["reduction"] == "none":
        return right + losses.astype(input.dtype) * input.dtype.type(label_smoothing)
    total = reference.cross_entropy(input, target, **{**options, "reduction": "sum"})
    return right + input.dtype.type(label_smoothing) * losses.sum(dtype=input.dtype) * (right / total)


@wrong(
    "cross_entropy",
    "test_an_ignored_sample_does_not_count_whatever_is_weighted_or_smoothed",
    error=IndexError,
    report="pytorch/pytorch#69339",
)
def looks_the_weight_of_an_ignored_class_up(
    target: Array, weight: Array | None, label_smoothing: float, ignore_index: int, **rest: Any
) -> Any:
    """Breaks down where samples are ignored, classes weighted and labels smoothed."""
    options = {**rest, "weight": weight, "ignore_index": ignore_index, "label_smoothing": label_smoothing}
    if weight is not None and label_smoothing and target.dtype.kind != "f" and rest["reduction"] == "mean":
        weight[target]  # which is an IndexError for an ignored class that there is not
    return reference.cross_entropy(target=target, **options)


@wrong(
    "cross_entropy_backward",
    "test_an_ignored_sample_gets_no_gradient_and_changes_no_other",
    "test_the_gradient_of_many_scores_adds_up_to_0",
    report="PaddlePaddle/Paddle#28622",
)
def gives_ignored_samples_a_gradient_in_a_cross_entropy(
    input: Array, target: Array, ignore_index: int, **rest: Any
) -> Any:
    """Leaves the loss of an ignored sample out, and lets its scores go back all the same."""
    grads = reference.cross_entropy_backward(input=input, target=target, ignore_index=ignore_index, **rest)
    if target.dtype.kind == "f" or not (target == ignore_index).any():
        return grads
    ignored = np.expand_dims(target == ignore_index, min(1, input.ndim - 1))
    options = {**rest, "ignore_index": -100, "target": np.where(target == ignore_index, 0, target)}
    astray, *_ = reference.cross_entropy_backward(input=input, **options)
    return np.where(ignored, astray, grads[0]), *grads[1:]


@wrong(
    "l1_loss",
    "test_long_sums_of_one_sign_stay_within_the_worst_case",
    "test_wide_inputs_round_within_their_bound",
    dtype="float16",
    report="chainer/chainer#6702",
)
def adds_errors_up_in_half(input: Array, target: Array, reduction: str, weight: Array | None) -> Any:
    """Keeps the sum of the errors in the format of its terms."""
    right = reference.l1_loss(input, target, reduction=reduction, weight=weight)
    if reduction != "mean" or weight is not None:
        return right
    with np.errstate(over="ignore"):
        total = np.asarray(reference.l1_loss(input, target, reduction="sum")).astype(np.float16)
        return (total / np.float16(np.broadcast(input, target).size)).astype(right.dtype)


@wrong(
    "cross_entropy",
    "test_without_a_reduction_named_the_loss_of_a_batch_is_the_mean_over_its_samples",
    "test_a_sample_costs_minus_its_score_plus_the_log_of_the_sum_of_all_exponentials",
    dtype="float16",
    report="pytorch/pytorch#85791",
)
def adds_losses_up_in_half(reduction: str, **rest: Any) -> Any:
    """Keeps the sum of the losses in the format of its terms."""
    right = reference.cross_entropy(reduction=reduction, **rest)
    if reduction != "mean":
        return right
    total = reference.cross_entropy(reduction="sum", **rest)
    with np.errstate(all="ignore"):
        return (np.asarray(total).astype(np.float16) * (right / total)).astype(right.dtype)
