"""What a result would be if it had been computed in another way: a value for each element, and how far it may be off.

A prediction explains a result if every element lies within what it allows, and NaN and infinities stand where it has
them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """A result as another way of computing would give it."""

    kind: str
    """"coarser", "convention" or "rounding": what it makes of a result that it explains."""
    name: str
    says: str
    """In plain words, behind "fits"."""
    value: Array
    allowed: Array
    sharp: bool = True
    """Whether it tells the digits of a result, and not only how far off it may be."""

    accumulated_in: str = ""
    """The format in which sums are accumulated, if it is one coarser than usual."""

    def explains(self, got: Array) -> bool:
        """Tell whether every element is where it is predicted to be."""
        return got.shape == self.value.shape and bool((same(got, self.value) | (off(got, self) <= self.allowed)).all())


def same(got: Array, value: Array) -> Array:
    """Return where two arrays are equal; NaN equals NaN."""
    return np.asarray((got == value) | ((got != got) & (value != value)))


def off(got: Array, prediction: Prediction) -> Array:
    """Return how far each element is from a prediction."""
    with np.errstate(all="ignore"):
        return np.asarray(abs(np.asarray(got, np.float64) - prediction.value))


def rms(errors: Array) -> float:
    """Return the root of the mean square of what is finite, infinite if nothing is."""
    finite = errors[np.isfinite(errors)]
    if not finite.size:
        return np.inf
    largest = float(abs(finite).max())
    return largest * float(np.sqrt(((finite / largest) ** 2).mean())) if largest else 0.0


def is_vacuous(prediction: Prediction, exact: Array) -> bool:
    """Tell whether a prediction allows for nearly everything."""
    finite = np.isfinite(prediction.allowed) & np.isfinite(exact)
    if not finite.any() or finite.mean() < 0.5:
        return True
    return bool(np.median(np.asarray(prediction.allowed)[finite]) > rms(exact) / 4 > 0)
