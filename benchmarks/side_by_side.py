"""How long does one call take compared with another? They are measured alternately, so that slowdowns affect both.

A round times both calls, one right after the other, and gives one ratio; in the next round the other one goes first.
Within a round, the shorter call is repeated for about as long as the longer one takes: on a busy machine, a call that
fits between two interruptions would look too fast. Both take at least about 5 ms, so that the clock's resolution does
not matter. The result is the median of the rounds' ratios, with their quartiles.
"""

from collections.abc import Callable

from torch.utils.benchmark import timer as synchronized_timer

from benchmarks.spread import Spread, of_ratios

Call = Callable[[], object]
Timer = Callable[[], float]

FEWEST_ROUNDS = 5
WARM_UPS = 3
SHORTEST = 5e-3
"""Seconds that a call, with its repetitions, should take at least in a round."""
BUDGET = 10.0
"""Seconds for all rounds; calls that take longer get fewer rounds."""
TICK = 1e-7
"""Seconds; a shorter time counts as this."""


def ratio(one: Call, other: Call, to: str, rounds: int = 9, timer: Timer = synchronized_timer) -> Spread:
    """Return the time of `one` divided by that of `other`, whose name is `to`: 2 if it takes twice as long.

    Both are measured `rounds` times, or less often (but at least 5 times) if that would take more than 10 s. The
    default timer waits for the accelerator. Raises ValueError for fewer than 5 rounds.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"rounds must be at least {FEWEST_ROUNDS}, got {rounds}")
    durations = [max(_warm(call, timer), TICK) for call in (one, other)]
    repeats = [max(1, round(max(SHORTEST, *durations) / duration)) for duration in durations]
    round_takes = sum(count * duration for count, duration in zip(repeats, durations, strict=True))
    rounds = min(rounds, max(FEWEST_ROUNDS, int(BUDGET / round_takes)))
    return of_ratios([_round(one, other, repeats, bool(turn % 2), timer) for turn in range(rounds)], to)


def _warm(call: Call, timer: Timer) -> float:
    """Return the seconds of the fastest of several calls."""
    return min(seconds(call, timer=timer) for _ in range(WARM_UPS))


def _round(one: Call, other: Call, repeats: list[int], turned: bool, timer: Timer) -> float:
    """Return the ratio of one round; if `turned`, the other call goes first."""
    calls = list(zip((one, other), repeats, strict=True))
    taken = [seconds(call, count, timer) for call, count in (reversed(calls) if turned else calls)]
    above, below = reversed(taken) if turned else taken
    return above / max(below, TICK)


def seconds(call: Call, repeats: int = 1, timer: Timer = synchronized_timer) -> float:
    """Return the mean seconds of this many calls in a row."""
    start = timer()
    for _ in range(repeats):
        call()
    return (timer() - start) / repeats
