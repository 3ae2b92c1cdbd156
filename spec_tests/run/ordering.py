"""Which tests of a run go first: those that show at once what is plainly wrong; the others keep the document's order.

First every operation is asked rung by rung (`test_rungs.py`), then the subject is asked for the worked numbers. That
takes a few seconds of the whole run.
"""

from collections.abc import Sequence

import pytest

RUNGS = "test_rungs.py"
REFERENCES, SUBJECT = PROOFS = ("by the references", "by the subject")
"""Who has to give the worked numbers."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in the order in which they are to run."""
    return sorted(items, key=_rank)


def is_first(node: pytest.Item | pytest.Collector) -> bool:
    """Tell whether a test, or a file of tests, is among the very first."""
    return node.path.name == RUNGS


def _rank(item: pytest.Item) -> int:
    return 0 if is_first(item) else 1 if _asks_the_subject_for_worked_numbers(item) else 2


def _asks_the_subject_for_worked_numbers(item: pytest.Item) -> bool:
    case = getattr(item, "callspec", None)
    return case is not None and case.params.get("implementation") == SUBJECT
