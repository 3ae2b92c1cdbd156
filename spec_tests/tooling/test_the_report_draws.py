"""The counts of what was drawn: in the ledger, in `claims.json`, in a merged report, and on the page."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from spec_tests.report import findings, merging, page, reading
from spec_tests.vocabulary import buckets, ledger
from spec_tests.vocabulary.operations import OPERATIONS

pytestmark = pytest.mark.tooling

STORED = Path(__file__).parent / "stored" / "claims-of-832af97.json.gz"
"""A report of an earlier version, which did not count."""

DRAWN = {
    "conv2d": {
        "problems": 1234,
        "buckets": [
            {"kind": "usual", "name": "kernel 3, stride 1, padding 1", "problems": 77},
            {"kind": "edge", "name": "uneven stride", "problems": 0},
            {"kind": "width", "name": "of a later version", "problems": 5},
        ],
    }
}


@pytest.fixture
def older():
    return reading.in_todays_form(json.loads(gzip.decompress(STORED.read_bytes())))


@pytest.fixture
def counting(older):
    """That report, as if it had counted, and of another day."""
    return {**older, "runs": [{**run, "started": "2026-11-29T00:00:00+00:00", "drawn": DRAWN} for run in older["runs"]]}


def test_a_problem_counts_once_and_in_each_of_its_buckets(monkeypatch):
    monkeypatch.setattr(ledger, "_drawn", type(ledger._drawn)(ledger.Drawn))
    monkeypatch.setattr(ledger, "_current", ledger.Entry("", ""))
    typical = OPERATIONS["conv2d"].typical
    problem = replace(typical, options={**typical.options, "stride": 1, "dilation": 1})

    ledger.drawn("conv2d", buckets.of_problem(problem))

    counted = {bucket["name"]: bucket["problems"] for bucket in findings.drawn()["conv2d"]["buckets"]}
    assert findings.drawn()["conv2d"]["problems"] == counted["groups"] == counted["kernel 3, stride 1, padding 1"] == 1
    assert counted["depthwise"] == counted["unequal axes"] == 0


def test_what_tests_of_our_own_tools_draw_is_not_counted(monkeypatch):
    monkeypatch.setattr(ledger, "_drawn", type(ledger._drawn)(ledger.Drawn))
    monkeypatch.setattr(ledger, "_current", ledger.Entry("", "", tooling=True))

    ledger.drawn("conv2d", ["groups"])

    assert findings.drawn() == {}


def test_a_merged_report_keeps_the_counts_of_the_runs_that_have_them(older, counting):
    merged = merging.merge([older, counting])

    reading.check(merged)
    assert [run.get("drawn") for run in merged["runs"]] == [None, DRAWN]


def test_the_page_shows_the_counts_in_both_languages(counting):
    html = page.render(counting)

    for text in (
        "kernel 3, stride 1, padding 1",
        "核 3、步幅 1、填充 1",
        "uneven stride",
        "步幅除不尽",
        "of a later version",
    ):
        assert text in html
    assert "1 never tried" in html


def test_the_page_of_an_earlier_report_says_nothing_of_draws(older):
    assert 'id="draws"' not in page.render(older)


def test_every_bucket_has_a_name_in_both_languages_and_each_operation_no_name_twice():
    for operation in OPERATIONS:
        names = [bucket.name for bucket in buckets.of(operation)]
        assert len(names) == len(set(names))
    assert all(buckets.names_zh().values())
