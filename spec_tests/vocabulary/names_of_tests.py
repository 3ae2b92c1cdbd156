"""The names of the tests as sentences, in English and Chinese (`test_names_zh.tsv`).

In English a name is its own sentence, with the decimal points that a name cannot have: those of its numbers in Chinese.
In Chinese each was written by hand; a test without a sentence there, such as one of somebody else's, keeps its English
one.
"""

import re
from functools import cache
from pathlib import Path, PurePosixPath

FILE = Path(__file__).with_name("test_names_zh.tsv")


def sentence(test: str, language: str = "en") -> str:
    """Return the name of a test as a sentence, followed by its case if it names one.

    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity[max_pool2d-float32]")
    'nan beats infinity [max_pool2d-float32]'
    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity", "zh")
    'NaN 胜过无穷大'
    >>> sentence("spec_tests/test_2_6_3_cross_entropy.py::test_the_loss_of_model_2_is_0_639")
    'the loss of model 2 is 0.639'
    """
    whole, bracket, case = test.partition("[")
    file, _, name = whole.rpartition("::")
    chinese = in_chinese().get(f"{PurePosixPath(file).stem}::{name}", "")
    said = (
        chinese if language == "zh" and chinese else _with_points(name.removeprefix("test_").replace("_", " "), chinese)
    )
    return said + (f" [{case}" if bracket else "")


def _with_points(english: str, chinese: str) -> str:
    """Return a sentence with the decimal points of the Chinese one: "is 0 639" and 0.639 there becomes "is 0.639"."""
    for number in sorted(set(re.findall(r"\d+(?:\.\d+)+", chinese)), key=len, reverse=True):
        english = re.sub(rf"\b{number.replace('.', ' ')}\b", number, english)
    return english


@cache
def in_chinese() -> dict[str, str]:
    """Return the Chinese sentence of every test, by its file's stem and its function: `test_3_layer_norm::test_...`."""
    return dict(rows())


def rows() -> list[tuple[str, str]]:
    """Return the lines of the register, each a test and its sentence."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return [(test, said) for test, _, said in (line.partition("\t") for line in lines)]
