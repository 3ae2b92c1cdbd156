"""`--exercise`, the starter and `--watch`: what a student sees."""

import json
import os
import py_compile
import re
import subprocess
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from spec_tests import start
from spec_tests.contract.declaration import OPERATION_NAMES
from spec_tests.run.exercise import starter, telling
from spec_tests.run.exercise.watching import changed, parts
from spec_tests.run.exercise.words import WORDS
from spec_tests.run.language import language_of

pytestmark = pytest.mark.tooling

STUDENT = Path(__file__).with_name("students_file.txt")
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
SOME = ("conv2d", "relu", "sgd")


def exercise(file, *options, language="en"):
    """Run an exercise in a process of its own, and return it with its output as text."""
    command = [sys.executable, "-m", "spec_tests", "--subject", str(file), "--exercise", "--language", language]
    done = subprocess.run([*command, *options], capture_output=True, env=ENVIRONMENT, cwd=file.parent, check=False)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def file_of(folder, text, name="my_layers.py"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def solved(text):
    """Return a starter whose functions call the references."""
    lines, name = [], ""
    for line in text.splitlines():
        name = found[1] if (found := re.match(r"def (\w+)\(", line)) else name
        lines.append(line.replace("raise NotImplementedError", f"return reference.{name}(**locals())"))
    return "\n".join(["import reference", *lines, ""]).replace("`return", "`raise")


# The starter


@pytest.mark.parametrize("language", WORDS)
def test_a_starter_has_every_operation_in_both_languages_and_compiles(tmp_path, language):
    text = starter.starter("my_layers.py", language=language)
    file = file_of(tmp_path, text)

    py_compile.compile(str(file), cfile=str(tmp_path / "compiled"), doraise=True)
    written = set(re.findall(r"^def (\w+)\(", text, re.MULTILINE))
    assert set(starter._entries()) <= written
    assert set(starter._entries()) <= set(OPERATION_NAMES)
    assert "\nimport numpy as np\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_starter_is_never_written_over_a_file(tmp_path, capsys):
    file = file_of(tmp_path, "mine = 1\n")

    with pytest.raises(SystemExit):
        start.main([str(file)])

    assert file.read_text() == "mine = 1\n"
    assert "is there already" in capsys.readouterr().err


def test_a_starter_of_an_unknown_operation_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        start.main([str(tmp_path / "my_layers.py"), "--only", "conv2"])

    assert "did you mean 'conv2d'?" in capsys.readouterr().err


@pytest.mark.slow
def test_an_untouched_starter_has_no_points_and_says_what_to_write_first(tmp_path):
    file = file_of(tmp_path, starter.starter("my_layers.py", SOME))

    code, output = exercise(file, "--exercise-json", str(tmp_path / "result.json"))

    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert code == 5
    assert result["points"] == 0 < result["possible"]
    assert {rung["outcome"] for rung in result["rungs"]} == {"not begun"}
    assert "Next: begin conv2d (section 2.1)" in output


@pytest.mark.slow
def test_a_solved_starter_has_every_point(tmp_path):
    file = file_of(tmp_path, solved(starter.starter("my_layers.py", SOME)))

    code, output = exercise(file, "--exercise-json", str(tmp_path / "result.json"))

    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert code == 0, output
    assert result["points"] == result["possible"] > 40
    assert [entry["operation"] for entry in result["operations"]] == list(SOME)


# A student's file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "conv2d is right without dilation; with dilation 2 it is not"),
        ("zh", "conv2d：没有 dilation 时正确，dilation 为 2 时不正确"),
    ],
)
def test_a_students_file_is_led_to_its_dilation_in_one_screen(tmp_path, language, sentence):
    file = file_of(tmp_path, STUDENT.read_text(encoding="utf-8"))

    code, output = exercise(file, "--only", "conv2d", language=language)

    lines = output.splitlines()
    begin = next(i for i, line in enumerate(lines) if sentence in line)
    end = next(i for i in range(begin + 1, len(lines)) if re.match("  [^ ]", lines[i]))
    failure = "\n".join(lines[begin:end])
    assert code == 1
    assert end - begin <= 20
    assert "conv2d(input, weight, dilation=2)" in failure
    assert "input (1, 1, 3, 3)" in failure
    assert len(lines) <= 40


@pytest.mark.slow
def test_every_fault_of_a_students_file_stops_its_own_operation_alone(tmp_path):
    file = file_of(tmp_path, STUDENT.read_text(encoding="utf-8"))

    exercise(file, "--exercise-json", str(tmp_path / "result.json"))

    rungs = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["rungs"]
    wrong = {(rung["operation"], rung["level"], rung["rung"]) for rung in rungs if rung["outcome"] == "wrong"}
    assert wrong == {
        ("conv2d", "values", "dilation"),
        ("max_pool2d", "values", "padding"),
        ("cross_entropy", "values", "large numbers"),
        ("relu", "refusals", "the rest"),
    }


