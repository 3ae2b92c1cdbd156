"""Watch a file that is being written: whenever it is saved, the next rung is tried.

    python -m spec_tests.watch my_layers.py
    python -m spec_tests.watch my_layers.py --language zh

Whatever else is given is given to every try, as `pytest spec_tests --subject my_layers.py --exercise` takes it.
"""

import sys

from reference import command
from spec_tests.__main__ import main as run


def main(arguments: list[str]) -> int:
    """Watch, or say how."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 4
    file, *rest = arguments
    return run(["--subject", file, "--exercise", "--watch", *rest])


if __name__ == "__main__":
    command.run("python -m spec_tests.watch", lambda: sys.exit(main(sys.argv[1:])))
