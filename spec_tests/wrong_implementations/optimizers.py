"""Optimizers, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import as_in_memory
from spec_tests.wrong_implementations.register import wrong

FIRST_BUFFER = "test_the_first_buffer_of_momentum_is_the_gradient_itself"
SMALLER_FIRST = "test_adamw_is_adam_from_a_parameter_that_was_made_smaller"
CONSTANT = "test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long"
EPS = "test_eps_is_added_to_the_root_not_under_it"
STEP = "test_a_step_from_any_state_is_within_its_bound"


@wrong("sgd", FIRST_BUFFER, report="ml-explore/mlx#473")
def dampens_the_first_gradient_too(grad: Array, state: Any, dampening: float, **rest: Any) -> Any:
    """Starts the momentum from zero."""
    start = {"momentum_buffer": np.zeros_like(grad)} if rest["momentum"] > 0 else {}
    return reference.sgd(grad=grad, state={**start, **state}, dampening=dampening, **rest)


@wrong("sgd", "test_nesterovs_step_is_along_the_gradient_and_the_momentum_after_it", STEP)
def does_not_look_ahead(nesterov: bool, **rest: Any) -> Any:
    """Takes Nesterov's momentum for the ordinary one."""
    return reference.sgd(**rest)


@wrong("sgd", "test_nesterovs_step_is_along_the_gradient_and_the_momentum_after_it", STEP)
def looks_back(param: Array, grad: Array, state: Any, lr: float, nesterov: bool, **rest: Any) -> Any:
    """Adds the momentum of before the step to the gradient."""
    after, new = reference.sgd(param, grad, state, lr, nesterov=nesterov, **rest)
    if not nesterov or not state:
        return after, new
    slope = (-grad if rest["maximize"] else grad) + rest["weight_decay"] * param
    return param - lr * (slope + rest["momentum"] * state["momentum_buffer"]), new


@wrong(
    "sgd",
    FIRST_BUFFER,
    "test_the_learning_rate_scales_the_whole_direction_not_what_went_into_it",
    report="pytorch/pytorch#1099",
)
def keeps_the_steps_instead_of_the_directions(param: Array, state: Any, lr: float, nesterov: bool, **rest: Any) -> Any:
    """Multiplies each gradient by the rate of its own step, which differs once the rate changes."""
    if rest["momentum"] == 0:
        return reference.sgd(param=param, state=state, lr=lr, **rest)
    slope = (-rest["grad"] if rest["maximize"] else rest["grad"]) + rest["weight_decay"] * param
    buffer = rest["momentum"] * state.get("momentum_buffer", 0) + lr * slope
    return param - (lr * slope + rest["momentum"] * buffer if nesterov else buffer), {"momentum_buffer": buffer}


@wrong("sgd", "test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient", STEP)
def turns_the_decay_around_too(param: Array, grad: Array, weight_decay: float, **rest: Any) -> Any:
    """Adds the decay before it turns the gradient around, and so makes parameters larger."""
    return reference.sgd(param=param, grad=grad + weight_decay * param, **rest)


@wrong("sgd", "test_a_step_leaves_its_arguments_alone_and_keeps_their_dtype", level="contracts")
def steps_in_place(param: Array, **rest: Any) -> Any:
    """Writes the next parameter over the last."""
    after, state = reference.sgd(param=param, **rest)
    np.copyto(np.asarray(param), after)
    return after.copy(), state


@wrong("sgd", "test_no_result_of_a_step_shares_memory_with_another_or_with_an_argument", level="contracts")
def keeps_the_gradient_itself(grad: Array, state: Any, **rest: Any) -> Any:
    """Saves the copy of the first gradient, which the next backward pass then writes into."""
    after, new = reference.sgd(grad=grad, state=state, **rest)
    return after, {"momentum_buffer": grad} if new and not state else new


