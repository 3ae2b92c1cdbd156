"""Arrays as the vectors hold them: bit patterns as hexadecimal digits, or the few numbers that generate them.

The half formats are held in float32 arrays already rounded to them, as everywhere in this specification.
"""

import sys
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.formats import HALVES

Array = npt.NDArray[Any]

DIGITS = {"float16": 4, "bfloat16": 4, "float32": 8, "float64": 16, "int64": 16, "uint8": 2}
"""How many hexadecimal digits an element takes, by dtype."""
SAFETENSORS = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8"}
"""What safetensors calls the dtypes."""
READABLE = 64
"""Arrays of at most so many elements have readable numbers beside their bits."""


def held_in(dtype: str) -> str:
    """Return the dtype of NumPy arrays that hold such numbers."""
    return "float32" if dtype in HALVES else dtype


def to_bytes(array: Array, dtype: str) -> bytes:
    """Return the elements in row-major order, the lowest byte of each first."""
    if dtype == "bfloat16":  # the upper half of a float32, whose lower half is 0
        wide = np.ascontiguousarray(array, np.float32).view(np.uint32)
        if (wide & 0xFFFF).any():
            raise ValueError("the array holds numbers that bfloat16 does not have")
        return (wide >> 16).astype("<u2").tobytes()
    if dtype == "float16":
        with np.errstate(over="ignore"):
            narrow = array.astype(np.float16)
        if not np.array_equal(narrow.astype(np.float32), array, equal_nan=True):
            raise ValueError("the array holds numbers that float16 does not have")
        return narrow.astype("<f2").tobytes()
    if array.dtype.name != dtype:
        raise ValueError(f"the array is of {array.dtype.name}, expected {dtype}")
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def from_bytes(data: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return the array of these bytes, in the dtype that holds it."""
    if dtype == "bfloat16":
        flat: Array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif dtype == "float16":
        flat = np.frombuffer(data, "<f2").astype(np.float32)
    else:
        flat = np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)
    return flat.reshape(shape)


def described(array: Array, dtype: str) -> dict[str, Any]:
    """Return an array as the JSON files hold it.

    >>> described(np.array([1.0, -2.0], np.float32), "float32")
    {'dtype': 'float32', 'shape': [2], 'bits': '3f800000c0000000', 'values': [1, -2]}
    """
    width = DIGITS[dtype] // 2
    little = to_bytes(array, dtype)
    big = b"".join(little[at : at + width][::-1] for at in range(0, len(little), width))
    found: dict[str, Any] = {"dtype": dtype, "shape": list(array.shape), "bits": big.hex()}
    if array.size <= READABLE:
        found["values"] = [readable(number, dtype) for number in array.ravel().tolist()]
    return found


def readable(number: float | int, dtype: str) -> float | int | str:
    """Return a number as JSON can hold it: the shortest that is this one in its format."""
    if isinstance(number, int):
        return number
    if number != number:
        return "NaN"
    if abs(number) == np.inf:
        return "Infinity" if number > 0 else "-Infinity"
    if number == int(number) and abs(number) < 2**53 and str(number) != "-0.0":
        return int(number)
    if dtype == "float64":
        return number
    digits = {"float32": 9, "float16": 5, "bfloat16": 4}[dtype]
    for precision in range(1, digits + 1):
        short = float(f"{number:.{precision}g}")
        if rounds_to(short, number, dtype):
            return short
    return number


def rounds_to(short: float, number: float, dtype: str) -> bool:
    """Tell whether a number of few digits, rounded to a format, is this one."""
    if dtype == "float32":
        with np.errstate(over="ignore"):
            return float(np.float32(short)) == number
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return float(np.float16(short)) == number
    exponent = np.frexp(number)[1]
    step = 2.0 ** max(int(exponent) - 8, -133)
    return float(np.rint(short / step) * step) == number


def read(entry: Mapping[str, Any]) -> Array:
    """Return the array that an entry of a JSON file describes.

    >>> read({"dtype": "float32", "shape": [2], "bits": "3f800000c0000000"})
    array([ 1., -2.], dtype=float32)
    """
    dtype, shape = entry["dtype"], tuple(entry["shape"])
    if "generator" in entry:
        return generated(shape, dtype, **entry["generator"])
    width, data = DIGITS[dtype] // 2, bytes.fromhex(entry["bits"])
    if len(data) != width * prod(shape):
        raise ValueError(f"bits has {2 * len(data)} digits, expected {2 * width * prod(shape)} for shape {shape}")
    little = b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))
    return from_bytes(little, dtype, shape)


def generated(shape: tuple[int, ...], dtype: str, seed: int, low: int, count: int, exponent: int = 0) -> Array:
    """Return an array made by the rule of the README.

    >>> generated((6,), "float32", seed=1, low=-4, count=9)
    array([-2., -1.,  0.,  2., -4., -1.], dtype=float32)
    """
    if not 1 <= count <= 65536 or not 0 <= seed < 2**32:
        raise ValueError(
            f"count must be from 1 to 65536 and seed an unsigned integer of 32 bits, got {count} and {seed}"
        )
    state, numbers = seed, []
    for _ in range(prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        numbers.append(low + ((state >> 16) * count >> 16))
    array = np.ldexp(np.array(numbers, np.float64), exponent) if exponent else np.array(numbers, np.int64)
    return array.astype(held_in(dtype)).reshape(shape)


def safetensors(entries: Mapping[str, tuple[Array, str]]) -> bytes:
    """Return a file of the safetensors format with these arrays, each with its dtype.

    A header of JSON behind its length in 8 bytes, padded to a multiple of 8, and then the arrays' bytes.
    """
    header, parts, offset = [], [], 0
    for name, (array, dtype) in entries.items():
        data = to_bytes(array, dtype)
        shape = ",".join(map(str, array.shape))
        header.append(
            f'"{name}":{{"dtype":"{SAFETENSORS[dtype]}","shape":[{shape}],'
            f'"data_offsets":[{offset},{offset + len(data)}]}}'
        )
        parts.append(data)
        offset += len(data)
    text = ("{" + ",".join(header) + "}").encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


if sys.byteorder != "little":
    raise ImportError("the vectors are written on machines that store the lowest byte first")
