"""2.5 The network for CIFAR-10: three convolutions, three poolings, one linear layer.

Its layers are specified in 2.1 to 2.4; this file is about their composition. It starts with whole numbers, where every
sum is exact, and goes on to real ones. The network's shapes are fixed, so each test runs on only a few sets of numbers.
"""

import re
from math import floor, prod

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import reference
from reference.cnn import PARAMETERS
from reference.train_in_torch import torch_network
from spec_tests.code_blocks import blocks, stand_in
from spec_tests.vocabulary import network
from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import FORMATS, exact_formats
from spec_tests.vocabulary.levels import contracts, conventions, gradients, refusals, values
from spec_tests.vocabulary.network import assert_near, no_near_ties, real_network, roundings, whole_network
from spec_tests.vocabulary.problems import SEEDS
from spec_tests.vocabulary.properties import for_all
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.sums import settled
from spec_tests.vocabulary.torch_when_needed import nn, torch

four_seeds = pytest.mark.parametrize("seed", range(4))
with_and_without_activation = pytest.mark.parametrize("relu", [False, True], ids=["as coded", "with activations"])


@pytest.fixture(scope="module")
def document_network():
    """Return the document's class, with the imports that its reader must add."""
    return blocks.execute(blocks.completed_network())["CIFAR10CNN"]


# The structure, as the document lists it

SHAPES = {
    "input": ((3, 32, 32), "2.5.b"),
    "conv1": ((32, 32, 32), "2.5.c"),
    "p1": ((32, 16, 16), "2.5.d"),
    "conv2": ((32, 16, 16), "2.5.e"),
    "p2": ((32, 8, 8), "2.5.d"),
    "conv3": ((64, 8, 8), "2.5.f"),
    "p3": ((64, 4, 4), "2.5.d"),
    "flatten": ((1024,), "2.5.g"),
    "linear": ((10,), "2.5.h"),
}
every_layer = pytest.mark.parametrize(
    ("layer", "shape"),
    [pytest.param(layer, *row[:1], marks=pytest.mark.claim(row[1])) for layer, row in SHAPES.items()],
)


@every_layer
def test_every_layer_of_the_reference_has_the_shape_that_the_document_lists(layer, shape):
    outputs = reference.cifar10_cnn_layers(*images_and_parameters(2))

    assert outputs[layer].shape == (2, *shape)


@pytest.mark.torch_api
@every_layer
def test_every_layer_of_the_documents_class_has_the_shape_that_the_document_lists(document_network, layer, shape):
    shapes = shapes_in(document_network(), torch.zeros(2, 3, 32, 32))

    if layer == "flatten":  # a function there, not a module: its output is the input of linear
        assert shapes["linear"][0] == (2, *shape)
    elif layer == "input":
        assert shapes["conv1"][0] == (2, *shape)
    else:
        assert shapes[layer][1] == (2, *shape)


@pytest.mark.claim("2.5.g")
@values("flatten")
def test_the_1024_features_are_ordered_by_channel_then_row_then_column(implementation):
    maps = np.arange(2.0 * 64 * 4 * 4).reshape(2, 64, 4, 4)

    features = implementation.flatten(maps, 1)

    in_order = [[maps[n, c, h, w] for c in range(64) for h in range(4) for w in range(4)] for n in range(2)]
    assert_equal(features, np.array(in_order))


COUNTS = {
    "conv1": 32 * (3 * 5 * 5 + 1),  # 32 kernels of 3·5·5 numbers and a bias each
    "conv2": 32 * (32 * 5 * 5 + 1),
    "conv3": 64 * (32 * 5 * 5 + 1),
    "linear": 10 * (64 * 4 * 4 + 1),
}


@pytest.mark.claim("2.5.h")
@gradients("cifar10_cnn")
def test_the_layers_have_2432_25632_51264_and_10250_parameters_89578_in_total(implementation):
    assert list(COUNTS.values()) == [2_432, 25_632, 51_264, 10_250]

    _, gradients = implementation.cifar10_cnn_backward(np.zeros((1, 10)), *images_and_parameters(1))

    for layer, count in COUNTS.items():
        assert gradients[f"{layer}.weight"].size + gradients[f"{layer}.bias"].size == count
    assert sum(gradient.size for gradient in gradients.values()) == 89_578


