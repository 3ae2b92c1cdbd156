"""Data set folders in their published form: complete or not there at all, with checksums, pickled as by Python 2."""

import gzip
import hashlib
import os
import pickletools
import tarfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from reference.checks import shown
from reference.whole_files import HOUR, unfinished_folder

CHECKSUMS = "checksums.md5"
"""The file in every written folder that lists the md5 sums of the others, in the format of the command md5sum."""

LARGEST_LIST = 2**25
"""Bytes; a longer file of checksums, which would have more than four hundred thousand lines, is not read."""

MOST_INSTRUCTIONS = 2**22
"""Of a pickle; the longest file of CIFAR-100 has a tenth of them."""
MOST_AXES = 8
"""Of an array in a pickle."""
LONGEST_REASON = 200
"""Letters of what is wrong with a pickle."""


@contextmanager
def new_folder(root: Path, name: str, archive: str | None) -> Iterator[Path]:
    """Yield a temporary folder; move it below `root` once it is complete, with checksums, optionally with an `archive`.

    Raises FileExistsError if the folder or the archive exists. After any error, nothing but `root` is left behind.
    """
    for path in [root / name, *([root / archive] if archive else [])]:
        if os.path.lexists(path):
            raise FileExistsError(f"{path} already exists and is not overwritten")
    root.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(root, HOUR) as unfinished:
        folder = unfinished / name
        folder.mkdir()
        yield folder
        _write_checksums(folder)
        if archive:
            _pack(folder, unfinished / archive)
            (unfinished / archive).rename(root / archive)
        try:
            folder.rename(root / name)
        except BaseException:
            if archive:
                (root / archive).unlink()
            raise


def _write_checksums(folder: Path) -> None:
    """Write the md5 sums of all files below the folder to a file of their own."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{md5_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    text = ("# drawn by reference.datasets: not the real data set\n" + "".join(lines)).encode()
    if len(text) > LARGEST_LIST:
        raise ValueError(
            f"{len(files):,} files are too many: their checksums would take more than {LARGEST_LIST:,} bytes"
        )
    (folder / CHECKSUMS).write_bytes(text)


def checksums(folder: Path) -> dict[str, str]:
    """Return the md5 sums that the folder's file of checksums lists, by file name; none without such a file."""
    path = folder / CHECKSUMS
    listed = path.is_file() and path.stat().st_size <= LARGEST_LIST
    if not listed:
        return {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        pairs = (line.rstrip("\n").partition("  ") for line in lines if not line.startswith("#"))
        return {name: md5 for md5, _, name in pairs}


def md5_of(path: Path) -> str:
    """Return the md5 sum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


def write_pickle(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary of numbers, strings, lists and arrays of bytes (rows, columns) as Python 2 pickled it.

    Python 3 reads such strings according to `encoding`: "latin1" gives str, which torchvision asks for, and "bytes"
    gives bytes, as on the web page of CIFAR-10. A string pickled by Python 3 cannot be read both ways.
    """
    path.write_bytes(b"\x80\x02" + _opcodes(content) + b".")


def _opcodes(value: Any) -> bytes:
    match value:
        case int():
            return b"J" + value.to_bytes(4, "little", signed=True)
        case str():
            return _string(value.encode("latin1"))
        case list():
            return b"](" + b"".join(_opcodes(entry) for entry in value) + b"e"
        case dict():
            return b"}(" + b"".join(_opcodes(part) for entry in value.items() for part in entry) + b"u"
        case np.ndarray():
            rows, columns = (_opcodes(size) for size in value.shape)
            new = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + _string(b"b") + b"\x87R"
            return new + b"(K\x01" + rows + columns + b"\x86" + _UINT8 + b"\x89" + _string(value.tobytes()) + b"tb"
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written")


def _string(text: bytes) -> bytes:
    return b"T" + len(text).to_bytes(4, "little", signed=True) + text


# dtype("u1", False, True) and its state (3, "|", None, None, None, -1, -1, 0). The original has 0 and 1 for the two
# booleans, which the first releases of NumPy 2.4 warn about.
_UINT8 = (
    b"cnumpy\ndtype\n" + _string(b"u1") + b"\x89\x88\x87R(K\x03" + _string(b"|") + b"NNN" + 2 * _opcodes(-1) + b"K\0tb"
)


_FUNCTIONS = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
}
"""What a pickle may name, and what it is called below; the packages of NumPy before its version 2, and since."""
for _core in ("numpy.core", "numpy._core"):
    _FUNCTIONS[f"{_core}.multiarray", "_reconstruct"] = "_reconstruct"
    _FUNCTIONS[f"{_core}.numeric", "_frombuffer"] = "_frombuffer"


class _Named:
    """A function or class by the name that a pickle gives it: nothing that could be called."""

    def __init__(self, module: Any, name: Any) -> None:
        if not (type(module) is type(name) is str):
            raise ValueError("it names something by what is no text")
        if (module, name) not in _FUNCTIONS:
            raise ValueError(f"it names {shown(f'{module}.{name}')}, expected nothing but arrays of bytes")
        self.name = _FUNCTIONS[module, name]


