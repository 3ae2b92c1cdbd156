"""What is said of a wrong answer, in Chinese: there is a text for everything that the code can say."""

import ast
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from spec_tests.run import answers, complaints, judging
from spec_tests.run.complaints import in_chinese, told
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.ledger import Call

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
STUDENT = Path(__file__).with_name("students_file.txt")
COMMANDS = (
    *("archives", "command", "dataloader", "datasets", "random_transforms", "sampling", "synthetic_images"),
    *("train", "train_in_torch", "training"),
)
"""Modules of `reference/` that no subject is compared with."""

REASONS = [path for path in sorted((ROOT / "reference").glob("*.py")) if path.stem not in COMMANDS]
COMPARISONS = [
    ROOT / "spec_tests" / "vocabulary" / name
    for name in (
        *("compare.py", "sums.py", "refusals.py", "statistics.py", "exact_sums.py", "exact.py", "some_gradients.py"),
        *("second_gradients.py", "image_paths.py", "rungs/checking.py"),
    )
]
FILES = ("adapting", "declaration", "guard", "imports", "isolated", "messages", "on_arrays", "on_tensors", "process")
CONTRACT = [
    *(ROOT / "spec_tests" / "contract" / f"{name}.py" for name in (*FILES, "reading", "worker")),
    ROOT / "spec_tests" / "run" / "asking.py",
]
"""What speaks of a file of functions, and of the process that asks it."""

CHANNEL = ("Junk", "Ended", "_Defect")
"""Errors of a subject's process, which are told behind the name of a function: `conv2d took longer than 2 s`."""

NOT_SAID = ("unknown request", "are too few", "must be finite", "near mends nothing", "have no bound", "alone")
"""Errors of this project's own making, which no implementation can bring about."""

GAP = re.compile(r"<[^<>]*>")
KNOWN = {
    "hint": ["; did you mean 'this'?"],
    "defined": ["it has this", "it has none at all"],
    "differ": ["the only element differs", "<2> of <3> elements differ; first at [<>]"],
    "outside": [
        "the only element lies outside its bound",
        "<2> of <3> elements lie outside their bound; first at [<>]",
    ],
    "because": ["", ": <why>"],
    "how": ["took longer than <1> s", "closed the channel of its process", "was killed by signal <1>"],
    "junk": ["its answer makes no sense"],
    "defect": ["raised <1>", "returned too much"],
}
"""Gaps that hold one of a few texts."""


