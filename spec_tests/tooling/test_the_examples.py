"""The examples in C++, Rust and JavaScript: each is built and held against the vectors, and serves as a subject.

A language whose tools are not installed here is skipped, and the reason says what is missing.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.vocabulary import ledger

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BY_HAND = ROOT / "spec_tests" / "vectors" / "by_hand"

HARNESSES = {
    "cpp": ("arrays.hpp", "harness.cpp"),
    "rust": ("arrays.rs", "harness.rs"),
    "javascript": ("harness.js",),
}
"""By language, the files that do not depend on what is tested."""

WRONG = {
    "conv2d": {1, 2, 3},  # a kernel that is not symmetric under a turn by 180 degrees
    "max_pool2d": {1, 2, 3},  # every cell is negative, so that 0 is larger
    "cross_entropy": {3, 4},  # a sample is ignored
}
"""The cases by hand that show what is wrong in the wrong variants: kernels turned, maxima from 0 on, means of all."""


def needed(program, package):
    """Return the path of a program, or skip the test."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed ({package})")
    return path


def done(*words, expected=0):
    """Run a program, and return what it printed."""
    ended = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == expected, ended.stdout + ended.stderr
    return ended.stdout


def built_in_cpp(folder):
    compiler = needed("c++", "Debian: g++")
    probe = folder / "probe.cpp"
    probe.write_text("#include <nlohmann/json.hpp>\n", encoding="utf-8")
    if subprocess.run([compiler, "-std=c++17", "-E", probe], capture_output=True, check=False).returncode:
        pytest.skip("nlohmann/json.hpp is not installed (Debian: nlohmann-json3-dev)")
    for name in ("harness", "serve"):
        source = EXAMPLES / "cpp" / f"{name}.cpp"
        done(compiler, "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", source, "-o", folder / name)
    return [folder / "harness"], [folder / "serve"]


def built_in_rust(folder):
    compiler = needed("rustc", "Debian: rustc")
    for name in ("harness", "serve"):
        done(compiler, "--edition", "2021", "-D", "warnings", EXAMPLES / "rust" / f"{name}.rs", "-o", folder / name)
    return [folder / "harness"], [folder / "serve"]


def built_in_javascript(_):
    program = [needed("node", "Debian: nodejs"), EXAMPLES / "javascript" / "harness.js"]
    return program, [*program, "--serve"]


BUILT = {"cpp": built_in_cpp, "rust": built_in_rust, "javascript": built_in_javascript}


@pytest.fixture(scope="module", params=HARNESSES)
def example(request, tmp_path_factory):
    """The words that start an example's harness, and those that start it as a subject."""
    return BUILT[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    """The small set of vectors of the examples' operations."""
    folder = tmp_path_factory.mktemp("vectors") / "small"
    only = (word for operation in WRONG for word in ("--only", operation))
    done(sys.executable, "-m", "spec_tests.vectors", folder, "--small", *only)
    return folder


def failed(file):
    """Return the cases that were answered, and those of them that failed."""
    answers = json.loads(file.read_text(encoding="utf-8"))["answers"]
    answered = {name: answer["passed"] for name, answer in answers.items() if "not_offered" not in answer}
    return set(answered), {name for name, passed in answered.items() if not passed}


@pytest.mark.parametrize("language", HARNESSES)
def test_a_harness_has_at_most_100_lines(language):
    lines = [(EXAMPLES / language / file).read_text(encoding="utf-8").splitlines() for file in HARNESSES[language]]

    assert sum(map(len, lines)) <= 100
    assert all(len(line) <= 120 for file in lines for line in file)


@pytest.mark.slow
def test_a_right_example_passes_the_cases_by_hand(example, tmp_path):
    harness, _ = example

    done(*harness, BY_HAND, tmp_path / "answers.json")

    answered, wrong = failed(tmp_path / "answers.json")
    assert not wrong
    assert {name.partition("/")[0] for name in answered} == set(WRONG)


@pytest.mark.slow
def test_a_wrong_example_fails_the_cases_by_hand_that_show_its_defects(example, tmp_path):
    harness, _ = example

    printed = done(*harness, BY_HAND, tmp_path / "answers.json", "--wrong", expected=1)

    _, wrong = failed(tmp_path / "answers.json")
    assert wrong == {f"{operation}/by-hand/{number}" for operation, numbers in WRONG.items() for number in numbers}
    assert all(f"{name}: output: element 0 is " in printed for name in wrong)


@pytest.mark.slow
def test_the_answers_of_an_example_become_a_table_of_results(example, small_set, tmp_path):
    harness, _ = example
    answers = tmp_path / "answers.json"
    check = (sys.executable, "-m", "spec_tests.vectors", "check", small_set, answers)

    done(*harness, small_set, answers)
    assert "example: passed / answered" in done(*check)
    done(*harness, small_set, answers, "--wrong", expected=1)
    assert "example, wrong: passed / answered" in done(*check, expected=1)

    _, wrong = failed(answers)
    assert {name.partition("/")[0] for name in wrong} == set(WRONG)


def run(command, some):
    """Run a part of what is required of conv2d on a subject; return the exit code and what was printed."""
    file = ROOT / "spec_tests" / "test_2_1_convolution.py"
    with ledger.set_aside():
        return pytest_in_this_process("-q", str(file), "--only", "conv2d", "-k", some, "--subject", command)


@pytest.mark.slow
def test_an_example_serves_as_a_subject_and_its_wrong_variant_is_caught(example):
    _, serve = example
    command = "command: " + " ".join(f'"{word}"' for word in serve)

    code, output = run(command, "impulse_returns or definition or conv2d_refuses")
    assert code == 0, output
    code, output = run(f"{command} --wrong", "impulse_returns_the_flipped_kernel")
    assert code == 1, output
    assert "save them, from mark to mark, in a file cases.jsonl" in output
