"""PyTorch functions recorded and played back: `torch.jit.trace` and `torch.export`.

A function is recorded on other numbers than it is asked for, of the same shapes, so that whatever was computed while it
was recorded, and not as it is played, shows.
"""

from collections.abc import Callable
from typing import Any

import torch

from spec_tests.subjects.torch.captured import Captured, Capturing


class Traced(Capturing):
    """PyTorch by `torch.jit.trace`."""

    mode = "traced"

    def capture(self, function: Callable[..., Any], tensors: tuple[torch.Tensor, ...]) -> Captured:
        """Return what `torch.jit.trace` has recorded."""
        trace: Callable[..., Captured] = torch.jit.trace
        return trace(function, _others(tensors), check_trace=False)


class Exported(Capturing):
    """PyTorch by `torch.export`."""

    mode = "exported"

    def capture(self, function: Callable[..., Any], tensors: tuple[torch.Tensor, ...]) -> Captured:
        """Return what `torch.export` has recorded, as the module that plays it.

        Some of what torch refuses with a RuntimeError is refused here by an assertion.
        """
        try:
            return torch.export.export(_Module(function), _others(tensors), strict=False).module()
        except AssertionError as refusal:
            raise RuntimeError(str(refusal)) from refusal


class _Module(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.call = function

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Call the function."""
        return self.call(*tensors)


def _others(tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Return tensors that lie in memory as these, with other numbers: 0, which is also a class that exists."""
    others = (torch.empty_strided(t.shape, t.stride(), dtype=t.dtype, device=t.device).zero_() for t in tensors)
    return tuple(other.requires_grad_(t.requires_grad) for other, t in zip(others, tensors, strict=True))
