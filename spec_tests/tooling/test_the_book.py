"""The book of the report's page: that it is whole in both languages, leads to its proofs, and answers in a browser."""

import os
import re
from collections import Counter
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')

from spec_tests.report import findings, public, reading, strength_part, writing
from spec_tests.report.book import sources, stories
from spec_tests.report.book.chapters import ASKED, chapters
from spec_tests.report.book.laws import is_law
from spec_tests.report.book.texts import meanings, text_of
from spec_tests.report.page import render
from spec_tests.tooling import book_failures
from spec_tests.tooling.chromium import chromium
from spec_tests.vocabulary.claims import SECTIONS, deviations, register
from spec_tests.vocabulary.names_of_tests import in_chinese
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.rungs.sentences import section_of

pytestmark = pytest.mark.tooling

STORED = Path(__file__).parent / "stored" / "claims-of-832af97.json.gz"
TAUGHT = {section_of(operation) or "3" for operation in (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS)}
"""The sections that teach an operation which a reader can write."""

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")
PARTS = [(section, part) for section in SECTIONS for part in text_of(section).parts]
LAWS = [law for section in SECTIONS for law in text_of(section).laws]
MISTAKES = [section for section in SECTIONS if text_of(section).mistake]

every_section = pytest.mark.parametrize("section", SECTIONS)
every_story = pytest.mark.parametrize("id", stories.words())

# The texts


def both(pair):
    """Tell whether both texts are there, the second with Chinese in it and the first without."""
    en, zh = pair
    return bool(en) and not CHINESE.search(en) and bool(CHINESE.search(zh))


@every_section
def test_every_section_is_told_in_both_languages(section):
    text = text_of(section)

    assert both((text.lead_en, text.lead_zh))
    assert text.parts and all(both((part.en, part.zh)) for part in text.parts)
    assert text.mistake is None or both((text.mistake.en, text.mistake.zh))


def test_every_heading_is_there_in_both_languages_and_has_a_link_of_its_own():
    headed = [(section, part) for section, part in PARTS if part.title_en or part.title_zh or part.id]

    assert all(both((part.title_en, part.title_zh)) and part.id for _, part in headed)
    assert all(count == 1 for count in Counter((section, part.id) for section, part in headed).values())


def test_the_questions_at_the_top_are_questions_of_the_book():
    assert {*ASKED} <= {f"{section}-{part.id}" for section, part in PARTS if part.title_en}


@pytest.mark.parametrize("claim", ["2.1.c", "2.6.2.b", "2.6.3.h", "2.6.3.o", "2.6.4.e", "2.8.i"])
def test_a_correction_that_answers_no_other_question_has_one_of_its_own(claim):
    [part] = [part for _, part in PARTS if part.corrects == claim]

    assert part.title_en and part.title_zh


@every_section
def test_every_section_has_laws_and_a_page_to_read_on(section):
    text = text_of(section)

    assert text.laws
    assert text.docs and all(address.startswith("https://docs.pytorch.org/") for _, address in text.docs)


@pytest.mark.parametrize("section", sorted(TAUGHT))
def test_a_section_that_teaches_an_operation_shows_code_and_a_mistake(section):
    if section not in ("1.2", "2.5"):
        assert text_of(section).code and text_of(section).mistake


def test_the_code_that_is_shown_is_that_of_the_references():
    for section in SECTIONS:
        for path in text_of(section).code:
            cut = sources.reference(path)
            assert cut.code in (sources.ROOT / cut.file).read_text("utf-8")
            assert f"def {path.split('.')[1]}(" in cut.code


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"reference/activation\.py has no function swish"):
        sources.reference("activation.swish")


def test_every_law_is_a_test_with_a_sentence_in_chinese_and_is_shown_once():
    assert all(f"def {law.split('::')[1]}(" in sources.law(law).code for law in LAWS)
    assert [law for law in LAWS if law not in in_chinese()] == []
    assert all(count == 1 for count in Counter(LAWS).values())


def test_a_record_keeps_the_tests_that_the_book_shows():
    assert all(is_law(f"spec_tests/{law.replace('::', '.py::')}") for law in LAWS)
    assert not is_law("spec_tests/test_2_2_max_pooling.py::test_nothing")


def test_every_statement_has_a_proof():
    assert [(section, part.en) for section, part in PARTS if not (part.claims or part.tests or part.corrects)] == []


