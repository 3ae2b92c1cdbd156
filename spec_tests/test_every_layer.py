"""What every layer promises, whatever it computes: arguments left alone, a new array of the same dtype out."""

import ast
import inspect
import re

import numpy as np
import pytest

import reference
from spec_tests.contract.functions import FOUND_BEFORE
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import assert_gradients_equal, backward, forward
from spec_tests.vocabulary.formats import exact_formats
from spec_tests.vocabulary.levels import contracts, gradients
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas
from spec_tests.vocabulary.properties import any_problem, for_all
from spec_tests.vocabulary.torch_when_needed import functional, torch

each_operation = pytest.mark.parametrize("operation", OPERATIONS)
NEW_ARRAYS = [name for name, row in OPERATIONS.items() if not row.may_return_a_view]
NOTHING_TO_DO = [name for name in NEW_ARRAYS if OPERATIONS[name].nothing_to_do]
OF_ONE_IMAGE = [name for name in NOTHING_TO_DO if name.startswith("conv") or "pool" in name]

# Contracts


@contracts(*OPERATIONS)
@for_all(problem=any_problem)
def test_no_layer_changes_its_arguments(subject, problem):
    before = copies_of_arrays(problem)

    problem.forward(subject)

    assert not ledger.written()  # or, of a subject whose calls are not recorded:
    assert_same_arrays(problem, before)


@contracts(*OPERATIONS)
@for_all(problem=any_problem)
def test_no_gradient_changes_its_arguments(subject, problem):
    before = copies_of_arrays(problem)

    problem.backward(subject)

    assert not ledger.written()  # or, of a subject whose calls are not recorded:
    assert_same_arrays(problem, before)


@contracts(*NEW_ARRAYS)
@for_all(problem=any_problem)
def test_no_output_shares_memory_with_an_argument(subject, problem):
    assert_new([problem.forward(subject)], problem)


@contracts(*NEW_ARRAYS)
@for_all(problem=any_problem)
def test_no_gradient_shares_memory_with_an_argument(subject, problem):
    assert_new(arrays_of(problem.backward(subject)), problem)


@contracts(*OPERATIONS)
@exact_formats
@for_all(problem=any_problem)
def test_the_dtype_that_goes_in_comes_out(subject, dtype, problem):
    assert str(problem.forward(subject).dtype) == dtype


@contracts(*OPERATIONS)
@exact_formats
@for_all(problem=any_problem)
def test_the_dtype_that_goes_in_comes_out_of_gradients(subject, dtype, problem):
    assert {str(grad.dtype) for grad in arrays_of(problem.backward(subject))} == {dtype}


@gradients(*OPERATIONS)
@for_all(problem=any_problem)
def test_a_gradient_is_shaped_as_its_argument(subject, problem):
    grads = problem.backward(subject)
    grads = grads if isinstance(grads, tuple) else (grads,)

    assert any(grad is not None for grad in grads)
    for name, grad in zip(GRADIENTS[problem.operation], grads, strict=True):
        if grad is not None:
            assert grad.shape == problem.arrays[name].shape


@contracts(*OPERATIONS)
def test_a_layer_leaves_arrays_alone_that_it_must_not_write(subject, operation):
    problem = OPERATIONS[operation].typical
    locked = problem.changed(**{name: _locked(value) for name, value in all_arrays(problem).items()})

    assert_equal(np.asarray(locked.forward(subject)), np.asarray(problem.forward(subject)))


@contracts(*OPERATIONS)
def test_a_gradient_leaves_arrays_alone_that_it_must_not_write(subject, operation):
    problem = OPERATIONS[operation].typical
    locked = problem.changed(**{name: _locked(value) for name, value in all_arrays(problem).items()})

    assert_gradients_equal(locked.backward(subject), problem.backward(subject))


@contracts(*OPERATIONS)
def test_arrays_that_are_not_contiguous_give_the_same_result(subject, operation):
    problem = OPERATIONS[operation].typical
    scattered = problem.changed(**{name: _scattered(value) for name, value in all_arrays(problem).items()})

    output = scattered.forward(subject)

    assert_same_but_for_rounding(output, problem.forward(subject), problem)


@contracts(*OPERATIONS)
def test_arrays_that_are_not_contiguous_give_the_same_gradients(subject, operation):
    problem = OPERATIONS[operation].typical
    scattered = problem.changed(**{name: _scattered(value) for name, value in all_arrays(problem).items()})

    grads = arrays_of(scattered.backward(subject))

    for grad, expected in zip(grads, arrays_of(problem.backward(subject)), strict=True):
        assert_same_but_for_rounding(grad, expected, problem)


@contracts(*NOTHING_TO_DO)
def test_a_layer_that_has_nothing_to_do_returns_a_new_array_all_the_same(subject, operation):
    problem = OPERATIONS[operation].nothing_to_do

    output = problem.forward(subject)

    assert_equal(output, problem.input)
    assert not np.shares_memory(output, problem.input)


@contracts(*OF_ONE_IMAGE)
def test_a_layer_that_has_nothing_to_do_returns_a_new_array_for_a_batch_too(subject, operation):
    batch = OPERATIONS[operation].nothing_to_do.input[np.newaxis]

    output = OPERATIONS[operation].nothing_to_do.forward(subject, input=batch)

    assert_equal(output, batch)
    assert not np.shares_memory(output, batch)


