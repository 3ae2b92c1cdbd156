"""What the strategies draw: every usual call, every edge and every width, and usual calls half of the time.

The problems are drawn from the strategies themselves, with fixed seeds. An empty bucket is something that no property
ever tries.
"""

import re
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from spec_tests.run.draws import without_literals
from spec_tests.vocabulary import buckets, everyday
from spec_tests.vocabulary.buckets import EDGE, USUAL, WIDTH
from spec_tests.vocabulary.operations import CONVOLUTIONS, MAX_POOLS, OPERATIONS

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[1]
SEEDS = (0, 1)
DRAWN = 250
"""Problems drawn from each strategy and seed: what comes once in 60 is missing once in 20,000 such checks."""

ENOUGH = 0.4
"""What the usual calls make up at least, where they are to be half of all."""


@cache
def counts(operation):
    """Return how many problems of an operation are drawn, and how many are in each of its buckets."""
    row, found = OPERATIONS[operation], Counter()
    total = 0
    for seed in SEEDS:
        for problem in [*drawn(row.problems(), seed), *drawn(row.any_problem, seed)]:
            total += 1
            found.update(buckets.of_problem(problem))
    return total, found


def drawn(strategy, seed):
    """Return so many problems, the same ones each time."""
    found = []

    @hypothesis.seed(seed)
    @settings(
        max_examples=DRAWN, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=HealthCheck
    )
    @given(problem=strategy)
    def collect(problem):
        found.append(problem)

    with without_literals():
        collect()
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_usual_calls_and_edges(operation):
    kinds = {bucket.kind for bucket in buckets.of(operation)}

    assert {USUAL, EDGE} <= kinds, f"give {operation} its buckets, in spec_tests/vocabulary/buckets/"


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_bucket_of_an_operation_stays_empty(operation):
    total, found = counts(operation)

    empty = {kind: [b.name for b in buckets.of(operation) if b.kind == kind and not found[b.name]] for kind in KINDS}

    assert not any(empty.values()), f"of {total} problems of {operation} none is in these buckets: {empty}"


KINDS = (USUAL, EDGE, WIDTH)


@pytest.mark.slow
@pytest.mark.parametrize("operation", CONVOLUTIONS)
def test_nearly_half_of_all_convolutions_have_usual_options(operation):
    assert share(operation, everyday.CONVOLUTIONS) >= ENOUGH


@pytest.mark.slow
@pytest.mark.parametrize("operation", [*MAX_POOLS, "avg_pool2d"])
def test_nearly_half_of_all_poolings_have_usual_options(operation):
    assert share(operation, everyday.POOLINGS) >= ENOUGH


def share(operation, windows):
    """Return which part of an operation's problems has one of these kernels, strides and paddings."""
    total, found = counts(operation)
    return sum(found[str(window)] for window in windows) / total


def test_shrinking_ends_at_the_plainest_convolution_and_the_plainest_pooling():
    def smallest(operation):
        return hypothesis.find(OPERATIONS[operation].problems(), lambda _: True, settings=settings(database=None))

    conv, pool = smallest("conv2d"), smallest("max_pool2d")

    assert (conv.input.shape, conv.weight.shape, conv.bias, conv.groups) == ((1, 1, 1, 1), (1, 1, 1, 1), None, 1)
    assert (conv.per_axis("stride"), conv.per_axis("padding"), conv.per_axis("dilation")) == ((1, 1), (0, 0), (1, 1))
    assert (pool.input.shape, pool.per_axis("kernel_size"), pool.padding) == ((1, 1, 2, 2), (2, 2), (0, 0))


# What is not drawn, because comparing it is a convention of its own: it has tests that say so in their names


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_test_of_its_own_for_an_empty_batch(operation):
    assert named("empty|of_nothing", operation), f"{operation}: no test names an empty batch"


@pytest.mark.parametrize("operation", ["nll_loss", "cross_entropy"])
def test_every_loss_of_classes_has_a_test_of_its_own_for_all_targets_ignored(operation):
    assert named("all_targets_ignored", operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_test_of_its_own_for_nan_or_infinity(operation):
    assert named(r"(?:^|_)(nan|inf|infinit\w+|special)(?:_|$)", operation), f"{operation}: no test names NaN"


@cache
def requirements():
    """Return the name of every test of the specification, with the operations that it requires something of."""
    return [
        (name, {operation for mark in test.pytestmark if mark.name == "requirement" for operation in mark.args[1:]})
        for file in sorted(FOLDER.glob("test_*.py"))
        for name, test in vars(import_module(f"spec_tests.{file.stem}")).items()
        if name.startswith("test_") and hasattr(test, "pytestmark")
    ]


def named(pattern, operation):
    """Return the tests of an operation whose names hold this."""
    return [name for name, operations in requirements() if operation in operations and re.search(pattern, name)]
