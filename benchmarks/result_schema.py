"""The form of a result, which a run of the benchmarks writes as JSON, as a JSON Schema."""

from collections.abc import Mapping
from typing import Any

from benchmarks.configuration import NAMES, PHASES
from spec_tests.report.json_files import check_form, check_value

QUESTIONS: dict[str, tuple[str, ...]] = {
    "network": NAMES,
    "layer": ("layer", "phase", "who"),
    "rivals": ("work", "who"),
    "resnet50": ("who",),
}
"""The questions that benchmarks answer, and the parameters of their rows."""

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_POSITIVE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9}
_RATE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e21}
_AMOUNT = {"type": ["number", "null"], "minimum": 0}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


_INTERVAL = _object("low", "high", **dict.fromkeys(("low", "high"), _POSITIVE))
_MEDIAN = _object("median", "low", "high", **dict.fromkeys(("median", "low", "high"), _POSITIVE))
_PROCESSES = {**_MEDIAN, "properties": {**_MEDIAN["properties"], "number": _COUNT, "ratio": _or_null(_MEDIAN)}}

PARAMS = _object(
    phase={"enum": list(PHASES)},
    **dict.fromkeys(("device", "layout", "precision", "mode", "data", "who", "layer", "work"), _TEXT),
    **dict.fromkeys(("threads", "batch"), _COUNT),
)

EXTRA_INFO = _object(
    *("question", "batch", "threads", "device"),
    batch={"type": "integer", "minimum": 1},
    threads=_COUNT,
    device=_TEXT,
    floor=_or_null(_object("seconds", "binds", seconds=_POSITIVE, binds={"enum": ["compute", "memory"]})),
    ratio=_or_null(
        _object("to", "median", "low", "high", to=_TEXT, **dict.fromkeys(("median", "low", "high"), _POSITIVE))
    ),
    others={**_AMOUNT, "maximum": 1},
    disturbed={"type": ["boolean", "null"]},
    interval=_or_null(_INTERVAL),
    cold=_or_null(_MEDIAN),
    processes=_or_null(_PROCESSES),
    useful_flop={"type": ["integer", "null"], "minimum": 0},
    **dict.fromkeys(("flop", "bytes", "error", "event_seconds", "launch_seconds", "peak_bytes"), _AMOUNT),
    **dict.fromkeys(("counted_flop", "counted_bytes"), _AMOUNT),
)

STATS = _object(
    *("median", "p5", "p95"),
    rounds={"type": "integer", "minimum": 1},
    **dict.fromkeys(("median", "p5", "p95"), _POSITIVE),
)

ROW = _object("name", "params", "stats", "extra_info", name=_TEXT, params=PARAMS, stats=STATS, extra_info=EXTRA_INFO)
"""A row that answers one of the `QUESTIONS`."""

ENVIRONMENT = _object(
    *("versions", "flags", "cpu", "cores", "date"),
    versions={"type": "object"},
    flags={"type": "object"},
    kernels={"type": "array", "items": _TEXT},
    restricted={"type": "object"},
    quota={"type": ["number", "null"]},
    turbo={"type": ["boolean", "null"]},
)

CEILING = _object(
    *("device", "threads", "precision", "matmul", "convolution", "bandwidth"),
    device=_TEXT,
    threads=_COUNT,
    precision=_TEXT,
    **dict.fromkeys(("matmul", "convolution", "bandwidth"), _RATE),
    copies={"type": "array", "items": {"type": "array", "prefixItems": [_COUNT, _RATE], "minItems": 2, "maxItems": 2}},
)

RESULT = _object(
    *("benchmarks", "environment", "ceilings"),
    benchmarks={"type": "array", "items": _object("stats")},  # rows of other questions may have any form
    environment=ENVIRONMENT,
    ceilings={"type": "array", "items": CEILING},
)


_SCALED = _object(
    *("scaling", "processes", "batch_of_a_process", "median", "p5", "p95", "samples_per_second", "efficiency"),
    scaling={"enum": ["one process", "weak", "strong"]},
    **dict.fromkeys(("processes", "batch_of_a_process"), _COUNT),
    **dict.fromkeys(("median", "p5", "p95", "samples_per_second"), _POSITIVE),
    efficiency=_AMOUNT,
)
SCALING = _object(
    *("question", "environment", "backend", "rows"),
    question={"const": "data parallel"},
    environment=ENVIRONMENT,
    backend={"type": ["string", "null"]},
    rows={"type": "array", "items": _SCALED, "minItems": 1},
)
"""What `benchmarks.data_parallel --json` writes."""


def name_of(row: Any) -> str:
    """Return the name of a row, even of a malformed one."""
    return str(row.get("name", "a row without a name")) if isinstance(row, dict) else repr(row)


def question_of(row: Any) -> Any:
    """Return the question that a row answers, or None if it does not say."""
    extra = row.get("extra_info") if isinstance(row, dict) else None
    return extra.get("question") if isinstance(extra, dict) else None


def check_result(result: Any) -> None:
    """Raise Unreadable, which names the place, if this is not a result."""
    check_value(result)
    check_form(result, RESULT)
    for index, row in enumerate(result["benchmarks"]):
        if question_of(row) in QUESTIONS:
            place = f"$.benchmarks[{index}] ({name_of(row)})"
            check_form(row, ROW, place)
            check_form(row["params"], {"required": QUESTIONS[question_of(row)]}, f"{place}.params")
