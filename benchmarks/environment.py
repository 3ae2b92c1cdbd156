"""Where a run took place, and what else ran there: versions, torch's flags, devices, other processes."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from threadpoolctl import threadpool_info

from benchmarks.configuration import cores
from spec_tests.report import surroundings

PACKAGES = ("torch", "torchvision", "numpy", "pytest", "pytest-benchmark", "onnx", "numpy-ml", "autograd", "scipy")
ROOT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that set numbers of threads."""
RESTRICTING = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE", "MKL_CBWR"),
    *("BLIS_ARCH_TYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    *("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
)
"""Variables that may keep NumPy, its BLAS or torch from the fastest kernels of the processor."""
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
TURBO = {"cpufreq/boost": "1", "intel_pstate/no_turbo": "0"}
"""Linux's files about it, and what they contain if it is on."""
DISTURBED = 0.1
"""A row is flagged if other processes used more than this share of one processor's time."""


def environment() -> dict[str, Any]:
    """Return what the measurements depend on, as the running process reports it."""
    commit, modified = surroundings.commit(ROOT, (*surroundings.FILES, "benchmarks/*.py"))
    gpu, blas = torch.cuda.is_available(), np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "versions": {**surroundings.versions(PACKAGES), **({"cuda": str(torch.version.cuda)} if gpu else {})},
        "flags": flags(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": surroundings.processor(),
        "cores": cores(),
        "blas": f"{blas['name']} {blas['version']}",
        "kernels": kernels(),
        "restricted": {name: os.environ[name] for name in RESTRICTING if name in os.environ},
        "quota": quota(),
        "turbo": turbo(),
        "device": torch.cuda.get_device_name() if gpu else None,
        "driver": driver() if gpu else None,
        "commit": commit,
        "modified": modified,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def flags() -> dict[str, Any]:
    """Return torch's settings that affect speed or precision, and the variables that set numbers of threads."""
    backends: Any = torch.backends
    return {
        "cpu capability": backends.cpu.get_cpu_capability(),
        "mkldnn": bool(backends.mkldnn.enabled),
        "cudnn": backends.cudnn.version() if torch.cuda.is_available() else None,
        "cudnn.benchmark": bool(backends.cudnn.benchmark),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        **{name: os.environ[name] for name in THREADS if name in os.environ},
    }


def kernels() -> list[str]:
    """Return each loaded BLAS with the kernel it has chosen, such as "openblas 0.3.31 SkylakeX pthreads"."""
    names = ("internal_api", "version", "architecture", "threading_layer")
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return [" ".join(str(library[name]) for name in names if library.get(name)) for library in found]


def quota(root: Path = Path("/")) -> float | None:
    """Return how many processors the control groups of this process allow it, or None without a limit.

    Those above a group limit it as well.
    """
    limits = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        base = root / "sys/fs/cgroup" / ("cpu" if "cpu" in controllers.split(",") else "")
        folder = base / group.strip("/")
        limits += [_limit(place) for place in (folder, *folder.parents) if place.is_relative_to(base)]
    return min((limit for limit in limits if limit is not None), default=None)


def _limit(group: Path) -> float | None:
    """Return the limit of one control group, of the second version ("cpu.max") or of the first."""
    words = _text(group / "cpu.max").split()
    words = words or [_text(group / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
    return int(words[0]) / int(words[1]) if len(words) == 2 and all(map(str.isdecimal, words)) else None


def turbo(folder: Path = Path("/sys/devices/system/cpu")) -> bool | None:
    """Return whether the processor may exceed its nominal clock, or None if the system does not say."""
    said = {name: _text(folder / name) for name in TURBO}
    return next((said[name] == on for name, on in TURBO.items() if said[name]), None)


def last_level_cache(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Return the bytes of the processor's largest cache, or 64 MB if the system does not say."""
    sizes = [_text(file) for file in folder.glob("index*/size")]
    return max((int(size[:-1]) * UNITS[size[-1]] for size in sizes if size[:-1].isdecimal()), default=2**26)


def _text(file: Path) -> str:
    """Return what a file of the system contains, or nothing if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


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
    not_busy = ("idle", "iowait", "guest", "guest_nice")  # guests are counted in user and nice as well
    busy = sum(machine) - sum(getattr(machine, name, 0.0) for name in not_busy)
    return Moment(time.perf_counter(), busy, own.user + own.system)


class Watch:
    """Measures how much of the machine other processes use since it was created."""

    def __init__(self, read: Callable[[], Moment] = now) -> None:
        self.read, self.start = read, read()

    def processors(self) -> float | None:
        """Return how many processors others have used on average, or None if the system does not report it."""
        wall, busy, own = (end - start for end, start in zip(self.read(), self.start, strict=True))
        if busy < own / 2:  # the machine cannot have worked less than this process
            return None
        return max(busy - own, 0.0) / max(wall, 1e-9)

    def found(self) -> dict[str, Any]:
        """Return the share of all processors' time, 0 to 1, that others have used so far, and whether it is too much.

        None if unknown.
        """
        used = self.processors()
        if used is None:
            return {"others": None, "disturbed": None}
        return {"others": min(used / (psutil.cpu_count() or 1), 1.0), "disturbed": used > DISTURBED}
