"""When a wrong implementation is wrong: for one width, layout, format or value of an option, and never otherwise.

A condition is written NAME=VALUE: `dtype=float64`, `width=3`, `layout_of_weight=not_contiguous`, `ceil_mode=True`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.generated.call import Call, signature

Condition = Callable[[Call], bool]

LARGE = 100.0

ABOUT_NUMBERS: dict[str, Callable[[Array], Any]] = {
    "nan": lambda array: array.dtype.kind == "f" and np.isnan(array).any(),
    "infinity": lambda array: array.dtype.kind == "f" and np.isinf(array).any(),
    "0": lambda array: (array == 0).any(),
    "large_numbers": lambda array: array.dtype.kind == "f" and (abs(array) > LARGE).any(),
    "fractions": lambda array: array.dtype.kind == "f" and (np.isfinite(array) & (np.rint(array) != array)).any(),
    "negative_numbers_alone": lambda array: bool(array.size) and (array < 0).all(),
    "equal_numbers": lambda array: array.size > 1 and len(np.unique(array)) < array.size,
}
"""What the numbers of an array may be like."""

ABOUT_MEMORY: dict[str, Callable[[Array], Any]] = {
    "not_contiguous": lambda array: not array.flags.c_contiguous,
    "channels_last": lambda array: array.ndim > 2 and array.strides[1] == array.itemsize and array.shape[1] > 1,
    "read_only": lambda array: not array.flags.writeable,
}
"""How an array may lie in memory."""

AXES = {"width": -1, "length": 0, "channels": 1}
"""What the axes of an array are called in a condition."""


def _counts(axis: int, size: int, array: Array) -> bool:
    return array.ndim > max(axis, 0) and array.shape[axis] == size


def _exceeds(axis: int, size: int, array: Array) -> bool:
    return array.ndim > max(axis, 0) and array.shape[axis] > size


def _has_axes(count: int, array: Array) -> bool:
    return array.ndim == count


SIZES = {"width": (1, 2, 3, 5, 7), "length": (1, 3), "channels": (1, 3, 9)}
LARGE_SIZES = {"width": (8, 16, 64, 512), "length": (16, 100), "channels": (16, 64)}

ABOUT_SIZES: dict[str, Callable[[Array], Any]] = {
    **{f"{name}={n}": partial(_counts, AXES[name], n) for name, sizes in SIZES.items() for n in sizes},
    **{f"{name}>{n}": partial(_exceeds, AXES[name], n) for name, sizes in LARGE_SIZES.items() for n in sizes},
    **{f"axes={n}": partial(_has_axes, n) for n in range(6)},
    "size=1": lambda array: array.size == 1,
    "size>1000": lambda array: array.size > 1000,
    "square": lambda array: array.ndim > 1 and array.shape[-1] == array.shape[-2] > 1,
}
"""What the shape of the argument may be like that a function is about."""


def condition(text: str) -> Condition:
    """Return the condition that is written so."""
    if text in ABOUT_SIZES:
        return lambda call: bool(ABOUT_SIZES[text](call.main))
    name, _, value = text.partition("=")
    if name == "dtype":
        return lambda call: str(call.main.dtype) == value
    if name.startswith("numbers_of_"):
        return partial(_about, ABOUT_NUMBERS[value], name.removeprefix("numbers_of_"))
    if name.startswith("layout_of_"):
        return partial(_about, ABOUT_MEMORY[value], name.removeprefix("layout_of_"))
    return lambda call: described(call.arguments.get(name)) == value


def _about(question: Callable[[Array], Any], argument: str, call: Call) -> bool:
    array = call.arrays.get(argument)
    return array is not None and bool(question(array))


def described(value: Any) -> str:
    """Return how an option's value is written in a condition: for a row of numbers, that there are several."""
    if isinstance(value, np.ndarray):
        return "given"
    if isinstance(value, tuple | list):
        return "equal_for_all_axes" if len(set(map(str, value))) == 1 else "different_for_each_axis"
    if isinstance(value, float) and len(str(value)) > MOST_CHARACTERS:
        return "any_other_number"
    return ("given" if value else "empty") if isinstance(value, dict) else str(value)


def conditions(function: str, calls: list[Call]) -> Iterator[str]:
    """Return all conditions that distinguish some of these calls from others, as they are written."""
    arrays = dict.fromkeys(name for call in calls for name in call.arrays)
    yield from (f"dtype={dtype}" for dtype in dict.fromkeys(str(call.main.dtype) for call in calls))
    yield from ABOUT_SIZES
    yield from (f"layout_of_{name}={memory}" for name in arrays for memory in ABOUT_MEMORY)
    yield from (f"numbers_of_{name}={numbers}" for name in arrays for numbers in ABOUT_NUMBERS)
    for name in signature(function).parameters:
        values = dict.fromkeys(described(call.arguments.get(name)) for call in calls)
        if name not in arrays or len(values) > 1:
            yield from (f"{name}={value}" for value in list(values)[:MOST_VALUES] if len(values) > 1)


MOST_CHARACTERS = 6
"""Of a number that is a condition: those of more are drawn, and none is special."""

MOST_VALUES = 6
"""Of an option's values, how many become a condition of their own."""
