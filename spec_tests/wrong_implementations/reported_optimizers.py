"""Optimizers with defects that libraries had, each modelled on a public report."""

from collections.abc import Callable
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import wrong

Corrections = Callable[[float, float], tuple[float, float]]


def _stepped(corrections: Corrections, param: Array, **rest: Any) -> Any:
    """Take a step of Adam with other corrections of both averages, made of the right ones."""
    _, state = reference.adam(param=param, **rest)
    first, second = corrections(*(1 - beta ** state["step"] for beta in rest["betas"]))
    square = state["max_exp_avg_sq"] if rest["amsgrad"] else state["exp_avg_sq"]
    with np.errstate(all="ignore"):
        moved = state["exp_avg"] / first / (np.sqrt(square / second) + rest["eps"])
        return (param - rest["lr"] * moved).astype(param.dtype), state


@wrong(
    "adam",
    "test_small_steps_of_every_optimizer_come_closer_to_the_minimum_every_time",
    "test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long",
    report="karpathy/convnetjs#107",
)
def multiplies_by_the_corrections(**arguments: Any) -> Any:
    """Makes both averages smaller where they should become larger."""
    return _stepped(lambda first, second: (1 / first, 1 / second), **arguments)


@wrong(
    "adam",
    "test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long",
    "test_two_steps_of_adam",
    report="eriklindernoren/ML-From-Scratch#35",
)
def corrects_every_step_as_the_first(**arguments: Any) -> Any:
    """Divides by 1 − β, without the number of the step."""
    first, second = (1 - beta for beta in arguments["betas"])
    return _stepped(lambda *_: (first, second), **arguments)


@wrong(
    "adam",
    "test_the_decay_of_adam_can_reverse_a_small_gradient_and_that_of_adamw_cannot",
    "test_without_memory_every_step_is_lr_long",
    report="kozistr/AdaBound-tensorflow#3",
)
def takes_one_less_the_second_correction(**arguments: Any) -> Any:
    """Takes the root of β₂ᵗ, of which the correction is the rest."""
    return _stepped(lambda first, second: (first, 1 / max(1 - second, 1e-30)), **arguments)


@wrong("adam", "test_a_step_of_a_parameter_of_any_size_is_within_its_bound", report="tensorflow/tensorflow#35102")
def corrects_eps_too(param: Array, eps: float, **rest: Any) -> Any:
    """Adds eps to the root before its correction."""
    _, state = reference.adam(param=param, eps=eps, **rest)
    second = 1 - rest["betas"][1] ** state["step"]
    return reference.adam(param=param, eps=eps / second**0.5, **rest)


@wrong(
    "adam",
    "test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long",
    "test_two_steps_of_adam",
    report="allenai/OLMo-core#317",
)
def never_counts_a_step(state: Any, **rest: Any) -> Any:
    """Corrects every step as the first, whose number it never raises."""
    after, new = reference.adam(state={**state, "step": 0} if state else state, **rest)
    return after, new


@wrong(
    "adam",
    "test_the_decay_of_adam_can_reverse_a_small_gradient_and_that_of_adamw_cannot",
    "test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient",
    report="apache/mxnet#5099",
)
def keeps_the_decay_out_of_the_averages(**arguments: Any) -> Any:
    """Decays beside the averages, as AdamW does."""
    return reference.adamw(**arguments)


@wrong(
    "rmsprop",
    "test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient",
    "test_a_step_from_any_state_is_within_its_bound",
    report="apache/mxnet#5099",
)
def keeps_the_decay_out_of_the_mean_square(param: Array, weight_decay: float, lr: float, **rest: Any) -> Any:
    """Decays beside the mean square, which knows nothing of it."""
    return reference.rmsprop(param=param - param.dtype.type(lr * weight_decay) * param, lr=lr, **rest)


@wrong(
    "adamw",
    "test_the_decay_of_adam_can_reverse_a_small_gradient_and_that_of_adamw_cannot",
    "test_with_momentum_0_9_sgd_adam_and_adamw_come_closer_by_root_0_9_a_step",
    report="jettify/pytorch-optimizer#454",
)
def decays_by_a_constant(param: Array, lr: float, weight_decay: float, **rest: Any) -> Any:
    """Takes λ·η off every parameter, whatever its size."""
    return reference.adamw(param=param - param.dtype.type(lr * weight_decay), lr=lr, **{**rest, "weight_decay": 0})


@wrong(
    "adagrad",
    "test_the_nth_step_of_adagrad_along_the_same_gradient_is_lr_over_root_n_long",
    "test_two_steps_of_adagrad",
    report="PaddlePaddle/Paddle#4743",
)
def climbs(param: Array, **rest: Any) -> Any:
    """Adds the step where it should be taken off."""
    after, state = reference.adagrad(param=param, **rest)
    return 2 * param - after, state


@wrong(
    "adagrad",
    "test_lr_decay_divides_the_rate_by_1_and_the_decay_for_every_step_before",
    "test_two_steps_of_adagrad",
    report="eaplatanios/tensorflow_scala#55",
)
def ignores_the_decay_of_the_rate(lr_decay: float, **rest: Any) -> Any:
    """Steps as far as without it."""
    return reference.adagrad(**rest)


@wrong(
    "sgd",
    "test_with_momentum_or_weight_decay_a_gradient_of_zero_moves_a_parameter",
    "test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient",
    report="ml-explore/mlx#440",
)
def decays_with_momentum_alone(momentum: float, weight_decay: float, **rest: Any) -> Any:
    """Returns early where there is no momentum, before the decay."""
    return reference.sgd(momentum=momentum, weight_decay=weight_decay if momentum else 0, **rest)
