"""A figure of the report: a drawing of Matplotlib's as a vector graphic that stands in the page itself."""

import io
import re
from base64 import b64decode, b64encode
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

INK = "#010203"
"""Draw in this colour what should have the colour of the page's text, dark on light or light on dark."""

STYLE: Any = {  # not a dict, for whose keys Matplotlib's newer versions have a type of their own
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib; wider than most, so that others need no more room
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text, in the reader's own fonts
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#8888884d",
    "legend.frameon": False,
}
"""For `matplotlib.rc_context`: how all figures look. """

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#3b82c4", "#e08a1e", "#3a9d5d", "#d1495b", "#8e6bbf", "#8a8f98"
"""The colours of all figures: they can be told apart on white and on black."""

LEAST = 0.68
"""How small a figure may become: text of 9 points, 12 pixels, then has 8 pixels."""

NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""Nothing that changes with the day or with Matplotlib's version."""


def to_svg(figure: Figure, id: str) -> str:
    """Return a figure as an `<svg>` element without background, its ids its own, its ink the page's text colour.

    On a narrow page it shrinks, but not below what can be read. It has no style sheet, which would reach the whole
    page, and names nothing outside it.
    """
    file = io.StringIO()
    settings: Any = {**STYLE, "svg.hashsalt": id}
    with matplotlib.rc_context(settings):
        figure.savefig(file, format="svg", transparent=True, bbox_inches="tight", metadata=NO_METADATA)
    element = file.getvalue()[file.getvalue().index("<svg") :]
    element = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r"<!--.*?-->\s*", "", element, flags=re.DOTALL)
    element = re.sub('<svg(?=[^>]* width="([^"]+)pt")', _shrinking, element, count=1)
    element = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{id}-", element)
    element = re.sub(r"data:image/png;base64,([^\"]*)", _as_jpeg, element)
    return element.replace("'DejaVu Sans', ", "").replace(INK, "currentColor").strip()


def _shrinking(start: re.Match[str]) -> str:
    """Return the start of an element that is as wide as its page, from LEAST of its own width up to all of it."""
    least = f"{LEAST * float(start[1]):.0f}pt"
    return f'<svg stroke-linejoin="round" style="height: auto; max-width: max(100%, {least})"'


def _as_jpeg(png: re.Match[str]) -> str:
    """Return an image of Matplotlib's as a JPEG, which takes a fifth of the room for a photograph; a JPEG is opaque."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(b64decode(png[1]))) as image:
        if image.convert("RGBA").getchannel("A").getextrema()[0] != 255:
            return png[0]
        image.convert("RGB").save(file, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
