"""Data set folders in their published form: complete or not there at all, with checksums, pickled as by Python 2."""

import gzip
import hashlib
import io
import os
import pickle
import pickletools
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from reference.checks import shown
from reference.whole_files import HOUR, unfinished_folder

CHECKSUMS = "checksums.md5"
"""The file in every written folder that lists the md5 sums of the others, in the format of the command md5sum."""

LARGEST_LIST = 2**28
"""Bytes; a longer file of checksums, which would have millions of lines, is not read."""

TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
"""What makes a tuple in a pickle."""
MOST_TUPLES = 1000
"""An array takes six."""
SETS = {"EMPTY_SET", "ADDITEMS", "FROZENSET"}
"""What makes or fills a set in a pickle."""
CALLS = {"REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
"""What makes an object in a pickle, or fills it."""
MOST_CALLS = 40
"""An array takes four."""
MOST_AXES = 8
"""Of an array in a pickle."""


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
    text = "# drawn by reference.datasets: not the real data set\n" + "".join(lines)
    (folder / CHECKSUMS).write_bytes(text.encode())


def checksums(folder: Path) -> dict[str, str]:
    """Return the md5 sums that the folder's file of checksums lists, by file name; none without such a file."""
    path = folder / CHECKSUMS
    listed = path.is_file() and path.stat().st_size <= LARGEST_LIST
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if listed else []
    pairs = [line.partition("  ") for line in lines if not line.startswith("#")]
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


_CONSTRUCTORS = {(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}


class _Array:
    """An array of bytes while a pickle is read: its shape and content follow its construction."""

    def __init__(self) -> None:
        self.content: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        sizes = shape if type(shape) is tuple and len(shape) <= MOST_AXES else (None,)
        if not all(type(size) is int and 0 <= size < 2**63 for size in sizes):
            raise pickle.UnpicklingError("it holds an array whose shape is no tuple of a few whole numbers")
        raw = content.encode("latin1") if isinstance(content, str) else content
        bytes_only = isinstance(dtype, _Dtype) and dtype.code == "u1" and isinstance(raw, bytes)
        if not bytes_only or fortran or prod(shape) != len(raw):
            raise pickle.UnpicklingError("it holds an array that is not of bytes, row by row")
        self.content = np.frombuffer(raw, np.uint8).reshape(shape)


class _Dtype:
    """The dtype of an array while a pickle is read."""

    def __init__(self, code: Any) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        """Keep nothing of it: bytes have no order."""


def _with_texts_for_keys(code: bytes, keys: slice) -> dict[int, Callable[[Any], None]]:
    """Return what an unpickler does for an opcode that fills a dictionary, unless these of its stack are no texts."""
    fill: Callable[[Any], None] = pickle._Unpickler.dispatch[code[0]]

    def fill_checked(unpickler: Any) -> None:
        for key in unpickler.stack[keys]:
            if type(key) not in (str, bytes):
                kind = type(key).__name__
                raise pickle.UnpicklingError(f"it holds a dictionary with a {kind} for a key, expected texts")
        fill(unpickler)

    return {code[0]: fill_checked}


class _ArraysOnly(pickle._Unpickler):
    """An unpickler that calls nothing: of all names, it knows those of arrays of bytes, and makes them itself.

    The keys of its dictionaries are texts: to look for a few thousand chosen numbers, or for a tuple of tuples of
    tuples, can take hours. (Python's other unpickler, in C, lets nobody look at them.)
    """

    dispatch: ClassVar[dict[int, Any]] = {
        **pickle._Unpickler.dispatch,
        **_with_texts_for_keys(pickle.SETITEM, slice(-2, -1)),
        **_with_texts_for_keys(pickle.SETITEMS, slice(None, None, 2)),
        **_with_texts_for_keys(pickle.DICT, slice(None, None, 2)),
    }

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Return a function of our own in place of NumPy's; raise UnpicklingError for any other name."""
        if (module, name) in _CONSTRUCTORS or (module, name) == ("numpy", "ndarray"):
            return lambda *_: _Array()
        if (module, name) == ("numpy", "dtype"):
            return lambda code, *_: _Dtype(code)
        raise pickle.UnpicklingError(f"it names {shown(f'{module}.{name}')}, expected nothing but arrays of bytes")


def _check_sizes(content: bytes) -> None:
    """Raise ValueError for a pickle that asks for more memory or time than its own length.

    `pickle` makes a table as long as the largest number that an object is remembered by, and a bytearray before it is
    read. Arrays can share one long text, of which each makes a copy.
    """
    tuples = calls = 0
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in SETS:
            raise ValueError("it holds a set, expected dictionaries, lists and arrays of bytes")
        tuples += opcode.name in TUPLES
        if tuples > MOST_TUPLES:
            raise ValueError(f"it holds more than {MOST_TUPLES} tuples, expected those of a few arrays")
        calls += opcode.name in CALLS
        if calls > MOST_CALLS:
            raise ValueError(f"it makes or fills objects more than {MOST_CALLS} times, expected a few arrays")
        number = int(argument or 0) if opcode.name.endswith("PUT") else 0
        if number > len(content):
            raise ValueError(f"it remembers an object by the number {number}, beyond its own length")
        if opcode.name == "BYTEARRAY8":
            raise ValueError("it holds a bytearray, expected nothing but arrays of bytes")


def read_pickle(content: bytes, encoding: str = "latin1") -> dict[Any, Any]:
    """Return the dictionary of numbers, strings, lists and arrays of bytes that a pickle holds, without running it.

    Raises ValueError for anything else. (Python's own `pickle.loads` would call whatever function a file names.)
    """
    try:
        _check_sizes(content)
        found = _ArraysOnly(io.BytesIO(content), encoding=encoding).load()
    except Exception as error:  # a damaged pickle makes the unpickler raise nearly anything
        raise ValueError(f"is not a file of CIFAR: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found, dict):
        raise ValueError(f"is not a file of CIFAR: it holds a {type(found).__name__}, expected a dictionary")
    return {key: value.content if isinstance(value, _Array) else value for key, value in found.items()}


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
