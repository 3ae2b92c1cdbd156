"""2.8 ResNet-50 and its smaller sibling: what the module consists of, and the same network in NumPy.

Blocks of whole numbers are compared exactly. For entire networks of random numbers the bound is normwise,

    ‖computed − exact‖ <= ‖exact‖ · u · √(Σ K)        over the sums on the way, with K terms in each

A sum of K terms rounds K times. Each rounding is at most u of the sum, of either sign, and independent of the others
within a sum and between layers; so their squares add up, as in a random walk (Higham and Mary, A New Approach to
Probabilistic Rounding Error Analysis, 2019. The expected error of sums in plain order is √12 times smaller: the mean
square of a rounding is u²/6, and that of the partial sums is half that of the whole sum.) Batch norm, ReLU, maxima and
shortcuts propagate an error as they do the signal. This is a statement about random parameters and not about every
network. √(Σ K) is 178 for ResNet-18 and 235 for ResNet-50, where the error of TF32 would be in the thousands.
"""

from dataclasses import dataclass
from functools import cache
from math import prod, sqrt

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from reference import resnet
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.formats import FORMATS, exact_formats, rounded
from spec_tests.vocabulary.levels import gradients, values
from spec_tests.vocabulary.network import assert_near
from spec_tests.vocabulary.problems import SEEDS, distinct_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.sums import settled
from spec_tests.vocabulary.torch_when_needed import flop_counter, nn, torch, torchvision

both_networks = pytest.mark.parametrize("network", ["resnet18", "resnet50"])
four_seeds = pytest.mark.parametrize("seed", range(4))

# The structure


@pytest.mark.torch_api
@pytest.mark.claim("2.8.j")
@pytest.mark.parametrize(("network", "on_the_path", "in_all"), [("resnet50", 49, 53), ("resnet18", 17, 20)])
def test_the_name_counts_the_convolutions_on_the_main_path_and_the_linear_layer(network, on_the_path, in_all):
    modules = dict(meta_network(network).named_modules())
    convolutions = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]

    path = [name for name in convolutions if "downsample" not in name]

    blocks = list(resnet.blocks(network))
    assert len(path) == 1 + len(blocks) * len(resnet.PATHS[network]) == on_the_path
    assert len(path) + len(linear) == int(network.removeprefix("resnet"))
    assert len(convolutions) == in_all


@pytest.mark.torch_api
@both_networks
def test_the_reference_names_the_parameters_and_their_shapes_as_torchvision_does(network):
    state = meta_network(network).state_dict()

    counters = {name for name, tensor in state.items() if tensor.ndim == 0}

    assert all(name.endswith(".num_batches_tracked") for name in counters)
    shapes = [(name, tuple(tensor.shape)) for name, tensor in state.items() if name not in counters]
    assert list(resnet.parameter_shapes(network).items()) == shapes


@pytest.mark.torch_api
@pytest.mark.claim("2.8.k", "2.8.t")
def test_the_network_is_a_stem_a_core_of_four_layers_and_a_head():
    parts = [name for name, _ in meta_network("resnet50").named_children()]

    stem, core, head = parts[:4], parts[4:8], parts[8:]

    assert stem == ["conv1", "bn1", "relu", "maxpool"]
    assert core == ["layer1", "layer2", "layer3", "layer4"]
    assert head == ["avgpool", "fc"]


@pytest.mark.torch_api
@pytest.mark.claim("2.8.t", "2.8.u")
def test_the_four_layers_have_3_4_6_and_3_bottlenecks_16_in_total():
    model = meta_network("resnet50")

    layers = [[type(block) for block in getattr(model, f"layer{n}")] for n in (1, 2, 3, 4)]
    bottleneck = torchvision.models.resnet.Bottleneck

    assert layers == [[bottleneck] * 3, [bottleneck] * 4, [bottleneck] * 6, [bottleneck] * 3]
    assert len(list(resnet.blocks("resnet50"))) == sum(map(len, layers)) == 16


@pytest.mark.torch_api
@pytest.mark.claim("2.8.l")
def test_the_stem_is_a_7_by_7_convolution_batch_norm_relu_and_3_by_3_max_pooling():
    conv, bn, relu, pool = list(meta_network("resnet50").children())[:4]

    assert isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d)
    assert isinstance(relu, nn.ReLU) and isinstance(pool, nn.MaxPool2d)
    assert (conv.in_channels, conv.out_channels, bn.num_features) == (3, 64, 64)
    assert (conv.kernel_size, conv.stride, conv.padding) == ((7, 7), (2, 2), (3, 3))
    assert (pool.kernel_size, pool.stride, pool.padding) == (3, 2, 1)


