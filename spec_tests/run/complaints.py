"""What is said of an answer, a call or a file, in Chinese (`complaints_zh.tsv`); in English the code says it itself.

Every complaint of the specification, and every reason of the references, is a pattern there. What is not, such as the
message of an error that somebody's own function raises, stays as it is.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("complaints_zh.tsv")
PART = re.compile(r"\{(\w+)([!=]?)\}")
BETWEEN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
"""A space between two Chinese characters, where a gap between others has been filled."""
OF_OTHERS = re.compile(r"(?!AssertionError)[\w.]*(?:Error|Exception|Warning|Interrupt)(?:: |$)")
"""How a text begins that an error has which somebody's own code raised."""


DEEPEST = 8
"""Within how many others a complaint may stand: a long text full of colons is none."""


class Pattern(NamedTuple):
    """A complaint with gaps, and what it is in Chinese."""

    english: re.Pattern[str]
    chinese: str
    gaps: dict[str, str]
    """Its gaps, with "!" for those that only hold what is a complaint itself, and "=" for those that hold none."""


def told(complaint: str, language: str) -> str:
    """Return a complaint in this language, as far as it is known there.

    >>> told("output: got dtype float64, expected float32", "zh")
    'output：得到的 dtype 是 float64，应为 float32'
    >>> told("TypeError: can only concatenate str", "zh")
    'TypeError: can only concatenate str'
    """
    return (in_chinese(complaint) if language == "zh" else None) or complaint


def in_chinese(complaint: str, within: int = 0) -> str | None:
    """Return a complaint in Chinese, or None if it is not known; it stands within so many others."""
    if within > DEEPEST or OF_OTHERS.match(complaint):
        return None
    for pattern in patterns():
        if found := pattern.english.fullmatch(complaint):
            told_too = {name: in_chinese(found[name], within + 1) for name, mark in pattern.gaps.items() if mark != "="}
            if all(told_too[name] is not None for name, mark in pattern.gaps.items() if mark == "!"):
                said = pattern.chinese.format(**{name: told_too.get(name) or found[name] for name in pattern.gaps})
                return BETWEEN.sub("", said)
    return None


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return all patterns, those that say most first."""
    rows = [line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows.sort(key=lambda row: len(PART.sub("", row[0])), reverse=True)
    return tuple(Pattern(_with_gaps(english), chinese, dict(PART.findall(english))) for english, chinese in rows)


def _with_gaps(english: str) -> re.Pattern[str]:
    """Return the expression that a template stands for."""
    pieces = PART.split(english)  # text, name, mark, text, name, mark, ..., text
    gaps = [f"(?P<{name}>.+?)" for name in pieces[1::3]]
    if gaps and not pieces[0] and not pieces[2]:  # what a text begins with is a name, not another complaint
        gaps[0] = f"(?P<{pieces[1]}>(?:(?!: ).)+?)"
    texts = [re.escape(text) for text in pieces[::3]]
    return re.compile("".join(piece for pair in zip(texts, [*gaps, ""], strict=True) for piece in pair), re.DOTALL)