@wrong("adam", CONSTANT, "test_two_steps_of_adam")
def forgets_that_the_mean_began_at_zero(state: Any, betas: tuple[float, float], lr: float, **rest: Any) -> Any:
    """Leaves the correction of the first average out."""
    shorter = 1 - betas[0] ** (state.get("step", 0) + 1)
    return reference.adam(state=state, betas=betas, lr=lr * shorter, **rest)


@wrong("adam", CONSTANT, STEP)
def forgets_that_the_mean_square_began_at_zero(param: Array, **rest: Any) -> Any:
    """Leaves the correction of the second average out, and begins with giant steps."""
    after, state = reference.adam(param=param, **rest)
    missing = np.sqrt(1 - rest["betas"][1] ** state["step"])
    return param + (after - param) / param.dtype.type(missing), state


@wrong("adam", CONSTANT, STEP)
def counts_steps_from_zero(state: Any, **rest: Any) -> Any:
    """Corrects the averages as if they were one step younger, but for the first."""
    after, new = reference.adam(state=state, **rest)
    if state.get("step", 0) == 0:
        return after, new
    younger, _ = reference.adam(state={**state, "step": state["step"] - 1}, **rest)
    return younger, new


@wrong("adam", EPS, report="facebookresearch/higher#71")
def adds_eps_under_the_root(eps: float, **rest: Any) -> Any:
    """Computes √(v̂ + ε)."""
    param, lr = rest["param"], rest["lr"]
    _, state = reference.adam(eps=eps, **rest)
    first, second = (1 - beta ** state["step"] for beta in rest["betas"])
    square = state.get("max_exp_avg_sq", state["exp_avg_sq"]) if rest["amsgrad"] else state["exp_avg_sq"]
    with np.errstate(all="ignore"):
        return param - lr / first * state["exp_avg"] / np.sqrt(square / param.dtype.type(second) + eps), state


@wrong("adam", "test_amsgrad_measures_the_gradient_in_the_largest_mean_square_so_far", STEP)
def keeps_the_largest_mean_square_for_nothing(amsgrad: bool, state: Any, **rest: Any) -> Any:
    """Finds the maximum, and steps like Adam all the same."""
    _, new = reference.adam(amsgrad=amsgrad, state=state, **rest)
    return reference.adam(state=state, **rest)[0], new


@wrong("adam", "test_amsgrad_remembers_the_largest_mean_square", STEP)
def remembers_the_last_mean_square(amsgrad: bool, state: Any, **rest: Any) -> Any:
    """Keeps a maximum with amsgrad, of the last two mean squares only."""
    last = {"max_exp_avg_sq": state["exp_avg_sq"]} if amsgrad and state else {}
    return reference.adam(amsgrad=amsgrad, state={**state, **last}, **rest)


@wrong("adam", STEP, dtype="float64")
def steps_in_float32(param: Array, grad: Array, state: Any, **rest: Any) -> Any:
    """Returns the right dtype with half of its digits."""
    narrow = {name: value if name == "step" else value.astype(np.float32) for name, value in state.items()}
    after, new = reference.adam(param.astype(np.float32), grad.astype(np.float32), narrow, **rest)
    return after.astype(param.dtype), {k: v if k == "step" else v.astype(param.dtype) for k, v in new.items()}


@wrong("adamw", SMALLER_FIRST, "test_steps_that_measure_the_gradient_do_not_notice_its_unit", STEP)
def couples_the_decay_to_the_gradient(**arguments: Any) -> Any:
    """Is Adam, whose decay is measured with the gradient."""
    return reference.adam(**arguments)


@wrong("adamw", SMALLER_FIRST, STEP)
def decays_whatever_the_rate(weight_decay: float, lr: float, **rest: Any) -> Any:
    """Takes λ for the share by which the parameter becomes smaller, where it is lr·λ."""
    param = rest.pop("param")
    return reference.adamw(param * param.dtype.type(1 - weight_decay), lr=lr, weight_decay=0, **rest)


