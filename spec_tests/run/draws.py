"""Which examples Hypothesis draws for the specification: the same ones everywhere, unless random ones are asked for.

--hypothesis-profile NAME   one of these, or another profile that is registered with Hypothesis

    repeatable   60 examples per test, always the same ones (the default)
    explore      100 random examples per test
    thorough     1,000 random examples per test
    few          4 examples per test and operation, always the same ones: for a subject that takes seconds for each
    250          so many random examples per test, or any other number

--hypothesis-seed N         the seed of random examples; without a profile it implies explore
--campaign DIR              first the examples that failed in this campaign; without a profile it implies explore

Of another profile the specification takes over how many examples there are and which; time limits it has none.
A run with random examples prints the options that repeat it. Tests outside the specification keep their settings.
"""

import secrets
import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from zlib import crc32

import hypothesis.control
import hypothesis.core
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, ReadOnlyDatabase
from hypothesis.errors import InvalidArgument
from hypothesis.internal.conjecture import providers
from hypothesis.strategies._internal import core

from spec_tests.run.complaints import told
from spec_tests.run.language import language_of
from spec_tests.run.selection import is_specification
from spec_tests.vocabulary.seeding import seeded

REPEATABLE, EXPLORE, THOROUGH, FEW = "repeatable", "explore", "thorough", "few"

SEED = "seed of the random examples"
"""Under which a process of pytest-xdist is told it."""
_SEED = pytest.StashKey[str | None]()
"""The seed of a run that tries first what failed in a campaign: Hypothesis is not to know it, or it reads nothing."""

MOST_DIGITS = 9
"""Of a number of examples: Hypothesis tries no billion of them, and Python reads no number of thousands of digits."""
CAMPAIGN = "campaign.json"
"""What every campaign begins in its folder."""
FAILED = "failed"
"""The folder of a campaign's folder in which Hypothesis finds the examples that failed."""

