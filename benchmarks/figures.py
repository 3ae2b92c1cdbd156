"""The figures of a result: times against batch, the ladder, the roofline, ratios, rivals, shares of the time.

The text inside figures is in English; titles and descriptions are also in Chinese. In the network's figures rows on the
CPU have cold colours, rows on a GPU warm ones; disturbed rows are drawn hollow.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, NullLocator

from benchmarks import results
from benchmarks.configuration import PHASES
from benchmarks.counts import Ceiling
from benchmarks.results import Result, Row, goal, three_digits, with_unit
from benchmarks.table import NOTHING, both, say, word
from spec_tests.report.figures.figure import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, RED, STYLE, to_svg
from spec_tests.report.page_figure import PageFigure

COLOURS = {"cpu": (BLUE, PURPLE, "#2a9d9d", "#5566aa"), "cuda": (ORANGE, RED, "#a9744f", "#d07ab8", "#b5a11e")}
MARKERS = "os^Dv"
IMPLEMENTATIONS = {"torch": (BLUE, "o"), "reference": (ORANGE, "s")}
PHASE_COLOURS = {"forward": BLUE, "backward": ORANGE, "training step": PURPLE, "both passes": GREEN}
LAYER_COLOURS = (BLUE, "#9cc3e6", "#2f5f8f", "#c9def2", PURPLE, "#cdbbe4", GREEN)
"""A convolution is dark, and the pooling after it is light."""
DIRECTIONS = ("forward", "backward")
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
MANY = 0.5
"""A configuration is drawn as a line if it was measured at this share of its device's batches."""
NAMED = 6
"""The smallest percentage of a bar in which a layer's name fits."""
MARKED = "ieee"
"""The precision whose crossover is marked: the CPU's. Those of the others would often coincide with it."""


def figures(result: Result) -> list[PageFigure]:
    """Draw the figures for which the result has rows."""
    with matplotlib.rc_context(STYLE):
        return list(_figures(result))


def _figures(result: Result) -> Iterator[PageFigure]:
    rows, network = results.rows_of(result), results.rows_of(result, "network")
    layers = [row for row in results.rows_of(result, "layer") if row.device == "cpu" and row.phase in DIRECTIONS]
    if len(results.batches(network)) > 1:
        yield _times(network)
    if network:
        yield _ladder(network)
    computing = [row for row in layers if row.useful_flop and row.bytes]
    for ceiling in results.ceilings(result):
        if computing and (ceiling.device, ceiling.precision, ceiling.threads) == ("cpu", "ieee", computing[0].threads):
            yield _roofline(computing, ceiling)
    if against_torch := [row for row, _ in results.compared(rows, "torch")]:
        yield _ratios("ratios", {row: row.work[0] for row in against_torch}, rows)
    if rivals := [row for row, _ in results.compared(rows, "reference")]:
        yield _ratios("rivals", {row: f"{row.work[0]}, {row.who}" for row in rivals}, rows)
    if layers:
        yield _shares(layers)


def _page_figure(name: str, figure: Figure, **values: Any) -> PageFigure:
    """Return a figure with its title and its description, in which these values stand."""
    id, texts = f"benchmarks-{name}", f"figure.{name}"
    return PageFigure(id, "benchmarks", *say(f"{texts}.title", **values), *say(texts, **values), to_svg(figure, id))


def _panels(titles: Sequence[str], width: float, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure, whose size is in inches, and its panels side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, len(titles), squeeze=False, **options)[0])
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
    return figure, axes


def _log_axis(ax: Axes, name: str, formatter: Formatter) -> None:
    """Make the axis "x" or "y" of what is drawn logarithmic, with enough labels."""
    axis = ax.xaxis if name == "x" else ax.yaxis
    ax.set(**{f"{name}scale": "log"})
    low, high = axis.get_view_interval()
    steps = (1.0,) if high / low > 200 else (1.0, 2.0, 5.0) if high / low > 4 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set(major_locator=LogLocator(subs=steps), major_formatter=formatter, minor_locator=NullLocator())


