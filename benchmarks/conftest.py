"""Fixtures of the benchmarks."""

import shutil
from collections.abc import Iterator

import pytest
import torch

from benchmarks import ceilings
from benchmarks.ceilings import Ceilings
from benchmarks.configuration import Configuration
from benchmarks.counts import Ceiling
from benchmarks.plugin import CEILINGS


@pytest.fixture
def configuration_of_row(
    phase: str, device: str, threads: int, layout: str, precision: str, mode: str, data: str, who: str, batch: int
) -> Configuration:
    """The settings of one row; skips if this machine cannot compute it."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    if mode == "compile" and not (shutil.which("c++") or shutil.which("cc")):
        pytest.skip("torch.compile needs a C++ compiler")
    return Configuration(phase, device, threads, layout, precision, mode, data, who, batch)


@pytest.fixture
def threads_of_row(configuration_of_row: Configuration) -> Iterator[int]:
    """The row's number of threads, which torch and NumPy's BLAS use meanwhile."""
    with ceilings.threads(configuration_of_row.threads):
        yield configuration_of_row.threads


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch and NumPy's BLAS one thread each."""
    with ceilings.threads(1):
        yield


@pytest.fixture(scope="session")
def ceiling(request: pytest.FixtureRequest) -> Ceilings:
    """Ceilings by device, threads and precision, measured once per run and never in a smoke test."""
    known = request.config.stash[CEILINGS]

    def measured(device: str, threads: int, precision: str) -> Ceiling | None:
        key = (device, threads, precision)
        if key not in known and not request.config.option.benchmark_disable:
            known[key] = ceilings.ceiling(*key)
        return known.get(key)

    return measured
