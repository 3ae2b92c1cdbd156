"""The errata ledger: every correction is well formed, and every numeric one is tested by a test that would notice."""

import inspect
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from spec_tests.vocabulary import claims
from spec_tests.vocabulary.batches import as_printed
from spec_tests.vocabulary.document_lines import LAST, NOTHING, document_lines
from spec_tests.vocabulary.results import VERDICTS

pytestmark = pytest.mark.tooling

REGISTER = claims.register()
NUMERIC = [claim.id for claim in REGISTER.values() if claim.printed is not None]


def specification_of(id):
    """Return the functions of the specification that carry this claim."""
    modules = [
        import_module(f"spec_tests.{path.stem}") for path in sorted(Path(__file__).parents[1].glob("test_[12]_*.py"))
    ]
    functions = [value for module in modules for name, value in vars(module).items() if name.startswith("test_")]
    return [f for f in functions for mark in getattr(f, "pytestmark", ()) if mark.name == "claim" and id in mark.args]


@pytest.mark.parametrize("id", NUMERIC)
def test_the_test_of_a_numeric_erratum_fails_if_given_the_printed_value(id, implementation, monkeypatch):
    (test,) = specification_of(id)
    form = {"form": as_printed} if "form" in inspect.signature(test).parameters else {}
    test(implementation, **form)

    believed = {**REGISTER, id: replace(REGISTER[id], corrected=REGISTER[id].printed)}
    monkeypatch.setattr(claims, "register", lambda: believed)

    with pytest.raises(AssertionError):
        test(implementation, **form)


def test_the_numeric_errata_all_come_from_the_worked_examples():
    assert NUMERIC == ["2.1.2.h", "2.1.2.i", "2.1.2.l", "2.2.o", "2.6.3.o"]


@pytest.mark.parametrize("id", REGISTER)
def test_every_claim_is_stated_and_if_wrong_corrected_in_both_languages(id):
    claim = REGISTER[id]

    assert claim.en and claim.zh
    assert (claim.verdict in VERDICTS, claim.needs in ("", *claims.NEEDS)) == (True, True)
    assert bool(claim.correction_en) == bool(claim.correction_zh) == claim.is_erratum
    assert bool(claim.reason_en) == bool(claim.reason_zh) == (not claim.runs_by_default and not claim.cites)
    assert claim.section in claims.SECTIONS
    assert claim.id.rpartition(".")[0] == claim.section
    SpecifierSet(claim.torch)


def test_each_line_of_the_document_is_accounted_for_exactly_once():
    lines = [line for row in document_lines() for line in range(row.first, row.last + 1)]

    assert lines == [*range(1, LAST + 1)]


def test_lines_name_claims_of_the_document_or_say_why_they_make_none():
    for row in document_lines():
        assert bool(row.claims) != bool(row.nothing)
        assert row.nothing in ("", *NOTHING)
        assert [id for id in row.claims if id not in REGISTER or REGISTER[id].ours] == []


def test_every_claim_of_the_document_has_its_lines():
    reached = {id for row in document_lines() for id in row.claims}

    assert reached == {id for id, claim in REGISTER.items() if not claim.ours}