class _Dtype:
    """The dtype of an array while a pickle is read: whether it is that of bytes, which have no order."""

    def __init__(self, code: Any) -> None:
        self.is_of_bytes = type(code) in (str, bytes) and code in ("u1", b"u1")


class _Array:
    """An array of bytes while a pickle is read: its shape and content may follow its construction."""

    def __init__(self, content: Any = None) -> None:
        self.content = content


def _of_bytes(shape: Any, dtype: Any, in_columns: Any, content: Any) -> Any:
    """Return the array that a pickle describes."""
    sizes = shape if type(shape) is tuple and len(shape) <= MOST_AXES else (None,)
    if not all(type(size) is int and 0 <= size < 2**63 for size in sizes):
        raise ValueError("it holds an array whose shape is no tuple of a few whole numbers")
    raw = content.encode("latin1") if isinstance(content, str) else content
    bytes_only = isinstance(dtype, _Dtype) and dtype.is_of_bytes and isinstance(raw, bytes | bytearray)
    if not bytes_only or in_columns or prod(shape) != len(raw):
        raise ValueError("it holds an array that is not of bytes, row by row")
    return np.frombuffer(bytes(raw), np.uint8).reshape(shape)


def _made(function: Any, arguments: Any) -> Any:
    """Return what a function that a pickle names would make of its arguments, or what stands for that meanwhile."""
    if not isinstance(function, _Named) or type(arguments) is not tuple:
        raise ValueError("it calls what is no function, or without a tuple of arguments")
    match function.name, arguments:
        case "_reconstruct", (_, _, _):
            return _Array()
        case "_frombuffer", (content, dtype, shape, order, *_):
            return _Array(_of_bytes(shape, dtype, order != "C", content))
        case "dtype", (code, *_):
            return _Dtype(code)
        case "encode", (str() as text, "latin1"):  # bytes, which Python 3 wrote for Python 2
            return text.encode("latin1")
        case "bytes", ():
            return b""
    raise ValueError(f"it calls {function.name} otherwise than for arrays of bytes")


def _filled(made: Any, state: Any) -> Any:
    """Return what a pickle made, after it was given its state; that of a dtype says nothing about bytes."""
    match made, state:
        case _Array(), (_, shape, dtype, in_columns, content):
            made.content = _of_bytes(shape, dtype, in_columns, content)
        case _Dtype(), _:
            pass
        case _:
            raise ValueError("it fills what is no array, or not with a shape, a dtype and bytes")
    return made


class _Machine:
    """What a pickle is a program for: a stack, the stacks that were left at each mark, and what is remembered.

    It knows the instructions that dictionaries of arrays need, and no others. None of them does more work than what
    stands in the file for it, but for two copies of all that is there: none calls a function, makes a text of an
    object, or looks up anything but texts. Of equal texts one is kept: another would take long to find, if it is long.
    What is remembered stands in a list: a dictionary would take hours to find numbers that were chosen for that.
    """

    def __init__(self, length: int, encoding: str) -> None:
        self.length, self.encoding = length, encoding
        self.stack: list[Any] = []
        self.left: list[list[Any]] = []
        self.remembered: list[Any] = []
        self.texts: dict[type, dict[Any, Any]] = {str: {}, bytes: {}}
        self.memorized = self.copied = 0

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        known = self.texts.get(type(value))
        self.stack.append(value if known is None else known.setdefault(value, value))

    def push_text(self, text: str) -> None:
        """Put a text of Python 2 on the stack, which `pickletools` reads as latin1."""
        raw = text.encode("latin1")
        self.push(raw if self.encoding == "bytes" else raw.decode(self.encoding))

    def pop(self, count: int) -> list[Any]:
        """Take so many values from the stack."""
        if len(self.stack) < count:
            raise ValueError("it takes more from the stack than is there")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def mark(self) -> None:
        """Begin a new stack."""
        self.left.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        """Take all values from the stack, and go back to the one before."""
        if not self.left:
            raise ValueError("it takes what follows a mark where there is none")
        values, self.stack = self.stack, self.left.pop()
        return values

    def append(self, values: list[Any]) -> None:
        """Put values at the end of the list on top of the stack."""
        (target,) = self.stack[-1:] or [None]
        if type(target) is not list:
            raise ValueError("it appends to what is no list")
        target += map(_kept, values)

    def set_items(self, values: list[Any]) -> None:
        """Put values, of which every second one is for the key before it, into the dictionary on top of the stack."""
        (target,) = self.stack[-1:] or [None]
        if type(target) is not dict or len(values) % 2:
            raise ValueError("it sets items of what is no dictionary, or a key without a value")
        target |= zip(map(_key, values[::2]), map(_kept, values[1::2]), strict=True)

    def as_list(self) -> None:
        """Make a list of what follows the last mark."""
        values = self.pop_to_mark()
        self.push([])
        self.append(values)

    def as_dict(self) -> None:
        """Make a dictionary of what follows the last mark."""
        values = self.pop_to_mark()
        self.push({})
        self.set_items(values)

    def put_in_place(self, function: Callable[[Any, Any], Any]) -> None:
        """Put in the place of the two values on top what this function returns for them.

        Raises ValueError if that makes more copies than files of CIFAR need: of bytes as a text, and as an array.
        """
        made = function(*self.pop(2))
        content = made.content if isinstance(made, _Array) else made
        if isinstance(content, np.ndarray):
            self.copied += content.nbytes
        elif isinstance(content, bytes):
            self.copied += len(content)
        if self.copied > 2 * self.length:
            raise ValueError("it copies what it holds more than twice")
        self.push(made)

    def remember(self, number: int) -> None:
        """Remember the value on top by a number; ValueError for one that no file of this length needs."""
        if not 0 <= number <= self.length:
            raise ValueError(f"it remembers an object by the number {shown(number)}, beyond its own length")
        values = self.pop(1)
        self.remembered += [_NOTHING] * (number + 1 - len(self.remembered))
        self.memorized += self.remembered[number] is _NOTHING
        (self.remembered[number],) = values
        self.stack += values

    def recall(self, number: int) -> None:
        """Put what is remembered by a number on the stack."""
        if not 0 <= number < len(self.remembered) or self.remembered[number] is _NOTHING:
            raise ValueError(f"it remembers nothing by the number {shown(number)}")
        self.push(self.remembered[number])


