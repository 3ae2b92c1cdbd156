"""Figures of section 2.1: the kernel sliding over the document's example, two channels, the flipped kernel."""

import numpy as np
from matplotlib.axes import Axes

import reference
from reference.checks import Array
from reference.windows import windows
from spec_tests import worked_examples
from spec_tests.report.figures.figure import BLUE, GREEN, ORANGE, RED, to_svg
from spec_tests.report.figures.paper import (
    LARGE,
    PLAIN,
    SMALL,
    Cell,
    Place,
    grid,
    number,
    outline,
    paper,
    strike,
    tint,
    write,
)
from spec_tests.report.page_figure import PageFigure
from spec_tests.vocabulary.claims import erratum


def sliding() -> PageFigure:
    """Draw the nine windows of the document's example, each with its products and their sum."""
    image, kernel = worked_examples.MAP, worked_examples.KERNEL
    products = windows(image, kernel.shape, (1, 1), (1, 1)) * kernel
    output = convolved(image, kernel)
    figure, axes = paper(17.4, 38.2)
    _equation(axes, image, kernel, output)
    for row, column in np.ndindex(*output.shape):
        _window(axes, (6.2 * column, 8.2 + 10.3 * row), (row, column), image, kernel, products[row, column], output)
    sums = ", ".join(number(value) for value in output.ravel())
    printed = "; ".join(str(erratum(claim)[0])[1:-1] for claim in ("2.1.2.h", "2.1.2.i")).replace("-", "−")
    return PageFigure(
        id="convolution-windows",
        section="2.1.2",
        title_en="The kernel slides over the input: nine windows, nine sums of products",
        title_zh="卷积核在输入上滑动：九个窗口，九个乘积之和",
        alt_en=(
            "At the top, the 5×5 input, the 3×3 kernel and the 3×3 output; beside it, crossed out, the second and "
            f"third rows as the document prints them ({printed}). Below, one panel for each window: the window is "
            "outlined in the input, each of its cells contains the product of input and kernel, and the sum of the "
            f"nine products becomes the next cell of the output. The sums are {sums}."
        ),
        alt_zh=(
            f"上方是 5×5 的输入、3×3 的卷积核和 3×3 的输出；旁边是文档印出的第二、三行（{printed}），已划掉。"
            "下方每个窗口一幅小图：输入中框出窗口，窗口内每格写着输入与卷积核的乘积，九个乘积之和成为输出的下一格。"
            f"九个和依次为 {sums}。"
        ),
        svg=to_svg(figure, "convolution-windows"),
    )


def two_channels() -> PageFigure:
    """Draw the document's example of two channels whose results are summed."""
    channels, slices = worked_examples.CHANNELS, worked_examples.KERNEL_SLICES
    parts = [convolved(channel, kernel) for channel, kernel in zip(channels, slices, strict=True)]
    total = reference.conv2d(channels, slices[np.newaxis])[0]
    figure, axes = paper(15.4, 7.6, square=0.3)
    for channel, top in enumerate((1, 5)):
        write(axes, (2.6, top - 0.5), f"input[{channel}]", SMALL)
        grid(axes, (1.6, top), channels[channel])
        write(axes, (4.5, top + 1), "⋆", LARGE)
        write(axes, (6.4, top - 0.5), f"weight[0, {channel}]", SMALL)
        grid(axes, (5.4, top), slices[channel], fills=weight_fills(slices[channel]))
        write(axes, (8.2, top + 1), "=", LARGE)
        grid(axes, (9, top + 0.5), parts[channel], f"part-{channel}")
    write(axes, (9.5, 4.0), "+", LARGE)
    write(axes, (11.2, 4.0), "=", LARGE)
    write(axes, (12.8, 3), "output[0]", SMALL)
    grid(axes, (12.3, 3.5), total, "total", fills={(0, 0): tint(GREEN)})
    first, second = (number(part[0, 0]) for part in parts)
    return PageFigure(
        id="convolution-two-channels",
        section="2.1.2",
        title_en="Two channels: each is convolved with its slice of the kernel, and the results are summed",
        title_zh="两个通道：各与卷积核的一层作卷积，结果相加",
        alt_en=f"Channel 0 with its 2×2 slice of the kernel gives {first}, channel 1 with its slice gives {second}; "
        f"their sum, {number(total[0, 0])}, is the cell of the output.",
        alt_zh=f"通道 0 与它的 2×2 卷积核层得到 {first}，通道 1 得到 {second}；"
        f"两者之和 {number(total[0, 0])} 就是输出的那一格。",
        svg=to_svg(figure, "convolution-two-channels"),
    )


