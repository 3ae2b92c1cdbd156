"""The two README files: their examples run, and both give the same commands and figures."""

import doctest
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[2]
READMES = ["README.md", "README.zh.md"]


@pytest.mark.parametrize("name", READMES)
def test_the_examples_of_the_readme_run(name):
    results = doctest.testfile(str(FOLDER / name), module_relative=False, encoding="utf-8")

    assert results.attempted == 5
    assert results.failed == 0


def test_both_languages_give_the_same_code():
    english, chinese = (re.findall(r"```\w+\n.*?```", read(name), re.DOTALL) for name in READMES)

    assert english == chinese


def read(name):
    """Return the text of a README."""
    return (FOLDER / name).read_text(encoding="utf-8")
