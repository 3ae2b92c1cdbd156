"""What a class came to: points by file, operation and level, and the rungs that most failed on.

`--json` writes it down:

{
  "schema": 1,
  "possible": 120,                      the points that every file could have: one for each rung
  "rungs": [{
    "operation": "conv2d", "section": "2.1", "level": "values", "rung": "dilation",
    "right": {"en": "...", "zh": "..."}, "wrong": {...}, "hint": {...},
    "failed": ["ada.py"]                the files whose first wrong rung of the operation it is
  }, ...],
  "files": [{
    "file": "ada.py", "points": 90, "possible": 120, "percent": 75.0,
    "remark": "",                       why it has no points, or could not be judged to its end
    "seconds": 12.3,
    "operations": [{"operation": "conv2d", "points": 5, "possible": 20,
                    "levels": {"values": [5, 8], "gradients": [0, 7], ...}}, ...],
    "stopped": [{"operation": "conv2d", "level": "values", "rung": "dilation", "found": "output: ..."}, ...],
    "outcomes": ["right", "wrong", "hidden", "not offered", "not begun", "not decided", ...]     of the rungs, in order
  }, ...]
}
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spec_tests.run.complaints import told
from spec_tests.run.exercise.result import RIGHT, WRONG
from spec_tests.run.scoring.judging import Judged
from spec_tests.vocabulary.rungs.sentences import LANGUAGES, section_of, sentences

SCHEMA = 1
UNDECIDED = "not decided"

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Class:
    """The rungs that were asked of everybody, and what every file came to."""

    asked: tuple[Key, ...]
    files: tuple[Judged, ...]

    def outcomes(self, file: Judged) -> list[str]:
        """Return how the rungs that were asked ended; what else a file offers does not count."""
        missing = UNDECIDED if file.reason else "not offered"
        return [file.rungs.get(key, missing) for key in self.asked]

    def points(self, file: Judged, operation: str = "", level: str = "") -> tuple[int, int]:
        """Return the points of a file, and how many there could be: of all, an operation, or a level of it."""
        keys = [key for key in self.asked if operation in ("", key[0]) and level in ("", key[1])]
        return sum(file.rungs.get(key) == RIGHT for key in keys), len(keys)

    @property
    def parts(self) -> dict[str, list[str]]:
        """The operations that were asked, and the levels of each."""
        found: dict[str, list[str]] = {}
        for operation, level, _ in dict.fromkeys((one[0], one[1], "") for one in self.asked):
            found.setdefault(operation, []).append(level)
        return found

    def stops(self, file: Judged) -> list[Key]:
        """Return the rungs that are wrong in a file."""
        return [key for key in self.asked if file.rungs.get(key) == WRONG]

    def failed(self) -> list[tuple[Key, list[str]]]:
        """Return the rungs that files failed on and the names of those, the rung that most failed on first."""
        by_rung = [(key, [file.name for file in self.files if file.rungs.get(key) == WRONG]) for key in self.asked]
        return sorted(((key, names) for key, names in by_rung if names), key=lambda one: -len(one[1]))


def percent(points: tuple[int, int]) -> float:
    """Return points in percent.

    >>> percent((1, 3))
    33.3
    """
    return round(100 * points[0] / points[1], 1) if points[1] else 0.0


def as_json(graded: Class) -> dict[str, Any]:
    """Return the result as `--json` writes it."""
    failed = dict(graded.failed())
    return {
        "schema": SCHEMA,
        "possible": len(graded.asked),
        "rungs": [_rung(key, failed.get(key, [])) for key in graded.asked],
        "files": [_file(graded, file) for file in graded.files],
    }


def _rung(key: Key, failed: Sequence[str]) -> dict[str, Any]:
    said = {language: sentences(*key, language) for language in LANGUAGES}
    return {
        "operation": key[0],
        "section": section_of(key[0]),
        "level": key[1],
        "rung": key[2],
        **{part: {one: getattr(said[one], part) for one in LANGUAGES} for part in ("right", "wrong", "hint")},
        "failed": list(failed),
    }


def _file(graded: Class, file: Judged) -> dict[str, Any]:
    points = graded.points(file)
    return {
        "file": file.name,
        "points": points[0],
        "possible": points[1],
        "percent": percent(points),
        "remark": file.remark,
        "seconds": round(file.seconds, 1),
        "operations": [
            {
                "operation": operation,
                "points": graded.points(file, operation)[0],
                "possible": graded.points(file, operation)[1],
                "levels": {level: list(graded.points(file, operation, level)) for level in levels},
            }
            for operation, levels in graded.parts.items()
        ],
        "stopped": [
            {"operation": key[0], "level": key[1], "rung": key[2], "found": file.said.get(key, "")}
            for key in graded.stops(file)
        ],
        "outcomes": graded.outcomes(file),
    }


def as_csv(graded: Class, language: str = "en") -> str:
    """Return one row a file: its points, in all and by operation and level, where it stopped, and the remark."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    parts = [(operation, level) for operation, levels in graded.parts.items() for level in levels]
    heads = [f"{name} {level}" for name, level in parts]
    rows.writerow(["file", "points", "out of", "percent", *heads, "stopped at", "remark"])
    for file in graded.files:
        points = graded.points(file)
        each = [graded.points(file, operation, level)[0] for operation, level in parts]
        stops = " | ".join(sentences(*key, language).wrong for key in graded.stops(file))
        rows.writerow(
            [_cell(file.name), *points, percent(points), *each, _cell(stops), _cell(told(file.remark, language))]
        )
    return written.getvalue()


def _cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> _cell("=1+1"), _cell("ada.py")
    ("'=1+1", 'ada.py')
    """
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
