"""Gradients that are wrong only when some are asked for and others are not, and second gradients that lack a term."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array
from spec_tests.vocabulary.second_gradients import of_the_references
from spec_tests.wrong_implementations.batch_norm import takes_the_batch_for_constants
from spec_tests.wrong_implementations.register import wrong

PRODUCTS = "test_gradients_of_products_are_the_same_alone_in_pairs_and_all_at_once"
PATHS = "test_on_the_paths_of_real_networks_gradients_of_conv_do_not_depend_on_the_others"
ROUNDING = "test_gradients_alone_or_in_pairs_are_those_of_all_at_once_but_for_rounding"
ORDER = "test_the_order_in_which_gradients_are_asked_for_is_the_order_they_come_in"
STEP_TWICE = "test_second_gradients_say_exactly_what_a_step_changes_where_nothing_bends"


def some(operation: str, wanted: tuple[str, ...], arguments: dict[str, Any]) -> dict[str, Array]:
    """Return the right gradients by argument."""
    grads = getattr(reference, f"{operation}_backward")(**arguments)
    named = dict(zip(GRADIENTS[operation], grads, strict=True))
    return {name: named[name] for name in wanted}


@wrong("conv2d_gradients_of", PRODUCTS, PATHS)
def forgets_to_turn_the_kernel_for_the_input_alone(wanted: tuple[str, ...], weight: Array, **rest: Any) -> Any:
    """Takes a shortcut where no gradient of the weight is asked for, and convolves with the kernel as it is."""
    kernel = weight if "weight" in wanted else np.flip(weight, (2, 3))
    return tuple(some("conv2d", wanted, {"weight": kernel, **rest}).values())


@wrong("conv2d_gradients_of", PRODUCTS, PATHS)
def keeps_no_input_for_the_gradient_of_the_weight(wanted: tuple[str, ...], input: Array, **rest: Any) -> Any:
    """Frees the first image where its gradient is not asked for, though the weight's needs it."""
    kept = input if "input" in wanted else np.concatenate([0 * input[:1], input[1:]])
    return tuple(some("conv2d", wanted, {"input": kept, **rest}).values())


@wrong("linear_gradients_of", PRODUCTS)
def averages_the_gradient_of_the_bias_alone(wanted: tuple[str, ...], grad_output: Array, **rest: Any) -> Any:
    """Takes the mean over the samples for their sum where nothing else is asked for."""
    grads = some("linear", wanted, {"grad_output": grad_output, **rest})
    rows = grad_output.size // grad_output.shape[-1]
    return tuple(grad / grad.dtype.type(rows) if wanted == ("bias",) else grad for grad in grads.values())


@wrong("batch_norm_gradients_of", ROUNDING)
def takes_the_batch_for_constants_for_the_input_alone(wanted: tuple[str, ...], **rest: Any) -> Any:
    """Takes mean and variance for constants where the weight asks for nothing."""
    if wanted != ("input",):
        return tuple(some("batch_norm", wanted, rest).values())
    return takes_the_batch_for_constants(**rest)[:1]


@wrong("cross_entropy_gradients_of", ROUNDING)
def forgets_the_weight_in_the_gradient_of_the_target_alone(
    wanted: tuple[str, ...], weight: Array | None, **rest: Any
) -> Any:
    """Weighs the classes only where the scores ask for their gradient."""
    ones = weight if weight is None or "input" in wanted or "weight" in wanted else np.ones_like(weight)
    return tuple(some("cross_entropy", wanted, {"weight": ones, **rest}).values())


@wrong("mse_loss_gradients_of", ORDER, ROUNDING)
def returns_gradients_in_its_own_order(wanted: tuple[str, ...], **rest: Any) -> Any:
    """Returns the target's gradient before the input's."""
    return tuple(some("mse_loss", tuple(sorted(wanted, reverse=True)), rest).values())


@wrong("conv2d_double_backward", STEP_TWICE)
def drops_the_weight_from_the_change_of_the_output(vectors: dict[str, Array], weight: Array, **rest: Any) -> Any:
    """Returns f(v of x, w) for the second gradient of grad_output, without f(x, v of w)."""
    others = {name: value for name, value in vectors.items() if name != "weight"}
    right = of_the_references("conv2d", vectors, {"weight": weight, **rest})
    return {**right, "grad_output": of_the_references("conv2d", others, {"weight": weight, **rest})["grad_output"]}


@wrong("linear_double_backward", STEP_TWICE)
def takes_the_gradient_of_the_weight_for_a_constant(vectors: dict[str, Array], **rest: Any) -> Any:
    """Detaches the gradient of the weight, which changes with the input."""
    right = of_the_references("linear", vectors, rest)
    return {**right, "input": 0 * right["input"]}
