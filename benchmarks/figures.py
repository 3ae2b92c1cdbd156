"""The figures of a result: times against batch, the ladder, the roofline, ratios, rivals, shares of the time.

The text inside figures is in English; titles and descriptions are also in Chinese. In the network's figures rows on the
CPU have cold colours, rows on a GPU warm ones; disturbed rows are drawn hollow.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, NullLocator

from benchmarks import results
from benchmarks.configuration import PHASES
from benchmarks.counts import Ceiling
from benchmarks.goals import goal
from benchmarks.results import Result, Row, three_digits, with_unit
from benchmarks.spread import Spread
from benchmarks.words import NOTHING, Words, both, say, word
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
    settings: Any = STYLE  # Matplotlib declares a type for the keys
    with matplotlib.rc_context(settings):
        return list(_figures(result))


def _figures(result: Result) -> Iterator[PageFigure]:
    rows, network = results.rows_of(result), results.rows_of(result, "network")
    layers = [row for row in results.rows_of(result, "layer") if row.device == "cpu" and row.phase in DIRECTIONS]
    if len(results.batches(network)) > 1:
        yield _times(network)
    if network:
        yield _ladder(network)
    roofs = [found for found in results.ceilings(result) if (found.device, found.precision) == ("cpu", "ieee")]
    computing = [row for row in layers if row.useful_flop and row.bytes]
    for ceiling in [found for found in roofs if computing and found.threads == computing[0].threads]:
        yield _roofline(computing, ceiling)
    if against_torch := results.compared(rows, "torch"):
        bars = [(row, row.work[0], ratio, PHASE_COLOURS.get(row.phase, BLUE)) for row, ratio in against_torch]
        yield _ratios("ratios", bars, {row: found[1] for row in rows if (found := goal(row, rows))})
    if rivals := results.compared(rows, "reference"):
        bars = [(row, f"{row.work[0]}, {row.who}", ratio, PURPLE) for row, ratio in rivals]
        yield _ratios("rivals", bars, {})
    if layers:
        yield _shares(layers)


def _page_figure(name: str, figure: Figure, **values: Any) -> PageFigure:
    """Return a figure with its title and its description, in which these values stand."""
    id, texts = f"benchmarks-{name}", f"figure.{name}"
    return PageFigure(id, "benchmarks", *say(f"{texts}.title", **values), *say(texts, **values), to_svg(figure, id))


def _panels(count: int, width: float, height: float, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure, whose size is in inches, and its panels side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False, **options)[0])


def _log_axis(ax: Axes, name: str, low: float, high: float, formatter: Formatter) -> None:
    """Make the axis "x" or "y" logarithmic, with enough labels for numbers from low to high."""
    axis = ax.xaxis if name == "x" else ax.yaxis
    ax.set(**{f"{name}scale": "log"})
    steps = (1.0,) if high / low > 200 else (1.0, 2.0, 5.0) if high / low > 4 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(formatter)
    axis.set_minor_locator(NullLocator())


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


def _times(rows: Sequence[Row]) -> PageFigure:
    """Draw the median time of the main configurations against the batch, with the 5th and 95th percentiles."""
    crossovers = {phase: results.crossover(rows, phase, MARKED) for phase in PHASES}
    rows = _main_rows(rows)
    looks, phases = _looks(rows), _phases(rows)
    figure, axes = _panels(len(phases), 11 if len(phases) > 1 else 7, 5.4, sharey=True)
    for ax, phase in zip(axes, phases, strict=True):
        for label, (colour, marker) in looks.items():
            mine = [row for row in rows if (row.phase, row.label) == (phase, label)]
            _draw_line(ax, sorted(mine, key=lambda row: row.batch), label, colour, marker)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(PLAIN)
        ax.set_xlabel("batch")
        ax.grid(True)
        batch = crossovers[phase]
        ax.set_title(phase if batch is None else f"{phase}\nGPU faster from batch {batch}, {MARKED}")
        if batch is not None:
            ax.axvline(batch, color=INK, linestyle=":", lw=1)
    _log_axis(axes[0], "y", min(row.p5 for row in rows), max(row.p95 for row in rows), EngFormatter("s"))
    axes[0].set_ylabel("time of one batch; dashed: its floor")
    _legend(figure, axes, rows)
    found = [both([word(phase), word(f" {batch}")], NOTHING) for phase, batch in crossovers.items() if batch]
    batches = results.batches(rows)
    return _page_figure(
        "time",
        figure,
        first=batches[0],
        last=batches[-1],
        ends=both(_ends(rows, phase) for phase in phases),
        crossovers=say("figure.crossovers", found=both(found, (", ", "，"))) if found else NOTHING,
    )


def _main_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of configurations that were measured at many of their device's batches."""
    devices = {device: results.batches(row for row in rows if row.device == device) for device in COLOURS}
    lines = {
        label: results.batches(row for row in rows if row.label == label) for label in results.configurations(rows)
    }
    return [row for row in rows if len(lines[row.label]) >= MANY * len(devices[row.device])]


