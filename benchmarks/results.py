"""The result of a run of the benchmarks, read from JSON and checked, and the numbers derived from it.

A result is what `pytest benchmarks --benchmark-only --benchmark-json FILE` writes: pytest-benchmark's mapping, to which
this project adds "environment", "ceilings" and each row's "extra_info"; `result.schema.json` describes it. Times are in
seconds, rates in FLOP or bytes per second.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.configuration import QUESTIONS
from benchmarks.counts import Ceiling
from benchmarks.spread import Spread
from benchmarks.words import Words, say, word
from spec_tests.report.json_files import check_form, check_value, load, naming

Result = Mapping[str, Any]

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("result.schema.json").read_text(encoding="utf-8"))
ROW, SCALING = ({**SCHEMA["$defs"][name], "$defs": SCHEMA["$defs"]} for name in ("row", "scaling"))

NOISY = 1.5
"""A row whose 95th percentile is more than this many times its median is flagged as noisy."""


@dataclass(frozen=True, eq=False)
class Row:
    """One benchmark: what ran, and what was measured."""

    name: str
    question: str
    params: Mapping[str, Any]
    batch: int
    threads: int
    device: str
    p5: float
    p95: float
    rounds: int
    interval: Spread
    """The median and its 95 % interval, among processes if there were several."""
    cold: Spread | None = None
    ratio: Spread | None = None
    """The time as a multiple of another implementation's, both measured alternately."""
    flop: float = 0.0
    """As torch's `FlopCounterMode` counts them."""
    useful_flop: float = 0.0
    """Without operations on zero padding, which a kernel may skip."""
    bytes: float = 0.0
    floor: float | None = None
    """The fewest seconds that a machine of this speed needs."""
    binds: str = ""
    """What determines the floor, "compute" or "memory"."""
    error: float | None = None
    others: float | None = None
    """None if the system does not report what other processes use; then `disturbed` is meaningless."""
    disturbed: bool | None = False
    event_seconds: float | None = None
    launch_seconds: float | None = None
    peak_bytes: float | None = None
    counted_flop: float | None = None
    counted_bytes: float | None = None

    @property
    def median(self) -> float:
        """The median time."""
        return self.interval.median

    @property
    def phase(self) -> str:
        """One of `PHASES`, or another word of its question, or "" if the question has none."""
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
    def work(self) -> Words:
        """What was computed."""
        return say(f"work.{self.question}", **{**self.params, "phase": word(self.phase), "batch": self.batch})

    @property
    def samples_per_second(self) -> float:
        """Samples per second at the median time."""
        return self.batch / self.median

    @property
    def percent_of_floor(self) -> str:
        """The floor as a percentage of the median time (100 would be ideal), or "" if there is no floor."""
        return "" if self.floor is None else f"{three_digits(100 * self.floor / self.median)} %"

    @property
    def too_fast(self) -> bool:
        """Whether it is faster than its floor."""
        return self.floor is not None and self.median < self.floor


def read(file: Path) -> Result:
    """Return the result in a file; raise Unreadable, which names the file and the place, if it is none."""
    with naming(file, "a result of `pytest benchmarks --benchmark-only`"):
        return checked(load(file))


def checked(result: Any) -> Result:
    """Return the result unchanged; raise Unreadable, which names the place, if it is malformed."""
    check_value(result)
    check_form(result, SCHEMA)
    for index, row in enumerate(result["benchmarks"]):
        if _question(row) in QUESTIONS:
            place = f"$.benchmarks[{index}] ({row.get('name', 'a row without a name')})"
            check_form(row, ROW, place)
            check_form(row["params"], {"required": QUESTIONS[_question(row)]}, f"{place}.params")
    found: Result = result
    return found


def _question(row: Mapping[str, Any]) -> Any:
    """Return the question that a row answers, or None if it does not say."""
    extra = row.get("extra_info")
    return extra.get("question") if isinstance(extra, dict) else None


def rows_of(result: Result, *questions: str) -> list[Row]:
    """Return the rows of a `checked` result that answer these questions, or any, question by question."""
    asked = questions or QUESTIONS
    return [_row(row) for question in asked for row in result["benchmarks"] if _question(row) == question]


def _row(row: Mapping[str, Any]) -> Row:
    """Return a row; a result of an older version has no interval, so that p5 and p95 stand for it."""
    stats, extra = row["stats"], row["extra_info"]
    known: dict[str, Any] = {name: row[name] for name in ("name", "params")}
    known["interval"] = {**stats, "low": stats["p5"], "high": stats["p95"]}
    known |= {name: value for name, value in {**stats, **extra}.items() if value is not None}
    if floor := known.pop("floor", None):
        known |= {"floor": floor["seconds"], "binds": floor["binds"]}
    for name in ("interval", "cold", "ratio"):
        known[name] = Spread.from_data(known[name]) if name in known else None
    return Row(**{field.name: known[field.name] for field in fields(Row) if field.name in known})


