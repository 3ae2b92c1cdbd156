"""The report's page: what runs proved, as one self-contained HTML file in English and in Chinese.

`render` takes the data of `claims.json`, one run or several, the figures and the benchmarks. The templates, the
style sheet, the script and the words are in the folder `page`; this module computes what they show. All text from
outside is escaped; only formulas, highlighted sources and figures are included as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup

from spec_tests.report import hands
from spec_tests.report.benchmark_part import BenchmarkPart
from spec_tests.report.book.chapters import ASKED, chapters, questions, results_of
from spec_tests.report.book.stories import stories
from spec_tests.report.book.texts import meanings
from spec_tests.report.page_claims import claim_of, failures, formulas, tests_by_claim
from spec_tests.report.page_figure import PageFigure
from spec_tests.report.page_filters import FOLDER, grouped, run_label, words
from spec_tests.report.public import public_verdicts
from spec_tests.report.templates import environment, hash_of, script_of, style_of, without_indents
from spec_tests.vocabulary import buckets
from spec_tests.vocabulary.claims import SECTIONS, SECTIONS_ZH
from spec_tests.vocabulary.document_lines import NOTHING, document_lines
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.results import OUTCOMES, RESULTS, counted
from spec_tests.vocabulary.rungs.sentences import EXAMPLES, LANGUAGES, ladder, section_of, sentences

BEYOND = "3"
"""The section of what the document does not teach."""
EVERYTHING = ("spec_tests", ".")
"""Arguments of pytest that stand for the whole specification."""


def render(
    data: Mapping[str, Any],
    figures: Sequence[PageFigure] = (),
    benchmarks: Sequence[BenchmarkPart] = (),
    matrix: str = "",
    strength: Mapping[str, Any] | None = None,
) -> str:
    """Return the page. The data are what `reading.check` accepts; ValueError for a figure of an unknown section.

    `matrix` is where the page of a compatibility matrix lies, relative to this one, if there is one. `strength` is what
    `strength_part.read` found.
    """
    for figure in figures:
        if figure.section not in SECTIONS:
            raise ValueError(f"figure {figure.id} is of section {figure.section!r}, expected one of {[*SECTIONS]}")
    script = "\n".join((script_of(FOLDER / "find.js", FOLDER / "page.js"), hands.script()))
    return without_indents(
        environment()
        .get_template("page.html.jinja")
        .render(
            runs=[{**run, "label": run_label(place), "scope": _scope(run)} for place, run in enumerate(data["runs"])],
            sections=_sections(data, figures),
            stories=stories(data["runs"]),
            meanings=meanings(),
            asked=ASKED,
            results_of=results_of(data["claims"]),
            questions=questions(),
            right_of=lambda claim: [formula for formula in formulas() if formula.get("right") == claim],
            counts=[_counts(data["claims"], run) for run in range(len(data["runs"]))],
            left_out=grouped(_left_out(data, run) for run in range(len(data["runs"]))),
            drawn=grouped(_drawn(run) for run in data["runs"]),
            uncheckable=[claim for claim in data["claims"] if claim["verdict"] == "uncheckable"],
            failures=failures(data),
            deviations=data["deviations"],
            silent=[deviation for deviation in data["deviations"] if deviation.get("silent")],
            claims=data["claims"],
            counted=sum(not claim.get("ours") for claim in data["claims"]),
            ours=sum(bool(claim.get("ours")) for claim in data["claims"]),
            lines=_lines(),
            public=public_verdicts(),
            known={claim["id"] for claim in data["claims"]},
            benchmarks=benchmarks,
            latest=max(benchmarks, key=BenchmarkPart.measured, default=None),
            matrix=matrix,
            strength=strength,
            words={**words(), "results": RESULTS, "outcomes": OUTCOMES},
            script=Markup(script),
            script_hash=hash_of(script),
            style=style_of(FOLDER / "book.css") + Markup(hands.style()),
        )
    )


def _lines() -> list[dict[str, Any]]:
    """Return the document's lines, with the words for those that make no claim."""
    return [
        {**row._asdict(), "en": NOTHING[row.nothing][0], "zh": NOTHING[row.nothing][1]}
        if row.nothing
        else row._asdict()
        for row in document_lines()
    ]


def _sections(data: Mapping[str, Any], figures: Sequence[PageFigure]) -> list[dict[str, Any]]:
    """Return what the page shows for each section of the document, in order."""
    tests, books = tests_by_claim(data), chapters(data)
    return [
        {
            "id": id,
            "en": title,
            "book": book,
            "zh": SECTIONS_ZH[id],
            "formulas": [formula for formula in formulas() if formula.get("section") == id],
            "figures": [figure for figure in figures if figure.section == id],
            "claims": [claim_of(claim, tests[claim["id"]]) for claim in data["claims"] if claim["section"] == id],
            "runs": grouped(run["sections"].get(id) for run in data["runs"]),
            "to_write": _to_write(id),
        }
        for (id, title), book in zip(SECTIONS.items(), books, strict=True)
    ]


@cache
def _to_write(section: str) -> dict[str, list[dict[str, str]]]:
    """Return for each operation that a section teaches what a reader's own function has to do, rung by rung.

    Worked examples, which come first where the document has any, are no part of it.
    """
    return {
        operation: [
            {language: sentences(operation, level, rung, language).right for language in LANGUAGES}
            for level, rung in ladder(operation)
            if rung != EXAMPLES
        ]
        for operation in (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS)
        if (section_of(operation) or BEYOND) == section
    }


def _scope(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether a run covered the whole specification, and otherwise which files or tests it covered."""
    parts = [argument for argument in run["scope"]["arguments"] if argument not in EVERYTHING]
    return {"whole": run["scope"]["whole"], "parts": parts}


def _drawn(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a run's properties drew, or None for data of an earlier version, or of a run that drew nothing."""
    operations = run.get("drawn")
    if not operations:
        return None
    return {
        "problems": sum(drawn["problems"] for drawn in operations.values()),
        "empty": sum(bucket["problems"] == 0 for drawn in operations.values() for bucket in drawn["buckets"]),
        "operations": [
            {"operation": name, "problems": drawn["problems"], **_by_kind(drawn["buckets"])}
            for name, drawn in operations.items()
        ],
    }


def _by_kind(found: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    kinds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (buckets.USUAL, buckets.EDGE, buckets.WIDTH)}
    for bucket in found:
        kinds[bucket["kind"]].append({**bucket, "zh": buckets.names_zh().get(bucket["name"], "")})
    return kinds


def _left_out(data: Mapping[str, Any], run: int) -> dict[str, Any]:
    return {"tests": data["runs"][run]["left_out"], "claims": _with_result(data["claims"], "not run", run)}


def _counts(claims: Iterable[Mapping[str, Any]], run: int) -> dict[str, int]:
    return counted(claim["results"][run]["result"] for claim in claims if not claim.get("ours"))


def _with_result(claims: Iterable[Mapping[str, Any]], result: str, run: int) -> list[Mapping[str, Any]]:
    return [claim for claim in claims if claim["results"][run]["result"] == result]
