"""Figures of sections 2.3, 2.6.1 and 2.6.2: activations and losses as curves, each with its gradient."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import reference
from reference.checks import Array
from spec_tests.report.figures.figure import BLUE, GREY, INK, ORANGE, to_svg
from spec_tests.report.figures.paper import SMALL, number, plain
from spec_tests.report.page_figure import PageFigure

Function = Callable[[Array], Array]
XS = np.linspace(-4, 4, 161)
"""They include 0, where relu and l1_loss have their kinks."""

JUMP = 0.5
"""A slope that changes by more than this from one x to the next has a jump."""

LABELS = (
    ("l1_loss", True, (6, 3), "left"),
    ("mse_loss", True, (-1, -12), "right"),
    ("mse_loss", False, (-4, 5), "right"),
)
"""The values at the document's error to write, and where; both losses have the same gradient there."""


def activations() -> PageFigure:
    """Draw relu, sigmoid, tanh and the softmax of two scores, with their gradients."""
    figure = Figure(figsize=(4.9, 4.6), layout="constrained")
    plots: dict[str, tuple[Function, Function]] = {
        "relu(x)": (reference.relu, lambda x: reference.relu_backward(np.ones_like(x), x)),
        "sigmoid(x)": (reference.sigmoid, lambda x: reference.sigmoid_backward(np.ones_like(x), x)),
        "tanh(x)": (reference.tanh, lambda x: reference.tanh_backward(np.ones_like(x), x)),
        "softmax([x, 0])": (share_of_x, slope_of_share),
    }
    for axes, (name, (function, slope)) in zip(figure.subplots(2, 2, sharex=True).ravel(), plots.items(), strict=True):
        _curve(axes, function(XS), BLUE, "-")
        _curve(axes, slope(XS), ORANGE, "--")
        if name.startswith("softmax"):
            _curve(axes, reference.softmax(with_zero(XS), 0)[1], BLUE, ":")
        axes.set_title(name, size=SMALL, color=INK)
        _crossing(axes)
    zero = np.zeros(1)
    slopes = [plain(slope(zero)[0]) for _, slope in plots.values()]
    limit = number(reference.sigmoid_backward(np.ones(1), np.full(1, 4.0))[0], 3)
    return PageFigure(
        id="activations",
        section="2.3",
        title_en="Activations (solid) and their gradients (dashed)",
        title_zh="激活函数（实线）及其梯度（虚线）",
        alt_en=(
            "Four curves for x from −4 to 4. ReLU is 0 on the left and x on the right; its gradient jumps from 0 to "
            f"1 and is {slopes[0]} at 0 itself. Sigmoid rises from 0 to 1 and tanh from −1 to 1; their gradients are "
            f"bell-shaped, with maxima of {slopes[1]} and {slopes[2]}, and almost vanish far from 0 ({limit} for "
            "sigmoid at 4), where learning is slow. The softmax of the two scores x and 0 is the sigmoid of x; the "
            "dotted line is the share of the 0."
        ),
        alt_zh=(
            f"x 从 −4 到 4 的四条曲线。ReLU 在左侧为 0，右侧为 x；梯度从 0 跳到 1，恰在 0 处取 {slopes[0]}。"
            f"sigmoid 从 0 升到 1，tanh 从 −1 升到 1；梯度呈钟形，中央为 {slopes[1]} 和 {slopes[2]}，"
            f"两端接近零（sigmoid 在 4 处为 {limit}），学习因此变慢。两个得分 x 与 0 的 softmax 就是 x 的 "
            "sigmoid（点线为 0 的份额）。"
        ),
        svg=to_svg(figure, "activations"),
    )


