"""What an implementation says of itself: its functions, and what they do not offer.

A file of functions, `my_layers.py`, may say in its own words:

    NAMES = {"weight": "kernel",              what it calls an argument of the specification, in every function,
             "conv2d.padding": "pad",         or in one,
             "conv2d": "my_conv2d"}           or a function itself
    DTYPES = ["float32"]                      the number formats it computes in (float32 and float64 if it says nothing)
    TENSORS = True                            its functions take torch tensors in place of NumPy arrays
    NOT_OFFERED = ["unbatched",               what it cannot be asked: a feature (`functions.FEATURES`),
                   "conv2d.dilation",         an argument of a function, or of all,
                   "conv2d.padding=same",     a single value of an argument,
                   "relu_backward"]           a function
    ONLY = ["conv2d:values,gradients"]        the operations, or some levels of them, that it wants to be asked
    DEVICES = ["cpu", "cuda"]                 the devices that it computes on, with TENSORS (any if it says nothing)

All of it is optional, and everything that makes no sense is refused in one line.
"""

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spec_tests.contract.adapting import Adapted
from spec_tests.contract.functions import BACKWARD, FEATURES, FUNCTIONS, nearest, parameters
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.subject import NotAvailable

ARGUMENTS = frozenset(name for function in FUNCTIONS for name in parameters(function))
SETTINGS = ("NAMES", "DTYPES", "TENSORS", "NOT_OFFERED", "ONLY", "DEVICES")
BY_DEFAULT = ("float32", "float64")
OPERATION_NAMES = (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS, "batch_norm_statistics", "cifar10_cnn")


