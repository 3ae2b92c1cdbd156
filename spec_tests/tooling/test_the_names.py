"""The names of tests are sentences that fit on a line."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
LONGEST = 80


@pytest.mark.parametrize("folder", ["spec_tests", "benchmarks"])
def test_no_test_has_a_name_of_more_than_80_characters(folder):
    names = [
        f"{file.name}::{node.name}"
        for file in sorted((ROOT / folder).rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > LONGEST
    ]

    assert names == []
