"""The seam: what a foreign function does to its arguments is noticed, and only what comes back is an answer."""

import numpy as np
import pytest

from spec_tests import subjects
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.subject import written_into

pytestmark = pytest.mark.tooling

HOLED = np.array([np.nan, 1.0, -1.0], "float32")


def cleaned(input):
    """Return the right result, and leave 0 where the input was NaN."""
    output = input.clip(min=0)
    input[input != input] = 0
    return output


@pytest.mark.parametrize(("tensors", "dtype"), [(False, "float32"), (True, "float32"), (True, "float16")])
def test_a_zero_written_over_nan_is_noticed_in_arrays_and_in_tensors(tensors, dtype):
    subject = subjects.of_functions({"relu": cleaned}, "cleaned", "cpu", TENSORS=tensors, DTYPES=[dtype]).at(dtype)
    input = HOLED.copy()

    subject.relu(input=input)

    assert written_into(subject) == ("input",)
    assert np.array_equal(input, HOLED, equal_nan=True)  # it is restored


@pytest.mark.parametrize(("answer", "answered"), [(np.zeros(3, "float32"), 1), (None, 0)])
def test_a_call_from_which_nothing_comes_back_is_not_answered(answer, answered):
    subject = subjects.of_functions({"relu": lambda x: answer}, "a subject", "cpu")  # noqa: ARG005

    with ledger.set_aside():
        ledger.start(ledger.Entry("a test", ""))
        subject.relu(input=HOLED.copy())
        found = ledger.answered()

    assert found == answered
