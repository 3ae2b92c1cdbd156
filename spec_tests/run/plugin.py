"""What `pytest spec_tests` adds to pytest: the subject, the claims, the record of the run and its summary.

    --subject NAME      the implementation to test, a module of `spec_tests/subjects` (default: torch)
    --only OPERATION[:LEVEL,...]
                        only what is required of this operation, at these levels; may be repeated
    --time-limit SECONDS
                        the subject lives in a process of its own, and a call may take so long
    --device DEVICE     the device that it computes on, for example cuda (default: cpu)
    --dtype DTYPE,...   only the tests of these number formats
    --slow              also the tests that take long, start processes or test the specification itself
    --cifar10 PATH      also the tests of the real CIFAR-10, unpacked in PATH/cifar-10-batches-py
    --cifar100 PATH     also the tests of the real CIFAR-100, unpacked in PATH/cifar-100-python
    --network           also the tests that follow the document's links
    --resnet50-weights FILE
                        also the tests that need trained weights of ResNet-50, in a file that torchvision downloaded
    --campaign DIR      first the examples that failed in the campaign that left this folder: `run/draws.py`
    --exercise          rung by rung, for who writes the operations: `run/exercise/plugin.py`
    --language en|zh    the language of the summary and of --exercise (default: by the locale)
    --exercise-json FILE
                        write the result of --exercise there
    --watch             with --exercise: try again whenever the file is saved
    --tensorboard DIR   write a log of what the document describes to DIR, for `tensorboard --logdir DIR`

All but the first also have a name with a prefix, `--spec-device`, which no other plugin holds (see `options.py`).

A full run, `pytest spec_tests` on the default subject with nothing deselected, fails if it leaves a claim unchecked
that needs nothing but the default installation. Any other run checks what it was asked for.
"""

import functools
import gc
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from reference.command import in_one_line
from spec_tests import subjects
from spec_tests.contract.guard import Guarded
from spec_tests.run import (
    asking,
    collecting,
    draws,
    expecting,
    gallery,
    given_files,
    hooks,
    options,
    ordering,
    processes,
    scheduling,
    showing,
    summary,
    unread,
)
from spec_tests.run.ending import RUN, Ending
from spec_tests.run.exercise import plugin as exercise
from spec_tests.run.language import language_of
from spec_tests.run.selection import (
    asks_for_everything,
    claims_of,
    is_full_run,
    is_property,
    is_specification,
    needs_a_checkout,
    section_of,
    wanted_dtypes,
)
from spec_tests.vocabulary import claims, ledger
from spec_tests.vocabulary.formats import LAWS
from spec_tests.vocabulary.properties import operations_of
from spec_tests.vocabulary.results import LEFT_OUT
from spec_tests.vocabulary.subject import NotOffered, Subject

A_LONG_RUN = 1000  # tests
GARBAGE = (20_000, 20, 100)
"""The thresholds of the garbage collector in a long run: with Python's own it takes a twentieth of the time."""
SUBJECT = pytest.StashKey[Guarded]()
DESELECTED = pytest.StashKey[Counter[str]]()
ENTRY = pytest.StashKey[ledger.Entry]()
REASON = pytest.StashKey[str]()
"""Of a test that is left out from the start, the key in `LEFT_OUT` of the reason."""

