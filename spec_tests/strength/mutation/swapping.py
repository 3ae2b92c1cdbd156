"""Puts a changed source in the place of a module that is imported already, function by function.

Every function of the module gets the code of the changed one, whoever has imported it and whatever decorates it. What
this cannot change is refused: what stands outside functions, and what a function did before anyone could change it.
"""

import ast
import gc
import inspect
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

CACHED = ("reference", "spec_tests")
"""The packages whose caches may hold what a reference computed."""

NOTE = "_note"
"""The function that notes what is called, in the module."""


class NotSwappable(Exception):
    """The changed module has to be imported."""


@contextmanager
def noting_what_runs() -> Iterator[set[CodeType]]:
    """Note the code of every function that runs meanwhile."""
    ran = set[CodeType]()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call":
            ran.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(before)


class Swapper:
    """What a change of a reference has to reach in this process."""

    def __init__(self, ran: Set[CodeType]) -> None:
        """Find all functions and caches; what `ran` already is not to be changed any more."""
        objects = gc.get_objects()
        self.functions = [value for value in objects if type(value) is FunctionType]
        self.caches = [value for value in objects if type(value) is _lru_cache_wrapper and _is_ours(value)]
        self.ran = ran
        self.reached = set[str]()
        """The names of the functions of a swapped module that have been called; whoever reads it may clear it."""

    def swap(self, module: ModuleType, changed: str) -> None:
        """Let a module's functions be those of a changed source, and forget what was cached.

        Raises NotSwappable where that would not do all that importing the changed source does.
        """
        name = str(module.__file__)
        source = Path(name).read_text(encoding="utf-8")
        if _outside_functions(source) != _outside_functions(changed):
            raise NotSwappable("the change is outside functions")
        noted = _Noting().visit(ast.parse(changed))
        old, new, noting = (compile(text, name, "exec", dont_inherit=True) for text in (source, changed, noted))
        differ = {
            code for pair in _pairs(old, new) if pair[0] != pair[1] and _is_of_a_function(pair[0]) for code in pair
        }
        if differ & self.ran or differ & _defined_by(new, module)[1]:
            raise NotSwappable("the changed function has run already")
        counterparts, (defined, _) = dict(_pairs(old, noting)), _defined_by(noting, module)
        setattr(module, NOTE, self.reached.add)
        for function in self.functions:
            if function.__code__.co_filename == name and function.__code__ in counterparts:
                _become(function, counterparts[function.__code__], defined)
        for cache in self.caches:
            cache.cache_clear()


def _is_ours(cached: Any) -> bool:
    return (getattr(cached, "__module__", None) or "").partition(".")[0] in CACHED


class _Bare(ast.NodeTransformer):
    """Leaves of functions only what cannot be put into them later."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Take away the body and the defaults."""
        node.body, node.args.defaults, node.args.kw_defaults = [], [], []
        return node


class _Noting(ast.NodeTransformer):
    """Lets every function begin by noting its name."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Put a statement behind the docstring."""
        self.generic_visit(node)
        (note,) = ast.parse(f"{NOTE}({node.name!r})").body
        for part in ast.walk(note):
            ast.copy_location(part, node)
        node.body.insert(ast.get_docstring(node) is not None, note)
        return node


def _outside_functions(source: str) -> str:
    return ast.dump(_Bare().visit(ast.parse(source)))


def _pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the code of each function and class in both versions."""
    ours, theirs = ([part for part in code.co_consts if isinstance(part, CodeType)] for code in (old, new))
    if [part.co_name for part in ours] != [part.co_name for part in theirs]:
        raise NotSwappable("a function within another has come or gone")
    for one, other in zip(ours, theirs, strict=True):
        yield one, other
        yield from _pairs(one, other)


def _is_of_a_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)  # a class is not


def _defined_by(code: CodeType, module: ModuleType) -> tuple[Mapping[CodeType, FunctionType], set[CodeType]]:
    """Import a module's changed code beside it; return the functions that it defines, and the code that ran."""
    namespace: dict[str, Any] = {name: value for name, value in vars(module).items() if name.startswith("__")}
    namespace[NOTE] = str
    with noting_what_runs() as ran:
        try:
            exec(code, namespace)
        except Exception as error:
            raise NotSwappable(f"importing it raises {error!r}") from None
    found = (value for value in gc.get_objects() if type(value) is FunctionType)
    return {value.__code__: value for value in found if value.__globals__ is namespace}, ran


def _become(function: FunctionType, code: CodeType, defined: Mapping[CodeType, FunctionType]) -> None:
    if function.__code__.co_freevars != code.co_freevars:
        raise NotSwappable("a function within another uses other variables of it")
    function.__code__ = code
    if code in defined:
        function.__defaults__, function.__kwdefaults__ = defined[code].__defaults__, defined[code].__kwdefaults__
