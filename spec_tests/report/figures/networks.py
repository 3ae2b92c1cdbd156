"""Figures of sections 2.5 and 2.8: the shapes inside the document's network and inside ResNet-50."""

from collections.abc import Iterable
from math import log2, prod, sqrt

import numpy as np
from matplotlib.axes import Axes

import reference
from reference import resnet
from reference.checks import Array
from reference.cnn import PARAMETERS
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, ORANGE, PURPLE, to_svg
from spec_tests.report.figures.paper import SMALL, Place, arrow, box, number, paper, times, tint, write
from spec_tests.report.page_figure import PageFigure

Shape = tuple[int, ...]
ROW = 1.75
"""The height of a layer in the figures, in squares."""


def cifar10_cnn() -> PageFigure:
    """Draw the output of each layer of the document's network as a block, with its shape and its parameters."""
    zeros = {name: np.zeros(size, np.float32) for name, size in PARAMETERS.items()}
    outputs = reference.cifar10_cnn_layers(np.zeros((1, 3, 32, 32), np.float32), zeros)
    shapes = {name: output.shape[1:] for name, output in outputs.items()}
    sizes = {name: sizes_below(name, PARAMETERS.items()) for name in shapes}
    kernel, pool = PARAMETERS["conv1.weight"][-1], shapes["conv1"][-1] // shapes["p1"][-1]
    colours = {"conv": BLUE, "p": ORANGE, "flatten": GREY, "linear": PURPLE, "input": GREEN}
    figure, axes = paper(17.4, ROW * len(shapes) + 2.2)
    for line, (name, shape) in enumerate(shapes.items()):
        details = {"c": f"{kernel}×{kernel}, padding={kernel // 2}", "p": f"{pool}×{pool}, stride={pool}"}
        _layer(axes, line, name, details.get(name[0], ""), shape, sizes[name], colours[name.rstrip("123")], 32)
    _totals(axes, len(shapes), sum(sizes.values()))
    largest = max(sizes, key=lambda name: sizes[name])
    return PageFigure(
        id="cifar10-cnn",
        section="2.5",
        title_en="The shapes inside the document's network, and the parameters of each layer",
        title_zh="数据在文档的网络中的形状变化，以及各层的参数个数",
        alt_en=(
            "From top to bottom, each layer's output as a block, whose height stands for the size of the map and "
            f"whose depth for the number of channels. {_arrows(shapes)}. Convolutions keep the map's size and change "
            "the number of channels; pooling halves each side and keeps the channels. Of the "
            f"{number(sum(sizes.values()))} parameters, {largest} has {number(sizes[largest])}."
        ),
        alt_zh=(
            f"自上而下，每层的输出画成一块：图越大块越高，通道越多块越厚。{_arrows(shapes)}。"
            "卷积保持边长、改变通道数；池化使边长减半、保持通道数。"
            f"总共 {number(sum(sizes.values()))} 个参数，其中 {largest} 有 {number(sizes[largest])} 个。"
        ),
        svg=to_svg(figure, "cifar10-cnn"),
    )


def resnet50() -> PageFigure:
    """Draw the output of each part of ResNet-50 as a block, with its shape and its parameters."""
    parameters = weightless()
    outputs = resnet.resnet_layers(np.zeros((0, 3, 224, 224), np.float32), parameters, "resnet50")
    lasts = {name.partition(".")[0]: output.shape[1:] for name, output in outputs.items() if name != "relu"}
    shapes = {"input": (3, 224, 224), **lasts}
    sizes = {name: sizes_below(name, learned(parameters)) for name in shapes}
    sizes["conv1"] += sizes_below("bn1", learned(parameters))
    figure, axes = paper(17.4, ROW * len(shapes) + 2.2)
    for line, (name, shape) in enumerate(shapes.items()):
        details = {"conv1": "7×7, stride=2", "maxpool": "3×3, stride=2"}.get(name, "")
        blocks = [stride for block, stride in resnet.blocks("resnet50") if block.startswith(f"{name}.")]
        details = f"Bottleneck × {len(blocks)}, stride={blocks[0]}" if blocks else details
        colour = {"c": BLUE, "l": BLUE, "m": ORANGE, "a": ORANGE, "f": PURPLE, "i": GREEN}[name[0]]
        _layer(axes, line, name, details, shape, sizes[name], colour, 224)
    _totals(axes, len(shapes), sum(sizes.values()))
    return PageFigure(
        id="resnet50",
        section="2.8",
        title_en="The shapes inside ResNet-50, and the parameters of each part",
        title_zh="数据在 ResNet-50 中的形状变化，以及各部分的参数个数",
        alt_en=(
            "From top to bottom, the output of each part as a block, whose height stands for the size of the map "
            f"and whose depth for the number of channels. {_arrows(shapes)}. The sides are halved again and again "
            "while the number of channels grows; finally the average of each channel enters the linear layer. There "
            f"are {number(sum(sizes.values()))} parameters in all, {number(sizes['layer3'] + sizes['layer4'])} of "
            "them in layer3 and layer4."
        ),
        alt_zh=(
            f"自上而下，每部分的输出画成一块：图越大块越高，通道越多块越厚。{_arrows(shapes)}。"
            "边长一次次减半，通道数不断增加；最后每个通道求平均，进入线性层。"
            f"总共 {number(sum(sizes.values()))} 个参数，其中 layer3 和 layer4 占 "
            f"{number(sizes['layer3'] + sizes['layer4'])} 个。"
        ),
        svg=to_svg(figure, "resnet50"),
    )


