"""The names of the tests as sentences, in English and Chinese (`test_names_zh.tsv`).

In English a name is its own sentence. In Chinese each was written by hand; a test without a sentence there, such as one
of somebody else's, keeps its English one.
"""

from functools import cache
from pathlib import Path, PurePosixPath

FILE = Path(__file__).with_name("test_names_zh.tsv")


def sentence(test: str, language: str = "en") -> str:
    """Return the name of a test as a sentence, followed by its case if it names one.

    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity[max_pool2d-float32]")
    'nan beats infinity [max_pool2d-float32]'
    >>> sentence("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity", "zh")
    'NaN 胜过无穷大'
    """
    whole, bracket, case = test.partition("[")
    file, _, name = whole.rpartition("::")
    said = in_chinese().get(f"{PurePosixPath(file).stem}::{name}") if language == "zh" else None
    return (said or name.removeprefix("test_").replace("_", " ")) + (f" [{case}" if bracket else "")


@cache
def in_chinese() -> dict[str, str]:
    """Return the Chinese sentence of every test, by its file's stem and its function: `test_3_layer_norm::test_...`."""
    return dict(rows())


def rows() -> list[tuple[str, str]]:
    """Return the lines of the register, each a test and its sentence."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return [(test, said) for test, _, said in (line.partition("\t") for line in lines)]
