"""How strong the set is: which wrong implementations its cases catch, on the vectors alone.

A wrong implementation that transforms first (FFT, Winograd) is caught by a case that its right counterpart passes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spec_tests import subjects
from spec_tests.vectors.asking import verdict
from spec_tests.vectors.reading import Cases
from spec_tests.wrong_implementations import WRONG, Wrong

TABLE = Path(__file__).parent / "strength.tsv"
HEADER = "# wrong implementation\toperation\tlevel\tcases asked\tthat catch it\tby level\tthe first\twhat they share"
LEVELS = ("values", "gradients", "conventions", "refusals")
"""What vectors can show; what a call does to its arguments and how they lie in memory, they cannot."""
ENDINGS = re.compile("_(double_backward|backward|gradients_of|statistics)$")


@dataclass(frozen=True)
class Caught:
    """What the cases say of a wrong implementation."""

    name: str
    wrong: Wrong
    asked: int
    failed: tuple[str, ...]
    """The ids of the cases that catch it."""
    levels: Counter[str]
    flags: tuple[str, ...]
    """What all of these cases are about."""

    @property
    def line(self) -> str:
        """The line of the table."""
        by_level = ", ".join(f"{self.levels[level]} {level}" for level in LEVELS if self.levels[level])
        first = self.failed[0] if self.failed else "-"
        flags = " ".join(self.flags) or "-"
        counts = (self.asked, len(self.failed), by_level or "-", first, flags)
        cells = (self.name, self.wrong.operation, self.wrong.level, *counts)
        return "\t".join(map(str, cells))


def measured(sets: Iterable[Cases]) -> Iterator[Caught]:
    """Ask every wrong implementation of each operation its cases."""
    for cases in sets:
        for name, wrong in WRONG.items():
            if ENDINGS.sub("", wrong.operation) == cases.operation:
                yield caught(name, cases)


def caught(name: str, cases: Cases) -> Caught:
    """Ask a wrong implementation the cases that can touch it."""
    wrong, subject = WRONG[name], subjects.load(f"wrong:{name}")
    asked = [case for case in cases.cases if touches(wrong.operation, case)]
    failed = [case for case in asked if verdict(subject, case, cases.arrays)]
    if wrong.transforms:
        right = _counterpart(next(iter(wrong.transforms.values())))
        failed = [case for case in failed if not verdict(right, case, cases.arrays)]
    shared = set.intersection(*(set(case["flags"]) for case in failed)) if failed else set()
    levels = Counter(case["level"] for case in failed)
    return Caught(name, wrong, len(asked), tuple(case["id"] for case in failed), levels, tuple(sorted(shared)))


def touches(operation: str, case: dict[str, Any]) -> bool:
    """Tell whether a case calls what is replaced; only gradients that are asked for alone call `_gradients_of`."""
    if operation.endswith("_gradients_of"):
        return "wanted" in case and case["function"] == f"{operation.removesuffix('_gradients_of')}_backward"
    return bool(case["function"] == operation) and not (operation.endswith("_backward") and "wanted" in case)


@cache
def _counterpart(transform: str) -> Any:
    return subjects.load("fft" if transform == "fft" else "winograd")


def missed(results: Iterable[Caught]) -> list[Caught]:
    """Return those that show in values, gradients, conventions or refusals, and that no case catches."""
    return [result for result in results if result.wrong.level in LEVELS and not result.failed]


def summary(results: list[Caught]) -> list[str]:
    """Return the outcome in a few lines."""
    shown = [result for result in results if result.wrong.level in LEVELS]
    others = [result for result in results if result.wrong.level not in LEVELS]
    not_caught = missed(results)
    found = len(shown) - len(not_caught)
    lines = [
        f"caught {found} of {len(shown)} wrong implementations that show in {', '.join(LEVELS)}"
        f": {found / max(1, len(shown)):.1%}"
    ]
    lines += [f"  not caught: {result.name} ({result.wrong.operation}, {result.asked} cases)" for result in not_caught]
    also = sum(bool(result.failed) for result in others)
    lines.append(f"of {len(others)} others (written arguments, shared memory, layouts) {also} are caught all the same")
    return lines


def table(results: Iterable[Caught]) -> str:
    """Return the table of all of them, by operation and name."""
    lines = sorted(result.line for result in sorted(results, key=lambda one: (one.wrong.operation, one.name)))
    return "\n".join([HEADER, *lines]) + "\n"
