"""What every gradient promises besides its value: whichever are asked for, and when it is differentiated again.

Both need an optional method of the subject (`vocabulary/subject.py`); without it these tests are skipped.
"""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import reference
from spec_tests.subjects import load
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.exact import backward
from spec_tests.vocabulary.formats import all_formats, exact_formats, float32_only, float64_only
from spec_tests.vocabulary.gradient_checks import arguments_to_step_in, operations_that_leave, problems_to_step_in
from spec_tests.vocabulary.levels import gradients
from spec_tests.vocabulary.operations import CONVOLUTIONS, GRADIENTS, OPERATIONS
from spec_tests.vocabulary.operations.batch_norm import dyadic_batch_norm_problems
from spec_tests.vocabulary.operations.operation import NOTHING, SLOPE
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers, small_whole_numbers, special_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.second_gradients import (
    assert_second_gradients_leave_a_slope_of_two,
    assert_second_gradients_leave_nothing,
    second_gradients,
    vectors_for,
)
from spec_tests.vocabulary.some_gradients import some_gradients
from spec_tests.vocabulary.spoiling import not_transformed, specials, spoilt_in, with_every_window
from spec_tests.vocabulary.subject import NotOffered
from spec_tests.vocabulary.sums import assert_equal_sums
from spec_tests.vocabulary.transforms import bound

SEVERAL = [name for name, row in OPERATIONS.items() if len(row.gradients) > 1]
PRODUCTS = [*CONVOLUTIONS, "linear"]

# Whichever gradients are asked for


def choices(problem):
    """Return what may be asked for short of everything: each gradient alone, and each pair of three."""
    names = OPERATIONS[problem.operation].arguments_with_gradients(problem)
    return [wanted for count in range(1, len(names)) for wanted in combinations(names, count)] or [names]


def all_gradients(problem, subject):
    """Return the gradients that come together, by argument."""
    return dict(zip(GRADIENTS[problem.operation], problem.backward(subject), strict=True))


def assert_alone_as_together(problem, subject):
    """Require every choice of gradients to equal those that come together."""
    together = all_gradients(problem, subject)
    for wanted in choices(problem):
        for name, grad in some_gradients(problem, wanted, subject).items():
            assert_equal_sums(grad, together[name], problem, subject)


def assert_alone_as_together_but_for_rounding(problem, subject, dtype):
    """Require every choice of gradients to be as near to those that come together as two roundings allow."""
    together = all_gradients(problem, subject)
    near = dict(zip(together, backward(problem, dtype), strict=True))
    for wanted in choices(problem):
        for name, grad in some_gradients(problem, wanted, subject).items():
            rounding = bound(near[name], name, problem, subject, dtype).bound
            assert_within(grad, Approximation(together[name].astype(np.float64), 2 * rounding), dtype)


@gradients(*PRODUCTS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])  # in bfloat16, torch is known to err at random
@for_all(problem=problems())
def test_gradients_of_products_are_the_same_alone_in_pairs_and_all_at_once(subject, problem):
    assert_alone_as_together(problem, subject)


@gradients("batch_norm")
@for_all(problem=dyadic_batch_norm_problems())
def test_gradients_of_batch_norm_in_evaluation_are_the_same_alone_as_together(subject, problem):
    assert_alone_as_together(problem, subject)


@gradients(*SEVERAL)
@exact_formats
@for_all(problem=problems(numbers=real_numbers))
def test_gradients_alone_or_in_pairs_are_those_of_all_at_once_but_for_rounding(subject, dtype, problem):
    assert_alone_as_together_but_for_rounding(problem, subject, dtype)


EXACT_CASES = [(name, key) for name in SEVERAL for key, case in OPERATIONS[name].large.items() if case.exact]


@gradients(*dict.fromkeys(name for name, _ in EXACT_CASES))
@float32_only
@pytest.mark.parametrize(("operation", "case"), EXACT_CASES, ids=["-".join(pair) for pair in EXACT_CASES])
def test_gradients_of_wide_inputs_are_the_same_alone_in_pairs_and_all_at_once(subject, operation, case, dtype):
    assert_alone_as_together(OPERATIONS[operation].large[case].whole.at(dtype), subject.at(dtype))


