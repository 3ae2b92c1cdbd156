"""PyTorch's meta device, which computes shapes and dtypes without numbers: they must be those of the results."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from spec_tests.contract.on_tensors import has_gradient
from spec_tests.subjects.torch.eager import TorchSubject
from spec_tests.vocabulary.operations import GRADIENTS


class Meta(TorchSubject):
    """PyTorch with results of the shape, dtype and strides' order that the meta device promises.

    Where the promise is kept, it gives what is computed, and otherwise NaN in the shape and dtype that were promised.
    Gradients are those of the outputs that were promised. What the numbers decide, as a class that does not exist, the
    meta device cannot refuse: refusals are those of the real device.
    """

    mode = "as promised by meta"

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name, its results held against the promise."""
        plain = super().function(operation)

        def kept(*args: Any, **kwargs: Any) -> Any:
            real = plain(*args, **kwargs)
            promised = plain(*map(_on_meta, args), **{name: _on_meta(value) for name, value in kwargs.items()})
            if isinstance(real, tuple):
                return tuple(map(_as_promised, real, promised))
            return _as_promised(real, promised)

        return kept

    def _gradients(self, operation: str, grad_output: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        real = super()._gradients(operation, grad_output, *args, **kwargs)
        tensors = {name: _on_meta(value) for name, value in self.named_tensors(operation, args, kwargs).items()}
        leaves = {name: tensors[name] for name in GRADIENTS[operation] if has_gradient(operation, name, tensors)}
        for leaf in leaves.values():
            leaf.requires_grad_()
        output = super().function(operation)(**tensors)
        output = output[0] if isinstance(output, tuple) else output
        cotangent = _on_meta(self.tensor(grad_output)).to(output.dtype)
        promised = dict(zip(leaves, torch.autograd.grad(output, list(leaves.values()), cotangent), strict=True))
        several = isinstance(real, tuple)
        grads = dict(zip(GRADIENTS[operation], real if several else (real,), strict=True))
        kept = tuple(_kept(grad, promised.get(name)) for name, grad in grads.items())
        return kept if several else kept[0]


def _kept(grad: np.ndarray | None, promised: torch.Tensor | None) -> Any:
    """Return a gradient, or NaN in the shape that was promised."""
    if grad is None or promised is None:
        return grad if promised is None else np.full(promised.shape, np.nan, np.float32)
    return grad if grad.shape == promised.shape else np.full(promised.shape, np.nan, grad.dtype)


def _on_meta(value: Any) -> Any:
    """Return a tensor of this shape, dtype and strides on the meta device."""
    if not isinstance(value, torch.Tensor):
        return value
    there = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    return there.requires_grad_(value.requires_grad)


def _as_promised(real: torch.Tensor, promised: torch.Tensor) -> torch.Tensor:
    if real.shape == promised.shape and real.dtype == promised.dtype:
        return real
    return torch.zeros(promised.shape, dtype=promised.dtype) / 0
