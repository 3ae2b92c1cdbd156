"""`spec_tests.check`: the specification of some functions, run from Python: in anyone's own test, or in a script.

    result = spec_tests.check(linear=my_linear)
    print(result.text)

It is a run of pytest in this process, with the specification's own configuration (`alone.ini`). A run around it
keeps its own record, settings and warning filters.
"""

import contextlib
import io
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import hypothesis
import pytest

from spec_tests import alone, subjects
from spec_tests.contract.declaration import OPERATION_NAMES
from spec_tests.contract.functions import BACKWARD, FUNCTIONS
from spec_tests.contract.guard import Guarded
from spec_tests.run import drawing
from spec_tests.run.asking import requirements
from spec_tests.run.selection import is_specification
from spec_tests.run.showing import SMALLEST_CASE
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.subject import NotAvailable

LONGEST = 60
"""Lines of the message about a failure."""

NONE: Mapping[str, Any] = MappingProxyType({})
QUIET = ("faulthandler", "unraisableexception", "threadexception")
"""pytest's plugins that belong to a run around this one."""


class SpecificationBroken(AssertionError):
    """An implementation does not do what the specification says; the message is the smallest case of one failure."""

    def __init__(self, message: str, case: str = "") -> None:
        super().__init__(message)
        self.case = case
        """The smallest case with all its lines, and the program that shows it, if there is one."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep both texts where a process hands the exception to another one."""
        return type(self), (str(self), self.case)


@dataclass(frozen=True)
class Result:
    """What a check found."""

    passed: int
    failed: int
    not_counted: int
    """Tests that were skipped, or in which something was asked that is not offered."""
    by_operation: Mapping[str, Mapping[str, Mapping[str, int]]]
    """By operation and level, how many tests passed, failed or were not counted."""
    text: str
    """All this in a few lines, and the first failure if there is one."""


def check(
    *,
    dtypes: Collection[str] = ("float32",),
    tensors: bool = False,
    levels: Collection[str] = LEVELS,
    names: Mapping[str, str] = NONE,
    not_offered: Collection[str] = (),
    device: str = "cpu",
    only: Collection[str] = (),
    examples: int | None = None,
    **functions: Callable[..., Any],
) -> Result:
    """Hold functions against the specification: `check(linear=my_linear, linear_backward=my_gradient)`.

    Functions have the names, the arguments and the results of `torch.nn.functional`; they take NumPy arrays, or
    torch tensors on `device` if `tensors` is true. `dtypes` are the number formats that they compute in; `levels`
    what is required of them (values, gradients, conventions, contracts, refusals); `names` says what the functions
    call their arguments, as {"weight": "kernel", "conv2d.padding": "pad"}; `not_offered` names what they cannot be
    asked, as "unbatched" or "conv2d.dilation" (both as in a file, see `spec_tests.contract.declaration`); `only`
    names the operations to ask, all by default; `examples` is how many are drawn for a test.

    Raises SpecificationBroken with the smallest case of the first failure (its attribute `case` also has a program that
    shows the failure by itself), ValueError if no test counted, and
    TypeError or ValueError for arguments that make no sense.
    """
    operations = _operations(functions, only)
    _known("levels", levels, LEVELS)
    for argument, given in {"dtypes": dtypes, "not_offered": not_offered}.items():
        _known(argument, given, given)  # a list; what it holds is checked with the functions
    if examples is not None and (not isinstance(examples, int) or examples < 1):
        raise ValueError(f"examples is {examples!r}; it must be a whole number of 1 or more")
    settings = {"DTYPES": dtypes, "TENSORS": tensors, "NAMES": names, "NOT_OFFERED": not_offered}
    try:
        subject = subjects.of_functions(functions, ", ".join(functions), device, **settings)
    except NotAvailable as error:
        raise ValueError(_as_an_argument(str(error))) from None
    asked = _Asked(subject, operations, levels)
    code, output = _run(asked, device, examples)
    return _judged(asked, code, output)


def _as_an_argument(message: str) -> str:
    """Return what is said of a file's setting as what is said of an argument.

    >>> _as_an_argument("DTYPES is empty")
    'dtypes is empty'
    """
    setting, _, rest = message.partition(" ")
    return f"{setting.lower() if setting.isupper() else setting} {rest}"


def _operations(functions: Mapping[str, Any], only: Collection[str]) -> list[str]:
    """Return the operations to ask."""
    if not functions:
        raise TypeError("check() was given no function: name at least one, as check(linear=my_linear)")
    known = FUNCTIONS
    for name, function in functions.items():
        if name not in known:
            raise TypeError(
                f"check() was given {name!r}, which is neither an option nor an operation{_near(name, known)}"
            )
        if not callable(function):
            raise TypeError(f"{name} is {function!r}, of type {type(function).__name__}; a function was expected")
    offered = list(dict.fromkeys(name.removesuffix(BACKWARD) for name in functions))
    _known("only", only, OPERATION_NAMES)
    if missing := [name for name in only if name not in offered]:
        raise ValueError(f"only names {missing[0]!r}, for which no function was given; there are {', '.join(offered)}")
    return list(only) or offered


def _known(argument: str, given: Collection[str], known: Collection[str]) -> None:
    if isinstance(given, str):
        raise TypeError(f"{argument} is the string {given!r}; a list of strings was expected, as [{given!r}]")
    for name in given:
        if name not in known:
            raise ValueError(f"{argument} names {name!r}, which there is not{_near(str(name), known)}")