@pytest.mark.torch_api
@pytest.mark.claim("2.8.m", "2.8.n")
def test_the_first_convolution_has_64_7_by_7_kernels_for_3_colors_and_no_bias():
    conv = meta_network("resnet50").conv1

    assert conv.weight.shape == (64, 3, 7, 7)
    assert conv.bias is None


@pytest.mark.claim("2.8.as")
@values("conv2d")
def test_two_equal_kernels_among_64_give_two_equal_maps(implementation):
    rng = np.random.default_rng(0)
    image, kernels = rng.integers(-4, 5, (1, 3, 16, 16)), rng.integers(-4, 5, (64, 3, 7, 7))
    kernels[63] = kernels[0]

    maps = implementation.conv2d(image.astype("float32"), kernels.astype("float32"), stride=2, padding=3)

    assert len(np.unique(settled(maps, "conv2d", implementation)[0].reshape(64, -1), axis=0)) == 63


@pytest.mark.torch_api
@pytest.mark.claim("2.8.as")
def test_the_64_kernels_of_a_new_network_are_random():
    first, second = (torchvision.models.resnet18().conv1.weight for _ in range(2))

    assert first.shape == second.shape == (64, 3, 7, 7)
    assert not torch.equal(first, second)


@pytest.mark.claim("2.8.n")
@gradients("conv2d")
def test_the_receptive_field_of_the_first_convolution_is_7_by_7_pixels(implementation):
    image = np.zeros((1, 1, 15, 15))

    grad, _, _ = implementation.conv2d_backward(
        centered_impulse((1, 1, 8, 8)), image, np.ones((1, 1, 7, 7)), None, 2, 3
    )

    rows, columns = np.nonzero(settled(grad, "conv2d", implementation)[0, 0])
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1, len(rows)) == (7, 7, 49)


@pytest.mark.claim("2.8.o", "2.8.r", "2.8.s")
@values("conv2d", "max_pool2d")
def test_the_stem_reduces_224_to_112_by_its_convolution_and_to_56_by_its_pooling(implementation, operation):
    image, convolved, pooled = (np.zeros((1, 1, *size), "float32") for size in ((224, 225), (112, 113), (56, 57)))

    if operation == "conv2d":
        output = implementation.conv2d(image, np.zeros((1, 1, 7, 7), "float32"), stride=2, padding=3)
        assert output.shape == convolved.shape  # ⌊(224 + 2·3 − 7) / 2⌋ + 1; half an odd side is rounded up
    else:
        output = implementation.max_pool2d(convolved, 3, stride=2, padding=1)
        assert output.shape == pooled.shape  # ⌊(112 + 2·1 − 3) / 2⌋ + 1
        assert 4 * output.shape[2] == image.shape[2]


@pytest.mark.claim("2.8.q")
@values("relu")
@for_all(problem=problems())
def test_relu_zeroes_negative_numbers_and_keeps_the_others(subject, problem):
    output = problem.forward(subject)

    assert_equal(output, np.where(problem.input > 0, problem.input, problem.input.dtype.type(0)))


@pytest.mark.claim("2.8.q")
@values("relu")
def test_relu_is_not_linear(implementation):
    assert implementation.relu(np.array([-1.0])) + implementation.relu(np.array([1.0])) != implementation.relu(
        np.array([-1.0 + 1.0])
    )


@pytest.mark.torch_api
@pytest.mark.claim("2.8.q")
def test_the_relu_of_the_stem_overwrites_its_input():
    relu, x = meta_network("resnet50").relu, torch.tensor([-1.0, 2.0])

    output = relu(x)

    assert relu.inplace
    assert output.data_ptr() == x.data_ptr()
    assert x.tolist() == [0, 2]


every_block = pytest.mark.parametrize("name", [name for name, _ in resnet.blocks("resnet50")])


@pytest.mark.torch_api
@pytest.mark.claim("2.8.v")
@every_block
def test_a_bottleneck_has_3_convolutions_and_a_4th_as_shortcut_if_first_in_its_layer(name):
    convolutions = [part for part, m in block_of(name).named_modules() if isinstance(m, nn.Conv2d)]

    fourth = ["downsample.0"] if name.endswith(".0") else []
    assert convolutions == ["conv1", "conv2", "conv3", *fourth]


