"""How a row is measured: it is warmed up, timed by a clock that waits for the device, watched, and described.

The clock is `torch.utils.benchmark.timer`, which waits for the accelerator before it reads the time. A clock that does
not wait measures how fast work is submitted, not how fast it is done; `refuse_unsynchronized` checks the clock of every
row.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

import pytest
import torch
from torch.utils.benchmark import timer as synchronized_timer

from benchmarks.counts import Ceiling, Work, floor
from benchmarks.environment import Watch, precision_flags
from benchmarks.side_by_side import WARM_UPS

Run = Callable[[], Any]
Clock = Callable[[], float]

ROW = pytest.mark.benchmark(timer=synchronized_timer, max_time=0.4, min_rounds=5, min_time=0, calibration_precision=1)
"""The mark of every row: one call per round, so that a time is that of one call from submission to completion."""

LATE = 1e-3
"""Seconds of remaining work that cannot be due to chance."""
CUDA_CALLS = 11
"""The number of calls of which the median is taken."""
CYCLES = 2e9
"""At least as many cycles as a GPU's clock has in a second."""
SHORT = 1e-4
"""Seconds that launching two events takes."""
EMPTY: dict[str, Any] = dict.fromkeys(
    ("flop", "useful_flop", "bytes", "floor", "error", "ratio", "event_seconds", "launch_seconds", "peak_bytes")
)


class UnsynchronizedClock(AssertionError):
    """The clock was read before the work was done."""


def timed(benchmark: Any, run: Run, device: str = "cpu") -> Any:
    """Time a call with pytest-benchmark, note how much other processes used, and return the call's result.

    In a smoke test, make the call once.
    """
    if not benchmark.enabled:
        return benchmark(run)
    for _ in range(WARM_UPS):
        run()
    refuse_unsynchronized(run, benchmark._timer, _waiting(device))  # the clock that will time it
    watch = Watch()
    result = benchmark(run)
    benchmark.extra_info.update(others=watch.others(), disturbed=watch.disturbed())
    if device == "cuda":
        benchmark.extra_info.update(of_cuda(run), flags=precision_flags())
    return result


def _waiting(device: str) -> Callable[[], None]:
    """Return a call that waits for a device; on the CPU, work is done when a call returns."""
    return (lambda: None) if device == "cpu" else torch.accelerator.synchronize


def refuse_unsynchronized(run: Run, clock: Clock, wait: Callable[[], None]) -> None:
    """Raise UnsynchronizedClock if most of the work, and at least a millisecond, remains when the clock stops."""
    start = clock()
    run()
    measured = clock() - start
    stopped = time.perf_counter()
    wait()
    left = time.perf_counter() - stopped
    if left > max(measured, LATE):
        raise UnsynchronizedClock(
            f"the clock measured {measured:.3g} s, but work continued for {left:.3g} s: it has to wait for the device"
        )


def of_cuda(run: Run) -> dict[str, float]:
    """Return the time on the device, the time that the host needs for launching, and the peak memory of tensors.

    The memory of a CUDA graph's own pool, which it has kept since its capture, does not count.
    """
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    launch = median(_launch_seconds(run) for _ in range(CUDA_CALLS))
    return {
        "event_seconds": median(_event_seconds(run, launch) for _ in range(CUDA_CALLS)),
        "launch_seconds": launch,
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }


def _launch_seconds(run: Run) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _event_seconds(run: Run, launch: float) -> float:
    """Return the time between two events, keeping the device busy until everything has been launched."""
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize()
    torch.cuda._sleep(int((2 * launch + SHORT) * CYCLES))  # type: ignore[no-untyped-call]  # torch's
    before.record()
    run()
    after.record()
    torch.cuda.synchronize()
    return float(before.elapsed_time(after)) / 1000


def described(question: str, batch: int, threads: int, device: str = "cpu", **known: Any) -> dict[str, Any]:
    """Return a row's description, with None for what is not known."""
    return {"question": question, "batch": batch, "threads": threads, "device": device, **EMPTY, **known}


def counted(work: list[Work], ceiling: Ceiling | None) -> Mapping[str, Any]:
    """Return the operations and ideal bytes of some work, and its floor for a ceiling."""
    return {
        "flop": sum(part.flop for part in work),
        "useful_flop": sum(part.useful_flop for part in work),
        "bytes": sum(part.bytes for part in work),
        "floor": None if ceiling is None else asdict(floor(work, ceiling)),
    }
