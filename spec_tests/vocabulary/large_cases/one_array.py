"""Large cases of what takes a single array: flatten, padding, activations, poolings."""

from collections.abc import Mapping
from typing import Any

import reference
from spec_tests.vocabulary.large_cases.case import Cases, LargeCase, Shape, one_array

FLATTEN: Cases = {
    "129 images of 17 channels": one_array("flatten", (129, 17, 3), {"start_dim": 1, "end_dim": -1}, out=(129, 51)),
    "513 features": one_array("flatten", (3, 19, 27), {"start_dim": 1, "end_dim": 2}, out=(3, 513)),
}

_PADDED: dict[str, tuple[Shape, tuple[int, ...], str]] = {
    "17 channels": ((2, 17, 3, 4), (1, 1, 1, 1), "constant"),
    "65 channels, reflected": ((1, 65, 3, 4), (2, 1, 1, 2), "reflect"),
    "129 channels, replicated": ((1, 129, 2, 3), (1, 0, 2, 1), "replicate"),
    "rows of 1025, circular": ((2, 3, 1025), (17, 33), "circular"),
    "129 images": ((129, 2, 3), (1, 2), "constant"),
}


def _pad(shape: Shape, pad: tuple[int, ...], mode: str) -> LargeCase:
    pairs = [(0, 0)] * (len(shape) - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    padded = tuple(h + before + after for h, (before, after) in zip(shape, pairs, strict=True))
    value = -3.0 if mode == "constant" else None
    return one_array("pad", shape, {"pad": pad, "mode": mode, "value": value}, out=padded)


PAD: Cases = {name: _pad(*case) for name, case in _PADDED.items()}


def _elementwise(operation: str, exact: bool) -> Cases:
    shapes: dict[str, Shape] = {
        "7 numbers": (7,),
        "17 numbers": (17,),
        "33 by 31 numbers": (33, 31),
        "2 by 65 by 9 numbers": (2, 65, 9),
        "513 numbers": (513,),
        "129 rows of 1025": (129, 1025),
    }
    return {name: one_array(operation, shape, {}, exact) for name, shape in shapes.items()}


RELU, SIGMOID, TANH = _elementwise("relu", True), _elementwise("sigmoid", False), _elementwise("tanh", False)


def _along_an_axis(operation: str) -> Cases:
    shapes: dict[str, tuple[Shape, int]] = {
        "7 entries": ((3, 7), 1),
        "9 entries": ((9,), 0),
        "17 entries": ((5, 17), -1),
        "17 entries, further axes": ((2, 17, 3), 1),
        "31 entries, columns": ((31, 33), 0),
        "65 entries": ((2, 65), 1),
        "129 entries": ((2, 129), -1),
        "513 entries": ((3, 513), 1),
        "1024 entries": ((2, 1024), -1),
        "1025 entries": ((2, 1025), 1),
        "1025 entries, further axes": ((1, 1025, 2), 1),
        "2049 entries": ((1, 2049), -1),
        "769 rows": ((769, 10), 1),
    }
    return {name: one_array(operation, shape, {"dim": dim}, False) for name, (shape, dim) in shapes.items()}


SOFTMAX, LOG_SOFTMAX = _along_an_axis("softmax"), _along_an_axis("log_softmax")


# Pooling


def _pool(
    operation: str, shape: Shape, kernel: int, stride: int, padding: int = 0, exact: bool = True, **more: Any
) -> LargeCase:
    size = shape[2:]
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": False, **more}
    out: Any = reference.max_pool_output_size(size, kernel, stride, padding)
    return one_array(operation, shape, options, exact, out=(*shape[:2], *out))


MAX_POOLS: Mapping[int, Cases] = {
    1: {
        "17 channels": _pool("max_pool1d", (2, 17, 9), 3, 2, 1, dilation=1),
        "rows of 1025": _pool("max_pool1d", (1, 3, 1025), 2, 2, dilation=1),
    },
    2: {
        "9 channels": _pool("max_pool2d", (2, 9, 4, 5), 2, 2, dilation=1),
        "17 channels": _pool("max_pool2d", (1, 17, 5, 6), 3, 2, 1, dilation=1),
        "65 channels": _pool("max_pool2d", (1, 65, 4, 3), 3, 1, 1, dilation=1),
        "513 channels": _pool("max_pool2d", (1, 513, 3, 3), 3, 2, 1, dilation=1),
        "rows of 1025": _pool("max_pool2d", (1, 1, 2, 1025), 2, 2, dilation=1),
        "129 images": _pool("max_pool2d", (129, 2, 4, 2), 2, 2, dilation=1),
    },
    3: {
        "17 channels": _pool("max_pool3d", (1, 17, 3, 4, 3), 2, 2, dilation=1),
        "65 channels": _pool("max_pool3d", (1, 65, 3, 2, 3), 3, 2, 1, dilation=1),
        "129 channels": _pool("max_pool3d", (1, 129, 2, 3, 2), 2, 1, dilation=1),
    },
}

_MORE: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}
AVG_POOL: Cases = {
    "9 channels": _pool("avg_pool2d", (2, 9, 4, 5), 2, 2, **_MORE),
    "17 channels": _pool("avg_pool2d", (1, 17, 5, 6), 4, 2, 1, **_MORE),
    "65 channels, kernel 3": _pool("avg_pool2d", (1, 65, 4, 3), 3, 1, 1, exact=False, **_MORE),
    "513 channels": _pool("avg_pool2d", (1, 513, 4, 4), 4, 4, **_MORE),
    "33 channels, kernel 7": _pool("avg_pool2d", (1, 33, 7, 7), 7, 7, exact=False, **_MORE),
    "one window of 32 by 32": _pool("avg_pool2d", (1, 3, 32, 32), 32, 32, **_MORE),
    "rows of 1025": _pool("avg_pool2d", (1, 1, 2, 1025), 2, 2, **_MORE),
    "129 images": _pool("avg_pool2d", (129, 2, 4, 2), 2, 2, **_MORE),
}


def _adaptive(shape: Shape, output_size: int, exact: bool = True) -> LargeCase:
    out = (*shape[:2], output_size, output_size)
    return one_array("adaptive_avg_pool2d", shape, {"output_size": output_size}, exact, out=out)


ADAPTIVE_AVG_POOL: Cases = {
    "9 channels": _adaptive((2, 9, 4, 8), 2),
    "65 channels, 7 by 7": _adaptive((1, 65, 7, 7), 1, exact=False),
    "513 channels": _adaptive((1, 513, 4, 4), 1),
    "one window of 32 by 32": _adaptive((1, 17, 32, 32), 1),
    "17 channels, windows that overlap": _adaptive((1, 17, 5, 6), 3, exact=False),
    "129 images": _adaptive((129, 2, 4, 2), 2),
}
