"""The default run draws the same examples: alone, among all others, in two processes, and from an installed copy.

Each run is a process of its own: what has been imported there is what the test says.
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

from spec_tests.run import draws
from spec_tests.tooling import hash_of_examples

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
FILE = "spec_tests/test_2_1_convolution.py"
PROPERTY = "test_a_stride_of_s_keeps_every_sth_output"
PARTS = ("reference", "spec_tests", "pyproject.toml", "README.md", "LICENSE")
"""Of the project, what a wheel is built from."""

needs_xdist = pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
needs_setuptools = pytest.mark.skipif(find_spec("setuptools") is None, reason="without setuptools, no wheel is built")


def python(*arguments, folder=PROJECT, path=PROJECT, **variables):
    """Run Python in a folder, with another one on its path, and return what came of it."""
    environment = {**os.environ, "PYTHONPATH": str(path), **variables}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def hashed(file, *arguments, **options):
    """Run that property; return the hashes of its cases' examples, and what the run printed."""
    plugins = ("-p", "spec_tests.tooling.hash_of_examples", "-p", "no:cacheprovider", "-q")
    command = ("-m", "pytest", *plugins, "-k", PROPERTY, *arguments)
    file.unlink(missing_ok=True)
    run = python(*command, **options, **{hash_of_examples.FILE: str(file)})
    assert run.returncode == 0, run.stdout + run.stderr
    return sorted(file.read_text(encoding="utf-8").splitlines()), run.stdout


