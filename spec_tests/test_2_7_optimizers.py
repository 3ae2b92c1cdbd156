"""2.7 Optimizers: one step each, from a parameter and its gradient to the next parameter.

A step is `optimizer(param, grad, state, **options)` and returns parameter and state; the state is empty at first.
What follows from the formulas alone comes first. Then every step, and every trace of torch's own optimizers in each of
its implementations, lies within the rounding error that `optimizer_bounds` derives for it.
"""

import inspect
import io
from functools import partial
from itertools import combinations, product
from math import ceil, log, sqrt

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from reference.optim import step as step_all
from spec_tests.vocabulary import ledger, optimizer_bounds
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.levels import contracts, conventions, refusals, values
from spec_tests.vocabulary.operations import OPTIMIZERS
from spec_tests.vocabulary.operations.optimizers import FLAG, options_of
from spec_tests.vocabulary.optimizer_bounds import run_steps
from spec_tests.vocabulary.problems import SEEDS, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import torch, torchs_optimizer

# What the tests draw

RATES = (0.25, 0.1, 0.003)
SHAPES = ((), (1,), (3, 7), (2, 2), (5,))  # 21 numbers are more than a vector register holds, and no multiple of it


def calls(operation, _):
    """Draw the options of an optimizer, all its switches crossed with each other, beside its name."""
    return st.tuples(st.just(operation), OPTIMIZERS[operation].options)


def drawn(seed, shape, gradients, dtype, numbers=real_numbers):
    """Return a parameter and some gradients of this shape."""
    rng = np.random.default_rng(seed)
    param, *grads = [np.asarray(numbers(rng, shape)).astype(dtype) for _ in range(1 + gradients)]
    return param, grads


def assert_same(actual, expected):
    """Require the same parameter and state, exactly."""
    assert_equal(actual[0], expected[0])
    assert actual[1].keys() == expected[1].keys()
    for name, value in expected[1].items():
        assert_equal(np.asarray(actual[1][name]), value)


def arrays_of(state):
    """Return what a state holds but for the number of steps."""
    return {name: value for name, value in state.items() if name != "step"}


# By hand: powers of two, so that nothing rounds

TWO, FOUR, EIGHT = (np.array([number]) for number in (2.0, 4.0, 8.0))


@pytest.mark.claim("2.7.b")
@values("sgd")
def test_gradient_descent_steps_lr_times_the_gradient_against_it(implementation):
    after, state = implementation.sgd(TWO, FOUR, {}, lr=0.25)

    assert_equal(after, np.array([2 - 0.25 * 4]))
    assert not state


@pytest.mark.claim("2.7.b")
@values("sgd")
def test_momentum_keeps_a_part_of_the_last_direction(implementation):
    after, state = run_steps(implementation.sgd, TWO, [FOUR, TWO], lr=0.25, momentum=0.5)

    first, second = 4, 0.5 * 4 + 2
    assert_equal(after, np.array([2 - 0.25 * first - 0.25 * second]))
    assert_equal(state["momentum_buffer"], np.array([second * 1.0]))


@pytest.mark.claim("2.7.b")
@values("sgd")
def test_nesterovs_momentum_looks_one_step_ahead(implementation):
    after, state = run_steps(implementation.sgd, TWO, [FOUR, TWO], lr=0.25, momentum=0.5, nesterov=True)

    first, second = 4, 0.5 * 4 + 2
    assert_equal(after, np.array([2 - 0.25 * (4 + 0.5 * first) - 0.25 * (2 + 0.5 * second)]))
    assert_equal(state["momentum_buffer"], np.array([second * 1.0]))


@values("sgd")
def test_dampening_takes_a_part_off_every_gradient_but_the_first(implementation):
    after, _ = run_steps(implementation.sgd, TWO, [FOUR, TWO], lr=0.25, momentum=0.5, dampening=0.25)

    first, second = 4, 0.5 * 4 + (1 - 0.25) * 2
    assert_equal(after, np.array([2 - 0.25 * first - 0.25 * second]))


@pytest.mark.claim("2.7.b")
@values("adam")
def test_two_steps_of_adam(implementation):
    after, state = run_steps(
        implementation.adam, TWO, [np.array([6.0]), np.array([-1.0])], lr=0.75, betas=(0.5, 0.75), eps=0.0
    )

    mean = 0.5 * (0.5 * 6) + 0.5 * -1
    square = 0.75 * (0.25 * 6**2) + 0.25 * (-1) ** 2
    root = sqrt(square / (1 - 0.75**2))
    assert (mean, square, root) == (1, 7, 4)
    assert_equal(after, np.array([2 - 0.75 * 1 - 0.75 / (1 - 0.5**2) * mean / root]))  # the first is lr long
    assert_equal(state["exp_avg"], np.array([1.0]))
    assert_equal(state["exp_avg_sq"], np.array([7.0]))


@pytest.mark.claim("2.7.l")
@values("sgd", "adam", "rmsprop")
@pytest.mark.parametrize(("optimizer", "steps"), [("sgd", [0.01, 1]), ("adam", [0.01, 0.01]), ("rmsprop", [0.1, 0.1])])
def test_first_steps_of_adam_and_rmsprop_are_as_long_whatever_the_gradient(implementation, optimizer, steps):
    start = np.array([0.0])

    places = [getattr(implementation, optimizer)(start, np.array([g]), {}, lr=0.01)[0] for g in (1.0, 100.0)]

    assert [round(-float(place[0]), 6) for place in places] == steps


@values("adam")
def test_amsgrad_measures_the_gradient_in_the_largest_mean_square_so_far(implementation):
    after, state = run_steps(implementation.adam, TWO, [EIGHT, TWO], lr=0.25, betas=(0.0, 0.0), eps=0.0, amsgrad=True)

    assert_equal(after, np.array([2 - 0.25 * 8 / 8 - 0.25 * 2 / 8]))
    assert (state["exp_avg_sq"], state["max_exp_avg_sq"]) == (2**2, 8**2)


@pytest.mark.claim("2.7.b")
@values("rmsprop")
def test_two_steps_of_rmsprop(implementation):
    after, state = run_steps(implementation.rmsprop, TWO, [EIGHT, FOUR], lr=0.25, alpha=0.75, eps=4.0)

    first, second = 0.25 * 8**2, 0.75 * (0.25 * 8**2) + 0.25 * 4**2
    assert first == second == 16
    assert_equal(after, np.array([2 - 0.25 * 8 / (sqrt(first) + 4) - 0.25 * 4 / (sqrt(second) + 4)]))
    assert_equal(state["square_avg"], np.array([16.0]))


@values("rmsprop")
def test_centered_rmsprop_measures_the_gradient_in_its_standard_deviation(implementation):
    after, state = implementation.rmsprop(TWO, FOUR, {}, lr=0.25, alpha=0.5, eps=0.0, centered=True)

    mean, square = 0.5 * 4, 0.5 * 4**2
    assert_equal(after, np.array([2 - 0.25 * 4 / sqrt(square - mean**2)]))
    assert_equal(state["grad_avg"], np.array([2.0]))


