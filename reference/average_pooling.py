"""Average pooling (section 2.8).

    output[…, i, j] =   Σ    Σ    input[…, y, x] / divisor[i, j]
                      y in i x in j

A window is a row i of the output, which holds some rows y of the input, and a column j, which holds some columns x; so
windows are added up along one axis after the other. A window of `avg_pool2d` begins every `stride` cells and holds
`kernel_size` of them; of `adaptive_avg_pool2d` window i reaches from ⌊i·h/n⌋ to before ⌈(i + 1)·h/n⌉, n windows in all.

Axes: … image and channel, h y row, w x column in the input, i j in the output.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from reference.checks import Array, Size, array, flag, integer, same_dtype, shape
from reference.geometry import PoolGeometry

Span: TypeAlias = tuple[Array, Array]
"""Along one axis, the first cell of every window, and the cell behind its last."""


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

    Cells of the padding count as 0, or with `count_include_pad=False` not at all; the overhang of `ceil_mode` never
    counts. `divisor_override` divides by itself instead of by the number of cells. Raises as `max_pool2d`.

    >>> avg_pool2d(np.array([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    array([[[3.]]])
    """
    rows, columns, divisor = _windows(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return _added_up(_added_up(input, rows, -2), columns, -1) / divisor


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
    """Return grad_input: each window's gradient, shared out among its cells.

    >>> avg_pool2d_backward(np.array([[[4.0]]]), np.zeros((1, 2, 2)), 2)
    array([[[1., 1.],
            [1., 1.]]])
    """
    windows = _windows(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _shared_out(grad_output, input, *windows)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adaptive_avg_pool2d(input: Array, output_size: int | Sequence[int | None]) -> Array:
    """Average to a given size: input (n, c, h, w) or (c, h, w) -> (n, c, *output_size); None keeps a size.

    >>> adaptive_avg_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (1, 2))
    array([[[1.5, 2.5]]])
    """
    rows, columns = _adaptive_windows(input, output_size)
    return _added_up(_added_up(input, rows, -2), columns, -1) / _cells(rows, columns, input.dtype)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adaptive_avg_pool2d_backward(grad_output: Array, input: Array, output_size: int | Sequence[int | None]) -> Array:
    """Return grad_input: each window's gradient, shared out among its cells.

    >>> adaptive_avg_pool2d_backward(np.array([[[2.0, 4.0]]]), np.zeros((1, 1, 3)), (1, 2))
    array([[[1., 3., 2.]]])
    """
    rows, columns = _adaptive_windows(input, output_size)
    return _shared_out(grad_output, input, rows, columns, _cells(rows, columns, input.dtype))


def _windows(
    input: Array,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[Span, Span, Array]:
    """Return which rows and columns belong to each window, and what its sum is divided by."""
    _check(input)
    geometry = PoolGeometry.of(input.shape[-2:], kernel_size, stride, padding, 1, ceil_mode)
    held, padded = [], []
    for axis, size in enumerate(input.shape[-2:]):
        pad = geometry.padding[axis][0]
        first = np.arange(geometry.output_size[axis]) * geometry.stride[axis] - pad
        end = first + geometry.kernel_size[axis]
        held.append((np.maximum(first, 0), np.minimum(end, size)))
        padded.append((first, np.minimum(end, size + pad)))
    if divisor_override is not None:
        if integer("divisor_override", divisor_override) == 0:
            raise ValueError("divisor_override must not be 0")
        return held[0], held[1], np.array(divisor_override, input.dtype)
    counted = padded if flag("count_include_pad", count_include_pad) else held
    return held[0], held[1], _cells(counted[0], counted[1], input.dtype)


def _adaptive_windows(input: Array, output_size: int | Sequence[int | None]) -> tuple[Span, Span]:
    _check(input)
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(sizes) != 2:
        raise ValueError(f"output_size must be one or two numbers, got {output_size}")
    spans = []
    for size, wanted in zip(input.shape[-2:], sizes, strict=True):
        keeps = wanted is None and isinstance(output_size, tuple | list)
        number = size if keeps else integer("output_size", wanted)
        if number < 1:
            raise ValueError(f"output_size must be at least 1, got {output_size}")
        i = np.arange(number)
        spans.append((i * size // number, -(-(i + 1) * size // number)))
    return spans[0], spans[1]


def _added_up(x: Array, windows: Span, axis: int) -> Array:
    """Return the sums of the windows along an axis."""
    ends = np.stack(windows, axis=1).ravel()  # between every two lies a window, or a gap to be left out
    with_one_more = np.concatenate([x, np.zeros_like(x.take([0], axis))], axis)  # an end may lie behind the last cell
    return np.add.reduceat(with_one_more, ends, axis, dtype=x.dtype).take(range(0, len(ends), 2), axis)


def _shared_out(grad_output: Array, input: Array, rows: Span, columns: Span, divisor: Array) -> Array:
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, (*input.shape[:-2], len(rows[0]), len(columns[0])))
    shares = grad_output / divisor
    of_rows = np.zeros((*input.shape[:-1], len(columns[0])), input.dtype)
    for i, (first, end) in enumerate(zip(*rows, strict=True)):
        of_rows[..., first:end, :] += shares[..., i : i + 1, :]
    grad_input = np.zeros_like(input)
    for j, (first, end) in enumerate(zip(*columns, strict=True)):
        grad_input[..., first:end] += of_rows[..., j : j + 1]
    return grad_input


def _cells(rows: Span, columns: Span, dtype: np.dtype) -> Array:
    """Return how many cells each window holds."""
    return np.outer(rows[1] - rows[0], columns[1] - columns[0]).astype(dtype)


def _check(input: Array) -> None:
    array("input", input)
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ValueError(f"input has shape {input.shape}, expected (n, c, h, w) or (c, h, w), none but n empty")
