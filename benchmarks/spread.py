"""What is known of a median: the interval around it, from rounds, from pairs of rounds or from several processes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median, quantiles
from typing import Any

import numpy as np

NORMAL = 1.96
"""Of a normal distribution, 95 % lie within so many standard deviations."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Spread:
    """A median of seconds, or of multiples of another implementation's time, and the interval around it."""

    median: float
    low: float
    high: float
    processes: int = 1
    to: str = ""
    """Whose time is the denominator."""

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Spread":
        """Return a spread from JSON."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


def of_rounds(times: Sequence[float]) -> Spread:
    """Return the median of some rounds and its 95 % interval: two of the sorted times, whatever their distribution.

    >>> of_rounds(list(range(1, 101)))
    Spread(median=50.5, low=40, high=61, processes=1, to='')
    """
    ordered, half = sorted(times), NORMAL * math.sqrt(len(times)) / 2
    first = max(math.floor(len(times) / 2 - half), 1)
    return Spread(median(times), ordered[first - 1], ordered[len(times) - first])


def of_ratios(ratios: Sequence[float], to: str) -> Spread:
    """Return the median of the ratios of some rounds and their quartiles."""
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return Spread(middle, low, high, to=to)


def of_processes(found: Iterable[Spread]) -> Spread:
    """Return the median of several processes' medians and its 95 % interval by the bootstrap.

    Processes are drawn with replacement, as many as there were, and their median is taken, many times.

    >>> of_processes([Spread(3.0, 2.0, 4.0, to="torch")] * 5)
    Spread(median=3.0, low=3.0, high=3.0, processes=5, to='torch')
    """
    found = list(found)
    medians = [each.median for each in found]
    drawn = np.random.default_rng(0).choice(medians, (RESAMPLES, len(medians)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return Spread(median(medians), float(low), float(high), len(found), found[0].to)
