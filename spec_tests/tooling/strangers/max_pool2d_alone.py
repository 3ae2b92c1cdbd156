"""A student's max pooling in plain loops, with indices and gradient."""

import numpy as np


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    best, index = _largest(input, kernel_size, stride, padding, dilation, ceil_mode)
    if not isinstance(return_indices, bool | np.bool_):
        raise TypeError(f"return_indices is {return_indices!r}")
    return (best, index) if return_indices else best


def max_pool2d_backward(
    grad_output, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    best, index = _largest(input, kernel_size, stride, padding, dilation, ceil_mode)
    if input.dtype.kind != "f" or grad_output.dtype != input.dtype:
        raise TypeError(f"no gradient of {input.dtype} from {grad_output.dtype}")
    if grad_output.shape != best.shape:
        raise ValueError(f"grad_output has shape {grad_output.shape}, the output {best.shape}")
    grad = np.zeros(input.shape, input.dtype)
    width = input.shape[-1]
    for place in np.ndindex(best.shape):
        cell = int(index[place])
        if cell >= 0:
            grad[(*place[:-2], cell // width, cell % width)] += grad_output[place]
    return grad


def _largest(input, kernel_size, stride, padding, dilation, ceil_mode):
    if not isinstance(input, np.ndarray) or input.dtype.name not in (
        "float32", "float64", "uint8", "int8", "int16", "int32", "int64",
    ):  # fmt: skip
        raise TypeError("an array of numbers is needed")
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        raise ValueError(f"input has shape {input.shape}")
    if not isinstance(ceil_mode, bool | np.bool_):
        raise TypeError(f"ceil_mode is {ceil_mode!r}")
    kernel, spread = pair("kernel_size", kernel_size, 1), pair("dilation", dilation, 1)
    step = kernel if stride is None else pair("stride", stride, 1)
    border = pair("padding", padding, 0)
    if any(2 * p > k for p, k in zip(border, kernel, strict=True)):
        raise ValueError(f"padding {border} is more than half of {kernel}")
    rows, columns = (
        count(n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip(input.shape[-2:], kernel, step, border, spread, strict=True)
    )
    height, width = input.shape[-2:]
    shape = (*input.shape[:-2], rows, columns)
    best, index = np.empty(shape, input.dtype), np.empty(shape, np.int64)
    for i in range(rows):
        for j in range(columns):
            top, left = i * step[0] - border[0], j * step[1] - border[1]
            ys = [top + y * spread[0] for y in range(kernel[0]) if 0 <= top + y * spread[0] < height]
            xs = [left + x * spread[1] for x in range(kernel[1]) if 0 <= left + x * spread[1] < width]
            if not ys or not xs:
                best[..., i, j] = -np.inf if input.dtype.kind == "f" else np.iinfo(input.dtype).min
                index[..., i, j] = -1
                continue
            best[..., i, j], index[..., i, j] = input[..., ys[0], xs[0]], ys[0] * width + xs[0]
            for y in ys:
                for x in xs:
                    cell = input[..., y, x]
                    wins = (cell > best[..., i, j]) | (cell != cell)
                    best[..., i, j] = np.where(wins, cell, best[..., i, j])
                    index[..., i, j] = np.where(wins, y * width + x, index[..., i, j])
    return best, index


def count(n, k, s, p, d, ceil_mode):
    free = n + 2 * p - d * (k - 1) - 1
    places = -(-free // s) + 1 if ceil_mode else free // s + 1
    if ceil_mode and (places - 1) * s >= n + p:
        places -= 1
    if places < 1:
        raise ValueError(f"a window of {k} does not fit into {n}")
    return places


def pair(name, value, least):
    both = tuple(value) if isinstance(value, tuple | list) else (value,)
    if any(isinstance(one, bool | np.bool_) or not isinstance(one, int | np.integer) for one in both):
        raise TypeError(f"{name} is {value!r}")
    if len(both) not in (1, 2) or min(both) < least:
        raise ValueError(f"{name} is {value!r}")
    return tuple(int(one) for one in both * (2 // len(both)))
