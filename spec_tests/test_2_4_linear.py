"""2.4 Linear: the layer mixes the features along the last axis, Y = X Wᵀ + b; and flatten, which makes such an axis.

On whole numbers every law is exact, and a linear layer is also a convolution: by kernels of one cell, or by
kernels as large as the image.
"""

import re

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
)
from spec_tests.vocabulary.formats import FORMATS, all_formats, exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import CONVOLUTIONS, OPERATIONS
from spec_tests.vocabulary.problems import SEEDS, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.sums import assert_equal_sums
from spec_tests.vocabulary.torch_when_needed import nn, torch

# Worked by hand


@pytest.mark.claim("2.4.c", "2.4.d")
@values("linear")
def test_two_samples_of_three_features_become_two_of_two(implementation):
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weight, bias = np.array([[1.0, 0.0, -2.0], [2.0, 1.0, 0.0]]), np.array([10.0, 20.0])

    y = [
        [1 * 1 + 2 * 0 + 3 * -2 + 10, 1 * 2 + 2 * 1 + 3 * 0 + 20],
        [4 * 1 + 5 * 0 + 6 * -2 + 10, 4 * 2 + 5 * 1 + 6 * 0 + 20],
    ]
    assert_equal(implementation.linear(x, weight, bias), np.array(y, float))