def _legend(figure: Figure, axes: Sequence[Axes], rows: Sequence[Row], columns: int = 3) -> None:
    """Add a legend of all labels below the panels, each once, and of hollow marks if some row was disturbed."""
    if any(row.disturbed for row in rows):
        axes[0].plot([], [], "o", color=GREY, markerfacecolor="none", label="disturbed")
    named = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=columns, fontsize=9)


def _face(row: Row, colour: str) -> str:
    return "none" if row.disturbed else colour


def _phases(rows: Sequence[Row]) -> list[str]:
    return [phase for phase in PHASES if any(row.phase == phase for row in rows)]


def _looks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each configuration."""
    looks = {}
    for device, colours in COLOURS.items():
        for turn, label in enumerate(results.configurations(row for row in rows if row.device == device)):
            looks[label] = colours[turn % len(colours)], MARKERS[turn % len(MARKERS)]
    return looks


def _times(rows: Sequence[Row]) -> PageFigure:
    """Draw the median time of the main configurations against the batch, with the 5th and 95th percentiles."""
    crossovers = {phase: results.crossover(rows, phase, MARKED) for phase in _phases(rows)}
    rows = _main_rows(rows)
    titles = [phase + (f"\nGPU faster from batch {at}, {MARKED}" if at else "") for phase, at in crossovers.items()]
    figure, axes = _panels(titles, 11 if len(titles) > 1 else 7, 5.4, sharey=True)
    for ax, (phase, crossover) in zip(axes, crossovers.items(), strict=True):
        for label, (colour, marker) in _looks(rows).items():
            if mine := [row for row in rows if (row.phase, row.label) == (phase, label)]:
                _draw_line(ax, sorted(mine, key=lambda row: row.batch), colour, marker)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(PLAIN)
        ax.set_xlabel("batch")
        ax.grid(True)
        if crossover:
            ax.axvline(crossover, color=INK, linestyle=":", lw=1)
    _log_axis(axes[0], "y", EngFormatter("s"))
    axes[0].set_ylabel("time of one batch; dashed: its floor")
    _legend(figure, axes, rows)
    batches = results.batches(rows)
    ends = {phase: f"{_least(rows, phase, batches[0])} … {_least(rows, phase, batches[-1])}" for phase in crossovers}
    found = [both([word(phase), word(f" {batch}")], NOTHING) for phase, batch in crossovers.items() if batch]
    return _page_figure(
        "time",
        figure,
        first=batches[0],
        last=batches[-1],
        ends=both(both([word(phase), word(times)], (": ", "：")) for phase, times in ends.items()),
        crossovers=say("figure.crossovers", found=both(found, (", ", "，"))) if found else NOTHING,
    )


def _main_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of configurations that were measured at many of their device's batches."""
    lines = {row: [other for other in rows if other.label == row.label] for row in rows}
    device = {row: [other for other in rows if other.device == row.device] for row in rows}
    return [row for row in rows if len(results.batches(lines[row])) >= MANY * len(results.batches(device[row]))]


def _draw_line(ax: Axes, rows: Sequence[Row], colour: str, marker: str) -> None:
    """Draw a configuration's times with a band, hollow marks for disturbed rows, and its floor dashed."""
    batches, disturbed = [row.batch for row in rows], np.array([bool(row.disturbed) for row in rows])
    times = [row.median for row in rows]
    ax.fill_between(batches, [row.p5 for row in rows], [row.p95 for row in rows], color=colour, alpha=0.25, lw=0)
    ax.plot(batches, times, marker, ls="-", color=colour, markevery=~disturbed, label=rows[0].label)
    ax.plot(batches, times, marker, ls="", color=colour, markevery=disturbed, markerfacecolor="none", markersize=7)
    floors = {row.batch: row.floor.seconds for row in rows if row.floor}
    ax.plot(list(floors), list(floors.values()), color=colour, ls="--", lw=1)


