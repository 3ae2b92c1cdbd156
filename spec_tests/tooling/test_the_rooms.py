"""The rooms of the house: which folder may import which, by every import of the repository, hidden ones included."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PACKAGES = ("reference", "spec_tests", "benchmarks")
ROOMS = (
    "spec_tests.installed",
    "reference",
    "spec_tests.worked_examples",
    "spec_tests.vocabulary",
    "spec_tests.contract",
    "spec_tests.adapters",
    "spec_tests.transforming",
    "spec_tests.wrong_implementations",
    "spec_tests.subjects",
    "spec_tests.code_blocks",
    "spec_tests.run",
    "spec_tests.verdict",
    "spec_tests.report",
    "spec_tests.vectors",
    "spec_tests",
    "spec_tests.matrix",
    "spec_tests.tooling",
    "benchmarks",
)
"""From the lowest to the highest: a room imports itself and those before it. `spec_tests` alone is its test files."""

IMPORTERS = ("import_module", "importlib.import_module", "WhenNeeded")
"""The functions that import the module of a name."""

STANDARD = sys.stdlib_module_names


def module_of(file: Path) -> str:
    """Return the dotted name of a file's module."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    module_of(file): file
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
    if "printed" not in file.parts
}


def imports_of(file: Path) -> set[str]:
    """Return the modules of this repository that a file names: in imports, and in calls of `import_module`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in IMPORTERS:
            found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return {name for name in found if name in FILES and FILES[name] != file}


@cache
def imports() -> dict[str, set[str]]:
    """Return what each module of this repository imports of it."""
    return {module: imports_of(file) for module, file in FILES.items()}


def room_of(module: str) -> str:
    """Return the room that a module is in: the longest that it begins with."""
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len)


def arrows() -> Iterator[tuple[str, str]]:
    """Return every import of one module by another, but for a package's by its own modules."""
    for module, imported in imports().items():
        yield from ((module, other) for other in imported if not f"{module}.".startswith(f"{other}."))


def test_every_module_is_in_a_room():
    assert {room_of(module) for module in FILES} == set(ROOMS)


def test_rooms_import_only_those_below_them():
    upward = [
        f"{module} imports {other}"
        for module, other in arrows()
        if ROOMS.index(room_of(other)) > ROOMS.index(room_of(module))
    ]

    assert not upward


def test_the_references_import_nothing_of_the_rest_and_at_the_top_numpy_alone():
    allowed = {"numpy", "reference"}
    for module, file in FILES.items():
        if room_of(module) != "reference":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
        third_party = {name.partition(".")[0] for name in names} - allowed - STANDARD
        assert not third_party, f"{module} imports {', '.join(sorted(third_party))}"


def test_no_module_imports_one_that_imports_it():
    graph = {module: {other for a, other in arrows() if a == module} for module in FILES}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_nothing_imports_a_test_module():
    imported = [f"{module} imports {other}" for module, other in arrows() if ".test_" in other]

    assert not imported


def test_no_import_of_this_repository_is_hidden_in_a_function():
    hidden = {
        module
        for module, file in FILES.items()
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.partition(".")[0] in PACKAGES
    }

    assert not hidden