FORMULAS = [name for name in SEVERAL if name not in PRODUCTS]
WIDE_FORMULAS = [(name, key) for name in FORMULAS for key in OPERATIONS[name].large]


@gradients(*FORMULAS)
@float32_only
@pytest.mark.parametrize(("operation", "case"), WIDE_FORMULAS, ids=["-".join(pair) for pair in WIDE_FORMULAS])
def test_gradients_of_wide_inputs_alone_are_those_of_all_at_once_but_for_rounding(subject, operation, case, dtype):
    problem = OPERATIONS[operation].large[case].problem(real_numbers).at(dtype)
    assert_alone_as_together_but_for_rounding(problem, subject.at(dtype), dtype)


@gradients(*SEVERAL)
@exact_formats
@for_all(problem=problems(numbers=special_numbers))
def test_gradients_alone_are_infinite_or_nan_where_those_of_all_at_once_are(subject, dtype, problem):
    together = all_gradients(problem, subject)
    for wanted in choices(problem):
        for name, grad in some_gradients(problem, wanted, subject).items():
            assert str(grad.dtype) == dtype
            assert_equal(specials(grad), specials(together[name]))


@gradients(*SEVERAL)
@for_all(problem=problems())
def test_the_order_in_which_gradients_are_asked_for_is_the_order_they_come_in(subject, problem):
    names = OPERATIONS[problem.operation].arguments_with_gradients(problem)

    forwards, backwards = (some_gradients(problem, wanted, subject) for wanted in (names, names[::-1]))

    for name in names:
        assert_equal(forwards[name], backwards[name])


