"""A process of the matrix: it runs the specification on one subject, and writes down each test as it ends.

    python -m spec_tests.matrix.child JOURNAL SETTINGS

`python -m spec_tests.matrix` starts it, once for each subject, and again if it dies.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import Phase, settings

from spec_tests import alone, subjects
from spec_tests.contract.functions import BACKWARD
from spec_tests.contract.guard import Guarded
from spec_tests.matrix import asked
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT, NOT_COUNTED, NOT_OFFERED, Ended, Writer
from spec_tests.report import failures, surroundings
from spec_tests.run import asking, draws, plugin
from spec_tests.run.showing import SMALLEST_CASE
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.claims import deviations
from spec_tests.vocabulary.results import LEFT_OUT

NOT_ASKED = ("asks_nothing", "torch_api", "tooling", "checkout")
"""Of the reasons to leave out a test, those by which it is none of the subject's requirements."""
LACKING = ("not_offered", "no_gradient", "format")
"""Those by which the subject does not offer what is required."""

NOTHING_ANSWERED = "nothing was asked that the subject answers"
LINES, WIDEST, DRAWN = 8, 300, 2
"""Lines of a message that are kept, characters of such a line, and failures of a cell whose smallest case is kept."""
LONGEST = 6000
"""Characters of a smallest case."""

LIBRARIES = ("onnxruntime", "onnx", "jax", "jaxlib", "openvino", "mlx", "tinygrad", "tensorflow", "triton")
"""The packages that subjects may be made of, besides those on which every run depends."""
MADE_OF = {"jax": ("jaxlib",), "onnxruntime": ("onnx",), "onnx_evaluator": ("onnx",), "openvino": ("onnx",)}
"""What a subject is made of besides a package of its own name; it may have been imported in another process."""

PROFILE = "of the matrix"

HYPOTHESIS = re.compile(r"\n(?:Failing test case|Falsifying example)")
"""Where a message goes on with what Hypothesis says about the example, which is drawn apart."""


