"""Two calls measured side by side, with a clock that a test controls."""

from dataclasses import dataclass, field
from itertools import count

import pytest

from benchmarks.spread import BUDGET, FEWEST_ROUNDS, SHORTEST, WARM_UPS, Call, Spread, ratio


@dataclass
class Clock:
    """A clock that advances only with the calls made through it, and records them."""

    now: float = 0.0
    called: list[str] = field(default_factory=list)

    def read(self) -> float:
        """Return the time."""
        return self.now

    def call(self, name: str, seconds: float) -> Call:
        """Return a call that takes this long."""
        return self.slowing(name, seconds, 0.0)

    def slowing(self, name: str, seconds: float, more: float) -> Call:
        """Return a call that takes this long at first, and longer by `more` each time."""
        times = count()

        def call() -> None:
            self.now += seconds + more * next(times)
            self.called.append(name)

        return call


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def test_a_call_that_takes_three_times_as_long_has_a_ratio_of_3(clock: Clock) -> None:
    found = ratio(clock.call("slow", 0.375), clock.call("fast", 0.125), "other", timer=clock.read)

    assert found == Spread(3.0, 3.0, 3.0, to="other")
    assert clock.called.count("slow") == WARM_UPS + 9


def test_a_call_that_takes_half_as_long_has_a_ratio_of_one_half(clock: Clock) -> None:
    assert ratio(clock.call("fast", 0.25), clock.call("slow", 0.5), "other", timer=clock.read).median == 0.5


def test_both_calls_are_warmed_up_and_then_take_turns_going_first(clock: Clock) -> None:
    ratio(clock.call("a", 0.5), clock.call("b", 0.5), "other", rounds=5, timer=clock.read)

    assert "".join(clock.called) == "aaa" + "bbb" + "ab" + "ba" + "ab" + "ba" + "ab"


def test_short_calls_are_repeated_until_they_take_long_enough_to_time(clock: Clock) -> None:
    found = ratio(clock.call("a", 2**-10), clock.call("b", 2**-9), "other", rounds=5, timer=clock.read)

    assert clock.called.count("a") == WARM_UPS + 5 * round(SHORTEST / 2**-10)
    assert clock.called.count("b") == WARM_UPS + 5 * round(SHORTEST / 2**-9)
    assert found.median == 0.5


def test_the_shorter_call_is_repeated_for_as_long_as_the_longer_one_takes(clock: Clock) -> None:
    found = ratio(clock.call("short", 0.125), clock.call("long", 1.0), "other", rounds=5, timer=clock.read)

    assert clock.called.count("short") == WARM_UPS + 5 * 8
    assert clock.called.count("long") == WARM_UPS + 5
    assert found.median == 0.125


def test_long_calls_get_fewer_rounds(clock: Clock) -> None:
    ratio(clock.call("a", 0.625), clock.call("b", 0.625), "other", rounds=9, timer=clock.read)

    assert clock.called.count("a") - WARM_UPS == 8 == BUDGET / (2 * 0.625)


def test_the_longest_calls_still_get_five_rounds(clock: Clock) -> None:
    ratio(clock.call("a", BUDGET), clock.call("b", BUDGET), "other", timer=clock.read)

    assert clock.called.count("a") == WARM_UPS + FEWEST_ROUNDS


def test_a_ratio_is_the_median_of_the_rounds_with_their_quartiles(clock: Clock) -> None:
    found = ratio(clock.slowing("slowing", 1.0, 1.0), clock.call("steady", 0.5), "other", rounds=5, timer=clock.read)

    assert found == Spread(median=12.0, low=10.0, high=14.0, to="other")  # 8, 10, 12, 14, 16: the 4th to the 8th call


def test_a_clock_too_coarse_for_a_call_still_ends_the_measurement(clock: Clock) -> None:
    assert ratio(clock.call("a", 0.0), clock.call("b", 0.0), "other", timer=clock.read).median == 0.0


def test_fewer_than_five_rounds_are_refused(clock: Clock) -> None:
    with pytest.raises(ValueError, match="rounds must be at least 5, got 4"):
        ratio(clock.call("a", 1.0), clock.call("b", 1.0), "other", rounds=4, timer=clock.read)
