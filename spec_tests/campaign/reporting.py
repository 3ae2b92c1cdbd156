"""The report of a campaign: a run in which every test has ended as its tasks did, and nothing is run again."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from spec_tests import alone
from spec_tests.campaign.task import BAD, QUIET, Outcome
from spec_tests.report.record import Report
from spec_tests.run.plugin import ENTRY
from spec_tests.vocabulary import ledger

FOLDER = "report"
NO_REPORT = "ERROR: no report"
"""How a run begins to say that there is none."""
OUTCOMES = {"died": "error"}
"""What a run calls an outcome that only a campaign knows."""


class Replaying:
    """A plugin that, in place of running a test, notes what its tasks found."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.by_test = defaultdict[str, list[Outcome]](list)
        for outcome in outcomes:
            self.by_test[outcome.test].append(outcome)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Remember what else belongs to the run."""
        self.plugins = config.pluginmanager

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Let an interrupted run leave no report."""
        for plugin in [plugin for plugin in self.plugins.get_plugins() if isinstance(plugin, Report)]:
            self.plugins.unregister(plugin)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the tests of which a task has ended."""
        items[:] = [item for item in items if item.nodeid in self.by_test]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Note them."""
        entry, outcomes = item.stash[ENTRY], self.by_test[item.nodeid]
        ledger.expect(entry)
        for outcome in outcomes:
            entry.end(OUTCOMES.get(outcome.outcome, outcome.outcome))
            entry.examples += outcome.examples
            entry.comparisons += outcome.comparisons
            entry.deviation = entry.deviation or outcome.deviation
            for dtype, nearest in outcome.worst.items():
                entry.worst[dtype] = max(entry.worst.get(dtype, ledger.EXACT), ledger.Nearest(*nearest))
        entry.answered = entry.comparisons
        bad = [outcome for outcome in outcomes if outcome.outcome in BAD]
        said = "\n\n".join(filter(None, [bad[0].message, bad[0].case])) if bad else None
        ended = "failed" if bad else "skipped" if entry.outcome == "skipped" else "passed"
        skipped = (str(item.path), 0, entry.deviation or "not counted") if ended == "skipped" else None
        report = pytest.TestReport(item.nodeid, item.location, {}, ended, said or skipped, "call")  # type: ignore[arg-type]
        item.ihook.pytest_runtest_logreport(report=report)
        return True


def write(outcomes: Sequence[Outcome], options: Sequence[str], folder: Path) -> str:
    """Write the report, and return the last lines of what such a run prints; ValueError if it cannot be written."""
    written = StringIO()
    with redirect_stdout(written), redirect_stderr(written), ledger.set_aside():
        alone.run([*QUIET, *options, f"--report={folder / FOLDER}"], [Replaying(outcomes)])
    if missing := [line for line in written.getvalue().splitlines() if line.startswith(NO_REPORT)]:
        raise ValueError(missing[0].removeprefix("ERROR: "))
    return written.getvalue()
