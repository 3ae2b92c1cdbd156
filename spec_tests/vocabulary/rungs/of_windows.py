"""The cases of convolutions, poolings and pad."""

from collections.abc import Callable
from functools import partial
from typing import Any

from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.rungs.making import case, different, without_zeros

Ladder = dict[str, list[Problem]]


def _sizes(rank: int, size: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the same size along every axis, or the first of several."""
    return (size,) * rank if isinstance(size, int) else size[:rank]


def _convolution(rank: int) -> Ladder:
    name = f"conv{rank}d"

    def conv(
        channels: tuple[int, int, int], size: int | tuple[int, ...], kernel: int | tuple[int, ...], **options: Any
    ) -> Problem:
        """Images and channels in and out, all sizes; without a batch, if there are no images."""
        images, ins, outs = channels
        bias = (outs,) if options.pop("bias", False) else None
        shape = ((images,) if images else ()) + (ins, *_sizes(rank, size))
        weight = (outs, ins // options.get("groups", 1), *_sizes(rank, kernel))
        return case(name, options, without_zeros, input=shape, weight=weight, bias=bias)

    one, more, uneven = (1, 1, 1), (2, 2, 3), ((4, 5, 3), (3, 2, 2))

    def each(*numbers: int) -> tuple[int, ...]:
        return numbers[-rank:]

    return {
        "plain": [
            conv(one, 2, 1),
            conv(one, 2, 2),
            conv(one, 3, 2),
            conv((1, 2, 1), 2, 2),
            conv((1, 1, 2), 2, 2),
            conv((2, 1, 1), 2, 2),
            conv(more, *uneven),
        ],
        "bias": [conv(one, 1, 1, bias=True), conv((1, 1, 2), 2, 1, bias=True), conv(more, *uneven, bias=True)],
        "stride": [
            conv(one, 3, 1, stride=2),
            conv(one, 4, 2, stride=2),
            conv(one, 5, 2, stride=2),
            conv(more, *uneven, stride=3, bias=True),
        ],
        "padding": [
            conv(one, 1, 1, padding=1),
            conv(one, 2, 3, padding=1),
            conv(one, 2, 2, padding=2),
            conv(more, *uneven, padding=1, stride=2, bias=True),
        ],
        "dilation": [
            conv(one, 3, 2, dilation=2),
            conv(one, 4, 2, dilation=2),
            conv(one, 5, 3, dilation=2),
            conv(one, 4, 2, dilation=3),
            conv(more, *uneven, dilation=2, padding=2, stride=2, bias=True),
        ],
        "groups": [
            conv((1, 2, 2), 1, 1, groups=2),
            conv((1, 4, 4), 2, 2, groups=2),
            conv((2, 6, 3), *uneven, groups=3, dilation=2, padding=2, stride=2, bias=True),
        ],
        "one for each axis": [
            conv(one, (3, 4, 5), 2, stride=each(1, 2, 3)),
            conv(one, (3, 4, 5), 2, padding=each(1, 0, 2)),
            conv(one, (5, 4, 6), 2, dilation=each(2, 1, 3)),
            conv((2, 4, 2), *uneven, stride=each(1, 2, 1), padding=each(2, 2, 3), dilation=each(1, 3, 2), groups=2),
        ],
        "padding in words": [
            conv(one, 2, 2, padding="valid"),
            conv(one, 2, 3, padding="same"),
            conv(one, 2, 2, padding="same"),
            conv(one, 3, 2, padding="same", dilation=3),
            conv(more, *uneven, padding="same", dilation=2, bias=True),
        ],
        "without a batch": [conv((0, 1, 1), 2, 2), conv((0, 2, 3), *uneven, padding=1, stride=2, bias=True)],
    }


def _max_pooling(rank: int) -> Ladder:
    name = f"max_pool{rank}d"

    def pool(leading: tuple[int, ...], size: int | tuple[int, ...], kernel: Any, **options: Any) -> Problem:
        shape = (*leading, *_sizes(rank, size))
        kernel = kernel if isinstance(kernel, int) else kernel[-rank:]
        return case(name, {"kernel_size": kernel, **options}, different, input=shape)

    one, more, uneven = (1, 1), (2, 3), (5, 6, 4)

    def each(*numbers: int) -> tuple[int, ...]:
        return numbers[-rank:]

    return {
        "plain": [pool(one, 2, 2), pool(one, 4, 2), pool(one, 5, 2), pool(one, 3, 3), pool(more, uneven, 2)],
        "stride": [pool(one, 3, 2, stride=1), pool(one, 3, 1, stride=2), pool(more, uneven, 2, stride=3)],
        "padding": [
            pool(one, 2, 2, padding=1),
            pool(one, 3, 3, padding=1),
            pool(more, uneven, 3, padding=1, stride=2),
        ],
        "dilation": [
            pool(one, 3, 2, dilation=2),
            pool(one, 4, 2, dilation=3),
            pool(more, (7, 6, 5), 3, dilation=2, padding=1, stride=1),
        ],
        "ceil_mode": [
            pool(one, 3, 2, ceil_mode=True),
            pool(one, 4, 2, ceil_mode=True),
            pool(one, 2, 2, ceil_mode=True, padding=1, stride=3),
            pool(more, uneven, 2, ceil_mode=True, stride=3),
        ],
        "one for each axis": [
            pool(one, (3, 4, 5), each(2, 1, 3)),
            pool(one, (3, 4, 5), 2, stride=each(1, 2, 3)),
            pool(one, (3, 4, 5), 2, padding=each(1, 0, 1)),
            pool(more, (7, 6, 5), each(2, 2, 3), dilation=each(2, 1, 2), padding=each(0, 1, 1), stride=each(2, 1, 2)),
        ],
        "without a batch": [pool((1,), 2, 2), pool((3,), uneven, 2, padding=1, stride=3)],
    }


def _average_pooling() -> Ladder:
    def pool(leading: tuple[int, ...], size: tuple[int, int], kernel: Any, **options: Any) -> Problem:
        return case("avg_pool2d", {"kernel_size": kernel, **options}, without_zeros, input=(*leading, *size))

    one, more = (1, 1), (2, 3)
    return {
        "plain": [pool(one, (2, 2), 2), pool(one, (4, 4), 2), pool(one, (3, 3), 2), pool(more, (4, 5), 2)],
        "stride": [pool(one, (3, 3), 2, stride=1), pool(one, (3, 3), 1, stride=2), pool(more, (5, 6), 2, stride=3)],
        "padding": [pool(one, (2, 2), 2, padding=1), pool(more, (5, 4), 3, padding=1, stride=2)],
        "count_include_pad": [
            pool(one, (2, 2), 2, padding=1, count_include_pad=False),
            pool(more, (5, 4), 3, padding=1, stride=2, count_include_pad=False),
        ],
        "divisor_override": [
            pool(one, (2, 2), 2, divisor_override=3),
            pool(more, (5, 4), 3, padding=1, count_include_pad=False, divisor_override=2),
        ],
        "ceil_mode": [
            pool(one, (3, 3), 2, ceil_mode=True),
            pool(one, (2, 2), 2, ceil_mode=True, padding=1, stride=3),
            pool(one, (3, 3), 2, ceil_mode=True, padding=1, count_include_pad=False),
            pool(more, (5, 6), 3, ceil_mode=True, padding=1, stride=3),
        ],
        "one for each axis": [
            pool(one, (3, 4), (2, 1)),
            pool(one, (3, 4), 2, stride=(1, 2)),
            pool(one, (3, 4), 2, padding=(0, 1)),
        ],
        "without a batch": [pool((1,), (2, 2), 2), pool((3,), (5, 4), 2, padding=1, stride=1)],
    }


def _adaptive_pooling() -> Ladder:
    def pool(shape: tuple[int, ...], size: Any) -> Problem:
        return case("adaptive_avg_pool2d", {"output_size": size}, without_zeros, input=shape)

    return {
        "plain": [pool((1, 1, 2, 2), 1), pool((1, 1, 4, 4), 2), pool((2, 3, 6, 3), 3)],
        "windows that overlap": [pool((1, 1, 3, 3), 2), pool((1, 1, 2, 2), 3), pool((2, 3, 5, 7), 3)],
        "one for each axis": [pool((1, 1, 2, 2), (1, 2)), pool((1, 1, 2, 3), (None, 1)), pool((2, 3, 5, 7), (4, 3))],
        "without a batch": [pool((1, 2, 2), 1), pool((3, 5, 7), 3)],
    }


def _padding() -> Ladder:
    def pad(shape: tuple[int, ...], cells: tuple[int, ...], mode: str = "constant", value: float | None = None) -> Any:
        return case("pad", {"pad": cells, "mode": mode, "value": value}, without_zeros, input=shape)

    def of_mode(mode: str) -> list[Problem]:
        return [
            pad((1, 1, 3), (1, 0), mode),
            pad((1, 1, 3), (0, 2), mode),
            pad((1, 1, 3, 3), (1, 1, 1, 1), mode),
            pad((2, 3, 4, 3), (2, 1, 0, 3), mode),
        ]

    return {
        "plain": [pad((1, 2), (1, 0)), pad((1, 2), (0, 1)), pad((1, 2, 2), (0, 0, 1, 0)), pad((2, 3, 2), (1, 2, 3, 0))],
        "a value": [pad((1, 2), (1, 0), value=5.0), pad((2, 3, 2), (1, 2, 3, 0), value=-2.0)],
        **{mode: of_mode(mode) for mode in ("reflect", "replicate", "circular")},
    }


LADDERS: dict[str, Callable[[], Ladder]] = {
    **{f"conv{rank}d": partial(_convolution, rank) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d": partial(_max_pooling, rank) for rank in (1, 2, 3)},
    "avg_pool2d": _average_pooling,
    "adaptive_avg_pool2d": _adaptive_pooling,
    "pad": _padding,
}
"""By operation, the cases of each rung."""
