"""The buckets of activations, linear layers, flattening and padding."""

from collections.abc import Callable

from spec_tests.vocabulary.buckets.bucket import EDGE, SPECIAL_NUMBERS, USUAL, Bucket, batches
from spec_tests.vocabulary.problems import Problem


def of_elementwise(operation: str) -> list[Bucket]:
    """Return the buckets of relu, sigmoid or tanh."""
    return [
        Bucket(USUAL, "(N, features)", "(N, 特征)", lambda problem: problem.input.ndim == 2),
        Bucket(USUAL, "(N, C, H, W)", "(N, C, H, W)", lambda problem: problem.input.ndim == 4),
        Bucket(EDGE, "a single number", "单个数", lambda problem: problem.input.ndim == 0),
        Bucket(EDGE, "other axes", "其他轴数", lambda problem: problem.input.ndim in (1, 3)),
        *(SPECIAL_NUMBERS if operation == "relu" else []),
    ]


def _along(problem: Problem) -> int:
    """Return the axis of a softmax, counted from the front."""
    return int(problem.dim % problem.input.ndim)


def of_softmax(_: str) -> list[Bucket]:
    """Return the buckets of softmax or log_softmax."""
    return [
        Bucket(USUAL, "(N, C) along C", "(N, C) 沿 C", lambda p: p.input.ndim == 2 and _along(p) == 1),
        Bucket(USUAL, "(N, C, H, W) along C", "(N, C, H, W) 沿 C", lambda p: p.input.ndim == 4 and _along(p) == 1),
        Bucket(USUAL, "the last of three axes", "三轴中的最后一轴", lambda p: p.input.ndim == 3 and _along(p) == 2),
        Bucket(EDGE, "counted from the back", "从后数", lambda problem: problem.dim < 0),
        Bucket(EDGE, "the first of several axes", "多轴中的第一轴", lambda p: p.input.ndim > 1 and _along(p) == 0),
        Bucket(EDGE, "a single axis", "只有一个轴", lambda problem: problem.input.ndim == 1),
        Bucket(EDGE, "a single entry", "只有一个元素", lambda problem: problem.input.shape[problem.dim] == 1),
    ]


def of_linear(_: str) -> list[Bucket]:
    """Return the buckets of linear."""

    def everyday_call(problem: Problem) -> bool:
        return problem.input.ndim == problem.weight.ndim == 2 and problem.bias is not None

    return [
        Bucket(USUAL, "(N, features), bias", "(N, 特征)，有偏置", everyday_call),
        Bucket(EDGE, "without bias", "没有偏置", lambda problem: problem.bias is None),
        Bucket(EDGE, "more leading axes", "前面有更多轴", lambda problem: problem.input.ndim > 2),
        Bucket(EDGE, "no output axis", "没有输出轴", lambda problem: problem.weight.ndim == 1),
        *batches(2),
    ]


def of_flatten(_: str) -> list[Bucket]:
    """Return the buckets of flatten."""

    def from_axis_1(problem: Problem) -> bool:
        return problem.start_dim == 1 and problem.end_dim == -1

    return [
        Bucket(USUAL, "from axis 1", "从第 1 轴起", from_axis_1),
        Bucket(EDGE, "axes from the back", "轴从后数", lambda problem: problem.start_dim < 0),
        Bucket(EDGE, "a single axis", "只有一个轴", lambda problem: problem.input.ndim == 1),
        Bucket(EDGE, "nothing to flatten", "无须展平", lambda p: p.input.shape == p.grad_output.shape),
    ]


def of_pad(_: str) -> list[Bucket]:
    """Return the buckets of pad."""

    def equally(problem: Problem) -> bool:
        return len(problem.pad) == 4 and len(set(problem.pad)) == 1 and problem.pad[0] > 0

    def mode(name: str) -> Callable[[Problem], bool]:
        return lambda problem: problem.mode == name

    return [
        Bucket(USUAL, "equal sides of a picture", "图像四边相等", equally),
        *(Bucket(USUAL, name, name, mode(name)) for name in ("constant", "reflect", "replicate", "circular")),
        Bucket(EDGE, "unequal sides", "各边不等", lambda problem: len(set(problem.pad)) > 1),
        Bucket(EDGE, "one side alone", "只填一侧", lambda p: any((b == 0) != (a == 0) for b, a in _pairs(p.pad))),
        Bucket(EDGE, "a value", "填充值", lambda problem: bool(problem.value)),
    ]


def _pairs(pad: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(pad[::2], pad[1::2], strict=True))
