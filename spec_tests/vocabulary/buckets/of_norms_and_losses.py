"""The buckets of normalizations and losses."""

from collections.abc import Callable, Iterable

from spec_tests.vocabulary.buckets.bucket import EDGE, USUAL, Bucket
from spec_tests.vocabulary.problems import Problem


def of_batch_norm(_: str) -> list[Bucket]:
    """Return the buckets of batch_norm."""

    def of_pictures(training: bool) -> Callable[[Problem], bool]:
        def holds(problem: Problem) -> bool:
            given = (problem.weight, problem.bias, problem.running_mean)
            return problem.training is training and problem.input.ndim == 4 and all(g is not None for g in given)

        return holds

    return [
        Bucket(USUAL, "pictures, in training", "图像，训练", of_pictures(True)),
        Bucket(USUAL, "pictures, in evaluation", "图像，评估", of_pictures(False)),
        Bucket(EDGE, "(N, C)", "(N, C)", lambda problem: problem.input.ndim == 2),
        Bucket(EDGE, "(N, C, L)", "(N, C, L)", lambda problem: problem.input.ndim == 3),
        Bucket(EDGE, "(N, C, D, H, W)", "(N, C, D, H, W)", lambda problem: problem.input.ndim == 5),
        Bucket(EDGE, "without weight", "没有权重", lambda problem: problem.weight is None),
        Bucket(EDGE, "without bias", "没有偏置", lambda problem: problem.bias is None),
        Bucket(EDGE, "without running statistics", "没有滑动统计量", lambda problem: problem.running_mean is None),
        Bucket(EDGE, "a batch of one", "批次大小为 1", lambda problem: len(problem.input) == 1),
        Bucket(EDGE, "two values a channel", "每通道两个值", lambda p: p.input.size == 2 * p.input.shape[1]),
    ]


def of_layer_norm(_: str) -> list[Bucket]:
    """Return the buckets of layer_norm."""

    def everyday_call(problem: Problem) -> bool:
        given = problem.weight is not None and problem.bias is not None
        return len(problem.normalized_shape) == 1 and problem.eps == 1e-5 and given

    return [
        Bucket(USUAL, "the last axis, weight and bias", "最后一轴，有权重和偏置", everyday_call),
        Bucket(EDGE, "several axes", "多个轴", lambda problem: len(problem.normalized_shape) > 1),
        Bucket(EDGE, "without weight", "没有权重", lambda problem: problem.weight is None),
        Bucket(EDGE, "without bias", "没有偏置", lambda problem: problem.bias is None),
        Bucket(EDGE, "a single sample", "单个样本", lambda p: p.input.ndim == len(p.normalized_shape)),
    ]


def _reductions(problem_reduction: Iterable[str]) -> list[Bucket]:
    def reduced(name: str) -> Callable[[Problem], bool]:
        return lambda problem: problem.reduction == name

    return [Bucket(EDGE, f"reduction {name}", f"reduction='{name}'", reduced(name)) for name in problem_reduction]


def of_regression_losses(_: str) -> list[Bucket]:
    """Return the buckets of l1_loss or mse_loss."""

    def everyday_call(problem: Problem) -> bool:
        equal = problem.input.shape == problem.target.shape
        return equal and problem.reduction == "mean" and problem.weight is None and problem.input.ndim > 0

    return [
        Bucket(USUAL, "the mean of equal shapes", "形状相同，取平均", everyday_call),
        *_reductions(("sum", "none")),
        Bucket(EDGE, "weight", "权重", lambda problem: problem.weight is not None),
        Bucket(EDGE, "broadcasting", "广播", lambda problem: problem.input.shape != problem.target.shape),
        Bucket(EDGE, "a single number", "单个数", lambda problem: problem.input.ndim == problem.target.ndim == 0),
    ]


def of_class_losses(operation: str) -> list[Bucket]:
    """Return the buckets of nll_loss or cross_entropy."""

    def everyday_call(problem: Problem) -> bool:
        plain = problem.weight is None and not problem.options.get("label_smoothing")
        return problem.input.ndim == 2 and problem.target.ndim == 1 and problem.reduction == "mean" and plain

    def ignores_some(problem: Problem) -> bool:
        return problem.target.dtype.kind != "f" and bool((problem.target == problem.ignore_index).any())

    of_probabilities = [
        Bucket(EDGE, "class probabilities", "类别概率", lambda problem: problem.target.dtype.kind == "f"),
        Bucket(EDGE, "label_smoothing", "标签平滑", lambda problem: problem.label_smoothing > 0),
    ]
    return [
        Bucket(USUAL, "the mean of (N, C)", "(N, C) 取平均", everyday_call),
        *_reductions(("sum", "none")),
        Bucket(EDGE, "class weights", "类别权重", lambda problem: problem.weight is not None),
        Bucket(EDGE, "ignored samples", "忽略的样本", ignores_some),
        Bucket(EDGE, "further axes", "更多轴", lambda problem: problem.input.ndim > 2),
        Bucket(EDGE, "without a batch", "没有批次轴", lambda problem: problem.input.ndim == 1),
        Bucket(EDGE, "a batch of one", "批次大小为 1", lambda p: p.input.ndim > 1 and len(p.input) == 1),
        *(of_probabilities if operation == "cross_entropy" else []),
    ]
