"""The document's code blocks (`code_blocks/`), whole, in parts and with edits, run or read in this process."""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spec_tests.code_blocks import run_block, stand_in

HERE = Path(__file__).parent

IMPORTS = "import torch\nfrom torch import nn\n"
"""What several blocks lack."""


def path_of(block: str) -> Path:
    """Return where the block stands."""
    return HERE / "printed" / f"{block}.py"


def source(block: str) -> str:
    """Return the block's text."""
    return path_of(block).read_text(encoding="utf-8")


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Return the text with each edit made, (what it says, what it is to say), at the one place that says so."""
    for old, new in edits:
        before, after = text.split(old)
        text = before + new + after
    return text


def execute(text: str) -> dict[str, Any]:
    """Run the text as a script, in this process, and return its names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<code block>", "exec"), names)
    return names


def what_a_training_loop_lacks() -> str:
    """Return the imports and the class that the loops of sections 2.6.5 and 2.7 use and do not have."""
    imports = ("torch import optim", "torch.utils.data import DataLoader", "torchvision import datasets, transforms")
    return IMPORTS + "".join(f"from {line}\n" for line in imports) + source("2_5_cifar10_cnn")


def class_in(block: str, name: str) -> type[Any]:
    """Return the class that the block defines, without running the rest of the block."""
    (definition,) = [n for n in ast.parse(source(block)).body if isinstance(n, ast.ClassDef) and n.name == name]
    found: type[Any] = execute(IMPORTS + ast.unparse(definition))[name]
    return found


def evaluate_call(text: str, function: str, **names: Any) -> Any:
    """Return what the text's one call of `function` returns, given what its names stand for."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (call,) = [call for call in calls if ast.unparse(call.func) == function]
    return eval(compile(ast.Expression(call), "<code block>", "eval"), names)


def names_read(tree: ast.AST) -> set[str]:
    """Return every name that the code uses the value of."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def put_cifar10_in_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Change to the folder, write the stand-in data set there, and return the names that a call of CIFAR10 needs."""
    torchvision = import_module("torchvision")  # here, because most tests do without it
    monkeypatch.chdir(folder)
    stand_in.write_cifar10(run_block.DATA)
    for attribute, value in stand_in.expected_files(run_block.DATA, torchvision.datasets.CIFAR10).items():
        monkeypatch.setattr(torchvision.datasets.CIFAR10, attribute, value)
    return {"datasets": torchvision.datasets, "transforms": torchvision.transforms}
