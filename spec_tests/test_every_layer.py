"""What every layer promises, whatever it computes: arguments left alone, a new array of the same dtype out."""

import ast
import inspect
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

import reference
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import assert_gradients_equal, backward, forward
from spec_tests.vocabulary.formats import exact_formats, float32_only
from spec_tests.vocabulary.problems import (
    Problem,
    adaptive_pool_problems,
    avg_pool_problems,
    batch_norm_problems,
    class_problems,
    conv_problems,
    dyadic_batch_norm_problems,
    elementwise_problems,
    linear_problems,
    pad_problems,
    pool_problems,
    real_numbers,
    regression_problems,
    softmax_problems,
    whole_numbers,
)
from spec_tests.vocabulary.operations import GRADIENTS

EXACT = st.one_of(
    conv_problems(),
    pool_problems(),
    linear_problems(),
    pad_problems(),
    elementwise_problems("relu"),
    regression_problems("l1_loss"),
    regression_problems("mse_loss"),
    class_problems("nll_loss", whole_numbers, targets=("indices",)),
    avg_pool_problems(),
    adaptive_pool_problems(),
    dyadic_batch_norm_problems(),
)
ROUNDING = st.one_of(
    elementwise_problems("sigmoid", real_numbers),
    elementwise_problems("tanh", real_numbers),
    softmax_problems("softmax"),
    softmax_problems("log_softmax"),
    class_problems("cross_entropy"),
    batch_norm_problems(),
)
ALL = st.one_of(EXACT, ROUNDING)


def typical_problems():
    """Return one problem of each layer, of shapes with more than one cell along every axis."""
    rng = np.random.default_rng(0)

    def problem(operation, options, grad_output, *shapes, names=("input", "weight", "bias")):
        arrays = dict(zip(names, (whole_numbers(rng, shape) for shape in shapes), strict=False))
        return Problem(operation, arrays, options, whole_numbers(rng, grad_output))

    target = {"target": np.array([2, 0])}
    scores = {"input": whole_numbers(rng, (2, 3)), **target, "weight": np.array([1.0, 2.0, 4.0])}
    pairs = {"names": ("input", "target", "weight")}
    conv = {"padding": 1, "groups": 2}
    running = {"running_mean": whole_numbers(rng, (3,)), "running_var": np.array([1.0, 2.0, 4.0])}
    affine = {"weight": np.array([1.0, 2.0, -4.0]), "bias": whole_numbers(rng, (3,))}
    normal = {"input": whole_numbers(rng, (2, 3, 5, 4)), **running, **affine}
    training = {"training": True, "momentum": 0.1, "eps": 1e-5}
    return [
        problem("conv1d", conv, (2, 6, 5), (2, 4, 5), (6, 2, 3), (6,)),
        problem("conv2d", conv, (2, 6, 5, 4), (2, 4, 5, 4), (6, 2, 3, 3), (6,)),
        problem("conv3d", conv, (2, 6, 3, 5, 4), (2, 4, 3, 5, 4), (6, 2, 3, 3, 3), (6,)),
        problem("max_pool1d", {"kernel_size": 2}, (2, 3, 2), (2, 3, 5)),
        problem("max_pool2d", {"kernel_size": 2}, (2, 3, 2, 2), (2, 3, 5, 4)),
        problem("max_pool3d", {"kernel_size": 2}, (2, 3, 2, 2, 2), (2, 3, 4, 5, 4)),
        problem("avg_pool2d", {"kernel_size": 2}, (2, 3, 2, 2), (2, 3, 5, 4)),
        problem("adaptive_avg_pool2d", {"output_size": (4, 2)}, (2, 3, 4, 2), (2, 3, 8, 4)),
        Problem("batch_norm", normal, training, whole_numbers(rng, (2, 3, 5, 4))),
        problem("pad", {"pad": (1, 2, 2, 1), "mode": "reflect"}, (2, 3, 7, 7), (2, 3, 4, 4)),
        problem("linear", {}, (2, 3, 5), (2, 3, 4), (5, 4), (5,)),
        *(problem(operation, {}, (2, 3, 4), (2, 3, 4)) for operation in ("relu", "sigmoid", "tanh")),
        *(problem(operation, {"dim": 1}, (2, 3, 4), (2, 3, 4)) for operation in ("softmax", "log_softmax")),
        problem("l1_loss", {"reduction": "none"}, (2, 3), (2, 3), (2, 3), **pairs),
        problem("mse_loss", {"reduction": "none"}, (2, 3), (2, 3), (2, 3), **pairs),
        Problem("nll_loss", scores, {"reduction": "none", "ignore_index": -100}, whole_numbers(rng, (2,))),
        Problem("cross_entropy", scores, {"reduction": "none", "ignore_index": -100}, whole_numbers(rng, (2,))),
    ]


