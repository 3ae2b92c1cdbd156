"""How a row is measured: checked, warmed up, timed by a clock that waits for the device, watched, and checked again.

The clock is `torch.utils.benchmark.timer`, which waits for the accelerator before it reads the time. A clock that does
not wait measures how fast work is submitted, not how fast it is done; `refuse_unsynchronized` checks the clock of every
row.

The rounds, of one call each, stop by this rule: there are at least `FEWEST`; they end as soon as the 95 % interval of
their median is within `PRECISION` of it on either side, or else after `BUDGET` seconds or `MOST` rounds. The interval
lies between two of the sorted times, whatever their distribution. As the rounds stop when it is narrow, it holds the
median a little less often than 95 times in 100; `--processes` has its own. The same rule, with a smaller budget,
applies to cold rounds, before each of which a buffer twice as large as the last cache is written.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.benchmark import timer as synchronized_timer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cuda import of_cuda, precision_flags
from benchmarks.environment import Watch, last_level_cache
from benchmarks.spread import WARM_UPS, Call, Timer, of_rounds, ratio, seconds

ROW = pytest.mark.benchmark(timer=synchronized_timer)
"""The mark of every row."""

LATE = 1e-3
"""Seconds of remaining work that cannot be due to chance."""
FEWEST, MOST = 7, 1000
PRECISION = 0.01
BUDGET = {"warm": 1.0, "cold": 0.5}
"""Seconds, with all that is done between the rounds."""


class UnsynchronizedClock(AssertionError):
    """The clock was read before the work was done."""


def timed(benchmark: Any, run: Call, error: Callable[[], float], device: str = "cpu") -> None:
    """Time a call and note what else is known of it; `error` checks what the call computes, before and after.

    In a smoke test, check and make the call once.
    """
    before = error()
    if not benchmark.enabled:
        benchmark(run)
        benchmark.extra_info.update(error=before)
        return
    for _ in range(WARM_UPS):
        run()
    clock = benchmark._timer
    refuse_unsynchronized(run, clock, (lambda: None) if device == "cpu" else torch.accelerator.synchronize)
    watch = Watch()
    times = rounds(run, clock, BUDGET["warm"])
    benchmark.extra_info.update(watch.found(), interval=asdict(of_rounds(times)))
    _give(benchmark, times)
    if getattr(benchmark, "only_times", False):
        return
    benchmark.extra_info.update(cold=asdict(of_rounds(rounds(run, clock, BUDGET["cold"], flush(device)))))
    benchmark.extra_info.update(counted(run, benchmark.params))
    if device == "cuda":
        benchmark.extra_info.update(of_cuda(run), flags=precision_flags())
    benchmark.extra_info.update(error=max(before, error()))


def rounds(run: Call, clock: Timer, budget: float, prepare: Call = lambda: None) -> list[float]:
    """Return the seconds of each round, by the rule above; `prepare` is called before each, untimed."""
    times, start = list[float](), clock()
    while not _enough(times, clock() - start >= budget):
        prepare()
        times.append(max(seconds(run, clock), 1e-9))
    return times


def _enough(times: Sequence[float], spent: bool) -> bool:
    if len(times) < FEWEST:
        return False
    found = of_rounds(times)
    narrow = max(found.median - found.low, found.high - found.median) <= PRECISION * found.median
    return narrow or spent or len(times) >= MOST


def flush(device: str) -> Call:
    """Return a call that leaves nothing of a row's data in the device's caches."""
    on_gpu = device == "cuda"
    size = torch.cuda.get_device_properties().L2_cache_size if on_gpu else last_level_cache()
    buffer = torch.zeros(2 * size // 4, device=device)
    return lambda: buffer.add_(1)


def counted(run: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what one call did, as far as it can be counted.

    For torch, the operations that its counter knows, the bytes that go into and out of its operators, and the most
    bytes of their results alive at once; for NumPy, the peak of the memory that it allocated. What is compiled or
    replayed passes no counter.
    """
    if params["who"] != "torch":
        return {"peak_bytes": peak(run)}
    if params.get("mode", "eager") != "eager":
        return {}
    with FlopCounterMode(display=False) as operations, Traffic() as traffic:
        run()
    return {"counted_flop": operations.get_total_flops(), "counted_bytes": traffic.bytes, "peak_bytes": traffic.peak}


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts the bytes that go into and out of every operator, and the most of its results that are alive at once.

    Operators that only look at their arguments otherwise touch nothing. What a kernel needs in between is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.bytes, self.peak = 0, 0
        self.results: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operator, and count unless it returns a view: its bytes, and what is there of all results."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            given = {tensor.untyped_storage()._cdata for tensor in tensors(args, kwargs)}
            self.bytes += sum(tensor.nbytes for tensor in tensors(args, kwargs, result))
            self.results = {place: kept for place, kept in self.results.items() if not kept[0].expired()}
            for storage in (tensor.untyped_storage() for tensor in tensors(result)):
                if storage._cdata not in given:
                    self.results[storage._cdata] = StorageWeakRef(storage), storage.nbytes()  # type: ignore[no-untyped-call]  # torch's
            self.peak = max(self.peak, sum(size for _, size in self.results.values()))
        return result


def tensors(*values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors within arguments or results."""
    return (value for value in tree_leaves(values) if isinstance(value, torch.Tensor))


def peak(run: Call) -> int:
    """Return the largest number of bytes that Python and NumPy had allocated during a call, beyond those before it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def beside(benchmark: Any, run: Call, other: Call, to: str) -> None:
    """Note the row's time as a multiple of another implementation's, both measured alternately."""
    if benchmark.enabled:
        benchmark.extra_info.update(ratio=asdict(ratio(run, other, to, synchronized_timer)))


def _give(benchmark: Any, times: Sequence[float]) -> None:
    """Hand the times to pytest-benchmark, which has no public way to take them."""
    stats = benchmark._make_stats(1)
    for taken in times:
        stats.update(taken)


def refuse_unsynchronized(run: Call, clock: Timer, wait: Call) -> None:
    """Raise UnsynchronizedClock if most of the work, and at least a millisecond, remains when the clock stops."""
    measured = seconds(run, clock)
    left = seconds(wait, time.perf_counter)
    if left > max(measured, LATE):
        raise UnsynchronizedClock(
            f"the clock measured {measured:.3g} s, but work continued for {left:.3g} s: it has to wait for the device"
        )
