"""How strong the specification is: the defects that rules make, the run that plants them, and a sample of both."""

import json
import os
import random
import re

import numpy as np
import pytest

import reference
from spec_tests import subjects
from spec_tests.strength import journal, results, selecting, witnesses
from spec_tests.strength.__main__ import main, planted
from spec_tests.strength.planting import ORDER, Outcome, order, plant
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.wrong_implementations import WRONG, generated
from spec_tests.wrong_implementations.generated.call import functions

pytestmark = pytest.mark.tooling

CAUGHT = Outcome("flips_the_kernel", "test_a.py::test_b[conv2d]", 0.5, 3)
SURVIVES = Outcome("leaks", "", 2.0, 70)


def test_rules_make_at_least_1000_defects_of_every_function():
    made = generated.names()

    assert len(set(made)) == len(made) >= 1000
    assert {name.partition("/")[0] for name in made} == set(functions())


def test_300_defects_are_written_by_hand_and_60_of_them_modelled_on_reports():
    reports = [wrong.report for wrong in WRONG.values() if wrong.report]

    assert len(WRONG) >= 300
    assert len(set(reports)) >= 60
    assert [report for report in reports if not re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", report)] == []


def test_a_defect_that_a_rule_makes_is_a_subject():
    subject = subjects.load("wrong:generated:linear/output/loses_its_axes_of_1")
    input, weight = np.ones((1, 3)), np.ones((4, 3))

    np.testing.assert_array_equal(subject.linear(input, weight), reference.linear(input, weight)[0])


def test_a_defect_under_a_condition_is_right_elsewhere():
    wrong = generated.generated("relu/output/has_the_wrong_sign/when/width=3").function

    np.testing.assert_array_equal(wrong(np.ones(3)), -np.ones(3))
    np.testing.assert_array_equal(wrong(np.ones(4)), np.ones(4))


def test_an_unknown_name_is_no_subject():
    with pytest.raises(subjects.NotAvailable, match="no wrong implementation 'generated:relu/x/y'"):
        subjects.load("wrong:generated:relu/x/y")


@pytest.mark.slow
def test_every_defect_of_a_sample_differs_from_what_is_right_on_some_call():
    names = random.Random(0).sample(generated.names(), 60)
    small = [name for name in names if not name.startswith("conv")]

    assert [name for name in small if witnesses.witness(name) is None] == []


def test_what_is_accepted_is_a_defect_and_has_a_reason():
    planted = set(selecting.selected(named=True, made=True))

    assert {name: reason for name, reason in selecting.known().items() if name not in planted or not reason} == {}


def test_the_tests_that_go_first_are_known_by_a_table_of_counts():
    assert ORDER.is_file()
    assert all(count > 0 for count in order().values())


def test_a_sample_is_chosen_by_its_seed():
    one, same, other = (selecting.selected(False, False, (), 50, seed) for seed in (1, 1, 2))

    assert one == same != other
    assert len(set(one)) == 50


def test_defects_are_shared_out_by_operation_and_none_is_lost():
    names = selecting.selected(named=True, made=False)
    parts = selecting.shares(names, 3)

    assert sorted(name for part in parts for name in part) == sorted(names)
    operations = [{selecting.operation_of(WRONG[name].operation) for name in part} for part in parts]
    assert not set.intersection(*operations)


@pytest.mark.parametrize(
    "left",
    [
        b'{"defect": "leaks", "caught_by": "\xe4',
        b"[]\n",
        b'{"defect": "leaks"}\n',
        b'{"defect": "leaks", "caught_by": "", "seconds": NaN, "tests": 1, "last": 0.0}\n',
        b'{"defect": "leaks", "caught_by": "", "seconds": 1.0, "tests": "1", "last": 0.0}\n',
        b'{"defect": "leaks", "caught_by": "", "seconds": 1.0, "tests": 1, "last": 0.0, "more": 1}\n',
    ],
)
def test_a_line_of_a_journal_that_says_nothing_is_passed_over(tmp_path, left):
    file = tmp_path / "journal.jsonl"
    journal.write(file, CAUGHT)
    file.write_bytes(file.read_bytes() + left)

    assert journal.read(file) == {"flips_the_kernel": CAUGHT}
    journal.write(file, SURVIVES)
    assert journal.read(file) == {"flips_the_kernel": CAUGHT, "leaks": SURVIVES}


def test_a_journal_keeps_what_was_written_before_it_broke_off(tmp_path):
    file = tmp_path / "journal.jsonl"
    journal.write(file, CAUGHT)
    journal.write(file, SURVIVES)
    with file.open("a", encoding="utf-8") as broken:
        broken.write('{"defect": "half a li')

    assert journal.read(file) == {"flips_the_kernel": CAUGHT, "leaks": SURVIVES}


def test_a_result_counts_by_operation_and_kind_and_names_what_survives():
    result = results.stored({"flips_the_kernel": CAUGHT, "leaks": SURVIVES}, 1.0, "")

    assert result["named"] == {"caught": 1, "planted": 2}
    assert result["by operation"] == {"conv2d": {"caught": 1, "planted": 1}, "relu": {"caught": 0, "planted": 1}}
    assert result["survivors"] == ["leaks"]
    assert "not caught: leaks" in results.told(result)


def test_an_unknown_operation_is_refused_in_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["--operations", "conv9d"])

    assert "there is no operation conv9d" in capsys.readouterr().err