TYPICAL = {problem.operation: problem for problem in typical_problems()}
ROUNDING_OPERATIONS = ("sigmoid", "tanh", "softmax", "log_softmax", "cross_entropy", "batch_norm")
NOTHING_TO_DO = {
    "relu": (np.ones((1, 2, 2)),),
    "pad": (np.ones((1, 2)), (0, 0)),
    "max_pool1d": (np.ones((1, 2)), 1),
    "max_pool2d": (np.ones((1, 2, 2)), 1),
    "max_pool3d": (np.ones((1, 2, 2, 2)), 1),
    "avg_pool2d": (np.ones((1, 2, 2)), 1),
    "adaptive_avg_pool2d": (np.ones((1, 2, 2)), 2),
    "batch_norm": (np.ones((1, 2)), np.zeros(2), np.full(2, 0.75), None, None, False, 0.1, 0.25),  # √1
    "conv1d": (np.ones((1, 2)), np.ones((1, 1, 1))),
    "conv2d": (np.ones((1, 2, 2)), np.ones((1, 1, 1, 1))),
    "conv3d": (np.ones((1, 2, 2, 2)), np.ones((1, 1, 1, 1, 1))),
    "linear": (np.ones((2, 1)), np.ones((1, 1))),
}

# Contracts


@float32_only
@given(problem=ALL)
def test_no_layer_changes_its_arguments(subject, dtype, problem):
    problem = problem.at(dtype)
    given_arrays = {**problem.arrays, "grad_output": problem.grad_output}
    before = {name: None if value is None else value.copy() for name, value in given_arrays.items()}

    problem.forward(subject), problem.backward(subject)

    for name, value in before.items():
        if value is not None:
            assert_equal(given_arrays[name], value)


@float32_only
@given(problem=ALL)
def test_no_output_and_no_gradient_shares_memory_with_an_argument(subject, dtype, problem):
    problem = problem.at(dtype)
    arguments = [value for value in (*problem.arrays.values(), problem.grad_output) if value is not None]

    results = [problem.forward(subject), *arrays_of(problem.backward(subject))]

    assert not any(np.shares_memory(result, argument) for result in results for argument in arguments)


@exact_formats
@given(problem=ALL)
def test_the_dtype_that_goes_in_comes_out_of_outputs_and_gradients(subject, dtype, problem):
    problem = problem.at(dtype)

    results = [problem.forward(subject), *arrays_of(problem.backward(subject))]

    assert {str(result.dtype) for result in results} == {dtype}


@float32_only
@given(problem=ALL)
def test_a_gradient_is_shaped_as_its_argument(subject, dtype, problem):
    problem = problem.at(dtype)
    gradients = problem.backward(subject)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)

    for name, gradient in zip(GRADIENTS[problem.operation], gradients, strict=True):
        if gradient is not None:
            assert gradient.shape == problem.arrays[name].shape


@pytest.mark.parametrize("layer", TYPICAL)
def test_a_layer_leaves_arrays_alone_that_it_must_not_write(subject, layer):
    problem = TYPICAL[layer]
    locked = problem.changed(**{name: _locked(value) for name, value in all_arrays(problem).items()})

    assert_equal(np.asarray(locked.forward(subject)), np.asarray(problem.forward(subject)))
    assert_gradients_equal(locked.backward(subject), problem.backward(subject))


