"""The specification as an installed distribution: used from a project of someone else's, it works and disturbs nothing.

Every run is a process of its own in a folder made for it, with a wheel of this project unpacked on Python's path.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("setuptools") is None, reason="without setuptools, no wheel is built"),
]

PROJECT = Path(__file__).parents[2]
PARTS = ("reference", "spec_tests", "pyproject.toml", "README.md", "LICENSE")
FILE = "spec_tests.test_2_4_linear"
PLUGIN = ("-p", "spec_tests.run.plugin", "--pyargs", FILE, "--subject", "reference", "-q")

CONFTEST = """
from hypothesis import settings
settings.register_profile("explore", max_examples=7)
settings.register_profile("dev", max_examples=9)
settings.load_profile("dev")

def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="theirs")
    parser.addoption("--device", default="theirs", help="theirs")
"""
INI = """
[pytest]
addopts = --strict-markers --strict-config --doctest-modules
xfail_strict = true
filterwarnings = error
python_files = check_*.py
python_functions = check_*
testpaths = checks
"""
CHECKS = '''
"""
>>> 1 + 1
2
"""
import random
import warnings

from hypothesis import settings

def check_settings(request):
    assert request.config.option.device == "theirs"
    assert (settings.default.max_examples, settings.get_profile("explore").max_examples) == (9, 7)

def check_warnings():
    try:
        warnings.warn("theirs")
    except UserWarning:
        return
    raise AssertionError

def test_of_another_name():
    assert False
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which a wheel of this project has been unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    (source := folder / "source").mkdir()
    for part in PARTS:  # a copy, because setuptools leaves its files beside what it builds
        if (PROJECT / part).is_file():
            shutil.copy(PROJECT / part, source / part)
        else:  # other processes may be writing compiled files there
            shutil.copytree(PROJECT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    built = python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source, folder=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def python(*arguments, folder, path=()):
    """Run Python in a folder, and return what came of it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(installed, tmp_path):
    """Return a function that runs Python in a project of these files."""

    def run(*arguments, files={}, path=()):  # noqa: B006  # it is only read
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return python(*arguments, folder=tmp_path, path=[*path, installed])

    return run


THEIRS = {"conftest.py": CONFTEST, "pytest.ini": INI, "checks/check_theirs.py": CHECKS}


def test_the_wheel_loads_itself_into_no_project(installed):
    (folder,) = installed.glob("*.dist-info")

    assert not (folder / "entry_points.txt").exists()


IMPORT = """
import sys, warnings
import spec_tests
assert not {"numpy", "pytest", "hypothesis", "torch"} & set(sys.modules), sorted(sys.modules)
from hypothesis import settings
import numpy, pytest  # which have filters of their own
before = settings.default, settings.get_current_profile_name(), warnings.filters[:], set(settings._profiles)
import spec_tests.run.plugin
assert before == (settings.default, settings.get_current_profile_name(), warnings.filters, set(settings._profiles))
"""


def test_to_import_the_plugin_changes_no_setting_and_no_filter(project):
    run = project("-c", IMPORT)

    assert run.returncode == 0, run.stderr


def test_it_runs_from_an_empty_folder_as_a_plugin_and_as_a_command(project, tmp_path):
    plugin = project("-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", "-p", "no:benchmark")
    command = project("-m", "spec_tests", "spec_tests/test_2_4_linear.py", "--subject", "reference", "-q")

    sentences = [run.stdout.splitlines()[-1] for run in (plugin, command)]
    assert sentences[0] == sentences[1]
    assert "kept the specification as far as it was run" in sentences[0], plugin.stdout + plugin.stderr
    assert not list(tmp_path.iterdir())


IN_TWO_PROCESSES = ("-n", "2") if find_spec("xdist") else ()
OPTIONS = [
    (),
    ("--import-mode=importlib", "-p", "no:cacheprovider"),
    pytest.param(("-n", "2"), marks=pytest.mark.skipif(find_spec("xdist") is None, reason="no pytest-xdist")),
]


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "importlib", "two processes"])
def test_a_project_runs_its_own_tests_and_the_specification_in_one_session(project, options):
    run = project("-m", "pytest", *PLUGIN, "checks", *options, "--spec-dtype", "float64", files=THEIRS)

    assert run.returncode == 0, run.stdout + run.stderr
    of_the_specification = int(re.search(r"was run: (\d+) tests passed", run.stdout)[1])
    assert f"{of_the_specification + 3} passed" in run.stdout  # a docstring and two functions
    assert "--dtype selects other formats" in run.stdout


def test_a_short_name_that_a_project_has_stays_the_projects(project):
    run = project("-m", "pytest", *PLUGIN, "checks", "--device", "mine", "--dtype", "float64", "--slow", files=THEIRS)

    assert "assert 'mine' == 'theirs'" in run.stdout
    assert (
        re.search(r"\d+ tests left out: slow: --slow includes them", run.stdout) is None
    )  # there are none in the file
    assert "--dtype selects other formats" in run.stdout


