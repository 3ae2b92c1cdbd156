"""Run one code block as a script in this process: `python -m spec_tests.code_blocks.run_block FILE`.

The block finds stand-in data where it looks for CIFAR-10, below the working directory, and cannot use the network.
"""

import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from spec_tests.code_blocks import stand_in

DATA = Path("dataset")
"""Where the document's blocks keep their data: `root="./dataset"`."""


def refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Raise when anything in this process looks up a host or connects to one (an audit hook)."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError(f"a code block tried to use the network: {event}")


def install_the_stand_in() -> None:
    """Write the stand-in data set and make torchvision accept it as CIFAR-10."""
    cifar10 = import_module("torchvision.datasets").CIFAR10  # not at the top: most blocks do not need torchvision
    stand_in.write_cifar10(DATA)
    for attribute, value in stand_in.expected_files(DATA, cifar10).items():
        setattr(cifar10, attribute, value)


def main(block: Path) -> None:
    """Run the block as `python FILE` would."""
    sys.addaudithook(refuse_the_network)
    if "CIFAR10(" in block.read_text(encoding="utf-8"):
        install_the_stand_in()
    runpy.run_path(str(block), run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
