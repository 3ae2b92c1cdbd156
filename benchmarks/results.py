"""The result of a run of the benchmarks, read from JSON and checked, and the numbers derived from it.

A result is what `pytest benchmarks --benchmark-only --benchmark-json FILE` writes: pytest-benchmark's mapping, to which
this project adds "environment", "ceilings" and each row's "extra_info"; `result.schema.json` describes it. Times are in
seconds, rates in FLOP or bytes per second.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from benchmarks.configuration import QUESTIONS
from benchmarks.counts import Ceiling, Floor
from benchmarks.spread import Spread, from_data
from benchmarks.table import Words, say, word
from spec_tests.report.json_files import check_form, check_value, load, naming

Result = Mapping[str, Any]

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("result.schema.json").read_text(encoding="utf-8"))
ROW, SCALING = ({**SCHEMA["$defs"][name], "$defs": SCHEMA["$defs"]} for name in ("row", "scaling"))
KNOWN = {name for part in ("stats", "extra_info") for name in ROW["properties"][part]["properties"]}

CONVOLUTION = 1.3
NEAR_THE_PEAK, BESIDE_THE_PEAK = 0.9, 1.6
"""If torch's convolution reaches this share of the chip's limit, so many times its time will do."""

GOALS = {
    ("layer", "conv", "backward"): ("a convolution's backward pass", 2.0),
    ("layer", "p", "both passes"): ("both passes of a pooling", 1.5),
    ("network", "", "training step"): ("a training step of the network", 1.8),
    ("resnet50", "", ""): ("ResNet-50", 1.2),
}
"""By question, kind of layer and phase: what the goal is about, and how many times torch's time it allows."""


@dataclass(frozen=True, eq=False)
class Row:
    """One benchmark: what ran, and what was measured.

    Everything else that `result.schema.json` names in a row's statistics and in its "extra_info" is an attribute, too:
    None if it is not known.
    """

    name: str
    params: Mapping[str, Any]
    known: Mapping[str, Any]
    interval: Spread
    """The median time and its 95 % interval, among processes if there were several."""
    cold: Spread | None
    ratio: Spread | None
    """The time as a multiple of another implementation's, both measured alternately."""
    floor: Floor | None

    def __getattr__(self, name: str) -> Any:
        if name not in KNOWN:
            raise AttributeError(name)
        return self.known.get(name)

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
        """The configuration in words, without phase and batch, such as "cpu, 2 threads, reference"."""
        how = [self.params[name] for name in ("layout", "precision", "mode")]
        how += ["copied"] * (self.params["data"] == "copied")
        return ", ".join([processor(self.device, self.threads), *(how if self.who == "torch" else [self.who])])

    @property
    def work(self) -> Words:
        """What was computed."""
        return say(f"work.{self.question}", **{**self.params, "phase": word(self.phase), "batch": self.batch})

    @property
    def samples_per_second(self) -> float:
        """Samples per second at the median time."""
        return float(self.batch / self.median)

    @property
    def percent_of_floor(self) -> str:
        """The floor as a percentage of the median time (100 would be ideal), or "" if there is no floor."""
        return "" if self.floor is None else f"{three_digits(100 * self.floor.seconds / self.median)} %"

    @property
    def too_fast(self) -> bool:
        """Whether it is faster than its floor."""
        return self.floor is not None and self.median < self.floor.seconds


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
    question = extra.get("question") if isinstance(extra, dict) else None
    return question if isinstance(question, str) else None


def rows_of(result: Result, *questions: str) -> list[Row]:
    """Return the rows of a `checked` result that answer these questions, or any, question by question."""
    asked = questions or QUESTIONS
    return [row_of(row) for question in asked for row in result["benchmarks"] if _question(row) == question]


def row_of(row: Mapping[str, Any]) -> Row:
    """Return a row; a result of an older version has no interval, so that p5 and p95 stand for it."""
    stats, extra = row["stats"], row["extra_info"]
    interval = extra.get("interval") or {"median": stats["median"], "low": stats["p5"], "high": stats["p95"]}
    cold, ratio = (from_data(Spread, extra[name]) if extra.get(name) else None for name in ("cold", "ratio"))
    floor = from_data(Floor, extra["floor"]) if extra.get("floor") else None
    return Row(row["name"], row["params"], {**stats, **extra}, from_data(Spread, interval), cold, ratio, floor)


def ceilings(result: Result) -> list[Ceiling]:
    """Return what each device reached in the run."""
    return [from_data(Ceiling, found) for found in result["ceilings"]]


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
    on_cpu = batches(row for row in rows if (row.device, row.phase) == ("cpu", phase))
    return [batch for batch in batches(_on_gpu(rows, phase, precision)) if batch in on_cpu]


def crossover(rows: Sequence[Row], phase: str, precision: str) -> int | None:
    """Return the smallest batch from which the GPU beats the CPU's best configuration at every batch.

    The GPU computes in this precision, the CPU in any. Only batches that ran on both count. None if the GPU is not
    faster at the largest of them, or if there are none.
    """
    faster = {row.batch for row in _on_gpu(rows, phase, precision) if (speed_up(row, rows) or 0) > 1}
    return min(takewhile(faster.__contains__, reversed(on_both(rows, phase, precision))), default=None)


def _on_gpu(rows: Sequence[Row], phase: str, precision: str) -> list[Row]:
    return [row for row in rows if (row.device, row.phase, row.params.get("precision")) == ("cuda", phase, precision)]


def compared(rows: Iterable[Row], to: str) -> list[tuple[Row, Spread]]:
    """Return the rows that were measured alternately with "torch" or with the "reference", each with its ratio."""
    return [(row, row.ratio) for row in rows if row.ratio is not None and row.ratio.to == to]


def goal(row: Row, rows: Sequence[Row]) -> tuple[str, float] | None:
    """Return what a row's goal is about and the multiple of torch's time that it allows, or None without a goal."""
    if row.who != "reference" or row.ratio is None or row.ratio.to != "torch":
        return None
    kind = str(row.params.get("layer", "")).rstrip("0123456789")
    if (kind, row.phase) != ("conv", "forward"):
        return GOALS.get((row.question, kind, row.phase))
    same = [other for other in rows if other.floor and other.params == {**row.params, "who": "torch"}]
    near = any(other.floor.seconds >= NEAR_THE_PEAK * other.median for other in same if other.floor)
    return "a convolution's forward pass", BESIDE_THE_PEAK if near else CONVOLUTION


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
