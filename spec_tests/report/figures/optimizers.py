"""The figure of section 2.7: how the optimizers go down the same bowl."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from reference import optim
from reference.checks import Array
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, ORANGE, to_svg
from spec_tests.report.figures.paper import SMALL, number
from spec_tests.report.page_figure import PageFigure

START, MINIMUM, STEEPNESS = np.array([-4.0, -1.0]), np.array([3.0, 1.0]), np.array([1.0, 12.0])
STEPS = 60
WALKS: tuple[tuple[str, optim.Step, dict[str, Any]], ...] = (
    ("SGD", optim.sgd, {"lr": 0.15}),
    ("SGD", optim.sgd, {"lr": 0.17}),
    ("SGD", optim.sgd, {"lr": 0.05, "momentum": 0.8}),
    ("SGD", optim.sgd, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    ("Adagrad", optim.adagrad, {"lr": 1.0}),
    ("RMSprop", optim.rmsprop, {"lr": 0.3, "alpha": 0.9}),
    ("Adam", optim.adam, {"lr": 0.5}),
    ("AdamW", optim.adamw, {"lr": 0.5, "weight_decay": 0.1}),
)
"""The second takes steps too long for the steep direction, where 2 / 12 is the limit."""


def paths() -> PageFigure:
    """Draw the way of each optimizer from one start towards the bottom of an elongated bowl."""
    figure = Figure(figsize=(4.9, 6.3), layout="constrained")
    ends = []
    for axes, (name, step, options) in zip(figure.subplots(4, 2).ravel(), WALKS, strict=True):
        way = walk(step, options)
        _panel(axes, way)
        axes.text(5.7, 3, f"f {lowered(height(way[-1]))}", size=SMALL, ha="right", va="top")
        first, *others = (f"{option}={value}" for option, value in options.items())
        axes.set_title(f"{name} {first}", size=SMALL, pad=17)
        axes.text(0.5, 1.05, " ".join(others), size=SMALL, ha="center", transform=axes.transAxes)
        ends.append(f"{name} ({', '.join((first, *others))}) {lowered(height(way[-1]))}")
    listed, bottom = ", ".join(ends), number(height(START), 1)
    return PageFigure(
        id="optimizer-paths",
        section="2.7",
        title_en=f"{STEPS} steps down the same bowl: f(x, y) = ((x − 3)² + 12(y − 1)²) / 2",
        title_zh=f"在同一个碗里走 {STEPS} 步：f(x, y) = ((x − 3)² + 12(y − 1)²) / 2",
        alt_en=(
            "Eight panels with the ellipses of a bowl that is twelve times as steep upwards as sideways, and a path "
            f"from the lower left towards the bottom, the cross. From {bottom} at the start the paths come to f: "
            f"{listed}. Plain gradient descent zigzags between the steep walls, and with a slightly larger step it "
            "is thrown out of the bowl; momentum overshoots and swings back, Nesterov's less; Adagrad and RMSprop "
            "measure each direction by its own slopes and do not zigzag; AdamW stops short of the bottom, because its "
            "weight decay pulls towards 0."
        ),
        alt_zh=(
            "八幅小图：碗的等高线是椭圆，上下方向比左右方向陡十二倍；路径从左下的起点走向碗底（十字）。"
            f"函数值从 {bottom} 出发，各路径终点为：{listed}。普通梯度下降在陡壁之间来回折返，步长稍大就被甩出碗外；"
            "动量会冲过头再摆回来，Nesterov 动量摆得少些；Adagrad 和 RMSprop 按各方向自己的梯度调整步长，不再来回折返；"
            "AdamW 停在碗底之前，因为权重衰减把参数拉向 0。"
        ),
        svg=to_svg(figure, "optimizer-paths"),
    )


def walk(step: optim.Step, options: dict[str, Any]) -> Array:
    """Return the places (STEPS + 1, 2) of an optimizer from the start on, each step by the reference.

    >>> walk(optim.sgd, {"lr": 0.0})[-1]
    array([-4., -1.])
    """
    place, places = START, [START]
    state: optim.State = {}
    for _ in range(STEPS):
        place, state = step(place, STEEPNESS * (place - MINIMUM), state, **options)
        places.append(place)
    return np.array(places)


def height(place: Array) -> float:
    """Return how high the bowl is at this place.

    >>> height(MINIMUM)
    0.0
    """
    return float((STEEPNESS * (place - MINIMUM) ** 2).sum() / 2)


def lowered(value: float) -> str:
    """Write a height, finely near the bottom and coarsely far up.

    >>> lowered(2655.9), lowered(0.0187), lowered(0.00001)
    ('= 2,656', '= 0.0187', '< 0.0001')
    """
    return "< 0.0001" if value < 0.0001 else f"= {number(value, 4 if value < 1 else 0)}"


def _panel(axes: Axes, way: Array) -> None:
    """Draw the bowl's ellipses, and a path over them."""
    for level in (0.5, 2, 5, 10, 18, 30, 48):
        width, tall = 2 * np.sqrt(2 * level / STEEPNESS)
        axes.add_patch(Ellipse(tuple(MINIMUM), width, tall, facecolor="none", edgecolor=GREY, linewidth=0.5))
    axes.plot(*way.T, ".-", color=BLUE, linewidth=1.1, markersize=3.5)
    axes.plot(*START, "o", color=ORANGE, markersize=5)
    axes.plot(*MINIMUM, "+", color=GREEN, markersize=9, markeredgewidth=2)
    axes.set(xlim=(-4.8, 5.8), ylim=(-1.8, 3.2), xticks=(), yticks=())
    axes.spines[:].set_visible(False)
