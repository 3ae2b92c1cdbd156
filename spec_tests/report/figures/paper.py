"""Squared paper for the report's figures: grids of numbers, boxes, arrows and text, positioned in squares.

The origin is the top left corner; x counts squares to the right and y downwards.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reference.checks import Array
from spec_tests.report.figures.figure import GREY, INK

Cell = tuple[int, int]
Place = tuple[float, float]

SMALL, PLAIN, LARGE = 9, 10, 14
"""Font sizes, in points."""


def paper(columns: float, rows: float, square: float = 0.28) -> tuple[Figure, Axes]:
    """Return a figure of columns × rows squares, each `square` inches wide, and the axes to draw in."""
    figure = Figure(figsize=(columns * square, rows * square))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, columns), ylim=(rows, 0))
    axes.set_axis_off()
    return figure, axes


def number(value: Any, digits: int = 0) -> str:
    """Format a number with this many decimals and a minus sign as wide as a plus.

    >>> number(-6.0), number(0.6931, 3), number(-0.0), number(89578)
    ('−6', '0.693', '0', '89,578')
    """
    return f"{round(float(value), digits) + 0.0:,.{digits}f}".replace("-", "−")


def plain(value: float) -> str:
    """Format a number without trailing zeros.

    >>> plain(-0.50), plain(2.0)
    ('−0.5', '2')
    """
    return f"{value + 0.0:g}".replace("-", "−")


def times(shape: Sequence[int]) -> str:
    """Format a shape.

    >>> times((3, 32, 32))
    '3×32×32'
    """
    return "×".join(map(str, shape))


def tint(colour: str, share: float = 0.3) -> str:
    """Return a colour made transparent, so that it suits both white and black.

    >>> tint("#3b82c4", 0.5)
    '#3b82c480'
    """
    return f"{colour}{round(share * 255):02x}"


def grid(
    axes: Axes,
    place: Place,
    values: Array,
    name: str = "",
    fills: Mapping[Cell, str] | None = None,
    bold: Container[Cell] = (),
) -> None:
    """Write numbers (h, w) into squares; a cell of NaN stays empty.

    `fills` are the colours of cells. If there is a name, the number in row 0, column 1 gets the id "<name>-0-1".
    """
    x, y = place
    for (row, column), fill in (fills or {}).items():
        box(axes, (x + column, y + row), (1, 1), fill)
    for (row, column), value in np.ndenumerate(values):
        if value == value:
            middle, id = (x + column + 0.5, y + row + 0.5), f"{name}-{row}-{column}" if name else None
            write(axes, middle, number(value), SMALL, bold=(row, column) in bold, id=id)
    h, w = values.shape
    lines = [((0, row), (w, row)) for row in range(h + 1)] + [((column, 0), (column, h)) for column in range(w + 1)]
    points = np.array([(*line, (np.nan, np.nan)) for line in lines]).reshape(-1, 2) + place
    axes.plot(*points.T, color=GREY, linewidth=0.6, solid_capstyle="projecting", clip_on=False)


def box(
    axes: Axes, place: Place, size: tuple[float, float], fill: str = "none", edge: str = "none", **style: Any
) -> None:
    """Draw a rectangle from its top left corner: size (width, height)."""
    axes.add_patch(Rectangle(place, *size, facecolor=fill, edgecolor=edge, clip_on=False, **style))


def outline(axes: Axes, place: Place, size: tuple[float, float], colour: str, **style: Any) -> None:
    """Draw the frame of a window from its top left corner: size (width, height)."""
    box(axes, place, size, edge=colour, **{"linewidth": 2, "joinstyle": "miter", **style})


def write(
    axes: Axes,
    place: Place,
    text: str,
    size: float = PLAIN,
    colour: str = INK,
    *,
    bold: bool = False,
    align: str = "center",
    id: str | None = None,
) -> None:
    """Write text, vertically centred at this place."""
    weight = "bold" if bold else "normal"
    axes.text(*place, text, size=size, color=colour, weight=weight, ha=align, va="center_baseline", gid=id)


def arrow(axes: Axes, start: Place, end: Place, colour: str = INK, **style: Any) -> None:
    """Draw an arrow from one place to another."""
    props = {"arrowstyle": "-|>,head_width=0.25,head_length=0.45", "color": colour, "shrinkA": 0, "shrinkB": 0, **style}
    axes.annotate("", xy=end, xytext=start, arrowprops=props)


def strike(axes: Axes, place: Place, cells: Sequence[Cell], colour: str) -> None:
    """Cross out cells of the grid at this place."""
    for row, column in cells:
        x, y = place[0] + column, place[1] + row
        axes.plot([x + 0.12, x + 0.88], [y + 0.75, y + 0.25], color=colour, linewidth=1.2)
