"""How a row is measured: warmed up, timed by a clock that waits for the device, watched, and described.

The clock is `torch.utils.benchmark.timer`, which waits for the accelerator before it reads the time. A clock that does
not wait measures how fast work is handed over, not how fast it is done: `unfinished` notices that, for every row.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from statistics import median
from typing import Any

import torch
from torch.utils.benchmark import timer as synchronized_timer

from benchmarks.counts import Ceiling, Work, floor
from benchmarks.environment import DISTURBED, Watch
from benchmarks.steps import WARM_UP

Run = Callable[[], Any]
Clock = Callable[[], float]

LATE = 1e-3
"""Seconds of work left over that are no accident of the system's."""
CUDA_CALLS = 11
"""Of which the median is taken."""
EMPTY: dict[str, Any] = dict.fromkeys(
    ("flop", "bytes", "floor", "error", "ratio", "event_seconds", "launch_seconds", "peak_bytes")
)


class UnsynchronizedClock(AssertionError):
    """The clock was read before the work was done."""


def timed(benchmark: Any, run: Run, device: str = "cpu", clock: Clock = synchronized_timer) -> Any:
    """Time a call with pytest-benchmark, note who else used the machine, and return what the call returns.

    In a smoke test it is called once.

    `clock` is the one that the benchmark was told to use, by its mark.
    """
    if not benchmark.enabled:
        return benchmark(run)
    for _ in range(WARM_UP):
        run()
    wait = torch.accelerator.synchronize if device != "cpu" else _nothing
    refuse_unsynchronized(run, clock, wait)
    watch = Watch()
    result = benchmark(run)
    others = watch.others()
    benchmark.extra_info.update(others=others, disturbed=others > DISTURBED)
    if device == "cuda":
        benchmark.extra_info.update(of_cuda(run))
    return result


def refuse_unsynchronized(run: Run, clock: Clock, wait: Callable[[], None]) -> None:
    """Raise UnsynchronizedClock if most of the work, and at least a millisecond of it, is left when the clock stops."""
    start = clock()
    run()
    measured = clock() - start
    stopped = time.perf_counter()
    wait()
    left = time.perf_counter() - stopped
    if left > max(measured, LATE):
        raise UnsynchronizedClock(
            f"the clock says {measured:.3g} s, but the work went on for {left:.3g} s: it has to wait for the device"
        )


def of_cuda(run: Run) -> dict[str, float]:
    """Return the time between events on the device, the time the host needs to launch, and the most memory held."""
    torch.cuda.reset_peak_memory_stats()
    both = [_event_and_launch_seconds(run) for _ in range(CUDA_CALLS)]
    events, launches = zip(*both, strict=True)
    return {
        "event_seconds": median(events),
        "launch_seconds": median(launches),
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }


def _event_and_launch_seconds(run: Run) -> tuple[float, float]:
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize()
    start = time.perf_counter()
    before.record()
    run()
    after.record()
    launched = time.perf_counter() - start
    torch.cuda.synchronize()
    return before.elapsed_time(after) / 1000, launched


def described(question: str, batch: int, threads: int, device: str = "cpu", **known: Any) -> dict[str, Any]:
    """Return a row's description: what is known about it, and None for what is not."""
    return {"question": question, "batch": batch, "threads": threads, "device": device, **EMPTY, **known}


def counted(work: list[Work], ceiling: Ceiling | None) -> Mapping[str, Any]:
    """Return the operations and ideal bytes of some work, and its floor under a ceiling."""
    return {
        "flop": sum(part.flop for part in work),
        "bytes": sum(part.bytes for part in work),
        "floor": None if ceiling is None else asdict(floor(work, ceiling)),
    }


def _nothing() -> None:
    """On the CPU a call is done when it returns."""
