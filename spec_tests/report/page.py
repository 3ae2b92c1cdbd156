"""The report's page: what runs proved, as one self-contained HTML file in English and in Chinese.

`render` takes the data of `claims.json`, one run or several, the figures and the benchmarks. The templates, the
style sheet, the script and the words are in the folder `page`; this module computes what they show. All text from
outside is escaped; only formulas, highlighted sources and figures are included as they are.
"""

import base64
import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from spec_tests.report import hands, page_filters
from spec_tests.report.benchmark_part import BenchmarkPart
from spec_tests.report.book.chapters import chapters, results_of
from spec_tests.report.book.stories import stories
from spec_tests.report.book.texts import meanings
from spec_tests.report.figures.labels import in_both_languages
from spec_tests.report.page_figure import PageFigure
from spec_tests.report.page_filters import FOLDER, grouped, run_label, words
from spec_tests.vocabulary import buckets
from spec_tests.vocabulary.claims import SECTIONS, SECTIONS_ZH
from spec_tests.vocabulary.document_lines import NOTHING, document_lines
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.results import OUTCOMES, RESULTS, counted, proven, reason_zh
from spec_tests.vocabulary.rungs.sentences import EXAMPLES, LANGUAGES, ladder, section_of, sentences

PROOFS = ("by the references", "by the subject")
FILTERS = (
    *("number", "power", "percent", "value", "duration", "day", "complaint_zh"),
    *("sentence", "source", "failure", "terminal", "grouped"),
)
PUBLIC = FOLDER.parent / "public_verdicts.tsv"
BEYOND = "3"
"""The section of what the document does not teach."""
EVERYTHING = ("spec_tests", ".")
"""Arguments of pytest that stand for the whole specification."""


def render(
    data: Mapping[str, Any],
    figures: Sequence[PageFigure] = (),
    benchmarks: Sequence[BenchmarkPart] = (),
    matrix: str = "",
) -> str:
    """Return the page. The data are what `reading.check` accepts; ValueError for a figure of an unknown section.

    `matrix` is where the page of a compatibility matrix lies, relative to this one, if there is one.
    """
    for figure in figures:
        if figure.section not in SECTIONS:
            raise ValueError(f"figure {figure.id} is of section {figure.section!r}, expected one of {[*SECTIONS]}")
    script = "\n".join((script_of(FOLDER / "find.js", FOLDER / "page.js"), hands.script()))
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            runs=[{**run, "label": run_label(place), "scope": _scope(run)} for place, run in enumerate(data["runs"])],
            sections=_sections(data, figures),
            stories=stories(data["runs"]),
            meanings=meanings(),
            results_of=results_of(data["claims"]),
            right_of=lambda claim: [formula for formula in _formulas() if formula.get("right") == claim],
            counts=[_counts(data["claims"], run) for run in range(len(data["runs"]))],
            left_out=grouped(_left_out(data, run) for run in range(len(data["runs"]))),
            drawn=grouped(_drawn(run) for run in data["runs"]),
            uncheckable=[claim for claim in data["claims"] if claim["verdict"] == "uncheckable"],
            failures=_failures(data),
            deviations=data["deviations"],
            silent=[deviation for deviation in data["deviations"] if deviation.get("silent")],
            claims=data["claims"],
            counted=sum(not claim.get("ours") for claim in data["claims"]),
            lines=_lines(),
            public=_public_verdicts(),
            known={claim["id"] for claim in data["claims"]},
            benchmarks=benchmarks,
            matrix=matrix,
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


@cache
def _formulas() -> list[dict[str, Any]]:
    """Return the formulas of `formulas.toml`, each with its MathML: one element for each part between wide spaces."""
    entries = tomllib.loads((FOLDER / "formulas.toml").read_text(encoding="utf-8"))["formula"]
    return [{**entry, "math": Markup("".join(map(_mathml, entry["latex"].split(r"\qquad"))))} for entry in entries]


def _mathml(latex: str) -> str:
    return str(import_module("latex2mathml.converter").convert(latex.strip(), display="block"))


def script_of(*files: Path) -> str:
    """Return a page's script, after the part that all pages have."""
    return "\n".join(part.read_text(encoding="utf-8") for part in (FOLDER / "shared.js", *files))


def hash_of(script: str) -> str:
    """Return the hash by which a page allows its script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def style_of(*files: Path) -> Markup:
    """Return the report's style sheet, and those of these files after it."""
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in (FOLDER / "page.css", *files)))


