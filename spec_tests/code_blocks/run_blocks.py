"""Run code blocks, each in a copy of this process of its own: `python -m spec_tests.code_blocks.run_blocks`.

A line of input names a block and the folder to run it in, as JSON; what the block writes goes to `stdout.txt` and
`stderr.txt` there, and its exit status is a line of output. The packages that the blocks import are imported once,
before the copies are made: that takes longer than all the blocks do. Only where a process can be copied (`AVAILABLE`).
"""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from spec_tests.code_blocks import run_block

AVAILABLE = sys.platform == "linux"
"""On Windows no process can be copied, and on macOS none that has used the system's libraries."""

SECONDS = 300
"""After so long a block is given up as hung: it takes one or two, on a machine that has nothing else to do."""
COMMAND = ("-m", __name__)
STREAMS = ("stdout", "stderr")


def environment() -> dict[str, str]:
    """Return the variables with which a block runs: its streams are UTF-8, its files named as in this process."""
    settings = {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONIOENCODING": "utf-8",  # not PYTHONUTF8, which would also change what the path of a file means
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "TORCH_HOME": "downloads",  # not the user's own cache
    }
    return os.environ | settings


class Runner:
    """A process that runs blocks one after the other, for as long as the `with` statement lasts."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it."""
        command = [sys.executable, *COMMAND]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, encoding="utf-8")

    def run(self, block: Path, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a block in a folder, and return how it ended and what it wrote; RuntimeError if the process has ended."""
        with suppress(BrokenPipeError):  # it has ended, and says so below
            _pipe(self._process.stdin).write(json.dumps([str(block), str(folder)]) + "\n")
            _pipe(self._process.stdin).flush()
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the process that runs the code blocks ended with {self._process.wait()}")
        output, errors = ((folder / f"{name}.txt").read_text(encoding="utf-8") for name in STREAMS)
        return subprocess.CompletedProcess([str(block)], int(line), output, errors)

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process, which may have ended with something left that it was to read."""
        with suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()


@contextmanager
def at_a_time(count: int) -> Iterator[ThreadPoolExecutor]:
    """Yield what makes so many calls at a time; at the end, it waits for those that have begun and drops the others."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process has no pipe")
    return pipe


def main() -> None:
    """Run what the lines of input say."""
    for name in ("torch", "torchvision"):
        import_module(name)
    for line in sys.stdin:
        block, folder = json.loads(line)
        copy = multiprocessing.get_context("fork").Process(target=_run, args=(Path(block), Path(folder)))
        copy.start()
        copy.join(SECONDS)
        if copy.is_alive():
            copy.kill()
            copy.join()
        print(copy.exitcode, flush=True)


def _run(block: Path, folder: Path) -> None:
    """Run a block in this process, which is a copy."""
    os.chdir(folder)
    for name in STREAMS:
        with open(f"{name}.txt", "wb") as file:
            os.dup2(file.fileno(), getattr(sys, name).fileno())
    run_block.main(block)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # whoever started this process is told, too
        main()
