"""The campaign itself: which tasks there are, who runs them, and what is printed meanwhile.

dask.distributed hands the tasks to its workers, does again those of a worker that is lost, and gives up one that has
ended several workers: that is a finding, too.
"""

import atexit
import logging
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeAlias

from reference.command import end_if_asked
from spec_tests.campaign import findings, reporting
from spec_tests.campaign.child import run_in_child
from spec_tests.campaign.journal import Journal
from spec_tests.campaign.task import Outcome, Task, properties
from spec_tests.report import surroundings
from spec_tests.vocabulary.torch_when_needed import WhenNeeded

AHEAD = 3
"""Tasks that are handed out for each thread of a worker: one that it runs, and some that wait."""
PAUSE = 10.0
"""Seconds between two lines of progress."""
GIVING_UP, DEATHS = "distributed.scheduler.allowed-failures", 2
"""The setting, and how many workers a task may end before it is given up."""

dask, distributed = WhenNeeded("dask"), WhenNeeded("distributed")


@dataclass(frozen=True)
class Asked:
    """What a campaign is to do."""

    options: Sequence[str]
    """pytest's: the subject, and what is asked of it."""
    examples: int
    each: int
    seed: int
    folder: Path

    def head(self) -> dict[str, Any]:
        """Return what must be the same when the campaign goes on."""
        asked = {"options": list(self.options), "each": self.each, "seed": self.seed}
        return {**asked, "versions": surroundings.installed()}


def explore(asked: Asked, workers: int | None = None, scheduler: str | None = None) -> int:
    """Run a campaign, or go on with it, and return the number of kinds of failures; ValueError if nothing was tried."""
    tests = mixed(properties(asked.options), asked.seed)
    journal = Journal(asked.folder, asked.head())
    try:
        if journal.examples < asked.examples:
            with (
                dask.config.set({GIVING_UP: DEATHS}),
                _cluster(workers, scheduler) as client,
            ):
                hand_out(asked, tests, journal, client)
    except KeyboardInterrupt:
        _leave_findings(asked, journal)  # the report takes longer
        raise
    except Exception:
        with suppress(OSError, ValueError):  # which may have the same cause
            _conclude(asked, journal)
        raise
    found = _conclude(asked, journal)
    if not found and not journal.examples:
        raise ValueError("no example was tried: the subject answers none of what these options ask")
    return found


