"""Calls on which a wrong implementation that a rule makes differs from the right one: without one it is not listed.

The calls are drawn as the specification draws, the same ones every time: of all numbers, both formats, several layouts
and the sizes at which kernels change their path.
"""

import csv
import inspect
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import hypothesis
import numpy as np
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.problems import Array, Problem, real_numbers, special_numbers
from spec_tests.wrong_implementations.generated import (
    ALONE,
    ARGUMENT,
    NAMES,
    WHEN,
    generated,
    parsed,
    remembering,
)
from spec_tests.wrong_implementations.generated.call import (
    BACKWARD,
    SECOND,
    SOME,
    Call,
    functions,
    parts,
    right,
    signature,
    with_part,
)
from spec_tests.wrong_implementations.generated.changes import (
    ARGUMENT_CHANGES,
    OFF_BY_A_HUNDREDTH,
    OPTION_CHANGES,
    RESULT_CHANGES,
    UNDER_A_CONDITION,
    OfResult,
)
from spec_tests.wrong_implementations.generated.conditions import conditions

DRAWN = 60
"""Calls of each kind."""

GENERATED = (hypothesis.Phase.generate,)

Calls = list[Call]


# The calls


@cache
def calls(function: str) -> Calls:
    """Return the calls of a function."""
    operation = _operation(function)
    if operation in OPTIMIZERS:
        made = list(_steps(operation))
    elif operation in TRANSFORMS:
        row = TRANSFORMS[operation]
        made = [dict(row.typical), *(call for strategy in row.draws.values() for call in _drawn(strategy))]
    else:
        made = [_arguments(function, problem) for problem in _problems(operation)]
    laid = [_laid(arguments, place) for place, arguments in enumerate(made)]
    return [Call(function, _complete(function, arguments)) for arguments in laid if _is_taken(function, arguments)]


def _operation(function: str) -> str:
    for ending in (SECOND, SOME, BACKWARD, "_statistics"):
        if function.endswith(ending):
            return function.removesuffix(ending)
    return function


