"""The report's page: what runs proved, as one HTML file that needs nothing else, in English and in Chinese.

`render` takes the data of `claims.json`, one run or several, the pictures and the benchmarks. Templates, style, script
and words lie in the folder `page`; this module works out what they show. Every text that comes in is escaped; formulas,
highlighted sources and pictures alone are put in as they are.
"""

import base64
import datetime
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from spec_tests.claims import SECTIONS
from spec_tests.report.benchmark_part import BenchmarkPart
from spec_tests.report.picture import Picture

FOLDER = Path(__file__).with_name("page")
FORMAT = 1
PROOFS = ("by the references", "by the subject")
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
LEAST_SHARE = 0.001
"""Smaller shares of a bound are not told apart."""


def render(data: Mapping[str, Any], pictures: Sequence[Picture] = (), benchmarks: Sequence[BenchmarkPart] = ()) -> str:
    """Return the page. Raises ValueError for data of another format, or whose parts do not belong together."""
    _check(data, pictures, benchmarks)
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            runs=data["runs"],
            sections=_sections(data, pictures),
            counts=[_counts(data["claims"], run) for run in range(len(data["runs"]))],
            not_run=[_with_verdict(data["claims"], "not run", run) for run in range(len(data["runs"]))],
            uncheckable=_with_verdict(data["claims"], "uncheckable", 0),
            failures=_failures(data),
            deviations=data["deviations"],
            claims=data["claims"],
            benchmarks=benchmarks,
            words=_words(),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        )
    )


def _check(data: Mapping[str, Any], pictures: Sequence[Picture], benchmarks: Sequence[BenchmarkPart]) -> None:
    """Refuse what would make a page that is wrong without looking so."""
    if data.get("format") != FORMAT:
        raise ValueError(f"data has format {data.get('format')!r}, this page shows format {FORMAT}")
    if not data["runs"]:
        raise ValueError("data has no runs, a page needs one at least")
    for entry in [*data["claims"], *data["tests"]]:
        _check_entry(entry, len(data["runs"]))
    known = {claim["id"] for claim in data["claims"]}
    for test in data["tests"]:
        for id in set(test["claims"]) - known:
            raise ValueError(f"test {test['test']} carries the claim {id!r}, which data does not have")
    for picture in pictures:
        _check_picture(picture, SECTIONS)
    for picture in (picture for part in benchmarks for picture in part.pictures):
        _check_picture(picture, ["benchmarks"])


def _check_entry(entry: Mapping[str, Any], runs: int) -> None:
    """Check a claim or a test: a result of every run, verdicts and sections that exist."""
    name = f"claim {entry['id']}" if "id" in entry else f"test {entry['test']}"
    if len(entry["results"]) != runs:
        raise ValueError(f"{name} has {len(entry['results'])} results, data has {runs} runs")
    kind, known = ("verdict", _words()["verdicts"]) if "id" in entry else ("outcome", _words()["outcomes"])
    for result in entry["results"]:
        if result[kind] not in known:
            raise ValueError(f"{name} has the {kind} {result[kind]!r}, expected one of {', '.join(known)}")
    if "id" in entry and entry["section"] not in SECTIONS:
        raise ValueError(f"{name} is of section {entry['section']!r}, which the document does not have")


def _check_picture(picture: Picture, sections: Iterable[str]) -> None:
    if picture.section not in sections:
        raise ValueError(f"picture {picture.id} is of section {picture.section!r}, expected one of {[*sections]}")
    if not picture.svg.startswith("<svg") or re.search(r"<script|\son\w+=", picture.svg):
        raise ValueError(f"picture {picture.id} is not an <svg> element without scripts: {picture.svg[:40]!r}")


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))


@cache
def _formulas() -> list[dict[str, Any]]:
    """Return the formulas of `formulas.toml`, each with its MathML: one element for each part between wide spaces."""
    entries = tomllib.loads((FOLDER / "formulas.toml").read_text(encoding="utf-8"))["formula"]
    return [{**entry, "math": Markup("".join(map(_mathml, entry["latex"].split(r"\qquad"))))} for entry in entries]


def _mathml(latex: str) -> str:
    return str(import_module("latex2mathml.converter").convert(latex.strip(), display="block"))


def _environment() -> jinja2.Environment:
    """Return the templates' environment: everything is escaped, and what is missing is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for show in (number, power, percent, value, sentence, duration, day, reason_zh, source):
        environment.filters[show.__name__] = show
    return environment


def _sections(data: Mapping[str, Any], pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """Return what stands under each section of the document, in its order."""
    tests = _tests_by_claim(data)
    return [
        {
            "id": id,
            "en": title,
            "zh": _words()["sections"][id],
            "formulas": [formula for formula in _formulas() if formula.get("section") == id],
            "pictures": [picture for picture in pictures if picture.section == id],
            "claims": [_claim(claim, tests[claim["id"]]) for claim in data["claims"] if claim["section"] == id],
        }
        for id, title in SECTIONS.items()
    ]


def _tests_by_claim(data: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    tests: dict[str, list[Mapping[str, Any]]] = {claim["id"]: [] for claim in data["claims"]}
    for test in data["tests"]:
        for id in test["claims"]:
            tests[id].append(test)
    return tests


def _claim(claim: Mapping[str, Any], tests: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a claim with its tests and all that its results have in common."""
    return {
        **claim,
        "tests": tests,
        "verdicts": list(dict.fromkeys(result["verdict"] for result in claim["results"])),
        "dtypes": sorted({dtype for result in claim["results"] for dtype in result["worst"]}),
        "proofs": _proofs(claim, tests),
        "formulas": [formula for formula in _formulas() if formula.get("claim") == claim["id"]],
        "right": [formula for formula in _formulas() if formula.get("right") == claim["id"]],
    }


