"""The references themselves, as the subject of the laws, worked numbers, conventions and refusals."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np

import reference
from spec_tests.subjects import NotAvailable

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


def load(device: str, variant: str) -> Namespace:
    """Return the references; they run on the CPU and come in one variant."""
    if device != "cpu" or variant:
        raise NotAvailable("the references run on device 'cpu' and come in no variants")
    return Namespace(f"reference (NumPy {np.__version__})")
