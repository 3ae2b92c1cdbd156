"""2.6.5 Backpropagation: `backward` fills `.grad` with the gradient of the loss, and changes nothing else.

First torch's own book-keeping, on layers whose parameters are whole numbers, so that sums of products are exact.
Then what a gradient is: every one is checked against the function that it belongs to (`gradient_checks`).
"""

from functools import partial
from math import log

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import reference
from spec_tests.subjects.reference import Namespace
from spec_tests.vocabulary import exact, formulas
from spec_tests.vocabulary.bounds import formula
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import float32_only
from spec_tests.vocabulary.gradient_checks import (
    CONVOLUTIONS,
    CROSS_ENTROPY,
    CURVES,
    EXACT,
    LAYERS,
    LOSSES,
    MAXIMA,
    MEANS,
    QUADRATIC,
    SMOOTH_LOSSES,
    WEIGHTED_MEANS,
    arguments_of,
    assert_no_remainder,
    assert_remainder_falls_with_slope_two,
    assert_remainder_is_the_square_of_the_step,
    assert_remainder_within_the_bend,
    problems_of,
)
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers, whole_numbers
from spec_tests.vocabulary.operations import GRADIENTS

# Worked by hand


@pytest.mark.claim("2.6.5.c")
@pytest.mark.parametrize(
    ("step", "losses"),
    [
        pytest.param(1 / 4, [1, 1 / 4, 1 / 16, 1 / 64], id="a small step lowers the loss"),
        pytest.param(1, [1, 1, 1, 1], id="a larger one leaves it as it was"),
        pytest.param(2, [1, 9, 81, 729], id="a step too large raises it"),
    ],
)
def test_repeating_the_four_steps_multiplies_a_square_by_the_square_of_1_less_twice_the_step(
    implementation, step, losses
):
    input, truth, weight = np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1))
    seen = []

    for _ in losses:
        output = implementation.linear(input, weight)
        seen.append(float(implementation.mse_loss(output, truth)))
        grad_output, *_ = implementation.mse_loss_backward(np.array(1.0), output, truth)
        weight = weight - step * implementation.linear_backward(grad_output, input, weight)[1]  # w − step · 2w

    assert seen == losses == [(1 - 2 * step) ** (2 * repeats) for repeats in range(4)]


@pytest.mark.claim("2.6.5.k")
@pytest.mark.parametrize("score", [0.0, -1.5, 1e4])
def test_ten_equal_scores_cost_the_logarithm_of_10_whatever_the_label(implementation, score):
    losses = implementation.cross_entropy(np.full((10, 10), score), np.arange(10), reduction="none")

    assert losses.round(12).tolist() == [round(log(10), 12)] * 10
    assert round(log(10), 4) == 2.3026


# torch: where gradients are kept, and for how long

LAYERS_OF_TORCH = {
    "linear": (partial(nn.Linear, 3, 2), (4, 3), (4, 2)),
    "conv2d": (partial(nn.Conv2d, 2, 3, 2), (4, 2, 3, 3), (4, 3, 2, 2)),
}
"""Two layers by the name of their function, with the shapes of a batch and of the truth about it."""

each_layer = pytest.mark.parametrize("kind", LAYERS_OF_TORCH)
either_layer = st.sampled_from(list(LAYERS_OF_TORCH))


def whole_layer(kind):
    """Return a layer with whole numbers for parameters."""
    layer, rng = LAYERS_OF_TORCH[kind][0](), np.random.default_rng(0)
    for parameter in layer.parameters():
        parameter.data = whole_tensor(rng, parameter.shape)
    return layer


def whole_batch(kind, seed=0):
    """Return an input and a truth for a layer of this kind."""
    rng = np.random.default_rng(seed)
    return tuple(whole_tensor(rng, shape) for shape in LAYERS_OF_TORCH[kind][1:])


def whole_tensor(rng, shape):
    return torch.from_numpy(whole_numbers(rng, shape).astype("float32"))


def loss_of(layer, batch):
    """Return the squared errors of a layer on a batch, added up."""
    input, truth = batch
    return functional.mse_loss(layer(input), truth, reduction="sum")


def values_of(layer):
    """Return copies of a layer's parameters."""
    return [parameter.detach().numpy().copy() for parameter in layer.parameters()]


