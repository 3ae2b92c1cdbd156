"""The report's page: what it shows of a run's data, what it refuses, and how it behaves in a browser."""

import ast
import copy
import inspect
import re
import tomllib
from collections import Counter
from contextlib import contextmanager
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib
import pytest
from matplotlib.figure import Figure

from spec_tests.report import benchmark_part, json_files, reading, strength_part, writing
from spec_tests.report.benchmark_part import BenchmarkPart, Table
from spec_tests.report.figures.figure import STYLE, to_svg
from spec_tests.report.page import render
from spec_tests.report.page_figure import PageFigure
from spec_tests.report.page_filters import DRAWING, FOLDER, NARROW_SPACE, failure
from spec_tests.run import asking, plugin, showing
from spec_tests.tooling.chromium import chromium
from spec_tests.vocabulary.claims import SECTIONS, deviations, register
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.results import LEFT_OUT, reason_zh
from spec_tests.vocabulary.rungs.sentences import section_of

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

LARGEST = 5_000_000  # bytes that the page may have
ALL_FIGURES = 1_000_000
"""Bytes that the figures of all sections take at most; drawing them would take too long here."""

PHONE = {"width": 360, "height": 740}
LEAST_CONTRAST = 4.5
"""The contrast of text that WCAG 2.1 requires at level AA."""

FILE = "spec_tests/test_2_1_2_worked_convolution.py"
SOURCE = (
    'def test_rows(implementation):\n    text = "<b>"\n    assert convolved(implementation)[1].tolist() == [-6, 8, 12]'
)
SMALLEST = "┌───┐\n│ 0 │ <img src=x onerror=alert(1)>\n└───┘"
TRACEBACK = ">   assert rows(x) < [1]\nE   assert [0] < [1]\nE   Failing test case: test_rows(\nE       x=[0]\nE   )\n"
FAILURE = f"{TRACEBACK}{f' {showing.SMALLEST_CASE} ':-^80}\n{SMALLEST}"
PLACES = {"section": SECTIONS, "claim": register(), "right": register()}
"""The kinds of places for a formula, and the names of the places of each kind."""

LONG_NAME = "the references, but conv2d flips_the_kernel and says so at length"


def claim(letter, found, verdict="true", **fields):
    """Return a claim of section 2.1.2 with one result."""
    blank = dict.fromkeys(
        ("correction_en", "correction_zh", "note_en", "note_zh", "reason_en", "reason_zh", "torch", "needs"), ""
    )
    return {
        "id": f"2.1.2.{letter}",
        "section": "2.1.2",
        "kind": "number",
        "verdict": verdict,
        "en": f"Claim {letter} in English, a < b & c",
        "zh": f"第 {letter} 条说法",
        **blank,
        "printed": None,
        "corrected": None,
        "results": [result(found)],
        **fields,
    }


def result(found, *tests):
    """Return a claim's result with these tests."""
    worst = {"float32": {"share": 0.5, "error": 1e-7, "bound": 2e-7}, "float64": {"share": 0, "error": 0, "bound": 0}}
    return {"result": found, "tests": list(tests), "examples": 1200, "comparisons": 34, "worst": worst if tests else {}}


def proofs(name):
    """Return the ids of a test that both the references and the subject have to pass."""
    return f"{FILE}::{name}[by the references]", f"{FILE}::{name}[by the subject]"


def proof_of(ids, name, failed_case=None):
    """Return a test with its result; if a failed case is given, it failed there."""
    failures = [] if failed_case is None else [{"case": failed_case, "text": FAILURE}]
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
        "versions": {
            "python": "3.11.2",
            "numpy": "2.4.6",
            "torch": "2.15.0",
            "hypothesis": "6.170.0",
            "pytest": "9.2.0",
        },
        "machine": "Linux x86_64, 2 CPUs",
        "commit": "0123456789" * 4,
        "modified": True,
        "started": "2026-11-23T01:02:03+00:00",
        "seconds": 130.2,
        "profile": "dev",
        "options": [],
        "full": False,
        "scope": {"whole": False, "arguments": ["spec_tests"]},
        "outcomes": {"passed": 4468, "failed": 2, "error": 0, "skipped": 0},
        "examples": 42200,
        "comparisons": 39000,
        "left_out": [{"reason": LEFT_OUT["slow"].en, "tests": 579}],
        "deviations": [deviations()[0]["id"]],
        "sections": {"2.1.2": {"tests": 120, "failed": 2, "examples": 3000}},
    }


