"""Files that are written whole or not at all, whatever happens meanwhile: a full disk, a kill, a loss of power."""

import glob
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EEXIST, EINVAL, EISDIR
from pathlib import Path
from stat import S_IMODE
from tempfile import TemporaryDirectory, TemporaryFile
from time import time
from typing import IO

UNFINISHED = ".unfinished"
LONGEST_BEGIN = 50
"""Characters of a file's name with which that of its unfinished file begins: most systems allow 255 bytes."""
MOST_LINKS = 40
"""Links that one path may lead through, as on Linux."""
ABANDONED = 60.0
"""Seconds after which nobody writes an unfinished file any more, whose writer must have been killed."""
HOUR = 3600.0
"""The same of a folder of many images, of which a file alone may take minutes."""


def stream_at(path: Path) -> int | None:
    """Return the number of the open file of this process that a path leads to, as /dev/stdout does, or None.

    What is open may well be a file, but nothing can take the place of that name: it is the system's own.
    """
    own = Path("/proc/self/fd").resolve()
    for _ in range(MOST_LINKS):
        if path.parent.resolve() == own and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


@contextmanager
def unfinished_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file beside `path`, under a name that no other process has; if all went well, it replaces `path`.

    What lies at `path` is whole at any moment, even after a loss of power, and keeps who may read and write it. A link
    there is replaced, not followed; what is no file, as a device, is refused.
    """
    if path.exists() and not (path.is_file() or path.is_dir() or path.is_symlink()):
        raise OSError(EINVAL, "is not a file", str(path))
    if stream_at(path) is not None:
        raise OSError(EINVAL, "is not a file, but names one that is open", str(path))
    begin = f".{path.name[:LONGEST_BEGIN]}."
    for left in path.parent.glob(f"{glob.escape(begin)}*{UNFINISHED}"):
        with suppress(OSError):
            if time() - left.lstat().st_mtime > ABANDONED:
                left.unlink()
    unfinished = path.with_name(f"{begin}{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with unfinished.open("xb") as file:  # raises if there is anything of that name, a link included
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.is_file() and not path.is_symlink():
            unfinished.chmod(S_IMODE(path.stat().st_mode))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def unfinished_folder(folder: Path, abandoned: float = ABANDONED) -> Iterator[Path]:
    """Yield a new folder within another, for what is moved out of it once it is whole; what is left is removed.

    So is what those who were killed have left there, if nobody has written in it for so many seconds.
    """
    for left in folder.glob(f"{UNFINISHED}-*"):
        with suppress(OSError):
            if time() - max(path.lstat().st_mtime for path in (left, *left.rglob("*"))) > abandoned:
                shutil.rmtree(left)
    with TemporaryDirectory(prefix=f"{UNFINISHED}-", dir=folder) as unfinished:
        yield Path(unfinished)


def check_place(path: Path) -> None:
    """Raise OSError if no file can be written there: before the work whose result it would hold.

    A file that is read-only is left alone, though it could be replaced; so is a program, whose name somebody may have
    given for another file's.
    """
    try:
        if path.suffix == ".py" and path.is_file():
            raise FileExistsError(EEXIST, "it is a program, and left as it is")
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
        if stream_at(path) is not None:
            return
        if path.is_file() or not path.exists():
            with TemporaryFile(dir=Path(os.path.realpath(path)).parent):
                pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def check_apart(written: Iterable[Path], read: Iterable[Path] = ()) -> None:
    """Raise OSError if a file that is to be written is one that is read, or is to be written twice.

    Where nothing lies yet names decide, and else what they lead to. What is no file may be named as often as one likes.
    """
    known = [(path, "is what is read") for path in read]
    for path in written:
        for other, reason in known:
            if _is_same(path, other):
                raise FileExistsError(EEXIST, f"it {reason}", str(path))
        known.append((path, "is to hold something else, too"))


def _is_same(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.is_file() and path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def write_text(path: Path, text: str) -> None:
    """Write a text: all of it or, on OSError, nothing. What is no file, and /dev/stdout, is written to as it is."""
    if (stream := stream_at(path)) is not None:
        sys.stdout.flush()  # what was printed before stays before it
        with open(os.dup(stream), "wb") as opened:
            opened.write(text.encode("utf-8", "backslashreplace"))
        return
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        return
    try:
        with unfinished_file(Path(os.path.realpath(path))) as file:  # where a link leads
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_new_text(path: Path, text: str) -> None:
    """Write a text where there is nothing yet: all of it, or nothing. Raises FileExistsError if there is something."""
    file = path.open("x", encoding="utf-8", errors="backslashreplace")
    try:
        with file:
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
