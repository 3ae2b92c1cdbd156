"""From Matplotlib's figures to SVG drawings inside the report's page: their style, their colours and `to_svg`."""

import io
import re
from base64 import b64decode, b64encode
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

INK = "#010203"
"""Stands for the colour of the page's text, which is dark on light or light on dark."""

STYLE: Any = {  # newer versions of Matplotlib declare a type for the keys
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib, and is wider than most, so that other fonts fit too
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
"""The style of all figures, for `matplotlib.rc_context`."""

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#3b82c4", "#e08a1e", "#3a9d5d", "#d1495b", "#8e6bbf", "#8a8f98"
"""The colours of all figures, which can be distinguished on white and on black."""

LEAST = 0.68
"""The smallest scale of a figure, at which text of 9 points (12 pixels) has 8 pixels."""

NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
"""Leaves out everything that changes with the date or with Matplotlib's version."""


def to_svg(figure: Figure, id: str) -> str:
    """Return a figure as an `<svg>` element without background, with unique ids, and INK as the page's text colour.

    On a narrow page it shrinks as far as it can still be read. It has no style sheet, which would affect the whole
    page, and refers to nothing outside itself.
    """
    file = io.StringIO()
    settings: Any = {**STYLE, "svg.hashsalt": id}
    with matplotlib.rc_context(settings):
        figure.savefig(file, format="svg", transparent=True, bbox_inches="tight", metadata=NO_METADATA)
    element = file.getvalue()[file.getvalue().index("<svg") :]
    element = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", element, flags=re.DOTALL)
    element = re.sub(r"<!--.*?-->\s*", "", element, flags=re.DOTALL)
    element = re.sub(r' (?:d|x|y)="[^"]*"', _shortened, element)
    element = re.sub('<svg(?=[^>]* width="([^"]+)pt")', _shrinking, element, count=1)
    element = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{id}-", element)
    element = re.sub(r"data:image/png;base64,([^\"]*)", _as_jpeg, element)
    return element.replace("'DejaVu Sans', ", "").replace(INK, "currentColor").strip()


def _shortened(place: re.Match[str]) -> str:
    """Return coordinates to the hundredth of a point: what is finer cannot be seen."""
    return re.sub(r"(\.\d\d)\d+", r"\1", place[0])


def _shrinking(start: re.Match[str]) -> str:
    """Return the start of an element that fills its page's width, between LEAST and 1 times its own width."""
    least = f"{LEAST * float(start[1]):.0f}pt"
    return f'<svg stroke-linejoin="round" style="height: auto; max-width: max(100%, {least})"'


def _as_jpeg(png: re.Match[str]) -> str:
    """Return Matplotlib's PNG as a JPEG, a fifth as large for a photograph; one that is not opaque stays as it is."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(b64decode(png[1]))) as image:
        if image.convert("RGBA").getchannel("A").getextrema()[0] != 255:
            return png[0]
        image.convert("RGB").save(file, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
