"""The pages of known deviations say what the registers say."""

import pytest

from spec_tests.tooling.deviations_page import CALLED, DOCS, FILES, entries, page

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.skipif(not DOCS.is_dir(), reason="an installed copy does not have the pages of docs"),
]


@pytest.mark.parametrize("language", FILES)
def test_the_page_of_deviations_is_that_of_the_registers(language):
    kept = (DOCS / FILES[language]).read_text(encoding="utf-8")

    assert kept == page(language), "write it again: python -m spec_tests.tooling.deviations_page"


def test_an_example_says_in_what_it_was_seen_and_what_would_be_right():
    for entry in entries():
        assert entry.package in CALLED
        assert entry.texts["versions"]
        assert bool(entry.program) == bool(entry.outcome[0])


def test_a_difference_is_told_apart_from_the_defects():
    before, _, apart = page("en").partition("\n## Differences that are no defects\n")

    for entry in entries():
        assert (f"`{entry.id}`" in apart) == entry.difference
        assert (f"### {entry.id}\n" in before or f"`{entry.id}`" in before) != entry.difference
