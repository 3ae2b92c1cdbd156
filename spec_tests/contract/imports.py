"""Which modules a file may import: the standard library, NumPy, and what is allowed by name; before it runs, and while.

Neither is a wall against somebody who is bent on getting at a module that is loaded; both say plainly what is not
allowed, and neither harms who keeps to it.
"""

import ast
import builtins
import importlib
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

ALWAYS = frozenset({"numpy", "__future__"})
IMPORTERS = ("import_module", "__import__", "find_spec", "find_loader", "load_module", "run_module", "run_path")
"""The functions that import the module of a name, whatever module they are taken from."""
OF_THIS_PACKAGE = Path(__file__).parents[1]


def is_allowed(module: str, allowed: Collection[str]) -> bool:
    """Tell whether a module may be imported.

    >>> is_allowed("numpy.linalg", []), is_allowed("torch.nn", []), is_allowed("torch.nn", ["torch"])
    (True, False, True)
    """
    top = module.partition(".")[0]
    return top in ALWAYS or top in sys.stdlib_module_names or top in allowed or module in allowed


def forbidden(tree: ast.AST, allowed: Collection[str] = ()) -> str:
    """Return the first thing in a program that imports what it may not, "line 3: import torch", or "".

    >>> forbidden(ast.parse("import math, torch.nn"))
    'line 1: import torch.nn'
    >>> forbidden(ast.parse("import torch.nn"), ["torch"])
    ''
    """
    found = [
        (node.lineno, text)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call | ast.Attribute)
        for text in _imported(node, allowed)
    ]
    return "line {}: {}".format(*min(found)) if found else ""


def _imported(node: ast.AST, allowed: Collection[str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"import {alias.name}" for alias in names if not is_allowed(alias.name, allowed))
        case ast.ImportFrom(module=module, level=level, names=names):
            if level or not is_allowed(module or "", allowed):
                yield f"from {'.' * level}{module or ''} import {', '.join(alias.name for alias in names)}"
            elif module == "sys" and any(alias.name == "modules" for alias in names):
                yield "from sys import modules"
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            yield "sys.modules"
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if name in IMPORTERS:
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                yield f"{name}({ast.unparse(first)[:60]}), a name that is not written out"
            elif first.value.startswith(".") or not is_allowed(first.value, allowed):
                yield f"{name}({first.value!r})"


def guard(allowed: Collection[str]) -> None:
    """Let nothing be imported from now on in this process but what is allowed, unless a library imports it."""
    own_import, own_import_module = builtins.__import__, importlib.import_module
    trusted = tuple(f"{folder}{os.sep}" for folder in _folders())

    def refuse(name: str, caller: FrameType) -> None:
        if not is_allowed(name, allowed) and not caller.f_code.co_filename.startswith((*trusted, "<frozen ")):
            raise ImportError(
                f"{name} is not to be imported here, only {', '.join(['NumPy', *allowed])} and Python's own"
            )

    def guarded_import(name: str, *args: Any, **kwargs: Any) -> Any:
        refuse(name, sys._getframe(1))
        return own_import(name, *args, **kwargs)

    def guarded_import_module(name: str, package: str | None = None) -> Any:
        refuse(name, sys._getframe(1))
        return own_import_module(name, package)

    builtins.__import__ = guarded_import
    importlib.__import__ = guarded_import
    importlib.import_module = guarded_import_module


def _folders() -> Iterator[str]:
    """Yield where the libraries lie that import what they need: Python's own, NumPy, and the specification."""
    numpy = sys.modules["numpy"].__file__
    assert numpy is not None
    assert os.__file__ is not None
    yield from (str(Path(place).parent) for place in (os.__file__, numpy))
    yield str(OF_THIS_PACKAGE)
