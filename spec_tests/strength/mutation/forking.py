"""A plugin of pytest that collects the tests once, and then forks for every mutant: the child runs them on it.

What has killed other mutants of the same function goes first, then what has killed others of the same file, in this
run or an earlier one. What is known not to reach the changed function is left out: the children tell what reaches
what. A test reaches what its fixtures reach, also where another test had them made before.
"""

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import StringIO
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import CodeType
from typing import Any, NoReturn

import pytest

from reference.command import Interrupted
from spec_tests.strength.mutation import limiting, touching
from spec_tests.strength.mutation.swapping import NotSwappable, Swapper
from spec_tests.strength.mutation.verdicts import Killed, Question, Survived, Undecided, Verdict, named

WAITS = 300
"""Seconds that the parent waits for a test that does not end and computes nothing either."""


@dataclass(frozen=True)
class Passed:
    """What a child says of a test that passes: which functions of the changed file it has called."""

    test: str
    reached: frozenset[str]


class Forking:
    """The plugin. It answers questions until None is asked."""

    def __init__(self, connection: Connection, subject: str, ran: set[CodeType]) -> None:
        """`ran` is the code that has run since this process began; it is still being added to."""
        self.connection, self.subject, self.ran = connection, subject, ran
        self.kills = Counter[tuple[str, str, str]]()
        self.sound = set[str]()
        """The tests that are known to pass on the references."""
        self.reached = dict[tuple[str, str], frozenset[str]]()
        """Which functions of a file a test calls, by the file and the test."""
        self.by_fixtures = dict[pytest.FixtureDef[Any], frozenset[str]]()
        """Which functions of the changed file the making of a fixture has called, in this child."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer the questions."""
        sys.setprofile(None)
        gc.unfreeze()  # what is frozen, nobody finds
        self.session, self.collected, self.swapper = session, list(session.items), Swapper(self.ran)
        gc.collect()
        gc.freeze()  # and no child copies it
        with suppress(EOFError):
            for question in iter(self.connection.recv, None):
                self.connection.send(self.verdict(question))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Note what a fixture calls."""
        before = frozenset(self.swapper.reached)
        self.swapper.reached.clear()
        try:
            return (yield)
        finally:
            self.by_fixtures[fixturedef] = frozenset(self.swapper.reached)
            self.swapper.reached |= before

    def _reached_by(self, item: pytest.Item) -> frozenset[str]:
        """Return which functions of the changed file the test that has just passed depends on."""
        by_name = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        made = (self.by_fixtures.get(fixture, frozenset()) for fixtures in by_name.values() for fixture in fixtures)
        return frozenset(self.swapper.reached).union(*made)

    def verdict(self, question: Question) -> Verdict:
        """Return what becomes of a mutant: a test that kills it must pass on the reference itself."""
        items = self._in_order([i for i in self._touching(question.file) if self._may_reach(i, question)], question)
        verdict = self._in_a_child(items, question)
        if isinstance(verdict, Killed):
            if verdict.test not in self.sound:
                (item,) = [item for item in items if item.nodeid == verdict.test]
                alone = self._in_a_child([item], None)
                if not isinstance(alone, Survived):
                    return Undecided(f"{verdict.test} does not pass on the reference itself: {alone}")
                self.sound.add(verdict.test)
            self.kills.update((*place, verdict.test) for place in _places(question))
        return verdict

    def _in_order(self, items: Sequence[pytest.Item], question: Question) -> list[pytest.Item]:
        """Sort tests: what has killed more in this run goes first, then what is known of earlier runs."""
        places = {name: place for place, name in enumerate(question.likely)}

        def key(item: pytest.Item) -> list[int]:
            kills = [-self.kills[*place, item.nodeid] for place in _places(question)]
            return [*kills, places.get(named(item.nodeid), len(places))]

        return sorted(items, key=key)

    @cache  # noqa: B019  # there is one plugin in a process
    def _touching(self, file: str) -> list[pytest.Item]:
        return touching.chosen(self.collected, file, self.subject)

    def _may_reach(self, item: pytest.Item, question: Question) -> bool:
        reached = self.reached.get((question.file, item.nodeid))
        return reached is None or not question.function or question.function in reached

    def _in_a_child(self, items: Sequence[pytest.Item], question: Question | None) -> Verdict:
        """Run tests in a child until the first fails, on a mutant if there is a question."""
        ours, theirs = Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            ours.close()
            self._run(items, question, theirs)
        theirs.close()
        try:
            running = ""
            while _comes(ours):
                try:
                    said = ours.recv()
                except EOFError:
                    return _of_the_dead(os.waitpid(child, 0)[1], running)
                if isinstance(said, str):
                    running = said
                elif isinstance(said, Passed):
                    self.reached.setdefault((question.file if question else "", said.test), said.reached)
                else:
                    return said
            return Killed(running, "it does not end") if running else Undecided("it could not be begun")
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)  # with all that it has started
            with suppress(ChildProcessError):
                os.waitpid(child, 0)
            ours.close()

    def _run(self, items: Sequence[pytest.Item], question: Question | None, answers: Connection) -> NoReturn:
        """Say which test begins, and in the end the verdict."""
        os.setpgid(0, 0)
        try:
            self.session.items[:] = items
            if question is not None:
                self.swapper.swap(import_module(f"reference.{question.file}"), question.source)
            verdict = self._first_failure(items, answers)
            self.session._setupstate.teardown_exact(None)
            answers.send(verdict)
        except NotSwappable as reason:
            answers.send(Undecided(str(reason)))
        finally:
            os._exit(1)

    def _first_failure(self, items: Sequence[pytest.Item], answers: Connection) -> Verdict:
        for item, following in zip(items, [*items[1:], None], strict=False):
            self.swapper.reached.clear()
            answers.send(item.nodeid)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.session.testsfailed:
                return Killed(item.nodeid, "it fails")
            answers.send(Passed(item.nodeid, self._reached_by(item)))
        return Survived()


def _places(question: Question) -> tuple[tuple[str, str], tuple[str, str]]:
    return (question.file, question.function), (question.file, "")


def _comes(connection: Connection) -> bool:
    """Wait for what comes; a second in which this process was stopped too counts as one."""
    return any(connection.poll(1) for _ in range(WAITS))


def _of_the_dead(status: int, running: str) -> Verdict:
    out_of_time = os.WIFSIGNALED(status) and os.WTERMSIG(status) == getattr(signal, "SIGXCPU", None)
    return Killed(running, "it does not end") if out_of_time and running else Undecided(f"its status was {status}")


def serve(connection: Connection, subject: str, ran: set[CodeType], paths: Sequence[str]) -> None:
    """Collect these files' tests, and answer."""
    plugins: list[Any] = [limiting, Forking(connection, subject, ran)]
    with redirect_stdout(StringIO()) as written:
        code = pytest.main([*touching.options(subject), *paths], plugins=plugins)
    if code == pytest.ExitCode.INTERRUPTED and KeyboardInterrupt.__name__ in written.getvalue():
        raise SystemExit(Interrupted.status)  # whoever asks has said it
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit(f"the tests could not be collected: pytest ended with {code!r}\n{written.getvalue()}")
