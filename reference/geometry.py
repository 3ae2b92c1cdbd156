"""How many windows there are, and where they lie (sections 2.1.1, 2.2 and 2.5).

A kernel of k taps, d cells apart, spans d·(k − 1) + 1 cells. Slid in steps of s over h cells with p more
before and after them, it fits in

    ⌊(h + 2p − d·(k − 1) − 1) / s⌋ + 1

places. (The formula of section 2.1.1 lacks the floor and the dilation d.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reference.checks import (
    FLOATS,
    INTEGERS,
    Array,
    Size,
    affordable,
    array,
    flag,
    integer,
    per_axis,
    same_dtype,
    shown,
)

Pair = tuple[int, int]


def conv_output_size(
    input_size: Size, kernel_size: Size, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> int | tuple[int, ...]:
    """Return the size of a convolution's output, in cells: a number for a number, a tuple for a tuple.

    `padding` may be "same" or "valid". Raises ValueError if the kernel does not fit (section 2.1.1).

    >>> conv_output_size(32, kernel_size=3, padding=1)
    32
    >>> conv_output_size((32, 31), kernel_size=3, stride=2)
    (15, 15)
    """
    sizes = _sizes(input_size)
    kernel = per_axis("kernel_size", kernel_size, len(sizes), least=1)
    steps = per_axis("stride", stride, len(sizes), least=1)
    spacing = per_axis("dilation", dilation, len(sizes), least=1)
    places = _places(sizes, kernel, steps, _conv_padding(padding, kernel, steps, spacing), spacing)
    return places if isinstance(input_size, tuple | list) else places[0]


def max_pool_output_size(
    input_size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> int | tuple[int, ...]:
    """Return the size of a pooling's output, in cells: a number for a number, a tuple for a tuple (section 2.2).

    With `ceil_mode` a last window may reach beyond the padded input, unless it would start in the padding after
    the input. Raises ValueError if no window fits.

    >>> max_pool_output_size(5, kernel_size=2), max_pool_output_size(5, kernel_size=2, ceil_mode=True)
    (2, 3)
    """
    sizes = _sizes(input_size)
    places = PoolGeometry.of(sizes, kernel_size, stride, padding, dilation, ceil_mode).output_size
    return places if isinstance(input_size, tuple | list) else places[0]


@dataclass(frozen=True)
class ConvGeometry:
    """The sizes and options of a convolution, checked, each with one entry for every spatial axis."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[Pair, ...]
    dilation: tuple[int, ...]
    groups: int
    output_size: tuple[int, ...]

    @classmethod
    def of(
        cls,
        input: Array,
        weight: Array,
        bias: Array | None,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
    ) -> "ConvGeometry":
        """Check a batched convolution: input (n, g·c, *size), weight (g·o, c, *kernel), bias (g·o,) or None."""
        groups = _check_channels(input, weight, bias, groups)
        rank = weight.ndim - 2
        kernel = weight.shape[2:]
        steps = per_axis("stride", stride, rank, least=1)
        spacing = per_axis("dilation", dilation, rank, least=1)
        pads = _conv_padding(padding, kernel, steps, spacing)
        if 0 in input.shape[1:]:
            raise ValueError(f"input has shape {input.shape}: only the batch may be empty")
        places = _places(input.shape[2:], kernel, steps, pads, spacing)
        affordable("output", (len(input), len(weight), *places))
        affordable("the matrix of all windows", (input.shape[1], *kernel, *places))
        return cls(input.shape[2:], kernel, steps, pads, spacing, groups, places)


@dataclass(frozen=True)
class PoolGeometry:
    """The sizes and options of a pooling, checked, each with one entry for every spatial axis."""

    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[Pair, ...]
    dilation: tuple[int, ...]
    output_size: tuple[int, ...]

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> "PoolGeometry":
        """Check a pooling over these spatial sizes; with `ceil_mode` the last window may reach beyond the padding."""
        rank = len(sizes)
        kernel = per_axis("kernel_size", kernel_size, rank, least=1)
        steps = kernel if stride is None else per_axis("stride", stride, rank, least=1)
        spacing = per_axis("dilation", dilation, rank, least=1)
        pads = per_axis("padding", padding, rank, least=0)
        if any(p > k // 2 for p, k in zip(pads, kernel, strict=True)):
            raise ValueError(f"padding must be at most half of kernel_size {kernel}, got {pads}")
        pairs = tuple((p, p) for p in pads)
        overhang = [s - 1 if flag("ceil_mode", ceil_mode) else 0 for s in steps]
        reach = [(p, p + more) for p, more in zip(pads, overhang, strict=True)]
        places = _places(sizes, kernel, steps, reach, spacing)
        late = [(n - 1) * s >= h + p for n, s, h, p in zip(places, steps, sizes, pads, strict=True)]  # in the padding
        places = tuple(n - 1 if beyond else n for n, beyond in zip(places, late, strict=True))
        return cls(tuple(sizes), kernel, steps, pairs, spacing, places)


def _places(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[Pair],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """Count the places along each axis: the formula at the top of this file."""
    padded = tuple(size + before + after for size, (before, after) in zip(sizes, padding, strict=True))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if any(span > size for span, size in zip(spans, padded, strict=True)):
        raise ValueError(f"kernel_size {tuple(kernel)} spans {spans} cells, the padded input has only {padded}")
    return tuple((size - span) // s + 1 for size, span, s in zip(padded, spans, stride, strict=True))


def _conv_padding(
    padding: Size | str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Pair, ...]:
    """Return (before, after) for each axis; of an odd total, "same" puts the odd cell after."""
    if isinstance(padding, str) and padding == "valid":
        return ((0, 0),) * len(kernel)
    if isinstance(padding, str) and padding == "same":
        if set(stride) != {1}:
            raise ValueError(f"padding 'same' needs stride 1, got {tuple(stride)}")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise ValueError(f"padding must be 'same', 'valid' or whole numbers, got {shown(padding)}")
    return tuple((p, p) for p in per_axis("padding", padding, len(kernel), least=0))


def _check_channels(input: Array, weight: Array, bias: Array | None, groups: int) -> int:
    """Require channels that fit together, and return the number of groups."""
    for name, value in (("input", input), ("weight", weight), ("bias", bias)):
        if value is not None:
            array(name, value, FLOATS | INTEGERS)
    same_dtype(input=input, weight=weight, bias=bias)
    if weight.ndim < 3 or input.ndim != weight.ndim:
        raise ValueError(f"input has {input.ndim} axes and weight {weight.ndim}, expected the same number, at least 3")
    if 0 in weight.shape:
        raise ValueError(f"weight must not be empty, got shape {weight.shape}")
    groups = integer("groups", groups)
    if groups < 1:
        raise ValueError(f"groups must be at least 1, got {groups}")
    if weight.shape[0] % groups:
        raise ValueError(f"weight has {weight.shape[0]} output channels, which {groups} groups do not divide")
    if input.shape[1] != weight.shape[1] * groups:
        raise ValueError(
            f"weight has {weight.shape[1]} input channels per group, "
            f"input has {input.shape[1]} channels in {groups} groups"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias has shape {bias.shape}, expected {weight.shape[:1]}")
    return groups


def _sizes(input_size: Size) -> tuple[int, ...]:
    rank = len(input_size) if isinstance(input_size, tuple | list) else 1
    if rank == 0:
        raise ValueError("input_size must have at least one number, got none")
    return per_axis("input_size", input_size, rank, least=1)