def losses() -> PageFigure:
    """Draw l1_loss and mse_loss of one element against its error, with their gradients."""
    figure = Figure(figsize=(4.9, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    xs, error = XS[abs(XS) <= 1.5], np.array([1.0]) - np.array([1.5])  # the first element of the document's example
    values = {}
    for name, colour, style in (("l1_loss", BLUE, "-"), ("mse_loss", ORANGE, "--")):
        for axes, function in ((above, loss_of(name)), (below, slope_of(name))):
            _curve(axes, function(xs), colour, style, xs, label=name)
            (value,) = values[name, axes is above] = function(error)
            axes.plot(error, [value], "o", color=colour, markersize=5)
    for name, is_loss, shift, align in LABELS:
        value, axes = values[name, is_loss][0], above if is_loss else below
        axes.annotate(plain(value), (error[0], value), shift, textcoords="offset points", size=SMALL, ha=align)
    below.legend(labelcolor=INK, loc="upper left")
    above.set_title("loss", size=SMALL, color=INK)
    below.set_title("∂loss / ∂input", size=SMALL, color=INK)
    below.set_xlabel("input − target")
    for axes in (above, below):
        _crossing(axes)
    l1, mse = (plain(values[name, True][0]) for name in ("l1_loss", "mse_loss"))
    l1_slope, mse_slope = (plain(values[name, False][0]) for name in ("l1_loss", "mse_loss"))
    large = plain(loss_of("mse_loss")(np.array([1.5]))[0])
    return PageFigure(
        id="losses",
        section="2.6.2",
        title_en="Absolute and squared error of one element, and their gradients",
        title_zh="单个元素的绝对误差与平方误差，及其梯度",
        alt_en=(
            "At the top, the losses against input − target: a V for l1_loss, a parabola for mse_loss. Below, their "
            "gradients: a step from −1 to 1, and a straight line. For the document's error of "
            f"{plain(error[0])} the losses are {l1} and {mse}, with gradients {l1_slope} and {mse_slope}. Squaring "
            f"makes small errors count less and large ones more: for an error of 1.5 the squared loss is {large}."
        ),
        alt_zh=(
            "上图为损失随 input − target 的变化：l1_loss 是 V 形，mse_loss 是抛物线。下图为梯度：从 −1 到 1 的台阶，"
            f"和一条直线。文档例子中的误差 {plain(error[0])} 对应的损失为 {l1} 和 {mse}，梯度为 {l1_slope} 和 "
            f"{mse_slope}。平方使小误差更轻、大误差更重：误差 1.5 的平方损失为 {large}。"
        ),
        svg=to_svg(figure, "losses"),
    )


def with_zero(x: Array) -> Array:
    """Return pairs of scores (2, n) whose second score is 0: x (n,).

    >>> with_zero(np.array([5.0])).tolist()
    [[5.0], [0.0]]
    """
    return np.stack([x, np.zeros_like(x)])


def share_of_x(x: Array) -> Array:
    """Return the softmax of the first of two scores, x and 0.

    >>> share_of_x(np.array([0.0]))
    array([0.5])
    """
    return reference.softmax(with_zero(x), 0)[0]


def slope_of_share(x: Array) -> Array:
    """Return the derivative of that share with respect to x.

    >>> slope_of_share(np.array([0.0]))
    array([0.25])
    """
    return reference.softmax_backward(with_zero(np.ones_like(x)), with_zero(x), 0)[0]


def loss_of(name: str) -> Function:
    """Return the loss of individual errors, an error being input − target.

    >>> loss_of("mse_loss")(np.array([3.0]))
    array([9.])
    """
    function = getattr(reference, name)
    return lambda error: function(error, np.zeros_like(error), reduction="none")


def slope_of(name: str) -> Function:
    """Return the gradient of the loss of individual errors with respect to the input.

    >>> slope_of("l1_loss")(np.array([3.0]))
    array([1.])
    """
    function = getattr(reference, f"{name}_backward")
    return lambda error: function(np.ones_like(error), error, np.zeros_like(error), reduction="none")[0]


def _curve(axes: Axes, ys: Array, colour: str, style: str, xs: Array = XS, label: str = "") -> None:
    """Draw a curve that is interrupted where it jumps, with a dot at its value at 0 if it jumps there."""
    jumps = np.flatnonzero(abs(np.diff(ys)) > JUMP) + 1
    axes.plot(np.insert(xs, jumps, np.nan), np.insert(ys, jumps, np.nan), style, color=colour, label=label)
    if jumps.size:
        axes.plot([0], ys[xs == 0], "o", color=colour, markersize=4)


def _crossing(axes: Axes) -> None:
    """Draw the zero lines of both axes, with small ticks."""
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.tick_params(labelsize=SMALL)
