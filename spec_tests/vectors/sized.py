"""Large questions of each operation, by their sizes: each function returns what makes them from a seed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import reference
from reference.cnn import PARAMETERS
from spec_tests.vectors.large import Arrays, Shape, array_of, large, large_sums, real, thinned, whole
from spec_tests.vectors.question import Generated, Question
from spec_tests.vocabulary.problems import Array


def conv(
    size: Shape,
    ins: int,
    outs: int,
    kernel: int,
    stride: int,
    padding: int,
    groups: int = 1,
    images: int = 1,
    most: tuple[int, int] = (4, 4),
) -> Callable[[int], Iterator[Question]]:
    """A convolution with its options equal along all axes, and a bias; `most` bounds input and weight."""

    def make(seed: int) -> Iterator[Question]:
        rank = len(size)
        places: Any = reference.conv_output_size(size, (kernel,) * rank, stride, padding)
        arrays = {
            "input": whole((images, ins, *size), seed, most[0]),
            "weight": whole((outs, ins // groups, *[kernel] * rank), seed + 1, most[1]),
            "bias": whole((outs,), seed + 2, most[0]),
        }
        options = {"stride": stride, "padding": padding, "dilation": 1, "groups": groups}
        return large_sums(f"conv{rank}d", arrays, options, whole((images, outs, *places), seed + 3, most[1]))

    return make


def linear(
    samples: Shape, ins: int, outs: int, most: tuple[int, int] = (4, 4), dtype: str = "float32", low: int = 0
) -> Callable[[int], Iterator[Question]]:
    """A linear layer; `low` is added to the input, so that it has more digits."""

    def make(seed: int) -> Iterator[Question]:
        input = whole((*samples, ins), seed, most[0], dtype)
        arrays = {
            "input": replace(input, low=input.low + low),
            "weight": whole((outs, ins), seed + 1, most[1], dtype),
            "bias": whole((outs,), seed + 2, most[0], dtype),
        }
        return large_sums("linear", arrays, {}, whole((*samples, outs), seed + 3, most[1], dtype))

    return make


def pool(
    operation: str, shape: Shape, kernel: int | Shape, stride: int | None, padding: int, **more: Any
) -> Callable[[int], Iterator[Question]]:
    """A pooling."""

    def make(seed: int) -> Iterator[Question]:
        options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": False, **more}
        size: Any = reference.max_pool_output_size(shape[2:], kernel, stride, padding)
        return large_sums(operation, {"input": whole(shape, seed, 100)}, options, whole((*shape[:2], *size), seed + 1))

    return make


def adaptive(shape: Shape, windows: int) -> Callable[[int], Iterator[Question]]:
    """An average pooling to so many windows along each axis."""

    def make(seed: int) -> Iterator[Question]:
        grad = whole((*shape[:2], windows, windows), seed + 1)
        return large_sums("adaptive_avg_pool2d", {"input": whole(shape, seed)}, {"output_size": windows}, grad)

    return make


def one(operation: str, shape: Shape, most: int = 4, **options: Any) -> Callable[[int], Iterator[Question]]:
    """A formula of one array."""

    def make(seed: int) -> Iterator[Question]:
        return large(operation, {"input": real(shape, seed, most=most)}, options, real(shape, seed + 1))

    return make


def one_whole(operation: str, shape: Shape, out: Shape, **options: Any) -> Callable[[int], Iterator[Question]]:
    """What copies the cells of one array."""

    def make(seed: int) -> Iterator[Question]:
        return large_sums(operation, {"input": whole(shape, seed, 100)}, options, whole(out, seed + 1))

    return make


def batch_norm(shape: Shape, training: bool) -> Callable[[int], Iterator[Question]]:
    """A batch norm; in training also with few gradients that are not 0, so that what is lost of one shows."""

    def make(seed: int) -> Iterator[Question]:
        channels = shape[1:2]
        arrays = {
            "input": real(shape, seed),
            "running_mean": whole(channels, seed + 1),
            "running_var": Generated(channels, "float32", seed + 2, 1, 16, -2),
            "weight": real(channels, seed + 3),
            "bias": real(channels, seed + 4),
        }
        options = {"training": training, "momentum": 0.1, "eps": 1e-5}
        flag = "training" if training else "evaluation"
        yield from large("batch_norm", arrays, options, real(shape, seed + 5), flag)
        if training:  # few numbers that are not 0, so that what is lost of one shows
            sparse = np.zeros(shape)
            sparse.reshape(-1)[:: max(1, sparse.size // 3)] = [1 / 3, -5 / 7, 1 / 7, 0.3][
                : -(-sparse.size // max(1, sparse.size // 3))
            ]
            sparse = sparse.astype(np.float32).astype(np.float64)
            yield list(large("batch_norm", arrays, options, sparse, flag, "sparse"))[1]

    return make


def layer_norm(leading: Shape, sizes: Shape) -> Callable[[int], Iterator[Question]]:
    """A layer norm."""

    def make(seed: int) -> Iterator[Question]:
        arrays = {
            "input": real((*leading, *sizes), seed),
            "weight": real(sizes, seed + 1),
            "bias": real(sizes, seed + 2),
        }
        options = {"normalized_shape": sizes, "eps": 1e-5}
        return large("layer_norm", arrays, options, real((*leading, *sizes), seed + 3))

    return make


def regression(
    operation: str, shape: Shape, reduction: str, dtype: str = "float32"
) -> Callable[[int], Iterator[Question]]:
    """A loss of numbers."""

    def make(seed: int) -> Iterator[Question]:
        arrays = {"input": real(shape, seed, dtype), "target": real(shape, seed + 1, dtype), "weight": None}
        return large(
            operation, arrays, {"reduction": reduction}, real(shape if reduction == "none" else (), seed + 2, dtype)
        )

    return make


def classes(
    operation: str, shape: Shape, reduction: str, smoothing: float = 0.0
) -> Callable[[int], Iterator[Question]]:
    """A loss of classes, one half of them weighted."""

    def make(seed: int) -> Iterator[Question]:
        samples = (shape[0], *shape[2:])
        arrays = {
            "input": real(shape, seed, most=4),
            "target": Generated(samples, "int64", seed + 1, 0, shape[1]),
            "weight": Generated(shape[1:2], "float32", seed + 2, 1, 16, -3) if seed % 2 else None,
        }
        options: dict[str, Any] = {"ignore_index": -100, "reduction": reduction}
        if operation == "cross_entropy":
            options["label_smoothing"] = smoothing
        return large(operation, arrays, options, real(samples if reduction == "none" else (), seed + 3))

    return make


def network(images: int, relu: bool) -> Callable[[int], Iterator[Question]]:
    """The document's network, in whole numbers so small that every sum is exact."""

    def make(seed: int) -> Iterator[Question]:
        parameters = {
            f"parameters.{name}": whole(size, seed + 10 + i, 1) for i, (name, size) in enumerate(PARAMETERS.items())
        }
        arrays: Arrays = {"input": whole((images, 3, 32, 32), seed, 1), **parameters}
        made = {name.removeprefix("parameters."): array_of(value) for name, value in parameters.items()}
        input, grad = array_of(arrays["input"]), whole((images, 10), seed + 1, 1)
        flags = ("whole-numbers", "large", "network", *["relu"] * relu)
        options = {"relu": relu}
        scores = reference.cifar10_cnn(input, made, relu)
        yield Question("cifar10_cnn", "values", "float32", arrays, options, {"output": _small(scores)}, flags)
        grad_input, grads = reference.cifar10_cnn_backward(array_of(grad), input, made, relu)
        expected = {"grad_input": _small(grad_input)} | {
            f"grad_parameters.{name}": _small(g) for name, g in grads.items()
        }
        with_grad = {"grad_output": grad, **arrays}
        yield thinned(Question("cifar10_cnn_backward", "gradients", "float32", with_grad, options, expected, flags))

    return make


def _small(result: Array) -> Array:
    """Return whole numbers that are exact in float32; raise ValueError if they are too large."""
    if abs(result).max() >= 2.0**22:
        raise ValueError("a sum of the network is too large to be exact")
    return result.astype(np.float32)
