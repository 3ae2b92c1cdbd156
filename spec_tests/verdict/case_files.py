"""Cases in files: one layout, in three forms.

    operation             the name of an operation, as "conv2d"; `batch_norm_statistics`, an optimizer or a transform
    input, weight, ...    its arguments by name, arrays and options, as in torch.nn.functional: stride, padding, ...
    grad_output           for gradients
    output                the result to be judged; or grad_input, grad_weight, ..., indices, next_param, ...
    output_NAME           the result of an implementation called NAME; two names are two outputs
    format                the number format that results claim, unless it is that of the arrays

NAME.npz            each entry an array, strings and numbers as arrays without axes; None is left out. No pickles.
NAME.safetensors    arrays as tensors; what is no array as text in the metadata, as "2", "(1, 1)", "same", "true"
NAME.py             a Python file that defines them, as names or as a dictionary called `case`. It is executed.

NumPy has no bfloat16: such arrays are float32, or with the format "bfloat16" their 16 bits as uint16; those that
ml_dtypes or safetensors hold are read as they are.
"""

import ast
import json
import runpy
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import prod
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from reference.command import first_line
from spec_tests.verdict.asking import (
    NEXT,
    BadCase,
    argument_names,
    is_array,
    known_format,
    known_operation,
    near,
    of_state,
)
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS, OPTIMIZERS

Array = npt.NDArray[Any]

ALONE = "output"
"""The name of an output that has none."""
MOST_OUTPUTS = 2
LARGEST = 2**32
"""Bytes of a case, unpacked: a small packed file may hold more than any memory."""


@dataclass(frozen=True)
class CaseFile:
    """What a file asks."""

    operation: str
    arguments: Mapping[str, Any]
    outputs: Mapping[str, Mapping[str, Any]]
    """By the output's name, its results by name."""
    dtype: str | None
    unread: tuple[str, ...] = ()
    """Names of a Python file that are none of the case."""


def read(path: Path, dtype: str | None = None) -> CaseFile:
    """Read a case, in a format that may be given here; BadCase says in one line what is wrong with it."""
    readers: dict[str, Callable[[Path], Mapping[str, Any]]] = {
        ".npz": _npz,
        ".safetensors": _safetensors,
        ".py": _python,
    }
    if path.suffix not in readers:
        raise BadCase(f"{path.name} ends in none of {', '.join(readers)}")
    try:
        if not path.is_file():
            raise BadCase(f"there is no file {path}")
        return _case(readers[path.suffix](path), dtype, path)
    except BadCase as error:
        said = str(error)
        raise BadCase(said if path.name in said else f"{path.name}: {said}") from None
    except MemoryError:
        raise BadCase(f"{path.name} holds more than the memory does") from None
    except OSError as error:
        raise BadCase(f"{path.name} cannot be read: {error.strerror or error}") from None


def _case(given: Mapping[str, Any], dtype: str | None, path: Path) -> CaseFile:
    entries = dict(given)
    if "operation" not in entries:
        raise BadCase('there is no `operation`, as "conv2d"')
    named = _text("operation", entries.pop("operation"))
    operation = known_operation(named)
    claimed = entries.pop("format", None)
    if dtype is None and claimed is not None:
        dtype = known_format(_text("format", claimed))
    arguments: dict[str, Any] = {}
    outputs: dict[str, dict[str, Any]] = {}
    unread: list[str] = []
    arguments_known, parts_known = argument_names(operation), parts_of(operation)
    for called, value in entries.items():
        name = of_state(operation, called)
        part = next((part for part in parts_known if name == part or name.startswith(f"{part}_")), None)
        if name in arguments_known:
            arguments[name] = _from_bits(value, dtype) if is_array(name) else value
        elif part is not None:
            of = name[len(part) + 1 :] or ALONE
            outputs.setdefault(of, {})[part] = _from_bits(value, dtype)
        elif path.suffix == ".py" and not get_close_matches(name, [*arguments_known, *parts_known], 1, 0.8):
            unread.append(name)
        else:
            meant = near(name, [*arguments_known, *parts_known])
            raise BadCase(f"{name!r} is no argument or result of {operation}{meant}")
    if not outputs:
        raise BadCase(f"there is no result to judge: {', '.join(parts_known)}, or one of them with _NAME behind it")
    if len(outputs) > MOST_OUTPUTS:
        raise BadCase(f"there are results of {len(outputs)} outputs, {', '.join(outputs)}; two at most can be compared")
    return CaseFile(operation, arguments, outputs, dtype, tuple(unread))


def parts_of(operation: str) -> tuple[str, ...]:
    """Return the names of the results of an operation, the longest first."""
    if operation in OPTIMIZERS:
        names = [f"{NEXT}{name}" for name in ("param", "step", *OPTIMIZERS[operation].state)]
    elif operation in OPERATIONS:
        names = ["output", *(f"grad_{name}" for name in GRADIENTS[operation])]
        names += ["indices"] * operation.startswith("max_pool")
    else:
        names = [f"{NEXT}running_mean", f"{NEXT}running_var"] if "statistics" in operation else ["output"]
    return tuple(sorted(names, key=len, reverse=True))


