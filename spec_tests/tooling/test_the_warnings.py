"""A warning within this project is an error; one within a package of others, or of a deprecation, ends no run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CONFIGURATIONS = [ROOT / "pyproject.toml", ROOT / "spec_tests" / "alone.ini"]

WARNING = """
import warnings

def test_it():
    warnings.warn_explicit("it is so", {kind}, "file.py", 1, module={module!r})
"""


def passes(tmp_path, configuration, kind, module, *options):
    """Tell whether a test passes in which this module warns so."""
    file = tmp_path / "test_it.py"
    file.write_text(WARNING.format(kind=kind, module=module), encoding="utf-8")
    command = [sys.executable, "-c", "import hypothesis, pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"]
    fixed = ["-q", "-c", str(configuration), "--rootdir", str(tmp_path), "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    code = subprocess.run(
        [*command, *fixed, str(file)], cwd=tmp_path, env=environment, capture_output=True, check=False
    ).returncode
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    return code == pytest.ExitCode.OK


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda file: file.name)
@pytest.mark.parametrize(
    ("kind", "module", "expected"),
    [
        ("RuntimeWarning", "reference.loss", False),
        ("UserWarning", "spec_tests.run.plugin", False),
        ("UserWarning", "numpy", True),
        ("UserWarning", "reference_of_others", True),
        ("DeprecationWarning", "reference.loss", True),
        ("DeprecationWarning", "torch.nn", True),
    ],
)
def test_only_this_projects_own_warnings_are_errors(tmp_path, configuration, kind, module, expected):
    assert passes(tmp_path, configuration, kind, module) == expected


def test_in_continuous_integration_every_warning_is_an_error(tmp_path):
    (line,) = [line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if "PYTEST_ADDOPTS=" in line]
    assert line.endswith(' -W error"')

    assert not passes(tmp_path, CONFIGURATIONS[0], "DeprecationWarning", "torch.nn", "-W", "error")


def test_the_specification_passes_where_python_makes_errors_of_all_warnings():
    of_the_run = ["-q", "-p", "no:cacheprovider", str(ROOT / "spec_tests" / "test_2_1_1_output_size.py")]
    environment = {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *of_the_run], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert done.returncode == pytest.ExitCode.OK, done.stdout.decode(errors="replace")
