"""Figures for the reader's hands: convolution, pooling and so on, computed in the page while the reader changes them.

A page takes `style()` into its style sheet, `script()` into its script, and shows `widgets(section)` where it likes.
Nothing is requested from anywhere. Without scripts nothing of the figures shows.

The mathematics is in the files `*.js` of this folder, one for each topic: functions of plain arrays, without the page,
which `tooling/test_the_hands.py` holds against the references. What draws and listens is in the folder `dom`, with a
template for each figure. Both languages are in the page at once, as in the rest of the report.
"""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from spec_tests.report.hands import picture

FOLDER = Path(__file__).parent
FIGURES = {
    "normalize": "1.3",
    "resize": "1.3",
    "convolution": "2.1",
    "pooling": "2.2",
    "activation": "2.3",
    "cross_entropy": "2.6.3",
    "optimizers": "2.7",
}
"""The figures, and the section of the document that each belongs to."""

TOPICS = ("convolution", "pooling", "activation", "cross_entropy", "optimizers", "pictures")
"""Each has its mathematics in a file of this folder, and what draws and listens in one of the folder `dom`."""


def widgets(section: str) -> Markup:
    """Return the figures of a section of the document, in both languages; an empty text if it has none."""
    return Markup("\n").join(_figure(name) for name, of in FIGURES.items() if of == section)


@cache
def script() -> str:
    """Return all JavaScript. It leaves no names behind, and shows the figures once the page is there.

    It comes without indentation and comments, to be small; no text in it runs over several lines.
    """
    body = "\n".join((mathematics(), *map(_text, ("dom/common.js", *(f"dom/{topic}.js" for topic in TOPICS)))))
    for name, value in (("HEIGHT", str(picture.HEIGHT)), ("WIDTH", str(picture.WIDTH)), ("BYTES", picture.in_base64())):
        body = body.replace(f"PICTURE_{name}", value)
    return f'(() => {{\n"use strict";\n{_compact(body)}\nwhenReady();\n}})();\n'


@cache
def style() -> str:
    """Return the style sheet. Its colours are the custom properties of the report's."""
    return _text("hands.css")


@cache
def mathematics() -> str:
    """Return the functions without the page: what the figures compute."""
    return "\n".join(_text(f"{topic}.js") for topic in TOPICS)


@cache
def _figure(name: str) -> Markup:
    return Markup(_compact(_environment().get_template(f"{name}.html.jinja").render()))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "dom"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _compact(text: str) -> str:
    """Return the text without indentation, empty lines, and lines that are a comment."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _text(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