@gradients("linear")
@as_printed_and_in_a_batch
def test_the_gradients_of_one_sample_by_hand(implementation, form):
    x, weight, bias = np.array([1.0, 2.0]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([7.0, 8.0])
    grad_output = np.array([10.0, 100.0])

    grad_input, grad_weight, grad_bias = form(implementation).linear_backward(grad_output, x, weight, bias)

    assert_equal(grad_input, np.array([10.0 * 3 + 100 * 5, 10 * 4 + 100 * 6]))
    assert_equal(grad_weight, np.array([[10.0 * 1, 10 * 2], [100 * 1, 100 * 2]]))
    assert_equal(grad_bias, grad_output)


@pytest.mark.claim("2.4.a")
@values("linear")
@as_printed_and_in_a_batch
def test_with_a_bias_the_layer_is_affine_and_not_linear(implementation, form):
    x, weight, bias = np.array([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array([5.0])

    once, doubled = form(implementation).linear(x, weight, bias), form(implementation).linear(2 * x, weight, bias)

    assert_equal(form(implementation).linear(0 * x, weight, bias), bias)  # a linear map sends 0 to 0
    assert_equal(doubled, np.array([2 * (3.0 + 8) + 5]))
    assert_equal(2 * once, np.array([2 * (3.0 + 8 + 5)]))  # and doubles with its input


@pytest.mark.claim("2.4.e")
@values("linear", "softmax")
def test_a_linear_layer_returns_logits_and_only_the_softmax_makes_probabilities(implementation, operation):
    features, weight = np.array([[1000.0]]), np.array([[1.0], [-2.0], [1.0]])
    logits = np.array([[1000.0, -2000.0, 1000.0]])  # above 1, below 0, with the sum 0

    if operation == "linear":
        assert_equal(implementation.linear(features, weight), logits)
    else:
        assert_equal(implementation.softmax(logits, dim=-1), np.array([[1 / 2, 0, 1 / 2]]))


# Laws


@pytest.mark.claim("2.4.c", "2.4.d")
@values("linear")
@for_all(problem=problems())
def test_every_output_is_the_weighted_sum_of_the_inputs_plus_the_bias(subject, problem):
    weight = np.atleast_2d(problem.weight)
    bias = np.arange(len(weight)).astype(problem.input.dtype)

    by_definition = (problem.input[..., np.newaxis, :] * weight).sum(-1) + bias

    assert_equal(subject.linear(problem.input, weight, bias), by_definition)


@pytest.mark.claim("2.4.a")
@values("linear")
@for_all(problem=problems(), seed=SEEDS)
def test_without_a_bias_the_layer_is_linear_in_its_input(subject, problem, seed):
    problem = problem.changed(bias=None)
    rng = np.random.default_rng(seed)
    other = whole_numbers(rng, problem.input.shape).astype(problem.input.dtype)
    factor = problem.input.dtype.type(rng.integers(-4, 5))

    together = problem.forward(subject, input=problem.input + factor * other)

    assert_equal(together, problem.forward(subject) + factor * problem.forward(subject, input=other))


@values("linear")
@for_all(problem=problems(), seed=SEEDS)
def test_without_a_bias_the_layer_is_linear_in_its_weight(subject, problem, seed):
    problem = problem.changed(bias=None)
    rng = np.random.default_rng(seed)
    other = whole_numbers(rng, problem.weight.shape).astype(problem.input.dtype)

    together = problem.forward(subject, weight=problem.weight + other)

    assert_equal(together, problem.forward(subject) + problem.forward(subject, weight=other))


@pytest.mark.claim("2.4.a")
@values("linear")
@for_all(problem=problems())
def test_an_input_of_zeros_gives_the_bias(subject, problem):
    weight = np.atleast_2d(problem.weight)
    bias, zeros = np.arange(1, 1 + len(weight)).astype(problem.input.dtype), np.zeros_like(problem.input)

    output = subject.linear(zeros, weight, bias)

    assert_equal(output, np.broadcast_to(bias, output.shape))


@values("linear")
@for_all(problem=problems())
def test_a_bias_is_added_once_to_its_output(subject, problem):
    weight = np.atleast_2d(problem.weight)
    bias = np.arange(1, 1 + len(weight)).astype(problem.input.dtype)

    assert_equal(subject.linear(problem.input, weight, bias), subject.linear(problem.input, weight) + bias)


@pytest.mark.claim("2.4.b")
@values("linear")
@for_all(problem=problems(), outs=st.integers(1, 40))
def test_only_the_last_axis_changes_and_to_any_size(subject, problem, outs):
    *leading, ins = problem.input.shape

    output = subject.linear(problem.input, np.ones((outs, ins), problem.input.dtype))

    assert output.shape == (*leading, outs)


@values("linear")
@for_all(problem=problems())
def test_every_row_is_mixed_by_itself(subject, problem):
    rows = problem.input.reshape(-1, problem.input.shape[-1])

    row_by_row = np.stack([problem.forward(subject, input=row) for row in rows])

    assert_equal(problem.forward(subject, input=rows), row_by_row)
    assert_equal(problem.forward(subject), row_by_row.reshape(problem.grad_output.shape))


@values("linear")
@for_all(problem=problems())
def test_every_output_has_a_row_of_the_weight_to_itself(subject, problem):
    weight = np.atleast_2d(problem.weight)

    one_by_one = np.stack([subject.linear(problem.input, row) for row in weight], axis=-1)  # of one axis: one feature

    assert_equal(subject.linear(problem.input, weight), one_by_one)


@pytest.mark.claim("2.4.e")
@values("linear")
@for_all(problem=problems(numbers=real_numbers))
def test_a_linear_layer_can_return_any_numbers_be_they_its_input_or_its_weight(subject, problem):
    anything = np.atleast_2d(problem.input)
    identity = np.eye(anything.shape[-1], dtype=problem.input.dtype)
    rows = anything.reshape(-1, len(identity))

    assert_equal(subject.linear(anything, identity), anything)
    assert_equal(subject.linear(identity, rows), rows.T)


@values("linear")
@for_all(problem=problems(), seed=SEEDS)
def test_two_layers_without_a_bias_are_one_whose_weight_is_the_product_of_theirs(subject, problem, seed):
    weight = np.atleast_2d(problem.weight)
    second = whole_numbers(np.random.default_rng(seed), (3, len(weight))).astype(problem.input.dtype)

    one_after_the_other = subject.linear(subject.linear(problem.input, weight), second)

    assert_equal(one_after_the_other, subject.linear(problem.input, second @ weight))


@gradients("linear")
@for_all(problem=problems())
def test_what_flows_forward_through_a_linear_layer_flows_back_along_the_same_paths(subject, problem):
    problem = problem.changed(bias=None)

    output, (grad_input, grad_weight, _) = problem.forward(subject), problem.backward(subject)

    sent = np.array(np.vdot(output, problem.grad_output))
    assert_equal(np.array(np.vdot(problem.input, grad_input)), sent)
    assert_equal(np.array(np.vdot(problem.weight, grad_weight)), sent)


@values("linear", *CONVOLUTIONS)
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@for_all(problem=problems(kernel=1, batched=True))
def test_a_convolution_with_1_cell_kernels_is_a_linear_layer_at_every_place(subject, problem):
    outs, ins = problem.weight.shape[:2]
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    problem = problem.changed(input=problem.input[:, :ins], **plain)

    mixed = subject.linear(np.moveaxis(problem.input, 1, -1), problem.weight.reshape(outs, ins), problem.bias)

    at_every_place = np.moveaxis(mixed, -1, 1)
    assert_equal_sums(problem.forward(subject), at_every_place, problem, subject)


@values("linear", "flatten", *CONVOLUTIONS)
@pytest.mark.parametrize("operation", CONVOLUTIONS)
@for_all(problem=problems(batched=True), seed=SEEDS)
def test_a_convolution_with_image_sized_kernels_is_a_linear_layer_after_flatten(subject, problem, seed):
    images = whole_numbers(np.random.default_rng(seed), (2, *problem.weight.shape[1:])).astype(problem.input.dtype)
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    problem = problem.changed(input=images, **plain)

    mixed = subject.linear(subject.flatten(problem.input, 1), subject.flatten(problem.weight, 1), problem.bias)

    at_one_place = mixed.reshape(*mixed.shape, *[1] * (problem.weight.ndim - 2))
    assert_equal_sums(problem.forward(subject), at_one_place, problem, subject)


# Laws of flatten


@values("flatten")
@for_all(problem=problems())
def test_flatten_lays_the_elements_out_in_row_order_however_they_lie_in_memory(subject, problem):
    shape = problem.input.shape
    numbered = np.asfortranarray(np.arange(problem.input.size, dtype=problem.input.dtype).reshape(shape))

    output = problem.forward(subject, input=numbered)

    assert_equal(output, np.arange(problem.input.size, dtype=problem.input.dtype).reshape(problem.grad_output.shape))


@gradients("flatten")
@for_all(problem=problems())
def test_the_gradient_of_flatten_puts_every_element_back(subject, problem):
    flat = problem.input.reshape(problem.grad_output.shape)

    assert_equal(problem.backward(subject, grad_output=flat), problem.input)


@values("flatten")
def test_by_default_flatten_flattens_all_axes_the_batch_included(implementation):
    images = np.arange(2.0 * 3 * 4 * 4).reshape(2, 3, 4, 4)

    assert_equal(implementation.flatten(images), np.arange(96.0))
    assert_equal(implementation.flatten(images, 1), np.arange(96.0).reshape(2, 48))
    assert_equal(implementation.flatten(images, 1, 2), np.arange(96.0).reshape(2, 12, 4))


# Equality with the reference, and rounding bounds


def few_or_more_features(operation, _):
    """Draw real numbers, half of the time two features at most: the fewer the terms, the sharper the bound."""
    draw = OPERATIONS[operation].problems
    return draw(numbers=real_numbers) | draw(numbers=real_numbers, features=2)


@pytest.mark.compares_with_reference
@values("linear")
@exact_formats
@for_all(problem=problems())
def test_linear_equals_the_reference_on_whole_numbers(subject, problem):
    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@gradients("linear")
@exact_formats
@for_all(problem=problems())
def test_the_gradients_of_linear_equal_the_reference_on_whole_numbers(subject, problem):
    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.compares_with_reference
@values("linear")
@all_formats
@for_all(problem=few_or_more_features)
def test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients("linear")
@all_formats
@for_all(problem=problems(numbers=real_numbers))
def test_the_gradients_of_linear_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Gradients


@gradients("linear")
@for_all(problem=problems())
def test_the_gradient_of_the_bias_is_the_sum_over_all_rows_and_none_without_a_bias(subject, problem):
    weight = np.atleast_2d(problem.weight)
    grad_output = problem.grad_output.reshape(*problem.input.shape[:-1], len(weight))

    *_, grad_bias = subject.linear_backward(grad_output, problem.input, weight, bias=weight[:, 0])
    *_, grad_of_none = subject.linear_backward(grad_output, problem.input, weight)

    assert_equal(grad_bias, grad_output.reshape(-1, len(weight)).sum(0))
    assert grad_of_none is None


# Conventions: NaN, infinities, integers, nothing


@conventions("linear")
@for_all(problem=problems(), seed=SEEDS)
def test_a_nan_reaches_every_output_of_its_row_and_of_no_other(subject, problem, seed):
    input, weight = problem.input.copy(), np.atleast_2d(problem.weight)
    input.reshape(-1)[np.random.default_rng(seed).integers(input.size)] = np.nan

    output = subject.linear(input, weight)

    assert_equal(np.isnan(output), np.broadcast_to(np.isnan(input).any(-1, keepdims=True), output.shape))


@conventions("linear")
@as_printed_and_in_a_batch
def test_a_weight_of_0_does_not_stop_an_infinity(implementation, form):
    weight = np.array([[1.0, 0.0], [0.0, 1.0]])

    output = form(implementation).linear(np.array([np.inf, 1.0]), weight)

    assert_equal(output, np.array([np.inf, np.nan]))  # 0 · ∞ is NaN


@conventions("linear")
@pytest.mark.parametrize("integer", ["uint8", "int8", "int16", "int32", "int64"])
def test_linear_takes_integers_and_returns_them(subject_on_cpu, integer):
    x, weight, bias = (np.array(v).astype(integer) for v in ([[100, 1], [3, 4]], [[2, 5]], [6]))

    total = np.array([[100 * 2 + 1 * 5 + 6], [3 * 2 + 4 * 5 + 6]]).astype(integer)  # 211 in int8: 211 - 256

    assert_equal(subject_on_cpu.linear(x, weight, bias), total)


@conventions("flatten")
@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "int64", "bool"])
def test_flatten_takes_integers_and_truth_values_and_returns_them(subject_on_cpu, kind):
    square = np.array([[0, 1], [2, 0]]).astype(kind)

    assert_equal(subject_on_cpu.flatten(square), np.array([0, 1, 2, 0]).astype(kind))


@conventions("linear")
@exact_formats
def test_a_linear_layer_of_an_empty_batch_is_empty(subject, dtype):
    output = subject.linear(np.zeros((0, 3), dtype), np.ones((4, 3), dtype), np.ones(4, dtype))

    assert output.shape == (0, 4)


@conventions("linear")
@exact_formats
def test_from_an_empty_batch_no_gradient_reaches_the_weights_of_a_linear_layer(subject, dtype):
    empty, weight, bias = np.zeros((0, 3), dtype), np.ones((4, 3), dtype), np.ones(4, dtype)

    grad_input, grad_weight, grad_bias = subject.linear_backward(np.zeros((0, 4), dtype), empty, weight, bias)

    assert grad_input.shape == (0, 3)
    assert_equal(grad_weight, np.zeros_like(weight))
    assert_equal(grad_bias, np.zeros_like(bias))


@conventions("linear")
@exact_formats
def test_without_any_features_only_the_bias_is_left(subject, dtype):
    nothing, weight, bias = np.zeros((2, 0), dtype), np.zeros((3, 0), dtype), np.array([1, 2, 3], dtype)

    assert_equal(subject.linear(nothing, weight, bias), np.array([[1, 2, 3], [1, 2, 3]], dtype))
    assert_equal(subject.linear(nothing, weight), np.zeros((2, 3), dtype))


@conventions("linear")
@exact_formats
def test_without_any_features_only_the_bias_has_a_gradient(subject, dtype):
    nothing, weight, bias = np.zeros((2, 0), dtype), np.zeros((3, 0), dtype), np.zeros(3, dtype)
    grad_output = np.array([[1, 2, 3], [10, 20, 30]], dtype)

    grad_input, grad_weight, grad_bias = subject.linear_backward(grad_output, nothing, weight, bias)

    assert (grad_input.shape, grad_weight.shape) == (nothing.shape, weight.shape)
    assert_equal(grad_bias, np.array([11, 22, 33], dtype))


@conventions("flatten")
@exact_formats
def test_an_empty_batch_is_flattened_to_an_empty_batch(subject, dtype):
    empty = np.zeros((0, 3, 4), dtype)

    flat = subject.flatten(empty, 1)

    assert (flat.shape, flat.dtype) == ((0, 12), empty.dtype)


@conventions("flatten")
@exact_formats
def test_the_gradient_of_flattening_an_empty_batch_is_an_empty_batch(subject, dtype):
    empty = np.zeros((0, 3, 4), dtype)

    grad_input = subject.flatten_backward(np.zeros((0, 12), dtype), empty, 1)

    assert (grad_input.shape, grad_input.dtype) == (empty.shape, empty.dtype)


@conventions("flatten")
@exact_formats
def test_nan_and_infinities_are_flattened_as_they_are(subject, dtype):
    input = np.array([[[np.nan, np.inf], [-np.inf, 0]]], dtype)

    assert_equal(subject.flatten(input, 1), np.array([[np.nan, np.inf, -np.inf, 0]], dtype))


@conventions("flatten")
@exact_formats
def test_a_number_without_axes_is_flattened_to_one_axis_of_one_element(subject, dtype):
    assert_equal(subject.flatten(np.array(7, dtype)), np.array([7], dtype))


@conventions("flatten")
@exact_formats
def test_the_gradient_of_flattening_a_number_without_axes_has_no_axes(subject, dtype):
    assert_equal(subject.flatten_backward(np.array([5], dtype), np.array(7, dtype)), np.array(5, dtype))


# Refusals: beside each refused call the nearest one that must be taken


@refusals("linear")
@pytest.mark.parametrize(("shape", "weight"), [((2, 3), (4, 2)), ((2, 3), (3, 4)), ((3,), (4, 2)), ((2, 3), (2,))])
def test_linear_refuses_an_input_whose_features_the_weight_does_not_expect(subject_on_cpu, shape, weight):
    message = re.escape(f"input has shape {shape}, expected (…, {weight[-1]}) for weight {weight}")
    near = {"weight": np.zeros((*weight[:-1], shape[-1]))}

    assert_refused(subject_on_cpu, "linear", message, near=near, input=np.zeros(shape), weight=np.zeros(weight))


@refusals("linear")
@pytest.mark.parametrize("weight", [(4, 3), (3,)])
def test_linear_refuses_an_input_without_axes(subject_on_cpu, weight):
    call, near = {"input": np.zeros(()), "weight": np.zeros(weight)}, {"input": np.zeros(3)}

    assert_refused(subject_on_cpu, "linear", r"input has shape \(\), expected", near=near, **call)


@refusals("linear")
@pytest.mark.parametrize(("weight", "taken"), [((), (3,)), ((4, 3, 1), (4, 3)), ((1, 4, 3), (4, 3))])
def test_linear_refuses_a_weight_that_is_not_a_matrix_or_a_row(subject_on_cpu, weight, taken):
    message = f"weight has {len(weight)} axes, expected 2"
    call, near = {"input": np.zeros((2, 3)), "weight": np.zeros(weight)}, {"weight": np.zeros(taken)}

    assert_refused(subject_on_cpu, "linear", message, near=near, **call)


@refusals("linear")
@pytest.mark.parametrize("bias", [(3,), (5,), (4, 1)])
def test_linear_refuses_a_bias_that_is_not_one_number_for_each_output(subject_on_cpu, bias):
    message = re.escape(f"bias has shape {bias}, expected (4,)")
    call = {"input": np.zeros((2, 3)), "weight": np.zeros((4, 3)), "bias": np.zeros(bias)}

    assert_refused(subject_on_cpu, "linear", message, near={"bias": np.zeros(4)}, **call)


@refusals("linear")
@pytest.mark.parametrize("bias", [(), (1,), (2,)])
def test_linear_refuses_a_bias_beside_a_weight_of_one_axis(subject_on_cpu, bias):
    message = re.escape(f"bias has shape {bias}")
    call = {"input": np.zeros((2, 3)), "weight": np.zeros(3), "bias": np.zeros(bias)}

    assert_refused(subject_on_cpu, "linear", message, near={"bias": None}, **call)


@refusals("linear")
@pytest.mark.parametrize("odd", ["input", "weight", "bias"])
def test_linear_refuses_mixed_dtypes(subject_on_cpu, odd):
    arrays = {"input": np.zeros((2, 3)), "weight": np.zeros((4, 3)), "bias": np.zeros(4)}
    mixed = {**arrays, odd: arrays[odd].astype(np.float32)}
    message = f"one dtype expected, got .*{odd} float32"

    assert_refused(subject_on_cpu, "linear", message, near={odd: arrays[odd]}, **mixed)


@refusals("linear")
def test_linear_refuses_truth_values(subject_on_cpu):
    message = "input has dtype bool, expected one of"
    shapes = {"input": (2, 3), "weight": (4, 3)}
    refused, near = ({name: np.zeros(shape, kind) for name, shape in shapes.items()} for kind in (bool, float))

    assert_refused(subject_on_cpu, "linear", message, near=near, **refused)


@refusals("linear")
@pytest.mark.parametrize("shape", [(2, 3), (4,), (1, 4)])
def test_the_gradient_of_linear_refuses_a_grad_output_of_another_shape(subject_on_cpu, shape):
    message = re.escape(f"grad_output has shape {shape}, expected (2, 4)")
    call = {"grad_output": np.zeros(shape), "input": np.zeros((2, 3)), "weight": np.zeros((4, 3))}

    assert_refused(subject_on_cpu, "linear_backward", message, near={"grad_output": np.zeros((2, 4))}, **call)


@refusals("flatten")
@pytest.mark.parametrize(("start", "end"), [(2, 1), (1, 0), (-1, -2), (2, -3)])
def test_flatten_refuses_to_start_after_its_end(subject_on_cpu, start, end):
    message = f"start_dim {start} comes after end_dim {end}"
    call, near = {"input": np.zeros((2, 3, 4)), "start_dim": start, "end_dim": end}, {"end_dim": start}

    assert_refused(subject_on_cpu, "flatten", message, near=near, **call)


@refusals("flatten")
@pytest.mark.parametrize("name", ["start_dim", "end_dim"])
@pytest.mark.parametrize("dim", [3, -4, 5, -9])
def test_flatten_refuses_an_axis_that_does_not_exist(subject_on_cpu, name, dim):
    message = f"{name} must be from -3 to 2, got {dim}"
    call, near = {"input": np.zeros((2, 3, 4)), name: dim}, {name: 2 if dim > 0 else -3}

    assert_refused(subject_on_cpu, "flatten", message, near=near, **call)


@refusals("flatten")
@pytest.mark.parametrize("dim", [1.0, "1"])
def test_flatten_refuses_an_axis_that_is_not_a_whole_number(subject_on_cpu, dim):
    message = f"start_dim must be a whole number, got {dim!r}"
    near = {"start_dim": int(dim)}

    assert_refused(subject_on_cpu, "flatten", message, near=near, input=np.zeros((2, 3)), start_dim=dim)


@refusals("flatten")
def test_the_gradient_of_flatten_refuses_a_grad_output_of_another_shape(subject_on_cpu):
    message = r"grad_output has shape \(2, 3\), expected \(6,\)"
    call, near = {"grad_output": np.zeros((2, 3)), "input": np.zeros((2, 3))}, {"grad_output": np.zeros(6)}

    assert_refused(subject_on_cpu, "flatten_backward", message, near=near, **call)


# The layers: torch.nn.Linear, Flatten


@pytest.mark.torch_api
@pytest.mark.claim("2.4.a")
def test_without_options_a_linear_layer_has_a_bias_and_computes_in_float32():
    layer = nn.Linear(10, 5)

    assert (layer.in_features, layer.out_features) == (10, 5)
    assert layer.bias is not None
    assert layer.weight.dtype == layer.bias.dtype == torch.float32
    assert nn.Linear(10, 5, bias=False).bias is None


@pytest.mark.torch_api
@pytest.mark.parametrize(("ins", "outs"), [(10, 5), (5, 10), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_has_one_weight_for_each_pair_and_one_bias_for_each_output(ins, outs, bias):
    layer = nn.Linear(ins, outs, bias=bias)

    shapes = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}

    assert shapes == {"weight": (outs, ins)} | ({"bias": (outs,)} if bias else {})
    assert sum(parameter.numel() for parameter in layer.parameters()) == outs * ins + outs * bias


@pytest.mark.torch_api
@for_all(ins=st.integers(2, 20), outs=st.integers(2, 20), seed=SEEDS)
def test_a_new_linear_layer_is_random_within_one_over_root_inputs_and_seeded(ins, outs, seed):
    layer, again, other = (linear_layer(ins, outs, number) for number in (seed, seed, seed + 1))
    limit = 1 / np.sqrt(ins)

    for name, parameter in layer.named_parameters():
        largest = float(parameter.detach().abs().max())
        assert largest <= np.float32(limit) * (1 + 2 * FORMATS["float32"].roundoff)
        assert torch.equal(parameter, again.get_parameter(name))
        assert not torch.equal(parameter, other.get_parameter(name))


@pytest.mark.torch_api
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_new_linear_layer_fills_its_range_evenly(name):
    parameters = linear_layer(4, 100_000, seed=0).get_parameter(name).detach().numpy().ravel() * np.sqrt(4)

    shares = np.histogram(parameters, bins=20, range=(-1, 1))[0] / parameters.size

    assert abs(shares - 1 / 20).max() < 5 * np.sqrt(1 / 20 / parameters.size)  # 5 standard deviations, seed fixed


@pytest.mark.torch_api
@pytest.mark.claim("2.4.c")
@pytest.mark.parametrize("operation", ["linear"])
@for_all(problem=problems())
def test_a_linear_layer_and_its_gradients_equal_the_reference_with_its_parameters(dtype, problem):
    problem = problem.changed(
        weight=np.atleast_2d(problem.weight),
        grad_output=problem.grad_output.reshape(*problem.input.shape[:-1], -1),
    )
    layer = nn.Linear(*problem.weight.shape[::-1], bias=problem.bias is not None, dtype=getattr(torch, dtype))
    layer.load_state_dict({name: torch.from_numpy(getattr(problem, name)) for name in layer.state_dict()})
    input = torch.from_numpy(problem.input).requires_grad_()

    output = layer(input)
    output.backward(torch.from_numpy(problem.grad_output))

    assert_equal(output.detach().numpy(), problem.forward(reference))
    grads = [None if leaf is None else leaf.grad.numpy() for leaf in (input, layer.weight, layer.bias)]
    assert_gradients_equal(tuple(grads), problem.backward(reference))


@pytest.mark.torch_api
@pytest.mark.claim("2.4.b")
@pytest.mark.parametrize("outs", [1, 5, 10, 1000])
@pytest.mark.parametrize("leading", [(), (2,), (2, 3, 4)])
def test_a_linear_layer_has_as_many_outputs_as_asked_behind_any_leading_axes(outs, leading):
    assert nn.Linear(10, outs)(torch.zeros(*leading, 10)).shape == (*leading, outs)


@pytest.mark.torch_api
@pytest.mark.claim("2.4.a")
def test_a_linear_layer_sends_zeros_to_its_bias_and_without_one_to_zeros():
    layer = linear_layer(10, 5, seed=0)

    assert torch.equal(layer(torch.zeros(10)), layer.bias)
    assert layer.bias.all()  # none of them is 0
    assert not nn.Linear(10, 5, bias=False)(torch.zeros(10)).any()


@pytest.mark.torch_api
def test_a_linear_layer_refuses_other_features_and_another_dtype():
    layer = nn.Linear(10, 5)

    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(2x9 and 10x5\)"):
        layer(torch.zeros(2, 9))
    with pytest.raises(RuntimeError, match="same dtype"):
        layer(torch.zeros(2, 10, dtype=torch.float64))


@pytest.mark.torch_api
def test_the_flatten_layer_starts_behind_the_batch_and_the_function_in_front():
    images = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)

    assert (nn.Flatten().start_dim, nn.Flatten().end_dim) == (1, -1)
    assert not nn.Flatten().state_dict()
    assert_equal(nn.Flatten()(images).numpy(), reference.flatten(images.numpy(), 1))
    assert_equal(torch.flatten(images).numpy(), reference.flatten(images.numpy()))


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", ["flatten"])
@for_all(problem=problems())
def test_the_flatten_layer_equals_the_reference(problem):
    output = nn.Flatten(**problem.options)(torch.from_numpy(problem.input))

    assert_equal(output.numpy(), problem.forward(reference))


@pytest.mark.torch_api
def test_the_flatten_layer_refuses_a_sample_of_a_single_axis():
    with pytest.raises(IndexError, match=r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 1\)"):
        nn.Flatten()(torch.zeros(3))


@pytest.mark.torch_api
def test_torch_flattens_to_a_view_where_it_can_and_the_references_to_a_new_array():
    images = torch.arange(24.0).reshape(2, 3, 4)
    turned = images.transpose(0, 1)  # not in row order: torch has to copy

    assert torch.flatten(images).data_ptr() == images.data_ptr()
    assert torch.flatten(turned).data_ptr() != turned.data_ptr()
    assert not np.shares_memory(reference.flatten(images.numpy()), images.numpy())


def linear_layer(ins, outs, seed):
    """Return torch's layer of this size, initialised from this seed."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also looks for GPUs, which takes long
    return nn.Linear(ins, outs)
