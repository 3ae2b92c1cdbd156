"""The figure of section 1.3: the transforms applied to a photograph."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cbook import get_sample_data
from matplotlib.figure import Figure
from PIL import Image

import reference
from reference import transforms
from reference.checks import Array
from spec_tests.report.figures.figure import GREY, INK, to_svg
from spec_tests.report.figures.paper import SMALL, number, times
from spec_tests.report.page_figure import PageFigure

HEIGHT, WIDTH = 150, 128
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, as in the document's example."""

TRANSFORMS: dict[str, Callable[[Array], Array]] = {
    "to_tensor": lambda x: x,
    "resize(64)": lambda x: reference.resize(x, 64),
    "resize((90, 120))": lambda x: reference.resize(x, (90, 120)),
    "center_crop(80)": lambda x: transforms.center_crop(x, 80),
    "hflip": transforms.hflip,
    "vflip": transforms.vflip,
    "brightness × 1.5": lambda x: reference.adjust_brightness(x, 1.5),
    "contrast × 2": lambda x: reference.adjust_contrast(x, 2.0),
    "saturation × 0": lambda x: reference.adjust_saturation(x, 0.0),
    "saturation × 2": lambda x: reference.adjust_saturation(x, 2.0),
    "hue + 0.5": lambda x: reference.adjust_hue(x, 0.5),
    "normalize": lambda x: transforms.normalize(x, MEAN, STD),
}


def gallery() -> PageFigure:
    """Draw a photograph after each transform, all to the same scale."""
    image = transforms.to_tensor(photograph())
    results = {name: transform(image) for name, transform in TRANSFORMS.items()}
    figure = Figure(figsize=(4.9, 8.2), layout="constrained")
    for axes, (name, result) in zip(figure.subplots(4, 3).ravel(), results.items(), strict=True):
        _panel(axes, name, result)
    low, high = extremes(results["normalize"])
    half, square = (times(results[name].shape) for name in ("resize(64)", "center_crop(80)"))
    return PageFigure(
        id="transforms",
        section="1.3",
        title_en="The transforms applied to a photograph, with the shape and range of their results",
        title_zh="对一张照片做各种变换，附结果的形状和取值范围",
        alt_en=(
            f"Twelve versions of a portrait of Grace Hopper, {times(image.shape)} after to_tensor, all drawn to the "
            f"same scale. resize(64) makes the shorter side 64 and keeps the aspect ratio ({half}); resize with two "
            f"numbers distorts; center_crop keeps the centre ({square}); hflip and vflip mirror. Brightness, "
            "contrast, saturation and hue change the colours and clamp values to 0 to 1. normalize gives values from "
            f"{low} to {high}, neither 0 to 1 nor −1 to 1; on the screen, those below 0 are black and those above 1 "
            "have full intensity."
        ),
        alt_zh=(
            f"Grace Hopper 肖像的十二个版本，to_tensor 之后为 {times(image.shape)}，全部按同一比例画出。"
            f"resize(64) 把短边缩到 64 并保持比例（{half}），给两个数的 resize 会变形，"
            f"center_crop 保留中央（{square}），hflip 和 vflip 是镜像。亮度、对比度、饱和度、色调改变颜色，"
            f"超出 0 到 1 的值被截断。normalize 的结果从 {low} 到 {high}，既不是 0 到 1，也不是 −1 到 1；"
            "显示时小于 0 的成为黑色，大于 1 的成为最亮。"
        ),
        svg=to_svg(figure, "transforms"),
    )


def photograph() -> Array:
    """Return a photograph that comes with Matplotlib, resized by the reference: bytes (h, w, c)."""
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        pixels = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    return reference.resize(pixels, (HEIGHT, WIDTH)).transpose(1, 2, 0)


def extremes(image: Array) -> tuple[str, str]:
    """Format the smallest and the largest value.

    >>> extremes(np.array([-1.0, 0.25]))
    ('−1.0', '0.2')
    """
    return number(image.min(), 1), number(image.max(), 1)


def _panel(axes: Axes, name: str, image: Array) -> None:
    """Draw one image in the middle of its panel, to the same scale as all others."""
    height, width = image.shape[1:]
    left, top = (WIDTH - width) / 2, (HEIGHT - height) / 2
    extent = (left, left + width, top + height, top)
    axes.imshow(np.clip(image, 0, 1).transpose(1, 2, 0), extent=extent, interpolation="none")
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), xticks=(), yticks=())
    axes.spines[:].set(visible=True, color=GREY, linewidth=0.4)
    axes.set_title(name, size=SMALL, color=INK)
    axes.set_xlabel(times(image.shape), size=SMALL, labelpad=2)
    axes.text(WIDTH / 2, 1.2 * HEIGHT, " … ".join(extremes(image)), size=SMALL, ha="center")