@pytest.mark.torch_api
@pytest.mark.claim("2.8.w")
def test_the_first_convolution_of_every_bottleneck_but_the_first_reduces_channels():
    firsts = {name: block_of(name).conv1 for name, _ in resnet.blocks("resnet50")}

    lowering = {name for name, conv in firsts.items() if conv.out_channels < conv.in_channels}

    assert all(conv.kernel_size == (1, 1) for conv in firsts.values())
    assert set(firsts) - lowering == {"layer1.0"}
    assert (firsts["layer1.0"].in_channels, firsts["layer1.0"].out_channels) == (64, 64)


@pytest.mark.torch_api
@pytest.mark.claim("2.8.y")
@every_block
def test_the_3_by_3_convolution_keeps_the_reduced_number_of_channels(name):
    first, second = block_of(name).conv1, block_of(name).conv2

    assert (first.kernel_size, second.kernel_size) == ((1, 1), (3, 3))
    assert second.in_channels == second.out_channels == first.out_channels


@pytest.mark.torch_api
@pytest.mark.claim("2.8.z")
@every_block
def test_the_last_convolution_gives_the_input_width_except_in_a_layers_first_block(name):
    first, last = block_of(name).conv1, block_of(name).conv3

    assert last.kernel_size == (1, 1)
    assert last.out_channels == 4 * last.in_channels
    assert (last.out_channels == first.in_channels) == (not name.endswith(".0"))


@pytest.mark.torch_api
@pytest.mark.claim("2.8.z")
def test_the_first_blocks_go_from_64_to_256_to_512_to_1024_to_2048_channels():
    firsts = [block_of(f"layer{n}.0") for n in (1, 2, 3, 4)]

    widths = [(block.conv1.in_channels, block.conv3.out_channels) for block in firsts]

    assert widths == [(64, 256), (256, 512), (512, 1024), (1024, 2048)]


@pytest.mark.torch_api
@pytest.mark.claim("2.8.x")
def test_a_bottleneck_needs_1_17th_of_the_multiplications_of_two_full_convolutions():
    full_width = nn.Sequential(*[nn.Conv2d(256, 256, 3, padding=1, bias=False, device="meta") for _ in "12"])

    narrow, wide = (multiplications_per_pixel(layers) for layers in (block_of("layer1.1"), full_width))

    assert narrow == 256 * 64 + 64 * 64 * 3 * 3 + 64 * 256 == 69_632
    assert wide == 2 * 256 * 256 * 3 * 3 == 1_179_648
    assert round(wide / narrow) == 17


@pytest.mark.torch_api
@pytest.mark.claim("2.8.aa")
def test_the_head_is_average_pooling_to_1_by_1_and_a_linear_layer_from_2048_to_1000():
    pool, linear = list(meta_network("resnet50").children())[-2:]

    assert isinstance(pool, nn.AdaptiveAvgPool2d) and isinstance(linear, nn.Linear)
    assert pool.output_size == (1, 1)
    assert (linear.in_features, linear.out_features) == (2048, 1000)


@pytest.mark.torch_api
@pytest.mark.claim("2.8.aa", "2.8.ae", "2.8.af")
def test_the_2048_averages_are_not_flattened_by_a_module_and_become_1000_scores():
    model = meta_network("resnet50")

    shapes = shapes_in(model, 224)

    assert shapes["avgpool"] == (2, 2048, 1, 1)
    assert shapes["fc"] == (2, 1000)
    assert not [module for module in model.modules() if isinstance(module, nn.Flatten)]


@pytest.mark.torch_api
@pytest.mark.claim("2.8.ac")
@pytest.mark.parametrize(("side", "last"), [(224, 7), (256, 8), (225, 8)])
def test_224_by_224_reaches_the_average_pooling_as_7_by_7_and_other_sizes_differ(side, last):
    assert shapes_in(meta_network("resnet50"), side)["layer4.2"] == (2, 2048, last, last)


@pytest.mark.torch_api
@pytest.mark.claim("2.8.ab")
@pytest.mark.parametrize("side", [32, 97, 301])
def test_images_of_any_size_leave_the_average_pooling_as_1_by_1(side):
    assert shapes_in(meta_network("resnet50"), side)["avgpool"] == (2, 2048, 1, 1)


@pytest.mark.claim("2.8.ai")
@values("softmax")
@for_all(classes=st.integers(2, 12), seed=SEEDS)
def test_the_class_with_the_largest_score_is_also_the_most_probable_one(subject, classes, seed):
    scores = distinct_numbers(np.random.default_rng(seed), (3, classes)).astype(np.float32)

    probabilities = subject.softmax(scores, 1)

    assert_equal(probabilities.argmax(axis=1), scores.argmax(axis=1))


