"""Where a run took place: the versions, the machine, the state of the project's files."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path

PACKAGES = ("numpy", "torch", "torchvision", "hypothesis", "pytest")
"""Those whose versions can change what comes out."""

FILES = ("spec_tests", "reference", "conftest.py", "pyproject.toml")
"""What a run of the specification is made of: changes elsewhere do not change it."""


def versions() -> dict[str, str]:
    """Return the version of Python and of each of the packages that is installed."""
    installed = {name: version for name in PACKAGES if (version := _version(name))}
    return {"python": platform.python_version(), **installed}


def _version(package: str) -> str | None:
    """Return what a package says of itself where it is imported: torch says there which CUDA it was built for."""
    if said := getattr(sys.modules.get(package), "__version__", None):
        return str(said)
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine(device: str = "cpu") -> str:
    """Return the system, the processor and how many there are, and the GPU that computed, if one did."""
    cpus = f"{os.cpu_count()} CPU{'s' if os.cpu_count() != 1 else ''}"
    parts = (f"{platform.system()} {platform.machine()}", processor(), cpus, _gpu(device))
    return ", ".join(part for part in parts if part)


def processor() -> str:
    """Return the processor's name, which Python knows on every system but Linux."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    named = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    name = named[1] if named else platform.processor()
    return "" if name == platform.machine() else name


def _gpu(device: str) -> str:
    return str(import_module("torch").cuda.get_device_name(device)) if device.startswith("cuda") else ""


def commit(folder: Path, files: Sequence[str] = FILES) -> tuple[str | None, bool | None]:
    """Return the commit that a folder is at, and whether these files were changed since: None where git cannot tell.

    A folder that only lies within a repository, as an unpacked archive may, is at none of its commits.
    """
    found = _git(folder, ["rev-parse", "--show-toplevel", "HEAD"])
    if found is None or not Path(found.splitlines()[0]).samefile(folder):
        return None, None
    changes = _git(folder, ["status", "--porcelain", "--", *files])
    return found.splitlines()[1], None if changes is None else bool(changes)


def _git(folder: Path, arguments: Sequence[str]) -> str | None:
    """Return what git prints, or None where there is no git, no repository or no commit. Nothing is written."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
