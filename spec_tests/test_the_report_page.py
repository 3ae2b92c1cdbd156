"""The report's page: what it shows of a run's data, what it refuses, and how it behaves in a browser."""

import ast
import inspect
import os
import re
import shutil
from contextlib import contextmanager
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib
import pytest
from matplotlib.figure import Figure

from spec_tests import plugin
from spec_tests.claims import SECTIONS, deviations
from spec_tests.report.benchmark_part import BenchmarkPart, Table
from spec_tests.report.page import FOLDER, reason_zh, render
from spec_tests.report.picture import STYLE, Picture, to_svg

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.project, pytest.mark.slow]

BROWSER = shutil.which("chromium")
LARGEST = 5_000_000  # bytes that the page may have
PHONE = {"width": 360, "height": 740}
LEAST_CONTRAST = 4.5
"""Of text, as WCAG 2.1 asks at level AA."""

FILE = "spec_tests/test_2_1_2_worked_convolution.py"
SOURCE = 'def test_rows(proof):\n    text = "<b>"\n    assert convolved(proof)[1].tolist() == [-6, 8, 12]'
DRAWING = "E   assert [0] == [1]\n\n┌───┐\n│ 0 │ <img src=x onerror=alert(1)>\n└───┘"
LONG_NAME = "the references, but conv2d flips_the_kernel and says so at length"


def claim(letter, verdict, register="true", **fields):
    """Return a claim of section 2.1.2 with one result."""
    blank = dict.fromkeys(
        ("correction_en", "correction_zh", "note_en", "note_zh", "reason_en", "reason_zh", "torch", "needs"), ""
    )
    return {
        "id": f"2.1.2.{letter}",
        "section": "2.1.2",
        "kind": "number",
        "register": register,
        "en": f"Claim {letter} in English, a < b & c",
        "zh": f"第 {letter} 条说法",
        **blank,
        "printed": None,
        "corrected": None,
        "results": [result(verdict)],
        **fields,
    }


def result(verdict, *tests):
    """Return the result of a claim, with these tests."""
    worst = {"float32": {"share": 0.5, "error": 1e-7, "bound": 2e-7}, "float64": {"share": 0, "error": 0, "bound": 0}}
    return {"verdict": verdict, "tests": tests, "examples": 1200, "comparisons": 34, "worst": worst if tests else {}}


def proofs(name):
    """Return the ids of a test that both the references and the subject have to pass."""
    return f"{FILE}::{name}[by the references]", f"{FILE}::{name}[by the subject]"


def proof_of(ids, name, failed_case=None):
    """Return a test with its result; with a failed case, it failed there."""
    failures = [] if failed_case is None else [{"case": failed_case, "text": DRAWING}]
    outcome = "failed" if failures else "passed"
    return {
        "test": f"{FILE}::{name}",
        "section": "2.1.2",
        "claims": ids,
        "file": FILE,
        "line": 12,
        "source": SOURCE,
        "results": [{"outcome": outcome, "cases": 2, "examples": 200, "failures": failures}],
    }


def run(name="torch 2.15.0 on cpu"):
    """Return the description of a run."""
    return {
        "name": name,
        "subject": "torch",
        "device": "cpu",
        "dtypes": ["float32", "float64"],
        "versions": {"python": "3.11.2", "torch": "2.15.0"},
        "machine": "Linux x86_64, 2 CPUs",
        "commit": "0123456789" * 4,
        "modified": True,
        "started": "2026-11-23T01:02:03+00:00",
        "seconds": 130.2,
        "profile": "dev",
        "options": [],
        "full": False,
        "outcomes": {"passed": 4468, "failed": 2, "skipped": 0},
        "examples": 42200,
        "comparisons": 39000,
        "left_out": [{"reason": "they take long: --slow runs them", "tests": 579}],
        "deviations": [deviations()[0]["id"]],
        "sections": {"2.1.2": {"tests": 120, "failed": 2, "examples": 3000}},
    }


