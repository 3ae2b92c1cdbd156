"""Losses for classes, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

ALL_IGNORED = "test_with_all_targets_ignored_the_mean_is_nan_and_the_sum_0"
ALL_IGNORED_GRADIENT = "test_with_all_targets_ignored_the_gradient_is_0"
SMOOTHED = "test_label_smoothing_shares_the_target_among_all_classes_and_their_weights"
CLASS_GRADIENTS = "test_the_gradients_of_cross_entropy_and_nll_loss_round_within_their_bounds"


@wrong("nll_loss", "test_weights_that_are_all_the_same_change_nothing_in_the_mean")
def averages_over_the_samples_and_not_their_weights(reduction: str, **rest: Any) -> Any:
    """Divides the weighted sum by the number of samples that count."""
    if reduction != "mean":
        return reference.nll_loss(reduction=reduction, **rest)
    counted = (rest["target"] != rest["ignore_index"]).sum()
    with np.errstate(all="ignore"):
        return reference.nll_loss(reduction="sum", **rest) / rest["input"].dtype.type(counted)


@wrong(
    "nll_loss",
    "test_an_ignored_sample_counts_neither_in_the_sum_nor_in_the_means_divisor",
)
def divides_by_the_ignored_samples_too(reduction: str, **rest: Any) -> Any:
    """Leaves ignored samples out of the sum, and counts them in the mean."""
    if reduction != "mean" or rest["weight"] is not None:
        return reference.nll_loss(reduction=reduction, **rest)
    with np.errstate(all="ignore"):
        return reference.nll_loss(reduction="sum", **rest) / rest["input"].dtype.type(rest["target"].size)


@wrong("nll_loss", ALL_IGNORED, level="conventions")
def says_that_the_mean_of_nothing_is_zero(**arguments: Any) -> Any:
    """Guards the division."""
    return np.nan_to_num(reference.nll_loss(**arguments))


@wrong("nll_loss_backward", ALL_IGNORED_GRADIENT, CLASS_GRADIENTS)
def gives_ignored_samples_a_gradient(target: Array, ignore_index: int, **rest: Any) -> Any:
    """Takes an ignored sample for one of the first class on the way back."""
    known = np.where(target == ignore_index, 0, target)
    return reference.nll_loss_backward(target=known, **rest)


@wrong("cross_entropy", "test_scores_whose_powers_overflow_have_a_loss_all_the_same")
def takes_the_powers_of_large_scores_in_a_loss(input: Array, **rest: Any) -> Any:
    """Does not subtract the maximum, and overflows."""
    with np.errstate(all="ignore"):
        powers = np.exp(input).sum(min(1, input.ndim - 1), keepdims=True)
        return reference.cross_entropy(input=input - np.log(powers), **rest)


@wrong("cross_entropy", SMOOTHED)
def smooths_without_the_weights_of_the_classes(weight: Array | None, label_smoothing: float, **rest: Any) -> Any:
    """Adds the same part of every class's loss, whatever its weight."""
    sharp = reference.cross_entropy(weight=weight, **rest)
    return (1 - label_smoothing) * sharp + label_smoothing * reference.cross_entropy(label_smoothing=1.0, **rest)


@wrong("cross_entropy", SMOOTHED, report="mindspore-ai/mindspore#73")
def smooths_over_the_other_classes_only(input: Array, label_smoothing: float, **rest: Any) -> Any:
    """Leaves the true class out where the smoothed part is shared out."""
    classes = input.shape[min(1, input.ndim - 1)]
    share = label_smoothing * classes / max(classes - 1, 1)
    return reference.cross_entropy(input=input, label_smoothing=min(share, 1.0), **rest)


@wrong(
    "cross_entropy_backward",
    CLASS_GRADIENTS,
    "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow",
)
def forgets_the_smoothing_on_the_way_back(label_smoothing: float, **rest: Any) -> Any:
    """Returns the gradient of the loss without smoothing."""
    return reference.cross_entropy_backward(**rest)


@wrong(
    "cross_entropy_backward",
    CLASS_GRADIENTS,
    "test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow",
)
def returns_no_gradient_for_class_probabilities(**arguments: Any) -> Any:
    """Takes every target for a constant."""
    return reference.cross_entropy_backward(**arguments)[0], None, None
