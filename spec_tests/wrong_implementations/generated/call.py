"""One call of a function, as a rule sees it, and the parts of what functions return."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import reference
from spec_tests.contract import functions as contract
from spec_tests.vocabulary import second_gradients
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.problems import Array

BACKWARD, SOME, SECOND = "_backward", "_gradients_of", "_double_backward"

MAIN = ("input", "param", "img", "pic", "tensor")
"""The argument that a function is about, whatever it is called."""


@cache
def parts(function: str) -> tuple[str, ...]:
    """Return the names of what a function returns; what some calls lack is None there, or missing.

    >>> parts("conv2d_backward")
    ('input', 'weight', 'bias')
    """
    if function in OPTIMIZERS:
        return ("param", *OPTIMIZERS[function].state)
    for ending in (BACKWARD, SOME, SECOND):
        if function.endswith(ending) and function.removesuffix(ending) in GRADIENTS:
            names = GRADIENTS[function.removesuffix(ending)]
            return (*names, "grad_output") if ending == SECOND else names
    return ("mean", "var") if function == "batch_norm_statistics" else ("output",)


def functions() -> tuple[str, ...]:
    """Return every function in which defects are planted."""
    several = [name for name, names in GRADIENTS.items() if len(names) > 1]
    return (
        *OPERATIONS,
        "batch_norm_statistics",
        *(f"{name}{BACKWARD}" for name in OPERATIONS),
        *(f"{name}{SOME}" for name in several),
        *(f"{name}{SECOND}" for name in second_gradients.PRODUCTS),
        *OPTIMIZERS,
        *TRANSFORMS,
    )


@cache
def signature(function: str) -> inspect.Signature:
    """Return the arguments of a function; optional ones take those of the gradient after their own."""
    for ending, first in ((SOME, "wanted"), (SECOND, "vectors")):
        if function.endswith(ending):
            backward = signature(f"{function.removesuffix(ending)}{BACKWARD}")
            own = inspect.Parameter(first, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            return backward.replace(parameters=[own, *backward.parameters.values()])
    return contract.signature(function)


def right(function: str) -> Callable[..., Any]:
    """Return the right implementation of a function, called by the names of its arguments."""
    for ending, implementation in ((SOME, _some), (SECOND, _second)):
        if function.endswith(ending):
            return lambda **arguments: implementation(function.removesuffix(ending), **arguments)
    implementation = getattr(reference, function)
    return lambda **arguments: implementation(**arguments)


def _some(operation: str, wanted: tuple[str, ...], **arguments: Any) -> tuple[Array, ...]:
    grads = getattr(reference, f"{operation}{BACKWARD}")(**arguments)
    named = dict(zip(GRADIENTS[operation], grads, strict=True))
    return tuple(named[name] for name in wanted)


def _second(operation: str, vectors: Mapping[str, Array], **arguments: Any) -> dict[str, Array]:
    return second_gradients.of_the_references(operation, vectors, arguments)


@dataclass(frozen=True)
class Call:
    """One call: a function and its arguments by name, defaults filled in."""

    function: str
    arguments: Mapping[str, Any]

    def __call__(self) -> Any:
        """Return what the right implementation does."""
        return right(self.function)(**self.arguments)

    def changed(self, **arguments: Any) -> "Call":
        """Return the call with other arguments."""
        return replace(self, arguments={**self.arguments, **arguments})

    @property
    def main(self) -> Array:
        """The array that it is about."""
        return np.asarray(next(self.arguments[name] for name in MAIN if name in self.arguments))

    @property
    def arrays(self) -> dict[str, Array]:
        """All arrays among the arguments."""
        return {name: value for name, value in self.arguments.items() if isinstance(value, np.ndarray)}


def with_part(call: Call, result: Any, part: str, change: Callable[[Array, Call], Any]) -> Any:
    """Return a result in which one part is changed, if there is such a part."""
    if isinstance(result, dict):
        return {name: _changed(value, call, change) if name == part else value for name, value in result.items()}
    if call.function in OPTIMIZERS:
        param, state = result
        if part == "param":
            return _changed(param, call, change), state
        return param, with_part(call, state, part, change)
    if not isinstance(result, tuple):
        return _changed(result, call, change)
    names = call.arguments["wanted"] if call.function.endswith(SOME) else parts(call.function)
    first = dict(zip(names, result, strict=False))  # max pooling may return indices beside its output
    return tuple(
        _changed(value, call, change) if name == part else value
        for name, value in zip((*first, *range(len(first), len(result))), result, strict=True)
    )


def _changed(value: Any, call: Call, change: Callable[[Array, Call], Any]) -> Any:
    if value is None:
        return None
    new = change(np.asarray(value), call)
    return new[()] if isinstance(value, np.generic) and np.ndim(new) == 0 else new
