"""The process that answers for a subject, seen from the run: asked, waited for, and ended."""

import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from spec_tests.contract.messages import Junk, packed, read_answer
from spec_tests.vocabulary.subject import NotOffered

ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, "-P", "-m", "spec_tests.contract.worker")
GLANCE = 0.1
"""After how many seconds without an answer to look whether the process is still there."""
PATIENCE = 5
"""How many times its limit a call may take on a busy machine, as long as the process has not had so much time."""
POSIX = os.name == "posix"


LAST_LINES, LAST_BYTES = 3, 4_000
"""How much is kept of what a process wrote to its standard error before it ended."""


class Ended(Exception):
    """The process has ended or was ended, and why: "took longer than 2 s"."""

    said = ""
    """The last lines that it wrote to its standard error."""


class Process:
    """A process that answers, one call at a time, in the words of `messages.py`."""

    read: Callable[[Any], Any] = staticmethod(read_answer)
    """How an answer is read from its output; it raises Junk, or EOFError."""

    def __init__(
        self, folder: str, command: Sequence[str] = WORKER, environment: Mapping[str, str] | None = None
    ) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        new_group: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is the run's, and all it starts ends with it
        if not POSIX:
            new_group = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115  # `_end` closes it
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.complaints,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path} if environment is None else environment,
                **new_group,
            )
        except BaseException:
            self.complaints.close()
            raise
        self.number = 0
        self.calls: SimpleQueue[Any] = SimpleQueue()
        self.answers: SimpleQueue[Any] = SimpleQueue()
        passing = (self.process.stdin, self.process.stdout, self.read, self.calls, self.answers)
        threading.Thread(target=_pass_on, args=passing, daemon=True).start()
        self.close = weakref.finalize(self, _end, self.process, self.calls, self.complaints, os.getpid())

    def ask(self, request: Any, limit: float | None) -> Any:
        """Return the answer to a request; end the process and raise Ended if there is none in time."""
        try:
            pieces = self.written(request)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise NotOffered(f"an argument cannot be handed to another process: {error}") from None
        self.number += 1
        self.calls.put([pieces, request])  # the pieces lie in the memory of its arrays
        try:
            return self._answer(limit)
        except BaseException as error:  # an interrupted run too: its answer would be taken for that to the next call
            if isinstance(error, Ended):
                error.said = self._said()
            self.close()
            raise

    def written(self, request: Any) -> list[Any]:
        """Return a request as the pieces of memory to send."""
        return packed(self.number + 1, request)

    def checked(self, answer: Any) -> Any:
        """Return what was read, if it is an answer to this request; raise Junk if not."""
        header, body = answer
        if not isinstance(header, dict) or header.get("call") != self.number:
            raise Junk("what came from its process is no answer to this call")
        return header, body

    def _answer(self, limit: float | None) -> Any:
        begin, used = time.monotonic(), processor_time(self.process.pid)
        end = None if limit is None else begin + limit
        while True:
            left = GLANCE if end is None else min(GLANCE, end - time.monotonic())
            try:
                answer = self.answers.get(timeout=max(left, 0))
                break
            except Empty:
                if self.process.poll() is not None:
                    answer = self._last()
                    break
                if limit is not None and end is not None and time.monotonic() >= end:
                    waited_for_its_turn = processor_time(self.process.pid) - used < limit / 2
                    if not waited_for_its_turn or end > begin + limit:
                        raise Ended(f"took longer than {limit:g} s") from None
                    end = begin + PATIENCE * limit
        if isinstance(answer, Junk):
            raise answer
        if isinstance(answer, BaseException):
            raise Ended(self._how_it_ended())
        return self.checked(answer)

    def _last(self) -> Any:
        """Return what a process that has ended had still answered; something it started may hold the pipe open."""
        try:
            return self.answers.get(timeout=GLANCE)
        except Empty:
            return EOFError()

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "closed the channel of its process"
        return f"was killed by signal {-code}" if code < 0 else f"ended its process with exit code {code}"

    def _said(self) -> str:
        """Return the last lines of its standard error: ": a line / another one", or nothing."""
        size = self.complaints.seek(0, os.SEEK_END)
        self.complaints.seek(max(0, size - LAST_BYTES))
        lines = self.complaints.read().decode(errors="replace").split("\n")
        kept = [text for line in lines if (text := " ".join(line.split()))][-LAST_LINES:]
        return f": {' / '.join(kept)}" if kept else ""


def processor_time(process: int) -> float:
    """Return how many seconds of a processor a process has had; infinity where the system does not tell (not Linux)."""
    try:
        text = Path(f"/proc/{process}/stat").read_bytes().decode(errors="replace")
    except OSError:
        return math.inf
    user, system = text.rpartition(")")[2].split()[11:13]  # behind its name, which may hold anything
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _pass_on(
    stdin: Any, stdout: Any, read: Callable[[Any], Any], calls: "SimpleQueue[Any]", answers: "SimpleQueue[Any]"
) -> None:
    """Send the calls and receive the answers, so that nobody else has to wait for a process that does neither."""
    with contextlib.suppress(OSError), stdin, stdout:
        while (sent := calls.get()) is not None:
            try:
                for piece in sent[0]:
                    stdin.write(piece)
                stdin.flush()
                sent.clear()
                answers.put(read(stdout))
            except Junk as junk:
                answers.put(junk)
            except (OSError, EOFError, ValueError, MemoryError):
                answers.put(EOFError())
                break


def _end(process: "subprocess.Popen[bytes]", calls: "SimpleQueue[Any]", complaints: Any, owner: int) -> None:
    """End a process and, as far as the system allows, all that it has started."""
    if os.getpid() != owner:
        return  # a copy of the run, which has not started it
    if POSIX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    with contextlib.suppress(OSError):
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    calls.put(None)
    complaints.close()
