"""What the book's templates show of a section: its words, its code, its laws, and what the runs found."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup

from spec_tests.report import hands
from spec_tests.report.book import sources
from spec_tests.report.book.texts import Part, meanings, paragraphs, text_of
from spec_tests.report.page_filters import grouped, source
from spec_tests.vocabulary.claims import SECTIONS, Claim, register
from spec_tests.vocabulary.results import counted

CHAPTERS = {"1": ("torchvision and its data", "torchvision 与数据"), "2": ("Neural networks", "神经网络")}
"""The titles of the document's chapters; each stands before the first of its sections."""

ASKED = ("2.1-flip", "2.1-same", "2.1.2-second-row", "2.2-tie", "2.6.3-what")
"""The questions that stand at the top of the book, by section and part."""


def chapters(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the book shows of each section, in the document's order."""
    tests = {(PurePosixPath(test["file"]).stem, test["test"].partition("::")[2]): test for test in data["tests"]}
    return [{**_chapter(id, tests), "results": _results(data, id)} for id in SECTIONS]


def results_of(claims: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the results of every claim by its id, each once."""
    return {claim["id"]: [*dict.fromkeys(result["result"] for result in claim["results"])] for claim in claims}


@cache
def questions() -> dict[str, list[dict[str, str]]]:
    """Return the questions that each claim and each law answers: by its id or its function's name, as links."""
    found: dict[str, list[dict[str, str]]] = {}
    for section in SECTIONS:
        asked: dict[str, str] = {}
        for part in text_of(section).parts:
            if part.title_en:
                asked = {"anchor": f"book-{section}-{part.id}", "en": part.title_en, "zh": part.title_zh}
            for proof in dict.fromkeys((*part.claims, *part.tests, part.corrects)):
                if asked and proof and asked not in found.setdefault(proof, []):
                    found[proof].append(asked)
    return found


def _results(data: Mapping[str, Any], section: str) -> list[tuple[Any, list[str]]]:
    """Return how many claims of a section had each result, as far as there are any, run by run."""
    claims = [claim for claim in data["claims"] if claim["section"] == section and not claim.get("ours")]
    counts = (counted(claim["results"][run]["result"] for claim in claims) for run in range(len(data["runs"])))
    return grouped([(result, count) for result, count in found.items() if count] for found in counts)


def _chapter(id: str, tests: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, Any]:
    text = text_of(id)
    errata = [claim for claim in register().values() if claim.section == id and claim.is_erratum]
    told = {part.corrects for part in text.parts}
    laws = [{**_law(path, tests), "questions": questions().get(path.split("::")[1], [])} for path in text.laws]
    return {
        "id": id,
        "chapter": CHAPTERS.get(id[0]) if id in ("1", "2.1") else None,
        "text": text,
        "parts": [_part(part, laws) for part in text.parts],
        "more_errata": [claim for claim in errata if claim.id not in told],
        "code": [{"source": cut, "marked": source(cut.code)} for cut in map(sources.reference, text.code)],
        "laws": laws,
        "words": [name for name in meanings() if any(name in law["names"] for law in laws)],
        "widgets": hands.widgets(id),
    }


def _part(part: Part, laws: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    by_name = {law["source"].name: law for law in laws}
    return {
        "part": part,
        "en": paragraphs(part.en),
        "zh": paragraphs(part.zh),
        "corrects": _erratum(part.corrects) if part.corrects else None,
        "laws": [by_name[name] for name in part.tests],
    }


def _erratum(id: str) -> Claim:
    claim = register()[id]
    if not claim.is_erratum:
        raise ValueError(f"claim {id} is {claim.verdict}: there is nothing to correct")
    return claim


def _law(path: str, tests: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, Any]:
    """Return a test with its source, and its outcomes if the runs have it."""
    module, name = path.split("::")
    cut, known = sources.law(path), tests.get((module, name))
    return {
        "source": cut,
        "id": f"law-{module.removeprefix('test_')}-{name.removeprefix('test_')}",
        "test": f"{cut.file}::{name}",
        "marked": _with_words(source(cut.code)),
        "names": set(re.findall(r"\w+", cut.code)),
        "outcomes": grouped(result["outcome"] for result in known["results"]) if known else [],
        "examples": sum(result["examples"] for result in known["results"]) if known else 0,
    }


def _with_words(code: Markup) -> Markup:
    """Return a test's source with the helpers marked, of which `words.toml` says what they mean."""
    return Markup(_words().sub(r'<span data-word="\1">\1</span>', str(code)))


@cache
def _words() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w\"=.-])({'|'.join(map(re.escape, meanings()))})(?![\w\"=])")
