"""What a process of the matrix is asked: the settings that the process which measures hands to it, as a file."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from spec_tests.matrix.lanes import Lane


@dataclass(frozen=True)
class Asked:
    """The subject, and the part of a lane that the process itself has to know."""

    subject: str
    device: str
    examples: int
    dtypes: list[str]
    only: list[str]
    levels: list[str]
    files: list[str]
    slow: bool
    shrink: bool
    tests_per_cell: int
    call_seconds: float
    done: list[str]
    """The tests that an earlier process of this subject has come to an end with."""

    def write(self, file: Path) -> None:
        """Write the settings."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")


def asked(subject: str, device: str, lane: Lane, done: list[str]) -> Asked:
    """Return what is asked of a subject in a lane."""
    settings = lane.described()
    shared = {field.name: settings[field.name] for field in fields(Asked) if field.name in settings}
    return Asked(subject=subject, device=device, done=done, **shared)


def read(file: Path) -> Asked:
    """Return the settings in a file that `write` wrote."""
    return Asked(**json.loads(file.read_text(encoding="utf-8")))