def _looks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each configuration."""
    looks = {}
    for device, colours in COLOURS.items():
        for turn, label in enumerate(results.configurations(row for row in rows if row.device == device)):
            looks[label] = colours[turn % len(colours)], MARKERS[turn % len(MARKERS)]
    return looks


def _draw_line(ax: Axes, rows: Sequence[Row], label: str, colour: str, marker: str) -> None:
    """Draw a configuration's times with a band, hollow marks for disturbed rows, and its floor dashed."""
    batches = [row.batch for row in rows]
    ax.fill_between(batches, [row.p5 for row in rows], [row.p95 for row in rows], color=colour, alpha=0.25, lw=0)
    ax.plot(batches, [row.median for row in rows], marker, ls="-", color=colour, markevery=_quiet(rows), label=label)
    for row in rows:
        if row.disturbed:
            ax.plot(row.batch, row.median, marker, color=colour, markerfacecolor="none", markersize=7)
    floors = [(row.batch, row.floor) for row in rows if row.floor]
    ax.plot([batch for batch, _ in floors], [floor for _, floor in floors], color=colour, linestyle="--", lw=1)


def _quiet(rows: Sequence[Row]) -> list[int]:
    return [place for place, row in enumerate(rows) if not row.disturbed]


def _ends(rows: Sequence[Row], phase: str) -> Words:
    """Say the shortest times at the smallest and at the largest batch."""
    mine = [row for row in rows if row.phase == phase]
    batches = results.batches(mine)
    ends = [results.fastest(row for row in mine if row.batch == batch) for batch in (batches[0], batches[-1])]
    return both([word(phase), word(" … ".join(with_unit(row.median, "s") for row in ends))], (": ", "："))


def _ladder(rows: Sequence[Row]) -> PageFigure:
    """Draw samples per second at batch 64, or the nearest one, to show what each configuration gains."""
    batch = results.nearest_batch(rows)
    rows = [row for row in rows if row.batch == batch]
    labels, phases = results.configurations(rows), _phases(rows)
    looks, rates = _looks(rows), [row.samples_per_second for row in rows]
    figure, axes = _panels(len(phases), 4 + 2.8 * len(phases), 1.5 + 0.32 * len(labels), sharey=True, sharex=True)
    for ax, phase in zip(axes, phases, strict=True):
        for row in (row for row in rows if row.phase == phase):
            colour = looks[row.label][0]
            rate, text = row.samples_per_second, f"{with_unit(row.median, 's')} · {row.percent_of_floor}".strip("· ")
            bar = ax.barh(labels.index(row.label), rate, 0.65, facecolor=_face(row, colour), edgecolor=colour)
            ax.bar_label(bar, [text], padding=4, fontsize=9)
        ax.set_title(phase)
        ax.set_xlabel("samples/s")
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].invert_yaxis()
    low, high = min(rates) / 3, max(rates)
    _log_axis(axes[0], "x", 1, 1000, EngFormatter(sep=""))  # few labels, for the panels are narrow
    axes[0].set_xlim(low, low * (high / low) ** 1.75)  # what is left of the width is for the text beside the bars
    figure.supxlabel("beside each bar: median time · floor as a percentage of it", fontsize=9)
    best = {phase: results.fastest(row for row in rows if row.phase == phase) for phase in phases}
    found = [
        both([word(phase), word(f"{row.label}, {with_unit(row.median, 's')}")], (": ", "："))
        for phase, row in best.items()
    ]
    return _page_figure("ladder", figure, batch=batch, fastest=both(found))


