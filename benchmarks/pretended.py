"""A GPU that is only pretended: what is meant for "cuda" is computed on the CPU, so that its code can be tried there.

Tensors go to the CPU, streams and events do nothing, and a graph records the operators of its capture and replays them
from the same memory into the same memory. Calls of `torch.cuda` are held against the signatures of the real functions.
What remains for a real GPU: its kernels and their rounding, its clock and memory, torch.compile's code for it, NCCL.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

from benchmarks.dispatched import Recording


class OnTheCpu(TorchFunctionMode):
    """Sends to the CPU what is meant for "cuda"."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function with the CPU in place of a GPU."""
        if func is torch.Tensor.pin_memory:
            return args[0]
        return func(*map(_here, args), **{name: _here(value) for name, value in (kwargs or {}).items()})


class Graph:
    """A captured graph."""

    recording = Recording()

    def replay(self) -> None:
        """Compute again what was captured."""
        self.recording.replay()


@contextmanager
def capture(graph: Graph, **_: Any) -> Iterator[None]:
    """Record what runs; a GPU would not compute it yet."""
    with Recording() as graph.recording:
        yield


@contextmanager
def on_stream(_: Any) -> Iterator[None]:
    """Do nothing in particular."""
    yield


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


def stream(*_: Any, **__: Any) -> Any:
    """Return a stream that waits for nothing."""
    return SimpleNamespace(wait_stream=nothing)


def event(*_: Any, **__: Any) -> Any:
    """Return an event a millisecond before every other."""
    return SimpleNamespace(record=nothing, elapsed_time=lambda _: 1.0)


FAKES: dict[str, Callable[..., Any]] = {
    "is_available": lambda: True,
    "get_device_name": lambda *_: "a pretended GPU",
    "get_device_properties": lambda *_: SimpleNamespace(L2_cache_size=2**20),
    "synchronize": nothing,
    "_sleep": nothing,
    "reset_peak_memory_stats": nothing,
    "max_memory_allocated": lambda *_: 1,
    "set_device": nothing,
    "Stream": stream,
    "current_stream": stream,
    "stream": on_stream,
    "Event": event,
    "CUDAGraph": Graph,
    "graph": capture,
}


@contextmanager
def pretended() -> Iterator[None]:
    """Pretend that there is a GPU."""
    with ExitStack() as stack:
        for name, fake in FAKES.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, _as_strict(getattr(torch.cuda, name), fake)))
        stack.enter_context(mock.patch.object(torch.backends.cudnn, "version", return_value=None))
        stack.enter_context(mock.patch.object(torch.accelerator, "synchronize", nothing))
        stack.enter_context(mock.patch.object(torch, "compile", _uncompiled))
        stack.enter_context(mock.patch.object(torch, "autocast", _autocast(torch.autocast)))
        stack.enter_context(OnTheCpu())
        yield


def _here(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    return "cpu" if isinstance(value, str) and value.startswith("cuda") else value


def _as_strict(real: Any, fake: Callable[..., Any]) -> Callable[..., Any]:
    """Return the fake, which takes only the arguments that the real function takes."""
    try:
        signature = inspect.signature(real)
    except ValueError:  # a class of C
        return fake

    def strict(*args: Any, **kwargs: Any) -> Any:
        signature.bind(*args, **kwargs)
        return fake(*args, **kwargs)

    return strict


def _uncompiled(model: Any, **_: Any) -> Any:
    return lambda *args: model(*args)


def _autocast(real: Any) -> Callable[..., Any]:
    return lambda _, dtype: real("cpu", dtype)
