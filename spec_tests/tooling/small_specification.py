"""A specification of a few lines, with claims of its own, for tests of what a run does with one."""

from itertools import count
from pathlib import Path

import pytest

import spec_tests.report.book.chapters  # noqa: F401  # takes the document's register, before another one replaces it
from spec_tests.run import selection
from spec_tests.vocabulary import claims, ledger

PROJECT = Path(__file__).parents[2]
REGISTER = {
    "2.2.t": claims.Claim("2.2.t", "2.2", "prose", "true", en="A true claim.", zh=""),
    "2.2.f": claims.Claim("2.2.f", "2.2", "number", "false", en="A false claim.", zh="", printed=1, corrected=2),
    "2.3.u": claims.Claim("2.3.u", "2.3", "prose", "uncheckable", en="A claim.", zh="", reason_en="Who could tell?"),
}


NUMBER = count()
"""Every file gets a name of its own: Python imports a module once."""


def small_specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that takes the specification's place, with the register above and a ledger of its own."""
    folder = tmp_path / "spec_tests"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selection, "ROOT", folder)
    monkeypatch.setattr(claims, "register", lambda: REGISTER)
    monkeypatch.setattr(ledger, "_entries", {})
    monkeypatch.setattr(ledger, "_current", None)
    return folder
