"""The references themselves, as the subject of the laws, worked numbers, conventions and refusals."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np

import reference
from spec_tests.vocabulary import second_gradients
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.subject import NotAvailable

NONE: Mapping[str, Any] = MappingProxyType({})


class Namespace:
    """The package `reference`, with some of its functions replaced if need be."""

    dtypes = frozenset({"float32", "float64"})
    deviations: frozenset[str] = frozenset()

    def __init__(
        self,
        name: str,
        transforms: Mapping[str, str] = NONE,
        transformed: Mapping[str, int] = NONE,
        **replaced: Callable[..., Any],
    ) -> None:
        self.name = name
        self.transforms = transforms
        self.transformed = transformed
        """How often each function has transformed."""
        self.replaced = replaced

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def at(self, dtype: str) -> Self:
        """Return itself: the arrays' own dtype is what the references compute in."""
        return self

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        function: Callable[..., Any] = self.replaced.get(operation) or getattr(reference, operation)
        return function

    def gradients_of(
        self, operation: str, wanted: tuple[str, ...], grad_output: Any, *args: Any, **kwargs: Any
    ) -> tuple[Any, ...]:
        """Return the gradients of these arguments: all are computed, for functions without state have no other way."""
        if alone := self.replaced.get(f"{operation}_gradients_of"):
            chosen: tuple[Any, ...] = alone(wanted, grad_output, *args, **kwargs)
            return chosen
        grads = getattr(self, f"{operation}_backward")(grad_output, *args, **kwargs)
        named = dict(zip(GRADIENTS[operation], grads if isinstance(grads, tuple) else (grads,), strict=True))
        return tuple(named[name] for name in wanted)

    def double_backward(
        self, operation: str, vectors: Mapping[str, Any], grad_output: Any, **arguments: Any
    ) -> dict[str, Any]:
        """Return the second gradients of what adds up products; of others the references have none."""
        if replaced := self.replaced.get(f"{operation}_double_backward"):
            second: dict[str, Any] = replaced(vectors, grad_output, **arguments)
            return second
        return second_gradients.of_the_references(operation, vectors, {"grad_output": grad_output, **arguments})


def load(device: str, variant: str) -> Namespace:
    """Return the references; they run on the CPU and come in one variant."""
    if device != "cpu" or variant:
        raise NotAvailable("the references run on device 'cpu' and come in no variants")
    return Namespace(f"reference (NumPy {np.__version__})")
