"""PyTorch functions that are first captured, for tensors of certain shapes, and then run."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from spec_tests.contract.functions import named
from spec_tests.subjects.torch.eager import TorchSubject, torchs_own, without_warnings

Captured = Callable[..., Any]


CAPTURED: dict[Any, Captured] = {}
"""What was captured lately, by what it was captured for: it is run again on other numbers of the same form."""
KEPT = 64


class Capturing(TorchSubject):
    """PyTorch with functions that are captured for each call."""

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name, captured when it is called: a function of the tensors alone."""
        plain: Callable[..., Any] = CLONING.get(operation) or torchs_own(operation)

        def run(*args: Any, **kwargs: Any) -> Any:
            arguments = named(operation, args, kwargs)
            names = [name for name, value in arguments.items() if isinstance(value, torch.Tensor)]
            options = {name: value for name, value in arguments.items() if name not in names}

            def of_tensors(*given: torch.Tensor) -> Any:
                return plain(**dict(zip(names, given, strict=True)), **options)

            tensors = tuple(arguments[name] for name in names)
            form = (type(self), operation, tuple(names), repr(options), tuple(map(_form, tensors)))
            captured = CAPTURED.pop(form, None) or self.capture(of_tensors, tensors)
            CAPTURED[form] = captured  # the latest at the end
            if len(CAPTURED) > KEPT:
                del CAPTURED[next(iter(CAPTURED))]
            return captured(*tensors)

        return without_warnings(run)

    def capture(self, function: Callable[..., Any], tensors: tuple[torch.Tensor, ...]) -> Captured:
        """Return what runs in place of a function of tensors like these."""
        raise NotImplementedError


def _form(tensor: torch.Tensor) -> tuple[Any, ...]:
    """Return all that capturing may depend on: everything but the numbers."""
    return tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, tensor.requires_grad


def _batch_norm(input: Any, running_mean: Any, running_var: Any, *args: Any, **options: Any) -> Any:
    """Normalize, and leave the running statistics alone."""
    mean, var = (None if running is None else running.clone() for running in (running_mean, running_var))
    return functional.batch_norm(input, mean, var, *args, **options)


def _batch_norm_statistics(input: Any, running_mean: Any, running_var: Any, momentum: float = 0.1) -> Any:
    """Return what a training step writes into copies of the running statistics."""
    mean, var = running_mean.clone(), running_var.clone()
    functional.batch_norm(input, mean, var, training=True, momentum=momentum)
    return mean, var


CLONING: dict[str, Callable[..., Any]] = {"batch_norm": _batch_norm, "batch_norm_statistics": _batch_norm_statistics}
"""What torch has in place only, in words that can be captured."""
