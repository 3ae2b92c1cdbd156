"""What a drawn problem is an example of: the calls that networks make, the edges of what is allowed, and widths.

A bucket is a named predicate on a problem. How many problems of a run are in each is data of its report, and a test of
the draws fails for a bucket that stays empty: what is never drawn is never tested.
"""

from collections.abc import Callable
from functools import cache

from spec_tests.vocabulary.buckets.bucket import EDGE, USUAL, WIDTH, Bucket, widths
from spec_tests.vocabulary.buckets.of_layers import of_elementwise, of_flatten, of_linear, of_pad, of_softmax
from spec_tests.vocabulary.buckets.of_norms_and_losses import (
    of_batch_norm,
    of_class_losses,
    of_layer_norm,
    of_regression_losses,
)
from spec_tests.vocabulary.buckets.of_windows import of_adaptive_pool, of_avg_pool, of_convolutions, of_max_pools
from spec_tests.vocabulary.problems import Problem


@cache
def of(operation: str) -> tuple[Bucket, ...]:
    """Return the buckets of an operation, in the order in which they are shown."""
    if operation not in _BUCKETS:
        return ()
    buckets, width = _BUCKETS[operation]
    return (*buckets(operation), *([] if width is None else widths(width)))


def of_problem(problem: Problem) -> list[str]:
    """Return the names of the buckets that a problem is in."""
    return [bucket.name for bucket in of(problem.operation) if bucket.holds(problem)]


@cache
def names_zh() -> dict[str, str]:
    """Return the Chinese name of every bucket, by its English one."""
    return {bucket.name: bucket.zh for operation in _BUCKETS for bucket in of(operation)}


# What the width of an operation is


def _channels(problem: Problem) -> int:
    """Return the channels before the spatial axes of a convolution or pooling: of its input."""
    return int(problem.input.shape[-problem.rank - 1])


def _channels_of_pictures(problem: Problem) -> int:
    return int(problem.input.shape[-3])


def _classes(problem: Problem) -> int:
    return int(problem.input.shape[min(1, problem.input.ndim - 1)])


def _axis_1(problem: Problem) -> int:
    return int(problem.input.shape[1])


def _entries(problem: Problem) -> int:
    return int(problem.input.shape[problem.dim])


def _features(problem: Problem) -> int:
    return int(problem.input.shape[-1])


_BUCKETS: dict[str, tuple[Callable[[str], list[Bucket]], Callable[[Problem], int] | None]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), (of_convolutions, _channels)),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), (of_max_pools, _channels)),
    "avg_pool2d": (of_avg_pool, _channels),
    "adaptive_avg_pool2d": (of_adaptive_pool, _channels_of_pictures),
    "pad": (of_pad, None),
    **dict.fromkeys(("relu", "sigmoid", "tanh"), (of_elementwise, None)),
    **dict.fromkeys(("softmax", "log_softmax"), (of_softmax, _entries)),
    "linear": (of_linear, _features),
    "flatten": (of_flatten, None),
    **dict.fromkeys(("l1_loss", "mse_loss"), (of_regression_losses, None)),
    **dict.fromkeys(("nll_loss", "cross_entropy"), (of_class_losses, _classes)),
    "batch_norm": (of_batch_norm, _axis_1),
    "layer_norm": (of_layer_norm, _features),
}
"""By operation, its buckets but for widths, and what its width is, if there is such a thing."""

__all__ = ["EDGE", "USUAL", "WIDTH", "Bucket", "names_zh", "of", "of_problem"]
