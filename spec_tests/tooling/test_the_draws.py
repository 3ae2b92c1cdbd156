"""The default run draws the same examples: alone, among all others, in two processes, and from an installed copy."""

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis.internal.conjecture import providers

from spec_tests.run import draws
from spec_tests.tooling import hash_of_examples

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
PROPERTY = "test_a_stride_of_s_keeps_every_sth_output"
PLUGINS = ("-p", "spec_tests.tooling.hash_of_examples", "-p", "no:cacheprovider", "-q")


def hashes(tmp_path, *arguments, folder=PROJECT, path=PROJECT):
    """Run pytest in a process of its own, and return the hashes of the examples of that property's cases."""
    file = tmp_path / "hashes"
    environment = {**os.environ, hash_of_examples.FILE: str(file), "PYTHONPATH": str(path)}
    command = [sys.executable, "-m", "pytest", *PLUGINS, "-k", PROPERTY, *arguments]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = sorted(file.read_text(encoding="utf-8").splitlines())
    file.unlink()
    return lines


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The hashes of a run of that property's file alone."""
    return hashes(tmp_path_factory.mktemp("alone"), "spec_tests/test_2_1_convolution.py")


def test_each_case_of_a_property_has_examples_of_its_own(alone):
    names, counts, digests = zip(*map(str.split, alone), strict=True)

    assert len(names) == len(set(digests)) == 3  # one for each rank
    assert all(int(count) >= 30 for count in counts)


def test_the_examples_are_the_same_again(alone, tmp_path):
    assert hashes(tmp_path, "spec_tests/test_2_1_convolution.py") == alone


def test_the_examples_are_the_same_where_all_other_files_have_been_imported(alone, tmp_path):
    assert hashes(tmp_path, "spec_tests", "benchmarks", "--benchmark-disable") == alone


def test_the_examples_are_the_same_in_two_processes(alone, tmp_path):
    if find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")

    assert hashes(tmp_path, "spec_tests/test_2_1_convolution.py", "-n", "2") == alone


def test_the_examples_are_the_same_where_the_variable_ci_is_set(alone, tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")

    assert hashes(tmp_path, "spec_tests/test_2_1_convolution.py") == alone


def test_the_examples_are_the_same_from_an_installed_copy(alone, installed, tmp_path):
    arguments = ("-p", "spec_tests.run.plugin", "--pyargs", "spec_tests.test_2_1_convolution")

    assert hashes(tmp_path, *arguments, folder=tmp_path, path=installed) == alone


def test_the_wheel_holds_every_file_of_the_specification(installed):
    listed = subprocess.run(["git", "ls-files", "spec_tests", "reference"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not in a checkout of git")
    texts = {"spec_tests/README.md"}

    missing = [name for name in listed.stdout.split() if not (installed / name).is_file() and name not in texts]

    assert missing == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which the wheel of this project has been unpacked."""
    if find_spec("setuptools") is None:
        pytest.skip("building a wheel needs setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    built = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_hypothesis_still_has_the_names_by_which_its_literals_are_left_out():
    for name in ("_get_local_constants", "CONSTANTS_CACHE", "Constants"):
        assert hasattr(providers, name), (
            f"Hypothesis has no {providers.__name__}.{name} any more: find out how it mixes literals of local modules "
            f"into what it draws, and leave them out again in {draws.__name__}.without_literals"
        )
    before = providers._get_local_constants

    with draws.without_literals():
        assert not any(providers._get_local_constants().set_for_type(kind) for kind in (int, float, str, bytes))

    assert providers._get_local_constants is before


def test_a_random_run_says_how_to_repeat_it_and_repeats_itself(tmp_path):
    arguments = ("spec_tests/test_2_1_convolution.py", "--hypothesis-profile", "explore", "--hypothesis-seed")

    first, again, other = (hashes(tmp_path, *arguments, seed) for seed in ("1", "1", "2"))

    assert first == again != other
