"""Figures of section 2.2: the maximum of each window, and where its gradient goes."""

import numpy as np
from matplotlib.axes import Axes

import reference
from reference.checks import Array
from spec_tests import worked_examples
from spec_tests.report.figures.figure import BLUE, GREEN, ORANGE, RED, to_svg
from spec_tests.report.figures.paper import (
    LARGE,
    SMALL,
    Cell,
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


def winners() -> PageFigure:
    """Draw the nine windows of the document's example, the maximum of each, and the gradient of their sum."""
    image = worked_examples.POOLED_MAP[0]
    output, cells = pooled(image, stride=1)
    figure, axes = paper(17.4, 27.2)
    for row, column in np.ndindex(*output.shape):
        place = (6.2 * column, 1 + 6.4 * row)
        write(
            axes, (place[0] + 2.5, place[1] - 0.55), f"output[{row}, {column}] = {number(output[row, column])}", SMALL
        )
        winner = {cells[row, column]: tint(GREEN, 0.55)}
        window = {(row + y, column + x): tint(BLUE, 0.12) for y, x in np.ndindex(3, 3)} | winner
        grid(axes, place, image, f"window-{row}-{column}", window, bold=winner)
        outline(axes, (place[0] + column, place[1] + row), (3, 3), BLUE)
    gradient = reference.max_pool2d_backward(np.ones((1, *output.shape)), image[np.newaxis], 3, 1)[0]
    _results(axes, 21.6, output, gradient)
    most = tuple(int(n) for n in np.unravel_index(gradient.argmax(), gradient.shape))
    won = len(set(cells.values()))
    return PageFigure(
        id="pooling-winners",
        section="2.2",
        title_en="Max pooling: the maximum of each window, and where the gradient goes",
        title_zh="最大池化：每个窗口的最大值，以及梯度的去向",
        alt_en=(
            "Nine panels, one for each 3×3 window of the document's 5×5 input with stride 1. The window is outlined "
            f"and its maximum is green. Below: the output {_rows(output)}; beside it, crossed out, the third row as "
            f"the document prints it; and the gradient of the output's sum. {won} cells receive the gradients of the "
            f"nine windows, the one in row {most[0]}, column {most[1]} (counting from 0) those of "
            f"{number(gradient.max())} windows; all others receive nothing."
        ),
        alt_zh=(
            "九幅小图，对应文档 5×5 输入上步幅为 1 的九个 3×3 窗口：框出窗口，最大的格子为绿色。"
            f"下方是输出 {_rows(output)}；旁边划掉的是文档印出的第三行；再旁边是输出之和的梯度："
            f"九个窗口的梯度只落在 {won} 个格子上，第 {most[0]} 行第 {most[1]} 列的格子（从 0 数起）"
            f"收到 {number(gradient.max())} 个窗口的梯度，其余格子为零。"
        ),
        svg=to_svg(figure, "pooling-winners"),
    )


def ceil_mode() -> PageFigure:
    """Draw the example pooled with the default stride, without and with windows that extend past the edge."""
    image = worked_examples.POOLED_MAP[0]
    figure, axes = paper(16.4, 15.2)
    shapes = []
    for line, ceil in enumerate((False, True)):
        output, cells = pooled(image, ceil_mode=ceil)
        gradient = reference.max_pool2d_backward(np.ones((1, *output.shape)), image[np.newaxis], 3, ceil_mode=ceil)[0]
        _overhanging(axes, 1.2 + 7.6 * line, image, output, cells, gradient)
        write(axes, (0, 0.3 + 7.6 * line), f"max_pool2d(input, 3, ceil_mode={ceil})", SMALL, align="left")
        shapes.append(_rows(output))
    return PageFigure(
        id="pooling-ceil-mode",
        section="2.2",
        title_en="The default stride is the window's size; ceil_mode adds windows that extend past the edge",
        title_zh="默认步幅等于窗口大小；ceil_mode 把超出边缘的窗口也算上",
        alt_en=(
            "The same 5×5 input pooled with adjacent 3×3 windows that do not overlap. Without ceil_mode only one "
            f"window fits: the output is {shapes[0]}, and the last two rows and columns are ignored. With ceil_mode "
            f"there are four windows, three of which extend past the edge, and the output is {shapes[1]}. The "
            "gradient of the output's sum is 1 at each maximum and 0 elsewhere."
        ),
        alt_zh=(
            "同一个 5×5 输入，用互不重叠的 3×3 窗口池化。不用 ceil_mode 时只放得下一个窗口，"
            f"输出为 {shapes[0]}，最后两行两列不参与；用 ceil_mode 时有四个窗口，其中三个超出边缘，"
            f"输出为 {shapes[1]}。输出之和的梯度在每个最大的格子处为 1，其余为 0。"
        ),
        svg=to_svg(figure, "pooling-ceil-mode"),
    )


def pooled(image: Array, stride: int | None = None, ceil_mode: bool = False) -> tuple[Array, dict[Cell, Cell]]:
    """Return the maxima of 3×3 windows (i, j) and the position of each, computed by the reference.

    >>> pooled(np.arange(9.0).reshape(3, 3))
    (array([[8.]]), {(0, 0): (2, 2)})
    """
    output, places = reference.max_pool2d(image[np.newaxis], 3, stride, ceil_mode=ceil_mode, return_indices=True)
    width = image.shape[1]
    return output[0], {window: divmod(int(place), width) for window, place in np.ndenumerate(places[0])}


def _results(axes: Axes, top: float, output: Array, gradient: Array) -> None:
    """Draw the output, the third row as the document prints it, and the gradient."""
    wrong = [(2, column) for column in range(3) if erratum("2.2.o")[0][column] != output[2, column]]
    printed = np.array([*output[:2], erratum("2.2.o")[0]])
    for x, text in ((1.7, "output"), (14.9, "grad_input")):
        write(axes, (x, top - 0.5), text, SMALL)
    grid(axes, (0.2, top), output, "output", dict.fromkeys(np.ndindex(3, 3), tint(GREEN)))
    write(axes, (3.8, top + 1.5), "≠", LARGE)
    grid(axes, (4.4, top), printed, "printed", dict.fromkeys(wrong, tint(RED, 0.2)))
    strike(axes, (4.4, top), wrong, RED)
    grid(axes, (12.4, top), gradient, "gradient", _gradient_fills(gradient))
    write(axes, (9.9, top - 0.5), "grad_output", SMALL)
    grid(axes, (8.4, top), np.ones((3, 3)), fills=dict.fromkeys(np.ndindex(3, 3), tint(ORANGE, 0.15)))
    write(axes, (11.9, top + 1.5), "→", LARGE)


def _overhanging(axes: Axes, top: float, image: Array, output: Array, cells: dict[Cell, Cell], gradient: Array) -> None:
    """Draw one way to pool: the windows and their maxima, the output, the gradient."""
    winning = {cell: tint(GREEN, 0.55) for cell in cells.values()}
    grid(axes, (0.2, top), image, fills=winning, bold=winning)
    for row, column in cells:
        outline(axes, (0.2 + 3 * column, top + 3 * row), (3, 3), BLUE, linestyle="-" if row == column == 0 else "--")
    write(axes, (7, top + 2.5), "→", LARGE)
    name = f"pooled-{len(output)}"
    grid(axes, (7.8, top + 2.5 - len(output) / 2), output, name, dict.fromkeys(cells, tint(GREEN)))
    write(axes, (13.7, top - 0.5), "grad_input", SMALL)
    grid(axes, (11.2, top), gradient, f"{name}-gradient", _gradient_fills(gradient))


def _gradient_fills(gradient: Array) -> dict[Cell, str]:
    return {cell: tint(ORANGE, 0.15 * value) for cell, value in np.ndenumerate(gradient) if value}


def _rows(output: Array) -> str:
    """Format the rows of a small grid.

    >>> _rows(np.array([[9.0, 8.0], [8.0, 9.0]]))
    '9 8 / 8 9'
    """
    return " / ".join(" ".join(number(value) for value in row) for row in output)
