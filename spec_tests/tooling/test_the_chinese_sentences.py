"""The tests' names in Chinese: every test has a sentence, and every sentence a test."""

import re
from collections import Counter
from pathlib import Path

import pytest

from spec_tests.vocabulary.names_of_tests import in_chinese, rows, sentence

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[1]
FUNCTION = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [a-z]{2,}){2,}")
"""Three English words in a row, which are no name."""


def names_of_tests():
    """Return all test functions of the specification as the register writes them."""
    return {
        f"{file.stem}::{name}"
        for file in ROOT.glob("test_*.py")
        for name in FUNCTION.findall(file.read_text(encoding="utf-8"))
    }


def test_every_test_has_a_chinese_sentence_and_every_sentence_its_test():
    assert in_chinese().keys() == names_of_tests()


def test_no_test_has_two_chinese_sentences():
    assert [test for test, count in Counter(test for test, _ in rows()).items() if count > 1] == []


def test_no_two_tests_of_a_file_have_the_same_sentence():
    said = Counter((test.partition("::")[0], text) for test, text in rows())

    assert [both for both, count in said.items() if count > 1] == []


def test_every_sentence_is_chinese():
    assert [text for _, text in rows() if not CHINESE.search(text)] == []
    assert [text for _, text in rows() if ENGLISH.search(text)] == []
    assert [text for _, text in rows() if text != text.strip() or text.endswith(("。", "."))] == []


def test_chinese_and_latin_letters_are_set_apart_as_everywhere_here():
    letters = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")

    assert [text for _, text in rows() if letters.search(text)] == []
    assert [text for _, text in rows() if re.search(r"[\u4e00-\u9fff] ?[,;:?]", text)] == []


def test_the_decimal_points_of_a_chinese_sentence_are_in_the_english_one():
    lost = [
        (number, said)
        for test, text in rows()
        for said in [sentence("{}.py::{}".format(*test.split("::")))]
        for number in re.findall(r"\d+\.\d+", text)
        if re.search(rf"\b{number.replace('.', ' ')}\b", said)
    ]

    assert lost == []
    assert sentence("test_2_6_3_cross_entropy.py::test_the_loss_of_model_2_is_0_639") == "the loss of model 2 is 0.639"
    assert sentence("test_x.py::test_9_8_9_is_right") == "9 8 9 is right"


def test_the_numbers_of_a_name_are_in_its_sentence():
    numbers = re.compile(r"(?<![a-z0-9_.])\d+(?:_\d{3})*(?![a-z0-9])")
    lacking = [
        (test, text)
        for test, text in rows()
        for number in numbers.findall(test.partition("::test_")[2].replace("_by_", " by "))
        if number.replace("_", "") not in text.replace(" ", "")
    ]

    assert lacking == []


@pytest.mark.parametrize(
    ("language", "said"), [("en", "a name that is not there [float32]"), ("zh", "a name that is not there [float32]")]
)
def test_a_test_without_a_sentence_keeps_its_name(language, said):
    assert sentence("elsewhere/test_mine.py::test_a_name_that_is_not_there[float32]", language) == said


def test_a_case_is_named_behind_the_sentence():
    assert sentence("spec_tests/test_2_3_activation.py::test_relu_never_falls[::x]", "zh") == "ReLU 从不下降 [::x]"
