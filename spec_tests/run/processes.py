"""A run in several processes (pytest-xdist): its workers send their record to the one that prints the summary.

What a worker learns of a test travels with the next report on it, so that one that dies loses nothing but the test that
it was running. With its first report, or at the end if it has none, it tells what the run was asked for and which tests
there are: the record has them in the order in which they were collected, whichever worker is how far.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from tempfile import gettempdir
from threading import Thread
from time import sleep
from typing import Any

import pytest

from spec_tests.run.ending import RUN
from spec_tests.run.selection import asks_for_everything, is_full_run
from spec_tests.run.summary import Run
from spec_tests.vocabulary import ledger, properties
from spec_tests.vocabulary.encodable import encodable

NOTE = "specification"
"""The attribute of a report, and the key of a worker's output, under which a worker sends its record, as JSON."""
USAGE = "wrong usage"
"""The key of a worker's output under which it tells why it was called wrongly."""
CRASHED = "???"
"""What pytest-xdist says of when a report was made on a test in which a worker died."""
THREADS = "OMP_NUM_THREADS"
"""The variable of the environment by which torch, NumPy and others know how many threads to take."""
UNTELLABLE = "DumpError"
"""What execnet, by which pytest-xdist talks to its workers, raises for a text that is not Unicode's, here or there."""
MOMENT = 0.001
"""Seconds between two looks at whether the workers have been told to end."""
COUNTED = ("left_out", "unread")
"""What a `Run` counts."""