def _text(name: str, value: Any) -> str:
    text = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if not isinstance(text, str):
        raise BadCase(f"`{name}` is {text!r}; a string was expected")
    return text


def _from_bits(value: Any, dtype: str | None) -> Any:
    """Return bfloat16 numbers that came as 16 bits, and all others as they are."""
    kind = getattr(value, "dtype", None)
    if isinstance(value, np.ndarray) and kind is not None and (kind.kind == "V" and kind.itemsize == 2):
        return bfloat16(value.view(np.uint16))
    if isinstance(value, np.ndarray) and dtype == "bfloat16" and kind == np.uint16:
        return bfloat16(value)
    return value


def bfloat16(bits: Array) -> npt.NDArray[np.float32]:
    """Return the numbers whose upper 16 bits these are.

    >>> bfloat16(np.array([0x3F80, 0xC000], np.uint16))
    array([ 1., -2.], dtype=float32)
    """
    return np.asarray(bits.astype(np.uint32) << 16).view(np.float32)


# .npz


def _npz(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not hasattr(archive, "files"):
                raise BadCase(f"{path.name} is a single array; np.savez writes several by name")
            if sum(part.file_size for part in archive.zip.infolist()) > LARGEST:
                raise BadCase(f"{path.name} unpacks to more than {LARGEST} bytes")
            return dict(_entries(path, archive))
    except (BadCase, MemoryError):
        raise
    except Exception as error:  # a damaged archive makes its readers raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        whole = "it is no .npz file, and pickles are not read" if "pickle" in reason else reason
        raise BadCase(f"{path.name} cannot be read: {whole}") from None


def _entries(path: Path, archive: Any) -> Iterator[tuple[str, Any]]:
    for name in archive.files:
        try:
            yield name, archive[name]
        except ValueError as error:
            if "pickle" in str(error):
                said = f"{path.name}: {name!r} holds Python objects, not numbers: it is a pickle, and is not read"
                raise BadCase(said) from None
            raise BadCase(f"{path.name}: {name!r} cannot be read: {str(error).splitlines()[0]}") from None


# .safetensors: eight bytes with the length of a header in JSON, the header, and the numbers


MOST_AXES, MOST_NUMBERS = 16, 2**40
TENSORS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def _safetensors(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if len(data) < 8:
        raise BadCase("it is cut off: a .safetensors file begins with the length of its header")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise BadCase(f"it is cut off, or no .safetensors file: its header has {length} bytes, the file {len(data)}")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__", {})
        found = {name: _read_setting(text) for name, text in metadata.items()}
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise BadCase("its header is no JSON object") from None
    numbers = memoryview(data)[8 + length :]
    for name, entry in header.items():
        found[name] = _tensor(name, entry, numbers)
    return found


def _tensor(name: str, entry: Any, numbers: memoryview) -> Any:
    try:
        dtype, shape, (begin, end) = str(entry["dtype"]), tuple(map(int, entry["shape"])), entry["data_offsets"]
        begin, end = int(begin), int(end)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadCase(f"{name!r} lacks dtype, shape or data_offsets") from None
    if dtype not in TENSORS:
        raise BadCase(f"{name!r} is of dtype {dtype!r}, which is not read; there are {', '.join(TENSORS)}")
    if len(shape) > MOST_AXES or min(shape, default=0) < 0 or prod(max(size, 1) for size in shape) > MOST_NUMBERS:
        raise BadCase(f"{name!r} has shape {shape}, expected at most {MOST_AXES} sizes of an array in memory")
    kind, count = np.dtype(TENSORS[dtype]), prod(shape)
    if not 0 <= begin <= end <= len(numbers):
        raise BadCase(f"it is cut off: {name!r} ends at byte {end} of {len(numbers)}")
    if count * kind.itemsize != end - begin:
        raise BadCase(f"{name!r} has shape {shape} of {dtype}, but {end - begin} bytes")
    array = np.frombuffer(numbers[begin:end], kind).reshape(shape)
    return bfloat16(array) if dtype == "BF16" else array


def _read_setting(text: Any) -> Any:
    """Return what a text of the metadata stands for: a number, a tuple, true or false, or itself.

    >>> _read_setting("(1, 2)"), _read_setting("true"), _read_setting("same"), _read_setting("1e-5")
    ((1, 2), True, 'same', 1e-05)
    """
    for read_as in (json.loads, ast.literal_eval):
        try:
            return read_as(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return text


# .py


def _python(path: Path) -> dict[str, Any]:
    try:
        names = runpy.run_path(str(path))
    except SyntaxError as error:
        raise BadCase(f"line {error.lineno} is no Python: {error.msg}") from None
    except (Exception, SystemExit) as error:
        said = first_line(error)
        raise BadCase(f"it ended with {type(error).__name__}{f': {said}' if said else ''}") from None
    case = names.get("case")
    if isinstance(case, Mapping):
        return {str(name): value for name, value in case.items() if value is not None}
    kept = {name: value for name, value in names.items() if not name.startswith("_") and value is not None}
    return {name: value for name, value in kept.items() if not isinstance(value, ModuleType | FunctionType | type)}