STAGES = {
    "conv1": (64, 112),
    "relu": (64, 112),
    "maxpool": (64, 56),
    **dict.fromkeys(["layer1.0", "layer1.1", "layer1.2"], (256, 56)),
    **dict.fromkeys([f"layer2.{n}" for n in range(4)], (512, 28)),
    **dict.fromkeys([f"layer3.{n}" for n in range(6)], (1024, 14)),
    **dict.fromkeys([f"layer4.{n}" for n in range(3)], (2048, 7)),
    "avgpool": (2048, 1),
}
"""Channels and side length of the outputs of ResNet-50's parts for a 224×224 image."""


@pytest.mark.claim("2.8.o", "2.8.r", "2.8.ac")
def test_every_part_of_resnet50_in_the_reference_has_these_channels_and_this_size():
    image = np.zeros((1, 3, 224, 224), "float32")
    parameters = {name: np.zeros(shape, "float32") for name, shape in shapes_of("resnet50").items()}

    outputs = reference.resnet_layers(image, parameters, "resnet50")

    shapes = {name: output.shape for name, output in outputs.items()}
    assert shapes == {**{name: (1, c, h, h) for name, (c, h) in STAGES.items()}, "fc": (1, 1000)}


@pytest.mark.torch_api
@pytest.mark.claim("2.8.o", "2.8.r", "2.8.ac")
def test_every_part_of_torchvisions_resnet50_has_these_channels_and_this_size():
    shapes = shapes_in(meta_network("resnet50"), 224)

    assert {name: shapes[name] for name in STAGES} == {name: (2, c, h, h) for name, (c, h) in STAGES.items()}


@pytest.mark.torch_api
@pytest.mark.claim("2.8.al")
def test_resnet50_has_25557032_parameters_as_the_metadata_of_its_weights_says():
    learned = sum(parameter.numel() for parameter in meta_network("resnet50").parameters())

    kernels = [64 * 3 * 7 * 7]
    norms, width_in = [64], 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for _ in range(blocks):
            kernels += [width_in * width, width * width * 3 * 3, width * 4 * width]
            norms += [width, width, 4 * width]
            if width_in != 4 * width:  # the shortcut
                kernels.append(width_in * 4 * width)
                norms.append(4 * width)
            width_in = 4 * width
    by_hand = sum(kernels) + 2 * sum(norms) + 2048 * 1000 + 1000
    metadata = [weights.meta["num_params"] for weights in torchvision.models.ResNet50_Weights]
    assert {learned, by_hand, *metadata} == {25_557_032}


# Laws of a block


@dataclass(frozen=True)
class Block:
    """An input, the parameters of one block by name, and the gradient with respect to its output."""

    network: str
    stride: int
    input: np.ndarray
    parameters: dict[str, np.ndarray]
    grad_output: np.ndarray

    def forward(self):
        return reference.residual_block(self.input, self.parameters, self.network, self.stride)

    def backward(self):
        return reference.residual_block_backward(
            self.grad_output, self.input, self.parameters, self.network, self.stride
        )

    def at(self, dtype):
        parameters = {name: rounded(value, dtype) for name, value in self.parameters.items()}
        numbers = rounded(self.input, dtype), parameters, rounded(self.grad_output, dtype)
        return Block(self.network, self.stride, *numbers)

    def changed(self, **parameters):
        renamed = {name.replace("__", "."): value for name, value in parameters.items()}
        return Block(self.network, self.stride, self.input, {**self.parameters, **renamed}, self.grad_output)


KINDS = {
    "basic": ("resnet18", 6, 6, 1),
    "basic, wider and smaller": ("resnet18", 4, 6, 2),
    "bottleneck": ("resnet50", 12, 3, 1),
    "bottleneck, wider": ("resnet50", 6, 3, 1),
    "bottleneck, wider and smaller": ("resnet50", 8, 4, 2),
}
"""The kinds of block: network, input channels, inner width, stride."""

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@four_seeds
def test_a_block_with_a_zero_main_path_is_the_relu_of_its_shortcut(kind, seed):
    block = with_zero_path(whole_block(kind, seed))

    shortcut = block.input
    if "downsample.0.weight" in block.parameters:
        p = block.parameters
        shortcut = reference.conv2d(shortcut, p["downsample.0.weight"], stride=block.stride)
        shortcut = reference.batch_norm(shortcut, **norm_of(p, "downsample.1"))
    assert_equal(block.forward(), reference.relu(shortcut))


