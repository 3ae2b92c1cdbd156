"""Runs the tests on mutants, and notes what becomes of each as soon as it is known.

A mutant is put into processes that hold the tests already (`warm.py`). What that cannot do, and what survives it, takes
a run of pytest of its own, on a copy of the project.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from io import StringIO
from math import isfinite
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Event, Lock
from time import perf_counter
from typing import Any

from reference.whole_files import write_text
from spec_tests.report.files import add_line, lines_of
from spec_tests.strength.mutation.mutants import Mutant, state
from spec_tests.strength.mutation.touching import FILES, options, paths
from spec_tests.strength.mutation.verdicts import Killed, Question, Undecided, named
from spec_tests.strength.mutation.warm import CAN_FORK, Warm

ROOT = Path(__file__).parents[3]
SUBJECTS = ("reference", "torch")
"""The subjects of the two runs that a mutant must pass to survive; the second takes longer and has fewer tests left."""

NO_PROGRAM = "no program"
"""What is noted in the place of a test where the changed source cannot be compiled: there is no such mutant."""

A_RUN = 2 * 60 * 60
"""Seconds that the tests may take on a mutant, all together: what computes for too long is ended before."""

NOTHING_COLLECTED = 5
"""pytest's status where there is no test."""

FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant, a row of the journal."""

    file: str
    state: str
    """Of the reference that was changed: once it is another, the row is out of date."""
    operator: str
    occurrence: int
    caught_by: str
    """The test that failed first; empty if none did."""
    seconds: float

    @property
    def key(self) -> str:
        """Return the mutant's."""
        return f"{self.file} {self.operator} {self.occurrence}"


COLUMNS = [field.name for field in fields(Outcome)]
HEADER = "\t".join(COLUMNS) + "\n"


def read(journal: Path) -> dict[str, Outcome]:
    """Return what is known of the mutants of the references as they are now."""
    rows = csv.reader(lines_of(journal, HEADER)[1:], delimiter="\t")
    found = [outcome for row in rows if (outcome := _outcome(row)) is not None]
    return {outcome.key: outcome for outcome in found if outcome.state == state(outcome.file)}


def _outcome(row: Sequence[str]) -> Outcome | None:
    """Return what a row says; None if it says nothing."""
    try:
        file, of, operator, occurrence, caught_by, seconds = row
        outcome = Outcome(file, of, operator, int(occurrence), caught_by, float(seconds))
    except ValueError:
        return None
    return outcome if file in FILES and isfinite(outcome.seconds) else None