def grads_of(layer):
    """Return copies of the gradients that a layer's parameters keep."""
    return [parameter.grad.numpy().copy() for parameter in layer.parameters()]


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.g")
@each_layer
def test_a_gradient_is_none_until_backward_fills_it(kind):
    layer = whole_layer(kind)
    new = [parameter.grad for parameter in layer.parameters()]
    loss = loss_of(layer, whole_batch(kind))
    after_the_forward_pass = [parameter.grad for parameter in layer.parameters()]

    loss.backward()

    assert new == after_the_forward_pass == [None, None]
    assert all(grad.any() for grad in grads_of(layer))


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.a", "2.6.5.f")
@given(kind=either_layer, seed=SEEDS)
def test_after_backward_every_parameter_keeps_the_gradient_of_the_loss(kind, seed):
    layer, (input, truth) = whole_layer(kind), whole_batch(kind, seed)

    loss_of(layer, (input, truth)).backward()

    errors = 2 * (layer(input) - truth).detach().numpy()
    _, *expected = getattr(reference, f"{kind}_backward")(errors, input.numpy(), *values_of(layer))
    for grad, by_reference in zip(grads_of(layer), expected, strict=True):
        assert_equal(grad, by_reference)


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.f")
def test_a_parameter_that_took_no_part_in_the_loss_or_is_frozen_keeps_none():
    used, unused = model = nn.ModuleList([whole_layer("linear"), whole_layer("linear")])
    used.bias.requires_grad_(False)

    loss_of(used, whole_batch("linear")).backward()

    assert [name for name, parameter in model.named_parameters() if parameter.grad is not None] == ["0.weight"]
    assert unused.weight.requires_grad


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.b")
@pytest.mark.parametrize("asked", [False, True])
def test_backward_goes_to_the_parameters_of_the_first_layer_and_to_the_input_only_if_that_requires_it(asked):
    first, second = whole_layer("linear"), nn.Linear(2, 1)
    input, _ = whole_batch("linear")
    input.requires_grad_(asked)

    second(first(input)).sum().backward()

    assert all(parameter.grad is not None for parameter in first.parameters())
    assert (input.grad is not None) == asked


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.b")
def test_what_lies_between_keeps_no_gradient_unless_it_is_told_to():
    layer, (input, truth) = whole_layer("linear"), whole_batch("linear")
    forgotten, kept = layer(input), layer(input)
    kept.retain_grad()

    for output in (forgotten, kept):
        functional.mse_loss(output, truth, reduction="sum").backward()

    with pytest.warns(UserWarning, match="attribute of a Tensor that is not a leaf Tensor"):
        assert forgotten.grad is None
    assert_equal(kept.grad.numpy(), 2 * (kept - truth).detach().numpy())


@pytest.mark.torch_api
@given(kind=either_layer, seeds=st.tuples(SEEDS, SEEDS))
def test_a_second_backward_adds_to_the_gradients_of_the_first(kind, seeds):
    both, alone = whole_layer(kind), [whole_layer(kind) for _ in seeds]

    for layer, seed in zip(alone, seeds, strict=True):
        loss_of(layer, whole_batch(kind, seed)).backward()
        loss_of(both, whole_batch(kind, seed)).backward()

    for total, first, second in zip(grads_of(both), *map(grads_of, alone), strict=True):
        assert_equal(total, first + second)


@pytest.mark.torch_api
@each_layer
def test_the_same_batch_twice_gives_exactly_twice_the_gradient(kind):
    layer = whole_layer(kind)
    loss_of(layer, whole_batch(kind)).backward()
    once = grads_of(layer)

    loss_of(layer, whole_batch(kind)).backward()

    for twice, grad in zip(grads_of(layer), once, strict=True):
        assert_equal(twice, 2 * grad)


@pytest.mark.torch_api
@each_layer
def test_zero_grad_makes_gradients_none_again(kind):
    layer = whole_layer(kind)
    loss_of(layer, whole_batch(kind)).backward()

    layer.zero_grad()

    assert [parameter.grad for parameter in layer.parameters()] == [None, None]


