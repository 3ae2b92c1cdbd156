"""How the page shows individual values: names, numbers, times, source code and failures."""

import datetime
import json
import math
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from spec_tests.run.complaints import in_chinese
from spec_tests.vocabulary import names_of_tests

FOLDER = Path(__file__).with_name("page")
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
LEAST_SHARE = 0.001
"""Smaller shares of a bound are all shown as less than this."""

LEXER, FORMATTER = PythonLexer(), HtmlFormatter(nowrap=True)
"""What marks Python code; made once, for making them takes as long as marking a short piece."""

PLAIN = re.compile(r'<span class="(?:n|nn|o|p|w)">([^<]*)</span>')
"""Marks of Pygments that `page.css` does not style."""

DRAWING = re.compile(r"^-+ the smallest case -+\n", re.M)
"""The heading that `failures.text_of` puts between a traceback and the drawing, with showing.SMALLEST_CASE."""

OF_A_CALL = re.compile(r"^(?:E +|Call \d+ of \d+: )")
"""What may stand before a complaint."""


@cache
def words() -> dict[str, Any]:
    """Return the page's own words in both languages."""
    return tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))


def run_label(place: int) -> str:
    """Return the letter by which the page refers to a run.

    >>> [run_label(place) for place in (0, 7, 25, 26)]
    ['A', 'H', 'Z', 'A2']
    """
    return chr(ord("A") + place % 26) + (str(place // 26 + 1) if place >= 26 else "")


def grouped(values: Iterable[Any]) -> list[tuple[Any, list[str]]]:
    """Return each value once, with the letters of the runs that have it; without letters if all runs agree.

    >>> grouped([3, 5, 3]), grouped([3, 3])
    ([(3, ['A', 'C']), (5, ['B'])], [(3, [])])
    """
    groups: list[tuple[Any, list[str]]] = []
    for place, value in enumerate(values):
        labels = next((labels for known, labels in groups if known == value), None)
        if labels is None:
            groups.append((value, labels := []))
        labels.append(run_label(place))
    return groups if len(groups) > 1 else [(value, []) for value, _ in groups]


def failure(text: str) -> dict[str, str]:
    r"""Return the parts of a failure: its message, the drawing of its smallest case, and the traceback above that.

    >>> failure("> a == b\nE assert 1 == 2\nE Failing test case: x\n--- the smallest case ---\na = 1")["message"]
    'E   assert 1 == 2'
    """
    traceback, *drawing = DRAWING.split(text, maxsplit=1)
    message = dedent("\n".join(line[1:] for line in traceback.splitlines() if line.startswith("E ")))
    if drawing:  # it shows what Hypothesis prints about the case
        message = re.split(r"\n(?:Failing test case|Falsifying example)", message)[0]
    return {"message": indent(message, "E   "), "drawing": "".join(drawing), "traceback": traceback}


def complaint_zh(text: str) -> str:
    r"""Return what a failure says was wrong, in Chinese, or an empty string if that is not known there.

    >>> complaint_zh("> a == b\nE   AssertionError: got shape (1,), expected (2,)")
    '得到的形状是 (1,)，应为 (2,)'
    """
    parts = failure(text)
    lines = [*parts["drawing"].splitlines()[::-1], *parts["message"].splitlines()]
    return next((said for line in lines if (said := in_chinese(OF_A_CALL.sub("", line)))), "")


def terminal(text: str) -> Markup:
    r"""Return what a test printed, marking the lines that a terminal shows in colour.

    >>> terminal("> a < b\nE   x")
    Markup('<b>&gt; a &lt; b</b>\n<em>E   x</em>')
    """
    marked = re.sub(r"^E .*", r"<em>\g<0></em>", str(Markup.escape(text)), flags=re.M)
    return Markup(re.sub(r"^&gt; .*", r"<b>\g<0></b>", marked, flags=re.M))


def number(count: int) -> str:
    """Return a whole number with its digits in groups of three.

    >>> number(42200) == f"42{NARROW_SPACE}200"
    True
    """
    return f"{count:,}".replace(",", NARROW_SPACE)


def power(size: float) -> Markup:
    r"""Return a small number as two digits and a power of ten, without a line break between them.

    >>> power(2.3e-7)
    Markup('2.3\u202f×\u202f10<sup>−7</sup>')
    >>> power(0.0)
    Markup('0')
    """
    if size == 0 or not math.isfinite(size):
        return Markup("0") if size == 0 else Markup.escape(str(size))
    digits, exponent = f"{size:.1e}".split("e")
    return Markup("{0}{1}×{1}10<sup>{2}</sup>").format(digits, NARROW_SPACE, str(int(exponent)).replace("-", MINUS))


def percent(share: float) -> str:
    r"""Return a share as a percentage, with two significant digits if it is small.

    >>> [percent(share) for share in (0.5, 0.0456, 1e-9, 0.0)]
    ['50\u202f%', '4.6\u202f%', '<\u202f0.1\u202f%', '0\u202f%']
    """
    if 0 < share < LEAST_SHARE:
        return f"<{NARROW_SPACE}{percent(LEAST_SHARE)}"
    digits = f"{100 * share:.2g}" if share < 0.1 else f"{100 * share:.0f}"
    return f"{digits}{NARROW_SPACE}%"


def value(printed: Any) -> str:
    r"""Return a number or an array of numbers as a reader would write it, one row a line.

    >>> value([[1, -2], [0.5, 3]])
    '1, −2\n0.5, 3'
    """
    if isinstance(printed, list):
        return ("\n" if any(isinstance(row, list) for row in printed) else ", ").join(map(value, printed))
    text = printed if isinstance(printed, str) else json.dumps(printed, ensure_ascii=False)
    return text.replace("-", MINUS) if isinstance(printed, int | float) else text


def sentence(test: str, language: str = "en") -> str:
    """Return the name of a test as a sentence.

    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity[float32]")
    'nan beats infinity [float32]'
    """
    return names_of_tests.sentence(test, language)


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(130.2), duration(9.51)
    ('2 min 10 s', '9.5 s')
    """
    return f"{int(seconds) // 60} min {int(seconds) % 60} s" if seconds >= 60 else f"{seconds:.1f} s"


def day(moment: str) -> str:
    """Return an ISO timestamp to the minute, in UTC.

    >>> day("2026-11-23T01:02:03+00:00")
    '2026-11-23 01:02 UTC'
    """
    return f"{datetime.datetime.fromisoformat(moment).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


@cache
def source(code: str) -> Markup:
    """Return Python code with its tokens marked by classes, for `page.css` to colour."""
    marked = highlight(code, LEXER, FORMATTER)
    return Markup(PLAIN.sub(r"\1", marked).rstrip())
