"""A GPU that is only pretended: what is meant for "cuda" is computed on the CPU, so that its code can be tried there.

Tensors go to the CPU, streams and events do nothing, and a graph records the operators of its capture and replays them
from the same memory into the same memory. Calls of `torch.cuda` are held against the signatures of the real functions.
What remains for a real GPU: its kernels and their rounding, its clock and memory, torch.compile's code for it, NCCL.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.measuring import tensors


class OnTheCpu(TorchFunctionMode):
    """Sends to the CPU what is meant for "cuda"."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function with the CPU in place of a GPU."""
        if func is torch.Tensor.pin_memory:
            return args[0]
        return func(*map(_here, args), **{name: _here(value) for name, value in (kwargs or {}).items()})


def _here(value: Any) -> Any:
    on_gpu = isinstance(value, str | torch.device) and str(value).startswith("cuda")
    return torch.device("cpu") if on_gpu else value


class Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """A captured graph: records operators, to compute them again from the same memory into the same memory."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operator and keep it."""
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Compute everything again."""
        with torch.no_grad():
            for func, args, kwargs, result in self.calls:
                for old, new in zip(tensors(result), tensors(func(*args, **kwargs)), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


STREAM = SimpleNamespace(wait_stream=nothing)
EVENT = SimpleNamespace(record=nothing, elapsed_time=lambda _: 1.0)
FAKES: dict[str, Callable[..., Any]] = {
    "is_available": lambda: True,
    "get_device_name": lambda *_: "a pretended GPU",
    "get_device_properties": lambda *_: SimpleNamespace(L2_cache_size=2**20),
    "synchronize": nothing,
    "_sleep": nothing,
    "reset_peak_memory_stats": nothing,
    "max_memory_allocated": lambda *_: 1,
    "set_device": nothing,
    "Stream": lambda *_, **__: STREAM,
    "current_stream": lambda *_: STREAM,
    "stream": nullcontext,
    "Event": lambda *_, **__: EVENT,
    "graph": lambda recording, **_: recording,
}
"""What stands for functions of `torch.cuda`; it may be called as they may."""


@contextmanager
def pretended() -> Iterator[None]:
    """Pretend that there is a GPU."""
    autocast = torch.autocast
    with ExitStack() as stack:
        for name, fake in FAKES.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, _as_strict(getattr(torch.cuda, name), fake)))
        stack.enter_context(mock.patch.object(torch.cuda, "CUDAGraph", Recording))
        stack.enter_context(mock.patch.object(torch.backends.cudnn, "version", return_value=None))
        stack.enter_context(mock.patch.object(torch.accelerator, "synchronize", nothing))
        stack.enter_context(mock.patch.object(torch, "compile", lambda model, **_: lambda *args: model(*args)))
        stack.enter_context(mock.patch.object(torch, "autocast", lambda _, dtype: autocast("cpu", dtype)))
        stack.enter_context(OnTheCpu())
        yield


def _as_strict(real: Any, fake: Callable[..., Any]) -> Callable[..., Any]:
    """Return the fake, which takes only the arguments that the real function takes."""
    signature = inspect.signature(real)

    def strict(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        return fake(*args, **kwargs)

    return strict
