"""What the package's commands have in common: what they cannot do is said in one line, never with a traceback."""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

PATIENCE = 5.0
"""Seconds for which another process than the first waits with its own complaint: usually the first has the same."""


class Refusal(Exception):
    """What the command cannot do, in one line, and the status that it ends with."""

    status = 1


class WrongUsage(Refusal):
    """Options that are not understood."""

    status = 2


class Interrupted(Refusal):
    """The end of a command that was asked to stop."""

    status = 130


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Refuse the options."""
        raise WrongUsage(message)


def number_from(kind: Callable[[str], Any], least: int) -> Callable[[str], Any]:
    """Return what turns an option's text into a finite number of this kind, none below the least."""

    def number(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"must be a finite number of at least {least}, got {text}")
        return value

    number.__name__ = kind.__name__  # argparse names the kind when the text is no number
    return number


def needed(package: str, purpose: str) -> Any:
    """Import what the package `reference` itself does without."""
    try:
        return import_module(package)
    except ModuleNotFoundError:
        raise Refusal(f"{purpose} needs {package}, which is not installed; torch-by-hand[train] names it") from None


def run(program: str, command: Callable[[], None], rank: int = 0) -> None:
    """Run a command; a refusal ends it with one line and a status over 0.

    Of several processes the first one speaks; another one, of higher rank, only if it has not been stopped by then.
    """
    try:
        command()
    except Refusal as refusal:
        if rank > 0:
            time.sleep(PATIENCE)
        process = f"process {rank}: " if rank > 0 else ""
        print(f"{program}: error: {process}{refusal}", file=sys.stderr, flush=True)
        sys.exit(refusal.status)
    except BrokenPipeError:  # whoever read what is printed has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(Interrupted.status)
