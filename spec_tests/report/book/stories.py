"""Wrong results of released libraries that expectation files describe, with the words of `stories.toml`."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from spec_tests.contract import expectations
from spec_tests.contract.expectations import Example
from spec_tests.report.book.texts import inline
from spec_tests.report.page_filters import grouped

WORDS = Path(__file__).with_name("stories.toml")
EXPECTED = Path(expectations.__file__).parents[1] / "subjects" / "expected"
MARKED = ("see_en", "see_zh", "avoid_en", "avoid_zh", "where", "where_zh", "why", "why_zh")
"""The texts in which code may stand out."""


@cache
def words() -> dict[str, dict[str, str]]:
    """Return the words of `stories.toml`, by the deviation's id."""
    found: dict[str, dict[str, str]] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return found


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return the deviations of the expectation files that have an example, each with the subjects that have it."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(EXPECTED.glob("*.toml")):
        read = expectations.read(file, file.stem)
        for deviation in read.deviations:
            if deviation.example is not None:
                entry = found.setdefault(
                    deviation.id, {**vars(deviation), "package": read.package, "kind": deviation.kind, "subjects": []}
                )
                entry["subjects"].append(file.stem.replace("_", ":", 1) if file.stem.startswith("torch") else file.stem)
    return found


def stories(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the stories by library, in the order of `stories.toml`; what is no longer known is not told."""
    told: dict[str, list[dict[str, Any]]] = {}
    for id, said in words().items():
        if id in known():
            shown = grouped(_shown_by(run, known()[id]) for run in runs)
            told.setdefault(said["library"], []).append({**_story(said, known()[id]), "shown": shown})
    return told


def _shown_by(run: Mapping[str, Any], deviation: Mapping[str, Any]) -> str:
    """Return whether a run showed a deviation, or did not ask for it, since its subject was another."""
    if deviation["id"] in run["deviations"]:
        return "seen"
    return "not seen" if run["subject"] in deviation["subjects"] else "not asked"


def _story(said: Mapping[str, str], deviation: Mapping[str, Any]) -> dict[str, Any]:
    example = deviation["example"]
    texts = {**deviation, **said}
    marked = {name: inline(texts[name]) for name in MARKED}
    return {
        **texts,
        **marked,
        "program": program_of(example),
        "right": _shown(example.right),
        "wrong": deviation["found"] if example.found is None else _shown(example.found),
    }


def program_of(example: Example) -> str:
    """Return the smallest case as a program or, of a call, as that call.

    >>> program_of(Example(right=0.0, call="tanh", arguments={"input": [1e-08]}))
    'tanh(input=[1e-08])'
    """
    if example.program:
        return example.program.strip()
    arguments = [f"{name}={_written(value)}" for name, value in example.arguments.items()]
    one_line = f"{example.call}({', '.join(arguments)})"
    called = one_line if len(one_line) <= 80 else f"{example.call}(\n    {(',' + chr(10) + '    ').join(arguments)},\n)"
    return called if example.dtype == "float32" else f"{called}  # in {example.dtype}"


def _written(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else repr(value)  # an array may be described, not written out


def _shown(value: Any) -> str:
    """Return a result as a reader would write it: a program's output as it is, a number with eight digits at most."""
    return value if isinstance(value, str) else f"{value:.8g}" if isinstance(value, float) else repr(value)
