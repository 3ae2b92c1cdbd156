"""Write the vectors, measure how strong they are, or compare answers with them: `command.py` says how."""

from collections.abc import Sequence
from importlib import import_module

from reference.command import needed, run

PROGRAM = "python -m spec_tests.vectors"
NEEDED = ("pytest", "hypothesis")
"""What the specification is written with: the cases are drawn from its operations."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command, or say in one line what has to be installed for it."""
    run(PROGRAM, _require_packages)
    import_module("spec_tests.vectors.command").main(argv)


def _require_packages() -> None:
    for package in NEEDED:
        needed(package, "the specification", "spec")


if __name__ == "__main__":
    main()