@values("rmsprop")
def test_the_momentum_of_rmsprop_adds_up_gradients_that_have_been_measured(implementation):
    after, state = run_steps(implementation.rmsprop, TWO, [EIGHT, FOUR], lr=0.25, alpha=0.75, eps=0.0, momentum=0.5)

    first, second = 8 / 4, 0.5 * (8 / 4) + 4 / 4
    assert_equal(after, np.array([2 - 0.25 * first - 0.25 * second]))
    assert_equal(state["momentum_buffer"], np.array([second]))


@values("adagrad")
def test_two_steps_of_adagrad(implementation):
    after, state = run_steps(implementation.adagrad, TWO, [np.array([3.0]), FOUR], lr=1.25, lr_decay=1, eps=0.0)

    assert_equal(after, np.array([2 - 1.25 * 3 / sqrt(9) - 1.25 / (1 + 1) * 4 / sqrt(9 + 16)]))
    assert_equal(state["sum"], np.array([25.0]))


@values("adagrad")
def test_adagrad_may_begin_with_squares_to_shorten_its_first_steps(implementation):
    after, state = implementation.adagrad(TWO, FOUR, {}, lr=1.25, initial_accumulator_value=9.0, eps=3.0)

    assert_equal(after, np.array([2 - 1.25 * 4 / (sqrt(9 + 16) + 3)]))
    assert_equal(state["sum"], np.array([25.0]))


# Laws of gradient descent


def every(count, dtype):
    """Return every combination of so many whole numbers from -4 to 4, as arrays."""
    return np.mgrid[(slice(-4, 5),) * count].reshape(count, -1).astype(dtype)


some_momentum = pytest.mark.parametrize("momentum", [0.25, 0.5, 0.75])


@values("sgd")
@float32_only
@pytest.mark.parametrize("lr", [0.25, 0.5, 2.0])
def test_without_momentum_sgd_is_gradient_descent_and_remembers_nothing(subject, dtype, lr):
    param, grad = every(2, dtype)

    after, state = subject.sgd(param, grad, {}, lr=lr)

    assert_equal(after, param - lr * grad)
    assert state == {}


@pytest.mark.claim("2.7.b")
@values("sgd")
@float32_only
@some_momentum
@pytest.mark.parametrize("dampening", [0.0, 0.25, 1.0])
def test_the_first_buffer_of_momentum_is_the_gradient_itself(subject, dtype, momentum, dampening):
    param, grad = every(2, dtype)

    after, state = subject.sgd(param, grad, {}, lr=0.5, momentum=momentum, dampening=dampening)

    assert_equal(state["momentum_buffer"], grad)
    assert_equal(after, param - 0.5 * grad)


@values("sgd")
@float32_only
@some_momentum
@pytest.mark.parametrize("lr", [0.25, 0.5])
def test_the_learning_rate_scales_the_whole_direction_not_what_went_into_it(subject, dtype, momentum, lr):
    param, earlier, grad = every(3, dtype)
    _, state = subject.sgd(param, earlier, {}, lr=2.0, momentum=momentum)

    after, state = subject.sgd(param, grad, state, lr=lr, momentum=momentum)

    assert_equal(state["momentum_buffer"], momentum * earlier + grad)
    assert_equal(after, param - lr * state["momentum_buffer"])


@pytest.mark.claim("2.7.b")
@values("sgd")
@float32_only
@some_momentum
def test_nesterovs_step_is_along_the_gradient_and_the_momentum_after_it(subject, dtype, momentum):
    param, earlier, grad = every(3, dtype)
    state = {"momentum_buffer": earlier}

    after, ahead = subject.sgd(param, grad, state, lr=0.5, momentum=momentum, nesterov=True)

    assert_equal(ahead["momentum_buffer"], momentum * earlier + grad)
    assert_equal(after, param - 0.5 * (grad + momentum * ahead["momentum_buffer"]))


@pytest.mark.claim("2.7.f")
@values("sgd")
@float32_only
@some_momentum
def test_with_momentum_or_weight_decay_a_gradient_of_zero_moves_a_parameter(subject, dtype, momentum):
    param, earlier = every(2, dtype)

    coasting, _ = subject.sgd(param, 0 * param, {"momentum_buffer": earlier}, lr=0.5, momentum=momentum)
    decaying, _ = subject.sgd(param, 0 * param, {}, lr=0.5, weight_decay=0.5)

    assert_equal(coasting, param - 0.5 * momentum * earlier)
    assert_equal(decaying, param - 0.5 * 0.5 * param)


# Laws of all of them


def from_some_state(subject, call, seed, dtype, numbers=whole_numbers, shape=(2, 2)):
    """Return a step to take from where two earlier steps led: parameter, gradient and state, and the step itself."""
    operation, options = call
    step = partial(getattr(subject, operation), lr=0.25)
    param, [*earlier, grad] = drawn(seed, shape, 3, dtype, numbers)
    _, state = run_steps(step, param, earlier, **options)
    return param, grad, state, step, options


@values(*OPTIMIZERS)
@for_all(call=calls, seed=SEEDS)
def test_to_maximize_is_to_follow_the_gradient_turned_around(subject, dtype, call, seed):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype, real_numbers)

    up = step(param, grad, state, **options | {"maximize": True})

    assert_same(up, step(param, -grad, state, **options | {"maximize": False}))


@values("sgd", "adam", "rmsprop", "adagrad")
@for_all(call=calls, seed=SEEDS, decay=st.sampled_from([0.5, 1.0]))
def test_weight_decay_adds_a_part_of_the_parameter_to_the_gradient(subject, dtype, call, seed, decay):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype, real_numbers)
    param, grad = np.round(param), np.round(grad)  # so that their sum does not round

    decayed = step(param, grad, state, **options | {"weight_decay": decay})

    grad = (-grad if options["maximize"] else grad) + decay * param
    assert_same(decayed, step(param, grad, state, **options | {"weight_decay": 0, "maximize": False}))


@conventions(*OPTIMIZERS)
def test_without_weight_decay_an_infinite_parameter_gets_into_no_state(subject, operation):
    param, grad = np.array([np.inf, -np.inf, 1.0]), np.array([1.0, 2.0, 3.0])
    options = ALL_OF_THE_STATE[operation] | {"lr": 0.25, "weight_decay": 0}

    after, state = getattr(subject, operation)(param, grad, {}, **options)

    assert_equal(after[:2], param[:2])
    assert arrays_of(state)
    assert all(np.isfinite(value).all() for value in arrays_of(state).values())


@values("adamw")
@for_all(call=calls, seed=SEEDS)
def test_adamw_is_adam_from_a_parameter_that_was_made_smaller(subject, dtype, call, seed):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype)

    decayed = step(param, grad, state, **options | {"weight_decay": 0.5})

    smaller = param * (1 - 0.25 * 0.5)
    assert_same(decayed, subject.adam(smaller, grad, state, lr=0.25, **options | {"weight_decay": 0}))


@conventions(*OPTIMIZERS)
@for_all(call=calls, seed=SEEDS, place=st.integers(0, 20), number=st.sampled_from([0.5, 1e6, np.nan, np.inf]))
def test_every_element_goes_its_own_way(subject, dtype, call, seed, place, number):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype, real_numbers, shape=(21,))
    others = np.arange(21) != place

    after, _ = step(param, grad, state, **options)
    param[place], grad[place] = number, -grad[place]

    assert_equal(step(param, grad, state, **options)[0][others], after[others])


