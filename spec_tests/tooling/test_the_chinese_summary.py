"""The summary of a run in Chinese: nothing of ours is left in English, and what a run finds does not depend on it."""

import re
from collections import Counter
from pathlib import Path

import pytest

from spec_tests.run import summary
from spec_tests.run.ending import sentence
from spec_tests.run.exercise.lines import columns
from spec_tests.run.summary import Run
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.claims import register
from spec_tests.vocabulary.ledger import Entry, Nearest
from spec_tests.vocabulary.names_of_tests import in_chinese
from spec_tests.vocabulary.results import LEFT_OUT, NOT_READ

pytestmark = pytest.mark.tooling

ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
"""Two words of a sentence."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")
OTHERS = re.compile(r"（[\w./]+::\w+(?:\[[^]]*\])?）|conv2d flips_the_kernel|(?<=^说法 )\S+ (?:失败|未运行[^：]*)：.*")
"""A test's id behind its sentence, the name of a wrong implementation, and the register's text of a claim."""

PROJECT = Path(__file__).parents[2]
TEST = "spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity"
NEAR = {"float32": Nearest(0.5, 1e-7, 2e-7)}
REASONS = Counter(
    {reason.en.format(dtype="tf32", package="torch"): n for n, reason in enumerate([*LEFT_OUT.values()], 1)}
)
UNREAD = Counter({reason.en.format(package="pillow"): n for n, reason in enumerate(NOT_READ.values(), 1)})
GONE = [
    "known deviation odd is gone: the test listed for it passes; remove its entry from jax.toml",
    "known deviation odd is gone: the 3 tests listed for it pass; remove its entry from jax.toml",
]


def entry(outcome, case="", **fields):
    """Return a test of max pooling that ended so."""
    return Entry(f"{TEST}{case}", "2.2", outcome=outcome, **fields)


ONE, TWO = ([entry("passed", f"[{n}]", worst=NEAR, examples=7) for n in range(count)] for count in (1, 2))
FAILED = [entry("failed", "[float32]", claims=tuple(register())), entry("failed", last_example={"input": 1})]
ERRORS = [entry("error", f"[{n}]") for n in range(2)]
TOOLS = [entry("failed", f"[{n}]", tooling=True) for n in range(2)]
MET = [entry("skipped", f"[{n}]", deviation=f"odd-{n}") for n in range(2)]
ASKED = [
    entry("passed", requirements=(("values", "conv2d"), ("gradients", "max_pool2d"))),
    entry("skipped", not_offered="tanh is not implemented"),
    *(entry("skipped", f"[{n}]", not_offered="nothing was asked that the subject answers") for n in range(2)),
]
RUNS = {
    "a full one": (TWO, Run("torch 2.11.0 on cpu", whole=True, full=True, left_out=REASONS)),
    "one test": (ONE, Run("the references, but conv2d flips_the_kernel", left_out=Counter({LEFT_OUT["slow"].en: 1}))),
    "of another mode": (TWO, Run("torch 2.11.0, compiled, on cpu", whole=True, unread=UNREAD)),
    "that transforms": (TWO, Run("the references", transforms={"conv2d": "fft", "conv1d": "fft"})),
    "a failure": ([*TWO, FAILED[0]], Run("torch 2.11.0 on cpu")),
    "two failures, drawn": ([*FAILED[::-1], *TWO], Run("my_layers.py")),
    "nothing but a failure": (FAILED[:1], Run("my_layers.py")),
    "errors": ([*ERRORS, *TWO], Run("my_layers.py")),
    "an error": ([*ERRORS[:1], *TWO], Run("my_layers.py")),
    "ended early": ([*TWO, entry("not run"), entry("not run", "[1]")], Run("torch 2.11.0 on cpu", full=True)),
    "ended before the last": ([*TWO, entry("not run")], Run("torch 2.11.0 on cpu", full=True)),
    "nothing": ([], Run("my_layers.py", unread=Counter({LEFT_OUT["torch_api"].en: 2}))),
    "tools alone": ([entry("passed", tooling=True)], Run("my_layers.py")),
    "more tools": ([entry("passed", "[1]", tooling=True), entry("passed", tooling=True)], Run("my_layers.py")),
    "broken tools": ([*TWO, *TOOLS], Run("my_layers.py")),
    "a broken tool": ([*TWO, *TOOLS[:1]], Run("my_layers.py")),
    "deviations": ([*TWO, *MET, entry("skipped")], Run("jax 0.9", gone=GONE)),
    "a deviation": ([*TWO, *MET[:1]], Run("jax 0.9", gone=GONE[:1])),
    "one deviation in two tests": ([*TWO, *(entry("skipped", f"[{n}]", deviation="odd") for n in (3, 4))], Run("jax")),
    "somebody's file": (ASKED, Run("my_layers.py", foreign=True)),
}
"""What a run may have to say."""


def printed(entries, run, language, **said):
    """Return the lines that a run prints of itself."""
    spoken = Run(**{**vars(run), "language": language})
    return [*summary.lines(entries, spoken), sentence(entries, spoken, **said)]


@pytest.mark.parametrize("case", RUNS)
def test_nothing_is_left_in_english(case):
    for elsewhere, unreadable in ((0, ()), (1, ("test_a.py",)), (2, ("test_a.py", "test_b.py"))):
        lines = printed(*RUNS[case], "zh", elsewhere=elsewhere, unreadable=unreadable)
        own = [OTHERS.sub("", line) for line in lines if not line.startswith("    ")]

        assert [line for line in own if ENGLISH.search(line)] == []
        assert CHINESE.search(lines[0]) or lines[0].endswith(RUNS[case][1].subject)
        assert lines[-1].endswith("。")


@pytest.mark.parametrize("case", RUNS)
def test_the_numbers_are_those_of_the_english_summary(case):
    english, chinese = (" ".join(printed(*RUNS[case], language)) for language in ("en", "zh"))
    counts = re.compile(r"(?<![\w.\[/])\d[\d,]*(?= (?:tests?|claims?|files?|skipped|left out|known)\b)")

    assert not Counter(counts.findall(english)) - Counter(re.findall(r"\d[\d,]*", chinese))


@pytest.mark.parametrize("case", RUNS)
def test_no_line_is_wider_than_the_page_but_for_a_single_word(case):
    lines = summary.lines(RUNS[case][0], Run(**{**vars(RUNS[case][1]), "language": "zh"}))

    assert [line for line in lines if columns(line) > summary.PAGE and " " in line.strip()] == []


def test_the_columns_of_a_table_stand_below_each_other():
    lines = summary.lines(TWO, Run("torch", whole=True, full=True, language="zh"))
    table = lines[lines.index("") + 1 :]

    assert len({columns(line) for line in table[: table.index("")]}) == 1


def test_a_test_is_named_by_its_sentence_and_by_its_id():
    said = sentence(FAILED[:1], Run("my_layers.py", language="zh"))

    assert f"“{in_chinese()['test_2_2_max_pooling::test_nan_beats_infinity']} [float32]”（{TEST}[float32]）" in said


@pytest.mark.parametrize(("options", "title"), [([], "= specification ="), (["--language", "zh"], "= 规范 =")])
def test_a_run_ends_in_the_language_that_is_asked_for(monkeypatch, options, title):
    monkeypatch.setattr(ledger, "_entries", {})
    monkeypatch.setattr(ledger, "_current", None)

    code, output = pytest_in_this_process(str(PROJECT / TEST), *options)

    assert code == 0
    assert title in output
    said = output.replace(str(PROJECT), "")
    assert bool(CHINESE.search(said)) == bool(options)
