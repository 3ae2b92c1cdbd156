"""Where windows lie: options as numbers per axis, paddings as pairs, "same" and ceil_mode resolved into pads.

A window along one axis begins every `stride` cells and covers `kernel_size` cells that are `dilation` apart. `pads`
says how many cells are added before and behind; with them the windows that fit are all there are, so a runtime that
knows neither padding words nor ceil_mode computes the same output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

Option = int | Sequence[int]


def per_axis(value: Option, rank: int) -> tuple[int, ...]:
    """Return an option as one number for each of so many axes.

    >>> per_axis(2, 3), per_axis([1, 2], 2), per_axis((4,), 2)
    ((2, 2, 2), (1, 2), (4, 4))
    """
    numbers = tuple(int(number) for number in value) if isinstance(value, Sequence) else (int(value),)
    if len(numbers) == 1:
        numbers *= rank
    if len(numbers) != rank:
        raise ValueError(f"expected one number or {rank}, one for each axis, got {value!r}")
    return numbers


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution or pooling, everything with one number for each spatial axis."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    """What was asked for, before and behind; it counts as input where an average is taken."""
    pads: tuple[tuple[int, int], ...]
    """The same, but behind as much as the last window needs, which with ceil_mode may hang over."""

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_size)

    @property
    def output_size(self) -> tuple[int, ...]:
        """How many windows there are."""
        return tuple(
            (size + sum(pads) - self._reach(axis)) // self.stride[axis] + 1
            for axis, (size, pads) in enumerate(zip(self.input_size, self.pads, strict=True))
        )

    def _reach(self, axis: int) -> int:
        """Return how many cells lie between the ends of a window."""
        return self.dilation[axis] * (self.kernel_size[axis] - 1) + 1

    @property
    def one_after_the_other(self) -> tuple[int, ...]:
        """The pads as ONNX and others list them: those before, then those behind."""
        return (*(before for before, _ in self.pads), *(behind for _, behind in self.pads))

    def cells(self, count_padding: bool) -> np.ndarray:
        """Return how many cells an average of each window counts: of the input, or also of the padding asked for.

        >>> pool_windows((3,), 2, 2, ceil_mode=True).cells(True)
        array([2, 1])
        """
        counted = np.empty(self.output_size, np.int64)
        for window in product(*map(range, self.output_size)):
            counted[window] = prod(self._counted(axis, index, count_padding) for axis, index in enumerate(window))
        return counted

    def _counted(self, axis: int, index: int, count_padding: bool) -> int:
        before, behind = self.padding[axis] if count_padding else (0, 0)
        start = index * self.stride[axis] - self.pads[axis][0]
        taps = range(start, start + self._reach(axis), self.dilation[axis])
        return sum(-before <= tap < self.input_size[axis] + behind for tap in taps)


def conv_windows(
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Option = 1,
    padding: Option | str = 0,
    dilation: Option = 1,
) -> Windows:
    """Return the windows of a convolution; `padding` may be "same", with the odd cell behind, or "valid".

    >>> conv_windows((5, 5), (2, 3), padding="same").pads
    ((0, 1), (1, 1))
    """
    rank = len(input_size)
    steps, gaps = per_axis(stride, rank), per_axis(dilation, rank)
    if padding == "same":
        if set(steps) != {1}:
            raise ValueError(f'padding="same" needs a stride of 1, got stride {stride!r}')
        total = [gap * (taps - 1) for gap, taps in zip(gaps, kernel_size, strict=True)]
        pads = tuple((cells // 2, cells - cells // 2) for cells in total)
    elif isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f'padding must be numbers, "same" or "valid", got {padding!r}')
        pads = ((0, 0),) * rank
    else:
        pads = tuple((cells, cells) for cells in per_axis(padding, rank))
    return Windows(tuple(input_size), tuple(kernel_size), steps, gaps, pads, pads)


def pool_windows(
    input_size: Sequence[int],
    kernel_size: Option,
    stride: Option | None = None,
    padding: Option = 0,
    dilation: Option = 1,
    ceil_mode: bool = False,
) -> Windows:
    """Return the windows of a pooling; without a stride they lie side by side.

    With `ceil_mode` a window that hangs over the end counts, if it begins in the input or in the padding before it.

    >>> pool_windows((5,), 2, ceil_mode=True).pads, pool_windows((5,), 2).pads
    (((0, 1),), ((0, 0),))
    """
    rank = len(input_size)
    taps, gaps = per_axis(kernel_size, rank), per_axis(dilation, rank)
    steps = taps if stride is None else per_axis(stride, rank)
    padding_pairs = tuple((cells, cells) for cells in per_axis(padding, rank))
    windows = Windows(tuple(input_size), taps, steps, gaps, padding_pairs, padding_pairs)
    if not ceil_mode:
        return windows
    pads = []
    for axis, ((before, behind), size) in enumerate(zip(padding_pairs, input_size, strict=True)):
        reach, step = windows._reach(axis), steps[axis]
        count = -(-(size + before + behind - reach) // step) + 1
        if (count - 1) * step >= size + before:
            count -= 1
        pads.append((before, max(behind, (count - 1) * step + reach - size - before)))
    return Windows(tuple(input_size), taps, steps, gaps, padding_pairs, tuple(pads))
