"""Answers of a program in any language, compared with the set: a table by operation and level, and the same as JSON."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from spec_tests.report import surroundings
from spec_tests.vectors import VERSION
from spec_tests.vectors.arrays import DIGITS, read
from spec_tests.vectors.asking import BACKWARD
from spec_tests.vectors.comparing import what_is_wrong
from spec_tests.vectors.flags import FLAGS
from spec_tests.vectors.reading import Cases
from spec_tests.vectors.strength import LEVELS
from spec_tests.vocabulary.formats import HALVES
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS

SHOWN = 10
"""How many failures are printed."""
FILE = "spec_tests/vectors/README.md"


@dataclass
class Result:
    """What the answers of one program are worth."""

    name: str
    counts: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    """By operation and level, how many cases "passed", "failed", were "not_offered" or not "answered"."""
    failures: list[dict[str, str]] = field(default_factory=list)
    dtypes: set[str] = field(default_factory=set)

    @property
    def failed(self) -> bool:
        """Whether any case failed."""
        return bool(self.failures)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        operations = {name: {level: dict(c) for level, c in levels.items()} for name, levels in self.counts.items()}
        return {"name": self.name, "version": VERSION, "operations": operations, "failures": self.failures}

    def text(self) -> str:
        """Return the table, and the first failures."""
        width = max(map(len, ["operation", *self.counts])) + 2
        lines = [
            f"{self.name}: passed / answered",
            f"{'operation':{width}}" + "".join(f"{level:>16}" for level in LEVELS),
        ]
        for name, levels in self.counts.items():
            cells = [_cell(levels[level]) if level in levels else "–" for level in LEVELS]
            if any(cell != "–" for cell in cells):
                lines.append(f"{name:{width}}" + "".join(f"{cell:>16}" for cell in cells))
        lines += [f"{failure['case']}: {failure['why']}" for failure in self.failures[:SHOWN]]
        if len(self.failures) > SHOWN:
            lines.append(f"... and {len(self.failures) - SHOWN} more")
        return "\n".join(lines)


def _cell(counts: Counter[str]) -> str:
    answered = counts["passed"] + counts["failed"]
    return f"{counts['passed']} / {answered}" if answered else "–"


def read_answers(file: Path) -> tuple[str, Mapping[str, Any]]:
    """Return a program's name and its answers by case; raise ValueError, in one line, for anything else."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} cannot be read as JSON: {error}".splitlines()[0]) from None
    if not isinstance(data, dict) or not isinstance(data.get("answers"), dict):
        raise ValueError(f"{file} has no answers: expected an object with the names name, version and answers")
    if data.get("version") != VERSION:
        raise ValueError(f"{file} answers version {data.get('version')!r} of the vectors, expected {VERSION}")
    if not isinstance(data.get("name"), str) or not data["name"]:
        raise ValueError(f"{file} has no name, expected that of the program")
    return data["name"], data["answers"]


def checked(sets: Iterable[Cases], name: str, answers: Mapping[str, Any]) -> Result:
    """Compare answers with the cases; raise ValueError for an answer to a case that does not exist."""
    result, known = Result(name), set()
    for cases in sets:
        for case in cases.cases:
            known.add(case["id"])
            verdict = _verdict(case, cases, answers.get(case["id"]))
            outcome = verdict if verdict in ("not_offered", "not_answered") else "failed" if verdict else "passed"
            result.counts[cases.operation][case["level"]][outcome] += 1
            if outcome == "failed":
                result.failures.append({"case": case["id"], "why": verdict + _choice(case)})
            if outcome in ("passed", "failed"):
                result.dtypes.add(case["dtype"])
    unknown = [one for one in answers if one not in known]
    if unknown:
        raise ValueError(
            f"there is no case {unknown[0]!r} in this set, and {len(unknown) - 1} more answers without a case"
        )
    return result


def _choice(case: Mapping[str, Any]) -> str:
    """Return what torch chose in a case, if an implementation that chose otherwise may leave it out."""
    choice = next((FLAGS[flag]["choice"] for flag in case["flags"] if "choice" in FLAGS.get(flag, {})), "")
    return f" (a choice, {choice}: who chose otherwise may leave it out)" if choice else ""


