"""Explore a subject with random examples beyond what a run can, in several processes or on many machines.

    python -m spec_tests.campaign --subject torch --examples 1000000 --out campaign
    python -m spec_tests.campaign --subject my_layers.py --only conv2d:values,gradients --workers 8 --out campaign
    python -m spec_tests.campaign --subject torch --scheduler tcp://host:8786 --out campaign

A task is a property on up to --each examples from a seed of its own. The tasks run in a cluster of dask.distributed:
one that is started here with --workers processes, or the one of --scheduler, whose workers need this package, the
subject and the same versions. A property that has failed three times is not run again. Ended in whatever way, the same
command goes on; a larger --examples adds to what is there.
Many workers need long tasks: --each 10000 keeps a thousand busy, the default some 150 (`spec_tests/README.md`).
What it leaves in --out is described in `spec_tests/campaign/journal.py`; `pytest spec_tests --subject S --campaign DIR`
tries first what failed.

    status 0    every example kept the specification, known deviations apart
    status 1    something did not: see the findings
    status 2    wrong usage
    status 130  ended by Ctrl-C, or 143 by SIGTERM: what has ended is kept
"""

import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from reference.command import Parser, Refusal, WrongUsage, needed, number_from, run, saying_what_is_kept
from spec_tests.report.files import alone_with

PROGRAM = "python -m spec_tests.campaign"
PASSED_ON = ("only", "dtype", "device", "time-limit")
"""The options that are handed to pytest."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    run(PROGRAM, lambda: _command(list(sys.argv[1:] if argv is None else argv)))


def _command(argv: list[str]) -> None:
    given = _parser().parse_args(argv)
    with saying_what_is_kept(lambda: _kept(given.out)):
        _explore(given)


def _explore(given: Namespace) -> None:
    needed("distributed", "a campaign", "campaign")
    options = [f"--subject={given.subject}"]
    for name in PASSED_ON:
        values = vars(given)[name.replace("-", "_")]
        options += [f"--{name}={value}" for value in (values if isinstance(values, list) else [values]) if value]
    exploring = import_module("spec_tests.campaign.exploring")
    try:
        asked = exploring.Asked(options, given.examples, given.each, given.seed, given.out.absolute())
        with alone_with(asked.folder):
            found = exploring.explore(asked, given.workers, given.scheduler)
    except OSError as error:
        raise Refusal(f"{error.filename or 'a file'}: {error.strerror or error}") from None
    except ValueError as error:
        raise WrongUsage(error) from None
    if found:
        raise Refusal(f"{found} kinds of failures: see {given.out / 'findings'}")


def _kept(folder: Path) -> str:
    """Return what can be said of a campaign that was interrupted."""
    lines = folder / "journal.jsonl"
    tasks = lines.read_bytes().count(b"\n") if lines.is_file() else 0
    said = f"the {tasks:,} tasks that have ended are in {lines}" if tasks else "no task has ended"
    return f"{said}; the same command goes on"


def _parser() -> Parser:
    about, _, rest = str(__doc__).partition("\n\n")
    parser = Parser(prog=PROGRAM, description=about, epilog=rest, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--subject", default="torch", metavar="NAME", help="as pytest's option (default: %(default)s)")
    parser.add_argument("--examples", type=number_from(int, 1), default=100_000, help="in all (default: %(default)s)")
    parser.add_argument(
        "--each", type=number_from(int, 1), default=1000, help="examples of a task (default: %(default)s)"
    )
    parser.add_argument("--seed", type=number_from(int, 0), default=0, help="of the campaign (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="its folder, new or begun")
    parser.add_argument("--workers", type=number_from(int, 1), help="processes on this machine (default: one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a cluster that runs, such as tcp://host:8786")
    parser.add_argument("--only", action="append", metavar="OPERATION[:LEVEL,...]", help="as pytest's option")
    for name in PASSED_ON[1:]:
        parser.add_argument(f"--{name}", metavar="VALUE", help="as pytest's option")
    return parser


if __name__ == "__main__":
    main()