@wrong("adamw", SMALLER_FIRST, STEP, report="aiqm/torchani#261")
def decays_after_the_step(weight_decay: float, lr: float, **rest: Any) -> Any:
    """Makes the parameter smaller where it has stepped to."""
    after, state = reference.adamw(lr=lr, weight_decay=0, **rest)
    return after * after.dtype.type(1 - lr * weight_decay), state


@wrong("rmsprop", "test_centering_never_makes_a_step_of_rmsprop_shorter", STEP)
def does_not_center(centered: bool, **rest: Any) -> Any:
    """Keeps the mean gradient, and measures in the root mean square all the same."""
    after, state = reference.rmsprop(**rest)
    return after, state | reference.rmsprop(centered=centered, **rest)[1]


@wrong("rmsprop", EPS, STEP)
def adds_eps_under_the_root_mean_square(param: Array, grad: Array, lr: float, eps: float, **rest: Any) -> Any:
    """Computes √(s + ε), where nothing else is asked for."""
    after, state = reference.rmsprop(param, grad, lr=lr, eps=eps, **rest)
    if any(rest[option] for option in ("weight_decay", "momentum", "centered", "maximize")):
        return after, state
    with np.errstate(all="ignore"):
        return param - lr * grad / np.sqrt(state["square_avg"] + eps), state


@wrong("rmsprop", "test_the_momentum_of_rmsprop_adds_up_gradients_that_have_been_measured", STEP)
def measures_the_momentum(momentum: float, state: Any, grad: Array, **rest: Any) -> Any:
    """Adds gradients up as they are, and measures their sum."""
    buffer = momentum * state.get("momentum_buffer", 0) + grad
    plain = {name: value for name, value in state.items() if name != "momentum_buffer"}
    root = reference.rmsprop(state=plain, grad=grad, **rest)[1]
    after, _ = reference.rmsprop(state=plain, grad=buffer, **rest)
    return after, {**root, "momentum_buffer": buffer} if momentum > 0 else root


@wrong("adagrad", "test_the_nth_step_of_adagrad_along_the_same_gradient_is_lr_over_root_n_long", STEP)
def forgets_earlier_squares(state: Any, **rest: Any) -> Any:
    """Measures every gradient in itself."""
    forgotten = {name: value if name == "step" else 0 * value for name, value in state.items()}
    return reference.adagrad(state=forgotten, **rest)


@wrong("adagrad", "test_lr_decay_divides_the_rate_by_1_and_the_decay_for_every_step_before", STEP)
def decays_the_rate_of_the_first_step_already(lr: float, lr_decay: float, state: Any, **rest: Any) -> Any:
    """Counts the step itself among those before it."""
    rate = lr / (1 + (state.get("step", 0) + 1) * lr_decay)
    return reference.adagrad(lr=rate, state=state, **rest)


@wrong("adagrad", "test_adagrad_adds_up_all_squares_on_top_of_its_initial_value", STEP)
def begins_the_sum_at_zero(initial_accumulator_value: float, **rest: Any) -> Any:
    """Ignores the initial value."""
    return reference.adagrad(**rest)


IN_ANY_ORDER = "test_a_step_does_not_depend_on_the_order_of_its_arrays_in_memory"


@wrong("sgd", IN_ANY_ORDER, level="contracts")
def writes_the_memory_of_the_parameter_in_order(param: Array, **rest: Any) -> Any:
    """Runs through the memory from its beginning, whatever the strides of the parameter say."""
    memory = param.ravel(order="K")
    after, state = reference.sgd(param=memory.reshape(param.shape), **rest)
    return after, state


@wrong("adam", IN_ANY_ORDER, level="contracts")
def reads_the_memory_of_the_gradient_in_order(grad: Array, **rest: Any) -> Any:
    """Takes the gradient to lie in memory as the parameter does."""
    return reference.adam(grad=as_in_memory(grad), **rest)