@pytest.mark.torch_api
@pytest.mark.claim("2.5.h")
def test_the_documents_class_has_parameters_of_these_names_and_shapes(document_network):
    parameters = document_network().state_dict()

    assert {name: tuple(value.shape) for name, value in parameters.items()} == PARAMETERS


@pytest.mark.torch_api
@pytest.mark.claim("2.5.c", "2.5.e", "2.5.f")
@pytest.mark.parametrize(("layer", "channels"), [("conv1", 32), ("conv2", 32), ("conv3", 64)])
def test_each_convolution_has_5_by_5_kernels_and_the_listed_number_of_channels(document_network, layer, channels):
    convolution = getattr(document_network(), layer)

    assert (convolution.kernel_size, convolution.out_channels) == ((5, 5), channels)


@pytest.mark.torch_api
@pytest.mark.claim("2.5.d", "2.5.q")
@pytest.mark.parametrize("layer", ["p1", "p2", "p3"])
def test_each_pooling_takes_the_maximum_of_2_by_2_with_stride_2(document_network, layer):
    pooling = getattr(document_network(), layer)

    assert isinstance(pooling, nn.MaxPool2d)
    assert (pooling.kernel_size, pooling.stride) == (2, 2)


# The equations for padding and stride


@pytest.mark.claim("2.5.i")
@values("conv2d")
def test_a_5_by_5_kernel_without_padding_would_leave_28_of_32_pixels(implementation):
    assert 32 - 5 + 1 == 28

    output = implementation.conv2d(np.zeros((1, 3, 32, 32)), np.zeros((32, 3, 5, 5)))

    assert output.shape == (1, 32, 28, 28)


