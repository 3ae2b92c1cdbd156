"""Whether a result is what a case expects: the README's section "How to read a case", as a program."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spec_tests.vectors.arrays import Array, held_in, read

Case = Mapping[str, Any]
Results = Mapping[str, Any]
"""The results of a call by name; None is one that is absent."""


class Arrays:
    """The arrays of a file, each read once."""

    def __init__(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        self.entries = entries
        self.known: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        """Return a read-only array: cases share them."""
        if name not in self.known:
            self.known[name] = read(self.entries[name])
            self.known[name].flags.writeable = False
        return self.known[name]


def settled(results: Results) -> Results:
    """Return whole numbers for results that are all within 1/4 of them, as a transform (FFT, Winograd) leaves them."""
    found = {}
    for name, value in results.items():
        array = np.asarray(value)
        nearly = array.dtype.kind == "f" and np.isfinite(array).all() and (abs(array - np.rint(array)) <= 1 / 4).all()
        found[name] = np.rint(array) if nearly else value
    return found


def what_is_wrong(case: Case, arrays: Arrays, results: Results) -> str:
    """Return why these results are not what the case expects, in a few words, or "" if they are."""
    if "refused" in case["expected"]:
        return f"is taken, though {case['expected']['refused']}"
    for name, expected in case["expected"].items():
        if name not in results:
            return f"{name} is missing"
        if wrong := _of_result(name, results[name], expected, arrays, case["dtype"]):
            return wrong
    return ""


def _of_result(name: str, result: Any, expected: Mapping[str, Any], arrays: Arrays, dtype: str) -> str:
    if "absent" in expected:
        return "" if result is None else f"{name} is there, expected none"
    if result is None:
        return f"there is no {name}"
    found, given = np.asarray(result), arrays[expected["equals"] if "equals" in expected else expected["near"]]
    if list(found.shape) != expected["shape"]:
        return f"{name} has shape {list(found.shape)}, expected {expected['shape']}"
    wanted = given.dtype.name if "equals" in expected else held_in(dtype)
    if found.dtype.name != wanted:
        return f"{name} is of {found.dtype.name}, expected {wanted}"
    if "places" in expected:
        found = found.ravel()[expected["places"]]
    if "equals" in expected:
        right = _equal(found, given, "signed_zeros" in expected)
    else:
        within = arrays[expected["within"]]
        with np.errstate(all="ignore"):  # NaN and infinity are no accidents here
            right = abs(found.astype(np.float64) - given) <= within
    return "" if right.all() else _first(name, found, given, right, expected)


def _equal(found: Array, given: Array, signed: bool) -> Array:
    equal = np.asarray(found == given)
    if given.dtype.kind == "f":
        equal = equal | (np.isnan(found) & np.isnan(given))
        if signed:
            equal = equal & ((np.signbit(found) == np.signbit(given)) | np.isnan(given))
    return equal


def _first(name: str, found: Array, given: Array, right: Array, expected: Mapping[str, Any]) -> str:
    at = int(np.argmin(right.ravel()))
    flat = expected["places"][at] if "places" in expected else at
    place = ", ".join(str(int(i)) for i in np.unravel_index(flat, expected["shape"])) if expected["shape"] else ""
    return f"{name}[{place}] is {found.ravel()[at]}, expected {given.ravel()[at]}; {int((~right).sum())} are wrong"
