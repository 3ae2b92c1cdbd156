"""Known deviations of the subject of a run, as its expectation file has them (`contract/expectations.py`).

A test that the file lists, and that fails, is reported as the known deviation and does not count as passed. A deviation
of which all listed tests ran, at least one passed and none failed is gone: the run fails, and says which entry is to be
removed. That can only be known if every listed test was asked, on the examples that are always the same. Whatever was
selected, each deviation is asked for on its smallest example (`test_expectations.py`).
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from spec_tests import subjects
from spec_tests.contract.expectations import Deviation, Expectations
from spec_tests.contract.isolated import Isolated
from spec_tests.run import draws, hooks, selection
from spec_tests.run.asking import KNOWN
from spec_tests.run.ending import RUN
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.subject import REFUSALS, SubjectFailed

FILE = "test_expectations.py"
"""Where they are; without an expectation file it is not read."""
FAILURES = (AssertionError, SubjectFailed, RuntimeWarning, *REFUSALS)
"""What a known deviation may end in, NumPy's warning of a wrong number too; anything else is an error of a test."""


@dataclass
class Listed:
    """The tests of a run that the expectation file lists."""

    expected: Expectations
    tests: dict[str, list[str]] = field(default_factory=dict)
    """By the id of a deviation, the tests that it lists, whether or not they run."""
    all_read: bool = True
    """Whether of every file that was read all tests are known: nobody asked for a single one by its name."""
    files: frozenset[str] = frozenset()
    """The files that were read."""


LISTED = pytest.StashKey[Listed]()


def expected(config: pytest.Config) -> Expectations | None:
    """Return what is known of the subject of the run, or None."""
    try:
        return hooks.load_subject(config).expected
    except subjects.NotAvailable:  # the run stops when its tests are collected, and says why
        return None


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the file of the smallest examples alone if there are none."""
    is_ours = collection_path.name == FILE and collection_path.parent == selection.ROOT
    known = expected(config) if is_ours else None
    return True if is_ours and (known is None or not _with_an_example(known)) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a known deviation for each that the subject has in this version."""
    if KNOWN in metafunc.fixturenames:
        known = expected(metafunc.config)
        shown_here = [] if known is None else _with_an_example(known)
        metafunc.parametrize(KNOWN, shown_here, ids=[deviation.id for deviation in shown_here])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Find the tests that the file lists, before any is left out."""
    before = list(filter(selection.is_specification, items))
    result = yield
    known = expected(config) if before else None
    if known is not None:
        named = {_name(item): item.nodeid for item in before}
        listed = config.stash[LISTED] = Listed(
            known,
            {d.id: _matching(d, named) for d in known.deviations},
            not any("::" in argument for argument in config.args),
            frozenset(item.path.name for item in before),
        )
        _check_names(listed, named)
    return result


def before_call(item: pytest.Item) -> None:
    """End a test as a known deviation before it runs, if that would end the process of the run."""
    listed = item.config.stash.get(LISTED, None)
    if listed is None or isinstance(hooks.load_subject(item.config).inner, Isolated):
        return
    for deviation in listed.expected.known_here:
        if deviation.kind == "crash" and item.nodeid in listed.tests[deviation.id]:
            ledger.met(deviation.id)
            pytest.xfail(f"known deviation {deviation.id}: it ends the process, so only --time-limit asks for it")


def judge(item: pytest.Item, failure: BaseException) -> None:
    """End a failed test as the known deviation it is listed for; add a note if that is known in other versions."""
    listed = item.config.stash.get(LISTED, None)
    if listed is None:
        return
    text = f"{type(failure).__name__}: {failure}"
    for deviation in listed.expected.deviations:
        if item.nodeid not in listed.tests[deviation.id] or not re.search(deviation.failure, text):
            continue
        if deviation.is_for(listed.expected.version):
            ledger.met(deviation.id)
            reason = f"known deviation {deviation.id}: {text.splitlines()[0]}"
            raise pytest.xfail.Exception(reason, pytrace=False)  # nobody reads the traceback, which takes long to write
        package, versions = listed.expected.package, ", ".join(deviation.versions)
        known = f"known in {package} {versions} as {deviation.id}; this is {package} {listed.expected.version}"
        item.add_report_section("call", "known deviation", known)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a known deviation did not show."""
    listed, run = session.config.stash.get(LISTED, None), session.config.stash.get(RUN, None)
    if listed is None or run is None or session.config.option.collectonly:
        return
    run.gone.extend(gone(listed, ledger.entries(), repeatable=draws.profile(session.config) == draws.REPEATABLE))
    if run.gone and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def gone(listed: Listed, entries: Sequence[ledger.Entry], repeatable: bool = True) -> list[str]:
    """Return a line for each known deviation that none of its listed tests showed, if all of them were asked."""
    ended = {entry.test: entry for entry in entries}
    found = []
    for deviation in listed.expected.known_here if repeatable and listed.all_read else ():
        tests = listed.tests[deviation.id]
        files = {test.partition("::")[0] for test in deviation.tests}
        asked = [ended[test] for test in tests if test in ended and ended[test].outcome != "not run"]
        if not (deviation.is_for_this_machine and files <= listed.files and len(asked) == len(tests)):
            continue
        shown = any(entry.deviation == deviation.id or entry.outcome in ("failed", "error") for entry in asked)
        passed = sum(entry.outcome == "passed" for entry in asked)
        if passed and not shown:
            listing = "the test listed for it passes" if passed == 1 else f"the {passed} tests listed for it pass"
            found.append(
                f"known deviation {deviation.id} is gone: {listing}; remove its entry from {listed.expected.file.name}"
            )
    return found


def _with_an_example(known: Expectations) -> list[Deviation]:
    """Return the deviations of this version that the file itself demonstrates."""
    return [deviation for deviation in known.known_here if deviation.example is not None]


def _name(item: pytest.Item) -> str:
    """Return a test's file, name and parameters."""
    return f"{item.path.name}::{item.nodeid.partition('::')[2]}"


def _matching(deviation: Deviation, named: dict[str, str]) -> list[str]:
    """Return the ids of the tests that a deviation lists."""
    return [id for name, id in named.items() if any(pattern.fullmatch(name) for pattern in deviation.patterns)]


def _check_names(listed: Listed, named: Collection[str]) -> None:
    """Stop the run if a name that the file lists is that of no test."""
    for deviation in listed.expected.deviations:
        for test, pattern in zip(deviation.tests, deviation.patterns, strict=True):
            file = test.partition("::")[0]
            is_read = listed.all_read and file in listed.files
            exists = any(map(pattern.fullmatch, named)) if is_read else (selection.ROOT / file).is_file()
            if not exists:
                entry = f"{listed.expected.file.name}: deviation {deviation.id!r}"
                raise pytest.UsageError(f"{entry}: tests names {test!r}; there is no such test")
