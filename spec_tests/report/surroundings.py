"""Where a run took place: the versions, the machine, and the state of the project's files."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path

PACKAGES = ("numpy", "torch", "torchvision", "hypothesis", "pytest")
"""The packages whose versions can affect the results."""

FILES = ("spec_tests", "reference", "conftest.py", "pyproject.toml")
"""What a run of the specification depends on; changes elsewhere do not affect it."""


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages: an imported one says its own, torch's with its CUDA."""
    named = {name: str(getattr(sys.modules.get(name), "__version__", "")) for name in packages}
    return {**installed(packages), **{name: version for name, version in named.items() if version}}


def installed(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of the packages, the same ones whatever this process has imported."""
    found = {name: version for name in packages if (version := _version(name))}
    return {"python": platform.python_version(), **found}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine(device: str = "cpu") -> str:
    """Return the system, the processor, the number of CPUs, and the GPU if one was used."""
    cpus = f"{os.cpu_count()} CPU{'s' if os.cpu_count() != 1 else ''}"
    parts = (f"{platform.system()} {platform.machine()}", processor(), cpus, _gpu(device))
    return ", ".join(part for part in parts if part)


def processor() -> str:
    """Return the processor's name, which Python knows on every system except Linux."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    named = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    name = named[1] if named else platform.processor()
    return "" if name == platform.machine() else name


def _gpu(device: str) -> str:
    return str(import_module("torch").cuda.get_device_name(device)) if device.startswith("cuda") else ""


def commit(folder: Path, files: Sequence[str] = FILES) -> tuple[str | None, bool | None]:
    """Return the commit that is checked out in a folder, and whether these files differ from it; None if unknown.

    A folder that merely lies inside a repository, as an unpacked archive may, is at none of its commits.
    """
    found = _git(folder, ["rev-parse", "--show-toplevel", "HEAD"])
    if found is None or not Path(found.splitlines()[0]).samefile(folder):
        return None, None
    changes = _git(folder, ["status", "--porcelain", "--", *files])
    return found.splitlines()[1], None if changes is None else bool(changes)


def _git(folder: Path, arguments: Sequence[str]) -> str | None:
    """Return what git prints, or None without git, a repository or a commit. Nothing is written."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
