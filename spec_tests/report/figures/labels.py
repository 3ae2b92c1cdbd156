"""The labels of drawings in Chinese. Names of functions and arguments are the same in both languages."""

import re

from markupsafe import Markup

LABEL = re.compile(r"(<text\b[^>]*>)([^<]+)(</text>)")
IN_CHINESE = (
    # benchmarks
    (r"beside each bar: median time · floor as a percentage of it", "条形旁：时间的中位数 · 下限占它的百分比"),
    (r"FLOP per byte of ideal traffic \(without operations on padding\)", "每字节理想访存的 FLOP（不计对填充的运算）"),
    (r"percentage of the time of all layers", "占所有层时间的百分比"),
    (r"time / time of torch, log scale", "时间 / torch 的时间，对数刻度"),
    (r"time / time of reference, log scale", "时间 / 参考实现的时间，对数刻度"),
    (r"time of one batch", "每批的时间"),
    (r"; dashed: its floor", "；虚线：其下限"),
    (r"GPU faster from batch (\d+)", r"从批量 \1 起 GPU 更快"),
    (r"goal, at most", "目标，至多"),
    (r"samples/s", "样本/秒"),
    (r"floor of ", "下限："),
    (r"roof: ", "上限："),
    (r"NumPy one-liner", "NumPy 一行写法"),
    (r"ONNX evaluator", "ONNX 评估器"),
    (r"\bdefinition\b", "定义"),
    (r"\b(\d+) threads?\b", r"\1 个线程"),
    (r"(\d+) to (\d+) at (\d+)x(\d+)", r"\1 到 \2 通道，\3×\4"),
    (r"(\d+) channels at (\d+)x(\d+)", r"\1 通道，\2×\3"),
    (r"\b(\d+) classes\b", r"\1 类"),
    (r"\btraining step\b", "训练一步"),
    (r"\bboth passes\b", "前向加反向"),
    (r"\bforward\b", "前向"),
    (r"\bbackward\b", "反向"),
    (r"^disturbed$", "受干扰"),
    (r"\bnetwork\b", "整个网络"),
    (r"\breference\b", "参考实现"),
    (r"\bbatch(?= \d|$)", "批量"),
    # the book
    (r"\bbrightness\b", "亮度"),
    (r"\bcontrast\b", "对比度"),
    (r"\bsaturation\b", "饱和度"),
    (r"\bhue\b", "色调"),
    (r"^Loss(?=[₁₂])", "损失"),
    (r"^target(?= \d$)", "目标"),
)
"""What stands in a label, and in Chinese; the longer ones first."""


def in_chinese(label: str) -> str:
    """Return a label in Chinese, as far as it is not a name.

    >>> in_chinese("conv1 forward · 1.76×"), in_chinese("max_pool2d(input, 3)")
    ('conv1 前向 · 1.76×', 'max_pool2d(input, 3)')
    """
    for english, chinese in IN_CHINESE:
        label = re.sub(english, chinese, label)
    return re.sub(r", (?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]), ", "，", label)


def in_both_languages(svg: str) -> Markup:
    """Return a drawing whose labels are in both languages, of which the page's style sheet shows one."""
    return Markup(LABEL.sub(_both, svg))


def _both(label: re.Match[str]) -> str:
    start, english, end = label.groups()
    chinese = in_chinese(english)
    if chinese == english:
        return label[0]
    said = f'<tspan class="en" lang="en">{english}</tspan><tspan class="zh" lang="zh-Hans">{chinese}</tspan>'
    return f"{start}{said}{end}"
