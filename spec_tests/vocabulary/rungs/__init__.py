"""Rungs: the steps in which a learner writes an operation, from a plain call to the hardest option.

Each rung has a few cases of its own, the smallest first: a call that uses the rung's feature and, in the first cases,
nothing else that is not needed. So the first case that fails is the smallest, and it fails because of that feature.
What a rung is called in a sentence, and its hint, stand in `sentences.toml`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.rungs import of_formulas, of_transforms, of_windows
from spec_tests.vocabulary.rungs.of_optimizers import LADDERS as STEPS
from spec_tests.vocabulary.rungs.of_optimizers import Steps, features
from spec_tests.vocabulary.rungs.of_transforms import Picture

PLAIN = "plain"
Case = Problem | Steps | Picture

_LADDERS: dict[str, Callable[[], Any]] = {**of_windows.LADDERS, **of_formulas.LADDERS, **of_transforms.LADDERS}


def rungs(operation: str) -> tuple[str, ...]:
    """Return the rungs of what has a row, the lowest first; none of anything else."""
    if operation in OPERATIONS:
        return (PLAIN, *(rung.name for rung in OPERATIONS[operation].rungs))
    if operation in TRANSFORMS:
        return tuple(_ladder(operation))
    return tuple(STEPS[operation]) if operation in OPTIMIZERS else ()


@cache
def cases(operation: str, rung: str) -> tuple[Case, ...]:
    """Return the cases of a rung, the smallest first."""
    if operation in OPTIMIZERS:
        return tuple(STEPS[operation][rung])
    return tuple(_ladder(operation)[rung])


@cache
def _ladder(operation: str) -> dict[str, list[Case]]:
    ladder: dict[str, list[Case]] = _LADDERS[operation]()
    return ladder


def rung_of_case(case: Case) -> str:
    """Return the hardest feature that a case uses."""
    if isinstance(case, Problem):
        return OPERATIONS[case.operation].rung_of(case)
    if isinstance(case, Picture):
        return TRANSFORMS[case.operation].rung_of(case.arguments)
    return rung_of_step(case.operation, case.options, len(case.grads) > 1)


def rung_of_step(operation: str, options: dict[str, Any], later: bool) -> str:
    """Return the hardest feature that a step of an optimizer uses, with these options; a later one has a state."""
    used = features(options, later)
    return [name for name in (PLAIN, *STEPS[operation]) if name == PLAIN or name in used][-1]