@pytest.mark.parametrize("layer", TYPICAL)
def test_arrays_that_are_not_contiguous_give_the_same_result(subject, layer):
    problem = TYPICAL[layer]
    scattered = problem.changed(**{name: _scattered(value) for name, value in all_arrays(problem).items()})

    output = scattered.forward(subject)
    gradients = scattered.backward(subject)

    assert_close_to(output, problem.forward(subject), problem)
    for gradient, expected in zip(arrays_of(gradients), arrays_of(problem.backward(subject)), strict=True):
        assert_close_to(gradient, expected, problem)


@pytest.mark.parametrize("layer", NOTHING_TO_DO)
def test_a_layer_that_has_nothing_to_do_returns_a_new_array_all_the_same(subject, layer):
    input, *others = NOTHING_TO_DO[layer]

    output = getattr(subject, layer)(input, *others)

    assert_equal(output, input)
    assert not np.shares_memory(output, input)


def arrays_of(gradients):
    """Return the gradients there are, as a list."""
    return [g for g in (gradients if isinstance(gradients, tuple) else (gradients,)) if g is not None]


def all_arrays(problem):
    """Return the arrays of a problem, its cotangent included, by name."""
    return {**problem.arrays, "grad_output": problem.grad_output}


def assert_close_to(result, expected, problem):
    """Require the same result; of layers that round, up to twice what one result may be off by."""
    if problem.operation in ROUNDING_OPERATIONS:
        near = [forward(problem, "float64"), *backward(problem, "float64")]
        bound = 2 * max(approximation.bound.max() for approximation in near if approximation is not None)
        assert_within(result, Approximation(np.asarray(expected), np.full(np.shape(expected), bound)), "float64")
    else:
        assert_equal(np.asarray(result), np.asarray(expected))


def _locked(array):
    if array is None:
        return None
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _scattered(array):
    if array is None or array.ndim == 0:
        return array
    larger = np.zeros([2 * size for size in array.shape[::-1]], array.dtype)
    view = larger[(slice(None, None, 2),) * array.ndim].T
    view[...] = array
    return view


# The references are called as torch calls its functions

ARRAYS = {
    "conv1d": (np.zeros((1, 1, 3)), np.zeros((1, 1, 2))),
    "conv2d": (np.zeros((1, 1, 3, 3)), np.zeros((1, 1, 2, 2))),
    "conv3d": (np.zeros((1, 1, 3, 3, 3)), np.zeros((1, 1, 2, 2, 2))),
    "max_pool1d": (np.zeros((1, 1, 4)), 2),
    "max_pool2d": (np.zeros((1, 1, 4, 4)), 2),
    "max_pool3d": (np.zeros((1, 1, 4, 4, 4)), 2),
    "avg_pool2d": (np.zeros((1, 1, 4, 4)), 2),
    "adaptive_avg_pool2d": (np.zeros((1, 1, 4, 4)), 2),
    "batch_norm": (np.zeros((1, 2, 2)), np.zeros(2), np.ones(2)),
    "pad": (np.zeros((1, 4)), (1, 1)),
    "linear": (np.zeros((1, 2)), np.zeros((3, 2))),
    "flatten": (np.zeros((2, 2)),),
    "relu": (np.zeros(2),),
    "sigmoid": (np.zeros(2),),
    "tanh": (np.zeros(2),),
    "softmax": (np.zeros(2), 0),
    "log_softmax": (np.zeros(2), 0),
    "l1_loss": (np.zeros(2), np.zeros(2)),
    "mse_loss": (np.zeros(2), np.zeros(2)),
    "nll_loss": (np.zeros((1, 2)), np.array([1])),
    "cross_entropy": (np.zeros((1, 2)), np.array([1])),
}
LEFT_OUT = {
    "size_average": "deprecated in torch",
    "reduce": "deprecated in torch",
    "inplace": "a reference changes nothing",
    "_stacklevel": "where torch's warning points to",
    "dtype": "the references keep the dtype that comes in",
}


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", ARRAYS)
def test_names_and_defaults_are_those_of_torch(operation):
    theirs = {name: default for name, default in torch_parameters(operation).items() if name not in LEFT_OUT}
    ours = {name: p.default for name, p in inspect.signature(getattr(reference, operation)).parameters.items()}
    if operation in ("softmax", "log_softmax"):  # torch's default of dim is deprecated
        theirs["dim"] = inspect.Parameter.empty

    assert ours == theirs


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", ARRAYS)
def test_positional_arguments_stand_in_torchs_order(operation):
    theirs = [name for name in torch_parameters(operation) if name not in LEFT_OUT]
    parameters = inspect.signature(getattr(reference, operation)).parameters.values()
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]

    assert positional == theirs[: len(positional)]


