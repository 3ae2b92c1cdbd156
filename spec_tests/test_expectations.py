"""What is known of a subject before the run: each deviation of its expectation file is still there, and is one.

The file is one of `subjects/expected`; `contract/expectations.py` describes it. Subjects without one are not asked.
"""

from functools import partial

import pytest

from spec_tests import subjects
from spec_tests.contract.demonstrating import GONE, SHOWN, demonstrate, right_by_the_references
from spec_tests.vocabulary import ledger


def test_a_known_deviation_still_shows_on_its_smallest_example(subject, known_deviation, request):
    option = request.config.option
    in_its_own_process = partial(subjects.isolated, option.subject, option.spec_device, 60.0)

    found = demonstrate(known_deviation, subject, in_its_own_process)

    if found == SHOWN:
        ledger.met(known_deviation.id)
        pytest.xfail(f"known deviation {known_deviation.id}: {known_deviation.found}")
    if not known_deviation.is_for_this_machine:
        pytest.skip(f"{known_deviation.id} was seen on {', '.join(known_deviation.machines)}")
    assert found != GONE, f"known deviation {known_deviation.id} is gone: remove its entry from {subject.expected.file}"
    pytest.fail(f"known deviation {known_deviation.id} has changed: {found}")


def test_the_right_value_of_a_known_deviation_is_what_the_references_give(known_deviation):
    assert right_by_the_references(known_deviation.example)
