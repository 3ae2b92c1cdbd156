"""What is particular to a GPU: its own clock, its memory, and CUDA graphs."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from benchmarks.side_by_side import WARM_UPS

CALLS = 11
"""The number of calls of which the median is taken."""
CYCLES = 2e9
"""At least as many cycles as a GPU's clock has in a second."""
SHORT = 1e-4
"""Seconds that launching two events takes."""


def of_cuda(run: Callable[[], Any]) -> dict[str, float]:
    """Return the time on the device, the time that the host needs for launching, and the peak memory of tensors.

    The memory of a CUDA graph's own pool, which it has kept since its capture, does not count.
    """
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    launch = median(_launch_seconds(run) for _ in range(CALLS))
    return {
        "event_seconds": median(_event_seconds(run, launch) for _ in range(CALLS)),
        "launch_seconds": launch,
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }


def _launch_seconds(run: Callable[[], Any]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _event_seconds(run: Callable[[], Any], launch: float) -> float:
    """Return the time between two events, keeping the device busy until everything has been launched."""
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize()
    torch.cuda._sleep(int((2 * launch + SHORT) * CYCLES))  # type: ignore[no-untyped-call]  # torch's
    before.record()
    run()
    after.record()
    torch.cuda.synchronize()
    return float(before.elapsed_time(after)) / 1000


@dataclass(frozen=True)
class Replay:
    """A captured CUDA graph as a call. It uses the addresses it was captured with, so these must stay allocated."""

    graph: Any
    result: Any
    alive: tuple[Any, ...]

    def __call__(self) -> Any:
        """Replay all launches and return the result, whose address is always the same."""
        self.graph.replay()
        return self.result


def captured(run: Callable[[], Any], prepare: Callable[[], None], alive: Any) -> Replay:
    """Return a call, captured once in a CUDA graph after its preparation and a few calls to warm up."""
    aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # a graph's backward pass runs on the stream of its forward pass
        prepare()
        for _ in range(WARM_UPS):
            run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=aside):
        result = run()
    return Replay(graph, result, (alive, run))
