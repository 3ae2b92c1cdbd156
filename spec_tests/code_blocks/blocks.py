"""The document's code blocks (`printed/`): whole, in parts or edited, executed or parsed in this process."""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spec_tests.code_blocks import run_block, stand_in
from spec_tests.vocabulary.claims import register

HERE = Path(__file__).parent

IMPORT_LINES = {
    "torch": "import torch",
    "nn": "from torch import nn",
    "optim": "from torch import optim",
    "DataLoader": "from torch.utils.data import DataLoader",
    "datasets": "from torchvision import datasets",
    "transforms": "from torchvision import transforms",
}
"""The import for each name that a block may lack."""


def path_of(block: str) -> Path:
    """Return the path to the block."""
    return HERE / "printed" / f"{block}.py"


def source(block: str) -> str:
    """Return the block's text."""
    return path_of(block).read_text(encoding="utf-8")


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Return the text after edits (old, new), each of whose old texts must occur exactly once."""
    for old, new in edits:
        before, after = text.split(old)
        text = before + new + after
    return text


def execute(text: str) -> dict[str, Any]:
    """Run the text as a script in this process and return its global names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<code block>", "exec"), names)
    return names


def named_imports(claim: str) -> str:
    """Return the imports of exactly those names that the correction of a claim mentions."""
    correction = register()[claim].correction_en
    return "".join(f"{line}\n" for name, line in IMPORT_LINES.items() if re.search(rf"\b{name}\b", correction))


def completed_network() -> str:
    """Return the block of section 2.5 with the imports that its correction names."""
    return named_imports("2.5.p") + source("2_5_cifar10_cnn")


def training_loop_preamble(claim: str) -> str:
    """Return what the correction of a loop says it lacks: the imports that it names, and the class as printed."""
    return named_imports(claim) + source("2_5_cifar10_cnn")


def class_in(block: str, name: str) -> type[Any]:
    """Return a class that the block defines, made from only the block's imports and its definition."""
    body = ast.parse(source(block)).body
    needed = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom) or getattr(n, "name", "") == name]
    found: type[Any] = execute("\n".join(map(ast.unparse, needed)))[name]
    return found


def evaluate_call(text: str, function: str, **names: Any) -> Any:
    """Evaluate the text's only call of `function`, with these values for its names."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if ast.unparse(call.func) == function]
    return eval(compile(ast.Expression(call), "<code block>", "eval"), names)


def names_read(tree: ast.AST) -> set[str]:
    """Return every name that the code reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def install_stand_in_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Change to the folder, write the stand-in data set there, and return the names that a call of CIFAR10 needs."""
    torchvision = import_module("torchvision")  # here, because most tests do not need it
    monkeypatch.chdir(folder)
    stand_in.write_cifar10(run_block.DATA)
    for attribute, value in stand_in.expected_files(run_block.DATA, torchvision.datasets.CIFAR10).items():
        monkeypatch.setattr(torchvision.datasets.CIFAR10, attribute, value)
    return {"datasets": torchvision.datasets, "transforms": torchvision.transforms}
