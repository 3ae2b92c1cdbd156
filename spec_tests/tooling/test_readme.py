"""The two README files: their examples run, and both give the same commands and figures."""

import doctest
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[2]
READMES = ["README.md", "README.zh.md"]
LARGEST_PICTURE = 300_000  # bytes


@pytest.mark.parametrize("name", READMES)
def test_the_examples_of_the_readme_run(name):
    results = doctest.testfile(str(FOLDER / name), module_relative=False, encoding="utf-8")

    assert results.attempted == 5
    assert results.failed == 0


@pytest.mark.parametrize("name", READMES)
def test_the_pictures_of_the_readme_are_there_and_small(name):
    pictures = [FOLDER / path for path in re.findall(r"!\[[^]]+\]\((docs/[^)]+)\)", read(name))]

    assert [path.name for path in pictures] == [f"report{'.zh' * ('zh' in name)}.png"]
    assert all(path.stat().st_size < LARGEST_PICTURE for path in pictures)


def test_both_languages_give_the_same_code():
    english, chinese = (re.findall(r"```\w+\n.*?```", read(name), re.DOTALL) for name in READMES)

    assert english == chinese


def read(name):
    """Return the text of a README."""
    return (FOLDER / name).read_text(encoding="utf-8")
