"""Runs the tests on mutants, each in a copy of the project, and notes what becomes of them as soon as it is known."""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Lock
from time import perf_counter

from spec_tests.strength.mutation.mutants import Mutant, state
from spec_tests.strength.mutation.touching import WITHOUT_SHRINKING, paths

ROOT = Path(__file__).parents[3]
SUBJECTS = ("reference", "torch")
"""The subjects of the two runs that a mutant must pass to survive; the second takes longer and has fewer tests left."""

PATIENCE = 10
"""How many times as long as the reference itself a mutant may take, before it is stopped."""
AT_LEAST = 120
"""Seconds that it may always take: a machine may have something else to do."""

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


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


def read(journal: Path) -> dict[str, Outcome]:
    """Return what is known of the mutants of the references as they are now."""
    if not journal.is_file():
        return {}
    with journal.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if None not in row.values()]
    found = [
        Outcome(r["file"], r["state"], r["operator"], int(r["occurrence"]), r["caught_by"], float(r["seconds"]))
        for r in rows
    ]
    return {outcome.key: outcome for outcome in found if outcome.state == state(outcome.file)}


def write(journal: Path, outcomes: Sequence[Outcome], mode: str = "a") -> None:
    """Add rows to the journal, or with mode "w" begin it anew with them."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    begins = mode == "w" or not journal.is_file()
    with journal.open(mode, encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerows([COLUMNS] * begins + [list(astuple(outcome)) for outcome in outcomes])


class Copy:
    """A copy of the project, in which one mutant at a time takes the place of its reference."""

    def __init__(self, folder: Path) -> None:
        """Copy all but what belongs to this machine."""
        self.root = folder / "project"
        shutil.copytree(ROOT, self.root, ignore=_of_this_machine, symlinks=True)
        self.seconds: dict[tuple[str, str], float] = {}
        """How long the tests of a reference took, by it and the subject, where nothing was changed."""

    def outcome(self, mutant: Mutant) -> Outcome | None:
        """Run the tests on a mutant; None if it is no program."""
        changed, began = mutant.source(), perf_counter()
        if changed is None:
            return None
        caught_by = next(filter(None, (self._caught_by(mutant.file, subject, changed) for subject in SUBJECTS)), "")
        seconds = round(perf_counter() - began, 1)
        return Outcome(mutant.file, state(mutant.file), mutant.operator, mutant.occurrence, caught_by, seconds)

    def _run_unchanged(self, file: str, subject: str) -> None:
        """Require the tests to pass on the reference itself; that also stores them in compiled form."""
        began = perf_counter()
        code, text = self._run(file, subject, {}, None)
        if code:
            raise SystemExit(
                f"the tests of {file} fail on the reference itself, with {subject} as the subject:\n{text}"
            )
        self.seconds[file, subject] = perf_counter() - began

    def _caught_by(self, file: str, subject: str, changed: str) -> str:
        """Return the test that fails first on the changed source, or what else tells it from the original."""
        if (file, subject) not in self.seconds:
            self._run_unchanged(file, subject)
        path = self.root / "reference" / f"{file}.py"
        original = path.read_bytes()
        path.write_text(changed, encoding="utf-8", newline="")
        for stored in self.root.glob(f"reference/__pycache__/{file}.*"):
            stored.unlink()
        limit = max(PATIENCE * self.seconds[file, subject], AT_LEAST)
        try:
            code, text = self._run(file, subject, {"PYTHONDONTWRITEBYTECODE": "1"}, limit)
        except subprocess.TimeoutExpired:
            return "the time limit"
        finally:
            path.write_bytes(original)
        failed = FAILED.search(text)
        return (
            failed.group(1).rpartition("::")[2].partition("[")[0] if failed else f"pytest's status {code}" * bool(code)
        )

    def _run(self, file: str, subject: str, more: dict[str, str], limit: float | None) -> tuple[int, str]:
        plugin = "spec_tests.strength.mutation.touching"
        options = ["-x", "-q", "--tb=no", "--slow", "-pno:cacheprovider", f"-p{plugin}", f"--subject={subject}"]
        profile = f"--hypothesis-profile={WITHOUT_SHRINKING}"
        command = [sys.executable, "-m", "pytest", *options, profile, *paths(file)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MUTATED": file, **more}
        done = subprocess.run(
            command, cwd=self.root, env=environment, timeout=limit, capture_output=True, encoding="utf-8"
        )
        return done.returncode, done.stdout + done.stderr


def run(mutants: Sequence[Mutant], journal: Path, processes: int) -> None:
    """Find out what becomes of these mutants, in so many processes."""
    idle, written = SimpleQueue[Copy](), Lock()

    def work(file: str) -> None:
        copy = idle.get()
        for outcome in map(copy.outcome, (mutant for mutant in mutants if mutant.file == file)):
            with written:
                if outcome is not None:
                    write(journal, [outcome])
                    print(f"{outcome.key}: {outcome.caught_by or 'SURVIVES'}, {outcome.seconds} s", flush=True)
        idle.put(copy)

    with TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        for number in range(processes):
            idle.put(Copy(Path(folder, str(number))))
        list(pool.map(work, sorted({mutant.file for mutant in mutants})))


def _of_this_machine(folder: str, names: list[str]) -> set[str]:
    hidden = {name for name in names if name.startswith(".") and name not in (".ci", ".github")}
    return hidden | ({"report", "build", "data"} & {*names} if Path(folder) == ROOT else set())
