"""The words of the book's sections, as their files have them.

A file `sections/<id>.toml` has:

    lead_en, lead_zh        what the section is about, in a sentence or two
    code                    functions of the references, most telling first: "definition.convolution"
    laws                    tests: "test_2_1_convolution::test_conv_is_linear_in_its_input"
    docs                    pages to read on: [["nn.Conv2d", "https://..."]]

    [[part]]                in the order of reading
    id, title_en, title_zh  a heading, mostly a question, and the name of its link; left out, the text goes on
    en, zh                  the text: paragraphs between empty lines, each with `code`, **words** and [links](#anchor)
    claims                  the claims that prove it
    tests                   the laws of this section that prove it, by their functions' names
    corrects                a claim: what the document prints and what is true stand before the text, which says why

    [mistake]               a function that is wrong in a common way
    en, zh                  what is wrong with it
    code                    the function
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from spec_tests.report.book.laws import FOLDER

FAILURES = Path(__file__).with_name("failures")
WORDS = Path(__file__).with_name("words.toml")

PIECE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\[(?P<said>[^\]]+)\]\((?P<link>[^)\s]+)\)")
"""What stands out in a text."""


@dataclass(frozen=True)
class Part:
    """A piece of a section, with the proof of what it says."""

    en: str
    zh: str
    id: str = ""
    title_en: str = ""
    title_zh: str = ""
    claims: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    corrects: str = ""


@dataclass(frozen=True)
class Mistake:
    """A function that is wrong in a common way."""

    en: str
    zh: str
    code: str


@dataclass(frozen=True)
class Text:
    """The words of a section."""

    lead_en: str
    lead_zh: str
    parts: tuple[Part, ...]
    code: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    docs: tuple[tuple[str, str], ...] = ()
    mistake: Mistake | None = None
    failures: dict[str, str] = field(default_factory=dict)
    """What `--exercise` prints about the mistake, by language."""


@cache
def text_of(section: str) -> Text:
    """Return the words of a section."""
    data = tomllib.loads((FOLDER / f"{section}.toml").read_text(encoding="utf-8"))
    parts = tuple(Part(**_frozen(part)) for part in data.pop("part"))
    mistake = Mistake(**data.pop("mistake")) if "mistake" in data else None
    return Text(**_frozen(data), parts=parts, mistake=mistake, failures=_failures(section) if mistake else {})


def _frozen(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}


def _failures(section: str) -> dict[str, str]:
    files = {language: FAILURES / f"{section}.{language}.txt" for language in ("en", "zh")}
    return {language: file.read_text(encoding="utf-8") for language, file in files.items() if file.is_file()}


@cache
def meanings() -> dict[str, dict[str, str]]:
    """Return what the helpers in the tests' sources mean, by name."""
    words: dict[str, dict[str, str]] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return words


def paragraphs(text: str) -> list[Markup]:
    r"""Return the paragraphs of a text, marked up.

    >>> paragraphs("It *is* `x < y`.\n\nSee [this](#claim-2.1.a).")
    [Markup('It *is* <code>x &lt; y</code>.'), Markup('See <a href="#claim-2.1.a">this</a>.')]
    """
    return [inline(part) for part in re.split(r"\n\s*\n", text.strip())]


def inline(text: str) -> Markup:
    """Return a text with its code, strong words and links marked up, and everything else escaped.

    >>> inline("**No**: `a`")
    Markup('<strong>No</strong>: <code>a</code>')
    """
    pieces, end = [], 0
    for found in PIECE.finditer(text):
        pieces += [escape(text[end : found.start()]), _marked(found)]
        end = found.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _marked(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["strong"]:
        return Markup("<strong>{}</strong>").format(found["strong"])
    outside = "" if found["link"].startswith("#") else Markup(' rel="noreferrer"')
    return Markup('<a href="{}"{}>{}</a>').format(found["link"], outside, found["said"])