_common = settings(
    settings.get_profile("default"),  # by name: where the variable CI is set, Hypothesis begins with another
    derandomize=False,
    database=None,
    deadline=None,  # a first call of torch takes its time
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
PROFILES = {
    REPEATABLE: settings(_common, max_examples=60, derandomize=True),
    EXPLORE: settings(_common, max_examples=100),
    THOROUGH: settings(_common, max_examples=1000),
    FEW: settings(_common, max_examples=4, derandomize=True),
}
"""Registered with Hypothesis only while the specification uses them: a project may have profiles of these names."""


def profile(config: pytest.Config) -> str:
    """Return the name of the profile of this run."""
    option = config.option
    if option.hypothesis_profile:
        return str(option.hypothesis_profile)
    return EXPLORE if seed(config) is not None or option.spec_campaign is not None else REPEATABLE


def seed(config: pytest.Config) -> str | None:
    """Return the seed of a run with random examples, None of any other run."""
    given = config.stash.get(_SEED, config.option.hypothesis_seed)
    name = config.option.hypothesis_profile
    return given if not name or _is_random(name) else None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the profile, and choose a seed before Hypothesis reads the option."""
    if not hasattr(config.option, "hypothesis_profile"):
        raise pytest.UsageError("the specification needs Hypothesis' plugin of pytest, which is switched off here")
    name, option = profile(config), config.option
    if not _is_registered(name) and not _is_random(name) and name not in PROFILES:
        raise pytest.UsageError(f"--hypothesis-profile {name}: no such profile; the specification has {_named()}")
    if option.spec_campaign is not None:
        _check_campaign(option.spec_campaign, name)
    if option.hypothesis_profile and not _is_registered(name):
        settings.register_profile(name, _of(name))  # for Hypothesis, which loads what the option names
    if _is_random(name) and option.hypothesis_seed is None:
        option.hypothesis_seed = getattr(config, "workerinput", {}).get(SEED) or str(secrets.randbits(32))
    if option.spec_campaign is not None:
        config.stash[_SEED], option.hypothesis_seed = option.hypothesis_seed, None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist the seed: it reads the command line for itself, where none may be."""
    node.workerinput[SEED] = seed(node.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Import a file of the specification under the profile: `given` reads the settings then."""
    if not is_specification(collector):
        return (yield)
    with _as_asked_for(collector.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give a test of the specification random numbers of torch's that no other test has moved."""
    with _numbers_of_its_own(item) if is_specification(item) else nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Run a test of the specification under the profile."""
    if not is_specification(item):
        return (yield)
    with _as_asked_for(item.config):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Derive a property's repeatable draws from its name alone: for a parametrized one Hypothesis adds the path."""
    handle = getattr(pyfuncitem.function, "hypothesis", None)  # `for_all` derives its own
    if is_specification(pyfuncitem) and handle is not None:
        handle.inner_test._hypothesis_internal_add_digest = pyfuncitem.name.encode()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say before a run with random examples how to repeat it, in case it is broken off."""
    return [_how_to_repeat(config)] if seed(config) is not None else []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say after a run with random examples how to repeat it."""
    if seed(config) is not None:
        terminalreporter.write_line(_how_to_repeat(config))


def _how_to_repeat(config: pytest.Config) -> str:
    options = f"--hypothesis-profile={profile(config)} --hypothesis-seed={seed(config)}"
    if (campaign := config.option.spec_campaign) is not None:
        options += f" --campaign={campaign}"
    return told(
        f"the examples are random; to draw the same ones again: {options}", language_of(config.option.spec_language)
    )


def _is_registered(name: str) -> bool:
    try:
        settings.get_profile(name)
    except InvalidArgument:
        return False
    return True


def _check_campaign(folder: Path, profile: str) -> None:
    if not folder.is_dir():
        raise pytest.UsageError(f"--campaign {folder}: there is no such folder")
    if not (folder / CAMPAIGN).is_file():
        raise pytest.UsageError(f"--campaign {folder}: no campaign left this folder, which has no {CAMPAIGN}")
    if not _is_random(profile):
        raise pytest.UsageError(f"--campaign needs a profile with random examples, and {profile} is none")


def _is_random(name: str) -> bool:
    return name in (EXPLORE, THOROUGH) or (name.isdecimal() and len(name) <= MOST_DIGITS and int(name) > 0)


def _of(name: str) -> settings:
    """Return the specification's settings of this name, which may be a number of examples."""
    return PROFILES[name] if name in PROFILES else settings(_common, max_examples=int(name))


def _named() -> str:
    return ", ".join(PROFILES)


@contextmanager
def _as_asked_for(config: pytest.Config) -> Iterator[None]:
    before, campaign = settings.get_current_profile_name(), config.option.spec_campaign
    more: dict[str, Any] = {} if campaign is None else {"database": what_failed(campaign)}
    settings.register_profile(_USED, _wanted(profile(config)), verbosity=settings().verbosity, **more)
    settings.load_profile(_USED)
    try:
        with without_literals(), without_seeding(), _seeded(config.stash.get(_SEED, None)):
            yield
    finally:
        settings.load_profile(before)


@contextmanager
def _numbers_of_its_own(item: pytest.Item) -> Iterator[None]:
    """Seed torch's generator from the test's name and the seed of the run, and leave it as it was."""
    generator = getattr(sys.modules.get("torch"), "default_generator", None)
    if generator is None:
        yield
        return
    before = generator.get_state()
    generator.manual_seed(crc32(f"{seed(item.config)} {item.name}".encode()))
    try:
        yield
    finally:
        generator.set_state(before)


def _seeded(seed: str | None) -> AbstractContextManager[None]:
    return nullcontext() if seed is None else seeded(int(seed) if seed.isdecimal() else seed)


def what_failed(campaign: Path) -> ExampleDatabase:
    """Return the examples that failed in a campaign, for reading: one that is mended stays on record."""
    return ReadOnlyDatabase(DirectoryBasedExampleDatabase(campaign / FAILED))


_USED = "of the specification"
"""The name under which Hypothesis knows the profile while a test of the specification runs."""


def _wanted(name: str) -> settings:
    """Return the settings of this name: the specification's, or a project's but for what would fail its tests."""
    if name in PROFILES or _is_random(name):
        return _of(name)
    theirs = settings.get_profile(name)
    checks = {*theirs.suppress_health_check, *_common.suppress_health_check}
    return settings(theirs, deadline=None, report_multiple_bugs=False, suppress_health_check=list(checks))


def _no_constants() -> Any:
    """Return an empty pool of literals, of Hypothesis' own type."""
    return getattr(providers, "Constants")()  # noqa: B009  # a name that it does not export


@contextmanager
def without_literals() -> Iterator[None]:
    """Draw from the strategies alone.

    Hypothesis also tries literals from the source of local modules. Which modules these are depends on what has been
    imported and on where it is installed, and no setting excludes them. If Hypothesis renames the attributes that are
    replaced here, `tooling/test_the_draws.py` fails, and a run goes on with the literals.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", _no_constants, raising=False)
        patch.setattr(providers, "CONSTANTS_CACHE", _constants, raising=False)  # the original holds literals
        yield


_constants: dict[Any, Any] = {}


@contextmanager
def without_seeding() -> Iterator[None]:
    """Leave the global generators of `random` and NumPy alone, which nothing in the specification draws from.

    Hypothesis keeps, seeds and restores their states around every example, and looks around every strategy whether it
    has changed one, which together is an eighth of a property's time. If it renames a function that is replaced here,
    `tooling/test_the_draws.py` fails, and a run only takes longer.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hypothesis.core, "deterministic_PRNG", nullcontext, raising=False)
        for module in (hypothesis.control, core):
            patch.setattr(module, "deprecate_random_in_strategy", lambda *_: nullcontext(), raising=False)
        yield