def small_data():
    """Return data with a claim of every verdict, and with a failed test that carries none."""
    corrected = {"correction_en": "It is -6 8 12.", "correction_zh": "应为 -6 8 12。"}
    numbers = {"printed": [-12, 18, 20], "corrected": [-6, 8, 12]}
    refined = {"correction_en": "Only if both are odd.", "correction_zh": "仅当两者都是奇数时成立。"}
    why = {"reason_en": "Links are not fetched.", "reason_zh": "不访问链接。"}
    return {
        "format": 1,
        "runs": [run()],
        "claims": [
            claim("a", "confirmed", results=[result("confirmed", *proofs("test_first"))]),
            claim(
                "h", "corrected", "false", results=[result("corrected", *proofs("test_rows"))], **corrected, **numbers
            ),
            claim("i", "failed", "false", results=[result("failed", *proofs("test_third"))], **corrected, **numbers),
            claim("j", "refined", "imprecise", results=[result("refined", *proofs("test_j"))], **refined),
            claim("k", "not run"),
            claim("l", "uncheckable", "uncheckable", **why),
        ],
        "tests": [
            proof_of(["2.1.2.a"], "test_first"),
            proof_of(["2.1.2.h"], "test_rows"),
            proof_of(["2.1.2.i"], "test_third", "by the subject"),
            proof_of(["2.1.2.j"], "test_j"),
            proof_of([], "test_that_carries_no_claim", "float32"),
        ],
        "deviations": deviations()[:2],
    }


def two_runs():
    """Return the small data with a second run, which has a long name, the same results and no deviations."""
    data = small_data()
    data["runs"].append({**run(LONG_NAME), "deviations": []})
    for entry in [*data["claims"], *data["tests"]]:
        entry["results"] *= 2
    return data


def picture(section="2.1.2"):
    """Return a picture of a line."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 2))
        figure.subplots().plot([0, 1])
        svg = to_svg(figure, f"line-{section.replace('.', '-')}")
    return Picture(f"line-{section}", section, "A line", "一条线", "It rises.", "它上升。", svg)


def benchmarks():
    """Return the benchmarks of one machine, with names that have to be escaped."""
    table = Table("Times", "用时", ("layer", "median"), ("层", "中位数"), (("conv1 <5×5>", "1.3 ms"),))
    return BenchmarkPart("AMD & Co", "AMD 公司", ("It is fast.",), ("很快。",), (table,), (picture("benchmarks"),))


@pytest.fixture(scope="module")
def html():
    """The page of the small data."""
    return render(small_data(), [picture()], [benchmarks()])


@pytest.fixture
def data():
    """The small data, to be changed at will."""
    return small_data()


# What is on the page


def article(html, letter):
    """Return the text of a claim's article, without its marks."""
    part = html[html.index(f'<article class="claim" id="claim-2.1.2.{letter}"') :]
    return " ".join(re.sub(r"<[^>]+>", " ", part[: part.index("</article>")]).split())


@pytest.mark.parametrize(
    ("letter", "english", "chinese"),
    [
        ("a", "confirmed", "已证实"),
        ("h", "corrected", "已更正"),
        ("i", "failed", "失败"),
        ("j", "refined", "已细化"),
        ("k", "not run", "未运行"),
        ("l", "uncheckable", "无法验证"),
    ],
)
def test_every_claim_shows_its_verdict_in_both_languages(html, letter, english, chinese):
    assert f"{english} {chinese}" in article(html, letter)


def test_an_erratum_shows_what_is_printed_what_is_true_and_both_proofs(html):
    text = article(html, "h")

    assert "printed 印作 −12, 18, 20" in text
    assert "true value 正确的值 −6, 8, 12" in text
    assert "proven by the references 由手写参考证明 : ： ✓ passed" in text
    assert "proven by the subject 由被测实现证明 : ： ✓ passed" in text


def test_a_proof_that_failed_is_shown_as_failed_beside_the_one_that_passed(html):
    by_references, by_subject = article(html, "i").split("proven by the subject")

    assert "✓ passed" in by_references
    assert by_subject.lstrip().startswith("由被测实现证明 : ： ✗ failed")


def test_a_refined_claim_stands_beside_its_correction(html):
    assert re.search(r"Claim j in English.* More exactly 更确切地说 Only if both are odd\.", article(html, "j"))


def test_the_reason_why_a_claim_is_not_checked_is_given(html):
    assert "Why it is not checked: 未验证的原因： Links are not fetched. 不访问链接。" in article(html, "l")


def test_the_worst_error_is_a_share_of_its_bound_with_error_and_bound(html):
    assert "50 % (1.0 × 10 −7 of ／ 2.0 × 10 −7 )" in article(html, "a")
    assert "float64 exactly equal 完全相等" in article(html, "a")


