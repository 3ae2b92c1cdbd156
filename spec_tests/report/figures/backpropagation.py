"""The figure of section 2.6.5: values flow forward through a small network, and gradients flow back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

import reference
from reference.checks import Array
from spec_tests.report.figures.figure import BLUE, GREY, ORANGE, to_svg
from spec_tests.report.figures.paper import arrow, box, paper, plain, tint, write
from spec_tests.report.page_figure import PageFigure


@dataclass(frozen=True)
class Chain:
    """The values of a neuron and its loss, and the gradients of the loss under the same names."""

    values: dict[str, Array]
    gradients: dict[str, Any]


def chain() -> Chain:
    """Compute values and gradients layer by layer with the reference.

    >>> chain().values["loss"].item(), chain().gradients["z"].item()
    (0.25, -0.25)
    """
    x, weight, bias, target = np.array([1.0, 2.0]), np.array([[3.0, -1.0]]), np.array([-1.0]), np.array([1.0])
    z = reference.linear(x, weight, bias)
    y = reference.sigmoid(z)
    loss = reference.mse_loss(y, target)
    one = np.ones_like(loss)
    grad_y, _, _ = reference.mse_loss_backward(one, y, target)
    grad_z = reference.sigmoid_backward(np.asarray(grad_y), z)
    grad_x, grad_weight, grad_bias = reference.linear_backward(grad_z, x, weight, bias)
    return Chain(
        {"x": x, "weight": weight, "bias": bias, "z": z, "y": y, "target": target, "loss": loss},
        {"x": grad_x, "weight": grad_weight, "bias": grad_bias, "z": grad_z, "y": grad_y, "loss": one},
    )


def backpropagation() -> PageFigure:
    """Draw the chain from the input down to the loss, with values on the left and gradients on the right."""
    found = chain()
    figure, axes = paper(17.4, 15.2)
    for y, name in zip((0.8, 5, 9.2, 13.4), ("x", "z", "y", "loss"), strict=True):
        write(axes, (4.4, y), f"{name} = {numbers(found.values[name])}", align="right", id=f"value-{name}")
        _gradient(axes, 5.2, y, name, found.gradients[name])
    for y, layer in zip((2.9, 7.1, 11.3), ("linear", "sigmoid", "mse_loss"), strict=True):
        _function(axes, y, layer)
    for y, name in ((1.85, "weight"), (3.25, "bias")):
        write(axes, (8.3, y), f"{name} = {numbers(found.values[name])}", align="left", id=f"value-{name}")
        _gradient(axes, 8.3, y + 0.7, name, found.gradients[name])
    write(axes, (8.3, 11.3), f"target = {numbers(found.values['target'])}", align="left")
    values, gradients = ({name: numbers(array) for name, array in of.items()} for of in (found.values, found.gradients))
    return PageFigure(
        id="backpropagation",
        section="2.6.5",
        title_en="Values flow forward, gradients flow back: each layer multiplies by its own derivative",
        title_zh="数值向前传，梯度往回传：每一层都乘以自己的导数",
        alt_en=(
            "A chain from top to bottom: linear, sigmoid, mse_loss. Values flow down: "
            f"x {values['x']} becomes z {values['z']}, then y {values['y']}, which gives the loss {values['loss']} "
            f"for the target {values['target']}. The gradients of the loss flow up: {gradients['y']} at y, "
            f"{gradients['z']} at z, {gradients['weight']} at the weight, {gradients['bias']} at the bias, "
            f"{gradients['x']} at x. The optimizer uses those of weight and bias."
        ),
        alt_zh=(
            "自上而下的一条链：linear、sigmoid、mse_loss。数值向下："
            f"x {values['x']} 得 z {values['z']}，再得 y {values['y']}，与目标 {values['target']} 比较得损失 "
            f"{values['loss']}。损失的梯度向上：y 处 {gradients['y']}，z 处 {gradients['z']}，权重处 "
            f"{gradients['weight']}，偏置处 {gradients['bias']}，x 处 {gradients['x']}。优化器用的是权重和偏置的梯度。"
        ),
        svg=to_svg(figure, "backpropagation"),
    )


def numbers(values: Array) -> str:
    """Format numbers without trailing zeros.

    >>> numbers(np.array([[-0.25, 3.0]])), numbers(np.array(0.5))
    ('[−0.25, 3]', '0.5')
    """
    texts = [plain(value) for value in values.ravel()]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _gradient(axes: Axes, x: float, y: float, name: str, gradient: Array) -> None:
    write(axes, (x, y), f"∂loss/∂{name} = {numbers(gradient)}", colour=ORANGE, align="left", id=f"gradient-{name}")


def _function(axes: Axes, y: float, name: str) -> None:
    """Draw a layer, with arrows for the values that flow down and the gradients that flow up."""
    box(axes, (2.3, y - 0.7), (5, 1.4), tint(GREY, 0.25), GREY)
    write(axes, (4.8, y), name, bold=True)
    for start, end in ((y - 1.6, y - 0.7), (y + 0.7, y + 1.6)):
        arrow(axes, (3.6, start), (3.6, end), BLUE)
        arrow(axes, (6, end), (6, start), ORANGE)
