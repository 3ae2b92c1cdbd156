"""What passes between a run and the process that a subject lives in.

To that process, calls: pickled, every array with the memory that it lies in. Strides, gaps, the place in memory,
read-only flags, and memory that two arguments share arrive as they were; memory is sent once.

From that process, answers: a line of JSON and the bytes of arrays, never a pickle. Whoever writes them may be hostile,
so whatever comes is checked, sizes before memory is taken for them; `Junk` is raised for what is no answer.
"""

import io
import json
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

CALL = struct.Struct("<QQQ")
"""Before a call: its number, and how many bytes its pickle and the table of its arrays have."""
ANSWER = struct.Struct("<4sIQ")
"""Before an answer: the mark, and how many bytes its JSON and its arrays have."""
MARK = b"ans:"
LARGEST_TEXT = 2**26
LARGEST_ARRAYS = 2**31
"""How many bytes of JSON and of arrays an answer may have."""
DEEPEST = 50
"""How deeply tuples, lists and dicts of an answer may be nested."""
PIECE = 2**20

NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
DTYPES = {np.dtype(order + number).str for number in NUMBERS for order in "<>"}
"""What the numbers of an answer may be."""

Layout = tuple[int, np.dtype[Any], tuple[int, ...], tuple[int, ...], int, bool]
"""An array: which memory it lies in, dtype, shape, strides, where it begins there, and whether it may be written."""


class Junk(Exception):
    """What came from the other process is no answer."""


@dataclass
class Received:
    """A call as it arrived."""

    number: int
    request: Any
    memories: list[np.ndarray] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    arrays: list[np.ndarray] = field(default_factory=list)


