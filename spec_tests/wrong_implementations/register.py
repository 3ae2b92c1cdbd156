"""The register of wrong implementations: what each replaces, and which tests catch it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from spec_tests.contract.functions import signature

Function: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Wrong:
    """A wrong implementation, what it replaces, and what catches it."""

    operation: str
    function: Function
    caught_by: tuple[str, ...]
    dtype: str
    """The number format in which it is caught, where the tests have several."""
    error: type[Exception]
    """What the tests then raise: AssertionError, unless the implementation breaks down."""
    transforms: Mapping[str, str]
    """The transform that its operation goes by, as a subject has it; empty where it adds up products directly."""
    level: str = "values"
    """The level of the requirement that a reader expects it to fail."""
    report: str = ""
    """The public report of a library's defect that it is modelled on, as owner/name#number; or empty."""


ASKED = {"_gradients_of": "wanted", "_double_backward": "vectors"}
"""Optional functions of a subject, by how their names end after the operation's, and what each is asked for."""

WRONG: dict[str, Wrong] = {}
"""All of them, by name."""


def wrong(
    operation: str,
    *caught_by: str,
    dtype: str = "float32",
    error: type[Exception] = AssertionError,
    transform: str | None = None,
    level: str | None = None,
    report: str = "",
) -> Callable[[Function], Function]:
    """Register a function as a wrong implementation of this operation, caught by these tests.

    It is expected to fail tests of values, or of gradients if it is one, unless `level` says otherwise. One that is
    modelled on a `report` shows what was seen there, with widths brought down to those that tests have.
    """
    level = level or ("gradients" if operation.endswith(("_backward", *ASKED)) else "values")
    transforms = {} if transform is None else {operation.removesuffix("_backward"): transform}
    taken = _signature(operation)

    def register(function: Function) -> Function:
        @functools.wraps(function)
        def called_as_the_operation(*args: Any, **options: Any) -> Any:
            bound = taken.bind(*args, **options)
            bound.apply_defaults()
            return function(**bound.arguments)

        if function.__name__ in WRONG:
            raise ValueError(f"there are two wrong implementations called {function.__name__}")
        inspect.signature(function).bind(**dict.fromkeys(taken.parameters))  # or TypeError
        called = called_as_the_operation
        WRONG[function.__name__] = Wrong(operation, called, caught_by, dtype, error, transforms, level, report)
        return function

    return register


def _signature(operation: str) -> inspect.Signature:
    """Return the arguments of the references' function; optional ones take those of the gradient after their own."""
    for ending, first in ASKED.items():
        if operation.endswith(ending):
            backward = signature(f"{operation.removesuffix(ending)}_backward")
            own = inspect.Parameter(first, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            return backward.replace(parameters=[own, *backward.parameters.values()])
    return signature(operation)