@every_kind
@four_seeds
def test_the_gradient_of_such_a_block_passes_where_its_output_is_positive(kind, seed):
    block = with_zero_path(whole_block(kind, seed))

    grad_input, _ = block.backward()

    grad = np.where(block.forward() > 0, block.grad_output, 0)
    if "downsample.0.weight" in block.parameters:
        p = block.parameters
        convolved = reference.conv2d(block.input, p["downsample.0.weight"], stride=block.stride)
        grad, _, _ = reference.batch_norm_backward(grad, convolved, **norm_of(p, "downsample.1"))
        grad, _, _ = reference.conv2d_backward(grad, block.input, p["downsample.0.weight"], stride=block.stride)
    assert_equal(grad_input, grad)


@every_kind
@four_seeds
def test_a_block_is_the_composition_of_its_layers_plus_the_shortcut(kind, seed):
    block = whole_block(kind, seed)

    *_, total = pre_activations(block)

    assert_equal(block.forward(), reference.relu(total))


@pytest.mark.parametrize("kind", [kind for kind, (*_, stride) in KINDS.items() if stride == 1])
def test_a_block_keeps_the_size_unless_it_is_given_a_stride(kind):
    block = whole_block(kind, 0)
    given = block.input, block.parameters, block.network

    grad_input, _ = reference.residual_block_backward(block.grad_output, *given)

    assert_equal(reference.residual_block(*given), block.forward())
    assert_equal(grad_input, block.backward()[0])


@every_kind
@four_seeds
def test_a_block_processes_every_image_independently(kind, seed):
    block = whole_block(kind, seed)

    alone = [
        reference.residual_block(image[np.newaxis], block.parameters, block.network, block.stride)
        for image in block.input
    ]

    assert_equal(block.forward(), np.concatenate(alone))


@every_kind
@four_seeds
def test_the_parameter_gradients_of_a_block_are_sums_over_the_images(kind, seed):
    block = whole_block(kind, seed)

    one_by_one = [
        reference.residual_block_backward(g[np.newaxis], x[np.newaxis], block.parameters, block.network, block.stride)
        for g, x in zip(block.grad_output, block.input, strict=True)
    ]

    grad_input, grads = block.backward()
    assert_equal(grad_input, np.concatenate([grad for grad, _ in one_by_one]))
    for name, grad in grads.items():
        assert_equal(grad, sum(image[name] for _, image in one_by_one))


# Blocks and torchvision's


@pytest.mark.torch_api
@both_networks
def test_the_shapes_of_parameters_that_are_counted_here_are_torchvisions(network):
    state = meta_network(network).state_dict()

    assert shapes_of(network) == {name: tuple(value.shape) for name, value in state.items() if value.ndim}


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@every_kind
@four_seeds
def test_a_block_of_whole_numbers_equals_that_of_torchvision(kind, seed):
    block = whole_block(kind, seed)

    output = module_of(block)(torch.tensor(block.input))

    assert_equal(output.detach().numpy(), block.forward())


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@every_kind
@four_seeds
def test_the_gradients_of_a_block_of_whole_numbers_equal_those_of_torchvision(kind, seed):
    block = whole_block(kind, seed)

    found = gradients_by_torch(block)

    grad_input, grads = block.backward()
    assert found.keys() == {"input", *grads}
    for name, expected in {"input": grad_input, **grads}.items():
        assert_equal(found[name], expected)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
@every_kind
@four_seeds
def test_a_block_of_real_numbers_equals_torchvisions_within_the_random_walk_bound(kind, seed, dtype):
    block = real_block(kind, seed).at(dtype)

    output = module_of(block)(torch.tensor(block.input)).detach().numpy()

    assert_near(output, block.at("float64").forward(), sqrt(terms_of(block.parameters)), dtype)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
@every_kind
@four_seeds
def test_gradients_of_a_real_block_equal_torchvisions_within_the_random_walk_bound(kind, seed, dtype):
    block = first_without_near_ties(kind, seed, dtype)

    found = gradients_by_torch(block)

    grad_input, grads = block.at("float64").backward()
    for name, exact in {"input": grad_input, **grads}.items():
        assert_near(found[name], exact, sqrt(terms_of(block.parameters) + terms_back(block)), dtype)


# The networks and torchvision's


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@exact_formats
@pytest.mark.parametrize("size", [(64, 64), (65, 97)], ids=["even", "odd"])
@both_networks
def test_the_output_of_every_part_equals_torchvisions_within_the_random_walk_bound(network, size, dtype):
    model = model_of(network).to(getattr(torch, dtype))
    images = rounded(np.random.default_rng(1).standard_normal((2, 3, *size)), dtype)

    theirs = outputs_of(model, torch.tensor(images), parts(network))

    exact = reference.resnet_layers(images.astype("float64"), parameters_of(model, "float64"), network)
    terms = terms_before(network, size)
    assert list(exact) == list(terms)
    for name, output in exact.items():
        assert_near(theirs[name], output, sqrt(terms[name]), dtype)


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@both_networks
def test_the_networks_of_the_reference_return_the_output_of_the_last_layer(network):
    parameters = parameters_of(model_of(network), "float32")
    images = np.random.default_rng(2).standard_normal((1, 3, 33, 40)).astype("float32")

    scores = getattr(reference, network)(images, parameters)

    assert_equal(scores, reference.resnet_layers(images, parameters, network)["fc"])


