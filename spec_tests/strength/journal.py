"""What has become of defects, a line of JSON for each as soon as it is known: a run goes on where it was broken off."""

import json
import math
from dataclasses import asdict, fields
from pathlib import Path

from spec_tests.report.files import add_line, lines_of
from spec_tests.strength.planting import Outcome

BEGINS = f'{{"{fields(Outcome)[0].name}": '


def write(file: Path, outcome: Outcome) -> None:
    """Add a line."""
    add_line(file, json.dumps(asdict(outcome)))


def read(*files: Path) -> dict[str, Outcome]:
    """Return what these files say, by defect; a line that says nothing, as of another version, is left out.

    Raises ValueError for a file that is no journal.
    """
    found = {}
    for file in files:
        for line in lines_of(file, BEGINS):
            try:
                outcome = Outcome(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue
            if all(_is_a(field.type, getattr(outcome, field.name)) for field in fields(Outcome)):
                found[outcome.defect] = outcome
    return found


def _is_a(kind: object, value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) if kind is float else type(value) is kind