def _roofline(rows: Sequence[Row], ceiling: Ceiling) -> PageFigure:
    """Draw the rate of each layer that computes against its operations per byte, below the machine's limits."""
    ridge = ceiling.rate / ceiling.bandwidth
    left, right = (end([*map(_intensity, rows), ridge]) for end in (min, max))
    left, right = left / 3, right * 3
    lowest = min([*map(_rate, rows), left * ceiling.bandwidth])
    roof = f"{with_unit(ceiling.rate, 'FLOP/s')}, {with_unit(ceiling.bandwidth, 'B/s')}"
    figure, axes = _panels(2, 10, 4.4, sharex=True, sharey=True)
    for ax, direction in zip(axes, DIRECTIONS, strict=True):
        edge = [left * ceiling.bandwidth, ceiling.rate, ceiling.rate]
        ax.plot([left, ridge, right], edge, color=GREY, lw=2, label=f"roof: {roof}")
        for row in (row for row in rows if row.phase == direction):
            colour, marker = IMPLEMENTATIONS[row.who]
            look: Any = {"color": colour, "markerfacecolor": _face(row, colour), "label": row.who}
            ax.plot(_intensity(row), _rate(row), marker, **look)
            if row.who == "torch":
                place, offset = (_intensity(row), _rate(row)), (-5, 7) if row.params["layer"] == "conv2" else (5, 7)
                side = "right" if offset[0] < 0 else "left"
                ax.annotate(row.params["layer"], place, offset, textcoords="offset points", ha=side, fontsize=9)
        ax.set_title(direction)
        ax.set_xlabel("FLOP per byte of ideal traffic (without operations on padding)")
        ax.grid(True)
    _log_axis(axes[0], "x", left, right, PLAIN)
    _log_axis(axes[0], "y", lowest, ceiling.rate, EngFormatter("FLOP/s"))
    axes[0].set_ylim(lowest / 2.5, ceiling.rate * 2.5)
    _legend(figure, axes, rows, columns=4)
    best = {who: [_share_of_roof(row, ceiling) for row in rows if row.who == who] for who in IMPLEMENTATIONS}
    shares = ", ".join(f"{who} {three_digits(100 * max(found))} %" for who, found in best.items() if found)
    where = results.processor(ceiling.device, ceiling.threads)
    return _page_figure("roofline", figure, where=where, roof=roof, shares=shares)


def _intensity(row: Row) -> float:
    return row.useful_flop / row.bytes


def _rate(row: Row) -> float:
    return row.useful_flop / row.median


def _share_of_roof(row: Row, ceiling: Ceiling) -> float:
    return _rate(row) / min(ceiling.rate, _intensity(row) * ceiling.bandwidth)


def _ratios(name: str, bars: Sequence[tuple[Row, str, Spread, str]], goals: dict[Row, float]) -> PageFigure:
    """Draw rows' multiples of another implementation's time as bars from 1, with intervals and goals."""
    figure, (ax,) = _panels(1, 7.5, 1.2 + 0.26 * len(bars))
    for place, (row, _, ratio, colour) in enumerate(bars):
        ax.barh(place, ratio.median - 1, 0.65, left=1, facecolor=_face(row, colour), edgecolor=colour)
        ax.plot([ratio.low, ratio.high], [place] * 2, color=INK, lw=1, marker="|", markersize=5)
        if aim := goals.get(row):
            ax.plot([aim] * 2, [place - 0.42, place + 0.42], color=RED, lw=2, label="goal, at most")
    ax.axvline(1, color=INK, lw=1)
    ends = [value for *_, ratio, _ in bars for value in (ratio.low, ratio.high)] + [*goals.values(), 1]
    _log_axis(ax, "x", min(ends), max(ends), PLAIN)
    ax.set_yticks(range(len(bars)), [f"{label} · {three_digits(ratio.median)}×" for _, label, ratio, _ in bars])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.set_xlabel(f"time / time of {bars[0][2].to}, log scale")
    _legend(figure, [ax], [row for row, *_ in bars])
    sorted_bars = sorted(bars, key=lambda bar: bar[2].median)
    extremes = " … ".join(
        f"{three_digits(ratio.median)} ({label})" for _, label, ratio, _ in sorted_bars[:: len(bars) - 1 or 1]
    )
    return _page_figure(name, figure, extremes=extremes)


def _shares(rows: Sequence[Row]) -> PageFigure:
    """Draw each layer's share of the total time of all layers, which are measured one by one."""
    layers = list(dict.fromkeys(row.params["layer"] for row in rows))
    figure, (ax,) = _panels(1, 8, 2.9)
    bars = {f"{phase}, {who}": (phase, who) for phase in DIRECTIONS for who in IMPLEMENTATIONS}
    largest = []
    for place, (name, bar) in enumerate(bars.items()):
        mine = [row for row in rows if (row.phase, row.who) == bar]
        left, total = 0.0, sum(row.median for row in mine)
        for row in mine:
            turn, share = layers.index(row.params["layer"]), 100 * row.median / total
            box = ax.barh(place, share, 0.7, left=left, color=LAYER_COLOURS[turn % 7], label=row.params["layer"])
            ax.bar_label(box, [row.params["layer"] if share > NAMED else ""], label_type="center", fontsize=9)
            left += share
        if mine:
            largest.append(f"{name}: {max(mine, key=lambda row: row.median).params['layer']}")
    ax.set_yticks(range(len(bars)), list(bars))
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("percentage of the time of all layers")
    _legend(figure, [ax], [], columns=len(layers))
    return _page_figure("shares", figure, largest="; ".join(largest))
