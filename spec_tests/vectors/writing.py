"""Writing the set: questions become cases with names, arrays are stored once, and every file is the same again."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reference.whole_files import UNFINISHED, unfinished_folder
from spec_tests.vectors import VERSION
from spec_tests.vectors.arrays import described, safetensors
from spec_tests.vectors.exact import Around
from spec_tests.vectors.flags import FLAGS
from spec_tests.vectors.question import Generated, Question, Refused
from spec_tests.vectors.spelling import arrays_of, as_torch, spelled
from spec_tests.vocabulary.formats import HALVES
from spec_tests.vocabulary.problems import Array

HERE = Path(__file__).parent
INDEX, SCHEMA, NAME = "index.json", "vectors.schema.json", "vectors of torch-by-hand"
BESIDE = (SCHEMA, "LICENSE", "README.md", "strength.tsv")
"""What is copied beside the cases."""

Named = tuple[str, Question]


class File:
    """The cases of one operation, and their arrays."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.names: dict[Any, str] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self.arrays: dict[str, tuple[Array, str]] = {}
        self.cases: list[dict[str, Any]] = []

    def add(self, name: str, question: Question, near: str = "") -> None:
        """Add a case of this name; `near` is that of the call beside a refused one."""
        self.cases.append(self._case(name, question, near))

    def array(self, value: Array | Generated, dtype: str) -> str:
        """Return the name of an array, which is stored if it is not yet there."""
        if isinstance(value, Generated):
            key: Any = value
        else:
            key = (dtype, value.shape, value.tobytes())
        if key not in self.names:
            name = self.names[key] = f"a{len(self.names)}"
            if isinstance(value, Generated):
                rule = {"seed": value.seed, "low": value.low, "count": value.count, "exponent": value.exponent}
                self.entries[name] = {"dtype": value.dtype, "shape": list(value.shape), "generator": rule}
            else:
                self.entries[name] = described(value, dtype)
                self.arrays[name] = (value, dtype)
        return self.names[key]

    def _case(self, name: str, question: Question, near: str) -> dict[str, Any]:
        case: dict[str, Any] = {
            "id": name,
            "function": question.function,
            "level": question.level,
            "dtype": question.dtype,
            "arguments": {
                key: None if value is None else self.array(value, _dtype(value, question.dtype))
                for key, value in arrays_of(question).items()
            },
            "options": spelled(question),
            "as_torch": as_torch(question),
            "expected": self._expected(question),
            "flags": list(dict.fromkeys(question.flags)),
        }
        if question.wanted:
            case["wanted"] = list(question.wanted)
        if near:
            case["near"] = near
        if question.reports:
            case["reports"] = list(question.reports)
        if question.comment:
            case["comment"] = question.comment
        unknown = [flag for flag in case["flags"] if flag not in FLAGS]
        if unknown:
            raise ValueError(f"{name} has the flag {unknown[0]}, which flags.json does not explain")
        return case

    def _expected(self, question: Question) -> dict[str, Any]:
        if isinstance(question.expected, Refused):
            return {"refused": question.expected.why}
        found: dict[str, Any] = {}
        for name, result in question.expected.items():
            if result is None:
                found[name] = {"absent": True}
                continue
            array = result.near if isinstance(result, Around) else result
            entry: dict[str, Any] = {"shape": list(question.shapes.get(name, array.shape))}
            if isinstance(result, Around):
                entry |= {"near": self.array(array, "float64"), "within": self.array(result.within, "float64")}
            else:
                entry["equals"] = self.array(array, _dtype(array, question.dtype))
            if name in question.places:
                entry["places"] = question.places[name]
            if question.signed:
                entry["signed_zeros"] = True
            found[name] = entry
        return found

    def text(self) -> str:
        """Return the JSON file, an array or a case on each line."""
        head = {"version": VERSION, "operation": self.operation, "licence": "CC0-1.0"}
        arrays = ",\n".join(f'"{name}":{_json(entry)}' for name, entry in self.entries.items())
        cases = ",\n".join(map(_json, self.cases))
        return f'{_json(head)[:-1]},"arrays":{{\n{arrays}\n}},"cases":[\n{cases}\n]}}\n'

    def safetensors(self) -> bytes:
        """Return the file of arrays."""
        return safetensors(self.arrays)


