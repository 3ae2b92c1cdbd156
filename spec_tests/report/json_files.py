"""JSON files that the report reads: whatever is wrong with one is told in one line, with the file and the place."""

import gzip
import json
import math
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"
"""The first bytes of a compressed file."""

LONGEST = 200
"""Characters of a message: it may quote the whole file."""

LARGEST = 2**28
"""Bytes of a file, unpacked: the registers have a hundredth of them, and a small packed file may hold gigabytes."""

DEEPEST = 50
"""Levels of lists and objects in a file: the registers have a dozen."""


class Unreadable(ValueError):
    """What is wrong with a file, and where in it."""


def load(file: Path) -> Any:
    """Return the content of a JSON file, which may be compressed by gzip."""
    with file.open("rb") as opened:
        packed = opened.read(len(GZIP)) == GZIP
        opened.seek(0)
        with gzip.open(opened) if packed else nullcontext(opened) as stream:
            content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST} bytes")
    return json.loads(content.decode("utf-8"), object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; of two entries of one name, Python would silently take the second."""
    found = dict(pairs)
    if len(found) < len(pairs):
        check_unique((name for name, _ in pairs), "an object")
    return found


@contextmanager
def naming(file: Path, what: str) -> Iterator[None]:
    """Begin the message of any error raised here with the file's name; `what` says what the file should contain."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable(f"{file} cannot be read: {error}") from None
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{file} is not JSON: {shortened(str(error))}") from None
    except RecursionError:
        raise Unreadable(f"{file} does not contain {what}: it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"{file} does not contain {what}: {error}") from None


def check_value(value: Any, place: str = "$", depth: int = 0) -> None:
    """Raise Unreadable for values that Python reads but that neither JSON nor a page can contain."""
    if depth > DEEPEST:
        raise Unreadable(f"{shortened(place)}: nested more than {DEEPEST} levels deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable(f"{place}: {value} is not a JSON number")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise Unreadable(f"{shortened(place)}: a number of {len(str(abs(value)))} digits is none of float64")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise Unreadable(f"{place}: {shortened(ascii(value))} contains half a character (a lone surrogate)")
    for name, part in _parts(value):
        check_value(part, place + name, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a list or an object, including the object's names, each with its place."""
    if isinstance(value, list):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    if isinstance(value, dict):
        yield from (("", name) for name in value)
        yield from ((f".{name}", part) for name, part in value.items())


def check_form(data: Any, schema: Mapping[str, Any], place: str = "$") -> None:
    """Raise Unreadable, which names the place, where data do not have the form that a JSON Schema describes."""
    jsonschema = import_module("jsonschema")  # here, because most runs read no file and do without it
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(data))
    if error is not None:
        raise Unreadable(f"{place}{error.json_path.removeprefix('$')}: {shortened(error.message)}")


def check_unique(names: Iterable[str], place: str) -> None:
    """Raise Unreadable for a name that occurs more than once."""
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise Unreadable(f"{place}: {shortened(repr(duplicates[0]))} occurs more than once")


def shortened(text: str) -> str:
    """Return a text, or its two ends if it is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