@values(*OPTIMIZERS)
@for_all(call=calls, seed=SEEDS)
def test_from_the_start_a_gradient_of_zero_moves_no_parameter_that_does_not_decay(subject, dtype, call, seed):
    operation, options = call
    param, [grad] = drawn(seed, (2, 2), 1, dtype)
    never_zero = {} if operation == "sgd" else {"eps": 0.125}  # to divide by

    after, _ = getattr(subject, operation)(param, 0 * grad, {}, **options | never_zero | {"weight_decay": 0})

    assert_equal(after, param)


@values("adamw", "adam", "rmsprop", "adagrad")
@for_all(call=calls, seed=SEEDS, power=st.integers(-20, 20))
def test_steps_that_measure_the_gradient_do_not_notice_its_unit(subject, dtype, call, seed, power):
    operation, options = call
    lengths = {"adagrad": {"initial_accumulator_value": 0, "weight_decay": 0}, "adamw": {}}  # its decay is no gradient
    step = partial(getattr(subject, operation), **options | {"eps": 0.0} | lengths.get(operation, {"weight_decay": 0}))
    param, grads = drawn(seed, (2, 2), 3, dtype)

    scaled, _ = run_steps(step, param, [2.0**power * grad for grad in grads])

    assert_equal(scaled, run_steps(step, param, grads)[0])


@values("adamw", "adam")
def test_the_decay_of_adam_can_reverse_a_small_gradient_and_that_of_adamw_cannot(implementation):
    small, large = np.array([-0.5]), np.array([-2.0])
    options = {"lr": 0.25, "betas": (0.0, 0.0), "eps": 0.0, "weight_decay": 0.5}

    adam = [implementation.adam(TWO, grad, {}, **options)[0].item() for grad in (small, large)]
    adamw = [implementation.adamw(TWO, grad, {}, **options)[0].item() for grad in (small, large)]

    assert adam == [2 - 0.25, 2 + 0.25]  # along -0.5 + 0.5 · 2 and -2 + 0.5 · 2
    assert adamw == [2 * (1 - 0.25 * 0.5) + 0.25] * 2


# Laws of Adam


@values("adam")
@for_all(call=calls, seed=SEEDS, steps=st.integers(1, 5))
def test_while_the_gradient_stays_the_same_every_step_of_adam_is_lr_long(subject, dtype, call, seed, steps):
    constant = call[1] | {"lr": 0.25, "eps": 0.0, "weight_decay": 0}
    param, [grad] = drawn(seed, (5,), 1, dtype)

    after, _ = run_steps(subject.adam, param, [grad] * steps, **constant)

    direction = np.sign(grad) if constant["maximize"] else -np.sign(grad)
    bound = optimizer_bounds.bound_steps("adam", param, [grad] * steps, {}, constant, dtype)[0].bound
    assert_within(after, Approximation(param.astype("float64") + steps * 0.25 * direction, bound), dtype)


@values("adamw", "adam", "rmsprop")
@pytest.mark.parametrize("operation", ["adam", "adamw", "rmsprop"])
@float32_only
def test_without_memory_every_step_is_lr_long(subject, operation, dtype):
    param, grads = drawn(0, (1000,), 2, dtype)
    forgetful = {"alpha": 0.0} if operation == "rmsprop" else {"betas": (0.0, 0.0), "weight_decay": 0}
    step = partial(getattr(subject, operation), lr=0.25, eps=0.0, **forgetful)

    _, state = step(param, grads[0], {})
    after, _ = step(param, grads[1], state)

    assert_equal(after, param - np.float32(0.25) * np.sign(grads[1]))


@values("adamw", "adam", "rmsprop", "adagrad")
@pytest.mark.parametrize("operation", ["adam", "adamw", "rmsprop", "adagrad"])
def test_eps_is_added_to_the_root_not_under_it(implementation, operation):
    forgetful = {"rmsprop": {"alpha": 0.0}, "adagrad": {}}.get(operation, {"betas": (0.0, 0.0), "weight_decay": 0})

    after, _ = getattr(implementation, operation)(TWO, np.array([3.0]), {}, lr=1.0, eps=1.0, **forgetful)

    assert_equal(after, np.array([2 - 3 / (sqrt(3**2) + 1)]))
    assert after != 2 - 3 / sqrt(3**2 + 1)


@values("adam", "adamw")
@for_all(call=calls, seed=SEEDS)
def test_amsgrad_remembers_the_largest_mean_square(subject, dtype, call, seed):
    operation, options = call
    step = partial(getattr(subject, operation), **options | {"amsgrad": True})
    param, grads = drawn(seed, (5,), 4, dtype)
    state, squares = {}, []

    for grad in grads:
        param, state = step(param, grad, state)
        squares.append(state["exp_avg_sq"])

        assert_equal(state["max_exp_avg_sq"], np.max(squares, axis=0))


@values("adam", "adamw")
@for_all(call=calls, seed=SEEDS)
def test_amsgrad_never_makes_a_step_longer(subject, dtype, call, seed):
    operation, options = call
    step = partial(getattr(subject, operation), **options | {"weight_decay": 0})
    param, [*earlier, grad] = drawn(seed, (5,), 4, dtype)
    _, state = run_steps(step, param, earlier, amsgrad=True)

    lengths = [abs(step(0 * param, grad, state, amsgrad=amsgrad)[0]) for amsgrad in (True, False)]

    assert (lengths[0] <= lengths[1]).all()


# Laws of RMSprop and Adagrad


@values("rmsprop")
@for_all(call=calls, seed=SEEDS)
def test_centering_never_makes_a_step_of_rmsprop_shorter(subject, dtype, call, seed):
    step = partial(subject.rmsprop, **call[1] | {"weight_decay": 0, "momentum": 0})
    param, [*earlier, grad] = drawn(seed, (5,), 4, dtype)
    _, state = run_steps(step, param, earlier, centered=True)

    lengths = [abs(step(0 * param, grad, state, centered=centered)[0]) for centered in (True, False)]

    assert (lengths[0] >= lengths[1]).all()
    assert (lengths[0] > lengths[1]).any()


@values("adagrad")
@float32_only
@pytest.mark.parametrize("root", [1, 2, 3])
def test_the_nth_step_of_adagrad_along_the_same_gradient_is_lr_over_root_n_long(subject, dtype, root):
    param, grad = every(2, dtype)
    grad = np.where(grad == 0, grad.dtype.type(5), grad)
    _, state = run_steps(subject.adagrad, param, [grad] * (root**2 - 1), eps=0.0)

    after, _ = subject.adagrad(0 * param, grad, state, lr=0.25, eps=0.0)

    assert_equal(after, -np.sign(grad) * np.float32(0.25 / root))


@values("adagrad")
@float32_only
@pytest.mark.parametrize("steps", range(5))
@pytest.mark.parametrize("lr_decay", [0.1, 0.5, 1.0])
def test_lr_decay_divides_the_rate_by_1_and_the_decay_for_every_step_before(subject, dtype, steps, lr_decay):
    param, [*earlier, grad] = drawn(0, (50,), steps + 1, dtype)
    _, state = run_steps(subject.adagrad, param, earlier)

    after = subject.adagrad(param, grad, state, lr=0.25, lr_decay=lr_decay)

    assert_same(after, subject.adagrad(param, grad, state, lr=0.25 / (1 + steps * lr_decay)))


