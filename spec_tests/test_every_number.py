"""What every layer promises of numbers that other files do not draw: infinities, NaN, very large and small ones.

A number may be special, and it may be of any size: sums of products know no unit, so multiplying an argument by a power
of two multiplies the result, and rounds nowhere.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, OPERATIONS
from spec_tests.vocabulary.problems import SEEDS, special_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.subject import NotOffered
from spec_tests.vocabulary.sums import assert_equal_sums

# Infinities and NaN

WITH_SPECIAL_NUMBERS = (*CONVOLUTIONS, "linear", "l1_loss", "mse_loss", "avg_pool2d", "adaptive_avg_pool2d")
"""What computes with its arguments, and says what becomes of a number that is none."""


LEFT_OPEN = {
    "batch_norm": ("weight", "running_mean", "running_var"),
    "layer_norm": ("weight",),
    "cross_entropy": ("weight",),
}
"""Of operations, the arguments of which an infinity is multiplied or divided in an order that no definition says."""
COMES_BACK = [name for name in OPERATIONS if name != "cross_entropy"]
"""In torch, one among the arguments of cross_entropy reaches gradients that it does not reach by definition."""


def with_special_numbers(operation, dtype):
    """Draw a problem; of convolutions without zeros in between, whose product with an infinity may be left out or NaN.

    They stand in the padding and, of a gradient, between the cells of grad_output where the stride is more than 1.
    """
    if operation not in CONVOLUTIONS:
        return problems(numbers=special_numbers)(operation, dtype)
    return problems(numbers=special_numbers, paddings=("valid",))(operation, dtype).map(with_every_window)


def with_every_window(problem):
    """Return a convolution with stride 1, and with as many cells of grad_output as it has windows then."""
    problem = problem.changed(stride=1)
    with np.errstate(invalid="ignore"):
        windows = problem.forward(reference).shape
    return problem.changed(grad_output=np.resize(problem.grad_output, windows))


def not_transformed(subject, problem):
    """Leave out a subject that computes this through a transform: that spreads an infinity over many sums."""
    if problem.operation in subject.transforms:
        raise NotOffered(
            f"{problem.operation} by {subject.transforms[problem.operation]} spreads an infinity over many sums"
        )


def specials(result):
    """Return what is infinite or NaN of a result, and 0 where it is finite."""
    return np.where(np.isfinite(result), result.dtype.type(0), result)


@pytest.mark.compares_with_reference
@conventions(*WITH_SPECIAL_NUMBERS)
@exact_formats
@for_all(problem=with_special_numbers)
def test_an_infinity_or_nan_comes_out_where_the_definition_says_and_nowhere_else(subject, problem):
    not_transformed(subject, problem)
    with np.errstate(invalid="ignore"):
        expected = problem.forward(reference)

    assert_equal(specials(np.asarray(problem.forward(subject))), specials(np.asarray(expected)))


@pytest.mark.compares_with_reference
@conventions(*WITH_SPECIAL_NUMBERS)
@exact_formats
@for_all(problem=with_special_numbers)
def test_an_infinity_or_nan_comes_back_where_the_definition_says_and_nowhere_else(subject, problem):
    not_transformed(subject, problem)
    with np.errstate(invalid="ignore"):
        expected = as_tuple(problem.backward(reference))

    for grad, right in zip(as_tuple(problem.backward(subject)), expected, strict=True):
        assert (grad is None) == (right is None)
        if right is not None:
            assert_equal(specials(grad), specials(right))


def any_but_padded(operation, dtype):
    """Draw a problem, of convolutions one without zeros in between."""
    if operation not in CONVOLUTIONS:
        return problems()(operation, dtype)
    return problems(paddings=("valid",))(operation, dtype).map(with_every_window)


def spoilt(problem, seed):
    """Return the problem several times, a cell of one argument being infinite or NaN."""
    rng = np.random.default_rng(seed)
    for name, array in {**problem.arrays, "grad_output": problem.grad_output}.items():
        for number in (np.nan, np.inf, -np.inf):
            if array is None or array.dtype.kind != "f" or not array.size:
                continue
            if np.isnan(number) or name not in LEFT_OPEN.get(problem.operation, ()):
                changed = array.copy()
                changed.reshape(-1)[rng.integers(array.size)] = number
                yield name, problem.changed(**{name: changed})


@pytest.mark.compares_with_reference
@conventions(*OPERATIONS)
@for_all(problem=any_but_padded, seed=SEEDS)
def test_one_infinity_or_nan_in_any_argument_reaches_what_the_definition_says(subject, problem, seed):
    not_transformed(subject, problem)
    for name, one in spoilt(problem, seed):
        if name != "grad_output":
            with np.errstate(all="ignore"):
                expected = one.forward(reference)
            assert_equal(specials(np.asarray(one.forward(subject))), specials(np.asarray(expected)))


@pytest.mark.compares_with_reference
@conventions(*COMES_BACK)
@for_all(problem=any_but_padded, seed=SEEDS)
def test_one_infinity_or_nan_in_any_argument_comes_back_as_the_definition_says(subject, problem, seed):
    not_transformed(subject, problem)
    for _, one in spoilt(problem, seed):
        with np.errstate(all="ignore"):
            expected = as_tuple(one.backward(reference))
        which = np.isfinite if problem.operation in LEFT_OPEN else specials
        for grad, right in zip(as_tuple(one.backward(subject)), expected, strict=True):
            if right is not None:
                assert_equal(which(grad), which(right))


# Any unit

POWERS = st.sampled_from([-20, 20, 60])
KNOWS_NO_UNIT = {
    **dict.fromkeys((*CONVOLUTIONS, "linear"), (("input", "bias"), ("weight", "bias"))),
    "l1_loss": (("input", "target"), ("weight",)),
    "mse_loss": (("weight",),),
    "nll_loss": (("input",),),
}
"""Of operations, the arguments that multiply the result by 2 if all of them are."""


@values(*[name for name in KNOWS_NO_UNIT if name not in ("l1_loss", "mse_loss")])
@exact_formats
@for_all(problem=problems(), power=POWERS)
def test_arguments_times_a_power_of_two_give_the_result_times_it(subject, problem, power):
    factor = problem.input.dtype.type(2.0**power)
    output = problem.forward(subject)

    for names in KNOWS_NO_UNIT[problem.operation]:
        scaled = problem.forward(subject, **times(factor, problem, names))
        assert_equal_sums(scaled / factor, output, problem, subject)


@values("l1_loss", "mse_loss")
@exact_formats
@for_all(problem=problems(reductions=st.sampled_from(["none", "sum"])), power=POWERS)
def test_a_loss_of_arguments_times_a_power_of_two_is_multiplied_by_it(subject, problem, power):
    factor = problem.input.dtype.type(2.0**power)
    output = problem.forward(subject)

    for names in KNOWS_NO_UNIT[problem.operation]:
        if problem.arrays[names[0]] is not None:
            assert_equal(problem.forward(subject, **times(factor, problem, names)) / factor, output)


@gradients(*OPERATIONS)
@exact_formats
@for_all(problem=problems(), power=POWERS)
def test_a_gradient_is_multiplied_by_any_power_of_two_that_grad_output_is(subject, problem, power):
    factor = problem.grad_output.dtype.type(2.0**power)
    grads = as_tuple(problem.backward(subject))

    scaled = as_tuple(problem.backward(subject, grad_output=problem.grad_output * factor))

    for grad, times_factor in zip(grads, scaled, strict=True):
        if grad is not None:
            assert_equal_sums(times_factor / factor, grad, problem, subject)


def times(factor, problem, names):
    """Return these arguments of a problem, as far as there are any, times a factor."""
    return {name: problem.arrays[name] * factor for name in names if problem.arrays[name] is not None}


def as_tuple(grads):
    """Return gradients as a tuple, though there may be only one."""
    return grads if isinstance(grads, tuple) else (grads,)
