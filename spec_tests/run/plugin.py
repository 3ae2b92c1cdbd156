"""What `pytest spec_tests` adds to pytest: the subject, the claims, the record of the run and its summary.

    --subject NAME      what to test: a file of `spec_tests/subjects` (default torch)
    --device DEVICE     where it computes, for example cuda (default cpu)
    --dtype DTYPE,...   only the tests of these number formats
    --slow              also what takes long, starts processes of its own, or tests the specification itself
    --cifar10 PATH      the real CIFAR-10, in the folder PATH/cifar-10-batches-py, for the tests of its real counts
    --cifar100 PATH     the real CIFAR-100, in the folder PATH/cifar-100-python, likewise
    --network           follow the document's links: nothing reaches for a network without it
    --resnet50-weights FILE
                        trained weights of ResNet-50, as torchvision downloads them, for the tests that use them
    --tensorboard DIR   leave a log there that shows what the document describes: `tensorboard --logdir DIR`

A full run, `pytest spec_tests` without selection and on the default subject, fails if a registered claim was
not executed. Any other run reports what it executed and does not fail on that.
"""

import functools
import gc
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from spec_tests import subjects
from spec_tests.run import drawing, draws, gallery, summary
from spec_tests.run.ending import RUN, Ending
from spec_tests.run.selection import (
    asks_for_everything,
    claims_of,
    is_full_run,
    is_property,
    is_specification,
    section_of,
    wanted_dtypes,
)
from spec_tests.vocabulary import claims, ledger
from spec_tests.vocabulary.formats import FORMATS, LAWS
from spec_tests.vocabulary.properties import operations_of
from spec_tests.vocabulary.results import LEFT_OUT
from spec_tests.vocabulary.subject import Subject

A_LONG_RUN = 1000  # tests
SUBJECT = pytest.StashKey[Subject]()
DESELECTED = pytest.StashKey[Counter[str]]()
ENTRY = pytest.StashKey[ledger.Entry]()
SMALLEST_CASE = "the smallest case"
"""The title under which a failure is drawn."""

