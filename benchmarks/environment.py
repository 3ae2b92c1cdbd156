"""Where a run took place, and who else was there: versions, flags as torch reports them, devices, other processes."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

from benchmarks.configuration import cores

PACKAGES = ("torch", "torchvision", "numpy", "pytest", "pytest-benchmark", "onnx", "numpy-ml")
DISTURBED = 0.05
"""A row is flagged when other processes had more than this share of all processors' time."""


def environment() -> dict[str, Any]:
    """Return what the figures depend on, read back from the running process."""
    return {
        "versions": versions(),
        "flags": flags(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": processor(),
        "cores": cores(),
        "blas": blas(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "driver": _answer("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "commit": _answer("git", "rev-parse", "HEAD"),
        "modified": bool(_answer("git", "status", "--porcelain", "--untracked-files=no")),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that take part."""
    installed = {distribution.metadata["Name"].lower() for distribution in metadata.distributions()}
    found = {name: metadata.version(name) for name in PACKAGES if name in installed}
    return {"python": platform.python_version(), **found} | ({"cuda": torch.version.cuda} if torch.version.cuda else {})


def flags() -> dict[str, Any]:
    """Return torch's settings that change speed or precision, and the variables that set numbers of threads."""
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    backends: Any = torch.backends
    return {
        "cpu capability": backends.cpu.get_cpu_capability(),
        "mkldnn": bool(backends.mkldnn.enabled),
        "cudnn": backends.cudnn.version() if torch.cuda.is_available() else None,
        "cudnn.benchmark": bool(backends.cudnn.benchmark),
        "float32 products": backends.cuda.matmul.fp32_precision,
        "float32 convolutions": backends.cudnn.conv.fp32_precision,
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        **{name: os.environ[name] for name in variables if name in os.environ},
    }


def blas() -> str:
    """Return the library that NumPy multiplies matrices with."""
    import numpy as np

    build: Any = np.show_config(mode="dicts")
    found = build["Build Dependencies"]["blas"]
    return f"{found['name']} {found['version']}"


@cache
def processor() -> str:
    """Return the processor's name, as the system has it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _answer(*command: str) -> str | None:
    """Return what a program says in its first line, or None where it is missing or fails."""
    folder = Path(__file__).parent
    try:
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.strip().partition("\n")[0] or None


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

    def others(self) -> float:
        """Return the share of all processors' time, 0 to 1, that others have used so far."""
        end = self.read()
        used = (end.busy - self.start.busy) - (end.own - self.start.own)
        available = (end.wall - self.start.wall) * (psutil.cpu_count() or 1)
        return min(max(used / max(available, 1e-9), 0.0), 1.0)
