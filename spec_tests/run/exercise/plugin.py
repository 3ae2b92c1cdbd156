"""`pytest spec_tests --subject my_layers.py --exercise`: one rung after the other, and the first that is wrong.

    --exercise              only what the file offers, in the document's order; an operation stops at its first rung
                            that is wrong, and the harder ones are hidden. What raises NotImplementedError is not begun.
    --language en|zh        the language (default: by the locale)
    --exercise-json FILE    write the result there, as `run/exercise/result.py` describes it
    --verbose               all of a drawing, and a program of its own
    --watch                 try again whenever the file is saved

Exit codes: 0 everything that is offered and begun is right, 1 something is wrong, 5 nothing is begun.
"""

import contextlib
import os
import re
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from reference.command import in_one_line
from reference.whole_files import check_place
from spec_tests.contract.guard import Guarded
from spec_tests.run import asking, hooks
from spec_tests.run.complaints import told
from spec_tests.run.ending import Ending
from spec_tests.run.exercise import result, telling, watching
from spec_tests.run.exercise.batched import Batched
from spec_tests.run.exercise.ladder import OWN_FILE, Stage, in_order, is_example, offered, operations_of, stages
from spec_tests.run.exercise.result import HIDDEN, NOT_BEGUN, NOT_OFFERED, RIGHT, WRONG, Rated
from spec_tests.run.exercise.words import WORDS, bracketed, section
from spec_tests.run.judging import wrong_call
from spec_tests.run.language import language_of
from spec_tests.run.selection import ROOT
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.names_of_tests import sentence
from spec_tests.vocabulary.rungs import cases, rungs
from spec_tests.vocabulary.rungs.checking import ask
from spec_tests.vocabulary.rungs.sentences import EXAMPLES, section_of, sentences
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

SILENCE = 15.0
"""After how many seconds a test says that a function has not answered."""
OF_A_SECTION = re.compile(r"test_\d")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Watch the file and start one exercise after another, if asked to."""
    option = config.option
    if not option.spec_watch or option.help:
        return None
    return watching.watch(option.subject, config.invocation_params.args, language_of(option.spec_language))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the exercise in the place of pytest's own report."""
    option = config.option
    if not option.spec_exercise or option.help or option.collectonly or hasattr(config, "workerinput"):
        return
    if getattr(option, "numprocesses", None) or getattr(option, "tx", None):
        why = "--exercise tries rung after rung in one process: it cannot run with -n (pytest-xdist)"
        raise pytest.UsageError(told(why, language_of(option.spec_language)))
    try:
        subject = hooks.load_subject(config)
    except NotAvailable as error:
        why = told(str(error), language_of(option.spec_language))
        said = in_one_line(f"--subject {option.subject} --device {option.spec_device}: {why}")
        raise pytest.UsageError(said) from None
    if not subject.foreign:
        why = f"--exercise is for a file of your own (--subject my_layers.py), not {subject.name}"
        raise pytest.UsageError(told(why, language_of(option.spec_language)))
    exercise = Exercise(config, subject)
    for plugin in [p for p in config.pluginmanager.get_plugins() if isinstance(p, Ending)]:
        config.pluginmanager.unregister(plugin)
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(exercise)


