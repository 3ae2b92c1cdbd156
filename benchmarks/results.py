"""The result of a run of the benchmarks, read from JSON and checked, and the numbers derived from it.

A result is what `pytest benchmarks --benchmark-only --benchmark-json FILE` writes: pytest-benchmark's mapping, to which
this project adds "environment", "ceilings" and each row's "extra_info" (see `result_schema.py`). Times are in seconds,
rates in FLOP or bytes per second.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from benchmarks.counts import Ceiling
from benchmarks.result_schema import QUESTIONS, check_result, name_of, question_of

Result = Mapping[str, Any]

PHASES_ZH = {"forward": "前向", "backward": "反向", "training step": "训练一步"}

GOALS = {"forward": 2.0, "backward": 3.0, "training step": 2.5, "resnet50": 3.0}
"""The multiple of torch's time that the references may take for a convolution, a training step and ResNet-50."""

NOISY = 1.5
"""A row whose 95th percentile is more than this many times its median is flagged as noisy.

Most rows stay well below it. With several threads, the system may make one of them wait for a core, and a round lasts
as long as its slowest thread.
"""


@dataclass(frozen=True)
class Ratio:
    """A row's time as a multiple of another implementation's, both measured alternately."""

    to: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Interval:
    """The seconds between which a median probably lies, the median if it is another one, and of how many processes."""

    low: float
    high: float
    median: float = math.nan
    number: int = 1


@dataclass(frozen=True, eq=False)
class Row:
    """One benchmark: what ran, and what was measured."""

    name: str
    question: str
    params: Mapping[str, Any]
    median: float
    p5: float
    p95: float
    batch: int
    threads: int
    device: str
    rounds: int | None = None
    flop: float | None = None
    """As torch's `FlopCounterMode` counts them."""
    useful_flop: float | None = None
    """Without operations on zero padding, which a kernel may skip."""
    bytes: float | None = None
    floor: float | None = None
    """The fewest seconds that a machine of this speed needs, if all bytes come from memory."""
    binds: str = ""
    """What determines the floor, "compute" or "memory"."""
    error: float | None = None
    others: float | None = None
    """None if the system does not report what other processes use; then `disturbed` is meaningless."""
    disturbed: bool = False
    ratio: Ratio | None = None
    event_seconds: float | None = None
    launch_seconds: float | None = None
    peak_bytes: float | None = None
    counted_flop: float | None = None
    counted_bytes: float | None = None
    interval: Interval | None = None
    """The 95 % interval of the median within one process."""
    cold: Interval | None = None
    processes: Interval | None = None
    """The median of several processes' medians, and its interval; if there are some, this one counts."""

    @property
    def spread(self) -> Interval:
        """What is known of the median: its interval among processes or rounds, or else from p5 to p95."""
        within = self.interval or Interval(self.p5, self.p95)
        return self.processes or replace(within, median=self.median)

    @property
    def phase(self) -> str:
        """One of `PHASES`, or "" if the question has none."""
        return str(self.params.get("phase", ""))

    @property
    def who(self) -> str:
        """Whose code ran."""
        return str(self.params["who"])

    @property
    def label(self) -> str:
        """The configuration in words, without phase and batch."""
        return label(self.params)

    @property
    def operations(self) -> float | None:
        """The operations, without those on zero padding if these are known."""
        return self.flop if self.useful_flop is None else self.useful_flop

    @property
    def samples_per_second(self) -> float:
        """Samples per second at the median time."""
        return self.batch / self.median

    @property
    def percent_of_floor(self) -> float | None:
        """The floor as a percentage of the median time (100 would be ideal); None if there is no floor."""
        return None if self.floor is None else 100 * self.floor / self.median


def checked(result: Any) -> Result:
    """Return the result unchanged; raise Unreadable, which names the place, if it is malformed."""
    check_result(result)
    found: Result = result
    return found


def rows_of(result: Result, question: str) -> list[Row]:
    """Return the rows of a `checked` result that answer this question, in order."""
    return [_row(row) for row in result["benchmarks"] if question_of(row) == question]


def network_rows(result: Result) -> list[Row]:
    """Return the rows of the ladder: the document's network in each configuration."""
    return rows_of(result, "network")


def all_rows(result: Result) -> list[Row]:
    """Return the rows of all questions, question by question."""
    return [row for question in QUESTIONS for row in rows_of(result, question)]


def other_rows(result: Result) -> list[str]:
    """Return the names of the rows that answer none of the `QUESTIONS`."""
    return [name_of(row) for row in result["benchmarks"] if question_of(row) not in QUESTIONS]


def ceilings(result: Result) -> list[Ceiling]:
    """Return what each device reached in the run."""
    names = [field.name for field in fields(Ceiling)]
    return [Ceiling(**{name: found[name] for name in names if name in found}) for found in result["ceilings"]]