@values("adagrad")
@float32_only
@pytest.mark.parametrize("initial", [0, 0.5, 3])
def test_adagrad_adds_up_all_squares_on_top_of_its_initial_value(subject, dtype, initial):
    param, *grads = every(4, dtype)

    _, state = run_steps(subject.adagrad, param, grads, initial_accumulator_value=initial)

    assert_equal(state["sum"], sum(grad * grad for grad in grads) + np.float32(initial))
    assert state["step"] == 3


# On a bowl, ½·Σ curvature·x², whose gradient is curvature·x


def bowl(dtype, size=500):
    """Return starts from 1 to 4 away from the minimum, at 0, and curvatures from 1/8 to 8: every element is a bowl."""
    rng = np.random.default_rng(0)
    start = rng.uniform(1, 4, size) * rng.choice([-1, 1], size)
    return start.astype(dtype), (2.0 ** rng.uniform(-3, 3, size)).astype(dtype)


def descent(step, start, curvature, steps, **options):
    """Return the places that steps down a bowl lead to."""
    places, state = [start], {}
    for _ in range(steps):
        place, state = step(places[-1], curvature * places[-1], state, **options)
        places.append(place)
    return np.array(places)


@pytest.mark.claim("2.7.a")
@values(*OPTIMIZERS)
@pytest.mark.parametrize("operation", OPTIMIZERS)
@float32_only
def test_small_steps_of_every_optimizer_come_closer_to_the_minimum_every_time(subject, operation, dtype):
    start, curvature = bowl(dtype)

    places = descent(getattr(subject, operation), start, curvature, steps=10, lr=1 / 64)

    # Ten steps go less than 1 far: SGD's together 1 - (1 - 8 / 64)¹⁰ of the way, RMSprop's each lr / √(1 - 0.99ᵗ),
    # Adagrad's lr / √t and Adam's little more than lr. So no gradient turns around, and every step leads down.
    assert (np.sign(places) == np.sign(start)).all()
    assert (abs(np.diff(places, axis=0)) > 0).all()
    assert (np.diff(abs(places), axis=0) < 0).all()


@values("sgd")
@float32_only
@pytest.mark.parametrize("lr", [0.25, 0.5])
def test_a_step_of_sgd_multiplies_the_distance_by_1_less_lr_times_the_curvature(subject, dtype, lr):
    start, curvature = every(2, dtype)

    after, _ = subject.sgd(start, curvature * start, {}, lr=lr)

    assert_equal(after, (1 - lr * curvature) * start)


@pytest.mark.claim("2.7.a")
@values("sgd")
def test_with_lr_1_25_each_step_of_sgd_multiplies_the_square_of_x_by_2_25(implementation):
    places = [place[0] for place in descent(implementation.sgd, np.array([1.0]), 2, steps=3, lr=1.25)]  # (x²)' is 2x

    assert [x**2 for x in places] == [1, 2.25, 2.25**2, 2.25**3]


FAR = 0.9**100
"""The share of its distance that is left of a walk of 400 steps, if 200 of them shrink it by √0.9 each."""


@pytest.mark.claim("2.7.a")
@values("sgd", "adamw", "adam")
@pytest.mark.parametrize(("operation", "options"), [("sgd", {"momentum": 0.9}), ("adam", {}), ("adamw", {})])
def test_with_momentum_0_9_sgd_adam_and_adamw_come_closer_by_root_0_9_a_step(subject, operation, options):
    start, curvature = bowl("float64", size=100)

    places = descent(getattr(subject, operation), start, curvature, steps=400, lr=0.25, **options)

    # x' = (1 + β - lr·curvature)·x - β·x_before has roots of modulus √β, and Adam's √v, of long memory, changes little.
    # It takes a while until that holds: 200 of the steps are left for it. (After thousands √v has faded, and Adam's
    # steps grow again: this is no limit.)
    assert (abs(places[-1]) < FAR * abs(start)).all()


@values("adam")
def test_with_a_short_memory_of_squares_adam_circles_around_the_minimum_instead(subject):
    start, curvature = bowl("float64", size=100)

    places = descent(subject.adam, start, curvature, steps=400, lr=0.25, betas=(0.5, 0.9))

    assert (abs(places[-100:]).max(axis=0) > FAR * abs(start)).all()


@values("rmsprop")
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.75])
@float32_only
def test_rmsprop_comes_within_lr_over_root_1_less_alpha_of_the_minimum_and_stays(subject, dtype, alpha):
    start, curvature = bowl(dtype)
    limit = 1 / sqrt(1 - alpha)  # lr being 1; no step is longer, for s >= (1 - alpha)·g², and none leads away

    steps_there = ceil(4 * log(4 / limit)) if limit < 4 else 0  # each at least |x| / |start|: s <= the largest g²
    places = descent(subject.rmsprop, start, curvature, steps=steps_there + 20, lr=1.0, alpha=alpha)

    assert (abs(places[steps_there:]) <= limit).all()


@values("adagrad")
@float32_only
def test_adagrad_nears_the_minimum_each_step_if_lr_is_under_twice_the_distance(subject, dtype):
    start, curvature = bowl(dtype)  # 1 away at least, and lr 1.75

    places = descent(subject.adagrad, start, curvature, steps=20, lr=1.75)

    # s is never less than the first gradient's square, so x' / x lies between 1 - 1.75 / |start| and 1.
    assert (np.diff(abs(places), axis=0) < 0).all()


# The references: equal where nothing rounds, else within the bound


def assert_step_within_its_bound(found, exact, dtype):
    """Require a parameter and its state within their bounds; the number of the step is exact."""
    assert_within(found[0], exact[0], dtype)
    assert found[1].keys() == exact[1].keys()
    assert found[1].get("step") == exact[1].get("step")
    for name, expected in arrays_of(exact[1]).items():
        assert_within(found[1][name], expected, dtype)


DYADIC_SGD = options_of(
    momentum=(0, 0.5, 0.75), dampening=(0, 0.25), weight_decay=(0, 0.5), maximize=FLAG, lr=(0.5, 0.25)
) | options_of(momentum=(0.5, 0.75), nesterov=(True,), weight_decay=(0, 0.5), maximize=FLAG, lr=(0.5, 0.25))


@pytest.mark.compares_with_reference
@values("sgd")
@exact_formats
@for_all(options=DYADIC_SGD, shape=st.sampled_from(SHAPES), seed=SEEDS)
def test_three_steps_of_sgd_equal_the_references_where_nothing_rounds(subject, dtype, options, shape, seed):
    param, grads = drawn(seed, shape, 3, dtype, whole_numbers)  # a step adds at most 5 binary digits

    assert_same(run_steps(subject.sgd, param, grads, **options), run_steps(reference.sgd, param, grads, **options))


@pytest.mark.compares_with_reference
@values(*OPTIMIZERS)
@exact_formats
@for_all(call=calls, shape=st.sampled_from(SHAPES), seed=SEEDS, earlier=st.integers(0, 3), lr=st.sampled_from(RATES))
def test_a_step_from_any_state_is_within_its_bound(subject, dtype, call, shape, seed, earlier, lr):
    operation, options = call[0], call[1] | {"lr": lr}
    param, [*before, grad] = drawn(seed, shape, earlier + 1, dtype)
    param, state = run_steps(getattr(reference, operation), param, before, **options)

    found = getattr(subject, operation)(param, grad, state, **options)

    assert_step_within_its_bound(
        found, optimizer_bounds.bound_steps(operation, param, [grad], state, options, dtype), dtype
    )


