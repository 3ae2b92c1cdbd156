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
                                returns a `Subject` or raises `NotAvailable`
    a module, or module:object  that can be imported, and has such functions

Whatever it is, it is returned behind the seam (`spec_tests.contract.guard`).
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from spec_tests.contract import command, reading
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.contract.functions import nearest
from spec_tests.contract.guard import Guarded
from spec_tests.contract.isolated import Isolated
from spec_tests.contract.on_arrays import OnArrays
from spec_tests.vocabulary.subject import NotAvailable

__all__ = ["NotAvailable", "is_foreign", "isolated", "load", "names", "of_functions"]


def names() -> list[str]:
    """Return the subjects there are."""
    return sorted(module.name for module in iter_modules(__path__))


def is_foreign(name: str) -> bool:
    """Tell whether a name is that of a file or module, and not of a subject that comes with the specification."""
    return name.startswith(command.PREFIX) or name.endswith(".py") or name.partition(":")[0] not in names()


def load(name: str, device: str = "cpu") -> Guarded:
    """Return the subject of this name on this device; raise NotAvailable if there is none."""
    if name.startswith(command.PREFIX):
        return _of_a_command(name, device)
    if name.endswith(".py"):
        return _guarded(reading.of_a_file(name, device), device)
    file, _, variant = name.partition(":")
    if file not in names():
        if "." not in name and ":" not in name and not _importable(name):
            raise NotAvailable(
                f"no subject {file!r}{nearest(file, names())}; there are {', '.join(names())}, "
                "a path that ends in .py, and module:object"
            )
        return _guarded(reading.of_a_module(name, device), device)
    try:
        module = import_module(f"{__name__}.{file}")
    except ModuleNotFoundError as error:
        instead = ", or test another subject (--subject reference)" if file == "torch" else ""
        raise NotAvailable(f"{error.name} is not installed: pip install {error.name}{instead}") from None
    return Guarded(module.load(device, variant))


def of_functions(functions: Mapping[str, Callable[..., Any]], name: str, device: str, **settings: Any) -> Guarded:
    """Return a subject of these functions; `settings` are those that a file can make (`declaration.SETTINGS`)."""
    return _guarded(declare(functions, name=name, device=device, **settings), device)


def _importable(name: str) -> bool:
    return name.isidentifier() and find_spec(name) is not None


def _guarded(declaration: Declaration, device: str) -> Guarded:
    """Return the subject that a declaration describes."""
    if declaration.tensors:
        try:
            on_tensors = import_module("spec_tests.contract.on_tensors")
        except ModuleNotFoundError as error:
            raise NotAvailable(f"TENSORS = True needs {error.name}, which is not installed") from None
        inner = on_tensors.load(declaration, device)
    else:
        inner = OnArrays(declaration)
    return Guarded(inner, foreign=True, lacks=declaration.lacks, only=declaration.only, notes=declaration.notes)


def isolated(name: str, device: str = "cpu", time_limit: float | None = None, **limits: Any) -> Guarded:
    """Return the subject of this name in a process of its own; a call may take so many seconds.

    `limits` are the further ones of `spec_tests.contract.isolated.Isolated`.
    """
    if name.startswith(command.PREFIX):  # which lives in one anyway
        return _of_a_command(name, device, time_limit, **limits)
    foreign = is_foreign(name)
    inner = Isolated(name, device, time_limit, load=load, foreign=foreign, **limits)
    return Guarded(inner, foreign=foreign, lacks=inner.lacks, only=inner.only, notes=inner.notes)


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