def test_every_proof_is_a_claim_or_a_law_of_the_section():
    for section, part in PARTS:
        assert {*part.claims} <= {*register()}
        assert {*part.tests} <= {law.split("::")[1] for law in text_of(section).laws}


def test_all_that_the_document_gets_wrong_is_corrected_in_its_section():
    told = {part.corrects for _, part in PARTS if part.corrects}
    folded = {
        claim.id for chapter in chapters({"runs": [], "claims": [], "tests": []}) for claim in chapter["more_errata"]
    }

    assert told | folded == {claim.id for claim in register().values() if claim.is_erratum}
    assert all(register()[part.corrects].section == section for section, part in PARTS if part.corrects)


def test_what_the_helpers_in_the_tests_mean_is_said_in_both_languages():
    assert all(both((meaning["en"], meaning["zh"])) for meaning in meanings().values())


@every_story
def test_a_story_says_in_both_languages_what_one_sees_and_how_to_avoid_it(id):
    said = stories.words()[id]

    assert all(both((said[f"{name}_en"], said[f"{name}_zh"])) for name in ("title", "see", "avoid"))


@every_story
def test_a_story_is_a_silent_deviation_whose_example_goes_wrong(id):
    deviation = stories.known()[id]

    assert deviation["kind"] == "silent"
    assert repr(deviation["example"].right) != repr(deviation["example"].found)


@pytest.mark.parametrize(
    ("subject", "seen", "state"),
    [
        ("torch:strided", ["grouped-conv-turned-weight"], "seen"),
        ("torch:strided", [], "not seen"),
        ("torch", [], "not asked"),
    ],
)
def test_a_story_says_whether_a_run_showed_it_or_did_not_ask(subject, seen, state):
    told = stories.stories([{"subject": subject, "deviations": seen}])

    story = next(story for story in told["torch"] if story["id"] == "grouped-conv-turned-weight")
    assert story["shown"] == [(state, [])]
    assert "torch:strided" in story["subjects"]


def test_every_public_report_is_told_in_chinese():
    rows = public.public_verdicts()

    assert {*public.titles_zh()} == {row["about"] for row in rows}
    for name in ("about", "source", "decision"):
        assert all(CHINESE.search(row[f"{name}_zh"]) for row in rows)
    assert [
        row["explanation_zh"] for row in rows if " " in row["explanation"] and row["explanation_zh"].isascii()
    ] == []


@pytest.mark.parametrize("section", MISTAKES)
def test_a_mistake_is_shown_with_what_an_exercise_prints_of_it_in_both_languages(section):
    failures = text_of(section).failures

    assert [*failures] == ["en", "zh"]
    assert all("✗" in text and "my_layers.py" in text for text in failures.values())
    assert CHINESE.search(failures["zh"]) and not CHINESE.search(failures["en"])


@pytest.mark.slow
@pytest.mark.parametrize(("section", "language"), [("2.2", "en"), ("2.6.2", "zh")])
def test_what_an_exercise_prints_of_a_mistake_is_what_is_stored(section, language):
    assert book_failures.printed(section, language) == text_of(section).failures[language]


# The page