def flipped() -> PageFigure:
    """Draw what conv2d computes beside the convolution of mathematics, which first flips the kernel."""
    dot = np.zeros((5, 5))
    dot[2, 2] = 1
    ramp = np.arange(1.0, 10).reshape(3, 3)
    figure, axes = paper(15.4, 19.4, square=0.29)
    _both_ways(axes, 0, worked_examples.MAP, worked_examples.KERNEL, "example")
    _both_ways(axes, 10, dot, ramp, "dot")
    plain, turned = (convolved(dot, kernel) for kernel in (ramp, np.flip(ramp)))
    row, turned_row = (
        " ".join(number(value) for value in convolved(worked_examples.MAP, kernel)[0])
        for kernel in (worked_examples.KERNEL, np.flip(worked_examples.KERNEL))
    )
    return PageFigure(
        id="convolution-flipped",
        section="2.1",
        title_en="conv2d does not flip the kernel: ⋆ is what it computes, ∗ is the convolution of mathematics",
        title_zh="conv2d 不翻转卷积核：⋆ 是它实际计算的互相关，∗ 才是数学上的卷积",
        alt_en=(
            "Two inputs, each with the kernel as it is (⋆) and flipped along both axes (∗). The first row of the "
            f"document's example is {row} without flipping, which is what torch computes, and {turned_row} with "
            "flipping. An impulse, a single 1 among zeros, reproduces the kernel 1 to 9: conv2d returns it flipped, "
            f"from {number(plain[0, 0])} to {number(plain[2, 2])}; the convolution of mathematics returns it as it "
            f"is, from {number(turned[0, 0])} to {number(turned[2, 2])}."
        ),
        alt_zh=(
            "两个输入，各与原样的卷积核（⋆）和上下左右都翻转的卷积核（∗）运算。文档的例子不翻转时首行为 "
            f"{row}，这正是 torch 的结果；翻转后为 {turned_row}。一片 0 中唯一的 1（脉冲）会重现卷积核 1 到 9："
            f"conv2d 给出的是翻转的核（从 {number(plain[0, 0])} 到 {number(plain[2, 2])}），"
            f"数学卷积给出的是核本身（从 {number(turned[0, 0])} 到 {number(turned[2, 2])}）。"
        ),
        svg=to_svg(figure, "convolution-flipped"),
    )


def convolved(image: Array, kernel: Array) -> Array:
    """Return the convolution of one channel (h, w) with one kernel (p, q), computed by the reference."""
    return reference.conv2d(image[np.newaxis], kernel[np.newaxis, np.newaxis])[0]


def weight_fills(kernel: Array) -> dict[Cell, str]:
    """Return colours for the cells of a kernel: blue above zero, orange below, stronger for larger weights.

    >>> sorted(weight_fills(np.array([[1.0, 0.0, -1.0]])))
    [(0, 0), (0, 2)]
    """
    largest = abs(kernel).max()
    return {
        (row, column): tint(BLUE if weight > 0 else ORANGE, 0.1 + 0.3 * abs(weight) / largest)
        for (row, column), weight in np.ndenumerate(kernel)
        if weight != 0
    }


def _equation(axes: Axes, image: Array, kernel: Array, output: Array) -> None:
    """Draw input ⋆ weight = output, and the document's version of it with the wrong rows crossed out."""
    for x, text in ((2.7, "input"), (7.7, "weight"), (11.7, "output")):
        write(axes, (x, 0.5), text, PLAIN)
    for x, sign in ((5.7, "⋆"), (9.7, "="), (13.7, "≠")):
        write(axes, (x, 3.5), sign, LARGE)
    grid(axes, (0.2, 1), image)
    grid(axes, (6.2, 2), kernel, fills=weight_fills(kernel))
    grid(axes, (10.2, 2), output, "output", fills=dict.fromkeys(np.ndindex(3, 3), tint(GREEN)))
    printed = np.array([output[0], erratum("2.1.2.h")[0], erratum("2.1.2.i")[0]])
    wrong = [(row, column) for row, column in np.ndindex(3, 3) if printed[row, column] != output[row, column]]
    grid(axes, (14.2, 2), printed, "printed", fills=dict.fromkeys(wrong, tint(RED, 0.2)))
    strike(axes, (14.2, 2), wrong, RED)


def _window(axes: Axes, place: Place, cell: Cell, image: Array, kernel: Array, products: Array, output: Array) -> None:
    """Draw one panel: the window with its products, their positive and negative sums, and the output so far."""
    (x, y), (row, column) = place, cell
    name = f"window-{row}-{column}"
    write(axes, (x + 2.5, y - 0.55), f"output[{row}, {column}]", SMALL)
    outside = image.copy()
    outside[row : row + 3, column : column + 3] = np.nan
    fills = {(row + p, column + q): colour for (p, q), colour in weight_fills(kernel).items()}
    grid(axes, place, outside, f"{name}-input", fills)
    grid(axes, (x + column, y + row), products, f"{name}-product", bold=list(np.ndindex(3, 3)))
    outline(axes, (x + column, y + row), (3, 3), BLUE)
    parts = (products[products > 0].sum(), products[products < 0].sum())
    for line, text in enumerate((f"+{number(parts[0])}", number(parts[1]), f"= {number(products.sum())}")):
        write(axes, (x + 1.6, y + 5.9 + line), text, PLAIN, align="right", bold=line == 2)
    so_far = np.where(np.arange(9).reshape(3, 3) <= 3 * row + column, output, np.nan)
    grid(axes, (x + 2, y + 5.4), so_far, f"{name}-output", fills={cell: tint(GREEN)})


def _both_ways(axes: Axes, top: float, image: Array, kernel: Array, name: str) -> None:
    """Draw one input with the kernel as it is and, below, with the kernel flipped."""
    write(axes, (2.7, top + 2), "input", SMALL)
    grid(axes, (0.2, top + 2.5), image)
    calls = (("⋆", "conv2d(input, weight)", kernel), ("∗", "conv2d(input, weight.flip(2, 3))", np.flip(kernel)))
    for line, (sign, call, weight) in enumerate(calls):
        y = top + 1.2 + 4.7 * line
        write(axes, (10.2, y - 0.6), call, SMALL)
        write(axes, (6.1, y + 1.5), sign, LARGE)
        grid(axes, (7, y), weight, fills=weight_fills(weight))
        write(axes, (10.7, y + 1.5), "=", LARGE)
        output = convolved(image, weight)
        grid(axes, (11.4, y), output, f"{name}-{line}", fills=dict.fromkeys(np.ndindex(3, 3), tint(GREEN)))