def _drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Return what is drawn, always the same."""
    found: list[Any] = []

    @hypothesis.settings(max_examples=DRAWN, derandomize=True, database=None, deadline=None, phases=GENERATED)
    @hypothesis.given(strategy)
    def draw(example: Any) -> None:
        found.append(example)

    draw._hypothesis_internal_add_digest = b"witnesses"  # type: ignore[attr-defined]  # the same of whatever strategy
    draw()
    return found


@cache
def _problems(operation: str) -> list[Problem]:
    row = OPERATIONS[operation]
    drawn = [*_drawn(row.problems()), *_drawn(row.any_problem)]
    taken = inspect.signature(getattr(row.problems, "func", row.problems)).parameters
    for numbers in (real_numbers, special_numbers) if "numbers" in taken else ():
        drawn += _drawn(row.problems(numbers=numbers))
    large = [case.problem(real_numbers) for case in row.large.values()]
    found = [row.typical, *drawn, *large]
    return [problem.at(("float32", "float64")[place % 2]) for place, problem in enumerate(found)]


def _arguments(function: str, problem: Problem) -> dict[str, Any]:
    arguments = {**problem.arrays, **problem.options}
    if function == "batch_norm_statistics":
        return {name: value for name, value in arguments.items() if name in signature(function).parameters}
    if function == problem.operation:
        return arguments
    arguments = {"grad_output": problem.grad_output, **arguments}
    with_gradients = OPERATIONS[problem.operation].arguments_with_gradients(problem)
    given = [name for name in parts(function) if name in with_gradients]
    if function.endswith(SOME):
        return {"wanted": (given[problem.grad_output.size % len(given)],), **arguments}
    if function.endswith(SECOND):
        vectors = {name: problem.arrays[name][::-1] for name in given}
        return {"vectors": vectors, **arguments}
    return arguments


def _steps(name: str) -> Iterator[dict[str, Any]]:
    """Return the second and the third step of an optimizer, and the first."""
    yield dict(OPTIMIZERS[name].typical)
    for place, options in enumerate(_drawn(OPTIMIZERS[name].options)):
        rng = np.random.default_rng(place)
        dtype, shape = ("float32", "float64")[place % 2], [(3,), (2, 9), (1,), (4, 3, 2), (70,)][place % 5]
        param: Array = rng.standard_normal(shape).astype(dtype)
        state: dict[str, Any] = {}
        for _ in range(3):
            call = {"param": param, "grad": rng.standard_normal(shape).astype(dtype), "state": state, **options}
            yield call
            param, state = getattr(reference, name)(**call)


def _laid(arguments: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return a call with one of its arrays in another layout, of most calls; of some all are read-only."""
    arrays = [name for name, value in arguments.items() if isinstance(value, np.ndarray) and value.ndim]
    laid = dict(arguments)
    if not arrays:
        return laid
    name, way = arrays[place // 4 % len(arrays)], place % 4
    if way == 1:
        laid[name] = np.asfortranarray(laid[name])
    elif way == 2:
        laid[name] = np.repeat(laid[name], 2, axis=-1)[..., ::2]
    elif way == 3:
        second = min(1, laid[name].ndim - 1)
        laid[name] = np.moveaxis(np.ascontiguousarray(np.moveaxis(laid[name], second, -1)), -1, second)
    if place % 7 == 6:
        for other in arrays:
            laid[other] = _read_only(laid[other])
    return laid


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _complete(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    bound = signature(function).bind(**arguments)
    bound.apply_defaults()
    return dict(bound.arguments)


def _is_taken(function: str, arguments: Mapping[str, Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            right(function)(**arguments)
    except (ValueError, TypeError):
        return False
    return True


# What differs


def witness(name: str) -> int | None:
    """Return the place of the first call on which this wrong implementation differs, or None."""
    with np.errstate(all="ignore"):
        return _witness(name)


def _witness(name: str) -> int | None:
    function, concerned, change, applies = parsed(name)
    asked = [place for place, call in enumerate(calls(function)) if applies(call)]
    differs: Callable[[int], bool]
    if change in RESULT_CHANGES and not concerned.startswith(ARGUMENT):
        differs = partial(_differs_in_a_part, function, concerned, RESULT_CHANGES[change])
    else:
        differs = partial(_differs, generated(name).function, function, [])
    return next(filter(differs, asked), None)


def _differs_in_a_part(function: str, part: str, change: OfResult, place: int) -> bool:
    call, expected = calls(function)[place], _right(function)[place]
    try:
        return not _same(with_part(call, expected, part, change), expected)
    except ValueError:  # refused
        return True


def _differs(wrong: Callable[..., Any], function: str, before: list[Any], place: int) -> bool:
    """Tell whether this call gives another result, changes an argument or the result `before`, or lends its memory."""
    call, expected = calls(function)[place], _right(function)[place]
    if call.main.size > MOST_NUMBERS:
        return False
    arguments = {name: _own(value) for name, value in call.arguments.items()}
    kept = {name: _own(value) for name, value in arguments.items()}
    try:
        result = wrong(**arguments)
    except Exception:  # whatever becomes of it
        return True
    lent = _lent(result, arguments) and not _lent(expected, call.arguments)
    if lent or not _same(result, expected) or not _same(arguments, kept) or not all(_same(*pair) for pair in before):
        return True
    before[:] = [(result, expected)]
    return False


MOST_NUMBERS = 4096
"""In the input of a call on which the whole is computed again."""


@cache
def _right(function: str) -> list[Any]:
    return [call() for call in calls(function)]


def _own(value: Any) -> Any:
    """Return an array of one's own, laid out alike; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    memory = value.copy(order="K")
    if value.ndim and not value.flags.c_contiguous and memory.flags.c_contiguous:
        memory = np.repeat(memory, 2, axis=-1)[..., ::2]
    memory.flags.writeable = value.flags.writeable
    return memory


def _lent(result: Any, arguments: Mapping[str, Any]) -> bool:
    arrays = [value for value in arguments.values() if isinstance(value, np.ndarray)]
    return isinstance(result, np.ndarray) and any(np.shares_memory(result, array) for array in arrays)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if not isinstance(one, np.ndarray | np.generic) or not isinstance(other, np.ndarray | np.generic):
        return type(one) is type(other) and bool(one == other)
    if np.shape(one) != np.shape(other) or one.dtype != other.dtype:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


# The names


def candidates(function: str) -> Iterator[str]:
    """Return the names of all that the rules make of a function, whether or not they differ from what is right."""
    own = parts(function)
    for part in own:
        alone = ALONE if function.endswith(SOME) else ""
        yield from (f"{function}/{part}/{alone}{change}" for change in RESULT_CHANGES if change != "is_refused")
        yield from (f"{function}/{part}/{OFF_BY_A_HUNDREDTH}{WHEN}{text}" for text in ALWAYS_LISTED)
    if function.endswith((SOME, SECOND)):
        return
    yield from (f"{function}/all/{change}" for change in remembering.OF_RESULTS)
    arrays = dict.fromkeys(name for call in calls(function) for name in call.arrays)
    for name, parameter in signature(function).parameters.items():
        array, optional = name in arrays, parameter.default is not inspect.Parameter.empty
        of_arrays = [*ARGUMENT_CHANGES, *remembering.OF_ARGUMENTS, *["is_ignored"] * optional]
        changes = of_arrays if array else list(OPTION_CHANGES)
        yield from (f"{function}/{ARGUMENT}{name}/{change}" for change in changes)
    for text in conditions(function, calls(function)):
        name = f"{function} {text}"
        turn = zlib.crc32(name.encode()) % len(UNDER_A_CONDITION)
        part = own[zlib.crc32(name[::-1].encode()) % len(own)]
        in_turn = (*UNDER_A_CONDITION[turn:], *UNDER_A_CONDITION[:turn])
        yield from (f"{function}/{part}/{change}{WHEN}{text}" for change in in_turn)


KEPT = 8
"""All of them would be some ten thousand."""


ALWAYS_LISTED = ("dtype=float32", "dtype=float64", "size>1000")
"""When a result is a hundredth too large."""


def _is_kept(function: str, name: str) -> bool:
    return zlib.crc32(f"{function} {name}".encode()) % KEPT == 0


def write_names(only: Iterable[str] = ()) -> int:
    """List the names of all that differ from what is right, and return how many they are.

    Of the changes that may be made under a condition, the first that differs is listed; of all that could be listed
    one in `KEPT`, whichever their names say, and what is a hundredth too large wherever it can be.
    """
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for function in only or functions():
            taken = set[str]()
            for name in candidates(function):
                _, _, when = name.partition(WHEN)
                listed = OFF_BY_A_HUNDREDTH in name and when in ALWAYS_LISTED
                if not listed and (not _is_kept(function, when or name) or when in taken):
                    continue
                if (place := witness(name)) is not None:
                    rows.append((name, place))
                    taken.update([when] if when and not listed else [])
    with NAMES.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([("name", "differs on call"), *rows])
    return len(rows)