@pytest.mark.torch_api
@pytest.mark.compares_with_reference
@both_networks
def test_the_running_statistics_affect_the_scores(network):
    parameters = parameters_of(model_of(network), "float32")
    images = np.random.default_rng(2).standard_normal((1, 3, 33, 40)).astype("float32")
    untrained = {
        name: np.full_like(value, name.endswith("running_var")) if "running" in name else value
        for name, value in parameters.items()
    }

    changed, scores = (getattr(reference, network)(images, p) for p in (untrained, parameters))

    bound = sqrt(terms_before(network, (33, 40))["fc"]) * FORMATS["float32"].roundoff * np.linalg.norm(scores)
    assert np.linalg.norm(changed - scores) > 1000 * bound


@pytest.mark.torch_api
@both_networks
def test_the_random_walk_bound_is_far_below_the_error_of_tf32(network):
    count = sqrt(terms_before(network, (64, 64))["fc"])

    assert round(count) == {"resnet18": 178, "resnet50": 235}[network]
    assert FORMATS["tf32"].factors / FORMATS["float32"].roundoff > 8000 > 30 * count


# Refusals


def test_a_missing_parameter_is_named():
    parameters = {name: value for name, value in small_parameters().items() if name != "layer1.0.bn2.weight"}

    with pytest.raises(ValueError, match=r"^parameters lack bn2\.weight$"):
        reference.resnet18(np.zeros((1, 3, 32, 32)), parameters)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="network must be one of resnet18, resnet50, got 'resnet34'"):
        reference.resnet_layers(np.zeros((1, 3, 32, 32)), small_parameters(), "resnet34")


@pytest.mark.parametrize("channels", [1, 4])
def test_images_with_another_number_of_channels_are_refused_by_resnet(channels):
    with pytest.raises(ValueError, match=f"3 input channels per group, input has {channels} channels"):
        reference.resnet18(np.zeros((1, channels, 32, 32)), small_parameters())


def test_parameters_of_another_dtype_are_refused():
    with pytest.raises(TypeError, match="one dtype expected, got input float32, weight float64"):
        reference.resnet18(np.zeros((1, 3, 32, 32), "float32"), small_parameters())


def test_an_input_that_is_not_an_array_is_refused():
    with pytest.raises(TypeError, match="input must be a NumPy array, got list"):
        reference.resnet18([[0.0]], small_parameters())


# Helpers: torchvision's networks


@cache
def meta_network(network):
    """Return torchvision's network on the meta device: structure and shapes without values."""
    with torch.device("meta"):
        return getattr(torchvision.models, network)(weights=None).eval()


