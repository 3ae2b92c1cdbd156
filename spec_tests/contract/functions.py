"""The functions of the specification: their names, and the arguments that each of them takes."""

import inspect
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any

import reference
from spec_tests.vocabulary.operations import CONVOLUTIONS, MAX_POOLS, OPERATIONS, OPTIMIZERS, TRANSFORMS

BACKWARD = "_backward"
MORE = ("batch_norm_statistics", "cifar10_cnn", f"cifar10_cnn{BACKWARD}")
"""What a subject may have beside the operations, their gradients, the optimizers and the transforms."""

FUNCTIONS = (*OPERATIONS, *(f"{name}{BACKWARD}" for name in OPERATIONS), *OPTIMIZERS, *TRANSFORMS, *MORE)

UNBATCHED_AXES = {
    **{name: int(name[-2]) + 1 for name in (*CONVOLUTIONS, *MAX_POOLS)},
    **{name: int(name[-2]) + 1 for name in OPERATIONS if name.endswith(("avg_pool1d", "avg_pool2d", "avg_pool3d"))},
    "linear": 1,
    "cross_entropy": 1,
    "nll_loss": 1,
    "softmax": 1,
    "log_softmax": 1,
}
"""How many axes the input of an operation has if it comes without a batch, where both forms are taken."""

FEATURES = {
    "unbatched": "an input without the axis of the batch",
    "batched": "several pictures in one array, of a transform",
    "integers": "an input of whole numbers, or a picture of bytes",
    "indices": "the indices of the largest cells (return_indices)",
    "empty": "arrays without an element",
    "strided": "arrays that are not contiguous in memory",
    "read-only": "arrays that must not be written",
    "gradients": "any gradient",
    "tuples": "options with a number for each axis; equal ones are then handed over as one number",
}
"""What a subject may not offer, beside functions, arguments and single values of arguments."""


ARRAYS = ("input", "weight", "bias", "target", "grad_output", "running_mean", "running_var", "param", "grad")
"""The arguments that are arrays."""

PER_AXIS = ("kernel_size", "stride", "padding", "dilation")
"""The options that are one number, or one for each axis."""


FOUND_BEFORE = ("indices",)
"""What the references' gradients may be told, so as not to look for it again; nobody else is asked to take it."""


@cache
def signature(function: str) -> inspect.Signature:
    """Return the signature of a function, as the references have it, without what has been found before."""
    whole = inspect.signature(getattr(reference, function))
    return whole.replace(parameters=[p for p in whole.parameters.values() if p.name not in FOUND_BEFORE])


@cache
def parameters(function: str) -> MappingProxyType[str, Any]:
    """Return the arguments of a function with their defaults, `inspect.Parameter.empty` where there is none."""
    return MappingProxyType({name: p.default for name, p in signature(function).parameters.items()})


@cache
def operation_of(function: str) -> str:
    """Return the operation that a function computes, or whose gradient it is."""
    return function.removesuffix(BACKWARD) if function in FUNCTIONS else function


def named(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    return {**dict(zip(parameters(function), args, strict=False)), **kwargs} if args else dict(kwargs)


def nearest(name: str, known: Any) -> str:
    """Return a hint at the known name that is nearest to this one, or an empty string.

    >>> nearest("conv2", ["conv2d", "relu"])
    "; did you mean 'conv2d'?"
    """
    near = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