@pytest.mark.torch_api
@each_layer
def test_without_set_to_none_zero_grad_writes_zeros_into_the_same_tensors(kind):
    layer = whole_layer(kind)
    loss_of(layer, whole_batch(kind)).backward()
    before = [parameter.grad for parameter in layer.parameters()]

    layer.zero_grad(set_to_none=False)

    for parameter, grad in zip(layer.parameters(), before, strict=True):
        assert parameter.grad is grad
        assert_equal(grad.numpy(), np.zeros(parameter.shape, "float32"))


@pytest.mark.torch_api
@pytest.mark.parametrize("set_to_none", [True, False])
@each_layer
def test_gradients_cleared_between_two_batches_are_those_of_the_second_alone(kind, set_to_none):
    layer, fresh = whole_layer(kind), whole_layer(kind)

    for seed in (0, 1):
        layer.zero_grad(set_to_none)
        loss_of(layer, whole_batch(kind, seed)).backward()

    loss_of(fresh, whole_batch(kind, 1)).backward()
    for grad, expected in zip(grads_of(layer), grads_of(fresh), strict=True):
        assert_equal(grad, expected)


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.e")
def test_a_second_backward_through_the_same_graph_is_refused_unless_the_first_retains_it():
    layer = whole_layer("linear")
    loss = loss_of(layer, whole_batch("linear"))

    loss.backward(retain_graph=True)
    loss.backward()

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.e")
def test_backward_needs_a_graph_and_starts_from_a_single_number():
    layer, (input, truth) = whole_layer("linear"), whole_batch("linear")
    with torch.no_grad():
        without_graph = functional.mse_loss(layer(input), truth)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        without_graph.backward()
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        functional.mse_loss(layer(input), truth, reduction="none").backward()


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.d")
@each_layer
def test_backward_leaves_every_bit_of_the_parameters_as_it_was(kind):
    layer = LAYERS_OF_TORCH[kind][0]()
    before = [value.tobytes() for value in values_of(layer)]

    loss_of(layer, whole_batch(kind)).backward()

    assert [value.tobytes() for value in values_of(layer)] == before


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.a", "2.6.5.d")
@each_layer
def test_the_step_of_the_optimizer_moves_the_parameters_against_their_gradients(kind):
    layer = whole_layer(kind)
    before = values_of(layer)
    loss_of(layer, whole_batch(kind)).backward()

    torch.optim.SGD(layer.parameters(), lr=2**-3).step()

    for value, start, grad in zip(values_of(layer), before, grads_of(layer), strict=True):
        assert_equal(value, start - 2**-3 * grad)
        assert (value != start).any()


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.k")
def test_the_loss_takes_raw_scores_and_a_label_as_the_loader_gives_it():
    ((input, label),) = torch.utils.data.DataLoader([(torch.tensor([1.0, -2.0, 3.0]), 1)], batch_size=1)
    scores = whole_layer("linear")(input)

    loss = nn.CrossEntropyLoss()(scores, label).detach().numpy()

    assert (label.dtype, label.tolist()) == (torch.int64, [1])
    arrays = {"input": scores.detach().numpy(), "target": label.numpy(), "weight": None}
    options = {"ignore_index": -100, "reduction": "mean"}
    assert_within(loss, exact.forward(Problem("cross_entropy", arrays, options, np.array(1.0)), "float32"), "float32")


# The mean over a batch


@float32_only
@given(
    loss=st.sampled_from(["l1_loss", "mse_loss", "nll_loss"]),
    samples=st.sampled_from([2, 4]),
    outputs=st.sampled_from([1, 2, 4]),
    seed=SEEDS,
)
def test_the_mean_loss_of_a_batch_has_the_mean_gradient_of_its_samples(subject, dtype, loss, samples, outputs, seed):
    rng = np.random.default_rng(seed)
    input, weight, truth = (
        whole_numbers(rng, shape).astype(dtype) for shape in ((samples, 3), (outputs, 3), (samples, outputs))
    )
    target = rng.integers(0, outputs, samples) if loss == "nll_loss" else truth

    def grad_weight(some):
        backward = getattr(subject, f"{loss}_backward")
        grads = backward(np.array(1, dtype), subject.linear(input[some], weight), target[some])
        return subject.linear_backward(grads[0] if isinstance(grads, tuple) else grads, input[some], weight)[1]

    one_by_one = [grad_weight([n]) for n in range(samples)]

    assert_equal(grad_weight(slice(None)), np.mean(one_by_one, axis=0, dtype=dtype))


