"""Questions about refusals: one call that must be taken, and beside it calls that must be refused, each for one fault.

Only faults that any language has: shapes that do not fit, numbers out of range, formats that are mixed or not taken.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

import reference
from spec_tests.contract.functions import parameters
from spec_tests.vectors import faults_of_layers, faults_of_windows
from spec_tests.vectors.faulty import Change
from spec_tests.vectors.question import Question, Refused
from spec_tests.vocabulary.operations import OPTIMIZERS

Make = Callable[[], Iterable[Question]]
FAULTS = faults_of_windows.FAULTS | faults_of_layers.FAULTS
"""By operation, the arrays and options of a call that is taken, and what is refused beside it."""


def of(operation: str) -> list[Make]:
    """Return what makes the call that is taken, and those beside it that are refused."""
    if operation not in FAULTS:
        return []
    (arrays, options), faults = FAULTS[operation]
    taken = _taken(operation, arrays, options)
    return [partial(list, [taken]), *[partial(_refused, taken, why, change) for why, change in faults]]


def _taken(operation: str, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Question:
    given = _call(operation, arrays, options)
    with np.errstate(all="ignore"):
        result = getattr(reference, operation)(**given)
    if operation in OPTIMIZERS:  # in whole numbers and powers of two nothing rounds
        param, state = result
        expected = {"param": param, **{f"state.{name}": value for name, value in state.items() if name != "step"}}
    else:
        expected = {"output": np.asarray(result)}
    dtype = "uint8" if any(array is not None and array.dtype == np.uint8 for array in arrays.values()) else "float32"
    return Question(operation, "values", dtype, arrays, options, expected, ("refused",))


def _call(operation: str, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    given = {**arrays, **options}
    if operation in OPTIMIZERS:
        given.pop("step")
        given["state"] = {}
    return given


def _refused(taken: Question, why: str, change: Change) -> Iterable[Question]:
    """Ask for the refusal of the call with some arguments changed; `function` may name the gradient."""
    change = dict(change)
    function = change.pop("function", taken.function)
    given = parameters(function)
    unknown = [name for name in change if name not in given]
    if unknown:
        raise ValueError(f"{function} has no {unknown[0]}: it cannot be changed for {why!r}")
    of_arrays = {name: value for name, value in change.items() if isinstance(value, np.ndarray) or name in taken.arrays}
    arrays = {**taken.arrays, **of_arrays}
    options = {**taken.options, **{name: value for name, value in change.items() if name not in of_arrays}}
    yield Question(function, "refusals", taken.dtype, arrays, options, Refused(why, taken), ("refused",))
