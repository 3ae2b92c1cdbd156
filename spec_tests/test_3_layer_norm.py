"""3 Beyond the document: layer normalization, each sample less its mean, divided by its deviation.

It is batch normalization turned round: a sample is normalized over its own places, and knows nothing of the others.
"""

import numpy as np
import pytest
from hypothesis import strategies as st

from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import (
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    backward,
    forward,
)
from spec_tests.vocabulary.formats import all_formats, exact_formats, float64_only
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.problems import SEEDS, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import nn, torch

# By hand


@values("layer_norm")
def test_a_sample_less_its_mean_is_divided_by_the_root_of_variance_and_eps(implementation):
    sample = np.array([[1.0, 1.0, 1.0, 5.0]])  # mean 2, variance (3·1 + 9) / 4 = 3

    output = implementation.layer_norm(sample, (4,), eps=1.0)

    assert output.tolist() == [[(1 - 2) / 2, (1 - 2) / 2, (1 - 2) / 2, (5 - 2) / 2]]


@values("layer_norm")
def test_every_place_has_its_own_weight_and_bias(implementation):
    weight, bias = np.array([2.0, 4.0]), np.array([10.0, 20.0])

    output = implementation.layer_norm(np.array([[3.0, 5.0]]), (2,), weight, bias, eps=0.0)

    assert output.tolist() == [[2 * -1 + 10, 4 * 1 + 20]]


@gradients("layer_norm")
def test_the_gradient_of_a_sample_loses_what_would_shift_or_stretch_it(implementation):
    grad_output = np.array([[8.0, 0, 0, 0]])
    sample = np.array([[1.0, 1.0, 3.0, 3.0]])  # normalized: -1, -1, 1, 1

    grad_input, _, _ = implementation.layer_norm_backward(grad_output, sample, (4,), eps=0.0)

    shift, stretch = 8 / 4, -8 / 4
    assert grad_input.tolist() == [[8 - shift + stretch, -shift + stretch, -shift - stretch, -shift - stretch]]


# Laws


@values("layer_norm")
@for_all(problem=problems())
def test_every_sample_is_normalized_by_itself(subject, dtype, problem):
    sizes = problem.normalized_shape
    samples = problem.input.reshape(-1, *sizes)

    alone = np.stack([problem.forward(subject, input=sample) for sample in samples]).reshape(problem.input.shape)

    assert_same_but_for_rounding(problem.forward(subject), alone, problem, dtype)


@values("layer_norm")
@for_all(problem=problems())
def test_without_weight_and_bias_every_sample_leaves_with_mean_0(subject, dtype, problem):
    problem = problem.changed(weight=None, bias=None)

    mean = problem.forward(subject).mean(axis=places(problem), dtype=np.float64)

    bound = forward(problem, dtype).bound.mean(axis=places(problem))
    assert_within(np.asarray(mean), Approximation(np.zeros_like(bound), bound), "float64")


@values("layer_norm")
@for_all(problem=problems())
def test_every_sample_leaves_with_variance_1_less_the_share_of_eps(subject, dtype, problem):
    problem = problem.changed(weight=None, bias=None)
    variance = problem.input.var(axis=places(problem), dtype=np.float64)

    squares = problem.forward(subject).astype(np.float64) ** 2

    exact = forward(problem, dtype)
    bound = (exact.bound * (2 * abs(exact.exact) + exact.bound)).mean(axis=places(problem))  # of the squares
    law = Approximation(np.asarray(1 - problem.eps / (variance + problem.eps)), bound)
    assert_within(np.asarray(squares.mean(axis=places(problem))), law, "float64")


@values("layer_norm")
@for_all(problem=problems())
def test_the_weight_scales_and_the_bias_shifts_what_has_been_normalized(subject, dtype, problem):
    plain = problem.changed(weight=None, bias=None)
    scale, shift = (value_of(problem, name) for name in ("weight", "bias"))

    by_hand = plain.forward(subject) * scale.astype(np.float64) + shift

    bound = forward(problem, dtype).bound + forward(plain, dtype).bound * abs(scale)
    assert_within(problem.forward(subject), Approximation(by_hand, bound), dtype)


