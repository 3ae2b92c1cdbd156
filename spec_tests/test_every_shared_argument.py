"""What every operation promises when one array is given as two of its arguments: the results of separate copies.

`linear(x, x)`, a loss of something with itself, a weight that is a view of the input: nothing is written into an
argument, so that it does not matter whether arguments share memory. The numbers are whole, and the same computation is
asked for twice; so results are equal to the last digit.
"""

from itertools import combinations

import numpy as np
import pytest

from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.levels import contracts, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, MAX_POOLS, OPERATIONS
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.sums import assert_equal_sums
from spec_tests.vocabulary.torch_when_needed import functional, torch

NUMBERS = np.array([3.0, 1.0, -2.0, 4.0, 2.0, -1.0, 1.0, 3.0, -4.0, 2.0])


def numbers(*shape):
    """Return whole numbers of this shape, none of them 0."""
    return np.resize(NUMBERS, shape)


def square_convolution(operation):
    """Return a convolution whose input, weight and output are of one shape."""
    rank = int(operation[-2])
    shape = (2, 2, *[3] * rank)
    arrays = {"input": numbers(*shape), "weight": numbers(*shape), "bias": None}
    return Problem(operation, arrays, {"padding": 1}, numbers(*shape))


def of_one_array(operation, shape, **options):
    """Return an operation of one array whose output is of its shape."""
    return Problem(operation, {"input": numbers(*shape)}, options, numbers(*shape))


POSITIVE = np.array([0.25, 0.5, 0.25])
ONE_SHAPE = {
    **{name: square_convolution(name) for name in CONVOLUTIONS},
    **{
        name: of_one_array(name, (2, 2, *[3] * int(name[-2])), kernel_size=3, stride=1, padding=1) for name in MAX_POOLS
    },
    "avg_pool2d": of_one_array("avg_pool2d", (2, 2, 3, 3), kernel_size=3, stride=1, padding=1),
    "adaptive_avg_pool2d": of_one_array("adaptive_avg_pool2d", (2, 2, 3, 3), output_size=3),
    "pad": of_one_array("pad", (2, 2, 3, 3), pad=(1, -1)),
    "flatten": of_one_array("flatten", (6,)),
    **{name: of_one_array(name, (2, 3)) for name in ("relu", "sigmoid", "tanh")},
    **{name: of_one_array(name, (2, 3), dim=1) for name in ("softmax", "log_softmax")},
    "linear": Problem("linear", {"input": numbers(3, 3), "weight": numbers(3, 3), "bias": None}, {}, numbers(3, 3)),
    **{
        name: Problem(
            name,
            {"input": numbers(2, 3), "target": numbers(2, 3)[::-1], "weight": abs(numbers(2, 3))},
            {"reduction": "none"},
            numbers(2, 3),
        )
        for name in ("l1_loss", "mse_loss")
    },
    "nll_loss": Problem(
        "nll_loss", {"input": POSITIVE, "target": np.array(1), "weight": 2 * POSITIVE}, {}, np.array(1.0)
    ),
    "cross_entropy": Problem(
        "cross_entropy", {"input": numbers(3), "target": POSITIVE, "weight": 2 * POSITIVE}, {}, np.array(1.0)
    ),
    "batch_norm": Problem(
        "batch_norm",
        {
            "input": numbers(4, 3),
            "running_mean": numbers(3),
            "running_var": abs(numbers(3)),
            "weight": numbers(3),
            "bias": -numbers(3),
        },
        {"training": False},
        numbers(4, 3),
    ),
    "layer_norm": Problem(
        "layer_norm",
        {"input": numbers(3), "weight": -numbers(3), "bias": 2 * numbers(3)},
        {"normalized_shape": (3,)},
        numbers(3),
    ),
}
"""A call of every operation with as many arguments of one shape as there can be."""


def sharing(problem):
    """Return the pairs of arguments that one array can stand for, `grad_output` among them."""
    arrays = {**problem.arrays, "grad_output": problem.grad_output}
    floats = {name: value for name, value in arrays.items() if value is not None and value.dtype.kind == "f"}
    return [pair for pair in combinations(floats, 2) if len({floats[name].shape for name in pair}) == 1]


IN_TRAINING = ONE_SHAPE["batch_norm"].changed(training=True)
PAIRS = [
    pytest.param(problem, *pair, id=f"{name}: {' = '.join(pair)}")
    for name, problem in {**ONE_SHAPE, "batch_norm in training": IN_TRAINING}.items()
    for pair in sharing(problem)
]
PAIRS_OF_ARGUMENTS = [pair for pair in PAIRS if "grad_output" not in pair.values]
"""Those of which the output depends on both."""


