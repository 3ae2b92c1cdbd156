"""`python -m spec_tests.strength.time` (`spec_tests/strength/time.py`): what takes how long."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spec_tests.strength.time import ELSEWHERE, PARTS, part_of

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]


def test_the_examples_of_a_test_count_for_the_operation_that_it_is_run_for(tmp_path):
    out = tmp_path / "time.json"
    words = "test_conv_with_everyday_options_equals_the_definition or test_relu"

    command = [sys.executable, "-m", "spec_tests.strength.time", "spec_tests", "-k", words, "--out", str(out)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, encoding="utf-8", check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(out.read_text("utf-8"))
    assert {"conv1d", "conv2d", "conv3d", "relu"} <= {*figures["operations"]}
    assert all(row["tests"] and row["seconds"] for row in figures["operations"].values())
    assert figures["examples"] == pytest.approx(sum(row["examples"] for row in figures["operations"].values()), abs=9)
    assert "examples a second" in run.stdout
    if hasattr(signal, "setitimer"):
        assert {*figures["parts"]} <= {part for part, _ in PARTS} | {ELSEWHERE}
        assert sum(figures["parts"].values()) == pytest.approx(1, abs=0.01)


def test_what_a_library_does_counts_for_the_part_that_asked_for_it():
    library = {"look": lambda: part_of(sys._getframe(1))}
    exec(compile("def call(): return look()", "/lib/numpy/core.py", "exec"), library)

    assert library["call"]() == "the rest of the specification"
    exec(compile("def ask(): return call()", "/here/reference/linear.py", "exec"), library)
    assert library["ask"]() == "the references"
    assert part_of(None) == ELSEWHERE