class _Packer(pickle.Pickler):
    """Puts numbers in the place of arrays."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.arrays: list[np.ndarray] = []
        self.places: dict[int, int] = {}

    def persistent_id(self, value: Any) -> int | None:
        if type(value) is not np.ndarray or value.dtype.hasobject:
            return None
        if id(value) not in self.places:
            self.places[id(value)] = len(self.arrays)
            self.arrays.append(value)
        return self.places[id(value)]


class _Unpacker(pickle.Unpickler):
    """Puts arrays in the place of their numbers."""

    def __init__(self, file: io.BytesIO, arrays: list[np.ndarray]) -> None:
        super().__init__(file)
        self.arrays = arrays

    def persistent_load(self, place: int) -> np.ndarray:
        return self.arrays[place]


def packed(number: int, request: Any) -> list[Any]:
    """Return a call as the pieces of memory to send."""
    file = io.BytesIO()
    packer = _Packer(file)
    packer.dump(request)
    memories, layouts = _table(packer.arrays)
    table = pickle.dumps(([(len(memory), dtype, free) for memory, dtype, free in memories], layouts), protocol=5)
    text = file.getvalue()
    return [CALL.pack(number, len(text), len(table)) + text + table, *[memory for memory, _, _ in memories]]


def _table(arrays: list[np.ndarray]) -> tuple[list[tuple[Any, Any, bool]], list[Layout]]:
    """Return the memories that arrays lie in, each with its dtype and whether it may be written, and the layouts."""
    owners = [_owner(array) for array in arrays]
    bounds = []
    for array, owner in zip(arrays, owners, strict=True):
        low, high = _bounds(owner)
        if array is not owner and array.size:
            own_low, own_high = _bounds(array)
            low, high = min(low, own_low), max(high, own_high)
        bounds.append((low, high))
    order = sorted(range(len(arrays)), key=bounds.__getitem__)
    order = [i for i in order if arrays[i].size]
    ranges: list[list[Any]] = [[0, 0, np.dtype(np.uint8), True]]  # from, to, dtype, whether it may be written
    place = dict.fromkeys(range(len(arrays)), 0)  # that of arrays without an element
    for i in order:
        low, high = bounds[i]
        if low >= ranges[-1][1]:
            ranges.append([low, high, owners[i].dtype, owners[i].flags.writeable])
        else:
            ranges[-1][1] = max(ranges[-1][1], high)
            ranges[-1][3] |= owners[i].flags.writeable
        place[i] = len(ranges) - 1
    layouts = [
        (place[i], a.dtype, a.shape, a.strides, _address(a) - ranges[place[i]][0] if a.size else 0, a.flags.writeable)
        for i, a in enumerate(arrays)
    ]
    return [(_memory(low, high - low), dtype, free) for low, high, dtype, free in ranges], layouts


def _owner(array: np.ndarray) -> np.ndarray:
    """Return the array whose memory another one is a view of."""
    owner = array
    while owner.base is not None:  # `as_strided` puts an object between
        base = owner.base if isinstance(owner.base, np.ndarray) else getattr(owner.base, "base", None)
        if not isinstance(base, np.ndarray) or not base.size:
            break
        owner = base
    return owner


def _address(array: np.ndarray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _bounds(array: np.ndarray) -> tuple[int, int]:
    if not array.size:
        return _address(array), _address(array)
    if array.flags.c_contiguous:
        return _address(array), _address(array) + array.nbytes
    low, high = np.lib.array_utils.byte_bounds(array)
    return int(low), int(high)


class _Bytes:
    """So many bytes at an address, for NumPy."""

    def __init__(self, address: int, size: int) -> None:
        self.__array_interface__ = {"data": (address, True), "shape": (size,), "typestr": "|u1", "version": 3}


def _memory(address: int, size: int) -> Any:
    return np.asarray(_Bytes(address, size)).data if size else memoryview(b"")


def received(stream: BinaryIO) -> Received:
    """Read a call, in the process that answers it; raise EOFError if there will be no more."""
    number, text_size, table_size = CALL.unpack(_whole(stream, CALL.size))
    text, table = _whole(stream, text_size), _whole(stream, table_size)
    memories, layouts = pickle.loads(table)
    call = Received(number, None, layouts=layouts)
    for size, dtype, writeable in memories:
        fits = size % dtype.itemsize == 0
        memory = np.empty(size // dtype.itemsize if fits else size, dtype if fits else np.uint8)
        if size and stream.readinto(memory.view(np.uint8)) != size:  # type: ignore[attr-defined]  # a buffered reader
            raise EOFError
        memory.flags.writeable = writeable
        call.memories.append(memory)
    call.arrays = [laid(layout, call.memories[layout[0]]) for layout in layouts]
    try:
        call.request = _Unpacker(io.BytesIO(text), call.arrays).load()
    except Exception as error:  # a class that cannot be imported there, for example
        call.request = error
    return call


def laid(layout: Layout, memory: np.ndarray) -> np.ndarray:
    """Return the array that has this layout in a memory."""
    _, dtype, shape, strides, offset, writeable = layout
    array = np.empty(shape, dtype) if 0 in shape else np.ndarray(shape, dtype, memory, offset, strides)
    array.flags.writeable = writeable and (0 in shape or memory.flags.writeable)
    return array


def _whole(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) != size:
        raise EOFError
    return found


def answered(header: Mapping[str, Any], arrays: list[np.ndarray]) -> bytes:
    """Return an answer as bytes; the arrays are those that `written_down` has listed."""
    text = json.dumps(header).encode()
    if len(text) > LARGEST_TEXT:
        raise ValueError("returned too much")
    body = b"".join(array.tobytes() for array in arrays)
    return ANSWER.pack(MARK, len(text), len(body)) + text + body


def written_down(value: Any, arrays: list[np.ndarray], depth: int = 0) -> list[Any]:
    """Return a value in what JSON knows; the arrays in it are added to the list.

    >>> written_down((1, 0.5), [])
    ['tuple', [['int', '1'], ['float', '0x1.0000000000000p-1']]]
    """
    if depth > DEEPEST:
        return ["other", "something nested too deeply"]
    if value is None:
        return ["None"]
    if type(value) is np.ndarray or isinstance(value, np.generic):
        return _array_written_down(value, arrays)
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", hex(value)] if abs(value) >= 2**53 else ["int", str(int(value))]
    if isinstance(value, float):
        return ["float", float(value).hex()]
    if isinstance(value, str):
        return ["str", printable(value)]
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, [written_down(one, arrays, depth + 1) for one in value]]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return ["dict", [[printable(key), written_down(one, arrays, depth + 1)] for key, one in value.items()]]
    return ["other", f"an object of type {type(value).__name__}"]


def _array_written_down(value: Any, arrays: list[np.ndarray]) -> list[Any]:
    if value.dtype.str not in DTYPES:
        what = "an array" if isinstance(value, np.ndarray) else "a number"
        return ["other", f"{what} of dtype {value.dtype}"]
    if sum(array.nbytes for array in arrays) + value.nbytes > LARGEST_ARRAYS:
        return ["other", f"arrays of more than {LARGEST_ARRAYS} bytes"]
    arrays.append(np.asarray(value))
    if isinstance(value, np.generic):
        return ["number", value.dtype.str]
    return ["array", value.dtype.str, list(value.shape)]


def printable(text: str) -> str:
    """Return a text that can be printed anywhere that takes UTF-8."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def read_answer(stream: BinaryIO) -> tuple[Any, memoryview]:
    """Read an answer: its header, and the bytes of its arrays. Raise Junk if it is none, EOFError if there is none."""
    mark, text_size, body_size = ANSWER.unpack(_in_pieces(stream, ANSWER.size))
    if mark != MARK or text_size > LARGEST_TEXT or body_size > LARGEST_ARRAYS:
        raise Junk("what came from its process is no answer")
    text, body = _in_pieces(stream, text_size), _in_pieces(stream, body_size)
    try:
        return json.loads(bytes(text)), memoryview(body)
    except (ValueError, RecursionError):
        raise Junk("what came from its process is no answer") from None


