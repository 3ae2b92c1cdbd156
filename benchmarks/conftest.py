"""Fixtures of the benchmarks."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks import ceilings
from benchmarks.ceilings import Limits
from benchmarks.configuration import Configuration
from benchmarks.plugin import RUN
from spec_tests.contract.on_tensors import set_float32_precision


def require(device: str) -> None:
    """Skip a row on a device that is missing."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")


@pytest.fixture
def where(device: str) -> str:
    """The device of a row, if it is here; on a GPU, IEEE float32 is set."""
    require(device)
    if device == "cuda":
        set_float32_precision("ieee")
    return device


@pytest.fixture
def benchmark(benchmark: Any, pytestconfig: pytest.Config) -> Any:
    """pytest-benchmark's fixture, which knows whether anything but times is wanted."""
    benchmark.only_times = pytestconfig.option.only_times
    return benchmark


@pytest.fixture
def configuration_of_row(
    phase: str, device: str, threads: int, layout: str, precision: str, mode: str, data: str, who: str, batch: int
) -> Configuration:
    """The settings of one row; skips if this machine cannot compute it."""
    require(device)
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
def limits(request: pytest.FixtureRequest) -> Limits:
    """The ceilings of this run, measured as they are needed, and never in a smoke test."""
    config = request.config
    off = config.option.benchmark_disable or config.option.without_ceilings
    run = config.stash[RUN]
    run.limits = run.limits or Limits(enabled=not off)
    return run.limits
