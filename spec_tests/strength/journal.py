"""What has become of defects, a line of JSON for each as soon as it is known: a run goes on where it was broken off."""

import json
import math
from dataclasses import asdict, fields
from pathlib import Path

from reference.command import Refusal
from spec_tests.report.files import add_line, lines_of
from spec_tests.strength.planting import Outcome


def write(file: Path, outcome: Outcome) -> None:
    """Add a line."""
    add_line(file, json.dumps(asdict(outcome)))


def read(*files: Path) -> dict[str, Outcome]:
    """Return what these files say, by defect; a line that says nothing, as of another version, is left out.

    A file that is no journal is refused: what it holds would be lost.
    """
    found = {}
    for file in files:
        if file.is_file() and file.read_bytes()[:1] not in (b"", b"{"):
            raise Refusal(f"{file} is no journal: it does not begin with a line of JSON")
        for line in lines_of(file):
            try:
                outcome = Outcome(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue
            if all(_is_a(field.type, getattr(outcome, field.name)) for field in fields(Outcome)):
                found[outcome.defect] = outcome
    return found


def _is_a(kind: object, value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) if kind is float else type(value) is kind
