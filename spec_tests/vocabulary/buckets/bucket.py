"""What a bucket is, and those that several operations share."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spec_tests.vocabulary.problems import Problem

USUAL, EDGE, WIDTH = "usual", "edge", "width"
"""The kinds of buckets: a call that networks make; an edge of what is allowed; how many channels, classes, ..."""


class Bucket(NamedTuple):
    """A named predicate on the problems of an operation."""

    kind: str
    name: str
    zh: str
    holds: Callable[[Problem], bool]


def batches(ndim: int) -> list[Bucket]:
    """Return the buckets of the batch axis, of an input that has so many axes with it."""
    return [
        Bucket(EDGE, "without a batch", "没有批次轴", lambda problem: problem.input.ndim == ndim - 1),
        Bucket(
            EDGE,
            "a batch of one",
            "批次大小为 1",
            lambda problem: problem.input.ndim == ndim and len(problem.input) == 1,
        ),
    ]


SPECIAL_NUMBERS = [
    Bucket(EDGE, "NaN", "NaN", lambda problem: bool(np.isnan(problem.input).any())),
    Bucket(EDGE, "infinities", "无穷大", lambda problem: bool(np.isinf(problem.input).any())),
]


WIDTHS = {
    "1": (1, 1),
    "2 to 4": (2, 4),
    "5 to 7": (5, 7),
    "8": (8, 8),
    "9 and more": (9, None),
}
"""How many channels, classes, features or entries: on both sides of 8, at which kernels change their path."""


def widths(width: Callable[[Problem], int]) -> list[Bucket]:
    """Return the buckets of a width, which this function returns."""

    def within(least: int, most: int | None) -> Callable[[Problem], bool]:
        return lambda problem: least <= width(problem) and (most is None or width(problem) <= most)

    zh = {"2 to 4": "2 至 4", "5 to 7": "5 至 7", "9 and more": "9 及以上"}
    return [Bucket(WIDTH, name, zh.get(name, name), within(*ends)) for name, ends in WIDTHS.items()]
