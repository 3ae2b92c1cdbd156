"""The command that runs the default run again and again: what it draws, notes, goes on with, and says of a failure."""

import json
import os
from importlib.util import find_spec

import pytest

from spec_tests.strength.repeats import __main__ as repeats
from spec_tests.strength.repeats import journal, running, settings

pytestmark = pytest.mark.tooling
needs_random_order = pytest.mark.skipif(
    find_spec("random_order") is None, reason="pytest-random-order is not installed"
)

SUITE = """
import os
import pytest

@pytest.mark.parametrize("number", range(20))
def test_passes(number):
    pass

def test_is_in_utc():
    assert os.environ["TZ"] == "UTC"
"""
IN_SHANGHAI = list(settings.choices()).index("time zone") + 1
"""The number of the run in which nothing but the time zone is unusual."""


@pytest.fixture
def project(tmp_path):
    """A project whose only failure is one in other time zones."""
    folder = tmp_path / "project"
    (folder / "spec_tests").mkdir(parents=True)
    (folder / "spec_tests" / "test_a.py").write_text(SUITE, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -rfE\n", encoding="utf-8")
    return folder


def row(number, outcome=journal.PASSED, **options):
    values = {"setting": {}, "versions": {"python": "3"}, "commit": "123456789012", "failures": [], "seconds": 1.5}
    return journal.Row(
        **{
            **values,
            "number": number,
            "seed": 0,
            "examples": 7,
            "outcome": outcome,
            "passed": 21,
            "failed": 0,
            **options,
        }
    )


# What is drawn


@pytest.mark.parametrize("number", [1, 5, 40, 77])
def test_a_run_of_the_same_number_and_seed_has_the_same_setting(number):
    assert settings.setting(number, 3) == settings.setting(number, 3) != settings.setting(number, 4)


def test_the_first_runs_are_unusual_in_one_way_each():
    first = [settings.setting(number, 0).unusual() for number in range(1, len(settings.choices()) + 1)]

    assert [list(unusual) for unusual in first] == [[name] for name in settings.choices()]


def test_a_hundred_runs_make_every_choice():
    made = {choice for number in range(1, 101) for choice in settings.setting(number, 0).chosen.items()}

    assert made == {(name, choice) for name, those in settings.choices().items() for choice in those}


# What is run


def chosen(**choices):
    return settings.Setting(7, 8, {**settings.setting(1, 0).chosen, "order": "of the document", **choices})


def test_what_the_environment_says_of_the_setting_does_not_reach_a_run(monkeypatch):
    for name in ("TZ", "LC_TIME", "PYTEST_ADDOPTS", "CI", "PYTHONHASHSEED"):
        monkeypatch.setenv(name, "of this machine")

    found = running.environment(chosen(locale="C"))

    assert "of this machine" not in found.values()
    assert (found["LC_ALL"], found["TZ"], found["OMP_NUM_THREADS"]) == ("C", "UTC", "1")


@pytest.mark.parametrize("locale", [*settings.LOCALES, "as it is"])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_several_processes_get_what_they_ask_for_where_a_locale_lacks_letters(monkeypatch, processes, locale):
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "utf-8")
    found = running.environment(chosen(locale=locale, processes=processes, folder=settings.IN_CHINESE))

    assert found.get("PYTHONUTF8") == ("1" if (processes, locale) == ("2", "zh_CN.GBK") else None)


