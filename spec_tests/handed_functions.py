"""A subject made of functions that were handed over, on NumPy arrays or on torch tensors.

A stand-in for the contract, with its form.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any, Self

import numpy as np


class Functions:
    """Functions named and called as in `torch.nn.functional`."""

    transforms: Mapping[str, str] = MappingProxyType({})
    deviations: frozenset[str] = frozenset()

    def __init__(self, functions: Mapping[str, Callable[..., Any]], name: str, **options: Any) -> None:
        self.functions, self.name, self.options = functions, name, options
        self.dtypes = frozenset(options["dtypes"])
        self.source, self.tensors = None, options["tensors"]
        self.answered = 0
        """How many calls have been answered."""

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        here = type(self)(self.functions, self.name, **self.options)
        here.__dict__ |= {"dtype": dtype, "count": self.__dict__.get("count", self)}
        return here

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_") or operation in ("dtype", "count"):
            raise AttributeError(operation)
        if operation not in self.functions or operation in self.options["not_offered"]:
            return partial(_not_offered, operation)
        return partial(self._call, operation)

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        names: Mapping[str, str] = self.options["names"].get(operation, {})
        renamed = {names.get(key, key): value for key, value in kwargs.items()}
        function, dtype = self.functions[operation], self.__dict__.get("dtype", "float32")
        result = function(*args, **renamed) if not self.tensors else self._on_tensors(function, dtype, args, renamed)
        self.__dict__.get("count", self).answered += 1
        return result

    def _on_tensors(self, function: Callable[..., Any], dtype: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        torch = import_module("torch")
        behind = import_module("spec_tests.subjects.torch").TorchSubject(torch.device(self.options["device"]), dtype)
        result = function(*map(behind.tensor, args), **{key: behind.tensor(value) for key, value in kwargs.items()})
        return tuple(map(_array, result)) if isinstance(result, tuple) else _array(result)


def _array(value: Any) -> Any:
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    wide = tensor.float() if str(tensor.dtype) in ("torch.float16", "torch.bfloat16") else tensor
    array: np.ndarray = wide.numpy()
    return array


class NotOffered(Exception):
    """The function was not handed over."""


def _not_offered(operation: str, *_: Any, **__: Any) -> Any:
    raise NotOffered(f"not offered: {operation}")


def subject_of(
    functions: Mapping[str, Callable[..., Any]],
    *,
    name: str,
    dtypes: Collection[str],
    tensors: bool,
    names: Mapping[str, Mapping[str, str]],
    not_offered: Collection[str],
    only: Collection[str],  # noqa: ARG001  # of the contract's form
    device: str,
) -> Functions:
    """Return a subject that has these functions."""
    options = {"dtypes": dtypes, "tensors": tensors, "names": names, "not_offered": not_offered, "device": device}
    return Functions(functions, name, **options)
