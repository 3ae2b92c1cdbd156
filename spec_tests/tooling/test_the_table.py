"""The table of operations is complete: what is exported has a row, and every row has all that goes with it.

Each failure says what to add, and where.
"""

import inspect
import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import reference
from spec_tests.run.asking import KNOWN
from spec_tests.vocabulary.gradient_checks import problems_to_step_in
from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.operations.operation import BEND, Operation
from spec_tests.vocabulary.problems import Problem
from spec_tests.wrong_implementations import WRONG

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[1]
ROWS = {**OPERATIONS, **OPTIMIZERS, **TRANSFORMS}
ONE_RANK_STANDS_FOR_ALL = re.compile("(?<=[a-z])[123](?=d$)")
SUBJECTS = {"subject", "subject_on_cpu", "implementation"}
CHECKS = list(HealthCheck)
WITHOUT_A_ROW = {
    "cifar10_cnn": "a network: it chains rows, and `vocabulary.network` says how it rounds",
    "cifar10_cnn_layers": "the outputs of all its layers, of the references alone",
    "residual_block": "a chain of rows, of the references alone: no subject is asked for it",
    "batch_norm_statistics": "what batch_norm leaves behind: its bound stands beside that row's",
}
"""What stands outside the table, and why."""


def modules():
    """Return the modules of the specification's own tests."""
    return [import_module(f"spec_tests.{file.stem}") for file in sorted(FOLDER.glob("test_*.py"))]


def the_tests():
    """Return every test of the specification with its module."""
    return [
        (module, name, test)
        for module in modules()
        for name, test in vars(module).items()
        if name.startswith("test_") and callable(test)
    ]


def requirements(test):
    """Return the levels of a test, each with its operations."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "requirement"]
    return [(mark.args[0], mark.args[1:]) for mark in marks]


def test_every_exported_function_with_a_gradient_and_every_optimizer_has_a_row():
    backward = {name.removesuffix("_backward") for name in reference.__all__ if name.endswith("_backward")}
    optimizers = {name for name in reference.__all__ if "state" in _parameters(name) and "grad" in _parameters(name)}

    missing = (backward | optimizers) - ROWS.keys() - WITHOUT_A_ROW.keys()

    assert not missing, f"add to spec_tests/vocabulary/operations/ a row (ROWS) for {', '.join(sorted(missing))}"


def test_every_row_is_of_a_function_that_the_references_export():
    for name in OPERATIONS:
        assert {name, f"{name}_backward"} <= set(reference.__all__), f"export {name} and its gradient in reference"
    assert {*OPTIMIZERS, *TRANSFORMS} <= set(reference.__all__)


def _parameters(name):
    return inspect.signature(getattr(reference, name)).parameters


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_property_at_each_level_that_applies(name):
    found = {level for _, _, test in the_tests() for level, operations in requirements(test) if name in operations}

    missing = [level for level in ROWS[name].levels if level not in found]

    assert not missing, (
        f"{name} has no test marked {', '.join(f'@{level}' for level in missing)}: "
        f"add one to its section's file, or say in its row (`without`) why nothing is required there"
    )


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_wrong_implementation(name):
    of_one_rank = {
        ONE_RANK_STANDS_FOR_ALL.sub("2", wrong.operation.removesuffix("_backward")) for wrong in WRONG.values()
    }

    assert ONE_RANK_STANDS_FOR_ALL.sub("2", name) in of_one_rank, (
        f"add to spec_tests/wrong_implementations/ a wrong {name}, named for what is wrong with it"
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_row_has_a_typical_call_that_the_reference_takes(name):
    row = OPERATIONS[name]
    problem = row.typical

    output, grads = problem.forward(reference), problem.backward(reference)

    assert output.shape == problem.grad_output.shape, f"the typical call of {name} has a grad_output of another shape"
    assert all(size > 1 for size in problem.input.shape), f"give every axis of {name}'s typical call more than one cell"
    assert len(grads if isinstance(grads, tuple) else (grads,)) == len(row.gradients)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_a_typical_call_that_the_reference_takes(name):
    _, state = getattr(reference, name)(**OPTIMIZERS[name].typical)

    assert set(state) - {"step"} <= set(OPTIMIZERS[name].state)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_has_a_typical_call_that_the_reference_takes(name):
    row = TRANSFORMS[name]

    assert row.image == next(iter(_parameters(name)))
    assert getattr(reference, name)(**row.typical).size > 1


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_has_two_wrong_implementations(name):
    found = [wrong for wrong in WRONG.values() if wrong.operation == name]

    assert len(found) >= 2, f"add to spec_tests/wrong_implementations/transforms.py another wrong {name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_call_that_is_drawn_of_a_transform_is_one_that_the_reference_takes(name):
    for kind, strategy in TRANSFORMS[name].draws.items():
        for call in examples(strategy, 50):
            output = getattr(reference, name)(**call)
            assert output.dtype.kind == ("f" if kind == "floats" or name == "to_tensor" else "u")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_checks_of_a_row_name_every_gradient_and_its_bend_where_one_is_asked(name):
    row = OPERATIONS[name]

    checked = {argument for check in row.checks.values() for argument in check.arguments}

    assert checked == set(row.gradients), f"the row of {name} checks {sorted(checked)}, not every gradient"
    assert BEND not in row.checks or row.bend is not None, f"the row of {name} is checked for its bend and has none"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, row in OPERATIONS.items() if row.rungs])
def test_every_rung_of_a_row_is_drawn(name):
    row: Operation = OPERATIONS[name]
    seen = defaultdict(int)

    for problem in examples(row.problems()):
        for rung in row.rungs:
            seen[rung.name] += rung.used_by(problem)

    assert all(seen[rung.name] for rung in row.rungs if rung.drawn), (
        f"{name}: of 300 problems none used {set(seen) - {*+seen}}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_problem_of_a_row_is_one_that_the_reference_takes(name):
    row = OPERATIONS[name]
    strategies = [row.problems(), row.any_problem, *(problems_to_step_in(name, left) for left in row.checks)]

    for strategy in strategies:
        for problem in examples(strategy, 20):
            assert problem.operation == name
            assert shape_of(problem.forward(reference)) == problem.grad_output.shape


def shape_of(output):
    """Return the shape of an output, alone or before its indices."""
    return (output[0] if isinstance(output, tuple) else output).shape


def examples(strategy, count=300):
    """Return so many problems, the same ones each time."""
    found: list[Problem] = []

    @settings(
        max_examples=count, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=CHECKS
    )
    @given(problem=strategy)
    def collect(problem):
        found.append(problem)

    collect()
    return found


def test_every_test_that_asks_the_subject_names_its_level_and_operations():
    for module, name, test in the_tests():
        levels = requirements(test)
        asks = SUBJECTS & set(inspect.signature(test).parameters) - overridden(test)
        place = f"{module.__name__}.{name}"
        if asks and KNOWN not in inspect.signature(test).parameters:  # that is of the operations of a deviation
            assert len(levels) == 1, f"{place} asks the subject: give it one of the decorators {', '.join(LEVELS)}"
        for _, operations in levels:
            unknown = set(operations) - ROWS.keys() - WITHOUT_A_ROW.keys()
            assert not unknown, f"{place} names {', '.join(sorted(unknown))}, of which there is no row"


def overridden(test):
    """Return the arguments that a test is parametrized with in place of the fixture."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    return {
        name.strip()
        for mark in marks
        for name in (mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0])
    }
