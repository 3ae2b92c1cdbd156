"""Whether the tests notice any change of the references: `python -m spec_tests.strength.mutation`.

    --sample N          only N mutants, the first in the order of --seed; a larger N later goes on with the next ones
    --files A,B         only those of them that are of these references, as activation,loss
    --seed S            0 unless given
    --processes N       so many at once, one for each core unless given; each takes two processes that hold the tests
    --journal FILE      what is known of each mutant, and noted as soon as it is (docs/strength/mutants.tsv)
    --out FILE          the figures, as JSON (docs/strength/mutants.json)
    --again             try those again that survived, each in a run of its own

The mutants are Cosmic Ray's (`pip install "torch-by-hand[mutation]"`). A run goes on where the journal ends; what the
journal says of a reference that has changed since then is tried again. It ends with 1 if a mutant survives that
`equivalent.tsv` does not list, with the reason why nothing can notice it.
"""

import csv
import json
import os
import platform
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from reference.command import EndingParser, Refusal, number_from, saying_what_is_kept
from reference.command import run as run_command
from reference.whole_files import write_text
from spec_tests.report.files import alone_with, prepare
from spec_tests.strength.mutation.mutants import Mutant, in_the_order_of, mutants_of
from spec_tests.strength.mutation.running import NO_PROGRAM, ROOT, Outcome, read, run, write
from spec_tests.strength.mutation.touching import FILES

PROGRAM = "python -m spec_tests.strength.mutation"
EQUIVALENT = Path(__file__).with_name("equivalent.tsv")
STORED = ROOT / "docs" / "strength"
ANY = "*"
PACKAGES = ("cosmic-ray", "numpy", "hypothesis", "pytest", "torch")


@cache
def equivalent() -> Mapping[tuple[str, ...], str]:
    """Return why nothing can notice a change, by its file and function and the lines before and after it."""
    with EQUIVALENT.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(row["file"], row["function"], row["before"], row["after"]): row["reason"] for row in rows}


def described(mutant: Mutant) -> tuple[str, ...]:
    """Return what `equivalent.tsv` calls a mutant."""
    return mutant.file, mutant.function, *mutant.change()


def reason(mutant: Mutant) -> str:
    """Return why nothing can notice a mutant, an empty string if nothing is known.

    A row with an asterisk speaks of every change of a line, or of a function, that no test notices.
    """
    file, function, before, after = described(mutant)
    keys = (file, function, before, after), (file, function, before, ANY), (file, function, ANY, ANY)
    return next((equivalent()[key] for key in keys if key in equivalent()), "")


def figures(mutants: Sequence[Mutant], known: Mapping[str, Outcome], seed: int) -> dict[str, Any]:
    """Return what is stored: how many mutants there are, were tried and were killed, by file, and all that survive."""
    none = {key for key, outcome in known.items() if outcome.caught_by == NO_PROGRAM}
    mutants = [mutant for mutant in mutants if mutant.key not in none]
    tried = [mutant for mutant in mutants if mutant.key in known]
    survivors = {described(mutant): mutant for mutant in tried if not known[mutant.key].caught_by}
    alike = {mutant.key for mutant in tried if not known[mutant.key].caught_by and reason(mutant)}
    counted = [mutant for mutant in tried if mutant.key not in alike]
    killed = [mutant for mutant in counted if known[mutant.key].caught_by]

    def by_file(some: Sequence[Mutant], file: str) -> int:
        return sum(mutant.file == file for mutant in some)

    groups = {"mutants": mutants, "tried": tried, "counted": counted, "killed": killed}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
        "seed": seed,
        **{name: len(some) for name, some in groups.items()},
        "killed of counted": round(len(killed) / max(len(counted), 1), 4),
        "by file": {file: {name: by_file(some, file) for name, some in groups.items()} for file in FILES},
        "survivors": [[*key, reason(survivors[key]) or "open"] for key in sorted(survivors)],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what is asked for, and tell what became of it."""
    parser = EndingParser(prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--files", default=",".join(FILES))
    parser.add_argument("--sample", type=number_from(int, 1))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=number_from(int, 1), default=os.cpu_count() or 1)
    parser.add_argument("--journal", type=Path, default=STORED / "mutants.tsv")
    parser.add_argument("--out", type=Path, default=STORED / "mutants.json")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args(arguments)
    files = options.files.split(",")
    if unknown := [file for file in files if file not in FILES]:
        parser.error(f"--files: there is no reference {', '.join(unknown)}")
    prepare(options.journal, options.out)
    try:
        with saying_what_is_kept(lambda: _kept(options.journal)), alone_with(options.journal):
            return _tried(options, files)
    except ValueError as error:
        raise Refusal(f"--journal {error}") from None


def _kept(journal: Path) -> str:
    """Return what can be said of a run that was interrupted."""
    return f"what is known of {len(read(journal)):,} mutants is in {journal}; the same command goes on"


def _tried(options: Namespace, files: Sequence[str]) -> int:
    everything = in_the_order_of(options.seed, (mutant for file in FILES for mutant in mutants_of(file)))
    known = read(options.journal)
    wanted = [mutant for mutant in everything[: options.sample] if mutant.file in files]
    new = [mutant for mutant in wanted if mutant.key not in known]
    left = [mutant for mutant in wanted if options.again and mutant not in new and not known[mutant.key].caught_by]
    left += run(new, options.journal, options.processes)
    doubtful = [mutant for mutant in left if not reason(mutant)]
    run(doubtful, options.journal, options.processes, alone=True)

    known = read(options.journal)
    write(options.journal, sorted(known.values(), key=lambda outcome: outcome.key), "w")
    result = figures(everything, known, options.seed)
    write_text(options.out, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    for survivor in result["survivors"]:
        print("survives:", *survivor, sep="\n    ")
    print(f"killed {result['killed']:,} of {result['counted']:,}; tried {result['tried']:,} of {result['mutants']:,}")
    return int(any(why == "open" for *_, why in result["survivors"]))


if __name__ == "__main__":
    run_command(PROGRAM, lambda: sys.exit(main()))
