"""PyTorch's forward-mode derivatives: a gradient must be what all directional derivatives add up to.

The gradient of ⟨grad_output, f⟩ with respect to one number of an argument is the inner product of grad_output with the
derivative of f in the direction of that number alone: one call of `torch.func.jvp` for each number of the arguments.
They are computed in float64 and rounded to float32 in the end: adding up rounded derivatives would cost more than the
bounds of gradients allow.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from spec_tests.contract.on_tensors import as_array, has_gradient
from spec_tests.subjects.torch.eager import TorchSubject
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.subject import NotOffered

MOST = 600
"""How many numbers the arguments of a call may have: each costs a call."""


class Jvp(TorchSubject):
    """PyTorch with gradients by forward-mode derivatives, and values by the same calls."""

    mode = "by jvp"

    def __init__(self, device: torch.device, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.dtypes = frozenset({"float32"})

    double_backward = None  # type: ignore[assignment]  # second derivatives are reverse-mode ones

    def tensor(self, value: Any) -> Any:
        """Return an array as a tensor, in float64 if it holds floating point numbers."""
        tensor = super().tensor(value)
        return tensor.double() if isinstance(tensor, torch.Tensor) and tensor.is_floating_point() else tensor

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, np.dtype) for value in (*args, *kwargs.values())):
            raise NotOffered("results are float32")
        result = super()._call(operation, *args, **kwargs)
        return tuple(map(_narrow, result)) if isinstance(result, tuple) else _narrow(result)

    def _transform(self, operation: str, *_: Any, **__: Any) -> Any:
        raise NotOffered(f"{operation} is asked for no derivative")

    def _network(self, *_: Any, **__: Any) -> Any:
        raise NotOffered("the network is asked by backward alone")

    def _step(self, *_: Any, **__: Any) -> Any:
        raise NotOffered("an optimizer is asked for no derivative")

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name; it computes its values along with a derivative, in the direction of 1."""
        plain = super().function(operation)

        def dual(*args: Any, **kwargs: Any) -> Any:
            input = args[0] if args else kwargs.get("input")
            if not isinstance(input, torch.Tensor) or not input.is_floating_point():
                return plain(*args, **kwargs)
            rest = {name: value for name, value in kwargs.items() if name != "input"}
            taken = torch.func.jvp(lambda x: plain(x, *args[1:], **rest), (input,), (torch.ones_like(input),))
            return taken[0]

        return dual

    def _gradients(self, operation: str, grad_output: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        grads = self.gradients_of(operation, GRADIENTS[operation], grad_output, *args, **kwargs)
        return grads if len(grads) > 1 else grads[0]

    def gradients_of(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[Any, ...]:
        """Return the gradients of these arguments, each from a derivative for each of its numbers."""
        self._set_precision()
        tensors, call = self._prepared(operation, args, kwargs)
        leaves = {name: tensors[name] for name in wanted if has_gradient(operation, name, tensors)}
        if not leaves:
            raise TypeError(f"no argument of {operation} has a gradient")
        if sum(leaf.numel() for leaf in leaves.values()) > MOST:
            raise NotOffered(f"a forward-mode gradient of more than {MOST} numbers takes too long")
        cotangent = self.tensor(grad_output)
        found = {name: self._gradient(call, name, leaf, cotangent) for name, leaf in leaves.items()}
        return tuple(found.get(name) for name in wanted)

    def _prepared(self, operation: str, args: Any, kwargs: Any) -> tuple[dict[str, Any], Callable[..., Any]]:
        """Return the arguments by name, and a function of one of them that gives the output."""
        plain = super().function(operation)
        tensors = self.named_tensors(operation, args, kwargs)

        def call(name: str, value: torch.Tensor) -> torch.Tensor:
            output = plain(**{**tensors, name: value})
            first: torch.Tensor = output[0] if isinstance(output, tuple) else output
            return first

        return tensors, call

    def _gradient(self, call: Any, name: str, leaf: torch.Tensor, cotangent: torch.Tensor) -> np.ndarray:
        grad = torch.zeros(leaf.numel(), dtype=leaf.dtype, device=leaf.device)
        direction = torch.zeros_like(leaf, memory_format=torch.contiguous_format)
        row = direction.view(-1)
        for place in range(leaf.numel()):
            row[place] = 1
            output, derivative, *_ = torch.func.jvp(lambda value: call(name, value), (leaf,), (direction.clone(),))
            grad[place] = _inner(cotangent.to(output.dtype), derivative)
            row[place] = 0
        return _narrow(as_array(grad.reshape(leaf.shape)))


def _narrow(array: np.ndarray) -> np.ndarray:
    """Return floating point numbers as float32."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _inner(cotangent: torch.Tensor, derivative: torch.Tensor) -> torch.Tensor:
    """Return ⟨cotangent, derivative⟩, in float64, over what the direction reaches: 0 · ∞ must not spoil the others."""
    reached = derivative != 0
    return (cotangent[reached].double() * derivative[reached].double()).sum()