class Outline(HTMLParser):
    """The ids and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []


@pytest.fixture(scope="module")
def html():
    """The page of a run in which nothing was run: the book does not depend on it."""
    data = {**reading.read(STORED), "claims": findings.claims_of([]), "tests": [], "deviations": deviations()}
    return render(data, strength=strength_part.read(writing.STRENGTH))


def test_what_is_often_asked_names_its_section(html):
    asked = re.search(r'<p class="asked">.*?</p>', html, re.DOTALL)[0]
    links = re.findall(r'href="#book-([\d.]+)-[\w-]+"><span class="section-number">([\d.]+)</span>', asked)

    assert len(links) == len(ASKED) and all(of_the_link == shown for of_the_link, shown in links)


def test_every_proof_leads_back_to_the_questions_that_it_answers(html):
    for section, part in PARTS:
        for id in (*part.claims, *filter(None, [part.corrects])) if part.title_en else ():
            article = re.search(rf'<article class="claim" id="claim-{re.escape(id)}".*?</article>', html, re.DOTALL)[0]
            assert f'href="#book-{section}-{part.id}"' in article
        for law in part.tests if part.title_en else ():
            box = re.search(
                rf'<details class="test law" id="law-[\w-]+-{law.removeprefix("test_")}">.*?</details>', html, re.DOTALL
            )[0]
            assert f'href="#book-{section}-{part.id}"' in box


def chapter(html, section):
    """Return the part of the page that tells a section."""
    ids = [*SECTIONS, None]
    after = ids[ids.index(section) + 1]
    end = html.index(f'id="book-{after}"') if after else html.index('id="stories"')
    return html[html.index(f'id="book-{section}"') : end]


@pytest.mark.slow
def test_ids_are_unique_and_every_link_leads_somewhere(html):
    outline = Outline(html)

    assert [id for id, count in Counter(outline.ids).items() if count > 1] == []
    assert {link[1:] for link in outline.links if link.startswith("#")} <= {*outline.ids}


@pytest.mark.slow
@every_section
def test_from_a_section_code_laws_and_record_are_one_click_away(html, section):
    links = Outline(chapter(html, section)).links

    assert f"#laws-of-{section}" in links and f"#section-{section}" in links
    assert (f"#code-of-{section}" in links) == bool(text_of(section).code)
    assert (f"#try-{section}" in links) == (section in TAUGHT)


@pytest.mark.slow
@every_section
def test_every_proof_of_a_section_is_linked(html, section):
    links = Outline(chapter(html, section)).links

    for part in text_of(section).parts:
        assert {f"#claim-{id}" for id in (*part.claims, part.corrects) if id} <= {*links}
        assert all(any(link.endswith(f"-{name.removeprefix('test_')}") for link in links) for name in part.tests)


@pytest.mark.slow
@pytest.mark.parametrize("section", MISTAKES)
def test_the_command_that_grades_ones_own_function_is_shown(html, section):
    part = chapter(html, section)

    assert "pytest spec_tests --subject my_layers.py --exercise" in part
    assert "pytest spec_tests --subject my_layers.py --only" in part


@pytest.mark.slow
def test_the_latest_wrong_results_of_torch_come_first(html):
    places = [
        html.index(f'id="{id}"') for id in ("story-l1-loss-weight-lost", "silent", "story-jax-standardize-cancels")
    ]

    assert places == sorted(places)


# In a browser

AXE = Path(os.environ.get("AXE_CORE", sources.ROOT / "node_modules" / "axe-core" / "axe.min.js"))
PHONE = {"width": 390, "height": 844}
TASKS = {
    "en": {
        'What is padding="same"?': "book-2.1-same",
        "why is the printed second row wrong?": "book-2.1.2-second-row",
        "where does the gradient of a tie go?": "book-2.2-tie",
        "does conv2d flip the kernel": "book-2.1-flip",
    },
    "zh": {
        'padding="same" 是什么？': "book-2.1-same",
        "第二行为什么是错的": "book-2.1.2-second-row",
        "两个最大值一样大时梯度给谁": "book-2.2-tie",
        "卷积核 翻转吗": "book-2.1-flip",
        "same 填充": "book-2.1-same",
        "最大池化梯度相等": "book-2.2-tie",
    },
}
"""What a learner asks, in whatever words, and the heading of the answer."""

LOCALES = {"en": "en-US", "zh": "zh-CN"}


@pytest.fixture(scope="module")
def browser():
    """Chromium, headless."""
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser, html, tmp_path):
    """A function that opens the page and fails the test if the page logs an error or requests anything else."""

    @contextmanager
    def open_page(anchor="", language="en", **options):
        file = tmp_path / "index.html"
        file.write_text(html, encoding="utf-8")
        complaints, requests = [], []
        context = browser.new_context(locale=LOCALES[language], **options)
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


def top(page, id):
    """Return how far from the window's upper edge an element begins, in pixels."""
    return page.locator(f'[id="{id}"]').evaluate("it => it.getBoundingClientRect().top")


@pytest.mark.slow
def test_the_page_opens_on_the_book_and_the_record_is_one_click_away(opened):
    with opened() as page:
        assert page.locator("#book").is_visible() and not page.locator("#record").is_visible()

        page.get_by_role("link", name="Record", exact=True).click()
        assert page.locator("#record").is_visible() and not page.locator("#book").is_visible()

        page.get_by_role("link", name="Book", exact=True).click()
        assert page.locator("#book").is_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "number"), [("en", r"(\d+) (?:more below|of all) are ours"), ("zh", r"(\d+) 条是本项目")]
)
def test_claims_that_are_ours_are_told_apart_where_claims_are_counted(opened, language, number):
    with opened("#record", language=language) as page:
        told = [page.locator(f".{name}:visible").first.inner_text() for name in ("ours", "shown")]

    ours = sum(claim.ours for claim in register().values())
    assert [int(re.search(number, text)[1]) for text in told] == [ours, ours]


