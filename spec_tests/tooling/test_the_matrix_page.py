"""The matrix' page: what it shows, and how it behaves in a browser."""

import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from spec_tests.matrix import columns
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT, NOT_COUNTED, NOT_OFFERED, Ended, Journal
from spec_tests.matrix.lanes import Lane

pytest.importorskip("jinja2", reason='the matrix needs jinja2: pip install "torch-by-hand[report]"')
pytest.importorskip("pygments", reason='the matrix needs pygments: pip install "torch-by-hand[report]"')

from spec_tests.matrix.page import render, words

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

BROWSER = shutil.which("chromium")
EVIL = "<script>alert(1)</script>"
FILE = "spec_tests/test_2_3_activation.py"
TESTS = {
    f"{FILE}::test_a_value[relu]": ([["values", "relu"]], Ended(KEPT)),
    f"{FILE}::test_a_slope[relu]": (
        [["gradients", "relu"]],
        Ended(FAILED, message=f"got {EVIL}", case="1 2 3", how="died"),
    ),
    f"{FILE}::test_a_slope[tanh]": ([["gradients", "tanh"]], Ended(NOT_OFFERED, reason="tanh is not offered")),
    f"{FILE}::test_a_tie[relu]": ([["conventions", "relu"]], Ended(DEVIATION, deviations=["relu-tie"])),
    f"{FILE}::test_ties[tanh]": ([["conventions", "tanh"]], Ended(NOT_COUNTED, reason="slow: --slow includes them")),
    **{
        f"{FILE}::test_many_{number}[tanh]": ([["values", "tanh"]], Ended(FAILED, message=f"message {number}"))
        for number in range(5)
    },
}
KNOWN = {
    "id": "relu-tie",
    "versions": ["2.15"],
    "seen": "CPU",
    "where": "relu at 0",
    "where_zh": "relu 在 0 处",
    "expected": "a slope of 0",
    "expected_zh": "斜率为 0",
    "found": "a slope of 1",
    "found_zh": "斜率为 1",
    "why": "the definition says 0",
    "why_zh": "定义规定为 0",
    "issue": "https://example.org/1",
}


def column(subject, **facts):
    """Return a column with a test of every outcome."""
    found = Journal(
        {"deviations": [KNOWN], "dtypes": ["float32"], "notes": []},
        requirements={test: required for test, (required, _) in TESTS.items()},
        ended={test: ended for test, (_, ended) in TESTS.items()},
    )
    described = {
        "subject": subject,
        "name": f"{subject} 1.0",
        "device": "cpu",
        "status": "unfinished",
        "said": "its 9 seconds were over",
        "lane": Lane("quick", "few draws", "少量样例", dtypes=("float32",)).described(),
        "started": "2026-11-29T10:00:00+00:00",
        "seconds": 75.0,
        "versions": {"python": "3.12.1", "torch": "2.15.0"},
        "machine": "Linux x86_64, 2 CPUs",
        "load": 1.5,
        "note": "on a busy machine",
        "commit": "0123456789" * 4,
        "modified": True,
        **facts,
    }
    return columns.column(described, found)


@pytest.fixture(scope="module")
def matrix():
    """Many columns, two of them of one subject, and a missing subject."""
    several = [column(f"runtime_{number}:of_a_long_variant") for number in range(12)]
    other = column("torch", versions={"torch": "2.11.0"})
    return {
        "columns": [column("torch"), other, *several, column(EVIL)],
        "missing": [{"subject": "jax", "said": f"pip install {EVIL}"}],
    }


@pytest.fixture(scope="module")
def html(matrix):
    """The page."""
    return render(matrix)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.sources, self.headings = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.sources += [given[name] for name in ("src", "srcset", "data") if name in given]
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []


def test_every_link_of_a_cell_leads_to_what_was_found_there(html):
    page = Page(html)

    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert {"#found-1-relu", "#found-1-tanh", "#deviation-1-relu-tie"} <= set(page.links)


def test_the_page_asks_nobody_for_anything(html):
    page = Page(html)

    assert page.sources == []
    assert {link for link in page.links if not link.startswith("#")} == {"https://example.org/1"}
    assert "default-src 'none'" in html


def test_headings_skip_no_level(html):
    headings = Page(html).headings

    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_what_comes_from_outside_is_escaped(html):
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_a_cell_says_in_words_what_its_marks_are(html):
    assert "values kept; gradients failed, unexplained; conventions known defect" in html
    assert "数值 符合；梯度 不符合，尚无解释；约定 已知缺陷" in html