MARKERS = {
    "claim(id, ...)": "the claims of the document, at most three, that this test executes",
    "deviation(id)": "demonstrates a known deviation of `deviations.toml`",
    "requirement(level, operation, ...)": "the level of what this test requires, and of which operations",
    "torch_api": "names torch itself: runs only when torch is the subject",
    "compares_with_reference": "compares the subject with the references: says nothing when they are the subject",
    "slow": "takes long, starts processes, or tests the specification itself: runs only with --slow",
    "network": "reaches for the network: runs only with --network",
    "tooling": "tests this project's own tools: runs only with the default subject",
}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options, and the plugin that says what Hypothesis draws."""
    pluginmanager.register(draws)
    group = parser.getgroup("specification")
    group.addoption("--subject", default="torch", help="the implementation under test (default: torch)")
    group.addoption("--device", default="cpu", help="where it computes, for example cuda (default: cpu)")
    group.addoption("--slow", action="store_true", help="also what takes long or starts processes of its own")
    group.addoption("--cifar10", type=Path, help="a folder that holds the real cifar-10-batches-py")
    group.addoption("--cifar100", type=Path, help="a folder that holds the real cifar-100-python")
    group.addoption("--network", action="store_true", help="also what needs the network: the document's links")
    group.addoption(
        "--resnet50-weights", type=Path, metavar="FILE", help="ResNet-50's weights, as torchvision has them"
    )
    group.addoption("--tensorboard", type=Path, metavar="DIR", help="leave a log there for tensorboard --logdir DIR")
    group.addoption("--dtype", default="", help="only these number formats, comma separated: " + ", ".join(FORMATS))


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")
    config.stash[DESELECTED] = Counter()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ending(config))
    if config.option.tensorboard is not None:
        config.pluginmanager.register(gallery.Log(config.option.tensorboard, config.option.resnet50_weights))


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
        subject = subjects.load(config.option.subject, config.option.device)
    except subjects.NotAvailable:  # the run stops when its tests are collected, and says why
        return LAWS[0]
    return next((dtype for dtype in LAWS if dtype in subject.dtypes), LAWS[0])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    """Load the subject and check the claims; of the tests selected, leave out what this subject cannot answer."""
    specification = [item for item in items if is_specification(item)]
    if not specification:
        return (yield)
    config.stash[SUBJECT] = subject = _load_subject(config)
    for item in specification:
        _check_claims(item)
        _count_examples(item)
    config.stash[RUN] = summary.Run(
        subject.name, asks_for_everything(config), is_full_run(config), config.stash[DESELECTED]
    )
    yield
    reasons = {item: _reason_to_leave_out(item, config, subject) for item in items if is_specification(item)}
    left_out = [item for item, reason in reasons.items() if reason]
    if left_out:
        config.stash[DESELECTED].update(reasons[item] for item in left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not reasons.get(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which tests are to run; in a long run, freeze what imports and collection made, so that the GC skips it."""
    for item in filter(is_specification, session.items):
        tooling = isinstance(item, pytest.DoctestItem) or item.get_closest_marker("tooling") is not None
        item.stash[ENTRY] = ledger.Entry(item.nodeid, section_of(item), claims_of(item), tooling=tooling)
        ledger.expect(item.stash[ENTRY])
    if len(session.items) > A_LONG_RUN:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The implementation under test."""
    return request.config.stash[SUBJECT]


@pytest.fixture(scope="session")
def subject_on_cpu(request: pytest.FixtureRequest, subject: Subject) -> Subject:
    """The implementation under test on the CPU: a GPU reports some refusals later, and is then lost."""
    option = request.config.option
    return subject if option.device == "cpu" else subjects.load(option.subject, "cpu")


@pytest.fixture(scope="session", params=["by the references", "by the subject"])
def implementation(request: pytest.FixtureRequest, subject: Subject) -> Subject:
    """The references, and then the implementation under test: worked numbers are proven by both."""
    return subjects.load("reference") if request.param == "by the references" else subject


@pytest.fixture(scope="session")
def real_cifar10(request: pytest.FixtureRequest) -> Path:
    """The folder of the real CIFAR-10, for those who have it."""
    folder: Path = request.config.option.cifar10  # without one, the tests that want it are left out
    return folder


@pytest.fixture(scope="session")
def real_cifar100(request: pytest.FixtureRequest) -> Path:
    """The folder of the real CIFAR-100, for those who have it."""
    folder: Path = request.config.option.cifar100  # without one, the tests that want it are left out
    return folder


@pytest.fixture(scope="session")
def resnet50_weights(request: pytest.FixtureRequest) -> Path:
    """The file of trained weights of ResNet-50, for those who have it."""
    file: Path = request.config.option.resnet50_weights  # without one, the tests that want it are left out
    return file


@pytest.fixture(scope="session", autouse=True)
def children(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The code blocks of `test_code_blocks.py`, running from the start of the run: they take their time."""
    modules: set[Any] = {getattr(item, "module", None) for item in request.session.items}
    started = [module.children_started for module in modules if hasattr(module, "children_started")]
    with started[0](tmp_path_factory) if started else nullcontext({}) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Make the ledger write to this test while it runs."""
    if not is_specification(item):
        return (yield)
    ledger.start(item.stash[ENTRY])
    if not is_property(item):
        ledger.example({})
    try:
        return (yield)
    except AssertionError:
        if (gone := _deviation_never_seen_here(item)) is not None:
            pytest.skip(f"torch {metadata.version('torch')} does not show the deviation {gone}")
        raise
    finally:
        ledger.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """Note how each phase of a test ended; draw the smallest case of a failure."""
    report: pytest.TestReport = yield
    entry = item.stash.get(ENTRY, None)
    if entry is not None:
        if report.failed and report.when != "call":
            entry.end("error")
        elif report.skipped or report.when == "call":
            entry.end(report.outcome)
        if report.failed and report.when == "call" and entry.last_example:
            given = {} if hasattr(item.function, "property") else getattr(getattr(item, "callspec", None), "params", {})  # type: ignore[attr-defined]  # of functions only
            arguments = {**given, **entry.last_example}
            report.sections.append((SMALLEST_CASE, drawing.smallest_case(item, arguments, item.config.option)))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a full run in which a claim was not executed."""
    gc.unfreeze()
    if is_full_run(session.config) and session.exitstatus == 0 and summary.missing(ledger.entries()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what the run did, section by section."""
    if RUN in config.stash and (ledger.entries() or config.stash[DESELECTED]) and not config.option.collectonly:
        terminalreporter.section("specification")
        terminalreporter.write_line("\n".join(summary.lines(ledger.entries(), config.stash[RUN])))


def _deviation_never_seen_here(item: pytest.Item) -> str | None:
    """Return the deviation that a test demonstrates, if this version of torch is none of those it was seen in."""
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
        raise pytest.UsageError(f"{item.nodeid} carries {len(ids)} claims, more than one test can prove")


def _load_subject(config: pytest.Config) -> Subject:
    option = config.option
    try:
        subject = subjects.load(option.subject, option.device)
    except subjects.NotAvailable as error:
        raise pytest.UsageError(f"--subject {option.subject} --device {option.device}: {error}") from None
    for name, folder in (("cifar10", "cifar-10-batches-py"), ("cifar100", "cifar-100-python")):
        if (path := getattr(option, name)) is not None and not (path / folder).is_dir():
            raise pytest.UsageError(f"--{name} {path}: there is no folder {folder} in it")
    if option.resnet50_weights is not None and not option.resnet50_weights.is_file():
        raise pytest.UsageError(f"--resnet50-weights {option.resnet50_weights}: there is no such file")
    missing = wanted_dtypes(config) - subject.dtypes
    if missing:
        raise pytest.UsageError(
            f"--dtype {', '.join(sorted(missing))}: {subject.name} computes in {', '.join(sorted(subject.dtypes))}"
        )
    return subject


def _reason_to_leave_out(item: pytest.Item, config: pytest.Config, subject: Subject) -> str:
    """Return why this subject is not asked this test, or an empty string."""
    reason = _left_out(item, config, subject)
    dtype = getattr(item, "callspec", None) and item.callspec.params.get("dtype")  # type: ignore[attr-defined]  # of functions only
    return LEFT_OUT[reason].en.format(dtype=dtype) if reason else ""


def _left_out(item: pytest.Item, config: pytest.Config, subject: Subject) -> str:
    """Return which of the reasons in `LEFT_OUT` applies to a test, or an empty string."""
    name, needed = config.option.subject, getattr(item, "fixturenames", ())
    if item.get_closest_marker("slow") and not config.option.slow:
        return "slow"
    if "real_cifar10" in needed and config.option.cifar10 is None:
        return "cifar10"
    if "real_cifar100" in needed and config.option.cifar100 is None:
        return "cifar100"
    if item.get_closest_marker("network") and not config.option.network:
        return "network"
    if "resnet50_weights" in needed and config.option.resnet50_weights is None:
        return "weights"
    if item.get_closest_marker("torch_api") and name != "torch":
        return "torch_api"
    if item.get_closest_marker("compares_with_reference") and name == "reference":
        return "compares_with_reference"
    if item.get_closest_marker("tooling") and (name, config.option.device) != ("torch", "cpu"):
        return "tooling"
    dtype = getattr(item, "callspec", None) and item.callspec.params.get("dtype")  # type: ignore[attr-defined]  # of functions only
    if dtype and dtype not in subject.dtypes:
        return "format"
    if dtype and wanted_dtypes(config) and dtype not in wanted_dtypes(config):
        return "dtype"
    return ""


def _count_examples(item: pytest.Item) -> None:
    """Have every execution of a property's body counted, and its arguments remembered."""
    handle = getattr(getattr(item, "function", None), "hypothesis", None)  # `for_all` counts by itself
    if handle is None:
        return
    if not hasattr(handle.inner_test, "is_counted"):
        handle.inner_test = _counted(handle.inner_test)


def _counted(body: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(body)
    def counted(*args: Any, **kwargs: Any) -> Any:
        ledger.example(kwargs)
        return body(*args, **kwargs)

    counted.is_counted = True  # type: ignore[attr-defined]  # a note to ourselves
    return counted