@pytest.mark.slow
@pytest.mark.skipif(not settings.can_forbid_writing(), reason="here everything can be written")
def test_a_read_only_project_cannot_be_written(project):
    text = "def test_writes(): open(__file__, 'a')\n"
    (project / "spec_tests" / "test_a.py").write_text(text, encoding="utf-8")

    results = [running.run(project, chosen(project=mode), ["spec_tests"]) for mode in ("writable", "read-only")]

    assert [result.code for result in results] == [0, 1]
    assert "PermissionError" in results[1].text
    assert (project / "spec_tests" / "test_a.py").read_text(encoding="utf-8") == text


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no umask")
def test_a_run_gets_its_folder_umask_and_input(project):
    text = f"""
import os, sys
def test_is_as_chosen():
    assert "{settings.IN_CHINESE}" in __file__ and "{settings.IN_CHINESE}" not in os.getcwd()
    assert os.umask(0) == 0o077
    assert sys.stdin is None or sys.__stdin__ is None
"""
    (project / "spec_tests" / "test_a.py").write_text(text, encoding="utf-8")
    here = chosen(folder=settings.IN_CHINESE, started="elsewhere", umask="077", input="closed")

    result = running.run(project, here, ["spec_tests"])

    assert result.counts == {"passed": 1}, result.text


def test_the_counts_are_those_of_the_last_line():
    before = "1 failed in the past\nFAILED a.py::test_a[x y] - AssertionError: 1 - 2\n"
    last = "== 1 failed, 20 passed, 3 skipped in 2.05s (0:00:02) ==\n"

    result = running.Result(1, before + last, 2.1)

    assert result.counts == {"failed": 1, "passed": 20, "skipped": 3}
    assert result.failed == ["a.py::test_a[x y]"]


def test_a_run_that_was_started_elsewhere_names_a_failing_test_as_any_other():
    result = running.Result(1, f"FAILED ../{settings.IN_CHINESE}/wt/spec_tests/a.py::test_a - assert 0\n", 0.1)

    assert result.failed == ["spec_tests/a.py::test_a"]


def test_a_run_that_fails_without_a_failing_test_says_its_status_and_last_line():
    assert running.Result(4, "ERROR: no such option\n", 0.1).failed == ["pytest's status 4: ERROR: no such option"]


# What is noted


def test_a_journal_returns_what_was_added_to_it(tmp_path):
    rows = [row(1), row(2, journal.FAILED, failures=['a.py::test_a["x"\t]'], setting={"folder": settings.IN_CHINESE})]

    for one in rows:
        journal.add(tmp_path / "new" / "journal.tsv", one)

    assert journal.read(tmp_path / "new" / "journal.tsv", 0) == rows
    assert journal.read(tmp_path / "new" / "journal.tsv", 1) == []


def test_a_failure_that_passes_when_it_is_repeated_is_mended():
    rows = [row(1), row(2, journal.FAILED, failed=1, failures=["a.py::test_a"]), row(2)]

    before, after = journal.figures(rows[:2], "repeat"), journal.figures(rows, "repeat")

    assert (before["passed"], [failure["repeat"] for failure in before["failures"]]) == (
        1,
        ["repeat --seed 0 --again 2"],
    )
    assert (after["passed"], after["failures"], len(after["mended"])) == (2, [], 1)
    assert (after["runs"], after["tests"]) == (2, 42)


@needs_random_order
@pytest.mark.slow
def test_runs_go_on_where_the_journal_ends_and_say_what_repeats_a_failure(project, capsys):
    stored = project / "docs" / "strength"
    assert repeats.main(["--runs", str(IN_SHANGHAI - 1)], project) == 0
    known = (stored / "repeats.tsv").read_text(encoding="utf-8")

    assert repeats.main(["--runs", str(IN_SHANGHAI)], project) == 1

    assert (stored / "repeats.tsv").read_text(encoding="utf-8").startswith(known)
    (failure,) = json.loads((stored / "repeats.json").read_text(encoding="utf-8"))["failures"]
    assert failure["failures"] == ["spec_tests/test_a.py::test_is_in_utc"]
    assert failure["setting"] == {"time zone": "Asia/Shanghai"}
    printed = capsys.readouterr().out
    assert printed.count(f"run {IN_SHANGHAI} failed") == 1
    assert f'{failure["repeat"]} --tests "{failure["failures"][0]}"' in printed

    again = failure["repeat"].split()[3:]
    assert repeats.main([*again, "--tests", *failure["failures"]], project) == 1
    assert "1 failed in" in capsys.readouterr().out