def _in_pieces(stream: BinaryIO, size: int) -> bytearray:
    """Read so many bytes; memory is taken only for what has come."""
    found = bytearray()
    while len(found) < size:
        piece = stream.read(min(size - len(found), PIECE))
        if not piece:
            raise EOFError
        found += piece
    return found


class Reader:
    """Turns what was written down into a value; the arrays come from a body of bytes, in their order."""

    def __init__(self, body: memoryview) -> None:
        self.body, self.at = body, 0

    def value(self, tree: Any, depth: int = 0) -> Any:
        """Return a value; raise Junk if the tree is none, and TypeError if the value could not be written down."""
        match tree:
            case _ if depth > DEEPEST + 1:
                raise Junk("its answer is nested too deeply")
            case ["None"]:
                return None
            case ["bool", bool(value)]:
                return value
            case ["int", str(digits)]:
                return _number(int, digits, 0)
            case ["float", str(digits)]:
                return _number(float.fromhex, digits)
            case ["str", str(text)]:
                return text
            case ["array", str(dtype), list(shape)]:
                return self._array(dtype, shape)
            case ["number", str(dtype)]:
                return self._array(dtype, [])[()]
            case ["tuple" | "list" as kind, list(trees)]:
                values = [self.value(one, depth + 1) for one in trees]
                return tuple(values) if kind == "tuple" else values
            case ["dict", list(pairs)] if all(isinstance(p, list) and len(p) == 2 for p in pairs):
                return {str(key): self.value(one, depth + 1) for key, one in pairs}
            case ["other", str(what)]:
                raise TypeError(what[:200])
        raise Junk("its answer makes no sense")

    def _array(self, dtype: str, shape: list[Any]) -> np.ndarray:
        sizes = all(type(size) is int and 0 <= size < 2**62 for size in shape)
        if dtype not in DTYPES or not sizes or len(shape) > 64:
            raise Junk("an array of its answer makes no sense")
        size = np.dtype(dtype).itemsize
        for length in shape:
            size *= length
        if size > len(self.body) - self.at:
            raise Junk("an array of its answer has fewer bytes than it says")
        try:
            array = np.empty(shape, dtype)
        except (ValueError, MemoryError):
            raise Junk("an array of its answer makes no sense") from None
        if size:
            array.reshape(-1).view(np.uint8)[:] = np.frombuffer(self.body[self.at : self.at + size], np.uint8)
        self.at += size
        return array


def _number(read: Any, digits: str, *base: int) -> Any:
    try:
        return read(digits, *base)
    except (ValueError, OverflowError):
        raise Junk("a number of its answer makes no sense") from None