@pytest.mark.parametrize(
    ("verdict", "said"), [("difference", "known difference"), ("ours", "known shortcoming of ours")]
)
def test_a_cell_says_which_side_is_wrong_and_leads_to_the_reason(matrix, verdict, said):
    (known,) = matrix["columns"][0]["deviations"]
    judged = {**matrix["columns"][0], "deviations": [{**known, "verdict": verdict}]}

    html = render({"columns": [judged], "missing": []})

    assert f"conventions {said}" in html
    found = html.partition('id="found-1-relu"')[2].partition("</article>")[0]
    reason = '<a href="#deviation-1-relu-tie"><code>relu-tie</code></a>'
    assert said in found and reason in found and "the definition says 0" in found


def test_what_is_not_explained_is_listed_with_the_file_that_would_explain_it(html):
    left = html.partition('id="left"')[2].partition("</ul>")[0]

    assert left.count("<li>") == 15
    assert '<a href="#found-1-tanh"><code>tanh</code></a>' in left
    assert "<code>spec_tests/subjects/expected/torch.toml</code>" in html


def test_where_nothing_failed_the_page_says_that_all_is_explained():
    right = {**column("torch"), "cells": [], "findings": [], "outcomes": {}, "deviations": []}

    assert "Nothing: of every test that failed" in render({"columns": [right], "missing": []})


def test_a_known_deviation_stands_with_its_explanation_in_both_languages(html):
    for text in ("a slope of 1", "斜率为 1", "the definition says 0", "定义规定为 0", "relu 在 0 处"):
        assert text in html


def test_a_failure_stands_with_its_message_its_case_and_how_it_failed(html):
    assert "1 2 3" in html
    assert "the process died" in html
    assert "message 4" in html  # folded, and there


def test_what_is_missing_is_listed_with_what_to_install(html):
    assert "<code>jax</code>: pip install" in html


def test_two_columns_of_one_subject_are_told_apart(html):
    assert "torch 2.15.0</small>" in html
    assert "torch 2.11.0</small>" in html


def test_every_state_and_level_has_its_words_in_both_languages():
    assert all(set(word) == {"sign", "en", "zh", "meaning_en", "meaning_zh"} for word in words()["states"].values())
    assert set(words()["levels"]) == set(words()["levels_meaning_en"]) == set(words()["levels_meaning_zh"])


def test_a_matrix_without_columns_has_a_page():
    assert "No subject has been measured." in render({"columns": [], "missing": []})


@pytest.fixture(scope="module")
def browser():
    """Chromium, headless."""
    if BROWSER is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=BROWSER, args=["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
        )
        yield running
        running.close()


@pytest.fixture
def opened(browser, html, tmp_path):
    """A function that opens the page; at the end, it must have complained of nothing."""
    file, complaints, contexts = tmp_path / "index.html", [], []
    file.write_text(html, encoding="utf-8")

    def open_page(anchor="", **options):
        context = browser.new_context(**{"locale": "en-US", "reduced_motion": "reduce", **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{file.as_uri()}{anchor}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_but_the_table_is_wider_than_the_screen(opened, locale, width):
    page = opened(locale=locale, viewport={"width": width, "height": 800})
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.table-frame').scrollWidth") > width


def test_the_header_and_the_first_column_stay_in_sight(opened):
    page = opened(viewport={"width": 390, "height": 300})

    page.evaluate("document.querySelector('.table-frame').scrollTo(500, 500)")
    corner = page.evaluate(
        "(() => { const frame = document.querySelector('.table-frame').getBoundingClientRect(),"
        " head = document.querySelector('.matrix th').getBoundingClientRect(),"
        " row = document.querySelector('.matrix tbody th').getBoundingClientRect();"
        " return [head.top - frame.top, head.left - frame.left, row.left - frame.left]; })()"
    )

    assert all(abs(distance) <= 2 for distance in corner)


def test_a_link_to_a_folded_place_unfolds_it(opened):
    page = opened("#counts-1-tanh")

    assert page.locator("#counts-1-tanh").is_visible()


def test_the_page_speaks_the_language_of_the_browser_and_changes_it(opened):
    page = opened(locale="zh-CN")
    assert page.title() == "torch-by-hand：各实现的兼容性"
    assert page.locator("h1 .zh").is_visible()

    page.get_by_role("button", name="English").click()

    assert page.title() == "torch-by-hand: who keeps what"
    assert not page.locator("h1 .zh").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_contrasts_with_its_ground(opened, scheme):
    page = opened(color_scheme=scheme)
    pairs = page.evaluate(
        "[...document.querySelectorAll('.marks b, .badge')].map((mark) => { const own = getComputedStyle(mark);"
        " let ground = mark; while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)')"
        " ground = ground.parentElement; return [own.color, getComputedStyle(ground).backgroundColor].join(';'); })"
    )

    for pair in set(pairs):
        ink, ground = (luminance(colour) for colour in pair.split(";"))
        assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5, pair


def luminance(colour):
    """Return the relative luminance of "rgb(r, g, b)", as WCAG 2.1 defines it."""
    red, green, blue = (int(part) / 255 for part in re.findall(r"\d+", colour)[:3])
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