class Recorder:
    """A plugin that hands over the subject, chooses its tests, and writes down how each of them ends."""

    def __init__(
        self, subject: Guarded, wanted: asked.Asked, only: Mapping[str, frozenset[str]], writer: Writer
    ) -> None:
        self.subject, self.wanted, self.only, self.writer = subject, wanted, only, writer
        self.left_out: dict[str, tuple[list[Any], str, str]] = {}
        """By test: what it requires, how it counts, and why."""
        self.requirements: dict[str, list[tuple[str, str]]] = {}
        self.demonstrated: dict[str, str] = {}
        """By test that demonstrates a known deviation, its id."""
        self.reports: dict[str, list[pytest.TestReport]] = {}
        self.entries: dict[str, ledger.Entry] = {}
        self.drawn = Counter[tuple[str, str]]()
        """By level and operation, of how many failures the smallest case has been kept."""

    def pytest_specification_subject(self, device: str) -> Guarded | None:
        """Hand over the subject that has been loaded."""
        return self.subject if device == self.wanted.device else None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write down a file that could not be read."""
        if report.failed:
            self.writer.write(unreadable=f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Note the tests that are left out because of what the subject or the run is."""
        for item in items:
            key, required = item.stash.get(plugin.REASON, ""), _required(item)
            if key == "not_wanted" and not any(self._offers(operation) for _, operation in required):
                key = "not_offered"
            if required and key and key not in NOT_ASKED:
                reason = LEFT_OUT[key].en.format(dtype=_dtype(item))
                self.left_out[item.nodeid] = required, NOT_OFFERED if key in LACKING else NOT_COUNTED, reason

    def _offers(self, operation: str) -> bool:
        return self.subject.offers(operation) or self.subject.offers(f"{operation}{BACKWARD}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Choose the tests to run, those first that differ most."""
        required = {item: _required(item) for item in session.items}
        self.demonstrated = {item.nodeid: id for item in session.items if (id := _demonstrates(item))}
        for item, requirements in required.items():
            if requirements and (what := self.not_in_the_lane(item, requirements)):
                self.left_out[item.nodeid] = requirements, NOT_COUNTED, f"the lane leaves out {what}"
        asked_of_it = [i for i in session.items if required[i] and i.nodeid not in self.left_out]
        chosen = self._chosen([(item, required[item]) for item in _spread(asked_of_it)])
        self.requirements = {item.nodeid: required[item] for item in chosen}
        self.writer.write(
            tests=[
                *([test, requirements, "", ""] for test, requirements in self.requirements.items()),
                *([test, *rest] for test, rest in self.left_out.items()),
            ]
        )
        shown = [item for item in session.items if item.nodeid in self.demonstrated]
        done = set(self.wanted.done)
        session.items[:] = [item for item in [*shown, *chosen] if item.nodeid not in done]

    def not_in_the_lane(self, item: pytest.Item, requirements: list[tuple[str, str]]) -> str:
        """Return what of a test the lane leaves out: its format, a level or an operation; or an empty string."""
        dtype, levels = _dtype(item), self.wanted.levels
        if dtype and self.wanted.dtypes and dtype not in self.wanted.dtypes:
            return dtype
        for level, operation in requirements:
            if levels and level not in levels:
                return level
            if self.only and level not in self.only.get(operation, ()):
                return f"{level} of {operation}"
        return ""

    def _chosen(self, items: Iterable[tuple[pytest.Item, list[Any]]]) -> list[pytest.Item]:
        """Return the items, of each operation and level no more than the lane asks for."""
        most, counts, chosen = self.wanted.tests_per_cell, Counter[tuple[str, str]](), []
        for item, requirements in items:
            if most and all(counts[required] >= most for required in requirements):
                reason = f"the lane asks {most} test{'s' if most != 1 else ''} of each operation and level"
                self.left_out[item.nodeid] = requirements, NOT_COUNTED, reason
                continue
            counts.update(requirements)
            chosen.append(item)
        return chosen

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write down that a test begins."""
        self.writer.write(begin=nodeid)
        self.reports[nodeid] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a part of a test until the test has ended."""
        self.reports[report.nodeid].append(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Write down how a test ended."""
        result = yield
        reports = self.reports.pop(item.nodeid, [])
        if not self.entries:
            self.entries = {entry.test: entry for entry in ledger.entries()}
        entry = self.entries[item.nodeid]
        if item.nodeid in self.demonstrated:
            shown = bool(entry.deviation) or (entry.outcome == "passed" and "requirement" not in item.keywords)
            if _asks_for_it(item) or not shown:
                self.writer.write(demonstration=self.demonstrated[item.nodeid], shown=shown, outcome=entry.outcome)
        if item.nodeid in self.requirements:
            self.writer.end(item.nodeid, self._ended(item, entry, reports))
        return result

    def _ended(self, item: pytest.Item, entry: ledger.Entry, reports: list[pytest.TestReport]) -> Ended:
        seconds = round(sum(report.duration for report in reports), 4)
        bad = [report for report in reports if report.failed]
        if bad:
            required = self.requirements[item.nodeid]
            cases = [text for report in bad for title, text in report.sections if title == SMALLEST_CASE]
            wanted = bool(cases) and any(self.drawn[one] < DRAWN for one in required)
            self.drawn.update(required if wanted else ())
            scrubbed = partial(_scrubbed, config=item.config)
            case = scrubbed(cases[0])[:LONGEST] if wanted else ""
            return Ended(FAILED, seconds, how=FAILED, message=scrubbed(_message(bad[0])), case=case)
        if entry.deviation:
            said = next((report.longreprtext for report in reports if report.skipped), "")
            why = next((str(getattr(report, "wasxfail", "")) for report in reports if report.skipped), "") or said
            ids = entry.deviation.split(" or ")
            return Ended(DEVIATION, seconds, deviations=ids, message=_scrubbed(why, item.config))
        if entry.outcome == "passed":
            return Ended(KEPT, seconds)
        if entry.not_offered and entry.not_offered != NOTHING_ANSWERED:
            return Ended(NOT_OFFERED, seconds, reason=entry.not_offered)
        return Ended(NOT_COUNTED, seconds, reason=entry.not_offered or _why_skipped(reports))

    def pytest_sessionfinish(self) -> None:
        """Write down that the run has come to its end, with the versions of what has been imported by now."""
        self.writer.write(finished={"versions": _versions(self.wanted.subject)})


def _required(item: pytest.Item) -> list[tuple[str, str]]:
    """Return what a test requires of the subject: nothing if it asks the references alone, or tests our own tools."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    if params.get("implementation") == "by the references" or item.get_closest_marker("tooling"):
        return []
    return asking.requirements(item)


def _demonstrates(item: pytest.Item) -> str:
    """Return the id of the known deviation of whose smallest example a test is, or an empty string."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    if asking.KNOWN in params:
        return str(params[asking.KNOWN].id)
    mark = item.get_closest_marker("deviation")
    return str(mark.args[0]) if mark is not None else ""


def _asks_for_it(item: pytest.Item) -> bool:
    """Tell whether a test of a smallest example asks the subject, and not only the references what is right."""
    fixtures = getattr(item, "fixturenames", ())
    return asking.KNOWN not in fixtures or "subject" in fixtures


def _dtype(item: pytest.Item) -> str:
    return str(getattr(getattr(item, "callspec", None), "params", {}).get("dtype", ""))


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the items in another order: the first case of every test, then the second ones, and so on."""
    seen = Counter[str]()
    numbered = []
    for place, item in enumerate(items):
        test = item.nodeid.partition("[")[0]
        numbered.append((seen[test], place, item))
        seen[test] += 1
    return [item for *_, item in sorted(numbered, key=lambda one: one[:2])]


def _scrubbed(text: str, config: pytest.Config) -> str:
    """Return a text without what is of this machine or of this run alone: folders, and addresses in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", failures.scrubbed(text, config))


def _message(report: pytest.TestReport) -> str:
    """Return the first lines of what a failure says."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext.strip()
    text = HYPOTHESIS.split(text)[0]
    return "\n".join(line[:WIDEST] for line in text.splitlines()[:LINES])


def _why_skipped(reports: Iterable[pytest.TestReport]) -> str:
    """Return the reason that a test gave for being skipped."""
    for report in reports:
        if report.skipped and isinstance(report.longrepr, tuple):
            return str(report.longrepr[2]).removeprefix("Skipped: ")
    return "it ended without a result"


def _versions(subject: str) -> dict[str, str]:
    """Return the versions of Python, of what every run depends on, and of the libraries that have been imported."""
    found, base = surroundings.versions(), subject.partition(":")[0]
    for name in LIBRARIES:
        if name in sys.modules or name in (base, *MADE_OF.get(base, ())):
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found


def _facts(subject: Guarded, wanted: asked.Asked) -> dict[str, Any]:
    """Return what is to be known of a subject, and the known deviations that may be met."""
    own = subject.expected.as_register() if subject.expected is not None else []
    known = [dict(one) for one in deviations() if one["subject"] == wanted.subject.partition(":")[0]]
    return {
        "name": subject.name,
        "dtypes": sorted(subject.dtypes),
        "notes": list(subject.notes),
        "versions": _versions(wanted.subject),
        "machine": surroundings.machine(wanted.device),
        "deviations": [*known, *own],
    }


def _load(wanted: asked.Asked) -> Guarded:
    if wanted.call_seconds:
        return subjects.isolated(wanted.subject, wanted.device, wanted.call_seconds)
    return subjects.load(wanted.subject, wanted.device)


def _with_profile(wanted: asked.Asked) -> str:
    """Register what is drawn with Hypothesis, and return its name."""
    phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if wanted.shrink else [])]
    repeatable = draws.PROFILES[draws.REPEATABLE]
    settings.register_profile(PROFILE, repeatable, max_examples=wanted.examples, phases=phases)
    return PROFILE


