"""Calls that must be refused, each for one fault: why, and what is changed in the call that is taken."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spec_tests.vectors.randomness import Random
from spec_tests.vocabulary.problems import Array

Change = Mapping[str, Any]
Faults = list[tuple[str, Change]]
"""Why a call is refused, and what is changed for it; `function` names the gradient, if it is that."""

MIXED = "one number format is expected, not two"


def zeros(*shape: int, dtype: str = "float32") -> Array:
    """Return an array of zeros."""
    return np.zeros(shape, dtype)


def whole(name: str, *shape: int) -> Array:
    """Return whole numbers."""
    return Random(name).whole(shape).astype(np.float32)
