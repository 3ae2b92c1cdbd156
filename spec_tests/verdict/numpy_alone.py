"""Verdicts need NumPy alone: the table of operations also says what to draw, and here nothing is drawn.

Where Hypothesis or pytest is not installed, something that answers everything stands in for it while the table is read.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any

NOT_NEEDED = ("hypothesis", "pytest")
MODULES = ("hypothesis", "hypothesis.strategies", "pytest")


class _Anything(ModuleType):
    """Answers every question with itself: a strategy that is never drawn from, a mark that is never read."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __or__(self, _: Any) -> Any:
        return self

    __ror__ = __or__

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        """Stand in for a base class, too."""
        return ()

    def __getitem__(self, _: Any) -> Any:
        return self


@contextmanager
def stand_ins() -> Iterator[None]:
    """Put something in the place of what is not installed, until the end of the block."""
    missing = [name for name in NOT_NEEDED if not _is_there(name)]
    added = [name for name in MODULES if name.partition(".")[0] in missing]
    before = {name: sys.modules[name] for name in added if name in sys.modules}
    for name in added:
        sys.modules[name] = _Anything(name)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
        sys.modules.update(before)


def _is_there(name: str) -> bool:
    try:
        return (name in sys.modules and sys.modules[name] is not None) or find_spec(name) is not None
    except (ValueError, ModuleNotFoundError):  # None in its place
        return False
