"""Figures of the network's rows: the time against the batch, and the ladder of configurations.

Each function takes the rows to show and returns a figure. The text inside figures is in English; titles and
descriptions are also in Chinese. Rows on the CPU have cold colours, rows on a GPU warm ones; disturbed rows are drawn
hollow.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import cycle
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, NullLocator

from benchmarks import results
from benchmarks.configuration import PHASES
from benchmarks.results import PHASES_ZH, Row, with_unit
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, STYLE, to_svg
from spec_tests.report.page_figure import PageFigure

COLD = (BLUE, PURPLE, "#2a9d9d", "#5566aa")
WARM = (ORANGE, RED, "#a9744f", "#d07ab8", "#b5a11e")
MARKERS = "os^Dv"
BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 9}
"""Options of a text beside a mark."""

BAR_SHARE = 0.57
"""The share of a panel's width for its longest bar; the rest is for the text beside it."""

UNEQUAL = 20.0
"""If the longest bar is more than this many times the shortest, the axis is logarithmic."""

DASHES = ((0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))

FEWEST_BATCHES = 0.5
"""A configuration is drawn as a line if it was measured at this share of its device's batches."""

PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
"""Numbers on an axis without trailing zeros."""

MARKED = "ieee"
"""The precision whose crossover is marked: the CPU's. Those of the others would often coincide with it."""

LONG, SHORT = 200.0, 4.0
"""Above these ratios of largest to smallest number, an axis has labels only at powers of 10, or also at 2 and 5."""


def time_against_batch(rows: Sequence[Row]) -> PageFigure:
    """Draw the median time of the main configurations against the batch, with the 5th and 95th percentiles."""
    found = ((phase, results.crossover(rows, phase, MARKED)) for phase in PHASES)
    crossovers = {phase: batch for phase, batch in found if batch is not None}
    rows = main_rows(rows)
    looks, phases = _looks(rows), _phases(rows)
    floors = _floor_looks(rows, looks)
    with style():
        figure, axes = panels(len(phases), width=11 if len(phases) > 1 else 7, height=5.4, sharey=True)
        for ax, phase in zip(axes, phases, strict=True):
            _draw_times(ax, [row for row in rows if row.phase == phase], looks, floors)
            _draw_crossover(ax, crossovers.get(phase), phase)
        log_axis(axes[0], "y", min(row.p5 for row in rows), max(row.p95 for row in rows), EngFormatter("s"))
        axes[0].set_ylabel("time of one batch")
        _add_legend(figure, rows, looks, floors)
        svg = to_svg(figure, "benchmarks-time")
    return PageFigure(
        id="benchmarks-time",
        section="benchmarks",
        title_en="Time against batch",
        title_zh="耗时与批大小",
        alt_en=_alt_of_times(rows, phases) + _alt_of_crossovers(crossovers),
        alt_zh=_alt_of_times_zh(rows, phases) + _alt_of_crossovers_zh(crossovers),
        svg=svg,
    )


def ladder(rows: Sequence[Row]) -> PageFigure:
    """Draw samples per second at batch 64, or the nearest one, to show what each configuration gains."""
    batch = results.nearest_batch(rows)
    rows = [row for row in rows if row.batch == batch]
    labels, phases = results.configurations(rows), _phases(rows)
    with style():
        figure, axes = panels(len(phases), width=4 + 2.8 * len(phases), height=1.5 + 0.32 * len(labels), sharey=True)
        for ax, phase in zip(axes, phases, strict=True):
            _draw_bars(ax, [row for row in rows if row.phase == phase], labels)
            ax.set_title(phase)
        axes[0].set_yticks(range(len(labels)), labels)
        axes[0].invert_yaxis()
        figure.supxlabel("beside each bar: median time · floor as a percentage of it", fontsize=9)
        svg = to_svg(figure, "benchmarks-ladder")
    fastest = {phase: results.fastest(results.chosen(rows, phase, batch)) for phase in phases}
    return PageFigure(
        id="benchmarks-ladder",
        section="benchmarks",
        title_en=f"The ladder at batch {batch}: each configuration changes one thing",
        title_zh=f"批大小为 {batch} 时的阶梯：每种配置只改变一处",
        alt_en=f"Bars of samples per second at batch {batch} for {len(labels)} configurations. The fastest: "
        + "; ".join(f"{phase}: {_fastest_text(row)}" for phase, row in fastest.items() if row)
        + ".",
        alt_zh=f"条形图：批大小为 {batch} 时 {len(labels)} 种配置每秒处理的样本数。最快的是："
        + "；".join(f"{PHASES_ZH[phase]}：{_fastest_text(row)}" for phase, row in fastest.items() if row)
        + "。",
        svg=svg,
    )


