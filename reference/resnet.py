"""Residual networks (section 2.8): ResNet-18 and ResNet-50 as torchvision builds them, as one table of stages.

    stem      7×7 convolution, stride 2, padding 3, 64 channels; batch norm, ReLU; 3×3 maximum, stride 2, padding 1
    layer1    blocks of width  64 at the size of the stem's output
    layer2    blocks of width 128, the first with stride 2
    layer3    blocks of width 256, the first with stride 2
    layer4    blocks of width 512, the first with stride 2
    head      the average of each channel; linear

A block adds its input to the output of a few convolutions, each followed by batch norm:

    basic block    relu(x + 3×3(relu(3×3(x))))                           ResNet-18
    bottleneck     relu(x + 1×1(relu(3×3(relu(1×1(x))))))                ResNet-50: narrow in the middle, 4 times as
                                                                         wide at the end; the stride is in the 3×3
    downsample     if size or width change, a 1×1 convolution with batch norm replaces x

(He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016; the stride as in torchvision, in the middle.)

The parameters are torchvision's `state_dict`, as a mapping from its names to arrays. Every batch norm uses its
running statistics: this is the network in evaluation.

Axes: n image, c channel, h row, w column.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from reference.activation import relu, relu_backward
from reference.average_pooling import adaptive_avg_pool2d
from reference.checks import Array, array, mapping, one_of
from reference.convolution import conv2d, conv2d_backward
from reference.linear import flatten, linear
from reference.normalization import batch_norm, batch_norm_backward
from reference.pooling import max_pool2d

Parameters: TypeAlias = Mapping[str, Array]
Convolution: TypeAlias = tuple[str, str, int, int]

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}
"""How many blocks each of the four layers has."""

PATHS: dict[str, tuple[tuple[str, int], ...]] = {
    "resnet18": (("1", 3), ("2", 3)),
    "resnet50": (("1", 1), ("2", 3), ("3", 1)),
}
"""The convolutions of a block, by number, with the size of their kernels."""

BATCH_NORM = ("running_mean", "running_var", "weight", "bias")
"""The parameters and running statistics of a batch norm."""

STRIDED = {"resnet18": "1", "resnet50": "2"}
"""The convolution of a block that takes its stride."""

EXPANSION = {"resnet18": 1, "resnet50": 4}
"""How many times its width a block has channels at its end."""


def resnet18(input: Array, parameters: Parameters) -> Array:
    """Return the scores of the classes: input (n, 3, h, w), any size from about 32 -> (n, classes)."""
    return _last(_layers(input, parameters, "resnet18"))


def resnet50(input: Array, parameters: Parameters) -> Array:
    """Return the scores of the classes: input (n, 3, h, w), any size from about 32 -> (n, classes).

    Raises ValueError for a missing parameter, and the layers' TypeError and ValueError.
    """
    return _last(_layers(input, parameters, "resnet50"))


def resnet_layers(input: Array, parameters: Parameters, network: str) -> dict[str, Array]:
    """Return the outputs of the stem, of every block and of each part of the head, in order, by torchvision's names."""
    return dict(_layers(input, parameters, network))


def _layers(input: Array, parameters: Parameters, network: str) -> Iterator[tuple[str, Array]]:
    array("input", input)
    one_of("network", network, [*BLOCKS])
    mapping("parameters", parameters, ["conv1.weight", *_of_batch_norm("bn1"), "fc.weight", "fc.bias"])
    x: Any = conv2d(input, parameters["conv1.weight"], stride=2, padding=3)
    yield "conv1", x
    x = relu(_normalized(x, parameters, "bn1"))
    yield "relu", x
    x = max_pool2d(x, kernel_size=3, stride=2, padding=1)
    yield "maxpool", x
    for name, stride in blocks(network):
        x = residual_block(x, _below(name, parameters), network, stride)
        yield name, x
    x = adaptive_avg_pool2d(x, 1)
    yield "avgpool", x
    yield "fc", linear(flatten(x, 1), parameters["fc.weight"], parameters["fc.bias"])


def _last(layers: Iterator[tuple[str, Array]]) -> Array:
    """Return the last output, without keeping the others."""
    return deque(layers, maxlen=1)[0][1]


def blocks(network: str) -> Iterator[tuple[str, int]]:
    """Yield the name and the stride of every block, in order.

    >>> list(blocks("resnet18"))[1:4]
    [('layer1.1', 1), ('layer2.0', 2), ('layer2.1', 1)]
    """
    for layer, count in enumerate(BLOCKS[network], start=1):
        for number in range(count):
            yield f"layer{layer}.{number}", 2 if layer > 1 and number == 0 else 1


