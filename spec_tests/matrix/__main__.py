"""Which subject keeps which requirement: measure it, merge, compare and show what was measured.

    python -m spec_tests.matrix                         every subject that is installed, in the quick lane
    python -m spec_tests.matrix --subjects torch,reference,torch:channels_last --lane full --out DIR
    python -m spec_tests.matrix merge DIR FILE FILE...  one matrix of several, each column with its own machine and date
    python -m spec_tests.matrix compare OLD NEW         what was mended, and what broke
    python -m spec_tests.matrix show FILE               the table again
    python -m spec_tests.matrix page FILE DIR           the page again
    python -m spec_tests.matrix explain FILE DIR        the same, with what expectation files explain by now

Each FILE is a matrix.json. Every subject is measured in a process of its own: one that dies, hangs or cannot be loaded
costs only its own column, and what was measured is written after each.

    status 0    every test that counted was kept, or met a known deviation; of `compare`, nothing broke
    status 1    a test failed, a known deviation did not show on its smallest example, a subject was not measured to the
                end, or one that was asked for by name is missing
    status 2    wrong usage, or a malformed file
    status 130  ended by Ctrl-C, or 143 by SIGTERM: the subjects that were measured are kept
"""

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from reference.command import Parser, Refusal, WrongUsage, number_from, run, saying_what_is_kept
from spec_tests import subjects
from spec_tests.matrix import columns, comparing, explaining, lanes, measuring, merging, reading, table
from spec_tests.matrix.lanes import Lanes
from spec_tests.matrix.reading import Data
from spec_tests.matrix.wanted import wanted

