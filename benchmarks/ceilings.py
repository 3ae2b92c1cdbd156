"""The best the machine can do, measured in the same run: the rates from which the floors are computed.

They are those of a large matrix product and a large convolution, the faster of which counts (on CPUs, the convolution),
the network's own convolutions among them, and of copies from small ones to one too large for any cache. The fastest of
several calls counts: a ceiling is what was reached once. Should a row still be faster than its floor, the ceiling is
measured again at the end of the run, and the higher one counts for all rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial, reduce
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional
from torch.utils.benchmark import timer

from benchmarks.counts import Ceiling, Work, floor
from benchmarks.environment import Watch
from benchmarks.results import row_of
from benchmarks.spread import Call, seconds
from spec_tests.contract.on_tensors import set_float32_precision

Key = tuple[Any, ...]
"""A device, its number of threads (0 on a GPU) and a precision."""

SIDES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192)}
"""The sizes of square matrices, up to the first whose product takes longer than `LONG`."""

IMAGES = {"cpu": (4, 16, 64), "cuda": (64, 256, 1024)}
SHAPES = ((64, 64, 58, 3), (32, 32, 20, 5), (32, 64, 12, 5))
"""Channels in and out, pixels, kernel: a usual convolution and the network's last two.

There is no padding, because a kernel may or may not compute products with its zeros.
"""

NUMBERS = {"cpu": tuple(4**power for power in range(6, 14)), "cuda": tuple(2**power for power in range(15, 30, 2))}
"""Float32 numbers in the copies: up to 256 MB and 2 GB, read and written."""

LONG = 0.1
"""Seconds in which every chip reaches its rate."""
BRIEF = 1e-4
TRIES = 25
"""Calls of which the fastest counts: memory shared with other virtual machines is slow at times."""
ATTEMPTS = 3


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch and NumPy's BLAS this many threads; 0 leaves their numbers as they are."""
    before = torch.get_num_threads()
    try:
        if number:
            torch.set_num_threads(number)
        with threadpool_limits(number or None):
            yield
    finally:
        torch.set_num_threads(before)


def ceiling(device: str, number_of_threads: int, precision: str) -> Ceiling:
    """Measure what a device reaches with this many threads (0 on a GPU).

    If other processes use the machine meanwhile, the measurement is repeated, and the best one counts.
    """
    if device == "cuda":
        set_float32_precision("tf32" if precision == "tf32" else "ieee")
    found = list[Ceiling]()
    with threads(number_of_threads), torch.no_grad():
        while len(found) < ATTEMPTS:
            watch = Watch()
            found.append(_measured(device, number_of_threads, precision))
            if not watch.found()["disturbed"]:
                break
    return reduce(Ceiling.better, found)


def _measured(device: str, threads: int, precision: str) -> Ceiling:
    """Return all rates."""
    kind = {"device": device, "dtype": torch.bfloat16 if precision == "bf16" else torch.float32}
    products = _fastest(partial(_matmul, kind), SIDES[device])
    convolution = max(_fastest(partial(_convolution, kind, shape), IMAGES[device]) for shape in SHAPES)
    copies = tuple(_copy(device, size) for size in NUMBERS[device])
    return Ceiling(device, threads, precision, products, convolution, copies[-1][1], copies)


def _matmul(kind: dict[str, Any], side: int) -> tuple[float, float]:
    """Return the operations of a product of square matrices, and its seconds."""
    matrix = torch.rand(side, side, **kind)
    return 2 * side**3, _least(lambda: matrix @ matrix)


def _convolution(kind: dict[str, Any], shape: tuple[int, int, int, int], images: int) -> tuple[float, float]:
    """Return the operations of a convolution, and its seconds."""
    ins, outs, pixels, kernel = shape
    input = torch.rand(images, ins, pixels, pixels, **kind).to(memory_format=torch.channels_last)
    weight = torch.rand(outs, ins, kernel, kernel, **kind).to(memory_format=torch.channels_last)
    flop = 2 * images * ins * outs * kernel**2 * (pixels - kernel + 1) ** 2
    return flop, _least(lambda: functional.conv2d(input, weight))


def _fastest(work: Callable[[int], tuple[float, float]], sizes: Iterable[int]) -> float:
    """Return the highest rate of some work at increasing sizes, up to the first that takes long."""
    rates = []
    for size in sizes:
        flop, taken = work(size)
        rates.append(flop / taken)
        if taken > LONG:
            break
    return max(rates)


def _copy(device: str, numbers: int) -> tuple[int, float]:
    """Return the bytes that a copy reads and writes, and its bytes per second."""
    source = torch.rand(numbers, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes, 2 * source.nbytes / _least(lambda: target.copy_(source))


def _least(call: Call) -> float:
    """Return the seconds of the fastest of several calls after a first one, or of a single one if that was long.

    A short call is repeated for about a tenth of a millisecond, so that reading the clock does not count.
    """
    first = seconds(call, timer)
    repeats = max(1, round(BRIEF / max(first, 1e-7)))
    return min(seconds(call, timer, repeats) for _ in range(1 if first > LONG else TRIES))


@dataclass
class Limits:
    """The ceilings of a run by device, threads and precision, each measured once, and the rows that have a floor."""

    enabled: bool
    known: dict[Key, Ceiling] = field(default_factory=dict)
    bounded: list[tuple[dict[str, Any], list[Work], Key]] = field(default_factory=list)

    def bound(self, info: dict[str, Any], work: list[Work], *key: Any) -> None:
        """Describe a row's modelled work and its floor in its `extra_info`; without ceilings, there is no floor."""
        info.update({name: sum(getattr(part, name) for part in work) for name in ("flop", "useful_flop", "bytes")})
        if self.enabled:
            self.known[key] = self.known.get(key) or ceiling(*key)
            self.bounded.append((info, work, key))
            info["floor"] = asdict(floor(work, self.known[key]))

    def settle(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Measure again the ceilings that a row exceeds; return the names of those that still do, undisturbed."""
        rows = list(rows)
        exceeding = [row["extra_info"] for row in rows if row_of(row).too_fast]
        for key in {key for info, _, key in self.bounded if any(info is one for one in exceeding)}:
            self.known[key] = self.known[key].better(ceiling(*key))
        for info, work, key in self.bounded:
            info["floor"] = asdict(floor(work, self.known[key]))
        return [row.name for row in map(row_of, rows) if row.too_fast and not row.disturbed]