def test_the_help_names_both_forms_of_an_option(project):
    there = project("-m", "pytest", "-p", "spec_tests.run.plugin", "--help", files=THEIRS).stdout

    assert "--spec-device" in there
    assert "the same as --spec-dtype" in there
    assert "the same as --spec-device" not in there


def test_a_folder_named_spec_tests_in_the_project_is_no_matter(project):
    files = {"spec_tests/notes.txt": "theirs", "pytest.ini": "[pytest]\npythonpath = .\n"}
    run = project("-m", "pytest", *PLUGIN, "-k", "float64", files=files)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("module", [("pytest", *PLUGIN), ("spec_tests",)], ids=["plugin", "command"])
def test_another_reference_package_stops_the_run_in_one_line_with_both_paths(project, installed, tmp_path, module):
    run = project("-m", *module, path=[tmp_path], files={"reference/__init__.py": ""})

    (line,) = [line for line in (run.stderr + run.stdout).splitlines() if line.strip()]
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert str(installed / "reference" / "__init__.py") in line
    assert str(tmp_path / "reference" / "__init__.py") in line


def test_the_command_reads_nothing_of_the_folder_it_runs_in(project, tmp_path):
    files = {"conftest.py": "raise SystemExit(9)", "pytest.ini": "[pytest]\naddopts = --no-such-option\n"}

    run = project(
        "-m", "spec_tests", "--subject", "reference", "spec_tests/test_2_4_linear.py", "-k", "float64", files=files
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert {file.name for file in tmp_path.iterdir()} <= {"conftest.py", "pytest.ini"}


def test_the_command_explains_itself_in_about_20_lines(project):
    run = project("-m", "spec_tests", "--help")

    assert run.returncode == 0
    assert "Exit codes are pytest's" in run.stdout
    assert len(run.stdout.strip().splitlines()) <= 22


CHECKED = """
import warnings

import pytest
from hypothesis import settings
import spec_tests
from spec_tests.vocabulary import ledger
import reference

def right(input, weight, bias=None):
    return reference.linear(input, weight, bias)

def wrong(input, weight, bias=None):
    return reference.linear(input, weight)

def test_right(capsys):
    print("before")
    record, profile, filters = ledger._entries, settings.get_current_profile_name(), warnings.filters[:]
    result = spec_tests.check(linear=right, levels=["values"])
    assert (record, profile, filters) == (ledger._entries, settings.get_current_profile_name(), warnings.filters)
    assert capsys.readouterr().out == "before\\n"
    assert result.failed == 0 < result.passed == result.by_operation["linear"]["values"]["passed"]
    assert f"linear values: " in result.text

def test_wrong():
    with pytest.raises(spec_tests.SpecificationBroken, match="output from the subject") as caught:
        spec_tests.check(linear=wrong, levels=["values"])
    assert len(str(caught.value).splitlines()) < 65

def test_nothing():
    with pytest.raises(ValueError, match="no test counted of linear at gradients in float32"):
        spec_tests.check(linear=right, levels=["gradients"])

@pytest.mark.parametrize(("given", "error", "message"), [
    ({"linaer": right}, TypeError, "'linaer', which is neither .*: did you mean 'linear'"),
    ({"linear": 3}, TypeError, "linear is 3, of type int"),
    ({}, TypeError, "given no function"),
    ({"linear": right, "dtypes": ["fp16"]}, ValueError, "'fp16'; .*did you mean 'float16'"),
    ({"linear": right, "dtypes": "float16"}, TypeError, r"as \\['float16'\\]"),
    ({"linear": right, "levels": ["valeus"]}, ValueError, "did you mean 'values'"),
    ({"linear": right, "only": ["conv2d"]}, ValueError, "only names 'conv2d'"),
    ({"linear": right, "examples": 0}, ValueError, "examples is 0"),
])
def test_nonsense(given, error, message):
    with pytest.raises(error, match=message):
        spec_tests.check(**given)
"""


def test_a_check_of_functions_is_a_test_like_any_other(project):
    ini = "[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config\nxfail_strict = true\n"

    run = project("-m", "pytest", "-q", *IN_TWO_PROCESSES, files={"test_mine.py": CHECKED, "pytest.ini": ini})

    assert run.returncode == 0, run.stdout + run.stderr
    assert "11 passed" in run.stdout


def test_a_check_in_a_script_raises_with_the_smallest_case(project):
    script = CHECKED.partition("def test_right")[0] + "spec_tests.check(linear=wrong, levels=['values'], examples=20)"

    run = project("-c", script)

    assert run.returncode == 1
    assert "SpecificationBroken: linear values: " in run.stderr
    assert "output expected" in run.stderr
