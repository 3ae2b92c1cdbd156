"""Whether a subject still shows a known deviation, asked on the deviation's smallest example."""

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import reference
from spec_tests.contract.expectations import Deviation, Example
from spec_tests.contract.functions import ARRAYS
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.subject import REFUSALS, NotOffered, SubjectEnded, SubjectFailed

SHOWN, GONE = "shown", "gone"
LONGEST = 300.0
"""For how many seconds a program may run: it may compile something first."""


def demonstrate(deviation: Deviation, subject: Any, isolated: Callable[[], Any]) -> str:
    """Return `SHOWN`, `GONE` if the right thing comes out, or a line on what comes out instead of either.

    `isolated` returns the subject in a process of its own, which is what a crash needs.
    """
    example = deviation.example
    if example is None:
        raise ValueError(f"{deviation.id} has no example of its own: the register's tests demonstrate it")
    if example.program:
        return _of_a_program(example, deviation.kind)
    asked = isolated() if deviation.kind == "crash" else subject
    try:
        got = _one(getattr(asked.at(example.dtype), example.call)(**arguments_of(example)), example.result)
    except NotOffered as reason:
        return f"{example.call} is not answered any more: {reason}"
    except SubjectEnded as error:
        return SHOWN if deviation.kind == "crash" else f"{error}"
    except (*REFUSALS, SubjectFailed) as error:
        said = f"{type(error).__name__}: {error}"
        if deviation.kind == "loud" and re.search(example.raises, said):
            return SHOWN
        return GONE if example.refusal is not None and isinstance(error, REFUSALS) else said
    return _compared(got, example, deviation.kind)


def right_by_the_references(example: Example) -> bool:
    """Tell whether the references, computing in float64, give what the example calls right, once that is rounded.

    A call that must be refused they must refuse, in the words that the example expects.

    They are independent of the file. Where there is only a program, there is nothing to be asked.
    """
    if example.program:
        return True
    wide = {name: _wide(value) for name, value in arguments_of(example).items()}
    try:
        got = _one(getattr(reference, example.call)(**wide), example.result)
    except REFUSALS as error:
        return example.refusal is not None and re.search(example.refusal, str(error)) is not None
    return example.refusal is None and _same(rounded(got, example.dtype), _array(example.right, example.dtype))


def arguments_of(example: Example) -> dict[str, Any]:
    """Return the arguments of the call: arrays in the example's format, and options."""
    return {name: _argument(name, value, example.dtype) for name, value in example.arguments.items()}


def _argument(name: str, value: Any, dtype: str) -> Any:
    if name not in ARRAYS and not isinstance(value, dict):
        return tuple(value) if isinstance(value, list) else value
    array = _array(value, dtype)
    whole = name == "target" and np.asarray(value).dtype.kind in "iu"  # classes; elsewhere 3 is a number as 3.0 is
    return array.astype(np.int64) if whole else array


def _array(value: Any, dtype: str) -> np.ndarray:
    """Return nested lists, or the short form of an array, in a format."""
    match value:
        case {"shape": shape, "full": number}:
            return rounded(np.full(shape, number), dtype)
        case {"shape": shape, "count_from": first}:
            return rounded(np.arange(first, first + np.prod(shape)).reshape(shape), dtype)
    return rounded(value, dtype)


def _wide(value: Any) -> Any:
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value


def _one(result: Any, which: int) -> Any:
    return result[which] if isinstance(result, tuple) else result


def _compared(got: Any, example: Example, kind: str) -> str:
    if example.refusal is None and _same(got, _array(example.right, example.dtype)):
        return GONE
    if kind == "silent" and (example.found is None or _same(got, _array(example.found, example.dtype))):
        return SHOWN
    return f"{example.call} gives {np.asarray(got).tolist()}"


def _same(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def _of_a_program(example: Example, kind: str) -> str:
    """Run the program of an example in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", example.program]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return f"the program runs for more than {LONGEST:g} seconds"
    printed = ended.stdout.strip()
    last = (ended.stderr.strip().splitlines() or [""])[-1]
    if ended.returncode == 0 and printed == example.right:
        return GONE
    shown = {
        "silent": ended.returncode == 0 and example.found in (None, printed),
        "loud": ended.returncode == 1 and re.search(example.raises, last) is not None,
        "crash": ended.returncode not in (0, 1),
    }
    return SHOWN if shown[kind] else f"the program prints {printed or last!r}"
