"""How strong the specification is: `python -m spec_tests.strength` plants defects and tells which it catches.

    --named, --generated   only the wrong implementations written by hand, or only those that rules make
    --operations A,B       only of these operations
    --sample N --seed S    only N of them, chosen by the seed, which is printed; without --seed, by today's date
    --processes N          in so many processes
    --journal FILE         note every outcome here as soon as it is known, and go on where FILE ends
    --out FILE             store the result as JSON
    --write-order          note which tests caught most, which go first the next time
    --rivals               hold what PyTorch and ONNX test their layers with against the same defects instead
    --write-names          do nothing but list anew the defects that rules make

It ends with 1 if a defect survives that is not listed, with a reason, in `accepted.tsv`. To look at one of them:
`pytest spec_tests --subject wrong:NAME`.
"""

import re
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from reference.command import EndingParser, Refusal, number_from, run, saying_what_is_kept
from reference.whole_files import check_apart
from spec_tests.report.files import alone_with, prepare
from spec_tests.strength import journal, results, rivals, witnesses
from spec_tests.strength.planting import Outcome, plant, write_order
from spec_tests.strength.selecting import defect, selected, shares
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS

PROGRAM = "python -m spec_tests.strength"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant what is asked for, and tell what became of it."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write_names:
        print(f"{witnesses.write_names():,} defects that rules make are listed")
        return 0
    operations = options.operations.split(",") if options.operations else []
    unknown = [name for name in operations if name not in {*OPERATIONS, *OPTIMIZERS, *TRANSFORMS}]
    if unknown:
        parser.error(f"--operations: there is no operation {', '.join(unknown)}")
    written = [file for file in (options.out, options.journal) if file is not None]
    prepare(*written)
    check_apart(written, [] if options.names is None else [options.names])
    seed = int(datetime.now(UTC).strftime("%Y%m%d")) if options.seed is None else options.seed
    if options.names is not None:
        names: Sequence[str] = options.names.read_text(encoding="utf-8").splitlines()
    else:
        names = selected(options.named, options.generated, operations, options.sample, seed)
    if options.rivals:
        with saying_what_is_kept(lambda: "nothing is written; the same command begins anew"):
            return _rivals(names, options.out)
    if options.sample is not None:
        print(f"{len(names)} defects, chosen by --sample {options.sample} --seed {seed}", flush=True)
    began = perf_counter()
    with (
        saying_what_is_kept(lambda: _kept(options.journal)),
        TemporaryDirectory() as folder,
        alone_with(file := options.journal or Path(folder, "journal.jsonl")),
    ):
        outcomes = planted(names, file, options.processes)
    if options.names is not None:  # a process of another run
        return 0
    kinds = [name for name in ("named", "generated") if getattr(options, name)] or ["named", "generated"]
    asked = " ".join([*kinds, *operations, *([f"{options.sample} of them, seed {seed}"] if options.sample else [])])
    result = results.stored(outcomes, perf_counter() - began, asked)
    print(results.told(result))
    if options.out is not None:
        results.write(result, options.out)
    if options.write_order:
        write_order(list(outcomes.values()))
    return int(bool(result["survivors"]))


def _rivals(names: Sequence[str], out: Path | None) -> int:
    """Tell, and store, what others catch; end with 1 if none of them is installed."""
    result = rivals.measured(names, partial(print, file=sys.stderr))
    if not result["rivals"]:
        return 1
    print(rivals.told(result))
    if out is not None:
        results.write(result, out)
    return 0


def planted(names: Sequence[str], file: Path, processes: int) -> dict[str, Outcome]:
    """Return what becomes of defects: what the journal says, and what is found out now and noted there."""
    try:
        known = journal.read(*_journals(file))
    except ValueError as error:
        raise Refusal(f"--journal {error}") from None
    left = [name for name in names if name not in known]

    def ended(outcome: Outcome) -> None:
        journal.write(file, outcome)
        known[outcome.defect] = outcome

    if processes == 1 and left:
        plant({name: defect(name) for name in left}, ended)
    elif left:
        files = [file.with_suffix(f".{number}{file.suffix}") for number in range(processes)]
        _in_processes(shares(left, processes), files)
        known |= journal.read(*files)
    return {name: known[name] for name in names}


def _journals(file: Path) -> list[Path]:
    """Return the journal, and those of the processes of any run that noted something in it."""
    numbered = re.compile(rf"{re.escape(file.stem)}\.\d+{re.escape(file.suffix)}")
    return [file, *sorted(other for other in file.parent.iterdir() if numbered.fullmatch(other.name))]


def _kept(file: Path | None) -> str:
    """Return what can be said of a command that was interrupted."""
    if file is None:
        return "nothing is kept without --journal"
    known = len(journal.read(*_journals(file)))
    return f"what is known of {known:,} defects is in {file}; the same command goes on"


def _in_processes(parts: Sequence[Sequence[str]], files: Sequence[Path]) -> None:
    """Plant each part in a process of its own."""
    running = list[subprocess.Popen[bytes]]()
    with TemporaryDirectory() as folder:
        try:
            for part, file in zip(parts, files, strict=False):
                asked = Path(folder, file.name)
                asked.write_text("\n".join(part), encoding="utf-8")
                command = [sys.executable, "-m", "spec_tests.strength", "--names", str(asked), "--journal", str(file)]
                running.append(subprocess.Popen(command, start_new_session=True))  # a Ctrl-C reaches this process alone
            ended = [process.wait() for process in running]
        finally:
            for process in running:
                process.kill()
    if any(ended):
        raise Refusal("a process broke off: what it has found is in the journal")


def _parser() -> ArgumentParser:
    parser = EndingParser(prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    for flag in ("--named", "--generated", "--rivals", "--write-order", "--write-names"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--operations")
    parser.add_argument("--sample", type=number_from(int, 1))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--processes", type=number_from(int, 1), default=1)
    for path in ("--journal", "--out", "--names"):
        parser.add_argument(path, type=Path)
    return parser


def command() -> None:
    """Do what the command line says; what cannot be read or written is one line."""
    try:
        sys.exit(main())
    except BrokenPipeError:
        raise  # `run` knows what to do
    except OSError as error:
        raise Refusal(f"{error.filename or 'a file'}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Refusal(f"--journal or --names is no text: {error}") from None


if __name__ == "__main__":
    run(PROGRAM, command)