MARKERS = {
    "claim(id, ...)": "checks these claims of the document, at most three",
    "deviation(id)": "demonstrates a known deviation, listed in deviations.toml",
    "requirement(level, operation, ...)": "requires something of this level of these operations",
    "about(operation)": "is, of the operations that its test names, about this one",
    "torch_api": "calls torch by name, so it runs only if torch is the subject",
    "compares_with_reference": "compares the subject with the references, so it does not run if they are the subject",
    "slow": "takes long, starts processes or tests the specification itself, so it runs only with --slow",
    "tooling": "tests this project's own tools, so it runs only with torch on the CPU",
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which a plugin hands over a subject."""
    pluginmanager.add_hookspecs(hooks)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the plugins for the options, for what is collected and drawn, and for a run in several processes."""
    for part in (options, collecting, draws, expecting, processes, scheduling, unread, exercise):
        pluginmanager.register(part)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")
    config.stash[DESELECTED] = Counter()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ending(config))
    if config.option.spec_tensorboard is not None:
        config.pluginmanager.register(gallery.Log(config.option.spec_tensorboard, config.option.spec_resnet50_weights))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a property once for each of its operations, and in the best format for laws unless it names others."""
    named = {name for mark in metafunc.definition.iter_markers("parametrize") for name in _names(mark)}
    wanted = set(metafunc.fixturenames) - named
    if "operation" in wanted and (operations := operations_of(metafunc.function)):
        metafunc.parametrize("operation", operations)
    if "dtype" in wanted and hasattr(metafunc.function, "property"):
        metafunc.parametrize("dtype", [_format_of_laws(metafunc.config)])


def _names(mark: pytest.Mark) -> list[str]:
    """Return the arguments that a parametrize mark provides."""
    names = mark.args[0]
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def _format_of_laws(config: pytest.Config) -> str:
    """Return the first format that the subject computes in."""
    try:
        subject = hooks.load_subject(config)
    except subjects.NotAvailable:  # the run stops when its tests are collected, and says why
        return LAWS[0]
    return next((dtype for dtype in LAWS if dtype in subject.dtypes), LAWS[0])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Load the subject and check the claims; of the selected tests, leave out those that do not apply to it."""
    specification = [item for item in items if is_specification(item)]
    if not specification and not unread.unread(config):
        return (yield)
    config.stash[SUBJECT] = subject = _load_subject(config)
    config.stash[asking.WANTED] = _wanted(config, subject)
    for item in specification:
        _check_claims(item)
        _count_examples(item)
    config.stash[RUN] = summary.Run(
        subject.name,
        whole=asks_for_everything(config),
        full=is_full_run(config),
        transforms=subject.transforms,
        foreign=subject.foreign,
        said=subject.notes,
        left_out=config.stash[DESELECTED],
        unread=unread.unread(config),
        dtypes=tuple(sorted(subject.dtypes)),
        language=language_of(config.option.spec_language),
    )
    yield
    reasons = {item: _reason_to_leave_out(item, config, subject) for item in items if is_specification(item)}
    left_out = [item for item, reason in reasons.items() if reason]
    if left_out:
        config.stash[DESELECTED].update(reasons[item] for item in left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not reasons.get(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests are to run, and put first what shows most; in a long run, let the GC skip what is there."""
    for item in filter(is_specification, session.items):
        of_our_own = asking.KNOWN in getattr(item, "fixturenames", ())  # what fails there is the expectation
        tooling = of_our_own or isinstance(item, pytest.DoctestItem) or item.get_closest_marker("tooling") is not None
        item.stash[ENTRY] = ledger.Entry(
            item.nodeid,
            section_of(item),
            claims_of(item),
            tooling=tooling,
            requirements=tuple(asking.requirements(item)),
        )
        ledger.expect(item.stash[ENTRY])
    if not processes.is_worker(session.config):  # there, the order is the scheduler's
        session.items[:] = ordering.in_order(session.items)
    if len(session.items) > A_LONG_RUN:
        gc.collect()
        gc.freeze()
        session.config.add_cleanup(functools.partial(gc.set_threshold, *gc.get_threshold()))
        gc.set_threshold(*GARBAGE)


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The implementation under test."""
    return request.config.stash[SUBJECT]


@pytest.fixture(scope="session")
def subject_on_cpu(request: pytest.FixtureRequest, subject: Subject) -> Subject:
    """The implementation under test on the CPU: a GPU reports some errors late, and cannot be used afterwards."""
    if request.config.option.spec_device == "cpu":
        return subject
    try:
        return hooks.load_subject(request.config, "cpu")
    except subjects.NotAvailable as error:
        pytest.skip(f"not counted: asked on the CPU alone, but {error}")


@pytest.fixture(scope="session", params=ordering.PROOFS)
def implementation(request: pytest.FixtureRequest, subject: Subject) -> Subject:
    """The references, then the implementation under test: both must give the worked numbers."""
    return subjects.load("reference") if request.param == ordering.REFERENCES else subject


@pytest.fixture(scope="session")
def real_cifar10(request: pytest.FixtureRequest) -> Path:
    """The folder of the real CIFAR-10."""
    folder: Path = request.config.option.spec_cifar10  # if there is none, the tests that need it are left out
    return folder


@pytest.fixture(scope="session")
def real_cifar100(request: pytest.FixtureRequest) -> Path:
    """The folder of the real CIFAR-100."""
    folder: Path = request.config.option.spec_cifar100  # if there is none, the tests that need it are left out
    return folder


@pytest.fixture(scope="session")
def internet() -> None:
    """Leave to use the network: a test that asks for it is left out unless --network is given."""


@pytest.fixture(scope="session")
def resnet50_weights(request: pytest.FixtureRequest) -> Path:
    """The file of trained weights of ResNet-50."""
    file: Path = request.config.option.spec_resnet50_weights  # if there is none, the tests that need it are left out
    return file


@pytest.fixture(scope="module", autouse=True)
def started_early(request: pytest.FixtureRequest) -> None:
    """Start what takes long after the very first tests; one of several processes waits for a test that needs it."""
    if not processes.is_worker(request.config) and not ordering.is_first(request.node):
        request.getfixturevalue("children")


@pytest.fixture(scope="session")
def children(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The code blocks of `test_code_blocks.py`, started early in the run because they take long."""
    modules: set[Any] = {getattr(item, "module", None) for item in request.session.items}
    started = [module.children_started for module in modules if hasattr(module, "children_started")]
    with started[0](tmp_path_factory) if started else nullcontext({}) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Record in the ledger under this test while it runs."""
    if not is_specification(item):
        return (yield)
    ledger.start(item.stash[ENTRY])
    if not is_property(item):
        ledger.example({})
    try:
        expecting.before_call(item)
        result = yield
        by_name = item.get_closest_marker("torch_api")  # asks torch, and not through the subject
        if item.get_closest_marker("requirement") and not by_name and not ledger.answered():
            ledger.not_offered("nothing was asked that the subject answers")
            pytest.skip("not counted: nothing was asked that the subject answers")
        return result
    except NotOffered as error:
        ledger.not_offered(str(error))
        pytest.skip(f"not counted: {error}")
    except expecting.FAILURES as failure:
        if isinstance(failure, AssertionError) and (gone := _deviation_never_seen_here(item)) is not None:
            pytest.skip(f"torch {metadata.version('torch')} does not show the deviation {gone}")
        expecting.judge(item, failure)
        raise
    finally:
        ledger.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, pytest.TestReport]:
    """Note how each phase of a test ended; draw the smallest case of a failure."""
    report: pytest.TestReport = yield
    entry = item.stash.get(ENTRY, None)
    if entry is not None:
        if report.failed and report.when != "call":
            entry.end("error")
        elif report.skipped or report.when == "call":
            entry.end(report.outcome)
        if report.failed and report.when == "call" and (entry.last_example or entry.calls):
            showing.show(item, report, call, entry, item.config.stash[SUBJECT])
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a full run that left a claim unchecked."""
    gc.unfreeze()
    if processes.is_worker(session.config):  # the process that has all records decides
        return
    ran = RUN in session.config.stash and not session.config.option.collectonly
    if ran and session.exitstatus == 0 and not any(map(_counts, ledger.entries())):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    if is_full_run(session.config) and session.exitstatus == 0 and summary.missing(ledger.entries()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _counts(entry: ledger.Entry) -> bool:
    """Tell whether a test says anything."""
    return entry.outcome in ("passed", "failed", "error") or bool(entry.deviation)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the summary."""
    if RUN in config.stash and _has_something_to_say(config) and not config.option.collectonly:
        run = config.stash[RUN]
        terminalreporter.section({"en": "specification", "zh": "规范"}[run.language])
        terminalreporter.write_line("\n".join(summary.lines(ledger.entries(), run)))


def _has_something_to_say(config: pytest.Config) -> bool:
    """Tell whether the specification's tests or files were run, or left out."""
    return bool(ledger.entries() or config.stash[RUN].left_out or config.stash[RUN].unread)


def _deviation_never_seen_here(item: pytest.Item) -> str | None:
    """Return the deviation that a test demonstrates, if it has not been seen in this version of torch."""
    mark = item.get_closest_marker("deviation")
    if mark is None:
        return None
    (entry,) = [entry for entry in claims.deviations() if entry["id"] == mark.args[0]]
    minor = ".".join(metadata.version("torch").split(".")[:2])
    return None if minor in entry["versions"] else str(entry["id"])


def _check_claims(item: pytest.Item) -> None:
    ids = claims_of(item)
    unknown = [id for id in ids if id not in claims.register()]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid} names claims that are not in the register: {', '.join(unknown)}")
    if len(ids) > 3:
        raise pytest.UsageError(f"{item.nodeid} carries {len(ids)} claims; a test may carry at most 3")


def _load_subject(config: pytest.Config) -> Guarded:
    option = config.option
    try:
        subject = hooks.load_subject(config)
    except subjects.NotAvailable as error:
        device = "" if option.spec_device == "cpu" else f" --device {option.spec_device}"
        raise pytest.UsageError(in_one_line(f"--subject {option.subject}{device}: {error}")) from None
    given_files.check(option)
    wanted = wanted_dtypes(config)
    if option.spec_dtype and not wanted:
        raise pytest.UsageError(f"--dtype {option.spec_dtype} names no number format, as float32 is one")
    if missing := wanted - subject.dtypes:
        raise pytest.UsageError(
            f"--dtype {', '.join(sorted(missing))}: {subject.name} computes in {', '.join(sorted(subject.dtypes))}"
        )
    return subject


def _wanted(config: pytest.Config, subject: Guarded) -> Mapping[str, frozenset[str]]:
    try:
        return asking.wanted(config.option.only, subject, at_least_one=config.option.spec_exercise)
    except subjects.NotAvailable as error:
        raise pytest.UsageError(str(error)) from None


def _reason_to_leave_out(item: pytest.Item, config: pytest.Config, subject: Guarded) -> str:
    """Return why this test is left out, or an empty string."""
    item.stash[REASON] = reason = _left_out(item, config, subject)
    dtype = getattr(item, "callspec", None) and item.callspec.params.get("dtype")  # type: ignore[attr-defined]  # of functions only
    return LEFT_OUT[reason].en.format(dtype=dtype) if reason else ""


def _left_out(item: pytest.Item, config: pytest.Config, subject: Guarded) -> str:
    """Return the key in `LEFT_OUT` of the reason why this test is left out, or an empty string."""
    name, needed = config.option.subject, getattr(item, "fixturenames", ())
    if item.get_closest_marker("slow") and not config.option.spec_slow:
        return "slow"
    if "real_cifar10" in needed and config.option.spec_cifar10 is None:
        return "cifar10"
    if "real_cifar100" in needed and config.option.spec_cifar100 is None:
        return "cifar100"
    if "internet" in needed and not config.option.spec_network:
        return "network"
    if "resnet50_weights" in needed and config.option.spec_resnet50_weights is None:
        return "weights"
    if item.get_closest_marker("torch_api") and name != "torch":
        return "torch_api"
    if item.get_closest_marker("compares_with_reference") and name == "reference":
        return "compares_with_reference"
    if needs_a_checkout(item):
        return "checkout"
    if item.get_closest_marker("tooling") and (name, config.option.spec_device) != ("torch", "cpu"):
        return "tooling"
    if reason := asking.reason_not_to_ask(item, subject, config.stash[asking.WANTED]):
        return reason
    dtype = getattr(item, "callspec", None) and item.callspec.params.get("dtype")  # type: ignore[attr-defined]  # of functions only
    if dtype and dtype not in subject.dtypes:
        return "format"
    if dtype and wanted_dtypes(config) and dtype not in wanted_dtypes(config):
        return "dtype"
    return ""


def _count_examples(item: pytest.Item) -> None:
    """Count every call of a property's body, and keep the arguments of the last one."""
    handle = getattr(getattr(item, "function", None), "hypothesis", None)  # `for_all` counts by itself
    if handle is None:
        return
    if not hasattr(handle.inner_test, "is_counted"):
        handle.inner_test = _counted(handle.inner_test)


def _counted(body: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(body)
    def counted(*args: Any, **kwargs: Any) -> Any:
        ledger.example(kwargs)
        try:
            return body(*args, **kwargs)
        except NotOffered:
            ledger.rejected()

    counted.is_counted = True  # type: ignore[attr-defined]  # so that it is wrapped once
    return counted
