"""What is known of a median, and how long one call takes compared with another.

Two calls are measured alternately, so that slowdowns affect both. A round times both, one right after the other, and
gives one ratio; in the next round the other one goes first. Within a round, the shorter call is repeated for about as
long as the longer one takes: on a busy machine, a call that fits between two interruptions would look too fast. Both
take at least about 5 ms, so that the clock's resolution does not matter.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median, quantiles
from typing import Any, TypeVar

import numpy as np

Call = Callable[[], object]
Timer = Callable[[], float]
Kind = TypeVar("Kind")

FEWEST_ROUNDS = 5
WARM_UPS = 3
SHORTEST = 5e-3
"""Seconds that a call, with its repetitions, should take at least in a round."""
BUDGET = 10.0
"""Seconds for all rounds; calls that take longer get fewer rounds."""
TICK = 1e-7
"""Seconds; a shorter time counts as this."""
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


def from_data(kind: type[Kind], data: Mapping[str, Any]) -> Kind:
    """Return a dataclass from JSON, whatever else that contains."""
    return kind(**{field.name: data[field.name] for field in fields(kind) if field.name in data})  # type: ignore[arg-type]  # it is a dataclass


def of_rounds(times: Sequence[float]) -> Spread:
    """Return the median of some rounds and its 95 % interval: two of the sorted times, whatever their distribution.

    >>> of_rounds(list(range(1, 101)))
    Spread(median=50.5, low=40, high=61, processes=1, to='')
    """
    ordered, half = sorted(times), NORMAL * math.sqrt(len(times)) / 2
    first = max(math.floor(len(times) / 2 - half), 1)
    return Spread(median(times), ordered[first - 1], ordered[len(times) - first])


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


def seconds(call: Call, timer: Timer, repeats: int = 1) -> float:
    """Return the mean seconds of this many calls in a row."""
    start = timer()
    for _ in range(repeats):
        call()
    return (timer() - start) / repeats


def ratio(one: Call, other: Call, to: str, timer: Timer, rounds: int = 9) -> Spread:
    """Return the time of `one` divided by that of `other`, whose name is `to`: 2 if it takes twice as long.

    The median of the rounds' ratios, with their quartiles. Both are measured `rounds` times, or less often (but at
    least 5 times) if that would take more than 10 s. Raises ValueError for fewer than 5 rounds.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"rounds must be at least {FEWEST_ROUNDS}, got {rounds}")
    durations = [max(TICK, min(seconds(call, timer) for _ in range(WARM_UPS))) for call in (one, other)]
    repeats = [max(1, round(max(SHORTEST, *durations) / duration)) for duration in durations]
    round_takes = sum(count * duration for count, duration in zip(repeats, durations, strict=True))
    calls, ratios = (one, other), list[float]()
    for turn in range(min(rounds, max(FEWEST_ROUNDS, int(BUDGET / round_takes)))):
        order = (1, 0) if turn % 2 else (0, 1)
        taken = {place: seconds(calls[place], timer, repeats[place]) for place in order}
        ratios.append(taken[0] / max(taken[1], TICK))
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return Spread(middle, low, high, to=to)