@pytest.mark.claim("2.5.i")
@values("conv2d")
@pytest.mark.parametrize("dilation", [1, 2, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@as_printed_and_in_a_batch
def test_without_padding_no_stride_or_dilation_keeps_32_pixels_under_5_by_5(implementation, form, stride, dilation):
    options = {"stride": stride, "dilation": dilation}

    output = form(implementation).conv2d(np.zeros((1, 32, 32)), np.zeros((1, 1, 5, 5)), **options)

    assert output.shape[1:] == ((32 - 4 * dilation - 1) // stride + 1,) * 2
    assert max(output.shape[1:]) <= 28


@pytest.mark.claim("2.5.j")
@values("conv2d")
@for_all(h=st.integers(1, 12), k=st.integers(1, 5), p=st.integers(0, 3), s=st.integers(1, 4), columns=st.integers(3, 6))
def test_without_dilation_the_output_has_floor_h_minus_k_plus_2p_over_s_plus_1_rows(subject, h, k, p, s, columns):
    assume(h + 2 * p >= k)

    output = subject.conv2d(np.zeros((1, 1, h, columns)), np.zeros((1, 1, k, 3)), stride=(s, 1), padding=(p, 0))

    assert output.shape[2] == floor((h - k + 2 * p) / s + 1)


@pytest.mark.claim("2.5.k")
@values("conv2d")
@pytest.mark.parametrize("size", [32, 16, 8])
@as_printed_and_in_a_batch
def test_only_padding_2_keeps_the_size_under_a_5_by_5_kernel(implementation, form, size):
    image, kernel = np.zeros((1, size, size)), np.zeros((1, 1, 5, 5))

    outputs = [form(implementation).conv2d(image, kernel, padding=p) for p in range(6)]

    assert [p for p, output in enumerate(outputs) if output.shape == image.shape] == [2]


@pytest.mark.claim("2.5.q")
@values("max_pool2d")
@pytest.mark.parametrize("size", [32, 16, 8])
@as_printed_and_in_a_batch
def test_2_by_2_pooling_with_its_default_stride_2_halves_the_size(implementation, form, size):
    x = np.arange(size * size, dtype=float).reshape(1, size, size)

    assert form(implementation).max_pool2d(x, 2, stride=2).shape == (1, size // 2, size // 2)
    assert_equal(form(implementation).max_pool2d(x, 2), form(implementation).max_pool2d(x, 2, stride=2))


@pytest.mark.claim("2.5.t")
@values("cifar10_cnn")
@pytest.mark.parametrize("size", [(32, 32), (39, 32), (32, 39), (39, 39), (16, 64)])
def test_sizes_that_lead_to_1024_features_are_accepted(subject, size):
    _, parameters = images_and_parameters(1)

    assert subject.cifar10_cnn(np.zeros((2, 3, *size)), parameters).shape == (2, 10)


@pytest.mark.claim("2.5.t")
@refusals("cifar10_cnn")
@pytest.mark.parametrize("size", [(31, 32), (32, 40), (40, 40), (28, 28), (64, 64), (7, 32), (32, 32, 1)])
def test_other_sizes_are_refused(subject, size):
    _, parameters = images_and_parameters(1)
    call, near = {"input": np.zeros((2, 3, *size)), "parameters": parameters}, {"input": np.zeros((2, 3, 32, 32))}
    message = re.escape(f"input has shape {(2, 3, *size)}, expected (n, 3, 32, 32)")

    assert_refused(subject, "cifar10_cnn", message, near=near, **call)


# Where the document's network differs from its model


@pytest.mark.torch_api
@pytest.mark.claim("2.5.u")
def test_caffes_quick_model_has_145578_parameters_and_the_documents_has_89578(document_network):
    """The layers are those of examples/cifar10/cifar10_quick_train_test.prototxt in Caffe."""
    quick = nn.Sequential(
        *(nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU()),
        *(nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True)),
        *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True)),
        *(nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10)),
    )

    assert quick(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert number_of_parameters(quick) == 2_432 + 25_632 + 51_264 + (1024 + 1) * 64 + (64 + 1) * 10 == 145_578
    assert number_of_parameters(document_network()) == 89_578


@pytest.mark.torch_api
@pytest.mark.claim("2.5.o")
def test_the_documents_class_computes_the_network_without_activations(document_network):
    problem = whole_network(0, images=2, relu=False)
    logits = loaded(document_network(), problem)(torch.tensor(problem.input))

    assert_equal(logits.detach().numpy(), problem.forward(reference))
    assert (logits.detach().numpy() != whole_network(0, images=2, relu=True).forward(reference)).any()


# Scores, not probabilities


@pytest.mark.claim("2.5.r")
@four_seeds
@values("cifar10_cnn")
def test_the_output_is_one_score_per_class_not_a_probability(subject, seed):
    logits = whole_network(seed, images=3, relu=False).forward(subject)

    assert logits.shape == (3, 10)
    assert (logits < 0).any() and (logits > 1).any()


@pytest.mark.claim("2.5.r")
@four_seeds
@values("cifar10_cnn")
def test_the_scores_shift_by_exactly_the_change_of_the_last_bias(subject, seed):
    problem = whole_network(seed, images=2, relu=True)
    raised = {**problem.parameters, "linear.bias": problem.parameters["linear.bias"] + np.arange(10)}

    logits = subject.cifar10_cnn(problem.input, raised, problem.relu)

    assert_equal(logits, problem.forward(subject) + np.arange(10.0))


@pytest.mark.torch_api
@pytest.mark.claim("2.5.s")
def test_there_is_one_score_for_each_of_the_ten_classes_of_cifar_10():
    names = stand_in.CLASSES

    assert len(names) == PARAMETERS["linear.bias"][0] == 10


# Laws


@with_and_without_activation
@four_seeds
@values("cifar10_cnn")
def test_the_network_is_the_composition_of_its_layers(subject, seed, relu):
    problem = whole_network(seed, images=2, relu=relu)
    p, x = problem.parameters, problem.input

    for stage in "123":
        convolved = subject.conv2d(x, p[f"conv{stage}.weight"], p[f"conv{stage}.bias"], padding=2)
        x = settled(convolved, "conv2d", subject)
        x = subject.max_pool2d(subject.relu(x) if relu else x, 2)
    x = subject.linear(subject.flatten(x, 1), p["linear.weight"], p["linear.bias"])

    assert_equal(problem.forward(subject), x)


@with_and_without_activation
@four_seeds
@values("cifar10_cnn")
def test_each_image_is_scored_independently(subject, seed, relu):
    problem = whole_network(seed, images=3, relu=relu)

    alone = [subject.cifar10_cnn(image[np.newaxis], problem.parameters, relu) for image in problem.input]

    assert_equal(problem.forward(subject), np.concatenate(alone))


@with_and_without_activation
@four_seeds
@gradients("cifar10_cnn")
def test_the_gradient_of_a_batch_is_the_sum_of_the_gradients_of_its_images(subject, seed, relu):
    problem = whole_network(seed, images=3, relu=relu)

    gradients = [
        subject.cifar10_cnn_backward(grad[np.newaxis], image[np.newaxis], problem.parameters, relu)[1]
        for grad, image in zip(problem.grad_output, problem.input, strict=True)
    ]

    together = problem.backward(subject)
    for name in PARAMETERS:
        assert_equal(together[name], sum(gradient[name] for gradient in gradients))


@with_and_without_activation
@four_seeds
@gradients("cifar10_cnn")
def test_the_gradients_of_every_layer_satisfy_eulers_identity(subject, seed, relu):
    """Without biases the network is homogeneous of degree 1 in the weights of each layer (Euler's theorem)."""
    problem = whole_network(seed, images=2, relu=relu)
    grads = problem.backward(subject)

    remaining = np.vdot(problem.grad_output, problem.forward(subject))
    for layer in reversed(network.LAYERS):
        weight, bias = f"{layer}.weight", f"{layer}.bias"
        remaining -= np.vdot(grads[bias], problem.parameters[bias])
        assert np.vdot(grads[weight], problem.parameters[weight]) == remaining
    assert np.vdot(grads["input"], problem.input) == remaining


STEP = 2.0**-20  # small enough that the maxima stay the same, large compared with the rounding of the scores


@with_and_without_activation
@gradients("cifar10_cnn")
@pytest.mark.parametrize("argument", ["input", *PARAMETERS])
def test_a_small_step_in_any_direction_changes_the_scores_as_the_gradient_predicts(subject, argument, relu):
    """Within a linear region the network is linear in each argument, so only rounding remains."""
    problem, direction = next(
        drawn for seed in range(100) if (drawn := step_within_a_linear_region(seed, argument, relu))
    )
    after = network.with_step(problem, argument, STEP * direction)

    before, change = problem.forward(subject), after.forward(subject) - problem.forward(subject)
    gradient = problem.backward(subject)[argument]

    u, counts = FORMATS["float64"].roundoff, roundings(images=1)
    scores_bound = 2 * counts["linear"] * u * np.linalg.norm(problem.grad_output) * np.linalg.norm(before)
    gradient_bound = STEP * counts[argument] * u * np.linalg.norm(gradient) * np.linalg.norm(direction)
    exact = Approximation(np.asarray(STEP * np.vdot(gradient, direction)), np.asarray(scores_bound + gradient_bound))
    assert_within(np.vdot(problem.grad_output, change), exact, "float64")


def step_within_a_linear_region(seed, argument, relu):
    """Return a network and a direction, or None if a step in that direction leaves the linear region."""
    problem = real_network(seed, images=1, relu=relu)
    shape = problem.input.shape if argument == "input" else PARAMETERS[argument]
    direction = np.random.default_rng(seed).standard_normal(shape)
    stays = network.same_linear_region(problem, network.with_step(problem, argument, STEP * direction))
    return (problem, direction) if stays else None


# Equality with the reference


@pytest.mark.compares_with_reference
@values("cifar10_cnn")
@exact_formats
@with_and_without_activation
@four_seeds
def test_on_whole_numbers_the_scores_equal_those_of_the_reference(subject, seed, relu, dtype):
    problem = whole_network(seed, images=2, relu=relu, density=DENSITIES[dtype]).at(dtype)

    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@gradients("cifar10_cnn")
@exact_formats
@with_and_without_activation
@four_seeds
def test_on_whole_numbers_every_gradient_equals_that_of_the_reference(subject, seed, relu, dtype):
    problem = whole_network(seed, images=2, relu=relu, density=DENSITIES[dtype]).at(dtype)

    expected = problem.backward(reference)

    for name, gradient in problem.backward(subject).items():
        assert_equal(gradient, expected[name])


DENSITIES = {"float32": 0.1, "float64": 1.0}
"""With a tenth of the weights nonzero, sums of absolute products stay below 2^24; with all of them, below 2^53."""


@pytest.mark.parametrize("dtype", DENSITIES)
@four_seeds
def test_the_sums_of_absolute_products_are_small_enough_to_be_exact(seed, dtype):
    problem = whole_network(seed, images=2, relu=False, density=DENSITIES[dtype])
    positive = network.Network(
        abs(problem.input), {name: abs(p) for name, p in problem.parameters.items()}, False, abs(problem.grad_output)
    )

    largest = max(array.max() for array in (positive.forward(reference), *positive.backward(reference).values()))

    assert largest < {"float32": 2**24, "float64": 2**53}[dtype]


# Rounding


@pytest.mark.compares_with_reference
@values("cifar10_cnn")
@exact_formats
@with_and_without_activation
@four_seeds
def test_on_real_numbers_the_scores_round_within_the_bound_of_a_random_walk(subject, seed, relu, dtype):
    problem = real_network(seed, images=2, relu=relu).at(dtype)
    exact = problem.at("float64").forward(reference)

    assert_near(problem.forward(subject), exact, roundings(images=2)["linear"], dtype)


@pytest.mark.compares_with_reference
@gradients("cifar10_cnn")
@exact_formats
@with_and_without_activation
@four_seeds
def test_on_real_numbers_every_gradient_rounds_within_the_bound_of_a_random_walk(subject, seed, relu, dtype):
    problem = first_without_near_ties(seed, relu, dtype).at(dtype)
    exact = problem.at("float64").backward(reference)

    for name, gradient in problem.backward(subject).items():
        assert_near(gradient, exact[name], roundings(images=1)[name], dtype)


# Loss and gradients together


@pytest.mark.parametrize("relu", [False, True])
@four_seeds
def test_the_references_loss_is_cross_entropy_applied_to_the_scores(seed, relu):
    problem, target = real_network(seed, images=3, relu=relu), np.array([seed, 9, 0])

    loss, grad_input, gradients = reference.cifar10_cnn_loss(problem.input, target, problem.parameters, relu)

    logits = problem.forward(reference)
    grad_logits, _, _ = reference.cross_entropy_backward(np.array(1.0), logits, target)
    assert_equal(loss, reference.cross_entropy(logits, target))
    expected = reference.cifar10_cnn_backward(grad_logits, problem.input, problem.parameters, relu)
    expected_grads = (expected[0], *expected[1].values())
    for grad, expected_grad in zip((grad_input, *gradients.values()), expected_grads, strict=True):
        assert_equal(grad, expected_grad)


@pytest.mark.parametrize("relu", [False, True])
@four_seeds
def test_the_references_loss_does_not_depend_on_whether_the_input_needs_a_gradient(seed, relu):
    problem, target = real_network(seed, images=3, relu=relu), np.array([seed, 9, 0])

    loss, grad_input, gradients = reference.cifar10_cnn_loss(
        problem.input, target, problem.parameters, relu, input_requires_grad=False
    )

    expected, _, with_input = reference.cifar10_cnn_loss(problem.input, target, problem.parameters, relu)
    assert grad_input is None
    assert_equal(loss, expected)
    assert gradients.keys() == with_input.keys()
    for name, gradient in gradients.items():
        assert_near(gradient, with_input[name], roundings(images=3)[name], "float64")


def test_input_requires_grad_must_be_true_or_false():
    images, parameters = images_and_parameters(1)

    with pytest.raises(TypeError, match="input_requires_grad must be True or False, got 1"):
        reference.cifar10_cnn_loss(images, np.array([7]), parameters, input_requires_grad=1)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@four_seeds
def test_the_documents_class_and_the_reference_agree_on_loss_and_gradients(document_network, seed):
    problem, target = first_without_near_ties(seed, False, "float64"), np.array([seed])
    module = loaded(document_network(), problem)

    theirs = nn.CrossEntropyLoss()(module(torch.tensor(problem.input)), torch.tensor(target))
    theirs.backward()

    loss, _, gradients = reference.cifar10_cnn_loss(problem.input, target, problem.parameters)
    steps_of_the_loss = 10  # shift, exp, sum and so on, each with an error of about one rounding
    assert_near(theirs.detach().numpy(), loss, roundings(1)["linear"] + steps_of_the_loss, "float64")
    for name, parameter in module.named_parameters():
        count = roundings(1)["linear"] + roundings(1)[name] + steps_of_the_loss
        assert_near(parameter.grad.numpy(), gradients[name], count, "float64")


@pytest.mark.torch_api
@with_and_without_activation
def test_the_gradients_of_torchs_network_do_not_depend_on_whether_its_input_has_one(relu):
    problem = whole_network(0, images=2, relu=relu)
    found = {}

    for wanted in (True, False):
        module = loaded(torch_network(relu), problem)
        module(torch.tensor(problem.input).requires_grad_(wanted)).backward(torch.tensor(problem.grad_output))
        found[wanted] = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}

    for name, together in found[True].items():
        assert_equal(found[False][name], together)


