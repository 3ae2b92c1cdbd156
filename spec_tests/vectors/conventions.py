"""Questions about conventions: what mathematics, IEEE 754 or torch decide where there is a choice."""

from collections.abc import Callable, Iterable
from functools import partial

from spec_tests.vectors import conventions_of_layers, conventions_of_pictures, conventions_of_windows
from spec_tests.vectors.question import Question

MAKERS = conventions_of_windows.MAKERS | conventions_of_layers.MAKERS | conventions_of_pictures.MAKERS


def of(operation: str) -> list[Callable[[], Iterable[Question]]]:
    """Return what makes the questions about an operation's conventions."""
    return [partial(make, operation) for make in MAKERS.get(operation, ())]
