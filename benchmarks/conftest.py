"""Fixtures of the benchmarks."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks import ceilings
from benchmarks.configuration import Configuration
from benchmarks.plugin import RUN
from spec_tests.contract.on_tensors import set_float32_precision


@pytest.fixture
def where(device: str) -> str:
    """The device of a row, which is skipped if it is missing; on a GPU, IEEE float32 is set."""
    if device == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device here")
        set_float32_precision("ieee")
    return device


@pytest.fixture
def benchmark(benchmark: Any, pytestconfig: pytest.Config) -> Any:
    """pytest-benchmark's fixture, which knows whether anything but times is wanted."""
    benchmark.only_times = pytestconfig.option.only_times
    if benchmark.enabled:  # `timed` measures in its place: it is no mistake if a row ends before
        benchmark._mode = "rounds that stop by this project's rule"
    return benchmark


@pytest.fixture
def configuration_of_row(
    phase: str, where: str, threads: int, layout: str, precision: str, mode: str, data: str, who: str, batch: int
) -> Iterator[Configuration]:
    """The settings of one row, with its number of threads meanwhile; skips if this machine cannot compute it."""
    if mode == "compile" and not (shutil.which("c++") or shutil.which("cc")):
        pytest.skip("torch.compile needs a C++ compiler")
    with ceilings.threads(threads):
        yield Configuration(phase, where, threads, layout, precision, mode, data, who, batch)


@pytest.fixture
def starts_processes(pytestconfig: pytest.Config) -> None:
    """Skip a test that starts processes unless --slow is given."""
    if not pytestconfig.option.spec_slow:
        pytest.skip("it starts processes: --slow runs it")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Give torch and NumPy's BLAS one thread each."""
    with ceilings.threads(1):
        yield


@pytest.fixture(scope="session")
def limits(request: pytest.FixtureRequest) -> ceilings.Limits:
    """The ceilings of this run, measured as they are needed, and never in a smoke test."""
    option, run = request.config.option, request.config.stash[RUN]
    run.limits = run.limits or ceilings.Limits(enabled=not (option.benchmark_disable or option.without_ceilings))
    found: ceilings.Limits = run.limits
    return found
