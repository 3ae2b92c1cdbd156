"""The benchmarks on the report's page: files of data that any program may write, read and checked."""

import json
import re
import shutil

import pytest

from spec_tests.report import benchmark_part
from spec_tests.report.benchmark_part import FILE, BenchmarkPart, Table, as_text, from_data, read, read_all
from spec_tests.report.json_files import Unreadable
from spec_tests.report.page_figure import PageFigure
from spec_tests.report.writing import RESULTS

pytest.importorskip("jsonschema", reason='the report needs jsonschema: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PART = BenchmarkPart(
    "A machine",
    "一台机器",
    ("It is fast.",),
    ("很快。",),
    (
        Table("Times", "用时", ("layer", "median"), ("层", "中位数"), (("conv1", "1.3 ms"),)),
        Table("Goals", "目标", ("layer", "met"), ("层", "达到"), (("conv1", "yes"),), (("conv1", "是"),)),
    ),
    (PageFigure("benchmarks-line", "benchmarks", "A line", "一条线", "It rises.", "它上升。", "<svg></svg>"),),
)


@pytest.fixture
def data():
    """The data of a valid file, which a test may change."""
    return json.loads(as_text(PART))


def test_a_file_of_benchmarks_reads_back_as_it_was_written(data):
    assert from_data(data) == PART


def test_benchmarks_are_read_in_the_order_of_their_folders(tmp_path, data):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_text(json.dumps({**data, "title_en": name}), encoding="utf-8")
    (tmp_path / "a.json").write_text("another file")
    (tmp_path / "c").mkdir()

    assert [part.title_en for part in read_all(tmp_path)] == ["a", "b"]


def test_a_checkout_without_benchmarks_has_none_on_its_page(tmp_path):
    assert read_all(tmp_path / "missing") == []


def test_the_stored_benchmarks_read_back_as_they_are_stored(tmp_path):
    stored = next(RESULTS.glob(f"*/{FILE}"))
    shutil.copy(stored, tmp_path)

    part = read(tmp_path / FILE)

    assert part.figures and part.tables
    assert as_text(part) == stored.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[" * 100_000, "does not contain a page of benchmarks: it is nested too deeply"),
        ("[]", r"does not contain a page of benchmarks: \$: \[\] is not of type 'object'"),
        ('{"format": NaN}', r"does not contain a page of benchmarks: \$.format: nan is not a JSON number"),
    ],
)
def test_a_file_that_is_not_a_page_of_benchmarks_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)

    with pytest.raises(Unreadable, match=rf"^{re.escape(str(tmp_path / FILE))} {message}") as error:
        read(tmp_path / FILE)

    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path):
    with pytest.raises(Unreadable, match=r"part\.json cannot be read: No such file or directory"):
        read(tmp_path / FILE)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["format"], 2, r"\$.format: 1 was expected"),
        (["title_zh"], None, r"\$: 'title_zh' is a required property"),
        (["mood"], "good", r"\$: Additional properties are not allowed \('mood' was unexpected\)"),
        (["summary_en", 0], 7, r"\$.summary_en\[0\]: 7 is not of type 'string'"),
        (["tables", 1, "rows", 0], ["a"], r"\$.tables\[1\]: rows has a row of 1 cells, header_en has 2"),
        (["tables", 0, "header_zh"], ["a", "b", "c"], r"\$.tables\[0\]: header_zh has a row of 3 cells"),
        (["figures", 0, "section"], "2.1", r"\$.figures\[0\].section: 'benchmarks' was expected"),
        (["figures", 0, "id"], "a b", r"\$.figures\[0\].id: 'a b' does not match"),
        (["figures", 0, "svg"], "<p></p>", r"\$.figures\[0\]: figure benchmarks-line .*: it begins with '<p></p>'"),
        (["figures", 0, "svg"], "<svg onload='x'></svg>", r"\$.figures\[0\]: .* it contains 'onload='"),
        (["figures", 0, "svg"], "<svg><g></svg>", r"\$.figures\[0\]: .* mismatched tag: line 1, column 10"),
        (["figures", 0, "alt_en"], "half \ud83d", r"\$.figures\[0\].alt_en: .* contains half a character"),
    ],
)
def test_a_malformed_page_of_benchmarks_is_refused_with_the_place(data, place, value, message):
    *way, last = place
    found = data
    for step in way:
        found = found[step]
    if value is None:
        del found[last]
    else:
        found[last] = value

    with pytest.raises(Unreadable, match=message):
        from_data(data)


def test_two_figures_with_the_same_id_are_refused(data):
    data["figures"] *= 2

    with pytest.raises(Unreadable, match=r"\$.figures: 'benchmarks-line' occurs more than once"):
        benchmark_part.from_data(data)
