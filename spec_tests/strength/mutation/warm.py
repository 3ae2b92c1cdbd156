"""A process that stands ready with all tests collected, and says what becomes of mutants (`forking.py`)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spec_tests.strength.mutation.swapping import noting_what_runs
from spec_tests.strength.mutation.verdicts import Question, Verdict

CAN_FORK = hasattr(os, "fork")


class Warm:
    """Such a process."""

    def __init__(self, subject: str, paths: Sequence[str], root: Path, folder: Path) -> None:
        """Start it with the tests of these files of the project in `root`; `folder` is for what it leaves behind."""
        self.connection, theirs = Pipe()
        command = [sys.executable, "-m", __spec__.name, str(theirs.fileno()), subject, *paths]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            command, cwd=root, env=environment, pass_fds=[theirs.fileno()], start_new_session=True
        )
        theirs.close()

    def ask(self, question: Question) -> Verdict:
        """Return what becomes of a mutant."""
        try:
            self.connection.send(question)
            answer: Verdict = self.connection.recv()
        except (EOFError, OSError):
            raise SystemExit("the process that holds the tests has ended") from None
        return answer

    def break_off(self) -> None:
        """Ask it to end now; while it still begins, it ends without a word."""
        self.process.terminate()

    def end(self) -> None:
        """Let it go."""
        self.connection.close()
        self.process.wait()


def _answer(connection: Connection, subject: str, paths: Sequence[str]) -> None:
    """Answer questions; what the tests need is imported only now, to know what of it runs."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, noting_what_runs() as ran:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        forking: Any = import_module("spec_tests.strength.mutation.forking")
        forking.serve(connection, subject, ran, paths)


if __name__ == "__main__":
    _answer(Connection(int(sys.argv[1])), sys.argv[2], sys.argv[3:])
