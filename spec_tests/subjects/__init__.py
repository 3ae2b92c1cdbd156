"""The subject: the implementation that the specification is run against.

A subject is a namespace of functions named and called as in `torch.nn.functional`, NumPy arrays in, NumPy
arrays out, and for each of them its gradient, `<name>_backward(grad_output, ...)` with the same arguments.
A gradient function returns one array for each name that `GRADIENTS` lists, a tuple if there are several,
with None for an argument that is missing or has no gradient. The package `reference` is such a namespace. The
document's network (`cifar10_cnn` and its gradient, as in `reference.cnn`) and the optimizers have forms of their own.
The transforms of section 1.3 (`TRANSFORMS`) take pictures (…, c, h, w), as in `reference`, and have no gradients.
Gradients of some arguments alone, and gradients of gradients, are optional: `vocabulary/subject.py` says how they come.

`load` takes, in this order:

    command: PROGRAM ...        a program in any language that answers lines of JSON: `contract/PROTOCOL.md`
    a path that ends in .py     plain functions in a file: `spec_tests.contract.declaration` says what else it may hold
    a name, NAME or NAME:VARIANT of a file NAME.py in this folder, which has a function `load(device, variant)` that
                                returns a `Subject`, or what a runtime of others declares of itself, or raises
                                `NotAvailable`; with TIME_LIMIT, seconds, it is asked in a process of its own
    a module, or module:object  that can be imported, and has such functions

Whatever it is, it is returned behind the seam (`spec_tests.contract.guard`).

A subject of this folder that offers a part, or that is known to deviate, has an expectation file, `expected/NAME.toml`
or `expected/NAME_VARIANT.toml` (`spec_tests.contract.expectations`). It is then asked as a file of others is: only what
is required at a level, and its errors are contained.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from spec_tests.contract import command, expectations, reading
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.contract.expectations import Expectations
from spec_tests.contract.functions import nearest
from spec_tests.contract.guard import Guarded
from spec_tests.contract.isolated import Isolated
from spec_tests.contract.on_arrays import OnArrays
from spec_tests.vocabulary.subject import NotAvailable

__all__ = ["NotAvailable", "expected", "is_foreign", "isolated", "load", "names", "of_functions"]

EXPECTED = Path(__file__).parent / "expected"
"""The folder of the expectation files."""


def names() -> list[str]:
    """Return the subjects there are."""
    return sorted(module.name for module in iter_modules(__path__))


def is_foreign(name: str) -> bool:
    """Tell whether a name is that of a file or module, and not of a subject that comes with the specification."""
    return name.startswith(command.PREFIX) or name.endswith(".py") or name.partition(":")[0] not in names()


def expected(name: str) -> Expectations | None:
    """Return what the expectation file of a subject says, or None if it has none; raise NotAvailable if it is wrong."""
    file = EXPECTED / f"{name.replace(':', '_')}.toml"
    return expectations.read(file, name) if not is_foreign(name) and file.is_file() else None


def load(name: str, device: str = "cpu") -> Guarded:
    """Return the subject of this name on this device; raise NotAvailable if there is none.

    One that may end its process is put into a process of its own: its file says so (`TIME_LIMIT`).
    """
    limit = None if is_foreign(name) else getattr(_module(name), "TIME_LIMIT", None)
    return load_here(name, device) if limit is None else isolated(name, device, limit)


def load_here(name: str, device: str = "cpu") -> Guarded:
    """Return the subject of this name in this process."""
    if name.startswith(command.PREFIX):
        return _of_a_command(name, device)
    if name.endswith(".py"):
        return _guarded(reading.of_a_file(name, device), device)
    file, colon, variant = name.partition(":")
    if colon and not variant:
        raise NotAvailable(f"{name!r} has nothing after the colon; expected {file!r}, or a name after it")
    if file not in names():
        if "." not in name and ":" not in name and not _importable(name):
            raise NotAvailable(
                f"no subject {file!r}{nearest(file, names())}; there are {', '.join(names())}, "
                "a path that ends in .py, and module:object"
            )
        return _guarded(reading.of_a_module(name, device), device)
    loaded, known = _module(name).load(device, variant), expected(name)
    if isinstance(loaded, Declaration):
        return _guarded(loaded, device, known)
    return Guarded(loaded, notes=getattr(loaded, "notes", ()), expected=known)


def of_functions(functions: Mapping[str, Callable[..., Any]], name: str, device: str, **settings: Any) -> Guarded:
    """Return a subject of these functions; `settings` are those that a file can make (`declaration.SETTINGS`)."""
    return _guarded(declare(functions, name=name, device=device, **settings), device)


def _module(name: str) -> Any:
    """Return the module of a subject that comes with the specification."""
    file = name.partition(":")[0]
    try:
        return import_module(f"{__name__}.{file}")
    except ModuleNotFoundError as error:
        instead = ", or test another subject (--subject reference)" if file == "torch" else ""
        raise NotAvailable(f"{error.name} is not installed: pip install {error.name}{instead}") from None
    except (ImportError, OSError, RuntimeError) as error:  # of another version than what it is built on, for example
        reason = str(error).partition("\n")[0]
        raise NotAvailable(f"{file} is installed, but cannot be imported: {reason}") from None


def _importable(name: str) -> bool:
    return name.isidentifier() and find_spec(name) is not None


def _guarded(declaration: Declaration, device: str, known: Expectations | None = None) -> Guarded:
    """Return the subject that a declaration describes."""
    if declaration.tensors:
        try:
            on_tensors = import_module("spec_tests.contract.on_tensors")
        except ModuleNotFoundError as error:
            raise NotAvailable(f"TENSORS = True needs {error.name}, which is not installed") from None
        inner = on_tensors.load(declaration, device)
    else:
        inner = OnArrays(declaration)
    lacks, only, notes = declaration.lacks, declaration.only, declaration.notes
    return Guarded(inner, foreign=True, lacks=lacks, only=only, notes=notes, expected=known)


def isolated(name: str, device: str = "cpu", time_limit: float | None = None, **limits: Any) -> Guarded:
    """Return the subject of this name in a process of its own; a call may take so many seconds.

    `limits` are the further ones of `spec_tests.contract.isolated.Isolated`.
    """
    if name.startswith(command.PREFIX):  # which lives in one anyway
        return _of_a_command(name, device, time_limit, **limits)
    inner = Isolated(name, device, time_limit, load=load_here, foreign=is_foreign(name), **limits)
    known = expected(name)
    return Guarded(inner, foreign=inner.foreign, lacks=inner.lacks, only=inner.only, notes=inner.notes, expected=known)


def _of_a_command(
    name: str,
    device: str,
    time_limit: float | None = None,
    *,
    loading_limit: float | None = None,
    **others: Any,
) -> Guarded:
    """Return the program that `command: ...` names; arrays come to it by value, without a layout."""
    for other, limit in others.items():
        if limit is not None:
            raise NotAvailable(f"a program in another language is held to no {other}: its time alone is limited")
    inner = command.of_a_command(name, device, time_limit, loading_limit)
    said = inner.declaration
    return Guarded(inner, foreign=True, lacks=said.lacks | command.BY_VALUE, only=said.only, notes=said.notes)
