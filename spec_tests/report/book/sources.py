"""Functions cut out of the repository's files, as they stand there: the references' code and the tests' laws."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Source:
    """A function's source, and where it stands."""

    name: str
    file: str
    line: int
    code: str
    claims: tuple[str, ...] = ()
    """Of a test: the claims that it proves."""


def reference(path: str) -> Source:
    """Return a function of the references.

    >>> reference("activation.relu").file
    'reference/activation.py'
    """
    module, name = path.split(".")
    return _cut(f"reference/{module}.py", name)


def law(path: str) -> Source:
    """Return a test of the specification.

    >>> law("test_2_2_max_pooling::test_nan_beats_infinity").name
    'test_nan_beats_infinity'
    """
    module, name = path.split("::")
    return _cut(f"spec_tests/{module}.py", name)


def _cut(file: str, name: str) -> Source:
    lines, functions = _functions(file)
    if name not in functions:
        raise KeyError(f"{file} has no function {name}")
    node = functions[name]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    claims = tuple(
        str(argument.value)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.claim"
        for argument in decorator.args
        if isinstance(argument, ast.Constant)
    )
    return Source(name, file, first, "\n".join(lines[first - 1 : node.end_lineno]), claims)


@cache
def _functions(file: str) -> tuple[list[str], dict[str, ast.FunctionDef]]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return text.splitlines(), {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
