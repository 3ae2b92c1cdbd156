"""One array of an answer, what it has to be, and what is to be said of it if it is not."""

from dataclasses import dataclass
from typing import Any

import numpy as np


def complaint(name: str, got: Any, expected: Any, bound: Any, dtype: str) -> str:
    """Say what is wrong with a result, or return an empty string; NaN equals NaN, and -0.0 equals 0.0."""
    if expected is None or got is None:
        kinds = ["None" if value is None else "an array" for value in (got, expected)]
        return "" if kinds[0] == kinds[1] else f"{name}: got {kinds[0]}, expected {kinds[1]}"
    if not isinstance(got, np.ndarray | np.generic):
        return f"{name}: got {type(got).__name__}, expected an array"
    if got.shape != expected.shape:
        return f"{name}: got shape {got.shape}, expected {expected.shape}"
    if dtype and got.dtype != dtype:
        return f"{name}: got dtype {got.dtype}, expected {dtype}"
    if got.dtype.kind not in "biuf":
        return f"{name}: got dtype {got.dtype}, expected numbers"
    got, bound = np.asarray(got), np.broadcast_to(bound, expected.shape)
    with np.errstate(all="ignore"):
        error = np.abs(np.asarray(got, np.float64) - expected)
        same = (got == expected) | ((got != got) & (expected != expected))
    wrong = ~(same | (error <= bound) | np.isinf(bound))
    if not wrong.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    outside = bound[at] > 0
    one, more = ("lies outside its bound", "lie outside their bound") if outside else ("differs", "differ")
    many = f"{wrong.sum()} of {wrong.size} elements {more}; first at [{', '.join(map(str, at))}]"
    values = f"got {got[at].item()}, {'exact' if outside else 'expected'} {expected[at].item()}"
    distance = f", error {error[at]:.3g}, bound {bound[at]:.3g}" if outside else ""
    return f"{name}: {f'the only element {one}' if wrong.size == 1 else many}: {values}{distance}"


@dataclass(frozen=True)
class Part:
    """One array of an answer, and what it has to be."""

    name: str
    got: Any
    expected: Any
    """The exact numbers, or None where there is no such result."""
    bound: Any
    dtype: str
    """What it has to be of, or an empty string where it may be held in more than one."""

    @property
    def complaint(self) -> str:
        """What is wrong with it, if anything is."""
        return complaint(self.name, self.got, self.expected, self.bound, self.dtype)

    @property
    def first_wrong(self) -> tuple[int, ...] | None:
        """The place of the first wrong element."""
        place = self.complaint.partition("first at [")[2].partition("]")[0]
        if place:
            return tuple(int(i) for i in place.split(", "))
        return (0,) * np.ndim(self.expected) if "the only element" in self.complaint else None
