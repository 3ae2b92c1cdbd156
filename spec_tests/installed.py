"""What a command needs and is not installed, or is hidden, said in one line before anything is imported that needs it.

The packages `spec_tests` and `benchmarks` ask this as they are imported, for all their commands. It imports nothing.
"""

import os
import sys
from importlib.util import find_spec
from types import TracebackType
from typing import NamedTuple

RUN = ("numpy", "pytest", "hypothesis")
"""What a run of the specification needs, and whatever reads its tests or operations."""
OPTIONAL = ("torch", "torchvision")
"""What a run uses where it is installed."""


class Needs(NamedTuple):
    """What a command needs, which extra of this distribution installs it, and the exit status if it is missing."""

    packages: tuple[str, ...] = RUN
    extra: str = "spec"
    status: int = 2


PYTEST = Needs(status=4)
"""Of commands whose exit statuses are pytest's."""

COMMANDS = {
    "spec_tests": PYTEST,
    "spec_tests.watch": PYTEST,
    "spec_tests.verdict": Needs(("numpy",)),
    "spec_tests.report": Needs((*RUN, "jsonschema"), "spec,report"),
    "spec_tests.strength.mutation": Needs((*RUN, "cosmic_ray"), "mutation"),
    "spec_tests.matrix": Needs((*RUN, "jsonschema"), "spec,report"),
    "benchmarks.report": Needs((*RUN, "jsonschema", "matplotlib"), "test"),
    "benchmarks.compare": Needs((*RUN, "jsonschema"), "test"),
    "benchmarks.data_parallel": Needs((*RUN, "psutil", "threadpoolctl", "torch"), "test"),
}
"""The commands that need something else than the packages of a run, or end otherwise."""


def require(program: str, needs: Needs = PYTEST) -> None:
    """End the process with one line if a package is missing that this program needs, or at a Ctrl-C while it loads."""
    sys.excepthook = _unless_interrupted
    missing = [name for name in needs.packages if not _is_installed(name)]
    if missing:
        line = f'{program}: error: {", ".join(missing)} not installed here: pip install "torch-by-hand[{needs.extra}]"'
        print(line, file=sys.stderr, flush=True)
        raise SystemExit(needs.status)
    if reason := hidden(needs.packages):
        print(f"{program}: error: {reason}", file=sys.stderr, flush=True)
        raise SystemExit(needs.status)


def require_for_command() -> None:
    """Do so if this process was started as `python -m COMMAND` with a command of this repository."""
    if command := _command():
        require(f"python -m {command}", COMMANDS.get(command, Needs()))


def _unless_interrupted(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Show what ends the process: a Ctrl-C in a word, and not all the modules that were just being imported."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _command() -> str:
    """Return the module of `python -m`, if it is one of ours and Python is still looking for it: `sys.argv` tells."""
    if sys.argv[:1] != ["-m"]:
        return ""
    given = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]  # up to the module's name
    module = given[-1].removeprefix("-m")
    return module if module.partition(".")[0] in ("spec_tests", "benchmarks") else ""


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # a module that was put there by hand, without a description of itself
        return True


def hidden(packages: tuple[str, ...] = RUN) -> str:
    """Return which file of the present folder is found in place of a package, as a learner's torch.py is, or ""."""
    for name in (*packages, *OPTIONAL):
        found = find_spec(name) if name not in sys.modules else None
        file = found.origin if found is not None else None
        if file and os.path.dirname(os.path.abspath(file)) == os.getcwd():
            return f"{file} hides the package {name} from Python: give it another name"
    return ""