def bottleneck() -> PageFigure:
    """Draw two bottleneck blocks: one whose shortcut is the input itself, and one whose shortcut changes its shape."""
    figure, axes = paper(17.4, 18.4)
    plain = _block(axes, 0.2, "layer1.1", (256, 56, 56))
    strided = _block(axes, 7.4, "layer2.0", (256, 56, 56))
    return PageFigure(
        id="bottleneck",
        section="2.8",
        title_en="Two bottlenecks: narrow in the middle, and the shortcut is added at the end",
        title_zh="两个 Bottleneck：中间变窄，最后与捷径相加",
        alt_en=(
            f"Two blocks from top to bottom. In layer1.1 three convolutions lead from {times(plain[0])} via "
            f"{times(plain[1])} back to {times(plain[-1])}, and the input is added before the last ReLU. In layer2.0 "
            f"the 3×3 convolution has stride 2 and the path ends with {times(strided[-1])}; therefore the shortcut "
            "has a 1×1 convolution with stride 2, downsample."
        ),
        alt_zh=(
            f"两个自上而下的块。layer1.1 中三次卷积从 {times(plain[0])} 经 {times(plain[1])} 回到 "
            f"{times(plain[-1])}，在最后的 ReLU 之前加上输入本身。layer2.0 的 3×3 卷积步幅为 2，路径末端为 "
            f"{times(strided[-1])}，所以捷径上也有一个步幅为 2 的 1×1 卷积（downsample）。"
        ),
        svg=to_svg(figure, "bottleneck"),
    )


def weightless() -> dict[str, Array]:
    """Return zeros for all parameters of ResNet-50; they take no memory."""
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in resnet.parameter_shapes("resnet50").items()}


def learned(parameters: dict[str, Array]) -> Iterable[tuple[str, Shape]]:
    """Return the names and shapes of the learned parameters, without the running statistics."""
    return [(name, value.shape) for name, value in parameters.items() if ".running_" not in name]


def sizes_below(name: str, parameters: Iterable[tuple[str, Shape]]) -> int:
    """Return how many numbers the parameters of a layer contain.

    >>> sizes_below("conv1", PARAMETERS.items())
    2432
    """
    return sum(prod(shape) for parameter, shape in parameters if parameter.startswith(f"{name}."))


def _layer(axes: Axes, line: int, name: str, details: str, shape: Shape, size: int, colour: str, full: int) -> None:
    """Draw a layer: the block of its output, its name, shape and parameters; `full` is the side of the input."""
    y = 1.6 + ROW * line
    side = 0.15 + 1.35 * sqrt(shape[1] / full) if len(shape) == 3 else 0.15  # small maps stay visible
    _slab(axes, (1.7 - side / 2, y), side, 0.18 * log2(shape[0]), colour)
    if details:
        write(axes, (5, y + 0.42), details, SMALL, align="left")
        y -= 0.3
    write(axes, (5, y), name, bold=True, align="left")
    write(axes, (13.4, y), times(shape), SMALL, align="right", id=f"shape-{name}")
    if size:
        write(axes, (17.3, y), number(size), SMALL, align="right", id=f"size-{name}")


