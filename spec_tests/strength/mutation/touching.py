"""Of all tests those that can touch a reference, the quickest and strongest first.

With torch as the subject only those are kept that hold it against the references, or that look at the references alone:
what asks torch alone tells nothing of a mutant. A plugin of pytest keeps them: the environment variable MUTATED names
the reference.
"""

import os
import tomllib
from collections.abc import Collection, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from spec_tests.run import draws
from spec_tests.run.selection import is_property
from spec_tests.strength.planting import asks_the_subject, operation_of, order
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS

SPECIFICATION = Path(__file__).parents[2]
TESTS = tomllib.loads(Path(__file__).with_name("tests.toml").read_text(encoding="utf-8"))
FILES, COMMON = TESTS["files"], TESTS["common"]

IMPORTED = "pytest.PytestAssertRewriteWarning"
"""The warning that a plugin was imported before pytest was started."""

WITHOUT_SHRINKING = "mutants"
settings.register_profile(WITHOUT_SHRINKING, draws.PROFILES[draws.REPEATABLE], phases=[Phase.explicit, Phase.generate])


def paths(file: str) -> list[str]:
    """Return the reference, for its doctests, and the files of tests that can touch it, relative to the project."""
    found = [path for name in (*FILES[file]["tests"], *COMMON) for path in sorted(SPECIFICATION.glob(f"{name}.py"))]
    return [f"reference/{file}.py", *(str(path.relative_to(SPECIFICATION.parent)) for path in found)]


def options(subject: str) -> list[str]:
    """Return the options of a run of pytest."""
    profile = f"--hypothesis-profile={WITHOUT_SHRINKING}"
    quiet = ["-q", "--tb=no", "-pno:cacheprovider", "-otmp_path_retention_policy=none", f"-Wignore::{IMPORTED}"]
    return [*quiet, "--slow", profile, f"--subject={subject}"]


def functions(file: str) -> set[str]:
    """Return the functions whose results a reference can change: its own, unless `tests.toml` names others."""
    if "functions" in FILES[file]:
        known = {*OPERATIONS, *OPTIMIZERS, *TRANSFORMS}
        return {name for name in known if any(name.startswith(part) for part in FILES[file]["functions"])}
    module = import_module(f"reference.{file}")
    return {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}


def touches(item: pytest.Item, file: str, own: Collection[str]) -> bool:
    """Tell whether a test can touch a reference that computes these functions."""
    if item.path.stem in FILES[file]["tests"] or not isinstance(item, pytest.Function):
        return True
    given: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    about = getattr(given.get("call"), "function", given.get("operation", ""))
    named = {about} if about else {name for mark in item.iter_markers("requirement") for name in mark.args[1:]}
    return not named or bool({*named, *map(operation_of, named)} & {*own, *map(operation_of, own)})


def tells_something(item: pytest.Item) -> bool:
    """Tell whether a test with torch as the subject depends on the references."""
    compares = item.get_closest_marker("compares_with_reference") is not None
    return compares or not isinstance(item, pytest.Function) or not asks_the_subject(item)


def chosen(items: Iterable[pytest.Item], file: str, subject: str) -> list[pytest.Item]:
    """Return the tests that can touch a reference, in order."""
    own, places = functions(file), {SPECIFICATION.parent / path for path in paths(file)}
    touching = (item for item in items if item.path in places and touches(item, file, own))
    return sorted((item for item in touching if subject == "reference" or tells_something(item)), key=_rank)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what can touch the reference, in order."""
    items[:] = chosen(items, os.environ["MUTATED"], config.option.subject)


def _rank(item: pytest.Item) -> tuple[bool, bool, float, bool]:
    strength = order().get(item.name.partition("[")[0], 0)
    slow = item.get_closest_marker("slow") is not None
    return isinstance(item, pytest.Function), slow, -strength, isinstance(item, pytest.Function) and is_property(item)
