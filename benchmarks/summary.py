"""The sentences and tables for a result of the benchmarks, each in English and in Chinese."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

from benchmarks import results
from benchmarks.configuration import PHASES, QUESTIONS, VALUES
from benchmarks.results import Result, Row, goal, three_digits, with_unit
from benchmarks.spread import Spread
from benchmarks.table import NOTHING, Columns, Words, as_lines, say, table, word
from spec_tests.report.benchmark_part import Table

NOISY = 1.5
"""A row whose 95th percentile is more than this many times its median is flagged as noisy."""


def title(result: Result) -> Words:
    """Return the machine's name, with what its processor can do, and whether something kept it from that."""
    environment = result["environment"]
    cores, gpu = environment["cores"], environment.get("device")
    return say(
        "title",
        cpu=environment["cpu"],
        cores=(f"{cores} {'core' if cores == 1 else 'cores'}", f"{cores} 核"),
        isa=environment["flags"].get("cpu capability", environment.get("machine", "")),
        gpu=say("title.gpu", gpu=gpu) if gpu else NOTHING,
        restricted=say("title.restricted") if environment.get("restricted") else NOTHING,
    )


def sentences(result: Result) -> list[Words]:
    """Return what the run was, what it found, and what calls for caution."""
    rows = results.rows_of(result)
    return [*_surroundings(result["environment"], rows), *_found(rows), *_cautions(result, rows)]