def small_data():
    """Return data with a claim for every result, and with a failed test that carries no claim."""
    corrected = {"correction_en": "It is -6 8 12.", "correction_zh": "应为 -6 8 12。"}
    numbers = {"printed": [-12, 18, 20], "corrected": [-6, 8, 12]}
    refined = {"correction_en": "Only if both are odd.", "correction_zh": "仅当两者都是奇数时成立。"}
    why = {"reason_en": "Links are not fetched.", "reason_zh": "不访问链接。"}
    return {
        "format": 2,
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
    """Return the small data with a second run: a part without deviations, in which h failed and i is proven."""
    data = small_data()
    scope = {"whole": False, "arguments": [FILE]}
    data["runs"][0]["scope"] = {"whole": True, "arguments": ["spec_tests"]}
    data["runs"].append({**run(LONG_NAME), "deviations": [], "scope": scope, "left_out": []})
    for entry in [*data["claims"], *data["tests"]]:
        entry["results"] = [*entry["results"], *copy.deepcopy(entry["results"])]
    for letter, found in (("h", "failed"), ("i", "corrected")):
        by_letter(data, letter)["results"][1]["result"] = found
    by_letter(data, "a")["results"][1] = result("not run")
    worst = {"float32": {"share": 0.8, "error": 1.6e-7, "bound": 2e-7}}
    by_letter(data, "j")["results"][1].update(examples=1300, worst=worst)
    failures = [{"case": "by the references", "text": FAILURE}]
    data["tests"][1]["results"][1] = {"outcome": "failed", "cases": 2, "examples": 200, "failures": failures}
    data["tests"][2]["results"][1] = proof_of([], "test_third")["results"][0]
    return data


def by_letter(data, letter):
    """Return the claim of the small data with this letter."""
    return next(claim for claim in data["claims"] if claim["id"] == f"2.1.2.{letter}")


def figure(section="2.1.2"):
    """Return a figure of a line."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 2))
        figure.subplots().plot([0, 1])
        svg = to_svg(figure, f"line-{section.replace('.', '-')}")
    return PageFigure(f"line-{section}", section, "A line", "一条线", "It rises.", "它上升。", svg)


def benchmarks():
    """Return the benchmarks of one machine, with names that have to be escaped."""
    table = Table("Times", "用时", ("layer", "median"), ("层", "中位数"), (("conv1 <5×5>", "1.3 ms"),))
    return BenchmarkPart("AMD & Co", "AMD 公司", ("It is fast.",), ("很快。",), (table,), (figure("benchmarks"),))


@pytest.fixture(scope="module")
def html():
    """The page of the small data."""
    return render(small_data(), [figure()], [benchmarks()])


@pytest.fixture(scope="module")
def merged():
    """The page of two runs that differ."""
    return render(two_runs(), [figure()], [benchmarks()])


@pytest.fixture
def data():
    """The small data, which a test may change."""
    return small_data()


# What is on the page


def article(html, letter):
    """Return the text of a claim's article, without markup."""
    part = html[html.index(f'<article class="claim" id="claim-2.1.2.{letter}"') :]
    return plain(part[: part.index("</article>")])


def section(html, id, element="section"):
    """Return the text of one section of the page, without markup."""
    part = html[re.search(rf'<{element} [^>]*id="{re.escape(id)}"', html).start() :]
    return plain(part[: part.index(f"</{element}>")])


def plain(part):
    """Return a part of the page without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


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
def test_every_claim_shows_its_result_in_both_languages(html, letter, english, chinese):
    assert f"{english} {chinese}" in article(html, letter)


def test_an_erratum_shows_what_is_printed_what_is_true_and_both_proofs(html):
    text = article(html, "h")

    assert "printed 原文为 −12, 18, 20" in text
    assert "true value 正确的值 −6, 8, 12" in text
    assert "proven by the references 由手写的参考实现证明 : ： ✓ passed" in text
    assert "proven by the subject 由被测实现证明 : ： ✓ passed" in text


def test_a_failed_proof_is_shown_beside_the_one_that_passed(html):
    by_references, by_subject = article(html, "i").split("proven by the subject")

    assert "✓ passed" in by_references
    assert by_subject.lstrip().startswith("由被测实现证明 : ： ✗ failed")


def test_a_refined_claim_stands_beside_its_correction(html):
    assert re.search(r"Claim j in English.* More exactly 更确切地说 Only if both are odd\.", article(html, "j"))


def test_the_reason_why_a_claim_is_not_checked_is_given(html):
    assert "Why it is not checked: 未验证的原因： Links are not fetched. 不访问链接。" in article(html, "l")


def test_a_claim_that_was_checked_gives_no_reason_why_it_is_not(data):
    data["claims"][0].update(reason_en="Links are not fetched.", reason_zh="不访问链接。")

    assert "Why it is not checked" not in article(render(data), "a")


def test_the_worst_error_is_a_share_of_its_bound_with_error_and_bound(html):
    assert "float32 50 % 1.0 × 10 −7 of ／ 2.0 × 10 −7" in article(html, "a")
    assert "float64 exactly equal 完全相等" in article(html, "a")


def test_a_failed_claim_shows_the_errors_of_the_comparisons_that_held(html):
    assert "of the comparisons that held" in article(html, "i")
    assert "of the comparisons that held" not in article(html, "h")
    assert "of the bound" not in article(html, "i").partition("test cases")[0]


def test_a_correction_that_was_not_proven_says_so(html, merged):
    assert "not proven in this run 这次运行没有证明" in article(html, "i")
    assert "not proven in 未能证明的运行： B" in article(merged, "h")
    assert "not proven" not in article(html, "h")
    assert html.count('class="erratum unproven"') == 1 and 'class="erratum unproven"' not in merged


def test_tests_that_never_ran_are_counted_apart_from_those_that_did(data):
    never = {"outcome": "not run", "cases": 0, "examples": 0, "failures": []}
    data["tests"].append({**proof_of(["2.1.2.a", "2.1.2.k"], "test_slow"), "results": [never]})
    text = render(data)

    assert "1 test 1 个测试 1 more not run" in article(text, "a")
    assert "1 test 1 个测试 not run 未运行" in article(text, "k")


def test_a_claim_counts_only_its_own_cases_of_a_shared_test(data):
    name = "test_shared"
    shared = proof_of(["2.1.2.a", "2.1.2.j"], name, "j")
    data["tests"].append(shared)
    data["claims"][0]["results"][0]["tests"] = [f"{FILE}::{name}[a]"]
    by_letter(data, "j")["results"] = [result("failed", f"{FILE}::{name}[j]")]
    text = render(data)

    assert "shared ✓ passed" in article(text, "a") and "1 of 2 cases" in article(text, "a")
    assert "shared ✗ failed" in article(text, "j")
    assert "how it failed" not in article(text, "a")
    assert "Claim j in English" in section(text, "failed") and "Claim a in English" not in section(text, "failed")


def test_all_text_from_outside_is_escaped(html):
    assert "Claim a in English, a &lt; b &amp; c" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert '"&lt;b&gt;"' in html
    assert "AMD &amp; Co" in html and "conv1 &lt;5×5&gt;" in html
    assert "<img" not in html and not re.search(r"<b>(?!&gt;)", html)


def test_failures_come_first_exactly_as_they_were_printed(html):
    box = html[html.index('id="failed"') : html.index('id="overview"')]

    assert html.index('id="failed"') < html.index('id="results"') < html.index('id="claims"')
    assert box.count(SMALLEST.replace("<", "&lt;").replace(">", "&gt;")) == 2
    assert box.index("Claim i in English") < box.index("that carries no claim")


def test_a_failure_shows_its_message_its_drawing_and_the_way_there_in_colour(html):
    box = html[html.index('id="failed"') : html.index('id="results"')]
    message, drawing = "<em>E   assert [0] &lt; [1]</em>", "┌───┐"

    assert box.index(f">{message}</pre>") < box.index(drawing) < box.index("<details>") < box.index("<b>&gt;   assert")


def test_a_failure_without_a_drawing_keeps_all_of_its_message():
    assert failure(TRACEBACK)["message"].endswith("E   )")
    assert DRAWING.search(FAILURE)


class Shown(HTMLParser):
    """Count what is shown at once, and what stands in closed boxes: what failed, and its cases."""

    def __init__(self, html):
        super().__init__()
        self.boxes, self.shown, self.folded = [], Counter(), Counter()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "details":
            self.boxes.append("open" in dict(attributes))
        if (tag, dict(attributes).get("class")) in (("article", "failure"), ("p", "case")):
            (self.shown if all(self.boxes) else self.folded)[tag] += 1

    def handle_endtag(self, tag):
        if tag == "details":
            self.boxes.pop()


def with_failures(data, tests, cases):
    """Let so many tests fail that carry no claim, and of each so many cases."""
    failures = [{"case": f"case-{case}", "text": f"{case}{FAILURE}"} for case in range(cases)]
    failed = {"outcome": "failed", "cases": 2 * cases, "examples": 200, "failures": failures}
    others = [test for test in data["tests"] if not test["results"][0]["failures"]]
    by_letter(data, "i")["results"] = [result("corrected")]
    data["tests"] = others + [{**proof_of([], f"test_{number}"), "results": [failed]} for number in range(tests)]
    html = render(data)
    return html[html.index('<section id="failed"') : html.index('id="results"')]


def test_of_thousands_of_failing_cases_ten_are_shown_and_some_more_in_a_closed_box(data):
    box = with_failures(data, tests=1, cases=5000)

    seen = Shown(box)
    assert (seen.shown["p"], seen.folded["p"]) == (10, 90)
    assert f"5{NARROW_SPACE}000 of 10{NARROW_SPACE}000 cases failed." in box
    assert f"4{NARROW_SPACE}990 more cases" in box and f"claims.json has the other 4{NARROW_SPACE}900." in box
    assert len(box) < LARGEST / 10


def test_of_many_failing_tests_ten_are_shown_and_the_others_in_a_closed_box(data):
    seen = Shown(with_failures(data, tests=40, cases=11))

    assert (seen.shown["article"], seen.folded["article"]) == (10, 30)
    assert (seen.shown["p"], seen.folded["p"]) == (100, 10 + 30 * 11)


def test_few_failures_are_shown_without_a_box(data):
    box = with_failures(data, tests=10, cases=10)

    assert Shown(box).shown == {"article": 10, "p": 100}
    assert 'class="more"' not in box


@pytest.mark.parametrize("directive", ["default-src 'none'", "base-uri 'none'", "form-action 'none'"])
def test_the_page_forbids_what_it_does_not_need(html, directive):
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)

    assert directive in policy.split("; ")
    assert html.index(policy) < min(html.index("<style>"), html.index("<script>"))


def test_a_claim_that_failed_without_a_failing_test_is_listed_as_failed(data):
    by_letter(data, "k")["results"] = [result("failed")]

    assert "Claim k in English" in section(render(data), "failed")


def test_if_nothing_failed_there_is_no_box_of_failures(data):
    del data["claims"][2], data["tests"][2], data["tests"][3]

    assert 'id="failed"' not in render(data)


def test_what_was_left_out_is_listed_with_its_reason_in_both_languages(html):
    assert LEFT_OUT["slow"].en in html
    assert "耗时较长：加 --slow 才运行" in html


def test_the_claims_that_were_not_run_are_listed_run_by_run(merged):
    of_first, of_second = re.findall(r"没有运行 ([\d.a-z ]+)", section(merged, "left-out"))

    assert (of_first.split(), of_second.split()) == (["2.1.2.k"], ["2.1.2.a", "2.1.2.k"])


def test_every_reason_for_leaving_a_test_out_is_worded_in_chinese():
    sources = map(inspect.getsource, (plugin._left_out, asking.reason_not_to_ask))
    returns = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Return)]
    branches = [
        part
        for node in returns
        for part in (getattr(node.value, "body", node.value), getattr(node.value, "orelse", None))
    ]
    returned = {part.value for part in branches if isinstance(part, ast.Constant)}

    assert returned == {"", *LEFT_OUT}
    assert all(reason_zh(reason.en.format(dtype="float16")) for reason in LEFT_OUT.values())


def test_sections_follow_the_document(html):
    assert re.findall(r'class="section" id="section-([\d.]+)"', html) == [*SECTIONS]


def test_a_section_says_what_a_readers_own_function_has_to_do_rung_by_rung(html):
    section = html[html.index('id="book-2.1"') : html.index('id="book-2.1.1"')]
    entries = section[section.index('class="to-write"') :]

    assert "python -m spec_tests.start my_layers.py --only conv1d --only conv2d" in entries
    assert "conv2d is right with dilation 2" in entries
    assert "conv2d：dilation 为 2 时正确" in entries
    assert html.count('class="to-write"') == len({section_of(o) for o in (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS)})


def test_the_verdicts_on_public_reports_have_a_part_with_the_share_of_the_bound(html):
    part = html[html.index('<section id="public"') :]

    assert "pytorch/pytorch#170016" in part
    assert "rounding: sequential" in part
    assert part.count("</tr>") > 100


def test_every_line_of_the_document_leads_to_its_claims_or_says_why_there_is_none(html):
    rows = re.findall(r'<tr><th scope="row" class="number">([\d–]+)</th>\s*<td>(.*?)</td>', html, re.DOTALL)

    lines = [[int(number) for number in numbers.split("–")] for numbers, _ in rows]
    assert [first for first, *_ in lines] == [1, *(span[-1] + 1 for span in lines[:-1])]
    assert ("319", '<span class="claim-links"><a href="#claim-2.1.2.h">2.1.2.h</a></span>') in rows
    assert "nothing to check: numbers and names given for an example" in plain(dict(rows)["250–259"])
    assert dict(rows)["9–10"] == '<span class="claim-links">1.a</span>'  # is none of this page's claims


def test_the_table_of_results_counts_the_claims_of_every_run(merged):
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', merged[: merged.index('id="overview"')])
    counts = {plain(result).split()[1]: re.findall(r">(\d+)<", cells) for result, cells in rows}

    assert counts == {
        "confirmed": ["1", "0"],
        "corrected": ["1", "1"],
        "refined": ["1", "1"],
        "cited": ["0", "0"],
        "failed": ["1", "1"],
        "not": ["1", "2"],
        "uncheckable": ["1", "1"],
    }


def test_where_runs_differ_each_result_outcome_and_error_names_its_run(merged):
    assert re.match(r"Claim 说法 2\.1\.2\.h ≠ corrected 已更正 A ✗ failed 失败 B", article(merged, "h"))
    assert "rows ✓ passed 通过 A ✗ failed 失败 B" in article(merged, "h")
    assert "float32 50 % 80 % 1.6 × 10 −7 of ／ 2.0 × 10 −7 B" in article(merged, "j")
    assert "1 200–1 300 examples a run" in article(merged, "j")


def test_where_runs_agree_the_page_says_so_once(merged):
    assert article(merged, "j").startswith("Claim 说法 2.1.2.j ≈ refined 已细化 number 数值")
    assert "comparisons 比较 34 in all runs 所有运行" in article(merged, "j")


def test_the_scope_of_a_run_is_the_whole_or_a_list_of_files(merged, data):
    data["runs"][0].update(full=True, scope={"whole": False, "arguments": ["spec_tests"]})
    text = section(merged, "overview")

    assert "the whole specification 整个规范 ; profile for examples" in text
    assert f"part of the specification: 规范的一部分： {FILE} ; profile" in text
    assert "or the run stopped before the last one" in section(render(data), "overview")


def test_a_deviation_says_which_runs_demonstrated_it(html):
    first, second = html.split('<article class="deviation"')[1:]

    assert "not demonstrated" not in first
    assert "not demonstrated" in second


SILENT = [deviation for deviation in deviations() if deviation.get("silent")]


@pytest.fixture(scope="module")
def silent():
    """The page of data with every deviation that raises no error, of which two runs demonstrated the first alone."""
    data = two_runs()
    data["deviations"] = [*deviations()[:2], *SILENT]
    for run in data["runs"]:
        run["deviations"] = [SILENT[0]["id"]]
    reading.check(data)
    return render(data)


@pytest.mark.parametrize("deviation", SILENT, ids=lambda deviation: deviation["id"])
def test_a_silent_deviation_has_a_place_of_its_own_in_both_languages(silent, deviation):
    text = unescape(section(silent, f"silent-{deviation['id']}", "article"))

    for name in ("title", "see", "where", "meets", "avoid", "seen"):
        assert " ".join(deviation[name].split()) in text and deviation[f"{name}_zh"] in text
    assert f"It should print 应当输出 {deviation['right']}" in text
    assert deviation["wrong"] in text and ", ".join(deviation["versions"]) in text
    assert ("not demonstrated" in text) == (deviation is not SILENT[0])


def test_the_parts_on_a_silent_deviation_lead_to_each_other_and_to_its_public_report(silent):
    links = Outline(silent).links

    for deviation in SILENT:
        assert {f"#silent-{deviation['id']}", f"#deviation-{deviation['id']}"} <= set(links)
    assert {d["issue"] for d in SILENT if "issue" in d} <= {link for link in links if not link.startswith("#")}


def test_a_page_without_silent_deviations_has_no_part_for_them(html):
    assert 'id="silent"' not in html and 'href="#silent' not in html


@pytest.mark.parametrize("name", ["title_zh", "example", "see", "avoid_zh"])
def test_a_silent_deviation_that_lacks_a_text_is_refused(data, name):
    data["deviations"] = [{key: value for key, value in SILENT[0].items() if key != name}]

    with pytest.raises(json_files.Unreadable, match=f"'{name}' is a dependency of 'silent'"):
        reading.check(data)


def test_a_deviation_is_described_in_chinese_where_the_words_exist(data):
    data["deviations"] = [{**deviations()[0], "where": "there", "where_zh": "那里", "found": "this", "found_zh": ""}]
    text = section(render(data), "deviations")

    assert "there 那里" in text
    assert "Actual 实际结果 this How" in text


def test_a_figure_has_a_text_alternative(html):
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
            value
            for name, value in attributes
            if name in ("src", "href", "xlink:href", "srcset", "data") and (tag, name) != ("a", "href")
        ]


def test_headings_skip_no_level(html):
    levels = Outline(html).levels

    assert levels.count(1) == 2 and levels[0] == 1  # that of the book and that of the record
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_ids_are_unique_and_every_link_leads_to_one(html):
    outline = Outline(html)

    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links if link.startswith("#")} <= set(outline.ids)


def test_a_matrix_beside_the_report_is_linked(data):
    assert 'href="matrix/index.html"' in render(data, matrix="matrix/index.html")
    assert 'href="matrix' not in render(data)


def test_the_page_loads_nothing_from_outside(html):
    assert all(address.startswith(("#", "data:")) for address in Outline(html).resources)
    assert not re.search(r"@import|url\((?!#|&quot;#|\"#)", html)


@pytest.mark.parametrize("entry", tomllib.loads((FOLDER / "formulas.toml").read_text("utf-8"))["formula"])
def test_a_formula_belongs_to_a_section_of_the_document_or_to_a_known_claim(entry):
    places = [(entry[kind], known) for kind, known in PLACES.items() if kind in entry]

    assert len(places) == 1 and places[0][0] in places[0][1]


def test_every_formula_is_rendered(html):
    assert html.count("<math ") > len(re.findall(r"^section = ", (FOLDER / "formulas.toml").read_text("utf-8"), re.M))


# What is refused


@pytest.mark.parametrize("make", [small_data, two_runs])
def test_the_data_of_these_tests_are_a_valid_report(make):
    reading.check(make())


@pytest.mark.parametrize("section", ["benchmarks", "2.9"])
def test_a_figure_of_no_section_is_refused(data, section):
    with pytest.raises(ValueError, match=f"figure line-{section} is of section '{section}'"):
        render(data, [figure(section)])


@pytest.mark.parametrize("svg", ["<p>", "<svg><script>1</script></svg>", '<svg onload="1"></svg>'])
def test_a_figure_that_is_not_a_plain_drawing_is_refused(svg):
    with pytest.raises(ValueError, match="figure x is not a well-formed <svg> element without scripts: it "):
        PageFigure("x", "2.1.2", "", "", "", "", svg)


def test_a_table_whose_rows_do_not_fit_its_header_is_refused():
    with pytest.raises(ValueError, match="rows has a row of 1 cells, header_en has 2"):
        Table("", "", ("a", "b"), ("a", "b"), (("1",),))


# Colours


def schemes():
    """Return the colours of the style sheet by name, for light and for dark."""
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
    *((ink, "code-ground") for ink in ("ink", "keyword", "string", "number", "remark", "name")),
    *((ink, f"{ink}-ground") for ink in ("green", "orange", "violet", "red", "grey")),
    *((ink, "card") for ink in ("green", "orange", "violet", "grey")),
    *((ink, f"{ground}-ground") for ink in ("ink", "green") for ground in ("orange", "violet")),
    ("grey", "ground"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_contrasts_enough_with_its_background(scheme, ink, ground):
    colors = schemes()[scheme]
    darker, lighter = sorted((luminance(colors[ink]), luminance(colors[ground])))

    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST


# The tests and what they say, in Chinese


def test_a_test_is_named_in_chinese_with_its_english_name_at_hand():
    data = small_data()
    data["tests"][0] = proof_of(["2.1.2.a"], "test_the_first_window_gives_minus_6")

    page = render(data, [], [])

    assert '<span class="zh" lang="zh-Hans" title="the first window gives minus 6">第一个窗口得到 -6</span>' in page
    assert '<span class="en" lang="en">the first window gives minus 6</span>' in page
    assert "<code>test_the_first_window_gives_minus_6</code>" in page


def test_a_test_that_has_no_chinese_sentence_keeps_its_english_one(html):
    assert '<span class="sentence" lang="en">that carries no claim</span>' in html


def test_what_failed_is_told_in_chinese_too_if_it_is_known_there():
    data = small_data()
    said = "E       AssertionError: got shape (1,), expected (2,)"
    data["tests"][2]["results"][0]["failures"][0]["text"] = said

    page = render(data, [], [])

    assert page.count('<p class="zh" lang="zh-Hans">得到的形状是 (1,)，应为 (2,)</p>') == 1


# In a browser


@pytest.fixture(scope="module")
def browser():
    """Chromium, headless."""
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser, html, tmp_path):
    """A function that opens the page and fails the test if the page logs an error or requests anything else."""

    @contextmanager
    def open_page(anchor="#record", text=html, **options):
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


def test_the_page_starts_in_the_language_of_the_browser(opened):
    with opened(locale="zh-CN") as page:
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        assert page.locator("h1:visible").inner_text().startswith("证明了什么")


def test_the_switch_changes_the_language_of_everything_and_is_remembered(opened):
    with opened() as page:
        assert page.locator("html").get_attribute("lang") == "en"
        page.get_by_role("button", name="中文").click()
        page.reload()

        assert page.get_by_role("button", name="中文").get_attribute("aria-pressed") == "true"
        assert page.title() == "torch-by-hand：PyTorch 的各层与证明"
        assert page.get_by_role("img", name="一条线。它上升。").count() == 1
        assert page.get_by_role("searchbox", name="搜索说法").get_attribute("placeholder") == "搜索说法"
        assert page.get_by_role("group", name="只显示这些结果").count() == 1
        assert page.locator("#claim-2\\.1\\.2\\.h .kind").inner_text() == "数值"
        assert page.locator(".en:visible").count() == 0
        labels = page.locator("[data-label-en]").evaluate_all("all => all.map(it => it.getAttribute('aria-label'))")
        assert not [label for label in labels if re.match(r"[A-Za-z ]+$", label)]


def test_the_switch_works_without_storage(opened):
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


def test_a_filter_shows_the_claims_of_its_result_and_says_how_many(opened):
    with opened() as page:
        button = page.get_by_role("button", name="corrected")
        button.click()

        assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == ["claim-2.1.2.h"]
        assert page.get_by_role("status").inner_text() == "1 of 6 shown"
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator(".section:visible").count() == 1

        page.get_by_role("button", name="Show all").click()
        assert page.locator(".claim:visible").count() == 6


def test_a_chip_leads_to_the_claims_that_it_counts(opened):
    with opened("#book") as page:
        page.locator('.proved [data-show="corrected"]').click()

        assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == ["claim-2.1.2.h"]
        assert page.get_by_role("button", name="corrected").get_attribute("aria-pressed") == "true"

        page.evaluate("location.hash = '#book-2.1.2'")
        page.locator('#book-2\\.1\\.2 [data-show="refined"]').click()
        assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == ["claim-2.1.2.j"]
        assert page.locator("#section-2\\.1\\.2").evaluate("it => it.getBoundingClientRect().top") < 200


def test_a_search_finds_claims_by_all_of_its_words_in_either_language(opened):
    with opened() as page:
        for words, found in (("both odd", ["claim-2.1.2.j"]), ("第 链接", ["claim-2.1.2.l"]), ("xyz", [])):
            page.get_by_role("searchbox").fill(words)

            assert page.locator(".claim:visible").evaluate_all("all => all.map(one => one.id)") == found
            assert page.get_by_text("No claim matches.").is_visible() == (not found)


def test_a_link_opens_and_counts_a_claim_that_is_filtered_out(opened):
    with opened() as page:
        page.get_by_role("button", name="uncheckable").click()
        page.evaluate("location.hash = '#claim-2.1.2.h'")

        page.locator("#claim-2\\.1\\.2\\.h .source").wait_for(state="visible")
        assert page.get_by_role("status").inner_text() == "2 of 6 shown"


def test_a_page_opened_at_a_claim_shows_it_unfolded(opened):
    with opened("#claim-2.1.2.a") as page:
        assert page.locator("#claim-2\\.1\\.2\\.a .source").is_visible()
        assert page.locator("#claim-2\\.1\\.2\\.a").evaluate("it => it.getBoundingClientRect().top") < 200


def test_on_a_phone_nothing_is_wider_than_the_screen_even_unfolded(opened, merged):
    with opened(text=merged, viewport=PHONE) as page:
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]

        page.evaluate("speak('zh')")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_whatever_scrolls_has_a_name_and_can_be_reached_from_the_keyboard(opened, merged):
    scrolls = "all => all.filter(it => it.scrollWidth > it.clientWidth)"
    with opened(text=merged, viewport=PHONE) as page:
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        page.evaluate("letReach()")
        stops = page.locator(".scroll, .drawing, .math, pre").evaluate_all(
            f"{scrolls}.map(it => [it.tabIndex, it.role, it.ariaLabel])"
        )

        assert len(stops) > 2 and all(at == 0 and role in ("group", "img") and name for at, role, name in stops)


def test_on_a_phone_the_contents_open_and_lead_to_a_section(opened):
    with opened(viewport=PHONE) as page:
        page.get_by_role("button", name="Contents").click()
        page.get_by_role("link", name="2.1.2 Worked convolution").click()

        assert not page.get_by_role("navigation").is_visible()
        assert page.locator("#section-2\\.1\\.2").evaluate("it => it.getBoundingClientRect().top") < PHONE["height"] / 2


def test_the_page_is_light_or_dark_as_the_reader_prefers(opened):
    with opened() as page:
        for scheme, colors in schemes().items():
            page.emulate_media(color_scheme=scheme)
            ground = page.locator("body").evaluate("it => getComputedStyle(it).backgroundColor")

            assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(colors["ground"][1:]))


def test_in_print_every_claim_is_shown_and_the_controls_are_not(opened):
    with opened("#claim-2.1.2.h") as page:
        page.get_by_role("searchbox").fill("xyz")
        page.emulate_media(media="print")

        assert page.locator(".claim:visible").count() == 6
        assert page.get_by_text("assert rows(x)").first.is_visible()
        assert page.locator("#left-out .claim-links").first.is_visible()
        assert page.get_by_text("1.3 ms").first.is_visible()
        assert not page.locator("nav, .top, .tools, .source").locator("visible=true").count()


def test_a_runs_short_name_says_what_it_stands_for_and_a_claims_heading_its_verdict(opened, merged):
    with opened(text=merged) as page:
        assert page.locator("#claim-2\\.1\\.2\\.h .run").nth(1).get_attribute("title") == LONG_NAME
        assert page.get_by_role("heading", name="Claim 2.1.2.h corrected A failed B").count() == 1


def test_the_first_tab_stop_is_a_link_that_skips_to_the_content(opened):
    with opened("") as page:
        page.keyboard.press("Tab")
        assert page.get_by_role("link", name="Skip to content").evaluate("it => it === document.activeElement")

        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        first = page.locator("main :is(a, summary, button):visible").first
        assert first.evaluate("it => it === document.activeElement")


def test_after_a_click_on_a_text_the_next_tab_stop_is_the_one_behind_it(opened):
    with opened("#claim-2.1.2.h") as page:
        claim = page.locator("#claim-2\\.1\\.2\\.h")
        claim.locator(".claim-text:visible").first.click(position={"x": 3, "y": 3})
        page.keyboard.press("Tab")

        assert claim.evaluate("it => it.contains(document.activeElement)")


def test_a_page_of_eight_full_runs_stays_small():
    large = PageFigure("large", "2.1", "", "", "", "", f"<svg>{' ' * ALL_FIGURES}</svg>")
    strength = strength_part.read(writing.STRENGTH)
    page = render(many_runs(8), [large], benchmark_part.read_all(writing.RESULTS), strength=strength)

    assert len(page.encode()) < LARGEST


def many_runs(count):
    """Return data as large as real ones: two tests for every claim, with errors that differ between runs."""
    data = small_data()
    data["runs"] = [run(f"torch 2.15.0 on cpu ({n})") for n in range(count)]
    source = (FOLDER.parents[1] / "test_2_1_convolution.py").read_text("utf-8")
    functions = [f"def {part[:1200]}" for part in source.split("\ndef ")[1:]]
    data["claims"] = [
        {**vars(known), "results": [one_of(id, n) for n in range(count)]} for id, known in register().items()
    ]
    data["tests"] = [
        {**one, "source": functions[place % len(functions)], "results": one["results"] * count}
        for id in register()
        for place, one in enumerate([proof_of([id], f"test_{id}"), proof_of([id], f"test_more_{id}")])
    ]
    return data


def one_of(id, number):
    """Return a claim's result in one of many runs."""
    dtypes = ("bfloat16", "float16", "float32", "float64")
    worst = {dtype: {"share": (number + 1) / 10, "error": number * 1e-8, "bound": 1e-7} for dtype in dtypes}
    found = result("confirmed", *proofs(f"test_{id}"), *proofs(f"test_more_{id}"))
    return {**found, "examples": 300 + number, "worst": worst}
