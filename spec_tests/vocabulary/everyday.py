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

WIDE = (5, 6, 8, 9)
"""Channels, classes, features or entries beyond the few that most drawn problems have: on both sides of 8."""


@cache
def one_of_these_or_none(*usual: Any) -> st.SearchStrategy[Any]:
    """Draw one of the usual things half of the time, and else None; what fails shrinks to the first of them."""
    first, rest = usual[:1], usual[1:]
    return st.sampled_from([*first, *[None] * max(1, len(usual)), *rest])


def now_and_then(few: range, *wide: int) -> tuple[int, ...]:
    """Return what to choose a width from, so that one in five is one of the wide ones.

    >>> now_and_then(range(1, 3), 5)
    (1, 2, 1, 2, 5)
    """
    return (*[*few] * max(1, -(-4 * len(wide) // len(few))), *wide)