@contextmanager
def _cluster(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Yield a client of a cluster; one that was started here ends with this, at once."""
    if scheduler is not None:
        with distributed.Client(scheduler) as client:
            yield client
        return
    with _signals_wait():
        with _blocked_in_other_processes():
            local = distributed.LocalCluster(
                n_workers=0, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
            )
        client = distributed.Client(local)
    try:
        local.scale(workers or dask.system.CPU_COUNT)
        client.wait_for_workers(1)
        yield client
    finally:
        with _signals_wait():
            _end(local, client)


SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What ends a campaign."""


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let the signals wait until this has ended: interrupted, it would leave something behind."""
    come: list[int] = []
    before = {kind: signal.signal(kind, lambda number, _: come.append(number)) for kind in SIGNALS}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for number in come[:1]:
            signal.raise_signal(number)


@contextmanager
def _blocked_in_other_processes() -> Iterator[None]:
    """Block the signals in threads that begin here, and in the processes that they start: a whole group gets them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # here, as it takes the block away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(local: Any, client: Any) -> None:
    """End a cluster, whatever it is doing."""
    logging.disable()  # of what breaks off now
    with suppress(Exception):
        client.close(timeout=1)
    client.status = "closed"
    local.loop.add_callback(local.loop.stop)
    for _ in range(10):  # one may just be starting
        for process in multiprocessing.active_children():
            process.kill()
        time.sleep(0.05)
    atexit.unregister(distributed.deploy.spec.close_clusters)  # it would wait for them
    logging.disable(logging.NOTSET)


def mixed(tests: Sequence[str], seed: int) -> list[str]:
    """Return the tests in an order that follows from the seed: a short campaign tries some of every kind, too."""
    return sorted(tests, key=lambda test: Task(test, 0).seed(seed))


def tasks(tests: Sequence[str], journal: Journal) -> Iterator[Task]:
    """Return the tasks that have not ended, round after round, until there is no test left that is worth another."""
    for number in count():
        left = [test for test in tests if not journal.is_done_with(test)]
        if not left:
            return
        for test in left:
            if (task := Task(test, number)) not in journal.ended and not journal.is_done_with(test):
                yield task


Run: TypeAlias = Callable[[Task, int, int, Sequence[str]], dict[str, Any]]


def hand_out(asked: Asked, tests: Sequence[str], journal: Journal, client: Any, run: Run = run_in_child) -> None:
    """Hand out tasks until there are examples enough; workers may come and go meanwhile."""
    waiting, progress = tasks(tests, journal), Progress(asked.examples, journal)
    running: dict[Any, Task] = {}
    ended, wanted = distributed.as_completed(), _wanted(client)

    def fill() -> None:
        while len(running) < wanted and (task := next(waiting, None)) is not None:
            future = client.submit(run, task, task.seed(asked.seed), asked.each, asked.options, pure=False)
            running[future] = task
            ended.add(future)

    fill()
    for future in ended:
        outcome = _outcome(future, running.pop(future), asked.seed)
        if outcome.versions and outcome.versions != journal.versions:
            raise ValueError(f"a worker has other versions than this process: {outcome.versions}")
        journal.add(outcome)
        end_if_asked()
        if progress.show():
            wanted = _wanted(client)
        if journal.examples >= asked.examples:
            client.cancel(list(running))
            return
        fill()


def _wanted(client: Any) -> int:
    """Return how many tasks should be handed out at a time."""
    return AHEAD * max(1, sum(client.nthreads().values()))


def _outcome(future: Any, task: Task, campaign: int) -> Outcome:
    try:
        return Outcome(**future.result())
    except distributed.KilledWorker as error:
        message = f"the worker that had the task was lost, {DEATHS + 1} times: {error}"
        return Outcome(*task, task.seed(campaign), "died", message=message)


class Progress:
    """A line from time to time."""

    def __init__(self, wanted: int, journal: Journal) -> None:
        self.wanted, self.journal = wanted, journal
        self.before, self.begun, self.shown = journal.examples, time.monotonic(), 0.0

    def show(self) -> bool:
        """Say how far the campaign is, unless that has just been said, and tell whether it was."""
        now = time.monotonic()
        if now - self.shown < PAUSE:
            return False
        self.shown = now
        done = self.journal.examples
        rate = (done - self.before) / max(1e-9, now - self.begun)
        left = f", about {(self.wanted - done) / rate / 60:.0f} minutes left" if rate and done < self.wanted else ""
        bad = len(findings.findings(self.journal.ended.values()))
        print(
            f"{done:,} of {self.wanted:,} examples ({done / self.wanted:.0%}), {rate:,.0f} a second, "
            f"{bad} kinds of failures{left}",
            file=sys.stderr,
            flush=True,
        )
        return True


def _leave_findings(asked: Asked, journal: Journal) -> list[findings.Finding]:
    outcomes = list(journal.ended.values())
    found = findings.findings(outcomes)
    findings.write(found, asked.options, asked.each, asked.folder)
    findings.keep(outcomes, asked.folder)
    return found


def _conclude(asked: Asked, journal: Journal) -> int:
    """Write the findings and the report, and say what there is."""
    if not journal.ended:
        return 0
    outcomes, found = list(journal.ended.values()), _leave_findings(asked, journal)
    reporting.write(outcomes, asked.options, asked.folder)
    end_if_asked()
    seconds = sum(outcome.seconds for outcome in outcomes)
    met = {outcome.deviation for outcome in outcomes if outcome.deviation}
    print(
        f"{journal.examples:,} examples in {len(outcomes):,} tasks, {seconds / 60:.1f} minutes of a core; "
        f"{len(found)} kinds of failures, {len(met)} known deviations met; the report: "
        f"{asked.folder / reporting.FOLDER / 'index.html'}"
    )
    for finding in found:
        print(f"  {finding.times} times: {finding.first.kind}")
    return len(found)
