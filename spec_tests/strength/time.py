"""Where the time of a default run goes: `python -m spec_tests.strength.time`.

    --out FILE      write the figures there, too, as JSON (docs/strength/time.json holds those of one machine)
    ARGUMENT ...    what pytest is to run in place of `spec_tests`, as files or -k WORDS

It runs the specification in this process, on one thread, and prints for each operation how many examples a second of
the processor is enough for; the examples of a test that speaks of several operations are shared out among them. A
sampler looks a hundred times a second which part of the program is at work: the innermost of its parts is what counts,
and what NumPy or Python's library does counts for the part that asked for it.
"""

import json
import os
import platform
import signal
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from reference.command import end_if_asked, run, saying_what_is_kept
from reference.whole_files import write_text
from spec_tests.report.files import prepare
from spec_tests.run.plugin import ENTRY
from spec_tests.run.selection import is_property
from spec_tests.strength.planting import operation_of

PROGRAM = "python -m spec_tests.strength.time"
INTERVAL = 0.01  # seconds of the processor

PARTS = (
    ("the subject: torch and its adapter", ("/torch/", "/spec_tests/subjects/")),
    ("torchvision, Pillow, TensorBoard", ("/torchvision/", "/PIL/", "/tensorboard/")),
    ("the references", ("/reference/",)),
    ("exact results, bounds and comparisons", ("/vocabulary/exact", "/vocabulary/bounds", "/vocabulary/compare")),
    ("what is drawn", ("/vocabulary/problems", "/vocabulary/operations/", "/hypothesis/strategies/")),
    ("Hypothesis' engine", ("/hypothesis/",)),
    ("the guard around the subject and the record of the run", ("/spec_tests/contract/", "/vocabulary/ledger")),
    ("the rest of the specification", ("/spec_tests/",)),
    ("pytest", ("/_pytest/", "/pluggy/", "/xdist/")),
)
"""The parts of a run, and what is in the paths of their files. Of a file the first part counts."""
ELSEWHERE = "elsewhere"


def part_of(frame: FrameType | None) -> str:
    """Return the part that is at work: that of the innermost frame which belongs to one."""
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        for part, pieces in PARTS:
            if any(piece in path for piece in pieces):
                return part
        frame = frame.f_back
    return ELSEWHERE


@dataclass
class Spent:
    """What the tests of an operation took."""

    tests: float = 0
    examples: float = 0
    seconds: float = 0


class Clock:
    """A plugin of pytest that notes the processor's time of each test, and looks what is at work."""

    def __init__(self) -> None:
        """Begin with nothing spent."""
        self.spent: defaultdict[str, Spent] = defaultdict(Spent)
        self.seen: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Look while the tests run, where the system has a timer for it: Windows has none."""
        if not hasattr(signal, "setitimer"):
            return (yield)
        before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _look(self, _: int, frame: FrameType | None) -> None:
        self.seen[part_of(frame)] += 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Share out what a test took among the operations that it speaks of."""
        began = time.process_time()
        result = yield
        seconds = time.process_time() - began
        about = operations_of(item)
        examples = item.stash[ENTRY].examples if ENTRY in item.stash and isinstance(item, pytest.Function) else 0
        for operation in about:
            spent = self.spent[operation]
            spent.tests += 1 / len(about)
            spent.examples += examples / len(about) if is_property(item) else 0
            spent.seconds += seconds / len(about)
        return result


def operations_of(item: pytest.Item) -> list[str]:
    """Return the operations that a test speaks of: the one that it is run for, or those that it asks something of."""
    given: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    about = getattr(given.get("call"), "function", given.get("operation", ""))
    named = [about] if isinstance(about, str) and about else []
    named = named or [name for mark in item.iter_markers("requirement") for name in mark.args[1:]]
    return sorted({operation_of(name) for name in named}) or ["no operation"]


def figures(clock: Clock, seconds: float) -> dict[str, Any]:
    """Return what is printed and stored."""
    samples = max(clock.seen.total(), 1)
    packages = ("numpy", "torch", "hypothesis", "pytest")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread used",
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}},
        "seconds of the processor": round(seconds, 1),
        "examples": round(sum(spent.examples for spent in clock.spent.values())),
        "parts": {part: round(count / samples, 3) for part, count in clock.seen.most_common()},
        "operations": {
            operation: {
                "tests": round(spent.tests),
                "examples": round(spent.examples),
                "seconds": round(spent.seconds, 2),
                "examples a second": round(spent.examples / spent.seconds) if spent.seconds else 0,
            }
            for operation, spent in sorted(clock.spent.items(), key=lambda row: -row[1].seconds)
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests, and tell what took how long."""
    parser = ArgumentParser(prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    options, for_pytest = parser.parse_known_args(arguments)
    if options.out is not None:
        prepare(options.out)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with saying_what_is_kept(lambda: "nothing is written; the same command begins anew"):
        return _measured(for_pytest, options.out)


def _measured(for_pytest: Sequence[str], out: Path | None) -> int:
    clock, began = Clock(), time.process_time()
    what = for_pytest if any(not argument.startswith("-") for argument in for_pytest) else ["spec_tests", *for_pytest]
    status = pytest.main(["-q", "-Wignore::pytest.PytestAssertRewriteWarning", *what], plugins=[clock])
    end_if_asked()
    if not clock.spent:  # pytest has said why
        return int(status)
    result = figures(clock, time.process_time() - began)

    print(f"\n{'operation':28}{'tests':>8}{'examples':>10}{'seconds':>10}{'examples a second':>20}")
    for operation, row in result["operations"].items():
        print(f"{operation:28}{row['tests']:>8,}{row['examples']:>10,}{row['seconds']:>10.2f}", end="")
        print(f"{row['examples a second']:>20,}")
    print("\nat work")
    for part, share in result["parts"].items():
        print(f"{part:58}{share:>6.1%}")
    if out is not None:
        write_text(out, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return int(status)


if __name__ == "__main__":
    run(PROGRAM, lambda: sys.exit(main()))
