"""2.6.5 Backpropagation: `backward` fills `.grad` with the gradient of the loss, and changes nothing else.

First torch's own book-keeping, on layers whose parameters are whole numbers, so that sums of products are exact.
Then what a gradient is: every one is checked against the function that it belongs to (`gradient_checks`).
"""

from functools import partial
from math import log

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import reference
from spec_tests.code_blocks.blocks import completed_network, execute
from spec_tests.subjects.reference import Namespace
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.bounds import formula
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import FORMATS, float64_only
from spec_tests.vocabulary.gradient_checks import (
    arguments_to_step_in,
    assert_no_remainder,
    assert_remainder_falls_with_slope_two,
    assert_remainder_is_the_square_of_the_step,
    assert_remainder_within_the_bend,
    operations_that_leave,
    problems_to_step_in,
)
from spec_tests.vocabulary.levels import gradients, values
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.operations.class_losses import class_loss_gradients
from spec_tests.vocabulary.operations.operation import BEND, NOTHING, SLOPE, SQUARE
from spec_tests.vocabulary.problems import SEEDS, Problem, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.torch_when_needed import functional, nn, torch

# Worked by hand


@pytest.mark.claim("2.6.5.c")
@gradients("linear", "mse_loss")
@pytest.mark.parametrize(
    ("step", "losses"),
    [
        pytest.param(1 / 4, [1, 1 / 4, 1 / 16, 1 / 64], id="a small step lowers the loss"),
        pytest.param(1, [1, 1, 1, 1], id="a larger one leaves it as it was"),
        pytest.param(2, [1, 9, 81, 729], id="a step too large raises it"),
    ],
)
def test_each_step_multiplies_a_squared_loss_by_1_minus_2_lr_squared(implementation, step, losses):
    input, truth, weight = np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1))
    seen = []

    for _ in losses:
        output = implementation.linear(input, weight)
        seen.append(float(implementation.mse_loss(output, truth)))
        grad_output, *_ = implementation.mse_loss_backward(np.array(1.0), output, truth)
        weight = weight - step * implementation.linear_backward(grad_output, input, weight)[1]  # w − step · 2w

    assert seen == losses == [(1 - 2 * step) ** (2 * repeats) for repeats in range(4)]


@pytest.mark.claim("2.6.5.k")
@values("cross_entropy")
@pytest.mark.parametrize("score", [0.0, -1.5, 1e4])
def test_ten_equal_scores_cost_the_logarithm_of_10_whatever_the_label(implementation, score):
    losses = implementation.cross_entropy(np.full((10, 10), score), np.arange(10), reduction="none")

    assert losses.round(12).tolist() == [round(log(10), 12)] * 10
    assert round(log(10), 4) == 2.3026


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.k")
@pytest.mark.parametrize("seed", range(10))
def test_before_any_training_the_network_costs_about_the_logarithm_of_10(seed):
    images, labels = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(seed)), torch.arange(16) % 10
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed also looks for GPUs, which takes long
        network = execute(completed_network())["CIFAR10CNN"]()

    loss = nn.CrossEntropyLoss()(network(images), labels)

    assert abs(loss.item() - log(10)) < 0.05


# torch: where gradients are kept, and for how long