@float32_only
@given(samples=st.sampled_from([2, 4]), smoothing=st.sampled_from([0.0, 0.25]), seed=SEEDS)
def test_the_mean_cross_entropy_of_a_batch_has_the_mean_gradient_of_its_samples_up_to_rounding(
    subject, dtype, samples, smoothing, seed
):
    rng = np.random.default_rng(seed)
    arrays = {"input": real_numbers(rng, (samples, 4)), "target": rng.integers(0, 4, samples), "weight": None}
    options = {"ignore_index": -100, "label_smoothing": smoothing, "reduction": "mean"}
    batch = Problem("cross_entropy", arrays, options, np.array(1.0)).at(dtype)

    together, *_ = batch.backward(subject)
    one_by_one = [
        batch.backward(subject, input=batch.input[[n]], target=batch.target[[n]])[0] / np.array(samples, dtype)
        for n in range(samples)
    ]

    def difference(kind):
        mean, each = (formulas.class_loss_backward(batch.changed(reduction=r), kind)[0] for r in ("mean", "sum"))
        return mean - each / samples

    law = formula(difference, np.zeros(batch.input.shape), dtype)
    assert_within(together - np.concatenate(one_by_one), law, dtype)


def test_with_class_weights_the_gradients_of_the_samples_count_as_their_classes_weigh(implementation):
    scores, target, weight = np.zeros((2, 2)), np.array([0, 1]), np.array([1.0, 3.0])

    together = implementation.nll_loss_backward(np.array(1.0), scores, target, weight=weight)
    first, second = (
        implementation.nll_loss_backward(np.array(1.0), scores[[n]], target[[n]], weight=weight) for n in (0, 1)
    )

    assert first.tolist() + second.tolist() == [[-1, 0], [0, -1]]
    assert together.tolist() == [[-1 * 1 / (1 + 3), 0], [0, -1 * 3 / (1 + 3)]]
    assert together.tolist() != [[-1 / 2, 0], [0, -1 / 2]]  # the plain mean


# Every gradient says what a step changes


@float32_only
@given(problem=problems_of(CONVOLUTIONS), seed=SEEDS)
def test_the_gradients_of_a_convolution_say_exactly_what_a_step_changes(subject, dtype, problem, seed):
    for argument in arguments_of(CONVOLUTIONS, problem):
        assert_no_remainder(problem.at(dtype), argument, seed, subject)


@float32_only
@given(problem=problems_of(LAYERS), seed=SEEDS)
def test_the_gradients_of_linear_pad_and_flatten_say_exactly_what_a_step_changes(subject, dtype, problem, seed):
    for argument in arguments_of(LAYERS, problem):
        assert_no_remainder(problem.at(dtype), argument, seed, subject)


@float32_only
@given(problem=problems_of(MAXIMA), seed=SEEDS)
def test_the_gradients_of_relu_and_max_pooling_say_exactly_what_a_step_changes_where_nothing_ties(
    subject, dtype, problem, seed
):
    for argument in arguments_of(MAXIMA, problem):
        assert_no_remainder(problem.at(dtype), argument, seed, subject)


@float32_only
@given(problem=problems_of(LOSSES), seed=SEEDS)
def test_the_gradients_of_l1_loss_and_nll_loss_and_of_weights_say_exactly_what_a_step_changes(
    subject, dtype, problem, seed
):
    for argument in arguments_of(LOSSES, problem):
        assert_no_remainder(problem.at(dtype), argument, seed, subject)


@float32_only
@given(problem=problems_of(QUADRATIC), seed=SEEDS)
def test_the_gradients_of_squared_errors_leave_exactly_the_square_of_a_step(subject, dtype, problem, seed):
    for argument in arguments_of(QUADRATIC, problem):
        assert_remainder_is_the_square_of_the_step(problem.at(dtype), argument, seed, subject)


@given(problem=problems_of(MEANS), seed=SEEDS)
def test_the_gradients_of_a_mean_leave_no_more_of_a_step_than_squares_and_rounding_do(subject, problem, seed):
    for argument in arguments_of(MEANS, problem):
        assert_remainder_within_the_bend(problem, argument, seed, subject)