SHAPED_ALIKE = {
    "linear": {name: np.eye(3)[-1] for name in ("input", "bias")} | {"weight": np.eye(3)},
    "layer_norm": dict.fromkeys(("input", "weight", "bias"), OPERATIONS["layer_norm"].typical.weight),
    **{loss: {name: np.eye(3) for name in ("input", "target", "weight")} for loss in ("l1_loss", "mse_loss")},
}
"""Of operations, arguments that are shaped as the output: its numbers would fit into any of them."""


@contracts(*SHAPED_ALIKE)
@exact_formats
def test_an_output_shaped_as_an_argument_does_not_lie_in_its_memory(subject, dtype, operation):
    arrays = {name: array.astype(dtype) for name, array in SHAPED_ALIKE[operation].items()}
    problem = OPERATIONS[operation].typical.changed(**arrays)
    before = copies_of_arrays(problem)

    output = problem.forward(subject)

    assert not ledger.written()
    assert_same_arrays(problem, before)
    assert not any(np.shares_memory(output, array) for array in arrays.values())


def arrays_of(grads):
    """Return the gradients there are, as a list."""
    return [g for g in (grads if isinstance(grads, tuple) else (grads,)) if g is not None]


def all_arrays(problem):
    """Return the arrays of a problem, `grad_output` included, by name."""
    return {**problem.arrays, "grad_output": problem.grad_output}


def copies_of_arrays(problem):
    """Return copies of the arrays there are, by name."""
    return {name: value.copy() for name, value in all_arrays(problem).items() if value is not None}


def assert_same_arrays(problem, before):
    """Require the arrays of a problem to be what they were before."""
    for name, value in before.items():
        assert_equal(all_arrays(problem)[name], value)


def assert_new(results, problem):
    """Require that no result shares memory with an array of the problem."""
    arguments = [value for value in all_arrays(problem).values() if value is not None]

    assert not any(np.shares_memory(result, argument) for result in results for argument in arguments)


def assert_same_but_for_rounding(result, expected, problem):
    """Require the same result; of layers that round, up to twice what one result may be off by."""
    if isinstance(OPERATIONS[problem.operation].rounding, Formulas):
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

LEFT_OUT = {
    "size_average": "deprecated in torch",
    "reduce": "deprecated in torch",
    "inplace": "a reference changes nothing",
    "_stacklevel": "where torch's warning points to",
}


@pytest.mark.torch_api
@each_operation
def test_names_and_defaults_are_those_of_torch(operation):
    theirs = {name: default for name, default in torch_parameters(operation).items() if name not in LEFT_OUT}
    ours = {name: p.default for name, p in inspect.signature(getattr(reference, operation)).parameters.items()}
    if operation in ("softmax", "log_softmax"):  # torch's default of dim is deprecated
        theirs["dim"] = inspect.Parameter.empty

    assert ours == theirs


@pytest.mark.torch_api
@each_operation
def test_positional_arguments_stand_in_torchs_order(operation):
    theirs = [name for name in torch_parameters(operation) if name not in LEFT_OUT]
    parameters = inspect.signature(getattr(reference, operation)).parameters.values()
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]

    assert positional == theirs[: len(positional)]


@each_operation
def test_a_gradient_function_takes_grad_output_and_then_the_functions_arguments(operation):
    function, gradient = (inspect.signature(getattr(reference, name)) for name in (operation, f"{operation}_backward"))
    cotangent, *arguments = gradient.parameters.values()
    known = [p for p in arguments if p.name in FOUND_BEFORE]

    assert cotangent.name == "grad_output"
    assert [p for p in arguments if p not in known] == list(function.parameters.values())
    assert all(p.kind is p.KEYWORD_ONLY and p.default is None for p in known)


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


@each_operation
def test_a_list_is_refused_as_input(operation):
    problem = OPERATIONS[operation].typical

    with pytest.raises(TypeError, match="input must be a NumPy array, got list"):
        problem.forward(reference, input=problem.input.tolist())


@each_operation
def test_an_array_of_another_kind_or_byte_order_is_refused(operation):
    problem = OPERATIONS[operation].typical

    with pytest.raises(TypeError, match="input must be a NumPy array, got MaskedArray"):
        problem.forward(reference, input=np.ma.masked_array(problem.input))
    with pytest.raises(TypeError, match=r"input has byte order .*, expected the machine's own"):
        problem.forward(reference, input=problem.input.astype(problem.input.dtype.newbyteorder()))


@pytest.mark.parametrize("unknown", ["float16", "complex64", "str"])
@each_operation
def test_a_dtype_the_references_do_not_compute_in_is_refused(operation, unknown):
    problem = OPERATIONS[operation].typical

    with pytest.raises(TypeError, match=r"input has dtype .*, expected one of"):
        problem.forward(reference, input=problem.input.astype(unknown))


@each_operation
def test_a_gradient_refuses_a_grad_output_of_another_dtype(operation):
    problem = OPERATIONS[operation].typical

    with pytest.raises(TypeError, match="grad_output"):
        problem.backward(reference, grad_output=problem.grad_output.astype("float32"))


@each_operation
def test_a_gradient_refuses_a_grad_output_of_another_shape(operation):
    problem = OPERATIONS[operation].typical

    with pytest.raises(ValueError, match="grad_output has shape"):
        problem.backward(reference, grad_output=np.zeros((*problem.grad_output.shape, 2)))