@values("layer_norm")
@for_all(problem=problems(), seed=SEEDS)
def test_the_places_of_a_sample_may_be_permuted_with_their_weights(subject, dtype, problem, seed):
    def mixed(array):
        rows = array.reshape(*array.shape[: array.ndim - len(problem.normalized_shape)], -1)
        return np.random.default_rng(seed).permutation(rows.T).T.reshape(array.shape)

    permuted = problem.changed(
        **{name: value if value is None else mixed(value) for name, value in problem.arrays.items()}
    )

    output = mixed(problem.forward(subject))

    assert_same_but_for_rounding(permuted.forward(subject), output, permuted, dtype)


@values("layer_norm", "batch_norm")
@pytest.mark.parametrize("operation", ["layer_norm"])
@for_all(problem=problems())
def test_layer_norm_is_batch_norm_of_the_samples_as_channels(subject, dtype, problem):
    problem = problem.changed(weight=None, bias=None)
    samples = problem.input.reshape(1, -1, np.prod(problem.normalized_shape, dtype=int))
    if samples.shape[2] == 1:  # batch_norm refuses a single value
        samples = np.repeat(samples, 2, axis=2)

    output = subject.batch_norm(samples, None, None, training=True, eps=problem.eps)

    by_channel = output[..., : np.prod(problem.normalized_shape, dtype=int)].reshape(problem.input.shape)
    assert_same_but_for_rounding(problem.forward(subject), by_channel, problem, dtype)


# The references


