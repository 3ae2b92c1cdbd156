"""Hold one subject against the specification in a process of its own, and make its column from what it wrote down.

A subject that dies or hangs in a test loses that test: another process goes on with the next one.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from spec_tests.matrix import columns, journal
from spec_tests.matrix.asked import asked
from spec_tests.matrix.journal import FAILED, Ended, Journal, Writer
from spec_tests.matrix.lanes import Lane
from spec_tests.matrix.reading import Data
from spec_tests.report import surroundings

PROJECT = Path(__file__).parents[2]
POSIX = os.name == "posix"
DEATHS = 25
"""How often a subject's process may end before its time; then its other tests are not reached."""
STARTING = 120.0
"""Seconds in which a process has to begin with its first test, at least."""
POLL = 0.1
"""Seconds between two looks at the journal."""
PROGRESS = re.compile(r"[.FEsxX]+(?: +\[ *\d+%\])?\s*")
"""What pytest prints of tests that have ended."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Missing(Exception):
    """There is no such subject here; the message says why, and what to install."""


@dataclass(frozen=True)
class Measuring:
    """How subjects are measured."""

    device: str = "cpu"
    python: str = sys.executable
    """The interpreter, in whose environment the subjects' libraries are."""
    note: str = ""
    """What is to be known of the circumstances."""
    stop: Event = field(default_factory=Event)
    """Set when the command is interrupted: then every process is ended."""


def measure(subject: str, lane: Lane, how: Measuring, say: Callable[[str], None] = lambda _: None) -> Data:
    """Return the column of a subject; raise Missing if it cannot be loaded.

    `say` is told in one line what goes wrong meanwhile.
    """
    started, load, clock = datetime.now(UTC), _load(), time.monotonic()
    with TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as folder:
        run = _Run(subject, lane, how, Path(folder), say)
        status, said = run.to_the_end()
        found = journal.read(run.journal)
    commit, modified = surroundings.commit(PROJECT)
    facts = {
        "subject": subject,
        "name": found.subject.get("name", subject),
        "device": how.device,
        "status": status,
        "said": said,
        "lane": lane.described(),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "versions": found.subject.get("versions", {}),
        "machine": found.subject.get("machine") or surroundings.machine(),
        "load": load,
        "note": how.note,
        "commit": commit,
        "modified": modified,
    }
    return columns.column(facts, found)


