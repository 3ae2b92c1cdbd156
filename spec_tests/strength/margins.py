"""How near torch comes to its bounds, and how wide they are: `python -m spec_tests.strength.margins [--write]`.

It runs the tests that hold results to a bound, on the cases of the default run, and prints a line for each operation,
part of its result (the output, or the gradient for an argument) and number format:

    cases       results that were compared; 0 of an operation that copies numbers: those must be equal
    nearest     the largest error, as a share of its bound
    narrowest   the smallest bound, as a multiple of a hundredth of the sum of the absolute values of the terms
    widest      the largest one

Of a formula, whose terms are no sum, the result takes the place of that sum: it may cancel, so that only the narrowest
bound says something. In float32 and float64 no sum may have a bound of 1 or more, and of each formula some result must
have one below: else an error of 1 % would pass. --write keeps the table as docs/strength/margins/torch-<version>.tsv.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, astuple, dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference.command import Refusal, end_if_asked, run, saying_what_is_kept
from reference.whole_files import write_text
from spec_tests import alone
from spec_tests.report import surroundings
from spec_tests.report.files import prepare
from spec_tests.vocabulary import exact, ledger
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Copies, Sums
from spec_tests.vocabulary.problems import Problem

PROGRAM = "python -m spec_tests.strength.margins"
FOLDER = Path(__file__).parents[2] / "docs" / "strength" / "margins"
BOUNDED = "rounds_within or round_within"
"""What the names of the tests say."""
EXACT_FORMATS = ("float32", "float64")
"""In which a bound must tell an error of a hundredth."""
Key = tuple[str, str, str]


@dataclass
class Margin:
    """What is known of an operation, a part of its result and a format."""

    operation: str
    part: str
    dtype: str
    cases: int = 0
    nearest: float = 0.0
    narrowest: float = float("inf")
    widest: float = 0.0

    @property
    def lets_a_hundredth_pass(self) -> bool:
        """Tell whether an error of 1 % of the terms' absolute sum would pass, though the format is an exact one."""
        is_a_sum = isinstance(OPERATIONS[self.operation].rounding, Sums)
        return self.dtype in EXACT_FORMATS and (self.widest if is_a_sum else self.narrowest) >= 1


class Measuring:
    """What takes the place of the comparison with a bound."""

    def __init__(self) -> None:
        self.margins: dict[Key, Margin] = {}
        self._compare = exact.assert_part_within

    def __call__(
        self, found: Any, approximation: Approximation, part: str, problem: Problem, subject: Any, dtype: str
    ) -> None:
        """Compare, and note how near the result came."""
        self._compare(found, approximation, part, problem, subject, dtype)
        margin = self.margins.setdefault((problem.operation, part, dtype), Margin(problem.operation, part, dtype))
        bound, error = np.asarray(approximation.bound), abs(np.asarray(found, np.float64) - approximation.exact)
        margin.cases += 1
        margin.nearest = max(margin.nearest, float((error / np.where(bound > 0, bound, 1)).max()))
        sums = np.broadcast_to(exact.absolute_sums(problem)[part], bound.shape)
        if (sums > 0).any():
            widths = bound[sums > 0] / (sums[sums > 0] / 100)
            margin.narrowest = min(margin.narrowest, float(widths.min()))
            margin.widest = max(margin.widest, float(widths.max()))


def measure(options: Sequence[str] = ()) -> list[Margin]:
    """Run the tests on torch, and return the margins; RuntimeError if they do not pass."""
    measuring, written = Measuring(), StringIO()
    with pytest.MonkeyPatch.context() as patch, ledger.set_aside(), redirect_stdout(written), redirect_stderr(written):
        patch.setattr(exact, "assert_part_within", measuring)
        status = alone.run(["-q", "--capture=no", "--color=no", "-k", BOUNDED, *options])
    end_if_asked()
    if status != pytest.ExitCode.OK:
        raise RuntimeError(f"the tests do not pass: {written.getvalue()[-500:]}")
    return sorted([*measuring.margins.values(), *_copies()], key=lambda margin: astuple(margin)[:3])


def _copies() -> Iterator[Margin]:
    for name, operation in OPERATIONS.items():
        if isinstance(operation.rounding, Copies):
            for part in (exact.OUTPUT, *operation.gradients):
                yield from (Margin(name, part, dtype, narrowest=0.0) for dtype in EXACT_FORMATS)


def file_of(version: str) -> Path:
    """Return where the table of a version of torch is kept: of 2.15.1+cpu, that of 2.15."""
    return FOLDER / f"torch-{'.'.join(version.split('.')[:2])}.tsv"


def table(margins: Sequence[Margin]) -> str:
    """Return a line for each, below one of names."""
    rows = [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in astuple(m)] for m in margins]
    return "".join("\t".join(row) + "\n" for row in [[field.name for field in fields(Margin)], *rows])


def read(text: str) -> list[Margin]:
    """Return what a table says."""
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    kinds = [type(value) for value in asdict(Margin("", "", "")).values()]
    return [Margin(*(kind(value) for kind, value in zip(kinds, row, strict=True))) for row in rows]


def main() -> None:
    """Run the command."""
    run(PROGRAM, lambda: _command(sys.argv[1:]))


def _command(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=str(__doc__).partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep the table for this version of torch")
    given = parser.parse_args(argv)
    file = file_of(surroundings.installed()["torch"])
    if given.write:
        prepare(file)
    with saying_what_is_kept(lambda: "nothing is written; the same command begins anew"):
        margins = measure()
    text = table(margins)
    if given.write:
        write_text(file, text)
    print(text, end="")
    if wide := [f"{m.operation} {m.part} {m.dtype}" for m in margins if m.lets_a_hundredth_pass]:
        raise Refusal(f"an error of 1 % would pass: {', '.join(wide)}")


if __name__ == "__main__":
    main()
