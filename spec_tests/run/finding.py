"""How a program finds the function under test: in its file, or in a module by its name."""

import ast
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spec_tests import subjects
from spec_tests.contract.declaration import Declaration
from spec_tests.run.program_parts import BY_NAME, BY_PATH


class NoProgram(Exception):
    """There is no program for this failure that could do without the project; the message says why."""


def place_of(name: str, subject: Any, function: str, own_name: str) -> tuple[str, str]:
    """Return the code that imports a function of the subject, and what it is called behind that.

    `name` is that of the subject. Raises NoProgram if the function cannot be imported without this project.
    """
    call = _handed_over(subject, function)
    if call is not None:
        return _of_a_function(call, function)
    if not subjects.is_foreign(name):
        raise NoProgram(f"{name!r} is a part of this project")
    source = getattr(subject, "source", None)
    if name.endswith(".py") and source is not None:
        return _by_path(Path(source).resolve()), f"layers.{own_name}"
    module, _, attribute = name.partition(":")
    of = f".{attribute}" if attribute else ""
    return BY_NAME.format(folder=str(Path.cwd()), module=module, of=of), f"layers.{own_name}"


def _handed_over(subject: Any, function: str) -> Callable[..., Any] | None:
    """Return a function that was handed over as an object, as `spec_tests.check` does."""
    declaration = getattr(getattr(subject, "inner", None), "declaration", None)
    if (
        not isinstance(declaration, Declaration)
        or getattr(subject, "source", None) is not None
        or function not in declaration.functions
    ):
        return None
    call: Callable[..., Any] = declaration.functions[function].call
    return call


def _of_a_function(call: Callable[..., Any], function: str) -> tuple[str, str]:
    """Return the same for a function of which nothing is known but itself."""
    if not inspect.isfunction(call):
        kind = type(call).__name__
        raise NoProgram(f"{function} is not a Python function in a file but an object of type {kind}")
    if call.__name__ == "<lambda>":
        raise NoProgram(f"{function} is a lambda, which cannot be imported: give it a name with def")
    if "<locals>" in call.__qualname__:
        raise NoProgram(f"{call.__name__} is defined inside another function, from where it cannot be imported")
    module = sys.modules.get(call.__module__)
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        raise NoProgram(f"{call.__name__} was not read from a file")
    found: Any = module
    for part in call.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not call:
        raise NoProgram(f"{call.__qualname__} in {Path(file).name} is another object than the function under test")
    path = Path(file).resolve()
    if calls_check(path.read_text(encoding="utf-8")):
        raise NoProgram(
            f"{path.name}, where {call.__name__} is defined, calls check() when it is imported: "
            "put that under if __name__ == '__main__', or into a file of its own"
        )
    package = getattr(module, "__package__", None) or ""
    if package:
        whole = package if path.name == "__init__.py" else f"{package}.{path.stem}"
        folder = path.parents[len(whole.split(".")) - (path.name != "__init__.py")]
        return BY_NAME.format(folder=str(folder), module=whole, of=""), f"layers.{call.__qualname__}"
    return _by_path(path), f"layers.{call.__qualname__}"


def _by_path(path: Path) -> str:
    return BY_PATH.format(file=str(path), module=path.stem)


def calls_check(code: str) -> bool:
    r"""Tell whether a file calls `check` as soon as it is imported.

    >>> calls_check("import spec_tests\nspec_tests.check(relu=relu)"), calls_check("def test(): check(relu=relu)")
    (True, False)
    """
    return any(
        isinstance(node, ast.Call) and "check" in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))
        for statement in ast.parse(code).body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not (isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test))
        for node in ast.walk(statement)
    )
