"""Implementations as others write them, held against the specification: perfect ones of one operation, and of nothing.

The files in `strangers/` import nothing of this project. Each is right in all that it offers, so that a run must not
fail on it, and must count something at each level that it can be asked at.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

HERE = Path(__file__).parent
SPECIFICATION = HERE.parent
EVERYWHERE = ("test_every_layer.py",)
FORWARD = {"values", "conventions", "contracts", "refusals"}
ALL = FORWARD | {"gradients"}

STRANGERS = {
    "relu_alone": ("relu", "test_2_3_activation.py", FORWARD),
    "conv2d_alone": ("conv2d", "test_2_1_convolution.py", ALL),
    "conv2d_on_tensors": ("conv2d", "test_2_1_convolution.py", ALL),
    "conv2d_of_a_kernel_engineer": ("conv2d", "test_2_1_convolution.py", FORWARD - {"conventions"}),
    "max_pool2d_alone": ("max_pool2d", "test_2_2_max_pooling.py", ALL),
    "linear_in_half": ("linear", "test_2_4_linear.py", {"values", "conventions", "contracts"}),
    "cross_entropy_alone": ("cross_entropy", "test_2_6_3_cross_entropy.py", ALL),
    "batch_norm_alone": ("batch_norm", "test_2_8_batch_norm.py", ALL),
    "softmax_alone": ("softmax", "test_2_3_activation.py", ALL),
    "sgd_alone": ("sgd", "test_2_7_optimizers.py", FORWARD),
}
"""Each with its operation, the file of its section, and the levels at which something must count."""


def run(subject, *arguments):
    """Run the specification on this subject in a process of its own; return its exit code and what it printed."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "--subject", str(subject)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    paths = [str(SPECIFICATION / argument) if argument.endswith(".py") else argument for argument in arguments]
    done = subprocess.run(
        [*command, *paths], cwd=SPECIFICATION.parent, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def counts(output):
    """Return by operation and level how many tests passed and how many counted, from the table of a run."""
    found = {}
    (levels,) = re.findall(r"^operation +(.*)$", output, re.MULTILINE) or [""]
    for operation, row in re.findall(r"^(\w+) {2,}((?:(?:\d[\d,]* / \d[\d,]*|–) *)+)$", output, re.MULTILINE):
        cells = re.findall(r"(\d[\d,]*) / (\d[\d,]*)|–", row)
        for level, cell in zip(levels.split(), cells, strict=True):
            found[operation, level] = tuple(int(number.replace(",", "") or 0) for number in cell)
    return found


def test_every_file_of_a_stranger_is_run():
    assert {file.stem for file in (HERE / "strangers").glob("*.py")} == set(STRANGERS)


def test_no_file_of_a_stranger_imports_anything_of_this_project():
    for file in (HERE / "strangers").glob("*.py"):
        assert not re.search(r"\b(reference|spec_tests)\b", file.read_text(encoding="utf-8")), file.name


@pytest.mark.parametrize("name", STRANGERS)
def test_a_perfect_implementation_alone_fails_nothing_and_counts_something(name):
    operation, section, levels = STRANGERS[name]

    code, output = run(HERE / "strangers" / f"{name}.py", section, *EVERYWHERE)

    assert code == 0, output
    found = counts(output)
    assert {of for of, _ in found} == {operation}, output
    assert all(passed == counted for passed, counted in found.values())
    assert {level for (_, level), (_, counted) in found.items() if counted} == levels


# Offering nothing, or nothing that is right

SOME = ("test_2_3_activation.py", "test_every_layer.py")


def all_the_same(tmp_path, body):
    """Return a file whose functions all do the same."""
    file = tmp_path / "everything.py"
    text = f"import numpy as np\n\n\ndef relu(*args, **kwargs):\n    {body}\n\n\nrelu_backward = relu\n"
    file.write_text(text, encoding="utf-8")
    return file


def test_who_offers_no_function_is_told_so_in_one_line(tmp_path):
    file = tmp_path / "empty.py"
    file.touch()

    code, output = run(file, *SOME)

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "empty.py has no function that the specification knows" in output
    assert "it has none at all" in output


def test_functions_that_are_not_implemented_count_nothing(tmp_path):
    code, output = run(all_the_same(tmp_path, "raise NotImplementedError"), *SOME)

    assert code == pytest.ExitCode.NO_TESTS_COLLECTED, output
    assert not re.search(r"\d+ (passed|failed)", output)
    assert not any(counted for _, counted in counts(output).values())


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("raise ValueError('no')", set()),
        ("return None", set()),  # that is no answer
        ("return np.zeros(())", {"contracts", "values"}),  # 0 is twice itself
    ],
)
def test_who_always_does_the_same_fails_at_every_level(tmp_path, body, passes):
    code, output = run(all_the_same(tmp_path, body), *SOME, "--only", "relu")

    assert code == pytest.ExitCode.TESTS_FAILED
    found = counts(output)
    assert {level for _, level in found} == ALL
    assert all(passed < counted for passed, counted in found.values())
    assert {level for (_, level), (passed, _) in found.items() if passed} == passes
    assert not re.search(r"claim \S+ confirmed|[1-9]\d* confirmed", output)


# What a function does beside its work harms no run

RIGHT = """
import os, sys, time, warnings
import numpy as np

def right(input):
    if input.dtype.name not in ("float32", "float64", "uint8", "int8", "int16", "int32", "int64"):
        raise TypeError("no")
    return np.where(input < 0, input.dtype.type(0), input)

kept = []

def relu(input):
"""
ALL_OF_THEM = {"every test"}


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        ("print('x' * 100_000); return right(input)", set()),
        ("print('x', file=sys.stderr); warnings.warn('x'); return right(input)", set()),
        ("np.seterr(all='raise'); return right(input)", set()),
        ("sys.setrecursionlimit(200); return right(input)", set()),
        ("os.chdir('..'); return right(input)", set()),
        ("np.random.seed(0); return right(input)", set()),
        ("sys.exit(0)", ALL_OF_THEM),
        ("raise KeyboardInterrupt", ALL_OF_THEM),
        ("import pytest; pytest.skip('no')", ALL_OF_THEM),
        ("import hypothesis; hypothesis.reject()", ALL_OF_THEM),
        ("1 / 0", ALL_OF_THEM),
        (
            "out = right(input); input[...] = 7; return out",
            {"test_no_layer_changes_its_arguments", "test_a_layer_leaves_arrays_alone_that_it_must_not_write"},
        ),
        (
            "return right(input) if input.dtype.kind != 'f' or (input < 0).any() else input",
            {
                "test_no_output_shares_memory_with_an_argument",
                "test_a_layer_that_has_nothing_to_do_returns_a_new_array_all_the_same",
            },
        ),
    ],
)
def test_what_a_function_does_beside_its_work_breaks_what_it_should(tmp_path, body, broken):
    file = tmp_path / "layers.py"
    file.write_text(f"{RIGHT}    {body}\n", encoding="utf-8")

    code, output = run(file, *SOME, "--only", "relu")

    failed = set(re.findall(r"^FAILED .*::(test_\w+)", output, re.MULTILINE))
    assert "INTERNALERROR" not in output, output
    if broken == ALL_OF_THEM:
        assert code == pytest.ExitCode.TESTS_FAILED
        assert not re.search(r"\d+ passed", output), output
    else:
        assert failed == broken, output
        assert re.search(r"\d+ passed", output), output
