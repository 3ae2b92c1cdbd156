"""What an exercise came to: an outcome and points for every rung. `--exercise-json` writes it down.

    {
      "schema": 1,
      "subject": "my_layers.py",
      "complete": true,                     false while it is written, after every rung
      "points": 12, "possible": 40,         of all operations that the file offers
      "operations": [{"operation": "conv2d", "section": "2.1", "points": 5, "possible": 20}, ...],
      "rungs": [{
        "operation": "conv2d", "section": "2.1",
        "level": "values",                  values, gradients, conventions, contracts or refusals
        "rung": "dilation",                 "examples" of the document, a rung of its own, or "the rest" of the level
        "outcome": "wrong",                 right, wrong, hidden (by one that is wrong), not offered, not begun
        "points": 0, "possible": 1,
        "reason": "output: ...",            what was found where it is wrong, or why it is not offered; in English
        "sentence": {"en": "...", "zh": "..."}       what is right, or what is not
      }, ...]
    }

All are in the document's order, and in that in which a learner meets them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.whole_files import write_text
from spec_tests.contract.functions import BACKWARD
from spec_tests.vocabulary.rungs.sentences import LANGUAGES, section_of, sentences

SCHEMA = 1
RIGHT, WRONG, HIDDEN, NOT_OFFERED, NOT_BEGUN = "right", "wrong", "hidden", "not offered", "not begun"


@dataclass(frozen=True)
class Rated:
    """A rung, and how it ended."""

    operation: str
    level: str
    rung: str
    outcome: str
    reason: str = ""
    """Why it is not offered, or what is wrong, where that is so."""

    @property
    def function(self) -> str:
        """The function that is asked."""
        return f"{self.operation}{BACKWARD * (self.level == 'gradients')}"

    @property
    def points(self) -> int:
        """One point for what is right."""
        return int(self.outcome == RIGHT)

    def sentence(self, language: str) -> str:
        """Say what is right, or what is not."""
        said = sentences(self.operation, self.level, self.rung, language)
        return said.wrong if self.outcome == WRONG else said.right


def points(rated: Sequence[Rated]) -> tuple[int, int]:
    """Return the points, and how many there could be."""
    return sum(one.points for one in rated), len(rated)


def by_operation(rated: Sequence[Rated]) -> dict[str, list[Rated]]:
    """Return the rungs of each operation, in order."""
    found: dict[str, list[Rated]] = {}
    for one in rated:
        found.setdefault(one.operation, []).append(one)
    return found


def as_json(subject: str, rated: Sequence[Rated], complete: bool = True) -> dict[str, Any]:
    """Return the result as `--exercise-json` writes it."""
    reached, possible = points(rated)
    return {
        "schema": SCHEMA,
        "subject": subject,
        "complete": complete,
        "points": reached,
        "possible": possible,
        "operations": [
            {
                "operation": operation,
                "section": section_of(operation),
                "points": points(of_it)[0],
                "possible": points(of_it)[1],
            }
            for operation, of_it in by_operation(rated).items()
        ],
        "rungs": [
            {
                "operation": one.operation,
                "section": section_of(one.operation),
                "level": one.level,
                "rung": one.rung,
                "outcome": one.outcome,
                "points": one.points,
                "possible": 1,
                "reason": one.reason,
                "sentence": {language: one.sentence(language) for language in LANGUAGES},
            }
            for one in rated
        ],
    }


def write(file: Path, subject: str, rated: Sequence[Rated], complete: bool = True) -> None:
    """Write the result to a file: all of it, or nothing."""
    text = json.dumps(as_json(subject, rated, complete), indent=1, ensure_ascii=False)
    write_text(file, f"{text}\n")
