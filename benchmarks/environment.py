"""Where a run took place, and who else was there: versions, flags as torch reports them, devices, other processes."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

from benchmarks.configuration import cores
from spec_tests.report import surroundings

PACKAGES = ("torch", "torchvision", "numpy", "pytest", "pytest-benchmark", "onnx", "numpy-ml", "autograd", "scipy")
ROOT = Path(__file__).parent.parent
DISTURBED = 0.1
"""A row is flagged when other processes had more than this share of one processor's time."""


def environment() -> dict[str, Any]:
    """Return what the figures depend on, read back from the running process."""
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
    """Return the versions of Python and of the installed packages that take part."""
    installed = {distribution.metadata["Name"].lower() for distribution in metadata.distributions()}
    found = {name: metadata.version(name) for name in PACKAGES if name in installed}
    cuda = {"cuda": str(torch.version.cuda)} if torch.cuda.is_available() else {}
    return {"python": platform.python_version(), **found, **cuda}


def flags() -> dict[str, Any]:
    """Return torch's settings that change speed or precision, and the variables that set numbers of threads."""
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
    """Return torch's settings that a row on a GPU may change, as they are now."""
    backends: Any = torch.backends
    return {
        "float32 products": backends.cuda.matmul.fp32_precision,
        "float32 convolutions": backends.cudnn.conv.fp32_precision,
        "reduced bf16 sums": backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        "cudnn.deterministic": backends.cudnn.deterministic,
    }


def blas() -> str:
    """Return the library that NumPy multiplies matrices with."""
    import numpy as np

    build: Any = np.show_config(mode="dicts")
    found = build["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"


def driver() -> str | None:
    """Return the version of NVIDIA's driver, or None where its program is missing or fails."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.partition("\n")[0].strip() or None


class Moment(NamedTuple):
    """How far the clocks had come: seconds, and CPU seconds of the machine that worked and of this process."""

    wall: float
    busy: float
    own: float


def now() -> Moment:
    """Read the clocks."""
    machine, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)  # counted in user and nice, too
    return Moment(time.perf_counter(), sum(machine) - idle - guests, own.user + own.system)


class Watch:
    """Watches, from its making on, how much of the machine other processes use."""

    def __init__(self, read: Callable[[], Moment] = now) -> None:
        self.read, self.start = read, read()

    def processors(self) -> float | None:
        """Return how many processors others have used on average, None where the system does not tell."""
        end = self.read()
        busy, own = end.busy - self.start.busy, end.own - self.start.own
        if busy < own / 2:  # the machine cannot have worked less than this process
            return None
        return max(busy - own, 0.0) / max(end.wall - self.start.wall, 1e-9)

    def others(self) -> float | None:
        """Return the share of all processors' time, 0 to 1, that others have used so far; None where nobody knows."""
        used = self.processors()
        return None if used is None else min(used / (psutil.cpu_count() or 1), 1.0)

    def disturbed(self) -> bool | None:
        """Return whether others have used more than `DISTURBED`; None where nobody knows."""
        used = self.processors()
        return None if used is None else used > DISTURBED
