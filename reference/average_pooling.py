"""Average pooling (section 2.8).

    output[…, i, j] =   Σ    Σ    input[…, y, x] / divisor[i, j]
                      y in i x in j

A window is a row i of the output, which covers some rows y of the input, and a column j, which covers some columns x.
So windows are summed along one axis after the other. A window of `avg_pool2d` begins every `stride` cells and covers
`kernel_size` of them; window i of `adaptive_avg_pool2d` reaches from cell ⌊i·h/n⌋ to before cell ⌈(i + 1)·h/n⌉, for n
windows over h cells.

Axes: … image and channel, y x row and column of the input, i j row and column of the output. `reference.definition`
has the same in loops over single cells.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from reference.checks import Array, Size, affordable, array, flag, integer, same_dtype, shape, shown
from reference.geometry import PoolGeometry

Windows: TypeAlias = list[range]
"""The cells of every window along one axis."""


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def avg_pool2d(
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Average every window: input (n, c, h, w) or (c, h, w) -> (n, c, i, j), floating point, of the same dtype.

    Cells of the padding count as 0, or with `count_include_pad=False` not at all; what hangs over with `ceil_mode`
    never counts. `divisor_override` replaces the number of cells as the divisor. Raises the same errors as
    `max_pool2d`.

    >>> avg_pool2d(np.array([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    array([[[3.]]])
    """
    windows = _windows(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _averaged(input, *windows)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def avg_pool2d_backward(
    grad_output: Array,
    input: Array,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    """Return grad_input: each window's gradient, divided among its cells.

    >>> avg_pool2d_backward(np.array([[[4.0]]]), np.zeros((1, 2, 2)), 2)
    array([[[1., 1.],
            [1., 1.]]])
    """
    windows = _windows(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _divided(grad_output, input, *windows)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adaptive_avg_pool2d(input: Array, output_size: int | Sequence[int | None]) -> Array:
    """Average to a given size: input (n, c, h, w) or (c, h, w) -> (n, c, *output_size); None keeps a size.

    >>> adaptive_avg_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (1, 2))
    array([[[1.5, 2.5]]])
    """
    return _averaged(input, *_adaptive_windows(input, output_size))


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adaptive_avg_pool2d_backward(grad_output: Array, input: Array, output_size: int | Sequence[int | None]) -> Array:
    """Return grad_input: each window's gradient, divided among its cells.

    >>> adaptive_avg_pool2d_backward(np.array([[[2.0, 4.0]]]), np.zeros((1, 1, 3)), (1, 2))
    array([[[1., 3., 2.]]])
    """
    return _divided(grad_output, input, *_adaptive_windows(input, output_size))


def _windows(
    input: Array,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[Windows, Windows, Array]:
    """Return the rows and the columns of the windows, without padding, and what each window's sum is divided by."""
    _check(input)
    geometry = PoolGeometry.of(input.shape[-2:], kernel_size, stride, padding, 1, ceil_mode)
    real, padded = [], []
    for axis, size in enumerate(geometry.input_size):
        taps, stride, (pad, _) = geometry.kernel_size[axis], geometry.stride[axis], geometry.padding[axis]
        starts = range(-pad, geometry.output_size[axis] * stride - pad, stride)
        real.append([range(max(start, 0), min(start + taps, size)) for start in starts])
        padded.append([range(start, min(start + taps, size + pad)) for start in starts])
    if divisor_override is None:
        counted = padded if flag("count_include_pad", count_include_pad) else real
        return real[0], real[1], _sizes(counted[0], counted[1], input.dtype)
    divisor = integer("divisor_override", divisor_override)
    if divisor == 0:
        raise ValueError("divisor_override must not be 0")
    return real[0], real[1], np.array(divisor, input.dtype)


def _adaptive_windows(input: Array, output_size: int | Sequence[int | None]) -> tuple[Windows, Windows, Array]:
    """Return the same for windows that divide an input among themselves."""
    _check(input)
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(sizes) != 2:
        raise ValueError(f"output_size must be one or two numbers, got {shown(output_size)}")
    numbers = []
    for size, wanted in zip(input.shape[-2:], sizes, strict=True):
        keeps = wanted is None and isinstance(output_size, tuple | list)
        numbers.append(size if keeps else integer("output_size", wanted))
        if numbers[-1] < 1:
            raise ValueError(f"output_size must be at least 1, got {shown(output_size)}")
    affordable("output", (*input.shape[:-2], *numbers))
    windows = [
        [range(i * size // number, -(-(i + 1) * size // number)) for i in range(number)]
        for size, number in zip(input.shape[-2:], numbers, strict=True)
    ]
    return windows[0], windows[1], _sizes(windows[0], windows[1], input.dtype)


def _sizes(rows: Windows, columns: Windows, dtype: np.dtype) -> Array:
    """Return how many cells each window has."""
    return np.outer([*map(len, rows)], [*map(len, columns)]).astype(dtype)


def _averaged(input: Array, rows: Windows, columns: Windows, divisor: Array) -> Array:
    """Sum rows, which are contiguous, and then columns, which are slower but by then fewer; divide."""
    of_rows = np.zeros((*input.shape[:-2], len(rows), input.shape[-1]), input.dtype)
    for i, row in enumerate(rows):
        for y in row:
            of_rows[..., i, :] += input[..., y, :]
    sums = np.zeros((*input.shape[:-2], len(rows), len(columns)), input.dtype)
    for j, column in enumerate(columns):
        for x in column:
            sums[..., j] += of_rows[..., x]
    return sums / divisor


def _divided(grad_output: Array, input: Array, rows: Windows, columns: Windows, divisor: Array) -> Array:
    """Send a gradient back the way of `_averaged`, in the reverse order."""
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-2], len(rows), len(columns)))
    grad_sums = grad_output / divisor
    grad_of_rows = np.zeros((*input.shape[:-2], len(rows), input.shape[-1]), input.dtype)
    for j, column in enumerate(columns):
        for x in column:
            grad_of_rows[..., x] += grad_sums[..., j]
    grad_input = np.zeros_like(input)
    for i, row in enumerate(rows):
        grad_input[..., row.start : row.stop, :] += grad_of_rows[..., i : i + 1, :]
    return grad_input


def _check(input: Array) -> None:
    array("input", input)
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ValueError(f"input has shape {input.shape}, expected (n, c, h, w) or (c, h, w), none but n empty")
