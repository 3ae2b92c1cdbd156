"""Hold an implementation against the installed specification, from any folder.

    python -m spec_tests --subject mykernels.py
    python -m spec_tests --subject mykernels.py -k linear --dtype float16
    python -m spec_tests spec_tests/test_2_4_linear.py --subject torch

    --subject NAME      the implementation: torch, reference, or whatever `pytest spec_tests --subject` takes
    --device DEVICE     where it computes, for example cuda (default: cpu)
    --dtype DTYPE,...   only these number formats
    --slow              also the tests that take long
    --report DIR        write a report there, a page and its data
    -k, -x, -q, -n 2    and all other options of pytest: `pytest --help`

pytest reads no conftest.py and no configuration of the folder it is started in, and loads no other plugins than
Hypothesis' and pytest-xdist; `-p NAME` loads another one. It leaves no cache behind.

Exit codes are pytest's: 0 all passed, 1 some failed, 2 interrupted, 3 an error in pytest, 4 wrong usage, 5 nothing ran.
"""

import sys
import tempfile

from reference.command import run
from spec_tests import alone


def main(arguments: list[str]) -> int:
    """Run the specification, or say how."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__)
        return 0
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        alone.environment(HYPOTHESIS_STORAGE_DIRECTORY=folder),  # instead of .hypothesis here
    ):
        return alone.run(arguments)


if __name__ == "__main__":
    run("python -m spec_tests", lambda: sys.exit(main(sys.argv[1:])))