ALL_OF_THE_STATE = {
    "sgd": {"momentum": 0.5},
    "adam": {"amsgrad": True},
    "adamw": {"amsgrad": True},
    "rmsprop": {"momentum": 0.5, "centered": True},
    "adagrad": {},
}
"""Options with which an optimizer remembers all that it may."""

some_sizes = pytest.mark.parametrize("shape", [(2, 1, 3, 2), (3, 9), (2, 70), (130, 3), (1030,)], ids=str)


@pytest.mark.compares_with_reference
@values(*OPTIMIZERS)
@exact_formats
@some_sizes
def test_a_step_of_a_parameter_of_any_size_is_within_its_bound(subject, dtype, operation, shape):
    options = ALL_OF_THE_STATE[operation] | {"lr": 0.25}
    param, [*before, grad] = drawn(0, shape, 3, dtype)
    param, state = run_steps(getattr(reference, operation), param, before, **options)

    found = getattr(subject.at(dtype), operation)(param, grad, state, **options)

    assert_step_within_its_bound(
        found, optimizer_bounds.bound_steps(operation, param, [grad], state, options, dtype), dtype
    )


# Contracts


@contracts(*OPTIMIZERS)
@exact_formats
def test_a_step_takes_arrays_that_it_must_not_write(subject, dtype, operation):
    param, grad, state, step, options = from_some_state(
        subject.at(dtype), (operation, ALL_OF_THE_STATE[operation]), 0, dtype
    )
    expected = step(param, grad, state, **options)
    for array in (param, grad, *arrays_of(state).values()):
        array.flags.writeable = False

    assert_same(step(param, grad, state, **options), expected)


@contracts(*OPTIMIZERS)
@exact_formats
@for_all(call=calls, shape=st.sampled_from(SHAPES), seed=SEEDS)
def test_a_step_leaves_its_arguments_alone_and_keeps_their_dtype(subject, dtype, call, shape, seed):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype, real_numbers, shape)
    arguments = {"param": param, "grad": grad, **arrays_of(state)}
    before = {name: value.copy() for name, value in arguments.items()}

    after, state_after = step(param, grad, state, **options)

    assert {str(result.dtype) for result in (after, *arrays_of(state_after).values())} == {dtype}
    assert state.get("step") == (2 if "step" in state else None)
    assert not ledger.written()  # or, of a subject whose calls are not recorded:
    for name, value in before.items():
        assert_equal(arguments[name], value)


@contracts(*OPTIMIZERS)
@pytest.mark.parametrize("earlier", [0, 1])
@for_all(call=calls, seed=SEEDS)
def test_no_result_of_a_step_shares_memory_with_another_or_with_an_argument(subject, dtype, earlier, call, seed):
    operation, options = call
    param, grads = drawn(seed, (2, 2), 2, dtype)
    _, state = run_steps(getattr(subject, operation), param, grads[:earlier], **options)

    after, state_after = getattr(subject, operation)(param, grads[1], state, **options)

    arrays = [param, grads[1], *arrays_of(state).values(), after, *arrays_of(state_after).values()]
    assert not any(np.shares_memory(one, other) for one, other in combinations(arrays, 2))


IN_MEMORY = {
    "in order": np.ascontiguousarray,
    "every second": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "transposed": np.asfortranarray,
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1],
}


@contracts(*OPTIMIZERS)
@for_all(call=calls, seed=SEEDS, of_param=st.sampled_from([*IN_MEMORY]), of_grad=st.sampled_from([*IN_MEMORY]))
def test_a_step_does_not_depend_on_the_order_of_its_arrays_in_memory(subject, dtype, call, seed, of_param, of_grad):
    param, grad, state, step, options = from_some_state(subject, call, seed, dtype, real_numbers, (3, 7))
    laid = {name: value if name == "step" else IN_MEMORY[of_grad](value) for name, value in state.items()}

    after, state_after = step(IN_MEMORY[of_param](param), IN_MEMORY[of_grad](grad), laid, **options)

    in_order, state_in_order = step(param, grad, state, **options)
    near, near_state = optimizer_bounds.bound_steps(call[0], param, [grad], state, {"lr": 0.25, **options}, dtype)
    assert_within(after, Approximation(in_order.astype(np.float64), 2 * near.bound), dtype)
    for name, value in arrays_of(state_after).items():
        same = Approximation(state_in_order[name].astype(np.float64), 2 * near_state[name].bound)
        assert_within(value, same, dtype)


@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [
        ("sgd", {"momentum": 0.5}, {}),
        ("adam", {"amsgrad": True}, {}),
        ("rmsprop", {"momentum": 0.5, "centered": True}, {}),
    ],
)
@contracts("sgd", "rmsprop", "adam", "adamw")
def test_what_a_step_does_not_need_of_the_state_is_handed_on_as_a_copy(subject, operation, before, after):
    _, state = getattr(subject, operation)(TWO, FOUR, {}, **before)

    _, later = getattr(subject, operation)(TWO, FOUR, state, **after)

    assert later.keys() == state.keys()
    assert not any(np.shares_memory(later[name], state[name]) for name in arrays_of(state))


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        ("adam", ["exp_avg", "exp_avg_sq"]),
        ("adamw", ["exp_avg", "exp_avg_sq"]),
        ("rmsprop", ["square_avg"]),
        ("adagrad", ["sum"]),
    ],
)
def test_the_references_take_a_state_of_no_steps_for_the_beginning(operation, names):
    step = getattr(reference, operation)
    of_no_steps = {"step": 0, **{name: np.zeros_like(TWO) for name in names}}

    (param, state), (again, state_again) = (step(TWO, FOUR, before, lr=0.5) for before in ({}, of_no_steps))

    assert_equal(again, param)
    assert state_again["step"] == state["step"] == 1


def test_a_parameter_without_gradient_stays_and_so_does_its_state():
    parameters, gradients = {"moved": TWO, "left": FOUR}, {"moved": TWO, "left": None}
    states = {"left": {"momentum_buffer": EIGHT}}

    after, states_after = step_all(reference.sgd, parameters, gradients, states, lr=0.5, momentum=0.5)

    assert after["left"] is FOUR
    assert states_after["left"] is states["left"]
    assert_equal(after["moved"], TWO - 0.5 * TWO)


def test_gradients_of_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="gradients of unknown parameters: bias, head"):
        step_all(reference.sgd, {"weight": TWO}, {"weight": TWO, "head": None, "bias": TWO}, {})


# Refusals: beside each refused call the nearest one that must be taken

NAN = float("nan")
FIRST_STEP = {"param": TWO, "grad": FOUR, "state": {}}
TOO_SMALL = {
    "sgd": ("lr", "momentum", "weight_decay"),
    "adam": ("lr", "eps", "weight_decay"),
    "adamw": ("lr", "eps", "weight_decay"),
    "rmsprop": ("lr", "alpha", "eps", "weight_decay", "momentum"),
    "adagrad": ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"),
}
NEGATIVE = [(operation, option) for operation, names in TOO_SMALL.items() for option in names]


