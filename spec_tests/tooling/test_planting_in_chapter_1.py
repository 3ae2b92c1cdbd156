"""Every defect that is planted in loaders, data sets, samplers and random transforms is caught by the test it names."""

import multiprocessing

import pytest

from spec_tests.tooling.planting_in_chapter_1 import DEFECTS, FILES, ROOT, caught

pytestmark = pytest.mark.tooling


def test_no_two_planted_defects_have_one_name():
    names = [defect.program.name for defect in DEFECTS]

    assert len(set(names)) == len(names)


def test_the_tests_that_catch_planted_defects_exist():
    text = "".join(file.read_text("utf-8") for pattern in FILES for file in ROOT.glob(pattern))

    assert [defect.caught_by for defect in DEFECTS if f"def {defect.caught_by}(" not in text] == []


@pytest.mark.slow
@pytest.mark.skipif(
    multiprocessing.get_all_start_methods()[0] != "fork", reason="workers that are not forked know no defect"
)
def test_every_planted_defect_is_caught_by_the_test_that_it_names():
    found = caught()

    assert [name for name, test in found.items() if not test] == []
    assert len(found) == len(DEFECTS)
