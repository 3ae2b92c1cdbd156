"""Every defect that is planted in loaders, data sets, samplers and random transforms is caught by the test it names."""

import multiprocessing
import subprocess
import sys

import pytest

from spec_tests.tooling import planting_in_chapter_1 as planting

pytestmark = pytest.mark.tooling


def test_no_two_planted_defects_have_one_name():
    names = [defect.program.name for defect in planting.DEFECTS]

    assert len(set(names)) == len(names)


def test_the_tests_that_catch_planted_defects_exist():
    files = [file for pattern in planting.FILES for file in planting.ROOT.glob(pattern)]
    text = "".join(file.read_text("utf-8") for file in files)

    assert [defect.caught_by for defect in planting.DEFECTS if f"def {defect.caught_by}(" not in text] == []


@pytest.mark.slow
@pytest.mark.skipif(
    multiprocessing.get_all_start_methods()[0] != "fork", reason="workers that are not forked know no defect"
)
def test_every_planted_defect_is_caught_by_the_test_that_it_names():
    command = [sys.executable, "-m", planting.__name__]

    ended = subprocess.run(command, cwd=planting.ROOT.parent, capture_output=True, text=True, check=False)

    *_, counted = ended.stdout.splitlines() or [ended.stderr]
    assert (ended.returncode, counted) == (0, f"caught {len(planting.DEFECTS)} of {len(planting.DEFECTS)}")
