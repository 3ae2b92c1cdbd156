"""An implementation whose functions take NumPy arrays."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from spec_tests.contract.declaration import Declaration
from spec_tests.contract.functions import FUNCTIONS


class OnArrays:
    """The functions of a declaration, on arrays of the format's own type."""

    transforms: Mapping[str, str] = MappingProxyType({})
    deviations: frozenset[str] = frozenset()

    def __init__(self, declaration: Declaration, dtype: str | None = None) -> None:
        self.declaration, self.dtype = declaration, dtype
        self.name = declaration.name
        self.dtypes = declaration.dtypes
        self.source, self.tensors = declaration.source, False

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        return type(self)(self.declaration, dtype)

    def offers(self, function: str) -> bool:
        """Tell whether there is such a function."""
        return function in self.declaration.functions

    def calling(self, function: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str | int, Any]]:
        """Return the name of its own function, and what that is called with, names for keywords, numbers for places."""
        adapted = self.declaration.functions[function]
        return adapted.own_name, adapted.given(arguments)

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function not in FUNCTIONS:
            raise AttributeError(function)
        return partial(self._call, function)

    def _call(self, function: str, **arguments: Any) -> Any:
        if self.dtype != "float16":
            return self.declaration.functions[function](**arguments)
        halves = {name: _to_half(value) for name, value in arguments.items()}
        result = self.declaration.functions[function](**halves)
        return tuple(map(_from_half, result)) if isinstance(result, tuple) else _from_half(result)


def _to_half(value: Any) -> Any:
    return value.astype(np.float16) if isinstance(value, np.ndarray) and value.dtype == np.float32 else value


def _from_half(value: Any) -> Any:
    """Return half a result as the float32 that holds it exactly; what is no half is not what was asked for."""
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind != "f":
        return value
    if value.dtype != np.float16:
        raise AssertionError(f"got dtype {value.dtype}, expected float16")
    return value.astype(np.float32)
