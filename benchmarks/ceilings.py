"""What the machine can do at best, measured in the same run: the rates that the floors are made of.

A large matrix product and a large convolution, of which the faster one counts (on CPUs that is the convolution), and a
copy that is too large for any cache. Of several calls the fastest stands: a ceiling is what was reached once.
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

SIDES = {"cpu": (256, 512, 1024, 2048), "cuda": (1024, 2048, 4096, 8192)}
"""Of the square matrices, as long as a product takes less than `LONG`."""

IMAGES = {"cpu": (4, 16, 64), "cuda": (64, 256, 1024)}
CHANNELS = 64
PIXELS, KERNEL = 58, 3
"""Without padding: of a product with zero nobody knows whether it is computed."""

NUMBERS = {"cpu": 2**26, "cuda": 2**29}
"""Of the copy: 256 MB and 2 GB of float32, read and written."""

LONG = 0.1
"""Seconds, in which any chip has reached its rate."""
TRIES = 25
"""Of which the fastest counts: memory that other machines of the same host use is slow for a while."""
ATTEMPTS = 3


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Give torch and NumPy's BLAS so many threads, 0 for as many as they have."""
    before = torch.get_num_threads()
    try:
        if number:
            torch.set_num_threads(number)
        with threadpool_limits(number or None):
            yield
    finally:
        torch.set_num_threads(before)


def ceiling(device: str, number_of_threads: int, precision: str) -> Ceiling:
    """Measure what a device reaches with so many threads (0 on a GPU).

    Where other processes take part of the machine meanwhile, it is measured again, and the best of it counts.
    """
    if device == "cuda":
        set_float32_precision("tf32" if precision == "tf32" else "ieee")
    numbers = torch.bfloat16 if precision == "bf16" else torch.float32
    with threads(number_of_threads), torch.no_grad():
        matmul, convolution, bandwidth = map(max, zip(*_undisturbed(device, numbers), strict=True))
    return Ceiling(device, number_of_threads, precision, matmul, convolution, bandwidth)


def _undisturbed(device: str, numbers: torch.dtype) -> Iterator[tuple[float, float, float]]:
    """Return the three rates, measured until nobody disturbs, a few times at most."""
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
    """Return the rates at growing sizes, up to the first that takes long."""
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
    """Return the seconds of the fastest of several calls, the first left out; of a long call only one more is made."""
    tries = 1 if seconds(call) > LONG else TRIES
    return min(seconds(call) for _ in range(tries))
