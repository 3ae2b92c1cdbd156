"""The buckets of convolutions and poolings."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spec_tests.vocabulary import everyday
from spec_tests.vocabulary.buckets.bucket import EDGE, SPECIAL_NUMBERS, USUAL, Bucket, batches
from spec_tests.vocabulary.everyday import Window
from spec_tests.vocabulary.problems import Problem


class _Steps(NamedTuple):
    """The geometry of a convolution or pooling, one number for each axis."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def spans(self) -> list[int]:
        return [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]


_latest: tuple[Problem, _Steps] | None = None


def _steps(problem: Problem) -> _Steps:
    """Return the geometry of a problem; all its buckets ask for it, one after the other, so the latest is kept."""
    global _latest
    if _latest is None or _latest[0] is not problem:
        _latest = problem, _geometry(problem)
    return _latest[1]


def _geometry(problem: Problem) -> _Steps:
    rank, options = problem.rank, problem.options
    kernel = problem.per_axis("kernel_size") if "kernel_size" in options else problem.weight.shape[2:]
    padding = (0,) * rank if isinstance(options["padding"], str) else problem.per_axis("padding")
    dilation = problem.per_axis("dilation") if "dilation" in options else (1,) * rank
    return _Steps(problem.input.shape[-rank:], kernel, problem.per_axis("stride"), padding, dilation)


def _moves_as(window: Window) -> Callable[[Problem], bool]:
    def holds(problem: Problem) -> bool:
        _, kernel, stride, padding, dilation = _steps(problem)
        return (
            kernel == (window.kernel,) * len(kernel)
            and stride == (window.stride,) * len(kernel)
            and padding == (window.padding,) * len(kernel)
            and dilation == (1,) * len(kernel)
            and not isinstance(problem.options["padding"], str)
        )

    return holds


def _usual_windows(windows: Iterable[Window]) -> list[Bucket]:
    return [Bucket(USUAL, str(w), f"核 {w.kernel}、步幅 {w.stride}、填充 {w.padding}", _moves_as(w)) for w in windows]


def _is_depthwise(problem: Problem) -> bool:
    return problem.groups > 1 and problem.weight.shape[1] == 1


def _is_uneven(problem: Problem) -> bool:
    steps = _steps(problem)
    return any(
        (h + 2 * p - span) % s
        for h, p, span, s in zip(steps.size, steps.padding, steps.spans(), steps.stride, strict=True)
    )


def _has_unequal_axes(problem: Problem) -> bool:
    return any(one != other for option in _steps(problem)[1:] for one, other in pairwise(option))


def _is_larger_than_its_input(problem: Problem) -> bool:
    steps = _steps(problem)
    return any(span > h for h, span in zip(steps.size, steps.spans(), strict=True))


def _steps_over_cells(problem: Problem) -> bool:
    steps = _steps(problem)
    return any(s > k for k, s in zip(steps.kernel, steps.stride, strict=True))


def _edges_of_windows(operation: str) -> list[Bucket]:
    rank = int(operation.removesuffix("d")[-1])
    several = [Bucket(EDGE, "unequal axes", "各轴不同", _has_unequal_axes)] if rank > 1 else []
    return [
        *several,
        Bucket(EDGE, "uneven stride", "步幅除不尽", _is_uneven),
        Bucket(EDGE, "stride over kernel", "步幅大于核", _steps_over_cells),
        Bucket(EDGE, "kernel over input", "核大于输入", _is_larger_than_its_input),
        Bucket(EDGE, "a single output", "只有一个输出", lambda problem: set(problem.grad_output.shape[-rank:]) == {1}),
        Bucket(EDGE, "numbers alone", "以单个数给出", lambda problem: isinstance(problem.options["padding"], int)),
        Bucket(EDGE, "numbers as a tuple", "以元组给出", lambda problem: isinstance(problem.options["padding"], tuple)),
        *batches(rank + 2),
    ]


def _is_dilated(problem: Problem) -> bool:
    return max(_steps(problem).dilation) > 1


DILATION = Bucket(EDGE, "dilation", "膨胀", _is_dilated)
CEIL_MODE = Bucket(EDGE, "ceil_mode", "ceil_mode", lambda problem: bool(problem.ceil_mode))
NO_STRIDE = Bucket(EDGE, "the stride left out", "省略步幅", lambda problem: problem.stride is None)


def of_convolutions(operation: str) -> list[Bucket]:
    """Return the buckets of a convolution."""
    return [
        *_usual_windows(everyday.CONVOLUTIONS),
        Bucket(USUAL, "depthwise", "逐通道", _is_depthwise),
        Bucket(USUAL, "padding same", "padding='same'", lambda problem: problem.padding == "same"),
        Bucket(USUAL, "padding valid", "padding='valid'", lambda problem: problem.padding == "valid"),
        Bucket(USUAL, "bias", "有偏置", lambda problem: problem.bias is not None),
        DILATION,
        Bucket(EDGE, "groups", "分组", lambda problem: problem.groups > 1 and not _is_depthwise(problem)),
        *_edges_of_windows(operation),
    ]


def of_max_pools(operation: str) -> list[Bucket]:
    """Return the buckets of a max pooling."""
    return [
        *_usual_windows(everyday.POOLINGS),
        DILATION,
        CEIL_MODE,
        NO_STRIDE,
        *_edges_of_windows(operation),
        Bucket(EDGE, "ties", "并列最大值", lambda problem: np.unique(problem.input).size < problem.input.size),
        *SPECIAL_NUMBERS,
    ]


def of_avg_pool(operation: str) -> list[Bucket]:
    """Return the buckets of avg_pool2d."""
    return [
        *_usual_windows(everyday.POOLINGS),
        CEIL_MODE,
        NO_STRIDE,
        Bucket(EDGE, "padding not counted", "不计填充", lambda problem: not problem.count_include_pad),
        Bucket(EDGE, "a divisor of its own", "自定除数", lambda problem: problem.divisor_override is not None),
        *_edges_of_windows(operation),
    ]


def of_adaptive_pool(_: str) -> list[Bucket]:
    """Return the buckets of adaptive_avg_pool2d."""

    def shares_out(sizes: tuple[int, ...], most: int) -> bool:
        return sizes == (most, most)

    return [
        Bucket(USUAL, "to 1 by 1", "到 1×1", lambda problem: shares_out(problem.grad_output.shape[-2:], 1)),
        Bucket(USUAL, "to 7 by 7", "到 7×7", lambda problem: shares_out(problem.grad_output.shape[-2:], 7)),
        Bucket(EDGE, "unequal axes", "各轴不同", lambda p: p.grad_output.shape[-2] != p.grad_output.shape[-1]),
        Bucket(EDGE, "windows that overlap", "窗口重叠", lambda p: any(map(_overlap, *_sizes(p)))),
        Bucket(
            EDGE,
            "more windows than cells",
            "窗口多于单元",
            lambda p: any(n > h for h, n in zip(*_sizes(p), strict=True)),
        ),
        Bucket(
            EDGE, "a size left as it is", "保持原尺寸", lambda p: None in np.atleast_1d(np.array(p.output_size, object))
        ),
        *batches(4),
    ]


def _sizes(problem: Problem) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return problem.input.shape[-2:], problem.grad_output.shape[-2:]


def _overlap(size: int, windows: int) -> bool:
    return size % windows > 0