_NOTHING = object()
"""Stands where nothing is remembered."""


def _key(value: Any) -> Any:
    """Return a key; ValueError if it is no text: to look for a few thousand chosen numbers can take hours."""
    if type(value) not in (str, bytes):
        raise ValueError(f"it holds a dictionary with {_kind(value)} for a key, expected texts")
    return value


def _kept(value: Any) -> Any:
    """Return what a list or dictionary is to hold; ValueError if it is of no kind that files of CIFAR have."""
    content = value.content if isinstance(value, _Array) and value.content is not None else value
    if not isinstance(content, int | float | str | bytes | list | dict | np.ndarray):
        raise ValueError(f"it holds {_kind(value)}, expected numbers, texts, lists, dictionaries and arrays of bytes")
    return content


def _kind(value: Any) -> str:
    """Return what a message calls a value."""
    ours = {_Named: "the name of a function", _Dtype: "a dtype", _Array: "an array without content"}
    return ours.get(type(value), f"a {type(value).__name__}")


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda *_: None),
    **dict.fromkeys(("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4"), _Machine.push),
    **dict.fromkeys(("FLOAT", "BINFLOAT"), _Machine.push),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _Machine.push),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Machine.push),
    **dict.fromkeys(("STRING", "SHORT_BINSTRING", "BINSTRING"), _Machine.push_text),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop(3))),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "LIST": lambda machine, _: machine.as_list(),
    "DICT": lambda machine, _: machine.as_dict(),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": lambda machine, names: machine.push(_Named(*names.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.push(_Named(*machine.pop(2))),
    "REDUCE": lambda machine, _: machine.put_in_place(_made),
    "BUILD": lambda machine, _: machine.put_in_place(_filled),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.remember),
    "MEMOIZE": lambda machine, _: machine.remember(machine.memorized),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
}
"""What the machine does, by the names of `pickletools`, with what follows an instruction in the file."""


def read_pickle(content: bytes, encoding: str = "latin1") -> dict[Any, Any]:
    """Return the dictionary that a pickle holds, of numbers, texts, lists, dictionaries and arrays of bytes.

    It may be of any protocol; `encoding` is what Python 2's texts are read by, or "bytes" to leave them as bytes. Of
    protocol 0, they are ASCII. Raises ValueError for anything else than such a dictionary. (Python's own `pickle.loads`
    would call whatever function a file names, and to say of what it cannot call that it cannot, it may take hours.)
    """
    machine = _Machine(len(content), encoding)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever Python says of the texts in a file
            for count, (opcode, argument, _) in enumerate(pickletools.genops(content)):
                if count == MOST_INSTRUCTIONS:
                    raise ValueError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
                if opcode.name not in _INSTRUCTIONS:
                    raise ValueError(f"it has an instruction {opcode.name}, expected those of dictionaries of arrays")
                _INSTRUCTIONS[opcode.name](machine, argument)
        (found,) = machine.pop(1)
    except Exception as error:  # a damaged pickle makes `pickletools` raise nearly anything
        reason = " ".join(str(error)[:LONGEST_REASON].split()) or type(error).__name__
        raise ValueError(f"is not a file of CIFAR: {reason}") from None
    if not isinstance(found, dict):
        raise ValueError(f"is not a file of CIFAR: it holds {_kind(found)}, expected a dictionary")
    return found


def _pack(folder: Path, archive: Path) -> None:
    """Pack the folder so that equal contents give equal bytes: sorted, without timestamps and owners."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with (
        open(archive, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        tar.add(folder, folder.name, filter=anonymous)  # adds the contents of a folder in sorted order
