"""What passes between a run and a program in any language: a line of JSON for each request, and one for each answer.

`PROTOCOL.md` beside this file describes it for those who write such a program. Whatever comes from one is checked here;
`Junk` is raised for what is no answer, with a message for its author.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from spec_tests.contract import spelled_out
from spec_tests.contract.functions import nearest
from spec_tests.contract.messages import Junk
from spec_tests.vocabulary.formats import HALVES, rounded
from spec_tests.vocabulary.operations import OPTIMIZERS
from spec_tests.vocabulary.subject import NotOffered

VERSION = 1
"""The version of the protocol, which the first request names."""
SHOWN = 60
"""How many characters are shown of what is no answer."""
READABLE = 64
"""Arrays of at most so many elements have readable numbers beside their bits."""
FLOATS = {"float16": 4, "bfloat16": 4, "float32": 8, "float64": 16}
DIGITS = FLOATS | {"bool": 2, "uint8": 2, "int8": 2, "int16": 4, "int32": 8, "int64": 16}
"""What the elements of an array may be, and how many hexadecimal digits each of them takes."""
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The numbers that JSON does not have, as strings."""
WITHOUT_RESULT = ("refused", "not_offered")
"""What an answer has in the place of results."""


# Requests


def request_for(function: str, arguments: Mapping[str, Any], dtype: str | None = None) -> dict[str, Any]:
    """Return the request to call a function in a format: all its arguments are in it, also those with a default.

    >>> request_for("relu", {"input": np.array([-0.0, np.inf], np.float32)})["arguments"]
    {'input': {'dtype': 'float32', 'shape': [2], 'bits': '800000007f800000', 'values': [-0.0, 'Infinity']}}
    """
    given = spelled_out.with_defaults(function, arguments)
    arrays = {name: _array_written(name, value, dtype) for name, value in spelled_out.arrays_of(given).items()}
    dtypes = sorted((array["dtype"] for array in arrays.values() if array is not None), key=lambda of: of not in FLOATS)
    return {
        "function": function,
        "dtype": dtypes[0] if dtypes else dtype,
        "arguments": arrays,
        "options": _options_written(spelled_out.options_of(function, given)),
        "as_torch": _options_written(spelled_out.options_as_they_are(given)),
    }


def line_of(number: int, request: Mapping[str, Any]) -> bytes:
    """Return a request as the line that is sent."""
    return json.dumps({"id": number, **request}, allow_nan=False).encode() + b"\n"


def _options_written(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _option_written(name, value) for name, value in options.items()}


def _option_written(name: str, value: Any) -> Any:
    """Return an option in what JSON knows; raise NotOffered for what it has no words for."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _readable(value)
        case tuple() | list():
            return [_option_written(name, one) for one in value]
    raise NotOffered(f"{name}, of type {type(value).__name__}, cannot be handed to a program")


def _array_written(name: str, value: Any, dtype: str | None) -> dict[str, Any] | None:
    """Return an array by its bits; arrays of halves are held in float32."""
    if value is None:
        return None
    if not isinstance(value, np.ndarray | np.generic):
        raise NotOffered(f"{name}, of type {type(value).__name__}, cannot be handed to a program")
    array = np.asarray(value)
    if array.dtype.name not in DIGITS:
        raise NotOffered(f"{name}, of dtype {array.dtype}, cannot be handed to a program")
    of = dtype if dtype in HALVES and array.dtype == np.float32 else array.dtype.name
    with np.errstate(over="ignore"):
        high_first = _patterns(array, of)
    found: dict[str, Any] = {"dtype": of, "shape": list(array.shape), "bits": high_first.tobytes().hex()}
    if array.size <= READABLE:
        found["values"] = [_readable(number, of) for number in array.ravel()]
    return found


def _patterns(array: np.ndarray, dtype: str) -> np.ndarray:
    """Return the elements with the highest byte first."""
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(">u2")
    narrow = array.astype(dtype)
    return narrow.astype(narrow.dtype.newbyteorder(">"))


def _readable(number: Any, dtype: str = "float64") -> Any:
    """Return a number as JSON has it: the shortest one that its format rounds to it, whole ones without a point."""
    if not isinstance(number, float | np.floating):
        return number.item()
    sign = math.copysign(1, number)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if sign > 0 else "-Infinity"
    if number == int(number) and abs(float(number)) < 2**53 and (number != 0 or sign > 0):
        return int(number)
    if dtype in HALVES:
        shorter = (float(f"{number:.{digits}g}") for digits in range(1, 6))
        return next(short for short in shorter if rounded(short, dtype) == number)
    return float(str(number))


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
        raise Junk(f'answered with "id" {_shown(answer["id"])} to the request with "id" {number}')
    return answer


def part_of(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object of this name in an answer."""
    if not isinstance(answer.get(name), dict):
        has = _shown(answer[name]) if name in answer else f"nothing but {', '.join(answer)}"
        raise Junk(f'its answer has no object "{name}": {has}')
    return dict(answer[name])


