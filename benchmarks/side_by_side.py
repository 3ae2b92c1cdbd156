"""How many times as long does one call take as another? Measured alternately, so that what slows the machine hits both.

A round times both calls, one right after the other, and gives one ratio; in the next round the other one goes first.
The shorter call is repeated within its round for about as long as the longer one takes: on a busy machine a call that
fits between two interruptions would look too fast. Both take about 5 ms at least, so that the clock's own steps do not
count. Of the rounds' ratios the median stands for all, between their quartiles.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.utils.benchmark import timer as synchronized_timer

Call = Callable[[], object]
Timer = Callable[[], float]

FEWEST_ROUNDS = 5
WARM_UPS = 3
SHORTEST = 5e-3
"""Seconds that a call, or its repetitions, should take in a round, at least."""
BUDGET = 10.0
"""Seconds for all rounds: calls that take longer get fewer rounds."""
TICK = 1e-7
"""Seconds: what the clock reports below is taken for this."""


@dataclass(frozen=True)
class Ratio:
    """The time of one call over that of another: the median of the rounds and their quartiles."""

    median: float
    low: float
    high: float
    rounds: int

    def as_data(self, to: str) -> dict[str, Any]:
        """Return it as the benchmarks' JSON holds it; `to` names whose time it was divided by."""
        return {"to": to, "median": self.median, "low": self.low, "high": self.high, "rounds": self.rounds}


def ratio(one: Call, other: Call, rounds: int = 9, timer: Timer = synchronized_timer) -> Ratio:
    """Return how many times as long `one` takes as `other`: 2 where it takes twice as long.

    `rounds` is how often both are measured, 5 times at least: fewer than wanted where that would take over 10 s.
    The default timer waits for the accelerator. ValueError: fewer than 5 rounds.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"rounds must be at least {FEWEST_ROUNDS}, got {rounds}")
    durations = [max(_warm(call, timer), TICK) for call in (one, other)]
    repeats = [max(1, round(max(SHORTEST, *durations) / duration)) for duration in durations]
    round_takes = sum(count * duration for count, duration in zip(repeats, durations, strict=True))
    rounds = min(rounds, max(FEWEST_ROUNDS, int(BUDGET / round_takes)))
    ratios = [_round(one, other, repeats, turned=bool(turn % 2), timer=timer) for turn in range(rounds)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high, rounds)


def _warm(call: Call, timer: Timer) -> float:
    """Return the seconds of the fastest of the first calls."""
    return min(seconds(call, timer=timer) for _ in range(WARM_UPS))


def _round(one: Call, other: Call, repeats: list[int], turned: bool, timer: Timer) -> float:
    """Return the ratio of one round; `turned`, the other call goes first."""
    calls = list(zip((one, other), repeats, strict=True))
    taken = [seconds(call, count, timer) for call, count in (reversed(calls) if turned else calls)]
    above, below = reversed(taken) if turned else taken
    return above / max(below, TICK)


def seconds(call: Call, repeats: int = 1, timer: Timer = synchronized_timer) -> float:
    """Return the mean seconds of so many calls in a row."""
    start = timer()
    for _ in range(repeats):
        call()
    return (timer() - start) / repeats
