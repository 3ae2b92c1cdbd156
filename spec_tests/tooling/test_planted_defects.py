"""Each claim that is computed has a planted defect that turns it: the table says so, and with --slow it is measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spec_tests.tooling import planted
from spec_tests.tooling.planted import CHANGES
from spec_tests.vocabulary.claims import register

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("STRENGTH_SEED", "1"))
"""Which third of the defects is measured; whoever sets the variable to the date measures another one every day."""


def test_the_table_has_a_row_for_each_claim_in_their_order():
    assert [*planted.table()] == [*register()]


def test_each_claim_is_turned_by_a_defect_or_says_why_by_none():
    holes = [id for id, defects in planted.table().items() if not defects and not planted.reason(register()[id])]

    assert holes == []


def test_a_claim_that_is_computed_and_executed_has_no_excuse():
    computed = [c for c in register().values() if c.kind in planted.MEASURED and c.runs_by_default]

    assert {planted.reason(claim) for claim in computed} == {""}
    assert [claim.id for claim in computed if not planted.table()[claim.id]] == []


def test_the_table_names_only_defects_that_exist():
    assert len(set(planted.ALL)) == len(planted.ALL)
    assert {name for defects in planted.table().values() for name in defects} <= {*planted.ALL}


@pytest.mark.parametrize("program", CHANGES, ids=[program.name for program in CHANGES])
def test_a_changed_program_turns_each_of_the_claims_that_it_is_made_for(program):
    assert [id for id in program.claims if program.name not in planted.table()[id]] == []


@pytest.mark.slow
def test_measured_again_the_defects_turn_the_claims_that_the_table_says():
    command = [sys.executable, "-m", planted.__name__, "--check", "--third", str(SEED % 3)]

    measured = subprocess.run(command, cwd=ROOT, check=False)

    assert measured.returncode == 0
