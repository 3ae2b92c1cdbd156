"""A plugin of pytest that plants defects and runs the tests that can touch them, until one fails.

All tests are collected once. Each is run on the references first, which it must pass, and then its examples on every
defect that is not caught yet. What has caught most defects in a second before goes first (`order.tsv`), then what draws
nothing: worked numbers and cases that are written down.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from reference.whole_files import write_text
from spec_tests.run.plugin import SUBJECT
from spec_tests.run.selection import is_property
from spec_tests.strength.replaying import Recorded, Subject
from spec_tests.vocabulary import ledger
from spec_tests.wrong_implementations import Wrong

ROOT = Path(__file__).parents[1]
ORDER = Path(__file__).with_name("order.tsv")

FIXTURES = {"subject", "subject_on_cpu", "implementation"}
"""The fixtures that are the implementation under test."""

ENDINGS = ("_double_backward", "_gradients_of", "_backward", "_statistics")


@dataclass(frozen=True)
class Outcome:
    """What became of a defect."""

    defect: str
    caught_by: str
    """The test that failed first, with its parameters; empty if none did."""
    seconds: float
    """How long the tests ran on it, until the first failure."""
    tests: int
    """How many of them did."""
    last: float = 0.0
    """How long the last of them ran."""


def operation_of(function: str) -> str:
    """Return the operation that a function belongs to.

    >>> operation_of("conv2d_double_backward")
    'conv2d'
    """
    ending = next((ending for ending in ENDINGS if function.endswith(ending)), "")
    return function.removesuffix(ending)


class Planting:
    """The plugin."""

    def __init__(self, defects: Mapping[str, Wrong], ended: Callable[[Outcome], None]) -> None:
        """`ended` is told of every defect: when it is caught, or in the end that it is not."""
        self.alive = dict(defects)
        self.ended, self.interrupted = ended, False
        self.error: OSError | None = None
        """Why what is known could not be told."""
        self.seconds, self.tests = defaultdict[str, float](float), defaultdict[str, int](int)

    def pytest_keyboard_interrupt(self) -> None:
        """Note a Ctrl-C, whose exit code is that of files that cannot be read, too."""
        self.interrupted = True

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Start no printed program: none of the tests that are run here asks for one."""
        for module in {getattr(item, "module", None) for item in session.items}:
            if module is not None and hasattr(module, "children_started"):
                del module.children_started

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Plant the defects."""
        subject = Subject.new()
        session.config.stash[SUBJECT] = subject.guarded
        items = [item for item in session.items if isinstance(item, pytest.Function) and asks_the_subject(item)]
        for item in sorted(items, key=_rank):
            if touched := {name for name, wrong in self.alive.items() if may_touch(item, wrong)}:
                self._plant(Recorded(item, subject), touched)
        for name in self.alive:
            self._tell(Outcome(name, "", self.seconds[name], self.tests[name]))
        session._setupstate.teardown_exact(None)
        return True

    def _plant(self, test: Recorded, touched: Iterable[str]) -> None:
        """Run a test on these defects, as far as it asks for what is wrong."""
        for name in sorted(touched) if test.passes else ():
            if self.alive[name].operation not in test.asked:
                continue
            began = perf_counter()
            caught = test.catches(self.alive[name])
            last = perf_counter() - began
            self.seconds[name] += last
            self.tests[name] += 1
            if caught:
                del self.alive[name]
                self._tell(Outcome(name, _id(test.item), self.seconds[name], self.tests[name], last))

    def _tell(self, outcome: Outcome) -> None:
        """Tell of a defect; if that fails, as where a disk is full, end the run."""
        try:
            self.ended(outcome)
        except OSError as error:
            self.error = error
            pytest.exit(str(error))


def asks_the_subject(item: pytest.Function) -> bool:
    """Tell whether a test asks the implementation under test."""
    by_references = _parameters(item).get("implementation") == "by the references"
    return bool(FIXTURES.intersection(item.fixturenames)) and not by_references


def may_touch(item: pytest.Function, wrong: Wrong) -> bool:
    """Tell whether a test may ask for what is wrong, by its parameters and its mark."""
    given, own = _parameters(item), operation_of(wrong.operation)
    if "operation" in given:
        return bool(given["operation"] == own)
    named = {name for mark in item.iter_markers("requirement") for name in mark.args[1:]}
    return not named or own in named


def plant(defects: Mapping[str, Wrong], ended: Callable[[Outcome], None]) -> None:
    """Plant these defects in a run of pytest, in this process."""
    options = ["--import-mode=importlib", "-q", "-pno:cacheprovider", "-Wignore::pytest.PytestAssertRewriteWarning"]
    subject = "--subject=wrong:flips_the_kernel"  # any wrong one: so that comparisons with the references are collected
    files = map(str, sorted(ROOT.glob("test_*.py")))
    with ledger.set_aside(), redirect_stdout(StringIO()) as written:
        code = pytest.main([*options, subject, *files], plugins=[planting := Planting(defects, ended)])
    if planting.error is not None:
        raise planting.error
    if planting.interrupted:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"the tests could not be run: pytest ended with {code!r}\n{written.getvalue()}")


@cache
def order() -> dict[str, float]:
    """Return how many defects each test caught when it was measured, by the milliseconds that it took for one."""
    with ORDER.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {row["test"]: int(row["caught"]) / (1 + int(row["milliseconds"])) for row in rows}


def write_order(outcomes: Sequence[Outcome]) -> None:
    """Write down how many defects each test has caught, and how long it took for one."""
    took = defaultdict[str, list[float]](list)
    for outcome in outcomes:
        if outcome.caught_by:
            took[_function(outcome.caught_by)].append(outcome.last)
    rows = [(test, len(seconds), round(1000 * median(seconds))) for test, seconds in sorted(took.items())]
    write_text(ORDER, "".join("\t".join(map(str, row)) + "\n" for row in [("test", "caught", "milliseconds"), *rows]))


def _rank(item: pytest.Function) -> tuple[float, bool]:
    return -order().get(_function(_id(item)), 0), is_property(item)


def _function(test: str) -> str:
    """Return the name of a test without its parameters."""
    return test.partition("[")[0].rpartition("::")[2]


def _id(item: pytest.Item) -> str:
    """Return a test's id, its file relative to the specification."""
    return f"{item.path.name}::{item.name}"


def _parameters(item: pytest.Function) -> Mapping[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}
