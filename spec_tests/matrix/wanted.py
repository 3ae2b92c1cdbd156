"""Which subjects a matrix is of: those that are asked for, or all that come with the specification."""

from collections.abc import Sequence

from spec_tests import subjects

WRONG_OR_EXPERIMENTAL = ("wrong", "fft", "winograd", "command")
"""Subjects that are there to test the specification, or that are nothing without a variant."""


def wanted(asked: Sequence[str]) -> list[str]:
    """Return the subjects to measure, each once; raise ValueError for an empty name."""
    if any(not name.strip() for name in asked):
        raise ValueError("--subjects has an empty name; names are separated by commas, as torch,reference")
    return list(dict.fromkeys(name.strip() for name in asked)) or default()


def default() -> list[str]:
    """Return the subjects that come with the specification, and their variants."""
    return [name for name in subjects.names() if name not in WRONG_OR_EXPERIMENTAL]
