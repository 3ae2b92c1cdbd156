"""Figures that compare NumPy with torch and other implementations: roofline, ratios, rivals, shares of the time.

As in `plots`, each function takes the rows to show and returns a figure.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from benchmarks import results
from benchmarks.counts import Ceiling
from benchmarks.plots import BESIDE, PLAIN, log_axis, panels, style
from benchmarks.results import Row, three_digits, with_unit
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, to_svg
from spec_tests.report.page_figure import PageFigure

LOOKS = {"torch": (BLUE, "o"), "reference": (ORANGE, "s")}
"""The colour and marker of each implementation."""

LAYER_COLOURS = (BLUE, "#9cc3e6", "#2f5f8f", "#c9def2", PURPLE, "#cdbbe4", GREEN)
"""A convolution is dark, and the pooling after it is light."""

PHASE_COLOURS = {"forward": BLUE, "backward": ORANGE, "training step": PURPLE}

NAMED = 0.06
"""The smallest share of a bar in which the layer's name fits."""

CLOSE = 2.0
"""If the next layer has less than this many times the operations per byte, no name fits between the two."""

DIRECTIONS = ("forward", "backward")


def roofline(rows: Sequence[Row], ceiling: Ceiling) -> PageFigure:
    """Draw the rate of each layer that computes against its operations per byte, below the machine's limits."""
    rows = [row for row in rows if row.operations and row.bytes]
    padding_en, padding_zh = _padding(rows)
    with style():
        figure, axes = panels(len(DIRECTIONS), width=10, height=4.4, sharex=True, sharey=True)
        for ax, direction in zip(axes, DIRECTIONS, strict=True):
            _draw_roof(ax, rows, ceiling)
            _draw_layers(ax, [row for row in rows if row.phase == direction])
            ax.set_title(direction)
            ax.set_xlabel(f"FLOP per byte of ideal traffic{padding_en}")
        figure.legend(handles=_roofline_legend(rows, ceiling), loc="outside lower center", ncols=4, fontsize=9)
        svg = to_svg(figure, "benchmarks-roofline")
    where = results.processor({"device": ceiling.device, "threads": ceiling.threads})
    roof = f"{with_unit(ceiling.rate, 'FLOP/s')}, {with_unit(ceiling.bandwidth, 'B/s')}"
    shares = _shares_of_roof(rows, ceiling)
    return PageFigure(
        id="benchmarks-roofline",
        section="benchmarks",
        title_en=f"Roofline of the layers ({where})",
        title_zh=f"各层的屋顶线模型（{where}）",
        alt_en=f"The rate of each layer against its operations per byte{padding_en}, below a roof of {roof}. "
        f"Share of the roof that the best layer reaches: {shares}. Pooling has no operations by this count and is "
        "not shown.",
        alt_zh=f"各层的运算速率与每字节运算次数{padding_zh}，上方的屋顶为 {roof}。最好的一层达到屋顶的比例：{shares}。"
        "按此计数，池化层没有浮点运算，因此不在图中。",
        svg=svg,
    )


def ratios(rows: Sequence[Row]) -> PageFigure:
    """Draw the references' times as multiples of torch's, with quartiles and goals."""
    rows = results.against_torch(rows)
    with style():
        figure, (ax,) = panels(1, width=7.5, height=1.2 + 0.26 * len(rows))
        for place, row in enumerate(rows):
            _draw_ratio(ax, place, row)
        ax.set_yticks(range(len(rows)), [_named(results.work(row), row.ratio) for row in rows])
        found = [value for row in rows if row.ratio for value in (row.ratio.low, row.ratio.high)]
        _finish_ratios(ax, [*found, *(goal for row in rows if (goal := results.goal(row)))])
        ax.set_xlabel("time of the reference / time of torch, log scale")
        mark = Line2D([], [], color=RED, lw=2, label="goal, at most")
        figure.legend(handles=[mark], loc="outside lower center", fontsize=9)
        svg = to_svg(figure, "benchmarks-ratios")
    extremes = _extremes([(results.work(row), row.ratio.median) for row in rows if row.ratio])
    return PageFigure(
        id="benchmarks-ratios",
        section="benchmarks",
        title_en="NumPy compared with torch: ratio of the times",
        title_zh="NumPy 与 torch 相比：耗时之比",
        alt_en=f"Bars of the references' time divided by torch's, starting at 1, with quartiles, for {len(rows)} "
        f"computations: {extremes}.",
        alt_zh=f"条形图：{len(rows)} 项计算中参考实现的耗时与 torch 之比，以 1 为起点，标出四分位数：{extremes}。",
        svg=svg,
    )