def ceilings(result: Result) -> list[Ceiling]:
    """Return what each device reached in the run."""
    names = [field.name for field in fields(Ceiling)]
    return [Ceiling(**{name: found[name] for name in names if name in found}) for found in result["ceilings"]]


def label(params: Mapping[str, Any]) -> str:
    """Describe in a few words what ran, without phase and batch.

    >>> shared = {"layout": "contiguous", "precision": "ieee", "mode": "eager", "data": "copied"}
    >>> label({"who": "torch", "device": "cuda", "threads": 0, **shared})
    'cuda, contiguous, ieee, eager, copied'
    >>> label({"who": "reference", "device": "cpu", "threads": 2, **shared})
    'cpu, 2 threads, reference'
    """
    how = [params["layout"], params["precision"], params["mode"], *["copied"] * (params["data"] == "copied")]
    where = processor(params["device"], params["threads"])
    return ", ".join([where, *(how if params["who"] == "torch" else [params["who"]])])


def processor(device: str, threads: int) -> str:
    """Describe the processor that computed.

    >>> processor("cpu", 2), processor("cuda", 0)
    ('cpu, 2 threads', 'cuda')
    """
    return {0: device, 1: f"{device}, 1 thread"}.get(threads, f"{device}, {threads} threads")


def configurations(rows: Iterable[Row]) -> list[str]:
    """Return the distinct labels of the rows, in order."""
    return list(dict.fromkeys(row.label for row in rows))


def batches(rows: Iterable[Row]) -> list[int]:
    """Return the distinct batches of the rows, in increasing order."""
    return sorted({row.batch for row in rows})


def nearest_batch(rows: Iterable[Row], wanted: int = 64) -> int:
    """Return the batch that is the fewest doublings away from the wanted one; if two are, the smaller."""
    return min(batches(rows), key=lambda batch: (abs(math.log2(batch / wanted)), batch))


def fastest(rows: Iterable[Row]) -> Row:
    """Return the first row with the smallest median time."""
    return min(rows, key=lambda row: row.median)


def speed_up(row: Row, rows: Iterable[Row]) -> float | None:
    """Return a row's speed as a multiple of that of the CPU's best configuration for its phase and batch."""
    same = [other for other in rows if (other.device, other.phase, other.batch) == ("cpu", row.phase, row.batch)]
    return fastest(same).median / row.median if same else None


def on_both(rows: Sequence[Row], phase: str, precision: str) -> list[int]:
    """Return the batches, in increasing order, that ran on the GPU in this precision and on the CPU in any."""
    mine = [row for row in rows if row.phase == phase]
    gpu = (row for row in mine if row.device == "cuda" and row.params["precision"] == precision)
    return sorted(set(batches(gpu)) & set(batches(row for row in mine if row.device == "cpu")))


def crossover(rows: Sequence[Row], phase: str, precision: str) -> int | None:
    """Return the smallest batch from which the GPU beats the CPU's best configuration at every batch.

    The GPU computes in this precision, the CPU in any. Only batches that ran on both count. None if the GPU is not
    faster at the largest of them, or if there are none.
    """
    gpu = [row for row in rows if (row.device, row.phase, row.params["precision"]) == ("cuda", phase, precision)]
    found = None
    for batch in reversed(on_both(rows, phase, precision)):
        if not any((speed_up(row, rows) or 0) > 1 for row in gpu if row.batch == batch):
            break
        found = batch
    return found


def compared(rows: Iterable[Row], to: str) -> list[tuple[Row, Spread]]:
    """Return the rows that were measured alternately with "torch" or with the "reference", each with its ratio."""
    return [(row, row.ratio) for row in rows if row.ratio is not None and row.ratio.to == to]


def three_digits(value: float) -> str:
    """Format a number with three digits.

    >>> [three_digits(value) for value in (0.0123456, 1.5, 99.96, 12345, 0)]
    ['0.0123', '1.50', '100', '12,300', '0']
    """
    rounded = float(f"{value:.2e}")
    decimals = 2 - math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:,.{max(decimals, 0)}f}"


def with_unit(value: float | None, unit: str) -> str:
    """Format a quantity with three digits and a suitable prefix for its unit, or nothing if there is none.

    >>> with_unit(1.2345e-3, "s"), with_unit(0.9999e-3, "s"), with_unit(8.9e-5, "s"), with_unit(2.2e10, "B/s")
    ('1.23 ms', '1.00 ms', '89.0 µs', '22.0 GB/s')
    """
    if value is None:
        return ""
    rounded = float(f"{value:.2e}")
    thousands = min(max(math.floor(math.log10(rounded) / 3), -3), 5) if rounded > 0 else 0
    return f"{three_digits(rounded / 1000.0**thousands)} {'nµm kMGTP'[thousands + 3].strip()}{unit}"
