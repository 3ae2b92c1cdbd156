"""Merge reports, compare them, or render the page of one again.

    python -m spec_tests.report merge DIR FILE FILE...      one report in DIR, with a column for each run
    python -m spec_tests.report compare OLD NEW             what changed, claim by claim
    python -m spec_tests.report page FILE DIR               the report in FILE with a new page, in DIR

Each file is a claims.json that `pytest spec_tests --report DIR` wrote, or a merged one. Invalid options and malformed
files are reported in one line, with exit status 2; the same applies if no run in OLD has a counterpart in NEW.
`compare` exits with status 1 if a claim was lost.
"""

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reference.command import Parser, Refusal, WrongUsage, run
from spec_tests.report import comparing, merging, writing
from spec_tests.report.reading import Data, read

PROGRAM = "python -m spec_tests.report"


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command on reports."""
    run(PROGRAM, lambda: _command(**vars(_parser().parse_args(argv))))


def _command(command: Callable[..., None], **options: Any) -> None:
    try:
        writing.require_packages()
        command(**options)
    except BrokenPipeError:
        raise  # `run` knows what to do
    except (OSError, ValueError, ModuleNotFoundError) as error:
        raise WrongUsage(error) from None


def merge(folder: Path, files: list[Path]) -> None:
    """Write one report of all these files, with a column for each run."""
    _write(folder, merging.merge([read(file) for file in files]))


def compare(old: Path, new: Path) -> None:
    """Print what changed, claim by claim; exit with status 1 if a claim was lost."""
    comparisons, alone = comparing.compare(read(old), read(new))
    print("\n".join(comparing.lines(comparisons, alone)))
    if comparing.lost(comparisons):
        sys.exit(Refusal.status)


def page(file: Path, folder: Path) -> None:
    """Write a report again with a new page."""
    _write(folder, read(file))


def _write(folder: Path, data: Data) -> None:
    writing.write(folder, data)
    print(f"wrote {folder / writing.PAGE} and {folder / writing.DATA}")


def _parser() -> Parser:
    parser = Parser(PROGRAM, description="Merge, compare or render reports of the specification.")
    commands = parser.add_subparsers(required=True, metavar="{merge,compare,page}")
    folder, file = Argument("folder", "DIR", "the folder to write to, created if necessary"), "a claims.json"
    _add(commands, merge, folder, Argument("files", "FILE", file, nargs="+"))
    old, new = Argument("old", "OLD", "an earlier claims.json"), Argument("new", "NEW", "a later claims.json")
    _add(commands, compare, old, new, description=comparing.__doc__)
    _add(commands, page, Argument("file", "FILE", file), folder)
    return parser


class Argument(NamedTuple):
    """A path that a command takes, or several paths."""

    name: str
    metavar: str
    help: str
    nargs: str | None = None


def _add(commands: Any, command: Callable[..., None], *arguments: Argument, description: str | None = None) -> None:
    added = commands.add_parser(
        command.__name__,
        help=command.__doc__,
        description=description or command.__doc__,
        formatter_class=RawDescriptionHelpFormatter,  # a list stays a list
    )
    added.set_defaults(command=command)
    for argument in arguments:
        added.add_argument(argument.name, type=Path, metavar=argument.metavar, help=argument.help, nargs=argument.nargs)


if __name__ == "__main__":
    main()
