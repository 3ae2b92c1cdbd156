"""`--watch`: the file is saved, and the next rung is tried, in a fresh process, so that nothing is left over."""

import ast
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from reference.command import interrupted_by_signals
from spec_tests.contract.declaration import OPERATION_NAMES
from spec_tests.contract.functions import BACKWARD
from spec_tests.run.exercise.words import WORDS as ALL_WORDS
from spec_tests.run.selection import ROOT

WORDS = {
    "en": {
        "trying": "Trying {file} ...",
        "missing": "--watch needs watchfiles, which is not installed: pip install watchfiles",
        "no_file": "--watch watches a file (--subject my_layers.py); there is no file {file}",
        "waiting": "Watching {file}: save it, and it is tried again. Ctrl-C ends.",
    },
    "zh": {
        "trying": "正在检查 {file}……",
        "missing": "--watch 需要 watchfiles，但它没有安装：pip install watchfiles",
        "no_file": "--watch 监视一个文件（--subject my_layers.py）；没有文件 {file}",
        "waiting": "正在监视 {file}：保存后会再试一次。按 Ctrl-C 结束。",
    },
}
USAGE_ERROR = 4
RUNGS = ROOT / "test_rungs.py"
MOMENT = 50
"""Milliseconds in which several changes count as one."""


def watch(file: str, arguments: Sequence[str], language: str) -> int:
    """Try a file once, and again whenever it is saved, until Ctrl-C or SIGTERM."""
    words, told = WORDS[language], ALL_WORDS[language]
    if not file.endswith(".py") or not Path(file).is_file():
        print(f"ERROR: {words['no_file'].format(file=file)}", file=sys.stderr)
        return USAGE_ERROR
    if find_spec("watchfiles") is None:
        print(f"ERROR: {words['missing']}", file=sys.stderr)
        return USAGE_ERROR
    command = [
        sys.executable,
        "-m",
        "pytest",
        *(given for given in arguments if given not in ("--watch", "--spec-watch")),
    ]
    command += [] if "--exercise" in command or "--spec-exercise" in command else ["--spec-exercise"]
    before: Mapping[str, str] = {}
    print(words["trying"].format(file=file), flush=True)
    with contextlib.suppress(KeyboardInterrupt), interrupted_by_signals():
        for _ in _saved(Path(file)):
            after = parts(_text(Path(file)))
            only = changed(before, after) if before else ()
            before = after or before
            _try([*command, *(f"--only={name}" for name in only)], told["quick"])
            print(f"\n{words['waiting'].format(file=file)}", flush=True)
    return 0


def _try(command: list[str], note: str) -> None:
    """Try the rungs alone, which is quick; once they are all right, try everything."""
    quick = [given for given in command if Path(os.path.realpath(given)) != ROOT]
    done = subprocess.run([*quick, str(RUNGS)], capture_output=True, check=False)
    if done.returncode == 0:
        subprocess.run(command, check=False)
        return
    for stream, text in ((sys.stdout, done.stdout), (sys.stderr, done.stderr)):
        stream.buffer.write(text)
        stream.flush()
    print(f"\n{note}", flush=True)


def _saved(file: Path) -> Iterator[None]:
    """Yield at once, and whenever the file is saved: its folder is watched, for editors put a new file in its place."""
    changes = import_module("watchfiles").watch(
        file.parent, recursive=False, debounce=MOMENT, step=MOMENT, rust_timeout=500
    )
    yield
    for paths in changes:
        if any(Path(path).name == file.name for _, path in paths) and file.is_file():
            yield


def _text(file: Path) -> str:
    """Return what a file holds; an empty string while an editor has it open."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def parts(text: str) -> dict[str, str]:
    """Return the code of each function of a file, and under "" that of all the rest; nothing if it makes no sense.

    >>> sorted(parts("def relu(input): return input"))
    ['', 'relu']
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    functions = {node.name: ast.dump(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    others = [ast.dump(node) for node in tree.body if not isinstance(node, ast.FunctionDef)]
    return {**functions, "": "\n".join(others)}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return the operations of the functions that have changed, or none of them if anything else has.

    A helper, a constant, or the code of no function: everything is tried again.
    """
    names = {name for name in (*before, *after) if before.get(name) != after.get(name)}
    operations = {name.removesuffix(BACKWARD) for name in names}
    known = operations <= set(OPERATION_NAMES) and operations <= {name.removesuffix(BACKWARD) for name in after}
    return tuple(sorted(operations)) if known else ()
