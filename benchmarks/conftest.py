"""What the benchmarks share."""

import shutil
from collections.abc import Callable, Iterator

import pytest
import torch

from benchmarks import ceilings
from benchmarks.configuration import Configuration
from benchmarks.counts import Ceiling
from benchmarks.plugin import CEILINGS

Ceilings = Callable[[str, int, str], Ceiling | None]


@pytest.fixture
def configuration_of_row(
    phase: str, device: str, threads: int, layout: str, precision: str, mode: str, data: str, who: str, batch: int
) -> Configuration:
    """One row's settings, if this machine can compute like this."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    if mode == "compile" and not (shutil.which("c++") or shutil.which("cc")):
        pytest.skip("torch.compile wants a C++ compiler")
    return Configuration(phase, device, threads, layout, precision, mode, data, who, batch)


@pytest.fixture
def threads_of_row(configuration_of_row: Configuration) -> Iterator[int]:
    """The row's threads, which torch and NumPy's BLAS have meanwhile."""
    with ceilings.threads(configuration_of_row.threads):
        yield configuration_of_row.threads


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch and NumPy's BLAS one thread each."""
    with ceilings.threads(1):
        yield


@pytest.fixture(scope="session")
def ceiling(request: pytest.FixtureRequest) -> Ceilings:
    """What a device reaches, by its name, threads and precision: measured once a run, never in a smoke test."""
    known = request.config.stash[CEILINGS]

    def measured(device: str, threads: int, precision: str) -> Ceiling | None:
        key = (device, threads, precision)
        if key not in known and not request.config.option.benchmark_disable:
            known[key] = ceilings.ceiling(*key)
        return known.get(key)

    return measured
