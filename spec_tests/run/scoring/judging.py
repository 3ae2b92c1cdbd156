"""One file is judged: read, then tried rung by rung in processes of its own, with limits of time and memory.

The judging process (`python -m spec_tests --exercise`) starts another one for the file; what the file returns is judged
in a process that it cannot write to. A file gets a folder of its own, with a copy of it and nothing else.
"""

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spec_tests.contract.imports import forbidden

ROOT = Path(__file__).parents[3]
NAME = "submission.py"
"""What a file is called while it is judged: a name like random.py would stand before Python's own module."""
LONGEST = 1_000_000
"""How many bytes a file may have."""
LONGEST_LINE = 500
GRACE = 10.0
"""How many seconds a judging process has to end its file's process, once it is told to."""
GLANCE = 0.1
ENDS = (0, 1, 5)
"""With which exit codes an exercise ends that was judged to its end."""
ENDED = re.compile(r"^(?:spec_tests\.vocabulary\.subject\.)?SubjectEnded: ")
"""How it is said of a call that it ended its process, or took too long."""
POSIX = os.name == "posix"

JUDGE = """\
import atexit, os, signal, sys
from spec_tests.__main__ import main
signal.signal(signal.SIGTERM, lambda *_: (atexit._run_exitfuncs(), os._exit(1)))
sys.exit(main(sys.argv[1:]))
"""
"""What a judging process runs: the specification, which ends the file's process when it is told to end itself."""

Rungs = dict[tuple[str, str, str], str]
"""How every rung ended, by operation, level and rung."""


@dataclass(frozen=True)
class Limits:
    """What all files are judged with; the times in seconds."""

    call: float = 2.0
    memory: int = 1 << 30
    file: float = 120.0
    allowed: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """What a file came to."""

    name: str
    rungs: Rungs
    reason: str = ""
    """Why it has no points, or not all that it could have."""
    seconds: float = 0.0
    said: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """What was found at the rungs that are wrong: the first line of it."""

    @property
    def remark(self) -> str:
        """Why it has not all points that it could have: the reason, or the first rung at which it ended its process."""
        ended = (text for text in self.said.values() if ENDED.search(text))
        return self.reason or next((ENDED.sub("", text, count=1) for text in ended), "")


def judge(file: Path, limits: Limits, stop: threading.Event) -> Judged:
    """Judge a file; it has no points if it cannot be read, or imports what it may not."""
    start = time.monotonic()
    try:
        if file.exists() and not file.is_file():
            return Judged(file.name, {}, "it cannot be read: it is no file")
        with file.open("rb") as opened:
            source = opened.read(LONGEST + 1)
    except OSError as error:
        return Judged(file.name, {}, f"it cannot be read: {error.strerror or error}")
    if reason := unfit(source, limits.allowed):
        return Judged(file.name, {}, reason)
    rungs, reason, said = tried(source, limits, stop)
    return Judged(file.name, rungs, reason.replace(NAME, file.name), time.monotonic() - start, said)


def unfit(source: bytes, allowed: Sequence[str]) -> str:
    """Return why a file is not even started, or ""."""
    if len(source) > LONGEST:
        return f"it has more than {LONGEST} bytes"
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"{f'line {error.lineno}: ' if error.lineno else ''}{type(error).__name__}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    if found := forbidden(tree, allowed):
        return f"forbidden import: {found}"
    return ""


def tried(source: bytes, limits: Limits, stop: threading.Event) -> tuple[Rungs, str, Rungs]:
    """Try a file rung by rung; return how they ended, why not all of them were decided, and what was said of each."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own,
    ):
        file, result, output = Path(folder, NAME), Path(own, "result.json"), Path(own, "output")
        file.write_bytes(source)
        with output.open("wb") as written:
            code = _ran(_command(file, result, limits), folder, written, limits.file, stop)
        said = output.read_bytes()[-20_000:].decode("utf-8", "replace").replace(str(file.resolve()), NAME)
        rungs, reasons = _read(result)
    if code is None:
        return rungs, f"not ended within {limits.file:g} s", reasons
    if code not in ENDS:
        return {}, _complaint(said.replace(str(file), NAME)) or f"its judging ended with exit code {code}", {}
    return rungs, "", reasons


def _command(file: Path, result: Path, limits: Limits) -> list[str]:
    options = [f"--subject={file}", "--spec-exercise", f"--spec-exercise-json={result}", "--spec-language=en"]
    options += [f"--time-limit={limits.call:g}", f"--memory-limit={limits.memory}"]
    options += [f"--imports={','.join(limits.allowed)}", *(f"--only={entry}" for entry in limits.only)]
    return [sys.executable, "-P", "-c", JUDGE, "-q", "-pno:randomly", *options]


def _ran(command: list[str], folder: str, output: Any, limit: float, stop: threading.Event) -> int | None:
    """Run a command and return its exit code, None if it was ended."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    threads = {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environment = {**os.environ, **threads, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    apart: dict[str, Any] = {"start_new_session": True}
    if not POSIX:
        apart = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        **apart,
    )
    end = time.monotonic() + limit
    try:
        while time.monotonic() < end and not stop.is_set():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=GLANCE)
    finally:  # after a Ctrl-C, too
        if process.returncode is None:
            _end(process)
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a judging process: let it end what it has started, then end it anyway."""
    if POSIX:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.terminate()
            process.wait(timeout=GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def _read(result: Path) -> tuple[Rungs, Rungs]:
    """Return the rungs that were decided and what was said of each; none if there is no result."""
    try:
        found = json.loads(result.read_text(encoding="utf-8"))["rungs"]
        keys = [(one["operation"], one["level"], one["rung"]) for one in found]
        return (
            dict(zip(keys, (one["outcome"] for one in found), strict=True)),
            {key: one["reason"][:LONGEST_LINE] for key, one in zip(keys, found, strict=True) if one["reason"]},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}


def _complaint(said: str) -> str:
    """Return what a run said of the file that it could not load."""
    complaints = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    if not complaints:
        return ""
    text = complaints[-1].removeprefix("ERROR: ").removeprefix(f"--subject {NAME} --device cpu: ")
    return " ".join(text.split())[:500]