def rivals(rows: Sequence[Row]) -> PageFigure:
    """Draw the times of other implementations as multiples of the reference's for the same work."""
    found = results.rivalry(rows)
    works = list(dict.fromkeys(results.work(row) for row, _ in found))
    lines: list[tuple[Row, results.Ratio] | str] = []
    for work in works:
        lines += [work, *(pair for pair in found if results.work(pair[0]) == work)]
    with style():
        figure, (ax,) = panels(1, width=7.5, height=1.0 + 0.25 * len(lines))
        for place, line in enumerate(lines):
            _draw_rival(ax, place, line)
        ax.set_yticks(
            range(len(lines)), ["" if isinstance(line, str) else _named(line[0].who, line[1]) for line in lines]
        )
        _finish_ratios(ax, [value for _, ratio in found for value in (ratio.low, ratio.high)])
        ax.set_xlabel("time / time of the reference, log scale")
        svg = to_svg(figure, "benchmarks-rivals")
    extremes = _extremes([(f"{results.work(row)}, {row.who}", ratio.median) for row, ratio in found])
    return PageFigure(
        id="benchmarks-rivals",
        section="benchmarks",
        title_en="Other implementations compared with the reference",
        title_zh="其他实现与参考实现相比",
        alt_en="Bars of other implementations' time divided by the reference's for the same work, starting at 1, log "
        f"scale: {extremes}.",
        alt_zh=f"条形图：同一计算中其他实现的耗时与参考实现之比，以 1 为起点，对数刻度：{extremes}。",
        svg=svg,
    )


def shares(rows: Sequence[Row]) -> PageFigure:
    """Draw each layer's share of the total time of all layers, which are measured one by one."""
    layers = list(dict.fromkeys(row.params["layer"] for row in rows))
    colours = {layer: LAYER_COLOURS[place % len(LAYER_COLOURS)] for place, layer in enumerate(layers)}
    bars = [(who, phase) for phase in DIRECTIONS for who in LOOKS]
    totals: dict[str, dict[str, float]] = {}
    with style():
        figure, (ax,) = panels(1, width=8, height=2.9)
        for place, (who, phase) in enumerate(bars):
            mine = {row.params["layer"]: row.median for row in rows if row.who == who and row.phase == phase}
            totals[f"{phase}, {who}"] = mine
            _draw_shares(ax, place, mine, colours)
        ax.set_yticks(range(len(bars)), list(totals))
        ax.invert_yaxis()
        ax.set_xlim(0, 100)
        ax.set_xlabel("percentage of the time of all layers")
        handles = [Patch(color=colour, label=layer) for layer, colour in colours.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(layers), fontsize=9)
        svg = to_svg(figure, "benchmarks-shares")
    most = [(bar, max(mine, key=lambda layer: mine[layer])) for bar, mine in totals.items() if mine]
    return PageFigure(
        id="benchmarks-shares",
        section="benchmarks",
        title_en="Each layer's share of the time",
        title_zh="各层在耗时中的占比",
        alt_en="Stacked bars of each layer's share of the time. Largest shares: "
        + "; ".join(f"{bar}: {layer}" for bar, layer in most)
        + ".",
        alt_zh="堆叠条形图：各层占耗时的比例。占比最大的层："
        + "；".join(f"{bar}：{layer}" for bar, layer in most)
        + "。",
        svg=svg,
    )


def _draw_roof(ax: Axes, rows: Sequence[Row], ceiling: Ceiling) -> None:
    """Draw the machine's limits: as fast as memory delivers the bytes, and never faster than the chip computes."""
    ridge = ceiling.rate / ceiling.bandwidth
    intensities = [_intensity(row) for row in rows]
    left, right = min([*intensities, ridge]) / 3, max([*intensities, ridge]) * 3
    ax.plot([left, ridge, right], [left * ceiling.bandwidth, ceiling.rate, ceiling.rate], color=GREY, lw=2)
    slowest = min(_rate(row) for row in rows)
    log_axis(ax, "x", left, right, PLAIN)
    log_axis(ax, "y", min(slowest, left * ceiling.bandwidth), ceiling.rate, EngFormatter("FLOP/s"))
    ax.set_ylim(min(slowest, left * ceiling.bandwidth) / 2.5, ceiling.rate * 2.5)
    ax.grid(True)


def _draw_layers(ax: Axes, rows: Sequence[Row]) -> None:
    """Draw a dot for each row; a line joins those of one layer, with its name beside the upper one."""
    layers = sorted({(_intensity(row), row.params["layer"]) for row in rows})
    for (intensity, layer), (following, _) in pairwise([*layers, (math.inf, "")]):
        rates = [_rate(row) for row in rows if row.params["layer"] == layer]
        ax.plot([intensity] * 2, [min(rates), max(rates)], color=GREY, lw=0.8, zorder=1)
        offset, alignment = (-7, "right") if following < CLOSE * intensity else (7, "left")
        ax.annotate(layer, (intensity, max(rates)), (offset, 0), ha=alignment, **BESIDE)
    for row in rows:
        colour, marker = LOOKS.get(row.who, (GREY, "D"))
        face = "none" if row.disturbed else colour
        ax.plot(_intensity(row), _rate(row), marker, color=colour, markerfacecolor=face, markersize=6)


