"""Padding: every padded cell is a copy of one input cell, or a constant.

Along an axis of h cells, the padded cell at place t (counted from the first input cell, so negative to
its left) holds

    constant    x[t] inside, `value` outside
    reflect     x mirrored at the border cells, which are not repeated themselves
    replicate   x[min(max(t, 0), h − 1)], the nearest border cell
    circular    x[t mod h]

so a cell's gradient is the sum of the gradients of its copies. These are the
padding modes of `torch.nn.Conv2d` (section 2.1); its "zeros" is "constant" with value 0.
"""

from collections.abc import Sequence

import numpy as np

from reference.checks import (
    FLOATS,
    INTEGERS,
    Array,
    affordable,
    array,
    integer,
    number,
    one_of,
    real,
    same_dtype,
    shape,
    shown,
)

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Array:
    """Pad the last axes of `input`; `pad` lists (before, after) from the last axis backwards, as in torch.

    Returns a new array of the input's dtype. In mode "constant" a negative number crops.
    Raises ValueError if a mode has no cell to copy: reflect needs pad < size, circular pad <= size.

    >>> pad(np.array([[1.0, 2.0, 3.0]]), (2, 1), "reflect")
    array([[3., 2., 1., 2., 3., 2.]])
    >>> pad(np.array([1.0, 2.0, 3.0]), (-1, 2), value=9)
    array([2., 3., 9., 9.])
    """
    pairs = _pairs(input, pad, mode, value)
    if mode == "constant":
        output = np.full(_padded_shape(input, pairs), _fill(input, 0 if value is None else value), input.dtype)
        output[_kept(pairs)] = input[_kept(_negated(pairs))]
        return output
    _padded_shape(input, pairs)
    for axis, pair in pairs.items():
        input = np.take(input, _sources(mode, input.shape[axis], pair), axis)
    return input


def pad_backward(
    grad_output: Array, input: Array, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Array:
    """Return grad_input, shaped like `input`: each cell receives the sum of the gradients of its copies.

    >>> pad_backward(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[5.0, 6.0]]), (1, 1), "replicate")
    array([[3., 7.]])
    """
    pairs = _pairs(input, pad, mode, value)
    array("grad_output", grad_output, FLOATS)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, _padded_shape(input, pairs))
    if mode == "constant":
        grad_input = np.zeros_like(input)
        grad_input[_kept(_negated(pairs))] = grad_output[_kept(pairs)]
        return grad_input
    for axis, pair in reversed(pairs.items()):
        size = input.shape[axis]
        gathered = np.zeros((size, *np.delete(grad_output.shape, axis)), grad_output.dtype)
        np.add.at(gathered, _sources(mode, size, pair), np.moveaxis(grad_output, axis, 0))
        grad_output = np.moveaxis(gathered, 0, axis)
    return grad_output


Pairs = dict[int, tuple[int, int]]


def _pairs(input: Array, pad: Sequence[int], mode: str, value: float | None) -> Pairs:
    """Check the arguments and return (before, after) for every axis of the input, from the first on."""
    array("input", input, FLOATS | INTEGERS)
    one_of("mode", mode, MODES)
    if mode != "constant" and value is not None:
        raise ValueError(f"value is for mode 'constant' only, got {shown(value)} with mode {mode!r}")
    if value is not None:
        _fill(input, value)
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad must be a tuple or list of whole numbers, got {shown(pad)}")
    numbers = [integer("pad", p) for p in pad]
    if len(numbers) % 2 or len(numbers) > 2 * input.ndim:
        raise ValueError(f"pad must hold 2 numbers for each of at most {input.ndim} axes, got {len(numbers)}")
    given = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    untouched = input.ndim - len(given)
    pairs = dict(enumerate([(0, 0)] * untouched + given))
    if mode != "constant" and not (1 <= len(given) <= 3 and untouched in (1, 2)):
        raise ValueError(f"mode {mode!r} pads 1 to 3 axes after 1 or 2 others, got {len(given)} after {untouched}")
    for axis, pair in pairs.items():
        _check_reach(mode, axis, input.shape[axis], pair)
    if mode in ("reflect", "replicate") and 0 in input.shape[untouched - 1 :]:
        raise ValueError(f"input has shape {input.shape}: mode {mode!r} takes no empty axis but the batch")
    return pairs


def _fill(input: Array, value: float) -> float:
    """Require a number that the input's dtype can hold; integers drop its fractional part, as in torch."""
    floats = input.dtype.name in FLOATS
    filled = real("value", value) if floats else number("value", value)
    largest = float(np.finfo(input.dtype).max) if floats else int(np.iinfo(input.dtype).max)
    smallest = -largest if floats else int(np.iinfo(input.dtype).min)
    infinite = floats and not np.isfinite(filled)
    if not (infinite or smallest <= filled <= largest):
        raise ValueError(f"value {shown(value)} is beyond what dtype {input.dtype} can hold")
    return filled


def _check_reach(mode: str, axis: int, size: int, pair: tuple[int, int]) -> None:
    farthest = {"constant": None, "reflect": size - 1, "replicate": None, "circular": size}[mode]
    if farthest is not None and max(pair) > max(farthest, 0):
        raise ValueError(f"pad {pair} at axis {axis} is more than mode {mode!r} can copy from {size} cells")
    if min(pair) < 0 and (mode != "constant" or size + sum(pair) < 0 or min(pair) < -size):
        raise ValueError(f"pad {pair} at axis {axis} crops more than mode {mode!r} allows of {size} cells")


def _padded_shape(input: Array, pairs: Pairs) -> tuple[int, ...]:
    shape = tuple(size + sum(pair) for size, pair in zip(input.shape, pairs.values(), strict=True))
    return affordable("the padded input", shape)


def _kept(pairs: Pairs) -> tuple[slice, ...]:
    """Return where the input lies in the padded array; with the numbers negated, what of the input is kept."""
    return tuple(slice(max(before, 0), -max(after, 0) or None) for before, after in pairs.values())


def _negated(pairs: Pairs) -> Pairs:
    return {axis: (-before, -after) for axis, (before, after) in pairs.items()}


def _sources(mode: str, size: int, pair: tuple[int, int]) -> Array:
    """Return, for each padded cell of an axis, the input cell that it copies."""
    place = np.arange(-pair[0], size + pair[1])
    if mode == "replicate":
        return np.clip(place, 0, size - 1)
    if mode == "circular":
        return place % size
    return size - 1 - abs(size - 1 - abs(place))  # back and forth: 2 1 0 1 2 … at either end
