"""The calls that real networks make, which half of all drawn problems are: everything else is rare outside of tests.

What a kernel, a stride and a padding are called here is equal along all axes, and dilation is 1.
"""

from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st


class Window(NamedTuple):
    """How a kernel moves over its input, in the same way along every axis."""

    kernel: int
    stride: int
    padding: int

    def __str__(self) -> str:
        """Return it as reports write it: "kernel 3, stride 1, padding 1"."""
        return f"kernel {self.kernel}, stride {self.stride}, padding {self.padding}"

    def cells(self, rank: int) -> int:
        """Return the taps of its kernel along so many axes."""
        return int(self.kernel**rank)


CONVOLUTIONS = (
    Window(1, 1, 0),
    Window(3, 1, 1),
    Window(1, 2, 0),
    Window(3, 2, 1),
    Window(2, 2, 0),
    Window(5, 1, 2),
    Window(7, 2, 3),
)
"""The convolutions of networks, the plainest first: from VGG, ResNet, ViT and ConvNeXt to the first layers of all."""

POOLINGS = (Window(2, 2, 0), Window(3, 2, 1), Window(3, 1, 1))
"""The poolings of networks: of VGG, of ResNet, and of Inception."""


def pooling_calls(kernel: int = 3) -> list[tuple[int | None, ...]]:
    """Return kernel, stride and padding of the usual poolings with kernels up to this one.

    The stride is left out where it is the kernel's size, or given all the same.

    >>> pooling_calls(2)
    [(2, None, 0), (2, 2, 0)]
    """
    windows = [window for window in POOLINGS if window.kernel <= kernel]
    return [*((w.kernel, None, w.padding) for w in windows if w.stride == w.kernel), *map(tuple, windows)]


WIDE = (5, 6, 8, 9)
"""Channels, classes, features or entries beyond the few that most drawn problems have: on both sides of 8."""


IS_USUAL = st.sampled_from([True, False])
"""Whether a call is a usual one, half of the time; what fails shrinks to one."""

OFTEN = (5, 2)
"""How often the usual is asked for, and how often not, to get it half of the time where the rest is drawn axis by axis:
Hypothesis varies the examples that it has drawn, and what has more draws of one kind is varied more often."""


@cache
def one_of_these_or_none(*usual: Any, odds: tuple[int, int] = (1, 1)) -> st.SearchStrategy[Any]:
    """Draw one of the usual things half of the time, and else None; what fails shrinks to the first of them."""
    with_them, without = odds
    return st.sampled_from([*usual * with_them, *[None] * max(1, len(usual)) * without])


def now_and_then(few: range, *wide: int) -> tuple[int, ...]:
    """Return what to choose a width from, so that one in five is one of the wide ones.

    >>> now_and_then(range(1, 3), 5)
    (1, 2, 1, 2, 5)
    """
    return (*[*few] * max(1, -(-4 * len(wide) // len(few))), *wide)