def _surroundings(environment: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[Words]:
    """Say where the run took place and how to read its tables."""
    driver, restricted = environment.get("driver"), environment.get("restricted")
    yield say(
        "say.where",
        date=environment["date"],
        commit=environment.get("commit") or word("unknown"),
        modified=say("say.modified") if environment.get("modified") else NOTHING,
        driver=say("say.driver", driver=driver) if driver else NOTHING,
    )
    yield say(
        "say.software",
        versions=", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        blas=environment.get("blas") or word("unknown"),
        kernels=", ".join(environment.get("kernels", [])) or word("unknown"),
        flags=", ".join(f"{name} = {_plain(value)}" for name, value in environment["flags"].items()),
    )
    if restricted:
        yield say("say.restricted", variables=", ".join(f"{name}={value}" for name, value in restricted.items()))
    turbo = {True: "on", False: "off", None: "unknown"}[environment.get("turbo")]
    yield say("say.machine", quota=f"{environment.get('quota') or environment['cores']:g}", turbo=word(turbo))
    yield say("say.reading", rounds=min(row.rounds for row in rows))
    if not any(row.device == "cuda" for row in rows):
        yield say("say.no_gpu")


def _plain(value: Any) -> str:
    """Format a flag for people."""
    return ("on" if value else "off") if isinstance(value, bool) else "none" if value is None else str(value)


def _found(rows: Sequence[Row]) -> Iterator[Words]:
    """Say for each goal whether it is met, judged by the slowest of its rows, and how other implementations fare."""
    slowest: dict[tuple[str, float], tuple[float, Row]] = {}
    for row, ratio in results.compared(rows, "torch"):
        if (aim := goal(row, rows)) and ratio.median > slowest.get(aim, (0.0, row))[0]:
            slowest[aim] = ratio.median, row
    for (kind, allowed), (most, row) in slowest.items():
        path = "say.goal_met" if most <= allowed else "say.goal_missed"
        yield say(path, kind=word(kind), goal=f"{allowed:g}", most=three_digits(most), work=row.work)
    if rivals := results.compared(rows, "reference"):
        yield say("say.rivals", slower=sum(ratio.median > 1 for _, ratio in rivals), all=len(rivals))


def _cautions(result: Result, rows: Sequence[Row]) -> Iterator[Words]:
    """Say how many rows call for caution, and why, and what the result has no rows for."""
    noisy = [row for row in rows if row.p95 > NOISY * row.median]
    several = sum(row.threads > 1 for row in noisy)
    counts = {
        "disturbed": sum(bool(row.disturbed) for row in rows),
        "unwatched": sum(row.others is None for row in rows),
        "noisy": len(noisy),
        "suspicious": sum(row.too_fast for row in rows),
        "others": len(result["benchmarks"]) - len(rows),
    }
    for name, count in counts.items():
        if count:
            yield say(f"say.{name}", count=count, all=len(rows), several=several, noisy=f"{NOISY:g}")
    for question in QUESTIONS:
        if not any(row.question == question for row in rows):
            yield say("say.missing", question=say(f"question.{question}"))


def tables(result: Result) -> list[Table]:
    """Return the tables for which the result has rows."""
    rows, network = results.rows_of(result), results.rows_of(result, "network")
    found = [
        *(_network_table([row for row in network if row.phase == phase], phase) for phase in PHASES),
        table("From which batch the GPU's best configuration is faster than the CPU's", CROSSING, _crossovers(network)),
        table("Single layers", LAYER, results.rows_of(result, "layer")),
        table("ResNet-50", LAYER, results.rows_of(result, "resnet50")),
        _ratio_table(rows),
        table("Other implementations", RIVAL, results.rows_of(result, "rivals")),
        table("Ceilings, measured in the same run", CEILING, results.ceilings(result)),
        table("Disturbed rows", DISTURBED, [row for row in rows if row.disturbed]),
        table("Rows faster than their floor", TOO_FAST, [row for row in rows if row.too_fast]),
    ]
    return [each for each in found if each.rows]


def lines(result: Result) -> list[str]:
    """Return the tables and then the sentences of a result in English, for the terminal."""
    shown = [line for found in tables(result) for line in (*as_lines(found), "")]
    return [*shown, *(sentence for sentence, _ in sentences(result))]


def _amount(name: str, unit: str) -> Callable[[Any], str]:
    """Return a column's cells: an attribute with its unit."""
    return lambda entry: with_unit(getattr(entry, name), unit)


def _beside(counted: float | None, modelled: float | None, unit: str) -> str:
    """Format what was counted, and how many times what was modelled that is."""
    times = f" ({three_digits((counted or 0) / modelled)}×)" if modelled else ""
    return with_unit(counted, unit) + times if counted else ""


def _interval(row: Row) -> str:
    among = f" ({row.interval.processes})" if row.interval.processes > 1 else ""
    return f"{with_unit(row.interval.low, 's')} – {with_unit(row.interval.high, 's')}{among}"


def _quartiles(ratio: Spread | None) -> str:
    return f"{three_digits(ratio.low)} – {three_digits(ratio.high)}" if ratio else ""


def _marked(row: Row, text: Words) -> Words:
    """Add the marks of a row that calls for caution."""
    marks = " †" * bool(row.disturbed) + " ‡" * row.too_fast
    return text[0] + marks, text[1] + marks


TIMES: Columns = {
    "median": _amount("median", "s"),
    "95 % interval (processes)": _interval,
    "cold": lambda row: with_unit(row.cold.median, "s") if row.cold else "",
}
MEASURED: Columns = {
    "floor / median": lambda row: row.percent_of_floor,
    "bound by": lambda row: row.floor.binds if row.floor else "",
    "error": lambda row: "" if row.error is None else f"{row.error:.1e}",
    "FLOP counted": lambda row: _beside(row.counted_flop, row.flop, "FLOP"),
    "bytes counted": lambda row: _beside(row.counted_bytes, row.bytes, "B"),
    "time on GPU": _amount("event_seconds", "s"),
    "launch time": _amount("launch_seconds", "s"),
    "peak memory": _amount("peak_bytes", "B"),
}
WORK: Columns = {
    "work": lambda row: _marked(row, row.work),
    "by": lambda row: f"{row.who}, cuda" if row.device == "cuda" else row.who,
}
LAYER: Columns = {**WORK, **TIMES, **MEASURED}
RIVAL: Columns = {
    **WORK,
    **TIMES,
    "time / reference": lambda row: three_digits(row.ratio.median) if row.ratio else "",
    "quartiles (95 % among processes)": lambda row: _quartiles(row.ratio),
    **MEASURED,
}
CROSSING: Columns = {name: itemgetter(name) for name in ("phase", "data", "precision", "batch")}
CEILING: Columns = {
    "device": lambda ceiling: results.processor(ceiling.device, ceiling.threads),
    "precision": lambda ceiling: ceiling.precision,
    "matrix product": _amount("matmul", "FLOP/s"),
    "convolution": _amount("convolution", "FLOP/s"),
    "read + write, out of cache": _amount("bandwidth", "B/s"),
}
DISTURBED: Columns = {
    "row": lambda row: row.name,
    "CPU share of other processes": lambda row: "" if row.others is None else f"{100 * row.others:.0f} %",
}
TOO_FAST: Columns = {
    "row": lambda row: row.name,
    "median": _amount("median", "s"),
    "floor": lambda row: with_unit(row.floor.seconds, "s"),
    "floor / median": lambda row: row.percent_of_floor,
}
SCALING: Columns = {
    "scaling": lambda row: row.scaling,
    "processes": lambda row: str(row.processes),
    "batch of each": lambda row: str(row.batch_of_a_process),
    "median": _amount("median", "s"),
    "p5–p95": lambda row: f"{with_unit(row.p5, 's')} – {with_unit(row.p95, 's')}",
    "samples/s": lambda row: three_digits(row.samples_per_second),
    "efficiency": lambda row: "" if row.efficiency is None else f"{100 * row.efficiency:.1f} %",
}


def scaling_table(result: Mapping[str, Any]) -> Table:
    """Return the steps of `benchmarks.data_parallel`, whose result this is."""
    on = result["environment"].get("device") or result["environment"]["cpu"]
    backend = result["backend"] or word("one process")
    return table(
        say("say.scaling", on=on, backend=backend), SCALING, [SimpleNamespace(**row) for row in result["rows"]]
    )


def _network_table(rows: Sequence[Row], phase: str) -> Table:
    """Return the times of a phase by batch."""

    def speed_up(row: Row) -> str:
        times = results.speed_up(row, rows)
        return "" if times is None else f"{three_digits(times)}×"

    columns: Columns = {
        "configuration": lambda row: _marked(row, word(row.label)),
        "batch": lambda row: str(row.batch),
        **TIMES,
        "rounds": lambda row: str(row.rounds),
        "samples/s": lambda row: three_digits(row.samples_per_second),
        "speed-up": speed_up,
        **MEASURED,
    }
    return table(f"The network, {phase}", columns, sorted(rows, key=lambda row: row.batch))


def _ratio_table(rows: Sequence[Row]) -> Table:
    """Return NumPy's times as multiples of torch's, and whether they meet the goals."""
    aims = {row: aim for row in rows if (aim := goal(row, rows))}
    columns: Columns = {
        "work": lambda row: _marked(row, row.work),
        "NumPy / torch": lambda row: three_digits(row.ratio.median),
        "quartiles (95 % among processes)": lambda row: _quartiles(row.ratio),
        "goal": lambda row: f"≤ {aims[row][1]:g}" if row in aims else "",
        "met": lambda row: ("yes" if row.ratio.median <= aims[row][1] else "no") if row in aims else "",
    }
    compared = [row for row, _ in results.compared(rows, "torch")]
    return table("NumPy compared with torch, measured alternately", columns, compared)


def _crossovers(rows: Sequence[Row]) -> Iterator[dict[str, str | Words]]:
    """Say from which batch the GPU is faster, by data, phase and precision."""
    for data, phase, precision in product(VALUES["data"], PHASES, VALUES["precision"]):
        mine = [row for row in rows if row.device == "cpu" or data in ("resident", row.params["data"])]
        if both := results.on_both(mine, phase, precision):
            batch = results.crossover(mine, phase, precision)
            found = str(batch) if batch else say("say.at_most", batch=both[-1])
            yield {"phase": phase, "data": data, "precision": precision, "batch": found}
