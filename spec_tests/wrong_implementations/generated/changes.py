"""What a wrong implementation does to a result, or makes of its arguments: small rules, each a plain slip.

A change of a result takes the right array and the call, and returns the wrong array. A change of an argument takes the
call and the argument's name, and returns what the right implementation is then given instead.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.generated.call import Call, signature

OfResult = Callable[[Array, Call], Any]
OfArgument = Callable[[Call, str], Any]


# Of results


def _negated(result: Array, _: Call) -> Any:
    return np.negative(result)


def _times(factor: float, result: Array, _: Call) -> Any:
    return (result * factor).astype(result.dtype)


def _a_hundredth_too_large(result: Array, call: Call) -> Any:
    return _times(1.01, result, call) if result.dtype.kind == "f" else result


def _zeros(result: Array, _: Call) -> Any:
    return np.zeros_like(result)


def _transposed(result: Array, _: Call) -> Any:
    return result.swapaxes(-1, -2).reshape(result.shape) if result.ndim > 1 else result


def _leading_axes_swapped(result: Array, _: Call) -> Any:
    return result.swapaxes(0, 1).reshape(result.shape) if result.ndim > 2 else result


def _flipped(axis: int, result: Array, _: Call) -> Any:
    return np.flip(result, axis).copy() if result.ndim else result


def _rolled(axis: int, result: Array, _: Call) -> Any:
    return np.roll(result, 1, axis) if result.ndim else result


def _without_the_last_block(size: int, result: Array, _: Call) -> Any:
    """Leave zeros where the row is no multiple of what is computed at a time."""
    wrong = result.copy()
    if result.ndim and result.shape[-1] > size:
        wrong[..., result.shape[-1] // size * size :] = 0
    return wrong


def _zeros_beyond(size: int, axis: int, result: Array, _: Call) -> Any:
    wrong = result.copy()
    if result.ndim:
        np.moveaxis(wrong, axis, -1)[..., size:] = 0
    return wrong


def _first_for_all(axis: int, result: Array, _: Call) -> Any:
    return np.broadcast_to(result.take([0], axis), result.shape).copy() if result.size and result.ndim else result


def _one_cell_off(seed: int, result: Array, _: Call) -> Any:
    """Add 1 in one cell, wherever the seed puts it; elsewhere in a result of another size."""
    wrong = result.copy()
    if wrong.size:
        wrong.reshape(-1)[np.random.default_rng(seed).integers(wrong.size)] += wrong.dtype.type(1)
    return wrong


def _the_last_cell_lost(result: Array, _: Call) -> Any:
    wrong = result.copy()
    wrong.reshape(-1)[-1:] = 0
    return wrong


def _through(dtype: str, result: Array, _: Call) -> Any:
    """Compute in a coarser format, and return the one that is expected."""
    if result.dtype.kind != "f" or result.dtype.itemsize <= np.dtype(dtype).itemsize:
        return result
    with np.errstate(over="ignore"):
        return result.astype(dtype).astype(result.dtype)


def _as(dtype: str, result: Array, _: Call) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        return result.astype(dtype)


def _flat(result: Array, _: Call) -> Any:
    return result.reshape(-1)


def _squeezed(result: Array, _: Call) -> Any:
    return result.squeeze()


def _with_an_axis_more(result: Array, _: Call) -> Any:
    return result[None]


def _without_nan(result: Array, _: Call) -> Any:
    return np.nan_to_num(result, nan=0.0, posinf=np.inf, neginf=-np.inf) if result.dtype.kind == "f" else result


def _without_infinities(result: Array, _: Call) -> Any:
    largest = np.finfo(result.dtype).max if result.dtype.kind == "f" else None
    return result if largest is None else np.clip(result, -largest, largest)


def _never_negative(result: Array, _: Call) -> Any:
    return np.maximum(result, result.dtype.type(0))


def _cut_off(most: float, result: Array, _: Call) -> Any:
    return np.clip(result, -most, most).astype(result.dtype) if result.dtype.kind == "f" else result


def _rounded(result: Array, _: Call) -> Any:
    return np.rint(result).astype(result.dtype)


def _refused(result: Array, _: Call) -> Any:
    raise ValueError("cannot do this")


RESULT_CHANGES: dict[str, OfResult] = {
    "has_the_wrong_sign": _negated,
    "forgets_a_factor_of_2": partial(_times, 0.5),
    "adds_up_twice": partial(_times, 2.0),
    "is_off_by_a_thousandth": partial(_times, 1.001),
    "stays_zero": _zeros,
    "is_transposed": _transposed,
    "swaps_the_leading_axes": _leading_axes_swapped,
    "is_flipped_along_the_last_axis": partial(_flipped, -1),
    "is_flipped_along_the_first_axis": partial(_flipped, 0),
    "is_off_by_one_along_the_last_axis": partial(_rolled, -1),
    "is_off_by_one_along_the_first_axis": partial(_rolled, 0),
    "drops_the_last_block_of_4": partial(_without_the_last_block, 4),
    "drops_the_last_block_of_8": partial(_without_the_last_block, 8),
    "drops_the_last_block_of_16": partial(_without_the_last_block, 16),
    "drops_what_is_beyond_32_along_the_first_axis": partial(_zeros_beyond, 32, 0),
    "drops_what_is_beyond_64_along_the_last_axis": partial(_zeros_beyond, 64, -1),
    "drops_what_is_beyond_512_along_the_last_axis": partial(_zeros_beyond, 512, -1),
    "takes_the_first_entry_of_the_first_axis_for_all": partial(_first_for_all, 0),
    "takes_the_first_entry_of_the_last_axis_for_all": partial(_first_for_all, -1),
    **{f"is_off_by_1_in_one_cell/seed={seed}": partial(_one_cell_off, seed) for seed in range(2)},
    "loses_its_last_cell": _the_last_cell_lost,
    "is_rounded_to_half": partial(_through, "float16"),
    "computes_float64_in_float32": partial(_through, "float32"),
    "comes_in_float64": partial(_as, "float64"),
    "comes_in_float32": partial(_as, "float32"),
    "comes_flat": _flat,
    "loses_its_axes_of_1": _squeezed,
    "comes_with_an_axis_more": _with_an_axis_more,
    "turns_nan_into_0": _without_nan,
    "turns_infinities_into_the_largest_number": _without_infinities,
    "is_never_negative": _never_negative,
    "is_cut_off_at_64": partial(_cut_off, 64.0),
    "is_cut_off_at_65504": partial(_cut_off, 65504.0),
    "is_rounded_to_whole_numbers": _rounded,
}
"""By name, what is done to a result."""

OFF_BY_A_HUNDREDTH = "is_a_hundredth_too_large"
"""What tells how sharp all criteria are together: it is planted in every part of every function, format by format."""

RESULT_CHANGES[OFF_BY_A_HUNDREDTH] = _a_hundredth_too_large

UNDER_A_CONDITION = (
    "has_the_wrong_sign",
    "is_off_by_1_in_one_cell/seed=0",
    "is_off_by_one_along_the_last_axis",
    "forgets_a_factor_of_2",
    "is_refused",
)
"""What is done under a condition: what everybody would see if it were done always."""

RESULT_CHANGES["is_refused"] = _refused


# Of arguments


def _array(change: Callable[[Array], Array]) -> OfArgument:
    def changed(call: Call, name: str) -> Any:
        value = call.arguments[name]
        return change(value) if isinstance(value, np.ndarray) else value

    return changed


def _in_memory_order(array: Array) -> Array:
    return array.ravel(order="K").reshape(array.shape)


def _to_half(array: Array) -> Array:
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(array.dtype) if array.dtype.kind == "f" else array


def _nan_taken_for_0(array: Array) -> Array:
    return np.nan_to_num(array, nan=0.0, posinf=np.inf, neginf=-np.inf) if array.dtype.kind == "f" else array


def _infinity_taken_for_the_largest(array: Array) -> Array:
    if array.dtype.kind != "f":
        return array
    largest = np.finfo(array.dtype).max
    return np.clip(array, -largest, largest)


def _without_subnormal_or_small(array: Array) -> Array:
    return np.where(abs(array) < 2.0**-10, array.dtype.type(0), array) if array.dtype.kind == "f" else array


def _mean_for_all(array: Array) -> Array:
    return np.full_like(array, array.mean()) if array.size and array.dtype.kind == "f" else array


ARGUMENT_CHANGES: dict[str, OfArgument] = {
    "is_read_in_memory_order": _array(_in_memory_order),
    "is_read_flipped": _array(lambda array: np.flip(array, -1).copy() if array.ndim else array),
    "is_read_off_by_one": _array(lambda array: np.roll(array, 1, -1) if array.ndim else array),
    "is_read_transposed": _array(
        lambda array: array.swapaxes(-1, -2).reshape(array.shape) if array.ndim > 1 else array
    ),
    "is_rounded_to_half": _array(_to_half),
    "loses_its_sign": _array(lambda array: abs(array) if array.dtype.kind == "f" else array),
    "has_nan_taken_for_0": _array(_nan_taken_for_0),
    "has_infinity_taken_for_the_largest_number": _array(_infinity_taken_for_the_largest),
    "has_numbers_below_1_in_1024_taken_for_0": _array(_without_subnormal_or_small),
    "is_taken_for_ones": _array(lambda array: np.ones_like(array) if array.dtype.kind == "f" else array),
    "is_taken_for_its_mean": _array(_mean_for_all),
    "has_its_first_entry_for_all": _array(
        lambda array: np.broadcast_to(array[:1], array.shape).copy() if array.ndim and len(array) else array
    ),
}
"""By name, what is done to an array among the arguments."""


def _default(call: Call, name: str) -> Any:
    default = signature(call.function).parameters[name].default
    return call.arguments[name] if default is signature(call.function).empty else default


def _one_more(call: Call, name: str) -> Any:
    value = call.arguments[name]
    if isinstance(value, tuple | list) and all(isinstance(number, int) for number in value):
        return type(value)(number + 1 for number in value)
    return value + 1 if isinstance(value, int) and not isinstance(value, bool) else value


def _twice(call: Call, name: str) -> Any:
    value = call.arguments[name]
    return 2 * value if isinstance(value, float) else value


def _other_way_round(call: Call, name: str) -> Any:
    value = call.arguments[name]
    return value[::-1] if isinstance(value, tuple | list) else value


def _first_for_every_axis(call: Call, name: str) -> Any:
    value = call.arguments[name]
    return type(value)([value[0]] * len(value)) if isinstance(value, tuple | list) and value else value


def _opposite(call: Call, name: str) -> Any:
    value = call.arguments[name]
    return not value if isinstance(value, bool) else value


OPTION_CHANGES: dict[str, OfArgument] = {
    "is_ignored": _default,
    "is_one_more": _one_more,
    "counts_twice": _twice,
    "is_read_the_other_way_round": _other_way_round,
    "has_its_first_number_for_every_axis": _first_for_every_axis,
    "is_taken_for_the_opposite": _opposite,
}
"""By name, what is done to an option; `is_ignored` also to an array that may be missing."""
