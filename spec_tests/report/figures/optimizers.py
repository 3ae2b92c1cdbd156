"""The figure of section 2.7: the paths of the optimizers down the same bowl."""

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
RUNS: tuple[tuple[str, optim.Step, dict[str, Any]], ...] = (
    ("SGD", optim.sgd, {"lr": 0.15}),
    ("SGD", optim.sgd, {"lr": 0.17}),
    ("SGD", optim.sgd, {"lr": 0.05, "momentum": 0.8}),
    ("SGD", optim.sgd, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    ("Adagrad", optim.adagrad, {"lr": 1.0}),
    ("RMSprop", optim.rmsprop, {"lr": 0.3, "alpha": 0.9}),
    ("Adam", optim.adam, {"lr": 0.5}),
    ("AdamW", optim.adamw, {"lr": 0.5, "weight_decay": 0.1}),
)
"""The second takes too large steps for the steep direction, where the limit is 2 / 12."""


def paths() -> PageFigure:
    """Draw each optimizer's path from the same start towards the minimum of an elongated bowl."""
    figure = Figure(figsize=(4.9, 6.3), layout="constrained")
    ends = []
    for axes, (name, step, options) in zip(figure.subplots(4, 2).ravel(), RUNS, strict=True):
        places = run_steps(step, options)
        _panel(axes, places)
        axes.text(5.7, 3, f"f {lowered(height(places[-1]))}", size=SMALL, ha="right", va="top")
        first, *others = (f"{option}={value}" for option, value in options.items())
        axes.set_title(f"{name} {first}", size=SMALL, pad=17)
        axes.text(0.5, 1.05, " ".join(others), size=SMALL, ha="center", transform=axes.transAxes)
        ends.append(f"{name} ({', '.join((first, *others))}) {lowered(height(places[-1]))}")
    listed, bottom = ", ".join(ends), number(height(START), 1)
    return PageFigure(
        id="optimizer-paths",
        section="2.7",
        title_en=f"{STEPS} steps down the same bowl: f(x, y) = ((x − 3)² + 12(y − 1)²) / 2",
        title_zh=f"在同一个碗里走 {STEPS} 步：f(x, y) = ((x − 3)² + 12(y − 1)²) / 2",
        alt_en=(
            "Eight panels with the contour lines of a bowl that is twelve times as steep vertically as horizontally, "
            f"and a path from the lower left towards the minimum, a cross. Starting at f = {bottom}, the paths end "
            f"at: {listed}. Plain gradient descent zigzags between the steep walls, and with a slightly larger step "
            "it leaves the bowl; momentum overshoots and swings back, Nesterov's momentum less so; Adagrad and "
            "RMSprop scale each direction by its own gradients and do not zigzag; AdamW stops short of the minimum, "
            "because its weight decay pulls the parameters towards 0."
        ),
        alt_zh=(
            "八幅小图：碗的等高线是椭圆，上下方向比左右方向陡十二倍；路径从左下的起点走向碗底（十字）。"
            f"函数值从 {bottom} 出发，各路径终点为：{listed}。普通梯度下降在陡壁之间来回折返，步长稍大就被甩出碗外；"
            "动量会冲过头再摆回来，Nesterov 动量摆得少些；Adagrad 和 RMSprop 按各方向自己的梯度调整步长，不再来回折返；"
            "AdamW 停在碗底之前，因为权重衰减把参数拉向 0。"
        ),
        svg=to_svg(figure, "optimizer-paths"),
    )


def run_steps(step: optim.Step, options: dict[str, Any]) -> Array:
    """Return the positions (STEPS + 1, 2) of an optimizer from the start on, computed by the reference.

    >>> run_steps(optim.sgd, {"lr": 0.0})[-1]
    array([-4., -1.])
    """
    place, places = START, [START]
    state: optim.State = {}
    for _ in range(STEPS):
        place, state = step(place, STEEPNESS * (place - MINIMUM), state, **options)
        places.append(place)
    return np.array(places)


def height(place: Array) -> float:
    """Return the height of the bowl at a place.

    >>> height(MINIMUM)
    0.0
    """
    return float((STEEPNESS * (place - MINIMUM) ** 2).sum() / 2)


def lowered(value: float) -> str:
    """Format a height, with more decimals near the minimum.

    >>> lowered(2655.9), lowered(0.0187), lowered(0.00001)
    ('= 2,656', '= 0.0187', '< 0.0001')
    """
    return "< 0.0001" if value < 0.0001 else f"= {number(value, 4 if value < 1 else 0)}"


def _panel(axes: Axes, places: Array) -> None:
    """Draw the contour lines of the bowl and a path."""
    for level in (0.5, 2, 5, 10, 18, 30, 48):
        width, tall = 2 * np.sqrt(2 * level / STEEPNESS)
        axes.add_patch(Ellipse(tuple(MINIMUM), width, tall, facecolor="none", edgecolor=GREY, linewidth=0.5))
    axes.plot(*places.T, ".-", color=BLUE, linewidth=1.1, markersize=3.5)
    axes.plot(*START, "o", color=ORANGE, markersize=5)
    axes.plot(*MINIMUM, "+", color=GREEN, markersize=9, markeredgewidth=2)
    axes.set(xlim=(-4.8, 5.8), ylim=(-1.8, 3.2), xticks=(), yticks=())
    axes.spines[:].set_visible(False)
