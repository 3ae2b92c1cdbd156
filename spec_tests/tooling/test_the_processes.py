"""A run in two processes prints the summary of a run in one."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed"),
]

PROJECT = Path(__file__).parents[2]
FILES = ("spec_tests/test_2_1_padding.py", "spec_tests/test_2_6_1_l1_loss.py", "spec_tests/test_2_1_1_output_size.py")


def summary_of(*arguments):
    """Return what a run prints from its summary on, without pytest's own lines."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    printed = run.stdout.partition("specification ===")[2]
    assert printed, run.stdout + run.stderr
    return [line for line in printed.splitlines() if not re.search(r"^FAILED| in \d+\.\d+s", line)]


@pytest.mark.parametrize("subject", ["torch", "reference"])
def test_two_processes_print_the_summary_of_one(subject):
    options = (*FILES, "--subject", subject)

    assert summary_of(*options, "-n", "2") == summary_of(*options)


def test_a_failure_in_one_of_two_processes_is_in_the_summary():
    options = ("spec_tests/test_2_1_padding.py", "--subject", "wrong:pads_the_first_axis_first", "--tb=no")

    text = "\n".join(summary_of(*options, "-n", "2"))

    assert "broke the specification in" in text
    assert text == "\n".join(summary_of(*options))