def shared_and_apart(problem, shared, copied):
    """Return a problem in which one array stands for both, and the same with a copy for the second."""
    array = problem.grad_output if shared == "grad_output" else problem.arrays[shared]
    if "running_var" in (shared, copied):
        array = abs(array)
    both = {shared: array, copied: array}
    return problem.changed(**both), problem.changed(**{shared: array, copied: array.copy()})


def assert_same_output(one, other, subject):
    """Require the same output of two problems, exactly."""
    assert_equal_sums(one.forward(subject), other.forward(subject), one, subject)


def assert_same_gradients(one, other, subject):
    """Require the same gradients of two problems, exactly."""
    for grad, expected in zip(gradients_of(one, subject), gradients_of(other, subject), strict=True):
        assert_equal_sums(grad, expected, one, subject)


def gradients_of(problem, subject):
    """Return the gradients there are, as a list."""
    grads = problem.backward(subject)
    return [grad for grad in (grads if isinstance(grads, tuple) else (grads,)) if grad is not None]


@pytest.mark.tooling
def test_every_operation_is_tried_with_an_array_that_stands_for_two_arguments():
    assert {case.values[0].operation for case in PAIRS} == OPERATIONS.keys()


@contracts(*OPERATIONS)
@pytest.mark.parametrize(("problem", "shared", "copied"), PAIRS)
def test_one_array_for_two_arguments_gives_the_gradients_of_a_copy_for_each(subject, problem, shared, copied):
    assert_same_gradients(*shared_and_apart(problem.at("float32"), shared, copied), subject)


@contracts(*dict.fromkeys(pair.values[0].operation for pair in PAIRS_OF_ARGUMENTS))
@pytest.mark.parametrize(("problem", "shared", "copied"), PAIRS_OF_ARGUMENTS)
def test_one_array_for_two_arguments_gives_the_output_of_a_copy_for_each(subject, problem, shared, copied):
    assert_same_output(*shared_and_apart(problem.at("float32"), shared, copied), subject)


VIEWS = {
    "conv2d": lambda p: {"bias": p.weight[:, 1, 1, 2]},
    "linear": lambda p: {"bias": p.weight[1], "grad_output": p.input.T},
    "mse_loss": lambda p: {"target": p.input[::-1], "weight": p.grad_output[:, ::-1]},
    "cross_entropy": lambda p: {"target": p.input[::-1], "weight": p.input},
    "batch_norm": lambda p: {"bias": p.input[0], "weight": p.input[1], "running_mean": p.input[0]},
    "layer_norm": lambda p: {"bias": p.input[::-1], "weight": p.input[::-1]},
}
"""Arguments that are views of others, shaped otherwise or turned around, and several of the same."""


@contracts(*VIEWS)
@pytest.mark.parametrize("operation", VIEWS)
def test_an_argument_that_is_a_view_of_another_counts_as_a_copy_of_it(subject, operation):
    assert_same_output(*of_views_and_of_copies(operation), subject)


@contracts(*VIEWS)
@pytest.mark.parametrize("operation", VIEWS)
def test_to_gradients_an_argument_that_is_a_view_of_another_is_a_copy_of_it(subject, operation):
    assert_same_gradients(*of_views_and_of_copies(operation), subject)


def of_views_and_of_copies(operation):
    """Return a problem with arguments that are views of others, and the same with copies of them."""
    problem = ONE_SHAPE[operation].at("float32")
    views = VIEWS[operation](problem)
    return problem.changed(**views), problem.changed(**{name: view.copy() for name, view in views.items()})


@pytest.mark.torch_api
@values("batch_norm")
@pytest.mark.parametrize("learned", ["weight", "bias"])
@pytest.mark.parametrize("statistic", ["running_mean", "running_var"])
def test_torch_normalizes_before_it_writes_the_running_statistics(subject_on_cpu, statistic, learned):
    names = ("running_mean", "running_var", "weight", "bias")
    separate = {name: torch.tensor([1.0, 2.0]) for name in names}
    shared = {name: torch.tensor([1.0, 2.0]) for name in names}
    shared[learned] = shared[statistic]
    input = torch.from_numpy(numbers(4, 2)).float()

    outputs = [functional.batch_norm(input, **arguments, training=True).numpy() for arguments in (shared, separate)]

    with allowing(subject_on_cpu, "batch-norm-aliased-statistics"):
        assert_equal(*outputs)