def texts(node):
    """Return what an expression can be, with names in the place of what is only known at run time."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return ["".join(parts) for parts in product(*map(texts, values))]
        case ast.FormattedValue(value=ast.IfExp() as choice):
            return texts(choice)
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="nearest"))):
            return ["", "; did you mean 'this'?"]
        case ast.FormattedValue(value=ast.Call(func=ast.Attribute(attr="complaint" | "_because"))):
            return ["", ": <why>"]
        case ast.FormattedValue(value=ast.Attribute(attr="said")):
            return ["", ": <why>"]
        case ast.FormattedValue(value=ast.Name(id=name)) if name in KNOWN:
            return KNOWN[name]
        case ast.IfExp(body=one, orelse=other):
            return texts(one) + texts(other)
        case ast.BinOp(left=left, right=right):
            return ["".join(both) for both in product(texts(left), texts(right))]
        case _:
            return [f"<{node.lineno}.{node.col_offset}>"]


def said_in(files, errors, asserted=False):
    """Return what the errors of these kinds say that a file raises, and what its assertions say."""
    found = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Raise(exc=ast.Call(func=kind, args=[text, *_])) if ast.unparse(kind) in errors:
                    before = {"Junk": "conv2d: ", "Ended": "conv2d ", "_Defect": "conv2d "}.get(ast.unparse(kind), "")
                case ast.Assert(msg=ast.AST() as text) if asserted:
                    before = ""
                case _:
                    continue
            if isinstance(text, ast.Constant | ast.JoinedStr | ast.BinOp):
                found |= {f"{file.name}:{node.lineno}: {one}": before + one for one in texts(text)}
    return {where: text for where, text in found.items() if not any(part in text for part in NOT_SAID)}


def untold(found):
    """Return those of them that are not told in Chinese, or lose what is only known at run time."""
    return [
        where
        for where, text in found.items()
        if GAP.sub("", text).strip(", :")  # without a word of its own it is what Python says
        if (chinese := in_chinese(text)) is None or any(gap not in chinese for gap in GAP.findall(text))
    ]


def test_every_reason_of_the_references_is_told_in_chinese():
    found = said_in(REASONS, ("ValueError", "TypeError", "error"))

    assert len(found) > 90
    assert untold(found) == []


def test_everything_that_a_comparison_says_is_told_in_chinese():
    found = said_in(COMPARISONS, ("AssertionError",), asserted=True)

    assert len(found) > 15
    assert untold(found) == []


def test_everything_that_is_said_of_a_subject_is_told_in_chinese():
    found = said_in(CONTRACT, ("NotOffered", "NotAvailable", "SubjectFailed", "SubjectEnded", *CHANNEL))

    assert len(found) > 60
    assert untold(found) == []


ANSWERS = {
    "no array": (None, np.zeros(2), 0.0, "float64"),
    "an array": (np.zeros(2), None, 0.0, "float64"),
    "a list": ([0.0], np.zeros(1), 0.0, "float64"),
    "another shape": (np.zeros(3), np.zeros(2), 0.0, "float64"),
    "another dtype": (np.zeros(2, np.float32), np.zeros(2), 0.0, "float64"),
    "no numbers": (np.array(["a", "b"]), np.zeros(2), 0.0, ""),
    "one of one": (np.ones(1), np.zeros(1), 0.0, "float64"),
    "one of two": (np.array([0.0, 1.0]), np.zeros(2), 0.0, "float64"),
    "outside, one of one": (np.ones(1), np.zeros(1), 0.5, "float64"),
    "outside, two of two": (np.ones(2), np.zeros(2), 0.5, "float64"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_whatever_is_wrong_with_an_answer_is_told_in_chinese(case):
    english = answers.complaint("grad_input", *ANSWERS[case])

    chinese = in_chinese(english)

    assert english.startswith("grad_input: ")
    assert chinese is not None
    assert chinese.startswith("grad_input：")
    assert not any(word in chinese for word in ("got", "expected", "element", "bound", "error"))


@pytest.mark.parametrize(
    "judgement",
    [
        judging.Judgement(Call("relu", {}, "float32"), 1, refusal="input has dtype bool, expected one of float32"),
        judging.Judgement(Call("relu", {}, "float32", written=("input",)), 1),
        judging.Judgement(Call("relu", {}, "float32", shared=("input", "out")), 1),
        judging.Judgement(Call("relu", {}, "float32", error="SubjectFailed: relu raised SystemExit: 1"), 1),
        judging.Judgement(Call("relu", {}, "float32", error="SubjectEnded: relu took longer than 2 s"), 1),
        judging.Judgement(Call("relu", {}, "float32"), 1, said="output: got 2 results, expected 1"),
    ],
    ids=["a refusal", "written", "shared", "failed", "ended", "results"],
)
def test_whatever_is_wrong_with_a_call_is_told_in_chinese(judgement):
    chinese = told(judgement.complaint, "zh")

    assert chinese.startswith(("relu ", "output：", "the answer")) or "relu" in chinese
    assert not any(word in chinese for word in ("answered", "wrote", "shares", "took", "raised", "results", "expected"))


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (lambda: assert_equal(np.zeros(2), np.ones(2)), "2 个元素中有 2 个不同；第一个在 [0]：得到 0.0，应为 1.0"),
        (lambda: assert_equal(np.zeros(1), np.ones(1)), "唯一的元素不同：得到 0.0，应为 1.0"),
        (lambda: assert_equal(np.zeros((1, 2)), np.ones(2)), "得到的形状是 (1, 2)，应为 (2,)"),
        (
            lambda: assert_within(np.zeros(2), Approximation(np.array([0.0, 3.0]), np.full(2, 0.5)), "float64"),
            "2 个元素中有 1 个超出上界；第一个在 [1]：得到 0.0，精确值 3.0，误差 3，上界 0.5",
        ),
    ],
    ids=["differ", "differs", "shape", "outside"],
)
def test_what_a_comparison_says_reads_as_chinese(comparison, said):
    with pytest.raises(AssertionError) as failure:
        comparison()

    assert told(f"AssertionError: {failure.value}", "zh") == said


SENTENCE = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")
"""Three English words in a row, which are no name."""


@pytest.mark.slow
def test_an_exercise_in_chinese_has_no_sentence_in_english(tmp_path):
    file = tmp_path / "my_layers.py"
    file.write_text(STUDENT.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "spec_tests", "--subject", str(file), "--exercise", "--language", "zh"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}

    done = subprocess.run([*command, "--only", "relu"], capture_output=True, env=environment, cwd=tmp_path, check=False)

    said = done.stdout.decode()
    assert done.returncode == 1, said + done.stderr.decode()
    assert "relu（第 2.3 节）" in said
    assert "要求：ReLU 拒绝没有大小顺序的类型" in said
    assert "relu 给出了结果，应当拒绝：input 的 dtype 是 bool" in said
    assert SENTENCE.findall(said) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--subject", "nowhere.py"], "没有文件 nowhere.py"),
        (["--subject", "reference"], "--exercise 用于你自己的文件"),
    ],
    ids=["no file", "no file of one's own"],
)
def test_what_cannot_be_exercised_is_said_in_chinese(tmp_path, options, said):
    command = [sys.executable, "-m", "spec_tests", *options, "--exercise", "--language", "zh"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}

    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, check=False)

    assert done.returncode == 4
    assert said in done.stderr.decode()


def test_what_somebody_elses_function_raises_stays_as_it_is():
    message = "TypeError: input has dtype bool, expected one of float32"

    assert told(message, "zh") == message
    assert told(f"relu raised {message}", "zh") == f"relu 抛出了 {message}"
    assert told("relu raised AttributeError: 'int' object has no attribute 'x'", "zh").endswith(" has no attribute 'x'")
    assert told("assert (2, 3) == (3, 2)", "zh") == "assert (2, 3) == (3, 2)"


def test_in_english_a_complaint_is_what_it_was():
    assert told("output: got shape (1,), expected (2,)", "en") == "output: got shape (1,), expected (2,)"


def test_no_complaint_is_registered_twice_and_no_gap_gets_lost():
    rows = [
        line.split("\t")
        for line in complaints.FILE.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]

    english = [row[0] for row in rows]
    assert {len(row) for row in rows} == {2}
    assert len(set(english)) == len(english)
    for english, chinese in rows:
        gaps, kept = ({name for name, _ in complaints.PART.findall(text)} for text in (english, chinese))
        assert kept == gaps - ({"kind"} if english.startswith("spec_tests.") else set()), english


def test_a_long_text_full_of_colons_is_no_complaint():
    text = "place: " * 2000 + "an array"

    assert told(text, "zh") == text