def _least(rows: Sequence[Row], phase: str, batch: int) -> str:
    """Say the shortest time of a phase at a batch."""
    times = [row.median for row in rows if (row.phase, row.batch) == (phase, batch)]
    return with_unit(min(times, default=None), "s")


def _ladder(rows: Sequence[Row]) -> PageFigure:
    """Draw samples per second at batch 64, or the nearest one, to show what each configuration gains."""
    batch = results.nearest_batch(rows)
    rows = [row for row in rows if row.batch == batch]
    labels, phases, looks = results.configurations(rows), _phases(rows), _looks(rows)
    figure, axes = _panels(phases, 4 + 2.8 * len(phases), 1.5 + 0.32 * len(labels), sharey=True, sharex=True)
    for ax, phase in zip(axes, phases, strict=True):
        mine = [row for row in rows if row.phase == phase]
        colours = [looks[row.label][0] for row in mine]
        look: Any = {"color": [_face(row, colour) for row, colour in zip(mine, colours, strict=True)]}
        places, rates = [labels.index(row.label) for row in mine], [row.samples_per_second for row in mine]
        bars = ax.barh(places, rates, 0.65, edgecolor=colours, **look)
        beside = [f"{with_unit(row.median, 's')} · {row.percent_of_floor}".strip("· ") for row in mine]
        ax.bar_label(bars, beside, padding=4, fontsize=9)
        ax.set_xlabel("samples/s")
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].invert_yaxis()
    low, high = (end(row.samples_per_second for row in rows) for end in (min, max))
    axes[0].set_xlim(low / 3, low / 3 * (3 * high / low) ** 1.75)  # room for the text beside the bars
    _log_axis(axes[0], "x", EngFormatter(sep=""))
    figure.supxlabel("beside each bar: median time · floor as a percentage of it", fontsize=9)
    best = {phase: results.fastest(row for row in rows if row.phase == phase) for phase in phases}
    said = {phase: f"{row.label}, {with_unit(row.median, 's')}" for phase, row in best.items()}
    fastest = both(both([word(phase), word(text)], (": ", "：")) for phase, text in said.items())
    return _page_figure("ladder", figure, batch=batch, fastest=fastest)


def _roofline(rows: Sequence[Row], ceiling: Ceiling) -> PageFigure:
    """Draw the rate of each layer that computes against its operations per byte, below the machine's limits."""
    rate = {row: row.useful_flop / row.median for row in rows}
    intensity = {row: row.useful_flop / row.bytes for row in rows}
    ridge = ceiling.rate / ceiling.bandwidth
    roof = f"{with_unit(ceiling.rate, 'FLOP/s')}, {with_unit(ceiling.bandwidth, 'B/s')}"
    figure, axes = _panels(DIRECTIONS, 10, 4.4, sharex=True, sharey=True)
    for ax, direction in zip(axes, DIRECTIONS, strict=True):
        ends = np.array([min(ridge, *intensity.values()) / 3, ridge, max(ridge, *intensity.values()) * 3])
        ax.plot(ends, np.minimum(ends * ceiling.bandwidth, ceiling.rate), color=GREY, lw=2, label=f"roof: {roof}")
        for row in (row for row in rows if row.phase == direction):
            colour, marker = IMPLEMENTATIONS[row.who]
            look: Any = {"color": colour, "markerfacecolor": _face(row, colour), "label": row.who}
            ax.plot(intensity[row], rate[row], marker, **look)
            if row.who == "torch":
                left = row.params["layer"] == "conv2"  # conv3 is at its right
                place, offset, side = (intensity[row], rate[row]), (-5 if left else 5, 7), "right" if left else "left"
                ax.annotate(row.params["layer"], place, offset, textcoords="offset points", ha=side, fontsize=9)
        ax.set_xlabel("FLOP per byte of ideal traffic (without operations on padding)")
        ax.grid(True)
    axes[0].margins(y=0.2)
    _log_axis(axes[0], "x", PLAIN)
    _log_axis(axes[0], "y", EngFormatter("FLOP/s"))
    _legend(figure, axes, rows, columns=4)
    shares = {row: rate[row] / min(ceiling.rate, intensity[row] * ceiling.bandwidth) for row in rows}
    best = {row.who: max(share for other, share in shares.items() if other.who == row.who) for row in rows}
    said = ", ".join(f"{who} {three_digits(100 * best[who])} %" for who in IMPLEMENTATIONS if who in best)
    where = results.processor(ceiling.device, ceiling.threads)
    return _page_figure("roofline", figure, where=where, roof=roof, shares=said)