@pytest.mark.parametrize("operation", ARRAYS)
def test_a_gradient_function_takes_the_cotangent_and_then_the_functions_own_arguments(operation):
    function, gradient = (inspect.signature(getattr(reference, name)) for name in (operation, f"{operation}_backward"))
    cotangent, *arguments = gradient.parameters.values()

    assert cotangent.name == "grad_output"
    assert arguments == list(function.parameters.values())


def torch_parameters(operation):
    """Return torch's parameters and defaults, from the signature or, of a built-in, from the first line of its help."""
    function = getattr(functional, operation, None) or getattr(torch, operation)
    if operation in ("sigmoid", "tanh"):
        function = getattr(functional, operation)
    try:
        parameters = inspect.signature(function).parameters.values()
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            raise ValueError("a dispatcher, which takes anything")
        return {p.name: p.default for p in parameters}
    except ValueError:
        listed = re.search(rf"{operation}\((.*?)\)", function.__doc__).group(1).replace("*, ", "")
        pairs = [part.partition("=") for part in listed.split(", ")]
        empty = inspect.Parameter.empty
        return {name: ast.literal_eval(default) if equals else empty for name, equals, default in pairs}


# What the references refuse by themselves: anything but arrays of a dtype they know


@pytest.mark.parametrize("operation", ARRAYS)
def test_a_list_is_refused_as_input(operation):
    input, *others = ARRAYS[operation]

    with pytest.raises(TypeError, match="input must be a NumPy array, got list"):
        getattr(reference, operation)(input.tolist(), *others)


@pytest.mark.parametrize("operation", ARRAYS)
def test_an_array_of_another_kind_or_byte_order_is_refused(operation):
    input, *others = ARRAYS[operation]

    with pytest.raises(TypeError, match="input must be a NumPy array, got MaskedArray"):
        getattr(reference, operation)(np.ma.masked_array(input), *others)
    with pytest.raises(TypeError, match=r"input has byte order .*, expected this machine's own"):
        getattr(reference, operation)(input.astype(input.dtype.newbyteorder()), *others)


@pytest.mark.parametrize("unknown", ["float16", "complex64", "str"])
@pytest.mark.parametrize("operation", ARRAYS)
def test_a_dtype_the_references_do_not_compute_in_is_refused(operation, unknown):
    input, *others = ARRAYS[operation]

    with pytest.raises(TypeError, match=r"input has dtype .*, expected one of"):
        getattr(reference, operation)(input.astype(unknown), *others)


@pytest.mark.parametrize("operation", ARRAYS)
def test_a_gradient_refuses_a_cotangent_of_another_dtype(operation):
    output = getattr(reference, operation)(*ARRAYS[operation])
    cotangent = np.asarray(output).astype("float32")

    with pytest.raises(TypeError, match="grad_output"):
        getattr(reference, f"{operation}_backward")(cotangent, *ARRAYS[operation])


@pytest.mark.parametrize("operation", ARRAYS)
def test_a_gradient_refuses_a_cotangent_of_another_shape(operation):
    output = np.asarray(getattr(reference, operation)(*ARRAYS[operation]))

    with pytest.raises(ValueError, match="grad_output has shape"):
        getattr(reference, f"{operation}_backward")(np.zeros((*output.shape, 2)), *ARRAYS[operation])
