"""Whether the default run passes again and again: `python -m spec_tests.strength.repeats`.

    --runs N         so many runs in all, 100 unless given; those that the journal knows are not repeated
    --seed S         0 unless given: from it and a run's number follow the examples, their order, and the setting
    --journal FILE   what is known of each run, and noted as soon as it is (docs/strength/repeats.tsv)
    --out FILE       the figures, as JSON (docs/strength/repeats.json)
    --again N        repeat this one run instead, and print what pytest prints, as of any run that fails
    --tests TEST ... with --again: only these tests; nothing is noted then

A run is `pytest spec_tests` with random examples, as many as always, on a copy of the project, in a setting: tests in
random order, in two processes, with two threads, in another language, time zone or folder, where nothing can be
written, and so on. The first runs try these one by one, later ones mix them at random. It ends with 1 if a run failed.
Random order needs `pip install "torch-by-hand[repeats]"`.
"""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from reference.command import EndingParser, Refusal, number_from, run, saying_what_is_kept
from reference.whole_files import write_text
from spec_tests.report import surroundings
from spec_tests.report.files import alone_with, prepare
from spec_tests.strength.repeats import journal, running
from spec_tests.strength.repeats.settings import setting

PROJECT = Path(__file__).parents[3]
COMMAND = "python -m spec_tests.strength.repeats"
TESTS = ("spec_tests",)
STORED = Path("docs", "strength")


def row_of(number: int, seed: int, project: Path) -> tuple[journal.Row, str]:
    """Run it, and return what is noted of it, and what it printed."""
    commit, modified = surroundings.commit(project)  # before the run, during which another may be checked out
    here = setting(number, seed)
    result = running.run(project, here, TESTS)
    counts = result.counts
    row = journal.Row(
        number,
        seed,
        here.examples,
        here.unusual(),
        surroundings.versions(),
        (commit or "unknown")[:12] + (", modified" if modified else ""),
        journal.FAILED if result.code else journal.PASSED,
        counts.get("passed", 0),
        counts.get("failed", 0) + counts.get("error", 0),
        result.seconds,
        result.failed,
    )
    return row, result.text


def main(arguments: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """Run what the journal does not know, and tell what became of it."""
    options = _parser(project).parse_args(arguments)
    if find_spec("random_order") is None:
        print('random order needs pytest-random-order: pip install "torch-by-hand[repeats]"', file=sys.stderr)
        return 2
    if options.again is not None and options.tests != list(TESTS):
        with saying_what_is_kept(lambda: "nothing is noted of these tests"):
            result = running.run(project, setting(options.again, options.seed), options.tests)
        print(result.text)
        return int(result.code != 0)

    prepare(options.journal, options.out)
    try:
        with saying_what_is_kept(lambda: _kept(options)), alone_with(options.journal):
            return _repeated(options, project)
    except ValueError as error:
        raise Refusal(f"--journal {error}") from None


def _kept(options: Namespace) -> str:
    """Return what can be said of a command that was interrupted."""
    ended = len({row.number for row in journal.read(options.journal, options.seed)})
    said = f"the {ended:,} runs that have ended are in {options.journal}" if ended else "no run has ended"
    return f"{said}; the same command goes on"


def _repeated(options: Namespace, project: Path) -> int:
    known = {row.number for row in journal.read(options.journal, options.seed)}
    again = [] if options.again is None else [options.again]
    for number in again or [number for number in range(1, options.runs + 1) if number not in known]:
        row, printed = row_of(number, options.seed, project)
        journal.add(options.journal, row)
        if again or row.failures:
            print(printed)
        print(_told(row), flush=True)

    found = journal.figures(journal.read(options.journal, options.seed), COMMAND)
    write_text(options.out, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(f"{found['passed']:,} of {found['runs']:,} runs passed; {found['tests']:,} tests in all")
    return int(bool(found["failures"]))


def _told(row: journal.Row) -> str:
    """Return a line on a run, and on what repeats it if it failed."""
    unusual = ", ".join(f"{name}: {choice}" for name, choice in row.setting.items()) or "the usual setting"
    lines = [f"run {row.number} {row.outcome} ({row.passed:,} tests passed, {row.seconds:,.0f} s): {unusual}"]
    again = f"{COMMAND} --seed {row.seed} --again {row.number}"
    lines += [f'    {test}\n        {again} --tests "{test}"' for test in row.failures]
    return "\n".join([*lines, *([f"    all of it again: {again}"] if row.failures else [])])


def _parser(project: Path) -> ArgumentParser:
    parser = EndingParser(prog=COMMAND, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=number_from(int, 1), default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--journal", type=Path, default=project / STORED / "repeats.tsv")
    parser.add_argument("--out", type=Path, default=project / STORED / "repeats.json")
    parser.add_argument("--again", type=int)
    parser.add_argument("--tests", nargs="+", default=list(TESTS))
    return parser


if __name__ == "__main__":
    run(COMMAND, lambda: sys.exit(main()))
