"""The subject: the implementation that the specification is run against.

A subject is a namespace of functions named and called as in `torch.nn.functional`, NumPy arrays in, NumPy
arrays out, and for each of them its gradient, `<name>_backward(grad_output, ...)` with the same arguments.
A gradient function returns one array for each name that `GRADIENTS` lists, a tuple if there are several,
with None for an argument that is missing or has no gradient. The package `reference` is such a namespace. The
document's network (`cifar10_cnn` and its gradient, as in `reference.cnn`) and the optimizers have forms of their own.

One file in this folder is one subject: it has a function `load(device, variant)` that returns a `Subject`, or
raises `NotAvailable`. `--subject NAME` loads the file NAME.py, `--subject NAME:VARIANT` passes the variant on.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
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
    """The number formats it computes in, of those in `spec_tests.formats`."""

    sums_directly: bool
    """Whether its convolutions add up products (direct, matrix product), rather than transform (Winograd, FFT)."""

    deviations: frozenset[str]
    """The known deviations (`deviations.toml`) that it shows and that a bound has to make room for."""

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format.

        For float32 and float64 that is the format of the arrays themselves. For the others the arrays are
        float32 already rounded to the format: the subject casts them on the way in and back on the way out.
        """

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name."""


class NotAvailable(Exception):
    """The subject, its variant or its device is not to be had here."""


def names() -> list[str]:
    """Return the subjects there are."""
    return sorted(module.name for module in iter_modules(__path__))


def load(name: str, device: str = "cpu") -> Subject:
    """Return the subject of this name on this device; raise NotAvailable if there is none."""
    file, _, variant = name.partition(":")
    if file not in names():
        raise NotAvailable(f"no subject {file!r}; there are {', '.join(names())}")
    try:
        module = import_module(f"{__name__}.{file}")
    except ModuleNotFoundError as error:
        raise NotAvailable(f"{error.name} is not installed") from None
    subject: Subject = module.load(device, variant)
    return subject
