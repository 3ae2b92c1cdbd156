"""A task of a campaign, a property and a seed, and what comes of running it."""

import hashlib
import re
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from io import StringIO
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from hypothesis.database import InMemoryExampleDatabase

from reference.command import end_if_asked
from spec_tests import alone
from spec_tests.report import surroundings
from spec_tests.run import drawing, draws
from spec_tests.run.selection import is_property, is_specification
from spec_tests.run.showing import SMALLEST_CASE
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.seeding import seeded

QUIET = ("-q", "--capture=no", "--color=no", "--tb=short", "-pno:faulthandler", "-pno:unraisableexception")
BAD = ("failed", "error", "died")
"""The outcomes that are findings."""

PROFILE = "of a campaign"

NUMBERS = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?|\b(?:nan|inf)\b")
WORDS = 160
"""Characters of a message that tell one kind of failure from another."""


class Task(NamedTuple):
    """A test, to be run on examples of its own."""

    test: str
    round: int

    def seed(self, campaign: int) -> int:
        """Return the seed of its examples: another one in every round, the same one in every campaign of this seed."""
        named = f"{campaign} {self.test} {self.round}"
        return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big")


@dataclass
class Outcome:
    """What came of a task."""

    test: str
    round: int
    seed: int
    outcome: str
    """passed, failed, error, skipped, or "died" where the process of the task died."""
    examples: int = 0
    comparisons: int = 0
    worst: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    deviation: str = ""
    """The id of a known deviation that it met."""
    message: str = ""
    case: str = ""
    """The smallest case of a failure, with its program."""
    failed: list[list[str]] = field(default_factory=list)
    """What Hypothesis keeps of a failure, under which key: both in hexadecimal digits."""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return what tells this failure from others: its test, and its message without numbers."""
        line = (self.message.splitlines() or [self.outcome])[0]
        return f"{self.test.partition('[')[0]}: {NUMBERS.sub('#', line)[:WORDS]}"

    @property
    def program(self) -> str:
        """Return the program that shows a failure by itself, if there is one."""
        _, begun, rest = self.case.partition(drawing.BEGIN)
        return rest.partition(drawing.END)[0].strip() + "\n" if begun else ""


class Listing:
    """A plugin that notes the properties of which a run of these options consists."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what explores: it asks the subject, on examples that are drawn."""
        self.tests += [
            item.nodeid
            for item in session.items
            if is_specification(item) and is_property(item) and item.get_closest_marker("requirement")
        ]


def properties(options: Sequence[str]) -> list[str]:
    """Return the node ids of the properties that these options of pytest select; raise ValueError if there are none."""
    listing, written = Listing(), StringIO()
    with redirect_stdout(written), redirect_stderr(written), ledger.set_aside():
        code = alone.run([*QUIET, "--collect-only", *options], [listing])
    end_if_asked()
    if code != pytest.ExitCode.OK or not listing.tests:
        said = [line.removeprefix("ERROR: ") for line in written.getvalue().splitlines() if line.startswith("ERROR")]
        raise ValueError(said[0] if said else "these options select no property")
    return listing.tests


class Watching:
    """A plugin that keeps what is told of the only test of a run."""

    def __init__(self) -> None:
        self.message = self.case = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure."""
        if report.failed and not self.message:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.message = crash.message if crash is not None else report.longreprtext
            self.case = next((text for title, text in report.sections if title == SMALLEST_CASE), "")


def run(task: Task, seed: int, examples: int, options: Sequence[str]) -> dict[str, Any]:
    """Run a task in this process, and return its `Outcome` as a dictionary."""
    database = InMemoryExampleDatabase()
    phases = [Phase.generate, Phase.shrink]
    wanted = settings(draws.PROFILES[draws.THOROUGH], max_examples=examples, phases=phases, database=database)
    settings.register_profile(PROFILE, wanted)
    watching, written, begun = Watching(), StringIO(), time.perf_counter()
    asked = [*QUIET, *options, f"--hypothesis-profile={PROFILE}", task.test]
    found = Outcome(task.test, task.round, seed, "error")
    with redirect_stdout(written), redirect_stderr(written), ledger.set_aside(), seeded(seed):
        try:
            alone.run(asked, [watching])
            entry = ledger.entry(task.test)
        except Exception:  # whatever broke the run: the campaign goes on, and says so
            entry, watching.message = None, traceback.format_exc(limit=-3)
    found.seconds = round(time.perf_counter() - begun, 3)
    found.versions = surroundings.installed()
    if entry is None:
        found.message = watching.message or written.getvalue()[-WORDS:]
        return asdict(found)
    found.outcome, found.deviation = entry.outcome, entry.deviation
    found.examples, found.comparisons = entry.examples, entry.comparisons
    found.worst = {dtype: [float(number) for number in nearest] for dtype, nearest in entry.worst.items()}
    found.message, found.case = watching.message, watching.case
    if entry.outcome in BAD:
        found.failed = _smallest(database.data)
    return asdict(found)


def _smallest(kept: dict[bytes, set[bytes]]) -> list[list[str]]:
    """Return the examples that failed, and not what led to them, which Hypothesis keeps under longer keys."""
    shorter = [key for key in kept if not any(key != other and key.startswith(other) for other in kept)]
    return [[key.hex(), example.hex()] for key in shorter for example in kept[key]]