# Parameters


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@with_and_without_activation
def test_the_references_parameters_load_into_the_module_and_give_equal_scores(relu):
    problem = whole_network(0, images=2, relu=relu)

    logits = loaded(torch_network(relu), problem)(torch.tensor(problem.input))

    assert_equal(logits.detach().numpy(), problem.forward(reference))


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
def test_the_reference_accepts_the_modules_state_dict_as_arrays(document_network):
    module = document_network().double()
    images = network.real_numbers(np.random.default_rng(0), (2, 3, 32, 32))

    logits = reference.cifar10_cnn(images, {name: value.numpy() for name, value in module.state_dict().items()})

    theirs = module(torch.tensor(images)).detach().numpy()
    assert_near(theirs, logits, roundings(2)["linear"], "float64")


@pytest.mark.torch_api
@pytest.mark.parametrize("name", PARAMETERS)
def test_initial_parameters_fill_the_same_range_as_the_modules(document_network, name):
    inputs = prod(PARAMETERS[name.replace("bias", "weight")][1:])
    ours = reference.initial_parameters(np.random.default_rng(0))[name]

    torch.default_generator.manual_seed(0)
    theirs = dict(document_network().named_parameters())[name].detach().numpy()

    for drawn in (ours, theirs):
        assert abs(drawn).max() <= np.float32(1 / np.sqrt(inputs))
        assert drawn.min() < 0 < drawn.max()
        assert abs(drawn).max() > 1 / np.sqrt(inputs) / 2  # ten numbers all miss it at 1 in 1,000 seeds
        assert drawn.dtype == "float32"