def _roofline_legend(rows: Sequence[Row], ceiling: Ceiling) -> list[Line2D]:
    roof = f"roof: {with_unit(ceiling.rate, 'FLOP/s')}, {with_unit(ceiling.bandwidth, 'B/s')}"
    lines = [Line2D([], [], color=colour, marker=marker, lw=0, label=who) for who, (colour, marker) in LOOKS.items()]
    if any(row.disturbed for row in rows):
        lines.append(Line2D([], [], color=GREY, marker="o", markerfacecolor="none", lw=0, label="disturbed"))
    return [Line2D([], [], color=GREY, lw=2, label=roof), *lines]


def _padding(rows: Sequence[Row]) -> tuple[str, str]:
    """Say in English and in Chinese that operations on padding do not count, if the rows distinguish them."""
    told = any(row.useful_flop is not None for row in rows)
    return (" (without operations on padding)", "（不计对补零的运算）") if told else ("", "")


def _intensity(row: Row) -> float:
    return (row.operations or 0) / (row.bytes or 1)


def _rate(row: Row) -> float:
    return (row.operations or 0) / row.median


def _shares_of_roof(rows: Sequence[Row], ceiling: Ceiling) -> str:
    """Format how close the best layers of torch and of the reference come to the roof."""
    best = {
        who: max(
            (_rate(row) / min(ceiling.rate, _intensity(row) * ceiling.bandwidth) for row in rows if row.who == who),
            default=0.0,
        )
        for who in LOOKS
    }
    return ", ".join(f"{who} {three_digits(100 * share)} %" for who, share in best.items() if share)


def _draw_ratio(ax: Axes, place: int, row: Row) -> None:
    """Draw a row's ratio as a bar and its goal as a mark."""
    if row.ratio:
        _draw_bar(ax, place, row.ratio, PHASE_COLOURS.get(row.phase, BLUE), row.disturbed)
    if goal := results.goal(row):
        ax.plot([goal] * 2, [place - 0.42, place + 0.42], color=RED, lw=2)


def _draw_rival(ax: Axes, place: int, line: tuple[Row, results.Ratio] | str) -> None:
    """Draw a rival's bar, or the name of the work for the bars below."""
    if isinstance(line, str):
        ax.text(0.01, place + 0.1, line, transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    else:
        row, ratio = line
        _draw_bar(ax, place, ratio, PURPLE, row.disturbed)


def _draw_bar(ax: Axes, place: int, ratio: results.Ratio, colour: str, hollow: bool) -> None:
    """Draw a bar from 1 to the ratio, with its quartiles as whiskers and a line at 1."""
    face = "none" if hollow else colour
    ax.barh(place, ratio.median - 1, 0.65, left=1, facecolor=face, edgecolor=colour)
    ax.plot([1, 1], [place - 0.5, place + 0.5], color=INK, lw=1)
    ax.plot([ratio.low, ratio.high], [place] * 2, color=INK, lw=1, marker="|", markersize=5)


def _named(work: str, ratio: results.Ratio | None) -> str:
    return work if ratio is None else f"{work} · {three_digits(ratio.median)}×"


def _finish_ratios(ax: Axes, values: Sequence[float]) -> None:
    """Scale the axis of ratios around 1, with the first bar on top."""
    low, high = min([*values, 1]), max([*values, 1])
    log_axis(ax, "x", low, high, PLAIN)
    margin = (high / low) ** 0.15 * 1.1
    ax.set_xlim(low / margin, high * margin)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()


def _extremes(named: Sequence[tuple[str, float]]) -> str:
    """Format the smallest and the largest of several numbers with their names."""
    ends = [end(named, key=lambda pair: pair[1]) for end in (min, max)]
    return " … ".join(f"{three_digits(number)} ({name})" for name, number in ends)


def _draw_shares(ax: Axes, place: int, times: dict[str, float], colours: dict[str, str]) -> None:
    """Draw one bar of shares, from the first layer to the last, with names in the large ones."""
    left = 0.0
    for layer, seconds in times.items():
        share = 100 * seconds / sum(times.values())
        ax.barh(place, share, 0.7, left=left, color=colours[layer])
        if share >= 100 * NAMED:
            ink = "black" if layer.startswith("p") else "white"
            ax.text(left + share / 2, place, layer, ha="center", va="center", fontsize=9, color=ink)
        left += share
