"""Public reports of results that differ, and the verdicts on them.

    python -m spec_tests.tooling.public_reports

prints the table: the report, what it is about, the verdict on each output, and the largest error as a share of its
bound; `--store` also writes it to `spec_tests/report/public_verdicts.tsv`, from which the report's page takes it.
`public_reports.tsv` lists the reports, `public_reports_excluded.tsv` those that a search found and that are left out,
with the reason.

**The search.** First the reports that led to this tool; then, of each of these queries to an index of public issues,
from the first answer on, every issue about one call of an operation that this specification knows:

    conv2d output differs between CPU and GPU float32 precision mismatch
    TF32 matmul results differ from CPU Ampere precision
    layer_norm wrong result large mean variance one-pass catastrophic cancellation
    onnxruntime output mismatch pytorch MaxPool AveragePool ceil_mode wrong result
    align_corners bilinear interpolate resize different result ONNX tensorflow pytorch mismatch
    batch_norm unbiased variance running_var differs from pytorch momentum convention
    cross entropy loss weighted mean reduction divides by batch size instead of sum of weights mismatch pytorch
    softmax wrong dim axis result differs ONNX opset flatten 2D
    convolution vs cross-correlation kernel flipped result differs from pytorch conv2d
    Adam epsilon placement differs tensorflow pytorch optimizer mismatch result
    MPS conv2d wrong output compared with CPU incorrect result channels_last non contiguous bias
    layernorm eps outside sqrt std + eps unbiased std different from nn.LayerNorm
    SGD momentum implementation differs from Sutskever tensorflow learning rate velocity dampening

and a few that were met on the way. Pull requests, and the second report of one cause by one author, are left out.

**What is rebuilt.** Nothing is copied: inputs are drawn anew or are the few numbers of a report, and the outputs are
its numbers where it gives them ("numbers") or come from a model of the cause that it names or suggests ("model"),
written in `public/`. A verdict on a model shows that the tool tells this cause from others at this size of problem; it
cannot show that the cause was the right one.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spec_tests.tooling.public import layers, products
from spec_tests.tooling.public.models import BUILDERS, Rebuilt
from spec_tests.verdict import Verdict, judged

HERE = Path(__file__).parent
REPORTS, EXCLUDED = HERE / "public_reports.tsv", HERE / "public_reports_excluded.tsv"
STORED = HERE.parent / "report" / "public_verdicts.tsv"
FAR = 1e6
"""From how many times its bound on an error is called far outside."""
MODULES = (layers, products)


@dataclass(frozen=True)
class Report:
    """A public report, and what is known of it."""

    report: str
    """owner/name#number"""
    builder: str
    source: str
    """"numbers" or "model": where its outputs come from."""
    known: str
    """What it turned out to be, or an empty string."""
    expected: str
    """By output, the decision that is right: "cpu=rounding gpu=a coarser format"; decisions apart by "|"."""
    about: str

    def case(self) -> Rebuilt:
        """Build the case."""
        return BUILDERS[self.builder]()

    def decisions(self) -> dict[str, tuple[str, ...]]:
        """Return the right decisions by output."""
        pairs = (entry.split("=") for entry in self.expected.split("; ") if entry)
        return {name: tuple(decisions.split("|")) for name, decisions in pairs}


def reports() -> list[Report]:
    """Return all reports that are rebuilt."""
    return [Report(**row) for row in _rows(REPORTS)]


def excluded() -> list[dict[str, str]]:
    """Return the reports that are left out, with the reasons."""
    return list(_rows(EXCLUDED))


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def verdict_on(report: Report) -> Verdict:
    """Return the verdict on a report."""
    case = report.case()
    return judged(case.operation, case.arguments, case.outputs, case.dtype)


def lines_of(report: Report, verdict: Verdict) -> Iterator[str]:
    """Yield the lines of the table about a report."""
    yield f"{report.report}  {report.about} ({report.source}; known: {report.known or 'no'})"
    for name, parts in verdict.outputs.items():
        for part in parts:
            share = f"{100 * part.share:.3g} % of the bound" if part.share < FAR else "far outside the bound"
            explained = f", {part.explanation}" if part.explanation else ""
            yield f"    {name} {part.part}: {part.decision}{explained}; {share}"


def rows_of(report: Report, verdict: Verdict) -> Iterator[dict[str, str]]:
    """Yield the rows of the stored table about a report."""
    for name, parts in verdict.outputs.items():
        for part in parts:
            yield {
                "report": report.report,
                "about": report.about,
                "source": report.source,
                "output": f"{name} {part.part}",
                "decision": part.decision,
                "explanation": part.explanation,
                "share": f"{100 * part.share:.3g} %" if part.share < FAR else "far outside",
            }


def main(arguments: list[str]) -> int:
    """Print the table, store it if that is asked for, and return how many verdicts are wrong."""
    wrong = undecided = 0
    rows: list[dict[str, str]] = []
    for report in reports():
        verdict = verdict_on(report)
        print("\n".join(lines_of(report, verdict)))
        rows += rows_of(report, verdict)
        undecided += verdict.decision == "cannot say"
        wrong += any(
            part.decision not in report.decisions().get(name, (part.decision,))
            for name, parts in verdict.outputs.items()
            for part in parts
        )
    count = len(reports())
    print(f"{count} reports, {count - undecided} decided; {wrong} verdicts that are not what is known")
    if "--store" in arguments:
        lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
        STORED.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return wrong


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
