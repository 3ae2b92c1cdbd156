"""The rungs in words, in English and Chinese: what is right, what is being learned, and a hint."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.rungs import rungs

LANGUAGES = ("en", "zh")
FILE = Path(__file__).with_name("sentences.toml")


@dataclass(frozen=True)
class Sentences:
    """What is said of one rung."""

    right: str
    """Once it is right."""
    wrong: str
    """While it is not."""
    hint: str
    """What to think about; it does not give the answer away."""


EXAMPLES, REST = "examples", "the rest"
"""Beside the rungs with cases of their own: the document's worked examples, and all other tests of a level."""

_WHOLE = {
    ("values", EXAMPLES): {
        "en": (
            "{name} gives the numbers of the document's worked examples",
            "{name} does not give the numbers of the document's worked example",
            "Work the example by hand, as the document does, and compare step by step.",
        ),
        "zh": (
            "{name} 给出文档算例中的数",
            "{name} 没有给出文档算例中的数",
            "像文档那样用手算一遍，逐步比较。",
        ),
    },
    ("values", REST): {
        "en": (
            "{name} is right on everything that is drawn: all options together, laws, large sizes",
            "{name} is right on each rung; on what is drawn (all options together, other formats, large sizes) "
            "it is not",
            "Compare the call below with the largest one that you tried by yourself: which two options meet here?",
        ),
        "zh": (
            "{name} 对抽取的一切都正确：各种选项组合、定律、大尺寸",
            "{name} 在每一级上都正确，对抽取的例子（各种选项组合、其他数值格式、大尺寸）不正确",
            "把下面的调用与你自己试过的最大的调用比较：这里哪两个选项碰在一起？",
        ),
    },
    ("gradients", REST): {
        "en": (
            "the gradient of {name} is right on everything that is drawn",
            "the gradient of {name} is right on each rung; on what is drawn (all options together, zeros, large sizes) "
            "it is not",
            "A gradient foretells what a small step in an argument changes: take such a step, and compare.",
        ),
        "zh": (
            "{name} 的梯度对抽取的一切都正确",
            "{name} 的梯度在每一级上都正确，对抽取的例子（各种选项组合、零、大尺寸）不正确",
            "梯度预言了参数的一小步会改变什么：走这样一步，比较一下。",
        ),
    },
    ("conventions", REST): {
        "en": (
            "{name} keeps the conventions: ties, NaN, infinities, empty arrays, integers",
            "{name} computes rightly; it does not keep a convention yet (ties, NaN, infinities, empty, integers)",
            "Look at the marked number: the usual functions of NumPy differ on it. Which one does what is required?",
        ),
        "zh": (
            "{name} 遵守约定：并列、NaN、无穷、空数组、整数",
            "{name} 计算正确，但还没有遵守某个约定（并列、NaN、无穷、空数组、整数）",
            "看打了星号的数：NumPy 的常用函数对它的处理不同。哪一个符合这里的要求？",
        ),
    },
    ("contracts", REST): {
        "en": (
            "{name} leaves its arguments alone, returns new memory and keeps the number format",
            "{name} computes rightly; it does not keep a contract yet (arguments unchanged, new memory, number format)",
            "Does a line write into an argument, return the argument itself, or make float64 of float32?",
        ),
        "zh": (
            "{name} 不改动参数，返回新的内存，保持数值格式",
            "{name} 计算正确，但还没有遵守某个契约（参数不变、新内存、数值格式）",
            "有没有一行写进了参数、直接返回参数本身，或把 float32 变成了 float64？",
        ),
    },
    ("refusals", REST): {
        "en": (
            "{name} refuses what makes no sense",
            "{name} computes rightly; it does not refuse what makes no sense yet",
            "Check the arguments first, and raise ValueError or TypeError with a message that names the argument.",
        ),
        "zh": (
            "{name} 拒绝没有意义的参数",
            "{name} 计算正确，但还没有拒绝没有意义的参数",
            "先检查参数，抛出 ValueError 或 TypeError，并在消息里指出是哪个参数。",
        ),
    },
}


def sentences(operation: str, level: str, rung: str, language: str) -> Sentences:
    """Return what is said of a rung in a language.

    >>> sentences("conv2d", "values", "dilation", "en").wrong
    'conv2d is right without dilation; with dilation 2 it is not'
    """
    zh = "zh_" * (language == "zh")
    if (level, rung) in _WHOLE:
        right, wrong, hint = (text.format(name=operation) for text in _WHOLE[level, rung][language])
        return Sentences(right, wrong, _own_hint(operation, level, f"{zh}hint") or hint)
    entry = _register()[_family_of(operation)]
    with_, without = entry[rung][f"{zh}with"], entry[rung].get(f"{zh}without", "")
    gradient = level == "gradients"
    return Sentences(
        *(_in_chinese if zh else _in_english)(operation, gradient, with_, without),
        _hint(entry, rung, zh, gradient),
    )


def ladder(operation: str) -> tuple[tuple[str, str], ...]:
    """Return the level and the name of every rung of an operation, in the order in which a learner climbs them.

    >>> ladder("flatten")[:2], ladder("flatten")[-1]
    ((('values', 'examples'), ('values', 'plain')), ('refusals', 'the rest'))
    """
    row = OPERATIONS.get(operation) or OPTIMIZERS.get(operation) or TRANSFORMS.get(operation)
    named = rungs(operation)
    of_level = {"values": (EXAMPLES, *named, REST), "gradients": (*named, REST)}
    levels = LEVELS if row is None else row.levels
    return tuple((level, rung) for level in LEVELS if level in levels for rung in of_level.get(level, (REST,)))


def _in_english(operation: str, gradient: bool, with_: str, without: str) -> tuple[str, str]:
    name = f"the gradient of {operation}" if gradient else operation
    wrong = f"{name} is right {without}; {with_} it is not" if without else f"{name} is not right yet {with_}"
    return f"{name} is right {with_}", wrong


def _in_chinese(operation: str, gradient: bool, with_: str, without: str) -> tuple[str, str]:
    name = f"{operation} 的梯度" if gradient else operation
    wrong = f"{name}：{without}正确，{with_}不正确" if without else f"{name}：{with_}还不正确"
    return f"{name}：{with_}正确", wrong


def _own_hint(operation: str, level: str, hint: str) -> str:
    """Return what the register says on everything that is drawn at a level of an operation, or ""."""
    family = next((name for name, members in _register()["families"].items() if operation in members), "")
    return str(_register().get(family, {}).get("drawn", {}).get(level, {}).get(hint, ""))


def _hint(entry: dict[str, Any], rung: str, zh: str, gradient: bool) -> str:
    if not gradient:
        return str(entry[rung][f"{zh}hint"])
    return str(entry[rung].get(f"{zh}gradient_hint") or entry["gradients"][f"{zh}hint"])


def section_of(operation: str) -> str:
    """Return the section of the document that teaches an operation, or an empty string."""
    row = OPERATIONS.get(operation) or OPTIMIZERS.get(operation) or TRANSFORMS.get(operation)
    return row.section if row is not None else {"cifar10_cnn": "2.5", "batch_norm_statistics": "2.8"}.get(operation, "")


@cache
def _register() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def _family_of(operation: str) -> str:
    return next(name for name, members in _register()["families"].items() if operation in members)