def test_all_that_comes_in_is_escaped(html):
    assert "Claim a in English, a &lt; b &amp; c" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert '"&lt;b&gt;"' in html
    assert "AMD &amp; Co" in html and "conv1 &lt;5×5&gt;" in html
    assert "<img" not in html and "<b>" not in html.replace("<b data-shown>", "")


def test_what_failed_stands_above_everything_else_exactly_as_it_was_printed(html):
    box = html[html.index('id="failed"') : html.index('id="overview"')]

    assert html.index('id="failed"') < html.index('id="verdicts"') < html.index('id="claims"')
    assert box.count(DRAWING.replace("<", "&lt;").replace(">", "&gt;")) == 2
    assert box.index("Claim i in English") < box.index("that carries no claim")


def test_where_nothing_failed_there_is_no_box(data):
    del data["claims"][2], data["tests"][2], data["tests"][3]

    assert 'id="failed"' not in render(data)


def test_what_was_left_out_is_said_with_its_reason_in_both_languages(html):
    assert "they take long: --slow runs them" in html
    assert "耗时较长：加 --slow 才运行" in html


def test_every_reason_to_leave_a_test_out_has_its_words_in_chinese():
    tree = ast.parse(inspect.getsource(plugin._reason_to_leave_out))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    reasons = [eval(compile(ast.Expression(value), "", "eval"), {"dtype": "float16"}) for value in returned]

    assert not [reason for reason in reasons if reason and not reason_zh(reason)]


def test_sections_follow_the_document(html):
    assert re.findall(r'class="section" id="section-([\d.]+)"', html) == [*SECTIONS]


def test_every_run_has_a_column():
    text = article(render(two_runs()), "h")

    assert re.search(f"torch 2.15.0 on cpu {LONG_NAME} ≠ corrected 已更正 .* ≠ corrected 已更正", text)


def test_a_deviation_says_which_runs_demonstrated_it(html):
    first, second = html.split('<article class="deviation"')[1:]

    assert "not demonstrated" not in first
    assert "not demonstrated" in second


def test_a_picture_says_what_it_shows(html):
    assert (
        'role="img" aria-label="A line. It rises." data-label-en="A line. It rises." data-label-zh="一条线。它上升。"'
        in html
    )


class Outline(HTMLParser):
    """The headings, ids, links and languages of a page."""

    def __init__(self, text):
        super().__init__()
        self.levels, self.ids, self.links, self.resources = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.resources += [
            value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset", "data")
        ]


def test_headings_follow_in_order_and_no_level_is_left_out(html):
    levels = Outline(html).levels

    assert levels.count(1) == 1 and levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_ids_are_unique_and_every_link_leads_to_one(html):
    outline = Outline(html)

    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)


def test_the_page_asks_for_nothing_from_elsewhere(html):
    assert all(address.startswith(("#", "data:")) for address in Outline(html).resources)
    assert not re.search(r"@import|url\((?!#|&quot;#|\"#)", html)


def test_every_formula_is_set_and_belongs_to_a_section_or_claim_of_the_register(html):
    assert html.count("<math ") > len(re.findall(r"^section = ", (FOLDER / "formulas.toml").read_text("utf-8"), re.M))


# What is refused


def test_another_format_is_refused(data):
    with pytest.raises(ValueError, match="data has format 2, this page shows format 1"):
        render({**data, "format": 2})


def test_data_without_runs_are_refused(data):
    with pytest.raises(ValueError, match="data has no runs"):
        render({**data, "runs": []})


def test_an_unknown_verdict_is_refused(data):
    data["claims"][0]["results"][0]["verdict"] = "perhaps"

    with pytest.raises(ValueError, match=r"claim 2\.1\.2\.a has the verdict 'perhaps', expected one of confirmed"):
        render(data)


def test_a_result_for_another_number_of_runs_is_refused(data):
    data["tests"][0]["results"] = []

    with pytest.raises(ValueError, match="test_first has 0 results, data has 1 runs"):
        render(data)


def test_a_section_that_the_document_does_not_have_is_refused(data):
    data["claims"][0]["section"] = "3.1"

    with pytest.raises(ValueError, match=r"claim 2\.1\.2\.a is of section '3\.1'"):
        render(data)