def path(rank, channels, outs, kernel, groups=1, **options):
    """Return a convolution of whole numbers, of a size for which implementations take a path of their own."""
    rng, size = np.random.default_rng(0), (8, 9, 6)[-rank:] if rank > 1 else (24,)
    stride, padding = options.get("stride", 1), options.get("padding", 0)
    outputs = [(n + 2 * padding - kernel) // stride + 1 for n in size]
    arrays = {
        "input": small_whole_numbers(rng, (2, channels, *size)),
        "weight": small_whole_numbers(rng, (outs, channels // groups, *[kernel] * rank)),
        "bias": small_whole_numbers(rng, (outs,)),
    }
    return Problem(f"conv{rank}d", arrays, {**options, "groups": groups}, small_whole_numbers(rng, (2, outs, *outputs)))


PATHS = {
    "1x1": path(2, 16, 32, 1),
    "1x1, stride 2": path(2, 16, 24, 1, stride=2),
    "3x3": path(2, 16, 16, 3, padding=1),
    "3x3, stride 2": path(2, 8, 16, 3, stride=2, padding=1),
    "7x7, stride 2, from 3 channels": path(2, 3, 16, 7, stride=2, padding=3),
    "depthwise": path(2, 24, 24, 3, groups=24, padding=1),
    "5x5": path(2, 8, 9, 5, padding=2),
    "one axis": path(1, 16, 16, 3, padding=1),
    "three axes": path(3, 4, 16, 3, padding=1),
}


@gradients(*CONVOLUTIONS)
@all_formats
@pytest.mark.parametrize("case", PATHS.values(), ids=PATHS)
def test_on_the_paths_of_real_networks_gradients_of_conv_do_not_depend_on_the_others(subject, dtype, case):
    known = ("bfloat16-conv3d-weight-gradient", "bfloat16-strided-conv-gradient") if dtype == "bfloat16" else ()
    with allowing(subject, *known):
        assert_alone_as_together(case.at(dtype), subject.at(dtype))


# The gradient of the gradient


def stepping(remainder):
    """Draw problems of which a step leaves this remainder."""
    return lambda operation, _: problems_to_step_in(operation, remainder)


@gradients(*operations_that_leave(NOTHING))
@for_all(problem=stepping(NOTHING), seed=SEEDS)
def test_second_gradients_say_exactly_what_a_step_changes_where_nothing_bends(subject, problem, seed):
    assume(not fails_twice(problem, subject))
    for argument in ("grad_output", *arguments_to_step_in(problem, NOTHING)):
        assert_second_gradients_leave_nothing(problem, argument, seed, subject)


DIGITS = {"float32": 2.0**11 + 1, "float64": 2.0**30 + 1}
"""Whole numbers of more digits than the next lower format has; their products with small ones are still exact."""


def without_padding_or_stride(operation, dtype):
    """Draw a problem in which no zeros, whose product with an infinity may be left out, stand between the numbers."""
    if operation == "linear":
        return problems(numbers=small_whole_numbers)(operation, dtype)
    drawn = problems(numbers=small_whole_numbers, paddings=("valid",))(operation, dtype)
    return drawn.map(with_every_window)


def of_the_first_gradients(problem, vectors, subject):
    """Return what the second gradients of a sum of products f(x, w) + b are, by its own values and gradients."""
    v = {name: vectors.get(name, np.zeros_like(value)) for name, value in problem.arrays.items() if value is not None}
    along = problem.forward(subject, input=v["input"], bias=v.get("bias"))
    along = along + problem.forward(subject, weight=v["weight"], bias=None)
    swapped = problem.backward(subject, input=v["input"], weight=v["weight"], bias=None)
    return {"grad_output": along, "input": swapped[0], "weight": swapped[1]}


def assert_second_gradients_are_those_of_the_first(problem, seed, dtype, subject):
    """Require second gradients to be made of values and gradients, every digit of them."""
    vectors = vectors_for(problem, seed)
    vectors = {name: vector * vector.dtype.type(DIGITS[dtype]) for name, vector in vectors.items()}

    found = second_gradients(problem, vectors, subject)

    for name, right in of_the_first_gradients(problem, vectors, subject).items():
        assert_equal_sums(found[name], right, problem, subject)


@gradients(*PRODUCTS)
@exact_formats
@for_all(problem=problems(numbers=small_whole_numbers), seed=SEEDS)
def test_second_gradients_of_products_are_values_and_gradients_of_other_arguments(subject, dtype, problem, seed):
    assert_second_gradients_are_those_of_the_first(problem, seed, dtype, subject)


@gradients(*PRODUCTS)
@exact_formats
@for_all(problem=problems(numbers=small_whole_numbers), seed=SEEDS, power=st.sampled_from([-20, 20]))
def test_second_gradients_are_multiplied_by_a_power_of_two_that_the_vectors_are(subject, problem, seed, power):
    vectors, factor = vectors_for(problem, seed), problem.input.dtype.type(2.0**power)
    times_factor = {name: vector * factor for name, vector in vectors.items()}

    scaled = second_gradients(problem, times_factor, subject)

    for name, right in second_gradients(problem, vectors, subject).items():
        assert_equal_sums(scaled[name] / factor, right, problem, subject)


@pytest.mark.compares_with_reference
@gradients(*PRODUCTS)
@for_all(problem=without_padding_or_stride, seed=SEEDS)
def test_an_infinity_or_nan_in_a_vector_reaches_the_second_gradients_that_it_should(subject, problem, seed):
    not_transformed(subject, problem)
    vectors, rng = vectors_for(problem, seed), np.random.default_rng(seed)
    for name, number in product(vectors, (np.nan, np.inf)):
        spoilt = {**vectors, name: spoilt_in(vectors[name], number, rng)}
        with np.errstate(invalid="ignore"):
            expected = of_the_first_gradients(problem, spoilt, reference)
        found = second_gradients(problem, spoilt, subject)
        for argument, right in expected.items():
            assert_equal(found[argument], right)


WIDE_PRODUCTS = [pair for pair in EXACT_CASES if pair[0] in PRODUCTS]


@gradients(*PRODUCTS)
@float32_only
@pytest.mark.parametrize(("operation", "case"), WIDE_PRODUCTS, ids=["-".join(pair) for pair in WIDE_PRODUCTS])
def test_the_second_gradients_of_wide_products_are_values_and_gradients_too(subject, operation, case, dtype):
    if operation in subject.transforms:
        raise NotOffered(
            f"{operation} by {subject.transforms[operation]}: so many products are no longer right within 1/4"
        )
    problem = OPERATIONS[operation].large[case].problem(small_whole_numbers).at(dtype)

    assert_second_gradients_are_those_of_the_first(problem, 0, dtype, subject.at(dtype))


@gradients(*CONVOLUTIONS)
@float32_only
@pytest.mark.parametrize("length", [5, 7])
def test_the_second_gradients_of_long_kernels_are_values_and_gradients_too(subject, operation, length, dtype):
    if operation in subject.transforms:
        raise NotOffered(f"{operation} by {subject.transforms[operation]}: its second gradients have no exact law")
    rng, ones = np.random.default_rng(length), [1] * (int(operation[len("conv")]) - 1)

    def whole(*size):
        return rng.integers(-2, 3, size).astype(dtype)

    arrays = {"input": whole(2, 3, *ones, length + 2), "weight": whole(2, 3, *ones, length), "bias": whole(2)}
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    problem = Problem(operation, arrays, options, whole(2, 2, *ones, 3))

    assert_second_gradients_are_those_of_the_first(problem, 0, dtype, subject.at(dtype))


SMOOTH = [name for name in operations_that_leave(SLOPE) if name != "l1_loss"]  # which has a kink


@gradients(*SMOOTH)
@float64_only
@for_all(problem=stepping(SLOPE), seed=SEEDS)
def test_what_second_gradients_leave_of_a_step_falls_with_slope_2_when_halved(subject, problem, seed):
    assume(not fails_twice(problem, subject))
    for argument in ("grad_output", *OPERATIONS[problem.operation].arguments_with_gradients(problem)):
        assert_second_gradients_leave_a_slope_of_two(problem, argument, seed, subject)


def fails_twice(problem, subject):
    """Tell whether a known deviation stops a norm from being differentiated twice, with a bias and no weight."""
    return (
        "norm-bias-twice" in subject.deviations
        and problem.operation in ("batch_norm", "layer_norm")
        and problem.weight is None
        and problem.bias is not None
    )


# The checks themselves

CASES = [
    pytest.param(remainder, operation, argument, id=f"{operation} {argument}: {remainder}")
    for remainder, operations in ((NOTHING, operations_that_leave(NOTHING)), (SLOPE, SMOOTH))
    for operation in operations
    for argument in ("grad_output", *OPERATIONS[operation].checks[remainder].arguments)
]


@pytest.mark.tooling
@pytest.mark.slow
@pytest.mark.parametrize(("remainder", "operation", "argument"), CASES)
def test_a_second_gradient_that_is_off_by_a_thousandth_fails_its_check(remainder, operation, argument):
    torch_itself, row = load("torch"), OPERATIONS[operation]
    check, dtype = (
        (assert_second_gradients_leave_nothing, "float32")
        if remainder == NOTHING
        else (assert_second_gradients_leave_a_slope_of_two, "float64")
    )

    @settings(phases=[Phase.generate], database=None)
    @given(problem=problems_to_step_in(operation, remainder), seed=SEEDS)
    def checked(problem, seed):
        assume(not fails_twice(problem, torch_itself))
        assume(argument in ("grad_output", *row.arguments_with_gradients(problem)))
        check(problem.at(dtype), argument, seed, OffByAThousandth(torch_itself.at(dtype)))

    with pytest.raises(AssertionError):
        checked()


class OffByAThousandth:
    """A subject whose second gradients are a little too great."""

    def __init__(self, subject):
        self.subject = subject

    def __getattr__(self, name):
        return getattr(self.subject, name)

    def double_backward(self, *args, **kwargs):
        right = self.subject.double_backward(*args, **kwargs)
        return {name: grad * (1 + 2**-10) + 2**-10 for name, grad in right.items()}
