"""What a subject is: the implementation that the specification is run against."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, NotImplementedError)
"""What a subject may raise to refuse its arguments; any other exception is a defect."""

_LOSS = ("input", "target", "weight")
GRADIENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "linear", "batch_norm"), ("input", "weight", "bias")),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d", "pad", "flatten", "nll_loss"), ("input",)),
    **dict.fromkeys(("avg_pool2d", "adaptive_avg_pool2d"), ("input",)),
    **dict.fromkeys(("relu", "sigmoid", "tanh", "softmax", "log_softmax"), ("input",)),
    **dict.fromkeys(("l1_loss", "mse_loss", "cross_entropy"), _LOSS),
}
"""The arguments that a gradient function returns gradients for, in order."""

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad")
"""One step each: `sgd(param, grad, state, **options)` returns the next param and state, as in `reference.optim`."""


class Subject(Protocol):
    """An implementation under test."""

    name: str
    """How reports call it, with its device and version where it has one."""

    dtypes: frozenset[str]
    """The number formats it computes in, of those in `spec_tests.vocabulary.formats`."""

    transforms: Mapping[str, str]
    """The operations that may transform before they multiply, each with the name of the transform: of those in
    `spec_tests.vocabulary.transforms`, the one with the widest bound that it may take. All others add up products
    directly, or as a matrix product. An operation that transforms may spread NaN and infinity within an image."""

    deviations: frozenset[str]
    """The known deviations (`deviations.toml`) that it shows and that a bound has to make room for."""

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format.

        For float32 and float64 that is the format of the arrays themselves. For the others the arrays are
        float32 already rounded to the format: the subject casts them on the way in and back on the way out.
        """

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name."""