@for_all(seed=SEEDS)
def test_initial_parameters_are_determined_by_the_seed(seed):
    first, second = (reference.initial_parameters(np.random.default_rng(seed))["conv1.bias"] for _ in "12")

    assert_equal(first, second)


# Contracts and refusals


@contracts("cifar10_cnn")
@pytest.mark.parametrize("asked", ["scores", "gradients"])
def test_the_network_changes_neither_its_input_nor_its_parameters(subject, asked):
    problem, before = (whole_network(0, images=1, relu=True) for _ in "12")

    problem.forward(subject) if asked == "scores" else problem.backward(subject)

    assert_equal(problem.input, before.input)
    assert_equal(problem.grad_output, before.grad_output)
    for name, value in before.parameters.items():
        assert_equal(problem.parameters[name], value)


@conventions("cifar10_cnn")
def test_an_empty_batch_gives_no_scores(subject):
    _, parameters = images_and_parameters(1)

    assert subject.cifar10_cnn(np.zeros((0, 3, 32, 32)), parameters).shape == (0, 10)


@conventions("cifar10_cnn")
def test_an_empty_batch_gives_gradients_of_zero_for_the_parameters(subject):
    _, parameters = images_and_parameters(1)

    _, gradients = subject.cifar10_cnn_backward(np.zeros((0, 10)), np.zeros((0, 3, 32, 32)), parameters)
    for name, size in PARAMETERS.items():
        assert_equal(gradients[name], np.zeros(size))