def _slab(axes: Axes, place: Place, side: float, depth: float, colour: str) -> None:
    """Draw a block receding to the right; `place` is the middle of the left edge of its square front."""
    (x, y), lift = place, -0.3 * depth
    top, bottom = y - side / 2 - lift / 2, y + side / 2 - lift / 2
    axes.fill([x, x + depth, x + side + depth, x + side], [top, top + lift, top + lift, top], tint(colour, 0.35))
    right = x + side
    axes.fill(
        [right, right + depth, right + depth, right], [top, top + lift, bottom + lift, bottom], tint(colour, 0.55)
    )
    box(axes, (x, top), (side, side), tint(colour, 0.8))


def _totals(axes: Axes, lines: int, total: int) -> None:
    """Write the column headings and the sum of the last column."""
    write(axes, (13.4, 0.4), "C×H×W", SMALL, align="right")
    write(axes, (17.3, 0.4), "numel()", SMALL, align="right")
    y = 1.6 + ROW * lines - 0.2
    axes.plot([5, 17.3], [y - 0.7, y - 0.7], color=GREY, linewidth=0.6)
    write(axes, (5, y), "Σ", bold=True, align="left")
    write(axes, (17.3, y), number(total), SMALL, bold=True, align="right", id="size-total")


def _block(axes: Axes, x: float, name: str, shape: Shape) -> list[Shape]:
    """Draw a bottleneck from top to bottom and return the shapes along its path, starting with the input's."""
    parameters, stride = weightless(), dict(resnet.blocks("resnet50"))[name]
    data, shapes, bottom = np.zeros((0, *shape), np.float32), [shape], 15.4
    write(axes, (x + 2.6, 0.4), name, bold=True)
    write(axes, (x + 2.6, 1.5), times(shape), SMALL)
    for line, (number_, kernel) in enumerate(resnet.PATHS["resnet50"]):
        weight, y = parameters[f"{name}.conv{number_}.weight"], 3.1 + 3.7 * line
        here = stride if number_ == resnet.STRIDED["resnet50"] else 1
        data = reference.conv2d(data, weight, stride=here, padding=kernel // 2)
        shapes.append(data.shape[1:])
        _step(axes, (x + 2.6, y), f"conv{number_} {kernel}×{kernel}", here, BLUE if kernel == 1 else GREEN)
        arrow(axes, (x + 2.6, y - 1.1), (x + 2.6, y))
        write(axes, (x + 2.6, y + 2.2), f"{times(shapes[-1])}{', relu' if line < 2 else ''}", SMALL)
    arrow(axes, (x + 2.6, bottom - 2.2), (x + 2.6, bottom - 1.0))
    _shortcut(axes, x, bottom, f"{name}.downsample.0.weight" in parameters, stride)
    write(axes, (x + 2.6, bottom - 0.5), "+", 14, bold=True)
    axes.plot(x + 2.6, bottom - 0.5, "o", markersize=16, markerfacecolor="none", markeredgecolor=ORANGE)
    arrow(axes, (x + 2.6, bottom), (x + 2.6, bottom + 1.2))
    write(axes, (x + 2.6, bottom + 1.7), f"relu, {times(shapes[-1])}", SMALL)
    return shapes


def _step(axes: Axes, middle: Place, text: str, stride: int, colour: str) -> None:
    """Draw the box of a convolution with its batch norm; `middle` is the middle of its upper edge."""
    (x, y), label = middle, text if stride == 1 else f"{text} /{stride}"
    box(axes, (x - 2.2, y), (4.4, 1.6), tint(colour, 0.3), colour)
    write(axes, (x, y + 0.5), label, SMALL)
    write(axes, (x, y + 1.15), "batch_norm", SMALL)


def _shortcut(axes: Axes, x: float, bottom: float, downsample: bool, stride: int) -> None:
    """Draw the shortcut around the path, with a convolution on it if the shape changes."""
    right, gap = (x + 7.5, (8.0, 9.6)) if downsample else (x + 5.6, (8.0, 8.0))
    axes.plot([x + 4.6, right, right], [1.5, 1.5, gap[0]], color=ORANGE, linewidth=1.3)
    axes.plot([right, right], [gap[1], bottom - 0.5], color=ORANGE, linewidth=1.3)
    arrow(axes, (right, bottom - 0.5), (x + 3.2, bottom - 0.5), ORANGE)
    if downsample:
        _step(axes, (right, gap[0]), "downsample", stride, ORANGE)


def _arrows(shapes: dict[str, Shape]) -> str:
    return " → ".join(f"{name} {times(shape)}" for name, shape in shapes.items())
