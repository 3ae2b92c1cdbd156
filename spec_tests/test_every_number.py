"""What every layer promises of numbers that other files do not draw: infinities, NaN, very large and small ones.

A number may be special, and it may be of any size: sums of products know no unit, so multiplying an argument by a power
of two multiplies the result, and rounds nowhere.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.compare import assert_equal, assert_within_where_finite
from spec_tests.vocabulary.exact import backward, forward
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, OPERATIONS
from spec_tests.vocabulary.problems import SEEDS, special_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.spoiling import LEFT_OPEN, not_transformed, specials, spoilt, with_every_window
from spec_tests.vocabulary.sums import assert_equal_sums

# Infinities and NaN

WITH_SPECIAL_NUMBERS = (*CONVOLUTIONS, "linear", "l1_loss", "mse_loss", "avg_pool2d", "adaptive_avg_pool2d")
"""What computes with its arguments, and says what becomes of a number that is none."""


ANY_REDUCTION = st.sampled_from(["none", "mean", "sum"])
LOSSES = ("l1_loss", "mse_loss", "nll_loss", "cross_entropy")
OTHERS = [name for name in OPERATIONS if name not in LOSSES]


def with_special_numbers(operation, dtype):
    """Draw a problem; of convolutions without zeros in between, whose product with an infinity may be left out or NaN.

    They stand in the padding and, of a gradient, between the cells of grad_output where the stride is more than 1.
    """
    if operation not in CONVOLUTIONS:
        return problems(numbers=special_numbers)(operation, dtype)
    return problems(numbers=special_numbers, paddings=("valid",))(operation, dtype).map(with_every_window)


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


def assert_reaches_what_it_should(subject, dtype, problem, seed):
    """Require an output to be special, and right where it is not, with a special number in any argument."""
    not_transformed(subject, problem)
    for name, one, seen in spoilt(problem, seed):
        if name != "grad_output":
            with np.errstate(all="ignore"):
                expected, exact = one.forward(reference), forward(one, dtype, subject.deviations)
            output = one.forward(subject)
            assert_equal(seen(np.asarray(output)), seen(np.asarray(expected)))
            assert_within_where_finite(output, exact, dtype)


def assert_comes_back_as_it_should(subject, dtype, problem, seed):
    """Require gradients to be special, and right where they are not, with a special number in any argument."""
    not_transformed(subject, problem)
    for _, one, _ in spoilt(problem, seed):
        with np.errstate(all="ignore"):
            expected, exact = as_tuple(one.backward(reference)), backward(one, dtype, subject.deviations)
        seen = np.isfinite if problem.operation in LEFT_OPEN else specials
        for grad, right, near in zip(as_tuple(one.backward(subject)), expected, exact, strict=True):
            if right is not None:
                assert_equal(seen(grad), seen(right))
                assert_within_where_finite(grad, near, dtype)


@pytest.mark.compares_with_reference
@conventions(*OTHERS)
@for_all(problem=any_but_padded, seed=SEEDS)
def test_one_infinity_or_nan_in_any_argument_reaches_what_the_definition_says(subject, dtype, problem, seed):
    assert_reaches_what_it_should(subject, dtype, problem, seed)


@pytest.mark.compares_with_reference
@conventions(*OTHERS)
@for_all(problem=any_but_padded, seed=SEEDS)
def test_one_infinity_or_nan_in_any_argument_comes_back_as_the_definition_says(subject, dtype, problem, seed):
    assert_comes_back_as_it_should(subject, dtype, problem, seed)


@pytest.mark.compares_with_reference
@conventions(*LOSSES)
@for_all(problem=problems(reductions=ANY_REDUCTION), seed=SEEDS)
def test_one_infinity_or_nan_in_a_loss_reaches_what_the_definition_says(subject, dtype, problem, seed):
    assert_reaches_what_it_should(subject, dtype, problem, seed)


@pytest.mark.compares_with_reference
@conventions("l1_loss", "mse_loss", "nll_loss")  # in torch, one reaches gradients of cross_entropy that it should not
@for_all(problem=problems(reductions=ANY_REDUCTION), seed=SEEDS)
def test_one_infinity_or_nan_in_a_loss_comes_back_as_the_definition_says(subject, dtype, problem, seed):
    assert_comes_back_as_it_should(subject, dtype, problem, seed)


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


SAME_FOR_ANY_UNIT = (
    "pad",
    "flatten",
    "relu",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "avg_pool2d",
    "adaptive_avg_pool2d",
)
"""What is linear in its input, at least in pieces whose borders are the same in any unit."""


@gradients(*SAME_FOR_ANY_UNIT)
@exact_formats
@for_all(problem=problems(), power=POWERS)
def test_an_input_times_a_power_of_two_has_the_same_gradient_where_nothing_bends(subject, problem, power):
    large = problem.input * problem.input.dtype.type(2.0**power)

    assert_equal(problem.backward(subject, input=large), problem.backward(subject))


def times(factor, problem, names):
    """Return these arguments of a problem, as far as there are any, times a factor."""
    return {name: problem.arrays[name] * factor for name in names if problem.arrays[name] is not None}


def as_tuple(grads):
    """Return gradients as a tuple, though there may be only one."""
    return grads if isinstance(grads, tuple) else (grads,)