def _near(name: str, known: Collection[str]) -> str:
    nearest = get_close_matches(name, list(known), 1, 0.5)
    few = f"; there are {', '.join(known)}" if len(known) <= 10 else ""
    return f": did you mean {nearest[0]!r}?" if nearest else few


class _Asked:
    """A plugin of the run: it hands over the subject, chooses the tests, and keeps what came of them."""

    def __init__(self, subject: Guarded, operations: Sequence[str], levels: Collection[str]) -> None:
        self.subject, self.operations, self.levels = subject, operations, levels
        self.requirements: dict[str, list[tuple[str, str]]] = {}
        """By test, what it requires: level and operation."""
        self.outcomes: dict[str, str] = {}
        self.drawn: list[str] = []
        """The failures whose smallest case is drawn."""
        self.undrawn: list[str] = []
        """The others: worked examples, for instance."""
        self.errors: list[str] = []
        """Files that could not be read."""

    def pytest_specification_subject(self) -> Any:
        return self.subject

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in filter(is_specification, items):
            if (required := requirements(item)) and all(what in self._wanted() for what in required):
                self.requirements[item.nodeid] = required
        items[:] = [item for item in items if item.nodeid in self.requirements]

    def _wanted(self) -> set[tuple[str, str]]:
        return {(level, operation) for level in self.levels for operation in self.operations}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self.outcomes.get(report.nodeid, "")
        if report.failed:
            self.outcomes[report.nodeid] = "failed"
            drawn = any(title == SMALLEST_CASE for title, _ in report.sections)
            (self.drawn if drawn else self.undrawn).append(_case(report))
        elif report.skipped:
            self.outcomes[report.nodeid] = "not counted"
        elif report.when == "call" and not known:
            self.outcomes[report.nodeid] = "passed"


def _case(report: pytest.TestReport) -> str:
    """Return what is printed of a failure: its name, its drawing, its message and its program."""
    drawn = next((text for title, text in report.sections if title == SMALLEST_CASE), "")
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash is not None else report.longreprtext.strip().splitlines()[-1]
    message = "\n".join(message.splitlines()[:8])
    return "\n\n".join(filter(None, [f"broken: {report.nodeid}", message, drawn]))


def _cut(text: str) -> str:
    """Return as many lines as a message may have."""
    lines = text.splitlines()
    if len(lines) <= LONGEST:
        return text
    begin = lines.index(drawing.BEGIN) if drawing.BEGIN in lines else len(lines)
    shown = lines[: min(LONGEST - 1, begin)]
    what = "the program" if len(shown) == begin else "them all"
    more = f"... {len(lines) - len(shown)} more lines: the exception's attribute `case` has {what}"
    return "\n".join([*shown, more])


def _run(asked: _Asked, device: str, examples: int | None) -> tuple[int, str]:
    """Run pytest, and return its exit code and what it wrote; leave everything around as it was."""
    written = io.StringIO()
    options = ["--subject=functions", f"--spec-device={device}", "--capture=no", "--color=no", "-q"]
    options += [f"-pno:{plugin}" for plugin in QUIET]
    profile = hypothesis.settings.get_current_profile_name()
    if examples is not None:
        options.append(f"--hypothesis-profile={_with_examples(examples)}")
    with (
        ledger.set_aside(),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(written),
        contextlib.redirect_stderr(written),
    ):
        warnings.resetwarnings()
        try:
            return alone.run(options, [asked]), written.getvalue()
        finally:
            hypothesis.settings.load_profile(profile)


def _with_examples(examples: int) -> str:
    """Register the repeatable profile with so many examples, and return its name."""
    name = f"of the specification, {examples} examples"
    hypothesis.settings.register_profile(
        name,
        hypothesis.settings(
            hypothesis.settings.get_profile("default"), max_examples=examples, derandomize=True, database=None
        ),
    )
    return name


def _judged(asked: _Asked, code: int, output: str) -> Result:
    """Return the result of a run, or raise what it comes to."""
    by_operation: dict[str, dict[str, Counter[str]]] = {}
    for test, outcome in asked.outcomes.items():
        for level, operation in asked.requirements.get(test, []):
            by_operation.setdefault(operation, {}).setdefault(level, Counter())[outcome] += 1
    if asked.errors or code not in (
        pytest.ExitCode.OK,
        pytest.ExitCode.TESTS_FAILED,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        reasons = asked.errors or [line for line in output.splitlines() if line.strip()][-3:]
        raise ValueError(f"the specification could not be run: {'; '.join(reasons)}")
    counts = Counter(asked.outcomes.values())
    first = [*asked.drawn, *asked.undrawn][:1]
    text = "\n".join([*_lines(by_operation), *(["", *first] if first else [])])
    if first:
        raise SpecificationBroken(_cut(text), *first)
    if not counts["passed"]:
        what = (
            f"{', '.join(asked.operations)} at {', '.join(asked.levels)} in {', '.join(sorted(asked.subject.dtypes))}"
        )
        raise ValueError(f"no test counted of {what}: {counts['not counted']} asked for what is not offered")
    return Result(counts["passed"], counts["failed"], counts["not counted"], by_operation, text)


def _lines(by_operation: Mapping[str, Mapping[str, Counter[str]]]) -> list[str]:
    return [
        f"{operation} {level}: {', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items()))}"
        for operation, levels in by_operation.items()
        for level, counts in levels.items()
    ]