@pytest.fixture
def hashes(tmp_path):
    """Return a function that runs that property and returns the hashes of its cases' examples."""
    return lambda *arguments, **options: hashed(tmp_path / "hashes", *arguments, **options)[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The hashes of a run of that property's file alone."""
    return hashed(tmp_path_factory.mktemp("alone") / "hashes", FILE)[0]


# The default profile


def test_each_case_of_a_property_has_examples_of_its_own(alone):
    names, counts, digests = zip(*map(str.split, alone), strict=True)

    assert len(names) == len(set(digests)) == 3  # one for each rank
    assert {3 * int(count) for count in counts} == {draws.PROFILES[draws.REPEATABLE].max_examples}


def test_the_examples_are_the_same_again_whatever_python_hashes_strings_to(alone, hashes):
    assert hashes(FILE, PYTHONHASHSEED="1") == alone


def test_the_examples_are_the_same_where_all_other_files_have_been_imported(alone, hashes):
    assert hashes("spec_tests", "benchmarks", "--benchmark-disable") == alone


@needs_xdist
def test_the_examples_are_the_same_in_two_processes(alone, hashes):
    assert hashes(FILE, "-n", "2") == alone


FORMATS = ("spec_tests/test_2_3_activation.py", "-k", "relu_equals and not gradient")
"""A property that runs in four formats, which share what is drawn."""
BACKWARDS = "def pytest_collection_modifyitems(items): items.reverse()"


def test_the_examples_are_the_same_in_the_opposite_order(hashes, tmp_path):
    (tmp_path / "backwards.py").write_text(BACKWARDS, encoding="utf-8")
    path = os.pathsep.join([str(PROJECT), str(tmp_path)])

    forwards, backwards = hashes(*FORMATS), hashes(*FORMATS, "-p", "backwards", path=path)

    assert len(forwards) == 4
    assert forwards == backwards


def test_the_examples_are_the_same_where_the_variable_ci_is_set(alone, hashes):
    assert hashes(FILE, CI="true") == alone


@needs_setuptools
def test_the_examples_are_the_same_from_an_installed_copy(alone, hashes, installed, tmp_path):
    arguments = ("-p", "spec_tests.run.plugin", "--pyargs", "spec_tests.test_2_1_convolution")

    assert hashes(*arguments, folder=tmp_path, path=installed) == alone


LITERAL = 987_654_321
DRAWN = f"""
from contextlib import nullcontext
from hypothesis import given, settings, strategies as st
import local_module
from spec_tests.run.draws import without_literals

def drawn(context):
    numbers = set()

    @settings(max_examples=1000, derandomize=True, database=None)
    @given(number=st.integers())
    def collect(number):
        numbers.add(number)

    with context:
        collect()
    return numbers

print([{LITERAL} in drawn(context) for context in (nullcontext(), without_literals(), nullcontext())])
"""


def test_literals_of_local_modules_are_drawn_elsewhere_but_not_in_the_specification(tmp_path):
    (tmp_path / "local_module.py").write_text(f"NUMBER = {LITERAL}\n", encoding="utf-8")

    run = python("-c", DRAWN, path=os.pathsep.join([str(tmp_path), str(PROJECT)]))

    elsewhere, here, afterwards = (word == "True" for word in re.findall(r"True|False", run.stdout))
    place = f"{draws.__name__}.{draws.without_literals.__name__}"
    assert elsewhere, f"Hypothesis no longer tries literals of local modules, so that {place} is not needed any more"
    assert not here, (
        f"Hypothesis has changed how it tries literals of local modules: read hypothesis/internal/conjecture/"
        f"providers.py, and leave them out again in {place}"
    )
    assert afterwards


SEEDED = """
import random
from contextlib import nullcontext
from hypothesis import given, settings, strategies as st
from spec_tests.run.draws import without_seeding

def next_numbers(context):
    numbers = set()

    @settings(max_examples=5, derandomize=True, database=None)
    @given(st.integers())
    def note(_):
        numbers.add(random.random())

    with context:
        note()
    return len(numbers)

print([next_numbers(context) for context in (nullcontext(), without_seeding(), nullcontext())])
"""


def test_global_generators_are_seeded_elsewhere_but_not_in_the_specification():
    assert python("-c", SEEDED).stdout == "[1, 5, 1]\n"


WATCHED = """
import random
from contextlib import nullcontext
from hypothesis import errors, given, settings, strategies as st
from spec_tests.run.draws import without_seeding

DATA = st.data()

def complains(context, drawn):
    @settings(max_examples=2, derandomize=True, database=None)
    @given(drawn)
    def draw(number):
        if drawn is DATA:
            number.draw(st.builds(random.random))

    with context:
        try:
            draw()
        except errors.HypothesisDeprecationWarning:
            return True
    return False

for drawn in st.builds(random.random), DATA:
    print([complains(context, drawn) for context in (nullcontext(), without_seeding(), nullcontext())])
"""


def test_strategies_are_watched_elsewhere_but_not_in_the_specification():
    assert python("-W", "error", "-c", WATCHED).stdout == "[True, False, True]\n" * 2


# Other profiles


def test_a_random_run_draws_the_same_with_the_same_seed_and_else_not(hashes, alone):
    first, again, other = (hashes(FILE, "--hypothesis-seed", seed) for seed in ("1", "1", "2"))

    assert first == again
    assert len({*map(tuple, (first, other, alone))}) == 3


@pytest.mark.parametrize("processes", [(), pytest.param(("-n", "2"), marks=needs_xdist)], ids=["one", "two"])
def test_a_random_run_without_a_seed_prints_the_options_that_repeat_it(hashes, processes, tmp_path):
    first, output = hashed(tmp_path / "first", FILE, "--hypothesis-profile", "explore", *processes)

    (options,) = re.findall(r"draw the same ones again: (--hypothesis-profile=explore --hypothesis-seed=\d+)\n", output)
    assert hashes(FILE, *options.split()) == first


def test_a_thorough_run_draws_ten_times_as_many(hashes, alone):
    thorough = hashes(FILE, "--hypothesis-profile", "thorough", "--hypothesis-seed", "1")

    for few, many in zip(alone, thorough, strict=True):
        assert int(many.split()[1]) >= 9 * int(few.split()[1])


def test_an_unknown_profile_stops_the_run_and_says_which_there_are(tmp_path):
    run = python("-m", "pytest", "-p", "spec_tests.run.plugin", "--hypothesis-profile", "nonsense", folder=tmp_path)

    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert run.stderr.splitlines() == [
        "ERROR: --hypothesis-profile nonsense: no such profile; "
        "the specification has repeatable, explore, thorough, few",
        "",
    ]


THEIRS = {
    "conftest.py": """
from hypothesis import settings
settings.register_profile("theirs", max_examples=7)
settings.register_profile("others", max_examples=8, derandomize=True)
settings.load_profile("theirs")
""",
    "test_theirs.py": """
from hypothesis import given, settings, strategies as st
from hypothesis.internal.conjecture import providers
LOADED = settings.default

@given(st.integers())
def test_of_theirs(number): pass

def test_their_settings(request):
    profile = request.config.option.hypothesis_profile or "theirs"
    assert LOADED is settings.default is settings.get_profile(profile)
    assert settings.get_current_profile_name() == profile
    assert providers._get_local_constants.__module__ == providers.__name__
""",
}


@pytest.mark.parametrize("options", [(), ("--hypothesis-profile", "others")], ids=["their own", "named"])
def test_tests_outside_the_specification_keep_their_settings(tmp_path, options):
    for name, text in THEIRS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    worked = PROJECT / "spec_tests" / "test_2_1_2_worked_convolution.py"
    command = ("-m", "pytest", "-p", "spec_tests.run.plugin", "-p", "no:cacheprovider", "--import-mode=importlib")

    run = python(*command, "--rootdir", tmp_path, *options, "test_theirs.py", worked, "test_theirs.py", folder=tmp_path)

    assert run.returncode == pytest.ExitCode.OK, run.stdout + run.stderr


# The wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which a wheel of this project has been unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    (source := folder / "source").mkdir()
    for part in PARTS:  # a copy, because setuptools leaves its files beside what it builds
        copy = shutil.copy if (PROJECT / part).is_file() else shutil.copytree
        copy(PROJECT / part, source / part)
    built = python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source, folder=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@needs_setuptools
def test_the_wheel_holds_every_file_of_the_specification_and_no_other(installed):
    def files(folder):
        found = {file for part in ("reference", "spec_tests") for file in (folder / part).rglob("*.*")}
        return {file.relative_to(folder).as_posix() for file in found if file.parent.name != "__pycache__"}

    assert files(installed) == files(PROJECT), "see [tool.setuptools.package-data] in pyproject.toml"
    assert {file.name for file in installed.iterdir() if file.suffix != ".dist-info"} == {"reference", "spec_tests"}


@needs_setuptools
def test_an_installed_copy_leaves_out_the_tests_of_the_projects_files_and_says_so(installed, tmp_path):
    options = ("-p", "spec_tests.run.plugin", "-p", "no:cacheprovider", "--slow", "--pyargs")

    run = python("-m", "pytest", *options, "spec_tests.tooling.test_readme", folder=tmp_path, path=installed)

    assert run.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert re.search(r"\d tests left out: about the files of this project, which an installed copy lacks", run.stdout)
