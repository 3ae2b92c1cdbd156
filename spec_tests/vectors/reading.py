"""Reading a set from its folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec_tests.vectors import VERSION
from spec_tests.vectors.comparing import Arrays
from spec_tests.vectors.writing import INDEX, NAME, File

FORM = {"id": str, "level": str, "dtype": str, "flags": list, "arguments": dict, "options": dict, "expected": dict}
"""What a case has, as `vectors.schema.json` says in full."""


@dataclass(frozen=True)
class Cases:
    """The cases of one operation, ready to be asked."""

    operation: str
    cases: list[dict[str, Any]]
    arrays: Arrays

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Cases":
        """Return the cases of a JSON file."""
        return cls(data["operation"], data["cases"], Arrays(data["arrays"]))

    @classmethod
    def made(cls, file: File) -> "Cases":
        """Return cases that were just made, as a reader of their file would have them."""
        return cls.of(json.loads(file.text()))


def cases_in(folder: Path) -> Iterator[Cases]:
    """Yield the cases of every operation of a set; raise ValueError for a folder that holds none of this version."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ValueError(f"{folder} holds no vectors: expected {INDEX} in it") from None
    if not isinstance(index, dict) or index.get("name") != NAME:
        raise ValueError(f"{folder / INDEX} is not of vectors: expected the name {NAME!r}")
    if index.get("version") != VERSION:
        raise ValueError(f"{folder} holds version {index.get('version')}, expected {VERSION}")
    try:
        files = [folder / entry["json"]["file"] for entry in index["operations"].values()]
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{folder / INDEX} is not of vectors: expected the operations and their files") from None
    yield from map(_cases_of, files)


def _cases_of(file: Path) -> Cases:
    try:
        cases = Cases.of(json.loads(file.read_text(encoding="utf-8")))
        if not isinstance(cases.operation, str) or not isinstance(cases.arrays.entries, dict):
            raise TypeError
        if not all(map(_is_case, cases.cases)):
            raise TypeError
        return cases
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"{file} holds no cases of vectors") from None


def _is_case(case: Any) -> bool:
    """Tell whether a part of a file has the form of a case."""
    return all(isinstance(case[name], kind) for name, kind in FORM.items()) and all(
        isinstance(flag, str) for flag in case["flags"]
    )
