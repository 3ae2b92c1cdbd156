"""Where a run took place, and what else ran there: versions, torch's flags, devices, other processes."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch

from benchmarks.configuration import cores
from spec_tests.report import surroundings

PACKAGES = ("torch", "torchvision", "numpy", "pytest", "pytest-benchmark", "onnx", "numpy-ml", "autograd", "scipy")
ROOT = Path(__file__).parent.parent
DISTURBED = 0.1
"""A row is flagged if other processes used more than this share of one processor's time."""


def environment() -> dict[str, Any]:
    """Return what the measurements depend on, as the running process reports it."""
    commit, modified = surroundings.commit(ROOT, (*surroundings.FILES, "benchmarks/*.py"))
    return {
        "versions": versions(),
        "flags": flags(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": surroundings.processor(),
        "cores": cores(),
        "blas": blas(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "driver": driver() if torch.cuda.is_available() else None,
        "commit": commit,
        "modified": modified,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages involved."""
    installed = {distribution.metadata["Name"].lower() for distribution in metadata.distributions()}
    found = {name: metadata.version(name) for name in PACKAGES if name in installed}
    cuda = {"cuda": str(torch.version.cuda)} if torch.cuda.is_available() else {}
    return {"python": platform.python_version(), **found, **cuda}


def flags() -> dict[str, Any]:
    """Return torch's settings that affect speed or precision, and the variables that set numbers of threads."""
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    backends: Any = torch.backends
    return {
        "cpu capability": backends.cpu.get_cpu_capability(),
        "mkldnn": bool(backends.mkldnn.enabled),
        "cudnn": backends.cudnn.version() if torch.cuda.is_available() else None,
        "cudnn.benchmark": bool(backends.cudnn.benchmark),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        **{name: os.environ[name] for name in variables if name in os.environ},
    }


def precision_flags() -> dict[str, Any]:
    """Return the current values of torch's settings that a row on a GPU may change."""
    backends: Any = torch.backends
    return {
        "float32 products": backends.cuda.matmul.fp32_precision,
        "float32 convolutions": backends.cudnn.conv.fp32_precision,
        "reduced bf16 sums": backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        "cudnn.deterministic": backends.cudnn.deterministic,
    }


def blas() -> str:
    """Return the library with which NumPy multiplies matrices."""
    build: Any = np.show_config(mode="dicts")
    found = build["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"


def driver() -> str | None:
    """Return the version of NVIDIA's driver, or None if its program is missing or fails."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.partition("\n")[0].strip() or None


class Moment(NamedTuple):
    """Readings of the clocks: seconds, and CPU seconds used by the whole machine and by this process."""

    wall: float
    busy: float
    own: float


def now() -> Moment:
    """Read the clocks."""
    machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)  # counted in user and nice as well
    return Moment(time.perf_counter(), sum(machine) - idle - guests, own.user + own.system)


class Watch:
    """Measures how much of the machine other processes use since it was created."""

    def __init__(self, read: Callable[[], Moment] = now) -> None:
        self.read, self.start = read, read()

    def processors(self) -> float | None:
        """Return how many processors others have used on average, or None if the system does not report it."""
        end = self.read()
        busy, own = end.busy - self.start.busy, end.own - self.start.own
        if busy < own / 2:  # the machine cannot have worked less than this process
            return None
        return max(busy - own, 0.0) / max(end.wall - self.start.wall, 1e-9)

    def others(self) -> float | None:
        """Return the share of all processors' time, 0 to 1, that others have used so far, or None if unknown."""
        used = self.processors()
        return None if used is None else min(used / (psutil.cpu_count() or 1), 1.0)

    def disturbed(self) -> bool | None:
        """Return whether others have used more than `DISTURBED`, or None if unknown."""
        used = self.processors()
        return None if used is None else used > DISTURBED