@pytest.mark.slow
@pytest.mark.parametrize("id", ["law-2_2_max_pooling-nan_beats_infinity", "claim-2.1.2.h"])
def test_a_deep_link_lands_at_once(opened, id):
    with opened(f"#{id}") as page:
        assert 0 <= top(page, id) < 200


@pytest.mark.slow
@pytest.mark.parametrize("language", TASKS)
def test_a_learners_questions_are_answered_in_two_steps(opened, language):
    with opened(language=language) as page:
        for asked, answer in TASKS[language].items():
            page.get_by_role("combobox").fill(asked)
            page.keyboard.press("Enter")

            assert 0 <= top(page, answer) < 200


FOUND = {
    "max_pooling_backward": "code-2.2-definition-max_pooling_backward",
    "tanh": "code-2.3-activation-tanh",
    "test_nan_beats_infinity": "law-2_2_max_pooling-nan_beats_infinity",
    "2.1.2.h": "claim-2.1.2.h",
    "小数的 tanh": "story-tinygrad-tanh-small",
    "pool-index-outside": "deviation-pool-index-outside",
}


@pytest.mark.slow
def test_the_search_finds_functions_tests_claims_and_deviations(opened):
    with opened() as page:
        for asked, found in FOUND.items():
            page.get_by_role("combobox").fill(asked)

            targets = page.locator("#found [data-target]").evaluate_all("all => all.map(it => it.dataset.target)")
            assert found in targets


NAMED = {
    "MaxPool2d": {"book-2.2", "ladder-max_pool2d"},
    "max_pool2d": {"book-2.2", "ladder-max_pool2d"},
    "nn.Linear": {"book-2.4", "code-2.4-linear-linear"},
    "CrossEntropyLoss": {"book-2.6.3", "code-2.6.3-cross_entropy-cross_entropy"},
    "torch.nn.Conv2d": {"book-2.1", "ladder-conv2d"},
    "ReLU": {"book-2.3", "code-2.3-activation-relu"},
    "BatchNorm2d": {"book-2.8", "code-2.8-normalization-batch_norm"},
    "F.cross_entropy": {"book-2.6.3", "code-2.6.3-cross_entropy-cross_entropy"},
}
"""A class or a function, as one may write it, and the section and the function that come first."""


@pytest.mark.slow
def test_the_name_of_a_class_or_function_finds_its_section_and_its_function_first(opened):
    with opened() as page:
        for asked, both_of_it in NAMED.items():
            page.get_by_role("combobox").fill(asked)

            targets = page.locator("#found [data-target]").evaluate_all("all => all.map(it => it.dataset.target)")
            assert {*targets[:2]} == both_of_it


@pytest.mark.slow
def test_no_two_results_of_a_search_look_the_same_and_each_says_its_section(opened):
    with opened() as page:
        for asked in ("relu", "linear_backward", "padding", "log_softmax"):
            page.get_by_role("combobox").fill(asked)

            rows = page.locator("#found [data-target]").all_inner_texts()
            assert len(rows) == len({*rows}) > 1
        assert "function2.3 log_softmax" in [row.replace("\n", "") for row in rows]


@pytest.mark.slow
def test_a_result_that_is_followed_opens_the_box_that_it_leads_to(opened):
    with opened() as page:
        page.get_by_role("combobox").fill("max_pool2d")
        page.locator('#found [data-target="ladder-max_pool2d"]').click()

        assert 0 <= top(page, "ladder-max_pool2d") < 200
        assert page.locator("#ladder-max_pool2d").evaluate("it => it.open")


@pytest.mark.slow
def test_the_search_is_used_with_the_keyboard_alone(opened):
    with opened() as page:
        page.get_by_role("combobox").fill("padding")
        page.keyboard.press("ArrowDown")
        wanted = page.locator("#found > :nth-child(2)")
        assert wanted.get_attribute("aria-selected") == "true"

        target = wanted.get_attribute("data-target")
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == f"#{target}" and not page.locator("#found").is_visible()


@pytest.mark.slow
def test_in_chinese_no_english_sentence_is_left_in_the_book(opened):
    with opened(language="zh") as page:
        page.evaluate("document.querySelectorAll('#book details').forEach(it => it.open = true)")

        assert page.locator("#book .en:visible").count() == 0
        assert page.locator('#book .sentence[lang="en"]').count() == 0


