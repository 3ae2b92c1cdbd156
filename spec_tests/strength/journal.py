"""What has become of defects, a line of JSON for each as soon as it is known: a run goes on where it was broken off."""

import json
from dataclasses import asdict
from pathlib import Path

from spec_tests.strength.planting import Outcome


def write(file: Path, outcome: Outcome) -> None:
    """Add a line."""
    with file.open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(asdict(outcome)) + "\n")


def read(*files: Path) -> dict[str, Outcome]:
    """Return what these files say, by defect; a line that was not written to its end is left out."""
    found = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
            try:
                outcome = Outcome(**json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue
            found[outcome.defect] = outcome
    return found