def _ratios(name: str, labels: Mapping[Row, str], rows: Sequence[Row]) -> PageFigure:
    """Draw rows' multiples of another implementation's time as bars from 1, with intervals and goals."""
    ratios = {row: row.ratio for row in labels if row.ratio}
    aims = {place: aim[1] for place, row in enumerate(labels) if (aim := goal(row, rows))}
    middles, lows, highs = np.array([(each.median, each.low, each.high) for each in ratios.values()]).T
    colours = [PHASE_COLOURS.get(row.phase, BLUE) if name == "ratios" else PURPLE for row in labels]
    look: Any = {"color": [_face(row, colour) for row, colour in zip(labels, colours, strict=True)]}
    look |= {"error_kw": {"ecolor": INK, "elinewidth": 1, "capsize": 2}, "xerr": (middles - lows, highs - middles)}
    figure, (ax,) = _panels([""], 7.5, 1.2 + 0.26 * len(labels))
    ax.barh(range(len(labels)), middles - 1, 0.65, left=1, edgecolor=colours, **look)
    if aims:
        ax.scatter(list(aims.values()), list(aims), 150, RED, marker="|", lw=2, zorder=3, label="goal, at most")
    ax.axvline(1, color=INK, lw=1)
    _log_axis(ax, "x", PLAIN)
    ticks = [f"{label} · {three_digits(ratios[row].median)}×" for row, label in labels.items()]
    ax.set_yticks(range(len(labels)), ticks)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.set_xlabel(f"time / time of {next(iter(ratios.values())).to}, log scale")
    _legend(figure, [ax], list(labels))
    in_order = sorted(ratios, key=lambda row: ratios[row].median)
    ends = [f"{three_digits(ratios[row].median)} ({labels[row]})" for row in in_order[:: len(labels) - 1 or 1]]
    return _page_figure(name, figure, extremes=" … ".join(ends))


def _shares(rows: Sequence[Row]) -> PageFigure:
    """Draw each layer's share of the total time of all layers, which are measured one by one."""
    bars = {f"{phase}, {who}": (phase, who) for phase in DIRECTIONS for who in IMPLEMENTATIONS}
    times = {(row.params["layer"], row.phase, row.who): row.median for row in rows}
    layers = list(dict.fromkeys(layer for layer, *_ in times))
    table = np.array([[times.get((layer, *bar), 0.0) for bar in bars.values()] for layer in layers])
    shares = 100 * table / np.maximum(table.sum(axis=0), 1e-9)
    figure, (ax,) = _panels([""], 8, 2.9)
    for turn, (layer, share, left) in enumerate(zip(layers, shares, shares.cumsum(axis=0) - shares, strict=True)):
        boxes = ax.barh(list(bars), share, 0.7, left=left, color=LAYER_COLOURS[turn % 7], label=layer)
        ax.bar_label(boxes, [layer if part > NAMED else "" for part in share], label_type="center", fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("percentage of the time of all layers")
    _legend(figure, [ax], [], columns=len(layers))
    largest = [f"{name}: {layers[column.argmax()]}" for name, column in zip(bars, shares.T, strict=True) if any(column)]
    return _page_figure("shares", figure, largest="; ".join(largest))