def label(params: Mapping[str, Any]) -> str:
    """Describe in a few words what ran, without phase and batch.

    >>> label({"who": "torch", "device": "cpu", "threads": 1, "layout": "contiguous", "precision": "ieee",
    ...        "mode": "eager", "data": "resident"})
    'cpu, 1 thread, contiguous, ieee, eager'
    >>> label({"who": "torch", "device": "cuda", "threads": 0, "layout": "channels_last", "precision": "bf16",
    ...        "mode": "graph", "data": "copied"})
    'cuda, channels_last, bf16, graph, copied'
    >>> label({"who": "reference", "device": "cpu", "threads": 2, "layout": "contiguous", "precision": "ieee",
    ...        "mode": "eager", "data": "resident"})
    'cpu, 2 threads, reference'
    """
    how = [params["layout"], params["precision"], params["mode"], *["copied"] * (params["data"] == "copied")]
    return ", ".join([processor(params), *(how if params["who"] == "torch" else [params["who"]])])


def processor(params: Mapping[str, Any]) -> str:
    """Describe the processor that computed.

    >>> processor({"device": "cpu", "threads": 2}), processor({"device": "cuda", "threads": 0})
    ('cpu, 2 threads', 'cuda')
    """
    threads = {0: "", 1: ", 1 thread"}.get(params["threads"], f", {params['threads']} threads")
    return f"{params['device']}{threads}"


def work(row: Row) -> str:
    """Describe in a few words what a row of a comparison computes."""
    if row.question == "layer":
        return f"{row.params['layer']} {row.phase}"
    if row.question == "network":
        return f"network {row.phase}, batch {row.batch}"
    return {"rivals": str(row.params.get("work")), "resnet50": f"ResNet-50 forward, batch {row.batch}"}[row.question]


def configurations(rows: Iterable[Row]) -> list[str]:
    """Return the distinct labels of the rows, in order."""
    return list(dict.fromkeys(row.label for row in rows))


def batches(rows: Iterable[Row]) -> list[int]:
    """Return the distinct batches of the rows, in increasing order."""
    return sorted({row.batch for row in rows})


def nearest_batch(rows: Iterable[Row], wanted: int = 64) -> int:
    """Return the batch that is the fewest doublings away from the wanted one; if two are, the smaller.

    Raises ValueError if there are no rows.
    """
    return min(batches(rows), key=lambda batch: (abs(math.log2(batch / wanted)), batch))


def chosen(rows: Iterable[Row], phase: str, batch: int, device: str = "") -> list[Row]:
    """Return the rows of this phase and batch, and of this device if one is given."""
    return [row for row in rows if row.phase == phase and row.batch == batch and device in ("", row.device)]


def fastest(rows: Iterable[Row]) -> Row | None:
    """Return the first row with the smallest median time, or None if there are no rows."""
    return min(rows, key=lambda row: row.median, default=None)


def best_cpu(rows: Iterable[Row], phase: str, batch: int) -> Row | None:
    """Return the fastest row on the CPU in any configuration, or None."""
    return fastest(chosen(rows, phase, batch, "cpu"))


def speed_up(row: Row, rows: Iterable[Row]) -> float | None:
    """Return a row's speed as a multiple of that of the best CPU configuration for its phase and batch."""
    best = best_cpu(rows, row.phase, row.batch)
    return None if best is None else best.median / row.median


def on_gpu(rows: Iterable[Row], phase: str, precision: str) -> list[Row]:
    """Return the rows of this phase that ran on the GPU in this precision."""
    return [row for row in rows if (row.device, row.phase, row.params["precision"]) == ("cuda", phase, precision)]


def on_both(rows: Sequence[Row], phase: str, precision: str) -> list[int]:
    """Return the batches, in increasing order, that ran on the GPU in this precision and on the CPU in any."""
    cpu = (row for row in rows if row.device == "cpu" and row.phase == phase)
    return sorted(set(batches(cpu)) & set(batches(on_gpu(rows, phase, precision))))


def crossover(rows: Sequence[Row], phase: str, precision: str) -> int | None:
    """Return the smallest batch from which the GPU beats the CPU's best configuration at every batch.

    The GPU computes in this precision, the CPU in any. Only batches that ran on both count. None if the GPU is not
    faster at the largest of them, or if there are none.
    """
    gpu, found = on_gpu(rows, phase, precision), None
    for batch in reversed(on_both(rows, phase, precision)):
        times = (speed_up(row, rows) for row in gpu if row.batch == batch)
        if not any(time is not None and time > 1 for time in times):
            break
        found = batch
    return found