PROGRAM = "python -m spec_tests.matrix"
WROTE = "wrote matrix.json, index.html and table.txt in {}"
DATA, PAGE, TABLE = "matrix.json", "index.html", "table.txt"


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command."""
    run(PROGRAM, lambda: _command(list(sys.argv[1:] if argv is None else argv)))


def _command(argv: list[str]) -> None:
    parser = _of_commands() if argv[:1] and argv[0] in COMMANDS else _of_measuring()
    options = vars(parser.parse_args(argv))
    command: Callable[..., None] = options.pop("command")
    try:
        import_module("spec_tests.report.writing").require_packages()
        command(**options)
    except BrokenPipeError:
        raise  # `run` knows what to do
    except (OSError, ValueError, ModuleNotFoundError) as error:
        raise WrongUsage(error) from None


def measure(names: list[str], lane: str, out: Path, only_missing: bool, jobs: int, **options: Any) -> None:
    """Measure the subjects, and write the matrix after each."""
    known = Lanes(options["lanes"])
    patience = options["patience"]
    settings = {subject: known.of(lane, subject).with_patience(patience) for subject in wanted(names, known, lane)}
    how = measuring.Measuring(options["device"], options["python"], options["note"])
    out.mkdir(parents=True, exist_ok=True)
    matrix = reading.read(out / DATA) if (out / DATA).exists() else {"columns": [], "missing": []}
    done = [column["subject"] for column in matrix["columns"] if _is_done(column, lane, how.device)]
    asked = {subject: one for subject, one in settings.items() if not (only_missing and subject in done)}
    _say(*(f"{subject}: measured before" for subject in settings if subject not in asked))
    absent: list[str] = []
    measured: list[Data] = []
    with saying_what_is_kept(lambda: _kept(measured, out)):
        for subject, found in measuring.measure_all(asked, how, jobs, _say):
            if isinstance(found, measuring.Missing):
                matrix, absent = merging.without(matrix, subject, str(found)), [*absent, subject]
            else:
                matrix, measured = merging.replaced(matrix, found), [*measured, found]
            matrix = merging.ordered(matrix, known.subjects)
            _write(out, matrix)
    _say("", *table.lines(matrix), "", WROTE.format(out))
    unexpected = [line for column in measured for line in columns.unexpected(column)]
    unexpected += [f"{subject}: missing, and asked for by its name" for subject in absent if subject in names]
    if unexpected:
        _say("", "unexpected:", *(f"  {line}" for line in unexpected))
        sys.exit(Refusal.status)


def _kept(measured: Sequence[Data], out: Path) -> str:
    """Return what can be said of a command that was interrupted."""
    if not measured:
        return "no subject has been measured; the same command begins anew"
    said = ", ".join(column["subject"] for column in measured)
    return f"what was measured ({said}) is in {out}; the same command goes on with --only-missing"


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)


def _is_done(column: Data, lane: str, device: str) -> bool:
    return column["status"] == "measured" and (column["lane"]["name"], column["device"]) == (lane, device)


def merge(folder: Path, files: list[Path], newest: bool) -> None:
    """Write one matrix of all these files, each column with its own machine, versions and date."""
    whole = merging.merge([reading.read(file) for file in files])
    _write(folder, merging.ordered(merging.newest(whole) if newest else whole, Lanes().subjects))
    print(WROTE.format(folder))


def compare(old: Path, new: Path) -> None:
    """Print what was mended and what broke; exit with status 1 if something broke."""
    comparisons, alone = comparing.compare(reading.read(old), reading.read(new))
    print("\n".join(comparing.lines(comparisons, alone)))
    if comparing.broke(comparisons):
        sys.exit(Refusal.status)


def show(file: Path) -> None:
    """Print the table of a matrix."""
    print("\n".join(table.lines(reading.read(file))))


def page(file: Path, folder: Path) -> None:
    """Write a matrix again with a new page."""
    _write(folder, reading.read(file))
    print(WROTE.format(folder))


def explain(file: Path, folder: Path) -> None:
    """Write a matrix again in which failures that are known by now, by the expectation files, are known deviations."""
    try:
        matrix, count = explaining.explained(reading.read(file), subjects.expected)
    except subjects.NotAvailable as error:
        raise ValueError(error) from None
    _write(folder, matrix)
    left = list(explaining.left(matrix))
    _say(
        f"{count} failures are known by now; {WROTE.format(folder)}",
        f"cells with failures that are not explained: {len(left)}",
        *(f"  {line}" for line in left),
    )


COMMANDS = {command.__name__: command for command in (merge, compare, show, page, explain)}


def _write(folder: Path, matrix: Data) -> None:
    """Write matrix.json, index.html and table.txt."""
    text = import_module("spec_tests.matrix.page").render(matrix)  # here, for jinja2 may be missing
    reading.write(folder / DATA, matrix)
    reading.replace(folder / PAGE, text)
    reading.replace(folder / TABLE, "\n".join([*(line.rstrip() for line in table.lines(matrix)), ""]))


def _of_measuring() -> Parser:
    parser = Parser(PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.set_defaults(command=measure)
    add = parser.add_argument
    add(
        "--subjects",
        action="extend",
        dest="names",
        type=lambda text: text.split(","),
        default=[],
        metavar="SUBJECT,...",
        help="as --subject takes them (default: those of lanes.toml that are installed)",
    )
    add(
        "--subject",
        action="append",
        dest="names",
        metavar="SUBJECT",
        help="one more, which may have commas in its name; may be repeated",
    )
    add("--lane", default="quick", help="how much is asked: a lane of --lanes (default: quick)")
    add("--lanes", type=Path, default=lanes.LANES, metavar="FILE", help="lanes of your own (default: lanes.toml)")
    add("--out", type=Path, default=Path("matrix"), metavar="DIR", help="the folder to write to (default: matrix)")
    add("--jobs", type=number_from(int, 1), default=1, help="subjects that are measured at a time (default: 1)")
    add(
        "--patience",
        type=number_from(float, 1),
        default=1.0,
        metavar="X",
        help="so many times the lane's time limits",
    )
    add("--only-missing", action="store_true", help="not those that the matrix in --out has to the end, in this lane")
    add("--device", default="cpu", help="the device that the subjects compute on (default: cpu)")
    add("--python", default=sys.executable, metavar="FILE", help="the interpreter that has the subjects' libraries")
    add("--note", default="", metavar="TEXT", help="what is to be known of the circumstances; every column keeps it")
    return parser


def _of_commands() -> Parser:
    parser = Parser(PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    folder = {"metavar": "DIR", "help": "the folder to write to, created if necessary"}
    file = {"metavar": "FILE", "help": "a matrix.json"}
    arguments: dict[Callable[..., None], dict[str, dict[str, Any]]] = {
        merge: {"folder": folder, "files": {**file, "nargs": "+"}},
        compare: {
            "old": {"metavar": "OLD", "help": "an earlier matrix.json"},
            "new": {"metavar": "NEW", "help": "a later matrix.json"},
        },
        show: {"file": file},
        page: {"file": file, "folder": folder},
        explain: {"file": file, "folder": folder},
    }
    for command, taken in arguments.items():
        described = comparing.__doc__ if command is compare else command.__doc__
        added = commands.add_parser(
            command.__name__, help=command.__doc__, description=described, formatter_class=RawDescriptionHelpFormatter
        )
        added.set_defaults(command=command)
        for name, settings in taken.items():
            added.add_argument(name, type=Path, **settings)
        if command is merge:
            added.add_argument("--newest", action="store_true", help="of one subject on one machine, the newest alone")
    return parser


if __name__ == "__main__":
    main()