def _proofs(claim: Mapping[str, Any], tests: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return for each of the two ways to prove a number its outcome in every run; nothing where there are none."""
    runs = range(len(claim["results"]))
    proofs = {way: [_outcome(way, claim["results"][run]["tests"], tests, run) for run in runs] for way in PROOFS}
    return proofs if any(outcome != "not run" for row in proofs.values() for outcome in row) else {}


def _outcome(way: str, ran: Iterable[str], tests: Iterable[Mapping[str, Any]], run: int) -> str:
    failed = [failure["case"] for test in tests for failure in test["results"][run]["failures"]]
    if any(way in case for case in failed):
        return "failed"
    return "passed" if any(f"[{way}" in test for test in ran) else "not run"


def _failures(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tests that failed in some run, those of claims first; then claims that failed without one of them."""
    by_id = {claim["id"]: claim for claim in data["claims"]}
    tests = [test for test in data["tests"] if any(result["outcome"] == "failed" for result in test["results"])]
    shown = {id for test in tests for id in test["claims"]}
    lonely = [
        claim
        for claim in data["claims"]
        if claim["id"] not in shown and any(result["verdict"] == "failed" for result in claim["results"])
    ]
    tests.sort(key=lambda test: not test["claims"])
    return [{"test": test, "claims": [by_id[id] for id in test["claims"]]} for test in tests] + [
        {"test": None, "claims": [claim]} for claim in lonely
    ]


def _counts(claims: Iterable[Mapping[str, Any]], run: int) -> dict[str, int]:
    return {verdict: len(_with_verdict(claims, verdict, run)) for verdict in _words()["verdicts"]}


def _with_verdict(claims: Iterable[Mapping[str, Any]], verdict: str, run: int) -> list[Mapping[str, Any]]:
    return [claim for claim in claims if claim["results"][run]["verdict"] == verdict]


def number(count: int) -> str:
    """Return a whole number, its digits in groups of three.

    >>> number(42200) == f"42{NARROW_SPACE}200"
    True
    """
    return f"{count:,}".replace(",", NARROW_SPACE)


def power(size: float) -> Markup:
    r"""Return a small number as two digits and a power of ten, which stay in one line.

    >>> power(2.3e-7)
    Markup('2.3\u202f×\u202f10<sup>−7</sup>')
    >>> power(0.0)
    Markup('0')
    """
    if size == 0 or not math.isfinite(size):
        return Markup("0") if size == 0 else Markup.escape(str(size))
    digits, exponent = f"{size:.1e}".split("e")
    return Markup("{0}{1}×{1}10<sup>{2}</sup>").format(digits, NARROW_SPACE, str(int(exponent)).replace("-", MINUS))


def percent(share: float) -> str:
    r"""Return a share in per cent, with two digits where it is small.

    >>> [percent(share) for share in (0.5, 0.0456, 1e-9, 0.0)]
    ['50\u202f%', '4.6\u202f%', '<\u202f0.1\u202f%', '0\u202f%']
    """
    if 0 < share < LEAST_SHARE:
        return f"<{NARROW_SPACE}{percent(LEAST_SHARE)}"
    digits = f"{100 * share:.2g}" if share < 0.1 else f"{100 * share:.0f}"
    return f"{digits}{NARROW_SPACE}%"


def value(printed: Any) -> str:
    r"""Return a number, or numbers, as a reader writes them: rows below one another.

    >>> value([[1, -2], [0.5, 3]])
    '1, −2\n0.5, 3'
    """
    if isinstance(printed, list):
        return ("\n" if any(isinstance(row, list) for row in printed) else ", ").join(map(value, printed))
    text = printed if isinstance(printed, str) else json.dumps(printed, ensure_ascii=False)
    return text.replace("-", MINUS) if isinstance(printed, int | float) else text


def sentence(test: str) -> str:
    """Return the name of a test as the sentence that it is.

    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_wins[float32]")
    'nan wins [float32]'
    """
    name, bracket, case = test.rpartition("::")[2].partition("[")
    return name.removeprefix("test_").replace("_", " ") + (f" [{case}" if bracket else "")


def duration(seconds: float) -> str:
    """Return how long something took.

    >>> duration(130.2), duration(9.51)
    ('2 min 10 s', '9.5 s')
    """
    return f"{int(seconds) // 60} min {int(seconds) % 60} s" if seconds >= 60 else f"{seconds:.1f} s"


def day(moment: str) -> str:
    """Return a moment in ISO format to the minute.

    >>> day("2026-11-23T01:02:03+00:00")
    '2026-11-23 01:02 UTC'
    """
    return f"{datetime.datetime.fromisoformat(moment).astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def reason_zh(reason: str) -> str:
    """Return in Chinese why tests were left out, or an empty string where the words are missing.

    >>> reason_zh("the subject does not compute in bfloat16")
    '被测实现不支持 bfloat16'
    """
    for pattern, text in _words()["reasons"].items():
        match = re.fullmatch(re.escape(pattern).replace(r"\{dtype\}", r"(?P<dtype>\w+)"), reason)
        if match:
            return str(text).format(**match.groupdict())
    return ""


@cache
def source(code: str) -> Markup:
    """Return Python code with its words marked by classes, for `page.css` to colour."""
    return Markup(highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip())