def _dtype(value: Array | Generated, dtype: str) -> str:
    """Return an array's dtype: its own, or that of the case, if it is a half format, which float32 holds."""
    if isinstance(value, Generated):
        return value.dtype
    return dtype if dtype in HALVES and value.dtype == np.float32 else value.dtype.name


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def named(drawn: Iterable[tuple[str, int, Iterable[Question]]]) -> Iterator[tuple[str, Question, str]]:
    """Give every question a name: its function, the series that it belongs to, and its number there."""
    taken: set[str] = set()
    names: dict[int, str] = {}
    for series, number, questions in drawn:
        for question in questions:
            name = f"{question.function}/{series}/{number}"
            for ending in "bcd":
                if name in taken:
                    name = f"{question.function}/{series}-{ending}/{number}"
            taken.add(name)
            names[id(question)] = name
            near = ""
            if isinstance(question.expected, Refused) and question.expected.near is not None:
                near = names[id(question.expected.near)]
            yield name, question, near


def write(folder: Path, files: Mapping[str, File], small: bool) -> None:
    """Write files of cases, their arrays, and what goes with them; what is in the folder is replaced at the end."""
    refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    before = [folder / name for name in _names_in(folder)]
    with unfinished_folder(folder) as unfinished:
        _write_into(unfinished, files, small)
        for old in before:
            old.unlink()
        for new in sorted(unfinished.iterdir(), key=lambda file: file.name == INDEX):  # it makes them a set
            os.replace(new, folder / new.name)


def _write_into(folder: Path, files: Mapping[str, File], small: bool) -> None:
    listed = {}
    for operation, file in files.items():
        text, tensors = file.text().encode(), file.safetensors()
        for suffix, data in (("json", text), ("safetensors", tensors)):
            (folder / f"{operation}.{suffix}").write_bytes(data)
        listed[operation] = {
            "cases": len(file.cases),
            "levels": {level: [case["level"] for case in file.cases].count(level) for level in _levels(file)},
            "json": {"file": f"{operation}.json", "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()},
            "safetensors": {
                "file": f"{operation}.safetensors",
                "bytes": len(tensors),
                "sha256": hashlib.sha256(tensors).hexdigest(),
            },
        }
    index = {
        "name": NAME,
        "version": VERSION,
        "licence": "CC0-1.0",
        "set": "small" if small else "whole",
        "cases": sum(len(file.cases) for file in files.values()),
        "operations": listed,
        "flags": FLAGS,
    }
    listing = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    (folder / INDEX).write_bytes(listing.encode())
    for name in BESIDE:
        shutil.copyfile(HERE / name, folder / name)


def _levels(file: File) -> list[str]:
    return list(dict.fromkeys(case["level"] for case in file.cases))


def refuse_foreign(folder: Path) -> None:
    """Raise ValueError for a folder that holds something and is not of the vectors."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, expected a folder")
    there = _names_in(folder)
    if not there:
        return
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        known = index["name"] == NAME
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        known = False
    ours = {INDEX, *BESIDE}
    if known:
        ours |= {entry[kind]["file"] for entry in index["operations"].values() for kind in ("json", "safetensors")}
    foreign = [name for name in there if name not in ours]
    if not known or foreign:
        raise ValueError(f"{folder} holds {(foreign or there)[0]}, expected an empty folder or one of vectors")


def _names_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder, but for what somebody has not finished."""
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith(f"{UNFINISHED}-"))


def digest(files: Mapping[str, File]) -> str:
    """Return a hash of all that is written of these files."""
    total = hashlib.sha256()
    for operation, file in sorted(files.items()):
        total.update(operation.encode() + file.text().encode() + file.safetensors())
    return total.hexdigest()
