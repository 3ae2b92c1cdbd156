"""Axes: the batch that an input may lack, channels last, pads that come in torch's order, indices within a channel."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from spec_tests.vocabulary.subject import NotOffered


def in_a_batch(input: Any, rank: int) -> tuple[Any, Callable[[Any], Any]]:
    """Return an input (n, c, *rank axes), and a function that undoes what was done to it on the output.

    The arrays may be of any library in which they have `shape` and `reshape`.

    >>> import numpy as np
    >>> batch, undone = in_a_batch(np.zeros((3, 4, 4)), 2)
    >>> batch.shape, undone(batch).shape
    ((1, 3, 4, 4), (3, 4, 4))
    """
    axes = len(input.shape)
    if axes == rank + 2:
        return input, lambda output: output
    if axes != rank + 1:
        raise ValueError(f"input has {axes} axes; {rank + 2} were expected, or {rank + 1} without a batch")
    return input.reshape((1, *input.shape)), lambda output: output.reshape(tuple(output.shape[1:]))


def channels_last(axes: int) -> tuple[int, ...]:
    """Return the order of axes in which the channels of an array, or of a kernel (o, c, h, w), come last.

    >>> channels_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, axes), 1)


def channels_first(axes: int) -> tuple[int, ...]:
    """Return the order of axes that undoes `channels_last`.

    >>> channels_first(4)
    (0, 3, 1, 2)
    """
    return (0, axes - 1, *range(1, axes - 1))


def pads_of_each_axis(pad: Sequence[int], axes: int) -> tuple[tuple[int, int], ...]:
    """Return a pair for each axis from torch's `pad`, which begins with the last axis and may name only some.

    >>> pads_of_each_axis((1, 2, 3, 4), 3)
    ((0, 0), (3, 4), (1, 2))
    """
    if len(pad) % 2 or len(pad) > 2 * axes:
        raise ValueError(f"pad must hold a pair for each of at most {axes} axes, got {tuple(pad)}")
    pairs = [(int(before), int(behind)) for before, behind in zip(pad[::2], pad[1::2], strict=True)]
    return (*((0, 0),) * (axes - len(pairs)), *reversed(pairs))


def flat_axes(shape: Sequence[int], start_dim: int, end_dim: int) -> tuple[int, ...]:
    """Return the shape in which the axes from `start_dim` to `end_dim` are one.

    >>> flat_axes((2, 3, 4), 1, -1), flat_axes((), 0, -1)
    ((2, 12), (1,))
    """
    axes = max(len(shape), 1)
    for name, value in (("start_dim", start_dim), ("end_dim", end_dim)):
        if not -axes <= value < axes:
            raise IndexError(f"{name} must lie in {-axes} … {axes - 1}, got {value}")
    start, end = start_dim % axes, end_dim % axes
    if start > end:
        raise ValueError(f"start_dim must not come after end_dim, got {start_dim} and {end_dim}")
    return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])


def indices_in_a_channel(indices: Any, input_size: Sequence[int]) -> Any:
    """Return the indices of cells within their channel, from those within the whole array (n, c, *input_size).

    >>> import numpy as np
    >>> indices_in_a_channel(np.array([3, 7]), (2, 2))
    array([3, 3])
    """
    return indices % prod(input_size)


def normalized_axes(input: Any, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the axes that a layer normalization goes over; raise ValueError if the input does not end so.

    >>> import numpy as np
    >>> normalized_axes(np.zeros((5, 2, 3)), (2, 3))
    (-2, -1)
    """
    shape, last = tuple(normalized_shape), len(normalized_shape)
    if not shape or tuple(input.shape[len(input.shape) - last :]) != shape:
        raise ValueError(f"normalized_shape {shape} is not the end of the input's shape {tuple(input.shape)}")
    return tuple(range(-last, 0))


def check_has_an_axis(input: Any) -> None:
    """Raise NotOffered for an array without axes, of which torch makes one."""
    if not input.shape:
        raise NotOffered("an array without axes has no axis to sum along")
