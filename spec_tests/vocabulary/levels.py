"""The requirement levels: what kind of promise a test holds an implementation to, and of which operations.

    values         of finite arguments the result lies within its bound; of whole numbers it is exact
    gradients      so does every gradient
    conventions    ties, kinks, NaN, infinities, signed zeros, empty batches, integers
    contracts      arguments unchanged, no memory shared with them, dtype kept, every layout taken
    refusals       what must be refused, and beside it the nearest call that must be taken

Each level is a decorator that names the operations: `@values("conv1d", "conv2d", "conv3d")`. A test that takes the
argument `operation` runs once for each of them. Where a test names several and each case is about one of them, that is
the one its parameters name; where they do not say it, `about` does: `pytest.param("a layout", marks=about("conv3d"))`.
"""

from collections.abc import Callable
from typing import Any

import pytest

LEVELS = ("values", "gradients", "conventions", "contracts", "refusals")
LEVELS_ZH = dict(zip(LEVELS, ("数值", "梯度", "约定", "契约", "拒绝"), strict=True))

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _level(name: str) -> Callable[..., Any]:
    def of(*operations: str) -> Any:
        if not operations:
            raise TypeError(f"{name}() names no operation")
        return pytest.mark.requirement(name, *operations)

    return of


values, gradients, conventions, contracts, refusals = map(_level, LEVELS)


def about(operation: str) -> pytest.MarkDecorator:
    """Mark a case of a test: of the operations that the test names, the case is about this one."""
    return pytest.mark.about(operation)
