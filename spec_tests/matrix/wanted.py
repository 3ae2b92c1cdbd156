"""Which subjects a matrix is of: those that are asked for, or those that the lanes list."""

from collections.abc import Sequence

from spec_tests.matrix.lanes import Lanes


def wanted(asked: Sequence[str], lanes: Lanes, lane: str) -> list[str]:
    """Return the subjects to measure, each once; raise ValueError for an empty name, or a lane that there is not."""
    if any(not name.strip() for name in asked):
        raise ValueError("--subjects has an empty name; names are separated by commas, as torch,reference")
    return list(dict.fromkeys(name.strip() for name in asked)) or lanes.subjects_of(lane)