def main_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of configurations that were measured at many of their device's batches."""
    kept = []
    for label in results.configurations(rows):
        mine = [row for row in rows if row.label == label]
        device = results.batches(row for row in rows if row.device == mine[0].device)
        if len(results.batches(mine)) >= FEWEST_BATCHES * len(device):
            kept += mine
    return kept


def style() -> AbstractContextManager[None]:
    """Return the context in which all figures are drawn."""
    settings: Any = STYLE  # Matplotlib declares a type for the keys
    return matplotlib.rc_context(settings)


def panels(count: int, width: float, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure, whose size is in inches, and its panels side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False, **options)
    return figure, list(axes[0])


def log_axis(ax: Axes, name: str, low: float, high: float, formatter: Formatter) -> None:
    """Make the axis "x" or "y" logarithmic, with enough labels for numbers from low to high."""
    axis = ax.xaxis if name == "x" else ax.yaxis
    ax.set(**{f"{name}scale": "log"})
    few, some, many = (1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set_major_locator(LogLocator(subs=few if high / low > LONG else some if high / low > SHORT else many))
    axis.set_major_formatter(formatter)
    axis.set_minor_locator(NullLocator())


def _phases(rows: Sequence[Row]) -> list[str]:
    return [phase for phase in PHASES if any(row.phase == phase for row in rows)]


def _looks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each configuration."""
    looks = {}
    for device, colours in (("cpu", COLD), ("cuda", WARM)):
        own = results.configurations(row for row in rows if row.device == device and row.who == "torch")
        for turn, label in enumerate(own):
            looks[label] = (colours[turn % len(colours)], MARKERS[turn % len(MARKERS)])
    return {label: looks.get(label, (GREEN, "X")) for label in results.configurations(rows)}


def _draw_times(
    ax: Axes, rows: Sequence[Row], looks: dict[str, tuple[str, str]], floors: dict[str, tuple[str, Any]]
) -> None:
    """Draw a line with a band for each configuration, hollow markers for disturbed rows, and dashed floors."""
    for label in results.configurations(rows):
        mine = sorted((row for row in rows if row.label == label), key=lambda row: row.batch)
        colour, marker = looks[label]
        batches = [row.batch for row in mine]
        ax.fill_between(batches, [row.p5 for row in mine], [row.p95 for row in mine], color=colour, alpha=0.25, lw=0)
        ax.plot(batches, [row.median for row in mine], color=colour, lw=1.3)
        for hollow, face, size in ((False, colour, 5), (True, "none", 7)):
            dots = [row for row in mine if row.disturbed == hollow]
            x, y = [row.batch for row in dots], [row.median for row in dots]
            ax.plot(x, y, marker, color=colour, markerfacecolor=face, markersize=size)
    for floor, (colour, dashes) in floors.items():
        line = dict(sorted((row.batch, row.floor) for row in rows if row.floor and _floor_name(row) == floor))
        ax.plot(list(line), list(line.values()), color=colour, linestyle=dashes, lw=1.1)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(PLAIN)
    ax.tick_params(axis="x", labelsize=9)
    ax.set_xlabel("batch")
    ax.grid(True)


def _draw_crossover(ax: Axes, batch: int | None, phase: str) -> None:
    ax.set_title(phase if batch is None else f"{phase}\nGPU faster from batch {batch}, {MARKED}")
    if batch is not None:
        ax.axvline(batch, color=INK, linestyle=":", lw=1)


def _floor_name(row: Row) -> str:
    """Return the name of a row's floor: its processor and precision."""
    return f"floor of {results.processor(row.params)}, {row.params['precision']}"


def _floor_looks(rows: Sequence[Row], looks: dict[str, tuple[str, str]]) -> dict[str, tuple[str, Any]]:
    """Return the colour (of the first configuration with this floor) and the dashes of each floor."""
    colours: dict[str, str] = {}
    for row in rows:
        if row.floor:
            colours.setdefault(_floor_name(row), looks[row.label][0])
    return {name: (colours[name], dashes) for name, dashes in zip(colours, cycle(DASHES), strict=False)}


def _add_legend(
    figure: Figure, rows: Sequence[Row], looks: dict[str, tuple[str, str]], floors: dict[str, tuple[str, Any]]
) -> None:
    """Add a legend below the panels."""
    lines = [
        Line2D([], [], color=colour, marker=marker, markersize=5, label=label)
        for label, (colour, marker) in looks.items()
    ]
    for name, (colour, dashes) in floors.items():
        lines.append(Line2D([], [], color=colour, linestyle=dashes, label=name))
    if any(row.disturbed for row in rows):
        lines.append(Line2D([], [], color=GREY, marker="o", markerfacecolor="none", lw=0, label="disturbed"))
    figure.legend(handles=lines, loc="outside lower center", ncols=3, fontsize=9)


def _draw_bars(ax: Axes, rows: Sequence[Row], labels: Sequence[str]) -> None:
    """Draw samples per second, with the time and the percentage of the floor beside each bar."""
    rates = [row.samples_per_second for row in rows]
    low, high = min(rates), max(rates)
    for row in rows:
        place, colour = labels.index(row.label), _bar_colour(row)
        face = "none" if row.disturbed else colour
        ax.barh(place, row.samples_per_second, 0.65, facecolor=face, edgecolor=colour)
        ax.annotate(_bar_text(row), (row.samples_per_second, place), (4, 0), **BESIDE)
    left = low / 3 if high / low > UNEQUAL else 0
    if left:
        log_axis(ax, "x", low, high, EngFormatter(sep=""))
        ax.set_xlim(left, left * (high / left) ** (1 / BAR_SHARE))
    else:
        ax.set_xlim(left, high / BAR_SHARE)
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set_xticks([tick for tick in ax.get_xticks() if left <= tick <= high])
    ax.set_xlabel("samples/s, log scale" if left else "samples/s")


def _bar_colour(row: Row) -> str:
    return GREEN if row.who != "torch" else ORANGE if row.device == "cuda" else BLUE


def _bar_text(row: Row) -> str:
    return " · ".join(filter(None, [with_unit(row.median, "s"), results.percent(row)]))


def _fastest_text(row: Row) -> str:
    return f"{row.label}, {with_unit(row.median, 's')}"


def _alt_of_times(rows: Sequence[Row], phases: Sequence[str]) -> str:
    batches, labels = results.batches(rows), results.configurations(rows)
    ends = "; ".join(f"{phase}: {_ends(rows, phase)}" for phase in phases)
    return (
        f"Lines of the median time of a batch, from batch {batches[0]} to {batches[-1]}, for {len(labels)} "
        f"configurations; both axes are logarithmic. Shortest time at the smallest and at the largest batch: {ends}."
    )


def _alt_of_times_zh(rows: Sequence[Row], phases: Sequence[str]) -> str:
    batches, labels = results.batches(rows), results.configurations(rows)
    ends = "；".join(f"{PHASES_ZH[phase]}：{_ends(rows, phase)}" for phase in phases)
    return (
        f"折线图：{len(labels)} 种配置处理一批数据的中位耗时，批大小从 {batches[0]} 到 {batches[-1]}，"
        f"两轴均为对数刻度。最小批与最大批上的最短耗时：{ends}。"
    )


def _alt_of_crossovers(crossovers: dict[str, int]) -> str:
    said = ", ".join(f"{phase} {batch}" for phase, batch in crossovers.items())
    return said and f" A dotted line marks the batch from which the GPU is faster in {MARKED}: {said}."


def _alt_of_crossovers_zh(crossovers: dict[str, int]) -> str:
    said = "，".join(f"{PHASES_ZH[phase]} {batch}" for phase, batch in crossovers.items())
    return said and f"点线标出 {MARKED} 精度下 GPU 从哪个批大小起更快：{said}。"


def _ends(rows: Sequence[Row], phase: str) -> str:
    """Format the shortest times at the smallest and at the largest batch."""
    mine = [row for row in rows if row.phase == phase]
    batches = results.batches(mine)
    ends = [results.fastest(results.chosen(mine, phase, batch)) for batch in (batches[0], batches[-1])]
    return " … ".join(with_unit(row.median, "s") for row in ends if row)
