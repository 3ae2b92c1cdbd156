"""What `--report DIR` adds to pytest: a record of the run as data, and the page rendered from it.

`claims.schema.json` describes the data. They come from this run's collected tests, pytest's reports on them, the
ledger and the two registers, and from nothing else.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from spec_tests import subjects
from spec_tests.report import failures, findings, surroundings, writing
from spec_tests.report.cases import BAD, RAN, Case, Tests, received, surroundings_of
from spec_tests.report.json_files import Unreadable
from spec_tests.report.reading import FORMAT, Data
from spec_tests.run import draws, processes, selection
from spec_tests.run.complaints import told
from spec_tests.run.ending import RUN
from spec_tests.run.language import language_of
from spec_tests.vocabulary import claims, ledger
from spec_tests.vocabulary.encodable import encodable
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.results import OUTCOMES


class Report:
    """The record of a run, written when all tests have run, whichever they are and however they ended."""

    def __init__(self, folder: Path, config: pytest.Config, tests: Tests) -> None:
        """Create the folder now, so that failing to do so is a usage error and not a surprise at the end."""
        self.folder, self.config, self.tests, self.message = folder.absolute(), config, tests, ""
        self.failures = dict[str, str]()
        """What pytest prints about the tests that failed."""
        self.interrupted = False
        """Whether it was ended by Ctrl-C."""
        self.collected = True
        """Whether every file could be read; with --continue-on-collection-errors, the others run anyway."""
        self.started, self.clock = datetime.now(UTC), time.perf_counter()
        try:
            writing.require_packages()
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except ModuleNotFoundError as error:
            raise pytest.UsageError(f"--report {folder}: {error}") from None
        except OSError as error:
            raise pytest.UsageError(f"--report {folder} cannot be written to: {error.strerror}") from None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note whether a file could not be read."""
        self.collected &= not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what pytest prints about a failure in a test's setup, body or teardown, with its drawing."""
        if report.failed:
            text = failures.text_of(report, self.config)
            self.failures[report.nodeid] = "\n\n".join(filter(None, [self.failures.get(report.nodeid), text]))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, of an interrupted run that of the tests that ran, unless the run only listed tests."""
        if session.config.option.collectonly:
            return
        finished = session.exitstatus in (0, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
        if finished or (self.interrupted and any(entry.outcome in RAN for entry in ledger.entries())):
            try:
                self.message = self._write(session)
            except KeyboardInterrupt:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
                self.message = self._of_an_earlier_run() or f"no report in {self.folder}: interrupted again"
        else:
            self.message = self._of_an_earlier_run()

    def _of_an_earlier_run(self) -> str:
        there = (self.folder / writing.DATA).exists()
        return f"no report of this run: the one in {self.folder} is that of an earlier one" if there else ""

    def pytest_keyboard_interrupt(self) -> None:
        """Note a Ctrl-C, and say what takes its time now."""
        self.interrupted = True
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.ensure_newline()
            line = "interrupted: the report of the tests that ran is being written; Ctrl-C again leaves it out"
            terminal.write_line(told(line, language_of(self.config.option.spec_language)))

    def _write(self, session: pytest.Session) -> str:
        """Write the report and return a message about it."""
        cases, place = self.tests.cases, surroundings_of(session.config)
        if processes.TOLD in session.config.stash:
            cases, place = received(session.config)
        if not cases:
            return f"no report in {self.folder}: this process collected no test of the specification"
        for entry in ledger.entries():
            if entry.test in cases:
                cases[entry.test].entry = entry
                cases[entry.test].failure = self.failures.get(entry.test, "")
        seconds = round(time.perf_counter() - self.clock, 1)
        run = {
            **place,
            **state_of_the_files(),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": seconds,
            "scope": scope(session.config, self.collected and _ran_to_the_end()),
        }
        try:
            writing.write(self.folder, encodable(data_of(session.config, cases, run)))
        except (OSError, Unreadable) as error:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            return f"ERROR: no report in {self.folder}: {getattr(error, 'strerror', None) or error}"
        return f"the report of this run: {self.folder / writing.PAGE}, and as data {self.folder / writing.DATA}"

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print where the report is, or why there is none."""
        if self.message:
            terminalreporter.write_line(told(self.message, language_of(self.config.option.spec_language)))