def results_in(answer: Mapping[str, Any], function: str, arguments: Mapping[str, Any], dtype: str | None) -> Any:
    """Return what a function returned, several results as a tuple; or raise what the answer says."""
    said = part_of(answer, "answer")
    for kind in WITHOUT_RESULT:
        if kind in said:
            if len(said) > 1 or not isinstance(said[kind], str):
                raise Junk(f"its answer is {_shown(said)}, with {kind} the reason alone was expected, a string")
            raise NotOffered(said[kind]) if kind == "not_offered" else ValueError(said[kind])
    names = spelled_out.names_of_results(function, arguments)
    for name in said:
        if not (name in names or (function in OPTIMIZERS and (name == "step" or name.startswith(spelled_out.STATE)))):
            known = (*names, *WITHOUT_RESULT)
            raise Junk(f"its answer has {_shown(name)}, expected {', '.join(names)}{nearest(name, known)}")
    for name in names:
        if name not in said and not name.startswith("grad_"):
            raise Junk(f"its answer has no {name}")
    named = {name: _read(name, value, dtype) for name, value in said.items()}
    return spelled_out.results_of(function, named, arguments)


def _read(where: str, value: Any, dtype: str | None) -> Any:
    if value is None or (where == "step" and type(value) is int):
        return value
    if not isinstance(value, dict):
        raise Junk(
            f"{where} is {_shown(value)}, an array was expected: an object with dtype, shape, and bits or values"
        )
    for key in ("dtype", "shape"):
        if key not in value:
            raise Junk(f"{where} has no {key}")
    of, shape = value["dtype"], value["shape"]
    if not isinstance(of, str) or of not in DIGITS:
        raise Junk(f"{where}.dtype is {_shown(of)}, expected one of {', '.join(DIGITS)}")
    if not isinstance(shape, list) or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise Junk(f"{where}.shape is {_shown(shape)}, a list of lengths was expected")
    if "bits" in value:
        flat = _bits_read(where, of, shape, value["bits"])
    elif "values" in value:
        flat = _values_read(where, of, shape, value["values"])
    else:
        raise Junk(f"{where} has neither bits nor values")
    if of in HALVES and of != dtype:
        raise AssertionError(f"got dtype {of}, expected {dtype}")
    if dtype in HALVES and of in ("float32", "float64"):
        raise AssertionError(f"got dtype {of}, expected {dtype}")
    return flat.reshape(shape)


def _bits_read(where: str, dtype: str, shape: list[int], bits: Any) -> np.ndarray:
    expected = DIGITS[dtype] * math.prod(shape)
    if not isinstance(bits, str) or not re.fullmatch("[0-9a-fA-F]*", bits):
        raise Junk(f"{where}.bits is {_shown(bits)}, hexadecimal digits were expected")
    if len(bits) != expected:
        raise Junk(f"{where}.bits has {len(bits)} digits, {expected} were expected for shape {shape} of {dtype}")
    data = bytes.fromhex(bits)
    if dtype == "bfloat16":
        return (np.frombuffer(data, ">u2").astype(np.uint32) << 16).view(np.float32)
    if dtype == "bool":
        return np.frombuffer(data, np.uint8) != 0
    numbers = np.frombuffer(data, np.dtype(dtype).newbyteorder(">"))
    return numbers.astype(np.float32 if dtype in HALVES else dtype)


def _values_read(where: str, dtype: str, shape: list[int], values: Any) -> np.ndarray:
    if not isinstance(values, list):
        raise Junk(f"{where}.values is {_shown(values)}, a list of numbers was expected, row by row")
    if len(values) != math.prod(shape):
        raise Junk(f"{where} has {len(values)} values, its shape {shape} has room for {math.prod(shape)}")
    known: tuple[type, ...] = (bool,) if dtype == "bool" else (int, float) if dtype in FLOATS else (int,)
    if not set(map(type, values)) <= set(known):
        values = [_number(f"{where}.values[{i}]", known, one) for i, one in enumerate(values)]
    try:
        with np.errstate(over="ignore"):  # what is too large for the format is infinity in it
            return rounded(np.array(values, np.float64), dtype) if dtype in FLOATS else np.array(values, dtype)
    except OverflowError:
        raise Junk(f"{where}: a number is too large for {dtype}") from None


def _number(where: str, known: tuple[type, ...], value: Any) -> Any:
    if type(value) in known:
        return value
    if known == (int, float) and isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if known == (int,) and isinstance(value, float) and value.is_integer():
        return int(value)
    expected = {bool: "true or false", int: "a whole number"}.get(
        known[-1], 'a number, "NaN", "Infinity" or "-Infinity"'
    )
    raise Junk(f"{where} is {_shown(value)}, expected {expected}")


def _shown(value: Any) -> str:
    """Return the beginning of what came, as JSON or as it is."""
    text = value.decode(errors="replace").strip() if isinstance(value, bytes) else json.dumps(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: 2 * SHOWN])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