@refusals(*OPTIMIZERS)
@pytest.mark.parametrize(("operation", "option"), NEGATIVE)
@pytest.mark.parametrize("number", [-0.1, -1, float("-inf")])
def test_an_optimizer_refuses_a_negative(subject_on_cpu, operation, option, number):
    message = f"{option} must be at least 0, got {number}"

    assert_refused(subject_on_cpu, operation, message, near={option: 0}, **FIRST_STEP, **{option: number})


@refusals("adam", "adamw", "rmsprop", "adagrad")
@pytest.mark.parametrize(("operation", "option"), [case for case in NEGATIVE if case[0] != "sgd"])
def test_an_optimizer_refuses_nan(subject_on_cpu, operation, option):
    message = f"{option} must be at least 0, got nan"

    assert_refused(subject_on_cpu, operation, message, near={option: 0}, **FIRST_STEP, **{option: NAN})


@refusals("adamw", "adam")
@pytest.mark.parametrize("operation", ["adam", "adamw"])
@pytest.mark.parametrize(("refused", "taken"), [(1.0, 1 - 2**-20), (1.5, 0.5), (-0.1, 0.0), (NAN, 0.5)])
@pytest.mark.parametrize("place", [0, 1])
def test_adam_refuses_averages_that_do_not_forget(subject_on_cpu, operation, place, refused, taken):
    message = "betas must be from 0 to below 1, got"
    betas, near = ((beta, 0.5) if place == 0 else (0.5, beta) for beta in (refused, taken))

    assert_refused(subject_on_cpu, operation, message, near={"betas": near}, **FIRST_STEP, betas=betas)


@refusals("sgd")
@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({}, {"momentum": 0.5}),
        ({"momentum": 0.5, "dampening": 0.1}, {"dampening": 0.0}),
        ({"dampening": 0.1}, {"nesterov": False}),
    ],
    ids=["without momentum", "with dampening", "both"],
)
def test_sgd_refuses_to_look_ahead_without_momentum_or_with_dampening(subject_on_cpu, options, near):
    message = "nesterov needs momentum over 0 without dampening"

    assert_refused(subject_on_cpu, "sgd", message, near=near, **FIRST_STEP, nesterov=True, **options)


STATE = {"step": 1, "exp_avg": TWO, "exp_avg_sq": TWO}
STRICT = {
    "a list for a parameter": (TypeError, "param must be a NumPy array, got list", {"param": [2.0]}),
    "an integer parameter": (TypeError, "param has dtype int64", {"param": np.array([2])}),
    "a gradient of another dtype": (
        TypeError,
        "one dtype expected, got param float64, grad float32",
        {"grad": FOUR.astype("float32")},
    ),
    "a gradient of another shape": (ValueError, r"grad has shape \(2,\), expected \(1,\)", {"grad": np.ones(2)}),
    "a state that is no mapping": (TypeError, "state must be a mapping from names to arrays, got list", {"state": []}),
    "a state of another optimizer": (ValueError, "state has 'sum', expected only", {"state": {**STATE, "sum": TWO}}),
    "half a state": (ValueError, "state lacks 'exp_avg_sq', expected step", {"state": {"step": 1, "exp_avg": TWO}}),
    "a state without its step": (ValueError, "state lacks 'step'", {"state": {"exp_avg": TWO, "exp_avg_sq": TWO}}),
    "a negative step": (ValueError, "step must be at least 0, got -1", {"state": {**STATE, "step": -1}}),
    "half a step": (TypeError, "step must be a whole number, got 2.5", {"state": {**STATE, "step": 2.5}}),
    "a state of another shape": (
        ValueError,
        r"exp_avg has shape \(2,\), expected \(1,\)",
        {"state": {**STATE, "exp_avg": np.ones(2)}},
    ),
    "a state of another dtype": (
        TypeError,
        "one dtype expected, got param float64, exp_avg float32",
        {"state": {**STATE, "exp_avg": TWO.astype("float32")}},
    ),
    "a truth value for a number": (TypeError, "lr must be a number, got True", {"lr": True}),
    "a number for a truth value": (TypeError, "maximize must be True or False, got 1", {"maximize": 1}),
    "one beta": (TypeError, r"betas must be two numbers, got \(0.5,\)", {"betas": (0.5,)}),
    "a single number for betas": (TypeError, "betas must be two numbers, got 0.5", {"betas": 0.5}),
}


@pytest.mark.parametrize("case", STRICT)
def test_the_reference_of_adam_refuses(case):
    error, message, arguments = STRICT[case]

    with pytest.raises(error, match=message):
        reference.adam(**{"param": TWO, "grad": FOUR, "state": {}} | arguments)


@pytest.mark.parametrize("operation", OPTIMIZERS)
def test_options_that_are_numbers_of_numpy_leave_a_parameter_its_dtype(operation):
    options = {name: np.float64(0.5) for name in TOO_SMALL[operation]}
    if operation in ("adam", "adamw"):
        options["betas"] = (np.float64(0.5), np.float64(0.5))
    param = TWO.astype("float32")

    after, state = getattr(reference, operation)(param, param, {}, **options)

    assert after.dtype == param.dtype
    assert {value.dtype for name, value in state.items() if name != "step"} <= {param.dtype}


# torch's optimizers, which hold parameters by reference and step them in place

IMPLEMENTATIONS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
EVERY_ONE = [
    (operation, implementation)
    for operation in OPTIMIZERS
    for implementation in IMPLEMENTATIONS
    if (operation, implementation) != ("rmsprop", "fused")
]
every_implementation = pytest.mark.parametrize(("operation", "implementation"), EVERY_ONE)


def torch_optimizer(operation, implementation, *groups, **options):
    """Return torch's optimizer of parameters in groups."""
    groups = [{"params": group} for group in groups]
    return torchs_optimizer(operation)(groups, **options, **IMPLEMENTATIONS[implementation])


def leaf(array, grad=None):
    """Return an array as a parameter, its gradient already there."""
    tensor = torch.tensor(array).requires_grad_()
    tensor.grad = None if grad is None else torch.tensor(grad)
    return tensor


@pytest.mark.torch_api
@pytest.mark.claim("2.7.b")
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_torch_has_an_optimizer_of_this_name(name):
    assert issubclass(getattr(torch.optim, name), torch.optim.Optimizer)


@pytest.mark.torch_api
@pytest.mark.claim("2.7.b")
def test_torch_has_no_optimizer_called_rmsprop_with_a_capital_p():
    assert not hasattr(torch.optim, "RMSProp")


HOW_TORCH_COMPUTES = ("foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay")


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", OPTIMIZERS)
def test_the_options_of_the_reference_are_those_of_torch_in_order_and_default(operation):
    torchs = inspect.signature(torchs_optimizer(operation).__init__).parameters
    ours = inspect.signature(getattr(reference, operation)).parameters

    expected = {name: option.default for name, option in torchs.items() if name not in HOW_TORCH_COMPUTES}
    defaults = {name: option.default for name, option in ours.items()}
    assert [*defaults.items()][3:] == [*expected.items()][2:]


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", OPTIMIZERS)
def test_every_optimizer_but_rmsprop_has_a_fused_implementation(operation):
    assert ("fused" in inspect.signature(torchs_optimizer(operation)).parameters) == (operation != "rmsprop")