TEXTS = """() => {
  for (const it of document.querySelectorAll("details")) it.open = true;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const within = walker.currentNode.parentElement;
    const own = within.closest("pre, code, script, style, math, [lang='en']") === null && within.checkVisibility();
    if (own) texts.push(walker.currentNode.textContent.trim());
  }
  const labelled = [...document.querySelectorAll("[aria-label]")].filter((it) => it.checkVisibility());
  return texts.concat(labelled.map((it) => it.ariaLabel));
}"""
"""All that a reader sees and hears, but for code and for what is marked as English, such as a library's name."""


@pytest.mark.slow
@pytest.mark.parametrize("view", ["#book", "#record"])
def test_in_chinese_what_is_said_is_said_in_chinese(opened, view):
    with opened(view, language="zh") as page:
        texts = page.evaluate(TEXTS)

    sentences = [
        text for text in texts if re.search("[A-Za-z]{2,}(?: [a-z]{2,}){2,}", text) and not CHINESE.search(text)
    ]
    assert len(texts) > 1000
    assert [text for text in sentences if not re.match(r"\w+Error: ", text)] == []  # torch says that in English


@pytest.mark.slow
@pytest.mark.parametrize("language", LOCALES)
def test_on_a_phone_the_contents_lead_to_a_section_and_nothing_is_too_wide(opened, language):
    with opened(language=language, viewport=PHONE) as page:
        page.locator("#menu").click()
        page.locator('#contents a[href="#book-2.2"]').click()

        assert not page.get_by_role("navigation").is_visible() and 0 <= top(page, "book-2.2") < 200
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.slow
@pytest.mark.parametrize("view", ["#book", "#record"])
def test_on_a_phone_formulas_go_on_in_the_next_line_and_do_not_scroll(opened, view):
    with opened(view, viewport=PHONE) as page:
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        formulas = page.locator(".math:visible")

        wide = formulas.evaluate_all(
            "all => all.filter(it => it.scrollWidth > it.clientWidth).map(it => it.textContent)"
        )
        assert formulas.count() > 5 and wide == []


@pytest.mark.slow
def test_the_answer_about_ties_leads_to_the_button_that_shows_one(opened):
    with opened("#book-2.2-tie") as page:
        page.get_by_role("link", name="an example with ties").click()
        button = page.get_by_role("button", name="An example with ties")
        page.wait_for_function("document.activeElement.id === 'hands-pooling-tie'")

        button.press("Enter")
        assert "cells have it" in page.locator("#hands-pooling [role=status]").inner_text()


@pytest.mark.slow
def test_the_booklet_has_a_table_of_contents_that_the_page_does_not_show(opened):
    with opened() as page:
        contents = page.locator(".printed-contents")
        assert not contents.is_visible()

        page.emulate_media(media="print")
        links = contents.locator("a:visible").evaluate_all("all => all.map(it => it.hash)")
        assert links == [*(f"#book-{section}" for section in SECTIONS), "#stories", "#book-words"]


@pytest.mark.slow
def test_a_learner_is_led_to_the_figures_of_the_strength(opened):
    with opened() as page:
        page.get_by_role("link", name="wrong implementations, these tests catch").click()

        assert 0 <= top(page, "strength") < 200


FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""The page has been drawn with all that changed before."""


@pytest.mark.slow
def test_on_a_phone_the_open_contents_scroll_by_themselves_and_can_be_closed(opened):
    with opened(viewport=PHONE) as page:
        page.get_by_role("button", name="Contents").click()
        contents, close = page.locator("#contents"), page.get_by_role("button", name="Close", exact=True)
        box = contents.bounding_box()

        assert box["y"] + box["height"] <= PHONE["height"]
        assert contents.evaluate("it => it.scrollHeight > it.clientHeight")
        assert contents.evaluate("it => { it.scrollTop = 10_000; return it.scrollTop; }") > 0
        assert contents.evaluate("it => getComputedStyle(it).overscrollBehaviorY") == "contain"

        close.click()
        assert not contents.is_visible()


@pytest.mark.slow
def test_while_the_contents_are_open_on_a_phone_no_tab_stop_lies_behind_them(opened):
    with opened(viewport=PHONE) as page:
        page.locator("#menu").click()
        page.locator("#contents a:visible").last.focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main')") is None

        page.keyboard.press("Escape")
        assert not page.locator("#contents").is_visible()
        assert page.locator("#menu").evaluate("it => it === document.activeElement")
        assert page.locator("main").evaluate("it => !it.inert")


@pytest.mark.slow
def test_contents_that_were_open_on_a_narrow_window_leave_a_wide_one_in_reach(opened):
    with opened(viewport=PHONE) as page:
        page.locator("#menu").click()
        page.set_viewport_size({"width": 1400, "height": 900})

        assert page.evaluate(f"{FRAMES}.then(() => !document.getElementById('main').inert)")


@pytest.mark.slow
def test_the_contents_mark_the_section_in_view_and_show_the_mark(opened):
    with opened("#book-2.2") as page:
        marked = page.locator("#contents [aria-current=location]")
        assert marked.evaluate_all("all => all.map(it => it.hash)") == ["#book-2.2"]

        page.locator('[id="book-3"]').evaluate("it => it.scrollIntoView()")
        assert page.evaluate(f"{FRAMES}.then(() => true)")
        assert marked.evaluate_all("all => all.map(it => it.hash)") == ["#book-3"]
        box, entry = page.locator("#contents").bounding_box(), marked.bounding_box()
        assert box["y"] <= entry["y"] and entry["y"] + entry["height"] <= box["y"] + box["height"]

        page.get_by_role("link", name="Record", exact=True).click()
        assert marked.evaluate_all("all => all.map(it => it.hash)") == ["#record"]


@pytest.mark.slow
def test_a_formula_that_is_wider_than_the_screen_can_be_scrolled_and_shows_it(opened):
    with opened("#book-2.1", viewport={"width": 220, "height": 740}) as page:
        formula = page.locator("#book-2\\.1 .math").first

        assert formula.evaluate("it => [it.tabIndex, getComputedStyle(it).overflowX]") == [0, "auto"]
        assert "gradient" in formula.evaluate("it => getComputedStyle(it).backgroundImage")


COUNTING = """() => {
  const measure = letReach;
  window.measured = 0;
  window.letReach = () => { window.measured += 1; measure(); };
  for (const it of document.querySelectorAll("details")) it.open = true;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  return frame().then(frame).then(() => window.measured);
}"""
"""How often the page measures what scrolls if all boxes open at once."""


@pytest.mark.slow
def test_many_boxes_that_open_at_once_are_measured_together(opened):
    with opened() as page:
        assert page.locator("details:not([open])").count() > 100
        assert page.evaluate(COUNTING) <= 2


@pytest.mark.slow
def test_a_helper_in_a_test_says_on_hover_what_it_means(opened):
    with opened("#law-2_2_max_pooling-nan_beats_infinity") as page:
        helper = page.locator('[id="law-2_2_max_pooling-nan_beats_infinity"] [data-word="subject"]').first
        helper.hover()

        assert helper.get_attribute("title") == meanings()["subject"]["en"]


@pytest.mark.slow
def test_without_scripts_the_record_follows_the_book(opened):
    with opened(java_script_enabled=False) as page:
        assert page.locator("#book").is_visible() and page.locator("#record").is_visible()
        assert not page.locator(".finder").is_visible()


@pytest.mark.slow
def test_the_book_prints_with_its_code_and_without_its_controls(opened):
    with opened() as page:
        page.emulate_media(media="print")

        assert page.get_by_text("def winners(input").first.is_visible()
        assert not page.locator("nav, .top, .finder, .section-links").locator("visible=true").count()
        assert not page.locator("#book .law .source").locator("visible=true").count()


@pytest.mark.slow
@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: npm install --no-save axe-core, or set AXE_CORE")
@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("view", ["#book", "#record"])
def test_axe_finds_nothing_that_shuts_a_reader_out(opened, view, language):
    with opened(view, language=language, color_scheme="light") as page:
        page.evaluate(AXE.read_text("utf-8"))
        light = violations(page, "{}")
        page.emulate_media(color_scheme="dark")

        assert light == violations(page, "{ runOnly: ['color-contrast'] }") == []  # the rest is the same in the dark


def violations(page, options):
    """Return what axe-core finds wrong with a page, with a few of the places."""
    found = page.evaluate(f"axe.run({{ resultTypes: ['violations'], ...{options} }})")["violations"]
    return [(it["id"], it["help"], [node["html"][:120] for node in it["nodes"][:3]]) for it in found]
