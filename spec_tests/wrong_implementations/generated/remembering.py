"""What a wrong implementation does beside computing: it writes, lends its memory, or remembers what was before."""

from collections.abc import Callable
from typing import Any

import numpy as np

from spec_tests.wrong_implementations.generated.call import Call

Key = tuple[Any, ...]


def _key(call: Call) -> Key:
    """Return what two calls have in common that differ in their numbers alone."""
    arrays = call.arrays
    shapes = tuple((name, array.shape, str(array.dtype)) for name, array in arrays.items())
    return shapes, str({name: value for name, value in call.arguments.items() if name not in arrays})


def takes_every_call_for_the_last() -> Callable[[Call], Any]:
    """Return what was computed for the last call, if the arguments are shaped alike."""
    last: dict[Key, Any] = {}

    def implementation(call: Call) -> Any:
        key = _key(call)
        if key not in last:
            last.clear()
            last[key] = call()
        return last[key]

    return implementation


def writes_all_results_into_one_buffer() -> Callable[[Call], Any]:
    """Return the memory of the last result again, with the new numbers in it, if they are shaped alike."""
    buffers: dict[Key, np.ndarray[Any, Any]] = {}

    def implementation(call: Call) -> Any:
        result = call()
        if not isinstance(result, np.ndarray):
            return result
        key = (result.shape, str(result.dtype))
        buffer = buffers.setdefault(key, result)
        buffer[...] = result
        return buffer

    return implementation


def adds_to_the_last_result() -> Callable[[Call], Any]:
    """Forget to set the sum to 0 where the same shapes come again at once."""
    last: dict[Key, Any] = {}

    def implementation(call: Call) -> Any:
        key, result = _key(call), call()
        before = last.get(key)
        last.clear()
        if not isinstance(result, np.ndarray) or result.dtype.kind != "f":
            return result
        last[key] = result.copy()
        return result if before is None else result + before

    return implementation


def _writes(argument: str, call: Call) -> Any:
    result, array = call(), call.arrays.get(argument)
    if array is not None and array.flags.writeable:
        array[...] = 0
    return result


def _lends(argument: str, call: Call) -> Any:
    """Return the numbers in the memory of an argument, where they fit in."""
    result, array = call(), call.arrays.get(argument)
    if not isinstance(result, np.ndarray) or array is None or array.shape != result.shape:
        return result
    if array.dtype != result.dtype or not array.flags.writeable:
        return result
    array[...] = result
    return array


def _refuses_what_is_read_only(argument: str, call: Call) -> Any:
    array = call.arrays.get(argument)
    if array is not None and not array.flags.writeable:
        raise ValueError(f"{argument} must not be read-only")
    return call()


def _refuses_what_is_not_contiguous(argument: str, call: Call) -> Any:
    array = call.arrays.get(argument)
    if array is not None and not array.flags.c_contiguous:
        raise ValueError(f"{argument} must be contiguous")
    return call()


OF_RESULTS: dict[str, Callable[[], Callable[[Call], Any]]] = {
    "is_that_of_the_call_before": takes_every_call_for_the_last,
    "is_written_over_that_of_the_call_before": writes_all_results_into_one_buffer,
    "is_added_to_that_of_the_call_before": adds_to_the_last_result,
}
"""By name, what remembers; each returns an implementation with a memory of its own."""

OF_ARGUMENTS: dict[str, Callable[[str, Call], Any]] = {
    "is_cleared": _writes,
    "is_written_into": _lends,
    "is_refused_if_read_only": _refuses_what_is_read_only,
    "is_refused_unless_contiguous": _refuses_what_is_not_contiguous,
}
"""By name, what is done with an array among the arguments."""