class Exercise:
    """A run rung by rung, and what it prints."""

    def __init__(self, config: pytest.Config, subject: Guarded) -> None:
        """Take over the terminal."""
        self.config, self.subject = config, subject
        self.writer = config.get_terminal_writer()
        self.encoding = getattr(self.writer._file, "encoding", None) or "utf-8"
        self.terminal: int | None = None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self.terminal = os.dup(self.writer._file.fileno())  # while a test runs, pytest keeps what is printed
        self.language = language_of(config.option.spec_language)
        self.words = WORDS[self.language]
        self.verbose = config.option.verbose > 0
        self.stages: list[Stage] = []
        self.rated: list[Rated] = []
        self.failures: dict[str, telling.Failure] = {}
        self.unreadable, self.silent = 0, False
        try:
            if config.option.spec_exercise_json is not None:
                check_place(config.option.spec_exercise_json)
        except OSError as error:
            raise pytest.UsageError(f"--exercise-json {error.filename} cannot be written: {error.strerror}") from None
        try:
            self.wanted = asking.wanted(config.option.only, subject, at_least_one=True)
        except NotAvailable as error:
            raise pytest.UsageError(told(str(error), self.language)) from None

    # What is collected

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out the files of sections that do not speak of what the file offers: that saves their import."""
        if ROOT not in collection_path.parents or not OF_A_SECTION.match(collection_path.name):
            return None
        text = collection_path.read_text(encoding="utf-8")
        return None if any(name in text for name in offered(self.subject, self.wanted)) else True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Show a file that cannot be read."""
        if report.failed:
            self.unreadable += 1
            self._say(str(report.longrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Put the tests in order, whatever order they are in."""
        self.stages = stages(self.subject, self.wanted, session.items)
        session.items[:] = [item for stage in self.stages for item in stage.items]

    # What is run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try rung after rung, and stop an operation at the first that is wrong."""
        if self.unreadable:
            raise session.Interrupted(f"{self.unreadable} files of the specification could not be read")
        self._say(self.words["title"].format(subject=self.subject.name))
        operation, stopped = "", False
        ended: dict[tuple[str, str], str] = {}
        for stage in self.stages:
            if stage.operation != operation:
                self._end_of_an_operation()
                operation, stopped = stage.operation, False
                taught = bracketed(section(section_of(operation), self.language), self.language)
                self._say("", f"{operation}{taught}")
            rated = self._tried(session, stage, stopped, ended.get((operation, stage.function), ""))
            if rated.outcome == NOT_BEGUN:
                ended.setdefault((operation, stage.function), rated.reason)
            stopped = stopped or rated.outcome == WRONG
            self.rated.append(rated)
            self._write(complete=False)
        self._end_of_an_operation()
        return True

    def _tried(self, session: pytest.Session, stage: Stage, stopped: bool, not_begun: str) -> Rated:
        """Try one rung, say how it ended, and return that."""
        outcome, reason = self._outcome(session, stage, stopped, not_begun)
        rated = Rated(stage.operation, stage.level, stage.rung, outcome, reason)
        if outcome == WRONG:
            failure = next(self.failures[item.nodeid] for item in stage.items if item.nodeid in self.failures)
            file = self.subject.source.name if self.subject.source is not None else self.subject.name
            self._say(*telling.wrong(rated, failure, self.language, file, self.verbose))
        elif outcome == RIGHT:
            self._say(f"  {telling.SIGNS[RIGHT]} {rated.sentence(self.language)}")
        elif outcome == NOT_BEGUN and not not_begun and not self._waits_for_its_operation(stage):
            self._say(*telling.wrapped(f"{telling.SIGNS[NOT_BEGUN]} {self._not_begun(stage)}", 2))
        elif outcome == NOT_OFFERED:
            text = self.words["not_offered"].format(
                sentence=rated.sentence(self.language), reason=told(reason, self.language)
            )
            self._say(*telling.wrapped(f"{telling.SIGNS[NOT_OFFERED]} {text}", 2))
        return rated

    def _outcome(self, session: pytest.Session, stage: Stage, stopped: bool, not_begun: str) -> tuple[str, str]:
        if not_begun:
            return NOT_BEGUN, not_begun
        if not self.subject.offers(stage.function):
            return NOT_BEGUN, self.words["no_function"].format(function=stage.function)
        with self._saying_if_it_is_silent(stage.function):
            reason = self._reason_of_no_beginning(stage)
        if reason:
            return NOT_BEGUN, reason
        if stopped:
            return HIDDEN, ""
        entries, waiting = {}, set()
        for item in stage.items:
            if others := operations_of(item) - {stage.operation} - self._right_operations():
                waiting |= others
                continue
            with self._saying_if_it_is_silent(stage.function):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=session)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
            entries[item.nodeid] = next(entry for entry in ledger.entries() if entry.test == item.nodeid)
            if item.nodeid in self.failures:
                return WRONG, self.failures[item.nodeid].complaint
        if any(entry.outcome == "passed" for entry in entries.values()):
            return RIGHT, ""
        reasons = [entry.not_offered for entry in entries.values() if entry.not_offered]
        if waiting and not reasons:
            return NOT_OFFERED, self.words["waits"].format(operations=", ".join(in_order(waiting)))
        begun = any(one.outcome == RIGHT and one.function == stage.function for one in self.rated)
        own = [reason for reason in reasons if reason.startswith(f"{stage.function} is not implemented")]
        return (NOT_BEGUN, own[0]) if own and not begun else (NOT_OFFERED, next(iter(reasons), ""))

    @contextlib.contextmanager
    def _saying_if_it_is_silent(self, function: str) -> Iterator[None]:
        """Say once that a function has not answered for long: it may never do."""
        if self.config.option.time_limit is not None or self.silent or self.terminal is None:
            yield
            return

        def say() -> None:
            self.silent = True
            text = self.words["silent"].format(operation=function, seconds=SILENCE)
            lines = "\n".join(telling.wrapped(f"{telling.SIGNS[HIDDEN]} {text}", 2))
            os.write(self.terminal or 0, f"{_in(self.encoding, lines)}\n".encode(self.encoding))

        clock = threading.Timer(SILENCE, say)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _right_operations(self) -> set[str]:
        """Return the operations of which everything so far is right."""
        right = {one.operation for one in self.rated if one.outcome == RIGHT}
        return right - {one.operation for one in self.rated if one.outcome == WRONG}

    def _reason_of_no_beginning(self, stage: Stage) -> str:
        """Ask the plainest call of a function, and return the reason if it is not implemented."""
        lowest = next(iter(rungs(stage.operation)), None)
        if lowest is None or stage.rung not in (EXAMPLES, lowest):
            return ""
        plainest = cases(stage.operation, lowest)[0]
        try:
            ask(plainest, self.subject, gradient=stage.level == "gradients")
        except NotOffered as reason:
            return str(reason) if "is not implemented" in str(reason) else ""
        except Exception:  # it is begun, and wrong
            return ""
        return ""

    def _not_begun(self, stage: Stage) -> str:
        """Say what to write first, or that there is no such function."""
        if not self.subject.offers(stage.function):
            return self.words["no_function"].format(function=stage.function)
        first = next(one for one in self.stages if one.function == stage.function and one.rung != EXAMPLES)
        return self.words["not_begun"].format(
            function=stage.function,
            sentence=sentences(first.operation, first.level, first.rung, self.language).right,
            section=section(section_of(stage.operation), self.language),
        )

    def _waits_for_its_operation(self, stage: Stage) -> bool:
        """Tell whether this is the gradient of what is not begun either: once is enough to say so."""
        return stage.function != stage.operation and any(
            one.outcome == NOT_BEGUN and one.function == stage.operation for one in self.rated
        )

    def _end_of_an_operation(self) -> None:
        """Say how many rungs are hidden."""
        if not self.rated:
            return
        hidden = sum(one.outcome == HIDDEN and one.operation == self.rated[-1].operation for one in self.rated)
        if hidden:
            text = self.words["hidden" if hidden > 1 else "one_hidden"].format(count=hidden)
            self._say(f"  {telling.SIGNS[HIDDEN]} {text}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> None:
        """Ask a worked example with the axis of a batch, which everybody begins with."""
        if is_example(item):
            item.funcargs["implementation"] = Batched(item.funcargs["implementation"])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, pytest.TestReport]:
        """Keep what is to be said of a failure."""
        report: pytest.TestReport = yield
        if report.failed and item.nodeid not in self.failures:
            entry = next((entry for entry in ledger.entries() if entry.test == item.nodeid), None)
            judgement = wrong_call(entry.calls, self.subject) if entry is not None else None
            crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "") or report.longreprtext
            name = sentence(f"{item.path.name}::{getattr(item, 'originalname', item.name)}", self.language)
            self.failures[item.nodeid] = telling.Failure(
                "" if item.path.name == OWN_FILE else name,
                judgement.complaint if judgement is not None else crash.splitlines()[0] if crash else "",
                judgement,
                self._line(call) if judgement is None or judgement.call.error else 0,
                "\n".join(text for title, text in report.sections if title == "the smallest case"),
            )
        return report

    def _line(self, call: Any) -> int:
        """Return the line of the file that raised an error, or 0."""
        places = [entry.lineno + 1 for entry in call.excinfo.traceback if Path(entry.path) == self.subject.source]
        return places[-1] if places else 0

    # The end

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Print the points, write the result, and set the exit code, after all that others do."""
        yield
        if not self.rated or session.exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
            return
        session.exitstatus = self._exit_code()
        self._say("", *telling.scores(self.rated, self.language), "")
        nothing = [self.words["nothing"]] if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED else []
        self._say(*nothing, telling.what_next(self.rated, self.language, self.subject.offers))
        self._write(complete=True)

    def _write(self, complete: bool) -> None:
        """Write the result as far as it is known, so that it is there whatever ends the run."""
        file: Path | None = self.config.option.spec_exercise_json
        try:
            if file is not None:
                result.write(file, self.subject.name, self.rated, complete)
        except OSError as error:
            self._say("", f"error: --exercise-json {file} cannot be written: {error.strerror or error}")
            pytest.exit("", returncode=pytest.ExitCode.INTERNAL_ERROR)

    def _exit_code(self) -> pytest.ExitCode:
        outcomes = {one.outcome for one in self.rated}
        if WRONG in outcomes:
            return pytest.ExitCode.TESTS_FAILED
        return pytest.ExitCode.OK if RIGHT in outcomes else pytest.ExitCode.NO_TESTS_COLLECTED

    def _say(self, *lines: str) -> None:
        """Print lines at once, in the characters that the terminal has."""
        for line in lines:
            self.writer.line(_in(self.encoding, line))
        self.writer.flush()


def _in(encoding: str, line: str) -> str:
    """Return a line as this encoding can hold it."""
    try:
        line.encode(encoding)
        return line
    except UnicodeEncodeError:
        for sign, plain in telling.PLAIN_SIGNS.items():
            line = line.replace(sign, plain)
        return line.encode(encoding, "replace").decode(encoding)
