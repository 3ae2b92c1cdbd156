"""What several wrong implementations need."""

from typing import Any

import numpy as np

from reference.geometry import PoolGeometry
from reference.windows import windows
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.register import Function


def pair(value: Any) -> tuple[int, int]:
    """Return an option of a convolution or pooling of images for both axes; "same" and "valid" add nothing known."""
    if isinstance(value, str):
        return 0, 0
    return (value, value) if isinstance(value, int) else tuple(value) * (2 // len(value))


def around(input: Array, padding: Any) -> list[tuple[int, int]]:
    """Return the padding of images as `numpy.pad` takes it."""
    return [(0, 0)] * (input.ndim - 2) + [(p, p) for p in pair(padding)]


def borders(input: Array, pad: Any) -> list[tuple[int, int]]:
    """Return `pad`, which counts from the last axis, as `numpy.pad` takes it."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    return [(0, 0)] * (input.ndim - len(pairs)) + pairs


def over(input: Array) -> tuple[int, ...]:
    """Return the axes along which the values of a channel lie."""
    return (0, *range(2, input.ndim))


def statistics(input: Array, unbiased: bool = False) -> dict[str, Array]:
    """Return the batch's mean and variance in place of the running ones."""
    return {"running_mean": input.mean(axis=over(input)), "running_var": input.var(axis=over(input), ddof=unbiased)}


def cropped(padded: Array, border: list[tuple[int, int]]) -> Array:
    """Return what the border surrounds."""
    return padded[tuple(slice(p, h - q) for h, (p, q) in zip(padded.shape, border, strict=True))].copy()


def as_in_memory(array: Array) -> Array:
    """Return the elements in the order in which they lie in memory."""
    return array.ravel(order="K").reshape(array.shape)


def to_ties(grad_output: Array, input: Array, options: dict[str, Any], share: Function) -> Array:
    """Send the gradient of every window to all cells that are as great as its maximum, in these shares."""
    del options["return_indices"]
    geometry = PoolGeometry.of(input.shape[-2:], **options)
    border = [(0, 0)] * (input.ndim - 2)
    border += [(p, q + s - 1) for (p, q), s in zip(geometry.padding, geometry.stride, strict=True)]  # for ceil_mode
    rows, columns = geometry.output_size

    def view(padded: Array) -> Array:
        return windows(padded, geometry.kernel_size, geometry.stride, geometry.dilation, writeable=True)[
            ..., :rows, :columns, :, :
        ]

    cells = view(np.pad(input, border, constant_values=-np.inf))
    shares = share(cells == cells.max((-2, -1), keepdims=True))
    grad_padded = np.pad(np.zeros_like(input), border)
    for tap in np.ndindex(geometry.kernel_size):
        view(grad_padded)[(..., *tap)] += (shares[(..., *tap)] * grad_output).astype(input.dtype)
    return cropped(grad_padded, border)
