"""What the package's commands have in common: what they cannot do is said in one line, never with a traceback."""

import argparse
import math
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn


class Refusal(Exception):
    """What the command cannot do, in one line."""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, and ends the command with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the command."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def number_from(kind: Callable[[str], Any], least: int) -> Callable[[str], Any]:
    """Return what turns an option's text into a number of this kind, none below the least."""

    def number(text: str) -> Any:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return value

    number.__name__ = kind.__name__  # argparse names the kind when the text is no number
    return number


def needed(package: str, purpose: str) -> Any:
    """Import what the package `reference` itself does without."""
    try:
        return import_module(package)
    except ModuleNotFoundError:
        raise Refusal(f"{purpose} needs {package}, which is not installed; torch-by-hand[train] names it") from None


def run(program: str, command: Callable[[], None], speaks: bool = True) -> None:
    """Run a command; a refusal ends it with one line (if this process is to speak) and status 1."""
    try:
        command()
    except Refusal as refusal:
        if speaks:
            print(f"{program}: error: {refusal}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
