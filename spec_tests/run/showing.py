"""What is printed of a test that failed: few lines, so that a file with forty failures can be read from top to bottom.

Of an implementation that does not come with the specification, the first failures of each operation are drawn, with a
program that shows them; of the others one line tells what is wrong. Of the traceback, what lies in the specification
is left out: the message, the place in the test, and the user's own lines remain. With -v all is printed, and --tb
chooses pytest's own forms of a traceback.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import reference
from spec_tests.contract.declaration import Declaration
from spec_tests.contract.guard import Guarded
from spec_tests.run import drawing
from spec_tests.vocabulary.ledger import Entry

SMALLEST_CASE = "the smallest case"
"""The title under which a failure is drawn."""

DRAWN, WITH_A_PROGRAM = 3, 1
"""Failures of an operation that are drawn, and for which a program is printed, unless -v asks for all."""

ALONE = "program: run this test alone, or all with -v"
"""What is said in place of a program."""

MESSAGE = 8
"""Lines of a message, likewise."""

COUNTED = pytest.StashKey[Counter[str]]()
"""How many failures have been printed, by operation."""

OURS = [Path(__file__).resolve().parents[1], Path(reference.__file__).resolve().parent]
INSTALLED = ("site-packages", "dist-packages")


def show(item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[Any], entry: Entry, subject: Any) -> None:
    """Put the smallest case of a failure into its report, and shorten the traceback if it is of a foreign subject."""
    config = item.config
    params = {} if hasattr(item.function, "property") else getattr(getattr(item, "callspec", None), "params", {})  # type: ignore[attr-defined]  # of functions only
    arguments = {**params, **entry.last_example}
    in_short = getattr(subject, "foreign", False) and config.option.verbose <= 0
    shortened = in_short and config.option.tbstyle == "auto" and _shorten(item, report, call.excinfo, subject)
    case = drawing.case_of(item, arguments, config.option, entry.calls)
    number = _number(config, case.operation or _operation(entry)) if in_short else 0
    if number <= WITH_A_PROGRAM:
        report.sections.append((SMALLEST_CASE, case.text()))
    elif number <= DRAWN and case.drawing:
        report.sections.append((SMALLEST_CASE, f"{case.drawing}\n\n{ALONE}"))
    elif shortened:
        _tell_in_a_line(report, case.complaint)
    else:
        report.sections.append((SMALLEST_CASE, "\n".join([*filter(None, [case.complaint]), ALONE])))


def _operation(entry: Entry) -> str:
    """Return the operation of which a test requires something."""
    return next((operation for _, operation in entry.requirements), "")


def _number(config: pytest.Config, operation: str) -> int:
    """Return which failure of its operation this is, from 1 on."""
    counted = config.stash.setdefault(COUNTED, Counter())
    counted[operation] += 1
    return counted[operation]


def _shorten(item: pytest.Item, report: pytest.TestReport, raised: Any, subject: Guarded) -> bool:
    """Leave of a traceback the last line in the test, those of the subject's own files, and the message."""
    in_the_test = [frame for frame in raised.traceback if Path(frame.path).resolve() == item.path.resolve()]
    kept = {id(frame.frame.raw) for frame in in_the_test[-1:]}
    kept |= {id(frame.frame.raw) for frame in raised.traceback if _is_the_users(Path(frame.path), subject)}
    if not kept:
        return False
    shown: Any = raised.getrepr(
        style="short",
        chain=False,
        tbfilter=lambda info: info.traceback.filter(lambda frame: id(frame.frame.raw) in kept),
    )
    last = shown.reprtraceback.reprentries[-1]
    message = [line for line in last.lines if line.startswith("E")]
    most = min(MESSAGE, len(str(raised.value).splitlines()) or 1)  # below it is what Hypothesis notes: it is drawn
    last.lines = [*(line for line in last.lines if not line.startswith("E")), *message[:most]]
    shown.reprcrash.message = "\n".join(shown.reprcrash.message.splitlines()[:most])
    report.longrepr = shown
    return True


def _tell_in_a_line(report: Any, complaint: str) -> None:
    """Leave of a shortened traceback the place and what is wrong."""
    traceback = report.longrepr.reprtraceback
    last = traceback.reprentries[-1]
    message = [line for line in last.lines if line.startswith("E")]
    last.lines = [f"E   {complaint}" if complaint else message[0], ALONE]
    traceback.reprentries = [last]


def _is_the_users(file: Path, subject: Guarded) -> bool:
    """Tell whether a file is one of the subject's, or lies beside or below one of them."""
    file = file.resolve()
    if any(root in file.parents for root in OURS) or any(part in INSTALLED for part in file.parts):
        return False
    return any(folder in file.parents for folder in _folders(subject))


def _folders(subject: Guarded) -> set[Path]:
    """Return where the subject's functions are."""
    declaration = getattr(subject.inner, "declaration", None)
    calls = [adapted.call for adapted in declaration.functions.values()] if isinstance(declaration, Declaration) else []
    codes = [call.__code__ for call in calls if hasattr(call, "__code__")]
    files = [*(code.co_filename for code in codes), *([subject.source] if subject.source is not None else [])]
    return {Path(file).resolve().parent for file in files if Path(file).is_file()}