@refusals("cifar10_cnn")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"conv1.bias": None}, r"parameters lack \['conv1.bias'\] and have unknown none"),
        ({"conv4.bias": np.zeros(1)}, r"parameters lack none and have unknown \['conv4.bias'\]"),
        ({"linear.weight": np.zeros((10, 64))}, r"linear.weight has shape \(10, 64\), expected \(10, 1024\)"),
    ],
)
def test_missing_unknown_or_misshapen_parameters_are_refused(subject, changed, message):
    images, parameters = images_and_parameters(1)
    wrong = {name: value for name, value in {**parameters, **changed}.items() if value is not None}
    near = {"parameters": parameters}

    assert_refused(subject, "cifar10_cnn", message, near=near, input=images, parameters=wrong)


@refusals("cifar10_cnn")
@pytest.mark.parametrize("channels", [1, 4])
def test_images_with_another_number_of_channels_are_refused(subject, channels):
    images, parameters = images_and_parameters(1)
    call, message = {"input": np.zeros((1, channels, 32, 32))}, rf"input has shape \(1, {channels}, 32, 32\)"

    assert_refused(subject, "cifar10_cnn", message, near={"input": images}, **call, parameters=parameters)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": [1]}, TypeError, "parameters must be a mapping from names to arrays, got list"),
        ({"relu": 1}, TypeError, "relu must be True or False, got 1"),
        ({"input": np.zeros((1, 3, 32, 32), "float32")}, TypeError, "one dtype expected, got input float32"),
        ({"input": np.zeros((3, 32, 32))}, ValueError, r"input has shape \(3, 32, 32\)"),
    ],
)
def test_the_reference_refuses_invalid_arguments(arguments, error, message):
    images, parameters = images_and_parameters(1)

    with pytest.raises(error, match=message):
        reference.cifar10_cnn(**{"input": images, "parameters": parameters, **arguments})


