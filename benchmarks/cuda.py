"""What is particular to a GPU: its own clock, its memory, and CUDA graphs."""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from benchmarks.spread import WARM_UPS, Call, seconds

CALLS = 11
"""The number of calls of which the median is taken."""
CYCLES = 2e9
"""At least as many cycles as a GPU's clock has in a second."""
SHORT = 1e-4
"""Seconds that launching two events takes."""


def of_cuda(run: Call) -> dict[str, float]:
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


def precision_flags() -> dict[str, Any]:
    """Return the current values of torch's settings that a row on a GPU may change."""
    backends: Any = torch.backends
    return {
        "float32 products": backends.cuda.matmul.fp32_precision,
        "float32 convolutions": backends.cudnn.conv.fp32_precision,
        "reduced bf16 sums": backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        "cudnn.deterministic": backends.cudnn.deterministic,
    }


def _launch_seconds(run: Call) -> float:
    torch.cuda.synchronize()
    return seconds(run, time.perf_counter)


def _event_seconds(run: Call, launch: float) -> float:
    """Return the time between two events, keeping the device busy until everything has been launched."""
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize()
    torch.cuda._sleep(int((2 * launch + SHORT) * CYCLES))  # type: ignore[no-untyped-call]  # torch's
    before.record()
    run()
    after.record()
    torch.cuda.synchronize()
    return float(before.elapsed_time(after)) / 1000


def captured(run: Callable[[], Any], prepare: Call, alive: Any) -> Callable[[], Any]:
    """Return a call, captured once in a CUDA graph after its preparation and a few calls to warm up.

    It uses the addresses that it was captured with, so that they must stay allocated: those of its result, which is
    always at the same one, of `run`, and of what is to be kept alive.
    """
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
    kept = result, run, alive

    def replay() -> Any:
        graph.replay()
        return kept[0]

    return replay
