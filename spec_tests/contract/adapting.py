"""One function of a file, called by the specification's names: what it calls its arguments, and which it has not."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spec_tests.contract.functions import nearest, operation_of, parameters
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

EMPTY = inspect.Parameter.empty


class Adapted:
    """A function under the specification's name, and how its own arguments are called."""

    def __init__(self, function: str, call: Callable[..., Any], own_name: str, names: Mapping[str, str]) -> None:
        """Match the arguments; raise NotAvailable with one line if they do not fit."""
        self.function, self.call, self.own_name = function, call, own_name
        self.wanted = parameters(function)
        own = _signature(call)
        self.takes_anything = own is None
        """Its arguments are not known, as those of most compiled functions: it is called as in torch."""
        self.own: dict[str, str] = {}
        """What it calls an argument of the specification, by the specification's name."""
        self.positions: dict[str, int] = {}
        """The place of what it takes by place only."""
        self.needed: dict[str, Any] = {}
        """The defaults, as the specification has them, of what has none in its own words."""
        self.left: list[str] = []
        """Its further arguments, which keep their defaults."""
        if own is not None:
            self._match(own, names)

    def _match(self, own: Mapping[str, inspect.Parameter], names: Mapping[str, str]) -> None:
        operation = operation_of(self.function)
        free = any(p.kind is p.VAR_KEYWORD for p in own.values())
        taken = {name: p for name, p in own.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        for name in self.wanted:
            special = names.get(f"{operation}.{name}")
            called = special or names.get(name, name)
            if called in taken or free:
                self.own[name] = called
            elif special is not None:
                raise NotAvailable(
                    f"NAMES calls {name} of {operation} {special!r}, but {self.own_name} has no such argument: "
                    f"it takes {', '.join(own)}"
                )
        places = list(taken)
        unknown = [name for name in taken if name not in self.own.values()]
        for name in [name for name in unknown if taken[name].default is EMPTY]:
            self._take_by_place(name, places.index(name))
        for name in [name for name in unknown if taken[name].default is not EMPTY]:
            (wanted, default), *_ = [*list(self.wanted.items())[places.index(name) :], ("", EMPTY)]
            if wanted not in self.own and wanted and is_default(taken[name].default, default):
                self.own[wanted] = name  # such as b=None in the place of bias=None
        for name, place in ((name, places.index(called)) for name, called in self.own.items() if called in taken):
            if taken[self.own[name]].kind is inspect.Parameter.POSITIONAL_ONLY:
                self.positions[name] = place
        missing = [name for name, default in self.wanted.items() if default is EMPTY and name not in self.own]
        if missing:
            raise NotAvailable(
                f"{self.own_name} has no argument for {missing[0]}: it takes ({', '.join(own)}), "
                f"the specification gives ({', '.join(self.wanted)})"
            )
        defaults = [name for name, default in self.wanted.items() if default is not EMPTY]
        optional = [name for name in defaults if self.own.get(name) in taken]
        self.needed = {name: self.wanted[name] for name in optional if taken[self.own[name]].default is EMPTY}
        self.left = [name for name in unknown if name not in self.own.values()]

    def _take_by_place(self, name: str, place: int) -> None:
        """Take an argument of another name for the one that stands in its place in the specification."""
        in_its_place = list(self.wanted)[place : place + 1]
        if not in_its_place or in_its_place[0] in self.own:
            hint = nearest(name, self.wanted)
            raise NotAvailable(
                f"{self.own_name} needs an argument {name!r}, which the specification does not know{hint}; "
                f"it gives ({', '.join(self.wanted)}), and NAMES says what a file calls them"
            )
        self.own[in_its_place[0]] = name

    @property
    def lacks(self) -> list[str]:
        """The arguments of the specification that it does not have."""
        return [] if self.takes_anything else [name for name in self.wanted if name not in self.own]

    def given(self, arguments: Mapping[str, Any]) -> dict[str | int, Any]:
        """Return what it is called with: names for keywords, numbers for places.

        Raises NotOffered for an argument that it does not have, unless that has its default.
        """
        if self.takes_anything:
            return self._as_in_torch(arguments)
        found: dict[str | int, Any] = {}
        for name, value in {**self.needed, **arguments}.items():
            if name in self.own:
                found[self.positions.get(name, self.own[name])] = value
            elif not is_default(value, self.wanted.get(name, EMPTY)):
                raise NotOffered(f"{self.own_name} has no argument {name}")
        return found

    def _as_in_torch(self, arguments: Mapping[str, Any]) -> dict[str | int, Any]:
        """Return the arrays by place and other options by name, those that have their default left out."""
        found: dict[str | int, Any] = {}
        in_a_row = True
        for place, (name, default) in enumerate(self.wanted.items()):
            value = arguments.get(name, default)
            if in_a_row and (default is EMPTY or isinstance(value, np.ndarray) or hasattr(value, "requires_grad")):
                found[place] = value
            elif not is_default(value, default):
                found[name] = value
                in_a_row = False
            else:
                in_a_row = False
        return found

    def __call__(self, **arguments: Any) -> Any:
        """Call it by the specification's names."""
        given = self.given(arguments)
        by_place = [given[place] for place in sorted(key for key in given if isinstance(key, int))]
        return self.call(*by_place, **{key: value for key, value in given.items() if isinstance(key, str)})


def is_default(value: Any, default: Any) -> bool:
    """Tell whether an argument says no more than its default, also if it says it once for each axis.

    >>> is_default((1, 1), 1), is_default((1, 2), 1), is_default(None, None)
    (True, False, True)
    """
    if isinstance(value, np.ndarray) or hasattr(value, "requires_grad"):
        return False
    if isinstance(value, tuple) and value and not isinstance(default, tuple):
        return all(is_default(one, default) for one in value)
    return value is default or (type(value) is type(default) and bool(value == default))


def _signature(call: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return a function's arguments, or None where they cannot be known."""
    try:
        found = inspect.signature(call).parameters
    except (ValueError, TypeError):
        return None
    return None if any(p.kind is p.VAR_POSITIONAL for p in found.values()) else found
