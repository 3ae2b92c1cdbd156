"""What the package's commands share: an error is one line, never a traceback."""

import _thread
import argparse
import io
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Timer, current_thread, main_thread
from types import FrameType
from typing import Any, NoReturn

OLDEST = {"torch": (2, 11), "torchvision": (0, 26)}
"""The first versions that will do, as in pyproject.toml."""

PATIENCE = 5.0
"""Seconds that other ranks wait before reporting an error, which rank 0 has usually reported already."""


LONGEST_MESSAGE = 1000
"""Characters of an error: a path may be thousands long, and a file may hold any name."""


class Refusal(Exception):
    """An error that ends a command: a message of one line, and the exit status."""

    status = 1


class WrongUsage(Refusal):
    """Invalid options."""

    status = 2


class Interrupted(Refusal):
    """A command that was interrupted, by Ctrl-C unless another signal is named."""

    status = 130

    def __init__(self, message: str, signal: int = 2) -> None:
        super().__init__(message)
        self.status = 128 + signal


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what ends the command."""
        raise WrongUsage(message)


class EndingParser(argparse.ArgumentParser):
    """A parser that ends the process for an error, as argparse's own does, but with one line."""

    def error(self, message: str) -> NoReturn:
        """Print the line, and end."""
        self.exit(WrongUsage.status, f"{self.prog}: error: {in_one_line(message)}\n")


def number_from(kind: Callable[[str], Any], least: int) -> Callable[[str], Any]:
    """Return the function that parses an option as a finite number of this kind, at least `least`."""

    def number(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"must be a finite number of at least {least}, got {text}")
        return value

    number.__name__ = kind.__name__  # argparse prints this name if the text is not a number
    return number


def needed(package: str, purpose: str, extra: str = "train") -> Any:
    """Import an optional dependency, which an extra of this distribution installs."""
    try:
        module = import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise Refusal(f"{purpose} needs {package}, which in turn lacks {error.name}") from None
        raise Refusal(
            f"{purpose} needs {package}, which is not installed; it comes with torch-by-hand[{extra}]"
        ) from None
    except (ImportError, OSError, RuntimeError) as error:  # of another version than what it is built on, for example
        reason = str(error).partition("\n")[0]
        raise Refusal(f"{purpose} needs {package}, which is installed but cannot be imported: {reason}") from None
    oldest, version = OLDEST.get(package, ()), getattr(module, "__version__", "")
    if _numbers(version) < oldest:
        wanted = ".".join(map(str, oldest))
        raise Refusal(f"{purpose} needs {package} {wanted} or later, not {version}: pip install -U {package}")
    return module


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version.

    >>> _numbers("2.4.1+cpu")
    (2, 4)
    """
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def in_one_line(message: object) -> str:
    r"""Return a message as one line of text, for it may quote a name or a file of somebody else.

    What a terminal would obey is written in escapes; of a very long message both ends stay.

    >>> in_one_line("no file 'a\nb\x1b[31m'")
    "no file 'a\\nb\\x1b[31m'"
    """
    text = str(message)
    half = LONGEST_MESSAGE // 2
    text = text if len(text) <= LONGEST_MESSAGE else f"{text[:half]} ... {text[-half:]}"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, nothing of one that has no text: it may be somebody else's."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:
        return ""


def escape_what_cannot_be_shown() -> None:
    """Let a character that the terminal does not have be printed in escapes, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write_no_more() -> None:
    """Drop what is left to print, so that Python does not try again as it ends."""
    with suppress(OSError, ValueError):  # a stream of others has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_asked_to_end: list[int] = []
"""The signals that have asked the command which runs to end."""


def end_if_asked() -> None:
    """Raise KeyboardInterrupt if a signal has asked the command to end: what was called meanwhile may have kept it."""
    if _asked_to_end:
        raise KeyboardInterrupt


def end_with_the_usual_status() -> None:
    """Let Python end with the status that it is told, though a KeyboardInterrupt has been caught.

    One that has left an `exec` of a text, as in the making of a data class, would make it end by SIGINT all the same.
    """
    exec("")


MOMENT = 0.05
"""Seconds until an interruption is tried again."""


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt for a signal, as its handler.

    A moment later if the signal came amid code of no line, the jump at the end of a loop for example: the traceback
    would have an entry without a line number, on which pytest fails.
    """
    if frame is None or frame.f_lineno is not None:
        raise KeyboardInterrupt
    again = Timer(MOMENT, _thread.interrupt_main, [number])
    again.daemon = True
    again.start()


@contextmanager
def saying_what_is_kept(kept: Callable[[], str]) -> Iterator[None]:
    """Let an interrupted command end with a line that says what is kept of its work, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {kept()}") from None


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt as SIGINT does, and note both; others' handlers stay.

    A fork of this process is ended by SIGTERM as if there were no handler.
    """
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    process = os.getpid()

    def note(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process and number == signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _asked_to_end.append(number)
        interrupt(number, frame)

    ours = current_thread() is main_thread()  # no other may say what a signal does
    before = {kind: handler for kind, handler in usual.items() if ours and signal.getsignal(kind) is handler}
    for kind in before:
        signal.signal(kind, note)
    try:
        yield
    finally:
        end_with_the_usual_status()
        for kind, handler in before.items():
            if signal.getsignal(kind) is note:
                signal.signal(kind, handler)


def run(program: str, command: Callable[[], None], rank: int = 0) -> None:
    """Run a command; a refusal ends it with one line and a nonzero exit status.

    Of several processes, rank 0 reports at once, the others only if they have not been stopped in the meantime. SIGTERM
    ends a command as Ctrl-C does: it lets go of the processes and unfinished files that are its own.
    """
    escape_what_cannot_be_shown()
    _asked_to_end.clear()
    try:
        try:
            with interrupted_by_signals():
                command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where it can still be said that it failed
    except Refusal as refusal:
        if rank > 0:
            time.sleep(PATIENCE)
        process = f"process {rank}: " if rank > 0 else ""
        print(f"{program}: error: {process}{in_one_line(refusal)}", file=sys.stderr, flush=True)
        by_signal = isinstance(refusal, Interrupted) and _asked_to_end
        sys.exit(128 + _asked_to_end[0] if by_signal else refusal.status)
    except BrokenPipeError:  # the reader of the output has gone
        _write_no_more()
        sys.exit(1)
    except OSError as error:  # there is no room left for the output, for example
        _write_no_more()
        place = f"{error.filename}: " if error.filename else ""
        print(f"{program}: error: {in_one_line(f'{place}{error.strerror or error}')}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(128 + _asked_to_end[0] if _asked_to_end else Interrupted.status)
