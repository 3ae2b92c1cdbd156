"""Verdicts on public reports, as `python -m spec_tests.tooling.public_reports --store` wrote them, and in Chinese."""

from functools import cache
from pathlib import Path

from spec_tests.report.page_filters import words

VERDICTS = Path(__file__).with_name("public_verdicts.tsv")
TITLES_ZH = Path(__file__).with_name("public_reports_zh.tsv")


@cache
def public_verdicts() -> list[dict[str, str]]:
    """Return a row for each output that was judged; `<name>_zh` is what stands in a column in Chinese."""
    head, *rows = (line.split("\t") for line in VERDICTS.read_text(encoding="utf-8").splitlines())
    return [_in_both_languages(dict(zip(head, row, strict=True))) for row in rows]


def _in_both_languages(row: dict[str, str]) -> dict[str, str]:
    told: dict[str, str] = words()["public"]
    chinese = {f"{name}_zh": told.get(row[name], row[name]) for name in ("source", "decision", "explanation", "share")}
    output = " ".join(told.get(word, word) for word in row["output"].split(" "))
    return {**row, **chinese, "about_zh": titles_zh()[row["about"]], "output_zh": output}


@cache
def titles_zh() -> dict[str, str]:
    """Return what each report is about in Chinese, by its English title."""
    lines = TITLES_ZH.read_text(encoding="utf-8").splitlines()
    return {english: chinese for english, _, chinese in (line.partition("\t") for line in lines)}