def environment(*folders: Path) -> jinja2.Environment:
    """Return the templates' environment, in which text is escaped and a missing name is an error.

    Templates are looked for in these folders, and then among the report's.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["reason_zh"] = reason_zh
    environment.filters["in_both_languages"] = in_both_languages
    environment.filters["contains"] = lambda values, value: value in values
    environment.filters.update({name: getattr(page_filters, name) for name in FILTERS})
    return environment


def _sections(data: Mapping[str, Any], figures: Sequence[PageFigure]) -> list[dict[str, Any]]:
    """Return what the page shows for each section of the document, in order."""
    tests, books = _tests_by_claim(data), chapters(data)
    return [
        {
            "id": id,
            "en": title,
            "book": book,
            "zh": SECTIONS_ZH[id],
            "formulas": [formula for formula in _formulas() if formula.get("section") == id],
            "figures": [figure for figure in figures if figure.section == id],
            "claims": [_claim(claim, tests[claim["id"]]) for claim in data["claims"] if claim["section"] == id],
            "runs": grouped(run["sections"].get(id) for run in data["runs"]),
            "to_write": _to_write(id),
        }
        for (id, title), book in zip(SECTIONS.items(), books, strict=True)
    ]


@cache
def _public_verdicts() -> list[dict[str, str]]:
    """Return the verdicts on public reports, as `python -m spec_tests.tooling.public_reports --store` wrote them."""
    lines = PUBLIC.read_text(encoding="utf-8").splitlines()
    head, *rows = (line.split("\t") for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


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


def _tests_by_claim(data: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    tests: dict[str, list[Mapping[str, Any]]] = {claim["id"]: [] for claim in data["claims"]}
    for test in data["tests"]:
        for id in test["claims"]:
            tests[id].append(test)
    return tests


def _claim(claim: Mapping[str, Any], tests: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a claim with its tests and a summary of its results."""
    results = claim["results"]
    tests = [_with_own_cases(test, results) for test in tests]
    found = [result["result"] for result in results]
    ran = [result for result in results if result["tests"]]
    return {
        **claim,
        "tests": tests,
        "ran": sum(any(own["cases"] for own in test["own"]) for test in tests),
        "found": grouped(found),
        "unproven": [run_label(run) for run, result in enumerate(found) if not proven(result)],
        "examples": sorted({result["examples"] for result in ran}),
        "worst": _worst(results),
        "proofs": _proofs(results, tests),
        "formulas": [formula for formula in _formulas() if formula.get("claim") == claim["id"]],
        "right": [formula for formula in _formulas() if formula.get("right") == claim["id"]],
    }


def _with_own_cases(test: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = [_own(test, result, run) for run, result in enumerate(results)]
    return {**test, "own": own, "counts": grouped({**cases, "outcome": ""} for cases in own)}


def _own(test: Mapping[str, Any], result: Mapping[str, Any], run: int) -> dict[str, Any]:
    """Return the outcome of a claim's own cases of a test in a run; other cases may carry other claims."""
    cases = [id for id in result["tests"] if id.partition("[")[0] == test["test"]]
    whole = test["results"][run]
    not_run = "skipped" if whole["outcome"] == "skipped" else "not run"
    return {
        "outcome": whole["outcome"] if _failing(test, run) & set(cases) else "passed" if cases else not_run,
        "cases": len(cases),
        "of": whole["cases"],
        "examples": whole["examples"],
    }


def _failing(test: Mapping[str, Any], run: int) -> set[str]:
    """Return the ids of a test's cases that failed in a run."""
    cases = [failure["case"] for failure in test["results"][run]["failures"]]
    return {f"{test['test']}[{case}]" if case else test["test"] for case in cases}


def _worst(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each number format the worst error of every run, and the worst of all with its run."""
    found = []
    for dtype in sorted({dtype for result in results for dtype in result["worst"]}):
        runs = [result["worst"].get(dtype) for result in results]
        run = max(range(len(runs)), key=lambda run: runs[run]["share"] if runs[run] else -1)
        found.append({"dtype": dtype, "runs": runs, "nearest": runs[run], "label": run_label(run)})
    return found


def _proofs(
    results: Sequence[Mapping[str, Any]], tests: Iterable[Mapping[str, Any]]
) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the outcomes of both ways to prove a number, run by run; nothing if neither was run."""
    failing = [set().union(*(_failing(test, run) for test in tests)) for run in range(len(results))]
    proofs = {
        way: [_outcome(way, result["tests"], failed) for result, failed in zip(results, failing, strict=True)]
        for way in PROOFS
    }
    known = any(outcome != "not run" for outcomes in proofs.values() for outcome in outcomes)
    return {way: grouped(outcomes) for way, outcomes in proofs.items()} if known else {}


def _outcome(way: str, ran: Iterable[str], failed: set[str]) -> str:
    cases = {test for test in ran if f"[{way}" in test}
    return "failed" if cases & failed else "passed" if cases else "not run"


def _failures(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tests that failed in any run, those with claims first, then claims that failed without such a test."""
    by_id = {claim["id"]: claim for claim in data["claims"]}
    found = [
        {"test": test, "claims": [by_id[id] for id in test["claims"] if _fails(by_id[id], test)]}
        for test in data["tests"]
        if any(result["outcome"] in ("failed", "error") for result in test["results"])
    ]
    shown = {claim["id"] for failure in found for claim in failure["claims"]}
    lonely = [
        {"test": None, "claims": [claim]}
        for claim in data["claims"]
        if claim["id"] not in shown and any(result["result"] == "failed" for result in claim["results"])
    ]
    return sorted(found, key=lambda failure: not failure["claims"]) + lonely


def _fails(claim: Mapping[str, Any], test: Mapping[str, Any]) -> bool:
    """Tell whether a case of this test made the claim fail in any run."""
    return any(
        result["result"] == "failed" and not _failing(test, run).isdisjoint(result["tests"])
        for run, result in enumerate(claim["results"])
    )


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