@pytest.mark.compares_with_reference
@values("layer_norm")
@all_formats
@for_all(problem=problems())
def test_layer_norm_rounds_within_its_bound(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


# Gradients


@gradients("layer_norm")
@for_all(problem=problems())
def test_the_gradient_of_every_sample_adds_up_to_0(subject, dtype, problem):
    grad_input, _, _ = problem.backward(subject)

    bound = backward(problem, dtype)[0].bound.sum(axis=places(problem))
    total = np.asarray(grad_input.sum(axis=places(problem), dtype=np.float64))
    assert_within(total, Approximation(np.zeros_like(bound), bound), "float64")


@gradients("layer_norm")
@for_all(problem=problems(numbers=whole_numbers))
def test_the_gradient_of_the_bias_is_the_sum_of_grad_output_over_the_samples(subject, problem):
    problem = problem.changed(bias=np.zeros(problem.normalized_shape, problem.input.dtype))

    *_, grad_bias = problem.backward(subject)

    samples = tuple(range(problem.input.ndim - len(problem.normalized_shape)))
    assert_equal(grad_bias, problem.grad_output.sum(axis=samples))


@pytest.mark.compares_with_reference
@gradients("layer_norm")
@exact_formats
@for_all(problem=problems())
def test_the_gradients_of_layer_norm_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@conventions("layer_norm")
@exact_formats
@pytest.mark.parametrize("value", [0.0, 3.0, -7.0])
def test_a_constant_sample_becomes_its_bias(subject, dtype, value):
    weight, bias = np.array([5, 5, 5, 5], dtype), np.array([1, 2, 3, 4], dtype)

    output = subject.layer_norm(np.full((2, 4), value, dtype), (4,), weight, bias, eps=0.25)

    assert_equal(output, np.stack([bias, bias]))


@conventions("layer_norm")
@for_all(number=st.sampled_from([np.nan, np.inf, -np.inf]), seed=SEEDS)
def test_nan_or_infinity_spoils_its_own_sample_and_no_other(subject, number, seed):
    rng = np.random.default_rng(seed)
    input = whole_numbers(rng, (3, 4)).astype("float32")
    row, column = rng.integers((3, 4))
    input[row, column] = number

    output = subject.layer_norm(input, (4,))

    assert np.isnan(output).any(axis=1).tolist() == [r == row for r in range(3)]


@conventions("layer_norm")
@exact_formats
def test_the_layer_norm_of_an_empty_batch_is_empty(subject, dtype):
    output = subject.layer_norm(np.zeros((0, 3), dtype), (3,), np.ones(3, dtype), np.ones(3, dtype))

    assert output.shape == (0, 3)


@conventions("layer_norm")
@exact_formats
def test_an_empty_batch_gives_gradients_of_0_for_the_weight_and_bias_of_layer_norm(subject, dtype):
    empty, weight, bias = np.zeros((0, 3), dtype), np.ones(3, dtype), np.ones(3, dtype)

    grad_input, grad_weight, grad_bias = subject.layer_norm_backward(empty, empty, (3,), weight, bias)

    assert grad_input.shape == (0, 3)
    assert_equal(grad_weight, np.zeros(3, dtype))
    assert_equal(grad_bias, np.zeros(3, dtype))


# Refusals: beside each refused call the nearest one that must be taken

TAKEN = {"input": np.array([[-1.0, 1.0]]), "normalized_shape": (2,), "eps": 0.0}
REFUSED = {
    "a shape that the input does not end in": (
        "expected it to end in",
        {"normalized_shape": (3,)},
        {"normalized_shape": (2,)},
    ),
    "more axes than the input has": (
        "expected it to end in",
        {"normalized_shape": (1, 1, 2)},
        {"normalized_shape": (1, 2)},
    ),
    "no axes at all": ("at least one number, got none", {"normalized_shape": ()}, {"normalized_shape": (2,)}),
    "a number for a shape": (
        "must be a tuple or list of whole numbers, got 2",
        {"normalized_shape": 2},
        {"normalized_shape": (2,)},
    ),
    "a size that is no whole number": (
        "must be a whole number, got 2.0",
        {"normalized_shape": (2.0,)},
        {"normalized_shape": (2,)},
    ),
    "a size that is a truth value": (
        "must be a whole number, got True",
        {"input": np.array([[1.0]]), "normalized_shape": (True,)},
        {"normalized_shape": (1,)},
    ),
    "a weight of another shape": (
        r"weight has shape \(1,\), expected \(2,\)",
        {"weight": np.ones(1)},
        {"weight": np.ones(2)},
    ),
    "a weight with two axes": (
        r"weight has shape \(1, 2\), expected \(2,\)",
        {"weight": np.ones((1, 2))},
        {"weight": np.ones(2)},
    ),
    "a bias of another shape": (r"bias has shape \(3,\), expected \(2,\)", {"bias": np.ones(3)}, {"bias": np.ones(2)}),
    "a weight of another dtype": (
        "input float64, weight float32",
        {"weight": np.ones(2, "float32")},
        {"weight": np.ones(2)},
    ),
    "integers": ("input has dtype int64", {"input": np.array([[-1, 1]])}, {"input": np.array([[-1.0, 1.0]])}),
    "eps that is no number": ("eps must be a number, got 'a'", {"eps": "a"}, {"eps": 0.0}),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@refusals("layer_norm")
@pytest.mark.parametrize("case", REFUSED)
def test_layer_norm_refuses(subject_on_cpu, case):
    message, changed, near = REFUSED[case]

    assert_refused(subject_on_cpu, "layer_norm", message, near=near, **{**TAKEN, **changed})


# The layer: torch.nn.LayerNorm


@pytest.mark.torch_api
def test_a_new_layer_starts_with_weight_1_bias_0_and_eps_1e_5():
    layer = nn.LayerNorm((2, 3))

    assert (layer.normalized_shape, layer.eps, layer.elementwise_affine) == ((2, 3), 1e-5, True)
    assert torch.equal(layer.weight, torch.ones(2, 3))
    assert torch.equal(layer.bias, torch.zeros(2, 3))
    assert not list(layer.buffers())


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", ["layer_norm"])
@float64_only
@for_all(problem=problems())
def test_the_layer_computes_the_function_in_training_and_in_evaluation(problem):
    layer = nn.LayerNorm(problem.normalized_shape, eps=problem.eps, dtype=torch.float64)
    layer.load_state_dict({name: torch.from_numpy(value_of(problem, name)) for name in ("weight", "bias")})

    outputs = [layer.train(mode)(torch.from_numpy(problem.input)).detach().numpy() for mode in (True, False)]

    for output in outputs:
        assert_within(output, forward(problem, "float64"), "float64")


# What the tests share


def places(problem):
    """Return the normalized axes."""
    return tuple(range(-len(problem.normalized_shape), 0))


def value_of(problem, name):
    """Return a parameter of a problem, or what a layer starts with."""
    value = problem.arrays[name]
    return np.full(problem.normalized_shape, float(name == "weight")) if value is None else value


def assert_same_but_for_rounding(one, other, problem, dtype):
    """Require two outputs of a problem to differ by no more than both may be off by."""
    bound = 2 * forward(problem, dtype).bound
    assert_within(one, Approximation(np.asarray(other, np.float64), bound), dtype)
