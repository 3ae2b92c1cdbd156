"""Worked examples without the axis of a batch, asked with it: who has no unbatched form yet can still answer them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from spec_tests.contract.functions import BACKWARD, FUNCTIONS, UNBATCHED_AXES, named, operation_of
from spec_tests.vocabulary.operations import GRADIENTS

BY_SAMPLE = ("input", "target", "grad_output")
"""The arguments that have one part for each sample."""
SHARED = ("weight", "bias")
"""Arguments whose gradients have none."""


class Batched:
    """A subject that is never asked without a batch; what it is asked can be watched."""

    def __init__(self, inner: Any, watch: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        """Take the subject, and what to call with the name and the arguments of every function."""
        self._inner, self._watch = inner, watch

    def at(self, dtype: str) -> "Batched":
        """Return the subject computing in this format."""
        return Batched(self._inner.at(dtype), self._watch)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._call, name, found) if name in FUNCTIONS else found

    def _call(self, function: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        arguments = named(function, args, kwargs)
        operation, input = operation_of(function), arguments.get("input")
        alone = isinstance(input, np.ndarray) and UNBATCHED_AXES.get(operation) == input.ndim
        if alone and _is_plain(arguments):
            arguments = _with_a_batch(arguments)
            result = self._watched(function, call, arguments)
            return _without_it(function, arguments, result)
        return self._watched(function, call, arguments)

    def _watched(self, function: str, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        if self._watch is not None:
            self._watch(function, arguments)
        return call(**arguments)


def _is_plain(arguments: dict[str, Any]) -> bool:
    """Tell whether the axis can be added without a change of meaning: a weight of one axis is another form."""
    weight = arguments.get("weight")
    return not (isinstance(weight, np.ndarray) and weight.ndim == 1 and "target" not in arguments)


def _reduces(arguments: dict[str, Any]) -> bool:
    return "target" in arguments and arguments.get("reduction", "mean") != "none"


def _with_a_batch(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with an axis of one sample in front, and axes that are counted moved on by it."""
    names = BY_SAMPLE[:2] if _reduces(arguments) else BY_SAMPLE
    given = {name: arguments.get(name) for name in names}
    added = {
        name: np.asarray(value)[np.newaxis]
        for name, value in given.items()
        if isinstance(value, np.ndarray | np.generic)
    }
    dim = arguments.get("dim")
    moved = {"dim": dim + 1} if isinstance(dim, int) and dim >= 0 else {}
    return {**arguments, **added, **moved}


def _without_it(function: str, arguments: dict[str, Any], result: Any) -> Any:
    """Return a result without the axis."""
    if not function.endswith(BACKWARD):
        parts = result if isinstance(result, tuple) else (result,)
        stripped = tuple(part if _reduces(arguments) else _first(part) for part in parts)
        return stripped if isinstance(result, tuple) else stripped[0]
    names = GRADIENTS[operation_of(function)]
    grads = result if isinstance(result, tuple) else (result,)
    stripped = tuple(grad if name in SHARED else _first(grad) for name, grad in zip(names, grads, strict=False))
    return stripped if isinstance(result, tuple) else stripped[0]


def _first(part: Any) -> Any:
    """Return the only sample of a batch; what is none is returned as it is, for a test to complain of."""
    return part[0] if isinstance(part, np.ndarray) and part.ndim and len(part) == 1 else part
