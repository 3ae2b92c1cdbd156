"""Values as Python code with all their digits, for a program that knows only NumPy, or NumPy and torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.vocabulary.formats import HALVES

FEW = 16
"""Numbers that are written one by one although all of them are equal."""

WIDTH = 110
"""Characters of a line, nearly: a row of numbers is not broken."""


@dataclass(frozen=True)
class Writer:
    """How arguments are written: as NumPy arrays or as tensors, on a device, their floats in a format."""

    tensors: bool = False
    dtype: str = "float32"
    device: str = "cpu"

    def code(self, value: Any) -> str:
        """Return Python code for an argument.

        >>> Writer().code(np.array([0.5, np.inf], np.float32))
        "np.array([0.5, inf], 'float32')"
        >>> Writer(tensors=True, dtype="float16").code({"grad": np.array(0.25, np.float32)})
        "{'grad': torch.tensor(0.25, dtype=torch.float16)}"
        """
        if isinstance(value, np.ndarray | np.generic):
            array = self._array(np.asarray(value))
            return f"lying({array}, {strides_of(value)})" if self.lies_scattered(value) else array
        if isinstance(value, np.dtype):
            return f"torch.{value.name}" if self.tensors else f"np.dtype({value.name!r})"
        if isinstance(value, type) and issubclass(value, np.generic):
            return f"np.{value.__name__}"
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key!r}: {self.code(entry)}" for key, entry in value.items()) + "}"
        return repr(value)

    def lies_scattered(self, value: Any) -> bool:
        """Tell whether an array has to be laid out in memory by itself: if not, it is simply row after row."""
        if not isinstance(value, np.ndarray) or value.flags.c_contiguous or value.size == 0:
            return False
        whole = all(stride % value.itemsize == 0 for stride in value.strides)
        return whole and not (self.tensors and min(value.strides) < 0)  # torch has no such tensors

    def _array(self, array: Any) -> str:
        dtype = self.dtype if self.dtype in HALVES and array.dtype.kind == "f" else str(array.dtype)
        alike = array.size > FEW and all_alike(array)
        if self.tensors:
            on = "" if self.device == "cpu" else ", device=DEVICE"
            empty = f"torch.zeros({array.shape}, dtype=torch.{dtype}{on})"
            if alike:
                return f"torch.full({array.shape}, {array.flat[0].item()!r}, dtype=torch.{dtype}{on})"
            return f"torch.tensor({nested(array)}, dtype=torch.{dtype}{on})" if array.size else empty
        if alike:
            return f"np.full({array.shape}, {array.flat[0].item()!r}, {dtype!r})"
        return f"np.array({nested(array)}, {dtype!r})" if array.size else f"np.zeros({array.shape}, {dtype!r})"


def all_alike(array: Any) -> bool:
    """Tell whether all numbers of an array are the same, to the sign of a zero."""
    return bool(array.size) and array.tobytes() == np.full_like(array, array.flat[0]).tobytes()


def nested(array: Any, indent: int = 0) -> str:
    """Return an array as lists in lists, each on a line of its own where all of them do not fit on one.

    >>> nested(np.array([[1.0, np.nan], [-0.0, 0.1]]))
    '[[1.0, nan], [-0.0, 0.1]]'
    """
    short = repr(array.tolist())
    if array.ndim < 2 or len(short) + indent < WIDTH:
        return short
    begin = "\n" + " " * (indent + 4)
    rows = f",{begin}".join(nested(row, indent + 4) for row in array)
    return f"[{begin}{rows},\n{' ' * indent}]"


def strides_of(array: Any) -> tuple[int, ...]:
    """Return the strides of an array, counted in elements."""
    return tuple(stride // array.itemsize for stride in array.strides)