@given(problem=problems_of(CURVES), seed=SEEDS)
def test_the_gradients_of_a_curve_leave_no_more_of_a_step_than_its_greatest_bend_does(subject, problem, seed):
    for argument in arguments_of(CURVES, problem):
        assert_remainder_within_the_bend(problem, argument, seed, subject)


@given(problem=problems_of(CROSS_ENTROPY), seed=SEEDS)
def test_the_gradient_of_cross_entropy_leaves_no_more_of_a_step_than_its_greatest_bend_does(subject, problem, seed):
    assert_remainder_within_the_bend(problem, "input", seed, subject)


@given(problem=problems_of(CURVES), seed=SEEDS)
def test_what_the_gradients_of_a_curve_leave_falls_with_slope_2_when_the_step_is_halved(subject, problem, seed):
    for argument in arguments_of(CURVES, problem):
        assert_remainder_falls_with_slope_two(problem, argument, seed, subject)


@given(problem=problems_of(SMOOTH_LOSSES), seed=SEEDS)
def test_what_the_gradients_of_cross_entropy_and_a_mean_of_squares_leave_falls_with_slope_2_too(subject, problem, seed):
    for argument in arguments_of(SMOOTH_LOSSES, problem):
        assert_remainder_falls_with_slope_two(problem, argument, seed, subject)


@given(problem=problems_of(WEIGHTED_MEANS), seed=SEEDS)
def test_what_the_gradient_of_the_weights_of_a_mean_leaves_falls_with_slope_2_too(subject, problem, seed):
    for argument in arguments_of(WEIGHTED_MEANS, problem):
        assert_remainder_falls_with_slope_two(problem, argument, seed, subject)


# The checks themselves

CHECKS = [
    (assert_no_remainder, EXACT),
    (assert_remainder_is_the_square_of_the_step, QUADRATIC),
    (assert_remainder_within_the_bend, MEANS),
    (assert_remainder_within_the_bend, CURVES | CROSS_ENTROPY),
    (assert_remainder_falls_with_slope_two, CURVES | SMOOTH_LOSSES),
    (assert_remainder_falls_with_slope_two, WEIGHTED_MEANS),
]
CASES = [
    pytest.param(check, table[operation].problems, operation, argument, id=f"{check.__name__} {operation} {argument}")
    for check, table in CHECKS
    for operation in table
    for argument in table[operation].arguments
]


NETWORKS = {
    "cifar10_cnn": "test_2_5_cifar10_cnn.py",
    "cifar10_cnn_layers": "test_2_5_cifar10_cnn.py",
    "residual_block": "test_2_8_resnet.py",
}
"""Their gradients chain those of layers, and are checked in files of their own."""


@pytest.mark.tooling
def test_there_is_a_check_of_every_gradient():
    checked = {(operation, argument) for _, _, operation, argument in (case.values for case in CASES)}
    backward = {name.removesuffix("_backward") for name in reference.__all__ if name.endswith("_backward")}

    assert checked == {(operation, argument) for operation, names in GRADIENTS.items() for argument in names}
    assert backward - NETWORKS.keys() == set(GRADIENTS)


@pytest.mark.tooling
@pytest.mark.parametrize(("check", "problems", "operation", "argument"), CASES)
def test_a_gradient_that_is_off_by_a_thousandth_fails_its_check(check, problems, operation, argument):
    wrong = Namespace("off", **{f"{operation}_backward": partial(off_by_a_thousandth, operation, argument)})

    @settings(phases=[Phase.generate], database=None)
    @given(problem=problems.filter(lambda problem: problem.arrays[argument] is not None), seed=SEEDS)
    def checked(problem, seed):
        check(problem, argument, seed, wrong)

    with pytest.raises(AssertionError):
        checked()


def off_by_a_thousandth(operation, argument, **arguments):
    """Return the gradients of an operation, that of one argument a little too great."""
    grads = getattr(reference, f"{operation}_backward")(**arguments)
    if not isinstance(grads, tuple):
        return grads * (1 + 2**-10)
    place = GRADIENTS[operation].index(argument)
    return *grads[:place], grads[place] * (1 + 2**-10), *grads[place + 1 :]