@pytest.mark.parametrize("grad", [np.zeros((1, 9)), np.zeros((2, 10))])
def test_a_grad_output_of_another_shape_is_refused(grad):
    with pytest.raises(ValueError, match="grad_output has shape"):
        reference.cifar10_cnn_backward(grad, *images_and_parameters(1))


# --- helpers ---


def images_and_parameters(images):
    """Return black images and parameters that are all zero."""
    return np.zeros((images, 3, 32, 32)), {name: np.zeros(size) for name, size in PARAMETERS.items()}


def first_without_near_ties(seed, relu, dtype):
    """Return a real network with one image in which rounding decides neither a maximum nor a sign."""
    drawn = (real_network(1000 * seed + attempt, images=1, relu=relu) for attempt in range(1000))
    return next(problem for problem in drawn if no_near_ties(problem.at(dtype).at("float64"), dtype))


def loaded(module, problem):
    """Return the module in float64 with the problem's parameters."""
    module.double().load_state_dict({name: torch.tensor(value) for name, value in problem.parameters.items()})
    return module


def shapes_in(module, images):
    """Return the input and output shapes of every layer of a module."""
    shapes = {}

    def record(name):
        return lambda _, inputs, output: shapes.update({name: (tuple(inputs[0].shape), tuple(output.shape))})

    for name, layer in module.named_children():
        layer.register_forward_hook(record(name))
    module(images)
    return shapes


def number_of_parameters(module):
    """Return the number of learnable parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())
