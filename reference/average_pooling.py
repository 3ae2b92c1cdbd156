"""Average pooling (section 2.8).

    output[…, i, j] = Σ rows[i, y] · columns[j, x] · input[…, y, x] / divisor[i, j]
                     y,x

Rows and columns are matrices of 0 and 1 that say which cells a window holds, so a pooling is two matrix products, and
its gradient the same with the matrices transposed. A window of `avg_pool2d` begins every `stride` cells and holds
`kernel_size` of them; of `adaptive_avg_pool2d` window i reaches from ⌊i·h/n⌋ to before ⌈(i + 1)·h/n⌉, n windows in all.

Axes: … image and channel, h y row, w x column in the input, i j in the output.
"""

from collections.abc import Sequence

import numpy as np

from reference.checks import Array, Size, array, flag, integer, same_dtype, shape
from reference.geometry import PoolGeometry


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

    Cells of the padding count as 0, or with `count_include_pad=False` not at all; the overhang of `ceil_mode` never
    counts. `divisor_override` divides by itself instead of by the number of cells. Raises as `max_pool2d`.

    >>> avg_pool2d(np.array([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    array([[[3.]]])
    """
    rows, columns, divisor = _windows(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return rows @ input @ columns.T / divisor


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
    """Return grad_input: each window's gradient, shared out among its cells.

    >>> avg_pool2d_backward(np.array([[[4.0]]]), np.zeros((1, 2, 2)), 2)
    array([[[1., 1.],
            [1., 1.]]])
    """
    rows, columns, divisor = _windows(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return _shared_out(grad_output, input, rows, columns, divisor)


def adaptive_avg_pool2d(input: Array, output_size: int | Sequence[int | None] | None) -> Array:
    """Average to a given size: input (n, c, h, w) or (c, h, w) -> (n, c, *output_size); None keeps a size.

    >>> adaptive_avg_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (1, 2))
    array([[[1.5, 2.5]]])
    """
    rows, columns = _adaptive_windows(input, output_size)
    return rows @ input @ columns.T / _cells(rows, columns)


def adaptive_avg_pool2d_backward(
    grad_output: Array, input: Array, output_size: int | Sequence[int | None] | None
) -> Array:
    """Return grad_input: each window's gradient, shared out among its cells.

    >>> adaptive_avg_pool2d_backward(np.array([[[2.0, 4.0]]]), np.zeros((1, 1, 3)), (1, 2))
    array([[[1., 3., 2.]]])
    """
    rows, columns = _adaptive_windows(input, output_size)
    return _shared_out(grad_output, input, rows, columns, _cells(rows, columns))


def _windows(
    input: Array,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[Array, Array, Array]:
    """Return which rows and columns belong to each window, and what its sum is divided by."""
    _check(input)
    geometry = PoolGeometry.of(input.shape[-2:], kernel_size, stride, padding, 1, ceil_mode)
    held, counted = [], []
    for axis in range(2):
        size, kernel, pad = input.shape[-2 + axis], geometry.kernel_size[axis], geometry.padding[axis][0]
        first = np.arange(geometry.output_size[axis]) * geometry.stride[axis] - pad
        held.append(_belonging(first, first + kernel, size, input.dtype))
        counted.append(np.minimum(first + kernel, size + pad) - first)
    if divisor_override is not None:
        if integer("divisor_override", divisor_override) == 0:
            raise ValueError("divisor_override must not be 0")
        return held[0], held[1], np.array(divisor_override, input.dtype)
    if flag("count_include_pad", count_include_pad):
        return held[0], held[1], np.outer(*counted).astype(input.dtype)
    return held[0], held[1], _cells(*held)


def _adaptive_windows(input: Array, output_size: int | Sequence[int | None] | None) -> tuple[Array, Array]:
    _check(input)
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"output_size must be one or two numbers, got {output_size}")
    held = []
    for size, wanted in zip(input.shape[-2:], (sizes[0], sizes[-1]), strict=True):
        number = size if wanted is None else integer("output_size", wanted)
        if number < 1:
            raise ValueError(f"output_size must be at least 1, got {output_size}")
        i = np.arange(number)
        held.append(_belonging(i * size // number, -(-(i + 1) * size // number), size, input.dtype))
    return held[0], held[1]


def _belonging(first: Array, end: Array, size: int, dtype: np.dtype) -> Array:
    """Return the matrix (windows, cells) that is 1 where a cell lies from `first` to before `end`."""
    cell = np.arange(size)
    return ((first[:, np.newaxis] <= cell) & (cell < end[:, np.newaxis])).astype(dtype)


def _cells(rows: Array, columns: Array) -> Array:
    """Return how many cells of the input each window holds."""
    return np.outer(rows.sum(axis=1), columns.sum(axis=1))


def _shared_out(grad_output: Array, input: Array, rows: Array, columns: Array, divisor: Array) -> Array:
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-2], len(rows), len(columns)))
    return rows.T @ (grad_output / divisor) @ columns


def _check(input: Array) -> None:
    array("input", input)
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ValueError(f"input has shape {input.shape}, expected (n, c, h, w) or (c, h, w), none but n empty")