SAMPLE = 60
SEED = os.environ.get("STRENGTH_SEED", "1")
"""Which sample; whoever sets the variable to the date has another one every day."""


@pytest.mark.slow
def test_a_sample_of_defects_is_caught():
    seed = int(SEED)
    names = selecting.selected(False, False, (), SAMPLE, seed)
    outcomes = []

    plant({name: selecting.defect(name) for name in names}, outcomes.append)

    print(f"to repeat this sample: python -m spec_tests.strength --sample {SAMPLE} --seed {seed}")
    assert len(outcomes) == len(names)
    assert results.survivors(outcomes) == []


@pytest.mark.slow
def test_the_command_stores_what_it_found_and_goes_on_where_it_was_broken_off(tmp_path):
    file, out = tmp_path / "journal.jsonl", tmp_path / "out.json"
    known = Outcome("does_nothing", "as the journal says", 0.0, 0)
    journal.write(file, known)

    code = main(["--named", "--operations", "relu", "--journal", str(file), "--out", str(out)])

    stored = json.loads(out.read_text(encoding="utf-8"))
    assert (code, stored["survivors"]) == (0, [])
    assert stored["defects"]["does_nothing"]["caught by"] == "as the journal says"
    assert stored["named"]["planted"] == sum(
        selecting.operation_of(wrong.operation) == "relu" and name not in selecting.accepted()
        for name, wrong in WRONG.items()
    )


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("name", ["journal.jsonl", "journal.7.jsonl"])
def test_what_any_process_of_any_run_has_noted_is_not_found_out_again(tmp_path, name, processes):
    journal.write(tmp_path / name, CAUGHT)
    tmp_path.joinpath("journal.7.txt").write_text("of somebody else", encoding="utf-8")

    assert planted([CAUGHT.defect], tmp_path / "journal.jsonl", processes) == {CAUGHT.defect: CAUGHT}


@pytest.mark.slow
def test_the_processes_of_a_run_keep_apart_what_they_are_asked_and_what_they_note(tmp_path):
    file, names = tmp_path / "journal.txt", ["does_nothing", "flips_the_kernel"]

    found = planted(names, file, processes=2)

    assert list(found) == names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.0.txt", "journal.1.txt"]
    assert planted(names, file, processes=1) == found


def test_every_operation_has_defects():
    planted = {selecting.operation_of(selecting.function_of(name)) for name in selecting.selected(True, True)}

    assert {*OPERATIONS, *OPTIMIZERS, *TRANSFORMS} <= planted
