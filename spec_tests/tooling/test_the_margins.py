"""The bounds are narrow enough to tell an error of 1 %, and how near torch comes to them is kept by version."""

from dataclasses import replace

import pytest

from spec_tests.report import surroundings
from spec_tests.strength import margins
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.operations import OPERATIONS

pytestmark = pytest.mark.tooling

STORED = sorted(margins.FOLDER.glob("torch-*.tsv"))
MARGIN = margins.Margin("linear", "output", "float32", cases=2, nearest=0.5, narrowest=1e-5, widest=0.02)


def stored(file):
    return margins.read(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_no_stored_bound_would_let_an_error_of_a_hundredth_pass(file):
    assert [margin for margin in stored(file) if margin.lets_a_hundredth_pass] == []


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_in_a_stored_table_every_error_of_torch_is_within_its_bound(file):
    assert [margin for margin in stored(file) if not 0 <= margin.nearest <= 1] == []


def test_the_table_of_the_installed_torch_has_every_operation_part_and_exact_format():
    file = margins.file_of(surroundings.installed()["torch"])
    if not file.exists():
        pytest.skip("no margins are stored for this version of torch")

    listed = {(margin.operation, margin.part, margin.dtype) for margin in stored(file)}

    assert {
        (name, part, dtype)
        for name, operation in OPERATIONS.items()
        for part in (exact.OUTPUT, *operation.gradients)
        for dtype in margins.EXACT_FORMATS
    } <= listed


@pytest.mark.parametrize(
    ("margin", "passes"),
    [
        (MARGIN, False),
        (replace(MARGIN, widest=1.0), True),
        (replace(MARGIN, widest=1.0, dtype="bfloat16"), False),
        (replace(MARGIN, operation="tanh", widest=1.0), False),
        (replace(MARGIN, operation="tanh", narrowest=1.0), True),
    ],
)
def test_a_sum_has_no_wide_bound_and_a_formula_some_narrow_one(margin, passes):
    assert margin.lets_a_hundredth_pass == passes


def test_a_table_of_margins_is_read_as_it_was_written():
    assert margins.read(margins.table([MARGIN, MARGIN])) == [MARGIN, MARGIN]


@pytest.mark.slow
def test_a_bound_that_has_become_too_wide_is_told(monkeypatch):
    forward, asked = exact.forward, ("--only=sigmoid:values", "--dtype=float32")

    def wide(*args):
        approximation = forward(*args)
        return Approximation(approximation.exact, approximation.bound + abs(approximation.exact) / 50)

    def told():
        return {margin.operation for margin in margins.measure(asked) if margin.lets_a_hundredth_pass}

    assert told() == set()
    monkeypatch.setattr(exact, "forward", wide)
    assert told() == {"sigmoid"}


@pytest.mark.slow
def test_no_bound_lets_an_error_of_a_hundredth_pass_on_the_cases_of_the_default_run():
    asked = f"--dtype={','.join(margins.EXACT_FORMATS)}"

    assert [margin for margin in margins.measure([asked]) if margin.lets_a_hundredth_pass] == []
