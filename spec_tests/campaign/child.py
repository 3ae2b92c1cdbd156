"""A process that runs tasks, one after the other: `python -m spec_tests.campaign.child`.

A worker of dask has threads of its own, which draw random numbers: what Hypothesis draws there could not be repeated.
So each thread of a worker has such a child, and tells it by a line of JSON what to run. A child that dies takes its
task along; a worker that dies takes its children along.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from queue import SimpleQueue
from typing import Any

from spec_tests.campaign.task import Outcome, Task, run

COMMAND = ("-m", __name__)
_threads = threading.local()
"""What each thread of this worker has: its child."""


def run_in_child(task: Task, seed: int, examples: int, options: Sequence[str]) -> dict[str, Any]:
    """Run a task in this thread's child, and return its `Outcome` as a dictionary."""
    child = _started()
    try:
        _stream(child.stdin).write(json.dumps([task, seed, examples, list(options)]) + "\n")
        _stream(child.stdin).flush()
        line = _stream(child.stdout).readline()
    except BrokenPipeError:
        line = ""
    if line:
        found: dict[str, Any] = json.loads(line)
        return found
    status = child.wait()
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return asdict(Outcome(*task, seed, "died", message=f"the process of the test ended with {how}"))


def _started() -> "subprocess.Popen[str]":
    child: subprocess.Popen[str] | None = getattr(_threads, "child", None)
    if child is None or child.poll() is not None:
        path = os.pathsep.join(filter(None, sys.path))
        child = _threads.child = subprocess.Popen(
            [sys.executable, *COMMAND],
            env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
    return child


def _stream(stream: Any) -> Any:
    if stream is None:
        raise ValueError("the child has no pipe")
    return stream


def main() -> None:
    """Run what the lines of input say, and answer each with a line; what else is written goes nowhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for line in _lines():
        task, seed, examples, options = json.loads(line)
        print(json.dumps(run(Task(*task), seed, examples, options)), file=answers, flush=True)


def _lines() -> Iterator[str]:
    """Yield the lines of input; once it ends, because the worker has ended, so does this process, at once."""
    lines = SimpleQueue[str]()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield lines.get()


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):  # whoever started this process has ended
        os._exit(1)