@pytest.mark.torch_api
@pytest.mark.claim("2.7.k")
def test_sgd_takes_lr_and_momentum_as_they_are_given():
    weight = leaf([0.0])
    optimizer = torch.optim.SGD([weight], lr=0.01, momentum=0.9)

    for number in (1, 2):
        weight.grad = torch.tensor([1.0])
        optimizer.step()
        assert optimizer.state[weight]["momentum_buffer"].item() == np.float32({1: 1, 2: 0.9 * 1 + 1}[number])

    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.01, 0.9)


@pytest.mark.torch_api
@pytest.mark.claim("2.7.k")
def test_left_out_the_options_of_sgd_are_these():
    (group,) = torch.optim.SGD([leaf([0.0])]).param_groups

    assert (group["lr"], group["momentum"], group["dampening"], group["weight_decay"]) == (0.001, 0, 0, 0)
    assert group["nesterov"] is False


@pytest.mark.torch_api
@pytest.mark.claim("2.7.e")
def test_without_zero_grad_a_second_backward_adds_to_the_gradient_and_the_step():
    start, first, second = every(3, "float32")
    weight = leaf(start)
    optimizer = torch.optim.SGD([weight], lr=0.5)

    for slope in (first, second):
        (weight * torch.from_numpy(slope)).sum().backward()
    optimizer.step()

    assert_equal(weight.grad.numpy(), first + second)
    assert_equal(weight.detach().numpy(), start - np.float32(0.5) * (first + second))


@pytest.mark.torch_api
@pytest.mark.claim("2.7.f")
@every_implementation
def test_zero_grad_leaves_no_gradient_and_step_then_skips_the_parameter(operation, implementation):
    options = {"momentum": 0.5} if operation in ("sgd", "rmsprop") else {}
    weight = leaf([2.0, -1.0], grad=[1.0, 1.0])
    optimizer = torch_optimizer(operation, implementation, [weight], weight_decay=0.5, **options)
    optimizer.step()
    before = weight.detach().clone()

    optimizer.zero_grad()
    optimizer.step()

    assert weight.grad is None
    assert torch.equal(weight, before)


@pytest.mark.torch_api
@pytest.mark.claim("2.7.f")
@every_implementation
def test_zero_grad_can_set_zeros_and_step_then_decays_the_parameter(operation, implementation):
    weight = leaf([2.0, -1.0], grad=[1.0, 1.0])
    optimizer = torch_optimizer(operation, implementation, [weight], weight_decay=0.5)
    before = weight.detach().clone()

    optimizer.zero_grad(set_to_none=False)
    assert torch.equal(weight.grad, torch.zeros(2))
    optimizer.step()

    assert (weight.abs() < before.abs()).all()


@pytest.mark.torch_api
@pytest.mark.claim("2.7.h")
@every_implementation
@pytest.mark.parametrize("maximize", FLAG)
def test_step_changes_parameters_in_place_and_leaves_their_gradients_as_they_are(operation, implementation, maximize):
    weight = leaf([2.0, -1.0], grad=[3.0, 4.0])
    memory = weight.data_ptr()

    torch_optimizer(operation, implementation, [weight], weight_decay=0.25, maximize=maximize).step()

    assert weight.data_ptr() == memory
    assert (weight != torch.tensor([2.0, -1.0])).all()
    assert torch.equal(weight.grad, torch.tensor([3.0, 4.0]))


def every_second(array):
    """Return an array as every second number of its memory, and the numbers between them."""
    memory = torch.zeros(*array.shape[:-1], 2 * array.shape[-1], dtype=torch.from_numpy(array).dtype)
    memory[..., ::2] = torch.from_numpy(array)
    return memory[..., ::2], memory[..., 1::2]


def behind_an_offset(array):
    """Return an array as the last numbers of its memory, and the three before them."""
    memory = torch.cat([torch.zeros(3), torch.from_numpy(array).ravel()])
    return memory[3:].reshape(array.shape), memory[:3]


def the_first_row_for_all(array):
    """Return an array of equal rows as one row, seen over and over; it is not the only one in its memory."""
    memory = torch.from_numpy(array).clone()
    memory[1:] = 7
    return memory[:1].expand(array.shape), memory[:0]


OF_PARAMETER = {
    "in order": lambda array: (torch.tensor(array), torch.zeros(0)),
    "every second": every_second,
    "transposed": lambda array: (torch.tensor(array.T.copy()).T, torch.zeros(0)),
    "behind an offset": behind_an_offset,
}
OF_GRADIENT = {**OF_PARAMETER, "the first row for all": the_first_row_for_all}
LYING = [
    ("in order", "transposed"),
    ("in order", "the first row for all"),
    ("behind an offset", "in order"),
    ("transposed", "transposed"),
    ("every second", "every second"),
    ("every second", "transposed"),
]
ALIKE = LYING[2:4]
"""Where the numbers of parameter and gradient follow one another in memory in the same order, without gaps."""


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@contracts(*OPTIMIZERS)
@every_implementation
@pytest.mark.parametrize(("of_parameter", "of_gradient"), LYING)
def test_every_implementation_steps_parameters_and_gradients_wherever_they_lie(
    subject_on_cpu, operation, implementation, of_parameter, of_gradient
):
    start, grads = drawn(0, (3, 7), 2, "float32")
    grads = [np.broadcast_to(grad[:1], grad.shape).copy() for grad in grads]
    options = {"momentum": 0.5} if operation in ("sgd", "rmsprop") else {}
    parameter, between = OF_PARAMETER[of_parameter](start)
    optimizer = torch_optimizer(operation, implementation, [parameter.requires_grad_()], **options)

    for grad in grads:
        parameter.grad, _ = OF_GRADIENT[of_gradient](grad)
        optimizer.step()

    known = implementation == "fused" and (of_parameter, of_gradient) not in ALIKE
    exact, _ = optimizer_bounds.bound_steps(operation, start, grads, {}, options, "float32")
    with allowing(subject_on_cpu, *["fused-optimizer-strides"] * known):
        assert_within(parameter.detach().numpy(), exact, "float32")
        assert not between.any()


@pytest.mark.torch_api
@values("sgd")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@pytest.mark.parametrize("length", [3, 8, 16, 37, 64])
def test_every_implementation_of_sgd_steps_half_precision_parameters_of_any_length(
    subject_on_cpu, implementation, half, length
):
    start, grad = (np.resize(numbers, length) for numbers in ([2.0, -1.0, 3.0], [1.0, 2.0, -4.0, 0.0]))
    half = getattr(torch, half)
    parameter = torch.tensor(start, dtype=half).requires_grad_()
    parameter.grad = torch.tensor(grad, dtype=half)

    torch_optimizer("sgd", implementation, [parameter], lr=0.5).step()

    with allowing(subject_on_cpu, *["half-fused-sgd"] * (implementation == "fused" and length >= 8)):
        assert_equal(parameter.detach().double().numpy(), start - 0.5 * grad)


# Traces of torch's optimizers: groups, a change of rate, missing gradients, a restart

STEPS = 6


