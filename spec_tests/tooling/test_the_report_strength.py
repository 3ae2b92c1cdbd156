"""What the page shows of the measured strength: what is stored, in both languages, and nothing where nothing is."""

import json
import re

import pytest

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')

from spec_tests.report import strength_part, writing
from spec_tests.report.page_filters import words
from spec_tests.report.templates import environment

pytestmark = pytest.mark.tooling

ALL, SOME, NONE = ({"caught": caught, "planted": planted} for caught, planted in ((4, 4), (1, 3), (0, 0)))
STRENGTH = {
    "date": "2026-11-29",
    "versions": {"numpy": "2.4.6"},
    "median seconds to the first failure": 0.0064,
    "named": ALL,
    "generated": {"caught": 1600, "planted": 1600},
    "modelled on reports": ALL,
    "by operation": {"conv2d": ALL, "sgd": ALL},
    "by kind": {"memory": ALL},
}
COUNTS = {
    "named": SOME,
    "generated": NONE,
    "modelled on reports": NONE,
    "by operation": {"conv2d": SOME},
    "by kind": {},
}
RIVALS = {
    "date": "2026-11-30",
    "rivals": {
        "ONNX's node cases": {
            "package": "onnx",
            "version": "1.23.2",
            "cases": {"of our operators": 9, "mapped": 7},
            **COUNTS,
        },
        "Somebody <else>": {"package": "x", "version": "1", **COUNTS},
    },
}
MUTANTS = {"date": "2026-11-28", "mutants": 5000, "tried": 90, "counted": 80, "killed": 79}
REPEATS = {"date": "2026-11-27", "runs": 100, "passed": 99, "tests": 123456}


@pytest.fixture
def page(tmp_path):
    """A function that stores results and returns the text that the page has of them, without markup."""

    def shown(**results):
        for name, result in results.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
        strength = strength_part.read(tmp_path)
        template = environment().get_template("strength.html.jinja")
        return " ".join(re.sub(r"<[^>]+>", " ", template.render(strength=strength)).replace("\u202f", " ").split())

    return shown


def test_where_nothing_was_measured_nothing_is_shown(tmp_path):
    assert strength_part.read(tmp_path / "absent") is None


def test_what_was_planted_and_caught_is_shown_in_both_languages(page):
    text = page(strength=STRENGTH)

    assert "4 were written by hand" in text and "1 600 were made by rules" in text
    assert (
        "All of them are caught, half of them within 6.4 ms" in text
        and "它们全部被发现，其中一半只用了不到 6.4 毫秒" in text
    )
    assert "memory 内存 4 / 4" in text and "conv2d 4 / 4" in text
    assert "--rivals" not in text and "mutation" not in text and "repeats" not in text


def test_if_some_survive_the_page_says_how_many_were_caught(page):
    text = page(strength={**STRENGTH, "generated": {"caught": 1500, "planted": 1600}})

    assert "1 504 of them are caught." in text and "其中 1 504 个被发现。" in text


def test_what_others_catch_stands_beside_it_with_what_they_can_touch(page):
    text = page(strength=STRENGTH, rivals=RIVALS)

    assert "written by hand 人工编写 4 / 4 1 / 3 1 / 3" in text
    assert "sgd 4 / 4 – –" in text
    assert "no gradients" in text and "Of its 9 cases for operators that are ours, 7 ask" in text and "没有梯度" in text
    assert "Somebody &lt;else&gt;" in text
    assert "python -m spec_tests.strength --rivals" in text


def test_changes_of_the_references_and_repeated_runs_are_told_where_they_are_stored(page):
    text = page(strength=STRENGTH, mutants=MUTANTS, repeats=REPEATS)

    assert "90 of 5 000 changes have been tried so far. Of the 80 that make any difference, 79 made a test fail" in text
    assert "repeated 100 times" in text and "99 of these runs passed, with 123 456 tests in all (2026-11-27)" in text
    assert "python -m spec_tests.strength.mutation python -m spec_tests.strength.repeats" in text


def test_margins_are_told_by_version_and_format(page, tmp_path):
    (tmp_path / "margins").mkdir()
    head = "operation\tpart\tdtype\tcases\tnearest\tnarrowest\twidest\n"
    rows = "conv2d\toutput\tfloat32\t9\t0.25\t1\t1\nconv2d\toutput\tfloat16\t9\t0.9\t1\t1\n"
    rows += "relu\toutput\tfloat32\t0\t0\t0\t0\n"
    for version, text in (("2.14", rows), ("2.15", rows.replace("0.25", "0.5"))):
        (tmp_path / "margins" / f"torch-{version}.tsv").write_text(head + text, encoding="utf-8")

    text = page(strength=STRENGTH)

    assert "torch-2.14, float32 torch-2.14, float64 torch-2.15, float32 torch-2.15, float64" in text
    assert "conv2d output 25 % – 50 % –" in text
    assert "relu output" not in text and "spec_tests.strength.margins" in text


@pytest.mark.skipif(not writing.STRENGTH.is_dir(), reason="this is no checkout")
def test_every_kind_and_every_rival_that_is_stored_has_words_in_chinese():
    strength, rivals = (
        json.loads((writing.STRENGTH / name).read_text("utf-8")) for name in ("strength.json", "rivals.json")
    )

    assert {*strength["by kind"]} <= {*words()["kinds_of_defects"]}
    assert {*rivals["rivals"]} <= {*words()["rivals"]}
