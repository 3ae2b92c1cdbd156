"""The L1 and the mean squared error, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong


@wrong("mse_loss", "test_a_weight_that_is_the_same_everywhere_changes_nothing")
def divides_by_the_number_of_samples(input: Array, reduction: str, **rest: Any) -> Any:
    """Adds the squared errors of a sample up, and averages only over the samples."""
    loss = reference.mse_loss(input=input, reduction=reduction.replace("mean", "sum"), **rest)
    return loss / input.dtype.type(len(np.atleast_1d(input))) if reduction == "mean" else loss


@wrong("mse_loss", "test_a_weight_that_is_the_same_everywhere_changes_nothing")
def divides_the_weighted_sum_by_the_number_of_elements(reduction: str, **rest: Any) -> Any:
    """Averages weighted errors as if all weights were 1."""
    loss = reference.mse_loss(reduction=reduction.replace("mean", "none"), **rest)
    return loss.mean() if reduction == "mean" else loss


@wrong(
    "mse_loss_backward",
    "test_the_gradients_of_a_loss_round_within_their_bounds",
    "test_what_gradients_leave_of_a_step_falls_with_slope_2_when_it_is_halved",
)
def forgets_that_the_weight_divides_too(grad_output: Array, weight: Array | None, reduction: str, **rest: Any) -> Any:
    """Takes the divisor of the weighted mean for a constant."""
    options = {"weight": weight, **rest}
    grads = reference.mse_loss_backward(grad_output, reduction=reduction, **options)
    if weight is None or reduction != "mean":
        return grads
    return *grads[:2], reference.mse_loss_backward(grad_output / weight.sum(), reduction="sum", **options)[2]


@wrong("l1_loss_backward", "test_at_the_kink_and_at_nan_the_slope_is_0", level="conventions")
def takes_the_slope_at_the_kink_to_be_1(input: Array, **rest: Any) -> Any:
    """Knows only −1 and 1."""
    return reference.l1_loss_backward(input=np.nextafter(input, input.dtype.type(np.inf)), **rest)


@wrong("l1_loss_backward", "test_exchanging_prediction_and_truth_exchanges_their_gradients")
def gives_the_truth_the_gradient_of_the_prediction(**arguments: Any) -> Any:
    """Forgets the minus."""
    grad_input, grad_target, grad_weight = reference.l1_loss_backward(**arguments)
    return grad_input, None if grad_target is None else -grad_target, grad_weight