def measure_all(
    asked: Mapping[str, Lane], how: Measuring, jobs: int, say: Callable[[str], None]
) -> Iterator[tuple[str, Data | Missing]]:
    """Yield each subject's column, or why it is missing, as soon as it is measured; `jobs` are measured at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_told, subject, lane, how, say): subject for subject, lane in asked.items()}
        try:
            while running:
                done, _ = wait(running, POLL, FIRST_COMPLETED)  # not for ever: a Ctrl-C is to be seen everywhere
                yield from ((running.pop(one), one.result()) for one in done)
        except BaseException:  # Ctrl-C, too: whatever is running is to end
            how.stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _told(subject: str, lane: Lane, how: Measuring, say: Callable[[str], None]) -> Data | Missing:
    say(f"{subject}: measuring, for at most {lane.seconds:g} s ...")
    try:
        column = measure(subject, lane, how, say)
    except Missing as why:
        say(f"{subject}: missing")
        return why
    say(f"{subject}: {column['status']} in {column['seconds']:.0f} s")
    return column


class _Run:
    """The processes of one subject."""

    def __init__(self, subject: str, lane: Lane, how: Measuring, folder: Path, say: Callable[[str], None]) -> None:
        self.subject, self.lane, self.how, self.folder, self.say = subject, lane, how, folder, say
        self.journal, self.output = folder / "journal.jsonl", folder / "output.txt"
        self.end = time.monotonic() + lane.seconds

    def to_the_end(self) -> tuple[str, str]:
        """Start processes until no test is left; return how it ended, and what is to be said of that."""
        deaths = 0
        while True:
            how = self._one_process()
            found = journal.read(self.journal)
            if found.unavailable:
                raise Missing(found.unavailable)
            if not found.requirements:
                too_late = f"did not begin within {self.lane.seconds if how == 'late' else STARTING:g} seconds"
                raise Missing(too_late if how in ("late", "hung") else f"could not be asked: {self._last_words()}")
            if found.finished and not found.unreached:
                return self._finished(found, deaths)
            if found.finished:
                return "unfinished", f"it stopped with tests left: {self._last_words()}"
            if how == "late":
                return "unfinished", f"its {self.lane.seconds:g} seconds were over"
            if not found.running:
                return "unfinished", f"its process {how} between two tests"
            deaths += 1
            self._note(found.running, how)
            if deaths == DEATHS:
                return "unfinished", f"its process ended {DEATHS} times before its time"

    def _finished(self, found: Journal, deaths: int) -> tuple[str, str]:
        parts = [f"its process ended before its time in {deaths} tests"] if deaths > 1 else []
        parts += ["its process ended before its time in a test"] if deaths == 1 else []
        parts += [f"could not be read: {file}" for file in sorted(set(found.unreadable))]
        return "measured", "; ".join(parts)

    def _note(self, test: str, how: str) -> None:
        """Write down which test took the process along."""
        if how == "hung":
            message = f"this test took more than {self.lane.test_seconds:g} seconds, and was ended"
        else:
            message = f"the process {how} in this test"
            message += f"; its last words: {words}" if (words := self._last_words()) else ""
        kind = "hung" if how == "hung" else "died"
        Writer(self.journal).end(test, Ended(FAILED, how=kind, message=message))
        self.say(f"{self.subject}: {message} ({test})")

    def _one_process(self) -> str:
        """Run a process to its end, and return how it ended: "late", "hung", or what is to be said of its exit code."""
        ended = list(journal.read(self.journal).ended)
        settings = self.folder / "settings.json"
        asked(self.subject, self.how.device, self.lane, ended).write(settings)
        command = [self.how.python, "-m", "spec_tests.matrix.child", str(self.journal), str(settings)]
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # closed if this process dies: then that one ends, too
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=POSIX,
            )
            try:
                return self._watched(process)
            finally:
                _end(process)

    def _environment(self) -> Mapping[str, str]:
        """Return the variables of the process: the number of threads, this specification, no folder left behind."""
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
        threads = dict.fromkeys(THREADS, str(self.lane.threads))
        own = {"PYTHONPATH": path, "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder), "PYTHONIOENCODING": "utf-8"}
        return {**os.environ, **threads, **own}

    def _watched(self, process: "subprocess.Popen[bytes]") -> str:
        """Wait until a process ends or has to be ended."""
        begun = self.journal.stat().st_size if self.journal.exists() else 0
        size, since, starting = begun, time.monotonic(), True
        while process.poll() is None:
            time.sleep(POLL)
            now = time.monotonic()
            written = self.journal.stat().st_size if self.journal.exists() else 0
            if written != size:
                starting = starting and not _says(self.journal, begun, b'{"begin"')
                size, since = written, now
            if now - since > (max(STARTING, self.lane.test_seconds) if starting else self.lane.test_seconds):
                return "hung"
            if now > self.end:
                return "late"
            if self.how.stop.is_set():
                raise KeyboardInterrupt
        code = process.returncode
        return f"was killed by signal {_signal(-code)}" if code < 0 else f"ended with exit code {code}"

    def _last_words(self) -> str:
        """Return the last line that a process printed, shortened."""
        text = self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip() and not PROGRESS.fullmatch(line)]
        return lines[-1][:200] if lines else ""


def _says(file: Path, begin: int, words: bytes) -> bool:
    with file.open("rb") as stream:
        stream.seek(begin)
        return words in stream.read()


def _signal(number: int) -> str:
    with contextlib.suppress(ValueError):
        return f"{number} ({signal.Signals(number).name})"
    return str(number)


def _load() -> float | None:
    """Return how many processes wanted to compute during the last minute, where the system says it."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _end(process: "subprocess.Popen[Any]") -> None:
    """End a process and, as far as the system allows, all that it has started."""
    if POSIX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    if process.stdin is not None:
        process.stdin.close()
