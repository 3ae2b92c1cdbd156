"""For every operation a short list of fixed cases, of the sizes at which kernels change their path.

Channels, classes, features and entries along an axis stand on both sides of 8, 16, 32, 64, 128, 512 and 1,024, as
multiples of 16 and not; there are more than 128 and more than 768 samples. Spatial sizes are tiny where channels are
many. A row of `operations` names its list as `large`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array, Numbers, Problem, whole_numbers

Shape = tuple[int, ...]
Cases = Mapping[str, "LargeCase"]


@dataclass(frozen=True)
class LargeCase:
    """A problem of a certain size, to be filled with numbers."""

    fill: Callable[[np.random.Generator, Numbers], Problem]
    exact: bool = False
    """Whether nothing rounds in it, in float32 and float64, if the numbers are whole: not the gradients either."""

    def problem(self, numbers: Numbers) -> Problem:
        """Return the problem, its arrays filled with such numbers, the same ones in every run."""
        return self.fill(np.random.default_rng(0), numbers)

    @property
    def whole(self) -> Problem:
        """The problem in whole numbers."""
        return self.problem(whole_numbers)


# Convolutions and linear layers


def _conv(
    size: Shape,
    channels: int,
    outs: int,
    kernel: int = 3,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    images: int = 1,
) -> LargeCase:
    """A convolution with its options equal along all axes, and a bias."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        kernel_size = (kernel,) * len(size)
        output_size: Any = reference.conv_output_size(size, kernel_size, stride, padding)
        arrays = {
            "input": numbers(rng, (images, channels, *size)),
            "weight": numbers(rng, (outs, channels // groups, *kernel_size)),
            "bias": numbers(rng, (outs,)),
        }
        options = {"stride": stride, "padding": padding, "dilation": 1, "groups": groups}
        return Problem(f"conv{len(size)}d", arrays, options, numbers(rng, (images, outs, *output_size)))

    return LargeCase(fill, exact=True)


CONVOLUTIONS: Mapping[int, Cases] = {
    1: {
        "9 to 7 channels": _conv((12,), 9, 7, padding=1),
        "17 to 33 channels": _conv((9,), 17, 33, padding=1, images=2),
        "513 to 16 channels, kernel 1": _conv((7,), 513, 16, kernel=1, stride=2),
        "128 channels, depthwise": _conv((9,), 128, 128, kernel=5, padding=2, groups=128),
        "a row of 1025": _conv((1025,), 2, 3, kernel=7, stride=2, padding=3),
    },
    2: {
        "7 to 9 channels": _conv((5, 4), 7, 9, padding=1),
        "17 to 15 channels": _conv((4, 5), 17, 15, padding=1, images=2),
        "31 to 33 channels, stride 2": _conv((5, 6), 31, 33, stride=2, padding=1),
        "3 to 64 channels, kernel 1, stride 2": _conv((5, 6), 3, 64, kernel=1, stride=2, images=2),
        "65 to 129 channels, kernel 1": _conv((3, 3), 65, 129, kernel=1),
        "513 to 1025 channels, kernel 1": _conv((1, 2), 513, 1025, kernel=1),
        "512 to 24 channels": _conv((3, 2), 512, 24, padding=1),
        "127 to 16 channels, kernel 5": _conv((5, 4), 127, 16, kernel=5, padding=2),
        "3 to 63 channels, kernel 7, stride 2": _conv((9, 8), 3, 63, kernel=7, stride=2, padding=3),
        "24 channels, depthwise": _conv((5, 4), 24, 24, padding=1, groups=24, images=2),
        "512 channels, depthwise": _conv((4, 3), 512, 512, padding=1, groups=512),
        "24 channels, depthwise, stride 2": _conv((7, 6), 24, 24, stride=2, padding=1, groups=24),
        "4 groups of 16 outputs": _conv((5, 4), 20, 64, padding=1, groups=4, images=2),
        "129 images": _conv((4, 3), 3, 8, padding=1, images=129),
    },
    3: {
        "9 to 17 channels": _conv((3, 4, 3), 9, 17, padding=1),
        "65 to 16 channels, kernel 1, stride 2": _conv((3, 3, 2), 65, 16, kernel=1, stride=2, images=2),
        "24 channels, depthwise": _conv((3, 2, 3), 24, 24, padding=1, groups=24),
    },
}


def _linear(samples: Shape, ins: int, outs: int) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays = {
            "input": numbers(rng, (*samples, ins)),
            "weight": numbers(rng, (outs, ins)),
            "bias": numbers(rng, (outs,)),
        }
        return Problem("linear", arrays, {}, numbers(rng, (*samples, outs)))

    return LargeCase(fill, exact=True)


LINEAR: Cases = {
    "7 to 9 features": _linear((3,), 7, 9),
    "17 to 15 features": _linear((2, 5), 17, 15),
    "33 to 31 features": _linear((17,), 33, 31),
    "65 to 127 features": _linear((4,), 65, 127),
    "129 to 63 features": _linear((33,), 129, 63),
    "512 to 16 features": _linear((16,), 512, 16),
    "513 to 1025 features": _linear((2,), 513, 1025),
    "1025 to 10 features, 1 sample": _linear((1,), 1025, 10),
    "4096 to 3 features": _linear((2,), 4096, 3),
    "129 samples": _linear((129,), 24, 10),
    "769 samples": _linear((769,), 17, 5),
}


# One array in, one out


def _one(
    operation: str, shape: Shape, options: dict[str, Any], exact: bool = True, out: Shape | None = None
) -> LargeCase:
    """A call with the input alone; `out` is the output's shape where it is another one."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        return Problem(operation, {"input": numbers(rng, shape)}, dict(options), numbers(rng, out or shape))

    return LargeCase(fill, exact)


FLATTEN: Cases = {
    "129 images of 17 channels": _one("flatten", (129, 17, 3), {"start_dim": 1, "end_dim": -1}, out=(129, 51)),
    "513 features": _one("flatten", (3, 19, 27), {"start_dim": 1, "end_dim": 2}, out=(3, 513)),
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
    return _one("pad", shape, {"pad": pad, "mode": mode, "value": value}, out=padded)


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
    return {name: _one(operation, shape, {}, exact) for name, shape in shapes.items()}


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
        "1025 entries": ((2, 1025), 1),
        "1025 entries, further axes": ((1, 1025, 2), 1),
        "2049 entries": ((1, 2049), -1),
        "769 rows": ((769, 10), 1),
    }
    return {name: _one(operation, shape, {"dim": dim}, False) for name, (shape, dim) in shapes.items()}


SOFTMAX, LOG_SOFTMAX = _along_an_axis("softmax"), _along_an_axis("log_softmax")


# Pooling


def _pool(
    operation: str, shape: Shape, kernel: int, stride: int, padding: int = 0, exact: bool = True, **more: Any
) -> LargeCase:
    size = shape[2:]
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": False, **more}
    out: Any = reference.max_pool_output_size(size, kernel, stride, padding)
    return _one(operation, shape, options, exact, out=(*shape[:2], *out))


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
    },
}

_MORE = {"count_include_pad": True, "divisor_override": None}
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
    return _one("adaptive_avg_pool2d", shape, {"output_size": output_size}, exact, out=out)


ADAPTIVE_AVG_POOL: Cases = {
    "9 channels": _adaptive((2, 9, 4, 8), 2),
    "65 channels, 7 by 7": _adaptive((1, 65, 7, 7), 1, exact=False),
    "513 channels": _adaptive((1, 513, 4, 4), 1),
    "one window of 32 by 32": _adaptive((1, 17, 32, 32), 1),
    "17 channels, windows that overlap": _adaptive((1, 17, 5, 6), 3, exact=False),
    "129 images": _adaptive((129, 2, 4, 2), 2),
}


# Normalization


def _batch_norm(shape: Shape, training: bool = True) -> LargeCase:
    """A batch norm with weight and bias; in evaluation √(variance + ε) is 1, 2 or 4: whole numbers are exact."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        of_channels = shape[1:2]
        arrays: dict[str, Any] = {"input": numbers(rng, shape), "running_mean": numbers(rng, of_channels)}
        arrays["running_var"] = 4.0 ** rng.integers(0, 3, of_channels) - 0.25
        arrays |= {name: numbers(rng, of_channels) for name in ("weight", "bias")}
        options = {"training": training, "momentum": 0.1, "eps": 0.25}
        return Problem("batch_norm", arrays, options, numbers(rng, shape))

    return LargeCase(fill, exact=not training)


BATCH_NORM: Cases = {
    f"{name}, {'training' if training else 'evaluation'}": _batch_norm(shape, training)
    for name, shape in {
        "7 channels": (5, 7),
        "17 channels": (3, 17, 2, 2),
        "65 channels": (2, 65, 3),
        "129 channels": (3, 129, 1, 2),
        "513 channels": (4, 513),
        "129 images": (129, 5, 1, 1),
        "769 images": (769, 9),
        "cells of 33 by 31": (1, 3, 33, 31),
    }.items()
    for training in (True, False)
}


def _layer_norm(leading: Shape, sizes: Shape) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays = {"input": numbers(rng, (*leading, *sizes)), "weight": numbers(rng, sizes), "bias": numbers(rng, sizes)}
        options = {"normalized_shape": sizes, "eps": 1e-5}
        return Problem("layer_norm", arrays, options, numbers(rng, (*leading, *sizes)))

    return LargeCase(fill)


LAYER_NORM: Cases = {
    "7 numbers": _layer_norm((3,), (7,)),
    "17 numbers": _layer_norm((2, 3), (17,)),
    "33 by 31 numbers": _layer_norm((2,), (33, 31)),
    "65 numbers": _layer_norm((3,), (65,)),
    "513 numbers": _layer_norm((2,), (513,)),
    "1025 numbers": _layer_norm((2,), (1025,)),
    "129 samples": _layer_norm((129,), (24,)),
    "769 samples": _layer_norm((769,), (9,)),
}


# Losses


def _regression(operation: str, shape: Shape, reduction: str, weighted: bool = False, exact: bool = True) -> LargeCase:
    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        arrays: dict[str, Any] = {name: numbers(rng, shape) for name in ("input", "target")}
        arrays["weight"] = abs(numbers(rng, shape)) + 1 if weighted else None
        return Problem(operation, arrays, {"reduction": reduction}, numbers(rng, shape if reduction == "none" else ()))

    return LargeCase(fill, exact)


def _regressions(operation: str) -> Cases:
    return {
        "7 numbers, none": _regression(operation, (7,), "none", weighted=True),
        "17 numbers, sum": _regression(operation, (17,), "sum", weighted=True),
        "33 by 31 numbers, none": _regression(operation, (33, 31), "none"),
        "1025 numbers, sum": _regression(operation, (1025,), "sum"),
        "513 numbers, mean": _regression(operation, (513,), "mean", exact=False),
        "1024 numbers, mean": _regression(operation, (16, 64), "mean"),
        "129 samples, mean": _regression(operation, (129, 9), "mean", weighted=True, exact=False),
        "769 samples, sum": _regression(operation, (769, 3), "sum"),
    }


L1_LOSS, MSE_LOSS = _regressions("l1_loss"), _regressions("mse_loss")


def _classes(
    operation: str,
    shape: Shape,
    reduction: str = "mean",
    weighted: bool = False,
    smoothing: float = 0.0,
    probabilities: bool = False,
) -> LargeCase:
    """Scores of this shape, its second axis being the classes; every class is someone's target, if there are enough."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        samples, classes = (shape[0], *shape[2:]), shape[1]
        target: Array = classes - 1 - np.resize(rng.permutation(classes), samples)
        target.reshape(-1)[:2] = classes - 1, -100  # the second is ignored
        if probabilities:
            target = np.moveaxis(rng.dirichlet(np.ones(classes), samples), -1, 1)
        weight = abs(numbers(rng, (classes,))) + 0.5 if weighted else None
        options: dict[str, Any] = {"ignore_index": -100, "reduction": reduction}
        if operation == "cross_entropy":
            options["label_smoothing"] = smoothing
        cotangent = numbers(rng, samples if reduction == "none" else ())
        return Problem(
            operation, {"input": numbers(rng, shape), "target": target, "weight": weight}, options, cotangent
        )

    return LargeCase(fill, exact=operation == "nll_loss" and reduction != "mean")


NLL_LOSS: Cases = {
    "7 classes, none": _classes("nll_loss", (9, 7), "none", weighted=True),
    "17 classes, sum": _classes("nll_loss", (33, 17), "sum", weighted=True),
    "65 classes, further axes": _classes("nll_loss", (2, 65, 3), "sum"),
    "129 samples": _classes("nll_loss", (129, 10), weighted=True),
    "769 samples, sum": _classes("nll_loss", (769, 9), "sum", weighted=True),
    "769 samples, mean": _classes("nll_loss", (769, 33)),
    "1025 classes, none": _classes("nll_loss", (17, 1025), "none"),
}
CROSS_ENTROPY: Cases = {
    "7 classes": _classes("cross_entropy", (9, 7), "none"),
    "17 classes": _classes("cross_entropy", (33, 17), "none", weighted=True),
    "31 classes, probabilities": _classes("cross_entropy", (5, 31), "none", weighted=True, probabilities=True),
    "65 classes, further axes": _classes("cross_entropy", (2, 65, 3), "sum"),
    "129 classes, smoothing": _classes("cross_entropy", (3, 129), "none", smoothing=0.25),
    "129 samples": _classes("cross_entropy", (129, 10), weighted=True),
    "769 samples, mean": _classes("cross_entropy", (769, 9)),
    "1000 classes": _classes("cross_entropy", (2, 1000)),
    "1025 classes, none": _classes("cross_entropy", (3, 1025), "none"),
}
