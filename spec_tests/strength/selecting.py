"""Which defects are planted: the named ones, those that rules make, of some operations, or a sample."""

import csv
import random
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

from spec_tests.strength.planting import operation_of
from spec_tests.wrong_implementations import WRONG, Wrong, generated

NAMED, GENERATED = "", "generated:"
"""How the names of both begin, as `--subject wrong:NAME` takes them."""

ACCEPTED = Path(__file__).with_name("accepted.tsv")


def defect(name: str) -> Wrong:
    """Return the defect of this name."""
    return generated.generated(name.removeprefix(GENERATED)) if name.startswith(GENERATED) else WRONG[name]


def function_of(name: str) -> str:
    """Return the function that is wrong."""
    return name.removeprefix(GENERATED).partition("/")[0] if name.startswith(GENERATED) else WRONG[name].operation


def kind_of(name: str) -> str:
    """Return what kind of defect it is; of a named one, the level of the requirement that it breaks."""
    if name.startswith(GENERATED):
        return generated.kind_of(name.removeprefix(GENERATED))
    return f"named: {WRONG[name].level}"


def selected(
    named: bool, made: bool, operations: Collection[str] = (), sample: int | None = None, seed: int = 0
) -> tuple[str, ...]:
    """Return the names of the defects to plant; both kinds if neither is asked for."""
    names = [*(WRONG if named or not made else ()), *(_generated() if made or not named else ())]
    if operations:
        names = [name for name in names if operation_of(function_of(name)) in operations]
    if sample is not None and sample < len(names):
        names = random.Random(seed).sample(names, sample)
    return tuple(names)


def _generated() -> Iterable[str]:
    return (f"{GENERATED}{name}" for name in generated.names())


@cache
def known() -> Mapping[str, str]:
    """Return the defects that are known to survive, with the reasons."""
    with ACCEPTED.open(encoding="utf-8", newline="") as file:
        return {row["defect"]: row["reason"] for row in csv.DictReader(file, delimiter="\t")}


def accepted() -> Mapping[str, str]:
    """Return those of them that are no defects to the specification, and are not counted; the others are still open."""
    return {name: reason for name, reason in known().items() if not reason.startswith("open:")}


def shares(names: Iterable[str], processes: int) -> list[list[str]]:
    """Share names out among processes, those of an operation to one of them, so that each has about as many."""
    by_operation: dict[str, list[str]] = {}
    for name in names:
        by_operation.setdefault(operation_of(function_of(name)), []).append(name)
    found: list[list[str]] = [[] for _ in range(processes)]
    for group in sorted(by_operation.values(), key=len, reverse=True):
        min(found, key=len).extend(group)
    return [share for share in found if share]