def test_a_test_of_a_claim_that_is_not_there_is_refused(data):
    data["tests"][0]["claims"] = ["9.z"]

    with pytest.raises(ValueError, match=r"test_first carries the claim '9\.z', which data does not have"):
        render(data)


@pytest.mark.parametrize("section", ["benchmarks", "2.9"])
def test_a_picture_of_no_section_is_refused(data, section):
    with pytest.raises(ValueError, match=f"picture line-{section} is of section '{section}'"):
        render(data, [picture(section)])


@pytest.mark.parametrize("svg", ["<p>", "<svg><script>1</script></svg>", '<svg onload="1"></svg>'])
def test_a_picture_that_is_no_mere_drawing_is_refused(data, svg):
    with pytest.raises(ValueError, match="picture x is not an <svg> element without scripts"):
        render(data, [Picture("x", "2.1.2", "", "", "", "", svg)])


def test_a_table_whose_rows_do_not_fit_its_header_is_refused():
    with pytest.raises(ValueError, match="rows of a table has a row of 1 cells, header_en has 2"):
        Table("", "", ("a", "b"), ("a", "b"), (("1",),))


# Colours


def schemes():
    """Return the colours of the style by name, for light and for dark."""
    style = (FOLDER / "page.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in style.split("@media", 2)[:2])
    return {"light": light, "dark": dark}


def luminance(color):
    """Return the relative luminance of #rrggbb, as WCAG 2.1 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


PAIRS = [
    *((ink, ground) for ink in ("ink", "muted", "link", "red") for ground in ("ground", "card")),
    *((ink, "code-ground") for ink in ("ink", "keyword", "string", "figure", "remark", "name")),
    *((ink, f"{ink}-ground") for ink in ("green", "orange", "violet", "red", "grey")),
    *((ink, "card") for ink in ("green", "orange", "violet", "grey")),
    *((ink, f"{ground}-ground") for ink in ("ink", "green") for ground in ("orange", "violet")),
    ("grey", "ground"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(scheme, ink, ground):
    colors = schemes()[scheme]
    darker, lighter = sorted((luminance(colors[ink]), luminance(colors[ground])))

    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST


# In a browser


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    if BROWSER is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    options = ["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []  # the sandbox is not for root
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=options)
        yield running
        running.close()


@pytest.fixture
def opened(browser, html, tmp_path):
    """A function that opens the page; whatever it complains of or asks for from elsewhere fails the test."""

    @contextmanager
    def open_page(anchor="", text=html, **options):
        file = tmp_path / "index.html"
        file.write_text(text, encoding="utf-8")
        complaints, requests = [], []
        context = browser.new_context(**{"locale": "en-US", "reduced_motion": "reduce", **options})
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url.partition("#")[0]))
        try:
            page.goto(file.as_uri() + anchor)
            yield page
        finally:
            context.close()
        assert (complaints, {*requests}) == ([], {file.as_uri()})

    return open_page


@pytest.mark.parametrize(
    ("locale", "language", "title"), [("en-US", "en", "What was proven"), ("zh-CN", "zh-Hans", "证明了什么")]
)
def test_the_page_starts_in_the_language_of_the_browser(opened, locale, language, title):
    with opened(locale=locale) as page:
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("h1").inner_text().startswith(title)


def test_the_switch_changes_the_language_of_everything_and_is_remembered(opened):
    with opened() as page:
        page.get_by_role("button", name="中文").click()
        page.reload()

        assert page.get_by_role("button", name="中文").get_attribute("aria-pressed") == "true"
        assert page.title() == "torch-by-hand：证明了什么"
        assert page.get_by_role("img", name="一条线。它上升。").count() == 2
        assert page.locator(".en:visible").count() == 0


def test_the_switch_works_where_nothing_can_be_remembered(opened):
    refuses = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('not here'); }})"
    with opened() as page:
        page.add_init_script(refuses)
        page.reload()
        page.get_by_role("button", name="中文").click()

        assert page.locator("html").get_attribute("lang") == "zh-Hans"


def test_the_source_of_a_test_unfolds_and_is_coloured(opened):
    with opened() as page:
        source = page.locator("#claim-2\\.1\\.2\\.h .source")
        assert not source.is_visible()

        page.locator("#claim-2\\.1\\.2\\.h .evidence > summary").click()

        assert source.inner_text() == SOURCE
        colors = source.locator("span").evaluate_all("words => words.map(word => getComputedStyle(word).color)")
        assert len(set(colors)) > 3


def test_a_filter_shows_the_claims_of_its_verdict_and_says_how_many(opened):
    with opened() as page:
        button = page.get_by_role("button", name="corrected")
        button.click()

        assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == ["claim-2.1.2.h"]
        assert page.get_by_role("status").inner_text() == "1 of 6 shown"
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator(".section:visible").count() == 1

        page.get_by_role("button", name="Show all").click()
        assert page.locator(".claim:visible").count() == 6


@pytest.mark.parametrize(
    ("words", "found"), [("both odd", ["claim-2.1.2.j"]), ("第 链接", ["claim-2.1.2.l"]), ("xyz", [])]
)
def test_a_search_finds_claims_by_all_of_its_words_in_either_language(opened, words, found):
    with opened() as page:
        page.get_by_role("searchbox").fill(words)

        assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == found
        assert page.get_by_text("No claim fits.").is_visible() == (not found)


def test_a_link_to_a_claim_opens_it_though_it_is_filtered_out(opened):
    with opened() as page:
        page.get_by_role("button", name="uncheckable").click()
        page.evaluate("location.hash = '#claim-2.1.2.h'")

        page.locator("#claim-2\\.1\\.2\\.h .source").wait_for(state="visible")


def test_a_page_that_is_opened_at_a_claim_shows_it_open(opened):
    with opened("#claim-2.1.2.a") as page:
        assert page.locator("#claim-2\\.1\\.2\\.a .source").is_visible()
        assert page.locator("#claim-2\\.1\\.2\\.a").evaluate("it => it.getBoundingClientRect().top") < 200


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_on_a_phone_nothing_is_wider_than_the_screen_even_unfolded(opened, locale):
    text = render(two_runs(), [picture()], [benchmarks()])
    with opened(text=text, locale=locale, viewport=PHONE) as page:
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")

        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_on_a_phone_the_contents_open_and_lead_to_a_section(opened):
    with opened(viewport=PHONE) as page:
        page.get_by_role("button", name="Contents").click()
        page.get_by_role("link", name="2.1.2 Worked convolution").click()

        assert not page.get_by_role("navigation").is_visible()
        assert page.locator("#section-2\\.1\\.2").evaluate("it => it.getBoundingClientRect().top") < PHONE["height"] / 2


def test_what_scrolls_in_itself_can_be_reached_by_the_keyboard(opened):
    scrolls = "all => all.filter(it => it.scrollWidth > it.clientWidth).map(it => it.tabIndex)"
    with opened(viewport=PHONE) as page:
        stops = page.locator(".scroll, .drawing, .formulas dd, pre").evaluate_all(scrolls)

        assert len(stops) > 2 and set(stops) == {0}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_or_dark_as_the_reader_has_it(opened, scheme):
    with opened(color_scheme=scheme) as page:
        ground = page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor")

        assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(schemes()[scheme]["ground"][1:]))


def test_on_paper_every_claim_is_there_and_the_switches_are_not(opened):
    with opened("#claim-2.1.2.h") as page:
        page.get_by_role("searchbox").fill("xyz")
        page.emulate_media(media="print")

        assert page.locator(".claim:visible").count() == 6
        assert not page.locator("nav, .top, .tools, .source").locator("visible=true").count()


def test_the_keyboard_reaches_the_skip_link_first_and_the_content_from_it(opened):
    with opened() as page:
        page.keyboard.press("Tab")
        assert page.get_by_role("link", name="Skip to the content").evaluate("it => it === document.activeElement")

        page.keyboard.press("Enter")
        assert page.locator("main").evaluate("it => it === document.activeElement")


def test_the_page_of_the_whole_register_with_long_sources_stays_small():
    data = small_data()
    long_source = "\n".join([SOURCE] * 5)
    data["claims"] = [claim(f"x{n}", "confirmed", results=[result("confirmed")]) for n in range(265)]
    data["tests"] = [{**proof_of([f"2.1.2.x{n % 265}"], f"test_{n}"), "source": long_source} for n in range(700)]

    assert len(render(data, [picture()]).encode()) < LARGEST
