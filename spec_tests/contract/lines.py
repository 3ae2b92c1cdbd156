"""What passes between a run and a program in any language: a line of JSON for each request, and one for each answer.

`PROTOCOL.md` beside this file describes it for those who write such a program. Whatever comes from one is checked here;
`Junk` is raised for what is no answer, with a message for its author.
"""

import inspect
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spec_tests.contract.functions import ARRAYS, parameters
from spec_tests.contract.messages import DEEPEST, Junk
from spec_tests.vocabulary.subject import NotOffered

VERSION = 1
"""The version of the protocol, which the first request names."""
LONGEST = 2**28
"""How many bytes the line of an answer may have."""
SHOWN = 60
"""How many characters are shown of what is no answer."""
DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
"""What the numbers of an array may be."""
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The numbers that JSON does not have, as strings."""
KINDS = ("outputs", "refused", "not_offered")
"""What an answer holds, one of them."""


# Requests


def request_for(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request to call a function: all its arguments are in it, with their defaults if they were left out.

    >>> request_for("relu", {"input": np.array([-0.0, np.inf])})["arguments"]
    {'input': {'dtype': 'float64', 'shape': [2], 'values': [-0.0, 'Infinity']}}
    """
    defaults = {name: value for name, value in parameters(function).items() if value is not inspect.Parameter.empty}
    given = {name: _written(name, value) for name, value in {**defaults, **arguments}.items()}
    arrays = {name: value for name, value in given.items() if isinstance(value, dict) or name in ARRAYS}
    options = {name: value for name, value in given.items() if name not in arrays}
    return {"function": function, "arguments": arrays, "options": options}


def line_of(number: int, request: Mapping[str, Any]) -> bytes:
    r"""Return a request as the line that is sent.

    >>> line_of(0, {"hello": 1})
    b'{"id": 0, "hello": 1}\n'
    """
    return json.dumps({"id": number, **request}, allow_nan=False).encode() + b"\n"


def _written(name: str, value: Any) -> Any:
    """Return an argument in what JSON knows; raise NotOffered for what it has no words for."""
    if isinstance(value, np.generic) and name not in ARRAYS:
        value = value.item()
    match value:
        case np.ndarray() | np.generic():
            return _array_written(name, np.asarray(value))
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _not_finite(value)
        case tuple() | list():
            return [_written(name, one) for one in value]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _written(key, one) for key, one in value.items()}
    raise NotOffered(f"{name}, of type {type(value).__name__}, cannot be handed to a program")


def _array_written(name: str, array: np.ndarray) -> dict[str, Any]:
    if array.dtype.name not in DTYPES:
        raise NotOffered(f"{name}, of dtype {array.dtype}, cannot be handed to a program")
    numbers = array.ravel().tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        numbers = [number if math.isfinite(number) else _not_finite(number) for number in numbers]
    return {"dtype": array.dtype.name, "shape": list(array.shape), "values": numbers}


def _not_finite(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


# Answers


def answer_in(line: bytes, number: int) -> dict[str, Any]:
    """Return the answer to the request of this number."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise Junk(f"wrote what is no line of JSON to its standard output: {_shown(line)}") from None
    if not isinstance(answer, dict):
        raise Junk(f"answered {_shown(line)}, an object was expected")
    if "id" not in answer:
        raise Junk(f'its answer has no "id": {_shown(line)}')
    if answer["id"] != number or isinstance(answer["id"], bool):
        raise Junk(f'answered with "id" {json.dumps(answer["id"])[:SHOWN]} to the request with "id" {number}')
    return answer


def results_in(answer: Mapping[str, Any]) -> Any:
    """Return what a function returned, several results as a tuple; or raise what the answer says."""
    found = [kind for kind in KINDS if kind in answer]
    if len(found) != 1:
        has = " and ".join(found) if found else f"none of them but {', '.join(answer)}"
        raise Junk(f"an answer has one of {', '.join(KINDS)}; this one has {has}")
    (kind,) = found
    said = answer[kind]
    if kind == "outputs":
        if not isinstance(said, list) or not said:
            raise Junk(f"outputs is {_shown(said)}, a list of arrays was expected")
        results = tuple(_read(f"outputs[{i}]", one) for i, one in enumerate(said))
        return results if len(results) > 1 else results[0]
    if not isinstance(said, str):
        raise Junk(f"{kind} is {_shown(said)}, the reason was expected, a string")
    raise NotOffered(said) if kind == "not_offered" else ValueError(said)


def _read(where: str, value: Any, depth: int = 0) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case {"values": _} | {"shape": _}:
            return _array_read(where, value)
        case dict() if depth < DEEPEST:
            return {key: _read(f"{where}.{key}", one, depth + 1) for key, one in value.items()}
    raise Junk(f"{where} is {_shown(value)}, an array was expected: an object with dtype, shape and values")


def _array_read(where: str, value: Mapping[str, Any]) -> np.ndarray:
    for key in ("dtype", "shape", "values"):
        if key not in value:
            raise Junk(f"{where} has no {key}")
    dtype, shape, values = value["dtype"], value["shape"], value["values"]
    if dtype not in DTYPES:
        raise Junk(f"{where}.dtype is {_shown(dtype)}, expected one of {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise Junk(f"{where}.shape is {_shown(shape)}, a list of lengths was expected")
    if not isinstance(values, list):
        raise Junk(f"{where}.values is {_shown(values)}, a list of numbers was expected, row by row")
    if len(values) != math.prod(shape):
        raise Junk(f"{where} has {len(values)} values, its shape {shape} has room for {math.prod(shape)}")
    return _numbers_read(where, np.dtype(dtype), values).reshape(shape)


def _numbers_read(where: str, dtype: np.dtype[Any], values: list[Any]) -> np.ndarray:
    known = {"f": (int, float), "b": (bool,)}.get(dtype.kind, (int,))
    if not set(map(type, values)) <= set(known):
        values = [_number(f"{where}.values[{i}]", dtype, known, one) for i, one in enumerate(values)]
    try:
        with np.errstate(over="ignore"):  # what is too large for the format is infinity in it
            return np.array(values, np.float64 if dtype.kind == "f" else dtype).astype(dtype)
    except OverflowError:
        raise Junk(f"{where}: a number is too large for {dtype}") from None


def _number(where: str, dtype: np.dtype[Any], known: tuple[type, ...], value: Any) -> Any:
    if type(value) in known:
        return value
    if dtype.kind == "f" and isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if dtype.kind == "b" and type(value) is int and value in (0, 1):
        return bool(value)
    if dtype.kind in "iu" and isinstance(value, float) and value.is_integer():
        return int(value)
    expected = {"f": 'a number, "NaN", "Infinity" or "-Infinity"', "b": "true or false"}.get(
        dtype.kind, "a whole number"
    )
    raise Junk(f"{where} is {_shown(value)}, expected {expected}")


def _shown(value: Any) -> str:
    """Return the beginning of what came, as JSON or as it is."""
    text = value.decode(errors="replace").strip() if isinstance(value, bytes) else json.dumps(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
