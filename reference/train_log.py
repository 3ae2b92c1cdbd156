"""What a training logs for TensorBoard; a disk that is full ends the run in order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from reference.command import Refusal, needed


class Log:
    """Logs numbers by name and step, if there is a writer; what it could not write is kept as an error."""

    def __init__(self, folder: Path | None = None, writer: Any = None) -> None:
        self.folder, self.writer, self.error = folder, writer, ""

    def __call__(self, name: str, value: float, step: int) -> None:
        """Log a number, unless one could not be written before."""
        if self.writer is not None and not self.error:
            with self._keeping_errors():
                self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left, and close the file."""
        if self.writer is not None:
            with self._keeping_errors():
                self.writer.close()

    @contextmanager
    def _keeping_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or f"--logdir {self.folder}: {error.strerror or error}"


@contextmanager
def log_in(folder: Path | None, steps: int) -> Iterator[Log]:
    """Yield what logs into a folder, or nowhere; what was logged there of later steps is purged."""
    if folder is None:
        yield Log()
        return
    needed("tensorboard", "--logdir")
    with silent_writers():
        try:
            writer = import_module("torch.utils.tensorboard").SummaryWriter(str(folder), purge_step=steps + 1)
        except OSError as error:
            raise Refusal(f"--logdir {folder}: {error.strerror}") from None
        except UnicodeError:
            raise Refusal(f"--logdir {folder}: TensorBoard takes no name that is not UTF-8") from None
        log = Log(folder, writer)
        try:
            yield log
        finally:
            log.close()
    if log.error:
        raise Refusal(log.error)


@contextmanager
def silent_writers() -> Iterator[None]:
    """Let no thread print an error of the disk: TensorBoard's raises it again at the next call."""
    before = threading.excepthook

    def hook(error: threading.ExceptHookArgs) -> None:
        if not isinstance(error.exc_value, OSError):
            before(error)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