def plans(rates=RATES):
    """Draw how a trace goes.

    The first parameter is a group by itself. The rates are those of both groups and the second's later one. A restart
    comes at some step, and at some the last parameter has no gradient.
    """
    return st.fixed_dictionaries(
        {
            "shapes": st.lists(st.sampled_from(SHAPES), min_size=2, max_size=3),
            "rates": st.tuples(*[st.sampled_from(rates)] * 3),
            "changed_at": st.integers(1, STEPS - 1),
            "reloaded_at": st.integers(1, STEPS - 1),
            "without_gradient": st.sampled_from([(), (2,), (0, 1), (0, 3, 4), (5,)]),
        }
    )


def rate(plan, group, number):
    """Return the learning rate of a group at this step."""
    return plan["rates"][group + (group == 1 and number >= plan["changed_at"])]


def trace_numbers(plan, seed, dtype, numbers=real_numbers):
    """Return the parameters of a trace and the gradients of its steps, by name."""
    everything = [drawn([seed, i], shape, STEPS, dtype, numbers) for i, shape in enumerate(plan["shapes"])]
    parameters = {f"p{i}": param for i, (param, _) in enumerate(everything)}
    gradients = [{f"p{i}": grads[number] for i, (_, grads) in enumerate(everything)} for number in range(STEPS)]
    for number in plan["without_gradient"]:
        gradients[number][f"p{len(everything) - 1}"] = None
    return parameters, gradients


def trace(operation, options, plan, parameters, gradients, steps=reference, number=np.asarray):
    """Walk through a trace with a namespace's steps, from parameters made into its numbers."""
    parameters, states = {name: number(value) for name, value in parameters.items()}, {}
    for i, grads in enumerate(gradients):
        for group, names in enumerate((["p0"], [*parameters][1:])):
            mine = {name: parameters[name] for name in names}
            theirs = {name: None if grads[name] is None else grads[name].astype("float64") for name in names}
            lr = rate(plan, group, i)
            stepped, states = step_all(getattr(steps, operation), mine, theirs, states, lr=lr, **options)
            parameters |= stepped
    return parameters, states


def torch_trace(operation, options, plan, parameters, gradients, implementation):
    """Walk through a trace with torch; halfway, a new optimizer that knows no options takes over from a saved state."""
    leaves = {name: leaf(value) for name, value in parameters.items()}
    first, *others = leaves.values()
    optimizer = torch_optimizer(operation, implementation, [first], others, **options)
    for i, grads in enumerate(gradients):
        if i == plan["reloaded_at"]:
            saved = optimizer.state_dict()
            optimizer = torchs_optimizer(operation)([{"params": [first]}, {"params": others}])
            optimizer.load_state_dict(saved)
        for group, settings in enumerate(optimizer.param_groups):
            settings["lr"] = rate(plan, group, i)
        for name, parameter in leaves.items():
            parameter.grad = None if grads[name] is None else torch.tensor(grads[name])
        optimizer.step()
    states = {name: optimizer.state[parameter] for name, parameter in leaves.items()}
    return {name: parameter.detach().numpy() for name, parameter in leaves.items()}, states


def for_fused_sgd(plan):
    """Return the plan without a parameter whose first gradient is late: torch's fused SGD breaks down there."""
    return plan | {"without_gradient": tuple(number for number in plan["without_gradient"] if number > 0)}


def exact_end(call, plan, numbers, dtype):
    """Return the exact parameters and states at the end of a trace, and the bounds around them."""
    return optimizer_bounds.bound_run(partial(trace, *call, plan, *numbers), dtype)


def assert_trace_ends_within_its_bound(implementation, call, plan, numbers, exact, dtype):
    """Require torch's parameters and states at the end of a trace within the bounds of the exact ones."""
    parameters, states = torch_trace(*call, plan, *numbers, implementation)

    for name, parameter in parameters.items():
        state = {key: int(value) if key == "step" else value.numpy() for key, value in states[name].items()}
        assert_step_within_its_bound((parameter, state), (exact[0][name], exact[1][name]), dtype)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@pytest.mark.claim("2.7.h")
@exact_formats
@pytest.mark.parametrize("operation", OPTIMIZERS)
@for_all(call=calls, plan=plans(), seed=SEEDS)
def test_six_steps_in_every_implementation_of_torch_are_within_the_bound(dtype, call, plan, seed):
    plan = for_fused_sgd(plan) if call[0] == "sgd" else plan
    numbers = trace_numbers(plan, seed, dtype)
    exact = exact_end(call, plan, numbers, dtype)

    for operation, implementation in EVERY_ONE:
        if operation == call[0]:
            assert_trace_ends_within_its_bound(implementation, call, plan, numbers, exact, dtype)


ALL_DYADIC_SGD = [
    {"momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": decay, "maximize": maximize}
    for momentum, dampening, nesterov, decay, maximize in product((0, 0.5, 0.75), (0, 0.25), FLAG, (0, 0.5), FLAG)
    if not (nesterov and (momentum == 0 or dampening > 0))
]


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@pytest.mark.claim("2.7.h")
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("options", ALL_DYADIC_SGD, ids=lambda options: "-".join(map(str, options.values())))
def test_six_steps_of_sgd_are_exact_in_every_implementation_where_nothing_rounds(implementation, options):
    plan = {"shapes": [(), (3, 7), (5,)], "rates": (0.5, 0.25, 0.5), "changed_at": 3, "reloaded_at": 2}
    plan["without_gradient"] = (1, 4)
    numbers = trace_numbers(plan, 0, "float64", whole_numbers)

    found, _ = torch_trace("sgd", options, plan, *numbers, implementation)

    for name, parameter in trace("sgd", options, plan, *numbers)[0].items():
        assert_equal(found[name], np.asarray(parameter))


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@pytest.mark.parametrize(("operation", "implementation"), [case for case in EVERY_ONE if case != ("sgd", "fused")])
def test_a_parameter_whose_first_gradient_is_late_starts_when_it_comes(operation, implementation):
    options = {"momentum": 0.5} if operation in ("sgd", "rmsprop") else {}
    start, grads = drawn(0, (3, 7), 3, "float32")
    early, late = leaf(start), leaf(start)
    optimizer = torch_optimizer(operation, implementation, [early, late], **options)

    for number, grad in enumerate(grads):
        early.grad, late.grad = torch.tensor(grad), torch.tensor(grad) if number > 0 else None
        optimizer.step()

    exact, _ = optimizer_bounds.bound_steps(operation, start, grads[1:], {}, options, "float32")
    assert_within(late.detach().numpy(), exact, "float32")


@pytest.mark.torch_api
@every_implementation
def test_an_optimizer_restored_from_a_file_goes_on_as_if_nothing_had_happened(operation, implementation):
    start, grads = drawn(0, (3, 7), 4, "float32")
    switches = {"sgd": {"momentum": 0.9}, "rmsprop": {"momentum": 0.9, "centered": True}}.get(operation, {})
    weights, file = [leaf(start), leaf(start)], io.BytesIO()
    optimizers = [torch_optimizer(operation, implementation, [weight], **switches) for weight in weights]

    for i, grad in enumerate(grads):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = torch.tensor(grad)
            optimizer.step()
        if i == 1:
            torch.save(optimizers[1].state_dict(), file)
            optimizers[1] = torchs_optimizer(operation)([weights[1]])
            optimizers[1].load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))

    assert torch.equal(*weights)
