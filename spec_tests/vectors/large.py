"""Questions of the sizes at which kernels change their path: arrays made by the generator, and of long results a part.

What adds up products is asked of whole numbers, whose sums are exact in float64 in whatever order; formulas are asked
of numbers with 16 bits.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

import reference
from reference.cnn import PARAMETERS
from spec_tests.vectors.arrays import generated
from spec_tests.vectors.exact import Around, Expected
from spec_tests.vectors.question import Generated, Question, both, features
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.problems import Array, Problem

GIVEN = 1024
"""Results of more elements are given at `PLACES` alone."""
PLACES = 256

Shape = tuple[int, ...]
Arrays = Mapping[str, Generated | Array | None]


def array_of(value: Generated | Array | None) -> Any:
    """Return an array, made if need be, in float64 or whole numbers of its own."""
    if not isinstance(value, Generated):
        return value
    made = generated(value.shape, value.dtype, value.seed, value.low, value.count, value.exponent)
    return made if value.dtype == "int64" else made.astype(np.float64)


def thinned(question: Question) -> Question:
    """Return a question whose long results are given in part: the ends, and places in between."""
    assert isinstance(question.expected, Mapping)
    expected, places, shapes = dict(question.expected), {}, {}
    for name, result in question.expected.items():
        array = result.near if isinstance(result, Around) else result
        if array is None or array.size <= GIVEN:
            continue
        some = places_of(array.size)
        places[name], shapes[name] = some, array.shape
        expected[name] = _at(result, some)
    return replace(question, expected=expected, places=places, shapes=shapes)


def places_of(size: int) -> list[int]:
    """Return the places that are given of so many."""
    ends = {*range(16), *range(size - 32, size)}
    return sorted(ends | {i * size // PLACES + i % 7 for i in range(PLACES - 8)})


def _at(result: Expected, places: list[int]) -> Expected:
    if isinstance(result, Around):
        return Around(result.near.ravel()[places], result.within.ravel()[places])
    assert result is not None
    return result.ravel()[places]


def large(
    operation: str, arrays: Arrays, options: Mapping[str, Any], grad: Generated | Array, *flags: str
) -> Iterator[Question]:
    """Ask for output and gradients of a formula."""
    made = {name: array_of(value) for name, value in arrays.items()}
    dtype = next(value.dtype for value in arrays.values() if isinstance(value, Generated))
    problem = Problem(operation, made, dict(options), array_of(grad))
    for question in both(problem, dtype, False, "large", *flags):
        given = {name: arrays.get(name, grad) if value is not None else None for name, value in question.arrays.items()}
        yield thinned(question.changed(arrays={name: _held(value, dtype) for name, value in given.items()}))


def large_sums(
    operation: str, arrays: Arrays, options: Mapping[str, Any], grad: Generated | Array, *flags: str
) -> Iterator[Question]:
    """Ask for output and gradients of what adds up products or copies cells, of whole numbers."""
    made = {name: array_of(value) for name, value in arrays.items()}
    dtype = next(value.dtype for value in arrays.values() if isinstance(value, Generated))
    problem = Problem(operation, made, dict(options), array_of(grad))
    _check_exact(problem, dtype)
    flags = (*features(problem), "whole-numbers", "large", *flags)
    output = np.asarray(problem.forward(reference)).astype(dtype)
    yield thinned(Question(operation, "values", dtype, arrays, options, {"output": output}, flags))
    found = problem.backward(reference)
    grads = {
        f"grad_{name}": None if value is None else value.astype(dtype)
        for name, value in zip(GRADIENTS[operation], found if isinstance(found, tuple) else (found,), strict=True)
    }
    both_arrays = {"grad_output": grad, **arrays}
    yield thinned(Question(f"{operation}_backward", "gradients", dtype, both_arrays, options, grads, flags))


def _check_exact(problem: Problem, dtype: str) -> None:
    """Require magnitudes whose sums the format holds in any order."""
    absolute = problem.changed(
        **{name: None if value is None else abs(value) for name, value in problem.arrays.items()},
        grad_output=abs(problem.grad_output),
    )
    limit = 2.0 ** {"float32": 24, "float64": 53}[dtype]
    found = absolute.backward(reference)
    for result in (absolute.forward(reference), *(found if isinstance(found, tuple) else (found,))):
        if result is not None and abs(np.asarray(result)).max() >= limit:
            raise ValueError(f"a sum of {problem.operation} is too large to be exact in {dtype}")


def _held(value: Generated | Array | None, dtype: str) -> Generated | Array | None:
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def whole(shape: Shape, seed: int, most: int = 4, dtype: str = "float32") -> Generated:
    """Return whole numbers from −most to most."""
    return Generated(shape, dtype, seed, -most, 2 * most + 1)


def real(shape: Shape, seed: int, dtype: str = "float32", most: int = 2) -> Generated:
    """Return numbers of 16 bits between −most and most."""
    return Generated(shape, dtype, seed, -32768, 65536, {1: -15, 2: -14, 4: -13, 16: -11}[most])


# What there is


def _conv(size: Shape, ins: int, outs: int, kernel: int, stride: int, padding: int, groups: int = 1, images: int = 1,
          most: tuple[int, int] = (4, 4)) -> Callable[[int], Iterator[Question]]:  # fmt: skip
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


def _linear(samples: Shape, ins: int, outs: int, most: tuple[int, int] = (4, 4), dtype: str = "float32", low: int = 0
            ) -> Callable[[int], Iterator[Question]]:  # fmt: skip
    def make(seed: int) -> Iterator[Question]:
        input = whole((*samples, ins), seed, most[0], dtype)
        arrays = {
            "input": replace(input, low=input.low + low),
            "weight": whole((outs, ins), seed + 1, most[1], dtype),
            "bias": whole((outs,), seed + 2, most[0], dtype),
        }
        return large_sums("linear", arrays, {}, whole((*samples, outs), seed + 3, most[1], dtype))

    return make


def _pool(
    operation: str, shape: Shape, kernel: int, stride: int, padding: int, **more: Any
) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": False, **more}
        size: Any = reference.max_pool_output_size(shape[2:], kernel, stride, padding)
        return large_sums(operation, {"input": whole(shape, seed, 100)}, options, whole((*shape[:2], *size), seed + 1))

    return make


def _adaptive(shape: Shape, windows: int) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        grad = whole((*shape[:2], windows, windows), seed + 1)
        return large_sums("adaptive_avg_pool2d", {"input": whole(shape, seed)}, {"output_size": windows}, grad)

    return make


def _one(operation: str, shape: Shape, most: int = 4, **options: Any) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        return large(operation, {"input": real(shape, seed, most=most)}, options, real(shape, seed + 1))

    return make


def _one_whole(operation: str, shape: Shape, out: Shape, **options: Any) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        return large_sums(operation, {"input": whole(shape, seed, 100)}, options, whole(out, seed + 1))

    return make


def _batch_norm(shape: Shape, training: bool) -> Callable[[int], Iterator[Question]]:
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


def _layer_norm(leading: Shape, sizes: Shape) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        arrays = {
            "input": real((*leading, *sizes), seed),
            "weight": real(sizes, seed + 1),
            "bias": real(sizes, seed + 2),
        }
        options = {"normalized_shape": sizes, "eps": 1e-5}
        return large("layer_norm", arrays, options, real((*leading, *sizes), seed + 3))

    return make


def _regression(
    operation: str, shape: Shape, reduction: str, dtype: str = "float32"
) -> Callable[[int], Iterator[Question]]:
    def make(seed: int) -> Iterator[Question]:
        arrays = {"input": real(shape, seed, dtype), "target": real(shape, seed + 1, dtype), "weight": None}
        return large(
            operation, arrays, {"reduction": reduction}, real(shape if reduction == "none" else (), seed + 2, dtype)
        )

    return make


def _classes(
    operation: str, shape: Shape, reduction: str, smoothing: float = 0.0
) -> Callable[[int], Iterator[Question]]:
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


def _network(images: int, relu: bool) -> Callable[[int], Iterator[Question]]:
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
    if abs(result).max() >= 2.0**22:
        raise ValueError("a sum of the network is too large to be exact")
    return result.astype(np.float32)


MORE: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}
LARGE: dict[str, tuple[Callable[[int], Iterator[Question]], ...]] = {
    "conv1d": (
        _conv((12,), 9, 7, 3, 1, 1), _conv((9,), 17, 33, 3, 1, 1, images=2), _conv((7,), 513, 16, 1, 2, 0),
        _conv((9,), 128, 128, 5, 1, 2, groups=128), _conv((1025,), 2, 3, 7, 2, 3), _conv((9,), 67, 5, 3, 1, 1, most=(2047, 1)),
    ),
    "conv2d": (
        _conv((5, 4), 7, 9, 3, 1, 1), _conv((4, 5), 17, 15, 3, 1, 1, images=2), _conv((5, 6), 31, 33, 3, 2, 1),
        _conv((5, 6), 3, 64, 1, 2, 0, images=2), _conv((3, 3), 65, 129, 1, 1, 0), _conv((3, 2), 512, 24, 3, 1, 1),
        _conv((5, 4), 127, 16, 5, 1, 2), _conv((9, 8), 3, 63, 7, 2, 3), _conv((5, 4), 24, 24, 3, 1, 1, groups=24, images=2),
        _conv((7, 6), 24, 24, 3, 2, 1, groups=24), _conv((5, 4), 20, 64, 3, 1, 1, groups=4, images=2),
        _conv((4, 3), 3, 8, 3, 1, 1, images=129), _conv((18, 17), 8, 8, 3, 1, 1), _conv((33, 31), 4, 4, 3, 1, 0),
        _conv((16, 16), 3, 6, 5, 1, 2, images=2), _conv((12, 13), 9, 5, 3, 1, 1, most=(2047, 1)),
        _conv((13, 11), 66, 4, 3, 1, 1, most=(1000, 1)),
    ),
    "conv3d": (
        _conv((3, 4, 3), 9, 17, 3, 1, 1), _conv((3, 3, 2), 65, 16, 1, 2, 0, images=2), _conv((3, 2, 3), 24, 24, 3, 1, 1, groups=24),
    ),
    "linear": (
        _linear((3,), 7, 9), _linear((2, 5), 17, 15), _linear((17,), 33, 31), _linear((4,), 65, 127), _linear((33,), 129, 63),
        _linear((16,), 512, 16), _linear((2,), 513, 257), _linear((1,), 1025, 10), _linear((129,), 24, 10), _linear((769,), 17, 5),
        _linear((2,), 4096, 3, (4095, 1)), _linear((2, 2), 4099, 2, (2047, 1)), _linear((2,), 4097, 2, (4, 1), "float64", 2**26 + 1),
        _linear((4096,), 3, 2, (4095, 1)), _linear((4100,), 2, 3, (2047, 1)),
    ),
    "flatten": (_one_whole("flatten", (129, 17, 3), (129, 51), start_dim=1, end_dim=-1),),
    "pad": (
        _one_whole("pad", (2, 3, 1025), (2, 3, 1075), pad=(17, 33), mode="circular", value=None),
        _one_whole("pad", (1, 65, 3, 4), (1, 65, 6, 7), pad=(2, 1, 1, 2), mode="reflect", value=None),
        _one_whole("pad", (129, 2, 3), (129, 2, 6), pad=(1, 2), mode="constant", value=-3.0),
    ),
    "relu": (_one_whole("relu", (33, 31), (33, 31)), _one_whole("relu", (9, 1025), (9, 1025))),
    "sigmoid": tuple(_one("sigmoid", shape) for shape in ((7,), (17,), (33, 31), (2, 65, 9))),
    "tanh": tuple(_one("tanh", shape) for shape in ((7,), (17,), (33, 31), (2, 65, 9))),
    **{
        name: tuple(
            _one(name, shape, 16, dim=dim)
            for shape, dim in (
                ((3, 7), 1), ((5, 17), -1), ((2, 17, 3), 1), ((31, 33), 0), ((2, 65), 1), ((3, 129), -1), ((3, 513), 1),
                ((2, 1025), 1), ((1, 1025, 2), 1), ((1, 2049), -1), ((257, 10), 1),
            )
        )
        for name in ("softmax", "log_softmax")
    },
    "max_pool1d": (_pool("max_pool1d", (1, 3, 1025), 2, 2, 0, dilation=1),),
    "max_pool2d": (
        _pool("max_pool2d", (2, 9, 4, 5), 2, 2, 0, dilation=1), _pool("max_pool2d", (1, 17, 5, 6), 3, 2, 1, dilation=1),
        _pool("max_pool2d", (1, 65, 4, 3), 3, 1, 1, dilation=1), _pool("max_pool2d", (129, 2, 4, 2), 2, 2, 0, dilation=1),
        _pool("max_pool2d", (1, 2, 33, 31), 3, 2, 1, dilation=1),
    ),
    "max_pool3d": (_pool("max_pool3d", (1, 17, 3, 4, 3), 2, 2, 0, dilation=1),),
    "avg_pool2d": (
        _pool("avg_pool2d", (2, 9, 4, 5), 2, 2, 0, **MORE), _pool("avg_pool2d", (1, 17, 5, 6), 4, 2, 1, **MORE),
        _pool("avg_pool2d", (1, 3, 32, 32), 32, 32, 0, **MORE), _pool("avg_pool2d", (129, 2, 4, 2), 2, 2, 0, **MORE),
    ),
    "adaptive_avg_pool2d": (
        _adaptive((2, 9, 4, 8), 2), _adaptive((1, 513, 4, 4), 1), _adaptive((1, 17, 32, 32), 1), _adaptive((2, 2048, 2, 2), 1),
    ),
    "batch_norm": tuple(
        _batch_norm(shape, training)
        for shape in ((5, 7), (3, 17, 2, 2), (2, 65, 3), (129, 5, 1, 1), (512, 3), (1, 3, 33, 31)) for training in (True, False)
    ),
    "layer_norm": (
        _layer_norm((3,), (7,)), _layer_norm((2, 3), (17,)), _layer_norm((2,), (33, 31)), _layer_norm((2,), (513,)),
        _layer_norm((2,), (1025,)), _layer_norm((129,), (24,)),
    ),
    **{
        name: (
            _regression(name, (33, 31), "none"), _regression(name, (1025,), "sum"), _regression(name, (513,), "mean"),
            _regression(name, (129, 9), "mean"), _regression(name, (4096,), "mean", "float64"), _regression(name, (4097,), "mean"),
        )
        for name in ("l1_loss", "mse_loss")
    },
    "nll_loss": (
        _classes("nll_loss", (9, 7), "none"), _classes("nll_loss", (33, 17), "sum"), _classes("nll_loss", (769, 9), "sum"),
        _classes("nll_loss", (769, 3), "mean"), _classes("nll_loss", (2, 65, 3), "sum"), _classes("nll_loss", (5, 1025), "none"),
    ),
    "cross_entropy": (
        _classes("cross_entropy", (9, 7), "none"), _classes("cross_entropy", (33, 17), "none"), _classes("cross_entropy", (2, 65, 3), "sum"),
        _classes("cross_entropy", (3, 129), "none", 0.25), _classes("cross_entropy", (129, 10), "mean"),
        _classes("cross_entropy", (2, 1000), "mean"), _classes("cross_entropy", (3, 1025), "none"), _classes("cross_entropy", (5, 101), "mean", 0.1),
    ),
    "cifar10_cnn": (_network(2, False), _network(1, True), _network(2, True)),
}  # fmt: skip
"""Of every operation, what makes its large questions from a seed."""


def questions(operation: str) -> Iterator[Callable[[], Iterator[Question]]]:
    """Return the large questions of an operation, each still to be made."""
    for i, make in enumerate(LARGE.get(operation, ())):
        yield partial(make, 1000 * (i + 1) + len(operation))


assert LARGE.keys() - {"cifar10_cnn"} == OPERATIONS.keys()
assert prod(()) == 1