@pytest.mark.slow
def test_a_right_operation_is_not_blamed_for_a_wrong_one(tmp_path):
    right = "from reference import flatten, flatten_backward, linear, linear_backward\n"
    file = file_of(tmp_path, f"{right}def max_pool2d(input, kernel_size):\n    return 0 * input[..., ::2, ::2]\n")

    exercise(file, "--exercise-json", str(tmp_path / "result.json"))

    rungs = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["rungs"]
    assert {rung["operation"] for rung in rungs if rung["outcome"] == "wrong"} == {"max_pool2d"}
    assert {rung["outcome"] for rung in rungs if rung["operation"] == "linear"} == {"right"}


@pytest.mark.slow
def test_an_error_of_the_student_names_its_line(tmp_path):
    file = file_of(tmp_path, "def relu(input):\n    return input.maximum(0)\n")

    code, output = exercise(file)

    assert code == 1
    assert "AttributeError: 'numpy.ndarray' object has no attribute 'maximum'" in output
    assert "in my_layers.py, line 2" in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--subject", "reference"], "--exercise is for a file of your own"),
        (["--subject", "nowhere.py"], "there is no file nowhere.py"),
        (["--only", "linear"], "--only linear: my_layers.py does not offer it"),
    ],
)
def test_what_cannot_be_exercised_is_said_in_one_line(tmp_path, options, said):
    file = file_of(tmp_path, "def relu(input):\n    return input\n")

    code, output = exercise(file, *options)

    assert code == 4
    assert said in output
    assert len(output.split()) < 40


# The language, and watching


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LANGUAGE": "zh", "LANG": "C"}, "zh"),
    ],
)
def test_the_language_is_that_of_the_locale_unless_another_is_asked_for(monkeypatch, variables, language):
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert language_of(None) == language
    assert language_of("en") == "en"


def test_every_text_is_there_in_both_languages():
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_only_the_operations_whose_functions_have_changed_are_tried_again():
    before = parts(
        "import numpy\ndef relu(input): return 1\ndef relu_backward(g, input): return 1\ndef tanh(x): return 1"
    )

    after = {**before, "relu_backward": "other"}

    assert changed(before, after) == ("relu",)
    assert changed(before, {**before, "": "other"}) == ()
    assert changed(before, before) == ()


@pytest.mark.slow
def test_a_saved_file_is_tried_again_and_says_what_is_wrong_now(tmp_path):
    pytest.importorskip("watchfiles")
    wrong, right, sentence = "return input", "return np.maximum(input, 0)", "relu is right on numbers of either sign"
    file = file_of(tmp_path, f"import numpy as np\ndef relu(input):\n    {wrong}\n")
    command = [sys.executable, "-m", "spec_tests.watch", str(file), "--language", "en"]
    with subprocess.Popen(
        command, stdout=PIPE, stderr=DEVNULL, env=ENVIRONMENT, cwd=tmp_path, encoding="utf-8"
    ) as watching:
        try:
            assert "relu is not right yet" in said_until("Next", watching)
            begin = time.monotonic()
            time.sleep(1)  # until it watches again
            file_of(tmp_path, f"import numpy as np\ndef relu(input):\n    {right}\n")
            assert sentence in said_until(sentence, watching)
            print(f"tried again in {time.monotonic() - begin:.1f} s")
        finally:
            watching.kill()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("moment", ["Trying", "Watching"])
def test_sigterm_ends_the_watching_and_nothing_is_left_behind(tmp_path, moment):
    pytest.importorskip("watchfiles")
    psutil = pytest.importorskip("psutil")
    file, temporary = file_of(tmp_path, "def relu(input):\n    return input\n"), tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "spec_tests.watch", str(file), "--language", "en"]
    environment = {**ENVIRONMENT, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, stdout=PIPE, stderr=PIPE, env=environment, cwd=tmp_path, encoding="utf-8"
    ) as watching:
        said_until(moment, watching)
        time.sleep(0.5)
        children = psutil.Process(watching.pid).children(recursive=True)
        watching.terminate()
        assert watching.communicate(timeout=60)[1] == ""

    assert watching.returncode == 0
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert list(temporary.iterdir()) == []


def said_until(word, process):
    """Return what a process prints up to a line with this word."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


# What is said of a failure

SAYS_ONE_NUMBER = """import numpy as np
def relu(input):
    print("the shape is", input.shape)
    return np.abs(input)
"""


@pytest.mark.slow
def test_what_a_function_prints_stands_beside_the_case_that_fails(tmp_path):
    _, output = exercise(file_of(tmp_path, SAYS_ONE_NUMBER), "--only", "relu:values")

    assert "it printed: the shape is (" in output


@pytest.mark.slow
def test_a_call_that_does_not_end_has_a_hint_of_its_own(tmp_path):
    file = file_of(tmp_path, "def relu(input):\n    while True: pass\n")

    _, output = exercise(file, "--only", "relu:values", "--time-limit", "1")

    assert "relu took longer than 1 s" in output
    assert WORDS["en"]["endless"] in " ".join(output.split())


def test_a_number_far_from_right_is_told_without_its_bound_and_a_near_one_with_it():
    outside = "output: the only element lies outside its bound: got {}, exact 0.5, error {}, bound 1e-15"

    assert telling._plainly(outside.format(12.0, 11.5), "en") == "output: got 12, 0.5 is right"
    assert telling._plainly(outside.format("nan", "nan"), "en") == "output: got nan, 0.5 is right"
    assert telling._plainly(outside.format(0.500000000000003, 3e-15), "en").endswith("bound 1e-15")
