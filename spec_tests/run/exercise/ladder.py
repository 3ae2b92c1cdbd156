"""Which test belongs to which rung of which operation, and in what order the rungs are tried.

For one operation: the document's worked examples that use no option; then its rungs, with the worked examples that use
the option; then everything else at the level of values. Then the gradient, in the same way, and the other levels.

A test of several operations belongs to everything else of the one that is taught last. It is tried only where the
others are right: else a right one would be blamed for a wrong one.
"""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from spec_tests import subjects
from spec_tests.contract.declaration import OPERATION_NAMES
from spec_tests.contract.functions import BACKWARD, FUNCTIONS
from spec_tests.contract.guard import Guarded
from spec_tests.run.asking import requirements
from spec_tests.run.exercise.batched import Batched
from spec_tests.run.judging import problem_of
from spec_tests.vocabulary import rungs
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS
from spec_tests.vocabulary.rungs.sentences import EXAMPLES, REST, ladder, section_of

OWN_FILE = "test_rungs.py"


@dataclass
class Stage:
    """A rung of an operation, and the tests that try it."""

    operation: str
    level: str
    rung: str
    items: list[pytest.Item] = field(default_factory=list)

    @property
    def function(self) -> str:
        """The function that is asked."""
        return f"{self.operation}{BACKWARD}" if self.level == "gradients" else self.operation


def in_order(operations: Iterable[str]) -> list[str]:
    """Return operations in the document's order, and what it does not teach after them.

    >>> in_order(["layer_norm", "sgd", "relu", "conv2d"])
    ['conv2d', 'relu', 'sgd', 'layer_norm']
    """
    known = list(OPERATION_NAMES)

    def place(name: str) -> tuple[list[int], int, str]:
        section = [int(part) for part in section_of(name).split(".") if part] or [99]
        return section, known.index(name) if name in known else len(known), name

    return sorted(operations, key=place)


def offered(subject: Guarded, wanted: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the operations that a file has a function for and that the run asks for, in order."""
    found = [name for name in OPERATION_NAMES if subject.offers(name) or subject.offers(f"{name}{BACKWARD}")]
    return in_order(name for name in found if all(name in only for only in (wanted, subject.only) if only))


def stages(subject: Guarded, wanted: Mapping[str, frozenset[str]], items: Iterable[pytest.Item]) -> list[Stage]:
    """Return the stages of all operations that are offered, in order, with the tests of each."""
    by_place: dict[tuple[str, str, str], Stage] = {}
    for operation in offered(subject, wanted):
        for level, rung in ladder(operation):
            if level == "gradients" and f"{operation}{BACKWARD}" not in FUNCTIONS:
                continue
            if all(level in only[operation] for only in (wanted, subject.only) if only):
                by_place[operation, level, rung] = Stage(operation, level, rung)
    for item in items:
        if (place := _place_of(item)) in by_place:
            by_place[place].items.append(item)
    for stage in by_place.values():
        stage.items.sort(key=lambda item: item.path.name != OWN_FILE)
    return [stage for stage in by_place.values() if stage.items or not subject.offers(stage.function)]


def operations_of(item: pytest.Item) -> set[str]:
    """Return the operations that a test asks for."""
    return {operation for _, operation in requirements(item)}


def _place_of(item: pytest.Item) -> tuple[str, str, str]:
    """Return the operation, level and rung of a test; of several operations the one that is taught last."""
    required = requirements(item)
    last = in_order(operation for _, operation in required)[-1] if required else ""
    level = next((level for level, operation in required if operation == last), "")
    params: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if item.path.name == OWN_FILE and "rung" in params:
        return last, level, params["rung"]
    alone = operations_of(item) <= {last}
    return (
        last,
        level,
        _rung_of_example(item, last, params) if alone and is_example(item) and level == "values" else REST,
    )


def is_example(item: pytest.Item) -> bool:
    """Tell whether a test is an example that the document or the specification works by hand."""
    function = getattr(item, "function", None)
    if function is None or hasattr(function, "property") or hasattr(function, "hypothesis"):
        return False
    params = getattr(getattr(item, "callspec", None), "params", {})
    return "implementation" in params and set(inspect.signature(function).parameters) <= set(params)


def _rung_of_example(item: Any, operation: str, params: Mapping[str, Any]) -> str:
    """Return the hardest rung that an example's calls are on: they are watched while the references answer them."""
    from_lowest = [rungs.PLAIN, *rungs.rungs(operation)]
    highest = 0

    def watch(function: str, arguments: dict[str, Any]) -> None:
        nonlocal highest
        if function == operation:
            highest = max(highest, from_lowest.index(_rung_of_call(function, arguments)))

    given = {name: value for name, value in params.items() if name != "implementation"}
    try:
        item.function(implementation=Batched(_references(), watch), **given)
    except Exception:  # whatever it needs, it is not tried alone
        return REST
    return from_lowest[highest] if highest else EXAMPLES


@cache
def _references() -> Guarded:
    return subjects.load("reference")


def _rung_of_call(function: str, arguments: Mapping[str, Any]) -> str:
    if function in OPERATIONS:
        return OPERATIONS[function].rung_of(problem_of(Call(function, arguments, "float64")))
    if function in OPTIMIZERS:
        options = {name: value for name, value in arguments.items() if name not in ("param", "grad", "state")}
        return rungs.rung_of_step(function, options, bool(arguments.get("state")))
    return rungs.PLAIN
