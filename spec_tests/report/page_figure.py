"""A figure as the report's page shows it: an SVG drawing with a title and a description."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True)
class PageFigure:
    """A drawing, its title, and a description for readers who cannot see it, in English and in Chinese.

    Raises ValueError for a drawing that is not one well-formed <svg> element, or that contains scripts.

    >>> PageFigure("line", "2.1", "A line", "一条线", "It rises.", "它上升。", "<svg><path d='M 0 0 L 1 1'></svg>")
    Traceback (most recent call last):
    ValueError: figure line is not a well-formed <svg> element without scripts: mismatched tag: line 1, column 29
    """

    id: str
    section: str
    """The section of the document; "benchmarks" for figures of benchmarks."""
    title_en: str
    title_zh: str
    alt_en: str
    alt_zh: str
    svg: str

    def __post_init__(self) -> None:
        """Check the drawing, which the page includes as it is."""
        if wrong := _what_is_wrong(self.svg):
            raise ValueError(f"figure {self.id} is not a well-formed <svg> element without scripts: {wrong}")


def _what_is_wrong(svg: str) -> str:
    """Return why a drawing cannot be included in a page, or an empty string."""
    if not svg.startswith("<svg"):
        return f"it begins with {svg[:40]!r}"
    if script := re.search(r"<script|\son\w+=", svg):
        return f"it contains {script[0].strip()!r}"
    try:
        ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        return str(error)
    return ""
