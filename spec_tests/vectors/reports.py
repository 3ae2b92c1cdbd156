"""Questions modelled on public reports of defects: the smallest call of each, rebuilt in numbers of our own.

Each names the repository and number on GitHub. Who was right there is not the question here: the case holds what this
specification requires.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import nan
from typing import Any

import numpy as np

import reference
from spec_tests.vectors.question import Question, both
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.stating import by_the_references
from spec_tests.vocabulary.problems import Array, Problem

Make = Callable[[], Iterable[Question]]


def of(operation: str) -> list[Make]:
    """Return what makes the questions about an operation that are modelled on reports."""
    return [partial(_named, *case) for case in CASES if case[0] == operation]


def _named(_: str, report: str, problem: Callable[[], Problem], how: str) -> Iterator[Question]:
    made = problem()
    if how == "conventions":
        questions: Iterable[Question] = by_the_references(made, "float32", "nan", backward=False)
    else:
        questions = both(made, "float32", how == "exact")
    for question in questions:
        yield question.changed(reports=(report,))


def _pool(
    operation: str, input: Any, kernel: int, stride: int, padding: int = 0, ceil_mode: bool = True, **more: Any
) -> Problem:
    array = np.asarray(input, np.float64)
    options: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    places: Any = reference.max_pool_output_size(array.shape[-int(operation[-2]) :], **options)
    grad = Random(operation).whole((*array.shape[: -int(operation[-2])], *places))
    return Problem(operation, {"input": array}, {**options, **more}, grad)


MAX: dict[str, Any] = {"dilation": 1, "return_indices": True}
MEAN: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}


def _conv(operation: str, size: tuple[int, ...], groups: int, kernel: int, padding: int, dilation: int) -> Problem:
    r, rank = Random(f"{operation} of reports"), len(size)
    arrays = {
        "input": r.whole((1, 4, *size), 2),
        "weight": r.whole((4, 4 // groups, *[kernel] * rank), 2),
        "bias": r.whole((4,), 2),
    }
    options = {"stride": 1, "padding": padding, "dilation": dilation, "groups": groups}
    places: Any = reference.conv_output_size(size, (kernel,) * rank, 1, padding, dilation)
    return Problem(operation, arrays, options, r.whole((1, 4, *places), 2))


def _scores(input: Any, target: list[int], weight: Any = None, ignored: int = -100) -> Problem:
    arrays = {
        "input": np.asarray(input, np.float64),
        "target": np.array(target),
        "weight": None if weight is None else np.asarray(weight, np.float64),
    }
    options = {"ignore_index": ignored, "reduction": "mean", "label_smoothing": 0.0}
    return Problem("cross_entropy", arrays, options, np.array(1.0))


def _normalized(input: Any) -> Problem:
    array = np.asarray(input, np.float64)
    arrays = {"input": array, "weight": None, "bias": None}
    return Problem("layer_norm", arrays, {"normalized_shape": array.shape[1:], "eps": 1e-5}, np.ones_like(array))


def _softmax(input: Any) -> Problem:
    array = np.asarray(input, np.float64)
    return Problem("softmax", {"input": array}, {"dim": 1}, Random("softmax").whole(array.shape))


def _batch_norm(input: Array) -> Problem:
    channels = input.shape[1]
    arrays = {
        "input": input,
        "running_mean": np.zeros(channels),
        "running_var": np.ones(channels),
        "weight": np.ones(channels),
        "bias": np.zeros(channels),
    }
    options = {"training": True, "momentum": 0.1, "eps": 1e-5}
    return Problem("batch_norm", arrays, options, Random("batch_norm").whole(input.shape))


def _images(shape: tuple[int, ...]) -> Array:
    return Random(f"{shape}").whole(shape)


CASES: list[tuple[str, str, Callable[[], Problem], str]] = [
    ("max_pool2d", "pytorch/pytorch#45357", lambda: _pool("max_pool2d", _images((1, 1, 6, 7)), 1, 2, **MAX), "exact"),
    ("max_pool2d", "pytorch/pytorch#57178", lambda: _pool("max_pool2d", _images((1, 1, 8, 8)), 1, 2, **MAX), "exact"),
    ("max_pool1d", "pytorch/pytorch#148123", lambda: _pool("max_pool1d", _images((1, 1, 10)), 1, 2, **MAX), "exact"),
    (
        "max_pool2d",
        "openvinotoolkit/openvino#18731",
        lambda: _pool("max_pool2d", _images((1, 1, 5, 5)), 2, 2, 1, **MAX),
        "exact",
    ),
    (
        "max_pool2d",
        "tenstorrent/tt-metal#15039",
        lambda: _pool("max_pool2d", _images((1, 2, 14, 14)), 3, 2, **MAX),
        "exact",
    ),
    (
        "max_pool2d",
        "FluxML/Flux.jl#1197",
        lambda: _pool(
            "max_pool2d",
            np.arange(24).reshape(1, 1, 4, 6) + 80.0 * (np.arange(24).reshape(1, 1, 4, 6) == 7),
            3,
            2,
            1,
            False,
            **MAX,
        ),
        "exact",
    ),
    (
        "max_pool2d",
        "tensorflow/tensorflow#4886",
        lambda: _pool("max_pool2d", [[[[1, 2], [2, 2]]]], 2, 2, **MAX),
        "exact",
    ),
    ("max_pool1d", "tensorflow/tensorflow#51682", lambda: _pool("max_pool1d", [[[6, 6, 3]]], 3, 3, **MAX), "exact"),
    (
        "max_pool1d",
        "pytorch/pytorch#7645",
        lambda: _pool("max_pool1d", [[[nan, nan]]], 2, 2, dilation=1, return_indices=False),
        "conventions",
    ),
    (
        "max_pool2d",
        "tracel-ai/burn#5662",
        lambda: _pool("max_pool2d", [[[[1, nan], [5, 6]]]], 2, 2, dilation=1, return_indices=False),
        "conventions",
    ),
    (
        "max_pool3d",
        "pytorch/pytorch#39846",
        lambda: _pool("max_pool3d", np.full((1, 1, 4, 4, 4), nan), 2, 2, dilation=1, return_indices=False),
        "conventions",
    ),
    ("avg_pool2d", "apache/tvm#18641", lambda: _pool("avg_pool2d", _images((1, 1, 17, 17)), 2, 2, 1, **MEAN), "exact"),
    (
        "avg_pool2d",
        "apple/coremltools#2844",
        lambda: _pool("avg_pool2d", np.arange(49).reshape(1, 1, 7, 7), 2, 3, **MEAN),
        "exact",
    ),
    (
        "avg_pool2d",
        "pytorch/pytorch#116420",
        lambda: _pool("avg_pool2d", _images((1, 1, 9, 9)), 4, 4, 2, **MEAN),
        "exact",
    ),
    (
        "avg_pool2d",
        "microsoft/onnxruntime#16203",
        lambda: _pool("avg_pool2d", _images((1, 2, 9, 9)), 7, 3, 3, **MEAN),
        "bounded",
    ),
    ("avg_pool2d", "sonos/tract#2851", lambda: _pool("avg_pool2d", _images((1, 1, 6, 6)), 3, 2, 1, **MEAN), "bounded"),
    (
        "avg_pool2d",
        "pytorch/executorch#18616",
        lambda: _pool("avg_pool2d", _images((1, 1, 4, 4)), 2, 2, 1, False, count_include_pad=False, divisor_override=4),
        "exact",
    ),
    ("conv2d", "Tencent/ncnn#315", lambda: _conv("conv2d", (5, 5), 4, 3, 2, 2), "exact"),
    ("conv1d", "modular/modular#6129", lambda: _conv("conv1d", (130,), 2, 128, 64, 1), "exact"),
    ("cross_entropy", "pytorch/pytorch#25571", lambda: _scores([[2, 3, 5], [5, 2, 3]], [2, 1], [2, 4, 6]), "bounded"),
    ("cross_entropy", "pytorch/pytorch#8062", lambda: _scores([[-100, 100], [-100, 100]], [0, 1], [20, 10]), "bounded"),
    (
        "cross_entropy",
        "qubvel-org/segmentation_models.pytorch#852",
        lambda: _scores([[0.5, 0], [0.5, 0], [0.5, 0]], [1, -1, 1], None, -1),
        "bounded",
    ),
    (
        "cross_entropy",
        "open-mmlab/mmsegmentation#886",
        lambda: _scores([[1, 2], [3, 1], [0, 4]], [255, 1, 255], None, 255),
        "bounded",
    ),
    ("softmax", "FluxML/NNlib.jl#43", lambda: _softmax([[-10000, -10000]]), "bounded"),
    ("softmax", "deeplearning4j/deeplearning4j-examples#730", lambda: _softmax([[1000, 999, 0]]), "bounded"),
    (
        "layer_norm",
        "pytorch/pytorch#51102",
        lambda: _normalized(2000 + np.array([[1, -2, 0, 3], [0, 1, 0, -1]]) / 2),
        "bounded",
    ),
    ("layer_norm", "microsoft/onnxruntime#28463", lambda: _normalized([[40000, 40001, 40002, 40003]]), "bounded"),
    (
        "layer_norm",
        "ml-explore/mlx#2238",
        lambda: _normalized([[1449.5, 1448.75, 1450.75, 1449.25, 1449.75, 1449.25]]),
        "bounded",
    ),
    (
        "batch_norm",
        "pytorch/pytorch#60528",
        lambda: _batch_norm(np.add.outer(np.arange(1.0, 5), np.arange(12.0)).reshape(4, 3, 4)),
        "bounded",
    ),
]
"""The operation, the report, the call, and whether its results are exact, bounded, or a convention."""