def _verdict(case: Mapping[str, Any], cases: Cases, answer: Any) -> str:
    """Return what is wrong with an answer, "" if nothing is, or that there is none."""
    if answer is None:
        return "not_answered"
    if not isinstance(answer, dict):
        return f"the answer is {type(answer).__name__}, expected an object"
    if "not_offered" in answer:
        return "not_offered"
    if "passed" in answer:
        return "" if answer["passed"] is True else str(answer.get("why") or "failed")
    if "refused" in answer:
        return "" if "refused" in case["expected"] else f"is refused: {answer['refused']}"
    try:
        results = {name: None if value is None else _array(value) for name, value in answer.items()}
    except (KeyError, TypeError, ValueError) as error:
        return f"the answer is no array of this form: {error}"
    for name, value in answer.items():
        expected = case["expected"].get(name)
        if isinstance(expected, dict) and value is not None and value["dtype"] != _wanted(case, cases, expected):
            return f"{name} is of {value['dtype']}, expected {_wanted(case, cases, expected)}"
    return what_is_wrong(case, cases.arrays, results)


def _wanted(case: Mapping[str, Any], cases: Cases, expected: Mapping[str, Any]) -> str:
    """Return the dtype that a result must have."""
    if "equals" in expected:
        return str(cases.arrays.entries[expected["equals"]]["dtype"])
    return str(case["dtype"])


def _array(value: Mapping[str, Any]) -> Any:
    if value["dtype"] not in DIGITS or "bits" not in value:
        raise ValueError(f"dtype must be one of {', '.join(DIGITS)}, with bits beside it")
    return read({"dtype": value["dtype"], "shape": value["shape"], "bits": value["bits"]})


def as_report(result: Result) -> dict[str, Any]:
    """Return the result in the form of claims.json, which `python -m spec_tests.report merge` takes as a column."""
    tests: list[dict[str, Any]] = []
    sections: dict[str, dict[str, int]] = {}
    outcomes = Counter({"passed": 0, "failed": 0, "error": 0, "skipped": 0})
    for operation, levels in result.counts.items():
        for level, counts in levels.items():
            answered = counts["passed"] + counts["failed"]
            if not answered:
                continue
            outcome = "failed" if counts["failed"] else "passed"
            outcomes[outcome] += 1
            tests.append(_test(operation, level, outcome, answered, result.failures))
            section = sections.setdefault(section_of(operation), {"tests": 0, "failed": 0, "examples": 0})
            section["tests"] += 1
            section["failed"] += outcome == "failed"
            section["examples"] += answered
    run = {
        "name": result.name, "subject": f"vectors of version {VERSION}", "device": "cpu",
        "dtypes": sorted(result.dtypes & {"float32", "float64", *HALVES}), "profile": "vectors", "options": ["vectors"],
        "full": False, "scope": {"whole": False, "arguments": [FILE]}, "versions": surroundings.versions(),
        "machine": surroundings.machine(), "commit": None, "modified": None,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"), "seconds": 0,
        "outcomes": dict(outcomes), "examples": sum(section["examples"] for section in sections.values()),
        "comparisons": 0, "left_out": [], "deviations": [], "sections": sections,
    }  # fmt: skip
    return {"format": 2, "runs": [run], "claims": [], "tests": tests, "deviations": []}


def _test(operation: str, level: str, outcome: str, cases: int, failures: list[dict[str, str]]) -> dict[str, Any]:
    texts = [one for one in failures if one["case"].split("/")[0].removesuffix(BACKWARD) == operation]
    of_level = texts if outcome == "failed" else []
    found = [{"case": one["case"], "text": one["why"]} for one in of_level[:SHOWN]]
    results = [{"outcome": outcome, "cases": cases, "examples": cases, "failures": found}]
    return {
        "test": f"{FILE}::{operation}-{level}", "section": section_of(operation), "claims": [], "file": FILE,
        "line": 1, "source": f"the vectors of {operation}, level {level}", "results": results,
    }  # fmt: skip


def section_of(operation: str) -> str:
    """Return the document's section about an operation, or ""."""
    if operation == "cifar10_cnn":
        return "2.5"
    for rows in (OPERATIONS, OPTIMIZERS, TRANSFORMS):
        if operation in rows:
            return str(rows[operation].section)
    return ""