@cache
def _model_of(network):
    torch.default_generator.manual_seed(0)
    model, rng = getattr(torchvision.models, network)(weights=None), np.random.default_rng(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for name, value in drawn_norm(rng, module.num_features).items():
                module.state_dict()[name].copy_(torch.tensor(value))
    return model.eval()


def model_of(network):
    """Return torchvision's network in float32 with random parameters and running statistics, cached."""
    return _model_of(network).float()


def block_of(name):
    """Return a block of ResNet-50 on the meta device."""
    return meta_network("resnet50").get_submodule(name)


def parameters_of(model, dtype):
    """Return the model's parameters and running statistics as arrays."""
    return {name: value.numpy().astype(dtype, copy=False) for name, value in model.state_dict().items() if value.ndim}


def parts(network):
    """Return the names of the parts of a network whose outputs are compared, in order."""
    return ["conv1", "relu", "maxpool", *(name for name, _ in resnet.blocks(network)), "avgpool", "fc"]


def outputs_of(model, images, names):
    """Return the outputs of these parts of a model for these images, as arrays."""
    outputs = {}

    def record(name):
        return lambda _, __, output: outputs.update({name: output.clone()})  # the next ReLU overwrites it

    handles = [model.get_submodule(name).register_forward_hook(record(name)) for name in names]
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return {name: output if output.is_meta else output.numpy() for name, output in outputs.items()}


def shapes_in(model, side):
    """Return the output shapes of ResNet-50's parts for two square images of this size."""
    outputs = outputs_of(model, torch.zeros(2, 3, side, side, device="meta"), parts("resnet50"))
    return {name: tuple(output.shape) for name, output in outputs.items()}


def multiplications_per_pixel(layers):
    """Return the multiplications per pixel of layers of 256 channels; the counter also counts additions."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        layers(torch.zeros(1, 256, 8, 8, device="meta"))
    return counter.get_total_flops() // (2 * 8 * 8)


def centered_impulse(shape):
    """Return zeros with a single 1 in the middle."""
    array = np.zeros(shape)
    array[tuple(size // 2 for size in shape)] = 1
    return array


# Helpers: blocks


def block_shapes(kind):
    """Return the shapes of a block's convolution weights by name."""
    network, channels, width, stride = KINDS[kind]
    out = width if network == "resnet18" else 4 * width
    shapes, ins = {}, channels
    for number, kernel in resnet.PATHS[network]:
        last = number == resnet.PATHS[network][-1][0]
        shapes[f"conv{number}"] = (out if last else width, ins, kernel, kernel)
        ins = width
    if stride > 1 or channels != out:
        shapes["downsample.0"] = (out, channels, 1, 1)
    return shapes


def _block(kind, rng, weights, numbers, norm):
    network, channels, _, stride = KINDS[kind]
    parameters = {}
    for conv, shape in block_shapes(kind).items():
        bn = "downsample.1" if conv == "downsample.0" else conv.replace("conv", "bn")
        parameters[f"{conv}.weight"] = weights(rng, shape)
        parameters |= {f"{bn}.{part}": value for part, value in norm(rng, shape[0]).items()}
    input = numbers(rng, (2, channels, 5, 6))
    output = reference.residual_block(input, parameters, network, stride)
    return Block(network, stride, input, parameters, numbers(rng, output.shape))


def whole_block(kind, seed):
    """Return a block of whole numbers with √(variance + ε) a power of two: in float64 nothing rounds."""
    return _block(kind, np.random.default_rng(seed), signs, whole_numbers, whole_norm)


def real_block(kind, seed):
    """Return a block of real numbers like a newly initialized one, but with random running statistics."""
    return _block(kind, np.random.default_rng(seed), fan_in, lambda rng, shape: rng.standard_normal(shape), drawn_norm)


def signs(rng, shape):
    return rng.integers(-1, 2, shape).astype(np.float64)


def fan_in(rng, shape):
    return rng.standard_normal(shape) * sqrt(2 / prod(shape[1:]))


def drawn_norm(rng, channels):
    """Return random real parameters and running statistics of a batch norm."""
    return {
        "weight": rng.uniform(0.5, 1.5, channels),
        "bias": rng.normal(0, 0.3, channels),
        "running_mean": rng.normal(0, 0.3, channels),
        "running_var": rng.uniform(0.5, 2, channels),
    }


def whole_norm(rng, channels):
    """Return whole numbers, with variances of a power of 4 minus ε."""
    powers = 4.0 ** rng.integers(0, 3, channels)
    return {
        "weight": whole_numbers(rng, (channels,)),
        "bias": whole_numbers(rng, (channels,)),
        "running_mean": whole_numbers(rng, (channels,)),
        "running_var": powers - 1e-5,
    }


def test_the_variances_of_whole_blocks_plus_eps_are_exactly_powers_of_4():
    variances = whole_norm(np.random.default_rng(0), 64)["running_var"]

    assert set((variances + 1e-5).tolist()) == {1, 4, 16}


def with_zero_path(block):
    """Return the block with its main path zeroed by its last batch norm."""
    last = f"bn{resnet.PATHS[block.network][-1][0]}"
    zeros = np.zeros_like(block.parameters[f"{last}.weight"])
    return block.changed(**{f"{last}__weight": zeros, f"{last}__bias": zeros})


def norm_of(parameters, name):
    return {part: parameters[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")}


def pre_activations(block):
    """Return the input of each of a block's ReLUs: the definition, written out."""
    p, x, received = block.parameters, block.input, []
    for number, kernel in resnet.PATHS[block.network]:
        stride = block.stride if number == {"resnet18": "1", "resnet50": "2"}[block.network] else 1
        x = reference.conv2d(x, p[f"conv{number}.weight"], stride=stride, padding=kernel // 2)
        received.append(reference.batch_norm(x, **norm_of(p, f"bn{number}")))
        x = reference.relu(received[-1])
    shortcut = block.input
    if "downsample.0.weight" in p:
        shortcut = reference.conv2d(block.input, p["downsample.0.weight"], stride=block.stride)
        shortcut = reference.batch_norm(shortcut, **norm_of(p, "downsample.1"))
    return [*received[:-1], received[-1] + shortcut]


def first_without_near_ties(kind, seed, dtype):
    """Return the first random block in which rounding cannot change the sign of any ReLU's input."""
    for attempt in range(1000):
        block = real_block(kind, 1000 * seed + attempt).at(dtype)
        error = 2 * sqrt(terms_of(block.parameters)) * FORMATS[dtype].roundoff
        if all(abs(x).min() > error * abs(x).max() for x in pre_activations(block.at("float64"))):
            return block
    raise AssertionError("rounding may change a sign in every block")


def module_of(block):
    """Return torchvision's block with these parameters, in eval mode."""
    out, ins = block.parameters["conv1.weight"].shape[:2]
    name, norm = ("BasicBlock", "bn2") if block.network == "resnet18" else ("Bottleneck", "bn3")
    downsample = None
    if "downsample.0.weight" in block.parameters:
        wide = len(block.parameters[f"{norm}.weight"])
        downsample = nn.Sequential(nn.Conv2d(ins, wide, 1, block.stride, bias=False), nn.BatchNorm2d(wide))
    module = getattr(torchvision.models.resnet, name)(ins, out, block.stride, downsample).to(
        torch.tensor(block.input).dtype
    )
    loaded = module.load_state_dict({n: torch.tensor(v) for n, v in block.parameters.items()}, strict=False)
    assert not loaded.unexpected_keys
    assert all(name.endswith("num_batches_tracked") for name in loaded.missing_keys)
    return module.eval()


def gradients_by_torch(block):
    """Return the gradients of the input and of every parameter of torchvision's block, by name."""
    module, leaf = module_of(block), torch.tensor(block.input, requires_grad=True)
    module(leaf).backward(torch.tensor(block.grad_output))
    learned = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    return {"input": leaf.grad.numpy(), **learned}


# Helpers: counts of roundings

NORM = 4
"""The approximate number of roundings of a batch norm: a sum, a root, and x·h + b′."""


def terms_of(parameters):
    """Return Σ K over all convolutions and their batch norms among these parameters."""
    kernels = [value.shape for name, value in parameters.items() if name.endswith("weight") and value.ndim == 4]
    return sum(prod(shape[1:]) + NORM for shape in kernels)


def terms_back(block):
    """Return Σ K over the backward sums: for the input and weight of each convolution, and for batch norms."""
    kernels = [value.shape for name, value in block.parameters.items() if value.ndim == 4]
    positions = len(block.input) * prod(block.input.shape[2:])
    return sum(shape[0] * prod(shape[2:]) + 2 * positions + NORM for shape in kernels)


def terms_before(network, size):
    """Return Σ K for every part of a network, over the sums whose errors may have reached it."""
    kernels = {name: value for name, value in shapes_of(network).items() if len(value) == 4}

    def below(part):
        return sum(prod(shape[1:]) + NORM for name, shape in kernels.items() if name.startswith(f"{part}."))

    total = below("conv1")
    terms = dict.fromkeys(["conv1", "relu", "maxpool"], total)
    for name, _ in resnet.blocks(network):
        terms[name] = total = total + below(name)
    terms["avgpool"] = total = total + prod(-(-side // 32) for side in size)
    terms["fc"] = total + shapes_of(network)["fc.weight"][1] + 1
    return terms


def shapes_of(network):
    """Return the shapes of a network's parameters and running statistics by name, counted without torchvision."""
    kernels, ins, growth = {"conv1": (64, 3, 7, 7)}, 64, 4 if network == "resnet50" else 1
    for name, _ in resnet.blocks(network):
        width = 32 * 2 ** int(name.removeprefix("layer")[0])
        out, before = growth * width, ins
        for conv, side in resnet.PATHS[network]:
            wide = out if conv == resnet.PATHS[network][-1][0] else width
            kernels[f"{name}.conv{conv}"], ins = (wide, ins, side, side), wide
        if before != out:
            kernels[f"{name}.downsample.0"] = (out, before, 1, 1)
    shapes = {f"{name}.weight": shape for name, shape in kernels.items()}
    for name, (out, *_) in kernels.items():
        norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
        shapes |= {f"{norm}.{entry}": (out,) for entry in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {"fc.weight": (1000, ins), "fc.bias": (1000,)}


@cache
def small_parameters():
    """Return parameters for calls that are refused."""
    return {name: np.ones(shape) for name, shape in shapes_of("resnet18").items()}