def _ran_to_the_end() -> bool:
    """Tell whether every test that was not left out from the start was reached."""
    return all(entry.outcome != "not run" for entry in ledger.entries())


def data_of(config: pytest.Config, cases: dict[str, Case], run: Data) -> Data:
    """Return the data of a run: `cases` by node id; `run` has its place, its start, its duration and its scope."""
    found = list(cases.values())
    return {
        "format": FORMAT,
        "runs": [{**asked_for(config), **run, **counts(config, found)}],
        "claims": findings.claims_of(found),
        "tests": findings.tests_of(found),
        "deviations": [*(dict(deviation) for deviation in claims.deviations()), *_expected(config)],
    }


def _expected(config: pytest.Config) -> list[Data]:
    """Return the deviations that the subject's expectation file has."""
    try:
        expected = subjects.expected(config.option.subject)  # by its name: with -n, others have loaded it
    except subjects.NotAvailable:
        return []
    return expected.as_register() if expected else []


def asked_for(config: pytest.Config) -> Data:
    """Return what was requested of the run."""
    asked, option = config.stash[RUN], config.option
    return {
        "name": asked.subject,
        "subject": option.subject,
        "device": option.spec_device,
        "dtypes": [dtype for dtype in FORMATS if dtype in (selection.wanted_dtypes(config) or asked.dtypes)],
        "profile": draws.profile(config),
        "options": options(config),
        "full": selection.is_full_run(config),
    }


def options(config: pytest.Config) -> list[str]:
    """Return the options that changed which tests ran, and on which examples, without the names of files."""
    option = config.option
    switches = {
        "--slow": option.spec_slow,
        "--cifar10": option.spec_cifar10,
        "--resnet50-weights": option.spec_resnet50_weights,
    }
    values = {"--dtype": option.spec_dtype, "-k": option.keyword, "-m": option.markexpr, "--maxfail": option.maxfail}
    values["--hypothesis-seed"] = draws.seed(config)
    return [name for name, given in switches.items() if given] + [f"{name} {v}" for name, v in values.items() if v]


def scope(config: pytest.Config, complete: bool) -> Data:
    """Return which part of the specification was requested, and whether it was the whole and ran to the end."""
    return {
        "whole": complete and selection.asks_for_everything(config) and not config.option.spec_dtype,
        "arguments": [asked_place(argument, config.invocation_params.dir) for argument in config.args],
    }


def asked_place(argument: str, start: Path) -> str:
    """Return a file, a folder or a node id that pytest was given, relative to the project's folder.

    Outside the project only the last name is kept: folders of this machine mean nothing to others.
    """
    file, *names = argument.split("::")
    place, project = Path(start, file).resolve(), selection.ROOT.parent.resolve()
    written = place.relative_to(project).as_posix() if place.is_relative_to(project) else place.name
    return "::".join([written, *names])


def state_of_the_files() -> Data:
    """Return which commit is checked out, and whether the files differ from it."""
    commit, modified = surroundings.commit(selection.ROOT.parent)
    return {
        "commit": commit,
        "modified": modified,
    }


def counts(config: pytest.Config, cases: list[Case]) -> Data:
    """Return the number of tests by outcome, what was left out, and the known deviations that were seen."""
    return {
        "outcomes": {name: sum(case.outcome == name for case in cases) for name in OUTCOMES if name != "not run"},
        "examples": sum(case.entry.examples for case in cases),
        "comparisons": sum(case.entry.comparisons for case in cases),
        "left_out": [
            *({"reason": why, "tests": count} for why, count in sorted(config.stash[RUN].left_out.items())),
            *({"reason": why, "files": count} for why, count in sorted(config.stash[RUN].unread.items())),
        ],
        "deviations": [
            *(entry["id"] for entry in claims.deviations() if _was_seen(entry["id"], cases)),
            *(entry["id"] for entry in _expected(config) if any(c.entry.deviation == entry["id"] for c in cases)),
        ],
        "sections": findings.sections(cases),
        "drawn": findings.drawn(),
    }


def _was_seen(deviation: str, cases: list[Case]) -> bool:
    outcomes = {case.outcome for case in cases if deviation in case.deviations}
    return "passed" in outcomes and outcomes.isdisjoint(BAD)