TOLD_FIRST = pytest.StashKey[dict[str, Callable[[], Any]]]()
"""What else a worker is to tell with its first report, by name: functions that return what JSON can hold."""
TOLD = pytest.StashKey[dict[str, Any]]()
"""What the first worker has told."""


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is one of several, and another one prints the summary."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Send what happens in a worker, and receive it in the process that has workers."""
    if is_worker(config):
        config.pluginmanager.register(Sending(config))
    elif getattr(config.option, "dist", "no") != "no":
        config.pluginmanager.register(Receiving(config))
        config.pluginmanager.register(Leaving())


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Any:
    """Say in one line that the workers cannot be told a name; pytest-xdist would end in a traceback."""
    try:
        return (yield)
    except Exception as error:
        given = (*sys.argv, *map(str, session.config.invocation_params.args), os.environ.get("PYTEST_ADDOPTS", ""))
        odd = [name for name in (os.getcwd(), gettempdir(), *given, *sys.path) if name != encodable(name)]
        if UNTELLABLE not in f"{type(error).__name__}: {error}" or not odd:
            raise
        encoding = sys.getfilesystemencoding()
        mend = "rename it" if encoding == "utf-8" else "set PYTHONUTF8=1"
        raise pytest.UsageError(
            f"-n: {encodable(odd[0])} cannot be sent to other processes, because {encoding}, the encoding of file "
            f"names here, does not know all of its letters: {mend}, or run in one process"
        ) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[Any]) -> None:
    """Let each worker compute with its share of the cores, unless the environment says with how many threads."""
    if THREADS not in os.environ:
        os.environ[THREADS] = str(max(1, (os.cpu_count() or 1) // len(specs)))
        config.add_cleanup(_leave_the_threads_open)


def _leave_the_threads_open() -> None:
    """Take back what the environment was told for the workers."""
    os.environ.pop(THREADS, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests share what they draw, the same ones in every process."""
    session.config.pluginmanager.register(InOrder(session.items))


class Sending:
    """What a worker does."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin with nothing told."""
        self.config, self.told = config, False
        self.latest = ""
        """What was told with the last report."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Any:
        """Keep the reason of a run that was asked for nonsense: pytest-xdist would lose it."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self._output()[USAGE] = str(error)
            raise

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Add the record of a test to a report on it, if that tells more than the one before."""
        report = yield
        only_begun = self.told and report.when == "setup" and report.passed
        if RUN in self.config.stash and not only_begun and (note := self._note(item.nodeid)) != self.latest:
            self.latest = note
            setattr(report, NOTE, note)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self, report: Any) -> Any:
        """Write half characters, which somebody's message may have, as escapes: they end a worker that sends them."""
        data = yield
        return data if getattr(report, "passed", True) else encodable(data)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Tell at the end what no report has told."""
        if RUN in self.config.stash:
            self._output()[NOTE] = self._note()

    def _output(self) -> dict[str, Any]:
        output: dict[str, Any] = getattr(self.config, "workeroutput")  # noqa: B009  # only a worker has it
        return output

    def _note(self, test: str = "") -> str:
        """Return what is new, and the record of this test."""
        entry = ledger.entry(test)
        note: dict[str, Any] = {
            "drawn": {name: [drawn.problems, drawn.buckets] for name, drawn in ledger.take_drawn().items()},
            "entry": _sent(entry) if entry is not None else None,
        }
        if not self.told:
            self.told = True
            more = {name: tell() for name, tell in self.config.stash.get(TOLD_FIRST, {}).items()}
            note["first"] = {
                "run": _plain(self.config.stash[RUN]),
                "entries": [_sent(entry) for entry in ledger.entries()],
                "more": more,
            }
        return json.dumps(note)


class Receiving:
    """What the process does that has workers."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin with nothing received."""
        self.config = config
        self.reporting: dict[str, Any] = {}
        """The worker that ran a test; with --dist each, the first of them."""
        self.failed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take over the record of a test."""
        worker = getattr(report, "node", None)
        if note := vars(report).pop(NOTE, None):
            self._take(note, report.nodeid, worker)
        elif report.when == CRASHED and (entry := ledger.entry(report.nodeid)) is not None:
            entry.end("failed")
        self.failed += report.failed

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker tells at its end; if it was called wrongly, end the run for the same reason."""
        output = getattr(node, "workeroutput", {})
        if USAGE in output:
            raise pytest.UsageError(output[USAGE])
        if NOTE in output:
            self._take(output[NOTE], "", node)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a run that stopped after so many failures end as in one process: pytest-xdist calls it interrupted."""
        most = session.config.option.maxfail or 0
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and 0 < most <= self.failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _take(self, note: str, test: str, worker: Any) -> None:
        told = json.loads(note)
        if "first" in told:
            self._begin(told["first"])
        for operation, (problems, buckets) in told["drawn"].items():
            ledger.add_drawn(operation, problems, buckets)
        if told["entry"] is not None and self.reporting.setdefault(test, worker) is worker:
            ledger.expect(_received(told["entry"]))

    def _begin(self, first: Mapping[str, Any]) -> None:
        """Take over from the first worker what all of them know."""
        if RUN in self.config.stash:
            return
        said: dict[str, Any] = {**first["run"], **{name: Counter(first["run"][name]) for name in COUNTED}}
        said |= {"whole": asks_for_everything(self.config), "full": is_full_run(self.config)}
        said |= {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        self.config.stash[RUN] = Run(**said)
        self.config.stash[TOLD] = first["more"]
        for entry in first["entries"]:
            ledger.expect(_received(entry))


class Leaving:
    """What lets the workers end while the report is written: Python takes seconds to leave torch."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Tell the workers to end, and wait for them once everything else is done."""
        workers = getattr(session.config.pluginmanager.get_plugin("dsession"), "nodemanager", None)
        if workers is None:  # the run ended before it had any
            return (yield)
        ending = Thread(target=workers.teardown_nodes)
        ending.start()
        while ending.is_alive() and len(workers.group):  # until all are told: then pytest-xdist itself waits for none
            sleep(MOMENT)
        try:
            return (yield)
        finally:
            ending.join()


class InOrder:
    """Tests that share what they draw: those of one function that follow one another, whichever worker runs them."""

    def __init__(self, items: list[pytest.Item]) -> None:
        """Number the groups."""
        self.groups = dict(zip([item.nodeid for item in items], groups([item.nodeid for item in items]), strict=True))
        self.latest = -1

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Forget what another group has drawn."""
        if self.groups.get(item.nodeid) != self.latest:
            self.latest = self.groups.get(item.nodeid, -1)
            properties.forget_draws()


def groups(tests: Sequence[str]) -> list[int]:
    """Number the groups of consecutive tests of one function.

    >>> groups(["a.py::f[1]", "a.py::f[2]", "a.py::g", "a.py::f[3]"])
    [0, 0, 1, 2]
    """
    functions = [test.partition("[")[0] for test in tests]
    found, number = [], -1
    for before, function in zip(["", *functions], functions, strict=False):
        number += before != function
        found.append(number)
    return found


def _plain(run: Run) -> dict[str, Any]:
    return {**vars(run), "transforms": dict(run.transforms), **{name: dict(getattr(run, name)) for name in COUNTED}}


def _sent(entry: ledger.Entry) -> dict[str, Any]:
    """Return an entry in types that can be sent: without its last example and calls, which are arrays."""
    worst = {dtype: [float(number) for number in nearest] for dtype, nearest in entry.worst.items()}
    drawn = {"drawn": True} if entry.last_example else {}
    return {**vars(entry), "calls": [], "worst": worst, "last_example": drawn}


def _received(sent: Mapping[str, Any]) -> ledger.Entry:
    worst = {dtype: ledger.Nearest(*numbers) for dtype, numbers in sent["worst"].items()}
    return ledger.Entry(
        **{
            **sent,
            "claims": tuple(sent["claims"]),
            "requirements": tuple(map(tuple, sent["requirements"])),
            "worst": worst,
        }
    )