def suspicious(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are faster than their floor."""
    return [row for row in rows if row.floor is not None and row.median < row.floor]


def disturbed(rows: Iterable[Row]) -> list[Row]:
    """Return the rows during which other processes used the machine."""
    return [row for row in rows if row.disturbed]


def unwatched(rows: Iterable[Row]) -> list[Row]:
    """Return the rows for which the system did not report what other processes used."""
    return [row for row in rows if row.others is None]


def noisy(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in which many rounds took much longer than the median."""
    return [row for row in rows if row.p95 > NOISY * row.median]


def goal(row: Row) -> float | None:
    """Return the multiple of torch's time that the row may take, or None if it has no goal."""
    if row.who != "reference" or row.ratio is None or row.ratio.to != "torch":
        return None
    if row.question == "layer":
        return GOALS[row.phase] if row.params["layer"].startswith("conv") else None
    if row.question == "network":
        return GOALS[row.phase] if row.phase == "training step" else None
    return GOALS.get(row.question)


def against_torch(rows: Iterable[Row]) -> list[Row]:
    """Return the references' rows that were measured alternately with torch's."""
    return [row for row in rows if row.who == "reference" and row.ratio is not None and row.ratio.to == "torch"]


def rivalry(rows: Sequence[Row]) -> list[tuple[Row, Ratio]]:
    """Return the other implementations' rows, each with its time as a multiple of the reference's for the same work.

    This is the ratio measured alternately, or else the ratio of the medians, without a spread. Rows without a
    corresponding row of the reference are left out.
    """
    found = ((row, _to_reference(row, rows)) for row in rows if row.who != "reference")
    return [(row, ratio) for row, ratio in found if ratio is not None]


def _to_reference(row: Row, rows: Iterable[Row]) -> Ratio | None:
    if row.ratio is not None and row.ratio.to == "reference":
        return row.ratio
    same = fastest(other for other in rows if other.who == "reference" and work(other) == work(row))
    if same is None:
        return None
    if same.ratio is not None and same.ratio.to == row.who:
        return Ratio("reference", 1 / same.ratio.median, 1 / same.ratio.high, 1 / same.ratio.low)
    quotient = row.median / same.median
    return Ratio("reference", quotient, quotient, quotient)


def three_digits(value: float) -> str:
    """Format a number with three digits.

    >>> [three_digits(value) for value in (0.0123456, 1.5, 99.96, 12345, 0)]
    ['0.0123', '1.50', '100', '12,300', '0']
    """
    rounded = float(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(decimals, 0)}f}"


def percent(row: Row) -> str:
    """Format the floor as a percentage of the median time, or return an empty string if there is none."""
    return "" if row.percent_of_floor is None else f"{three_digits(row.percent_of_floor)} %"


def with_unit(value: float, unit: str) -> str:
    """Format a quantity with three digits and a suitable prefix for its unit.

    >>> with_unit(1.2345e-3, "s"), with_unit(0.9999e-3, "s"), with_unit(8.9e-5, "s"), with_unit(2.2e10, "B/s")
    ('1.23 ms', '1.00 ms', '89.0 µs', '22.0 GB/s')
    """
    prefixes = {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P"}
    rounded = float(f"{value:.2e}")
    thousands = min(max(math.floor(math.log10(rounded) / 3), -3), 5) if rounded > 0 else 0
    return f"{three_digits(rounded / 1000.0**thousands)} {prefixes[thousands]}{unit}"


def _row(row: Mapping[str, Any]) -> Row:
    extra, stats = row["extra_info"], row["stats"]
    floor, ratio = extra.get("floor") or {}, extra.get("ratio")
    among = (extra.get("processes") or {}).get("ratio")
    ratio = {**ratio, **(among or {})} if ratio else None
    return Row(
        **{name: stats[name] for name in ("median", "p5", "p95")},
        **{name: extra[name] for name in ("question", "batch", "threads", "device")},
        **{name: extra.get(name) for name in ("flop", "useful_flop", "bytes", "error", "others")},
        **{name: extra.get(name) for name in ("event_seconds", "launch_seconds", "peak_bytes")},
        **{name: extra.get(name) for name in ("counted_flop", "counted_bytes")},
        interval=_interval(extra.get("interval")),
        cold=_interval(extra.get("cold")),
        processes=_interval(extra.get("processes")),
        name=name_of(row),
        params=row["params"],
        rounds=stats.get("rounds"),
        floor=floor.get("seconds"),
        binds=floor.get("binds", ""),
        disturbed=bool(extra.get("disturbed")),
        ratio=Ratio(*(ratio[name] for name in ("to", "median", "low", "high"))) if ratio else None,
    )


def _interval(data: Mapping[str, Any] | None) -> Interval | None:
    names = ("low", "high", "median", "number")
    return Interval(**{name: data[name] for name in names if name in data}) if data else None
