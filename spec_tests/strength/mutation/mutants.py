"""Which mutants there are: what Cosmic Ray's operators make of the references, one change each.

Left out is what changes no result (annotations, the texts of messages), what only a coincidence tells from the original
(`is` in place of `==`), and what could not go unnoticed (bitwise operators in place of arithmetic).
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import ndiff
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

REFERENCES = Path(__file__).parents[3] / "reference"

LEFT_OUT = re.compile(r"_(BitOr|BitAnd|BitXor|LShift|RShift|Is|IsNot)$|_(BitOr|BitAnd)_|^Variable")  # and no names
KEPT = re.compile(r"_(BitOr_BitAnd|BitAnd_BitOr|Is_IsNot|IsNot_Is)$")

MESSAGES = {"shown", "LONGEST"}
"""What a function or constant is called that is only about the texts of messages."""

Range = tuple[tuple[int, int], tuple[int, int]]
"""A beginning and an end, each a line and a column."""


@dataclass(frozen=True)
class Mutant:
    """A change of a file by one of Cosmic Ray's operators, at one of the places where it could be applied."""

    file: str
    """The name of the reference's module, as "activation"."""
    operator: str
    occurrence: int
    function: str
    """The function or class that is changed; empty between them."""

    @property
    def key(self) -> str:
        """Return what tells it from all others."""
        return f"{self.file} {self.operator} {self.occurrence}"

    def source(self) -> str | None:
        """Return the changed source, or None if it is none."""
        cosmic_ray: Any = import_module("cosmic_ray.mutating")
        changed: str | None = cosmic_ray.mutate_code(source(self.file), _operator(self.operator), self.occurrence)
        return changed if changed is not None and _is_a_program(changed) else None

    def change(self) -> tuple[str, str]:
        """Return the lines that it takes away, and those that it puts in their place."""
        lines = list(ndiff(source(self.file).splitlines(), (self.source() or "").splitlines()))
        before, after = (" ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return before, after


@cache
def source(file: str) -> str:
    """Return the source of a reference."""
    return REFERENCES.joinpath(f"{file}.py").read_text(encoding="utf-8")


@cache
def state(file: str) -> str:
    """Return a short name of a reference's source as it is now."""
    return sha256(source(file).encode()).hexdigest()[:8]


def mutants_of(file: str) -> Iterator[Mutant]:
    """Yield the mutants of a reference."""
    syntax: Any = import_module("cosmic_ray.ast")
    query: Any = import_module("cosmic_ray.ast.ast_query")
    nodes, left_out = list(syntax.ast_nodes(syntax.get_ast(source(file)))), list(_left_out(ast.parse(source(file))))
    for name in import_module("cosmic_ray.plugins").operator_names():
        short, occurrence = name.removeprefix("core/"), -1
        if not _is_wanted(short):
            continue
        operator = _operator(short)
        for node in nodes:
            for begin, end in operator.mutation_positions(node):
                occurrence += 1
                if not any(start <= begin and end <= stop for start, stop in left_out):
                    yield Mutant(file, short, occurrence, query.ASTQuery(node).get_definition_name() or "")


def in_the_order_of(seed: int, mutants: Iterable[Mutant]) -> list[Mutant]:
    """Return mutants in an order that the seed decides, in which each keeps its place whatever the others are."""
    return sorted(mutants, key=lambda mutant: sha256(f"{seed} {mutant.key}".encode()).digest())


@cache
def _operator(name: str) -> Any:
    return import_module("cosmic_ray.plugins").get_operator(f"core/{name}")()


def _is_wanted(operator: str) -> bool:
    return bool(KEPT.search(operator)) or not LEFT_OUT.search(operator)


def _left_out(tree: ast.Module) -> Iterator[Range]:
    """Yield where annotations and the texts of messages are."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                yield _range(getattr(node, name))
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        names = {getattr(node, "name", ""), *(getattr(target, "id", "") for target in targets)}
        if isinstance(node, ast.Raise | ast.JoinedStr) or names & MESSAGES:
            yield _range(node)


def _range(node: Any) -> Range:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _is_a_program(text: str) -> bool:
    try:
        compile(text, "a mutant", "exec")
    except SyntaxError:
        return False
    return True
