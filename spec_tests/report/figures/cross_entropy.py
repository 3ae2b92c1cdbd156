"""The figure of section 2.6.3: two models that are right equally often, but not equally good."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import reference
from reference.checks import Array
from spec_tests import worked_examples
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, ORANGE, RED, to_svg
from spec_tests.report.figures.paper import PLAIN, SMALL, number, tint
from spec_tests.report.page_figure import PageFigure

SUBSCRIPTS = "₁₂₃"


def two_models() -> PageFigure:
    """Draw the probabilities of the document's two models, the loss of each sample, and the mean loss."""
    truth, models = worked_examples.TRUTH, [worked_examples.MODEL_1, worked_examples.MODEL_2]
    figure = Figure(figsize=(4.9, 6.2), layout="constrained")
    rows = figure.subplots(4, 2, sharey="row", gridspec_kw={"height_ratios": [1, 1, 1, 0.75]})
    losses = [reference.nll_loss(np.log(model), truth, reduction="none") for model in models]
    means = [float(reference.nll_loss(np.log(model), truth)) for model in models]
    right = [int((model.argmax(axis=1) == truth).sum()) for model in models]
    for column, model in enumerate(models):
        for sample in range(3):
            _bars(rows[sample, column], model[sample], int(truth[sample]))
            name = f"ℓ{SUBSCRIPTS[sample]} = −ln {model[sample, truth[sample]]:g} = {number(losses[column][sample], 3)}"
            rows[sample, column].set_title(name, size=SMALL)
        _sum(rows[3, column], losses[column])
        title = f"Loss{SUBSCRIPTS[column]} = {number(means[column], 3)}   ✓ {right[column]}/3"
        rows[3, column].set_title(title, size=PLAIN, weight="bold")
    for sample in range(3):
        rows[sample, 0].set_ylabel(f"target {truth[sample]}", size=SMALL)
    first, second = (", ".join(number(loss, 3) for loss in of_model) for of_model in losses)
    return PageFigure(
        id="cross-entropy",
        section="2.6.3",
        title_en="Two models, right equally often: cross entropy also measures how sure they were",
        title_zh="两个模型的正确率相同：交叉熵还能衡量它们有多大把握",
        alt_en=(
            "Model 1 is on the left and model 2 on the right, with a row for each of three samples. Bars show the "
            "probabilities of the classes 0, 1 and 2 (cat, dog, pig); the true class is green if the model is right "
            f"and red if not. Both are right {right[0]} times out of 3. The losses are {first} for model 1 and "
            f"{second} for model 2. At the bottom, the mean as thirds of the three losses: {number(means[0], 3)} "
            f"against {number(means[1], 3)}. The models differ most in the third sample, to whose true class model 1 "
            f"assigns a probability of only {models[0][2, truth[2]]:g}."
        ),
        alt_zh=(
            "左为模型 1，右为模型 2；每个样本一行。柱子是类别 0、1、2（猫、狗、猪）的概率，真实类别在判断正确时为绿色，"
            f"错误时为红色。两个模型都在 3 次中判对 {right[0]} 次。各样本的损失：模型 1 为 {first}，"
            f"模型 2 为 {second}。"
            f"下方是平均损失：{number(means[0], 3)} 对 {number(means[1], 3)}。"
            f"差距最大的是第三个样本：模型 1 只给真实类别 {models[0][2, truth[2]]:g} 的概率。"
        ),
        svg=to_svg(figure, "cross-entropy"),
    )


def _bars(axes: Axes, probabilities: Array, target: int) -> None:
    """Draw the probabilities of the classes, the true one green if it is predicted and red if not."""
    is_right = probabilities.argmax() == target
    colours = [tint(GREY, 0.45)] * 3
    colours[target] = GREEN if is_right else RED
    bars = axes.bar(range(3), probabilities, color=colours, width=0.7)
    axes.bar_label(bars, fmt="%g", size=SMALL)
    axes.annotate("✓" if is_right else "✗", (0.5, 0.8), size=PLAIN, color=colours[target], ha="center")
    axes.set(ylim=(0, 0.95), xticks=range(3), yticks=())
    axes.tick_params(labelsize=SMALL, length=0)
    axes.spines["left"].set_visible(False)


def _sum(axes: Axes, losses: Array) -> None:
    """Draw a third of each sample's loss end to end: together they are as long as the mean."""
    starts = np.cumsum(losses / 3) - losses / 3
    colours = [tint(BLUE, 0.7), tint(BLUE, 0.4), tint(ORANGE, 0.7)]
    bars = axes.barh([0] * 3, losses / 3, left=starts, height=0.6, color=colours)
    axes.bar_label(bars, "123", label_type="center", size=SMALL)
    axes.set(xlim=(0, 1.5), ylim=(-0.5, 0.5), yticks=())
    axes.set_xlabel("(ℓ₁ + ℓ₂ + ℓ₃) / 3", size=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.spines["left"].set_visible(False)
