"""The words for results: terminal, page, `claims.json` and READMEs use the same ones, and count the same."""

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from spec_tests.report import findings, reading
from spec_tests.report.cases import Case
from spec_tests.run import summary
from spec_tests.vocabulary.claims import register
from spec_tests.vocabulary.ledger import OUTCOMES as GRAVITY
from spec_tests.vocabulary.ledger import Entry
from spec_tests.vocabulary.results import (
    LEFT_OUT,
    OUTCOMES,
    RESULTS,
    VERDICTS,
    Word,
    counted,
    of_the_document,
    result_of,
    results_of,
)

pytestmark = pytest.mark.tooling

PROJECT = Path(__file__).parents[2]
STORED = Path(__file__).parent / "stored" / "claims-of-832af97.json.gz"
"""The data of a full run, as `--report` wrote them when the form of the data was 1."""


@pytest.fixture(scope="module")
def full_run():
    """Return what the ledger holds after a run in which each claim that runs by default has one test, which passed."""
    return [
        Entry(f"{claim.id}.py::test", claim.section, (claim.id,), examples=1, outcome="passed")
        for claim in register().values()
        if claim.runs_by_default
    ]


def counts_of_the_terminal(entries):
    """Return the results that the last row of the summary's table counts."""
    columns, *rows = [line for line in summary.lines(entries, summary.Run("torch", whole=True, full=True)) if line]
    heading = next(line for line in [columns, *rows] if line.startswith("section"))
    total = next(line for line in rows if line.startswith("together"))
    ends = {result: heading.index(f" {result}") + 1 + len(result) for result in RESULTS}
    return {result: int(total[:end].split()[-1]) for result, end in ends.items()}


def counts_of_the_data(entries):
    """Return the results of the claims in `claims.json`."""
    cases = [Case(entry.test, "", entry.section, entry.claims, (), None, entry=entry) for entry in entries]
    return Counter(claim["results"][0]["result"] for claim in findings.claims_of(cases) if not claim["ours"])


def counts_of_the_page(entries):
    """Return the results that the page's first table counts."""
    page = pytest.importorskip("spec_tests.report.page", reason="the page needs the packages of [report]")
    cases = [Case(entry.test, "", entry.section, entry.claims, (), None, entry=entry) for entry in entries]
    html = page.render({**reading.read(STORED), "claims": findings.claims_of(cases), "tests": []})
    rows = re.findall(r'<th scope="row"><span class="badge ([\w-]+)">.*?</th><td class="number">(\d+)</td>', html)
    return {name.replace("-", " "): int(count) for name, count in rows}


def counts_of_the_readme(name):
    """Return the claims of each verdict in the table of a README, and the results of a full run."""
    language = "zh" if ".zh" in name else "en"
    verdicts, results = ({getattr(word, language): key for key, word in words.items()} for words in (VERDICTS, RESULTS))
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d[^|]+) \|$", (PROJECT / name).read_text("utf-8"), re.MULTILINE)
    by_verdict = {verdicts[verdict]: int(count) for verdict, count, _ in rows}
    found = [re.split(" ", part, maxsplit=1) for *_, text in rows for part in re.split("[,，] ?", text)]
    by_result = Counter[str]()
    for count, word in found:
        by_result[results[word]] += int(count)
    return by_verdict, by_result


def test_terminal_page_data_and_readmes_count_the_same_results(full_run):
    counts = counted(of_the_document(results_of(full_run)).values())

    assert counts_of_the_terminal(full_run) == counts
    assert counts_of_the_data(full_run) == Counter(counts)
    assert counts_of_the_page(full_run) == counts
    for readme in ("README.md", "README.zh.md"):
        verdicts, results = counts_of_the_readme(readme)
        assert verdicts == Counter(claim.verdict for claim in register().values() if not claim.ours)
        assert results == Counter(counts)


@pytest.mark.parametrize("words", [VERDICTS, OUTCOMES, RESULTS], ids=["verdicts", "outcomes", "results"])
def test_every_word_is_defined_in_one_sentence_in_both_languages(words):
    for key, word in words.items():
        assert (word.en, isinstance(word, Word)) == (key, True)
        assert re.fullmatch(r"[A-Z][^.]*\.", word.meaning_en)
        assert re.fullmatch(r"[^。]*[\u4e00-\u9fff][^。]*。", word.meaning_zh)


def test_a_word_has_one_translation_and_no_two_words_share_it():
    meanings = defaultdict(set)
    for words in (VERDICTS, OUTCOMES, RESULTS):
        assert len({word.zh for word in words.values()}) == len(words)
        for word in words.values():
            meanings[word.en].add(word.zh)

    assert {en: zh for en, zh in meanings.items() if len(zh) > 1} == {}


def test_the_schema_of_the_data_knows_these_words_and_no_others():
    forms = reading.SCHEMA["$defs"]

    assert forms["claim"]["properties"]["verdict"]["enum"] == [*VERDICTS]
    assert forms["claim_result"]["properties"]["result"]["enum"] == [*RESULTS]
    assert forms["test_result"]["properties"]["outcome"]["enum"] == [*OUTCOMES]
    assert [*forms["run"]["properties"]["outcomes"]["properties"], "not run"] == [*OUTCOMES]


def test_a_claim_that_cites_its_source_is_cited_and_counts_as_nothing_that_was_run():
    claim = next(claim for claim in register().values() if claim.cites)

    assert result_of(claim, []) == "cited"
    assert not claim.runs_by_default


def test_every_outcome_of_the_ledger_has_its_word():
    assert {*GRAVITY} == {*OUTCOMES}


@pytest.mark.parametrize(
    ("verdict", "outcomes", "result"),
    [
        ("true", ["passed", "skipped"], "confirmed"),
        ("imprecise", ["passed"], "refined"),
        ("false", ["passed"], "corrected"),
        ("false", ["passed", "failed"], "failed"),
        ("true", ["passed", "error"], "failed"),
        ("true", ["skipped", "not run"], "not run"),
        ("true", [], "not run"),
        ("uncheckable", [], "uncheckable"),
        ("uncheckable", ["passed"], "uncheckable"),
    ],
)
def test_the_result_of_a_claim_follows_from_its_verdict_and_its_tests(verdict, outcomes, result):
    claim = next(claim for claim in register().values() if claim.verdict == verdict and not claim.cites)

    assert result_of(claim, outcomes) == result


def test_a_test_ends_as_the_gravest_of_its_phases():
    entry = Entry("a.py::test", "2.1")

    for outcome in ("skipped", "passed", "error", "failed", "passed"):
        entry.end(outcome)

    assert entry.outcome == "failed"


def test_no_two_reasons_to_leave_a_test_out_are_worded_alike():
    assert len({reason.en for reason in LEFT_OUT.values()}) == len({reason.zh for reason in LEFT_OUT.values()})