def run(file: Path, wanted: asked.Asked) -> int:
    """Run the specification as asked, and return pytest's exit code, or 4 if there is no such subject."""
    writer = Writer(file)
    try:
        subject = _load(wanted)
        only = asking.wanted(wanted.only, subject)
    except subjects.NotAvailable as error:
        writer.write(unavailable=str(error))
        return int(pytest.ExitCode.USAGE_ERROR)
    writer.write(subject=_facts(subject, wanted))
    options = ["--subject", wanted.subject, f"--spec-device={wanted.device}", "-q", "--color=no", "--tb=no"]
    options += ["--spec-slow"] if wanted.slow else []
    options += [f"--hypothesis-profile={_with_profile(wanted)}", "-pno:faulthandler"]
    files = [f"{alone.ROOT.name}/{file}" for file in wanted.files]
    return alone.run([*options, *files], [Recorder(subject, wanted, only, writer)])


def end_with_the_parent() -> None:
    """End this process when the one that has started it is gone, however it ended: then what it holds is closed."""
    held = os.dup(sys.stdin.fileno())  # pytest exchanges the other one

    def wait() -> None:
        while os.read(held, 1):
            pass
        os._exit(1)

    Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    end_with_the_parent()
    sys.exit(run(Path(sys.argv[1]), asked.read(Path(sys.argv[2]))))
