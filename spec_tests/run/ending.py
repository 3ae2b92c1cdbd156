"""The last line of a run: one sentence that says whether the subject kept the specification, and where to look.

It is put together from parts, each of which is told in Chinese (`complaints_zh.tsv`) if the run speaks Chinese.
"""

from collections.abc import Collection, Generator, Iterable, Sequence
from typing import Any

import pytest

from spec_tests.run import selection
from spec_tests.run.complaints import told
from spec_tests.run.language import language_of
from spec_tests.run.summary import Run, missing, named, plural, tests
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.ledger import Entry

RUN = pytest.StashKey[Run]()
"""What the run was asked for."""


class Ending:
    """What `pytest spec_tests` prints last, after pytest's own counts."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin with nothing gone wrong."""
        self.config = config
        self.unreadable: list[str] = []
        """The files of the specification that could not be read."""
        self.failed = set[str]()
        """The failed tests, of the specification and outside it, such as benchmarks and docstrings."""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file of the specification that could not be read."""
        file = report.nodeid.partition("::")[0]
        if report.failed and selection.ROOT in (self.config.rootpath / file).parents:
            self.unreadable.append(file)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Print the sentence once everything else has been printed."""
        yield
        language = language_of(self.config.option.spec_language)
        run = self.config.stash.get(RUN, None) or Run(self.config.option.subject, language=language)
        if (RUN in self.config.stash or self.unreadable) and not self.config.option.collectonly:
            reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
            shown = self.config.option.tbstyle != "no"
            elsewhere = self.failed - {entry.test for entry in ledger.entries()}
            reporter.write_line(sentence(ledger.entries(), run, self.unreadable, len(elsewhere), shown))


def sentence(
    entries: Sequence[Entry], run: Run, unreadable: Collection[str] = (), elsewhere: int = 0, shown: bool = True
) -> str:
    """Return the sentence.

    `unreadable` are the files that could not be read, `elsewhere` is the number of failed tests outside the
    specification, and `shown` tells whether failures are printed.
    """
    judged = [entry for entry in entries if not entry.tooling]
    failed, undecided = _ended(judged, "failed"), _undecided(entries, run, unreadable)
    asides = [*_asides(entries, run, elsewhere), *_gone(run)]
    if failed:
        ran = _ran(judged)
        where = f"{len(failed):,} of {tests(len(ran))}" if len(ran) > 1 else "the only test that ran"
        broken = f"{run.subject} broke the specification in {where}"
        first = f"{named(failed[0].test, run.language)}{_shown(failed[0]) if shown else ''}"
        said = [_with(run, broken, first)] if len(failed) == 1 else [broken, f"the first is {first}"]
        return _joined(run, *said, *undecided, *asides)
    if undecided:
        doubt = f"It is undecided whether {run.subject} keeps the specification"
        return _joined(run, _with(run, doubt, _listed(run, *undecided)), *asides)
    if not _ran(judged):
        return _joined(run, "No test of the specification was run", *_not_run(entries, run), *asides)
    extent = "" if run.full else " as far as it applies to it" if run.whole else " as far as it was run"
    passed = tests(len(_ended(entries, "passed")))
    kept = f"{run.subject} kept the specification{extent}{_but_for(entries)}"
    return _joined(run, _with(run, kept, f"{passed} passed"), *_not_run(entries, run), *asides)


def _with(run: Run, said: str, more: str) -> str:
    """Return a sentence with more behind a colon."""
    return f"{told(said, run.language)}{'：' if run.language == 'zh' else ': '}{told(more, run.language)}"


def _joined(run: Run, *parts: str) -> str:
    said = [told(part, run.language) for part in parts]
    return f"{'；'.join(said)}。" if run.language == "zh" else f"{'; '.join(said)}."


def _listed(run: Run, *parts: str) -> str:
    return ("，" if run.language == "zh" else ", ").join(told(part, run.language) for part in parts)


def _ended(entries: Iterable[Entry], *outcomes: str) -> list[Entry]:
    return [entry for entry in entries if entry.outcome in outcomes]


def _ran(entries: Iterable[Entry]) -> list[Entry]:
    return _ended(entries, "passed", "failed", "error")


def _shown(entry: Entry) -> str:
    return ", whose smallest case is drawn above" if entry.last_example else ", shown above"


def _undecided(entries: Sequence[Entry], run: Run, unreadable: Collection[str]) -> list[str]:
    """Return why a run without a failure still does not show that the subject keeps the specification."""
    errors, unreached = _ended([e for e in entries if not e.tooling], "error"), _ended(entries, "not run")
    unchecked = missing(entries) if run.full and not unreached else []
    return [
        *(
            [f"{tests(len(errors))} ended in an error, the first {named(errors[0].test, run.language)}"]
            if errors
            else []
        ),
        *(f"{file} could not be read" for file in unreadable),
        *([f"{tests(len(unreached))} {_were(unreached)} not reached"] if unreached else []),
        *([f"{plural(len(unchecked), 'claim')} {_were(unchecked)} not run"] if unchecked else []),
    ]


def _were(found: Sequence[Any]) -> str:
    return "were" if len(found) > 1 else "was"


def _not_run(entries: Sequence[Entry], run: Run) -> list[str]:
    """Return how many tests were skipped, and how many left out."""
    skipped = [entry for entry in _ended(entries, "skipped") if not entry.deviation]
    counts = {"skipped": len(skipped), "left out": run.left_out.total()}
    parts = [f"{count:,} {how}" for how, count in counts.items() if count]
    parts += [f"{plural(run.unread.total(), 'file')} not read"] if run.unread else []
    listed = _listed(run, *parts)
    if run.language == "en":
        listed = " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
    return [f"{listed} for the reasons above"] if parts else []


def _but_for(entries: Iterable[Entry]) -> str:
    """Return what is said of the known deviations that were met, if any."""
    met = [entry.deviation for entry in entries if entry.deviation]
    return f" but for {plural(len(set(met)), 'known deviation')}, met by {tests(len(met))}" if met else ""


def _gone(run: Run) -> list[str]:
    """Return how many known deviations did not show."""
    return [f"{plural(len(run.gone), 'known deviation')} {_were(run.gone)} not met, see above"] if run.gone else []


def _asides(entries: Sequence[Entry], run: Run, elsewhere: int) -> list[str]:
    """Return what the run found that does not concern the subject."""
    tools = [entry for entry in entries if entry.tooling]
    broken = _ended(tools, "failed", "error")
    first = named(broken[0].test, run.language) if broken else ""
    parts = [f"{tests(len(broken))} of the project's own tools failed, the first {first}"] if broken else []
    if len(tools) == len(entries) and not broken and _ran(tools):
        parts.append(f"{tests(len(_ran(tools)))} of the project's own tools passed")
    return parts + ([f"{tests(elsewhere)} outside the specification failed"] if elsewhere else [])
