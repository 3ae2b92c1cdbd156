"""Write the vectors, measure how strong they are, or compare a program's answers with them.

    python -m spec_tests.vectors DIR [--small] [--only OPERATION]          write the set to DIR
    python -m spec_tests.vectors strength [DIR]                            which wrong implementations it catches
    python -m spec_tests.vectors check DIR ANSWERS.json [--json FILE] [--report FILE]

DIR must be empty, or hold such a set, which is replaced. `strength` without DIR takes the small set. `check` exits with
status 1 if an answer is wrong. Whatever is wrong with an argument or a file is told in one line, with status 2.
"""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from reference.command import Parser, Refusal, WrongUsage, run
from reference.whole_files import check_apart, check_place, write_text
from spec_tests.vectors import answers, strength
from spec_tests.vectors.reading import Cases, cases_in
from spec_tests.vectors.series import OPERATIONS, file_of
from spec_tests.vectors.writing import INDEX, refuse_foreign, write

Command = Callable[[], None]
PROGRAM = "python -m spec_tests.vectors"
COMMANDS = ("strength", "check")


def main(argv: Sequence[str] | None = None) -> None:
    """Write, measure or check."""
    given = list(sys.argv[1:] if argv is None else argv)
    run(PROGRAM, lambda: _command(given))


def _command(given: list[str]) -> None:
    name = given[0] if given and given[0] in COMMANDS else "write"
    parser = Parser(PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    command = {"strength": _strength, "check": _check, "write": _write}[name](parser, given[name != "write" :])
    try:
        command()
    except BrokenPipeError:
        raise  # `run` knows what to do
    except (OSError, ValueError) as error:
        raise WrongUsage(error) from None


def _write(parser: ArgumentParser, given: list[str]) -> Command:
    parser.add_argument("folder", type=Path, metavar="DIR", help="an empty folder, or one of vectors")
    parser.add_argument("--small", action="store_true", help="500 cases instead of more than 10,000")
    parser.add_argument(
        "--only", action="append", choices=OPERATIONS, metavar="OPERATION", help="only this; may be repeated"
    )
    return partial(write_set, **vars(parser.parse_args(given)))


def _strength(parser: ArgumentParser, given: list[str]) -> Command:
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="a folder of vectors; else the small set")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table of all wrong implementations")
    return partial(measure, **vars(parser.parse_args(given)))


def _check(parser: ArgumentParser, given: list[str]) -> Command:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of vectors")
    parser.add_argument("answers_file", type=Path, metavar="ANSWERS", help="a JSON file with a program's answers")
    parser.add_argument("--json", dest="json_file", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write it as a claims.json for the report")
    return partial(check, **vars(parser.parse_args(given)))


def write_set(folder: Path, small: bool, only: list[str] | None) -> None:
    """Write the set, or a part of it, to a folder."""
    refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    check_place(folder / INDEX)
    chosen = [operation for operation in OPERATIONS if not only or operation in only]
    files = {}
    for operation in chosen:
        file = file_of(operation, small)
        if file.cases:
            files[operation] = file
            print(f"{operation}: {len(file.cases)} cases", flush=True)
    write(folder, files, small)
    print(f"wrote {sum(len(file.cases) for file in files.values())} cases to {folder}")


def small_set() -> Iterator[Cases]:
    """Make the small set, as its readers have it."""
    for operation in OPERATIONS:
        yield Cases.made(file_of(operation, small=True))


def measure(folder: Path | None, table: Path | None) -> None:
    """Print which wrong implementations a set catches."""
    _check_outputs([table], [] if folder is None else folder.glob("*"))
    results = list(strength.measured(small_set() if folder is None else cases_in(folder)))
    if table is not None:
        write_text(table, strength.table(results))
    print("\n".join(strength.summary(results)))


def check(folder: Path, answers_file: Path, json_file: Path | None, report: Path | None) -> None:
    """Compare answers with a set, and print the table."""
    _check_outputs([json_file, report], [answers_file, *folder.glob("*")])
    name, given = answers.read_answers(answers_file)
    result = answers.checked(cases_in(folder), name, given)
    print(result.text())
    if json_file is not None:
        write_text(json_file, json.dumps(result.as_json(), indent=1) + "\n")
    if report is not None:
        write_text(report, json.dumps(answers.as_report(result), indent=1) + "\n")
    if result.failed:
        sys.exit(Refusal.status)


def _check_outputs(files: Sequence[Path | None], read: Iterable[Path]) -> None:
    """Raise OSError if what is to be written cannot be, or would replace what is read."""
    written = [file for file in files if file is not None]
    for file in written:
        check_place(file)
    check_apart(written, read)
