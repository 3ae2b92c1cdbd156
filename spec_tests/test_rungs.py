"""Every operation rung by rung, in the order in which a learner writes it: a plain call first, then option by option.

The cases of a rung are few and small, and use nothing harder than the rung's own feature (`vocabulary/rungs/`). Here
they are asked of every implementation; `--exercise` asks them in their order, and stops at the first that is wrong.
"""

import pytest

from spec_tests.vocabulary import rungs
from spec_tests.vocabulary.levels import gradients, values
from spec_tests.vocabulary.operations import OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.rungs.checking import assert_each, assert_gradients_right, assert_right

NAMES = (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS)
LADDERS = [(operation, rung) for operation in NAMES for rung in rungs.rungs(operation)]
LADDERS_OF_GRADIENTS = [(operation, rung) for operation, rung in LADDERS if operation in OPERATIONS]


@values(*NAMES)
@pytest.mark.compares_with_reference
@pytest.mark.parametrize(("operation", "rung"), LADDERS)
def test_the_result_is_right_on_every_case_of_a_rung(subject, operation, rung):
    assert_each(rungs.cases(operation, rung), assert_right, subject)


@gradients(*OPERATIONS)
@pytest.mark.compares_with_reference
@pytest.mark.parametrize(("operation", "rung"), LADDERS_OF_GRADIENTS)
def test_the_gradients_are_right_on_every_case_of_a_rung(subject, operation, rung):
    assert_each(rungs.cases(operation, rung), assert_gradients_right, subject)
