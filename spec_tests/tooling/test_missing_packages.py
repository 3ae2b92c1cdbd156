"""A package that is missing is named in one line by every command, with what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spec_tests import installed

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


def commands():
    """Return the modules of this repository that are run with `python -m`, by the files that say so."""
    for package in ("spec_tests", "reference", "benchmarks"):
        for file in sorted((ROOT / package).rglob("*.py")):
            inside = file.relative_to(ROOT).with_suffix("")
            if not {"printed", "tooling"} & set(inside.parts) and '__name__ == "__main__"' in file.read_text("utf-8"):
                yield ".".join(inside.parts[:-1] if inside.name == "__main__" else inside.parts)


COMMANDS = list(commands())


def without(package, tmp_path, *arguments):
    """Run Python with these arguments where a package is not installed; return the exit code and the lines printed."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n", encoding="utf-8")
    places = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **places}, capture_output=True, encoding="utf-8", check=False
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_the_commands_are_found():
    assert {"spec_tests", "spec_tests.start", "spec_tests.matrix", "reference.train", "benchmarks.report"} <= {
        *COMMANDS
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_in_one_line_that_numpy_has_to_be_installed(command, tmp_path):
    code, lines = without("numpy", tmp_path, "-m", command, "--help")

    assert code not in (0, None)
    assert len(lines) == 1, lines
    assert "error: numpy not installed here: pip install numpy" in lines[0]


@pytest.mark.parametrize("package", ["pytest", "hypothesis"])
@pytest.mark.parametrize("command", [name for name in COMMANDS if not name.startswith("reference")])
def test_what_runs_the_specification_says_in_one_line_what_it_lacks(command, package, tmp_path):
    if package not in installed.NEEDED_BY.get(command, installed.NEEDED):
        pytest.skip("it needs less")

    code, lines = without(package, tmp_path, "-m", command, "--help")

    line = f"python -m {command}: error: {package} not installed here: pip install {package}"
    assert (code, lines) == (installed.USAGE_ERROR, [line])


@pytest.mark.parametrize("package", ["numpy", "hypothesis"])
def test_pytest_itself_says_in_one_line_what_the_specification_lacks(package, tmp_path):
    code, lines = without(package, tmp_path, "-m", "pytest", "-q", str(ROOT / "spec_tests"))

    line = f"pytest spec_tests: error: {package} not installed here: pip install {package}"
    assert (code, lines) == (installed.USAGE_ERROR, [line])


def test_a_verdict_needs_numpy_alone(tmp_path):
    for package in ("pytest", "hypothesis"):
        code, lines = without(package, tmp_path, "-m", "spec_tests.verdict", "--help")

        assert code == 0, lines


@pytest.mark.parametrize(
    ("package", "module", "options"),
    [
        ("torchvision", "reference.train", ["--data", "."]),
        ("torch", "reference.train", ["--data", ".", "--implementation", "torch"]),
        ("torch", "spec_tests", ["spec_tests/test_2_4_linear.py", "-q"]),
        ("torch", "spec_tests.verdict", ["--help"]),
        ("torch", "benchmarks.report", ["none.json"]),
        ("torch", "benchmarks.compare", ["none.json", "none.json"]),
        ("torch", "benchmarks.data_parallel", []),
        ("jinja2", "spec_tests.report", ["page", "none.json", "."]),
        ("jinja2", "spec_tests.matrix", ["page", "none.json", "."]),
    ],
)
def test_no_missing_package_ends_a_command_with_a_traceback(package, module, options, tmp_path):
    _, lines = without(package, tmp_path, "-m", module, *options)

    assert not [line for line in lines if "Traceback" in line], lines