@dataclass(frozen=True)
class Declaration:
    """What an implementation says of itself, checked."""

    name: str
    functions: Mapping[str, Adapted]
    """By the specification's names."""
    dtypes: frozenset[str] = frozenset(BY_DEFAULT)
    tensors: bool = False
    lacks: frozenset[str] = frozenset()
    """What it cannot be asked, as it stands in NOT_OFFERED."""
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The levels at which it wants to be asked, by operation; all if there is none."""
    source: Path | None = None
    notes: tuple[str, ...] = ()
    """What its reader should know before the run."""


def declare(
    functions: Mapping[str, Any],
    *,
    name: str,
    source: Path | None = None,
    device: str = "cpu",
    **settings: Any,
) -> Declaration:
    """Check what an implementation says of itself; raise NotAvailable with one line if it makes no sense.

    `functions` are all the objects that it has, by its own names; `settings` those of `SETTINGS` that it makes.
    """
    names = _names(settings.get("NAMES", {}))
    tensors = _truth(settings.get("TENSORS", False), "TENSORS")
    dtypes = _dtypes(settings.get("DTYPES", BY_DEFAULT), tensors)
    _check_device(device, tensors, settings.get("DEVICES"))
    lacks = frozenset(_listed(settings.get("NOT_OFFERED", ()), "NOT_OFFERED"))
    for entry in lacks:
        check_feature(entry)
    only = selected(_listed(settings.get("ONLY", ()), "ONLY"), "ONLY")
    found, others = _found(functions, names, lacks, source.name if source else name)
    notes = [*others, *(_left(adapted) for adapted in found.values() if adapted.left or adapted.lacks)]
    return Declaration(name, found, dtypes, tensors, lacks, only, source, tuple(notes))


def selected(entries: Iterable[str], setting: str) -> dict[str, frozenset[str]]:
    """Return the levels by operation that "conv2d:values,gradients" and the like ask for.

    >>> sorted(selected(["relu", "conv2d:values"], "--only")["conv2d"])
    ['values']
    """
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        operation, colon, named = entry.partition(":")
        if operation not in OPERATION_NAMES:
            raise NotAvailable(
                f"{setting} {entry}: there is no operation {operation!r}{nearest(operation, OPERATION_NAMES)}"
            )
        levels = [level.strip() for level in named.split(",")] if colon else LEVELS
        for level in levels:
            if level not in LEVELS:
                raise NotAvailable(f"{setting} {entry}: there is no level {level!r}; there are {', '.join(LEVELS)}")
        found[operation] = found.get(operation, frozenset()) | frozenset(levels)
    return found


def _found(
    functions: Mapping[str, Any], names: Mapping[str, str], lacks: Any, where: str
) -> tuple[dict[str, Adapted], list[str]]:
    """Return the functions that the specification knows, and notes on those that only have the name of a transform."""
    found, others = {}, []
    for function in FUNCTIONS:
        own = names.get(function, function)
        if own not in functions:
            if function in names:
                raise NotAvailable(f"NAMES calls {function} {own!r}, but {where} has no {own}{nearest(own, functions)}")
            continue
        if function in lacks:
            continue
        call = functions[own]
        if not callable(call):
            what = "a module" if isinstance(call, types.ModuleType) else f"of type {type(call).__name__}"
            raise NotAvailable(f"{own} is {what}; a function was expected")
        try:
            found[function] = _adapted(function, call, own, names)
        except NotAvailable as misfit:
            if function not in TRANSFORMS or function in names:
                raise
            others.append(f"{misfit}; it is not taken for the transform of section 1.3")  # such as torch's `normalize`
    if not found and others:
        raise NotAvailable(others[0])
    if not found:
        public = [name for name, value in functions.items() if callable(value) and not name.startswith("_")]
        hints = [f"{name}{nearest(name, FUNCTIONS)}" for name in public if nearest(name, FUNCTIONS)]
        defined = f"it has {'; '.join(hints or public)}" if public else "it has none at all"
        raise NotAvailable(
            f"{where} has no function that the specification knows (named as in torch.nn.functional): {defined}"
        )
    return found, others


def _adapted(function: str, call: Any, own: str, names: Mapping[str, str]) -> Adapted:
    """Match a function's arguments; what does not fit may be a helper that has an operation's name by chance."""
    try:
        return Adapted(function, call, own, names)
    except NotAvailable as error:
        raise NotAvailable(f"{error}; if it is something else, NOT_OFFERED = [{function!r}] leaves it out") from None


def _left(adapted: Adapted) -> str:
    """Say which arguments a function does not have, and which of its own keep their defaults."""
    lacks, left = ", ".join(adapted.lacks), ", ".join(adapted.left)
    parts = [f"has no {lacks}, so that it is not asked about it"] if lacks else []
    hint = next((nearest(name, adapted.lacks) for name in adapted.left if nearest(name, adapted.lacks)), "")
    parts += [f"keeps the default of {left}{f' (NAMES{hint[1:-1]})' if hint else ''}"] if left else []
    return f"{adapted.own_name} {' and '.join(parts)}"


def _names(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise NotAvailable(f"NAMES is of type {type(given).__name__}; a dict was expected, of names")
    for key, own in given.items():
        if not isinstance(own, str):
            raise NotAvailable(f"NAMES says of {key} {own!r}; a name was expected")
        function, dot, argument = str(key).rpartition(".")
        if dot:
            _check_argument(f"NAMES names {key}", function, argument)
        elif key not in ARGUMENTS and key not in FUNCTIONS:
            known = [*FUNCTIONS, *ARGUMENTS]
            raise NotAvailable(f"NAMES names {key!r}, which the specification does not know{nearest(str(key), known)}")
    return dict(given)


def _check_argument(what: str, function: str, argument: str) -> None:
    if function not in FUNCTIONS:
        raise NotAvailable(f"{what}: there is no function {function!r}{nearest(function, FUNCTIONS)}")
    known = {name for f in (function, f"{function}{BACKWARD}") if f in FUNCTIONS for name in parameters(f)}
    if argument not in known:
        raise NotAvailable(f"{what}: {function} has no argument {argument!r}{nearest(argument, known)}")


def check_feature(entry: str, setting: str = "NOT_OFFERED") -> None:
    """Check an entry of NOT_OFFERED, or of another setting that says the same."""
    name, _, _ = entry.partition("=")
    function, dot, feature = name.rpartition(".")
    if dot and feature not in FEATURES:
        _check_argument(f"{setting} names {entry}", function, feature)
    elif dot and function not in FUNCTIONS:
        raise NotAvailable(f"{setting} names {entry}: there is no function {function!r}{nearest(function, FUNCTIONS)}")
    elif not dot and name not in (*FEATURES, *FUNCTIONS, *ARGUMENTS):
        known = [*FEATURES, *FUNCTIONS, *ARGUMENTS]
        hint = nearest(name, known) or f"; the features are {', '.join(FEATURES)}"
        raise NotAvailable(f"{setting} names {name!r}, which the specification does not know{hint}")


def _dtypes(given: Any, tensors: bool) -> frozenset[str]:
    names = _listed(given, "DTYPES")
    for name in names:
        if name not in FORMATS:
            hint = nearest(str(name).replace("fp", "float").replace("bf", "bfloat"), FORMATS)
            raise NotAvailable(f"DTYPES names {name!r}; the formats are {', '.join(FORMATS)}{hint}")
    if not names:
        raise NotAvailable(f"DTYPES is empty; the formats are {', '.join(FORMATS)}")
    if not tensors and (foreign := [name for name in names if name in ("bfloat16", "tf32")]):
        raise NotAvailable(f"DTYPES names {foreign[0]}, which NumPy does not have: TENSORS = True takes torch tensors")
    return frozenset(names)


def _check_device(device: str, tensors: bool, given: Any) -> None:
    if not tensors and device != "cpu":
        raise NotAvailable("functions on NumPy arrays run on device 'cpu'; TENSORS = True takes torch tensors")
    devices = _listed(given, "DEVICES") if given is not None else [device]
    if device.partition(":")[0] not in [name.partition(":")[0] for name in devices]:
        raise NotAvailable(f"DEVICES names {', '.join(devices)}, but not {device}")


def _listed(given: Any, setting: str) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise NotAvailable(f"{setting} is {given!r}; a list of strings was expected")
    found = list(given)
    if wrong := [entry for entry in found if not isinstance(entry, str)]:
        raise NotAvailable(f"{setting} holds {wrong[0]!r}; a list of strings was expected")
    return found


def _truth(given: Any, setting: str) -> bool:
    if not isinstance(given, bool):
        raise NotAvailable(f"{setting} is {given!r}; True or False was expected")
    return given
