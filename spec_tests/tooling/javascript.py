"""Calls of JavaScript functions from Python: all of them in one process, of node or of chromium.

Arguments and results are numbers, texts, lists and dictionaries. Numbers are those of double precision on both sides,
and pass without rounding; NaN and the infinities pass, too.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

ENGINES = {"node": "nodejs", "chromium": "chromium"}
"""The programs that can run it, and Debian's packages of them."""

PROGRAM = """
const calls = {calls};
const functions = {{ {functions} }};
const special = (value) => typeof value === "number" && !Number.isFinite(value);
const plain = (key, value) => (special(value) ? {{ number: String(value) }} : value);
const answers = JSON.stringify(calls.map(([name, given]) => functions[name](...given)), plain);
"""
PAGE = '<!DOCTYPE html><meta charset="utf-8"><body><script>{}\ndocument.body.textContent = answers;</script>'


def answers(source: str, calls: Sequence[tuple[str, Sequence[Any]]], engine: str, folder: Path) -> list[Any]:
    """Return what the functions of this source return for these calls, each a name and its arguments.

    A name may have dots. The program is written to the folder, and run by this engine, which has to be here.
    """
    names = sorted({name for name, _ in calls})
    functions = ", ".join(f'"{name}": {name}' for name in names)
    program = source + PROGRAM.format(calls=json.dumps(calls), functions=functions)  # it writes NaN and Infinity
    if engine == "node":
        file = folder / "calls.js"
        file.write_text(f'"use strict";\n{program}\nprocess.stdout.write(answers);', encoding="utf-8")
        text = _output(engine, str(file))
    else:
        file = folder / "calls.html"
        file.write_text(PAGE.format(program.replace("</", "<\\/")), encoding="utf-8")
        dumped = _output(engine, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", file.as_uri())
        text = unescape(dumped.partition("<body>")[2].rpartition("</body>")[0])
    return list(json.loads(text, object_hook=_number))


def _output(engine: str, *arguments: str) -> str:
    command = (shutil.which(engine) or engine, *arguments)
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=120).stdout


def _number(found: dict[str, Any]) -> Any:
    return float(found["number"].replace("Infinity", "inf")) if found.keys() == {"number"} else found