def write(journal: Path, outcomes: Sequence[Outcome], mode: str = "a") -> None:
    """Add rows to the journal, or with mode "w" begin it anew with them."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    begins = mode == "w" or not lines_of(journal, HEADER)
    written = StringIO()
    rows = csv.writer(written, delimiter="\t", lineterminator="\n")
    rows.writerows([COLUMNS] * begins + [list(astuple(outcome)) for outcome in outcomes])
    if mode == "w":
        write_text(journal, written.getvalue())
    else:
        for line in written.getvalue().splitlines():
            add_line(journal, line)


def killers_of(outcomes: Iterable[Outcome]) -> dict[str, tuple[str, ...]]:
    """Return, for each reference, the tests that have killed its mutants, most often the first."""
    counts = defaultdict[str, Counter[str]](Counter)
    for outcome in outcomes:
        counts[outcome.file][outcome.caught_by] += bool(outcome.caught_by)
    return {file: tuple(test for test, kills in of.most_common() if kills) for file, of in counts.items()}


class Copy:
    """A copy of the project, in which one mutant at a time takes the place of its reference."""

    def __init__(self, folder: Path) -> None:
        """Copy all but what belongs to this machine."""
        self.root = folder / "project"
        shutil.copytree(ROOT, self.root, ignore=_of_this_machine, symlinks=True)
        self.sound = set[tuple[str, str]]()
        """The tests that pass on the reference itself, each with its subject; a reference's name stands for all."""
        self.without_tests = dict[tuple[str, str], bool]()
        """Whether a reference has no test at all with a subject."""
        self.process: subprocess.Popen[str] | None = None
        """The run."""

    def killed_by(self, mutant: Mutant, changed: str) -> str:
        """Return the test that fails first on a mutant, or what else tells it from the original."""
        return next(filter(None, (self._killed_by(mutant.file, subject, changed) for subject in SUBJECTS)), "")

    def _killed_by(self, file: str, subject: str, changed: str) -> str:
        path = self.root / "reference" / f"{file}.py"
        original = path.read_bytes()
        path.write_text(changed, encoding="utf-8", newline="")
        for stored in self.root.glob(f"reference/__pycache__/{file}.*"):
            stored.unlink()
        try:
            code, text = self._run(file, subject, paths(file))
        finally:
            path.write_bytes(original)
        if code == NOTHING_COLLECTED and self._has_no_tests(file, subject):
            return ""
        failed = FAILED.search(text)
        if failed and (failed.group(1), subject) not in self.sound:
            code, text = self._run(file, subject, [failed.group(1)])
            if code:
                raise SystemExit(f"{failed.group(1)} fails on the reference itself, with {subject}:\n{text}")
            self.sound.add((failed.group(1), subject))
        if code and not failed:
            self._require_that_the_reference_passes(file, subject)
        return failed.group(1) if failed else f"pytest's status {code}" * bool(code)

    def _require_that_the_reference_passes(self, file: str, subject: str) -> None:
        """End the program if it is not the mutant by which a run ends without a failed test."""
        if (file, subject) not in self.sound:
            code, text = self._run(file, subject, paths(file))
            if code not in (0, NOTHING_COLLECTED):
                raise SystemExit(f"on the reference itself, with {subject}, pytest ends with status {code}:\n{text}")
            self.sound.add((file, subject))

    def _has_no_tests(self, file: str, subject: str) -> bool:
        if (file, subject) not in self.without_tests:
            code, _ = self._run(file, subject, ["--collect-only", *paths(file)])
            self.without_tests[file, subject] = code == NOTHING_COLLECTED
        return self.without_tests[file, subject]

    def _run(self, file: str, subject: str, tests: Sequence[str]) -> tuple[int, str]:
        plugins = [f"-p{__package__}.{name}" for name in ("touching", "limiting")]
        command = [sys.executable, "-m", "pytest", "-x", *plugins, *options(subject), *tests]
        more = {"OMP_NUM_THREADS": "1", "MUTATED": file, "PYTHONDONTWRITEBYTECODE": "1"}
        text: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
        self.process = subprocess.Popen(
            command, cwd=self.root, env={**os.environ, **more}, start_new_session=True, **text
        )
        with self.process:
            try:
                said = self.process.communicate(timeout=A_RUN)[0]
            except subprocess.TimeoutExpired:
                self.end()
                return 1, ""
        return self.process.returncode, said

    def end(self) -> None:
        """End the run, with all that it has started."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Bench:
    """What tries one mutant after the other."""

    def __init__(self, folder: Path, killers: Mapping[str, tuple[str, ...]]) -> None:
        """`folder` is for its copy of the project, and for what its processes leave behind; `killers` go first."""
        self.folder, self.killers = folder, killers

    @cached_property
    def copy(self) -> Copy:
        """Return a copy of the project, for runs of their own."""
        return Copy(self.folder)

    @cached_property
    def warm(self) -> list[Warm]:
        """Return the processes that hold the tests, one for each subject; none where a process cannot fork."""
        files = sorted({path for file in FILES for path in paths(file)})
        self.folder.mkdir(parents=True, exist_ok=True)
        return [Warm(subject, files, ROOT, self.folder) for subject in SUBJECTS if CAN_FORK]

    def outcome(self, mutant: Mutant, alone: bool) -> Outcome | None:
        """Return what becomes of a mutant; with `alone` in runs of its own, and without it None if it needs them."""
        began, changed = perf_counter(), mutant.source()
        killed_by = NO_PROGRAM if changed is None else self._killed_by(mutant, changed, alone)
        if killed_by is None:
            return None
        seconds = round(perf_counter() - began, 1)
        return Outcome(mutant.file, state(mutant.file), mutant.operator, mutant.occurrence, named(killed_by), seconds)

    def _killed_by(self, mutant: Mutant, changed: str, alone: bool) -> str | None:
        if alone:
            return self.copy.killed_by(mutant, changed)
        question = Question(mutant.file, mutant.function, changed, self.killers.get(mutant.file, ()))
        for verdict in (process.ask(question) for process in self.warm):
            if isinstance(verdict, Killed):
                return verdict.test
            if isinstance(verdict, Undecided):
                return None
        return "" if self.warm else None

    def break_off(self) -> None:
        """Ask its processes to end now."""
        if "copy" in self.__dict__:
            self.copy.end()
        for process in self.__dict__.get("warm", []):
            process.break_off()

    def end(self) -> None:
        """End its processes."""
        for process in self.__dict__.get("warm", []):
            process.end()


def run(mutants: Sequence[Mutant], journal: Path, processes: int, alone: bool = False) -> list[Mutant]:
    """Find out what becomes of these mutants, on so many benches; return those that need runs of their own."""
    killers = killers_of(read(journal).values())
    idle, written, left, broken_off = SimpleQueue[Bench](), Lock(), list[Mutant](), Event()

    def work(mutant: Mutant) -> None:
        bench = idle.get()
        try:
            outcome = bench.outcome(mutant, alone)
        finally:
            idle.put(bench)
        with written:
            if broken_off.is_set():  # what has been found out then is that its tests were
                return
            if outcome is not None:
                write(journal, [outcome])
                print(f"{outcome.key}: {outcome.caught_by or 'SURVIVES'}, {outcome.seconds} s", flush=True)
            if outcome is None or not outcome.caught_by:
                left.append(mutant)

    with TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        benches = [Bench(Path(folder, str(number)), killers) for number in range(processes)]
        for bench in benches:
            idle.put(bench)
        try:
            for future in [pool.submit(work, mutant) for mutant in mutants]:
                future.result()
        except BaseException:
            broken_off.set()
            for bench in benches:
                bench.break_off()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            for bench in benches:
                bench.end()
    return left


def _of_this_machine(folder: str, names: list[str]) -> set[str]:
    hidden = {name for name in names if name.startswith(".") and name not in (".ci", ".github")}
    return hidden | ({"report", "build", "data"} & {*names} if Path(folder) == ROOT else set())
