"""The best the machine can do, measured in the same run: the rates from which the floors are computed.

They are those of a large matrix product and a large convolution, the faster of which counts (on CPUs, the convolution),
and of a copy too large for any cache. The fastest of several calls counts: a ceiling is what was reached once.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch.nn import functional

from benchmarks.counts import Ceiling
from benchmarks.environment import Watch
from benchmarks.side_by_side import seconds
from spec_tests.subjects.torch import set_float32_precision

Ceilings = Callable[[str, int, str], Ceiling | None]
"""Takes a device, its number of threads (0 on a GPU) and a precision; returns None in a smoke test."""

SIDES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192)}
"""The sizes of square matrices, up to the first whose product takes longer than `LONG`."""

IMAGES = {"cpu": (4, 16, 64), "cuda": (64, 256, 1024)}
CHANNELS = 64
PIXELS, KERNEL = 58, 3
"""There is no padding, because a kernel may or may not compute products with its zeros."""

NUMBERS = {"cpu": 2**26, "cuda": 2**29}
"""Float32 numbers in the copy: 256 MB and 2 GB, read and written."""

LONG = 0.1
"""Seconds in which every chip reaches its rate."""
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
    numbers = torch.bfloat16 if precision == "bf16" else torch.float32
    with threads(number_of_threads), torch.no_grad():
        matmul, convolution, bandwidth = map(max, zip(*_undisturbed(device, numbers), strict=True))
    return Ceiling(device, number_of_threads, precision, matmul, convolution, bandwidth)


def _undisturbed(device: str, numbers: torch.dtype) -> Iterator[tuple[float, float, float]]:
    """Yield the three rates until a measurement is undisturbed, at most a few times."""
    for _ in range(ATTEMPTS):
        watch = Watch()
        yield _matmul(device, numbers), _convolution(device, numbers), _copy(device)
        if not watch.disturbed():
            return


def _matmul(device: str, numbers: torch.dtype) -> float:
    return max(_as_long_as_short(partial(_matmul_of, device, numbers), SIDES[device]))


def _matmul_of(device: str, numbers: torch.dtype, side: int) -> tuple[float, float]:
    matrix = torch.rand(side, side, device=device, dtype=numbers)
    return 2 * side**3, _least(lambda: matrix @ matrix)


def _convolution(device: str, numbers: torch.dtype) -> float:
    return max(_as_long_as_short(partial(_convolution_of, device, numbers), IMAGES[device]))


def _convolution_of(device: str, numbers: torch.dtype, images: int) -> tuple[float, float]:
    kind: Any = {"device": device, "dtype": numbers}
    input = torch.rand(images, CHANNELS, PIXELS, PIXELS, **kind).to(memory_format=torch.channels_last)
    weight = torch.rand(CHANNELS, CHANNELS, KERNEL, KERNEL, **kind).to(memory_format=torch.channels_last)
    flop = 2 * images * CHANNELS**2 * KERNEL**2 * (PIXELS - KERNEL + 1) ** 2
    return flop, _least(lambda: functional.conv2d(input, weight))


def _as_long_as_short(work: Callable[[int], tuple[float, float]], sizes: Iterable[int]) -> Iterator[float]:
    """Yield the rates at increasing sizes, up to the first that takes long."""
    for size in sizes:
        flop, taken = work(size)
        yield flop / taken
        if taken > LONG:
            return


def _copy(device: str) -> float:
    source = torch.rand(NUMBERS[device], device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() * source.element_size() / _least(lambda: target.copy_(source))


def _least(call: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of several calls after a first one, or of a single one if that was long."""
    tries = 1 if seconds(call) > LONG else TRIES
    return min(seconds(call) for _ in range(tries))