LAYERS_OF_TORCH = {
    "linear": (lambda: nn.Linear(3, 2), (4, 3), (4, 2)),
    "conv2d": (lambda: nn.Conv2d(2, 3, 2), (4, 2, 3, 3), (4, 3, 2, 2)),
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
def test_backward_reaches_the_input_only_if_the_input_requires_its_gradient(asked):
    first, second = whole_layer("linear"), nn.Linear(2, 1)
    input, _ = whole_batch("linear")
    input.requires_grad_(asked)

    second(first(input)).sum().backward()

    assert all(parameter.grad is not None for parameter in first.parameters())
    assert (input.grad is not None) == asked


@pytest.mark.torch_api
@pytest.mark.claim("2.6.5.b")
def test_intermediate_tensors_keep_no_gradient_without_retain_grad():
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
def test_a_second_backward_through_a_graph_is_refused_unless_the_first_retains_it():
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


@gradients("l1_loss", "mse_loss", "nll_loss")
@for_all(samples=st.sampled_from([2, 4]), outputs=st.sampled_from([1, 2, 4]), seed=SEEDS)
def test_the_mean_loss_of_a_batch_has_the_mean_gradient_of_its_samples(
    subject, operation, dtype, samples, outputs, seed
):
    rng = np.random.default_rng(seed)
    shapes = ((samples, 3), (outputs, 3), (samples, outputs))
    input, weight, truth = (whole_numbers(rng, shape).astype(FORMATS[dtype].arrays) for shape in shapes)
    target = rng.integers(0, outputs, samples) if operation == "nll_loss" else truth

    def grad_weight(some):
        backward = getattr(subject, f"{operation}_backward")
        grads = backward(np.ones((), input.dtype), subject.linear(input[some], weight), target[some])
        return subject.linear_backward(grads[0] if isinstance(grads, tuple) else grads, input[some], weight)[1]

    one_by_one = [grad_weight([n]) for n in range(samples)]

    assert_equal(grad_weight(slice(None)), np.mean(one_by_one, axis=0, dtype=input.dtype))


@gradients("cross_entropy")
@for_all(samples=st.sampled_from([2, 4]), smoothing=st.sampled_from([0.0, 0.25]), seed=SEEDS)
def test_the_mean_cross_entropy_of_a_batch_has_the_mean_gradient_of_its_samples(
    subject, dtype, samples, smoothing, seed
):
    rng = np.random.default_rng(seed)
    arrays = {"input": real_numbers(rng, (samples, 4)), "target": rng.integers(0, 4, samples), "weight": None}
    options = {"ignore_index": -100, "label_smoothing": smoothing, "reduction": "mean"}
    batch = Problem("cross_entropy", arrays, options, np.array(1.0)).at(dtype)

    together, *_ = batch.backward(subject)
    one_by_one = [
        batch.backward(subject, input=batch.input[[n]], target=batch.target[[n]])[0] / batch.input.dtype.type(samples)
        for n in range(samples)
    ]

    def difference(fmt):
        mean, each = (class_loss_gradients(batch.changed(reduction=r), fmt)[0] for r in ("mean", "sum"))
        return mean - each / samples

    law = formula(difference, np.zeros(batch.input.shape), dtype)
    assert_within(together - np.concatenate(one_by_one), law, dtype)


@gradients("nll_loss")
def test_class_weights_weigh_the_gradients_of_the_samples_of_their_classes(implementation):
    scores, target, weight = np.zeros((2, 2)), np.array([0, 1]), np.array([1.0, 3.0])

    together = implementation.nll_loss_backward(np.array(1.0), scores, target, weight=weight)
    first, second = (
        implementation.nll_loss_backward(np.array(1.0), scores[[n]], target[[n]], weight=weight) for n in (0, 1)
    )

    assert first.tolist() + second.tolist() == [[-1, 0], [0, -1]]
    assert together.tolist() == [[-1 * 1 / (1 + 3), 0], [0, -1 * 3 / (1 + 3)]]
    assert together.tolist() != [[-1 / 2, 0], [0, -1 / 2]]  # the plain mean


# Every gradient says what a step changes


def stepping(remainder):
    """Draw problems of which a step leaves this remainder."""
    return lambda operation, _: problems_to_step_in(operation, remainder)


@gradients(*operations_that_leave(NOTHING))
@for_all(problem=stepping(NOTHING), seed=SEEDS)
def test_gradients_say_exactly_what_a_step_changes_where_nothing_bends(subject, problem, seed):
    for argument in arguments_to_step_in(problem, NOTHING):
        assert_no_remainder(problem, argument, seed, subject)


@gradients(*operations_that_leave(SQUARE))
@for_all(problem=stepping(SQUARE), seed=SEEDS)
def test_gradients_of_squared_errors_leave_exactly_the_square_of_a_step(subject, problem, seed):
    for argument in arguments_to_step_in(problem, SQUARE):
        assert_remainder_is_the_square_of_the_step(problem, argument, seed, subject)


@gradients(*operations_that_leave(BEND))
@float64_only
@for_all(problem=stepping(BEND), seed=SEEDS)
def test_gradients_leave_no_more_of_a_step_than_bending_and_rounding_allow(subject, problem, seed):
    for argument in arguments_to_step_in(problem, BEND):
        assert_remainder_within_the_bend(problem, argument, seed, subject)


@gradients(*operations_that_leave(SLOPE))
@float64_only
@for_all(problem=stepping(SLOPE), seed=SEEDS)
def test_what_gradients_leave_of_a_step_falls_with_slope_2_when_it_is_halved(subject, problem, seed):
    for argument in arguments_to_step_in(problem, SLOPE):
        assert_remainder_falls_with_slope_two(problem, argument, seed, subject)


# The checks themselves

CHECKS = {
    NOTHING: (assert_no_remainder, "float32"),
    SQUARE: (assert_remainder_is_the_square_of_the_step, "float32"),
    BEND: (assert_remainder_within_the_bend, "float64"),
    SLOPE: (assert_remainder_falls_with_slope_two, "float64"),
}
CASES = [
    pytest.param(remainder, row.name, argument, id=f"{row.name} {argument}: {remainder}")
    for row in OPERATIONS.values()
    for remainder, check in row.checks.items()
    for argument in check.arguments
]


@pytest.mark.tooling
def test_there_is_a_check_of_every_gradient():
    checked = {(operation, argument) for _, operation, argument in (case.values for case in CASES)}

    assert checked == {(operation, argument) for operation, names in GRADIENTS.items() for argument in names}


@pytest.mark.tooling
@pytest.mark.parametrize(("remainder", "operation", "argument"), CASES)
def test_a_gradient_that_is_off_by_a_thousandth_fails_its_check(remainder, operation, argument):
    wrong = Namespace("off", **{f"{operation}_backward": partial(off_by_a_thousandth, operation, argument)})
    check, dtype = CHECKS[remainder]
    problems = problems_to_step_in(operation, remainder).filter(
        lambda problem: argument in arguments_to_step_in(problem, remainder)
    )

    @settings(phases=[Phase.generate], database=None)
    @given(problem=problems, seed=SEEDS)
    def checked(problem, seed):
        check(problem.at(dtype), argument, seed, wrong)

    with pytest.raises(AssertionError):
        checked()


def off_by_a_thousandth(operation, argument, **arguments):
    """Return the gradients of an operation, that of one argument a little too great."""
    grads = getattr(reference, f"{operation}_backward")(**arguments)
    if not isinstance(grads, tuple):
        return grads * (1 + 2**-10)
    place = GRADIENTS[operation].index(argument)
    return *grads[:place], grads[place] * (1 + 2**-10), *grads[place + 1 :]
