"""Files that are written whole or not at all, and journals, which grow by whole lines."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EWOULDBLOCK
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from io import SEEK_END, FileIO
from pathlib import Path
from tempfile import gettempdir
from typing import BinaryIO

from reference.whole_files import check_apart, check_place, unfinished_folder


def put(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts into a folder, which is created if necessary, under their names: all of them or, on OSError, none."""
    folder.mkdir(parents=True, exist_ok=True)
    with _naming(folder), unfinished_folder(folder) as unfinished:
        for name, text in texts.items():
            (unfinished / name).write_text(text, encoding="utf-8")
        for name in texts:
            os.replace(unfinished / name, folder / name)


def add_line(file: Path, line: str) -> None:
    """Add a line to a file, which is created if necessary: all of it or, on OSError, nothing.

    What somebody who was killed has left of a last line is taken away. Only one process may do this at a time.
    """
    with _naming(file), file.open("ab+", buffering=0) as stream:
        is_file = file.is_file()  # and not a device
        end = _end_of_the_last_line(stream) if is_file else 0
        try:
            if is_file:
                stream.truncate(end)
            left = f"{line}\n".encode()
            while left:
                left = left[stream.write(left) :]
            if is_file:
                os.fsync(stream.fileno())
        except BaseException:
            if is_file:
                stream.truncate(end)
            raise


def lines_of(file: Path, begins: str = "") -> list[str]:
    """Return the whole lines of a file, none if there is no file; what is left of a last line does not count.

    Raises ValueError for a file that begins otherwise: whoever adds a line to it might spoil somebody's work.
    """
    text, wanted = file.read_bytes() if file.is_file() else b"", begins.encode()
    if not text.startswith(wanted) and not wanted.startswith(text):  # which is all that one who was killed has left
        raise ValueError(f"{file} is no such journal: it does not begin with {begins!r}")
    whole = text.rpartition(b"\n")[0]
    return whole.decode("utf-8").split("\n") if whole else []


def prepare(*files: Path) -> None:
    """Create the folders of files that a long command is going to write; OSError if it could not write them all."""
    check_apart(files)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        check_place(file)


def _end_of_the_last_line(stream: BinaryIO) -> int:
    """Return how many bytes there are up to the last end of a line."""
    end = stream.seek(0, SEEK_END)
    while end:
        begin = max(0, end - 4096)
        stream.seek(begin)
        found = stream.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


@contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Keep others of this user from a file or folder for so long; OSError if one of them is at work on it.

    Where the system cannot lock files (Windows), nobody is kept from anything.
    """
    if find_spec("fcntl") is None:
        yield
        return
    fcntl = import_module("fcntl")
    name = sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:16]
    place = Path(gettempdir(), f"torch-by-hand-{os.getuid()}-{name}.lock")
    process = os.getpid()
    while True:
        opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        with os.fdopen(opened, "wb", buffering=0) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OSError(EWOULDBLOCK, "another process is at work on it", str(file)) from None
            if not _is_still(lock, place):  # whoever had it before has just taken it away
                continue
            try:
                yield
            finally:
                with suppress(OSError):  # one that is left is no lock
                    if os.getpid() == process and _is_still(lock, place):
                        place.unlink()
            return


def _is_still(file: FileIO, path: Path) -> bool:
    """Tell whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _naming(place: Path) -> Iterator[None]:
    """Let an OSError name this file or folder."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(place)) from None