def parameter_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of parameters and running statistics for 1,000 classes, named and ordered as in torchvision.

    >>> parameter_shapes("resnet50")["layer2.0.downsample.0.weight"]
    (512, 256, 1, 1)
    """
    one_of("network", network, [*BLOCKS])
    channels, shapes = 64, _conv_bn_shapes("conv1", "bn1", (64, 3, 7, 7))
    for name, _ in blocks(network):
        width = 32 << int(name[len("layer")])
        ins, outs = channels, width * EXPANSION[network]
        for number, kernel in PATHS[network]:
            to = outs if number == PATHS[network][-1][0] else width
            shapes |= _conv_bn_shapes(f"{name}.conv{number}", f"{name}.bn{number}", (to, ins, kernel, kernel))
            ins = to
        if channels != outs:
            shapes |= _conv_bn_shapes(f"{name}.downsample.0", f"{name}.downsample.1", (outs, channels, 1, 1))
        channels = outs
    return {**shapes, "fc.weight": (1000, channels), "fc.bias": (1000,)}


def _conv_bn_shapes(conv: str, bn: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    statistics = ("weight", "bias", "running_mean", "running_var")
    return {f"{conv}.weight": size, **{f"{bn}.{part}": size[:1] for part in statistics}}


def residual_block(input: Array, parameters: Parameters, network: str, stride: int = 1) -> Array:
    """Return relu(input + path(input)): (n, c, h, w) -> (n, width, h / stride, w / stride).

    `parameters` are those of the block alone: "conv1.weight", "bn1.weight", …, "downsample.0.weight" where needed.
    """
    return relu(_sum(input, parameters, network, stride)[0])


def residual_block_backward(
    grad_output: Array, input: Array, parameters: Parameters, network: str, stride: int = 1
) -> tuple[Array, dict[str, Array]]:
    """Return grad_input and the gradients of the block's parameters, except running statistics, by name.

    The gradient splits at the sum: one part goes back through the path, the other through the shortcut.
    """
    total, path, steps = _sum(input, parameters, network, stride)
    grads: dict[str, Array] = {}
    grad = grad_shortcut = relu_backward(grad_output, total)
    for place in reversed(range(len(steps))):
        grad = _conv_bn_backward(grad, path[place], parameters, steps[place], grads)
        if place > 0:  # the input is the ReLU of the previous output, positive in the same places
            grad = relu_backward(grad, path[place])
    if "downsample.0.weight" in parameters:
        grad_shortcut = _conv_bn_backward(grad_shortcut, input, parameters, _downsample(stride), grads)
    return grad + grad_shortcut, grads


def _sum(
    input: Array, parameters: Parameters, network: str, stride: int
) -> tuple[Array, list[Array], list[Convolution]]:
    """Return path(input) + shortcut(input), the input of every convolution on the path, and these convolutions."""
    one_of("network", network, [*BLOCKS])
    steps = [
        (f"conv{number}", f"bn{number}", stride if number == STRIDED[network] else 1, kernel // 2)
        for number, kernel in PATHS[network]
    ]
    mapping("parameters", parameters, _needed(steps))
    if "downsample.0.weight" in parameters:
        mapping("parameters", parameters, _needed([_downsample(stride)]))
    received = [input]
    for step in steps[:-1]:
        received.append(relu(_conv_bn(received[-1], parameters, step)))
    shortcut = input
    if "downsample.0.weight" in parameters:
        shortcut = _conv_bn(input, parameters, _downsample(stride))
    return _conv_bn(received[-1], parameters, steps[-1]) + shortcut, received, steps


def _needed(steps: Iterable[Convolution]) -> list[str]:
    return [name for conv, bn, *_ in steps for name in (f"{conv}.weight", *_of_batch_norm(bn))]


def _downsample(stride: int) -> Convolution:
    return "downsample.0", "downsample.1", stride, 0


def _conv_bn(x: Array, parameters: Parameters, step: Convolution) -> Array:
    conv, bn, stride, padding = step
    return _normalized(conv2d(x, parameters[f"{conv}.weight"], stride=stride, padding=padding), parameters, bn)


def _conv_bn_backward(
    grad: Array, x: Array, parameters: Parameters, step: Convolution, grads: dict[str, Array]
) -> Array:
    """Return grad_input of a convolution with batch norm, and store the gradients of its parameters in `grads`."""
    conv, bn, stride, padding = step
    weight = parameters[f"{conv}.weight"]
    convolved = conv2d(x, weight, stride=stride, padding=padding)
    of_bn: Any = batch_norm_backward(grad, convolved, **_batch_norm_of(parameters, bn))
    grad, grads[f"{bn}.weight"], grads[f"{bn}.bias"] = of_bn
    grad, grads[f"{conv}.weight"], _ = conv2d_backward(grad, x, weight, stride=stride, padding=padding)
    return grad


def _normalized(x: Array, parameters: Parameters, name: str) -> Array:
    return batch_norm(x, **_batch_norm_of(parameters, name))


def _batch_norm_of(parameters: Parameters, name: str) -> dict[str, Any]:
    return {part: parameters[f"{name}.{part}"] for part in BATCH_NORM}


def _of_batch_norm(name: str) -> list[str]:
    return [f"{name}.{part}" for part in BATCH_NORM]


def _below(name: str, parameters: Parameters) -> dict[str, Array]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in parameters.items() if key.startswith(start)}
