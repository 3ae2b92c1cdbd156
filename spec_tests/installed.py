"""What has to be installed, said in one line before anything is imported that needs it. Imports nothing itself."""

import sys
from importlib.util import find_spec

NEEDED = ("numpy", "pytest", "hypothesis")
NEEDED_BY = {"spec_tests.verdict": ("numpy",), "benchmarks.data_parallel": (*NEEDED, "torch")}
"""What a command needs that needs something else than a run."""

USAGE_ERROR = 4
"""The exit code: pytest's, for a run that cannot begin."""


def require(program: str, packages: tuple[str, ...] = NEEDED) -> None:
    """End the process with one line if a package is missing that this program needs."""
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        names = ", ".join(missing)
        print(f"{program}: error: {names} not installed here: pip install {' '.join(missing)}", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)


def require_for_command() -> None:
    """Do so if Python was started as `python -m PROGRAM` and is on its way to the program: see `sys.argv`."""
    if sys.argv[:1] == ["-m"]:
        after = sys.orig_argv[sys.orig_argv.index("-m") + 1 :] if "-m" in sys.orig_argv else []
        module = after[0] if after else "spec_tests"
        require(f"python -m {module}", NEEDED_BY.get(module, NEEDED))


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # a module that was put there by hand, without a description of itself
        return True
